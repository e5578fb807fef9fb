// Goal: Settle books each fill once, in the account that it names, as src/matcher/matcher.ts (settled) does; no witness
// books another one, or ends the phase before all are booked.
// Method: random fills (seed in the name of the test) against registers computed anew from the accounts; malicious
// inputs, which must be refused by the rule that is named, or leave phase settling for ever; forged witnesses, in which
// one signal is pinned to the cheat and all that follows is computed anew, so that only the rule that binds it is broken.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { credited, settled } from "../../src/protocol/clearing.ts";
import { accountLeaf, openAccount, type Account } from "../../src/protocol/account.ts";
import { fillWord, pushFill, tradeWord, type Fill, type Trade } from "../../src/protocol/book.ts";
import { RUN } from "../../src/protocol/instructions.ts";
import { computePrices, fee, NO_MARKETS, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { abs } from "../../src/protocol/numbers.ts";
import { BITS, INSTRUMENTS, MARKET_STATE, PHASE, RULE } from "../../src/protocol/parameters.ts";
import { stateWord, type State } from "../../src/protocol/state.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { settleInstructions, type Unsettled } from "../../src/witness/settle.ts";
import { refusal } from "./clearing.ts";
import { compileTemplate, type Circuit } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

const file = "circuits/instructions/settle.circom";
const PROFILE = { depth: 2, scenarios: 4, maxOpen: 32, deposit: 1, admit: 1, clear: 1, settle: 6, settleRuns: 2 };
const [SLOT, OTHER_SLOT, FREE] = [2, 3, 15];
const PRICE = 1_000n;
const FUNDING = -25n;
const below = (bits: number) => (1n << BigInt(bits)) - 1n;
const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);

const market = (id: bigint, legs: bigint[]): MarketRules => ({
  id,
  legs,
  tick: 5n,
  lotLimit: 100n,
  band: 40n,
  feeRate: 1_000n,
  feePerLot: 1n,
  rhoMin: 1n,
  rule: BigInt(RULE.auction),
  interval: 10n,
  state: BigInt(MARKET_STATE.open),
  capacity: 100n,
  cancelCapacity: 10n,
});
/** A spread on the first three instruments and the last, and an outright. */
const LEGS = [...vector(1n, -25n, 127n).slice(0, 15), -127n];
const rules = {
  group: { operatorKeyX: 1n, operatorKeyY: 2n, maxAge: 60n },
  markets: NO_MARKETS.map((free, slot) =>
    slot === SLOT ? market(1n, LEGS) : slot === OTHER_SLOT ? market(2n, vector(0n, 1n)) : free,
  ),
};
const prices = computePrices(rules, {
  values: Array.from({ length: 4 }, () => vector(1_000n)),
  funding: vector(),
  epoch: 1n,
  time: 1n,
});

/** Sixteen accounts, so that the tree is full; account 0 is the venue's. */
function someAccounts(): Account[] {
  return Array.from({ length: 16 }, (_, i) => ({
    ...openAccount({ keyX: BigInt(i), keyY: 1n, view: BigInt(100 + i) }),
    cash: BigInt(1_000 * (i - 4)),
    positions: i % 3 === 0 ? vector() : vector(BigInt(i - 6), 0n, 0n, 9n),
    nonce: 7n,
    reserved: 100_000n,
    open: 9n,
  }));
}
const fill = (account: number, changes: Partial<Fill> = {}): Fill => ({
  account,
  closed: false,
  lots: 2n,
  release: 300n,
  fee: 0n,
  ...changes,
});
const trade = (changes: Partial<Trade> = {}): Trade => ({ slot: SLOT, price: PRICE, funding: FUNDING, ...changes });

interface Situation {
  /** of one clearing, at the price and in the market of this file, or of several */
  fills: readonly Fill[] | readonly Unsettled[];
  accounts?: readonly Account[];
  /** booked before, of which the venue has not been credited yet */
  fees?: bigint;
}

function waitingOf(fills: Situation["fills"]): readonly Unsettled[] {
  return fills.length > 0 && "trade" in fills[0]
    ? (fills as readonly Unsettled[])
    : [{ trade: trade(), fills: fills as readonly Fill[] }];
}

