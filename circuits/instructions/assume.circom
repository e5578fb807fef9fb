pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/fixed.circom";
include "../lib/log.circom";
include "../lib/margin.circom";
include "../lib/poseidon.circom";
include "../lib/pricing.circom";
include "../lib/rules.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// The insurance account takes over what accounts own (docs/protocol.md, section 10). Only the operator writes these commands: one
/// whose conditions do not hold has no proof.
/// twins   src/protocol/defaults.ts (assume), src/witness/assume.ts

/// Taken: what the insurance account takes over.
bus Taken {
    signal cash;
    signal positions[INSTRUMENTS()];
}

/// AssumeSlot: one ASSUME.
/// params  S scenarios
/// in      active   a bit: without it nothing changes, and the entry is not in the log
///         index    of the account; ranged by Assume
///         salt
///         account
///         owns     the insurance account's positions before it
///         logHead  as opened or left by the slot before
/// proves  Rule 1: of another account than the insurance's, which has no open order and a flag that counts, and is under its
///         maintenance. Rule 2: it has no equity, or limits were at their widest for as long as they widened.
///         Rule 3: it keeps its equity less the penalty, at least nothing; the rest of its cash and its positions are taken; its flag
///         goes; seq grows by one; nothing else changes. Rule 4: the positions stay within the limit on positions, without weights.
///         Rule 5: the log grows by the command.
/// out     leafBefore, leafAfter  of the account
///         taken    nothing without active
///         held[i]  a bit: it had a position that was taken
template AssumeSlot(S) {
    signal input active;
    signal input domain;
    signal input time;
    signal input maintenance;
    signal input penalty;
    signal input grace;
    signal input slope;
    signal input lasts;
    signal input values[S][INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input index;
    signal input salt;
    input Account() account;
    signal input owns[INSTRUMENTS()];
    signal input logHead;
    signal output leafBefore;
    signal output leafAfter;
    signal output logHeadAfter;
    output Taken() taken;
    signal output held[INSTRUMENTS()];

    component owned = Equities(S);
    owned.cash <== account.cash;
    owned.positions <== account.positions;
    owned.isLong <== Longs()(account.positions);
    owned.values <== values;
    owned.longCharges <== longCharges;
    owned.shortCharges <== shortCharges;
    // M: the greatest of E_0 - E_k, each below 2^103 in size.
    signal risk[S];
    risk[0] <== 0;
    for (var k = 1; k < S; k++) risk[k] <== Greater(BITS_CASH() + 4)(risk[k - 1], owned.equity[0] - owned.equity[k]);
    signal M <== risk[S - 1];

    // Rule 1.
    signal isInsurance <== IsEqual()(index, INSURANCE());
    active * isInsurance === 0;
    active * account.open === 0;
    component flag = Flag();
    flag.flagged <== account.flagged;
    flag.grace <== grace;
    flag.lasts <== lasts;
    flag.time <== time;
    _ <== flag.begun;
    active * (1 - flag.counts) === 0;
    signal needed <== maintenance * M;
    signal lacks <== active * (needed - 1024 * owned.equity[0] - 1);
    Range(BITS_CASH() + 15)(lacks);

    // Rule 2.
    signal solvent <== NotNegative(BITS_CASH() + 2)(owned.equity[0]);
    signal waited <== active * solvent;
    signal late <== waited * (flag.elapsed - 2 * slope);
    Range(BITS_TIME() + 1)(late);

    // Rule 3.
    signal fine <== penalty * M;
    signal share <== Floored(BITS_CASH() + 14, 10)(fine);
    signal keeps <== NotNegative(BITS_CASH() + 6)(owned.equity[0] - share);
    signal kept <== keeps * (owned.equity[0] - share);
    taken.cash <== active * (account.cash - kept);
    signal flat[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        taken.positions[i] <== active * account.positions[i];
        flat[i] <== IsZero()(taken.positions[i]);
        held[i] <== 1 - flat[i];
    }
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq + active;
    after.cash <== account.cash - taken.cash;
    for (var i = 0; i < INSTRUMENTS(); i++) after.positions[i] <== account.positions[i] - taken.positions[i];
    after.nonce <== account.nonce;
    after.reserved <== account.reserved;
    after.open <== account.open;
    after.flagged <== (1 - active) * account.flagged;
    after.pushedAt <== account.pushedAt;
    signal positionsBefore <== PositionsHash()(account.positions);
    signal positionsAfter <== PositionsHash()(after.positions);
    leafBefore <== Leaf()(account, positionsBefore);
    leafAfter <== Leaf()(after, positionsAfter);

    // Rule 4. Both are below 2^47 in size.
    signal squares[INSTRUMENTS()];
    var sum = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        squares[i] <== (owns[i] + taken.positions[i]) * (owns[i] + taken.positions[i]);
        sum += squares[i];
    }
    Range(2 * BITS_POSITION() + 4)(active * (MAX_POSITION_SQUARES() - sum));

    // Rule 5.
    component step = LogStep();
    step.domain <== domain;
    step.logHead <== logHead;
    step.A <== KIND_ASSUME() + index * (1 << (BITS_KIND() + BITS_MARKET()));
    step.B <== 0;
    step.salt <== salt;
    step.auth <== 0;
    step.time <== time;
    _ <== step.item;
    logHeadAfter <== Select()(active, step.after, logHead);
}

