pragma circom 2.2.0;

include "babyjub.circom";
include "bits.circom";
include "market.circom";
include "poseidon.circom";
include "ranges.circom";
include "rules.circom";
include "tables.circom";
include "vector.circom";
include "../generated/parameters.circom";

/// What are rules at all: each word lies in its range, so that whatever is configured, every later witness exists.
/// twins   src/protocol/rules.ts (requireRules), src/protocol/instrument.ts (requireInstruments)

/// KeyRules: a key that signs is a point of the prime subgroup and not the identity; later circuits rely on it (babyjub.circom).
/// in      key     any field elements
///         eighth  K' with key = 8 K', a point of the curve: 8 times those are the whole prime subgroup
template KeyRules() {
    signal input key[2];
    signal input eighth[2];
    signal onCurve <== OnCurve()(eighth);
    onCurve === 1;
    signal twice[2] <== Double()(eighth);
    signal fourfold[2] <== Double()(twice);
    signal whole[2] <== Double()(fourfold);
    key[0] === whole[0];
    key[1] === whole[1];
    // Of the prime subgroup only the identity has x = 0.
    NotZero()(key[0]);
}

/// GroupRules: the words of a group, but for epochLength and grid, which never change, and greatestId.
/// params  S rows of scenarios; FEEDS = 3 f + 1
/// in      pricing, defaults, feeds  opened here
///         eighths  of the keys of the feeds, then of the operator's
/// proves  Rule 1: each word lies in its range, and the lag within an epoch. Rule 2: keys are points of the prime subgroup, and no two feeds have one.
///         Rule 3: the first scenario is the mark; no move of the greatest range reaches e^4. Rule 4: maintenance is at most the
///         target, penalty at most maintenance, and insuranceLimit at
///         most 32 times the penalty.
template GroupRules(S, FEEDS) {
    assert(FEEDS >= 4 && FEEDS % 3 == 1);
    input Group() group;
    input Pricing(S) pricing;
    input Defaults() defaults;
    signal input feeds[FEEDS][2];
    signal input eighths[FEEDS + 1][2];

    _ <== group.greatestId + group.payout; // bound by Configure
    signal pricingHash <== PricingHash(S)(pricing);
    group.pricing === pricingHash;
    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;
    signal coordinates[2 * FEEDS];
    for (var f = 0; f < FEEDS; f++) {
        coordinates[2 * f] <== feeds[f][0];
        coordinates[2 * f + 1] <== feeds[f][1];
    }
    signal feedsHash <== Hash(TAG_FEEDS(), 2 * FEEDS)(coordinates);
    group.feeds === feedsHash;

    // Rule 1.
    Range(32)(group.lag);
    Range(32)(group.epochLength - group.lag);
    Within(0, 64)(group.slack);
    Positive(32)(pricing.window);
    Range(32)(group.grid - pricing.window);
    Range(32 + WIDTH(MOST_EPOCHS()))(MOST_EPOCHS() * group.epochLength - pricing.window);
    Within(0, 64)(pricing.raised);
    Within(0, 32)(pricing.lowered);
    Range(OPTION_LEAST_VOLATILITY())(pricing.leastVolatility);
    Positive(32)(pricing.horizon);
    Positive(OPTION_RANGE())(pricing.rangeFloor);
    Range(OPTION_RANGE())(pricing.rangeCap);
    Range(OPTION_RANGE())(pricing.rangeCap - pricing.rangeFloor);
    Within(1, MOST_EPOCHS())(pricing.fundingEvery);
    Positive(32)(pricing.fundingDivisor);
    Within(0, 1 << 16)(pricing.fundingClamp);
    Within(1, 1 << 16)(pricing.step);
    Range(16)(pricing.markBand);
    Range(8 * TENORS())(pricing.tenors);
    Within(1, MOST_MAINTENANCE())(defaults.maintenance);
    Within(1, MOST_DEFAULTS())(defaults.target);
    Range(32)(defaults.grace);
    Positive(32)(defaults.slope);
    Range(32)(defaults.hold);
    Range(16)(defaults.insuranceLimit);
    Range(BITS_AMOUNT())(defaults.loose);
    Within(0, 1 << 16)(defaults.insuranceShare);

    // Rule 4.
    Range(WIDTH(MOST_DEFAULTS()))(defaults.target - defaults.maintenance);
    Range(WIDTH(MOST_MAINTENANCE()))(defaults.maintenance - defaults.penalty);
    // With this no penalty is below 0.
    Range(WIDTH(32 * MOST_MAINTENANCE()))(32 * defaults.penalty - defaults.insuranceLimit);

    // Rule 3.
    component rows = UnpackScenarios(S);
    rows.words <== pricing.scenarios;
    signal farthest[S];
    for (var k = 0; k < S; k++) {
        Within(0, 2 * MOST_MOVES())(rows.move[k] + MOST_MOVES());
        Within(0, 2)(rows.level[k]);
        Within(0, 64)(rows.weight[k]);
        farthest[k] <== rows.move[k] * pricing.rangeCap;
        Within(0, 2 * MOST_MOVE() - 2)(farthest[k] + MOST_MOVE() - 1);
    }
    rows.move[0] === 0;
    rows.level[0] === 0;

    // Rule 2.
    for (var f = 0; f < FEEDS; f++) KeyRules()(feeds[f], eighths[f]);
    KeyRules()([group.operatorKeyX, group.operatorKeyY], eighths[FEEDS]);
    signal sameX[FEEDS * (FEEDS - 1) \ 2];
    signal sameY[FEEDS * (FEEDS - 1) \ 2];
    var pairs = 0;
    for (var f = 1; f < FEEDS; f++) {
        for (var g = 0; g < f; g++) {
            sameX[pairs] <== IsEqual()(feeds[f][0], feeds[g][0]);
            sameY[pairs] <== IsEqual()(feeds[f][1], feeds[g][1]);
            sameX[pairs] * sameY[pairs] === 0;
            pairs++;
        }
    }
}

