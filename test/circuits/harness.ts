/**
 * What the tests of circuits share: compile a template, compute a witness, read and forge its signals, and ask whether
 * the constraints hold. Compiled circuits stay in build/test, in a folder named for the hash of their sources.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { compile, COMPILER } from "./compile.ts";
import { Checker } from "./checker.ts";
import { Forger, modulo } from "./forger.ts";
import { parseR1cs, type R1cs } from "./r1cs.ts";
import { attribute, numbered as numberedSource, statementsOf, type Statement } from "./statements.ts";
import { usesOf, type Uses } from "./uses.ts";
import { loadWitnessProgram, type InputValue, type WitnessProgram } from "./witnessProgram.ts";

const ROOT = join(import.meta.dirname, "../..");
const BUILD = join(ROOT, "build/test");

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
  const mainOf = (path: string) =>
    [
      "pragma circom 2.2.0;",
      `include "${path}";`,
      `component main ${shown}= ${template}(${args.join(", ")});`,
      "",
    ].join("\n");
  const main = mainOf(relative(join(BUILD, "x"), join(ROOT, file)));
  const level = optimise ? "--O2" : "--O0";
  const hash = createHash("sha256").update(`${COMPILER} ${level} ${allowWarnings}\n${main}`);
  const texts = files.map((path) => fs.readFileSync(path, "utf8"));
  files.forEach((path, i) => hash.update(`${relative(ROOT, path)}\n`).update(texts[i]));
  const folder = join(BUILD, hash.digest("hex").slice(0, 24));
  const load = async () => {
    await compile({ folder, main, level, folders, allowWarnings });
    const program = await loadWitnessProgram(fs.readFileSync(join(folder, "main.wasm")));
    const statements = files.map((path, i) => statementsOf(path, texts[i]));
    const numbered = async () => {
      const copy = `${folder}-numbered`;
      let first = 1;
      files.forEach((path, i) => {
        const to = join(copy, "sources", relative(ROOT, path));
        fs.mkdirSync(dirname(to), { recursive: true });
        fs.writeFileSync(to, numberedSource(texts[i], statements[i], first));
        first += statements[i].length;
      });
      const text = mainOf(join(copy, "sources", file));
      await compile({ folder: join(copy, "compiled"), main: text, level, folders, allowWarnings: true });
      return parseR1cs(fs.readFileSync(join(copy, "compiled/main.r1cs")));
    };
    const source = { statements: statements.flat(), main: template, numbered };
    return new Circuit(folder, optimise, new Set(texts.flatMap(hintNames)), program, source);
  };
  const circuit = loaded.get(folder) ?? load();
  loaded.set(folder, circuit);
  return circuit;
}

/** Circuits of this process: what is read of their files is read once. */
const loaded = new Map<string, Promise<Circuit>>();

/** What a circuit was compiled from. */
interface Source {
  readonly statements: readonly Statement[];
  /** its template */
  readonly main: string;
  /** Compiles it with a number added to each statement that takes one (statements.ts). */
  readonly numbered: () => Promise<R1cs>;
}

/** A compiled circuit. Signals are named without the leading `main.`. */
export class Circuit {
  readonly #optimised: boolean;
  readonly #folder: string;
  readonly #hints: ReadonlySet<string>;
  readonly #program: WitnessProgram;
  readonly #source: Source;
  #rules?: Promise<readonly Statement[]>;
  #r1cs?: R1cs;
  #uses?: Uses;
  #checker?: Checker;
  #signals?: Map<string, number>;
  #forger?: Forger;
  #last?: { inputs: string; witness: readonly bigint[] };

  constructor(folder: string, optimised: boolean, hints: ReadonlySet<string>, program: WitnessProgram, source: Source) {
    this.#source = source;
    this.#folder = folder;
    this.#optimised = optimised;
    this.#hints = hints;
    this.#program = program;
  }

  get r1cs(): R1cs {
    return (this.#r1cs ??= parseR1cs(fs.readFileSync(join(this.#folder, "main.r1cs"))));
  }

  /** Of all templates of its sources. */
  get statements(): readonly Statement[] {
    return this.#source.statements;
  }

  /** The statement of the source that each constraint comes from; of a circuit compiled with `optimise: false`. */
  rules(): Promise<readonly Statement[]> {
    if (this.#optimised) throw new Error("rules needs a circuit compiled with optimise: false");
    const { statements, main, numbered } = this.#source;
    return (this.#rules ??= numbered().then((r1cs) => {
      if (r1cs.constraintCount !== this.constraints) throw new Error("numbers have changed the number of constraints");
      const found = attribute(this.r1cs, r1cs, { signals: this.signals, statements, main });
      const unknown = found.indexOf(undefined);
      if (unknown >= 0) throw new Error(`constraint ${unknown} comes from no statement that is known`);
      return found as readonly Statement[];
    }));
  }

  get constraints(): number {
    return this.r1cs.constraintCount;
  }

  /** Wire of each signal, -1 where it was optimised away, in the order of .sym: a component before its parts. */
  get signals(): ReadonlyMap<string, number> {
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
    const text = JSON.stringify(inputs, (_, value) => (typeof value === "bigint" ? `${value}` : value));
    if (this.#last?.inputs !== text) this.#last = { inputs: text, witness: this.#program(inputs) };
    return [...this.#last.witness];
  }

  /** The first wires of the honest witness after the constant 1: what is public. Throws if there is none. */
  publicValues(inputs: Inputs, count: number): bigint[] {
    return this.#program(inputs, 1 + count).slice(1);
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
    return this.broken(witness).length === 0;
  }

  /** Indices of all constraints that the witness breaks. */
  broken(witness: readonly bigint[]): number[] {
    return (this.#checker ??= new Checker(this.r1cs, this.#index)).broken(witness);
  }

  /** The honest witness with the named signals overwritten and nothing recomputed. */
  forge(inputs: Inputs, changes: Record<string, bigint>): bigint[] {
    const witness = this.witness(inputs);
    for (const [name, value] of Object.entries(changes)) witness[this.#wire(name)] = modulo(value);
    return witness;
  }

  /**
   * The witness of a cheat: the named signals are pinned, and all that follows from inputs and pinned signals is
   * computed anew, as Forger says; of a circuit compiled with `optimise: false`. Pin a hint (`<--`) if the cheat should
   * choose it too. Inputs may be pinned as well; then `inputs` only serves to make an honest witness.
   */
  solveForged(inputs: Inputs, pinned: Record<string, bigint>): bigint[] {
    if (this.#optimised) throw new Error("solveForged needs a circuit compiled with optimise: false");
    const honest = this.witness(inputs);
    assert.deepEqual(this.broken(honest), [], "the honest witness satisfies");
    const wires = new Map(Object.entries(pinned).map(([name, value]) => [this.#wire(name), value]));
    return (this.#forger ??= new Forger(this.r1cs, this.#index, this.signals, this.#hints)).forge(honest, wires);
  }

  get #index(): Uses {
    return (this.#uses ??= usesOf(this.r1cs));
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

/** Names of the signals that a file assigns with `<--`. Only lines that have one are searched: constants are long. */
function hintNames(text: string): string[] {
  const lines = [...text.matchAll(/^.*<--/gm)];
  return lines.flatMap(([line]) => [...line.matchAll(/(\w+)(\s*\[[^;=<]*\])?\s*<--/g)].map(([, name]) => name));
}
