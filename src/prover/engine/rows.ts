import { SCALAR_FIELD, inverse, mod } from "../curve.ts";
import { belowCheck } from "../files/integers.ts";
import type { Matrix } from "../messages.ts";
import { dataView } from "../sections.ts";
import type { Engine } from "./engine.ts";

/** A matrix of a key as the kernel `rows` takes it, in an engine's memory. */
export interface Rows {
  readonly program: number;
  readonly groups: number;
  readonly coefficients: number;
}

/** Entries of section 4 of a .zkey: matrix, row, wire (u32 each), and coefficient * 2^512 mod r. */
export const ENTRY_BYTES = 44;
const ONE = mod(1n << 512n, SCALAR_FIELD);
const LANES = 8;
const isScalar = belowCheck(SCALAR_FIELD);

export function freeRows({ heap }: Engine, { program, coefficients }: Rows): void {
  heap.free(program);
  heap.free(coefficients);
}

/**
 * Entries of one matrix, collected as they are read. Coefficients of a circuit are few, so each is kept once.
 */
export class RowsBuilder {
  readonly #matrix: number;
  readonly #rows: Uint32Array;
  readonly #wires: Uint32Array;
  /** index of the coefficient, 0 for one, 1 for minus one */
  readonly #coefficients: Uint32Array;
  readonly #limits: { domain: number; wires: number };
  #count = 0;
  readonly #table: CoefficientTable;

  /** @param most  entries of both matrices; @param limits  of the key: rows and wires lie below */
  constructor(matrix: Matrix, most: number, limits: { domain: number; wires: number }) {
    this.#limits = limits;
    this.#matrix = matrix === "a" ? 0 : 1;
    this.#rows = new Uint32Array(most);
    this.#wires = new Uint32Array(most);
    this.#coefficients = new Uint32Array(most);
    this.#table = new CoefficientTable();
  }

  /**
   * @param entries  whole entries; those of the other matrix are passed over
   * @returns whether they are sound: `checkCoefficients` says what is wrong with them
   */
  add(entries: Uint8Array): boolean {
    const words = new Uint32Array(entries.buffer, entries.byteOffset, entries.length / 4);
    const { domain, wires } = this.#limits;
    for (let at = 0; at < words.length; at += ENTRY_BYTES / 4) {
      const matrix = words[at];
      const row = words[at + 1];
      const wire = words[at + 2];
      if (matrix > 1 || row >= domain || wire >= wires) return false;
      if (matrix === this.#matrix) this.put(row, wire, words, at + 3);
    }
    return this.#table.sound;
  }

  /** One entry, whose coefficient * 2^512 mod r is eight words from `at` on. */
  put(row: number, wire: number, words: Uint32Array, at: number): void {
    this.#rows[this.#count] = row;
    this.#wires[this.#count] = wire;
    this.#coefficients[this.#count++] = this.#table.find(words, at);
  }

  /** @param domain  number of rows, a multiple of 8; @param wires  of the circuit: an offset beyond them is a zero */
  build(engine: Engine, domain: number, wires: number): Rows {
    const { heap } = engine;
    const count = this.#count;
    const rowOf = this.#rows;
    const coefficients = this.#coefficients;
    const units = new Uint32Array(domain);
    const others = new Uint32Array(domain);
    for (let i = 0; i < count; i++) (coefficients[i] < 2 ? units : others)[rowOf[i]]++;
    // Entries by row, units first.
    const starts = new Uint32Array(domain);
    const nextUnit = new Uint32Array(domain);
    const nextOther = new Uint32Array(domain);
    for (let row = 0, next = 0; row < domain; row++) {
      starts[row] = nextUnit[row] = next;
      next += units[row];
      nextOther[row] = next;
      next += others[row];
    }
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const row = rowOf[i];
      order[coefficients[i] < 2 ? nextUnit[row]++ : nextOther[row]++] = i;
    }
    // Rows of like size share a group, as each takes as long as its longest.
    const all = new Uint32Array(domain);
    for (let row = 0; row < domain; row++) all[row] = row;
    const rows = sortedBy(sortedBy(all, units), others);

    const groups = domain / LANES;
    const most = (of: Uint32Array, group: number) => {
      let found = 0;
      for (let lane = 0; lane < LANES; lane++) found = Math.max(found, of[rows[LANES * group + lane]]);
      return found;
    };
    let words = 0;
    for (let group = 0; group < groups; group++)
      words += 2 + LANES + LANES * most(units, group) + 2 * LANES * most(others, group);
    const program = heap.alloc(4 * words);
    const code = heap.words(program, words);
    let at = 0;
    const zero = 32 * wires;
    for (let group = 0; group < groups; group++) {
      const u = most(units, group);
      const v = most(others, group);
      code[at++] = u;
      code[at++] = v;
      for (let lane = 0; lane < LANES; lane++) {
        const row = rows[LANES * group + lane];
        code[at + lane] = 32 * row;
        let entry = starts[row];
        let place = at + LANES + lane;
        for (let i = 0; i < u; i++, place += LANES) {
          const of = order[entry];
          const is = i < units[row];
          code[place] = is ? (32 * this.#wires[of]) | coefficients[of] : zero;
          if (is) entry++;
        }
        for (let i = 0; i < v; i++, place += 2 * LANES) {
          const of = order[entry];
          const is = i < others[row];
          code[place] = is ? 32 * this.#wires[of] : zero;
          code[place + LANES] = is ? 32 * coefficients[of] : 0;
          if (is) entry++;
        }
      }
      at += LANES * (1 + u + 2 * v);
    }
    return { program, groups, coefficients: this.#table.store(engine) };
  }
}

/** Stable counting sort of rows by a number that each has; those above 4095 count alike. */
function sortedBy(rows: Uint32Array, numbers: Uint32Array): Uint32Array {
  const MOST = 4095;
  const starts = new Uint32Array(MOST + 2);
  for (let i = 0; i < rows.length; i++) starts[Math.min(numbers[rows[i]], MOST) + 1]++;
  for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
  const sorted = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) sorted[starts[Math.min(numbers[rows[i]], MOST)]++] = rows[i];
  return sorted;
}

/** Distinct values of 32 bytes, found by an open hash table. */
class CoefficientTable {
  #values = new Uint32Array(8 * 1024);
  #count = 0;
  #slots = new Uint32Array(4096);
  /** Random, so that nobody can make a key whose coefficients all fall together. */
  readonly #seed: number;
  readonly #factor: number;

