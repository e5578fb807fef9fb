import type { Event, Sweep } from "../matcher/events.ts";
import type { BookEntry } from "../protocol/book.ts";
import { fillCash } from "../protocol/clearing.ts";
import type { Rules } from "../protocol/rules.ts";
import { RULE, SIDE } from "../protocol/parameters.ts";
import type { FillReport } from "../protocol/wire.ts";

/** What one CLOSE or PURGE came to. */
export interface AuctionReport {
  readonly n: number;
  readonly time: bigint;
  readonly market: bigint;
  readonly slot: number;
  readonly rule: keyof typeof RULE;
  readonly matched: boolean;
  /** cash units per lot; 0 where nothing was matched */
  readonly price: bigint;
  /** lots */
  readonly volume: bigint;
  /** orders that took part, and that traded */
  readonly orders: number;
  readonly filled: number;
  /** lots by limit of the orders that took part, limits rising */
  readonly curves: { readonly bids: readonly Level[]; readonly asks: readonly Level[] };
}
export type Level = readonly [limit: bigint, lots: bigint];

/**
 * An auction, a report or its JSON, as anybody may see it. Where nothing was traded there is no price to show: with one order it
 * would be that order's limit.
 */
export function shownAuction<T extends { price: bigint | string; volume: bigint | string; curves: unknown }>(
  { price, volume, curves, ...rest }: T,
  publish: { readonly prices: boolean; readonly curves: boolean },
) {
  return {
    ...rest,
    ...(publish.prices ? { volume } : {}),
    ...(publish.prices && BigInt(volume) > 0n ? { price } : {}),
    ...(publish.curves ? { curves } : {}),
  };
}

type ClearEvent = Extract<Event, { kind: "clear" }>;

/** @param n  position of the command in the log */
export function reportClear(
  { markets }: Pick<Rules, "markets">,
  event: ClearEvent,
  n: number,
): { auction: AuctionReport; fills: FillReport[] } {
  const { slot, sweeps, entry } = event;
  const row = markets[slot];
  const market = row?.id ?? 0n;
  const last = sweeps.at(-1)!;
  const price = last.match ? last.outcome.price : 0n;
  const fills = sweeps.flatMap((sweep) => {
    const entries = [...sweep.book, ...sweep.admitted];
    const nonces = new Map(sweep.outcome.fillOf.map((fill, i) => [fill, entries[i].nonce]));
    return sweep.outcome.fills.map((fill): FillReport => {
      const { account, lots, fee, release, closed } = fill;
      const cash = fillCash(fill, sweep.trade);
      const nonce = nonces.get(fill)!;
      return {
        account,
        n,
        time: entry.time,
        market,
        nonce,
        lots,
        price: lots ? price : 0n,
        fee,
        cash,
        release,
        closed,
      };
    });
  });
  const { fees } = last.outcome;
  if (fees > 0n)
    fills.push({ account: 0, n, time: entry.time, market, nonce: 0n, lots: 0n, price: 0n, fee: -fees, cash: fees, release: 0n, closed: false }); // prettier-ignore
  const auction: AuctionReport = {
    n,
    time: entry.time,
    market,
    slot,
    rule: row?.rule === BigInt(RULE.midpoint) ? "midpoint" : "auction",
    matched: last.match,
    price,
    volume: last.match ? last.outcome.volume : 0n,
    orders: last.outcome.eligible.filter(Boolean).length,
    filled: fills.filter(({ lots }) => lots !== 0n).length,
    curves: curvesOf(last),
  };
  return { auction, fills };
}

function curvesOf({ book, admitted, outcome }: Sweep): AuctionReport["curves"] {
  return levelsOf([...book, ...admitted].filter((_, i) => outcome.eligible[i]));
}

/** Lots by limit of orders, limits rising. */
export function levelsOf(orders: readonly BookEntry[]): { bids: Level[]; asks: Level[] } {
  const sides: Map<bigint, bigint>[] = [new Map(), new Map()];
  for (const { side, limit, remaining } of orders) sides[side].set(limit, (sides[side].get(limit) ?? 0n) + remaining);
  const levels = (side: number) => [...sides[side]].sort(([a], [b]) => (a < b ? -1 : 1));
  return { bids: levels(SIDE.buy), asks: levels(SIDE.sell) };
}
