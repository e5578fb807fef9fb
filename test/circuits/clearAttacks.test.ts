// Goal: each attack on Clear fails by the rule that is there for it, and from one state and log there is one end of a sweep.
// Method: malicious inputs, whose refusal names template and line; each input changed by one.
import assert from "node:assert/strict";
import { cancelWord, entryWord } from "../../src/protocol/book.ts";
import { depthAt } from "../../src/protocol/clearing.ts";
import { publicInputNames } from "../../src/protocol/instructions.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { PHASE } from "../../src/protocol/parameters.ts";
import {
  AUCTION,
  clearEvent,
  EXPIRED,
  inputsOf,
  INTERVAL,
  MIDPOINT,
  prices,
  refusal,
  type Situation,
  SPREAD,
  START,
  TICK,
} from "./clearing.ts";
import {
  all,
  ask,
  bid,
  clearProofs,
  longSituation,
  market,
  midpointSituation,
  single,
  situation,
} from "./clearProofs.ts";

describe("circuits/instructions/clear", () => {
  const { circuits, circuitOf, outputs, build } = clearProofs();

  describe("each attack fails by the rule that is there for it", () => {
    const inside = market([bid(1_010n, 4n), ask(990n, 4n)]);
    const above = market([bid(1_020n, 5n), ask(1_010n, 5n)]);
    const beneath = market([bid(990n, 5n), ask(980n, 5n)]);
    const [NEARER, CLEARS] = ["Claims: on * (tooHigh + tooLow) === 0;", "Bits: sum === in;"];
    const priced = (from: Situation, by: bigint) => (inputs: any) => {
      const price = clearEvent(from).sweeps[0].outcome.price + by;
      const { bids, bidsAbove, asks, asksBelow } = depthAt(price, from.book);
      Object.assign(inputs, { price: toField(price), bids, bidsAbove, asks, asksBelow });
    };
    const claims = (changes: Record<string, bigint>) => (inputs: any) => Object.assign(inputs, changes);
    const end = (name: string) => `Clear: concluded * walk[N - 1].after.${name} === 0;`;
    const long = longSituation({ cancels: [single(6, 2n), all(9, 9n)] });
    const begins = "Clear: first * mayBegin === 0;";
    const goesOn = "Clear: (1 - first) * (before.phase - PHASE_CLEARING() - slot) === 0;";
    const register = "Clear: before.clearing.sweep === (1 - first) * storedWord;";
    /** What the cheat leaves of the order that is filled in part. */
    const rest = (remaining: bigint) => entryWord({ ...situation().book[3], remaining });
    const attacks: [why: string, rule: string, from: Situation, change: (inputs: any) => void, proof?: number][] = [
      ["a tick up, mark inside the interval", NEARER, inside, priced(inside, TICK)],
      ["a tick down, mark inside the interval", NEARER, inside, priced(inside, -TICK)],
      ["a tick up, away from a mark below", NEARER, above, priced(above, TICK)],
      ["a tick down, towards a mark below", CLEARS, above, priced(above, -TICK)],
      ["a tick down, away from a mark above", NEARER, beneath, priced(beneath, -TICK)],
      ["a tick up, towards a mark above", CLEARS, beneath, priced(beneath, TICK)],
      ["the mark, where it does not clear", CLEARS, above, priced(above, -2n * TICK)],
      ["a cross off the mark", "Claims: on * (priceOut - mark) === 0;", midpointSituation(), claims({ price: 1_005n })],
      ["off the tick, with claims that suit it", "Clear: priceParts.out === ticks * row.tick;", inside, claims({ price: 1_001n, bids: 4n, bidsAbove: 0n, asks: 4n, asksBelow: 0n })],
      ["off the tick, with true claims", NEARER, inside, priced(inside, 1n)],
      ["a bid lot too many claimed, in excess anyway", end("restBids"), situation(), (inputs) => (inputs.bids += 1n)],
      ["an ask lot too many at the price", end("leftAsk"), situation(), (inputs) => Object.assign(inputs, { asks: 10n, partialWord: rest(3n) })],
      ["more bids above the price", end("restBidsAbove"), situation(), (inputs) => Object.assign(inputs, { bidsAbove: 5n, partialWord: rest(5n) })],
      ["fewer asks below the price", end("leftAsk"), situation(), (inputs) => (inputs.asksBelow -= 1n)],
      ["the cross: bids above it that are none", end("restBidsAbove"), midpointSituation(), (inputs) => (inputs.bidsAbove += 1n)],
      ["from book to admitted too early", "Switch: on * (walked - bookHead) === 0;", situation(), claims({ switches: [0n, 1n, 0n, 0n, 0n, 0n, 0n] as any })],
      ["to admitted orders twice, where both are none", "Switch: on * stage === 0;", market([]), claims({ switches: [1n, 1n, 0n, 0n, 0n, 0n, 0n] as any })],
      ["the rest of an order at another place", "ClearSlot: partial * (partialHead - before.newBook) === 0;", situation(), (inputs) => (inputs.partialHead += 1n)],
      ["the rest of an order with other lots", "ClearSlot: partial * (partialWord - (word - lots * (1 << REMAINING_AT()))) === 0;", situation(), (inputs) => (inputs.partialWord += 1n << 102n)],
      ["half a cancel", "Boolean: in * (in - 1) === 0;", situation(), (inputs) => (inputs.cancelActive[1] = 2n)],
      ["half a cancel of all", "Boolean: in * (in - 1) === 0;", situation(), (inputs) => (inputs.cancelAll[1] = 2n)],
      ["other cancels in the second proof", "Clear: (1 - begins) * (sweepCancels.to - storedTo) === 0;", long, (inputs) => (inputs.cancelWords[0] = cancelWord(single(6, 3n))), 1],
      ["fewer cancels in the second proof", "Clear: (1 - begins) * (sweepCancels.to - storedTo) === 0;", long, (inputs) => (inputs.cancelActive[3] = 0n), 1],
      ["a second command while one is under way", begins, long, claims({ first: 1n }), 1],
      ["going on in phase open", goesOn, long, (inputs) => (inputs.before.phase = 0n), 1],
      ["going on in another market", goesOn, long, claims({ slot: BigInt(SPREAD) }), 1],
      ["going on in phase settling", goesOn, long, (inputs) => (inputs.before.phase = BigInt(PHASE.settling)), 1],
      ["the match turned off between proofs", register, long, claims({ storedMatch: 0n }), 1],
      ["claims made anew between proofs", register, long, claims({ starting: 1n }), 1],
      ["another price between proofs", register, long, (inputs) => (inputs.storedPrice += TICK), 1],
      ["another claim between proofs", register, long, (inputs) => (inputs.stored.restAsks += 1n), 1],
      ["entries forgotten between proofs", register, long, (inputs) => (inputs.stored.kept = 0n), 1],
      ["another book between proofs", register, long, (inputs) => (inputs.stored.newBook += 1n), 1],
      ["a close that goes on as a purge", register, long, claims({ purge: 1n }), 1],
      ["another time between proofs", register, long, (inputs) => (inputs.stamp += INTERVAL), 1],
      ["an auction by the rule of the cross", "Clear: rowGiven * (row.rule - RULE) === 0;", situation({ slot: MIDPOINT }), () => undefined],
      ["another market's row", "RulesRow: given * (hashed - rowHash) === 0;", situation(), (inputs) => (inputs.row.tick = 1n)],
      ["another mark", "PricesRow: given * (hashed - rowHash) === 0;", situation(), (inputs) => (inputs.quoted.mark += TICK)],
      ["another slot's book", "OpenVector: root === hashed;", situation(), ({ books }) => ([books[0], books[1]] = [books[1], books[0]])],
      ["another epoch of the prices", "OpenPrices: root === hashed;", situation(), ({ meta }) => (meta.epoch += 1n)],
      ["a halt denied", "OpenPrices: root === hashed;", situation({ prices: { ...prices, halted: true } }), ({ meta }) => (meta.halted = 0n)],
      ["prices called those of the rules in force", "OpenPrices: root === hashed;", situation({ prices: { ...prices, rules: 5n } }), (inputs) => (inputs.meta.rules = inputs.before.roots.rules)],
      ["longer epochs", "OpenRules: root === hashed;", situation(), ({ group }) => (group.epochLength += 1n)],
      ["a longer lag", "OpenRules: root === hashed;", situation(), ({ group }) => (group.lag += 1n)],
      ["a market that goes on", "RulesRow: given * (hashed - rowHash) === 0;", situation({ slot: EXPIRED }), (inputs) => (inputs.row.until += 1n)],
      ["two closes at one time", CLEARS, situation(), ({ before }) => (before.logged.clock = 32n * START + 1n)],
    ]; // prettier-ignore
    for (const [why, rule, from, change, proof = 0] of attacks)
      it(why, () => {
        const instruction = build(from).instructions[proof];
        const inputs = inputsOf(instruction);
        change(inputs);
        // The cross as an auction is proved by the circuit of the other rule.
        const circuit = rule.includes("row.rule") ? circuits.auction : circuitOf(instruction);
        assert.equal(refusal(circuit, inputs), rule);
      });

    it("a close consumed as a purge, or at another time, is another log", () => {
      const [{ inputs, publicInputs, name }] = build(situation()).instructions;
      for (const change of [{ purge: 1n }, { stamp: START + 1n }, { stamp: START + INTERVAL }]) {
        const shown = outputs(circuits[name as "auction"], { ...inputs, ...change });
        const differs = publicInputNames("auction").filter((_, i) => shown[i] !== publicInputs[i]);
        assert.ok(differs.includes("log"), String(differs));
      }
    });
  });

  it("from one state and log no other input leads to another end of the sweep", () => {
    const names = publicInputNames("auction");
    const paths = (value: any, path: string[] = []): string[][] =>
      typeof value === "bigint" ? [path] : Object.keys(value).flatMap((key) => paths(value[key], [...path, key]));
    const vectors = /^(ids|rulesRows|pricesRows|books|admitted|cancels|counts)\.([1-9]\d*)$/;
    const cancels = [single(9, 4n), all(9, 5n)];
    const last = (from: Situation) => build(from).instructions.at(-1)!;
    let accepted = 0;
    for (const honest of [last(situation({ cancels })), last(longSituation({ cancels }))])
      for (const path of paths(honest.inputs)) {
        const name = path.join(".");
        if (name.startsWith("before.") || name === "blindAfter" || vectors.test(name)) continue;
        const inputs = inputsOf(honest);
        const holder = path.slice(0, -1).reduce((part, key) => part[key], inputs);
        const key = path.at(-1)!;
        holder[key] = holder[key] === 1n ? 0n : holder[key] + 1n;
        if (refusal(circuitOf(honest), inputs) !== null) continue;
        accepted++;
        const shown = outputs(circuitOf(honest), inputs);
        const differs = names.filter((_, i) => shown[i] !== honest.publicInputs[i]);
        const clearing = shown[2] === BigInt(PHASE.clearing(AUCTION));
        assert.ok(differs.length === 0 || differs.includes("log") || clearing, `${name}: ${differs}`);
      }
    assert.ok(accepted > 50, "free inputs, of which nothing is used");
  });
});
