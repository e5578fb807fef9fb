/** Fields on their own: the kernels of a backend for one modulus, emitted for the tests, and their blocks as bigints. */
import assert from "node:assert/strict";
import { memory, Module } from "wasmati";
import { Random } from "../../../src/replay/random.ts";
import { BASE_FIELD, SCALAR_FIELD, inverse, mod } from "../../../src/prover/curve.ts";
import { enableRelaxedSimd } from "../../../src/prover/engine/backend.ts";
import type { Backend, Exports } from "../../../src/prover/engine/engine.ts";
import { pairsOf, type Field } from "../../../src/prover/kernels/field.ts";
import { fmaField } from "../../../src/prover/kernels/fma.ts";
import { inversion } from "../../../src/prover/kernels/inversion.ts";
import { addBias, dropBias } from "../../../src/prover/kernels/packed.ts";
import { scalarField } from "../../../src/prover/kernels/scalar.ts";

export const LANES = 8;
export const BACKENDS: readonly Backend[] = ["fma", "scalar"];
export const MODULI = { base: BASE_FIELD, scalar: SCALAR_FIELD } as const;

/** How a backend lays elements out, and what it promises of them. */
interface Layout {
  readonly make: (modulus: bigint, scratch: number) => Field;
  readonly limbs: number;
  readonly bits: bigint;
  readonly limbBytes: 4 | 8;
  /** of limb `limb` of lane `lane` in a block */
  readonly place: (limb: number, lane: number) => number;
  /** values lie in [least, most] / 100 p */
  readonly least: bigint;
  readonly most: bigint;
  /** and those of products with a difference that is not reduced, in [-wide, wide] / 100 p */
  readonly wide: bigint;
}

const LAYOUTS: Record<Backend, Layout> = {
  fma: {
    make: fmaField,
    limbs: 5,
    bits: 51n,
    limbBytes: 8,
    place: (limb, lane) => 80 * (lane >> 1) + 16 * limb + 8 * (lane & 1),
    least: -67n,
    most: 67n,
    wide: 110n,
  },
  scalar: {
    make: scalarField,
    limbs: 9,
    bits: 29n,
    limbBytes: 4,
    place: (limb, lane) => 144 * (lane >> 2) + 16 * limb + 4 * (lane & 3),
    least: 0n,
    most: 200n,
    wide: 200n,
  },
};

/** Where blocks, lists and packed elements may lie in the memory of a FieldKernels. */
export const PLACES = { list: 4096, one: 4608, packed: 5120, blocks: 8192, blockBytes: 512 } as const;
/** Scratch of the field; the kernels' memory ends with it. */
export const SCRATCH = { at: 1024, bytes: 1312 } as const;

/** A suite for each backend and each modulus. */
export function describeFields(what: string, body: (start: () => FieldKernels) => void): void {
  for (const backend of BACKENDS)
    for (const [name, modulus] of Object.entries(MODULI))
      describe(`${what}: ${name} field of ${backend}`, () => {
        let kernels: FieldKernels;
        before(async () => {
          kernels = await FieldKernels.start(backend, modulus);
        });
        body(() => kernels);
      });
}

/** Kernels of a field in an instance with memory of its own. */
export class FieldKernels {
  readonly field: Field;
  readonly modulus: bigint;
  readonly call: Exports;
  readonly layout: Layout;
  readonly view: DataView;

  static async start(backend: Backend, modulus: bigint): Promise<FieldKernels> {
    enableRelaxedSimd();
    const layout = LAYOUTS[backend];
    const field = layout.make(modulus, SCRATCH.at);
    const own = memory({ min: 1 });
    const bytes = Module({
      memory: own,
      exports: {
        memory: own,
        mul: field.mul,
        mulOne: field.mulOne,
        sqr: field.sqr,
        add: field.add,
        sub: field.sub,
        gather: field.gather(4),
        gather12: field.gather(12),
        gatherSigned: field.gatherSigned(4),
        scatter: field.scatter(4),
        scatter12: field.scatter(12),
        zeros: field.zeros,
        turn1: field.turn(1),
        turn2: field.turn(2),
        turn4: field.turn(4),
        transpose: field.transpose,
        spread: field.spread,
        invert: inversion(modulus, field.bias, 0),
        addBias: addBias(field),
        dropBias: dropBias(field),
        ...pairsOf(field),
        ...(field.quadratic ? { mulQuadratic: field.quadratic.mul, normQuadratic: field.quadratic.norm } : {}),
      },
    }).toBytes();
    const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
    return new FieldKernels(field, layout, instance.exports);
  }

