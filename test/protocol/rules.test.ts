// Goal: no rules pass of which a later entry could have no witness, and each word of the rules is in their root.
// Method: from one good set, one change each; the error names the place.
import assert from "node:assert/strict";
import { NO_INSTRUMENTS } from "../../src/protocol/instrument.ts";
import { isMarketOpen, MARKET_RULES, type MarketRules } from "../../src/protocol/market.ts";
import { INSTRUMENTS, MARKET_STATE } from "../../src/protocol/parameters.ts";
import type { Pricing } from "../../src/protocol/prices.ts";
import {
  DEFAULTS,
  PRICING,
  requireRules,
  rulesRoot,
  type Defaults,
  type Group,
  type Rules,
} from "../../src/protocol/rules.ts";
import { EXPIRY, group, GRID, market, pricing, PROFILE, rules } from "./pricedRules.ts";

const inGroup = (change: Partial<Group>): Rules => ({ ...rules(), group: { ...group(), ...change } });
const inPricing = (change: Partial<Pricing>): Rules => inGroup({ pricing: { ...pricing(), ...change } });
const inDefaults = (change: Partial<Defaults>): Rules => inGroup({ defaults: { ...group().defaults, ...change } });
const inMarket = (change: Partial<MarketRules>): Rules => {
  return { ...rules(), markets: rules().markets.map((row, m) => (m === 1 ? { ...row!, ...change } : row)) };
};
const row = (k: number, change: object) =>
  inPricing({ scenarios: pricing().scenarios.map((it, i) => (i === k ? { ...it, ...change } : it)) });

const refused: [why: string, message: RegExp, rules: () => Rules][] = [
  ["an operator key of small order", /operatorKey/, () => inGroup({ operatorKeyX: 0n, operatorKeyY: 1n })],
  ["3 feeds", /feeds/, () => inGroup({ feeds: group().feeds.slice(1) })],
  ["7 feeds where the profile has 4", /feeds/, () => inGroup({ feeds: [...group().feeds, ...group().feeds.slice(1)] })],
  ["a feed twice", /feeds.*once/, () => inGroup({ feeds: [...group().feeds.slice(1), group().feeds[1]] })],
  ["a feed that has no key", /feeds\[1\]/, () => inGroup({ feeds: group().feeds.map((key, i) => (i === 1 ? { x: 0n, y: 1n } : key)) })],
  ["slack above the whole", /slack/, () => inGroup({ slack: 65n })],
  ["a market above the greatest id", /markets\[4\]\.id.*greatestId/, () => inGroup({ greatestId: 104n })],
  ["epochs of no length", /epochLength/, () => inPricing({ epochLength: 0n })],
  ["expiries that end within an epoch", /grid/, () => inPricing({ epochLength: 7n })],
  ["a lag longer than an epoch", /lag/, () => inPricing({ lag: pricing().epochLength + 1n })],
  ["a window longer than the grid", /window/, () => inPricing({ window: GRID + 1n })],
  ["a window of 65,537 epochs", /window.*65536/, () => inPricing({ epochLength: 1n, lag: 0n, window: 65_537n, grid: 1n << 17n })],
  ["funding every 65,537 epochs", /fundingEvery/, () => inPricing({ fundingEvery: 65_537n })],
  ["a floor above the cap", /rangeFloor/, () => inPricing({ rangeFloor: 200_001n })],
  ["a move beyond the table of exp", /scenarios\[1\]\.move.*e\^4/, () => inPricing({ rangeCap: (4n << 24n) / 24n + 1n })],
  ["one scenario too few", /scenarios: expected|scenarios is/, () => inPricing({ scenarios: pricing().scenarios.slice(1) })],
  ["a mark that moves", /scenarios\[0\]/, () => row(0, { move: 1n })],
  ["a mark of other volatility", /scenarios\[0\]/, () => row(0, { level: "raised" })],
  ["a move of three ranges and more", /scenarios\[2\]\.move/, () => row(2, { move: 73n })],
  ["a fourth volatility", /scenarios\[2\]\.level/, () => row(2, { level: "toString" })],
  ["a weight above the whole", /scenarios\[2\]\.weight/, () => row(2, { weight: 65n })],
  ["15 tenors", /tenors/, () => inPricing({ tenors: pricing().tenors.slice(1) })],
  ["a tenor of 9 bits", /tenors\[3\]/, () => inPricing({ tenors: pricing().tenors.map((it, i) => (i === 3 ? 256n : it)) })],
  ["a raised volatility that is lowered", /raised/, () => inPricing({ raised: -1n })],
  ["a lowered volatility that is raised", /lowered/, () => inPricing({ lowered: 1n })],
  ["volatility lowered by more than half", /lowered/, () => inPricing({ lowered: -33n })],
  ["funding by nothing", /fundingDivisor/, () => inPricing({ fundingDivisor: 0n })],
  ["funding every no epoch", /fundingEvery/, () => inPricing({ fundingEvery: 0n })],
  ["a step of nothing, which every move passes", /step/, () => inPricing({ step: 0n })],
  ["a band around the index as wide as it", /markBand/, () => inPricing({ markBand: 1n << 16n })],
  ["maintenance that an ordinary rise of the range flags", /maintenance/, () => inDefaults({ maintenance: 641n })],
  ["maintenance above the target", /maintenance/, () => inDefaults({ target: 511n })],
  ["a target above full margin", /target/, () => inDefaults({ target: 1_025n })],
  ["a penalty above maintenance", /penalty/, () => inDefaults({ penalty: 513n })],
  ["an insuranceLimit above 32 penalties", /insuranceLimit/, () => inDefaults({ penalty: 50n, insuranceLimit: 1_601n })],
  ["no slope", /slope/, () => inDefaults({ slope: 0n })],
  ["a payout to an address of 161 bits", /payout\.recipient/, () => inGroup({ payout: { recipient: 1n << 160n, amount: 1n, time: 1n } })],
  ["an instrument off the grid", /instruments\[1\]\.expiry/, () => inPricing({ grid: 2n * GRID * 60n })],
  ["a leg on a free slot", /markets\[1\]\.legs\[5\]/, () => inMarket(market(102n, { 5: 1n }))],
  ["a market that outlives a leg", /markets\[1\]\.until/, () => inMarket({ until: EXPIRY + 1n })],
  ["an id twice", /markets\[1\]\.id.*once|markets\[2\]\.id.*once/, () => inMarket({ id: 103n })],
  ["an interval of nothing", /markets\[1\]\.interval/, () => inMarket({ interval: 0n })],
  ["a state that is none", /markets\[1\]\.state/, () => inMarket({ state: 3n })],
  ["room for no sweep of a default", /markets\[1\]\.cancelCapacity/, () => inMarket({ cancelCapacity: (1n << 16n) - 8n })],
  ["capacities that fit no transaction", /markets\[1\]/, () => inMarket({ capacity: 5_000n })],
]; // prettier-ignore

