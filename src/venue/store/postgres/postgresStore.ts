import { hostname } from "node:os";
import { outOfRange, TacitError } from "../../../protocol/errors.ts";
import { documentChecksum, snapshotChecksum } from "../sqliteTables.ts";
import {
  requireName,
  requireRecords,
  requireSnapshot,
  type Snapshot,
  type StandbyStore,
  type Store,
  type StoredRecord,
} from "../store.ts";
import { codeOf, connect, isUndone, placeOf, storageError, type Connection, type Place } from "./connection.ts";
import { requireSettings, waitForCopies, type Copies } from "./copies.ts";
import { HeldDocuments } from "./heldDocuments.ts";
import { Renewals, requireFree, takeLease } from "./lease.ts";
import { PostgresReader } from "./reader.ts";
import { migrate, newerFormat } from "./migrations.ts";
import { STORE } from "./tables.ts";

export interface PostgresOptions {
  /** on how many disks a record is before it counts as written: those of one standby beside the server's, unless it is said */
  readonly copies?: Copies;
  /** seconds for which this opening has the store if it falls silent, 1 to 3600; 3 unless it is said */
  readonly lease?: number;
  /** milliseconds for which standbys are waited for once a commit has returned; 10,000 unless it is said */
  readonly patience?: number;
  /** epoch of an opening that was before this one, in this store or the one that it is a copy of; 0 unless it is said */
  readonly after?: number;
  /** what others are told who has the store: the machine's name and process unless it is said */
  readonly holder?: string;
}

/** Bytes of a part of a snapshot: what is one row must not keep standbys from what comes after it. */
const PART = 1 << 20;

/**
 * A store in a database of PostgreSQL 13 or newer, for one venue that writes and others that stand by: whoever opens it takes its lease
 * once that has run out, and ends who had it before; each write is one statement that finds the lease its own. What is acknowledged is on as
 * many disks as `copies` says, which is looked at after each commit.
 * @param url  `postgres://user@host:port,host:port/database?sslmode=verify-full`; passwords are in a password file
 * @throws OUT_OF_RANGE  for the URL and options
 * @throws LOCKED   with `holder` and `until`, while another has the lease
 * @throws STORAGE  with `reason`: "unreachable"; "settings", where the server does not promise what `copies` says; "denied",
 *   "foreign", "full", "damaged", "io"; "unknown", where standbys do not follow
 * @throws MISSING_TOOL  where `pg` is not installed
 */
export async function openPostgresStore(url: string, options: PostgresOptions = {}): Promise<Store> {
  const store = storeOf(url, options);
  try {
    await store.lead();
    return store;
  } catch (error) {
    await store.close();
    throw storageError("open", error);
  }
}

/** The same, to stand by: another has it, or nobody has so far. @throws as `openPostgresStore`, but LOCKED */
export async function openPostgresStandby(url: string, options: PostgresOptions = {}): Promise<StandbyStore> {
  const store = storeOf(url, options);
  try {
    await store.look();
    return store;
  } catch (error) {
    await store.close();
    throw storageError("open", error);
  }
}

/** @throws OUT_OF_RANGE */
function storeOf(url: string, options: PostgresOptions): PostgresStore {
  const place = placeOf(url);
  const {
    copies = { standbys: 1 },
    lease = 3,
    patience = 10_000,
    after = 0,
    holder = `${hostname()} ${process.pid}`,
  } = options;
  if (!(lease >= 1 && lease <= 3_600)) throw outOfRange("lease", "1 to 3600 seconds");
  if (!Number.isSafeInteger(patience) || patience < 1) throw outOfRange("patience", "milliseconds, at least 1");
  if (typeof copies === "object" && !(Number.isInteger(copies.standbys) && copies.standbys >= 1 && copies.standbys <= 100)) throw outOfRange("copies.standbys", "1 to 100"); // prettier-ignore
  if (!/^[ -~]{1,100}$/.test(holder)) throw outOfRange("holder", "1 to 100 printable ASCII characters");
  return new PostgresStore(place, { copies, patience, lease, after, holder });
}

