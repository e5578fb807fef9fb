/** What the tests of Clear and Settle share: markets of every kind, random books, and the events of one command. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import type { Random } from "../../src/replay/random.ts";
import type { Event, Sweep } from "../../src/matcher/events.ts";
import { openAccount, type Account } from "../../src/protocol/account.ts";
import {
  entryWord,
  fillWord,
  pushCancel,
  pushEntry,
  pushFill,
  tradeWord,
  type BookEntry,
  type Cancel,
} from "../../src/protocol/book.ts";
import { sweepSlots, mayMatch, sweep } from "../../src/protocol/clearing.ts";
import { commandItem, logHead } from "../../src/protocol/item.ts";
import { NO_MARKETS, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { reservation } from "../../src/protocol/margin.ts";
import { max } from "../../src/protocol/numbers.ts";
import { BITS, INSTRUMENTS, MARKET_STATE, MARKETS, PHASE, RANK, RULE } from "../../src/protocol/parameters.ts";
import { epochAt, pricesFresh, type Prices } from "../../src/protocol/prices.ts";
import type { State } from "../../src/protocol/state.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { epochs, FOREVER, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../priced.ts";
import type { Circuit } from "./harness.ts";

export type ClearEvent = Extract<Event, { kind: "clear" }>;

export const PROFILE = {
  depth: 2,
  scenarios: 4,
  feeds: 4,
  maxOpen: 32,
  deposit: 1,
  admit: 1,
  quote: 1,
  clear: 6,
  settle: 3,
  settleRuns: 2,
  fold: 1,
  enforce: 1,
  assume: 1,
};
export const START = 1_000_000n;
export const INTERVAL = 10n;
/** From START so many seconds later the prices are still those of the epoch. */
export const AGE = 60n;
export const TICK = 5n;
export const [AUCTION, MIDPOINT, HALTED, EXPIRED, UNQUOTED, SPREAD, EXTREME, EXPIRED_CROSS, ENDING, FREE] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 15,
];

const below = (bits: number) => (1n << BigInt(bits)) - 1n;
export const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
const row: MarketRules = {
  id: 1n,
  legs: vector(1n),
  tick: TICK,
  lotLimit: 100n,
  band: 40n,
  feeRate: 1_001n,
  feePerLot: 1n,
  rhoMin: 1n,
  rule: BigInt(RULE.auction),
  interval: INTERVAL,
  state: BigInt(MARKET_STATE.open),
  until: FOREVER,
  capacity: 400n,
  cancelCapacity: 60n,
  listCapacity: 60n,
};
const markets: MarketRules[] = [
  row,
  { ...row, rule: BigInt(RULE.midpoint) },
  { ...row, state: BigInt(MARKET_STATE.halted) },
  { ...row, until: START },
  row,
  { ...row, legs: vector(1n, -25n) },
  {
    ...row,
    legs: vector(0n, 0n, 127n),
    tick: 1n,
    lotLimit: below(32),
    band: below(40),
    feeRate: 1_000_000n,
    feePerLot: below(BITS.feePerLot),
    interval: below(32),
  },
  { ...row, rule: BigInt(RULE.midpoint), until: START },
  { ...row, until: START + 1n },
];
const { epoch, ...pricing } = epochs({ time: START, age: AGE });
export const rules = rulesOfTests({
  group: { pricing },
  instruments: INSTRUMENTS_OF_TESTS.map((it, i) => {
    return it && { ...it, longCharge: i === 2 ? below(BITS.charge) : BigInt(3 + i), shortCharge: BigInt(5 - (i % 3)) };
  }),
  markets: NO_MARKETS.map((free, slot) => (markets[slot] ? { ...markets[slot], id: BigInt(10 + slot) } : free)),
});
const computed = pricesOfTests(rules, {
  values: [
    vector(1_003n, 50n, 1n << 32n),
    vector(1_100n, 80n, (1n << 47n) - 1n),
    vector(900n, 10n, -(1n << 47n)),
    vector(1_003n, 90n),
  ],
  funding: vector(7n, -2n, -3n),
  epoch,
});
export const prices: Prices = {
  ...computed,
  markets: computed.markets.map((quoted, slot) => (slot === UNQUOTED ? null : quoted)),
};

/** A market before a CLOSE or PURGE. */
export interface Situation {
  slot: number;
  command: "close" | "purge";
  time: bigint;
  book: BookEntry[];
  admitted: BookEntry[];
  cancels: Cancel[];
  prices: Prices;
}

export const chainOf = {
  entries: (entries: readonly BookEntry[]) => entries.map(entryWord).reduce(pushEntry, 0n),
  cancels: (cancels: readonly Cancel[]) => cancels.reduce(pushCancel, 0n),
};

