/**
 * What the tests of circuits asked (record.ts), asked of circuits that are compiled from other sources: do they give another
 * answer, and, which takes longer to ask, has a cheat a proof that was refused?
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { compileTemplate, type Circuit, type CircuitSource, type Inputs } from "./harness.ts";
import { textOf, type Computed, type Refused } from "./record.ts";

/** Answers of one circuit that are asked at first, and cheats: all that the tests ask is too much for the greatest. */
const ASKED = { witness: 600, refused: 160 };

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
  /** of its constraint system, without optimisation */
  readonly bytes?: number;
}

/** Of each circuit of the project what was shown, what is asked at first in front: a sample, the same each time. */
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
  const mixed = <T>(all: readonly T[]): T[] => [...all].sort((a, b) => (order.get(a)! < order.get(b)! ? -1 : 1));
  return [...found.values()].map(({ source, witness, refused }) => {
    const halves = [witness.filter(({ outputs }) => outputs), witness.filter(({ outputs }) => !outputs)].map(mixed);
    const half = ASKED.witness / 2;
    const asked = [halves.map((all) => all.slice(0, half)), halves.map((all) => all.slice(half))].flat(2);
    return { source, witness: asked, refused: mixed(refused) };
  });
}

/** The same, the circuits with the fewest constraints first. */
export async function smallestFirst(all: readonly Shown[]): Promise<Shown[]> {
  const sized = all.map(async (it) => {
    const { bytes } = await compileTemplate({ ...it.source, optimise: false, attributed: false });
    return { ...it, bytes };
  });
  return (await Promise.all(sized)).sort((a, b) => a.bytes - b.bytes);
}

/** What shows that a circuit is another one: it does not compile, gives another answer, or has a proof of a cheat. */
export interface Notice {
  readonly how: "compiler" | "answer" | "cheat";
  readonly of: CircuitSource;
}

/** How many circuits are asked: of small ones the smallest; of great ones those of which most is known. */
const TRIED = { small: 8, greatAnswers: 3, greatCheats: 2 };
/** Bytes of the constraint system of a great circuit: some 10,000 constraints. */
const GREAT = 2_000_000;

/**
 * What shows that circuits are others when their sources lie in `root`, if anything does.
 * @param candidates  those that may be others, the smallest first
 * @param changed     ids of statements, if it is known: no cheat has a proof there but those that one of them refuses
 * @param moved       the name that a signal has there
 * @param thorough    asks all that is known where a sample shows nothing
 */
export async function firstNotice(
  root: string,
  candidates: readonly Shown[],
  changed?: ReadonlySet<string>,
  moved: (name: string) => string = (name) => name,
  thorough = false,
): Promise<Notice | undefined> {
  const refusing = candidates.map((shown) => ({
    ...shown,
    refused: shown.refused.filter(({ rules }) => changed === undefined || rules.some((rule) => changed.has(rule))),
  }));
  const answers = tried(refusing, ({ witness }) => witness.length, TRIED.greatAnswers);
  const cheats = tried(refusing, ({ refused }) => refused.length, TRIED.greatCheats);
  const sample = ({ source, ...known }: Shown) => ({
    witness: answers.has(source) ? Math.min(ASKED.witness, known.witness.length) : 0,
    refused: cheats.has(source) ? Math.min(ASKED.refused, known.refused.length) : 0,
  });
  const parts = (shown: Shown, rest: boolean) => {
    const { witness, refused } = sample(shown);
    const of = <T>(all: readonly T[], count: number) => (rest ? all.slice(count) : all.slice(0, count));
    return { source: shown.source, witness: of(shown.witness, witness), refused: of(shown.refused, refused) };
  };
  const circuits = new Map<CircuitSource, Circuit>();
  for (const { source, witness, refused } of [
    ...refusing.map((shown) => parts(shown, false)),
    ...(thorough ? refusing.map((shown) => parts(shown, true)) : []),
  ]) {
    if (witness.length + refused.length === 0) continue;
    const answersOnly = refused.length === 0;
    const answering = await compiled({ ...source, root, optimise: false, attributed: false, answersOnly });
    // What the compiler only warns of is seen where it writes constraints.
    if (answering === undefined) return { how: "compiler", of: source };
    if (witness.some((it) => answersOtherwise(answering, it))) return { how: "answer", of: source };
    if (answersOnly) continue;
    // A rule that is taken for another one can only spoil a cheat: what has a proof breaks nothing, whatever made it.
    const like = await compileTemplate({ ...source, optimise: false });
    const circuit = circuits.get(source) ?? (await compiled({ ...source, root, optimise: false, like }));
    if (circuit === undefined) return { how: "compiler", of: source };
    circuits.set(source, circuit);
    if (refused.some((it) => provesCheat(circuit, it, moved))) return { how: "cheat", of: source };
  }
  return undefined;
}

/** Of some circuits, the smallest first, those that are asked. @param known  how much is known of one */
function tried(all: readonly Shown[], known: (shown: Shown) => number, great: number): ReadonlySet<CircuitSource> {
  const some = all.filter((shown) => known(shown) > 0);
  const isGreat = ({ bytes = 0 }: Shown) => bytes >= GREAT;
  const smallOnes = some.filter((shown) => !isGreat(shown)).slice(0, TRIED.small);
  const greatOnes = some.filter(isGreat).sort((a, b) => known(b) - known(a));
  return new Set([...smallOnes, ...greatOnes.slice(0, great)].map(({ source }) => source));
}

function answersOtherwise(circuit: Circuit, { inputs, outputs }: Computed): boolean {
  return answer(circuit, inputs, outputs?.length ?? 0)?.join() !== outputs?.join();
}

function provesCheat(circuit: Circuit, cheat: Refused, moved: (name: string) => string): boolean {
  // What it is made of had a witness, so that none is another answer.
  if (!hasWitness(circuit, cheat.inputs)) return true;
  const witness = forged(circuit, cheat, moved);
  return witness !== undefined && circuit.broken(witness).length === 0;
}

function hasWitness(circuit: Circuit, inputs: Inputs): boolean {
  try {
    return circuit.satisfies(circuit.witness(inputs));
  } catch {
    return false;
  }
}

async function compiled(source: CircuitSource): Promise<Circuit | undefined> {
  try {
    return await compileTemplate(source);
  } catch {
    return undefined;
  }
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
