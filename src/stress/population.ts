import type { Genesis } from "../matcher/matcher.ts";
import { NO_POSITIONS, openAccount, type Account } from "../protocol/account.ts";
import { standing } from "../protocol/defaults.ts";
import { BASE8 } from "../protocol/eddsa.ts";
import { outOfRange } from "../protocol/errors.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { abs, max } from "../protocol/numbers.ts";
import { INSURANCE } from "../protocol/parameters.ts";
import { noPrices, reprice, type Prices } from "../protocol/prices.ts";
import type { Numbers } from "../protocol/report.ts";
import { rulesRoot, type Rules } from "../protocol/rules.ts";
import type { Random } from "../replay/random.ts";
import { LEAST_ACCOUNTS, MOST_ACCOUNTS } from "./ranges.ts";

/** Who quotes in all markets; and who buys what is sold cheap, or, with first-come liquidation, takes accounts over. */
export const MAKERS = 8;

/** Who holds what: lots of perpetual, call and put for each unit of size. */
const KINDS = [
  { name: "long", share: 0.36, lots: [1, 0, 0] },
  { name: "short", share: 0.34, lots: [-1, 0, 0] },
  { name: "option seller", share: 0.12, lots: [0, -1, -1] },
  { name: "option buyer", share: 0.12, lots: [0, 1, 1] },
  { name: "hedged", share: 0.06, lots: [1, 0, 1] },
] as const;
const MEAN_SIZE = 6;
const MOST_SIZE = 100;
/** Equity over the worst loss: from 1.05 on, so that all hold their margin. */
const [LEAST_RATIO, MEAN_RATIO] = [1.05, 2];
/** Parts of all others' equity that makers have together, that the buyer has, and that the insurance account begins with. */
const [MAKERS_PART, BUYER_PART, INSURANCE_PART] = [0.25, 0.05, 0.01];

export interface Population {
  readonly genesis: Genesis;
  /** indexes: the first and the last trader, makers, and the buyer */
  readonly traders: readonly [number, number];
  readonly makers: readonly number[];
  readonly buyer: number;
  /** lots held of each instrument, long ones */
  readonly held: readonly bigint[];
}

/**
 * Accounts with positions that sum to zero, under prices of an epoch: accounts 0 and 1, the traders, makers, the buyer.
 * @param count  traders, LEAST_ACCOUNTS to MOST_ACCOUNTS
 * @throws OUT_OF_RANGE
 */
export function populationOf(
  rules: Rules,
  { count, random, epoch, numbers }: { count: number; random: Random; epoch: bigint; numbers: Numbers },
): Population {
  if (!Number.isInteger(count) || count < LEAST_ACCOUNTS || count > MOST_ACCOUNTS)
    throw outOfRange("accounts", `${LEAST_ACCOUNTS} to ${MOST_ACCOUNTS}`);
  const { group } = rules;
  const prices = firstPrices(rules, epoch, numbers);
  const { x: keyX, y: keyY } = BASE8;
  const empty = { ...openAccount({ keyX, keyY, view: 0n }) };
  let equity = 0n;
  const traders = Array.from({ length: count }, (): Account => {
    const { lots } = kindOf(random);
    const size = Math.min(MOST_SIZE, 1 + Math.floor(random.waiting(MEAN_SIZE)));
    const positions = positionsOf(lots.map((it) => BigInt(it * size)));
    const { equity: worth, risk } = standing({ cash: 0n, positions }, prices);
    const ratio = BigInt(Math.ceil(1024 * (LEAST_RATIO + random.waiting(MEAN_RATIO - LEAST_RATIO))));
    const own = (risk * ratio) / 1024n + 1n;
    equity += own;
    return { ...empty, cash: own - worth, positions };
  });
  // Makers have the other side of what does not sum to zero.
  const sums = NO_POSITIONS.map((_, i) => traders.reduce((sum, { positions }) => sum + positions[i], 0n));
  const part = (of: number) => (equity * BigInt(Math.round(of * 1024))) / 1024n;
  const makers = Array.from({ length: MAKERS }, (_, j): Account => {
    const positions = sums.map((lots) => -(lots / BigInt(MAKERS) + (j === 0 ? lots % BigInt(MAKERS) : 0n)));
    const { equity: worth, risk } = standing({ cash: 0n, positions }, prices);
    const own = max(part(MAKERS_PART) / BigInt(MAKERS), 4n * risk);
    return { ...empty, cash: own - worth, positions };
  });
  const held = NO_POSITIONS.map((_, i) =>
    [...traders, ...makers].reduce((sum, { positions }) => sum + max(0n, positions[i]), 0n),
  );
  const accounts = [empty, { ...empty, cash: part(INSURANCE_PART) }, ...traders, ...makers, { ...empty, cash: part(BUYER_PART) }]; // prettier-ignore
  const first = INSURANCE + 1;
  const profile = PROFILES.standard;
  const time = epoch * group.pricing.epochLength + group.pricing.lag;
  return {
    genesis: { domain: 1n, profile: { ...profile, depth: 10 }, rules, prices, accounts, time },
    traders: [first, first + count - 1],
    makers: makers.map((_, j) => first + count + j),
    buyer: accounts.length - 1,
    held,
  };
}

/** Prices that none came before. */
export function firstPrices(rules: Rules, epoch: bigint, numbers: Numbers): Prices {
  const { group, instruments, markets } = rules;
  const priced = { root: rulesRoot(rules), pricing: group.pricing, instruments, markets };
  return reprice(priced, noPrices(priced), epoch, numbers);
}

function kindOf(random: Random): (typeof KINDS)[number] {
  let left = random.unit();
  for (const kind of KINDS) if ((left -= kind.share) < 0) return kind;
  return KINDS[0];
}

function positionsOf(lots: readonly bigint[]): readonly bigint[] {
  return NO_POSITIONS.map((_, i) => lots[i] ?? 0n);
}

/** What an account could withdraw: the least of E_k - reserved, cash units, at least 0. */
export function freeOf(account: Account, prices: Prices): bigint {
  const { equity, risk } = standing(account, prices);
  return max(0n, equity - risk - account.reserved);
}

/** Slots of markets of one instrument alone, in which an account could close something. */
export function heldIn({ positions }: Account, rules: Rules): { slot: number; lots: bigint }[] {
  return rules.markets.flatMap((row, slot) => {
    if (!row || row.rule !== 0n) return [];
    const legs = row.legs.flatMap((leg, i) => (leg === 0n ? [] : [{ leg, lots: positions[i] }]));
    return legs.length === 1 && abs(legs[0].leg) === 1n && legs[0].lots !== 0n ? [{ slot, lots: legs[0].lots * legs[0].leg }] : []; // prettier-ignore
  });
}
