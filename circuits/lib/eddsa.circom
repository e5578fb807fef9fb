pragma circom 2.2.0;

include "babyjub.circom";
include "bits.circom";
include "poseidon.circom";

/// l, the order of the prime subgroup. 2^250 < l < 2^251, and r < 8 l < r + 2^126 for the field's modulus r.
function ORDER() { return 2736030358979909402780800718157159386076813972158567259200215660948447373041; }

/// Scalar: a field element as a scalar that acts on the prime subgroup as its integer does, in the form that
/// MultiplySigned and MultiplyFixedSigned read.
/// params  exact  0 or 1, see below
/// in      in     any field element
/// out     bits, positive   bits with bits - (1 - positive) 2^250 = in modulo l, where bits stands
///                          for the sum of bits[i] 2^i
///         quotient         0 to 7; 0 only if in < l, and where exact, 0 if in < l
/// costs   254, or 257 if exact
/// Rule 1: in = I modulo r with I = bits + (1 - positive) (l - 2^250) + quotient l. As bits < 2^250, bits and
/// bits + l - 2^250 cover [0, l) without leaving it, and I covers [0, 8 l): there is a form for each element, and I can
/// be no other number than its integer, except where that is below 8 l - r < 2^126: there it may also be in + r.
///     exact = 0  That is tolerated: the input is a hash, and to find one below 2^126 takes 2^128 trials.
///     exact = 1  For any input. Rule 2: where quotient = 7 and positive = 0, I is less by 8 l - r, so that I is always
///                below r, and [7 l, r) still is covered. There bits are no longer right modulo l.
template Scalar(exact) {
    signal input in;
    signal output bits[250];
    signal output positive;
    signal output quotient;

    // Hint, then bind: the quotient; positive wherever bits have room; then the bits.
    var whole = in \ ORDER();
    signal quotientBits[3];
    var value = 0;
    for (var i = 0; i < 3; i++) {
        quotientBits[i] <-- (whole >> i) & 1;
        quotientBits[i] * (quotientBits[i] - 1) === 0;
        value += quotientBits[i] * (1 << i);
    }
    quotient <== value;
    positive <-- in % ORDER() < (1 << 250) ? 1 : 0;
    positive * (positive - 1) === 0;
    var offset = (1 - positive) * (ORDER() - (1 << 250)) + value * ORDER();
    if (exact) {
        signal six <== quotientBits[1] * quotientBits[2];
        signal seven <== quotientBits[0] * six;
        signal last <== seven * (1 - positive);
        offset -= last * (8 * ORDER()); // 8 l is 8 l - r in the field
    }
    var low = in - offset;
    var sum = offset;
    for (var i = 0; i < 250; i++) {
        bits[i] <-- (low >> i) & 1;
        bits[i] * (bits[i] - 1) === 0;
        sum += bits[i] * (1 << i);
    }
    sum === in;
}

/// BothZero: 1 if a = 0 and b = 0, else 0. Any field elements.
template BothZero() {
    signal input a;
    signal input b;
    signal output out;
    // Hint, then bind: where a or b is not 0 the first two rules make out 0; where both are 0 the last makes out 1. The
    // factors are free within a * left + b * right = 1 - out and are used nowhere else.
    out <-- a == 0 && b == 0 ? 1 : 0;
    a * out === 0;
    b * out === 0;
    signal left <-- a != 0 ? 1 / a : 0;
    signal right <-- a == 0 && b != 0 ? 1 / b : 0;
    signal part <== a * left;
    b * right === 1 - out - part;
}

/// Signature: is (R8, S) an EdDSA-Poseidon signature of the message by the holder of the key?
/// twins   src/protocol/eddsa.ts (verify)
/// in      keyGiven   a bit; 0: the answer is 0 and the key may be anything
///         keyX, keyY   of the account: in the prime subgroup, not the identity; so it was made, as 8 K', when the
///                      account was opened
///         R8x, R8y, S, message   any field elements: a witness exists for all of them
/// out     valid   1 if S < l, R8 is on the curve and S BASE8 = R8 + h 8 key; else 0. No other answer has a proof,
///                 unless someone finds an h below 2^126, see Scalar
/// Rule 1: S < l. Rule 2: S BASE8 - h (8 key) is R8, which puts R8 on the curve without asking. It is computed for any
/// S and h without exceptional cases, see babyjub.circom, so nothing depends on R8 but h and the comparison.
template Signature() {
    signal input keyGiven;
    signal input keyX;
    signal input keyY;
    signal input R8x;
    signal input R8y;
    signal input S;
    signal input message;
    signal output valid;

    signal h <== Hash(0, 5)([R8x, R8y, keyX, keyY, message]);

    // BASE8 in place of a key that is not given.
    var base8[2] = [
        5299619240641551281634865583518297030282874472190772894086521144482721001553,
        16950150798460657717958625567821834550301663161624707787222815936182638968203
    ];
    signal x <== Select()(keyGiven, keyX, base8[0]);
    signal y <== Select()(keyGiven, keyY, base8[1]);
    signal key[2] <== ToMontgomery()([x, y]);
    signal twice[2] <== MontgomeryDouble()(key);
    signal fourfold[2] <== MontgomeryDouble()(twice);
    signal eightfold[2] <== MontgomeryDouble()(fourfold);

    signal sBits[250];
    signal sPositive;
    signal sQuotient;
    (sBits, sPositive, sQuotient) <== Scalar(1)(S);
    signal hBits[250];
    signal hPositive;
    (hBits, hPositive, _) <== Scalar(0)(h);

    // Classes 4 and 2: neither equal nor negatives, and their difference has class 2.
    signal left[2] <== MultiplyFixedSigned()(sBits, sPositive);
    signal right[2] <== MultiplySigned(251)(eightfold, hBits, hPositive);
    signal difference[2] <== MontgomeryAdd()(left, [right[0], -right[1]]);
    signal point[2] <== FromClass2()(difference);
    signal equal <== BothZero()(point[0] - R8x, point[1] - R8y);

    signal below <== IsZero()(sQuotient);
    signal allowed <== keyGiven * below;
    valid <== allowed * equal;
}
