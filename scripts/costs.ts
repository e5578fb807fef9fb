/**
 * Writes docs/costs.json and the table of the README: constraints from keys/manifest.json, the sizes of the
 * verifier's and the prover's bundles, and, with `--demo FILE`, gas and times from what `tacit demo --json` printed. `--check` writes nothing and
 * fails if the constraints there are not those of the manifest.
 *     npm run costs [-- --demo FILE]
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { table, thousands } from "../src/setup/format.ts";
import {
  INSTRUCTION_NAMES,
  PROFILES,
  WITHDRAW_SLOTS,
  type InstructionName,
  type ProfileName,
} from "../src/protocol/instructions.ts";
import { ROOT } from "../src/setup/folders.ts";
import { writeWhole } from "../src/setup/writeWhole.ts";
import { bundleProver, bundleVerifier } from "./package/bundle.ts";
import { stableJson } from "../src/setup/keys/stableJson.ts";

const COSTS = join(ROOT, "docs/costs.json");
const README = join(ROOT, "README.md");
const MARKS = ["<!-- costs -->", "<!-- /costs -->"];

interface Cost {
  constraints: number;
  slots: number;
  perSlot: number;
}

function slotsOf(name: InstructionName, profile: ProfileName): number {
  if (name === "withdraw") return WITHDRAW_SLOTS;
  return PROFILES[profile][name === "auction" || name === "midpoint" ? "clear" : name];
}

const json = async (path: string) => JSON.parse(await readFile(path, "utf8")) as Record<string, any>;

const manifest = await json(join(ROOT, "keys/manifest.json"));
const constraints: Record<string, Record<string, Cost | number>> = {};
for (const profile of Object.keys(PROFILES) as ProfileName[]) {
  const rows: Record<string, Cost> = {};
  for (const name of INSTRUCTION_NAMES) {
    const count = manifest[profile]?.[name]?.constraints as number | undefined;
    if (count === undefined)
      throw new Error(`keys/manifest.json lacks ${profile} ${name}: run tacit build --profile ${profile}`);
    const slots = slotsOf(name, profile);
    rows[name] = { constraints: count, slots, perSlot: Math.ceil(count / slots) };
  }
  constraints[profile] = { ...rows, orderLife: rows.admit.perSlot + rows.auction.perSlot + rows.settle.perSlot };
}

const costs = await json(COSTS).catch(() => ({}) as Record<string, any>);
if (process.argv.includes("--check")) {
  if (stableJson(costs.constraints ?? {}) !== stableJson(constraints)) {
    console.error("docs/costs.json is stale: run npm run costs");
    process.exit(1);
  }
  process.exit(0);
}

const at = process.argv.indexOf("--demo");
// What a page loads: of the two kernels that prove it is one.
const { "scalar.wasm": _, ...prover } = await bundleProver();
const next = {
  ...costs,
  constraints,
  verifierBundleBytes: await bundleVerifier(),
  proverBundleBytes: Object.values(prover).reduce((sum, bytes) => sum + bytes, 0),
};
if (at > 0) {
  const { gas, instructions } = await json(process.argv[at + 1]);
  // Rounded: proofs are random, and with them the gas of their bytes.
  const round = (value: string | number) => Math.round(Number(value) / 1000) * 1000;
  Object.assign(next, {
    gas: {
      instructions: instructions.reduce((sum: number, { count }: { count: number }) => sum + count, 0),
      round: round(gas.round),
      perInstruction: round(gas.perInstruction),
      percentOfSeparate: Math.round((100 * Number(gas.round)) / Number(gas.separately)),
    },
  });
}
await writeWhole(COSTS, stableJson(next));

const standard = constraints.standard as Record<InstructionName, Cost> & { orderLife: number };
const rows = INSTRUCTION_NAMES.map((name) => {
  const { constraints: count, slots, perSlot } = standard[name];
  return `| ${name} | ${slots} | ${thousands(count)} | ${thousands(perSlot)} |`;
});
const lines = [
  "| instruction (standard) | slots | constraints | per slot |",
  "| --- | --: | --: | --: |",
  ...rows,
  `| one order's life: admit + auction + settle | | | ${thousands(standard.orderLife)} |`,
];
const readme = await readFile(README, "utf8").catch(() => "");
const [start, end] = MARKS.map((mark) => readme.indexOf(mark));
if (start >= 0 && end > start)
  await writeWhole(
    README,
    `${readme.slice(0, start + MARKS[0].length)}\n\n${lines.join("\n")}\n\n${readme.slice(end)}`,
  );
console.log(
  table([
    ["instruction", "slots", "constraints", "per slot"],
    ...INSTRUCTION_NAMES.map((name) => [
      name,
      `${standard[name].slots}`,
      thousands(standard[name].constraints),
      thousands(standard[name].perSlot),
    ]),
    ["order's life", "", "", thousands(standard.orderLife)],
  ]),
);
