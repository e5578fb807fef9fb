import { defaultWorkers, readKernel, startThread as startOwn, type KernelName } from "#prover-runtime";
import { TacitError, outOfRange } from "../protocol/errors.ts";
import type { Proof } from "../protocol/proof.ts";
import { detectBackend, enableRelaxedSimd } from "./engine/backend.ts";
import type { Backend } from "./engine/engine.ts";
import { readInteger } from "./files/integers.ts";
import { openSource, type FileSource } from "./files/source.ts";
import { checkValues, readWitness } from "./files/wtns.ts";
import { openKey, type KeyFile, type VerificationKeyJson } from "./files/zkey.ts";
import { openKeySections } from "./files/zkeySections.ts";
import { ProofCheck, beginProof, finishProof } from "./groth16.ts";
import type { Share, SharedSource } from "./messages.ts";
import { loadPlan, proveOn, type Timings } from "./plan.ts";
import { Thread, ThreadDied, type AnyWorker, type Tag } from "./thread.ts";
import type { CircuitInputs, InputSignal } from "./witness.ts";

export { proofToJson, type Proof } from "../protocol/proof.ts";
export { circuitInputs } from "./inputs.ts";
export type { FileSource } from "./files/source.ts";
export type { VerificationKeyJson } from "./files/zkey.ts";
export type { Timings } from "./plan.ts";
export type { AnyWorker } from "./thread.ts";
export type { CircuitInputs, InputSignal, SignalValue } from "./witness.ts";

export interface ProverOptions {
  /** threads that share each proof: one a core is best */
  workers?: number;
  /**
   * How bytes of keys and witnesses reach the threads: in memory that they share, or in a copy for each. Browsers have
   * shared memory on pages that are cross-origin isolated only. It takes less room, and no less time.
   */
  memory?: "shared" | "separate";
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

/** What threads are told of a key. */
interface Known {
  id: number;
  wires: number;
  source: SharedSource;
  plan: ReturnType<typeof loadPlan>;
  program?: { module?: WebAssembly.Module; inputs: readonly InputSignal[]; r1cs?: SharedSource };
  /** jobs that need it in the threads, and whether it is to be freed after the last of them */
  users: number;
  unwanted: boolean;
}

interface Loaded extends Known {
  file: KeyFile;
}

interface Kernels {
  module: WebAssembly.Module;
  backend: Backend;
}

const MAX_CRASHES = 2;
const MAX_WORKERS = 256;
/** Among the keys of a thread, what it computes with: comes before all keys. */
const KERNELS = -1;
const DEFAULT_TIMEOUT_MS = 15 * 60 * 1000;

/** A pool of threads that prove together. It does not keep the process alive while it has nothing to do. */
export function createProver({
  workers = defaultWorkers(),
  memory = typeof SharedArrayBuffer === "undefined" ? "separate" : "shared",
  timeoutMs = DEFAULT_TIMEOUT_MS,
  startThread = startOwn,
}: ProverOptions = {}): Prover {
  const loaded = new Map<ProvingKey, Loaded>();
  const jobs = new Set<{ fail(error: TacitError): void }>();
  const slots: (Slot | undefined)[] = Array.from({ length: workers });
  let witnessSlot: Slot | undefined;
  const kernels = kept(startKernels);
  const rowKernel = kept(() => compile("rows"));
  let nextId = 0;
  let closed = false;
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS)
    throw outOfRange("workers", `a whole number from 1 to ${MAX_WORKERS}`);
  if (memory === "shared" && typeof SharedArrayBuffer === "undefined")
    throw new TacitError("NO_SHARED_MEMORY", 'there is no shared memory here: ask for memory "separate"');

  /** A thread and what it has been told to load, by key: a thread that died is replaced, and so forgets. */
  interface Slot {
    thread: Thread;
    keys: Map<number, Promise<unknown>>;
  }

  function alive(slot: Slot | undefined): Slot {
    if (closed) throw closedError();
    if (slot && !slot.thread.dead) return slot;
    let worker: AnyWorker;
    try {
      worker = startThread();
    } catch (error) {
      if (error instanceof TacitError) throw error;
      throw new ThreadDied(String(error));
    }
    return { thread: new Thread(worker), keys: new Map() };
  }

