pragma circom 2.2.0;

include "bits.circom";
include "fixed.circom";
include "market.circom";
include "optionValue.circom";
include "poseidon.circom";
include "rules.circom";
include "vector.circom";
include "../generated/parameters.circom";

/// How medians make prices of the prices before (docs/protocol.md, section 9). All words of rules have the ranges that
/// src/protocol/rules.ts (requireRules) keeps, as genesis and Configure check; what is of the prices before has those that this
/// file gives it.
/// twins   src/protocol/prices.ts

/// Step: which step of history an epoch is. At most one of first and same is 1.
///     first   there were no prices
///     same    of the epoch of the prices before, under other rules
///     next    neither
bus Step {
    signal first;
    signal same;
    signal next;
}

/// Clamped: max(-bound, min(bound, in)).
/// in      -2^n <= in +- bound < 2^n, bound >= 0; no witness exists otherwise
template Clamped(n) {
    signal input in;
    signal input bound;
    signal output out;
    signal notBelow <== NotNegative(n)(in + bound);
    signal notAbove <== NotNegative(n)(bound - in);
    signal raised <== (1 - notBelow) * (in + bound);
    signal lowered <== (1 - notAbove) * (in - bound);
    out <== in - raised - lowered;
}

/// Lesser, Greater: of two numbers with -2^n <= a - b < 2^n; no witness exists otherwise.
template Lesser(n) {
    signal input a;
    signal input b;
    signal over <== NotNegative(n)(a - b);
    signal output out <== Select()(over, b, a);
}

template Greater(n) {
    signal input a;
    signal input b;
    signal over <== NotNegative(n)(a - b);
    signal output out <== Select()(over, a, b);
}

/// NextRange: a 24th of the range of moves, 2^-24.
/// twins   src/protocol/prices.ts (nextRange, sameHistory)
/// in      before   of the prices before, below 2^26: this template, or 0 where there are none
///         epochs   since then, below 2^40, ranged here; 0 in the same epoch
///         isFirst, isNext   bits, of Step
///         sigma    below 2^40
///         horizon, floor, cap   of the rules: below 2^32, 2^26, 2^26, and floor <= cap
/// out     out      max(floor, min(cap, horizon sigma / 2^24, before (5/4)^min(epochs, 16))), without the last at first, and with it
///                  alone in the same epoch, where it is `before`
template NextRange() {
    signal input before;
    signal input epochs;
    signal input isFirst;
    signal input isNext;
    signal input sigma;
    signal input horizon;
    signal input floor;
    signal input cap;
    signal output out;
    // before 5^rises 4^(16 - rises) / 4^16. Of up to 15 rises each bit has a factor; 2^26 5^16 < 2^64.
    signal bits[BITS_TIME()] <== Bits(BITS_TIME())(epochs);
    var beyond = 0;
    for (var i = 4; i < BITS_TIME(); i++) beyond += bits[i];
    signal few <== IsZero()(beyond);
    signal power[4];
    for (var i = 0; i < 4; i++) {
        var n = 1 << i;
        var factor = 4 ** n + bits[i] * (5 ** n - 4 ** n);
        if (i == 0) power[0] <== 4 * factor;
        else power[i] <== power[i - 1] * factor;
    }
    signal rise <== Select()(few, power[3], 5 ** 16);
    signal product <== before * rise;
    signal risen <== Floored(64, 32)(product);
    // horizon sigma < 2^72
    signal reached <== horizon * sigma;
    signal fresh <== Floored(BITS_REPORTED() + 32, FIXED_FRACTION())(reached);
    signal notOver <== NotNegative(BITS_REPORTED() + 8)(risen - fresh);
    signal counts <== notOver * isNext;
    signal wanted <== Select()(isFirst + counts, fresh, risen);
    signal capped <== Lesser(BITS_REPORTED() + 8)(wanted, cap);
    out <== Greater(OPTION_RANGE())(capped, floor);
}

