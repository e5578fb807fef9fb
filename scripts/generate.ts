/**
 * Writes every derived file of the repository from its home in src/protocol/. With `--check` it writes nothing and
 * fails, naming the files that are stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { circomParameters } from "./generate/circomParameters.ts";
import { circomPoseidon } from "./generate/circomPoseidon.ts";

const ROOT = join(import.meta.dirname, "..");

/** Every derived file: its path and what computes its text, after the first line. */
const DERIVED: Record<string, () => string> = {
  "circuits/generated/parameters.circom": circomParameters,
  "circuits/generated/poseidonConstants.circom": circomPoseidon,
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

function read(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), "utf8");
  } catch {
    return undefined;
  }
}
