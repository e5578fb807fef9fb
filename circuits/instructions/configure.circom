pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/history.circom";
include "../lib/log.circom";
include "../lib/margin.circom";
include "../lib/market.circom";
include "../lib/poseidon.circom";
include "../lib/ruleRanges.circom";
include "../lib/rules.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// Configure: new rules, all of them at once (docs/protocol.md, section 9). What is traded under a name stays what it was as long as
/// somebody holds it or has an order in its market. Which words are rules at all: circuits/lib/ruleRanges.circom.
/// twins   src/protocol/configure.ts (which rules may follow which), src/witness/configure.ts
///
/// Nobody trusts the operator with rules: the root that RULES names is a public input, for the contract to hold against what was
/// announced, and for the world to see.

/// Rules: all of the rules, by slot. Words of a free slot are those of any row: nothing is concluded from them.
bus Rules {
    Group() group;
    signal ids[MARKETS()];
    signal marketRows[MARKETS()];
    MarketRules() markets[MARKETS()];
    signal instrumentRows[INSTRUMENTS()];
    Instrument() instruments[INSTRUMENTS()];
}

/// RulesRoot: the root of rules, and which of their slots are used.
/// out     root             H_rules(H_group, H_vector(ids), H_vector(market rows), H_vector(instrument rows))
///         marketGiven, instrumentGiven  bits
///         contracts        H_contract, 0 of a free slot
template RulesRoot() {
    input Rules() rules;
    signal output root;
    signal output marketGiven[MARKETS()];
    signal output instrumentGiven[INSTRUMENTS()];
    signal output contracts[INSTRUMENTS()];
    component instrument[INSTRUMENTS()];
    for (var m = 0; m < MARKETS(); m++) marketGiven[m] <== RulesRow()(rules.marketRows[m], rules.markets[m]);
    for (var i = 0; i < INSTRUMENTS(); i++) {
        instrument[i] = InstrumentRow();
        instrument[i].rowHash <== rules.instrumentRows[i];
        instrument[i].instrument <== rules.instruments[i];
        instrumentGiven[i] <== instrument[i].given;
        contracts[i] <== instrument[i].contract;
    }
    signal groupHash <== GroupHash()(rules.group);
    signal ids <== Hash(TAG_VECTOR(), MARKETS())(rules.ids);
    signal marketRows <== Hash(TAG_VECTOR(), MARKETS())(rules.marketRows);
    signal instrumentRows <== Hash(TAG_VECTOR(), INSTRUMENTS())(rules.instrumentRows);
    root <== Hash(TAG_RULES(), 4)([groupHash, ids, marketRows, instrumentRows]);
}

/// Greater: the greater of two numbers below 2^n.
template Greater(n) {
    signal input in[2];
    signal second <== AtMost(n)(in[0], in[1]);
    signal output out <== Select()(second, in[1], in[0]);
}

