/**
 * What each template of the library costs in the `standard` profile: constraints after --O2, compiled as a main of its own.
 *     npm run bench templates
 * Prints a table and writes it to docs/costs.json.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { table, thousands } from "../../src/setup/format.ts";
import { PROFILES, RUN } from "../../src/protocol/instructions.ts";
import { LIST_ORDERS } from "../../src/protocol/parameters.ts";
import { compileTemplate } from "../../test/circuits/harness.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";

const { depth, scenarios, maxOpen } = PROFILES.standard;

/** Template, its file below circuits/, its arguments, and in which instructions it stands, how often a slot or proof. */
const TEMPLATES: [template: string, file: string, args: number[], use: string][] = [
  ["AdmitSlot", "instructions/admit", [depth, scenarios, maxOpen, 1], "admit: a slot"],
  ["AdmitSlot", "instructions/admit", [depth, scenarios, maxOpen, LIST_ORDERS], "quote: a slot"],
  ["AdmitOrder", "instructions/admit", [], "admit: 1 a slot; quote: 8"],
  ["Signature", "lib/eddsa", [], "admit: 1 a slot"],
  ["Item", "lib/item", [1], "admit: 1 a slot"],
  ["Item", "lib/item", [LIST_ORDERS], "quote: 1 a slot"],
  ["Update", "lib/tree", [depth], "admit, settle, deposit: 1 a slot"],
  ["MarginHolds", "lib/margin", [scenarios], "admit: 1 a slot"],
  ["PositionsHash", "lib/account", [], "admit: 1, settle: 2 a slot"],
  ["Leaf", "lib/account", [], "admit, settle, deposit: 2 a slot"],
  ["LogStep", "lib/log", [], "admit: 1 a slot"],
  ["RulesRow", "lib/tables", [], "admit: 1 a slot"],
  ["PricesRow", "lib/tables", [scenarios], "admit: 1 a slot"],
  ["Scenarios", "lib/tables", [scenarios], "admit: 1 a proof"],
  ["StateWord", "lib/state", [], "all: 2 a proof"],
  ["ClearSlot", "instructions/clear", [0], "auction: a slot"],
  ["UnpackEntry", "lib/book", [], "auction, midpoint: 1 a slot"],
  ["SweepCancels", "instructions/clear", [], "auction, midpoint: 1 a proof"],
  ["SettleSlot", "instructions/settle", [depth, 1], "settle: a slot"],
  ["SettleSlot", "instructions/settle", [depth, RUN], "settleRuns: a slot"],
  ["OpenSettleRow", "instructions/settle", [], "settle, settleRuns: 4 a proof"],
  ["UnpackFill", "lib/fill", [], "settle: 1 a slot, settleRuns: 8"],
  ["UnpackTrade", "lib/fill", [], "settle, settleRuns: 1 a slot"],
  ["DepositSlot", "instructions/deposit", [depth], "deposit: a slot"],
];

const costs: Record<string, number> = {};
const rows: string[][] = [];
for (const [template, file, args, use] of TEMPLATES) {
  const name = `${template}(${args.join(", ")})`;
  const { constraints } = await compileTemplate({ file: `circuits/${file}.circom`, template, args });
  costs[name] = constraints;
  rows.push([name, thousands(constraints), use]);
}
console.log(table([["template", "constraints", "stands in"], ...rows]));
const path = join(ROOT, "docs/costs.json");
const before = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
await writeWhole(path, stableJson({ ...before, templates: costs }));
