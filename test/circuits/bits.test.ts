// Goal: each template of bits.circom proves its answer and no other, at no more constraints than circomlib's.
// Method: random and edge inputs against the plain meaning (seed printed on failure); circomlib as second oracle; forged
// witnesses that change one answer and all that follows from it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { compileTemplate, expectNoWitness, type CircuitSource } from "./harness.ts";

const ours = (template: string, args: number[] = [], options: Partial<CircuitSource> = {}) =>
  compileTemplate({ file: "circuits/lib/bits.circom", template, args, ...options });
const forgeable = (template: string, args: number[] = []) => ours(template, args, { optimise: false });
const circomlib = (file: string, template: string, args: number[] = []) =>
  compileTemplate({ file: `node_modules/circomlib/circuits/${file}.circom`, template, args, allowWarnings: true });

const element = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.bigInt(-3n, 3n), fc.constantFrom(FIELD - 1n));
const n = 8;
const edges = [-256n, -255n, -1n, 0n, 1n, 254n, 255n];

function forAll<T>(property: fc.IProperty<T>): void {
  fc.assert(property, { numRuns: 30 });
}

const BIT = "out[i] * (out[i] - 1) === 0";
const SUM = "sum === in";

describe("circuits/lib/bits", () => {
  it("Bits are the bits of any number in range, as circomlib's", async () => {
    const [circuit, oracle] = [await ours("Bits", [n]), await circomlib("bitify", "Num2Bits", [n])];
    assert.ok(circuit.constraints <= oracle.constraints, `${circuit.constraints}`);
    forAll(
      fc.property(fc.bigInt(0n, 255n), (x) => {
        const bits = circuit.readAll("out", circuit.witness({ in: x }));
        assert.deepEqual(bits, oracle.readAll("out", oracle.witness({ in: x })));
        assert.equal(
          bits.reduce((sum, bit, i) => sum + (bit << BigInt(i)), 0n),
          x,
        );
      }),
    );
    for (const x of [256n, -1n, FIELD - 256n]) expectNoWitness(circuit, { in: x });
  });

  it("Bits: no bit is 2, no bit is flipped, no second decomposition", async () => {
    const circuit = await forgeable("Bits", [n]);
    circuit.refuses({ in: 4n }, { "out[1]": 2n, "out[2]": 0n }, BIT);
    circuit.refuses({ in: 4n }, { "out[1]": 1n }, BIT);
    const bits = { "out[0]": 0n, "out[1]": 0n, "out[2]": 1n, "out[3]": 0n };
    circuit.refuses({ in: 4n }, { ...bits, "out[4]": 1n, "out[5]": 0n, "out[6]": 0n, "out[7]": 0n }, SUM);
    circuit.refuses({ in: 4n }, { "out[7]": -1n, in: 4n - 128n }, BIT);
    circuit.refuses({ in: 255n }, { in: 256n }, BIT);
  });

  it("what is only another true statement holds: the forger recomputes what follows", async () => {
    const bits = await forgeable("Bits", [n]);
    const five = bits.solveForged({ in: 4n }, { in: 5n });
    assert.deepEqual(bits.readAll("out", five), [1n, 0n, 1n, 0n, 0n, 0n, 0n, 0n]);
    assert.equal(bits.satisfies(five), true);
    const zero = await forgeable("IsZero");
    assert.equal(zero.satisfies(zero.solveForged({ in: 0n }, { inverse: 5n })), true);
    const nonzero = zero.solveForged({ in: 0n }, { in: 5n });
    assert.equal(zero.read("out", nonzero), 0n);
    assert.equal(zero.satisfies(nonzero), true);
    const optimised = await ours("Range", [n]);
    assert.throws(() => optimised.forge({ in: 4n }, { "bits[7]": 1n }), /optimised away/);
    assert.throws(() => optimised.solveForged({ in: 4n }, { in: 5n }), /optimise: false/);
  });

  it("Bits: 253 is the widest", async () => {
    assert.equal((await ours("Bits", [253])).constraints, 253);
    await assert.rejects(ours("Bits", [254]), /circom refuses/);
  });

  it("Range accepts [0, 2^n) only", async () => {
    const circuit = await ours("Range", [n]);
    assert.equal(circuit.constraints, n);
    for (const x of [0n, 255n]) assert.equal(circuit.satisfies(circuit.witness({ in: x })), true);
    for (const x of [256n, -1n]) expectNoWitness(circuit, { in: x });
    const unoptimised = await forgeable("Range", [n]);
    for (const x of [256n, -1n, FIELD >> 1n]) unoptimised.refuses({ in: 255n }, { in: x }, BIT);
  });

  it("Number is the inverse of Bits, without a constraint", async () => {
    const circuit = await ours("Number", [n]);
    assert.ok(circuit.constraints <= 1, `${circuit.constraints}`);
    const bits = [1n, 0n, 1n, 1n, 0n, 0n, 0n, 1n];
    assert.equal(circuit.read("out", circuit.witness({ in: bits })), 0b10001101n);
  });

  it("Boolean refuses all but 0 and 1", async () => {
    const circuit = await ours("Boolean");
    for (const x of [0n, 1n]) assert.equal(circuit.satisfies(circuit.witness({ in: x })), true);
    for (const x of [2n, -1n]) {
      expectNoWitness(circuit, { in: x });
    }
    const unoptimised = await forgeable("Boolean");
    for (const x of [2n, -1n]) unoptimised.refuses({ in: 1n }, { in: x }, "in * (in - 1) === 0");
  });

  it("IsZero and IsEqual are circomlib's", async () => {
    const [zero, zeroOracle] = [await ours("IsZero"), await circomlib("comparators", "IsZero")];
    const [equal, equalOracle] = [await ours("IsEqual"), await circomlib("comparators", "IsEqual")];
    assert.ok(zero.constraints <= zeroOracle.constraints, `IsZero: ${zero.constraints}`);
    assert.ok(equal.constraints <= equalOracle.constraints, `IsEqual: ${equal.constraints}`);
    forAll(
      fc.property(element, element, (a, b) => {
        assert.equal(zero.read("out", zero.witness({ in: a })), zeroOracle.read("out", zeroOracle.witness({ in: a })));
        const pair = equal.read("out", equal.witness({ a, b }));
        assert.equal(pair, equalOracle.read("out", equalOracle.witness({ in: [a, b] })));
        assert.equal(pair, (a - b) % FIELD === 0n ? 1n : 0n);
      }),
    );
  });

  it("IsZero: out is 1 for no other number, 0 not for 0", async () => {
    const circuit = await forgeable("IsZero");
    for (const x of [1n, 5n, FIELD - 1n]) {
      circuit.refuses({ in: x }, { out: 1n }, "in * out === 0");
      circuit.refuses({ in: x }, { out: 1n, inverse: 0n }, "in * out === 0");
      circuit.refuses({ in: x }, { out: 2n }, "in * out === 0");
    }
    for (const inverse of [0n, 1n, FIELD - 1n])
      circuit.refuses({ in: 0n }, { out: 0n, inverse }, "out <== 1 - in * inverse");
    (await forgeable("IsEqual")).refuses({ a: 3n, b: 4n }, { out: 1n });
  });

  it("NotNegative is the sign; AtMost compares, at the cost of circomlib's LessThan", async () => {
    const [sign, atMost] = [await ours("NotNegative", [n]), await ours("AtMost", [n])];
    assert.ok(atMost.constraints <= (await circomlib("comparators", "LessThan", [n])).constraints);
    for (const x of edges) {
      assert.equal(sign.read("out", sign.witness({ in: x })), x >= 0n ? 1n : 0n);
      assert.equal(atMost.read("out", atMost.witness({ a: 1000n, b: 1000n + x })), x >= 0n ? 1n : 0n);
    }
    for (const x of [256n, -257n, FIELD >> 1n]) expectNoWitness(sign, { in: x });
  });

  it("NotNegative: the sign is not flipped", async () => {
    const circuit = await forgeable("NotNegative", [n]);
    for (const x of edges) {
      circuit.refuses({ in: x }, { out: x >= 0n ? 0n : 1n });
      circuit.refuses({ in: x }, { [`bits[${n}]`]: x >= 0n ? 0n : 1n });
    }
    for (const x of [256n, -257n]) circuit.refuses({ in: 0n }, { in: x }, BIT);
  });

  it("Select, And, Or", async () => {
    const [select, and, or] = [await ours("Select"), await ours("And"), await ours("Or")];
    for (const circuit of [select, and, or]) assert.equal(circuit.constraints, 1);
    for (const a of [0n, 1n])
      for (const b of [0n, 1n]) {
        assert.equal(and.read("out", and.witness({ a, b })), a & b);
        assert.equal(or.read("out", or.witness({ a, b })), a | b);
        assert.equal(select.read("out", select.witness({ one: a, a: 7n + b, b: 9n })), a === 1n ? 7n + b : 9n);
      }
    (await forgeable("Select")).refuses({ one: 1n, a: 7n, b: 9n }, { out: 9n });
    (await forgeable("And")).refuses({ a: 1n, b: 0n }, { out: 1n });
    (await forgeable("Or")).refuses({ a: 1n, b: 0n }, { out: 0n });
  });
});
