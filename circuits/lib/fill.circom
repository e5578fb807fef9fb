pragma circom 2.2.0;

include "bits.circom";
include "fee.circom";
include "../generated/parameters.circom";

/// A fill's word is what its order got (FILL_COLUMNS of src/protocol/book.ts), and, above, the trade, which all fills of a
/// clearing share (TRADE_COLUMNS). 148 bits and 105: one word of 253.

/// UnpackFill: what an order got.
/// in      word     below 2^148: ranged here; no witness exists otherwise
/// out     account  bits, low first
///         closed   a bit
///         lots     signed field element; size its absolute value
///         release
template UnpackFill() {
    signal input word;
    signal output account[BITS_ACCOUNT()];
    signal output closed;
    signal output lots;
    signal output size;
    signal output release;
    signal bits[TRADE_AT()] <== Bits(TRADE_AT())(word);
    var at = 0;
    for (var i = 0; i < BITS_ACCOUNT(); i++) account[i] <== bits[at + i];
    at += BITS_ACCOUNT();
    closed <== bits[at];
    at += 1;
    component parts = Absolute(BITS_SIZE());
    for (var i = 0; i <= BITS_SIZE(); i++) parts.bits[i] <== bits[at + i];
    lots <== parts.value;
    size <== parts.out;
    at += BITS_SIZE() + 1;
    var sum = 0;
    for (var i = 0; i < BITS_RELEASE(); i++) sum += bits[at + i] * (1 << i);
    release <== sum;
}

/// UnpackTrade: what all fills of a clearing share.
/// in      trade    below 2^105: ranged here; no witness exists otherwise
/// out     slot     of the market
///         price    signed field element, of the clearing; priceSize its absolute value
///         funding  signed field element: sum w F
template UnpackTrade() {
    signal input trade;
    signal output slot;
    signal output price;
    signal output priceSize;
    signal output funding;
    var width = BITS_SLOT() + (BITS_PRICE() + 1) + BITS_LEGS_VALUE();
    signal bits[width] <== Bits(width)(trade);
    var at = 0;
    var sum = 0;
    for (var i = 0; i < BITS_SLOT(); i++) sum += bits[at + i] * (1 << i);
    slot <== sum;
    at += BITS_SLOT();
    component parts = Absolute(BITS_PRICE());
    for (var i = 0; i <= BITS_PRICE(); i++) parts.bits[i] <== bits[at + i];
    price <== parts.value;
    priceSize <== parts.out;
    at += BITS_PRICE() + 1;
    sum = 0;
    for (var i = 0; i < BITS_LEGS_VALUE(); i++) sum += bits[at + i] * (1 << i);
    funding <== sum - (1 << (BITS_LEGS_VALUE() - 1));
}

/// Trade: the number that UnpackTrade takes apart.
/// in      slot, price, funding  in their ranges: of OneHotOf, of Bits and of a row of the prices, see Clear
template Trade() {
    signal input slot;
    signal input price;
    signal input funding;
    signal output out <== slot + (price + (1 << BITS_PRICE())) * (1 << BITS_SLOT())
        + (funding + (1 << (BITS_LEGS_VALUE() - 1))) * (1 << (BITS_SLOT() + BITS_PRICE() + 1));
}

/// Where the trade begins in a fill's word.
function TRADE_AT() {
    return BITS_ACCOUNT() + 1 + (BITS_SIZE() + 1) + BITS_RELEASE();
}
