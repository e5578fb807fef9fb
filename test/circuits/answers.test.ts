// Goal: templates that others only use answer as plain TypeScript does, at the ends of their ranges too.
// Method: random and chosen inputs of one template at a time (seed in the name of the test).
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { FIELD, ORDER } from "../../src/protocol/eddsa.ts";
import { A_COLUMNS, decodeItem, listHash } from "../../src/protocol/item.ts";
import { divCeil, pack, toField } from "../../src/protocol/numbers.ts";
import { BITS, FEE_DENOMINATOR, INSTRUMENTS, KIND, LIST_ORDERS } from "../../src/protocol/parameters.ts";
import { type Circuit, compileTemplate, expectNoWitness, type Inputs } from "./harness.ts";

const SEED = Number(process.env.SEED ?? 20_261_130);
const compiled = (name: string, template: string, args: number[] = []) =>
  compileTemplate({ file: `circuits/lib/${name}.circom`, template, args, optimise: false, attributed: false });
const NO_HEAD = Object.fromEntries(A_COLUMNS.map(({ name }) => [name, 0n]));
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
      const charge = () => Array.from({ length: INSTRUMENTS }, () => BigInt(random.integer(0, 9)));
      const [longCharges, shortCharges] = [charge(), charge()];
      const charges = positions.reduce((sum, pos, j) => sum + (pos < 0n ? -pos * shortCharges[j] : pos * longCharges[j]), 0n); // prettier-ignore
      const worth = (k: number) => positions.reduce((sum, pos, j) => sum + pos * values[k][j], k === 0 ? 0n : -charges);
      // Just enough in one scenario, or one less.
      const tight = random.integer(0, 1);
      const cash = reserved - worth(tight) - quantity * unit[tight] - BigInt(random.integer(0, 1));
      const covered = (k: number) => cash + worth(k) - reserved + quantity * unit[k] >= 0n;
      const expected = [0, 1].every((k) => unit[k] >= 0n || covered(k));
      if (expected && [0, 1].some((k) => !covered(k))) seen.gains++;
      seen[expected ? "holds" : "fails"]++;
      const fields = (xs: bigint[]) => xs.map(toField);
      const inputs = { cash: toField(cash), reserved, positions: fields(positions), values: values.map(fields), longCharges, shortCharges, quantity, unit: fields(unit) }; // prettier-ignore
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

  const KINDS = { order: 1n, cancel: 2n, withdrawal: 4n, quotes: 8n } as const;
  const told = (bits: readonly bigint[]) => bits.reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n);

  for (const [name, orders] of [
    ["of one order", 1],
    ["of up to eight", LIST_ORDERS],
  ] as const)
    it(`Item ${name}: what is well formed, and of which kind, as decodeItem says`, async () => {
      const circuit = await compiled("item", "Item", [orders]);
      const [A, B] = [(7n << 40n) + (5n << 8n), 9n];
      const bits = [0n, 1n << 188n, 1n << 189n, 1n << 194n, 3n << 194n, 1n << 252n];
      const others = [0n, 1n << 173n, 1n << 174n, 5n << 180n, 1n << 251n, 1n << 252n, 3n << 251n];
      for (const kind of [...Array(33).keys(), 64, 128, 129, 130, 131, 255].map(BigInt)) {
        if (kind === BigInt(KIND.quotes)) continue;
        for (const beyondA of kind < 4n ? bits : [0n])
          for (const beyondB of kind < 4n ? others : [0n]) {
            const item = { A: A + kind + beyondA, B: B + beyondB, salt: 0n };
            const decoded = decodeItem(item);
            // Of another kind than quotes nothing depends on the words that follow.
            const words = orders === 1 ? [item.B] : [item.B, 1n << 221n, 1n << 208n];
            const [wellFormed, ...is] = circuit.publicValues({ A: item.A, words }, 5);
            assert.equal(wellFormed, decoded ? 1n : 0n, `kind ${kind}, ${beyondA}, ${beyondB}`);
            if (decoded) assert.equal(told(is), KINDS[decoded.kind]);
          }
      }
      if (orders === 1) expectNoWitness(circuit, { A: A + BigInt(KIND.quotes), words: [0n] });
    });

  it("Item: lists of each number of orders, with something in each order and each column", async () => {
    const circuit = await compiled("item", "Item", [LIST_ORDERS]);
    const A = pack(A_COLUMNS, { ...NO_HEAD, kind: BigInt(KIND.quotes), nonce: 7n });
    const orderAt = (j: number) => ({ word: Math.floor(j / 3), shift: BigInt(74 * (j % 3)) });
    const numbers = [0n, 1n, 2n, 3n, 7n, 8n, 9n, 10n, 12n, 15n, 16n, 17n, 24n, 32n, 64n, 128n, 136n, 255n];
    for (const flags of numbers)
      for (let used = 0; used <= LIST_ORDERS; used++)
        for (const bit of [0n, 40n, 41n, 72n, 73n]) {
          const list = [0n, 0n, 0n];
          for (let j = 0; j < used; j++) list[orderAt(j).word] += 1n << (orderAt(j).shift + bit);
          if (bit === 73n) list[2] += 1n << 208n;
          const item = { A: A + pack(A_COLUMNS, { ...NO_HEAD, flags }), B: listHash(list), salt: 0n, list };
          const decoded = decodeItem(item);
          const [wellFormed, ...is] = circuit.publicValues({ A: item.A, words: list }, 5);
          assert.equal(wellFormed, decoded ? 1n : 0n, `${flags} of ${used}, bit ${bit}`);
          assert.equal(told(is), KINDS.quotes);
        }
    // Beyond the columns of three orders the first word is malformed; of the others, which no log holds, there is no witness.
    const good = { A: A + pack(A_COLUMNS, { ...NO_HEAD, flags: 1n }), words: [1n, 0n, 0n] };
    assert.equal(circuit.publicValues({ ...good, words: [1n + (1n << 222n), 0n, 0n] }, 1)[0], 0n);
    assert.equal(circuit.publicValues({ ...good, words: [1n + (1n << 252n), 0n, 0n] }, 1)[0], 0n);
    assert.equal(circuit.publicValues({ ...good, words: [1n, 0n, 1n << 209n] }, 1)[0], 0n);
    // Nor do two faults make up for one another.
    const faults = [{ A: 1n << 189n }, { first: 1n << 222n }, { last: 1n << 209n }, { first: 1n << 74n }, { flags: 8n }, { flags: 16n }]; // prettier-ignore
    for (const [i, one] of faults.entries())
      for (const other of faults.slice(i + 1)) {
        const both = { A: 0n, first: 0n, last: 0n, ...one, ...other, flags: (one.flags ?? 0n) + (other.flags ?? 0n) };
        const flags = pack(A_COLUMNS, { ...NO_HEAD, flags: both.flags });
        const first = (one.first ?? 0n) + (other.first ?? 0n);
        const words = [1n + first, 0n, both.last];
        assert.equal(circuit.publicValues({ A: good.A + both.A + flags, words }, 1)[0], 0n);
      }
    expectNoWitness(circuit, { ...good, words: [1n, 1n << 222n, 0n] });
    expectNoWitness(circuit, { ...good, words: [1n, 0n, 1n << 222n] });
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
