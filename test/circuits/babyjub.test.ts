// Goal: the templates of babyjub.circom compute sums and multiples for every point and every scalar they admit, without
// exceptional cases, and no witness proves another point.
// Method: src/protocol/eddsa.ts and circomlib as oracles, on random inputs (seed printed on failure); all scalars of 8 and
// 9 bits, and the scalars at which textbook formulas divide by zero; every signal changed, one at a time, with all that
// follows from it.
import assert from "node:assert/strict";
import fs from "node:fs";
import fc from "fast-check";
import { base8Circom } from "../../scripts/generate/base8.ts";
import { BASE8, FIELD, ORDER, publicKey, scalarMultiply, type Point } from "../../src/protocol/eddsa.ts";
import { compileTemplate, expectNoWitness, type Circuit, type CircuitSource, type Inputs } from "./harness.ts";

const ours = (template: string, args: number[] = [], options: Partial<CircuitSource> = {}) =>
  compileTemplate({ file: "circuits/lib/babyjub.circom", template, args, ...options });
const circomlib = (file: string, template: string, args: (number | bigint)[] = []) =>
  compileTemplate({ file: `node_modules/circomlib/circuits/${file}.circom`, template, args, allowWarnings: true });

const GENERATOR: Point = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
const IDENTITY: Point = { x: 0n, y: 1n };
const key = publicKey(new Uint8Array(32).fill(9));
const small = Array.from({ length: 8 }, (_, i) => scalarMultiply(BigInt(i) * ORDER, GENERATOR));
const anyPoint = fc.bigInt(0n, 8n * ORDER - 1n).map((scalar) => scalarMultiply(scalar, GENERATOR));
const pair = ({ x, y }: Point) => [x, y];
const bitsOf = (scalar: bigint, n: number) => Array.from({ length: n }, (_, i) => (scalar >> BigInt(i)) & 1n);
const edgeScalars = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  8n,
  1n << 83n,
  (1n << 249n) - 1n,
  1n << 249n,
  1n << 250n,
  ORDER - 2n,
  ORDER - 1n,
  ORDER,
  ORDER + 1n,
  ORDER + 2n,
  (ORDER - 1n) / 2n,
  (ORDER + 1n) / 2n,
  (1n << 250n) - 1n,
  (1n << 251n) - 1n,
  (1n << 251n) - 2n,
  (1n << 251n) - ORDER,
];

function output(circuit: Circuit, inputs: Inputs): Point {
  const witness = circuit.witness(inputs);
  assert.equal(circuit.satisfies(witness), true);
  const [x, y] = circuit.readAll("out", witness);
  return { x, y };
}

