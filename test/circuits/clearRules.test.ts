// Goal: no proof of Clear breaks one of its rules, by their numbers in circuits/instructions/clear.circom.
// Method: lying events, whose witness builder is consistent with the lie; inputs of one proof changed.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { type BookEntry, cancelWord, entryWord } from "../../src/protocol/book.ts";
import { depthAt, sweep } from "../../src/protocol/clearing.ts";
import { fee } from "../../src/protocol/market.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { PHASE, RANK, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import {
  AGE,
  AUCTION,
  clearEvent,
  type ClearEvent,
  ENDING,
  EXPIRED,
  EXPIRED_CROSS,
  EXTREME,
  FREE,
  HALTED,
  inputsOf,
  INTERVAL,
  ledgerOf,
  MIDPOINT,
  order,
  prices,
  randomSituation,
  rules,
  type Situation,
  START,
  TICK,
  UNQUOTED,
} from "./clearing.ts";
import type { State } from "../../src/protocol/state.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import { expectNoWitness } from "./harness.ts";
import {
  all,
  clearProofs,
  longSituation,
  midpointSituation,
  type Mutable,
  SEED,
  sell,
  single,
  situation,
} from "./clearProofs.ts";

describe("circuits/instructions/clear", () => {
  const { circuits, outputs, build, accept, refuse, refuseInputs, neverEnds } = clearProofs();

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
    const [bookOnly] = build(situation({ admitted: [] })).instructions;
    for (const command of [bookOnly, build(situation({ admitted: [], command: "purge" })).instructions[0]])
      neverEnds("a book not walked, where no orders are admitted", command, (inputs) => {
        for (const name of ["bids", "bidsAbove", "asks", "asksBelow"]) inputs[name] = 0n;
        inputs.active.fill(0n);
        inputs.switches.fill(0n);
      });
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
    for (const at of [0, 3]) refuse("an order kept in a market that is over since now", situation({ slot: EXPIRED }), keep(at)); // prettier-ignore
    refuse("an order dropped in the last second of a market", situation({ slot: ENDING, command: "purge" }), (event) =>
      drop(event, 3),
    );
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

  it("Rule 4: fills are written as they are: release, closed, account, order, trade; books without change", () => {
    for (const at of [0, 1, 2, 3, 4]) {
      const change = (what: string, by: (fill: any) => void) =>
        refuse(`${what} of fill ${at}`, situation(), (event) => by(event.sweeps[0].outcome.fillOf[at]));
      for (const by of [-1n, 1n]) {
        change("release", (fill) => (fill.release += by));
        change("account", (fill) => (fill.account += Number(by)));
      }
      change("closed", (fill) => (fill.closed = !fill.closed));
    }
    refuse("no fill at all", situation(), (event) => (event.sweeps[0].outcome.fillOf[0] = null));
    refuse("the price of the fills alone", situation(), (event) => (event.sweeps[0].trade.price += TICK));
    refuse("other funding", situation(), (event) => (event.sweeps[0].trade.funding += 1n));
    refuse("another market's fills", situation(), (event) => (event.sweeps[0].trade.slot = MIDPOINT));
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
      cancelActive[5] = 1n;
      cancelWords[5] = cancelWord(single(2, 1n));
    });
    neverEnds("one left out", honest, ({ cancelActive }) => (cancelActive[1] = 0n));
    neverEnds("one of all taken for one of its nonce", honest, ({ cancelAll }) => (cancelAll[0] = 0n));
    refuseInputs("bits beyond the word of all", honest, ({ cancelWords }) => (cancelWords[7] = 1n << 60n));
    refuseInputs("half a cancel", honest, ({ cancelActive }) => (cancelActive[5] = 2n));
    refuseInputs("half a cancel of all", honest, ({ cancelAll }) => (cancelAll[1] = 2n));
    const [one] = build(situation({ cancels: [all(9, 1n)] })).instructions;
    neverEnds("an all-cancel among the single ones", one, ({ cancelActive, cancelWords }) => {
      [cancelActive[0], cancelActive[3]] = [1n, 0n];
      cancelWords[0] = cancelWord(all(9, 1n));
    });
    // A cancel that is in no chain cancels nothing, be it of all.
    const idle = inputsOf(build(situation()).instructions[0]);
    const [first] = situation().book;
    for (const [slot, word] of [
      [7, cancelWord(all(first.account, first.nonce + 1n))],
      [6, cancelWord(single(first.account, first.nonce))],
    ] as const) {
      idle.cancelWords[slot] = word;
      idle.cancelAll[1] = 1n;
      assert.deepEqual(outputs(circuits.auction, idle), [...build(situation()).instructions[0].publicInputs], "unused");
    }
    // One of all is no single one of another order too: not of twice its word, nor of the word itself.
    const [by, upTo] = [2, 3n];
    const word = cancelWord(all(by, upTo));
    const others = [word, 2n * word, 2n * word + 1n].map((key) => {
      return order({ account: Number(key & 0xfffffn), nonce: key >> 20n, side: 0, limit: 970n, remaining: 1n });
    });
    const stay = situation({ book: others, admitted: [], cancels: [all(by, upTo)] });
    assert.equal(clearEvent(stay).sweeps[0].outcome.book.length, others.length);
    accept(build(stay).instructions);
    const moved = inputsOf(honest);
    [moved.cancelActive[4], moved.cancelActive[6]] = [0n, 1n];
    moved.cancelWords[6] = moved.cancelWords[4];
    assert.deepEqual(outputs(circuits.auction, moved), [...honest.publicInputs], "which slots are used");
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
    const neighbour = inputsOf(build(situation({ slot: MIDPOINT, book: [], admitted: [] })).instructions[0]);
    neighbour.before.logged.clock = 32n * START + BigInt(RANK.close(MIDPOINT)) - 1n;
    assert.equal(outputs(circuits.midpoint, neighbour)[3], START, "a close right behind that of the slot before it");
    // What a beginning reads of the register, which is empty, changes nothing.
    const [cancelling] = build(situation({ cancels: [single(2, 1n)] })).instructions;
    const head = cancelling.inputs.cancels as bigint[];
    const half = (head[AUCTION] * ((FIELD + 1n) / 2n)) % FIELD;
    for (const from of [half, head[AUCTION], FIELD - head[AUCTION]]) {
      const made = { ...inputsOf(cancelling), storedFrom: from, storedTo: from, storedPrice: 5n };
      assert.deepEqual(outputs(circuits.auction, made), [...cancelling.publicInputs]);
      const skipping = { ...made, cancelActive: made.cancelActive.map(() => 0n) };
      assert.notDeepEqual(outputs(circuits.auction, skipping), [...cancelling.publicInputs]);
    }
    refuseInputs("a purge of the past", purge, (inputs) => (inputs.before.logged.clock = 32n * (START + 1n)));

    for (const phase of [1, 2, 16, 18, 33])
      refuseInputs(`first proof in phase ${phase}`, honest, (inputs) => (inputs.before.phase = BigInt(phase)));
    for (const phase of [0, 2, 16, 17, 18])
      refuseInputs(`no entry consumed in phase ${phase}`, honest, (inputs) => {
        inputs.before.phase = BigInt(phase);
        inputs.first = 0n;
      });
    for (const first of [2n, FIELD - 1n]) refuseInputs("half a beginning", honest, (inputs) => (inputs.first = first));
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
        const trade = { ...walked.trade, price: outcome.price, funding: match ? terms.prices.funding : 0n };
        Object.assign(walked, { match, outcome, trade });
      }
    };
    const cases: Record<string, Partial<Situation>> = {
      "off the interval": { time: START + 1n },
      "just below the interval": { time: START + 9n },
      "a purge": { command: "purge" },
      "prices of the epoch before": { prices: { ...prices, epoch: prices.epoch - 1n } },
      "prices of the epoch before, for a second": { time: START + AGE + 10n },
      "prices of the epoch to come": { prices: { ...prices, epoch: prices.epoch + 1n } },
      "prices that halt": { prices: { ...prices, halted: true } },
      "a market that is over since now": { slot: EXPIRED },
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
    refuse("a match withheld at the last second of the epoch", situation({ time: START + AGE }), turned(situation(), false)); // prettier-ignore
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
    refuseInputs("fewer cancels", second, ({ cancelActive }) => (cancelActive[3] = 0n));
    refuseInputs("other cancels", second, ({ cancelWords }) => (cancelWords[0] = cancelWord(single(6, 3n))));
    refuseInputs("another phase", second, (inputs) => (inputs.before.phase += 1n));
    neverEnds("entries left out", second, (inputs) => inputs.active.fill(0n));
    // New claims in a later proof count for nothing: the register has those of the first.
    const changed = inputsOf(second);
    Object.assign(changed, { price: 5n, bids: 1n, bidsAbove: 1n, asks: 1n, asksBelow: 1n });
    assert.deepEqual(outputs(circuits.auction, changed), [...second.publicInputs]);
  });

  it("Rule 10: while fills wait to be booked, or fees to be credited, the phase is settling", () => {
    const settling = (changes: Partial<State>, from: Situation) => {
      const ledger = ledgerOf(from);
      ledger.state = { ...ledger.state, phase: BigInt(PHASE.settling), ...changes };
      const before = { ...ledger.state };
      accept(clearInstructions(ledger, clearEvent(from)));
      assert.equal(ledger.state.fillsTaken, before.fillsTaken);
      assert.equal(ledger.state.fees, before.fees);
      return ledger.state.phase;
    };
    const quiet = situation({ book: [], admitted: [] });
    for (const from of [situation(), longSituation(), quiet, midpointSituation(), situation({ command: "purge" })])
      for (const changes of [{ fillsPut: 56n }, { fees: 1n }, { fillsPut: 56n, fees: 1n }])
        assert.equal(settling(changes, from), BigInt(PHASE.settling));
    assert.equal(settling({}, quiet), BigInt(PHASE.open), "nothing waits");
  });

  it("Rule 10: other markets stay as they are", () => {
    const [honest] = build(situation()).instructions;
    for (const name of ["books", "admitted", "cancels", "counts"])
      for (const slot of [AUCTION, MIDPOINT, FREE])
        refuseInputs(`${name}[${slot}]`, honest, (inputs) => (inputs[name][slot] += 1n));
    for (const name of ["rulesRows", "pricesRows"])
      refuseInputs(name, honest, (inputs) => (inputs[name][AUCTION] += 1n));
    refuseInputs("ids", honest, (inputs) => (inputs.idsHash += 1n));
    for (const name of ["tick", "band", "feeRate", "feePerLot", "rule", "interval", "state", "until"])
      refuseInputs(`row.${name}`, honest, (inputs) => (inputs.row[name] += 1n));
    for (const name of ["mark", "funding", "gross", "low", "high", "values"])
      refuseInputs(`quoted.${name}`, honest, (inputs) => (inputs.quoted[name] += 1n));
    for (const name of ["rules", "epoch", "halted", "stale", "longCharges", "shortCharges", "weights", "history"])
      refuseInputs(`meta.${name}`, honest, (inputs) => (inputs.meta[name] += 1n));
    for (const name of Object.keys(inputsOf(honest).group))
      refuseInputs(`group.${name}`, honest, (inputs) => (inputs.group[name] += 1n));
    for (const name of ["scenarios", "instrumentsHash"]) refuseInputs(name, honest, (inputs) => (inputs[name] += 1n));
  });
});

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
