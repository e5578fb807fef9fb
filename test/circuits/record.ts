/**
 * What the tests of circuits show, kept for those who ask what no test shows (scripts/circuits/mutants.ts): where TACIT_RECORD
 * names a folder, a file in it for each process, a line of JSON each.
 */
import fs from "node:fs";
import { join } from "node:path";
import type { Inputs } from "./harness.ts";

/** What a circuit's program made of inputs: its outputs; null where there is no witness. */
export interface Computed {
  readonly kind: "witness";
  /** its CircuitSource, as JSON */
  readonly circuit: string;
  readonly inputs: Inputs;
  readonly outputs: readonly bigint[] | null;
}

/** A cheat that was refused. */
export interface Refused {
  readonly kind: "refused";
  readonly circuit: string;
  readonly inputs: Inputs;
  readonly pinned: Readonly<Record<string, bigint>>;
  /** ids of the statements without each of which it would have a proof */
  readonly rules: readonly string[];
}

/** As JSON, numbers of the field as decimal strings. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part));
}

let file: number | undefined;

export function isRecording(): boolean {
  return process.env.TACIT_RECORD !== undefined;
}

export function record(shown: Computed | Refused): void {
  const folder = process.env.TACIT_RECORD!;
  fs.mkdirSync(folder, { recursive: true });
  file ??= fs.openSync(join(folder, `${process.pid}.jsonl`), "a");
  fs.writeSync(file, `${textOf(shown)}\n`);
}
