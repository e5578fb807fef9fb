import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";

/** On which disks a record must be before it counts as written. */
export type Copies =
  /** of so many standbys beside the server's own: a fault of one machine loses nothing */
  | { readonly standbys: number }
  /** the server's own; a fault of it loses what was acknowledged */
  | "oneDisk"
  /** what the server calls its disk is several, by storage that replicates: nothing here can see that */
  | "storageReplication";

/** Milliseconds between looks at where standbys are, and looks in all. */
const LOOK_MS = 2;

/** What SHOW must give of a server that keeps what it has said to keep. */
const SETTINGS: Readonly<Record<string, (value: string) => boolean>> = {
  fsync: (it) => it === "on",
  full_page_writes: (it) => it === "on",
  transaction_isolation: (it) => it === "read committed",
};
const WAITING = (value: string) => ["on", "remote_apply"].includes(value);

/**
 * That the server, as it is set up now, does what is promised.
 * @throws STORAGE  "settings" naming the setting, and what was expected
 */
export async function requireSettings(client: Client, copies: Copies): Promise<void> {
  const checks = typeof copies === "object" ? { ...SETTINGS, synchronous_commit: WAITING } : SETTINGS;
  for (const [setting, holds] of Object.entries(checks)) {
    const [found] = (await client.query(`SHOW ${setting}`)).rows.map((row: Record<string, string>) => row[setting]);
    if (!holds(found)) throw refused(setting, found, setting === "transaction_isolation" ? "read committed" : "on");
  }
  if (typeof copies !== "object") return;
  const { rows } = await client.query("SHOW synchronous_standby_names");
  const [{ synchronous_standby_names: names }] = rows as [{ synchronous_standby_names: string }];
  if (waitedFor(names) < copies.standbys)
    throw refused("synchronous_standby_names", names, `ANY ${copies.standbys} (...), or more`);
  // Who may not see where standbys are would wait for ever.
  const seen = await client.query("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may");
  if (!(seen.rows as [{ may: boolean }])[0].may)
    throw new TacitError("STORAGE", "the role cannot see where standbys are: grant it pg_read_all_stats", {
      reason: "settings",
      setting: "pg_read_all_stats",
    });
}

/** For how many standbys a commit waits. */
function waitedFor(names: string): number {
  if (names.trim() === "") return 0;
  const [, count] = /^\s*(?:ANY|FIRST)?\s*(\d+)\s*\(/i.exec(names) ?? [];
  return count === undefined ? 1 : Number(count);
}

function refused(setting: string, found: string, expected: string): TacitError {
  return new TacitError("STORAGE", `the server has ${setting} = ${found === "" ? "''" : found}: expected ${expected}`, {
    reason: "settings",
    setting,
    expected,
  });
}

const REACHED = {
  name: "reached",
  text: `SELECT count(*)::int AS count FROM pg_stat_replication
         WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum') AND flush_lsn >= $1::pg_lsn`,
};

/**
 * Waits until all that was committed before is on the disks of so many standbys: a COMMIT that returns says nothing of that where
 * the server was set up anew meanwhile.
 * @throws STORAGE  "unknown" after so many milliseconds
 */
export async function waitForCopies(client: Client, copies: Copies, patienceMs: number): Promise<void> {
  if (typeof copies !== "object" || copies.standbys === 0) return;
  const { rows } = await client.query({ name: "flushed", text: "SELECT pg_current_wal_flush_lsn()::text AS lsn" });
  const [{ lsn }] = rows as [{ lsn: string }];
  const until = performance.now() + patienceMs;
  for (;;) {
    const [{ count }] = (await client.query({ ...REACHED, values: [lsn] })).rows as [{ count: number }];
    if (count >= copies.standbys) return;
    if (performance.now() > until)
      throw new TacitError(
        "STORAGE",
        `${count} standbys have what was committed, of ${copies.standbys} wanted: nobody knows whether it lasts`,
        { reason: "unknown", standbys: count, expected: copies.standbys },
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
