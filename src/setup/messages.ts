import type { Stamp } from "./stamp.ts";

/** One piece of work on a circuit: what a worker gets, whole. */
export type Task =
  { step: "compile"; folder: string; outputs?: readonly string[] } | { step: "key"; folder: string; r1cs: string };

export interface TaskResults {
  compile: Omit<Stamp["compiled"], "sources" | "circom">;
  key: NonNullable<Stamp["key"]>;
}

export type FromBuilder =
  | { kind: "progress"; fraction: number }
  | { kind: "done"; result: TaskResults[keyof TaskResults] }
  | { kind: "failed"; code: string; message: string; details: Record<string, unknown> };