const feeOf = ({ slot, price }: Trade, { lots }: Fill) => (lots ? fee(rules.markets[slot]!, price, abs(lots)) : 0n);

/** A ledger in phase settling with these fills put, and what the matcher says that they do. */
function settling(situation: Situation, profile: Partial<typeof PROFILE> = {}) {
  const { fills, accounts = someAccounts(), fees = 0n } = situation;
  const waiting = waitingOf(fills);
  let blind = 1_000n;
  const genesis = { profile: { ...PROFILE, ...profile }, domain: 77n, rules, prices, accounts, time: 5n };
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  const fillsTaken = 55n;
  const fillsPut = headOf(waiting, fillsTaken);
  ledger.state = { ...ledger.state, phase: BigInt(PHASE.settling), fees, fillsPut, fillsTaken };
  const after = [...accounts];
  let owed = fees;
  for (const { trade, fills } of waiting)
    for (const one of fills) {
      const charged = { ...one, fee: feeOf(trade, one) };
      owed += charged.fee;
      after[one.account] = settled(after[one.account], charged, rules.markets[trade.slot]?.legs ?? vector(), trade);
    }
  after[0] = credited(after[0], owed);
  const instructions = () => settleInstructions(ledger, charged(waiting), new Map(accounts.entries()));
  return { ledger, instructions, after };
}

/** The fills with their fees. */
function charged(waiting: readonly Unsettled[]): Unsettled[] {
  return waiting.map(({ trade, fills }) => ({ trade, fills: fills.map((it) => ({ ...it, fee: feeOf(trade, it) })) }));
}

function headOf(waiting: readonly Unsettled[], from: bigint): bigint {
  return waiting.reduce(
    (head, { trade, fills }) => fills.reduce((at, it) => pushFill(at, fillWord(it), tradeWord(trade)), head),
    from,
  );
}

/** Registers after all fills are booked, from the accounts alone. */
function registersAfter(before: State, accounts: readonly Account[]): State {
  const tree = new Tree(PROFILE.depth);
  accounts.forEach((account, index) => tree.set(index, accountLeaf(account)));
  const holders = vector().map((_, i) => BigInt(accounts.filter(({ positions }) => positions[i] !== 0n).length));
  return {
    ...before,
    phase: 0n,
    fees: 0n,
    fillsTaken: before.fillsPut,
    accounts: tree.root,
    holders: vectorHash(holders),
  };
}

type Circuits = Record<"settle" | "settleRuns", Circuit>;

async function compiled(): Promise<Circuits> {
  const of = (slots: number, run: number) =>
    compileTemplate({ file, template: "Settle", args: [PROFILE.depth, slots, run] });
  return { settle: await of(PROFILE.settle, 1), settleRuns: await of(PROFILE.settleRuns, RUN) };
}
const publicOf = (witness: readonly bigint[]) => witness.slice(1, 4);
const named = (circuits: Circuits, { name }: InstructionInputs) => circuits[name as keyof Circuits];

/** The circuits answer as the ledger, whose last state is the one that follows from the accounts. */
function agrees(circuits: Circuits, situation: Situation): InstructionInputs[] {
  const { ledger, instructions, after } = settling(situation);
  const expected = registersAfter(ledger.state, after);
  const made = instructions();
  for (const instruction of made)
    assert.deepEqual(
      publicOf(named(circuits, instruction).witness(instruction.inputs)),
      instruction.publicInputs,
      "public inputs",
    );
  assert.equal(ledger.word, stateWord({ ...expected, blind: ledger.state.blind }));
  made.forEach(({ publicInputs }, i) =>
    assert.equal(publicInputs[2] === 0n, i === made.length - 1, "phase open at the end, and only then"),
  );
  return made;
}

