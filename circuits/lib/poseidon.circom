pragma circom 2.2.0;

include "../generated/poseidonConstants.circom";

/// HashTagged: Poseidon of n field elements under a domain tag, which is the initial capacity element.
/// twins   src/protocol/poseidon.ts
/// params  1 <= n <= 16
/// in      tag, in[n]  any field elements
/// out     out    the first element of the last state
/// costs   3 constraints for each s-box; no linear ones and no hints
/// The state is kept in vars, as sums of signals: of the powers in full rounds, of the arguments in partial rounds. With
/// the argument a signal, its fifth power is a sum, which stands once; a sum as the argument would stand three times.
/// The elements that wait in the partial rounds do so in the coordinates of src/protocol/poseidonConstants.ts.
template HashTagged(n) {
    assert(n >= 1 && n <= 16);
    var t = n + 1;
    var rounds = POSEIDON_FULL_ROUNDS();
    var half = rounds \ 2;
    var partial = POSEIDON_PARTIAL_ROUNDS(n);
    var matrix[t * t] = POSEIDON_MATRIX(n);
    var entry[t * t] = POSEIDON_ENTRY(n);
    var full[rounds * t] = POSEIDON_FULL(n);
    var constants[partial] = POSEIDON_PARTIAL(n);
    var rows[partial * n] = POSEIDON_ROWS(n);
    var columns[partial * n] = POSEIDON_COLUMNS(n);
    var corner = matrix[0];
    var cornerInverse = POSEIDON_CORNER_INVERSE(n);

    signal input tag;
    signal input in[n];
    signal output out;

    signal square[rounds][t];
    signal fourth[rounds][t];
    signal fifth[rounds - 1][t];
    signal lastFifth[n];
    signal partialSquare[partial];
    signal partialFourth[partial];
    /// Argument of partial round k + 1, without its constant.
    signal argument[partial];

    var state[t];
    var next[t];
    var sum;
    var x;
    state[0] = tag;
    for (var i = 0; i < n; i++) state[i + 1] = in[i];

    for (var round = 0; round < rounds - 1; round++) {
        if (round == half) {
            for (var k = 0; k < partial; k++) {
                x = state[0] + constants[k];
                partialSquare[k] <== x * x;
                partialFourth[k] <== partialSquare[k] * partialSquare[k];
                sum = 0;
                for (var i = 0; i < n; i++) sum += rows[k * n + i] * state[i + 1];
                argument[k] <== corner * partialFourth[k] * x + sum;
                var power = (argument[k] - sum) * cornerInverse;
                for (var i = 0; i < n; i++) state[i + 1] += columns[k * n + i] * power;
                state[0] = argument[k];
            }
        }
        var layer[t * t] = matrix;
        if (round == half - 1) layer = entry;
        for (var i = 0; i < t; i++) next[i] = 0;
        for (var j = 0; j < t; j++) {
            x = state[j] + full[round * t + j];
            square[round][j] <== x * x;
            fourth[round][j] <== square[round][j] * square[round][j];
            fifth[round][j] <== fourth[round][j] * x;
            for (var i = 0; i < t; i++) next[i] += layer[i * t + j] * fifth[round][j];
        }
        state = next;
    }

    // Of the last round only the first element is wanted: its own fifth power is no signal.
    var last = rounds - 1;
    sum = 0;
    for (var j = 0; j < t; j++) {
        x = state[j] + full[last * t + j];
        square[last][j] <== x * x;
        fourth[last][j] <== square[last][j] * square[last][j];
        if (j > 0) {
            lastFifth[j - 1] <== fourth[last][j] * x;
            sum += matrix[j] * lastFifth[j - 1];
        }
    }
    out <== corner * fourth[last][0] * (state[0] + full[last * t]) + sum;
}

/// Hash: the same under a known tag, 0 <= tag < 2^250.
/// costs   3 constraints less: the first s-box has a known argument
template Hash(tag, n) {
    signal input in[n];
    signal output out <== HashTagged(n)(tag, in);
}
