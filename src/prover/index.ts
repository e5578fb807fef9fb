import { defaultWorkers, startThread as startOwn } from "#prover-runtime";
import { TacitError, outOfRange } from "../protocol/errors.ts";
import type { FileSource } from "./files/source.ts";
import { loadKey, type LoadedKey } from "./loading.ts";
import { Pool, unknownKey } from "./pool.ts";
import type { ProveOptions, Prover, ProverOptions, ProvingKey, Witness } from "./prover.ts";
import { makeWitness, proveWitness } from "./proving.ts";
import type { CircuitInputs } from "./witness.ts";

export { proofToJson, type Proof } from "../protocol/proof.ts";
export { circuitInputs } from "./inputs.ts";
export type { FileSource } from "./files/source.ts";
export type { VerificationKeyJson } from "./files/zkey.ts";
export type { Timings } from "./plan.ts";
export type { AnyWorker } from "./thread.ts";
export type { CircuitInputs, InputSignal, SignalValue } from "./witness.ts";
export type {
  CircuitFiles,
  Proved,
  ProveOptions,
  ProveProgress,
  Prover,
  ProverOptions,
  ProvingKey,
  Witness,
} from "./prover.ts";

const MAX_WORKERS = 256;
const DEFAULT_TIMEOUT_MS = 15 * 60 * 1000;

/** A pool of threads that prove together. It does not keep the process alive while it has nothing to do. */
export function createProver({
  workers = defaultWorkers(),
  memory = typeof SharedArrayBuffer === "undefined" ? "separate" : "shared",
  timeoutMs = DEFAULT_TIMEOUT_MS,
  startThread = startOwn,
}: ProverOptions = {}): Prover {
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS)
    throw outOfRange("workers", `a whole number from 1 to ${MAX_WORKERS}`);
  if (memory === "shared" && typeof SharedArrayBuffer === "undefined")
    throw new TacitError("NO_SHARED_MEMORY", 'there is no shared memory here: ask for memory "separate"');
  const pool = new Pool({ workers, timeoutMs, startThread });
  const loaded = new Map<ProvingKey, LoadedKey>();

  function find(key: ProvingKey): LoadedKey {
    pool.requireOpen();
    const found = loaded.get(key);
    if (!found) throw unknownKey();
    return found;
  }

  async function witness(key: ProvingKey, inputs: CircuitInputs, { signal }: { signal?: AbortSignal } = {}) {
    return makeWitness(pool, find(key), inputs, signal);
  }

  async function prove(key: ProvingKey, given: FileSource | Witness, options: ProveOptions = {}) {
    const found = find(key);
    return pool.using(found, () => proveWitness(pool, found, given, memory, options));
  }

  return {
    async load(zkey, files = {}, { signal } = {}) {
      pool.requireOpen();
      const key = await loadKey(pool, zkey, files, { workers, memory, signal });
      const { wires, publicInputs, domain } = key.file;
      const handle: ProvingKey = {
        wires,
        publicInputs,
        domain,
        get verificationKey() {
          return key.file.verificationKey;
        },
      };
      loaded.set(handle, key);
      return handle;
    },
    unload(key) {
      const found = loaded.get(key);
      if (!found) return;
      loaded.delete(key);
      pool.unload(found);
    },
    witness,
    prove,
    async proveInputs(key, inputs, options = {}) {
      options.onProgress?.({ step: "witness", fraction: 0 });
      const made = await witness(key, inputs, options);
      return { ...(await prove(key, made, options)), witness: made.timings };
    },
    backend: () => pool.backend(),
    memory: () => pool.memory(),
    close: () => pool.close(),
  };
}
