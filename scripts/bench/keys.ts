/**
 * What development keys of the demonstration's circuits take, in one thread: the median of three each, on both backends.
 *     npm run bench keys [-- INSTRUCTION...]
 */
import { readFile } from "node:fs/promises";
import { table, thousands } from "../../src/setup/format.ts";
import { INSTRUCTION_NAMES } from "../../src/protocol/instructions.ts";
import type { Backend } from "../../src/prover/engine/engine.ts";
import { readR1csHeader } from "../../src/prover/r1cs.ts";
import { builtFiles, circuitFolder } from "../../src/setup/folders.ts";
import { developmentKey } from "../../src/setup/keys/developmentKey.ts";
import { ensurePackage } from "../package/index.ts";

const RUNS = 3;

async function seconds(file: Uint8Array, backend: Backend): Promise<string> {
  const took: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    await developmentKey(file, undefined, backend);
    took.push((performance.now() - started) / 1000);
  }
  return took.toSorted((a, b) => a - b)[(RUNS - 1) / 2].toFixed(2);
}

await ensurePackage();
const names = process.argv.length > 2 ? process.argv.slice(2) : INSTRUCTION_NAMES;
const rows: string[][] = [];
for (const name of names) {
  const file = await readFile(builtFiles(circuitFolder("demo", name)).r1cs);
  const { constraints } = readR1csHeader(file);
  rows.push([name, thousands(constraints), await seconds(file, "fma"), await seconds(file, "scalar")]);
}
console.log(table([["development key of", "constraints", "fma s", "scalar s"], ...rows]));
console.log(`memory at most: ${Math.round(process.resourceUsage().maxRSS / 1000)} MB`);
