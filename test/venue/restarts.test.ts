// Goal: however often a venue dies, and whatever it was doing, what it acknowledged is in the log where its receipt says, and
// all that it knows is what the journal says.
// Method: a venue in memory whose store dies at a random write, done or not, after which nothing answers any more; lives with
// and without a prover, with fast and slow proofs, with other limits each. At the end a twin that has the journal alone.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { chainHeads } from "../../src/protocol/item.ts";
import { readRounds, segmentDefect, verifyRound } from "../../src/verifier/index.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import type { Store } from "../../src/venue/store/store.ts";
import type { Acknowledgement } from "../../src/venue/options.ts";
import type { Venue } from "../../src/venue/venue.ts";
import {
  genesis,
  lastingStore,
  ManualClock,
  openTestVenue,
  simulatedProver,
  traders,
  turns,
  type Trader,
} from "./fixture.ts";

const SEEDS = process.env.SEED ? [Number(process.env.SEED)] : [1, 2, 3];
const LIVES = Number(process.env.LIVES ?? 5);
const STEPS = 9;

const never = new Promise<never>(() => {});

/** A store that dies at a write: it is done or not, and from then on nothing is answered. */
function mortal(base: Store, random: Random) {
  let left = Infinity;
  let afterSnapshot = false;
  let die = () => {};
  const it = { dead: false, died: new Promise<void>((resolve) => (die = resolve)) };
  const kill = () => {
    it.dead = true;
    die();
  };
  const write =
    <Given extends unknown[]>(call: (...given: Given) => Promise<void>) =>
    async (...given: Given): Promise<void> => {
      if (it.dead) return never;
      if (--left >= 0) return call(...given);
      const done = random.integer(0, 1) === 1;
      kill();
      if (done) await call(...given);
      return never;
    };
  const read =
    <Given extends unknown[], T>(call: (...given: Given) => Promise<T>) =>
    async (...given: Given): Promise<T> =>
      it.dead ? never : call(...given);
  const store: Store = {
    ...base,
    append: write(base.append),
    put: write(base.put),
    saveSnapshot: write(async (...given) => {
      await base.saveSnapshot(...given);
      if (afterSnapshot) left = 0;
    }),
    find: read(base.find),
    get: read(base.get),
    list: read(base.list),
  };
  /** After so many writes, or at the first one after a snapshot. */
  const dieAfter = (writes: number, snapshot: boolean) => {
    left = writes;
    afterSnapshot = snapshot;
  };
  return { it, store, kill, dieAfter };
}

function randomItem(random: Random, trader: Trader, now: bigint) {
  const kind = random.integer(0, 9);
  if (kind === 0) return trader.cancel();
  if (kind === 1) return trader.withdrawal(5n);
  const limit = 100_000n + 10n * BigInt(random.integer(-4, 4));
  const expiry = now + BigInt(random.integer(0, 50));
  return trader.order(random.pick(["buy", "sell"]), BigInt(random.integer(1, 9)), limit, { expiry });
}

/** Has all on disk that a venue tells of fills, deposits and auctions: whoever asks waits until it is. */
async function written(venue: Venue): Promise<void> {
  for (let index = 0; index < venue.health().accounts; index++) await venue.history(index);
  for (const market of [undefined, ...venue.genesis.rules.markets.flatMap((row) => row?.id ?? [])])
    await venue.auctions({ market });
}

interface Sent extends ReturnType<Trader["cancel"]> {
  readonly receipt: Acknowledgement["receipt"];
}

