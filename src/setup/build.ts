/**
 * Builds circuits: mains from the instruction table, compiled and given keys by worker threads. What is up to date is
 * left alone, by content: sources, compiler and flags for what the compiler writes, the .r1cs for the keys.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import { CIRCUIT_NAMES, publicInputNames, type CircuitName, type ProfileName } from "../protocol/instructions.ts";
import { startWorker } from "../prover/startWorker.ts";
import { DEVELOPMENT_KEY_VERSION } from "./keys/developmentKey.ts";
import {
  ceremonyEntries,
  compareKeys,
  expectedConstraints,
  publishKeys,
  requirePublishable,
  type ManifestEntry,
} from "./keys/manifest.ts";
import { requireReplaceable } from "./keys/replaceable.ts";
import { BUILD, IS_CHECKOUT, KEYS, builtFiles, circuitFolder, type BuiltFiles } from "./folders.ts";
import type { FromBuilder, Task, TaskResults } from "./messages.ts";
import { circomVersion, mainOf, sourcesHash } from "./sources.ts";
import { currentHash, readStamp, stampFile, unchanged, writeStamp, type Stamp } from "./stamp.ts";
import { writeWhole } from "./writeWhole.ts";

export { BUILD, KEYS, builtFiles, circuitFolder, type BuiltFiles } from "./folders.ts";
export { checkManifest } from "./keys/manifest.ts";

export interface BuildProgress {
  name: string;
  step: "compile" | "key" | "done";
  /** of the step, 0 to 1 */
  fraction: number;
}

export interface BuiltCircuit {
  name: string;
  folder: string;
  files: BuiltFiles;
  stamp: Required<Stamp>;
}

export interface CircuitSource {
  name: string;
  /** where its files go; `main.circom` is written there */
  folder: string;
  main: string;
  /** names that the public values must have, in this order */
  outputs?: readonly string[];
  /** entry of the manifest, if a ceremony made its key: where the build folder has that key, it stays */
  ceremony?: ManifestEntry;
}

export interface BuildOptions {
  workers?: number;
  onProgress?: (progress: BuildProgress) => void;
}

export interface BuildAllOptions extends BuildOptions {
  profile: ProfileName;
  names?: readonly CircuitName[];
  /**
   * write verification keys and manifest to keys/, where a change is a visible diff; else they are compared. If not given, only
   * in a checkout, and what is built in its own folder
   */
  publish?: boolean;
  build?: string;
  keys?: string;
}

/**
 * Builds the circuits of a profile, with development keys. A key that is none is never replaced: one that the manifest
 * names is left in its place, any other refused.
 * @throws TacitError CIRCUIT_SOURCE, CIRCUIT_COMPILE, CIRCUIT_WARNING, PUBLIC_INPUTS, MANIFEST_MISMATCH, BUILD_FAILED,
 *         KEY_NOT_DEVELOPMENT; those about one circuit name it in `details.circuit`
 */
export async function buildAll({
  profile,
  names = CIRCUIT_NAMES,
  build = BUILD,
  publish = IS_CHECKOUT && build === BUILD,
  keys = KEYS,
  ...options
}: BuildAllOptions): Promise<BuiltCircuit[]> {
  const ceremonies = await ceremonyEntries(profile, keys);
  if (publish) await requirePublishable(profile, names, keys);
  const sources = names.map((name) => ({
    name,
    ceremony: ceremonies.get(name),
    folder: circuitFolder(profile, name, build),
    main: mainOf(profile, name),
    outputs: publicInputNames(name),
  }));
  // The largest first, as far as known: so the last to end is a small one.
  const sizes = await expectedConstraints(profile, keys);
  const bySize = [...sources].sort((a, b) => (sizes.get(b.name) ?? 0) - (sizes.get(a.name) ?? 0));
  const built = await buildCircuits(bySize, options);
  if (publish) await publishKeys(profile, built, keys);
  else await compareKeys(profile, built, keys);
  return sources.map(({ name }) => built.find((circuit) => circuit.name === name)!);
}

interface Progressing {
  source: CircuitSource;
  sources: string;
  stamp: Partial<Stamp>;
}

interface QueuedTask {
  circuit: Progressing;
  task: Task;
}