/// Moved: 1 if an index moved by more than a step: |index - before| 2^16 > step before.
/// in      index, before   below 2^40; step   at most 2^16
template Moved() {
    signal input index;
    signal input before;
    signal input step;
    signal output out;
    signal notBelow <== NotNegative(BITS_REPORTED())(index - before);
    signal distance <== (2 * notBelow - 1) * (index - before);
    signal allowed <== step * before;
    signal within <== NotNegative(BITS_REPORTED() + 17)(allowed - distance * (1 << 16));
    out <== 1 - within;
}

/// NextFunding: cumulative funding after one more payment, and what of it is no whole unit.
/// twins   src/protocol/prices.ts (nextFunding)
/// in      funding, rest   |funding| < 2^40, 0 <= rest < 2^32: this template, or 0
///         index, premium  below 2^40
///         clamp, divisor  of the rules: at most 2^16; 1 to 2^32 - 1
/// out     fundingAfter, restAfter   the same ranges
template NextFunding() {
    signal input funding;
    signal input rest;
    signal input index;
    signal input premium;
    signal input clamp;
    signal input divisor;
    signal output fundingAfter;
    signal output restAfter;
    var n = BITS_REPORTED();
    signal none <== IsZero()(premium);
    signal scaled <== clamp * index;
    signal bound <== Floored(n + 16, 16)(scaled);
    signal paid <== Clamped(n + 1)(premium - (1 - none) * (1 << (n - 1)), bound);
    signal whole <== QuotientFloor(n + 1, 32)(paid + rest, divisor);
    restAfter <== paid + rest - whole * divisor;
    fundingAfter <== Clamped(n + 2)(funding + whole, (1 << n) - 1);
}

/// NearIndex: a mark within the band around the index.
/// twins   src/protocol/prices.ts (nearIndex)
/// in      mark, index   below 2^40; band   of the rules, below 2^16
/// out     out           below 2^40
template NearIndex() {
    signal input mark;
    signal input index;
    signal input band;
    signal output out;
    signal scaled <== band * index;
    signal bound <== Floored(BITS_REPORTED() + 16, 16)(scaled);
    signal distance <== Clamped(BITS_REPORTED() + 1)(mark - index, bound);
    out <== index + distance;
}

/// Kind: what an instrument is; of a free slot nothing.
/// in      given  a bit; kind   INSTRUMENT_KIND where given: 1 to 4, a perpetual, a future, a call, a put
/// out     bits; isPut only where isOption
template Kind() {
    signal input given;
    signal input kind;
    signal output isPerpetual;
    signal output isOption;
    signal output isPut;
    signal code <== given * (kind - 1);
    signal bits[2] <== Bits(2)(code);
    isOption <== bits[1];
    isPut <== bits[0] * bits[1];
    isPerpetual <== given - bits[0] - bits[1] + isPut;
}

/// Reported: what a median makes of one instrument, by itself.
/// twins   src/protocol/prices.ts (reprice: last; missingAt; nextHistory: payoffs; payoff)
/// in      given, isPerpetual, isOption, isPut   as Kind gives them
///         strike        below 2^40, 0 of what is no option
///         ownMark       a bit: an option whose volatility is its own number
///         tau           to the expiry, 0 from it on, from Tenor
///         same          a bit, of Step
///         number        the median, below 2^40
///         lastBefore, payoffBefore   below 2^40; at most 2^40: this template, or 0
/// proves  Rule 1: what has expired is latched once, by a number that is not 0, in an epoch that is not the same.
///         Rule 2: the number counts until expiry and latch, else the last one does. Rule 3: an instrument without a number is
///         missing, but for an option that another slot's volatility values; what has expired, and not settled, always is.
/// out     payoff     1 + what it settled at, 0 before
///         live       a bit: given, and not settled
///         last       the last number, 0 of a free slot, below 2^40
///         missing    a bit
template Reported() {
    signal input given;
    signal input isPerpetual;
    signal input isOption;
    signal input isPut;
    signal input strike;
    signal input ownMark;
    signal input tau;
    signal input same;
    signal input number;
    signal input lastBefore;
    signal input payoffBefore;
    signal output payoff;
    signal output live;
    signal output last;
    signal output missing;

    // Rule 1. A perpetual has no expiry.
    signal over <== IsZero()(tau);
    signal expired <== (given - isPerpetual) * over;
    signal none <== IsZero()(number);
    signal open <== IsZero()(payoffBefore);
    signal reports <== expired * (1 - none);
    signal settles <== reports * (1 - same);
    signal latches <== settles * open;
    // The average is the number less 1; a linear kind has strike 0. Between -2^40 and 2^40.
    signal gain <== (1 - 2 * isPut) * (number - 1 - strike);
    signal isGain <== NotNegative(BITS_REPORTED() + 1)(gain);
    signal paid <== isGain * gain;
    payoff <== payoffBefore + latches * (1 + paid);

    // Rule 2.
    live <== given * (open - latches);
    signal idle <== live * none;
    signal counts <== (live - idle) * (1 - expired);
    signal kept <== given * lastBefore;
    last <== kept + counts * (number - lastBefore);

    // Rule 3.
    signal borrowed <== isOption * (1 - ownMark);
    signal unreported <== none * (1 - borrowed);
    signal absent <== Or()(expired, unreported);
    missing <== live * absent;
}

