/** Which ends a round reached: each by a name, so that a generator that no longer gets there is noticed. */
import type { Event } from "../../../src/matcher/events.ts";
import type { GenesisFile } from "../../../src/protocol/genesis.ts";
import type { Decoded } from "../../../src/protocol/item.ts";
import {
  closingChange,
  isBelow,
  limitHolds,
  roomFor,
  shortOf,
  standing,
  widthOf,
  type Enforcement,
} from "../../../src/protocol/defaults.ts";
import { equity, orderDelta, worstLoss } from "../../../src/protocol/margin.ts";
import { weighedSquares } from "../../../src/protocol/admission.ts";
import { fee, isExpired, type MarketRules } from "../../../src/protocol/market.ts";
import type { MarketPrices } from "../../../src/protocol/prices.ts";
import { abs, FIELD, max, min } from "../../../src/protocol/numbers.ts";
import {
  FEE_DENOMINATOR,
  INSURANCE,
  REDUCTION_NONCE,
  REDUCTIONS,
  LIST_ORDERS,
  MARKET_STATE,
  MARKETS,
  MAX_POSITION_SQUARES,
  MOST,
  NONCE_WINDOW,
  RULE,
  SWEEP_ALL_CANCELS,
  SIDE,
  SWEEP_CANCELS,
  VENUE,
  VERDICTS,
} from "../../../src/protocol/parameters.ts";
import { below } from "./draw.ts";
import { LAST_TIME, PLACES, PROFILE } from "./venue.ts";

type Tests<T extends unknown[]> = Record<string, (...of: T) => boolean>;
type ItemEvent = Extract<Event, { kind: "item" }>;
type ClearEvent = Extract<Event, { kind: "clear" }>;
type DepositsEvent = Extract<Event, { kind: "deposits" }>;
type SettleEvent = Extract<Event, { kind: "settle" }>;
type FoldEvent = Extract<Event, { kind: "fold" }>;
type EnforceEvent = Extract<Event, { kind: "enforce" }>;
type AssumeEvent = Extract<Event, { kind: "assume" }>;

const least = (bits: number) => -(1n << BigInt(bits));

const ofGenesis: Tests<[GenesisFile]> = {
  "domain r - 1": ({ domain }) => domain === FIELD - 1n,
  "16 markets": ({ rules }) => rules.markets.every(Boolean),
  "genesis at time 0": ({ time }) => time === 0n,
  "genesis at time 2^40 - 1": ({ time }) => time === LAST_TIME,
  "epochs of a second": ({ rules }) => rules.group.pricing.epochLength === 1n,
  "epochs of 2^32 - 1 s": ({ rules }) => rules.group.pricing.epochLength === below(32),
  "lag 2^32 - 1": ({ rules }) => rules.group.pricing.lag === below(32),
  "a window of 65,536 epochs": ({ rules: { group } }) =>
    group.pricing.window === BigInt(MOST.epochs) * group.pricing.epochLength,
  "maintenance 1": ({ rules }) => rules.group.defaults.maintenance === 1n,
  "maintenance 640": ({ rules }) => rules.group.defaults.maintenance === 640n,
  "target 1024": ({ rules }) => rules.group.defaults.target === 1024n,
  "the target is maintenance": ({ rules: { group } }) => group.defaults.target === group.defaults.maintenance,
  "grace 0": ({ rules }) => rules.group.defaults.grace === 0n,
  "grace 2^32 - 1": ({ rules }) => rules.group.defaults.grace === below(32),
  "slope 1": ({ rules }) => rules.group.defaults.slope === 1n,
  "slope 2^32 - 1": ({ rules }) => rules.group.defaults.slope === below(32),
  "hold 0": ({ rules }) => rules.group.defaults.hold === 0n,
  "hold 2^32 - 1": ({ rules }) => rules.group.defaults.hold === below(32),
  "penalty 0": ({ rules }) => rules.group.defaults.penalty === 0n,
  "penalty 640": ({ rules }) => rules.group.defaults.penalty === 640n,
  "insuranceLimit 20,480": ({ rules }) => rules.group.defaults.insuranceLimit === 20_480n,
  "loose 2^92 - 1": ({ rules }) => rules.group.defaults.loose === below(92),
  "insuranceShare 0": ({ rules }) => rules.group.defaults.insuranceShare === 0n,
  "insuranceShare 2^16": ({ rules }) => rules.group.defaults.insuranceShare === 1n << 16n,
  "an account with cash of 97 bits": ({ accounts }) => accounts.some(({ cash }) => abs(cash) >= 1n << 96n),
  "the vault is full at genesis": ({ accounts }) => accounts.reduce((sum, { cash }) => sum + cash, 0n) === 1n << 90n,
  "slack 64": ({ rules }) => rules.group.slack === 64n,
  "charge 2^40 - 1": ({ rules }) => rules.instruments.some((it) => it!.longCharge === below(40)),
  "weight 2^16 - 1": ({ rules }) => rules.instruments.some((it) => it!.weight === below(16)),
  "prices that halt": ({ prices }) => prices.halted,
  "a stale instrument": ({ prices }) => prices.stale.includes(true),
  "value net of funding of 48 bits": ({ prices }) => prices.values.flat().some((u) => abs(u) >= below(48) - 1n),
  "position 2^47 - 1": ({ accounts }) => accounts.some((it) => it.positions.includes(below(47))),
  "position -2^47": ({ accounts }) => accounts.some((it) => it.positions.includes(least(47))),
};

