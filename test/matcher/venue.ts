import { Matcher, type Command, type Genesis, type MatcherOptions } from "../../src/matcher/matcher.ts";
import { Random } from "../../src/replay/random.ts";
import { openAccount } from "../../src/protocol/account.ts";
import { depositKey, publicKey, sign } from "../../src/protocol/eddsa.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { contractsHash, type Contract, type Instrument } from "../../src/protocol/instrument.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { cancelItem, orderItem, quotesItem, withdrawalItem, type Item } from "../../src/protocol/item.ts";
import { NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { max } from "../../src/protocol/numbers.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, LIST_ORDERS, MARKET_STATE, RULE } from "../../src/protocol/parameters.ts";
import { epochAt, noPrices, type Pricing } from "../../src/protocol/prices.ts";
import { NO_PREMIUM, reportHash, type Report, type SignedReport } from "../../src/protocol/report.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { epochs, FEED_SECRETS, FOREVER, pricesOfTests, rulesOfTests } from "../priced.ts";

/**
 * A venue for tests: a perpetual (slot 0, worth about 1,000), a future (1), a call and a put on them (2, 3), which expire and
 * are listed anew; by market slot an auction on each of the first two, a spread of them, a cross, a halted, an expired and a
 * tiny market, and auctions of the options.
 */
export const START = 1_002_000n;
export const INTERVAL = 10n;
export const OPEN_SLOTS = [0, 1, 2, 3, 6];
const AUTH = { R8x: 0n, R8y: 0n, S: 0n };
const [GRID, WINDOW] = [600n, 300n];
const EXPIRING = [1, 2, 3];

export function vector(...values: bigint[]): bigint[] {
  return Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
}

const row: Omit<MarketRules, "id" | "legs"> = {
  tick: 5n,
  lotLimit: 1_000n,
  band: 400n,
  feeRate: 700n,
  feePerLot: 1n,
  rhoMin: 2n,
  rule: BigInt(RULE.auction),
  interval: INTERVAL,
  state: BigInt(MARKET_STATE.open),
  until: FOREVER,
  capacity: 400n,
  cancelCapacity: 200n,
  listCapacity: 200n,
};

function instrumentsUntil(expiry: bigint): (Instrument | null)[] {
  const contract = (kind: keyof typeof INSTRUMENT_KIND, change: Partial<Contract> = {}): Contract => {
    const words = { expiry, strike: 0n, forward: 0n, volatility: 0n, ...change };
    return { kind: BigInt(INSTRUMENT_KIND[kind]), ...words };
  };
  const used: Instrument[] = [
    { contract: contract("perpetual", { expiry: 0n }), longCharge: 3n, shortCharge: 5n, weight: 2n },
    { contract: contract("future"), longCharge: 4n, shortCharge: 2n, weight: 3n },
    { contract: contract("call", { strike: 1_000n, volatility: 2n }), longCharge: 0n, shortCharge: 9n, weight: 1n },
    {
      contract: contract("put", { strike: 990n, forward: 1n, volatility: 2n }),
      longCharge: 1n,
      shortCharge: 6n,
      weight: 1n,
    },
  ];
  return Array.from({ length: INSTRUMENTS }, (_, i) => used[i] ?? null);
}

/** @param id  of the first one; those that expire may have others */
function marketsUntil(until: bigint, id: (slot: number) => bigint): (MarketRules | null)[] {
  const markets: Omit<MarketRules, "id">[] = [
    { ...row, legs: vector(1n) },
    { ...row, legs: vector(0n, 1n), until },
    { ...row, legs: vector(1n, -1n), until },
    { ...row, legs: vector(1n), rule: BigInt(RULE.midpoint) },
    { ...row, legs: vector(1n), state: BigInt(MARKET_STATE.halted) },
    { ...row, legs: vector(1n), until: START },
    { ...row, legs: vector(1n, 1n), until, capacity: 5n, cancelCapacity: 2n, listCapacity: 2n },
    { ...row, legs: vector(0n, 0n, 1n), until, band: 1_000n },
    { ...row, legs: vector(0n, 0n, 0n, 1n), until, band: 1_000n },
  ];
  return NO_MARKETS.map((free, slot) => (markets[slot] ? { id: id(slot), ...markets[slot] } : free));
}
const SLOTS = 9;

export const PROFILE: Profile = { ...PROFILES.demo, depth: 3, maxOpen: 32, deposit: 20, clear: 400, settle: 60 };

function venueUntil(expiry: bigint, pricing: Partial<Pricing>): Genesis {
  const rules = rulesOfTests({
    group: { slack: 8n, greatestId: 18n, pricing: { grid: GRID, window: WINDOW, fundingEvery: 1n, ...pricing } },
    instruments: instrumentsUntil(expiry),
    markets: marketsUntil(expiry, (slot) => 10n + BigInt(slot)),
  });
  return {
    domain: 77n,
    profile: PROFILE,
    rules,
    prices: noPrices({ ...rules, ...rules.group }),
    accounts: [1n, 2n].map((view) => openAccount({ keyX: 5n, keyY: view, view })),
    time: START,
  };
}

/** Prices move by REPRICE, of which the first is yet to come; contracts expire. */
export const genesis = venueUntil(START + 2n * GRID, { epochLength: 60n, lag: 5n });
const { epoch, ...long } = epochs({ time: START, age: 400_000n });
const still = venueUntil(FOREVER, long);
/** Prices that count for 400,000 s, and nothing expires. */
export const stillGenesis: Genesis = {
  ...still,
  prices: pricesOfTests(still.rules, {
    values: [
      vector(1_003n, 990n, 50n, 60n),
      vector(1_100n, 1_090n, 90n, 9n),
      vector(900n, 880n, 5n, 99n),
      vector(1_003n, 990n, 40n, 50n),
    ],
    funding: vector(7n),
    epoch,
  }),
};
export const options: MatcherOptions = { view: (_, index) => BigInt(index) };

export const TRADERS = 20;
const keys = Array.from({ length: TRADERS }, (_, i) => depositKey(publicKey(new Uint8Array(32).fill(i + 1))));

/** Deposits that open accounts 2 to 1 + TRADERS, or credit them. */
export function deposits(time: bigint, amount: (trader: number) => bigint): Command {
  return {
    kind: "deposits",
    time,
    deposits: keys.map(({ x, y }, i) => ({ keyX: x, keyY: y, index: 2 + i, amount: amount(i) })),
  };
}

/** An item whose signature counts as checked. */
export function signedItem(time: bigint, item: Item): Command {
  return { kind: "item", time, item, auth: AUTH, signed: true };
}

/**
 * Endless flow of commands that are not refused: orders, cancels and withdrawals, good and bad, closes, purges, deposits; and
 * where prices move, reports of feeds, new rules and folds. Time never falls.
 * @param from  where it begins
 */
export function* randomCommands(random: Random, from: Genesis = genesis): Generator<Command> {
  /** What was sent so far has made of it. */
  const venue = new Matcher(from, options);
  const moves = from.prices.epoch === 0n;
  let time = START;
  let underOthers = false;
  let [index, basis, average] = [1_000, -10, 1_000n];
  const chance = (p: number) => random.unit() < p;
  const within = (range: number) => BigInt(random.integer(-range, range));
  const sent = (command: Command): boolean => {
    try {
      venue.apply(command);
      return true;
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      time = max(time, venue.clock >> 5n);
      return false;
    }
  };
  const first = deposits(time, (i) => 1_000n * BigInt(i * i * i));
  if (sent(first)) yield first;
  for (;;) {
    const command = next();
    if (!sent(command)) continue;
    if (command.kind === "reprice") underOthers = false;
    if (command.kind === "rules") underOthers = true;
    yield command;
  }

  function next(): Command {
    if (chance(0.2)) time += BigInt(random.integer(1, 2));
    const { rules, prices } = venue.terms;
    if (moves) {
      const epoch = epochAt(rules.group.pricing, time);
      // Now and then late, so that orders have prices of the epoch before, or none.
      if ((epoch > prices.epoch || underOthers) && chance(0.2)) return reprice(epoch);
      if (chance(0.002)) return { kind: "rules", time, rules: changed(rules) };
      const settled = EXPIRING.every((i) => prices.payoffs[i] !== 0n);
      if (prices.payoffs[1] !== 0n && chance(0.1)) {
        const [at] = venue.unfolded();
        if (at !== undefined) return fold(at);
        if (settled) return relist(rules);
      }
      if (chance(0.001)) return fold(random.integer(0, venue.accounts.length - 1));
    }
    if (chance(0.0005)) return deposits(time, () => BigInt(random.integer(0, 5_000)));
    if (!chance(0.03)) return signedItem(time, randomItem());
    const slot = random.integer(0, SLOTS);
    // A close must come before all else of its second; purges are not bound to it.
    if (!chance(0.85)) return { kind: "purge", time: ++time, slot };
    time += INTERVAL - (time % INTERVAL);
    return { kind: "close", time, slot };
  }

  function fold(at: number): Command {
    const most = Math.min(PROFILE.fold, venue.accounts.length - at);
    return { kind: "fold", time, from: at, count: random.integer(1, most) };
  }

  /** A quorum's reports of an epoch: now and then something is missing, or the index moves more than a step. */
  function reprice(epoch: bigint): Command {
    const { instruments, group } = venue.terms.rules;
    const end = epoch * group.pricing.epochLength;
    if (epoch > venue.terms.prices.epoch) {
      index += Math.round((1_000 - index) / 10) + random.integer(-25, 25);
      if (chance(0.03)) index = random.integer(700, 1_300);
      basis = Math.max(-40, Math.min(40, basis + random.integer(-5, 5)));
      average = BigInt(index) + within(10);
    }
    const value = (i: number): bigint => {
      const expiry = instruments[i]?.contract.expiry;
      if (expiry === undefined || chance(0.01)) return 0n;
      if (expiry > 0n && expiry <= end) return 1n + average;
      if (i < 2) return BigInt(index + (i ? basis : 3));
      return i === 2 ? (1n << 24n) / 2n : 0n;
    };
    const values = vector().map((_, i) => value(i));
    const numbers = { index: BigInt(index), average, sigma: 12_000_000n, premium: NO_PREMIUM + within(30), values };
    const about = { domain: from.domain, contracts: contractsHash(instruments), epoch };
    const isSigned = chance(0.03);
    const missing = random.integer(0, 3);
    const quorum = [0, 1, 2, 3]
      .filter((feed) => feed !== missing)
      .map((feed): SignedReport => {
        const lies = chance(0.1) ? { index: BigInt(random.integer(1, 2_000)) } : {};
        const report: Report = { ...numbers, ...about, premium: numbers.premium + within(2), ...lies };
        return { feed, report, auth: isSigned ? sign(FEED_SECRETS[feed], reportHash(report)) : AUTH };
      });
    return { kind: "reprice", time: ++time, epoch, quorum, checked: !isSigned };
  }

  /** Other terms of what is traded. */
  function changed({ group, instruments, markets }: Rules): Rules {
    const slot = random.integer(0, SLOTS - 1);
    const i = random.integer(0, 3);
    const inMarket = (change: (row: MarketRules) => Partial<MarketRules>): Rules => {
      return {
        group,
        instruments,
        markets: markets.map((it, m) => (m === slot && it ? { ...it, ...change(it) } : it)),
      };
    };
    return random.pick<() => Rules>([
      () => ({ group: { ...group, slack: BigInt(random.integer(0, 16)) }, instruments, markets }),
      () => {
        const costs = { longCharge: BigInt(random.integer(0, 9)), shortCharge: BigInt(random.integer(0, 9)) };
        const changed = { ...costs, weight: BigInt(random.integer(1, 9)) };
        return {
          group,
          markets,
          instruments: instruments.map((it, at) => (at === i && it ? { ...it, ...changed } : it)),
        };
      },
      () => inMarket(() => ({ band: BigInt(random.integer(20, 80)) * 5n })),
      () => inMarket(() => ({ feeRate: BigInt(random.integer(0, 900)), feePerLot: BigInt(random.integer(0, 2)) })),
      () => inMarket(() => ({ lotLimit: BigInt(random.integer(10, 1_000)), rhoMin: BigInt(random.integer(1, 9)) })),
      () => inMarket(({ state }) => ({ state: slot > 1 && slot < 5 ? 3n - state : state, band: 400n })),
      () => inMarket(({ until }) => (until < FOREVER ? { until: max(time, until - 100n) } : {})),
    ])();
  }

  /** What has settled, and is folded, goes; its successors come once its markets are empty. */
  function relist({ group, instruments, markets }: Rules): Command {
    const slot = [...markets.keys()].find((m) => {
      const isOver = EXPIRING.some((i) => markets[m] && markets[m].legs[i] !== 0n);
      return isOver && venue.book(m).length + venue.cancels(m).length > 0;
    });
    if (slot !== undefined) return { kind: "purge", time: ++time, slot };
    const expiry = ((time + WINDOW) / GRID + BigInt(random.integer(1, 2))) * GRID;
    const others = instrumentsUntil(expiry);
    const { greatestId } = group;
    const anew = marketsUntil(expiry, (m) => greatestId + 1n + BigInt(m));
    const rules: Rules = {
      group: { ...group, greatestId: greatestId + BigInt(SLOTS) },
      instruments: instruments.map((it, i) => (EXPIRING.includes(i) ? others[i] : it)),
      markets: markets.map((it, m) => (anew[m] && EXPIRING.some((i) => anew[m]!.legs[i] !== 0n) ? anew[m] : it)),
    };
    return { kind: "rules", time, rules };
  }

  function randomItem(): Item {
    const { rules, prices } = venue.terms;
    const account = chance(0.01) ? random.integer(0, 70) : random.integer(2, 1 + TRADERS);
    const last = venue.accounts[account]?.nonce ?? 0n;
    const nonce = chance(0.01) ? last : last + 1n;
    const common = { account: BigInt(account), nonce, validUntil: chance(0.01) ? time - 1n : time, salt: 0n };
    const slot = chance(0.02) ? 6 : random.integer(0, chance(0.1) ? SLOTS : 3);
    const market = rules.markets[slot]?.id ?? 9n;
    const earlier = () => BigInt(random.integer(0, Math.min(Number(nonce), 40)));
    const kind = random.unit();
    if (kind < 0.02) {
      const amount = BigInt(random.integer(0, 3_000));
      return withdrawalItem({ ...common, recipient: 9n, amount });
    }
    if (kind < 0.22) {
      const target = chance(0.05) ? undefined : nonce - earlier();
      return cancelItem({ ...common, market, target: target });
    }
    const mark = Number(prices.markets[slot]?.mark ?? 1_000n);
    const offset = 5 * Math.round((random.unit() + random.unit() + random.unit() - 1.5) * 12);
    const limit = BigInt(mark + offset + (chance(0.01) ? 1 : 0) + (chance(0.01) ? 1_900 : 0));
    const expiry = time + BigInt(random.integer(5, 200));
    const size = BigInt(random.integer(chance(0.02) ? 0 : 1, chance(0.02) ? 1_100 : 20));
    const side = random.integer(0, 1);
    const replaces = chance(0.05) ? earlier() : 0n;
    const maxFee = chance(0.01) ? { maxFee: 0n } : {};
    const order = { ...common, market, side, limit, size, expiry, replaces, thisAuction: chance(0.2), ...maxFee };
    if (chance(0.08)) {
      // Most of a maker: replaced soon, and wide enough apart not to cross themselves.
      const count = random.integer(1, LIST_ORDERS);
      const orders = Array.from({ length: count }, (_, i) => {
        return { side: (side + i) % 2, limit: limit + BigInt(5 * i * ((side + i) % 2 ? 1 : -1)), size: size / 2n + 1n };
      });
      return quotesItem({ ...common, market, orders, expiry, ...maxFee });
    }
    const item = orderItem(order);
    return chance(0.005) ? { ...item, A: item.A + (1n << 200n) } : item;
  }
}
