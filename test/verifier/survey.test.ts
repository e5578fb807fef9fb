// Goal: a survey is taken for what it says only where its proofs go from nothing to nothing left, over one state.
// Method: proofs of a simulator, which proves any public inputs; each test changes one thing in a survey that holds.
import assert from "node:assert/strict";
import { readCircuitKey, readSurvey, surveyJson, verifySurvey, type Survey } from "../../src/verifier/index.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { Simulator } from "./simulator.ts";

const simulator = new Simulator("survey");
const key = readCircuitKey(simulator.files.survey);
const SUMS = [40n, 2n, 1n, FIELD - 7n, 9n];
const NONE = [0n, 0n, 0n, 0n, 0n];

type Step = Survey["proofs"][number];
const step = (...publicInputs: bigint[]): Step => ({ publicInputs, proof: simulator.prove("survey", publicInputs) });
const honest = () => [step(5n, 0n, 11n, ...NONE), step(5n, 11n, 12n, ...NONE), step(5n, 12n, 0n, ...SUMS)];
const said = (proofs: readonly Step[]) => {
  const result = verifySurvey(key, { round: 3, proofs });
  return result.ok ? null : result.message;
};

describe("a survey", () => {
  it("is what its last proof shows, of all accounts", () => {
    const result = verifySurvey(
      key,
      readSurvey(JSON.parse(JSON.stringify(surveyJson({ round: 3, proofs: honest() })))),
    );
    assert.deepEqual(result, {
      ok: true,
      state: 5n,
      sums: { accounts: 40n, under: 2n, flagged: 1n, cash: -7n, lacking: 9n },
    });
    assert.equal(said([step(5n, 0n, 0n, ...SUMS)]), null, "one proof");
  });

  const lies: [why: string, of: (proofs: Step[]) => Step[], says: RegExp][] = [
    ["without proofs", () => [], /no proofs/],
    ["that begins later", (all) => all.slice(1), /its first proof is not of the first accounts/],
    ["that ends before", (all) => all.slice(0, 2), /accounts are left after its last proof/],
    ["that goes on after the end", (all) => [...all, step(5n, 0n, 0n, ...SUMS)], /after proof 3 no accounts are left/],
    ["with a proof left out", (all) => all.toSpliced(1, 1), /proof 2 does not go on from the one before it/],
    ["with a proof twice", (all) => [all[0], all[1], all[1], all[2]], /proof 3 does not go on/],
    ["with two proofs in another order", (all) => [all[0], all[2], all[1]], /proof 2 does not go on|no accounts are left/],
    ["of two states", (all) => all.with(2, step(6n, 12n, 0n, ...SUMS)), /proof 3 is of another state than the first/],
    ["with a sum that is not proved", (all) => all.with(2, { ...all[2], publicInputs: all[2].publicInputs.with(4, 0n) }), /proof 3: .*does not hold/],
    ["with a number too many", (all) => all.with(0, { ...all[0], publicInputs: [...all[0].publicInputs, 0n] }), /proof 1: .*8 public inputs/],
    ["with a sum beyond the field", (all) => all.with(2, { ...all[2], publicInputs: all[2].publicInputs.with(3, FIELD + 40n) }), /proof 3: /],
  ]; // prettier-ignore
  for (const [why, of, says] of lies)
    it(`${why} is refused`, () => {
      assert.match(said(of(honest())) ?? "accepted", says);
    });

  it("is refused by a reader that cannot read it, with the place", () => {
    const good = JSON.parse(JSON.stringify(surveyJson({ round: 3, proofs: honest() })));
    for (const [bad, says] of [
      [null, /survey is wrong/],
      [{ ...good, kind: "tacit" }, /survey.kind/],
      [{ ...good, version: 2 }, /survey.version/],
      [{ ...good, round: -1 }, /survey.round/],
      [{ ...good, proofs: {} }, /survey.proofs/],
      [{ ...good, proofs: [{ publicInputs: ["x"], proof: good.proofs[0].proof }] }, /survey.proofs\[0\].publicInputs/],
      [{ ...good, proofs: [{ publicInputs: [], proof: {} }] }, /proof/],
    ] as const)
      assert.throws(() => readSurvey(bad), says);
  });
});
