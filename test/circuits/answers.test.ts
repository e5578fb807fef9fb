// Goal: templates that others only use answer as plain TypeScript does, at the ends of their ranges too.
// Method: random and chosen inputs of one template at a time (seed in the name of the test).
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { FIELD, ORDER } from "../../src/protocol/eddsa.ts";
import { decodeItem } from "../../src/protocol/item.ts";
import { divCeil, toField } from "../../src/protocol/numbers.ts";
import { BITS, FEE_DENOMINATOR, INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { type Circuit, compileTemplate, expectNoWitness, type Inputs } from "./harness.ts";

const SEED = Number(process.env.SEED ?? 20_261_130);
const compiled = (name: string, template: string, args: number[] = []) =>
  compileTemplate({ file: `circuits/lib/${name}.circom`, template, args, optimise: false, attributed: false });
const answer = (circuit: Circuit, inputs: Inputs) => circuit.publicValues(inputs, 1)[0];

describe("circuits/lib: answers", () => {
  it(`MarginHolds: each scenario gains, or is covered (seed ${SEED})`, async () => {
    const circuit = await compiled("margin", "MarginHolds", [2]);
    const random = new Random(SEED);
    const seen = { holds: 0, fails: 0, gains: 0 };
    for (let i = 0; i < 80; i++) {
      const some = (most: number) => BigInt(random.integer(-most, most));
      const positions = Array.from({ length: INSTRUMENTS }, () => some(9));
      const values = [0, 1].map(() => Array.from({ length: INSTRUMENTS }, () => some(99)));
      const [reserved, quantity] = [BigInt(random.integer(0, 50)), BigInt(random.integer(1, 9))];
      const unit = [0, 1].map(() => some(9));
      const worth = (k: number) => positions.reduce((sum, pos, j) => sum + pos * values[k][j], 0n);
      // Just enough in one scenario, or one less.
      const tight = random.integer(0, 1);
      const cash = reserved - worth(tight) - quantity * unit[tight] - BigInt(random.integer(0, 1));
      const covered = (k: number) => cash + worth(k) - reserved + quantity * unit[k] >= 0n;
      const expected = [0, 1].every((k) => unit[k] >= 0n || covered(k));
      if (expected && [0, 1].some((k) => !covered(k))) seen.gains++;
      seen[expected ? "holds" : "fails"]++;
      const fields = (xs: bigint[]) => xs.map(toField);
      const inputs = { cash: toField(cash), reserved, positions: fields(positions), values: values.map(fields), quantity, unit: fields(unit) }; // prettier-ignore
      assert.equal(answer(circuit, inputs), expected ? 1n : 0n, `case ${i}`);
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 5, `only ${count} ${what}`);
  });

  it("ClockStep: an entry is not before the clock, a close after it, and times have 40 bits", async () => {
    const circuit = await compiled("log", "ClockStep");
    const time = 3n;
    for (const [rank, strict] of [
      [31n, 0n],
      [1n, 1n],
      [16n, 1n],
    ]) {
      const after = 32n * time + rank;
      for (const clock of [0n, after - 1n]) assert.equal(answer(circuit, { clock, time, rank, strict }), after);
      if (strict === 0n) assert.equal(answer(circuit, { clock: after, time, rank, strict }), after);
      else expectNoWitness(circuit, { clock: after, time, rank, strict });
      expectNoWitness(circuit, { clock: after + 1n, time, rank, strict });
      const last = (1n << BigInt(BITS.time)) - 1n;
      assert.equal(answer(circuit, { clock: 0n, time: last, rank, strict }), 32n * last + rank);
      expectNoWitness(circuit, { clock: 0n, time: last + 1n, rank, strict });
    }
  });

  it("DivideUp: rounds up, as fees are", async () => {
    const circuit = await compiled("fee", "DivideUp", [20]);
    const million = FEE_DENOMINATOR;
    for (const x of [0n, 1n, million - 1n, million, million + 1n, million * ((1n << 20n) - 1n)])
      assert.equal(answer(circuit, { x }), divCeil(x, million), `${x}`);
    expectNoWitness(circuit, { x: million * ((1n << 20n) - 1n) + 1n });
  });

  it("Item: what is well formed, and of which kind, as decodeItem says", async () => {
    const circuit = await compiled("item", "Item");
    const kinds = { order: 1n, cancel: 2n, withdrawal: 4n } as const;
    const [A, B] = [(7n << 36n) + (5n << 4n), 9n];
    const bits = [0n, 1n << 184n, 1n << 185n, 1n << 190n, 3n << 190n, 1n << 252n];
    const others = [0n, 1n << 173n, 1n << 174n, 5n << 180n, 1n << 251n, 1n << 252n, 3n << 251n];
    for (let kind = 0n; kind < 16n; kind++)
      for (const beyondA of kind < 4n ? bits : [0n])
        for (const beyondB of kind < 4n ? others : [0n]) {
          const item = { A: A + kind + beyondA, B: B + beyondB, salt: 0n };
          const decoded = decodeItem(item);
          const [wellFormed, ...is] = circuit.publicValues({ A: item.A, B: item.B }, 4);
          const told = is.reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);
          assert.equal(wellFormed, decoded ? 1n : 0n, `kind ${kind}, ${beyondA}, ${beyondB}`);
          if (decoded) assert.equal(told, kinds[decoded.kind]);
        }
  });

  it("Scalar: a form for each scalar, at the ends of all ranges of its quotient", async () => {
    const circuits = await Promise.all([0, 1].map((exact) => compiled("eddsa", "Scalar", [exact])));
    const top = 1n << 250n;
    for (const [exact, circuit] of circuits.entries())
      for (let q = 0n; q < 8n; q++)
        for (const rest of [0n, 1n, top - 1n, top, ORDER - 1n]) {
          const value = q * ORDER + rest;
          if (value >= FIELD) continue;
          const values = circuit.publicValues({ in: value }, 252);
          const [positive, quotient] = values.slice(250);
          const bits = values.slice(0, 250).reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);
          assert.deepEqual([positive, quotient], [rest < top ? 1n : 0n, q], `${q} l + ${rest}`);
          // Where it has to be exact, the last form is no number modulo l: S is too great, and the answer is no.
          if (exact === 0 || q < 7n || positive === 1n)
            assert.equal((bits + (1n - positive) * (ORDER - top) - value) % ORDER, 0n);
        }
  });
});
