// Goal: rules change only so that nobody's position or order becomes one in something else.
// Method: changes that may be, and beside each the circumstance under which it may not.
import assert from "node:assert/strict";
import { configure } from "../../src/protocol/configure.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { FOREVER, rules } from "./pricedRules.ts";
import { allowed, changed, context, ones, PERPETUAL_ENDS, refused, ROLLED } from "./ruleChanges.ts";

describe("protocol/configure", () => {
  for (const [what, after, when, before = rules()] of allowed)
    it(`takes it that ${what}`, () => {
      assert.doesNotThrow(() => configure(before, after, when));
    });

  for (const [why, message, after, when, before = rules()] of refused)
    it(`refuses ${why}`, () => assert.throws(() => configure(before, after, when), { code: "RULES", message }));

  it("refuses what are no rules", () => {
    const after = changed({ markets: [[1, { until: FOREVER }]] });
    assert.throws(() => configure(rules(), after, context()), { code: "OUT_OF_RANGE", message: /markets\[1\]\.until/ });
  });

  it("forgets what belonged to a contract that is replaced, and nothing else", () => {
    const { last, longCharges, shortCharges, payoffs, ...rest } = configure(rules(), ROLLED, context([], [], { payoffs: ones(INSTRUMENTS, [4]) })); // prettier-ignore
    const kept = Array.from({ length: INSTRUMENTS }, (_, i) => (i === 1 || i === 4 ? 0n : 9n));
    assert.deepEqual([last, longCharges, shortCharges], [kept, kept, kept]);
    assert.deepEqual(payoffs, Array(INSTRUMENTS).fill(0n));
    const { funding, fundingRest, index, range, epoch, rules: root } = rest;
    assert.deepEqual([funding, fundingRest, index, range, epoch, root], [5n, 4n, 7n, 30_000n, 3_000n, 0n]);
  });

  it("keeps the funding of a perpetual that is given an expiry, and drops it of one that goes", () => {
    assert.equal(configure(rules(), PERPETUAL_ENDS, context([], [0])).funding, 5n);
    const gone = changed({
      instruments: [[0, null], [2, null], [3, null]],
      markets: [[0, null], [2, null], [3, null], [4, null]],
    }); // prettier-ignore
    const { funding, fundingRest } = configure(rules(), gone, context());
    assert.deepEqual([funding, fundingRest], [0n, 0n]);
  });
});
