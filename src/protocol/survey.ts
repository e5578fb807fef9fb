import type { Account } from "./account.ts";
import { flagCounts, isBelow, standing } from "./defaults.ts";
import { max } from "./numbers.ts";
import { INSURANCE } from "./parameters.ts";
import type { Terms } from "./rules.ts";

/** What accounts come to, all together (docs/protocol.md, section 10). @twins circuits/claims/survey.circom */
export interface Surveyed {
  readonly accounts: number;
  /** under maintenance, and with a flag that counts: of the insurance account neither */
  readonly under: number;
  readonly flagged: number;
  /** cash units, signed */
  readonly cash: bigint;
  /** sum of max(0, -E_0), cash units */
  readonly lacking: bigint;
}

/** Accounts that one proof surveys. */
export const SURVEYED = 16;

/**
 * Accounts from 16 block on, as far as there are any, up to 16.
 * @param time  of the last entry of the log
 */
export function survey(accounts: readonly Account[], block: number, { rules, prices }: Terms, time: bigint): Surveyed {
  const { defaults } = rules.group;
  const none: Surveyed = { accounts: 0, under: 0, flagged: 0, cash: 0n, lacking: 0n };
  return accounts.slice(SURVEYED * block, SURVEYED * (block + 1)).reduce((sum, account, j) => {
    const stands = standing(account, prices);
    const counts = SURVEYED * block + j !== INSURANCE;
    return {
      accounts: sum.accounts + 1,
      under: sum.under + (counts && isBelow(defaults.maintenance, stands) ? 1 : 0),
      flagged: sum.flagged + (counts && flagCounts(account, defaults, time) ? 1 : 0),
      cash: sum.cash + account.cash,
      lacking: sum.lacking + max(0n, -stands.equity),
    };
  }, none);
}
