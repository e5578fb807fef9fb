/** Loader of the witness programs (.wasm) that circom writes. */
import { FIELD } from "../../src/protocol/poseidon.ts";

export type InputValue = bigint | number | readonly InputValue[] | { readonly [field: string]: InputValue };

interface Exports {
  init(sanityCheck: number): void;
  getFieldNumLen32(): number;
  getInputSize(): number;
  getInputSignalSize(high: number, low: number): number;
  setInputSignal(high: number, low: number, index: number): void;
  getWitnessSize(): number;
  getWitness(index: number): void;
  getMessageChar(): number;
  readSharedRWMemory(index: number): number;
  writeSharedRWMemory(index: number, value: number): void;
}

const FAULTS = [
  "",
  "Signal not found",
  "Too many signals set",
  "Signal already set",
  "Assert Failed",
  "Not enough memory",
  "Index out of range",
];

/** A function from inputs to the whole witness, which throws where an assertion or a constraint of the circuit fails. */
export async function loadWitnessProgram(bytes: Uint8Array): Promise<(inputs: Record<string, InputValue>) => bigint[]> {
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
  const words = program.getFieldNumLen32();

  return (inputs) => {
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
        for (let i = 0; i < words; i++, rest >>= 32n) program.writeSharedRWMemory(i, Number(rest & 0xffffffffn));
        set++;
        program.setInputSignal(high, low, index);
      });
    }
    if (set < program.getInputSize()) throw new Error(`${set} of ${program.getInputSize()} inputs are given`);
    return Array.from({ length: program.getWitnessSize() }, (_, wire) => {
      program.getWitness(wire);
      let value = 0n;
      for (let i = words - 1; i >= 0; i--) value = (value << 32n) | BigInt(program.readSharedRWMemory(i) >>> 0);
      return value;
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
