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
  it("Hash of 1 to 16 inputs, in as many constraints as circomlib's", async () => {
    const circuit = await compileTemplate({ file: "test/circuits/templates/AllHashes.circom", template: "AllHashes" });
    const limit = CIRCOMLIB.reduce((sum, constraints) => sum + constraints);
    assert.ok(circuit.constraints <= limit, `${circuit.constraints} > ${limit}`);
    fc.assert(
      fc.property(fc.array(element, { minLength: 16, maxLength: 16 }), (inputs) => {
        const witness = circuit.witness({ in: inputs });
        const expected = CIRCOMLIB.map((_, i) => poseidon(BigInt(i + 5), inputs.slice(0, i + 1)));
        assert.deepEqual(circuit.readAll("out", witness), expected);
        assert.equal(circuit.satisfies(witness), true);
      }),
      { numRuns: 4 },
    );
  });

  it("costs what circomlib's costs", async () => {
    for (const n of [2, 4]) {
      assert.equal((await compileTemplate({ file, template: "Hash", args: [n, n] })).constraints, CIRCOMLIB[n - 1]);
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
    circuit.refuses(inputs, { out: other });
    const names = [...circuit.signals.keys()].filter((name) => !name.startsWith("in["));
    for (const name of names.filter((_, i) => i % 7 === 0)) {
      circuit.refuses(inputs, { [name]: circuit.read(name, honest) + 1n });
    }
  });

  it("a forged input is a hash of another input: all that follows is recomputed", async () => {
    const circuit = await compileTemplate({ file, template: "Hash", args: [11, 2], optimise: false });
    const forged = circuit.solveForged({ in: [3n, 4n] }, { "in[0]": 5n });
    assert.equal(circuit.satisfies(forged), true);
    assert.equal(circuit.read("out", forged), poseidon(11n, [5n, 4n]));
  });
});
