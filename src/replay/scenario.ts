import { Matcher, type Command } from "../matcher/matcher.ts";
import { viewKey } from "../protocol/account.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign } from "../protocol/eddsa.ts";
import { contractsHash, type Instrument } from "../protocol/instrument.ts";
import { parseGenesis, type GenesisFile } from "../protocol/genesis.ts";
import { PROFILES } from "../protocol/instructions.ts";
import {
  A_COLUMNS,
  cancelItem,
  itemHash,
  orderItem,
  quotesItem,
  withdrawalItem,
  type Item,
  type OrderFields,
} from "../protocol/item.ts";
import { slotOf } from "../protocol/market.ts";
import { pack } from "../protocol/numbers.ts";
import { BITS, INSTRUMENT_KIND, INSTRUMENTS, LIST_ORDERS, SIDE, type Verdict } from "../protocol/parameters.ts";
import { NO_PREMIUM, quorumOf, reportHash, type SignedReport } from "../protocol/report.ts";
import { instrumentsJson } from "../protocol/rulesJson.ts";
import { developmentGenesis, developmentInstruments, developmentPricing } from "../venue/developmentGenesis.ts";
import { commandOf, Liquidator, LOOKS, type Step } from "../venue/liquidator.ts";
import { Random } from "./random.ts";

/**
 * The demonstration: one underlying at about 1,000.00; a perpetual, a call and a put struck there for a week, and their straddle;
 * four feeds, of which one lies; ten traders with zero-intelligence flow (Gode and Sunder 1993: random limit orders, market
 * orders, cancels), and one item for each reason to reject. After two auctions the venue stands still until the options expire:
 * then its perpetual pays funding, and options turn into cash.
 *
 * The second act: the index falls, and with it two traders who bought as much as their margin let them. One has no equity left: the
 * insurance account takes it over. The other is sold down in two auctions. Then it falls further than the insurance carries, and a
 * withdrawal is paid in proportion. What is done against them is what a venue's policy does. Money is in cents.
 */

const START = 1_767_225_600n; // 2026-01-01T00:00:00Z
const INTERVAL = 60n;
const WEEK = 7n * 86_400n;
const EXPIRY = START + WEEK;
const FOREVER = (1n << BigInt(BITS.time)) - 1n;
export const TRADERS = 12;
export const DEPOSIT = 40_000_000n;
/** Number of the first trader's account, after those of the genesis. */
export const FIRST_TRADER = 3;
/** The last two traders: what they deposit, and how many lots of the perpetual they buy with it. */
const THIN = [
  { deposit: 500_000n, lots: 40n },
  { deposit: 475_000n, lots: 48n },
] as const;
/** Deposited to the insurance account. */
const INSURED = 300_000n;

const [PERP, CALL, PUT, STRADDLE, CROSS, HALTED, TINY] = [101n, 102n, 103n, 104n, 105n, 106n, 107n];
/** Slots that are closed: the straddle's auction and the perpetual's cross, and in the second act the perpetual's auction. */
const PERP_SLOT = 0;
export const AUCTION_SLOT = 3;
export const CROSS_SLOT = 4;
export const MARKET_NAMES: Record<string, string> = {
  [String(PERP)]: "perpetual, auction",
  [String(CALL)]: "call 1000, auction",
  [String(PUT)]: "put 1000, auction",
  [String(STRADDLE)]: "straddle 1000, auction",
  [String(CROSS)]: "perpetual, midpoint cross",
  [String(HALTED)]: "halted",
  [String(TINY)]: "room for one order",
};

export interface Trader {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly index: number;
  nonce: bigint;
}

export type ScenarioCommand = Command & { expected?: Verdict };

export interface Scenario {
  readonly genesis: GenesisFile;
  readonly operator: Trader;
  readonly operatorSecret: bigint;
  readonly traders: readonly Trader[];
  /** K' for each trader's deposit */
  readonly deposits: readonly { keyX: bigint; keyY: bigint; index: number; amount: bigint }[];
  readonly view: (key: { keyX: bigint; keyY: bigint }, index: number) => bigint;
  /** prices, items, closes, folds, and what verdict an item is meant to get */
  readonly commands: readonly ScenarioCommand[];
  /** number of the feed that lies */
  readonly liar: number;
}

