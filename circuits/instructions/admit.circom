pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/eddsa.circom";
include "../lib/fee.circom";
include "../lib/item.circom";
include "../lib/log.circom";
include "../lib/margin.circom";
include "../lib/market.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// AdmitSlot: the verdict on one entry of the log and its effects. Total for any A, B, salt, R8, S: a witness exists.
/// twins   src/protocol/admission.ts; the rule numbers are those of `VERDICTS`
/// in      active     a bit; 0: nothing changes and the entry is not in the log
///         accounts, logged, ... as opened from the state by Admit; ranges as written there
///         account    of the leaf at the index that the item names; free where there is none (see `used`)
///         row, quoted  of the market that the item names; free where there is none (see RulesRow)
/// proves  the log grows by this entry; the effects are those of the first check that fails, or of admission
template AdmitSlot(depth, S, MAX_OPEN) {
    signal input active;
    signal input domain;
    signal input A;
    signal input B;
    signal input salt;
    signal input R8x;
    signal input R8y;
    signal input sigS;
    signal input time;
    signal input rulesRoot;
    signal input maxAge;
    signal input ids[MARKETS()];
    signal input rulesRows[MARKETS()];
    input PricesMeta() meta;
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    input Account() account;
    signal input leaf;
    signal input siblings[depth][3];
    input MarketRules() row;
    input MarketPrices(S) quoted;

    signal input accounts;
    input Log() logged;
    signal input payoutsPut;
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];

    signal output accountsAfter;
    output Log() loggedAfter;
    signal output payoutsPutAfter;
    signal output admittedAfter[MARKETS()];
    signal output cancelsAfter[MARKETS()];
    signal output countsAfter[MARKETS()];

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

    component item = Item();
    item.A <== A;
    item.B <== B;

    // The leaf that the item names. An account beyond the tree has none.
    var beyondTree = 0;
    for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) beyondTree += item.account[i];
    signal inTree <== IsZero()(beyondTree);
    signal named <== item.wellFormed * inTree;
    signal leafGivenMissing <== IsZero()(leaf);
    signal leafGiven <== 1 - leafGivenMissing;
    signal used <== named * leafGiven;
    signal positionsHash <== PositionsHash()(account.positions);
    signal opened <== Leaf()(account, positionsHash);
    // Where used = 0 the account is free (of zeros there is a witness); the item is malformed or unsigned and has no effect.
    used * (opened - leaf) === 0;

    // Rule 1: malformed. Rule 2: unsigned.
    component signature = Signature();
    signature.keyGiven <== used;
    signature.keyX <== account.keyX;
    signature.keyY <== account.keyY;
    signature.R8x <== R8x;
    signature.R8y <== R8y;
    signature.S <== sigS;
    signature.message <== step.item;

    // Rule 3: nonce in (old, old + 2^16]: the bits of nonce - old - 1 + 2^40 above the 16 lowest are just the top one.
    signal ahead[BITS_NONCE() + 1] <== Bits(BITS_NONCE() + 1)(item.nonce - account.nonce - 1 + (1 << BITS_NONCE()));
    var farther = 1 - ahead[BITS_NONCE()];
    for (var i = 16; i < BITS_NONCE(); i++) farther += ahead[i];
    signal nonceGood <== IsZero()(farther);
    signal valid <== signature.valid * nonceGood;
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
    signal quotedGiven <== PricesRow(S)(pricesRow, quoted);

    // Rule 6: bad target; an order may replace an earlier one.
    signal earlier <== NotNegative(BITS_NONCE() + 1)(item.nonce - 1 - item.replaces);
    signal replacesNone <== IsZero()(item.replaces);
    var otherFlags = 0;
    for (var i = 2; i < BITS_FLAGS(); i++) otherFlags += item.flags[i];
    signal allOnly <== IsZero()(1 - item.flags[1] + item.flags[0] + otherFlags);
    signal noFlags <== IsZero()(item.flags[1] + item.flags[0] + otherFlags);
    signal single <== noFlags * (1 - replacesNone);
    signal targetForm <== allOnly * replacesNone + single;
    signal cancelForm <== item.isCancel * (1 - targetForm);
    signal targetGood <== earlier * (1 - cancelForm);

    // Rule 7: too many cancels pending, for an item that carries one.
    signal count <== Pick(MARKETS())(at, counts);
    signal countBits[2 * BITS_COUNT()] <== Bits(2 * BITS_COUNT())(count);
    var entriesPending = 0;
    var cancelsPending = 0;
    for (var i = 0; i < BITS_COUNT(); i++) {
        entriesPending += countBits[i] * (1 << i);
        cancelsPending += countBits[BITS_COUNT() + i] * (1 << i);
    }
    signal replacing <== item.isOrder * (1 - replacesNone);
    signal carriesCancel <== item.isCancel + replacing;
    signal cancelsFull <== NotNegative(BITS_COUNT())(cancelsPending - row.cancelCapacity);
    signal tooManyCancels <== carriesCancel * cancelsFull;
    // Rules 1 to 7 hold: from here on a cancel takes effect.
    signal inMarket <== IsZero()(5 - live - timely - found - targetGood - (1 - tooManyCancels));
    signal cancelPut <== inMarket * carriesCancel;

    // Rule 8: market not open.
    signal marketOpen <== IsEqual()(row.state, MARKET_STATE_OPEN());

    // Rule 9: off tick. |limit| = tick quotient + rest, 0 <= rest < tick; a free row has no tick and none is needed.
    component limit = Absolute(BITS_PRICE());
    limit.bits <== item.limit;
    signal tick <== Select()(rowGiven, row.tick, 1);
    // Hint, then bind: tick >= 1, both are ranged, and tick quotient < 2^73 does not wrap: one quotient and rest only.
    signal quotient <-- limit.out \ tick;
    signal rest <== limit.out - tick * quotient;
    Range(BITS_PRICE() + 1)(quotient);
    Range(BITS_TICK())(rest);
    Range(BITS_TICK())(tick - 1 - rest);
    signal onTick <== IsZero()(rest);

    // Rule 10: size from 1 to the lot limit; of a withdrawal: an amount.
    signal quantity <== Select()(item.isWithdrawal, item.amount, item.size);
    signal quantityNone <== IsZero()(quantity);
    signal sizeWithin <== AtMost(BITS_SIZE())(item.size, row.lotLimit);

    // Rule 11: band, where the row is quoted: band^2 - (limit - mark)^2 >= 0; both are below 2^41.
    signal distance <== limit.value - quoted.mark;
    signal distanceSquare <== distance * distance;
    signal bandSquare <== row.band * row.band;
    signal inBand <== NotNegative(2 * BITS_PRICE() + 2)(bandSquare - distanceSquare);
    signal offBand <== quotedGiven * (1 - inBand);

    // Rule 12: fee of one lot at the limit within maxFee.
    signal charged <== row.feeRate * limit.out;
    signal quotientFee <== DivideUp(BITS_PRICE() + 1)(charged);
    signal fee <== quotientFee + row.feePerLot;
    signal feeWithin <== NotNegative(BITS_MAX_FEE())(item.maxFee - fee);

    // Rule 13: flags: an order may bear only `thisAuction`.
    signal flagsGood <== IsZero()(item.flags[1] + otherFlags);

    // Rule 14: market full.
    signal marketFull <== NotNegative(BITS_COUNT())(entriesPending - row.capacity);

    // Rule 15: too many open; `open` never exceeds the limit, so equality is enough.
    signal tooManyOpen <== IsEqual()(account.open, MAX_OPEN);

    // Rule 16: position limit.
    signal squares[INSTRUMENTS()];
    var squareSum = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        squares[i] <== account.positions[i] * account.positions[i];
        squareSum += squares[i];
    }
    signal positionsWithin <== NotNegative(2 * BITS_POSITION() + 4)(MAX_POSITION_SQUARES() - squareSum);

    // Rule 17: prices not fresh.
    signal fresh <== Fresh()(rulesRoot, meta, maxAge, time);

    // Rule 18: margin. unit = delta_k of an order, -1 of a withdrawal, whose amount is 1 to 2^92 - 1.
    signal paid <== limit.value - quoted.funding;
    signal direction <== (1 - item.isWithdrawal) * (1 - 2 * item.side);
    signal toll <== Select()(item.isWithdrawal, 1, fee);
    component margin = MarginHolds(S);
    margin.cash <== account.cash;
    margin.reserved <== account.reserved;
    margin.positions <== account.positions;
    margin.values <== values;
    margin.quantity <== quantity;
    signal gain[S];
    for (var k = 0; k < S; k++) {
        gain[k] <== direction * (quoted.values[k] - paid);
        margin.unit[k] <== gain[k] - toll;
    }

    // Admission: every check that the kind asks for.
    var orderFails = (1 - inMarket) + (1 - item.isOrder) + (1 - marketOpen) + (1 - onTick) + quantityNone
        + (1 - sizeWithin) + offBand + (1 - feeWithin) + (1 - flagsGood) + marketFull + tooManyOpen
        + (1 - positionsWithin) + (1 - fresh) + (1 - quotedGiven) + (1 - margin.out);
    signal orderPut <== IsZero()(orderFails);
    var payoutFails = (1 - live) + (1 - timely) + (1 - item.isWithdrawal) + quantityNone + (1 - fresh) + (1 - margin.out);
    signal payoutPut <== IsZero()(payoutFails);

    // Reservation per lot: the worst over scenarios, fee included, at least rhoMin; below 2^62 in size.
    signal worst <== (paid - quoted.low) + item.side * (quoted.high + quoted.low - 2 * paid) + fee;
    signal aboveMin <== NotNegative(BITS_RHO())(worst - row.rhoMin);
    signal rho <== Select()(aboveMin, worst, row.rhoMin);
    signal reservation <== rho * item.size;

    // Effects on the leaf: none unless the item is live.
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.positions <== account.positions;
    after.seq <== account.seq + payoutPut;
    after.cash <== account.cash - payoutPut * item.amount;
    after.nonce <== item.nonce;
    after.reserved <== account.reserved + orderPut * reservation;
    after.open <== account.open + orderPut;
    signal changed <== Leaf()(after, positionsHash);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== item.account[i];
    update.siblings <== siblings;
    update.leafBefore <== leaf;
    update.leafAfter <== Select()(live, changed, leaf);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;

    // Effects on the channels. An item is put into at most one of admitted and payouts: they share one hash.
    var account20 = 0;
    for (var i = 0; i < BITS_ACCOUNT(); i++) account20 += item.account[i] * (1 << i);
    // The entry as ENTRY_COLUMNS of src/protocol/book.ts packs it; every column is within its bits.
    var entry = account20;
    var shift = BITS_ACCOUNT();
    entry += item.nonce * (1 << shift);
    shift += BITS_NONCE();
    entry += item.side * (1 << shift);
    shift += BITS_SIDE();
    entry += (limit.value + (1 << BITS_PRICE())) * (1 << shift);
    shift += BITS_PRICE() + 1;
    entry += item.size * (1 << shift);
    shift += BITS_SIZE();
    entry += rho * (1 << shift);
    shift += BITS_RHO();
    entry += item.expiry * (1 << shift);
    shift += BITS_TIME();
    entry += item.flags[0] * (1 << shift);
    signal admittedHead <== Pick(MARKETS())(at, admitted);
    signal putTag <== Select()(item.isWithdrawal, TAG_PAYOUT(), TAG_ENTRY());
    signal putHead <== Select()(item.isWithdrawal, payoutsPut, admittedHead);
    signal putWord <== Select()(item.isWithdrawal, B, entry);
    signal put <== HashTagged(2)(putTag, [putHead, putWord]);
    payoutsPutAfter <== payoutsPut + payoutPut * (put - payoutsPut);
    signal admittedChange <== orderPut * (put - admittedHead);

    signal cancelAll <== item.isCancel * item.flags[1];
    signal target <== Select()(cancelAll, item.nonce, item.replaces);
    signal cancelHead <== Pick(MARKETS())(at, cancels);
    signal cancelHash <== Hash(TAG_CANCEL(), 2)([
        cancelHead, account20 + target * (1 << BITS_ACCOUNT()) + cancelAll * (1 << (BITS_ACCOUNT() + BITS_NONCE()))
    ]);
    signal cancelsChange <== cancelPut * (cancelHash - cancelHead);
    for (var s = 0; s < MARKETS(); s++) {
        admittedAfter[s] <== admitted[s] + at[s] * admittedChange;
        cancelsAfter[s] <== cancels[s] + at[s] * cancelsChange;
        // Neither half of the word overflows: capacities are below 2^16 and each effect needs room.
        countsAfter[s] <== counts[s] + at[s] * (orderPut + cancelPut * (1 << BITS_COUNT()));
    }
}

