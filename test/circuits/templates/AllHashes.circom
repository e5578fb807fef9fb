pragma circom 2.2.0;

include "../../../circuits/lib/poseidon.circom";

/// A hash of each arity: out[i] of the first i + 1 inputs, under tag i + 5.
template AllHashes() {
    signal input in[16];
    signal output out[16];
    component hash[16];
    for (var i = 0; i < 16; i++) {
        hash[i] = Hash(i + 5, i + 1);
        for (var j = 0; j <= i; j++) hash[i].in[j] <== in[j];
        out[i] <== hash[i].out;
    }
}