/** A ledger whose market is in the situation; other markets hold something, too. */
export function ledgerOf(
  situation: Situation,
  accounts: readonly Account[] = [1n, 2n].map(account),
  profile = PROFILE,
): Ledger {
  const { slot, book, admitted, cancels, prices: quoted } = situation;
  let blind = 1_000n;
  const genesis = { profile, domain: 77n, rules, prices: quoted, accounts, time: START - 1n };
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  const { vectors } = ledger;
  for (let other = 0; other < MARKETS; other++) {
    vectors.books[other] = BigInt(100 + other);
    vectors.admitted[other] = BigInt(200 + other);
    vectors.cancels[other] = BigInt(300 + other);
    vectors.counts[other] = BigInt(400 + other);
  }
  vectors.books[slot] = chainOf.entries(book);
  vectors.admitted[slot] = chainOf.entries(admitted);
  vectors.cancels[slot] = chainOf.cancels(cancels);
  vectors.counts[slot] = BigInt(book.length + admitted.length) + (BigInt(cancels.length) << BigInt(BITS.count));
  ledger.state = { ...ledger.state, ...registersOf(ledger), fillsPut: 55n, fillsTaken: 55n };
  return ledger;
}

function registersOf({ vectors: { books, admitted, cancels, counts } }: Ledger): Partial<State> {
  return {
    books: vectorHash(books),
    admitted: vectorHash(admitted),
    cancels: vectorHash(cancels),
    counts: vectorHash(counts),
  };
}

export function account(view: bigint): Account {
  return openAccount({ keyX: 5n, keyY: view, view });
}

/** What the command does, by src/protocol/clearing.ts. */
export function clearEvent(situation: Situation): ClearEvent {
  const { slot, command, time, cancels, prices: quotes } = situation;
  const [terms, quoted] = [rules.markets[slot], quotes.markets[slot]];
  const fresh = pricesFresh(quotes, rules.group.pricing, prices.rules, time);
  const may = command === "close" && mayMatch(terms, quoted, fresh, time);
  const sweeps: Sweep[] = [];
  let [pending, book, admitted]: [readonly Cancel[], readonly BookEntry[], readonly BookEntry[]] = [
    cancels,
    situation.book,
    situation.admitted,
  ];
  do {
    const taken = pending.slice(0, sweepSlots(pending).length);
    pending = pending.slice(taken.length);
    const match = may && pending.length === 0;
    const entries = [...book, ...admitted];
    const outcome = sweep({ rules: terms, prices: quoted, match, cancels: taken, time, entries });
    const trade = { slot, price: outcome.price, funding: match ? quoted!.funding : 0n };
    sweeps.push({ match, cancels: taken, book, admitted, outcome, trade });
    [book, admitted] = [outcome.book, []];
  } while (pending.length > 0);
  return { kind: "clear", entry: { item: commandItem(command, slot), time }, command, slot, sweeps };
}

/** Registers after the command, from those before it and the event alone; `blind` is left as it was. */
export function registersAfter(before: Ledger, { entry, command, slot, sweeps }: ClearEvent): State {
  const { state, vectors } = before;
  const { book } = sweeps.at(-1)!.outcome;
  const put = (values: readonly bigint[], value: bigint) => vectorHash(values.map((v, i) => (i === slot ? value : v)));
  const fills = sweeps.flatMap(({ outcome, trade }) => outcome.fills.map((fill) => [fillWord(fill), tradeWord(trade)]));
  const rank = command === "close" ? RANK.close(slot) : RANK.other;
  return {
    ...state,
    logHead: logHead(state.logHead, state.domain, entry),
    logCount: state.logCount + 1n,
    clock: 32n * entry.time + BigInt(rank),
    books: put(vectors.books, chainOf.entries(book)),
    admitted: put(vectors.admitted, 0n),
    cancels: put(vectors.cancels, 0n),
    counts: put(vectors.counts, BigInt(book.length)),
    fillsPut: fills.reduce((head, [fill, trade]) => pushFill(head, fill, trade), state.fillsPut),
    phase: fills.length > 0 ? BigInt(PHASE.settling) : state.phase,
  };
}

/** A copy of the inputs, free to be changed. */
export function inputsOf(instruction: InstructionInputs): any {
  return structuredClone(instruction.inputs);
}

export function order(fields: Partial<BookEntry> & { side: number; limit: bigint; remaining: bigint }): BookEntry {
  return { account: 2, nonce: 1n, rho: 1n << 40n, expiry: START + 1_000n, thisAuction: false, ...fields };
}

