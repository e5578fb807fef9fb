pragma circom 2.2.0;

include "../lib/bits.circom";
include "../lib/book.circom";
include "../lib/fee.circom";
include "../lib/fill.circom";
include "../lib/log.circom";
include "../lib/poseidon.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// Clear: one market's auction, midpoint cross or purge (docs/protocol.md, section 8). One proof walks up to N entries; a
/// longer book is a sweep of several, which the sweep register ties together.
/// twins   src/protocol/clearing.ts, src/matcher/matcher.ts (clear), src/witness/clear.ts

/// Progress: what a walk carries from entry to entry, and the sweep register from proof to proof.
/// Of the claims on the price (bid lots at or above it, above it; ask lots at or below it, below it) it holds what has
/// not been met yet; of both sides, what they may still fill in walk order.
bus Progress {
    signal leftBid;
    signal leftAsk;
    signal restBids;
    signal restBidsAbove;
    signal restAsks;
    signal restAsksBelow;
    signal kept;
    signal stage;
    signal walked;
    signal newBook;
}

/// Terms: the market's terms for this sweep, from its rows. Where a row is missing its part is free: match is then 0, and
/// with it all lots, and nothing else depends on it.
bus Terms {
    signal match;
    signal expired;
    signal time;
    signal price;
    signal trade;
    signal feeRate;
    signal feePerLot;
    signal mark;
    signal bandSquare;
    signal funding;
    signal low;
    signal high;
    signal bookHead;
}

/// Cancels: what one sweep applies; -1 in place of a key or account that is not used. All-cancels in the order of the chain.
bus Cancels {
    signal keys[SWEEP_CANCELS()];
    signal accounts[SWEEP_ALL_CANCELS()];
    signal bounds[SWEEP_ALL_CANCELS()];
}

/// Switch: a walk may pass from the book to the admitted orders where the book ends, and only there.
template Switch() {
    signal input on;
    signal input bookHead;
    signal input stage;
    signal input walked;
    signal output stageAfter <== stage + on;
    signal output walkedAfter <== walked - on * walked;
    Boolean()(on);
    on * (walked - bookHead) === 0;
    on * stage === 0;
}