/// Admit: the next entries of the log that are items of traders, up to N of them, in order, none left out.
/// params  depth of the account tree, S scenarios, N slots, MAX_OPEN most open orders of one account, at most 32
/// in      before, blindAfter, openings of rules, prices and vectors; per slot what AdmitSlot reads
/// proves  stateAfter follows from state by the verdicts of these entries; phase open before and after
/// The number of slots used is the prover's choice and harmless: the log says which entries were consumed.
template Admit(depth, S, N, MAX_OPEN) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;

    input State() before;
    signal input blindAfter;
    input Group() group;
    signal input ids[MARKETS()];
    signal input rulesRows[MARKETS()];
    input PricesMeta() meta;
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];

    signal input active[N];
    signal input A[N];
    signal input B[N];
    signal input salt[N];
    signal input R8x[N];
    signal input R8y[N];
    signal input S8[N];
    signal input times[N];
    input Account() account[N];
    signal input leaf[N];
    signal input siblings[N][depth][3];
    input MarketRules() row[N];
    input MarketPrices(S) quoted[N];

    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();

    OpenRules()(before.fixed.rules, group, ids, rulesRows);
    signal scenarios <== Scenarios(S)(values);
    OpenPrices()(before.fixed.prices, meta, scenarios, pricesRows);
    OpenVector()(before.markets.admitted, admitted);
    OpenVector()(before.markets.cancels, cancels);
    OpenVector()(before.markets.counts, counts);

    UsedFirst(N)(active);
    active[0] === 1;
    component slot[N];
    for (var j = 0; j < N; j++) {
        slot[j] = AdmitSlot(depth, S, MAX_OPEN);
        slot[j].active <== active[j];
        slot[j].domain <== before.fixed.domain;
        slot[j].A <== A[j];
        slot[j].B <== B[j];
        slot[j].salt <== salt[j];
        slot[j].R8x <== R8x[j];
        slot[j].R8y <== R8y[j];
        slot[j].sigS <== S8[j];
        slot[j].time <== times[j];
        slot[j].rulesRoot <== before.fixed.rules;
        slot[j].maxAge <== group.maxAge;
        slot[j].ids <== ids;
        slot[j].rulesRows <== rulesRows;
        slot[j].meta <== meta;
        slot[j].pricesRows <== pricesRows;
        slot[j].values <== values;
        slot[j].account <== account[j];
        slot[j].leaf <== leaf[j];
        slot[j].siblings <== siblings[j];
        slot[j].row <== row[j];
        slot[j].quoted <== quoted[j];
        if (j == 0) {
            slot[j].accounts <== before.accounts.root;
            slot[j].logged <== before.logged;
            slot[j].payoutsPut <== before.payouts.put;
            slot[j].admitted <== admitted;
            slot[j].cancels <== cancels;
            slot[j].counts <== counts;
        } else {
            slot[j].accounts <== slot[j - 1].accountsAfter;
            slot[j].logged <== slot[j - 1].loggedAfter;
            slot[j].payoutsPut <== slot[j - 1].payoutsPutAfter;
            slot[j].admitted <== slot[j - 1].admittedAfter;
            slot[j].cancels <== slot[j - 1].cancelsAfter;
            slot[j].counts <== slot[j - 1].countsAfter;
        }
    }

    State() after;
    after.fixed <== before.fixed;
    after.phase <== phaseAfter;
    after.logged <== slot[N - 1].loggedAfter;
    after.accounts.root <== slot[N - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== before.accounts.holders;
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
