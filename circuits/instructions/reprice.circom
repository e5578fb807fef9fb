pragma circom 2.2.0;

include "../lib/account.circom";
include "../lib/bits.circom";
include "../lib/defaults.circom";
include "../lib/history.circom";
include "../lib/log.circom";
include "../lib/market.circom";
include "../lib/poseidon.circom";
include "../lib/pricing.circom";
include "../lib/report.circom";
include "../lib/rules.circom";
include "../lib/state.circom";
include "../lib/tables.circom";
include "../lib/tree.circom";
include "../lib/vector.circom";
include "../generated/parameters.circom";

/// Reprice: the prices of an epoch, from the medians of a quorum's reports and the prices before (docs/protocol.md, section 9).
/// twins   src/protocol/prices.ts (reprice, requireEpoch), src/witness/reprice.ts

/// PricesRoot: H_prices(H_pricesMeta, scenarios, rows), the last two hashes already.
template PricesRoot() {
    input PricesMeta() meta;
    signal input scenarios;
    signal input rowsHash;
    signal metaHash <== PricesMetaHash()(meta);
    signal output out <== Hash(TAG_PRICES(), 3)([metaHash, scenarios, rowsHash]);
}

/// RepriceEpoch: which epoch may follow which, and when.
/// twins   src/protocol/prices.ts (requireEpoch)
/// in      rules, lag, epochLength   in force: lag and epochLength below 2^32
///         before, rulesBefore       epoch of the prices before, below 2^40, and the rules that they were made under
///         stamp                     below 2^40, ranged by ClockStep
/// proves  Rule 1: the epoch is one after the last, or the last under other rules, and not 0; it is below 2^40, and was over by the lag.
/// out     step      first, same or next
///         epochs    since the last one, 0 <= epochs < 2^40 (NextRange has its bits)
///         end       seconds at which the epoch ends, below 2^40
template RepriceEpoch() {
    signal input rules;
    signal input lag;
    signal input epochLength;
    signal input before;
    signal input rulesBefore;
    signal input epoch;
    signal input stamp;
    output Step() step;
    signal output epochs;
    signal output end;
    Range(BITS_TIME())(epoch);
    epochs <== epoch - before;
    Range(BITS_TIME())(epochs);
    step.first <== IsZero()(before);
    step.same <== IsZero()(epochs);
    step.next <== 1 - step.first - step.same;
    step.first * step.same === 0;
    signal unchanged <== IsEqual()(rules, rulesBefore);
    step.same * unchanged === 0;
    // Below 2^72: the epoch is over.
    end <== epoch * epochLength;
    Range(BITS_TIME())(stamp - lag - end);
}

/// NextHistory: what has a history, but for the numbers of instruments and their payoffs.
/// twins   src/protocol/prices.ts (nextHistory, sameHistory)
/// in      step, epochs, epoch      of RepriceEpoch
///         epochBefore, haltedBefore, indexBefore, rangeBefore, fundingBefore, restBefore   of the prices before, with the ranges
///                                  that this template gives them
///         index, sigma, premium    medians, below 2^40
///         isPerpetual              a bit: of instrument 0
///         others                   words of the pricing rules; largestStep is `step`
/// proves  Rule 2: in the same epoch nothing changes, but the range comes into its bounds. Rule 3: else the index is the new one; the
///         epoch is halted where that moved by more than a step, and never at first. Rule 4: the range rises by 5/4 an epoch at most.
///         Rule 5: funding is paid once where a multiple of N lies in what has passed, if there is a perpetual; never at first.
/// out     halted                   a bit
///         others                   below 2^40, 2^26; |funding| < 2^40; below 2^32
template NextHistory() {
    input Step() step;
    signal input epochs;
    signal input epoch;
    signal input epochBefore;
    signal input haltedBefore;
    signal input indexBefore;
    signal input rangeBefore;
    signal input fundingBefore;
    signal input restBefore;
    signal input index;
    signal input sigma;
    signal input premium;
    signal input isPerpetual;
    signal input horizon;
    signal input rangeFloor;
    signal input rangeCap;
    signal input fundingEvery;
    signal input fundingDivisor;
    signal input fundingClamp;
    signal input largestStep;
    signal output halted;
    signal output indexAfter;
    signal output range;
    signal output funding;
    signal output fundingRest;

    // Rules 2 and 3.
    indexAfter <== Select()(step.same, indexBefore, index);
    signal moved <== Moved()(index, indexBefore, largestStep);
    signal halts <== step.next * moved;
    halted <== halts + step.same * haltedBefore;

    // Rule 4.
    range <== NextRange()(rangeBefore, epochs, step.first, step.next, sigma, horizon, rangeFloor, rangeCap);

    // Rule 5. In the same epoch the quotients are equal.
    signal periods <== Quotient(BITS_TIME(), 32)(epoch, fundingEvery);
    signal periodsBefore <== Quotient(BITS_TIME(), 32)(epochBefore, fundingEvery);
    signal within <== IsEqual()(periods, periodsBefore);
    signal passes <== (1 - within) * step.next;
    signal due <== passes * isPerpetual;
    signal fundingNext;
    signal restNext;
    (fundingNext, restNext) <== NextFunding()(
        fundingBefore, restBefore, index, premium, fundingClamp, fundingDivisor
    );
    funding <== Select()(due, fundingNext, fundingBefore);
    fundingRest <== Select()(due, restNext, restBefore);
}

