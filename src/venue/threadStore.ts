import { TacitError } from "../protocol/errors.ts";
import { packRecords } from "./packedRecords.ts";
import type { SqliteOptions } from "./sqliteStore.ts";
import { PAGE, type Snapshot, type Store } from "./store.ts";
import type { Call, Question } from "./storeThread.ts";
import { AskedThread, type WithoutId } from "./threads.ts";

/** Written by `npm run build:kernels`, and after `npm ci`. */
const SCRIPT = {
  bundle: new URL("../../build/kernels/store.js", import.meta.url),
  source: new URL("./storeThread.ts", import.meta.url),
};

/**
 * A store as of `openSqliteStore`, in a thread: a venue goes on while the disk syncs. One whose thread has died writes and
 * reads no more.
 * @throws LOCKED, STORAGE  as `openSqliteStore`
 */
export async function openThreadStore(path: string, options: Omit<SqliteOptions, "onWritePoint"> = {}): Promise<Store> {
  const thread = new AskedThread<Question>(SCRIPT, "keeps the store");
  try {
    return new ThreadStore(thread, await thread.ask<number>({ kind: "open", path, options }));
  } catch (error) {
    await thread.close();
    throw error;
  }
}

class ThreadStore implements Store {
  readonly epoch: number;
  readonly #thread: AskedThread<Question>;
  #refusal: TacitError | null = null;

  constructor(thread: AskedThread<Question>, epoch: number) {
    this.#thread = thread;
    this.epoch = epoch;
  }

  readonly append: Store["append"] = (records) => this.#ask({ kind: "append", ...packRecords(records) });
  readonly last: Store["last"] = () => this.#call("last");
  readonly find: Store["find"] = (key) => this.#call("find", key);
  readonly saveSnapshot: Store["saveSnapshot"] = (snapshot, keep) => this.#call("saveSnapshot", snapshot, keep);
  readonly put: Store["put"] = (documents) => this.#call("put", documents);
  readonly get: Store["get"] = (name) => this.#call("get", name);
  readonly list: Store["list"] = (prefix, options) => this.#call("list", prefix, options);
  readonly backup: Store["backup"] = (path) => this.#call("backup", path);

  async *read(from: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = from; ;) {
      const page = await this.#ask<Uint8Array[]>({ kind: "read", from: at });
      yield* page;
      at += page.length;
      if (page.length < PAGE) return;
    }
  }

  async *snapshots(): AsyncGenerator<Snapshot, void, undefined> {
    for (let below = Infinity; ;) {
      const snapshot = await this.#ask<Snapshot | null>({ kind: "snapshot", below });
      if (!snapshot) return;
      yield snapshot;
      below = snapshot.sequence;
    }
  }

  async close(): Promise<void> {
    if (this.#refusal) return this.#thread.close();
    const closing = this.#call("close");
    this.#refusal = new TacitError("STORAGE", "the store is closed", { reason: "closed" });
    try {
      await closing;
    } finally {
      await this.#thread.close();
    }
  }

  #call<Name extends Call>(method: Name, ...args: Parameters<Store[Name]>): ReturnType<Store[Name]> {
    return this.#ask({ kind: "call", method, args }) as ReturnType<Store[Name]>;
  }

  async #ask<T>(question: WithoutId<Question>): Promise<T> {
    if (this.#refusal) throw this.#refusal;
    try {
      return await this.#thread.ask<T>(question);
    } catch (error) {
      // One that is started anew would not have the lock, nor know what the last one wrote.
      if (error instanceof TacitError && error.code === "THREAD_DIED")
        throw (this.#refusal ??= new TacitError("STORAGE", error.message, { reason: "unknown" }));
      throw error;
    }
  }
}
