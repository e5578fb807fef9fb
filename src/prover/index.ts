import { open, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import type { Circuit, FromWorker, Proved, ProveProgress, ToWorker } from "./messages.ts";
import { badFile, dataView, readSections, section } from "./sections.ts";
import { startWorker } from "./startWorker.ts";
import { WitnessProgram, type CircuitInputs, type InputSignal } from "./witness.ts";

export type { Proof } from "../protocol/proof.ts";
export type { Proved, ProveProgress } from "./messages.ts";
export type { CircuitInputs, InputSignal, SignalValue } from "./witness.ts";

/** A path, or the bytes themselves. */
export type FileSource = string | Uint8Array;

export interface CircuitFiles {
  wasm: FileSource;
  zkey: FileSource;
  /** the circuit's inputs (the build writes them to inputs.json): errors can then name a missing one */
  inputs?: string | readonly InputSignal[];
}

export interface ProveOptions {
  signal?: AbortSignal;
  onProgress?: (progress: ProveProgress) => void;
}

export interface Prover {
  /**
   * Makes a circuit known under a name; a second call replaces it for later jobs.
   * @throws TacitError FILE_FORMAT, KEY_MISMATCH (program and key are of different circuits), PROVER_CLOSED
   */
  load(name: string, files: CircuitFiles): Promise<void>;
  /**
   * Proves that the circuit accepts these inputs. Jobs wait their turn in order.
   * @throws TacitError WITNESS_INPUT, WITNESS, UNKNOWN_CIRCUIT, ABORTED, PROVER_CRASHED (a worker died twice over this
   *         job), PROVER_TIMEOUT, PROVER_CLOSED, PROVE_FAILED
   */
  prove(name: string, inputs: CircuitInputs, options?: ProveOptions): Promise<Proved>;
  /** Ends the workers. What still waits or runs is rejected. */
  close(): Promise<void>;
}

export interface ProverOptions {
  /** threads, each of which proves alone: one a core gives the best throughput */
  workers?: number;
  /** after so long a job is given up */
  timeoutMs?: number;
  /** how to start a thread; tests start such that can be killed */
  startThread?: () => Worker;
}

interface Job {
  id: number;
  name: string;
  circuit: Circuit;
  inputs: CircuitInputs;
  crashes: number;
  onProgress?: (progress: ProveProgress) => void;
  /** both end the job, once; later calls have no effect */
  resolve(result: Proved): void;
  reject(error: TacitError): void;
}

interface Thread {
  worker: Worker;
  ready: boolean;
  circuits: Map<string, Circuit>;
  job?: Job;
  timer?: NodeJS.Timeout;
}

const MAX_CRASHES = 2;
const DEFAULT_TIMEOUT_MS = 15 * 60 * 1000;
const THREAD = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** A pool of threads that prove. It does not keep the process alive while it has nothing to do. */
export function createProver({
  workers = availableParallelism(),
  timeoutMs = DEFAULT_TIMEOUT_MS,
  startThread = () => startWorker(THREAD),
}: ProverOptions = {}): Prover {
  const circuits = new Map<string, Circuit>();
  const threads = new Set<Thread>();
  const queue: Job[] = [];
  let nextId = 0;
  let closed = false;

  function start(): Thread {
    const worker = startThread();
    const thread: Thread = { worker, ready: false, circuits: new Map() };
    threads.add(thread);
    worker.on("message", (message: FromWorker) => receive(thread, message));
    worker.on("error", (error) => died(thread, error instanceof Error ? error.message : String(error)));
    worker.on("messageerror", () => died(thread, "a message could not be read"));
    worker.on("exit", (code) => died(thread, `the thread ended with code ${code}`));
    worker.unref();
    for (const [name, circuit] of circuits) teach(thread, name, circuit);
    return thread;
  }

  function teach(thread: Thread, name: string, circuit: Circuit): void {
    if (thread.circuits.get(name) === circuit) return;
    thread.circuits.set(name, circuit);
    send(thread, { kind: "circuit", name, circuit });
  }

  function send(thread: Thread, message: ToWorker): void {
    thread.worker.postMessage(message);
  }

  function receive(thread: Thread, message: FromWorker): void {
    if (message.kind === "ready") thread.ready = true;
    const { job } = thread;
    // Words of a thread about a job that it no longer has come too late.
    if (message.kind === "ready" || message.id !== job?.id) return;
    if (message.kind === "progress") {
      job.onProgress?.({ step: message.step, fraction: message.fraction });
      return;
    }
    release(thread);
    if (message.kind === "proved") job.resolve(message.result);
    else job.reject(new TacitError(message.code, message.message, message.details));
    pump();
  }

  function release(thread: Thread): void {
    clearTimeout(thread.timer);
    thread.job = undefined;
    thread.worker.unref();
  }

  /** Takes a thread out of the pool; its job, if any, is the caller's to settle. */
  function remove(thread: Thread): void {
    if (!threads.delete(thread)) return;
    release(thread);
    void thread.worker.terminate();
  }

  function died(thread: Thread, cause: string): void {
    if (!threads.has(thread)) return;
    const { job, ready } = thread;
    remove(thread);
    if (job) {
      job.crashes++;
      if (job.crashes < MAX_CRASHES) queue.unshift(job);
      else job.reject(crashedError(cause));
    }
    // One that could not even start is replaced only for a job, or it would be replaced for ever.
    if (ready) warmUp();
    pump();
  }

  function pump(): void {
    while (!closed && queue.length > 0) {
      let thread = [...threads].find((candidate) => !candidate.job);
      if (!thread && threads.size >= workers) return;
      const job = queue.shift()!;
      try {
        thread ??= start();
        assign(thread, job);
      } catch (error) {
        if (thread?.job) release(thread);
        job.reject(badJob(error));
      }
    }
  }

  function assign(thread: Thread, job: Job): void {
    teach(thread, job.name, job.circuit);
    thread.job = job;
    send(thread, { kind: "prove", id: job.id, name: job.name, inputs: job.inputs });
    thread.worker.ref();
    thread.timer = setTimeout(() => {
      replace(thread);
      job.reject(new TacitError("PROVER_TIMEOUT", `no proof within ${timeoutMs} ms`, { timeoutMs }));
      pump();
    }, timeoutMs);
  }

  function replace(thread: Thread): void {
    remove(thread);
    warmUp();
  }

  /** Starts a thread ahead of the job that will need it. If that fails, it is for that job to try again and to tell. */
  function warmUp(): void {
    if (closed || threads.size >= workers) return;
    try {
      start();
    } catch {
      return;
    }
  }

  return {
    async load(name, files) {
      if (closed) throw closedError();
      const circuit = await readCircuit(files);
      if (closed) throw closedError();
      circuits.set(name, circuit);
      while (threads.size < workers) start();
      for (const thread of threads) if (!thread.job) teach(thread, name, circuit);
    },

    prove(name, inputs, { signal, onProgress } = {}) {
      return new Promise<Proved>((resolve, reject) => {
        const circuit = circuits.get(name);
        if (closed) return reject(closedError());
        if (!circuit) return reject(new TacitError("UNKNOWN_CIRCUIT", `no circuit was loaded as ${name}`, { name }));
        if (signal?.aborted) return reject(abortedError());
        const settle = () => signal?.removeEventListener("abort", abort);
        const job: Job = {
          id: nextId++,
          name,
          circuit,
          inputs,
          crashes: 0,
          onProgress,
          resolve: (result) => (settle(), resolve(result)),
          reject: (error) => (settle(), reject(error)),
        };
        const abort = () => {
          const waiting = queue.indexOf(job);
          if (waiting >= 0) queue.splice(waiting, 1);
          const thread = [...threads].find((candidate) => candidate.job === job);
          if (thread) replace(thread);
          job.reject(abortedError());
          pump();
        };
        signal?.addEventListener("abort", abort);
        queue.push(job);
        pump();
      });
    },

    async close() {
      closed = true;
      const jobs = [...queue.splice(0), ...[...threads].flatMap(({ job }) => job ?? [])];
      const ends = [...threads].map((thread) => {
        threads.delete(thread);
        release(thread);
        return thread.worker.terminate();
      });
      for (const job of jobs) job.reject(closedError());
      await Promise.all(ends);
    },
  };
}

async function readCircuit({ wasm, zkey, inputs = [] }: CircuitFiles): Promise<Circuit> {
  const key = await readShared(zkey);
  const { wires, publicInputs } = readKeyHeader(key);
  const program = await compile(typeof wasm === "string" ? await readFile(wasm) : wasm);
  const { size } = await WitnessProgram.start(program);
  if (size !== wires)
    throw new TacitError("KEY_MISMATCH", `the key is for ${wires} wires, the witness program makes ${size}`, {
      wires,
      size,
    });
  const signals = typeof inputs === "string" ? (JSON.parse(await readFile(inputs, "utf8")) as InputSignal[]) : inputs;
  return { program, zkey: key, publicInputs, inputs: signals };
}

async function compile(wasm: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(wasm as Uint8Array<ArrayBuffer>);
  } catch {
    throw new TacitError("FILE_FORMAT", "not a sound witness program: it does not compile", { format: "wasm" });
  }
}