  /** A thread for proofs, with its kernels. */
  async function startedSlot(index: number): Promise<Slot> {
    const slot = alive(slots[index]);
    if (slot !== slots[index]) {
      slots[index] = slot;
      const started = kernels().then((which) => slot.thread.call("start", which, { order: -1 }));
      slot.keys.set(KERNELS, started);
    }
    await slot.keys.get(KERNELS);
    return slot;
  }

  /** One that has its share of a key. */
  async function proofSlot(index: number, key: Known): Promise<Thread> {
    const slot = await startedSlot(index);
    await once(slot, key, () => slot.thread.call("loadKey", { key: key.id, source: key.source, ...key.plan[index] }));
    return slot.thread;
  }

  /** The thread for witnesses, with the program of a key. */
  async function programSlot(key: Known): Promise<Thread> {
    const slot = (witnessSlot = alive(witnessSlot));
    const { module: program, inputs, r1cs } = key.program!;
    await once(slot, key, async () => {
      const rows = await rowKernel();
      await slot.thread.call("loadProgram", { key: key.id, wires: key.wires, program, inputs, r1cs, rowKernel: rows });
    });
    return slot.thread;
  }

  /** Loads once into a thread; again, if it failed. What a failed one left in the thread is freed. */
  async function once(slot: Slot, { id, users, unwanted }: Known, load: () => Promise<unknown>): Promise<void> {
    // Whoever wanted it has given up meanwhile.
    if (unwanted && users === 0) throw unknownKey();
    let loading = slot.keys.get(id);
    if (!loading) {
      loading = load();
      slot.keys.set(id, loading);
      loading.catch(() => unloadFrom(slot, id));
    }
    await loading;
  }

  function unloadFrom({ keys, thread }: Slot, id: number): void {
    if (keys.delete(id) && !thread.dead) thread.call("unloadKey", { key: id }, { order: -1 }).catch(() => {});
  }

  /** Runs with a key that stays in the threads meanwhile. */
  async function using<Result>(key: Known, run: () => Promise<Result>): Promise<Result> {
    key.users++;
    try {
      return await run();
    } finally {
      key.users--;
      freeIfUnwanted(key);
    }
  }

  /** A load that is still under way is waited for: its thread takes commands in order. */
  function freeIfUnwanted({ id, users, unwanted }: Known): void {
    if (unwanted && users === 0) for (const slot of allSlots()) unloadFrom(slot, id);
  }

