// Goal: Canonical gives the bits of the integer of any field element, and no other bits have a proof.
// Method: random and edge elements against the plain meaning; circomlib's Num2Bits_strict as second oracle; the bits of
// in + r, wherever they fit, and of numbers that exceed r - 1 in each of its runs.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { compileTemplate, type Circuit } from "./harness.ts";

const source = { file: "circuits/lib/canonical.circom", template: "Canonical" };
const bitsOf = (x: bigint) => Array.from({ length: 254 }, (_, i) => (x >> BigInt(i)) & 1n);
const edges = [0n, 1n, 2n, FIELD - 1n, FIELD - 2n, 1n << 253n, (1n << 253n) - 1n, (1n << 254n) - FIELD - 1n];
const limit = FIELD - 1n;
/** For each zero of r - 1: the bits above it as they are, then a one, then zeros. All of these numbers are above r - 1. */
const above = Array.from({ length: 254 }, (_, i) => BigInt(i))
  .filter((i) => ((limit >> i) & 1n) === 0n)
  .map((i) => ((limit >> i) | 1n) << i);

describe("circuits/lib/canonical", () => {
  let circuit: Circuit;
  let forgeable: Circuit;
  before(async () => {
    circuit = await compileTemplate(source);
    forgeable = await compileTemplate({ ...source, optimise: false });
  });

  it("gives the bits of any field element, as circomlib's", async () => {
    const file = "node_modules/circomlib/circuits/bitify.circom";
    const oracle = await compileTemplate({ file, template: "Num2Bits_strict", allowWarnings: true });
    assert.ok(circuit.constraints < oracle.constraints, `${circuit.constraints}`);
    assert.equal(circuit.constraints, 307);
    const check = (x: bigint) => {
      const witness = circuit.witness({ in: x });
      assert.equal(circuit.satisfies(witness), true);
      const bits = circuit.readAll("out", witness);
      assert.deepEqual(bits, bitsOf(x));
      assert.deepEqual(bits, oracle.readAll("out", oracle.witness({ in: x })));
    };
    fc.assert(fc.property(fc.bigInt(0n, FIELD - 1n), check), { numRuns: 30 });
    for (const x of edges) check(x);
    // The greatest numbers that fall below r - 1 at each of its ones.
    for (let i = 0n; i < 254n; i++) if ((limit >> i) & 1n) check(((limit >> i) << i) - 1n);
  });

  it("no other bits have a proof", () => {
    const forge = (x: bigint, other: bigint) => {
      const pinned = Object.fromEntries(bitsOf(other).map((bit, i) => [`out[${i}]`, bit]));
      // Every choice of factors is lost: the rule of that run asks 0 * factor = something else.
      forgeable.refuses({ in: x }, pinned, "missing * factor[run] === excess");
    };
    for (const other of above) {
      assert.ok(other >= FIELD, `${other}`);
      forge(other - FIELD, other);
    }
    for (const x of [0n, 1n, 12345n, (1n << 254n) - FIELD - 1n]) forge(x, x + FIELD);
    forgeable.refuses({ in: 4n }, { "out[1]": 2n, "out[2]": 0n }, "out[i] * (out[i] - 1) === 0");
    const five = Object.fromEntries(bitsOf(5n).map((bit, i) => [`out[${i}]`, bit]));
    forgeable.refuses({ in: 4n }, five, "sum === in");
  });
});
