/**
 * Mutants of the circuits (test/circuits/mutants.ts) that no test of circuits notices. The tests run first and keep what they
 * show (test/circuits/record.ts). A statement that is dropped is noticed by a cheat that breaks it alone. Every other mutant is
 * compiled, in the smallest circuits that use its template, and asked what the tests have asked: it is noticed when it gives
 * another answer to inputs, or when a cheat has a proof. What survives must stand in circuits/mutants.json, with the reason
 * why it makes no difference. Fails where something survives unexplained, or an explanation explains nothing. A template of
 * which all were tried, and none survived, stands in circuits/mutants.runs.json by the hash of its statements.
 *     npm run circuits:mutants [-- INSTRUCTION_OR_FILE [TEMPLATE]] [-- --changed --whole --sample N --seed N --jobs N --record FOLDER --resume]
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../../src/replay/random.ts";
import { counted, table, thousands } from "../../src/setup/format.ts";
import { startProgress } from "../../src/setup/progress.ts";
import { firstNotice, recorded, shownOf, smallestFirst } from "../../test/circuits/asked.ts";
import { mutantsOf, shown, sourcesOf, usesOfTemplates, type Kind, type Mutant } from "../../test/circuits/mutants.ts";
import { idOf, statementsOf, type Statement } from "../../test/circuits/statements.ts";
import { recordTests } from "./recordTests.ts";

const ROOT = join(import.meta.dirname, "../..");
const EXPLAINED = join(ROOT, "circuits/mutants.json");
const RUNS = join(ROOT, "circuits/mutants.runs.json");
/** What became of mutants of the sources as they are: a key a line. */
const NOTICED = join(ROOT, "build/mutants", `${hashOfSources()}.jsonl`);
const MISSED = join(ROOT, "build/mutants", `${hashOfSources()}.missed.jsonl`);

/** A survivor that makes no difference. */
interface Explained {
  /** "clear.circom Claims" */
  readonly of: string;
  readonly statement: string;
  /** what it becomes; "" where it is dropped */
  readonly becomes: string;
  readonly why: string;
}

/** Of a template whose mutants were all tried: how many were noticed, and how many are explained. */
interface Run {
  /** of its statements as they were */
  readonly statements: string;
  readonly noticed: number;
  readonly explained: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** only of templates that have changed since all of their mutants were tried */
    changed: { type: "boolean", default: false },
    /** only of templates of which all were tried, and that have not changed since */
    whole: { type: "boolean", default: false },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: `${os.availableParallelism()}` },
    record: { type: "string" },
    /** takes what an earlier run has found of the same sources, but for what survived unexplained */
    resume: { type: "boolean", default: false },
    /** of a process that tries some of the mutants */
    part: { type: "string" },
  },
});
const jobs = Number(values.jobs);
const mutants = chosen();
if (values.part === undefined) await tryAll();
else await trySome(Number(values.part));

/** The mutants that were asked for, in order; of a sample those that are drawn. */
function chosen(): Mutant[] {
  const [of, template] = positionals;
  const files = sourcesOf(ROOT).filter(
    (path) => of === undefined || basename(path, ".circom") === basename(of, ".circom"),
  );
  if (files.length === 0) throw new Error(`no circuit is named ${of}`);
  const runs = runsBefore();
  const all = files.flatMap(mutantsOf).filter(({ statement }) => {
    if (template !== undefined && statement.template !== template) return false;
    if (!values.changed && !values.whole) return true;
    const isWhole = runs[templateOf(statement)]?.statements === hashOfTemplate(statement);
    return isWhole ? values.whole : values.changed;
  });
  if (all.length === 0 && !values.changed && !values.whole)
    throw new Error(`no template of ${of} is named ${template}`);
  if (values.sample === undefined) return all;
  const random = new Random(Number(values.seed));
  const left = all.filter(({ kind }) => kind !== "dropped");
  const drawn = Array.from(
    { length: Number(values.sample) },
    () => left.splice(random.integer(0, left.length - 1), 1)[0],
  );
  return [...all.filter(({ kind }) => kind === "dropped"), ...drawn];
}

function keyOf({ statement, becomes }: Mutant): string {
  return JSON.stringify([templateOf(statement), statement.text, becomes]);
}

function templateOf({ file, template }: Statement): string {
  return `${basename(file)} ${template}`;
}

