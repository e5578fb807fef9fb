pragma circom 2.2.0;

include "bits.circom";
include "fixed.circom";
include "../generated/normal.circom";
include "../generated/parameters.circom";

/// CallValue: value of a call by the formula of Black (1976), whole cash units.
/// twins   src/protocol/optionValue.ts (callValue), which explains the units: of the grid, of s, of the score
/// in      forward  0 <= forward < 2^46; strike  0 <= strike <= 2^40
///         score    |score| < 2^42
///         dev      0 <= dev < 2^14; rest  -2048 <= rest < 2048
///         InstrumentValues keeps all of these ranges.
/// out     out      the value; between 0, forward - strike and forward where score, forward and strike fit together
/// proves  Rule 1: the side: in the money where score >= (dev + 1) 2^7
///         Rule 2: far where the smaller tail of the two is beyond the table
///         Rule 3: what is rounded down is at least 0, and nothing where it is far
/// The hints itm and far have one value each. Let T = (dev + 1) 2^7, o = 2^14, so that y = o 2^8 - T + itm (2 score + 1) -
/// score - 1 + dev 2^8 ... see `y` below.
template CallValue() {
    signal input forward;
    signal input strike;
    signal input score;
    signal input dev;
    signal input rest;
    signal output out;
    var D = OPTION_STEP();
    var f = OPTION_POINT();
    var n = OPTION_PIECE();
    var top = f + n + 1;
    var origin = 1 << (top - 1);

    signal itm <-- score >= (dev + 1) * (1 << (D - 1)) ? 1 : 0;
    itm * (itm - 1) === 0;
    signal turned <== itm * (2 * score + 1);
    var y = turned - score - 1 - dev * (1 << (D - 1)) + origin * (1 << D) - (1 << (D - 1));
    signal far <-- y >= (1 << (top + D)) ? 1 : 0;
    far * (far - 1) === 0;
    signal near <== (1 - far) * y;
    signal one[top + D] <== Bits(top + D)(near);
    var high = one[top + D - 1];
    var next = one[top + D - 2];
    // Rule 1.
    itm * (1 - high - far) === 0;
    var y1 = 0;
    for (var i = 0; i < top; i++) y1 += one[D + i] * (1 << i);
    signal two[top] <== Bits(top)(y1 - origin + 1 + dev + far * (origin - 1));

    // N(-y1): of the table where the two top bits differ, else 1 or 0.
    var t1 = 0;
    var t2 = 0;
    for (var i = 0; i < f; i++) {
        t1 += one[D + i] * (1 << i);
        t2 += two[i] * (1 << i);
    }
    component products1 = Products(n);
    for (var i = 0; i < n - 1; i++) products1.in[i] <== one[D + f + i];
    products1.in[n - 1] <== high;
    signal piece1 <== Piece(n, 4, NORMAL_HEAD())(products1.out, t1);
    signal both <== high * next;
    signal inner <== (high + next - 2 * both) * piece1;
    var head = inner + (1 - high - next + both) * (1 << OPTION_SCALE());

    // N(-y2), y2 >= 0, and its slope times the rest: of the table where the two top bits are 0, else 0.
    component products2 = Products(n - 1);
    for (var i = 0; i < n - 1; i++) products2.in[i] <== two[f + i];
    signal piece2 <== Piece(n - 1, 4, NORMAL_TAIL())(products2.out, t2);
    signal slope <== Piece(n - 1, 2, NORMAL_SLOPE())(products2.out, t2);
    signal sloped <== piece2 - rest * slope;
    signal inside <== (1 - two[top - 1]) * (1 - two[top - 2]);
    signal tail <== inside * sloped;

    signal gap <== itm * (forward - strike);
    signal plus <== (forward - gap) * head;
    signal minus <== (strike + gap) * tail;
    var excess = plus - minus;
    // Rules 2 and 3: where it is far the sum is negative if y really is, and its sign must say so.
    var scale = OPTION_SCALE();
    var width = scale + OPTION_FORWARD();
    signal beyond <== far * ((1 << (top + D)) - y - 1 - excess);
    signal sum[width + 1] <== Bits(width + 1)(excess + beyond + (1 << width));
    far * sum[width] === 0;
    var floored = 0;
    for (var i = 0; i < OPTION_FORWARD(); i++) floored += sum[scale + i] * (1 << i);
    signal over <== sum[width] * floored;
    // A forward that is rounded may be 1 below the strike of a call in the money; the call is worth 0 then.
    signal short <== IsZero()(gap + over + 1);
    out <== gap + over + short;
}