const ofMarket: Tests<[MarketRules, MarketPrices | null]> = {
  "mark 2^40 - 1": (_, quoted) => quoted?.mark === below(40),
  "mark 1 - 2^40": (_, quoted) => quoted?.mark === -below(40),
  "a stale row": (_, quoted) => quoted === null,
  "funding of 58 bits": (_, quoted) => !!quoted && abs(quoted.funding) >= below(57),
  "W of 59 bits": (_, quoted) => !!quoted && quoted.values.some((w) => abs(w) >= below(58)),
  "legs 127": ({ legs }) => legs.every((leg) => leg === 127n),
  "legs -128": ({ legs }) => legs.every((leg) => leg === -128n),
  "id 2^32 - 1": ({ id }) => id === below(32),
  "tick 2^32 - 1": ({ tick }) => tick === below(32),
  "lotLimit 1": ({ lotLimit }) => lotLimit === 1n,
  "band 0": ({ band }) => band === 0n,
  "band 2^40 - 1": ({ band }) => band === below(40),
  "feeRate 10^6": ({ feeRate }) => feeRate === FEE_DENOMINATOR,
  "feePerLot 2^40 - 1": ({ feePerLot }) => feePerLot === below(40),
  "rhoMin 2^61 - 1": ({ rhoMin }) => rhoMin === below(61),
  "interval 2^32 - 1": ({ interval }) => interval === below(32),
  "capacity 1": ({ capacity }) => capacity === 1n,
  "capacity 52,420": ({ capacity }) => capacity === BigInt(MOST.capacity),
  "cancelCapacity 1": ({ cancelCapacity }) => cancelCapacity === 1n,
  "cancelCapacity 2^16 - 9": ({ cancelCapacity }) => cancelCapacity === below(16) - 8n,
};

const ofDeposits: Tests<[DepositsEvent, GenesisFile]> = {
  "an account is opened": ({ credits }) => credits.some(({ before }) => !before),
  "the last leaf is taken": ({ credits }) => credits.some(({ index }) => index === PLACES - 1),
  "a deposit to an account of 20 bits": ({ credits }) =>
    credits.some(({ deposit }) => deposit.index === Number(below(20))),
  "two deposits to one account": ({ credits }) => credits.length === 2 && credits[0].index === credits[1].index,
  "a deposit of 2^90": ({ credits }) => credits.some(({ deposit }) => deposit.amount === 1n << 90n),
  "cash 2^90": ({ credits }) => credits.some(({ after }) => after.cash === 1n << 90n),
};

const squaresAre =
  (expected: bigint) =>
  (event: ItemEvent, { prices }: GenesisFile) =>
    event.admission.verdict !== "unsigned" &&
    !!event.account?.before &&
    weighedSquares(event.account.before, prices) === expected;
const refused = (event: ItemEvent, verdict: string) => event.admission.verdict === verdict;
const admitted = (event: ItemEvent) => refused(event, "admitted");
const order = (event: ItemEvent) =>
  event.admission.decoded?.kind === "order" && admitted(event) ? event.admission.decoded : null;
const list = ({ admission: { decoded } }: ItemEvent) => (decoded?.kind === "quotes" ? decoded.body : null);
const nonceOver = ({ admission, account }: ItemEvent) => admission.decoded!.head.nonce - account!.before!.nonce;
/** By how much an order's or a withdrawal's equity exceeds what it must, in the scenario where it is least. */
function spare({ admission: { decoded, slot }, account }: ItemEvent, { rules, prices }: GenesisFile): bigint | null {
  const change = changeOf(decoded, rules.markets[slot], prices.markets[slot]);
  const before = account?.before;
  if (!change || !before) return null;
  const covered = prices.values.flatMap((_, k) => {
    const d = change(k);
    return d >= 0n ? [] : [equity(before, prices, k) - before.reserved + d];
  });
  return covered.length > 0 ? covered.reduce(min) : null;
}
function changeOf(decoded: Decoded | null, row?: MarketRules | null, quoted?: MarketPrices | null) {
  if (decoded?.kind === "withdrawal") return () => -decoded.body.amount;
  if (decoded?.kind !== "order" || !row || !quoted) return null;
  const { limit, size } = decoded.body;
  return (k: number) => size * orderDelta(row, quoted, Number(decoded.head.side), limit, k);
}
function atBand(event: ItemEvent, { rules, prices }: GenesisFile, beyond: bigint): boolean {
  const { decoded, slot } = event.admission;
  if (decoded?.kind !== "order" || slot < 0 || !prices.markets[slot]) return false;
  return abs(decoded.body.limit - prices.markets[slot].mark) === rules.markets[slot]!.band + beyond;
}

