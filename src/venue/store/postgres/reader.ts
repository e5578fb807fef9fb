import { TacitError } from "../../../protocol/errors.ts";
import { journalDamaged } from "../journal.ts";
import { documentOf, isChecksum, snapshotChecksum, type DocumentRow } from "../sqliteTables.ts";
import { PAGE, requireName, requirePrefix, type Snapshot } from "../store.ts";
import { connect, isUndone, storageError, type Connection, type Place } from "./connection.ts";

/** What a store in PostgreSQL holds, read by a connection of its own, beside what is written. */
export abstract class PostgresReader {
  readonly #place: Place;
  #connection: Promise<Connection> | null = null;
  /** questions, one after the other */
  #asked: Promise<unknown> = Promise.resolve();
  /** that no record before the last one is missing is looked at once: afterwards each is written after the one before */
  #gapless = false;

  protected constructor(place: Place) {
    this.#place = place;
  }

  abstract readonly epoch: number;

  /** Sequence of the last record that counts, as far as is known here: what is beyond it is not read. */
  protected abstract get acknowledged(): number;

  /** @throws STORAGE "closed" */
  protected abstract requireOpen(): void;

  async *read(from: number, most = Infinity): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = Math.max(0, from); ; at += PAGE) {
      const count = Math.min(PAGE, this.acknowledged + 1 - at, from + most - at);
      if (count <= 0) return this.requireOpen();
      const text = "SELECT sequence, bytes FROM records WHERE sequence BETWEEN $1 AND $2 ORDER BY sequence";
      const page = await this.query<{ sequence: string; bytes: Buffer }>({ name: "read", text, values: [at, at + count - 1] }); // prettier-ignore
      for (let i = 0; i < count; i++) if (Number(page[i]?.sequence ?? -1) !== at + i) throw this.#missing(at + i);
      for (const { bytes } of page) yield bytes;
    }
  }

  async last(): Promise<number> {
    this.requireOpen();
    const last = this.acknowledged;
    if (this.#gapless) return last;
    const [{ count, first }] = await this.query<{ count: string; first: string | null }>({ text: "SELECT count(*) AS count, min(sequence) AS first FROM records WHERE sequence <= $1", values: [last] }); // prettier-ignore
    if (Number(count) !== last + 1 || Number(first ?? 0) !== 0) {
      const [{ gap }] = await this.query<{ gap: string }>({ text: "SELECT n AS gap FROM generate_series(0::bigint, $1) n LEFT JOIN records ON sequence = n WHERE sequence IS NULL ORDER BY n LIMIT 1", values: [last] }); // prettier-ignore
      throw this.#missing(Number(gap));
    }
    this.#gapless = true;
    return last;
  }

  #missing(sequence: number): TacitError {
    return journalDamaged(sequence, "row", `to be there, as the last one is ${this.acknowledged}`);
  }

  async find(key: Uint8Array): Promise<number | undefined> {
    const [row] = await this.query<{ sequence: string }>({ name: "find", text: "SELECT sequence FROM records WHERE key = $1", values: [Buffer.from(key)] }); // prettier-ignore
    return row && Number(row.sequence);
  }

  async *snapshots(): AsyncGenerator<Snapshot, void, undefined> {
    interface Row {
      readonly sequence: string;
      readonly parts: string;
      readonly count: number;
      readonly checksum: Buffer;
    }
    const all = await this.query<Row>({ text: "SELECT * FROM snapshots ORDER BY sequence DESC" });
    for (const { sequence, parts, count, checksum } of all) {
      const pieces: Buffer[] = [];
      for (let number = 0; number < count; number++) {
        const text = "SELECT bytes FROM snapshot_parts WHERE parts = $1 AND number = $2";
        const [piece] = await this.query<{ bytes: Buffer }>({ name: "piece", text, values: [parts, number] });
        if (piece) pieces.push(piece.bytes);
      }
      const snapshot = { sequence: Number(sequence), bytes: Buffer.concat(pieces) };
      if (isChecksum(checksum, () => snapshotChecksum(snapshot))) yield snapshot;
    }
  }

  async get(name: string): Promise<string | undefined> {
    requireName(name);
    const text = "SELECT name, checksum, text FROM documents WHERE name = $1";
    const [row] = await this.query<DocumentColumns>({ name: "get", text, values: [name] });
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
    const rows = await this.query<DocumentColumns>({ name: `list ${order}`, text, values: [prefix, after, until, limit ?? null] }); // prettier-ignore
    return rows.map((row) => documentOf(rowOf(row)));
  }

  async backup(): Promise<void> {
    throw new TacitError(
      "UNSUPPORTED",
      "a database is backed up by its own tools: pg_basebackup, or `tacit store copy`",
    );
  }

  /** @throws STORAGE; a connection that is lost is made anew when something is asked next */
  protected async query<Row>(query: { name?: string; text: string; values?: unknown[] }): Promise<Row[]> {
    this.requireOpen();
    let connection: Connection | undefined;
    try {
      connection = await this.#connected();
      const { client } = connection;
      // Those behind one that has ended with its connection fail at once.
      const answer = this.#asked.then(() => client.query(query));
      this.#asked = answer.catch(() => {});
      return (await answer).rows as Row[];
    } catch (error) {
      if (!isUndone(error)) connection?.end();
      throw storageError("read", error);
    }
  }

  async #connected(): Promise<Connection> {
    const known = this.#connection;
    const connection = await known?.catch(() => undefined);
    if (connection && connection.lost() === undefined) return connection;
    // Who else has found it lost has made it anew.
    if (this.#connection === known) this.#connection = connect(this.#place, `tacit reads ${this.epoch}`, { answersWithinMs: ANSWERS_MS }); // prettier-ignore
    return this.#connection!;
  }

  protected async endReading(): Promise<void> {
    (await this.#connection?.catch(() => undefined))?.end();
  }
}

/** A server that has not answered a question so long is away: another may answer the next. */
const ANSWERS_MS = 10_000;

interface DocumentColumns {
  readonly name: string;
  readonly checksum: Buffer;
  readonly text: Buffer;
}
const rowOf = ({ name, checksum, text }: DocumentColumns): DocumentRow => [name, checksum, text];