describe("venue: lives that end in crashes", () => {
  const seen = { crashes: 0, unanswered: 0, again: 0, proved: 0, unproved: 0 };

  for (const seed of SEEDS)
    it(`leave what is acknowledged and nothing else, ${LIVES} of them (seed ${seed})`, async () => {
      const random = new Random(seed);
      const base = lastingStore();
      const { prover, keys } = simulatedProver();
      const people = traders(4);
      const acknowledged: Sent[] = [];
      let now = new ManualClock().now();

      const answersAgain = async (venue: Venue, { item, auth, receipt }: Sent) =>
        assert.deepEqual((await venue.submit(item, auth)).receipt, receipt);

      for (let life = 0; life < LIVES; life++) {
        const { it, store, kill, dieAfter } = mortal(base, random);
        // The clocks of the dead stand.
        const clock = new ManualClock(now);
        const slow = random.integer(0, 2) === 0;
        const living = {
          ...prover,
          async prove(step: Parameters<typeof prover.prove>[0]) {
            if (slow) await turns(random.integer(1, 60));
            return it.dead ? never : prover.prove(step);
          },
        };
        const limits = {
          roundProofs: random.integer(1, 10),
          roundSeconds: random.integer(1, 30),
          snapshotEvery: random.integer(1, 12),
        };
        const proves = life === 0 || random.integer(0, 3) > 0;
        const { venue } = await openTestVenue({
          storage: store,
          clock,
          limits,
          traders: people,
          ...(proves ? { prover: living } : {}),
        });
        for (const sent of acknowledged) {
          if (random.integer(0, 5) > 0) continue;
          await answersAgain(venue, sent);
          seen.again++;
        }
        dieAfter(random.integer(5, 60), random.integer(0, 1) === 1);
        for (const trader of people) trader.nonce = venue.account(trader.index)!.nonce;
        const before = acknowledged.length;
        let asked = 0;
        for (let step = 0; step < STEPS && !it.dead; step++) {
          const count = random.integer(0, 3) ? 1 : 3;
          const sent = Array.from({ length: count }, () => randomItem(random, random.pick(people), clock.now()));
          const answers = sent.map(async ({ item, auth }) => {
            const answer = venue.submit(item, auth).then(({ receipt }) => acknowledged.push({ item, auth, receipt }));
            await Promise.race([answer, it.died]);
          });
          await Promise.all(answers);
          // An answer that a dying venue still gives is one.
          if (it.dead) await turns(10);
          asked += count;
          if (random.integer(0, 2) > 0) continue;
          clock.advance(BigInt(random.integer(1, 15)));
          await turns(random.integer(0, 10));
        }
        seen.unanswered += asked - (acknowledged.length - before);
        if (it.dead) seen.crashes++;
        else if (random.integer(0, 1)) await Promise.race([venue.close(), it.died]);
        if (venue.health().proved > 0) seen.proved++;
        if (venue.health().unproved > 0) seen.unproved++;
        kill();
        now = clock.now();
      }

      const clock = new ManualClock(now);
      const { venue } = await openTestVenue({ storage: base, clock, prover });
      // Orders expire, rounds end; an answer comes after all that was due before it.
      do {
        clock.advance(100n);
        await answersAgain(venue, acknowledged[0]);
        await turns(1);
        assert.equal(venue.health().reason, null);
      } while (venue.health().unproved > 0);
      await written(venue);

      // The journal alone gives the same accounts and the same history.
      const copy = memoryStore();
      let sequence = 0;
      for await (const bytes of base.read(0)) await copy.append([{ sequence: sequence++, bytes }]);
      await copy.put({ venue: (await base.get("venue"))! });
      const twin = (await openTestVenue({ storage: copy, clock })).venue;
      await written(twin);
      assert.equal(twin.health().logCount, venue.health().logCount);
      assert.equal(twin.health().accounts, venue.health().accounts);
      for (let index = 0; index < venue.health().accounts; index++) {
        assert.deepEqual(venue.account(index), twin.account(index), `account ${index}`);
        assert.deepEqual(venue.orders(index), twin.orders(index), `orders of account ${index}`);
      }
      for (const prefix of ["history/", "auction/", "auctionOf/"])
        assert.deepEqual(await base.list(prefix), await copy.list(prefix), prefix);
      assert.deepEqual(await base.list("proof/"), [], "no proof is kept that is in a round");

      // Rounds follow one another, hold, and are of the whole log.
      const entries = [];
      let [state, logCount, head, lastTime] = [venue.genesisState, 0n, 0n, genesis.time];
      const rounds = (await venue.rounds({ limit: 1_000 })).toReversed();
      for (const [i, { number }] of rounds.entries()) {
        assert.equal(number, i + 1);
        const [claim] = readRounds(JSON.parse((await venue.round(number))!));
        const segment = claim.segment!;
        assert.deepEqual([claim.state, segment.logCount, segment.head], [state, logCount, head], `round ${number}`);
        const view = { domain: genesis.domain, state, keys, maxLag: 1n << 40n, lastTime, lastLogCount: logCount };
        const result = verifyRound(view, claim, { now: clock.now() });
        assert.ok(result.ok, result.ok ? "" : `round ${number}: ${result.message}`);
        const heads = chainHeads(head, segment.entries);
        assert.equal(segmentDefect(segment, claim.instructions, heads), null, `round ${number}`);
        entries.push(...segment.entries.map((entry, at) => ({ ...entry, head: heads[at] })));
        state = result.stateAfter;
        logCount = result.logCount;
        lastTime = result.time;
        head = heads.at(-1)!;
      }
      assert.equal(logCount, BigInt(venue.health().logCount));
      assert.equal(BigInt(entries.length), logCount);

      // What was acknowledged stands where its receipt says, and has the same receipt.
      for (const sent of acknowledged) {
        const { n, item, auth, time, head } = sent.receipt;
        assert.deepEqual(entries[Number(n)], { item, auth, time, head });
        await answersAgain(venue, sent);
      }
      assert.equal(new Set(acknowledged.map(({ receipt }) => receipt.n)).size, acknowledged.length);
      await venue.close();
      await twin.close();
    });

  it("were of all kinds: items unanswered and sent again, proofs of lives before, and what they left unproved", () => {
    for (const [what, count] of Object.entries(seen)) assert.ok(count >= SEEDS.length, `only ${count} ${what}`);
  });
});
