/** What the tests of Admit share: markets and accounts of every kind, and a venue that signs and admits items. */
import assert from "node:assert/strict";
import { Matcher, type Genesis } from "../../src/matcher/matcher.ts";
import type { Event } from "../../src/matcher/events.ts";
import { MAX_HELD, openAccount, type Account } from "../../src/protocol/account.ts";
import type { Held } from "../../src/protocol/defaults.ts";
import { publicKey, sign } from "../../src/protocol/eddsa.ts";
import { A_COLUMNS, itemHash, orderItem, type Auth, type Item, type QuotesFields } from "../../src/protocol/item.ts";
import { fromTypedJson, toTypedJson } from "../../src/protocol/json.ts";
import { NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { pack } from "../../src/protocol/numbers.ts";
import { INSURANCE, REDUCTION_NONCE, MARKET_STATE, RULE, SIDE } from "../../src/protocol/parameters.ts";
import { admitInstruction, type AdmitName } from "../../src/witness/admit.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { epochs, FOREVER, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../priced.ts";
import { compileTemplate, type Circuit, type Inputs } from "./harness.ts";

export type ItemEvent = Extract<Event, { kind: "item" }>;

export const file = "circuits/instructions/admit.circom";
export const DOMAIN = 77n;
export const START = 1_000_000n;
/** From START so many seconds later the prices are still those of the epoch, and one epoch more they count for orders. */
export const AGE = 60n;
/** The last second at which they do. */
export const RECENT = START + 2n * AGE + 1n;
export const PROFILE = {
  depth: 2,
  scenarios: 4,
  feeds: 4,
  maxOpen: 10,
  deposit: 1,
  admit: 3,
  quote: 3,
  clear: 1,
  settle: 1,
  settleRuns: 1,
  fold: 1,
  enforce: 1,
  assume: 1,
};
export const vector = (...values: bigint[]) => Array.from({ length: 16 }, (_, i) => values[i] ?? 0n);
const secretOf = (index: number) => new Uint8Array(32).fill(index + 1);
export const signed = (by: number, item: Item): Auth => {
  const { R8x, R8y, S } = sign(secretOf(by), itemHash(DOMAIN, item));
  return { R8x, R8y, S };
};
export const below = (bits: number) => (1n << BigInt(bits)) - 1n;

/** Markets by slot: an outright, a spread below zero, halted, over, tiny, without prices, in its last second; one of extremes. */
export const [PERP, SPREAD, HALTED, EXPIRED, TINY, UNQUOTED, ENDING, EXTREME] = [
  10n,
  11n,
  12n,
  13n,
  14n,
  15n,
  16n,
  below(32),
];
const EXTREME_SLOT = 15;
export const row: MarketRules = {
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
  until: FOREVER,
  capacity: 400n,
  cancelCapacity: 60n,
  listCapacity: 60n,
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
  listCapacity: below(16),
};
export const rows: MarketRules[] = [
  row,
  { ...row, id: SPREAD, legs: vector(1n, -25n), tick: 7n },
  { ...row, id: HALTED, state: BigInt(MARKET_STATE.halted) },
  { ...row, id: EXPIRED, until: START },
  { ...row, id: TINY, capacity: 1n, cancelCapacity: 1n, listCapacity: 1n },
  { ...row, id: UNQUOTED },
  { ...row, id: ENDING, until: START + 1n },
];
const { epoch, ...pricing } = epochs({ time: START, age: AGE });
/** Charges long and short, and weight, by slot. */
const COSTS: Record<number, [long: bigint, short: bigint, weight: bigint]> = {
  0: [4n, 6n, 1n],
  1: [3n, 1n, 5n],
  [EXTREME_SLOT]: [below(40), below(40) - 1n, 1n],
};
export const rules = rulesOfTests({
  group: { slack: 9n, pricing },
  instruments: INSTRUMENTS_OF_TESTS.map((it, slot) => {
    const [longCharge, shortCharge, weight] = COSTS[slot] ?? [1n, 2n, below(16)];
    return it && { ...it, longCharge, shortCharge, weight };
  }),
  markets: NO_MARKETS.map((free, slot) => rows[slot] ?? (slot === EXTREME_SLOT ? extreme : free)),
});
export const last = (x: bigint) => [...vector().slice(1), x];
const plus = (a: bigint[], b: bigint[]) => a.map((x, i) => x + b[i]);
export const computed = pricesOfTests(rules, {
  values: [
    plus(vector(1_003n, 50n), last(1n << 32n)),
    plus(vector(1_100n, 80n), last((1n << 47n) - 1n)),
    plus(vector(900n, 10n), last(-(1n << 47n))),
    vector(1_003n, 90n),
  ],
  funding: vector(7n, -2n),
  epoch,
});
export const prices = { ...computed, markets: computed.markets.map((quoted, slot) => (slot === 5 ? null : quoted)) };
const LIMIT = { [String(PERP)]: 1_000n, [String(SPREAD)]: -252n, [String(EXTREME)]: 1n << 32n };

/** Accounts by index; what is missing is an empty leaf. */
export const RICH = 1_000_000n;
export const [ALICE, BOB, POOR, BANKRUPT, OVER, AT_LIMIT, LATE, BUSY, SUNK, GRAND, NOBODY, HOLDER, OLD, LAST] = [
  2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];
/** The venue's, with orders open. */
export const OPENED = 0;
export const accounts: Account[] = [];
{
  const open = (index: number, changes: Partial<Account> = {}) => {
    const { x, y } = publicKey(secretOf(index));
    accounts[index] = { ...openAccount({ keyX: x, keyY: y, view: BigInt(index) }), cash: RICH, ...changes };
  };
  const limits = (sign: bigint) => vector().map((_, i) => sign * (i % 2 ? -1n : 1n) * below(48));
  for (const index of [ALICE, BOB]) open(index);
  open(LAST, { flagged: START - 5n, pushedAt: 5n });
  open(OPENED, { open: 3n, reserved: 5_000n });
  open(INSURANCE);
  open(POOR, { cash: 0n });
  open(OVER, { positions: vector(1n << 46n, 1n) });
  // The nonces of one list of quotes are left to it.
  open(AT_LIMIT, { cash: below(99), positions: last(1n << 46n), nonce: REDUCTION_NONCE - 9n });
  open(LATE, { nonce: REDUCTION_NONCE - 2n });
  open(BUSY, { open: BigInt(PROFILE.maxOpen), reserved: 5_000n });
  open(HOLDER, { cash: 0n, positions: vector(3n, -2n) });
  open(OLD, { nonce: (1n << 39n) + 7n });
  open(SUNK, { cash: -below(100), positions: limits(-1n), reserved: below(99) });
  open(GRAND, { cash: below(100), positions: limits(1n), seq: below(60) });
  // It owes so much that what is held is the most there may be.
  const cash = accounts.reduce((sum, account) => sum + account.cash, 0n);
  open(BANKRUPT, { cash: MAX_HELD - cash, positions: vector(3n, -2n), flagged: START - 70n });
}

export class Venue {
  readonly genesis: Genesis;
  matcher: Matcher;
  readonly ledger: Ledger;
  time = START;
  /** @param slots  of one instruction */
  constructor(slots = PROFILE.admit, changes: Partial<Genesis> = {}) {
    const profile = { ...PROFILE, admit: slots, quote: slots };
    this.genesis = { domain: DOMAIN, profile, rules, prices, accounts, time: START, ...changes };
    this.matcher = new Matcher(this.genesis, { view: () => 0n });
    let blind = 0n;
    this.ledger = new Ledger({ ...this.genesis, blind: () => ++blind });
  }

  /** Goes on where so much is held, was kept by haircuts, and is lacking. */
  holding(held: Partial<Held>): this {
    const state = fromTypedJson(new TextDecoder().decode(this.matcher.export()));
    Object.assign(state.held, held);
    const bytes = new TextEncoder().encode(toTypedJson(state));
    this.matcher = Matcher.restore(this.genesis, { view: () => 0n }, bytes);
    Object.assign(this.ledger.state, held);
    return this;
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

  /** Fields of a good list of quotes, of so many orders. */
  quotes(by: number, count: number, changes: Partial<QuotesFields> = {}): QuotesFields {
    const order = this.order(by, changes.market === undefined ? {} : { market: changes.market });
    const { tick } = rules.markets.find((row) => row?.id === order.market) ?? row;
    const orders = Array.from({ length: count }, (_, j) => {
      const side = j % 2 === 0 ? SIDE.buy : SIDE.sell;
      return { side, limit: order.limit + BigInt(j - 3) * tick, size: BigInt(1 + j) };
    });
    return { ...order, orders, ...changes };
  }

  apply(item: Item, auth: Auth): ItemEvent {
    return this.matcher.apply({ kind: "item", time: this.time, item, auth })[0] as ItemEvent;
  }

  instruction(events: readonly ItemEvent[], name: AdmitName = "admit"): InstructionInputs {
    return admitInstruction(this.ledger, name, events);
  }
}

export const flagged = (item: Item, flags: bigint): Item => {
  const zeros = Object.fromEntries(A_COLUMNS.map(({ name }) => [name, 0n]));
  return { ...item, A: item.A + pack(A_COLUMNS, { ...zeros, flags }) };
};

/** One instruction's circuit answers as the reference. */
export function agrees(circuit: Circuit, { inputs, publicInputs }: InstructionInputs): void {
  assert.deepEqual(circuit.publicValues(inputs as Inputs, publicInputs.length), publicInputs);
}

export const { depth, scenarios, admit: SLOTS, maxOpen } = PROFILE;
/** @param orders  most of an item: 1 of `admit`, LIST_ORDERS of `quote` */
export const compiled = (slots = SLOTS, orders = 1) =>
  compileTemplate({ file, template: "Admit", args: [depth, scenarios, slots, maxOpen, orders] });

/** Inputs of an instruction, free to be changed. */
export type Tampered = { [name: string]: any };
