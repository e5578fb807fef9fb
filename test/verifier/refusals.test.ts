// Goal: whoever is refused reads first what that means, in words that fit this refusal and no other, then the detail.
// Method: all codes; and rounds that are refused, explained.
import assert from "node:assert/strict";
import {
  CLAIM_REFUSALS,
  RECORD_REFUSALS,
  ROUND_REFUSALS,
  explainRefusal,
  fittingProfile,
  readRounds,
  refusalMeaning,
  roundJson,
  verifyClaim,
  type RoundClaim,
} from "../../src/verifier/index.ts";
import { Simulator } from "./simulator.ts";

const simulator = new Simulator("refusals");
const { keys } = simulator;

describe("refusals", () => {
  const codes = [...new Set([...CLAIM_REFUSALS, ...RECORD_REFUSALS])];

  it("have a meaning each, and no two the same", () => {
    for (const code of ROUND_REFUSALS) assert.ok(codes.includes(code));
    for (const at of [null, 0, 2]) {
      const meanings = codes.map((code) => refusalMeaning(code, at));
      assert.equal(new Set(meanings).size, codes.length);
      // They end a sentence.
      for (const meaning of meanings) assert.match(meaning, /^[a-z].{8,}[a-z0-9]$/, meaning);
    }
    assert.equal(
      refusalMeaning("brokenChain", 2),
      "something was left out, or a state changed, between instructions 1 and 2",
    );
  });

  const segment = { logCount: 0n, head: 0n, entries: [] };
  const claim = (change: (json: ReturnType<typeof roundJson>) => void = () => {}): RoundClaim => {
    const steps = [
      { name: "admit", inputs: { time: 10n, logCount: 3n } },
      { name: "auction", inputs: { time: 20n, logCount: 4n } },
      { name: "settle" },
    ] as const;
    const { instructions } = simulator.round(5n, [...steps]);
    const stateAfter = instructions.at(-1)!.publicInputs[1];
    const json = roundJson({ number: 1, state: 5n, stateAfter, segment, instructions });
    const { entries: _, ...round } = json;
    change(round as typeof json);
    return readRounds(round)[0];
  };
  const explained = (of: RoundClaim) => {
    const result = verifyClaim(of, null, { keys });
    assert.ok(!result.ok);
    return explainRefusal(result, of, { keys, profile: "demo" });
  };

  it("of a round that holds there are none", () => assert.ok(verifyClaim(claim(), null, { keys }).ok));

  it("blame the instruction at which the chain breaks", () => {
    const { meaning, detail, blamed } = explained(claim(({ instructions }) => instructions.splice(1, 1)));
    assert.equal(meaning, refusalMeaning("brokenChain", 1));
    assert.match(detail, /^instruction 1: it does not start/);
    assert.deepEqual([...blamed.keys()], [1]);
  });

  it("blame each proof that does not hold, where the batch blames none", () => {
    const swapped = explained(claim(({ instructions: [admit, auction] }) => ([admit.proof, auction.proof] = [auction.proof, admit.proof]))); // prettier-ignore
    assert.deepEqual([...swapped.blamed.keys()], [0, 1]);
    assert.match(swapped.detail, /^the proof of instruction 0, instruction 1 does not hold$/);
    assert.equal(swapped.meaning, refusalMeaning("pairing"));
  });

  it("ask for the right profile where no proof holds, and find it", () => {
    const other = new Simulator("another profile");
    const foreign = claim(({ instructions }) => {
      for (const step of instructions) step.proof = { ...step.proof, pi_c: step.proof.pi_a };
    });
    assert.match(explained(foreign).detail, /no proof holds with the keys of profile demo/);
    const profiles = new Map([["demo", other.keys] as const, ["standard", keys] as const]);
    assert.equal(fittingProfile([claim()], profiles), "standard");
    assert.equal(fittingProfile([foreign], profiles), "demo");
  });
});