/// ClearSlot: one entry of the walk, or none.
/// params  RULE
/// in      active, switch  bits of the prover; where a chunk ends is its choice and harmless: the sweep is not done before
///                         both chains are walked to their ends, and the outcome does not depend on the cuts
///         word            the entry as admit or an earlier clear put it
///         partial         head, word and hash of the one book write that accompanies a fill
/// proves  Rule 1: every entry of the chains is walked, in order. Rule 2: it is dropped iff it is cancelled or expired, or,
///         in a sweep that matches, off the band or under-reserved. Rule 3: its lots are those that the market's rule
///         gives it at the price. Rule 4: its fill (lots, release, closed, the trade) is written once, and what stays of it
///         once to the new book.
template ClearSlot(RULE) {
    signal input active;
    signal input switch;
    signal input word;
    input Terms() terms;
    input Cancels() cancels;
    signal input partialHead;
    signal input partialWord;
    signal input partialHash;
    input Progress() before;
    signal input fillsPut;
    output Progress() after;
    signal output fillsPutAfter;

    // Rule 1.
    Boolean()(active);
    component turn = Switch();
    turn.on <== switch;
    turn.bookHead <== terms.bookHead;
    turn.stage <== before.stage;
    turn.walked <== before.walked;
    after.stage <== turn.stageAfter;
    signal pushed <== Hash(TAG_ENTRY(), 2)([turn.walkedAfter, word]);
    after.walked <== Select()(active, pushed, turn.walkedAfter);
    component entry = UnpackEntry();
    entry.word <== word;

    // Rule 2. A product with a factor for each single cancel is 0 iff one of them names the entry.
    signal miss[SWEEP_CANCELS()];
    miss[0] <== entry.key - cancels.keys[0];
    for (var j = 1; j < SWEEP_CANCELS(); j++) miss[j] <== miss[j - 1] * (entry.key - cancels.keys[j]);
    signal cancelled <== IsZero()(miss[SWEEP_CANCELS() - 1]);
    // Of the all-cancels of one account the last has the greatest nonce: it alone decides.
    signal named[SWEEP_ALL_CANCELS()];
    signal bound[SWEEP_ALL_CANCELS()];
    for (var j = 0; j < SWEEP_ALL_CANCELS(); j++) {
        named[j] <== IsEqual()(entry.account, cancels.accounts[j]);
        if (j == 0) {
            bound[0] <== named[0] * cancels.bounds[0];
        } else {
            bound[j] <== Select()(named[j], cancels.bounds[j], bound[j - 1]);
        }
    }
    signal allCancelled <== NotNegative(BITS_NONCE())(bound[SWEEP_ALL_CANCELS() - 1] - entry.nonce - 1);
    signal lives <== NotNegative(BITS_TIME())(entry.expiry - terms.time);
    signal stands <== IsZero()(cancelled + allCancelled + (1 - lives) + terms.expired);
    // (limit - mark)^2 <= band^2; both are below 2^82.
    signal distance <== entry.limit - terms.mark;
    signal distanceSquare <== distance * distance;
    signal inBand <== NotNegative(2 * BITS_PRICE() + 2)(terms.bandSquare - distanceSquare);
    // rate |limit| <= 10^6 (rho - loss of a lot without its proportional fee); below 10^6 (2^62 + 2^61) < 2^83 in size.
    signal paid <== entry.limit - terms.funding;
    signal loss <== (paid - terms.low) + entry.side * (terms.high + terms.low - 2 * paid);
    signal toll <== terms.feeRate * entry.limitSize;
    signal covered <== NotNegative(BITS_RHO() + 21)(FEE_DENOMINATOR() * (entry.rho - loss - terms.feePerLot) - toll);
    signal sound <== inBand * covered;
    signal unsound <== terms.match * (1 - sound);
    signal stays <== stands * (1 - unsound);
    signal live <== active * stays;
    signal eligible <== live * terms.match;

    // Rule 3.
    // Both are in [-2^40, 2^40).
    signal above <== NotNegative(BITS_PRICE() + 1)(entry.limit - terms.price - 1);
    signal equal <== IsEqual()(entry.limit, terms.price);
    signal better <== above + entry.side * (1 - equal - 2 * above);
    signal strong <== eligible * better;
    signal marginal <== eligible * equal;
    signal strongLots <== strong * entry.remaining;
    signal marginalLots <== marginal * entry.remaining;
    signal strongAsk <== entry.side * strongLots;
    signal marginalAsk <== entry.side * marginalLots;
    after.restBidsAbove <== before.restBidsAbove - (strongLots - strongAsk);
    after.restBids <== before.restBids - (strongLots - strongAsk) - (marginalLots - marginalAsk);
    after.restAsksBelow <== before.restAsksBelow - strongAsk;
    after.restAsks <== before.restAsks - strongAsk - marginalAsk;
    // In an auction the orders better than the price fill whole and those at it draw on what is left; at midpoint all draw.
    var draws = RULE == RULE_AUCTION() ? marginal : strong + marginal;
    var whole = RULE == RULE_AUCTION() ? strong : 0;
    var wholeLots = RULE == RULE_AUCTION() ? strongLots : 0;
    signal left <== Select()(entry.side, before.leftAsk, before.leftBid);
    signal enough <== AtMost(BITS_LOTS())(entry.remaining, left);
    signal most <== Select()(enough, entry.remaining, left);
    signal drawn <== draws * most;
    signal drawnAsk <== entry.side * drawn;
    after.leftBid <== before.leftBid - (drawn - drawnAsk);
    after.leftAsk <== before.leftAsk - drawnAsk;
    signal lots <== drawn + wholeLots;

    // Rule 4.
    signal drawsAll <== draws * enough;
    signal filled <== drawsAll + whole;
    signal leaves <== terms.match * entry.thisAuction;
    signal ends <== Or()(filled, leaves);
    signal endsLive <== live * ends;
    signal gone <== active - live + endsLive;
    signal leftNone <== IsZero()(left);
    signal part <== (draws - drawsAll) * (1 - leftNone);
    signal partial <== part * (1 - leaves);
    signal touched <== gone + partial;
    after.kept <== before.kept + active - gone;

    signal released <== Select()(gone, entry.remaining, lots);
    signal release <== entry.rho * released;
    signal signedLots <== lots - 2 * entry.side * lots;
    var shift = BITS_ACCOUNT();
    var fill = entry.account + gone * (1 << shift);
    shift += 1;
    fill += (signedLots + (1 << BITS_SIZE())) * (1 << shift);
    shift += BITS_SIZE() + 1;
    fill += release * (1 << shift);
    fill += terms.trade * (1 << TRADE_AT());

    // An entry that is touched goes to the fills, another one to the new book: one hash serves both.
    signal tag <== Select()(touched, TAG_FILL(), TAG_ENTRY());
    signal head <== Select()(touched, fillsPut, before.newBook);
    signal written <== Select()(touched, fill, word);
    signal out <== HashTagged(2)(tag, [head, written]);
    fillsPutAfter <== fillsPut + touched * (out - fillsPut);
    // At most one entry of a sweep is filled in part: the last of the long side. It goes to both, by the spare hash.
    partial * (partialHead - before.newBook) === 0;
    partial * (partialWord - (word - lots * (1 << REMAINING_AT()))) === 0;
    signal keptBook <== before.newBook + (active - touched) * (out - before.newBook);
    after.newBook <== keptBook + partial * (partialHash - before.newBook);
}

