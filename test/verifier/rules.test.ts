import assert from "node:assert/strict";
import { stringToHex, zeroAddress } from "viem";
import { FIELD } from "../../src/protocol/numbers.ts";
import { encodeRound, roundJson, readRounds, verifyClaim, verifyRound, type Round } from "../../src/verifier/index.ts";
import { owner, trader as announcer, type Chain, type Deployed } from "../../src/setup/chain/chain.ts";
import { deployVenue, type Parts } from "../../src/setup/chain/deploy.ts";
import type { Artifact } from "../../src/setup/contract.ts";
import { contractOf } from "./contractOf.ts";
import { Simulator, type Step } from "./simulator.ts";

// Goal: rules come into force only as they were announced: by the announcer, long enough before, not too long before, in order,
// each once; and who checks a round without a chain is told which rules it brings in.
// Method: announcements on a chain of our own, and rounds of `configure` whose proofs are made up, so that nothing but the contract's
// rules can refuse them. Each refusal stands beside a round that is accepted and differs in what the rule is about.

const simulator = new Simulator("rules");
const domain = simulator.random();
const genesis = simulator.random();
const maxLag = 600n;
const TIMELOCK = 3_600n;
const VALID = 30n * 86_400n;
const now = 4_000_000_000n;
const [A, B, C] = [101n, 102n, 103n];
const TEXT = '{"group":"..."}';

