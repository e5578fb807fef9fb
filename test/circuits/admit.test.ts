// Goal: Admit gives the verdicts of src/protocol/admission.ts with their effects, for whatever the log may hold, and no
// witness proves another verdict, another effect or another log.
// Method: random rounds (seed in the name of the test; TACIT_ROUNDS sets their number) and hostile entries, against the
// matcher and the ledger; malicious inputs, which must leave no witness; forged witnesses of AdmitSlot, in which one
// signal is pinned to the cheat and all that follows is computed anew, so that only the rule that binds it is broken.
import assert from "node:assert/strict";
import { Random } from "../../src/cli/random.ts";
import { Matcher, type Genesis } from "../../src/matcher/matcher.ts";
import type { Event } from "../../src/matcher/events.ts";
import { openAccount, type Account } from "../../src/protocol/account.ts";
import { admit } from "../../src/protocol/admission.ts";
import { entryWord, pushCancel, pushEntry } from "../../src/protocol/book.ts";
import { FIELD, ORDER, publicKey, sign, verify } from "../../src/protocol/eddsa.ts";
import {
  A_COLUMNS,
  authHash,
  cancelItem,
  itemHash,
  orderItem,
  withdrawalItem,
  type Auth,
  type Item,
  type LogEntry,
} from "../../src/protocol/item.ts";
import { computePrices, fee, NO_MARKETS, rulesRoot, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { pack } from "../../src/protocol/numbers.ts";
import { MARKET_STATE, NONCE_WINDOW, RULE, SIDE, VERDICTS, type Verdict } from "../../src/protocol/parameters.ts";
import { hash } from "../../src/protocol/poseidon.ts";
import { accountLeaf } from "../../src/protocol/account.ts";
import { admitInstruction } from "../../src/witness/admit.ts";
import { accountSignals, Ledger, type InstructionInputs, type Signals } from "../../src/witness/ledger.ts";
import { evaluate } from "./r1cs.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";

type ItemEvent = Extract<Event, { kind: "item" }>;

const file = "circuits/instructions/admit.circom";
const DOMAIN = 77n;
const START = 1_000_000n;
const MAX_AGE = 60n;
const PROFILE = { depth: 2, scenarios: 4, maxOpen: 2, deposit: 1, admit: 3, clear: 1, settle: 1 };
const vector = (...values: bigint[]) => Array.from({ length: 16 }, (_, i) => values[i] ?? 0n);
const secretOf = (index: number) => new Uint8Array(32).fill(index + 1);
const signed = (by: number, item: Item): Auth => {
  const { R8x, R8y, S } = sign(secretOf(by), itemHash(DOMAIN, item));
  return { R8x, R8y, S };
};
const below = (bits: number) => (1n << BigInt(bits)) - 1n;

/** Markets by slot: an outright, a spread below zero, halted, expired, tiny, without prices, and one of extremes. */
const [PERP, SPREAD, HALTED, EXPIRED, TINY, UNQUOTED, EXTREME] = [10n, 11n, 12n, 13n, 14n, 15n, below(32)];
const EXTREME_SLOT = 15;
const row: MarketRules = {
  id: PERP,
  legs: vector(1n),
  tick: 5n,
  lotLimit: 100n,
  band: 200n,
  feeRate: 1_001n,
  feePerLot: 1n,
  rhoMin: 1n,
  rule: BigInt(RULE.auction),
  interval: 10n,
  state: BigInt(MARKET_STATE.open),
  capacity: 400n,
  cancelCapacity: 60n,
};
const extreme: MarketRules = {
  ...row,
  id: EXTREME,
  legs: [...vector().slice(1), 127n],
  tick: 1n,
  lotLimit: below(32),
  band: below(40),
  feeRate: 1_000_000n,
  feePerLot: below(40),
  rhoMin: below(61),
  capacity: below(16),
  cancelCapacity: below(16),
};
const rows: MarketRules[] = [
  row,
  { ...row, id: SPREAD, legs: vector(1n, -25n), tick: 7n },
  { ...row, id: HALTED, state: BigInt(MARKET_STATE.halted) },
  { ...row, id: EXPIRED, state: BigInt(MARKET_STATE.expired) },
  { ...row, id: TINY, capacity: 1n, cancelCapacity: 1n },
  { ...row, id: UNQUOTED },
];
const rules = {
  group: { operatorKeyX: 1n, operatorKeyY: 2n, maxAge: MAX_AGE },
  markets: NO_MARKETS.map((free, slot) => rows[slot] ?? (slot === EXTREME_SLOT ? extreme : free)),
};
const last = (x: bigint) => [...vector().slice(1), x];
const plus = (a: bigint[], b: bigint[]) => a.map((x, i) => x + b[i]);
const computed = computePrices(rules, {
  values: [
    plus(vector(1_003n, 50n), last(1n << 32n)),
    plus(vector(1_100n, 80n), last((1n << 47n) - 1n)),
    plus(vector(900n, 10n), last(-(1n << 47n))),
    vector(1_003n, 90n),
  ],
  funding: vector(7n, -2n),
  epoch: 1n,
  time: START,
});
const prices = { ...computed, markets: computed.markets.map((quoted, slot) => (slot === 5 ? null : quoted)) };
const LIMIT = { [String(PERP)]: 1_000n, [String(SPREAD)]: -252n, [String(EXTREME)]: 1n << 32n };

/** Accounts by index; what is missing is an empty leaf. */
const RICH = 1_000_000n;
const [ALICE, BOB, POOR, BANKRUPT, OVER, AT_LIMIT, LATE, BUSY, SUNK, GRAND, NOBODY, LAST] = [
  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15,
];
const accounts: Account[] = [];
{
  const open = (index: number, changes: Partial<Account> = {}) => {
    const { x, y } = publicKey(secretOf(index));
    accounts[index] = { ...openAccount({ keyX: x, keyY: y, view: BigInt(index) }), cash: RICH, ...changes };
  };
  const limits = (sign: bigint) => vector().map((_, i) => sign * (i % 2 ? -1n : 1n) * below(48));
  for (const index of [0, 1, ALICE, BOB, LAST]) open(index);
  open(POOR, { cash: 0n });
  open(BANKRUPT, { cash: -5_000n, positions: vector(3n, -2n) });
  open(OVER, { cash: below(99), positions: vector(1n << 46n, 1n) });
  open(AT_LIMIT, { cash: below(99), positions: last(1n << 46n) });
  open(LATE, { nonce: below(40) - 2n });
  open(BUSY, { open: 2n, reserved: 5_000n });
  open(SUNK, { cash: -below(100), positions: limits(-1n), reserved: below(99) });
  open(GRAND, { cash: below(100), positions: limits(1n), seq: below(60) });
}

class Venue {
  readonly genesis: Genesis;
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  time = START;
  /** @param slots  of one instruction */
  constructor(slots = PROFILE.admit, changes: Partial<Genesis> = {}) {
    const { depth, maxOpen } = PROFILE;
    this.genesis = { domain: DOMAIN, depth, maxOpen, rules, prices, accounts, time: START, ...changes };
    this.matcher = new Matcher(this.genesis, { view: () => 0n });
    let blind = 0n;
    this.ledger = new Ledger({ ...this.genesis, profile: { ...PROFILE, admit: slots }, blind: () => ++blind });
  }

  account(index: number): Account {
    return this.matcher.accounts[index];
  }

  /** Fields of a good order. */
  order(by: number, changes: Partial<Parameters<typeof orderItem>[0]> = {}) {
    const market = changes.market ?? PERP;
    return {
      market,
      account: BigInt(by),
      nonce: (this.account(by)?.nonce ?? 0n) + 1n,
      side: SIDE.buy as number,
      limit: LIMIT[String(market)] ?? LIMIT[String(PERP)],
      size: 3n,
      validUntil: this.time,
      expiry: this.time,
      salt: 1n,
      ...changes,
    };
  }

  apply(item: Item, auth: Auth): ItemEvent {
    return this.matcher.apply({ kind: "item", time: this.time, item, auth })[0] as ItemEvent;
  }

  instruction(events: readonly ItemEvent[]): InstructionInputs {
    return admitInstruction(this.ledger, events);
  }
}

const flagged = (item: Item, flags: bigint): Item => {
  const zeros = Object.fromEntries(A_COLUMNS.map(({ name }) => [name, 0n]));
  return { ...item, A: item.A + pack(A_COLUMNS, { ...zeros, flags }) };
};

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
    yield [ALICE, { ...item, A: item.A + (1n << 185n) }];
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
    yield [ALICE, orderItem(v.order(ALICE, { market: HALTED, replaces: 1n }))];
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
};

