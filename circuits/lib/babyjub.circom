pragma circom 2.2.0;

include "bits.circom";
include "../generated/base8.circom";

/// BabyJubJub in circuits.
/// twins   src/protocol/eddsa.ts
///
/// The curve is a x^2 + y^2 = 1 + d x^2 y^2, a = 168700 a square and d = 168696 none. Its group is cyclic of order 8 l,
/// l prime; the prime subgroup has order l. (0, 1) is the identity, (0, -1) the only point of order 2.
/// Beside this Edwards form a point has a Montgomery form (u, v), v^2 = u^3 + A u^2 + u with A = 168698, in which adding
/// costs 3 constraints, not 6. But the Montgomery form has no identity, and its addition by a chord no answer where one
/// point is the other or its negative: there a slope would be 0 / 0, hence free, and the result forged; or 1 / 0, and
/// no witness would exist. No scalar and no point of the prime subgroup may lead there, for scalars come from strangers.
///
/// Which points a caller has: K' of a deposit is on the curve and 8 K' not the identity, as Venue.sol (deposit) and, without
/// a chain, the venue check before it is taken. All keys of accounts are 8 K', made by DepositSlot, or come from the genesis
/// file, which is refused (src/protocol/genesis.ts) unless they are in the prime subgroup and not the identity.
///
/// How that is excluded: by class. Every point is X + i T with X in the prime subgroup and T = ORDER_8(), for exactly
/// one i modulo 8, its class. Classes add as points do. The identity has class 0, and points of classes i and j are
/// neither equal nor each other's negatives unless i = j or i = -j. The multiplications below add points of small order
/// on the way so that no sum ever meets one of those cases, whatever X are: a look at the classes proves it. The class
/// of the result is known, and taking it off costs nothing: adding (0, -1) negates both coordinates, and adding the
/// point (c, 0) of order 4, c = 1 / sqrt(a), swaps them up to factors. ORDER_4() has class 2, (0, -1) class 4.

function MONTGOMERY_A() { return 168698; }

/// OnCurve: 1 if (x, y) is on the curve, else 0; any field elements.
template OnCurve() {
    signal input in[2];
    signal xx <== in[0] * in[0];
    signal yy <== in[1] * in[1];
    signal product <== 168696 * xx * yy;
    signal output out <== IsZero()(168700 * xx + yy - 1 - product);
}

/// Add: sum of any two points of the curve, Edwards form. Both are on the curve, see above.
/// Denominators are 1 + e and 1 - e with e = d x1 x2 y1 y2. They are never 0 for points of the curve, as a is a square
/// and d is not: https://eprint.iacr.org/2008/013.
template Add() {
    signal input p[2];
    signal input q[2];
    signal output out[2];
    signal xy <== p[0] * q[1];
    signal yx <== p[1] * q[0];
    signal e <== 168696 * xy * yx;
    signal all <== (p[1] - 168700 * p[0]) * (q[0] + q[1]);
    out[0] <-- (xy + yx) / (1 + e);
    out[0] * (1 + e) === xy + yx;
    out[1] <-- (all - yx + 168700 * xy) / (1 - e);
    out[1] * (1 - e) === all - yx + 168700 * xy;
}

/// Double: twice any point of the curve, Edwards form: K' of a deposit, see above. The denominators are those of Add.
template Double() {
    signal input in[2];
    signal output out[2];
    signal xx <== in[0] * in[0];
    signal yy <== in[1] * in[1];
    signal xy <== in[0] * in[1];
    // On the curve this is 1 + d x^2 y^2.
    var sum = 168700 * xx + yy;
    out[0] <-- 2 * xy / sum;
    out[0] * sum === 2 * xy;
    out[1] <-- (yy - 168700 * xx) / (2 - sum);
    out[1] * (2 - sum) === yy - 168700 * xx;
}

/// ToMontgomery: of a point of the prime subgroup other than the identity. So x and 1 - y are not 0: x = 0 is the
/// identity or the point of order 2, and y = 1 only the identity.
template ToMontgomery() {
    signal input in[2];
    signal output out[2];
    out[0] <-- (1 + in[1]) / (1 - in[1]);
    out[0] * (1 - in[1]) === 1 + in[1];
    out[1] <-- out[0] / in[0];
    out[1] * in[0] === out[0];
}

