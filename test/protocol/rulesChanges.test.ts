// Goal: what differs between two sets of rules is told word by word, with what it takes beside the timelock.
// Method: small rules, changed one word at a time; what is said to be needed against what `configure` refuses without it.
import assert from "node:assert/strict";
import { configure } from "../../src/protocol/configure.ts";
import { MARKET_STATE } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { rulesChanges } from "../../src/protocol/rulesChanges.ts";
import { EXPIRY, GRID, instrument, contract, market, pricing, rules } from "./pricedRules.ts";
import { changed, context } from "./ruleChanges.ts";

const NOBODY = /nobody holds/;
const EMPTY = /market is empty/;

describe("changes of rules", () => {
  it("are none between equal ones", () => {
    assert.deepEqual(rulesChanges(rules(), rules()), []);
  });

  const cases: [what: string, after: Rules, at: string, before: string, now: string, needs: RegExp | null][] = [
    ["a fee that falls", changed({ markets: [[0, { feeRate: 0n }]] }), "markets[0].feeRate", "50", "0", null],
    ["a fee that rises", changed({ markets: [[0, { feePerLot: 3n }]] }), "markets[0].feePerLot", "2", "3", EMPTY],
    ["a band", changed({ markets: [[0, { band: 7n }]] }), "markets[0].band", "20000", "7", null],
    ["a halt", changed({ markets: [[4, { state: BigInt(MARKET_STATE.halted) }]] }), "markets[4].state", "open", "halted", null],
    ["a tick", changed({ markets: [[0, { tick: 5n }]] }), "markets[0].tick", "10", "5", EMPTY],
    ["a leg", changed({ markets: [[4, market(105n, { 2: 1n, 3: 2n })]] }), "markets[4].legs[3]", "1", "2", EMPTY],
    ["a charge", changed({ instruments: [[1, { ...instrument(contract("future")), longCharge: 99n }]] }), "instruments[1].longCharge", "10", "99", null],
    ["a strike", changed({ instruments: [[4, instrument(contract("call", { strike: 90_000n, forward: 1n, volatility: 4n }))]] }), "instruments[4].strike", "120000", "90000", NOBODY],
    ["an expiry of a perpetual", changed({ instruments: [[0, instrument(contract("future", { expiry: EXPIRY }))]] }), "instruments[0].expiry", "0", `${EXPIRY}`, null],
    ["the length of epochs", { ...rules(), group: { ...rules().group, pricing: { ...pricing(), epochLength: 30n } } }, "group.pricing.epochLength", "60", "30", /never/],
    ["the grid of expiries", { ...rules(), group: { ...rules().group, pricing: { ...pricing(), grid: GRID / 2n } } }, "group.pricing.grid", "3600", "1800", /never/],
    ["a row of the scenarios", { ...rules(), group: { ...rules().group, pricing: { ...pricing(), scenarios: pricing().scenarios.with(1, { move: -12n, level: "raised", weight: 64n }) } } }, "group.pricing.scenarios[1].move", "-24", "-12", null],
    ["a key of a feed", { ...rules(), group: { ...rules().group, feeds: rules().group.feeds.with(2, { ...rules().group.feeds[2], x: 5n }) } }, "group.feeds[2].x", `${rules().group.feeds[2].x}`, "5", null],
  ]; // prettier-ignore
  for (const [what, after, at, before, now, needs] of cases)
    it(`${what}: ${needs ? `needs ${needs.source}` : "needs the timelock alone"}`, () => {
      const changes = rulesChanges(rules(), after);
      const change = changes.find((it) => it.at === at);
      assert.ok(change, `${at} is not among ${changes.map((it) => it.at).join(", ")}`);
      assert.deepEqual([change.before, change.after], [before, now]);
      if (needs) assert.match(change.needs ?? "", needs);
      else assert.equal(change.needs, null);
      for (const other of changes) assert.notEqual(other.before, other.after, other.at);
    });

  it("of a market that is listed need nothing, of one that goes that it is empty", () => {
    const listed = rulesChanges(rules(), changed({ markets: [[5, market(106n, { 2: -1n })]] }));
    assert.deepEqual(
      listed.map(({ at, before, needs }) => [at, before, needs]),
      [
        ["group.greatestId", "105", null],
        ["markets[5]", "none", null],
      ],
    );
    const [gone, ...more] = rulesChanges(rules(), changed({ markets: [[4, null]] }));
    assert.deepEqual([gone.at, gone.after, more], ["markets[4]", "none", []]);
    assert.match(gone.needs!, EMPTY);
  });

  it("need what `configure` refuses them without", () => {
    const busy = [0, 1, 2, 3, 4];
    for (const [what, after, at, , , needs] of cases) {
      if (what === "an expiry of a perpetual" || what === "a key of a feed") continue;
      const run = () => configure(rules(), after, context(busy, what === "a strike" ? [4] : [0, 1, 2, 3]));
      if (needs) assert.throws(run, { code: "RULES" }, `${what} ${at}`);
      else assert.doesNotThrow(run, `${what} ${at}`);
    }
  });
});
