/**
 * What the tests of circuits show, kept for those who ask what no test shows (scripts/circuits/mutants.ts): where
 * TACIT_RECORD names a folder, a file in it for each process, a line of JSON each.
 */
import fs from "node:fs";
import { join } from "node:path";

export interface Refused {
  readonly kind: "refused";
  /** ids of the statements that a cheat breaks alone: one, or an anonymous component's in which all is that it breaks */
  readonly rules: readonly string[];
}

let file: number | undefined;
const seen = new Set<string>();

export function record(shown: Refused): void {
  const folder = process.env.TACIT_RECORD;
  const line = JSON.stringify(shown);
  if (folder === undefined || seen.has(line)) return;
  seen.add(line);
  fs.mkdirSync(folder, { recursive: true });
  file ??= fs.openSync(join(folder, `${process.pid}.jsonl`), "a");
  fs.writeSync(file, `${line}\n`);
}