/// FromClass2: X in Edwards form, of X + ORDER_4() in Montgomery form. Class 2, so v is not 0, as v = 0 only at the
/// point of order 2; u is never -1, as A - 2 = d is no square. X is the point (x, y) of the input plus (-c, 0).
template FromClass2() {
    signal input in[2];
    signal output out[2];
    var order4[2] = ORDER_4(); // c = 1 / v, as u = 1
    signal x <-- in[0] / in[1];
    x * in[1] === in[0];
    signal y <-- (in[0] - 1) / (in[0] + 1);
    y * (in[0] + 1) === in[0] - 1;
    out[0] <== -y / order4[1];
    out[1] <== x * order4[1];
}

/// FromClass4: X in Edwards form, of X + (0, -1) in Montgomery form, which may be (0, 0). Instead of x = u / v it takes
/// x = v / (u^2 + A u + 1), whose denominator is never 0, as there is only one point of order 2.
template FromClass4() {
    signal input in[2];
    signal output out[2];
    signal uu <== in[0] * in[0];
    signal x <-- in[1] / (uu + MONTGOMERY_A() * in[0] + 1);
    x * (uu + MONTGOMERY_A() * in[0] + 1) === in[1];
    signal y <-- (in[0] - 1) / (in[0] + 1);
    y * (in[0] + 1) === in[0] - 1;
    out[0] <== -x;
    out[1] <== -y;
}

/// MontgomeryAdd: sum of two points, neither the identity, neither equal nor negatives: the caller knows, by class.
template MontgomeryAdd() {
    signal input p[2];
    signal input q[2];
    signal output out[2];
    signal slope <-- (q[1] - p[1]) / (q[0] - p[0]);
    slope * (q[0] - p[0]) === q[1] - p[1];
    out[0] <== slope * slope - MONTGOMERY_A() - p[0] - q[0];
    out[1] <== slope * (p[0] - out[0]) - p[1];
}

/// MontgomeryDouble: twice a point that is neither the identity nor of order 2, so that v is not 0: a key, see above, or
/// twice or four times one.
template MontgomeryDouble() {
    signal input in[2];
    signal output out[2];
    signal uu <== in[0] * in[0];
    signal slope <-- (3 * uu + 2 * MONTGOMERY_A() * in[0] + 1) / (2 * in[1]);
    slope * (2 * in[1]) === 3 * uu + 2 * MONTGOMERY_A() * in[0] + 1;
    out[0] <== slope * slope - MONTGOMERY_A() - 2 * in[0];
    out[1] <== slope * (in[0] - out[0]) - in[1];
}

/// DoubleAndAdd: 2 p + q as (p + q) + p without the v of p + q. The caller knows that neither p, q nor 2 p + q is the
/// identity and that p is neither q nor -q. Then p + q is not the identity; it is not p, as q is not the identity; and
/// not -p, as 2 p + q is not the identity. So both chords exist.
template DoubleAndAdd() {
    signal input p[2];
    signal input q[2];
    signal output out[2];
    signal first <-- (q[1] - p[1]) / (q[0] - p[0]);
    first * (q[0] - p[0]) === q[1] - p[1];
    signal u <== first * first - MONTGOMERY_A() - p[0] - q[0];
    // The second slope is (v - p[1]) / (u - p[0]) with v = first * (p[0] - u) - p[1].
    signal second <-- 2 * p[1] / (p[0] - u) - first;
    (first + second) * (p[0] - u) === 2 * p[1];
    out[0] <== second * second - MONTGOMERY_A() - u - p[0];
    out[1] <== second * (p[0] - out[0]) - p[1];
}