async function tryAll(): Promise<void> {
  const from = performance.now();
  const folder = values.record ?? join(ROOT, "build/mutants/record");
  if (values.record === undefined) recordTests(folder, jobs);
  const refusals = new Set<string>();
  for await (const shown of recorded(folder))
    if (shown.kind === "refused") for (const id of shown.rules) refusals.add(id);
  const counts = new Map<Kind, { tried: number; noticed: number; explained: number; survived: number }>();
  const explained = explainedMutants();
  /** Mutants that survive unexplained, and explanations that are none. */
  let wrong = 0;
  /** by template, what was tried of it; and those of which something is wrong */
  const tried = new Map<string, { noticed: number; explained: number }>();
  const bad = new Set<string>();
  const take = (mutant: Mutant, noticed: boolean) => {
    const of = templateOf(mutant.statement);
    const sums = tried.get(of) ?? { noticed: 0, explained: 0 };
    tried.set(of, sums);
    sums[noticed ? "noticed" : "explained"]++;
    if (noticed === explained.has(keyOf(mutant))) bad.add(of);
    const count = counts.get(mutant.kind) ?? { tried: 0, noticed: 0, explained: 0, survived: 0 };
    counts.set(mutant.kind, count);
    count.tried++;
    const key = keyOf(mutant);
    if (noticed && explained.has(key)) {
      wrong++;
      console.error(`noticed, though circuits/mutants.json says that it makes no difference: ${shown(mutant)}`);
    }
    if (noticed) count.noticed++;
    else if (explained.has(key)) count.explained++;
    else {
      count.survived++;
      wrong++;
      console.error(`survives: ${shown(mutant)}`);
    }
  };
  const earlier = triedEarlier();
  let compiled = 0;
  for (const mutant of mutants)
    if (mutant.kind === "dropped") take(mutant, refusals.has(idOf(mutant.statement)));
    else if (earlier.has(keyOf(mutant))) take(mutant, earlier.get(keyOf(mutant))!);
    else compiled++;
  const progress = startProgress("mutants");
  let done = 0;
  const argv = process.argv.slice(2).concat("--record", folder);
  const exits = Array.from({ length: jobs }, (_, part) => {
    const child = fork(import.meta.filename, [...argv, "--part", `${part}`]);
    child.on("message", ([i, noticed]: [number, boolean]) => {
      take(mutants[i], noticed);
      fs.appendFileSync(noticed ? NOTICED : MISSED, `${keyOf(mutants[i])}\n`);
      progress.update(++done / compiled, `${thousands(done)} of ${counted(compiled, "mutant")}`);
    });
    return new Promise<number | null>((resolve) => child.on("exit", resolve));
  });
  const broken = (await Promise.all(exits)).some((code) => code !== 0);
  progress.done(counted(done, "mutant"));
  const rows = [...counts].map(([kind, { tried, noticed, explained, survived }]) => [
    kind,
    ...[tried, noticed, explained, survived].map(thousands),
  ]);
  console.log(table([["kind", "mutants", "noticed", "explained", "survive"], ...rows]));
  console.log(`${Math.round((performance.now() - from) / 1000)} s`);
  const known = new Set(sourcesOf(ROOT).flatMap(mutantsOf).map(keyOf));
  const stale = [...explained.keys()].filter((key) => !known.has(key));
  for (const key of stale) console.error(`no mutant is what circuits/mutants.json explains: ${key}`);
  keepRuns(tried, bad);
  if (broken || done < compiled) console.error(`${thousands(compiled - done)} mutants were not tried`);
  if (broken || done < compiled || wrong + stale.length > 0) process.exitCode = 1;
}

/** Keeps which templates were run whole, and tells which have changed since. */
function keepRuns(tried: ReadonlyMap<string, Omit<Run, "statements">>, bad: ReadonlySet<string>): void {
  const all = new Map<string, Mutant[]>();
  for (const mutant of sourcesOf(ROOT).flatMap(mutantsOf)) {
    const of = templateOf(mutant.statement);
    all.set(of, [...(all.get(of) ?? []), mutant]);
  }
  const before = runsBefore();
  const runs: Record<string, Run> = {};
  for (const [of, mutants] of [...all].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sums = tried.get(of);
    const whole = sums && sums.noticed + sums.explained === mutants.length;
    if (whole && !bad.has(of)) runs[of] = { statements: hashOfTemplate(mutants[0].statement), ...sums };
    else if (before[of] && !whole) runs[of] = before[of];
  }
  fs.writeFileSync(RUNS, `${JSON.stringify(runs, null, 2)}\n`);
  const left = [...all].filter(([of, [first]]) => runs[of]?.statements !== hashOfTemplate(first.statement));
  console.log(
    `${thousands(all.size - left.length)} of ${thousands(all.size)} templates have been run whole as they are`,
  );
  if (left.length > 0) console.log(`not so: ${left.map(([of]) => of).join(", ")}`);
}

