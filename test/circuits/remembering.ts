/** Fixtures hash the same rules, prices and accounts again and again: each hash is computed once in a suite. */
import { usePrimitives } from "../../src/protocol/primitives.ts";
import { reference } from "../../src/protocol/reference.ts";

/** Declares hooks of the suite it is called in: its tests compute with the reference, which remembers its hashes. */
export function remembersHashes(): void {
  before(() => {
    const known = new Map<string, bigint>();
    const hash = (initialState: bigint, inputs: readonly bigint[]) => {
      const key = `${initialState.toString(36)} ${inputs.map((input) => input.toString(36)).join()}`;
      const found = known.get(key) ?? reference.hash(initialState, inputs);
      known.set(key, found);
      return found;
    };
    const hashMany = (initialState: bigint, inputs: readonly (readonly bigint[])[]) =>
      inputs.map((each) => hash(initialState, each));
    usePrimitives({ ...reference, hash, hashMany });
  });
  after(() => usePrimitives(reference));
}
