pragma circom 2.2.0;

include "bits.circom";
include "market.circom";
include "poseidon.circom";
include "../generated/parameters.circom";

/// OpenVector: opens a register that holds one value a market slot, or one an instrument.
/// proves  root = H_vector(values)
template OpenVector() {
    signal input root;
    signal input values[MARKETS()];
    signal hashed <== Hash(TAG_VECTOR(), MARKETS())(values);
    root === hashed;
}

/// Group: parameters of the margin group, and PricesMeta: under which rules, for which epoch and when prices were made.
/// twins   src/protocol/market.ts
bus Group {
    signal operatorKeyX;
    signal operatorKeyY;
    signal maxAge;
}

bus PricesMeta {
    signal rules;
    signal epoch;
    signal time;
}

/// OpenRules: opens the root of the rules into the group's parameters, and the hashes of ids and row hashes by market slot,
/// which who needs them opens.
/// proves  root = H_rules(H_group, idsHash, rowsHash)
template OpenRules() {
    signal input root;
    input Group() group;
    signal input idsHash;
    signal input rowsHash;
    signal groupHash <== Hash(TAG_GROUP(), 3)([group.operatorKeyX, group.operatorKeyY, group.maxAge]);
    signal hashed <== Hash(TAG_RULES(), 3)([groupHash, idsHash, rowsHash]);
    root === hashed;
}

/// OpenPrices: opens the root of the prices into meta, the hash of the scenarios and row hashes by market slot.
/// proves  root = H_prices(H_pricesMeta, scenarios, H_vector(rows))
template OpenPrices() {
    signal input root;
    input PricesMeta() meta;
    signal input scenarios;
    signal input rows[MARKETS()];
    signal metaHash <== Hash(TAG_PRICES_META(), 3)([meta.rules, meta.epoch, meta.time]);
    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rows);
    signal hashed <== Hash(TAG_PRICES(), 3)([metaHash, scenarios, rowsHash]);
    root === hashed;
}

/// Scenarios: H_scenarios of U[k][i], the value of instrument i in scenario k.
template Scenarios(S) {
    signal input values[S][INSTRUMENTS()];
    signal output out;
    signal scenario[S];
    for (var k = 0; k < S; k++) scenario[k] <== Hash(TAG_VECTOR(), INSTRUMENTS())(values[k]);
    out <== Hash(TAG_SCENARIOS(), S)(scenario);
}

/// Fresh: prices are fresh iff they were made under the rules in force and 0 <= time - meta.time <= maxAge.
/// in      rules, meta, maxAge  opened from the state; times and maxAge are below 2^40 there
///         time                 below 2^40: ranged by ClockStep
/// out     out                  a bit
template Fresh() {
    signal input rules;
    input PricesMeta() meta;
    signal input maxAge;
    signal input time;
    signal output out;
    _ <== meta.epoch;
    signal sameRules <== IsEqual()(rules, meta.rules);
    signal notEarly <== NotNegative(BITS_TIME())(time - meta.time);
    signal notLate <== NotNegative(BITS_TIME() + 1)(meta.time + maxAge - time);
    signal inTime <== notEarly * notLate;
    out <== sameRules * inTime;
}

/// RulesRow, PricesRow: the row of a slot from its row hash, which is 0 for a free slot or a stale row.
/// proves  given = 0 iff rowHash = 0; if given, row has that hash. Without it the row is free: nothing that a caller
///         concludes from it may count.
template RulesRow() {
    signal input rowHash;
    input MarketRules() row;
    signal missing <== IsZero()(rowHash);
    signal output given <== 1 - missing;
    signal hashed <== MarketRulesHash()(row);
    given * (hashed - rowHash) === 0;
}

template PricesRow(S) {
    signal input rowHash;
    input MarketPrices(S) row;
    signal missing <== IsZero()(rowHash);
    signal output given <== 1 - missing;
    signal hashed <== MarketPricesHash(S)(row);
    given * (hashed - rowHash) === 0;
}
