pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/history.circom";
include "../lib/log.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// FoldSlot: an account without its positions in what is settled. No equity changes.
/// twins   src/protocol/clearing.ts (folded), src/witness/fold.ts
/// params  depth of the account tree
/// in      index        of the account; ranged here, to the tree
///         account, siblings
///         settled[i]   a bit: instrument i has a payoff
///         worth[i]     what a lot of it is, net of funding; 0 where it is not settled
///         accounts, holders  as opened or left by the slot before
/// proves  Rule 1: of each instrument that is settled the position becomes cash at its payoff less funding, and is 0; seq grows by
///         one where there was any; nothing else changes. So an account that has none stays what it is, and one that is folded
///         twice is folded once. Rule 2: holders counts the accounts with a position of each instrument.
///         |pos worth| < 2^89, and with the position's value gone from equity, |cash| stays below 2^100 (docs/protocol.md, section 3).
template FoldSlot(depth) {
    signal input index;
    input Account() account;
    signal input siblings[depth][3];
    signal input settled[INSTRUMENTS()];
    signal input worth[INSTRUMENTS()];
    signal input accounts;
    signal input holders[INSTRUMENTS()];
    signal output accountsAfter;
    signal output holdersAfter[INSTRUMENTS()];

    signal leaves[INSTRUMENTS()];
    signal paid[INSTRUMENTS()];
    signal stays[INSTRUMENTS()];
    var cash = account.cash;
    var left = 0;
    Account() after;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        leaves[i] <== settled[i] * account.positions[i];
        paid[i] <== account.positions[i] * worth[i];
        cash += paid[i];
        after.positions[i] <== account.positions[i] - leaves[i];
        stays[i] <== IsZero()(leaves[i]);
        left += 1 - stays[i];
        // Rule 2.
        holdersAfter[i] <== holders[i] - 1 + stays[i];
    }
    signal nothing <== IsZero()(left);
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq + 1 - nothing;
    after.cash <== cash;
    after.nonce <== account.nonce;
    after.reserved <== account.reserved;
    after.open <== account.open;
    after.flagged <== account.flagged;
    after.pushedAt <== account.pushedAt;

    signal positionsBefore <== PositionsHash()(account.positions);
    signal positionsAfter <== PositionsHash()(after.positions);
    component update = Update(depth);
    update.index <== Bits(2 * depth)(index);
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(account, positionsBefore);
    update.leafAfter <== Leaf()(after, positionsAfter);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;
}

/// Fold: consumes FOLD(from, n): accounts from, from + 1, .. without their positions in what is settled.
/// params  depth of the account tree, N slots; 1 <= n <= N
/// in      before, blindAfter, stamp, from
///         active      per slot a bit; a slot that is not used folds the last account once more, which changes nothing
///         meta, scenarios, rowsHash, history, payoffs  opening of the prices; Reprice and Configure have them in their ranges
///         holders
///         per slot what FoldSlot reads
/// proves  Rule 3: phase open before and after; the log grows by the command FOLD(from, n), stamped in order. Rule 4: n slots are
///         used, for n accounts in order, the last of which is open.
///         Rule 5: what is settled has a payoff above 0, which is one more than a lot pays; funding is that of slot 0.
template Fold(depth, N) {
    assert(2 * depth <= BITS_ACCOUNT());
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;

    input State() before;
    signal input blindAfter;
    signal input stamp;
    signal input from;
    signal input active[N];
    input PricesMeta() meta;
    signal input scenarios;
    signal input rowsHash;
    input History() history;
    signal input payoffs[INSTRUMENTS()];
    signal input holders[INSTRUMENTS()];
    input Account() account[N];
    signal input siblings[N][depth][3];

    // Rule 3.
    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();

    // Rule 5.
    signal metaHash <== PricesMetaHash()(meta);
    signal pricesHash <== Hash(TAG_PRICES(), 3)([metaHash, scenarios, rowsHash]);
    before.roots.prices === pricesHash;
    signal historyHash <== HistoryHash()(history);
    meta.history === historyHash;
    OpenVector()(history.payoffs, payoffs);
    OpenVector()(before.accounts.holders, holders);
    signal settled[INSTRUMENTS()];
    signal worth[INSTRUMENTS()];
    signal live[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        live[i] <== IsZero()(payoffs[i]);
        settled[i] <== 1 - live[i];
        worth[i] <== settled[i] * (payoffs[i] - 1 - (i == 0 ? history.funding : 0));
    }

    // Rule 4. The index of a slot that is used is the number of those before it beyond `from`.
    UsedFirst(N)(active);
    active[0] === 1;
    component slot[N];
    var used = 0;
    for (var j = 0; j < N; j++) {
        used += active[j];
        slot[j] = FoldSlot(depth);
        slot[j].index <== from + used - 1;
        slot[j].account <== account[j];
        slot[j].siblings <== siblings[j];
        slot[j].settled <== settled;
        slot[j].worth <== worth;
        if (j == 0) {
            slot[j].accounts <== before.accounts.root;
            slot[j].holders <== holders;
        } else {
            slot[j].accounts <== slot[j - 1].accountsAfter;
            slot[j].holders <== slot[j - 1].holdersAfter;
        }
    }
    // Slot 0 has ranged `from`, and accounts are at most 2^20.
    Range(BITS_ACCOUNT() + 1)(before.accounts.count - from - used);

    // Rule 3.
    component step = LogStep();
    step.domain <== before.fixed.domain;
    step.logHead <== before.logged.head;
    step.A <== KIND_FOLD() + used * (1 << BITS_KIND()) + from * (1 << (BITS_KIND() + BITS_MARKET()));
    step.B <== 0;
    step.salt <== 0;
    step.auth <== 0;
    step.time <== stamp;
    _ <== step.item;
    signal clock <== ClockStep()(before.logged.clock, stamp, RANK_OTHER(), 0);

    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged.head <== step.after;
    after.logged.count <== before.logged.count + 1;
    after.logged.clock <== clock;
    after.accounts.root <== slot[N - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== Hash(TAG_VECTOR(), INSTRUMENTS())(slot[N - 1].holdersAfter);
    after.accounts.vault <== before.accounts.vault;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing <== before.clearing;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
