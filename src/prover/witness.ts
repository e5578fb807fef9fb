import { TacitError } from "../protocol/errors.ts";
import { writeSections } from "./sections.ts";

/** Inputs of a circuit by the names in its source: arrays nest as they do there, buses are objects. */
export interface CircuitInputs {
  readonly [signal: string]: SignalValue;
}
export type SignalValue = bigint | readonly SignalValue[] | { readonly [signal: string]: SignalValue };

/** One input of a circuit under its flat name ("line[0].from.x"), and of how many field elements it consists. */
export interface InputSignal {
  name: string;
  size: number;
}

/** What circom's witness programs export. Signal names travel as two halves of their 64-bit FNV-1a hash. */
interface Exports {
  memory: WebAssembly.Memory;
  getVersion(): number;
  getFieldNumLen32(): number;
  getRawPrime(): void;
  getSharedRWMemoryStart(): number;
  getInputSize(): number;
  getWitnessSize(): number;
  getInputSignalSize(high: number, low: number): number;
  getMessageChar(): number;
  init(sanityCheck: number): void;
  setInputSignal(high: number, low: number, index: number): void;
  getWitness(wire: number): void;
}

const BYTES = 32;
const WORDS = BYTES / 4;
const ASSERT_FAILED = 4;
const FAILURES: Record<number, string> = {
  1: "signal not found",
  2: "too many signals set",
  3: "signal already set",
  [ASSERT_FAILED]: "a constraint does not hold",
  5: "not enough memory",
  6: "input array exceeded",
  7: "array index out of bounds",
};

/**
 * Runs the witness program that circom compiled for one circuit. It stays warm between calls; after a call that threw,
 * make a new one, as the program may have stopped half way.
 */
export class WitnessProgram {
  readonly prime: bigint;
  /** number of wires */
  readonly size: number;
  readonly #exports: Exports;
  readonly #shared: number;
  readonly #signals: readonly InputSignal[];
  readonly #hashes = new Map<string, [high: number, low: number]>();
  #failure: TacitError | undefined;

  /** @param signals  the circuit's inputs, if known: then the error for a missing one can name it */
  static async start(module: WebAssembly.Module, signals: readonly InputSignal[] = []): Promise<WitnessProgram> {
    let program: WitnessProgram | undefined;
    const message = () => program?.readMessage() ?? "";
    const trace: string[] = [];
    const runtime = {
      exceptionHandler: (code: number) => {
        const failure = witnessFailure(code, trace.splice(0));
        if (program) program.#failure = failure;
        throw failure;
      },
      printErrorMessage: () => void trace.push(message()),
      // What circuits log may be secret: read, so that nothing piles up, and dropped.
      writeBufferMessage: () => void message(),
      showSharedRWMemory: () => {},
    };
    let instance: WebAssembly.Instance;
    try {
      instance = await WebAssembly.instantiate(module, { runtime });
    } catch (cause) {
      throw notAProgram(cause instanceof Error ? cause.message : "it does not start");
    }
    program = new WitnessProgram(instance.exports as unknown as Exports, signals);
    return program;
  }

  private constructor(exports: Exports, signals: readonly InputSignal[]) {
    if (typeof exports.getVersion !== "function" || exports.getVersion() !== 2)
      throw notAProgram("expected one that circom 2 compiled");
    if (exports.getFieldNumLen32() * 4 !== BYTES) throw notAProgram("expected field elements of 32 bytes");
    this.#exports = exports;
    this.#signals = signals;
    this.#shared = exports.getSharedRWMemoryStart();
    exports.getRawPrime();
    this.prime = this.#readShared();
    this.size = exports.getWitnessSize();
  }

