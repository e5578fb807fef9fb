/** A small venue with prices, and accounts near their maintenance. */
import { openAccount, type Account } from "../src/protocol/account.ts";
import { BASE8 } from "../src/protocol/eddsa.ts";
import { INSTRUMENTS, INSURANCE } from "../src/protocol/parameters.ts";
import { noPrices, reprice, type Prices } from "../src/protocol/prices.ts";
import { NO_PREMIUM, type Numbers } from "../src/protocol/report.ts";
import { rulesRoot, type Defaults, type Rules } from "../src/protocol/rules.ts";
import type { Random } from "../src/replay/random.ts";
import { rules } from "./protocol/pricedRules.ts";

/** Of an epoch that ends 5 s before, a multiple of the interval of all markets. */
export const EPOCH = 1_000n;
export const TIME = EPOCH * 60n + 10n;
export const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
export const [BUY, SELL] = [0, 1];

export function withDefaults(change: Partial<Defaults> = {}): Rules {
  const { group, ...rest } = rules();
  return { ...rest, group: { ...group, defaults: { ...group.defaults, ...change } } };
}

/** Prices of the epoch: 100,000 of perpetual and future, volatilities of one half. */
export function pricesOf(of: Rules, index = 100_000n, change: Partial<Numbers> = {}, funding = 0n): Prices {
  const { group, instruments, markets } = of;
  const values = vector(index, index, 1n << 23n, 0n, 1n << 23n);
  const numbers = { index, average: index, sigma: 1n << 23n, premium: NO_PREMIUM, values, ...change };
  const priced = { root: rulesRoot(of), pricing: group.pricing, instruments, markets };
  return reprice(priced, { ...noPrices(priced), funding }, EPOCH, numbers);
}

export function accountOf(change: Partial<Account> = {}): Account {
  const { x: keyX, y: keyY } = BASE8;
  return { ...openAccount({ keyX, keyY, view: 5n }), seq: 3n, nonce: 4n, ...change };
}

/** Accounts of which some are healthy, some under target or maintenance, some without equity; of all positions sum to zero. */
export function randomAccounts(random: Random, prices: Prices, count: number, time: bigint): Account[] {
  const accounts = Array.from({ length: count }, (_, index) => {
    const positions = vector().map((_, i) => (i < 5 && random.unit() < 0.5 ? BigInt(random.integer(-40, 40)) : 0n));
    const worth = (k: number) => positions.reduce((sum, lots, i) => sum + lots * prices.values[k][i], 0n);
    const worst = prices.values.map((_, k) => worth(0) - worth(k)).reduce((a, b) => (a > b ? a : b));
    // Equity from a little below nothing to more than the worst loss.
    const equity = (worst * BigInt(random.integer(-200, 1_400))) / 1_024n + BigInt(random.integer(-3, 3));
    const flagged = random.pick([0n, 0n, time - BigInt(random.integer(0, 2_000)), time - 70n]);
    return accountOf({ cash: equity - worth(0), positions, flagged: index === INSURANCE ? 0n : flagged });
  });
  const sums = vector().map((_, i) => accounts.reduce((sum, { positions }) => sum + positions[i], 0n));
  return [...accounts, accountOf({ cash: 1n << 60n, positions: sums.map((lots) => -lots) })];
}
