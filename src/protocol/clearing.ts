import { ALL_CANCEL_EVERY, FEE_DENOMINATOR, RULE, SIDE, SWEEP_CANCELS } from "./parameters.ts";
import type { Account } from "./account.ts";
import type { BookEntry, Cancel, Fill, Trade } from "./book.ts";
import { fee, isExpired, isMarketOpen, type MarketRules } from "./market.ts";
import type { MarketPrices, Prices } from "./prices.ts";
import { worstLoss } from "./margin.ts";
import { abs, min } from "./numbers.ts";

/**
 * Clearing (docs/protocol.md, section 8): what one sweep over a market's entries does.
 * @twins circuits/instructions/clear.circom
 */

/** Bid lots at limits >= P and > P, ask lots at limits <= P and < P. */
export interface Depth {
  readonly bids: bigint;
  readonly bidsAbove: bigint;
  readonly asks: bigint;
  readonly asksBelow: bigint;
}

export interface SweepInput {
  /** null: a free slot */
  readonly rules: MarketRules | null;
  /** null: stale */
  readonly prices: MarketPrices | null;
  /** whether this sweep matches; else it only drops what is cancelled or expired */
  readonly match: boolean;
  /** cancels that this sweep applies */
  readonly cancels: readonly Cancel[];
  /** time of the CLOSE or PURGE */
  readonly time: bigint;
  /** book and admitted, in time order */
  readonly entries: readonly BookEntry[];
}

export interface SweepOutcome {
  /** clearing price; 0 when nothing was matched by this sweep */
  readonly price: bigint;
  readonly volume: bigint;
  readonly depth: Depth;
  /** for each entry, whether it took part in setting the price */
  readonly eligible: readonly boolean[];
  /** one for each order touched, in walk order */
  readonly fills: readonly Fill[];
  /** for each entry, its fill or null */
  readonly fillOf: readonly (Fill | null)[];
  /** what is left, in time order */
  readonly book: readonly BookEntry[];
  readonly fees: bigint;
}

/**
 * The slots of one sweep for the pending cancels, in order: as many as find one. All-cancels find one only at the end of each
 * four, so that a sweep takes 64 single cancels, or 16 all-cancels, or of both something between.
 * @twins circuits/instructions/clear.circom (SweepCancels)
 */
export function sweepSlots(pending: readonly Cancel[]): number[] {
  const slots: number[] = [];
  let next = 0;
  for (const { all } of pending) {
    const slot = all ? next - (next % ALL_CANCEL_EVERY) + ALL_CANCEL_EVERY - 1 : next;
    if (slot >= SWEEP_CANCELS) break;
    slots.push(slot);
    next = slot + 1;
  }
  return slots;
}

/** Whether a CLOSE may match at `time`; `fresh` is the freshness of the prices then. Cancels left over still forbid it. */
export function mayMatch(
  rules: MarketRules | null,
  prices: MarketPrices | null,
  fresh: boolean,
  time: bigint,
): boolean {
  return !!rules && !!prices && fresh && isMarketOpen(rules, time) && time % rules.interval === 0n;
}

/** The last all-cancel of an account in a sweep has the greatest nonce, so it alone decides. */
export function isCancelled(entry: BookEntry, cancels: readonly Cancel[]): boolean {
  return cancels.some(
    ({ account, nonce, all }) => account === entry.account && (all ? entry.nonce < nonce : entry.nonce === nonce),
  );
}

/** Whether rho no longer covers the row: rho < worstLoss, written without division as the circuit has it. */
export function isUnderReserved(rules: MarketRules, prices: MarketPrices, { side, limit, rho }: BookEntry): boolean {
  const rest = rho - (worstLoss(rules, prices, side, limit) - fee(rules, limit, 1n)) - rules.feePerLot;
  return rules.feeRate * abs(limit) > FEE_DENOMINATOR * rest;
}

/** Bid and ask lots around a price. */
export function depthAt(price: bigint, entries: readonly BookEntry[]): Depth {
  let [bids, bidsAbove, asks, asksBelow] = [0n, 0n, 0n, 0n];
  for (const { side, limit, remaining } of entries)
    if (side === SIDE.buy) {
      if (limit >= price) bids += remaining;
      if (limit > price) bidsAbove += remaining;
    } else {
      if (limit <= price) asks += remaining;
      if (limit < price) asksBelow += remaining;
    }
  return { bids, bidsAbove, asks, asksBelow };
}

/**
 * The uniform price of an auction: of all prices P with D' <= A and A' <= D the one closest to the mark. They form an
 * interval: below it D' > A, above it A' > D, and both change only at limits.
 */
