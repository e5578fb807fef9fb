// Goal: the field of one element computes what bigint does, and no column overflows whatever the limbs.
// Method: laws on all combinations of extreme limbs, with the largest sums that the file's first comment allows.
import assert from "node:assert/strict";
import { memory, Module } from "wasmati";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod, SCALAR_FIELD } from "../../../src/prover/curve.ts";
import type { Exports } from "../../../src/prover/engine/engine.ts";
import { SINGLE } from "../../../src/prover/hash/lanes.ts";
import { singleLane } from "../../../src/prover/kernels/single.ts";

const SEED = Number(process.env.SEED ?? 13);
const p = SCALAR_FIELD;
const [LIMBS, BITS] = [9, 29n];
const R = 1n << SINGLE.radixBits;
const BOUND = 1n << 260n;
const SCRATCH = 1024;
const [LIST, PACKED] = [2048, 2112];
const [A, B, C, OUT] = [4096, 8192, 16384, 20480];
const MOST_TERMS = 17;

describe("field of one element", () => {
  let call: Exports;
  let view: DataView;
  before(async () => {
    const field = singleLane(p, SCRATCH);
    const own = memory({ min: 1 });
    const { mul, sqr, add, sub, mulAdd, dot, zeros, spread } = field;
    const kernels = { mul, sqr, add, sub, mulAdd, dot, zeros, spread };
    const moved = { gather: field.gather(4), gatherSigned: field.gatherSigned(4), scatter: field.scatter(4) };
    const bytes = Module({ memory: own, exports: { memory: own, ...kernels, ...moved } }).toBytes();
    const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
    call = instance.exports as unknown as Exports;
    view = new DataView((instance.exports.memory as WebAssembly.Memory).buffer);
    const { radixBits, bias, blockBytes, elementBytes, lanes } = field;
    assert.deepEqual({ radixBits, bias, blockBytes, elementBytes, lanes }, SINGLE);
  });

  const write = (at: number, limbs: readonly bigint[]) =>
    limbs.forEach((limb, i) => view.setBigInt64(at + 8 * i, limb, true));
  const limbsAt = (at: number) => Array.from({ length: LIMBS }, (_, i) => view.getBigInt64(at + 8 * i, true));
  const value = (limbs: readonly bigint[]) => limbs.reduce((sum, limb, i) => sum + (limb << (BITS * BigInt(i))), 0n);
  const split = (x: bigint, balanced = false) =>
    Array.from({ length: LIMBS }, (_, i) => {
      const limb = i === LIMBS - 1 ? x : balanced ? BigInt.asIntN(29, x) : BigInt.asUintN(29, x);
      x = (x - limb) >> BITS;
      return limb;
    });
  /** What a kernel left, its limbs held to their range. */
  function read(): bigint {
    const limbs = limbsAt(OUT);
    for (const limb of limbs.slice(0, -1)) assert.ok(limb >= 0n && limb < 1n << BITS);
    const x = value(limbs);
    assert.ok(x > -BOUND && x < BOUND);
    return x;
  }
  const combinations = (low: bigint, high: bigint, tops: readonly bigint[]) =>
    tops.flatMap((top) =>
      Array.from({ length: 1 << (LIMBS - 1) }, (_, choice) => [
        ...Array.from({ length: LIMBS - 1 }, (__, i) => ((choice >> i) & 1 ? high : low)),
        top,
      ]),
    );
  const extremes = combinations(0n, (1n << BITS) - 1n, [-(1n << 28n), -1n, 0n, (1n << 28n) - 1n]);
  const topOfHalf = (p / 2n) >> 232n;
  const constants = combinations(-(1n << 28n), (1n << 28n) - 1n, [-topOfHalf, 0n, topOfHalf - 1n]);
  const product = (x: bigint) => mod(x * inverse(R, p), p);

  it(`products, squares, sums and differences of extreme limbs (seed ${SEED})`, () => {
    const random = new Random(SEED);
    extremes.forEach((a) => {
      for (const b of [random.pick(extremes), extremes.at(-1)!, extremes[255]]) {
        write(A, a);
        write(B, b);
        const [x, y] = [value(a), value(b)];
        call.mul(OUT, A, B);
        const found = read();
        assert.equal(mod(found, p), product(x * y));
        const most = (x * y > 0n ? x * y : -x * y) / R + 1n;
        assert.ok(found >= -most && found <= p + most);
        call.sqr(OUT, A);
        assert.equal(mod(read(), p), product(x * x));
        // Sums of two are made only of values within half the bound.
        write(A, split(x / 2n));
        write(B, split(y / 2n));
        call.add(OUT, A, B);
        assert.equal(read(), x / 2n + y / 2n);
        call.sub(OUT, A, B);
        assert.equal(read(), x / 2n - y / 2n);
      }
    });
  });

  it("sums of up to 17 products with constants, all of the largest size", () => {
    const random = new Random(SEED);
    const worst = [extremes[255], extremes[1023], ...Array.from({ length: 6 }, () => random.pick(extremes))];
    for (const b of constants.filter((_, i) => i % 5 === 0 || i % 256 === 255 || i % 256 === 0))
      for (const a of worst)
        for (const count of [1, 2, 5, 6, 7, 10, 11, MOST_TERMS]) {
          for (let i = 0; i < count; i++) {
            write(A + 72 * i, a);
            write(B + 72 * i, b);
          }
          const c = random.pick(extremes).with(8, 1n << 27n);
          write(C, c);
          call.dot(OUT, A, B, count, C);
          assert.equal(mod(read(), p), mod(product(BigInt(count) * value(a) * value(b)) + value(c), p));
          if (count > 1) continue;
          call.mulAdd(OUT, A, B, C);
          assert.equal(mod(read(), p), mod(product(value(a) * value(b)) + value(c), p));
        }
  });

  it("zeros: multiples of the modulus, and nothing else", () => {
    const random = new Random(SEED);
    for (let factor = -80n; factor <= 80n; factor++)
      for (const [addend, expected] of [
        [0n, 1],
        [1n, 0],
        [-1n, 0],
        [random.bits(253) + 1n, 0],
      ] as const) {
        write(A, split(factor * p + addend));
        assert.equal(call.zeros(A), expected, `${factor} p + ${addend}`);
      }
  });

  it("packs and unpacks, with either sign; constants have small limbs", () => {
    const random = new Random(SEED);
    view.setUint32(LIST, PACKED, true);
    const edges = [0n, 1n, -1n, (1n << 255n) - 1n, -(1n << 255n), p, -p];
    for (const x of [...edges, ...Array.from({ length: 500 }, () => random.bits(255) - random.bits(255))]) {
      write(A, split(x));
      call.scatter(LIST, A, 32);
      const packed = [3, 2, 1, 0].reduce((sum, i) => (sum << 64n) | view.getBigUint64(PACKED + 32 + 8 * i, true), 0n);
      assert.equal(packed, x + SINGLE.bias);
      call.gather(OUT, LIST, 32);
      assert.equal(read(), x);
      for (const sign of [0, 1]) {
        view.setUint32(LIST, PACKED | sign, true);
        call.gatherSigned(OUT, LIST, 32);
        assert.equal(read(), sign ? -x : x);
      }
      view.setUint32(LIST, PACKED, true);
      call.spread(OUT, A);
      const limbs = limbsAt(OUT);
      assert.equal(value(limbs), x);
      for (const limb of limbs.slice(0, -1)) assert.ok(limb >= -(1n << 28n) && limb < 1n << 28n);
    }
  });
});
