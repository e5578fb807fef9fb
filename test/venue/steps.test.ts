// Goal: what entries come to, and where rounds end between them, with the accounts at that place.
// Method: lists of deposits, each of which takes one proof, in a matcher and in its fork.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import type { JournalEntry } from "../../src/venue/store/journal.ts";
import { stepsOf } from "../../src/venue/steps.ts";
import { genesis, START, traders } from "./fixture.ts";

describe("steps", () => {
  const profile = PROFILES[genesis.profile];
  const matcher = () => new Matcher({ ...genesis, profile }, { view: (_, index) => BigInt(index) });
  const entries = traders(5).map(({ deposit }): JournalEntry => {
    return { kind: "deposits", time: START + 1n, deposits: [deposit] };
  });

  for (const [of, start] of [
    ["a matcher", matcher],
    ["its fork", () => matcher().fork()],
  ] as const)
    it(`a round ends when it is full, before the next entry, with the accounts that there are then: of ${of}`, () => {
      const steps = [...stepsOf(start(), entries, { number: 7, proofs: 1, most: 2 }, profile)];
      assert.deepEqual(
        steps.map((step) => ("accounts" in step ? [step.entry.number, step.accounts.length] : step.entry.kind)),
        ["deposits", [7, 3], "deposits", "deposits", [8, 5], "deposits", "deposits"],
      );
    });

  it("a round ends where it is said to, full or not", () => {
    const [first, second] = entries;
    const wanted: JournalEntry[] = [first, { kind: "round", number: 7 }, second];
    const steps = [...stepsOf(matcher(), wanted, { number: 7, proofs: 0, most: 2 }, profile)];
    assert.deepEqual(
      steps.map(({ entry }) => entry.kind),
      ["deposits", "round", "deposits"],
    );
  });

  it("an entry that cannot be leaves no trace", () => {
    const from = matcher();
    const before = from.export();
    const late: JournalEntry = { kind: "close", time: START - 1n, slot: 0 };
    const run = () => [...stepsOf(from.fork(), [...entries, late], { number: 1, proofs: 0, most: 2 }, profile)];
    assert.throws(run, { code: "TIME_ORDER" });
    assert.deepEqual(from.export(), before);
  });
});
