import Database from "libsql";
import { closeSync, mkdirSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { outOfRange, TacitError } from "../../protocol/errors.ts";
import { AskedThread } from "../threads.ts";
import type { Question } from "./checkpointThread.ts";
import { journalDamaged } from "./journal.ts";
import { dropLock, makeFile, readMark, realPath, takeLock, writeMark } from "./sqliteFiles.ts";
import {
  checkPages,
  documentChecksum,
  documentOf,
  isChecksum,
  isFresh,
  pragma,
  readState,
  replaceState,
  SCHEMA,
  snapshotChecksum,
  statements,
  stateStatements,
  writeState,
  type DocumentRow,
  type PageRow,
  type State,
  type StateStatements,
} from "./sqliteTables.ts";
import { attempt, codeOf, isPassing, storageError } from "./storageErrors.ts";
import {
  PAGE,
  requireName,
  requirePrefix,
  requireRecords,
  requireSnapshot,
  type Snapshot,
  type Store,
  type StoredRecord,
} from "./store.ts";

export interface SqliteOptions {
  /**
   * How much is looked at before the store is opened. `full`: every page, index and document, some 4 seconds for a million
   * records of items. `quick`, a sixth of that: not documents, nor whether indexes say what their tables say, so that a
   * damaged key may be found missing. Records, snapshots and documents are checked whenever they are read, with either.
   */
  readonly check?: "full" | "quick";
  /** of an opening that was before this one, in this store or the one that it is a copy of; 0 unless it is said */
  readonly after?: number;
  /** most pages of 4,096 bytes of the file: beyond them the disk counts as full */
  readonly maxPages?: number;
  /**
   * pages that are written before all of them are moved from the log of SQLite to the file, at least 1: between writes,
   * which takes some milliseconds, after which the log begins anew unless somebody reads an older state. 2,048 unless it is
   * said, and 8,192 with a thread that helps
   */
  readonly checkpointPages?: number;
  /**
   * Whether a thread helps with that: it moves a few at a time and has them on disk while writes go on, so that there is
   * little left to move between them.
   */
  readonly checkpointThread?: boolean;
  /** called at each step of a write, of those in `WRITE_POINTS`: for tests that end the process there */
  readonly onWritePoint?: (point: WritePoint) => void;
}

const WRITES = ["open", "append", "snapshot", "documents"] as const;
const STEPS = ["before", "begun", "row", "commit", "committed", "marked"] as const;
export const WRITE_POINTS = [
  ...WRITES.flatMap((write) => STEPS.map((step) => `${write}:${step}` as const)),
  "checkpoint:before",
  "checkpoint:after",
] as const;
export type WritePoint = (typeof WRITE_POINTS)[number];

/** Milliseconds for which a write waits for another program that has the file locked, such as a shell of SQLite. */
const PATIENCE = 2_000;

/** Times that a thread moves pages before the writer moves the rest: writes wait as long as it syncs many at once. */
const MOVES = 32;
/** Pages that are moved at once without it. */
const ALONE = 2_048;

/**
 * A store in one file, beside which SQLite keeps its log and we two small files: `-lock`, which is locked as long as the
 * store is open, by the kernel, so that the lock ends with the process; and `-mark`, which says how much was written, so
 * that a log of SQLite that is damaged or gone is noticed. Other programs may read the file meanwhile.
 *
 * Made when it is not there, with its folder, for the owner only: it holds orders.
 * @param path  of the file, on a local disk
 * @throws OUT_OF_RANGE  when `checkpointPages` is
 * @throws LOCKED   with `pid` and `since`, when it is open already
 * @throws STORAGE  with `reason`: "foreign" when the file is something else, "damaged", "full", "busy", "io", and "settings"
 *   when SQLite does not sync each write
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  return attempt("open", () => new SqliteStore(path, options));
}

class SqliteStore implements Store {
  readonly #path: string;
  readonly #options: SqliteOptions;
  readonly #lock: Database.Database;
  readonly #mark: number;
  /** the file itself, to sync it from another thread */
  readonly #file: number;
  readonly #db: Database.Database;
  readonly #sql: ReturnType<typeof statements>;
  #metaPrepared: StateStatements | null = null;
  #state: State;
  #last: number;
  /** that no record before the last one is missing is checked once: afterwards there is only this writer */
  #gapless = false;
  #refusal: TacitError | null = null;
  /** whether a thread moves pages: until it dies */
  #helped: boolean;
  #checkpointPages: number;
  /** pages written, at most, since the last checkpoint of this thread, and since the other was asked to move some */
  #pages = 0;
  #unmoved = 0;
  #checkpointing: Promise<void> | null = null;
  /** started when it is first asked */
  #helper: AskedThread<Extract<Question, { id: number }>> | null = null;
  #backups = new Set<Promise<void>>();
  #closing: Promise<void> | null = null;

  constructor(path: string, options: SqliteOptions) {
    this.#options = options;
    this.#helped = options.checkpointThread ?? false;
    this.#checkpointPages = options.checkpointPages ?? (this.#helped ? 4 * ALONE : ALONE);
    if (!Number.isSafeInteger(this.#checkpointPages) || this.#checkpointPages < 1)
      throw outOfRange("checkpointPages", "an integer of at least 1");
    const folder = dirname(resolve(path));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = realPath(join(realpathSync(folder), basename(path)));
    this.#lock = takeLock(this.#path);
    let mark: number | undefined;
    let file: number | undefined;
    let db: Database.Database | undefined;
    try {
      makeFile(this.#path);
      this.#file = file = openSync(this.#path, "r+");
      this.#db = db = new Database(this.#path, { timeout: PATIENCE });
      const fresh = isFresh(this.#db);
      this.#configure();
      if (!fresh) checkPages(this.#db, options.check ?? "full");
      makeFile(`${this.#path}-mark`);
      this.#mark = mark = openSync(`${this.#path}-mark`, "r+");
      this.#state = this.#begin(fresh, readMark(mark));
      this.#sql = statements(this.#db);
      if (!fresh && options.check !== "quick")
        for (const row of this.#sql.allDocuments.iterate([])) documentOf(row as DocumentRow);
      this.#last = (this.#sql.lastRecord.get([]) as [number | null])[0] ?? -1;
      const opening: Question = { kind: "open", path: this.#path, file };
      const script = new URL("./checkpointThread.js", import.meta.url);
      if (this.#helped) this.#helper = new AskedThread(script, "moves pages to the file", { opening, mortal: true });
    } catch (error) {
      db?.close();
      for (const opened of [mark, file]) if (opened !== undefined) closeSync(opened);
      dropLock(this.#lock);
      throw error;
    }
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  async append(records: readonly StoredRecord[]): Promise<void> {
    this.#requireWritable();
    requireRecords(records, this.#last);
    if (records.length === 0) return;
    const bytes = records.reduce((sum, record) => sum + record.bytes.length, 0);
    this.#write("append", records.length, bytes, (row) => {
      for (const { sequence, bytes, key } of records) {
        this.#sql.addRecord.run([sequence, bytes, key ?? null]);
        row();
      }
    });
    this.#last += records.length;
  }

  async *read(from: number, most = Infinity): AsyncGenerator<Uint8Array, void, undefined> {
    // One row for a page of records: a row costs more than its bytes. The cursor is closed before anything is handed out.
    for (let at = from; ; at += PAGE) {
      const page = attempt("read", () => {
        this.#requireOpen();
        const last = (this.#sql.lastRecord.get([]) as [number | null])[0] ?? -1;
        const count = Math.min(PAGE, last + 1 - at, from + most - at);
        return count <= 0 ? null : { count, row: this.#sql.readRecords.get([at, at + count - 1]) as PageRow };
      });
      if (!page) return;
      const [count, lengths, bytes] = page.row;
      const sizes = (lengths ?? "").split(",").map(Number);
      const whole = sizes.reduce((sum, size) => sum + size, 0) === (bytes?.length ?? 0);
      if (count !== page.count) throw this.#missing(at, at + page.count - 1);
      if (!whole || sizes.length !== count || !bytes) throw journalDamaged(at, "row", "bytes");
      let offset = 0;
      for (const size of sizes) yield bytes.subarray(offset, (offset += size));
    }
  }

  async last(): Promise<number> {
    return attempt("read", () => {
      this.#requireOpen();
      if (!this.#gapless) {
        const [count, first] = this.#sql.countRecords.get([]) as [number, number | null];
        if (count !== this.#last + 1 || (first ?? 0) !== 0) throw this.#missing(0, this.#last);
        this.#gapless = true;
      }
      return this.#last;
    });
  }

  #missing(from: number, to: number): TacitError {
    let sequence = from;
    for (const [found] of this.#sql.sequences.all([from, to]) as [number][]) {
      if (found !== sequence) break;
      sequence++;
    }
    return journalDamaged(sequence, "row", `to be there, as the last one is ${this.#last}`);
  }

  async find(key: Uint8Array): Promise<number | undefined> {
    return attempt("read", () => {
      this.#requireOpen();
      return (this.#sql.findRecord.get([key]) as [number] | undefined)?.[0];
    });
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    this.#requireWritable();
    requireSnapshot(snapshot, keep);
    const { sequence, bytes } = snapshot;
    this.#write("snapshot", 1, bytes.length, (row) => {
      this.#sql.addSnapshot.run([sequence, snapshotChecksum(snapshot), bytes]);
      row();
      this.#sql.dropSnapshots.run([keep]);
    });
  }

  async *snapshots(): AsyncGenerator<Snapshot, void, undefined> {
    const sequences = attempt("read", () => {
      this.#requireOpen();
      return this.#sql.snapshotSequences.all([]) as [number][];
    });
    for (const [sequence] of sequences) {
      const found = attempt("read", () => {
        this.#requireOpen();
        return this.#sql.readSnapshot.get([sequence]) as [unknown, unknown] | undefined;
      });
      if (!found) continue;
      const [checksum, bytes] = found;
      if (!Buffer.isBuffer(bytes)) continue;
      const snapshot = { sequence, bytes };
      if (isChecksum(checksum, () => snapshotChecksum(snapshot))) yield snapshot;
    }
  }

  async put(documents: Readonly<Record<string, string | null>>): Promise<void> {
    this.#requireWritable();
    const changes = Object.entries(documents);
    for (const [name] of changes) requireName(name);
    if (changes.length === 0) return;
    const bytes = changes.reduce((sum, [name, text]) => sum + name.length + 3 * (text?.length ?? 0), 0);
    this.#write("documents", changes.length, bytes, (row) => {
      for (const [name, text] of changes) {
        if (text === null) this.#sql.dropDocument.run([name]);
        else {
          const content = Buffer.from(text);
          this.#sql.addDocument.run([name, documentChecksum(name, content), content]);
        }
        row();
      }
    });
  }

  async get(name: string): Promise<string | undefined> {
    requireName(name);
    return attempt("read", () => {
      this.#requireOpen();
      const row = this.#sql.readDocument.get([name]) as DocumentRow | undefined;
      return row && documentOf(row).text;
    });
  }

  async list(
    prefix: string,
    options: { after?: string; before?: string; limit?: number; reverse?: boolean } = {},
  ): Promise<{ name: string; text: string }[]> {
    requirePrefix("prefix", prefix);
    const { after = "", before, limit = -1, reverse = false } = options;
    return attempt("read", () => {
      this.#requireOpen();
      // Names are ASCII without DEL, so that this is beyond all that begin with the prefix.
      const end = `${prefix}\x7f`;
      const until = before === undefined || before > end ? end : before;
      const statement = reverse ? this.#sql.listDown : this.#sql.listUp;
      return (statement.all([prefix, after, until, limit]) as DocumentRow[]).map(documentOf);
    });
  }

  backup(path: string): Promise<void> {
    const done = this.#backup(resolve(path));
    this.#backups.add(done);
    const forget = () => this.#backups.delete(done);
    done.then(forget, forget);
    return done;
  }

  async #backup(path: string): Promise<void> {
    this.#requireOpen();
    // Its binding is another one.
    const { copyStore } = await import("./copyStore.ts");
    return copyStore(this.#path, path);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#backups);
    await this.#checkpointing;
    await this.#helper?.close({ kind: "close" });
    if (!this.#refusal) this.#checkpoint("TRUNCATE");
    this.#refusal = closed();
    this.#db.close();
    // After SQLite's: to close one drops the locks of the process on the file.
    for (const opened of [this.#mark, this.#file]) closeSync(opened);
    dropLock(this.#lock);
  }

  // Writing.

  /** Prepared once there are tables. */
  get #meta(): StateStatements {
    return (this.#metaPrepared ??= stateStatements(this.#db));
  }

  #point(point: WritePoint): void {
    this.#options.onWritePoint?.(point);
  }

  #requireOpen(): void {
    if (this.#refusal?.details.reason === "closed") throw this.#refusal;
  }

  #requireWritable(): void {
    if (this.#refusal) throw this.#refusal;
    if (this.#closing) throw closed();
  }

  /** Settings that SQLite keeps in the connection, and whether it took them. */
  #configure(): void {
    const { maxPages } = this.#options;
    this.#db.exec("PRAGMA journal_mode = WAL");
    this.#db.exec("PRAGMA synchronous = FULL");
    this.#db.exec("PRAGMA wal_autocheckpoint = 0");
    // Kibibytes: of a large index of keys, what is in use is to stay at hand.
    this.#db.exec("PRAGMA cache_size = -64000");
    if (maxPages !== undefined) this.#db.exec(`PRAGMA max_page_count = ${Math.floor(maxPages)}`);
    const wanted = { journal_mode: "wal", synchronous: 2, wal_autocheckpoint: 0 };
    for (const [setting, expected] of Object.entries(wanted)) {
      const found = pragma(this.#db, setting);
      if (found !== expected)
        throw new TacitError("STORAGE", `SQLite has ${setting} = ${found}: expected ${expected}`, {
          reason: "settings",
          setting,
          expected,
        });
    }
  }

  /** Begins a new epoch, and makes the tables when there are none. @param marked  transactions that were written for sure */
  #begin(fresh: boolean, marked: number): State {
    return this.#transact("open", () => {
      if (fresh) this.#db.exec(SCHEMA);
      const { epoch, commits } = fresh ? { epoch: 0, commits: 0 } : readState(this.#meta);
      if (commits < marked)
        throw new TacitError(
          "STORAGE",
          `${this.#path} holds ${commits} transactions of the ${marked} that were written: its end is lost, or an older ` +
            `copy is in its place. To go on from an older copy on purpose, remove ${this.#path}-mark`,
          { reason: "damaged", commits, expected: marked },
        );
      const state = {
        epoch: Math.max(epoch, this.#options.after ?? 0) + 1,
        commits: commits + 1,
        pid: process.pid,
        since: new Date().toISOString(),
      };
      writeState(this.#meta, state);
      this.#point("open:row");
      return state;
    });
  }

  #write(write: (typeof WRITES)[number], rows: number, bytes: number, body: (row: () => void) => void): void {
    // Who writes without a pause leaves no time between writes. Where a thread moves pages there is one checkpoint at a time.
    if (this.#pages >= 4 * this.#checkpointPages && !this.#helped) this.#checkpoint("PASSIVE");
    this.#state = this.#transact(write, () => {
      const state = { ...this.#state, commits: this.#state.commits + 1 };
      if (!replaceState(this.#meta, this.#state, state)) throw this.#fenced();
      body(() => this.#point(`${write}:row`));
      return state;
    });
    const pages = 4 + 3 * rows + Math.ceil(bytes / 4_096);
    this.#pages += pages;
    this.#unmoved += pages;
    if (this.#unmoved >= this.#checkpointPages / (this.#helped ? MOVES : 1))
      this.#checkpointing ??= this.#checkpointSoon();
  }

  /** Why the state is not the one that was written last. */
  #fenced(): TacitError {
    const { epoch, commits, pid, since } = readState(this.#meta);
    const known = this.#state;
    if (epoch === known.epoch)
      return new TacitError("STORAGE", "the file is damaged: its state is not the one that was written", {
        reason: "damaged",
        commits,
        expected: known.commits,
      });
    const message = `epoch ${known.epoch} of the store has ended: it was opened again`;
    return new TacitError("FENCED", message, { epoch: known.epoch, found: epoch, pid, since });
  }

  /**
   * One transaction, of which all or nothing is on disk afterwards. An error before COMMIT leaves nothing, and so does a
   * full disk during it: SQLite writes the page that makes a transaction valid last. After any other error during COMMIT
   * nobody knows, so nothing more is written: else what comes later might be kept without what came before.
   * @param body  writes the state, and returns it
   */
  #transact(write: (typeof WRITES)[number], body: () => State): State {
    let committing = false;
    try {
      this.#point(`${write}:before`);
      this.#db.exec("BEGIN IMMEDIATE");
      this.#point(`${write}:begun`);
      const state = body();
      this.#point(`${write}:commit`);
      committing = true;
      this.#db.exec("COMMIT");
      this.#point(`${write}:committed`);
      writeMark(this.#mark, state.commits);
      this.#point(`${write}:marked`);
      return state;
    } catch (error) {
      let known = !committing || codeOf(error) === "SQLITE_FULL";
      try {
        if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
      } catch {
        known = false;
      }
      if (known) throw storageError(write, error);
      this.#refusal = new TacitError(
        "STORAGE",
        `${write}: an error while committing: whether it is on disk is known when the store is opened again`,
        { reason: "unknown", sqlite: codeOf(error) },
      );
      throw this.#refusal;
    }
  }

  /** Begun after a write, so that there is something to move, and goes on between writes. */
  async #checkpointSoon(): Promise<void> {
    if (this.#helped) await this.#moveSome();
    else await new Promise((resolve) => setImmediate(resolve));
    this.#checkpointing = null;
    if (this.#pages >= this.#checkpointPages) this.#checkpoint("PASSIVE");
  }

  /**
   * Nothing is written after a move that failed: the system takes what it could not write for written. Where the thread has
   * died, this one goes on alone.
   */
  async #moveSome(): Promise<void> {
    this.#unmoved = 0;
    try {
      await this.#helper!.ask({ kind: "move" });
    } catch (error) {
      if (!(error instanceof TacitError) || error.code !== "THREAD_DIED") this.#refusal ??= error as TacitError;
      this.#helped = false;
      this.#checkpointPages = Math.min(ALONE, this.#checkpointPages);
    }
  }

  /** Moves pages from the log of SQLite to the file. A full disk is for the next write to tell: all of them are in the log. */
  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    if (this.#refusal) return;
    this.#point("checkpoint:before");
    try {
      pragma(this.#db, `wal_checkpoint(${mode})`);
      this.#pages = this.#unmoved = 0;
    } catch (error) {
      if (!isPassing(error)) this.#refusal = storageError("checkpoint", error);
    }
    this.#point("checkpoint:after");
  }
}

function closed(): TacitError {
  return new TacitError("STORAGE", "the store is closed", { reason: "closed" });
}
