// Goal: it is known of each constraint of each instruction from which statement of which source it comes.
// Method: all instructions at small sizes; and a rule that is broken by hand is told by its own text.
import assert from "node:assert/strict";
import { compileTemplate, type CircuitSource } from "./harness.ts";
import { told } from "./statements.ts";

const INSTRUCTIONS: Record<string, CircuitSource> = {
  withdraw: { file: "circuits/instructions/withdraw.circom", template: "Withdraw", args: [2] },
  settle: { file: "circuits/instructions/settle.circom", template: "Settle", args: [1, 2, 2] },
  clear: { file: "circuits/instructions/clear.circom", template: "ClearSlot", args: [0] },
  deposit: { file: "circuits/instructions/deposit.circom", template: "DepositSlot", args: [1] },
  signature: { file: "circuits/lib/eddsa.circom", template: "Signature" },
};

describe("statements of circuits", () => {
  for (const [name, source] of Object.entries(INSTRUCTIONS))
    it(`make all constraints of ${name}`, async () => {
      const circuit = await compileTemplate({ ...source, optimise: false });
      assert.equal(circuit.rules.length, circuit.constraints);
      const rules = circuit.rules.map((rule) => rule.at(-1)!);
      const seen = new Set(rules.map(told));
      // And no statement is left that makes none, but for those that say so.
      const templates = new Set(rules.map(({ template }) => template));
      const others = circuit.statements.filter(
        (it) => it.operator && it.operator !== "<--" && templates.has(it.template) && !seen.has(told(it)),
      );
      for (const { text } of others) assert.match(text, /^_ <==/);
    });

  it("name the rule that a forged witness breaks, and the components that it is in", async () => {
    const file = "circuits/lib/bits.circom";
    const circuit = await compileTemplate({ file, template: "AtMost", args: [4], optimise: false });
    const broken = (signal: string) =>
      circuit
        .brokenRules(circuit.forge({ a: 1n, b: 1n }, { [signal]: 5n }))
        .map((rules) => rules.map(told).join(" > "));
    const rule = (line: RegExp) => circuit.statements.filter(({ text }) => line.test(text)).map(told);
    const [top, inner] = [rule(/<== NotNegative/)[0], rule(/Bits\(n \+ 1\)/)[0]];
    assert.deepEqual(broken("out"), [top]);
    const bit = [...circuit.signals.keys()].find((name) => name.endsWith(".out[0]"))!;
    const bits = rule(/^out\[i\] \*|^sum === in/).map((it) => [top, inner, it].join(" > "));
    assert.deepEqual(broken(bit).sort(), [...bits, [top, inner].join(" > ")].sort());
  });
});