const amountOf = (decoded: Decoded | null) => (decoded?.kind === "withdrawal" ? decoded.body.amount : 0n);
const lessPaid = ({ admission: { payout, decoded } }: ItemEvent) =>
  payout === undefined ? 0n : amountOf(decoded) - (payout >> 160n);
const clearsFlag = ({ account }: ItemEvent) => account!.before!.flagged > 0n && account!.after!.flagged === 0n;

const ofItem: Tests<[ItemEvent, GenesisFile]> = {
  ...Object.fromEntries(VERDICTS.map((verdict) => [verdict, (event: ItemEvent) => refused(event, verdict)])),
  "admitted: limit -2^40": (event) => order(event)?.body.limit === least(40),
  "admitted: limit 2^40 - 1": (event) => order(event)?.body.limit === below(40),
  "admitted: 2^32 - 1 lots": (event) => order(event)?.body.size === below(32),
  "admitted: at the band": (event, genesis) => admitted(event) && atBand(event, genesis, 0n),
  "refused: one tick off the band": (event, genesis) => refused(event, "band") && atBand(event, genesis, 1n),
  "admitted: the fee is maxFee": (event, { rules }) => {
    const found = order(event);
    return !!found && fee(rules.markets[event.admission.slot]!, found.body.limit, 1n) === found.body.maxFee;
  },
  "refused: the fee is maxFee + 1": ({ admission: { verdict, decoded, slot } }, { rules }) =>
    verdict === "maxFee" &&
    decoded?.kind === "order" &&
    fee(rules.markets[slot]!, decoded.body.limit, 1n) === decoded.body.maxFee + 1n,
  "admitted: a fee of 41 bits": (event, { rules }) => {
    const found = order(event);
    return !!found && fee(rules.markets[event.admission.slot]!, found.body.limit, 1n) >= 1n << 40n;
  },
  "admitted: rho 2^61 - 1": ({ admission: { entries = [] } }) => entries.some(({ rho }) => rho === below(61)),
  "admitted: worst loss 2^61 below rhoMin": ({ admission: { entries: [entry] = [], slot } }, { rules, prices }) => {
    if (!entry || entry.rho !== below(61)) return false;
    return worstLoss(rules.markets[slot]!, prices.markets[slot]!, entry.side, entry.limit) < 0n;
  },
  "admitted: rho above rhoMin, of 58 bits": (event, { rules }) => {
    const { entries: [entry] = [], slot } = event.admission;
    return !!entry && entry.rho > rules.markets[slot]!.rhoMin && entry.rho >= 1n << 57n;
  },
  "admitted: no scenario loses": (event, { rules, prices }) => {
    const change = changeOf(order(event), rules.markets[event.admission.slot], prices.markets[event.admission.slot]);
    return !!change && prices.values.every((_, k) => change(k) >= 0n);
  },
  "admitted: nothing to spare": (event, genesis) => admitted(event) && spare(event, genesis) === 0n,
  "admitted: some equity below zero": (event, { prices }) =>
    !!order(event) && prices.values.some((_, k) => equity(event.account!.before!, prices, k) < 0n),
  "refused: one cash unit short": (event, genesis) => refused(event, "margin") && spare(event, genesis) === -1n,
  "admitted: squares of positions 2^92": (event, genesis) =>
    !!order(event) && squaresAre(MAX_POSITION_SQUARES)(event, genesis),
  "refused: squares of positions 2^92 + 1": squaresAre(MAX_POSITION_SQUARES + 1n),
  "judged: squares of positions of 94 bits": (event) =>
    admitted(event) && event.account!.before!.positions.reduce((sum, p) => sum + p * p, 0n) >= 1n << 93n,
  "judged: equity of 95 bits": (event, { prices }) =>
    (admitted(event) || refused(event, "margin")) &&
    prices.values.some((_, k) => abs(equity(event.account!.before!, prices, k)) >= 1n << 94n),
  "a nonce 2^16 ahead": (event) => admitted(event) && nonceOver(event) === NONCE_WINDOW,
  "a nonce 2^16 + 1 ahead": (event) => refused(event, "nonce") && nonceOver(event) === NONCE_WINDOW + 1n,
  "nonce 2^40 - 1": (event) => admitted(event) && event.admission.decoded!.head.nonce === below(40),
  "an account of 20 bits": ({ admission }) => admission.decoded?.head.account === below(20),
  "a leaf that is empty": ({ account }) => !!account && !account.before,
  "validUntil 2^40 - 1": (event) => admitted(event) && event.admission.decoded!.head.validUntil === LAST_TIME,
  "validUntil now": (event) => admitted(event) && event.admission.decoded!.head.validUntil === event.entry.time,
  "validUntil a second ago": ({ admission: { verdict, decoded }, entry }) =>
    verdict === "tooLate" && decoded!.head.validUntil === entry.time - 1n,
  "expiry 0": (event) => order(event)?.head.expiry === 0n && event.entry.time > 0n,
  "salt r - 1": ({ entry }) => entry.item.salt === FIELD - 1n,
  "A and B are r - 1": ({ entry }) => entry.item.A === FIELD - 1n || entry.item.B === FIELD - 1n,
  "S at least the order": (event) => refused(event, "unsigned") && event.entry.auth!.S >= 1n << 251n,
  "R8 the identity": ({ entry }) => entry.auth!.R8x === 0n && entry.auth!.R8y === 1n,
  "this auction": ({ admission: { entries = [] } }) => entries.some(({ thisAuction }) => thisAuction),
  "an order replaces one": ({ admission: { entries, cancel } }) => !!entries && cancel?.all === false,
  "a refused order replaces one": ({ admission: { entries, cancel, decoded } }) =>
    !entries && !!cancel && decoded?.kind === "order",
  "cancel of one": ({ admission: { cancel } }) => cancel?.all === false,
  "cancel of all": ({ admission: { cancel } }) => cancel?.all === true,
  "a list of 8 quotes": ({ admission: { entries } }) => entries?.length === LIST_ORDERS,
  "a list of 1 quote": (event) => admitted(event) && list(event)?.orders.length === 1,
  "a refused list cancels": (event) => !!list(event) && !admitted(event) && event.admission.cancel?.all === true,
  "a list too many": (event) => !!list(event) && refused(event, "tooManyCancels"),
  "a list for which the market is too full": (event) => !!list(event) && refused(event, "marketFull"),
  "a list of which too many would be open": (event) => !!list(event) && refused(event, "tooManyOpen"),
  "a list with less margin than it reserves": (event) => !!list(event) && refused(event, "margin"),
  "a list with the last nonces there are": (event) =>
    !!list(event) && admitted(event) && event.account!.after!.nonce === REDUCTION_NONCE - 1n,
  "a malformed list": ({ entry, admission }) => !!entry.item.list && !admission.decoded,
  "open orders are maxOpen": ({ account }) => account?.after?.open === BigInt(PROFILE.maxOpen),
  "reserved of 93 bits": ({ account }) => !!account?.after && account.after.reserved >= 1n << 92n,
  "everything is withdrawn": (event) => event.admission.payout !== undefined && event.account!.after!.cash === 0n,
  "2^92 - 1 is not withdrawn": ({ admission: { decoded, verdict } }) =>
    verdict === "margin" && decoded?.kind === "withdrawal" && decoded.body.amount === below(92),
  "cash is withdrawn to below zero": ({ admission: { payout }, account }) =>
    payout !== undefined && account!.after!.cash < 0n,
  "less is paid": (event) => lessPaid(event) > 0n,
  "2^80 less is paid": (event) => lessPaid(event) >= 1n << 80n,
  "less is not accepted": ({ admission: { verdict, decoded }, held }) =>
    verdict === "margin" && decoded?.kind === "withdrawal" && shortOf(held) > 0n && decoded.head.flags % 2n === 0n,
  "1 unit is paid, for more": ({ admission: { payout, decoded }, account }) =>
    payout !== undefined && payout >> 160n === 1n && amountOf(decoded) > 1n && !!account,
  "all that is there is paid": (event) => event.admission.payout !== undefined && event.held.vault === 0n,
  "relief of 90 bits": ({ held }) => held.relief >= 1n << 89n,
  "relief covers the deficit": ({ held }) => held.deficit > 0n && shortOf(held) === 0n,
  "the venue asks while something is short": ({ admission: { verdict }, account, held }) =>
    verdict === "margin" && account?.index === VENUE && shortOf(held) > 0n,
  "an item of the insurance account": ({ admission: { verdict }, account }) =>
    verdict === "unsigned" && account?.index === INSURANCE,
  "an order clears a flag": (event) => !!order(event) && clearsFlag(event),
  "an order of a flagged account leaves it": ({ account, ...event }) =>
    !!order({ account, ...event }) && account!.before!.flagged > 0n && account!.after!.flagged > 0n,
  "a list clears a flag": (event) => !!list(event) && clearsFlag(event),
  "a withdrawal clears a flag": (event) => event.admission.payout !== undefined && clearsFlag(event),
  "an item at time 2^40 - 1": ({ entry }) => entry.time === LAST_TIME,
};

