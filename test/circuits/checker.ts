/** Finds all constraints that a witness breaks. */
import { holds, type R1cs } from "./r1cs.ts";
import type { Uses } from "./uses.ts";

/**
 * A forged witness is much like an honest one. So all constraints are evaluated for the first witness that breaks none;
 * of one that comes later, only those with a wire whose value differs.
 */
export class Checker {
  readonly #r1cs: R1cs;
  readonly #uses: Uses;
  /** The last witness that broke nothing. */
  #good?: readonly bigint[];

  constructor(r1cs: R1cs, uses: Uses) {
    this.#r1cs = r1cs;
    this.#uses = uses;
  }

  /** Indices of the constraints, ascending. */
  broken(witness: readonly bigint[]): number[] {
    const { wires, constraintCount } = this.#r1cs;
    if (witness.length !== wires) throw new Error(`a witness of ${witness.length} values, for ${wires} wires`);
    const { starts, parts } = this.#uses;
    const good = this.#good;
    const found: number[] = [];
    const asked = new Uint8Array(constraintCount);
    for (let wire = 0; wire < wires; wire++) {
      if (good === undefined || good[wire] === witness[wire]) continue;
      for (let at = starts[wire]; at < starts[wire + 1]; at++) asked[Math.floor(parts[at] / 3)] = 1;
    }
    for (let i = 0; i < constraintCount; i++)
      if ((good === undefined || asked[i] === 1) && !holds(this.#r1cs, i, witness)) found.push(i);
    if (found.length === 0) this.#good = [...witness];
    return found;
  }
}
