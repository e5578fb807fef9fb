pragma circom 2.2.0;

include "bits.circom";
include "../generated/parameters.circom";

/// UnpackFill: the columns of a fill's word (FILL_COLUMNS of src/protocol/book.ts).
/// in      word     below 2^241: ranged here; no witness exists otherwise
/// out     account  bits, low first
///         closed   a bit
///         lots, fee  signed field elements; release
template UnpackFill() {
    signal input word;
    signal output account[BITS_ACCOUNT()];
    signal output closed;
    signal output lots;
    signal output release;
    signal output fee;
    var width = BITS_ACCOUNT() + 1 + (BITS_SIZE() + 1) + BITS_RELEASE() + (BITS_FILL_FEE() + 1);
    signal bits[width] <== Bits(width)(word);
    var at = 0;
    for (var i = 0; i < BITS_ACCOUNT(); i++) account[i] <== bits[at + i];
    at += BITS_ACCOUNT();
    closed <== bits[at];
    at += 1;
    var sum = 0;
    for (var i = 0; i <= BITS_SIZE(); i++) sum += bits[at + i] * (1 << i);
    lots <== sum - (1 << BITS_SIZE());
    at += BITS_SIZE() + 1;
    sum = 0;
    for (var i = 0; i < BITS_RELEASE(); i++) sum += bits[at + i] * (1 << i);
    release <== sum;
    at += BITS_RELEASE();
    sum = 0;
    for (var i = 0; i <= BITS_FILL_FEE(); i++) sum += bits[at + i] * (1 << i);
    fee <== sum - (1 << BITS_FILL_FEE());
}
