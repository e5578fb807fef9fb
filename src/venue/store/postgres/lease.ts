import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";
import { codeOf, connect, type Connection, type Place } from "./connection.ts";
import { formatOf } from "./migrations.ts";
import { STORE } from "./tables.ts";

/** Milliseconds for which the connection of who led before is waited for to end. */
const ENDING_MS = 5_000;
const LOOK_MS = 20;

interface LeaseRow {
  readonly epoch: string;
  readonly holder: string;
  readonly until: string;
  readonly isOut: boolean;
  readonly pid: number;
}

/**
 * Takes the lease for a connection, where it has run out: whoever led before is ended, as its locks are held as long as a commit of its
 * waits, and writes nothing any more.
 * @param writer  the one that will write
 * @param seconds  until it runs out, unless it is renewed
 * @param after  an epoch that was before
 * @returns the epoch
 * @throws LOCKED  with `holder` and `until`, where another has it
 */
export async function takeLease(
  writer: Client,
  { holder, seconds, after }: { readonly holder: string; readonly seconds: number; readonly after: number },
): Promise<number> {
  const lease = await freeLease(writer);
  await endBackend(writer, lease.epoch);
  const epoch = Math.max(Number(lease.epoch), after) + 1;
  const application = `tacit ${holder} ${epoch}`.slice(0, 63);
  await writer.query("SELECT set_config('application_name', $1, false)", [application]);
  await writer.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    const taken = await writer.query(
      `UPDATE lease SET epoch = $1, holder = $2, application = $3, pid = pg_backend_pid(), postmaster_start = pg_postmaster_start_time(),
         backend_start = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
       WHERE epoch = $4 AND EXISTS (SELECT FROM renewal WHERE until < now())`,
      [epoch, holder, application, lease.epoch],
    );
    if (taken.rowCount !== 1) throw locked(((await writer.query("SELECT epoch, holder, pid, '' AS until FROM lease")).rows as [LeaseRow])[0]); // prettier-ignore
    await writer.query("UPDATE renewal SET epoch = $1, until = clock_timestamp() + make_interval(secs => $2)", [epoch, seconds]); // prettier-ignore
    await writer.query("COMMIT");
  } catch (error) {
    await writer.query("ROLLBACK").catch(() => {});
    throw error;
  }
  return epoch;
}

/** @throws LOCKED  where another has the lease: of tables that are there */
export async function requireFree(client: Client): Promise<void> {
  if ((await formatOf(client, STORE)) > 0) await freeLease(client);
}

async function freeLease(client: Client): Promise<LeaseRow> {
  const { rows } = await client.query(
    `SELECT lease.epoch, lease.holder, lease.pid, renewal.until::text, renewal.until < now() AS "isOut" FROM lease, renewal`,
  );
  const [lease] = rows as [LeaseRow];
  if (!lease.isOut) throw locked(lease);
  return lease;
}

function locked({ holder, until, epoch }: LeaseRow): TacitError {
  return new TacitError("LOCKED", `the store is led by ${holder}`, { holder, epoch: Number(epoch), until });
}

/**
 * The backend that led in an epoch, by all four marks: another that has its number by now is left alone, and so is one that has taken the
 * lease meanwhile.
 */
const LEADER = `FROM pg_stat_activity a, lease l, renewal r WHERE a.pid = l.pid AND a.backend_start = l.backend_start
  AND a.application_name = l.application AND pg_postmaster_start_time() = l.postmaster_start AND a.pid <> pg_backend_pid()
  AND l.epoch = $1 AND r.until < now()`;

async function endBackend(client: Client, epoch: string): Promise<void> {
  for (let waited = 0; ; waited += LOOK_MS) {
    const { rows } = await client.query(`SELECT pg_terminate_backend(a.pid) ${LEADER}`, [epoch]);
    if (rows.length === 0) return;
    if (waited > ENDING_MS)
      throw new TacitError("LOCKED", "the connection of who led before does not end", { reason: "backend" });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Renews a lease from a connection of its own, as long as it is held. */
export class Renewals {
  readonly #place: Place;
  readonly #epoch: number;
  readonly #seconds: number;
  readonly #acknowledged: () => number;
  readonly #onLost: () => void;
  #connection: Connection | null = null;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * @param tells  `acknowledged`: sequence of the last record that counts as written, for who reads along; `onLost` is called once, when
   *   another has the lease
   */
  constructor(
    place: Place,
    { epoch, seconds }: { readonly epoch: number; readonly seconds: number },
    tells: { readonly acknowledged: () => number; readonly onLost: () => void },
  ) {
    this.#place = place;
    this.#epoch = epoch;
    this.#seconds = seconds;
    this.#acknowledged = tells.acknowledged;
    this.#onLost = tells.onLost;
  }

  start(): void {
    this.#running = this.#renew().finally(() => {
      if (!this.#closed) this.#timer = setTimeout(() => this.start(), (this.#seconds * 1_000) / 4);
    });
  }

  /** A server that is away now may be back before the lease is out; if not, another takes it, and writes are refused. */
  async #renew(): Promise<void> {
    try {
      if (!this.#connection || this.#connection.lost() !== undefined) {
        this.#connection = await connect(this.#place, `tacit renews ${this.#epoch}`);
        // It is nothing that must last, and must not wait for standbys as writes do.
        await this.#connection.client.query("SET synchronous_commit = off");
      }
      const { rowCount } = await this.#connection.client.query({
        name: "renew",
        text: `UPDATE renewal SET until = clock_timestamp() + make_interval(secs => $2), acknowledged = $3 WHERE epoch = $1`,
        values: [this.#epoch, this.#seconds, this.#acknowledged()],
      });
      if (rowCount === 1) return;
      this.#closed = true;
      this.#onLost();
    } catch (error) {
      if (codeOf(error) === "MISSING_TOOL") throw error;
      await this.#drop();
    }
  }

  async #drop(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.client.end().catch(() => {});
  }

  /** Gives the lease back, so that the next one need not wait. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#running;
    await this.#connection?.client
      .query("UPDATE renewal SET until = '-infinity', acknowledged = $2 WHERE epoch = $1", [
        this.#epoch,
        this.#acknowledged(),
      ]) // prettier-ignore
      .catch(() => {});
    await this.#drop();
  }
}