/** A feed's index that is a lie. */
const LIE = 7n;
const SIGMA = (60n << 24n) / 100n;
/** The index at the first prices, after a move within the hour, and at the expiry; in the crash, and in the one after it. */
const INDICES = [100_000n, 101_300n, 104_200n] as const;
const [CRASHED, DEEPER] = [91_400n, 76_000n];
/** Of the perpetual over the index when funding is paid. */
const PREMIUM = 160n;
/** Slot of an instrument that no feed has a price of: accounts of the genesis hold it. */
const LEGACY_SLOT = INSTRUMENTS - 1;

function market(id: bigint, legs: Record<number, number>, other: Record<string, unknown> = {}) {
  return {
    id: String(id),
    legs: Array.from({ length: INSTRUMENTS }, (_, i) => legs[i] ?? 0),
    tick: 10,
    lotLimit: 10_000,
    band: 20_000,
    feeRate: 50,
    feePerLot: 2,
    rhoMin: 100,
    rule: "auction",
    interval: String(INTERVAL),
    state: "open",
    until: String(Object.keys(legs).some((slot) => slot !== "0") ? EXPIRY : FOREVER),
    capacity: 40,
    cancelCapacity: 64,
    listCapacity: 64,
    ...other,
  };
}

export function makeScenario({ seed, domain }: { seed: number; domain: bigint }): Scenario {
  const random = new Random(seed);
  const person = (name: string, index: number): Trader => ({ name, secret: random.bytes(32), index, nonce: 0n });
  const operator = person("venue", 0);
  const insurance = person("insurance", 1);
  const holder = person("holder", 2);
  const traders = Array.from({ length: TRADERS }, (_, i) => person(`trader ${i + 1}`, FIRST_TRADER + i));
  const operatorSecret = secretScalar(operator.secret);
  const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
    viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);

  const legacy = (lots: bigint) => Array.from({ length: INSTRUMENTS }, (_, i) => String(i === LEGACY_SLOT ? lots : 0n));
  const house = ({ secret, index }: Trader, lots: bigint) => {
    const { x, y } = publicKey(secret);
    const key = { keyX: x, keyY: y };
    return { keyX: String(x), keyY: String(y), view: String(view(key, index)), positions: legacy(lots) };
  };
  const { feeds: count, scenarios } = PROFILES.demo;
  const feeds = Array.from({ length: count }, () => random.bytes(32));
  const pricing = { ...developmentPricing(scenarios), fundingEvery: 1n };
  const { group } = (
    developmentGenesis({
      secret: operator.secret,
      insurance: insurance.secret,
      domain,
      time: START,
      feeds: feeds.map(publicKey),
      pricing,
    }) as { rules: { group: { defaults: object } } }
  ).rules;
  const instruments: (Instrument | null)[] = Array.from(
    { length: INSTRUMENTS },
    (_, slot) => developmentInstruments(EXPIRY)[slot] ?? null,
  );
  const future = {
    kind: BigInt(INSTRUMENT_KIND.future),
    expiry: START + 52n * WEEK,
    strike: 0n,
    forward: 0n,
    volatility: 0n,
  };
  instruments[LEGACY_SLOT] = { contract: future, longCharge: 0n, shortCharge: 0n, weight: 1n };
  const genesis = parseGenesis({
    profile: "demo",
    domain: String(domain),
    time: String(START),
    rules: {
      group: { ...group, greatestId: String(TINY), defaults: { ...group.defaults, grace: "30", slope: "60" } },
      instruments: instrumentsJson(instruments),
      markets: [
        market(PERP, { 0: 1 }),
        market(CALL, { 1: 1 }),
        market(PUT, { 2: 1 }),
        market(STRADDLE, { 1: 1, 2: 1 }),
        // In the second act the perpetual has one market: what an account sells, it sells there.
        market(CROSS, { 0: 1 }, { rule: "midpoint", until: String(EXPIRY) }),
        market(HALTED, { 0: 1 }, { state: "halted" }),
        market(TINY, { 0: 1 }, { until: String(EXPIRY), capacity: 1, cancelCapacity: 1, listCapacity: 1 }),
      ],
    },
    // A worthless legacy position, large enough to show the position limit.
    accounts: [house(operator, -(1n << 46n) - 1n), house(insurance, 0n), house(holder, (1n << 46n) + 1n)],
  });
  const contracts = contractsHash(genesis.rules.instruments);
  const liar = random.integer(0, count - 1);
  /** Honest feeds differ by a cent or two. */
  const quorumOfEpoch = (epoch: bigint, index: bigint, premium: bigint): SignedReport[] => {
    const isExpired = epoch * pricing.epochLength >= EXPIRY;
    const reports = feeds.map((secret, feed): SignedReport => {
      const seen = feed === liar ? index * LIE : index + BigInt(feed);
      const option = isExpired ? 1n + seen : SIGMA;
      const report = {
        domain,
        contracts,
        epoch,
        index: seen,
        average: seen,
        sigma: SIGMA + BigInt(feed),
        premium: NO_PREMIUM + premium,
        // The put shares the call's volatility.
        values: Array.from(
          { length: INSTRUMENTS },
          (_, i) => [seen + premium, option, isExpired ? option : 0n][i] ?? 0n,
        ),
      };
      return { feed, report, auth: sign(secret, reportHash(report)) };
    });
    // The liar is among those whose reports came first.
    const others = reports.filter(({ feed }) => feed !== liar).slice(0, quorumOf(count) - 1);
    return [...others, reports[liar]].sort((a, b) => a.feed - b.feed);
  };

  const deposits = [...traders, insurance].map(({ secret, index }, i) => {
    const { x: keyX, y: keyY } = depositKey(publicKey(secret));
    const amount = index === insurance.index ? INSURED : (THIN[i - TRADERS + THIN.length]?.deposit ?? DEPOSIT);
    return { keyX, keyY, index, amount };
  });
  const profile = { ...PROFILES[genesis.profile], deposit: deposits.length };
  const matcher = new Matcher({ ...genesis, profile }, { view: () => 0n });
  matcher.apply({ kind: "deposits", time: START, deposits });
  const commands: ScenarioCommand[] = [];
  const run = (command: ScenarioCommand) => {
    commands.push(command);
    const [event] = matcher.apply(command);
    if (event.kind === "item" && event.admission.verdict !== command.expected)
      throw new Error(`the scenario wants ${command.expected}, the verdict is ${event.admission.verdict}`);
  };
  let clock = START;
  const markOf = (id: bigint) => matcher.terms.prices.markets[slotOf(genesis.rules, id)]?.mark ?? 0n;
  /** Prices of the epoch that is over, so many seconds later than the lag wants. */
  const priced = (end: bigint, index: bigint, premium = 0n) => {
    const epoch = end / pricing.epochLength;
    clock = end + pricing.lag;
    run({ kind: "reprice", time: clock, epoch, quorum: quorumOfEpoch(epoch, index, premium) });
  };
  const salt = () => random.bits(248);
  const send = (by: Trader, item: Item, expected: Verdict, forge?: (S: bigint) => bigint) => {
    const { R8x, R8y, S } = sign(by.secret, itemHash(domain, item));
    const auth = { R8x, R8y, S: forge ? forge(S) : S };
    run({ kind: "item", time: clock, item, auth, expected });
  };
  const order = (by: Trader, fields: Partial<OrderFields>): OrderFields => ({
    market: STRADDLE,
    account: BigInt(by.index),
    nonce: ++by.nonce,
    side: SIDE.buy,
    limit: markOf(fields.market ?? STRADDLE),
    size: 10n,
    validUntil: clock + 30n,
    expiry: START + 86_400n,
    salt: salt(),
    ...fields,
  });
  const cancel = (by: Trader, market: bigint, target?: bigint) =>
    cancelItem({ market, account: BigInt(by.index), nonce: ++by.nonce, target, validUntil: clock + 30n, salt: salt() });

  /** A list of quotes, so many on each side of a middle, a tick apart. */
  const quotes = (by: Trader, market: bigint, middle: bigint, levels: number) => {
    const orders = Array.from({ length: levels }, (_, i) => BigInt(10 * (1 + i))).flatMap((away) => [
      { side: SIDE.buy, limit: middle - away, size: 1n },
      { side: SIDE.sell, limit: middle + away, size: 1n },
    ]);
    const nonce = by.nonce + 1n;
    by.nonce += BigInt(LIST_ORDERS);
    const life = { validUntil: clock + 30n, expiry: START + 86_400n };
    return quotesItem({ market, account: BigInt(by.index), nonce, orders, ...life, salt: salt() });
  };

  // Zero-intelligence flow in one market up to `until`: Poisson arrivals, at most three open orders each. What is open
  // is read from a matcher that runs along. `eager`: by how many ticks limits are better than the mark, on average.
  const flow = (slot: number, { count, until, eager }: { count: number; until: bigint; eager: number }) => {
    const { id } = genesis.rules.markets[slot]!;
    const mark = markOf(id);
    const mean = Number(until - clock) / (count + 4);
    let at = Number(clock);
    for (let i = 0; i < count; i++) {
      at += random.waiting(mean);
      clock = BigInt(Math.min(Math.floor(at), Number(until) - 1));
      const by = random.pick(traders.slice(0, 8));
      const own = matcher.book(slot).filter(({ account }) => account === by.index);
      const draw = random.unit();
      if (own.length > 0 && (draw < 0.12 || matcher.accounts[by.index].open >= 3n)) {
        send(by, cancel(by, id, random.pick(own).nonce), "admitted");
        continue;
      }
      const side = random.pick([SIDE.buy, SIDE.sell]);
      const thisAuction = draw > 0.85 || matcher.accounts[by.index].open >= 3n;
      const better = thisAuction ? 300n : BigInt(random.integer(eager - 10, eager + 10)) * 10n;
      const limit = mark + (side === SIDE.buy ? better : -better);
      const size = BigInt(random.integer(1, 40));
      send(by, orderItem(order(by, { market: id, side, limit, size, thisAuction })), "admitted");
    }
  };

  const [eve, mallory, ...thin] = traders.slice(8);
  priced(START, INDICES[0]);
  flow(AUCTION_SLOT, { count: 12, until: START + 40n, eager: 0 });
  // Resting orders in the other markets, and one replaced.
  const quote = order(eve, { market: CALL, limit: markOf(CALL) - 100n, size: 5n });
  send(eve, orderItem(quote), "admitted");
  send(
    eve,
    orderItem(order(eve, { market: CALL, limit: markOf(CALL) - 50n, size: 5n, replaces: quote.nonce })),
    "admitted",
  );
  send(eve, orderItem(order(eve, { market: PUT, side: SIDE.sell, limit: markOf(PUT) + 100n, size: 3n })), "admitted");
  send(eve, orderItem(order(eve, { market: PERP, limit: markOf(PERP) - 100n, size: 1n })), "admitted");
  send(eve, quotes(eve, PERP, markOf(PERP), 4), "admitted");

  // One item for each reason to reject.
  clock = START + 45n;
  send(eve, quotes(eve, PERP, markOf(PERP), 3), "tooManyOpen");
  send(eve, cancel(eve, PERP), "admitted");
  const whole = orderItem(order(mallory, {}));
  send(mallory, { ...whole, A: whole.A | (1n << 200n) }, "malformed");
  send(mallory, whole, "unsigned", (S) => S + 1n);
  send(mallory, orderItem(order(mallory, { nonce: 0n })), "nonce");
  send(mallory, orderItem(order(mallory, { validUntil: clock - 1n })), "tooLate");
  send(mallory, orderItem(order(mallory, { market: 999n })), "unknownMarket");
  send(mallory, cancel(mallory, STRADDLE, mallory.nonce + 5n), "badTarget");
  send(mallory, cancel(mallory, TINY, 1n), "admitted");
  send(mallory, cancel(mallory, TINY, 1n), "tooManyCancels");
  send(mallory, orderItem(order(mallory, { market: HALTED, limit: markOf(PERP) })), "marketNotOpen");
  send(mallory, orderItem(order(mallory, { limit: markOf(STRADDLE) + 5n })), "offTick");
  send(mallory, orderItem(order(mallory, { size: 0n })), "size");
  send(mallory, orderItem(order(mallory, { limit: markOf(STRADDLE) + 30_000n })), "band");
  send(mallory, orderItem(order(mallory, { maxFee: 2n })), "maxFee");
  const flagged = orderItem(order(mallory, {}));
  const flagsAt = A_COLUMNS.slice(0, 5).reduce((sum, { bits }) => sum + bits, 0);
  send(
    mallory,
    { ...flagged, A: flagged.A + pack([{ name: "flags", bits: 8 }], { flags: 128n }) * 2n ** BigInt(flagsAt) },
    "flags",
  );
  send(mallory, orderItem(order(mallory, { market: TINY, limit: markOf(PERP), size: 1n })), "admitted");
  send(mallory, orderItem(order(mallory, { market: TINY, limit: markOf(PERP), size: 1n })), "marketFull");
  send(holder, orderItem(order(holder, {})), "positionLimit");
  send(mallory, orderItem(order(mallory, { side: SIDE.sell, size: 10_000n })), "margin");

  clock = START + INTERVAL;
  run({ kind: "close", time: clock, slot: AUCTION_SLOT });
  priced(START + INTERVAL, INDICES[1]);
  flow(CROSS_SLOT, { count: 6, until: START + 2n * INTERVAL - 10n, eager: 8 });
  const crossing = { market: CROSS, limit: markOf(CROSS), thisAuction: true };
  THIN.forEach(({ lots: size }, i) => send(thin[i], orderItem(order(thin[i], { ...crossing, size })), "admitted"));
  // More than all want: so both have all of it.
  const sold = 400n;
  send(mallory, orderItem(order(mallory, { ...crossing, side: SIDE.sell, size: sold })), "admitted");
  clock = START + 2n * INTERVAL - 5n;
  const recipient = random.bits(160);
  for (const by of [traders[0], traders[1]]) {
    const fields = {
      account: BigInt(by.index),
      nonce: ++by.nonce,
      recipient,
      amount: 1_000_000n,
      validUntil: clock,
      salt: salt(),
    };
    send(by, withdrawalItem(fields), "admitted");
  }
  clock = START + 2n * INTERVAL;
  run({ kind: "close", time: clock, slot: CROSS_SLOT });

  // The venue stands still; then options expire, the perpetual pays funding, and what is settled turns into cash.
  priced(EXPIRY, INDICES[2], PREMIUM);
  for (let from = 0; from < matcher.accounts.length; from += profile.fold)
    run({ kind: "fold", time: clock, from, count: Math.min(profile.fold, matcher.accounts.length - from) });
  clock += 2n * pricing.epochLength;
  send(mallory, orderItem(order(mallory, { market: PERP })), "pricesNotFresh");

  // The second act. A venue's policy decides what is done.
  const policy = new Liquidator();
  const take = (steps: readonly Step[]) => {
    for (const step of steps) run(commandOf(step, clock, salt));
  };
  /** Flags, then what may follow at once. */
  const enforce = () => {
    for (let i = 0; i < LOOKS; i++) take(policy.steps(matcher, clock));
  };
  /** An auction of the perpetual half a minute after somebody has bid in it. */
  const auction = (by: Trader, away: bigint, size: bigint) => {
    clock += INTERVAL / 2n - pricing.lag;
    send(
      by,
      orderItem(
        order(by, { market: PERP, limit: markOf(PERP) - away, size, thisAuction: true, expiry: clock + INTERVAL }),
      ),
      "admitted",
    );
    clock += INTERVAL / 2n;
    take(policy.reductions(matcher, clock));
    run({ kind: "close", time: clock, slot: PERP_SLOT });
  };
  const crash = EXPIRY + 4n * INTERVAL;
  priced(crash, CRASHED);
  enforce();
  auction(traders[2], 0n, 30n);
  priced(crash + INTERVAL, CRASHED);
  enforce();
  send(
    thin[0],
    orderItem(order(thin[0], { market: PERP, side: SIDE.sell, size: 1n, expiry: clock + INTERVAL })),
    "inLiquidation",
  );
  auction(traders[3], 100n, 10n);
  priced(crash + 2n * INTERVAL, DEEPER);
  enforce();
  const [, , , by] = traders;
  const whole2 = {
    account: BigInt(by.index),
    nonce: ++by.nonce,
    recipient: random.bits(160),
    amount: 1_000_000n,
    validUntil: clock,
    salt: salt(),
  };
  send(by, withdrawalItem(whole2), "margin");
  send(by, withdrawalItem({ ...whole2, nonce: ++by.nonce, lessAccepted: true }), "admitted");

  return { genesis, operator, operatorSecret, traders, deposits, view, commands, liar };
}
