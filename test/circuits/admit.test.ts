// Goal: Admit gives the verdicts of src/protocol/admission.ts with their effects, for whatever the log may hold.
// Method: random rounds (seed in the name of the test; TACIT_ROUNDS sets their number) that reach each verdict, and hostile
// entries one by one, against the matcher and the ledger.
import assert from "node:assert/strict";
import type { Account } from "../../src/protocol/account.ts";
import { Random } from "../../src/replay/random.ts";
import type { Held } from "../../src/protocol/defaults.ts";
import { FIELD, ORDER } from "../../src/protocol/eddsa.ts";
import {
  cancelItem,
  listHash,
  orderItem,
  quotesItem,
  withdrawalItem,
  type Auth,
  type Item,
  type Quote,
} from "../../src/protocol/item.ts";
import { fee } from "../../src/protocol/market.ts";
import { max } from "../../src/protocol/numbers.ts";
import {
  FLAG,
  INSURANCE,
  LIST_ORDERS,
  NONCE_WINDOW,
  REDUCTION_NONCE,
  SIDE,
  VERDICTS,
  type Verdict,
} from "../../src/protocol/parameters.ts";
import type { Prices } from "../../src/protocol/prices.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";
import {
  accounts,
  AGE,
  agrees,
  ALICE,
  AT_LIMIT,
  BANKRUPT,
  below,
  BOB,
  BUSY,
  compiled,
  ENDING,
  EXPIRED,
  EXTREME,
  flagged,
  GRAND,
  HALTED,
  HOLDER,
  type ItemEvent,
  LAST,
  LATE,
  NOBODY,
  OLD,
  OPENED,
  OVER,
  PERP,
  POOR,
  prices,
  RECENT,
  RICH,
  row,
  rows,
  rules,
  signed,
  SLOTS,
  SPREAD,
  START,
  SUNK,
  TINY,
  UNQUOTED,
  vector,
  Venue,
} from "./admission.ts";

/** Of an order that gains in every scenario. */
const GAIN = { limit: 850n, size: 1n };

/** Items that lead to a verdict in a venue that has seen no others of them. */
const RECIPES: Record<Verdict, (v: Venue) => Generator<[by: number, item: Item, spoil?: Partial<Auth>]>> = {
  *admitted(v) {
    yield [ALICE, orderItem(v.order(ALICE))];
    const all = { market: PERP, account: BigInt(ALICE), nonce: v.account(ALICE).nonce + 1n };
    yield [ALICE, cancelItem({ ...all, validUntil: v.time, salt: 2n })];
    yield [ALICE, withdrawalItem({ ...v.order(ALICE), recipient: 0xabcn, amount: 400n })];
  },
  *malformed(v) {
    const item = orderItem(v.order(ALICE));
    yield [ALICE, { ...item, A: item.A + (1n << 189n) }];
  },
  *unsigned(v) {
    yield [ALICE, orderItem(v.order(ALICE)), { S: 5n }];
  },
  *nonce(v) {
    yield [ALICE, orderItem(v.order(ALICE, { nonce: v.account(ALICE).nonce }))];
  },
  *tooLate(v) {
    yield [ALICE, orderItem(v.order(ALICE, { validUntil: v.time - 1n }))];
  },
  *unknownMarket(v) {
    yield [ALICE, orderItem(v.order(ALICE, { market: 99n }))];
  },
  *badTarget(v) {
    yield [ALICE, orderItem(v.order(ALICE, { replaces: v.account(ALICE).nonce + 1n }))];
  },
  *tooManyCancels(v) {
    for (let i = 0; i < 2; i++) {
      const nonce = v.account(BOB).nonce + 1n;
      yield [BOB, cancelItem({ market: TINY, account: BigInt(BOB), nonce, validUntil: v.time, salt: 1n })];
    }
  },
  *marketNotOpen(v) {
    yield [ALICE, orderItem(v.order(ALICE, { market: HALTED, replaces: v.account(ALICE).nonce }))];
  },
  *offTick(v) {
    yield [ALICE, orderItem(v.order(ALICE, { limit: 1_001n }))];
  },
  *size(v) {
    yield [ALICE, orderItem(v.order(ALICE, { size: 101n }))];
  },
  *band(v) {
    yield [ALICE, orderItem(v.order(ALICE, { limit: 1_205n }))];
  },
  *maxFee(v) {
    yield [ALICE, orderItem(v.order(ALICE, { maxFee: fee(row, 1_000n, 1n) - 1n }))];
  },
  *flags(v) {
    yield [ALICE, flagged(orderItem(v.order(ALICE)), 2n)];
  },
  *marketFull(v) {
    yield [BOB, orderItem(v.order(BOB, { market: TINY }))];
    yield [BOB, orderItem(v.order(BOB, { market: TINY }))];
  },
  *tooManyOpen(v) {
    yield [BUSY, orderItem(v.order(BUSY))];
  },
  *positionLimit(v) {
    yield [OVER, orderItem(v.order(OVER))];
  },
  *pricesNotFresh(v) {
    yield [ALICE, orderItem(v.order(ALICE, { market: UNQUOTED }))];
  },
  *margin(v) {
    yield [POOR, orderItem(v.order(POOR))];
  },
  *inLiquidation(v) {
    yield [BANKRUPT, orderItem(v.order(BANKRUPT, GAIN))];
  },
};

describe("circuits/instructions/admit: agreement", () => {
  remembersHashes();
  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 1); seed++)
    it(`with matcher and ledger in a random round that reaches each verdict, TACIT_SEED=${seed}`, async () => {
      const circuits = { admit: await compiled(), quote: await compiled(SLOTS, LIST_ORDERS) };
      const random = new Random(seed);
      const v = new Venue();
      const reached = new Set<Verdict>();
      let events: ItemEvent[] = [];
      const flush = (atMost: number) => {
        if (events.length < atMost) return;
        const name = random.unit() < 0.5 || events.some(({ entry }) => entry.item.list) ? "quote" : "admit";
        agrees(circuits[name], v.instruction(events, name));
        events = [];
      };
      const put = (item: Item, auth: Auth) => {
        const event = v.apply(item, auth);
        reached.add(event.admission.verdict);
        events.push(event);
        flush(random.integer(1, SLOTS));
        if (events.length === SLOTS) flush(0);
      };
      const recipes = VERDICTS.map((verdict) => ({ verdict, place: random.unit() })).sort((a, b) => a.place - b.place);
      for (const { verdict } of recipes) {
        for (const [by, item, spoil] of RECIPES[verdict](v)) put(item, { ...signed(by, item), ...spoil });
        put(...randomItem(random, v));
      }
      for (const time of [START + AGE, START + AGE + 1n, RECENT, RECENT + 1n].slice(random.integer(0, 3)))
        if ((v.time = max(v.time, time)) === time) put(...randomItem(random, v));
      for (let i = 0; i < 3; i++) put(...randomItem(random, v));
      flush(1);
      assert.deepEqual(
        VERDICTS.filter((verdict) => !reached.has(verdict)),
        [],
      );
    });
});

