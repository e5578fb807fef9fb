// Goal: no witness of Clear proves another hint or decision, another value in an entry's slot, or another register.
// Method: forged witnesses, in which a signal is pinned and all that follows is computed anew.
import assert from "node:assert/strict";
import { type BookEntry, entryWord, pushEntry } from "../../src/protocol/book.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { MARKET_STATE, RULE, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import {
  AUCTION,
  clearEvent,
  ledgerOf,
  order,
  prices,
  PROFILE,
  rules,
  type Situation,
  START,
  TICK,
} from "./clearing.ts";
import { compileTemplate } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";
import { buy, file, sell, single, situation } from "./clearProofs.ts";

describe("circuits/instructions/clear", () => {
  remembersHashes();

  it("forged hints and decisions of one proof break a rule", async () => {
    const full = await compileTemplate({ file, template: "Clear", args: [PROFILE.scenarios, 1, RULE.auction], optimise: false }); // prettier-ignore
    const proof = (changes: Partial<Situation>) => {
      const ledger = ledgerOf(situation(changes), undefined, { ...PROFILE, clear: 1 });
      const inputs = clearInstructions(ledger, clearEvent(situation(changes)))[0].inputs as any;
      assert.equal(full.satisfies(full.witness(inputs)), true);
      return inputs;
    };
    const book = [order({ side: buy, limit: 1_000n, remaining: 5n })];
    const late = proof({ time: START + 1n, prices: { ...prices, time: START }, book, admitted: [] });
    const onTime = proof({ book, admitted: [] });
    const quotient = START / 10n;
    const forgeries: [string, any, Record<string, bigint>][] = [
      ["off the interval, quotient up", late, { quotient: quotient + 1n }],
      ["off the interval, quotient down", late, { quotient: quotient - 1n }],
      ["off the interval, no rest", late, { rest: 0n }],
      ["off the interval, called on it", late, { onInterval: 1n }],
      ["on the interval, quotient down", onTime, { quotient: quotient - 1n }],
      ["on the interval, called off it", onTime, { onInterval: 0n }],
      ["may not, yet matches", late, { match: 1n }],
      ["may, yet does not", onTime, { match: 0n }],
      ["may, denied", onTime, { may: 0n }],
      ["price of other ticks", onTime, { ticks: 1_000n / TICK + 1n }],
      ["cancels called done", proof({ book, admitted: [], cancels: Array.from({ length: 17 }, (_, i) => single(9, BigInt(1 + i))) }), { cancelsDone: 1n }], // prettier-ignore
      ["not at the end, called so", proof({}), { atEnd: 1n }],
      ["at the end, denied", onTime, { atEnd: 0n }],
      ["settling without a fill", onTime, { nothing: 0n }],
      ["fees that are none", onTime, { feesNone: 0n }],
      ["the clock", onTime, { clock: 32n * START }],
      ["the row called missing", onTime, { rowGiven: 0n }],
      ["prices called missing", onTime, { quotedGiven: 0n }],
      ["prices called stale", onTime, { fresh: 0n }],
      ["the market called closed", onTime, { marketOpen: 0n }],
    ];
    console.log(pinsEach(full, { onTime, late }, "clear.circom"));
    for (const [what, inputs, pinned] of forgeries)
      assert.equal(full.satisfies(full.solveForged(inputs, pinned)), false, what);
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
    console.log(pinsEach(slot, examples, "clear.circom"));
    const decisions = /^(cancelled|byFirst|bySecond|allCancelled|lives|stands|inBand|covered|sound|unsound|stays|live|eligible|above|equal|better|enough|gone|leftNone|partial|touched)$/; // prettier-ignore
    for (const [what, inputs] of Object.entries(examples)) {
      const honest = slot.witness(inputs);
      assert.equal(slot.satisfies(honest), true, what);
      const input = new Set(Object.keys(inputs));
      for (const name of mine.filter((name) => !input.has(name))) {
        if (what !== "filled in part" && !decisions.test(name)) continue;
        const value = slot.read(name, honest);
        const cheats = decisions.test(name) ? [1n - value] : [value - 1n, value + 1n];
        for (const cheat of cheats)
          assert.equal(slot.satisfies(slot.solveForged(inputs, { [name]: cheat })), false, `${what}: ${name}`);
      }
    }
    // The rounding of the fee is a hint.
    const hints = [...slot.signals.keys()].filter((name) => /DivideUp.*\.out$/.test(name));
    assert.equal(hints.length, 1);
    const inputs = examples["filled in part"];
    const rounded = slot.read(hints[0], slot.witness(inputs));
    for (const by of [-1n, 1n])
      assert.equal(slot.satisfies(slot.solveForged(inputs, { [hints[0]]: rounded + by })), false);
  });
});

describe("circuits/instructions/clear: registers left alone", () => {
  leavesOthersAlone("clear", async () => {
    const args = [PROFILE.scenarios, 1, RULE.auction];
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
    terms: { match: 1n, expired: 0n, time: START, price, chargePerLot: feeRate * price, feeRate, feePerLot, mark, bandSquare: band * band, funding, low, high, bookHead: 11n }, // prettier-ignore
    cancels: {
      keys: [7n + (3n << 20n), ...Array<bigint>(SWEEP_CANCELS - 1).fill(none)],
      accounts: [8n, none],
      bounds: [5n, 0n],
    },
    partialHead: newBook,
    partialWord,
    partialHash: pushEntry(newBook, partialWord),
    before: { leftBid: 2n, leftAsk: 5n, restBids: 50n, restBidsAbove: 40n, restAsks: 30n, restAsksBelow: 20n, fees: 9n, kept: 1n, stage: 0n, walked: 22n, newBook }, // prettier-ignore
    fillsPut: 44n,
  };
}
