// Goal: the kernels that add points by the thousand agree with @noble/curves, also where an addition is a doubling, where
// a sum is infinity, and where infinity meets more points; no shape of segments goes wrong.
// Method: random points (seed in the name of the suite), never in arithmetic progression: such have colliding sums,
// which hide errors. Segments of chosen shapes, and random ones.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { BASE_FIELD, inverse, mod, type Group, type Point } from "../../../src/prover/curve.ts";
import { BLOCK_BYTES, POINT_BYTES, type Engine } from "../../../src/prover/engine/engine.ts";
import { WORK } from "../../../src/prover/kernels/layout.ts";
import { BATCH, CHUNK } from "../../../src/prover/kernels/sums.ts";
import {
  assertPoint,
  describeEngines,
  fromKnown,
  numbersOf,
  pointBytes,
  randomPoint,
  sumOf,
  ZERO,
  type Known,
} from "./engines.ts";

const SEED = 20_260_321;
const POOL = 48;

/** Points of which many references are made: the last one is infinity. */
class Pool {
  readonly known: Known[];
  readonly #at: number;
  readonly #engine: Engine;
  readonly #group: Group;
  #work = 0;

  constructor(engine: Engine, group: Group, known: Known[]) {
    this.#engine = engine;
    this.#group = group;
    this.known = [...known, ZERO[group]];
    this.#at = engine.heap.alloc(this.known.length * POINT_BYTES[group]);
    this.known.forEach((point, i) => engine.writePoint(this.place(i), fromKnown(point)));
  }

  /** Address of point i, from 0 on. */
  readonly place = (i: number) => this.#at + i * POINT_BYTES[this.#group];

