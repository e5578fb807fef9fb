// Goal: the opening that an owner is served is no oracle: who guesses what stands in the books of others cannot check the
// guess with it.
// Method: the best guess there is, all books, cancels, payouts and fills as they truly are, all chains from 0. Of a ledger
// whose fills begin at 0 it gives the channels' hash, so that it is the right one; of the venue's it never does.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { entryWord, fillWord, pushCancel, pushEntry, pushFill, tradeWord } from "../../src/protocol/book.ts";
import { secretScalar } from "../../src/protocol/eddsa.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { vectorHash } from "../../src/protocol/market.ts";
import { openingJson } from "../../src/protocol/opening.ts";
import { BITS, MARKETS } from "../../src/protocol/parameters.ts";
import { channelsHash, REGISTERS } from "../../src/protocol/state.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import { startOf } from "../../src/venue/start.ts";
import type { Store } from "../../src/venue/store/store.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import {
  eventOf,
  genesis,
  INTERVAL,
  lastingStore,
  ManualClock,
  openTestVenue,
  replay,
  SECRET,
  SIGNER,
  simulatedProver,
  traders,
} from "./fixture.ts";

type Channels = Record<(typeof REGISTERS)["channels"][number], bigint>;

/**
 * What the journal comes to: the registers of the channels as a ledger has them whose fills begin at 0, and as somebody
 * computes them who knows all that was traded.
 */
async function channelsOf(storage: Store): Promise<{ open: Channels; guess: Channels }> {
  const { matcher } = await startOf({ genesis, secret: SECRET, signer: SIGNER, storage: memoryStore() });
  const ledger = new Ledger({ ...genesis, profile: PROFILES[genesis.profile], blind: () => 0n });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret: secretScalar(SECRET) });
  let fills = 0n;
  for await (const { entry, events } of replay(storage, matcher)) {
    for (const event of events) {
      builder.add(event);
      if (event.kind === "settle")
        for (const { fill, trade } of event.writes) fills = pushFill(fills, fillWord(fill), tradeWord(trade));
    }
    if (entry.kind === "round") builder.close();
  }
  builder.close();
  // Payouts are paid at the end of each round; they, and their chain, are public.
  const { payoutsPut, payoutsTaken } = ledger.state;
  return {
    open: ledger.state,
    guess: {
      ...booksOf(matcher),
      sweep: 0n,
      fees: 0n,
      share: matcher.share,
      fillsPut: fills,
      fillsTaken: fills,
      payoutsPut,
      payoutsTaken,
    },
  };
}

/** Of books in which nothing waits for an auction. */
function booksOf(matcher: Matcher) {
  const slots = Array.from({ length: MARKETS }, (_, slot) => slot);
  const entries = slots.map((slot) => matcher.book(slot));
  const cancels = slots.map((slot) => matcher.cancels(slot));
  return {
    books: vectorHash(entries.map((book) => book.map(entryWord).reduce(pushEntry, 0n))),
    admitted: vectorHash(slots.map(() => 0n)),
    cancels: vectorHash(cancels.map((list) => list.reduce(pushCancel, 0n))),
    counts: vectorHash(
      entries.map((book, i) => BigInt(book.length) + (BigInt(cancels[i].length) << BigInt(BITS.count))),
    ),
    dirtyPut: 0n,
    dirtyTaken: 0n,
  };
}

describe("openings", () => {
  it("hide what the channels hold from who knows all of it but where the fills begin", async () => {
    const [alice, bob, carol] = traders(3);
    const storage = lastingStore();
    const { prover } = simulatedProver();
    const { venue, clock } = await openTestVenue({ storage, prover, traders: [alice, bob, carol] });
    const stages = {
      // Alone it would wait for an auction, and none comes in which nothing would trade or leave.
      "one order rests": [bob.order("sell", 37n, 100_830n), carol.order("buy", 1n, 99_000n, { thisAuction: true })],
      "the order is filled in part": [carol.order("buy", 5n, 100_900n), bob.order("buy", 2n, 99_000n)],
      "all is cancelled, and a withdrawal paid": [bob.cancel(), carol.withdrawal(5n)],
    };
    const told = new Set<bigint>();
    for (const [stage, items] of Object.entries(stages)) {
      for (const { item, auth } of items) assert.equal((await venue.submit(item, auth)).verdict, "admitted");
      const proven = eventOf(venue, "round", () => venue.health().unproved === 0);
      clock.advance(INTERVAL + 40n);
      await proven;
      const { opening } = venue.opening(alice.index)!;
      const { open, guess } = await channelsOf(storage);
      for (const name of REGISTERS.channels) assert.equal(guess[name], open[name], `${stage}: ${name}`);
      for (const fills of [guess.fillsPut, 0n, open.fillsPut])
        assert.notEqual(
          channelsHash({ ...guess, fillsPut: fills, fillsTaken: fills } as Parameters<typeof channelsHash>[0]),
          opening.channels,
          stage,
        );
      // Nor does it hold what the channels' hash could be computed from.
      const shown = openingJson(opening);
      assert.deepEqual(
        REGISTERS.channels.filter((name) => name in shown.registers || name in shown.account),
        [],
      );
      assert.ok(!told.has(opening.channels), `${stage}: the channels have changed`);
      told.add(opening.channels);
    }
    const before = venue.opening(alice.index)!.opening;
    await venue.close();

    // The secret beginning is the operator's: the same after a start from the journal alone.
    const copy = memoryStore();
    let sequence = 0;
    for await (const bytes of storage.read(0)) await copy.append([{ sequence: sequence++, bytes }]);
    await copy.put({ venue: (await storage.get("venue"))! });
    const again = await openTestVenue({ storage: copy, prover, clock: new ManualClock(clock.now()) });
    if (again.venue.health().unproved > 0)
      await eventOf(again.venue, "round", () => again.venue.health().unproved === 0);
    assert.deepEqual(again.venue.opening(alice.index)!.opening, before);
    await again.venue.close();
  });
});
