import type { Command, Genesis, MatcherOptions } from "../../src/matcher/matcher.ts";
import { Random } from "../../src/replay/random.ts";
import { openAccount } from "../../src/protocol/account.ts";
import { depositKey, publicKey } from "../../src/protocol/eddsa.ts";
import { cancelItem, orderItem, quotesItem, withdrawalItem, type Item } from "../../src/protocol/item.ts";
import { computePrices, NO_MARKETS, type MarketRules, type Rules } from "../../src/protocol/market.ts";
import { INSTRUMENTS, LIST_ORDERS, MARKET_STATE, RULE } from "../../src/protocol/parameters.ts";

/**
 * A venue for tests: instruments 0 (worth 1,000) and 1 (worth 50), an auction on each, a spread of them, a cross, and a
 * halted, an expired and a tiny market.
 */
export const START = 1_000_000n;
export const INTERVAL = 10n;
export const OPEN_SLOTS = [0, 1, 2, 3, 6];
const AUTH = { R8x: 0n, R8y: 0n, S: 0n };

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
  capacity: 400n,
  cancelCapacity: 200n,
  listCapacity: 200n,
};
const markets: MarketRules[] = [
  { ...row, id: 10n, legs: vector(1n) },
  { ...row, id: 11n, legs: vector(0n, 1n) },
  { ...row, id: 12n, legs: vector(1n, -2n) },
  { ...row, id: 13n, legs: vector(1n), rule: BigInt(RULE.midpoint) },
  { ...row, id: 14n, legs: vector(1n), state: BigInt(MARKET_STATE.halted) },
  { ...row, id: 15n, legs: vector(1n), state: BigInt(MARKET_STATE.expired) },
  { ...row, id: 16n, legs: vector(1n, 1n), capacity: 5n, cancelCapacity: 2n, listCapacity: 2n },
];
export const rules: Rules = {
  group: { operatorKeyX: 1n, operatorKeyY: 2n, maxAge: 1n << 39n },
  markets: NO_MARKETS.map((free, slot) => markets[slot] ?? free),
};
export const genesis: Genesis = {
  domain: 77n,
  depth: 3,
  maxOpen: 32,
  rules,
  prices: computePrices(rules, {
    values: [vector(1_003n, 50n), vector(1_100n, 80n), vector(900n, 10n), vector(1_003n, 90n)],
    funding: vector(7n, -2n),
    epoch: 1n,
    time: START,
  }),
  accounts: [1n, 2n].map((view) => openAccount({ keyX: 5n, keyY: view, view })),
  time: START,
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

/** Endless flow: orders, cancels and withdrawals, good and bad, closes, purges and deposits; time never falls. */
export function* randomCommands(random: Random): Generator<Command> {
  let time = START;
  let clock = 32n * time;
  const nonces = new Map<number, bigint>();
  const chance = (p: number) => random.unit() < p;
  yield deposits(time, (i) => 1_000n * BigInt(i * i * i));
  for (;;) {
    if (chance(0.2)) time += BigInt(random.integer(1, 2));
    if (chance(0.0005)) yield deposits(time, () => BigInt(random.integer(0, 5_000)));
    else if (chance(0.03)) {
      // A close must come before all else of its second; purges are not bound to it.
      const slot = random.integer(0, 7);
      if (chance(0.85)) {
        time += INTERVAL - (time % INTERVAL);
        if (32n * time + 1n + BigInt(slot) > clock) yield { kind: "close", time, slot };
      } else yield { kind: "purge", time: ++time, slot };
    } else yield signedItem(time, randomItem());
    clock = 32n * time + 31n;
  }

  function randomItem(): Item {
    const account = chance(0.01) ? random.integer(0, 70) : random.integer(2, 1 + TRADERS);
    const last = nonces.get(account) ?? 0n;
    const nonce = chance(0.01) ? last : last + 1n;
    nonces.set(account, nonce);
    const common = { account: BigInt(account), nonce, validUntil: chance(0.01) ? time - 1n : time, salt: 0n };
    const market = 10n + BigInt(random.integer(0, chance(0.05) ? 7 : 3));
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
    const mark = [1_000, 50, 900, 1_000, 1_000, 1_000, 1_050, 1_000][Number(market) - 10];
    const offset = 5 * Math.round((random.unit() + random.unit() + random.unit() - 1.5) * 12);
    const limit = BigInt(mark + offset + (chance(0.01) ? 1 : 0) + (chance(0.01) ? 900 : 0));
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
      nonces.set(account, nonce + BigInt(LIST_ORDERS - 1));
      return quotesItem({ ...common, market, orders, expiry, ...maxFee });
    }
    const item = orderItem(order);
    return chance(0.005) ? { ...item, A: item.A + (1n << 200n) } : item;
  }
}
