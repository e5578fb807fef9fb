import { TacitError } from "../protocol/errors.ts";
import { FIELD } from "../protocol/numbers.ts";
import { readR1csRows } from "./r1cs.ts";
import { badFile, dataView } from "./sections.ts";

/**
 * The constraints of a circuit in the form that the kernel in kernels/rows.ts reads, some 4 to 8 bytes an entry. Plain
 * arrays: they go to other threads as they are.
 */
export interface Rows {
  readonly wires: number;
  readonly constraints: number;
  /** combination by combination, as the kernel wants it */
  readonly stream: Uint32Array;
  /** the coefficients that occur, each once: c 2^261 mod p as 9 limbs of 29 bits */
  readonly table: Uint32Array;
}

interface Kernel {
  memory: WebAssembly.Memory;
  spread(from: number, to: number, count: number): number;
  check(stream: number, rows: number, wires: number, table: number): number;
}

const BYTES = 32;
/** of an entry of a row: wire and coefficient */
const ENTRY_BYTES = 4 + BYTES;
const PAGE_BYTES = 65_536;

/** What the kernel and its callers agree on: field elements as 9 limbs of 29 bits, 4 bytes each. */
export const LIMBS = 9;
export const LIMB_BITS = 29;
export const ELEMENT_BYTES = 4 * LIMBS;
/** Most coefficients of 1, and of -1, that a combination takes as such; further ones are terms. */
export const MAX_UNITS = 128;
export const MAX_TERMS = 16_384;
/** Memory at the bottom that is the kernel's own. */
export const RESERVED_BYTES = 1024;

/**
 * Reads the rows of a .r1cs file. It has few distinct coefficients: they go into a table, 1 and -1 need none.
 * @throws TacitError FILE_FORMAT  also when a combination has more than 16,384 terms, which the kernel cannot sum
 */
export function readRows(bytes: Uint8Array): Rows {
  const { rows, entries, wires, constraints } = readR1csRows(bytes);
  const view = dataView(rows);
  const stream = new Uint32Array(9 * constraints + 2 * entries.reduce((a, b) => a + b));
  const coefficients = new Coefficients();
  const [one, minusOne] = [coefficients.of(1n), coefficients.of(FIELD - 1n)];
  const numbers: number[] = [];
  let [at, end] = [0, 0];
  for (let combination = 0; combination < 3 * constraints; combination++) {
    const count = view.getUint32(at, true);
    at += 4;
    let [plus, minus] = [0, 0];
    for (let i = 0; i < count; i++) {
      numbers[i] = coefficients.at(view, at + i * ENTRY_BYTES + 4);
      if (numbers[i] === one && plus < MAX_UNITS) plus++;
      else if (numbers[i] === minusOne && minus < MAX_UNITS) minus++;
    }
    const terms = count - plus - minus;
    if (terms > MAX_TERMS)
      throw badFile("r1cs", `constraint ${Math.floor(combination / 3)} has a sum of more than ${MAX_TERMS} terms`);
    stream[end++] = plus;
    stream[end++] = minus;
    stream[end++] = terms;
    let [plusAt, minusAt, termsAt] = [end, end + plus, end + plus + minus];
    const [minusFrom, termsFrom] = [minusAt, termsAt];
    for (let i = 0; i < count; i++, at += ENTRY_BYTES) {
      const wire = view.getUint32(at, true) * ELEMENT_BYTES;
      if (numbers[i] === one && plusAt < minusFrom) stream[plusAt++] = wire;
      else if (numbers[i] === minusOne && minusAt < termsFrom) stream[minusAt++] = wire;
      else {
        stream[termsAt++] = numbers[i] * ELEMENT_BYTES;
        stream[termsAt++] = wire;
      }
    }
    end = termsAt;
  }
  return { wires, constraints, stream: stream.slice(0, end), table: coefficients.table() };
}

/** Field elements of 32 bytes, numbered as they come, each once. */
class Coefficients {
  /** hash table with open addressing, less than half full: 1 + number, or 0 where free */
  #slots = new Uint32Array(1 << 16);
  readonly #hashes: number[] = [];
  /** eight an element */
  readonly #words: number[] = [];
  readonly #values: bigint[] = [];

