// Goal: multiples of the generator are those of @noble/curves, in the form of a key, for every width of a window.
// Method: scalars where digits, signs and windows turn; random ones (seed in the name of the suite), zeros among them.
import assert from "node:assert/strict";
import { bn254 } from "@noble/curves/bn254.js";
import { fixedBase } from "../../src/setup/keys/fixedBase.ts";
import { Random } from "../../src/replay/random.ts";
import type { Engine } from "../../src/prover/engine/engine.ts";
import {
  describeEngines,
  fromKnown,
  numberBytes,
  ORDER,
  pointBytes,
  ZERO,
  type Known,
} from "../prover/kernels/engines.ts";

const SEED = 20_260_401;
const BASE = { G1: bn254.G1.Point.BASE, G2: bn254.G2.Point.BASE } as unknown as Record<"G1" | "G2", Known>;
/** How many scalars to expect for windows of about 4, 7, 10, 13 and 16 bits. */
const EXPECTED = [0, 300, 4_000, 60_000, 2_000_000];

for (const group of ["G1", "G2"] as const)
  describeEngines(`multiples of the generator of ${group}, seed ${SEED}`, (start) => {
    const random = new Random(SEED);
    const scalar = () => random.bits(300) % ORDER;
    let engine: Engine;
    beforeEach(async () => {
      engine = await start();
    });

    function check(base: ReturnType<typeof fixedBase>, scalars: readonly bigint[]): void {
      const { heap } = engine;
      const used = heap.used;
      const done: number[] = [];
      const found = heap.scoped((alloc) => {
        const at = alloc(32 * scalars.length);
        heap.bytes(at, 32 * scalars.length).set(numberBytes(scalars));
        return base.multiply(at, scalars.length, (count) => done.push(count));
      });
      assert.equal(heap.used, used, "memory is given back");
      assert.equal(done.at(-1), scalars.length || undefined);
      const points = scalars.map((x) => (x === 0n ? ZERO[group] : BASE[group].multiplyUnsafe(x)));
      const expected = pointBytes(group, points.map(fromKnown));
      const bytes = expected.length / scalars.length;
      scalars.forEach((x, i) =>
        assert.deepEqual(
          found.subarray(i * bytes, (i + 1) * bytes),
          expected.subarray(i * bytes, (i + 1) * bytes),
          `${x}`,
        ),
      );
    }

    for (const expected of EXPECTED)
      it(`with windows for ${expected} scalars`, () => {
        const base = fixedBase(engine, group, expected);
        const half = ORDER / 2n;
        check(base, [0n, 1n, 2n, 3n, ORDER - 1n, ORDER - 2n, ORDER - 3n, half, half + 1n, half - 1n]);
        const powers = Array.from({ length: 254 }, (_, bit) => 1n << BigInt(bit)).filter((x) => x < ORDER);
        check(
          base,
          powers.flatMap((x) => [x - 1n, x, x + 1n]).filter((x) => x < ORDER),
        );
        // The largest and the smallest digits in all windows.
        for (const width of [4, 7, 10, 13, 16].map(BigInt)) {
          const ones = (1n << 253n) / ((1n << width) - 1n);
          const digits = [1n, (1n << (width - 1n)) - 1n, 1n << (width - 1n), (1n << (width - 1n)) + 1n];
          check(
            base,
            digits.flatMap((digit) => [(ones * digit) % ORDER, ORDER - 1n - ((ones * digit) % ORDER)]),
          );
        }
        // Of which the low digits' sum equals that of the high ones, so that it is doubled.
        const meeting = Array.from({ length: 250 }, (_, bit) => {
          const high = (ORDER >> BigInt(bit + 1)) << BigInt(bit + 1);
          return 2n * high - ORDER;
        });
        check(
          base,
          meeting.filter((x) => x > 0n),
        );
        check(
          base,
          Array.from({ length: 100 }, () =>
            random.pick([0n, scalar(), scalar(), random.bits(20), ORDER - random.bits(20) - 1n]),
          ),
        );
        check(base, [0n, 0n, 0n]);
        assert.equal(base.multiply(0, 0).length, 0);
      });

    it("more scalars than are multiplied at a time, the last of them alone", () => {
      const few = Array.from({ length: 5 }, scalar);
      const scalars = Array.from({ length: 4097 }, (_, i) => (i % 4 ? few[i % 5] : 0n));
      const base = fixedBase(engine, group, 100);
      const { heap } = engine;
      const at = heap.alloc(32 * scalars.length);
      heap.bytes(at, 32 * scalars.length).set(numberBytes(scalars));
      const points = new Map([0n, ...few].map((x) => [x, x === 0n ? ZERO[group] : BASE[group].multiplyUnsafe(x)]));
      assert.deepEqual(
        base.multiply(at, scalars.length),
        pointBytes(
          group,
          scalars.map((x) => fromKnown(points.get(x)!)),
        ),
      );
    });
  });
