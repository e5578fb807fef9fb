// Goal: prices are made as soon as a quorum of feeds has reported, as the first entry of a second; without them nothing trades,
// and all goes on when they are back; what expires pays once; and a restart knows all of it.
// Method: a venue of minutely epochs on a clock that stands, by what its journal holds, its accounts and what it tells them.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { sign } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { noPrices, reprice } from "../../src/protocol/prices.ts";
import { medians, NO_PREMIUM, reportHash, type Numbers, type SignedReport } from "../../src/protocol/report.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { PATIENCE, type ReportSource } from "../../src/venue/feeds.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import type { Store } from "../../src/venue/store/store.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { hasCode } from "../hasCode.ts";
import { FEED_SECRETS } from "../priced.ts";
import { lastingStore, replay, reportsOf, simulatedProver, START, traders, turns, type Trader } from "./fixture.ts";
import { CALL, CROSS, EXPIRY, FIRST, LAG, LENGTH, logOf, minutely, openMinutely, passTo, priceNow, reportsFor, until } from "./repricing.ts"; // prettier-ignore

/** Of a feed that lacks each number that is needed, and has those that are not. */
function lie({ feed, report }: SignedReport): SignedReport {
  const used = minutely.rules.instruments.map((it) => !!it);
  const lied = { ...report, premium: 0n, values: used.map((is) => (is ? 0n : 1n)) };
  return { feed, report: lied, auth: sign(FEED_SECRETS[feed], reportHash(lied)) };
}

const send = async (venue: Venue, { item, auth }: ReturnType<Trader["order"]>) =>
  (await venue.submit(item, auth)).verdict;