/** Any item at all: kinds, fields and signatures good more often than not. */
function randomItem(random: Random, v: Venue): [Item, Auth] {
  const chance = (p: number) => random.unit() < p;
  if (chance(0.3)) v.time += BigInt(random.integer(0, 2));
  // Not of Alice and Bob, on whom the recipes rely.
  const by = chance(0.6) ? random.pick([13, 14, LAST]) : random.pick([0, 1, random.integer(BOB + 1, 20)]);
  const old = v.account(by)?.nonce ?? 0n;
  const market = chance(0.7)
    ? random.pick([PERP, SPREAD, EXTREME])
    : random.pick([...rows.map(({ id }) => id), 99n, 0n]);
  const { tick } = rules.markets.find((row) => row?.id === market) ?? row;
  const common = {
    ...v.order(by, { market }),
    nonce: chance(0.8)
      ? (old + 1n) & below(40)
      : random.pick([old, old + NONCE_WINDOW, old + NONCE_WINDOW + 1n, below(40)]) & below(40),
    validUntil: chance(0.9) ? v.time : random.pick([v.time - 1n, below(40), 0n]),
    expiry: random.bits(40),
    salt: random.bits(253),
  };
  const replaces = chance(0.8) ? 0n : random.pick([1n, common.nonce - 1n, common.nonce, below(40)]) & below(40);
  const kind = random.unit();
  const away = () => BigInt(random.integer(-20, 20)) * tick + (chance(0.05) ? 1n : 0n);
  const lots = () => random.bits(random.pick([2, 4, 6, 8, 32]));
  const maxFee = chance(0.9) ? {} : { maxFee: random.bits(random.pick([1, 2, 61])) };
  let item: Item;
  if (kind < 0.3) {
    const orders = Array.from({ length: random.integer(1, LIST_ORDERS) }, () => {
      return {
        side: random.integer(0, 1),
        limit: common.limit + away(),
        size: chance(0.9) ? random.bits(4) | 1n : lots(),
      };
    });
    item = quotesItem({ ...common, orders, ...maxFee });
  } else if (kind < 0.45) item = cancelItem({ ...common, target: chance(0.5) ? undefined : replaces });
  else if (kind < 0.6)
    item = withdrawalItem({ ...common, recipient: random.bits(160), amount: random.bits(random.pick([0, 8, 20, 92])) });
  else {
    const [side, limit, size] = [random.integer(0, 1), common.limit + away(), lots()];
    item = orderItem({ ...common, side, limit, size, replaces, ...maxFee });
  }
  if (chance(0.1)) item = flagged(item, BigInt(random.pick([1, 4, 128])));
  if (chance(0.05) && !item.list) item = { ...item, [random.pick(["A", "B"])]: (random.bits(245) << 8n) + 3n };
  const auth = signed(by, item);
  return [item, chance(0.9) ? auth : { ...auth, [random.pick(["R8x", "R8y", "S"])]: random.bits(253) }];
}

