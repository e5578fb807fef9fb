// Goal: prices follow from medians by the stated rules, whatever feeds report, and from nothing else.
// Method: hand-computed steps of each rule at its bounds; random reports for what holds of all.
import assert from "node:assert/strict";
import { abs } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import {
  missingAt,
  nextFunding,
  nextRange,
  noPrices,
  payoff,
  pricesRoot,
  reprice,
  settlement,
  type PricedRules,
  type Prices,
  type Pricing,
} from "../../src/protocol/prices.ts";
import { NO_PREMIUM, type Numbers } from "../../src/protocol/report.ts";
import { rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { contract, EXPIRY, group, market, pricing, rules } from "./pricedRules.ts";

const L = pricing().epochLength;
const AT_EXPIRY = EXPIRY / L;
const SIGMA = (3n << 24n) / 4n; // 75%

function priced(change: Partial<Rules> = {}, words: Partial<Pricing> = {}): PricedRules {
  const all = { ...rules(), group: { ...group(), pricing: { ...pricing(), ...words } }, ...change };
  return { root: rulesRoot(all), pricing: all.group.pricing, instruments: all.instruments, markets: all.markets };
}
/** Marks of perpetual and future, volatilities of the two options with their own. */
const VALUES = [100_100n, 100_500n, SIGMA, 0n, SIGMA];
function numbers(change: Partial<Numbers> = {}, values: Record<number, bigint> = {}): Numbers {
  const all = Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? VALUES[i] ?? 0n);
  return { index: 100_000n, average: 100_000n, sigma: SIGMA, premium: NO_PREMIUM, values: all, ...change };
}
const first = (of = priced(), change: Partial<Numbers> = {}) => reprice(of, noPrices(of), 1_000n, numbers(change));