describe("a venue's prices", () => {
  it("are what a quorum's medians make of those before, at once, with nothing before them in their second", async () => {
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore() });
    const reports = reportsFor(venue);
    for (const report of reports.slice(0, 2)) venue.feeds.add(report);
    await turns(20);
    assert.equal(venue.health().logCount, 0);
    assert.equal(venue.isFresh(clock.now()), false);
    venue.feeds.add(reports[3]);
    await until(venue, () => venue.health().logCount === 1);
    const { group, instruments, markets } = minutely.rules;
    const rules = { root: rulesRoot(minutely.rules), pricing: group.pricing, instruments, markets };
    const quorum = [reports[0], reports[1], reports[3]];
    const expected = reprice(rules, noPrices(rules), FIRST, medians(quorum));
    assert.deepEqual(venue.terms.prices, expected);
    assert.equal(venue.isFresh(clock.now()), true);
    const [change, ...more] = await venue.changes();
    assert.deepEqual(more, []);
    assert.ok(change.kind === "reprice");
    const { n, time, epoch } = change;
    assert.deepEqual([n, time, epoch], [0, `${START + LAG}`, `${FIRST}`]);
    assert.deepEqual(
      change.quorum.map(({ feed }) => feed),
      ["0", "1", "3"],
    );
    assert.deepEqual(await logOf(storage), ["reprice +5"]);
    await venue.close();
  });

  it("are made in the next second where this one has entries, and not before the lag", async () => {
    const [alice] = traders(1);
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore(), traders: [alice] });
    for (const report of reportsFor(venue)) venue.feeds.add(report);
    await turns(20);
    assert.equal(venue.terms.prices.epoch, 0n, "deposits came first");
    clock.advance(1n);
    await until(venue, () => venue.terms.prices.epoch === FIRST);
    clock.advance(LENGTH - LAG - 1n);
    const next = FIRST + 1n;
    for (const report of reportsFor(venue, { epoch: next })) venue.feeds.add(report);
    await passTo(clock, START + LENGTH + LAG - 1n);
    assert.equal(venue.terms.prices.epoch, FIRST);
    clock.advance(1n);
    await until(venue, () => venue.terms.prices.epoch === next);
    assert.deepEqual(await logOf(storage), ["deposits +5", "reprice +6", "reprice +65"]);
    await venue.close();
  });

  it("are made of what its sources answer", async () => {
    const asked: bigint[] = [];
    const source: ReportSource = {
      feeds: [0, 1, 2, 3],
      isDevelopment: true,
      async reports({ epoch, domain }) {
        asked.push(epoch);
        return reportsOf({ epoch }, { rules: minutely.rules, domain });
      },
    };
    const { venue, clock } = await openMinutely({ feeds: [source] });
    await until(venue, () => venue.terms.prices.epoch === FIRST);
    assert.equal(venue.feeds.isDevelopment, true);
    clock.advance(LENGTH);
    await until(venue, () => venue.terms.prices.epoch === FIRST + 1n);
    assert.deepEqual(new Set(asked), new Set([FIRST, FIRST + 1n]));
    assert.ok(venue.feeds.status.every(({ missed, trouble }) => missed === 0 && trouble === null));
    await venue.close();
  });

  it("that do not come stop trade and nothing else; when they are back each market that crosses closes once", async () => {
    const [alice, bob] = traders(2);
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore() });
    await priceNow(venue);
    await venue.deposit([alice.deposit, bob.deposit]);
    // The prices are of the epoch before: good enough for orders, and not for auctions.
    await passTo(clock, START + LENGTH + LAG + 1n);
    for (const item of [
      alice.order("buy", 2n, 99_000n),
      alice.order("buy", 1n, 100_100n),
      bob.order("sell", 1n, 99_900n),
      alice.order("buy", 1n, 100_100n, { market: CROSS }),
      bob.order("sell", 1n, 99_900n, { market: CROSS }),
      // These do not cross.
      alice.order("buy", 1n, 10n, { market: CALL }),
      bob.order("sell", 1n, 100_900n, { expiry: START + 75n }),
    ])
      assert.equal(await send(venue, item), "admitted");
    const open = () => [alice, bob].map(({ index }) => venue.orders(index).length);
    assert.deepEqual(open(), [4, 3]);
    assert.equal(await send(venue, alice.cancel(1n)), "admitted");
    await passTo(clock, START + 71n);
    assert.deepEqual(open(), [3, 3], "the cancelled one is dropped");
    await passTo(clock, START + 81n);
    assert.deepEqual(open(), [3, 2], "so is the expired one");
    await passTo(clock, START + 2n * LENGTH + LAG);
    assert.equal(venue.isFresh(clock.now()), false);
    assert.equal(await send(venue, bob.order("sell", 1n, 100_000n)), "pricesNotFresh");
    assert.equal(await send(venue, bob.withdrawal(5n)), "pricesNotFresh");
    await passTo(clock, START + 141n);
    const items = Array<string>(8).fill("item +66");
    const before = ["reprice +5", "deposits +5", ...items, "close 0 +70", "close 0 +80", "item +125", "item +125"];
    assert.deepEqual(await logOf(storage), before);
    await priceNow(venue);
    await passTo(clock, START + 172n);
    assert.deepEqual(await logOf(storage), [...before, "reprice +141", "close 0 +150", "close 4 +150"]);
    assert.deepEqual(open(), [1, 0]);
    assert.deepEqual(
      [alice, bob].map(({ index }) => venue.account(index)!.positions[0]),
      [2n, -2n],
    );
    await venue.close();
  });

  it("are whole in every epoch where one feed lies, and what expires is settled", async () => {
    const { venue, clock } = await openMinutely();
    const say = async (epoch: bigint, numbers: Partial<Numbers> = {}) => {
      const honest = reportsFor(venue, { epoch, premium: NO_PREMIUM + 800n, ...numbers });
      for (const report of [lie(honest[0]), ...honest.slice(1)]) venue.feeds.add(report);
      await until(venue, () => venue.terms.prices.epoch === epoch);
      assert.deepEqual(new Set(venue.terms.prices.stale), new Set([false]));
    };
    for (const epoch of [FIRST, FIRST + 1n, FIRST + 2n]) {
      clock.set(epoch * LENGTH + LAG);
      await say(epoch);
    }
    assert.equal(venue.terms.prices.funding, 100n);
    clock.set(EXPIRY + LAG);
    await say(EXPIRY / LENGTH, settling(venue));
    assert.deepEqual(venue.terms.prices.payoffs.slice(0, 3), [0n, 3_001n, 1n]);
    await venue.close();
  });

  it("wait a few seconds for who is missing where they would be stale, and are made without then", async () => {
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore() });
    const say = (epoch: bigint) => {
      const honest = reportsFor(venue, { epoch });
      for (const report of [lie(honest[0]), honest[1], honest[2]]) venue.feeds.add(report);
      return honest[3];
    };
    const last = say(FIRST);
    await passTo(clock, START + LAG + 2n);
    assert.equal(venue.terms.prices.epoch, 0n);
    venue.feeds.add(last);
    await until(venue, () => venue.terms.prices.epoch === FIRST);
    assert.equal(venue.terms.prices.stale[0], false);
    await passTo(clock, START + LENGTH);
    say(FIRST + 1n);
    await passTo(clock, START + LENGTH + 20n);
    assert.equal(venue.terms.prices.stale[0], true);
    const at = LENGTH + (PATIENCE > LAG ? PATIENCE : LAG);
    assert.deepEqual(await logOf(storage), [`reprice +${LAG + 2n}`, `reprice +${at}`]);
    assert.deepEqual(
      venue.feeds.status.map(({ lacked, missed }) => [lacked, missed]),
      [
        [3, 0],
        [0, 0],
        [0, 0],
        [0, 1],
      ],
    );
    await venue.close();
  });

  it("that halt let nothing trade until the next ones", async () => {
    const [alice] = traders(1);
    const { venue, clock } = await openMinutely();
    await priceNow(venue);
    await venue.deposit([alice.deposit]);
    clock.advance(LENGTH);
    await priceNow(venue, { index: 130_000n });
    assert.equal(venue.terms.prices.halted, true);
    assert.equal(await send(venue, alice.order("buy", 1n, 130_000n)), "pricesNotFresh");
    clock.advance(LENGTH);
    await priceNow(venue, { index: 129_000n });
    assert.equal(await send(venue, alice.order("buy", 1n, 129_000n)), "admitted");
    await venue.close();
  });
});

