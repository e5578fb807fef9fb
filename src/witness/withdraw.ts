import { pushPayout } from "../protocol/book.ts";
import { WITHDRAW_SLOTS } from "../protocol/instructions.ts";
import { PHASE } from "../protocol/parameters.ts";
import type { InstructionInputs, Ledger } from "./ledger.ts";

/** Inputs of as many `withdraw` as it takes to pay all that is pending. Advances the ledger. @twins circuits/instructions/withdraw.circom */
export function withdrawInstructions(ledger: Ledger, payouts: readonly bigint[]): InstructionInputs[] {
  const instructions: InstructionInputs[] = [];
  for (let at = 0; at < payouts.length; at += WITHDRAW_SLOTS) {
    const taken = payouts.slice(at, at + WITHDRAW_SLOTS);
    const words = Array.from({ length: WITHDRAW_SLOTS }, (_, j) => taken[j] ?? 0n);
    const payoutsTaken = taken.reduce(pushPayout, ledger.state.payoutsTaken);
    const phase = BigInt(payoutsTaken === ledger.state.payoutsPut ? PHASE.open : PHASE.paying);
    const active = words.map((_, j) => (j < taken.length ? 1n : 0n));
    instructions.push(ledger.close("withdraw", { payoutsTaken, phase }, { active, words }, words));
  }
  return instructions;
}
