// Goal: what is acknowledged is on disk and in the log, in one order; auctions close by schedule; rounds are proved behind the
// market; a restart goes on where the venue was, whatever it was doing.
// Method: a venue in memory on a clock that stands, proofs by a simulator; each behaviour through the public methods.
import assert from "node:assert/strict";
import { openAccount } from "../../src/protocol/account.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { openingWord } from "../../src/protocol/opening.ts";
import { receiptDefect } from "../../src/protocol/receipt.ts";
import { readRounds, segmentDefect, verifyRound } from "../../src/verifier/index.ts";
import { chainHeads } from "../../src/protocol/item.ts";
import { REDUCTION_NONCE } from "../../src/protocol/parameters.ts";
import { decodeRecord } from "../../src/venue/store/journal.ts";
import type { Store } from "../../src/venue/store/store.ts";
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
  SIGNER,
  simulatedProver,
  traders,
  Trader,
  turns,
} from "./fixture.ts";
import { Random } from "../../src/replay/random.ts";
import { hasCode } from "../hasCode.ts";

describe("venue: items and receipts", () => {
  it("answers with a receipt that its signer signed, of the place in the log where the item stands", async () => {
    const people = traders(2);
    const { venue } = await openTestVenue({ traders: people });
    const orders = people.map((trader) => trader.order("buy", 3n, 100_000n));
    const answers = await Promise.all(orders.map(({ item, auth }) => venue.order(item, auth)));
    for (const { receipt, verdict } of answers) {
      assert.equal(verdict, "admitted");
      assert.equal(receiptDefect(receipt, SIGNER.address), null);
    }
    assert.deepEqual(
      answers.map(({ receipt }) => receipt.n),
      [1n, 2n],
    );
    assert.equal(answers[1].receipt.previous, answers[0].receipt.head);
    assert.equal(venue.orders(2).length, 1);
    await venue.close();
  });

  it("gives the same receipt to what is sent twice: at once, later, and after a restart", async () => {
    const storage = lastingStore();
    const [alice] = traders(1);
    const first = await openTestVenue({ storage, traders: [alice] });
    const { item, auth } = alice.order("sell", 1n, 100_000n);
    const [a, b] = await Promise.all([first.venue.submit(item, auth), first.venue.submit(item, auth)]);
    const c = await first.venue.submit(item, auth);
    await first.venue.close();
    const second = await openTestVenue({ storage });
    const d = await second.venue.submit(item, auth);
    assert.deepEqual([b, c], [a, a]);
    assert.deepEqual(d.receipt, a.receipt);
    assert.equal(second.venue.health().logCount, 2);
    await second.venue.close();
  });

  it("has one place in the queue for an item and its copies, and one for each that shares no more than an S", async () => {
    const [alice, bob] = traders(2);
    const { venue } = await openTestVenue({ traders: [alice, bob], limits: { queue: 2 } });
    const { item, auth } = alice.order("buy", 1n, 100_000n);
    const other = bob.order("buy", 1n, 100_000n);
    const forged = { ...other.auth, S: auth.S };
    const [first, copy, forgery, next, last] = await Promise.allSettled([
      venue.submit(item, auth),
      venue.submit(item, auth),
      venue.submit(other.item, forged),
      venue.submit(other.item, other.auth),
      venue.submit(item, auth),
    ]);
    assert.equal(first.status, "fulfilled");
    assert.deepEqual([copy, last], [first, first]);
    assert.ok(forgery.status === "rejected" && forgery.reason.details.verdict === "unsigned");
    assert.ok(next.status === "rejected" && next.reason.code === "BUSY");
    assert.equal((await venue.submit(other.item, other.auth)).receipt.n, 2n);
    assert.equal(venue.health().queue, 0);
    await venue.close();
  });

  it("declines what would have no effect, and keeps it out of the log", async () => {
    const [alice, bob] = traders(2);
    const { venue } = await openTestVenue({ traders: [alice] });
    const { item, auth } = alice.order("buy", 1n, 100_000n);
    const refusals = [
      venue.submit({ ...item, A: item.A | (1n << 200n) }, auth),
      venue.submit(item, { ...auth, S: auth.S + 1n }),
      venue.submit(item, bob.sign(item).auth),
      ...[bob.order("buy", 1n, 100_000n)].map((other) => venue.submit(other.item, other.auth)),
      ...[alice.order("buy", 1n, 100_000n, { nonce: 1n << 17n })].map((far) => venue.submit(far.item, far.auth)),
    ];
    const verdicts = await Promise.all(refusals.map((refusal) => refusal.catch((error) => error.details.verdict)));
    assert.deepEqual(verdicts, ["malformed", "unsigned", "unsigned", "unsigned", "nonce"]);
    assert.equal(venue.health().logCount, 1);
    await venue.submit(item, auth);
    const spent = alice.order("buy", 1n, 100_000n, { nonce: 1n });
    await assert.rejects(venue.submit(spent.item, spent.auth), hasCode("DECLINED"));
    await assert.rejects(venue.submit({ ...item, A: -1n }, auth), hasCode("OUT_OF_RANGE"));
    await assert.rejects(venue.cancel(item, auth), hasCode("WRONG_KIND"));
    await venue.close();
    await assert.rejects(venue.submit(item, auth), hasCode("STOPPED"));
  });

  it("has the nonces of a list of quotes spent for what comes behind it in one batch, as for what comes later", async () => {
    const [alice] = traders(1);
    const { venue } = await openTestVenue({ traders: [alice] });
    const list = alice.quotes(2);
    const at = (nonce: bigint) => alice.order("buy", 1n, 100_000n, { nonce });
    const sent = [list, at(2n), at(8n), at(9n), at(9n + (1n << 16n))].map(({ item, auth }) => venue.submit(item, auth));
    const answers = await Promise.allSettled(sent);
    const told = answers.map((it) => (it.status === "fulfilled" ? it.value.verdict : it.reason.details.verdict));
    assert.deepEqual(told, ["admitted", "nonce", "nonce", "admitted", "admitted"]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected", "fulfilled", "fulfilled"],
    );
    await venue.close();
  });

  it("declines a list of quotes for which there are no nonces left, however often it comes", async () => {
    const [alice] = traders(1);
    const { x: keyX, y: keyY } = alice.key;
    const old = { ...openAccount({ keyX, keyY, view: 0n }), nonce: REDUCTION_NONCE - 19n, cash: DEPOSIT };
    const { venue } = await openTestVenue({ genesis: { ...genesis, accounts: [...genesis.accounts, old] } });
    const last = alice.quotes(2, { nonce: REDUCTION_NONCE - 8n });
    const beyond = alice.quotes(2, { nonce: REDUCTION_NONCE - 7n });
    for (let i = 0; i < 2; i++) await assert.rejects(venue.submit(beyond.item, beyond.auth), hasCode("DECLINED"));
    assert.equal((await venue.submit(last.item, last.auth)).receipt.n, 0n);
    assert.equal(venue.health().status, "open");
    await venue.close();
  });

  it("acknowledges nothing that could not be written, and stops", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    let full = false;
    const failing: Store = {
      ...storage,
      append: (records) =>
        full ? Promise.reject(new TacitError("STORAGE", "the disk is full")) : storage.append(records),
    };
    const { venue } = await openTestVenue({ storage: failing, traders: [alice] });
    const stopped = eventOf(venue, "stopped");
    full = true;
    const orders = [1n, 2n].map((size) => alice.order("buy", size, 100_000n));
    const results = await Promise.allSettled(orders.map(({ item, auth }) => venue.submit(item, auth)));
    assert.ok(results.every((result) => result.status === "rejected" && hasCode("STOPPED")(result.reason)));
    assert.equal((await stopped).error.code, "STORAGE");
    assert.equal(venue.health().ok, false);
    assert.match(venue.health().reason!, /disk is full/);
    assert.equal(venue.orders(alice.index).length, 0);
    await venue.close();
    full = false;
    const again = await openTestVenue({ storage });
    assert.equal(again.venue.health().logCount, 1);
    await again.venue.close();
  });
});

