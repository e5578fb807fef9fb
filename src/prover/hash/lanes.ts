import { FIELD } from "../../protocol/numbers.ts";
import { inverse, mod } from "../curve.ts";
import type { Exports, Form } from "../engine/engine.ts";
import type { Heap } from "../engine/memory.ts";
import { ROOT, tangents, TWICE_D } from "./curve.ts";
import { CONSTANT, type HASH_LAYOUT } from "./layout.ts";

/** Packed numbers, and how many of them a kernel takes at once. */
export interface LaneForm extends Form {
  readonly lanes: 1 | 8;
  readonly blockBytes: number;
  readonly elementBytes: number;
}

/** One element a block: src/prover/kernels/single.ts. */
export const SINGLE: LaneForm = { lanes: 1, radixBits: 261n, bias: 1n << 255n, blockBytes: 72, elementBytes: 72 };
export const eightLanesOf = (form: Form): LaneForm => ({ ...form, lanes: 8, blockBytes: 320, elementBytes: 40 });

const NUMBER_BYTES = 32;
const NUMBERS = 64;
const WORD_BITS = 64n;

/** The kernels for one hash or eight at once, and the numbers that go in and out. */
export class LaneKernels {
  readonly form: LaneForm;
  readonly heap: Heap;
  readonly #exports: Exports;
  readonly #suffix: string;
  readonly #list: number;
  /** where numbers wait to be read, all lanes of the first, all lanes of the second, ... */
  readonly #numbers: number;
  #words = new BigUint64Array();
  #words32 = new Uint32Array();
  readonly #number = new BigUint64Array(5);
  readonly #bytes = new Uint8Array(this.#number.buffer);

  constructor(heap: Heap, exports: Exports, form: LaneForm, layout: (typeof HASH_LAYOUT)[keyof typeof HASH_LAYOUT]) {
    this.heap = heap;
    this.form = form;
    this.#exports = exports;
    this.#suffix = form.lanes === 8 ? "Eight" : "Single";
    this.#list = layout.list;
    this.#numbers = heap.alloc(NUMBERS * NUMBER_BYTES * form.lanes);
    for (let lane = 0; lane < form.lanes; lane++) heap.words(this.#list, 8)[lane] = NUMBER_BYTES * lane;
    const R = 1n << form.radixBits;
    const [first, second] = tangents();
    const constants: Record<keyof typeof CONSTANT, bigint> = {
      zero: 0n,
      one: 1n,
      read: R,
      write: inverse(R, FIELD),
      invert: R * R,
      root: ROOT,
      unroot: inverse(ROOT, FIELD),
      twiceD: TWICE_D,
      slope: first.slope,
      intercept: first.intercept,
      secondSlope: second.slope,
      secondIntercept: second.intercept,
    };
    for (const [name, value] of Object.entries(constants))
      this.block(layout.constants + form.blockBytes * CONSTANT[name as keyof typeof CONSTANT], value);
  }

  /** Calls a kernel. */
  kernel(name: string): (...args: number[]) => number {
    return this.#exports[name + this.#suffix];
  }

  /** Writes the number `index` of a lane, 0 <= x < r, for `read`. */
  put(index: number, lane: number, x: bigint): void {
    write64(this.#view(), (this.#numbers + NUMBER_BYTES * (this.form.lanes * index + lane)) >> 3, x);
  }

  /** Makes blocks of so many numbers of each lane. */
  read(blocks: number, count: number): void {
    this.kernel("read")(this.#numbers, blocks, count);
  }

  /** Numbers of the lanes of a block, which is lost. */
  write(block: number): void {
    this.kernel("write")(this.#numbers, block);
  }

  /** What `write` wrote for a lane. */
  get(lane: number): bigint {
    const words = this.#view();
    const at = (this.#numbers + NUMBER_BYTES * lane) >> 3;
    const high = (words[at + 3] << WORD_BITS) | words[at + 2];
    const x = (high << (2n * WORD_BITS)) | ((words[at + 1] << WORD_BITS) | words[at]);
    return x < FIELD ? x : x - FIELD;
  }

  /** Constants: numbers packed one after the other, in any form that has one element a number. */
  packed(at: number, values: readonly bigint[]): void {
    values.forEach((value, i) => write64(this.#view(), (at >> 3) + 4 * i, this.#form(value)));
  }

  /** Constants: a block with a value in all lanes. */
  block(at: number, value: bigint): void {
    for (let lane = 0; lane < this.form.lanes; lane++) this.put(0, lane, this.#form(value));
    this.kernel("gather")(at, this.#list, this.#numbers);
  }

  /** Constants: elements one after the other. */
  elements(at: number, values: readonly bigint[]): void {
    const { lanes, blockBytes, elementBytes } = this.form;
    this.heap.scoped((alloc) => {
      const [block, elements] = [alloc(blockBytes), alloc(elementBytes * lanes)];
      for (let first = 0; first < values.length; first += lanes) {
        const some = values.slice(first, first + lanes);
        some.forEach((value, lane) => this.put(0, lane, this.#form(value)));
        this.kernel("gather")(block, this.#list, this.#numbers);
        this.kernel("spread")(elements, block);
        const bytes = elementBytes * some.length;
        this.heap.bytes(at + elementBytes * first, bytes).set(this.heap.bytes(elements, bytes));
      }
    });
  }

  /** The packed Montgomery form, as near to 0 as it can be. */
  #form(value: bigint): bigint {
    const { radixBits, bias } = this.form;
    const x = mod(value << radixBits, FIELD);
    return (bias > 0n && x > FIELD / 2n ? x - FIELD : x) + bias;
  }

  /** The whole memory, which may have grown. */
  #view(): BigUint64Array {
    if (this.#words.length === 0) this.#words = new BigUint64Array(this.heap.memory.buffer);
    return this.#words;
  }

  /** The whole memory in words of 32 bits; to be asked for anew after each allocation. */
  get words32(): Uint32Array {
    if (this.#words32.length === 0) this.#words32 = new Uint32Array(this.heap.memory.buffer);
    return this.#words32;
  }

  /** The 32 bytes of a number, the lowest first, and 8 of zeros, until the next call. */
  bytesOf(x: bigint): Uint8Array {
    write64(this.#number, 0, x);
    return this.#bytes;
  }
}

/** Writes 256 bits. */
function write64(words: BigUint64Array, at: number, x: bigint): void {
  // Stores keep the low 64 bits.
  words[at] = x;
  words[at + 1] = x >> WORD_BITS;
  words[at + 2] = x >> (2n * WORD_BITS);
  words[at + 3] = x >> (3n * WORD_BITS);
}