/// MarketChange: what may follow in a market slot.
/// in      idBefore, before     the row in force, free where idBefore is that of no market
///         id, row, given       the new one; ranged by MarketWords
///         legs                 of row, bits
///         same[i]              whether instrument i has the contract that it had
///         count                of what waits in the slot
///         greatestBefore, greatest, time
/// proves  Rule 1: while there are orders, cancels or lists the market stays; a market that comes has an id above the greatest that
///         was used before, by at most 2^16; no id is above the greatest now.
///         Rule 2: of a market that stays rule, tick, legs and the contracts of its legs are what they were. Rule 3: its fees
///         rise only while it is empty. Rule 4: its end moves only nearer, and not before now.
///         Rule 5: a clear fits one transaction, while there are orders also under the greater of old and new capacities.
/// By rules 1 and 2 no contract changes in which a market with orders has a leg.
template MarketChange(depth, clear, settle) {
    signal input idBefore;
    input MarketRules() before;
    signal input id;
    input MarketRules() row;
    signal input given;
    signal input legs[INSTRUMENTS()];
    signal input same[INSTRUMENTS()];
    signal input count;
    signal input greatestBefore;
    signal input greatest;
    signal input time;
    // These may change at any time.
    _ <== before.lotLimit + before.band + before.rhoMin + before.interval + before.state;
    _ <== row.lotLimit + row.band + row.rhoMin + row.interval + row.state;

    // Rule 1.
    signal sameId <== IsEqual()(idBefore, id);
    signal empty <== IsZero()(count);
    (1 - empty) * (1 - sameId) === 0;
    (1 - given) * (id - NO_MARKET_ID()) === 0;
    signal stays <== given * sameId;
    signal above <== (given - stays) * (id - greatestBefore - 1);
    Range(BITS_ID_WINDOW())(above);
    signal below <== given * (greatest - id);
    Range(BITS_MARKET())(below);

    // Rule 2.
    stays * (row.rule - before.rule) === 0;
    stays * (row.tick - before.tick) === 0;
    stays * (row.legs - before.legs) === 0;
    signal other[INSTRUMENTS()];
    var others = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        other[i] <== legs[i] * (1 - same[i]);
        others += other[i];
    }
    stays * others === 0;

    // Rule 3.
    signal busy <== stays * (1 - empty);
    signal feeRateFalls <== busy * (before.feeRate - row.feeRate);
    Range(WIDTH(FEE_DENOMINATOR()))(feeRateFalls);
    signal feePerLotFalls <== busy * (before.feePerLot - row.feePerLot);
    Range(BITS_FEE_PER_LOT())(feePerLotFalls);

    // Rule 4.
    signal sameEnd <== IsEqual()(row.until, before.until);
    signal ends <== stays * (1 - sameEnd);
    signal sooner <== ends * (before.until - row.until);
    Range(BITS_TIME())(sooner);
    signal ahead <== ends * (row.until - time);
    Range(BITS_TIME())(ahead);

    // Rule 5. A greater capacity never takes less.
    signal capacity <== Greater(BITS_COUNT())([row.capacity, row.capacity + busy * (before.capacity - row.capacity)]);
    signal cancelCapacity <== Greater(BITS_COUNT())([row.cancelCapacity, row.cancelCapacity + busy * (before.cancelCapacity - row.cancelCapacity)]);
    signal listCapacity <== Greater(BITS_COUNT())([row.listCapacity, row.listCapacity + busy * (before.listCapacity - row.listCapacity)]);
    FitsTransaction(depth, clear, settle)(capacity, cancelCapacity, listCapacity);
}

/// InstrumentChange: what may follow in an instrument slot; what live options name is proven by Configure.
/// params  slot
/// in      contractBefore, contract  H_contract, 0 of a free slot
///         perpetualBefore  bit: it was given, and a perpetual
///         given, dated     bits: of the new one whether it is there, and no perpetual
///         future           bit: it is given, and a future
///         expiry           ranged by InstrumentWords
///         holders          accounts that have a position
///         payoff           0 of what has not settled
///         openLegs         by market its word of legs, 0 where it is not open now
///         window, time     ranged
/// proves  Rule 6: a contract is replaced only while nobody holds it; a perpetual may be given an expiry. Rule 7: a contract that
///         is new expires no sooner than one settlement window from now. Rule 8: what is held, has not settled and has not
///         expired has an open market of it alone.
/// out     same, replaced   bits: whether it is the contract that it was; whether what belonged to it counts no more
///         live             bit: it has not settled
template InstrumentChange(slot) {
    signal input contractBefore;
    signal input contract;
    signal input perpetualBefore;
    signal input given;
    signal input dated;
    signal input future;
    signal input expiry;
    signal input holders;
    signal input payoff;
    signal input openLegs[MARKETS()];
    signal input window;
    signal input time;
    signal output same <== IsEqual()(contractBefore, contract);
    signal output live <== IsZero()(payoff);

    // Rule 6. Contracts of two kinds have two hashes, so of the two at most one is 1.
    signal ends <== perpetualBefore * future;
    signal output replaced <== 1 - same - ends;
    replaced * holders === 0;

    // Rule 7.
    signal comes <== (1 - same) * given;
    signal comesDated <== comes * dated;
    signal ahead <== comesDated * (expiry - time - window);
    Range(BITS_TIME())(ahead);

    // Rule 8. A perpetual has expiry 0, which is not ahead.
    signal running <== NotNegative(BITS_TIME())(expiry - time - 1);
    signal free <== IsZero()(holders);
    signal held <== given * (1 - free);
    signal heldLive <== held * live;
    signal trades <== heldLive * (1 - dated + running);
    var unit = 1 << (slot * (BITS_LEG() + 1));
    for (var i = 0; i < INSTRUMENTS(); i++) unit += (1 << BITS_LEG()) * (1 << (i * (BITS_LEG() + 1)));
    signal miss[MARKETS()];
    miss[0] <== openLegs[0] - unit;
    for (var m = 1; m < MARKETS(); m++) miss[m] <== miss[m - 1] * (openLegs[m] - unit);
    trades * miss[MARKETS() - 1] === 0;
}

