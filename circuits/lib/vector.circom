pragma circom 2.2.0;

include "bits.circom";

/// OneHot: element i of the 2^k outputs is 1 where i is the number with these bits, the others are 0.
/// in      in[k]      already bits, low first; k >= 2
/// out     out[2^k]
/// costs   2^k - k - 1
template OneHot(k) {
    assert(k >= 2);
    signal input in[k];
    signal output out[1 << k];
    // The one-hot of the low j + 1 bits from that of the low j: each element goes to the upper half where bit j is 1. The
    // upper half sums to bit j, which gives its first element; what does not go up stays below.
    signal upper[(1 << k) - k - 1];
    var used = 0;
    var one[1 << k];
    one[0] = 1;
    for (var j = 0; j < k; j++) {
        var half = 1 << j;
        one[half] = in[j];
        for (var i = 1; i < half; i++) {
            upper[used] <== one[i] * in[j];
            one[half + i] = upper[used];
            one[half] -= upper[used];
            one[i] -= upper[used];
            used++;
        }
        one[0] -= one[half];
    }
    for (var i = 0; i < 1 << k; i++) out[i] <== one[i];
}

/// OneHotOf: the one-hot of a number.
/// proves  0 <= in < 2^k; no witness exists otherwise
/// costs   2^k - 1
template OneHotOf(k) {
    signal input in;
    signal bits[k] <== Bits(k)(in);
    signal output out[1 << k] <== OneHot(k)(bits);
}

/// Pick: the element where `one` is 1; 0 where it is all 0.
/// in      one[n]  bits of which at most one is 1: of OneHotOf, or, in Admit, whether an id is the one that is named, as
///                 src/protocol/genesis.ts refuses an id that stands twice
template Pick(n) {
    signal input one[n];
    signal input in[n];
    signal output out;
    signal part[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        part[i] <== one[i] * in[i];
        sum += part[i];
    }
    out <== sum;
}

/// Put: the elements of in, with value in place of each where `one` is 1.
/// in      one[n]  already bits
template Put(n) {
    signal input one[n];
    signal input in[n];
    signal input value;
    signal output out[n];
    for (var i = 0; i < n; i++) out[i] <== in[i] + one[i] * (value - in[i]);
}
