import type { Client, ClientConfig } from "pg";
import { outOfRange, TacitError } from "../../../protocol/errors.ts";

/** Milliseconds after which a server that does not answer counts as away. */
const CONNECT_MS = 5_000;
/** Of TCP, on a connection that says nothing. */
const KEEPALIVE_MS = 2_000;
/** The oldest server that has all that is asked of it. */
const LEAST_VERSION = 130_000;

const SSL_MODES = ["disable", "allow", "prefer", "no-verify", "require", "verify-ca", "verify-full"];

/** Where a database is: one or more servers, of which one takes writes. */
export interface Place {
  /** URLs of one server each, in order */
  readonly urls: readonly string[];
  /** without user and options, for messages */
  readonly name: string;
}

/**
 * Reads `postgres://user@host:port,host:port/database?sslmode=verify-full&sslrootcert=...`, as libpq has it.
 * @param field  what it is, for messages
 * @throws OUT_OF_RANGE  where it is none, or holds a password: that belongs into a password file (PGPASSFILE)
 */
export function placeOf(url: string, field = "store"): Place {
  const expected = "postgres://user@host:port/database, with several hosts separated by commas";
  const [, scheme, user = "", hosts, rest] = /^(postgres(?:ql)?:\/\/)(?:([^@/?#]*)@)?([^/?#]+)(\/[^?#]+.*)$/.exec(url) ?? []; // prettier-ignore
  if (scheme === undefined) throw outOfRange(field, expected);
  if (user.includes(":")) throw outOfRange(field, "no password in the URL: it belongs into a password file, ~/.pgpass or PGPASSFILE"); // prettier-ignore
  const urls = hosts.split(",").map((host) => `${scheme}${user === "" ? "" : `${user}@`}${host}${rest}`);
  if (!urls.every((it) => URL.canParse(it))) throw outOfRange(field, expected);
  const mode = new URL(urls[0]).searchParams.get("sslmode");
  if (mode !== null && !SSL_MODES.includes(mode)) throw outOfRange(field, `sslmode one of ${SSL_MODES.join(", ")}`);
  if (new URL(urls[0]).searchParams.has("password")) throw outOfRange(field, "no password in the URL");
  return { urls, name: `${hosts}${rest.replace(/\?.*/, "")}` };
}

export function isPostgres(place: string): boolean {
  return /^postgres(ql)?:/.test(place);
}

/** A connection, and what the server has said beside its answers. */
export interface Connection {
  readonly client: Client;
  /** of the server */
  readonly url: string;
  /** notices and warnings since they were taken last, by SQLSTATE */
  readonly takeNotices: () => string[];
  /** why it is lost, by code */
  readonly lost: () => string | undefined;
  /** Ends it, whether the server answers or not. */
  readonly end: () => void;
}

/**
 * Connects to the first server that takes writes; with `reading` to any. A question that is not answered within `answersWithinMs` fails:
 * what is asked of a standby's server that stands still would wait for ever.
 * @throws STORAGE  "unreachable" with what each of them said; "settings" where it is too old
 */
export async function connect(
  place: Place,
  name: string,
  { reading = false, answersWithinMs }: { readonly reading?: boolean; readonly answersWithinMs?: number } = {},
): Promise<Connection> {
  const said: Record<string, string> = {};
  for (const url of place.urls) {
    const host = new URL(url).host;
    try {
      const connection = await connectTo(url, name, answersWithinMs);
      const { client } = connection;
      const { rows } = await client.query(
        "SELECT pg_is_in_recovery() AS standby, current_setting('server_version_num')::int AS version",
      );
      const [{ standby, version }] = rows as [{ standby: boolean; version: number }];
      if (version < LEAST_VERSION) {
        await client.end();
        throw new TacitError("STORAGE", `the server is of version ${version}: expected ${LEAST_VERSION} or newer`, {
          reason: "settings",
          setting: "server_version_num",
          expected: LEAST_VERSION,
        });
      }
      if (reading || !standby) return connection;
      said[host] = "standby";
      await client.end();
    } catch (error) {
      if (error instanceof TacitError) throw error;
      said[host] = saidOf(error);
    }
  }
  const list = Object.entries(said).map(([host, what]) => `${host}: ${what}`);
  throw new TacitError("STORAGE", `no server takes writes (${list.join(", ")})`, { reason: "unreachable", servers: said }); // prettier-ignore
}

async function connectTo(url: string, name: string, answersWithinMs?: number): Promise<Connection> {
  const { default: pg } = await importPg();
  const config: ClientConfig = {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    ...(answersWithinMs === undefined ? {} : { query_timeout: answersWithinMs }),
  };
  const client = new pg.Client(config);
  let notices: string[] = [];
  let lost: string | undefined;
  client.on("notice", ({ code }) => notices.push(code ?? "none"));
  // Whoever waits for an answer is told as well.
  client.on("error", (error) => (lost ??= codeOf(error)));
  client.on("end", () => (lost ??= "ended"));
  await client.connect();
  return {
    client,
    url,
    takeNotices: () => {
      const taken = notices;
      notices = [];
      return taken;
    },
    lost: () => lost,
    end: () => {
      lost ??= "ended";
      void client.end().catch(() => {});
    },
  };
}

async function importPg(): Promise<typeof import("pg")> {
  try {
    return await import("pg");
  } catch {
    throw new TacitError("MISSING_TOOL", "packages are missing (PostgreSQL): run `npm install pg` where tacit is installed", { tools: ["pg"] }); // prettier-ignore
  }
}

/** SQLSTATE, or the system's code: messages of servers may hold what was sent. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "lost";
}

/** Of the client library, without a code. */
const NO_TLS = "The server does not support SSL connections";

/** Why a server cannot be asked, in a word or two: its code where we know no better. */
function saidOf(error: unknown): string {
  const code = codeOf(error);
  if (code === "lost") return (error as Error | null)?.message === NO_TLS ? "it offers no TLS" : code;
  const [, , text] = REASONS.find(([prefix]) => code.startsWith(prefix)) ?? [];
  return text === undefined ? code : `${text}, ${code}`;
}

const REASONS: readonly (readonly [prefix: string, reason: string, what: string])[] = [
  ["53100", "full", "the disk of the server is full"],
  ["28", "denied", "the server does not let this role in"],
  ["42501", "denied", "the role may not do this"],
  ["3F000", "denied", "there is no schema that the role may use"],
  ["3D000", "foreign", "there is no such database"],
  ["lost", "io", "the connection is lost"],
  ["XX001", "damaged", "the server finds its data damaged"],
  ["XX002", "damaged", "the server finds an index damaged"],
];

/** What went wrong while nothing was written. */
export function storageError(what: string, error: unknown): TacitError {
  if (error instanceof TacitError) return error;
  const code = codeOf(error);
  const [, reason, text] = REASONS.find(([prefix]) => code.startsWith(prefix)) ?? ["", "io", "the database cannot be used"]; // prettier-ignore
  return new TacitError("STORAGE", `${what}: ${text} (${code})`, { reason, sqlstate: code });
}

/**
 * Whether a statement that failed so has left nothing: the server said ERROR, so that it is undone. Where the connection is gone, or the
 * server ends it (FATAL), nobody knows.
 */
export function isUndone(error: unknown): boolean {
  return (error as { severity?: unknown } | null)?.severity === "ERROR";
}
