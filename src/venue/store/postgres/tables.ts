import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";

/** Of the tables, and of what records come to: a venue of an older one neither leads nor follows. Raised with either. */
export const FORMAT = 1;
/** Of all venues that make tables at once, one does. */
const MIGRATING = 0x7461_6369;

/**
 * `lease` has one row, which each write locks FOR SHARE and taking over changes: its epoch fences. `renewal` is apart from it, as its
 * locks are held while a commit waits for standbys. Bytes are not compressed: what is in them is random, mostly.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE lease (
     id int PRIMARY KEY CHECK (id = 0), format int NOT NULL, epoch bigint NOT NULL, holder text NOT NULL, application text NOT NULL,
     pid int NOT NULL, backend_start timestamptz NOT NULL, postmaster_start timestamptz NOT NULL
   ) WITH (fillfactor = 50);
   CREATE TABLE renewal (
     id int PRIMARY KEY CHECK (id = 0), epoch bigint NOT NULL, until timestamptz NOT NULL, acknowledged bigint NOT NULL
   ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
   CREATE TABLE records (sequence bigint PRIMARY KEY, epoch bigint NOT NULL, bytes bytea NOT NULL, key bytea);
   ALTER TABLE records ALTER bytes SET STORAGE EXTERNAL;
   CREATE UNIQUE INDEX records_key ON records (key) WHERE key IS NOT NULL;
   CREATE TABLE snapshots (sequence bigint PRIMARY KEY, parts bigint NOT NULL, count int NOT NULL, checksum bytea NOT NULL);
   CREATE TABLE snapshot_parts (parts bigint, number int, bytes bytea NOT NULL, PRIMARY KEY (parts, number));
   ALTER TABLE snapshot_parts ALTER bytes SET STORAGE EXTERNAL;
   CREATE SEQUENCE snapshot_numbers;
   CREATE TABLE documents (name text COLLATE "C" PRIMARY KEY, checksum bytea NOT NULL, text bytea NOT NULL)
     WITH (autovacuum_vacuum_scale_factor = 0.02);
   INSERT INTO lease VALUES (0, 1, 0, '', '', 0, 'epoch', 'epoch');
   INSERT INTO renewal VALUES (0, 0, '-infinity', -1);`,
];
const TABLES = ["lease", "renewal", "records", "snapshots", "snapshot_parts", "documents"];

/**
 * Makes the tables in the schema of the connection, or brings them to this format.
 * @throws STORAGE  "foreign" where they are others, or of a newer format
 */
export async function migrate(client: Client): Promise<void> {
  await client.query("SELECT pg_advisory_lock($1)", [MIGRATING]);
  try {
    const format = await formatOf(client);
    for (let next = format; next < FORMAT; next++) {
      // One transaction: all of the step, or nothing.
      const raised = next === 0 ? "" : `UPDATE lease SET format = ${next + 1};`;
      await client.query(`BEGIN; ${MIGRATIONS[next]} ${raised} COMMIT`);
    }
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [MIGRATING]);
  }
}

/** 0 where there is nothing. @throws STORAGE "foreign" */
export async function formatOf(client: Client): Promise<number> {
  const { rows } = await client.query(
    "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = current_schema()",
  );
  const found = (rows as { name: string }[]).map(({ name }) => name);
  if (found.length === 0) return 0;
  if (!TABLES.every((name) => found.includes(name)))
    throw new TacitError("STORAGE", "the schema holds tables of something else: expected an empty one, or a store of Tacit", { reason: "foreign" }); // prettier-ignore
  const [row] = (await client.query("SELECT format FROM lease")).rows as { format: number }[];
  if (!row || row.format > FORMAT) throw newerFormat(row?.format);
  return row.format;
}

export function newerFormat(format: number | undefined): TacitError {
  return new TacitError("STORAGE", `the store has format ${format}: expected at most ${FORMAT}`, { reason: "foreign", format }); // prettier-ignore
}