export function auctionPrice(mark: bigint, entries: readonly BookEntry[]): bigint {
  const { bids, bidsAbove, asks, asksBelow } = depthAt(mark, entries);
  const tooLow = bidsAbove > asks;
  if (!tooLow && asksBelow <= bids) return mark;
  // Walk from the mark over the limits beyond it; `leaving` are the lots that each limit passed takes from the side in
  // excess, `joining` those of the other side that it adds.
  let excess = tooLow ? bidsAbove : asksBelow;
  let other = tooLow ? asks : bids;
  const levels = new Map<bigint, { leaving: bigint; joining: bigint }>();
  for (const { side, limit, remaining } of entries) {
    if (tooLow ? limit <= mark : limit >= mark) continue;
    const level = levels.get(limit) ?? { leaving: 0n, joining: 0n };
    if ((side === SIDE.buy) === tooLow) level.leaving += remaining;
    else level.joining += remaining;
    levels.set(limit, level);
  }
  const outwards = [...levels].sort(([a], [b]) => (a < b === tooLow ? -1 : 1));
  for (const [limit, { leaving, joining }] of outwards) {
    excess -= leaving;
    other += joining;
    if (excess <= other) return limit;
  }
  throw new Error("unreachable: past the last limit nothing is in excess");
}

/** One sweep. The order of `entries` is their priority. */
export function sweep(input: SweepInput): SweepOutcome {
  const { rules, prices, match, cancels, time, entries } = input;
  const expired = !!rules && isExpired(rules, time);
  const singles = new Set(cancels.filter(({ all }) => !all).map(({ account, nonce }) => `${account}/${nonce}`));
  const alls = cancels.filter(({ all }) => all);
  const dropped = entries.map((entry) => {
    if (expired || time > entry.expiry) return true;
    if (singles.size > 0 && singles.has(`${entry.account}/${entry.nonce}`)) return true;
    if (alls.length > 0 && isCancelled(entry, alls)) return true;
    if (!match) return false;
    return abs(entry.limit - prices!.mark) > rules!.band || isUnderReserved(rules!, prices!, entry);
  });

  const isAuction = rules?.rule === BigInt(RULE.auction);
  const live = match ? entries.filter((_, i) => !dropped[i]) : [];
  const price = !match ? 0n : isAuction ? auctionPrice(prices!.mark, live) : prices!.mark;
  const depth = depthAt(price, live);
  const volume = min(depth.bids, depth.asks);
  // What the long side may still fill in walk order: at the price in an auction, at any eligible limit at midpoint.
  const left = [isAuction ? volume - depth.bidsAbove : volume, isAuction ? volume - depth.asksBelow : volume];

  const fills: Fill[] = [];
  const book: BookEntry[] = [];
  let fees = 0n;
  const eligible: boolean[] = [];
  const fillOf = entries.map((entry, i): Fill | null => {
    const { account, side, limit, remaining, rho } = entry;
    const better = side === SIDE.buy ? limit > price : limit < price;
    const takesPart = match && !dropped[i] && (better || limit === price);
    eligible.push(match && !dropped[i]);
    const whole = isAuction && better;
    const lots = !takesPart ? 0n : whole ? remaining : min(remaining, left[side]);
    if (takesPart && !whole) left[side] -= lots;
    const closed = dropped[i] || lots === remaining || (match && entry.thisAuction);
    if (!closed) book.push(lots ? { ...entry, remaining: remaining - lots } : entry);
    if (!closed && lots === 0n) return null;
    const charged = lots ? fee(rules!, price, lots) : 0n;
    fees += charged;
    const signed = side === SIDE.buy ? lots : -lots;
    const fill = { account, closed, lots: signed, release: rho * (closed ? remaining : lots), fee: charged };
    fills.push(fill);
    return fill;
  });
  return { price, volume, depth, eligible, fills, fillOf, book, fees };
}

/** cash of a fill: -lots (P - sum w F) - fee */
export function fillCash(fill: Fill, { price, funding }: Pick<Trade, "price" | "funding">): bigint {
  return -fill.lots * (price - funding) - fill.fee;
}

/** An account after one fill: where it has no lots, the account part stays as it is. @twins circuits/instructions/settle.circom */
export function settled(
  before: Account,
  fill: Fill,
  legs: readonly bigint[],
  trade: Pick<Trade, "price" | "funding">,
): Account {
  return {
    ...before,
    seq: before.seq + (fill.lots ? 1n : 0n),
    cash: before.cash + fillCash(fill, trade),
    positions: fill.lots ? before.positions.map((p, i) => p + legs[i] * fill.lots) : before.positions,
    reserved: before.reserved - fill.release,
    open: before.open - (fill.closed ? 1n : 0n),
  };
}

/**
 * An account without its positions in what is settled: cash += pos (payoff - F), so no equity changes. `seq` grows where anything
 * was. @returns the account itself where nothing was
 * @twins circuits/instructions/fold.circom
 */
export function folded(before: Account, prices: Prices): Account {
  const settles = (i: number) => prices.payoffs[i] !== 0n && before.positions[i] !== 0n;
  if (!before.positions.some((_, i) => settles(i))) return before;
  const value = (i: number) => prices.payoffs[i] - 1n - (i === 0 ? prices.funding : 0n);
  return {
    ...before,
    seq: before.seq + 1n,
    cash: before.positions.reduce((cash, position, i) => (settles(i) ? cash + position * value(i) : cash), before.cash),
    positions: before.positions.map((position, i) => (settles(i) ? 0n : position)),
  };
}

/**
 * The account of the venue or of the insurance, credited with its part of fees. `seq` stays: proofs may credit the fees of several
 * clearings at once, and between two of its values cash only grows. @twins circuits/instructions/settle.circom
 */
export function credited(before: Account, fees: bigint): Account {
  return { ...before, cash: before.cash + fees };
}
