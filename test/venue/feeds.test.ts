// Goal: prices are made of what 2f + 1 feeds have signed of the newest epoch that counts, and of nothing else; a source that is
// silent, late or wrong is shown, and holds up none of the others.
// Method: reports of four feeds, each refusal from a valid one with one thing wrong; sources that answer as the test wants, on a
// clock that stands.
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { publicKey, sign } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { INSTRUMENT_KIND, INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { noPrices, type Prices } from "../../src/protocol/prices.ts";
import { reportHash, type Numbers, type SignedReport } from "../../src/protocol/report.ts";
import { rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { PATIENCE, VenueFeeds, type ReportQuestion, type ReportSource } from "../../src/venue/feeds.ts";
import { FEED_SECRETS } from "../priced.ts";
import { ManualClock, reportsOf, START, turns, unpriced } from "./fixture.ts";

const { domain } = unpriced;
const [LENGTH, LAG] = [60n, 5n];
/** Ends at START. */
const E = START / LENGTH;
const rules: Rules = {
  ...unpriced.rules,
  group: { ...unpriced.rules.group, pricing: { ...unpriced.rules.group.pricing, epochLength: LENGTH, lag: LAG } },
};
const instruments = rules.instruments.map((it) => {
  return it && { ...it, contract: { ...it.contract, strike: it.contract.strike && 90_000n } };
});
/** The same feeds, other contracts. */
const otherContracts: Rules = { ...rules, instruments };
/** The same contracts, and another key of feed 0. */
const newSecret = new Uint8Array(32).fill(77);
const newKeys: Rules = {
  ...rules,
  group: { ...rules.group, feeds: rules.group.feeds.with(0, publicKey(newSecret)) },
};

const signed = new Map<string, SignedReport[]>();
function reports(epoch = E, of = rules): SignedReport[] {
  const name = `${epoch} ${rulesRoot({ ...of, group: rules.group })}`;
  if (!signed.has(name)) signed.set(name, reportsOf({ epoch }, { rules: of, domain }));
  return signed.get(name)!;
}
/** Of a feed that signs what it is given. */
function signedBy(secret: Uint8Array, feed: number, report: SignedReport["report"]): SignedReport {
  return { feed, report, auth: sign(secret, reportHash(report)) };
}

const prices = { ...noPrices({ ...rules.group, markets: rules.markets }), rules: rulesRoot(rules) };
const feedsOf = (quorum: readonly SignedReport[] | undefined) => quorum?.map(({ feed }) => feed);

function setting({ all = [rules], sources = [] }: { all?: Rules[]; sources?: ReportSource[] } = {}) {
  const clock = new ManualClock(START);
  const it: { quorums: number; all: Rules[]; prices: Prices } = { quorums: 0, all, prices };
  const onQuorum = () => void it.quorums++;
  const ofVenue = { domain, clock, sources, rules: () => it.all, prices: () => it.prices, onQuorum };
  const feeds = new VenueFeeds({ ...ofVenue, timeout: 5, pause: 1 });
  const due = (now = clock.now() + LAG, at = prices) => feeds.due(it.all[0], at, now);
  return { feeds, clock, due, it };
}

/** Turns of the event loop until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turns(1);
}

describe("reports of feeds", () => {
  it("2f + 1 of 3f + 1 are a quorum, in rising order of feeds, whatever order they come in", () => {
    const { feeds, due, it } = setting();
    for (const feed of [3, 1]) assert.equal(feeds.add(reports()[feed]), true);
    assert.deepEqual([due(), it.quorums], [null, 0]);
    feeds.add(reports()[0]);
    assert.deepEqual([due()!.epoch, feedsOf(due()!.quorum), it.quorums], [E, [0, 1, 3], 1]);
    assert.equal(feeds.add(reports()[2]), true);
    assert.deepEqual([feedsOf(due()!.quorum), it.quorums], [[0, 1, 2], 2]);
  });

  it("count from the lag after their epoch on, unless prices are of it, under the same rules", () => {
    const { feeds, due } = setting();
    for (const report of reports().slice(1)) feeds.add(report);
    assert.deepEqual([due(START + LAG - 1n), due(START + LAG)!.epoch], [null, E]);
    assert.equal(feeds.nextTime(rules, prices, START), START + LAG);
    assert.equal(feeds.nextTime(rules, prices, START + LAG), null);
    const priced = { ...prices, epoch: E };
    assert.equal(due(START + LAG, priced), null);
    assert.equal(feeds.nextTime(rules, priced, START), null);
    assert.equal(due(START + LAG, { ...priced, rules: 5n })!.epoch, E);
    assert.equal(due(START + LAG, { ...priced, rules: 5n, epoch: E + 1n }), null);
  });

  it("of the newest epoch that has a quorum; of none that is long over", () => {
    const { feeds, clock, due } = setting();
    for (const report of reports()) feeds.add(report);
    clock.advance(LENGTH);
    for (const report of reports(E + 1n).slice(0, 2)) feeds.add(report);
    assert.equal(due()!.epoch, E);
    feeds.add(reports(E + 1n)[3]);
    assert.equal(due()!.epoch, E + 1n);
    clock.advance(20n * LENGTH);
    assert.equal(due(), null);
  });

  const [, good] = reports();
  const report = { ...good.report };
  const wrong: Record<string, { signed: SignedReport; code: string; says: RegExp }> = {
    "before its epoch is over": { signed: reports(E + 1n)[1], code: "EARLY", says: /not over/ },
    "of an epoch long ago": { signed: reports(E - 4n)[1], code: "REPORT", says: /epoch/ },
    "of contracts that nobody has announced": { signed: reports(E, otherContracts)[1], code: "REPORT", says: /contracts/ },
    "of another venue": { signed: signedBy(FEED_SECRETS[1], 1, { ...report, domain: 5n }), code: "REPORT", says: /domain/ },
    "signed by another feed": { signed: signedBy(FEED_SECRETS[2], 1, report), code: "REPORT", says: /signature/ },
    "of other numbers than were signed": { signed: { ...good, report: { ...report, index: 100_001n } }, code: "REPORT", says: /signature/ },
    "of no feed": { signed: { ...good, feed: 4 }, code: "REPORT", says: /feed/ },
    "without an index": { signed: signedBy(FEED_SECRETS[1], 1, { ...report, index: 0n }), code: "REPORT", says: /index/ },
  }; // prettier-ignore
  for (const [what, { signed, code, says }] of Object.entries(wrong))
    it(`does not take one ${what} (${code})`, () => {
      const { feeds, due, it } = setting();
      const before = feeds.status;
      assert.throws(
        () => feeds.add(signed),
        (error: TacitError) => {
          assert.equal(error.code, code);
          assert.match(error.message, says);
          if (code === "EARLY") assert.equal(error.details.retryAfter, 1);
          else assert.equal(error.details.feed, signed.feed);
          return true;
        },
      );
      assert.deepEqual(feeds.status, before);
      for (const feed of [0, 2]) feeds.add(reports()[feed]);
      assert.deepEqual([due(), it.quorums], [null, 0]);
      assert.equal(feeds.add(good), true, "and the right one counts after it");
      assert.deepEqual(feedsOf(due()!.quorum), [0, 1, 2]);
    });

  it("a feed signs once for an epoch: the same again is known, and another one changes nothing", () => {
    const { feeds, due } = setting();
    for (const report of reports().slice(0, 3)) feeds.add(report);
    assert.equal(feeds.add(reports()[1]), false);
    const other = signedBy(FEED_SECRETS[1], 1, { ...report, index: 99_000n });
    assert.throws(() => feeds.add(other), { code: "REPORT", message: /signs once/ });
    const forged = { ...other, auth: { ...other.auth, S: other.auth.S + 1n } };
    assert.throws(() => feeds.add(forged), { code: "REPORT", message: /signature/ });
    assert.deepEqual(due()!.quorum, reports().slice(0, 3));
  });

  it("of rules that are announced are kept until these are in force", () => {
    const { feeds, due, it } = setting({ all: [rules, otherContracts] });
    for (const report of reports(E, otherContracts)) feeds.add(report);
    assert.deepEqual([due(), it.quorums], [null, 2]);
    it.all = [otherContracts];
    assert.deepEqual(due()!.quorum, reports(E, otherContracts).slice(0, 3));
  });

  it("count under the rules that have the key that signed them", () => {
    const { feeds, due, it } = setting({ all: [rules, newKeys] });
    for (const feed of [0, 1, 2]) feeds.add(reports()[feed]);
    assert.deepEqual(feedsOf(due()!.quorum), [0, 1, 2]);
    it.all = [newKeys];
    assert.equal(due(), null, "that of the key that is not there any more");
    assert.throws(() => feeds.add({ ...reports()[0] }), { message: /signature/ });
    it.all = [rules, newKeys];
    const own = signedBy(newSecret, 0, report);
    assert.equal(feeds.add(own), true, "a new key signs for itself");
    assert.equal(it.quorums, 2);
    it.all = [newKeys];
    assert.deepEqual(due()!.quorum, [own, ...reports().slice(1, 3)]);
  });

  it("by a key that only rules to come name show nothing of the feed that has its place now", () => {
    const { feeds } = setting({ all: [rules, newKeys] });
    const [before] = feeds.status;
    assert.equal(feeds.add(signedBy(newSecret, 0, report)), true);
    assert.deepEqual(feeds.status[0], before);
    feeds.add(reports()[0]);
    assert.equal(feeds.status[0].epoch, E);
  });

  it("shows how each feed does: its last epoch, how late and how far off it was, and what it missed", () => {
    const { feeds, clock, it } = setting();
    const numbers = [100_000n, 100_000n, 100_000n, 101_000n];
    const all = numbers.map((index, feed) => signedBy(FEED_SECRETS[feed], feed, { ...report, index }));
    clock.advance(2n);
    for (const feed of [0, 1]) feeds.add(all[feed]);
    clock.advance(5n);
    feeds.add(all[3]);
    feeds.priced(E, rules);
    feeds.priced(E, rules);
    const none = { epoch: null, after: null, off: null, lacked: null, missed: 1, trouble: null };
    const whole = { lacked: 0, missed: 0, trouble: null };
    assert.deepEqual(feeds.status, [
      { feed: 0, epoch: E, after: 2, off: 0, ...whole },
      { feed: 1, epoch: E, after: 2, off: 0, ...whole },
      { feed: 2, ...none },
      { feed: 3, epoch: E, after: 7, off: 10_000, ...whole },
    ]);
    clock.advance(30n);
    feeds.add(all[2]);
    assert.deepEqual(feeds.status[2], { feed: 2, epoch: E, after: 37, off: 0, ...whole, missed: 1 });
    clock.advance(LENGTH);
    feeds.add(reports(E + 1n)[2]);
    feeds.priced(E + 1n, rules);
    assert.deepEqual(
      feeds.status.map(({ missed }) => missed),
      [1, 1, 1, 1],
    );
    assert.equal(it.quorums, 2);
  });

  it("keeps those of a few epochs, and no more", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const { feeds, clock } = setting();
    const kept: WeakRef<SignedReport>[] = [];
    for (let epoch = E; epoch < E + 20n; epoch++) {
      for (const feed of [0, 1, 2]) {
        const mine = signedBy(FEED_SECRETS[feed], feed, { ...report, epoch });
        kept.push(new WeakRef(mine));
        feeds.add(mine);
      }
      clock.advance(LENGTH);
    }
    await turns(5);
    gc();
    const alive = kept.filter((it) => it.deref()).length;
    assert.ok(alive >= 3 && alive <= 3 * 5, `${alive} of ${kept.length} are kept`);
  });
});

describe("reports that lack numbers", () => {
  const [PERPETUAL, CALL, PUT] = [0, 1, 2];
  const [{ report: good }] = reports();
  /** What a feed says in place of what is so. */
  const says = (
    feed: number,
    change: Partial<Numbers & { epoch: bigint }> = {},
    values: Record<number, bigint> = {},
  ) => {
    const numbers = { ...change, values: good.values.map((value, i) => values[i] ?? value) };
    return signedBy(FEED_SECRETS[feed], feed, { ...good, ...numbers });
  };
  /** Numbers where nobody needs one, and none where they are needed. */
  const liar = (feed: number) => {
    const used = (slot: number) => !!rules.instruments[slot] && slot !== PUT;
    const values = Array.from({ length: INSTRUMENTS }, (_, i) => (used(i) ? 0n : 1n));
    return says(feed, { premium: 0n }, values);
  };

  it("are left out of the quorum where there are others, whatever they say where nobody asks", () => {
    for (const lie of [liar(0), says(0, {}, { [CALL]: 0n }), says(0, { premium: 0n })]) {
      const { feeds, due } = setting();
      for (const report of [lie, ...reports().slice(1)]) feeds.add(report);
      assert.deepEqual(feedsOf(due()!.quorum), [1, 2, 3]);
    }
  });

  it("count by what they would leave stale: of a mark all that is valued by it, of a volatility its options", () => {
    const { feeds, due } = setting();
    for (const report of [says(0, {}, { [PERPETUAL]: 0n }), reports()[1], reports()[2], says(3, {}, { [CALL]: 0n })])
      feeds.add(report);
    assert.deepEqual(feedsOf(due()!.quorum), [1, 2, 3]);
    const fewer = setting();
    for (const report of [says(0, {}, { [CALL]: 0n }), reports()[1], reports()[2], says(3, { premium: 0n })])
      fewer.feeds.add(report);
    assert.deepEqual(feedsOf(fewer.due()!.quorum), [1, 2, 3], "a premium is less than any instrument");
  });

  it("lack nothing of what is settled, and of what has expired all that is not", () => {
    const { expiry } = rules.instruments[CALL]!.contract;
    const epoch = expiry / LENGTH;
    const at = (feed: number, values: Record<number, bigint>) => says(feed, { epoch }, values);
    const settling = { [CALL]: 5n, [PUT]: 5n };
    const { feeds, clock, due, it } = setting();
    clock.set(expiry);
    feeds.add(at(0, { ...settling, [PUT]: 0n }));
    for (const feed of [1, 2, 3]) feeds.add(at(feed, settling));
    assert.deepEqual(feedsOf(due()!.quorum), [1, 2, 3], "the put has no number of its own until then");
    assert.deepEqual(
      feeds.status.map(({ lacked }) => lacked),
      [1, 0, 0, 0],
    );
    it.prices = { ...prices, payoffs: prices.payoffs.map((_, i) => (i === CALL || i === PUT ? 1n : 0n)) };
    assert.deepEqual(feedsOf(due(expiry + LAG, it.prices)!.quorum), [0, 1, 2]);
  });

  it("lack no premium where there is no perpetual", () => {
    const dated = rules.instruments.map((it, i) =>
      i === PERPETUAL
        ? { ...it!, contract: { ...it!.contract, kind: BigInt(INSTRUMENT_KIND.future), expiry: START + 86_400n } }
        : it,
    );
    const all = [{ ...rules, instruments: dated }];
    const { feeds, due } = setting({ all });
    for (const report of reportsOf({ epoch: E, premium: 0n }, { rules: all[0], domain }).slice(0, 3)) feeds.add(report);
    assert.deepEqual(feedsOf(due()!.quorum), [0, 1, 2]);
    assert.equal(feeds.status[0].lacked, 0);
  });

  it("with f liars of 3f + 1 leave nothing undone, f = 2", () => {
    const seven = { ...rules, group: { ...rules.group, feeds: Array.from({ length: 7 }, (_, i) => publicKey(FEED_SECRETS[i])) } }; // prettier-ignore
    const { feeds, due } = setting({ all: [seven] });
    for (const report of [liar(4), says(1, { premium: 0n }), ...[0, 2, 3, 5, 6].map((feed) => says(feed))])
      feeds.add(report);
    assert.deepEqual(feedsOf(due()!.quorum), [0, 2, 3, 5, 6]);
  });

  it("are waited with for those of others, for a few seconds, and not where nothing is lacking", () => {
    const now = START + LAG + 10n;
    const patient = (...said: SignedReport[]) => {
      const all = setting();
      all.clock.set(now);
      for (const report of said) all.feeds.add(report);
      return all;
    };
    const next = ({ feeds, clock }: ReturnType<typeof setting>) => feeds.nextTime(rules, prices, clock.now());
    const waiting = patient(liar(0), reports()[1], reports()[3]);
    const { feeds, clock, due, it } = waiting;
    const at = (seconds: bigint) => due(now + seconds);
    assert.deepEqual([at(0n), at(PATIENCE - 1n), next(waiting)], [null, null, now + PATIENCE]);
    assert.deepEqual(feedsOf(at(PATIENCE)!.quorum), [0, 1, 3]);
    clock.advance(PATIENCE - 1n);
    feeds.add(reports()[2]);
    assert.deepEqual([feedsOf(due(clock.now())!.quorum), it.quorums], [[1, 2, 3], 2]);
    assert.deepEqual(feedsOf(patient(...reports().slice(0, 3)).due(now)!.quorum), [0, 1, 2]);
    const lacking = [0, 1, 2, 3].map((feed) => says(feed, {}, { [CALL]: 0n }));
    assert.deepEqual(feedsOf(patient(...lacking).due(now)!.quorum), [0, 1, 2], "nobody else is to come");
    const early = patient();
    early.clock.set(START);
    for (const report of lacking.slice(1)) early.feeds.add(report);
    assert.equal(next(early), START + (LAG > PATIENCE ? LAG : PATIENCE));
    const back = patient(...lacking.slice(1));
    assert.deepEqual(feedsOf(back.due(now - 1n)!.quorum), [1, 2, 3], "the clock was set back");
  });

  it("do not hold up prices of epochs that are shorter than the wait", () => {
    const L = 4n;
    const short = { ...rules, group: { ...rules.group, pricing: { ...rules.group.pricing, epochLength: L, lag: 0n } } };
    const { feeds, clock } = setting({ all: [short] });
    let last = { ...prices, rules: rulesRoot(short) };
    for (let time = START; time < START + 10n * L; time++) {
      clock.set(time);
      const epoch = time / L;
      if (time % L === 0n)
        for (const feed of [0, 1, 2])
          feeds.add(signedBy(FEED_SECRETS[feed], feed, { ...good, epoch, values: good.values.map(() => 0n) }));
      const due = feeds.due(short, last, time);
      if (due) last = { ...last, epoch: due.epoch };
      assert.ok(time < START + L || last.epoch >= epoch - 1n);
      if (time % L > 0n) assert.equal(last.epoch, epoch);
    }
  });

  it("are shown with how many of the numbers in use they lacked", () => {
    const { feeds } = setting();
    for (const report of [liar(0), says(1, {}, { [CALL]: 0n }), says(2)]) feeds.add(report);
    assert.deepEqual(
      feeds.status.map(({ lacked }) => lacked),
      [3, 1, 0, null],
    );
  });
});

