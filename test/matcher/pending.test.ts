// Goal: a market is said to have something to clear exactly where a clear would let an order trade or leave.
// Method: random items; before each CLOSE what the matcher says is compared with what the CLOSE then does, with a fork and
// with a matcher that was restored.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { Random } from "../../src/replay/random.ts";
import { genesis, INTERVAL, OPEN_SLOTS, options, randomCommands, stillGenesis } from "./venue.ts";

const SEED = Number(process.env.SEED ?? 20_261_130);

describe("matcher: what waits for a clear", () => {
  it(`is what a clear would change (seed ${SEED})`, () => {
    const matcher = new Matcher(stillGenesis, options);
    const seen = { quiet: 0, trades: 0, leaves: 0 };
    let [asked, purges] = [0, 0];
    for (const command of randomCommands(new Random(SEED), stillGenesis)) {
      matcher.apply(command);
      // A purge leaves orders that cross: they wait as before.
      if (command.kind === "purge") purges++;
      if (++asked % 3 > 0) continue;
      for (const slot of OPEN_SLOTS) {
        const said = matcher.pending(slot);
        const { drops, trades, firstExpiry } = said;
        const time = ((matcher.clock >> 5n) / INTERVAL + 1n) * INTERVAL;
        if (asked % 60 === 0)
          assert.deepEqual(Matcher.restore(stillGenesis, options, matcher.export()).pending(slot), said);
        const fork = matcher.fork();
        assert.deepEqual(fork.pending(slot), said);
        const [cleared] = fork.apply({ kind: "close", time, slot });
        assert.equal(cleared.kind, "clear");
        if (cleared.kind !== "clear") continue;
        const fills = cleared.sweeps.flatMap(({ outcome }) => outcome.fills);
        const isDue = trades || (firstExpiry !== null && firstExpiry < time);
        // Cancels are worth a clear though what they name may be gone.
        assert.equal(drops, matcher.cancels(slot).length > 0);
        if (!drops) assert.equal(isDue, fills.length > 0, `slot ${slot} after ${asked} commands`);
        if (fills.length === 0) seen.quiet++;
        else if (fills.some(({ lots }) => lots !== 0n)) seen.trades++;
        else seen.leaves++;
        const after = fork.pending(slot);
        assert.deepEqual([after.drops, after.trades], [false, false], "nothing is left to clear");
      }
      if (asked > 1_000) break;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `only ${count} ${what}`);
    assert.ok(purges > 2);
  });

  it(`is cleared by a CLOSE that matches alone, which prices, rules and time decide (seed ${SEED})`, () => {
    const matcher = new Matcher(genesis, options);
    const seen = { matches: 0, not: 0, waits: 0 };
    let asked = 0;
    for (const command of randomCommands(new Random(SEED))) {
      matcher.apply(command);
      if (++asked % 9 > 0) continue;
      for (const slot of OPEN_SLOTS) {
        const time = (matcher.clock >> 5n) + 10n - ((matcher.clock >> 5n) % INTERVAL);
        const fork = matcher.fork();
        const matches = fork.matchesAt(slot, time);
        const { trades } = fork.pending(slot);
        const [cleared] = fork.apply({ kind: "close", time, slot });
        assert.equal(cleared.kind === "clear" && cleared.sweeps.at(-1)!.match, matches);
        if (matches) assert.equal(fork.pending(slot).trades, false);
        seen[matches ? "matches" : "not"]++;
        if (!matches && trades && fork.pending(slot).trades) seen.waits++;
      }
      if (asked > 1_000) break;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `only ${count} ${what}`);
  });
});
