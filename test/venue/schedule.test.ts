// Goal: an auction is due at the first time that the schedule names, and at none before it.
// Method: random rules, books and clocks, against a search through all seconds and slots, one after the other; what comes
// of it must be of every kind, and a market that was closed is not due again at the same time.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import type { Rules } from "../../src/protocol/market.ts";
import { MARKETS, RANK } from "../../src/protocol/parameters.ts";
import { nextClose, type Pending } from "../../src/venue/schedule.ts";
import { genesisJson } from "./fixture.ts";

const CASES = 20_000;
const SEED = Number(process.env.SEED ?? 3);
/** seconds: clocks and expiries are earlier, intervals shorter than the rest */
const [LATEST, LAST_EXPIRY, LONGEST] = [100, 120, 12];

const [row] = parseGenesis(genesisJson).rules.markets;

/** Of all closes that would change something, the one that comes first after the clock. */
function search(rules: Rules, pendingOf: (slot: number) => Pending, clock: bigint) {
  for (let time = 0n; time <= LAST_EXPIRY + 1 + LONGEST; time++)
    for (const [slot, market] of rules.markets.entries()) {
      if (!market || time % market.interval !== 0n || 32n * time + BigInt(RANK.close(slot)) <= clock) continue;
      const { changed, firstExpiry } = pendingOf(slot);
      if (changed || (firstExpiry !== null && firstExpiry < time)) return { time, slot };
    }
  return null;
}

describe("the schedule", () => {
  it(`is what a search finds, in ${CASES} cases (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const { group } = parseGenesis(genesisJson).rules;
    const seen = { nothing: 0, now: 0, later: 0, expired: 0 };
    for (let i = 0; i < CASES; i++) {
      const few = random.integer(1, 5);
      const markets = Array.from({ length: MARKETS }, () =>
        random.integer(0, few) ? null : { ...row!, interval: BigInt(random.integer(1, LONGEST)) },
      );
      const pending = markets.map(() => ({
        changed: random.integer(0, 3) === 0,
        firstExpiry: random.integer(0, 1) ? BigInt(random.integer(0, LAST_EXPIRY)) : null,
      }));
      const rules = { group, markets };
      const clock = BigInt(random.integer(0, 32 * LATEST));
      const pendingOf = (slot: number) => pending[slot];
      const next = nextClose(rules, pendingOf, clock);
      assert.deepEqual(next, search(rules, pendingOf, clock), `case ${i}`);
      if (!next) {
        seen.nothing++;
        continue;
      }
      const { time, slot } = next;
      seen[time === clock >> 5n ? "now" : "later"]++;
      if (!pending[slot].changed) seen.expired++;
      // Whoever closes what is due comes to an end: the same market is never due twice at one time.
      const after = nextClose(rules, pendingOf, 32n * time + BigInt(RANK.close(slot)));
      assert.ok(!after || after.time > time || (after.time === time && after.slot > slot), `case ${i}: due again`);
    }
    for (const [kind, count] of Object.entries(seen)) assert.ok(count > CASES / 200, `only ${count} of kind ${kind}`);
  });
});