/** Reads into memory that all threads share. */
async function readShared(source: FileSource): Promise<Uint8Array> {
  if (typeof source !== "string") {
    const bytes = new Uint8Array(new SharedArrayBuffer(source.length));
    bytes.set(source);
    return bytes;
  }
  const file = await open(source);
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer((await file.stat()).size));
    for (let at = 0; at < bytes.length;) {
      const { bytesRead } = await file.read(bytes, at, Math.min(bytes.length - at, 1 << 26), at);
      if (bytesRead === 0) throw badFile("zkey", "it shrank while it was read");
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Size checks of a Groth16 key over bn254, so that a broken file is an error here and not a wrong proof later. */
function readKeyHeader(bytes: Uint8Array): { wires: number; publicInputs: number } {
  const sections = readSections(bytes, "zkey");
  if (dataView(section(sections, 1, "zkey")).getUint32(0, true) !== 1) throw badFile("zkey", "expected Groth16");
  const head = section(sections, 2, "zkey");
  if (head.length !== 84 + 3 * 64 + 3 * 128) throw badFile("zkey", "expected the curve bn254");
  const [wires, publicInputs, domain] = [72, 76, 80].map((at) => dataView(head).getUint32(at, true));
  const lengths: [id: number, length: number][] = [
    [3, 64 * (publicInputs + 1)],
    [5, 64 * wires],
    [6, 64 * wires],
    [7, 128 * wires],
    [8, 64 * (wires - publicInputs - 1)],
    [9, 64 * domain],
  ];
  for (const [id, length] of lengths)
    if (section(sections, id, "zkey").length !== length) throw badFile("zkey", `section ${id} has a wrong length`);
  return { wires, publicInputs };
}

function badJob(error: unknown): TacitError {
  if (error instanceof Error && error.name === "DataCloneError")
    return new TacitError(
      "WITNESS_INPUT",
      "the inputs hold something that is neither a bigint, an array nor an object",
      {
        problem: "value",
      },
    );
  return crashedError(error instanceof Error ? error.message : String(error));
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
