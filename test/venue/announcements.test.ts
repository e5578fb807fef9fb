// Goal: rules come into force as they were announced: after their timelock, in their order, within 30 days, or not at all; and
// what may not follow leaves all as it was.
// Method: announcements in a store, on a clock that stands; then a venue that applies them, by its log and its terms, and one
// that is started anew at each moment between.
import assert from "node:assert/strict";
import { publicKey, sign } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { MARKET_STATE } from "../../src/protocol/parameters.ts";
import { reportHash } from "../../src/protocol/report.ts";
import { rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { ANNOUNCED_FOR, Announcements, TIMELOCK } from "../../src/venue/announcements.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import type { Store } from "../../src/venue/store/store.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { hasCode } from "../hasCode.ts";
import { gate, lastingStore, ManualClock, START, traders, turns } from "./fixture.ts";
import { LENGTH, logOf, minutely, openMinutely, priceNow, reportsFor, until } from "./repricing.ts";

/** These rules with another band in the market of slot 0. */
function withBand(band: bigint, rules: Rules = minutely.rules): Rules {
  return { ...rules, markets: rules.markets.map((row, slot) => (row && slot === 0 ? { ...row, band } : row)) };
}
const bandOf = (venue: Venue) => venue.terms.rules.markets[0]!.band;

describe("announcements", () => {
  function setting(store = memoryStore(), clock = new ManualClock(START)) {
    const profile = PROFILES[minutely.profile];
    return { store, clock, announcements: new Announcements({ store, clock, profile, timelock: 100n }) };
  }

  it("may be withdrawn until their timelock has run, and come into force from then on, in order", async () => {
    const { announcements, clock } = setting();
    const [first, second] = [withBand(1_000n), withBand(2_000n)];
    assert.deepEqual(await announcements.announce(first, minutely, { "101": "a name" }), {
      n: 1,
      root: rulesRoot(first),
      rules: first,
      names: { "101": "a name" },
      announced: START,
      from: START + 100n,
      state: "waiting",
    });
    clock.advance(10n);
    await announcements.announce(second, minutely);
    assert.throws(() => announcements.requireDue(1), hasCode("ANNOUNCEMENT"));
    clock.advance(89n);
    assert.throws(() => announcements.requireDue(1), hasCode("ANNOUNCEMENT"));
    clock.advance(1n);
    assert.equal(announcements.requireDue(1).root, rulesRoot(first));
    await assert.rejects(announcements.withdraw(1), hasCode("ANNOUNCEMENT"));
    clock.advance(9n);
    assert.equal((await announcements.withdraw(2)).state, "withdrawn");
    await assert.rejects(announcements.withdraw(2), hasCode("ANNOUNCEMENT"));
    await assert.rejects(announcements.withdraw(3), hasCode("ANNOUNCEMENT"));
    await announcements.announce(second, minutely);
    clock.advance(200n);
    await announcements.apply(1, async ({ rules }) => rules === first);
    assert.throws(() => announcements.requireDue(1), hasCode("ANNOUNCEMENT"));
    assert.equal(announcements.requireDue(3).n, 3);
    assert.deepEqual(
      announcements.all.map(({ n, state }) => [n, state]),
      [
        [1, "applied"],
        [2, "withdrawn"],
        [3, "waiting"],
      ],
    );
  });

  it("are taken back or applied, whichever was first, though the disk is slow", async () => {
    const base = memoryStore();
    let disk = Promise.resolve();
    const store: Store = { ...base, put: (documents) => disk.then(() => base.put(documents)) };
    const { announcements, clock } = setting(store);
    await announcements.announce(withBand(1_000n), minutely);
    clock.advance(99n);
    const held = gate();
    disk = held.passed;
    const taken = announcements.withdraw(1);
    await turns(1);
    clock.advance(1n);
    const configured: unknown[] = [];
    const applied = announcements.apply(1, async ({ rules }) => configured.push(rules) > 0);
    await turns(1);
    held.pass();
    assert.equal((await taken).state, "withdrawn");
    await assert.rejects(applied, hasCode("ANNOUNCEMENT"));
    assert.deepEqual(configured, []);
  });

  it("that are the same rules are each applied for itself, also after an end", async () => {
    const { announcements, store, clock } = setting();
    const same = withBand(1_000n);
    for (let i = 0; i < 2; i++) await announcements.announce(same, minutely);
    clock.advance(100n);
    await announcements.apply(1, async () => true);
    const { announcements: again } = setting(store, clock);
    await again.load();
    for (const [entries, states] of [
      [1, ["applied", "waiting"]],
      // The log has the second as well.
      [2, ["applied", "applied"]],
    ] as const) {
      await again.resume(rulesRoot(same), async () => entries);
      assert.deepEqual(
        again.all.map(({ state }) => state),
        states,
      );
    }
  });

  it("that are the same rules as others come into force in their order, as the contract has it, whichever is asked for", async () => {
    const { announcements, store, clock } = setting();
    const [same, other, last] = [1_000n, 2_000n, 3_000n].map((band) => withBand(band));
    for (const rules of [same, other, same, last]) await announcements.announce(rules, minutely);
    clock.advance(100n);
    assert.equal(await announcements.apply(3, async () => true), 1);
    const states = ["applied", "waiting", "waiting", "waiting"];
    const statesOf = (it: typeof announcements) => it.all.map(({ state }) => state);
    assert.deepEqual(statesOf(announcements), states);
    // The contract says the same; then the last is in the log, and an end comes before it is marked.
    const changed = { kind: "changed", n: 1, root: rulesRoot(same), block: 6n } as const;
    await announcements.read({ events: [changed], next: { block: 7n, announced: 4 }, complete: true });
    const { announcements: again } = setting(store, clock);
    await again.load();
    await again.resume(rulesRoot(last), async () => 2);
    assert.deepEqual(statesOf(again), ["applied", "passedOver", "passedOver", "applied"]);
  });

  it("wait on where they were not brought into force after all", async () => {
    const { announcements, clock } = setting();
    await announcements.announce(withBand(1_000n), minutely);
    clock.advance(100n);
    assert.equal(await announcements.apply(1, async () => false), null);
    assert.equal(await announcements.apply(1, async () => true), 1);
  });

  it("are good for 30 days, and stand in nobody's way after", async () => {
    const { announcements, clock } = setting();
    await announcements.announce(withBand(1_000n), minutely);
    clock.advance(50n);
    await announcements.announce(withBand(2_000n), minutely);
    clock.set(START + 100n + ANNOUNCED_FOR);
    assert.equal(announcements.requireDue(1).n, 1);
    clock.advance(1n);
    assert.throws(() => announcements.requireDue(1), hasCode("ANNOUNCEMENT"));
    assert.equal(announcements.requireDue(2).n, 2);
  });

  it("are passed over where a later one comes into force before them", async () => {
    const { announcements, store, clock } = setting();
    for (const band of [1_000n, 2_000n, 3_000n]) await announcements.announce(withBand(band), minutely);
    clock.advance(100n);
    await announcements.apply(2, async () => true);
    const states = ["passedOver", "applied", "waiting"];
    assert.deepEqual(
      announcements.all.map(({ state }) => state),
      states,
    );
    await assert.rejects(
      announcements.apply(1, async () => true),
      hasCode("ANNOUNCEMENT"),
    );
    const { announcements: again } = setting(store, clock);
    await again.load();
    assert.deepEqual(
      again.all.map(({ state }) => state),
      states,
    );
    // An end came after the third was in force.
    await again.resume(rulesRoot(withBand(3_000n)), async () => 2);
    assert.equal(again.all[2].state, "applied");
  });

  it("are refused where they could never follow, whoever holds what", async () => {
    const { announcements } = setting();
    const { rules } = minutely;
    const with1 = (change: Partial<NonNullable<Rules["markets"][0]>>) => ({
      ...rules,
      markets: rules.markets.map((row, slot) => (row && slot === 1 ? { ...row, ...change } : row)),
    });
    const listed = { ...rules.markets[0]!, id: 200n };
    const list = (greatest: bigint, id = 200n) => ({
      ...rules,
      group: { ...rules.group, greatestId: greatest },
      markets: rules.markets.with(5, { ...listed, id }),
    });
    for (const [refused, field] of [
      [with1({ until: START }), /until/],
      [with1({ tick: 1n }), /tick/],
      [list(250n), /greatestId/],
    ] as const)
      await assert.rejects(announcements.announce(refused, minutely), { code: "RULES", message: field });
    // The next follows what waits, or what is in force: one that cannot come into force keeps no halt waiting.
    await announcements.announce(list(200n), minutely);
    await announcements.announce(
      { ...list(201n, 201n), markets: list(200n).markets.with(6, { ...listed, id: 201n }) },
      minutely,
    );
    const halted = {
      ...rules,
      markets: rules.markets.with(0, { ...rules.markets[0]!, state: BigInt(MARKET_STATE.halted) }),
    };
    await announcements.announce(halted, minutely);
    await assert.rejects(announcements.announce(list(200n, 150n), minutely), { code: "RULES", message: /id/ });
    assert.equal(announcements.all.length, 3);
  });

  it("are kept, and numbered one after the other, even when made at once", async () => {
    const { announcements, store, clock } = setting();
    const made = await Promise.all(
      [1_000n, 2_000n, 3_000n].map((band) => announcements.announce(withBand(band), minutely)),
    );
    assert.deepEqual(
      made.map(({ n }) => n),
      [1, 2, 3],
    );
    await announcements.withdraw(2);
    const { announcements: again } = setting(store, clock);
    await again.load();
    assert.deepEqual(again.all, announcements.all);
    assert.equal((await again.announce(withBand(4_000n), minutely)).n, 4);
  });

  it("are rules, and are there once they are kept", async () => {
    const base = memoryStore();
    let fails = false;
    const store: Store = {
      ...base,
      async put(documents) {
        if (fails) throw new TacitError("STORAGE", "the disk is full");
        await base.put(documents);
      },
    };
    const { announcements } = setting(store);
    await assert.rejects(announcements.announce(withBand(-1n), minutely), hasCode("OUT_OF_RANGE"));
    fails = true;
    await assert.rejects(announcements.announce(withBand(1_000n), minutely), hasCode("STORAGE"));
    assert.deepEqual(announcements.all, []);
    fails = false;
    assert.equal((await announcements.announce(withBand(1_000n), minutely)).n, 1);
  });
});

describe("a venue's rules", () => {
  it("change as announced: in the log, in the history of changes, and prices are made anew under them", async () => {
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore() });
    await priceNow(venue);
    const told: string[] = [];
    venue.subscribe((event) => {
      if (event.kind === "announcement") told.push(`${event.announcement.n} ${event.announcement.state}`);
      if (event.kind === "change") told.push(event.change.kind);
    });
    const after = withBand(1_000n);
    assert.equal((await venue.announce(after)).from, START + 5n + TIMELOCK);
    await assert.rejects(venue.applyRules(1), hasCode("ANNOUNCEMENT"));
    clock.advance(TIMELOCK);
    await priceNow(venue);
    const { prices } = venue.terms;
    assert.equal((await venue.applyRules(1)).state, "applied");
    assert.equal(bandOf(venue), 1_000n);
    assert.equal(venue.isFresh(clock.now()), false);
    // What the feeds have said of this epoch is good for these contracts.
    clock.advance(1n);
    await until(venue, () => venue.terms.prices.rules === rulesRoot(after));
    assert.equal(venue.isFresh(clock.now()), true);
    assert.deepEqual(venue.terms.prices, { ...prices, rules: rulesRoot(after) });
    assert.deepEqual(await logOf(storage), ["reprice +5", "reprice +65", "rules +65", "reprice +66"]);
    assert.deepEqual(told, ["1 waiting", "reprice", "rules", "1 applied", "reprice"]);
    const changes = await venue.changes();
    assert.deepEqual(
      changes.map(({ kind, n }) => [kind, n]),
      [
        ["reprice", 0],
        ["reprice", 1],
        ["rules", 2],
        ["reprice", 3],
      ],
    );
    await venue.close();
  });

  it("are never stamped before their timelock has run, however long the turn that brings them takes", async () => {
    const base = lastingStore();
    let disk = Promise.resolve();
    const storage = {
      ...base,
      append: (records: Parameters<Store["append"]>[0]) => disk.then(() => base.append(records)),
    };
    const { venue, clock } = await openMinutely({ storage, timelock: 56n });
    await priceNow(venue);
    clock.advance(5n);
    const { from } = await venue.announce(withBand(1_000n));
    // Prices are due a second before, and the disk takes that second.
    clock.set(from - 1n);
    const held = gate();
    disk = held.passed;
    for (const report of reportsFor(venue).slice(0, 3)) venue.feeds.add(report);
    await turns(5);
    clock.set(from);
    const applied = venue.applyRules(1);
    await turns(5);
    held.pass();
    assert.equal((await applied).state, "applied");
    assert.deepEqual(await logOf(base), ["reprice +5", "reprice +65", "rules +66"]);
    await venue.close();
  });

  it("come into force once, however often they are asked for at a time", async () => {
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore(), timelock: 0n });
    await venue.announce(withBand(1_000n));
    await venue.announce(withBand(2_000n));
    const all = await Promise.allSettled([1, 1, 1].map((n) => venue.applyRules(n)));
    assert.deepEqual(all.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
    for (const it of all) if (it.status === "rejected") assert.equal(it.reason.code, "ANNOUNCEMENT");
    assert.deepEqual([bandOf(venue), await logOf(storage)], [1_000n, ["rules +5"]]);
    clock.advance(1n);
    await venue.applyRules(2);
    assert.equal(bandOf(venue), 2_000n);
    assert.equal(venue.health().status, "open");
    await venue.close();
  });

  it("that may not follow leave all as it was", async () => {
    const [alice] = traders(1);
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore(), timelock: 0n });
    await priceNow(venue);
    await venue.deposit([alice.deposit]);
    const { item, auth } = alice.order("buy", 1n, 99_000n);
    await venue.submit(item, auth);
    const dearer: Rules = {
      ...minutely.rules,
      markets: minutely.rules.markets.map((row, slot) =>
        row && slot === 0 ? { ...row, feeRate: row.feeRate + 1n } : row,
      ),
    };
    await venue.announce(dearer);
    const before = { terms: venue.terms, log: await logOf(storage), orders: venue.orders(alice.index) };
    await assert.rejects(venue.applyRules(1), { code: "RULES", message: /markets\[0\]\.feeRate/ });
    assert.deepEqual({ terms: venue.terms, log: await logOf(storage), orders: venue.orders(alice.index) }, before);
    assert.deepEqual([venue.announcements[0].state, venue.health().ok], ["waiting", true]);
    // Once the market is empty, they may.
    const cancel = alice.cancel();
    await venue.submit(cancel.item, cancel.auth);
    clock.advance(10n);
    await until(venue, () => venue.orders(alice.index).length === 0);
    await venue.applyRules(1);
    assert.equal(rulesRoot(venue.terms.rules), rulesRoot(dearer));
    await venue.close();
  });

  it("with other keys of feeds count from then on, and what the old ones have signed no more", async () => {
    const { venue, clock } = await openMinutely({ timelock: 0n });
    await priceNow(venue);
    const secrets = [1, 2].map((byte) => new Uint8Array(32).fill(200 + byte));
    const feeds = minutely.rules.group.feeds.map((key, feed) => (feed < 2 ? publicKey(secrets[feed]) : key));
    await venue.announce({ ...minutely.rules, group: { ...minutely.rules.group, feeds } });
    await venue.applyRules(1);
    clock.advance(1n);
    await turns(20);
    assert.equal(venue.health().reason, null);
    assert.notEqual(venue.terms.prices.rules, rulesRoot(venue.terms.rules));
    const reports = reportsFor(venue);
    for (const feed of [2, 3]) assert.equal(venue.feeds.add(reports[feed]), feed === 3, "known, or new");
    assert.throws(() => venue.feeds.add(reports[0]), hasCode("REPORT"));
    const { report } = reports[0];
    venue.feeds.add({ feed: 0, report, auth: sign(secrets[0], reportHash(report)) });
    await until(venue, () => venue.terms.prices.rules === rulesRoot(venue.terms.rules));
    await venue.close();
  });

  /** A store that keeps no announcement any more, once it fails. */
  function failing(base: Store) {
    const it = { fails: false };
    const storage: Store = {
      ...base,
      async put(documents) {
        if (it.fails && Object.keys(documents).some((name) => name.startsWith("announcement/")))
          throw new TacitError("STORAGE", "the disk is full");
        await base.put(documents);
      },
    };
    return { storage, it };
  }

  it("that came into force just before an end are marked so at the next start", async () => {
    const base = lastingStore();
    const { storage, it } = failing(base);
    const { venue, clock } = await openMinutely({ storage, timelock: 0n });
    await venue.announce(withBand(1_000n));
    await venue.announce(withBand(2_000n));
    it.fails = true;
    await assert.rejects(venue.applyRules(1));
    await venue.close().catch(() => {});
    const { venue: again } = await openMinutely({ storage: base, clock, timelock: 0n });
    assert.deepEqual(
      again.announcements.map(({ state }) => state),
      ["applied", "waiting"],
    );
    assert.equal(bandOf(again), 1_000n);
    await assert.rejects(again.applyRules(1), hasCode("ANNOUNCEMENT"));
    clock.advance(LENGTH);
    await again.applyRules(2);
    assert.deepEqual(
      (await again.changes()).map(({ kind }) => kind),
      ["rules", "rules"],
    );
    await again.close();
  });

  it("that are announced twice come into force twice, whenever an end comes between", async () => {
    // Those of the genesis as well: announced once, they are in force already, and not by that.
    for (const [rules, times] of [
      [withBand(1_000n), 2],
      [minutely.rules, 1],
    ] as const) {
      const base = lastingStore();
      let venue!: Venue;
      const clock = new ManualClock(START + 5n);
      const open = async (storage: Store = base) => ({ venue } = await openMinutely({ storage, clock, timelock: 0n }));
      const states = () => venue.announcements.map(({ state }) => state);
      await open();
      for (let i = 0; i < times; i++) await venue.announce(rules);
      for (let n = 1; n <= times; n++) {
        await venue.close();
        await open();
        assert.equal(states()[n - 1], "waiting", "it was in no entry so far");
        await venue.close();
        const { storage, it } = failing(base);
        await open(storage);
        clock.advance(LENGTH);
        it.fails = true;
        await assert.rejects(venue.applyRules(n));
        await venue.close().catch(() => {});
        await open();
        assert.equal(states()[n - 1], "applied");
        await assert.rejects(venue.applyRules(n), hasCode("ANNOUNCEMENT"));
      }
      const entries = (await logOf(base)).filter((line) => line.startsWith("rules"));
      assert.equal(entries.length, times);
      await venue.close();
    }
  });
});
