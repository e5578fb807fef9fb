// Goal: no witness of Admit proves another verdict, another effect or another log.
// Method: forged witnesses of AdmitSlot, in which one signal is pinned to the cheat and all that follows is computed anew, so
// that only the rule that binds it is broken: each verdict both ways, then each effect; and every register left alone.
import assert from "node:assert/strict";
import { accountLeaf, type Account } from "../../src/protocol/account.ts";
import { admit } from "../../src/protocol/admission.ts";
import { verify } from "../../src/protocol/eddsa.ts";
import {
  cancelItem,
  decodeItem,
  itemHash,
  listHash,
  orderItem,
  quotesItem,
  withdrawalItem,
  type LogEntry,
} from "../../src/protocol/item.ts";
import { fee, NO_MARKETS } from "../../src/protocol/market.ts";
import { KIND, REDUCTION_NONCE, LIST_ORDERS, NONCE_WINDOW, type Verdict } from "../../src/protocol/parameters.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { admitInstruction, type AdmitName } from "../../src/witness/admit.ts";
import { accountSignals, Ledger } from "../../src/witness/ledger.ts";
import { epochs, groupOfTests, INSTRUMENTS_OF_TESTS, pricesOfTests, rulesOfTests } from "../priced.ts";
import { compileTemplate, type Circuit, type Inputs } from "./harness.ts";
import { quotient } from "./r1cs.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";
import {
  accounts,
  AGE,
  ALICE,
  BOB,
  depth,
  DOMAIN,
  file,
  flagged,
  maxOpen,
  PROFILE,
  row,
  scenarios,
  signed,
  SPREAD,
  START,
  type Tampered,
  vector,
  Venue,
} from "./admission.ts";

const { epoch: EPOCH, ...pricing } = epochs({ time: START, age: AGE });

/** A market, a trader, an item and all else that a verdict depends on, good and easy to break. */
function fixture(kind: "order" | "quotes" | "cancel" | "all" | "withdrawal" = "order") {
  const account: Account = { ...accounts[ALICE], seq: 4n, cash: 100_000n, nonce: 6n, reserved: 500n, open: 1n, flagged: 70n, pushedAt: 80n }; // prettier-ignore
  return {
    kind,
    row: { ...row, capacity: 8n, cancelCapacity: 3n, listCapacity: 3n },
    account,
    /** as many as leave room for what the item brings */
    entries: kind === "quotes" ? 3n : 7n,
    cancels: 2n,
    lists: 2n,
    /** of what is held, beside cash: so that prices count for who withdraws */
    epoch: EPOCH,
    halted: false,
    underOthers: false,
    stale: 0n,
    quoted: true,
    slack: 9n,
    /** long and short, of the first two instruments */
    charges: [4n, 6n] as [bigint, bigint],
    weight: 3n,
    vault: 1n << 90n,
    relief: 0n,
    deficit: 0n,
    /** index of the account, whose key is Alice's */
    index: ALICE,
    order: { ...new Venue().order(ALICE), nonce: 7n, replaces: 5n, account: BigInt(ALICE) },
    /** of a list of quotes, which has five: the rest of its eight is not used */
    orders: new Venue().quotes(ALICE, 5).orders.map((order) => ({ ...order })),
    amount: 300n,
    flags: 0n,
    /** added to the words */
    beyondA: 0n,
    beyondB: 0n,
    signed: true,
  };
}
type Fixture = ReturnType<typeof fixture>;

/** From its second on a flag is young, then it counts and the account is in liquidation. */
const { grace: GRACE, slope, hold } = groupOfTests().defaults;
const LASTS = 2n * slope + hold;
const SINCE = START - GRACE;

/** In liquidation, with an order that gains: one unit is missing where its one lot is worth less. */
function sinks(f: Fixture, flagged = SINCE): void {
  f.order.limit = 850n;
  f.account = { ...f.account, flagged, positions: vector(1n), cash: f.account.reserved - 893n + f.charges[0] - 1n };
}
/** A withdrawal while half of it is there, which says that less is accepted. */
function cut(f: Fixture): Fixture {
  return Object.assign(f, { kind: "withdrawal", amount: 301n, flags: 1n, vault: 1_000n, relief: 50n, deficit: 1_050n });
}

