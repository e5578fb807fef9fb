// Goal: Admit gives the verdicts of src/protocol/admission.ts with their effects, for whatever the log may hold, and no
// witness proves another verdict, another effect or another log.
// Method: random rounds (seed in the name of the test; TACIT_ROUNDS sets their number) and hostile entries, against the
// matcher and the ledger; malicious inputs, which must leave no witness; forged witnesses of AdmitSlot, in which one
// signal is pinned to the cheat and all that follows is computed anew, so that only the rule that binds it is broken.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { Matcher, type Genesis } from "../../src/matcher/matcher.ts";
import type { Event } from "../../src/matcher/events.ts";
import { accountLeaf, openAccount, type Account } from "../../src/protocol/account.ts";
import { admit } from "../../src/protocol/admission.ts";
import { FIELD, ORDER, publicKey, sign, verify } from "../../src/protocol/eddsa.ts";
import {
  A_COLUMNS,
  cancelItem,
  decodeItem,
  itemHash,
  orderItem,
  withdrawalItem,
  type Auth,
  type Item,
  type LogEntry,
} from "../../src/protocol/item.ts";
import { computePrices, fee, NO_MARKETS, rulesRoot, type MarketRules } from "../../src/protocol/market.ts";
import { pack } from "../../src/protocol/numbers.ts";
import {
  MARKET_STATE,
  NONCE_WINDOW,
  RULE,
  SIDE,
  VERDICT,
  VERDICTS,
  type Verdict,
} from "../../src/protocol/parameters.ts";
import { admitInstruction } from "../../src/witness/admit.ts";
import { accountSignals, Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { leavesOthersAlone } from "./registers.ts";

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
  for (const index of [0, 1, ALICE, BOB, 13, 14, LAST]) open(index);
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

/** Inputs of an instruction, free to be changed. */
type Tampered = { [name: string]: any };

describe("circuits/instructions/admit: malicious inputs", () => {
  let circuit: Circuit;
  let honest: InstructionInputs;
  /** The tree before the instruction. */
  let path: (index: number) => bigint[][];
  before(async () => {
    circuit = await compiled();
    const v = new Venue();
    const tree = v.ledger.tree.clone();
    path = (index) => tree.path(index);
    const buy = orderItem(v.order(ALICE));
    const sell = orderItem(v.order(BOB, { market: SPREAD, side: SIDE.sell }));
    const events = [v.apply(buy, signed(ALICE, buy)), v.apply(sell, signed(BOB, sell))];
    v.time += 2n;
    const out = withdrawalItem({ ...v.order(ALICE), recipient: 5n, amount: 7n });
    events.push(v.apply(out, signed(ALICE, out)));
    assert.ok(events.every(({ admission }) => admission.verdict === "admitted"));
    honest = v.instruction(events);
  });

  const tampered = (change: (inputs: Tampered) => void) => {
    const inputs = structuredClone(honest.inputs) as Tampered;
    change(inputs);
    return inputs;
  };
  const readAs = (inputs: Tampered, slot: number, by: number, account = accounts[by]) => {
    inputs.account[slot] = accountSignals(account);
    inputs.leaf[slot] = accountLeaf(account);
    inputs.siblings[slot] = path(by);
  };

  it("the honest ones have a witness that satisfies", () => {
    agrees(circuit, { ...honest, inputs: tampered(() => {}) as InstructionInputs["inputs"] }, true);
  });

  const refused: [why: string, change: (inputs: Tampered) => void][] = [
    ...[1n, 17n, 33n].map((phase): [string, (i: Tampered) => void] => [
      `phase ${phase}`,
      (i) => (i.before.phase = phase),
    ]),
    ["admitted orders that are not those of the state", (i) => (i.admitted[3] = 5n)],
    ["cancels that are not those of the state", (i) => (i.cancels[0] = 5n)],
    ["counts that are not those of the state", (i) => (i.counts[0] = 1n)],
    ["a market at another slot", (i) => ([i.ids[0], i.ids[2]] = [i.ids[2], i.ids[0]])],
    ["a market that is not there", (i) => (i.ids[0] = 1n << 32n)],
    ["rows of rules exchanged", (i) => i.rulesRows.reverse()],
    ["a row of rules removed", (i) => (i.rulesRows[0] = 0n)],
    ["rows of prices exchanged", (i) => i.pricesRows.reverse()],
    ["a row of prices removed", (i) => (i.pricesRows[0] = 0n)],
    ["a longer life of prices", (i) => (i.group.maxAge += 1n)],
    ["younger prices", (i) => (i.meta.time += 1n)],
    ["prices under other rules", (i) => (i.meta.rules += 1n)],
    ["a kinder scenario", (i) => (i.values[2][0] += 1n)],
    ["scenarios exchanged", (i) => i.values.reverse()],
    ["the rules of another market", (i) => (i.row[0] = i.row[1])],
    ["the prices of another market", (i) => (i.quoted[0] = i.quoted[1])],
    ["a higher limit of lots", (i) => (i.row[0].lotLimit += 1n)],
    ["a lower mark", (i) => (i.quoted[0].mark -= 5n)],
    ["a higher low", (i) => (i.quoted[0].low += 1n)],
    ["another account's fields", (i) => (i.account[0] = i.account[1])],
    ["another account's leaf, fields and all", (i) => readAs(i, 0, LAST)],
    [
      "another account at the item's place",
      (i) => ([i.account[0], i.leaf[0]] = [accountSignals(accounts[LAST]), accountLeaf(accounts[LAST])]),
    ],
    ["more cash", (i) => (i.account[2].cash += 1n)],
    ["less reserved", (i) => (i.account[2].reserved = FIELD - 1n)],
    ["an older nonce", (i) => (i.account[2].nonce = 0n)],
    ["no account, where there is one", (i) => (i.leaf[0] = 0n)],
    ["the account as it was before the first slot", (i) => readAs(i, 2, ALICE)],
    ["the siblings as they were before the first slot", (i) => (i.siblings[1] = path(BOB))],
    ["a slot stamped before the log", (i) => (i.times[0] -= 1n)],
    ["a slot stamped before its predecessor", (i) => (i.times[2] = START - 1n)],
    ["the first stamped after the second", (i) => (i.times[0] = START + 1n)],
    ["a time of 41 bits", (i) => (i.times[2] = 1n << 40n)],
    ["a negative time", (i) => (i.times[0] = FIELD - 1n)],
    ...[
      [0n, 0n, 0n],
      [0n, 1n, 1n],
      [1n, 0n, 1n],
      [1n, 1n, 2n],
      [2n, 1n, 1n],
      [1n, 1n, FIELD - 1n],
    ].map((active): [string, (i: Tampered) => void] => [
      `slots used: ${active.map((x) => (x === FIELD - 1n ? -1n : x)).join()}`,
      (i) => (i.active = active),
    ]),
  ];
  for (const [why, change] of refused)
    it(`no witness: ${why}`, () => expectNoWitness(circuit, tampered(change) as Inputs));

  const otherLog: [why: string, change: (inputs: Tampered) => void][] = [
    ["an entry left out at the end", (i) => (i.active[2] = 0n)],
    ["garbage in place of a signature", (i) => (i.S8[2] = 5n)],
    ["another R8", (i) => (i.R8x[2] = 5n)],
    ["another order", (i) => (i.B[2] += 1n)],
    ["another salt", (i) => (i.salt[2] += 1n)],
    ["another time", (i) => (i.times[2] += 1n)],
  ];
  for (const [why, change] of otherLog)
    it(`another log: ${why}`, () => {
      const shown = circuit.witness(tampered(change) as Inputs).slice(1, 1 + honest.publicInputs.length);
      assert.equal(shown[0], honest.publicInputs[0], "the state before is the same");
      assert.notEqual(shown[1], honest.publicInputs[1], "the state after is not");
      assert.notEqual(shown[5], honest.publicInputs[5], "nor is the head of the log");
    });

  it("each input, changed by one: no witness, or other public inputs", async () => {
    const single = await compiled(1);
    const v = new Venue(1);
    const item = orderItem(v.order(LAST, { replaces: 0n, maxFee: 10n }));
    const { inputs, publicInputs } = v.instruction([v.apply(item, signed(LAST, item))]);
    const tried = structuredClone(inputs) as Tampered;
    const unnoticed: string[] = [];
    const walk = (at: Tampered, name: string) => {
      // Of a vector of 16 the first and the last stand for all.
      const keys = Object.keys(at).filter((_, i, all) => all.length !== 16 || i === 0 || i === 15);
      for (const key of keys) {
        if (typeof at[key] !== "bigint") {
          walk(at[key], `${name}.${key}`);
          continue;
        }
        const value = at[key];
        at[key] = (value + 1n) % FIELD;
        try {
          const shown = single.witness(tried as Inputs).slice(1, 1 + publicInputs.length);
          if (shown.every((x, i) => x === publicInputs[i])) unnoticed.push(`${name}.${key}`);
        } catch (error) {
          assert.match((error as Error).message, /Assert Failed/);
        }
        at[key] = value;
      }
    };
    walk(tried, "");
    assert.deepEqual(unnoticed, []);
  });
});

/** A market, a trader, an item and all else that a verdict depends on, good and easy to break. */
function fixture(kind: "order" | "cancel" | "all" | "withdrawal" = "order") {
  const account: Account = { ...accounts[ALICE], seq: 4n, cash: 100_000n, nonce: 6n, reserved: 500n, open: 1n };
  return {
    kind,
    row: { ...row, capacity: 8n, cancelCapacity: 3n },
    account,
    entries: 7n,
    cancels: 2n,
    priceTime: START - MAX_AGE,
    quoted: true,
    order: { ...new Venue().order(ALICE), nonce: 7n, replaces: 5n, account: 2n },
    amount: 300n,
    flags: 0n,
    /** added to the words */
    beyondA: 0n,
    beyondB: 0n,
    signed: true,
  };
}
type Fixture = ReturnType<typeof fixture>;

/** Inputs of AdmitSlot(1, 2, 2), and the signals and effects of the reference. The market is in slots 0 and, twin, 1. */
function slotOfFixture(f: Fixture) {
  const profile = { ...PROFILE, depth: 1, scenarios: 2, admit: 1 };
  const twin = { ...row, capacity: 8n, cancelCapacity: 3n, id: SPREAD };
  const rules = {
    group: { operatorKeyX: 1n, operatorKeyY: 2n, maxAge: MAX_AGE },
    markets: NO_MARKETS.map((free, slot) => [f.row, twin][slot] ?? free),
  };
  const values = [vector(1_003n), vector(900n)];
  const all = computePrices(rules, { values, funding: vector(7n), epoch: 1n, time: f.priceTime });
  const prices = { ...all, markets: all.markets.map((quoted, slot) => (slot === 0 && !f.quoted ? null : quoted)) };
  const held = [accounts[0], accounts[1], f.account, accounts[BOB]];
  const genesis = { profile, domain: DOMAIN, rules, prices, accounts: held, time: START, blind: () => 5n };
  const ledger = new Ledger(genesis);
  ledger.vectors.counts[0] = f.entries + (f.cancels << 16n);
  const { order } = f;
  const good =
    f.kind === "order"
      ? orderItem(order)
      : f.kind === "withdrawal"
        ? withdrawalItem({ ...order, recipient: 0xabcn, amount: f.amount })
        : cancelItem({ ...order, target: f.kind === "cancel" ? order.replaces : undefined });
  const bent = flagged(good, f.flags);
  const item = { ...bent, A: bent.A + f.beyondA, B: bent.B + f.beyondB };
  const auth = signed(f.signed ? ALICE : BOB, item);
  const entry: LogEntry = { item, auth, time: START };
  const key = { x: f.account.keyX, y: f.account.keyY };
  const context = {
    rules,
    rulesInForce: rulesRoot(rules),
    prices,
    entries: NO_MARKETS.map((_, slot) => (slot === 0 ? Number(f.entries) : 0)),
    cancels: NO_MARKETS.map((_, slot) => (slot === 0 ? Number(f.cancels) : 0)),
    maxOpen: profile.maxOpen,
    account: f.account,
    signed: verify(key, itemHash(DOMAIN, item), auth),
    time: START,
  };
  const admission = admit(context, decodeItem(item));
  const account = { index: ALICE, before: f.account, after: admission.account ?? f.account };
  const start = ledger.state;
  const payout = ledger.state.payoutsPut;
  const { inputs } = admitInstruction(ledger, [{ kind: "item", entry, sequence: 0, admission, account }]);
  const read = inputs as Tampered;
  const shared = ["ids", "rulesRows", "meta", "pricesRows", "values", "admitted", "cancels", "counts"];
  const own = ["A", "B", "salt", "R8x", "R8y", "siblings"];
  // Where the item names none, the account and the rows are those that the cheat would use.
  const slot: Tampered = {
    ...Object.fromEntries(shared.map((name) => [name, read[name]])),
    ...Object.fromEntries(own.map((name) => [name, read[name][0]])),
    active: 1n,
    domain: DOMAIN,
    sigS: auth.S,
    time: START,
    rulesRoot: start.rules,
    maxAge: MAX_AGE,
    account: accountSignals(f.account) as Tampered,
    leaf: accountLeaf(f.account),
    row: ledger.rulesRow(0) as Tampered,
    quoted: new Ledger({ ...genesis, prices: all }).pricesRow(0) as Tampered,
    accounts: start.accounts,
    logged: { head: start.logHead, count: start.logCount, clock: start.clock },
    payoutsPut: payout,
  };
  const { state, vectors } = ledger;
  const outputs = [
    state.accounts,
    state.logHead,
    state.logCount,
    state.clock,
    state.payoutsPut,
    ...vectors.admitted,
    ...vectors.cancels,
    ...vectors.counts,
  ];
  return { inputs: slot, admission, outputs };
}

describe("circuits/instructions/admit: forged witnesses", () => {
  let circuit: Circuit;
  before(async () => {
    circuit = await compileTemplate({ file, template: "AdmitSlot", args: [1, 2, 2], optimise: false });
  });
  /** The cheat is computed to its end, and what it breaks is few rules: those that bind the pinned signals. */
  const refuse = (inputs: Inputs, pinned: Record<string, bigint>, reaches: Record<string, bigint> = pinned) => {
    const forged = circuit.solveForged(inputs, pinned);
    const why = Object.keys(pinned).join(", ");
    for (const [name, value] of Object.entries(reaches))
      assert.equal(circuit.read(name, forged), ((value % FIELD) + FIELD) % FIELD, `${why}: ${name}`);
    const rules = circuit.broken(forged).length;
    assert.ok(rules > 0, `${why}: a proof`);
    assert.ok(rules <= 3, `${why}: breaks ${rules} rules, not just its own`);
  };

  for (const kind of ["order", "cancel", "all", "withdrawal"] as const)
    it(`a good ${kind}: the honest witness satisfies, and computed anew it is the same`, () => {
      const { inputs, outputs, admission } = slotOfFixture(fixture(kind));
      assert.equal(admission.verdict, "admitted");
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      assert.ok(circuit.satisfies(honest));
      assert.deepEqual(circuit.solveForged(inputs, {}), honest);
    });

  /** For each rule: how an order breaks it, and the signals that decide it, with their values where the rule holds. */
  const RULES: Record<
    Exclude<Verdict, "admitted">,
    [breakRule: (f: Fixture) => void, ...deciding: Record<string, bigint>[]]
  > = {
    malformed: [(f) => (f.beyondA = 1n << 185n), { "item.wellFormed": 1n }, { "item.fits": 1n }],
    unsigned: [(f) => (f.signed = false), { signed: 1n }, { "signature.valid": 1n }, { "signature.equal": 1n }],
    nonce: [(f) => (f.order.nonce = 6n), { nonceGood: 1n }],
    tooLate: [(f) => (f.order.validUntil = START - 1n), { timely: 1n }],
    unknownMarket: [(f) => (f.order.market = 99n), { "at[0]": 1n }],
    badTarget: [(f) => (f.order.replaces = 7n), { earlier: 1n }, { targetGood: 1n }],
    tooManyCancels: [(f) => (f.cancels = 3n), { cancelsFull: 0n }],
    marketNotOpen: [(f) => (f.row.state = 2n), { marketOpen: 1n }],
    offTick: [(f) => (f.order.limit += 1n), { onTick: 1n }],
    size: [(f) => (f.order.size = 101n), { sizeWithin: 1n }],
    band: [(f) => (f.order.limit += 205n), { inBand: 1n }],
    maxFee: [(f) => (f.order.maxFee = 2n), { feeWithin: 1n }],
    flags: [(f) => (f.flags = 4n), { flagsGood: 1n }],
    marketFull: [(f) => (f.entries = 8n), { marketFull: 0n }],
    tooManyOpen: [(f) => (f.account = { ...f.account, open: 2n }), { tooManyOpen: 0n }],
    positionLimit: [
      (f) => (f.account = { ...f.account, positions: vector(0n, (1n << 46n) + 1n) }),
      { positionsWithin: 1n },
    ],
    pricesNotFresh: [(f) => (f.priceTime -= 1n), { fresh: 1n }],
    margin: [(f) => (f.account = { ...f.account, cash: 500n }), { "margin.out": 1n }],
  };
  for (const [verdict, [breakRule, ...deciding]] of Object.entries(RULES)) {
    it(`${verdict}: no proof that the bad order is admitted`, () => {
      const f = fixture();
      breakRule(f);
      const { inputs, admission, outputs } = slotOfFixture(f);
      assert.equal(admission.verdict, verdict);
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      assert.ok(circuit.satisfies(honest));
      for (const pinned of deciding) refuse(inputs, { signed: 1n, ...pinned }, { orderPut: 1n });
    });
    it(`${verdict}: no proof that the good order is rejected for it`, () => {
      const { inputs } = slotOfFixture(fixture());
      const signed = VERDICT[verdict as Verdict] <= VERDICT.unsigned ? 0n : 1n;
      for (const pinned of deciding) {
        const flipped = Object.fromEntries(Object.entries(pinned).map(([name, value]) => [name, 1n - value]));
        refuse(inputs, { signed, ...flipped }, { orderPut: 0n });
      }
    });
  }

  type Read = (name: string) => bigint;
  /** Cheats on one instruction's effects; `alter` makes the fixture or the inputs fit. */
  const CHEATS: Record<Fixture["kind"], [why: string, pinned: (read: Read) => Record<string, bigint>][]> = {
    order: [
      ["a reservation one short a lot", (read) => ({ rho: read("rho") - 1n })],
      ["a reservation one too high a lot", (read) => ({ rho: read("rho") + 1n })],
      ["the least reservation", () => ({ aboveMin: 0n })],
      ["a smaller loss", (read) => ({ worst: read("worst") - 1n })],
      ["a smaller reservation", (read) => ({ reservation: read("reservation") - 1n })],
      ["nothing reserved", (read) => ({ "after.reserved": read("account.reserved") })],
      ["no open order counted", (read) => ({ "after.open": read("account.open") })],
      ["the nonce not raised", (read) => ({ "after.nonce": read("account.nonce") })],
      ["cash from nowhere", (read) => ({ "after.cash": read("after.cash") + 1n })],
      ["another key", (read) => ({ "after.keyX": read("after.keyX") + 1n })],
      ["positions from nowhere", (read) => ({ positionsHash: read("positionsHash") + 1n })],
      ["a write where none is", (read) => ({ "after.seq": read("after.seq") + 1n })],
      ["the leaf left as it was", (read) => ({ changed: read("leaf") })],
      ["the tree left as it was", (read) => ({ accountsAfter: read("accounts") })],
      ["a write to another leaf", (read) => ({ "update.index[0]": 1n - read("update.index[0]") })],
      ["not put into the market", (read) => ({ "admittedAfter[0]": read("admitted[0]") })],
      ["put into another market", (read) => ({ "admittedAfter[1]": read("put") })],
      ["another entry put", (read) => ({ putWord: read("putWord") + 1n })],
      ["another limit put", (read) => ({ "limit.value": read("limit.value") + 5n })],
      ["put as a payout", () => ({ putTag: 23n })],
      ["a payout from nowhere", (read) => ({ payoutsPutAfter: read("put") })],
      ["the count of entries not raised", (read) => ({ "countsAfter[0]": read("counts[0]") + (1n << 16n) })],
      ["the count of cancels not raised", (read) => ({ "countsAfter[0]": read("counts[0]") + 1n })],
      ["the count of another market raised", (read) => ({ "countsAfter[1]": read("counts[1]") + 1n })],
      ["the replaced order not cancelled", (read) => ({ "cancelsAfter[0]": read("cancels[0]") })],
      ["a cancel in another market", (read) => ({ "cancelsAfter[1]": read("cancelHash") })],
      ["another order cancelled", (read) => ({ target: read("target") - 1n })],
      ["all orders cancelled", () => ({ cancelAll: 1n })],
      ["one tick less", (read) => ({ quotient: read("quotient") - 1n })],
      ["one tick more", (read) => ({ quotient: read("quotient") + 1n })],
      ["a fee rounded down", (read) => ({ quotientFee: read("quotientFee") - 1n })],
      ["a fee one too high", (read) => ({ quotientFee: read("quotientFee") + 1n })],
      ["no fee per lot", (read) => ({ fee: read("quotientFee") })],
      ["another signature logged", (read) => ({ auth: read("auth") + 1n })],
      ["another item logged", (read) => ({ "step.item": read("step.item") + 1n, signed: 1n })],
      ["not logged", (read) => ({ "loggedAfter.head": read("logged.head") })],
      ["not counted", (read) => ({ "loggedAfter.count": read("logged.count") })],
      ["the clock not advanced", (read) => ({ "loggedAfter.clock": read("logged.clock") })],
      ["stamped earlier", (read) => ({ stamped: read("stamped") - 1n })],
      ["no account read", () => ({ used: 0n, signed: 0n })],
      ["the leaf taken for an empty one", () => ({ leafGiven: 0n, signed: 0n })],
      ["the index taken for one beyond the tree", () => ({ inTree: 0n, signed: 0n })],
      ["no row of the rules", () => ({ rowGiven: 0n })],
      ["no row of the prices", () => ({ quotedGiven: 0n })],
      ["not admitted", () => ({ orderPut: 0n })],
      ["not live", () => ({ live: 0n })],
      ["a cancel", () => ({ "item.isOrder": 0n, "item.isCancel": 1n })],
    ],
    cancel: [
      ["without effect", (read) => ({ "cancelsAfter[0]": read("cancels[0]") })],
      ["not put", () => ({ cancelPut: 0n })],
      ["put as an order too", () => ({ orderPut: 1n })],
      ["of another order", (read) => ({ target: read("target") + 1n })],
      ["of all", () => ({ cancelAll: 1n })],
      ["not counted", (read) => ({ "countsAfter[0]": read("counts[0]") })],
    ],
    all: [
      ["of one", () => ({ cancelAll: 0n })],
      ["of later orders too", (read) => ({ target: read("target") + 1n })],
    ],
    withdrawal: [
      ["cash kept", (read) => ({ "after.cash": read("account.cash") })],
      ["the write not counted", (read) => ({ "after.seq": read("account.seq") })],
      ["not put", (read) => ({ payoutsPutAfter: read("payoutsPut") })],
      ["another recipient", (read) => ({ putWord: read("putWord") + 1n })],
      ["another amount", (read) => ({ putWord: read("putWord") + (1n << 160n) })],
      ["put as an order", () => ({ putTag: 20n })],
      ["refused", () => ({ payoutPut: 0n })],
    ],
  };
  for (const [kind, cheats] of Object.entries(CHEATS))
    for (const [why, pins] of cheats)
      it(`${kind}: no proof of ${why}`, () => {
        const { inputs } = slotOfFixture(fixture(kind as Fixture["kind"]));
        const honest = circuit.witness(inputs);
        refuse(inputs, { signed: 1n, ...pins((name) => circuit.read(name, honest)) });
      });

  it("order: no proof of another market's slot, that has the very same rules", () => {
    const { inputs } = slotOfFixture(fixture());
    refuse(inputs, { signed: 1n, "at[0]": 0n, "at[1]": 1n }, { orderPut: 1n, "admittedAfter[0]": 0n });
  });

  it("order: no proof that it is unsigned, with garbage in place of the signature that was logged", () => {
    const { inputs } = slotOfFixture(fixture());
    const auth = circuit.read("auth", circuit.witness(inputs));
    for (const part of ["R8x", "R8y", "sigS"])
      refuse({ ...inputs, [part]: 5n }, { auth, signed: 0n }, { auth, live: 0n, orderPut: 0n });
  });

  it("order: an unused slot changes nothing, and none can be used unlogged", () => {
    const { inputs } = slotOfFixture(fixture());
    const idle = { ...inputs, active: 0n };
    const witness = circuit.witness(idle);
    assert.ok(circuit.satisfies(witness));
    for (const name of ["accounts", "payoutsPut"])
      assert.equal(circuit.read(`${name}After`, witness), circuit.read(name, witness));
    for (const name of ["logged", "admitted", "cancels", "counts"])
      assert.deepEqual(circuit.readAll(`${name}After`, witness), circuit.readAll(name, witness));
    refuse(idle, { signed: 1n, live: 1n }, { orderPut: 1n });
  });

  const SPOILT: [why: string, alter: (f: Fixture) => void, pinned: Record<string, bigint>, effect: string][] = [
    ["an order of no lots", (f) => (f.order.size = 0n), { quantityNone: 0n }, "orderPut"],
    ["an order without prices", (f) => (f.quoted = false), { quotedGiven: 1n }, "orderPut"],
    ["an order with bits beyond B", (f) => (f.beyondB = 1n << 174n), { "item.fits": 1n }, "orderPut"],
    ["an order after the window", (f) => (f.order.nonce = 7n + NONCE_WINDOW), { nonceGood: 1n }, "orderPut"],
    ["a kind of none", (f) => (f.beyondA = 8n), { "item.isOrder": 1n }, "orderPut"],
    ["a margin missed in one scenario", (f) => poor(f, 500n), { "margin.covered[1]": 1n }, "orderPut"],
    ["a loss taken for a gain", (f) => poor(f, 500n), { "margin.gains[1]": 1n }, "orderPut"],
    ["a withdrawal beyond margin", (f) => withdraws(f, 99_501n), { "margin.out": 1n }, "payoutPut"],
    ["a withdrawal of nothing", (f) => withdraws(f, 0n), { quantityNone: 0n }, "payoutPut"],
    ["a withdrawal on stale prices", (f) => (withdraws(f, 1n), (f.priceTime -= 1n)), { fresh: 1n }, "payoutPut"],
    ["a cancel of itself", (f) => cancels(f, 7n), { earlier: 1n }, "cancelPut"],
    ["a cancel of none", (f) => cancels(f, 0n), { single: 1n }, "cancelPut"],
    ["a cancel of one and all", (f) => (cancels(f, 5n), (f.flags = 2n)), { targetForm: 1n }, "cancelPut"],
    ["a cancel too many", (f) => (cancels(f, 5n), (f.cancels = 3n)), { cancelsFull: 0n }, "cancelPut"],
  ];
  const poor = (f: Fixture, cash: bigint) => void (f.account = { ...f.account, cash });
  const withdraws = (f: Fixture, amount: bigint) => void ([f.kind, f.amount] = ["withdrawal", amount]);
  const cancels = (f: Fixture, target: bigint) => void ([f.kind, f.order.replaces] = ["cancel", target]);
  for (const [why, alter, pinned, effect] of SPOILT)
    it(`no proof that ${why} is admitted`, () => {
      const f = fixture();
      alter(f);
      const { inputs, outputs, admission } = slotOfFixture(f);
      assert.notEqual(admission.verdict, "admitted");
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      refuse(inputs, { signed: 1n, ...pinned }, { [effect]: 1n });
    });
});

describe("circuits/instructions/admit: registers left alone", () => {
  leavesOthersAlone("admit", async () => {
    const args = [depth, scenarios, 1, maxOpen];
    const circuit = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const event = v.apply(item, signed(ALICE, item));
    return { circuit, ledger: v.ledger, make: () => v.instruction([event]), honest: "slot[0]" };
  });
});
