// Goal: a venue is served, traded at and watched from the command line; it stops in good order and goes on where it was.
// Method: the command as processes of its own, in an empty folder.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildAll } from "../../src/setup/build.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));

describe("tacit serve, account, order, watch", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-venue-"));
  const env = { ...process.env, TACIT_PASSPHRASE: "a passphrase", TACIT_OPERATOR_PASSPHRASE: "another" };
  let server: ChildProcess | null = null;
  let url = "";
  before(() => buildAll({ profile: "demo", publish: false }));
  after(() => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  const start = (...args: string[]) => spawn(process.execPath, [BIN, ...args], { cwd: folder, env });
  async function tacit(...args: string[]) {
    const child = start(...args);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = await once(child, "close");
    return { status, stdout, stderr };
  }
  async function serve(...args: string[]) {
    const child = start("serve", "--port", "0", "--interval", "2", "--log-level", "warn", ...args);
    server = child;
    child.stderr.resume();
    const line = once(createInterface(child.stdout), "line") as Promise<[string]>;
    const ended = once(child, "exit").then(([code]) => assert.fail(`the service ended with ${code}`));
    [url] = await Promise.race([line, ended]);
  }
  async function stop() {
    server!.kill("SIGTERM");
    const [code] = await once(server!, "exit");
    server = null;
    return code;
  }
  const at = () => ["--venue", url];

  it("a trader makes a key, takes play money, trades, and sees the own account proved", async () => {
    await serve();
    assert.match((await tacit("watch", "--once", ...at())).stderr, /no key.*\nno round is proved yet/);
    const misspelt = await tacit("watch", "--once", "--account", "tacit-acount.json", ...at());
    assert.match(misspelt.stderr, /^tacit: tacit-acount.json cannot be read/);
    assert.notEqual(misspelt.status, 0);
    assert.match((await tacit("watch", "--once", "--account", "none", ...at())).stderr, /no key/);
    assert.equal((await tacit("account", "new")).status, 0);
    assert.equal(statSync(join(folder, "tacit-account.json")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "tacit-data/operator-keys.json")).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(join(folder, "tacit-data/operator-keys.json"), "utf8"), /"secret": *"/);
    assert.match((await tacit("account", "deposit", "50000000", ...at())).stdout, /credited to account 2/);
    assert.match((await tacit("account", "history", ...at())).stdout, /deposit .*50,000,000/);
    assert.match((await tacit("markets", ...at())).stdout, /101 .*open .* 2 s /);
    const buy = await tacit("order", "buy", "101", "5", "100020", ...at());
    assert.match(buy.stdout, /^admitted: nonce 1, entry 1 of the log/);
    assert.equal(buy.status, 0);
    const rejected = await tacit("order", "sell", "101", "5", "100021", ...at());
    assert.match(rejected.stdout, /^rejected \(offTick: limits are multiples of 10\): nonce 2, entry \d+ of the log/);
    assert.equal(rejected.status, 1);
    assert.match((await tacit("order", "list", ...at())).stdout, /1 +101 +buy +5 +100020/);
    assert.equal((await tacit("order", "cancel", "101", "1", ...at())).status, 0);
    for (;;) {
      const { status, stdout } = await tacit("watch", "--once", ...at());
      assert.equal(status, 0);
      if (/account 2 proved in round \d+: cash 50,000,000, as computed here/.test(stdout)) break;
    }
    const { reported, proved } = JSON.parse((await tacit("account", "show", "--json", ...at())).stdout);
    assert.equal(reported.cash, "50000000");
    assert.equal(proved.recomputed, true);
  });

  it("one venue has one process, and stops in good order", async () => {
    const second = await tacit("serve", "--port", "0", "--no-prove");
    assert.equal(second.status, 2);
    assert.match(second.stderr, /tacit: .*(in use|locked|held|open)/i);
    const taken = await tacit("serve", "--port", new URL(url).port, "--data", "another", "--no-prove");
    assert.match(taken.stderr, /cannot listen at .*EADDRINUSE \(LISTEN\)/);
    assert.ok(!existsSync(join(folder, "another")), "nothing is made");
    assert.equal(await stop(), 0);
  });

  it("goes on where it was, and refuses the wrong passphrase", async () => {
    await serve("--no-prove");
    const { verified, reported } = JSON.parse((await tacit("account", "show", "--json", ...at())).stdout);
    assert.ok(verified.round >= 1);
    assert.equal(reported.nonce, "3");
    assert.match((await tacit("watch", "--once", ...at())).stdout, /rounds up to \d+ hold, as verified before/);
    const booked = JSON.parse((await tacit("account", "history", "--json", ...at())).stdout);
    assert.deepEqual([booked[0].kind, booked[0].n], ["deposit", 0]);
    const later = JSON.parse((await tacit("account", "history", "--after", "0", "--json", ...at())).stdout);
    assert.deepEqual(later, booked.slice(1));
    assert.equal((await tacit("order", "buy", "101", "1", "100000", ...at())).status, 0);
    const notebook = join(folder, "tacit-account.notebook.json");
    const kept = JSON.parse(readFileSync(notebook, "utf8"));
    kept.contradictions.push({ kind: "log", message: "two entries at one place", evidence: "{}" });
    writeFileSync(notebook, JSON.stringify(kept));
    const order = await tacit("order", "buy", "101", "1", "100000", ...at());
    assert.equal(order.status, 1);
    assert.equal(order.stdout, "");
    assert.match(order.stderr, /no order is sent.*\n.*CONTRADICTION: two entries at one place\n.*the evidence/);
    // Who wants to leave may.
    const cancel = await tacit("order", "cancel", "101", "--json", ...at());
    assert.equal(cancel.status, 1);
    const { verdict, nonce } = JSON.parse(cancel.stdout);
    assert.deepEqual([verdict, nonce], ["admitted", "5"]);
    assert.match(cancel.stderr, /CONTRADICTION/);
    writeFileSync(join(folder, "other.json"), readFileSync(join(folder, "tacit-account.json")));
    writeFileSync(join(folder, "other.notebook.json"), JSON.stringify({ ...kept, pin: "00".repeat(32) }));
    const other = await tacit("order", "list", "--account", "other.json", ...at());
    assert.match(other.stderr, /other.notebook.json is of another venue .*copy other.json .*\(OTHER_VENUE\)/);
    assert.equal(await stop(), 0);
    env.TACIT_OPERATOR_PASSPHRASE = "wrong";
    const { status, stderr } = await tacit("serve", "--port", "0", "--no-prove");
    assert.equal(status, 2);
    assert.match(stderr, /operator-keys.json does not open with .* TACIT_OPERATOR_PASSPHRASE \(PASSPHRASE\)/);
  });

  it("tells what was taken where the answer is what contradicts", async () => {
    env.TACIT_OPERATOR_PASSPHRASE = "another";
    const [data, older] = ["tacit-data", "older"].map((name) => join(folder, name));
    cpSync(data, older, { recursive: true });
    await serve("--no-prove");
    const recipient = "0x00000000000000000000000000000000000000aa";
    assert.match((await tacit("withdraw", "1", recipient, ...at())).stdout, /^admitted: nonce 6, /);
    assert.equal(await stop(), 0);
    // It goes back to an older copy, and signs other entries for places that it has signed already.
    rmSync(data, { recursive: true });
    cpSync(older, data, { recursive: true });
    rmSync(join(data, "venue.db-mark"));
    await serve("--no-prove");
    const { status, stdout, stderr } = await tacit("withdraw", "2", recipient, ...at());
    assert.equal(status, 1);
    assert.match(stdout, /^admitted: nonce 7, /);
    assert.match(stderr, /CONTRADICTION: .*two items have a receipt/);
    assert.equal(await stop(), 0);
  });

  const bad: [string, string[], RegExp][] = [
    ["a key that is there", ["account", "new"], /there is one already/],
    [
      "a venue that does not answer",
      ["order", "buy", "101", "1", "1", "--venue", "http://127.0.0.1:9"],
      /does not answer: .*\(UNREACHABLE\)/,
    ],
    ["a port that is none", ["serve", "--port", "99999", "--data", "nowhere"], /0 to 65535/],
    ["no address", ["watch", "--once", "--venue", "nowhere"], /address is wrong/],
    ["a number that is none", ["order", "buy", "101", "x", "1"], /lots is wrong: expected an integer/],
    ["no account", ["order", "list", "--account", "none.json"], /account new/],
    ["a recipient that is none", ["withdraw", "5", "bob"], /recipient is wrong/],
    [
      "a secret that is none",
      ["account", "new", "--account", "b.json", "--import", "bad.hex"],
      /64 hexadecimal digits/,
    ],
  ];
  for (const [why, args, says] of bad)
    it(`refuses ${why} with 2`, async () => {
      writeFileSync(join(folder, "bad.hex"), "zz");
      const { status, stderr } = await tacit(...args);
      assert.match(stderr, says);
      assert.equal(status, 2);
    });
});
