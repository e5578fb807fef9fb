// Goal: Deposit credits the next deposits of the contract's chain as the matcher does, each once, for whatever deposits the
// contract may take, and no witness proves another credit.
// Method: random deposits (seed in the name of the test; TACIT_ROUNDS sets the number of rounds) until the tree is full,
// against matcher and ledger; malicious inputs, which must leave no witness or other public inputs; forged witnesses, in
// which one signal is pinned to the cheat and all that follows is computed anew.
import assert from "node:assert/strict";
import { babyjubjub } from "@noble/curves/misc.js";
import { Random } from "../../src/replay/random.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import type { Deposit, Event } from "../../src/matcher/events.ts";
import { accountLeaf, openAccount, viewKey, type Account } from "../../src/protocol/account.ts";
import {
  accountKey,
  depositKey,
  FIELD,
  ORDER,
  publicKey,
  scalarMultiply,
  secretScalar,
  sharedX,
} from "../../src/protocol/eddsa.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import type { State } from "../../src/protocol/state.ts";
import { depositInstruction, pushDeposit } from "../../src/witness/deposit.ts";
import { accountSignals, Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { compileTemplate, expectNoWitness, pinsOf, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";
import { rulesOfTests } from "../priced.ts";
import { noPrices } from "../../src/protocol/prices.ts";

/** Inputs of an instruction, free to be changed. */
type Tampered = { [name: string]: any };

const file = "circuits/instructions/deposit.circom";
const START = 1_000_000n;
const MOST = (1n << 92n) - 1n;
const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
const secretOf = (i: number) => new Uint8Array(32).fill(i + 1);
const operatorSecret = secretScalar(secretOf(0));
const operatorKey = publicKey(secretOf(0));
const rules = rulesOfTests({ group: { operatorKeyX: operatorKey.x, operatorKeyY: operatorKey.y, scenarios: 1 } });
const prices = noPrices({ ...rules, ...rules.group });
const view = ({ keyX, keyY }: { keyX: bigint; keyY: bigint }, index: number) =>
  viewKey(sharedX(operatorSecret, { x: keyX, y: keyY }), index);
const ALICE = 2;
/** The venue's accounts, and Alice, who has traded. */
const accounts: Account[] = [0, 1, ALICE].map((i) => {
  const { x: keyX, y: keyY } = publicKey(secretOf(i));
  return openAccount({ keyX, keyY, view: view({ keyX, keyY }, i) });
});
const traded = {
  seq: 9n,
  cash: -50n,
  nonce: 4n,
  reserved: 30n,
  open: 1n,
  positions: vector(3n, -2n),
  flagged: 70n,
  pushedAt: 80n,
};
accounts[ALICE] = { ...accounts[ALICE], ...traded };
// It owes so much that the largest amounts of a deposit, one after the other, keep what is held within its bound.
accounts[1] = { ...accounts[1], cash: -(1n << 97n) };

const namedKey = (i: number) => {
  const { x: keyX, y: keyY } = depositKey(publicKey(secretOf(i)));
  return { keyX, keyY };
};
const SLOTS = 2;
const HELD = 9n;

class Venue {
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  #accounts = [...accounts];
  constructor(depth = 2, deposit = SLOTS) {
    const profile = {
      depth,
      scenarios: 1,
      feeds: 4,
      maxOpen: 2,
      deposit,
      admit: 1,
      quote: 1,
      clear: 1,
      settle: 1,
      settleRuns: 1,
      fold: 1,
      enforce: 1,
      assume: 1,
    };
    const genesis = { domain: 77n, profile, rules, prices, accounts, time: START };
    this.matcher = new Matcher(genesis, { view });
    let blind = 0n;
    this.ledger = new Ledger({ ...genesis, blind: () => ++blind });
    // What is held is never less than nothing.
    this.ledger.state.vault = HELD;
  }

  take(deposits: readonly Deposit[], time = START): InstructionInputs {
    const [event] = this.matcher.apply({ kind: "deposits", time, deposits }) as Extract<Event, { kind: "deposits" }>[];
    const instruction = depositInstruction(this.ledger, event, (i) => this.#accounts[i] ?? null, operatorSecret);
    for (const { index, after } of event.credits) this.#accounts[index] = after;
    return instruction;
  }
}

function agrees(circuit: Circuit, { inputs, publicInputs }: InstructionInputs): bigint[] {
  const witness = circuit.witness(inputs as Inputs);
  assert.deepEqual(witness.slice(1, 1 + publicInputs.length), publicInputs);
  return witness;
}

const compiled = () =>
  compileTemplate({ file, template: "Deposit", args: [2, SLOTS], optimise: false, attributed: false });
const GENERATOR = {
  x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
  y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
};
/** K' with a point of small order added: the same account's key, another point. */
function twisted({ keyX, keyY }: { keyX: bigint; keyY: bigint }, i: number): { keyX: bigint; keyY: bigint } {
  const { Point } = babyjubjub;
  const small = Point.fromAffine(scalarMultiply(BigInt(i) * ORDER, GENERATOR));
  const { x, y } = Point.fromAffine({ x: keyX, y: keyY }).add(small).toAffine();
  return { keyX: x, keyY: y };
}

describe("circuits/instructions/deposit: agreement", () => {
  remembersHashes();
  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 1); seed++)
    it(`with matcher and ledger, until the tree is full, TACIT_SEED=${seed}`, async () => {
      const circuit = await compiled();
      const random = new Random(seed);
      const v = new Venue();
      let time = START;
      let deposits: Deposit[] = [];
      while (v.matcher.accounts.length + deposits.length < 16) {
        const holder = random.integer(0, 9);
        const key = namedKey(holder);
        const index = random.pick([random.integer(0, 15), random.integer(0, 3), random.integer(16, (1 << 20) - 1)]);
        const amount = random.pick([1n, MOST, random.bits(92) || 1n]);
        const { x } = publicKey(secretOf(holder));
        const known = v.matcher.accounts.findIndex(({ keyX }) => keyX === x);
        const named = known >= 0 && random.unit() < 0.4 ? known : index;
        deposits.push({ ...(random.unit() < 0.7 ? key : twisted(key, random.integer(1, 7))), index: named, amount });
        if (deposits.length < random.integer(1, SLOTS)) continue;
        agrees(circuit, v.take(deposits, (time += BigInt(random.integer(0, 2)))));
        deposits = [];
      }
      if (deposits.length > 0) agrees(circuit, v.take(deposits, time));
    });

  const table: [why: string, deposits: Deposit[], expected: { index: number; cash: bigint }[]][] = [
    ["opens an account", [{ ...namedKey(5), index: 3, amount: 1n }], [{ index: 3, cash: 1n }]],
    ["credits the account of the key", [{ ...namedKey(ALICE), index: ALICE, amount: 7n }], [{ index: 2, cash: -43n }]],
    [
      "opens, where the index is another key's",
      [{ ...namedKey(5), index: ALICE, amount: 7n }],
      [{ index: 3, cash: 7n }],
    ],
    [
      "opens again, where the known key names another index",
      [{ ...namedKey(ALICE), index: 9, amount: 7n }],
      [{ index: 3, cash: 7n }],
    ],
    [
      "opens, where the index is beyond the tree",
      [{ ...namedKey(ALICE), index: 16 + ALICE, amount: 7n }],
      [{ index: 3, cash: 7n }],
    ],
    [
      "opens, where the index is the greatest",
      [{ ...namedKey(5), index: (1 << 20) - 1, amount: MOST }],
      [{ index: 3, cash: MOST }],
    ],
    [
      "opens once, where one new key deposits twice to the number it gets",
      [1n, MOST].map((amount) => ({ ...namedKey(5), index: 3, amount })),
      [
        { index: 3, cash: 1n },
        { index: 3, cash: 1n + MOST },
      ],
    ],
    [
      "opens twice, where one new key deposits twice elsewhere",
      [1n, 2n].map((amount) => ({ ...namedKey(5), index: 9, amount })),
      [
        { index: 3, cash: 1n },
        { index: 4, cash: 2n },
      ],
    ],
    [
      "credits twice in one command",
      [
        { ...namedKey(ALICE), index: ALICE, amount: 7n },
        { ...twisted(namedKey(ALICE), 3), index: ALICE, amount: 8n },
      ],
      [
        { index: 2, cash: -43n },
        { index: 2, cash: -35n },
      ],
    ],
    ["credits the venue", [{ ...namedKey(0), index: 0, amount: 7n }], [{ index: 0, cash: 7n }]],
  ];
  for (const [why, deposits, expected] of table)
    it(why, async () => {
      const v = new Venue();
      const instruction = v.take(deposits);
      assert.deepEqual(
        deposits.map((_, i) => v.matcher.accounts[expected[i].index].cash),
        deposits.map((_, i) => expected.findLast(({ index }) => index === expected[i].index)!.cash),
      );
      agrees(await compiled(), instruction);
      assert.equal(v.ledger.state.deposits, deposits.reduce(pushDeposit, 0n));
      assert.equal(
        v.ledger.state.vault,
        deposits.reduce((sum, { amount }) => sum + amount, HELD),
      );
    });

  it("gives a view key that the trader derives as well", () => {
    const v = new Venue();
    v.take([{ ...namedKey(5), index: 3, amount: 1n }]);
    assert.equal(v.matcher.accounts[3].view, viewKey(sharedX(secretScalar(secretOf(5)), operatorKey), 3));
  });
});

describe("circuits/instructions/deposit: malicious inputs", () => {
  remembersHashes();
  let circuit: Circuit;
  let honest: InstructionInputs;
  /** Siblings in the state before the instruction, and after its first slot. */
  let path: (index: number) => bigint[][];
  let laterPath: (index: number) => bigint[][];
  before(async () => {
    circuit = await compiled();
    const v = new Venue();
    v.take([{ ...namedKey(6), index: 9, amount: 5n }]);
    const tree = v.ledger.tree.clone();
    path = (index) => tree.path(index);
    const both = [
      { ...namedKey(5), index: 9, amount: 5n },
      { ...namedKey(ALICE), index: ALICE, amount: 7n },
    ];
    honest = v.take(both, START + 5n);
    const other = new Venue();
    other.take([{ ...namedKey(6), index: 9, amount: 5n }]);
    other.take(both.slice(0, 1));
    laterPath = (index) => other.ledger.tree.path(index);
  });
  const tampered = (change: (inputs: Tampered) => void) => {
    const inputs = structuredClone(honest.inputs) as Tampered;
    change(inputs);
    return inputs as Inputs;
  };
  const shown = (inputs: Inputs) => circuit.publicValues(inputs, honest.publicInputs.length);

  it("the honest ones have a witness that satisfies", () => {
    assert.equal(circuit.satisfies(agrees(circuit, honest)), true);
  });

  const refused: [why: string, change: (inputs: Tampered) => void][] = [
    ["phase clearing", (i) => (i.before.phase = 1n)],
    ["phase settling", (i) => (i.before.phase = 17n)],
    ["phase paying", (i) => (i.before.phase = 33n)],
    ["another operator secret", (i) => (i.operatorSecret += 1n)],
    ["an operator secret of 252 bits", (i) => (i.operatorSecret += ORDER)],
    ["another operator key", (i) => ([i.group.operatorKeyX, i.group.operatorKeyY] = [5n, 6n])],
    ["the rules of another root", (i) => (i.idsHash += 1n)],
    ["stamped before the log", (i) => (i.stamp = START - 1n)],
    ["stamped with 41 bits", (i) => (i.stamp = 1n << 40n)],
    ["no slot used", (i) => (i.active = [0n, 0n])],
    ["a slot skipped", (i) => (i.active = [0n, 1n])],
    ["a slot used twice", (i) => (i.active = [1n, 2n])],
    ["an amount that borrows from the index", (i) => ((i.amount[0] += 1n << 92n), (i.index[0] -= 1n))],
    ["an index that borrows from the amount", (i) => ((i.amount[0] -= 1n << 92n), (i.index[0] += 1n))],
    ["an index of 21 bits", (i) => (i.index[0] = 1n << 20n)],
    ["an amount of 93 bits", (i) => (i.amount[0] = 1n << 92n)],
    ["another account at the index", (i) => (i.named[1] = accountSignals(accounts[0]))],
    ["more cash", (i) => (i.named[1].cash = 50n)],
    ["another key in the account", (i) => (i.named[1].keyX += 1n)],
    ["other positions", (i) => (i.namedPositions[1] += 1n)],
    ["an empty leaf at an index in use", (i) => (i.leaf[1] = 0n)],
    [
      "the leaf of another index",
      (i) => {
        i.named[0] = accountSignals(accounts[0]);
        i.leaf[0] = accountLeaf(accounts[0]);
        i.namedSiblings[0] = path(0);
      },
    ],
    ["siblings of the state before the first slot", (i) => (i.namedSiblings[1] = path(ALICE))],
    ["the path of an occupied leaf", (i) => (i.siblings[0] = path(0))],
    ["a leaf in use written over", (i) => (i.siblings[0] = path(3))],
    ["an occupied leaf for a new account", (i) => ((i.before.accounts.count = 1n), (i.siblings[0] = path(1)))],
    ["a number beyond the tree", (i) => (i.before.accounts.count = 16n)],
  ];
  for (const [why, change] of refused) it(`no witness: ${why}`, () => expectNoWitness(circuit, tampered(change)));

  const elsewhere: [why: string, change: (inputs: Tampered) => void, output: number][] = [
    ["n is one where two deposits are named", (i) => (i.active = [1n, 0n]), 5],
    ["the contract's chain has another amount", (i) => (i.amount[1] += 1n), 6],
    ["the contract's chain has another index", (i) => (i.index[0] += 16n), 6],
    [
      "the contract's chain has another key",
      (i) => {
        [i.keyX[1], i.keyY[1]] = Object.values(namedKey(7));
        i.siblings[1] = laterPath(5);
      },
      6,
    ],
    ["the same key by another point", (i) => ([i.keyX[0], i.keyY[0]] = Object.values(twisted(namedKey(5), 2))), 6],
    ["the chain started elsewhere", (i) => (i.before.accounts.deposits = 0n), 0],
    ["another time", (i) => (i.stamp += 1n), 3],
    ["more held than there is", (i) => (i.before.accounts.vault += 1n), 0],
  ];
  for (const [why, change, output] of elsewhere)
    it(`other public inputs: ${why}`, () => {
      assert.notEqual(shown(tampered(change))[output], honest.publicInputs[output]);
    });

  it("other public inputs: one deposit credited twice", () => {
    const v = new Venue();
    const { inputs } = v.take([1, 2].map(() => ({ ...namedKey(ALICE), index: ALICE, amount: 7n })));
    const outputs = circuit.publicValues(inputs as Inputs, 7);
    assert.notEqual(outputs[6], pushDeposit(0n, { ...namedKey(ALICE), index: ALICE, amount: 7n }));
  });

  it("the same public inputs: an account of the depositor's own, made up for the empty leaf that is named", () => {
    const { x: keyX, y: keyY } = accountKey({ x: namedKey(5).keyX, y: namedKey(5).keyY });
    const rich = { ...openAccount({ keyX, keyY, view: 1n }), cash: 1n << 90n };
    const madeUp = tampered((i) => Object.assign(i.named[0], accountSignals(rich)));
    assert.deepEqual(shown(madeUp), [...honest.publicInputs]);
  });

  it("each input, changed by one: no witness, or other public inputs, but for what is free", () => {
    const tried = structuredClone(honest.inputs) as Tampered;
    const unnoticed: string[] = [];
    const walk = (at: Tampered, name: string) => {
      const keys = Object.keys(at).filter((_, i, all) => all.length !== 16 || i === 0 || i === 15);
      for (const key of keys) {
        if (typeof at[key] !== "bigint") {
          walk(at[key], `${name}${key}.`);
          continue;
        }
        const value = at[key];
        at[key] = (value + 1n) % FIELD;
        try {
          if (shown(tried as Inputs).every((x, i) => x === honest.publicInputs[i])) unnoticed.push(name + key);
        } catch (error) {
          assert.match((error as Error).message, /Assert Failed/);
        }
        at[key] = value;
      }
    };
    walk(tried, "");
    // The account of an empty leaf; the positions of the other, which enter by their hash.
    const free = /^(named\.0\.\w+(\.\d+)?|namedPositions\.0|named\.1\.positions\.\d+)$/;
    assert.deepEqual(
      unnoticed.filter((name) => !free.test(name)),
      [],
    );
  });
});

describe("circuits/instructions/deposit: forged witnesses", () => {
  remembersHashes();
  let slot: Circuit;
  let whole: Circuit;
  before(async () => {
    slot = await compileTemplate({ file, template: "DepositSlot", args: [1], optimise: false });
    whole = await compileTemplate({ file, template: "Deposit", args: [1, 1], optimise: false });
  });
  const refuse = (circuit: Circuit, inputs: Inputs, pinned: Record<string, bigint>, rule?: string) =>
    void circuit.refuses(inputs, pinned, rule);

  const KNOWN: Deposit = { ...namedKey(ALICE), index: ALICE, amount: 7n };
  const NEW: Deposit = { ...namedKey(5), index: 0, amount: 7n };
  const accountsOf = ({ accounts: root, accountCount: count, deposits, holders, vault }: State) => {
    return { root, count, deposits, holders, vault };
  };
  const both = (deposit: Deposit) => {
    const v = new Venue(1, 1);
    const accounts = accountsOf(v.ledger.state);
    const [empty, first, alice] = [3, 0, ALICE].map((i) => v.ledger.tree.path(i));
    const { inputs } = v.take([deposit]);
    const read = inputs as Tampered;
    const own = ["active", "keyX", "keyY", "index", "amount", "named", "namedPositions", "leaf", "namedSiblings"];
    const secretBits = Array.from({ length: 251 }, (_, i) => (operatorSecret >> BigInt(i)) & 1n);
    const part: Tampered = {
      ...Object.fromEntries([...own, "siblings"].map((name) => [name, read[name][0]])),
      secretBits,
      noPositions: accountsPositions,
      accounts,
    };
    return { inputs: inputs as Inputs, part, empty, first, alice, state: v.ledger.state };
  };
  let accountsPositions: bigint;
  before(() => {
    const { inputs } = new Venue(1, 1).take([NEW]);
    accountsPositions = (inputs as Tampered).namedPositions[0];
  });

  for (const [why, deposit] of [
    ["a credit", KNOWN],
    ["a new account", NEW],
  ] as const)
    it(`${why}: the honest witness satisfies, and computed anew it is the same`, () => {
      const { part, inputs, state } = both(deposit);
      const honest = slot.witness(part);
      assert.equal(slot.satisfies(honest), true);
      assert.deepEqual(slot.readAll("accountsAfter", honest), Object.values(accountsOf(state)));
      assert.deepEqual(slot.solveForged(part, {}), honest);
      assert.equal(whole.satisfies(whole.witness(inputs)), true);
    });

  type Read = (name: string) => bigint;
  const CHEATS: [why: string, deposit: Deposit, pinned: (read: Read) => Record<string, bigint>][] = [
    ["more credited", KNOWN, (read) => ({ "after.cash": read("after.cash") + 1n })],
    ["credited twice", KNOWN, (read) => ({ "after.cash": read("after.cash") + 7n })],
    ["credited without being consumed", KNOWN, (read) => ({ "accountsAfter.deposits": read("accounts.deposits") })],
    ["consumed without being credited", KNOWN, (read) => ({ "accountsAfter.root": read("accounts.root") })],
    ["credited to another key", NEW, (read) => ({ "key[0]": read("key[0]") + 1n })],
    ["of another key doubled", NEW, (read) => ({ "twice[0]": read("twice[0]") + 1n })],
    ["of another chain", KNOWN, (read) => ({ chained: read("chained") + 1n })],
    ["that resets what is reserved", KNOWN, () => ({ "after.reserved": 0n })],
    ["that resets the nonce", KNOWN, () => ({ "after.nonce": 0n })],
    ["that resets the number of open orders", KNOWN, () => ({ "after.open": 0n })],
    ["that lifts a flag", KNOWN, () => ({ "after.flagged": 0n })],
    ["that forgets what it waits for", KNOWN, () => ({ "after.pushedAt": 0n })],
    ["that is not held", KNOWN, (read) => ({ "accountsAfter.vault": read("accounts.vault") })],
    ["that holds more", KNOWN, (read) => ({ "accountsAfter.vault": read("accountsAfter.vault") + 1n })],
    ["that resets the positions", KNOWN, (read) => ({ positionsAfter: read("noPositions") })],
    ["that keeps seq", KNOWN, (read) => ({ "after.seq": read("named.seq") })],
    ["that changes the view key", KNOWN, (read) => ({ "after.view": read("view") })],
    ["that counts an account", KNOWN, (read) => ({ "accountsAfter.count": read("accounts.count") + 1n })],
    ["that names no account", NEW, () => ({ "indexBits[4]": 1n })],
    ["with another view key", NEW, (read) => ({ view: read("view") + 1n })],
    ["with the view key of another secret", NEW, (read) => ({ "shared[0]": read("shared[0]") + 1n })],
    ["that does not count the account", NEW, (read) => ({ "accountsAfter.count": read("accounts.count") })],
    ["with more cash", NEW, (read) => ({ "after.cash": read("after.cash") + 1n })],
    ["that is written twice", NEW, (read) => ({ "after.seq": read("after.seq") + 1n })],
    ["with a nonce", NEW, () => ({ "after.nonce": 1n })],
    ["with a flag", NEW, () => ({ "after.flagged": 1n })],
    ["that waits already", NEW, () => ({ "after.pushedAt": 1n })],
    ["that is not held", NEW, (read) => ({ "accountsAfter.vault": read("accounts.vault") })],
    ["with a claim on reservations", NEW, () => ({ "after.reserved": -5n })],
    ["with positions", NEW, (read) => ({ positionsAfter: read("positionsAfter") + 1n })],
  ];
  for (const [why, deposit, pins] of CHEATS)
    it(`${deposit === KNOWN ? "a credit" : "a new account"}: no proof of one ${why}`, () => {
      const { part } = both(deposit);
      const honest = slot.witness(part);
      refuse(
        slot,
        part,
        pins((name) => slot.read(name, honest)),
      );
    });

  it("each signal is bound by the rule that computes it", () => {
    const parts = { known: both(KNOWN).part, fresh: both(NEW).part, idle: { ...both(KNOWN).part, active: 0n } };
    pinsEach(slot, parts, "deposit.circom", ["active * (update.rootBefore - accounts.root) === 0"]);
    // What a slot reads has other tests; all of DepositSlot was tried.
    const byHand = ["leaf", "namedSiblings", "siblings"].map((name) => `slot[j].${name} <== ${name}[j]`);
    const tried = whole.statements.flatMap(({ template, text }) => (template === "DepositSlot" ? [text] : []));
    const inWhole = new Set(whole.rules.flat().map(({ text }) => text));
    pinsEach(whole, { known: both(KNOWN).inputs, fresh: both(NEW).inputs }, "deposit.circom", [
      ...byHand,
      "UsedFirst(N)(active)",
      ...tried.filter((text) => inWhole.has(text)),
    ]);
  });

  it("amount and index are no wider than the word of the chain has room for", () => {
    const { part } = both(KNOWN);
    slot.refuses(part, { amount: 1n << 92n }, "Range(BITS_AMOUNT())(amount)");
    slot.refuses(both(NEW).part, { index: 1n << 20n }, "signal indexBits[BITS_ACCOUNT()]");
  });

  const INDEXED: Deposit = { ...NEW, index: ALICE };
  /** The key of Alice's deposits, negated. */
  const NEGATED: Deposit = { ...KNOWN, keyX: FIELD - KNOWN.keyX };
  for (const [why, deposit, name] of [
    ["a foreign key", INDEXED, "known"],
    ["a foreign key, called the same", INDEXED, "sameKey"],
    ["the negated key, whose x is called the same", NEGATED, "sameX"],
    ["the negated key, called the same", NEGATED, "sameKey"],
  ] as const)
    it(`no credit to another account: ${why}`, () => {
      const { part, alice } = both(deposit);
      const forged = slot.refuses(part, { [name]: 1n, ...pinsOf("siblings", alice) });
      assert.equal(slot.read("accountsAfter.count", forged), part.accounts.count);
    });

  it("no credit to another leaf that is the same", () => {
    const { part } = both(KNOWN);
    const leaves = { "namedSiblings[0][2]": part.leaf, "siblings[0][2]": part.leaf };
    const pins = { "update.index[0]": 1n, ...leaves };
    slot.refuses(part, pins, "update.index[i] <== Select()", { "accounts.root": "read.root" });
  });

  it("a new account is opened at the next number, where no leaf was, and counted", () => {
    const { part, first, alice } = both(NEW);
    const used = { "accounts.count": 2n, leafBefore: accountLeaf(accounts[ALICE]), ...pinsOf("siblings", alice) };
    slot.refuses(part, used, "signal leafBefore <== known * leaf");
    // In a tree whose first leaf is empty.
    const tree = { leaf: 0n, ...pinsOf("siblings", first) };
    const root = { "accounts.root": "read.root" };
    slot.refuses(part, { ...tree, opens: 0n }, "signal opens <== active * (1 - known)", root);
    slot.refuses(part, { ...tree, "countBits[0]": 0n, "countBits[1]": 0n }, "signal countBits", root);
  });

  it("the leaf is written beside those that are there", () => {
    const { part } = both(NEW);
    const rule = "active * (update.rootBefore - accounts.root) === 0";
    slot.refuses(part, { "siblings[0][0]": part.siblings[0][0] + 1n }, rule);
    slot.refuses(part, { "namedSiblings[0][0]": part.namedSiblings[0][0] + 1n }, "read.root === accounts.root");
  });

  it("a slot is used, or not", async () => {
    const two = await compileTemplate({ file, template: "Deposit", args: [2, 2], optimise: false });
    const inputs = new Venue(2, 2).take([KNOWN, KNOWN]).inputs as Inputs;
    two.refuses(inputs, { "active[1]": 2n }, "UsedFirst(N)(active)");
    two.refuses(inputs, { "slot[1].accounts.holders": 5n });
  });

  it("a slot reads what it is given", () => {
    const { inputs } = both(NEW);
    const root = { "before.accounts.root": "slot[0].read.root" };
    const { siblings, namedSiblings } = inputs as Tampered;
    // Leaf 0 is named; leaf 3 is written, beside leaves 0 to 2.
    whole.refuses(inputs, { "slot[0].leaf": 0n, "siblings[0][0][0]": 0n }, undefined, root);
    const other = { "siblings[0][0][1]": siblings[0][0][1] + 1n };
    whole.refuses(inputs, { "slot[0].namedSiblings[0][0]": namedSiblings[0][0][0] + 1n, ...other }, undefined, root);
    const named = { "namedSiblings[0][0][0]": namedSiblings[0][0][0] + 1n };
    whole.refuses(inputs, { "slot[0].siblings[0][1]": siblings[0][0][1] + 1n, ...named }, undefined, root);
  });

  for (const name of ["known", "sameKey", "namedGiven", "leafGiven", "inTree"])
    it(`a known account is not opened again: ${name} = 0, with the path of the empty leaf`, () => {
      const { part, empty } = both(KNOWN);
      // Without the rule the cheat is whole: the account would be opened at the next number.
      expectNoWitness(slot, { ...part, siblings: empty });
      const opened = slot.refuses(part, { [name]: 0n, ...pinsOf("siblings", empty) });
      assert.equal(slot.read("accountsAfter.count", opened), 4n);
    });

  it("an unused slot changes nothing", () => {
    const { part } = both(KNOWN);
    const idle = slot.witness({ ...part, active: 0n });
    assert.equal(slot.satisfies(idle), true);
    assert.deepEqual(slot.readAll("accountsAfter", idle), Object.values(part.accounts));
  });

  const COMMAND: [why: string, pinned: (read: Read) => Record<string, bigint>][] = [
    ["two deposits commanded, one consumed", (read) => ({ "step.A": read("step.A") + 16n })],
    ["another command", (read) => ({ "step.A": read("step.A") + 1n })],
    ["another head of the deposits", (read) => ({ deposits: read("deposits") + 1n })],
    ["the deposits not advanced", (read) => ({ "after.accounts.deposits": read("before.accounts.deposits") })],
    ["no entry counted", (read) => ({ "after.logged.count": read("before.logged.count") })],
    ["another phase", () => ({ phaseAfter: 33n })],
    ["another clock", (read) => ({ clock: read("clock") + 32n })],
  ];
  for (const [why, pins] of COMMAND)
    it(`the command: no proof of ${why}`, () => {
      const { inputs } = both(KNOWN);
      const honest = whole.witness(inputs);
      refuse(
        whole,
        inputs,
        pins((name) => whole.read(name, honest)),
      );
    });

  it("the command: no proof with another secret that is said to be the operator's", () => {
    const { inputs } = both(NEW);
    const { x, y } = operatorKey;
    refuse(whole, { ...inputs, operatorSecret }, { operatorSecret: 5n, "operatorKey[0]": x, "operatorKey[1]": y });
    const rules = { "before.roots.rules": whole.named(/^OpenRules_\w+\.hashed$/) };
    whole.refuses(inputs, { "group.operatorKeyY": y + 1n }, "operatorKey[1] === group.operatorKeyY", rules);
    // Of the negated secret the key is (-x, y), and all view keys are others.
    refuse(whole, inputs, { operatorSecret: ORDER - operatorSecret }, "operatorKey[0] === group.operatorKeyX");
  });
});

describe("circuits/instructions/deposit: registers left alone", () => {
  leavesOthersAlone("deposit", async () => {
    const circuit = await compileTemplate({ file, template: "Deposit", args: [1, 1], optimise: false });
    const v = new Venue(1, 1);
    return { circuit, ledger: v.ledger, make: () => v.take([{ ...namedKey(5), index: 0, amount: 7n }]) };
  });
});
