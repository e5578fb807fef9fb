// Goal: of proofs that others hand in, exactly those that hold are told as holding, wherever the others stand among them.
// Method: simulated proofs of several instructions, some of them of other public inputs, or no points at all.
import assert from "node:assert/strict";
import { publicInputNames } from "../../../src/protocol/instructions.ts";
import { checkProofs } from "../../../src/venue/proving/checkProofs.ts";
import { Simulator } from "../../verifier/simulator.ts";

const NAMES = ["admit", "settle", "withdraw", "admit", "reprice", "settle", "admit"] as const;

describe("proofs that others made", () => {
  const simulator = new Simulator("checked");
  const proven = NAMES.map((name) =>
    simulator.proven(
      name,
      publicInputNames(name).map(() => simulator.random()),
    ),
  );
  const spoilt = {
    wrong: (at: number) => ({ ...proven[at], publicInputs: proven[at].publicInputs.map((x, i) => (i === 0 ? x - 1n : x)) }), // prettier-ignore
    pointless: (at: number) => ({ ...proven[at], proof: { ...proven[at].proof, a: [1n, 1n] as const } }),
    huge: (at: number) => ({ ...proven[at], proof: { ...proven[at].proof, c: [1n << 255n, 1n] as const } }),
  };

  it("hold, all of them, or one alone, or none", () => {
    assert.deepEqual(checkProofs(simulator.keys, proven), NAMES.map(() => true)); // prettier-ignore
    assert.deepEqual(checkProofs(simulator.keys, proven.slice(2, 3)), [true]);
    assert.deepEqual(checkProofs(simulator.keys, []), []);
  });

  for (const bad of [[0], [6], [2, 3], [0, 1, 2, 3, 4, 5, 6]])
    for (const [how, spoil] of Object.entries(spoilt))
      it(`do not where they are ${how}: ${bad.join(", ")}`, () => {
        const claims = proven.map((it, at) => (bad.includes(at) ? spoil(at) : it));
        assert.deepEqual(checkProofs(simulator.keys, claims), NAMES.map((_, at) => !bad.includes(at))); // prettier-ignore
      });
});