interface Terms {
  readonly copies: Copies;
  readonly patience: number;
  readonly lease: number;
  readonly after: number;
  readonly holder: string;
}

/** What leads: nothing is written without it. */
interface Leading {
  readonly epoch: number;
  readonly writer: Connection;
  readonly renewals: Renewals;
}

/** Whether the lease is this epoch's, and until the end of the transaction. */
const MINE = "mine AS MATERIALIZED (SELECT epoch FROM lease WHERE id = 0 AND epoch = $1 FOR SHARE)";
const APPEND = {
  name: "append",
  text: `WITH ${MINE} INSERT INTO records (sequence, epoch, bytes, key)
         SELECT s, mine.epoch, b, k FROM mine, unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS added (s, b, k)`,
};
const PUT = {
  name: "put",
  text: `WITH ${MINE},
         dropped AS (DELETE FROM documents USING mine WHERE name = ANY ($2::text[])),
         written AS (
           INSERT INTO documents (name, checksum, text) SELECT n, c, t FROM mine, unnest($3::text[], $4::bytea[], $5::bytea[]) AS added (n, c, t)
           ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, text = excluded.text)
         SELECT FROM mine`,
};
const ADD_PART = {
  name: "part",
  text: `WITH ${MINE} INSERT INTO snapshot_parts (parts, number, bytes) SELECT $2, $3, $4 FROM mine`,
};
const ADD_SNAPSHOT = {
  name: "snapshot",
  text: `WITH ${MINE} INSERT INTO snapshots (sequence, parts, count, checksum) SELECT $2, $3, $4, $5 FROM mine
         ON CONFLICT (sequence) DO UPDATE SET parts = excluded.parts, count = excluded.count, checksum = excluded.checksum`,
};
/** Old snapshots, and parts of none: of one that was not finished, too. */
const DROP_SNAPSHOTS = {
  name: "drop",
  text: `WITH ${MINE}, kept AS (SELECT sequence, parts FROM snapshots ORDER BY sequence DESC LIMIT $2),
         dropped AS (DELETE FROM snapshots USING mine WHERE sequence NOT IN (SELECT sequence FROM kept)),
         parts AS (DELETE FROM snapshot_parts p USING mine WHERE p.parts <= $3 AND p.parts NOT IN (SELECT parts FROM kept))
         SELECT FROM mine`,
};