function runsBefore(): Record<string, Run> {
  return fs.existsSync(RUNS) ? (JSON.parse(fs.readFileSync(RUNS, "utf8")) as Record<string, Run>) : {};
}

function hashOfTemplate({ file, template }: Statement): string {
  const hash = createHash("sha256");
  for (const it of statementsOf(file)) if (it.template === template) hash.update(`${it.text};`);
  return hash.digest("hex").slice(0, 16);
}

function hashOfSources(): string {
  const hash = createHash("sha256");
  for (const file of sourcesOf(ROOT)) hash.update(fs.readFileSync(file));
  return hash.digest("hex").slice(0, 16);
}

/** By key, whether it was noticed; of those that were not, the explained ones: tests may notice others by now. */
function triedEarlier(): ReadonlyMap<string, boolean> {
  fs.mkdirSync(join(ROOT, "build/mutants"), { recursive: true });
  const keys = (path: string) =>
    values.resume && fs.existsSync(path) ? fs.readFileSync(path, "utf8").split("\n") : [];
  const explained = explainedMutants();
  const missed = keys(MISSED).filter((key) => explained.has(key));
  return new Map([...missed.map((key) => [key, false] as const), ...keys(NOTICED).map((key) => [key, true] as const)]);
}

/** By the key of a mutant. */
function explainedMutants(): ReadonlyMap<string, Explained> {
  const all = JSON.parse(fs.readFileSync(EXPLAINED, "utf8")) as Explained[];
  return new Map(all.map((it) => [JSON.stringify([it.of, it.statement, it.becomes]), it]));
}

/** Every `jobs`-th of the mutants that are compiled, told to the parent. */
async function trySome(part: number): Promise<void> {
  const bySize = await smallestFirst(await shownOf(values.record!));
  const uses = usesOfTemplates(sourcesOf(ROOT));
  const root = fs.mkdtempSync(join(os.tmpdir(), "tacit-mutants-"));
  process.on("exit", () => fs.rmSync(root, { recursive: true, force: true }));
  fs.cpSync(join(ROOT, "circuits"), join(root, "circuits"), { recursive: true });
  const earlier = triedEarlier();
  const explained = explainedMutants();
  const compiled = mutants.flatMap((it, i) => (it.kind === "dropped" || earlier.has(keyOf(it)) ? [] : [i]));
  for (const i of compiled.filter((at) => at % jobs === part)) {
    const { statement, source } = mutants[i];
    const path = join(root, relative(ROOT, statement.file));
    const candidates = bySize.filter((it) => uses.get(it.source.template)?.has(statement.template));
    fs.writeFileSync(path, source);
    const thorough = !explained.has(keyOf(mutants[i]));
    const notice = await firstNotice(root, candidates, rulesOf(statement), moved(mutants[i]), thorough);
    fs.rmSync(join(root, "build"), { recursive: true, force: true });
    fs.copyFileSync(statement.file, path);
    process.send!([i, notice !== undefined]);
  }
  process.disconnect();
}

/** Ids of the rules that may be others where a statement is: itself, or, where it gives a value that they use, all of its template. */
function rulesOf(statement: Statement): ReadonlySet<string> {
  const { file, template, operator } = statement;
  if (operator === "===") return new Set([idOf(statement)]);
  const all = statementsOf(file, fs.readFileSync(file, "utf8"));
  return new Set(all.filter((it) => it.template === template).map(idOf));
}

/** Names of anonymous components have the place of what makes them, which may have moved. */
function moved({ statement: { end }, growth }: Mutant): (name: string) => string {
  return (name) =>
    name.replace(/(_\d+_)(\d+)(?=[.[]|$)/g, (whole, line: string, place: string) =>
      Number(place) >= end ? `${line}${Number(place) + growth}` : whole,
    );
}
