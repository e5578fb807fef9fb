// Goal: Settle books each fill once, in the account that it names, as src/matcher/matcher.ts (settled) does; no witness
// books another one, or ends the phase before all are booked.
// Method: random fills (seed in the name of the test) against registers computed anew from the accounts; malicious
// inputs, which must be refused by the rule that is named, or leave phase settling for ever; forged witnesses, in which
// one signal is pinned to the cheat and all that follows is computed anew, so that only the rule that binds it is broken.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { settled } from "../../src/protocol/clearing.ts";
import { accountLeaf, openAccount, type Account } from "../../src/protocol/account.ts";
import { fillWord, pushFill, type Fill } from "../../src/protocol/book.ts";
import { computePrices, NO_MARKETS, vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { BITS, INSTRUMENTS, MARKET_STATE, PHASE, RULE } from "../../src/protocol/parameters.ts";
import { stateWord, type State } from "../../src/protocol/state.ts";
import { Tree } from "../../src/protocol/tree.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { settleInstructions, tradePriceRegister } from "../../src/witness/settle.ts";
import { refusal } from "./clearing.ts";
import { compileTemplate, pinsOf, type Circuit } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

const file = "circuits/instructions/settle.circom";
const PROFILE = { depth: 2, scenarios: 4, maxOpen: 32, deposit: 1, admit: 1, clear: 1, settle: 3 };
const [SLOT, OTHER_SLOT, FREE] = [2, 3, 15];
const PRICE = 1_000n;
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
  fee: 5n,
  ...changes,
});

interface Situation {
  fills: readonly Fill[];
  accounts?: readonly Account[];
  slot?: number;
  tradePrice?: bigint;
}

/** A ledger in phase settling with these fills put, and what the matcher says that they do. */
function settling(situation: Situation, slots = PROFILE.settle) {
  const { fills, accounts = someAccounts(), slot = SLOT, tradePrice = PRICE } = situation;
  let blind = 1_000n;
  const genesis = { profile: { ...PROFILE, settle: slots }, domain: 77n, rules, prices, accounts, time: 5n };
  const ledger = new Ledger({ ...genesis, blind: () => ++blind });
  const fillsTaken = 55n;
  const fillsPut = fills.map(fillWord).reduce(pushFill, fillsTaken);
  ledger.state = {
    ...ledger.state,
    phase: BigInt(PHASE.settling(slot)),
    sweep: tradePriceRegister(tradePrice),
    fillsPut,
    fillsTaken,
  };
  const legs = rules.markets[slot]?.legs ?? vector();
  const now = [...accounts];
  const writes = fills.map((one) => {
    const { account: index } = one;
    const before = now[index];
    now[index] = settled(before, one, legs, tradePrice);
    return { index, before, after: now[index], fill: one };
  });
  return { ledger, event: { kind: "settle" as const, slot, tradePrice, writes }, after: now };
}

/** Registers after all fills are booked, from the accounts alone. */
function registersAfter(before: State, accounts: readonly Account[]): State {
  const tree = new Tree(PROFILE.depth);
  accounts.forEach((account, index) => tree.set(index, accountLeaf(account)));
  const holders = vector().map((_, i) => BigInt(accounts.filter(({ positions }) => positions[i] !== 0n).length));
  return {
    ...before,
    phase: 0n,
    sweep: 0n,
    fillsTaken: before.fillsPut,
    accounts: tree.root,
    holders: vectorHash(holders),
  };
}

const compiled = () => compileTemplate({ file, template: "Settle", args: [PROFILE.depth, PROFILE.settle] });
const publicOf = (witness: readonly bigint[]) => witness.slice(1, 4);

/** The circuit answers as the ledger, whose last state is the one that follows from the accounts. */
function agrees(circuit: Circuit, situation: Situation): InstructionInputs[] {
  const { ledger, event, after } = settling(situation);
  const expected = registersAfter(ledger.state, after);
  const instructions = settleInstructions(ledger, event);
  for (const { inputs, publicInputs } of instructions)
    assert.deepEqual(publicOf(circuit.witness(inputs)), publicInputs, "public inputs");
  assert.equal(ledger.word, stateWord({ ...expected, blind: ledger.state.blind }));
  assert.equal(instructions.length, Math.ceil(situation.fills.length / PROFILE.settle));
  instructions.forEach(({ publicInputs }, i) =>
    assert.equal(publicInputs[2] === 0n, i === instructions.length - 1, "phase open at the end, and only then"),
  );
  return instructions;
}

