import type { Client } from "pg";
import { TacitError } from "../../../protocol/errors.ts";
import { connect, storageError, type Place } from "../../store/postgres/connection.ts";

/** Milliseconds before the first new attempt, and before each at most. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;
/** That a server has for a goodbye. */
const GOODBYE_MS = 1_000;
/** Reasons of STORAGE that do not pass by waiting. */
const LASTING = ["foreign", "denied", "settings"];

export interface LinkOptions {
  readonly place: Place;
  /** application_name */
  readonly name: string;
  /** milliseconds after which a server that does not answer is given up */
  readonly patienceMs: number;
  /** what each connection begins with; the link is up once it is done */
  readonly up: (client: Client) => Promise<void>;
  /** told whenever it is up */
  readonly ready: () => void;
  /** a notification: of one of the channels that `up` listens to */
  readonly heard: () => void;
  /** told of the first of a row of failures, and with null when it is up again */
  readonly trouble: (error: TacitError | null) => void;
}

/** Whether another attempt may go better. */
export function isPassing(error: TacitError): boolean {
  return error.code === "STORAGE" && !LASTING.includes(String(error.details.reason));
}

/** A statement, and the values that it is of. */
export interface Statement {
  /** kept prepared by the server */
  readonly name?: string;
  readonly text: string;
}

/** A connection that comes back: who asks while it is away is refused. What is written may be made again: a server may lose it. */
export class Link {
  readonly #options: LinkOptions;
  #client: Client | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isUp = false;
  #closed = false;
  #running: Promise<void> | null = null;
  #wake = (): void => {};

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** @returns null once it is up, or what has kept the first attempt from it: others follow */
  start(): Promise<TacitError | null> {
    return new Promise((told) => (this.#running = this.#run(told)));
  }

  /** One after the other. @throws STORAGE  where the connection is away, or lost meanwhile: then the outcome is unknown */
  query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const client = this.#client;
    const answer = this.#last.then(() => this.#query<Row>(client, statement, values));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #query<Row>(client: Client | null, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    if (!client || client !== this.#client) throw new TacitError("STORAGE", "there is no connection to the jobs", { reason: "unreachable" }); // prettier-ignore
    const impatient = setTimeout(() => end(client), this.#options.patienceMs);
    try {
      return (await client.query({ ...statement, values: [...values] })).rows as Row[];
    } catch (error) {
      throw storageError("jobs", error);
    } finally {
      clearTimeout(impatient);
    }
  }

  /** Begins anew. */
  drop(): void {
    if (this.#client) end(this.#client);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#isUp = false;
    this.#wake();
    this.drop();
    await this.#running;
  }

  async #run(told: (error: TacitError | null) => void): Promise<void> {
    for (let [pause, failed] = [FIRST_PAUSE, false]; !this.#closed;) {
      try {
        await this.#live(() => {
          if (failed) this.#options.trouble(null);
          [pause, failed] = [FIRST_PAUSE, false];
          told(null);
        });
        if (!this.#closed) throw new TacitError("STORAGE", "the connection to the jobs is lost", { reason: "unreachable" }); // prettier-ignore
      } catch (error) {
        const why = storageError("jobs", error);
        if (this.#closed) break;
        if (!failed || !isPassing(why)) this.#options.trouble(why);
        failed = true;
        told(why);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
      pause = Math.min(LONGEST_PAUSE, 2 * pause);
    }
  }

  /** Connects, and stays as long as it lasts. */
  async #live(isUp: () => void): Promise<void> {
    const { client, lost } = await connect(this.#options.place, this.#options.name);
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    try {
      if (lost() !== undefined || this.#closed) return;
      client.on("notification", this.#options.heard);
      this.#client = client;
      // Jobs can be made again: nobody waits for a disk.
      await client.query("SET synchronous_commit = off");
      await client.query("SET default_transaction_isolation = 'read committed'");
      // By indexes in their order, which skip what they have once found dead: tables are short at one moment and long at the next, of rows that
      // are dead mostly, and what the server knows of them is wrong.
      await client.query(
        "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET jit = off; SET plan_cache_mode = force_generic_plan",
      );
      const impatient = setTimeout(() => end(client), this.#options.patienceMs);
      await this.#options.up(client).finally(() => clearTimeout(impatient));
      if (this.#closed) return;
      this.#isUp = true;
      isUp();
      this.#options.ready();
      await ended;
    } finally {
      this.#client = null;
      this.#isUp = false;
      end(client);
    }
  }
}

/** Ends a connection, whether its server answers or not. */
function end(client: Client): void {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  const impatient = setTimeout(() => stream.destroy(), GOODBYE_MS);
  void client
    .end()
    .catch(() => {})
    .finally(() => clearTimeout(impatient));
}
