// Goal: Hash is src/protocol/poseidon.ts, for every arity and tag, at no more constraints than circomlib's Poseidon.
// Method: random and edge inputs (seed printed on failure); forged witnesses.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD, poseidon } from "../../src/protocol/poseidon.ts";
import { compileTemplate } from "./harness.ts";

const file = "circuits/lib/poseidon.circom";
const element = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.constantFrom(0n, 1n, FIELD - 1n));

/** Constraints of circomlib's Poseidon(n) at --O2. */
const CIRCOMLIB = [213, 240, 261, 297, 321, 354, 381, 402, 417, 459, 465, 504, 543, 537, 573, 609];

describe("circuits/lib/poseidon", () => {
  CIRCOMLIB.forEach((limit, i) => {
    const n = i + 1;
    it(`Hash of ${n} in at most ${limit} constraints`, async () => {
      const circuit = await compileTemplate({ file, template: "Hash", args: [n + 4, n] });
      assert.ok(circuit.constraints <= limit, `${circuit.constraints}`);
      fc.assert(
        fc.property(fc.array(element, { minLength: n, maxLength: n }), (inputs) => {
          const witness = circuit.witness({ in: inputs });
          assert.equal(circuit.read("out", witness), poseidon(BigInt(n + 4), inputs));
          assert.equal(circuit.satisfies(witness), true);
        }),
        { numRuns: 4 },
      );
    });
  });

  it("costs what circomlib's costs", async () => {
    for (const n of [2, 4]) {
      const oracle = { file: "node_modules/circomlib/circuits/poseidon.circom", template: "Poseidon", args: [n] };
      assert.equal((await compileTemplate({ ...oracle, allowWarnings: true })).constraints, CIRCOMLIB[n - 1]);
    }
  });

  it("no other hash is proven, and no other power of any round", async () => {
    const circuit = await compileTemplate({ file, template: "Hash", args: [11, 2], optimise: false });
    const inputs = { in: [3n, 4n] };
    const honest = circuit.witness(inputs);
    assert.equal(circuit.satisfies(honest), true);
    const other = poseidon(12n, [3n, 4n]);
    assert.equal(circuit.satisfies(circuit.solveForged(inputs, { out: other })), false);
    for (const name of circuit.signals.keys()) {
      if (name.startsWith("in[") || circuit.signals.get(name) === -1) continue;
      const forged = circuit.solveForged(inputs, { [name]: circuit.read(name, honest) + 1n });
      assert.equal(circuit.satisfies(forged), false, name);
    }
  });

  it("a forged input is a hash of another input: all that follows is recomputed", async () => {
    const circuit = await compileTemplate({ file, template: "Hash", args: [11, 2], optimise: false });
    const forged = circuit.solveForged({ in: [3n, 4n] }, { "in[0]": 5n });
    assert.equal(circuit.satisfies(forged), true);
    assert.equal(circuit.read("out", forged), poseidon(11n, [5n, 4n]));
  });
});
