// Goal: it is known of each constraint of each instruction from which statement of which source it comes.
// Method: all instructions at small sizes; and a rule that is broken by hand is told by its own text.
import assert from "node:assert/strict";
import { compileTemplate, type CircuitSource } from "./harness.ts";
import { told } from "./statements.ts";

const INSTRUCTIONS: Record<string, CircuitSource> = {
  withdraw: { file: "circuits/instructions/withdraw.circom", template: "Withdraw", args: [2] },
  settle: { file: "circuits/instructions/settle.circom", template: "Settle", args: [1, 2] },
  clear: { file: "circuits/instructions/clear.circom", template: "ClearSlot", args: [0] },
  deposit: { file: "circuits/instructions/deposit.circom", template: "DepositSlot", args: [1] },
  signature: { file: "circuits/lib/eddsa.circom", template: "Signature" },
};

describe("statements of circuits", () => {
  for (const [name, source] of Object.entries(INSTRUCTIONS))
    it(`make all constraints of ${name}`, async () => {
      const circuit = await compileTemplate({ ...source, optimise: false });
      const rules = await circuit.rules();
      assert.equal(rules.length, circuit.constraints);
      const seen = new Set(rules.map(told));
      // And no statement is left that makes none, but for those that say so.
      const templates = new Set(rules.map(({ template }) => template));
      const others = circuit.statements.filter(
        (it) => it.operator && it.operator !== "<--" && templates.has(it.template) && !seen.has(told(it)),
      );
      for (const { text } of others) assert.match(text, /^_ <==/);
    });

  it("name the rule that a forged witness breaks", async () => {
    const file = "circuits/lib/bits.circom";
    const circuit = await compileTemplate({ file, template: "IsEqual", optimise: false });
    const rules = await circuit.rules();
    const broken = (signal: string) => {
      const witness = circuit.forge({ a: 1n, b: 1n }, { [signal]: 5n });
      return circuit.broken(witness).map((i) => rules[i].text);
    };
    assert.deepEqual(broken("out"), ["signal output out <== IsZero()(a - b)"]);
    const [inner] = [...circuit.signals.keys()].filter((name) => /^IsZero_\d+_\d+\.out$/.test(name));
    assert.deepEqual(broken(inner).sort(), ["out <== 1 - in * inverse", "signal output out <== IsZero()(a - b)"]);
  });
});