  /** Sums of segments of the pool's points, by index from 1 on and with a sign. */
  sums(segments: readonly (readonly number[])[], startsInfinite = false): Point[] {
    const { heap, call } = this.#engine;
    const bytes = POINT_BYTES[this.#group];
    return heap.scoped((alloc) => {
      const total = segments.reduce((sum, segment) => sum + segment.length, 0);
      const most = Math.max(CHUNK, ...segments.map((segment) => segment.length));
      const [references, counts, results] = [total, segments.length, segments.length].map((n) => alloc(4 * n));
      this.#work = alloc(WORK.bytes);
      const kept = alloc(segments.length * bytes);
      const fields = {
        [WORK.kept]: kept,
        [WORK.slots]: alloc(most * bytes),
        [WORK.list]: alloc(BATCH * 12),
        [WORK.differences]: alloc((BATCH / 8) * BLOCK_BYTES * (this.#group === "G1" ? 1 : 3)),
        [WORK.products]: alloc((BATCH / 8 + 2) * BLOCK_BYTES),
        [WORK.infinite]: Number(startsInfinite),
      };
      for (const [field, value] of Object.entries(fields)) heap.words(this.#work + Number(field), 1)[0] = value;
      this.#engine.infiniteFlag = this.#work + WORK.infinite;
      heap.words(references, total).set(segments.flat().map((i) => this.place(Math.abs(i) - 1) | Number(i < 0)));
      heap.words(counts, segments.length).set(segments.map(({ length }) => length));
      for (let done = 0, from = references; done < segments.length;) {
        const left = segments.length - done;
        done += call[`sum${this.#group}`](from, counts + 4 * done, left, results + 4 * done, this.#work);
        from += 4 * heap.words(this.#work + WORK.taken, 1)[0];
      }
      assert.ok(heap.words(this.#work, 1)[0] <= kept + segments.length * bytes, "more kept than segments");
      return [...heap.words(results, segments.length)].map((ref) => this.#engine.readPoint(this.#group, ref));
    });
  }

  expected(segment: readonly number[]): Known {
    return sumOf(
      this.#group,
      segment.map((i) => (i < 0 ? this.known[-i - 1].negate() : this.known[i - 1])),
    );
  }

  check(segments: readonly (readonly number[])[], startsInfinite = false): void {
    this.sums(segments, startsInfinite).forEach((found, i) => {
      const [expected, { length }] = [this.expected(segments[i]), segments[i]];
      assertPoint(found, expected, `segment ${i} of ${segments.length}, ${length} points`);
    });
  }
}

for (const group of ["G1", "G2"] as const)
  describeEngines(`sums of points of ${group}, seed ${SEED}`, (start) => {
    const random = new Random(SEED);
    let known: Known[];
    let pool: Pool;
    /** index of infinity in the pool */
    const INFINITE = POOL + 1;
    const many = group === "G1" ? 1 : 0.25;
    const any = (length: number) =>
      Array.from({ length }, () => (random.integer(0, 1) ? 1 : -1) * random.integer(1, POOL));

    before(async () => {
      known = Array.from({ length: POOL }, () => randomPoint(group, random));
      pool = new Pool(await start(), group, known);
    });

    it("segments of every small size, alone and together", () => {
      const sizes = Array.from({ length: 20 }, (_, i) => i);
      for (const size of sizes) pool.check([Array.from({ length: size }, (_, i) => (i % 3 ? 1 : -1) * (i + 1))]);
      pool.check(sizes.map((size) => Array.from({ length: size }, (_, i) => (size % 2 ? 1 : -1) * (i + 1))));
      pool.check([[], [], [5], [], [-6]]);
      assert.deepEqual(pool.sums([]), []);
      assert.deepEqual(pool.sums([[]]), [undefined]);
    });

    it("every pair of distinct points, in batches of every size", () => {
      const pairs = [];
      for (let i = 1; i <= 12; i++)
        for (let j = 1; j <= 12; j++) if (i !== j) pairs.push([i, j], [i, -j], [-i, j], [-i, -j]);
      for (let size = 1; size <= 17; size++) pool.check(pairs.slice(size, 2 * size));
      pool.check(pairs);
    });

    it("equal points are doubled", () => {
      pool.check([[1, 1]]);
      pool.check([
        [-2, -2],
        [3, 4],
        [5, 5],
      ]);
      for (const length of [2, 3, 4, 5, 8, 9, 64, 100]) pool.check([Array.from({ length }, () => 7)]);
      pool.check(Array.from({ length: 30 }, (_, i) => [1 + (i % 5), 1 + (i % 5), 9]));
    });

    it("opposite points are infinity, which may meet others and itself", () => {
      pool.check([[1, -1]]);
      pool.check([[1, -1, 2]]);
      pool.check([[2, 1, -1]]);
      pool.check([[1, -1, 2, 3]]);
      pool.check([[2, 3, 1, -1]]);
      pool.check([[1, -1, 2, -2]]);
      pool.check([[1, -1, 2, -2, 3, -3, 4]]);
      pool.check([[1, -1, 1, -1, 1, -1, 1, -1]]);
      pool.check([[1, 2, -2, -1], [3, 4, -3, -4], [1, 1, -1, -1], [5]]);
      // A sum that is opposite to another, and equal.
      pool.check([[1, 2, -1, -2, 6]]);
      pool.check([[1, 2, 1, 2, 7]]);
      pool.check([[1, 2, -1, -2]]);
    });

    it("infinite points among those given are passed over, once it is said that there are", () => {
      pool.check([[INFINITE]], true);
      pool.check([[INFINITE, INFINITE, -INFINITE]], true);
      pool.check([[INFINITE, 1]], true);
      pool.check(
        [
          [1, INFINITE],
          [2, 3],
          [INFINITE, 4, INFINITE, 5, -5],
        ],
        true,
      );
    });

    it("all points equal, more than a batch", () => {
      pool.check([Array.from({ length: Math.floor(many * 1.5 * BATCH) }, () => 3)]);
    });

    it("a batch that is just full, and one more", () => {
      for (const additions of [BATCH - 8, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
        pool.check(Array.from({ length: additions }, (_, i) => [1 + (i % 23), 24 + (i % 19)]));
    });

    it("one segment larger than a chunk", () => {
      pool.check([any(CHUNK + 3)]);
      pool.check([[1], any(CHUNK + 1), [2, 3]]);
    });

    it("many segments in several chunks, random sizes", () => {
      const segments = [];
      for (let total = 0; total < many * 2.5 * CHUNK; total += segments.at(-1)!.length)
        segments.push(any(random.pick([0, 1, 2, 3, 7, 30, 300])));
      pool.check(segments);
    });

    it("small segments of a few points: collisions everywhere", () => {
      const few = () => Array.from({ length: random.integer(0, 9) }, () => random.pick([1, -1, 2, -2, 3]));
      for (let round = 0; round < 20 * many; round++) pool.check(Array.from({ length: 40 }, few));
    });

    it("equal points of which the packed coordinates differ by the modulus", async () => {
      const engine = await start();
      const { heap, form } = engine;
      const two = new Pool(engine, group, [known[0], known[0], known[1]]);
      // Of the second: each coordinate that has another packed form within 0.67 p (or 2 p, without a bias) gets it.
      const [least, most] = form.bias > 0n ? [-67n, 67n] : [0n, 200n];
      let changed = 0;
      for (let at = two.place(1); at < two.place(2); at += 32) {
        const value = heap.readInteger(at) - form.bias;
        const other = [value + BASE_FIELD, value - BASE_FIELD].find(
          (x) => 100n * x >= least * BASE_FIELD && 100n * x <= most * BASE_FIELD,
        );
        if (other === undefined) continue;
        heap.writeInteger(at, other + form.bias);
        changed++;
      }
      assert.ok(changed > 0, "another seed is needed");
      for (const shape of [
        [1, 2],
        [2, 1],
        [1, -2],
        [-1, 2],
        [1, -2, 3],
        [3, 1, 2],
        [2, 2],
        [1, 2, 1, 2, 3],
      ])
        two.check([shape, [3, 1]]);
    });

    it("coordinates are given out as a key has them, whatever their packed form", async () => {
      const engine = await start();
      const { heap, form } = engine;
      const points = known.slice(0, 16).map(fromKnown);
      const at = heap.alloc(17 * POINT_BYTES[group]);
      const bytes = pointBytes(group, points);
      points.forEach((point, i) => engine.writePoint(at + i * POINT_BYTES[group], point));
      const [least, most] = form.bias > 0n ? [-67n, 67n] : [0n, 200n];
      for (let coordinate = at; coordinate < at + bytes.length; coordinate += 32) {
        const value = heap.readInteger(coordinate) - form.bias;
        const other = [value + BASE_FIELD, value - BASE_FIELD].find(
          (x) => 100n * x >= least * BASE_FIELD && 100n * x <= most * BASE_FIELD,
        );
        if (other !== undefined && random.integer(0, 1)) heap.writeInteger(coordinate, other + form.bias);
      }
      heap.bytes(at + bytes.length, POINT_BYTES[group]).fill(0xa5);
      engine.giveCoordinates(at, bytes.length / 256);
      assert.deepEqual(heap.bytes(at, bytes.length), bytes);
      assert.ok(heap.bytes(at + bytes.length, POINT_BYTES[group]).every((byte) => byte === 0xa5));
    });

    it("coordinates at the ends of their range are given out", async () => {
      const engine = await start();
      const { heap, form } = engine;
      const p = BASE_FIELD;
      const [least, most] = form.bias > 0n ? [(-67n * p) / 100n, (67n * p) / 100n] : [0n, 2n * p];
      const values = [least, least + 1n, most - 1n, most, 0n, 1n, p / 2n, p / 2n + 1n];
      const at = heap.alloc(256);
      values.forEach((value, i) => heap.writeInteger(at + 32 * i, value + form.bias));
      engine.giveCoordinates(at, 1);
      const toFile = inverse(1n << form.radixBits) << 256n;
      assert.deepEqual(
        numbersOf(heap.bytes(at, 256)),
        values.map((value) => mod(value * toFile)),
      );
    });

    it("addresses above 2 GiB", async () => {
      const engine = await start();
      const low = engine.heap.alloc(2 ** 31);
      const high = new Pool(engine, group, known);
      high.check([[1, 2, -3], [4, 4], [5, -5], [6, -6, 7], any(100), [-8]]);
      engine.heap.free(low);
    });

    it("points in memory are not changed", () => {
      pool.check(known.map((_, i) => [i + 1]));
    });
  });
