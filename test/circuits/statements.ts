/**
 * Which statement of a source each constraint of a circuit comes from. circom does not say it. But compiled once more, with a
 * number of its own added to each statement that can take one, a circuit has the same constraints in the same order, and in
 * their constants those numbers. The rest are wirings of components and buses: their signals are named for them.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { MODULUS, type R1cs } from "./r1cs.ts";

export interface Statement {
  /** path of the file */
  readonly file: string;
  readonly line: number;
  readonly template: string;
  /** of its first character, and behind its last before the semicolon */
  readonly start: number;
  readonly end: number;
  /** without comments and line ends */
  readonly text: string;
  readonly operator: "===" | "<==" | "<--" | null;
  /** what is assigned, without indexes: "walk.before"; null for a rule */
  readonly assigned: string | null;
  /** what is assigned to it, if that is a signal, array or bus and nothing else */
  readonly source: string | null;
  /** whether a number can be added to its right side */
  readonly takesNumber: boolean;
}

/** A source without its comments, every other character where it was. */
function blanked(source: string): string {
  return source.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "));
}

/** All statements of the templates of a source, in order. */
export function statementsOf(file: string, source: string = readFileSync(file, "utf8")): Statement[] {
  const text = blanked(source);
  const found: Statement[] = [];
  for (const opening of text.matchAll(/\btemplate\s+(?:custom\s+)?(\w+)\s*\([^)]*\)\s*\{/g)) {
    const template = opening[1];
    /** variables of the template: what they hold is an expression */
    const variables = new Set<string>();
    let depth = 1;
    let parentheses = 0;
    let from = opening.index + opening[0].length;
    for (let at = from; depth > 0; at++) {
      const character = text[at];
      if (character === "(" || character === "[") parentheses++;
      else if (character === ")" || character === "]") parentheses--;
      else if (parentheses > 0) continue;
      else if (character === "{" || character === "}") {
        depth += character === "{" ? 1 : -1;
        from = at + 1;
      } else if (character === ";") {
        found.push(...statement(file, text, { template, variables }, from, at));
        from = at + 1;
      }
    }
  }
  return found;
}