/// LiveOption: which slots an option in force names, as long as it has not settled and stays.
/// in      option             a bit: it is given, and an option
///         forward, volatility  below 16 where it is one
///         live, replaced     bits
/// out     names[i]           not 0 where it is valued by instrument i: 1 or 2
template LiveOption() {
    signal input option;
    signal input forward;
    signal input volatility;
    signal input live;
    signal input replaced;
    signal output names[INSTRUMENTS()];
    signal optionForward <== option * forward;
    signal optionVolatility <== option * volatility;
    signal atForward[INSTRUMENTS()] <== OneHotOf(BITS_SLOT())(optionForward);
    signal atVolatility[INSTRUMENTS()] <== OneHotOf(BITS_SLOT())(optionVolatility);
    signal liveOption <== option * live;
    signal stays <== liveOption * (1 - replaced);
    for (var i = 0; i < INSTRUMENTS(); i++) names[i] <== stays * (atForward[i] + atVolatility[i]);
}

/// Forget: the prices that rules leave: what belonged to a contract that is replaced is 0, and so is the
/// root of the rules that they were made under: no price is fresh before the next REPRICE. Nothing else changes.
/// in      root     of the prices
///         meta, scenarios, rowsHash, history, longCharges, shortCharges, last, payoffs  its opening
///         gone[i]  bits
/// out     after    the new root
template Forget() {
    signal input root;
    input PricesMeta() meta;
    signal input scenarios;
    signal input rowsHash;
    input History() history;
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input last[INSTRUMENTS()];
    signal input payoffs[INSTRUMENTS()];
    signal input gone[INSTRUMENTS()];
    signal output after;

    signal metaHash <== PricesMetaHash()(meta);
    signal hashed <== Hash(TAG_PRICES(), 3)([metaHash, scenarios, rowsHash]);
    root === hashed;
    signal historyHash <== HistoryHash()(history);
    meta.history === historyHash;
    OpenVector()(meta.longCharges, longCharges);
    OpenVector()(meta.shortCharges, shortCharges);
    OpenVector()(history.last, last);
    OpenVector()(history.payoffs, payoffs);

    signal longAfter[INSTRUMENTS()];
    signal shortAfter[INSTRUMENTS()];
    signal lastAfter[INSTRUMENTS()];
    signal payoffsAfter[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        longAfter[i] <== (1 - gone[i]) * longCharges[i];
        shortAfter[i] <== (1 - gone[i]) * shortCharges[i];
        lastAfter[i] <== (1 - gone[i]) * last[i];
        payoffsAfter[i] <== (1 - gone[i]) * payoffs[i];
    }
    History() kept;
    kept.index <== history.index;
    kept.range <== history.range;
    kept.funding <== (1 - gone[0]) * history.funding;
    kept.fundingRest <== (1 - gone[0]) * history.fundingRest;
    kept.last <== Hash(TAG_VECTOR(), INSTRUMENTS())(lastAfter);
    kept.payoffs <== Hash(TAG_VECTOR(), INSTRUMENTS())(payoffsAfter);
    PricesMeta() left;
    // So that prices count under no rules, those before these among them, until the next REPRICE.
    left.rules <== 0;
    left.epoch <== meta.epoch;
    left.halted <== meta.halted;
    left.stale <== meta.stale;
    left.longCharges <== Hash(TAG_VECTOR(), INSTRUMENTS())(longAfter);
    left.shortCharges <== Hash(TAG_VECTOR(), INSTRUMENTS())(shortAfter);
    left.weights <== meta.weights;
    left.history <== HistoryHash()(kept);
    signal leftHash <== PricesMetaHash()(left);
    after <== Hash(TAG_PRICES(), 3)([leftHash, scenarios, rowsHash]);
}

