// Goal: whatever fails beside a venue, disk, signer, clock, chain or prover, everybody who waits is answered, it can be closed,
// and the next start goes on; and what piles up meanwhile still goes to the chain in pieces that it takes.
// Method: one part at a time fails while somebody waits for it; who is not answered within many turns of the event loop, in
// which nothing else is to be done, hangs. Sizes of rounds are those of the instructions that the journal comes to.
import assert from "node:assert/strict";
import costs from "../../docs/costs.json" with { type: "json" };
import { secretScalar } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { receiptDefect } from "../../src/protocol/receipt.ts";
import type { Chain, ChainDeposit, ChainPoint } from "../../src/venue/chain/chain.ts";
import { systemClock } from "../../src/venue/clock.ts";
import { readJournal } from "../../src/venue/store/journal.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import { signaturesOf, type SignRequest } from "../../src/venue/signing/signatures.ts";
import { genesisState, startOf } from "../../src/venue/start.ts";
import type { Store } from "../../src/venue/store/store.ts";
import { DEFAULT_LIMITS, type Limits, type VenueEvent } from "../../src/venue/options.ts";
import { type Venue } from "../../src/venue/venue.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import {
  DEPOSIT,
  eventOf,
  gate,
  genesis,
  INTERVAL,
  lastingStore,
  ManualClock,
  openTestVenue,
  PERP,
  replay,
  SECRET,
  SIGNER,
  simulatedProver,
  traders,
  turns,
  type Trader,
} from "./fixture.ts";
import { hasCode } from "../hasCode.ts";

const TURNS = 20_000;
/** Half of what one transaction takes: its gas is bounded by EIP-7825. */
const MOST_PROOFS = Math.floor(16_000_000 / costs.gas.perInstruction / 2);

const full = () => Promise.reject(new TacitError("STORAGE", "the disk is full", { reason: "full" }));
const never = new Promise<never>(() => {});

/** Nothing here waits for anything but turns of the event loop: what has not ended after so many never will. */
async function ends<T>(promise: Promise<T>, what: string): Promise<T> {
  let over = false;
  const hangs = async () => {
    for (let i = 0; i < TURNS && !over; i++) await turns(1);
    if (!over) assert.fail(`${what} hangs`);
    return never;
  };
  return Promise.race([promise.finally(() => (over = true)), hangs()]);
}

/** A store that can be opened again, of which methods can be made to fail. */
function failingStore() {
  const storage = lastingStore();
  const fails: { [Name in keyof Store]?: Store[Name] } = {};
  const store = Object.fromEntries(
    Object.entries(storage).map(([name, value]) => [
      name,
      typeof value === "function"
        ? (...given: unknown[]) => ((fails[name as keyof Store] ?? value) as (...given: unknown[]) => unknown)(...given)
        : value,
    ]),
  ) as unknown as Store;
  return { storage, store, fails };
}

const submit = (venue: Venue, { item, auth }: ReturnType<Trader["cancel"]>) => venue.submit(item, auth);

/** Fulfilled when all that is in the log is proved. */
async function proved(venue: Venue): Promise<void> {
  const settled = () => venue.health().unproved === 0;
  if (!settled()) await ends(eventOf(venue, "round", settled), "the proving");
}

/** A contract that stands at the first state until it is told otherwise, and the deposits that it was given. */
function standingChain() {
  const state = genesisState(genesis, SECRET);
  const point: ChainPoint = { block: 9n, blockTime: 1n, state, logCount: 0n, time: 0n, nonce: 0 };
  const deposits: ChainDeposit[] = [];
  const it = { point, deposits, onDeposits: async () => {} };
  const chain: Chain = {
    open: async () => ({
      chainId: 1,
      address: "0x01",
      account: "0x02",
      token: "0x05",
      maxLag: 1n << 39n,
      announcer: null,
      timelock: 0n,
      confirmedState: it.point.state,
    }),
    rules: async () => ({ events: [], next: { block: 0n, announced: 0 }, complete: true }),
    announcement: async () => undefined,
    status: async () => ({ latest: it.point, confirmed: it.point }),
    async deposits(after) {
      await it.onDeposits();
      return deposits.slice(after);
    },
    estimate: async ({ instructions }) => ({ ok: true, gas: 99_000n * BigInt(instructions.length) }),
    fees: async () => ({ maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }),
    sign: async () => ({ raw: "0x03", hash: "0x04" }),
    broadcast: async () => "sent",
    receipt: async () => undefined,
  };
  const deposit = (trader: Trader) => deposits.push({ ...trader.deposit, n: deposits.length + 1, head: 1n });
  return { chain, it, deposit };
}

