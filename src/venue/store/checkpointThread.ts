import Database from "libsql";
import { fdatasyncSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { TacitError } from "../../protocol/errors.ts";
import { codeOf, isPassing, storageError } from "./storageErrors.ts";
import { sendAnswer } from "../threads.ts";

/** What a store asks of the thread that helps with its checkpoints. `id` names the question. */
export type Question =
  | { readonly kind: "open"; readonly path: string; readonly file: number }
  | { readonly kind: "move" | "close"; readonly id: number };

/**
 * Moves pages from the log of SQLite to the file, as far as they were written when it was asked, and has the file on disk.
 * SQLite allows one thread to do so while another writes; it begins its log anew only once nothing in it is left to move,
 * so that the writer must move what came meanwhile.
 *
 * Before version 3.51.3, which our binding has not reached, SQLite can lose pages when its log begins anew just as a
 * checkpoint begins. It begins anew only where nothing is left to move: so this thread is asked only after a write that
 * came after the last checkpoint, and nobody else makes one until it has answered.
 * @source SQLite, "Write-Ahead Logging", sections 2.1 and "The WAL-Reset Bug"
 */
const port = parentPort!;
let db: Database.Database;
/** The store's descriptor of the file: to close one of our own would drop the locks that SQLite has on it. */
let file: number;

port.on("message", (question: Question) => {
  if (question.kind === "open") {
    db = new Database(question.path);
    db.exec("PRAGMA synchronous = FULL");
    file = question.file;
    return;
  }
  sendAnswer(port, question.id, answer(question.kind));
});

async function answer(kind: "move" | "close"): Promise<void> {
  if (kind === "close") {
    db.close();
    return;
  }
  try {
    db.prepare("PRAGMA wal_checkpoint(PASSIVE)").raw(true).get([]);
  } catch (error) {
    if (isPassing(error)) return;
    throw storageError("checkpoint", error);
  }
  try {
    // SQLite itself leaves that to who moves the last pages.
    fdatasyncSync(file);
  } catch (error) {
    const message = `checkpoint: the file cannot be synced (${codeOf(error) ?? "no code"})`;
    throw new TacitError("STORAGE", message, { reason: "io" });
  }
}
