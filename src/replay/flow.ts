import type { Command, Genesis, MatcherOptions } from "../matcher/matcher.ts";
import { openAccount, viewKey, type Account } from "../protocol/account.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign, type Point } from "../protocol/eddsa.ts";
import { outOfRange } from "../protocol/errors.ts";
import type { Profile } from "../protocol/instructions.ts";
import { cancelItem, itemHash, orderItem, quotesItem, type Item, type Quote } from "../protocol/item.ts";
import { computePrices, NO_MARKETS, type MarketRules, type Rules } from "../protocol/market.ts";
import { BITS, INSTRUMENTS, LIST_ORDERS, MARKET_STATE, RULE, SIDE } from "../protocol/parameters.ts";
import { Random } from "./random.ts";
import type { LobsterMessage, LobsterType } from "./lobster.ts";

/** How a message file is turned into the flow of a venue. */
export interface FlowOptions {
  profile: Profile;
  /** traders, beside the venue's and the insurance account */
  accounts: number;
  /** seconds between auctions */
  every: number;
  seed: number;
  /** sign items; else the matcher is told that each is signed */
  signed: boolean;
  /** percent of the orders that are a maker's, who puts them by lists of quotes; default 0 */
  makers?: number;
}

/** A venue with one stock, and all that is sent to it. */
export interface Flow {
  genesis: Genesis;
  options: MatcherOptions;
  operatorSecret: bigint;
  /** deposits first, then items and closes in the order of time */
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
/** Orders and executions of which the mark is the median: a stub quote among them, far from any trade, does not move it. */
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
 * once a second by a list of quotes: the eight newest that rest.
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
  const operatorSecret = secretScalar(secrets[0]);
  const start = MIDNIGHT + BigInt(messages[0]?.seconds ?? 0);
  const { mark, tick } = markOf(messages);
  const rules = rulesOf(publicKey(secrets[0]), { interval: BigInt(every), tick });
  const scenarios = shocks(profile.scenarios).map((percent) => valueVector((mark * (100n + percent)) / 100n));
  const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
    viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);
  const house = secrets.slice(0, FIRST_TRADER).map((secret, index): Account => {
    const { x: keyX, y: keyY } = publicKey(secret);
    return openAccount({ keyX, keyY, view: view({ keyX, keyY }, index) });
  });
  const genesis: Genesis = {
    domain,
    depth: profile.depth,
    maxOpen: profile.maxOpen,
    depositSlots: profile.deposit,
    rules,
    prices: computePrices(rules, { values: scenarios, funding: valueVector(0n), epoch: 1n, time: start }),
    accounts: house,
    time: start,
  };
  const counts: FlowCounts = {
    messages: 0,
    skipped: 0,
    unknown: 0,
    items: { order: 0, partialCancel: 0, cancel: 0, execution: 0 },
    lists: 0,
    closes: 0,
    traded: { shares: 0n, value: 0n },
  };
  const keys = secrets.slice(FIRST_TRADER).map((secret) => depositKey(publicKey(secret)));
  const secretOf = signed ? (account: number) => secrets[account] : null;
  const commands = {
    [Symbol.iterator]: () => commandsOf(messages, { options, genesis, keys, counts, random, secretOf }),
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
  },
): Generator<Command> {
  const { options, genesis, keys, counts, random, secretOf } = from;
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
  const interval = BigInt(every);
  let last = genesis.time;
  let close = (genesis.time / interval + 1n) * interval;
  for (const message of messages) {
    const { type, id, size, price, line } = message;
    const time = MIDNIGHT + BigInt(message.seconds);
    if (time > last) yield* lists(last);
    last = time;
    for (; close <= time; close += interval) {
      counts.closes++;
      yield { kind: "close", time: close, slot: SLOT };
    }
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
  counts.closes++;
  yield { kind: "close", time: close, slot: SLOT };
}

function rulesOf(operator: Point, { interval, tick }: { interval: bigint; tick: bigint }): Rules {
  const stock: MarketRules = {
    id: MARKET,
    legs: valueVector(1n),
    tick,
    lotLimit: (1n << BigInt(BITS.size)) - 1n,
    band: (1n << BigInt(BITS.price)) - 1n,
    feeRate: 5n,
    feePerLot: 20n,
    rhoMin: 1_000n,
    rule: BigInt(RULE.auction),
    interval,
    state: BigInt(MARKET_STATE.open),
    capacity: (1n << BigInt(BITS.count)) - 1n,
    cancelCapacity: (1n << BigInt(BITS.count)) - 1n,
    listCapacity: (1n << BigInt(BITS.count)) - 1n,
  };
  const group = { operatorKeyX: operator.x, operatorKeyY: operator.y, maxAge: 2n * SECONDS_A_DAY };
  return { group, markets: NO_MARKETS.map((free, slot) => (slot === SLOT ? stock : free)) };
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

/** Percent by scenario: 0, 4, -4, 8, -8, ... */
function shocks(count: number): bigint[] {
  return Array.from({ length: count }, (_, k) => BigInt((k % 2 ? 4 : -4) * Math.ceil(k / 2)));
}

/** The value of instrument 0, the stock; the others are free. */
function valueVector(value: bigint): bigint[] {
  return Array.from({ length: INSTRUMENTS }, (_, i) => (i === 0 ? value : 0n));
}

/** Spreads integers evenly over 32 bits (the last step of MurmurHash3, after both halves of the number are joined). */
function mix(key: number): number {
  let h = ((key % 2 ** 32) | 0) ^ Math.imul(Math.floor(key / 2 ** 32), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
