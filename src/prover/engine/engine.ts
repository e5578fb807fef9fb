import { CONSTANTS, FREE } from "../kernels/layout.ts";
import {
  addPoints,
  BASE_FIELD,
  CURVE_B,
  inverse,
  SCALAR_FIELD,
  mod,
  negate,
  type Coordinate,
  type Group,
  type Point,
} from "../curve.ts";
import { Heap } from "./memory.ts";

/** What the curve's kernels export: addresses in, addresses or small numbers out. */
export type Exports = Record<string, (...args: number[]) => number>;

export const POINT_BYTES: Record<Group, number> = { G1: 64, G2: 128 };
export const BLOCK_BYTES = 320;
export const ELEMENT_BYTES = 40;
const LANES = 8;
const ADDITION = 12;
const ALL_ONES = (1n << 256n) - 1n;
const REFERENCE = -64;

/** How a backend packs elements: x 2^radixBits mod p, plus a bias. */
export interface Form {
  readonly radixBits: bigint;
  readonly bias: bigint;
}

export const FORMS = {
  fma: { radixBits: 255n, bias: [0n, 1n, 2n, 3n].reduce((sum, i) => sum + (1n << (51n * i + 50n)), 1n << 255n) },
  scalar: { radixBits: 261n, bias: 0n },
} as const satisfies Record<string, Form>;
export type Backend = keyof typeof FORMS;

/** An instance of the kernels with memory of its own. */
export class Engine {
  readonly heap: Heap;
  readonly call: Exports;
  readonly form: Form;
  readonly #inverseRadix: bigint;

  static async start(module: WebAssembly.Module, backend: Backend): Promise<Engine> {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    let engine: Engine | undefined;
    const imports: WebAssembly.ModuleImports = {};
    for (const { name, kind } of WebAssembly.Module.imports(module))
      imports[name] =
        kind === "memory"
          ? memory
          : // Addresses arrive with a sign.
            (width: number, list: number, blocks: number, differences: number) =>
              engine!.mend(width, list >>> 0, blocks, differences >>> 0);
    const instance = await WebAssembly.instantiate(module, { "": imports });
    engine = new Engine(memory, instance.exports as Exports, FORMS[backend]);
    return engine;
  }

  private constructor(memory: WebAssembly.Memory, exports: Exports, form: Form) {
    this.heap = new Heap(memory, FREE);
    this.call = exports;
    this.form = form;
    this.#inverseRadix = inverse(1n << form.radixBits);
    const R = 1n << form.radixBits;
    const base = (index: number) => CONSTANTS.base + BLOCK_BYTES * index;
    this.#writeBlock("Base", base(0), () => R);
    this.#writeBlock("Base", base(1), () => R * R * R);
    this.#writeBlock("Base", base(2), () => 0n);
    // One element: from x 2^256 to x R.
    this.#writeElement("Base", base(3), R * R * inverse(1n << 256n));
    // And back.
    this.#writeElement("Base", base(7), 1n << 256n);
    [...CURVE_B.G1, ...CURVE_B.G2].forEach((value, i) => this.#writeBlock("Base", base(4 + i), () => value * R));
    this.#writeBlock("Scalar", CONSTANTS.scalar, () => 1n);
    this.#writeBlock("Scalar", CONSTANTS.scalar + BLOCK_BYTES, () => R);
    for (let i = 0; i < 4; i++) {
      this.heap.writeInteger(CONSTANTS.pad + 32 * i, form.bias);
      this.heap.writeInteger(CONSTANTS.pad + 128 + 32 * i, form.bias + 1n);
    }
  }

  /** A backend with a bias has values with a sign, as small as they can be. */
  #pack(x: bigint, modulus: bigint): bigint {
    const { bias } = this.form;
    return bias > 0n && x > modulus / 2n ? x - modulus + bias : x + bias;
  }