function statement(
  file: string,
  text: string,
  { template, variables }: { template: string; variables: Set<string> },
  from: number,
  end: number,
): Statement[] {
  // A loop or condition without braces stands before its statement.
  let start = from;
  for (let head; (head = /^\s*(?:for|if|while)\s*\(|^\s*else\b/.exec(text.slice(start, end)));) {
    let at = start + head[0].length;
    if (head[0].trimEnd().endsWith("("))
      for (let depth = 1; depth > 0; at++) depth += text[at] === "(" ? 1 : text[at] === ")" ? -1 : 0;
    start = at;
  }
  start += /^\s*/.exec(text.slice(start, end))![0].length;
  const body = text.slice(start, end).replace(/\s+/g, " ").trim();
  if (body === "") return [];
  const variable = /^var (\w+)/.exec(body);
  if (variable) variables.add(variable[1]);
  const operator = /===|<==|<--/.exec(body)?.[0] as Statement["operator"];
  const [left = "", right = ""] = operator ? body.split(operator).map((side) => side.trim()) : [];
  const declared = left.replace(/^(?:signal\s+)?(?:input\s+|output\s+)?/, "");
  const target = pathOf(declared);
  const path = pathOf(right);
  const source = path !== null && variables.has(path) ? null : path;
  // A bus takes no number, nor do the signals of an array, nor what is assigned of a component.
  const takesNumber =
    operator === "===" ||
    (operator === "<==" && target !== "_" && source === null && !isCall(right) && !right.startsWith("["));
  const line = text.slice(0, start).split("\n").length;
  const assigned = operator === "===" ? null : target;
  return [{ file, line, template, start, end, text: body, operator, assigned, source, takesNumber }];
}

/** A signal, array or bus without indexes: "walk.before" of "walk[i - 1].before"; null for anything else. */
function pathOf(text: string): string | null {
  const bare = text.replace(/\[(?:[^[\]]|\[[^[\]]*\])*\]/g, "");
  return /^[A-Za-z_]\w*(?:\.\w+)*$/.test(bare) ? bare : null;
}

/** Whether it is an anonymous component: parameters, and signals. */
function isCall(text: string): boolean {
  const opening = /^\w+\s*\(/.exec(text);
  if (!opening) return false;
  let at = opening[0].length;
  for (let depth = 1; depth > 0 && at < text.length; at++) depth += text[at] === "(" ? 1 : text[at] === ")" ? -1 : 0;
  return text.slice(at).trimStart().startsWith("(");
}

/** Distance of two numbers that are added: more than any constant of a source but those of the hash. */
const STEP = 1n << 220n;

/** The source with a number of its own added to each statement that takes one. @param first  of the numbers */
export function numbered(source: string, statements: readonly Statement[], first: number): string {
  let text = source;
  for (const [i, { end, takesNumber }] of [...statements.entries()].reverse())
    if (takesNumber) text = `${text.slice(0, end)} + ${STEP * BigInt(first + i)}${text.slice(end)}`;
  return text;
}

/** Names of components by what they are: "walk" is of template ClearSlot, in template Clear. */
function componentsOf(statements: readonly Statement[]): Map<string, string> {
  const templates = new Map<string, string>();
  for (const { template, text } of statements) {
    const made = /^(?:component\s+)?(\w+)(?:\[.*?\])*\s*=\s*(\w+)\s*\(/.exec(text);
    if (made) templates.set(`${template}/${made[1]}`, made[2]);
  }
  return templates;
}

/**
 * The statement that each constraint comes from.
 * @param plain    the circuit, compiled with --O0, and its signals by name
 * @param tagged   the same from sources that are numbered, in the order of `statements`, from 1
 * @param main     its template
 */
export function attribute(
  plain: R1cs,
  tagged: R1cs,
  {
    signals,
    statements,
    main,
  }: { signals: ReadonlyMap<string, number>; statements: readonly Statement[]; main: string },
): (Statement | undefined)[] {
  const components = componentsOf(statements);
  const names: string[] = [];
  for (const [name, wire] of signals) names[wire] ??= name;
  const byTemplate = new Map<string, Statement[]>();
  for (const it of statements) byTemplate.set(it.template, [...(byTemplate.get(it.template) ?? []), it]);
  /** Template of the component at a path, main's at "". */
  const templates = new Map<string, string>([["", main]]);
  const templateOf = (path: string): string => {
    const known = templates.get(path);
    if (known !== undefined) return known;
    const cut = path.lastIndexOf(".");
    const owner = templateOf(path.slice(0, Math.max(0, cut)));
    const name = path.slice(cut + 1).replace(/\[.*$/, "");
    const anonymous = /^(\w+?)_\d+_\d+$/.exec(name);
    const template = components.get(`${owner}/${name}`) ?? anonymous?.[1] ?? "";
    templates.set(path, template);
    return template;
  };
  const find = (i: number): Statement | undefined => {
    const number = difference(plain, tagged, i);
    if (number !== 0) return statements[Math.abs(number) - 1];
    return wiring(
      wiresOf(plain, i).map((wire) => names[wire]),
      { templateOf, byTemplate },
    );
  };
  return Array.from({ length: plain.constraintCount }, (_, i) => find(i));
}

/** Number of the statement that a constraint has in its constant, 0 for none. */
function difference(plain: R1cs, tagged: R1cs, constraint: number): number {
  let sum = 0n;
  const constant = (r1cs: R1cs, part: number) => {
    let value = 0n;
    for (let term = r1cs.starts[part]; term < r1cs.starts[part + 1]; term++)
      if (r1cs.termWires[term] === 0) value += r1cs.coefficients[term];
    return value;
  };
  for (let part = 3 * constraint; part < 3 * constraint + 3; part++) {
    const change = constant(tagged, part) - constant(plain, part);
    if (change !== 0n) sum = change;
  }
  sum = ((sum % MODULUS) + MODULUS) % MODULUS;
  const small = sum > MODULUS / 2n ? MODULUS - sum : sum;
  if (small % STEP !== 0n) throw new Error(`constraint ${constraint} has another constant: the sources differ`);
  return Number(small / STEP);
}

function wiresOf({ starts, termWires }: R1cs, constraint: number): number[] {
  return [...termWires.subarray(starts[3 * constraint], starts[3 * constraint + 3])].filter((wire) => wire !== 0);
}

/** The statement that wires these signals: of the component that owns the deepest common path. */
function wiring(
  names: readonly string[],
  { templateOf, byTemplate }: { templateOf: (path: string) => string; byTemplate: Map<string, Statement[]> },
): Statement | undefined {
  // Of an anonymous component the name has the place in the source of what made it.
  const paths = names.map((name) => name.split("."));
  const depth = Math.max(0, Math.min(...paths.map((path) => path.length)) - 1);
  let common = 0;
  while (common < depth && paths.every((path) => path[common] === paths[0][common])) common++;
  for (let level = common; level >= 0; level--) {
    const owner = paths[0].slice(0, level).join(".");
    if (!owner && level > 0) continue;
    const known = byTemplate.get(templateOf(owner)) ?? [];
    for (const path of paths) {
      const place = /_(\d+)(?:\[.*)?$/.exec(path[level] ?? "");
      if (place && path.length > level + 1) {
        const at = Number(place[1]);
        const made = known.find(({ start, end }) => start <= at && at < end);
        if (made) return made;
      }
    }
    const bases = paths.map((path) =>
      path
        .slice(level)
        .join(".")
        .replace(/\[[^\]]*\]/g, ""),
    );
    const named = (path: string | null) =>
      path !== null && bases.some((base) => base === path || base.startsWith(`${path}.`));
    const plain = known.filter(({ assigned, takesNumber }) => !takesNumber && named(assigned));
    const both = plain.find(({ source }) => named(source));
    if (both ?? plain[0]) return both ?? plain[0];
  }
  return undefined;
}

/** "clear.circom:118 miss[0] <== entry.key - cancels.keys[0]" */
export function told({ file, line, text }: Statement): string {
  return `${basename(file)}:${line} ${text.slice(0, 90)}`;
}
