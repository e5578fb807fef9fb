/** The files beside a store's: the lock, and the mark that says how much was written. */
import Database from "libsql";
import { closeSync, existsSync, fsyncSync, openSync, readSync, realpathSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { TacitError } from "../../protocol/errors.ts";
import { nodeDigest } from "./digest.ts";
import { readState, stateStatements, type State } from "./sqliteTables.ts";
import { codeOf } from "./storageErrors.ts";

/** The kernel drops the lock when the process ends, however it does. Nothing is ever written to this database. */
export function takeLock(path: string): Database.Database {
  makeFile(`${path}-lock`);
  try {
    return lockFile(`${path}-lock`);
  } catch (error) {
    if (codeOf(error) !== "SQLITE_BUSY") throw error;
    const { pid, since } = holderOf(path);
    const who = pid === undefined ? "" : ` by process ${pid}, since ${since}`;
    throw new TacitError("LOCKED", `${path} is open already${who}: expected one process at a time`, {
      path,
      pid,
      since,
    });
  }
}

/** Locks a file that is there and empty. @throws what SQLite throws: SQLITE_BUSY where another has it */
export function lockFile(path: string): Database.Database {
  const lock = new Database(path, { timeout: 0 });
  try {
    lock.exec("PRAGMA journal_mode = MEMORY");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    throw error;
  }
}

export function dropLock(lock: Database.Database): void {
  lock.exec("ROLLBACK");
  lock.close();
}

function holderOf(path: string): Partial<State> {
  if (!existsSync(path)) return {};
  try {
    const db = new Database(path, { timeout: 0 });
    try {
      return readState(stateStatements(db));
    } finally {
      db.close();
    }
  } catch {
    return {};
  }
}

/** Transactions that were on disk when the mark was written, 0 where there is none yet. */
export function readMark(mark: number): number {
  const bytes = Buffer.alloc(MARK);
  readSync(mark, bytes, 0, MARK, 0);
  if (bytes.every((byte) => byte === 0)) return 0;
  if (!bytes.equals(markBytes(bytes.readUIntBE(0, 6))))
    throw new TacitError("STORAGE", "the mark beside the file is damaged: it does not fit the checksum", {
      reason: "damaged",
    });
  return bytes.readUIntBE(0, 6);
}

/** It is not synced, and may fail: a mark that lags behind claims less than it might, but nothing wrong. */
export function writeMark(mark: number, commits: number): void {
  try {
    writeSync(mark, markBytes(commits), 0, MARK, 0);
  } catch {
    // See above.
  }
}

const MARK = 6 + 32;
function markBytes(commits: number): Buffer {
  const number = Buffer.alloc(6);
  number.writeUIntBE(commits, 0, 6);
  return Buffer.concat([number, nodeDigest(number)]);
}

/**
 * A file for the owner only, unless there is one. One that is there is never opened by us: closing it again would drop the
 * locks that SQLite has on it in this process.
 */
export function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  sync(dirname(path));
}

export function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}
