import type { Profile } from "./instructions.ts";
import type { MarketRules } from "./market.ts";
import { roomFor } from "./defaults.ts";
import { ACCOUNT, DEFAULT_CANCELS, MOST, PROOF, SWEEP_ALL_CANCELS } from "./parameters.ts";

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
 * A clear of this market and its settlement at worst, with all that defaults may add: a sweep of the whole book for as many
 * all-cancels as one takes, a fill for every order, and the credit of the fees.
 */
export function worstClear(row: MarketRules, { depth, clear, settle }: Profile): Load {
  const cancels = Number(row.cancelCapacity + row.listCapacity) + DEFAULT_CANCELS;
  const entries = Number(roomFor(row));
  const proofs =
    Math.ceil(cancels / SWEEP_ALL_CANCELS) * Math.ceil(entries / clear) + Math.ceil((entries + 1) / settle);
  return { proofs, accounts: Math.min(entries + 1, 4 ** depth) };
}
