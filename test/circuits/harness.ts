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
import { Forger } from "./forger.ts";
import { formulaOf } from "./hints.ts";
import { modulo, parseR1cs, type R1cs } from "./r1cs.ts";
import { isRecording, record, textOf } from "./record.ts";
import {
  attribute,
  hintsOf,
  type Hint,
  idOf,
  missed,
  numbered as numberedSource,
  statementsOf,
  told,
  type Statement,
} from "./statements.ts";
import { usesOf, type Uses } from "./uses.ts";
import { loadWitnessProgram, type InputValue, type WitnessProgram } from "./witnessProgram.ts";

const ROOT = join(import.meta.dirname, "../..");

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
  /** False where, without optimisation, nothing is asked of its rules: it is compiled once, not twice. */
  attributed?: boolean;
  /** A circuit of which this one is a mutant: where both have as many constraints, each is taken to come from the same rule. */
  like?: Circuit;
  /** True where only answers are asked: no constraints are written. */
  answersOnly?: boolean;
  /** Folder of the repository, or of a copy of its circuits; what is compiled of a copy stays there. */
  root?: string;
  /** True for circuits of others, which serve as oracles: a warning of the compiler does not fail them. */
  allowWarnings?: boolean;
}

/** Compiles a template as main, or takes it from build/test. Fails on a warning of the compiler. */
export async function compileTemplate(source: CircuitSource): Promise<Circuit> {
  const { file, template, args = [], publicInputs = [], include = [], optimise = true, allowWarnings = false } = source;
  const { root = ROOT, attributed = true, like, answersOnly = false } = source;
  const build = join(root, "build/test");
  const folders = include.map((folder) => join(root, folder));
  const files = includedFiles(join(root, file), folders);
  const shown = publicInputs.length > 0 ? `{public [${publicInputs.join(", ")}]} ` : "";
  const mainOf = (path: string) =>
    [
      "pragma circom 2.2.0;",
      `include "${path}";`,
      `component main ${shown}= ${template}(${args.join(", ")});`,
      "",
    ].join("\n");
  const main = mainOf(relative(join(build, "x"), join(root, file)));
  const level = optimise ? "--O2" : "--O0";
  const hash = createHash("sha256").update(
    `${COMPILER} ${level} ${allowWarnings}${answersOnly ? " answers" : ""}\n${main}`,
  );
  const texts = files.map((path) => fs.readFileSync(path, "utf8"));
  files.forEach((path, i) => hash.update(`${relative(root, path)}\n`).update(texts[i]));
  const folder = join(build, hash.digest("hex").slice(0, 24));
  const load = async () => {
    await compile({ folder, main, level, folders, allowWarnings, only: answersOnly ? "program" : undefined });
    const program = await loadWitnessProgram(fs.readFileSync(join(folder, "main.wasm")));
    const statements = files.map((path, i) => statementsOf(path, texts[i]));
    const numbered = async () => {
      const copy = `${folder}-numbered`;
      let first = 1;
      files.forEach((path, i) => {
        const to = join(copy, "sources", relative(root, path));
        fs.mkdirSync(dirname(to), { recursive: true });
        fs.writeFileSync(to, numberedSource(texts[i], statements[i], first));
        first += statements[i].length;
      });
      const text = mainOf(join(copy, "sources", file));
      await compile({ folder: join(copy, "compiled"), main: text, level, folders, allowWarnings: true, only: "constraints" }); // prettier-ignore
      return parseR1cs(fs.readFileSync(join(copy, "compiled/main.r1cs")));
    };
    const id = JSON.stringify({ file, template, args, publicInputs, include });
    if (optimise || answersOnly) return new Circuit(id, folder, program);
    const unoptimised = { statements: statements.flat(), main: template };
    if (like) {
      const circuit = new Circuit(id, folder, program, { ...unoptimised, rules: like.rules });
      if (circuit.constraints === like.constraints) return circuit;
    }
    const tagged = attributed ? await numbered() : undefined;
    return new Circuit(id, folder, program, { ...unoptimised, tagged });
  };
  const key = `${folder} ${attributed}`;
  const circuit = loaded.get(key) ?? load();
  if (root === ROOT) loaded.set(key, circuit);
  return circuit;
}

/** Circuits of the repository in this process: what is read of their files is read once. */
const loaded = new Map<string, Promise<Circuit>>();

/** What a circuit without optimisation was compiled from. */
interface Source {
  readonly statements: readonly Statement[];
  /** its template */
  readonly main: string;
  /** compiled with a number added to each statement that takes one (statements.ts) */
  readonly tagged?: R1cs;
  /** by constraint, where they are known already */
  readonly rules?: readonly (readonly Statement[])[];
}

