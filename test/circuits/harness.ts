/**
 * What the tests of circuits share: compile a template, compute a witness, read and forge its signals, and ask whether
 * the constraints hold. Compiled circuits stay in build/test, in a folder named for the hash of their sources.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { firstBroken, parseR1cs, type Linear, type R1cs } from "./r1cs.ts";
import { loadWitnessProgram, type InputValue } from "./witnessProgram.ts";

const ROOT = join(import.meta.dirname, "../..");
const BUILD = join(ROOT, "build/test");
const require = createRequire(import.meta.url);

export type Inputs = Record<string, InputValue>;

export interface CircuitSource {
  /** Path from the root of the repository, of the file that declares the template. */
  file: string;
  template: string;
  args?: readonly (number | bigint)[];
  /** Public inputs of main; all others are private. */
  publicInputs?: readonly string[];
  /** Folders, from the root, in which includes are looked up besides the including file's own. */
  include?: readonly string[];
  /** False compiles with --O0: every signal exists, so that each can be forged. */
  optimise?: boolean;
  /** True for circuits of others, which serve as oracles: a warning of the compiler does not fail them. */
  allowWarnings?: boolean;
}

/** Compiles a template as main, or takes it from build/test. Fails on a warning of the compiler. */
export async function compileTemplate(source: CircuitSource): Promise<Circuit> {
  const { file, template, args = [], publicInputs = [], include = [], optimise = true, allowWarnings = false } = source;
  const folders = include.map((folder) => join(ROOT, folder));
  const files = includedFiles(join(ROOT, file), folders);
  const shown = publicInputs.length > 0 ? `{public [${publicInputs.join(", ")}]} ` : "";
  const main = [
    "pragma circom 2.2.0;",
    `include "${relative(join(BUILD, "x"), join(ROOT, file))}";`,
    `component main ${shown}= ${template}(${args.join(", ")});`,
    "",
  ].join("\n");
  const level = optimise ? "--O2" : "--O0";
  const hash = createHash("sha256").update(
    `circom2 ${require("circom2/package.json").version} ${level} ${allowWarnings}\n${main}`,
  );
  for (const path of files) hash.update(`${relative(ROOT, path)}\n`).update(fs.readFileSync(path));
  const folder = join(BUILD, hash.digest("hex").slice(0, 24));
  if (!fs.existsSync(join(folder, "main.wasm"))) await compile({ folder, main, level, folders, allowWarnings });
  const hints = new Set(files.flatMap((path) => hintNames(fs.readFileSync(path, "utf8"))));
  return new Circuit(folder, optimise, hints, await loadWitnessProgram(fs.readFileSync(join(folder, "main.wasm"))));
}

/** A compiled circuit. Signals are named without the leading `main.`. */
export class Circuit {
  readonly #optimised: boolean;
  readonly #folder: string;
  readonly #hints: ReadonlySet<string>;
  readonly #program: Awaited<ReturnType<typeof loadWitnessProgram>>;
  #r1cs?: R1cs;
  #signals?: Map<string, number>;

  constructor(
    folder: string,
    optimised: boolean,
    hints: ReadonlySet<string>,
    program: Awaited<ReturnType<typeof loadWitnessProgram>>,
  ) {
    this.#folder = folder;
    this.#optimised = optimised;
    this.#hints = hints;
    this.#program = program;
  }

