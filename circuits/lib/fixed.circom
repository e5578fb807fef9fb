pragma circom 2.2.0;

include "bits.circom";
include "../generated/fixed.circom";
include "../generated/parameters.circom";

/// Products: of each set of n bits their product; set p has the bits of p. 2^n - n - 1 constraints. Pieces of a function, one
/// a number of n bits, are sums of these products with constant coefficients (scripts/generate/precise.ts, moebius).
/// in      in[n]    already bits
/// out     out[2^n]
template Products(n) {
    signal input in[n];
    signal output out[1 << n];
    out[0] <== 1;
    for (var i = 0; i < n; i++) {
        out[1 << i] <== in[i];
        for (var set = 1; set < (1 << i); set++) out[(1 << i) + set] <== out[set] * in[i];
    }
}

/// Piece: value at t of a polynomial, of which bits choose the coefficients.
/// params  n: bits; degree; ROWS: by sets of the bits, rows of degree + 1 coefficients, highest first
/// in      products  of the bits, from Products(n)
///         t         ranged by the caller, so that nothing wraps: see who uses it
template Piece(n, degree, ROWS) {
    signal input products[1 << n];
    signal input t;
    signal output out;
    signal step[degree + 1];
    for (var j = 0; j <= degree; j++) {
        var coefficient = 0;
        for (var set = 0; set < (1 << n); set++) coefficient += ROWS[set][j] * products[set];
        if (j == 0) step[j] <== coefficient;
        else step[j] <== step[j - 1] * t + coefficient;
    }
    out <== step[degree];
}

/// Ln: the natural logarithm.
/// twins   src/protocol/fixed.ts
/// in      in   1 <= in < 2^41, ranged by the caller; of 0 there is no witness
/// out     out  ln in, units of 2^-24, off by less than 12 of them; 0 <= out < 2^29
template Ln() {
    var top = FIXED_NUMBER() - 1;
    signal input in;
    signal output out;
    var shift = 0;
    for (var at = in; at != 0 && at < (1 << top); at *= 2) shift++;
    // Hint, then bind: places are the bits of a shift from 0 to 63, in 2^shift wraps nothing, and only one shift brings it into
    // [2^40, 2^41).
    signal places[6];
    signal power[6];
    var number = 0;
    for (var i = 0; i < 6; i++) {
        places[i] <-- (shift >> i) & 1;
        places[i] * (places[i] - 1) === 0;
        number += places[i] * (1 << i);
        if (i == 0) power[i] <== 1 + places[i];
        else power[i] <== power[i - 1] * (1 + places[i] * ((1 << (1 << i)) - 1));
    }
    signal scaled <== in * power[5];
    signal bits[top] <== Bits(top)(scaled - (1 << top));

    var first = top - FIXED_LN_PIECE() - FIXED_LN_POINT();
    component products = Products(FIXED_LN_PIECE());
    for (var i = 0; i < FIXED_LN_PIECE(); i++) products.in[i] <== bits[first + FIXED_LN_POINT() + i];
    var t = 0;
    for (var i = 0; i < FIXED_LN_POINT(); i++) t += bits[first + i] * (1 << i);
    signal fraction <== Piece(FIXED_LN_PIECE(), 2, LN_PIECES())(products.out, t);

    var drop = FIXED_LN_SCALE() - FIXED_FRACTION();
    var TWO[1][1] = LN_2();
    signal sum[drop + 29] <== Bits(drop + 29)(fraction + (top - number) * TWO[0][0]);
    var rounded = 0;
    for (var i = 0; i < 29; i++) rounded += sum[drop + i] * (1 << i);
    out <== rounded;
}

