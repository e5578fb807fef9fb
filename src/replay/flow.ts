import type { Command, Genesis, MatcherOptions } from "../matcher/matcher.ts";
import { openAccount, viewKey, type Account } from "../protocol/account.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign, type Point } from "../protocol/eddsa.ts";
import { outOfRange } from "../protocol/errors.ts";
import type { Profile } from "../protocol/instructions.ts";
import { NO_INSTRUMENTS, type Instrument } from "../protocol/instrument.ts";
import { cancelItem, itemHash, orderItem, quotesItem, type Item, type Quote } from "../protocol/item.ts";
import { NO_MARKETS, type MarketRules } from "../protocol/market.ts";
import {
  BITS,
  INSTRUMENT_KIND,
  INSTRUMENTS,
  LIST_ORDERS,
  MARKET_STATE,
  MOST,
  RULE,
  SIDE,
  TENORS,
} from "../protocol/parameters.ts";
import { epochAt, noPrices, type Pricing, type Scenario } from "../protocol/prices.ts";
import type { Rules } from "../protocol/rules.ts";
import { DEVELOPMENT_DEFAULTS } from "../venue/developmentGenesis.ts";
import { ReplayFeeds } from "./feeds.ts";
import type { LobsterMessage, LobsterType } from "./lobster.ts";
import { mix } from "./mix.ts";
import { Random } from "./random.ts";

/** How a message file is turned into the flow of a venue. */
export interface FlowOptions {
  profile: Profile;
  /** traders, beside the venue's and the insurance account */
  accounts: number;
  /** seconds between auctions */
  every: number;
  seed: number;
  /** sign items and reports; else the matcher is told that each is signed */
  signed: boolean;
  /** percent of the orders that are a maker's, who puts them by lists of quotes; default 0 */
  makers?: number;
}

/** A venue with one stock, of which a perpetual is traded, and all that is sent to it. */
export interface Flow {
  genesis: Genesis;
  options: MatcherOptions;
  operatorSecret: bigint;
  /** deposits first, then prices, items and closes in the order of time */
  commands: Iterable<Command>;
  counts: FlowCounts;
}

/** Grows while `commands` is walked. */
export interface FlowCounts {
  messages: number;
  /** hidden executions, crosses and halts: nothing that a venue would be sent */
  skipped: number;
  /** cancels of orders that rested before the file begins */
  unknown: number;
  items: Record<Extract<LobsterType, "order" | "partialCancel" | "cancel" | "execution">, number>;
  /** of quotes, by makers */
  lists: number;
  closes: number;
  reprices: number;
  /** what the file's executions traded: shares, and shares times price */
  traded: { shares: bigint; value: bigint };
}

/** 2012-06-21, midnight in New York; the day of the sample. Files carry no date, and any would do. */
const MIDNIGHT = 1_340_251_200n;
/**
 * Of dollars times 10,000: a cent, and a hundredth of it for what costs less than a dollar.
 * @source Regulation NMS, Rule 612 (17 CFR 242.612)
 */
const [TICK, SMALL_TICK, DOLLAR] = [100n, 1n, 10_000n];
/** Orders and executions of which the first index is the median: a stub quote among them, far from any trade, does not move it. */
const MARKING = 101;
const MARKET = 1n;
export const SLOT = 0;
/** A hundred billion dollars each: nothing is refused for want of money. */
const DEPOSIT = 10n ** 15n;
const FIRST_TRADER = 2;
/** Accounts of makers, the first of all traders; fewer where there are fewer traders. */
const MAKERS = 8;
const SECONDS_A_DAY = 86_400n;
/** Of a salt or a domain: below the modulus of the field. */
const RANDOM_BITS = 248;

/**
 * Turns messages into commands: a new order by an account that its id picks; a cancel; a partial cancel as a replacement
 * by the rest; an execution as an order on the other side that lives for one auction, by an account that id and line
 * pick. An auction is closed at each multiple of `every` seconds, after the last message as well. A maker's orders are put
 * once a second by a list of quotes: the eight newest that rest. Feeds report each minute what the file's executions came to.
 * @throws OUT_OF_RANGE naming the option
 */
