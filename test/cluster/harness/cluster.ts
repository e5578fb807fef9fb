import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { signerAddress } from "../../../src/protocol/receipt.ts";
import { canMount, freePort, Server } from "../postgres.ts";
import { Proxy } from "../proxy.ts";
import { Program } from "./program.ts";
import { until } from "./tries.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface ClusterOptions {
  /** of the installation whose programs are run */
  readonly root?: string;
  /** whether rounds are proved, by two provers; else they wait */
  readonly prove?: boolean;
  readonly signer?: boolean;
  /** how many; they need a signer */
  readonly coSigners?: number;
  /** roots of installations of their own, by program */
  readonly roots?: Readonly<Record<string, string>>;
  /** whether each server of PostgreSQL has a disk of its own, which can be full: only root may have that */
  readonly disks?: boolean;
}

/** Clusters that are there: whoever is told to end takes them down first. */
export const RUNNING = new Set<Cluster>();

/** For how many standbys a commit waits: an order that is on k of n + 1 disks survives who sees n - k + 1 of the standbys. */
const QUORUM = 1;
const DISK = "400m";
const TOKEN = "the-token-of-the-signer-of-a-harness";

/**
 * All that a venue without a single machine consists of, as programs of their own: each way from one to another goes through a proxy.
 * Names: venues v1, v2; databases p1, p2, p3 and jobs; provers r1, r2; signer; co-signers c1 ...; the clients.
 */
