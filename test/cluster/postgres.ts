/**
 * Servers of PostgreSQL for tests: real ones where they are installed, in folders of their own and on loopback; else PGlite, the same
 * code in this process, which can show what is stored, and nothing of disks, standbys and taking over.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { promisify } from "node:util";
import pg from "pg";

/** Where initdb and postgres are; undefined where they are not installed. */
export const POSTGRES: string | undefined = [
  ...(existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").map((it) => `/usr/lib/postgresql/${it}/bin`) : []), // prettier-ignore
  ...(process.env.PATH ?? "").split(":"),
].find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));

/** Whether a disk of a server's own can be made here, of memory: root may, unless its machine does not let it. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), "tacit-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1M", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", ["-l", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Database {
  /** of a schema that is empty */
  readonly schema: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** A server of one disk. */
export async function startDatabase(): Promise<Database> {
  if (POSTGRES === undefined) return startPglite();
  const server = new Server();
  await server.start();
  return { schema: () => server.schema(), stop: () => server.destroy() };
}

async function startPglite(): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite");
  const { PGLiteSocketServer } = await import("@electric-sql/pglite-socket");
  const opened: (() => Promise<void>)[] = [];
  return {
    // One of each: all connections share a session.
    schema: async () => {
      // It has no disk to sync, and says so unless it is told to.
      const db = await PGlite.create({ startParams: PGlite.defaultStartParams.filter((it) => it !== "-F") });
      const server = new PGLiteSocketServer({ db, port: 0, host: "127.0.0.1", maxConnections: 20 });
      await server.start();
      opened.push(() => server.stop().then(() => db.close()));
      return `postgres://postgres@${server.getServerConn()}/postgres?sslmode=disable`;
    },
    stop: async () => {
      await Promise.all(opened.map((close) => close()));
    },
  };
}