export function flowOf(messages: readonly LobsterMessage[], options: FlowOptions): Flow {
  const { profile, accounts, every, seed, signed, makers = 0 } = options;
  const room = 4 ** profile.depth - FIRST_TRADER;
  if (!Number.isInteger(accounts) || accounts < 1 || accounts > room)
    throw outOfRange("--accounts", `1 to ${room}, as the account tree of the profile has room for`);
  if (!Number.isInteger(makers) || makers < 0 || makers > 100) throw outOfRange("--makers", "0 to 100 percent");
  if (makers > 0 && accounts < 2) throw outOfRange("--accounts", "2 or more, where some are makers");
  if (!Number.isInteger(every) || every < 1 || every > 86_400) throw outOfRange("--every", "1 to 86400 seconds");
  const random = new Random(seed);
  const secrets = Array.from({ length: FIRST_TRADER + accounts }, () => random.bytes(32));
  const domain = random.bits(RANDOM_BITS);
  const feedSecrets = Array.from({ length: profile.feeds }, () => random.bytes(32));
  const operatorSecret = secretScalar(secrets[0]);
  const start = MIDNIGHT + BigInt(messages[0]?.seconds ?? 0);
  const { mark, tick } = markOf(messages);
  const feeds = feedSecrets.map(publicKey);
  const rules = rulesOf(publicKey(secrets[0]), { profile, feeds, interval: BigInt(every), tick });
  const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
    viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);
  const house = secrets.slice(0, FIRST_TRADER).map((secret, index): Account => {
    const { x: keyX, y: keyY } = publicKey(secret);
    return openAccount({ keyX, keyY, view: view({ keyX, keyY }, index) });
  });
  // The first prices, at `start`, come after all that is stamped before.
  const time = start - 1n;
  const prices = noPrices({ ...rules, ...rules.group });
  const genesis: Genesis = { domain, profile, rules, prices, accounts: house, time };
  const counts: FlowCounts = {
    messages: 0,
    skipped: 0,
    unknown: 0,
    items: { order: 0, partialCancel: 0, cancel: 0, execution: 0 },
    lists: 0,
    closes: 0,
    reprices: 0,
    traded: { shares: 0n, value: 0n },
  };
  const keys = secrets.slice(FIRST_TRADER).map((secret) => depositKey(publicKey(secret)));
  const secretOf = signed ? (account: number) => secrets[account] : null;
  const trades = messages
    .filter(({ type }) => type === "execution")
    .map(({ seconds, price }) => ({ time: MIDNIGHT + BigInt(seconds), price }));
  const feedsOf = () => {
    const terms = { ...rules, pricing: rules.group.pricing };
    return new ReplayFeeds({ domain, terms, count: feeds.length, secrets: signed ? feedSecrets : null, trades, mark });
  };
  const commands = {
    [Symbol.iterator]: () =>
      commandsOf(messages, { options, genesis, keys, counts, random, secretOf, feeds: feedsOf() }),
  };
  return { genesis, options: { view }, operatorSecret, commands, counts };
}

