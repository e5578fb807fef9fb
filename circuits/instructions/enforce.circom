pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/log.circom";
include "../lib/margin.circom";
include "../lib/market.circom";
include "../lib/order.circom";
include "../lib/poseidon.circom";
include "../lib/ranges.circom";
include "../lib/rules.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// Which accounts are sold down, and how far (docs/protocol.md, section 10). Only the operator writes these commands: one whose
/// conditions do not hold has no proof.
/// twins   src/protocol/defaults.ts (enforce), src/witness/enforce.ts

/// Enforced: what the steps of one proof have in common: time, market, prices. Ranges are those of genesis, Configure and Reprice.
bus Enforced(S) {
    signal domain;
    signal time;
    signal isReduction;
    signal relief;
    signal slot;
    signal given;
    signal capacity;
    signal cancelCapacity;
    signal legs[INSTRUMENTS()];
    signal uses[INSTRUMENTS()];
    signal weighted[S];
    signal band;
    OrderTerms() terms;
    signal maintenance;
    signal target;
    signal grace;
    signal slope;
    signal lasts;
    signal insuranceLimit;
    signal loose;
    signal values[S][INSTRUMENTS()];
    signal longCharges[INSTRUMENTS()];
    signal shortCharges[INSTRUMENTS()];
}

/// Waiting: of the market what steps change.
bus Waiting {
    signal admitted;
    signal cancels;
    signal count;
}

/// Reducing: what a lot of a reduction changes, and that it closes.
/// in      reducing   a bit; without it nothing is asked
///         side       a bit; size, paid, fee  of AdmitOrder
///         isLong, positions  bits, |pos| < 2^48
/// proves  Rule 1: each position that a leg moves lies, after all lots, between 0 and what it was. isLong tells the signs of positions;
///         of one that is 0, which no leg moves, either bit does.
/// out     mark       of E_0
///         spread[k]  of E_k - E_0, k >= 1: charges of what is closed among it
template Reducing(S) {
    signal input reducing;
    signal input side;
    signal input size;
    signal input paid;
    signal input fee;
    signal input isLong[INSTRUMENTS()];
    signal input positions[INSTRUMENTS()];
    signal input legs[INSTRUMENTS()];
    signal input weighted[S];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal output mark;
    signal output spread[S];

    // Rule 1. What a lot takes of the size of each position: not below 0, at most 2^7; in all at most the size.
    signal direction <== reducing * (1 - 2 * side);
    signal moved[INSTRUMENTS()];
    signal closed[INSTRUMENTS()];
    signal owned[INSTRUMENTS()];
    signal taken[INSTRUMENTS()];
    signal charge[INSTRUMENTS()];
    signal freed[INSTRUMENTS()];
    var released = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        Boolean()(isLong[i]);
        moved[i] <== direction * legs[i];
        closed[i] <== (1 - 2 * isLong[i]) * moved[i];
        Range(BITS_LEG() + 1)(closed[i]);
        owned[i] <== (2 * isLong[i] - 1) * positions[i];
        taken[i] <== closed[i] * size;
        Range(BITS_POSITION())(owned[i] - taken[i]);
        charge[i] <== shortCharges[i] + isLong[i] * (longCharges[i] - shortCharges[i]);
        freed[i] <== closed[i] * charge[i];
        released += freed[i];
    }
    signal gain[S];
    for (var k = 0; k < S; k++) {
        gain[k] <== (1 - 2 * side) * (weighted[k] - paid);
        spread[k] <== gain[k] - gain[0] + (k == 0 ? 0 : released);
    }
    mark <== gain[0] - fee;
}

/// OneOf: n bits of which one is 1. Which one is the prover's choice.
template OneOf(n) {
    signal input in[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        Boolean()(in[i]);
        sum += in[i];
    }
    sum === 1;
}

