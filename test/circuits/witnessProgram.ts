/** Loader of the witness programs (.wasm) that circom writes. */
import { FIELD } from "../../src/protocol/poseidon.ts";

export type InputValue = bigint | number | readonly InputValue[] | { readonly [field: string]: InputValue };

interface Exports {
  memory: WebAssembly.Memory;
  init(sanityCheck: number): void;
  getFieldNumLen32(): number;
  getInputSize(): number;
  getInputSignalSize(high: number, low: number): number;
  setInputSignal(high: number, low: number, index: number): void;
  getWitnessSize(): number;
  getWitness(index: number): void;
  getMessageChar(): number;
  getSharedRWMemoryStart(): number;
}

/** Of 32 bits, in a field element. */
const WORDS = 8;

const FAULTS = [
  "",
  "Signal not found",
  "Too many signals set",
  "Signal already set",
  "Assert Failed",
  "Not enough memory",
  "Index out of range",
];

/**
 * From inputs to the witness, or to its first wires. Throws where an assertion or a constraint of the circuit fails.
 */
export type WitnessProgram = (inputs: Record<string, InputValue>, wires?: number) => bigint[];

export async function loadWitnessProgram(bytes: Uint8Array): Promise<WitnessProgram> {
  let said = "";
  const message = () => {
    let text = "";
    for (let code = program.getMessageChar(); code !== 0; code = program.getMessageChar())
      text += String.fromCharCode(code);
    return text;
  };
  const runtime = {
    exceptionHandler(code: number) {
      throw new Error(`${FAULTS[code] ?? "Unknown fault"}\n${said}`);
    },
    printErrorMessage: () => (said += `${message()}\n`),
    writeBufferMessage: () => void message(),
    showSharedRWMemory: () => undefined,
  };
  const module = await WebAssembly.compile(bytes as BufferSource);
  const { exports } = await WebAssembly.instantiate(module, { runtime });
  const program = exports as unknown as Exports;
  if (program.getFieldNumLen32() !== WORDS) throw new Error("not over a field of 254 bits");
  /** Through which values pass in and out; the memory may have moved by the next call. */
  const shared = () => new Uint32Array(program.memory.buffer, program.getSharedRWMemoryStart(), WORDS);

  return (inputs, wires = program.getWitnessSize()) => {
    said = "";
    program.init(0);
    let set = 0;
    for (const [name, values] of flatten(inputs)) {
      const [high, low] = fnv1a(name);
      const size = program.getInputSignalSize(high, low);
      if (size < 0) throw new Error(`no input is named ${name}`);
      if (size !== values.length) throw new Error(`${name} takes ${size} values, not ${values.length}`);
      values.forEach((value, index) => {
        let rest = ((BigInt(value) % FIELD) + FIELD) % FIELD;
        const words = shared();
        for (let i = 0; i < WORDS; i++, rest >>= 32n) words[i] = Number(rest & 0xffffffffn);
        set++;
        program.setInputSignal(high, low, index);
      });
    }
    if (set < program.getInputSize()) throw new Error(`${set} of ${program.getInputSize()} inputs are given`);
    const words = shared();
    const longs = new BigUint64Array(words.buffer, words.byteOffset, WORDS / 2);
    return Array.from({ length: wires }, (_, wire) => {
      program.getWitness(wire);
      // Most wires are bits.
      if ((words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7]) === 0) return BigInt(words[0]);
      return (((((longs[3] << 64n) | longs[2]) << 64n) | longs[1]) << 64n) | longs[0];
    });
  };
}

/** Inputs by the names that circom gives them: an array of numbers is one input, each field of a bus is its own. */
function flatten(inputs: Record<string, InputValue>): [string, (bigint | number)[]][] {
  const walk = (name: string, value: InputValue): [string, (bigint | number)[]][] => {
    if (typeof value === "bigint" || typeof value === "number") return [[name, [value]]];
    if (!Array.isArray(value)) return Object.entries(value).flatMap(([field, part]) => walk(`${name}.${field}`, part));
    const flat = value.flat(Infinity) as InputValue[];
    if (flat.every((part) => typeof part !== "object")) return [[name, flat as (bigint | number)[]]];
    return value.flatMap((part, i) => walk(`${name}[${i}]`, part));
  };
  return Object.entries(inputs).flatMap(([name, value]) => walk(name, value));
}

/** Hash of 64 bits under which the program knows an input, as two words. */
function fnv1a(name: string): [high: number, low: number] {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & ((1n << 64n) - 1n);
  return [Number(hash >> 32n), Number(hash & 0xffffffffn)];
}
