import { resolve } from "node:path";
import { TacitError } from "../../protocol/errors.ts";
import { packRecords } from "./packedRecords.ts";
import { PAGE, type Snapshot, type Store } from "./store.ts";
import type { Call, Question, ThreadStoreOptions } from "./storeThread.ts";
import { AskedThread, type WithoutId } from "../threads.ts";

/**
 * A store as of `openSqliteStore`, in a thread: a venue goes on while the disk syncs. One whose thread has died writes and
 * reads no more.
 * @throws LOCKED, STORAGE  as `openSqliteStore`
 */
export async function openThreadStore(path: string, options: ThreadStoreOptions = {}): Promise<Store> {
  const file = resolve(path);
  // One that is started anew would not have the lock, nor know what the last one wrote.
  const thread = new AskedThread<Question>(new URL("./storeThread.js", import.meta.url), "keeps the store", {
    mortal: true,
  });
  try {
    return new ThreadStore(file, thread, await thread.ask<number>({ kind: "open", path: file, options }));
  } catch (error) {
    await thread.close();
    throw error;
  }
}

class ThreadStore implements Store {
  readonly epoch: number;
  readonly #path: string;
  readonly #thread: AskedThread<Question>;
  readonly #backups = new Set<Promise<void>>();
  #closed = false;
  #closing: Promise<void> | null = null;

  constructor(path: string, thread: AskedThread<Question>, epoch: number) {
    this.#path = path;
    this.#thread = thread;
    this.epoch = epoch;
  }

  readonly append: Store["append"] = async (records) => this.#ask({ kind: "append", ...packRecords(records) });
  readonly last: Store["last"] = () => this.#call("last");
  readonly find: Store["find"] = (key) => this.#call("find", key);
  readonly saveSnapshot: Store["saveSnapshot"] = (snapshot, keep) => this.#call("saveSnapshot", snapshot, keep);
  readonly put: Store["put"] = (documents) => this.#call("put", documents);
  readonly get: Store["get"] = (name) => this.#call("get", name);
  readonly list: Store["list"] = (prefix, options) => this.#call("list", prefix, options);

  async *read(from: number, count = Infinity): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = count; left > 0;) {
      const wanted = Math.min(PAGE, left);
      const page = await this.#ask<Uint8Array[]>({ kind: "read", from, count: wanted });
      yield* page;
      from += page.length;
      left -= page.length;
      if (page.length < wanted) return;
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

  /** From this thread: the store's may be ended. */
  backup(path: string): Promise<void> {
    const done = this.#call("last").then(async () => {
      // The binding is not loaded before it is needed here: the thread has its own.
      const { copyStore } = await import("./copyStore.ts");
      await copyStore(this.#path, resolve(path));
    });
    this.#backups.add(done);
    const forget = () => this.#backups.delete(done);
    done.then(forget, forget);
    return done;
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#backups);
    const closing = this.#call("close");
    this.#closed = true;
    try {
      await closing;
    } catch (error) {
      // A thread that has died has given back all that it had.
      if (!isUnknown(error)) throw error;
    } finally {
      await this.#thread.close();
    }
  }

  #call<Name extends Call>(method: Name, ...args: Parameters<Store[Name]>): ReturnType<Store[Name]> {
    return this.#ask({ kind: "call", method, args }) as ReturnType<Store[Name]>;
  }

  async #ask<T>(question: WithoutId<Question>): Promise<T> {
    if (this.#closed) throw new TacitError("STORAGE", "the store is closed", { reason: "closed" });
    try {
      return await this.#thread.ask<T>(question);
    } catch (error) {
      if (!(error instanceof TacitError) || error.code !== "THREAD_DIED") throw error;
      throw new TacitError("STORAGE", error.message, { reason: "unknown" });
    }
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof TacitError && error.code === "STORAGE" && error.details.reason === "unknown";
}