/// Deviation: the nearest s that CallValue takes, 64 <= s < 2^26, as whole steps and a rest.
/// twins   src/protocol/optionValue.ts (deviation)
/// params  n; drop: fraction bits of the input, 26 + drop <= n; signed: 0, or 1 where the input may be negative
/// in      in   0 <= in < 2^n, or -2^n <= in < 2^n: no witness exists otherwise
/// out     s    floor(in / 2^drop), or the bound that it is beyond
///         dev, rest  s = 4096 dev + rest + 2048, 0 <= dev < 2^14, -2048 <= rest < 2048
template Deviation(n, drop, signed) {
    signal input in;
    signal output s;
    signal output dev;
    signal output rest;
    var r = OPTION_REST();
    var width = OPTION_DEV() + r;
    signal bits[n + signed] <== Bits(n + signed)(in + signed * (1 << n));
    var enough = 0;
    for (var i = drop + OPTION_LEAST(); i < n; i++) enough += bits[i];
    var tooMuch = 0;
    for (var i = drop + width; i < n; i++) tooMuch += bits[i];
    signal small <== IsZero()(enough);
    signal inside <== IsZero()(tooMuch);
    var steps = 0;
    for (var i = 0; i < OPTION_DEV(); i++) steps += bits[drop + r + i] * (1 << i);
    var left = 0;
    for (var i = 0; i < r; i++) left += bits[drop + i] * (1 << i);
    signal steps1 <== Select()(inside, steps, (1 << OPTION_DEV()) - 1);
    signal left1 <== Select()(inside, left, (1 << r) - 1);
    // Of what is small there are no steps; of what is negative bits say nothing.
    var held = 1 - small;
    if (signed == 1) {
        signal positive <== bits[n] * (1 - small);
        dev <== positive * steps1;
        held = positive;
    } else {
        dev <== steps1;
    }
    signal left2 <== Select()(held, left1, 1 << OPTION_LEAST());
    rest <== left2 - (1 << (r - 1));
    s <== dev * (1 << r) + left2;
}

/// Tenor: the time to an expiry, how much a change of volatility counts for it, and its root.
/// twins   src/protocol/optionValue.ts (tenor, timeRoot)
/// in      ahead       seconds, -2^40 <= ahead < 2^40; no witness exists otherwise
///         tenors[16]  multipliers
/// out     notPast     a bit: ahead >= 0
///         tau         max(0, ahead)
///         multiplier  the one that counts for tau
///         root        floor(2^28 sqrt(min(tau, 2^28 - 1) / YEAR_UNITS)), below 2^29
template Tenor() {
    var N = TENORS();
    var first = FIRST_TENOR();
    var n = OPTION_INPUT();
    signal input ahead;
    signal input tenors[N];
    signal output notPast;
    signal output tau;
    signal output multiplier;
    signal output root;
    // The low bits are those of tau where that is not 0 for want of time.
    signal bits[n + 1] <== Bits(n + 1)(ahead + (1 << n));
    notPast <== bits[n];
    tau <== notPast * ahead;
    var highest = 0;
    for (var i = first + N - 2; i < n; i++) highest += bits[i];
    signal notLast <== IsZero()(highest);
    // atLeast[j]: tau >= 2^(9 + j).
    signal atLeast[N];
    signal chosen[N];
    atLeast[N - 1] <== 1 - notLast;
    for (var j = N - 2; j > 0; j--) atLeast[j] <== Or()(atLeast[j + 1], bits[first - 1 + j]);
    atLeast[0] <== 1;
    chosen[0] <== tenors[0];
    for (var j = 1; j < N; j++) chosen[j] <== chosen[j - 1] + atLeast[j] * (tenors[j] - tenors[j - 1]);
    multiplier <== Select()(notPast, chosen[N - 1], tenors[0]);

    var beyond = 0;
    for (var i = OPTION_LONGEST(); i < n; i++) beyond += bits[i];
    signal inside <== IsZero()(beyond);
    signal counted <== Select()(inside, tau, notPast * ((1 << OPTION_LONGEST()) - 1));
    root <== RootFloor(YEAR_UNITS(), OPTION_ROOT())(counted * (1 << (2 * OPTION_ROOT_FRACTION())));
}