describe("venue: the schedule", () => {
  it("closes a market at the next multiple of its interval, and only if it has something to clear", async () => {
    const [alice, bob] = traders(2);
    const { venue, clock } = await openTestVenue({ traders: [alice, bob] });
    for (const { item, auth } of [alice.order("buy", 5n, 100_200n), bob.order("sell", 3n, 99_900n)])
      await venue.submit(item, auth);
    const closed = eventOf(venue, "auction");
    clock.advance(INTERVAL);
    const { auction } = await closed;
    assert.deepEqual([auction.market, auction.price, auction.volume], [PERP, 100_200n, 3n]);
    assert.equal(auction.time % INTERVAL, 0n);
    const [fill] = (await venue.history(alice.index)).filter(({ kind }) => kind === "fill");
    assert.deepEqual(fill.kind === "fill" && [fill.lots, fill.price, fill.closed], ["3", "100200", false]);
    assert.equal((await venue.auctions()).length, 1);
    // Nothing has changed since: no auction, whatever the time.
    const { logCount } = venue.health();
    clock.advance(10n * INTERVAL);
    const { item, auth } = alice.cancel();
    await venue.submit(item, auth);
    assert.equal(venue.health().logCount, logCount + 1);
    await venue.close();
  });

  it("tells all that an auction booked to an account as one position of its history", async () => {
    const [alice, bob] = traders(2);
    const { venue, clock } = await openTestVenue({ traders: [alice, bob] });
    const buys = [1n, 2n, 3n].map((size) => alice.order("buy", size, 100_200n));
    for (const { item, auth } of [...buys, bob.order("sell", 6n, 99_900n)]) await venue.submit(item, auth);
    const closed = eventOf(venue, "auction");
    clock.advance(INTERVAL);
    const { n } = (await closed).auction;
    const [deposit] = await venue.history(alice.index, { limit: 1 });
    assert.equal(deposit.kind, "deposit");
    const fills = await venue.history(alice.index, { after: deposit.n, limit: 1 });
    assert.deepEqual(
      fills.map((entry) => [entry.n, entry.kind === "fill" && entry.lots]),
      [1, 2, 3].map((lots) => [n, String(lots)]),
    );
    assert.deepEqual(await venue.history(alice.index, { after: n }), []);
    await venue.close();
  });

  it("writes what is due at one time at once, each full round ended before the next entry, and tells what happened in the log's order", async () => {
    const written: string[] = [];
    const inner = lastingStore();
    const storage: Store = {
      ...inner,
      async append(records) {
        written.push(records.map(({ sequence, bytes }) => decodeRecord(bytes, { sequence }).entry.kind).join(" "));
        return inner.append(records);
      },
    };
    const [alice, bob] = traders(2);
    const { venue, clock } = await openTestVenue({ storage, traders: [alice], limits: { roundProofs: 1 } });
    const told: string[] = [];
    venue.subscribe((event) => void told.push(event.kind === "auction" ? `auction ${event.auction.slot}` : event.kind));
    const send = ({ item, auth }: ReturnType<Trader["order"]>) => venue.submit(item, auth);
    const markets = [101n, 105n];
    await Promise.all(markets.map((market) => send(alice.order("buy", 1n, 100_000n, { market, thisAuction: true }))));
    clock.advance(INTERVAL);
    await venue.deposit([bob.deposit]);
    await venue.close();
    assert.deepEqual(written, ["deposits", "round", "item item", "close round close", "round deposits", "round"]);
    assert.deepEqual(
      told.filter((kind) => kind !== "fill"),
      ["order", "order", "auction 0", "auction 4", "deposit"],
    );
  });

  it("closes what was due while it was down with the orders that were there then", async () => {
    const storage = lastingStore();
    const [alice, bob] = traders(2);
    const first = await openTestVenue({ storage, traders: [alice, bob] });
    const { item, auth } = alice.order("buy", 5n, 100_200n, { thisAuction: true });
    await first.venue.submit(item, auth);
    await first.venue.close();
    first.clock.advance(100n * INTERVAL);
    const second = await openTestVenue({ storage, clock: first.clock });
    const late = bob.order("sell", 3n, 99_900n);
    await second.venue.submit(late.item, late.auth);
    const [auction] = (await second.venue.auctions()) as { volume: string; orders: number; time: string }[];
    assert.deepEqual([auction.volume, auction.orders], ["0", 1]);
    assert.ok(BigInt(auction.time) < second.clock.now() - 90n * INTERVAL);
    await second.venue.close();
  });
});

