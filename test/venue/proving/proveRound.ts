import assert from "node:assert/strict";
import { readKeys } from "../../../src/setup/keyFiles.ts";
import { readRounds, verifyRound } from "../../../src/verifier/index.ts";
import type { RoundProver } from "../../../src/venue/index.ts";
import { eventOf, genesis, INTERVAL, openTestVenue, traders } from "../fixture.ts";

/** Two traders trade, one withdraws; the round must be proved, and hold. */
export async function proveRound(prover: RoundProver): Promise<void> {
  const keys = await readKeys("demo");
  const people = traders(2);
  const { venue, clock } = await openTestVenue({ traders: people, prover });
  const [alice, bob] = people;
  const items = [alice.order("buy", 3n, 100_100n), bob.order("sell", 3n, 100_000n), alice.withdrawal(5n)];
  for (const { item, auth } of items) await venue.submit(item, auth);
  const proven = eventOf(venue, "round");
  clock.advance(INTERVAL + 40n);
  const { round } = await proven;
  const [claim] = readRounds(JSON.parse((await venue.round(round.number))!));
  const view = { domain: genesis.domain, state: venue.genesisState, keys, maxLag: 1n << 39n };
  const result = verifyRound(view, claim, { now: 1n << 39n });
  assert.ok(result.ok, result.ok ? "" : result.message);
  assert.equal(result.payouts[0].amount, 5n);
  await venue.close();
}
