// Goal: the command says how it is used, and its exit codes are 0, 1 and 2 as promised, from any working directory.
// Method: bin/tacit.js as a process of its own, in an empty folder.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs/promises";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSections } from "../../src/prover/sections.ts";
import { REGISTERS, stateWord, type State } from "../../src/protocol/state.ts";
import { builtFixtures } from "../prover/fixtures.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));
const COMMANDS = [
  "demo",
  "replay",
  "stress",
  "build",
  "keys",
  "witness",
  "prove",
  "verify",
  "survey",
  "recheck",
  "inspect",
  "serve",
  "prover",
  "signer",
  "cosign",
  "feed",
  "operator",
  "store",
  "account",
  "markets",
  "margin",
  "rules",
  "cosigners",
  "defaults",
  "order",
  "withdraw",
  "watch",
];

describe("tacit", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-"));
  after(() => rmSync(folder, { recursive: true }));
  const tacit = (...args: string[]) => spawnSync("node", [BIN, ...args], { cwd: folder, encoding: "utf8" });
  const file = (name: string, content: unknown) => {
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
    return name;
  };

  it("--help names every command, with examples and exit codes", () => {
    const { status, stdout } = tacit("--help");
    assert.equal(status, 0);
    const named = [
      ...stdout
        .split("Commands:")[1]
        .split("Examples:")[0]
        .matchAll(/^ {2}(\w+)/gm),
    ].map(([, name]) => name);
    assert.deepEqual(named, [...COMMANDS, "help"]);
    assert.match(stdout, /Examples:\n {2}\$ tacit demo/);
    assert.match(stdout, /Exit codes: 0/);
  });

  for (const name of COMMANDS)
    it(`${name} --help has a description and examples`, () => {
      const { status, stdout, stderr } = tacit(name, "--help");
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`^Usage: tacit ${name}`));
      assert.match(stdout, new RegExp(`Examples:\\n {2}\\$ tacit ${name}`));
    });

  const longFlow = () => {
    const lines = Array.from(
      { length: 60_000 },
      (_, i) => `${34_200 + i / 100},1,${i + 1},10,${1_000_000 + 100 * (i % 40)},1`,
    );
    return file("long.csv", lines.join("\n"));
  };

  it("leaves nothing that is half written when it is interrupted, and ends as one that was", async () => {
    mkdirSync(join(folder, "out"));
    const child = spawn("node", [BIN, "replay", longFlow(), "--json", "out/record.json"], { cwd: folder, stdio: "ignore" }); // prettier-ignore
    const early = new AbortController();
    const ended = once(child, "exit").finally(() => early.abort());
    for await (const { filename } of watch(join(folder, "out"), { signal: early.signal }))
      if (filename?.endsWith(".partial")) break;
    child.kill("SIGINT");
    assert.deepEqual(await ended, [130, null]);
    assert.deepEqual(readdirSync(join(folder, "out")), []);
  });

  const long = {
    stress: () => ["stress", "--accounts", "100", "--epochs", "400"],
    replay: () => ["replay", longFlow(), "--signed"],
  };
  for (const [name, args] of Object.entries(long))
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const)
      // prettier-ignore
      it(`${signal} ends ${name} while it computes`, async () => {
        const child = spawn("node", [BIN, ...args()], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
        const ended = once(child, "close");
        let shown = "";
        child.stdout.on("data", (text) => (shown += text));
        await once(child.stderr, "data");
        child.kill(signal);
        assert.deepEqual(await ended, [code, null]);
        assert.equal(shown, "", "it had come to no result");
      });

  const proof = { pi_a: ["1", "2", "1"], pi_b: [["1", "2"], ["3", "4"], ["1", "0"]], pi_c: ["1", "2", "1"] }; // prettier-ignore
  const step = { name: "admit", publicInputs: ["1", "2", "0", "3", "4", "5"], proof };
  const flow = () => file("flow.csv", "34200,1,1,10,1000000,1\n34201,1,2,10,1000000,-1\n");
  const bad: [why: string, args: () => string[], says: RegExp][] = [
    ["no command", () => [], /Usage: tacit/],
    ["an unknown command", () => ["frob"], /unknown command 'frob'/],
    ["an unknown option", () => ["keys", "--frob"], /unknown option '--frob'/],
    ["a missing argument", () => ["replay"], /missing required argument 'file'/],
    ["a number out of range", () => ["replay", flow(), "--every", "0"], /'--every <seconds>' argument '0' is invalid/],
    ["an unknown profile", () => ["build", "--profile", "huge"], /Allowed choices are demo, standard/],
    [
      "an unknown instruction",
      () => ["build", "nothing"],
      /no circuit is called "nothing": expected deposit, .* survey /,
    ],
    ["a missing file", () => ["replay", "none.csv"], /none.csv cannot be read: there is no such file/],
    [
      "a record into no folder",
      () => ["replay", flow(), "--json", "none/out.json"],
      /there is no folder .*none \(OUTPUT\)/,
    ],
    ["a proof into no folder", () => ["prove", "k", "w", "none/p", "q"], /there is no folder none \(OUTPUT\)/],
    ["a record in place of its flow", () => ["replay", flow(), "--json", "flow.csv"], /is the file to replay/],
    ["a bad message", () => ["replay", file("bad.csv", "1,1,1,1,0,1\n")], /line 1: price is wrong/],
    [
      "more accounts than leaves",
      () => ["replay", "none.csv", "--accounts", "255", "--profile", "demo"],
      /--accounts is out of range: expected 1 to 254/,
    ],
    [
      "more accounts than a replay may have",
      () => ["replay", flow(), "--accounts", "1023"],
      /--accounts.* from 1 to 1022/,
    ],
    ["too few accounts", () => ["stress", "--accounts", "9"], /--accounts.* from 10 to 1000000/],
    ["too few epochs", () => ["stress", "--epochs", "0"], /--epochs.* from 20 to 100000/],
    ["too much between auctions", () => ["stress", "--every", "61"], /--every.* from 2 to 60/],
    ["no JSON", () => ["verify", file("no.json", "{")], /no.json is no JSON/],
    ["JSON of something else", () => ["verify", file("other.json", {})], /file is wrong: expected an object with/],
    [
      "a bad number in a round",
      () => ["verify", file("number.json", { instructions: [{ ...step, publicInputs: ["1", 2] }] })],
      /round.instructions\[0\].publicInputs\[1\] is wrong: expected an integer as a decimal string/,
    ],
    [
      "a bad proof in a replay",
      () => [
        "verify",
        file("proof.json", { rounds: [{ instructions: [{ ...step, proof: { ...proof, pi_a: [] } }] }] }),
      ],
      /rounds\[0\].instructions\[0\]: pi_a of a proof is malformed/,
    ],
    ["an unknown subject", () => ["inspect", "nothing"], /nothing cannot be read: there is no such file; nor an instr/],
    [
      "a state without a register",
      () => ["inspect", file("s.json", { domain: "1", phase: "0" })],
      /published is wrong/,
    ],
    ...(
      [
        ["of nobody", { quorum: [] }, /change.quorum is wrong: expected reports of an odd number of feeds/],
        ["before time", { quorum: [], time: "-99999999999999" }, /change.time is out of range/],
        [
          "of an epoch without end",
          { quorum: [], epoch: "9".repeat(101) },
          /change.epoch is wrong: expected an integer/,
        ],
        ["of an entry that is none", { quorum: [], n: { toString: 1 } }, /change.n is wrong/],
      ] as const
    ).map(([what, change, says]): [string, () => string[], RegExp] => [
      `a reprice ${what}`,
      () => ["inspect", file("changes.json", { changes: [{ n: 1, time: "1", epoch: "1", ...change }] })],
      says,
    ]),
    ["inputs that are no numbers", () => ["witness", "admit", file("in.json", { A: [1.5] }), "w"], /A\[0\] is wrong/],
  ];
  for (const [why, args, says] of bad)
    it(`exits with 2 and one line for ${why}`, () => {
      const { status, stdout, stderr } = tacit(...args());
      assert.equal(status, 2, stderr);
      assert.match(stderr, says);
      assert.equal(stdout, "");
      assert.doesNotMatch(stderr, /^ +at /m, "no stack");
      if (why !== "no command") assert.match(stderr, /^tacit: [^\n]+\n/);
    });

  it("shows the stack of an error with TACIT_DEBUG=1", () => {
    const env = { ...process.env, TACIT_DEBUG: "1" };
    const { stderr } = spawnSync("node", [BIN, "replay", "none.csv"], { cwd: folder, encoding: "utf8", env });
    assert.match(stderr, /^ +at /m);
  });

  it("replays a file, and what it writes can be inspected; verifying it exits with 1, as it has no proofs", () => {
    const { status, stdout, stderr } = tacit(
      "replay",
      flow(),
      "--profile",
      "demo",
      "--accounts",
      "3",
      "--json",
      "o.json",
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^verdicts +admitted 2$/m);
    assert.match(stdout, /^auctions +1: 2 fills, 10 lots$/m);
    const told = tacit("inspect", "o.json");
    assert.equal(told.status, 0, told.stderr);
    assert.match(told.stdout, /market 1, auction: 10 lots at 1000000, 2 fills/);
    assert.match(
      told.stdout,
      /\nepoch \d+, entry 1 of the log, at .*\nnumber +feed 0 +feed 1 +feed 2 +median +of feed\n-.*\nindex +1,000,020 +999,997 +999,986 +999,997 +1\n/,
    );
    assert.equal(JSON.parse(tacit("inspect", "o.json", "--json").stdout)[0].clearings[0].volume, "10");
    const verified = tacit("verify", "o.json");
    assert.equal(verified.status, 1);
    assert.match(verified.stderr, /^tacit: the file has no proofs to verify/);
  });

  for (const [command, ...options] of [
    ["build", "admit"],
    ["serve", "--port", "0", "--data", "data"],
  ])
    // prettier-ignore
    it(`${command} replaces no key that no build made, and names it`, async () => {
      const zkey = join(folder, "circuits/demo/admit/main.zkey");
      mkdirSync(dirname(zkey), { recursive: true });
      const bytes = readFileSync((await builtFixtures("product")).product.files.zkey);
      // Its alpha is another point: that of beta, which comes next.
      readSections(bytes, "zkey").get(2)!.copyWithin(84, 148, 212);
      writeFileSync(zkey, bytes);
      const { status, stderr } = tacit(command, ...options, "--build", "circuits");
      assert.equal(status, 1, stderr);
      assert.match(stderr, /admit: .*\/circuits\/demo\/admit\/main\.zkey is no development key.*\(KEY_NOT_DEVELOPMENT\)\n$/);
      assert.deepEqual(readFileSync(zkey), bytes);
    });

  it("explains the instructions of a round", () => {
    const payout = 0xabcn + (5n << 160n);
    const paid = { name: "withdraw", publicInputs: ["2", "3", "0", `${payout}`, "0", "0", "0"], proof };
    const timed = { ...step, publicInputs: ["1", "2", "18", "1767225600", "4", "5"] };
    const { status, stdout } = tacit("inspect", file("round.json", { state: "1", instructions: [timed, paid] }));
    assert.equal(status, 0);
    assert.match(stdout, /0 admit +state 1, stateAfter 2, phaseAfter paying, time 2026-01-01T00:00:00Z, logCount 4/);
    assert.match(stdout, /1 withdraw .*phaseAfter open, payout0 pays 5 to 0x0{37}abc, payout1 none/);
  });

  it("explains an instruction, and the opening of a state", () => {
    const { status, stdout } = tacit("inspect", "admit", "--json");
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout).publicInputs, ["state", "stateAfter", "phaseAfter", "time", "logCount", "log"]);
    const names = Object.values(REGISTERS).flat();
    const state = Object.fromEntries(names.map((name, i) => [name, BigInt(i)])) as State;
    const opening = Object.fromEntries(names.map((name) => [name, `${state[name]}`]));
    const told = tacit("inspect", file("state.json", opening));
    assert.equal(told.status, 0, told.stderr);
    assert.match(told.stdout, new RegExp(`^state word ${stateWord(state)}$`, "m"));
    assert.match(told.stdout, /^phase +clearing slot 0$/m);
  });
});
