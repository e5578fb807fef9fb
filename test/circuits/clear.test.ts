// Goal: Clear does to a market what src/protocol/clearing.ts says, whatever its book holds.
// Method: random commands (seed in the name of the test; TACIT_ROUNDS sets their number) and one case after another, all
// public outputs against the ledger and all registers against the event.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import type { BookEntry } from "../../src/protocol/book.ts";
import { sweep } from "../../src/protocol/clearing.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import {
  AGE,
  AUCTION,
  clearEvent,
  EXPIRED,
  ENDING,
  EXPIRED_CROSS,
  EXTREME,
  FREE,
  HALTED,
  inputsOf,
  ledgerOf,
  MIDPOINT,
  prices,
  PROFILE,
  randomSituation,
  registersAfter,
  rules,
  type Situation,
  SPREAD,
  START,
  UNQUOTED,
} from "./clearing.ts";
import { all, ask, bid, clearProofs, longSituation, market, SEED, single, situation } from "./clearProofs.ts";

const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 60);

describe("circuits/instructions/clear", () => {
  const { circuits, outputs, build, accept } = clearProofs();

  it(`agrees with clearing.ts on ${ROUNDS} random commands (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const seen = { matched: 0, midpoint: 0, purged: 0, chunks: 0, sweeps: 0, expired: 0, unquoted: 0, free: 0, extreme: 0, belowZero: 0, partial: 0, fees: 0, empty: 0, alls: 0, late: 0 }; // prettier-ignore
    for (let round = 0; round < ROUNDS; round++) {
      const from = randomSituation(random);
      const event = clearEvent(from);
      const { instructions, ledger } = build(from, event);
      accept(instructions);
      const expected = registersAfter(ledgerOf(from), event);
      assert.deepEqual(ledger.state, { ...expected, blind: ledger.state.blind }, `round ${round}`);
      const { match, outcome } = event.sweeps.at(-1)!;
      const { slot } = from;
      if (match) seen.matched++;
      if (match && slot === MIDPOINT) seen.midpoint++;
      if (match && slot === EXTREME && outcome.volume > 0n) seen.extreme++;
      if (match && slot === SPREAD && outcome.price < 0n) seen.belowZero++;
      if (event.command === "purge") seen.purged++;
      if (instructions.length > event.sweeps.length) seen.chunks++;
      if (event.sweeps.length > 1) seen.sweeps++;
      if (slot === EXPIRED || slot === EXPIRED_CROSS) seen.expired++;
      if (slot === UNQUOTED) seen.unquoted++;
      if (slot === FREE) seen.free++;
      if (outcome.fills.some(({ lots, closed }) => lots !== 0n && !closed)) seen.partial++;
      if (outcome.fees > 0n) seen.fees++;
      if (from.book.length + from.admitted.length === 0) seen.empty++;
      if (from.cancels.some((cancel) => cancel.all)) seen.alls++;
      if (!match && from.command === "close" && slot === AUCTION) seen.late++;
    }
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `never ${what}: raise TACIT_ROUNDS`);
  });

  it("the examples of this file are what they say", () => {
    const { price, volume, fills } = clearEvent(situation()).sweeps[0].outcome;
    assert.deepEqual([price, volume], [1_000n, 9n]);
    assert.deepEqual(
      fills.map(({ lots, closed }) => [lots, closed]),
      [[4n, true], [-3n, true], [3n, true], [2n, false], [-6n, true]], // prettier-ignore
    );
    accept(build(situation()).instructions);
    const long = build(longSituation()).instructions;
    assert.equal(long.length, 2);
    accept(long);
  });

  it("Rule 5: to take fewer cancels than one could only makes more sweeps, with the same book at the end", () => {
    const cancels = [single(2, 1n), all(4, 9n), single(5, 2n)];
    const from = longSituation({ cancels });
    const honest = clearEvent(from).sweeps.at(-1)!.outcome;
    const sweeps = [];
    let [book, admitted]: (readonly BookEntry[])[] = [from.book, from.admitted];
    for (const [i, taken] of [[], cancels.slice(0, 1), cancels.slice(1)].entries()) {
      const match = i === 2;
      const { slot, time } = from;
      const terms = { rules: rules.markets[slot], prices: prices.markets[slot], time };
      const outcome = sweep({ ...terms, match, cancels: taken, entries: [...book, ...admitted] });
      const trade = { slot, price: outcome.price, funding: match ? prices.markets[slot]!.funding : 0n };
      sweeps.push({ match, cancels: taken, book, admitted, outcome, trade });
      [book, admitted] = [outcome.book, []];
    }
    const { instructions, ledger } = build(from, { ...clearEvent(from), sweeps });
    accept(instructions);
    assert.deepEqual(book, honest.book);
    assert.equal(sweeps[2].outcome.price, honest.price);
    assert.equal(ledger.state.books, registersAfter(ledgerOf(from), clearEvent(from)).books);
  });

  it("where a sweep is cut makes no difference", () => {
    const from = longSituation({ cancels: [single(6, 2n)] });
    const expected = registersAfter(ledgerOf(from), clearEvent(from));
    for (const clear of [1, 2, 4, 5]) {
      const ledger = ledgerOf(from, undefined, { ...PROFILE, clear });
      const instructions = clearInstructions(ledger, clearEvent(from));
      for (const instruction of instructions) {
        const inputs = inputsOf(instruction);
        const padded = (values: bigint[], length: number) => [
          ...values,
          ...Array<bigint>(length - values.length).fill(0n),
        ];
        for (const name of ["active", "words"]) inputs[name] = padded(inputs[name], PROFILE.clear);
        inputs.switches = padded(inputs.switches, PROFILE.clear + 1);
        assert.deepEqual(outputs(circuits.auction, inputs), [...instruction.publicInputs]);
      }
      assert.deepEqual(ledger.state, { ...expected, blind: ledger.state.blind });
    }
  });

  describe("agrees case by case", () => {
    const cross = { slot: MIDPOINT };
    const mine = { account: 4 };
    const bids = (count: number) => Array.from({ length: count }, (_, i) => bid(980n, 1n, { nonce: BigInt(1 + i) }));
    const alls = (count: number) => Array.from({ length: count }, (_, i) => all(9, BigInt(1 + i)));
    const singles = (count: number) => Array.from({ length: count }, (_, i) => single(9, BigInt(1 + i)));
    type Told = { price: bigint; lots: bigint[]; left: number };
    /** Price, lots of the fills that trade, entries left; then proofs, where it takes more than one. */
    const cases: [why: string, from: Situation, told: Told, proofs?: number][] = [
      ["no orders", market([]), { price: 1_000n, lots: [], left: 0 }],
      ["bids only", market([bid(1_010n, 3n)]), { price: 1_010n, lots: [], left: 1 }],
      ["asks only", market([], [ask(990n, 3n)]), { price: 990n, lots: [], left: 1 }],
      ["sides that do not meet", market([bid(995n, 3n), ask(1_005n, 3n)]), { price: 1_000n, lots: [], left: 2 }],
      ["the mark inside the interval", market([bid(1_010n, 3n), ask(990n, 3n)]), { price: 1_000n, lots: [3n, -3n], left: 0 }],
      ["all orders exactly on the mark", market([bid(1_000n, 3n), ask(1_000n, 3n)]), { price: 1_000n, lots: [3n, -3n], left: 0 }],
      ["a price above the mark", market([bid(1_020n, 3n), ask(1_010n, 3n)]), { price: 1_010n, lots: [3n, -3n], left: 0 }],
      ["a price below the mark", market([bid(990n, 3n), ask(980n, 3n)]), { price: 990n, lots: [3n, -3n], left: 0 }],
      ["bids at the price: the last in part", market([bid(1_000n, 3n), bid(1_000n, 4n, mine), ask(990n, 5n)]), { price: 1_000n, lots: [3n, 2n, -5n], left: 1 }],
      ["asks at the price: the last in part", market([ask(1_000n, 3n), ask(1_000n, 4n, mine), bid(1_010n, 5n)]), { price: 1_000n, lots: [-3n, -2n, 5n], left: 1 }],
      ["one in part, one behind it untouched", market([bid(1_000n, 4n), bid(1_000n, 4n, mine), ask(990n, 3n)]), { price: 1_000n, lots: [3n, -3n], left: 2 }],
      ["in part, of this auction only", market([bid(1_000n, 4n, { thisAuction: true }), ask(990n, 3n)]), { price: 1_000n, lots: [3n, -3n], left: 0 }],
      ["nothing for one of this auction only", market([bid(980n, 4n, { thisAuction: true })]), { price: 1_000n, lots: [], left: 0 }],
      ["an account trades with itself", market([bid(1_010n, 4n), ask(990n, 4n)]), { price: 1_000n, lots: [4n, -4n], left: 0 }],
      ["a price below zero", market([bid(-245n, 2n), ask(-255n, 2n)], [], { slot: SPREAD }), { price: prices.markets[SPREAD]!.mark, lots: [2n, -2n], left: 0 }],
      ["the cross: walk order whatever the limits", market([bid(1_000n, 3n), bid(1_020n, 4n, mine), ask(1_000n, 5n)], [], cross), { price: 1_000n, lots: [3n, 2n, -5n], left: 1 }],
      ["the cross: asks in part", market([ask(1_000n, 4n), ask(980n, 4n, mine)], [bid(1_000n, 3n)], cross), { price: 1_000n, lots: [-3n, 3n], left: 2 }],
      ["the cross: in part, of this auction only", market([ask(1_000n, 4n, { thisAuction: true })], [bid(1_000n, 3n)], cross), { price: 1_000n, lots: [-3n, 3n], left: 0 }],
      ["the cross: one side", market([bid(1_000n, 3n)], [], cross), { price: 1_000n, lots: [], left: 1 }],
      ["the cross: none that reaches the mark", market([bid(995n, 3n), ask(1_005n, 3n)], [], cross), { price: 1_000n, lots: [], left: 2 }],
      ["the cross over two proofs, the better bid last", market([...bids(5), bid(1_010n, 2n)], [bid(1_020n, 2n, mine), ask(990n, 3n)], cross), { price: 1_000n, lots: [2n, 1n, -3n], left: 6 }, 2],
      ["a replaced order", market([bid(1_010n, 3n)], [bid(1_010n, 4n, { nonce: 2n }), ask(990n, 4n, mine)], { cancels: [single(2, 1n)] }), { price: 1_000n, lots: [4n, -4n], left: 0 }],
      ["all-cancels of one account, twice", market([bid(1_010n, 1n), bid(1_010n, 2n, { nonce: 3n }), bid(980n, 2n, { nonce: 5n })], [], { cancels: [all(2, 2n), all(2, 4n)] }), { price: 1_000n, lots: [], left: 1 }],
      ["sixteen all-cancels: one sweep", market([bid(1_010n, 1n), ask(990n, 1n, mine)], [], { cancels: [...alls(15), all(2, 5n)] }), { price: 990n, lots: [], left: 1 }],
      ["one more: two sweeps", market([bid(1_010n, 1n), ask(990n, 1n, mine)], [], { cancels: [...alls(16), all(2, 5n)] }), { price: 990n, lots: [], left: 1 }, 2],
      ["single ones between them: two sweeps", market([bid(1_010n, 1n), ask(990n, 1n, mine)], [], { cancels: [...alls(15), single(9, 7n), all(9, 8n), all(2, 5n)] }), { price: 990n, lots: [], left: 1 }, 2],
      ["64 cancels: one sweep", market([bid(1_010n, 1n), ask(990n, 1n)], [], { cancels: singles(64) }), { price: 1_000n, lots: [1n, -1n], left: 0 }],
      ["129 cancels: three sweeps of two proofs", market(bids(5), [bid(1_010n, 1n), ask(990n, 1n)], { cancels: singles(129) }), { price: 1_000n, lots: [1n, -1n], left: 5 }, 6],
      ["a book that just fits, no admitted", market(bids(6)), { price: 1_000n, lots: [], left: 6 }],
      ["a book that just fits, one admitted", market(bids(6), [bid(980n, 1n)]), { price: 1_000n, lots: [], left: 7 }, 2],
      ["no book, one admitted too many", market([], bids(7)), { price: 1_000n, lots: [], left: 7 }, 2],
      ["as many as two proofs walk", market(bids(7), bids(5)), { price: 1_000n, lots: [], left: 12 }, 2],
      ["a purge", market([bid(1_010n, 1n), ask(990n, 1n)], [], { command: "purge", cancels: [single(2, 1n)] }), { price: 0n, lots: [], left: 0 }],
      ["a purge, nothing to do", market([bid(1_010n, 1n), ask(990n, 1n)], [], { command: "purge" }), { price: 0n, lots: [], left: 2 }],
      ["an expired market", market(bids(5), bids(3), { slot: EXPIRED }), { price: 0n, lots: [], left: 0 }, 2],
      ["an expired cross", market(bids(2), [], { slot: EXPIRED_CROSS, command: "purge" }), { price: 0n, lots: [], left: 0 }],
      ["a halted market", market([bid(1_010n, 1n), ask(990n, 1n)], [], { slot: HALTED }), { price: 0n, lots: [], left: 2 }],
      ["a market without prices", market([bid(1_010n, 1n), ask(990n, 1n)], [], { slot: UNQUOTED }), { price: 0n, lots: [], left: 2 }],
      ["the last second of a market", market([bid(1_010n, 1n), ask(990n, 1n)], [], { slot: ENDING }), { price: 1_000n, lots: [1n, -1n], left: 0 }],
      ["a market that has ended", market(bids(2), [], { slot: ENDING, time: START + 1n }), { price: 0n, lots: [], left: 0 }],
      ["the last second of the epoch", market([bid(1_010n, 1n), ask(990n, 1n)], [], { time: START + AGE }), { price: 1_000n, lots: [1n, -1n], left: 0 }],
      ["prices of the epoch before", market([bid(1_010n, 1n), ask(990n, 1n)], [], { prices: { ...prices, epoch: prices.epoch - 1n } }), { price: 0n, lots: [], left: 2 }],
      ["prices of the epoch to come", market([bid(1_010n, 1n), ask(990n, 1n)], [], { time: START + AGE, prices: { ...prices, epoch: prices.epoch + 1n } }), { price: 0n, lots: [], left: 2 }],
      ["prices that halt", market([bid(1_010n, 1n), ask(990n, 1n)], [], { prices: { ...prices, halted: true } }), { price: 0n, lots: [], left: 2 }],
      ["prices under other rules", market([bid(1_010n, 1n), ask(990n, 1n)], [], { prices: { ...prices, rules: 5n } }), { price: 0n, lots: [], left: 2 }],
      ["off the interval", market([bid(1_010n, 1n), ask(990n, 1n)], [], { time: START + 1n }), { price: 0n, lots: [], left: 2 }],
      ["a free slot", market([], [], { slot: FREE }), { price: 0n, lots: [], left: 0 }],
    ]; // prettier-ignore
    for (const [why, from, { price, lots, left }, proofs = 1] of cases)
      it(why, () => {
        const event = clearEvent(from);
        const { outcome } = event.sweeps.at(-1)!;
        const traded = outcome.fills.filter((fill) => fill.lots !== 0n).map((fill) => fill.lots);
        assert.deepEqual([outcome.price, traded, outcome.book.length], [price, lots, left]);
        const { instructions, ledger } = build(from, event);
        assert.equal(instructions.length, proofs);
        accept(instructions);
        assert.deepEqual(ledger.state, { ...registersAfter(ledgerOf(from), event), blind: ledger.state.blind });
      });
  });
});
