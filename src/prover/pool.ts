import { readKernel, type KernelName } from "#prover-runtime";
import { TacitError } from "../protocol/errors.ts";
import { detectBackend, enableRelaxedSimd } from "./engine/backend.ts";
import type { Backend } from "./engine/engine.ts";
import type { SharedSource } from "./messages.ts";
import type { LoadPlan } from "./plan.ts";
import { asTacitError } from "./proofErrors.ts";
import { Thread, ThreadDied, type AnyWorker, type Tag } from "./thread.ts";
import type { InputSignal } from "./witness.ts";

export interface PoolOptions {
  readonly workers: number;
  readonly timeoutMs: number;
  readonly startThread: () => AnyWorker;
}

/** What threads are told of a key. */
export interface KnownKey {
  id: number;
  wires: number;
  source: SharedSource;
  plan: readonly LoadPlan[];
  program?: { module?: WebAssembly.Module; inputs: readonly InputSignal[]; r1cs?: SharedSource };
  /** jobs that need it in the threads, and whether it is to be freed after the last of them */
  users: number;
  unwanted: boolean;
}

/** A thread and what it has been told to load, by key: a thread that died is replaced, and so forgets. */
interface Slot {
  thread: Thread;
  keys: Map<number, Promise<unknown>>;
}

interface Kernels {
  module: WebAssembly.Module;
  backend: Backend;
}

/** Deaths of a thread over one job, after which it is given up. */
const MAX_CRASHES = 2;
/** Among the keys of a thread, what it computes with: comes before all keys. */
const KERNELS = -1;

