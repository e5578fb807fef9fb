/**
 * Bugs planted in circuits, one of each class that is known: test/circuits/planted/NN-class.patch, whose first lines
 * say the class, what an attacker gains, and which tools find it. A patch keeps the number of characters, so that
 * anonymous components, which are named for their place, have the names that the tests know.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import { basename, join } from "node:path";
import { determined } from "./determined.ts";
import { compileTemplate, type CircuitSource } from "./harness.ts";
import { sourcesOf, usesOfTemplates } from "./mutants.ts";
import { SMALL_INSTRUCTIONS } from "./smallCircuits.ts";
import { statementsOf } from "./statements.ts";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(import.meta.dirname, "planted");

/** What finds a bug: determined.ts, or what the tests have asked, asked again (asked.ts). */
export const TOOLS = ["determined", "answer", "cheat"] as const;
export type Tool = (typeof TOOLS)[number];

export interface Planted {
  /** of its file, without ending */
  readonly name: string;
  readonly patch: string;
  readonly class: string;
  readonly gain: string;
  /** Tools that find it; there may be more. */
  readonly foundBy: readonly Tool[];
}

export function plantedBugs(): Planted[] {
  const files = fs.readdirSync(FOLDER).filter((file) => file.endsWith(".patch"));
  return files.sort().map((file) => {
    const patch = join(FOLDER, file);
    const head = /^Class: (.*)\.\nGain: ([^]*?)\nFound by: (.*)\.\n--- a\//.exec(fs.readFileSync(patch, "utf8"));
    if (head === null) throw new Error(`${file} does not begin with its class, its gain and what finds it`);
    const foundBy = head[3].split(", ") as Tool[];
    for (const tool of foundBy) if (!TOOLS.includes(tool)) throw new Error(`${file}: no tool is named ${tool}`);
    return { name: basename(file, ".patch"), patch, class: head[1], gain: head[2].replaceAll("\n", " "), foundBy };
  });
}

/** A copy of the circuits with a bug in it. */
export interface Copy {
  readonly root: string;
  /** in which the bug is */
  readonly template: string;
}

/**
 * Does something with a copy of the circuits that has a bug, and removes it.
 * @throws where the patch does not fit the circuits of today, changes more than a template, or moves what is behind it
 */
export async function withBug<T>({ name, patch }: Planted, use: (copy: Copy) => Promise<T> | T): Promise<T> {
  const root = fs.mkdtempSync(join(os.tmpdir(), "tacit-planted-"));
  try {
    fs.cpSync(join(ROOT, "circuits"), join(root, "circuits"), { recursive: true });
    // A temporary folder may lie in a repository, whose paths would then count.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(root, "..") };
    execFileSync("git", ["apply", patch], { cwd: root, env, stdio: "pipe" });
    const [before, after] = [sourcesOf(ROOT), sourcesOf(root)];
    const changed = before.flatMap((file, i) => {
      const [one, other] = [file, after[i]].map((path) => fs.readFileSync(path, "utf8"));
      if (one.length !== other.length) throw new Error(`${name} changes the number of characters`);
      return one === other ? [] : templatesChanged(file, one, other);
    });
    if (changed.length !== 1) throw new Error(`${name} changes ${changed.length} templates`);
    return await use({ root, template: changed[0] });
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

function templatesChanged(file: string, one: string, other: string): string[] {
  const texts = [one, other].map((source) => {
    const found = new Map<string, string>();
    for (const { template, text } of statementsOf(file, source))
      found.set(template, `${found.get(template) ?? ""}${text};`);
    return found;
  });
  return [...texts[0].keys()].filter((template) => texts[0].get(template) !== texts[1].get(template));
}

/** Those that may have a bug: of the midpoint's rules each is the auction's as well, or takes no hint. */
const INSTRUCTIONS = Object.entries(SMALL_INSTRUCTIONS).filter(([name]) => name !== "midpoint");

/** What determined.ts says of the smallest instruction that uses the template of a bug. */
export interface Findings {
  readonly instruction: string;
  /** what it holds against the circuit */
  readonly wrong: readonly string[];
  /** how much more it takes for good than without the bug */
  readonly obligations: number;
}

export async function findings({ root, template }: Copy): Promise<Findings> {
  const uses = usesOfTemplates(sourcesOf(ROOT));
  const sizes: [string, CircuitSource, number][] = [];
  for (const [name, source] of INSTRUCTIONS)
    if (uses.get(source.template)?.has(template))
      sizes.push([name, source, (await compileTemplate({ ...source, attributed: false })).bytes]);
  if (sizes.length === 0) throw new Error(`no instruction uses ${template}`);
  const [[instruction, source]] = sizes.sort(([, , a], [, , b]) => a - b);
  const without = goods.get(instruction) ?? examined(source, ROOT);
  goods.set(instruction, without);
  const { wrong, obligations } = await examined(source, root);
  const good = await without;
  return {
    instruction,
    wrong: wrong.filter((what) => !good.wrong.includes(what)),
    obligations: obligations - good.obligations,
  };
}

interface Examined {
  wrong: string[];
  obligations: number;
}

/** What is said of the instructions without a bug. */
const goods = new Map<string, Promise<Examined>>();

async function examined(source: CircuitSource, root: string): Promise<Examined> {
  // A bug may make the compiler warn: here it is the tool that is asked.
  const { r1cs, signals } = await compileTemplate({ ...source, root, attributed: false, allowWarnings: root !== ROOT });
  const statements = sourcesOf(root).flatMap((file) => statementsOf(file));
  const { undetermined, noBits, obligations } = determined({ r1cs, signals, statements, main: source.template });
  return {
    wrong: [...undetermined, ...noBits.map((wire) => `${wire} is no bit`)],
    obligations: [...obligations.values()].reduce((all, count) => all + count, 0),
  };
}
