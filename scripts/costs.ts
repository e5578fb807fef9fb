/**
 * Writes what any machine can compute of docs/costs.json, and the table of the README: constraints from keys/manifest.json,
 * bytes of the bundles for browsers and of the contracts, gas. `--check` writes nothing: it computes the same, and fails where
 * a file says otherwise or a contract is too large. All else there was measured, by commands that it names.
 *     npm run costs [-- --check]
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { table, thousands } from "../src/setup/format.ts";
import {
  INSTRUCTION_NAMES,
  PROFILES,
  RUN,
  WITHDRAW_SLOTS,
  type InstructionName,
  type ProfileName,
} from "../src/protocol/instructions.ts";
import { LIST_ORDERS } from "../src/protocol/parameters.ts";
import { ROOT } from "../src/setup/folders.ts";
import { writeWhole } from "../src/setup/writeWhole.ts";
import { contractCosts } from "./costs/contract.ts";
import { bundleProver, bundleVerifier } from "./package/bundle.ts";
import { stableJson } from "../src/setup/keys/stableJson.ts";

const COSTS = join(ROOT, "docs/costs.json");
const README = join(ROOT, "README.md");
const MARKS = ["<!-- costs -->", "<!-- /costs -->"];

/** Of a contract of ours: a chain takes 24,576 (EIP-170), which PoseidonT6, published as it is, all but fills. */
const MOST_BYTES = 22_000;
const OURS = ["Venue", "Keys"];
/** By which a bundle's size may differ: versions of zlib compress differently. */
const ZLIB_PERCENT = 1;
/** What is measured on one machine, by which command. */
const MEASURED = {
  templates: "npm run bench templates",
  prover: "npm run bench prover",
  venue: "npm run bench venue",
  matcher: "npm run bench matcher",
};

interface Cost {
  constraints: number;
  slots: number;
  perSlot: number;
}

function slotsOf(name: InstructionName, profile: ProfileName): number {
  if (name === "withdraw") return WITHDRAW_SLOTS;
  if (name === "reprice" || name === "configure") return 1;
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
  const quoteLife =
    Math.ceil(rows.quote.perSlot / LIST_ORDERS) + rows.auction.perSlot + Math.ceil(rows.settleRuns.perSlot / RUN);
  const orderLife = rows.admit.perSlot + rows.auction.perSlot + rows.settle.perSlot;
  constraints[profile] = { ...rows, orderLife, quoteLife };
}

// What a page loads: of the two kernels that prove it is one.
const { "scalar.wasm": _, ...prover } = await bundleProver();
const bundles = {
  verifierBundleBytes: await bundleVerifier(),
  proverBundleBytes: Object.values(prover).reduce((sum, bytes) => sum + bytes, 0),
};
const { bytes: contractBytes, gas } = await contractCosts();
const exact = { constraints, contractBytes, gas };

const standard = constraints.standard as Record<InstructionName, Cost> & { orderLife: number; quoteLife: number };
const lines = [
  "| instruction (standard) | slots | constraints | per slot |",
  "| --- | --: | --: | --: |",
  ...INSTRUCTION_NAMES.map((name) => {
    const { constraints: count, slots, perSlot } = standard[name];
    return `| ${name} | ${slots} | ${thousands(count)} | ${thousands(perSlot)} |`;
  }),
  `| one order's life: admit + auction + settle | | | ${thousands(standard.orderLife)} |`,
  `| one quote's life, of a list of ${LIST_ORDERS}: its part of quote + auction + its part of settleRuns | | | ${thousands(standard.quoteLife)} |`,
];
const readmeBefore = await readFile(README, "utf8");
const [start, end] = MARKS.map((mark) => readmeBefore.indexOf(mark));
if (start < 0 || end < start) throw new Error(`README.md has no table between ${MARKS.join(" and ")}`);
const readme = `${readmeBefore.slice(0, start + MARKS[0].length)}\n\n${lines.join("\n")}\n\n${readmeBefore.slice(end)}`;

const costs = await json(COSTS).catch(() => ({}) as Record<string, any>);
const large = OURS.filter((name) => contractBytes[name] > MOST_BYTES);
for (const name of large)
  console.error(
    `${name} takes ${thousands(contractBytes[name])} bytes of code: expected at most ${thousands(MOST_BYTES)}`,
  );
if (large.length > 0) process.exitCode = 1;

if (process.argv.includes("--check")) check();
else await write();

function check(): void {
  const stale = Object.entries(exact).flatMap(([name, value]) => [...differences(name, costs[name], value)]);
  for (const [name, bytes] of Object.entries(bundles))
    if (!(Math.abs(costs[name] - bytes) <= (ZLIB_PERCENT / 100) * bytes))
      stale.push(`${name}: expected about ${bytes}, found ${costs[name]}`);
  if (readme !== readmeBefore) stale.push("the table of README.md");
  for (const what of stale) console.error(`stale, run npm run costs: ${what}`);
  if (stale.length > 0) process.exitCode = 1;
  if (process.exitCode) return;
  console.log(
    `docs/costs.json and README.md: ${[...Object.keys(exact), ...Object.keys(bundles)].join(", ")} are as computed`,
  );
  const others = Object.entries(MEASURED).map(([name, command]) => `${name} (${command})`);
  console.log(`measured on one machine, and not again here: ${others.join(", ")}`);
}

/** Figures of docs/costs.json that are not as computed. */
function* differences(path: string, found: any, expected: any): Generator<string> {
  if (typeof expected === "object")
    for (const name of new Set([...Object.keys(found ?? {}), ...Object.keys(expected)]))
      yield* differences(`${path}.${name}`, found?.[name], expected[name]);
  else if (found !== expected) yield `${path}: expected ${expected}, found ${found}`;
}

async function write(): Promise<void> {
  await writeWhole(COSTS, stableJson({ ...costs, ...exact, ...bundles }));
  await writeWhole(README, readme);
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
}
