/**
 * Do the tools find bugs that are planted in the circuits (test/circuits/planted)? Each is asked by itself:
 * determined.ts, of the smallest instruction that has the bug; and what the tests of circuits have asked, asked again
 * of the smallest circuits that have it (test/circuits/asked.ts). Prints a table. Fails where nothing finds a bug, or
 * not what its patch says.
 *     npm run circuits:planted [-- NAME..] [-- --only determined|tests --jobs N --record FOLDER]
 */
import { fork } from "node:child_process";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { table } from "../../src/setup/format.ts";
import { firstNotice, shownOf, smallestFirst, type Notice, type Shown } from "../../test/circuits/asked.ts";
import { sourcesOf, usesOfTemplates } from "../../test/circuits/mutants.ts";
import {
  findings,
  plantedBugs,
  TOOLS,
  withBug,
  type Findings,
  type Planted,
  type Tool,
} from "../../test/circuits/planted.ts";
import { recordTests } from "./recordTests.ts";

const ROOT = join(import.meta.dirname, "../..");

/** What the tools say of one bug, and after how many seconds. */
interface Result {
  readonly name: string;
  readonly found?: Omit<Findings, "wrong"> & { readonly wrong: number };
  readonly foundSeconds: number;
  /** and the circuit that shows it */
  readonly notice?: { readonly how: Notice["how"]; readonly circuit: string };
  readonly noticeSeconds: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: "string", default: `${os.availableParallelism()}` },
    record: { type: "string" },
    only: { type: "string" },
    /** of a process that tries some of the bugs */
    part: { type: "string" },
  },
});
const jobs = Number(values.jobs);
const bugs = plantedBugs().filter(
  ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
);
if (bugs.length === 0) throw new Error(`no bug is named ${positionals.join()}`);
if (values.part === undefined) await tryAll();
else await trySome(Number(values.part));

async function tryAll(): Promise<void> {
  const folder = values.record ?? join(ROOT, "build/planted/record");
  if (values.record === undefined && values.only !== "determined") recordTests(folder, jobs);
  const results = new Map<string, Result>();
  const argv = process.argv.slice(2).concat("--record", folder);
  const exits = Array.from({ length: jobs }, (_, part) => {
    const child = fork(import.meta.filename, [...argv, "--part", `${part}`]);
    child.on("message", (result: Result) => {
      results.set(result.name, result);
      console.error(`${results.size} of ${bugs.length}: ${row(result).join("  ")}`);
    });
    return new Promise<number | null>((resolve) => child.on("exit", resolve));
  });
  const broken = (await Promise.all(exits)).some((code) => code !== 0);
  const tried = bugs.flatMap((bug) => results.get(bug.name) ?? []);
  console.log(table([["bug", "determined", "obligations", "s", "tests", "s"], ...tried.map(row)]));
  const wrong = bugs.flatMap((bug) => complaint(bug, results.get(bug.name)) ?? []);
  for (const what of wrong) console.error(what);
  if (broken || wrong.length > 0) process.exitCode = 1;
}

function row({ name, found, foundSeconds, notice, noticeSeconds }: Result): string[] {
  const { instruction = "", wrong = 0, obligations = 0 } = found ?? {};
  return [
    name,
    wrong > 0 ? `${wrong} in ${instruction}` : "",
    obligations === 0 ? "" : `${obligations > 0 ? "+" : ""}${obligations}`,
    foundSeconds.toFixed(1),
    notice ? `${notice.how} of ${notice.circuit}` : "",
    noticeSeconds.toFixed(1),
  ];
}

function complaint({ name, foundBy }: Planted, result?: Result): string | undefined {
  if (result === undefined) return `${name} was not tried`;
  const { found, notice } = result;
  if (notice?.how === "compiler") return `${name} is no bug of a circuit: the compiler refuses it`;
  const by = TOOLS.filter((tool) => tool === notice?.how || (tool === "determined" && found?.wrong));
  if (by.length === 0 && values.only === undefined) return `nothing finds ${name}`;
  const isAsked = (tool: Tool) =>
    values.only === undefined || (tool === "determined") === (values.only === "determined");
  const asked = foundBy.filter(isAsked);
  const lacking = asked.filter((tool) => !by.includes(tool));
  return lacking.length > 0 ? `${name} is not found by ${lacking.join()}, but by ${by.join()}` : undefined;
}

/** Every `jobs`-th bug, told to the parent. */
async function trySome(part: number): Promise<void> {
  const shown = values.only === "determined" ? [] : await smallestFirst(await shownOf(values.record!));
  const uses = usesOfTemplates(sourcesOf(ROOT));
  for (const bug of bugs.filter((_, at) => at % jobs === part))
    await withBug(bug, async ({ root, template }) => {
      const from = performance.now();
      const all = values.only === "tests" ? undefined : await findings({ root, template });
      const found = all && { ...all, wrong: all.wrong.length };
      const between = performance.now();
      const having = shown.filter(({ source }) => uses.get(source.template)?.has(template));
      const notice = await noticeOf(root, having);
      const seconds = [between - from, performance.now() - between].map((ms) => ms / 1000);
      const result: Result = { name: bug.name, found, foundSeconds: seconds[0], notice, noticeSeconds: seconds[1] };
      await new Promise((resolve) => process.send!(result, resolve));
    });
  process.disconnect();
}

async function noticeOf(root: string, candidates: readonly Shown[]): Promise<Result["notice"]> {
  const found = await firstNotice(
    root,
    candidates.map((it) => ({ ...it, source: { ...it.source, allowWarnings: true } })),
  );
  return found && { how: found.how, circuit: `${found.of.template}(${(found.of.args ?? []).join(", ")})` };
}