/// Assume: consumes up to N commands ASSUME of one second.
/// params  depth of the account tree, S scenarios, N slots
/// in      before, blindAfter, openings of rules, prices and holders; stamp
///         insurance, insuranceSiblings  the leaf of the insurance account
///         per slot what AssumeSlot reads, siblings in the tree with the insurance account's leaf as it is after all
/// proves  Rule 6: phase open before and after; stamped in order. Rule 7: prices of the epoch of that time count.
///         Rule 8: the insurance account has no open order, and gets what is taken; its seq grows by one for each; nothing else of it
///         changes. Rule 9: holders counts the accounts with a position of each instrument.
///         Rule 10: the deficit is what the insurance account lacks then. Rule 11: nothing else of the state changes.
template Assume(depth, S, N) {
    assert(2 * depth <= BITS_ACCOUNT());
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;

    input State() before;
    signal input blindAfter;
    input Group() group;
    input Defaults() defaults;
    signal input idsHash;
    signal input rowsHash;
    signal input instrumentsHash;
    input PricesMeta() meta;
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    signal input holders[INSTRUMENTS()];
    signal input stamp;
    input Account() insurance;
    signal input insuranceSiblings[depth][3];

    signal input active[N];
    signal input index[N];
    signal input salt[N];
    input Account() account[N];
    signal input siblings[N][depth][3];

    // Rule 6.
    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();
    signal clock <== ClockStep()(before.logged.clock, stamp, RANK_OTHER(), 0);

    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;
    signal scenarios <== Scenarios(S)(values);
    OpenPrices()(before.roots.prices, meta, scenarios, pricesRows);
    OpenVector()(meta.longCharges, longCharges);
    OpenVector()(meta.shortCharges, shortCharges);
    OpenVector()(before.accounts.holders, holders);

    // Rule 7.
    component fresh = Fresh();
    fresh.made.inForce <== before.roots.rules;
    fresh.made.epochLength <== group.epochLength;
    fresh.made.lag <== group.lag;
    fresh.made.under <== meta.rules;
    fresh.made.epoch <== meta.epoch;
    fresh.made.halted <== meta.halted;
    fresh.time <== stamp;
    fresh.exact === 1;
    _ <== fresh.recent;

    UsedFirst(N)(active);
    active[0] === 1;
    component steps[N];
    var used = 0;
    var cash = insurance.cash;
    signal owns[N + 1][INSTRUMENTS()];
    owns[0] <== insurance.positions;
    for (var j = 0; j < N; j++) {
        used += active[j];
        steps[j] = AssumeSlot(S);
        steps[j].active <== active[j];
        steps[j].domain <== before.fixed.domain;
        steps[j].time <== stamp;
        steps[j].maintenance <== defaults.maintenance;
        steps[j].penalty <== defaults.penalty;
        steps[j].grace <== defaults.grace;
        steps[j].slope <== defaults.slope;
        steps[j].lasts <== 2 * defaults.slope + defaults.hold;
        steps[j].values <== values;
        steps[j].longCharges <== longCharges;
        steps[j].shortCharges <== shortCharges;
        steps[j].index <== index[j];
        steps[j].salt <== salt[j];
        steps[j].account <== account[j];
        steps[j].owns <== owns[j];
        if (j == 0) {
            steps[j].logHead <== before.logged.head;
        } else {
            steps[j].logHead <== steps[j - 1].logHeadAfter;
        }
        cash += steps[j].taken.cash;
        for (var i = 0; i < INSTRUMENTS(); i++) owns[j + 1][i] <== owns[j][i] + steps[j].taken.positions[i];
    }

    // Rule 8. The tree first gets the insurance account's leaf as it is after all.
    insurance.open === 0;
    Account() insured;
    insured.keyX <== insurance.keyX;
    insured.keyY <== insurance.keyY;
    insured.view <== insurance.view;
    insured.seq <== insurance.seq + used;
    insured.cash <== cash;
    insured.positions <== owns[N];
    insured.nonce <== insurance.nonce;
    insured.reserved <== insurance.reserved;
    insured.open <== insurance.open;
    insured.flagged <== insurance.flagged;
    insured.pushedAt <== insurance.pushedAt;
    signal positionsBefore <== PositionsHash()(insurance.positions);
    signal positionsAfter <== PositionsHash()(insured.positions);
    component update[N + 1];
    update[0] = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update[0].index[i] <== ((INSURANCE() >> i) & 1);
    update[0].siblings <== insuranceSiblings;
    update[0].leafBefore <== Leaf()(insurance, positionsBefore);
    update[0].leafAfter <== Leaf()(insured, positionsAfter);
    update[0].rootBefore === before.accounts.root;
    for (var j = 0; j < N; j++) {
        update[j + 1] = Update(depth);
        update[j + 1].index <== Bits(2 * depth)(index[j]);
        update[j + 1].siblings <== siblings[j];
        update[j + 1].leafBefore <== steps[j].leafBefore;
        update[j + 1].leafAfter <== steps[j].leafAfter;
        update[j + 1].rootBefore === update[j].rootAfter;
    }

    // Rule 9.
    signal flatBefore[INSTRUMENTS()];
    signal flatAfter[INSTRUMENTS()];
    signal holdersAfter[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        flatBefore[i] <== IsZero()(insurance.positions[i]);
        flatAfter[i] <== IsZero()(insured.positions[i]);
        var left = 0;
        for (var j = 0; j < N; j++) left += steps[j].held[i];
        holdersAfter[i] <== holders[i] - left + flatBefore[i] - flatAfter[i];
    }

    // Rule 10.
    signal deficit <== Deficit()(insured.cash, insured.positions, values[0]);

    // Rule 11.
    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged.head <== steps[N - 1].logHeadAfter;
    after.logged.count <== before.logged.count + used;
    after.logged.clock <== clock;
    after.accounts.root <== update[N].rootAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== Hash(TAG_VECTOR(), INSTRUMENTS())(holdersAfter);
    after.accounts.vault <== before.accounts.vault;
    after.losses.relief <== before.losses.relief;
    after.losses.deficit <== deficit;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing <== before.clearing;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
