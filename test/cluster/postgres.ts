/**
 * Servers of PostgreSQL for tests: real ones where they are installed, in folders of their own and on loopback; else PGlite, the same
 * code in this process, which can show what is stored, and nothing of disks, standbys and taking over.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import pg from "pg";

/** Where initdb and postgres are; undefined where they are not installed. */
export const POSTGRES: string | undefined = [
  ...(existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql").map((it) => `/usr/lib/postgresql/${it}/bin`) : []), // prettier-ignore
  ...(process.env.PATH ?? "").split(":"),
].find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));

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

/** A server of its own folder: the first of a cluster, or, with `of`, a standby. */
export class Server {
  readonly folder: string;
  readonly name: string;
  port = 0;
  #process: ChildProcess | null = null;
  #schemas = 0;

  constructor(name = "p") {
    this.name = name;
    this.folder = mkdtempSync(join(tmpdir(), `tacit-postgres-${name}-`));
    if (OWNER.uid !== undefined) chownSync(this.folder, OWNER.uid, OWNER.gid);
  }

  get data(): string {
    return join(this.folder, "data");
  }

  /** @param of  whose standby it is; @param settings  lines of postgresql.conf */
  async start({ of, settings = [] }: { of?: Server; settings?: readonly string[] } = {}): Promise<void> {
    if (this.port === 0) {
      this.port = await freePort();
      if (of) {
        this.#run("pg_basebackup", ["-h", "127.0.0.1", "-p", `${of.port}`, "-U", "postgres", "-D", this.data, "-R", "-X", "stream", "-C", "-S", this.name]); // prettier-ignore
        appendFileSync(join(this.data, "postgresql.auto.conf"), `primary_conninfo = 'host=127.0.0.1 port=${of.port} user=postgres application_name=${this.name}'\n`); // prettier-ignore
      } else this.#run("initdb", ["-D", this.data, "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8"]); // prettier-ignore
      const lines = ["listen_addresses = '127.0.0.1'", `port = ${this.port}`, `unix_socket_directories = '${this.folder}'`, `cluster_name = '${this.name}'`, "shared_buffers = 32MB", "wal_log_hints = on", ...settings]; // prettier-ignore
      appendFileSync(join(this.data, "postgresql.conf"), `${lines.join("\n")}\n`);
    }
    const started = spawn(join(POSTGRES!, "postgres"), ["-D", this.data], {
      ...OWNER,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = started;
    // Ready, or gone.
    await new Promise<void>((resolve, reject) => {
      let said = "";
      started.stderr!.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (/ready to accept (read-only )?connections/.test(said)) resolve();
      });
      started.once("exit", () => reject(new Error(`the server ended: ${said}`)));
    });
    started.stderr!.removeAllListeners("data").resume();
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

  async query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url });
    client.on("error", () => {});
    await client.connect();
    try {
      const found = await client.query(text);
      return ([] as { rows: Record<string, unknown>[] }[]).concat(found as never).at(-1)!.rows;
    } finally {
      await client.end();
    }
  }

  /** All processes of the server. */
  get pids(): number[] {
    const first = this.#process!.pid!;
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", `${first}`], { encoding: "utf8" });
    return [first, ...children.trim().split(/\s+/).map(Number)];
  }

  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    for (const pid of this.pids) process.kill(pid, name);
  }

  async stop(signal: "SIGINT" | "SIGKILL" = "SIGINT"): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, "exit");
    if (signal === "SIGKILL") this.signal("SIGKILL");
    else running.kill(signal);
    await gone;
    rmSync(join(this.data, "postmaster.pid"), { force: true });
  }

  async destroy(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  promote(): void {
    this.#run("pg_ctl", ["promote", "-w", "-D", this.data]);
  }

  #run(program: string, args: readonly string[]): void {
    execFileSync(join(POSTGRES!, program), args, { ...OWNER, stdio: ["ignore", "ignore", "pipe"], cwd: this.folder });
  }
}