describe("rules", () => {
  let chain: Chain;
  let venue: Deployed;
  let main: Deployed;
  let token: Deployed;
  let artifacts: Record<string, Artifact>;
  let parts: Parts;
  let snapshot: `0x${string}`;
  const terms = { domain, genesisState: genesis, maxLag, maxDeposits: 100n };

  before(async () => {
    const announced = { ...terms, announcer: announcer.address, timelock: TIMELOCK };
    ({ chain, venue: main, token, artifacts, parts } = await contractOf(simulator, announced));
    snapshot = await chain.client.snapshot();
  });
  beforeEach(() => void (venue = main));
  afterEach(async () => {
    await chain.client.revert({ id: snapshot });
    snapshot = await chain.client.snapshot();
  });
  after(() => chain?.stop());

  const announcing = (root: bigint, time?: bigint, from = announcer) => {
    const args = [root, stringToHex(TEXT)];
    return { contract: venue, name: "announce", args, from, time };
  };
  const withdrawing = (n: bigint, time?: bigint, from = announcer) => {
    return { contract: venue, name: "withdrawRules", args: [n], from, time };
  };
  /** Announces, one after another, the first of them at `now`. @returns from when on the last one is valid */
  async function announce(...roots: bigint[]): Promise<bigint> {
    let time = now - 1n;
    for (const root of roots) await chain.send(announcing(root, ++time));
    return time + TIMELOCK;
  }
  let entries = 0n;
  const configure = (rules: bigint, time: bigint): Step => ({
    name: "configure",
    inputs: { time, logCount: ++entries, rules },
  });
  const submitting = (round: Round, time: bigint) => {
    const [stateBefore] = round.instructions[0].publicInputs;
    return { contract: venue, name: "submitRound", args: [stateBefore, encodeRound(round), "0x"], time };
  };
  const make = (...steps: Step[]) => simulator.round(genesis, steps);
  /** Of a round of one `configure`, by an entry of the block's time where no other is given. */
  const outcome = (rules: bigint, time: bigint, stamp = time) =>
    chain.outcome(submitting(make(configure(rules, stamp)), time));
  /** Of several by entries of the block's time, in one round. */
  const outcomeOf = (roots: readonly bigint[], time: bigint) =>
    chain.outcome(submitting(make(...roots.map((root) => configure(root, time))), time));
  const events = async (eventName: string) => {
    const found = await chain.client.getContractEvents({ ...venue, eventName, fromBlock: 0n });
    return (found as unknown as { args: Record<string, unknown> }[]).map(({ args }) => args);
  };
  const next = () => chain.read(venue, "nextAnnouncement");

  it("are announced, wait, and come into force", async () => {
    assert.deepEqual([await chain.read(venue, "announcer"), await chain.read(venue, "timelock")], [announcer.address, TIMELOCK]); // prettier-ignore
    assert.deepEqual(await next(), [0n, 0n, 0n]);
    const from = await announce(A);
    assert.deepEqual(await events("RulesAnnounced"), [{ n: 1n, root: A, from, preimage: stringToHex(TEXT) }]);
    assert.deepEqual(await next(), [1n, A, from]);
    assert.deepEqual(await chain.read(venue, "announcement", [1n]), [A, from, false]);
    const round = make(configure(A, from));
    await chain.send(submitting(round, from + 1n));
    assert.deepEqual(await events("RulesChanged"), [{ n: 1n, root: A }]);
    assert.deepEqual(await next(), [0n, 0n, 0n]);
    assert.deepEqual([await chain.read(venue, "announcementCount"), await chain.read(venue, "announcementsDone")], [1n, 1n]); // prettier-ignore
    assert.equal(await chain.read(venue, "state"), round.instructions[0].publicInputs[1]);
  });

  it("that nobody announced are refused", async () => {
    assert.equal(await outcome(A, now), "NoAnnouncement");
  });

  it("are those that were announced", async () => {
    const from = await announce(A);
    assert.deepEqual([await outcome(A, from), await outcome(B, from)], ["accepted", "WrongRules"]);
    assert.equal(await outcome(0n, from), "WrongRules");
  });

  it("are valid from the timelock on, by the time of the block and by that of their log entry", async () => {
    const from = await announce(A);
    assert.equal(await outcome(A, from, from), "accepted");
    assert.equal(await outcome(A, from - 1n, from), "RulesNotYet");
    assert.equal(await outcome(A, from, from - 1n), "RulesStampedEarly");
    assert.equal(await outcome(A, from + 100n, from - 1n), "RulesStampedEarly");
    assert.equal(await outcome(A, from - 1n), "RulesStampedEarly");
  });

  it("are as late as their own entry, whatever else a round consumes", async () => {
    const from = await announce(A);
    const admit = (time: bigint): Step => ({ name: "admit", inputs: { time, logCount: ++entries } });
    const of = (...steps: Step[]) => chain.outcome(submitting(make(...steps), from + 10n));
    assert.equal(await of(admit(from - 10n), configure(A, from), admit(from + 5n)), "accepted");
    assert.equal(await of(admit(from - 10n), configure(A, from - 1n), admit(from + 5n)), "RulesStampedEarly");
  });

  it("are valid for 30 days", async () => {
    const from = await announce(A, B);
    const end = from - 1n + VALID;
    assert.deepEqual([await outcome(A, end), await outcome(A, end + 1n)], ["accepted", "WrongRules"]);
    assert.deepEqual([await outcome(B, end), await outcome(B, end + 1n)], ["accepted", "accepted"]);
    assert.equal(await outcome(B, end + 2n), "NoAnnouncement");
  });

  it("come into force in the order in which they were announced; what is passed over never does", async () => {
    const time = await announce(A, B, C);
    for (const roots of [[A], [B], [A, B], [A, C], [A, B, C]])
      assert.equal(await outcomeOf(roots, time), "accepted", `${roots}`);
    assert.equal(await outcomeOf([B, A], time), "WrongRules");
    for (const roots of [
      [C, A],
      [A, C, B],
    ])
      assert.equal(await outcomeOf(roots, time), "NoAnnouncement", `${roots}`);
    const round = make(configure(A, time), configure(B, time));
    await chain.send(submitting(round, time));
    assert.deepEqual(await events("RulesChanged"), [
      { n: 1n, root: A },
      { n: 2n, root: B },
    ]);
    assert.deepEqual(await next(), [3n, C, time]);
  });

  it("come into force once for each announcement", async () => {
    const from = await announce(A);
    assert.equal(await outcomeOf([A, A], from), "NoAnnouncement");
    const round = make(configure(A, from));
    await chain.send(submitting(round, from));
    const [, after] = round.instructions[0].publicInputs;
    const again = (time: bigint) => submitting(simulator.round(after, [configure(A, time)]), time);
    assert.equal(await chain.outcome(again(from + 1n)), "NoAnnouncement");
    await chain.send(announcing(A, from + 1n));
    assert.equal(await chain.outcome(again(from + 1n + TIMELOCK)), "accepted");
  });

  it("that were withdrawn are passed over", async () => {
    const from = await announce(A, B);
    assert.equal(await outcome(A, from), "accepted");
    await chain.send(withdrawing(1n, now + 10n));
    assert.deepEqual(await events("RulesWithdrawn"), [{ n: 1n }]);
    assert.deepEqual(await chain.read(venue, "announcement", [1n]), [A, from - 1n, true]);
    assert.deepEqual([await outcome(A, from), await outcome(B, from)], ["WrongRules", "accepted"]);
    await chain.send(withdrawing(2n, now + 11n));
    assert.deepEqual([await outcome(A, from), await outcome(B, from)], ["NoAnnouncement", "NoAnnouncement"]);
  });

  it("can be withdrawn until the timelock has run, once, and only if they were announced", async () => {
    const from = await announce(A);
    assert.equal(await chain.outcome(withdrawing(1n, from - 1n)), "accepted");
    assert.equal(await chain.outcome(withdrawing(1n, from)), "TooLateToWithdraw");
    for (const n of [0n, 2n]) assert.equal(await chain.outcome(withdrawing(n, from - 1n)), "UnknownAnnouncement");
    await chain.send(withdrawing(1n, from - 1n));
    for (const time of [from - 1n, from])
      assert.equal(await chain.outcome(withdrawing(1n, time)), "UnknownAnnouncement");
  });

  it("are announced and withdrawn by the announcer alone", async () => {
    assert.equal(await chain.outcome(announcing(A)), "accepted");
    assert.equal(await chain.outcome(announcing(A, undefined, owner)), "NotAnnouncer");
    await announce(A);
    assert.equal(await chain.outcome(withdrawing(1n)), "accepted");
    assert.equal(await chain.outcome(withdrawing(1n, undefined, owner)), "NotAnnouncer");
  });

  it("of a root that no rules have are not announced", async () => {
    assert.equal(await chain.outcome(announcing(FIELD - 1n)), "accepted");
    assert.equal(await chain.outcome(announcing(FIELD)), "NotAFieldElement");
  });

  it("never change where there is no announcer", async () => {
    const all = { ...terms, token: token.address, timelock: TIMELOCK };
    venue = await deployVenue(chain, artifacts.Venue, parts, { ...all, announcer: null });
    assert.equal(await chain.read(venue, "announcer"), zeroAddress);
    for (const from of [announcer, owner])
      assert.equal(await chain.outcome(announcing(A, undefined, from)), "NotAnnouncer");
    assert.equal(await outcome(A, now), "NoAnnouncement");
    // What a deployment that names none gets.
    venue = await deployVenue(chain, artifacts.Venue, parts, { ...terms, token: token.address });
    assert.deepEqual([await chain.read(venue, "announcer"), await chain.read(venue, "timelock")], [owner.address, 60n]); // prettier-ignore
  });

  it("wait as long as the timelock, however long that is", async () => {
    const timelock = (1n << 64n) - 1n;
    const all = { ...terms, token: token.address, announcer: announcer.address };
    for (const [lock, expected] of [
      [0n, "accepted"],
      [timelock, "RulesStampedEarly"],
    ] as const) {
      venue = await deployVenue(chain, artifacts.Venue, parts, { ...all, timelock: lock });
      const time = (await chain.client.getBlock()).timestamp + 10n;
      await chain.send(announcing(A, time));
      assert.deepEqual(await next(), [1n, A, time + lock]);
      assert.equal(await outcome(A, time), expected);
    }
  });

  it("wait in a number that a round can walk", async () => {
    await announce(...Array.from({ length: 64 }, (_, i) => BigInt(i)));
    assert.equal(await chain.outcome(announcing(A)), "TooManyAnnouncements");
    // What is withdrawn behind one that waits still counts; what is before all that wait does not.
    await chain.send(withdrawing(2n));
    assert.equal(await chain.outcome(announcing(A)), "TooManyAnnouncements");
    await chain.send(withdrawing(1n));
    await chain.send(announcing(A));
    await chain.send(announcing(B));
    assert.equal(await chain.outcome(announcing(C)), "TooManyAnnouncements");
    assert.equal(await chain.read(venue, "announcementsDone"), 2n);
    for (let n = 3n; n < 65n; n++) await chain.send(withdrawing(n));
    const [n, root, from] = (await next()) as bigint[];
    assert.deepEqual([n, root], [65n, A]);
    const { gasUsed } = await chain.send(submitting(make(configure(A, from)), from));
    console.log(`      past 62 that were withdrawn: ${gasUsed} gas`);
    assert.ok(gasUsed < 700_000n);
    assert.equal(await chain.outcome(announcing(C)), "accepted");
  });

  it("are told of by the library, which knows of no announcement", () => {
    const view = { domain, state: genesis, keys: simulator.keys, maxLag };
    const step = (name: Step["name"], time: bigint): Step => ({ name, inputs: { time, logCount: ++entries } });
    const admit = step("admit", now);
    const round = make(admit, configure(A, now + 1n), configure(B, now + 2n), step("fold", now + 3n), step("reprice", now + 3n)); // prettier-ignore
    const result = verifyRound(view, round, { now: now + 5n });
    assert.ok(result.ok);
    const rules = [
      { root: A, time: now + 1n },
      { root: B, time: now + 2n },
    ];
    assert.deepEqual(result.rules, rules);
    const without = verifyRound(view, make(admit), { now: now + 5n });
    assert.deepEqual(without.ok && without.rules, []);
    // The root is a public input of the proof: the last one.
    const { publicInputs, ...changed } = round.instructions[1];
    const instructions = round.instructions.with(1, { ...changed, publicInputs: publicInputs.with(-1, C) });
    const refused = verifyRound(view, { instructions }, { now: now + 5n });
    assert.equal(!refused.ok && refused.code, "pairing");

    // As a file has it.
    const segment = { logCount: 0n, head: 0n, entries: [] };
    const { entries: _, ...file } = roundJson({ number: 1, state: genesis, stateAfter: result.stateAfter, segment, instructions: round.instructions }); // prettier-ignore
    const [claim] = readRounds(JSON.parse(JSON.stringify(file)));
    const claimed = verifyClaim(claim, null, { keys: simulator.keys, domain, now: now + 5n });
    assert.deepEqual(claimed.ok && claimed.effect.rules, rules);
  });

  for (const name of ["reprice", "configure", "fold"] as const)
    it(`a round whose ${name} breaks the order of the log is refused by both`, async () => {
      const from = await announce(A);
      const inputs: Record<string, bigint> = name === "configure" ? { rules: A } : {};
      const of = (change: Record<string, bigint>) =>
        make({ name: "admit", inputs: { time: from, logCount: 5n } }, { name, inputs: { time: from + 1n, logCount: 6n, ...inputs, ...change } }); // prettier-ignore
      const view = { domain, state: genesis, keys: simulator.keys, maxLag };
      const both = async (round: Round, time = from + 2n) => {
        const result = verifyRound(view, round, { now: time });
        return [result.ok ? "accepted" : result.code, await chain.outcome(submitting(round, time))];
      };
      assert.deepEqual(await both(of({})), ["accepted", "accepted"]);
      assert.deepEqual(await both(of({ logCount: 4n })), ["logCountFalls", "LogCountFalls"]);
      assert.deepEqual(await both(of({ time: from - 1n })), ["timeFalls", "TimeFalls"]);
      assert.deepEqual(await both(of({ time: from + 3n })), ["inFuture", "InFuture"]);
      assert.deepEqual(await both(of({}), from + 1n + maxLag + 1n), ["tooOld", "TooOld"]);
    });
});
