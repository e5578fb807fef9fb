// Goal: an auction is due at the first time that the schedule names, and at none before it; one that would match nothing for
// want of prices is left out, while cancels and expiries are dropped all the same.
// Method: random rules, books, clocks and ends of prices, against a search through all seconds and slots, one after the other;
// what comes of it must be of every kind, and a market that was closed is not due again at the same time.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { MARKETS, RANK } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { nextClose, type Moment, type Pending } from "../../src/venue/schedule.ts";
import { unpriced } from "./fixture.ts";

const CASES = 20_000;
const SEED = Number(process.env.SEED ?? 3);
/** seconds: clocks, expiries and ends of markets are earlier, intervals shorter than the rest */
const [LATEST, LAST_EXPIRY, LONGEST] = [100, 120, 12];

const [row] = unpriced.rules.markets;

/** Of all closes that would change something, the one that comes first after the clock. */
function search({ markets }: Pick<Rules, "markets">, pendingOf: (slot: number) => Pending, moment: Moment) {
  const { clock, now, matches } = moment;
  for (let time = 0n; time <= LAST_EXPIRY + 1 + LONGEST; time++)
    for (const [slot, market] of markets.entries()) {
      if (!market || time % market.interval !== 0n || 32n * time + BigInt(RANK.close(slot)) <= clock) continue;
      const { drops, trades, firstExpiry } = pendingOf(slot);
      const expires = firstExpiry !== null && (firstExpiry < time || market.until <= time);
      if (drops || expires || (trades && (time > now || matches(slot, time)))) return { time, slot };
    }
  return null;
}

describe("the schedule", () => {
  it(`is what a search finds, in ${CASES} cases (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const seen = { nothing: 0, now: 0, later: 0, expired: 0, ended: 0, unpriced: 0, droppedUnpriced: 0 };
    for (let i = 0; i < CASES; i++) {
      const few = random.integer(1, 5);
      const markets = Array.from({ length: MARKETS }, () => {
        if (random.integer(0, few)) return null;
        const until = BigInt(random.integer(0, 3) ? 10 ** 6 : random.integer(0, LAST_EXPIRY));
        return { ...row!, interval: BigInt(random.integer(1, LONGEST)), until };
      });
      const pending = markets.map((): Pending => ({
        drops: random.integer(0, 5) === 0,
        trades: random.integer(0, 3) === 0,
        firstExpiry: random.integer(0, 1) ? BigInt(random.integer(0, LAST_EXPIRY)) : null,
      }));
      const now = BigInt(random.integer(0, LATEST));
      const clock = BigInt(random.integer(0, 32 * Number(now)));
      // Prices count for no entry from some time on; those of the last entry were never later than it.
      const end = markets.map(() => BigInt(random.integer(0, 2 * LATEST)));
      const matches = (slot: number, time: bigint) => time < end[slot];
      const pendingOf = (slot: number) => pending[slot];
      const moment = { clock, now, matches };
      const next = nextClose({ markets }, pendingOf, moment);
      assert.deepEqual(next, search({ markets }, pendingOf, moment), `case ${i}`);
      if (!next) {
        seen.nothing++;
        continue;
      }
      const { time, slot } = next;
      const { drops, trades, firstExpiry } = pending[slot];
      const isExpired = firstExpiry !== null && firstExpiry < time;
      seen[time === clock >> 5n ? "now" : "later"]++;
      if (!drops && !trades) seen[isExpired ? "expired" : "ended"]++;
      if (!drops && trades && time > now && nextClose({ markets }, pendingOf, { ...moment, matches: () => true })!.time < time)
        seen.unpriced++; // prettier-ignore
      if (drops && time <= now && !matches(slot, time)) seen.droppedUnpriced++;
      // Whoever closes what is due comes to an end: the same market is never due twice at one time.
      const after = nextClose({ markets }, pendingOf, { ...moment, clock: 32n * time + BigInt(RANK.close(slot)) });
      assert.ok(!after || after.time > time || (after.time === time && after.slot > slot), `case ${i}: due again`);
    }
    for (const [kind, count] of Object.entries(seen)) assert.ok(count > CASES / 500, `only ${count} of kind ${kind}`);
  });
});
