pragma circom 2.2.0;

/// Canonical: the 254 low-first bits of a field element, those of its integer in [0, r). Any field element.
/// out     out[254]  bits; no other bits satisfy the rules
/// costs   254, and 1 for each of the 53 runs of ones in r - 1
/// Rule 1: bits whose sum is the element: its integer, or, where that fits in 254 bits, its integer plus r.
/// Rule 2: their number is at most r - 1. From the top, r - 1 is a run of ones, a run of zeros, and so on. Bits exceed
/// it exactly if, for some run of zeros, all bits are 1 where r - 1 has its ones above it, and a bit in it is 1.
template Canonical() {
    signal input in;
    signal output out[254];
    var sum = 0;
    for (var i = 0; i < 254; i++) {
        // Hint, then bind: see the rules.
        out[i] <-- (in >> i) & 1;
        out[i] * (out[i] - 1) === 0;
        sum += out[i] * (1 << i);
    }
    sum === in;

    // -1 is r - 1, which ends in zeros.
    var limit = -1;
    var runs = 0;
    for (var i = 1; i < 254; i++) runs += ((limit >> i) & 1) * (1 - ((limit >> (i - 1)) & 1));
    signal factor[runs];
    var missing = 0;
    var excess = 0;
    var run = 0;
    for (var i = 253; i >= 0; i--) {
        if (((limit >> i) & 1) == 1) {
            missing += 1 - out[i];
        } else {
            excess += out[i];
            if (i == 0 || ((limit >> (i - 1)) & 1) == 1) {
                // Hint, then bind: where missing = 0 excess is 0, whatever the factor; else factor = excess / missing.
                factor[run] <-- missing != 0 ? excess / missing : 0;
                missing * factor[run] === excess;
                excess = 0;
                run++;
            }
        }
    }
}
