// Goal: rules of a venue are shown, compared, announced, applied and taken back from the command line, and a trader sees markets
// and margin under them.
// Method: the commands as processes of their own, in an empty folder, at a venue that proves nothing.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));

describe("tacit rules, markets, margin", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-rules-"));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TACIT_OPERATOR_TOKEN: "0123456789abcdef",
    TACIT_PASSPHRASE: "words",
  };
  let server: ChildProcess;
  let url = "";
  const start = (args: readonly string[], as = env) =>
    spawn(process.execPath, [BIN, ...args], { cwd: folder, env: as });
  async function run(args: readonly string[], as = env, venue = url) {
    const child = start(args[1] === "new" ? args : [...args, "--venue", venue], as);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = await once(child, "close");
    return { status, stdout, stderr };
  }
  /** What it prints, where all goes well. */
  async function tacit(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await run(args);
    assert.equal(status, 0, stderr);
    return stdout;
  }
  before(async () => {
    server = start(["serve", "--port", "0", "--no-prove", "--timelock", "0", "--log-level", "warn"]);
    server.stderr!.resume();
    [url] = (await once(createInterface(server.stdout!), "line")) as [string];
  });
  after(async () => {
    server.kill("SIGTERM");
    await once(server, "exit");
    rmSync(folder, { recursive: true });
  });
  const markets = async () => JSON.parse(await tacit("rules", "show", "--json")).markets as Record<string, string>[];

  it("shows rules as a table, and as a file that changes nothing", async () => {
    const shown = await tacit("rules", "show");
    assert.match(shown, /^rules \d+…\d+, 4 feeds, changes after 0 s\n/);
    assert.match(shown, /0 +perpetual/);
    assert.match(shown, /\n0 +101 +perpetual +auction +open/);
    writeFileSync(join(folder, "rules.json"), await tacit("rules", "show", "--json"));
    assert.equal(await tacit("rules", "diff", "rules.json"), "nothing changes\n");
  });

  it("changes a fee and halts a market, each by one command, after the words of it", async () => {
    const { feeRate } = (await markets())[0];
    const lower = `markets[0].feeRate=${Number(feeRate) - 1}`;
    assert.match(await tacit("rules", "diff", "--set", lower), new RegExp(`markets\\[0\\].feeRate: ${feeRate} -> `));
    const raised = await tacit("rules", "diff", "rules.json", "--set", `markets[0].feeRate=${Number(feeRate) + 1}`);
    assert.match(raised, /only while the market is empty/);
    assert.match(await tacit("rules", "announce", "--set", lower, "markets[1].state=halted"), /^announcement 1: /);
    const words = `  markets\\[0\\]\\.feeRate: ${feeRate} -> ${Number(feeRate) - 1}\n  markets\\[1\\]\\.state: open -> halted\n$`;
    assert.match(await tacit("rules", "show"), new RegExp(`announcement 1: .*, waiting, .*\n${words}`));
    assert.equal((await markets())[0].feeRate, feeRate, "not in force");
    assert.match(await tacit("rules", "apply", "1"), /^announcement 1: \S+, applied/);
    const [first, second] = await markets();
    assert.deepEqual([first.feeRate, second.state], [`${Number(feeRate) - 1}`, "halted"]);
    assert.match(await tacit("markets"), /102 .*halted/);
  });

  it("lists a market, and delists another", async () => {
    const rows = await markets();
    const row = { ...rows[0], id: "900", name: "perpetual, till it ends", until: "2000000000" };
    const soon = String(Number(rows[1].until) - 86_400);
    const list = ["--set", `markets[5]=${JSON.stringify(row)}`, "group.greatestId=900", `markets[1].until=${soon}`];
    assert.match(await tacit("rules", "announce", ...list), /^announcement 2: /);
    await tacit("rules", "apply", "2");
    assert.match(await tacit("markets"), /\n900 +perpetual, till it ends +auction/);
    assert.match(await tacit("rules", "show"), /\n5 +900 +perpetual, till it ends /);
    assert.equal((await markets())[1].until, soon);
  });

  it("takes an announcement back until its timelock has run, and applies it once", async () => {
    await tacit("rules", "announce", "--set", "markets[1].state=open");
    for (const [act, says] of [
      ["cancel", /announcement 3 cannot be withdrawn: its timelock has run \(ANNOUNCEMENT\)/],
      ["apply", null],
      ["apply", /no announcement 3 waits \(ANNOUNCEMENT\)/],
    ] as const) {
      const { status, stderr } = await run(["rules", act, "3"]);
      if (says) assert.match(stderr, says);
      assert.equal(status, says ? 1 : 0, stderr);
    }
  });

  it("begins from what is announced and waits, with the names in it, so that a second change keeps the first", async () => {
    const named = { ...(await markets())[5], name: "perpetual, for ever" };
    await tacit("rules", "announce", "--set", "markets[0].band=1234", `markets[5]=${JSON.stringify(named)}`);
    const second = ["--set", "markets[1].band=4321"];
    const says = /^tacit: this begins from announcement 4, which waits, and not from the rules in force\n$/;
    const diff = await run(["rules", "diff", ...second]);
    assert.match(diff.stderr, says);
    assert.match(diff.stdout, /markets\[0\]\.band: \d+ -> 1234\nmarkets\[1\]\.band: \d+ -> 4321\n$/);
    // One that was announced too long ago never comes into force.
    const old = (await (await fetch(`${url}/v1/rules`)).json()) as { announced: { from: string }[] };
    for (const it of old.announced) it.from = "1700000000";
    const elsewhere = createServer((_, response) => response.end(JSON.stringify(old))).listen(0, "127.0.0.1");
    await once(elsewhere, "listening");
    const there = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    const forgotten = await run(["rules", "diff", ...second], env, there);
    elsewhere.close();
    assert.equal(forgotten.stderr, "");
    assert.match(forgotten.stdout, /^rules \S+\nmarkets\[1\]\.band: \d+ -> 4321\n$/);
    // What waits may be passed over instead.
    const inForce = await run(["rules", "diff", ...second, "--in-force"]);
    assert.equal(inForce.stderr, "");
    assert.match(inForce.stdout, /^rules \S+\nmarkets\[1\]\.band: \d+ -> 4321\n$/);
    // A file is taken as it is.
    writeFileSync(join(folder, "now.json"), await tacit("rules", "show", "--json"));
    const file = await run(["rules", "diff", "now.json", ...second]);
    assert.equal(file.stderr, "");
    assert.doesNotMatch(file.stdout, /1234/);
    const announced = await run(["rules", "announce", ...second]);
    assert.match(announced.stderr, says);
    assert.match(announced.stdout, /^announcement 5: /);
    for (const n of ["4", "5"]) await tacit("rules", "apply", n);
    const rows = await markets();
    assert.deepEqual([rows[0].band, rows[1].band, rows[5].name], ["1234", "4321", "perpetual, for ever"]);
    assert.equal((await run(["rules", "diff", ...second])).stderr, "", "none waits");
  });

  it("says what is wrong with a file or a place, and changes nothing", async () => {
    writeFileSync(
      join(folder, "bad.json"),
      readFileSync(join(folder, "rules.json"), "utf8").replace("perpetual", "no"),
    );
    const bad: [args: string[], says: RegExp][] = [
      [["announce"], /nothing is said to change: expected a file of rules, or --set \(USAGE\)/],
      [["announce", "same.json"], /nothing changes: these are the rules in force \(USAGE\)/],
      [["announce", "none.json"], /none.json cannot be read: there is no such file/],
      [["diff", "bad.json"], /instruments\[0\]\.kind is wrong/],
      [["announce", "--set", "markets[0].state=closed"], /markets\[0\]\.state is wrong/],
      [["announce", "--set", "markets[0].colour=red"], /expected a place that rules have/],
      [["announce", "--set", "__proto__.x=1"], /expected a place/],
      [["announce", "--set", "markets[99999999999]=null"], /expected a place that rules have/],
      [["announce", "--set", "markets.length=1"], /expected a place that rules have/],
      [["announce", "--set", "markets[0].constructor.name=1"], /expected a place/],
      [["announce", "--set", "markets[5]={"], /expected JSON after the =/],
      [["announce", "--set", "halted"], /expected a place and a value/],
      [["announce", "--set", "markets[0].tick=0"], /markets\[0\]\.tick is out of range/],
    ];
    const before = await tacit("rules", "show");
    writeFileSync(join(folder, "same.json"), await tacit("rules", "show", "--json"));
    for (const [args, says] of bad) {
      const { status, stderr } = await run(["rules", ...args]);
      assert.match(stderr, says);
      assert.equal(status, 2, stderr);
    }
    assert.match((await run(["rules", "apply", "9"])).stderr, /no announcement 9 waits \(ANNOUNCEMENT\)/);
    assert.equal(await tacit("rules", "show"), before);
  });

  it("obeys nobody without the operator's token", async () => {
    for (const [token, says, code] of [
      [undefined, /token is missing: expected it in TACIT_OPERATOR_TOKEN/, 2],
      ["another-0123456789", /it was sent another one \(UNAUTHORISED\)/, 1],
    ] as const) {
      const as = { ...env, TACIT_OPERATOR_TOKEN: token };
      if (token === undefined) delete as.TACIT_OPERATOR_TOKEN;
      const { status, stderr } = await run(["rules", "announce", "--set", "markets[0].state=halted"], as);
      assert.match(stderr, says);
      assert.equal(status, code);
    }
    assert.equal((await markets())[0].state, "open");
  });

  it("a trader sees margin by scenario, and what drives it", async () => {
    await tacit("account", "new");
    await tacit("account", "deposit", "50000000");
    const { scenarios, curve, drivers } = JSON.parse(await tacit("margin", "--json"));
    assert.equal(scenarios.length, 4);
    assert.deepEqual(new Set(scenarios.map(({ equity }: { equity: string }) => equity)), new Set(["50000000"]));
    assert.equal(curve.length, 49);
    assert.deepEqual(drivers, []);
    const shown = await tacit("margin");
    assert.match(shown, /50,000,000/);
    assert.doesNotMatch(shown, /as the venue tells it/, "followed from the genesis on");
  });
});
