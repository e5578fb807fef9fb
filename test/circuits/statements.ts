/**
 * Which statement of a source each constraint of a circuit comes from. circom does not say it. But compiled once more, with a
 * number of its own added to each statement that can take one, a circuit has the same constraints in the same order, and in
 * their constants those numbers. The rest are wirings of components and buses: their signals are named for them.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { placesOf, templatesOf } from "./components.ts";
import { MODULUS, modulo, type R1cs } from "./r1cs.ts";

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
  const operator = (/===|<==|<--/.exec(body)?.[0] ?? null) as Statement["operator"];
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

/** Place in the source of what made an anonymous component: circom ends its name with it. */
function placeOf(component: string): number | undefined {
  const place = /^\w+?_\d+_(\d+)(?:\[.*)?$/.exec(component);
  return place ? Number(place[1]) : undefined;
}

/** The components of a circuit, and the statements that make them. */
class Components {
  readonly templateOf: (path: string) => string | undefined;
  readonly #byTemplate = new Map<string, Statement[]>();

  /** @param main  template of the component at "" */
  constructor(statements: readonly Statement[], main: string) {
    this.templateOf = templatesOf(statements, main);
    for (const it of statements) this.#byTemplate.set(it.template, [...this.statementsOf(it.template), it]);
  }

  statementsOf(template: string | undefined): readonly Statement[] {
    return this.#byTemplate.get(template!) ?? [];
  }

  /** The statement with an anonymous component that made the component at a path, if one did. */
  maker(path: string): Statement | undefined {
    const [owner, name] = cut(path);
    const place = placeOf(name);
    if (place === undefined) return undefined;
    return this.statementsOf(this.templateOf(owner)).find(({ start, end }) => start <= place && place < end);
  }
}

/** What contains a component or signal, and its own name. */
function cut(path: string): [owner: string, name: string] {
  const at = path.lastIndexOf(".");
  return [path.slice(0, Math.max(0, at)), path.slice(at + 1)];
}

/**
 * The statement that each constraint comes from, before it those whose anonymous component it is in, outermost first.
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
): (readonly Statement[] | undefined)[] {
  const components = new Components(statements, main);
  const names: string[] = [];
  for (const [name, wire] of signals) names[wire] ??= name;
  /** By path: the statements whose anonymous components contain it, and it. */
  const makers = new Map<string, readonly Statement[]>([["", []]]);
  const makersOf = (path: string): readonly Statement[] => {
    const known = makers.get(path);
    if (known) return known;
    const [owner] = cut(path);
    const maker = components.maker(path);
    const found = maker ? [...makersOf(owner), maker] : makersOf(owner);
    makers.set(path, found);
    return found;
  };
  return Array.from({ length: plain.constraintCount }, (_, i) => {
    const number = difference(plain, tagged, i);
    const paths = wiresOf(plain, i).map((wire) => names[wire].split("."));
    const depth = commonDepth(paths);
    const statement = number === 0 ? wiring(paths, depth, components) : statements[Math.abs(number) - 1];
    for (let level = depth; statement && level >= 0; level--) {
      const owner = paths[0].slice(0, level).join(".");
      if (components.templateOf(owner) === statement.template) return [...makersOf(owner), statement];
    }
    return undefined;
  });
}

/** A wire that a hint (`<--`) assigns. */
export interface Hint {
  readonly wire: number;
  /** path and template of its component */
  readonly component: string;
  readonly template: string;
  /** name in it, with its index */
  readonly signal: string;
  readonly statement: Statement;
}

