pragma circom 2.2.0;

include "bits.circom";
include "canonical.circom";
include "vector.circom";
include "../generated/parameters.circom";

/// Words that hold the orders of an item of at most Q.
function ORDER_WORDS(Q) { return (Q + ORDERS_A_WORD() - 1) \ ORDERS_A_WORD(); }

/// Item: the fields of a trader's item, from its words (docs/protocol.md, section 7). Total: any field elements.
/// twins   src/protocol/item.ts (A_COLUMNS, ORDER_COLUMNS, WITHDRAWAL_COLUMNS, QUOTE_COLUMNS, decodeItem)
/// params  Q  1: an item of kind quotes has no witness; LIST_ORDERS: all kinds
/// in      A
///         words       of a list of quotes; of another kind the first is B, and on others nothing depends that is used.
///                     Beyond the first no word may leave its columns, or no witness exists: src/protocol/item.ts (requireItem)
///                     keeps a list that does out of the log, where the kind is not one that a chain takes
/// out     wellFormed  1 iff no bit lies beyond the columns, a list has 1 to 8 orders, and the kind is one that a trader may send
///         isOrder, isCancel, isWithdrawal, isQuotes  at most one is 1; all are 0 for another kind
///         used[j]     whether a well formed item has order j; used[0] is 1 whatever the item is
///         others      columns of the canonical bits, whether well formed or not
template Item(Q) {
    var W = ORDER_WORDS(Q);
    signal input A;
    signal input words[W];
    signal output wellFormed;
    signal output isOrder;
    signal output isCancel;
    signal output isWithdrawal;
    signal output isQuotes;
    signal output market;
    signal output account[BITS_ACCOUNT()];
    signal output nonce[BITS_NONCE()];
    signal output flags[BITS_FLAGS()];
    signal output validUntil;
    signal output expiry;
    signal output used[Q];
    signal output side[Q];
    signal output limit[Q][BITS_PRICE() + 1];
    signal output size[Q];
    signal output replaces;
    signal output maxFee;
    signal output amount;

    // Canonical bits: no other decomposition exists, so a good item cannot be made to look malformed, nor the reverse.
    signal a[254] <== Canonical()(A);
    signal b[254] <== Canonical()(words[0]);
    // Bits of orders: of those of a list that follow the third the words must fit in the columns of three, or there is no witness.
    var orderBits = BITS_PRICE() + 1 + BITS_SIZE() + BITS_SIDE();
    var wordBits = ORDERS_A_WORD() * orderBits;
    signal bits[W][wordBits];
    for (var i = 0; i < wordBits; i++) bits[0][i] <== b[i];
    for (var w = 1; w < W; w++) bits[w] <== Bits(wordBits)(words[w]);

    var kindNumber = 0;
    for (var i = 0; i < BITS_KIND(); i++) kindNumber += a[i] * (1 << i);
    signal kind <== kindNumber;
    var at = BITS_KIND();
    var sum = 0;
    for (var i = 0; i < BITS_MARKET(); i++) sum += a[at + i] * (1 << i);
    market <== sum;
    at += BITS_MARKET();
    for (var i = 0; i < BITS_ACCOUNT(); i++) account[i] <== a[at + i];
    at += BITS_ACCOUNT();
    for (var i = 0; i < BITS_NONCE(); i++) nonce[i] <== a[at + i];
    at += BITS_NONCE();
    var sideA = a[at];
    at += BITS_SIDE();
    for (var i = 0; i < BITS_FLAGS(); i++) flags[i] <== a[at + i];
    at += BITS_FLAGS();
    sum = 0;
    for (var i = 0; i < BITS_TIME(); i++) sum += a[at + i] * (1 << i);
    validUntil <== sum;
    at += BITS_TIME();
    sum = 0;
    for (var i = 0; i < BITS_TIME(); i++) sum += a[at + i] * (1 << i);
    expiry <== sum;
    at += BITS_TIME();
    var beyondA = 0;
    for (var i = at; i < 254; i++) beyondA += a[i];

    isOrder <== IsEqual()(kind, KIND_ORDER());
    isCancel <== IsEqual()(kind, KIND_CANCEL());
    isWithdrawal <== IsEqual()(kind, KIND_WITHDRAWAL());
    isQuotes <== IsEqual()(kind, KIND_QUOTES());

    // Limit and size are the lowest columns of an order in B as in a word of a list.
    for (var j = 0; j < Q; j++) {
        var w = j \ ORDERS_A_WORD();
        at = (j % ORDERS_A_WORD()) * orderBits;
        for (var i = 0; i < BITS_PRICE() + 1; i++) limit[j][i] <== bits[w][at + i];
        at += BITS_PRICE() + 1;
        sum = 0;
        for (var i = 0; i < BITS_SIZE(); i++) sum += bits[w][at + i] * (1 << i);
        size[j] <== sum;
        at += BITS_SIZE();
        if (j > 0) side[j] <== bits[w][at];
    }
    at = BITS_PRICE() + 1 + BITS_SIZE();
    sum = 0;
    for (var i = 0; i < BITS_NONCE(); i++) sum += b[at + i] * (1 << i);
    var replacesB = sum;
    at += BITS_NONCE();
    sum = 0;
    for (var i = 0; i < BITS_MAX_FEE(); i++) sum += b[at + i] * (1 << i);
    var maxFeeB = sum;
    at += BITS_MAX_FEE();
    var beyondOrder = 0;
    for (var i = at; i < 254; i++) beyondOrder += b[i];
    at = BITS_RECIPIENT();
    sum = 0;
    for (var i = 0; i < BITS_AMOUNT(); i++) sum += b[at + i] * (1 << i);
    amount <== sum;
    at += BITS_AMOUNT();
    var beyondWithdrawal = 0;
    for (var i = at; i < 254; i++) beyondWithdrawal += b[i];

    // Bits beyond the columns that count for this kind; sums of bits, so 0 iff all are.
    signal beyondB <== Select()(isWithdrawal, beyondWithdrawal, beyondOrder);
    used[0] <== 1;
    if (Q == 1) {
        isQuotes === 0;
        side[0] <== sideA;
        replaces <== replacesB;
        maxFee <== maxFeeB;
        signal fits <== IsZero()(beyondA + beyondB);
        wellFormed <== fits * (isOrder + isCancel + isWithdrawal);
    } else {
        // Above the last order stands the highest fee.
        at = (Q - ORDERS_A_WORD() * (W - 1)) * orderBits;
        sum = 0;
        for (var i = 0; i < BITS_MAX_FEE(); i++) sum += bits[W - 1][at + i] * (1 << i);
        maxFee <== Select()(isQuotes, sum, maxFeeB);
        at += BITS_MAX_FEE();
        var beyondList = 0;
        for (var i = at; i < wordBits; i++) beyondList += bits[W - 1][i];
        for (var i = wordBits; i < 254; i++) beyondList += b[i];
        side[0] <== Select()(isQuotes, bits[0][orderBits - BITS_SIDE()], sideA);
        replaces <== (1 - isQuotes) * replacesB;

        // The flags are the number of orders: 8 is the fourth alone, and none is beyond.
        signal few[1 << 3] <== OneHot(3)([flags[0], flags[1], flags[2]]);
        signal misfit <== (flags[3] - few[0]) * (flags[3] - few[0]);
        beyondList += misfit;
        for (var i = 4; i < BITS_FLAGS(); i++) beyondList += flags[i];
        // An order that is not used is 0.
        signal listed[Q];
        signal unused[Q];
        for (var j = 0; j < Q; j++) {
            var more = 0;
            for (var i = j + 1; i < 1 << 3; i++) more += few[i];
            listed[j] <== Or()(flags[3], more);
            if (j > 0) used[j] <== isQuotes * listed[j];
            sum = 0;
            for (var i = 0; i < orderBits; i++) sum += bits[j \ ORDERS_A_WORD()][(j % ORDERS_A_WORD()) * orderBits + i];
            unused[j] <== (1 - listed[j]) * sum;
            beyondList += unused[j];
        }
        signal beyond <== Select()(isQuotes, beyondList, beyondB);
        signal fits <== IsZero()(beyondA + beyond);
        wellFormed <== fits * (isOrder + isCancel + isWithdrawal + isQuotes);
    }
}