const last = ({ sweeps }: ClearEvent) => sweeps.at(-1)!;
const lots = (event: ClearEvent) => last(event).outcome.fills.map((fill) => abs(fill.lots));
const traded = (event: ClearEvent) => last(event).outcome.volume > 0n;
const partial = ({ outcome }: ClearEvent["sweeps"][number]) => outcome.fills.some((it) => it.lots !== 0n && !it.closed);
const stateOf =
  (state: number) =>
  (event: ClearEvent, { rules }: GenesisFile) =>
    rules.markets[event.slot]?.state === BigInt(state);
const ruleOf =
  (rule: number) =>
  (event: ClearEvent, { rules }: GenesisFile) =>
    traded(event) && rules.markets[event.slot]?.rule === BigInt(rule);

const ofClear: Tests<[ClearEvent, GenesisFile]> = {
  "an auction trades": ruleOf(RULE.auction),
  "a midpoint trades": ruleOf(RULE.midpoint),
  "price 2^40 - 1": (event) => traded(event) && last(event).outcome.price === below(40),
  "price -2^40": (event) => traded(event) && last(event).outcome.price === least(40),
  "price at the band": (event, { rules, prices }) =>
    traded(event) &&
    abs(last(event).outcome.price - prices.markets[event.slot]!.mark) === rules.markets[event.slot]!.band,
  "2^32 - 1 lots in one fill": (event) => lots(event).includes(below(32)),
  "more than 2^32 lots trade": (event) => last(event).outcome.volume > 1n << 32n,
  "a fee of 72 bits": (event) => last(event).outcome.fills.some((fill) => fill.fee >= 1n << 71n),
  "a fee of 72 bits by the rate alone": (event, { rules }) =>
    last(event).outcome.fills.some(
      ({ fee: paid, lots: n }) => paid - (rules.markets[event.slot]?.feePerLot ?? 0n) * abs(n) >= 1n << 71n,
    ),
  "fee income of 73 bits": (event) => last(event).outcome.fees >= 1n << 72n,
  "trade price of 58 bits": ({ sweeps }) => abs(sweeps.at(-1)!.trade.price - sweeps.at(-1)!.trade.funding) >= 1n << 57n,
  "a release of 93 bits": ({ sweeps }) =>
    sweeps.some(({ outcome }) => outcome.fills.some(({ release }) => release >= 1n << 92n)),
  "a partial fill": (event) => partial(last(event)),
  "the last of a walk fills in part": (event) =>
    partial(last(event)) && last(event).outcome.fillOf.at(-1)?.closed === false,
  "a walk of several proofs": ({ sweeps }) =>
    sweeps.some(({ book, admitted: put }) => book.length + put.length > PROFILE.clear),
  "more singles than a sweep takes": ({ sweeps }) => sweeps.length > 1 && sweeps[0].cancels.length === SWEEP_CANCELS,
  "more all-cancels than a sweep takes": ({ sweeps }) =>
    sweeps.length > 1 && sweeps[0].cancels.filter(({ all }) => all).length === SWEEP_ALL_CANCELS,
  "several sweeps, and it matches": (event) => event.sweeps.length > 1 && last(event).match && traded(event),
  "a single cancel drops an order": (event) => drops(event, false),
  "an all-cancel drops an order": (event) => drops(event, true),
  "an order lives to its last second": ({ sweeps, entry }) =>
    sweeps.some(({ outcome }) => outcome.book.some(({ expiry }) => expiry === entry.time)),
  "an order has expired": ({ sweeps, entry }) =>
    sweeps.some(({ book, admitted: put }) => [...book, ...put].some(({ expiry }) => expiry < entry.time)),
  "a this-auction order leaves unfilled": (event) =>
    last(event).admitted.some(({ thisAuction }, i) => {
      const fill = last(event).outcome.fillOf[last(event).book.length + i];
      return thisAuction && last(event).match && fill?.lots === 0n;
    }),
  "an order rests from one close to the next": ({ sweeps }) => sweeps[0].book.length > 0,
  "clear of a market that is over": ({ slot, entry }, { rules }) =>
    !!rules.markets[slot] && isExpired(rules.markets[slot], entry.time),
  "clear of a market in its last second": ({ slot, entry }, { rules }) =>
    rules.markets[slot]?.until === entry.time + 1n,
  "close of a halted market": stateOf(MARKET_STATE.halted),
  "close of a free slot": ({ command, slot }, { rules }) => command === "close" && !rules.markets[slot],
  "purge of a free slot": ({ command, slot }, { rules }) => command === "purge" && !rules.markets[slot],
  "purge of a book": ({ command, sweeps }) =>
    command === "purge" && sweeps.some(({ outcome }) => outcome.book.length > 0),
  "a close off the interval": ({ entry, command, slot }, { rules }) =>
    command === "close" && !!rules.markets[slot] && entry.time % rules.markets[slot].interval !== 0n,
  "a close at time 0": ({ entry, command }) => command === "close" && entry.time === 0n,
  "a clear at time 2^40 - 1": ({ entry }) => entry.time === LAST_TIME,
  "a close of slot 15": ({ command, slot }) => command === "close" && slot === MARKETS - 1,
  "an empty book": ({ sweeps }) => sweeps[0].book.length + sweeps[0].admitted.length === 0,
};