/// Stale: whether an instrument's value, or what it is valued by, is of an earlier epoch.
/// twins   src/protocol/prices.ts (staleAt)
/// in      live, isOption   bits
///         own              a bit: it is missing itself
///         forwardAt, volatilityAt   one-hot: the slots that an option is valued by
///         missing[i]       bits
/// out     out              1 where it is live, and it is missing or an option that is valued by what is
template Stale() {
    var N = INSTRUMENTS();
    signal input live;
    signal input isOption;
    signal input own;
    signal input forwardAt[N];
    signal input volatilityAt[N];
    signal input missing[N];
    signal part[N];
    var sum = 0;
    for (var i = 0; i < N; i++) {
        part[i] <== (forwardAt[i] + volatilityAt[i]) * missing[i];
        sum += part[i];
    }
    signal valuedBy <== isOption * sum;
    // A sum of up to three bits.
    signal present <== IsZero()(own + valuedBy);
    signal output out <== live * (1 - present);
}

/// Charges: what a position costs of margin, nothing once it has settled.
/// twins   src/protocol/prices.ts (reprice: charge)
/// in      given, live          bits
///         long, short, weight  of the rules: below 2^40; below 2^16
/// out     longCharge, shortCharge, weightAfter; charge   the greater one
template Charges() {
    signal input given;
    signal input live;
    signal input long;
    signal input short;
    signal input weight;
    signal output longCharge <== live * long;
    signal output shortCharge <== live * short;
    signal output weightAfter <== given * weight;
    signal isLonger <== NotNegative(BITS_CHARGE())(longCharge - shortCharge);
    signal output charge <== Select()(isLonger, longCharge, shortCharge);
}

/// Settlement: the parts of a forward that an average has fixed, and that still move.
/// twins   src/protocol/prices.ts (settlement)
/// in      isPerpetual       a bit
///         tau               to the expiry, below 2^40
///         window            of the rules: 1 to 2^32 - 1
///         forward, average  below 2^40
/// out     fixed, live       the floors of average (window - left) / window and of forward left / window, below 2^40
template Settlement() {
    signal input isPerpetual;
    signal input tau;
    signal input window;
    signal input forward;
    signal input average;
    signal output fixed;
    signal output live;
    signal before <== NotNegative(BITS_TIME())(tau - window);
    signal whole <== Or()(before, isPerpetual);
    signal left <== Select()(whole, window, tau);
    signal moving <== forward * left;
    live <== Quotient(BITS_REPORTED(), 32)(moving, window);
    signal passed <== average * (window - left);
    fixed <== Quotient(BITS_REPORTED(), 32)(passed, window);
}

/// UnpackTenors: the multipliers of the tenor table, below 256 each; no witness exists where the word has more bits.
/// twins   src/protocol/rules.ts (tenorsWord)
template UnpackTenors() {
    signal input word;
    signal output tenors[TENORS()];
    signal bits[8 * TENORS()] <== Bits(8 * TENORS())(word);
    for (var i = 0; i < TENORS(); i++) {
        var sum = 0;
        for (var j = 0; j < 8; j++) sum += bits[8 * i + j] * (1 << j);
        tenors[i] <== sum;
    }
}

