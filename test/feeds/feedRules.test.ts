// Goal: a feed signs for what a venue has in force and announced, and for nothing that is not what its root says.
// Method: one good answer, one change each.
import assert from "node:assert/strict";
import { readVenueRules } from "../../src/feeds/feedRules.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { rules } from "../protocol/pricedRules.ts";

const set = (slack: bigint) => {
  const changed = { ...rules(), group: { ...rules().group, slack } };
  return { root: String(rulesRoot(changed)), rules: rulesJson(changed), state: "waiting" };
};
const answer = () => ({ domain: "77", profile: "demo", inForce: set(8n), announced: [set(9n), set(10n)] });

describe("feeds/feedRules", () => {
  it("reads what is in force first, then what is announced", () => {
    const { domain, profile, rules: sets, leftOut } = readVenueRules(answer());
    assert.deepEqual([domain, profile, sets.length, leftOut], [77n, "demo", 3, []]);
    const { instruments, group } = rules();
    assert.deepEqual(sets[0], { instruments, pricing: group.pricing, feeds: group.feeds });
  });

  it("reads of what is announced what waits alone", () => {
    for (const state of ["withdrawn", "applied", "lapsed"]) {
      const json = answer();
      json.announced[0].state = state;
      const { rules: sets, leftOut } = readVenueRules(json);
      const [inForce, , waiting] = readVenueRules(answer()).rules;
      assert.deepEqual([sets, leftOut], [[inForce, waiting], []]);
    }
  });

  it("leaves out an announced set that is wrong, and says why", () => {
    const json = answer();
    json.announced[0].root = json.announced[1].root;
    const { rules: sets, leftOut } = readVenueRules(json);
    assert.equal(sets.length, 2);
    assert.match(leftOut.join(), /^rules.announced\[0\]: rules.announced\[0\].root is wrong/);
  });

  const refused: [why: string, code: string, change: (json: any) => void][] = [
    ["a root of other rules", "FORMAT", (json) => (json.inForce.root = json.announced[0].root)],
    ["rules that are none", "RULES_FILE", (json) => (json.inForce.rules.group = {})],
    ["a profile that is none", "FORMAT", (json) => (json.profile = "toString")],
    ["no domain", "FORMAT", (json) => delete json.domain],
    ["announced sets that are no list", "FORMAT", (json) => (json.announced = {})],
  ];
  for (const [why, code, change] of refused)
    it(`refuses ${why}`, () => {
      const json = JSON.parse(JSON.stringify(answer()));
      change(json);
      assert.throws(() => readVenueRules(json), { code });
    });

  it("reads a file of rules alone where domain and profile are named", () => {
    const json = rulesJson(rules());
    assert.equal(readVenueRules(json, { domain: 5n, profile: "demo" }).rules.length, 1);
    assert.throws(() => readVenueRules(json, { profile: "demo" }), { code: "USAGE" });
    assert.throws(() => readVenueRules(json, { domain: 5n }), { code: "USAGE" });
  });
});
