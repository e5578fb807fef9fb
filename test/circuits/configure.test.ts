// Goal: Configure takes the changes of the rules that src/protocol/configure.ts takes, comes to the same state, and takes no other.
// Method: the changes of the protocol's own tests, and random ones (seed in the name of the test; TACIT_ROUNDS sets their
// number): the program of the circuit has a witness iff TypeScript takes the change, and says the state word of the ledger.
import assert from "node:assert/strict";
import { configure, greatestId, ID_WINDOW, type ConfigureContext } from "../../src/protocol/configure.ts";
import type { Instrument } from "../../src/protocol/instrument.ts";
import type { MarketRules } from "../../src/protocol/market.ts";
import { INSTRUMENTS, MARKETS } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { stateWord } from "../../src/protocol/state.ts";
import { Random } from "../../src/replay/random.ts";
import { rulesSignals } from "../../src/witness/configure.ts";
import {
  contract,
  EXPIRY,
  FOREVER,
  GRID,
  instrument,
  instruments,
  market,
  PROFILE,
  rules,
} from "../protocol/pricedRules.ts";
import { allowed, changed, context, NOW, refused } from "../protocol/ruleChanges.ts";
import { argsOf, configuring, file } from "./configuring.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";

const compiled = () =>
  compileTemplate({ file, template: "Configure", args: argsOf(PROFILE), optimise: false, attributed: false });

function takes(circuit: Circuit, before: Rules, after: Rules, when: ConfigureContext): void {
  const { ledger, make } = configuring(before, after, when);
  const { inputs, publicInputs } = make();
  assert.deepEqual(circuit.publicValues(inputs, publicInputs.length), publicInputs);
  assert.equal(publicInputs[1], stateWord(ledger.state));
  assert.equal(ledger.rules, after);
}

/** By slot: other words of its row. */
type Words = { [of in "old" | "now"]?: { [rows in "markets" | "instruments"]?: Record<number, object> } };
function worded(inputs: Inputs, words: Words): Inputs {
  const all = inputs as { [name: string]: any };
  const read = (of: "old" | "now") => {
    const rows = (name: "markets" | "instruments") =>
      all[of][name].map((row: object, slot: number) => ({ ...row, ...words[of]?.[name]?.[slot] }));
    return { ...all[of], markets: rows("markets"), instruments: rows("instruments") };
  };
  return { ...inputs, old: read("old"), now: read("now") };
}

describe("circuits/instructions/configure: agreement", () => {
  remembersHashes();
  for (const [what, after, when, before = rules()] of allowed)
    it(`takes it that ${what}`, async () => takes(await compiled(), before, after, when));

  for (const [why, , after, when, before = rules()] of refused)
    it(`has no witness of ${why}`, async () =>
      expectNoWitness(await compiled(), configuring(before, after, when).make().inputs));

  it("takes rules without anything", async () => {
    const nothing = {
      ...rules(),
      markets: rules().markets.map(() => null),
      instruments: instruments().map(() => null),
    };
    takes(await compiled(), rules(), nothing, context());
    takes(await compiled(), nothing, nothing, context());
    const { group } = rules();
    const again = { ...rules(), markets: [market(106n, { 0: 1n })], group: { ...group, greatestId: 106n } };
    takes(await compiled(), nothing, { ...again, markets: [...again.markets, ...nothing.markets.slice(1)] }, context());
  });

  it("takes rules in the second of the entry before them", async () => {
    const { ledger, make } = configuring(rules(), rules(), context());
    ledger.state.clock = 32n * NOW + 31n;
    const { inputs, publicInputs } = make();
    assert.deepEqual((await compiled()).publicValues(inputs, publicInputs.length), publicInputs);
  });

  it("what the words of a free slot say counts for nothing", async () => {
    const circuit = await compiled();
    const takesWords = (before: Rules, after: Rules, when: ConfigureContext, words: Words) => {
      const { inputs, publicInputs } = configuring(before, after, when).make();
      assert.deepEqual(circuit.publicValues(worded(inputs, words), publicInputs.length), publicInputs);
    };
    // As if it had orders, and its fee rose; and as if somebody held what has no market.
    const counted = context([9], [9]);
    takesWords(rules(), rules(), counted, { now: { markets: { 9: { feeRate: 5n } } } });
    takesWords(rules(), rules(), counted, { now: { instruments: { 9: { contract: contract("future") } } } });
    // As if a perpetual were given an expiry, and kept its prices.
    const before = changed({
      instruments: [[0, null], [2, null], [3, null]],
      markets: [[0, null], [2, null], [3, null], [4, null]],
    }); // prettier-ignore
    const after = { ...before, instruments: before.instruments.with(0, instrument(contract("future"))) };
    takesWords(before, after, context(), { old: { instruments: { 0: { contract: contract("perpetual") } } } });
    // As if what is held had its market.
    const { inputs } = configuring(rules(), changed({ markets: [[2, null]] }), context([], [2])).make();
    expectNoWitness(circuit, worded(inputs, { now: { markets: { 2: rulesSignals(rules()).markets[2] } } }));
  });

  it("has no witness in another phase, before the entry before it, or of another root", async () => {
    const circuit = await compiled();
    const make = () => configuring(rules(), rules(), context());
    const busy = make();
    busy.ledger.state.phase = 17n;
    expectNoWitness(circuit, busy.make().inputs);
    const late = make();
    late.ledger.state.clock = 32n * NOW + 32n;
    expectNoWitness(circuit, late.make().inputs);
    const other = make();
    other.ledger.state.rules += 1n;
    expectNoWitness(circuit, other.make().inputs);
  });

  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  const rounds = 25 * Number(process.env.TACIT_ROUNDS ?? 1);
  it(`random changes, TACIT_SEED=${first}`, async () => {
    const circuit = await compiled();
    const random = new Random(first);
    let taken = 0;
    for (let round = 0; round < rounds; round++) {
      const { before, after, when } = randomChange(random);
      let isTaken = true;
      try {
        configure(before, after, when);
      } catch (error) {
        assert.match(String((error as { code?: string }).code), /^(RULES|OUT_OF_RANGE)$/);
        isTaken = false;
      }
      if (isTaken) takes(circuit, before, after, when);
      else expectNoWitness(circuit, configuring(before, after, when).make().inputs);
      if (isTaken) taken++;
    }
    assert.ok(taken > rounds / 10 && taken < rounds, `${taken} of ${rounds} are taken`);
  });
});

