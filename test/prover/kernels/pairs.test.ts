// Goal: the operands of eight additions are fetched, combined and packed as the plain kernels would, and differences that
// are not reduced are still factors.
// Method: edge values in pairs (seed in the name of the suite) against bigint.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod } from "../../../src/prover/curve.ts";
import { ADDITION_BYTES } from "../../../src/prover/kernels/field.ts";
import { describeFields, LANES, PLACES, type FieldKernels } from "./fields.ts";

const SEED = 20_260_361;
const { list } = PLACES;
const [A, KEPT, OUT, OTHER, PRODUCT] = [0, 1, 2, 3, 4].map((i) => PLACES.blocks + PLACES.blockBytes * i);
const [FIRST, SECOND, SUM] = [0, 1, 2].map((i) => 2 * PLACES.blocks + 512 * i);
const OFFSET = 96;

describeFields(`operands of additions, seed ${SEED}`, (start) => {
  const random = new Random(SEED);
  let kernels: FieldKernels;
  let p: bigint;
  let pairs: [bigint, bigint][];
  const inField = (x: bigint) => mod(x, p);

  before(() => {
    kernels = start();
    p = kernels.modulus;
    const values = [...kernels.edges(random), ...kernels.extremes().map((limbs) => kernels.value(limbs))];
    const inRange = values.filter((x) => kernels.inRange(x));
    const ends = [...inRange].sort((a, b) => (a < b ? -1 : Number(a > b)));
    pairs = Array.from({ length: 4_000 }, () => [random.pick(inRange), random.pick(inRange)]);
    // The largest differences and sums.
    for (let i = 0; i < 20; i++)
      pairs.push([ends[i], ends.at(-1 - i)!], [ends.at(-1 - i)!, ends[i]], [ends[i], ends[i]]);
  });

  /** Writes a list of eight additions, with these signs. */
  function write(some: readonly (readonly [bigint, bigint])[], signs: readonly (readonly [number, number])[]): void {
    some.forEach((operands, lane) => {
      const at = list + ADDITION_BYTES * lane;
      [FIRST, SECOND].forEach((from, i) => {
        kernels.writeInteger(from + 32 * lane + OFFSET, operands[i] + kernels.field.bias);
        kernels.view.setUint32(at + 4 * i, (from + 32 * lane) | signs[lane][i], true);
      });
      kernels.view.setUint32(at + 8, SUM + 32 * lane, true);
    });
  }

  it("differences, sums, signs, and what is packed", () => {
    const { call } = kernels;
    const ends = [-110n, -109n, 109n, 110n].map((x) => (x * p) / 100n).filter((x) => kernels.inRange(x, true));
    const values = [...kernels.edges(random), ...ends, ...ends, ...ends];
    const perRadix = inverse(1n << kernels.field.radixBits, p);
    for (let i = 0; i + LANES <= pairs.length; i += LANES) {
      const some = pairs.slice(i, i + LANES);
      const signs = some.map(() => [random.integer(0, 1), random.integer(0, 1)] as const);
      const others = some.map(() => random.pick(values));
      write(some, signs);
      kernels.write(OTHER, others);
      const [first, second] = [0, 1].map((k) => some.map((pair, lane) => (signs[lane][k] ? -pair[k] : pair[k])));

      call.difference(OUT, list, OFFSET);
      const difference = some.map(([x, y]) => inField(y - x));
      assert.deepEqual(kernels.read(OUT).map(inField), difference);
      call.mul(PRODUCT, OUT, OTHER);
      assert.deepEqual(
        kernels.checked(PRODUCT, true).map(inField),
        difference.map((x, lane) => inField(x * others[lane] * perRadix)),
      );

      call.signedDifference(OUT, KEPT, list, OFFSET);
      const signed = first.map((x, lane) => inField(second[lane] - x));
      assert.deepEqual(kernels.checked(KEPT).map(inField), first.map(inField));
      assert.deepEqual(kernels.read(OUT).map(inField), signed);
      call.mul(PRODUCT, OTHER, OUT);
      assert.deepEqual(
        kernels.checked(PRODUCT, true).map(inField),
        signed.map((x, lane) => inField(x * others[lane] * perRadix)),
      );

      call.sum(OUT, KEPT, list, OFFSET);
      assert.deepEqual(
        kernels.checked(KEPT).map(inField),
        some.map(([x]) => inField(x)),
      );
      call.scatterDifference(list, A, OTHER, OUT, OFFSET);
      const packed = some.map((_, lane) => kernels.readInteger(SUM + 32 * lane + OFFSET) - kernels.field.bias);
      assert.deepEqual(kernels.checked(A), packed);
      assert.deepEqual(
        packed.map(inField),
        some.map(([x, y], lane) => inField(others[lane] - x - y)),
      );
    }
  });

  it("a difference of equal elements is zero, whatever their forms, once 0 is added", () => {
    const same = kernels
      .edges(random)
      .flatMap((x) => [x, x + p, x - p].filter((y) => kernels.inRange(y)).map((y) => [x, y] as const));
    kernels.write(
      OTHER,
      Array.from({ length: LANES }, () => 0n),
    );
    const unequal = [1n, 2n] as const;
    for (let i = 0; i + LANES <= same.length; i += LANES) {
      const some = same.slice(i, i + LANES).map((pair, lane) => ((i / LANES + lane) % 3 === 0 ? unequal : pair));
      write(
        some,
        some.map(() => [0, 0] as const),
      );
      kernels.call.difference(OUT, list, OFFSET);
      kernels.call.add(OUT, OUT, OTHER);
      const expected = some.reduce((bits, [x, y], lane) => bits | (Number(inField(x - y) === 0n) << lane), 0);
      assert.equal(kernels.call.zeros(OUT), expected);
    }
  });
});
