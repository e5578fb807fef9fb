import { existsSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import { startWorker } from "../prover/startWorker.ts";
import { prepareKeys } from "../verifier/index.ts";
import type { Answer, Question } from "./proofThread.ts";
import type { ProverFiles, RoundProver } from "./provers.ts";

/** Written by `npm run build:kernels`, and after `npm ci`. */
const BUNDLE = new URL("../../build/kernels/proofs.js", import.meta.url);
const SOURCE = new URL("./proofThread.ts", import.meta.url);

type Asked = Extract<Question, { id: number }>;
/** Of a union, each without its id. */
type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

/**
 * Proofs and their checks beside this thread, by a pool of threads. A thread that dies takes what was asked of it along: it
 * is then started anew when it is next asked.
 * @param workers  threads that share each proof: one a core when left out
 * @throws  as prepareKeys, when a verification key is none
 */
export function localProver(files: ProverFiles, { workers }: { workers?: number } = {}): RoundProver {
  // What is wrong with a key is told here, and not by a thread that dies of it.
  prepareKeys(files.keys);
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let thread: Worker | null = null;
  let closed = false;
  let asked = 0;

  function start(): Worker {
    const started = startWorker(existsSync(BUNDLE) ? BUNDLE : SOURCE);
    started.unref();
    started.on("message", (answer: Answer) => {
      const { resolve, reject } = waiting.get(answer.id)!;
      waiting.delete(answer.id);
      if (waiting.size === 0) started.unref();
      if (!("error" in answer)) return resolve(answer.value as never);
      const { code, message, details } = answer.error;
      reject(new TacitError(code, message, details));
    });
    const died = (why: string) => {
      if (thread !== started) return;
      thread = null;
      const error = new TacitError("THREAD_DIED", `the thread that makes the proofs has died: ${why}`);
      for (const [id, { reject }] of waiting) {
        waiting.delete(id);
        reject(error);
      }
    };
    started.on("error", (error) => died(error.message));
    started.on("exit", (code) => died(`it ended with ${code}`));
    started.postMessage({ kind: "open", files, workers } satisfies Question);
    return started;
  }

  function ask<T>(question: WithoutId<Asked>, signal?: AbortSignal): Promise<T> {
    if (closed) return Promise.reject(new TacitError("CLOSED", "the prover is closed"));
    if (signal?.aborted) return Promise.reject(new TacitError("ABORTED", "the proof was called off"));
    const to = (thread ??= start());
    const id = ++asked;
    const answer = new Promise<T>((resolve, reject) => waiting.set(id, { resolve, reject }));
    to.ref();
    to.postMessage({ ...question, id });
    const abort = () => to.postMessage({ kind: "abort", id } satisfies Question);
    signal?.addEventListener("abort", abort);
    return answer.finally(() => signal?.removeEventListener("abort", abort));
  }

  return {
    // One is proved, while the witness of the next is computed.
    parallel: 2,
    prove: (instruction, { signal } = {}) => ask({ kind: "prove", instruction }, signal),
    verify: (view, round, now) => ask({ kind: "verify", view, round, now }),
    async close() {
      if (closed) return;
      if (thread) await ask({ kind: "close" }).catch(() => {});
      closed = true;
      const last = thread;
      thread = null;
      await last?.terminate();
    },
  };
}
