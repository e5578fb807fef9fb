// Goal: both backends compute in both fields what bigint does, and no value or limb ever leaves its documented range.
// Method: laws on edge and random values (seed in the name of the test), all combinations of extreme limbs, and long
// random programs, of which every intermediate block is looked at.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { inverse, mod } from "../../../src/prover/curve.ts";
import { describeFields, LANES, PLACES, SCRATCH, type FieldKernels } from "./fields.ts";

const SEED = 20_260_301;
const STEPS = 30_000;
const ALIKE = 1_500;
const { list, one, packed } = PLACES;
const [A, B, OUT, OTHER] = [0, 1, 2, 3].map((i) => PLACES.blocks + PLACES.blockBytes * i);

type Operation = "mul" | "sqr" | "mulOne" | "add" | "sub";
/** Of Montgomery forms: x R and y R make x y R, so that one factor R is taken off. */
const LAWS: Record<Operation, (x: bigint, y: bigint, factor: bigint, perRadix: bigint) => bigint> = {
  mul: (x, y, _, perRadix) => x * y * perRadix,
  sqr: (x, _, __, perRadix) => x * x * perRadix,
  mulOne: (x, _, factor, perRadix) => x * factor * perRadix,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
};
const OPERATIONS = Object.keys(LAWS) as Operation[];

describeFields("operations", (start) => {
  let kernels: FieldKernels;
  let p: bigint;
  let perRadix: bigint;
  const inField = (x: bigint) => mod(x, p);
  before(() => {
    kernels = start();
    p = kernels.modulus;
    perRadix = inverse(1n << kernels.field.radixBits, p);
  });

  const law = (operation: Operation, x: bigint, y: bigint, factor: bigint) =>
    inField(LAWS[operation](x, y, factor, perRadix));

  function run(operation: Operation, out: number, a: number, b: number): void {
    if (operation === "sqr") kernels.call.sqr(out, a);
    else kernels.call[operation](out, a, operation === "mulOne" ? one : b);
  }

  /** Runs all operations on eight pairs; the factor of mulOne is the first right operand. */
  function checkPairs(pairs: readonly (readonly [readonly bigint[], readonly bigint[]])[]): void {
    for (let lane = 0; lane < LANES; lane++) {
      const [x, y] = pairs[lane % pairs.length];
      kernels.writeLimbs(A, lane, x);
      kernels.writeLimbs(B, lane, y);
    }
    kernels.call.spread(one, B);
    const [a, b] = [A, B].map((block) => kernels.read(block));
    for (const operation of OPERATIONS) {
      run(operation, OUT, A, B);
      kernels.checked(OUT).forEach((form, lane) => {
        const expected = law(operation, a[lane], b[lane], b[0]);
        assert.equal(inField(form), expected, `${operation} of ${a[lane]} and ${b[lane]}`);
      });
    }
  }

  it("extreme limbs", () => {
    const all = kernels.extremes();
    // Of the many pairs, every so many, a number of them that has no factor in common with theirs.
    const step = Math.ceil(all.length ** 2 / 9_000) | 1;
    const pairs = Array.from({ length: Math.ceil(all.length ** 2 / step) }, (_, i) => {
      const choice = i * step;
      return [all[Math.floor(choice / all.length)], all[choice % all.length]] as const;
    });
    for (let i = 0; i < pairs.length; i += LANES) checkPairs(pairs.slice(i, i + LANES));
  });

  it(`products of which all rests are large (seed ${SEED + 4})`, () => {
    const random = new Random(SEED + 4);
    for (let i = 0; i < ALIKE; i++) checkPairs(Array.from({ length: LANES }, () => kernels.alike(random)));
  });

  it(`edge values in pairs (seed ${SEED})`, () => {
    const values = kernels.edges(new Random(SEED)).map((x) => kernels.split(x));
    for (const x of values)
      for (let i = 0; i < values.length; i += LANES) checkPairs(values.slice(i, i + LANES).map((y) => [x, y] as const));
  });

  it("results may replace operands", () => {
    const values = kernels.edges(new Random(SEED + 1));
    for (const operation of OPERATIONS)
      for (const [out, a, b] of [
        [A, A, B],
        [B, A, B],
        [A, A, A],
      ]) {
        kernels.write(A, values.slice(0, LANES));
        kernels.write(B, values.slice(-LANES));
        kernels.call.spread(one, B);
        const [left, right, factor] = [kernels.read(a), kernels.read(b), kernels.read(B)[0]];
        run(operation, out, a, b);
        kernels
          .checked(out)
          .forEach((form, i) => assert.equal(inField(form), law(operation, left[i], right[i], factor)));
      }
  });

  it(`a long program stays in range and right (seed ${SEED + 2})`, () => {
    const random = new Random(SEED + 2);
    const blocks = Array.from({ length: 8 }, (_, i) => 2 * PLACES.blocks + PLACES.blockBytes * i);
    const values = kernels.edges(random);
    const places = Array.from({ length: LANES }, (_, i) => packed + 32 * i);
    const model = blocks.map((block) => {
      const forms = Array.from({ length: LANES }, () => random.pick(values));
      kernels.write(block, forms);
      return forms.map(inField);
    });
    for (let step = 0; step < STEPS; step++) {
      const [out, a, b] = [0, 1, 2].map(() => random.integer(0, blocks.length - 1));
      const [x, y] = [model[a], model[b]];
      const choice = random.pick(["field", "field", "field", "field", "lanes", "memory"]);
      if (choice === "field") {
        const operation = random.pick(OPERATIONS);
        const lane = random.integer(0, LANES - 1);
        kernels.call.spread(OTHER, blocks[b]);
        if (operation === "mulOne")
          kernels.call.mulOne(blocks[out], blocks[a], OTHER + kernels.field.elementBytes * lane);
        else run(operation, blocks[out], blocks[a], blocks[b]);
        model[out] = x.map((form, i) => law(operation, form, y[i], y[lane]));
      } else if (choice === "lanes") {
        const by = random.pick([1, 2, 4]);
        kernels.call[`turn${by}`](OTHER, blocks[a]);
        kernels.call.add(blocks[out], OTHER, blocks[b]);
        model[out] = x.map((_, i) => mod(x[i ^ by] + y[i], kernels.modulus));
      } else {
        const signs = Array.from({ length: LANES }, () => random.integer(0, 1));
        kernels.refer(list, places);
        kernels.call.scatter(list, blocks[a], 0);
        kernels.refer(
          list,
          places.map((at, i) => at | signs[i]),
        );
        kernels.call.gatherSigned(blocks[out], list, 0);
        model[out] = x.map((form, i) => inField(signs[i] ? -form : form));
      }
      assert.deepEqual(kernels.checked(blocks[out]).map(inField), model[out], `step ${step}`);
    }
  });

  it("writes to its scratch memory and results alone", () => {
    const bytes = new Uint8Array(kernels.view.buffer);
    const untouched = [
      [SCRATCH.at + SCRATCH.bytes, list],
      [OUT + kernels.field.blockBytes, OTHER],
    ];
    kernels.write(A, kernels.edges(new Random(SEED + 3)).slice(0, LANES));
    kernels.call.spread(one, A);
    for (const [from, to] of untouched) bytes.fill(0xa5, from, to);
    for (const operation of OPERATIONS) run(operation, OUT, A, A);
    for (const [from, to] of untouched) assert.ok(bytes.subarray(from, to).every((byte) => byte === 0xa5));
  });
});
