// Goal: sums of scalars times points are those of @noble/curves, and a key's points are taken in only if they are points.
// Method: scalars where digits, windows and signs turn; random ones (seed in the name of the suite); each rule for points
// broken alone, at several places.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { BASE_FIELD, mod, type Group, type Point } from "../../../src/prover/curve.ts";
import { POINT_BYTES, type Engine } from "../../../src/prover/engine/engine.ts";
import { loadBases, sumOfProducts, type Bases } from "../../../src/prover/engine/sum.ts";
import {
  assertPoint,
  describeEngines,
  fromKnown,
  numberBytes,
  numbersOf,
  ORDER,
  pointBytes,
  randomPoint,
  sumOf,
  ZERO,
  type Known,
} from "./engines.ts";

const SEED = 20_260_331;
const POOL = 24;
const BITS = 254;

interface Term {
  readonly points: readonly Known[];
  readonly scalars: readonly bigint[];
}

/** The sum over all terms: scalars of the same point are added first. */
function expected(group: Group, terms: readonly Term[]): Known {
  const scalars = new Map<Known, bigint>();
  for (const term of terms)
    term.points.forEach((point, i) => scalars.set(point, (scalars.get(point) ?? 0n) + term.scalars[i]));
  const products = [...scalars].map(([point, scalar]) =>
    scalar % ORDER === 0n || point.is0() ? ZERO[group] : point.multiplyUnsafe(scalar % ORDER),
  );
  return sumOf(group, products);
}

async function load(engine: Engine, group: Group, points: readonly Point[]): Promise<Bases> {
  const bases = await loadBases(engine, group, points.length, (to) => to.set(pointBytes(group, points)));
  assert.ok(!("bad" in bases));
  return bases;
}