  /**
   * Runs a job to its end: tries once more when a thread died, stops when aborted, timed out or closed, and leaves no
   * command behind.
   */
  function run<Result>(
    signal: AbortSignal | undefined,
    attempt: (tag: Tag, order: number) => Promise<Result>,
    cleanUp: (tag: Tag) => void = () => {},
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (closed) return reject(closedError());
      if (signal?.aborted) return reject(abortedError());
      const order = nextId++;
      let tag: Tag = { dropped: false };
      let settled = false;
      const finish = () => {
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        jobs.delete(job);
        drop(tag);
        cleanUp(tag);
      };
      const job = { fail: (error: TacitError) => (finish(), reject(error)) };
      const abort = () => job.fail(abortedError());
      const timer = setTimeout(() => {
        for (const slot of allSlots()) if (slot.thread.keepsWaiting(tag)) void slot.thread.terminate();
        job.fail(new TacitError("PROVER_TIMEOUT", `not done within ${timeoutMs} ms`, { timeoutMs }));
      }, timeoutMs);
      if (typeof timer === "object") timer.unref();
      signal?.addEventListener("abort", abort);
      jobs.add(job);
      void (async () => {
        for (let crashes = 1; ; crashes++) {
          try {
            const result = await attempt(tag, order);
            if (settled) return;
            finish();
            return resolve(result);
          } catch (error) {
            if (settled) return;
            if (!(error instanceof ThreadDied)) return job.fail(asTacitError(error));
            if (crashes >= MAX_CRASHES || closed) return job.fail(crashedError(error.message));
            drop(tag);
            cleanUp(tag);
            tag = { dropped: false };
          }
        }
      })();
    });
  }

  const allSlots = () => [...slots, witnessSlot].filter((slot) => slot !== undefined);
  function drop(tag: Tag): void {
    tag.dropped = true;
    for (const { thread } of allSlots()) thread.drop(tag);
  }

  function find(key: ProvingKey): Loaded {
    if (closed) throw closedError();
    const found = loaded.get(key);
    if (!found) throw unknownKey();
    return found;
  }

  /** A file is read by each thread, its part; all else once, here. */
  async function share(source: FileSource, signal?: AbortSignal): Promise<SharedSource> {
    const file = await openSource(source, { signal });
    try {
      if (file.path !== undefined) return file.path;
      if (memory === "separate") return await file.read(0, file.size);
      const bytes = new Uint8Array(new SharedArrayBuffer(file.size));
      await file.readInto(0, bytes);
      return bytes;
    } finally {
      await file.close();
    }
  }

  function shared(bytes: Uint8Array): Uint8Array {
    if (memory === "separate" || bytes.buffer instanceof SharedArrayBuffer) return bytes;
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  }

  async function load(zkey: FileSource, files: CircuitFiles = {}, { signal }: { signal?: AbortSignal } = {}) {
    if (closed) throw closedError();
    const source = await share(zkey, signal);
    // Threads start while the key is looked at; what goes wrong there comes up again when they are to load it.
    slots.forEach((_, index) => void startedSlot(index).catch(() => {}));
    const sections = await openKeySections(source, { signal });
    await sections.close();
    const program = await readProgram(files, signal);
    const { wires, publicInputs, domain } = sections;
    const id = nextId++;
    const known: Known = { id, wires, source, plan: loadPlan(workers, domain), program, users: 0, unwanted: false };
    let file: KeyFile;
    try {
      [file] = await run(signal, () =>
        Promise.all([
          openClosed(source, signal),
          program && programSlot(known),
          ...slots.map((_, index) => proofSlot(index, known)),
        ]),
      );
    } catch (error) {
      known.unwanted = true;
      freeIfUnwanted(known);
      throw error;
    }
    const key: Loaded = Object.assign(known, { file });
    const handle: ProvingKey = {
      wires,
      publicInputs,
      domain,
      get verificationKey() {
        return file.verificationKey;
      },
    };
    loaded.set(handle, key);
    return handle;
  }

  async function readProgram({ wasm, inputs = [], r1cs }: CircuitFiles, signal?: AbortSignal) {
    if (wasm === undefined && r1cs === undefined) return undefined;
    const [module, constraints, signals] = await Promise.all([
      wasm === undefined ? undefined : readAll(wasm, signal).then(compileProgram),
      r1cs === undefined ? undefined : share(r1cs, signal),
      typeof inputs === "string" ? readAll(inputs, signal).then(parseInputs) : inputs,
    ]);
    return { module, inputs: signals, r1cs: constraints };
  }

  async function witness(key: ProvingKey, inputs: CircuitInputs, { signal }: { signal?: AbortSignal } = {}) {
    const known = find(key);
    if (!known.program?.module) throw new TacitError("NO_PROGRAM", "the key was loaded without a witness program");
    const attempt = async (tag: Tag, order: number): Promise<Witness> => {
      const thread = await programSlot(known);
      const made = await thread.call("witness", { key: known.id, inputs }, { order, tag });
      return { values: made.witness, timings: { witnessMs: made.witnessMs, checkMs: made.checkMs } };
    };
    return using(known, () => run(signal, attempt));
  }

  async function prove(key: ProvingKey, given: FileSource | Witness, options: ProveOptions = {}): Promise<Proved> {
    const known = find(key);
    return using(known, () => proveWith(known, given, options));
  }

  async function proveWith(known: Loaded, given: FileSource | Witness, options: ProveOptions): Promise<Proved> {
    const { signal, onProgress, check = true } = options;
    const { file, wires } = known;
    const started = performance.now();
    const values = shared(isWitness(given) ? given.values : await readWitness(given, { wires, signal }));
    if (values.length !== 32 * wires) throw mismatch(wires, values.length / 32);
    if (isWitness(given)) checkValues(values);
    const readMs = performance.now() - started;
    const ids = new Map<Tag, number>();
    const end = (tag: Tag) => {
      const job = ids.get(tag);
      if (job === undefined) return;
      ids.delete(tag);
      for (const slot of slots) if (slot && !slot.thread.dead) slot.thread.call("end", { job }).catch(() => {});
    };
    return run(
      signal,
      async (tag, order) => {
        const threads = await Promise.all(slots.map((_, index) => proofSlot(index, known)));
        // Without the check of the proof, that of the constraints comes first, if there are any.
        if (!check && known.program?.r1cs !== undefined) await checkConstraints(known, values, tag);
        const id = nextId++;
        ids.set(tag, id);
        const publicInputs = Array.from({ length: file.publicInputs }, (_, i) => readInteger(values, 32 * (i + 1)));
        const sums = proveOn(threads, {
          id,
          key: known.id,
          domain: file.domain,
          shares: known.plan.map((part): Share => part.share),
          witness: values,
          order,
          tag,
          onFraction: (fraction) => onProgress?.({ step: "proof", fraction }),
        });
        const [a, b] = await Promise.all([sums.a, sums.b]);
        // The others are busy with the last sum, and wait for no command: time for what this thread has to do.
        const checking = check ? new ProofCheck(file.points, file.ic, publicInputs) : undefined;
        const begun = beginProof({ a, b }, file.points);
        checking?.begin(begun);
        const c = await sums.c;
        const summed = performance.now();
        const proof = finishProof(begun, c);
        if (checking && !checking.holds(proof)) await explain(known, values, tag);
        const now = performance.now();
        return {
          proof,
          publicInputs,
          timings: {
            ...sums.timings,
            readMs,
            finishMs: now - summed,
            totalMs: now - started,
          },
        };
      },
      end,
    );
  }

  /** @throws TacitError WITNESS */
  async function checkConstraints(key: Known, values: Uint8Array, tag: Tag): Promise<void> {
    const thread = await programSlot(key);
    await thread.call("checkWitness", { key: key.id, witness: values }, { tag });
  }

  /** Why a proof does not hold: always throws. */
  async function explain(key: Known, values: Uint8Array, tag: Tag): Promise<never> {
    if (key.program?.r1cs !== undefined) {
      await checkConstraints(key, values, tag);
      throw new TacitError(
        "PROVE_FAILED",
        "the witness is right, and yet the proof does not hold: the key is defective",
      );
    }
    const advice = "load the key with its .r1cs to learn which constraint";
    throw new TacitError("WITNESS", `the witness does not satisfy the circuit of this key: ${advice}`);
  }

  return {
    load,
    unload(key) {
      const known = loaded.get(key);
      if (!known) return;
      loaded.delete(key);
      known.unwanted = true;
      freeIfUnwanted(known);
    },
    witness,
    prove,
    async proveInputs(key, inputs, options = {}) {
      options.onProgress?.({ step: "witness", fraction: 0 });
      const made = await witness(key, inputs, options);
      return { ...(await prove(key, made, options)), witness: made.timings };
    },
    backend: async () => (await kernels()).backend,
    memory: () =>
      Promise.all(
        slots.flatMap((slot) => {
          if (!slot || slot.thread.dead) return [];
          return slot.keys.get(KERNELS)!.then(() => slot.thread.call("memory", {}));
        }),
      ),
    async close() {
      closed = true;
      for (const job of jobs) job.fail(closedError());
      await Promise.all(allSlots().map(({ thread }) => thread.terminate()));
    },
  };
}

