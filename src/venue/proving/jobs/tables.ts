import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";
import { formatOf, type Schema } from "../../store/postgres/migrations.ts";

/**
 * Asked is by venues (`askers`), each by a number of its own; a job is waiting while it has no prover. Beside it are its inputs, which are
 * written once, and answers, of which there may be several: from who was given up, too. A key is `name sha256`, of the circuit's proving
 * key. What comes and goes is vacuumed early, as a long row of what is dead makes each look slow.
 */
const OFTEN =
  "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000";
const STEPS: readonly string[] = [
  `CREATE TABLE format (id int PRIMARY KEY CHECK (id = 0), format int NOT NULL);
   CREATE TABLE askers (id bigint PRIMARY KEY, keys text[] NOT NULL, seen timestamptz NOT NULL) WITH (fillfactor = 50, ${OFTEN});
   CREATE TABLE provers (
     name text PRIMARY KEY, session bigint NOT NULL, seen timestamptz NOT NULL, handed timestamptz NOT NULL,
     held int NOT NULL, barred timestamptz
   ) WITH (fillfactor = 50, ${OFTEN});
   CREATE TABLE prover_keys (name text PRIMARY KEY, keys text[] NOT NULL);
   CREATE TABLE jobs (
     asker bigint, number bigint, asked timestamptz NOT NULL, key text NOT NULL, refused jsonb NOT NULL, prover text, taken timestamptz,
     PRIMARY KEY (asker, number)
   ) WITH (fillfactor = 50, ${OFTEN});
   CREATE INDEX jobs_waiting ON jobs (asked, asker, number) WHERE prover IS NULL;
   CREATE INDEX jobs_taken ON jobs (prover) WHERE prover IS NOT NULL;
   CREATE TABLE inputs (asker bigint, number bigint, bytes bytea NOT NULL, PRIMARY KEY (asker, number))
     WITH (${OFTEN}, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 5000);
   ALTER TABLE inputs ALTER bytes SET STORAGE EXTERNAL;
   CREATE TABLE answers (asker bigint, number bigint, prover text, proof bytea, failure text, PRIMARY KEY (asker, number, prover))
     WITH (${OFTEN});
   INSERT INTO format VALUES (0, 1);`,
];

/** Of a database of jobs. */
export const JOBS: Schema = {
  what: "jobs",
  lock: 0x7461_6a6f,
  tables: ["format", "askers", "provers", "prover_keys", "jobs", "inputs", "answers"],
  format: "format",
  steps: STEPS,
};

/** @throws STORAGE  "foreign"; "empty" where a venue has yet to make the tables, or to bring them to this format */
export async function requireJobs(client: Client): Promise<void> {
  if ((await formatOf(client, JOBS)) < STEPS.length)
    throw new TacitError("STORAGE", "there are no jobs here so far: expected a venue to have made the tables", { reason: "empty" }); // prettier-ignore
}