  get r1cs(): R1cs {
    return (this.#r1cs ??= parseR1cs(fs.readFileSync(join(this.#folder, "main.r1cs"))));
  }

  get constraints(): number {
    return this.r1cs.constraintCount;
  }

  /** Wire of each signal, -1 where it was optimised away, in the order of .sym: a component before its parts. */
  get signals(): Map<string, number> {
    return (this.#signals ??= new Map(
      fs
        .readFileSync(join(this.#folder, "main.sym"), "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(","))
        .map(([, wire, , name]) => [name.replace(/^main\./, ""), Number(wire)]),
    ));
  }

  /** The honest witness. Throws if the circuit's own program finds none. */
  witness(inputs: Inputs): bigint[] {
    return this.#program(inputs);
  }

  /** Value of one signal, `out` or `parts[3].out`. */
  read(name: string, witness: readonly bigint[]): bigint {
    return witness[this.#wire(name)];
  }

  /** Values of all signals of an array, a bus or a component, in the order of .sym. */
  readAll(prefix: string, witness: readonly bigint[]): bigint[] {
    const names = [...this.signals.keys()].filter(
      (name) => name.startsWith(`${prefix}[`) || name.startsWith(`${prefix}.`),
    );
    if (names.length === 0) throw new Error(`no signal starts with ${prefix}`);
    return names.map((name) => this.read(name, witness));
  }

  satisfies(witness: readonly bigint[]): boolean {
    return firstBroken(this.r1cs, witness) === -1;
  }

  /** The honest witness with the named signals overwritten and nothing recomputed. */
  forge(inputs: Inputs, changes: Record<string, bigint>): bigint[] {
    const witness = this.witness(inputs);
    for (const [name, value] of Object.entries(changes)) witness[this.#wire(name)] = modulo(value);
    return witness;
  }

  /**
   * The witness of a cheat: the named signals are pinned, and all that follows from inputs and pinned signals is
   * computed anew, so that only rules that really bind a pinned signal can be broken. Works on the constraints alone,
   * of a circuit compiled with `optimise: false`:
   * 1. a constraint that is linear in exactly one unknown signal gives that signal;
   * 2. a linear constraint whose unknowns are all bits, times different powers of two, gives those bits;
   * 3. when neither helps, one signal that is assigned by a hint (`<--`) keeps its honest value: first in a component
   *    that waits for nothing else. Pin such a hint if the cheat should choose it too.
   * Inputs may be pinned as well; then `inputs` only serves to make an honest witness.
   */
  solveForged(inputs: Inputs, pinned: Record<string, bigint>): bigint[] {
    if (this.#optimised) throw new Error("solveForged needs a circuit compiled with optimise: false");
    const honest = this.witness(inputs);
    const { constraints, wires, publicOutputs, publicInputs, privateInputs } = this.r1cs;
    const known = Array.from<bigint | undefined>({ length: wires });
    const uses = Array.from({ length: wires }, () => [] as number[]);
    const bits = new Set<number>();
    constraints.forEach((constraint, i) => {
      const [a, b, c] = constraint;
      for (const wire of new Set(constraint.flatMap((part) => [...part.wires]))) uses[wire].push(i);
      // x * (x - 1) = 0, in any order and scale
      const signals = new Set([...a.wires, ...b.wires].filter((wire) => wire !== 0));
      const [x] = signals;
      const zero = (at: bigint) => [a, b].some((part) => isZeroAt(part, at));
      if (c.wires.length === 0 && signals.size === 1 && a.wires.length * b.wires.length > 0 && zero(0n) && zero(1n))
        bits.add(x);
    });
    const components = new Map<string, { waiting: number }>();
    const owner = Array.from<{ waiting: number } | undefined>({ length: wires });
    const hints: { wire: number; component: { waiting: number } }[] = [];
    for (const [name, wire] of this.signals) {
      const path = name.slice(0, Math.max(0, name.lastIndexOf(".")));
      const component = components.get(path) ?? { waiting: 0 };
      components.set(path, component);
      if (this.#hints.has(name.slice(path.length).replace(/^\.|\[.*$/g, ""))) {
        hints.push({ wire, component });
      } else {
        owner[wire] = component;
        component.waiting++;
      }
    }
    // All of them once: a signal that equals a constant waits for no other.
    const queue = [...constraints.keys()];
    const assign = (wire: number, value: bigint) => {
      known[wire] = modulo(value);
      if (owner[wire] !== undefined) owner[wire].waiting--;
      queue.push(...uses[wire]);
    };
    const propagate = () => {
      for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
        const equation = linearise(constraints[i], known);
        if (equation === undefined || equation.terms.size === 0) continue;
        const [[wire, coefficient]] = equation.terms;
        if (equation.terms.size === 1) assign(wire, -equation.constant * inverse(coefficient));
        else if ([...equation.terms.keys()].every((term) => bits.has(term)))
          for (const [bit, value] of decompose(equation) ?? []) assign(bit, value);
      }
    };

    assign(0, 1n);
    const chosen = new Map(Object.entries(pinned).map(([name, value]) => [this.#wire(name), value]));
    for (const [wire, value] of chosen) assign(wire, value);
    for (let wire = 1 + publicOutputs; wire <= publicOutputs + publicInputs + privateInputs; wire++)
      if (!chosen.has(wire)) assign(wire, honest[wire]);
    propagate();

    let open = hints.filter(({ wire }) => known[wire] === undefined);
    while (open.length > 0) {
      const { wire } = open.reduce((best, hint) => (hint.component.waiting < best.component.waiting ? hint : best));
      assign(wire, honest[wire]);
      propagate();
      open = open.filter((hint) => known[hint.wire] === undefined);
    }
    for (let wire = 1; wire < wires; wire++) {
      if (known[wire] === undefined) assign(wire, honest[wire]);
      propagate();
    }
    return known as bigint[];
  }

  #wire(name: string): number {
    const wire = this.signals.get(name);
    if (wire === undefined) throw new Error(`no signal is named ${name}`);
    if (wire === -1) throw new Error(`${name} was optimised away: compile with optimise: false to reach it`);
    return wire;
  }
}

/** The circuit's own program must refuse these inputs. */
export function expectNoWitness(circuit: Circuit, inputs: Inputs): void {
  assert.throws(() => circuit.witness(inputs), /Assert Failed/);
}

/** The file and all that it includes, however deep. */
function includedFiles(file: string, folders: readonly string[], found: string[] = []): string[] {
  if (found.includes(file)) return found;
  found.push(file);
  for (const [, name] of fs.readFileSync(file, "utf8").matchAll(/^\s*include\s+"([^"]+)"/gm)) {
    const path = [dirname(file), ...folders].map((folder) => resolve(folder, name)).find((at) => fs.existsSync(at));
    if (path === undefined) throw new Error(`${basename(file)} includes ${name}, which is not there`);
    includedFiles(path, folders, found);
  }
  return found;
}

/** Names of the signals that a file assigns with `<--`. */
function hintNames(text: string): string[] {
  return [...text.matchAll(/(\w+)(\s*\[[^;=<]*\])?\s*<--/g)].map(([, name]) => name);
}

let compiler: Promise<WebAssembly.Module> | undefined;

/** Runs circom in this process; the folder appears only when it is complete, so that runs side by side do no harm. */
async function compile(task: {
  folder: string;
  main: string;
  level: string;
  folders: readonly string[];
  allowWarnings: boolean;
}): Promise<void> {
  const { folder, main, level, folders, allowWarnings } = task;
  const { CircomRunner, bindings } = require("circom2");
  compiler ??= WebAssembly.compile(fs.readFileSync(require.resolve("circom2/circom.wasm")));
  fs.mkdirSync(BUILD, { recursive: true });
  const work = fs.mkdtempSync(join(BUILD, "work-"));
  fs.writeFileSync(join(work, "main.circom"), main);
  let output = "";
  let exitCode = 0;
  const writeSync = (fd: number, bytes: Uint8Array, offset = 0, length = bytes.byteLength, ...rest: never[]) => {
    if (fd !== 1 && fd !== 2) return fs.writeSync(fd, bytes, offset, length, ...rest);
    output += Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString();
    return length;
  };
  const exit = (code: number) => {
    exitCode = code;
    throw new Error(`exit ${code}`);
  };
  const libraries = folders.flatMap((path) => ["-l", path]);
  const args = [join(work, "main.circom"), "--r1cs", "--wasm", "--sym", level, "--inspect", ...libraries, "-o", work];
  const runner = new CircomRunner({
    args,
    env: {},
    preopens: { "/": "/" },
    bindings: { ...bindings, exit, fs: { ...fs, writeSync } },
  });
  const module = await compiler;
  try {
    runner.wasi.start(await WebAssembly.instantiate(module, runner.wasi.getImports(module)));
  } catch (error) {
    if (!(error as Error).message.startsWith("exit")) output += String(error);
  }
  const written = join(work, "main_js/main.wasm");
  if (exitCode !== 0 || (output.includes("warning[") && !allowWarnings) || !fs.existsSync(written)) {
    fs.rmSync(work, { recursive: true });
    throw new Error(`circom refuses ${main}\n${output}`);
  }
  fs.renameSync(written, join(work, "main.wasm"));
  fs.rmSync(join(work, "main_js"), { recursive: true });
  try {
    fs.renameSync(work, folder);
  } catch {
    fs.rmSync(work, { recursive: true }); // another run was first
  }
}

interface Equation {
  terms: Map<number, bigint>;
  constant: bigint;
}

/** The constraint as `sum of terms + constant = 0` in its unknown signals; undefined where it is not linear in them. */
function linearise([a, b, c]: readonly [Linear, Linear, Linear], known: readonly (bigint | undefined)[]) {
  const [left, right, result] = [a, b, c].map((part) => split(part, known));
  if (left.terms.size > 0 && right.terms.size > 0) return undefined;
  const [factor, other] = left.terms.size > 0 ? [right.constant, left] : [left.constant, right];
  const equation: Equation = { terms: new Map(), constant: modulo(factor * other.constant - result.constant) };
  const add = (wire: number, value: bigint) =>
    equation.terms.set(wire, modulo((equation.terms.get(wire) ?? 0n) + value));
  for (const [wire, value] of other.terms) add(wire, factor * value);
  for (const [wire, value] of result.terms) add(wire, -value);
  for (const [wire, value] of equation.terms) if (value === 0n) equation.terms.delete(wire);
  return equation;
}

function split({ wires, coefficients }: Linear, known: readonly (bigint | undefined)[]): Equation {
  const terms = new Map<number, bigint>();
  let constant = 0n;
  wires.forEach((wire, i) => {
    const value = known[wire];
    if (value === undefined) terms.set(wire, coefficients[i]);
    else constant += coefficients[i] * value;
  });
  return { terms, constant: modulo(constant) };
}

/** Bits whose sum, each times its own power of two (all negated perhaps), is what the equation asks; if there are any. */
function decompose({ terms, constant }: Equation): [number, bigint][] | undefined {
  for (const sign of [1n, -1n]) {
    const powers = [...terms].map(([wire, value]) => ({ wire, power: modulo(sign * value) }));
    const sum = modulo(-sign * constant);
    const mask = powers.reduce((all, { power }) => all | power, 0n);
    const single = powers.every(({ power }) => (power & (power - 1n)) === 0n);
    if (!single || new Set(powers.map(({ power }) => power)).size < powers.length || (sum & ~mask) !== 0n) continue;
    return powers.map(({ wire, power }) => [wire, (sum & power) === 0n ? 0n : 1n]);
  }
  return undefined;
}

/** Value 0 where the only signal of the combination, the constant 1 aside, has the given value. */
function isZeroAt({ wires, coefficients }: Linear, at: bigint): boolean {
  return modulo(coefficients.reduce((sum, value, i) => sum + value * (wires[i] === 0 ? 1n : at), 0n)) === 0n;
}

function modulo(x: bigint): bigint {
  const rest = x % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

function inverse(x: bigint): bigint {
  let [a, b, u, v] = [modulo(x), FIELD, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, u, v] = [b - q * a, a, v - q * u, u];
  }
  return u;
}
