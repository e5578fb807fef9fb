// Goal: command and page Verify say the same of every file: a record is accepted if its proofs hold and it is what the rules
// give, and refused if either is not so; and the command says which, with its exit code.
// Method: a record whose rounds are proved under keys of which we know the secrets, so that even what is false can be proved;
// changed in one way each, and given to the command's check and to that of the page. Some by bin/tacit.js.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { verifyFile } from "../../src/cli/verify.ts";
import { coSignedHeadJson } from "../../src/protocol/coSigners.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { chainHeads } from "../../src/protocol/item.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { parseRules } from "../../src/protocol/rulesJson.ts";
import { proofToJson } from "../../src/protocol/proof.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { Random } from "../../src/replay/random.ts";
import type { RecordJson } from "../../src/replay/record.ts";
import { logHeadDigest } from "../../src/protocol/logHead.ts";
import { localSigner } from "../../src/venue/signing/signer.ts";
import { checkSource, readSource } from "../../src/web/verify/source.ts";
import { copy, replay } from "../replay/records.ts";
import { Simulator } from "../verifier/simulator.ts";

const BIN = fileURLToPath(new URL("../../bin/tacit.js", import.meta.url));
const simulator = new Simulator("verify");

/**
 * Proves each round of a record, whatever it says: one instruction for new rules, which come first, one for all other entries
 * but the last, and one for that.
 */
function prove(record: RecordJson): RecordJson {
  const proved = copy(record);
  for (const round of proved.rounds) {
    const entries = round.entries.map(([item, auth, time]) => ({ item: BigInt(item), auth: BigInt(auth), time: BigInt(time) })); // prettier-ignore
    const heads = chainHeads(BigInt(round.head), entries);
    const upTo = (count: number) => {
      const { time } = entries[count - 1];
      return { time, logCount: BigInt(round.logCount) + BigInt(count), log: heads[count - 1] };
    };
    const { instructions } = simulator.round(BigInt(round.state), [
      ...round.log.flatMap(({ rules }, i) => {
        if (rules === undefined) return [];
        const root = rulesRoot(parseRules(rules, PROFILES.demo, { bounded: false }));
        return [{ name: "configure" as const, inputs: { ...upTo(i + 1), rules: root } }];
      }),
      { name: "admit", inputs: upTo(entries.length - 1) },
      { name: "auction", inputs: { ...upTo(entries.length), stateAfter: BigInt(round.stateAfter) } },
    ]);
    round.instructions = instructions.map(({ name, publicInputs, proof }) => ({
      name,
      publicInputs: publicInputs.map(String),
      proof: proofToJson(proof),
    }));
  }
  return proved;
}