describe("circuits/instructions/settle: agreement", () => {
  remembersHashes();
  let circuits: Circuits;
  before(async () => {
    circuits = await compiled();
  });

  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 12); seed++)
    it(`random fills of several clearings, TACIT_SEED=${seed}`, () => {
      const random = new Random(seed);
      const some = (slot: number): Fill => {
        const lots = slot === FREE || random.unit() < 0.4 ? 0n : BigInt(random.integer(-9, 9));
        return fill(random.integer(0, random.pick([1, 2, 15])), {
          closed: random.unit() < 0.5,
          lots,
          release: BigInt(random.integer(0, 9_000)),
        });
      };
      const fills = Array.from({ length: random.integer(1, 3) }, (): Unsettled => {
        const slot = random.pick([SLOT, OTHER_SLOT, FREE]);
        const price = slot === FREE ? 0n : BigInt(random.integer(-2_000, 2_000));
        return {
          trade: trade({ slot, price, funding: slot === FREE ? 0n : BigInt(random.integer(-99, 99)) }),
          fills: Array.from({ length: random.integer(1, 8) }, () => some(slot)),
        };
      });
      agrees(circuits, { fills, fees: BigInt(random.pick([0, 0, 7])) });
    });

  it("the rules hold of what the program computes", () => {
    for (const fills of [[fill(3), fill(4, { lots: -2n })], Array.from({ length: 9 }, () => fill(3))])
      for (const instruction of settling({ fills }).instructions()) {
        const circuit = named(circuits, instruction);
        assert.equal(circuit.satisfies(circuit.witness(instruction.inputs)), true);
      }
  });

  const positions = (...lots: bigint[]) => {
    const accounts = someAccounts();
    lots.forEach((lot, i) => (accounts[2 + i] = { ...accounts[2 + i], positions: vector(lot, -25n * lot) }));
    return accounts;
  };
  const each = (count: number, changes: Partial<Fill> = {}) =>
    Array.from({ length: count }, (_, i) => fill(3 + i, changes));
  const runOf = (count: number, account = 3) => Array.from({ length: count }, () => fill(account));
  const none = { lots: 0n, closed: true };
  const markets = (...slots: number[]): Unsettled[] =>
    slots.map((slot) => ({ trade: trade({ slot, price: 0n, funding: 0n }), fills: [fill(3, none)] }));
  const [ONE, RUNS] = ["settle", "settleRuns"];
  const table: [why: string, situation: Situation, proofs: string[]][] = [
    ["one fill", { fills: [fill(3)] }, [ONE]],
    ["as many as leave a slot for the fees", { fills: each(5) }, [ONE]],
    ["as many as one proof holds: the fees in another", { fills: each(6) }, [ONE, ONE]],
    ["as many as one proof holds, no fee", { fills: each(6, none) }, [ONE]],
    ["an account twice in a proof", { fills: [fill(3), fill(3, { lots: -7n, closed: true })] }, [ONE]],
    ["as many as a run holds, and the fees", { fills: runOf(8) }, [RUNS]],
    ["one more than a run holds", { fills: runOf(9) }, [RUNS, ONE]],
    ["two runs", { fills: [...runOf(8), ...runOf(5, 4)] }, [RUNS, ONE]],
    ["runs cut by another account", { fills: [...runOf(4), ...runOf(4, 4), ...runOf(4)] }, [RUNS, ONE]],
    ["two clearings of one market at once", { fills: [{ trade: trade(), fills: [fill(3)] }, { trade: trade({ price: 995n }), fills: [fill(3)] }] }, [ONE]],
    ["two markets at once", { fills: [{ trade: trade(), fills: [fill(3)] }, { trade: trade({ slot: OTHER_SLOT }), fills: [fill(3)] }] }, [ONE]],
    ["more markets than one proof opens", { fills: markets(1, 2, 3, 4, 5) }, [ONE, ONE]],
    ["long to short across zero", { fills: [fill(2, { lots: -9n })], accounts: positions(4n) }, [ONE]],
    ["short to long across zero", { fills: [fill(2, { lots: 9n })], accounts: positions(-4n) }, [ONE]],
    ["to flat: one holder less", { fills: [fill(2, { lots: -4n })], accounts: positions(4n) }, [ONE]],
    ["from flat: one holder more", { fills: [fill(2, { lots: 4n })], accounts: positions(0n) }, [ONE]],
    ["from flat to flat", { fills: [fill(2), fill(2, { lots: -2n })], accounts: positions(0n) }, [ONE]],
    ["flat and not flat at once", { fills: [fill(2, { lots: -4n }), fill(3)], accounts: positions(4n, 0n) }, [ONE]],
    ["the venue trades", { fills: [fill(0, { lots: -2n }), fill(3)] }, [ONE]],
    ["the last leaf", { fills: [fill(15)] }, [ONE]],
    ["a dropped order", { fills: [fill(3, none)] }, [ONE]],
    ["fees alone", { fills: [], fees: 9n }, [ONE]],
    ["a price of 0", { fills: [{ trade: trade({ price: 0n }), fills: [fill(3)] }] }, [ONE]],
    ["a price below 0", { fills: [{ trade: trade({ price: -1_250n }), fills: [fill(3), fill(4, { lots: -2n })] }] }, [ONE]],
    ["orders dropped in a free slot", { fills: [{ trade: trade({ slot: FREE, price: 0n, funding: 0n }), fills: [fill(3, none)] }] }, [ONE]],
    [
      "the widest columns",
      {
        fills: [
          {
            trade: { slot: OTHER_SLOT, price: -below(BITS.price), funding: below(BITS.legsValue - 1) },
            fills: [
              fill(3, { lots: below(BITS.size), release: below(BITS.release), closed: true }),
              fill(4, { lots: -below(BITS.size), release: 0n }),
            ],
          },
        ],
        accounts: someAccounts().map((account) => ({ ...account, reserved: below(BITS.reserved) })),
      },
      [ONE],
    ],
  ]; // prettier-ignore
  for (const [why, situation, proofs] of table)
    it(why, () => {
      const made = agrees(circuits, situation);
      assert.deepEqual(
        made.map(({ name }) => name),
        proofs,
      );
    });
});

