pragma circom 2.2.0;

include "bits.circom";

/// Bits that a number takes, at least 1.
function WIDTH(x) {
    var n = 1;
    while (x >> n != 0) n++;
    return n;
}

/// NotZero: in is not 0. Any field element.
template NotZero() {
    signal input in;
    // Hint, then bind: only what is not 0 has an inverse.
    signal inverse <-- 1 / in;
    in * inverse === 1;
}

/// Positive: 1 <= in < 2^n, n <= 253.
template Positive(n) {
    signal input in;
    Range(n)(in);
    NotZero()(in);
}

/// Within: least <= in <= most; 0 <= least <= most < 2^250.
template Within(least, most) {
    signal input in;
    var n = WIDTH(most - least);
    Range(n)(in - least);
    if (most - least + 1 != 1 << n) Range(n)(most - in);
}

/// Multiples: ceil(x / d).
/// params  k, n: widths of d and of the quotient; k + n <= 250
/// in      d    1 <= d < 2^k: of the caller's parameters
///         x    0 <= x <= d (2^n - 1); no witness exists otherwise
/// out     out  the quotient, ranged here
template Multiples(k, n) {
    assert(k + n <= 250);
    signal input d;
    signal input x;
    signal output out;
    // Hint, then bind: d out = x + rest with 0 <= rest < d, and neither side reaches the modulus: one out only.
    out <-- (x + d - 1) \ d;
    Range(n)(out);
    signal rest <== d * out - x;
    Range(k)(rest);
    Range(k)(d - 1 - rest);
}
