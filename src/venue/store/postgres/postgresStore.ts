import { hostname } from "node:os";
import { outOfRange, TacitError } from "../../../protocol/errors.ts";
import { journalDamaged } from "../journal.ts";
import { documentChecksum, documentOf, isChecksum, snapshotChecksum, type DocumentRow } from "../sqliteTables.ts";
import {
  PAGE,
  requireName,
  requirePrefix,
  requireRecords,
  requireSnapshot,
  type Snapshot,
  type Store,
  type StoredRecord,
} from "../store.ts";
import { codeOf, connect, isUndone, placeOf, storageError, type Connection, type Place } from "./connection.ts";
import { requireSettings, waitForCopies, type Copies } from "./copies.ts";
import { Renewals, takeLease } from "./lease.ts";
import { migrate } from "./tables.ts";

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
  const writer = await connect(place, `tacit ${holder}`.slice(0, 63)).catch((error) => {
    throw storageError("open", error);
  });
  let store: PostgresStore | null = null;
  try {
    const { client } = writer;
    await client.query("SET default_transaction_isolation = 'read committed'");
    // An end of a connection that nobody has noticed is noticed when there is an answer: not before, as that would cancel a wait.
    await client.query("SET client_connection_check_interval = 0").catch(() => {});
    await requireSettings(client, copies);
    await migrate(client);
    const epoch = await takeLease(client, { holder, seconds: lease, after });
    store = new PostgresStore(place, writer, { epoch, copies, patience, lease });
    await store.begin();
    return store;
  } catch (error) {
    await (store ? store.close() : writer.client.end()).catch(() => {});
    throw storageError("open", error);
  }
}

interface Terms {
  readonly epoch: number;
  readonly copies: Copies;
  readonly patience: number;
  readonly lease: number;
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

class PostgresStore implements Store {
  readonly epoch: number;
  readonly #place: Place;
  readonly #terms: Terms;
  readonly #writer: Connection;
  readonly #renewals: Renewals;
  #reader: Promise<Connection> | null = null;
  #last = -1;
  /** that no record before the last one is missing is looked at once: afterwards there is only this writer */
  #gapless = false;
  #refusal: TacitError | null = null;
  /** writes, one after the other */
  #writing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(place: Place, writer: Connection, terms: Terms) {
    this.#place = place;
    this.#writer = writer;
    this.#terms = terms;
    this.epoch = terms.epoch;
    this.#renewals = new Renewals(
      place,
      terms.epoch,
      terms.lease,
      () => this.#last,
      () => (this.#refusal ??= this.#fenced()),
    );
  }

