/**
 * What the tests of circuits asked (record.ts), asked of circuits that are compiled from other sources: do they give another
 * answer, or has a cheat a proof that was refused?
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { compileTemplate, type Circuit, type CircuitSource, type Inputs } from "./harness.ts";
import { textOf, type Computed, type Refused } from "./record.ts";

/** Answers and cheats of one circuit that are asked again; all that the tests ask is too much for the greatest. */
const ASKED = { witness: 160, refused: 160 };

/** All that was kept in a folder. */
export async function* recorded(folder: string): AsyncGenerator<Computed | Refused> {
  for (const file of fs.readdirSync(folder).sort())
    for await (const line of createInterface({ input: fs.createReadStream(join(folder, file)) }))
      yield JSON.parse(line, (_, value: unknown) =>
        typeof value === "string" && /^-?\d+$/.test(value) ? BigInt(value) : value,
      ) as Computed | Refused;
}

/** What the tests have shown of one circuit. */
export interface Shown {
  readonly source: CircuitSource;
  readonly witness: Computed[];
  readonly refused: Refused[];
}

/** Of each circuit of the project a sample of what was shown, the same each time. */
export async function shownOf(folder: string): Promise<Shown[]> {
  const found = new Map<string, Shown>();
  const order = new Map<unknown, string>();
  for await (const it of recorded(folder)) {
    const source = JSON.parse(it.circuit) as CircuitSource;
    if (!source.file.startsWith("circuits/")) continue;
    const of = found.get(it.circuit) ?? { source, witness: [], refused: [] };
    found.set(it.circuit, of);
    order.set(it, createHash("sha256").update(textOf(it)).digest("hex"));
    (of[it.kind] as (Computed | Refused)[]).push(it);
  }
  const sampled = <T>(all: readonly T[], most: number): T[] =>
    [...all].sort((a, b) => (order.get(a)! < order.get(b)! ? -1 : 1)).slice(0, most);
  return [...found.values()].map(({ source, witness, refused }) => {
    const [with_, without] = [witness.filter(({ outputs }) => outputs), witness.filter(({ outputs }) => !outputs)];
    const half = ASKED.witness / 2;
    return {
      source,
      witness: [...sampled(with_, half), ...sampled(without, half)],
      refused: sampled(refused, ASKED.refused),
    };
  });
}

/** The same, the circuits with the fewest constraints first. */
export async function smallestFirst(all: readonly Shown[]): Promise<Shown[]> {
  const sizes = new Map<Shown, number>();
  for (const it of all)
    sizes.set(it, (await compileTemplate({ ...it.source, optimise: false, attributed: false })).bytes);
  return [...all].sort((a, b) => sizes.get(a)! - sizes.get(b)!);
}

/** What shows that a circuit is another one: it does not compile, gives another answer, or has a proof of a cheat. */
export type Notice = "compiler" | "answer" | "cheat";

/**
 * What shows that a circuit whose sources lie in `root` is another one, if anything does.
 * @param moved  the name that a signal has there
 */
export async function notices(
  root: string,
  { source, witness, refused }: Shown,
  moved: (name: string) => string,
): Promise<Notice | undefined> {
  let circuit: Circuit;
  try {
    circuit = await compileTemplate({ ...source, root, optimise: false, attributed: false });
  } catch {
    return "compiler";
  }
  for (const { inputs, outputs } of witness) {
    const found = answer(circuit, inputs, outputs?.length ?? 0);
    if (found?.join() !== outputs?.join()) return "answer";
  }
  if (refused.length === 0) return undefined;
  const forgeable = await compileTemplate({ ...source, root, optimise: false });
  const proven = refused.some((cheat) => {
    const witness = forged(forgeable, cheat, moved);
    return witness !== undefined && forgeable.broken(witness).length === 0;
  });
  return proven ? "cheat" : undefined;
}

function answer(circuit: Circuit, inputs: Inputs, count: number): bigint[] | undefined {
  try {
    return circuit.publicValues(inputs, count);
  } catch {
    return undefined;
  }
}

/** The cheat's witness; none where there is no signal of a name in it. */
function forged(circuit: Circuit, { inputs, pinned }: Refused, moved: (name: string) => string): bigint[] | undefined {
  const names = Object.keys(pinned).map((name) => (circuit.signals.has(name) ? name : moved(name)));
  if (!names.every((name) => circuit.signals.has(name))) return undefined;
  return circuit.solveForged(inputs, Object.fromEntries(Object.values(pinned).map((value, i) => [names[i], value])));
}