describe("protocol/rules", () => {
  it("takes rules that are good", () => assert.deepEqual(requireRules(rules(), PROFILE), rules()));

  for (const [why, message, change] of refused)
    it(`refuses ${why}`, () => assert.throws(() => requireRules(change(), PROFILE), { code: "OUT_OF_RANGE", message }));

  it("binds every word", () => {
    const of = (table: readonly string[], words: object) =>
      table.map((name) => ({ [name]: (words as Record<string, bigint>)[name] + 1n }));
    const changed: Rules[] = [
      ...of(PRICING, pricing()).map(inPricing),
      ...of(["epochLength", "lag", "grid"], pricing()).map(inPricing),
      ...of(DEFAULTS, group().defaults).map(inDefaults),
      ...of(["operatorKeyX", "operatorKeyY", "slack", "greatestId"], group()).map(inGroup),
      inGroup({ payout: { recipient: 1n, amount: 1n, time: 1n } }),
      inGroup({ payout: { recipient: 2n, amount: 1n, time: 1n } }),
      inGroup({ feeds: group().feeds.toReversed() }),
      inPricing({ tenors: pricing().tenors.map((it, i) => (i === 15 ? 1n : it)) }),
      ...[{ move: 23n }, { level: "lowered" }, { weight: 63n }].map((change) => row(2, change)),
      ...of(MARKET_RULES.filter((name) => name !== "legs"), rules().markets[1]!).map(inMarket),
      inMarket(market(102n, { 1: -1n })),
      inMarket({ id: 1_000n }),
      { ...rules(), markets: rules().markets.map((it, m) => (m === 4 ? null : it)) },
      ...(["longCharge", "shortCharge", "weight"] as const).map((name) => {
        const instruments = rules().instruments.map((it, i) => (i === 4 ? { ...it!, [name]: 77n } : it));
        return { ...rules(), instruments };
      }),
    ]; // prettier-ignore
    const roots = [rules(), ...changed].map(rulesRoot);
    assert.equal(new Set(roots).size, roots.length);
  });

  it("has a root of a venue with nothing to trade", () => {
    const none = { ...rules(), instruments: NO_INSTRUMENTS, markets: rules().markets.map(() => null) };
    assert.deepEqual(requireRules(none, PROFILE), none);
    assert.notEqual(rulesRoot(none), rulesRoot(rules()));
    assert.equal(NO_INSTRUMENTS.length, INSTRUMENTS);
  });

  it("ends a market at `until`, and halts it by its state", () => {
    const row = market(1n, { 1: 1n });
    assert.equal(isMarketOpen(row, EXPIRY - 1n), true);
    assert.equal(isMarketOpen(row, EXPIRY), false);
    assert.equal(isMarketOpen({ ...row, state: BigInt(MARKET_STATE.halted) }, 0n), false);
  });
});
