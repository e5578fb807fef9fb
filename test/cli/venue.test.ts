// Goal: a venue is served, traded at and watched from the command line; it stops in good order and goes on where it was.
// Method: the command as processes of its own, in an empty folder.
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
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
    assert.match(buy.stdout, /^admitted: nonce 1, entry \d+ of the log/);
    assert.equal(buy.status, 0);
    const foreseen = await tacit("order", "sell", "perpetual", "5", "100021", ...at());
    const offTick = /\(offTick.*: limits are multiples of 10: 100020 or 100030, not 100021\)?/;
    assert.match(foreseen.stderr, offTick);
    assert.deepEqual([foreseen.status, foreseen.stdout], [1, ""]);
    const rejected = await tacit("order", "sell", "perpetual", "5", "100021", "--anyway", ...at());
    assert.match(rejected.stdout, /^rejected \(offTick.*: nonce 2, entry \d+ of the log/);
    assert.match(rejected.stdout, offTick);
    assert.equal(rejected.status, 1);
    assert.match((await tacit("order", "list", ...at())).stdout, /1 +perpetual \(101\) +buy +5 +100020/);
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
    assert.equal(booked[0].kind, "deposit");
    const later = JSON.parse(
      (await tacit("account", "history", "--after", `${booked[0].n}`, "--json", ...at())).stdout,
    );
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
    // Without feeds no price comes between, which would contradict before; a cancel needs none.
    await serve("--no-prove", "--feeds", "-");
    const cancel = () => tacit("order", "cancel", "101", ...at());
    assert.match((await cancel()).stdout, /^admitted: nonce 6, /);
    assert.equal(await stop(), 0);
    // It goes back to an older copy, and signs other entries for places that it has signed already.
    rmSync(data, { recursive: true });
    cpSync(older, data, { recursive: true });
    rmSync(join(data, "venue.db-mark"));
    await serve("--no-prove", "--feeds", "-");
    const { status, stdout, stderr } = await cancel();
    assert.equal(status, 1);
    assert.match(stdout, /^admitted: nonce 7, /);
    assert.match(stderr, /CONTRADICTION: .*two items have a receipt/);
    assert.equal(await stop(), 0);
  });

  it("takes a passphrase from a file or from standard input, and seals keys that lie open", async () => {
    const [given, mine] = [env.TACIT_PASSPHRASE, env.TACIT_OPERATOR_PASSPHRASE];
    delete (env as NodeJS.ProcessEnv).TACIT_PASSPHRASE;
    delete (env as NodeJS.ProcessEnv).TACIT_OPERATOR_PASSPHRASE;
    try {
      writeFileSync(join(folder, "words"), "from a file\r\nnot this\n");
      assert.equal((await tacit("account", "new", "--account", "c.json", "--passphrase-file", "words")).status, 0);
      await serve("--no-prove", "--data", "open");
      const child = start("account", "show", "--account", "c.json", "--passphrase-file", "-", ...at());
      child.stdin.end("from a file\n");
      let told = "";
      child.stdout.on("data", (text) => (told += text));
      assert.deepEqual(await once(child, "close"), [0, null]);
      assert.match(told, /no account of this key so far/);
      const missing = await tacit("account", "show", "--account", "c.json", "--passphrase-file", "nowhere", ...at());
      assert.match(missing.stderr, /the passphrase cannot be read: .*nowhere.* \(FILE\)/);
      assert.equal(await stop(), 0);

      const keys = join(folder, "open/operator-keys.json");
      assert.match(readFileSync(keys, "utf8"), /"secret": "[0-9a-f]{64}"/);
      const seal = ["operator", "seal", "--data", "open", "--passphrase-file"];
      assert.equal((await tacit(...seal, "words")).status, 0);
      assert.doesNotMatch(readFileSync(keys, "utf8"), /"(secret|signer|insurance)": "/);
      assert.equal(statSync(keys).mode & 0o777, 0o600);
      assert.match((await tacit(...seal, "words")).stderr, /sealed already.*\(SEALED\)/);
      assert.match(
        (await tacit("serve", "--port", "0", "--data", "open")).stderr,
        /is sealed: expected its passphrase/,
      );
      await serve("--no-prove", "--data", "open", "--passphrase-file", "words");
      assert.equal(await stop(), 0);
    } finally {
      Object.assign(env, { TACIT_PASSPHRASE: given, TACIT_OPERATOR_PASSPHRASE: mine });
    }
  });

  it("sends lists of quotes from a file or as they come, and stops at what it cannot read", async () => {
    await serve("--no-prove", "--data", "quotes", "--interval", "3600");
    const mine = ["--account", "q.json", ...at()];
    assert.equal((await tacit("account", "new", "--account", "q.json")).status, 0);
    assert.equal((await tacit("account", "deposit", "50000000", ...mine)).status, 0);
    const list = (...limits: number[]) => {
      const orders = limits.map((limit) => ({ side: limit < 100_000 ? "buy" : "sell", lots: 2, limit }));
      return JSON.stringify({ market: "101", orders });
    };
    writeFileSync(join(folder, "quotes.jsonl"), `${list(99_980, 100_020)}\n\n${list(99_970, 100_030, 100_040)}\n`);
    const sent = await tacit("order", "quotes", "quotes.jsonl", ...mine);
    assert.equal(sent.status, 0, sent.stderr);
    assert.match(sent.stdout, /^admitted: nonces 1 to 2, .*\nadmitted: nonces 9 to 11, /);
    const { stdout } = await tacit("order", "list", "--json", ...mine);
    const orders = JSON.parse(stdout) as { nonce: string; limit: string; cancelled: boolean }[];
    assert.deepEqual(
      orders.map(({ nonce, limit, cancelled }) => [nonce, limit, cancelled]),
      [["1", "99980", true], ["2", "100020", true], ["9", "99970", false], ["10", "100030", false], ["11", "100040", false]],
    ); // prettier-ignore

    // The market by its name, and a refusal in numbers: nothing of the list is sent.
    const piped = start("order", "quotes", "-", ...mine);
    let [told, said] = ["", ""];
    piped.stdout.on("data", (text) => (told += text));
    piped.stderr.on("data", (text) => (said += text));
    piped.stdin.write(`\uFEFF${list(99_960)}\n${list(99_950, 99_951)}\n`);
    piped.stdin.end(`${list(99_940)}\n`);
    assert.deepEqual(await once(piped, "close"), [1, null], said);
    assert.match(told, /^admitted: nonce 17, .*\nadmitted: nonce 25, /, "the list after the bad one goes on");
    assert.match(said, /line 2: .*offTick\): limits are multiples of .*\(order 2 of 2\)/);

    for (const [text, says] of [
      ["{", /line 1 is wrong: expected a JSON object/],
      ['{"market":"101","orders":[]}', /line 1: orders is out of range: expected 1 to 8 orders/],
      ['{"market":"101","orders":[{"side":"up","lots":1,"limit":1}]}', /line 1\.orders\[0\]\.side/],
      ['{"market":"none","orders":[]}', /no market "none"/],
      ['{"market":"101","orders":[],"validFor":1}', /line 1\.validFor is wrong: expected no other fields/],
      ['{"market":"101","orders":[{"side":"buy","lots":1,"limit":5,"maxFee":1}]}', /orders\[0\]\.maxFee/],
      ["\n\n", /bad\.jsonl has no list of quotes/],
    ] as const) {
      writeFileSync(join(folder, "bad.jsonl"), text);
      const bad = await tacit("order", "quotes", "bad.jsonl", ...mine);
      assert.equal(bad.status, 2);
      assert.match(bad.stderr, says);
    }
    assert.match(
      (await tacit("order", "quotes", "-", "--passphrase-file", "-", ...mine)).stderr,
      /both .* from standard input.*\(USAGE\)/,
    );
    assert.match(
      (await tacit("order", "quotes", "nowhere", ...mine)).stderr,
      /nowhere cannot be read: there is no such file/,
    );
    assert.equal(await stop(), 0);
  });

  it("keeps an order without an answer, says so, and gives it up when it is told to", async () => {
    await serve("--no-prove");
    const deposit = ["account", "deposit", "50000000", "--account", "d.json", ...at()];
    assert.equal((await tacit("account", "new", "--account", "d.json")).status, 0);
    assert.equal((await tacit(...deposit)).status, 0);
    // Between command and venue: it cuts the line when an order comes.
    const line = createServer((request, response) => {
      if (request.url === "/v1/orders" && request.method === "POST") return request.socket.destroy();
      const headers = { ...request.headers, host: new URL(url).host };
      const onwards = httpRequest(url + request.url, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onwards);
    });
    line.listen(0, "127.0.0.1");
    await once(line, "listening");
    const cut = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;
    const order = ["order", "buy", "101", "1", "100000", "--valid-for", "3600", "--account", "d.json"];
    const lost = await tacit(...order, "--venue", cut);
    assert.equal(lost.status, 3, "it is not known whether the venue has it");
    assert.match(
      lost.stderr,
      /the order of nonce 1 has no answer and is kept.* until 20.*`tacit order drop 1` gives it up/,
    );
    const shown = await tacit("order", "list", "--account", "d.json", ...at());
    assert.match(shown.stdout, /no open orders/);
    assert.match(shown.stderr, /the order of nonce 1 has no answer/);
    const next = await tacit(...order, ...at());
    assert.match(next.stderr, /sent again, as it had no answer: the order of nonce 1: admitted/);
    assert.match(next.stdout, /^admitted: nonce 2/);
    assert.match((await tacit(...order, "--venue", cut)).stderr, /nonce 3 has no answer/);
    assert.match((await tacit("order", "drop", "3", "--account", "d.json", ...at())).stdout, /^dropped: /);
    assert.match((await tacit("order", "drop", "3", "--account", "d.json", ...at())).stderr, /\(NO_ITEM\)/);
    assert.match((await tacit("order", "cancel", "101", "--account", "d.json", ...at())).stdout, /^admitted: nonce 3/);
    line.close();
    assert.equal(await stop(), 0);
  });

  it("ends quietly when its output is read no more, and with 130 when it is interrupted at a prompt", async () => {
    const piped = spawnSync("sh", ["-c", `"$0" "$1" --help | true`, process.execPath, BIN], { cwd: folder, env });
    assert.deepEqual([piped.status, String(piped.stderr)], [0, ""]);
    const { TACIT_PASSPHRASE: _, ...bare } = env;
    const typed = `trap : INT; "$0" "$1" account new --account typed.json; echo "ended with $?"`;
    const child = spawn("script", ["-qec", `sh -c '${typed}' ${process.execPath} ${BIN}`, "/dev/null"], { cwd: folder, env: bare }); // prettier-ignore
    let told = "";
    for await (const text of child.stdout) {
      told += String(text);
      if (told.includes("Passphrase for the new key: ")) child.stdin.end("\u0003");
    }
    assert.match(told, /ended with 130/);
    assert.ok(!existsSync(join(folder, "typed.json")));
  });

  for (const [what, args, says] of [
    ["a contract without a node", ["--contract", `0x${"12".repeat(20)}`], /go together/],
    [
      "a contract of a venue that is not there",
      ["--rpc", "http://127.0.0.1:9", "--contract", `0x${"12".repeat(20)}`],
      /no venue in made/,
    ],
    ["a contract at no address", ["--rpc", "http://127.0.0.1:9", "--contract", "0x12"], /--contract/],
    ["a passphrase file that is not there", ["--passphrase-file", "nowhere"], /nowhere/],
  ] as const)
    it(`makes nothing when it is given ${what}`, async () => {
      Object.assign(env, { TACIT_RELAY_KEY: `0x${"11".repeat(32)}` });
      const { status, stderr } = await tacit("serve", "--port", "0", "--data", "made", ...args);
      assert.match(stderr, says);
      assert.equal(status, 2);
      assert.ok(!existsSync(join(folder, "made")));
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
