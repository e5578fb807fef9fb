pragma circom 2.2.0;

include "bits.circom";
include "../generated/parameters.circom";

/// DivideUp: ceil(x / 10^6), the rounding of a fee: never in favour of the one who pays.
/// twins   src/protocol/market.ts (fee)
/// params  n: width of the quotient, n + 20 <= 250
/// in      x    0 <= x <= 10^6 (2^n - 1): feeRate, at most 10^6 by src/protocol/genesis.ts, times a limit that Item ranges,
///              or a price that Clear ranges and lots that UnpackEntry and Claims do; no witness exists otherwise
/// out     out  the quotient, ranged here
template DivideUp(n) {
    assert(n + 20 <= 250);
    signal input x;
    signal output out;
    // Hint, then bind: 10^6 out = x + rest with 0 <= rest < 10^6, and neither side reaches the modulus: one out only.
    out <-- (x + FEE_DENOMINATOR() - 1) \ FEE_DENOMINATOR();
    signal rest <== FEE_DENOMINATOR() * out - x;
    Range(n)(out);
    Range(20)(rest);
    Range(20)(FEE_DENOMINATOR() - 1 - rest);
}

/// Absolute: |x| of a number given as x + 2^n in n + 1 bits, low first (already bits).
/// out     value  x
///         out    |x|
template Absolute(n) {
    signal input bits[n + 1];
    signal output value;
    signal output out;
    var offset = 0;
    for (var i = 0; i <= n; i++) offset += bits[i] * (1 << i);
    value <== offset - (1 << n);
    out <== value * (2 * bits[n] - 1);
}