/// Shocks: what all instruments share: words of the pricing rules, and what a range makes of them; rows but the mark.
/// twins   src/protocol/optionValue.ts (Shocks)
bus Shocks(S) {
    signal reach;
    signal raised;
    signal lowered;
    signal leastVolatility;
    signal move[S - 1];
    signal isRaised[S - 1];
    signal isLowered[S - 1];
    signal weight[S - 1];
    signal factor[S - 1];
}

/// OpenShocks: the table of scenarios, and what a range makes of its moves.
/// in      raised, lowered, leastVolatility, scenarios   words of the pricing rules, with the ranges that src/protocol/rules.ts
///                 (requirePricing) keeps: |move range| < 2^26, and level 0, 1 or 2 in each row
///         range   below 2^26
template OpenShocks(S) {
    signal input raised;
    signal input lowered;
    signal input leastVolatility;
    signal input scenarios[SCENARIO_WORDS(S)];
    signal input range;
    output Shocks(S) shocks;
    component table = UnpackScenarios(S);
    table.words <== scenarios;
    // The first row is the mark, and says nothing.
    _ <== table.move[0];
    _ <== table.level[0];
    _ <== table.weight[0];
    signal shift[S - 1];
    for (var k = 1; k < S; k++) {
        shocks.move[k - 1] <== table.move[k];
        shocks.isRaised[k - 1] <== table.level[k] * (2 - table.level[k]);
        shocks.isLowered[k - 1] <== table.level[k] * (table.level[k] - 1) / 2;
        shocks.weight[k - 1] <== table.weight[k];
        shift[k - 1] <== table.move[k] * range;
        shocks.factor[k - 1] <== Exp()(shift[k - 1]);
    }
    shocks.reach <== Quotient(44, 7)(range * (1 << (16 + OPTION_STEP())), 121);
    shocks.raised <== raised;
    shocks.lowered <== -lowered;
    shocks.leastVolatility <== leastVolatility;
}

/// ScenarioValues: U of one instrument in each scenario, cash units a lot, before funding is taken off.
/// twins   src/protocol/prices.ts (reprice: values)
/// in      given, live   bits, as Reported gives them
///         payoff        as Reported gives it
///         others        what InstrumentValues reads
/// out     values[S]     of what is live the value at the mark, moved by what the scenario lets count of it; of what has settled the
///                       payoff; 0 of a free slot. 0 <= value < 2^46
template ScenarioValues(S) {
    signal input given;
    signal input live;
    signal input payoff;
    signal input isOption;
    signal input isPut;
    signal input liveForward;
    signal input fixed;
    signal input strike;
    signal input volatility;
    signal input multiplier;
    signal input root;
    input Shocks(S) shocks;
    signal output values[S];
    component of = InstrumentValues(S);
    of.isOption <== isOption;
    of.isPut <== isPut;
    of.live <== liveForward;
    of.fixed <== fixed;
    of.strike <== strike;
    of.volatility <== volatility;
    of.multiplier <== multiplier;
    of.root <== root;
    of.reach <== shocks.reach;
    of.raised <== shocks.raised;
    of.lowered <== shocks.lowered;
    of.leastVolatility <== shocks.leastVolatility;
    of.factor <== shocks.factor;
    of.move <== shocks.move;
    of.isRaised <== shocks.isRaised;
    of.isLowered <== shocks.isLowered;
    signal settled <== (given - live) * (payoff - 1);
    signal change[S];
    for (var k = 0; k < S; k++) {
        if (k == 0) change[0] <== 0;
        else change[k] <== Weighted()(of.values[k], of.values[0], shocks.weight[k - 1]);
        values[k] <== settled + live * (of.values[0] + change[k]);
    }
}