describe("protocol/prices", () => {
  describe("range", () => {
    const it24 = (horizon: bigint) => (horizon * SIGMA) >> 24n;
    it("is the horizon's part of sigma, between floor and cap", () => {
      const of = pricing();
      assert.equal(nextRange(of, 150_000n, 1n, SIGMA), it24(of.horizon));
      assert.equal(nextRange(of, 150_000n, 1n, 1n), of.rangeFloor);
      assert.equal(nextRange(of, 200_000n, 1n, 1n << 39n), of.rangeCap);
    });
    it("rises by a quarter an epoch at most, over 16 epochs at most", () => {
      const of = { ...pricing(), rangeCap: (1n << 26n) - 1n };
      const most = 1n << 39n;
      assert.equal(nextRange(of, 20_001n, 1n, most), 25_001n);
      assert.equal(nextRange(of, 20_001n, 2n, most), (20_001n * 25n) / 16n);
      assert.equal(nextRange(of, 20_001n, 17n, most), nextRange(of, 20_001n, 16n, most));
      assert.equal(nextRange(of, 20_001n, 16n, most), (20_001n * 5n ** 16n) / 4n ** 16n);
    });
    it("may be anything at first", () => assert.equal(nextRange(pricing(), null, 1n, 1n << 39n), pricing().rangeCap));
    it("comes into new bounds when rules change within an epoch", () => {
      const before = first();
      const narrow = priced({}, { rangeCap: before.range - 1n });
      assert.equal(reprice(narrow, before, before.epoch, numbers()).range, before.range - 1n);
      const wide = priced({}, { rangeFloor: before.range + 1n });
      assert.equal(reprice(wide, before, before.epoch, numbers()).range, before.range + 1n);
    });
  });

  describe("funding", () => {
    const none = { funding: 0n, fundingRest: 0n };
    it("pays a part of the premium and carries the rest", () => {
      assert.deepEqual(nextFunding(pricing(), none, 100_000n, NO_PREMIUM + 100n), { funding: 12n, fundingRest: 4n });
      assert.deepEqual(nextFunding(pricing(), { funding: 12n, fundingRest: 4n }, 100_000n, NO_PREMIUM + 100n), { funding: 25n, fundingRest: 0n }); // prettier-ignore
      assert.deepEqual(nextFunding(pricing(), none, 100_000n, NO_PREMIUM - 1n), { funding: -1n, fundingRest: 7n });
      assert.deepEqual(nextFunding(pricing(), none, 100_000n, 0n), none);
    });
    it("clamps the premium, and the sum of all", () => {
      const bound = (pricing().fundingClamp * 100_000n) >> 16n;
      for (const [sign, premium] of [[1n, (1n << 40n) - 1n], [-1n, 1n]] as const) // prettier-ignore
        assert.deepEqual(nextFunding(pricing(), none, 100_000n, premium), nextFunding(pricing(), none, 100_000n, NO_PREMIUM + sign * bound)); // prettier-ignore
      const full = { funding: (1n << 40n) - 1n, fundingRest: 0n };
      assert.equal(nextFunding(pricing(), full, 100_000n, NO_PREMIUM + 100n).funding, full.funding);
      assert.equal(nextFunding(pricing(), { funding: -full.funding, fundingRest: 0n }, 100_000n, NO_PREMIUM - 100n).funding, -full.funding); // prettier-ignore
    });
    it("is due once for each stretch in which a multiple of N lies, however many epochs are left out", () => {
      const of = priced();
      const steps: [epoch: bigint, paid: boolean][] = [[1_019n, false], [1_020n, true], [1_021n, false], [1_079n, false], [1_300n, true], [1_319n, false], [1_320n, true]]; // prettier-ignore
      let prices = first(of);
      for (const [epoch, paid] of steps) {
        const next = reprice(of, prices, epoch, numbers({ premium: NO_PREMIUM + 80n }));
        assert.equal(next.funding - prices.funding, paid ? 10n : 0n, `epoch ${epoch}`);
        prices = next;
      }
    });
    it("lowers every value of the perpetual and what is held of it is worth, and the markets say by how much", () => {
      const of = priced();
      const [before, after] = [NO_PREMIUM, NO_PREMIUM + 80n].map((premium) => reprice(of, first(of), 1_020n, numbers({ premium }))); // prettier-ignore
      after.values.forEach((row, k) => {
        assert.equal(row[0], before.values[k][0] - 10n);
        assert.deepEqual(row.slice(1), before.values[k].slice(1));
      });
      assert.equal(after.markets[0]!.mark, before.markets[0]!.mark);
      assert.equal(after.markets[0]!.funding, 10n);
      assert.equal(after.markets[1]!.funding, 0n);
    });
  });

  describe("halt", () => {
    // A step of a tenth: 6554 / 2^16 of 100,000 is 10,000.6.
    it("when the index moves more than a step", () => {
      const of = priced();
      for (const [index, halted] of [
        [110_000n, false],
        [110_001n, true],
        [90_000n, false],
        [89_999n, true],
      ] as const)
        // prettier-ignore
        assert.equal(reprice(of, first(of), 1_001n, numbers({ index })).halted, halted, `${index}`);
    });
    it("lasts for an epoch, and never is in the first one, nor changes with the rules", () => {
      const of = priced();
      assert.equal(first(of, { index: 1n << 39n }).halted, false);
      const halted = reprice(of, first(of), 1_001n, numbers({ index: 120_000n }));
      assert.equal(reprice(of, halted, 1_002n, numbers({ index: 120_000n })).halted, false);
      assert.equal(reprice(of, halted, 1_001n, numbers({ index: 100_000n })).halted, true);
      assert.equal(reprice(of, halted, 1_001n, numbers({ index: 100_000n })).index, 120_000n);
    });
  });

  describe("marks", () => {
    it("of the perpetual stay near the index", () => {
      const of = priced();
      const band = (pricing().markBand * 100_000n) >> 16n;
      const mark = (v: bigint) => reprice(of, noPrices(of), 1n, numbers({}, { 0: v })).values[0][0];
      assert.deepEqual([1n, 100_100n, 1n << 39n].map(mark), [100_000n - band, 100_100n, 100_000n + band]);
    });
    it("that nobody reports stay what they were, and are stale with all that is valued by them", () => {
      const of = priced();
      const fresh = first(of);
      assert.deepEqual(fresh.stale, Array(INSTRUMENTS).fill(false));
      const stale = (missing: number) => {
        const next = reprice(of, fresh, 1_001n, numbers({}, { [missing]: 0n }));
        assert.equal(next.last[missing], fresh.last[missing]);
        const slots = next.stale.flatMap((it, i) => (it ? [i] : []));
        const rows = next.markets.flatMap((row, m) => (of.markets[m] && !row ? [m] : []));
        return { slots, rows };
      };
      assert.deepEqual(stale(0), { slots: [0, 2, 3], rows: [0, 2, 3, 4] });
      assert.deepEqual(stale(1), { slots: [1, 4], rows: [1] });
      assert.deepEqual(stale(2), { slots: [2, 3], rows: [2, 3, 4] });
      assert.deepEqual(stale(3), { slots: [], rows: [] });
      assert.deepEqual(stale(4), { slots: [4], rows: [] });
    });
  });

  describe("settlement", () => {
    const future = contract("future");
    it("fixes the part of a forward that the window has passed", () => {
      const parts = (end: bigint) => settlement(pricing(), future, end, 1_000n, 500n);
      assert.deepEqual(parts(EXPIRY - 1_800n), { fixed: 0n, live: 1_000n });
      assert.deepEqual(parts(EXPIRY - 1_200n), { fixed: 166n, live: 666n });
      assert.deepEqual(parts(EXPIRY - 60n), { fixed: 483n, live: 33n });
      assert.deepEqual(parts(EXPIRY), { fixed: 500n, live: 0n });
      assert.deepEqual(parts(EXPIRY + 60n), { fixed: 500n, live: 0n });
      assert.deepEqual(settlement(pricing(), contract("perpetual"), EXPIRY, 1_000n, 500n), { fixed: 0n, live: 1_000n });
    });
    it("shocks what is not fixed alone", () => {
      const of = priced();
      const spread = (epoch: bigint) => {
        const { values } = reprice(of, first(of), epoch, numbers());
        return values[2][1] - values[1][1];
      };
      const [before, half] = [spread(AT_EXPIRY - 30n), spread(AT_EXPIRY - 15n)];
      assert.ok(abs(before - 2n * half) <= 2n, `${before} ${half}`);
    });
    const average = 104_000n;
    const settled = Object.fromEntries([1, 2, 3, 4].map((i) => [i, 1n + average]));
    it("pays the average, or what an option is worth at it", () => {
      const strike = 100_000n;
      assert.equal(payoff(future, average), average);
      assert.equal(payoff(contract("call", { strike }), average), 4_000n);
      assert.equal(payoff(contract("call", { strike }), strike), 0n);
      assert.equal(payoff(contract("put", { strike }), average), 0n);
      assert.equal(payoff(contract("put", { strike }), 90_000n), 10_000n);
    });
    it("latches payoffs once, in the first epoch that ends at expiry or after it and reports them", () => {
      const of = priced();
      const early = reprice(of, first(of), AT_EXPIRY - 1n, numbers({}, settled));
      assert.deepEqual(early.payoffs, Array(INSTRUMENTS).fill(0n));
      const late = reprice(of, early, AT_EXPIRY, numbers({}, { 1: 0n, 2: 0n, 4: 0n }));
      assert.deepEqual(late.payoffs, Array(INSTRUMENTS).fill(0n));
      assert.deepEqual(late.stale.slice(0, 5), [false, true, true, true, true]);
      const done = reprice(of, late, AT_EXPIRY + 3n, numbers({}, settled));
      assert.deepEqual(done.payoffs.slice(0, 5), [0n, 104_001n, 4_001n, 1n, 1n]);
      const other = Object.fromEntries([1, 2, 3, 4].map((i) => [i, 77n]));
      const after = reprice(of, done, AT_EXPIRY + 4n, numbers({}, other));
      assert.deepEqual(after.payoffs, done.payoffs);
      assert.deepEqual(after.stale, Array(INSTRUMENTS).fill(false));
    });
    it("leaves stale what has expired and is not latched, also an option that borrows its volatility", () => {
      const of = priced();
      const next = reprice(of, first(of), AT_EXPIRY, numbers({}, { ...settled, 3: 0n }));
      assert.deepEqual(next.payoffs.slice(0, 5), [0n, 104_001n, 4_001n, 0n, 1n]);
      assert.deepEqual(next.stale.slice(0, 5), [false, false, false, true, false]);
      assert.deepEqual(next.markets.map((row) => !!row).slice(0, 5), [true, false, false, false, false]);
      assert.equal(reprice(of, next, AT_EXPIRY + 1n, numbers({}, settled)).payoffs[3], 1n);
      const missing = (payoffs: readonly bigint[], epoch: bigint) =>
        missingAt(of, { payoffs }, epoch, Array<bigint>(INSTRUMENTS).fill(0n)).flatMap((it, i) => (it ? [i] : []));
      assert.deepEqual(missing(first(of).payoffs, AT_EXPIRY - 1n), [0, 1, 2, 4]);
      assert.deepEqual(missing(first(of).payoffs, AT_EXPIRY), [0, 1, 2, 3, 4]);
      assert.deepEqual(missing(next.payoffs, AT_EXPIRY), [0, 3]);
    });
    it("values what has settled at its payoff in every scenario, without charge, and trades it no more", () => {
      const of = priced();
      const { values, longCharges, shortCharges, markets, last } = reprice(of, first(of), AT_EXPIRY, numbers({}, settled)); // prettier-ignore
      for (const row of values) assert.deepEqual(row.slice(1, 5), [104_000n, 4_000n, 0n, 0n]);
      assert.deepEqual([longCharges, shortCharges].map((row) => row.slice(0, 5)), [[10n, 0n, 0n, 0n, 0n], [20n, 0n, 0n, 0n, 0n]]); // prettier-ignore
      assert.deepEqual(markets.map((row) => !!row).slice(0, 5), [true, false, false, false, false]);
      assert.deepEqual(last.slice(0, 5), first(of).last.slice(0, 5));
    });
    it("does not latch what rules changed within an epoch bring", () => {
      const of = priced();
      const before = reprice(of, first(of), AT_EXPIRY, numbers({}, { 1: 0n }));
      assert.equal(reprice(of, before, AT_EXPIRY, numbers({}, settled)).payoffs[1], 0n);
    });
    it("leaves what has expired stale until it is latched, also an option that needed no number before", () => {
      const of = priced();
      const quiet = reprice(of, first(of), AT_EXPIRY, numbers({}, { ...settled, 3: 0n }));
      assert.deepEqual(quiet.payoffs.slice(1, 5), [104_001n, 4_001n, 0n, 1n]);
      assert.deepEqual(quiet.stale.slice(0, 5), [false, false, false, true, false]);
      assert.equal(quiet.markets[3], null);
      const changed = reprice(of, { ...first(of), epoch: AT_EXPIRY, rules: 0n }, AT_EXPIRY, numbers({}, settled));
      assert.deepEqual(changed.payoffs.slice(1, 5), [0n, 0n, 0n, 0n]);
      assert.deepEqual(changed.stale.slice(0, 5), [false, true, true, true, true]);
      assert.deepEqual(reprice(of, changed, AT_EXPIRY + 1n, numbers({}, settled)).payoffs[1], 104_001n);
    });
    it("keeps the funding of a perpetual that was given an expiry", () => {
      const instruments = rules().instruments.map((it, i) => (i === 0 ? { ...it!, contract: contract("future") } : it));
      const of = priced({ instruments, markets: rules().markets.map(() => null) });
      const before = { ...first(of), funding: 500n };
      const next = reprice(of, before, AT_EXPIRY, numbers({ premium: NO_PREMIUM + 80n }, { 0: 1n + average }));
      assert.equal(next.funding, 500n);
      for (const row of next.values) assert.equal(row[0], average - 500n);
    });
  });

  describe("markets", () => {
    it("have the mark on the tick, all scenarios, and room for the greater charges", () => {
      const legs = { 1: -2n, 2: 1n, 3: 1n };
      const of = priced({ markets: [market(101n, legs, { tick: 7n }), ...Array<null>(15).fill(null)] });
      const { values, markets } = first(of);
      const worth = values.map((row) => -2n * row[1] + row[2] + row[3]);
      const { mark, gross, low, high, values: weighted, funding } = markets[0]!;
      assert.deepEqual([weighted, funding, gross], [worth, 0n, 4n * 20n]);
      assert.ok(mark % 7n === 0n && mark <= worth[0] && worth[0] - mark < 7n);
      const sorted = [...worth].sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual([low, high], [sorted[0] - gross, sorted.at(-1)! + gross]);
    });
    it("are stale with a leg on a free slot, or a mark of 41 bits", () => {
      const unlisted = { ...market(101n, { 9: 1n }) };
      const far = market(102n, { 1: 127n });
      const of = priced({ markets: [unlisted, far, ...Array<null>(14).fill(null)] });
      const at = (value: bigint) => reprice(of, noPrices(of), 1n, numbers({}, { 1: value })).markets;
      assert.equal(at(100n)[0], null);
      assert.ok(at((1n << 40n) / 128n)[1]);
      assert.equal(at((1n << 40n) / 126n)[1], null);
    });
  });

  it("exist of every medians, and stay within their widths", () => {
    const random = new Random(3);
    const any = () => random.pick([0n, 1n, 2n, 1n << 20n, 1n << 39n, (1n << 40n) - 1n, BigInt(random.integer(0, 2 ** 40 - 1))]); // prettier-ignore
    const some = () => any() || 1n;
    const of = priced();
    let prices: Prices = noPrices(of);
    for (let step = 0; step < 60; step++) {
      const epoch = prices.epoch + BigInt(random.pick([0, 1, 1, 5, 400]));
      const reported = { index: some(), average: some(), sigma: some(), premium: any(), values: numbers().values.map(any) }; // prettier-ignore
      prices = reprice(of, prices, epoch || 1n, reported);
      assert.ok(prices.values.flat().every((value) => abs(value) < 1n << 48n));
      assert.ok(prices.range < 1n << 26n && abs(prices.funding) < 1n << 40n);
      assert.ok(prices.fundingRest >= 0n && prices.fundingRest < pricing().fundingDivisor);
      assert.ok(prices.last.every((value) => value >= 0n && value < 1n << 40n));
      for (const row of prices.markets)
        if (row)
          assert.ok(abs(row.mark) < 1n << 40n && [row.low, row.high, ...row.values].every((x) => abs(x) < 1n << 59n));
    }
  });

  it("bind every word in their root", () => {
    const before = first();
    const bumped = (words: readonly bigint[], i = 0) => words.map((word, j) => (i === j ? word + 1n : word));
    const row = before.markets[1]!;
    const changes: Partial<Prices>[] = [
      ...(["rules", "epoch", "index", "range", "funding", "fundingRest"] as const).map((name) => ({ [name]: before[name] + 1n })), // prettier-ignore
      { halted: true },
      { stale: before.stale.map((_, i) => i === 0) },
      { stale: before.stale.map((_, i) => i === 15) },
      ...(["longCharges", "shortCharges", "last", "payoffs"] as const).map((name) => ({ [name]: bumped(before[name], 15) })), // prettier-ignore
      { values: before.values.map((it, k) => (k === 3 ? bumped(it, 15) : it)) },
      ...(["mark", "funding", "gross", "low", "high"] as const).map((name) => ({ markets: before.markets.map((it, m) => (m === 1 ? { ...row, [name]: row[name] + 1n } : it)) })), // prettier-ignore
      { markets: before.markets.map((it, m) => (m === 1 ? { ...row, values: bumped(row.values, 3) } : it)) },
      { markets: before.markets.map((it, m) => (m === 1 ? null : it)) },
    ];
    const roots = [before, ...changes.map((change) => ({ ...before, ...change }))].map(pricesRoot);
    assert.equal(new Set(roots).size, roots.length);
  });
});