function drops({ sweeps }: ClearEvent, all: boolean): boolean {
  return sweeps.some(({ cancels, book, admitted: put }) =>
    [...book, ...put].some((entry) =>
      cancels.some(
        (it) =>
          it.all === all && it.account === entry.account && (all ? entry.nonce < it.nonce : entry.nonce === it.nonce),
      ),
    ),
  );
}

const pairs = ({ writes }: SettleEvent) =>
  writes.flatMap(({ before, after }) => before!.positions.map((p, i) => [p, after.positions[i]]));

const ofSettle: Tests<[SettleEvent, GenesisFile]> = {
  "cash of 90 bits": ({ writes }) => writes.some(({ after }) => abs(after.cash) >= 1n << 89n),
  "cash below zero": ({ writes }) => writes.some(({ after }) => after.cash < 0n),
  "a position beyond 2^46": (event) => pairs(event).some(([p, q]) => p !== q && max(abs(p), abs(q)) > 1n << 46n),
  "a position ends": (event) => pairs(event).some(([p, q]) => p !== 0n && q === 0n),
  "a position turns over": (event) => pairs(event).some(([p, q]) => p * q < 0n),
  "lots times legs of 39 bits": (event) => pairs(event).some(([p, q]) => abs(p - q) >= 1n << 38n),
  "fills of several proofs": ({ writes }) => writes.length > PROFILE.settle,
  "one account fills twice": ({ writes }) => new Set(writes.map(({ index }) => index)).size < writes.length,
  "the insurance account trades": ({ writes }) =>
    writes.some(({ index, fill }) => index === INSURANCE && fill.lots !== 0n),
  "fees leave a part of a unit of the share": ({ credit, share }) => !!credit && share % (1n << 16n) !== 0n,
  "a share of 72 bits": ({ share }) => share >= 1n << 88n,
  "the venue trades": ({ writes }) => writes.some(({ index, fill }) => index === 0 && fill.lots !== 0n),
};

