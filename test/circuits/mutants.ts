/**
 * Mutants of circuits: sources in which one place is another. Made by program from the statements of the sources, of the kinds
 * that a slip of the hand makes: a rule dropped, a sign or factor changed, a range wider by a bit, an index shifted.
 */
import fs from "node:fs";
import { basename, join } from "node:path";
import { statementsOf, type Statement } from "./statements.ts";

export type Kind = "dropped" | "sign" | "factor" | "range" | "index";

export interface Mutant {
  readonly kind: Kind;
  readonly statement: Statement;
  /** what the statement becomes, in one line; "" where it is dropped */
  readonly becomes: string;
  /** the whole file */
  readonly source: string;
  /** characters that the statement grows by */
  readonly growth: number;
}

/** Templates with the width as their first parameter. */
const RANGED = /\b(?:Range|Bits|NotNegative|AtMost|DivideUp)\(/g;

/** All sources of the circuits but those that are generated. @param root  of the repository */
export function sourcesOf(root: string): string[] {
  return ["lib", "instructions"].flatMap((folder) => {
    const path = join(root, "circuits", folder);
    return fs.readdirSync(path).flatMap((file) => (file.endsWith(".circom") ? [join(path, file)] : []));
  });
}

/** A statement that makes constraints, or asks a component of no name for them. */
function asks({ operator, text }: Statement): boolean {
  if (text.startsWith("_ <==")) return false;
  return operator === "===" || operator === "<==" || (operator === null && /^\w+\(.*\)\(/.test(text));
}

/** @param file  path of a source */
export function mutantsOf(file: string): Mutant[] {
  const source = fs.readFileSync(file, "utf8");
  return statementsOf(file, source).flatMap((statement) => {
    const { start, end, operator } = statement;
    const text = source.slice(start, end).replace(/\/\/[^\n]*/g, (comment) => " ".repeat(comment.length));
    const mutants: Mutant[] = [];
    const add = (kind: Kind, edits: readonly Edit[]) => {
      const changed = applied(text, edits);
      const becomes = kind === "dropped" ? "" : changed.replace(/\s+/g, " ").trim();
      const whole = source.slice(0, start) + changed + source.slice(end);
      mutants.push({ kind, statement, becomes, source: whole, growth: changed.length - text.length });
    };
    if (asks(statement)) add("dropped", []);
    const assignment = /^(?:var\s+)?\w+(?:\[.*?\])*\s*(?:\+=|-=|=(?!=))/.exec(text);
    if (operator === null && !assignment && !asks(statement)) return mutants;
    const from = operator === "<==" || operator === "<--" ? text.indexOf(operator) + 3 : (assignment?.[0].length ?? 0);
    for (const edit of signs(text, from)) add("sign", [edit]);
    for (const edit of factors(text, from)) add("factor", [edit]);
    for (const edits of ranges(text)) add("range", edits);
    for (const edit of indexes(text, from)) add("index", [edit]);
    return mutants;
  });
}

/** Characters from `at` to `to` become `by`. */
interface Edit {
  readonly at: number;
  readonly to: number;
  readonly by: string;
}

function applied(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.at - a.at)
    .reduce((all, { at, to, by }) => all.slice(0, at) + by + all.slice(to), text);
}

/** By character: 1 inside an index or a parameter of a template or function, which are no signals. */
function isNumber(text: string): Uint8Array {
  const marks = new Uint8Array(text.length);
  const mark = (at: number, to: number) => marks.fill(1, at, to);
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "[" && /[\w\]]/.test(text[at - 1] ?? "")) mark(at, closing(text, at) + 1);
    const called = text[at] === "(" && /\w/.test(text[at - 1] ?? "");
    if (called && (text[closing(text, at) + 1] === "(" || /[A-Z0-9_]+\($/.test(text.slice(0, at + 1))))
      mark(at, closing(text, at) + 1);
  }
  return marks;
}

/** Of the bracket that closes the one at a place. */
function closing(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if ("([{".includes(text[i])) depth++;
    if (")]}".includes(text[i]) && --depth === 0) return i;
  }
  return text.length;
}

function signs(text: string, from: number): Edit[] {
  const numbers = isNumber(text);
  const found: Edit[] = [];
  for (const { 0: sign, index: at } of text.matchAll(/[+-](?!=)/g))
    if (at >= from && numbers[at] === 0) found.push({ at, to: at + 1, by: sign === "+" ? "-" : "+" });
  const [grows] = /^(?:var\s+)?\w+(?:\[.*?\])*\s*[+-]=/.exec(text) ?? [];
  if (grows) found.push({ at: grows.length - 2, to: grows.length, by: grows.endsWith("+=") ? "-=" : "+=" });
  return found;
}

function factors(text: string, from: number): Edit[] {
  const numbers = isNumber(text);
  const outside = (at: number) => at >= from && numbers[at] === 0;
  const found: Edit[] = [];
  for (const { 0: digits, index: at } of text.matchAll(/(?<![\w.])\d+\b/g))
    if (outside(at)) found.push({ at, to: at + digits.length, by: `${BigInt(digits) + 1n}` });
  const path = String.raw`[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\])*`;
  for (const { 0: all, index: at } of text.matchAll(new RegExp(String.raw` \* ${path}(?![\w(.\[])`, "g")))
    if (outside(at + 1)) found.push({ at, to: at + all.length, by: "" });
  for (const { 0: all, index: at } of text.matchAll(new RegExp(String.raw`(?<![\w.\])])${path} \* `, "g")))
    if (outside(at)) found.push({ at, to: at + all.length, by: "" });
  return found;
}

/** A range is wider by a bit, and so is an array of that many bits which the statement declares. */
function ranges(text: string): Edit[][] {
  return [...text.matchAll(RANGED)].flatMap(({ 0: name, index }) => {
    const at = index + name.length;
    const to = closing(text, at - 1);
    if (text[to + 1] !== "(" || text.slice(at, to).trim() === "") return [];
    const width = text.slice(at, to);
    const edits = [{ at: to, to, by: " + 1" }];
    const declared = /^signal (?:output )?\w+\[/.exec(text);
    const size = declared && closing(text, declared[0].length - 1);
    if (size && text.slice(declared[0].length, size) === width) edits.push({ at: size, to: size, by: " + 1" });
    return [edits];
  });
}

function indexes(text: string, from: number): Edit[] {
  return [...text.matchAll(/(?<=[\w\]])\[/g)].flatMap(({ index: at }) => {
    const to = closing(text, at);
    return at < from ? [] : [{ at: to, to, by: " + 1" }];
  });
}

/** Templates that each template uses, however deep, itself among them. */
export function usesOfTemplates(files: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const direct = new Map<string, Set<string>>();
  for (const file of files)
    for (const { template, text } of statementsOf(file)) {
      const names = direct.get(template) ?? new Set<string>();
      for (const [, name] of text.matchAll(/\b([A-Z]\w*)\(/g)) names.add(name);
      direct.set(template, names);
    }
  return new Map(
    [...direct.keys()].map((template) => {
      const all = new Set([template]);
      for (const used of all) for (const name of direct.get(used) ?? []) if (direct.has(name)) all.add(name);
      return [template, all];
    }),
  );
}

/** "clear.circom:118 sign: a + b -> a - b" */
export function shown({ kind, statement: { file, line, text }, becomes }: Mutant): string {
  return `${basename(file)}:${line} ${kind}: ${text}${becomes && `  ->  ${becomes}`}`;
}