/** Instructions of each round that the journal marks. */
async function sizesOfRounds(storage: Store): Promise<number[]> {
  const { matcher } = await startOf({ genesis, secret: SECRET, signer: SIGNER, storage: memoryStore() });
  const ledger = new Ledger({ ...genesis, profile: PROFILES[genesis.profile], blind: () => 0n });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret: secretScalar(SECRET) });
  const sizes: number[] = [];
  for await (const { entry, events } of replay(storage, matcher)) {
    for (const event of events) builder.add(event);
    if (entry.kind === "round") sizes.push(builder.close().length);
  }
  assert.equal(builder.close().length, 0, "the last round is marked");
  return sizes;
}

describe("venue: when the disk fails", () => {
  it("rejects a deposit that cannot be written, and those that wait behind it", async () => {
    const [alice, bob, carol] = traders(3);
    const { storage, store, fails } = failingStore();
    const { venue } = await openTestVenue({ storage: store, traders: [alice] });
    fails.append = full;
    const deposits = [bob, carol].map(({ deposit }) => venue.deposit([deposit]));
    const results = await ends(Promise.allSettled(deposits), "a deposit");
    for (const result of results) assert.ok(result.status === "rejected" && hasCode("STOPPED")(result.reason));
    await assert.rejects(ends(venue.deposit([bob.deposit]), "a deposit"), hasCode("STOPPED"));
    await ends(venue.close(), "close()");
    const again = await openTestVenue({ storage });
    assert.equal(again.venue.health().accounts, 3);
    await again.venue.close();
  });

  it("closes though the disk was full when a deposit came from the chain", async () => {
    const { storage, store, fails } = failingStore();
    const { chain, deposit } = standingChain();
    const { venue, clock } = await openTestVenue({ storage: store, chain: { chain, pollSeconds: 1 } });
    const stopped = eventOf(venue, "stopped");
    fails.append = full;
    deposit(traders(1)[0]);
    clock.advance(2n);
    assert.equal((await ends(stopped, "the look at the chain")).error.code, "STORAGE");
    await ends(venue.close(), "close()");
    assert.equal(await storage.last(), -1);
  });

  it("closes though deposits came from the chain after it had stopped", async () => {
    const [alice, bob] = traders(2);
    const { store, fails } = failingStore();
    const { chain, it, deposit } = standingChain();
    deposit(alice);
    const { venue, clock } = await openTestVenue({ storage: store, chain: { chain, pollSeconds: 1 } });
    while (!venue.account(alice.index)) await turns(1);
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      it.onDeposits = () => {
        resolve();
        return new Promise<void>((resolve) => (answer = resolve));
      };
    });
    clock.advance(2n);
    await ends(asked, "the look at the chain");
    fails.append = full;
    await assert.rejects(submit(venue, alice.cancel()), hasCode("STOPPED"));
    deposit(bob);
    answer();
    await turns(10);
    await ends(venue.close(), "close()");
  });

  it("closes though the store fails while kept proofs are looked up", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const { storage, store, fails } = failingStore();
    const { venue } = await openTestVenue({ storage: store, prover, traders: [alice] });
    fails.list = (prefix, options) =>
      prefix.startsWith("proof/")
        ? Promise.reject(new TacitError("STORAGE", "a document is damaged"))
        : storage.list(prefix, options);
    await ends(venue.close(), "close()");
    const again = await openTestVenue({ storage, prover });
    await proved(again.venue);
    await again.venue.close();
  });

  it("answers no item with the record of another, wherever the store finds it", async () => {
    const [alice] = traders(1);
    const { store, fails } = failingStore();
    const first = await openTestVenue({ storage: store, traders: [alice] });
    const orders = [1n, 2n].map((size) => alice.order("buy", size, 100_000n));
    for (const order of orders) await submit(first.venue, order);
    // With a snapshot, so that the next one has to look into its store.
    await first.venue.close();
    const { venue } = await openTestVenue({ storage: store });
    assert.equal((await submit(venue, orders[1])).receipt.n, 2n);
    const other = alice.order("buy", 3n, 100_000n, { nonce: 1n });
    await assert.rejects(submit(venue, other), hasCode("DECLINED"));
    for (const wrong of [0, 1]) {
      fails.find = async () => wrong;
      await assert.rejects(submit(venue, orders[1]), hasCode("JOURNAL_DAMAGED"));
    }
    delete fails.find;
    assert.equal((await submit(venue, orders[0])).receipt.n, 1n);
    await venue.close();
  });

  it("keeps no snapshot before what was told up to it is on disk", async () => {
    const people = traders(40);
    const { storage, store, fails } = failingStore();
    const missing: number[] = [];
    fails.saveSnapshot = async (snapshot, keep) => {
      const there = new Set((await storage.list("history/")).map(({ name }) => Number(name.split("/")[1])));
      missing.push(people.filter(({ index }) => !there.has(index)).length);
      await storage.saveSnapshot(snapshot, keep);
    };
    const { venue } = await openTestVenue({ storage: store, limits: { snapshotEvery: 2 }, traders: people });
    for (let i = 0; missing.length === 0; i++) {
      assert.ok(i < TURNS, "no snapshot");
      await turns(1);
    }
    assert.equal(missing[0], 0);
    const stopped = eventOf(venue, "stopped");
    const kept = missing.length;
    fails.put = full;
    await venue.deposit(people.map(({ deposit }) => deposit));
    assert.equal((await ends(stopped, "the failure")).error.code, "STORAGE");
    assert.equal(missing.length, kept);
    await venue.close().catch(() => {});
  });

  it("keeps what it tells of fills and deposits until it is written", async () => {
    const [alice, bob] = traders(2);
    const { store, fails } = failingStore();
    const { venue } = await openTestVenue({ storage: store, traders: [alice] });
    const stopped = eventOf(venue, "stopped");
    fails.put = full;
    await venue.deposit([bob.deposit]);
    // Written after a pause, which is longer than the turns of `ends`.
    assert.equal((await stopped).error.code, "STORAGE");
    await assert.rejects(venue.history(bob.index), hasCode("STORAGE"));
    delete fails.put;
    const told = await venue.history(bob.index);
    assert.deepEqual(
      told.map((entry) => entry.kind === "deposit" && entry.amount),
      [String(DEPOSIT)],
    );
    await venue.close();
  });

  it("tells nobody of a history that is still being written", async () => {
    const [alice, bob] = traders(2);
    const { storage, store, fails } = failingStore();
    const { venue } = await openTestVenue({ storage: store, traders: [alice] });
    const { pass, passed } = gate();
    fails.put = (documents) => passed.then(() => storage.put(documents));
    await venue.deposit([bob.deposit]);
    await turns(10);
    let early = true;
    const told = venue.history(bob.index).then((entries) => ({ entries, early }));
    await turns(10);
    early = false;
    pass();
    assert.deepEqual(await ends(told, "history()").then(({ entries, early }) => ({ entries: entries.length, early })), {
      entries: 1,
      early: false,
    });
    await venue.close();
  });
});

