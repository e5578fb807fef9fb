// Goal: a market is said to have something to clear exactly where a clear would let an order trade or leave.
// Method: random items; before each CLOSE what the matcher says is compared with what the CLOSE then does, with a fork and
// with a matcher that was restored.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { Random } from "../../src/replay/random.ts";
import { genesis, INTERVAL, OPEN_SLOTS, options, randomCommands } from "./venue.ts";

const SEED = Number(process.env.SEED ?? 20_261_130);

describe("matcher: what waits for a clear", () => {
  it(`is what a clear would change (seed ${SEED})`, () => {
    const matcher = new Matcher(genesis, options);
    const seen = { quiet: 0, trades: 0, leaves: 0 };
    let asked = 0;
    for (const command of randomCommands(new Random(SEED))) {
      // A purge may leave orders that cross: they wait until another one comes.
      if (command.kind === "purge") continue;
      matcher.apply(command);
      if (++asked % 3 > 0) continue;
      for (const slot of OPEN_SLOTS) {
        const { changed, firstExpiry } = matcher.pending(slot);
        const time = ((matcher.clock >> 5n) / INTERVAL + 1n) * INTERVAL;
        if (asked % 60 === 0)
          assert.deepEqual(Matcher.restore(genesis, options, matcher.export()).pending(slot), { changed, firstExpiry });
        const fork = matcher.fork();
        assert.deepEqual(fork.pending(slot), { changed, firstExpiry });
        const [cleared] = fork.apply({ kind: "close", time, slot });
        assert.equal(cleared.kind, "clear");
        if (cleared.kind !== "clear") continue;
        const fills = cleared.sweeps.flatMap(({ outcome }) => outcome.fills);
        const due = changed || (firstExpiry !== null && firstExpiry < time);
        // Cancels are worth a clear though what they name may be gone.
        if (matcher.cancels(slot).length > 0) assert.equal(changed, true);
        else assert.equal(due, fills.length > 0, `slot ${slot} after ${asked} commands`);
        if (fills.length === 0) seen.quiet++;
        else if (fills.some(({ lots }) => lots !== 0n)) seen.trades++;
        else seen.leaves++;
        assert.deepEqual(fork.pending(slot).changed, false, "nothing is left to clear");
      }
      if (asked > 1_000) break;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `only ${count} ${what}`);
  });
});