/// EnforceSlot: one FLAG, SWEEP or REDUCE.
/// params  depth of the account tree, S scenarios
/// in      active, isFlag  bits: without active nothing changes, and the entry is not in the log
///         shared
///         index           of the account; ranged here, to the tree
///         side            a bit; limit, size  ranged here; 0 of what is no REDUCE
///         salt
///         account, siblings
///         isLong          bits: the signs of its positions, as Reducing has them
///         below, worst    bits of which one is 1: a scenario in which it is below what is asked; one of which the loss stands for M.
///                         Another one may do as well: what is concluded holds if it holds for any
///         riskAfter       at least M after all lots; a greater one proves no more
///         bound           bits of which one is 1: what of three M is held against. Whichever holds proves what is asked
///         accounts, logHead, waiting  as opened or left by the slot before
/// proves  Rule 2: FLAG, of an account without a flag that counts, under its maintenance; its flag is the time.
///         Rule 3: SWEEP and REDUCE of a trader: a flag counts, and the account is below its target, of a REDUCE also after all lots
///         but one. Rule 4: SWEEP after the grace, or without equity; there is room for a cancel of all its orders, which is put.
///         Rule 5: REDUCE lowers M; of the insurance account it may leave it within equity and relief, or what is loose instead.
///         Rule 6: of a trader without open orders, with equity, of which no lot takes a greater part than of M.
///         Rule 7: its limit and size are the market's, and the limit is worse than the mark at most by three quarters of the band, and
///         by the part of the way to the worst scenario that is open by then. Rule 8: there is room for an entry, which is put, for this auction alone,
///         and reserved. Rule 9: of the insurance account at most 16 are open, and of one second no two close one instrument.
///         Rule 10: the insurance account is reduced alone: neither flagged nor swept. Rule 11: the log grows by the command.
///         Rule 12: nothing else of the leaf changes.
template EnforceSlot(depth, S) {
    signal input active;
    signal input isFlag;
    input Enforced(S) shared;
    signal input index;
    signal input side;
    signal input limit;
    signal input size;
    signal input salt;
    input Account() account;
    signal input siblings[depth][3];
    signal input isLong[INSTRUMENTS()];
    signal input below[S];
    signal input worst[S];
    signal input riskAfter;
    signal input bound[3];
    signal input accounts;
    signal input logHead;
    input Waiting() waiting;
    signal output accountsAfter;
    signal output logHeadAfter;
    output Waiting() waitingAfter;

    Boolean()(isFlag);
    (1 - active) * isFlag === 0;
    shared.isReduction * isFlag === 0;
    signal reducing <== active * shared.isReduction;
    signal sweeping <== active - isFlag - reducing;
    signal isInsurance <== IsEqual()(index, INSURANCE());
    // Rule 10.
    (isFlag + sweeping) * isInsurance === 0;
    signal insuring <== reducing * isInsurance;
    signal trading <== reducing - insuring;

    component flag = Flag();
    flag.flagged <== account.flagged;
    flag.grace <== shared.grace;
    flag.lasts <== shared.lasts;
    flag.time <== shared.time;

    component owned = Equities(S);
    owned.cash <== account.cash;
    owned.positions <== account.positions;
    owned.isLong <== isLong;
    owned.values <== shared.values;
    owned.longCharges <== shared.longCharges;
    owned.shortCharges <== shared.shortCharges;
    signal solvent <== NotNegative(BITS_CASH() + 2)(owned.equity[0]);

    // Rule 7, but for the width: on the tick, within the band, 1 lot to the market's limit.
    Boolean()(side);
    Range(BITS_SIZE())(size);
    component order = AdmitOrder();
    order.side <== side;
    order.limit <== Bits(BITS_PRICE() + 1)(limit + (1 << BITS_PRICE()));
    order.size <== size;
    order.terms <== shared.terms;
    reducing * order.fails === 0;

    component lot = Reducing(S);
    lot.reducing <== reducing;
    lot.side <== side;
    lot.size <== size;
    lot.paid <== order.paid;
    lot.fee <== order.fee;
    lot.isLong <== isLong;
    lot.positions <== account.positions;
    lot.legs <== shared.legs;
    lot.weighted <== shared.weighted;
    lot.longCharges <== shared.longCharges;
    lot.shortCharges <== shared.shortCharges;

    // Rules 2 and 3: 1024 E_0 + part (E_k - E_0) < 0, of a REDUCE after all lots but one. |E| < 2^101, |E_k - E_0| < 2^103.
    signal marked <== isFlag * flag.counts;
    marked === 0;
    signal acting <== sweeping + trading;
    acting * (1 - flag.counts) === 0;
    OneOf(S)(below);
    signal loses[S];
    signal losesLot[S];
    var loss = 0;
    var lossLot = 0;
    for (var k = 0; k < S; k++) {
        loses[k] <== below[k] * (owned.equity[k] - owned.equity[0]);
        losesLot[k] <== below[k] * lot.spread[k];
        loss += loses[k];
        lossLot += losesLot[k];
    }
    signal lotsBefore <== reducing * (size - 1);
    signal equityBefore <== owned.equity[0] + lotsBefore * lot.mark;
    signal spreadBefore <== loss + lotsBefore * lossLot;
    signal part <== shared.target + isFlag * (shared.maintenance - shared.target);
    signal carried <== part * spreadBefore;
    signal lacks <== (isFlag + acting) * (-1024 * equityBefore - carried - 1);
    Range(BITS_CASH() + 15)(lacks);

    // Rule 4.
    signal early <== sweeping * (1 - flag.begun);
    early * solvent === 0;

    // Rule 5.
    OneOf(S)(worst);
    OneOf(3)(bound);
    signal lots <== reducing * size;
    signal most[S];
    signal spreadAfter[S];
    var risk = 0;
    for (var k = 0; k < S; k++) {
        most[k] <== worst[k] * (owned.equity[0] - owned.equity[k]);
        risk += most[k];
        spreadAfter[k] <== lots * lot.spread[k];
        Range(BITS_CASH() + 4)(riskAfter + owned.equity[k] - owned.equity[0] + spreadAfter[k]);
    }
    signal riskBefore <== risk;
    trading * (1 - bound[0]) === 0;
    signal changed <== lots * lot.mark;
    signal lower <== bound[0] * (riskBefore - 1);
    signal covered <== bound[1] * (owned.equity[0] + changed + shared.relief);
    signal loose <== bound[2] * shared.loose;
    signal within <== reducing * (lower + covered + loose - riskAfter);
    Range(BITS_CASH() + 5)(within);

    // Rule 6. E_0 (M - M') >= M lots max(0, -change of E_0 a lot): below 2^206. As M > M', only with equity.
    trading * account.open === 0;
    signal gains <== NotNegative(BITS_RHO())(lot.mark);
    signal costs <== (gains - 1) * lot.mark;
    signal paid <== lots * costs;
    signal lowered <== owned.equity[0] * (riskBefore - riskAfter);
    signal spent <== riskBefore * paid;
    signal keeps <== trading * (lowered - spent);
    Range(2 * BITS_CASH() + 6)(keeps);

    // Rule 7: the width.
    signal worse <== (1 - 2 * side) * (order.limitValue - shared.terms.mark);
    signal withinBand <== reducing * (3 * shared.band - 4 * worse);
    Range(BITS_PRICE() + 4)(withinBand);
    signal opening <== NotNegative(BITS_TIME() + 1)(shared.slope - flag.elapsed);
    signal parts <== shared.slope + opening * (flag.elapsed - shared.slope);
    signal open <== flag.begun * parts;
    signal wide <== Select()(isInsurance, shared.insuranceLimit, open);
    signal of <== Select()(isInsurance, 1 << 16, shared.slope);
    // From the mark, which is on a tick and may lie beyond it, to the worst of the scenarios, which leave funding out.
    var net = shared.terms.mark - shared.terms.funding;
    signal way <== Select()(side, net - shared.terms.low, shared.terms.high - net);
    signal reaches <== NotNegative(BITS_RHO())(way);
    signal width <== reaches * way;
    signal allowed <== wide * width;
    signal asked <== worse * of;
    signal withinWidth <== reducing * (allowed - asked);
    Range(BITS_RHO() + 36)(withinWidth);

    // Rule 8, and the room of rule 4: entries and cancels that wait; lists of quotes are counted apart.
    (sweeping + reducing) * (1 - shared.given) === 0;
    signal counts[3 * BITS_COUNT()] <== Bits(3 * BITS_COUNT())(waiting.count);
    var entries = 0;
    var cancels = 0;
    for (var i = 0; i < BITS_COUNT(); i++) {
        entries += counts[i] * (1 << i);
        cancels += counts[BITS_COUNT() + i] * (1 << i);
    }
    // entries < capacity + ceil(capacity / 4) + 8
    signal entryRoom <== reducing * (5 * shared.capacity + 4 * DEFAULT_ENTRIES() - 1 - 4 * entries);
    Range(BITS_COUNT() + 3)(entryRoom);
    signal cancelRoom <== sweeping * (shared.cancelCapacity + DEFAULT_CANCELS() - 1 - cancels);
    Range(BITS_COUNT() + 1)(cancelRoom);
    // No item takes REDUCTION_NONCE, so the nonce of all orders is at most that of the account, which is below it.
    signal entry <== EntryWord()(
        index, REDUCTION_NONCE(), side, order.limitValue, size, order.rho, shared.time, 1
    );
    signal tag <== Select()(reducing, TAG_ENTRY(), TAG_CANCEL_ALL());
    signal head <== Select()(reducing, waiting.admitted, waiting.cancels);
    signal word <== Select()(reducing, entry, index + (account.nonce + 1) * (1 << BITS_ACCOUNT()));
    signal put <== HashTagged(2)(tag, [head, word]);
    waitingAfter.admitted <== waiting.admitted + reducing * (put - waiting.admitted);
    waitingAfter.cancels <== waiting.cancels + sweeping * (put - waiting.cancels);
    waitingAfter.count <== waiting.count + reducing + sweeping * (1 << BITS_COUNT());

    // Rule 9. Of the insurance account `flagged` is the second of its last reductions, and `nonce` the instruments that they close.
    signal spare <== insuring * (REDUCTIONS() - 1 - account.open);
    Range(4)(spare);
    signal again <== IsEqual()(account.flagged, shared.time);
    signal closing <== again * account.nonce;
    signal held <== insuring * closing;
    signal closes[INSTRUMENTS()] <== Bits(INSTRUMENTS())(held);
    var mask = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        closes[i] * shared.uses[i] === 0;
        mask += shared.uses[i] * (1 << i);
    }

    // Rule 12.
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq;
    after.cash <== account.cash;
    after.positions <== account.positions;
    after.nonce <== account.nonce + insuring * (mask + closing - account.nonce);
    after.reserved <== account.reserved + reducing * order.reserved;
    after.open <== account.open + reducing;
    after.flagged <== account.flagged + (isFlag + insuring) * (shared.time - account.flagged);
    after.pushedAt <== account.pushedAt;
    signal positionsHash <== PositionsHash()(account.positions);
    component update = Update(depth);
    update.index <== Bits(2 * depth)(index);
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(account, positionsHash);
    update.leafAfter <== Leaf()(after, positionsHash);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;

    // Rule 11.
    signal market <== (sweeping + reducing) * shared.slot;
    signal sold <== reducing * side;
    component step = LogStep();
    step.domain <== shared.domain;
    step.logHead <== logHead;
    step.A <== KIND_FLAG() * isFlag + KIND_SWEEP() * sweeping + KIND_REDUCE() * reducing + market * (1 << BITS_KIND())
        + index * (1 << (BITS_KIND() + BITS_MARKET()))
        + sold * (1 << (BITS_KIND() + BITS_MARKET() + BITS_ACCOUNT() + BITS_NONCE()));
    step.B <== reducing * (limit + (1 << BITS_PRICE()) + size * (1 << (BITS_PRICE() + 1)));
    step.salt <== salt;
    step.auth <== 0;
    step.time <== shared.time;
    _ <== step.item;
    logHeadAfter <== Select()(active, step.after, logHead);
}

