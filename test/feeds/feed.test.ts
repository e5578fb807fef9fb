// Goal: a feed signs an epoch once it is over, once for each set of contracts, whatever happens to its process or disk.
// Method: a clock that is set, and folders that are damaged between two starts.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Feed, type FeedRules } from "../../src/feeds/feed.ts";
import { SEGMENT } from "../../src/feeds/journal.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { NO_PREMIUM, reportFaults, type Numbers } from "../../src/protocol/report.ts";
import { DOMAIN, EXPIRY, feedRules, instruments, KEYS, pricing, SECRETS, temporary } from "./setting.ts";

const CONTRACTS = contractsHash(instruments());
/** A multiple of the grid: no settlement window for half an hour. */
const BASE = 5_997_600;
const place = { source: "test", line: 1 };

describe("feeds/feed", () => {
  const folder = temporary();
  const open: Feed[] = [];
  afterEach(() => open.splice(0).forEach((feed) => feed.close()));

  /** A feed whose clock, in seconds, is set by `at`. */
  function start(data = folder(), rules: readonly FeedRules[] = [feedRules()], secret = SECRETS[1], from = BASE) {
    let now = from;
    const feed = new Feed({ domain: DOMAIN, secret, folder: data, rules, warmUp: 1, now: () => now * 1_000 });
    open.push(feed);
    const at = (time: number) => {
      now = time;
      return feed.tick();
    };
    /** Takes one observation each ten seconds, as time goes by. @returns what was signed */
    const live = (from: number, to: number, index = 100_000) => {
      const signed = [];
      for (let time = from; time <= to; time += 10) {
        signed.push(...at(time));
        feed.observe({ time, index: index + (time % 70), values: { 0: index } }, place);
      }
      return signed;
    };
    return { feed, at, live, data };
  }
  const numbers = (index: bigint): Numbers => {
    const values = Array<bigint>(INSTRUMENTS).fill(index);
    return { index, average: index, sigma: 1n, premium: NO_PREMIUM, values };
  };
  const slot = (epoch: bigint, contracts = CONTRACTS) => ({ epoch, contracts, feed: 1 });

  it("signs each epoch when it is over, as its venue expects it", () => {
    const { feed, at, live } = start();
    const signed = live(BASE, BASE + 240);
    assert.deepEqual(
      signed.map(({ report }) => Number(report.epoch) * 60 - BASE),
      [60, 120, 180],
    );
    assert.deepEqual(at(BASE + 241), [], "two seconds are left for what comes late");
    feed.observe({ time: BASE + 240, index: 90_000 }, place);
    const [last] = at(BASE + 242);
    assert.equal(last.report.index, 90_000n);
    assert.deepEqual(at(BASE + 243), []);
    const expected = { keys: KEYS, domain: DOMAIN, contracts: CONTRACTS, epoch: last.report.epoch };
    assert.deepEqual(reportFaults([last], expected), [null]);
    assert.equal(feed.find(last.report.epoch, CONTRACTS), last);
    assert.equal(feed.find(last.report.epoch, CONTRACTS + 1n), null);
    assert.deepEqual(feed.health(), { ok: true, reason: null, epoch: last.report.epoch, observed: BigInt(BASE + 240) });
    at(BASE + 400);
    assert.match(feed.health().reason!, /not signed: there is no index/);
    assert.deepEqual(feed.counts, { signed: 4, refused: 0, observations: 26, late: 0, bad: 0 });
  });

  it("refuses what comes too late, or of a time that is not yet, and goes on", () => {
    const { feed, at, live } = start();
    live(BASE, BASE + 130);
    assert.equal(feed.observe({ time: BASE + 120, index: 1 }, place), "late");
    assert.throws(() => feed.observe({ time: BASE + 136, index: 1 }, place), { code: "OBSERVATION", message: /ahead/ });
    assert.equal(feed.observe({ time: BASE + 135, index: 99_999 }, place), "taken");
    assert.equal(at(BASE + 182)[0].report.index, 99_999n);
    assert.deepEqual([feed.counts.late, feed.counts.bad], [1, 1]);
  });

  it("takes what came out of order, and of one second what came last", () => {
    const { feed, at, live } = start();
    live(BASE, BASE + 120);
    at(BASE + 176);
    for (const [time, index] of [
      [170, 5],
      [175, 7],
      [172, 6],
      [175, 8],
    ])
      feed.observe({ time: BASE + time, index }, place);
    feed.observe({ time: BASE + 175, values: { 0: 9 } }, place);
    const [{ report }] = at(BASE + 183);
    assert.deepEqual([report.index, report.values[0]], [8n, 9n]);
  });

  it("reads the past at once, signs the last epoch of it alone, and keeps no more than an epoch waiting", () => {
    const { feed, at } = start();
    at(BASE + 1_803);
    for (let time = BASE; time <= BASE + 1_800; time += 5) feed.observe({ time, index: 100_000 + (time % 7) }, place);
    assert.deepEqual(
      at(BASE + 1_803).map(({ report }) => report.epoch),
      [BigInt(BASE + 1_800) / 60n],
    );
    assert.equal(feed.find(BigInt(BASE + 1_740) / 60n, CONTRACTS), null);
  });

  it("signs again within two epochs when a clock that went ahead is right again", () => {
    const { at, live } = start();
    live(BASE, BASE + 130);
    for (let i = 0; i < 20; i++) assert.deepEqual(at(BASE + 7_000 + i), []);
    const signed = live(BASE + 190, BASE + 430);
    assert.deepEqual(
      signed.map(({ report }) => Number(report.epoch) * 60 - BASE),
      [300, 360, 420],
    );
  });

  it("says that its clock was ahead, forgets what it saw by it, and signs again once it is right", () => {
    const DAY = 86_400;
    const { feed, at, live, data } = start();
    live(BASE, BASE + 130);
    const ahead = live(BASE + DAY, BASE + DAY + 250);
    assert.ok(ahead.length >= 3);
    const told = (it: Feed) => {
      const { ok, reason, epoch } = it.health();
      assert.deepEqual([ok, epoch], [false, ahead.at(-1)!.report.epoch]);
      assert.match(reason!, /^the clock was ahead, or is behind: it says epoch \d+, and the feed has been at \d+$/);
    };
    assert.deepEqual(at(BASE + 200), []);
    told(feed);
    assert.deepEqual([feed.silence, feed.health().observed], [null, null]);
    const signed = live(BASE + 200, BASE + 430);
    assert.deepEqual(
      signed.map(({ report }) => Number(report.epoch) * 60 - BASE),
      [300, 360, 420],
    );
    told(feed);
    feed.close();
    // Ahead until its end, and started with the right time.
    const second = start(data);
    second.live(BASE + DAY + 1_000, BASE + DAY + 1_130);
    second.feed.close();
    const third = start(data);
    assert.equal(third.live(BASE + 490, BASE + 670).length, 2);
    third.feed.close();
    // What was signed stays, also when its time comes.
    const fourth = start(data);
    const again = fourth.live(BASE + DAY, BASE + DAY + 250, 110_000);
    assert.deepEqual(
      again.map(({ report }) => report),
      ahead.slice(-again.length).map(({ report }) => report),
    );
    assert.deepEqual([again.length >= 3, fourth.feed.counts.signed], [true, 0]);
  });

  it("says that nothing is signed any more of epochs that a clock ahead has closed", () => {
    const { feed, at, live, data } = start();
    live(BASE, BASE + 130);
    for (const segments of [1, 2]) live(BASE + segments * 1_024 * 60, BASE + segments * 1_024 * 60 + 130);
    at(BASE + 140);
    assert.deepEqual(live(BASE + 200, BASE + 430), []);
    assert.match(feed.health().reason!, /of epochs before \d+ nothing is signed any more$/);
    feed.close();
    assert.match(start(data).feed.health().reason!, /nothing is signed any more$/);
  });

  it("keeps what it remembers where the clock was ahead and nothing was seen by it, and says so until then", () => {
    const { feed, at, live } = start();
    live(BASE, BASE + 130);
    at(BASE + 7_000);
    assert.deepEqual(at(BASE + 140), []);
    assert.match(feed.health().reason!, /^the clock was ahead/);
    live(BASE + 190, BASE + 250);
    assert.equal(at(BASE + 302)[0].report.epoch, BigInt(BASE + 300) / 60n, "there is a return over what was not seen");
    assert.equal(feed.health().ok, true);
  });

  it("counts nothing that was seen by a clock ahead, also when its time comes", () => {
    const { feed, at, live } = start();
    live(BASE, BASE + 130);
    at(BASE + 5_000);
    feed.observe({ time: BASE + 5_000, index: 1 }, place);
    at(BASE + 140);
    assert.deepEqual(at(BASE + 5_042), []);
  });

  it("signs once for each set of contracts, the rules in force first, and for none that does not name its key", () => {
    const next = instruments();
    next[1] = { ...next[1]!, contract: { ...next[1]!.contract, expiry: EXPIRY + 3_600n } };
    const sets = [
      feedRules(),
      // The same contracts, averaged otherwise.
      feedRules({ pricing: pricing({ fundingEvery: 1n }) }),
      feedRules({ instruments: next, feeds: [...KEYS].reverse() }),
      feedRules({ instruments: next.slice(1).concat(null), feeds: KEYS.slice(2) }),
    ];
    const { feed, live } = start(folder(), sets);
    const signed = live(BASE, BASE + 70);
    assert.deepEqual(signed.map((it) => [it.feed, it.report.contracts]), [[1, CONTRACTS], [2, contractsHash(next)]]); // prettier-ignore
    assert.deepEqual(feed.contracts, [CONTRACTS, contractsHash(next)]);
    feed.setRules([feedRules({ feeds: KEYS.slice(2) })]);
    assert.deepEqual(live(BASE + 140, BASE + 300), []);
    assert.match(feed.health().reason!, /do not name its key/);
    assert.throws(() => feed.setRules([feedRules({ pricing: pricing({ epochLength: 30n }) })]), { code: "OUT_OF_RANGE" }); // prettier-ignore
  });

  it("leaves out announced sets that it cannot compute for, says why, and takes the others", () => {
    const of = (slots: number, change: Parameters<typeof pricing>[0] = {}) =>
      feedRules({ instruments: instruments().map((it, i) => (i < slots ? it : null)), pricing: pricing(change) });
    const contracts = (slots: number) => contractsHash(of(slots).instruments);
    const [long, other] = [of(2, { epochLength: 120n }), of(1, { epochLength: 30n })];
    const { feed } = start(folder(), [feedRules(), long, of(4)]);
    assert.deepEqual(feed.contracts, [CONTRACTS, contracts(4)]);
    assert.equal(feed.leftOut.length, 1);
    assert.ok(feed.leftOut[0].startsWith(`contracts ${contracts(2)}: pricing.epochLength is`), feed.leftOut[0]);
    feed.setRules([of(4), other, of(2), long]);
    assert.deepEqual(feed.contracts, [contracts(4), contracts(2)], "and signs no more for what is not among them");
    assert.deepEqual(
      feed.leftOut.map((why) => why.split(":")[0]),
      [contracts(1), contracts(2)].map((it) => `contracts ${it}`),
    );
    assert.throws(() => feed.setRules([long]), { code: "OUT_OF_RANGE" });
  });

  it("signs no second report of an epoch, also after a start, and gives the first", () => {
    const { feed, data } = start();
    const first = feed.sign(slot(5n), numbers(100n));
    assert.deepEqual(feed.sign(slot(5n), numbers(101n)), first);
    assert.equal(feed.counts.refused, 1);
    assert.deepEqual(feed.sign(slot(5n), numbers(100n)), first, "the same again is no second one");
    assert.equal(feed.counts.refused, 1);
    assert.notDeepEqual(feed.sign(slot(5n, 9n), numbers(101n)), first, "other contracts are another report");
    feed.close();
    const { feed: again } = start(data);
    assert.deepEqual(again.find(5n, CONTRACTS), first);
    assert.deepEqual(again.sign(slot(5n), numbers(102n)), first);
    assert.deepEqual([again.counts.signed, again.counts.refused], [0, 1]);
    assert.equal(again.health().epoch, 5n);
  });

  it("has a report on disk before it is known", () => {
    const { feed, data } = start();
    const { report } = feed.sign(slot(5n), numbers(100n));
    const [name] = readdirSync(data).filter((it) => it.startsWith("signed-"));
    const text = readFileSync(join(data, name), "utf8");
    assert.ok(text.endsWith("\n") && JSON.parse(text).report.index === String(report.index));
    assert.equal(statSync(join(data, name)).mode & 0o777, 0o600);
  });

  it("signs nothing that it could not write, and nothing after it", () => {
    const { feed, data } = start();
    feed.sign(slot(5n), numbers(100n));
    // Where the next file should be, there is a folder.
    mkdirSync(join(data, `signed-${"1".padStart(12, "0")}.jsonl`));
    assert.throws(() => feed.sign(slot(SEGMENT), numbers(100n)), { code: "FILE" });
    assert.equal(feed.find(SEGMENT, CONTRACTS), null);
    assert.throws(() => feed.sign(slot(6n), numbers(100n)), { code: "FILE", message: /until the next start/ });
    assert.equal(feed.find(6n, CONTRACTS), null);
    assert.match(feed.health().reason!, /cannot be written/);
  });

  it("drops a line that was not written to its end, and keeps those before it", () => {
    const { feed, data } = start();
    const [a, b] = [5n, 6n].map((epoch) => feed.sign(slot(epoch), numbers(100n)));
    feed.close();
    const path = join(
      data,
      readdirSync(data).find((it) => it.startsWith("signed-"))!,
    );
    const whole = readFileSync(path);
    // Torn at every place of the second line.
    const end = whole.indexOf("\n") + 1;
    for (const length of [end, end + 1, Math.floor((end + whole.length) / 2), whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      const { feed: again } = start(data);
      assert.deepEqual([again.find(5n, CONTRACTS), again.find(6n, CONTRACTS)], [a, null]);
      assert.deepEqual(again.sign(slot(6n), numbers(100n)), b);
      again.close();
      assert.deepEqual(readFileSync(path), whole);
    }
  });

  const damages: [why: string, line: string][] = [
    ["no JSON", "{\n"],
    ["no report", "{}\n"],
  ];
  for (const [why, line] of damages)
    it(`does not start on a file with a line that is ${why}`, () => {
      const { feed, data } = start();
      feed.sign(slot(5n), numbers(100n));
      feed.close();
      const path = join(
        data,
        readdirSync(data).find((it) => it.startsWith("signed-"))!,
      );
      appendFileSync(path, line);
      assert.throws(() => start(data), { code: "FEED_DATA", message: /line 2/ });
      // A report twice, and one of another file's epochs.
      writeFileSync(path, readFileSync(path, "utf8").split("\n")[0].concat("\n").repeat(2));
      assert.throws(() => start(data), { code: "FEED_DATA", message: /line 2/ });
    });

  it("is alone in its folder, and in no other feed's", () => {
    const { feed, data } = start();
    assert.throws(() => start(data), { code: "LOCKED" });
    feed.close();
    assert.throws(() => start(data, [feedRules()], SECRETS[2]), { code: "FEED_DATA", message: /another key/ });
    start(data).feed.close();
    rmSync(join(data, "feed.json"));
    start(data).feed.sign(slot(5n), numbers(1n));
    open.at(-1)!.close();
    rmSync(join(data, "feed.json"));
    assert.throws(() => start(data), { code: "FEED_DATA" });
  });

  it("closes epochs of long ago for good, and forgets them in memory", () => {
    const { feed, data } = start();
    for (const n of [0n, 1n, 2n]) feed.sign(slot(n * SEGMENT), numbers(100n));
    const check = (it: Feed) => {
      assert.equal(it.find(0n, CONTRACTS), null);
      assert.throws(() => it.sign(slot(0n), numbers(101n)), { code: "EPOCH_CLOSED" });
      assert.throws(() => it.sign(slot(SEGMENT - 1n), numbers(101n)), { code: "EPOCH_CLOSED" });
      assert.equal(it.sign(slot(SEGMENT), numbers(101n)).report.index, 100n);
    };
    check(feed);
    feed.close();
    check(start(data).feed);
  });

  it("goes on after a start with what it remembered, and without it where that is damaged", () => {
    const { feed, live, data } = start();
    const before = live(BASE, BASE + 310).at(-1)!;
    feed.close();
    const again = start(data, undefined, undefined, BASE + 320);
    const [next] = again.live(BASE + 320, BASE + 370);
    assert.equal(next.report.epoch, before.report.epoch + 1n);
    assert.ok(next.report.premium > 0n && next.report.sigma > 0n);
    again.feed.close();
    writeFileSync(join(data, "history.json"), "{");
    const third = start(data);
    assert.deepEqual(third.live(BASE + 380, BASE + 430), [], "there is no return so far");
    assert.equal(third.live(BASE + 440, BASE + 490).length, 1);
  });
});
