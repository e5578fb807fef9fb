import { outOfRange, TacitError } from "../../../protocol/errors.ts";
import { INSTRUCTION_NAMES, type InstructionName } from "../../../protocol/instructions.ts";
import type { Proof } from "../../../protocol/proof.ts";
import { setWord } from "../../../protocol/words.ts";
import type { InstructionInputs, Signals } from "../../../witness/ledger.ts";

/**
 * What is to be proved, as bytes; `standard` has 16 to 28 kB an instruction:
 *
 *     version         1 byte, 1
 *     name            of the instruction
 *     public inputs   a list
 *     inputs          an object
 *
 *     value    0 to 32: a number of so many bytes, big end first, the first of which is not 0; 33: a list; 34: an object
 *     list     33, count, values
 *     object   34, count, then of each a name and a value, in the order in which they were given
 *     count    7 bits a byte, the low ones first, bit 7 set in all but the last; below 2^28, the last byte not 0 unless alone
 *     name     count: which of the names before; or as many as there were: then a new one follows, 1 to 64 characters of ASCII
 *
 * Every byte has one meaning only, so equal inputs have equal bytes.
 */
const VERSION = 1;
const LIST = 33;
const OBJECT = 34;
const MOST_NAME = 64;
/** Nested values; circuits have some 5. */
const MOST_DEPTH = 16;
const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/** What came as a job is none. Names the place, never what is there: it may be secret. */
function jobFormat(at: number, expected: string): TacitError<"JOB_FORMAT"> {
  return new TacitError("JOB_FORMAT", `byte ${at} of a job is wrong: expected ${expected}`, { at, expected });
}

/** @throws OUT_OF_RANGE  for a number outside of [0, 2^256), a name that no signal has, or too deep a nesting */
export function encodeInstruction({ name, publicInputs, inputs }: InstructionInputs): Uint8Array {
  const writer = new Writer();
  writer.byte(VERSION);
  writer.name(name);
  writer.value(publicInputs as bigint[], 0);
  writer.value(inputs, 0);
  return writer.bytes();
}

/** @throws JOB_FORMAT  where the bytes are not those of `encodeInstruction` */
export function decodeInstruction(bytes: Uint8Array): InstructionInputs {
  const reader = new Reader(bytes);
  if (reader.byte() !== VERSION) throw jobFormat(0, `version ${VERSION}`);
  const name = reader.name() as InstructionName;
  if (!INSTRUCTION_NAMES.includes(name)) throw jobFormat(1, "the name of an instruction");
  const publicInputs = reader.value(0);
  if (!Array.isArray(publicInputs) || !publicInputs.every((x) => typeof x === "bigint"))
    throw jobFormat(reader.at, "public inputs before it");
  const inputs = reader.value(0);
  if (typeof inputs === "bigint" || Array.isArray(inputs)) throw jobFormat(reader.at, "inputs by name before it");
  reader.requireEnd();
  return { name, publicInputs, inputs };
}

class Writer {
  #buffer = Buffer.allocUnsafe(32_768);
  #at = 0;
  readonly #names = new Map<string, number>();

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = value;
  }

  name(name: string): void {
    const known = this.#names.get(name);
    if (known !== undefined) return this.#count(known);
    if (name.length > MOST_NAME || !NAME.test(name)) throw outOfRange("name of a signal", "letters, digits, _ and ., at most 64"); // prettier-ignore
    this.#count(this.#names.size);
    this.#names.set(name, this.#names.size);
    this.byte(name.length);
    this.#room(name.length);
    this.#at += this.#buffer.write(name, this.#at, "latin1");
  }

  value(value: bigint | Signals, depth: number): void {
    if (typeof value === "bigint") return this.#number(value);
    if (depth === MOST_DEPTH) throw outOfRange("inputs", `at most ${MOST_DEPTH} levels`);
    if (Array.isArray(value)) {
      this.byte(LIST);
      this.#count(value.length);
      for (const part of value) this.value(part, depth + 1);
      return;
    }
    const parts = Object.entries(value);
    this.byte(OBJECT);
    this.#count(parts.length);
    for (const [name, part] of parts) {
      this.name(name);
      this.value(part, depth + 1);
    }
  }

  #number(value: bigint): void {
    if (value >> 256n) throw outOfRange("a number", "an integer in [0, 2^256)");
    const hex = value === 0n ? "" : value.toString(16);
    const length = (hex.length + 1) >> 1;
    this.byte(length);
    this.#room(length);
    this.#at += this.#buffer.write(hex.length % 2 ? `0${hex}` : hex, this.#at, "hex");
  }

  #count(value: number): void {
    for (; value >= 128; value >>= 7) this.byte((value & 127) | 128);
    this.byte(value);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#buffer.length);
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

