import Database from "libsql";
import { outOfRange, TacitError } from "../../protocol/errors.ts";
import { requireField } from "../../protocol/numbers.ts";
import { setWord } from "../../protocol/words.ts";
import { dropLock, takeLock } from "../store/sqliteFiles.ts";
import { storageError } from "../store/storageErrors.ts";

/** Heads of the log, one after the other. */
export interface HeadRun {
  readonly domain: bigint;
  /** of the opening of the store that wrote the entries, below 2^32 */
  readonly epoch: number;
  /** entries before the first of them */
  readonly first: number;
  /** of the log after each entry from there on */
  readonly heads: readonly bigint[];
}

/** How far a book has come. */
export interface SignedState {
  /** the newest that has written to it */
  readonly epoch: number;
  /** entries of the log, and its head after them */
  readonly n: number;
  readonly head: bigint;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS book (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER, owner TEXT, domain TEXT, epoch INTEGER);
  CREATE TABLE IF NOT EXISTS runs (first INTEGER PRIMARY KEY, heads BLOB NOT NULL);
`;
const VERSION = 2;

/**
 * The heads of a log that somebody has signed, on disk before any of the signatures leaves: for a number of entries never
 * another head. Who signs by it is the last fence of a venue: whatever its databases come to, no two of its receipts or heads
 * contradict each other.
 */
export class SignedHeads {
  readonly #db: Database.Database;
  readonly #lock: Database.Database;
  readonly #insert: Database.Statement;
  readonly #find: Database.Statement;
  #domain: bigint | null;
  #state: SignedState;
  /** the run that came last, which receipts are asked for */
  #newest: { readonly first: number; readonly heads: readonly bigint[] } = { first: 0, heads: [] };

  /**
   * Opens the file, made where there is none. One process has it at a time.
   * @param owner  address of who signs: a file of another is refused
   * @throws LOCKED, SIGNED_HEADS  when it is another's, or no such file; STORAGE
   */
  constructor(path: string, owner: string) {
    this.#lock = takeLock(path);
    try {
      this.#db = new Database(path);
      this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      this.#db.exec(SCHEMA);
      this.#db.prepare("INSERT OR IGNORE INTO book VALUES (1, ?, ?, NULL, 0)").run(VERSION, owner);
      this.#insert = this.#db.prepare("INSERT INTO runs VALUES (?, ?)");
      this.#find = this.#db.prepare(
        "SELECT substr(heads, (? - first) * 32 + 1, 32) AS head FROM runs WHERE first <= ? ORDER BY first DESC LIMIT 1",
      );
      const book = this.#db.prepare("SELECT version, owner, domain, epoch FROM book").get() as Book;
      if (book.version !== VERSION) throw damaged(path, `version ${VERSION}`);
      if (book.owner !== owner) throw damaged(path, `one of ${owner}, it is of ${book.owner}`);
      this.#domain = book.domain === null ? null : BigInt(book.domain);
      const last = this.#db
        .prepare("SELECT first + length(heads) / 32 AS n FROM runs ORDER BY first DESC LIMIT 1")
        .get();
      const { n } = (last ?? { n: 0 }) as { n: number };
      this.#state = { epoch: book.epoch, n, head: n === 0 ? 0n : this.#read(n) };
    } catch (error) {
      dropLock(this.#lock);
      throw storageError(`${path} cannot be opened`, error);
    }
  }

  get state(): SignedState {
    return this.#state;
  }

  /** of the log that it is of, or null before the first head */
  get domain(): bigint | null {
    return this.#domain;
  }

  /** Head after so many entries, or undefined where it has none. */
  at(n: number): bigint | undefined {
    if (n === 0) return 0n;
    if (n > this.#state.n) return undefined;
    const { first, heads } = this.#newest;
    return n > first && n <= first + heads.length ? heads[n - first - 1] : this.#read(n);
  }

  /**
   * Adds what is new of a run, on disk when it returns.
   * @param keep  called in the same transaction, before it ends
   * @throws OUT_OF_RANGE, OTHER_VENUE
   * @throws FENCED  when a newer epoch has written
   * @throws GAP     when it does not begin at what is there, with `n`
   * @throws FORKED  when there is another head for a number of entries, with `n`
   * @throws STORAGE
   */
  add(run: HeadRun, keep?: () => void): void {
    this.#require(run);
    const { first, heads } = run;
    const { n } = this.#state;
    if (first > n) throw gap(n);
    for (let i = 0; i < heads.length && first + i < n; i++)
      if (this.at(first + i + 1) !== heads[i])
        throw new TacitError("FORKED", `after ${first + i + 1} entries another head was signed`, { n: first + i + 1 });
    const added = heads.slice(n - first);
    if (added.length > 0 || run.epoch !== this.#state.epoch || keep) this.#write(n, { ...run, heads: added }, keep);
  }

  /**
   * Puts a run in place of all from its beginning on. Only of who was shown that it is final.
   * @throws OUT_OF_RANGE, OTHER_VENUE, FENCED, GAP, STORAGE
   */
  replace(run: HeadRun, keep?: () => void): void {
    this.#require(run);
    if (run.first > this.#state.n) throw gap(this.#state.n);
    this.#write(run.first, run, keep);
  }

  #require({ domain, epoch, first, heads }: HeadRun): void {
    const { epoch: newest } = this.#state;
    if (!Number.isSafeInteger(epoch) || epoch < 0 || epoch >= 2 ** 32)
      throw outOfRange("epoch", "an integer below 2^32");
    if (!Number.isSafeInteger(first) || first < 0) throw outOfRange("first", "an integer, at least 0");
    heads.forEach((head, i) => requireField(`heads[${i}]`, head));
    this.requireDomain(domain);
    if (epoch < newest)
      throw new TacitError("FENCED", `epoch ${epoch} was followed by ${newest}: nothing of it is signed any more`, { epoch, newest }); // prettier-ignore
  }

  /** @param from  entries up to which it stays as it is */
  #write(from: number, { domain, epoch, heads }: HeadRun, keep?: () => void): void {
    const head = heads.at(-1) ?? this.at(from)!;
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      if (from < this.#state.n) {
        this.#db.prepare("DELETE FROM runs WHERE first >= ?").run(from);
        // What is left of the run in which it is.
        this.#db.prepare("UPDATE runs SET heads = substr(heads, 1, (? - first) * 32) WHERE first = (SELECT max(first) FROM runs)").run(from); // prettier-ignore
      }
      if (heads.length > 0) this.#insert.run(from, bytesOf(heads));
      if (epoch !== this.#state.epoch || this.#domain === null)
        this.#db.prepare("UPDATE book SET domain = ?, epoch = ?").run(String(domain), epoch);
      keep?.();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
      throw storageError("signed heads cannot be kept", error);
    }
    this.#domain = domain;
    this.#newest = { first: from, heads };
    this.#state = { epoch, n: from + heads.length, head };
  }

  /** @throws OTHER_VENUE */
  requireDomain(domain: bigint): void {
    if (this.#domain !== null && this.#domain !== domain)
      throw new TacitError(
        "OTHER_VENUE",
        "these heads are of another log: expected one of the domain that it signs for",
      );
  }

  /** For tables of who signs, in the same file and the same transactions. */
  get database(): Database.Database {
    return this.#db;
  }

  close(): void {
    this.#db.close();
    dropLock(this.#lock);
  }

  /** @param n  at least 1, at most that of the state */
  #read(n: number): bigint {
    const { head } = this.#find.get(n - 1, n - 1) as { head: Uint8Array };
    return BigInt(`0x${Buffer.from(head).toString("hex")}`);
  }
}

interface Book {
  readonly version: number;
  readonly owner: string;
  readonly domain: string | null;
  readonly epoch: number;
}

function bytesOf(heads: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(32 * heads.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  heads.forEach((head, i) => setWord(view, 32 * i, head));
  return bytes;
}

function damaged(path: string, expected: string): TacitError {
  return new TacitError("SIGNED_HEADS", `${path} is wrong: expected a file of signed heads, ${expected}`, { path });
}

function gap(n: number): TacitError {
  return new TacitError("GAP", `heads of ${n} entries are here: expected those after them`, { n });
}