/** No signal but the inputs can be changed, by the rule that binds it. */
function bindsEverySignal(circuit: Circuit, inputs: Inputs, free: RegExp = /^$/): void {
  const witness = circuit.witness(inputs);
  assert.equal(circuit.satisfies(witness), true);
  const names = [...circuit.signals.keys()].filter((name) => !(name.replace(/\[.*/, "") in inputs) && !free.test(name));
  for (const name of names) {
    const forged = circuit.solveForged(inputs, { [name]: circuit.read(name, witness) + 1n });
    assert.equal(circuit.brokenRules(forged).length, 1, name);
  }
}

describe("circuits/lib/babyjub", () => {
  it("the tables are those of scripts/generate/base8.ts", () => {
    const text = fs.readFileSync("circuits/generated/base8.circom", "utf8");
    assert.equal(text.slice(text.indexOf("\n") + 1), base8Circom());
  });

  it("OnCurve answers for any pair of field elements", async () => {
    const circuit = await ours("OnCurve");
    assert.equal(circuit.constraints, 5);
    const answer = (x: bigint, y: bigint) => circuit.read("out", circuit.witness({ in: [x, y] }));
    for (const { x, y } of [...small, GENERATOR, BASE8, key]) {
      assert.equal(answer(x, y), 1n);
      assert.equal(answer(x, y + 1n), 0n);
      assert.equal(answer(y, x), x === y ? 1n : 0n);
    }
    for (const x of [0n, 1n, -1n]) for (const y of [0n, 2n, FIELD - 2n]) assert.equal(answer(x, y), 0n);
    const forgeable = await ours("OnCurve", [], { optimise: false });
    bindsEverySignal(forgeable, { in: pair(key) }, /inverse/);
    bindsEverySignal(forgeable, { in: [1n, 1n] });
  });

  it("Add and Double are complete and as circomlib's", async () => {
    const [add, double] = [await ours("Add"), await ours("Double")];
    const [babyAdd, babyDbl] = [await circomlib("babyjub", "BabyAdd"), await circomlib("babyjub", "BabyDbl")];
    assert.ok(add.constraints <= babyAdd.constraints, `Add: ${add.constraints}`);
    assert.ok(double.constraints <= babyDbl.constraints, `Double: ${double.constraints}`);
    const check = (p: Point, q: Point) => {
      const sum = output(add, { p: pair(p), q: pair(q) });
      const witness = babyAdd.witness({ x1: p.x, y1: p.y, x2: q.x, y2: q.y });
      assert.deepEqual(sum, { x: babyAdd.read("xout", witness), y: babyAdd.read("yout", witness) });
      assert.deepEqual(output(double, { in: pair(p) }), output(add, { p: pair(p), q: pair(p) }));
      assert.deepEqual(output(double, { in: pair(p) }), scalarMultiply(2n, p));
    };
    fc.assert(fc.property(anyPoint, anyPoint, check), { numRuns: 10 });
    for (const p of [...small, key]) for (const q of [...small, key, { x: FIELD - key.x, y: key.y }]) check(p, q);
    assert.deepEqual(output(add, { p: pair(key), q: [-key.x, key.y] }), IDENTITY);
    bindsEverySignal(await ours("Add", [], { optimise: false }), { p: pair(key), q: pair(BASE8) });
    bindsEverySignal(await ours("Double", [], { optimise: false }), { in: pair(key) });
  });

  for (const n of [8, 9])
    it(`MultiplyAny(${n}) computes every multiple of ${n} bits`, async () => {
      const circuit = await ours("MultiplyAny", [n]);
      for (let scalar = 0n; scalar < 1n << BigInt(n); scalar++)
        assert.deepEqual(
          output(circuit, { point: pair(key), bits: bitsOf(scalar, n) }),
          scalarMultiply(scalar, key),
          `${scalar}`,
        );
    });

  it("MultiplyAny(251) computes any multiple of any point of the prime subgroup", async () => {
    const circuit = await ours("MultiplyAny", [251]);
    assert.equal(circuit.constraints, 1518);
    const check = (scalar: bigint, point: Point) =>
      assert.deepEqual(
        output(circuit, { point: pair(point), bits: bitsOf(scalar, 251) }),
        scalarMultiply(scalar, point),
        `${scalar}`,
      );
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 251n) - 1n), fc.bigInt(1n, ORDER - 1n), (scalar, k) =>
        check(scalar, scalarMultiply(k, BASE8)),
      ),
      { numRuns: 10 },
    );
    for (const scalar of edgeScalars) for (const point of [BASE8, key]) check(scalar, point);
    // The identity and the point of order 2 have no Montgomery form.
    for (const point of [small[0], small[4]]) expectNoWitness(circuit, { point: pair(point), bits: bitsOf(5n, 251) });
  });

  it("MultiplyFixed computes any multiple of BASE8", async () => {
    const circuit = await ours("MultiplyFixed", [251]);
    assert.equal(circuit.constraints, 419);
    const check = (scalar: bigint) =>
      assert.deepEqual(output(circuit, { bits: bitsOf(scalar, 251) }), scalarMultiply(scalar, BASE8), `${scalar}`);
    fc.assert(fc.property(fc.bigInt(0n, (1n << 251n) - 1n), check), { numRuns: 10 });
    // Each value of each window, and the edges.
    for (let digit = 0n; digit < 8n; digit++) check((digit * ((1n << 249n) - 1n)) / 7n);
    for (const scalar of edgeScalars) check(scalar);
    await assert.rejects(ours("MultiplyFixed", [252]), /circom refuses/);
  });

  it("multiples are bound: no signal can be changed", async () => {
    const any = await ours("MultiplyAny", [4], { optimise: false });
    for (const scalar of [0n, 13n]) bindsEverySignal(any, { point: pair(key), bits: bitsOf(scalar, 4) });
    const fixed = await ours("MultiplyFixed", [251], { optimise: false });
    const inputs = { bits: bitsOf(ORDER, 251) };
    const witness = fixed.witness(inputs);
    const hints = [...fixed.signals.keys()].filter((name) => /slope$|\.(x|y)$/.test(name));
    for (const name of hints.filter((_, i) => i % 9 === 0 || i > hints.length - 4)) {
      fixed.refuses(inputs, { [name]: fixed.read(name, witness) + 1n });
    }
  });
});
