import type { MessagePort, Worker } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import { builtFile, startWorker } from "../prover/startWorker.ts";

/** What a thread answers: a value, or what was wrong. `id` names the question. */
export type ThreadAnswer =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code: string; readonly message: string; readonly details: Record<string, unknown> };
    };

/** An error as a thread may send it. */
function errorAnswer(id: number, error: Error): ThreadAnswer {
  const { code, details } = error instanceof TacitError ? error : { code: "UNEXPECTED", details: {} };
  // What a message can carry.
  const plain = Object.entries(details).filter(([, value]) => typeof value !== "function");
  return { id, error: { code, message: error.message, details: Object.fromEntries(plain) } };
}

/** Sends what comes of a question. */
export function sendAnswer(port: MessagePort, id: number, answer: Promise<unknown>): void {
  answer
    .then(
      (value) => port.postMessage({ id, value } satisfies ThreadAnswer),
      (error: Error) => port.postMessage(errorAnswer(id, error)),
    )
    .catch(() => {
      // A message cannot carry it.
      port.postMessage(errorAnswer(id, new Error("the answer cannot be sent")));
    });
}

interface Asker {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Of a union, each without its id. */
export type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

/**
 * A thread that is asked and answers. One that dies takes what was asked of it along, with THREAD_DIED, and is started anew
 * when it is next asked, unless it is `mortal`: then all that is asked later is answered so too. It keeps no idle process alive.
 */
export class AskedThread<Question extends { id: number }> {
  readonly #script: URL;
  readonly #what: string;
  readonly #opening: unknown;
  readonly #mortal: boolean;
  /**
   * Those who wait for an answer, by id. Not in a Map: the tables of one that entries come to and go from are linked, each to
   * the next, and once one of them is old, all later ones with all that was in them are kept until the next full collection.
   */
  readonly #waiting: Record<number, Asker | undefined> = {};
  #thread: Worker | null = null;
  #death: TacitError | null = null;
  #closed = false;
  #asked = 0;
  #unanswered = 0;

  /**
   * @param script   as it was built
   * @param what     it does, for its errors: "makes the proofs"
   * @param opening  the first message to it, if there is one
   * @param mortal   what it knows dies with it
   * @throws NOT_BUILT  when there is no script
   */
  constructor(script: URL, what: string, { opening, mortal = false }: { opening?: unknown; mortal?: boolean } = {}) {
    // Looked for at once: one that is missing is told of before anything depends on it.
    this.#script = builtFile(script);
    this.#what = what;
    this.#opening = opening;
    this.#mortal = mortal;
  }

  /** Starts it before it is asked. */
  start(): Worker {
    return (this.#thread ??= this.#start());
  }

  /** @throws CLOSED, ABORTED, THREAD_DIED, or what the thread answers */
  async ask<T>(question: WithoutId<Question>, signal?: AbortSignal): Promise<T> {
    if (this.#closed) throw new TacitError("CLOSED", `the thread that ${this.#what} is closed`);
    if (signal?.aborted) throw new TacitError("ABORTED", "what was asked was called off");
    if (this.#death) throw this.#death;
    const thread = this.start();
    const id = ++this.#asked;
    const answer = new Promise<T>((resolve, reject) => {
      thread.postMessage({ id, ...question });
      thread.ref();
      this.#unanswered++;
      this.#waiting[id] = { resolve, reject };
    });
    if (!signal) return answer;
    const abort = () => thread.postMessage({ kind: "abort", id });
    signal.addEventListener("abort", abort);
    return answer.finally(() => signal.removeEventListener("abort", abort));
  }

  /** @param last  asked before it ends, if it runs */
  async close(last?: WithoutId<Question>): Promise<void> {
    if (this.#closed) return;
    if (last && this.#thread) await this.ask(last).catch(() => {});
    this.#closed = true;
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const started = startWorker(this.#script);
    started.unref();
    started.on("message", (answer: ThreadAnswer) => {
      const asker = this.#waiting[answer.id];
      // An answer of before it died may come after the news of it, when who asked has been told so.
      if (!asker) return;
      delete this.#waiting[answer.id];
      if (--this.#unanswered === 0) started.unref();
      if ("value" in answer) return asker.resolve(answer.value as never);
      const { code, message, details } = answer.error;
      asker.reject(new TacitError(code, message, details));
    });
    const died = (why: string) => {
      if (this.#thread !== started) return;
      this.#thread = null;
      const error = new TacitError("THREAD_DIED", `the thread that ${this.#what} has died: ${why}`);
      if (this.#mortal) this.#death = error;
      this.#unanswered = 0;
      for (const [id, asker] of Object.entries(this.#waiting)) {
        delete this.#waiting[+id];
        asker!.reject(error);
      }
    };
    started.on("error", (error) => died(error.message));
    started.on("messageerror", () => {
      died("an answer cannot be read");
      void started.terminate();
    });
    started.on("exit", (code) => died(`it ended with ${code}`));
    if (this.#opening !== undefined) started.postMessage(this.#opening);
    return started;
  }
}
