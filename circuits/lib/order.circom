pragma circom 2.2.0;

include "bits.circom";
include "fee.circom";
include "../generated/parameters.circom";

/// OrderTerms: what an item's orders have in common. Where the market or its prices are missing that part is free, and no order
/// of the item is put.
bus OrderTerms {
    signal tick;
    signal lotLimit;
    signal bandSquare;
    signal feeRate;
    signal feePerLot;
    signal rhoMin;
    signal maxFee;
    signal mark;
    signal funding;
    signal low;
    signal high;
    signal slack;
    signal quoted;
}

/// AdmitOrder: rules 9 to 12 of one order, and what it reserves.
/// twins   src/protocol/admission.ts, src/protocol/margin.ts (reservation)
/// in      side, limit  bits; size below 2^32: of Item
///         terms        ranges as genesis, Configure and Reprice checked them; tick is at least 1; quoted a bit
/// out     fails        how many of the rules it breaks
///         limitValue, fee, paid  of one lot at its limit: what the margin of a single order is reckoned with
///         rho          reserved a lot, below 2^62
///         reserved     rho size, below 2^94
template AdmitOrder() {
    signal input side;
    signal input limit[BITS_PRICE() + 1];
    signal input size;
    input OrderTerms() terms;
    signal output fails;
    signal output limitValue;
    signal output fee;
    signal output paid;
    signal output rho;
    signal output reserved;

    // Rule 9: off tick. |limit| = tick quotient + rest, 0 <= rest < tick.
    component limitParts = Absolute(BITS_PRICE());
    limitParts.bits <== limit;
    limitValue <== limitParts.value;
    // Hint, then bind: tick >= 1, both are ranged, and tick quotient < 2^73 does not wrap: one quotient and rest only.
    signal quotient <-- limitParts.out \ terms.tick;
    signal rest <== limitParts.out - terms.tick * quotient;
    Range(BITS_PRICE() + 1)(quotient);
    Range(BITS_TICK())(rest);
    Range(BITS_TICK())(terms.tick - 1 - rest);
    signal onTick <== IsZero()(rest);

    // Rule 10: size from 1 to the lot limit.
    signal sizeNone <== IsZero()(size);
    signal sizeWithin <== AtMost(BITS_SIZE())(size, terms.lotLimit);

    // Rule 11: band, where the row is quoted: band^2 - (limit - mark)^2 >= 0; both are below 2^41.
    signal distance <== limitValue - terms.mark;
    signal distanceSquare <== distance * distance;
    signal inBand <== NotNegative(2 * BITS_PRICE() + 2)(terms.bandSquare - distanceSquare);
    signal offBand <== terms.quoted * (1 - inBand);

    // Rule 12: fee of one lot at the limit within maxFee.
    signal charged <== terms.feeRate * limitParts.out;
    signal quotientFee <== DivideUp(BITS_PRICE() + 1)(charged);
    fee <== quotientFee + terms.feePerLot;
    signal feeWithin <== NotNegative(BITS_MAX_FEE())(terms.maxFee - fee);

    fails <== (1 - onTick) + sizeNone + (1 - sizeWithin) + offBand + (1 - feeWithin);

    // Reservation per lot: the worst over scenarios, fee included, and the slack, at least rhoMin; below 2^62 in size.
    paid <== limitValue - terms.funding;
    signal worst <== (paid - terms.low) + side * (terms.high + terms.low - 2 * paid) + fee + terms.slack;
    signal aboveMin <== NotNegative(BITS_RHO())(worst - terms.rhoMin);
    rho <== Select()(aboveMin, worst, terms.rhoMin);
    reserved <== rho * size;
}

/// OrderSlack: what an order reserves beyond its worst loss: floor((high - low) slack / 64).
/// in      low, high  of the market's prices: high is not below low, and they are below 2^61 in size
///         slack      of the group, 0 to 64
/// out     out        below 2^62
template OrderSlack() {
    signal input low;
    signal input high;
    signal input slack;
    signal output out;
    signal spread <== (high - low) * slack;
    signal bits[BITS_RHO() + 6] <== Bits(BITS_RHO() + 6)(spread);
    var sum = 0;
    for (var i = 0; i < BITS_RHO(); i++) sum += bits[6 + i] * (1 << i);
    out <== sum;
}

/// EntryWord: an open order as ENTRY_COLUMNS of src/protocol/book.ts packs it. No constraints: every column is within its bits, who
/// uses it says why.
template EntryWord() {
    signal input account;
    signal input nonce;
    signal input side;
    signal input limit;
    signal input size;
    signal input rho;
    signal input expiry;
    signal input thisAuction;
    signal output out;
    var word = account;
    var shift = BITS_ACCOUNT();
    word += nonce * (1 << shift);
    shift += BITS_NONCE();
    word += side * (1 << shift);
    shift += BITS_SIDE();
    word += (limit + (1 << BITS_PRICE())) * (1 << shift);
    shift += BITS_PRICE() + 1;
    word += size * (1 << shift);
    shift += BITS_SIZE();
    word += rho * (1 << shift);
    shift += BITS_RHO();
    word += expiry * (1 << shift);
    shift += BITS_TIME();
    out <== word + thisAuction * (1 << shift);
}
