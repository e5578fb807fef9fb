pragma circom 2.2.0;

include "poseidon.circom";
include "../generated/parameters.circom";

/// MarketRules, MarketPrices: one market's row of the rules and of the prices (docs/protocol.md, section 5). Their
/// ranges were checked when they were written: by the genesis file, and by Configure and Reprice.
/// twins   src/protocol/market.ts, src/protocol/prices.ts
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
    signal until;
    signal capacity;
    signal cancelCapacity;
    signal listCapacity;
}

/// values: H_vector(W_0, ..., W_{S-1}).
bus MarketPrices {
    signal mark;
    signal funding;
    signal gross;
    signal low;
    signal high;
    signal values;
}

template MarketRulesHash() {
    input MarketRules() row;
    signal output out <== Hash(TAG_MARKET_RULES(), 14)([
        row.legs, row.tick, row.lotLimit, row.band, row.feeRate, row.feePerLot, row.rhoMin, row.rule, row.interval,
        row.state, row.until, row.capacity, row.cancelCapacity, row.listCapacity
    ]);
}

template MarketPricesHash() {
    input MarketPrices() row;
    signal output out <== Hash(TAG_MARKET_PRICES(), 6)([row.mark, row.funding, row.gross, row.low, row.high, row.values]);
}