/** Alice buys of Bob: two of the perpetual, three calls; funding is paid; then the call expires at 103,000. */
async function life(storage: Store, { prover }: { prover?: ReturnType<typeof simulatedProver>["prover"] } = {}) {
  const [alice, bob, carol] = traders(3);
  const opened = await openMinutely({ storage, ...(prover ? { prover } : {}) });
  const { venue, clock } = opened;
  await priceNow(venue);
  await venue.deposit([alice.deposit, bob.deposit, carol.deposit]);
  const mark = venue.terms.prices.markets[1]!.mark;
  for (const item of [
    alice.order("buy", 2n, 100_000n),
    bob.order("sell", 2n, 100_000n),
    alice.order("buy", 3n, mark, { market: CALL }),
    bob.order("sell", 3n, mark, { market: CALL }),
  ])
    assert.equal(await send(venue, item), "admitted");
  await passTo(clock, START + 11n);
  assert.deepEqual(venue.account(alice.index)!.positions.slice(0, 3), [2n, 3n, 0n]);
  clock.set(START + 2n * LENGTH + LAG);
  await priceNow(venue, { premium: NO_PREMIUM + 800n });
  return { ...opened, alice, bob, carol };
}

/** What the feeds say once the options have expired. */
const settling = (venue: Venue) => {
  const [average, sigma] = [103_000n, (60n << 24n) / 100n];
  const values = venue.terms.rules.instruments.map((_, i) => (i === 0 ? average : i < 3 ? 1n + average : 0n));
  return { index: average, average, sigma, values };
};

