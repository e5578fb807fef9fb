pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/eddsa.circom";
include "../lib/item.circom";
include "../lib/log.circom";
include "../lib/margin.circom";
include "../lib/market.circom";
include "../lib/order.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// AdmitSlot: the verdict on one entry of the log and its effects. Total for any A, B, salt, R8, S: a witness exists.
/// twins   src/protocol/admission.ts; the rule numbers are those of `VERDICTS`
/// params  Q          most orders of an item: 1, where no list of quotes has a witness, or LIST_ORDERS
/// in      active     a bit; 0: nothing changes and the entry is not in the log
///         A, words   of the item; words: B, or those of a list of quotes, of which B is the hash. Beyond the first they are free
///                    of any other kind, and change nothing
///         accounts, logged, ... as opened from the state by Admit; ranges as written there
///         slack, made  of the group and the prices
///         account    of the leaf at the index that the item names; free where there is none (see `used`)
///         row, quoted  of the market that the item names; free where there is none (see RulesRow)
/// proves  the log grows by this entry; the effects are those of the first check that fails, or of admission
template AdmitSlot(depth, S, MAX_OPEN, Q) {
    signal input active;
    signal input domain;
    signal input A;
    signal input words[ORDER_WORDS(Q)];
    signal input salt;
    signal input R8x;
    signal input R8y;
    signal input sigS;
    signal input time;
    signal input slack;
    signal input grace;
    signal input lasts;
    signal input deficit;
    input Made() made;
    signal input ids[MARKETS()];
    signal input rulesRows[MARKETS()];
    signal input stale[INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input weights[INSTRUMENTS()];
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    input Account() account;
    signal input leaf;
    signal input siblings[depth][3];
    input MarketRules() row;
    input MarketPrices() quoted;
    signal input weighted[S];

    signal input accounts;
    signal input vault;
    signal input relief;
    input Log() logged;
    signal input payoutsPut;
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];

    signal output accountsAfter;
    signal output vaultAfter;
    signal output reliefAfter;
    output Log() loggedAfter;
    signal output payoutsPutAfter;
    signal output admittedAfter[MARKETS()];
    signal output cancelsAfter[MARKETS()];
    signal output countsAfter[MARKETS()];

    component item = Item(Q);
    item.A <== A;
    item.words <== words;
    signal B;
    if (Q == 1) {
        B <== words[0];
    } else {
        signal list <== Hash(TAG_LIST(), ORDER_WORDS(Q))(words);
        B <== Select()(item.isQuotes, list, words[0]);
    }

    // The entry joins the log. auth is a hash, so never 0: commands of the operator are not for this instruction.
    signal auth <== Hash(TAG_AUTH(), 3)([R8x, R8y, sigS]);
    component step = LogStep();
    step.domain <== domain;
    step.logHead <== logged.head;
    step.A <== A;
    step.B <== B;
    step.salt <== salt;
    step.auth <== auth;
    step.time <== time;
    signal stamped <== ClockStep()(logged.clock, time, RANK_OTHER(), 0);
    loggedAfter.head <== Select()(active, step.after, logged.head);
    loggedAfter.count <== logged.count + active;
    loggedAfter.clock <== Select()(active, stamped, logged.clock);

    // The leaf that the item names. An account beyond the tree has none.
    var beyondTree = 0;
    for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) beyondTree += item.account[i];
    signal inTree <== IsZero()(beyondTree);
    signal named <== item.wellFormed * inTree;
    signal leafGivenMissing <== IsZero()(leaf);
    signal leafGiven <== 1 - leafGivenMissing;
    signal used <== named * leafGiven;
    signal positionsHash <== PositionsHash()(account.positions);
    signal leafOpened <== Leaf()(account, positionsHash);
    // Where used = 0 the account is free (of zeros there is a witness); the item is malformed or unsigned and has no effect.
    used * (leafOpened - leaf) === 0;

    var account20 = 0;
    for (var i = 0; i < BITS_ACCOUNT(); i++) account20 += item.account[i] * (1 << i);
    signal isVenue <== IsEqual()(account20, VENUE());
    signal isInsurance <== IsEqual()(account20, INSURANCE());

    // Rule 1: malformed. Rule 2: unsigned, as all is that names the insurance account.
    component signature = Signature();
    signature.keyGiven <== used;
    signature.keyX <== account.keyX;
    signature.keyY <== account.keyY;
    signature.R8x <== R8x;
    signature.R8y <== R8y;
    signature.S <== sigS;
    signature.message <== step.item;

    // Rule 3: nonce in (old, old + 2^16]: the bits of nonce - old - 1 + 2^40 above the 16 lowest are just the top one.
    signal nonce <== Number(BITS_NONCE())(item.nonce);
    signal ahead[BITS_NONCE() + 1] <== Bits(BITS_NONCE() + 1)(nonce - account.nonce - 1 + (1 << BITS_NONCE()));
    var farther = 1 - ahead[BITS_NONCE()];
    for (var i = 16; i < BITS_NONCE(); i++) farther += ahead[i];
    // No item takes REDUCTION_NONCE, whose bits are all 1.
    var zeros = 0;
    for (var i = 0; i < BITS_NONCE(); i++) zeros += 1 - item.nonce[i];
    signal isTaken <== IsZero()(zeros);
    farther += isTaken;
    // A list of quotes takes 8 nonces: that the last is below it, and the first at most 2^40 - 9, is that not all bits of the
    // first above the 3 lowest are 1.
    if (Q > 1) {
        var above = 0;
        for (var i = 3; i < BITS_NONCE(); i++) above += 1 - item.nonce[i];
        signal noRoom <== IsZero()(above);
        signal cramped <== item.isQuotes * noRoom;
        farther += cramped;
    }
    signal nonceGood <== IsZero()(farther);
    signal mayAct <== nonceGood * (1 - isInsurance);
    signal valid <== signature.valid * mayAct;
    signal live <== active * valid;

    // Rule 4: too late.
    signal timely <== NotNegative(BITS_TIME())(item.validUntil - time);

    // Rule 5: unknown market. Ids are distinct, so at most one element of `at` is 1.
    signal at[MARKETS()];
    var found = 0;
    for (var s = 0; s < MARKETS(); s++) {
        at[s] <== IsEqual()(item.market, ids[s]);
        found += at[s];
    }
    signal rulesRow <== Pick(MARKETS())(at, rulesRows);
    signal pricesRow <== Pick(MARKETS())(at, pricesRows);
    signal rowGiven <== RulesRow()(rulesRow, row);
    signal quotedGiven <== PricesRow()(pricesRow, quoted);
    signal weightedHash <== Hash(TAG_VECTOR(), S)(weighted);
    quotedGiven * (weightedHash - quoted.values) === 0;

    // Rule 6: bad target; an order may replace an earlier one.
    signal earlier <== NotNegative(BITS_NONCE() + 1)(nonce - 1 - item.replaces);
    signal replacesNone <== IsZero()(item.replaces);
    var otherFlags = 0;
    for (var i = 2; i < BITS_FLAGS(); i++) otherFlags += item.flags[i];
    signal allOnly <== IsZero()(1 - item.flags[1] + item.flags[0] + otherFlags);
    signal noFlags <== IsZero()(item.flags[1] + item.flags[0] + otherFlags);
    signal single <== noFlags * (1 - replacesNone);
    signal targetForm <== allOnly * replacesNone + single;
    signal cancelForm <== item.isCancel * (1 - targetForm);
    signal targetGood <== earlier * (1 - cancelForm);

    // Rule 7: too many cancels pending, for an item that carries one; lists of quotes are counted apart.
    signal count <== Pick(MARKETS())(at, counts);
    signal countBits[3 * BITS_COUNT()] <== Bits(3 * BITS_COUNT())(count);
    var entriesPending = 0;
    var cancelsPending = 0;
    var listsPending = 0;
    for (var i = 0; i < BITS_COUNT(); i++) {
        entriesPending += countBits[i] * (1 << i);
        cancelsPending += countBits[BITS_COUNT() + i] * (1 << i);
        listsPending += countBits[2 * BITS_COUNT() + i] * (1 << i);
    }
    signal replacing <== item.isOrder * (1 - replacesNone);
    signal carriesCancel <== item.isCancel + replacing + item.isQuotes;
    var room = row.cancelCapacity - cancelsPending;
    signal roomLeft <== room + item.isQuotes * (row.listCapacity - listsPending - room);
    signal cancelsFull <== NotNegative(BITS_COUNT())(-roomLeft);
    signal tooManyCancels <== carriesCancel * cancelsFull;
    // Rules 1 to 7 hold: from here on a cancel takes effect.
    signal inMarket <== IsZero()(5 - live - timely - found - targetGood - (1 - tooManyCancels));
    signal cancelPut <== inMarket * carriesCancel;

    // Rule 8: market not open: by its state, or as its time is over.
    signal stateOpen <== IsEqual()(row.state, MARKET_STATE_OPEN());
    signal isOver <== NotNegative(BITS_TIME())(time - row.until);
    signal marketOpen <== stateOpen * (1 - isOver);

    // Rules 9 to 12, of each order. A free row has no tick and none is needed.
    OrderTerms() terms;
    terms.tick <== Select()(rowGiven, row.tick, 1);
    terms.lotLimit <== row.lotLimit;
    terms.bandSquare <== row.band * row.band;
    terms.feeRate <== row.feeRate;
    terms.feePerLot <== row.feePerLot;
    terms.rhoMin <== row.rhoMin;
    terms.maxFee <== item.maxFee;
    terms.mark <== quoted.mark;
    terms.funding <== quoted.funding;
    terms.low <== quoted.low;
    terms.high <== quoted.high;
    terms.quoted <== quotedGiven;
    terms.slack <== OrderSlack()(quoted.low, quoted.high, slack);
    component order[Q];
    signal failing[Q];
    signal held[Q];
    var orderFailing = 0;
    var reserved = 0;
    var orders = 0;
    for (var j = 0; j < Q; j++) {
        order[j] = AdmitOrder();
        order[j].side <== item.side[j];
        order[j].limit <== item.limit[j];
        order[j].size <== item.size[j];
        order[j].terms <== terms;
        failing[j] <== item.used[j] * order[j].fails;
        held[j] <== item.used[j] * order[j].reserved;
        orderFailing += failing[j];
        reserved += held[j];
        orders += item.used[j];
        // Of the first one alone, where it is no list's.
        if (j > 0) {
            _ <== order[j].paid;
            _ <== order[j].fee;
        }
    }

    // Rule 10, of a withdrawal: an amount.
    signal amountNone <== IsZero()(item.amount);

    // Rule 13: flags: an order may bear only `thisAuction`.
    signal flagsGood <== IsZero()(item.flags[1] + otherFlags);

    // Rule 14: market full.
    signal marketFull <== NotNegative(BITS_COUNT() + 1)(entriesPending + orders - row.capacity - 1);

    // Rule 15: too many open; `open` never exceeds the limit, which is at most 128.
    signal tooManyOpen <== NotNegative(8)(account.open + orders - MAX_OPEN - 1);

    // Rule 16: position limit.
    signal squares[INSTRUMENTS()];
    signal weighed[INSTRUMENTS()];
    signal staleSquares[INSTRUMENTS()];
    var squareSum = 0;
    var weighedSum = 0;
    var staleSum = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        squares[i] <== account.positions[i] * account.positions[i];
        weighed[i] <== weights[i] * squares[i];
        staleSquares[i] <== stale[i] * squares[i];
        squareSum += squares[i];
        weighedSum += weighed[i];
        staleSum += staleSquares[i];
    }
    signal positionsWithin <== NotNegative(2 * BITS_POSITION() + BITS_WEIGHT() + 4)(MAX_POSITION_SQUARES() - weighedSum);

    // Rule 17: prices not fresh, for the entry or for what the account holds. Sums of squares are 0 iff all squares are.
    component fresh = Fresh();
    fresh.made <== made;
    fresh.time <== time;
    signal staleNone <== IsZero()(staleSum);
    signal orderFresh <== fresh.recent * staleNone;
    signal exactFresh <== fresh.exact * staleNone;
    // An account of cash alone needs no price to withdraw.
    signal cashAlone <== IsZero()(squareSum + account.reserved + account.open);
    signal payoutFresh <== Or()(exactFresh, cashAlone);

    // Rule 18: margin. unit = delta_k of an order; else -1: of a withdrawal, whose amount is 1 to 2^92 - 1, or of a list of
    // quotes, which takes from each scenario all that it reserves: more than any of its orders may lose there.
    signal direction <== item.isOrder * (1 - 2 * item.side[0]);
    signal toll <== Select()(item.isOrder, order[0].fee, 1);
    component margin = MarginHolds(S);
    margin.cash <== account.cash;
    margin.reserved <== account.reserved;
    margin.positions <== account.positions;
    margin.values <== values;
    margin.longCharges <== longCharges;
    margin.shortCharges <== shortCharges;
    signal lotsOrAmount <== Select()(item.isWithdrawal, item.amount, item.size[0]);
    if (Q == 1) {
        margin.quantity <== lotsOrAmount;
    } else {
        margin.quantity <== Select()(item.isQuotes, reserved, lotsOrAmount);
    }
    signal gross <== item.isOrder * quoted.gross;
    signal gain[S];
    for (var k = 0; k < S; k++) {
        gain[k] <== direction * (weighted[k] - order[0].paid);
        margin.unit[k] <== gain[k] - toll - (k == 0 ? 0 : gross);
    }
    // Something is paid, and nobody more than is held; both are below 2^92. What is less than the amount must be accepted.
    component haircut = Haircut();
    haircut.amount <== item.amount;
    haircut.vault <== vault;
    haircut.relief <== relief;
    haircut.deficit <== deficit;
    signal isHeld <== NotNegative(BITS_AMOUNT())(vault - haircut.paid);
    signal paidNone <== IsZero()(haircut.paid);
    signal lessRefused <== haircut.isShort * (1 - item.flags[0]);
    // The venue's own account waits until nothing is short.
    signal isKept <== isVenue * haircut.isShort;

    // Rule 19: in liquidation.
    component flag = Flag();
    flag.flagged <== account.flagged;
    flag.grace <== grace;
    flag.lasts <== lasts;
    flag.time <== time;
    _ <== flag.elapsed;
    signal isFlagged <== flag.counts * flag.begun;
    signal inLiquidation <== isFlagged * (1 - margin.full);

    // Admission: every check that the kind asks for.
    signal flagsFail <== item.isOrder * (1 - flagsGood);
    var orderFails = (1 - inMarket) + (1 - item.isOrder - item.isQuotes) + (1 - marketOpen) + orderFailing + flagsFail
        + marketFull + tooManyOpen + (1 - positionsWithin) + (1 - orderFresh) + (1 - quotedGiven) + (1 - margin.out) + isKept
        + inLiquidation;
    signal orderPut <== IsZero()(orderFails);
    var payoutFails = (1 - live) + (1 - timely) + (1 - item.isWithdrawal) + amountNone + (1 - payoutFresh)
        + (1 - margin.out) + isKept + (1 - isHeld) + paidNone + lessRefused;
    signal payoutPut <== IsZero()(payoutFails);
    signal opened <== orderPut * orders;

    // Effects on the leaf: none unless the item is live.
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.positions <== account.positions;
    after.seq <== account.seq + payoutPut;
    signal paidOut <== payoutPut * item.amount;
    after.cash <== account.cash - paidOut;
    after.nonce <== nonce + item.isQuotes * (Q - 1);
    after.reserved <== account.reserved + orderPut * reserved;
    after.open <== account.open + opened;
    // With full margin the flag goes; what was paid out had it.
    signal orderFull <== orderPut * margin.full;
    after.flagged <== account.flagged * (1 - orderFull - payoutPut);
    after.pushedAt <== account.pushedAt;
    signal paid <== payoutPut * haircut.paid;
    vaultAfter <== vault - paid;
    reliefAfter <== relief + paidOut - paid;
    signal changed <== Leaf()(after, positionsHash);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== item.account[i];
    update.siblings <== siblings;
    update.leafBefore <== leaf;
    update.leafAfter <== Select()(live, changed, leaf);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;

    // Effects on the channels. An item is put into at most one of admitted and payouts: they share one hash.
    signal entry[Q];
    signal thisAuction <== item.isOrder * item.flags[0];
    for (var j = 0; j < Q; j++) {
        entry[j] <== EntryWord()(
            account20, nonce + j, item.side[j], order[j].limitValue, item.size[j], order[j].rho, item.expiry, thisAuction
        );
    }
    signal admittedHead <== Pick(MARKETS())(at, admitted);
    signal putTag <== Select()(item.isWithdrawal, TAG_PAYOUT(), TAG_ENTRY());
    signal putHead <== Select()(item.isWithdrawal, payoutsPut, admittedHead);
    signal payout <== B - (item.amount - haircut.paid) * (1 << BITS_RECIPIENT());
    signal putWord <== Select()(item.isWithdrawal, payout, entry[0]);
    signal put <== HashTagged(2)(putTag, [putHead, putWord]);
    payoutsPutAfter <== payoutsPut + payoutPut * (put - payoutsPut);
    // The orders of a list after its first one follow it into the chain.
    signal next[Q];
    signal head[Q];
    for (var j = 0; j < Q; j++) {
        if (j == 0) {
            next[0] <== put;
            head[0] <== put;
        } else {
            next[j] <== Hash(TAG_ENTRY(), 2)([head[j - 1], entry[j]]);
            head[j] <== Select()(item.used[j], next[j], head[j - 1]);
        }
    }
    signal admittedChange <== orderPut * (head[Q - 1] - admittedHead);

    // A list of quotes cancels all that came before it.
    signal cancelAll <== item.isCancel * item.flags[1] + item.isQuotes;
    signal target <== Select()(cancelAll, nonce, item.replaces);
    signal cancelHead <== Pick(MARKETS())(at, cancels);
    signal cancelTag <== Select()(cancelAll, TAG_CANCEL_ALL(), TAG_CANCEL());
    signal cancelHash <== HashTagged(2)(cancelTag, [cancelHead, account20 + target * (1 << BITS_ACCOUNT())]);
    signal cancelsChange <== cancelPut * (cancelHash - cancelHead);
    signal listPut <== cancelPut * item.isQuotes;
    for (var s = 0; s < MARKETS(); s++) {
        admittedAfter[s] <== admitted[s] + at[s] * admittedChange;
        cancelsAfter[s] <== cancels[s] + at[s] * cancelsChange;
        // No column of the word overflows: capacities are below 2^16 and each effect needs room.
        countsAfter[s] <== counts[s]
            + at[s] * (opened + (cancelPut - listPut) * (1 << BITS_COUNT()) + listPut * (1 << (2 * BITS_COUNT())));
    }
}