/// Enforce: consumes up to N commands FLAG and SWEEP, or REDUCE, of one second and, where they name one, one market.
/// params  depth of the account tree, S scenarios, N slots
/// in      before, blindAfter, openings of rules, prices and vectors; stamp
///         isReduction    whether it is of REDUCE
///         slot, row, quoted  of the market; of a FLAG any
///         per slot what EnforceSlot reads; one that is not used opens an account and changes nothing
/// proves  Rule 13: phase open before and after; stamped in order, a REDUCE before all that is not a REPRICE of its second.
///         Rule 14: prices of the epoch of that time count. Rule 15: REDUCE in a market that is open, has prices, and closes then.
///         Rule 16: nothing else of the state changes.
template Enforce(depth, S, N) {
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
    signal input rulesRows[MARKETS()];
    signal input instrumentsHash;
    input PricesMeta() meta;
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input pricesRows[MARKETS()];
    signal input values[S][INSTRUMENTS()];
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];
    signal input stamp;
    signal input isReduction;
    signal input slot;
    input MarketRules() row;
    input MarketPrices() quoted;

    signal input active[N];
    signal input isFlag[N];
    signal input index[N];
    signal input side[N];
    signal input limit[N];
    signal input size[N];
    signal input salt[N];
    input Account() account[N];
    signal input siblings[N][depth][3];
    signal input isLong[N][INSTRUMENTS()];
    signal input below[N][S];
    signal input worst[N][S];
    signal input riskAfter[N];
    signal input bound[N][3];

    // Rule 13.
    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();
    Boolean()(isReduction);
    signal clock <== ClockStep()(before.logged.clock, stamp, RANK_OTHER() + isReduction * (RANK_REDUCE() - RANK_OTHER()), 0);

    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    signal defaultsHash <== DefaultsHash()(defaults);
    group.defaults === defaultsHash;
    signal scenarios <== Scenarios(S)(values);
    OpenPrices()(before.roots.prices, meta, scenarios, pricesRows);
    OpenVector()(meta.longCharges, longCharges);
    OpenVector()(meta.shortCharges, shortCharges);
    OpenVector()(before.markets.admitted, admitted);
    OpenVector()(before.markets.cancels, cancels);
    OpenVector()(before.markets.counts, counts);

    // Rule 14.
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

    // Rule 15. stamp = interval quotient + rest, 0 <= rest < interval.
    signal at[MARKETS()] <== OneHotOf(BITS_SLOT())(slot);
    signal rulesRow <== Pick(MARKETS())(at, rulesRows);
    signal pricesRow <== Pick(MARKETS())(at, pricesRows);
    signal given <== RulesRow()(rulesRow, row);
    signal quotedGiven <== PricesRow()(pricesRow, quoted);
    isReduction * (1 - quotedGiven) === 0;
    isReduction * (row.state - MARKET_STATE_OPEN()) === 0;
    signal ahead <== isReduction * (row.until - 1 - stamp);
    Range(BITS_TIME())(ahead);
    signal interval <== Select()(given, row.interval, 1);
    // Hint, then bind: interval >= 1, both are ranged and nothing wraps: one quotient and rest only.
    signal quotient <-- stamp \ interval;
    signal rest <== stamp - interval * quotient;
    Range(BITS_TIME())(quotient);
    Range(BITS_MARKET())(rest);
    Range(BITS_MARKET())(interval - 1 - rest);
    isReduction * rest === 0;

    Enforced(S) shared;
    shared.domain <== before.fixed.domain;
    shared.time <== stamp;
    shared.isReduction <== isReduction;
    shared.relief <== before.losses.relief;
    shared.slot <== slot;
    shared.given <== given;
    shared.capacity <== row.capacity;
    shared.cancelCapacity <== row.cancelCapacity;
    signal legsWord <== given * row.legs;
    signal legBits[INSTRUMENTS() * (BITS_LEG() + 1)] <== Bits(INSTRUMENTS() * (BITS_LEG() + 1))(legsWord);
    signal flat[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var sum = 0;
        for (var j = 0; j <= BITS_LEG(); j++) sum += legBits[i * (BITS_LEG() + 1) + j] * (1 << j);
        shared.legs[i] <== given * (sum - (1 << BITS_LEG()));
        flat[i] <== IsZero()(shared.legs[i]);
        shared.uses[i] <== 1 - flat[i];
    }
    signal part[S][INSTRUMENTS()];
    for (var k = 0; k < S; k++) {
        var sum = 0;
        for (var i = 0; i < INSTRUMENTS(); i++) {
            part[k][i] <== shared.legs[i] * values[k][i];
            sum += part[k][i];
        }
        shared.weighted[k] <== sum;
    }
    shared.band <== row.band;
    shared.terms.tick <== Select()(given, row.tick, 1);
    shared.terms.lotLimit <== row.lotLimit;
    shared.terms.bandSquare <== row.band * row.band;
    shared.terms.feeRate <== row.feeRate;
    shared.terms.feePerLot <== row.feePerLot;
    shared.terms.rhoMin <== row.rhoMin;
    shared.terms.maxFee <== (1 << BITS_MAX_FEE()) - 1;
    shared.terms.mark <== quoted.mark;
    shared.terms.funding <== quoted.funding;
    shared.terms.low <== quoted.low;
    shared.terms.high <== quoted.high;
    shared.terms.slack <== OrderSlack()(quoted.low, quoted.high, group.slack);
    shared.terms.quoted <== quotedGiven;
    shared.maintenance <== defaults.maintenance;
    shared.target <== defaults.target;
    shared.grace <== defaults.grace;
    shared.slope <== defaults.slope;
    shared.lasts <== 2 * defaults.slope + defaults.hold;
    shared.insuranceLimit <== defaults.insuranceLimit;
    shared.loose <== defaults.loose;
    shared.values <== values;
    shared.longCharges <== longCharges;
    shared.shortCharges <== shortCharges;

    UsedFirst(N)(active);
    active[0] === 1;
    component steps[N];
    var used = 0;
    for (var j = 0; j < N; j++) {
        used += active[j];
        steps[j] = EnforceSlot(depth, S);
        steps[j].active <== active[j];
        steps[j].isFlag <== isFlag[j];
        steps[j].shared <== shared;
        steps[j].index <== index[j];
        steps[j].side <== side[j];
        steps[j].limit <== limit[j];
        steps[j].size <== size[j];
        steps[j].salt <== salt[j];
        steps[j].account <== account[j];
        steps[j].siblings <== siblings[j];
        steps[j].isLong <== isLong[j];
        steps[j].below <== below[j];
        steps[j].worst <== worst[j];
        steps[j].riskAfter <== riskAfter[j];
        steps[j].bound <== bound[j];
        if (j == 0) {
            steps[j].accounts <== before.accounts.root;
            steps[j].logHead <== before.logged.head;
            steps[j].waiting.admitted <== Pick(MARKETS())(at, admitted);
            steps[j].waiting.cancels <== Pick(MARKETS())(at, cancels);
            steps[j].waiting.count <== Pick(MARKETS())(at, counts);
        } else {
            steps[j].accounts <== steps[j - 1].accountsAfter;
            steps[j].logHead <== steps[j - 1].logHeadAfter;
            steps[j].waiting <== steps[j - 1].waitingAfter;
        }
    }
    signal admittedAfter[MARKETS()] <== Put(MARKETS())(at, admitted, steps[N - 1].waitingAfter.admitted);
    signal cancelsAfter[MARKETS()] <== Put(MARKETS())(at, cancels, steps[N - 1].waitingAfter.cancels);
    signal countsAfter[MARKETS()] <== Put(MARKETS())(at, counts, steps[N - 1].waitingAfter.count);

    // Rule 16.
    State() after;
    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged.head <== steps[N - 1].logHeadAfter;
    after.logged.count <== before.logged.count + used;
    after.logged.clock <== clock;
    after.accounts.root <== steps[N - 1].accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== before.accounts.holders;
    after.accounts.vault <== before.accounts.vault;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets.books <== before.markets.books;
    after.markets.admitted <== Hash(TAG_VECTOR(), MARKETS())(admittedAfter);
    after.markets.cancels <== Hash(TAG_VECTOR(), MARKETS())(cancelsAfter);
    after.markets.counts <== Hash(TAG_VECTOR(), MARKETS())(countsAfter);
    after.clearing <== before.clearing;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
