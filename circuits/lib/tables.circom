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

/// Group: parameters of the margin group; the last four are hashes of their parts.
/// twins   src/protocol/rules.ts
bus Group {
    signal operatorKeyX;
    signal operatorKeyY;
    signal epochLength;
    signal lag;
    signal slack;
    signal grid;
    signal greatestId;
    signal feeds;
    signal pricing;
    signal defaults;
    signal payout;
}

/// PricesMeta: under which rules and for which epoch prices were made; stale has a bit an instrument; charges, weights and history
/// are hashes.
/// twins   src/protocol/prices.ts
bus PricesMeta {
    signal rules;
    signal epoch;
    signal halted;
    signal stale;
    signal longCharges;
    signal shortCharges;
    signal weights;
    signal history;
}

/// GroupHash, PricesMetaHash: their hashes.
template GroupHash() {
    input Group() group;
    signal output out <== Hash(TAG_GROUP(), 11)([
        group.operatorKeyX, group.operatorKeyY, group.epochLength, group.lag, group.slack, group.grid, group.greatestId,
        group.feeds, group.pricing, group.defaults, group.payout
    ]);
}

template PricesMetaHash() {
    input PricesMeta() meta;
    signal output out <== Hash(TAG_PRICES_META(), 8)([
        meta.rules, meta.epoch, meta.halted, meta.stale, meta.longCharges, meta.shortCharges, meta.weights, meta.history
    ]);
}

/// OpenRules: opens the root of the rules into the group's parameters, and the hashes of ids and row hashes by market slot and
/// of row hashes by instrument, which who needs them opens.
/// proves  root = H_rules(H_group, idsHash, rowsHash, instrumentsHash)
template OpenRules() {
    signal input root;
    input Group() group;
    signal input idsHash;
    signal input rowsHash;
    signal input instrumentsHash;
    signal groupHash <== GroupHash()(group);
    signal hashed <== Hash(TAG_RULES(), 4)([groupHash, idsHash, rowsHash, instrumentsHash]);
    root === hashed;
}

/// OpenPrices: opens the root of the prices into meta, the hash of the scenarios and row hashes by market slot.
/// proves  root = H_prices(H_pricesMeta, scenarios, H_vector(rows))
template OpenPrices() {
    signal input root;
    input PricesMeta() meta;
    signal input scenarios;
    signal input rows[MARKETS()];
    signal metaHash <== PricesMetaHash()(meta);
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

/// Made: what of rules and prices decides whether the prices count: the root of the rules in force, with the group's epochLength
/// and lag; of the prices the root of the rules under which they were made, their epoch, and whether they halt.
bus Made {
    signal inForce;
    signal epochLength;
    signal lag;
    signal under;
    signal epoch;
    signal halted;
}

/// Fresh: which prices count for an entry. They were made under the rules in force, are not halted, and are of the epoch of the
/// entry, floor((time - lag) / epochLength), or, as orders have it, of one before.
/// twins   src/protocol/prices.ts (pricesFresh)
/// in      made           opened from the state: epochLength from 1 to 2^32 - 1 and lag below 2^32, as genesis and Configure have
///                        them; epoch epochLength is below 2^40, where Reprice has made the prices
///         time           below 2^40: ranged by ClockStep
/// out     exact, recent  bits: of the epoch; of it or the one before
template Fresh() {
    input Made() made;
    signal input time;
    signal output exact;
    signal output recent;
    signal sameRules <== IsEqual()(made.inForce, made.under);
    signal valid <== sameRules * (1 - made.halted);
    // Since the end of the epoch, beyond the lag.
    signal age <== time - made.lag - made.epoch * made.epochLength;
    signal begun <== NotNegative(BITS_TIME() + 1)(age);
    signal counts <== valid * begun;
    signal inEpoch <== NotNegative(BITS_TIME() + 1)(made.epochLength - 1 - age);
    signal inNext <== NotNegative(BITS_TIME() + 1)(2 * made.epochLength - 1 - age);
    exact <== counts * inEpoch;
    recent <== counts * inNext;
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

template PricesRow() {
    signal input rowHash;
    input MarketPrices() row;
    signal missing <== IsZero()(rowHash);
    signal output given <== 1 - missing;
    signal hashed <== MarketPricesHash()(row);
    given * (hashed - rowHash) === 0;
}