/// InstrumentWords: the words of one instrument.
/// in      grid  from 1 to 2^32 - 1: of the rules
/// proves  Rule 6: kind, expiry, strike, charges and weight are in their ranges; a perpetual has no expiry, any other has one that
///         is a multiple of the grid; an option has a strike, and what is none has none, and names nothing.
/// out     perpetual, future, option  bits of which one is 1
template InstrumentWords() {
    input Instrument() instrument;
    signal input grid;
    signal output perpetual <== IsEqual()(instrument.contract.kind, INSTRUMENT_KIND_PERPETUAL());
    signal output future <== IsEqual()(instrument.contract.kind, INSTRUMENT_KIND_FUTURE());
    signal call <== IsEqual()(instrument.contract.kind, INSTRUMENT_KIND_CALL());
    signal put <== IsEqual()(instrument.contract.kind, INSTRUMENT_KIND_PUT());
    signal output option <== call + put;
    perpetual + future + option === 1;

    Range(BITS_TIME())(instrument.contract.expiry);
    signal undated <== IsZero()(instrument.contract.expiry);
    undated === perpetual;
    // Hint, then bind: grid is not 0 and the product does not wrap, so that there is one quotient at most.
    signal quotient <-- instrument.contract.expiry \ grid;
    Range(BITS_TIME())(quotient);
    instrument.contract.expiry === quotient * grid;

    Range(BITS_PRICE())(instrument.contract.strike);
    signal strikeless <== IsZero()(instrument.contract.strike);
    strikeless === 1 - option;
    (1 - option) * instrument.contract.forward === 0;
    (1 - option) * instrument.contract.volatility === 0;
    Range(BITS_CHARGE())(instrument.longCharge);
    Range(BITS_CHARGE())(instrument.shortCharge);
    Positive(BITS_WEIGHT())(instrument.weight);
}

/// OptionNames: what an option is valued by.
/// in      option, expiry, forward, volatility  of the instrument; option is a bit
///         perpetual                   whether slot 0 has one; futures, options: by slot whether it has one; bits
///         expiries, volatilities      by slot
/// proves  Rule 7: an option names as its forward the slot of a perpetual, or of a future of equal expiry; and as its volatility
///         its own slot, or that of an option of equal expiry which names its own.
template OptionNames() {
    signal input option;
    signal input expiry;
    signal input forward;
    signal input volatility;
    signal input perpetual;
    signal input futures[INSTRUMENTS()];
    signal input options[INSTRUMENTS()];
    signal input expiries[INSTRUMENTS()];
    signal input volatilities[INSTRUMENTS()];

    signal under[INSTRUMENTS()] <== OneHotOf(BITS_SLOT())(forward);
    signal onFuture <== Pick(INSTRUMENTS())(under, futures);
    signal underExpiry <== Pick(INSTRUMENTS())(under, expiries);
    signal onPerpetual <== under[0] * perpetual;
    option * (1 - onPerpetual - onFuture) === 0;
    signal dated <== option * onFuture;
    dated * (underExpiry - expiry) === 0;

    signal marked[INSTRUMENTS()] <== OneHotOf(BITS_SLOT())(volatility);
    signal byOption <== Pick(INSTRUMENTS())(marked, options);
    signal markedExpiry <== Pick(INSTRUMENTS())(marked, expiries);
    signal markedVolatility <== Pick(INSTRUMENTS())(marked, volatilities);
    option * (1 - byOption) === 0;
    option * (markedExpiry - expiry) === 0;
    option * (markedVolatility - volatility) === 0;
}