/** One instruction's circuit answers as the reference. */
function agrees(circuit: Circuit, { inputs, publicInputs }: InstructionInputs, rules = false): bigint[] {
  const witness = circuit.witness(inputs as Inputs);
  assert.deepEqual(witness.slice(1, 1 + publicInputs.length), publicInputs);
  if (rules) assert.ok(circuit.satisfies(witness));
  return witness;
}

const { depth, scenarios, admit: SLOTS, maxOpen } = PROFILE;
const compiled = (slots = SLOTS) =>
  compileTemplate({ file, template: "Admit", args: [depth, scenarios, slots, maxOpen] });

describe("circuits/instructions/admit: agreement", () => {
  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 1); seed++)
    it(`with matcher and ledger in a random round that reaches each verdict, TACIT_SEED=${seed}`, async () => {
      const circuit = await compiled();
      const random = new Random(seed);
      const v = new Venue();
      const reached = new Set<Verdict>();
      let events: ItemEvent[] = [];
      const flush = (atMost: number) => {
        if (events.length < atMost) return;
        agrees(circuit, v.instruction(events));
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
      v.time += MAX_AGE + BigInt(random.integer(0, 1));
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
  if (chance(0.3)) v.time += BigInt(random.integer(0, 4));
  const by = chance(0.6) ? random.pick([ALICE, BOB, LAST]) : random.integer(0, 20);
  const old = v.account(by)?.nonce ?? 0n;
  const market = chance(0.7)
    ? random.pick([PERP, SPREAD, EXTREME])
    : random.pick([...rows.map(({ id }) => id), 99n, 0n]);
  const { tick } = rules.markets.find((row) => row?.id === market) ?? row;
  const common = {
    ...v.order(by, { market }),
    nonce: chance(0.8)
      ? old + 1n
      : random.pick([old, old + NONCE_WINDOW, old + NONCE_WINDOW + 1n, below(40)]) & below(40),
    validUntil: chance(0.9) ? v.time : random.pick([v.time - 1n, below(40), 0n]),
    expiry: random.bits(40),
    salt: random.bits(253),
  };
  const replaces = chance(0.8) ? 0n : random.pick([1n, common.nonce - 1n, common.nonce, below(40)]) & below(40);
  const kind = random.unit();
  let item: Item;
  if (kind < 0.2) item = cancelItem({ ...common, target: chance(0.5) ? undefined : replaces });
  else if (kind < 0.4)
    item = withdrawalItem({ ...common, recipient: random.bits(160), amount: random.bits(random.pick([0, 8, 20, 92])) });
  else {
    const away = BigInt(random.integer(-20, 20)) * tick + (chance(0.05) ? 1n : 0n);
    const maxFee = chance(0.9) ? {} : { maxFee: random.bits(random.pick([1, 2, 61])) };
    const size = random.bits(random.pick([2, 4, 6, 8, 32]));
    item = orderItem({ ...common, side: random.integer(0, 1), limit: common.limit + away, size, replaces, ...maxFee });
  }
  if (chance(0.1)) item = flagged(item, BigInt(random.pick([1, 4, 128])));
  if (chance(0.05)) item = { ...item, [random.pick(["A", "B"])]: random.bits(253) };
  const auth = signed(by, item);
  return [item, chance(0.9) ? auth : { ...auth, [random.pick(["R8x", "R8y", "S"])]: random.bits(253) }];
}

describe("circuits/instructions/admit: a verdict for whatever the log holds", () => {
  let circuit: Circuit;
  before(async () => {
    circuit = await compiled(1);
  });
  const kindOf = (item: Item, kind: bigint) => ({ ...item, A: item.A - (item.A & 15n) + kind });
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
      const bent = { ...item, A: item.A + (market << 4n) };
      return [bent, signed(by, bent)];
    };
  };
  const at = (time: bigint, entry: (v: Venue) => [Item, Auth]) => (v: Venue) => {
    v.time = time;
    return entry(v);
  };
  const minusOne = FIELD - 1n;
  type Row = [why: string, verdict: Verdict, entry: (v: Venue) => [Item, Auth]];
  const table: Row[] = [
    ["a good order", "admitted", order(ALICE)],
    ["words of ones", "malformed", words(() => ({ A: below(253), B: below(253), salt: below(253) }))],
    ["A = r - 1", "malformed", words(() => ({ A: minusOne }))],
    ["B = r - 1", "malformed", words(() => ({ B: minusOne }))],
    ["salt = r - 1", "admitted", words(() => ({ salt: minusOne }))],
    ["A = B = salt = 0", "malformed", words(() => ({ A: 0n, B: 0n, salt: 0n }))],
    ["a bit just beyond A", "malformed", words(({ A }) => ({ A: A + (1n << 185n) }))],
    ["a bit just beyond B", "malformed", words(({ B }) => ({ B: B + (1n << 174n) }))],
    ["the top bit of A", "malformed", words(({ A }) => ({ A: A + (1n << 253n) }))],
    ["the top bit of B", "malformed", words(({ B }) => ({ B: B + (1n << 253n) }))],
    ...[0n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 11n, 12n, 13n, 14n, 15n].map((kind): Row => [
      `kind ${kind} with a signature`,
      "malformed",
      words((item) => ({ A: kindOf(item, kind).A })),
    ]),
    ["an order's B in a withdrawal", "admitted", words((item) => ({ A: kindOf(item, 3n).A }))],
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
    ["the greatest nonce, in the window", "admitted", order(LATE, { nonce: below(40) })],
    ["a nonce far below the account's", "nonce", order(LATE, { nonce: 1n })],
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
    ["lots greatest", "size", order(ALICE, { size: below(32) })],
    ["lots greatest, and allowed", "margin", order(ALICE, { market: EXTREME, size: below(32), side: SIDE.sell })],
    ["a fee of 0 accepted", "maxFee", order(ALICE, { maxFee: 0n })],
    ["a market without prices", "pricesNotFresh", order(ALICE, { market: UNQUOTED })],
    ["no prices, limit least", "offTick", order(ALICE, { market: UNQUOTED, limit: -(1n << 40n) })],
    ["no prices, limit far off", "pricesNotFresh", order(ALICE, { market: UNQUOTED, limit: -below(40) })],
    ["stale prices", "pricesNotFresh", at(START + MAX_AGE + 1n, order(ALICE))],
    ["prices of the last second", "admitted", at(START + MAX_AGE, order(ALICE))],
    ["the last second of all", "pricesNotFresh", at(below(40), order(ALICE))],
    ["negative equity", "margin", order(BANKRUPT)],
    ["negative equity, a hedge that costs", "margin", order(BANKRUPT, { side: SIDE.sell })],
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
    ["the greatest withdrawal, of the best account", "admitted", withdrawal(GRAND, below(92))],
    ["the greatest withdrawal, paid", "admitted", withdrawal(AT_LIMIT, below(92))],
    ["a withdrawal of the bankrupt", "margin", withdrawal(BANKRUPT, 1n)],
    ["a withdrawal on stale prices", "pricesNotFresh", at(START + MAX_AGE + 1n, withdrawal(ALICE, 1n))],
  ];
  for (const [why, verdict, entry] of table)
    it(`${why}: ${verdict}`, () => {
      const v = new Venue(1);
      const event = v.apply(...entry(v));
      assert.equal(event.admission.verdict, verdict);
      agrees(circuit, v.instruction([event]));
    });
});
