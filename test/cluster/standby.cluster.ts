// Goal: a venue that stands by knows what the other has acknowledged and takes nothing; once the other is gone it leads, and goes on where
// that has ended: nothing is lost, doubled or proved twice, and who was led out writes nothing more.
// Method: two venues on one server, the first by a way that can be cut.
import assert from "node:assert/strict";
import { openPostgresStandby, openPostgresStore } from "../../src/venue/store/postgres/postgresStore.ts";
import type { VenueOptions } from "../../src/venue/options.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { eventOf, gate, ManualClock, openTestVenue, simulatedProver, traders, turns } from "../venue/fixture.ts";
import { Server } from "./postgres.ts";
import { Proxy } from "./proxy.ts";

const OPTIONS = { copies: "oneDisk", lease: 1 } as const;

describe("a venue that stands by", () => {
  const server = new Server("one");
  let way: Proxy;
  let url: string;
  const opened: Venue[] = [];
  const open = async (options: Parameters<typeof openTestVenue>[0]) => {
    const { venue } = await openTestVenue(options);
    opened.push(venue);
    return venue;
  };
  const people = () => traders(2);
  const lead = async (options: Partial<VenueOptions> & { traders?: ReturnType<typeof people> } = {}) => {
    const at = url.replace(/:\d+\//, `:${way.port}/`);
    return open({ storage: await openPostgresStore(at, OPTIONS), ...options });
  };
  const standBy = async (options: Partial<VenueOptions> = {}) =>
    open({ storage: await openPostgresStandby(url, OPTIONS), ...options });
  /** Fulfilled when a venue has read so many entries. */
  const read = async (venue: Venue, count: number) => {
    while (venue.health().logCount < count) await eventOf(venue, "order");
  };

  before(() => server.start());
  beforeEach(async () => {
    url = await server.schema();
    way = new Proxy(server.port);
    await way.start();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((venue) => venue.close().catch(() => {})));
    await way.stop();
  });
  after(() => server.destroy());

  it("shows what the other has acknowledged, and takes and signs nothing", async () => {
    const [alice, bob] = people();
    const leader = await lead({ traders: [alice, bob] });
    const standby = await standBy();
    assert.deepEqual([standby.health().status, standby.health().ok], ["standby", false]);
    const { item, auth } = alice.order("buy", 3n, 100_000n);
    const told = eventOf(standby, "order");
    await leader.submit(item, auth);
    await told;
    assert.deepEqual(standby.orders(alice.index), leader.orders(alice.index));
    assert.deepEqual(standby.account(alice.index), leader.account(alice.index));
    assert.deepEqual(await standby.history(alice.index), await leader.history(alice.index));
    const { item: other, auth: signed } = bob.order("sell", 1n, 100_000n);
    const refused: Promise<unknown>[] = [
      standby.submit(other, signed),
      standby.answered(alice.index, 1n),
      standby.deposit([alice.deposit]),
      standby.announce(standby.terms.rules),
      standby.applyRules(0),
    ];
    for (const asked of refused) await assert.rejects(asked, { code: "STANDBY" });
    assert.throws(() => standby.surveys.start(), { code: "SURVEY" });
  });

  it("leads when the other ends, with all that was answered, and answers it as before", async () => {
    const [alice, bob] = people();
    const leader = await lead({ traders: [alice, bob] });
    const standby = await standBy();
    const first = alice.order("buy", 3n, 100_000n);
    const { receipt } = await leader.submit(first.item, first.auth);
    const leads = eventOf(standby, "leads");
    await leader.close();
    await leads;
    assert.deepEqual((await standby.submit(first.item, first.auth)).receipt, receipt);
    const second = bob.order("sell", 3n, 100_000n);
    const next = await standby.submit(second.item, second.auth);
    assert.deepEqual([next.receipt.n, next.receipt.previous], [receipt.n + 1n, receipt.head]);
    assert.equal(standby.health().status, "open");
  });

  it("leads when the other is cut off; that one says that it stops, and changes nothing when it is back", async () => {
    const [alice, bob] = people();
    const leader = await lead({ traders: [alice, bob] });
    const standby = await standBy();
    const first = alice.order("buy", 3n, 100_000n);
    await leader.submit(first.item, first.auth);
    const [leads, stops] = [eventOf(standby, "leads"), eventOf(leader, "stopped")];
    way.silence();
    await leads;
    const second = bob.order("sell", 3n, 100_000n);
    const { receipt } = await standby.submit(second.item, second.auth);
    way.restore();
    const late = alice.order("buy", 1n, 100_000n);
    await assert.rejects(leader.submit(late.item, late.auth), { code: "STOPPED" });
    await stops;
    const third = alice.order("buy", 1n, 100_000n, { nonce: 2n });
    assert.equal((await standby.submit(third.item, third.auth)).receipt.n, receipt.n + 1n);
  });

  it("proves what the other has left, and nothing twice", async () => {
    const [alice, bob] = people();
    const { pass, passed } = gate();
    const [theirs, ours] = [simulatedProver(undefined, () => held), simulatedProver()];
    let held: Promise<void> = Promise.resolve();
    const limits = { roundSeconds: 1 };
    const clock = new ManualClock();
    const leader = await lead({ traders: [alice, bob], prover: theirs.prover, limits, clock });
    const standby = await standBy({ prover: ours.prover, limits });
    const first = alice.order("buy", 3n, 100_000n);
    await leader.submit(first.item, first.auth);
    clock.advance(1n);
    while (standby.health().proved < leader.health().logCount) await eventOf(standby, "round");
    // Either may be told of the round before it has assembled it.
    const proven = (venue: Venue) => venue.opening(alice.index)?.round ?? null;
    while (proven(leader) === null || proven(standby) !== proven(leader)) await turns(1);
    assert.deepEqual(standby.opening(alice.index), leader.opening(alice.index));
    assert.deepEqual(ours.made, []);
    held = passed;
    const second = bob.order("sell", 3n, 99_000n);
    await leader.submit(second.item, second.auth);
    clock.advance(1n);
    await read(standby, leader.health().logCount);
    const leads = eventOf(standby, "leads");
    const proved = eventOf(standby, "round");
    way.cut();
    await leads;
    await proved;
    assert.ok(ours.made.length > 0);
    const rounds = (await standby.rounds()).toReversed();
    assert.deepEqual(rounds.map(({ number }) => number), rounds.map((_, i) => i + 1)); // prettier-ignore
    rounds.slice(1).forEach(({ state }, i) => assert.equal(state, rounds[i].stateAfter));
    pass();
  });

  it("is asked again where its server is away, and tells why meanwhile", async () => {
    const [alice] = people();
    const leader = await lead({ traders: [alice] });
    const other = new Proxy(server.port);
    await other.start();
    const standby = await open({
      storage: await openPostgresStandby(url.replace(/:\d+\//, `:${other.port}/`), OPTIONS),
    });
    other.cut();
    const { item, auth } = alice.order("buy", 3n, 100_000n);
    await leader.submit(item, auth);
    while (standby.health().reason === "it stands by") await new Promise((resolve) => setImmediate(resolve));
    assert.match(standby.health().reason!, /ECONN|the connection is lost|no server takes writes/);
    const told = eventOf(standby, "order");
    other.restore();
    await told;
    await other.stop();
  });

  it("closes while it stands by, and leaves the other alone", async () => {
    const [alice] = people();
    const leader = await lead({ traders: [alice] });
    const standby = await standBy();
    await standby.close();
    assert.equal(standby.health().status, "closed");
    const { item, auth } = alice.order("buy", 3n, 100_000n);
    assert.equal((await leader.submit(item, auth)).verdict, "admitted");
  });
});