/// MarketRow: a market's row of the prices, as its hash; 0 of a free slot, of one with a leg that is out, and where the mark leaves
/// its range.
/// twins   src/protocol/prices.ts (marketPrices, pricesRows)
/// in      given, legs, tick   of the market's row of the rules; legs is the packed word, tick 1 to 2^32 - 1 (of a free slot any with
///                             a witness)
///         isOut[i]            a bit: a free slot, settled or stale
///         charge[i]           the greater one, below 2^40
///         values[k][i]        |U| < 2^46, as ScenarioValues gives them, less funding
///         funding             |F| < 2^40
/// Ranges: |legs| <= 2^7, so |W| < 2^57; at the mark |U| <= 2^41 + 2^40, so |W_0 + legs F| < 2^53.
template MarketRow(S) {
    assert(S >= 2 && S % 2 == 0);
    var N = INSTRUMENTS();
    signal input given;
    signal input legs;
    signal input tick;
    signal input isOut[N];
    signal input charge[N];
    signal input values[S][N];
    signal input funding;
    signal output out;

    var width = BITS_LEG() + 1;
    signal bits[N * width] <== Bits(N * width)(legs);
    var leg[N];
    signal size[N];
    signal missed[N];
    signal margin[N];
    var missing = 0;
    var gross = 0;
    for (var i = 0; i < N; i++) {
        var sum = 0;
        for (var j = 0; j < width; j++) sum += bits[i * width + j] * (1 << j);
        leg[i] = sum - (1 << BITS_LEG());
        size[i] <== leg[i] * (2 * bits[i * width + BITS_LEG()] - 1);
        missed[i] <== size[i] * isOut[i];
        missing += missed[i];
        margin[i] <== size[i] * charge[i];
        gross += margin[i];
    }
    signal whole <== IsZero()(missing);

    signal part[S][N];
    signal weighted[S];
    for (var k = 0; k < S; k++) {
        var sum = 0;
        for (var i = 0; i < N; i++) {
            part[k][i] <== leg[i] * values[k][i];
            sum += part[k][i];
        }
        weighted[k] <== sum;
    }

    signal carried <== leg[0] * funding;
    signal ticks <== QuotientFloor(53, BITS_TICK())(weighted[0] + carried, tick);
    signal mark <== ticks * tick;
    // |mark| < 2^40: from above -2^40 on, which is 0 here, no bit from the 41st on, and not 2^40 itself.
    var n = BITS_PRICE();
    signal at[55] <== Bits(55)(mark + (1 << n) - 1 + (1 << 54));
    var beyond = 1 - at[54];
    for (var i = n + 1; i < 54; i++) beyond += at[i];
    signal inside <== IsZero()(beyond);
    signal edge <== IsZero()(mark - (1 << n));

    // The least and the greatest: of pairs, then of the lesser and of the greater ones.
    var P = S \ 2;
    component pair[P];
    signal least[P];
    signal greatest[P];
    for (var p = 0; p < P; p++) {
        pair[p] = Ordered(BITS_VALUE() + 10);
        pair[p].a <== weighted[2 * p];
        pair[p].b <== weighted[2 * p + 1];
        if (p == 0) {
            least[0] <== pair[0].lesser;
            greatest[0] <== pair[0].greater;
        } else {
            least[p] <== Lesser(BITS_VALUE() + 10)(least[p - 1], pair[p].lesser);
            greatest[p] <== Greater(BITS_VALUE() + 10)(greatest[p - 1], pair[p].greater);
        }
    }

    MarketPrices() row;
    row.mark <== mark;
    row.funding <== carried;
    row.gross <== gross;
    row.low <== least[P - 1] - gross;
    row.high <== greatest[P - 1] + gross;
    row.values <== Hash(TAG_VECTOR(), S)(weighted);
    signal hashed <== MarketPricesHash()(row);
    signal priced <== inside * (1 - edge);
    signal quoted <== priced * whole;
    signal stands <== quoted * given;
    out <== stands * hashed;
}

/// Ordered: two numbers in their order; -2^n <= a - b < 2^n, no witness exists otherwise.
template Ordered(n) {
    signal input a;
    signal input b;
    signal over <== NotNegative(n)(a - b);
    signal excess <== over * (a - b);
    signal output lesser <== a - excess;
    signal output greater <== b + excess;
}