const ofFold: Tests<[FoldEvent, GenesisFile]> = {
  "positions are folded": ({ writes }) => writes.some(({ before, after }) => before !== after),
  "nothing is folded": ({ writes }) => writes.every(({ before, after }) => before === after),
  "a fold at a payoff of 2^40": ({ writes, payoffs }) =>
    writes.some(({ before }) => payoffs.some((payoff, i) => payoff === 1n << 40n && before!.positions[i] !== 0n)),
  "a fold of a position of 47 bits": ({ writes, payoffs }) =>
    writes.some(({ before }) => payoffs.some((payoff, i) => payoff > 0n && abs(before!.positions[i]) >= 1n << 46n)),
  "a fold to cash below zero": ({ writes }) => writes.some(({ before, after }) => before !== after && after.cash < 0n),
  "a fold of several accounts": ({ writes }) => writes.length > 1,
  "a fold of some instruments, not of others": ({ writes }) =>
    writes.some(({ before, after }) => before !== after && after.positions.some((lots) => lots !== 0n)),
};

type Reduction = Extract<Enforcement, { kind: "reduce" }>;
const stepOf = <Kind extends Enforcement["kind"]>({ step }: EnforceEvent, kind: Kind) =>
  step.kind === kind ? (step as Extract<Enforcement, { kind: Kind }>) : null;