/// Payout: money of the insurance account that new rules pay out, judged as a withdrawal under the old ones.
/// twins   src/protocol/configure.ts (requirePayout), src/matcher/matcher.ts
/// in      payout               of the new group: 0 where nothing is paid
///         recipient, amount, at  what it is the hash of; without one free
///         time                 of the entry, ranged
///         fresh                a bit: prices of the exact epoch count under the old rules
///         stale[i]             bits: prices that are older than that
///         vault, relief, deficit, account, accounts, put  as opened from the state; values, charges of the prices
/// proves  Rule 14: it is paid by the entry of its own second, to a recipient of 160 bits, at least one cash unit, under prices that
///         count, of all that the account holds too, with nothing short; its margin and what is held cover it. Rule 15: the account has
///         so much less cash, and seq is greater by one; the word joins the payouts. Without a payout nothing changes.
template Payout(depth, S) {
    signal input payout;
    signal input recipient;
    signal input amount;
    signal input at;
    signal input time;
    signal input fresh;
    signal input stale[INSTRUMENTS()];
    signal input vault;
    signal input relief;
    signal input deficit;
    input Account() account;
    signal input siblings[depth][3];
    signal input values[S][INSTRUMENTS()];
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input accounts;
    signal input put;
    signal output accountsAfter;
    signal output vaultAfter;
    signal output putAfter;

    // Rule 14.
    signal none <== IsZero()(payout);
    signal hashed <== Hash(TAG_INSURANCE_PAYOUT(), 3)([recipient, amount, at]);
    (1 - none) * (payout - hashed) === 0;
    (1 - none) * (at - time) === 0;
    (1 - none) * (1 - fresh) === 0;
    // Sums of squares are 0 iff all squares are: |pos| <= 2^46.
    signal squares[INSTRUMENTS()];
    signal staleSquares[INSTRUMENTS()];
    var staleSum = 0;
    for (var i = 0; i < INSTRUMENTS(); i++) {
        squares[i] <== account.positions[i] * account.positions[i];
        staleSquares[i] <== stale[i] * squares[i];
        staleSum += staleSquares[i];
    }
    signal staleNone <== IsZero()(staleSum);
    (1 - none) * (1 - staleNone) === 0;
    Range(BITS_RECIPIENT())(recipient);
    signal paid <== (1 - none) * amount;
    Range(BITS_AMOUNT())(paid);
    signal some <== (1 - none) * (amount - 1);
    Range(BITS_AMOUNT())(some);
    signal owing <== NotNegative(102)(deficit - relief - 1);
    (1 - none) * owing === 0;
    Range(BITS_AMOUNT())(vault - paid);
    component margin = MarginHolds(S);
    margin.cash <== account.cash;
    margin.reserved <== account.reserved;
    margin.positions <== account.positions;
    margin.values <== values;
    margin.longCharges <== longCharges;
    margin.shortCharges <== shortCharges;
    margin.quantity <== paid;
    for (var k = 0; k < S; k++) margin.unit[k] <== -1;
    (1 - none) * (1 - margin.out) === 0;
    _ <== margin.full;

    // Rule 15.
    Account() after;
    after.keyX <== account.keyX;
    after.keyY <== account.keyY;
    after.view <== account.view;
    after.seq <== account.seq + 1 - none;
    after.cash <== account.cash - paid;
    after.positions <== account.positions;
    after.nonce <== account.nonce;
    after.reserved <== account.reserved;
    after.open <== account.open;
    after.flagged <== account.flagged;
    after.pushedAt <== account.pushedAt;
    signal positionsHash <== PositionsHash()(account.positions);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== ((INSURANCE() >> i) & 1);
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(account, positionsHash);
    update.leafAfter <== Leaf()(after, positionsHash);
    update.rootBefore === accounts;
    accountsAfter <== update.rootAfter;
    vaultAfter <== vault - paid;
    signal pushed <== Hash(TAG_PAYOUT(), 2)([put, recipient + amount * (1 << BITS_RECIPIENT())]);
    putAfter <== Select()(none, put, pushed);
}