/** Makes something once; again, if that failed. */
function kept<Result>(make: () => Promise<Result>): () => Promise<Result> {
  let made: Promise<Result> | undefined;
  return () => {
    if (!made) {
      made = make();
      made.catch(() => (made = undefined));
    }
    return made;
  };
}

async function startKernels(): Promise<Kernels> {
  enableRelaxedSimd();
  const backend = detectBackend();
  return { backend, module: await compile(backend) };
}

async function compile(kernel: KernelName): Promise<WebAssembly.Module> {
  return WebAssembly.compile((await readKernel(kernel)) as Uint8Array<ArrayBuffer>);
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

function isWitness(given: FileSource | Witness): given is Witness {
  return typeof given === "object" && "values" in given && given.values instanceof Uint8Array;
}

function asTacitError(error: unknown): TacitError {
  if (error instanceof TacitError) return error;
  return new TacitError("PROVE_FAILED", `the proof failed: ${error instanceof Error ? error.message : "no reason"}`);
}

function mismatch(wires: number, size: number): TacitError {
  return new TacitError("WITNESS_MISMATCH", `the key is for ${wires} wires, not for ${size}`, { wires, count: size });
}

function unknownKey(): TacitError {
  return new TacitError("UNKNOWN_KEY", "the prover has no such key: it was not loaded here, or unloaded");
}

function crashedError(cause: string): TacitError {
  return new TacitError("PROVER_CRASHED", `the prover could not work on a proof: ${cause}`, { cause });
}

function closedError(): TacitError {
  return new TacitError("PROVER_CLOSED", "the prover is closed");
}

function abortedError(): TacitError {
  return new TacitError("ABORTED", "the proof was no longer wanted");
}