/// Exp: the exponential, as a product of four: of the units, the eighths, the 64ths, and the rest.
/// twins   src/protocol/fixed.ts
/// in      in   units of 2^-24, -2^26 <= in < 2^26; no witness exists otherwise
/// out     out  exp in, units of 2^-24, to the nearest, off by less than 1 + 2^-24 exp in; 0 < out < 2^30
template Exp() {
    signal input in;
    signal output out;
    signal bits[FIXED_EXPONENT() + 1] <== Bits(FIXED_EXPONENT() + 1)(in + (1 << FIXED_EXPONENT()));
    var n = FIXED_EXP_PIECE();
    var t = 0;
    for (var i = 0; i < FIXED_EXP_POINT(); i++) t += bits[i] * (1 << i);
    component products[3];
    for (var j = 0; j < 3; j++) {
        products[j] = Products(n);
        for (var i = 0; i < n; i++) products[j].in[i] <== bits[FIXED_EXP_POINT() + j * n + i];
    }
    var UNITS[1 << n][1] = EXP_UNITS();
    var EIGHTHS[1 << n][1] = EXP_EIGHTHS();
    var PARTS[1 << n][1] = EXP_PARTS();
    var REST[1][3] = EXP_REST();
    var units = 0;
    var eighths = 0;
    var parts = 0;
    for (var set = 0; set < (1 << n); set++) {
        units += UNITS[set][0] * products[2].out[set];
        eighths += EIGHTHS[set][0] * products[1].out[set];
        parts += PARTS[set][0] * products[0].out[set];
    }
    signal whole <== units * eighths;
    signal rest <== (REST[0][0] * t + REST[0][1]) * t + REST[0][2];
    signal small <== parts * rest;
    signal product <== whole * small;

    var factors = FIXED_EXP_UNITS_SCALE() + FIXED_EXP_EIGHTHS_SCALE() + FIXED_EXP_PARTS_SCALE();
    var drop = factors + FIXED_EXP_REST_SCALE() - FIXED_FRACTION();
    signal sum[drop + FIXED_EXP()] <== Bits(drop + FIXED_EXP())(product + (1 << (drop - 1)));
    var rounded = 0;
    for (var i = 0; i < FIXED_EXP(); i++) rounded += sum[drop + i] * (1 << i);
    out <== rounded;
}

/// RootFloor: floor(sqrt(in / divisor)).
/// twins   src/protocol/fixed.ts
/// params  divisor; n: width of the root, 2 n + bits of the divisor <= 250
/// in      in   0 <= in < divisor 2^(2n): no witness exists otherwise
/// out     out  ranged here
template RootFloor(divisor, n) {
    var width = n + 1;
    for (var at = divisor; at > 0; at \= 2) width++;
    assert(width + n <= 251);
    signal input in;
    signal output out;
    var root = 0;
    for (var bit = 1 << (n - 1); bit > 0; bit \= 2) {
        if (divisor * (root + bit) * (root + bit) <= in) root += bit;
    }
    // Hint, then bind: divisor out^2 <= in < divisor (out + 1)^2, and nothing reaches the modulus.
    out <-- root;
    signal square <== out * out;
    signal rest <== in - divisor * square;
    Range(n)(out);
    Range(width)(rest);
    Range(width)(divisor * (2 * out + 1) - 1 - rest);
}

/// Floored: floor(in / 2^drop).
/// in      0 <= in < 2^n; no witness exists otherwise
template Floored(n, drop) {
    signal input in;
    signal output out;
    signal bits[n] <== Bits(n)(in);
    var sum = 0;
    for (var i = drop; i < n; i++) sum += bits[i] * (1 << (i - drop));
    out <== sum;
}

/// Quotient: floor(in / divisor), of a numerator of at least 0.
/// params  n: width of the quotient; m: width of the divisor; n + m <= 250
/// in      in       0 <= in < divisor 2^n: no witness exists otherwise
///         divisor  1 <= divisor < 2^m, ranged by the caller
/// out     out      0 <= out < 2^n, ranged here
template Quotient(n, m) {
    assert(n + m <= 250);
    signal input in;
    signal input divisor;
    signal output out;
    // Hint, then bind: in = out divisor + rest with 0 <= rest < divisor, and nothing reaches the modulus.
    out <-- in \ divisor;
    signal rest <== in - out * divisor;
    Range(n)(out);
    Range(m)(rest);
    Range(m)(divisor - 1 - rest);
}

/// QuotientFloor: floor(in / divisor), of a numerator of either sign.
/// twins   src/protocol/numbers.ts (divFloor)
/// params  n: width of the quotient; m: width of the divisor; n + m <= 249
/// in      in       -divisor 2^n <= in < divisor 2^n: no witness exists otherwise
///         divisor  1 <= divisor < 2^m, ranged by the caller
/// out     out      -2^n <= out < 2^n, ranged here
template QuotientFloor(n, m) {
    signal input in;
    signal input divisor;
    signal raised <== Quotient(n + 1, m)(in + divisor * (1 << n), divisor);
    signal output out <== raised - (1 << n);
}