/// Reprice
/// params  S scenarios; FEEDS: 3f + 1
/// in      before, blindAfter, group, idsHash
///         rulesRows, rows               hashes of the market rows of the rules, and the rows
///         instrumentRows, instruments   the same of instruments. Of a free slot rows are free: nothing is concluded from them
///         pricing, keys                 of the group: what its hashes of pricing and feeds are of
///         meta, scenarios, rowsBefore   the prices before: the last two are hashes; history, with last and payoffs in the open
///         stamp, epoch                  of the entry
///         feed, words, R8x, R8y, S      the quorum's reports, as Quorum says
/// proves  Rule 6: phase open before and after. Rule 7: the log grows by REPRICE(epoch), whose auth is the chain of the quorum, stamped
///         after all that came before. Rules 1 to 5: RepriceEpoch, NextHistory; Quorum, Reported, Stale, Charges, Settlement,
///         ScenarioValues and MarketRow have their own. Rule 8: a perpetual's mark stays near the index. Rule 9: the instrument of
///         slot 0 is worth less what was funded. Rule 10: nothing else of the state changes.
///         Rule 11: the insurance account is credited with the whole units of its share of fees. Rule 12: unless the epoch is halted,
///         the deficit is what it lacks then at the mark.
template Reprice(S, FEEDS, depth) {
    var N = INSTRUMENTS();
    var Q = QUORUM(FEEDS);
    signal output state;
    signal output stateAfter;
    signal output phaseAfter;
    signal output time;
    signal output logCount;
    signal output logHead;

    input State() before;
    signal input blindAfter;
    input Group() group;
    signal input idsHash;
    signal input rulesRows[MARKETS()];
    input MarketRules() rows[MARKETS()];
    signal input instrumentRows[N];
    input Instrument() instruments[N];
    input Pricing(S) pricing;
    signal input keys[FEEDS][2];
    input PricesMeta() meta;
    signal input scenarios;
    signal input rowsBefore;
    input History() history;
    signal input last[N];
    signal input payoffs[N];
    input Account() insurance;
    signal input siblings[depth][3];
    signal input stamp;
    signal input epoch;
    signal input feed[Q];
    signal input words[Q][REPORT_WORDS()];
    signal input R8x[Q];
    signal input R8y[Q];
    signal input signature[Q];

    // Rule 6.
    state <== StateWord()(before);
    before.phase === PHASE_OPEN();
    phaseAfter <== PHASE_OPEN();

    // Rules and prices before.
    signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows);
    signal instrumentsHash <== Hash(TAG_VECTOR(), N)(instrumentRows);
    OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash);
    signal pricingHash <== PricingHash(S)(pricing);
    pricingHash === group.pricing;
    component feeds = Hash(TAG_FEEDS(), 2 * FEEDS);
    for (var i = 0; i < FEEDS; i++) {
        feeds.in[2 * i] <== keys[i][0];
        feeds.in[2 * i + 1] <== keys[i][1];
    }
    feeds.out === group.feeds;
    signal pricesBefore <== PricesRoot()(meta, scenarios, rowsBefore);
    pricesBefore === before.roots.prices;
    signal historyBefore <== HistoryHash()(history);
    historyBefore === meta.history;
    OpenVector()(history.last, last);
    OpenVector()(history.payoffs, payoffs);
    signal tenors[TENORS()] <== UnpackTenors()(pricing.tenors);

    signal given[N];
    signal contract[N];
    signal isPerpetual[N];
    signal isOption[N];
    signal isPut[N];
    for (var i = 0; i < N; i++) {
        (given[i], contract[i]) <== InstrumentRow()(instrumentRows[i], instruments[i]);
        (isPerpetual[i], isOption[i], isPut[i]) <== Kind()(given[i], instruments[i].contract.kind);
    }

    // Rule 7.
    signal contracts <== Hash(TAG_VECTOR(), N)(contract);
    signal auth;
    signal numbers[REPORT_NUMBERS()];
    (auth, numbers) <== Quorum(FEEDS)(before.fixed.domain, contracts, epoch, keys, feed, words, R8x, R8y, signature);
    component entry = LogStep();
    entry.domain <== before.fixed.domain;
    entry.logHead <== before.logged.head;
    entry.A <== KIND_REPRICE() + epoch * (1 << (BITS_KIND() + BITS_MARKET() + BITS_ACCOUNT()));
    entry.B <== 0;
    entry.salt <== 0;
    entry.auth <== auth;
    entry.time <== stamp;
    _ <== entry.item;
    signal clock <== ClockStep()(before.logged.clock, stamp, RANK_REPRICE(), 1);

    // Rule 1.
    Step() step;
    signal epochs;
    signal end;
    (step, epochs, end) <== RepriceEpoch()(
        before.roots.rules, group.lag, group.epochLength, meta.epoch, meta.rules, epoch, stamp
    );

    // Rules 2 to 5.
    component next = NextHistory();
    next.step <== step;
    next.epochs <== epochs;
    next.epoch <== epoch;
    next.epochBefore <== meta.epoch;
    next.haltedBefore <== meta.halted;
    next.indexBefore <== history.index;
    next.rangeBefore <== history.range;
    next.fundingBefore <== history.funding;
    next.restBefore <== history.fundingRest;
    next.index <== numbers[0];
    next.sigma <== numbers[2];
    next.premium <== numbers[3];
    next.isPerpetual <== isPerpetual[0];
    next.horizon <== pricing.horizon;
    next.rangeFloor <== pricing.rangeFloor;
    next.rangeCap <== pricing.rangeCap;
    next.fundingEvery <== pricing.fundingEvery;
    next.fundingDivisor <== pricing.fundingDivisor;
    next.fundingClamp <== pricing.fundingClamp;
    next.largestStep <== pricing.step;

    // Each instrument by itself.
    signal notPast[N];
    signal tau[N];
    signal multiplier[N];
    signal root[N];
    signal forwardAt[N][N];
    signal volatilityAt[N][N];
    signal payoffsAfter[N];
    signal live[N];
    signal reported[N];
    signal missing[N];
    signal lastAfter[N];
    for (var i = 0; i < N; i++) {
        (notPast[i], tau[i], multiplier[i], root[i]) <== Tenor()(instruments[i].contract.expiry - end, tenors);
        forwardAt[i] <== OneHotOf(BITS_SLOT())(instruments[i].contract.forward);
        volatilityAt[i] <== OneHotOf(BITS_SLOT())(instruments[i].contract.volatility);
        (payoffsAfter[i], live[i], reported[i], missing[i]) <== Reported()(
            given[i], isPerpetual[i], isOption[i], isPut[i], instruments[i].contract.strike, volatilityAt[i][i], tau[i], step.same,
            numbers[4 + i], last[i], payoffs[i]
        );
    }
    // Rule 8. A perpetual stands in slot 0 only.
    signal near <== NearIndex()(reported[0], next.indexAfter, pricing.markBand);
    lastAfter[0] <== Select()(isPerpetual[0], near, reported[0]);
    for (var i = 1; i < N; i++) lastAfter[i] <== reported[i];

    // Each with those that it is valued by.
    Shocks(S) shocks;
    shocks <== OpenShocks(S)(pricing.raised, pricing.lowered, pricing.leastVolatility, pricing.scenarios, next.range);
    signal under[N];
    signal forward[N];
    signal volatility[N];
    signal isStale[N];
    signal fixed[N];
    signal moving[N];
    signal worth[N][S];
    signal values[S][N];
    signal longCharges[N];
    signal shortCharges[N];
    signal weights[N];
    signal charge[N];
    var stale = 0;
    for (var i = 0; i < N; i++) {
        under[i] <== Pick(N)(forwardAt[i], lastAfter);
        forward[i] <== Select()(isOption[i], under[i], lastAfter[i]);
        // Of a linear kind it counts for nothing.
        volatility[i] <== Pick(N)(volatilityAt[i], lastAfter);
        isStale[i] <== Stale()(live[i], isOption[i], missing[i], forwardAt[i], volatilityAt[i], missing);
        stale += isStale[i] * (1 << i);

        (fixed[i], moving[i]) <== Settlement()(isPerpetual[i], tau[i], pricing.window, forward[i], numbers[1]);
        worth[i] <== ScenarioValues(S)(
            given[i], live[i], payoffsAfter[i], isOption[i], isPut[i], moving[i], fixed[i], instruments[i].contract.strike,
            volatility[i], multiplier[i], root[i], shocks
        );
        (longCharges[i], shortCharges[i], weights[i], charge[i]) <== Charges()(
            given[i], live[i], instruments[i].longCharge, instruments[i].shortCharge, instruments[i].weight
        );
    }
    // Rule 9.
    signal carried <== given[0] * next.funding;
    for (var k = 0; k < S; k++) {
        values[k][0] <== worth[0][k] - carried;
        for (var i = 1; i < N; i++) values[k][i] <== worth[i][k];
    }

    // Each market.
    signal isOut[N];
    for (var i = 0; i < N; i++) isOut[i] <== 1 - live[i] + isStale[i];
    signal used[MARKETS()];
    signal rowsAfter[MARKETS()];
    for (var m = 0; m < MARKETS(); m++) {
        used[m] <== RulesRow()(rulesRows[m], rows[m]);
        rowsAfter[m] <== MarketRow(S)(used[m], rows[m].legs, rows[m].tick, isOut, charge, values, next.funding);
    }

    History() historyAfter;
    historyAfter.index <== next.indexAfter;
    historyAfter.range <== next.range;
    historyAfter.funding <== next.funding;
    historyAfter.fundingRest <== next.fundingRest;
    historyAfter.last <== Hash(TAG_VECTOR(), N)(lastAfter);
    historyAfter.payoffs <== Hash(TAG_VECTOR(), N)(payoffsAfter);
    PricesMeta() metaAfter;
    metaAfter.rules <== before.roots.rules;
    metaAfter.epoch <== epoch;
    metaAfter.halted <== next.halted;
    metaAfter.stale <== stale;
    metaAfter.longCharges <== Hash(TAG_VECTOR(), N)(longCharges);
    metaAfter.shortCharges <== Hash(TAG_VECTOR(), N)(shortCharges);
    metaAfter.weights <== Hash(TAG_VECTOR(), N)(weights);
    metaAfter.history <== HistoryHash()(historyAfter);
    signal scenariosAfter <== Scenarios(S)(values);
    signal rowsAfterHash <== Hash(TAG_VECTOR(), MARKETS())(rowsAfter);

    // Rule 11. Share is below 2^128 (Settle).
    signal credit <== Floored(128, 16)(before.clearing.share);
    Account() insured;
    insured.keyX <== insurance.keyX;
    insured.keyY <== insurance.keyY;
    insured.view <== insurance.view;
    insured.seq <== insurance.seq;
    insured.cash <== insurance.cash + credit;
    insured.positions <== insurance.positions;
    insured.nonce <== insurance.nonce;
    insured.reserved <== insurance.reserved;
    insured.open <== insurance.open;
    insured.flagged <== insurance.flagged;
    insured.pushedAt <== insurance.pushedAt;
    signal positionsHash <== PositionsHash()(insurance.positions);
    component update = Update(depth);
    for (var i = 0; i < 2 * depth; i++) update.index[i] <== ((INSURANCE() >> i) & 1);
    update.siblings <== siblings;
    update.leafBefore <== Leaf()(insurance, positionsHash);
    update.leafAfter <== Leaf()(insured, positionsHash);
    update.rootBefore === before.accounts.root;

    // Rule 12.
    signal lacking <== Deficit()(insured.cash, insured.positions, values[0]);
    signal deficit <== Select()(next.halted, before.losses.deficit, lacking);

    // Rule 10.
    State() after;
    after.fixed <== before.fixed;
    after.roots.rules <== before.roots.rules;
    after.roots.prices <== PricesRoot()(metaAfter, scenariosAfter, rowsAfterHash);
    after.phase <== phaseAfter;
    after.logged.head <== entry.after;
    after.logged.count <== before.logged.count + 1;
    after.logged.clock <== clock;
    after.accounts.root <== update.rootAfter;
    after.accounts.count <== before.accounts.count;
    after.accounts.deposits <== before.accounts.deposits;
    after.accounts.holders <== before.accounts.holders;
    after.accounts.vault <== before.accounts.vault;
    after.losses.relief <== before.losses.relief;
    after.losses.deficit <== deficit;
    after.blind <== blindAfter;
    after.markets <== before.markets;
    after.clearing.sweep <== before.clearing.sweep;
    after.clearing.fees <== before.clearing.fees;
    after.clearing.share <== before.clearing.share - (1 << 16) * credit;
    after.clearing.fills <== before.clearing.fills;
    after.payouts <== before.payouts;
    stateAfter <== StateWord()(after);
    time <== stamp;
    logCount <== after.logged.count;
    logHead <== after.logged.head;
}