/** No server runs as root. */
const OWNER = userInfo().uid !== 0 ? {} : { uid: idOf("-u"), gid: idOf("-g") };
function idOf(which: string): number {
  return Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Where a standby takes the log from: a port of this machine, which may be that of a proxy. */
export interface Upstream {
  readonly port: number;
}

/** A server of its own folder: the first of a cluster, or, with `of`, a standby. */
export class Server {
  readonly folder: string;
  readonly name: string;
  port = 0;
  /** file to which it says what it does */
  log: string | undefined;
  #process: ChildProcess | null = null;
  #schemas = 0;
  readonly #isMounted: boolean;

  /** @param disk  size of a file system of its own, in memory, which can be full; only root may have one */
  constructor(name = "p", { disk }: { disk?: string } = {}) {
    this.name = name;
    this.folder = mkdtempSync(join(tmpdir(), `tacit-postgres-${name}-`));
    this.#isMounted = disk !== undefined;
    if (disk !== undefined) execFileSync("mount", ["-t", "tmpfs", "-o", `size=${disk}`, "tmpfs", this.folder]);
    if (OWNER.uid !== undefined) chownSync(this.folder, OWNER.uid, OWNER.gid);
  }

  get data(): string {
    return join(this.folder, "data");
  }

  /**
   * @param of  whose standby it is; @param via  where that is, if not at its own port: then no slot keeps the log for it
   * @param settings  lines of postgresql.conf
   */
  async start({
    of,
    via,
    settings = [],
  }: { of?: Server; via?: Upstream; settings?: readonly string[] } = {}): Promise<void> {
    if (this.port === 0) {
      this.port = await freePort();
      if (of) {
        await this.#copy(of, via ? [] : ["-C", "-S", this.name]);
        this.#setUpstream(via ?? of);
      } else await this.#run("initdb", ["-D", this.data, "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8"]); // prettier-ignore
      this.set([...this.#ownSettings, "shared_buffers = 32MB", "wal_log_hints = on", ...settings]);
    }
    const started = spawn(join(POSTGRES!, "postgres"), ["-D", this.data], {
      ...OWNER,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = started;
    if (this.log !== undefined) started.stderr!.pipe(createWriteStream(this.log, { flags: "a" }));
    // Ready, or gone.
    await new Promise<void>((resolve, reject) => {
      let said = "";
      started.stderr!.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (/ready to accept (read-only )?connections/.test(said)) resolve();
      });
      started.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    if (this.log === undefined) started.stderr!.removeAllListeners("data").resume();
  }

  get #ownSettings(): string[] {
    return ["listen_addresses = '127.0.0.1'", `port = ${this.port}`, `unix_socket_directories = '${this.folder}'`, `cluster_name = '${this.name}'`]; // prettier-ignore
  }

  /** Lines of postgresql.conf, from its next start or `reload` on. */
  set(lines: readonly string[]): void {
    appendFileSync(join(this.data, "postgresql.conf"), `${lines.join("\n")}\n`);
  }

  async reload(): Promise<void> {
    await this.#run("pg_ctl", ["reload", "-D", this.data]);
  }

  get isRunning(): boolean {
    return this.#process !== null && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres?sslmode=disable`;
  }

  /** @returns a URL of a schema that is empty */
  async schema(): Promise<string> {
    const name = `s${this.#schemas++}`;
    await this.query(`CREATE SCHEMA ${name}`);
    return `${this.url}&options=-c%20search_path%3D${name}`;
  }

  /** @param patienceMs  after which a server that does not answer fails the question */
  async query(text: string, patienceMs?: number): Promise<Record<string, unknown>[]> {
    const patience = patienceMs === undefined ? {} : { query_timeout: patienceMs, connectionTimeoutMillis: patienceMs };
    const client = new pg.Client({ connectionString: this.url, ...patience });
    client.on("error", () => {});
    try {
      await client.connect();
      const found = await client.query(text);
      return ([] as { rows: Record<string, unknown>[] }[]).concat(found as never).at(-1)!.rows;
    } finally {
      const ended = client.end().catch(() => {});
      if (patienceMs === undefined) await ended;
    }
  }

  /** All processes of the server. */
  get pids(): number[] {
    const first = this.#process!.pid!;
    let children = "";
    try {
      children = execFileSync("ps", ["-o", "pid=", "--ppid", `${first}`], { encoding: "utf8" });
    } catch {
      // It has none.
    }
    return [first, ...children.trim().split(/\s+/).filter(Boolean).map(Number)];
  }

  /** Its process of a kind, as ps calls it; undefined where it has none now. */
  pidOf(kind: string): number | undefined {
    const lines = execFileSync("ps", ["-o", "pid=,args=", "--ppid", `${this.#process!.pid!}`], { encoding: "utf8" });
    const line = lines.split("\n").find((it) => it.includes(kind));
    return line === undefined ? undefined : Number.parseInt(line, 10);
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    for (const pid of this.pids)
      try {
        process.kill(pid, name);
      } catch (error) {
        // Connections end meanwhile.
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
  }

  async stop(signal: "SIGINT" | "SIGKILL" = "SIGINT"): Promise<void> {
    const running = this.#process;
    if (running && this.isRunning) {
      const gone = once(running, "exit");
      if (signal === "SIGKILL") this.signal("SIGKILL");
      else running.kill(signal);
      await gone;
    }
    rmSync(join(this.data, "postmaster.pid"), { force: true });
  }

  async destroy(): Promise<void> {
    await this.stop();
    if (this.#isMounted) execFileSync("umount", ["-l", this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async promote(): Promise<void> {
    await this.#run("pg_ctl", ["promote", "-w", "-D", this.data]);
  }

  /** Makes it follow another from now on: a standby that runs, or a server that is down. */
  async follow(upstream: Upstream): Promise<void> {
    this.#setUpstream(upstream);
    if (this.isRunning) await this.reload();
  }

  /**
   * Makes a server that is down, and led before, a standby of who leads now: what it has alone is gone.
   * @param how  "rewind": what differs is put back; "copy": all is fetched anew
   */
  async rejoin(of: Server, via: Upstream, how: "rewind" | "copy"): Promise<void> {
    const settings = readFileSync(join(this.data, "postgresql.conf"));
    const own = () => writeFileSync(join(this.data, "postgresql.conf"), settings);
    if (how === "rewind")
      await this.#run("pg_rewind", ["-D", this.data, "--source-server", `host=127.0.0.1 port=${of.port} user=postgres dbname=postgres`, "--no-sync"]); // prettier-ignore
    else {
      rmSync(this.data, { recursive: true });
      await this.#copy(of, []);
    }
    own();
    writeFileSync(join(this.data, "standby.signal"), "");
    this.#setUpstream(via);
  }

  #copy(of: Server, slot: readonly string[]): Promise<void> {
    return this.#run("pg_basebackup", ["-h", "127.0.0.1", "-p", `${of.port}`, "-U", "postgres", "-D", this.data, "-R", "-X", "stream", "-c", "fast", ...slot]); // prettier-ignore
  }

  #setUpstream({ port }: Upstream): void {
    appendFileSync(join(this.data, "postgresql.auto.conf"), `primary_conninfo = 'host=127.0.0.1 port=${port} user=postgres application_name=${this.name}'\n`); // prettier-ignore
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await promisify(execFile)(join(POSTGRES!, program), args, { ...OWNER, cwd: this.folder });
  }
}
