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
const RADIX = 255n;
const BIAS = [0n, 1n, 2n, 3n].reduce((sum, i) => sum + (1n << (51n * i + 50n)), 1n << 255n);
const ADDITION = 12;
const ALL_ONES = (1n << 256n) - 1n;
const REFERENCE = -64;

/** An instance of the kernels with memory of its own. */
export class Engine {
  readonly heap: Heap;
  readonly call: Exports;

  static async start(module: WebAssembly.Module): Promise<Engine> {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    let engine: Engine | undefined;
    const imports: WebAssembly.ModuleImports = {};
    for (const { name, kind } of WebAssembly.Module.imports(module))
      imports[name] =
        kind === "memory" ? memory : (...args: number[]) => engine!.mend(...(args as [number, number, number, number]));
    const instance = await WebAssembly.instantiate(module, { "": imports });
    engine = new Engine(memory, instance.exports as Exports);
    return engine;
  }

  private constructor(memory: WebAssembly.Memory, exports: Exports) {
    this.heap = new Heap(memory, FREE);
    this.call = exports;
    const form = (x: bigint) => mod(x << RADIX);
    const R = 1n << RADIX;
    const constants = [1n, R * R, 0n, 0n].map(form);
    [constants[0], constants[1], constants[2], undefined, form(CURVE_B.G1[0])].forEach((value, i) => {
      if (value !== undefined) this.#splat(CONSTANTS.base + BLOCK_BYTES * i, value);
    });
    // One element, for mulOne: from x 2^256 to x 2^255.
    new Float64Array(memory.buffer, CONSTANTS.base + BLOCK_BYTES * 3, 5).set(
      limbs(mod(1n << (2n * RADIX - 256n)), BASE_FIELD),
    );
    this.#writeLanes(CONSTANTS.scalar, () => [1, 0, 0, 0, 0]);
    CURVE_B.G2.forEach((value, i) => this.#splat(CONSTANTS.base + BLOCK_BYTES * (5 + i), form(value)));
    for (let i = 0; i < 4; i++) {
      this.heap.writeInteger(CONSTANTS.pad + 32 * i, BIAS);
      this.heap.writeInteger(CONSTANTS.pad + 128 + 32 * i, BIAS + 1n);
    }
  }

  #splat(at: number, value: bigint): void {
    this.#writeLanes(at, () => limbs(value, BASE_FIELD));
  }

  #writeLanes(at: number, lane: (lane: number) => number[]): void {
    const floats = new Float64Array(this.heap.memory.buffer, at, BLOCK_BYTES / 8);
    for (let i = 0; i < 8; i++) lane(i).forEach((limb, k) => (floats[(i >> 1) * 10 + 2 * k + (i & 1)] = limb));
  }

  /** A block of elements of the scalar field. */
  writeBlock(at: number, value: (lane: number) => bigint): void {
    this.#writeLanes(at, (lane) => limbs(mod(value(lane) << RADIX, SCALAR_FIELD), SCALAR_FIELD));
  }

  /** One element of the scalar field, for `mulOne`. */
  readonly element = (alloc: (bytes: number) => number, value: bigint): number => {
    const at = alloc(40);
    new Float64Array(this.heap.memory.buffer, at, 5).set(limbs(mod(value << RADIX, SCALAR_FIELD), SCALAR_FIELD));
    return at;
  };

  readElement(at: number): bigint {
    return mod((this.heap.readInteger(at) - BIAS) * INVERSE_RADIX);
  }

  writeElement(at: number, value: bigint): void {
    this.heap.writeInteger(at, centered(mod(value << RADIX)) + BIAS);
  }

  /** The point that a reference means. */
  readPoint(group: Group, reference: number): Point {
    const at = reference & REFERENCE;
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

  /** Set by `mend` when a sum was infinite: where to say so. */
  infiniteFlag = 0;

  /** Does the additions of equal x of a list one by one, and puts others in their place. */
  mend(width: number, list: number, blocks: number, differences: number): void {
    const group: Group = width === 1 ? "G1" : "G2";
    for (let block = 0; block < blocks; block++) {
      const zeros =
        width === 1
          ? this.call.zeros(differences + block * BLOCK_BYTES)
          : this.call.zeros(differences + (3 * block + 2) * BLOCK_BYTES);
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

const INVERSE_RADIX = inverse(1n << RADIX);

function centered(x: bigint): bigint {
  return x > BASE_FIELD / 2n ? x - BASE_FIELD : x;
}

function limbs(x: bigint, modulus: bigint): number[] {
  let rest = x > modulus / 2n ? x - modulus : x;
  return Array.from({ length: 5 }, (_, i) => {
    const limb = i === 4 ? rest : BigInt.asIntN(51, rest);
    rest = (rest - limb) >> 51n;
    return Number(limb);
  });
}