class Reader {
  readonly #buffer: Buffer;
  readonly #names: string[] = [];
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    this.#require(1);
    return this.#buffer[this.at++];
  }

  name(): string {
    const start = this.at;
    const index = this.#count();
    if (index < this.#names.length) return this.#names[index];
    if (index > this.#names.length) throw jobFormat(start, "a name that was there before, or a new one");
    const length = this.byte();
    if (length > MOST_NAME) throw jobFormat(start, `at most ${MOST_NAME} characters`);
    const name = this.#take(length).toString("latin1");
    if (!NAME.test(name) || this.#names.includes(name)) throw jobFormat(start, "a new name of a signal");
    this.#names.push(name);
    return name;
  }

  value(depth: number): bigint | Signals {
    const start = this.at;
    const kind = this.byte();
    if (kind < LIST) {
      const bytes = this.#take(kind);
      if (bytes[0] === 0) throw jobFormat(start, "a number without leading zeros");
      return kind === 0 ? 0n : BigInt(`0x${bytes.toString("hex")}`);
    }
    if (kind > OBJECT) throw jobFormat(start, "a number, a list or an object");
    if (depth === MOST_DEPTH) throw jobFormat(start, `at most ${MOST_DEPTH} levels`);
    const count = this.#count();
    // Each part takes a byte at least.
    this.#require(count);
    if (kind === LIST) return Array.from({ length: count }, () => this.value(depth + 1));
    const names = new Set<string>();
    const parts = Array.from({ length: count }, (): [string, bigint | Signals] => {
      const at = this.at;
      const name = this.name();
      if (names.size === names.add(name).size) throw jobFormat(at, "each name once");
      return [name, this.value(depth + 1)];
    });
    // An own property whatever the name, `__proto__` too.
    return Object.fromEntries(parts);
  }

  requireEnd(): void {
    if (this.at !== this.#buffer.length) throw jobFormat(this.at, "the end");
  }

  #count(): number {
    const start = this.at;
    for (let [value, shift] = [0, 0]; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte >= 128) continue;
      if (byte === 0 && shift > 0) break;
      return value;
    }
    throw jobFormat(start, "a count");
  }

  #take(length: number): Buffer {
    this.#require(length);
    return this.#buffer.subarray(this.at, (this.at += length));
  }

  #require(length: number): void {
    if (this.at + length > this.#buffer.length) throw jobFormat(this.#buffer.length, "more of it");
  }
}

const WORD = 32;
const WORDS = 8;

/** 8 words of 32 bytes, big end first: a, b as [real, imaginary] each, c. @throws OUT_OF_RANGE  for a coordinate of more than 256 bits */
export function encodeProof({ a, b, c }: Proof): Uint8Array {
  const view = new DataView(new ArrayBuffer(WORD * WORDS));
  [...a, ...b.flat(), ...c].forEach((word, i) => {
    if (word >> 256n) throw outOfRange("a proof", "coordinates of the field");
    setWord(view, WORD * i, word);
  });
  return new Uint8Array(view.buffer);
}

/** Whether the coordinates are those of points is for the verifier to say. @returns null where the length is another */
export function decodeProof(bytes: Uint8Array): Proof | null {
  if (bytes.length !== WORD * WORDS) return null;
  const hex = Buffer.from(bytes).toString("hex");
  const [ax, ay, b0, b1, b2, b3, cx, cy] = Array.from({ length: WORDS }, (_, i) =>
    BigInt(`0x${hex.slice(2 * WORD * i, 2 * WORD * (i + 1))}`),
  );
  return { a: [ax, ay], b: [[b0, b1], [b2, b3]], c: [cx, cy] }; // prettier-ignore
}