describe("venue: deposits and snapshots", () => {
  it("takes no deposits as none", async () => {
    const { venue } = await openTestVenue();
    await venue.deposit([]);
    assert.deepEqual([venue.health().status, venue.health().logCount], ["open", 0]);
    await venue.close();
  });

  it("keeps a snapshot when it is due, though the round is neither full nor old", async () => {
    const storage = lastingStore();
    const [alice] = traders(1);
    const limits = { roundProofs: 1_000, roundSeconds: 1_000, snapshotEvery: 5 };
    const { venue } = await openTestVenue({ storage, traders: [alice], limits });
    const sequences: number[] = [];
    for (let sent = 0; sent < 16; sent++) {
      const { item, auth } = alice.order("buy", 1n, 100_000n, { thisAuction: true });
      await venue.submit(item, auth);
      await turns(1);
      for await (const { sequence } of storage.snapshots()) {
        if (!sequences.includes(sequence)) sequences.push(sequence);
        break;
      }
    }
    assert.deepEqual(sequences, [5, 11, 17]);
    await venue.close();
  });
});

describe("venue: the end", () => {
  it("lets the clock begin nothing more, and takes no deposits", async () => {
    const gates = { sign: gate(), append: gate() };
    let slow = false;
    const inner = lastingStore();
    const storage: Store = {
      ...inner,
      async append(records) {
        if (slow) await gates.append.passed;
        return inner.append(records);
      },
    };
    const signer = {
      address: SIGNER.address,
      async sign(digest: Uint8Array) {
        await gates.sign.passed;
        return SIGNER.sign(digest);
      },
    };
    const [alice] = traders(1);
    const { venue, clock } = await openTestVenue({ storage, signer, traders: [alice] });
    const { item, auth } = alice.order("buy", 1n, 100_000n, { thisAuction: true });
    const answer = venue.submit(item, auth);
    for (let i = 0; i < 1_000 && venue.health().logCount < 2; i++) await turns(1);
    const closed = venue.close();
    await turns(1_000);
    slow = true;
    clock.advance(INTERVAL);
    await turns(1_000);
    await assert.rejects(venue.deposit([alice.deposit]), hasCode("STOPPED"));
    gates.sign.pass();
    await turns(1_000);
    gates.append.pass();
    await closed;
    assert.equal((await answer).receipt.n, 1n);
    slow = false;
    const again = await openTestVenue({ storage, clock });
    assert.equal((await again.venue.auctions()).length, again.venue.health().logCount - 2);
    await again.venue.close();
  });
});

