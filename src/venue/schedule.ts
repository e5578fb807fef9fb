import { min } from "../protocol/numbers.ts";
import { MARKETS, RANK } from "../protocol/parameters.ts";
import type { Rules } from "../protocol/rules.ts";

/** What the schedule must know of a market's orders. */
export interface Pending {
  /** whether cancels wait */
  readonly drops: boolean;
  /** whether a clear that matches would let orders trade or leave */
  readonly trades: boolean;
  /** earliest expiry of an order, null where there is none */
  readonly firstExpiry: bigint | null;
}

/** Where the venue stands. */
export interface Moment {
  /** 32 time + rank of the last log entry */
  readonly clock: bigint;
  /** seconds since 1970 */
  readonly now: bigint;
  /** whether a CLOSE of a slot matches at a time that is not after `now` */
  readonly matches: (slot: number, time: bigint) => boolean;
}

/**
 * The next CLOSE that the schedule wants: at the first multiple of a market's interval after all that is in the log, if the
 * market has something to clear: a cancel waits; or, by then, an order has expired, or the market and all of them; or orders
 * cross, or leave at their first auction. An auction that only these last would need, and that does not match, as there are no
 * prices for it, is left out: the next one is that after `now`. At one time slots close in their order.
 */
export function nextClose(
  { markets }: Pick<Rules, "markets">,
  pendingOf: (slot: number) => Pending,
  { clock, now, matches }: Moment,
): { time: bigint; slot: number } | null {
  let next: { time: bigint; slot: number } | null = null;
  for (let slot = 0; slot < MARKETS; slot++) {
    const row = markets[slot];
    if (!row) continue;
    const { drops, trades, firstExpiry } = pendingOf(slot);
    const first = (from: bigint) => firstTime(row.interval, slot, clock, from);
    const times: bigint[] = [];
    if (drops) times.push(first(0n));
    else if (firstExpiry !== null) times.push(first(min(firstExpiry + 1n, row.until)));
    if (trades) {
      const time = first(0n);
      times.push(time > now || matches(slot, time) ? time : first(now + 1n));
    }
    if (times.length === 0) continue;
    const time = times.reduce(min);
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
