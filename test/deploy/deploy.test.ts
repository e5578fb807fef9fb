// Goal: what deploy/ and docs/cluster.md tell an operator to run is what the programs take, and what they watch is what programs show.
// Method: each command line through the command's own parser, nothing run; names of metrics against the source; scripts on loopback.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { ROOT } from "../../src/setup/folders.ts";
import { freePort, POSTGRES } from "../cluster/postgres.ts";
import { argumentsOf, refusalOf, unknownOf, wordsOf } from "./commands.ts";
import { knownMetrics, metricsOf } from "./metrics.ts";

const DEPLOY = join(ROOT, "deploy");
const read = (...path: string[]) => readFileSync(join(DEPLOY, ...path), "utf8");
const filesOf = (folder: string, end: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((it) => it.endsWith(end) && !/secrets/.test(it));
const ADDRESS = `0x${"1".repeat(40)}`;
const isThere = (program: string) => spawnSync(program, ["--version"]).status === 0;

interface Service {
  image: string;
  command?: string | string[];
  environment?: Record<string, string>;
  secrets?: (string | { source: string })[];
  networks?: string[];
  volumes?: string[];
  depends_on?: string[];
}
interface Compose {
  services: Record<string, Service>;
  networks: Record<string, unknown>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}
const compose = parse(read("compose.yaml"), { merge: true }) as Compose;

/** Programs and their command lines, as the shell, systemd or compose would have them. */
function commandLines(): [where: string, line: string][] {
  const lines: [string, string][] = [];
  for (const [name, { command }] of Object.entries(compose.services))
    if (typeof command === "string") lines.push([`compose.yaml, ${name}`, command.replace(/\$\{SIGNER:-\}/g, ADDRESS)]);
  for (const file of filesOf(join(DEPLOY, "systemd"), ".service")) {
    const text = read("systemd", file);
    const env = Object.fromEntries(
      [...text.matchAll(/^EnvironmentFile=\/etc\/tacit\/(.*)$/gm)].flatMap(([, name]) =>
        [...read("systemd", name).matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
      ),
    ) as Record<string, string>;
    const [, line] = /^ExecStart=(.*)$/m.exec(text)!;
    const filled = line.replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced: string, bare: string) => {
      const name = braced ?? bare;
      assert.ok(env[name], `${file}: ${name} is in none of its files`);
      assert.ok(braced === undefined || !env[name].includes(" "), `${file}: \${${name}} would be one word`);
      return env[name];
    });
    lines.push([`systemd/${file}`, filled]);
  }
  for (const file of ["first.sh"])
    for (const line of read(file).split("\n")) {
      const [, found] = /(?:^|\$\(|\s)(tacit .*)/.exec(line.replace(/^#.*/, "")) ?? [];
      if (found) lines.push([file, found.replace("$addresses", ADDRESS).replace(/[&)].*$/, "").replace("$profile", "demo")]); // prettier-ignore
    }
  return lines;
}

describe("deploy", () => {
  const scratch = mkdtempSync(join(tmpdir(), "tacit-deploy-"));
  after(() => rmSync(scratch, { recursive: true }));

  it("the command takes each command line of compose, units and scripts", async () => {
    const lines = commandLines();
    assert.ok(lines.length >= 18, `${lines.length}`);
    for (const [where, line] of lines) {
      const args = argumentsOf(line);
      assert.ok(args, `${where}: no command: ${line}`);
      assert.equal(await refusalOf(args), null, `${where}: ${line}`);
    }
  });

  for (const doc of ["docs/cluster.md", "deploy/README.md"])
    it(`the command takes what ${doc} says`, async () => {
      const text = readFileSync(join(ROOT, doc), "utf8");
      const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map(([, block]) => block.replace(/\\\n\s*/g, " "));
      let found = 0;
      for (const line of blocks.flatMap((it) => it.split("\n"))) {
        const args = argumentsOf(line);
        if (!args) continue;
        found++;
        assert.equal(await refusalOf(args), null, line);
      }
      for (const [, line] of text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`((?:[A-Z_]+=\S+ )*tacit [^`]*)`/g)) {
        const args = argumentsOf(line);
        assert.ok(args, line);
        assert.equal(unknownOf(args), null, line);
        found++;
      }
      if (doc.includes("cluster")) assert.ok(found > 20, `${found}`);
    });

  it("the check finds what is wrong", async () => {
    assert.match((await refusalOf(["serve", "--stor", "x"]))!, /unknown option/);
    assert.match((await refusalOf(["serve", "--port", "x"]))!, /Expected an integer/);
    assert.match((await refusalOf(["signer", "keys"]))!, /too many|unknown/);
    assert.equal(await refusalOf(["signer", "key", "file", "--from", "folder"]), null);
    assert.equal(unknownOf(["cosigners", "appoint"]), "cosigners has no appoint");
    assert.equal(unknownOf(["serve", "--signers"]), "serve has no --signers");
    assert.deepEqual(argumentsOf("A=1 tacit serve --data 'a b' # why"), ["serve", "--data", "a b"]);
    assert.deepEqual(metricsOf('max by (a) (rate(b_c{d="e"}[5m]) and on (f) g == 1) offset 2m'), ["b_c", "g"]);
  });

  it("all YAML is YAML, and what compose names is there", () => {
    for (const file of filesOf(DEPLOY, ".yaml")) assert.ok(parse(read(file), { merge: true }), file);
    for (const [name, it] of Object.entries(compose.services)) {
      assert.match(it.image, /:\w+\.\d+/, `${name}: an image of a version`);
      for (const secret of it.secrets ?? [])
        assert.ok(compose.secrets[typeof secret === "string" ? secret : secret.source], `${name}: ${String(secret)}`);
      for (const network of it.networks ?? []) assert.ok(network in compose.networks, `${name}: ${network}`);
      for (const volume of it.volumes ?? []) {
        const [from] = volume.split(":");
        if (from.startsWith("./")) assert.ok(existsSync(join(DEPLOY, from)), `${name}: ${from}`);
        else assert.ok(from in compose.volumes, `${name}: ${from}`);
      }
      for (const other of it.depends_on ?? []) assert.ok(other in compose.services, `${name}: ${other}`);
      // Secrets that are read are those that it has.
      for (const path of Object.values(it.environment ?? {}))
        if (path.startsWith("/run/secrets/")) assert.ok(it.secrets?.includes(basename(path)), `${name}: ${path}`);
    }
    const { scrape_configs } = parse(read("prometheus/prometheus.yaml")) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    for (const target of scrape_configs.flatMap((it) => it.static_configs.flatMap(({ targets }) => targets))) {
      const [host, port] = target.split(":");
      const { networks, command } = compose.services[host];
      assert.ok(networks?.includes("watch"), target);
      assert.ok(String(command).includes(port), target);
    }
  });

  it("provers reach the database of jobs, and neither log, signer nor keys", () => {
    for (const [name, { networks, volumes, secrets }] of Object.entries(compose.services)) {
      if (!name.startsWith("prover")) continue;
      assert.deepEqual(networks, ["jobs", "watch"]);
      assert.deepEqual(volumes, ["build:/tacit/build:ro"]);
      assert.deepEqual(secrets, ["prover.pgpass"]);
    }
    for (const [name, { volumes = [] }] of Object.entries(compose.services))
      if (name.startsWith("cosigner")) assert.deepEqual(volumes, [`${name}:/tacit/${name}`]);
  });

  it("alerts and panels name metrics that programs show", () => {
    const known = knownMetrics();
    assert.ok(known.size > 60, `${known.size}`);
    const { groups } = parse(read("prometheus/alerts.yaml")) as {
      groups: { rules: { alert: string; expr: string; labels: { severity: string } }[] }[];
    };
    const rules = groups.flatMap((it) => it.rules);
    const { panels } = JSON.parse(read("grafana/dashboards/tacit.json")) as {
      panels: { id: number; title: string; datasource?: { uid: string }; targets?: { expr: string }[] }[];
    };
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    const expressions = [
      ...rules.map(({ alert, expr }) => [alert, expr]),
      ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr])),
    ];
    for (const [where, expr] of expressions) {
      const named = metricsOf(expr);
      assert.ok(named.length > 0, `${where}: ${expr}`);
      for (const name of named) assert.ok(known.has(name), `${where}: ${name}`);
    }
    for (const { alert, labels } of rules) assert.match(labels.severity, /^(page|ticket)$/, alert);
    // The runbook tells of each.
    const runbook = readFileSync(join(ROOT, "docs/cluster.md"), "utf8");
    for (const { alert } of rules) assert.ok(runbook.includes(alert), `docs/cluster.md does not tell of ${alert}`);
    for (const [, name] of runbook.matchAll(/`(tacit_[a-z_]+)(?:\{[^}]*\})?`/g)) assert.ok(known.has(name), name);
  });

  it("promtool takes the rules", function () {
    if (!isThere("promtool")) this.skip();
    execFileSync("promtool", ["check", "rules", join(DEPLOY, "prometheus/alerts.yaml")]);
  });

  it("systemd takes the units", function () {
    if (!isThere("systemd-analyze")) this.skip();
    for (const file of filesOf(join(DEPLOY, "systemd"), ".service")) {
      const path = join(scratch, file);
      // The programs are not installed here.
      writeFileSync(path, read("systemd", file).replace("/opt/tacit/node_modules/.bin/tacit", "/bin/true"));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
      assert.deepEqual([status, stderr], [0, ""], file);
    }
  });

  it("a program is given its secrets from files, and a password file that is its own", () => {
    const [token, pgpass] = [join(scratch, "token"), join(scratch, "pgpass")];
    writeFileSync(token, "a token\nmore\n");
    writeFileSync(pgpass, "*:*:*:tacit:word\n", { mode: 0o444 });
    const shown = execFileSync(
      "sh",
      [join(DEPLOY, "entrypoint.sh"), "sh", "-c", 'echo "$TACIT_SIGNER_TOKEN"; stat -c %a "$PGPASSFILE"; cat "$PGPASSFILE"; rm "$PGPASSFILE"'],
      { env: { ...process.env, TACIT_SIGNER_TOKEN_FILE: token, PGPASS_FROM: pgpass }, encoding: "utf8" },
    ); // prettier-ignore
    assert.equal(shown, "a token\n600\n*:*:*:tacit:word\n");
  });

  it("setup makes secrets once, for whoever may enter their folder", () => {
    const folder = join(scratch, "setup");
    mkdirSync(folder);
    copyFileSync(join(DEPLOY, "setup.sh"), join(folder, "setup.sh"));
    const make = () => execFileSync("sh", [join(folder, "setup.sh"), "secrets"]);
    make();
    const secrets = join(folder, "secrets");
    const all = () => readdirSync(secrets).map((it) => [it, readFileSync(join(secrets, it), "utf8")]);
    const before = all();
    make();
    assert.deepEqual(all(), before);
    assert.deepEqual(
      before.map(([name]) => name).sort(),
      Object.values(compose.secrets).map(({ file }) => basename(file)).sort(),
    ); // prettier-ignore
    assert.equal(statSync(secrets).mode & 0o777, 0o700);
    for (const [name, value] of before) if (!name.endsWith("pgpass")) assert.match(value, /^[0-9a-f]{64}$/, name);
    assert.match(Object.fromEntries(before)["venue.pgpass"], /^\*:\*:jobs:tacit:\w+\n\*:\*:tacit:tacit:\w+\n$/);
  });

  it("first.sh makes what signer, co-signers and venue begin with", async () => {
    const [bin, root] = [join(scratch, "bin"), join(scratch, "first")];
    mkdirSync(bin);
    mkdirSync(root);
    writeFileSync(
      join(bin, "tacit"),
      `#!/bin/sh\nexec ${process.execPath} --import tsx --conditions tacit-source ${join(import.meta.dirname, "tacit.ts")} "$@"\n`,
    );
    chmodSync(join(bin, "tacit"), 0o755);
    const seals = Object.fromEntries(["OPERATOR", "SIGNER", "COSIGNER"].map((it) => [`TACIT_${it}_PASSPHRASE`, it]));
    const { NODE_OPTIONS: _, ...outer } = process.env;
    const env = { ...outer, ...seals, PATH: `${bin}:${process.env.PATH}` };
    const first = () => spawnSync("sh", [join(DEPLOY, "first.sh"), root], { env, cwd: ROOT, encoding: "utf8" });
    const { status, stdout, stderr } = first();
    assert.equal(status, 0, stderr);
    const signer = stdout.trim().split("\n").at(-1)!;
    assert.match(signer, /^0x[0-9a-f]{40}$/);
    const json = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), "utf8"));
    const names = [1, 2, 3, 4].map((i) => `cosigner${i}`);
    assert.deepEqual(
      json("venue/genesis.json").coSigners,
      names.map((it) => json(it, "key.json").address),
    );
    assert.equal(json("signer/key.json").address, signer);
    for (const it of names) assert.deepEqual(json(it, "genesis.json"), json("venue/genesis.json"));
    assert.deepEqual(readdirSync(join(root, "venue")).sort(), [
      "development-feeds.json",
      "genesis.json",
      "operator-keys.json",
    ]);
    assert.match(first().stderr, /there is a venue/);
  });
});