/// MultiplySigned: k times a point, plus ORDER_4(), with k = sum of bits[i] 2^i for i < n - 1, less
/// 2^(n - 1) where positive = 0.
/// in      point     in Montgomery form, in the prime subgroup, not the identity: a key, see above, or 8 times one
///         bits      each already a bit, any of them; low first
///         positive  already a bit
/// out     out       in Montgomery form, of class 2
/// costs   6 (n - 2) + 15
/// k is written with digits 1 and -1: with s_i = 2 bits[i] - 1 and s = 2 positive - 1,
/// k + (1 - bits[0]) = s 2^(n - 2) + sum of s_i 2^(i - 1) for i from n - 2 down to 1. An accumulator that starts with
/// s times the point is doubled and a digit added, n - 2 times; then (1 - bits[0]) times the point is taken off.
///
/// Classes. A digit adds s_i (point + j T), the class j depending on the place only: 0 in the last step, and before it
/// 4, 1, 4, 1 and so on, backwards. The class i of the accumulator becomes 2 i + j or 2 i - j:
///     before a step of class 4 it is odd           so not 4 or -4; after it, 2 i + 4 is 2 or -2
///     before a step of class 1 it is 2 or -2       so not 1 or -1; after it, 4 + 1 or 4 - 1 is odd
///     before the last step it is 2 or -2           so not 0; after it, 4
///     then -ORDER_4(), perhaps with -point, of class -2: not 4 or -4; after it, 2
/// So the conditions of DoubleAndAdd and MontgomeryAdd hold for any bits and any point of the prime subgroup: where
/// classes differ and their sum is not 0, points are different and not negatives, and class 0 only comes as +-point.
template MultiplySigned(n) {
    assert(n >= 4);
    signal input point[2];
    signal input bits[n - 1];
    signal input positive;
    signal output out[2];
    var steps = n - 2;
    var order4[2] = ORDER_4();

    // point + (0, 0), (0, 0) being the point of order 2: (1 / u, -v / u^2). u is not 0 in the prime subgroup.
    signal class4[2];
    class4[0] <-- 1 / point[0];
    class4[0] * point[0] === 1;
    signal ratio <== point[1] * class4[0];
    class4[1] <== -ratio * class4[0];
    // Classes 0 and 2, 0 and 1.
    signal class2[2] <== MontgomeryAdd()(point, order4);
    signal class1[2] <== MontgomeryAdd()(point, ORDER_8());

    // The start takes the class that the first step wants to find.
    signal startV;
    signal accumulator[steps + 1][2];
    var start[2] = class1;
    if (steps % 2 == 1) {
        start = class2;
    }
    startV <== (2 * positive - 1) * start[1];
    accumulator[0] <== [start[0], startV];
    signal digitV[steps];
    for (var j = 1; j <= steps; j++) {
        var digit[2] = class1;
        if ((steps - j) % 2 == 1) {
            digit = class4;
        }
        if (j == steps) {
            digit = point;
        }
        digitV[j - 1] <== (2 * bits[steps - j + 1] - 1) * digit[1];
        accumulator[j] <== DoubleAndAdd()(accumulator[j - 1], [digit[0], digitV[j - 1]]);
    }

    // -ORDER_4() where bits[0] = 1, else -(point + ORDER_4()).
    signal last[2];
    last[0] <== class2[0] + bits[0] * (order4[0] - class2[0]);
    last[1] <== -class2[1] - bits[0] * (order4[1] - class2[1]);
    signal negative[2] <== MontgomeryAdd()(accumulator[steps], last); // class 4 - 2
    out <== negative;
}

/// MultiplyAny: a scalar times a point.
/// in      point   in Edwards form, in the prime subgroup, not the identity: 8 K', see above
///         bits    low-first bits of the scalar, each already a bit, any of them
/// out     out     in Edwards form; the identity where the scalar is a multiple of l
template MultiplyAny(n) {
    signal input point[2];
    signal input bits[n];
    signal output out[2];
    signal montgomery[2] <== ToMontgomery()(point);
    signal product[2] <== MultiplySigned(n + 1)(montgomery, bits, 1);
    out <== FromClass2()(product);
}

