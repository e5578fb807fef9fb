// Goal: no witness of Clear proves another hint or decision, another value in an entry's slot, or another register.
// Method: forged witnesses, in which a signal is pinned and all that follows is computed anew.
import assert from "node:assert/strict";
import { type BookEntry, entryWord, pushEntry } from "../../src/protocol/book.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { MARKET_STATE, PHASE, RULE, SWEEP_ALL_CANCELS, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import type { Prices } from "../../src/protocol/prices.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import {
  AUCTION,
  clearEvent,
  EXPIRED,
  ledgerOf,
  MIDPOINT,
  order,
  prices,
  PROFILE,
  rules,
  type Situation,
  START,
  TICK,
} from "./clearing.ts";
import { quotient } from "./r1cs.ts";
import { compileTemplate, type Circuit } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";
import { buy, file, midpointSituation, sell, single, situation } from "./clearProofs.ts";

/** Rules of Clear that take a cheat of several signals, or stand in a template that library.test.ts tries by itself. */
const BY_HAND = [
  "first * mayBegin === 0",
  "(1 - begins) * (sweepCancels.to - storedTo) === 0",
  "Range(BITS_PRICE() + 1)(ticks)",
  "claims.on <== begins * may",
  ...["leftBid", "leftAsk", "restBids", "restBidsAbove", "restAsks", "restAsksBelow"].map(
    (name) => `concluded * walk[N - 1].after.${name} === 0`,
  ),
  "rowGiven * (row.rule - RULE) === 0",
  "walk[i].switch <== switches[i]",
];
/** Of Claims, Switch, SweepCancels and ClearSlot. */
const OF_PARTS = [
  ...["D", "A", "Dabove", "Abelow", "volume - Dabove", "volume - Abelow"].map((it) => `Range(BITS_LOTS())(${it})`),
  "on * (tooHigh + tooLow) === 0",
  "on * stage === 0",
  "partial * (partialHead - before.newBook) === 0",
  "partial * (partialWord - (word - lots * (1 << REMAINING_AT()))) === 0",
  "signal Abelow <== on * asksBelow",
  "signal Dabove <== on * bidsAbove",
  "signal output priceOut <== on * price",
  "turn.on <== switch",
];

