/** What a venue says to the database of jobs. $1 is its own number, unless it is said otherwise. Times are of the server's clock. */
import type { Statement } from "./link.ts";

/**
 * Where provers hear of jobs. Of answers nobody is told: a notification wakes all that listen to anything in the database, and so each answer
 * would wake each prover.
 */
export const JOBS_CHANNEL = "tacit_jobs";
const TOLD = `pg_notify('${JOBS_CHANNEL}', '')`;

/** Seconds without a sign of who asked, after which its jobs are dropped: it hands them out again should it be back. */
export const ASKER_SECONDS = 60;

export const ASKER: Statement = {
  text: `INSERT INTO askers (id, keys, seen) VALUES ($1, $2, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET seen = excluded.seen`,
};
export const ASKER_BEAT: Statement = {
  name: "asker",
  text: "UPDATE askers SET seen = clock_timestamp() WHERE id = $1 RETURNING id",
};

/** All of the jobs that match, in one statement: a job that is there has its inputs. */
const remove = (
  which: string,
) => `WITH jobs AS (DELETE FROM jobs WHERE ${which}), inputs AS (DELETE FROM inputs WHERE ${which})
  DELETE FROM answers WHERE ${which}`;
/** All but the jobs $2. */
export const KEEP_ONLY: Statement = { text: remove("asker = $1 AND NOT number = ANY ($2::bigint[])") };
/** The jobs $2. */
export const DROP: Statement = { name: "drop", text: remove("asker = $1 AND number = ANY ($2::bigint[])") };

/** Jobs by number, key, who has refused them, and inputs. Told where anybody has less than it may have: others look when they have ended one. */
export const HAND_OUT: Statement = {
  name: "hand out",
  text: `WITH given AS MATERIALIZED (SELECT * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bytea[]) AS given (n, k, r, b)),
         read AS (INSERT INTO inputs (asker, number, bytes) SELECT $1, n, b FROM given ON CONFLICT DO NOTHING),
         added AS (
           INSERT INTO jobs (asker, number, asked, key, refused) SELECT $1, n, clock_timestamp(), k, r::jsonb FROM given
           ON CONFLICT DO NOTHING)
         SELECT ${TOLD} WHERE EXISTS (SELECT FROM provers WHERE held < 2)`,
};

/** The oldest that no prover has. */
export const CLAIM: Statement = {
  name: "claim",
  text: `DELETE FROM jobs WHERE asker = $1 AND number = (
           SELECT number FROM jobs WHERE asker = $1 AND prover IS NULL ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING number`,
};

export const ANSWERS: Statement = {
  name: "answers",
  text: "SELECT number, prover, proof, failure FROM answers WHERE asker = $1",
};

/** Of job $2 by prover $3: who else has it meanwhile keeps it. */
export const REFUSE: Statement = {
  text: `WITH judged AS (DELETE FROM answers WHERE asker = $1 AND number = $2 AND prover = $3),
         back AS (
           UPDATE jobs SET refused = refused || to_jsonb($3::text),
             prover = CASE WHEN prover = $3 THEN NULL ELSE prover END, taken = CASE WHEN prover = $3 THEN NULL ELSE taken END
           WHERE asker = $1 AND number = $2)
         SELECT ${TOLD}`,
};

/** $1: a prover, for $2 seconds. */
export const BAR: Statement = {
  text: "UPDATE provers SET barred = clock_timestamp() + make_interval(secs => $2) WHERE name = $1",
};

/** From prover $2. */
export const TAKE_AWAY: Statement = {
  text: `WITH back AS (UPDATE jobs SET prover = NULL, taken = NULL WHERE asker = $1 AND prover = $2) SELECT ${TOLD}`,
};

/**
 * From provers that gave no sign for $2 seconds, or have handed in nothing for $3 since they had the job: one that it has in advance waits
 * for the one before it.
 */
export const TAKE_BACK: Statement = {
  name: "take back",
  text: `WITH late AS MATERIALIZED (
           SELECT j.number, j.prover, p.name IS NULL OR p.seen < clock_timestamp() - make_interval(secs => $2) AS died
           FROM jobs j LEFT JOIN provers p ON p.name = j.prover
           WHERE j.asker = $1 AND j.prover IS NOT NULL
             AND (p.name IS NULL OR p.seen < clock_timestamp() - make_interval(secs => $2)
               OR greatest(j.taken, p.handed) < clock_timestamp() - make_interval(secs => $3))
             AND NOT EXISTS (SELECT FROM answers a WHERE a.asker = j.asker AND a.number = j.number AND a.prover = j.prover)
           FOR UPDATE OF j),
         back AS (
           UPDATE jobs SET prover = NULL, taken = NULL, refused = CASE WHEN died THEN refused ELSE refused || to_jsonb(late.prover) END
           FROM late WHERE jobs.asker = $1 AND jobs.number = late.number)
         SELECT number, prover, died, ${TOLD} FROM late`,
};

/** Those that gave a sign within $1 seconds, are not barred, and have one of the keys $2. */
export const PROVERS: Statement = {
  name: "provers",
  text: `SELECT name FROM provers JOIN prover_keys USING (name) WHERE seen > clock_timestamp() - make_interval(secs => $1)
         AND (barred IS NULL OR barred < clock_timestamp()) AND keys && $2 ORDER BY name`,
};

export const COUNT: Statement = {
  name: "count",
  text: "SELECT count(*) FILTER (WHERE prover IS NULL)::int AS waiting, count(prover)::int AS taken FROM jobs WHERE asker = $1",
};

/** Whatever nobody asks for any more, after $1 seconds; and provers that were not seen for a day. */
export const BURY: Statement = {
  name: "bury",
  text: `WITH dead AS MATERIALIZED (DELETE FROM askers WHERE seen < clock_timestamp() - make_interval(secs => $1) RETURNING id),
         jobs AS (DELETE FROM jobs USING dead WHERE asker = id), inputs AS (DELETE FROM inputs USING dead WHERE asker = id),
         answers AS (DELETE FROM answers USING dead WHERE asker = id)
         DELETE FROM provers WHERE seen < clock_timestamp() - interval '1 day'`,
};

export const LEAVE: Statement = {
  text: `WITH gone AS MATERIALIZED (DELETE FROM askers WHERE id = $1 RETURNING id),
         jobs AS (DELETE FROM jobs USING gone WHERE asker = id), inputs AS (DELETE FROM inputs USING gone WHERE asker = id)
         DELETE FROM answers USING gone WHERE asker = id`,
};