/** Builds circuits in the given order; a circuit's key is made as soon as it is compiled, while others compile. */
export async function buildCircuits(
  sources: readonly CircuitSource[],
  { workers = Math.max(2, availableParallelism()), onProgress = () => {} }: BuildOptions = {},
): Promise<BuiltCircuit[]> {
  const queue: QueuedTask[] = [];
  const circuits: Progressing[] = [];
  for (const source of sources) {
    const main = join(source.folder, "main.circom");
    const stamp: Partial<Stamp> = (await readStamp(source.folder)) ?? {};
    const compiler = circomVersion() ?? stamp.compiled?.circom;
    const sources = await inCircuit(source.name, () => sourcesHash(main, source.main, compiler));
    const circuit: Progressing = { source, sources, stamp };
    circuits.push(circuit);
    const task = await inCircuit(source.name, () => nextTask(circuit));
    if (task?.step === "compile") await writeWhole(main, source.main);
    if (task) queue.push({ circuit, task });
    else onProgress({ name: source.name, step: "done", fraction: 1 });
  }
  if (queue.length > 0) await runTasks(queue, Math.min(workers, queue.length), onProgress);
  return circuits.map(({ source: { name, folder }, stamp }) => ({
    name,
    folder,
    files: builtFiles(folder),
    stamp: stamp as Required<Stamp>,
  }));
}

/**
 * What the circuit needs next, or undefined if it is up to date.
 * @throws TacitError KEY_NOT_DEVELOPMENT  a key would have to be replaced that no build made
 */
async function nextTask({ source, sources, stamp }: Progressing): Promise<Task | undefined> {
  const { folder, outputs, ceremony } = source;
  const { compiled, key } = stamp;
  const files = builtFiles(folder);
  const isCompiled = compiled && compiled.sources === sources && (await unchanged(compiled.files, files));
  const r1cs = compiled?.files.r1cs.sha256;
  const hasKey = key && key.version === DEVELOPMENT_KEY_VERSION && key.r1cs === r1cs;
  if (isCompiled && hasKey && (await unchanged(key.files, files))) return undefined;
  if (ceremony && (await currentHash(files.zkey, undefined)) === ceremony.zkey) {
    if (!isCompiled) return { step: "compile", folder, outputs };
    if (r1cs === ceremony.r1cs) {
      const { domainPower, vkey } = ceremony;
      const none = { size: 0, mtimeMs: 0 };
      const kept = { zkey: await stampFile(files.zkey), vkey: { ...none, sha256: vkey } };
      stamp.key = { version: DEVELOPMENT_KEY_VERSION, r1cs, domainPower, files: kept };
      return undefined;
    }
  }
  // Before hours are spent, or minutes.
  for (const path of [files.zkey, files.vkey]) await requireReplaceable(path);
  return isCompiled ? { step: "key", folder, r1cs: r1cs! } : { step: "compile", folder, outputs };
}

/** Runs tasks, and those that follow from them, on a few threads. The first failure ends all. */
async function runTasks(queue: QueuedTask[], count: number, onProgress: (progress: BuildProgress) => void) {
  const threads: Worker[] = [];
  try {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const worker = startWorker(new URL("./buildThread.js", import.meta.url));
        threads.push(worker);
        for (let next = queue.shift(); next; next = queue.shift()) {
          const { circuit, task } = next;
          const { name, folder } = circuit.source;
          const progress = (fraction: number) => onProgress({ name, step: task.step, fraction });
          progress(0);
          const result = await inCircuit(name, () => runTask(worker, task, progress));
          if (task.step === "compile")
            circuit.stamp.compiled = {
              sources: circuit.sources,
              circom: circomVersion()!,
              ...(result as TaskResults["compile"]),
            };
          else circuit.stamp.key = result as TaskResults["key"];
          await writeStamp(folder, circuit.stamp as Stamp);
          progress(1);
          const following = await inCircuit(name, () => nextTask(circuit));
          // Keys first, and on this thread: another compilation can wait, and begins on the next free one.
          if (following?.step === "compile")
            throw new TacitError("BUILD_FAILED", `files of ${name} changed while they were built`, { circuit: name });
          if (following) queue.unshift({ circuit, task: following });
          else onProgress({ name, step: "done", fraction: 1 });
        }
      }),
    );
  } finally {
    queue.length = 0;
    await Promise.all(threads.map((worker) => worker.terminate()));
  }
}

function runTask(worker: Worker, task: Task, onProgress: (fraction: number) => void) {
  return new Promise<TaskResults[keyof TaskResults]>((resolve, reject) => {
    const settle = (finish: () => void) => {
      worker.off("message", hear).off("error", fail).off("exit", end);
      finish();
    };
    const hear = (message: FromBuilder) => {
      if (message.kind === "progress") onProgress(message.fraction);
      else if (message.kind === "done") settle(() => resolve(message.result));
      else settle(() => reject(new TacitError(message.code, message.message, message.details)));
    };
    const fail = (error: Error) => settle(() => reject(new TacitError("BUILD_FAILED", error.message)));
    const end = () => settle(() => reject(new TacitError("BUILD_FAILED", "a thread of the build ended early")));
    worker.on("message", hear).on("error", fail).on("exit", end);
    worker.postMessage(task);
  });
}

/** Says in an error which circuit it is about. */
async function inCircuit<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TacitError)) throw error;
    throw new TacitError(error.code, `${name}: ${error.message}`, { ...error.details, circuit: name });
  }
}