function* commandsOf(
  messages: readonly LobsterMessage[],
  from: {
    options: FlowOptions;
    genesis: Genesis;
    /** by trader: what a deposit names */
    keys: readonly Point[];
    counts: FlowCounts;
    random: Random;
    secretOf: ((account: number) => Uint8Array) | null;
    feeds: ReplayFeeds;
  },
): Generator<Command> {
  const { options, genesis, keys, counts, random, secretOf, feeds } = from;
  const { accounts, every, profile, makers: percent = 0 } = options;
  // A maker trades by lists alone: the next one would cancel what else it has sent.
  const makers = percent > 0 ? Math.min(MAKERS, accounts - 1) : 0;
  const accountOf = (key: number) => FIRST_TRADER + makers + (mix(key) % (accounts - makers));
  /** Number of the maker whose order it is, or -1. */
  const makerOf = (id: number) => (mix(~id) % 100 < percent ? mix(id) % makers : -1);
  /** By maker: orders that rest, by id, the oldest first; and who has changed them in this second. */
  const quoted = Array.from({ length: MAKERS }, () => new Map<number, Quote>());
  const changed = new Set<number>();
  const nonces = Array<bigint>(FIRST_TRADER + accounts).fill(0n);
  /** By id: what rests of the orders that the file has shown. */
  const resting = new Map<number, { nonce: bigint; size: bigint }>();

  const deposits = keys.map(({ x: keyX, y: keyY }) => ({ keyX, keyY, index: 0, amount: DEPOSIT }));
  for (let at = 0; at < deposits.length; at += profile.deposit)
    yield { kind: "deposits", time: genesis.time, deposits: deposits.slice(at, at + profile.deposit) };

  const item = (account: number, time: bigint, item: Item): Command => {
    if (!secretOf) return { kind: "item", time, item, auth: { R8x: 0n, R8y: 0n, S: 0n }, signed: true };
    return { kind: "item", time, item, auth: sign(secretOf(account), itemHash(genesis.domain, item)) };
  };
  /** The lists of makers whose orders have changed. */
  const lists = function* (time: bigint): Generator<Command> {
    for (const maker of changed) {
      const account = FIRST_TRADER + maker;
      const orders = [...quoted[maker].values()].slice(-LIST_ORDERS);
      const common = { market: MARKET, account: BigInt(account), nonce: nonces[account] + 1n, validUntil: time, salt: random.bits(RANDOM_BITS) }; // prettier-ignore
      nonces[account] += orders.length > 0 ? BigInt(LIST_ORDERS) : 1n;
      counts.lists++;
      const list = () => quotesItem({ ...common, orders, expiry: MIDNIGHT + SECONDS_A_DAY });
      yield item(account, time, orders.length > 0 ? list() : cancelItem(common));
    }
    changed.clear();
  };
  const { pricing } = genesis.rules.group;
  const interval = BigInt(every);
  const start = genesis.time + 1n;
  let last = genesis.time;
  let close = (start / interval + 1n) * interval;
  let epoch = epochAt(pricing, start);
  /** When the prices of `epoch` are made: the first in the second of the first message, all others when they begin to count. */
  let repriced = start;
  /** What the venue does by itself: in a second first the prices, then the auction. */
  const due = function* (until: bigint): Generator<Command> {
    for (;;) {
      if (repriced <= close && repriced <= until) {
        counts.reprices++;
        yield {
          kind: "reprice",
          time: repriced,
          epoch,
          quorum: feeds.quorum(epoch),
          ...(secretOf ? {} : { checked: true }),
        };
        repriced = ++epoch * pricing.epochLength + pricing.lag;
      } else if (close <= until) {
        counts.closes++;
        yield { kind: "close", time: close, slot: SLOT };
        close += interval;
      } else return;
    }
  };
  for (const message of messages) {
    const { type, id, size, price, line } = message;
    const time = MIDNIGHT + BigInt(message.seconds);
    if (time > last) yield* lists(last);
    last = time;
    yield* due(time);
    counts.messages++;
    const maker = makerOf(id);
    const rests: { readonly size: bigint } | undefined = maker < 0 ? resting.get(id) : quoted[maker].get(id);
    if (type === "hiddenExecution" || type === "cross" || type === "halt") {
      counts.skipped++;
      continue;
    }
    if (!rests && (type === "cancel" || type === "partialCancel")) {
      counts.unknown++;
      continue;
    }
    counts.items[type]++;
    const taking = type === "execution";
    if (taking) {
      counts.traded.shares += size;
      counts.traded.value += size * price;
    }
    const left = (rests?.size ?? 0n) - size;
    if (maker >= 0) {
      if (type === "order") quoted[maker].set(id, { side: message.side, limit: price, size });
      else if (rests && left > 0n && type !== "cancel")
        quoted[maker].set(id, { ...quoted[maker].get(id)!, size: left });
      else quoted[maker].delete(id);
      // What is filled needs no new list: the order that fills it comes as any other does.
      if (!taking) {
        changed.add(maker);
        continue;
      }
    } else if (rests && left > 0n) resting.get(id)!.size = left;
    const account = accountOf(taking ? id + line : id);
    const nonce = ++nonces[account];
    const common = {
      market: MARKET,
      account: BigInt(account),
      nonce,
      validUntil: time,
      salt: random.bits(RANDOM_BITS),
    };
    if (type === "cancel" || (type === "partialCancel" && left <= 0n)) {
      yield item(account, time, cancelItem({ ...common, target: resting.get(id)!.nonce }));
      resting.delete(id);
      continue;
    }
    const replaces = type === "partialCancel" ? resting.get(id)!.nonce : 0n;
    if (type === "order") resting.set(id, { nonce, size });
    if (type === "partialCancel") resting.get(id)!.nonce = nonce;
    const order = {
      ...common,
      side: taking === (message.side === SIDE.buy) ? SIDE.sell : SIDE.buy,
      limit: price,
      size: type === "partialCancel" ? left : size,
      replaces,
      expiry: MIDNIGHT + SECONDS_A_DAY,
      thisAuction: taking,
    };
    yield item(account, time, orderItem(order));
  }
  yield* lists(last);
  yield* due(close);
}

