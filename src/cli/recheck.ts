import { toJson } from "../protocol/json.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import { recheck, recheckedInWords, type RecheckResult } from "../replay/recheck.ts";
import { withProgress } from "../setup/progress.ts";
import { readJson } from "../setup/readJson.ts";

/** `tacit recheck`. @returns the exit code */
export async function recheckFile(path: string, options: { json?: boolean }): Promise<number> {
  const file = await readJson(path);
  const result = await recheckWithProgress(file);
  if (options.json) process.stdout.write(toJson(result, 2) + "\n");
  else process.stdout.write(result.ok ? describe(result) : refusalText(result));
  return result.ok ? 0 : 1;
}

/** As `recheck`, with a bar on standard error. */
export async function recheckWithProgress(file: unknown): Promise<RecheckResult> {
  await useHashKernels();
  return withProgress("recheck", async (progress) => recheck(file, (fraction) => progress.update(fraction)));
}

/** A round that is refused, and why. */
export interface RefusedRound {
  ok: false;
  /** from 1 */
  round: number;
  code: string;
  /** for a person; `message` is the detail */
  meaning: string;
  message: string;
}

/** What is refused: first what it means, then the detail. */
export function refusalText({ round, code, meaning, message }: RefusedRound): string {
  return `round ${round} is REFUSED: ${meaning}\n  ${code}: ${message}\n`;
}

function describe(result: RecheckResult & { ok: true }): string {
  const unchecked = [
    result.proofs > 0 ? "proofs, which `tacit verify` checks" : "that this happened: the record has no proofs",
    ...(result.signed ? [] : ["signatures: the replay had none, and each item counts as signed"]),
  ];
  return [
    `rechecked: ${recheckedInWords(result)}: each is what the rules give\n`,
    ...unchecked.map((what) => `not checked: ${what}\n`),
  ].join("");
}
