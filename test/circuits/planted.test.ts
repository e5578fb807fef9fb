// Goal: bugs planted in circuits are found, and the patches that plant them fit the circuits of today.
// Method: each patch is applied to a copy, and determined.ts asked about some. `npm run circuits:planted` asks all tools.
import assert from "node:assert/strict";
import { findings, plantedBugs, withBug } from "./planted.ts";

/** Found by determined.ts in the circuits that are quickest to compile. */
const QUICK = ["02-hint-in-place-of-a-rule", "17-division-that-wraps", "19-public-value-unbound"];

describe("circuits, planted bugs", () => {
  const bugs = plantedBugs();

  it("one of each class, each found by a tool, and each patch fits", async () => {
    assert.ok(bugs.length >= 20);
    assert.equal(new Set(bugs.map((bug) => bug.class)).size, bugs.length);
    for (const bug of bugs) {
      assert.notDeepEqual(bug.foundBy, []);
      await withBug(bug, ({ template }) => assert.notEqual(template, ""));
    }
  });

  for (const name of QUICK)
    it(`determined finds ${name}`, async () => {
      const bug = bugs.find((it) => it.name === name)!;
      assert.ok(bug.foundBy.includes("determined"));
      const { wrong } = await withBug(bug, findings);
      assert.notDeepEqual(wrong, []);
    });
});