/** Signals of an instruction that an attacker may set as it likes. */
type Attack = Record<string, any>;

describe("circuits/instructions/settle: malicious inputs", () => {
  remembersHashes();
  let circuits: Circuits;
  before(async () => {
    circuits = await compiled();
  });
  const FILLS = [fill(3), fill(4, { lots: -2n, closed: true })];
  const ROOT = "SettleSlot: update.rootBefore === accounts;";
  const NONE = fillWord(fill(0, { lots: 0n, release: 0n }));

  const refused: [why: string, rule: string, attack: (inputs: Attack, ledger: Ledger) => void][] = [
    ["phase open", "Settle: before.phase === PHASE_SETTLING();", ({ before }) => (before.phase = 0n)],
    [
      "phase clearing of a slot",
      "Settle: before.phase === PHASE_SETTLING();",
      ({ before }) => (before.phase = BigInt(PHASE.clearing(SLOT))),
    ],
    [
      "another market's row",
      "RulesRow: given * (hashed - rowHash) === 0;",
      (inputs, ledger) => (inputs.rows[0] = ledger.rulesRow(OTHER_SLOT)),
    ],
    ["legs off by one", "RulesRow: given * (hashed - rowHash) === 0;", ({ rows }) => (rows[0].legs += 1n)],
    ["a fee rate off by one", "RulesRow: given * (hashed - rowHash) === 0;", ({ rows }) => (rows[0].feeRate += 1n)],
    [
      "another row in the rules",
      "OpenRules: root === hashed;",
      (inputs) => {
        inputs.rulesRows[SLOT] = inputs.rulesRows[OTHER_SLOT];
      },
    ],
    [
      "no row, so that nothing binds the legs",
      "OpenRules: root === hashed;",
      (inputs) => {
        inputs.rulesRows[SLOT] = 0n;
        inputs.rows[0].legs = 1n;
      },
    ],
    [
      "the market of the fills not opened",
      "SettleSlot: found === 1;",
      (inputs, ledger) => {
        inputs.slots[0] = BigInt(OTHER_SLOT);
        inputs.rows[0] = ledger.rulesRow(OTHER_SLOT);
      },
    ],
    [
      "a market opened twice, and its terms counted twice",
      "SettleSlot: found === 1;",
      (inputs) => {
        inputs.slots[1] = inputs.slots[0];
        inputs.rows[1] = inputs.rows[0];
      },
    ],
    ["holders off by one", "OpenVector: root === hashed;", ({ holders }) => (holders[0] += 1n)],
    ["cash of the account off by one", ROOT, ({ account }) => (account[0].cash += 1n)],
    ["a position of the account off by one", ROOT, ({ account }) => (account[1].positions[15] += 1n)],
    [
      "a fill into another account's leaf",
      ROOT,
      (inputs) => (inputs.words[0][0] = fillWord({ ...FILLS[0], account: 5 })),
    ],
    [
      "a fill that names no leaf of the tree",
      "SettleSlot: for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) fill[0].account[i] === 0;",
      (inputs) => (inputs.words[0][0] = fillWord({ ...FILLS[0], account: 16 + 3 })),
    ],
    [
      "a word that is wider than its columns",
      "Bits: sum === in;",
      (inputs) => (inputs.words[0][0] += 1n << BigInt(BITS.account + 1 + BITS.size + 1 + BITS.release)),
    ],
    [
      "a trade that is wider than its columns",
      "Bits: sum === in;",
      (inputs) => (inputs.trades[0] += 1n << BigInt(BITS.slot + BITS.price + 1 + BITS.legsValue)),
    ],
    [
      "a fill booked that is not taken",
      "SettleSlot: (1 - on[k]) * (words[k] - none) === 0;",
      (inputs) => (inputs.on[0][0] = 0n),
    ],
    ["a fill taken twice at once", "Boolean: in * (in - 1) === 0;", (inputs) => (inputs.on[0][0] = 2n)],
    ["half a credit", "Boolean: in * (in - 1) === 0;", (inputs) => (inputs.credits[2] = 2n)],
    ["the fees credited to a trader", "SettleSlot: credit * index === 0;", (inputs) => (inputs.credits[1] = 1n)],
    ["a market slot beyond the last", "Bits: sum === in;", (inputs) => (inputs.slots[3] = BigInt(SLOT) + 16n)],
  ];
  for (const [why, rule, attack] of refused)
    it(`${why}: refused`, () => {
      const { ledger, instructions } = settling({ fills: FILLS });
      const [{ inputs }] = instructions();
      attack(inputs, ledger);
      assert.equal(refusal(circuits.settle, inputs), rule);
    });

  it("a run over two accounts: refused", () => {
    const [{ name, inputs }] = settling({ fills: Array.from({ length: 8 }, () => fill(3)) }).instructions();
    assert.equal(name, "settleRuns");
    const attack = structuredClone(inputs) as Attack;
    attack.words[0][5] = fillWord(fill(4));
    assert.equal(refusal(circuits.settleRuns, attack), "SettleSlot: on[k] * (named - index) === 0;");
  });

  /** Books `booked` where `put` are the fills of the clearings, honestly in all else. */
  function books(put: readonly Unsettled[], booked: readonly Unsettled[]): bigint[][] {
    const { ledger, instructions } = settling({ fills: booked });
    ledger.state = { ...ledger.state, fillsPut: headOf(put, ledger.state.fillsTaken) };
    return instructions().map((made) => {
      const shown = publicOf(named(circuits, made).witness(made.inputs));
      assert.deepEqual(shown, made.publicInputs);
      return shown;
    });
  }
  const [one, two] = FILLS;
  const of = (...fills: Fill[]): Unsettled[] => [{ trade: trade(), fills }];
  // These have witnesses: none of them ends the phase, neither now nor later, so no round can end with them.
  const stuck: [why: string, booked: readonly Unsettled[], put?: readonly Unsettled[]][] = [
    ["a fill booked twice", of(one, one, two)],
    ["the last fill booked twice", of(one, two, two)],
    ["a fill skipped", of(one)],
    ["the first fill skipped", of(two)],
    ["two fills swapped", of(two, one)],
    ["nothing booked", of()],
    ["lots one more", of({ ...one, lots: one.lots + 1n }, two)],
    ["lots one less", of(one, { ...two, lots: two.lots + 1n })],
    ["lots of the other side", of({ ...one, lots: -one.lots }, two)],
    ["a release one more", of({ ...one, release: one.release + 1n }, two)],
    ["a release one less", of({ ...one, release: one.release - 1n }, two)],
    ["an order closed that is not", of({ ...one, closed: true }, two)],
    ["a closed bit dropped", of(one, { ...two, closed: false })],
    ["a fill in another account", of({ ...one, account: 5 }, two)],
    ["another price", [{ trade: trade({ price: PRICE + 5n }), fills: FILLS }]],
    ["the price with its sign turned", [{ trade: trade({ price: -PRICE }), fills: FILLS }]],
    ["other funding", [{ trade: trade({ funding: FUNDING + 1n }), fills: FILLS }]],
    ["another market's row", [{ trade: trade({ slot: OTHER_SLOT }), fills: FILLS }]],
    ["fills of two clearings swapped", [...of(two), ...of(one)], [...of(one), ...of(two)]],
    ["a fill that nobody put", of(one, fill(5, { lots: 0n })), of(one)],
  ];
  for (const [why, booked, put = of(...FILLS)] of stuck)
    it(`${why}: phase settling does not end`, () => {
      for (const [, , phase] of books(put, booked)) assert.equal(phase, BigInt(PHASE.settling));
    });

  it("fewer fills in a proof than it could hold are harmless: the phase ends when all are booked", () => {
    const { ledger, after } = settling({ fills: FILLS });
    const expected = registersAfter(ledger.state, after);
    const accounts = new Map(someAccounts().entries());
    const put = ledger.state.fillsPut;
    const phases: bigint[] = [];
    for (const [i, fills] of [[one], [two]].entries()) {
      // As if what comes later had not been put yet.
      if (i === 0) ledger.state = { ...ledger.state, fillsPut: headOf(charged(of(one)), 55n) };
      const made = settleInstructions(ledger, charged(of(...fills)), accounts);
      if (i === 0) ledger.state = { ...ledger.state, phase: BigInt(PHASE.settling), fillsPut: put };
      for (const { inputs } of made) phases.push(circuits.settle.witness(inputs)[3]);
    }
    assert.equal(phases.at(-1), 0n);
    assert.equal(ledger.word, stateWord({ ...expected, blind: ledger.state.blind }));
  });

  it("a slot without fills opens account 0: there is no other one that it could", () => {
    const { ledger, instructions } = settling({ fills: [fill(3)] });
    const [{ inputs }] = instructions();
    const attack = inputs as Attack;
    assert.deepEqual(attack.words[1], [NONE]);
    attack.account[1] = { ...attack.account[0] };
    attack.siblings[1] = ledger.tree.path(3);
    assert.equal(refusal(circuits.settle, attack), ROOT);
  });
});

