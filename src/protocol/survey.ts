import type { Account } from "./account.ts";
import { flagCounts, isBelow, standing } from "./defaults.ts";
import { max, toField } from "./numbers.ts";
import { INSURANCE } from "./parameters.ts";
import { hash } from "./poseidon.ts";
import type { Terms } from "./rules.ts";

/** What accounts come to, all together (docs/protocol.md, section 10). @twins circuits/claims/survey.circom */
export interface Surveyed {
  readonly accounts: bigint;
  /** under maintenance, and with a flag that counts: of the insurance account neither */
  readonly under: bigint;
  readonly flagged: bigint;
  /** cash units, signed */
  readonly cash: bigint;
  /** sum of max(0, -E_0), cash units */
  readonly lacking: bigint;
}

/** In the order of their hash, and of what a proof shows. */
export const SURVEYED = ["accounts", "under", "flagged", "cash", "lacking"] as const;
/** Accounts of one proof. */
export const BLOCK = 16;
export const NOTHING: Surveyed = { accounts: 0n, under: 0n, flagged: 0n, cash: 0n, lacking: 0n };

/**
 * `sums` and what a block of accounts adds: 16 `block` to 16 `block` + 15, as far as there are any.
 * @param time  of the last entry of the log
 */
export function surveyBlock(
  sums: Surveyed,
  accounts: readonly Account[],
  block: number,
  { rules, prices }: Terms,
  time: bigint,
): Surveyed {
  const { defaults } = rules.group;
  return accounts.slice(BLOCK * block, BLOCK * (block + 1)).reduce((sum, account, j) => {
    const stands = standing(account, prices);
    const counts = BLOCK * block + j !== INSURANCE;
    return {
      accounts: sum.accounts + 1n,
      under: sum.under + (counts && isBelow(defaults.maintenance, stands) ? 1n : 0n),
      flagged: sum.flagged + (counts && flagCounts(account, defaults, time) ? 1n : 0n),
      cash: sum.cash + account.cash,
      lacking: sum.lacking + max(0n, -stands.equity),
    };
  }, sums);
}

/** Sums of the blocks before one, hidden: over few accounts they would tell of each. */
export function sumsHash(state: bigint, block: number, sums: Surveyed, blind: bigint): bigint {
  return hash("survey", [state, BigInt(block), ...SURVEYED.map((name) => toField(sums[name])), blind]);
}