const byInsurance = (event: EnforceEvent) => event.step.account === INSURANCE;
const ofTrader = (event: EnforceEvent) => event.step.kind === "reduce" && !byInsurance(event);
const ageOf = ({ write, entry }: EnforceEvent | AssumeEvent) => entry.time - write.before.flagged;
const lasting = ({ rules }: GenesisFile) => {
  const { grace, slope, hold } = rules.group.defaults;
  return grace + 2n * slope + hold;
};
/** How much more than what is asked an account's equity is, 1024ths. */
const above = (event: EnforceEvent | AssumeEvent, { prices }: GenesisFile, part: bigint) => {
  const { equity: owned, risk } = standing(event.write.before, prices);
  return 1024n * owned - part * risk;
};
const worse = ({ step }: EnforceEvent, { prices }: GenesisFile) => {
  const { slot, side, limit } = step as Reduction;
  const { mark } = prices.markets[slot]!;
  return side === SIDE.sell ? mark - limit : limit - mark;
};
/** Of a reduction: whether a tick more would be too wide. */
function widest(event: EnforceEvent, { rules, prices }: GenesisFile): boolean {
  const { slot, side, limit } = event.step as Reduction;
  const { defaults } = rules.group;
  const width = byInsurance(event)
    ? { parts: defaults.insuranceLimit, of: 1n << 16n }
    : widthOf(event.write.before, defaults, event.entry.time);
  const row = rules.markets[slot]!;
  const more = side === SIDE.sell ? limit - row.tick : limit + row.tick;
  return !limitHolds({ ...row, band: 2n * row.band }, prices.markets[slot]!, { side, limit: more }, width);
}
function standsAfter({ step, write }: EnforceEvent, { rules, prices }: GenesisFile, lots: bigint) {
  const { slot, side, limit } = step as Reduction;
  const { positions } = write.before;
  const quoted = prices.markets[slot]!;
  const change = closingChange(rules.markets[slot]!, { quoted, prices }, { side, limit, positions });
  const all = prices.values.map((_, k) => equity(write.before, prices, k));
  const risk = all.map((it, k) => all[0] - it - lots * change.spread[k]).reduce(max);
  return { equity: all[0] + lots * change.equity, risk, costs: change.equity < 0n };
}
/** What of three the worst loss of the insurance account is within after a reduction, if not lower. */
function within(event: EnforceEvent, genesis: GenesisFile): "equity" | "loose" | "relief" | null {
  if (!byInsurance(event)) return null;
  const after = standsAfter(event, genesis, (event.step as Reduction).size);
  if (after.risk < standing(event.write.before, genesis.prices).risk) return null;
  if (after.risk <= after.equity) return "equity";
  return after.risk <= genesis.rules.group.defaults.loose ? "loose" : "relief";
}

const ofEnforce: Tests<[EnforceEvent, GenesisFile]> = {
  "a flag": (event) => !!stepOf(event, "flag"),
  "a flag, equity one unit too little": (event, genesis) =>
    !!stepOf(event, "flag") && above(event, genesis, genesis.rules.group.defaults.maintenance) >= -1024n,
  "a flag of an account without equity": (event, { prices }) =>
    !!stepOf(event, "flag") && standing(event.write.before, prices).equity < 0n,
  "a flag when the one before counts no longer": (event, genesis) =>
    !!stepOf(event, "flag") && event.write.before.flagged > 0n && ageOf(event) === lasting(genesis),
  "a flag at time 2^40 - 1": (event) => !!stepOf(event, "flag") && event.entry.time === LAST_TIME,
  "a sweep": (event) => !!stepOf(event, "sweep"),
  "a sweep, equity one unit below the target": (event, genesis) =>
    !!stepOf(event, "sweep") && above(event, genesis, genesis.rules.group.defaults.target) >= -1024n,
  "a sweep within the grace": (event, { rules }) =>
    !!stepOf(event, "sweep") && ageOf(event) < rules.group.defaults.grace,
  "a sweep when the grace is over": (event, { rules }) =>
    !!stepOf(event, "sweep") && ageOf(event) === rules.group.defaults.grace,
  "a sweep in the last second of a flag": (event, genesis) =>
    !!stepOf(event, "sweep") && ageOf(event) === lasting(genesis) - 1n,
  "a sweep of an account with a nonce near 2^40": (event) =>
    !!stepOf(event, "sweep") && event.write.before.nonce >= REDUCTION_NONCE - 9n,
  "a reduction of a trader": ofTrader,
  "a reduction within the grace": (event, { rules }) => ofTrader(event) && ageOf(event) < rules.group.defaults.grace,
  "a reduction when limits begin to widen": (event, { rules }) =>
    ofTrader(event) && ageOf(event) === rules.group.defaults.grace + 1n,
  "a reduction when limits are widest": (event, { rules: { group } }) =>
    ofTrader(event) && ageOf(event) >= group.defaults.grace + group.defaults.slope,
  "a reduction in the last second of a flag": (event, genesis) =>
    ofTrader(event) && ageOf(event) === lasting(genesis) - 1n,
  "a reduction as wide as may be": (event, genesis) =>
    ofTrader(event) && worse(event, genesis) > 0n && widest(event, genesis),
  "a reduction better than the mark by the band": (event, genesis) =>
    event.step.kind === "reduce" && worse(event, genesis) === -genesis.rules.markets[event.step.slot]!.band,
  "a reduction worse than the mark by three quarters of the band": (event, { rules, prices, ...rest }) =>
    event.step.kind === "reduce" &&
    rules.markets[event.step.slot]!.band > 0n &&
    4n * (worse(event, { rules, prices, ...rest }) + rules.markets[event.step.slot]!.tick) >
      3n * rules.markets[event.step.slot]!.band,
  "a reduction of 2^32 - 1 lots": (event) => stepOf(event, "reduce")?.size === below(32),
  "a reduction of all of a position": (event, { rules }) =>
    event.step.kind === "reduce" &&
    rules.markets[event.step.slot]!.legs.some(
      (leg, i) => leg !== 0n && abs(leg) * (event.step as Reduction).size === abs(event.write.before.positions[i]),
    ),
  "a reduction to the target, not one lot more": (event, genesis) =>
    ofTrader(event) &&
    !isBelow(genesis.rules.group.defaults.target, standsAfter(event, genesis, (event.step as Reduction).size)),
  "a reduction that gains": (event, genesis) => ofTrader(event) && !standsAfter(event, genesis, 0n).costs,
  "a reduction that costs": (event, genesis) => ofTrader(event) && standsAfter(event, genesis, 0n).costs,
  "a reduction with two legs or more": (event, { rules }) =>
    event.step.kind === "reduce" && rules.markets[event.step.slot]!.legs.filter((leg) => leg !== 0n).length > 1,
  "the insurance account reduces": byInsurance,
  "the insurance account reduces as wide as may be": (event, genesis) =>
    byInsurance(event) && worse(event, genesis) > 0n && widest(event, genesis),
  "the insurance account reduces twice in a second": (event) =>
    byInsurance(event) && event.write.before.open > 0n && ageOf(event) === 0n,
  "the insurance account has 16 open reductions": (event) =>
    byInsurance(event) && event.write.after.open === BigInt(REDUCTIONS),
  "the insurance account's worst loss stays within equity": (event, genesis) => within(event, genesis) === "equity",
  "the insurance account's worst loss stays within what is loose": (event, genesis) =>
    within(event, genesis) === "loose",
  "reductions beyond a market's capacity": ({ step }, { rules }) =>
    step.kind === "reduce" && roomFor(rules.markets[step.slot]!) < 12n,
};

