import type { Schema } from "./migrations.ts";

/**
 * `lease` has one row, which each write locks FOR SHARE and taking over changes: its epoch fences. `renewal` is apart from it, as its
 * locks are held while a commit waits for standbys. Bytes are not compressed: what is in them is random, mostly.
 */
const STEPS: readonly string[] = [
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

/** Of a store. A venue neither leads nor follows one of more steps than it knows: one is added, be it empty, where records come to something else. */
export const STORE: Schema = {
  what: "a store",
  lock: 0x7461_6369,
  tables: ["lease", "renewal", "records", "snapshots", "snapshot_parts", "documents"],
  format: "lease",
  steps: STEPS,
};
