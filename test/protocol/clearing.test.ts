// Goal: a sweep is what docs/protocol.md, section 8, says: price, priority, conservation, drops, margin.
// Method: thousands of random small books (seed printed), on which brute force and the sentences of that section are
// written down again, without regard to how src/protocol/clearing.ts computes them.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { BookEntry, Cancel } from "../../src/protocol/book.ts";
import {
  auctionPrice,
  depthAt,
  fillCash,
  isUnderReserved,
  mayMatch,
  sweep,
  sweepSlots,
  type SweepInput,
} from "../../src/protocol/clearing.ts";
import { charges, reservation, worstLoss } from "../../src/protocol/margin.ts";
import { fee, NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { abs, max, min } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS, MARKET_STATE, RULE, SIDE } from "../../src/protocol/parameters.ts";
import { noPrices, type MarketPrices } from "../../src/protocol/prices.ts";
import { pricingOfTests } from "../priced.ts";

const SEED = Number(process.env.SEED ?? 20_261_125);
const BOOKS = 4_000;
const TICK = 5n;

const at0 = (value: bigint) => Array.from({ length: INSTRUMENTS }, (_, i) => (i === 0 ? value : 0n));
const NO_PRICES = noPrices({ pricing: pricingOfTests(3), markets: NO_MARKETS });

function marketRules(random: Random): MarketRules {
  return {
    id: 1n,
    legs: NO_MARKETS.map((_, i) => (i === 0 ? 1n : 0n)),
    tick: TICK,
    lotLimit: 1_000n,
    band: BigInt(random.integer(1, 12)) * TICK,
    feeRate: BigInt(random.pick([0, 1, 700, 50_000, 1_000_000])),
    feePerLot: BigInt(random.integer(0, 2)),
    rhoMin: 1n,
    rule: BigInt(random.pick([RULE.auction, RULE.midpoint])),
    interval: 10n,
    state: BigInt(MARKET_STATE.open),
    until: 1_000n,
    capacity: 100n,
    cancelCapacity: 50n,
    listCapacity: 50n,
  };
}

function marketPrices(random: Random): MarketPrices {
  const values = Array.from({ length: 3 }, () => BigInt(random.integer(-80, 80)));
  const mark = BigInt(random.integer(-8, 8)) * TICK;
  const gross = BigInt(random.pick([0, 0, 3, 20]));
  return {
    mark,
    funding: BigInt(random.integer(-9, 9)),
    gross,
    low: values.reduce(min) - gross,
    high: values.reduce(max) + gross,
    values,
  };
}

/** Entries around the mark; most of them good ones. */
function randomEntries(random: Random, rules: MarketRules, prices: MarketPrices, count: number): BookEntry[] {
  return Array.from({ length: count }, (_, i) => {
    const side = random.integer(0, 1);
    const limit = prices.mark + TICK * BigInt(random.integer(-7, 7));
    const slack = BigInt(random.pick([0, 0, 0, 1, 64]));
    return {
      account: random.integer(2, 5),
      nonce: BigInt(1 + i),
      side,
      limit,
      remaining: BigInt(random.integer(1, random.pick([3, 20]))),
      rho: max(
        0n,
        reservation(rules, prices, slack, side, limit) - BigInt(random.unit() < 0.2 ? random.integer(0, 2) : 0),
      ),
      expiry: BigInt(random.unit() < 0.1 ? random.integer(98, 100) : 200),
      thisAuction: random.unit() < 0.2,
    };
  });
}

function randomCancels(random: Random): Cancel[] {
  if (random.unit() < 0.5) return [];
  const cancels = Array.from({ length: random.integer(0, 3) }, () => ({
    account: random.integer(2, 5),
    nonce: BigInt(random.integer(1, 12)),
    all: false,
  }));
  const alls = random.unit() < 0.3 ? [{ account: 2, nonce: BigInt(random.integer(1, 12)), all: true }] : [];
  return [...cancels, ...alls];
}

function randomSweep(random: Random): SweepInput & { rules: MarketRules; prices: MarketPrices } {
  const rules = marketRules(random);
  const prices = marketPrices(random);
  const entries = randomEntries(random, rules, prices, random.integer(0, 14));
  return { rules, prices, match: random.unit() < 0.9, cancels: randomCancels(random), time: 100n, entries };
}