/// Deviations: s of an instrument at the three levels of volatility: as it is, raised, lowered.
/// twins   src/protocol/optionValue.ts (deviations)
/// in      volatility       0 <= volatility < 2^40, 2^-24 per square root of a year, ranged by the caller
///         multiplier, root   as Tenor gives them, of multipliers from 0 to 255
///         raised, lowered  changes of volatility in 64ths, 0 <= raised <= 64, -32 <= lowered <= 0, ranged by the caller
///         leastVolatility  of the raised one, 0 <= leastVolatility < 2^28, ranged by the caller
/// out     s[3], dev[3], rest[3]  as Deviation says
template Deviations() {
    signal input volatility;
    signal input multiplier;
    signal input root;
    signal input raised;
    signal input lowered;
    signal input leastVolatility;
    signal output s[3];
    signal output dev[3];
    signal output rest[3];
    var r = OPTION_REST();
    var width = OPTION_DEV() + r;
    var fraction = OPTION_ROOT_FRACTION();
    var shock = OPTION_SHOCK();

    signal plain <== volatility * root;
    (s[0], dev[0], rest[0]) <== Deviation(OPTION_INPUT() + OPTION_ROOT(), fraction, 0)(plain);

    // The least of the raised one, at most 2^26 - 1.
    var n = OPTION_LEAST_VOLATILITY() + OPTION_ROOT();
    signal product <== leastVolatility * root;
    signal bits[n] <== Bits(n)(product);
    var steps = 0;
    for (var i = 0; i < OPTION_DEV(); i++) steps += bits[fraction + r + i] * (1 << i);
    var left = 0;
    for (var i = 0; i < r; i++) left += bits[fraction + i] * (1 << i);
    var beyond = 0;
    for (var i = fraction + width; i < n; i++) beyond += bits[i];
    signal inside <== IsZero()(beyond);
    signal leastDev <== Select()(inside, steps, (1 << OPTION_DEV()) - 1);
    signal leastLeft <== Select()(inside, left, (1 << r) - 1);
    var least = leastDev * (1 << r) + leastLeft;

    // s (1 + raised) < 2^41 is not small; the greater of it and the least.
    signal up <== raised * multiplier;
    signal more <== s[0] * ((1 << shock) + up);
    signal moreS;
    signal moreDev;
    signal moreRest;
    (moreS, moreDev, moreRest) <== Deviation(width + shock + 3, shock, 0)(more);
    signal enough <== NotNegative(width)(moreS - least);
    dev[1] <== Select()(enough, moreDev, leastDev);
    rest[1] <== Select()(enough, moreRest, leastLeft - (1 << (r - 1)));
    s[1] <== dev[1] * (1 << r) + rest[1] + (1 << (r - 1));

    // |s (1 + lowered)| <= 2^38 - 2^12.
    signal down <== lowered * multiplier;
    signal less <== s[0] * ((1 << shock) + down);
    (s[2], dev[2], rest[2]) <== Deviation(width + shock, shock, 1)(less);
}

