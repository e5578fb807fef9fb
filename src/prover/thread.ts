import { TacitError } from "../protocol/errors.ts";
import type { CommandName, CommandOf, FromThread, ResultOf, ToThread } from "./messages.ts";

/** A worker of Node, or one of a browser: what is used of them. */
export type AnyWorker = NodeThread | BrowserThread;
export interface NodeThread {
  postMessage(message: unknown, transfer?: readonly never[]): void;
  terminate(): Promise<unknown>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Node's own has another for each event
  on(event: string, listener: (value: any) => void): unknown;
  ref(): void;
  unref(): void;
}
export interface BrowserThread {
  postMessage(message: unknown, transfer: never[]): void;
  terminate(): void;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessageerror: ((event: never) => void) | null;
}

/** The thread died under a command, or could not be spoken to. Whoever runs the pool may try elsewhere. */
export class ThreadDied extends Error {}

/** What commands of one attempt at a job have in common. */
export interface Tag {
  /** No command of it is to be begun any more. */
  dropped: boolean;
}

interface Waiting {
  name: CommandName;
  command: object;
  transfer: ArrayBuffer[];
  /** of a job: lower goes first */
  order: number;
  tag?: Tag;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** One thread and the commands that wait for it. It keeps the process alive only while it works. */
export class Thread {
  readonly #worker: AnyWorker;
  readonly #queue: Waiting[] = [];
  #running: (Waiting & { id: number }) | undefined;
  #nextId = 0;
  #death: ThreadDied | undefined;

  constructor(worker: AnyWorker) {
    this.#worker = worker;
    if ("on" in worker) {
      worker.on("message", (message: FromThread) => this.#receive(message));
      worker.on("error", (error: unknown) => this.#die(error instanceof Error ? error.message : String(error)));
      worker.on("messageerror", () => this.#die("a message could not be read"));
      worker.on("exit", (code: number) => this.#die(`the thread ended with code ${code}`));
      worker.unref();
    } else {
      worker.onmessage = ({ data }: { data: FromThread }) => this.#receive(data);
      worker.onerror = (event: { message?: string }) =>
        this.#die(
          event.message ||
            "it did not start: expected proverThread.browser.js of tacit's dist/prover beside the bundle",
        );
      worker.onmessageerror = () => this.#die("a message could not be read");
    }
  }

  get dead(): boolean {
    return this.#death !== undefined;
  }

  /**
   * Whether who waits for commands of this tag waits for what it works on: one of them, a load (which has no tag, and is for
   * all), or one that nobody wants any more and that does not end.
   */
  keepsWaiting(tag: Tag): boolean {
    if (!this.#running) return false;
    const { tag: own } = this.#running;
    return own === undefined || own === tag || own.dropped;
  }

  /**
   * @param order  of waiting commands the one of lowest order goes first
   * @param tag    by which commands can be dropped: then their promises stay open
   * @throws ThreadDied; TacitError as the command failed
   */
  call<Name extends CommandName>(
    name: Name,
    command: CommandOf<Name>,
    { order = 0, tag, transfer = [] }: { order?: number; tag?: Tag; transfer?: ArrayBuffer[] } = {},
  ): Promise<Awaited<ResultOf<Name>>> {
    return new Promise((resolve, reject) => {
      if (this.#death) return reject(this.#death);
      if (tag?.dropped) return;
      const waiting = { name, command, transfer, order, tag, resolve: resolve as (result: unknown) => void, reject };
      const before = this.#queue.findIndex((other) => other.order > order);
      this.#queue.splice(before < 0 ? this.#queue.length : before, 0, waiting);
      this.#next();
    });
  }

  /** Forgets waiting commands of a tag: their promises stay open. */
  drop(tag: Tag): void {
    for (let i = this.#queue.length - 1; i >= 0; i--) if (this.#queue[i].tag === tag) this.#queue.splice(i, 1);
  }

  terminate(): Promise<unknown> {
    this.#die("it was ended");
    return Promise.resolve(this.#worker.terminate());
  }

  #next(): void {
    if (this.#running || this.#death) return;
    const waiting = this.#queue.shift();
    if (!waiting) {
      if ("unref" in this.#worker) this.#worker.unref();
      return;
    }
    const id = this.#nextId++;
    this.#running = { ...waiting, id };
    if ("ref" in this.#worker) this.#worker.ref();
    try {
      const message: ToThread = { id, name: waiting.name, command: waiting.command };
      this.#worker.postMessage(message, waiting.transfer as never);
    } catch (error) {
      // What cannot be sent is the sender's fault, not the thread's.
      this.#running = undefined;
      waiting.reject(unsendable(error));
      this.#next();
    }
  }

  #receive(message: FromThread): void {
    const running = this.#running;
    if (!running || running.id !== message.id) return;
    this.#running = undefined;
    if ("result" in message) running.resolve(message.result);
    else running.reject(new TacitError(message.code, message.message, message.details));
    this.#next();
  }

  #die(cause: string): void {
    if (this.#death) return;
    this.#death = new ThreadDied(cause);
    void this.#worker.terminate();
    const all = this.#running ? [this.#running, ...this.#queue] : this.#queue;
    this.#running = undefined;
    for (const { reject } of all.splice(0)) reject(this.#death);
  }
}

function unsendable(error: unknown): Error {
  if (!(error instanceof Error) || error.name !== "DataCloneError") return new ThreadDied(String(error));
  const text = "the inputs hold something that is neither a bigint, an array nor an object";
  return new TacitError("WITNESS_INPUT", text, { problem: "value" });
}