/// InstrumentRules: all instruments.
/// in      instruments  by slot; given: bits
///         grid         of the rules
/// proves  beside the rules of its parts, Rule 8: a perpetual stands in slot 0 only.
/// out     dated        by slot, whether or not it is given: it is no perpetual
///         futures      it is given, and a future
///         ends         expiries, or of a perpetual a time that none is after
template InstrumentRules() {
    input Instrument() instruments[INSTRUMENTS()];
    signal input given[INSTRUMENTS()];
    signal input grid;
    signal output dated[INSTRUMENTS()];
    signal output futures[INSTRUMENTS()];
    signal output ends[INSTRUMENTS()];
    component words[INSTRUMENTS()];
    signal options[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        words[i] = InstrumentWords();
        words[i].instrument <== instruments[i];
        words[i].grid <== grid;
        // Rule 8.
        if (i > 0) words[i].perpetual === 0;
        dated[i] <== 1 - words[i].perpetual;
        futures[i] <== given[i] * words[i].future;
        options[i] <== given[i] * words[i].option;
        ends[i] <== instruments[i].contract.expiry + words[i].perpetual * ((1 << BITS_TIME()) - 1);
    }
    signal perpetual <== given[0] * words[0].perpetual;
    component names[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        names[i] = OptionNames();
        names[i].option <== words[i].option;
        names[i].expiry <== instruments[i].contract.expiry;
        names[i].forward <== instruments[i].contract.forward;
        names[i].volatility <== instruments[i].contract.volatility;
        names[i].perpetual <== perpetual;
        names[i].futures <== futures;
        names[i].options <== options;
        for (var j = 0; j < INSTRUMENTS(); j++) {
            names[i].expiries[j] <== instruments[j].contract.expiry;
            names[i].volatilities[j] <== instruments[j].contract.volatility;
        }
    }
}

/// MarketWords: the words of one market.
/// in      row
///         instrumentGiven  by slot, bits
///         ends             expiries, or, where there is none, a time that none is after; below 2^40
/// proves  Rule 9: each word lies in its range. Rule 10: legs are in instruments that are there, and `until` is no later than any
///         of them expires.
/// out     legs[i]          a bit: whether it has a leg in instrument i
template MarketWords() {
    input MarketRules() row;
    signal input instrumentGiven[INSTRUMENTS()];
    signal input ends[INSTRUMENTS()];
    signal output legs[INSTRUMENTS()];

    // Rule 9.
    Positive(BITS_TICK())(row.tick);
    Positive(BITS_SIZE())(row.lotLimit);
    Range(BITS_PRICE())(row.band);
    Within(0, FEE_DENOMINATOR())(row.feeRate);
    Range(BITS_FEE_PER_LOT())(row.feePerLot);
    Positive(BITS_RHO_MIN())(row.rhoMin);
    Within(RULE_AUCTION(), RULE_MIDPOINT())(row.rule);
    Positive(BITS_TICK())(row.interval);
    Within(MARKET_STATE_OPEN(), MARKET_STATE_HALTED())(row.state);
    Range(BITS_TIME())(row.until);
    Within(1, MOST_CAPACITY())(row.capacity);
    Within(1, (1 << BITS_COUNT()) - 1 - DEFAULT_CANCELS())(row.cancelCapacity);
    Positive(BITS_COUNT())(row.listCapacity);

    // Rule 10.
    signal bits[INSTRUMENTS() * (BITS_LEG() + 1)] <== Bits(INSTRUMENTS() * (BITS_LEG() + 1))(row.legs);
    signal none[INSTRUMENTS()];
    signal left[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var leg = -(1 << BITS_LEG());
        for (var j = 0; j <= BITS_LEG(); j++) leg += bits[i * (BITS_LEG() + 1) + j] * (1 << j);
        none[i] <== IsZero()(leg);
        legs[i] <== 1 - none[i];
        legs[i] * (1 - instrumentGiven[i]) === 0;
        left[i] <== legs[i] * (ends[i] - row.until);
        Range(BITS_TIME())(left[i]);
    }
}

/// FitsTransaction: a clear of a market and its settlement at worst fit one transaction.
/// twins   src/protocol/transaction.ts (worstClear, fitsTransaction)
/// params  depth of the account tree; slots of clear and settle
/// in      capacity, cancelCapacity, listCapacity  below 2^16
template FitsTransaction(depth, clear, settle) {
    signal input capacity;
    signal input cancelCapacity;
    signal input listCapacity;
    signal cancels <== cancelCapacity + listCapacity + DEFAULT_CANCELS();
    signal quarter <== Multiples(WIDTH(4), BITS_COUNT())(4, capacity);
    signal entries <== capacity + quarter + DEFAULT_ENTRIES();
    signal sweeps <== Multiples(WIDTH(SWEEP_ALL_CANCELS()), BITS_COUNT())(SWEEP_ALL_CANCELS(), cancels);
    signal walks <== Multiples(WIDTH(clear), BITS_COUNT())(clear, entries);
    signal settles <== Multiples(WIDTH(settle), BITS_COUNT() + 1)(settle, entries + 1);
    signal proofs <== sweeps * walks + settles;
    signal accounts;
    if (2 * depth >= BITS_COUNT()) {
        accounts <== entries + 1;
    } else {
        signal few <== AtMost(BITS_COUNT() + 1)(entries + 1, 1 << (2 * depth));
        accounts <== Select()(few, entries + 1, 1 << (2 * depth));
    }
    // Both terms are below 2^40 and at least 0.
    Range(WIDTH(MOST_BYTES()))(MOST_BYTES() - PROOF_BYTES() * proofs - ACCOUNT_BYTES() * accounts);
    Range(WIDTH(MOST_GAS()))(MOST_GAS() - PROOF_GAS() * proofs - ACCOUNT_GAS() * accounts);
}