/// SweepCancels: the cancels of a sweep, from their chain.
/// twins   src/protocol/clearing.ts (sweepSlots)
/// in      from     head before them; words[j] as admit put them; active[j] bits: which slots are used is the prover's choice
///         all[k]   whether slot ALL_CANCEL_EVERY k + ALL_CANCEL_EVERY - 1 holds an all-cancel: the tag in the chain binds it
/// proves  Rule 5: they are the next ones of the chain, all-cancels only in each last slot of ALL_CANCEL_EVERY
/// out     to       head after them
template SweepCancels() {
    signal input from;
    signal input active[SWEEP_CANCELS()];
    signal input all[SWEEP_ALL_CANCELS()];
    signal input words[SWEEP_CANCELS()];
    output Cancels() cancels;
    signal output to;

    signal head[SWEEP_CANCELS() + 1];
    signal pushed[SWEEP_CANCELS()];
    signal single[SWEEP_CANCELS()];
    signal bits[SWEEP_ALL_CANCELS()][BITS_ACCOUNT() + BITS_NONCE()];
    signal tag[SWEEP_ALL_CANCELS()];
    signal used[SWEEP_ALL_CANCELS()];
    signal account[SWEEP_ALL_CANCELS()];
    head[0] <== from;
    for (var j = 0; j < SWEEP_CANCELS(); j++) {
        Boolean()(active[j]);
        var isAll = 0;
        if (j % ALL_CANCEL_EVERY() == ALL_CANCEL_EVERY() - 1) {
            var k = j \ ALL_CANCEL_EVERY();
            Boolean()(all[k]);
            tag[k] <== Select()(all[k], TAG_CANCEL_ALL(), TAG_CANCEL());
            pushed[j] <== HashTagged(2)(tag[k], [head[j], words[j]]);
            bits[k] <== Bits(BITS_ACCOUNT() + BITS_NONCE())(words[j]);
            var of = 0;
            var nonce = 0;
            for (var i = 0; i < BITS_ACCOUNT(); i++) of += bits[k][i] * (1 << i);
            for (var i = 0; i < BITS_NONCE(); i++) nonce += bits[k][BITS_ACCOUNT() + i] * (1 << i);
            used[k] <== active[j] * all[k];
            account[k] <== used[k] * (of + 1);
            cancels.accounts[k] <== account[k] - 1;
            cancels.bounds[k] <== used[k] * nonce;
            isAll = used[k];
        } else {
            // A word that admit put, hence account and nonce in their columns: the chain cannot be met by another one.
            pushed[j] <== Hash(TAG_CANCEL(), 2)([head[j], words[j]]);
        }
        head[j + 1] <== head[j] + active[j] * (pushed[j] - head[j]);
        single[j] <== (active[j] - isAll) * (words[j] + 1);
        cancels.keys[j] <== single[j] - 1;
    }
    to <== head[SWEEP_CANCELS()];
}