/// Configure: consumes RULES(root).
/// params  S rows of scenarios, FEEDS of a group, depth of the account tree, slots of clear and settle
/// in      before, blindAfter, stamp
///         old, now            rules before and after. What is in force passed genesis or an earlier Configure: its words are in
///                             their ranges, an id is given where a row is, no id stands twice or is above its greatest
///         pricing, defaults, feeds, eighths  of now, as GroupRules reads them
///         holders, counts     by instrument, and by market
///         meta, values, rowsHash, history, longCharges, shortCharges, last, payoffs  opening of the prices
///         insurance, siblings         the insurance account; recipient, amount, at  of the payout
/// proves  beside the rules of its parts, Rule 9: phase open before and after; the log grows by the command RULES(root of now),
///         stamped in order. Rule 10: rules and prices are the new ones. Rule 11: length of an epoch and grid are what they were.
///         Rule 12: no id stands twice; the greatest is that of before, or of a market. Rule 13: no live option that stays names a
///         contract that is replaced.
template Configure(S, FEEDS, depth, clear, settle) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;
    signal output rules;

    input State() before;
    signal input blindAfter;
    signal input stamp;
    input Rules() old;
    input Rules() now;
    input Pricing(S) pricing;
    input Defaults() defaults;
    signal input feeds[FEEDS][2];
    signal input eighths[FEEDS + 1][2];
    signal input holders[INSTRUMENTS()];
    signal input counts[MARKETS()];
    input PricesMeta() meta;
    signal input values[S][INSTRUMENTS()];
    signal input rowsHash;
    input History() history;
    signal input longCharges[INSTRUMENTS()];
    signal input shortCharges[INSTRUMENTS()];
    signal input last[INSTRUMENTS()];
    signal input payoffs[INSTRUMENTS()];
    input Account() insurance;
    signal input siblings[depth][3];
    signal input recipient;
    signal input amount;
    signal input at;

    // Rule 9.
    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();

    component oldRoot = RulesRoot();
    oldRoot.rules <== old;
    oldRoot.root === before.roots.rules;
    // A row that stays has the id of one that was there.
    for (var m = 0; m < MARKETS(); m++) _ <== oldRoot.marketGiven[m];
    component nowRoot = RulesRoot();
    nowRoot.rules <== now;
    OpenVector()(before.accounts.holders, holders);
    OpenVector()(before.markets.counts, counts);

    // Rule 11.
    now.group.epochLength === old.group.epochLength;
    now.group.grid === old.group.grid;
    component group = GroupRules(S, FEEDS);
    group.group <== now.group;
    group.pricing <== pricing;
    group.defaults <== defaults;
    group.feeds <== feeds;
    group.eighths <== eighths;

    component listed = InstrumentRules();
    listed.instruments <== now.instruments;
    listed.given <== nowRoot.instrumentGiven;
    listed.grid <== now.group.grid;

    component market[MARKETS()];
    signal over[MARKETS()];
    signal halted[MARKETS()];
    signal open[MARKETS()];
    signal openGiven[MARKETS()];
    signal openLegs[MARKETS()];
    for (var m = 0; m < MARKETS(); m++) {
        market[m] = MarketWords();
        market[m].row <== now.markets[m];
        market[m].instrumentGiven <== nowRoot.instrumentGiven;
        market[m].ends <== listed.ends;
        over[m] <== AtMost(BITS_TIME())(now.markets[m].until, stamp);
        halted[m] <== IsEqual()(now.markets[m].state, MARKET_STATE_HALTED());
        open[m] <== (1 - over[m]) * (1 - halted[m]);
        openGiven[m] <== open[m] * nowRoot.marketGiven[m];
        openLegs[m] <== openGiven[m] * now.markets[m].legs;
    }

    component instrument[INSTRUMENTS()];
    signal wasPerpetual <== IsEqual()(old.instruments[0].contract.kind, INSTRUMENT_KIND_PERPETUAL());
    signal perpetualBefore <== oldRoot.instrumentGiven[0] * wasPerpetual;
    component live[INSTRUMENTS()];
    signal wasCall[INSTRUMENTS()];
    signal wasPut[INSTRUMENTS()];
    signal gone[INSTRUMENTS()];
    signal same[INSTRUMENTS()];
    for (var i = 0; i < INSTRUMENTS(); i++) {
        instrument[i] = InstrumentChange(i);
        instrument[i].contractBefore <== oldRoot.contracts[i];
        instrument[i].contract <== nowRoot.contracts[i];
        if (i == 0) {
            instrument[i].perpetualBefore <== perpetualBefore;
        } else {
            instrument[i].perpetualBefore <== 0;
        }
        instrument[i].given <== nowRoot.instrumentGiven[i];
        instrument[i].dated <== listed.dated[i];
        instrument[i].future <== listed.futures[i];
        instrument[i].expiry <== now.instruments[i].contract.expiry;
        instrument[i].holders <== holders[i];
        instrument[i].payoff <== payoffs[i];
        instrument[i].openLegs <== openLegs;
        instrument[i].window <== pricing.window;
        instrument[i].time <== stamp;
        gone[i] <== instrument[i].replaced;
        same[i] <== instrument[i].same;
        wasCall[i] <== IsEqual()(old.instruments[i].contract.kind, INSTRUMENT_KIND_CALL());
        wasPut[i] <== IsEqual()(old.instruments[i].contract.kind, INSTRUMENT_KIND_PUT());
        live[i] = LiveOption();
        live[i].option <== oldRoot.instrumentGiven[i] * (wasCall[i] + wasPut[i]);
        live[i].forward <== old.instruments[i].contract.forward;
        live[i].volatility <== old.instruments[i].contract.volatility;
        live[i].live <== instrument[i].live;
        live[i].replaced <== gone[i];
    }
    // Rule 13.
    for (var i = 0; i < INSTRUMENTS(); i++) {
        var named = 0;
        for (var j = 0; j < INSTRUMENTS(); j++) named += live[j].names[i];
        gone[i] * named === 0;
    }

    component change[MARKETS()];
    for (var m = 0; m < MARKETS(); m++) {
        change[m] = MarketChange(depth, clear, settle);
        change[m].idBefore <== old.ids[m];
        change[m].before <== old.markets[m];
        change[m].id <== now.ids[m];
        change[m].row <== now.markets[m];
        change[m].given <== nowRoot.marketGiven[m];
        change[m].legs <== market[m].legs;
        change[m].same <== same;
        change[m].count <== counts[m];
        change[m].greatestBefore <== old.group.greatestId;
        change[m].greatest <== now.group.greatestId;
        change[m].time <== stamp;
    }

    // Rule 12. The id of a free slot is above any.
    signal twice[MARKETS() * (MARKETS() - 1) \ 2];
    var pairs = 0;
    for (var m = 1; m < MARKETS(); m++) {
        for (var n = 0; n < m; n++) {
            twice[pairs] <== IsEqual()(now.ids[m], now.ids[n]);
            twice[pairs] * nowRoot.marketGiven[m] === 0;
            pairs++;
        }
    }
    Range(BITS_MARKET())(now.group.greatestId);
    signal rise <== now.group.greatestId - old.group.greatestId;
    Range(BITS_MARKET())(rise);
    signal greatest[MARKETS() + 1];
    greatest[0] <== rise;
    for (var m = 0; m < MARKETS(); m++) greatest[m + 1] <== greatest[m] * (now.group.greatestId - now.ids[m]);
    greatest[MARKETS()] === 0;

    component forget = Forget();
    forget.root <== before.roots.prices;
    forget.meta <== meta;
    forget.scenarios <== Scenarios(S)(values);
    forget.rowsHash <== rowsHash;
    forget.history <== history;
    forget.longCharges <== longCharges;
    forget.shortCharges <== shortCharges;
    forget.last <== last;
    forget.payoffs <== payoffs;
    forget.gone <== gone;

    component fresh = Fresh();
    fresh.made.inForce <== before.roots.rules;
    fresh.made.epochLength <== old.group.epochLength;
    fresh.made.lag <== old.group.lag;
    fresh.made.under <== meta.rules;
    fresh.made.epoch <== meta.epoch;
    fresh.made.halted <== meta.halted;
    fresh.time <== stamp;
    _ <== fresh.recent;
    component payout = Payout(depth, S);
    payout.payout <== now.group.payout;
    payout.recipient <== recipient;
    payout.amount <== amount;
    payout.at <== at;
    payout.time <== stamp;
    payout.fresh <== fresh.exact;
    payout.stale <== Bits(INSTRUMENTS())(meta.stale);
    payout.vault <== before.accounts.vault;
    payout.relief <== before.losses.relief;
    payout.deficit <== before.losses.deficit;
    payout.account <== insurance;
    payout.siblings <== siblings;
    payout.values <== values;
    payout.longCharges <== longCharges;
    payout.shortCharges <== shortCharges;
    payout.accounts <== before.accounts.root;
    payout.put <== before.payouts.put;

    // Rule 9.
    component step = LogStep();
    step.domain <== before.fixed.domain;
    step.logHead <== before.logged.head;
    step.A <== KIND_RULES();
    step.B <== nowRoot.root;
    step.salt <== 0;
    step.auth <== 0;
    step.time <== stamp;
    _ <== step.item;
    signal clock <== ClockStep()(before.logged.clock, stamp, RANK_OTHER(), 0);

    // Rule 10.
    State() after;
    after.fixed <== before.fixed;
    after.roots.rules <== nowRoot.root;
    after.roots.prices <== forget.after;
    after.phase <== phaseAfter;
    after.logged.head <== step.after;
    after.logged.count <== before.logged.count + 1;
    after.logged.clock <== clock;
    after.accounts.root <== payout.accountsAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== before.accounts.holders;
    after.accounts.vault <== payout.vaultAfter;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing <== before.clearing;
    after.payouts.put <== payout.putAfter;
    after.payouts.taken <== before.payouts.taken;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
    rules <== after.roots.rules;
}
