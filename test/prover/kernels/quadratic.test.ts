// Goal: products in Fp[u], u^2 = -1, and norms are right, and in the range that is promised, for all that they are used for.
// Method: values at the ends of the ranges of factors, extreme limbs, and random ones (seed in the name) against bigint.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod } from "../../../src/prover/curve.ts";
import { describeFields, LANES, PLACES, type FieldKernels } from "./fields.ts";

const SEED = 20_260_371;

describeFields(`quadratic extension, seed ${SEED}`, (start) => {
  const random = new Random(SEED);
  let kernels: FieldKernels;

  it("products and norms", function () {
    kernels = start();
    if (!kernels.field.quadratic) return;
    const { modulus: p, call } = kernels;
    const size = kernels.field.blockBytes;
    const [A, B, OUT] = [0, 2, 4].map((i) => PLACES.blocks + size * i);
    const perRadix = inverse(1n << kernels.field.radixBits, p);
    /** Up to so many hundredths of p, at the ends more often. */
    const within = (hundredths: bigint) => () => {
      const most = (hundredths * p) / 100n;
      const from = random.pick([-most, -most + 1n, most - 1n, most, 0n, 1n, -1n, undefined]);
      return from ?? (random.bits(300) % (2n * most + 1n)) - most;
    };
    const [wide, narrow] = [within(134n), within(85n)];
    const small = (value: bigint, hundredths: bigint) => 100n * (value < 0n ? -value : value) <= hundredths * p;
    for (let round = 0; round < 1500; round++) {
      const [a, b] = [wide, narrow].map((draw) => [0, 1].map(() => Array.from({ length: LANES }, draw)));
      [A, B].forEach((at, i) => [a, b][i].forEach((part, k) => kernels.write(at + size * k, part)));
      const swapped = round % 2 === 1;
      call.mulQuadratic(OUT, swapped ? B : A, swapped ? A : B);
      const [real, imaginary] = [0, 1].map((k) => kernels.read(OUT + size * k));
      for (let lane = 0; lane < LANES; lane++) {
        const [a0, a1, b0, b1] = [a[0][lane], a[1][lane], b[0][lane], b[1][lane]];
        assert.equal(mod(real[lane], p), mod((a0 * b0 - a1 * b1) * perRadix, p));
        assert.equal(mod(imaginary[lane], p), mod((a0 * b1 + a1 * b0) * perRadix, p));
        assert.ok(small(real[lane], 137n) && small(imaginary[lane], 137n), "leaves the range");
      }
      call.normQuadratic(OUT, A);
      const norms = kernels.checked(OUT);
      norms.forEach((norm, lane) => {
        const [a0, a1] = [a[0][lane], a[1][lane]];
        assert.equal(mod(norm, p), mod((a0 * a0 + a1 * a1) * perRadix, p));
        assert.ok(small(norm, 51n), "is not reduced");
      });
    }
  });
});
