import { TacitError } from "../protocol/errors.ts";
import { openSource, type FileSource } from "./files/source.ts";
import { openKey, type KeyFile } from "./files/zkey.ts";
import { openKeySections } from "./files/zkeySections.ts";
import type { SharedSource } from "./messages.ts";
import { loadPlan } from "./plan.ts";
import type { KnownKey, Pool } from "./pool.ts";
import type { CircuitFiles } from "./prover.ts";
import { shareFile, type Sharing } from "./sharing.ts";
import type { InputSignal } from "./witness.ts";

/** A key that all threads of a pool have loaded. */
export interface LoadedKey extends KnownKey {
  file: KeyFile;
}

/** Reads a key into the threads of a pool. @throws as `Prover.load` */
export async function loadKey(
  pool: Pool,
  zkey: FileSource,
  files: CircuitFiles,
  { workers, memory, signal }: { workers: number; memory: Sharing; signal?: AbortSignal },
): Promise<LoadedKey> {
  const source = await shareFile(zkey, memory, signal);
  // Threads start while the key is looked at.
  pool.start();
  const sections = await openKeySections(source, { signal });
  await sections.close();
  const program = await readProgram(files, memory, signal);
  const { wires, domain } = sections;
  const id = pool.nextId();
  const key: KnownKey = { id, wires, source, plan: loadPlan(workers, domain), program, users: 0, unwanted: false };
  try {
    const [file] = await pool.run(signal, () =>
      Promise.all([openClosed(source, signal), program && pool.programThread(key), pool.proofThreads(key)]),
    );
    return Object.assign(key, { file });
  } catch (error) {
    pool.unload(key);
    throw error;
  }
}

async function readProgram({ wasm, inputs = [], r1cs }: CircuitFiles, memory: Sharing, signal?: AbortSignal) {
  if (wasm === undefined && r1cs === undefined) return undefined;
  const [module, constraints, signals] = await Promise.all([
    wasm === undefined ? undefined : readAll(wasm, signal).then(compileProgram),
    r1cs === undefined ? undefined : shareFile(r1cs, memory, signal),
    typeof inputs === "string" ? readAll(inputs, signal).then(parseInputs) : inputs,
  ]);
  return { module, inputs: signals, r1cs: constraints };
}

async function compileProgram(bytes: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch {
    throw new TacitError("FILE_FORMAT", "not a sound witness program: it does not compile", { format: "wasm" });
  }
}

function parseInputs(bytes: Uint8Array): InputSignal[] {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as InputSignal[];
  } catch {
    throw new TacitError("FILE_FORMAT", "not a list of input signals: it is no JSON", { format: "json" });
  }
}

/** Reads a key's header. */
async function openClosed(source: SharedSource, signal?: AbortSignal): Promise<KeyFile> {
  const file = await openKey(source, { signal });
  await file.close();
  return file;
}

/** A copy, as browsers neither compile nor decode what lies in shared memory. */
async function readAll(source: FileSource, signal?: AbortSignal): Promise<Uint8Array> {
  const file = await openSource(source, { signal });
  try {
    return (await file.read(0, file.size)).slice();
  } finally {
    await file.close();
  }
}