describe("circuits/instructions/settle: forged witnesses", () => {
  remembersHashes();
  let circuit: Circuit;
  let runs: Circuit;
  before(async () => {
    const of = (slots: number, run: number) =>
      compileTemplate({ file, template: "Settle", args: [PROFILE.depth, slots, run], optimise: false });
    [circuit, runs] = [await of(2, 1), await of(1, 2)];
  });

  /** Inputs of the first proof, of two slots. */
  function inputsOfTwo(situation: Situation): Attack {
    return settling(situation, { settle: 2, settleRuns: 1 }).instructions()[0].inputs;
  }

  function fixture() {
    const fills = [fill(3), fill(2, { lots: -4n, closed: true })];
    const accounts = someAccounts();
    accounts[2] = { ...accounts[2], positions: vector(4n) };
    return inputsOfTwo({ fills, accounts, fees: 11n });
  }

  /** Inputs of one run of two fills, of three: so the phase goes on. */
  function fixtureOfRun() {
    const { inputs } = settling({ fills: [fill(3), fill(3, { lots: -1n }), fill(3)] }, { settle: 1, settleRuns: 1 }).instructions()[0]; // prettier-ignore
    const attack = inputs as Attack;
    for (const name of ["on", "words"]) attack[name] = attack[name].map((slot: bigint[]) => slot.slice(0, 2));
    return attack;
  }

  it("the solver's own witness of no cheat is good", () => {
    assert.equal(circuit.satisfies(circuit.solveForged(fixture(), {})), true);
    assert.equal(runs.satisfies(runs.solveForged(fixtureOfRun(), {})), true);
  });

  const BY_HAND = [
    "fill[0].account[i] === 0",
    "(1 - on[k]) * (words[k] - none) === 0",
    "credit * index === 0",
    "found === 1",
  ];
  const ROW = "market[g].row <== rows[g]";
  const FIRST = "step[j].accounts <== before.accounts.root";
  const LINK = "step[j].accounts <== step[j - 1].accountsAfter";
  /** What decides the root before a slot: in a proof of one, the accounts before it can follow the cheat. */
  const OF_ONE = [
    ROW,
    "step[j].words <== words[j]",
    "step[j].account <== account[j]",
    "step[j].siblings <== siblings[j]",
    FIRST,
    "fill[k].word <== words[k]",
    "update.index[i] <== fill[0].account[i]",
    "update.siblings <== siblings",
  ];
  it("each signal is bound by the rule that computes it", () => {
    const credit = inputsOfTwo({ fills: [fill(3)] });
    assert.deepEqual(credit.credits, [0n, 1n]);
    pinsEach(circuit, { fixture: fixture(), credit }, "settle.circom", [...BY_HAND, ...OF_ONE, LINK]);
    const ofTwo = ["Boolean()(credits[j])", "step[j].credit <== credits[j]"];
    const run = "on[k] * (named - index) === 0";
    pinsEach(runs, { fixture: fixtureOfRun() }, "settle.circom", [...BY_HAND, ...ofTwo, run, FIRST, ROW]);
  });

  it("a slot goes on with the accounts that the one before it leaves", () => {
    const inputs = fixture();
    const elsewhere = { "siblings[1][0][0]": 5n };
    circuit.refuses(inputs, elsewhere, LINK, { "step[1].accounts": "step[1].update.rootBefore" });
    const one = fixtureOfRun();
    runs.refuses(one, { "siblings[0][0][0]": 5n }, FIRST, { "step[0].accounts": "step[0].update.rootBefore" });
    // Of a free slot, whose row nothing else binds.
    runs.refuses(one, { "market[1].row.tick": 5n }, ROW);
  });

  it("a fill of an account beyond the tree, booked within it: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] });
    circuit.refuses(inputs, { "words[0][0]": inputs.words[0][0] + 16n }, "fill[0].account[i] === 0");
  });

  it("a fill that is booked, yet stays in the chain: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] });
    circuit.refuses(inputs, { "on[0][0]": 0n }, "(1 - on[k]) * (words[k] - none) === 0");
  });

  it("fees for a trader: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3), fill(4)], fees: 100n });
    circuit.refuses(inputs, { "credits[1]": 1n }, "credit * index === 0");
  });

  it("the fill of a market that is not opened, or opened twice: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3, { lots: 0n })] });
    circuit.refuses(inputs, { "trades[0]": inputs.trades[0] + 8n }, "found === 1");
  });

  it("a run over two accounts: refused", () => {
    const inputs = fixtureOfRun();
    runs.refuses(inputs, { "words[0][1]": inputs.words[0][1] + 1n }, "on[k] * (named - index) === 0");
  });

  const plus = (name: string, by: bigint) => (read: (name: string) => bigint) => ({ [name]: read(name) + by });
  const cheats: [why: string, cheat: (read: (name: string) => bigint) => Record<string, bigint>][] = [
    ["cash one more", plus("step[1].after.cash", 1n)],
    ["cash one less", plus("step[1].after.cash", -1n)],
    ["nothing paid", () => ({ "step[1].paid": 0n })],
    ["no fee", () => ({ "step[1].fee": 0n })],
    ["a fee too large", plus("step[1].fee", 1n)],
    ["fees forgotten", plus("step[1].feesAfter", -1n)],
    ["fees credited that none paid", plus("step[1].credited", 5n)],
    ["reserved one less", plus("step[1].after.reserved", -1n)],
    ["reserved one more", plus("step[1].after.reserved", 1n)],
    ["two open orders less", plus("step[1].after.open", -1n)],
    ["the closed order stays open", plus("step[1].after.open", 1n)],
    ["the same sequence number", plus("step[1].after.seq", -1n)],
    ["another nonce", plus("step[1].after.nonce", 1n)],
    ["another key", plus("step[1].after.keyX", 1n)],
    ["another view key", plus("step[1].after.view", 1n)],
    ["a position one more", plus("step[1].after.positions[0]", 1n)],
    ["a position that the market has no leg in", plus("step[1].after.positions[5]", 1n)],
    ["a leg one more", plus("step[1].legs[0]", 1n)],
    ["another market's fee rate", plus("step[1].feeRate", 1n)],
    ["a holder too many", plus("step[1].holdersAfter[0]", 1n)],
    ["the last lot sold, the holder kept", () => ({ "step[1].flatAfter[0]": 0n })],
    ["flat before, says the cheat", () => ({ "step[1].flatBefore[0]": 1n })],
    ["a fill that is not taken", (read) => ({ "step[0].takenAfter": read("before.clearing.fills.taken") })],
    ["taken without being booked", (read) => ({ "step[1].accountsAfter": read("step[0].accountsAfter") })],
    ["another root of the accounts", plus("after.accounts.root", 1n)],
    ["another head of the fills put", plus("after.clearing.fills.put", 1n)],
    [
      "all fills taken, says the cheat",
      (read) => ({ "after.clearing.fills.taken": read("before.clearing.fills.taken") }),
    ],
    ["fees kept from the venue", () => ({ "after.clearing.fees": 0n })],
    ["another state than its registers'", plus("stateAfter", 1n)],
    ["another state to begin with", plus("state", 1n)],
  ];
  for (const [why, cheat] of cheats)
    it(`${why}: refused`, () => {
      const inputs = fixture();
      const honest = circuit.witness(inputs);
      const forged = circuit.refuses(
        inputs,
        cheat((name) => circuit.read(name, honest)),
      );
      assert.notDeepEqual(publicOf(forged), publicOf(honest), "the cheat reaches the public inputs");
    });

  it("phase open, claimed with a fill left, or with fees that are not credited: refused", () => {
    const left = inputsOfTwo({ fills: [fill(3), fill(4), fill(5)] });
    const uncredited = inputsOfTwo({ fills: [fill(3), fill(4)] });
    const cases: [Attack, Record<string, bigint>[]][] = [
      [left, [{ opens: 1n }, { phaseAfter: 0n }, { "after.phase": 0n }]],
      [uncredited, [{ credited: 1n }, { opens: 1n }, { phaseAfter: 0n }]],
    ];
    for (const [inputs, pins] of cases) {
      const honest = circuit.witness(inputs);
      assert.equal(circuit.read("phaseAfter", honest), BigInt(PHASE.settling));
      for (const cheat of pins) {
        const forged = circuit.refuses(inputs, cheat);
        assert.notDeepEqual(publicOf(forged), publicOf(honest));
      }
    }
  });

  it("other legs on a free slot's terms: refused", () => {
    const from = { trade: trade({ slot: FREE, price: 0n, funding: 0n }), fills: [fill(3, { lots: 0n })] };
    circuit.refuses(inputsOfTwo({ fills: [from] }), { "market[0].out.legs[0]": 5n });
  });
});

describe("circuits/instructions/settle: registers left alone", () => {
  leavesOthersAlone("settle", async () => {
    const circuit = await compileTemplate({ file, template: "Settle", args: [PROFILE.depth, 2, 1], optimise: false });
    const { ledger, instructions } = settling({ fills: [fill(3)] }, { settle: 2 });
    return { circuit, ledger, make: () => instructions()[0] };
  });
});