  private constructor(field: Field, layout: Layout, exports: WebAssembly.Exports) {
    this.field = field;
    this.modulus = field.modulus;
    this.layout = layout;
    this.call = exports as Exports;
    this.view = new DataView((exports.memory as WebAssembly.Memory).buffer);
  }

  readInteger(at: number): bigint {
    return [3, 2, 1, 0].reduce((sum, i) => (sum << 64n) | this.view.getBigUint64(at + 8 * i, true), 0n);
  }

  writeInteger(at: number, value: bigint): void {
    for (let i = 0; i < 4; i++) this.view.setBigUint64(at + 8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
  }

  #limbAt(at: number): bigint {
    if (this.layout.limbBytes === 4) return BigInt(this.view.getUint32(at, true));
    return BigInt(this.view.getFloat64(at, true));
  }

  /** The limbs of a lane of a block. */
  limbs(block: number, lane: number): bigint[] {
    return Array.from({ length: this.layout.limbs }, (_, i) => this.#limbAt(block + this.layout.place(i, lane)));
  }

  writeLimbs(block: number, lane: number, limbs: readonly bigint[]): void {
    limbs.forEach((limb, i) => {
      const at = block + this.layout.place(i, lane);
      if (this.layout.limbBytes === 4) this.view.setUint32(at, Number(limb), true);
      else this.view.setFloat64(at, Number(limb), true);
    });
  }

  value(limbs: readonly bigint[]): bigint {
    return limbs.reduce((sum, limb, i) => sum + (limb << (this.layout.bits * BigInt(i))), 0n);
  }

  /** What a block holds: Montgomery forms as they are, not reduced. */
  read(block: number): bigint[] {
    return Array.from({ length: LANES }, (_, lane) => this.value(this.limbs(block, lane)));
  }

  /** Limbs of a value in the range of the backend, as its kernels leave them. */
  split(value: bigint): bigint[] {
    const { limbs, bits, least } = this.layout;
    return Array.from({ length: limbs }, (_, i) => {
      const width = Number(bits);
      const limb = i === limbs - 1 ? value : least < 0n ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
      value = (value - limb) >> bits;
      return limb;
    });
  }

  write(block: number, values: readonly bigint[]): void {
    values.forEach((value, lane) => this.writeLimbs(block, lane, this.split(value)));
  }

  /** Element `index` of what `spread` wrote. */
  readSpread(at: number, index: number): bigint {
    const start = at + index * this.field.elementBytes;
    return this.value(
      Array.from({ length: this.layout.limbs }, (_, i) => this.#limbAt(start + this.layout.limbBytes * i)),
    );
  }

  /** The number of which this is the Montgomery form. */
  number(form: bigint): bigint {
    return mod(form * inverse(1n << this.field.radixBits, this.modulus), this.modulus);
  }

  /** The Montgomery form of a number, in the range of the backend. */
  form(number: bigint): bigint {
    const form = mod(number << this.field.radixBits, this.modulus);
    return this.layout.least < 0n && form > this.modulus / 2n ? form - this.modulus : form;
  }

  /** What a block holds, after its limbs and values were held to their range. */
  checked(block: number, isWide = false): bigint[] {
    const { limbs, bits, least } = this.layout;
    const [low, high] = least < 0n ? [-(1n << (bits - 1n)), 1n << (bits - 1n)] : [0n, (1n << bits) - 1n];
    return Array.from({ length: LANES }, (_, lane) => {
      const found = this.limbs(block, lane);
      for (const limb of found.slice(0, limbs - 1)) assert.ok(limb >= low && limb <= high, `limb ${limb}`);
      const value = this.value(found);
      assert.ok(this.inRange(value, isWide), `value ${value} leaves the range`);
      return value;
    });
  }

  /** A list of references. */
  refer(at: number, references: readonly number[], stride = 4): void {
    references.forEach((reference, i) => this.view.setUint32(at + stride * i, reference, true));
  }

  /** Values of the backend's range where rounding turns, and random ones. */
  edges(random: Random): bigint[] {
    const { least, most, limbs, bits } = this.layout;
    const p = this.modulus;
    const turns = [0n, p / 2n, p, (3n * p) / 2n, 2n * p].flatMap((x) => [x, -x]);
    const near = turns.flatMap((x) => [-2n, -1n, 0n, 1n, 2n].map((d) => x + d));
    const units = Array.from({ length: limbs }, (_, i) => 1n << (bits * BigInt(i)));
    const ties = units.flatMap((x) => [x - 1n, x, x / 2n, x / 2n - 1n, -x, -x / 2n]);
    const bounds = [(least * p) / 100n, (most * p) / 100n];
    const forms = [0n, 1n, 2n, p - 1n, p - 2n, (p - 1n) / 2n, (p + 1n) / 2n].map((x) => this.form(x));
    const others = Array.from({ length: 60 }, () => this.form(random.bits(260)));
    return [...near, ...ties, ...bounds, ...forms, ...others].filter((x) => this.inRange(x));
  }

  /** All combinations of the largest and smallest limbs, with a last limb at the end of its range and in the middle. */
  extremes(): bigint[][] {
    const { limbs, bits, least, most } = this.layout;
    const signed = least < 0n;
    const [low, high] = signed ? [-(1n << (bits - 1n)), 1n << (bits - 1n)] : [0n, (1n << bits) - 1n];
    const top = (bound: bigint) => ((bound * this.modulus) / 100n) >> (bits * BigInt(limbs - 1));
    const tops = signed ? [top(least) + 2n, 0n, top(most) - 2n] : [0n, top(most) - 1n];
    return tops.flatMap((last) =>
      Array.from({ length: 1 << (limbs - 1) }, (_, choice) => [
        ...Array.from({ length: limbs - 1 }, (__, i) => ((choice >> i) & 1 ? high : low)),
        last,
      ]),
    );
  }

  /**
   * Two operands of limbs x or -x and y or -y, all of a sign, where every product leaves about half of a limb's range, or
   * a random rest: so the rests of a column add up to as much as they can.
   */
  alike(random: Random): [bigint[], bigint[]] {
    const { limbs, bits, most } = this.layout;
    const width = Number(bits);
    const last = ((most * this.modulus) / 100n) >> (bits * BigInt(limbs - 1));
    const isSigned = this.layout.least < 0n;
    for (;;) {
      const x = isSigned
        ? BigInt.asIntN(width, random.bits(width) | 1n)
        : BigInt.asUintN(width, random.bits(width) | 1n);
      const rest = random.pick([
        (1n << (bits - 1n)) - 1n,
        -(1n << (bits - 1n)) + 1n,
        (1n << (bits - 1n)) - random.bits(40),
      ]);
      const y = (isSigned ? BigInt.asIntN : BigInt.asUintN)(width, rest * inverse(x, 1n << bits));
      // The last limbs are smaller; in half of the cases all are.
      const fits = [x, y].every((limb) => limb < last && -limb < last);
      if (!fits && random.unit() < 0.9) continue;
      return [x, y].map((limb) =>
        Array.from({ length: limbs }, (_, i) => (i < limbs - 1 || fits ? limb : limb % (last - 1n))),
      ) as [bigint[], bigint[]];
    }
  }

  inRange(form: bigint, isWide = false): boolean {
    const { least, most, wide } = this.layout;
    const [from, to] = isWide && least < 0n ? [-wide, wide] : [least, most];
    return 100n * form >= from * this.modulus && 100n * form <= to * this.modulus;
  }
}