export function hintsOf(
  signals: ReadonlyMap<string, number>,
  statements: readonly Statement[],
  main: string,
): readonly Hint[] {
  const placeOf = placesOf(statements, main);
  /** By template: what its hints assign, as patterns: an index that is no number stands for any. */
  const patterns = new Map<string, { pattern: RegExp; statement: Statement }[]>();
  for (const statement of statements) {
    const { template, text, operator } = statement;
    if (operator !== "<--") continue;
    const target = text.slice(0, text.indexOf("<--")).trim().split(" ").at(-1)!;
    const pattern = target.replace(/\[([^\]]*)\]/g, (_, index) => `\\[${/^\d+$/.test(index) ? index : "\\d+"}\\]`);
    const known = patterns.get(template) ?? [];
    patterns.set(template, [...known, { pattern: new RegExp(`^${pattern}$`), statement }]);
  }
  return [...signals].flatMap(([name, wire]) => {
    const { path: component, template, signal } = placeOf(name);
    const hint = patterns.get(template)?.find(({ pattern }) => pattern.test(signal));
    return hint ? [{ wire, component, template, signal, statement: hint.statement }] : [];
  });
}

/** How many components, from the outermost on, contain all of these signals. */
function commonDepth(paths: readonly (readonly string[])[]): number {
  const depth = Math.max(0, Math.min(...paths.map((path) => path.length)) - 1);
  let common = 0;
  while (common < depth && paths.every((path) => path[common] === paths[0][common])) common++;
  return common;
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
  sum = modulo(sum);
  const small = sum > MODULUS / 2n ? MODULUS - sum : sum;
  if (small % STEP !== 0n) throw new Error(`constraint ${constraint} has another constant: the sources differ`);
  return Number(small / STEP);
}

function wiresOf({ starts, termWires }: R1cs, constraint: number): number[] {
  return [...termWires.subarray(starts[3 * constraint], starts[3 * constraint + 3])].filter((wire) => wire !== 0);
}

/** The statement that wires these signals: of the deepest component that contains them and has one. */
function wiring(paths: readonly (readonly string[])[], depth: number, components: Components): Statement | undefined {
  for (let level = depth; level >= 0; level--) {
    const owner = paths[0].slice(0, level).join(".");
    for (const path of paths) {
      const maker = path.length > level + 1 && components.maker(path.slice(0, level + 1).join("."));
      if (maker) return maker;
    }
    const bases = paths.map((path) =>
      path
        .slice(level)
        .join(".")
        .replace(/\[[^\]]*\]/g, ""),
    );
    const named = (path: string | null) =>
      path !== null && bases.some((base) => base === path || base.startsWith(`${path}.`));
    const known = components.statementsOf(components.templateOf(owner));
    const plain = known.filter(({ assigned, takesNumber }) => !takesNumber && named(assigned));
    const both = plain.filter(({ source }) => named(source));
    // Of two that differ in their indexes alone, the one whose numbers these are.
    const names = paths.map((path) => path.slice(level).join("."));
    const found = both.find((it) => both.length > 1 && names.some((name) => patternOf(it).test(name))) ?? both[0];
    if (found ?? plain[0]) return found ?? plain[0];
  }
  return undefined;
}

/** What a signal is named that a statement takes as it is: an index that is no number stands for any. */
function patternOf({ text }: Statement): RegExp {
  const source = text.slice(text.indexOf("<==") + 3).trim();
  const indexed = source.replace(
    /\[([^\]]*)\]/g,
    (_, index: string) => `\\[${/^\d+$/.test(index) ? index : "\\d+"}\\]`,
  );
  return new RegExp(`^${indexed.replaceAll(".", "\\.")}($|[.[])`);
}

/** "clear.circom:118 miss[0] <== entry.key - cancels.keys[0]" */
export function told({ file, line, text }: Statement): string {
  return `${basename(file)}:${line} ${text.slice(0, 90)}`;
}

/**
 * The statements without each of which a witness would break nothing: each that all it breaks belongs to. But a component that
 * only asks (no operator) is not shown by a witness in which it is asked about something else.
 * @param broken  of each broken rule its statement, behind those whose anonymous component it is in
 */
export function missed(broken: readonly (readonly Statement[])[]): Statement[] {
  const [first = []] = broken;
  return first.filter(
    (it) =>
      broken.every((rules) => rules.includes(it)) &&
      (it.operator !== null || broken.every((rules) => rules.at(-1) !== it)),
  );
}

/** What stays the same of a statement in every checkout. */
export function idOf({ file, start }: Statement): string {
  return `${basename(file)}:${start}`;
}
