pragma circom 2.2.0;

/// Bits: the n low-first bits of a number.
/// params  n <= 253, so that no second decomposition exists
/// in      in     any field element
/// proves  0 <= in < 2^n; no witness exists otherwise
/// out     out[n] its bits
template Bits(n) {
    assert(n <= 253);
    signal input in;
    signal output out[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        // Hint, then bind: each is a bit, and their sum below is unique as 2^n is less than the modulus.
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        sum += out[i] * (1 << i);
    }
    sum === in;
}

/// Range: 0 <= in < 2^n, n <= 253.
template Range(n) {
    signal input in;
    signal bits[n] <== Bits(n)(in);
}

/// Number: the value of n low-first bits, each already a bit; n <= 253. No constraints.
template Number(n) {
    signal input in[n];
    signal output out;
    var sum = 0;
    for (var i = 0; i < n; i++) sum += in[i] * (1 << i);
    out <== sum;
}

/// Boolean: in is 0 or 1.
template Boolean() {
    signal input in;
    in * (in - 1) === 0;
}

/// UsedFirst: which of N slots are used.
/// in      active  any field elements
/// proves  each is 0 or 1, and no 1 stands behind a 0
template UsedFirst(N) {
    signal input active[N];
    for (var j = 0; j < N; j++) {
        Boolean()(active[j]);
        if (j > 0) active[j] * (1 - active[j - 1]) === 0;
    }
}

/// IsZero: 1 if in = 0, else 0. Any field element.
template IsZero() {
    signal input in;
    signal output out;
    // Hint, then bind: where in is not 0 the second rule makes out 0, and so inverse is 1 / in; where in is 0 the first
    // makes out 1, and inverse is used nowhere else: its freedom is harmless.
    signal inverse <-- in != 0 ? 1 / in : 0;
    out <== 1 - in * inverse;
    in * out === 0;
}

/// IsEqual: 1 if a = b, else 0. Any field elements.
template IsEqual() {
    signal input a;
    signal input b;
    signal output out <== IsZero()(a - b);
}

/// NotNegative: the sign of a number.
/// in      in  -2^n <= in < 2^n, n <= 252: ranged here, no witness exists otherwise
/// out     out 1 if in >= 0, else 0
template NotNegative(n) {
    assert(n <= 252);
    signal input in;
    signal output out;
    signal bits[n + 1] <== Bits(n + 1)(in + (1 << n));
    out <== bits[n];
}

/// AtMost: 1 if a <= b, else 0, where -2^n <= b - a < 2^n, n <= 252; no witness exists otherwise. Admit compares columns of
/// an item with rows of the genesis file, Clear lots that UnpackEntry and Claims have ranged.
template AtMost(n) {
    signal input a;
    signal input b;
    signal output out <== NotNegative(n)(b - a);
}

/// Select: one ? a : b, where one is already a bit.
template Select() {
    signal input one;
    signal input a;
    signal input b;
    signal output out <== b + one * (a - b);
}

/// And, Or: of two values that are already bits.
template And() {
    signal input a;
    signal input b;
    signal output out <== a * b;
}

template Or() {
    signal input a;
    signal input b;
    signal output out <== a + b - a * b;
}