/// Claims: the price of a sweep that matches, and the lots around it.
/// params  RULE
/// in      on          a bit; 0: all claims count as 0
///         price, bids, bidsAbove, asks, asksBelow  of the prover; the walk shows that the sums are true
///         tick, mark  of the market; free where on = 0
/// proves  Rule 6: the price is a multiple of the tick; auction: it clears, and is the clearing price closest to the mark;
///         midpoint: it is the mark.
/// out     progress    what a sweep begins with
template Claims(RULE) {
    signal input on;
    signal input price;
    signal input bids;
    signal input bidsAbove;
    signal input asks;
    signal input asksBelow;
    signal input mark;
    signal output priceOut <== on * price;
    output Progress() start;

    signal D <== on * bids;
    signal Dabove <== on * bidsAbove;
    signal A <== on * asks;
    signal Abelow <== on * asksBelow;
    Range(BITS_LOTS())(D);
    Range(BITS_LOTS())(A);
    signal demandLess <== AtMost(BITS_LOTS())(D, A);
    signal volume <== Select()(demandLess, D, A);
    if (RULE == RULE_AUCTION()) {
        Range(BITS_LOTS())(Dabove);
        Range(BITS_LOTS())(Abelow);
        // D' <= V and A' <= V: the price clears.
        Range(BITS_LOTS())(volume - Dabove);
        Range(BITS_LOTS())(volume - Abelow);
        // P > R implies D > A', P < R implies A > D': one tick nearer to the mark would not clear. As D' and A' are at most
        // V, "not equal" says "greater".
        signal over <== NotNegative(BITS_PRICE() + 1)(priceOut - mark - 1);
        signal under <== NotNegative(BITS_PRICE() + 1)(mark - priceOut - 1);
        signal lowerClears <== IsEqual()(D, Abelow);
        signal higherClears <== IsEqual()(A, Dabove);
        signal tooHigh <== over * lowerClears;
        signal tooLow <== under * higherClears;
        on * (tooHigh + tooLow) === 0;
        start.leftBid <== volume - Dabove;
        start.leftAsk <== volume - Abelow;
    } else {
        on * (priceOut - mark) === 0;
        start.leftBid <== volume;
        start.leftAsk <== volume;
    }
    start.restBids <== D;
    start.restBidsAbove <== Dabove;
    start.restAsks <== A;
    start.restAsksBelow <== Abelow;
    start.kept <== 0;
    start.stage <== 0;
    start.walked <== 0;
    start.newBook <== 0;
}

/// SweepWord: H_sweep of what a sweep remembers between proofs. The order is that of src/witness/clear.ts.
template SweepWord() {
    signal input flags;
    signal input time;
    signal input price;
    input Progress() progress;
    signal input cancelsFrom;
    signal input cancelsTo;
    signal output out;
    out <== Hash(TAG_SWEEP(), 15)([
        flags, time, price, progress.leftBid, progress.leftAsk, progress.restBids, progress.restBidsAbove,
        progress.restAsks, progress.restAsksBelow, progress.kept, progress.stage, progress.walked, progress.newBook,
        cancelsFrom, cancelsTo
    ]);
}