/// InstrumentValues: values of one instrument at the mark and in S - 1 scenarios, whole cash units.
/// twins   src/protocol/optionValue.ts (instrumentValues)
/// params  S
/// in      isOption, isPut   bits, isPut 0 where isOption is
///         live, fixed       parts of the forward, 0 <= each <= 2^40
///         strike            0 <= strike < 2^40
///         volatility        0 <= volatility < 2^40
///         multiplier, root, raised, lowered, leastVolatility   as Deviations says
///         reach             floor(range 2^24 / 121), range of a move of 1, in logarithms, 2^-24: 0 <= range < 2^26
///         of each row but the mark: move, |move| <= 72 and |move range| < 2^26; factor = exp(move range), as Exp gives it;
///         isRaised, isLowered  bits, not both
///         The caller ranges all of them.
/// out     values[S]         0 <= value < 2^47. At forward_k = fixed + floor(live factor_k): forward_k of linear kinds,
///                           max(0, forward_k - strike) <= call <= forward_k, put = call - forward_k + strike
template InstrumentValues(S) {
    signal input isOption;
    signal input isPut;
    signal input live;
    signal input fixed;
    signal input strike;
    signal input volatility;
    signal input multiplier;
    signal input root;
    signal input reach;
    signal input raised;
    signal input lowered;
    signal input leastVolatility;
    signal input factor[S - 1];
    signal input move[S - 1];
    signal input isRaised[S - 1];
    signal input isLowered[S - 1];
    signal output values[S];

    // What the fixed part leaves of the strike, at least 1, and what is gained where it leaves less.
    signal isLeft <== NotNegative(OPTION_INPUT() + 1)(strike - fixed - 1);
    signal above <== isLeft * (strike - fixed - 1);
    signal gain <== fixed - strike + above + 1;

    // ln of 0 counts as less than any move can make up for: ln 1 - 4.
    signal nothing <== IsZero()(live);
    signal lnLive <== Ln()(live + nothing);
    signal lnStrike <== Ln()(above + 1);
    var moneyness = lnLive - lnStrike - nothing * (1 << FIXED_EXPONENT());

    signal s[3];
    signal dev[3];
    signal rest[3];
    (s, dev, rest) <== Deviations()(volatility, multiplier, root, raised, lowered, leastVolatility);
    // Scores in 1/256 of a step: x / s (2^-24 over 11 / 2^26) over (11 / 2^14 / 2^8) is x 2^24 / (121 s); of the range by 121
    // first, as rounding down twice is rounding once. |x| < 32 2^24 and s >= 64: |u| < 2^41; range < 2^26: w < 2^38.
    signal u[3];
    signal w[3];
    var width = OPTION_DEV() + OPTION_REST();
    for (var l = 0; l < 3; l++) {
        u[l] <== QuotientFloor(OPTION_SCORE(), width + 7)(moneyness * (1 << (16 + OPTION_STEP())), 121 * s[l]);
        w[l] <== Quotient(OPTION_SCORE_PER_MOVE(), width)(reach, s[l]);
    }

    signal part[S];
    signal score[S];
    signal devAt[S];
    signal restAt[S];
    signal perMove[S];
    signal unmoved[S];
    signal call[S];
    signal turned[S];
    signal optional[S];
    for (var k = 0; k < S; k++) {
        var forward = fixed + live;
        if (k == 0) {
            part[0] <== live;
            perMove[0] <== 0;
            unmoved[0] <== u[0];
            score[0] <== u[0];
            devAt[0] <== dev[0];
            restAt[0] <== rest[0];
        } else {
            part[k] <== Scaled()(live, factor[k - 1]);
            forward = fixed + part[k];
            var of[2] = [isRaised[k - 1], isLowered[k - 1]];
            perMove[k] <== AtLevel()(of, w);
            unmoved[k] <== AtLevel()(of, u);
            score[k] <== unmoved[k] + move[k - 1] * perMove[k];
            devAt[k] <== AtLevel()(of, dev);
            restAt[k] <== AtLevel()(of, rest);
        }
        call[k] <== CallValue()(part[k], above + 1, score[k], devAt[k], restAt[k]);
        turned[k] <== isPut * (forward - strike);
        optional[k] <== isOption * (call[k] + gain - turned[k] - forward);
        values[k] <== forward + optional[k];
    }
}

/// Scaled: floor(in factor / 2^24), factor = exp of a move of the forward.
/// twins   src/protocol/optionValue.ts (instrumentValues)
/// in      in factor < 2^70: no witness exists otherwise
/// out     out         below 2^46
template Scaled() {
    signal input in;
    signal input factor;
    signal output out;
    var drop = FIXED_FRACTION();
    signal product <== in * factor;
    signal bits[drop + OPTION_FORWARD()] <== Bits(drop + OPTION_FORWARD())(product);
    var floored = 0;
    for (var i = 0; i < OPTION_FORWARD(); i++) floored += bits[drop + i] * (1 << i);
    out <== floored;
}

/// AtLevel: in[1] where of[0], in[2] where of[1], else in[0]; of are bits, at most one of them 1.
template AtLevel() {
    signal input of[2];
    signal input in[3];
    signal output out;
    signal first <== of[0] * (in[1] - in[0]);
    out <== in[0] + first + of[1] * (in[2] - in[0]);
}

/// Weighted: what a scenario lets count of the change of a value: floor(weight (value - mark) / 64).
/// twins   src/protocol/optionValue.ts (weighted)
/// in      value, mark  as InstrumentValues gives them: -2^41 < value - mark, value < 2^40 (1 + e^4), so that the product is
///                      between -2^47 and 2^52 - 2^47
///         weight       0 <= weight <= 64, ranged by the caller
/// out     out          -2^41 <= out < 2^46
template Weighted() {
    signal input value;
    signal input mark;
    signal input weight;
    signal output out;
    var n = OPTION_INPUT() + 1;
    var width = OPTION_FORWARD() + 6;
    signal product <== weight * (value - mark);
    signal bits[width] <== Bits(width)(product + (1 << (n + 6)));
    var floored = 0;
    for (var i = 6; i < width; i++) floored += bits[i] * (1 << (i - 6));
    out <== floored - (1 << n);
}
