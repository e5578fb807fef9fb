/** What a prover says to the database of jobs. $1 is its name, $2 its session. Times are of the server's clock. */
import { JOBS_CHANNEL } from "./asking.ts";
import type { Statement } from "./link.ts";

/** Takes the name, with keys $3 and $5 jobs, unless another had it in the last $4 seconds. */
export const ENTER: Statement = {
  text: `WITH entered AS (
           INSERT INTO provers (name, session, held, seen, handed) VALUES ($1, $2, $5, clock_timestamp(), clock_timestamp())
           ON CONFLICT (name) DO UPDATE SET session = excluded.session, held = excluded.held, seen = excluded.seen, handed = excluded.handed
           WHERE provers.session = excluded.session OR provers.seen < clock_timestamp() - make_interval(secs => $4)
           RETURNING name)
         INSERT INTO prover_keys (name, keys) SELECT name, $3 FROM entered ON CONFLICT (name) DO UPDATE SET keys = excluded.keys
         RETURNING name`,
};

/** It has $3 jobs. */
export const BEAT: Statement = {
  name: "beat",
  text: `UPDATE provers SET seen = clock_timestamp(), held = $3 WHERE name = $1 AND session = $2
         RETURNING barred IS NOT NULL AND barred > clock_timestamp() AS barred`,
};

/** Venues that gave a sign within $1 seconds. */
export const ASKERS: Statement = {
  name: "askers",
  text: "SELECT id, keys FROM askers WHERE seen > clock_timestamp() - make_interval(secs => $1)",
};

const MINE = `mine AS MATERIALIZED (
  SELECT FROM provers WHERE name = $1::text AND session = $2 AND (barred IS NULL OR barred < clock_timestamp()))`;
/** The oldest job with one of the keys $3 that it has not refused and that has no answer, where `condition` holds. */
const takeWhere = (condition: string) => `WITH ${MINE},
  taken AS (
    UPDATE jobs SET prover = $1::text, taken = clock_timestamp() WHERE (asker, number) = (
      SELECT asker, number FROM jobs j WHERE prover IS NULL AND key = ANY ($3::text[]) AND NOT refused ? $1::text
        AND NOT EXISTS (SELECT FROM answers a WHERE a.asker = j.asker AND a.number = j.number) AND EXISTS (SELECT FROM mine) AND ${condition}
      ORDER BY asked, asker, number LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING asker, number, key),
  counted AS (UPDATE provers SET held = held + 1 FROM taken WHERE name = $1)
  SELECT asker, number, key, (SELECT bytes FROM inputs i WHERE i.asker = taken.asker AND i.number = taken.number) FROM taken`;
const IDLE = `(SELECT count(*) FROM provers WHERE held = 0 AND seen > clock_timestamp() - make_interval(secs => $4)
  AND (barred IS NULL OR barred < clock_timestamp()))`;

export const TAKE: Statement = { name: "take", text: takeWhere("$4::float8 > 0") };
/** Beside one that it has: only while more jobs wait than there are provers without any, of those that gave a sign within $4 seconds. */
export const TAKE_AHEAD: Statement = {
  name: "take ahead",
  text: takeWhere(`(${IDLE} = 0 OR ${IDLE} < (SELECT count(*) FROM jobs WHERE prover IS NULL))`),
};

/** Of job ($3, $4) a proof $5, or a failure $6; it has $7 more. A job that is over gets no answer. */
export const HAND_IN: Statement = {
  name: "hand in",
  text: `WITH answer AS (
           INSERT INTO answers (asker, number, prover, proof, failure)
           SELECT asker, number, $1::text, $5::bytea, $6::text FROM jobs WHERE asker = $3 AND number = $4
           ON CONFLICT DO NOTHING)
         UPDATE provers SET seen = clock_timestamp(), handed = clock_timestamp(), held = $7 WHERE name = $1 AND session = $2`,
};

/** All but those that it still has, $3. */
export const GIVE_BACK: Statement = {
  text: `WITH back AS (
           UPDATE jobs SET prover = NULL, taken = NULL WHERE prover = $1 AND NOT (asker || ' ' || number) = ANY ($3::text[])
             AND EXISTS (SELECT FROM provers WHERE name = $1 AND session = $2)
             AND NOT EXISTS (SELECT FROM answers a WHERE a.asker = jobs.asker AND a.number = jobs.number AND a.prover = $1)
           RETURNING number)
         SELECT pg_notify('${JOBS_CHANNEL}', '') FROM back LIMIT 1`,
};

/** One that is barred stays known. */
export const LEAVE: Statement = {
  text: "DELETE FROM provers WHERE name = $1 AND session = $2 AND (barred IS NULL OR barred < clock_timestamp())",
};
