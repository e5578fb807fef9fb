pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/fee.circom";
include "../lib/fill.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// SettleRow: of a market what booking its fills needs.
bus SettleRow {
    signal slot;
    signal legs[INSTRUMENTS()];
    signal feeRate;
    signal feePerLot;
}

/// OpenSettleRow: the row of a market slot. A free slot has no legs: its fills bear no lots, as nothing is matched there, and
/// so its fees, which nothing binds, are of nothing.
/// in      slot       0 to 15: ranged here
///         rulesRows  of all slots, as opened
template OpenSettleRow() {
    signal input slot;
    signal input rulesRows[MARKETS()];
    input MarketRules() row;
    output SettleRow() out;
    signal at[MARKETS()] <== OneHotOf(BITS_SLOT())(slot);
    signal rowHash <== Pick(MARKETS())(at, rulesRows);
    signal given <== RulesRow()(rowHash, row);
    signal legsWord <== given * row.legs;
    signal legBits[INSTRUMENTS() * (BITS_LEG() + 1)] <== Bits(INSTRUMENTS() * (BITS_LEG() + 1))(legsWord);
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var sum = 0;
        for (var j = 0; j <= BITS_LEG(); j++) sum += legBits[i * (BITS_LEG() + 1) + j] * (1 << j);
        out.legs[i] <== given * (sum - (1 << BITS_LEG()));
    }
    out.slot <== slot;
    out.feeRate <== row.feeRate;
    out.feePerLot <== row.feePerLot;
}

