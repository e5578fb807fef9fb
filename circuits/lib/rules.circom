pragma circom 2.2.0;

include "bits.circom";
include "poseidon.circom";
include "../generated/parameters.circom";

/// What the rules of a group hash beside its markets (tables.circom, market.circom): instruments, pricing, defaults. Ranges were
/// checked when they were written: by the genesis file, and by Configure.

/// Contract, Instrument: what is traded through legs, and what a position in it costs of margin.
/// twins   src/protocol/instrument.ts
bus Contract {
    signal kind;
    signal expiry;
    signal strike;
    signal forward;
    signal volatility;
}

bus Instrument {
    Contract() contract;
    signal longCharge;
    signal shortCharge;
    signal weight;
}

/// InstrumentRow: the instrument of a slot from its row hash, which is 0 for a free slot.
/// proves  given = 0 iff rowHash = 0; if given, the instrument has that hash. Without it the instrument is free: nothing that a
///         caller concludes from it may count.
/// out     given     a bit
///         contract  H_contract(kind, expiry, strike, forward, volatility), 0 of a free slot
template InstrumentRow() {
    signal input rowHash;
    input Instrument() instrument;
    signal output given;
    signal output contract;
    signal hashed <== Hash(TAG_CONTRACT(), 5)([
        instrument.contract.kind, instrument.contract.expiry, instrument.contract.strike, instrument.contract.forward,
        instrument.contract.volatility
    ]);
    signal row <== Hash(TAG_INSTRUMENT(), 4)([hashed, instrument.longCharge, instrument.shortCharge, instrument.weight]);
    signal missing <== IsZero()(rowHash);
    given <== 1 - missing;
    given * (row - rowHash) === 0;
    contract <== given * hashed;
}

/// Rows of the table of scenarios in one word, and words of a table of S rows.
function SCENARIOS_A_WORD() { return 8; }
function SCENARIO_WORDS(S) { return (S + SCENARIOS_A_WORD() - 1) \ SCENARIOS_A_WORD(); }

/// Pricing: how prices are made of reports, but for epochLength, lag and grid, which stand in the group; lowered is negated, and
/// the last two are packed tables.
/// twins   src/protocol/prices.ts (units), src/protocol/rules.ts (PRICING, ranges)
bus Pricing(S) {
    signal window;
    signal raised;
    signal lowered;
    signal leastVolatility;
    signal horizon;
    signal rangeFloor;
    signal rangeCap;
    signal fundingEvery;
    signal fundingDivisor;
    signal fundingClamp;
    signal step;
    signal markBand;
    signal tenors;
    signal scenarios[SCENARIO_WORDS(S)];
}

template PricingHash(S) {
    var W = SCENARIO_WORDS(S);
    input Pricing(S) pricing;
    signal output out;
    signal words[13 + W];
    words[0] <== pricing.window;
    words[1] <== pricing.raised;
    words[2] <== pricing.lowered;
    words[3] <== pricing.leastVolatility;
    words[4] <== pricing.horizon;
    words[5] <== pricing.rangeFloor;
    words[6] <== pricing.rangeCap;
    words[7] <== pricing.fundingEvery;
    words[8] <== pricing.fundingDivisor;
    words[9] <== pricing.fundingClamp;
    words[10] <== pricing.step;
    words[11] <== pricing.markBand;
    words[12] <== pricing.tenors;
    for (var w = 0; w < W; w++) words[13 + w] <== pricing.scenarios[w];
    out <== Hash(TAG_PRICING(), 13 + W)(words);
}

/// UnpackScenarios: the rows of the table of scenarios; no witness exists where a word has bits beyond its rows.
/// twins   src/protocol/rules.ts (scenarioWords)
/// out     move    -128 to 127
///         level   0 to 3
///         weight  0 to 127
template UnpackScenarios(S) {
    var W = SCENARIO_WORDS(S);
    signal input words[W];
    signal output move[S];
    signal output level[S];
    signal output weight[S];
    var bits = 8 + 2 + 7;
    signal parts[W][SCENARIOS_A_WORD() * bits];
    for (var w = 0; w < W; w++) {
        parts[w] <== Bits(SCENARIOS_A_WORD() * bits)(words[w]);
        for (var i = bits * (S - w * SCENARIOS_A_WORD()); i < SCENARIOS_A_WORD() * bits; i++) parts[w][i] === 0;
    }
    for (var k = 0; k < S; k++) {
        var w = k \ SCENARIOS_A_WORD();
        var at = (k % SCENARIOS_A_WORD()) * bits;
        var sum = 0;
        for (var i = 0; i < 8; i++) sum += parts[w][at + i] * (1 << i);
        move[k] <== sum - (1 << 7);
        level[k] <== parts[w][at + 8] + 2 * parts[w][at + 9];
        sum = 0;
        for (var i = 0; i < 7; i++) sum += parts[w][at + 10 + i] * (1 << i);
        weight[k] <== sum;
    }
}

/// Defaults: when an account is sold down, and how; in the order of their hash.
/// twins   src/protocol/rules.ts (units)
bus Defaults {
    signal maintenance;
    signal target;
    signal grace;
    signal slope;
    signal hold;
    signal penalty;
    signal insuranceLimit;
    signal loose;
    signal insuranceShare;
}

template DefaultsHash() {
    input Defaults() defaults;
    signal output out <== Hash(TAG_DEFAULTS(), 9)([
        defaults.maintenance, defaults.target, defaults.grace, defaults.slope, defaults.hold, defaults.penalty,
        defaults.insuranceLimit, defaults.loose, defaults.insuranceShare
    ]);
}