describe("venue: when it is closed, or another part fails", () => {
  it("closes once, however often it is asked to", async () => {
    const [alice] = traders(1);
    const { store } = failingStore();
    let closed = 0;
    const counting = { ...store, close: async () => void closed++ };
    const { venue, storage } = await openTestVenue({ storage: counting, traders: [alice] });
    await ends(Promise.all([venue.close(), venue.close()]), "close()");
    await ends(venue.close(), "close()");
    assert.equal(closed, 1);
    const kinds: string[] = [];
    for await (const { entry } of readJournal(storage)) kinds.push(entry.kind);
    assert.deepEqual(kinds, ["deposits", "round"]);
  });

  it("answers every item when the signer fails; what is in the log has its receipt after the next start", async () => {
    const people = traders(3);
    const storage = lastingStore();
    let left = Infinity;
    const sign = async (digest: Uint8Array) => (left-- > 0 ? SIGNER.sign(digest) : assert.fail("it is unplugged"));
    const { venue } = await openTestVenue({ storage, signer: { ...SIGNER, sign }, traders: people });
    const stopped = eventOf(venue, "stopped");
    const orders = people.map((trader) => trader.order("buy", 1n, 100_000n));
    left = 2;
    const told = [await submit(venue, orders[0])];
    const answers = await ends(Promise.allSettled(orders.slice(1).map((order) => submit(venue, order))), "an item");
    for (const answer of answers)
      if (answer.status === "fulfilled") told.push(answer.value);
      else assert.ok(hasCode("STOPPED")(answer.reason), String(answer.reason));
    assert.ok(told.length <= 2, "more is answered than could be signed");
    assert.match((await ends(stopped, "the failure")).error.message, /unplugged/);
    await ends(venue.close(), "close()");
    const again = await openTestVenue({ storage });
    const receipts = await Promise.all(orders.map((order) => submit(again.venue, order)));
    for (const { receipt } of told)
      assert.deepEqual(
        receipts.find((other) => other.receipt.n === receipt.n),
        { receipt, verdict: "admitted" },
      );
    assert.deepEqual(receipts.map(({ receipt }) => receipt.n).sort(), [1n, 2n, 3n]);
    assert.equal(again.venue.health().logCount, 4);
    await again.venue.close();
  });

  it("asks again for receipts when the thread that signs has died", async () => {
    const [alice] = traders(1);
    const living = signaturesOf(SIGNER);
    let deaths = 1;
    const dying = async (request: SignRequest) => {
      if (deaths-- > 0) throw new TacitError("THREAD_DIED", "it has died");
      return living.sign(request);
    };
    const signer = { ...living, sign: dying };
    const { venue } = await openTestVenue({ traders: [alice], signer });
    const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
    assert.equal(receiptDefect(receipt, SIGNER.address), null);
    deaths = 2;
    await assert.rejects(ends(submit(venue, alice.order("buy", 1n, 100_000n)), "an item"), hasCode("STOPPED"));
    await ends(venue.close(), "close()");
  });

  it("answers who sends again when the signer fails", async () => {
    const [alice] = traders(1);
    let bad = false;
    const sign = async (digest: Uint8Array) => (bad ? assert.fail("it is unplugged") : SIGNER.sign(digest));
    const { venue } = await openTestVenue({ traders: [alice], signer: { ...SIGNER, sign } });
    const order = alice.order("buy", 1n, 100_000n);
    await submit(venue, order);
    bad = true;
    await assert.rejects(ends(submit(venue, order), "an item"), hasCode("STOPPED"));
    await ends(venue.close(), "close()");
  });

  it("refuses limits with which it could not go on", async () => {
    const names = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
    const values = [0, -1, 0.5, 1.5, NaN, Infinity, 2 ** 53, "1" as unknown as number];
    // Each name has two of the values, and each value is tried.
    const cases = names.flatMap((name, i) => [i, i + 1].map((at) => ({ name, value: values[at % values.length] })));
    for (const { name, value } of cases)
      await assert.rejects(openTestVenue({ limits: { [name]: value } }), (error: TacitError) => {
        assert.equal(error.code, "OUT_OF_RANGE", `${name}: ${value}`);
        assert.match(error.message, new RegExp(`limits\\.${name}\\b`));
        return true;
      });
    const least = Object.fromEntries(names.map((name) => [name, 1]));
    const { venue } = await openTestVenue({ limits: least, traders: traders(1) });
    await venue.close();
  });
});