/// Base8Multiple: the sum of (bits[3 j] + 2 bits[3 j + 1] + 4 bits[3 j + 2]) 8^j BASE8 for j < 83, plus start, less
/// (8^83 - 1) / 2 BASE8, which the tables of starts contain.
/// in      start  in Montgomery form, of class 4
///         bits   each already a bit, any of them
/// out     out    in Montgomery form, of class 4
/// costs   5 a window
/// A window adds (2 w - 7) 8^j BASE8 / 2, w its three bits: an odd digit from -7 to 7, hence never the identity and of
/// class 0, where the accumulator has class 4. So the conditions of MontgomeryAdd hold for any bits.
/// With s_i = 2 bit_i - 1 a digit changes its sign when all s_i do. Then u of the point stays, and so it is a sum of 1,
/// s0 s1, s0 s2, s1 s2; and v changes its sign, and so it is a sum of s0, s1, s2, s0 s1 s2. As s_i^2 = 1, one product
/// gives all of u, and one more, s2 times u, contains s0 s1 s2.
template Base8Multiple() {
    signal input start[2];
    signal input bits[249];
    signal output out[2];
    var tables[83][4][2] = BASE8_WINDOWS();
    signal digit[83][2];
    signal sum[84][2];
    sum[0] <== start;
    for (var j = 0; j < 83; j++) {
        var s0 = 2 * bits[3 * j] - 1;
        var s1 = 2 * bits[3 * j + 1] - 1;
        var s2 = 2 * bits[3 * j + 2] - 1;
        // Where s2 = 1, a coordinate is of[0] + of[1] s0 + of[2] s1 + of[3] s0 s1.
        var u[4] = BASE8_BY_SIGNS(tables[j], 0);
        var v[4] = BASE8_BY_SIGNS(tables[j], 1);
        // u = u[0] + u[1] s0 s2 + u[2] s1 s2 + u[3] s0 s1
        digit[j][0] <== u[0] - u[2] * u[3] / u[1] + (s0 + u[2] / u[1] * s1) * (u[3] * s1 + u[1] * s2);
        // v = v[0] s2 + v[1] s0 + v[2] s1 + v[3] s0 s1 s2, and s2 (u - u[0]) = u[1] s0 + u[2] s1 + u[3] s0 s1 s2
        digit[j][1] <== v[0] * s2 + v[1] * s0 + v[2] * s1
            + v[3] / u[3] * (s2 * (digit[j][0] - u[0]) - u[1] * s0 - u[2] * s1);
        sum[j + 1] <== MontgomeryAdd()(sum[j], digit[j]);
    }
    out <== sum[83];
}

/// Of points of index b0 + 2 b1, coordinate c as of[0] + of[1] s0 + of[2] s1 + of[3] s0 s1, where s = 2 b - 1.
function BASE8_BY_SIGNS(points, c) {
    var x[4] = [points[0][c], points[1][c], points[2][c], points[3][c]];
    return [
        (x[0] + x[1] + x[2] + x[3]) / 4,
        (x[1] + x[3] - x[0] - x[2]) / 4,
        (x[2] + x[3] - x[0] - x[1]) / 4,
        (x[0] + x[3] - x[1] - x[2]) / 4
    ];
}

/// Base8Start: the point of a table that two bits choose, each already a bit.
template Base8Start(signed) {
    signal input bits[2];
    signal output out[2];
    var t[4][2] = BASE8_START();
    if (signed) {
        t = BASE8_START_SIGNED();
    }
    signal both <== bits[0] * bits[1];
    for (var c = 0; c < 2; c++) {
        out[c] <== t[0][c] + (t[1][c] - t[0][c]) * bits[0] + (t[2][c] - t[0][c]) * bits[1]
            + (t[3][c] - t[2][c] - t[1][c] + t[0][c]) * both;
    }
}

/// MultiplyFixed: a scalar times BASE8.
/// params  n = 251: the tables of scripts/generate/base8.ts have 83 windows of three bits and two bits more
/// in      bits  low-first bits of the scalar, each already a bit, any of them
/// out     out   in Edwards form; the identity where the scalar is a multiple of l
template MultiplyFixed(n) {
    assert(n == 251);
    signal input bits[n];
    signal output out[2];
    component multiple = Base8Multiple();
    multiple.start <== Base8Start(0)([bits[249], bits[250]]);
    for (var i = 0; i < 249; i++) multiple.bits[i] <== bits[i];
    out <== FromClass4()(multiple.out);
}

/// MultiplyFixedSigned: (sum of bits[i] 2^i for i < 250, minus 2^250 where positive = 0) times BASE8, plus (0, -1), in
/// Montgomery form, of class 4. Inputs are already bits, any of them.
template MultiplyFixedSigned() {
    signal input bits[250];
    signal input positive;
    signal output out[2];
    component multiple = Base8Multiple();
    multiple.start <== Base8Start(1)([bits[249], positive]);
    for (var i = 0; i < 249; i++) multiple.bits[i] <== bits[i];
    out <== multiple.out;
}