  constructor() {
    const [seed, factor] = crypto.getRandomValues(new Int32Array(2));
    [this.#seed, this.#factor] = [seed, factor | 1];
    const words = new Uint32Array(8);
    for (const value of [ONE, SCALAR_FIELD - ONE]) {
      for (let i = 0; i < 8; i++) words[i] = Number(BigInt.asUintN(32, value >> BigInt(32 * i)));
      this.find(words, 0);
    }
  }

  find(words: Uint32Array, at: number): number {
    let hash = this.#seed;
    for (let i = 0; i < 8; i++) {
      hash = Math.imul(hash ^ words[at + i], this.#factor);
      hash ^= hash >>> 15;
    }
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot];
      if (entry === 0) {
        this.#slots[slot] = this.#push(words, at) + 1;
        if (2 * this.#count > this.#slots.length) this.#rehash();
        return this.#count - 1;
      }
      const value = 8 * (entry - 1);
      let same = true;
      for (let i = 0; i < 8; i++) if (this.#values[value + i] !== words[at + i]) same = false;
      if (same) return entry - 1;
    }
  }

  /** Whether all values are below the modulus. */
  sound = true;

  #push(words: Uint32Array, at: number): number {
    if (!isScalar(dataView(new Uint8Array(words.buffer, words.byteOffset + 4 * at, 32)), 0)) this.sound = false;
    if (8 * (this.#count + 1) > this.#values.length) {
      const larger = new Uint32Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    for (let i = 0; i < 8; i++) this.#values[8 * this.#count + i] = words[at + i];
    return this.#count++;
  }

  #rehash(): void {
    const count = this.#count;
    const values = this.#values;
    this.#slots = new Uint32Array(2 * this.#slots.length);
    this.#values = new Uint32Array(values.length);
    this.#count = 0;
    for (let i = 0; i < count; i++) this.find(values, 8 * i);
  }

  store({ heap, call, element, form }: Engine): number {
    const blocks = Math.ceil(this.#count / LANES);
    const at = heap.alloc(32 * LANES * blocks);
    heap.words(at, 8 * LANES * blocks).fill(0);
    heap.words(at, 8 * this.#count).set(this.#values.subarray(0, 8 * this.#count));
    // From c 2^512 to the Montgomery form.
    const fromFile = (inverse(1n << 512n, SCALAR_FIELD) << form.radixBits) % SCALAR_FIELD;
    heap.scoped((alloc) => call.takeNumbers(at, blocks, element(alloc, fromFile)));
    return at;
  }
}
