import type { Profile } from "./instructions.ts";
import type { MarketRules } from "./market.ts";
import { SWEEP_ALL_CANCELS } from "./parameters.ts";

/**
 * What a transaction may take: a round is one, and from phase open to phase open it cannot be cut. Call data is what nodes
 * pass on; gas stays under the most of one transaction (EIP-7825: 2^24).
 */
const MOST = { bytes: 110_000, gas: 14_000_000 };
/** Of a proof: its code, at most six public inputs beside the first, eight words; gas as in docs/costs.json. */
const PROOF = { bytes: 1 + 32 * (6 + 8), gas: 100_000 };
/** Of an account that changes: what publishing its record is to take. */
const ACCOUNT = { bytes: 200, gas: 5_000 };

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