  /**
   * All wires, 32 bytes each, little endian, reduced.
   * @throws TacitError WITNESS_INPUT  an input is unknown, missing, of the wrong size, or not a field element
   * @throws TacitError WITNESS        a constraint does not hold: names template and line, never a value
   */
  calculate(inputs: CircuitInputs): Uint8Array {
    const exports = this.#exports;
    const flat = flattenInputs(inputs);
    let given = 0;
    for (const [name, values] of flat) {
      const size = this.inputSize(name);
      if (size <= 0) throw badInput(name, "unknown", "the circuit has no such input");
      if (values.length !== size) throw badInput(name, "size", `expected ${size} values, got ${values.length}`);
      for (const value of values)
        if (typeof value !== "bigint" || value < 0n || value >= this.prime)
          throw badInput(name, "value", "expected field elements, as bigints in [0, p)");
      given += size;
    }
    if (given < exports.getInputSize()) {
      const missing = this.#signals.find(({ name }) => !flat.has(name))?.name;
      throw badInput(missing, "missing", `got ${given} of ${exports.getInputSize()} values`);
    }
    return this.#running(() => {
      exports.init(0);
      for (const [name, values] of flat) {
        const [high, low] = this.#hash(name);
        values.forEach((value, index) => {
          this.#writeShared(value as bigint);
          exports.setInputSignal(high, low, index);
        });
      }
      return this.#readWires();
    });
  }

  /** How many field elements an input of this flat name takes, 0 when there is none of this name. */
  inputSize(name: string): number {
    return this.#exports.getInputSignalSize(...this.#hash(name));
  }

  /** The inputs of the circuit, given the signal names that circom wrote to its .sym file. */
  inputSignals(sym: string): InputSignal[] {
    const found = new Map<string, number>();
    let open = this.#exports.getInputSize();
    for (let start = 0; open > 0 && start < sym.length;) {
      const end = sym.indexOf("\n", start) < 0 ? sym.length : sym.indexOf("\n", start);
      const label = sym.slice(start, end).split(",")[3] ?? "";
      const name = label.slice(label.indexOf(".") + 1).replace(/(\[\d+\])+$/, "");
      // A bus inside an array keeps its index: only the indexes of a signal itself are dropped.
      if (!found.has(name)) {
        const size = this.inputSize(name);
        if (size > 0) {
          found.set(name, size);
          open -= size;
        }
      }
      start = end + 1;
    }
    return [...found].map(([name, size]) => ({ name, size }));
  }

  /** The text that the program has ready, up to its end mark. */
  readMessage(): string {
    let text = "";
    for (let char = this.#exports.getMessageChar(); char !== 0; char = this.#exports.getMessageChar())
      text += String.fromCharCode(char);
    return text;
  }

  #running<T>(run: () => T): T {
    this.#failure = undefined;
    try {
      return run();
    } catch (error) {
      // A failing template is reported once for itself and once for each that contains it: the first report counts.
      throw this.#failure ?? (error instanceof TacitError ? error : witnessFailure(0, []));
    }
  }

  #hash(name: string): [high: number, low: number] {
    let hash = this.#hashes.get(name);
    if (!hash) this.#hashes.set(name, (hash = fnv1a(name)));
    return hash;
  }

  /** Every wire goes through the same 32 bytes; copied as words, since a view or a call for each would cost more than it. */
  #readWires(): Uint8Array {
    const { memory, getWitness } = this.#exports;
    const from = new Uint32Array(memory.buffer, this.#shared, WORDS);
    const witness = new Uint32Array(this.size * WORDS);
    for (let wire = 0, at = 0; wire < this.size; wire++, at += WORDS) {
      getWitness(wire);
      for (let i = 0; i < WORDS; i++) witness[at + i] = from[i];
    }
    return new Uint8Array(witness.buffer);
  }

  #writeShared(value: bigint): void {
    const view = new DataView(this.#exports.memory.buffer, this.#shared, BYTES);
    for (let i = 0; i < 4; i++) view.setBigUint64(8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
  }

  #readShared(): bigint {
    const view = new DataView(this.#exports.memory.buffer, this.#shared, BYTES);
    let value = 0n;
    for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(8 * i, true);
    return value;
  }
}

/** A witness as the .wtns file that provers read. */
export function wtnsFile(witness: Uint8Array, prime: bigint): Uint8Array {
  const head = new Uint8Array(4 + BYTES + 4);
  const view = new DataView(head.buffer);
  view.setUint32(0, BYTES, true);
  for (let i = 0; i < 4; i++) view.setBigUint64(4 + 8 * i, BigInt.asUintN(64, prime >> BigInt(64 * i)), true);
  view.setUint32(4 + BYTES, witness.length / BYTES, true);
  return writeSections("wtns", 2, [
    [1, head],
    [2, witness],
  ]);
}

/** Inputs by flat name: arrays of numbers under the name of their signal, parts of buses under "bus.part". */
export function flattenInputs(inputs: CircuitInputs): Map<string, unknown[]> {
  const flat = new Map<string, unknown[]>();
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) {
      const leaves = value.flat(Infinity);
      if (leaves.length === 0) return;
      if (!leaves.some(isRecord)) put(name, leaves);
      else value.forEach((part, index) => add(`${name}[${index}]`, part));
    } else if (isRecord(value)) {
      for (const [key, part] of Object.entries(value)) add(name === "" ? key : `${name}.${key}`, part);
    } else put(name, [value]);
  };
  const put = (name: string, leaves: unknown[]): void => {
    if (flat.has(name)) throw badInput(name, "twice", "the same signal is given twice");
    flat.set(name, leaves);
  };
  if (!isRecord(inputs)) throw badInput(undefined, "value", "expected an object of signals");
  add("", inputs);
  return flat;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fnv1a(name: string): [high: number, low: number] {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < name.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(i))) * 0x100000001b3n);
  return [Number(hash >> 32n) | 0, Number(BigInt.asUintN(32, hash)) | 0];
}

/** Circom's report has one line per template, the failing one first: "Error in template Name_4 line: 12". */
function witnessFailure(code: number, report: string[]): TacitError<"WITNESS"> {
  const trace = [...report.join("\n").matchAll(/template (\w+?)(?:_\d+)? line: (\d+)/g)].map(([, template, line]) => ({
    template,
    line: Number(line),
  }));
  const [first] = trace;
  const reason = FAILURES[code] ?? "the witness program stopped";
  const where = first ? `${first.template}, line ${first.line}` : "a place that circom does not name";
  return new TacitError("WITNESS", `no witness: ${reason} in ${where}`, { ...first, reason, trace });
}

type InputProblem = "unknown" | "missing" | "size" | "value" | "twice";

function badInput(signal: string | undefined, problem: InputProblem, text: string): TacitError<"WITNESS_INPUT"> {
  return new TacitError("WITNESS_INPUT", `input ${signal ?? "of the circuit"} is wrong (${problem}): ${text}`, {
    signal,
    problem,
  });
}

function notAProgram(problem: string): TacitError<"FILE_FORMAT"> {
  return new TacitError("FILE_FORMAT", `not a sound witness program: ${problem}`, { format: "wasm", problem });
}