describe("circuits/instructions/settle: agreement", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compiled();
  });

  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 12); seed++)
    it(`random fills, TACIT_SEED=${seed}`, () => {
      const random = new Random(seed);
      const count = random.integer(1, 8);
      const fills = Array.from({ length: count }, () =>
        fill(random.integer(0, random.pick([2, 15])), {
          closed: random.unit() < 0.5,
          lots: BigInt(random.integer(-9, 9)),
          release: BigInt(random.integer(0, 9_000)),
          fee: BigInt(random.integer(0, 50)),
        }),
      );
      const own = { closed: false, lots: 0n, release: 0n, fee: -fills.reduce((sum, { fee }) => sum + fee, 0n) };
      agrees(circuit, { fills: [...fills, fill(0, own)], tradePrice: BigInt(random.integer(-2_000, 2_000)) });
    });

  it("the rules hold of what the program computes", () => {
    const { ledger, event } = settling({ fills: [fill(3), fill(4, { lots: -2n })] });
    for (const { inputs } of settleInstructions(ledger, event))
      assert.equal(circuit.satisfies(circuit.witness(inputs)), true);
  });

  const positions = (...lots: bigint[]) => {
    const accounts = someAccounts();
    lots.forEach((lot, i) => (accounts[2 + i] = { ...accounts[2 + i], positions: vector(lot, -25n * lot) }));
    return accounts;
  };
  const table: [why: string, situation: Situation][] = [
    ["one fill", { fills: [fill(3)] }],
    ["as many as one proof holds", { fills: [fill(3), fill(4), fill(5)] }],
    ["one more than that", { fills: [fill(3), fill(4), fill(5), fill(6)] }],
    ["an account twice in a proof", { fills: [fill(3), fill(3, { lots: -7n, closed: true })] }],
    ["an account in each slot of three proofs", { fills: Array.from({ length: 7 }, () => fill(3)) }],
    ["long to short across zero", { fills: [fill(2, { lots: -9n })], accounts: positions(4n) }],
    ["short to long across zero", { fills: [fill(2, { lots: 9n })], accounts: positions(-4n) }],
    ["to flat: one holder less", { fills: [fill(2, { lots: -4n })], accounts: positions(4n) }],
    ["from flat: one holder more", { fills: [fill(2, { lots: 4n })], accounts: positions(0n) }],
    ["from flat to flat", { fills: [fill(2), fill(2, { lots: -2n })], accounts: positions(0n) }],
    ["flat and not flat at once", { fills: [fill(2, { lots: -4n }), fill(3)], accounts: positions(4n, 0n) }],
    ["the venue's own fill", { fills: [fill(3), fill(0, { lots: 0n, release: 0n, fee: -5n })] }],
    ["the last leaf", { fills: [fill(15)] }],
    ["a dropped order", { fills: [fill(3, { lots: 0n, fee: 0n, closed: true })] }],
    ["a price of 0", { fills: [fill(3)], tradePrice: 0n }],
    ["a price below 0", { fills: [fill(3), fill(4, { lots: -2n })], tradePrice: -1_250n }],
    [
      "the widest columns",
      {
        fills: [
          fill(3, { lots: below(BITS.size), release: below(BITS.release), fee: below(BITS.fillFee), closed: true }),
          fill(4, { lots: -below(BITS.size), release: 0n, fee: -below(BITS.fillFee) }),
        ],
        accounts: someAccounts().map((account) => ({ ...account, reserved: below(BITS.reserved) })),
        tradePrice: -below(61),
      },
    ],
    [
      "orders dropped in a free slot",
      { fills: [fill(3, { lots: 0n, fee: 0n, closed: true })], slot: FREE, tradePrice: 0n },
    ],
  ];
  for (const [why, situation] of table) it(why, () => void agrees(circuit, situation));
});