describe("venue: when the clock is set ahead", () => {
  /** The time of this machine, `ahead` milliseconds from what it was. */
  function shifted<T>(ahead: number, work: () => T): T {
    const { now } = Date;
    Date.now = () => now() + ahead;
    try {
      return work();
    } finally {
      Date.now = now;
    }
  }

  it("the system's clock follows small steps, and steps back, but no jump forward", () => {
    const hour = 3_600_000;
    const at = systemClock.now();
    for (const ahead of [-10 * 365 * 24 * hour, -2 * hour, 0, hour / 2]) {
      const now = shifted(ahead, () => systemClock.now());
      assert.ok(now >= at + BigInt(Math.floor(ahead / 1000)), `${ahead} ms ahead`);
    }
    for (const ahead of [2 * hour, 10 * 365 * 24 * hour])
      assert.throws(() => shifted(ahead, () => systemClock.now()), hasCode("CLOCK"));
    assert.ok(systemClock.now() >= at);
  });

  it("stamps nothing with such a time: it stops, and goes on after the next start", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const clock = new ManualClock();
    let jumped = false;
    const now = () => {
      if (jumped) throw new TacitError("CLOCK", "the clock was set ahead");
      return clock.now();
    };
    const jumping = { now, wake: clock.wake.bind(clock) };
    const { venue } = await openTestVenue({ storage, traders: [alice], clock: jumping });
    const stopped = eventOf(venue, "stopped");
    jumped = true;
    await assert.rejects(ends(submit(venue, alice.cancel()), "an item"), hasCode("STOPPED"));
    assert.equal((await stopped).error.code, "CLOCK");
    await ends(venue.close(), "close()");
    const again = await openTestVenue({ storage, clock });
    assert.equal(again.venue.health().logCount, 1);
    assert.equal((await submit(again.venue, alice.order("buy", 1n, 100_000n))).verdict, "admitted");
    await again.venue.close();
  });

  it("a look at the chain that ends in such a moment stops the venue, and nothing else", async () => {
    const clock = new ManualClock();
    let jumped = false;
    const now = () => {
      if (jumped) throw new TacitError("CLOCK", "the clock was set ahead");
      return clock.now();
    };
    const { chain, it } = standingChain();
    const jumping = { now, wake: clock.wake.bind(clock) };
    const { venue } = await openTestVenue({ clock: jumping, chain: { chain, pollSeconds: 1 } });
    const stopped = eventOf(venue, "stopped");
    it.onDeposits = async () => void (jumped = true);
    await turns(10);
    clock.advance(2n);
    assert.equal((await ends(stopped, "the look at the chain")).error.code, "CLOCK");
    await ends(venue.close(), "close()");
  });
});

