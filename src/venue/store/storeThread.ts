import { parentPort } from "node:worker_threads";
import { unpackRecords, type PackedRecords } from "./packedRecords.ts";
import { openSqliteStore, type SqliteOptions } from "./sqliteStore.ts";
import type { Snapshot, Store } from "./store.ts";
import { sendAnswer } from "../threads.ts";

/** The methods of a store that are called as they are. */
export type Call = "last" | "find" | "saveSnapshot" | "put" | "get" | "list" | "close";

/** `onWritePoint` cannot be sent; a thread that keeps a store always has one that helps it. */
export type ThreadStoreOptions = Omit<SqliteOptions, "onWritePoint" | "checkpointThread">;

/** What `openThreadStore` asks of its thread. `id` names the question. */
export type Question = { readonly id: number } & (
  | { readonly kind: "open"; readonly path: string; readonly options: ThreadStoreOptions }
  | { readonly kind: "call"; readonly method: Call; readonly args: readonly unknown[] }
  | ({ readonly kind: "append" } & PackedRecords)
  | { readonly kind: "read"; readonly from: number; readonly count: number }
  | { readonly kind: "snapshot"; readonly below: number }
);

/** The thread of `openThreadStore`. Writes are begun in the order in which they are asked for. */
const port = parentPort!;
let store: Store;

port.on("message", (question: Question) => sendAnswer(port, question.id, answer(question)));

async function answer(question: Question): Promise<unknown> {
  switch (question.kind) {
    case "open":
      store = await openSqliteStore(question.path, { ...question.options, checkpointThread: true });
      return store.epoch;
    case "call":
      return (store[question.method] as (...args: readonly unknown[]) => Promise<unknown>)(...question.args);
    case "append":
      return store.append(unpackRecords(question));
    case "read":
      return recordsFrom(question.from, question.count);
    case "snapshot":
      return newestBelow(question.below);
  }
}

async function recordsFrom(from: number, count: number): Promise<Uint8Array[]> {
  const page: Uint8Array[] = [];
  for await (const bytes of store.read(from, count)) page.push(bytes);
  return page;
}

async function newestBelow(sequence: number): Promise<Snapshot | null> {
  for await (const snapshot of store.snapshots()) if (snapshot.sequence < sequence) return snapshot;
  return null;
}