describe("circuits/instructions/clear", () => {
  remembersHashes();
  let full: Circuit;
  let [late, onTime, quiet]: any[] = [];
  before(async () => {
    const args = [1, RULE.auction];
    full = await compileTemplate({ file, template: "Clear", args, optimise: false });
    onTime = proof({ book, admitted: [] });
    late = proof({ ...tooLate, book, admitted: [] });
    quiet = proof({ ...tooLate, book: [], admitted: [] });
  });
  /** Inputs of a proof of one entry. @param index  of the proofs of the sweep */
  const proof = (changes: Partial<Situation>, index = 0) => {
    const ledger = ledgerOf(situation(changes), undefined, { ...PROFILE, clear: 1 });
    return clearInstructions(ledger, clearEvent(situation(changes)))[index].inputs as any;
  };
  const book = [order({ side: buy, limit: 1_000n, remaining: 5n })];
  /** A second after the interval; in an empty market, `quiet`, that it matches breaks nothing but what lets it. */
  const tooLate = { time: START + 1n };
  const made = (changes: Partial<Prices>) => ({ prices: { ...prices, ...changes } });
  const [earlier, toCome] = [made({ epoch: prices.epoch - 1n }), made({ epoch: prices.epoch + 1n })];
  const [halts, others] = [made({ halted: true }), made({ rules: 5n })];
  const matches = { price: prices.markets[AUCTION]!.mark };

  it("forged hints and decisions of one proof break their rule", () => {
    pinsEach(full, { onTime, late }, "clear.circom", [...BY_HAND, ...OF_PARTS]);
    const many = Array.from({ length: SWEEP_CANCELS + 1 }, (_, i) => single(9, BigInt(1 + i)));
    const forgeries: [string, any, Record<string, bigint>][] = [
      ["off the interval, called on it", quiet, { ...matches, onInterval: 1n }],
      ["on the interval, called off it", onTime, { onInterval: 0n }],
      ["may not, yet matches", quiet, { ...matches, may: 1n }],
      ["may, denied", onTime, { may: 0n }],
      ["cancels called done", proof({ book: [], admitted: [], cancels: many }), { ...matches, cancelsDone: 1n }],
      ["not at the end, called so", proof({}), { atEnd: 1n }],
      ["at the end, denied", onTime, { atEnd: 0n }],
      ["settling without a fill", onTime, { nothing: 0n }],
      ["fees that are none", onTime, { credited: 0n }],
      ["the clock", onTime, { clock: 32n * START }],
      ["the row called missing", onTime, { rowGiven: 0n }],
      ["prices called missing", onTime, { quotedGiven: 0n }],
      ["prices called stale", onTime, { "fresh.exact": 0n }],
      ["the market called closed", onTime, { marketOpen: 0n }],
      ["the market called over", onTime, { isOver: 1n }],
      [
        "the market that is over called not",
        proof({ slot: EXPIRED, book: [], admitted: [] }),
        { ...matches, isOver: 0n },
      ],
      [
        "the market that is over not called expired",
        proof({ slot: EXPIRED, admitted: [], book }),
        { "terms.expired": 0n },
      ],
      [
        "prices of the epoch before",
        proof({ ...earlier, book: [], admitted: [] }),
        { ...matches, "fresh.inEpoch": 1n },
      ],
      ["the exact epoch denied", onTime, { "fresh.inEpoch": 0n }],
      ["prices of the epoch to come", proof({ ...toCome, book: [], admitted: [] }), { ...matches, "fresh.begun": 1n }],
      ["a halt denied", proof({ ...halts, book: [], admitted: [] }), { ...matches, "fresh.valid": 1n }],
      [
        "other rules called those in force",
        proof({ ...others, book: [], admitted: [] }),
        { ...matches, "fresh.sameRules": 1n },
      ],
    ];
    for (const [what, inputs, pinned] of forgeries) assert.ok(full.refuses(inputs, pinned), what);
  });

  it("the time is divided by the interval as numbers are", () => {
    const whole = START / 10n;
    const rest = "signal rest <== stamp - interval * quotient";
    full.refuses(quiet, { ...matches, quotient: whole, rest: 0n }, rest);
    full.refuses(quiet, { quotient: whole - 1n }, "Range(BITS_MARKET())(interval - 1 - rest)");
    full.refuses(late, { quotient: whole + 1n }, "Range(BITS_MARKET())(rest)");
    // Divided in the field there is no rest, at any second.
    full.refuses(quiet, { ...matches, quotient: quotient(START + 1n, 10n) }, "Range(BITS_TIME())(quotient)");
    full.refuses(onTime, { quotient: whole - 1n }, "Range(BITS_MARKET())(interval - 1 - rest)");
  });

  it("a first proof begins where the phase is open or settling", () => {
    for (const phase of [PHASE.clearing(0), PHASE.clearing(15), PHASE.paying])
      full.refuses(onTime, { "before.phase": BigInt(phase) }, "first * mayBegin === 0");
  });

  it("a price is a multiple of the tick, as numbers are", () => {
    const { slot } = onTime;
    const retold = {
      [`rulesRows[${slot}]`]: full.named(/^RulesRow_\w+\.hashed$/),
      "before.roots.rules": full.named(/^OpenRules_\w+\.hashed$/),
      "meta.rules": "before.roots.rules",
      "before.roots.prices": full.named(/^OpenPrices_\w+\.hashed$/),
    };
    full.refuses(onTime, { "row.tick": 3n }, "Range(BITS_PRICE() + 1)(ticks)", retold);
    full.refuses(onTime, { ticks: 1_000n / TICK + 1n }, "priceParts.out === ticks * row.tick");
    full.refuses(onTime, { "row.rule": BigInt(RULE.midpoint) }, "rowGiven * (row.rule - RULE) === 0", retold);
  });

  it("no claim counts where nothing may match, and no entry is passed over unseen", () => {
    const claims = { "claims.on": 1n, price: 1_000n, ticks: 1_000n / TICK };
    full.refuses(quiet, claims);
    const admitted = proof({ book: [], admitted: book });
    assert.deepEqual(admitted.switches, [1n, 0n]);
    full.refuses(admitted, { "walk[0].switch": 0n });
  });

  it("a later proof goes on where the one before it ended", () => {
    const entries = [order({ side: buy, limit: 1_010n, remaining: 4n }), order({ account: 3, side: sell, limit: 980n, remaining: 4n })]; // prettier-ignore
    const second = proof({ book: entries, admitted: [] }, 1);
    const register = { "before.clearing.sweep": "storedWord" };
    for (const name of ["leftBid", "leftAsk", "restBids", "restBidsAbove", "restAsks", "restAsksBelow"])
      full.refuses(second, { [`stored.${name}`]: second.stored[name] + 1n }, `concluded * walk[N - 1].after.${name} === 0`, register); // prettier-ignore
    // Asks claimed as 5: then 995 would be the price, as there more are sold than bought.
    const claimed = { storedPrice: 995n, "stored.restAsks": second.stored.restAsks + 1n };
    full.refuses(second, claimed, "concluded * walk[N - 1].after.restAsks === 0", register);
    full.refuses(second, { storedTo: 5n }, "(1 - begins) * (sweepCancels.to - storedTo) === 0", register);
    // Of a sweep that applies cancels only: what a flag of 2 would say is another flag.
    const cancels = [single(2, 1n), single(3, 1n)];
    const applies = proof({ ...tooLate, book: entries, admitted: [], cancels }, 1);
    full.refuses(applies, { storedMatch: 2n }, "Boolean()(storedMatch)", register);
    const unmatched = proof({ ...tooLate, book: entries, admitted: [] }, 1);
    full.refuses(unmatched, { starting: 2n, "switches[0]": 0n, "switches[1]": 0n }, "Boolean()(starting)", register);
  });
  it("entries are walked one after the other, and the midpoint has a market", async () => {
    const args = [2, RULE.midpoint];
    const midpoint = await compileTemplate({ file, template: "Clear", args, optimise: false });
    const from = midpointSituation({ book: [], admitted: [] });
    const { inputs } = clearInstructions(ledgerOf(from, undefined, { ...PROFILE, clear: 2 }), clearEvent(from))[0];
    midpoint.refuses(inputs, { "walk[1].before.kept": 5n });
    midpoint.refuses(inputs, { "walk[1].fillsPut": 5n });
    const rows = { [`rulesRows[${MIDPOINT}]`]: 0n };
    const rules = midpoint.named(/^OpenRules_\w+\.hashed$/);
    midpoint.refuses(inputs, rows, "rowGiven === 1", { "before.roots.rules": rules });
  });

  it("each cancel of a sweep applies, in whichever place it is", async () => {
    const slot = await compileTemplate({ file, template: "ClearSlot", args: [RULE.auction], optimise: false });
    const inputs = slotInputs(order({ side: buy, limit: 1_000n, remaining: 6n, account: 7, nonce: 3n }));
    const [key, ...others] = inputs.cancels.keys as bigint[];
    for (let place = 0; place < SWEEP_CANCELS; place++) {
      const cancels = { ...inputs.cancels, keys: others.toSpliced(place, 0, key) };
      const witness = slot.witness({ ...inputs, cancels });
      assert.deepEqual([slot.read("gone", witness), slot.read("lots", witness)], [1n, 0n], `place ${place}`);
    }
    const uncancelled = slot.witness({ ...inputs, cancels: { ...inputs.cancels, keys: [others[0], ...others] } });
    assert.equal(slot.read("lots", uncancelled), 2n);
  });

  it("each signal of an entry is determined", async () => {
    const slot = await compileTemplate({ file, template: "ClearSlot", args: [RULE.auction], optimise: false });
    const mine = [...slot.signals.keys()].filter((name) => /^(after\.)?\w+$/.test(name) && name !== "fillsPut");
    const entry = (changes: Partial<BookEntry>) => order({ side: buy, limit: 1_000n, remaining: 6n, ...changes });
    const examples: Record<string, any> = {
      "filled in part": slotInputs(entry({})),
      "a better ask": slotInputs(entry({ side: sell, limit: 990n })),
      "a worse ask": slotInputs(entry({ side: sell, limit: 1_010n })),
      expired: slotInputs(entry({ expiry: START - 1n })),
      cancelled: slotInputs(entry({ account: 7, nonce: 3n })),
      "cancelled with all": slotInputs(entry({ account: 8, nonce: 4n })),
      "off the band": slotInputs(entry({ limit: 1_045n })),
      "under-reserved": slotInputs(entry({ rho: 1n })),
      "of this auction": slotInputs(entry({ thisAuction: true })),
      "no entry": { ...slotInputs(entry({})), active: 0n },
    };
    pinsEach(slot, examples, "clear.circom", ["on * stage === 0"]);
    const ruleOf = new Map(slot.computed().map(({ name, statement }) => [name, statement]));
    const decisions = /^(cancelled|allCancelled|lives|stands|inBand|covered|sound|unsound|stays|live|eligible|above|equal|better|enough|gone|leftNone|partial|touched)$/; // prettier-ignore
    for (const [what, inputs] of Object.entries(examples)) {
      const honest = slot.witness(inputs);
      assert.equal(slot.satisfies(honest), true, what);
      for (const name of mine.filter((name) => decisions.test(name))) {
        const forged = slot.solveForged(inputs, { [name]: 1n - slot.read(name, honest) });
        // Its rule is broken; what follows may be no order's, so others may be, too.
        const broken = slot.brokenRules(forged).map((rules) => rules.at(-1));
        assert.ok(broken.includes(ruleOf.get(name)), `${what}: ${name}`);
      }
    }
  });
});

