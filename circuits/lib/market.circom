pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// MarketRules, MarketPrices: one market's row of the rules and of the prices (docs/protocol.md, section 5). Their
/// ranges were checked when they were written: by the genesis file, and by the circuits that change them.
/// twins   src/protocol/market.ts
bus MarketRules {
    signal legs;
    signal tick;
    signal lotLimit;
    signal band;
    signal feeRate;
    signal feePerLot;
    signal rhoMin;
    signal rule;
    signal interval;
    signal state;
    signal capacity;
    signal cancelCapacity;
    signal listCapacity;
}

bus MarketPrices(S) {
    signal mark;
    signal funding;
    signal low;
    signal high;
    signal values[S];
}

template MarketRulesHash() {
    input MarketRules() row;
    signal output out <== Hash(TAG_MARKET_RULES(), 13)([
        row.legs, row.tick, row.lotLimit, row.band, row.feeRate, row.feePerLot, row.rhoMin, row.rule, row.interval,
        row.state, row.capacity, row.cancelCapacity, row.listCapacity
    ]);
}

template MarketPricesHash(S) {
    input MarketPrices(S) row;
    signal output out;
    component h = Hash(TAG_MARKET_PRICES(), 4 + S);
    h.in[0] <== row.mark;
    h.in[1] <== row.funding;
    h.in[2] <== row.low;
    h.in[3] <== row.high;
    for (var k = 0; k < S; k++) h.in[4 + k] <== row.values[k];
    out <== h.out;
}