describe("venue: when proofs trail", () => {
  it("keeps the snapshot that the next start needs, however often it is started meanwhile", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const clock = new ManualClock();
    let proving = async () => {};
    const { prover } = simulatedProver(undefined, () => proving());
    const reads: number[] = [];
    const reading: Store = {
      ...storage,
      read(from) {
        reads.push(from);
        return storage.read(from);
      },
    };
    const limits = { roundSeconds: 5, snapshotEvery: 4 };
    const open = async (people: Trader[] = []) =>
      (await openTestVenue({ traders: people, clock, storage: reading, prover, limits })).venue;
    let venue = await open([alice]);
    for (let i = 0; i < 3; i++) {
      await submit(venue, alice.cancel());
      clock.advance(20n);
      await proved(venue);
    }
    proving = () => never;
    const { proved: provedCount } = venue.health();
    for (let i = 0; i < 5; i++) {
      await submit(venue, alice.cancel());
      await ends(venue.close(), "close()");
      venue = await open();
    }
    await ends(venue.close(), "close()");
    assert.equal(venue.health().proved, provedCount);
    reads.length = 0;
    proving = async () => {};
    venue = await open();
    const [snapshot, next] = reads;
    assert.ok(snapshot > 0, "it goes on from a snapshot");
    assert.equal(next, snapshot + 1, "it replays what comes after it, and nothing before");
    await proved(venue);
    await venue.close();
  });

  it("says busy where too many proofs wait to be made, to orders first", async () => {
    const [alice] = traders(1);
    const { pass, passed } = gate();
    const { prover } = simulatedProver(undefined, () => passed);
    // A deposit, and three cancels that share a proof: 1.75.
    const limits = { unprovedProofs: 2, roundSeconds: 1 };
    const { venue, clock } = await openTestVenue({ traders: [alice], prover, limits });
    for (let i = 0; i < 4; i++) await submit(venue, alice.cancel());
    await assert.rejects(submit(venue, alice.order("buy", 1n, 100_000n)), (error: TacitError) => {
      assert.equal(error.code, "BUSY");
      assert.match(error.message, /proofs wait/);
      return Number(error.details.retryAfter) >= 1;
    });
    alice.nonce--;
    await submit(venue, alice.cancel());
    pass();
    clock.advance(INTERVAL);
    await proved(venue);
    await submit(venue, alice.order("buy", 1n, 100_000n));
    await venue.close();
  });

  it("says busy where the chain takes nothing, though all is proved", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const { chain, it, deposit } = standingChain();
    it.point = { ...it.point, state: genesisState(genesis, SECRET) };
    deposit(alice);
    const limits = { unacceptedProofs: 4, roundSeconds: 1 };
    const { venue, clock } = await openTestVenue({ prover, limits, chain: { chain, pollSeconds: 1 } });
    while (!venue.account(alice.index)) await turns(1);
    const step = async () => {
      clock.advance(INTERVAL);
      await turns(10);
      await proved(venue);
    };
    await step();
    let orders = 0;
    for (; orders < 10; orders++) {
      const order = alice.order("buy", 1n, 100_000n, { thisAuction: true });
      const busy = await submit(venue, order).then(
        () => null,
        (error: TacitError) => error,
      );
      if (!busy) {
        await step();
        continue;
      }
      assert.equal(busy.code, "BUSY");
      assert.match(busy.message, /chain is behind/);
      alice.nonce--;
      break;
    }
    assert.ok(orders >= 1 && orders < 4, `busy after ${orders} orders`);
    assert.equal(venue.health().unproved, 0);
    const [last] = await venue.rounds({ limit: 1 });
    it.point = { ...it.point, state: BigInt(last.stateAfter), nonce: 1 };
    clock.advance(2n);
    await turns(100);
    await submit(venue, alice.order("buy", 1n, 100_000n));
    await ends(venue.close(), "close()");
  });
});