/// SettleSlot: the next fills of the chain, up to K of one account and one clearing, booked in the account; or nothing, in
/// account 0. It may credit account 0 with the venue's part of the fees booked so far.
/// twins   src/protocol/clearing.ts (settled, credited), src/witness/settle.ts
/// params  depth of the account tree, K
/// in      on[k]        a bit: word k is the next fill; else it is that of no fill
///         words[k]     what an order got; trade, which the fills share: as clear put them, the account inside the tree
///         credit       a bit: whether fees are credited; part: what of them is not the venue's
///         account, siblings  of the leaf that the fills name
///         rows         of markets, each once; one is the trade's
///         taken, fees, accounts, holders  as opened or left by the slot before
/// proves  Rule 1: the chain of fills taken grows by these.
///         Rule 2: their account gets, of each, cash -lots (price - funding) less the fee, positions legs lots, its
///         reservation and, if the order is closed, its place among the open ones back; seq grows by one for each that has
///         lots; nothing else changes. Rule 3: the fees are the market's, and account 0 gets each once, but for the part.
///         Rule 4: holders counts the accounts with a position of each instrument.
template SettleSlot(depth, K) {
    signal input on[K];
    signal input words[K];
    signal input trade;
    signal input credit;
    signal input part;
    input Account() account;
    signal input siblings[depth][3];
    input SettleRow() rows[SETTLE_ROWS()];
    signal input taken;
    signal input fees;
    signal input accounts;
    signal input holders[INSTRUMENTS()];
    signal output takenAfter;
    signal output feesAfter;
    signal output accountsAfter;
    signal output holdersAfter[INSTRUMENTS()];

    // The trade's row.
    component terms = UnpackTrade();
    terms.trade <== trade;
    signal at[SETTLE_ROWS()];
    var found = 0;
    for (var g = 0; g < SETTLE_ROWS(); g++) {
        at[g] <== IsEqual()(terms.slot, rows[g].slot);
        found += at[g];
    }
    found === 1;
    signal legs[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var leg[SETTLE_ROWS()];
        for (var g = 0; g < SETTLE_ROWS(); g++) leg[g] = rows[g].legs[i];
        legs[i] <== Pick(SETTLE_ROWS())(at, leg);
    }
    var rates[SETTLE_ROWS()];
    var perLots[SETTLE_ROWS()];
    for (var g = 0; g < SETTLE_ROWS(); g++) {
        rates[g] = rows[g].feeRate;
        perLots[g] = rows[g].feePerLot;
    }
    signal feeRate <== Pick(SETTLE_ROWS())(at, rates);
    signal feePerLot <== Pick(SETTLE_ROWS())(at, perLots);
    signal chargePerLot <== feeRate * terms.priceSize;

    // Rule 1.
    component fill[K];
    signal head[K + 1];
    signal pushed[K];
    signal charged[K];
    signal proportional[K];
    signal flat[K];
    var none = 1 << (BITS_ACCOUNT() + 1 + BITS_SIZE());
    var lots = 0;
    var size = 0;
    var release = 0;
    var closed = 0;
    var moves = 0;
    var owed = 0;
    var index = 0;
    head[0] <== taken;
    for (var k = 0; k < K; k++) {
        Boolean()(on[k]);
        pushed[k] <== Hash(TAG_FILL(), 2)([head[k], words[k] + trade * (1 << TRADE_AT())]);
        head[k + 1] <== Select()(on[k], pushed[k], head[k]);
        (1 - on[k]) * (words[k] - none) === 0;
        fill[k] = UnpackFill();
        fill[k].word <== words[k];
        var named = 0;
        for (var i = 0; i < BITS_ACCOUNT(); i++) named += fill[k].account[i] * (1 << i);
        if (k == 0) {
            index = named;
            for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) fill[0].account[i] === 0;
        } else {
            on[k] * (named - index) === 0;
        }
        charged[k] <== chargePerLot * fill[k].size;
        proportional[k] <== DivideUp(BITS_PRICE() + BITS_SIZE() + 1)(charged[k]);
        flat[k] <== IsZero()(fill[k].lots);
        lots += fill[k].lots;
        size += fill[k].size;
        release += fill[k].release;
        closed += fill[k].closed;
        moves += 1 - flat[k];
        owed += proportional[k];
    }
    takenAfter <== head[K];

    // Rule 3.
    signal fee <== owed + feePerLot * size;
    credit * index === 0;
    signal cleared <== credit * fees;
    signal parted <== credit * part;
    feesAfter <== fees + fee - cleared;

    // Rule 2. |lots (price - funding)| < 2^96; |cash| stays below 2^100, positions below 2^48 (docs/protocol.md, section 3).
    signal paid <== lots * (terms.price - terms.funding);
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq + moves;
    after.cash <== account.cash - paid - fee + cleared - parted;
    after.nonce <== account.nonce;
    after.reserved <== account.reserved - release;
    after.open <== account.open - closed;
    after.flagged <== account.flagged;
    after.pushedAt <== account.pushedAt;
    for (var i = 0; i < INSTRUMENTS(); i++) after.positions[i] <== account.positions[i] + legs[i] * lots;
    signal positionsBefore <== PositionsHash()(account.positions);
    signal positionsAfter <== PositionsHash()(after.positions);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== fill[0].account[i];
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(account, positionsBefore);
    update.leafAfter <== Leaf()(after, positionsAfter);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;

    // Rule 4.
    signal flatBefore[INSTRUMENTS()];
    signal flatAfter[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        flatBefore[i] <== IsZero()(account.positions[i]);
        flatAfter[i] <== IsZero()(after.positions[i]);
        holdersAfter[i] <== holders[i] + flatBefore[i] - flatAfter[i];
    }
}

