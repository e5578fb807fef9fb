// Goal: sums of products with constants are what bigint says, eight at once on both backends, and stay in range.
// Method: limbs at the ends of their range in all combinations, as many terms as a hash can have, seeded random ones.
import assert from "node:assert/strict";
import { memory, Module } from "wasmati";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod, SCALAR_FIELD } from "../../../src/prover/curve.ts";
import { detectBackend, enableRelaxedSimd } from "../../../src/prover/engine/backend.ts";
import type { Exports } from "../../../src/prover/engine/engine.ts";
import { fmaField } from "../../../src/prover/kernels/fma.ts";
import { eightLanes } from "../../../src/prover/kernels/lanes.ts";
import { scalarField } from "../../../src/prover/kernels/scalar.ts";

const SEED = Number(process.env.SEED ?? 14);
const p = SCALAR_FIELD;
const [FIELD_SCRATCH, SCRATCH] = [1024, 2048];
const [A, ONES, C, OUT] = [4096, 12288, 14336, 15360];
const BLOCK = 320;
const ELEMENT = 40;
const TERMS = [1, 2, 3, 4, 5, 8, 16, 17];

/** Limbs of a backend, where they lie, and the range of its values in hundredths of p. */
const LAYOUTS = {
  fma: {
    make: fmaField,
    limbs: 5,
    bits: 51n,
    place: (limb: number, lane: number) => 80 * (lane >> 1) + 16 * limb + 8 * (lane & 1),
    element: (limb: number) => 8 * limb,
    read: (view: DataView, at: number) => BigInt(view.getFloat64(at, true)),
    write: (view: DataView, at: number, limb: bigint) => view.setFloat64(at, Number(limb), true),
    low: -(1n << 50n),
    high: 1n << 50n,
    values: [-67n, 67n],
    constants: [-50n, 50n],
  },
  scalar: {
    make: scalarField,
    limbs: 9,
    bits: 29n,
    place: (limb: number, lane: number) => 144 * (lane >> 2) + 16 * limb + 4 * (lane & 3),
    element: (limb: number) => 4 * limb,
    read: (view: DataView, at: number) => BigInt(view.getUint32(at, true)),
    write: (view: DataView, at: number, limb: bigint) => view.setUint32(at, Number(limb), true),
    low: 0n,
    high: (1n << 29n) - 1n,
    values: [0n, 200n],
    constants: [0n, 100n],
  },
} as const;

for (const [backend, layout] of Object.entries(LAYOUTS))
  describe(`sums of products in eight lanes, ${backend}`, () => {
    const { limbs, bits, place, element, low, high } = layout;
    let call: Exports;
    let view: DataView;
    let radix: bigint;
    before(async function () {
      enableRelaxedSimd();
      if (backend === "fma" && detectBackend() !== "fma") this.skip();
      const { mulAdd, dot, radixBits } = eightLanes(layout.make(p, FIELD_SCRATCH), SCRATCH);
      const own = memory({ min: 1 });
      const bytes = Module({ memory: own, exports: { memory: own, mulAdd, dot } }).toBytes();
      const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
      call = instance.exports as unknown as Exports;
      view = new DataView((instance.exports.memory as WebAssembly.Memory).buffer);
      radix = inverse(1n << radixBits, p);
    });

    const value = (x: readonly bigint[]) => x.reduce((sum, limb, i) => sum + (limb << (bits * BigInt(i))), 0n);
    /** All combinations of the least and the greatest limbs, with last limbs at both ends of a range. */
    function extremes([least, most]: readonly [bigint, bigint]): bigint[][] {
      const top = (hundredths: bigint) => ((hundredths * p) / 100n) >> (bits * BigInt(limbs - 1));
      return [top(least) + (least < 0n ? 1n : 0n), top(most) - 1n].flatMap((last) =>
        Array.from({ length: 1 << (limbs - 1) }, (_, choice) => [
          ...Array.from({ length: limbs - 1 }, (__, i) => ((choice >> i) & 1 ? high : low)),
          last,
        ]),
      );
    }
    const write = (at: number, lane: number, x: readonly bigint[]) =>
      x.forEach((limb, i) => layout.write(view, at + place(i, lane), limb));
    function check(expected: readonly bigint[]): void {
      for (let lane = 0; lane < 8; lane++) {
        const found = Array.from({ length: limbs }, (_, i) => layout.read(view, OUT + place(i, lane)));
        for (const limb of found.slice(0, -1)) assert.ok(limb >= low && limb <= high, `limb ${limb}`);
        const x = value(found);
        assert.ok(100n * x >= layout.values[0] * p && 100n * x <= layout.values[1] * p, `value ${x}`);
        assert.equal(mod(x, p), mod(expected[lane], p));
      }
    }

    for (const terms of TERMS)
      it(`${terms} terms (seed ${SEED})`, () => {
        const random = new Random(SEED + terms);
        const [values, constants] = [extremes(layout.values), extremes(layout.constants)];
        // Half of all have the greatest limbs throughout.
        const pick = (list: bigint[][]) => random.pick([list.at(-1)!, list[list.length / 2 - 1], ...pair(list)]);
        const pair = (list: bigint[][]) => [random.pick(list), random.pick(list)];
        for (let round = 0; round < 400; round++) {
          // The same in all terms, so that sums are largest; then any.
          const same = round % 2 === 0;
          const sums = Array<bigint>(8).fill(0n);
          const fixed = Array.from({ length: 8 }, () => pick(values));
          const one = pick(constants);
          for (let term = 0; term < terms; term++) {
            const factor = same ? one : pick(constants);
            factor.forEach((limb, i) => layout.write(view, ONES + ELEMENT * term + element(i), limb));
            for (let lane = 0; lane < 8; lane++) {
              const x = same ? fixed[lane] : pick(values);
              write(A + BLOCK * term, lane, x);
              sums[lane] += value(x) * value(factor) * radix;
            }
          }
          const added = Array.from({ length: 8 }, () => pick(values));
          added.forEach((x, lane) => write(C, lane, x));
          const expected = sums.map((sum, lane) => sum + value(added[lane]));
          call.dot(OUT, A, ONES, terms, C);
          check(expected);
          if (terms > 1) continue;
          call.mulAdd(OUT, A, ONES, C);
          check(expected);
        }
      });
  });
