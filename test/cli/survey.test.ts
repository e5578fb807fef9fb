// Goal: the operator has a survey made, anybody sees by proof what all accounts of a venue come to, and whoever keeps the file checks
// it without the venue; what was changed, or is of another state, is refused with the reason and exit code 1.
// Method: the commands as processes of their own, in an empty folder, at a venue of this process with real proofs, and at one whose
// answers are altered; longer surveys by a simulator, under keys in a folder.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { buildAll } from "../../src/setup/build.ts";
import { proverFiles } from "../../src/setup/instructionKeys.ts";
import { surveyJson } from "../../src/verifier/index.ts";
import { localProver } from "../../src/venue/proving/localProver.ts";
import { startService, type RunningService } from "../../src/venue/service/server.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { DEPOSIT, eventOf, genesisJson, openTestVenue, quorumOfReports, reportsOf, traders, unpriced } from "../venue/fixture.ts"; // prettier-ignore
import { Simulator } from "../verifier/simulator.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));
const TOKEN = "the-token-of-the-operator";

describe("tacit survey, tacit verify of a survey", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-survey-"));
  const file = (name: string) => join(folder, name);
  let venue: Venue;
  let service: RunningService;
  let liar: Server;
  let lie: (path: string, json: any) => void = () => {};
  let lies = "";

  async function tacit(args: readonly string[], env: NodeJS.ProcessEnv = { TACIT_OPERATOR_TOKEN: TOKEN }) {
    const { TACIT_OPERATOR_TOKEN: _, ...rest } = process.env;
    const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env: { ...rest, ...env } });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    const [status] = await once(child, "close");
    return { status, stdout, stderr };
  }
  const at = (...args: string[]) => tacit(["survey", "--venue", service.url, ...args]);
  let given = 0;
  const verify = (json: unknown, ...args: string[]) => {
    const name = `given-${++given}.json`;
    writeFileSync(file(name), JSON.stringify(json));
    return tacit(["verify", name, ...args]);
  };

  before(async () => {
    await buildAll({ profile: "demo", publish: false });
    const prover = localProver(await proverFiles("demo"));
    const opened = await openTestVenue({ genesis: unpriced, prover });
    ({ venue } = opened);
    const log = pino({ level: "silent" });
    service = await startService({ venue, genesisJson, version: "0.1.0", log, operatorToken: TOKEN });
    liar = createServer(async (request, response) => {
      const { authorization } = request.headers;
      const answer = await fetch(`${service.url}${request.url}`, {
        method: request.method,
        headers: authorization ? { authorization } : {},
      });
      const json = await answer.json();
      lie(request.url!.replace("/v1", ""), json);
      response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(json));
    }).listen(0, "127.0.0.1");
    await once(liar, "listening");
    lies = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;

    assert.match((await at()).stderr, /^tacit: no survey was made \(NOT_FOUND\)\n$/);
    assert.equal((await at()).status, 2);
    // Of the genesis: no round is proved.
    const { status, stdout, stderr } = await at("--make");
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^these are development keys: .*\nall accounts of state \d+…\d+, by 1 proof; that of the genesis\n/,
    );
    assert.match(stdout, /\naccounts +2\n/);

    const [alice] = traders(1);
    for (const report of quorumOfReports(reportsOf())) venue.feeds.add(report);
    await venue.deposit([alice.deposit]);
    const proved = eventOf(venue, "round");
    opened.clock.advance(60n);
    await proved;
  });
  after(async () => {
    liar?.close();
    await service?.close();
    await venue?.close();
    rmSync(folder, { recursive: true });
  });

  it("has one made of the last round, shows and writes it; anybody verifies the file", async () => {
    const made = await at("--make", "--output", "survey.json");
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stderr, /survey: /);
    const table = [
      /\n +in all\n-+ +-+\n/,
      /\naccounts +3\n/,
      /\nunder maintenance +0\n/,
      /\nflagged +0\n/,
      /\ncash, cash units +40,000,000\n/,
      /\nnegative equities, cash units +0\n$/,
    ];
    for (const row of table) assert.match(made.stdout, row);
    assert.match(made.stdout, /^all accounts of state .*, by 1 proof; round 1 left it, and holds/m);
    const shown = await at();
    assert.deepEqual([shown.status, shown.stdout], [0, made.stdout], "who is no operator sees the same");

    const [{ stateAfter }] = await venue.rounds();
    const sums = { accounts: "3", under: "0", flagged: "0", cash: `${DEPOSIT}`, lacking: "0" };
    const told = { round: 1, proofs: 1, ok: true, state: stateAfter, ...sums };
    const trust = { developmentKeys: true, forgeable: null, stateClaimed: false };
    assert.deepEqual(JSON.parse((await at("--json")).stdout), { trust, ...told });

    const verified = await tacit(["verify", "survey.json"]);
    assert.equal(verified.status, 0, verified.stderr);
    for (const row of table) assert.match(verified.stdout, row);
    assert.match(verified.stdout, /; that round 1 left it, the file claims: --state checks it\n/);
    const known = await tacit(["verify", "survey.json", "--state", stateAfter]);
    assert.equal(known.status, 0);
    assert.match(known.stdout, /; that of --state\n/);
    const json = JSON.parse((await tacit(["verify", "survey.json", "--json"])).stdout);
    assert.deepEqual(json, { trust: { ...trust, stateClaimed: true }, ...told });
  });

  it("refuses a file with a number changed, of another state, or under other keys: says why, exit code 1", async () => {
    const { venue: _, ...good } = JSON.parse(readFileSync(file("survey.json"), "utf8"));
    const [{ state }] = await venue.rounds();
    const changed = (at: number) => {
      const it = structuredClone(good);
      it.proofs[0].publicInputs[at] = `${BigInt(it.proofs[0].publicInputs[at]) + 1n}`;
      return it;
    };
    const bad: [json: unknown, args: string[], says: RegExp][] = [
      ...[0, 4, 6].map((at): [unknown, string[], RegExp] => [changed(at), [], /proof 1: the proof does not hold/]),
      [{ ...good, proofs: [] }, [], /it has no proofs/],
      [good, ["--state", state], /it is of another state/],
      [good, ["--profile", "standard"], /proof 1: the proof does not hold/],
    ];
    const refuses = async ([json, args, says]: (typeof bad)[number]) => {
      const { status, stdout } = await verify(json, ...args);
      assert.match(stdout, new RegExp(`\nREFUSED: ${says.source}`));
      assert.doesNotMatch(stdout, /in all/);
      assert.equal(status, 1);
    };
    await Promise.all(bad.map(refuses));
    const { status, stdout } = await verify(changed(4), "--json");
    const { ok, message, under } = JSON.parse(stdout);
    assert.deepEqual([status, ok, under], [1, false, undefined]);
    assert.match(message, /^proof 1: the proof does not hold/);
  });

  it("says what of a file cannot be read, and of the options is wrong: exit code 2", async () => {
    const good = JSON.parse(readFileSync(file("survey.json"), "utf8"));
    const files: [json: unknown, says: RegExp][] = [
      [{ ...good, version: 2 }, /survey\.version is wrong: expected 1 \(FORMAT\)/],
      [
        { ...good, proofs: [{ ...good.proofs[0], publicInputs: ["x"] }] },
        /survey\.proofs\[0\]\.publicInputs\[0\] is wrong/,
      ],
      [{ ...good, proofs: [{ ...good.proofs[0], proof: {} }] }, /\(PROOF_FORMAT\)/],
    ];
    const isNotRead = async ([json, says]: (typeof files)[number]) => {
      const { status, stdout, stderr } = await verify(json);
      assert.match(stderr, says);
      assert.deepEqual([status, stdout], [2, ""]);
    };
    await Promise.all(files.map(isNotRead));
    writeFileSync(file("token"), `${TOKEN}x\n`);
    const wrong: [args: string[], says: RegExp, code: number][] = [
      [["--make"], /the operator's token is missing: .*--token-file \(USAGE\)/, 2],
      [["--make", "--token-file", "nowhere"], /nowhere cannot be read \(FILE\)/, 2],
      [
        ["--make", "--token-file", "token"],
        /surveys are for the operator.*it was sent another one \(UNAUTHORISED\)/,
        1,
      ],
      [["--state", "1"], /unknown option '--state'/, 2],
      [["--venue", "nowhere"], /address is wrong.*\(BAD_URL\)/, 2],
    ];
    const isRefused = async ([args, says, code]: (typeof wrong)[number]) => {
      const { status, stdout, stderr } = await tacit(["survey", "--venue", service.url, ...args], {});
      assert.match(stderr, says);
      assert.deepEqual([status, stdout], [code, ""]);
    };
    await Promise.all(wrong.map(isRefused));
    writeFileSync(file("token"), `${TOKEN}\nnot this\n`);
    const { status, stderr } = await tacit(["survey", "--venue", service.url, "--make", "--token-file", "token"], {});
    assert.equal(status, 0, stderr);
  });

  it("believes no venue whose survey is of another state, or of a round that does not hold", async () => {
    for (const [change, says] of [
      [(path: string, json: any) => path === "/survey" && (json.round = 0), /^REFUSED: it is of another state$/m],
      [(path: string, json: any) => path === "/venue" && (json.profile = "none"), /venue\.profile is wrong: expected a known profile/],
      [
        (path: string, json: any) => path === "/rounds/1" && (json.instructions[0].publicInputs[4] += "0"),
        /round 1, whose state is surveyed, does not hold: .*\(REFUSED\)/,
      ],
      [
        (path: string, json: any) => path === "/survey" && (json.proofs[0].publicInputs[6] = "1"),
        /^REFUSED: proof 1: the proof does not hold/m,
      ],
      [
        (path: string, json: any) => path === "/survey/progress" && (json.making = { proofs: 1, done: 0, trouble: "WITNESS" }),
        /the survey failed \(WITNESS\): the venue's log says why \(SURVEY\)/,
      ],
    ] as const) {
      lie = change;
      const { status, stdout, stderr } = await tacit(["survey", "--venue", lies, ...(/failed/.test(says.source) ? ["--make"] : [])]);
      assert.match(stdout + stderr, says);
      assert.doesNotMatch(stdout, /in all/);
      assert.equal(status, /profile/.test(says.source) ? 2 : 1);
    } // prettier-ignore
    lie = () => {};
    assert.equal((await tacit(["survey", "--venue", lies])).status, 0);
  });

  it("names the proof that does not hold whatever profile it is of, and needs no key of another one", async () => {
    const simulator = new Simulator("survey of standard");
    const NONE = [0n, 0n, 0n, 0n, 0n];
    const proofs = [
      [5n, 0n, 11n, ...NONE],
      [5n, 11n, 12n, ...NONE],
      [5n, 12n, 0n, 40n, 2n, 1n, 7n, 9n],
    ].map((publicInputs) => ({ publicInputs, proof: simulator.prove("survey", publicInputs) }));
    const good = JSON.parse(JSON.stringify(surveyJson({ round: 3, proofs })));
    const keys = (name: string, of: Record<string, Simulator>) => {
      for (const [profile, { files }] of Object.entries(of)) {
        mkdirSync(join(folder, name, profile), { recursive: true });
        writeFileSync(join(folder, name, profile, "survey.json"), JSON.stringify(files.survey));
      }
      return ["--keys", name];
    };
    const both = keys("both", { demo: new Simulator("survey of demo"), standard: simulator });
    const one = keys("one", { standard: simulator });
    const forged = structuredClone(good);
    forged.proofs[2].publicInputs[3] = "41";
    const tells = async (folderOfKeys: string[]) => {
      const accepted = await verify(good, ...folderOfKeys);
      assert.equal(accepted.status, 0, accepted.stderr);
      assert.match(accepted.stdout, /by 3 proofs; .*\n/);
      assert.match(accepted.stdout, /\nunder maintenance +2\nflagged +1\ncash, cash units +7\nnegative .* +9\n$/);
      const refused = await verify(forged, ...folderOfKeys);
      assert.deepEqual([refused.status, refused.stderr], [1, ""]);
      assert.match(refused.stdout, /^REFUSED: proof 3: the proof does not hold/);
    };
    await Promise.all([both, one].map(tells));
    const other = await verify(good, "--profile", "demo", ...one);
    assert.equal(other.status, 2);
    assert.match(other.stderr, /one\/demo\/survey\.json cannot be read: there is no such file.*\(FILE\)/);
    const none = await verify(good, "--keys", "none");
    assert.deepEqual([none.status, none.stdout], [2, ""]);
    assert.match(none.stderr, /survey\.json cannot be read/);
    // Whoever knows of no secret proves anything under such a key.
    const file = simulator.files.survey;
    writeFileSync(join(folder, "one/standard/survey.json"), JSON.stringify({ ...file, vk_delta_2: file.vk_gamma_2 }));
    const { stdout } = await verify(good, ...one);
    assert.match(stdout, /^anybody can forge proofs for this key: its gamma and delta are equal\nREFUSED: proof 1/);
  });
});