  #writeBlock(field: "Base" | "Scalar", at: number, value: (lane: number) => bigint): void {
    const modulus = field === "Base" ? BASE_FIELD : SCALAR_FIELD;
    this.heap.scoped((alloc) => {
      const [list, packed] = [alloc(32), alloc(32 * LANES)];
      for (let lane = 0; lane < LANES; lane++) {
        this.heap.words(list, LANES)[lane] = packed + 32 * lane;
        this.heap.writeInteger(packed + 32 * lane, this.#pack(mod(value(lane), modulus), modulus));
      }
      this.call[`gather${field}`](at, list, 0);
    });
  }

  #writeElement(field: "Base" | "Scalar", at: number, value: bigint): void {
    this.heap.scoped((alloc) => {
      const [block, elements] = [alloc(BLOCK_BYTES), alloc(ELEMENT_BYTES * LANES)];
      this.#writeBlock(field, block, () => value);
      this.call[`spread${field}`](elements, block);
      this.heap.bytes(at, ELEMENT_BYTES).set(this.heap.bytes(elements, ELEMENT_BYTES));
    });
  }

  /** A block of elements of the scalar field. */
  writeBlock(at: number, value: (lane: number) => bigint): void {
    this.#writeBlock("Scalar", at, (lane) => value(lane) << this.form.radixBits);
  }

  /** One element of the scalar field, for `mulOne`. */
  readonly element = (alloc: (bytes: number) => number, value: bigint): number => {
    const at = alloc(ELEMENT_BYTES);
    this.#writeElement("Scalar", at, value << this.form.radixBits);
    return at;
  };

  readElement(at: number): bigint {
    return mod((this.heap.readInteger(at) - this.form.bias) * this.#inverseRadix);
  }

  writeElement(at: number, value: bigint): void {
    this.heap.writeInteger(at, this.#pack(mod(value << this.form.radixBits), BASE_FIELD));
  }

  /** The point that a reference means. */
  readPoint(group: Group, reference: number): Point {
    const at = (reference & REFERENCE) >>> 0;
    if (reference === 0 || this.heap.readInteger(at) === ALL_ONES) return undefined;
    const width = POINT_BYTES[group] / 64;
    const coordinate = (first: number): Coordinate =>
      Array.from({ length: width }, (_, i) => this.readElement(at + 32 * (first + i)));
    const point = { x: coordinate(0), y: coordinate(width) };
    return reference & 1 ? negate(point) : point;
  }

  writePoint(at: number, point: Point): void {
    if (!point) return this.heap.writeInteger(at, ALL_ONES);
    [...point.x, ...point.y].forEach((value, i) => this.writeElement(at + 32 * i, value));
  }

  /** Packed coordinates as a .zkey has them, x 2^256 mod q, in place. @param blocks  of eight coordinates, 32 bytes each */
  giveCoordinates(at: number, blocks: number): void {
    this.call.giveCoordinates(at, blocks, CONSTANTS.base + 7 * BLOCK_BYTES);
  }

  /** Set by `mend` when a sum was infinite: where to say so. */
  infiniteFlag = 0;

  /** Does the additions of equal x of a list one by one, and puts others in their place. */
  mend(width: number, list: number, blocks: number, differences: number): void {
    const group: Group = width === 1 ? "G1" : "G2";
    for (let block = 0; block < blocks; block++) {
      // As a sum: differences are not reduced, and so have several zeros.
      const at = differences + (width === 1 ? block : 3 * block + 2) * BLOCK_BYTES;
      this.call.addBase(at, at, CONSTANTS.base + 2 * BLOCK_BYTES);
      const zeros = this.call.zeros(at);
      for (let i = 0; i < 8; i++) {
        if (!((zeros >> i) & 1)) continue;
        const entry = this.heap.words(list + (8 * block + i) * ADDITION, 3);
        const sum = addPoints(this.readPoint(group, entry[0]), this.readPoint(group, entry[1]));
        this.writePoint(entry[2], sum);
        if (!sum) this.heap.words(this.infiniteFlag, 1)[0] = 1;
        entry.set([CONSTANTS.pad, CONSTANTS.pad + 128, CONSTANTS.pad + 256]);
      }
    }
  }
}
