// Goal: Clear does to a market what src/protocol/clearing.ts says, whatever its book holds, and no proof says otherwise.
// Method: random commands (seed in the name of the test; TACIT_ROUNDS sets their number), all public outputs against the
// ledger and all registers against the event; lying events, whose witness builder is consistent with the lie;
// malicious inputs; forged witnesses, in which a signal is pinned and all that follows is computed anew.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { cancelWord, entryWord, pushEntry, type BookEntry, type Cancel } from "../../src/protocol/book.ts";
import { depthAt, sweep } from "../../src/protocol/clearing.ts";
import { PROFILES, publicInputNames } from "../../src/protocol/instructions.ts";
import { fee } from "../../src/protocol/market.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { MARKET_STATE, PHASE, RULE, SIDE, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import type { InstructionInputs, Ledger } from "../../src/witness/ledger.ts";
import {
  AUCTION,
  clearEvent,
  EXPIRED,
  EXPIRED_CROSS,
  EXTREME,
  FREE,
  HALTED,
  inputsOf,
  INTERVAL,
  ledgerOf,
  MAX_AGE,
  MIDPOINT,
  order,
  prices,
  PROFILE,
  randomSituation,
  refusal,
  registersAfter,
  rules,
  SPREAD,
  START,
  TICK,
  UNQUOTED,
  type ClearEvent,
  type Situation,
} from "./clearing.ts";
import { compileTemplate, expectNoWitness, type Circuit } from "./harness.ts";
import { leavesOthersAlone } from "./registers.ts";

const file = "circuits/instructions/clear.circom";
const SEED = Number(process.env.SEED ?? 20_261_125);
const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 60);
const EXPECTED_PUBLIC = publicInputNames("auction").length;
const { buy, sell } = SIDE;

type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

/** Orders of an auction at the mark, 1,000: 9 lots trade; of the long side 3 lots fill whole and 2 of 6 at the price. */
function situation(changes: Partial<Situation> = {}): Situation {
  const book = [
    order({ account: 2, nonce: 1n, side: buy, limit: 1_010n, remaining: 4n }),
    order({ account: 3, nonce: 1n, side: sell, limit: 990n, remaining: 3n }),
    order({ account: 2, nonce: 2n, side: buy, limit: 1_000n, remaining: 3n }),
    order({ account: 4, nonce: 1n, side: buy, limit: 1_000n, remaining: 6n }),
  ];
  const admitted = [
    order({ account: 5, nonce: 1n, side: sell, limit: 1_000n, remaining: 6n }),
    order({ account: 5, nonce: 2n, side: sell, limit: 1_010n, remaining: 2n }),
  ];
  return { slot: AUCTION, command: "close", time: START, book, admitted, cancels: [], prices, ...changes };
}

/** The same with more entries than one proof walks. */
function longSituation(changes: Partial<Situation> = {}): Situation {
  const { book, admitted } = situation();
  const more = [1n, 2n, 3n].map((nonce) => order({ account: 6, nonce, side: buy, limit: 970n, remaining: nonce }));
  return situation({ book: [...more, ...book], admitted, ...changes });
}

const single = (account: number, nonce: bigint): Cancel => ({ account, nonce, all: false });
const all = (account: number, nonce: bigint): Cancel => ({ account, nonce, all: true });

