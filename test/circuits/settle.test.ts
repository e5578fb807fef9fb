// Goal: Settle books each fill once, in the account that it names, as src/protocol/clearing.ts (settled) does; no inputs book
// another one, or end the phase before all are booked and all fees credited.
// Method: random fills (seed in the name of the test) against registers computed anew from the accounts; malicious
// inputs, which must be refused by the rule that is named, or leave phase settling for ever.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { fillWord, type Fill } from "../../src/protocol/book.ts";
import { RUN } from "../../src/protocol/instructions.ts";
import { BITS, PHASE } from "../../src/protocol/parameters.ts";
import { stateWord } from "../../src/protocol/state.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { settleInstructions, type Unsettled } from "../../src/witness/settle.ts";
import { refusal } from "./clearing.ts";
import { compileTemplate, type Circuit } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";
import {
  type Attack,
  below,
  charged,
  file,
  fill,
  FREE,
  FUNDING,
  headOf,
  OTHER_SLOT,
  PRICE,
  PROFILE,
  publicOf,
  registersAfter,
  settling,
  type Situation,
  SLOT,
  someAccounts,
  trade,
  vector,
} from "./settling.ts";

type Circuits = Record<"settle" | "settleRuns", Circuit>;

async function compiled(): Promise<Circuits> {
  const of = (slots: number, run: number) =>
    compileTemplate({
      file,
      template: "Settle",
      args: [PROFILE.depth, slots, run],
      optimise: false,
      attributed: false,
    });
  return { settle: await of(PROFILE.settle, 1), settleRuns: await of(PROFILE.settleRuns, RUN) };
}
const named = (circuits: Circuits, { name }: InstructionInputs) => circuits[name as keyof Circuits];

/** The circuits answer as the ledger, whose last state is the one that follows from the accounts. */
function agrees(circuits: Circuits, situation: Situation): InstructionInputs[] {
  const { ledger, instructions, after, share } = settling(situation);
  const expected = registersAfter(ledger.state, after, share);
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
      agrees(circuits, {
        fills,
        fees: BigInt(random.pick([0, 0, 7])),
        share: random.pick([0n, 65_535n, random.bits(40)]),
      });
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
    ["fees of which share makes a whole unit", { fills: [], fees: 1n, share: 65_536n - 6_554n }, [ONE]],
    ["fees of which share lacks one 2^-16 of a unit", { fills: [], fees: 1n, share: 65_535n - 6_554n }, [ONE]],
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
    ["half a credit", "Boolean: in * (in - 1) === 0;", (inputs) => (inputs.credit = 2n)],
    [
      "another share of fees",
      "Settle: group.defaults === defaultsHash;",
      ({ defaults }) => (defaults.insuranceShare = 0n),
    ],
    ["other rules of defaults", "OpenRules: root === hashed;", ({ group }) => (group.defaults += 1n)],
    ["a market slot beyond the last", "Bits: sum === in;", (inputs) => (inputs.slots[3] = BigInt(SLOT) + 16n)],
  ];
  for (const [why, rule, attack] of refused)
    it(`${why}: refused`, () => {
      const { ledger, instructions } = settling({ fills: FILLS });
      const [{ inputs }] = instructions();
      attack(inputs, ledger);
      assert.equal(refusal(circuits.settle, inputs), rule);
    });

  it("the fees credited to a trader: refused", () => {
    const [{ inputs }] = settling({ fills: [3, 4, 5, 6, 7, 8].map((account) => fill(account)) }).instructions();
    assert.equal(refusal(circuits.settle, { ...inputs, credit: 1n }), "SettleSlot: credit * index === 0;");
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
    const { ledger, after, share } = settling({ fills: FILLS });
    const expected = registersAfter(ledger.state, after, share);
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
