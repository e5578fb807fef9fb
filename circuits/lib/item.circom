pragma circom 2.2.0;

include "bits.circom";
include "canonical.circom";
include "../generated/parameters.circom";

/// Item: the fields of a trader's item, from its two words (docs/protocol.md, section 7). Total: any field elements.
/// twins   src/protocol/item.ts (A_COLUMNS, ORDER_COLUMNS, WITHDRAWAL_COLUMNS, decodeItem)
/// out     wellFormed  1 iff no bit lies beyond the columns and the kind is one that a trader may send
///         isOrder, isCancel, isWithdrawal  at most one is 1; all are 0 for another kind
///         others      columns of the canonical bits, whether well formed or not
template Item() {
    signal input A;
    signal input B;
    signal output wellFormed;
    signal output isOrder;
    signal output isCancel;
    signal output isWithdrawal;
    signal output market;
    signal output account[BITS_ACCOUNT()];
    signal output nonce;
    signal output side;
    signal output flags[BITS_FLAGS()];
    signal output validUntil;
    signal output expiry;
    signal output limit[BITS_PRICE() + 1];
    signal output size;
    signal output replaces;
    signal output maxFee;
    signal output amount;

    // Canonical bits: no other decomposition exists, so a good item cannot be made to look malformed, nor the reverse.
    signal a[254] <== Canonical()(A);
    signal b[254] <== Canonical()(B);

    var at = 0;
    signal kind <== a[0] + 2 * a[1] + 4 * a[2] + 8 * a[3];
    at += BITS_KIND();
    var sum = 0;
    for (var i = 0; i < BITS_MARKET(); i++) sum += a[at + i] * (1 << i);
    market <== sum;
    at += BITS_MARKET();
    for (var i = 0; i < BITS_ACCOUNT(); i++) account[i] <== a[at + i];
    at += BITS_ACCOUNT();
    sum = 0;
    for (var i = 0; i < BITS_NONCE(); i++) sum += a[at + i] * (1 << i);
    nonce <== sum;
    at += BITS_NONCE();
    side <== a[at];
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

    at = 0;
    for (var i = 0; i < BITS_PRICE() + 1; i++) limit[i] <== b[at + i];
    at += BITS_PRICE() + 1;
    sum = 0;
    for (var i = 0; i < BITS_SIZE(); i++) sum += b[at + i] * (1 << i);
    size <== sum;
    at += BITS_SIZE();
    sum = 0;
    for (var i = 0; i < BITS_NONCE(); i++) sum += b[at + i] * (1 << i);
    replaces <== sum;
    at += BITS_NONCE();
    sum = 0;
    for (var i = 0; i < BITS_MAX_FEE(); i++) sum += b[at + i] * (1 << i);
    maxFee <== sum;
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

    isOrder <== IsEqual()(kind, KIND_ORDER());
    isCancel <== IsEqual()(kind, KIND_CANCEL());
    isWithdrawal <== IsEqual()(kind, KIND_WITHDRAWAL());
    // Bits beyond the columns that count for this kind; sums of bits, so 0 iff all are.
    signal beyondB <== Select()(isWithdrawal, beyondWithdrawal, beyondOrder);
    signal fits <== IsZero()(beyondA + beyondB);
    wellFormed <== fits * (isOrder + isCancel + isWithdrawal);
}