describe(`venue: rounds of at most ${MOST_PROOFS} proofs, half of what a transaction holds`, () => {
  it("after a time in which it was down, and auctions were due", async () => {
    const people = traders(40);
    const storage = lastingStore();
    const { venue, clock } = await openTestVenue({ traders: people, storage });
    const { markets } = genesis.prices;
    const orders = people.flatMap((trader, i) =>
      [101n, 102n, 103n, 104n].map((market, slot) => {
        const expiry = clock.now() + INTERVAL * BigInt(1 + 4 * i + slot);
        return trader.order("buy", 1n, markets[slot]!.mark - 500n, { market, expiry });
      }),
    );
    await Promise.all(orders.map((order) => submit(venue, order)));
    await venue.close();
    clock.advance(1_000n * INTERVAL);
    const again = await openTestVenue({ storage, clock });
    await again.venue.close();
    const sizes = await sizesOfRounds(storage);
    assert.ok(sizes.reduce((a, b) => a + b) > 3 * MOST_PROOFS, "there was much to prove");
    assert.ok(Math.max(...sizes) <= MOST_PROOFS, sizes.join());
  });

  it("when hundreds of withdrawals come at once", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const { venue } = await openTestVenue({ traders: [alice], storage });
    const withdrawals = Array.from({ length: 256 }, (_, i) => alice.withdrawal(1n, BigInt(i + 1)));
    await Promise.all(withdrawals.map((withdrawal) => submit(venue, withdrawal)));
    await venue.close();
    const sizes = await sizesOfRounds(storage);
    assert.ok(sizes.reduce((a, b) => a + b) > MOST_PROOFS, "there was much to prove");
    assert.ok(Math.max(...sizes) <= MOST_PROOFS, sizes.join());
  });

  it("when hundreds of deposits come at once, and full books are cleared at one time", async () => {
    const people = traders(250);
    const storage = lastingStore();
    const { venue, clock } = await openTestVenue({ traders: people, storage });
    const { markets } = genesis.prices;
    const ids = genesis.rules.markets.flatMap((row) => (row ? [row.id] : []));
    const each = people.length / ids.length;
    const orders = ids.flatMap((market, slot) =>
      people
        .slice(slot * each, (slot + 1) * each)
        .flatMap((trader) =>
          [1, 2, 3, 4].map(() => trader.order(trader.index % 2 ? "buy" : "sell", 1n, markets[slot]!.mark, { market })),
        ),
    );
    const cleared = clears(venue, ids.length);
    await Promise.all(orders.map((order) => submit(venue, order)));
    assert.equal(ids[0], PERP);
    clock.advance(INTERVAL);
    for (const { volume } of await ends(cleared, "an auction")) assert.equal(volume, BigInt(2 * each));
    await venue.close();
    const sizes = await sizesOfRounds(storage);
    assert.ok(sizes.reduce((a, b) => a + b) > 3 * MOST_PROOFS, "there was much to prove");
    assert.ok(Math.max(...sizes) <= MOST_PROOFS, sizes.join());
  });

  /** The next auctions of a venue, so many. */
  function clears(venue: Venue, count: number) {
    const found: Extract<VenueEvent, { kind: "auction" }>["auction"][] = [];
    return new Promise<typeof found>((resolve) => {
      const end = venue.subscribe((event) => {
        if (event.kind !== "auction" || found.push(event.auction) < count) return;
        end();
        resolve(found);
      });
    });
  }
});
