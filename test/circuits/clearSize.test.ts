// Goal: an entry costs what the profiles count on, and the sizes of the profiles fit their domains.
// Method: Clear compiled in two sizes.
import assert from "node:assert/strict";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { RULE } from "../../src/protocol/parameters.ts";
import { PROFILE } from "./clearing.ts";
import { compileTemplate } from "./harness.ts";
import { clearProofs, EXPECTED_PUBLIC, file } from "./clearProofs.ts";

describe("circuits/instructions/clear", () => {
  const { circuits } = clearProofs();

  it("costs at most 1,350 constraints an entry, and the sizes of the profiles fit their domains", async () => {
    for (const [rule, name] of [
      [RULE.auction, "auction"],
      [RULE.midpoint, "midpoint"],
    ] as const) {
      // prettier-ignore
      const count = async (N: number) =>
        (await compileTemplate({ file, template: "Clear", args: [N, rule] })).constraints;
      const [two, four] = [await count(2), await count(4)];
      const marginal = (four - two) / 2;
      const fixed = two - 2 * marginal;
      console.log(`      ${name}: ${marginal} an entry, ${fixed} fixed`);
      assert.ok(marginal <= 1_350, "an entry");
      const demoFixed = circuits[name].constraints - PROFILE.clear * marginal;
      const domain = (constraints: number) => constraints + EXPECTED_PUBLIC + 1;
      assert.ok(domain(fixed + PROFILES.standard.clear * marginal) <= 2 ** 17, "standard");
      assert.ok(domain(demoFixed + PROFILES.demo.clear * marginal) <= 2 ** 16, "demo");
    }
  });
});