/** Few things change at once, so that many changes are taken. */
function randomChange(random: Random): { before: Rules; after: Rules; when: ConfigureContext } {
  const before = rules();
  const some = (n: number, part: number) => Array.from({ length: n }, (_, i) => i).filter(() => random.unit() < part);
  const few = <T>(all: readonly T[], change: (it: T, i: number) => T) => all.map((it, i) => (random.unit() < 0.15 ? change(it, i) : it)); // prettier-ignore
  const instrumentsAfter = few(before.instruments, (it, i): Instrument | null => {
    if (i > 6 || random.unit() < 0.2) return null;
    if (it && random.unit() < 0.4) return { ...it, longCharge: BigInt(random.integer(0, 99)), weight: 7n };
    const expiry = random.pick([EXPIRY, EXPIRY, EXPIRY + GRID, 51n * GRID]);
    if (random.unit() < 0.5) return instrument(contract("future", { expiry }));
    return instrument(contract(random.pick(["call", "put"]), { expiry, strike: 5n, forward: BigInt(random.integer(0, 1)), volatility: BigInt(random.pick([i, 2, 4])) })); // prettier-ignore
  });
  let next = before.group.greatestId;
  const renamed = before.markets.map((row) => {
    const changed = row?.legs.some((leg, i) => leg !== 0n && instrumentsAfter[i] !== before.instruments[i]);
    return row && changed && random.unit() < 0.8 ? { ...row, id: ++next } : row;
  });
  const marketsAfter = few(renamed, (row, m): MarketRules | null => {
    if (m > 6 || random.unit() < 0.15) return null;
    const legs = { [random.integer(0, 5)]: BigInt(random.integer(-1, 1)) || 1n };
    if (!row) return market(random.pick([++next, 105n, 106n + ID_WINDOW]), legs, { until: EXPIRY });
    return random.pick<() => MarketRules>([
      () => ({ ...market(++next, legs), until: row.until }),
      () => ({ ...row, feeRate: BigInt(random.integer(0, 99)) }),
      () => ({ ...row, feePerLot: BigInt(random.integer(0, 4)) }),
      () => ({ ...row, until: random.pick([NOW - 1n, NOW, EXPIRY - 1n, FOREVER]) }),
      () => ({ ...row, state: 2n }),
      () => ({ ...row, tick: 5n, id: random.unit() < 0.5 ? ++next : row.id }),
      () => ({ ...row, capacity: BigInt(random.integer(1, 400)), listCapacity: BigInt(random.integer(1, 300)) }),
    ])();
  });
  const after = { ...before, instruments: instrumentsAfter, markets: marketsAfter };
  const greatest = greatestId(before, marketsAfter) + (random.unit() < 0.05 ? 1n : 0n);
  const payoffs = Array.from({ length: INSTRUMENTS }, () => (random.unit() < 0.1 ? 8n : 0n));
  return {
    before,
    after: { ...after, group: { ...before.group, greatestId: greatest } },
    when: context(some(MARKETS, 0.1), some(4, 0.15), { payoffs }),
  };
}