/// Clear: the first proof of a CLOSE or PURGE consumes its log entry; further ones go on where the sweep register says.
/// params  N entries, RULE of the market
/// in      slot        of the market
///         first       a bit; purge a bit: the command
///         stamp       time of the command
///         stored...   what the sweep register holds, where first = 0; starting: a bit, a new sweep of the same command
///         claims, cancels, entries, openings of tables and vectors
/// proves  Rule 7: phase open or settling before and the command consumed, stamped in order; or clearing(slot) before and
///         none consumed.
///         Rule 8: the sweep matches iff it may: CLOSE, time a multiple of the interval, market open and its time not over, prices
///         of the exact epoch, and no cancels left. (To take fewer cancels than it could only makes more sweeps: each cancel is
///         applied before anything matches.)
///         Rule 9: at the end of a sweep that matches the claims are true, and both sides are filled.
///         Rule 10: then book, admitted, cancels and counts are replaced, and the phase goes on: next sweep, settling, or
///         open if no fill waits to be booked, of this clear or one before it, and no fee to be credited.
template Clear(N, RULE) {
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;

    input State() before;
    signal input blindAfter;
    signal input slot;
    signal input first;
    signal input purge;
    signal input stamp;
    input Group() group;
    signal input idsHash;
    signal input rulesRows[MARKETS()];
    signal input instrumentsHash;
    input MarketRules() row;
    input PricesMeta() meta;
    signal input scenarios;
    signal input pricesRows[MARKETS()];
    input MarketPrices() quoted;
    signal input books[MARKETS()];
    signal input admitted[MARKETS()];
    signal input cancels[MARKETS()];
    signal input counts[MARKETS()];
    signal input starting;
    signal input storedMatch;
    signal input storedPrice;
    input Progress() stored;
    signal input storedFrom;
    signal input storedTo;
    signal input price;
    signal input bids;
    signal input bidsAbove;
    signal input asks;
    signal input asksBelow;
    signal input cancelActive[SWEEP_CANCELS()];
    signal input cancelAll[SWEEP_ALL_CANCELS()];
    signal input cancelWords[SWEEP_CANCELS()];
    signal input active[N];
    signal input switches[N + 1];
    signal input words[N];
    signal input partialHead;
    signal input partialWord;

    state <== StateWord()(before);

    // Rule 7. No phase is both open or settling and that of a clear, so `first` follows from the phase, and is a bit.
    signal at[MARKETS()] <== OneHotOf(BITS_SLOT())(slot);
    Boolean()(purge);
    signal mayBegin <== before.phase * (before.phase - PHASE_SETTLING());
    first * mayBegin === 0;
    (1 - first) * (before.phase - PHASE_CLEARING() - slot) === 0;
    component step = LogStep();
    step.domain <== before.fixed.domain;
    step.logHead <== before.logged.head;
    step.A <== KIND_CLOSE() + purge * (KIND_PURGE() - KIND_CLOSE()) + slot * (1 << BITS_KIND());
    step.B <== 0;
    step.salt <== 0;
    step.auth <== 0;
    step.time <== stamp;
    _ <== step.item;
    signal rank <== Select()(purge, RANK_OTHER(), RANK_CLOSE() + slot);
    // Where no entry is consumed the order was checked when it was.
    signal clock <== ClockStep()(first * before.logged.clock, stamp, rank, 1 - purge);

    // What the sweep register holds: 0 where no clear goes on.
    Boolean()(starting);
    Boolean()(storedMatch);
    signal storedWord <== SweepWord()(purge + 2 * storedMatch + 4 * starting, stamp, storedPrice, stored, storedFrom, storedTo);
    before.clearing.sweep === (1 - first) * storedWord;
    signal begins <== Or()(first, starting);

    // The market's rows and chains.
    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    OpenPrices()(before.roots.prices, meta, scenarios, pricesRows);
    OpenVector()(before.markets.books, books);
    OpenVector()(before.markets.admitted, admitted);
    OpenVector()(before.markets.cancels, cancels);
    OpenVector()(before.markets.counts, counts);
    signal rowHash <== Pick(MARKETS())(at, rulesRows);
    signal quotedHash <== Pick(MARKETS())(at, pricesRows);
    signal bookHead <== Pick(MARKETS())(at, books);
    signal admittedHead <== Pick(MARKETS())(at, admitted);
    signal cancelsHead <== Pick(MARKETS())(at, cancels);
    signal count <== Pick(MARKETS())(at, counts);
    signal rowGiven <== RulesRow()(rowHash, row);
    signal quotedGiven <== PricesRow()(quotedHash, quoted);
    // The market's rule chooses the circuit; a free slot is the auction's.
    rowGiven * (row.rule - RULE) === 0;
    if (RULE != RULE_AUCTION()) {
        rowGiven === 1;
    }

    // Cancels of this sweep: from the start of the chain, or from where the sweep before it stopped.
    signal storedNext <== Select()(starting, storedTo, storedFrom);
    signal from <== storedNext - first * storedNext;
    component sweepCancels = SweepCancels();
    sweepCancels.from <== from;
    sweepCancels.active <== cancelActive;
    sweepCancels.all <== cancelAll;
    sweepCancels.words <== cancelWords;
    (1 - begins) * (sweepCancels.to - storedTo) === 0;
    signal cancelsDone <== IsEqual()(sweepCancels.to, cancelsHead);

    // Rule 8. stamp = interval quotient + rest, 0 <= rest < interval.
    signal interval <== Select()(rowGiven, row.interval, 1);
    // Hint, then bind: interval >= 1, both are ranged and nothing wraps: one quotient and rest only.
    signal quotient <-- stamp \ interval;
    signal rest <== stamp - interval * quotient;
    Range(BITS_TIME())(quotient);
    Range(BITS_MARKET())(rest);
    Range(BITS_MARKET())(interval - 1 - rest);
    signal onInterval <== IsZero()(rest);
    Made() made;
    made.inForce <== before.roots.rules;
    made.epochLength <== group.epochLength;
    made.lag <== group.lag;
    made.under <== meta.rules;
    made.epoch <== meta.epoch;
    made.halted <== meta.halted;
    component fresh = Fresh();
    fresh.made <== made;
    fresh.time <== stamp;
    _ <== fresh.recent;
    signal marketOpen <== IsEqual()(row.state, MARKET_STATE_OPEN());
    // until and stamp are below 2^40.
    signal isOver <== NotNegative(BITS_TIME())(stamp - row.until);
    signal may <== IsZero()(purge + (1 - rowGiven) + (1 - quotedGiven) + (1 - marketOpen) + isOver + (1 - fresh.exact)
        + (1 - onInterval) + (1 - cancelsDone));
    signal match <== Select()(begins, may, storedMatch);

    // Rule 6.
    component claims = Claims(RULE);
    claims.on <== begins * may;
    claims.price <== price;
    claims.bids <== bids;
    claims.bidsAbove <== bidsAbove;
    claims.asks <== asks;
    claims.asksBelow <== asksBelow;
    claims.mark <== quoted.mark;
    signal sweepPrice <== Select()(begins, claims.priceOut, storedPrice);
    component priceParts = Absolute(BITS_PRICE());
    priceParts.bits <== Bits(BITS_PRICE() + 1)(sweepPrice + (1 << BITS_PRICE()));
    _ <== priceParts.value;
    // Hint, then bind: |price| = tick ticks; where match = 0 the price is 0.
    signal ticks <-- match == 1 ? priceParts.out \ row.tick : 0;
    Range(BITS_PRICE() + 1)(ticks);
    priceParts.out === ticks * row.tick;

    Terms() terms;
    terms.match <== match;
    terms.expired <== rowGiven * isOver;
    terms.time <== stamp;
    terms.price <== sweepPrice;
    signal funding <== match * quoted.funding;
    terms.trade <== Trade()(slot, sweepPrice, funding);
    terms.feeRate <== row.feeRate;
    terms.feePerLot <== row.feePerLot;
    terms.mark <== quoted.mark;
    terms.bandSquare <== row.band * row.band;
    terms.funding <== quoted.funding;
    terms.low <== quoted.low;
    terms.high <== quoted.high;
    terms.bookHead <== bookHead;

    // The walk.
    Progress() start;
    start.leftBid <== Select()(begins, claims.start.leftBid, stored.leftBid);
    start.leftAsk <== Select()(begins, claims.start.leftAsk, stored.leftAsk);
    start.restBids <== Select()(begins, claims.start.restBids, stored.restBids);
    start.restBidsAbove <== Select()(begins, claims.start.restBidsAbove, stored.restBidsAbove);
    start.restAsks <== Select()(begins, claims.start.restAsks, stored.restAsks);
    start.restAsksBelow <== Select()(begins, claims.start.restAsksBelow, stored.restAsksBelow);
    start.kept <== Select()(begins, claims.start.kept, stored.kept);
    start.stage <== Select()(begins, claims.start.stage, stored.stage);
    start.walked <== Select()(begins, claims.start.walked, stored.walked);
    start.newBook <== Select()(begins, claims.start.newBook, stored.newBook);
    signal partialHash <== Hash(TAG_ENTRY(), 2)([partialHead, partialWord]);
    component walk[N];
    for (var i = 0; i < N; i++) {
        walk[i] = ClearSlot(RULE);
        walk[i].active <== active[i];
        walk[i].switch <== switches[i];
        walk[i].word <== words[i];
        walk[i].terms <== terms;
        walk[i].cancels <== sweepCancels.cancels;
        walk[i].partialHead <== partialHead;
        walk[i].partialWord <== partialWord;
        walk[i].partialHash <== partialHash;
        if (i == 0) {
            walk[i].before <== start;
            walk[i].fillsPut <== before.clearing.fills.put;
        } else {
            walk[i].before <== walk[i - 1].after;
            walk[i].fillsPut <== walk[i - 1].fillsPutAfter;
        }
    }
    component turn = Switch();
    turn.on <== switches[N];
    turn.bookHead <== bookHead;
    turn.stage <== walk[N - 1].after.stage;
    turn.walked <== walk[N - 1].after.walked;

    // Rule 9.
    signal atEnd <== IsEqual()(turn.walkedAfter, admittedHead);
    signal done <== turn.stageAfter * atEnd;
    signal concluded <== done * match;
    concluded * walk[N - 1].after.leftBid === 0;
    concluded * walk[N - 1].after.leftAsk === 0;
    concluded * walk[N - 1].after.restBids === 0;
    concluded * walk[N - 1].after.restBidsAbove === 0;
    concluded * walk[N - 1].after.restAsks === 0;
    concluded * walk[N - 1].after.restAsksBelow === 0;

    // Rule 10.
    signal again <== done * (1 - cancelsDone);
    signal finished <== done - again;
    signal goesOn <== 1 - again;
    State() after;
    signal booked <== IsEqual()(walk[N - 1].fillsPutAfter, before.clearing.fills.taken);
    signal credited <== IsZero()(before.clearing.fees);
    signal nothing <== booked * credited;
    signal settles <== finished * (1 - nothing);
    signal clearing <== (1 - finished) * (PHASE_CLEARING() + slot);
    phaseAfter <== clearing + settles * PHASE_SETTLING();
    Progress() kept;
    kept.leftBid <== goesOn * walk[N - 1].after.leftBid;
    kept.leftAsk <== goesOn * walk[N - 1].after.leftAsk;
    kept.restBids <== goesOn * walk[N - 1].after.restBids;
    kept.restBidsAbove <== goesOn * walk[N - 1].after.restBidsAbove;
    kept.restAsks <== goesOn * walk[N - 1].after.restAsks;
    kept.restAsksBelow <== goesOn * walk[N - 1].after.restAsksBelow;
    kept.kept <== goesOn * walk[N - 1].after.kept;
    kept.stage <== goesOn * turn.stageAfter;
    kept.walked <== goesOn * turn.walkedAfter;
    kept.newBook <== goesOn * walk[N - 1].after.newBook;
    signal matchKept <== goesOn * match;
    signal priceKept <== goesOn * sweepPrice;
    signal fromKept <== Select()(again, sweepCancels.to, from);
    signal sweepNext <== SweepWord()(purge + 2 * matchKept + 4 * again, stamp, priceKept, kept, fromKept, sweepCancels.to);

    signal bookChange <== done * (walk[N - 1].after.newBook - bookHead);
    signal admittedChange <== done * admittedHead;
    signal cancelsChange <== finished * cancelsHead;
    // Nothing reads counts before the last sweep of the command is done, and then no cancel is left.
    signal countChange <== finished * (walk[N - 1].after.kept - count);
    signal booksAfter[MARKETS()];
    signal admittedAfter[MARKETS()];
    signal cancelsAfter[MARKETS()];
    signal countsAfter[MARKETS()];
    for (var s = 0; s < MARKETS(); s++) {
        booksAfter[s] <== books[s] + at[s] * bookChange;
        admittedAfter[s] <== admitted[s] - at[s] * admittedChange;
        cancelsAfter[s] <== cancels[s] - at[s] * cancelsChange;
        countsAfter[s] <== counts[s] + at[s] * countChange;
    }

    after.fixed <== before.fixed;
    after.roots <== before.roots;
    after.phase <== phaseAfter;
    after.logged.head <== Select()(first, step.after, before.logged.head);
    after.logged.count <== before.logged.count + first;
    after.logged.clock <== Select()(first, clock, before.logged.clock);
    after.accounts <== before.accounts;
    after.losses <== before.losses;
    after.blind <== blindAfter;
    after.markets.books <== Hash(TAG_VECTOR(), MARKETS())(booksAfter);
    after.markets.admitted <== Hash(TAG_VECTOR(), MARKETS())(admittedAfter);
    after.markets.cancels <== Hash(TAG_VECTOR(), MARKETS())(cancelsAfter);
    after.markets.counts <== Hash(TAG_VECTOR(), MARKETS())(countsAfter);
    after.clearing.sweep <== (1 - finished) * sweepNext;
    after.clearing.fees <== before.clearing.fees;
    after.clearing.share <== before.clearing.share;
    after.clearing.fills.put <== walk[N - 1].fillsPutAfter;
    after.clearing.fills.taken <== before.clearing.fills.taken;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