  /**
   * What was committed before it was led by this epoch may be on one disk only: it counts once what was committed after it, the lease, is on
   * all that are wanted. Read by a statement after that which took the lease: it sees what was written until then.
   */
  async begin(): Promise<void> {
    const { copies, patience } = this.#terms;
    this.#renewals.start();
    await waitForCopies(this.#writer.client, copies, patience);
    const [{ last }] = (await this.#writer.client.query("SELECT max(sequence) AS last FROM records")).rows as [{ last: string | null }]; // prettier-ignore
    this.#last = last === null ? -1 : Number(last);
    // The server it is told of from now on is this one alone.
    this.#writer.takeNotices();
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

  async *read(from: number, most = Infinity): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = Math.max(0, from); ; at += PAGE) {
      const count = Math.min(PAGE, this.#last + 1 - at, from + most - at);
      if (count <= 0) return this.#requireOpen();
      const text = "SELECT sequence, bytes FROM records WHERE sequence BETWEEN $1 AND $2 ORDER BY sequence";
      const page = await this.#read<{ sequence: string; bytes: Buffer }>({ name: "read", text, values: [at, at + count - 1] }); // prettier-ignore
      for (let i = 0; i < count; i++) if (Number(page[i]?.sequence ?? -1) !== at + i) throw this.#missing(at + i);
      for (const { bytes } of page) yield bytes;
    }
  }

  async last(): Promise<number> {
    this.#requireOpen();
    const last = this.#last;
    if (this.#gapless) return last;
    const [{ count, first }] = await this.#read<{ count: string; first: string | null }>({ text: "SELECT count(*) AS count, min(sequence) AS first FROM records WHERE sequence <= $1", values: [last] }); // prettier-ignore
    if (Number(count) !== last + 1 || Number(first ?? 0) !== 0) {
      const [{ gap }] = await this.#read<{ gap: string }>({ text: "SELECT n AS gap FROM generate_series(0::bigint, $1) n LEFT JOIN records ON sequence = n WHERE sequence IS NULL ORDER BY n LIMIT 1", values: [last] }); // prettier-ignore
      throw this.#missing(Number(gap));
    }
    this.#gapless = true;
    return last;
  }

  #missing(sequence: number): TacitError {
    return journalDamaged(sequence, "row", `to be there, as the last one is ${this.#last}`);
  }

  async find(key: Uint8Array): Promise<number | undefined> {
    const [row] = await this.#read<{ sequence: string }>({ name: "find", text: "SELECT sequence FROM records WHERE key = $1", values: [Buffer.from(key)] }); // prettier-ignore
    return row && Number(row.sequence);
  }

  async saveSnapshot(snapshot: Snapshot, keep: number): Promise<void> {
    this.#requireWritable();
    requireSnapshot(snapshot, keep);
    const { sequence, bytes } = snapshot;
    const checksum = Buffer.from(snapshotChecksum(snapshot));
    const count = Math.ceil(bytes.length / PART);
    const parts = await this.#write("snapshot", async () => {
      const { rows } = await this.#writer.client.query("SELECT nextval('snapshot_numbers') AS parts");
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

  async *snapshots(): AsyncGenerator<Snapshot, void, undefined> {
    interface Row {
      readonly sequence: string;
      readonly parts: string;
      readonly count: number;
      readonly checksum: Buffer;
    }
    const all = await this.#read<Row>({ text: "SELECT * FROM snapshots ORDER BY sequence DESC" });
    for (const { sequence, parts, count, checksum } of all) {
      const pieces: Buffer[] = [];
      for (let number = 0; number < count; number++) {
        const text = "SELECT bytes FROM snapshot_parts WHERE parts = $1 AND number = $2";
        const [piece] = await this.#read<{ bytes: Buffer }>({ name: "piece", text, values: [parts, number] });
        if (piece) pieces.push(piece.bytes);
      }
      const snapshot = { sequence: Number(sequence), bytes: Buffer.concat(pieces) };
      if (isChecksum(checksum, () => snapshotChecksum(snapshot))) yield snapshot;
    }
  }

  put(documents: Readonly<Record<string, string | null>>): Promise<void> {
    return this.#write("documents", async () => {
      const changes = Object.entries(documents);
      for (const [name] of changes) requireName(name);
      if (changes.length === 0) return;
      const dropped = changes.flatMap(([name, text]) => (text === null ? [name] : []));
      const written = changes.flatMap(([name, text]) => (text === null ? [] : [{ name, text: Buffer.from(text) }]));
      const checksums = written.map(({ name, text }) => Buffer.from(documentChecksum(name, text)));
      const values = [this.epoch, dropped, written.map(({ name }) => name), checksums, written.map(({ text }) => text)];
      await this.#commit({ ...PUT, values }, 1);
    });
  }

  async get(name: string): Promise<string | undefined> {
    requireName(name);
    const text = "SELECT name, checksum, text FROM documents WHERE name = $1";
    const [row] = await this.#read<DocumentColumns>({ name: "get", text, values: [name] });
    return row && documentOf(rowOf(row)).text;
  }

  async list(
    prefix: string,
    options: { after?: string; before?: string; limit?: number; reverse?: boolean } = {},
  ): Promise<{ name: string; text: string }[]> {
    requirePrefix("prefix", prefix);
    const { after = "", before, limit, reverse = false } = options;
    // Names are ASCII without DEL, so that this is beyond all that begin with the prefix.
    const end = `${prefix}\x7f`;
    const until = before === undefined || before > end ? end : before;
    const order = reverse ? "DESC" : "ASC";
    const text = `SELECT name, checksum, text FROM documents WHERE name >= $1 AND name > $2 AND name < $3 ORDER BY name ${order} LIMIT $4`;
    const rows = await this.#read<DocumentColumns>({ name: `list ${order}`, text, values: [prefix, after, until, limit ?? null] }); // prettier-ignore
    return rows.map((row) => documentOf(rowOf(row)));
  }

  async backup(): Promise<void> {
    throw new TacitError(
      "UNSUPPORTED",
      "a database is backed up by its own tools: pg_basebackup, or `tacit store copy`",
    );
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writing;
    this.#refusal = closed();
    await this.#renewals.close();
    await this.#writer.client.end().catch(() => {});
    await (await this.#reader?.catch(() => null))?.client.end().catch(() => {});
  }

  // Reading: beside what is written.

  #requireOpen(): void {
    if (this.#refusal?.details.reason === "closed") throw this.#refusal;
  }

  async #read<Row>(query: { name?: string; text: string; values?: unknown[] }): Promise<Row[]> {
    this.#requireOpen();
    try {
      this.#reader ??= connect(this.#place, `tacit reads ${this.epoch}`);
      const { client, lost } = await this.#reader;
      if (lost() !== undefined) {
        this.#reader = null;
        return await this.#read(query);
      }
      return (await client.query(query)).rows as Row[];
    } catch (error) {
      if (!isUndone(error)) this.#reader = null;
      throw storageError("read", error);
    }
  }

  // Writing.

  #requireWritable(): void {
    if (this.#refusal) throw this.#refusal;
    if (this.#closing) throw closed();
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
    const { client, takeNotices } = this.#writer;
    try {
      const { rowCount } = await client.query(statement);
      if (rowCount !== rows) throw (this.#refusal = this.#fenced());
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

  #fenced(): TacitError {
    return new TacitError("FENCED", `epoch ${this.epoch} of the store has ended: it was opened again`, { epoch: this.epoch }); // prettier-ignore
  }
}

interface DocumentColumns {
  readonly name: string;
  readonly checksum: Buffer;
  readonly text: Buffer;
}
const rowOf = ({ name, checksum, text }: DocumentColumns): DocumentRow => [name, checksum, text];

function unknown(why: string, code: string): TacitError {
  const message = `${why}: whether it is written is known when the store is opened again`;
  return new TacitError("STORAGE", message, { reason: "unknown", sqlstate: code });
}

function closed(): TacitError {
  return new TacitError("STORAGE", "the store is closed", { reason: "closed" });
}