describe("circuits/instructions/clear: registers left alone", () => {
  leavesOthersAlone("clear", async () => {
    const args = [1, RULE.auction];
    const circuit = await compileTemplate({ file, template: "Clear", args, optimise: false });
    const from = situation({ book: situation().book.slice(0, 1), admitted: [] });
    const ledger = ledgerOf(from, undefined, { ...PROFILE, clear: 1 });
    return { circuit, ledger, make: () => clearInstructions(ledger, clearEvent(from))[0] };
  });
});

/** Inputs of ClearSlot: an auction at 1,000 in which bids may still draw 2 lots; cancels of accounts 7 and 8. */
function slotInputs(entry: BookEntry): any {
  const terms = rules.markets[AUCTION]!;
  const { mark, funding, low, high } = prices.markets[AUCTION]!;
  const price = 1_000n;
  const { feeRate, feePerLot, band } = terms;
  const newBook = 33n;
  const partialWord = entryWord({ ...entry, remaining: entry.remaining - 2n });
  const none = FIELD - 1n;
  assert.equal(terms.state, BigInt(MARKET_STATE.open));
  return {
    active: 1n,
    switch: 0n,
    word: entryWord(entry),
    terms: { match: 1n, expired: 0n, time: START, price, trade: 77n, feeRate, feePerLot, mark, bandSquare: band * band, funding, low, high, bookHead: 11n }, // prettier-ignore
    cancels: {
      keys: [7n + (3n << 20n), ...Array<bigint>(SWEEP_CANCELS - 1).fill(none)],
      accounts: [8n, ...Array<bigint>(SWEEP_ALL_CANCELS - 1).fill(none)],
      bounds: [5n, ...Array<bigint>(SWEEP_ALL_CANCELS - 1).fill(0n)],
    },
    partialHead: newBook,
    partialWord,
    partialHash: pushEntry(newBook, partialWord),
    before: { leftBid: 2n, leftAsk: 5n, restBids: 50n, restBidsAbove: 40n, restAsks: 30n, restAsksBelow: 20n, kept: 1n, stage: 0n, walked: 22n, newBook }, // prettier-ignore
    fillsPut: 44n,
  };
}