/** A compiled circuit. Signals are named without the leading `main.`. */
export class Circuit {
  /** its source */
  readonly #id: string;
  readonly #folder: string;
  readonly #program: WitnessProgram;
  readonly #source?: Source;
  #rules?: readonly (readonly Statement[])[];
  #r1cs?: R1cs;
  #uses?: Uses;
  #checker?: Checker;
  #signals?: Map<string, number>;
  #forger?: Forger;
  #names?: Map<number, string>;
  #hints?: readonly Hint[];
  #madeBy?: ReadonlyMap<number, { name: string; statement: Statement }>;
  #last?: { inputs: string; witness: readonly bigint[]; satisfies?: true };

  constructor(id: string, folder: string, program: WitnessProgram, source?: Source) {
    this.#id = id;
    this.#folder = folder;
    this.#program = program;
    this.#source = source;
  }

  get r1cs(): R1cs {
    return (this.#r1cs ??= parseR1cs(fs.readFileSync(join(this.#folder, "main.r1cs"))));
  }

  /** Of all templates of its sources. */
  get statements(): readonly Statement[] {
    return this.#unoptimised.statements;
  }

  /** The statement of the source that each constraint comes from, behind those whose anonymous component it is in. */
  get rules(): readonly (readonly Statement[])[] {
    const { statements, main, tagged, rules } = this.#unoptimised;
    if (rules) return rules;
    if (this.#rules) return this.#rules;
    if (tagged === undefined) throw new Error("rules need a circuit that is attributed");
    if (tagged.constraintCount !== this.constraints) throw new Error("numbers have changed the number of constraints");
    const found = attribute(this.r1cs, tagged, { signals: this.signals, statements, main });
    const unknown = found.indexOf(undefined);
    if (unknown >= 0) throw new Error(`constraint ${unknown} comes from no statement that is known`);
    return (this.#rules = found as readonly (readonly Statement[])[]);
  }

  get #unoptimised(): Source {
    if (this.#source === undefined) throw new Error("rules and forgeries need a circuit compiled with optimise: false");
    return this.#source;
  }

  /** Bytes of its constraint system. */
  get bytes(): number {
    return fs.statSync(join(this.#folder, "main.r1cs")).size;
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
    const text = textOf(inputs);
    if (this.#last?.inputs !== text) this.#last = { inputs: text, witness: this.#computed(inputs) };
    return [...this.#last.witness];
  }

  /** What the circuit's program makes of inputs. */
  #computed(inputs: Inputs, wires?: number): bigint[] {
    if (!isRecording()) return this.#program(inputs, wires);
    let witness: bigint[] | undefined;
    try {
      return (witness = this.#program(inputs, wires));
    } finally {
      // Of a circuit of which answers alone are asked no constraints are there.
      const outputs = witness?.slice(1, wires ?? 1 + this.r1cs.publicOutputs) ?? null;
      record({ kind: "witness", circuit: this.#id, inputs, outputs });
    }
  }

  /** The first wires of the honest witness after the constant 1: what is public. Throws if there is none. */
  publicValues(inputs: Inputs, count: number): bigint[] {
    return this.#computed(inputs, 1 + count).slice(1);
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
    const honest = this.witness(inputs);
    const last = this.#last!;
    if (!last.satisfies) assert.deepEqual(this.broken(honest), [], "the honest witness satisfies");
    last.satisfies = true;
    const wires = new Map(Object.entries(pinned).map(([name, value]) => [this.#wire(name), value]));
    return this.#solver.forge(honest, wires);
  }

  /**
   * The statements that a witness breaks, each behind those whose anonymous component it is in. So long as it is one, the
   * witness shows that without it more would have a proof.
   */
  brokenRules(witness: readonly bigint[]): (readonly Statement[])[] {
    return [...new Map(this.broken(witness).map((i) => [this.rules[i].map(told).join(), this.rules[i]])).values()];
  }

  /** Whether a statement binds a signal: it computes it, or, of a hint and what depends on one, it is of that template. */
  #binds({ template, start }: Statement, name: string): boolean {
    const made = this.#made.get(this.#wire(name));
    if (made === undefined || made.statement.template !== template) return false;
    return made.statement.start === start || this.#solver.floats(this.#wire(name));
  }

  /** By wire: its name and the statement that computes or assigns it; of inputs none. */
  get #made(): ReadonlyMap<number, { name: string; statement: Statement }> {
    if (this.#madeBy) return this.#madeBy;
    const hints = new Map(this.#allHints.map((hint) => [hint.wire, hint.statement]));
    const found = [...this.signals].flatMap(([name, wire]) => {
      const constraint = this.#solver.computes(wire);
      const statement = constraint === undefined ? hints.get(wire) : this.rules[constraint].at(-1);
      return statement ? [[wire, { name, statement }] as const] : [];
    });
    return (this.#madeBy = new Map(found));
  }

  /** The only signal whose name fits: of an anonymous component it has its place in the source. */
  named(pattern: RegExp): string {
    const found = [...this.signals.keys()].filter((name) => pattern.test(name));
    if (found.length !== 1) throw new Error(`${found.length} signals are named ${pattern}`);
    return found[0];
  }

  /** Each signal that a rule computes or a hint assigns, with that statement. */
  computed(): { name: string; statement: Statement }[] {
    return [...this.#made.values()];
  }

  get #allHints(): readonly Hint[] {
    const { statements, main } = this.#unoptimised;
    return (this.#hints ??= hintsOf(this.signals, statements, main));
  }

  /** The hints of the component of a signal. */
  hintsBeside(name: string): string[] {
    const component = name.slice(0, Math.max(0, name.lastIndexOf(".")));
    const beside = this.#allHints.filter((hint) => hint.component === component);
    return beside.map(({ signal }) => (component === "" ? signal : `${component}.${signal}`));
  }

  /** Inputs that stand in the constraints of a statement, themselves or copied: of its first and its last constraint. */
  inputsBehind(statement: Statement): string[] {
    const found = this.rules.flatMap((rules, i) => (rules.includes(statement) ? [i] : []));
    const wires = [found[0], found.at(-1)!].flatMap((i) => this.#solver.wiresOf(i));
    return [...new Set(wires.map((wire) => this.#solver.source(wire)))].flatMap((wire) => this.#inputName(wire) ?? []);
  }

  /**
   * An input, not pinned yet, with a value for which a rule is met that the witness breaks, other than a statement and rules
   * that compute; if there is one.
   */
  repaired(
    witness: readonly bigint[],
    pinned: Readonly<Record<string, bigint>>,
    except?: Statement,
  ): Record<string, bigint> | undefined {
    for (const i of this.broken(witness)) {
      if (this.rules[i].includes(except!) || this.rules[i].at(-1)!.operator !== "===") continue;
      for (const wire of this.#solver.wiresOf(i)) {
        const name = this.#inputName(this.#solver.source(wire));
        if (name === undefined || name in pinned) continue;
        const value = this.#solver.valueFor(i, wire, witness);
        if (value !== undefined) return { [name]: value };
      }
    }
    return undefined;
  }

  /** Name of a wire if it is an input of main. */
  #inputName(wire: number): string | undefined {
    const { publicOutputs, publicInputs, privateInputs } = this.r1cs;
    if (wire <= publicOutputs || wire > publicOutputs + publicInputs + privateInputs) return undefined;
    this.#names ??= new Map([...this.signals].map(([name, at]) => [at, name]));
    return this.#names.get(wire);
  }

  /**
   * No proof of this cheat, by one rule alone.
   * @param pinned   values by signals
   * @param rule     part of that statement, or of one whose anonymous component it is in; without it the rule must be one
   *                 that computes a pinned signal; of a hint, or what depends on one, any rule of its template
   * @param follows  inputs of the cheat, in order, each with the signal whose value it takes
   * @returns the forged witness
   */
  refuses(
    inputs: Inputs,
    pinned: Readonly<Record<string, bigint>>,
    rule?: string,
    follows: Readonly<Record<string, string>> = {},
  ): bigint[] {
    let forged = this.solveForged(inputs, pinned);
    const pins = { ...pinned };
    for (const [input, signal] of Object.entries(follows)) {
      pins[input] = this.read(signal, forged);
      forged = this.solveForged(inputs, pins);
    }
    const names = Object.keys(pins);
    for (const name of names) assert.equal(this.read(name, forged), modulo(pins[name]), name);
    const broken = this.brokenRules(forged);
    const says = broken.map((rules) => rules.map(told).join(" > ")).join("; ");
    assert.equal(broken.length, 1, `${names.join(", ")}: breaks ${says || "nothing"}, not one rule`);
    if (rule === undefined)
      assert.ok(
        names.some((name) => this.#binds(broken[0].at(-1)!, name)),
        `${names.join(", ")}: breaks ${says}, not what binds it`,
      );
    else assert.ok(says.includes(rule), `${names.join(", ")}: breaks ${says}, not ${rule}`);
    this.refused(inputs, pins, broken);
    return forged;
  }

  /** Keeps that a cheat breaks these rules. */
  refused(inputs: Inputs, pinned: Readonly<Record<string, bigint>>, broken: readonly (readonly Statement[])[]): void {
    if (isRecording()) record({ kind: "refused", circuit: this.#id, inputs, pinned, rules: missed(broken).map(idOf) });
  }

  get #solver(): Forger {
    if (this.#forger) return this.#forger;
    const hints = this.#allHints.map((hint) => ({
      wire: hint.wire,
      ...formulaOf(hint, (name) => this.#wire(name)),
    }));
    const computing = (i: number) => this.rules[i].at(-1)!.operator !== "===";
    return (this.#forger = new Forger(this.r1cs, this.#index, this.signals, hints, computing));
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

/** The signals of an input, an array or a bus, each with its value: what pins it whole. */
export function pinsOf(name: string, value: InputValue): Record<string, bigint> {
  if (typeof value !== "object") return { [name]: BigInt(value) };
  const parts = Array.isArray(value)
    ? value.map((part: InputValue, i) => pinsOf(`${name}[${i}]`, part))
    : Object.entries(value).map(([field, part]) => pinsOf(`${name}.${field}`, part as InputValue));
  return Object.assign({}, ...parts) as Record<string, bigint>;
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