  /**
   * The number of the element at this offset.
   * @throws TacitError FILE_FORMAT  it is not below the modulus
   */
  at(view: DataView, offset: number): number {
    let hash = 0;
    for (let i = 0; i < BYTES; i += 4) {
      hash = Math.imul(hash ^ view.getUint32(offset + i, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#equals(this.#slots[slot] - 1, view, offset)) return this.#slots[slot] - 1;
    return this.#add(hash, view, offset);
  }

  #add(hash: number, view: DataView, offset: number): number {
    const number = this.#hashes.push(hash) - 1;
    for (let i = 0; i < BYTES; i += 4) this.#words.push(view.getUint32(offset + i, true));
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 32n) | BigInt(this.#words[8 * number + i]);
    if (value >= FIELD) throw badFile("r1cs", "a coefficient is not below the modulus");
    this.#values.push(value);
    const grow = 2 * this.#hashes.length > this.#slots.length;
    if (grow) this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let i = grow ? 0 : number; i <= number; i++) this.#place(i);
    return number;
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[number] & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = 1 + number;
  }

  of(value: bigint): number {
    const view = new DataView(new ArrayBuffer(BYTES));
    for (let i = 0; i < 8; i++) view.setUint32(4 * i, Number(BigInt.asUintN(32, value >> BigInt(32 * i))), true);
    return this.at(view, 0);
  }

  table(): Uint32Array {
    const table = new Uint32Array(this.#values.length * LIMBS);
    this.#values.forEach((value, number) => {
      const multiplied = (value << BigInt(LIMBS * LIMB_BITS)) % FIELD;
      for (let limb = 0; limb < LIMBS; limb++)
        table[number * LIMBS + limb] = Number(BigInt.asUintN(LIMB_BITS, multiplied >> BigInt(limb * LIMB_BITS)));
    });
    return table;
  }

  #equals(number: number, view: DataView, offset: number): boolean {
    for (let i = 0; i < 8; i++) if (this.#words[8 * number + i] !== view.getUint32(offset + 4 * i, true)) return false;
    return true;
  }
}

/** Checks witnesses of one circuit against its constraints. */
export class RowCheck {
  readonly #rows: Omit<Rows, "stream" | "table">;
  readonly #kernel: Kernel;
  readonly #at: { stream: number; table: number; wires: number };

  /** @param module  what `emitRows` of kernels/rows.ts wrote */
  static async start(module: WebAssembly.Module, rows: Rows): Promise<RowCheck> {
    return new RowCheck((await WebAssembly.instantiate(module)).exports as unknown as Kernel, rows);
  }

  private constructor(kernel: Kernel, { wires, constraints, stream, table }: Rows) {
    const streamAt = RESERVED_BYTES;
    const tableAt = streamAt + stream.byteLength;
    const wiresAt = tableAt + table.byteLength;
    const bytes = wiresAt + wires * ELEMENT_BYTES;
    const { memory } = kernel;
    memory.grow(Math.max(0, Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES)));
    new Uint32Array(memory.buffer, streamAt, stream.length).set(stream);
    new Uint32Array(memory.buffer, tableAt, table.length).set(table);
    this.#kernel = kernel;
    this.#rows = { wires, constraints };
    this.#at = { stream: streamAt, table: tableAt, wires: wiresAt };
  }

  /**
   * Makes sure that a witness is one: that wire 0 is one, and that every constraint holds.
   * @param witness  all wires, 32 bytes each, little endian
   * @throws TacitError WITNESS  naming the wire that is no such number, or the first constraint that fails; no value
   */
  check(witness: Uint8Array): void {
    const { wires, constraints } = this.#rows;
    if (witness.length !== wires * BYTES)
      throw badWitness(`it has ${witness.length} bytes, expected ${BYTES} for each of ${wires} wires`, {});
    const { memory, spread, check } = this.#kernel;
    const { stream, table, wires: wiresAt } = this.#at;
    // Limbs take more room than bytes: when the bytes stand at the end of the room, limbs never overtake them.
    const from = wiresAt + wires * (ELEMENT_BYTES - BYTES);
    new Uint8Array(memory.buffer, from, witness.length).set(witness);
    const wide = spread(from, wiresAt, wires);
    if (wide >= 0) throw badWitness(`wire ${wide} is not below the modulus`, { wire: wide });
    const one = new Uint32Array(memory.buffer, wiresAt, LIMBS);
    if (one.some((limb, i) => limb !== (i === 0 ? 1 : 0))) throw badWitness("wire 0 is not one", { wire: 0 });
    const constraint = check(stream, constraints, wiresAt, table);
    if (constraint >= 0) throw badWitness(`constraint ${constraint} does not hold`, { constraint });
  }
}

function badWitness(reason: string, where: { wire?: number; constraint?: number }): TacitError<"WITNESS"> {
  return new TacitError("WITNESS", `not a witness of this circuit: ${reason}`, { ...where, reason });
}
