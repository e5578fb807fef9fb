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

/// Survey: 16 accounts of a state that stand beside each other.
/// params  depth of the account tree, at least 2; S scenarios
/// in      before, openings of rules and prices; block: the accounts are 16 block to 16 block + 15
///         account  of each leaf; of zeros where there is none
///         path     siblings of their common node, from its level upwards
/// proves  Rule 3: each account is the leaf at its index, and there is one at each index below the number of accounts, and none beyond.
///         Rule 4: the sums are over them.
/// out     state, block, the sums: cash is signed
template Survey(depth, S) {
    assert(depth >= 2 && 2 * depth <= BITS_ACCOUNT());
    signal output state;
    signal output first;
    output Surveyed() sums;

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

    state <== StateWord()(before);
    first <== 16 * block;
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
    var accounts = 0;
    var under = 0;
    var flagged = 0;
    var cash = 0;
    var lacking = 0;
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
    sums.accounts <== accounts;
    sums.under <== under;
    sums.flagged <== flagged;
    sums.cash <== cash;
    sums.lacking <== lacking;
}