/** Signals of an instruction that an attacker may set as it likes. */
type Attack = Record<string, any>;

describe("circuits/instructions/settle: malicious inputs", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compiled();
  });
  const FILLS = [fill(3), fill(4, { lots: -2n, closed: true }), fill(0, { lots: 0n, release: 0n, fee: -10n })];

  const refused: [why: string, rule: string, attack: (inputs: Attack, ledger: Ledger) => void][] = [
    ["phase open", "Settle: before.phase === PHASE_SETTLING() + slot;", ({ before }) => (before.phase = 0n)],
    [
      "phase clearing of the slot",
      "Settle: before.phase === PHASE_SETTLING() + slot;",
      ({ before }) => (before.phase = BigInt(PHASE.clearing(SLOT))),
    ],
    [
      "phase settling of another slot",
      "Settle: before.phase === PHASE_SETTLING() + slot;",
      ({ before }) => (before.phase = BigInt(PHASE.settling(OTHER_SLOT))),
    ],
    [
      "the legs of another market",
      "Settle: before.phase === PHASE_SETTLING() + slot;",
      (inputs, ledger) => {
        inputs.slot = BigInt(OTHER_SLOT);
        inputs.row = ledger.rulesRow(OTHER_SLOT);
      },
    ],
    [
      "another market's row",
      "RulesRow: given * (hashed - rowHash) === 0;",
      (inputs, ledger) => (inputs.row = ledger.rulesRow(OTHER_SLOT)),
    ],
    ["legs off by one", "RulesRow: given * (hashed - rowHash) === 0;", ({ row }) => (row.legs += 1n)],
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
        inputs.row.legs = 1n;
      },
    ],
    ["a trade price off by one", "Settle: before.clearing.sweep === sweep;", (inputs) => (inputs.tradePrice += 1n)],
    [
      "the trade price with its sign turned",
      "Settle: before.clearing.sweep === sweep;",
      (inputs) => (inputs.tradePrice = -PRICE),
    ],
    ["holders off by one", "OpenVector: root === hashed;", ({ holders }) => (holders[0] += 1n)],
    [
      "cash of the account off by one",
      "SettleSlot: active * (update.rootBefore - accounts) === 0;",
      ({ account }) => (account[0].cash += 1n),
    ],
    [
      "a position of the account off by one",
      "SettleSlot: active * (update.rootBefore - accounts) === 0;",
      ({ account }) => (account[1].positions[15] += 1n),
    ],
    [
      "a fill into another account's leaf",
      "SettleSlot: active * (update.rootBefore - accounts) === 0;",
      (inputs) => (inputs.words[0] = fillWord({ ...FILLS[0], account: 5 })),
    ],
    [
      "a fill that names no leaf of the tree",
      "SettleSlot: for (var i = 2 * depth; i < BITS_ACCOUNT(); i++) fill.account[i] === 0;",
      (inputs) => (inputs.words[0] = fillWord({ ...FILLS[0], account: 16 + 3 })),
    ],
    [
      "a word that is wider than its columns",
      "Bits: sum === in;",
      (inputs) => (inputs.words[0] += 1n << BigInt(BITS.account + 1 + BITS.size + 1 + BITS.release + BITS.fillFee + 1)),
    ],
    [
      "a slot in use after one that is not",
      "UsedFirst: if (j > 0) active[j] * (1 - active[j - 1]) === 0;",
      (inputs) => (inputs.active = [1n, 0n, 1n]),
    ],
    ["a slot used twice at once", "Boolean: in * (in - 1) === 0;", (inputs) => (inputs.active = [2n, 1n, 1n])],
    ["a slot beyond the last", "Bits: sum === in;", (inputs) => (inputs.slot = BigInt(SLOT) + 16n)],
  ];
  for (const [why, rule, attack] of refused)
    it(`${why}: refused`, () => {
      const { ledger, event } = settling({ fills: FILLS });
      const [{ inputs }] = settleInstructions(ledger, event);
      attack(inputs, ledger);
      assert.equal(refusal(circuit, inputs), rule);
    });

  /** Books `booked` where `put` are the fills of the clearing, honestly in all else. */
  function books(put: readonly Fill[], booked: readonly Fill[]): bigint[][] {
    const { ledger, event } = settling({ fills: booked });
    const { fillsTaken } = ledger.state;
    const fillsPut = put.map(fillWord).reduce(pushFill, fillsTaken);
    ledger.state = { ...ledger.state, fillsPut };
    return settleInstructions(ledger, event).map(({ inputs, publicInputs }) => {
      const shown = publicOf(circuit.witness(inputs));
      assert.deepEqual(shown, publicInputs);
      return shown;
    });
  }
  const [one, two, venue] = FILLS;
  // These have witnesses: none of them ends the phase, neither now nor later, so no round can end with them.
  const stuck: [why: string, booked: readonly Fill[], put?: readonly Fill[]][] = [
    ["a fill booked twice", [one, one, two, venue]],
    ["the last fill booked twice", [one, venue, venue], [one, venue]],
    ["a fill skipped", [one, venue]],
    ["the first fill skipped", [two, venue]],
    ["the venue's fill skipped", [one, two]],
    ["two fills swapped", [two, one, venue]],
    ["nothing booked", []],
    ["lots one more", [{ ...one, lots: one.lots + 1n }, two, venue]],
    ["lots one less", [one, { ...two, lots: two.lots + 1n }, venue]],
    ["lots of the other side", [{ ...one, lots: -one.lots }, two, venue]],
    ["a release one more", [{ ...one, release: one.release + 1n }, two, venue]],
    ["a release one less", [{ ...one, release: one.release - 1n }, two, venue]],
    ["a fee one less", [{ ...one, fee: one.fee - 1n }, two, venue]],
    ["a fee one more for the venue", [one, two, { ...venue, fee: venue.fee - 1n }]],
    ["an order closed that is not", [{ ...one, closed: true }, two, venue]],
    ["a closed bit dropped", [one, { ...two, closed: false }, venue]],
    ["a fill in another account", [{ ...one, account: 5 }, two, venue]],
    ["the venue's fee in another account", [one, two, { ...venue, account: 5 }]],
    ["a fill that nobody put", [one, venue, fill(5, { lots: 0n, fee: -1_000n })], [one, venue]],
  ];
  for (const [why, booked, put = FILLS] of stuck)
    it(`${why}: phase settling does not end`, () => {
      for (const [, , phase] of books(put, booked)) assert.equal(phase, BigInt(PHASE.settling(SLOT)));
    });

  it("a fill more in a proof of its own, after the last: refused, as the phase has ended", () => {
    const { ledger, event } = settling({ fills: [...FILLS, venue] });
    ledger.state = { ...ledger.state, fillsPut: FILLS.map(fillWord).reduce(pushFill, ledger.state.fillsTaken) };
    const [{ publicInputs }, { inputs }] = settleInstructions(ledger, event);
    assert.equal(publicInputs[2], 0n);
    assert.equal(refusal(circuit, inputs), "Settle: before.phase === PHASE_SETTLING() + slot;");
  });

  it("fewer fills in a proof than it could hold are harmless: the phase ends when all are booked", () => {
    const { ledger, event, after } = settling({ fills: FILLS });
    const expected = registersAfter(ledger.state, after);
    const [first, ...rest] = event.writes;
    const phases = [
      { ...event, writes: [first] },
      { ...event, writes: [] },
      { ...event, writes: rest },
    ]
      .flatMap((part) => settleInstructions(ledger, part))
      .map(({ inputs, publicInputs }) => {
        assert.deepEqual(publicOf(circuit.witness(inputs)), publicInputs);
        return publicInputs[2];
      });
    assert.deepEqual(phases, [BigInt(PHASE.settling(SLOT)), 0n]);
    assert.equal(ledger.word, stateWord({ ...expected, blind: ledger.state.blind }));
  });

  it("an inactive slot changes nothing, whatever it bears", () => {
    const { ledger, event } = settling({ fills: [fill(3), fill(4)] });
    const [{ inputs, publicInputs }] = settleInstructions(ledger, event);
    const { words, account } = inputs as Attack;
    words[2] = fillWord(fill(5, { closed: true, release: 7n }));
    account[2] = { ...account[1], cash: 5n };
    assert.deepEqual(publicOf(circuit.witness(inputs)), publicInputs);
  });
});

