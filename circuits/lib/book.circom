pragma circom 2.2.0;

include "bits.circom";
include "../generated/parameters.circom";

/// UnpackEntry: the columns of an open order's word (ENTRY_COLUMNS of src/protocol/book.ts).
/// in      word     below 2^237: ranged here; no witness exists otherwise
/// out     key      account and nonce as one number of 60 bits
///         account, nonce, side, remaining, rho, expiry, thisAuction
///         limit    signed field element; limitSize its absolute value
template UnpackEntry() {
    signal input word;
    signal output key;
    signal output account;
    signal output nonce;
    signal output side;
    signal output limit;
    signal output limitSize;
    signal output remaining;
    signal output rho;
    signal output expiry;
    signal output thisAuction;
    var width = REMAINING_AT() + BITS_SIZE() + BITS_RHO() + BITS_TIME() + 1;
    signal bits[width] <== Bits(width)(word);
    var at = 0;
    var sum = 0;
    for (var i = 0; i < BITS_ACCOUNT(); i++) sum += bits[at + i] * (1 << i);
    account <== sum;
    at += BITS_ACCOUNT();
    sum = 0;
    for (var i = 0; i < BITS_NONCE(); i++) sum += bits[at + i] * (1 << i);
    nonce <== sum;
    key <== account + nonce * (1 << BITS_ACCOUNT());
    at += BITS_NONCE();
    side <== bits[at];
    at += BITS_SIDE();
    sum = 0;
    for (var i = 0; i <= BITS_PRICE(); i++) sum += bits[at + i] * (1 << i);
    limit <== sum - (1 << BITS_PRICE());
    limitSize <== limit * (2 * bits[at + BITS_PRICE()] - 1);
    at += BITS_PRICE() + 1;
    sum = 0;
    for (var i = 0; i < BITS_SIZE(); i++) sum += bits[at + i] * (1 << i);
    remaining <== sum;
    at += BITS_SIZE();
    sum = 0;
    for (var i = 0; i < BITS_RHO(); i++) sum += bits[at + i] * (1 << i);
    rho <== sum;
    at += BITS_RHO();
    sum = 0;
    for (var i = 0; i < BITS_TIME(); i++) sum += bits[at + i] * (1 << i);
    expiry <== sum;
    at += BITS_TIME();
    thisAuction <== bits[at];
}

/// Where `remaining` begins in an open order's word.
function REMAINING_AT() {
    return BITS_ACCOUNT() + BITS_NONCE() + BITS_SIDE() + BITS_PRICE() + 1;
}
