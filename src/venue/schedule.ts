import type { Rules } from "../protocol/market.ts";
import { MARKETS, RANK } from "../protocol/parameters.ts";

/** What the schedule must know of a market's orders. */
export interface Pending {
  /** whether a clear would let something trade or leave, by what came since the last one */
  readonly changed: boolean;
  /** earliest expiry of an order, if there is one */
  readonly firstExpiry: bigint | null;
}

/**
 * The next CLOSE that the schedule wants: at the first multiple of a market's interval after all that is in the log, if the
 * market has something to clear: since its last clear a cancel came, or an order that leaves at its first auction or with
 * which orders cross; or an order has expired by then. An auction in which nothing would trade or leave is left out. At one
 * time slots close in their order.
 * @param clock  32 time + rank of the last log entry
 */
export function nextClose(
  rules: Rules,
  pendingOf: (slot: number) => Pending,
  clock: bigint,
): { time: bigint; slot: number } | null {
  let next: { time: bigint; slot: number } | null = null;
  for (let slot = 0; slot < MARKETS; slot++) {
    const row = rules.markets[slot];
    if (!row) continue;
    const { changed, firstExpiry } = pendingOf(slot);
    const from = changed ? 0n : firstExpiry === null ? null : firstExpiry + 1n;
    if (from === null) continue;
    const time = firstTime(row.interval, slot, clock, from);
    if (!next || time < next.time) next = { time, slot };
  }
  return next;
}

/** First multiple of the interval, at least `from`, at which a CLOSE of the slot exceeds the clock. */
function firstTime(interval: bigint, slot: number, clock: bigint, from: bigint): bigint {
  const rank = BigInt(RANK.close(slot));
  // 32 time + rank > clock, hence time > (clock - rank) / 32.
  const least = clock < rank ? 0n : (clock - rank) / 32n + 1n;
  const start = least > from ? least : from;
  return ((start + interval - 1n) / interval) * interval;
}
