import { TacitError } from "../protocol/errors.ts";

/** What nobody foresaw is a proof that failed. */
export function asTacitError(error: unknown): TacitError {
  if (error instanceof TacitError) return error;
  return new TacitError("PROVE_FAILED", `the proof failed: ${error instanceof Error ? error.message : "no reason"}`);
}

/** @throws WITNESS_MISMATCH  when a witness, a program or constraints have not the number of wires that the key has */
export function requireWires(wires: number, count: number): void {
  if (count !== wires)
    throw new TacitError("WITNESS_MISMATCH", `the key is for ${wires} wires, not for ${count}`, { wires, count });
}