describe("circuits/instructions/settle: forged witnesses", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compileTemplate({ file, template: "Settle", args: [PROFILE.depth, 2], optimise: false });
  });

  /** Inputs of the first proof, of two slots. */
  function inputsOfTwo(situation: Situation) {
    const { ledger, event } = settling(situation, 2);
    return settleInstructions(ledger, event)[0].inputs;
  }

  function fixture() {
    const fills = [fill(3), fill(2, { lots: -4n, closed: true })];
    const accounts = someAccounts();
    accounts[2] = { ...accounts[2], positions: vector(4n) };
    return inputsOfTwo({ fills, accounts });
  }

  it("the solver's own witness of no cheat is good", () => {
    const inputs = fixture();
    assert.equal(circuit.satisfies(circuit.solveForged(inputs, {})), true);
  });

  it("each signal is bound by the rule that computes it", () => {
    const others = ["fill.account[i] === 0"];
    pinsEach(circuit, { fixture: fixture() }, "settle.circom", others);
  });

  it("a slot used behind one that is not: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] }) as { [name: string]: any };
    const second = ["words", "account", "siblings"].map((name) => pinsOf(`${name}[1]`, inputs[name][0]));
    const cheat = Object.assign({ "active[0]": 0n, "active[1]": 1n }, ...second);
    circuit.refuses(inputs, cheat, "UsedFirst(F)(active)");
  });

  it("a fill of an account beyond the tree, booked within it: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] }) as { [name: string]: any };
    circuit.refuses(inputs, { "words[0]": inputs.words[0] + 16n }, "fill.account[i] === 0");
  });

  const plus = (name: string, by: bigint) => (read: (name: string) => bigint) => ({ [name]: read(name) + by });
  const cheats: [why: string, cheat: (read: (name: string) => bigint) => Record<string, bigint>][] = [
    ["cash one more", plus("step[1].after.cash", 1n)],
    ["cash one less", plus("step[1].after.cash", -1n)],
    ["nothing paid", () => ({ "step[1].paid": 0n })],
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
    ["drained, yet the phase stays", (read) => ({ phaseAfter: read("before.phase") })],
    ["the trade price kept", (read) => ({ "after.clearing.sweep": read("before.clearing.sweep") })],
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

  it("other legs than the market's, or any on a free slot's terms: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] });
    circuit.refuses(
      inputs,
      plus("legs[0]", 1n)((name) => circuit.read(name, circuit.witness(inputs))),
    );
    circuit.refuses(inputsOfTwo({ fills: [fill(3, { lots: 0n })], slot: FREE }), { "legs[0]": 5n });
  });

  it("phase open, claimed with a fill left: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3), fill(4), fill(5)] });
    const honest = circuit.witness(inputs);
    assert.equal(circuit.read("phaseAfter", honest), BigInt(PHASE.settling(SLOT)));
    for (const cheat of [{ drained: 1n }, { phaseAfter: 0n }, { "after.phase": 0n }] as Record<string, bigint>[]) {
      const forged = circuit.refuses(inputs, cheat);
      assert.notDeepEqual(publicOf(forged), publicOf(honest));
    }
  });

  it("an inactive slot that writes: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(3)] });
    const honest = circuit.witness(inputs);
    for (const name of ["accountsAfter", "holdersAfter[0]", "takenAfter"]) {
      const forged = circuit.refuses(inputs, { [`step[1].${name}`]: circuit.read(`step[1].${name}`, honest) + 1n });
      assert.notDeepEqual(publicOf(forged), publicOf(honest));
    }
  });
});

describe("circuits/instructions/settle: registers left alone", () => {
  leavesOthersAlone("settle", async () => {
    const circuit = await compileTemplate({ file, template: "Settle", args: [PROFILE.depth, 1], optimise: false });
    const { ledger, event } = settling({ fills: [fill(3)] }, 1);
    return { circuit, ledger, make: () => settleInstructions(ledger, event)[0] };
  });
});