export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), "tacit-cluster-"));
  readonly options: Required<ClusterOptions>;
  readonly databases: readonly Server[];
  /** what leads among them: this program is the fail-over manager */
  primary: Server;
  readonly jobs = new Server("jobs");
  readonly programs = new Map<string, Program>();
  readonly #ways = new Map<string, Proxy>();
  readonly #ports = new Map<string, number>();

  constructor(options: ClusterOptions = {}) {
    const { root = ROOT, roots = {}, prove = true, signer = true, coSigners = 4, disks = canMount() } = options;
    this.options = { root, roots, prove, signer, coSigners, disks };
    this.databases = ["p1", "p2", "p3"].map((name) => new Server(name, disks ? { disk: DISK } : {}));
    [this.primary] = this.databases;
    for (const server of [...this.databases, this.jobs]) server.log = join(this.folder, `${server.name}.log`);
  }

  get standbys(): readonly Server[] {
    return this.databases.filter((it) => it !== this.primary);
  }

  get venues(): readonly Program[] {
    return ["v1", "v2"].map((name) => this.programs.get(name)!);
  }

  get coSigners(): readonly string[] {
    return Array.from({ length: this.options.coSigners }, (_, i) => `c${i + 1}`);
  }

  /** The way from one to another. */
  way(from: string, to: string): Proxy {
    return this.#ways.get(`${from}>${to}`)!;
  }

  /** Ways of which these are the ends. */
  waysOf(matches: (from: string, to: string) => boolean): Proxy[] {
    return [...this.#ways].flatMap(([name, way]) => (matches(...(name.split(">") as [string, string])) ? way : []));
  }

  /** Where a program is, and nothing between. */
  direct(name: string): string {
    return `http://127.0.0.1:${this.#ports.get(name)}`;
  }

  /** Where a program is for another. */
  url(from: string, to: string): string {
    return `http://127.0.0.1:${this.way(from, to).port}`;
  }

  async start(): Promise<void> {
    RUNNING.add(this);
    const { prove, signer, coSigners } = this.options;
    await this.#startDatabases();
    for (const name of ["v1", "v2", "signer", ...this.coSigners]) this.#ports.set(name, await freePort());
    const others = [
      ...this.databases.map(({ name, port }) => [name, port] as const),
      ["jobs", this.jobs.port] as const,
    ];
    for (const venue of ["v1", "v2"]) {
      for (const [to, port] of others) await this.#add(venue, to, port);
      for (const to of ["signer", ...this.coSigners]) await this.#add(venue, to, this.#ports.get(to)!);
      await this.#add("client", venue, this.#ports.get(venue)!);
    }
    for (const prover of ["r1", "r2"]) await this.#add(prover, "jobs", this.jobs.port);
    await this.#makeFolders();
    if (signer) this.#startSigners();
    for (const venue of ["v1", "v2"]) {
      const ways = this.databases.map(({ name }) => `127.0.0.1:${this.way(venue, name).port}`);
      const args = ["serve", "--data", venue, "--port", `${this.#ports.get(venue)}`, "--store", `postgres://postgres@${ways.join(",")}/postgres?sslmode=disable`]; // prettier-ignore
      if (prove) args.push("--jobs", this.#jobsUrl(venue), "--local-provers", "0");
      else args.push("--no-prove");
      if (signer) args.push("--signer", this.url(venue, "signer"));
      if (coSigners > 0) args.push("--cosigners", ...this.coSigners.map((it) => this.url(venue, it)));
      this.#program(venue, args);
    }
    await until("a venue that leads", async () => (await this.leader()) !== undefined);
    for (const venue of ["v1", "v2"])
      await until(`a service of ${venue}`, async () => (await fetch(`${this.direct(venue)}/v1/health`)).status > 0);
    if (prove) for (const name of ["r1", "r2"]) this.#program(name, ["prover", "--jobs", this.#jobsUrl(name), "--name", name, "--workers", "1"]); // prettier-ignore
  }

  #jobsUrl(from: string): string {
    return `postgres://postgres@127.0.0.1:${this.way(from, "jobs").port}/postgres?sslmode=disable`;
  }

  #program(name: string, args: readonly string[], env: Record<string, string> = {}): Program {
    const { signer, roots } = this.options;
    const root = roots[name] ?? this.options.root;
    const all = { ...(signer ? { TACIT_SIGNER_TOKEN: TOKEN } : {}), ...env };
    const program = new Program(name, { root, args, folder: this.folder, env: all });
    this.programs.set(name, program);
    program.start();
    return program;
  }

  async #add(from: string, to: string, port: number): Promise<void> {
    const way = new Proxy(port);
    await way.start();
    this.#ways.set(`${from}>${to}`, way);
  }

  async #startDatabases(): Promise<void> {
    const settings = [
      "max_wal_senders = 10",
      "wal_keep_size = 64MB",
      "min_wal_size = 32MB",
      "max_wal_size = 64MB",
      "hot_standby = on",
      "wal_retrieve_retry_interval = 500ms",
    ];
    await this.primary.start({ settings });
    for (const standby of this.standbys) {
      await this.#add(standby.name, this.primary.name, this.primary.port);
      await standby.start({ of: this.primary, via: this.way(standby.name, this.primary.name), settings: [this.waitsFor(standby)] });
    } // prettier-ignore
    for (const follower of this.databases)
      for (const leader of this.standbys)
        if (leader !== follower) await this.#add(follower.name, leader.name, leader.port);
    this.primary.set([this.waitsFor(this.primary)]);
    await this.primary.reload();
    await this.jobs.start();
  }

  /** The setting by which a server waits for the others, where it is the primary. */
  waitsFor(server: Server): string {
    const names = this.databases.flatMap((it) => (it === server ? [] : it.name));
    return `synchronous_standby_names = 'ANY ${QUORUM} (${names.join(", ")})'`;
  }

  /** Genesis and keys, the same of both venues. */
  async #makeFolders(): Promise<void> {
    const { root, signer, coSigners } = this.options;
    const first = new Program("first", { root, folder: this.folder, args: ["serve", "--data", "v1", "--port", "0", "--no-prove", "--interval", "20", "--feeds", "-"] }); // prettier-ignore
    first.start();
    await until("a folder of a venue", () => first.said.some((line) => line.includes("the venue is open")));
    await first.end("SIGTERM");
    for (const file of ["venue.db", "signed.db"])
      for (const end of ["", "-wal", "-shm", "-lock"]) rmSync(join(this.folder, "v1", file + end), { force: true });
    if (signer) await this.#run("signer", "key", "signer.key", "--from", "v1");
    if (coSigners > 0) {
      const path = join(this.folder, "v1/genesis.json");
      const addresses: string[] = [];
      for (const name of this.coSigners) addresses.push(/0x[0-9a-f]{40}/i.exec(await this.#run("cosign", "key", `${name}.key`))![0]); // prettier-ignore
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), coSigners: addresses }, null, 2));
    }
    cpSync(join(this.folder, "v1"), join(this.folder, "v2"), { recursive: true });
  }

  #startSigners(): void {
    const at = (name: string) => ["--host", "127.0.0.1", "--port", `${this.#ports.get(name)}`];
    mkdirSync(join(this.folder, "signer"), { recursive: true });
    this.#program("signer", ["signer", "--key", "signer.key", "--data", "signer", ...at("signer")]);
    for (const name of this.coSigners) {
      mkdirSync(join(this.folder, name), { recursive: true });
      this.#program(name, ["cosign", "--key", `${name}.key`, "--genesis", "v1/genesis.json", "--signer", signerAddress(this.signerKey), "--data", name, ...at(name)]); // prettier-ignore
    }
  }

  get coSignerAddresses(): string[] {
    const genesis = JSON.parse(readFileSync(join(this.folder, "v1/genesis.json"), "utf8")) as { coSigners: string[] };
    return genesis.coSigners.map((it) => it.toLowerCase());
  }

  /** The operator's key that signs receipts: it lies in the open here. */
  get signerKey(): Uint8Array {
    const keys = JSON.parse(readFileSync(join(this.folder, "v1/operator-keys.json"), "utf8")) as { signer: string };
    return new Uint8Array(Buffer.from(keys.signer, "hex"));
  }

  /** Runs a command to its end. @returns what it said */
  async #run(...args: string[]): Promise<string> {
    const { root } = this.options;
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, "bin/tacit.js"), ...args], { cwd: this.folder }); // prettier-ignore
    return stdout;
  }

  /** The venue that has the lease, as the database has it; undefined where none has. */
  async leader(): Promise<Program | undefined> {
    const [row] = await this.primary.query("SELECT holder FROM lease, renewal WHERE until > now()", 2_000);
    const pid = Number(String(row?.holder ?? "").split(" ").at(-1)); // prettier-ignore
    return this.venues.find((it) => it.isRunning && it.pid === pid);
  }

  /** The standby that has most of the log on its disk, of those that all must be there. */
  async #furthest(): Promise<Server> {
    const asked = this.standbys.map(async (it) => {
      const [{ at }] = await until(`an answer of ${it.name}`, () =>
        it.query("SELECT (greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0')::text AS at", 5_000),
      );
      return { it, at: BigInt(String(at)) };
    });
    const all = await Promise.all(asked);
    return all.reduce((best, one) => (one.at > best.at ? one : best)).it;
  }

  /** Makes a standby the primary, by the rule: all are looked at, and the one with most of the log is taken. */
  async promote(chosen?: Server): Promise<void> {
    const next = chosen ?? (await this.#furthest());
    await next.promote();
    const before = this.primary;
    this.primary = next;
    for (const other of this.standbys)
      if (other !== before) await other.follow(this.way(other.name, next.name));
  } // prettier-ignore

  /** Makes the standby the primary that has least of the log: against the rule. The others are set up anew from it. */
  async promoteWrongly(lagging: Server): Promise<void> {
    for (const it of this.databases) if (it !== lagging) await it.stop("SIGKILL");
    await lagging.promote();
    this.primary = lagging;
    for (const it of this.standbys) await this.rejoin(it, "copy");
  }

  /** Brings a server that led before back, as a standby. */
  async rejoin(server: Server, how: "rewind" | "copy"): Promise<void> {
    await server.rejoin(this.primary, this.way(server.name, this.primary.name), how);
    await server.start();
  }

  /** That all is as it was: nothing cut, nothing stopped, all servers and programs there. */
  async heal(): Promise<void> {
    for (const way of this.#ways.values()) way.restore();
    for (const program of this.programs.values()) {
      program.go();
      program.start();
    }
    for (const server of [...this.databases, this.jobs])
      if (server.isRunning) server.signal("SIGCONT");
      else await server.start();
  } // prettier-ignore

  /** Waits until all standbys follow, so that the next trouble finds as many disks as the one before. */
  async follows(): Promise<void> {
    await until("standbys that follow", async () => {
      const rows = await this.primary.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'", 5_000);
      return rows.length === this.standbys.length;
    });
  }

  async destroy({ keep = false } = {}): Promise<void> {
    RUNNING.delete(this);
    for (const server of [...this.databases, this.jobs]) if (server.isRunning) server.signal("SIGCONT");
    await Promise.all([...this.programs.values()].map((it) => it.end("SIGKILL")));
    for (const way of this.#ways.values()) await way.stop();
    for (const server of [...this.databases, this.jobs]) await server.destroy();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}