describe("a venue's instruments", () => {
  it("pay funding and payoffs: told to whom it concerns, and booked once", async () => {
    const { venue, clock, alice, bob, carol, storage } = await life(lastingStore());
    const history = async (trader: Trader) =>
      (await venue.history(trader.index)).filter(({ kind }) => kind === "funding" || kind === "settlement");
    const told: unknown[] = [];
    venue.subscribe((event) => void (event.kind === "booked" && told.push(event.entry)));
    // floor(800 / 8) a lot, longs pay.
    const at = { n: 8, time: `${START + 125n}` };
    const funding = { kind: "funding", ...at, rate: "100" };
    assert.deepEqual(await history(alice), [{ account: alice.index, ...funding, lots: "2", cash: "-200" }]);
    assert.deepEqual(await history(bob), [{ account: bob.index, ...funding, lots: "-2", cash: "200" }]);
    assert.equal(venue.terms.prices.funding, 100n);

    const before = [alice, bob, carol].map(({ index }) => venue.account(index)!);
    clock.set(EXPIRY + LAG);
    await priceNow(venue, settling(venue));
    // The last report was of an even epoch, and the premium of this one is 0.
    assert.equal(venue.terms.prices.funding, 100n);
    assert.deepEqual(venue.terms.prices.payoffs.slice(0, 3), [0n, 3_001n, 1n]);
    await until(venue, () => venue.account(bob.index)!.positions[1] === 0n);
    const after = [alice, bob, carol].map(({ index }) => venue.account(index)!);
    assert.deepEqual(
      after.map(({ positions }) => positions.slice(0, 3)),
      [
        [2n, 0n, 0n],
        [-2n, 0n, 0n],
        [0n, 0n, 0n],
      ],
    );
    assert.deepEqual(
      after.map(({ cash }, i) => cash - before[i].cash),
      [9_000n, -9_000n, 0n],
    );
    const log = await logOf(storage);
    const folds = log.filter((line) => line.startsWith("fold"));
    assert.deepEqual(log.slice(-1 - folds.length), ["reprice +3605", ...folds]);
    const covered = folds.flatMap((line) => {
      const [, from, count] = /^fold (\d+)\+(\d+) /.exec(line)!.map(Number);
      return Array.from({ length: count }, (_, i) => from + i);
    });
    assert.equal(new Set(covered).size, covered.length, "no account is folded twice");
    for (const { index } of [alice, bob]) assert.ok(covered.includes(index));
    for (const [trader, lots, cash] of [
      [alice, "3", "9000"],
      [bob, "-3", "-9000"],
    ] as const) {
      const settlement = (await history(trader)).at(-1)!;
      const { n, ...rest } = settlement;
      assert.ok(log[n].startsWith("fold"));
      const positions = [{ instrument: 1, lots, payoff: "3000" }];
      const time = `${EXPIRY + LAG}`;
      assert.deepEqual(rest, { account: trader.index, kind: "settlement", time, cash, positions });
      assert.ok(told.some((entry) => JSON.stringify(entry) === JSON.stringify(settlement)));
    }
    assert.deepEqual(await history(carol), []);
    clock.advance(LENGTH);
    await priceNow(venue, { ...settling(venue), index: 104_000n, average: 104_000n });
    assert.equal((await logOf(storage)).at(-1), "reprice +3665", "nothing is left to fold");
    assert.equal(venue.terms.prices.payoffs[1], 3_001n, "a payoff stays");
    await venue.close();
  });

  it("a restart between a payoff and its folds leaves none out", async () => {
    const storage = lastingStore();
    let broken = false;
    const failing: Store = {
      ...storage,
      async append(records) {
        if (broken) throw new TacitError("STORAGE", "the disk is full");
        await storage.append(records);
        // What comes after the payoffs is lost.
        if (venue?.clock.now() >= EXPIRY) broken = true;
      },
    };
    let venue!: Venue;
    const first = await life(failing);
    ({ venue } = first);
    const { clock, alice, bob } = first;
    clock.set(EXPIRY + LAG);
    for (const report of reportsFor(venue, settling(venue))) venue.feeds.add(report);
    while (venue.health().status === "open") await turns(1);
    await venue.close();

    const { venue: again } = await openMinutely({ storage, clock });
    assert.deepEqual(again.terms.prices.payoffs.slice(0, 3), [0n, 3_001n, 1n]);
    assert.equal(again.account(alice.index)!.positions[1], 3n);
    clock.advance(LENGTH);
    await priceNow(again, settling(again));
    await until(again, () => again.account(bob.index)!.positions[1] === 0n);
    assert.equal(again.account(alice.index)!.positions[1], 0n);
    const settled = (await again.history(alice.index)).filter(({ kind }) => kind === "settlement");
    assert.equal(settled.length, 1);
    await again.close();
  });

  for (const [of, make] of [
    ["a snapshot", lastingStore],
    ["the journal alone", () => ({ ...memoryStore(), saveSnapshot: async () => {}, close: async () => {} })],
  ] as const)
    it(`are as they were after a restart from ${of}, and go on`, async () => {
      const { prover } = simulatedProver();
      const storage: Store = make();
      const { venue, clock, alice, bob } = await life(storage, { prover });
      clock.set(EXPIRY + LAG);
      await priceNow(venue, settling(venue));
      await until(venue, () => venue.account(bob.index)!.positions[1] === 0n);
      const state = async (of: Venue) => ({
        terms: of.terms,
        accounts: [0, 1, 2, 3, 4].map((index) => of.account(index)),
        log: of.health().logCount,
        changes: await of.changes(),
        history: await Promise.all([alice, bob].map(({ index }) => of.history(index))),
      });
      const before = await state(venue);
      assert.equal(before.changes.length, 3);
      assert.deepEqual(await venue.changes({ after: before.changes[0].n, limit: 1 }), [before.changes[1]]);
      await venue.close();
      const { venue: again } = await openMinutely({ storage, clock, prover });
      assert.deepEqual(await state(again), before);
      clock.advance(LENGTH);
      await priceNow(again, { ...settling(again), index: 104_000n, average: 104_000n });
      clock.advance(50n);
      await until(again, () => again.health().unproved === 0);
      const matcher = new Matcher(
        { ...minutely, profile: PROFILES[minutely.profile] },
        { view: (_, index) => again.account(index)!.view },
      );
      for await (const _ of replay(storage, matcher));
      assert.deepEqual(matcher.terms, again.terms);
      assert.deepEqual(
        matcher.accounts,
        [0, 1, 2, 3, 4].map((index) => again.account(index)),
      );
      await again.close();
    });

  it("reports of an epoch that a quorum was there of before a restart count no more than the prices made of them", async () => {
    const storage = lastingStore();
    const { venue, clock } = await openMinutely({ storage });
    await priceNow(venue);
    await venue.close();
    const { venue: again } = await openMinutely({ storage, clock });
    for (const report of reportsFor(again)) again.feeds.add(report);
    clock.advance(1n);
    await turns(20);
    assert.equal(again.health().logCount, 1);
    assert.throws(() => again.feeds.add(reportsFor(again, { epoch: FIRST + 1n })[0]), hasCode("EARLY"));
    await again.close();
  });
});