/// Admit: the next entries of the log that are items of traders, up to N of them, in order, none left out.
/// params  depth of the account tree, S scenarios, N slots, MAX_OPEN most open orders of one account, at most 128, Q most orders
///         of an item: `admit` has 1, and takes no list of quotes; `quote` has LIST_ORDERS, and takes all kinds
/// in      before, blindAfter, openings of rules, prices and vectors; per slot what AdmitSlot reads
/// proves  stateAfter follows from state by the verdicts of these entries; phase open before and after
/// The number of slots used is the prover's choice and harmless: the log says which entries were consumed.
template Admit(depth, S, N, MAX_OPEN, Q) {
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
    signal input ids[MARKETS()];
    signal input rulesRows[MARKETS()];
    signal input instrumentsHash;
    input PricesMeta() meta;
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input weights[INSTRUMENTS()];
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];

    signal input active[N];
    signal input A[N];
    signal input words[N][ORDER_WORDS(Q)];
    signal input salt[N];
    signal input R8x[N];
    signal input R8y[N];
    signal input S8[N];
    signal input times[N];
    input Account() account[N];
    signal input leaf[N];
    signal input siblings[N][depth][3];
    input MarketRules() row[N];
    input MarketPrices() quoted[N];
    signal input weighted[N][S];

    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();

    signal idsHash <== Hash(TAG_VECTOR(), MARKETS())(ids);
    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;
    signal scenarios <== Scenarios(S)(values);
    OpenPrices()(before.roots.prices, meta, scenarios, pricesRows);
    OpenVector()(meta.longCharges, longCharges);
    OpenVector()(meta.shortCharges, shortCharges);
    OpenVector()(meta.weights, weights);
    Made() made;
    made.inForce <== before.roots.rules;
    made.epochLength <== group.epochLength;
    made.lag <== group.lag;
    made.under <== meta.rules;
    made.epoch <== meta.epoch;
    made.halted <== meta.halted;
    signal stale[INSTRUMENTS()] <== Bits(INSTRUMENTS())(meta.stale);
    OpenVector()(before.markets.admitted, admitted);
    OpenVector()(before.markets.cancels, cancels);
    OpenVector()(before.markets.counts, counts);

    UsedFirst(N)(active);
    active[0] === 1;
    component slot[N];
    for (var j = 0; j < N; j++) {
        slot[j] = AdmitSlot(depth, S, MAX_OPEN, Q);
        slot[j].active <== active[j];
        slot[j].domain <== before.fixed.domain;
        slot[j].A <== A[j];
        slot[j].words <== words[j];
        slot[j].salt <== salt[j];
        slot[j].R8x <== R8x[j];
        slot[j].R8y <== R8y[j];
        slot[j].sigS <== S8[j];
        slot[j].time <== times[j];
        slot[j].slack <== group.slack;
        slot[j].grace <== defaults.grace;
        slot[j].lasts <== 2 * defaults.slope + defaults.hold;
        slot[j].deficit <== before.losses.deficit;
        slot[j].made <== made;
        slot[j].ids <== ids;
        slot[j].rulesRows <== rulesRows;
        slot[j].stale <== stale;
        slot[j].longCharges <== longCharges;
        slot[j].shortCharges <== shortCharges;
        slot[j].weights <== weights;
        slot[j].pricesRows <== pricesRows;
        slot[j].values <== values;
        slot[j].account <== account[j];
        slot[j].leaf <== leaf[j];
        slot[j].siblings <== siblings[j];
        slot[j].row <== row[j];
        slot[j].quoted <== quoted[j];
        slot[j].weighted <== weighted[j];
        if (j == 0) {
            slot[j].accounts <== before.accounts.root;
            slot[j].vault <== before.accounts.vault;
            slot[j].relief <== before.losses.relief;
            slot[j].logged <== before.logged;
            slot[j].payoutsPut <== before.payouts.put;
            slot[j].admitted <== admitted;
            slot[j].cancels <== cancels;
            slot[j].counts <== counts;
        } else {
            slot[j].accounts <== slot[j - 1].accountsAfter;
            slot[j].vault <== slot[j - 1].vaultAfter;
            slot[j].relief <== slot[j - 1].reliefAfter;
            slot[j].logged <== slot[j - 1].loggedAfter;
            slot[j].payoutsPut <== slot[j - 1].payoutsPutAfter;
            slot[j].admitted <== slot[j - 1].admittedAfter;
            slot[j].cancels <== slot[j - 1].cancelsAfter;
            slot[j].counts <== slot[j - 1].countsAfter;
        }
    }

    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged <== slot[N - 1].loggedAfter;
    after.accounts.root <== slot[N - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== before.accounts.holders;
    after.accounts.vault <== slot[N - 1].vaultAfter;
    after.losses.relief <== slot[N - 1].reliefAfter;
    after.losses.deficit <== before.losses.deficit;
    after.blind <== blindAfter;
    after.markets.books <== before.markets.books;
    after.markets.admitted <== Hash(TAG_VECTOR(), MARKETS())(slot[N - 1].admittedAfter);
    after.markets.cancels <== Hash(TAG_VECTOR(), MARKETS())(slot[N - 1].cancelsAfter);
    after.markets.counts <== Hash(TAG_VECTOR(), MARKETS())(slot[N - 1].countsAfter);
    after.clearing <== before.clearing;
    after.payouts.put <== slot[N - 1].payoutsPutAfter;
    after.payouts.taken <== before.payouts.taken;
    stateAfter <== StateWord()(after);
    // The last entry consumed has rank 31.
    time <== (after.logged.clock - RANK_OTHER()) / 32;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
