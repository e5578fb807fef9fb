// Goal: elements go from packed form to blocks and back, and from lane to lane, unchanged; zeros are seen; numbers that
// are not below the modulus are refused; inverses are right.
// Method: edge values, extreme limbs and random values (seed in the name of the test) against bigint.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod } from "../../../src/prover/curve.ts";
import { describeFields, LANES, PLACES, type FieldKernels } from "./fields.ts";

const SEED = 20_260_311;
const { list, packed } = PLACES;
const [A, B, OUT] = [0, 1, 2].map((i) => PLACES.blocks + PLACES.blockBytes * i);
const places = Array.from({ length: LANES }, (_, i) => packed + 32 * i);

describeFields("forms", (start) => {
  let kernels: FieldKernels;
  let p: bigint;
  let bias: bigint;
  const inField = (x: bigint) => mod(x, p);
  before(() => {
    kernels = start();
    p = kernels.modulus;
    bias = kernels.field.bias;
  });

  it(`packing and unpacking change nothing, but for the signs asked for (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const all = [...kernels.edges(random).map((x) => kernels.split(x)), ...kernels.extremes()];
    for (let i = 0; i + LANES <= all.length; i += LANES) {
      all.slice(i, i + LANES).forEach((limbs, lane) => kernels.writeLimbs(A, lane, limbs));
      const written = kernels.read(A);
      for (const stride of [4, 12]) {
        const suffix = stride === 4 ? "" : stride;
        const shifted = places.map((at) => at - 64);
        kernels.refer(list, shifted, stride);
        kernels.call[`scatter${suffix}`](list, A, 64);
        assert.deepEqual(
          places.map((at) => kernels.readInteger(at)),
          written.map((x) => x + bias),
        );
        // Signs mean nothing here.
        kernels.refer(
          list,
          shifted.map((at, lane) => at | (lane & 1)),
          stride,
        );
        kernels.call[`gather${suffix}`](B, list, 64);
        assert.deepEqual(kernels.checked(B), written);
      }
      const signs = written.map(() => random.integer(0, 1));
      kernels.refer(
        list,
        places.map((at, lane) => at | signs[lane]),
      );
      kernels.call.gatherSigned(B, list, 0);
      assert.deepEqual(
        kernels.checked(B).map(inField),
        written.map((x, lane) => inField(signs[lane] ? -x : x)),
      );
    }
  });

  it("elements move to their places", () => {
    const x = kernels.edges(new Random(1)).slice(-LANES);
    for (const by of [1, 2, 4]) {
      kernels.write(A, x);
      kernels.call[`turn${by}`](OUT, A);
      assert.deepEqual(
        kernels.checked(OUT),
        x.map((_, i) => x[i ^ by]),
      );
    }
    const blocks = Array.from({ length: 2 * LANES }, (_, i) => PLACES.blocks + kernels.field.blockBytes * (i + 5));
    const values = kernels.edges(new Random(2));
    const value = (row: number, lane: number) => values[(7 * row + 3 * lane) % values.length];
    for (let row = 0; row < LANES; row++)
      kernels.write(
        blocks[row],
        x.map((_, lane) => value(row, lane)),
      );
    kernels.call.transpose(blocks[LANES], blocks[0]);
    for (let row = 0; row < LANES; row++)
      assert.deepEqual(
        kernels.checked(blocks[LANES + row]),
        x.map((_, lane) => value(lane, row)),
      );
    kernels.write(A, x);
    kernels.call.spread(OUT, A);
    x.forEach((value, i) => assert.equal(kernels.readSpread(OUT, i), value));
  });

  it(`zeros are found in sums and differences, and nothing else (seed ${SEED + 1})`, () => {
    const random = new Random(SEED + 1);
    const values = kernels.edges(random);
    const offsets = [0n, 0n, 1n, -1n, 1n << 29n, 1n << 51n, -(1n << 232n), 1n << 204n];
    for (let round = 0; round < 500; round++)
      for (const operation of ["add", "sub"] as const) {
        const x = Array.from({ length: LANES }, () => random.pick(values));
        const y = x.map((form) => {
          const close = (operation === "sub" ? form : -form) + random.pick(offsets);
          const same = [-2n, -1n, 0n, 1n, 2n].map((k) => close + k * p).filter((it) => kernels.inRange(it));
          return same.length > 0 ? random.pick(same) : random.pick(values);
        });
        kernels.write(A, x);
        kernels.write(B, y);
        kernels.call[operation](OUT, A, B);
        const isZero = x.map((form, i) => inField(operation === "add" ? form + y[i] : form - y[i]) === 0n);
        assert.equal(
          kernels.call.zeros(OUT),
          isZero.reduce((bits, zero, i) => bits | (Number(zero) << i), 0),
        );
      }
  });

  it("numbers below the modulus are taken in, others are told of", () => {
    const take = (...numbers: bigint[]) => {
      numbers.forEach((number, i) => kernels.writeInteger(packed + 32 * i, number));
      return kernels.call.addBias(packed, numbers.length);
    };
    const others = Array.from({ length: 30 }, (_, i) => (p * BigInt(i)) / 31n);
    for (const number of [0n, 1n, 1n << 64n, 1n << 128n, 1n << 192n, p - 1n, p / 2n, p / 2n + 1n, ...others]) {
      assert.equal(take(number), number === 0n ? 1 : 0, `${number}`);
      assert.equal(kernels.readInteger(packed), number + bias);
    }
    for (const large of [p, p + 1n, p + (1n << 64n), 2n * p, (1n << 255n) + 1n, (1n << 256n) - 1n])
      assert.equal(take(large), 2, `${large}`);
    assert.equal(take(), 1);
    assert.equal(take(0n, 0n, 0n), 1);
    assert.equal(take(0n, 1n << 255n, 0n), 2);
    assert.equal(take(0n, 0n, 1n), 0);
    assert.equal(take(1n << 200n, 0n), 0);
    assert.equal(take(p, p - 1n), 2);
    assert.equal(take(p - 1n, p), 2);
  });

  it("packed elements become numbers below the modulus", () => {
    const values = kernels.edges(new Random(SEED + 2)).filter((x) => x < 2n * p);
    for (const value of values) {
      kernels.writeInteger(packed, value + bias);
      kernels.call.dropBias(packed);
      assert.equal(kernels.readInteger(packed), inField(value));
    }
  });

  it(`inverses of packed values, and none of zero (seed ${SEED + 3})`, () => {
    const random = new Random(SEED + 3);
    const values = [...kernels.edges(random), ...Array.from({ length: 400 }, () => kernels.form(random.bits(260)))];
    const [from, to] = places;
    for (const value of values) {
      kernels.writeInteger(from, value + bias);
      kernels.writeInteger(to, 77n);
      const found = kernels.call.invert(to, from);
      assert.equal(kernels.readInteger(from), value + bias);
      if (inField(value) === 0n) {
        assert.equal(found, 0);
        assert.equal(kernels.readInteger(to), 77n, "nothing is written");
        continue;
      }
      assert.equal(found, 1);
      const result = kernels.readInteger(to);
      assert.equal(result - bias, inverse(value, p), `inverse of ${value}, below the modulus`);
      kernels.call.invert(from, from);
      assert.equal(kernels.readInteger(from), result, "in place");
    }
  });
});
