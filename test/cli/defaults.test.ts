// Goal: the operator sees from the command line who is nearest to maintenance, what was done, and how the insurance account stands;
// nobody else does, and what is wrong with a request is said.
// Method: the command as a process of its own, in an empty folder, at a venue of this process whose prices fall, and which proves nothing.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { standing } from "../../src/protocol/defaults.ts";
import { INSURANCE } from "../../src/protocol/parameters.ts";
import { thousands } from "../../src/setup/format.ts";
import { startService, type RunningService } from "../../src/venue/service/server.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { INTERVAL, traders } from "../venue/fixture.ts";
import { LAG, LENGTH, minutelyJson, openMinutely, priceNow, until } from "../venue/repricing.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));
const TOKEN = "the-token-of-the-operator";

describe("tacit defaults", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-defaults-"));
  const [alice, bob] = traders(2);
  let venue: Venue;
  let service: RunningService;
  let fall: (index: bigint) => Promise<void>;

  async function run(args: readonly string[] = [], env: NodeJS.ProcessEnv = { TACIT_OPERATOR_TOKEN: TOKEN }) {
    const { TACIT_OPERATOR_TOKEN: _, ...rest } = process.env;
    const options = { cwd: folder, env: { ...rest, ...env } };
    const child = spawn(process.execPath, [BIN, "defaults", "--venue", service.url, ...args], options);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = await once(child, "close");
    return { status, stdout, stderr };
  }
  async function shown(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await run(args);
    assert.equal(status, 0, stderr);
    return stdout;
  }
  const stands = (index: number) => standing(venue.account(index)!, venue.terms.prices);

  before(async () => {
    const { clock, ...opened } = await openMinutely({ traders: [alice, bob] });
    ({ venue } = opened);
    const log = pino({ level: "silent" });
    service = await startService({ venue, genesisJson: minutelyJson, version: "0.1.0", log, operatorToken: TOKEN });
    fall = async (index) => {
      clock.advance(LENGTH - ((clock.now() - LAG) % LENGTH));
      await priceNow(venue, { index });
    };
    // Alice buys of Bob as much as her margin lets her.
    clock.advance(1n);
    await priceNow(venue);
    for (const [trader, side] of [[alice, "buy"], [bob, "sell"]] as const) {
      const { item, auth } = trader.order(side, 3_600n, 100_000n, { thisAuction: true });
      await venue.order(item, auth);
    } // prettier-ignore
    clock.advance(INTERVAL - LAG - 1n);
    await until(venue, () => venue.account(alice.index)!.positions[0] === 3_600n);
  });
  after(async () => {
    await service?.close();
    await venue?.close();
    rmSync(folder, { recursive: true });
  });

  /** The row of an account, as the table has it. */
  const row = (index: number, flagged: string) => {
    const { equity, risk } = stands(index);
    const carries = ((Number(equity) / Number(risk)) * 100).toFixed(1);
    return [String(index), thousands(equity), thousands(risk), carries, "%", ...(flagged ? [flagged] : []), "0"].join(" "); // prettier-ignore
  };
  const rows = (text: string) => text.trimEnd().split("\n").slice(5).map((line) => line.split(/ +/).join(" ")); // prettier-ignore

  it("lists those nearest to maintenance, steps that were taken, and what the insurance account has and owes", async () => {
    const { vault } = venue.defaults().held;
    const before = await shown();
    assert.match(
      before,
      new RegExp(
        "^steps flag 0, sweep 0, reduce 0, assume 0; flagged now: 0\n" +
          `insurance equity ${thousands(stands(INSURANCE).equity)}, worst loss 0; deficit 0, relief 0, short 0; vault ${thousands(vault)}\n` +
          "nearest to maintenance \\(50\\.0 % of the worst loss\\):\n" +
          "account +equity +worst loss +carries +flagged +open\n-",
      ),
    );
    assert.deepEqual(rows(before), [row(bob.index, ""), row(alice.index, "")]);

    await fall(92_500n);
    await until(venue, () => venue.account(alice.index)!.flagged !== 0n);
    const at = new Date(Number(venue.account(alice.index)!.flagged) * 1_000).toISOString().replace(".000", "");
    const flagged = await shown();
    assert.match(flagged, /^steps flag 1, sweep 0, reduce 0, assume 0; flagged now: 1\n/);
    assert.deepEqual(rows(flagged), [row(alice.index, at), row(bob.index, "")]);
    assert.deepEqual(rows(await shown("--limit", "1")), [row(alice.index, at)]);

    await fall(88_000n);
    await until(venue, () => venue.account(alice.index)!.positions[0] === 0n);
    const { equity, risk } = stands(INSURANCE);
    assert.ok(equity < 0n);
    const taken = await shown();
    assert.match(taken, /^steps flag 1, sweep 0, reduce 0, assume 1; flagged now: 0\n/);
    const lacks = thousands(-equity);
    const line = `insurance equity -${lacks}, worst loss ${thousands(risk)}; deficit ${lacks}, relief 0, short ${lacks}; vault ${thousands(vault)}`;
    assert.equal(taken.split("\n")[1], line);
    assert.deepEqual(rows(taken), [row(bob.index, "")]);
  });

  it("says the same in JSON", async () => {
    const told = JSON.parse(await shown("--json"));
    const { equity, risk } = stands(INSURANCE);
    assert.deepEqual(told.insurance, { equity: `${equity}`, risk: `${risk}` });
    assert.deepEqual(
      told.accounts.map(({ index }: { index: number }) => index),
      venue.nearest(20).map(({ index }) => index),
    );
    for (const name of ["steps", "flagged", "vault", "relief", "deficit", "short", "maintenance", "target"])
      assert.ok(Object.hasOwn(told, name), name);
  });

  it("takes the token from a file; without it, or with a number that is none, it says so", async () => {
    writeFileSync(join(folder, "token"), `${TOKEN}\nnot this\n`);
    writeFileSync(join(folder, "other"), `${TOKEN}x\n`);
    const wrong: [args: string[], says: RegExp, code: number][] = [
      [["--token-file", "token"], /^$/, 0],
      [["--token-file", "other"], /it was sent another one \(UNAUTHORISED\)/, 1],
      [["--token-file", "nowhere"], /nowhere cannot be read \(FILE\)/, 2],
      [[], /the operator's token is missing: .*--token-file \(USAGE\)/, 2],
      [["--limit", "0"], /--limit.*Expected an integer from 1/, 2],
      [["--token-file", "token", "--limit", "501"], /limit is wrong: expected 1 to 500 \(FORMAT\)/, 2],
    ];
    const says = async ([args, words, code]: (typeof wrong)[number]) => {
      const { status, stdout, stderr } = await run(args, {});
      assert.match(stderr, words);
      assert.equal(status, code);
      assert.equal(stdout === "", code !== 0);
    };
    await Promise.all(wrong.map(says));
  });
});