describe("sources of reports", () => {
  /** A source of one feed, by what it answers to its questions, the last of which goes on. */
  function source(
    feed: number,
    ...answers: ((question: ReportQuestion, signal: AbortSignal) => Promise<SignedReport[]>)[]
  ) {
    const asked: bigint[] = [];
    const reports: ReportSource["reports"] = (question, signal) => {
      const answer = answers[Math.min(asked.push(question.epoch), answers.length) - 1];
      return answer(question, signal);
    };
    return { feeds: [feed], reports, asked };
  }
  const honest = (feed: number) => async (question: ReportQuestion) => {
    const of = question.instruments === otherContracts.instruments ? otherContracts : rules;
    return [reports(question.epoch, of)[feed]];
  };
  const nothing = async () => [];
  const silent = (_: unknown, signal: AbortSignal) =>
    new Promise<SignedReport[]>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
  /** Whoever asks it waits for ever. */
  const deaf = () => new Promise<SignedReport[]>(() => {});
  const fails = async (): Promise<SignedReport[]> => {
    throw new TacitError("UNREACHABLE", "https://feed.example answers 500");
  };

  it("are asked once an epoch is over, and again until each has answered, but not longer", async () => {
    const all = [source(0, honest(0)), source(1, nothing, fails, honest(1)), source(2, nothing, honest(2))];
    const never = source(3, nothing);
    const { feeds, clock, due, it } = setting({ sources: [...all, never] });
    clock.set(START - 1n);
    feeds.start();
    await until(() => all.every(({ asked }) => asked.length > 0));
    assert.ok(all.every(({ asked }) => asked[0] === E - 1n));
    await until(() => it.quorums === 1);
    assert.deepEqual(feedsOf(due(START - 1n)!.quorum), [0, 1, 2]);
    const before = all.map(({ asked }) => asked.length);
    assert.deepEqual(before, [1, 3, 2]);
    const so = never.asked.length;
    await until(() => never.asked.length > so + 5);
    assert.deepEqual(
      all.map(({ asked }) => asked.length),
      before,
    );
    clock.advance(1n);
    await until(() => it.quorums === 2);
    assert.ok(all.every(({ asked }) => asked.at(-1) === E));
    feeds.close();
  });

  it("that are silent, deaf or broken hold up none of the others, and are shown", async () => {
    const quiet = source(1, silent);
    for (const [what, trouble, answer] of [
      ["silent", /time|abort/i, silent],
      ["deaf", null, deaf],
      ["broken", /answers 500/, fails],
    ] as const) {
      const bad = source(3, answer);
      const { feeds, clock, it } = setting({ sources: [bad, ...[0, 1, 2].map((feed) => source(feed, honest(feed)))] });
      feeds.start();
      await until(() => it.quorums === 1);
      if (trouble) await until(() => trouble.test(feeds.status[3].trouble ?? ""));
      assert.equal(feeds.status[3].epoch, null, what);
      clock.advance(LENGTH);
      await until(() => it.quorums === 2 && bad.asked.at(-1) === E + 1n);
      feeds.close();
    }
    // Once all are silent there are no prices, and it comes back as soon as they do.
    const { feeds, due, it } = setting({ sources: [quiet, source(0, silent, honest(0)), source(2, silent, silent, honest(2)), source(3, fails, honest(3))] }); // prettier-ignore
    feeds.start();
    await until(() => quiet.asked.length > 2 && it.quorums === 1);
    assert.deepEqual(feedsOf(due()!.quorum), [0, 2, 3]);
    assert.deepEqual(
      feeds.status.map(({ trouble }) => trouble === null),
      [true, false, true, true],
    );
    feeds.close();
  });

  it("that give what does not count are shown with the reason, until they give what does", async () => {
    const forged = async () => [signedBy(FEED_SECRETS[2], 0, reports()[0].report)];
    const early = async () => [reports(E + 1n)[0]];
    let isHonest = false;
    const { feeds } = setting({ sources: [source(0, (question) => (isHonest ? honest(0)(question) : forged()))] });
    feeds.start();
    await until(() => /signature/.test(feeds.status[0].trouble ?? ""));
    isHonest = true;
    await until(() => feeds.status[0].epoch === E);
    assert.equal(feeds.status[0].trouble, null);
    feeds.close();
    const one = source(0, early);
    const hasty = setting({ sources: [one] });
    hasty.feeds.start();
    await until(() => one.asked.length > 2);
    assert.equal(hasty.feeds.status[0].trouble, null, "who is early is no trouble");
    hasty.feeds.close();
  });

  it("are asked for rules that are announced too, from then on", async () => {
    const all = [0, 1, 2].map((feed) => source(feed, honest(feed)));
    const { feeds, due, it } = setting({ sources: all });
    feeds.start();
    await until(() => it.quorums === 1);
    it.all = [rules, otherContracts];
    await until(() => it.quorums === 2);
    it.all = [otherContracts];
    assert.deepEqual(due()!.quorum, reports(E, otherContracts).slice(0, 3));
    feeds.close();
  });

  it("are asked no more once it is closed, and what was asked is given up", async () => {
    let given = 0;
    const feed = source(0, (_, signal) => {
      signal.addEventListener("abort", () => given++);
      return silent(_, signal);
    });
    const { feeds, clock } = setting({ sources: [feed] });
    feeds.start();
    await until(() => feed.asked.length > 0);
    feeds.close();
    const before = feed.asked.length;
    assert.equal(given, before);
    clock.advance(3n * LENGTH);
    await turns(50);
    assert.equal(feed.asked.length, before);
  });

  it("a clock that was set too far ahead is left to who makes prices", () => {
    const { feeds, clock, it } = setting({ sources: [source(0, honest(0))] });
    clock.now = () => {
      throw new TacitError("CLOCK", "the clock was set ahead");
    };
    feeds.start();
    assert.equal(it.quorums, 1);
    feeds.close();
  });
});
