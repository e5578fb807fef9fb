// Goal: our Poseidon is circomlib's, with any initial state, and refuses what is no field element.
// Method: random and edge inputs against poseidon-lite (initial state 0) and circomlibjs (any initial state).
import assert from "node:assert/strict";
import fc from "fast-check";
import * as lite from "poseidon-lite";
import { buildPoseidon } from "circomlibjs";
import { TAG } from "../../src/protocol/parameters.ts";
import { FIELD, hash, hashMany, poseidon } from "../../src/protocol/poseidon.ts";
import { usePrimitives } from "../../src/protocol/primitives.ts";
import { reference } from "../../src/protocol/reference.ts";

const arities = Array.from({ length: 16 }, (_, i) => i + 1);
const element = fc.oneof(fc.bigInt(0n, FIELD - 1n), fc.constantFrom(0n, 1n, FIELD - 1n));
const runs = { numRuns: 5 };

describe("poseidon", () => {
  for (const n of arities) {
    it(`of ${n} inputs equals poseidon-lite`, () => {
      const oracle = (lite as unknown as Record<string, (inputs: bigint[]) => bigint>)[`poseidon${n}`];
      fc.assert(
        fc.property(fc.array(element, { minLength: n, maxLength: n }), (inputs) => {
          assert.equal(poseidon(0n, inputs), oracle(inputs));
        }),
        runs,
      );
    });
  }

  it("with any initial state equals circomlibjs", async () => {
    const oracle = await buildPoseidon();
    fc.assert(
      fc.property(element, fc.array(element, { minLength: 1, maxLength: 16 }), (initial, inputs) => {
        assert.equal(poseidon(initial, inputs), oracle.F.toObject(oracle(inputs, oracle.F.e(initial))));
      }),
      { numRuns: 20 },
    );
  });

  it("starts from the tag", () => {
    assert.equal(hash("node", [1n, 2n]), poseidon(TAG.node, [1n, 2n]));
    assert.notEqual(hash("node", [1n, 2n]), hash("leaf", [1n, 2n]));
  });

  it("refuses what is no field element, and names it", () => {
    for (const bad of [-1n, FIELD, 1n << 256n]) {
      assert.throws(() => hash("node", [0n, bad]), {
        code: "OUT_OF_RANGE",
        details: { field: "inputs[1]", expected: "a field element" },
      });
      assert.throws(() => poseidon(bad, [0n]), { code: "OUT_OF_RANGE" });
    }
  });

  it("refuses no inputs and 17", () => {
    for (const n of [0, 17])
      assert.throws(
        () =>
          hash(
            "node",
            Array.from({ length: n }, () => 0n),
          ),
        { code: "BAD_ARITY" },
      );
  });

  it("hashes many as it hashes one", () => {
    const inputs = [0n, 1n, FIELD - 1n].map((x) => [x, 2n, 3n]);
    assert.deepEqual(
      hashMany("leaf", inputs),
      inputs.map((each) => hash("leaf", each)),
    );
    assert.deepEqual(hashMany("leaf", []), []);
    assert.throws(() => hashMany("leaf", [[1n], [1n, 2n]]), { code: "BAD_ARITY" });
    assert.throws(() => hashMany("leaf", [[1n], [FIELD]]), { code: "OUT_OF_RANGE" });
  });

  it("computes with primitives that are plugged in", () => {
    try {
      usePrimitives({ ...reference, hash: (initial, inputs) => initial + inputs[0] });
      assert.equal(hash("node", [5n]), TAG.node + 5n);
    } finally {
      usePrimitives(reference);
    }
  });
});