/** Threads that prove together, what they have loaded, and the jobs that they work at. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #slots: (Slot | undefined)[];
  /** the thread for witnesses */
  #programSlot: Slot | undefined;
  readonly #jobs = new Set<{ fail(error: TacitError): void }>();
  readonly #kernels = kept(startKernels);
  readonly #rowKernel = kept(() => compile("rows"));
  #nextId = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers });
  }

  /** @throws PROVER_CLOSED */
  requireOpen(): void {
    if (this.#closed) throw closedError();
  }

  /** A number that no key, job or proof has had. */
  nextId(): number {
    return this.#nextId++;
  }

  /** Starts the threads for proofs. What goes wrong comes up again when they are to load a key. */
  start(): void {
    this.#slots.forEach((_, index) => void this.#startedSlot(index).catch(() => {}));
  }

  /** The threads for proofs, each with its share of a key. */
  proofThreads(key: KnownKey): Promise<Thread[]> {
    return Promise.all(this.#slots.map((_, index) => this.#proofThread(index, key)));
  }

  /** Ends a proof in the threads, be it done or not. */
  endProof(job: number): void {
    for (const slot of this.#slots) if (slot && !slot.thread.dead) slot.thread.call("end", { job }).catch(() => {});
  }

  /** Takes a key out of the threads, after the jobs that are under way with it. */
  unload(key: KnownKey): void {
    key.unwanted = true;
    this.#freeIfUnwanted(key);
  }

  async backend(): Promise<Backend> {
    return (await this.#kernels()).backend;
  }

  memory(): Promise<{ taken: number; used: number }[]> {
    return Promise.all(
      this.#slots.flatMap((slot) => {
        if (!slot || slot.thread.dead) return [];
        return slot.keys.get(KERNELS)!.then(() => slot.thread.call("memory", {}));
      }),
    );
  }

  /** Ends the threads. What still waits or runs is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#jobs) job.fail(closedError());
    await Promise.all(this.#allSlots().map(({ thread }) => thread.terminate()));
  }

  #alive(slot: Slot | undefined): Slot {
    this.requireOpen();
    if (slot && !slot.thread.dead) return slot;
    let worker: AnyWorker;
    try {
      worker = this.#options.startThread();
    } catch (error) {
      if (error instanceof TacitError) throw error;
      throw new ThreadDied(String(error));
    }
    return { thread: new Thread(worker), keys: new Map() };
  }

  /** A thread for proofs, with its kernels. */
  async #startedSlot(index: number): Promise<Slot> {
    const slot = this.#alive(this.#slots[index]);
    if (slot !== this.#slots[index]) {
      this.#slots[index] = slot;
      const started = this.#kernels().then((which) => slot.thread.call("start", which, { order: -1 }));
      slot.keys.set(KERNELS, started);
    }
    await slot.keys.get(KERNELS);
    return slot;
  }

  /** One that has its share of a key. */
  async #proofThread(index: number, key: KnownKey): Promise<Thread> {
    const slot = await this.#startedSlot(index);
    await this.#once(slot, key, () =>
      slot.thread.call("loadKey", { key: key.id, source: key.source, ...key.plan[index] }),
    );
    return slot.thread;
  }

  /** The thread for witnesses, with the program of a key. */
  async programThread(key: KnownKey): Promise<Thread> {
    const slot = (this.#programSlot = this.#alive(this.#programSlot));
    const { module: program, inputs, r1cs } = key.program!;
    await this.#once(slot, key, async () => {
      const rows = await this.#rowKernel();
      await slot.thread.call("loadProgram", { key: key.id, wires: key.wires, program, inputs, r1cs, rowKernel: rows });
    });
    return slot.thread;
  }

  /** Loads once into a thread; again, if it failed. What a failed one left in the thread is freed. */
  async #once(slot: Slot, { id, users, unwanted }: KnownKey, load: () => Promise<unknown>): Promise<void> {
    // Whoever wanted it has given up meanwhile.
    if (unwanted && users === 0) throw unknownKey();
    let loading = slot.keys.get(id);
    if (!loading) {
      loading = load();
      slot.keys.set(id, loading);
      loading.catch(() => this.#unloadFrom(slot, id));
    }
    await loading;
  }

  #unloadFrom({ keys, thread }: Slot, id: number): void {
    if (keys.delete(id) && !thread.dead) thread.call("unloadKey", { key: id }, { order: -1 }).catch(() => {});
  }

  /** Runs with a key that stays in the threads meanwhile. */
  async using<Result>(key: KnownKey, run: () => Promise<Result>): Promise<Result> {
    key.users++;
    try {
      return await run();
    } finally {
      key.users--;
      this.#freeIfUnwanted(key);
    }
  }

  /** A load that is still under way is waited for: its thread takes commands in order. */
  #freeIfUnwanted({ id, users, unwanted }: KnownKey): void {
    if (unwanted && users === 0) for (const slot of this.#allSlots()) this.#unloadFrom(slot, id);
  }

  /**
   * Runs a job to its end: tries once more when a thread died, stops when aborted, timed out or closed, and leaves no
   * command behind.
   */
  run<Result>(
    signal: AbortSignal | undefined,
    attempt: (tag: Tag, order: number) => Promise<Result>,
    cleanUp: (tag: Tag) => void = () => {},
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#closed) return reject(closedError());
      if (signal?.aborted) return reject(abortedError());
      const { timeoutMs } = this.#options;
      const order = this.nextId();
      let tag: Tag = { dropped: false };
      let settled = false;
      const finish = () => {
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        this.#jobs.delete(job);
        this.#drop(tag);
        cleanUp(tag);
      };
      const job = { fail: (error: TacitError) => (finish(), reject(error)) };
      const abort = () => job.fail(abortedError());
      const timer = setTimeout(() => {
        for (const slot of this.#allSlots()) if (slot.thread.keepsWaiting(tag)) void slot.thread.terminate();
        job.fail(new TacitError("PROVER_TIMEOUT", `not done within ${timeoutMs} ms`, { timeoutMs }));
      }, timeoutMs);
      if (typeof timer === "object") timer.unref();
      signal?.addEventListener("abort", abort);
      this.#jobs.add(job);
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
            if (crashes >= MAX_CRASHES || this.#closed) return job.fail(crashedError(error.message));
            this.#drop(tag);
            cleanUp(tag);
            tag = { dropped: false };
          }
        }
      })();
    });
  }

  #allSlots(): Slot[] {
    return [...this.#slots, this.#programSlot].filter((slot) => slot !== undefined);
  }

  #drop(tag: Tag): void {
    tag.dropped = true;
    for (const { thread } of this.#allSlots()) thread.drop(tag);
  }
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

export function unknownKey(): TacitError {
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