describe("tacit verify and recheck, and the page Verify", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-"));
  after(() => rmSync(folder, { recursive: true }));
  let record: RecordJson;
  before(async () => {
    await useHashKernels();
    mkdirSync(join(folder, "keys/demo"), { recursive: true });
    for (const [name, file] of Object.entries(simulator.files))
      writeFileSync(join(folder, `keys/demo/${name}.json`), JSON.stringify(file));
    record = prove(replay(new Random(7)));
    assert.ok(record.rounds.length >= 2 && record.rounds[1].clearings[0].fills.length > 0);
  });

  /** What the command comes to: "accepted", a code of a refusal or of an error. */
  async function byCommand(json: unknown): Promise<string> {
    try {
      const result = await verifyFile(json, { keys: join(folder, "keys") });
      return result.ok ? "accepted" : result.code;
    } catch (error) {
      assert.ok(error instanceof TacitError, String(error));
      return error.code;
    }
  }
  function byPage(text: string): { accepted: boolean; said: string } {
    const keys = new Map([["demo", simulator.keys] as const]);
    const news = [
      ...checkSource(readSource("file.json", text), { after: null }, { choice: "auto", surveys: new Map(), keys }),
    ];
    const good = news.map((it) => (it.kind === "round" || it.kind === "record") && it.report.ok);
    return { accepted: good.length > 0 && good.every(Boolean), said: JSON.stringify(news) };
  }

  /** As a replay writes it that ends there. */
  function firstRoundAlone(it: RecordJson): void {
    const [second] = it.rounds.splice(1);
    it.reprices = it.reprices.filter(({ n }) => BigInt(n) < BigInt(second.logCount));
  }

  const cases: [why: string, outcome: string, change: (record: any) => void][] = [
    ["as it was written", "accepted", () => {}],
    ["without its genesis, which is then said", "accepted", (it) => delete it.genesis],
    ["of its first round alone", "accepted", (it) => firstRoundAlone(it)],
    ["of its first round, with prices of later ones", "wrongClearing", (it) => it.rounds.splice(1)],
    ["without prices of its rounds", "wrongClearing", (it) => it.reprices.pop()],
    ["with a mark changed", "wrongClearing", (it) => (it.reprices[0].values[0][0] = "5")],
    ["without its first round", "wrongState", (it) => it.rounds.shift()],
    ["with a round left out", "wrongState", (it) => it.rounds.splice(1, 1)],
    ["with a price changed", "wrongClearing", (it) => (it.rounds[1].clearings[0].price = "999000")],
    ["with a fill changed", "wrongClearing", (it) => (it.rounds[1].clearings[0].fills[0].lots += "0")],
    ["with an account changed", "wrongAccount", (it) => (it.rounds[0].accounts[1].cash = "5")],
    ["with a verdict changed", "wrongVerdict", (it) => (it.rounds[0].log[4].verdict = "margin")],
    ["with an order changed", "wrongLog", (it) => (it.rounds[0].log[4].size += "0")],
    ["with an entry of the log changed", "wrongLog", (it) => (it.rounds[0].entries[4][0] = "5")],
    ["with the second of an entry changed", "wrongLog", (it) => (it.rounds[0].entries[4][2] = "5")],
    ["with a head changed", "wrongLog", (it) => (it.rounds[1].head = "5")],
    ["with a number of entries changed", "wrongLog", (it) => (it.rounds[1].logCount = "1000")],
    ["with a rule of its genesis changed", "wrongState", (it) => (it.genesis.rules.markets[0].feePerLot = "19")],
    [
      "with a rule changed, of its genesis too",
      "wrongState",
      (it) => [it, it.genesis].forEach(({ rules }) => (rules.markets[0].feePerLot = "19")),
    ],
    ["with a state changed", "wrongState", (it) => (it.rounds[0].stateAfter = "5")],
    ["with a public input changed", "pairing", (it) => (it.rounds[0].instructions[0].publicInputs[4] = "5")],
    ["with a proof left out", "wrongState", (it) => it.rounds[0].instructions.shift()],
    ["with a round that is not proved", "emptyRound", (it) => (it.rounds[1].instructions = [])],
    ["with no proof at all", "REFUSED", (it) => it.rounds.forEach((round: any) => (round.instructions = []))],
    ["with -0 for a number of a proof", "FORMAT", (it) => (it.rounds[0].instructions[0].publicInputs[2] = "-0")],
    ["with -0 for a number of the record", "FORMAT", (it) => (it.rounds[0].accounts[0].open = "-0")],
    ["with a number for a string", "FORMAT", (it) => (it.rounds[0].log[4].limit = 5)],
    ["without its log", "FORMAT", (it) => delete it.rounds[0].log],
    ["with a genesis that is none", "GENESIS", (it) => (it.genesis.profile = "huge")],
    ["without rounds", "FORMAT", (it) => (it.rounds = [])],
  ];
  for (const [why, outcome, change] of cases)
    it(`a record ${why}: ${outcome}, by both`, async () => {
      const changed = copy(record);
      change(changed);
      const { accepted, said } = byPage(JSON.stringify(changed));
      assert.equal(await byCommand(changed), outcome, said);
      assert.equal(accepted, outcome === "accepted", said);
    });

  it("what is proved falsely is refused all the same: the record does not follow from its genesis", async () => {
    const changed = copy(record);
    // All that follows from the lie is left as it is, and proved.
    changed.rounds[1].clearings[0].price = "999000";
    assert.equal(await byCommand(prove(changed)), "wrongClearing");
    const order = copy(record);
    order.rounds[0].stateAfter = order.rounds[1].state = "5";
    const [first, second] = prove(order).rounds;
    assert.equal(await byCommand({ ...order, rounds: [first, second] }), "wrongState");
  });

  it("any value that is changed is refused by both, or by none", async () => {
    const random = new Random(Number(process.env.SEED ?? 5));
    const leaves: [part: any, name: string][] = [];
    const walk = (part: any) => {
      for (const name of Object.keys(part))
        if (typeof part[name] === "object" && part[name] !== null) walk(part[name]);
        else leaves.push([part, name]);
    };
    const changed = copy(record);
    walk(changed);
    for (let tries = 0; tries < 60; tries++) {
      const [part, name] = random.pick(leaves);
      const value = part[name];
      part[name] = random.pick<unknown>(["1", "-0", "", null, 7, `${value}0`]);
      const { accepted, said } = byPage(JSON.stringify(changed));
      const outcome = await byCommand(copy(changed));
      assert.equal(accepted, outcome === "accepted", `${name}: ${value} -> ${part[name]}: ${outcome}; ${said.slice(0, 400)}`); // prettier-ignore
      if (part[name] !== value) assert.ok(!accepted, `${name}: ${value} -> ${part[name]}`); // prettier-ignore
      part[name] = value;
    }
  });

  const run = (command: string, text: string, ...options: string[]) => {
    writeFileSync(join(folder, "file.json"), text);
    const args = command === "verify" ? [command, "file.json", "--keys", "keys"] : [command, "file.json"];
    return spawnSync("node", [BIN, ...args, ...options], { cwd: folder, encoding: "utf8" });
  };

  it("the command says what it rechecked, also in JSON, and reads a file that begins with a mark of its encoding", () => {
    const { status, stdout, stderr } = run("verify", `\uFEFF${JSON.stringify(record)}`);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /the log shown is the one that was proved/);
    assert.match(
      stdout,
      /^rechecked: \d+ log entries, \d auctions, \d+ fills, \d accounts: each is what the rules give$/m,
    );
    assert.match(stdout, /^accepted: \d rounds, all proofs hold\n$/m);
    assert.doesNotMatch(stdout, /not checked/);
    const told = JSON.parse(run("verify", JSON.stringify(record), "--json").stdout);
    assert.equal(told.trust.recordClaimed, false);
    assert.equal(
      told.rechecked.entries,
      record.rounds.reduce((sum, { log }) => sum + log.length, 0),
    );
    const { genesis: _, ...without } = record;
    assert.match(run("verify", JSON.stringify(without)).stdout, /^not checked: what the file tells of orders/m);
    assert.equal(JSON.parse(run("verify", JSON.stringify(without), "--json").stdout).trust.recordClaimed, true);
  });

  describe("where co-signers have made rounds final", () => {
    const signers = Array.from({ length: 5 }, (_, i) => localSigner(new Uint8Array(32).fill(i + 1)));
    /** The rounds with the signatures of these, as a venue publishes them. */
    function signed(by: readonly number[] = [0, 1, 3]) {
      const file = copy(record) as any;
      delete file.genesis;
      for (const round of file.rounds) {
        for (const name of ["log", "clearings", "accounts"]) delete round[name];
        const [time, logCount, log] = round.instructions.at(-1).publicInputs.slice(3, 6);
        assert.equal(time, round.entries.at(-1)[2]);
        const head = {
          domain: BigInt((record.genesis as any).domain),
          epoch: 2,
          n: Number(logCount),
          head: BigInt(log),
        };
        const signatures = [0, 1, 2, 3].map((i) => (by.includes(i) ? (signers[i].sign(logHeadDigest(head)) as string) : null)); // prettier-ignore
        round.final = coSignedHeadJson({ ...head, signatures });
      }
      return file;
    }
    const check = (file: unknown, coSigners: readonly string[] | null, ...options: string[]) => {
      const genesis = { ...(record.genesis as object), ...(coSigners && { coSigners }) };
      writeFileSync(join(folder, "genesis.json"), JSON.stringify(genesis));
      writeFileSync(join(folder, "venue.json"), JSON.stringify({ genesis }));
      return run("verify", JSON.stringify(file), "--genesis", "genesis.json", ...options);
    };
    const four = signers.slice(0, 4).map(({ address }) => address);

    it("the command says so, if it is given them", () => {
      const { status, stdout, stderr } = check(signed(), four);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^accepted: \d rounds, all proofs hold, each final by 3 or more of 4 co-signers\n$/m);
      assert.doesNotMatch(stdout, /not checked/);
      const { trust, final } = JSON.parse(check(signed(), four, "--json").stdout);
      assert.deepEqual([trust.finalClaimed, final], [false, true]);
      assert.equal(run("verify", JSON.stringify(signed()), "--genesis", "venue.json").status, 0);
    });

    it("command and page say that they were not checked, if they are not given", () => {
      const text = JSON.stringify(signed());
      assert.match(run("verify", text).stdout, /^not checked: signatures that are said to make rounds final/m);
      const { trust, final } = JSON.parse(run("verify", text, "--json").stdout);
      assert.deepEqual([trust.finalClaimed, final], [true, null]);
      assert.match(byPage(text).said, /signatures of co-signers come with them/);
      assert.doesNotMatch(byPage(JSON.stringify(record)).said, /signatures/);
      assert.doesNotMatch(run("verify", JSON.stringify(record)).stdout, /signatures/);
    });

    const refused: [why: string, file: () => unknown, coSigners?: readonly string[]][] = [
      ["too few have signed", () => signed([0, 1])],
      ["nobody has", () => record],
      ["others have", () => signed(), signers.slice(1, 5).map(({ address }) => address)], // prettier-ignore
      ["they have signed another head", () => {
        const file = signed();
        [file.rounds[0].final, file.rounds[1].final] = [file.rounds[1].final, file.rounds[0].final];
        return file;
      }], // prettier-ignore
    ];
    for (const [why, file, coSigners = four] of refused)
      it(`the command refuses rounds when ${why}`, () => {
        const { status, stdout } = check(file(), coSigners);
        assert.equal(status, 1);
        assert.match(stdout, /^round 1 is REFUSED: too few of those who sign .*\n {2}notFinal: /m);
      });

    it("the command refuses a domain that is another, a genesis without co-signers, and what is no signature", () => {
      assert.match(check(signed(), four, "--domain", "5").stdout, /notFinal: .*another venue/);
      const none = check(signed(), null);
      assert.deepEqual([none.status, none.stdout], [2, ""]);
      assert.match(none.stderr, /the genesis names no co-signers/);
      const malformed = signed();
      malformed.rounds[1].final.signatures[0] = "0x12";
      const { status, stderr } = check(malformed, four);
      assert.equal(status, 2);
      assert.match(stderr, /rounds\[1\]\.final\.signatures\[0\]/);
    });
  });

  /** What the page says of the steps that bring in rules. */
  const wordsByPage = (json: RecordJson) =>
    [...checkSource(readSource("file.json", JSON.stringify(json)), { after: null }, { choice: "auto", surveys: new Map(), keys: new Map([["demo", simulator.keys] as const]) })] // prettier-ignore
      .flatMap((it) => (it.kind === "round" ? it.report.steps : []))
      .flatMap(({ name, words }) => (name === "configure" ? [words] : []));

  it("both say in words what rules a round brings in, as far as the file shows rules of the proved root", () => {
    const { stdout } = run("verify", JSON.stringify(record));
    const said = /^round 3: .*\n {2}rules changed at 2012-.*, to those of root \d+…\d+:\n(( {4}.*\n)+)/m.exec(stdout)!;
    const lines = ["group.slack: 64 -> 32", "markets[0].feeRate: 5 -> 4"];
    assert.deepEqual(said[1].trimEnd().split(/\n? {4}/).slice(1), lines); // prettier-ignore
    assert.deepEqual(wordsByPage(record), [lines]);
    const [{ root, time, changes }] = JSON.parse(run("verify", JSON.stringify(record), "--json").stdout).rounds[2]
      .rules;
    assert.deepEqual(
      changes.map(({ at, before, after }: any) => `${at}: ${before} -> ${after}`),
      lines,
    );
    assert.equal(time, record.rounds[2].log[0].t);

    // Rules of another root say nothing, and without a genesis nobody knows what there was.
    const other = copy(record);
    (other.rounds[2].log[0].rules as any).group.slack = "33";
    assert.deepEqual(wordsByPage(other), [["what they say is not shown: only their root is proved"]]);
    const { genesis: _, ...without } = copy(record);
    assert.deepEqual(wordsByPage(without as RecordJson), [["what they were before is not shown"]]);
    const hashed = copy(record) as any;
    for (const round of hashed.rounds) for (const name of ["log", "clearings", "accounts"]) delete round[name];
    delete hashed.genesis;
    const published = run("verify", JSON.stringify(hashed));
    assert.equal(published.status, 0, published.stderr);
    assert.match(published.stdout, /to those of root .*:\n {4}what they say is not shown: only their root is proved\n/);
    assert.equal(root, `${rulesRoot(parseRules(record.rounds[2].log[0].rules, PROFILES.demo, { bounded: false }))}`);
  });

  it("the command says first what a refusal means, then the place, what the record says and what the rules give", () => {
    const changed = copy(record);
    const { price } = changed.rounds[1].clearings[0];
    changed.rounds[1].clearings[0].price = "999000";
    for (const command of ["verify", "recheck"]) {
      const { status, stdout } = run(command, JSON.stringify(changed));
      assert.equal(status, 1);
      assert.ok(
        stdout.endsWith(
          "round 2 is REFUSED: a price, volume, fill or fee is not the one that the rules give\n" +
            `  wrongClearing: clearings[0].price: the record says 999000, the rules give ${price}\n`,
        ),
        stdout,
      );
      assert.doesNotMatch(stdout, /accepted/);
      const { trust: _, ...told } = JSON.parse(run(command, JSON.stringify(changed), "--json").stdout);
      assert.deepEqual(told, {
        ok: false,
        code: "wrongClearing",
        round: 2,
        at: "rounds[1].clearings[0].price",
        meaning: "a price, volume, fill or fee is not the one that the rules give",
        message: `clearings[0].price: the record says 999000, the rules give ${price}`,
      });
    }
    const cut = copy(record);
    cut.rounds[0].instructions.shift();
    const { status, stdout } = run("verify", JSON.stringify(cut));
    assert.equal(status, 1);
    assert.match(stdout, /^round 1 is REFUSED: it does not join what came before it, or does not end where it says\n {2}wrongState: /m); // prettier-ignore
  });

  it("recheck needs no proofs, and says that it saw none; what is no record has exit code 2", () => {
    const unproved = copy(record);
    for (const round of unproved.rounds) round.instructions = [];
    const { status, stdout, stderr } = run("recheck", JSON.stringify(unproved));
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^rechecked: /);
    assert.match(stdout, /^not checked: that this happened: the record has no proofs$/m);
    assert.match(stdout, /^not checked: signatures/m);
    assert.equal(JSON.parse(run("recheck", JSON.stringify(unproved), "--json").stdout).ok, true);
    const { genesis: _, ...without } = record;
    const other = run("recheck", JSON.stringify(without));
    assert.deepEqual([other.status, other.stdout], [2, ""]);
    assert.match(other.stderr, /file is wrong: expected the record of a replay: .*`genesis` and `rounds` \(FORMAT\)/);
    unproved.rounds[0].log[3].size = "-0";
    assert.equal(run("recheck", JSON.stringify(unproved)).status, 2);
  });
});
