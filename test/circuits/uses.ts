/** Where the wires of a constraint system stand. */
import type { R1cs } from "./r1cs.ts";

export interface Uses {
  /** Of wire w the parts from `starts[w]` to `starts[w + 1]`, ascending. */
  readonly starts: Uint32Array;
  readonly parts: Uint32Array;
}

export function usesOf({ wires, constraintCount, starts: termStarts, termWires }: R1cs): Uses {
  const starts = new Uint32Array(wires + 2);
  for (const wire of termWires) starts[wire + 2]++;
  for (let wire = 0; wire < wires; wire++) starts[wire + 2] += starts[wire + 1];
  const parts = new Uint32Array(termWires.length);
  // What begins as the start of a wire ends as its end.
  for (let part = 0; part < 3 * constraintCount; part++)
    for (let term = termStarts[part]; term < termStarts[part + 1]; term++) parts[starts[termWires[term] + 1]++] = part;
  return { starts, parts };
}
