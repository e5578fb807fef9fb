// Goal: feeds for development say the same of an epoch whenever they are asked, what they say is sane, and it can crash.
// Method: epochs in order, out of order and after a start; a day of them; expiries and crashes by hand.
import assert from "node:assert/strict";
import { DevelopmentFeeds, type DevelopmentFeedsOptions } from "../../src/feeds/developmentFeeds.ts";
import { PricePath } from "../../src/feeds/pricePath.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { NO_PREMIUM, reportWords, requireQuorum } from "../../src/protocol/report.ts";
import { EXPIRY, instruments, LENGTH, pricing, WINDOW } from "./setting.ts";

const START = EXPIRY - 86_400n;
const of = (change: Partial<DevelopmentFeedsOptions> = {}) =>
  new DevelopmentFeeds({ seed: 7, feeds: 4, startPrice: 100_000n, startTime: START, ...change });
const at = (time: bigint) => time / LENGTH;
const YEARLY = (x: bigint) => Number(x) / 2 ** 24;

describe("feeds/developmentFeeds", () => {
  it("makes a quorum of any 2f + 1, at the first start for the epoch that is over", () => {
    for (const feeds of [4, 7]) {
      const some = of({ feeds });
      const epoch = at(START);
      const signed = some.reports(9n, instruments(), pricing(), epoch);
      assert.deepEqual(
        signed.map(({ feed }) => feed),
        [...Array(feeds).keys()],
      );
      const expected = { keys: some.keys, domain: 9n, contracts: contractsHash(instruments()), epoch };
      requireQuorum(signed.slice((feeds - 1) / 3), expected);
      requireQuorum(signed.slice(0, -(feeds - 1) / 3), expected);
    }
    assert.throws(() => of({ feeds: 5 }), { code: "OUT_OF_RANGE" });
  });

  it("says the same for a seed, in whatever order, and something else for another", () => {
    const epochs = [0n, 1n, 2n, 30n, 700n, 1_400n, 1_441n, 1_500n, 9_000n].map((n) => at(START) + n);
    const one = of();
    const inOrder = epochs.map((epoch) => one.numbers(instruments(), pricing(), epoch));
    const other = of();
    for (const i of [8, 3, 3, 0, 5, 7, 6, 1, 4, 2]) {
      assert.deepEqual(other.numbers(instruments(), pricing(), epochs[i]), inOrder[i]);
      // Under other rules between.
      if (i % 2 === 0) other.numbers(instruments(), pricing({ window: 60n }), epochs[i]);
    }
    for (const [i, epoch] of epochs.entries())
      assert.deepEqual(of().numbers(instruments(), pricing(), epoch), inOrder[i]);
    assert.deepEqual(one.reports(1n, instruments(), pricing(), epochs[1]), of().reports(1n, instruments(), pricing(), epochs[1])); // prettier-ignore
    const bytes = new TextEncoder().encode("7");
    assert.deepEqual(of({ seed: bytes }).keys, one.keys);
    assert.notDeepEqual(of({ seed: 8 }).keys, one.keys);
    assert.notDeepEqual(of({ seed: 8 }).numbers(instruments(), pricing(), epochs[3]), inOrder[3]);
    assert.equal(new Set(one.keys.map(({ x }) => x)).size, 4);
  });

  it("has every number in range and sane, through a window and an expiry", () => {
    const feeds = of();
    let before = 0n;
    for (let epoch = at(START); epoch <= at(EXPIRY) + 60n; epoch += epoch > at(EXPIRY - WINDOW) - 2n ? 1n : 7n) {
      const { index, average, sigma, premium, values } = feeds.numbers(instruments(), pricing(), epoch);
      for (const report of [{ index, average, sigma, premium, values }]) reportWords(report);
      const near = (a: bigint, b: bigint, part: number) => Math.abs(Number(a - b)) <= part * Number(b);
      assert.ok(before === 0n || near(index, before, 0.08));
      before = index;
      assert.ok(near(average, index, 0.06));
      assert.ok(YEARLY(sigma) > 0.2 && YEARLY(sigma) < 8, String(YEARLY(sigma)));
      assert.ok(near(index + premium - NO_PREMIUM, index, 0.005) && near(values[0], index, 0.005));
      if (epoch >= at(EXPIRY)) continue;
      for (const slot of [2, 4]) assert.ok(YEARLY(values[slot]) >= 0.3 && YEARLY(values[slot]) <= 1.5);
      assert.equal(values[3], 0n);
      if (epoch <= at(EXPIRY - WINDOW)) assert.ok(values[1] >= index && near(values[1], index, 0.001));
    }
    assert.equal(of().numbers(instruments(), pricing(), at(START)).index, 100_000n);
  });

  it("settles by the average at the expiry, and says it for as long as it is asked", () => {
    const feeds = of();
    const { average } = feeds.numbers(instruments(), pricing(), at(EXPIRY));
    for (const epoch of [at(EXPIRY), at(EXPIRY) + 1n, at(EXPIRY) + 5_000n]) {
      const { values } = feeds.numbers(instruments(), pricing(), epoch);
      assert.deepEqual(values.slice(1, 5), Array(4).fill(1n + average));
      const mine = feeds.reports(1n, instruments(), pricing(), epoch).map(({ report }) => report.values[2]);
      for (const value of mine) assert.ok(Math.abs(Number(value - 1n - average)) <= Number(average) * 2e-5 + 1);
    }
  });

  it("crashes when it is told to, and not before", () => {
    const crash = { at: START + 6_030n, by: 0.2 };
    const [calm, hit] = [of(), of({ crash })];
    const both = (epoch: bigint) => [calm, hit].map((it) => it.numbers(instruments(), pricing(), epoch));
    const [a, b] = both(at(START + 6_000n));
    assert.deepEqual(a, b);
    const [c, d] = both(at(START + 6_060n));
    assert.ok(Math.abs(Number(d.index) / Number(c.index) - 0.8) < 1e-4);
    assert.ok(Math.abs(Number(d.values[0]) / Number(c.values[0]) - 0.8) < 1e-4);
    assert.ok(YEARLY(d.sigma) > 5 * YEARLY(c.sigma));
    const [e, f] = both(at(START + 60_000n));
    assert.ok(Math.abs(Number(f.index) / Number(e.index) - 0.8) < 1e-4, "it stays");
    assert.throws(() => of({ crash: { at: START, by: 1 } }), { code: "OUT_OF_RANGE" });
  });

  it("lets feeds differ, but by millionths", () => {
    const signed = of().reports(1n, instruments(), pricing(), at(START));
    const indexes = signed.map(({ report }) => Number(report.index));
    assert.ok(new Set(indexes).size > 1);
    for (const index of indexes) assert.ok(Math.abs(index - 100_000) <= 2);
  });

  it("moves as far in a day as its volatility says", () => {
    // Of 300 paths: 60% a year, and four jumps of 1% a day.
    const squares = Array.from({ length: 300 }, (_, i) => {
      const seed = Uint8Array.of(i & 255, i >> 8, 1, 2);
      const path = new PricePath({ seed, startPrice: 100_000n, startTime: START });
      assert.equal(Math.round(path.price(Number(START))), 100_000);
      return Math.log(path.price(Number(START) + 86_400) / path.price(Number(START))) ** 2;
    });
    const expected = 0.36 / 365 + 4 * 0.01 ** 2;
    const mean = squares.reduce((a, b) => a + b, 0) / squares.length;
    // The mean of 300 squares of a normal number has a deviation of 8%.
    assert.ok(mean > 0.7 * expected && mean < 1.3 * expected, `${mean / expected}`);
  });
});
