// Goal: what the policy of a venue sells in an auction is what the rules take; it finds something wherever they would take anything; and
// nothing stays unsold because a market has no bids.
// Method: small venues at one second, in which each step that is proposed is applied; drawn ones beside a search of all sides, lots and
// limits (seed in the name).
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import type { Account } from "../../src/protocol/account.ts";
import { enforce, isBelow, isInLiquidation, standing, type Enforcement } from "../../src/protocol/defaults.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { BITS, DEFAULT_CANCELS, INSURANCE, RULE, SIDE } from "../../src/protocol/parameters.ts";
import { noPrices, reprice, type Prices } from "../../src/protocol/prices.ts";
import { NO_PREMIUM } from "../../src/protocol/report.ts";
import { requireRules, rulesRoot, type Defaults, type Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { Liquidator } from "../../src/venue/liquidator.ts";
import { pricesOfTests } from "../priced.ts";
import { accountOf, EPOCH, pricesOf, randomAccounts, TIME, vector, withDefaults } from "../defaulting.ts";

const SEED = Number(process.env.SEED ?? 7);
const VENUES = Number(process.env.TACIT_VENUES ?? 24);
const OTHER = 2;
type Reduce = Extract<Enforcement, { kind: "reduce" }>;

/** Funding is what has been paid so far on a lot of the perpetual. */
function fundedPrices(of: Rules, funding: bigint, index = 100_000n): Prices {
  const { group, instruments, markets } = of;
  const priced = { root: rulesRoot(of), pricing: group.pricing, instruments, markets };
  const values = vector(index, index, 1n << 23n, 0n, 1n << 23n);
  const numbers = { index, average: index, sigma: 1n << 23n, premium: NO_PREMIUM, values };
  return reprice(priced, { ...noPrices(priced), funding }, EPOCH, numbers);
}

/** Positions with equity in 1024ths of their worst loss, or in cash units where it is a bigint. */
function owner(prices: Prices, positions: bigint[], equity: number | bigint, change: Partial<Account> = {}): Account {
  const { equity: worth, risk } = standing({ cash: 0n, positions }, prices);
  const own = typeof equity === "bigint" ? equity : (risk * BigInt(equity)) / 1_024n;
  return accountOf({ cash: own - worth, positions, ...change });
}

/** With venue, insurance, these, and one who has the other side of all. */
function venueOf(of: Rules, prices: Prices, [insurance, ...others]: readonly Account[]) {
  const all = [insurance, ...others];
  const sums = vector().map((_, i) => -all.reduce((sum, { positions }) => sum + positions[i], 0n));
  const accounts = [accountOf(), ...all, accountOf({ cash: 1n << 60n, positions: sums })];
  const profile = { ...PROFILES.demo, depth: 2 };
  const matcher = new Matcher({ domain: 77n, profile, rules: of, prices, accounts, time: EPOCH * 60n }, { view: () => 0n });
  const policy = new Liquidator();
  return { matcher, reductions: (time = TIME) => policy.reductions(matcher, time) as Reduce[] };
} // prettier-ignore

/** @returns why the rules refuse a step, null where they take it */
function refusal(matcher: Matcher, step: Enforcement, time = TIME): string | null {
  try {
    matcher.apply({ kind: "enforce", time, step, salt: 1n });
    return null;
  } catch (error) {
    if (error instanceof TacitError) return `${error.details.expected}`;
    throw error;
  }
}

/** All of them, one after another. */
function assertTaken(matcher: Matcher, steps: readonly Reduce[], time = TIME): void {
  const fork = matcher.fork();
  for (const step of steps) assert.equal(refusal(fork, step, time), null, `account ${step.account}, slot ${step.slot}`);
}

function mayBeReduced(account: Account, prices: Prices, defaults: Defaults): boolean {
  const stands = standing(account, prices);
  return stands.equity >= 0n && isBelow(defaults.target, stands) && isInLiquidation(account, defaults, TIME);
}

/** A reduction that the rules take, of all markets, sides and few lots, from the widest limit to the best, or, of the insurance's, the mark. */
function found(matcher: Matcher, account: number): Reduce | null {
  const { rules, prices } = matcher.terms;
  const { positions } = matcher.accounts[account];
  const most = positions.reduce((lots, it) => (it * it > lots * lots ? it : lots), 0n);
  for (const [slot, row] of rules.markets.entries())
    for (const side of [SIDE.buy, SIDE.sell])
      for (let size = 1n; row && size * size <= most * most; size += size < 8n ? 1n : 5n) {
        const { mark } = prices.markets[slot]!;
        const step = { kind: "reduce", account, slot, side, limit: mark, size } as const;
        if (refusal(matcher.fork(), step) === "lots that close positions") break;
        for (const parts of [-100n, -60n, -30n, -18n, -10n, -3n, -2n, -1n, 0n, 1n, 2n, 4n, 8n, 16n, 32n, 64n]) {
          if (account === INSURANCE && parts > 0n) break;
          const away = row.tick * (parts < 0n ? parts : (parts * row.band) / (64n * row.tick));
          const limit = mark + (side === SIDE.sell ? away : -away);
          if (refusal(matcher.fork(), { ...step, limit }) === null) return { ...step, limit };
        }
      }
  return null;
}

/** The same, or with a future that hedges most of its perpetual. */
function halfHedged(random: Random, account: Account, prices: Prices): Account {
  if (random.unit() < 0.5) return account;
  const [perpetual, , ...others] = account.positions;
  const positions = [perpetual, -(perpetual * BigInt(random.integer(40, 110))) / 100n, ...others];
  return owner(prices, positions, random.integer(-20, 900), { flagged: account.flagged });
}

const wide = { flagged: TIME - 660n };
const brief = ({ slot, side, size }: Reduce) => ({ slot, side, size });

describe("liquidator: what the insurance account sells", () => {
  const of = withDefaults();
  const prices = pricesOf(of);

  it("a straddle, where its call and its put alone would not lower the worst loss", () => {
    // Each hedges the other.
    const row = (call: bigint, put: bigint) => vector(100_000n, 100_000n, 4_000n + call, 4_000n + put, 1_000n);
    const values = [row(0n, 0n), row(2_000n, -2_100n), row(-2_100n, 2_000n), row(-50n, -50n)];
    const table = pricesOfTests(of, { values, epoch: EPOCH });
    const { matcher, reductions } = venueOf(of, table, [owner(table, vector(0n, 0n, 10n, 10n), -1n)]);
    for (const time of [TIME, TIME + 10n, TIME + 20n, TIME + 30n]) {
      const steps = reductions(time);
      assert.deepEqual(steps.map(brief), [{ slot: 4, side: SIDE.sell, size: 10n }]);
      assertTaken(matcher, steps, time);
    }
  }); // prettier-ignore

  for (const [future, size] of [
    [-60n, 40n],
    [-40n, 60n],
    [-51n, 49n],
    [0n, 100n],
  ])
    it(`of 100 lots that ${-future} of a future hedge the ${size} after which the worst loss is lowest`, () => {
      const { matcher, reductions } = venueOf(of, prices, [owner(prices, vector(100n, future), -1n)]);
      const steps = reductions();
      assert.equal(steps.length, 1);
      const [{ slot, side, size: sold }] = steps;
      assert.deepEqual([slot, side], [0, SIDE.sell]);
      // Charges of the lots that are closed shift the lowest by a few lots at most.
      assert.ok(sold >= size && sold <= size + 2n, `${sold}`);
      assertTaken(matcher, steps);
    });

  it("of a whole hedge, which nothing lowers, as many lots as its equity carries, or what is loose", () => {
    const positions = vector(100n, -100n);
    const { risk } = standing({ cash: 0n, positions }, prices);
    const after = [vector(99n, -100n), vector(100n, -99n)].map(
      (positions) => standing({ cash: 0n, positions }, prices).risk,
    );
    const one = after[0] < after[1] ? after[0] : after[1];
    const { risk: lot } = standing({ cash: 0n, positions: vector(1n) }, prices);
    for (const [equity, most] of [
      [-risk, 0n],
      // At a limit nearer the mark than the widest, which would cost 180.
      [one + 50n, 1n],
      [risk + 10n * lot, 10n],
      [risk + 1_000n * lot, 100n],
    ]) {
      const { matcher, reductions } = venueOf(of, prices, [owner(prices, positions, equity)]);
      const steps = reductions();
      assert.equal(steps.length > 0, most > 0n, `${equity}`);
      for (const { size } of steps) assert.ok(size <= most && 10n * size >= 8n * most, `${size} of ${most}`);
      assertTaken(matcher, steps);
    }
  });

  it("of a whole hedge what haircuts carry, where its equity does not", () => {
    const { matcher } = venueOf(of, prices, [owner(prices, vector(100n, -100n), 0n)]);
    const { accounts, terms } = matcher;
    const relief = 1n << 40n;
    const seen = { accounts, terms, held: { ...matcher.held, relief }, isFresh: () => true } as unknown as Matcher;
    const sold = (of: Matcher) => (new Liquidator().reductions(of, TIME) as Reduce[]).map(({ size }) => size);
    assert.deepEqual([sold(matcher), sold(seen)], [[], [100n, 100n]]);
    const context = { ...terms, rulesInForce: terms.prices.rules, relief, time: TIME, account: accounts[INSURANCE], entries: 0, cancels: 0 };
    for (const step of new Liquidator().reductions(seen, TIME) as Reduce[]) assert.ok(enforce(context, step).entry);
  }); // prettier-ignore

  it("lots that no scenario lowers, at the mark", () => {
    const free = of.instruments.map((it) => it && { ...it, longCharge: 0n, shortCharge: 0n });
    const still = { ...of, instruments: free };
    const table = pricesOfTests(still, { values: prices.values.map(() => prices.values[0]), epoch: EPOCH });
    const { matcher, reductions } = venueOf(still, table, [owner(table, vector(0n, 0n, 10n), -1n)]);
    assert.deepEqual(reductions().map(brief), [{ slot: 2, side: SIDE.sell, size: 10n }]);
    assertTaken(matcher, reductions());
  }); // prettier-ignore

  it("in every second auction something else first, and of one second no instrument twice, whoever asks again", () => {
    const { matcher, reductions } = venueOf(of, prices, [owner(prices, vector(0n, 0n, 20n, 20n), 1_024)]);
    const firsts = Array.from({ length: 6 }, (_, i) => {
      const steps = reductions(TIME + 10n * BigInt(i));
      assertTaken(matcher, steps, TIME + 10n * BigInt(i));
      return steps[0].slot;
    });
    assert.deepEqual(new Set(firsts), new Set([2, 3, 4]));
    // What lowers M most in every other one: a lot of both.
    assert.deepEqual([firsts[0], firsts[2], firsts[4]], [4, 4, 4]);
    const [first] = reductions();
    assert.equal(refusal(matcher, first), null);
    assertTaken(matcher, reductions());
  });

  for (const intervals of [[10n, 10n, 20n], [10n, 10n, 20n, 20n], [10n, 10n, 30n, 30n]])
    for (const from of [TIME, TIME + 10n])
      it(`in each of its markets first some time, with intervals of ${intervals.join(", ")} seconds, from ${from % 60n} on`, () => {
        const perpetual = of.markets[0]!;
        const markets = of.markets.map((_, i) => (i < intervals.length ? { ...perpetual, id: BigInt(i + 1), interval: intervals[i] } : null));
        const several = { ...of, markets };
        const priced = pricesOf(several);
        const { matcher } = venueOf(several, priced, [owner(priced, vector(100n), -1n)]);
        const policy = new Liquidator();
        const still = { accounts: matcher.accounts, terms: matcher.terms, held: matcher.held, isFresh: () => true } as unknown as Matcher;
        const firsts = Array.from({ length: 60 }, (_, i) => (policy.reductions(still, from + 10n * BigInt(i)) as Reduce[])[0].slot);
        assert.deepEqual(new Set(firsts), new Set(intervals.keys()));
      }); // prettier-ignore
});

describe("liquidator: orders of accounts in default", () => {
  const of = withDefaults();
  const prices = pricesOf(of);

  it("of many: as many are named in a market as items have no places for, until its auction", () => {
    const many = Array.from({ length: 12 }, (_, i) => owner(prices, vector(10n), 300 + i, { flagged: TIME - 100n }));
    const { matcher } = venueOf(of, prices, [accountOf(), ...many]);
    const waits = many.map((_, i) => 2 + i);
    const seen = seeing(matcher, waits, 2);
    const policy = new Liquidator();
    const steps = policy.steps(seen(0), TIME);
    assert.deepEqual(steps.map(({ kind }) => kind), Array<string>(2 * DEFAULT_CANCELS).fill("sweep"));
    // One market after the other, and of each those who are worst off.
    const named = (slot: number) => steps.flatMap((it) => (it.kind === "sweep" && it.slot === slot ? [it.account] : []));
    for (const slot of [0, 1]) assert.deepEqual(named(slot), waits.slice(0, DEFAULT_CANCELS));
    assert.deepEqual(steps.map((it) => "slot" in it && it.slot), steps.map((it) => "slot" in it && it.slot).toSorted());
    assert.deepEqual(policy.steps(seen(DEFAULT_CANCELS), TIME), []);
  }); // prettier-ignore

  it("without equity: all at once, and taken out by a purge of each market", () => {
    const many = Array.from({ length: 12 }, () => owner(prices, vector(10n), -5n, { flagged: TIME - 1n }));
    const { matcher } = venueOf(of, prices, [accountOf(), ...many]);
    const seen = seeing(matcher, many.map((_, i) => 2 + i), 2);
    const policy = new Liquidator();
    assert.equal(policy.steps(seen(0), TIME).length, 24);
    assert.deepEqual(policy.steps(seen(12), TIME), [{ kind: "purge", slot: 0 }, { kind: "purge", slot: 1 }]);
  }); // prettier-ignore

  /** A venue in which these accounts have an order in each of the first slots, and as many of them an all-cancel too. */
  function seeing(matcher: Matcher, accounts: readonly number[], slots: number) {
    const withOrders = matcher.accounts.map((it, index) => (accounts.includes(index) ? { ...it, open: BigInt(slots) } : it));
    return (cancelled: number) =>
      ({
        accounts: withOrders,
        terms: matcher.terms,
        isFresh: () => true,
        book: (slot: number) => (slot < slots ? accounts.map((account) => ({ account })) : []),
        cancels: (slot: number) =>
          slot < slots ? accounts.slice(0, cancelled).map((account) => ({ account, all: true, nonce: 1n << 39n })) : [],
      }) as unknown as Matcher;
  } // prettier-ignore
});

describe("liquidator: what an account in default sells", () => {
  for (const [what, funding, fees] of [
    ["no funding", 0n, {}],
    ["funding that longs paid", 3_000n, {}],
    ["funding that shorts paid", -3_000n, {}],
    ["much funding, and high fees", 12_000n, { feeRate: 20_000n }],
  ] as const)
    it(`is taken by the rules, and is none where a search finds none: ${what} (seed ${SEED})`, function () {
      this.timeout(120_000);
      const random = new Random(SEED);
      const base = withDefaults();
      const of = { ...base, markets: base.markets.map((row) => row && { ...row, ...fees }) };
      const prices = fundedPrices(of, funding);
      const seen = { proposed: 0, none: 0, insurance: 0 };
      for (let i = 0; i < VENUES; i++) {
        const drawn = randomAccounts(random, prices, 14, TIME).slice(1, -1);
        const { matcher, reductions } = venueOf(of, prices, drawn.map((it) => halfHedged(random, it, prices)));
        const steps = reductions();
        assertTaken(matcher, steps);
        for (const [index, account] of matcher.accounts.entries()) {
          const isNamed = steps.some((step) => step.account === index);
          if (index === INSURANCE) {
            seen.insurance += steps.filter((step) => step.account === INSURANCE).length;
            if (!isNamed) assert.equal(found(matcher, index), null, `venue ${i}: the insurance account`);
          } else if (mayBeReduced(account, prices, of.group.defaults)) {
            seen[isNamed ? "proposed" : "none"]++;
            if (!isNamed) assert.equal(found(matcher, index), null, `venue ${i}, account ${index}`);
          } else assert.ok(!isNamed);
        }
      }
      assert.ok(seen.proposed > VENUES / 2 && seen.none > 0 && seen.insurance > 0, JSON.stringify(seen));
    }); // prettier-ignore

  const of = withDefaults();
  const prices = pricesOf(of);
  const [spare] = [accountOf()];

  it("as many lots as take it to its target, at a limit that is nearer the mark than the widest", () => {
    // From maintenance to target at the widest limit it takes all lots, and fewer at the one that leaves as much equity.
    for (const equity of [260, 400, 511, 600, 700, 760]) {
      const { matcher, reductions } = venueOf(of, prices, [spare, owner(prices, vector(40n), equity, wide)]);
      const steps = reductions();
      assert.deepEqual(steps.map(({ account, slot, side }) => [account, slot, side]), [[OTHER, 0, SIDE.sell]], `${equity}`);
      assertTaken(matcher, steps);
      const [step] = steps;
      assert.equal(refusal(matcher.fork(), { ...step, limit: step.limit - of.markets[0]!.tick }) === null, false, "wider");
    }
  }); // prettier-ignore

  it("of a hedged position no more lots than lower the worst loss", () => {
    for (const [future, sizes] of [
      [-60n, [1n, 41n]],
      [-97n, [1n, 4n]],
      [-99n, [1n, 2n]],
    ] as const) {
      const { matcher, reductions } = venueOf(of, prices, [spare, owner(prices, vector(100n, future), 560, wide)]);
      const steps = reductions();
      assert.equal(steps.length, 1, `${future}`);
      assert.ok(steps[0].slot === 0 && steps[0].size >= sizes[0] && steps[0].size <= sizes[1], `${steps[0].size}`);
      assertTaken(matcher, steps);
    }
  });

  it("fewer lots, where all that lower the worst loss cost more than a limit within the band leaves", () => {
    const free = of.instruments.map((it) => it && { ...it, longCharge: 0n, shortCharge: 0n });
    const dear = { ...of, instruments: free, markets: of.markets.map((row) => row && { ...row, band: 10n, feePerLot: 100n }) };
    // The first lot lowers M by 1,000, all from the third on by 10.
    const row = (perpetual: bigint, future: bigint) => vector(100_000n + perpetual, 100_000n + future, 4_000n, 4_000n, 1_000n);
    const table = pricesOfTests(dear, { values: [row(0n, 0n), row(-1_000n, 0n), row(-10n, -950n), row(0n, 0n)], epoch: EPOCH });
    const { matcher, reductions } = venueOf(dear, table, [spare, owner(table, vector(40n, 40n), 512, wide)]);
    const steps = reductions();
    assert.deepEqual(steps.map(({ slot, side, size }) => [slot, side, size]), [[0, SIDE.sell, 5n]]);
    assertTaken(matcher, steps);
  }); // prettier-ignore

  it("in every second auction in another market, and all of them in time", () => {
    const account = owner(prices, vector(20n, 20n, 20n, 20n), 560, { flagged: TIME - 100n });
    const { matcher, reductions } = venueOf(of, prices, [spare, account]);
    const sold = [0n, 10n, 20n, 30n, 40n].map((after) => {
      const steps = reductions(TIME + after);
      assertTaken(matcher, steps, TIME + after);
      const [{ slot, side, size }] = steps;
      const sign = side === SIDE.buy ? size : -size;
      const positions = account.positions.map((lots, i) => lots + sign * of.markets[slot]!.legs[i]);
      const lowered = standing(account, prices).risk - standing({ ...account, positions }, prices).risk;
      return { slot, aLot: Number(lowered) / Number(size) };
    });
    const slots = sold.map(({ slot }) => slot);
    assert.deepEqual([slots[2], slots[4]], [slots[0], slots[0]]);
    for (const { slot, aLot } of sold) assert.ok(slot === slots[0] || aLot <= sold[0].aLot);
    assert.ok(slots.every((slot, i) => slot !== slots[i - 1]));
    assert.ok(new Set(slots).size > 2);
  });

  it("in an auction before a cross of the same instrument, whichever slot that has, and in the cross in its turn", () => {
    const rows = [{ ...of.markets[0]!, rule: BigInt(RULE.midpoint) }, ...of.markets.slice(1)];
    const two = { ...of, markets: rows.map((row, slot) => (slot === 5 ? { ...of.markets[0]!, id: 106n } : row)) };
    const priced = pricesOf(two);
    const account = owner(priced, vector(20n), 560, { flagged: TIME - 100n });
    for (const first of [[spare, account], [spare, spare, account]]) {
      const { matcher, reductions } = venueOf(two, priced, first);
      const slots = [TIME, TIME + 10n, TIME + 20n, TIME + 30n].map((time) => {
        const steps = reductions(time);
        assertTaken(matcher, steps, time);
        return steps[0].slot;
      });
      assert.deepEqual(slots, [5, 0, 5, 0]);
    }
  }); // prettier-ignore

  it("in each of markets that close at other intervals", () => {
    const intervals = [10n, 20n, 20n, 30n, 30n];
    const slow = { ...of, markets: of.markets.map((row, slot) => row && { ...row, interval: intervals[slot] }) };
    const priced = pricesOf(slow);
    const account = owner(priced, vector(20n, 20n), 560, { flagged: TIME - 100n });
    const { reductions } = venueOf(slow, priced, [spare, account]);
    // At seconds at which both close each has its turns, whatever comes between.
    const both = [TIME + 10n, TIME + 30n, TIME + 50n].map((time) => {
      const [{ slot }] = reductions(time);
      reductions(time + 10n);
      return slot;
    });
    assert.deepEqual(new Set(both), new Set([0, 1]));
  });

  it("at limits that are prices, whatever the mark and the band", () => {
    const most = 1n << BigInt(BITS.price);
    for (const [lots, tick] of [[-10n, 1n], [-10n, 1_000n], [10n, 1_000n]] as const) {
      const high = { ...of, markets: of.markets.map((row) => row && { ...row, tick, band: most / 2n }) };
      const priced = pricesOf(high, most - 1_000n);
      const { matcher, reductions } = venueOf(high, priced, [owner(priced, vector(2n * lots), -1n), owner(priced, vector(lots), 512, wide)]);
      const steps = reductions();
      assert.deepEqual(new Set(steps.map(({ account }) => account)), new Set([INSURANCE, OTHER]));
      for (const { limit } of steps) assert.ok(limit < most && limit > -most && limit % tick === 0n);
      assertTaken(matcher, steps);
    }
  }); // prettier-ignore

  for (const feeRate of [999_990n, 1_000_000n])
    it(`ends where fees are ${feeRate} millionths`, () => {
      const dear = { ...of, markets: of.markets.map((row) => row && { ...row, feeRate }) };
      requireRules(dear, PROFILES.demo);
      const priced = pricesOf(dear);
      for (const lots of [-10n, 10n]) {
        const { matcher, reductions } = venueOf(dear, priced, [spare, owner(priced, vector(lots), 512, wide)]);
        assertTaken(matcher, reductions());
        if (reductions().length === 0) assert.equal(found(matcher, OTHER), null);
      }
    });
});
