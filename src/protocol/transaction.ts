import type { Profile } from "./instructions.ts";
import type { MarketRules } from "./market.ts";
import { ACCOUNT, MOST, PROOF, SWEEP_ALL_CANCELS } from "./parameters.ts";

/** What is to go in one transaction. */
export interface Load {
  readonly proofs: number;
  /** accounts that change */
  readonly accounts: number;
}

export function fitsTransaction({ proofs, accounts }: Load): boolean {
  return (["bytes", "gas"] as const).every((of) => proofs * PROOF[of] + accounts * ACCOUNT[of] <= MOST[of]);
}

/**
 * A clear of this market and its settlement at worst: a sweep of the whole book for as many all-cancels as one takes, a fill
 * for every order, and the credit of the fees.
 */
export function worstClear(
  { capacity, cancelCapacity, listCapacity }: MarketRules,
  { depth, clear, settle }: Profile,
): Load {
  const sweeps = Math.ceil(Number(cancelCapacity + listCapacity) / SWEEP_ALL_CANCELS);
  const proofs = sweeps * Math.ceil(Number(capacity) / clear) + Math.ceil((Number(capacity) + 1) / settle);
  return { proofs, accounts: Math.min(Number(capacity) + 1, 4 ** depth) };
}