const keptOf = ({ write }: AssumeEvent) => write.after.cash;
const squaresOf = ({ insurance }: AssumeEvent) => insurance.after.positions.reduce((sum, p) => sum + p * p, 0n);

const ofAssume: Tests<[AssumeEvent, GenesisFile]> = {
  "an account is taken over": () => true,
  "an account with equity is taken over": (event, { prices }) => standing(event.write.before, prices).equity > 0n,
  "an account without equity is taken over within the grace": (event, { rules }) =>
    ageOf(event) < rules.group.defaults.grace,
  "an account keeps something": (event) => keptOf(event) > 0n,
  "an account with equity keeps nothing": (event, { prices }) =>
    keptOf(event) === 0n && standing(event.write.before, prices).equity > 0n,
  "an account is taken over, equity one unit too little": (event, genesis) =>
    above(event, genesis, genesis.rules.group.defaults.maintenance) >= -1024n,
  "an account is taken over as soon as it may": (event, { rules: { group }, prices }) =>
    ageOf(event) === group.defaults.grace + 2n * group.defaults.slope &&
    standing(event.write.before, prices).equity >= 0n,
  "an account is taken over in the last second of its flag": (event, genesis) => ageOf(event) === lasting(genesis) - 1n,
  "the insurance account has positions of squares 2^92": (event) => squaresOf(event) === MAX_POSITION_SQUARES,
  "positions of the insurance account end": ({ insurance: { before, after } }) =>
    before.positions.some((lots, i) => lots !== 0n && after.positions[i] === 0n),
  "a deficit": ({ held }) => held.deficit > 0n,
  "a deficit of 90 bits": ({ held }) => held.deficit >= 1n << 89n,
  "no deficit": ({ held }) => held.deficit === 0n,
};

/** Every name that a long run must have counted. */
export const EXTREMES = [
  ofGenesis,
  ofMarket,
  ofDeposits,
  ofItem,
  ofClear,
  ofSettle,
  ofFold,
  ofEnforce,
  ofAssume,
].flatMap((tests) => Object.keys(tests));

/** Counts by name. */
export class Seen {
  readonly counts = new Map<string, number>(EXTREMES.map((name) => [name, 0]));

  genesis(genesis: GenesisFile): void {
    this.#count(ofGenesis, genesis);
    genesis.rules.markets.forEach((row, slot) => row && this.#count(ofMarket, row, genesis.prices.markets[slot]));
  }

  event(event: Event, genesis: GenesisFile): void {
    if (event.kind === "deposits") this.#count(ofDeposits, event, genesis);
    if (event.kind === "item") this.#count(ofItem, event, genesis);
    if (event.kind === "clear") this.#count(ofClear, event, genesis);
    if (event.kind === "settle") this.#count(ofSettle, event, genesis);
    if (event.kind === "fold") this.#count(ofFold, event, genesis);
    if (event.kind === "enforce") this.#count(ofEnforce, event, genesis);
    if (event.kind === "assume") this.#count(ofAssume, event, genesis);
  }

  get missing(): string[] {
    return EXTREMES.filter((name) => this.counts.get(name) === 0);
  }

  #count<T extends unknown[]>(tests: Tests<T>, ...of: T): void {
    for (const name in tests) if (tests[name](...of)) this.counts.set(name, this.counts.get(name)! + 1);
  }
}
