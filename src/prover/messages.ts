import type { Proof } from "../protocol/proof.ts";
import type { CircuitInputs, InputSignal } from "./witness.ts";

/** What the pool tells a worker. A circuit comes before the first of its jobs; jobs come one at a time. */
export type ToWorker =
  | { kind: "circuit"; name: string; circuit: Circuit }
  | { kind: "prove"; id: number; name: string; inputs: CircuitInputs };

/** What a worker tells the pool. */
export type FromWorker =
  | { kind: "ready" }
  | ({ kind: "progress"; id: number } & ProveProgress)
  | { kind: "proved"; id: number; result: Proved }
  | { kind: "failed"; id: number; code: string; message: string; details: Record<string, unknown> };

/** A circuit as workers get it. The bytes of the key are shared between them, not copied. */
export interface Circuit {
  program: WebAssembly.Module;
  zkey: Uint8Array;
  publicInputs: number;
  inputs: readonly InputSignal[];
}

export interface ProveProgress {
  step: "witness" | "proof";
  /** of the whole job, 0 to 1 */
  fraction: number;
}

export interface Proved {
  proof: Proof;
  publicInputs: bigint[];
  timings: { witnessMs: number; proveMs: number };
}