class PostgresStore extends PostgresReader implements StandbyStore {
  readonly #place: Place;
  readonly #terms: Terms;
  #leading: Leading | null = null;
  #leader = "";
  /** sequence of the last record that counts */
  #last = -1;
  /** documents that wait for this opening to lead */
  readonly #held = new HeldDocuments();
  #refusal: TacitError | null = null;
  /** writes, one after the other */
  #writing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(place: Place, terms: Terms) {
    super(place);
    this.#place = place;
    this.#terms = terms;
  }

  get epoch(): number {
    return this.#leading?.epoch ?? 0;
  }

  get leader(): string {
    return this.#leader;
  }

  /**
   * Who leads, and how far it has come.
   * @returns whether its lease has run out
   * @throws STORAGE "foreign" where it is of a newer format than this program knows: it must not lead, nor follow
   */
  async look(): Promise<boolean> {
    const [row] = await this.query<Looked>(LOOK).catch((error: TacitError) => {
      // No tables so far.
      if (error.details.sqlstate === "42P01") return [];
      throw error;
    });
    if (!row) return true;
    if (row.format > STORE.steps.length) throw newerFormat(row.format, STORE);
    this.#leader = row.holder;
    this.#last = Math.max(this.#last, Number(row.acknowledged));
    return row.isOut;
  }

  async takeOver(): Promise<boolean> {
    if (!(await this.look())) {
      await this.#held.drop((names) => this.#names(names));
      return false;
    }
    try {
      await this.lead();
    } catch (error) {
      if (error instanceof TacitError && error.code === "LOCKED") return false;
      throw storageError("take over", error);
    }
    await this.#held.drop((names) => this.#names(names));
    try {
      for (const piece of this.#held.pieces()) {
        await this.put(piece);
        this.#held.written(Object.keys(piece));
      }
    } catch (error) {
      await this.#stepDown();
      throw error;
    }
    return true;
  }

  /** Gives the lease back, as if it had not been taken: whoever holds it without leading would keep all others from it. */
  async #stepDown(): Promise<void> {
    const { writer, renewals } = this.#leading!;
    [this.#leading, this.#refusal] = [null, null];
    await renewals.close();
    writer.end();
  }

  /**
   * Takes the lease. What was committed before may be on one disk only: it counts once what was committed after it, the lease, is on all
   * that are wanted. Read by a statement after that which took the lease: it sees what was written until then.
   * @throws as `openPostgresStore`
   */
  async lead(): Promise<void> {
    const { copies, patience, lease, after, holder } = this.#terms;
    const writer = await connect(this.#place, `tacit ${holder}`.slice(0, 63));
    const { client } = writer;
    let renewals: Renewals | null = null;
    try {
      await client.query("SET default_transaction_isolation = 'read committed'");
      // An end of a connection that nobody has noticed is noticed when there is an answer: not before, as that would cancel a wait.
      await client.query("SET client_connection_check_interval = 0").catch(() => {});
      await requireSettings(client, copies);
      // Who has it may know another format than this program, and is left alone.
      await requireFree(client);
      await migrate(client, STORE);
      const epoch = await takeLease(client, { holder, seconds: lease, after });
      renewals = new Renewals(this.#place, { epoch, seconds: lease }, {
        acknowledged: () => this.#last,
        onLost: () => (this.#refusal ??= fenced(epoch)),
      }); // prettier-ignore
      renewals.start();
      await waitForCopies(client, copies, patience);
      const [{ last }] = (await client.query("SELECT max(sequence) AS last FROM records")).rows as [{ last: string | null }]; // prettier-ignore
      this.#last = last === null ? -1 : Number(last);
      // The server it is told of from now on is this one alone.
      writer.takeNotices();
      this.#leading = { epoch, writer, renewals };
      this.#leader = holder;
    } catch (error) {
      await renewals?.close();
      writer.end();
      throw error;
    }
  }

  append(records: readonly StoredRecord[]): Promise<void> {
    return this.#write("append", async () => {
      requireRecords(records, this.#last);
      if (records.length === 0) return;
      const bytes = records.map((it) => Buffer.from(it.bytes));
      const keys = records.map(({ key }) => (key ? Buffer.from(key) : null));
      const values = [this.epoch, records.map(({ sequence }) => sequence), bytes, keys];
      await this.#commit({ ...APPEND, values }, records.length);
      this.#last += records.length;
    });
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    this.#requireWritable();
    requireSnapshot(snapshot, keep);
    const { sequence, bytes } = snapshot;
    const checksum = Buffer.from(snapshotChecksum(snapshot));
    const count = Math.ceil(bytes.length / PART);
    const parts = await this.#write("snapshot", async () => {
      const { rows } = await this.#leading!.writer.client.query("SELECT nextval('snapshot_numbers') AS parts");
      return Number((rows as [{ parts: string }])[0].parts);
    });
    // Each part on the disks of standbys before the next, and what is appended meanwhile between them.
    for (let number = 0; number < count; number++) {
      const part = Buffer.from(bytes.subarray(number * PART, (number + 1) * PART));
      await this.#write("snapshot", () => this.#commit({ ...ADD_PART, values: [this.epoch, parts, number, part] }, 1));
    }
    await this.#write("snapshot", async () => {
      await this.#commit({ ...ADD_SNAPSHOT, values: [this.epoch, sequence, parts, count, checksum] }, 1);
      await this.#commit({ ...DROP_SNAPSHOTS, values: [this.epoch, keep, parts] }, 1);
    });
  }

  async put(documents: Readonly<Record<string, string | null>>): Promise<void> {
    const changes = Object.entries(documents);
    for (const [name] of changes) requireName(name);
    if (!this.#leading) {
      this.requireOpen();
      return this.#held.put(changes);
    }
    return this.#write("documents", async () => {
      if (changes.length === 0) return;
      const dropped = changes.flatMap(([name, text]) => (text === null ? [name] : []));
      const written = changes.flatMap(([name, text]) => (text === null ? [] : [{ name, text: Buffer.from(text) }]));
      const checksums = written.map(({ name, text }) => Buffer.from(documentChecksum(name, text)));
      const values = [this.epoch, dropped, written.map(({ name }) => name), checksums, written.map(({ text }) => text)];
      await this.#commit({ ...PUT, values }, 1);
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writing;
    this.#refusal = closed();
    await this.#leading?.renewals.close();
    this.#leading?.writer.end();
    await this.endReading();
  }

  // Reading.

  protected get acknowledged(): number {
    return this.#last;
  }

  protected requireOpen(): void {
    if (this.#refusal?.details.reason === "closed") throw this.#refusal;
  }

  override async get(name: string): Promise<string | undefined> {
    const held = this.#held.get(requireName(name));
    return held === undefined ? super.get(name) : (held ?? undefined);
  }

  override async list(...asked: Parameters<Store["list"]>): Promise<{ name: string; text: string }[]> {
    return this.#held.amend(asked, (prefix, options) => super.list(prefix, options));
  }

  /** Those of some documents that are there. */
  async #names(names: readonly string[]): Promise<string[]> {
    const found = await this.query<{ name: string }>({ name: "names", text: "SELECT name FROM documents WHERE name = ANY ($1::text[])", values: [names] }); // prettier-ignore
    return found.map(({ name }) => name);
  }

  // Writing.

  #requireWritable(): void {
    if (this.#refusal) throw this.#refusal;
    if (this.#closing) throw closed();
    if (!this.#leading) throw new TacitError("FENCED", `the store is led by ${this.#leader}`, { holder: this.#leader });
  }

  /** One write after the other, in the order in which they were asked for. */
  #write<T>(what: string, body: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(async () => {
      this.#requireWritable();
      try {
        return await body();
      } catch (error) {
        throw storageError(what, error);
      }
    });
    this.#writing = done.catch(() => {});
    return done;
  }

  /**
   * One statement, which is a transaction. It is undone where the server says ERROR. Whatever else comes in the place of an answer without a
   * word, or beside one, leaves open whether it lasts: then nothing is written any more.
   * @param rows  that it has an effect on, where the lease is still this epoch's
   */
  async #commit(statement: { name: string; text: string; values: unknown[] }, rows: number): Promise<void> {
    const { epoch, writer } = this.#leading!;
    const { client, takeNotices } = writer;
    try {
      const { rowCount } = await client.query(statement);
      if (rowCount !== rows) throw (this.#refusal = fenced(epoch));
      const [notice] = takeNotices();
      if (notice !== undefined) throw unknown(`the server warned of it (${notice})`, notice);
      await waitForCopies(client, this.#terms.copies, this.#terms.patience);
    } catch (error) {
      if (isUndone(error)) {
        if ((error as { constraint?: string }).constraint === "records_key")
          throw new TacitError("STORAGE", "a record has this key already", { reason: "key" });
        throw error;
      }
      throw (this.#refusal ??= error instanceof TacitError ? error : unknown("the connection is lost", codeOf(error)));
    }
  }
}

interface Looked {
  readonly format: number;
  readonly holder: string;
  readonly isOut: boolean;
  readonly acknowledged: string;
}
const LOOK = {
  name: "look",
  text: `SELECT format, holder, renewal.until < now() AS "isOut", acknowledged FROM lease, renewal`,
};

function fenced(epoch: number): TacitError {
  return new TacitError("FENCED", `epoch ${epoch} of the store has ended: it was opened again`, { epoch });
}

function unknown(why: string, code: string): TacitError {
  const message = `${why}: whether it is written is known when the store is opened again`;
  return new TacitError("STORAGE", message, { reason: "unknown", sqlstate: code });
}

function closed(): TacitError {
  return new TacitError("STORAGE", "the store is closed", { reason: "closed" });
}
