// Goal: what a client says of an account's margin is what the protocol computes, and says where it comes from.
// Method: accounts under prices made of reports, against sums done by hand; the curve against the table's own rows.
import assert from "node:assert/strict";
import { marginOf } from "../../src/client/margin.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { noPrices, reprice, type PricedRules } from "../../src/protocol/prices.ts";
import { medians, NO_PREMIUM } from "../../src/protocol/report.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { reportsOf } from "../venue/fixture.ts";
import { FIRST, minutely } from "../venue/repricing.ts";

const { rules, domain } = minutely;
const priced: PricedRules = { root: rulesRoot(rules), pricing: rules.group.pricing, ...rules };
const made = (epoch: bigint, before = noPrices(priced), numbers = {}) =>
  reprice(priced, before, epoch, medians(reportsOf({ epoch, ...numbers }, { rules, domain })));
/** With funding: the perpetual's values are net of it. */
const prices = made(FIRST + 2n, made(FIRST), { premium: NO_PREMIUM + 800n });
const positions = (...lots: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => lots[i] ?? 0n);
const account = { cash: 1_000_000n, positions: positions(-7n, 5n, -3n), reserved: 12_345n };

describe("margin of an account", () => {
  const report = marginOf(account, { rules, prices }, null);

  it("is its equity in each scenario, less charges but at the mark, less what orders hold", () => {
    assert.equal(prices.funding, 100n);
    const charges = 7n * 100n + 5n * 50n + 3n * 500n;
    assert.equal(report.charges, charges);
    const expected = prices.values.map(
      (of, k) => 1_000_000n - 7n * of[0] + 5n * of[1] - 3n * of[2] - (k === 0 ? 0n : charges),
    );
    assert.deepEqual(
      report.scenarios.map(({ equity }) => equity),
      expected,
    );
    assert.deepEqual(
      report.scenarios.map(({ free }) => free),
      expected.map((equity) => equity - 12_345n),
    );
    assert.equal(report.reserved, 12_345n);
    const least = expected.reduce((a, b) => (b < a ? b : a));
    assert.equal(report.worst, expected.indexOf(least));
    assert.ok(report.worst > 0);
    const { pricing } = rules.group;
    for (const [k, { move, level, weight, factor }] of report.scenarios.entries()) {
      assert.deepEqual({ move, level, weight }, pricing.scenarios[k]);
      assert.ok(Math.abs(factor - Math.exp((Number(move) * Number(prices.range)) / 2 ** 24)) < 1e-12);
    }
  });

  it("names what changes in the worst scenario, the most adverse first: all of it", () => {
    const [mark, worst] = [prices.values[0], prices.values[report.worst]];
    assert.deepEqual(new Set(report.drivers.map(({ instrument }) => instrument)), new Set([0, 1, 2]));
    for (const { instrument, lots, value, change, stale } of report.drivers) {
      assert.equal(lots, account.positions[instrument]);
      assert.equal(value, mark[instrument]);
      assert.equal(change, lots * (worst[instrument] - mark[instrument]));
      assert.equal(stale, false);
    }
    const sums = report.drivers.map(({ change, charge }) => change - charge);
    assert.deepEqual(
      sums,
      [...sums].sort((a, b) => Number(a - b)),
    );
    const all = sums.reduce((a, b) => a + b);
    assert.equal(all, report.scenarios[report.worst].equity - report.scenarios[0].equity);
  });

  it("has a curve through the equity at the mark, and through rows of the table that move the underlying alone", () => {
    const middle = (report.curve.length - 1) / 2;
    assert.equal(report.curve[middle].factor, 1);
    assert.equal(report.curve[middle].equity, report.scenarios[0].equity);
    const factors = report.curve.map(({ factor }) => factor);
    assert.deepEqual(
      factors,
      [...factors].sort((a, b) => a - b),
    );
    // What is no option does not see volatilities.
    const linear = marginOf({ ...account, positions: positions(-7n) }, { rules, prices }, null);
    for (const { move, equity } of linear.scenarios.slice(1)) {
      const factor = Math.exp((Number(move) * Number(prices.range)) / 2 ** 24);
      const point = linear.curve.find((it) => Math.abs(it.factor - factor) < 1e-9)!;
      assert.equal(point.equity, equity + linear.charges, `${move}`);
    }
  });

  it("of what has settled does not move", () => {
    const payoffs = prices.payoffs.map((it, i) => (i === 1 ? 3_001n : it));
    const values = prices.values.map((of) => of.with(1, 3_000n));
    const settled = { ...prices, payoffs, values, longCharges: prices.longCharges.with(1, 0n) };
    const report = marginOf({ ...account, positions: positions(0n, 5n) }, { rules, prices: settled }, null);
    for (const { equity } of [...report.scenarios, ...report.curve]) assert.equal(equity, 1_015_000n);
    assert.deepEqual([report.worst, report.charges], [0, 0n]);
  });

  it("goes on from what an average has fixed, within the settlement window of an option", () => {
    const { window, epochLength } = rules.group.pricing;
    const end = rules.instruments[1]!.contract.expiry - window / 2n;
    const average = 104_000n;
    const late = made(end / epochLength, made(end / epochLength - 1n), { average });
    const held = { ...account, positions: positions(0n, 5n) };
    const middle = (average: bigint | null) => {
      const { curve, scenarios } = marginOf(held, { rules, prices: late }, average);
      return [curve[(curve.length - 1) / 2].equity, scenarios[0].equity];
    };
    const [at, mark] = middle(average);
    assert.equal(at, mark);
    assert.notEqual(middle(null)[0], mark, "the average counts");
  });

  it("of an account that holds nothing is its cash", () => {
    const report = marginOf({ ...account, positions: positions() }, { rules, prices }, null);
    for (const { equity } of [...report.scenarios, ...report.curve]) assert.equal(equity, 1_000_000n);
    assert.deepEqual([report.worst, report.drivers], [0, []]);
  });
});
