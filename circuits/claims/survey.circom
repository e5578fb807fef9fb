pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/margin.circom";
include "../lib/poseidon.circom";
include "../lib/pricing.circom";
include "../lib/rules.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// Survey: what accounts of a state come to, all together (docs/protocol.md, section 10). No instruction: it changes nothing, and a
/// verifier compares `state` with one that was proved.
/// twins   src/protocol/survey.ts

/// Surveyed: sums over accounts.
bus Surveyed {
    signal accounts;
    signal under;
    signal flagged;
    signal cash;
    signal lacking;
}

/// SurveyedAccount: what one leaf adds.
/// params  S scenarios
/// in      account      of the leaf; free where it is empty
///         given        a bit: there is an account at its index
///         isInsurance  a bit, constant
///         others       of the rules and the prices
/// proves  Rule 1: an account is under maintenance, and flagged where its flag counts at the time of the last entry; of the insurance
///         account, whose flag is another thing, neither counts. Rule 2: its cash, and what its equity lacks, are as they are.
/// out     leaf         0 where there is none
template SurveyedAccount(S) {
    signal input given;
    signal input isInsurance;
    input Account() account;
    signal input time;
    signal input maintenance;
    signal input grace;
    signal input lasts;
    signal input values[S][INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal output leaf;
    output Surveyed() adds;

    signal positionsHash <== PositionsHash()(account.positions);
    signal hashed <== Leaf()(account, positionsHash);
    leaf <== given * hashed;

    component owned = Equities(S);
    owned.cash <== account.cash;
    owned.positions <== account.positions;
    owned.isLong <== Longs()(account.positions);
    owned.values <== values;
    owned.longCharges <== longCharges;
    owned.shortCharges <== shortCharges;
    signal risk[S];
    risk[0] <== 0;
    for (var k = 1; k < S; k++) risk[k] <== Greater(BITS_CASH() + 4)(risk[k - 1], owned.equity[0] - owned.equity[k]);

    // Rule 1.
    signal needed <== maintenance * risk[S - 1];
    signal healthy <== NotNegative(BITS_CASH() + 15)(1024 * owned.equity[0] - needed);
    component flag = Flag();
    flag.flagged <== account.flagged;
    flag.grace <== grace;
    flag.lasts <== lasts;
    flag.time <== time;
    _ <== flag.begun;
    _ <== flag.elapsed;
    signal counted <== given * (1 - isInsurance);
    adds.accounts <== given;
    adds.under <== counted * (1 - healthy);
    adds.flagged <== counted * flag.counts;

    // Rule 2.
    signal solvent <== NotNegative(BITS_CASH() + 2)(owned.equity[0]);
    signal lacks <== (solvent - 1) * owned.equity[0];
    adds.cash <== given * account.cash;
    adds.lacking <== given * lacks;
}

/// SurveySums: sums so far as one element, that of the blocks before `block` of a state: under a blinding value, as sums over few
/// accounts would tell of each.
template SurveySums() {
    signal input state;
    signal input block;
    input Surveyed() sums;
    signal input blind;
    signal output out <== Hash(TAG_SURVEY(), 8)([
        state, block, sums.accounts, sums.under, sums.flagged, sums.cash, sums.lacking, blind
    ]);
}

/// Survey: 16 accounts of a state that stand beside each other, added to what the proofs before this one came to.
/// params  depth of the account tree, at least 2; S scenarios
/// in      before, openings of rules and prices; block: the accounts are 16 block to 16 block + 15
///         account  of each leaf; of zeros where there is none
///         path     siblings of their common node, from its level upwards
///         sums     of the blocks before it, 0 for block 0; blind: of them, and blindAfter of those with this block
/// proves  Rule 3: each account is the leaf at its index, and there is one at each index below the number of accounts, and none beyond.
///         Rule 4: the sums go on from those that the proof before this one left, from 0 at block 0; they are shown with the last
///         block that has accounts, and hidden before.
/// out     state; from, to: hidden sums before and after it, 0 before block 0 and after the last; shown: with the last, the sums over
///         all accounts, cash signed; before that, zeros
/// A proof of a block beyond the last has no accounts, and shows the same sums: `from` is then the hash of sums that no proof hides.
template Survey(depth, S) {
    assert(depth >= 2 && 2 * depth <= BITS_ACCOUNT());
    signal output state;
    signal output from;
    signal output to;
    output Surveyed() shown;

    input State() before;
    signal input block;
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
    input Account() account[16];
    signal input path[depth - 2][3];
    input Surveyed() sums;
    signal input blind;
    signal input blindAfter;

    state <== StateWord()(before);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;
    signal scenarios <== Scenarios(S)(values);
    OpenPrices()(before.roots.prices, meta, scenarios, pricesRows);
    OpenVector()(meta.longCharges, longCharges);
    OpenVector()(meta.shortCharges, shortCharges);
    // The clock is 32 time + rank.
    signal clock[BITS_TIME() + 5] <== Bits(BITS_TIME() + 5)(before.logged.clock);
    var time = 0;
    for (var i = 0; i < BITS_TIME(); i++) time += clock[5 + i] * (1 << i);

    // Rule 3.
    signal isFirst <== IsZero()(block);
    component one[16];
    signal given[16];
    var accounts = sums.accounts;
    var under = sums.under;
    var flagged = sums.flagged;
    var cash = sums.cash;
    var lacking = sums.lacking;
    for (var j = 0; j < 16; j++) {
        given[j] <== NotNegative(BITS_ACCOUNT() + 1)(before.accounts.count - 1 - 16 * block - j);
        one[j] = SurveyedAccount(S);
        one[j].given <== given[j];
        if (j == INSURANCE()) {
            one[j].isInsurance <== isFirst;
        } else {
            one[j].isInsurance <== 0;
        }
        one[j].account <== account[j];
        one[j].time <== time;
        one[j].maintenance <== defaults.maintenance;
        one[j].grace <== defaults.grace;
        one[j].lasts <== 2 * defaults.slope + defaults.hold;
        one[j].values <== values;
        one[j].longCharges <== longCharges;
        one[j].shortCharges <== shortCharges;
        accounts += one[j].adds.accounts;
        under += one[j].adds.under;
        flagged += one[j].adds.flagged;
        cash += one[j].adds.cash;
        lacking += one[j].adds.lacking;
    }
    signal node[4];
    for (var n = 0; n < 4; n++)
        node[n] <== Hash(TAG_NODE(), 4)([one[4 * n].leaf, one[4 * n + 1].leaf, one[4 * n + 2].leaf, one[4 * n + 3].leaf]);
    signal top <== Hash(TAG_NODE(), 4)(node);
    signal index[2 * (depth - 2)] <== Bits(2 * (depth - 2))(block);
    signal root <== Root(depth - 2)(index, path, top);
    root === before.accounts.root;

    // Rule 4.
    isFirst * sums.accounts === 0;
    isFirst * sums.under === 0;
    isFirst * sums.flagged === 0;
    isFirst * sums.cash === 0;
    isFirst * sums.lacking === 0;
    signal hidden <== SurveySums()(state, block, sums, blind);
    from <== (1 - isFirst) * hidden;
    Surveyed() after;
    after.accounts <== accounts;
    after.under <== under;
    after.flagged <== flagged;
    after.cash <== cash;
    after.lacking <== lacking;
    signal isLast <== NotNegative(BITS_ACCOUNT() + 1)(16 * block + 16 - before.accounts.count);
    signal hiddenAfter <== SurveySums()(state, block + 1, after, blindAfter);
    to <== (1 - isLast) * hiddenAfter;
    shown.accounts <== isLast * after.accounts;
    shown.under <== isLast * after.under;
    shown.flagged <== isLast * after.flagged;
    shown.cash <== isLast * after.cash;
    shown.lacking <== isLast * after.lacking;
}
