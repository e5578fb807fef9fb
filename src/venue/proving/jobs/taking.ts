/** What a prover says to the database of jobs. $1 is its name, $2 its session. Times are of the server's clock. */
import { JOBS_CHANNEL } from "./asking.ts";
import type { Statement } from "./link.ts";

/** Takes the name, with keys $3, unless another had it in the last $4 seconds. */
export const ENTER: Statement = {
  text: `INSERT INTO provers (name, session, keys, seen, handed) VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp())
         ON CONFLICT (name) DO UPDATE SET session = excluded.session, keys = excluded.keys, seen = excluded.seen, handed = excluded.handed
         WHERE provers.session = excluded.session OR provers.seen < clock_timestamp() - make_interval(secs => $4)
         RETURNING session`,
};

export const BEAT: Statement = {
  name: "beat",
  text: `UPDATE provers SET seen = clock_timestamp() WHERE name = $1 AND session = $2
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
  next AS MATERIALIZED (
    SELECT asker, number FROM jobs WHERE prover IS NULL AND key = ANY ($3) AND NOT refused ? $1::text AND EXISTS (SELECT FROM mine) AND ${condition}
    ORDER BY asked, asker, number LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE jobs SET prover = $1::text, taken = clock_timestamp() FROM next JOIN inputs USING (asker, number)
  WHERE jobs.asker = next.asker AND jobs.number = next.number RETURNING jobs.asker, jobs.number, key, bytes`;

export const TAKE: Statement = { name: "take", text: takeWhere("$4::float8 > 0") };
/** Beside one that it has: only while more jobs wait than there are provers without any, of those that gave a sign within $4 seconds. */
export const TAKE_AHEAD: Statement = {
  name: "take ahead",
  text: takeWhere(`(SELECT count(*) FROM jobs WHERE prover IS NULL) > (
    SELECT count(*) FROM provers p WHERE seen > clock_timestamp() - make_interval(secs => $4) AND (barred IS NULL OR barred < clock_timestamp())
    AND NOT EXISTS (SELECT FROM jobs WHERE prover = p.name))`),
};

/** Of job ($3, $4) a proof $5, or a failure $6: told on channel $7. A job that is over gets no answer. */
export const HAND_IN: Statement = {
  name: "hand in",
  text: `WITH answer AS (
           INSERT INTO answers (asker, number, prover, proof, failure) SELECT asker, number, $1::text, $5::bytea, $6::text FROM jobs WHERE asker = $3 AND number = $4
           ON CONFLICT DO NOTHING RETURNING number),
         alive AS (UPDATE provers SET seen = clock_timestamp(), handed = clock_timestamp() WHERE name = $1 AND session = $2)
         SELECT pg_notify($7, '') FROM answer`,
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