/** Prices on ticks, from beyond the lowest limit or the mark to beyond the highest. */
function ticksAround(mark: bigint, entries: readonly BookEntry[]): bigint[] {
  const marks = [mark, ...entries.map(({ limit }) => limit)];
  const [from, to] = [marks.reduce(min) - 2n * TICK, marks.reduce(max) + 2n * TICK];
  return Array.from({ length: Number((to - from) / TICK) + 1 }, (_, i) => from + BigInt(i) * TICK);
}

/** Whether nobody who bettered the price would stay unfilled at it. */
function clears(price: bigint, entries: readonly BookEntry[]): boolean {
  const { bids, bidsAbove, asks, asksBelow } = depthAt(price, entries);
  const volume = min(bids, asks);
  return bidsAbove <= volume && asksBelow <= volume;
}

const lotsOf = (entries: readonly BookEntry[]) => entries.reduce((sum, { remaining }) => sum + remaining, 0n);

describe("protocol/clearing", () => {
  it(`the price is the clearing one closest to the mark, and volume is the greatest (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const seen = { atMark: 0, above: 0, below: 0, noVolume: 0 };
    for (let i = 0; i < BOOKS; i++) {
      const { prices, rules } = randomSweep(random);
      const entries = randomEntries(random, rules, prices, random.integer(0, 12));
      const { mark } = prices;
      const price = auctionPrice(mark, entries);
      const ticks = ticksAround(mark, entries);
      const clearing = ticks.filter((tick) => clears(tick, entries));
      const nearest = clearing.map((tick) => abs(tick - mark)).reduce(min);
      assert.deepEqual(
        clearing.filter((tick) => abs(tick - mark) === nearest),
        [price],
        `book ${i}`,
      );
      const [low, high] = [clearing[0], clearing.at(-1)!];
      assert.equal(BigInt(clearing.length), (high - low) / TICK + 1n, "clearing prices form an interval");
      const volume = (tick: bigint) => min(depthAt(tick, entries).bids, depthAt(tick, entries).asks);
      assert.equal(ticks.map(volume).reduce(max), volume(price), "volume");
      seen[price === mark ? "atMark" : price > mark ? "above" : "below"]++;
      if (volume(price) === 0n) seen.noVolume++;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 100, `only ${count} ${what}`);
  });

  it(`exactly one tick passes the rules that the circuit checks (seed ${SEED + 1})`, () => {
    const random = new Random(SEED + 1);
    for (let i = 0; i < BOOKS; i++) {
      const { prices, rules } = randomSweep(random);
      const entries = randomEntries(random, rules, prices, random.integer(0, 12));
      const passing = ticksAround(prices.mark, entries).filter((price) => {
        const { bids, bidsAbove, asks, asksBelow } = depthAt(price, entries);
        const tooHigh = price > prices.mark && !(bids > asksBelow);
        const tooLow = price < prices.mark && !(asks > bidsAbove);
        return bidsAbove <= asks && asksBelow <= bids && !tooHigh && !tooLow;
      });
      assert.deepEqual(passing, [auctionPrice(prices.mark, entries)], `book ${i}`);
    }
  });

  it(`drops what is cancelled, expired, off the band or under-reserved, and nothing else (seed ${SEED + 2})`, () => {
    const random = new Random(SEED + 2);
    const seen = { cancelled: 0, allCancelled: 0, expired: 0, offBand: 0, underReserved: 0 };
    for (let i = 0; i < BOOKS; i++) {
      const input = randomSweep(random);
      const { rules, prices, match, cancels, time, entries } = input;
      const { eligible, fillOf } = sweep(input);
      entries.forEach((entry, j) => {
        const { account, nonce, side, limit, rho, expiry } = entry;
        const reasons = {
          cancelled: cancels.some((c) => !c.all && c.account === account && c.nonce === nonce),
          allCancelled: cancels.some((c) => c.all && c.account === account && nonce < c.nonce),
          expired: expiry < time,
          offBand: match && abs(limit - prices.mark) > rules.band,
          underReserved: match && rho < worstLoss(rules, prices, side, limit),
        };
        const dropped = Object.values(reasons).includes(true);
        assert.equal(eligible[j], match && !dropped, `book ${i}, entry ${j}`);
        if (dropped) {
          const { lots, closed, release, fee: charged } = fillOf[j]!;
          assert.deepEqual([lots, closed, release, charged], [0n, true, rho * entry.remaining, 0n]);
        }
        for (const [reason, holds] of Object.entries(reasons)) if (holds) seen[reason as keyof typeof seen]++;
      });
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 100, `only ${count} ${what}`);
  });

  it(`conserves lots, cash and reservations (seed ${SEED + 3})`, () => {
    const random = new Random(SEED + 3);
    const seen = { partial: 0, fees: 0, left: 0 };
    for (let i = 0; i < BOOKS; i++) {
      const input = randomSweep(random);
      const { entries, prices } = input;
      const { price, volume, fills, fillOf, book, fees } = sweep(input);
      const signed = fills.reduce((sum, { lots }) => sum + lots, 0n);
      const bought = fills.reduce((sum, { lots }) => sum + max(lots, 0n), 0n);
      assert.equal(signed, 0n, `book ${i}: bought lots equal sold lots`);
      assert.equal(bought, volume);
      assert.equal(
        fills.reduce((sum, fill) => sum + fillCash(fill, { price, funding: prices.funding }), 0n),
        -fees,
        "cash, but for the venue's fees",
      );
      const kept = entries.filter((_, j) => !fillOf[j]?.closed);
      assert.deepEqual(
        book,
        kept.map((entry) => ({
          ...entry,
          remaining: entry.remaining - abs(fillOf[entries.indexOf(entry)]?.lots ?? 0n),
        })),
        "the book keeps time order and all but what was filled",
      );
      assert.ok(book.every(({ remaining }) => remaining > 0n));
      const held = (list: readonly BookEntry[]) => list.reduce((sum, { rho, remaining }) => sum + rho * remaining, 0n);
      const released = fills.reduce((sum, { release }) => sum + release, 0n);
      assert.equal(held(entries), held(book) + released, "reservations");
      const own = fillOf.filter((fill) => fill !== null);
      assert.deepEqual(fills, own, "fills in walk order");
      const partial = own.filter(({ lots, closed }) => lots !== 0n && !closed).length;
      assert.ok(partial <= 1, "at most one order is filled in part and stays");
      seen.partial += partial;
      seen.fees += fees > 0n ? 1 : 0;
      seen.left += book.length > 0 ? 1 : 0;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 100, `only ${count} ${what}`);
  });

  it(`no fill beyond a limit, and price-time priority (seed ${SEED + 4})`, () => {
    const random = new Random(SEED + 4);
    for (let i = 0; i < BOOKS; i++) {
      const input = randomSweep(random);
      const { rules, entries } = input;
      const { price, eligible, fillOf, volume } = sweep(input);
      const isAuction = rules.rule === BigInt(RULE.auction);
      for (const side of [SIDE.buy, SIDE.sell]) {
        const better = (limit: bigint) => (side === SIDE.buy ? limit > price : limit < price);
        const own = entries.map((entry, j) => ({ ...entry, lots: abs(fillOf[j]?.lots ?? 0n), in: eligible[j] }));
        const takers = own.filter(
          (entry) => entry.side === side && entry.in && (better(entry.limit) || entry.limit === price),
        );
        const others = own.filter((entry) => entry.side === side && !takers.includes(entry));
        assert.ok(
          others.every(({ lots }) => lots === 0n),
          `book ${i}: a fill beyond a limit`,
        );
        const first = takers.filter(({ limit }) => isAuction && better(limit));
        assert.ok(
          first.every(({ lots, remaining }) => lots === remaining),
          "better limits fill whole",
        );
        let left = volume - lotsOf(first);
        for (const { lots, remaining } of takers.filter((entry) => !first.includes(entry))) {
          assert.equal(lots, min(remaining, left), "walk order");
          left -= lots;
        }
        assert.equal(left, 0n);
      }
      entries.forEach((entry, j) => {
        if (input.match && entry.thisAuction) assert.equal(fillOf[j]?.closed, true, "this-auction orders leave");
        if (fillOf[j]?.lots) assert.equal(fillOf[j].fee, fee(rules, price, abs(fillOf[j].lots)));
      });
    }
  });

  it(`a fill never lowers equity less reservations, in any scenario (seed ${SEED + 5})`, () => {
    const random = new Random(SEED + 5);
    let traded = 0;
    for (let i = 0; i < BOOKS; i++) {
      const input = randomSweep(random);
      const { prices } = input;
      const { price, fillOf } = sweep(input);
      // The market has one instrument: a lot held long or short costs at most `gross` of it.
      const cost = { ...NO_PRICES, longCharges: at0(prices.gross), shortCharges: at0(prices.gross / 2n) };
      for (const fill of fillOf) {
        if (!fill?.lots) continue;
        traded++;
        const change = fillCash(fill, { price, funding: prices.funding }) + fill.release;
        for (const value of [...prices.values, prices.low, prices.high])
          assert.ok(fill.lots * value + change >= 0n, `book ${i}: lots ${fill.lots} at ${price}`);
        const held = BigInt(random.integer(-20, 20));
        const dearer = charges({ positions: at0(held + fill.lots) }, cost) - charges({ positions: at0(held) }, cost);
        for (const value of prices.values)
          assert.ok(fill.lots * value + change - dearer >= 0n, `book ${i}: charges of lots ${fill.lots} at ${price}`);
      }
    }
    assert.ok(traded > 1_000);
  });

  it(`under-reserved, written without division, is rho below the loss of a lot (seed ${SEED + 6})`, () => {
    const random = new Random(SEED + 6);
    for (let i = 0; i < BOOKS; i++) {
      const [rules, prices] = [marketRules(random), marketPrices(random)];
      const side = random.integer(0, 1);
      const limit = BigInt(random.integer(-90, 90));
      const worst = worstLoss(rules, prices, side, limit);
      for (const rho of [worst - 1n, worst, worst + 1n]) {
        if (rho < 0n) continue;
        const entry = { account: 2, nonce: 1n, side, limit, remaining: 1n, rho, expiry: 0n, thisAuction: false };
        assert.equal(isUnderReserved(rules, prices, entry), rho < worst);
      }
    }
  });

  it("without matching nothing but cancelled and expired orders leaves, in an expired market all", () => {
    const random = new Random(SEED);
    for (let i = 0; i < 500; i++) {
      const input = { ...randomSweep(random), match: false };
      const { price, volume, fees, fills, book } = sweep(input);
      assert.deepEqual([price, volume, fees], [0n, 0n, 0n]);
      assert.ok(fills.every(({ lots, closed, fee: charged }) => lots === 0n && closed && charged === 0n));
      assert.equal(fills.length + book.length, input.entries.length);
      const free = sweep({ ...input, rules: null, prices: null });
      assert.deepEqual([free.fills, free.book], [fills, book], "a free slot and stale prices make no difference");
      const until = (time: bigint) => sweep({ ...input, rules: { ...input.rules, until: time } }).book;
      assert.equal(until(input.time).length, 0);
      assert.deepEqual(until(input.time + 1n), book);
    }
  });

  it("a sweep takes at most 64 cancels, all-cancels at the end of each four slots", () => {
    const single = (nonce: number): Cancel => ({ account: 2, nonce: BigInt(nonce), all: false });
    const all = (nonce: number): Cancel => ({ account: 2, nonce: BigInt(nonce), all: true });
    const singles = (count: number) => Array.from({ length: count }, (_, i) => single(i));
    const alls = (count: number) => Array.from({ length: count }, (_, i) => all(i));
    assert.deepEqual(sweepSlots([]), []);
    for (const count of [64, 65]) assert.deepEqual(sweepSlots(singles(count)), [...singles(64).keys()]);
    for (const count of [16, 17])
      assert.deepEqual(
        sweepSlots(alls(count)),
        [...alls(16).keys()].map((i) => 4 * i + 3),
      );
    assert.deepEqual(sweepSlots([all(1), single(2), all(3), single(4), single(5), all(6), all(7)]), [3, 4, 7, 8, 9, 11, 15]); // prettier-ignore
    assert.deepEqual(sweepSlots([single(1), single(2), single(3), all(4), single(5)]), [0, 1, 2, 3, 4]);
    assert.equal(sweepSlots([...singles(61), all(61), single(62)]).length, 62);
    assert.equal(sweepSlots([...singles(64), all(64)]).length, 64);
  });

  it("a CLOSE matches iff the market is there and open, quoted, fresh, and on its interval", () => {
    const random = new Random(SEED);
    const [rules, prices] = [marketRules(random), marketPrices(random)];
    assert.equal(mayMatch(rules, prices, true, 100n), true);
    assert.equal(mayMatch(null, prices, true, 100n), false);
    assert.equal(mayMatch(rules, null, true, 100n), false);
    assert.equal(mayMatch(rules, prices, false, 100n), false);
    for (const time of [99n, 101n, 105n]) assert.equal(mayMatch(rules, prices, true, time), false);
    assert.equal(mayMatch({ ...rules, state: BigInt(MARKET_STATE.halted) }, prices, true, 100n), false);
    assert.equal(mayMatch({ ...rules, until: 101n }, prices, true, 100n), true);
    assert.equal(mayMatch({ ...rules, until: 100n }, prices, true, 100n), false);
  });
});
