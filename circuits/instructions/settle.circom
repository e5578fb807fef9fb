pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/fill.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// SettleSlot: the next fill of the chain, booked in its account.
/// twins   src/matcher/matcher.ts (settled), src/witness/settle.ts
/// in      active       a bit; 0: nothing changes
///         word         the fill as clear put it: its columns are in range, its account is inside the tree
///         account, positions, siblings  of the leaf that the fill names
///         legs, tradePrice, taken, accounts, holders  as opened or left by the slot before
/// proves  Rule 1: the chain of fills taken grows by this one.
///         Rule 2: the account of the fill gets cash -lots tradePrice - fee, positions legs lots, its reservation and, if
///         the order is closed, its place among the open ones back; seq grows by one; nothing else changes.
///         Rule 3: holders counts the accounts with a position of each instrument.
template SettleSlot(depth) {
    signal input active;
    signal input word;
    input Account() account;
    signal input siblings[depth][3];
    signal input legs[INSTRUMENTS()];
    signal input tradePrice;
    signal input taken;
    signal input accounts;
    signal input holders[INSTRUMENTS()];
    signal output takenAfter;
    signal output accountsAfter;
    signal output holdersAfter[INSTRUMENTS()];

    // Rule 1.
    signal pushed <== Hash(TAG_FILL(), 2)([taken, word]);
    takenAfter <== Select()(active, pushed, taken);
    component fill = UnpackFill();
    fill.word <== word;
    for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) fill.account[i] === 0;

    // Rule 2. |lots tradePrice| < 2^93; |cash| stays below 2^100, positions below 2^48 (docs/protocol.md, section 3).
    signal paid <== fill.lots * tradePrice;
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq + 1;
    after.cash <== account.cash - paid - fill.fee;
    after.nonce <== account.nonce;
    after.reserved <== account.reserved - fill.release;
    after.open <== account.open - fill.closed;
    for (var i = 0; i < INSTRUMENTS(); i++) after.positions[i] <== account.positions[i] + legs[i] * fill.lots;
    signal positionsBefore <== PositionsHash()(account.positions);
    signal positionsAfter <== PositionsHash()(after.positions);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== fill.account[i];
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(account, positionsBefore);
    update.leafAfter <== Leaf()(after, positionsAfter);
    active * (update.rootBefore - accounts) === 0;
    accountsAfter <== Select()(active, update.rootAfter, accounts);

    // Rule 3.
    signal flatBefore[INSTRUMENTS()];
    signal flatAfter[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        flatBefore[i] <== IsZero()(account.positions[i]);
        flatAfter[i] <== IsZero()(after.positions[i]);
        holdersAfter[i] <== holders[i] + active * (flatBefore[i] - flatAfter[i]);
    }
}

/// Settle: books the next fills of a clearing, up to F of them, each exactly once.
/// params  depth of the account tree, F slots
/// in      before, blindAfter, slot (the market's), openings of rules, row and holders; tradePrice; per slot what
///         SettleSlot reads. An inactive slot may bear any account and path: nothing of it is used.
/// proves  Rule 4: phase settling(slot) before; after: open iff every fill put was taken, else unchanged.
///         Rule 5: legs are those of the market; tradePrice is the one that clear left in the sweep register.
///         A word that was never put leads to a head from which fillsPut cannot be reached (Poseidon is collision
///         resistant), so phase open, and with it the end of the round, is never reached: only true fills are booked.
/// How many slots a proof uses is the prover's choice and harmless: the round ends only when all fills are booked.
template Settle(depth, F) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;

    input State() before;
    signal input blindAfter;
    signal input slot;
    input Group() group;
    signal input ids[MARKETS()];
    signal input rulesRows[MARKETS()];
    input MarketRules() row;
    signal input holders[INSTRUMENTS()];
    signal input tradePrice;
    signal input active[F];
    signal input words[F];
    input Account() account[F];
    signal input siblings[F][depth][3];

    state <== StateWord()(before);
    signal at[MARKETS()] <== OneHotOf(4)(slot);
    before.phase === PHASE_SETTLING() + slot;

    // Rule 5. A free slot has no legs: its fills carry no lots, as nothing can be matched there.
    OpenRules()(before.fixed.rules, group, ids, rulesRows);
    signal rowHash <== Pick(MARKETS())(at, rulesRows);
    signal rowGiven <== RulesRow()(rowHash, row);
    signal legsWord <== rowGiven * row.legs;
    signal legBits[INSTRUMENTS() * (BITS_LEG() + 1)] <== Bits(INSTRUMENTS() * (BITS_LEG() + 1))(legsWord);
    signal legs[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var sum = 0;
        for (var j = 0; j <= BITS_LEG(); j++) sum += legBits[i * (BITS_LEG() + 1) + j] * (1 << j);
        legs[i] <== rowGiven * (sum - (1 << BITS_LEG()));
    }
    signal sweep <== Hash(TAG_TRADE_PRICE(), 1)([tradePrice]);
    before.clearing.sweep === sweep;
    OpenVector()(before.accounts.holders, holders);

    UsedFirst(F)(active);
    component step[F];
    for (var j = 0; j < F; j++) {
        step[j] = SettleSlot(depth);
        step[j].active <== active[j];
        step[j].word <== words[j];
        step[j].account <== account[j];
        step[j].siblings <== siblings[j];
        step[j].legs <== legs;
        step[j].tradePrice <== tradePrice;
        if (j == 0) {
            step[j].taken <== before.clearing.fills.taken;
            step[j].accounts <== before.accounts.root;
            step[j].holders <== holders;
        } else {
            step[j].taken <== step[j - 1].takenAfter;
            step[j].accounts <== step[j - 1].accountsAfter;
            step[j].holders <== step[j - 1].holdersAfter;
        }
    }

    // Rule 4.
    signal drained <== IsEqual()(step[F - 1].takenAfter, before.clearing.fills.put);
    phaseAfter <== before.phase * (1 - drained);

    State() after;
    after.fixed <== before.fixed;
    after.phase <== phaseAfter;
    after.logged <== before.logged;
    after.accounts.root <== step[F - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== Hash(TAG_VECTOR(), INSTRUMENTS())(step[F - 1].holdersAfter);
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing.sweep <== before.clearing.sweep * (1 - drained);
    after.clearing.fills.put <== before.clearing.fills.put;
    after.clearing.fills.taken <== step[F - 1].takenAfter;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
}
