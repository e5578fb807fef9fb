/** Fields on their own: the kernels of a backend for one modulus, emitted for the tests, and their blocks as bigints. */
import { memory, Module } from "wasmati";
import { BASE_FIELD, SCALAR_FIELD, inverse, mod } from "../../../src/prover/curve.ts";
import { enableRelaxedSimd } from "../../../src/prover/engine/backend.ts";
import type { Backend, Exports } from "../../../src/prover/engine/engine.ts";
import type { Field } from "../../../src/prover/kernels/field.ts";
import { fmaField } from "../../../src/prover/kernels/fma.ts";
import { inversion } from "../../../src/prover/kernels/inversion.ts";
import { addBias, dropBias } from "../../../src/prover/kernels/packed.ts";
import { scalarField } from "../../../src/prover/kernels/scalar.ts";

export const LANES = 8;
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
}

export const LAYOUTS: Record<Backend, Layout> = {
  fma: {
    make: fmaField,
    limbs: 5,
    bits: 51n,
    limbBytes: 8,
    place: (limb, lane) => 80 * (lane >> 1) + 16 * limb + 8 * (lane & 1),
    least: -67n,
    most: 67n,
  },
  scalar: {
    make: scalarField,
    limbs: 9,
    bits: 29n,
    limbBytes: 4,
    place: (limb, lane) => 144 * (lane >> 2) + 16 * limb + 4 * (lane & 3),
    least: 0n,
    most: 200n,
  },
};

/** Kernels of a field in an instance with memory of its own; 0 to 4096 is theirs. */
export class FieldKernels {
  readonly field: Field;
  readonly modulus: bigint;
  readonly call: Exports;
  readonly layout: Layout;
  readonly view: DataView;

  static async start(backend: Backend, modulus: bigint): Promise<FieldKernels> {
    await enableRelaxedSimd();
    const layout = LAYOUTS[backend];
    const field = layout.make(modulus, 1024);
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
        blend1: field.blend(1),
        blend2: field.blend(2),
        blend4: field.blend(4),
        spread: field.spread,
        invert: inversion(modulus, field.bias, 0),
        addBias: addBias(field),
        dropBias: dropBias(field),
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

  inRange(form: bigint): boolean {
    const { least, most } = this.layout;
    return 100n * form >= least * this.modulus && 100n * form <= most * this.modulus;
  }
}