/** No order is refused for want of room, nor for its price, and none is dropped while prices move as they do in a day. */
function rulesOf(
  operator: Point,
  { profile, feeds, interval, tick }: { profile: Profile; feeds: readonly Point[]; interval: bigint; tick: bigint },
): Rules {
  const forever = (1n << BigInt(BITS.time)) - 1n;
  const stock: MarketRules = {
    id: MARKET,
    legs: Array.from({ length: INSTRUMENTS }, (_, i) => (i === 0 ? 1n : 0n)),
    tick,
    lotLimit: (1n << BigInt(BITS.size)) - 1n,
    band: (1n << BigInt(BITS.price)) - 1n,
    feeRate: 5n,
    feePerLot: 20n,
    rhoMin: 1_000n,
    rule: BigInt(RULE.auction),
    interval,
    state: BigInt(MARKET_STATE.open),
    until: forever,
    capacity: BigInt(MOST.capacity),
    // Less by a sweep of what may be closed out.
    cancelCapacity: (1n << BigInt(BITS.count)) - 9n,
    listCapacity: (1n << BigInt(BITS.count)) - 1n,
  };
  const perpetual: Instrument = {
    contract: { kind: BigInt(INSTRUMENT_KIND.perpetual), expiry: 0n, strike: 0n, forward: 0n, volatility: 0n },
    longCharge: tick,
    shortCharge: 2n * tick,
    weight: 1n,
  };
  return {
    group: {
      operatorKeyX: operator.x,
      operatorKeyY: operator.y,
      feeds,
      pricing: pricingOf(profile.scenarios),
      slack: 64n,
      defaults: DEVELOPMENT_DEFAULTS,
      payout: null,
      greatestId: MARKET,
    },
    instruments: NO_INSTRUMENTS.map((free, slot) => (slot === 0 ? perpetual : free)),
    markets: NO_MARKETS.map((free, slot) => (slot === SLOT ? stock : free)),
  };
}

/** Epochs of a minute; a range of three deviations of a day, 8.6% to 17%; no move of the index halts anything. */
function pricingOf(rows: number): Pricing {
  return {
    epochLength: 60n,
    lag: 5n,
    grid: SECONDS_A_DAY,
    window: 1_800n,
    scenarios: scenariosOf(rows),
    // No option is traded.
    raised: 0n,
    lowered: 0n,
    tenors: Array<bigint>(TENORS).fill(64n),
    leastVolatility: 0n,
    horizon: 109_739n,
    rangeFloor: 60_000n,
    rangeCap: 120_000n,
    fundingEvery: 60n,
    fundingDivisor: 8n,
    fundingClamp: 655n,
    step: 1n << 16n,
    markBand: (1n << 16n) - 1n,
  };
}

/** The mark, pairs of moves up and down to the whole range, and at last three times of it up, of which a third counts. */
function scenariosOf(rows: number): Scenario[] {
  const row = (move: bigint, weight = 64n): Scenario => ({ move, level: "asItIs", weight });
  const pairs = (rows - 2) / 2;
  const moves = Array.from({ length: pairs }, (_, i) => BigInt(Math.floor((24 * (i + 1)) / pairs)));
  return [row(0n), ...moves.flatMap((move) => [row(move), row(-move)]), row(72n, 22n)];
}

/** The median of the first prices that the file names, on the tick of such prices. */
function markOf(messages: readonly LobsterMessage[]): { mark: bigint; tick: bigint } {
  const prices: bigint[] = [];
  for (const { type, price } of messages) {
    if (type === "order" || type === "execution") prices.push(price);
    if (prices.length === MARKING) break;
  }
  const median = prices.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))[prices.length >> 1] ?? TICK;
  const tick = median < DOLLAR ? SMALL_TICK : TICK;
  return { mark: median - (median % tick), tick };
}