/** Inputs of AdmitSlot(1, 2, 10, 1) or (1, 2, 10, 8), and the signals and effects of the reference. The market is in slots 0 and, twin, 1. */
function slotOfFixture(f: Fixture, name: AdmitName = f.kind === "quotes" ? "quote" : "admit") {
  const profile = { ...PROFILE, depth: 1, scenarios: 2, admit: 1, quote: 1 };
  const twin = { ...row, capacity: 8n, cancelCapacity: 3n, listCapacity: 3n, id: SPREAD };
  const [longCharge, shortCharge] = f.charges;
  const rules = rulesOfTests({
    group: { scenarios: 2, slack: f.slack, pricing },
    instruments: INSTRUMENTS_OF_TESTS.map((it, i) => {
      return it && i < 2 ? { ...it, longCharge, shortCharge, weight: i === 1 ? f.weight : 1n } : it;
    }),
    markets: NO_MARKETS.map((free, slot) => [f.row, twin][slot] ?? free),
  });
  const values = [vector(1_003n, 20n), vector(900n, 10n)];
  const stale = vector().map((_, i) => (f.stale >> BigInt(i)) % 2n === 1n);
  const made = { epoch: f.epoch, halted: f.halted, stale, ...(f.underOthers ? { rules: 5n } : {}) };
  const all = pricesOfTests(rules, { values, funding: vector(7n), ...made });
  const prices = { ...all, markets: all.markets.map((quoted, slot) => (slot === 0 && !f.quoted ? null : quoted)) };
  const held = [accounts[0], accounts[1], accounts[ALICE], accounts[BOB]].with(f.index, f.account);
  const genesis = { profile, domain: DOMAIN, rules, prices, accounts: held, time: START, blind: () => 5n };
  const ledger = new Ledger(genesis);
  const before = { vault: f.vault, relief: f.relief, deficit: f.deficit };
  Object.assign(ledger.state, before);
  ledger.vectors.counts[0] = f.entries + (f.cancels << 16n) + (f.lists << 32n);
  const order = { ...f.order, account: BigInt(f.index) };
  const good =
    f.kind === "order"
      ? orderItem(order)
      : f.kind === "withdrawal"
        ? withdrawalItem({ ...order, recipient: 0xabcn, amount: f.amount })
        : f.kind === "quotes"
          ? quotesItem({ ...order, orders: f.orders })
          : cancelItem({ ...order, target: f.kind === "cancel" ? order.replaces : undefined });
  const bent = flagged(good, f.flags);
  const [first, ...others] = bent.list ?? [];
  const list = bent.list && [first + f.beyondB, ...others];
  const words = { A: bent.A + f.beyondA, B: list ? listHash(list) : bent.B + f.beyondB, salt: bent.salt };
  const item = list ? { ...words, list } : words;
  const auth = signed(f.signed ? ALICE : BOB, item);
  const entry: LogEntry = { item, auth, time: START };
  const key = { x: f.account.keyX, y: f.account.keyY };
  const context = {
    rules,
    rulesInForce: rulesRoot(rules),
    prices,
    held: before,
    entries: NO_MARKETS.map((_, slot) => (slot === 0 ? Number(f.entries) : 0)),
    cancels: NO_MARKETS.map((_, slot) => (slot === 0 ? Number(f.cancels) : 0)),
    lists: NO_MARKETS.map((_, slot) => (slot === 0 ? Number(f.lists) : 0)),
    maxOpen: profile.maxOpen,
    account: f.account,
    signed: verify(key, itemHash(DOMAIN, item), auth),
    time: START,
  };
  const admission = admit(context, decodeItem(item));
  const account = { index: f.index, before: f.account, after: admission.account ?? f.account };
  const paid = (admission.payout ?? 0n) >> 160n;
  const kept = admission.payout === undefined ? 0n : f.amount - paid;
  const after = { ...before, vault: f.vault - paid, relief: f.relief + kept };
  const start = ledger.state;
  const payout = ledger.state.payoutsPut;
  const { inputs } = admitInstruction(ledger, name, [
    { kind: "item", entry, sequence: 0, admission, account, held: after },
  ]);
  const read = inputs as Tampered;
  const shared = ["ids", "rulesRows", "longCharges", "shortCharges", "weights", "pricesRows", "values", "admitted", "cancels", "counts"]; // prettier-ignore
  const own = ["A", "words", "salt", "R8x", "R8y", "siblings"];
  // Where the item names none, the account and the rows are those that the cheat would use.
  const slot: Tampered = {
    ...Object.fromEntries(shared.map((name) => [name, read[name]])),
    ...Object.fromEntries(own.map((name) => [name, read[name][0]])),
    active: 1n,
    domain: DOMAIN,
    sigS: auth.S,
    time: START,
    slack: f.slack,
    grace: GRACE,
    lasts: LASTS,
    deficit: f.deficit,
    made: {
      inForce: start.rules,
      epochLength: pricing.epochLength,
      lag: pricing.lag,
      under: prices.rules,
      epoch: prices.epoch,
      halted: prices.halted ? 1n : 0n,
    },
    stale: stale.map((it) => (it ? 1n : 0n)),
    account: accountSignals(f.account) as Tampered,
    leaf: accountLeaf(f.account),
    row: ledger.rulesRow(0) as Tampered,
    quoted: new Ledger({ ...genesis, prices: all }).pricesRow(0) as Tampered,
    weighted: new Ledger({ ...genesis, prices: all }).weighted(0),
    accounts: start.accounts,
    vault: start.vault,
    relief: start.relief,
    logged: { head: start.logHead, count: start.logCount, clock: start.clock },
    payoutsPut: payout,
  };
  const { state, vectors } = ledger;
  const outputs = [
    state.accounts,
    state.vault,
    state.relief,
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

/** That the values of a lot are those of the market's row. */
const VALUES = "quotedGiven * (weightedHash - quoted.values) === 0";

describe("circuits/instructions/admit: forged witnesses", () => {
  remembersHashes();
  let circuits: Record<AdmitName, Circuit>;
  before(async () => {
    const slot = (orders: number) =>
      compileTemplate({ file, template: "AdmitSlot", args: [1, 2, maxOpen, orders], optimise: false });
    circuits = { admit: await slot(1), quote: await slot(LIST_ORDERS) };
  });
  const circuitOf = (kind: Fixture["kind"]) => circuits[kind === "quotes" ? "quote" : "admit"];
  /** @param reaches  what the cheat gains */
  const refuse = (
    inputs: Inputs,
    pinned: Record<string, bigint>,
    reaches: Record<string, bigint> = {},
    rule?: string,
    follows?: Record<string, string>,
    circuit = circuits.admit,
  ) => {
    const forged = circuit.refuses(inputs, pinned, rule, follows);
    for (const [name, value] of Object.entries(reaches)) assert.equal(circuit.read(name, forged), value, name);
  };

  const KINDS = ["order", "cancel", "all", "withdrawal"] as const;
  for (const [kind, name] of [
    ...KINDS.map((kind) => [kind, "admit"] as const),
    ...[...KINDS, "quotes" as const].map((kind) => [kind, "quote"] as const),
  ])
    it(`a good ${kind} in ${name}: the honest witness satisfies, and computed anew it is the same`, () => {
      const circuit = circuits[name];
      const { inputs, outputs, admission } = slotOfFixture(fixture(kind), name);
      assert.equal(admission.verdict, "admitted");
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      assert.equal(circuit.satisfies(honest), true);
      assert.deepEqual(circuit.solveForged(inputs, {}), honest);
    });

  /** For each rule: how an order breaks it, and the signals that decide it, with their values where the rule holds. */
  const RULES: Record<
    Exclude<Verdict, "admitted">,
    [breakRule: (f: Fixture) => void, ...deciding: Record<string, bigint>[]]
  > = {
    malformed: [(f) => (f.beyondA = 1n << 189n), { "item.wellFormed": 1n }, { "item.fits": 1n }],
    unsigned: [(f) => (f.signed = false), { "signature.valid": 1n }, { "signature.equal": 1n }],
    nonce: [(f) => (f.order.nonce = 6n), { nonceGood: 1n }],
    tooLate: [(f) => (f.order.validUntil = START - 1n), { timely: 1n }],
    unknownMarket: [(f) => (f.order.market = 99n), { "at[0]": 1n }],
    badTarget: [(f) => (f.order.replaces = 7n), { earlier: 1n }, { targetGood: 1n }],
    tooManyCancels: [(f) => (f.cancels = 3n), { cancelsFull: 0n }],
    marketNotOpen: [(f) => (f.row.state = 2n), { marketOpen: 1n }, { stateOpen: 1n }],
    offTick: [(f) => (f.order.limit += 1n), { "order[0].onTick": 1n }],
    size: [(f) => (f.order.size = 101n), { "order[0].sizeWithin": 1n }],
    band: [(f) => (f.order.limit += 205n), { "order[0].inBand": 1n }],
    maxFee: [(f) => (f.order.maxFee = 2n), { "order[0].feeWithin": 1n }],
    flags: [(f) => (f.flags = 4n), { flagsGood: 1n }],
    marketFull: [(f) => (f.entries = 8n), { marketFull: 0n }],
    tooManyOpen: [(f) => (f.account = { ...f.account, open: BigInt(maxOpen) }), { tooManyOpen: 0n }],
    positionLimit: [
      (f) => {
        f.weight = 4n;
        f.account = { ...f.account, positions: vector(0n, (1n << 45n) + 1n) };
      },
      { positionsWithin: 1n },
    ],
    pricesNotFresh: [(f) => (f.epoch -= 2n), { "fresh.inNext": 1n }, { "fresh.recent": 1n }, { orderFresh: 1n }],
    margin: [(f) => (f.account = { ...f.account, cash: 500n }), { "margin.out": 1n }],
    inLiquidation: [sinks, { inLiquidation: 0n }],
  };
  /** Of a list of quotes, by its last order where an order is what breaks it. */
  const LIST_RULES: Partial<typeof RULES> = {
    malformed: [(f) => (f.beyondB = 1n << 222n), { "item.wellFormed": 1n }, { "item.fits": 1n }, { "item.beyond": 0n }],
    unsigned: RULES.unsigned,
    nonce: [
      (f) => {
        f.order.nonce = REDUCTION_NONCE - 7n;
        f.account = { ...f.account, nonce: REDUCTION_NONCE - 8n };
      },
      { noRoom: 0n },
      { cramped: 0n },
      { nonceGood: 1n },
    ],
    tooLate: RULES.tooLate,
    unknownMarket: RULES.unknownMarket,
    tooManyCancels: [(f) => (f.lists = 3n), { cancelsFull: 0n }],
    marketNotOpen: RULES.marketNotOpen,
    offTick: [(f) => (f.orders[4].limit += 1n), { "order[4].onTick": 1n }, { "failing[4]": 0n }],
    size: [(f) => (f.orders[4].size = 101n), { "order[4].sizeWithin": 1n }],
    band: [(f) => (f.orders[4].limit += 205n), { "order[4].inBand": 1n }],
    maxFee: [
      (f) => {
        f.row.feeRate = 10_000n;
        f.order.maxFee = fee(f.row, 1_000n, 1n);
        f.orders[4].limit = 1_100n;
      },
      { "order[4].feeWithin": 1n },
    ],
    marketFull: [(f) => (f.entries = 4n), { marketFull: 0n }],
    tooManyOpen: [(f) => (f.account = { ...f.account, open: BigInt(maxOpen) - 4n }), { tooManyOpen: 0n }],
    positionLimit: RULES.positionLimit,
    pricesNotFresh: RULES.pricesNotFresh,
    margin: RULES.margin,
  };
  const cases = (["order", "quotes"] as const).flatMap((kind) =>
    Object.entries(kind === "order" ? RULES : LIST_RULES).map(([verdict, rule]) => ({ kind, verdict, rule })),
  );
  for (const {
    kind,
    verdict,
    rule: [breakRule, ...deciding],
  } of cases) {
    const bad = kind === "order" ? "the bad order is" : "the bad list of quotes is";
    it(`${verdict}: no proof that ${bad} admitted`, () => {
      const circuit = circuitOf(kind);
      const f = fixture(kind);
      breakRule(f);
      const { inputs, admission, outputs } = slotOfFixture(f);
      assert.equal(admission.verdict, verdict);
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      assert.equal(circuit.satisfies(honest), true);
      for (const pinned of deciding) refuse(inputs, pinned, { orderPut: 1n }, undefined, {}, circuit);
    });
    it(`${verdict}: no proof that the good ${kind} is rejected for it`, () => {
      const { inputs } = slotOfFixture(fixture(kind));
      for (const pinned of deciding) {
        const flipped = Object.fromEntries(Object.entries(pinned).map(([name, value]) => [name, 1n - value]));
        refuse(inputs, flipped, { orderPut: 0n }, undefined, {}, circuitOf(kind));
      }
    });
  }

  for (const name of ["admit", "quote"] as const)
    it(`${name}: each signal is bound by the rule that computes it`, () => {
      const kinds = name === "admit" ? KINDS : (["quotes", "order", "withdrawal"] as const);
      const examples = [...kinds.map((kind) => [kind, fixture(kind)] as const), ["cut", cut(fixture())] as const].map(
        ([why, f]) => [why, slotOfFixture(f, name).inputs],
      );

      pinsEach(circuits[name], Object.fromEntries(examples), "admit.circom", [VALUES]);
      pinsEach(circuits[name], Object.fromEntries(examples), "order.circom");
      pinsEach(circuits[name], Object.fromEntries(examples), "item.circom", name === "admit" ? ["isQuotes === 0"] : []);
    });

  type Pins = Record<string, bigint>;
  /** Cheats by fixtures, with what they gain; of the order of one or the payout. */
  const WORSE: [why: string, alter: (f: Fixture) => void, verdict: Verdict, pinned: Pins, reaches: Pins][] = [
    ["admitted in liquidation, without a flag that counts", (f) => sinks(f), "inLiquidation", { "flag.counts": 0n }, { orderPut: 1n, "after.flagged": SINCE }],
    ["admitted in liquidation, within the grace", (f) => sinks(f), "inLiquidation", { "flag.begun": 0n }, { orderPut: 1n }],
    ["admitted in liquidation, not flagged", (f) => sinks(f), "inLiquidation", { isFlagged: 0n }, { orderPut: 1n }],
    ["admitted in liquidation, with full margin", (f) => sinks(f), "inLiquidation", { "margin.full": 1n }, { orderPut: 1n, "after.flagged": 0n }],
    ["admitted in liquidation, covered", (f) => sinks(f), "inLiquidation", { "margin.covered[1]": 1n }, { orderPut: 1n, "after.flagged": 0n }],
    ["a flag lifted of what is refused", (f) => sinks(f), "inLiquidation", { orderFull: 1n }, { "after.flagged": 0n }],
    ["refused with a flag that counts no more", (f) => sinks(f, SINCE - LASTS), "admitted", { "flag.counts": 1n }, { orderPut: 0n }],
    ["refused within the grace", (f) => sinks(f, SINCE + 1n), "admitted", { "flag.begun": 1n }, { orderPut: 0n }],
    ["refused without a flag", (f) => sinks(f, 0n), "admitted", { isFlagged: 1n }, { orderPut: 0n }],
    ["a flag lifted within the grace", (f) => sinks(f, SINCE + 1n), "admitted", { "after.flagged": 0n }, { orderPut: 1n }],
    ["the same, as if with full margin", (f) => sinks(f, SINCE + 1n), "admitted", { "margin.full": 1n }, { "after.flagged": 0n }],
    ["refused with full margin", (f) => (f.account = { ...f.account, flagged: SINCE }), "admitted", { "margin.full": 0n }, { orderPut: 0n }],
    ["refused as uncovered", (f) => (f.account = { ...f.account, flagged: SINCE }), "admitted", { "margin.covered[0]": 0n }, { orderPut: 0n }],
    ["an order of the insurance account", (f) => (f.index = 1), "unsigned", { isInsurance: 0n }, { orderPut: 1n }],
    ["the same, called one that may act", (f) => (f.index = 1), "unsigned", { mayAct: 1n }, { orderPut: 1n }],
    ["another's order called the insurance account's", () => undefined, "admitted", { isInsurance: 1n }, { live: 0n }],
    ["an order of the nonce of reductions", (f) => ((f.order.nonce = REDUCTION_NONCE), (f.account = { ...f.account, nonce: REDUCTION_NONCE - 1n })), "nonce", { isTaken: 0n }, { orderPut: 1n }],
    ["the venue's order while something is short", (f) => venues(f, "order"), "margin", { isKept: 0n }, { orderPut: 1n }],
    ["the same, of an account that is not the venue's", (f) => venues(f, "order"), "margin", { isVenue: 0n }, { orderPut: 1n }],
    ["the same, with nothing short", (f) => venues(f, "order"), "margin", { "haircut.isShort": 0n }, { orderPut: 1n }],
    ["the venue's payout while something is short", (f) => venues(f, "withdrawal"), "margin", { isKept: 0n }, { payoutPut: 1n }],
    ["the venue's order refused with nothing short", (f) => (f.index = 0), "admitted", { isKept: 1n }, { orderPut: 0n }],
    ["another's order refused while something is short", (f) => void (f.deficit = 5n), "admitted", { isVenue: 1n }, { orderPut: 0n }],
    ["a payout in full", (f) => void cut(f), "admitted", { "haircut.paid": 301n }, { payoutPut: 1n, vaultAfter: 699n, reliefAfter: 50n }],
    ["a payout in full, with nothing short", (f) => void cut(f), "admitted", { "haircut.short": 0n }, { vaultAfter: 699n }],
    ["a payout in full, as if more was kept", (f) => void cut(f), "admitted", { "haircut.owing": 0n }, { vaultAfter: 699n }],
    ["a payout of one unit more", (f) => void cut(f), "admitted", { "haircut.paid": 151n }, { vaultAfter: 849n }],
    ["a payout of one unit less", (f) => void cut(f), "admitted", { "haircut.paid": 149n }, { vaultAfter: 851n }],
    ["one unit too much paid, and booked", (f) => void cut(f), "admitted", { payout: 0xabcn + (151n << 160n) }, { vaultAfter: 850n }],
    ["one unit too much held", (f) => void cut(f), "admitted", { vaultAfter: 851n }, {}],
    ["one unit too little kept", (f) => void cut(f), "admitted", { reliefAfter: 200n }, {}],
    ["one unit too much kept", (f) => void cut(f), "admitted", { reliefAfter: 202n }, {}],
    ["nothing kept", (f) => void cut(f), "admitted", { reliefAfter: 50n }, {}],
    ["less taken from the account than asked for", (f) => void cut(f), "admitted", { paidOut: 150n }, {}],
    ["a payout that is cut without consent", (f) => ((cut(f).flags = 0n), undefined), "margin", { lessRefused: 0n }, { payoutPut: 1n, vaultAfter: 850n }],
    ["the same, with nothing short", (f) => ((cut(f).flags = 0n), undefined), "margin", { "haircut.isShort": 0n }, { payoutPut: 1n }],
    ["a payout refused though less is accepted", (f) => void cut(f), "admitted", { lessRefused: 1n }, { payoutPut: 0n }],
    ["a payout of nothing", (f) => ((cut(f).amount = 1n), undefined), "margin", { paidNone: 0n }, { payoutPut: 1n, reliefAfter: 51n }],
    ["a payout of nothing, with nothing held", (f) => ((cut(f).vault = 0n), undefined), "margin", { paidNone: 0n }, { payoutPut: 1n }],
  ]; // prettier-ignore
  const venues = (f: Fixture, kind: "order" | "withdrawal") => {
    cut(f);
    Object.assign(f, { kind, index: 0, flags: kind === "order" ? 0n : 1n });
  };
  for (const [why, alter, verdict, pinned, reaches] of WORSE)
    it(`no proof of ${why}`, () => {
      const f = fixture();
      alter(f);
      const { inputs, admission, outputs } = slotOfFixture(f);
      assert.equal(admission.verdict, verdict);
      const honest = circuits.admit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      refuse(inputs, pinned, reaches);
    });

  it("admit: no proof of a list of quotes", () => {
    const { inputs } = slotOfFixture(fixture());
    const kind = BigInt(KIND.quotes - KIND.order);
    circuits.admit.refuses(inputs, { A: (inputs.A as bigint) + kind }, "isQuotes === 0");
  });

  type Read = (name: string) => bigint;
  /** Cheats on one instruction's effects; `alter` makes the fixture or the inputs fit. */
  const CHEATS: Record<Fixture["kind"], [why: string, pinned: (read: Read) => Record<string, bigint>][]> = {
    order: [
      ["another kind", () => ({ "item.kind": BigInt(KIND.cancel) })],
      ["no charge of what a lot costs", () => ({ gross: 0n })],
      ["a flag kept", (read) => ({ "after.flagged": read("account.flagged") })],
      ["a flag kept, as if without full margin", () => ({ orderFull: 0n })],
      ["something kept of what nobody was paid", () => ({ reliefAfter: 1n })],
      ["what it waits for forgotten", () => ({ "after.pushedAt": 0n })],
      ["money held no more", (read) => ({ vaultAfter: read("vault") - 1n })],
      ["a reservation one short a lot", (read) => ({ "order[0].rho": read("order[0].rho") - 1n })],
      ["a reservation one too high a lot", (read) => ({ "order[0].rho": read("order[0].rho") + 1n })],
      ["the least reservation", () => ({ "order[0].aboveMin": 0n })],
      ["a smaller loss", (read) => ({ "order[0].worst": read("order[0].worst") - 1n })],
      ["a smaller reservation", (read) => ({ "order[0].reserved": read("order[0].reserved") - 1n })],
      ["nothing reserved", (read) => ({ "after.reserved": read("account.reserved") })],
      ["no open order counted", (read) => ({ "after.open": read("account.open") })],
      ["the nonce not raised", (read) => ({ "after.nonce": read("account.nonce") })],
      ["cash from nowhere", (read) => ({ "after.cash": read("after.cash") + 1n })],
      ["another key", (read) => ({ "after.keyX": read("after.keyX") + 1n })],
      ["a write where none is", (read) => ({ "after.seq": read("after.seq") + 1n })],
      ["the leaf left as it was", (read) => ({ changed: read("leaf") })],
      ["the tree left as it was", (read) => ({ accountsAfter: read("accounts") })],
      ["not put into the market", (read) => ({ "admittedAfter[0]": read("admitted[0]") })],
      ["put into another market", (read) => ({ "admittedAfter[1]": read("put") })],
      ["another entry put", (read) => ({ putWord: read("putWord") + 1n })],
      ["another limit put", (read) => ({ "order[0].limitValue": read("order[0].limitValue") + 5n })],
      ["put as a payout", () => ({ putTag: 23n })],
      ["a payout from nowhere", (read) => ({ payoutsPutAfter: read("put") })],
      ["the count of entries not raised", (read) => ({ "countsAfter[0]": read("counts[0]") + (1n << 16n) })],
      ["the count of cancels not raised", (read) => ({ "countsAfter[0]": read("counts[0]") + 1n })],
      ["the count of another market raised", (read) => ({ "countsAfter[1]": read("counts[1]") + 1n })],
      ["the replaced order not cancelled", (read) => ({ "cancelsAfter[0]": read("cancels[0]") })],
      ["a cancel in another market", (read) => ({ "cancelsAfter[1]": read("cancelHash") })],
      ["another order cancelled", (read) => ({ target: read("target") - 1n })],
      ["all orders cancelled", () => ({ cancelAll: 1n })],
      ["a fee rounded down", (read) => ({ "order[0].quotientFee": read("order[0].quotientFee") - 1n })],
      ["a fee one too high", (read) => ({ "order[0].quotientFee": read("order[0].quotientFee") + 1n })],
      ["no fee per lot", (read) => ({ "order[0].fee": read("order[0].quotientFee") })],
      ["another signature logged", (read) => ({ auth: read("auth") + 1n })],
      ["another item logged", (read) => ({ "step.item": read("step.item") + 1n })],
      ["not logged", (read) => ({ "loggedAfter.head": read("logged.head") })],
      ["not counted", (read) => ({ "loggedAfter.count": read("logged.count") })],
      ["the clock not advanced", (read) => ({ "loggedAfter.clock": read("logged.clock") })],
      ["stamped earlier", (read) => ({ stamped: read("stamped") - 1n })],
      ["no account read", () => ({ used: 0n })],
      ["the leaf taken for an empty one", () => ({ leafGiven: 0n })],
      ["the index taken for one beyond the tree", () => ({ inTree: 0n })],
      ["no row of the rules", () => ({ rowGiven: 0n })],
      ["no row of the prices", () => ({ quotedGiven: 0n })],
      ["not admitted", () => ({ orderPut: 0n })],
      ["not live", () => ({ live: 0n })],
    ],
    quotes: [
      ["another kind", () => ({ "item.kind": BigInt(KIND.order) })],
      ["another list than the one signed", (read) => ({ list: read("list") + 1n })],
      ["the last order left out", () => ({ "item.used[4]": 0n })],
      ["a sixth order of five", () => ({ "item.used[5]": 1n })],
      ["an order that counts for nothing", () => ({ "item.listed[4]": 0n })],
      ["one order bought for sold", (read) => ({ "item.side[3]": 1n - read("item.side[3]") })],
      ["the first order bought for sold", (read) => ({ "item.side[0]": 1n - read("item.side[0]") })],
      ["a reservation left out", () => ({ "held[3]": 0n })],
      ["a reservation too small", (read) => ({ "order[4].reserved": read("order[4].reserved") - 1n })],
      ["a fault not counted", () => ({ "failing[4]": 1n })],
      ["all reserved but the orders left out", (read) => ({ "head[7]": read("head[3]") })],
      ["one order pushed twice", (read) => ({ "next[4]": read("head[3]") })],
      ["an order under another nonce", (read) => ({ "entry[4]": read("entry[4]") + (1n << 20n) })],
      ["an order that leaves at this auction", () => ({ thisAuction: 1n })],
      ["too few orders counted open", (read) => ({ opened: read("opened") - 1n })],
      ["the nonce left at the first", (read) => ({ "after.nonce": read("nonce") })],
      ["nothing reserved", (read) => ({ "after.reserved": read("account.reserved") })],
      ["one cancelled in place of all", () => ({ cancelAll: 0n })],
      ["its own orders cancelled", (read) => ({ target: read("target") + 1n })],
      ["nothing cancelled", (read) => ({ "cancelsAfter[0]": read("cancels[0]") })],
      ["counted as a cancel", () => ({ listPut: 0n })],
      ["not counted", (read) => ({ "countsAfter[0]": read("counts[0]") + 5n })],
      ["the strangers' cancels in its way", () => ({ roomLeft: 0n })],
      ["margin of a single order", (read) => ({ "margin.quantity": read("lotsOrAmount") })],
      ["margin of less than all", (read) => ({ "margin.quantity": read("margin.quantity") - 1n })],
      ["a loss that its orders may win back", () => ({ "margin.unit[0]": 1n })],
      ["another highest fee", (read) => ({ "item.maxFee": read("item.maxFee") - 1n })],
      ["not admitted", () => ({ orderPut: 0n })],
    ],
    cancel: [
      ["without effect", (read) => ({ "cancelsAfter[0]": read("cancels[0]") })],
      ["not put", () => ({ cancelPut: 0n })],
      ["put as an order too", () => ({ orderPut: 1n })],
      ["of another order", (read) => ({ target: read("target") + 1n })],
      ["a flag lifted", () => ({ "after.flagged": 0n })],
      ["of all", () => ({ cancelAll: 1n })],
      ["not counted", (read) => ({ "countsAfter[0]": read("counts[0]") })],
    ],
    all: [
      ["of one", () => ({ cancelAll: 0n })],
      ["of later orders too", (read) => ({ target: read("target") + 1n })],
    ],
    withdrawal: [
      ["cash kept", (read) => ({ "after.cash": read("account.cash") })],
      ["nothing paid out", () => ({ paidOut: 0n })],
      ["what is paid held all the same", (read) => ({ vaultAfter: read("vault") })],
      ["the write not counted", (read) => ({ "after.seq": read("account.seq") })],
      ["not put", (read) => ({ payoutsPutAfter: read("payoutsPut") })],
      ["another recipient", (read) => ({ putWord: read("putWord") + 1n })],
      ["another amount", (read) => ({ putWord: read("putWord") + (1n << 160n) })],
      ["put as an order", () => ({ putTag: 20n })],
      ["a flag kept", (read) => ({ "after.flagged": read("account.flagged") })],
      ["less paid than asked for", (read) => ({ "haircut.paid": read("haircut.paid") - 1n })],
      ["more paid than asked for", (read) => ({ "haircut.paid": read("haircut.paid") + 1n })],
      ["something kept", () => ({ reliefAfter: 1n })],
      ["something short where nothing is", () => ({ "haircut.isShort": 1n })],
      ["refused", () => ({ payoutPut: 0n })],
    ],
  };
  for (const [kind, cheats] of Object.entries(CHEATS))
    for (const [why, pins] of cheats)
      it(`${kind}: no proof of ${why}`, () => {
        const circuit = circuitOf(kind as Fixture["kind"]);
        const { inputs } = slotOfFixture(fixture(kind as Fixture["kind"]));
        const honest = circuit.witness(inputs);
        const pinned = pins((name) => circuit.read(name, honest));
        refuse(inputs, pinned, {}, undefined, {}, circuit);
      });

  it("order: no proof of positions from nowhere, or of a write to another leaf, in whatever tree", () => {
    const { inputs } = slotOfFixture(fixture());
    const circuit = circuits.admit;
    const honest = circuit.witness(inputs);
    const positionsHash = circuit.read("positionsHash", honest) + 1n;
    refuse(inputs, { positionsHash }, {}, undefined, { leaf: "leafOpened", accounts: "update.rootBefore" });
    const index = 1n - circuit.read("update.index[0]", honest);
    refuse(inputs, { "update.index[0]": index }, {}, undefined, { accounts: "update.rootBefore" });
  });

  it("order: no proof of other ticks", () => {
    const off = fixture();
    off.order.limit += 1n;
    const { inputs } = slotOfFixture(off);
    const ticks = off.order.limit / row.tick;
    refuse(inputs, { "order[0].quotient": ticks - 1n }, {}, "Range(BITS_TICK())(terms.tick - 1 - rest)");
    refuse(inputs, { "order[0].quotient": ticks + 1n }, {}, "Range(BITS_TICK())(rest)");
    refuse(
      inputs,
      { "order[0].quotient": ticks, "order[0].rest": 0n },
      { orderPut: 1n },
      "signal rest <== limitParts.out - terms.tick * quotient",
    );
    const divided = quotient(off.order.limit, row.tick);
    refuse(inputs, { "order[0].quotient": divided }, { orderPut: 1n }, "Range(BITS_PRICE() + 1)(quotient)");
  });

  it("order: no proof of other slack than the quotient", () => {
    const { inputs } = slotOfFixture(fixture());
    const honest = circuits.admit.witness(inputs);
    const [spreadName, bit] = ["spread", "bits\\[6\\]"].map((name) =>
      circuits.admit.named(new RegExp(`^OrderSlack_\\w+\\.${name}$`)),
    );
    const [slack, spread] = ["terms.slack", spreadName].map((name) => circuits.admit.read(name, honest));
    assert.notEqual(spread % 64n, 0n);
    for (const other of [slack - 1n, slack + 1n]) refuse(inputs, { "terms.slack": other });
    refuse(inputs, { [spreadName]: spread + 64n });
    refuse(inputs, { [bit]: 1n - circuits.admit.read(bit, honest) });
  });

  it("order: no proof of other values of a lot than those of the market's row", () => {
    const f = fixture();
    poor(f, 500n);
    const { inputs, admission } = slotOfFixture(f);
    assert.equal(admission.verdict, "margin");
    const pinned = { weightedHash: circuits.admit.read("weightedHash", circuits.admit.witness(inputs)) };
    circuits.admit.refuses(inputs, { "weighted[1]": 2_000n }, VALUES);
    circuits.admit.refuses(inputs, { ...pinned, "weighted[1]": 2_000n });
  });

  it("order: no proof of another market's slot, that has the very same rules", () => {
    const { inputs } = slotOfFixture(fixture());
    refuse(inputs, { "at[0]": 0n, "at[1]": 1n }, { orderPut: 1n, "admittedAfter[0]": 0n });
  });

  it("order: no proof that it is unsigned, with garbage in place of the signature that was logged", () => {
    const { inputs } = slotOfFixture(fixture());
    const auth = circuits.admit.read("auth", circuits.admit.witness(inputs));
    for (const part of ["R8x", "R8y", "sigS"])
      refuse({ ...inputs, [part]: 5n }, { auth }, { auth, live: 0n, orderPut: 0n });
  });

  it("quotes: no proof of another order than those of the list that was signed", () => {
    const { inputs } = slotOfFixture(fixture("quotes"));
    const list = circuits.quote.read("list", circuits.quote.witness(inputs));
    const [first, second, third] = inputs.words as bigint[];
    const other = { ...inputs, words: [first, second + 5n * 1n, third] };
    refuse(other, { list }, { list, orderPut: 1n }, undefined, {}, circuits.quote);
  });

  it("order: an unused slot changes nothing, and none can be used unlogged", () => {
    const { inputs } = slotOfFixture(fixture());
    const idle = { ...inputs, active: 0n };
    const circuit = circuits.admit;
    const witness = circuit.witness(idle);
    assert.equal(circuit.satisfies(witness), true);
    for (const name of ["accounts", "payoutsPut"])
      assert.equal(circuit.read(`${name}After`, witness), circuit.read(name, witness));
    for (const name of ["logged", "admitted", "cancels", "counts"])
      assert.deepEqual(circuit.readAll(`${name}After`, witness), circuit.readAll(name, witness));
    refuse(idle, { live: 1n }, { orderPut: 1n });
  });

  /** One unit too little for a list in the scenario in which a position is worth less. */
  function shortOfList(f: Fixture): void {
    lists(f, {});
    const { admission } = slotOfFixture(f);
    f.account = { ...f.account, positions: vector(1n), cash: admission.account!.reserved - 893n + f.charges[0] - 1n };
  }
  const SPOILT: [why: string, alter: (f: Fixture) => void, pinned: Record<string, bigint>, effect: string][] = [
    ["an order of no lots", (f) => (f.order.size = 0n), { "order[0].sizeNone": 0n }, "orderPut"],
    ["an order without prices", (f) => (f.quoted = false), { quotedGiven: 1n }, "orderPut"],
    ["an order with bits beyond B", (f) => (f.beyondB = 1n << 174n), { "item.fits": 1n }, "orderPut"],
    ["an order after the window", (f) => (f.order.nonce = 7n + NONCE_WINDOW), { nonceGood: 1n }, "orderPut"],
    ["a kind of none", (f) => (f.beyondA = 8n), { "item.isOrder": 1n }, "orderPut"],
    ["a margin missed in one scenario", (f) => poor(f, 500n), { "margin.covered[1]": 1n }, "orderPut"],
    ["a loss taken for a gain", (f) => poor(f, 500n), { "margin.gains[1]": 1n }, "orderPut"],
    ["a withdrawal beyond margin", (f) => withdraws(f, 99_501n), { "margin.out": 1n }, "payoutPut"],
    ["an order in a market that is over since now", (f) => (f.row.until = START), { isOver: 0n }, "orderPut"],
    ["an order on prices that halt", (f) => (f.halted = true), { "fresh.valid": 1n }, "orderPut"],
    ["an order on prices under other rules", (f) => (f.underOthers = true), { "fresh.sameRules": 1n }, "orderPut"],
    ["an order on prices to come", (f) => (f.epoch += 1n), { "fresh.begun": 1n }, "orderPut"],
    ["an order on prices to come, that count", (f) => (f.epoch += 1n), { "fresh.counts": 1n }, "orderPut"],
    ["an order of who has what is stale", (f) => holds(f, 2n, -1n), { staleNone: 1n }, "orderPut"],
    ["the same, whose square counts for nothing", (f) => holds(f, 2n, 1n), { "staleSquares[1]": 0n }, "orderPut"],
    ["an order beyond the limit, weighed as 1", (f) => heavy(f), { "weighed[1]": 1n << 90n }, "orderPut"],
    [
      "an order beyond margin, without what a lot costs",
      (f) => poor(f, 500n + 3n * 109n - 1n),
      { gross: 0n },
      "orderPut",
    ],
    [
      "an order without charges of what is short",
      (f) => charged(f, 500n + 3n * 109n + 15n),
      { "margin.owned.charge[1]": 0n },
      "orderPut",
    ],
    [
      "an order with what is short called long",
      (f) => charged(f, 500n + 3n * 109n + 15n),
      { "margin.owned.isLong[1]": 1n },
      "orderPut",
    ],
    [
      "a withdrawal on prices of the epoch before",
      (f) => (withdraws(f, 1n), (f.epoch -= 1n)),
      { "fresh.inEpoch": 1n },
      "payoutPut",
    ],
    ["the same, called exact", (f) => (withdraws(f, 1n), (f.epoch -= 1n)), { exactFresh: 1n }, "payoutPut"],
    ["the same, called cash alone", (f) => (withdraws(f, 1n), (f.epoch -= 1n)), { cashAlone: 1n }, "payoutPut"],
    ["the same, called to need none", (f) => (withdraws(f, 1n), (f.epoch -= 1n)), { payoutFresh: 1n }, "payoutPut"],
    [
      "a withdrawal of who has what is stale",
      (f) => (withdraws(f, 1n), holds(f, 2n, 1n)),
      { staleNone: 1n },
      "payoutPut",
    ],
    ["a withdrawal of more than is held", (f) => (withdraws(f, 300n), (f.vault = 299n)), { isHeld: 1n }, "payoutPut"],
    ["a cancel of itself", (f) => cancels(f, 7n), { earlier: 1n }, "cancelPut"],
    ["a cancel of none", (f) => cancels(f, 0n), { single: 1n }, "cancelPut"],
    ["a cancel of one and all", (f) => (cancels(f, 5n), (f.flags = 2n)), { targetForm: 1n }, "cancelPut"],
    ["a cancel too many", (f) => (cancels(f, 5n), (f.cancels = 3n)), { cancelsFull: 0n }, "cancelPut"],
    [
      "a list of nine quotes",
      (f) => lists(f, { orders: new Venue().quotes(ALICE, 8).orders.map((it) => ({ ...it })), entries: 0n, flags: 1n }),
      { "item.misfit": 0n },
      "orderPut",
    ],
    ["a list of sixteen more", (f) => lists(f, { flags: 16n }), { "item.fits": 1n }, "orderPut"],
    ["a list of none", (f) => lists(f, { beyondA: -5n * FLAGS_AT }), { "item.fits": 1n }, "orderPut"],
    [
      "a list with an order beyond its number",
      (f) => lists(f, { beyondA: -FLAGS_AT }),
      { "item.unused[4]": 0n },
      "orderPut",
    ],
    [
      "a list of which one order has no lots",
      (f) => (lists(f, {}).orders[4].size = 0n),
      { "order[4].sizeNone": 0n },
      "orderPut",
    ],
    ["a list without prices", (f) => lists(f, { quoted: false }), { quotedGiven: 1n }, "orderPut"],
    ["a list beyond margin in one scenario", shortOfList, { "margin.covered[1]": 1n }, "orderPut"],
    ["a list beyond margin, as a gain", shortOfList, { "margin.gains[1]": 1n }, "orderPut"],
  ];
  const FLAGS_AT = 1n << 101n;
  const lists = (f: Fixture, changes: Partial<Fixture>) => Object.assign(f, { kind: "quotes", entries: 3n }, changes);
  const holds = (f: Fixture, stale: bigint, lots: bigint) =>
    Object.assign(f, { stale, account: { ...f.account, positions: vector(0n, lots) } });
  const heavy = (f: Fixture) =>
    Object.assign(f, { weight: 5n, account: { ...f.account, positions: vector(0n, 1n << 45n) } });
  /** One lot of the second instrument is sold, which is worth 10 where the order loses, and costs 6. */
  const charged = (f: Fixture, cash: bigint) =>
    Object.assign(f, { account: { ...f.account, cash, positions: vector(0n, -1n) } });
  const poor = (f: Fixture, cash: bigint) => void (f.account = { ...f.account, cash });
  const withdraws = (f: Fixture, amount: bigint) => void ([f.kind, f.amount] = ["withdrawal", amount]);
  const cancels = (f: Fixture, target: bigint) => void ([f.kind, f.order.replaces] = ["cancel", target]);
  for (const [why, alter, pinned, effect] of SPOILT)
    it(`no proof that ${why} is admitted`, () => {
      const f = fixture();
      alter(f);
      const circuit = circuitOf(f.kind);
      const { inputs, outputs, admission } = slotOfFixture(f);
      assert.notEqual(admission.verdict, "admitted");
      const honest = circuit.witness(inputs);
      assert.deepEqual(honest.slice(1, 1 + outputs.length), outputs);
      refuse(inputs, pinned, { [effect]: 1n }, undefined, {}, circuit);
    });
});

describe("circuits/instructions/admit: two slots", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    const args = [depth, scenarios, 2, maxOpen, 1];
    circuit = await compileTemplate({ file, template: "Admit", args, optimise: false });
  });
  const inputs = (items: number) => {
    const v = new Venue(2);
    const events = [ALICE, BOB].slice(0, items).map((by) => {
      const item = orderItem(v.order(by));
      return v.apply(item, signed(by, item));
    });
    return v.instruction(events).inputs;
  };

  /** Hashes that the rules open into. */
  const OPENED = [
    ["idsHash", "ids"],
    ["rowsHash", "rulesRows"],
  ];
  /** What decides whether prices count, and where it is from: of two slots the second reads the tree that the first writes. */
  const MADE = [
    ["inForce", "before.roots.rules"],
    ["epochLength", "group.epochLength"],
    ["under", "meta.rules"],
    ["halted", "meta.halted"],
  ];
  const DEFAULTS = [
    "OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash)",
    "signal defaultsHash <== DefaultsHash()(defaults)",
    "group.defaults === defaultsHash",
  ];
  it("rules, and those of defaults, are those of the state", async () => {
    const args = [depth, scenarios, 1, maxOpen, 1];
    const single = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const inputs = v.instruction([v.apply(item, signed(ALICE, item))]).inputs as Inputs;
    const defaultsHash = single.read("defaultsHash", single.witness(inputs));
    const [open, hashed, same] = DEFAULTS;
    single.refuses(inputs, { instrumentsHash: 5n }, open);
    single.refuses(inputs, { "defaults.insuranceShare": 5n, defaultsHash }, hashed);
    single.refuses(inputs, { "defaults.insuranceShare": 5n }, same);
  });

  it("prices count by the rules and prices that were opened", async () => {
    const args = [depth, scenarios, 1, maxOpen, 1];
    const single = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const inputs = v.instruction([v.apply(item, signed(ALICE, item))]).inputs as Inputs;
    const honest = single.witness(inputs);
    for (const [name] of MADE) {
      const forged = single.refuses(inputs, { [`made.${name}`]: single.read(`made.${name}`, honest) + 1n });
      assert.equal(single.read("slot[0].orderPut", forged), 0n, name);
    }
  });

  it("ids and rows are those of the rules, in a state of whatever rules", async () => {
    const args = [depth, scenarios, 1, maxOpen, 1];
    const single = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const { inputs } = v.instruction([v.apply(item, signed(ALICE, item))]);
    const honest = single.witness(inputs as Inputs);
    const rules = { "before.roots.rules": single.named(/^OpenRules_\w+\.hashed$/) };
    for (const [name] of OPENED)
      single.refuses(inputs as Inputs, { [name]: single.read(name, honest) + 1n }, undefined, rules);
  });

  it("each signal is bound by the rule that computes it, in a proof of one item and of two", () => {
    const inSlot = circuit.statements.flatMap(({ template, text }) => (template === "AdmitSlot" ? [text] : []));
    const inWhole = new Set(circuit.rules.flat().map(({ text }) => text));
    const byHand = [
      "active[0] === 1",
      ...DEFAULTS,
      ...["leaf", "siblings"].map((name) => `slot[j].${name} <== ${name}[j]`),
      "slot[j].accounts <== before.accounts.root",
      "slot[j].accounts <== slot[j - 1].accountsAfter",
      ...MADE.map(([name, from]) => `made.${name} <== ${from}`),
      ...OPENED.map(([name, values]) => `signal ${name} <== Hash(TAG_VECTOR(), MARKETS())(${values})`),
    ];
    pinsEach(circuit, { one: inputs(1), two: inputs(2) }, "admit.circom", [
      ...byHand,
      ...inSlot.filter((text) => inWhole.has(text)),
    ]);
  });

  it("the first slot is used, and each reads and writes the tree that the one before it left", async () => {
    const one = inputs(1) as Tampered;
    const sibling = one.siblings[1][0][0] + 1n;
    const own = { "slot[1].accounts": "slot[1].update.rootBefore" };
    circuit.refuses(one, { "siblings[1][0][0]": sibling }, undefined, own);

    // Of an item that is malformed the leaf is any: it stays as it is.
    const args = [depth, scenarios, 1, maxOpen, 1];
    const single = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const malformed = { ...item, A: item.A + (1n << 189n) };
    const read = v.instruction([v.apply(malformed, signed(ALICE, malformed))]).inputs as Tampered;
    single.refuses(read, { "active[0]": 0n }, "active[0] === 1");
    const root = { "before.accounts.root": "slot[0].update.rootBefore" };
    single.refuses(read, { "slot[0].leaf": read.leaf[0] + 1n }, undefined, root);
    single.refuses(read, { "slot[0].siblings[0][0]": read.siblings[0][0][0] + 1n }, undefined, root);
    const given = { "slot[0].accounts": "slot[0].update.rootBefore" };
    single.refuses(read, { "siblings[0][0][0]": read.siblings[0][0][0] + 1n }, undefined, given);
  });
});

describe("circuits/instructions/admit: registers left alone", () => {
  leavesOthersAlone("admit", async () => {
    const args = [depth, scenarios, 1, maxOpen, 1];
    const circuit = await compileTemplate({ file, template: "Admit", args, optimise: false });
    const v = new Venue(1);
    const item = orderItem(v.order(ALICE));
    const event = v.apply(item, signed(ALICE, item));
    return { circuit, ledger: v.ledger, make: () => v.instruction([event]) };
  });
});
