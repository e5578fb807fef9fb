// Goal: what a proof does with values, from numbers to the coset and back, is what bigint does.
// Method: polynomials evaluated by the definition at all points, on every size of domain from 2^4; matrices in all
// shapes (seed in the name of the suite) against plain sums.
import assert from "node:assert/strict";
import { Random } from "../../../src/replay/random.ts";
import { SCALAR_FIELD, inverse, mod } from "../../../src/prover/curve.ts";
import { BLOCK_BYTES, ELEMENT_BYTES, type Engine } from "../../../src/prover/engine/engine.ts";
import {
  evaluateRows,
  freeDomain,
  makeDomain,
  multiplyValues,
  quotientNumbers,
  power,
  rootOfUnity,
  takeWitness,
  toCoset,
} from "../../../src/prover/engine/quotient.ts";
import { ENTRY_BYTES, freeRows, RowsBuilder } from "../../../src/prover/engine/rows.ts";
import { describeEngines, numberBytes, numbersOf } from "./engines.ts";

const SEED = 20_260_341;
const r = SCALAR_FIELD;
const LANES = 8;

interface Entry {
  readonly matrix: 0 | 1;
  readonly row: number;
  readonly wire: number;
  readonly coefficient: bigint;
}

function entryBytes(entries: readonly Entry[]): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES * entries.length);
  const view = new DataView(bytes.buffer);
  entries.forEach(({ matrix, row, wire, coefficient }, i) => {
    [matrix, row, wire].forEach((word, k) => view.setUint32(ENTRY_BYTES * i + 4 * k, word, true));
    bytes.set(numberBytes([mod(coefficient << 512n, r)]), ENTRY_BYTES * i + 12);
  });
  return bytes;
}

/** Values at root, root^3, ... or at powers of a root, by the definition. */
function valuesAt(terms: readonly (readonly [number, bigint])[], first: bigint, step: bigint, n: number): bigint[] {
  const steps = Array.from({ length: n }, () => 1n);
  for (let i = 1; i < n; i++) steps[i] = (steps[i - 1] * step) % r;
  const shifted = terms.map(([k, c]) => [k, (c * power(first, BigInt(k))) % r] as const);
  return steps.map((_, i) => shifted.reduce((sum, [k, c]) => sum + c * steps[(i * k) % n], 0n) % r);
}