describe("circuits/instructions/admit: a verdict for whatever the log holds", () => {
  remembersHashes();
  let [admit, quote, two]: Circuit[] = [];
  before(async () => {
    [admit, quote, two] = [await compiled(1), await compiled(1, LIST_ORDERS), await compiled(2)];
  });
  const kindOf = (item: Item, kind: bigint) => ({ ...item, A: item.A - (item.A & 255n) + kind });
  const order = (by: number, changes: Parameters<Venue["order"]>[1] = {}) => {
    return (v: Venue): [Item, Auth] => {
      const item = orderItem(v.order(by, changes));
      return [item, signed(by, item)];
    };
  };
  const words = (change: (item: Item) => Partial<Item>, by = ALICE) => {
    return (v: Venue): [Item, Auth] => {
      const item = orderItem(v.order(by));
      const bent = { ...item, ...change(item) };
      return [bent, signed(by, bent)];
    };
  };
  const auth = (change: (auth: Auth) => Partial<Auth>) => {
    return (v: Venue): [Item, Auth] => {
      const item = orderItem(v.order(ALICE));
      const good = signed(ALICE, item);
      return [item, { ...good, ...change(good) }];
    };
  };
  const withdrawal = (by: number, amount: bigint, recipient = 5n, market = 0n) => {
    return (v: Venue): [Item, Auth] => {
      const item = withdrawalItem({ ...v.order(by), recipient, amount });
      const bent = { ...item, A: item.A + (market << 8n) };
      return [bent, signed(by, bent)];
    };
  };
  const at = (time: bigint, entry: (v: Venue) => [Item, Auth]) => (v: Venue) => {
    v.time = time;
    return entry(v);
  };
  /** A cancel of a target, or of none, with flags instead of those that it needs. */
  const cancel = (flags: bigint, target: bigint) => {
    return (v: Venue): [Item, Auth] => {
      const item = cancelItem({ ...v.order(LATE), target, salt: 1n });
      const bent = flagged(item, flags);
      return [bent, signed(LATE, bent)];
    };
  };
  const orderFlags = (flags: bigint) => (v: Venue) => {
    const item = flagged(orderItem(v.order(ALICE)), flags);
    return [item, signed(ALICE, item)] as [Item, Auth];
  };
  /** A list of quotes: so many orders, one of which is changed. */
  const quotes = (
    by: number,
    count: number,
    {
      changes = {},
      at = 0,
      order = {},
      bend = (item) => item,
    }: {
      changes?: Parameters<Venue["quotes"]>[2];
      at?: number;
      order?: Partial<Quote>;
      bend?: (item: Item) => Item;
    } = {},
  ) => {
    return (v: Venue): [Item, Auth] => {
      const fields = v.quotes(by, count, changes);
      const orders = fields.orders.map((it, j) => (j === at ? { ...it, ...order } : it));
      const item = bend(quotesItem({ ...fields, orders }));
      return [item, signed(by, item)];
    };
  };
  const relisted = (item: Item, change: (list: bigint[]) => void): Item => {
    const list = [...item.list!];
    change(list);
    return { ...item, list, B: listHash(list) };
  };
  const FLAGS_AT = 101n;
  const counts = [0n, 9n, 10n, 12n, 15n, 16n, 17n, 24n, 129n, 136n];
  const bits = [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 128n, 129n, 130n];
  /** Eight orders of all lots there are. */
  const greatest = (limit: bigint) => {
    const orders = Array.from({ length: LIST_ORDERS }, (_, j) => ({ side: j % 2, limit, size: below(32) }));
    return { changes: { market: EXTREME, orders } };
  };
  /** These reserve all of the 2,641 that HOLDER's positions are worth at worst. */
  const COVERED: Quote[] = [
    { side: SIDE.buy, limit: 1_000n, size: 18n },
    { side: SIDE.sell, limit: 980n, size: 1n },
  ];
  const minusOne = FIELD - 1n;
  /** The greatest with 5 times its square at most 2^92. */
  const WEIGHED = 31_469_859_094_509n;
  type Row = [why: string, verdict: Verdict, entry: (v: Venue) => [Item, Auth]];
  const table: Row[] = [
    ["a good order", "admitted", order(ALICE)],
    ["words of ones", "malformed", words(() => ({ A: below(253), B: below(253), salt: below(253) }))],
    ["A = r - 1", "malformed", words(() => ({ A: minusOne }))],
    ["B = r - 1", "malformed", words(() => ({ B: minusOne }))],
    ["salt = r - 1", "admitted", words(() => ({ salt: minusOne }))],
    ["A = B = salt = 0", "malformed", words(() => ({ A: 0n, B: 0n, salt: 0n }))],
    ["a bit just beyond A", "malformed", words(({ A }) => ({ A: A + (1n << 189n) }))],
    ["a bit just beyond B", "malformed", words(({ B }) => ({ B: B + (1n << 174n) }))],
    ["the top bit of A", "malformed", words(({ A }) => ({ A: A + (1n << 253n) }))],
    ["the top bit of B", "malformed", words(({ B }) => ({ B: B + (1n << 253n) }))],
    ...[0n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 11n, 12n, 13n, 14n, 15n, 17n, 18n, 33n, 65n, 129n, 255n].map((kind): Row => [
      `kind ${kind} with a signature`,
      "malformed",
      words((item) => ({ A: kindOf(item, kind).A })),
    ]),
    ["an order's B in a withdrawal", "admitted", words((item) => ({ A: kindOf(item, 3n).A }))],
    // As many bits beyond one word as beyond the other.
    ["a bit beyond each word", "malformed", words(({ A, B }) => ({ A: A + (1n << 194n), B: B + (1n << 180n) }))],
    ["two bits beyond each word", "malformed", words(({ A, B }) => ({ A: A + (3n << 194n), B: B + (5n << 180n) }))],
    [
      "a bit beyond each word of a withdrawal",
      "malformed",
      words((item) => ({ A: kindOf(item, 3n).A + (1n << 194n), B: item.B + (1n << 252n) })),
    ],
    ...bits.map((flags): Row => [
      `flags ${flags} of a cancel of all`,
      flags === 2n ? "admitted" : "badTarget",
      cancel(flags, 0n),
    ]),
    ...bits.map((flags): Row => [
      `flags ${flags} of a cancel of one`,
      flags === 0n ? "admitted" : "badTarget",
      cancel(flags, 1n),
    ]),
    ...bits.map((flags): Row => [`flags ${flags} of an order`, flags < 2n ? "admitted" : "flags", orderFlags(flags)]),
    ["no account at the index", "unsigned", order(NOBODY)],
    ["an index beyond the tree", "unsigned", order(16 + ALICE)],
    ["the last index of all", "unsigned", order((1 << 20) - 1)],
    ["the last leaf", "admitted", order(LAST)],
    ["R8 of zeros", "unsigned", auth(() => ({ R8x: 0n, R8y: 0n }))],
    ["R8 the identity", "unsigned", auth(() => ({ R8x: 0n, R8y: 1n }))],
    ["R8 of order 2", "unsigned", auth(() => ({ R8x: 0n, R8y: minusOne }))],
    ["R8 off the curve", "unsigned", auth(({ R8x }) => ({ R8x: R8x + 1n }))],
    ["R8 = r - 1", "unsigned", auth(() => ({ R8x: minusOne, R8y: minusOne }))],
    ["R8 mirrored", "unsigned", auth(({ R8x }) => ({ R8x: FIELD - R8x }))],
    ["S of the next order", "unsigned", auth(({ S }) => ({ S: S + ORDER }))],
    ["S = l", "unsigned", auth(() => ({ S: ORDER }))],
    ["S = 0", "unsigned", auth(() => ({ S: 0n }))],
    ["S = r - 1", "unsigned", auth(() => ({ S: minusOne }))],
    ["a signature of zeros", "unsigned", auth(() => ({ R8x: 0n, R8y: 0n, S: 0n }))],
    ["nonce 0", "nonce", order(ALICE, { nonce: 0n })],
    ["the greatest nonce", "nonce", order(ALICE, { nonce: below(40) })],
    ["the nonce of reductions, in the window", "nonce", order(LATE, { nonce: REDUCTION_NONCE })],
    ["a withdrawal with the nonce of reductions", "nonce", (v) => { const item = withdrawalItem({ ...v.order(LATE, { nonce: REDUCTION_NONCE }), recipient: 5n, amount: 1n }); return [item, signed(LATE, item)]; }], // prettier-ignore
    ["an order of the insurance account", "unsigned", order(INSURANCE)],
    ["a withdrawal of the insurance account", "unsigned", withdrawal(INSURANCE, 1n)],
    ["quotes of the insurance account", "unsigned", quotes(INSURANCE, 1)],
    ["a nonce far below the account's", "nonce", order(LATE, { nonce: 1n })],
    ["a nonce 2^39 below the account's", "nonce", order(OLD, { nonce: 8n })],
    ["the end of the window", "admitted", order(ALICE, { nonce: NONCE_WINDOW })],
    ["beyond the window", "nonce", order(ALICE, { nonce: NONCE_WINDOW + 1n })],
    ["validUntil 0", "tooLate", order(ALICE, { validUntil: 0n })],
    ["validUntil and expiry greatest", "admitted", order(ALICE, { validUntil: below(40), expiry: below(40) })],
    ["expiry 0", "admitted", order(ALICE, { expiry: 0n })],
    ["market 0", "unknownMarket", order(ALICE, { market: 0n })],
    ["market greatest but one", "unknownMarket", order(ALICE, { market: EXTREME - 1n })],
    ["a halted market", "marketNotOpen", order(ALICE, { market: HALTED })],
    ["an expired market", "marketNotOpen", order(ALICE, { market: EXPIRED })],
    ["the least limit", "band", order(ALICE, { market: EXTREME, limit: -(1n << 40n) })],
    ["the least limit, off the tick", "offTick", order(ALICE, { market: SPREAD, limit: -(1n << 40n) })],
    ["the greatest limit", "margin", order(ALICE, { market: EXTREME, limit: below(40) })],
    ["the greatest limit, off the tick", "offTick", order(ALICE, { limit: below(40) - 1n })],
    ["a limit of 0", "band", order(ALICE, { limit: 0n })],
    ["a good limit below 0", "admitted", order(ALICE, { market: SPREAD })],
    ["no lots", "size", order(ALICE, { size: 0n })],
    ["no lots, off the tick", "offTick", order(ALICE, { size: 0n, limit: 1_001n })],
    ["off the tick, a fee of 0 accepted", "offTick", order(ALICE, { limit: 1_001n, maxFee: 0n })],
    ["lots greatest", "size", order(ALICE, { size: below(32) })],
    ["lots greatest, and allowed", "margin", order(ALICE, { market: EXTREME, size: below(32), side: SIDE.sell })],
    ["a fee of 0 accepted", "maxFee", order(ALICE, { maxFee: 0n })],
    ["a market without prices", "pricesNotFresh", order(ALICE, { market: UNQUOTED })],
    ["no prices, limit least", "offTick", order(ALICE, { market: UNQUOTED, limit: -(1n << 40n) })],
    ["no prices, limit far off", "pricesNotFresh", order(ALICE, { market: UNQUOTED, limit: -below(40) })],
    ["a market in its last second", "admitted", order(ALICE, { market: ENDING })],
    ["a market that is over by a second", "marketNotOpen", at(START + 1n, order(ALICE, { market: ENDING }))],
    ["prices in the last second of the epoch", "admitted", at(START + AGE, order(ALICE))],
    ["prices of the epoch before", "admitted", at(START + AGE + 1n, order(ALICE))],
    ["prices of the epoch before, in its last second", "admitted", at(RECENT, order(ALICE))],
    ["stale prices", "pricesNotFresh", at(RECENT + 1n, order(ALICE))],
    ["the last second but one", "pricesNotFresh", at(below(40) - 1n, order(ALICE))],
    ["the last second of all, when no market is open", "marketNotOpen", at(below(40), order(ALICE))],
    ["negative equity", "margin", order(BANKRUPT)],
    ["negative equity, a hedge that costs", "margin", order(BANKRUPT, { side: SIDE.sell })],
    ["negative equity in liquidation, a gain in every scenario", "inLiquidation", order(BANKRUPT, GAIN)],
    // 2,655 in the worst scenario, less 4 for each of 3 lots held long and 1 for each of 2 held short.
    ["what positions are worth at worst, withdrawn", "admitted", withdrawal(HOLDER, 2_641n)],
    ["one more than that", "margin", withdrawal(HOLDER, 2_642n)],
    ["positions at the limit", "admitted", order(AT_LIMIT)],
    ["positions one over", "positionLimit", order(OVER)],
    ["the worst account there can be", "positionLimit", order(SUNK, { market: EXTREME, size: below(32) })],
    [
      "the best account there can be",
      "positionLimit",
      order(GRAND, { market: EXTREME, size: below(32), side: SIDE.sell }),
    ],
    ["the greatest reservation", "admitted", order(AT_LIMIT, { market: EXTREME, size: below(32), limit: below(40) })],
    ["too many open", "tooManyOpen", order(BUSY)],
    ["a withdrawal of nothing", "size", withdrawal(ALICE, 0n)],
    ["a withdrawal to nobody", "admitted", withdrawal(ALICE, 1n, 0n)],
    ["a withdrawal to the last address", "admitted", withdrawal(ALICE, 1n, below(160))],
    ["a withdrawal that names a market", "admitted", withdrawal(ALICE, 1n, 5n, HALTED)],
    ["a withdrawal of all", "admitted", withdrawal(ALICE, RICH)],
    ["a withdrawal of more", "margin", withdrawal(ALICE, RICH + 1n)],
    ["a withdrawal of all but what is reserved", "admitted", withdrawal(BUSY, RICH - 5_000n)],
    ["a withdrawal of what is reserved", "margin", withdrawal(BUSY, RICH - 4_999n)],
    ["the greatest withdrawal, of the worst account", "margin", withdrawal(SUNK, below(92))],
    ["the greatest withdrawal, of the best account", "margin", withdrawal(GRAND, below(92))],
    ["all that is held, of the best account", "admitted", withdrawal(GRAND, 1n << 90n)],
    ["all that is held", "admitted", withdrawal(AT_LIMIT, 1n << 90n)],
    ["more than is held", "margin", withdrawal(AT_LIMIT, (1n << 90n) + 1n)],
    ["a withdrawal of the bankrupt", "margin", withdrawal(BANKRUPT, 1n)],
    ["a withdrawal in the last second of the epoch", "admitted", at(START + AGE, withdrawal(HOLDER, 1n))],
    ["a withdrawal on prices of the epoch before", "pricesNotFresh", at(START + AGE + 1n, withdrawal(HOLDER, 1n))],
    ["the same, of who has orders open", "pricesNotFresh", at(START + AGE + 1n, withdrawal(BUSY, 1n))],
    ["the same, of who has cash alone", "admitted", at(START + AGE + 1n, withdrawal(ALICE, RICH))],
    ["the same of more than the cash", "margin", at(START + AGE + 1n, withdrawal(ALICE, RICH + 1n))],
    ["cash alone, in the last second of all", "admitted", at(below(40), withdrawal(ALICE, 1n))],
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((count): Row => [`${count} quotes`, "admitted", quotes(ALICE, count)]),
    ...counts.map((flags): Row => [
      `a list of ${flags} quotes`,
      "malformed",
      quotes(ALICE, 8, { bend: (item) => ({ ...item, A: item.A + ((flags - 8n) << FLAGS_AT) }) }),
    ]),
    ...[1, 2, 3, 5, 7].map((count): Row => [
      `something in quote ${count + 1} of ${count}`,
      "malformed",
      quotes(ALICE, count, {
        bend: (item) => relisted(item, (list) => (list[Math.floor(count / 3)] += 1n << BigInt(74 * (count % 3) + 41))),
      }),
    ]),
    ["a first word of quotes beyond its columns", "malformed", quotes(ALICE, 8, { bend: (item) => ({ ...item, A: item.A + (1n << 189n) }) })], // prettier-ignore
    ["quotes with a side in A", "admitted", quotes(ALICE, 8, { bend: (item) => ({ ...item, A: item.A + (1n << 100n) }) })], // prettier-ignore
    ...[0, 2, 3, 7].flatMap((at): Row[] => [
      [`quote ${at + 1} off the tick`, "offTick", quotes(ALICE, 8, { at, order: { limit: 1_001n } })],
      [`quote ${at + 1} of no lots`, "size", quotes(ALICE, 8, { at, order: { size: 0n } })],
      [`quote ${at + 1} of the most lots`, "admitted", quotes(ALICE, 8, { at, order: { size: 100n } })],
      [`quote ${at + 1} of too many lots`, "size", quotes(ALICE, 8, { at, order: { size: 101n } })],
      [`quote ${at + 1} at the edge of the band`, "admitted", quotes(ALICE, 8, { at, order: { limit: 1_200n } })],
      [`quote ${at + 1} off the band`, "band", quotes(ALICE, 8, { at, order: { limit: 795n } })],
      [`quote ${at + 1} beyond the fee`, "maxFee", quotes(ALICE, 8, { at, order: { limit: 1_200n }, changes: { maxFee: fee(row, 1_200n, 1n) - 1n } })], // prettier-ignore
    ]),
    ["a fee as high as one may", "admitted", quotes(ALICE, 8, { at: 7, order: { limit: 1_200n }, changes: { maxFee: fee(row, 1_200n, 1n) } })], // prettier-ignore
    ["quotes to no market", "unknownMarket", quotes(ALICE, 8, { changes: { market: 99n } })],
    ["quotes to a halted market", "marketNotOpen", quotes(ALICE, 8, { changes: { market: HALTED } })],
    ["quotes without prices", "pricesNotFresh", quotes(ALICE, 8, { changes: { market: UNQUOTED } })],
    ["quotes on stale prices", "pricesNotFresh", at(RECENT + 1n, quotes(ALICE, 8))],
    ["quotes that come too late", "tooLate", quotes(ALICE, 8, { changes: { validUntil: START - 1n } })],
    ["quotes below zero", "admitted", quotes(ALICE, 8, { changes: { market: SPREAD } })],
    ["a quote where one order has room", "admitted", quotes(ALICE, 1, { changes: { market: TINY } })],
    ["two quotes where one order has room", "marketFull", quotes(ALICE, 2, { changes: { market: TINY } })],
    ["as many quotes as may be open", "admitted", quotes(OPENED, 7)],
    ["one quote too many open", "tooManyOpen", quotes(OPENED, 8)],
    ["a quote of who has all open", "tooManyOpen", quotes(BUSY, 1)],
    ["quotes of who holds too much", "positionLimit", quotes(OVER, 8)],
    ["quotes of nobody", "unsigned", quotes(NOBODY, 8)],
    ["quotes beyond the tree", "unsigned", quotes(16 + ALICE, 8)],
    ["quotes of a nonce that is spent", "nonce", quotes(ALICE, 8, { changes: { nonce: 0n } })],
    ["quotes beyond the window", "nonce", quotes(ALICE, 8, { changes: { nonce: NONCE_WINDOW + 1n } })],
    ["quotes with the last nonces there are", "admitted", quotes(AT_LIMIT, 1)],
    ["quotes with one nonce too many", "nonce", quotes(AT_LIMIT, 1, { changes: { nonce: REDUCTION_NONCE - 7n } })],
    ["quotes with the greatest nonce", "nonce", quotes(LATE, 1, { changes: { nonce: below(40) } })],
    ["an order with the last nonce but for a list", "admitted", order(LATE, { nonce: REDUCTION_NONCE - 1n })],
    ["quotes that gain, of who is bankrupt", "margin", quotes(BANKRUPT, 1, { order: { limit: 850n, size: 1n } })],
    ["quotes of the worst account there can be", "positionLimit", quotes(SUNK, 8, { changes: { market: EXTREME } })],
    ["the greatest quotes", "admitted", quotes(AT_LIMIT, 8, greatest(below(40)))],
    ["the greatest quotes, of who has less", "margin", quotes(ALICE, 8, greatest(below(40)))],
    ["the least quotes, off the tick", "band", quotes(ALICE, 8, greatest(-(1n << 40n)))],
    ["quotes from all that is free", "admitted", quotes(HOLDER, 2, { changes: { orders: COVERED } })],
    ["quotes from a tick more", "margin", quotes(HOLDER, 2, { changes: { orders: [COVERED[0], { ...COVERED[1], limit: 975n }] } })], // prettier-ignore
  ];
  for (const [why, verdict, entry] of table)
    it(`${why}: ${verdict}`, () => {
      const v = new Venue(1);
      const event = v.apply(...entry(v));
      assert.equal(event.admission.verdict, verdict);
      if (!event.entry.item.list) {
        const twin = new Venue(1);
        agrees(admit, twin.instruction([twin.apply(...entry(twin))]));
      }
      agrees(quote, v.instruction([event], "quote"));
    });

  it("a second list of quotes, where one may wait: tooManyCancels; strangers' cancels are counted apart", () => {
    const v = new Venue(1);
    const apply = (by: number, item: Item) => v.apply(item, signed(by, item));
    const common = { market: TINY, account: BigInt(BOB), nonce: 1n, validUntil: v.time, salt: 1n };
    const quotes = (by: number) => quotesItem(v.quotes(by, 1, { market: TINY }));
    const events = [
      apply(BOB, cancelItem(common)),
      apply(BOB, cancelItem({ ...common, nonce: 2n })),
      apply(ALICE, quotes(ALICE)),
    ];
    events.push(apply(LAST, quotes(LAST)), apply(BOB, cancelItem({ ...common, nonce: 3n })));
    const verdicts = events.map(({ admission }) => admission.verdict);
    assert.deepEqual(verdicts, ["admitted", "tooManyCancels", "admitted", "tooManyCancels", "tooManyCancels"]);
    for (const event of events) agrees(quote, v.instruction([event], "quote"));
  });

  /** The accounts, of which Alice has something else; what is an empty leaf stays one. */
  const having = (changes: Partial<Account>): Account[] =>
    Object.assign([], accounts, { [ALICE]: { ...accounts[ALICE], ...changes } });
  for (const side of [SIDE.buy, SIDE.sell])
    it(`the least cash with which an order of side ${side} is admitted, and one less`, () => {
      const applied = (cash: bigint) => {
        const v = new Venue(1, { accounts: having({ cash }) });
        const item = orderItem(v.order(ALICE, { side }));
        return { v, event: v.apply(item, signed(ALICE, item)) };
      };
      let cash = 0n;
      while (applied(cash).event.admission.verdict !== "admitted") cash++;
      assert.ok(cash > 1n);
      for (const [held, verdict] of [
        [cash, "admitted"],
        [cash - 1n, "margin"],
      ] as const) {
        const { v, event } = applied(held);
        assert.equal(event.admission.verdict, verdict);
        agrees(admit, v.instruction([event]));
      }
    });

  type Situation = Partial<{ prices: Partial<Prices>; accounts: Account[]; slack: bigint; time: bigint }>;
  const stale = (...slots: number[]) => vector().map((_, i) => slots.includes(i));
  const owing = (flagged: bigint, cash = -50_000n) => having({ cash, flagged });
  const holding = (...positions: bigint[]) => having({ positions: vector(...positions) });
  const late = { time: START + AGE + 1n };
  const elsewhere: [why: string, verdict: Verdict, Situation, entry: (v: Venue) => [Item, Auth]][] = [
    ["prices that halt", "pricesNotFresh", { prices: { halted: true } }, order(ALICE)],
    ["prices under other rules", "pricesNotFresh", { prices: { rules: 5n } }, order(ALICE)],
    ["no prices yet", "pricesNotFresh", { prices: { rules: 0n, epoch: 0n } }, order(ALICE)],
    ["prices of the epoch to come", "pricesNotFresh", { prices: { epoch: prices.epoch + 1n } }, order(ALICE)],
    ["prices of two epochs before", "pricesNotFresh", { prices: { epoch: prices.epoch - 2n } }, order(ALICE)],
    ["quotes, prices that halt", "pricesNotFresh", { prices: { halted: true } }, quotes(ALICE, 8)],
    ["a long position in what is stale", "pricesNotFresh", { prices: { stale: stale(15) }, accounts: having({ cash: below(60), positions: [...vector().slice(1), 1n] }) }, order(ALICE)],
    ["a short position in what is stale", "pricesNotFresh", { prices: { stale: stale(1) }, accounts: holding(0n, -1n) }, order(ALICE)],
    ["a position beside what is stale", "admitted", { prices: { stale: stale(0, 2, 15) }, accounts: holding(0n, -1n) }, order(ALICE)],
    ["quotes of who has what is stale", "pricesNotFresh", { prices: { stale: stale(1) }, accounts: holding(0n, 1n) }, quotes(ALICE, 2)],
    ["a withdrawal of who has what is stale", "pricesNotFresh", { prices: { stale: stale(1) }, accounts: holding(0n, 1n) }, withdrawal(ALICE, 1n)],
    ["a withdrawal beside what is stale", "admitted", { prices: { stale: stale(0) }, accounts: holding(0n, 1n) }, withdrawal(ALICE, 1n)],
    ["a withdrawal, all stale, of cash alone", "admitted", { prices: { stale: stale(0, 1, 15), halted: true } }, withdrawal(ALICE, RICH)],
    ["a withdrawal, prices that halt", "pricesNotFresh", { prices: { halted: true }, accounts: holding(1n) }, withdrawal(ALICE, 1n)],
    ["a withdrawal, prices under other rules", "pricesNotFresh", { prices: { rules: 5n }, accounts: holding(1n) }, withdrawal(ALICE, 1n)],
    ["a withdrawal, prices of the epoch to come", "pricesNotFresh", { prices: { epoch: prices.epoch + 1n }, accounts: holding(1n) }, withdrawal(ALICE, 1n)],
    ["a withdrawal late, something reserved", "pricesNotFresh", { ...late, accounts: having({ reserved: 1n }) }, withdrawal(ALICE, 1n)],
    ["a withdrawal late, an order open", "pricesNotFresh", { ...late, accounts: having({ open: 1n }) }, withdrawal(ALICE, 1n)],
    ["a withdrawal late, a position", "pricesNotFresh", { ...late, accounts: holding(0n, 0n, -1n) }, withdrawal(ALICE, 1n)],
    ["a position that weighs 5 at the limit", "admitted", { prices: { weights: vector(0n, 5n) }, accounts: holding(0n, WEIGHED) }, order(ALICE, { side: SIDE.sell, limit: 1_005n })],
    ["a position that weighs 5 over the limit", "positionLimit", { prices: { weights: vector(0n, 5n) }, accounts: holding(0n, WEIGHED + 1n) }, order(ALICE)],
    ["positions at the limit by weights of 4 and 12", "admitted", { prices: { weights: vector(4n, 12n) }, accounts: having({ cash: below(90), positions: vector(1n << 44n, -(1n << 44n)) }) }, order(ALICE)],
    ["the greatest weight", "positionLimit", { prices: { weights: vector(0n, below(16)) }, accounts: holding(0n, -(1n << 48n) + 1n) }, order(ALICE)],
    ["negative equity, a gain in every scenario", "admitted", { accounts: owing(0n) }, order(ALICE, GAIN)],
    ["the same, in the last second of the grace", "admitted", { accounts: owing(START - 59n) }, order(ALICE, GAIN)],
    ["the same, with the grace over", "inLiquidation", { accounts: owing(START - 60n) }, order(ALICE, GAIN)],
    ["the same, with the replaced order's cancel", "inLiquidation", { accounts: owing(START - 60n) }, order(ALICE, { ...GAIN, replaces: 1n, nonce: 2n })],
    ["the same, in the last second of its flag", "inLiquidation", { accounts: owing(START - 1_859n) }, order(ALICE, GAIN)],
    ["the same, with a flag that counts no more", "admitted", { accounts: owing(START - 1_860n) }, order(ALICE, GAIN)],
    ["the same, one unit of equity less than none", "inLiquidation", { accounts: owing(START - 60n, -1n) }, order(ALICE, GAIN)],
    ["the same, with no unit less", "admitted", { accounts: owing(START - 60n, 0n) }, order(ALICE, GAIN)],
    ["a cancel in liquidation", "admitted", { accounts: owing(START - 60n) }, (v) => { const item = cancelItem({ ...v.order(ALICE), salt: 1n }); return [item, signed(ALICE, item)]; }],
    ["no slack", "admitted", { slack: 0n }, order(ALICE)],
    ["the whole width as slack", "admitted", { slack: 64n }, order(ALICE)],
    ["the whole width as slack, of a list", "admitted", { slack: 64n }, quotes(ALICE, 8)],
    ["charges, if it is long, of what is 0", "admitted", { prices: { longCharges: vector(), shortCharges: vector() } }, order(HOLDER)],
  ]; // prettier-ignore
  for (const [
    why,
    verdict,
    { prices: made = {}, accounts: held = accounts, slack = 9n, time = START },
    entry,
  ] of elsewhere)
    it(`${why}: ${verdict}`, () => {
      const all = { ...rules, group: { ...rules.group, slack } };
      const quoted = { ...prices, rules: rulesRoot(all), ...made };
      for (const name of ["admit", "quote"] as const) {
        const v = new Venue(1, { rules: all, prices: quoted, accounts: held });
        v.time = time;
        const event = v.apply(...entry(v));
        assert.equal(event.admission.verdict, verdict);
        if (name === "quote" || !event.entry.item.list) agrees({ admit, quote }[name], v.instruction([event], name));
      }
    });

  it("a flag goes with what is admitted with full margin, and stays with all else", () => {
    const after = (held: Partial<Account>, make: (v: Venue) => [Item, Auth]) => {
      const v = new Venue(1, { accounts: having({ flagged: stays, ...held }) });
      const event = v.apply(...make(v));
      const name = event.entry.item.list ? "quote" : "admit";
      agrees({ admit, quote }[name], v.instruction([event], name));
      return [event.admission.verdict, v.account(ALICE).flagged];
    };
    const stays = START - 60n;
    assert.deepEqual(after({}, order(ALICE)), ["admitted", 0n]);
    assert.deepEqual(after({}, quotes(ALICE, 2)), ["admitted", 0n]);
    assert.deepEqual(after({}, withdrawal(ALICE, 5n)), ["admitted", 0n]);
    assert.deepEqual(after({}, order(ALICE, { size: 0n })), ["size", stays]);
    assert.deepEqual(after({}, withdrawal(ALICE, RICH + 1n)), ["margin", stays]);
    assert.deepEqual(after({ cash: -9n }, order(ALICE, GAIN)), ["inLiquidation", stays]);
    for (const flagged of [START - 1n, START - 1_860n])
      assert.deepEqual(after({ cash: -9n, flagged }, order(ALICE, GAIN)), ["admitted", flagged]);
  });

  const MOST = 1n << 90n;
  const LACK = below(102);
  const less = (by: number, amount: bigint) => {
    return (v: Venue): [Item, Auth] => {
      const item = flagged(withdrawalItem({ ...v.order(by), recipient: 5n, amount }), BigInt(FLAG.lessAccepted));
      return [item, signed(by, item)];
    };
  };
  const haircuts: [why: string, verdict: Verdict, held: Partial<Held>, entry: (v: Venue) => [Item, Auth], paid?: bigint][] = [
    ["half of it is there", "admitted", { vault: 1_000n, deficit: 1_000n }, less(ALICE, 301n), 150n],
    ["half of it is there, and that is not accepted", "margin", { vault: 1_000n, deficit: 1_000n }, withdrawal(ALICE, 301n)],
    ["what is short was kept before", "admitted", { vault: 1_000n, deficit: 1_000n, relief: 1_000n }, withdrawal(ALICE, 301n), 301n],
    ["one unit is short", "margin", { vault: 1_000n, deficit: 1_000n, relief: 999n }, withdrawal(ALICE, 301n)],
    ["one unit is short, and less is accepted", "admitted", { vault: 1_000n, deficit: 1_000n, relief: 999n }, less(ALICE, 301n), 300n],
    ["more was kept than is short", "admitted", { vault: 1_000n, deficit: 1_000n, relief: 1_001n }, less(ALICE, 301n), 301n],
    ["nothing would be paid", "margin", { vault: 1n, deficit: 1_000n }, less(ALICE, 1_000n)],
    ["one unit is paid", "admitted", { vault: 1n, deficit: 1_000n }, less(ALICE, 1_001n), 1n],
    ["nothing is held", "margin", { vault: 0n, deficit: 1_000n }, less(ALICE, 1_001n)],
    ["nothing is held, and nothing short", "margin", { vault: 0n }, less(ALICE, 1_001n)],
    ["more than is held, and nothing short", "margin", { vault: 1_000n }, less(ALICE, 1_001n)],
    ["more than is held, and something short", "admitted", { vault: 1_000n, deficit: 1n }, less(ALICE, 1_001n), 1_000n],
    ["more than margin, though less would be paid", "margin", { vault: MOST, deficit: MOST }, less(ALICE, RICH + 1n)],
    ["the greatest of all", "admitted", { vault: MOST, deficit: LACK }, less(AT_LIMIT, below(92)), (below(92) * MOST) / (MOST + LACK)],
    ["an order, while something is short", "admitted", { vault: 1_000n, deficit: 1n }, order(ALICE)],
    ["an order of the venue's, while something is short", "margin", { vault: 1_000n, deficit: 1n }, order(OPENED)],
    ["quotes of the venue's, while something is short", "margin", { vault: 1_000n, deficit: 1n }, quotes(OPENED, 2)],
    ["a withdrawal of the venue's, while something is short", "margin", { vault: 1_000n, deficit: 1n }, less(OPENED, 100n)],
    ["a withdrawal of the venue's, with nothing short", "admitted", { vault: 1_000n, deficit: 5n, relief: 5n }, less(OPENED, 100n), 100n],
  ]; // prettier-ignore
  for (const [why, verdict, held, entry, paid] of haircuts)
    it(`${why}: ${verdict}`, () => {
      for (const name of ["admit", "quote"] as const) {
        const v = new Venue(1).holding(held);
        const event = v.apply(...entry(v));
        assert.equal(event.admission.verdict, verdict);
        if (paid !== undefined) assert.equal(event.admission.payout! >> 160n, paid);
        if (name === "quote" || !event.entry.item.list) agrees({ admit, quote }[name], v.instruction([event], name));
      }
    });

  it("what a haircut keeps counts for the next one", () => {
    const v = new Venue(2).holding({ vault: 1_000n, deficit: 100n });
    const events = [less(ALICE, 550n), less(BOB, 100n)].map((entry) => v.apply(...entry(v)));
    const paid = events.map(({ admission }) => admission.payout! >> 160n);
    // 550 of 1000 / 1100; then 100 of 500 / 550.
    assert.deepEqual(paid, [500n, 90n]);
    assert.deepEqual(v.matcher.held, { vault: 410n, relief: 60n, deficit: 100n });
    agrees(two, v.instruction(events));
  });

  it("what is paid is held no more: a second withdrawal of it", () => {
    const v = new Venue(2);
    const [first, second] = [withdrawal(GRAND, 1n << 90n)(v), withdrawal(AT_LIMIT, 1n)(v)];
    const events = [v.apply(...first), v.apply(...second)];
    assert.deepEqual(
      events.map(({ admission }) => admission.verdict),
      ["admitted", "margin"],
    );
    agrees(two, v.instruction(events));
    assert.equal(v.ledger.state.vault, 0n);
  });

  it("an order that cancels nothing, where no more cancels may wait: admitted", () => {
    const v = new Venue(2);
    const full = cancelItem({ market: TINY, account: BigInt(BOB), nonce: 1n, validUntil: v.time, salt: 1n });
    const plain = orderItem(v.order(ALICE, { market: TINY }));
    const events = [v.apply(full, signed(BOB, full)), v.apply(plain, signed(ALICE, plain))];
    assert.deepEqual(
      events.map(({ admission }) => admission.verdict),
      ["admitted", "admitted"],
    );
    agrees(two, v.instruction(events));
  });

  const OTHERS = ["marketNotOpen", "offTick", "size", "band", "maxFee", "marketFull", "tooManyOpen", "positionLimit", "pricesNotFresh", "margin"] as const; // prettier-ignore
  for (const verdict of OTHERS)
    it(`an order that breaks the rule of ${verdict}, and has flags that no order has: no effect`, () => {
      const v = new Venue(1);
      const before = verdict === "marketFull" ? 1 : 0;
      let n = 0;
      for (const [by, item] of RECIPES[verdict](v)) {
        const sent = n++ < before ? item : flagged(item, 2n);
        const event = v.apply(sent, signed(by, sent));
        agrees(admit, v.instruction([event]));
        if (sent === item) continue;
        const first = VERDICTS.find((it) => it === verdict || it === "flags");
        assert.equal(event.admission.verdict, first);
      }
      assert.equal(n, before + 1);
    });

  it("an order that comes when prices are old, and has flags that no order has: no effect", () => {
    const v = new Venue(1);
    v.time = RECENT + 1n;
    const item = flagged(orderItem(v.order(ALICE)), 2n);
    const event = v.apply(item, signed(ALICE, item));
    assert.equal(event.admission.verdict, "flags");
    assert.equal(event.admission.entries, undefined);
    agrees(admit, v.instruction([event]));
  });

  it("quotes beyond the window that have no room for their nonces either: nonce", () => {
    const nonce = REDUCTION_NONCE - 7n;
    const v = new Venue(1, { accounts: having({ nonce: nonce - 1n - NONCE_WINDOW }) });
    const item = quotesItem(v.quotes(ALICE, 1, { nonce }));
    const event = v.apply(item, signed(ALICE, item));
    assert.equal(event.admission.verdict, "nonce");
    agrees(quote, v.instruction([event], "quote"));
  });

  it("a cancel too many that breaks a rule before as well: that rule's verdict, and no effect", () => {
    const fields = (v: Venue, changes = {}) => {
      return {
        market: TINY,
        account: BigInt(BOB),
        nonce: v.account(BOB).nonce + 1n,
        validUntil: v.time,
        salt: 1n,
        ...changes,
      };
    };
    const spoilt: [Verdict, by: number, item: (v: Venue) => Item][] = [
      ["unsigned", ALICE, (v) => cancelItem(fields(v))],
      ["nonce", BOB, (v) => cancelItem(fields(v, { nonce: 1n }))],
      ["tooLate", BOB, (v) => cancelItem(fields(v, { validUntil: v.time - 1n }))],
      ["badTarget", BOB, (v) => cancelItem(fields(v, { target: v.account(BOB).nonce + 1n }))],
    ];
    for (const [verdict, by, item] of spoilt) {
      const v = new Venue(2);
      const first = v.apply(cancelItem(fields(v)), signed(BOB, cancelItem(fields(v))));
      const second = v.apply(item(v), signed(by, item(v)));
      assert.deepEqual([first.admission.verdict, second.admission.verdict], ["admitted", verdict]);
      agrees(two, v.instruction([first, second]));
    }
  });

  it("a list of quotes has no witness of admit, be it malformed", () => {
    for (const beyond of [0n, 8n << 101n]) {
      const v = new Venue(1);
      const item = quotesItem(v.quotes(ALICE, 1));
      const bent = { ...item, A: item.A + beyond };
      const event = v.apply(bent, signed(ALICE, bent));
      assert.equal(event.admission.verdict, beyond ? "malformed" : "admitted");
      const { inputs } = v.instruction([event]);
      expectNoWitness(admit, inputs as Inputs);
    }
  });
});
