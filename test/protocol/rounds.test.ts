// Goal: a round is a chain. Every instruction begins with the state word that the one before it left, phase is open at
// both ends, and after each round the state word is the one that follows from accounts, books and log alone.
// Method: random rounds over several markets (seed in the name of the test; TACIT_ROUNDS sets their number), through
// matcher, ledger and all six circuits in small sizes; the registers are then computed anew from the matcher's snapshot.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { Event } from "../../src/matcher/events.ts";
import { Matcher, type Command, type Genesis } from "../../src/matcher/matcher.ts";
import { accountLeaf, openAccount, viewKey } from "../../src/protocol/account.ts";
import {
  entryWord,
  fillWord,
  pushCancel,
  pushEntry,
  pushFill,
  tradeWord,
  pushPayout,
  type BookEntry,
  type Cancel,
} from "../../src/protocol/book.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign } from "../../src/protocol/eddsa.ts";
import { INSTRUCTIONS, templateArguments, WITHDRAW_SLOTS } from "../../src/protocol/instructions.ts";
import {
  cancelItem,
  itemHash,
  logHead,
  orderItem,
  quotesItem,
  withdrawalItem,
  type Item,
} from "../../src/protocol/item.ts";
import { NO_MARKETS, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import {
  BITS,
  INSTRUMENTS,
  LIST_ORDERS,
  MARKET_STATE,
  MARKETS,
  PHASE,
  RANK,
  RULE,
} from "../../src/protocol/parameters.ts";
import { pricesRoot } from "../../src/protocol/prices.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { stateWord, type State } from "../../src/protocol/state.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { pushDeposit } from "../../src/witness/deposit.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import { compileTemplate, type Circuit } from "../circuits/harness.ts";
import { epochs, FOREVER, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../priced.ts";

const PROFILE = {
  depth: 2,
  scenarios: 4,
  feeds: 4,
  maxOpen: 10,
  deposit: 2,
  admit: 3,
  quote: 3,
  clear: 6,
  settle: 3,
  settleRuns: 2,
  fold: 2,
  enforce: 2,
  assume: 2,
};
const DOMAIN = 77n;
const START = 1_000_000n;
const INTERVAL = 10n;
const TRADERS = 10;
const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);

const row: MarketRules = {
  id: 10n,
  legs: vector(1n),
  tick: 5n,
  lotLimit: 100n,
  band: 100n,
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
/** By slot: two auctions, of an outright and of a spread below zero; a cross; one that is halted; one that ends in round 1. */
const [AUCTION, SPREAD, CROSS, HALTED, ENDING] = [0, 1, 2, 3, 4];
const markets: MarketRules[] = [
  row,
  { ...row, id: 11n, legs: vector(1n, -25n) },
  { ...row, id: 12n, rule: BigInt(RULE.midpoint) },
  { ...row, id: 13n, state: BigInt(MARKET_STATE.halted) },
  { ...row, id: 14n, legs: vector(0n, 20n), until: START + INTERVAL + 5n },
];

const secretOf = (index: number) => new Uint8Array(32).fill(index + 1);
const operatorSecret = secretScalar(secretOf(0));
const operatorKey = publicKey(secretOf(0));
const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
  viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);
/** Each instrument of charges and a weight of its own. */
const instruments = INSTRUMENTS_OF_TESTS.map((it, i) => {
  return it && { ...it, longCharge: BigInt(3 + i), shortCharge: BigInt(7 - (i % 5)), weight: BigInt(1 + 9 * i) };
});
/** Of the last round the prices count for orders alone. */
const { epoch, ...pricing } = epochs({ time: START, age: 2n * INTERVAL });
const rules = rulesOfTests({
  group: { operatorKeyX: operatorKey.x, operatorKeyY: operatorKey.y, slack: 13n, pricing },
  instruments,
  markets: NO_MARKETS.map((free, slot) => markets[slot] ?? free),
});
const genesis: Genesis = {
  domain: DOMAIN,
  profile: PROFILE,
  rules,
  prices: pricesOfTests(rules, {
    values: [vector(1_003n, 50n), vector(1_100n, 80n), vector(900n, 10n), vector(1_003n, 90n)],
    funding: vector(7n),
    epoch,
  }),
  accounts: [0, 1].map((index) => {
    const { x, y } = publicKey(secretOf(index));
    return openAccount({ keyX: x, keyY: y, view: view({ keyX: x, keyY: y }, index) });
  }),
  time: START,
};

/** What a reader of the log knows: the heads of all chains that only grow. */
interface Heads {
  log: bigint;
  logCount: bigint;
  clock: bigint;
  deposits: bigint;
  fills: bigint;
  payouts: bigint;
}

function follow(heads: Heads, event: Event): void {
  if (event.kind === "settle") return;
  const rank = event.kind === "clear" && event.command === "close" ? RANK.close(event.slot) : RANK.other;
  heads.log = logHead(heads.log, DOMAIN, event.entry);
  heads.logCount++;
  heads.clock = 32n * event.entry.time + BigInt(rank);
  if (event.kind === "deposits")
    for (const { deposit } of event.credits) heads.deposits = pushDeposit(heads.deposits, deposit);
  if (event.kind === "item" && event.admission.payout !== undefined)
    heads.payouts = pushPayout(heads.payouts, event.admission.payout);
  if (event.kind === "clear")
    for (const { outcome, trade } of event.sweeps)
      for (const fill of outcome.fills) heads.fills = pushFill(heads.fills, fillWord(fill), tradeWord(trade));
}

interface Snapshot {
  book: BookEntry[];
  admitted: BookEntry[];
  cancels: Cancel[];
  lists: number;
}

/** Registers of a venue at rest. */
function registers(matcher: Matcher, heads: Heads, blind: bigint): State {
  const text = new TextDecoder().decode(matcher.export());
  const revive = (_: string, value: unknown) =>
    typeof value === "string" && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
  const slots = JSON.parse(text, revive).markets as Snapshot[];
  const tree = new Tree(PROFILE.depth);
  matcher.accounts.forEach((account, index) => tree.set(index, accountLeaf(account)));
  const entries = (list: BookEntry[]) => list.map(entryWord).reduce(pushEntry, 0n);
  const held = ({ book, admitted, cancels, lists }: Snapshot) =>
    [book.length + admitted.length, cancels.length - lists, lists].reduce(
      (sum, number, i) => sum + (BigInt(number) << BigInt(i * BITS.count)),
      0n,
    );
  assert.equal(slots.length, MARKETS);
  return {
    domain: DOMAIN,
    phase: 0n,
    published: 0n,
    rules: rulesRoot(rules),
    prices: pricesRoot(genesis.prices),
    accounts: tree.root,
    accountCount: BigInt(matcher.accounts.length),
    logHead: heads.log,
    logCount: heads.logCount,
    clock: heads.clock,
    deposits: heads.deposits,
    inbox: 0n,
    holders: vectorHash(
      vector().map((_, i) => BigInt(matcher.accounts.filter(({ positions }) => positions[i] !== 0n).length)),
    ),
    // Of fees a part is on its way to the insurance account.
    vault: matcher.accounts.reduce((sum, { cash }) => sum + cash, matcher.share >> 16n),
    relief: 0n,
    deficit: 0n,
    blind,
    books: vectorHash(slots.map(({ book }) => entries(book))),
    admitted: vectorHash(slots.map(({ admitted }) => entries(admitted))),
    cancels: vectorHash(slots.map(({ cancels }) => cancels.reduce(pushCancel, 0n))),
    counts: vectorHash(slots.map(held)),
    sweep: 0n,
    fees: 0n,
    share: matcher.share,
    fillsPut: heads.fills,
    fillsTaken: heads.fills,
    payoutsPut: heads.payouts,
    payoutsTaken: heads.payouts,
    dirtyPut: 0n,
    dirtyTaken: 0n,
  };
}

/** Items of traders at `time`, most of them good. */
function randomItem(random: Random, matcher: Matcher, time: bigint): Command {
  const chance = (p: number) => random.unit() < p;
  const by = random.integer(2, 1 + TRADERS);
  const slot = random.pick([AUCTION, AUCTION, AUCTION, AUCTION, CROSS, CROSS, SPREAD, HALTED, ENDING]);
  const common = {
    market: markets[slot].id,
    account: BigInt(by),
    nonce: matcher.accounts[by].nonce + BigInt(chance(0.95) ? 1 : 0),
    validUntil: time,
    salt: random.bits(248),
  };
  const own = matcher.book(slot).filter(({ account }) => account === by);
  const kind = random.unit();
  let item: Item;
  if (kind < 0.12) item = cancelItem({ ...common, target: chance(0.5) ? own[0]?.nonce : undefined });
  else if (kind < 0.18) {
    item = withdrawalItem({ ...common, recipient: random.bits(160), amount: BigInt(random.integer(1, 900)) });
  } else {
    const { mark } = genesis.prices.markets[slot]!;
    const near = () => mark + 5n * BigInt(random.integer(-2, 2));
    const limit = near();
    const expiry = time + BigInt(random.integer(0, 40));
    const [side, size] = [random.integer(0, 1), BigInt(random.integer(1, 9))];
    const replaces = own[0] && chance(0.3) ? own[0].nonce : 0n;
    if (chance(0.3)) {
      const orders = Array.from({ length: random.integer(1, LIST_ORDERS) }, () => {
        return { side: random.integer(0, 1), limit: near(), size: BigInt(random.integer(1, 4)) };
      });
      item = quotesItem({ ...common, orders, expiry });
    } else item = orderItem({ ...common, side, limit, size, expiry, replaces, thisAuction: chance(0.2) });
  }
  const { R8x, R8y, S } = sign(secretOf(chance(0.95) ? by : by + 1), itemHash(DOMAIN, item));
  return { kind: "item", time, item, auth: { R8x, R8y, S } };
}

/** Deposits that open accounts 2 to 1 + TRADERS. */
function* funding(time: bigint): Generator<Command> {
  for (let i = 0; i < TRADERS; i += PROFILE.deposit)
    yield {
      kind: "deposits",
      time,
      deposits: Array.from({ length: PROFILE.deposit }, (_, j) => {
        const { x: keyX, y: keyY } = depositKey(publicKey(secretOf(2 + i + j)));
        return { keyX, keyY, index: 2 + i + j, amount: 100_000n };
      }),
    };
}

/** A venue with the readers of its log. */
function open() {
  const matcher = new Matcher(genesis, { view });
  let blind = 0n;
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  const builder = new RoundBuilder(ledger, { accounts: genesis.accounts, operatorSecret });
  const heads: Heads = { log: 0n, logCount: 0n, clock: 32n * START, deposits: 0n, fills: 0n, payouts: 0n };
  /** The instructions of one round. */
  const run = (commands: Iterable<Command>): InstructionInputs[] => {
    for (const command of commands)
      for (const event of matcher.apply(command)) {
        builder.add(event);
        follow(heads, event);
      }
    return builder.close();
  };
  const expected = () => stateWord(registers(matcher, heads, ledger.state.blind));
  return { matcher, ledger, run, expected };
}

/** One round: deposits or none, items, and at the end of the interval a command for some of the markets. */
function* randomRound(random: Random, matcher: Matcher, round: number): Generator<Command> {
  const end = START + INTERVAL * BigInt(round + 1);
  let time = end - INTERVAL + 1n;
  if (round === 0) yield* funding(time);
  for (let i = random.integer(12, 18); i > 0; i--) {
    if (random.unit() < 0.3 && time < end - 2n) time++;
    yield randomItem(random, matcher, time);
  }
  if (random.unit() < 0.5) yield { kind: "close", time: end - 1n, slot: AUCTION };
  for (const slot of [AUCTION, SPREAD, CROSS, HALTED, ENDING])
    if (slot === AUCTION || random.unit() < 0.7) yield { kind: "close", time: end, slot };
  if (random.unit() < 0.5) yield { kind: "purge", time: end, slot: random.pick([AUCTION, CROSS, HALTED, 9]) };
  for (let i = random.integer(0, 2); i > 0; i--) yield randomItem(random, matcher, end);
}

describe("protocol/rounds", () => {
  const circuits = new Map<string, Circuit>();
  before(async () => {
    for (const { name, template } of INSTRUCTIONS) {
      // They write no chain, and have rounds of their own.
      if (name === "reprice" || name === "configure" || name === "fold") continue;
      const file = `circuits/instructions/${template.toLowerCase()}.circom`;
      circuits.set(name, await compileTemplate({ file, template, args: templateArguments(name, PROFILE) }));
    }
  });

  /** Proves the round, as a verifier sees it. @returns how many clears went on where fills waited */
  function check(before: bigint, instructions: readonly InstructionInputs[]): number {
    let [word, phase, joined] = [before, 0n, 0];
    for (const { name, inputs, publicInputs } of instructions) {
      const shown = circuits.get(name)!.publicValues(inputs, publicInputs.length);
      assert.deepEqual(shown, [...publicInputs], name);
      const [state, stateAfter, phaseAfter] = publicInputs;
      assert.equal(state, word, `${name} begins where the one before it ended`);
      const clearing = name === "auction" || name === "midpoint";
      const at = Number(phase);
      const settles = name === "settle" || name === "settleRuns";
      if (at === PHASE.open) assert.equal(settles, false);
      else if (at === PHASE.paying) assert.equal(name, "withdraw");
      else assert.equal(clearing || (at === PHASE.settling && settles), true, `${name} in phase ${at}`);
      if (clearing && at === PHASE.settling) joined++;
      [word, phase] = [stateAfter, phaseAfter];
    }
    assert.equal(phase, 0n, "a round ends in phase open");
    return joined;
  }

  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 1); seed++)
    it(`three random rounds through all circuits, TACIT_SEED=${seed}`, () => {
      const random = new Random(seed);
      const { matcher, ledger, run, expected } = open();
      const used = new Set<string>();
      let joined = 0;
      for (let round = 0; round < 3; round++) {
        const before = ledger.word;
        const instructions = run(randomRound(random, matcher, round));
        joined += check(before, instructions);
        for (const { name } of instructions) used.add(name);
        assert.equal(ledger.word, expected(), `round ${round}`);
      }
      for (const name of ["deposit", "quote", "auction", "settle"]) assert.ok(used.has(name), `no ${name}`);
      assert.ok(joined > 0, "fills of several clears are settled together");
    });

  it("more payouts than one proof makes public, and a round of nothing but a command", () => {
    const { ledger, run, expected } = open();
    check(ledger.word, run(funding(START + 1n)));
    const start = ledger.word;
    const payouts = Array.from({ length: WITHDRAW_SLOTS + 1 }, (_, i): Command => {
      const fields = { account: BigInt(2 + i), nonce: 1n, recipient: BigInt(i), amount: 5n, validUntil: START + 9n };
      const item = withdrawalItem({ ...fields, salt: 1n });
      const { R8x, R8y, S } = sign(secretOf(2 + i), itemHash(DOMAIN, item));
      return { kind: "item", time: START + 2n, item, auth: { R8x, R8y, S } };
    });
    const paid = run(payouts);
    assert.equal(paid.filter(({ name }) => name === "withdraw").length, 2);
    check(start, paid);
    const between = ledger.word;
    const nothing = run([{ kind: "close", time: START + INTERVAL, slot: 9 }]);
    assert.deepEqual(
      nothing.map(({ name }) => name),
      ["auction"],
    );
    check(between, nothing);
    assert.equal(ledger.word, expected());
  });
});
