// Goal: an operator is told how far proofs are behind, and that they do not keep up before orders are turned away.
// Method: a count by a clock of its own; and a venue whose prover stands still, whose health is read.
import assert from "node:assert/strict";
import { overrunInWords } from "../../src/cli/venue/watch.ts";
import { Pace } from "../../src/venue/proving/pace.ts";
import { eventOf, INTERVAL, openTestVenue, simulatedProver, traders } from "./fixture.ts";

describe("how proofs keep up", () => {
  const most = { proofs: 1_000, entries: 4_000 };
  const backlog = (proofs: number, entries = 0, oldest: bigint | null = null) => {
    return { proofs, ended: proofs, entries, oldest, most };
  };

  it("is told by what was asked for and made in the last two minutes", () => {
    const pace = new Pace();
    assert.deepEqual(pace.report(backlog(0), 1_000n), { lagSeconds: 0, waiting: 0, askedPerSecond: 0, madePerSecond: 0, asked: 0, made: 0, doneIn: 0, limitedBy: null, busyIn: null }); // prettier-ignore
    for (let second = 0n; second < 60n; second++) {
      pace.ask(3, 1_000n + second);
      pace.make(1_000n + second);
    }
    const { askedPerSecond, madePerSecond, asked, made, doneIn, busyIn, lagSeconds, waiting } = pace.report(
      backlog(120, 0, 1_010n),
      1_059n,
    );
    assert.deepEqual({ askedPerSecond, madePerSecond, asked, made }, { askedPerSecond: 1.5, madePerSecond: 0.5, asked: 180, made: 60 }); // prettier-ignore
    assert.deepEqual({ lagSeconds, waiting, doneIn }, { lagSeconds: 49, waiting: 120, doneIn: 240 });
    const limits = [120, 0].map((ended) => pace.report({ ...backlog(120), ended }, 1_059n).limitedBy);
    assert.deepEqual(limits, ["prover", "round"]);
    assert.equal(busyIn, 880, "one proof a second more, and room for 880");
    // Two minutes later nothing of that is recent.
    const later = pace.report(backlog(120, 0, 1_010n), 1_179n);
    assert.deepEqual([later.askedPerSecond, later.doneIn, later.busyIn], [0, null, null]);
    assert.deepEqual([later.asked, later.made], [180, 60]);
  });

  it("counts entries as well as proofs, and looks no further than an hour", () => {
    const pace = new Pace();
    pace.ask(120, 1_000n);
    assert.equal(pace.report(backlog(100, 2_000), 1_000n).busyIn, 100, "2,000 entries more, 20 to a proof");
    assert.equal(pace.report(backlog(2_000), 1_000n).busyIn, 0);
    const slow = new Pace();
    slow.ask(30, 1_000n);
    assert.equal(slow.report(backlog(30), 1_000n).busyIn, null, "in 3,880 s");
  });

  it("is said by tacit watch where proofs do not keep up, and only there", () => {
    const pace = new Pace();
    pace.ask(120, 1_000n);
    const said = (proofs: number) => overrunInWords({ proofs: pace.report(backlog(proofs, 0, 990n), 1_000n) });
    assert.equal(said(0), "proofs are 10 s behind and do not keep up: as things go, orders are turned away in 1,000 s");
    assert.equal(overrunInWords({ proofs: new Pace().report(backlog(5), 1_000n) }), null);
    for (const proofs of [null, undefined, "none", {}]) assert.equal(overrunInWords({ proofs }), null);
  });

  it("is in a venue's health", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const { venue, clock } = await openTestVenue({ prover, traders: [alice], limits: { unproved: 20 } });
    const proved = eventOf(venue, "round", () => venue.health().unproved === 0);
    clock.advance(40n);
    await proved;
    const idle = venue.health().proofs!;
    assert.deepEqual([idle.lagSeconds, idle.waiting, idle.doneIn, idle.busyIn], [0, 0, 0, null]);
    assert.ok(idle.made >= 1);
    for (let i = 0; i < 12; i++) {
      const { item, auth } = alice.order("buy", 1n, 100_000n, { thisAuction: true });
      await venue.submit(item, auth);
    }
    const { time } = venue.health();
    clock.advance(INTERVAL - 1n - (clock.now() - time));
    const behind = venue.health().proofs!;
    assert.ok(behind.waiting > 0);
    assert.equal(behind.limitedBy, "round", "it has not ended");
    assert.equal(behind.lagSeconds, Number(INTERVAL - 1n));
    assert.notEqual(behind.busyIn, null, "eight entries more, and they came in a second");
    await venue.close();
  });

  it("is not told where nothing is proved", async () => {
    const { venue } = await openTestVenue({ traders: traders(1) });
    assert.equal(venue.health().proofs, null);
    await venue.close();
  });
});