for (const group of ["G1", "G2"] as const)
  describeEngines(`sums of products in ${group}, seed ${SEED}`, (start) => {
    const random = new Random(SEED);
    let engine: Engine;
    let pool: Known[];
    const scalar = () => random.bits(300) % ORDER;
    const cycle = (length: number) => Array.from({ length }, (_, i) => pool[i % POOL]);

    before(async () => {
      engine = await start();
      pool = Array.from({ length: POOL }, () => randomPoint(group, random));
    });

    async function check(...terms: Term[]): Promise<void> {
      const used = engine.heap.used;
      const loaded = [];
      for (const { points, scalars } of terms)
        loaded.push({ bases: await load(engine, group, points.map(fromKnown)), scalars: numberBytes(scalars) });
      assertPoint(sumOfProducts(engine, loaded), expected(group, terms));
      for (const { bases } of loaded) engine.heap.free(bases.at);
      assert.equal(engine.heap.used, used, "memory is given back");
    }
    const checkScalars = (scalars: readonly bigint[]) => check({ points: cycle(scalars.length), scalars });

    it("one scalar alone, where something turns", async () => {
      const half = ORDER / 2n;
      const turns = [0n, 1n, 2n, 3n, ORDER - 1n, ORDER - 2n, half - 1n, half, half + 1n, half + 2n, 255n, 256n];
      for (const one of turns) await checkScalars([one]);
      await checkScalars(turns);
    });

    it("powers of two, one less, and their negatives: all windows of all widths", async () => {
      const powers = Array.from({ length: BITS }, (_, k) => 1n << BigInt(k)).filter((x) => x < ORDER);
      await checkScalars(powers);
      await checkScalars(powers.map((x) => x - 1n));
      await checkScalars(powers.map((x) => ORDER - x));
      await checkScalars(powers.map((x) => mod(-(x - 1n), ORDER)));
      for (const k of [1, 7, 8, 63, 64, 127, 128, 252, 253]) await checkScalars([powers[k], powers[k] - 1n]);
    });

    it("all scalars zero, all one, all minus one", async () => {
      for (const one of [0n, 1n, ORDER - 1n])
        for (const count of [1, 8, 33]) await checkScalars(cycle(count).map(() => one));
      await checkScalars([0n, 0n, 5n, 0n]);
    });

    it("no points at all", async () => {
      await check({ points: [], scalars: [] });
      await check({ points: [], scalars: [] }, { points: [pool[0]], scalars: [9n] });
    });

    it("sums that cancel", async () => {
      const one = scalar();
      await check({ points: [pool[0], pool[0]], scalars: [one, ORDER - one] });
      await check({ points: [pool[0], pool[0].negate(), pool[1], pool[1].negate()], scalars: [one, one, 7n, 7n] });
      await check({ points: [pool[0], pool[0].double(), pool[2]], scalars: [2n * (one / 4n), ORDER - one / 4n, 1n] });
    });

    it("random scalars of all lengths, so many that windows get wide", async () => {
      for (const count of [2, 7, 8, 9, 60, 500, group === "G1" ? 20_000 : 4_000])
        await checkScalars(Array.from({ length: count }, scalar));
      await checkScalars(Array.from({ length: 300 }, () => random.bits(random.integer(1, 253))));
      await checkScalars(
        Array.from({ length: 600 }, () => random.pick([0n, 0n, 1n, 1n, ORDER - 1n, random.bits(16), scalar()])),
      );
    });

    it("points at infinity among the bases add nothing", async () => {
      const points = cycle(40).map((point, i) => (i % 3 === 0 ? ZERO[group] : point));
      await check({ points, scalars: points.map(scalar) });
      await check({ points: [ZERO[group]], scalars: [scalar()] });
      await check({ points: [ZERO[group], pool[3], ZERO[group]], scalars: [1n, 0n, ORDER - 1n] });
    });

    it("two and three terms", async () => {
      const term = (count: number) => ({ points: cycle(count), scalars: Array.from({ length: count }, scalar) });
      await check(term(5), term(11));
      await check(term(100), { points: cycle(3), scalars: [1n, ORDER - 1n, 0n] }, term(1));
      await check({ points: cycle(2), scalars: [0n, 0n] }, term(9));
    });

    it("the same bases again, with other scalars", async () => {
      const bases = await load(engine, group, pool.map(fromKnown));
      for (let round = 0; round < 5; round++) {
        const scalars = pool.map(scalar);
        const sum = sumOfProducts(engine, [{ bases, scalars: numberBytes(scalars) }]);
        assertPoint(sum, expected(group, [{ points: pool, scalars }]));
      }
      engine.heap.free(bases.at);
    });

    it("names the first that is no point", async () => {
      const width = POINT_BYTES[group] / 32;
      const good = numbersOf(pointBytes(group, pool.map(fromKnown)));
      const R = (x: bigint) => mod(x << 256n);
      const used = engine.heap.used;
      type Break = (numbers: bigint[], at: number) => void;
      const breaks: Record<string, Break> = {
        "off the curve": (numbers, at) => (numbers[at + width - 1] = mod(numbers[at + width - 1] + 1n)),
        "x of another": (numbers, at) => (numbers[at] = R(5n)),
        "0 and something": (numbers, at) => numbers.fill(0n, at, at + width - 1),
        "all bits set": (numbers, at) => numbers.fill((1n << 256n) - 1n, at, at + width),
        modulus: (numbers, at) => numbers.fill(BASE_FIELD, at, at + width),
      };
      for (let i = 0; i < width; i++) {
        breaks[`number ${i} not canonical`] = (numbers, at) => (numbers[at + i] += BASE_FIELD);
        breaks[`number ${i} is the modulus, others 0`] = (numbers, at) => {
          numbers.fill(0n, at, at + width);
          numbers[at + i] = BASE_FIELD;
        };
      }
      for (const [why, change] of Object.entries(breaks))
        for (const index of [0, 3, 7, 8, 21, POOL - 1]) {
          const numbers = [...good];
          change(numbers, width * index);
          // One that comes later is not the first.
          if (index < POOL - 1) change(numbers, width * (POOL - 1));
          const found = await loadBases(engine, group, POOL, (to) => to.set(numberBytes(numbers)));
          assert.deepEqual(found, { bad: index }, why);
        }
      assert.equal(engine.heap.used, used, "memory is given back");
    });

    it("counts of points that fill no block, and what lay in memory before", async () => {
      for (const count of [1, 2, 7, 8, 9, 15, 16, 17]) {
        const dirty = engine.heap.alloc(4096);
        engine.heap.bytes(dirty, 4096).fill(0xff);
        engine.heap.free(dirty);
        const bases = await load(engine, group, cycle(count).map(fromKnown));
        assert.deepEqual(
          [...bases.finite],
          Array.from({ length: count }, (_, i) => i),
        );
        assertPoint(engine.readPoint(group, bases.at + (count - 1) * POINT_BYTES[group]), cycle(count)[count - 1]);
        engine.heap.free(bases.at);
      }
    });
  });
