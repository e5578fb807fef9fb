import type { Auction } from "./model.ts";

/** Lots that would be bought and sold at each price, for prices at which they change. */
export interface Curves {
  readonly prices: number[];
  readonly demand: number[];
  readonly supply: number[];
}

/** Demand at a price: lots of bids with this limit or a higher one. Supply: lots of asks with this limit or a lower one. */
export function curvesOf({ bids, asks }: NonNullable<Auction["curves"]>): Curves {
  const limits = [...new Set([...bids, ...asks].map(([limit]) => limit))].sort((a, b) => a - b);
  if (limits.length === 0) return { prices: [], demand: [], supply: [] };
  // Beyond the last limit on either side, so that the curves have ends.
  const margin = Math.max(1, Math.ceil((limits[limits.length - 1] - limits[0]) / 12));
  const prices = [limits[0] - margin, ...limits, limits[limits.length - 1] + margin];
  const sum = (levels: typeof bids, counts: (limit: number) => boolean) =>
    levels.reduce((lots, [limit, more]) => (counts(limit) ? lots + more : lots), 0);
  return {
    prices,
    demand: prices.map((price) => sum(bids, (limit) => limit >= price)),
    supply: prices.map((price) => sum(asks, (limit) => limit <= price)),
  };
}
