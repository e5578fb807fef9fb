/**
 * Writes every derived file of the repository from its home in src/protocol/. With `--check` it writes nothing and
 * fails, naming the files that are stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { INSTRUCTION_NAMES } from "../src/protocol/instructions.ts";
import { prepareKeys } from "../src/verifier/index.ts";
import { keysSolidity } from "../src/setup/contract.ts";
import { base8Circom } from "./generate/base8.ts";
import { circomParameters } from "./generate/circomParameters.ts";
import { circomPoseidon } from "./generate/circomPoseidon.ts";
import { fixedCircom, fixedTypescript } from "./generate/fixed.ts";
import { normalCircom, normalTypescript } from "./generate/normal.ts";

const ROOT = join(import.meta.dirname, "..");

/** Every derived file: its path and what computes its text, after the first line. */
const DERIVED: Record<string, () => string> = {
  "circuits/generated/parameters.circom": circomParameters,
  "circuits/generated/poseidonConstants.circom": circomPoseidon,
  "circuits/generated/base8.circom": base8Circom,
  "circuits/generated/fixed.circom": fixedCircom,
  "circuits/generated/normal.circom": normalCircom,
  "src/protocol/fixedTables.ts": fixedTypescript,
  "src/protocol/normalTables.ts": normalTypescript,
  "src/verifier/contract/generated/Keys.sol": demoKeys,
};

const check = process.argv.includes("--check");
const stale: string[] = [];
for (const [path, text] of Object.entries(DERIVED)) {
  const wanted = `// Written by npm run generate. Do not edit.\n${text()}`;
  if (read(path) === wanted) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(join(ROOT, path)), { recursive: true });
  writeFileSync(join(ROOT, path), wanted);
}
for (const path of stale) console.log(`${check ? "stale" : "written"}: ${path}`);
if (check && stale.length > 0) process.exit(1);

/** The contract's keys are those of the demo profile, as the build wrote them to keys/demo. */
function demoKeys(): string {
  const file = (name: string) => JSON.parse(readFileSync(join(ROOT, "keys/demo", `${name}.json`), "utf8")) as unknown;
  return keysSolidity(prepareKeys(Object.fromEntries(INSTRUCTION_NAMES.map((name) => [name, file(name)]))));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return undefined;
  }
}