describe("circuits/instructions/clear", () => {
  let circuits: Record<"auction" | "midpoint", Circuit>;
  before(async () => {
    const compile = (rule: number) =>
      compileTemplate({ file, template: "Clear", args: [PROFILE.scenarios, PROFILE.clear, rule] });
    circuits = { auction: await compile(RULE.auction), midpoint: await compile(RULE.midpoint) };
  });
  const circuitOf = ({ name }: InstructionInputs) => circuits[name as "auction" | "midpoint"];
  const outputs = (circuit: Circuit, inputs: any) => circuit.witness(inputs).slice(1, 1 + EXPECTED_PUBLIC);

  /** Proves every instruction: public outputs are the ledger's. */
  function accept(instructions: readonly InstructionInputs[]): void {
    for (const instruction of instructions)
      assert.deepEqual(outputs(circuitOf(instruction), instruction.inputs), [...instruction.publicInputs]);
  }

  /** Fresh instructions of a situation, and the ledger after them. */
  function build(from: Situation, event = clearEvent(from)): { instructions: InstructionInputs[]; ledger: Ledger } {
    const ledger = ledgerOf(from);
    return { instructions: clearInstructions(ledger, event), ledger };
  }

  /** The builder believes the lie; some proof of the list has no witness, or leads to another state. */
  function refuse(what: string, from: Situation, lie: (event: Mutable<ClearEvent>) => void): void {
    const event = structuredClone(clearEvent(from)) as Mutable<ClearEvent>;
    lie(event);
    const { instructions } = build(from, event as ClearEvent);
    const broken = instructions.some((instruction) => {
      try {
        const found = outputs(circuitOf(instruction), instruction.inputs);
        return found.some((value, i) => value !== instruction.publicInputs[i]);
      } catch (error) {
        assert.match((error as Error).message, /Assert Failed/);
        return true;
      }
    });
    assert.equal(broken, true, what);
  }

  /** With the changed inputs of one proof there is no witness at all. */
  function refuseInputs(what: string, instruction: InstructionInputs, change: (inputs: any) => void): void {
    const inputs = inputsOf(instruction);
    change(inputs);
    try {
      expectNoWitness(circuitOf(instruction), inputs);
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }

  /** With them there may be one, but the sweep has not ended, and from there it never can: a head is unknown. */
  function neverEnds(what: string, instruction: InstructionInputs, change: (inputs: any) => void): void {
    const inputs = inputsOf(instruction);
    change(inputs);
    let phase;
    try {
      phase = outputs(circuitOf(instruction), inputs)[2];
    } catch (error) {
      assert.match((error as Error).message, /Assert Failed/);
      return;
    }
    assert.equal(phase, BigInt(PHASE.clearing(Number(inputs.slot))), what);
  }

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
      [[4n, true], [-3n, true], [3n, true], [2n, false], [-6n, true], [0n, false]], // prettier-ignore
    );
    accept(build(situation()).instructions);
    const long = build(longSituation()).instructions;
    assert.equal(long.length, 2);
    accept(long);
  });

  it("Rule 1: no entry is skipped, moved, doubled, added or changed; the chains are walked in their order", () => {
    const [honest] = build(situation()).instructions;
    const drop = (inputs: any, at: number) => {
      inputs.words.splice(at, 1);
      inputs.words.push(0n);
      inputs.active[5] = 0n;
    };
    for (let at = 0; at < 6; at++) {
      neverEnds(`entry ${at} skipped`, honest, (inputs) => {
        drop(inputs, at);
        if (at < 4) inputs.switches = [0n, 0n, 0n, 1n, 0n, 0n, 0n];
      });
      neverEnds(`entry ${at} changed`, honest, (inputs) => (inputs.words[at] += 1n));
      neverEnds(`entry ${at} inactive`, honest, (inputs) => (inputs.active[at] = 0n));
      if (at > 0)
        neverEnds(`entries ${at - 1} and ${at} swapped`, honest, ({ words }) => {
          [words[at - 1], words[at]] = [words[at], words[at - 1]];
        });
    }
    const [room] = build(situation({ admitted: [situation().admitted[0]] })).instructions;
    neverEnds("an entry doubled", room, ({ words, active }) => {
      words[5] = words[4];
      active[5] = 1n;
    });
    neverEnds("an entry added", room, ({ words, active }) => {
      words[5] = entryWord(order({ side: sell, limit: 1_000n, remaining: 1n }));
      active[5] = 1n;
    });
    for (const at of [0, 1, 3, 5, 6])
      refuseInputs(`the book left after ${at} entries`, honest, (inputs) => {
        inputs.switches.fill(0n);
        inputs.switches[at] = 1n;
      });
    refuseInputs("two switches", honest, (inputs) => (inputs.switches[6] = 1n));
    neverEnds("no switch: admitted orders left out", honest, (inputs) => {
      inputs.switches.fill(0n);
      inputs.active.fill(0n, 4);
    });
    neverEnds("book left out", honest, (inputs) => inputs.active.fill(0n));
    refuseInputs("a switch that is no bit", honest, (inputs) => (inputs.switches[4] = 2n));
    refuseInputs("an entry that is half active", honest, (inputs) => (inputs.active[5] = 3n));
  });

  it("Rule 2: what is cancelled, expired, off the band or under-reserved leaves, and nothing else does", () => {
    const { book, admitted } = situation();
    const terms = rules.markets[AUCTION]!;
    const keep = (at: number) => (event: Mutable<ClearEvent>) => relive(event, at);
    const replaced = (change: Partial<BookEntry>) => situation({ book: book.map((e, i) => (i === 3 ? { ...e, ...change } : e)) }); // prettier-ignore
    refuse("an expired order kept", replaced({ expiry: START - 1n }), keep(3));
    refuse("an order off the band kept", replaced({ limit: 1_000n - terms.band - TICK }), keep(3));
    const quoted = prices.markets[AUCTION]!;
    const covered = 1_000n - quoted.funding - quoted.low + fee(terms, 1_000n, 1n);
    refuse("an under-reserved order kept", replaced({ rho: covered - 1n }), keep(3));
    accept(build(replaced({ rho: covered })).instructions);
    refuse("a covered order dropped", replaced({ rho: covered }), (event) => drop(event, 3));
    refuse("an order of the last second dropped", replaced({ expiry: START }), (event) => drop(event, 3));
    refuse("an order at the band dropped", replaced({ limit: 1_000n - terms.band }), (event) => drop(event, 3));
    refuse("a cancelled order kept", situation({ cancels: [single(4, 1n)] }), keep(3));
    refuse("an order kept in spite of an all-cancel", situation({ cancels: [all(4, 2n)] }), keep(3));
    refuse("an order kept that the later all-cancel names", situation({ cancels: [all(2, 1n), all(2, 3n)] }), keep(2));
    refuse("an order not below the all-cancel dropped", situation({ cancels: [all(4, 1n)] }), (event) =>
      drop(event, 3),
    );
    refuse("another account's order cancelled", situation({ cancels: [single(5, 1n)] }), (event) => drop(event, 3));
    refuse("a this-auction order kept", replaced({ thisAuction: true }), (event) => {
      const { outcome } = event.sweeps[0];
      outcome.fillOf[3]!.closed = false;
      outcome.fillOf[3]!.release = 2n * book[3].rho;
    });
    refuse("an order dropped of an open market", situation({ command: "purge" }), (event) => drop(event, 3));
    refuse("an order kept in an expired market", situation({ slot: EXPIRED }), keep(3));
    assert.equal(admitted.length, 2);
  });

  it("Rule 3: no other lots: none shifted between orders at the price, none beyond a limit, none left out", () => {
    const shift = (from: number, to: number) => (event: Mutable<ClearEvent>) => {
      const { fillOf } = event.sweeps[0].outcome;
      const by = fillOf[from]!.lots > 0n ? 1n : -1n;
      fillOf[from]!.lots -= by;
      fillOf[to]!.lots += by;
    };
    refuse("a lot shifted from the earlier to the later order at the price", situation(), shift(2, 3));
    refuse("a lot shifted back", situation(), shift(3, 2));
    refuse("a lot shifted from a better limit", situation(), shift(0, 3));
    refuse("less lots on both sides", situation(), (event) => {
      const { fillOf } = event.sweeps[0].outcome;
      fillOf[3]!.lots -= 1n;
      fillOf[4]!.lots += 1n;
    });
    refuse("sides turned", situation(), (event) => {
      for (const fill of event.sweeps[0].outcome.fillOf) if (fill) fill.lots = -fill.lots;
    });
    refuse("midpoint: lots shifted", situation({ slot: MIDPOINT }), shift(2, 3));
    refuse("midpoint: a better limit first", midpointSituation(), shift(0, 2));
  });

  it("Rule 4: fills are written as they are: fee, release, closed, account, order; books without change", () => {
    for (const at of [0, 1, 2, 3, 4]) {
      const change = (what: string, by: (fill: any) => void) =>
        refuse(`${what} of fill ${at}`, situation(), (event) => by(event.sweeps[0].outcome.fillOf[at]));
      for (const by of [-1n, 1n]) {
        change("fee", (fill) => (fill.fee += by));
        change("release", (fill) => (fill.release += by));
        change("account", (fill) => (fill.account += Number(by)));
      }
      change("closed", (fill) => (fill.closed = !fill.closed));
    }
    refuse("no fill at all", situation(), (event) => (event.sweeps[0].outcome.fillOf[0] = null));
    for (const by of [-1n, 1n])
      refuse(`venue's fee ${by}`, situation(), (event) => {
        const { fills } = event.sweeps[0].outcome;
        fills[fills.length - 1].fee += by;
      });
    const [honest] = build(situation()).instructions;
    for (const name of ["partialHead", "partialWord"])
      refuseInputs(`${name} of the order that stays`, honest, (inputs) => (inputs[name] += 1n));
  });

  it("Rule 5: cancels are the next ones of the chain; none is left out, added, changed or moved", () => {
    const cancels = [single(9, 1n), single(4, 1n), all(9, 2n), single(9, 3n)];
    const [honest] = build(situation({ cancels })).instructions;
    accept([honest]);
    neverEnds("no cancels taken: nothing may match", honest, ({ cancelActive }) => cancelActive.fill(0n));
    neverEnds("one changed", honest, ({ cancelWords }) => (cancelWords[1] = cancelWord(single(4, 9n))));
    neverEnds("two swapped", honest, ({ cancelWords }) => {
      [cancelWords[0], cancelWords[1]] = [cancelWords[1], cancelWords[0]];
    });
    neverEnds("one added", honest, ({ cancelActive, cancelWords }) => {
      cancelActive[4] = 1n;
      cancelWords[4] = cancelWord(single(2, 1n));
    });
    refuseInputs("a gap", honest, ({ cancelActive }) => (cancelActive[1] = 0n));
    refuseInputs("bits beyond the word", honest, ({ cancelWords }) => (cancelWords[5] = 1n << 61n));
    const [three] = build(situation({ cancels: [all(9, 1n), all(9, 2n)] })).instructions;
    refuseInputs("a third all-cancel", three, ({ cancelActive, cancelWords }) => {
      cancelActive[2] = 1n;
      cancelWords[2] = cancelWord(all(4, 2n));
    });
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
      sweeps.push({ match, cancels: taken, book, admitted, outcome });
      [book, admitted] = [outcome.book, []];
    }
    const { instructions, ledger } = build(from, { ...clearEvent(from), sweeps });
    accept(instructions);
    assert.deepEqual(book, honest.book);
    assert.equal(sweeps[2].outcome.price, honest.price);
    assert.equal(ledger.state.books, registersAfter(ledgerOf(from), clearEvent(from)).books);
  });

  it(`Rule 6: no other price: a tick or less up or down, whatever is claimed (seed ${SEED + 1})`, () => {
    const random = new Random(SEED + 1);
    const seen = { auction: 0, midpoint: 0, away: 0 };
    while (seen.auction < 6 || seen.midpoint < 2 || seen.away < 3) {
      const from = randomSituation(random);
      const event = clearEvent(from);
      const [{ match, outcome }] = event.sweeps;
      const { instructions } = build(from, event);
      if (!match || instructions.length > 1 || from.slot === EXTREME || outcome.volume === 0n) continue;
      const [honest] = instructions;
      seen[honest.name as "auction"]++;
      if (outcome.price !== prices.markets[from.slot]!.mark) seen.away++;
      const live = [...from.book, ...from.admitted].filter((_, i) => outcome.eligible[i]);
      for (const by of [-2n * TICK, -TICK, -1n, 1n, TICK, 2n * TICK]) {
        const price = outcome.price + by;
        const { bids, bidsAbove, asks, asksBelow } = depthAt(price, live);
        const at = { price: toField(price) };
        refuseInputs(`true claims at ${by}`, honest, (inputs) =>
          Object.assign(inputs, at, { bids, bidsAbove, asks, asksBelow }),
        );
        refuseInputs(`claims of the true price at ${by}`, honest, (inputs) => Object.assign(inputs, at));
        const balanced = { bids: 99n, bidsAbove: 0n, asks: 99n, asksBelow: 0n };
        refuseInputs(`claims that would make it clear at ${by}`, honest, (inputs) =>
          Object.assign(inputs, at, balanced),
        );
      }
    }
    refuse("the trade price alone", situation(), (event) => (event.tradePrice += TICK));
  });

  it("Rules 6 and 9: no false claims, in one proof or over several", () => {
    for (const from of [situation(), longSituation(), midpointSituation()])
      for (const name of ["bids", "bidsAbove", "asks", "asksBelow"] as const)
        for (const by of [-1n, 1n])
          refuse(`${name} ${by}`, from, (event) => (event.sweeps[0].outcome.depth[name] += by));
    const [honest] = build(situation()).instructions;
    refuseInputs("claims beyond 48 bits", honest, (inputs) => (inputs.bids += 1n << 48n));
    refuseInputs("negative claims", honest, (inputs) => (inputs.asksBelow = FIELD - 1n));
  });

  it("Rule 7: the command is consumed once, in order, in the right phase, and by the market's circuit", () => {
    const [honest] = build(situation()).instructions;
    for (const stamp of [START - INTERVAL, START - 1n, 0n])
      refuseInputs(`stamped ${stamp}`, honest, (inputs) => {
        inputs.before.logged.clock = 32n * START;
        inputs.stamp = stamp;
      });
    refuseInputs("a time beyond 40 bits", honest, (inputs) => (inputs.stamp = 1n << 40n));
    refuseInputs("two closes at one time", honest, (inputs) => (inputs.before.logged.clock = 32n * START + 1n));
    refuseInputs("a close after the other entries of its second", honest, (inputs) => (inputs.before.logged.clock = 32n * START + 31n)); // prettier-ignore
    refuseInputs(
      "a close after one of a later slot",
      honest,
      (inputs) => (inputs.before.logged.clock = 32n * START + 2n),
    );
    const [purge] = build(situation({ command: "purge" })).instructions;
    const afterOthers = inputsOf(purge);
    afterOthers.before.logged.clock = 32n * START + 31n;
    assert.equal(outputs(circuits.auction, afterOthers)[3], START, "a purge may come at any time");
    refuseInputs("a purge of the past", purge, (inputs) => (inputs.before.logged.clock = 32n * (START + 1n)));

    for (const phase of [1, 2, 17, 18, 33]) {
      refuseInputs(`first proof in phase ${phase}`, honest, (inputs) => (inputs.before.phase = BigInt(phase)));
      refuseInputs(`no entry consumed in phase ${phase - 1}`, honest, (inputs) => {
        inputs.before.phase = BigInt(phase - 1);
        inputs.first = 0n;
      });
    }
    refuseInputs("something in the sweep register", honest, (inputs) => (inputs.before.clearing.sweep = 1n));
    refuseInputs("another market", honest, (inputs) => (inputs.slot = BigInt(MIDPOINT)));
    refuseInputs("no market", honest, (inputs) => (inputs.slot = 16n));
    refuseInputs("a command that is no bit", honest, (inputs) => (inputs.purge = 2n));

    expectNoWitness(circuits.midpoint, inputsOf(honest));
    for (const slot of [FREE, EXPIRED, HALTED, UNQUOTED])
      expectNoWitness(circuits.midpoint, inputsOf(build(situation({ slot })).instructions[0]));
    expectNoWitness(circuits.auction, inputsOf(build(situation({ slot: MIDPOINT })).instructions[0]));
    expectNoWitness(circuits.auction, inputsOf(build(situation({ slot: EXPIRED_CROSS })).instructions[0]));
  });

  it("Rule 8: it matches iff it may", () => {
    /** The lie that a sweep matched, or that it did not. */
    const turned = (from: Situation, match: boolean) => (event: Mutable<ClearEvent>) => {
      const terms = { rules: { ...rules.markets[AUCTION]! }, prices: prices.markets[AUCTION]! };
      for (const [i, walked] of event.sweeps.entries()) {
        if (i < event.sweeps.length - 1) continue;
        const { cancels, book, admitted } = walked as ClearEvent["sweeps"][number];
        const outcome = sweep({ ...terms, match, cancels, time: from.time, entries: [...book, ...admitted] });
        Object.assign(walked, { match, outcome });
        event.tradePrice = match ? outcome.price - terms.prices.funding : 0n;
      }
    };
    const cases: Record<string, Partial<Situation>> = {
      "off the interval": { time: START + 1n, prices: { ...prices, time: START } },
      "just below the interval": { time: START + 9n, prices: { ...prices, time: START } },
      "a purge": { command: "purge" },
      "stale prices": { prices: { ...prices, time: START - MAX_AGE - 1n } },
      "prices of the future": { prices: { ...prices, time: START + 1n } },
      "prices of other rules": { prices: { ...prices, rules: 1n } },
      "a halted market": { slot: HALTED },
      "an unquoted market": { slot: UNQUOTED },
      "a free slot": { slot: FREE },
    };
    for (const [what, changes] of Object.entries(cases)) {
      const from = situation(changes);
      assert.equal(clearEvent(from).sweeps[0].match, false, what);
      accept(build(from).instructions);
      refuse(what, from, turned(from, true));
    }
    refuse("a match withheld", situation(), turned(situation(), false));
    refuse("a match withheld at the last second of the prices", situation({ prices: { ...prices, time: START - MAX_AGE } }), turned(situation(), false)); // prettier-ignore
    const many = Array.from({ length: SWEEP_CANCELS + 1 }, (_, i) => single(9, BigInt(1 + i)));
    const left = situation({ cancels: many });
    refuse("a match in the sweep before the last", left, (event) => {
      event.sweeps.pop();
      turned(left, true)(event);
    });
    refuse("a command that forgets its cancels", left, (event) => {
      event.sweeps.shift();
      turned(left, true)(event);
    });
  });

  it("Rules 8 and 9: a later proof goes on where the register says, and nowhere else", () => {
    const cancels = [single(6, 2n), all(9, 9n)];
    const many = Array.from({ length: SWEEP_CANCELS + 1 }, (_, i) => single(9, BigInt(1 + i)));
    for (const from of [
      longSituation({ cancels }),
      longSituation({ slot: MIDPOINT }),
      longSituation({ cancels: many }),
    ]) {
      const [, second] = build(from).instructions;
      for (const name of Object.keys(inputsOf(second).stored))
        refuseInputs(`stored.${name}`, second, (inputs) => (inputs.stored[name] += 1n));
      for (const name of ["storedPrice", "storedFrom", "storedTo", "stamp", "blindBefore"])
        if (name in second.inputs) refuseInputs(name, second, (inputs) => (inputs[name] += 1n));
      for (const name of ["storedMatch", "starting", "purge", "first"])
        refuseInputs(name, second, (inputs) => (inputs[name] = 1n - inputs[name]));
    }
    const [, second] = build(longSituation({ cancels })).instructions;
    refuseInputs("fewer cancels", second, ({ cancelActive }) => (cancelActive[1] = 0n));
    refuseInputs("other cancels", second, ({ cancelWords }) => (cancelWords[0] = cancelWord(single(6, 3n))));
    refuseInputs("another phase", second, (inputs) => (inputs.before.phase += 1n));
    neverEnds("entries left out", second, (inputs) => inputs.active.fill(0n));
    // New claims in a later proof count for nothing: the register has those of the first.
    const changed = inputsOf(second);
    Object.assign(changed, { price: 5n, bids: 1n, bidsAbove: 1n, asks: 1n, asksBelow: 1n });
    assert.deepEqual(outputs(circuits.auction, changed), [...second.publicInputs]);
  });

  it("Rule 10: other markets stay as they are", () => {
    const [honest] = build(situation()).instructions;
    for (const name of ["books", "admitted", "cancels", "counts"])
      for (const slot of [AUCTION, MIDPOINT, FREE])
        refuseInputs(`${name}[${slot}]`, honest, (inputs) => (inputs[name][slot] += 1n));
    for (const name of ["rulesRows", "pricesRows", "ids"])
      refuseInputs(name, honest, (inputs) => (inputs[name][AUCTION] += 1n));
    for (const name of ["tick", "band", "feeRate", "feePerLot", "rule", "interval", "state"])
      refuseInputs(`row.${name}`, honest, (inputs) => (inputs.row[name] += 1n));
    for (const name of ["mark", "funding", "low", "high"])
      refuseInputs(`quoted.${name}`, honest, (inputs) => (inputs.quoted[name] += 1n));
    refuseInputs("meta.time", honest, (inputs) => (inputs.meta.time += 1n));
    refuseInputs("group.maxAge", honest, (inputs) => (inputs.group.maxAge += 1n));
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

  const at = (side: number, limit: bigint, remaining: bigint, changes: Partial<BookEntry> = {}) =>
    order({ account: 2, nonce: 1n, side, limit, remaining, ...changes });
  const bid = (limit: bigint, lots: bigint, changes: Partial<BookEntry> = {}) => at(buy, limit, lots, changes);
  const ask = (limit: bigint, lots: bigint, changes: Partial<BookEntry> = {}) => at(sell, limit, lots, changes);
  const market = (book: BookEntry[], admitted: BookEntry[] = [], changes: Partial<Situation> = {}) =>
    situation({ book, admitted, ...changes });

  describe("agrees case by case", () => {
    const cross = { slot: MIDPOINT };
    const mine = { account: 4 };
    const bids = (count: number) => Array.from({ length: count }, (_, i) => bid(980n, 1n, { nonce: BigInt(1 + i) }));
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
      ["three all-cancels: two sweeps", market([bid(1_010n, 1n), ask(990n, 1n, mine)], [], { cancels: [all(9, 2n), all(9, 4n), all(2, 5n)] }), { price: 990n, lots: [], left: 1 }, 2],
      ["sixteen cancels: one sweep", market([bid(1_010n, 1n), ask(990n, 1n)], [], { cancels: singles(16) }), { price: 1_000n, lots: [1n, -1n], left: 0 }],
      ["33 cancels: three sweeps of two proofs", market(bids(5), [bid(1_010n, 1n), ask(990n, 1n)], { cancels: singles(33) }), { price: 1_000n, lots: [1n, -1n], left: 5 }, 6],
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
      ["prices too old", market([bid(1_010n, 1n), ask(990n, 1n)], [], { prices: { ...prices, time: START - MAX_AGE - 1n } }), { price: 0n, lots: [], left: 2 }],
      ["prices just young enough", market([bid(1_010n, 1n), ask(990n, 1n)], [], { prices: { ...prices, time: START - MAX_AGE } }), { price: 1_000n, lots: [1n, -1n], left: 0 }],
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
    const first = "Clear: before.phase === (1 - first) * (PHASE_CLEARING() + slot);";
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
      ["a third all-cancel", "SweepCancels: seconds * (seconds - 1) === 0;", situation({ cancels: [all(9, 1n), all(9, 2n)] }), (inputs) => Object.assign(inputs.cancelActive, { 2: 1n }) && (inputs.cancelWords[2] = cancelWord(all(4, 2n)))],
      ["a gap in the cancels", "SweepCancels: active[j] * (1 - active[j - 1]) === 0;", situation(), (inputs) => (inputs.cancelActive[1] = 1n)],
      ["other cancels in the second proof", "Clear: (1 - begins) * (sweepCancels.to - storedTo) === 0;", long, (inputs) => (inputs.cancelWords[0] = cancelWord(single(6, 3n))), 1],
      ["fewer cancels in the second proof", "Clear: (1 - begins) * (sweepCancels.to - storedTo) === 0;", long, (inputs) => (inputs.cancelActive[1] = 0n), 1],
      ["a second command while one is under way", first, long, claims({ first: 1n }), 1],
      ["going on in phase open", first, long, (inputs) => (inputs.before.phase = 0n), 1],
      ["going on in another market", first, long, claims({ slot: BigInt(SPREAD) }), 1],
      ["going on in phase settling", first, long, (inputs) => (inputs.before.phase = BigInt(PHASE.settling(AUCTION))), 1],
      ["the match turned off between proofs", register, long, claims({ storedMatch: 0n }), 1],
      ["claims made anew between proofs", register, long, claims({ starting: 1n }), 1],
      ["another price between proofs", register, long, (inputs) => (inputs.storedPrice += TICK), 1],
      ["another claim between proofs", register, long, (inputs) => (inputs.stored.restAsks += 1n), 1],
      ["fees forgotten between proofs", register, long, (inputs) => (inputs.stored.fees = 0n), 1],
      ["another book between proofs", register, long, (inputs) => (inputs.stored.newBook += 1n), 1],
      ["a close that goes on as a purge", register, long, claims({ purge: 1n }), 1],
      ["another time between proofs", register, long, (inputs) => (inputs.stamp += INTERVAL), 1],
      ["an auction by the rule of the cross", "Clear: rowGiven * (row.rule - RULE) === 0;", situation({ slot: MIDPOINT }), () => undefined],
      ["another market's row", "RulesRow: given * (hashed - rowHash) === 0;", situation(), (inputs) => (inputs.row.tick = 1n)],
      ["another mark", "PricesRow: given * (hashed - rowHash) === 0;", situation(), (inputs) => (inputs.quoted.mark += TICK)],
      ["another slot's book", "OpenVector: root === hashed;", situation(), ({ books }) => ([books[0], books[1]] = [books[1], books[0]])],
      ["another time of the prices", "OpenPrices: root === hashed;", situation(), ({ meta }) => (meta.time += 1n)],
      ["another age allowed", "OpenRules: root === hashed;", situation(), ({ group }) => (group.maxAge += 1n)],
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

  it("costs at most 1,350 constraints an entry, and the sizes of the profiles fit their domains", async () => {
    for (const [rule, name] of [
      [RULE.auction, "auction"],
      [RULE.midpoint, "midpoint"],
    ] as const) {
      // prettier-ignore
      const { scenarios } = PROFILES.standard;
      const count = async (S: number, N: number) =>
        (await compileTemplate({ file, template: "Clear", args: [S, N, rule] })).constraints;
      const [two, four] = [await count(scenarios, 2), await count(scenarios, 4)];
      const marginal = (four - two) / 2;
      const fixed = two - 2 * marginal;
      console.log(`      ${name}: ${marginal} an entry, ${fixed} fixed`);
      assert.ok(marginal <= 1_350);
      const demoFixed = circuits[name].constraints - PROFILE.clear * marginal;
      const domain = (constraints: number) => constraints + EXPECTED_PUBLIC + 1;
      assert.ok(domain(fixed + PROFILES.standard.clear * marginal) <= 2 ** 17);
      assert.ok(domain(demoFixed + PROFILES.demo.clear * marginal) <= 2 ** 16);
    }
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

/** At the midpoint walk order alone counts: the first bid has the worst limit that takes part. */
function midpointSituation(): Situation {
  const book = [
    order({ account: 2, nonce: 1n, side: buy, limit: 1_000n, remaining: 4n }),
    order({ account: 3, nonce: 1n, side: sell, limit: 995n, remaining: 6n }),
    order({ account: 4, nonce: 1n, side: buy, limit: 1_020n, remaining: 4n }),
  ];
  return situation({ slot: MIDPOINT, book, admitted: [] });
}

/** The lie that an order was not touched. */
function relive(event: Mutable<ClearEvent>, at: number): void {
  const { outcome } = event.sweeps.at(-1)!;
  assert.equal(outcome.fillOf[at]?.lots, 0n);
  outcome.fillOf[at] = null;
}

/** The lie that an order had to go. */
function drop(event: Mutable<ClearEvent>, at: number): void {
  const { outcome, book, admitted } = event.sweeps.at(-1)!;
  const { account, rho, remaining } = [...book, ...admitted][at];
  assert.notEqual(outcome.fillOf[at]?.closed, true);
  outcome.fillOf[at] = { account, closed: true, lots: 0n, release: rho * remaining, fee: 0n };
}

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