describeEngines(`quotient, seed ${SEED}`, (start) => {
  const random = new Random(SEED);
  let engine: Engine;
  const field = () => random.bits(300) % r;
  const edge = () => random.pick([0n, 1n, r - 1n, (r - 1n) / 2n, (r + 1n) / 2n, 2n, field(), field(), field()]);

  before(async () => {
    engine = await start();
  });

  /** A packed list of these numbers, a multiple of 8. */
  function takeIn(numbers: readonly bigint[]): number {
    const { heap, call, element, form } = engine;
    const packed = heap.alloc(32 * numbers.length);
    heap.bytes(packed, 32 * numbers.length).set(numberBytes(numbers));
    heap.scoped((alloc) =>
      assert.equal(call.takeNumbers(packed, numbers.length / LANES, element(alloc, 1n << form.radixBits)), 0),
    );
    return packed;
  }

  function unpacked(at: number, count: number): bigint[] {
    const back = inverse(1n << engine.form.radixBits, r);
    return Array.from({ length: count }, (_, i) =>
      mod((engine.heap.readInteger(at + 32 * i) - engine.form.bias) * back, r),
    );
  }

  /** Blocks of these numbers, a multiple of 64: block 8 c + l has eight of them from (l m / 8 + c) 8 on. */
  function blocksOf(numbers: readonly bigint[]): number {
    const m = numbers.length / LANES;
    const x = engine.heap.alloc(BLOCK_BYTES * m);
    for (let block = 0; block < m; block++) {
      const first = ((block % LANES) * (m / LANES) + Math.floor(block / LANES)) * LANES;
      engine.writeBlock(x + BLOCK_BYTES * block, (lane) => numbers[first + lane]);
    }
    return x;
  }

  function giveOut(x: number, count: number): bigint[] {
    const { heap, call } = engine;
    return heap.scoped((alloc) => {
      const out = alloc(32 * count);
      call.toNumbers(x, count / LANES, out);
      return numbersOf(heap.bytes(out, 32 * count));
    });
  }

  for (let bits = 6; bits <= 14; bits++)
    it(`values on the domain of 2^${bits} become values on its coset`, () => {
      const n = 1 << bits;
      const [w, g] = [rootOfUnity(bits), rootOfUnity(bits + 1)];
      assert.equal((g * g) % r, w);
      assert.equal(power(w, BigInt(n / 2)), r - 1n);
      const some = bits <= 8 ? n : 6;
      const terms = Array.from({ length: some }, (_, i) =>
        bits <= 8 ? ([i, edge()] as const) : ([random.integer(0, n - 1), edge()] as const),
      );
      const used = engine.heap.used;
      const domain = makeDomain(engine, bits);
      const values = takeIn(valuesAt(terms, 1n, w, n));
      const x = toCoset(engine, domain, values);
      assert.deepEqual(giveOut(x, n), valuesAt(terms, g, w, n));
      // Tables are as they were: once more with other values.
      const sevens = takeIn(Array.from({ length: n }, () => 7n));
      const other = toCoset(engine, domain, sevens);
      assert.ok(giveOut(other, n).every((value) => value === 7n));
      for (const at of [values, x, sevens, other]) engine.heap.free(at);
      freeDomain(engine, domain);
      assert.equal(engine.heap.used, used);
    });

  it("numbers come back as they went in, those from r on are told of", () => {
    const { heap, call, element, form } = engine;
    const numbers = Array.from({ length: 64 }, edge);
    const x = blocksOf(numbers);
    assert.deepEqual(giveOut(x, 64), numbers);
    heap.free(x);
    const packed = takeIn(numbers);
    assert.deepEqual(unpacked(packed, 64), numbers);
    heap.free(packed);
    for (const wrong of [r, r + 1n, 2n * r, (1n << 255n) + 3n, (1n << 256n) - 1n])
      for (const place of [0, 5, 8, 23])
        heap.scoped((alloc) => {
          const at = alloc(32 * 24);
          heap
            .bytes(at, 32 * 24)
            .set(numberBytes(Array.from({ length: 24 }, (_, i) => (i === place ? wrong : r - 1n))));
          assert.equal(call.takeNumbers(at, 3, element(alloc, 1n << form.radixBits)), 1, `${wrong} at ${place}`);
        });
  });

  it("products and differences, value by value", () => {
    const [a, b] = [0, 1].map(() => Array.from({ length: 192 }, edge));
    const [x, y] = [a, b].map(blocksOf);
    engine.call.multiply(x, y, 24);
    assert.deepEqual(
      giveOut(x, 192),
      a.map((value, i) => (value * b[i]) % r),
    );
    engine.call.subtract(x, y, 24);
    assert.deepEqual(
      giveOut(x, 192),
      a.map((value, i) => mod(value * b[i] - b[i], r)),
    );
    const lists = [a, b].map(takeIn);
    const domain = { ...makeDomain(engine, 6), blocks: 24 };
    const product = multiplyValues(engine, domain, lists[0], lists[1]);
    assert.deepEqual(
      unpacked(product, 192),
      a.map((value, i) => (value * b[i]) % r),
    );
    freeDomain(engine, domain);
    for (const at of [x, y, ...lists, product]) engine.heap.free(at);
  });

  it("multiples of a list are added to another, which is then given out as numbers", () => {
    const { heap, call, element, form } = engine;
    const [a, b] = [0, 1].map(() => Array.from({ length: 96 }, edge));
    for (const factor of [0n, 1n, r - 1n, field(), field()]) {
      const [to, from] = [a, b].map(takeIn);
      // The last block stays as it is.
      heap.scoped((alloc) => call.addMultiple(to, from, element(alloc, factor), 11));
      const expected = a.map((value, i) => (i < 88 ? (value + b[i] * factor) % r : value));
      assert.deepEqual(unpacked(to, 96), expected);
      assert.deepEqual(unpacked(from, 96), b);
      const scale = edge();
      const perRadix = inverse(1n << form.radixBits, r);
      heap.scoped((alloc) => {
        call.giveNumbers(to, 11, element(alloc, perRadix));
        call.giveNumbers(from, 12, element(alloc, perRadix * scale));
      });
      assert.deepEqual(numbersOf(heap.bytes(to, 32 * 88)), expected.slice(0, 88));
      assert.deepEqual(unpacked(to + 32 * 88, 8), expected.slice(88));
      assert.deepEqual(
        numbersOf(heap.bytes(from, 32 * 96)),
        b.map((value) => (value * scale) % r),
      );
      for (const at of [to, from]) heap.free(at);
    }
  });

  it("the quotient, as numbers", () => {
    const [a, b, c] = [0, 1, 2].map(() => Array.from({ length: 128 }, edge));
    const domain = makeDomain(engine, 7);
    const at = [a, b, c].map(blocksOf);
    assert.deepEqual(
      numbersOf(quotientNumbers(engine, domain, at[0], at[1], at[2])),
      a.map((value, i) => mod(value * b[i] - c[i], r)),
    );
    freeDomain(engine, domain);
    for (const one of at) engine.heap.free(one);
  });

  it("lists of powers, by elements and by blocks", () => {
    engine.heap.scoped((alloc) => {
      const [from, step] = [alloc(BLOCK_BYTES), alloc(BLOCK_BYTES)];
      const root = field();
      const start = () => {
        engine.writeBlock(from, (lane) => power(root, BigInt(lane)));
        engine.writeBlock(step, () => power(root, 8n));
      };
      start();
      const list = alloc(ELEMENT_BYTES * 24);
      engine.call.powers(list, 20, from, step);
      const x = blocksOf(Array.from({ length: 192 }, () => 1n));
      engine.call.scale(x, 24, list);
      const found = giveOut(x, 192);
      // Block 8 c + l is times power 8 c + l.
      found.forEach((value, i) => {
        const run = Math.floor(i / LANES);
        assert.equal(value, power(root, BigInt(LANES * (run % 3) + Math.floor(run / 3))));
      });
      start();
      engine.call.blockPowers(x, 24, from, step);
      giveOut(x, 192).forEach((value, i) => {
        const run = Math.floor(i / LANES);
        assert.equal(value, power(root, BigInt(LANES * (LANES * (run % 3) + Math.floor(run / 3)) + (i % LANES))));
      });
      engine.heap.free(x);
    });
  });

  function checkRows(entries: readonly Entry[], bits: number, witness: readonly bigint[]): void {
    const n = 1 << bits;
    const used = engine.heap.used;
    const domain = makeDomain(engine, bits);
    const from = takeWitness(engine, numberBytes(witness));
    for (const matrix of [0, 1] as const) {
      const builder = new RowsBuilder(matrix === 0 ? "a" : "b", entries.length, { domain: n, wires: witness.length });
      // In pieces, as a file is read.
      for (let i = 0; i < entries.length; i += 100) builder.add(entryBytes(entries.slice(i, i + 100)));
      const rows = builder.build(engine, n, witness.length);
      const expected = Array.from({ length: n }, () => 0n);
      for (const entry of entries)
        if (entry.matrix === matrix)
          expected[entry.row] = (expected[entry.row] + entry.coefficient * witness[entry.wire]) % r;
      const values = evaluateRows(engine, domain, rows, from);
      assert.deepEqual(unpacked(values, n), expected);
      engine.heap.free(values);
      freeRows(engine, rows);
    }
    engine.heap.free(from);
    freeDomain(engine, domain);
    assert.equal(engine.heap.used, used);
  }

  it("matrices without entries", () => checkRows([], 6, [1n]));

  it("rows of ones and minus ones, alone and with others, and empty rows", () => {
    const witness = [1n, 0n, r - 1n, field(), field(), 2n, (r - 1n) / 2n];
    const entry = (row: number, wire: number, coefficient: bigint): Entry => ({ matrix: 0, row, wire, coefficient });
    checkRows([entry(3, 3, 1n)], 6, witness);
    checkRows([entry(15, 6, r - 1n)], 4, witness);
    checkRows([entry(0, 6, field())], 4, witness);
    const all = [1n, r - 1n, 0n, 2n, r - 2n, field()];
    checkRows(
      all.flatMap((coefficient, i) => [entry(i, 6, coefficient), entry(15, i, coefficient)]),
      4,
      witness,
    );
    // The same wire again and again.
    checkRows(
      all.flatMap((coefficient) => Array.from({ length: 5 }, () => entry(2, 3, coefficient))),
      5,
      witness,
    );
  });

  it("random matrices: units and others mixed, long rows, more coefficients than one table holds", () => {
    for (const [bits, wires, count] of [
      [4, 3, 40],
      [5, 9, 200],
      [7, 40, 3_000],
      [9, 300, 9_000],
    ]) {
      const n = 1 << bits;
      const witness = Array.from({ length: wires }, edge);
      const entries = Array.from({ length: count }, (): Entry => ({
        matrix: random.pick([0, 1]),
        row: random.pick([0, n - 1, random.integer(0, n - 1), random.integer(0, 3 * (n / 4))]),
        wire: random.integer(0, wires - 1),
        coefficient: random.pick([1n, 1n, r - 1n, 0n, 2n, field()]),
      }));
      checkRows(entries, bits, witness);
    }
  });

  it("rows of more than 512 and of more than 4096 coefficients stay in their places", () => {
    const witness = [field(), field(), field()];
    for (const count of [511, 513, 1100, 5000]) {
      const entries = Array.from({ length: count }, (_, i): Entry => ({
        matrix: 0,
        row: 15,
        wire: i % 3,
        coefficient: BigInt(2 + (i % 7)),
      }));
      const units = Array.from({ length: count }, (): Entry => ({ matrix: 0, row: 3, wire: 1, coefficient: 1n }));
      checkRows([...entries, ...units, { matrix: 0, row: 5, wire: 2, coefficient: 9n }], 6, witness);
    }
  });

  it("witnesses of every length around a block", () => {
    for (let wires = 1; wires <= 17; wires++) {
      const witness = Array.from({ length: wires }, field);
      checkRows(
        witness.map((_, wire): Entry => ({
          matrix: 1,
          row: wire % 16,
          wire,
          coefficient: random.pick([1n, r - 1n, 3n]),
        })),
        4,
        witness,
      );
    }
  });
});