describe("venue: rounds", () => {
  it("proves rounds behind the market; a round shows its log, and an account in its state", async () => {
    const people = traders(3);
    const { prover, keys } = simulatedProver();
    const { venue, clock } = await openTestVenue({ traders: people, prover });
    for (const [i, trader] of people.entries()) {
      const { item, auth } = trader.order(i === 0 ? "buy" : "sell", 4n, 100_000n);
      await venue.submit(item, auth);
    }
    const proven = eventOf(venue, "round");
    clock.advance(INTERVAL);
    clock.advance(100n);
    const { round: summary } = await proven;
    const [claim] = readRounds(JSON.parse((await venue.round(summary.number))!));
    assert.equal(claim.state, venue.genesisState);
    const result = verifyRound(
      { domain: genesis.domain, state: venue.genesisState, keys, maxLag: 1n << 39n, lastLogCount: 0n },
      claim,
      { now: 1n << 39n },
    );
    assert.ok(result.ok, result.ok ? "" : result.message);
    const heads = chainHeads(claim.segment!.head, claim.segment!.entries);
    assert.equal(segmentDefect(claim.segment!, claim.instructions, heads), null);
    for (const { index } of people) {
      const { round, opening } = venue.opening(index)!;
      assert.equal(round, summary.number);
      assert.equal(openingWord(opening), result.stateAfter);
      assert.deepEqual(opening.account, venue.account(index));
    }
    await venue.close();
  });

  it("says busy where proofs trail too far, to orders first, and goes on when they have caught up", async () => {
    const [alice] = traders(1);
    const { pass, passed } = gate();
    const { prover } = simulatedProver(undefined, () => passed);
    const limits = { unproved: 4, roundSeconds: 1 };
    const { venue, clock } = await openTestVenue({ traders: [alice], prover, limits });
    for (let i = 0; i < 3; i++) {
      const { item, auth } = alice.order("buy", 1n, 100_000n);
      await venue.submit(item, auth);
    }
    const order = alice.order("buy", 1n, 100_000n);
    const busy = await venue.submit(order.item, order.auth).catch((error: TacitError) => error);
    assert.ok(busy instanceof TacitError && busy.code === "BUSY" && Number(busy.details.retryAfter) >= 1);
    const cancel = alice.cancel();
    assert.equal((await venue.submit(cancel.item, cancel.auth)).verdict, "admitted");
    const proven = eventOf(venue, "round", ({ round }) => round.logCount === "5");
    clock.advance(2n);
    pass();
    await proven;
    const next = alice.order("buy", 1n, 100_000n);
    assert.equal((await venue.submit(next.item, next.auth)).verdict, "admitted");
    await venue.close();
  });

  it("resumes after a stop in the midst of proving: no proof is made twice, and the states are the same", async () => {
    const people = traders(2);
    const trade = async (storage: Store, stops: number) => {
      const simulator = simulatedProver();
      const clock = new ManualClock();
      const script = new Random(5);
      const chaos = new Random(6);
      const names: string[] = [];
      let left = Infinity;
      const options = () => {
        const { prover } = simulator;
        const limited = {
          ...prover,
          async prove(step: Parameters<typeof prover.prove>[0]) {
            if (left-- <= 0) await new Promise(() => {});
            names.push(String(step.publicInputs[0]));
            return prover.prove(step);
          },
        };
        return { storage, clock, prover: limited, limits: { roundProofs: 4, snapshotEvery: 10 } };
      };
      let { venue } = await openTestVenue({ ...options(), traders: people });
      const fresh = people.map((_, i) => new Trader(i));
      for (let step = 0; step < 26; step++) {
        const by = script.pick(fresh);
        const limit = 100_000n + BigInt(script.integer(-3, 3)) * 10n;
        const { item, auth } = by.order(script.pick(["buy", "sell"]), BigInt(script.integer(1, 9)), limit, {
          thisAuction: true,
        });
        await venue.submit(item, auth);
        if (step % 3 === 0) clock.advance(INTERVAL);
        if (stops > 0 && step % 9 === 8) {
          left = chaos.integer(0, 3);
          await venue.close();
          left = chaos.integer(0, 5);
          venue = (await openTestVenue(options())).venue;
        }
      }
      left = Infinity;
      await venue.close();
      venue = (await openTestVenue(options())).venue;
      const target = String(venue.health().logCount);
      const rounds = await venue.rounds({ limit: 500 });
      if (rounds[0]?.logCount !== target) await eventOf(venue, "round", ({ round }) => round.logCount === target);
      const all = await venue.rounds({ limit: 500 });
      await venue.close();
      return { all, names, accounts: people.map(({ index }) => venue.account(index)) };
    };
    const stopped = await trade(lastingStore(), 4);
    const smooth = await trade(lastingStore(), 0);
    assert.deepEqual(stopped.accounts, smooth.accounts);
    assert.equal(new Set(stopped.names).size, stopped.names.length, "a proof was made twice");
    for (const [i, round] of stopped.all.entries())
      if (i > 0) assert.equal(round.stateAfter, stopped.all[i - 1].state, "rounds follow one another");
    assert.equal(stopped.all.at(-1)!.number, 1);
  });

  it("a refused proof ends the proving, not the market, and health says so", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const other = simulatedProver(undefined);
    const wrong = {
      ...prover,
      prove: (step: Parameters<typeof prover.prove>[0]) =>
        other.prover.prove({ ...step, publicInputs: step.publicInputs.map((x) => x ^ 1n) }),
    };
    const { venue, clock } = await openTestVenue({
      traders: [alice],
      prover: wrong,
      limits: { roundSeconds: 1 },
    });
    const { item, auth } = alice.order("buy", 1n, 100_000n);
    await venue.submit(item, auth);
    clock.advance(5n);
    while (venue.health().ok) await turns(1);
    assert.match(venue.health().reason!, /refused by the verifier/);
    const next = alice.order("buy", 1n, 100_000n);
    assert.equal((await venue.submit(next.item, next.auth)).verdict, "admitted");
    assert.equal(venue.account(alice.index)!.cash, DEPOSIT);
    await venue.close();
  });
});