export function randomSituation(random: Random): Situation {
  const chance = (p: number) => random.unit() < p;
  const slot = random.pick([AUCTION, AUCTION, AUCTION, MIDPOINT, MIDPOINT, SPREAD, HALTED, EXPIRED, EXPIRED_CROSS, ENDING, UNQUOTED, EXTREME, FREE]); // prettier-ignore
  const terms = rules.markets[slot];
  const interval = terms?.interval ?? INTERVAL;
  const onTime =
    slot === EXTREME
      ? interval * (START / interval + BigInt(random.integer(1, 200)))
      : START + random.pick([0n, 0n, AGE]);
  const time = chance(0.85) ? onTime : onTime + BigInt(random.integer(1, 9));
  const made = {
    epoch: epochAt(rules.group.pricing, time) + (chance(0.8) ? 0n : random.pick([-1n, 1n])),
    halted: chance(0.05),
    rules: chance(0.95) ? prices.rules : 1n,
  };
  const quotes = { ...prices, ...made };
  const entries = randomEntries(random, slot, time, random.pick([0, 1, 5, 6, 7, 12, random.integer(0, 20)]));
  const split = random.pick([0, entries.length, random.integer(0, entries.length)]);
  const count = random.pick([0, 0, 0, 2, 16, 64, 65, random.integer(0, 140)]);
  const some = (): Cancel => ({
    account: random.integer(2, 5),
    nonce: BigInt(random.integer(1, 30)),
    all: chance(0.1),
  });
  return {
    slot,
    command: chance(0.85) ? "close" : "purge",
    time,
    book: entries.slice(0, split),
    admitted: entries.slice(split),
    cancels: increasing(Array.from({ length: count }, some)),
    prices: quotes,
  };
}

/** All-cancels of an account name rising nonces, as their own nonces rise. */
function increasing(cancels: Cancel[]): Cancel[] {
  const last = new Map<number, bigint>();
  return cancels.map((cancel) => {
    if (!cancel.all) return cancel;
    const nonce = max(cancel.nonce, (last.get(cancel.account) ?? 0n) + 1n);
    last.set(cancel.account, nonce);
    return { ...cancel, nonce };
  });
}

/** Orders as admission leaves them; some whose reservation or limit the prices have overtaken, some expired. */
function randomEntries(random: Random, slot: number, time: bigint, count: number): BookEntry[] {
  const chance = (p: number) => random.unit() < p;
  const [terms, quoted] = [rules.markets[slot], prices.markets[slot]];
  const extreme = slot === EXTREME;
  return Array.from({ length: count }, (_, i) => {
    const side = random.integer(0, 1);
    const spread = BigInt(chance(0.1) ? random.integer(-10, 10) : random.integer(-3, 3));
    const mark = quoted?.mark ?? 0n;
    const far = random.pick([-(1n << 40n), (1n << 40n) - 1n]);
    const limit = extreme && chance(0.3) ? far : mark + spread * (terms?.tick ?? 1n);
    const worst = terms && quoted ? reservation(terms, quoted, random.pick([0n, 0n, 9n]), side, limit) : 1n;
    const rho = max(0n, worst - (chance(0.1) ? 1n : 0n));
    return {
      account: random.integer(2, 5),
      nonce: BigInt(1 + i),
      side,
      limit,
      remaining: extreme && chance(0.7) ? below(32) - BigInt(random.integer(0, 1)) : BigInt(random.integer(1, 9)),
      rho: rho >> BigInt(BITS.rho) === 0n ? rho : below(BITS.rho),
      expiry: chance(0.1) ? time - 1n : time + BigInt(random.integer(0, 1)),
      thisAuction: chance(0.15),
    };
  });
}

/** The rule that refuses these inputs: its template and its line in the source; null where they have a witness. */
export function refusal(circuit: Circuit, inputs: InstructionInputs["inputs"]): string | null {
  try {
    circuit.witness(inputs);
    return null;
  } catch (error) {
    const { message } = error as Error;
    assert.match(message, /Assert Failed/);
    const [, template, line] = /Error in template (\w+?)_\d+ line: (\d+)/.exec(message)!;
    const folders = ["instructions", "lib"].map((name) => join(import.meta.dirname, "../../circuits", name));
    const sources = folders.flatMap((folder) =>
      fs.readdirSync(folder).map((name) => fs.readFileSync(join(folder, name), "utf8")),
    );
    const source = sources.find((text) => text.includes(`template ${template}(`))!;
    return `${template}: ${source.split("\n")[Number(line) - 1].trim()}`;
  }
}