describe("deploy/postgres/database.sh", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-database-"));
  const uid = (which: string) => Number(execFileSync("id", [which, "postgres"], { encoding: "utf8" }));
  // All on one port: this machine has many addresses of its own.
  const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const owner: { uid?: number; gid?: number } = {};
  const running = new Map<string, ChildProcess>();
  const said = new Map<string, string>();
  let port = 0;

  before(async function () {
    if (POSTGRES === undefined || process.platform !== "linux") return this.skip();
    if (userInfo().uid === 0) Object.assign(owner, { uid: uid("-u"), gid: uid("-g") });
    port = await freePort();
    const own = (path: string) => owner.uid !== undefined && chownSync(path, owner.uid, owner.gid!);
    own(folder);
    copyFileSync(join(DEPLOY, "postgres/database.sh"), join(folder, "database.sh"));
    for (const it of ["secrets", ...HOSTS.flatMap((host) => [host, `${host}/run`]), "jobs", "jobs/run"]) {
      mkdirSync(join(folder, it));
      own(join(folder, it));
    }
    for (const it of ["tacit", "replicator", "prover"]) writeFileSync(join(folder, "secrets", it), `word of ${it}`);
  });
  after(async () => {
    for (const it of running.values()) if (it.exitCode === null) it.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 500));
    rmSync(folder, { recursive: true, force: true });
  });

  const envOf = (name: string, peers: string) => ({
    ...process.env,
    PATH: `${POSTGRES}:${process.env.PATH}`,
    NAME: name,
    PEERS: peers,
    PGDATA: join(folder, name, "data"),
    SECRETS: join(folder, "secrets"),
    RUN: join(folder, name, "run"),
    PORT: `${port}`,
    LISTEN: name === "jobs" ? "127.0.0.4" : name,
  });
  const peersOf = (name: string) => (name === "jobs" ? "" : HOSTS.join(" "));
  const init = (name: string) =>
    spawnSync("sh", [join(folder, "database.sh"), "init"], { ...owner, env: envOf(name, peersOf(name)), cwd: folder, encoding: "utf8" }); // prettier-ignore
  function run(name: string): ChildProcess {
    const child = spawn("sh", [join(folder, "database.sh")], { ...owner, env: envOf(name, peersOf(name)), cwd: folder, stdio: ["ignore", "ignore", "pipe"] }); // prettier-ignore
    said.set(name, "");
    child.stderr!.on("data", (it: Buffer) => said.set(name, said.get(name)! + it.toString()));
    running.set(name, child);
    return child;
  }
  const query = (host: string, role: string, database: string, text: string) =>
    spawnSync(join(POSTGRES!, "psql"), ["-h", host, "-p", `${port}`, "-U", role, "-d", database, "-Atc", text], {
      ...owner,
      env: { ...process.env, PGPASSWORD: `word of ${role}`, PGCONNECT_TIMEOUT: "3" },
      cwd: folder,
      encoding: "utf8",
    });
  async function until(what: string, holds: () => boolean): Promise<void> {
    const end = performance.now() + 60_000;
    while (!holds()) {
      assert.ok(performance.now() < end, `${what}: ${JSON.stringify(Object.fromEntries(said))}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const streaming = (host: string) =>
    query(host, "tacit", "tacit", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'").stdout.trim(); // prettier-ignore
  const promote = (host: string) =>
    execFileSync(join(POSTGRES!, "pg_ctl"), ["promote", "-w", "-s", "-D", join(folder, host, "data")], { ...owner, cwd: folder }); // prettier-ignore

  const [one, two, three] = HOSTS;

  it("a standby waits for who leads, and copies it; what is acknowledged is on two disks", async () => {
    run(two);
    await until("a server that waits", () => said.get(two)!.includes("waits for a server that leads"));
    assert.equal(init(one).status, 0);
    assert.match(init(one).stderr, /there is a database/);
    run(one);
    run(three);
    await until("two standbys", () => streaming(one) === "2");
    assert.match(init(three).stderr, /there is a database|leads/);
    const show = query(one, "tacit", "tacit", "SHOW synchronous_standby_names").stdout.trim();
    assert.equal(show, `ANY 1 ("${two}","${three}")`);
    assert.equal(query(one, "tacit", "tacit", "CREATE TABLE kept (n int)").status, 0);
    // Each role reaches its own.
    assert.notEqual(query(one, "replicator", "tacit", "SELECT 1").status, 0);
    assert.notEqual(query(one, "postgres", "postgres", "SELECT 1").status, 0);
  });

  it("when another is promoted the third follows it, and who led before does not lead again", async () => {
    running.get(one)!.kill("SIGKILL");
    await once(running.get(one)!, "exit");
    await new Promise((resolve) => setTimeout(resolve, 500));
    promote(two);
    await until("a standby that follows", () => streaming(two) === "1");
    assert.equal(query(two, "tacit", "tacit", "INSERT INTO kept VALUES (1)").status, 0);
    const again = run(one);
    await once(again, "exit");
    assert.match(said.get(one)!, /127\.0\.0\.2 leads, and this one led before/);
    // A disk that was replaced is an empty folder: it is copied, and never a new database.
    rmSync(join(folder, one, "data"), { recursive: true });
    run(one);
    await until("both standbys", () => streaming(two) === "2");
    await until("what was written", () => query(one, "tacit", "tacit", "SELECT n FROM kept").stdout.trim() === "1");
    assert.match(query(one, "tacit", "tacit", "INSERT INTO kept VALUES (2)").stderr, /read-only/);
  });

  it("the database of jobs is made by itself, and lets provers use tables only", async () => {
    run("jobs");
    const at = "127.0.0.4";
    await until("the database of jobs", () => query(at, "tacit", "jobs", "SELECT 1").stdout.trim() === "1");
    assert.equal(query(at, "tacit", "jobs", "CREATE TABLE held (n int)").status, 0);
    assert.equal(query(at, "prover", "jobs", "INSERT INTO held VALUES (1)").status, 0);
    assert.match(query(at, "prover", "jobs", "CREATE TABLE own (n int)").stderr, /permission denied/);
  });
});

// `wordsOf` is what both sides are read by.
assert.deepEqual(wordsOf(`a "b c" # d`), ["a", "b c"]);
