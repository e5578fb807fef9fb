import type { Account } from "./account.ts";
import { SIDE } from "./parameters.ts";
import { fee, type MarketPrices, type MarketRules, type Prices } from "./market.ts";
import { max } from "./numbers.ts";

/**
 * Portfolio margin over scenarios (docs/protocol.md, section 6; the method is that of SPAN: CME Group, "Standard
 * Portfolio Analysis of Risk"). @twins circuits/lib/margin.circom
 */

/** E_k = cash + sum_i pos_i U_ik, cash units. */
export function equity(account: Pick<Account, "cash" | "positions">, prices: Prices, k: number): bigint {
  return account.positions.reduce(
    (sum, position, i) => (position ? sum + position * prices.values[k][i] : sum),
    account.cash,
  );
}

/** What one lot at `limit` changes in scenario k at worst: delta_k, cash units per lot. */
export function orderDelta(row: MarketRules, prices: MarketPrices, side: number, limit: bigint, k: number): bigint {
  const gain = prices.values[k] - (limit - prices.funding);
  return (side === SIDE.buy ? gain : -gain) - fee(row, limit, 1n);
}

/** The loss of one lot at `limit` in the worst scenario, fee included: what rho must cover. */
export function worstLoss(row: MarketRules, prices: MarketPrices, side: number, limit: bigint): bigint {
  const paid = limit - prices.funding;
  return (side === SIDE.buy ? paid - prices.low : prices.high - paid) + fee(row, limit, 1n);
}

/** Reservation per lot: rho = max(rhoMin, worstLoss), cash units. */
export function reservation(row: MarketRules, prices: MarketPrices, side: number, limit: bigint): bigint {
  return max(row.rhoMin, worstLoss(row, prices, side, limit));
}

/** For every k: d_k >= 0, or E_k - reserved + d_k >= 0, where d_k = change(k). */
export function marginHolds(account: Account, prices: Prices, change: (k: number) => bigint): boolean {
  return prices.values.every((_, k) => {
    const d = change(k);
    return d >= 0n || equity(account, prices, k) - account.reserved + d >= 0n;
  });
}
