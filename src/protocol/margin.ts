import type { Account } from "./account.ts";
import { fee, type MarketRules } from "./market.ts";
import { max, min } from "./numbers.ts";
import { SIDE } from "./parameters.ts";
import type { MarketPrices, Prices } from "./prices.ts";

/**
 * Portfolio margin over scenarios (docs/protocol.md, section 6; the method is that of SPAN: CME Group, "Standard
 * Portfolio Analysis of Risk"). @twins circuits/lib/margin.circom
 */

type Owned = Pick<Account, "cash" | "positions">;

/** What positions cost of margin in every scenario but the mark: sum |pos_i| c_i, c_i the long or the short charge, cash units. */
export function charges({ positions }: Pick<Account, "positions">, prices: Prices): bigint {
  return positions.reduce(
    (sum, position, i) => sum + (position < 0n ? -position * prices.shortCharges[i] : position * prices.longCharges[i]),
    0n,
  );
}

/** E_k = cash + sum_i pos_i U_ik, less the charges for k >= 1, cash units. */
export function equity(account: Owned, prices: Prices, k: number): bigint {
  const value = account.positions.reduce(
    (sum, position, i) => (position ? sum + position * prices.values[k][i] : sum),
    account.cash,
  );
  return k === 0 ? value : value - charges(account, prices);
}

/** E_k of every scenario. */
export function equities(account: Owned, prices: Prices): bigint[] {
  const cost = charges(account, prices);
  const held = account.positions.flatMap((lots, i) => (lots === 0n ? [] : [[lots, i] as const]));
  return prices.values.map((values, k) =>
    held.reduce((sum, [lots, i]) => sum + lots * values[i], k === 0 ? account.cash : account.cash - cost),
  );
}

/** What one lot at `limit` changes in scenario k at worst: delta_k, and but for the mark less gross, cash units per lot. */
export function orderDelta(row: MarketRules, prices: MarketPrices, side: number, limit: bigint, k: number): bigint {
  const gain = prices.values[k] - (limit - prices.funding);
  return (side === SIDE.buy ? gain : -gain) - fee(row, limit, 1n) - (k === 0 ? 0n : prices.gross);
}

/** The loss of one lot at `limit` in the worst scenario, gross and fee included: what rho must cover. */
export function worstLoss(row: MarketRules, prices: MarketPrices, side: number, limit: bigint): bigint {
  const paid = limit - prices.funding;
  return (side === SIDE.buy ? paid - prices.low : prices.high - paid) + fee(row, limit, 1n);
}

/**
 * Reservation per lot: rho = max(rhoMin, worstLoss + floor((high - low) slack / 64)), cash units: an order outlives moves of its
 * price as far as the slack goes.
 * @param slack  64ths, of the rules
 */
export function reservation(
  row: MarketRules,
  prices: MarketPrices,
  slack: bigint,
  side: number,
  limit: bigint,
): bigint {
  return max(row.rhoMin, worstLoss(row, prices, side, limit) + (((prices.high - prices.low) * slack) >> 6n));
}

/** Whether margin covers a change of d_k = change(k) in each scenario k, and whether there is any shortfall. */
export interface Margin {
  /** for every k: d_k >= 0, or E_k - reserved + d_k >= 0 */
  readonly holds: boolean;
  /** for every k: E_k - reserved + min(d_k, 0) >= 0 */
  readonly full: boolean;
}

export function marginOf(account: Account, prices: Prices, change: (k: number) => bigint): Margin {
  const left = equities(account, prices).map((equity, k) => {
    const d = change(k);
    return { gains: d >= 0n, covered: equity - account.reserved + min(d, 0n) >= 0n };
  });
  return { holds: left.every(({ gains, covered }) => gains || covered), full: left.every(({ covered }) => covered) };
}
