pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/babyjub.circom";
include "../lib/bits.circom";
include "../lib/log.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../generated/parameters.circom";

/// DepositSlot: the next deposit of the contract's chain, credited once.
/// twins   src/matcher/matcher.ts (deposits), src/witness/deposit.ts, src/verifier/contract/Venue.sol (deposit)
/// in      active          a bit; 0: nothing changes
///         keyX, keyY      K' of the deposit: on the curve, canonical, 8 K' not the identity: Venue.sol (deposit) checks it;
///                         an inactive slot may bear any such point
///         index, amount   as deposited; Venue.sol checks their ranges, here their split is bound to the chain
///         named           the account at `index`, with the hash of its positions; free where that leaf is empty
///         leaf, namedSiblings    leaf at `index` and its path
///         siblings        path of the leaf that is written
///         secretBits      of the operator's secret, whose key was checked by Deposit
/// proves  Rule 1: the chain grows by this deposit. Rule 2: if the leaf at index bears the key 8 K', it is credited;
///         Rule 3: else account number accounts.count is opened with that key, and its view key is
///         H_view(x of operatorSecret . key, number). Rule 4: nothing else of the tree changes. Rule 5: the vault
///         grows by the amount.
template DepositSlot(depth) {
    signal input active;
    signal input keyX;
    signal input keyY;
    signal input index;
    signal input amount;
    input Account() named;
    signal input namedPositions;
    signal input leaf;
    signal input namedSiblings[depth][3];
    signal input siblings[depth][3];
    signal input secretBits[251];
    signal input noPositions;

    input Accounts() accounts;
    output Accounts() accountsAfter;

    // Rule 1. Plain Poseidon with the tag as first input, as Solidity has it.
    signal indexBits[BITS_ACCOUNT()] <== Bits(BITS_ACCOUNT())(index);
    Range(BITS_AMOUNT())(amount);
    signal chained <== Hash(0, 5)([TAG_DEPOSIT(), accounts.deposits, keyX, keyY, amount + index * (1 << BITS_AMOUNT())]);
    accountsAfter.deposits <== Select()(active, chained, accounts.deposits);

    signal twice[2] <== Double()([keyX, keyY]);
    signal fourfold[2] <== Double()(twice);
    signal key[2] <== Double()(fourfold);

    // Rule 2. The leaf at index; an index beyond the tree names none.
    var beyondTree = 0;
    for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) beyondTree += indexBits[i];
    signal inTree <== IsZero()(beyondTree);
    component read = Root(depth);
    for (var i = 0; i < 2 * depth; i++) read.index[i] <== indexBits[i];
    read.siblings <== namedSiblings;
    read.leaf <== leaf;
    read.root === accounts.root;
    signal leafGivenMissing <== IsZero()(leaf);
    signal leafGiven <== 1 - leafGivenMissing;
    signal opened <== Leaf()(named, namedPositions);
    // Where the leaf is empty the account is free, and `known` is 0.
    leafGiven * (opened - leaf) === 0;
    signal sameX <== IsEqual()(named.keyX, key[0]);
    signal sameY <== IsEqual()(named.keyY, key[1]);
    signal sameKey <== sameX * sameY;
    signal namedGiven <== inTree * leafGiven;
    signal known <== namedGiven * sameKey;

    // Rule 3.
    signal shared[2] <== MultiplyAny(251)(key, secretBits);
    signal view <== Hash(TAG_VIEW(), 2)([shared[0], accounts.count]);
    Account() after;
    after.keyX <== key[0];
    after.keyY <== key[1];
    after.view <== Select()(known, named.view, view);
    after.seq <== known * named.seq + 1;
    after.cash <== known * named.cash + amount;
    for (var i = 0; i < INSTRUMENTS(); i++) after.positions[i] <== 0;
    after.nonce <== known * named.nonce;
    after.reserved <== known * named.reserved;
    after.open <== known * named.open;
    after.flagged <== known * named.flagged;
    after.pushedAt <== known * named.pushedAt;
    signal positionsAfter <== Select()(known, namedPositions, noPositions);
    signal credited <== Leaf()(after, positionsAfter);

    // Rule 4. A new account's leaf was empty: accounts.count is the first one never used. Beyond the tree no witness exists;
    // the contract takes no more deposits than genesis left free leaves.
    signal opens <== active * (1 - known);
    signal countBits[2 * depth] <== Bits(2 * depth)(opens * accounts.count);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== Select()(known, indexBits[i], countBits[i]);
    update.siblings <== siblings;
    signal leafBefore <== known * leaf;
    update.leafBefore <== leafBefore;
    update.leafAfter <== credited;
    active * (update.rootBefore - accounts.root) === 0;
    accountsAfter.root <== Select()(active, update.rootAfter, accounts.root);
    accountsAfter.count <== accounts.count + opens;
    accountsAfter.holders <== accounts.holders;
    accountsAfter.vault <== accounts.vault + active * amount;
}

/// Deposit: consumes DEPOSIT(n) and credits the next n deposits of the contract's chain, in order.
/// params  depth of the account tree, N slots; 1 <= n <= N
/// in      before, blindAfter, group, idsHash, rowsHash, instrumentsHash; operatorSecret: below 2^251; per slot what DepositSlot reads
/// proves  Rule 1: phase open before and after. Rule 2: the log grows by the command DEPOSIT(n), stamped in order.
///         Rule 3: exactly n slots are used. Rule 4: the operator secret is that of the key in the rules.
template Deposit(depth, N) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;
    signal output deposits;

    input State() before;
    signal input blindAfter;
    input Group() group;
    signal input idsHash;
    signal input rowsHash;
    signal input instrumentsHash;
    signal input operatorSecret;
    signal input stamp;
    signal input active[N];
    signal input keyX[N];
    signal input keyY[N];
    signal input index[N];
    signal input amount[N];
    input Account() named[N];
    signal input namedPositions[N];
    signal input leaf[N];
    signal input namedSiblings[N][depth][3];
    signal input siblings[N][depth][3];

    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);

    signal secretBits[251] <== Bits(251)(operatorSecret);
    signal operatorKey[2] <== MultiplyFixed(251)(secretBits);
    operatorKey[0] === group.operatorKeyX;
    operatorKey[1] === group.operatorKeyY;

    signal zeros[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) zeros[i] <== 0;
    signal noPositions <== PositionsHash()(zeros);

    UsedFirst(N)(active);
    active[0] === 1;
    component slot[N];
    var used = 0;
    for (var j = 0; j < N; j++) {
        used += active[j];
        slot[j] = DepositSlot(depth);
        slot[j].active <== active[j];
        slot[j].keyX <== keyX[j];
        slot[j].keyY <== keyY[j];
        slot[j].index <== index[j];
        slot[j].amount <== amount[j];
        slot[j].named <== named[j];
        slot[j].namedPositions <== namedPositions[j];
        slot[j].leaf <== leaf[j];
        slot[j].namedSiblings <== namedSiblings[j];
        slot[j].siblings <== siblings[j];
        slot[j].secretBits <== secretBits;
        slot[j].noPositions <== noPositions;
        if (j == 0) {
            slot[j].accounts <== before.accounts;
        } else {
            slot[j].accounts <== slot[j - 1].accountsAfter;
        }
    }

    // Rules 2 and 3: the command names the number of deposits.
    component step = LogStep();
    step.domain <== before.fixed.domain;
    step.logHead <== before.logged.head;
    step.A <== KIND_DEPOSIT() + used * (1 << BITS_KIND());
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
    after.accounts <== slot[N - 1].accountsAfter;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing <== before.clearing;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
    deposits <== after.accounts.deposits;
}
