/** What a prover can be asked, what it answers, and which errors it throws. */
import type { Proof } from "../protocol/proof.ts";
import type { Backend } from "./engine/engine.ts";
import type { FileSource } from "./files/source.ts";
import type { VerificationKeyJson } from "./files/zkey.ts";
import type { Timings } from "./plan.ts";
import type { Sharing } from "./sharing.ts";
import type { AnyWorker } from "./thread.ts";
import type { CircuitInputs, InputSignal } from "./witness.ts";

export interface ProverOptions {
  /** threads that share each proof: one a core is best */
  workers?: number;
  /**
   * How bytes of keys and witnesses reach the threads: in memory that they share, or in a copy for each. Browsers have
   * shared memory on pages that are cross-origin isolated only. It takes less room, and no less time.
   */
  memory?: Sharing;
  /** after so long a job is given up */
  timeoutMs?: number;
  /** how to start a thread; tests start such that can be killed */
  startThread?: () => AnyWorker;
}

/** What belongs to a key besides itself. */
export interface CircuitFiles {
  /** circom's witness program: inputs can then be proved */
  wasm?: FileSource;
  /** the circuit's inputs (the build writes them to inputs.json): errors can then name a missing one */
  inputs?: string | readonly InputSignal[];
  /** the constraints: a witness is then checked against them, and the first that it breaks is named */
  r1cs?: FileSource;
}

/** A key that a prover has loaded. */
export interface ProvingKey {
  readonly wires: number;
  readonly publicInputs: number;
  /** rows of the domain */
  readonly domain: number;
  /** as snarkjs writes it */
  readonly verificationKey: VerificationKeyJson;
}

/** Values of all wires, 32 bytes each, little endian, checked against the constraints where those are loaded. */
export interface Witness {
  readonly values: Uint8Array;
  readonly timings: { witnessMs: number; checkMs: number };
}

export interface ProveOptions {
  signal?: AbortSignal;
  /** called with the part that is done, 0 to 1 */
  onProgress?: (progress: ProveProgress) => void;
  /**
   * whether the proof is verified before it is handed out, in some 20 ms; yes, if not told otherwise. A proof of a wrong
   * witness does not hold and may tell of that witness: do not hand out what you have not verified in another way
   */
  check?: boolean;
}

export interface ProveProgress {
  step: "witness" | "proof";
  fraction: number;
}

export interface Proved {
  proof: Proof;
  publicInputs: bigint[];
  timings: Timings & {
    /** wall time from the witness to the proof */
    totalMs: number;
    /** of which reading the witness, and what was left to do, and to verify, when the last sum was known */
    readMs: number;
    finishMs: number;
  };
}

export interface Prover {
  /**
   * Reads a key into the threads, once for many proofs.
   * @throws TacitError FILE_FORMAT (names the section), WITNESS_MISMATCH (program or constraints are of another circuit),
   *         SOURCE, ABORTED, OUT_OF_MEMORY, NOT_BUILT, PROVER_CRASHED, PROVER_TIMEOUT, PROVER_CLOSED
   */
  load(zkey: FileSource, files?: CircuitFiles, options?: { signal?: AbortSignal }): Promise<ProvingKey>;
  /** Takes a key out of memory, after the jobs that are under way with it. */
  unload(key: ProvingKey): void;
  /**
   * Runs the witness program, in a thread of its own beside the proofs.
   * @throws TacitError WITNESS_INPUT, WITNESS, and as `prove`
   */
  witness(key: ProvingKey, inputs: CircuitInputs, options?: { signal?: AbortSignal }): Promise<Witness>;
  /**
   * Proves that the circuit accepts these values. Jobs take their turn.
   * @param witness  a .wtns file, or what `witness` made
   * @throws TacitError FILE_FORMAT, SOURCE, WITNESS_MISMATCH (of another circuit), WITNESS (it breaks a constraint),
   *         UNKNOWN_KEY, ABORTED, PROVER_CRASHED (a thread died twice over this job), PROVER_TIMEOUT, PROVER_CLOSED,
   *         OUT_OF_MEMORY, PROVE_FAILED
   */
  prove(key: ProvingKey, witness: FileSource | Witness, options?: ProveOptions): Promise<Proved>;
  /** Both in one. */
  proveInputs(
    key: ProvingKey,
    inputs: CircuitInputs,
    options?: ProveOptions,
  ): Promise<Proved & { witness: Witness["timings"] }>;
  /** Which kernels this engine runs: on fused floating point, or on integers, some 15% slower. */
  backend(): Promise<Backend>;
  /** Bytes in the threads' memories: what they have taken from the system, and how much of it holds something. */
  memory(): Promise<{ taken: number; used: number }[]>;
  /** Ends the threads. What still waits or runs is rejected. */
  close(): Promise<void>;
}