/// Settle: books the next fills of the clearings since phase open, each exactly once.
/// params  depth of the account tree, F slots, K fills of a slot
/// in      before, blindAfter, openings of rules, holders and the rows of SETTLE_ROWS market slots; per slot what SettleSlot
///         reads. A slot without fills opens account 0 and, without a credit, writes what was there.
///         credit  whether the last slot credits account 0 with the fees booked before it
/// proves  Rule 5: phase settling before; after: open iff every fill put was taken and every fee credited, else unchanged.
///         Rule 6: the terms of each fill are those of the market that its clearing names.
///         Rule 7: of the fees that are credited share grows by the insurance account's part, and the venue gets the rest but for
///         the whole units that share has grown by. So however fees are credited, both come to the same.
///         A word that was never put leads to a head from which fillsPut cannot be reached (Poseidon is collision
///         resistant), so phase open, and with it the end of the round, is never reached: only true fills are booked.
/// How many slots and fills of each a proof uses, and when fees are credited, is the prover's choice and harmless: the round
/// ends only when all is booked and credited, and then account 0 is the same.
template Settle(depth, F, K) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;

    input State() before;
    signal input blindAfter;
    input Group() group;
    signal input idsHash;
    signal input rulesRows[MARKETS()];
    signal input instrumentsHash;
    signal input slots[SETTLE_ROWS()];
    input MarketRules() rows[SETTLE_ROWS()];
    signal input holders[INSTRUMENTS()];
    signal input on[F][K];
    signal input words[F][K];
    signal input trades[F];
    signal input credit;
    input Defaults() defaults;
    input Account() account[F];
    signal input siblings[F][depth][3];

    state <== StateWord()(before);
    before.phase === PHASE_SETTLING();

    // Rule 6.
    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    component market[SETTLE_ROWS()];
    for (var g = 0; g < SETTLE_ROWS(); g++) {
        market[g] = OpenSettleRow();
        market[g].slot <== slots[g];
        market[g].rulesRows <== rulesRows;
        market[g].row <== rows[g];
    }
    OpenVector()(before.accounts.holders, holders);

    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;

    // Rule 7. In 2^-16 cash units: share is below 2^128, as fees of all fills between two REPRICE are below 2^100.
    Boolean()(credit);
    signal shareBits[128] <== Bits(128)(before.clearing.share);
    var rest = 0;
    for (var i = 0; i < 16; i++) rest += shareBits[i] * (1 << i);
    var uncredited = before.clearing.fees;
    signal owed;
    signal part;
    component step[F];
    for (var j = 0; j < F; j++) {
        step[j] = SettleSlot(depth, K);
        step[j].on <== on[j];
        step[j].words <== words[j];
        step[j].trade <== trades[j];
        step[j].account <== account[j];
        step[j].siblings <== siblings[j];
        for (var g = 0; g < SETTLE_ROWS(); g++) step[j].rows[g] <== market[g].out;
        if (j == 0) {
            step[j].taken <== before.clearing.fills.taken;
            step[j].fees <== before.clearing.fees;
            step[j].accounts <== before.accounts.root;
            step[j].holders <== holders;
        } else {
            step[j].taken <== step[j - 1].takenAfter;
            step[j].fees <== step[j - 1].feesAfter;
            step[j].accounts <== step[j - 1].accountsAfter;
            step[j].holders <== step[j - 1].holdersAfter;
            uncredited = step[j - 1].feesAfter;
        }
        if (j == F - 1) {
            owed <== defaults.insuranceShare * uncredited;
            part <== Floored(118, 16)(rest + owed);
            step[j].credit <== credit;
            step[j].part <== part;
        } else {
            step[j].credit <== 0;
            step[j].part <== 0;
        }
    }
    signal added <== credit * owed;

    // Rule 5.
    signal booked <== IsEqual()(step[F - 1].takenAfter, before.clearing.fills.put);
    signal credited <== IsZero()(step[F - 1].feesAfter);
    signal opens <== booked * credited;
    phaseAfter <== PHASE_SETTLING() * (1 - opens);

    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged <== before.logged;
    after.accounts.root <== step[F - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.vault <== before.accounts.vault;
    after.accounts.holders <== Hash(TAG_VECTOR(), INSTRUMENTS())(step[F - 1].holdersAfter);
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing.sweep <== before.clearing.sweep;
    after.clearing.fees <== step[F - 1].feesAfter;
    after.clearing.share <== before.clearing.share + added;
    after.clearing.fills.put <== before.clearing.fills.put;
    after.clearing.fills.taken <== step[F - 1].takenAfter;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
}
