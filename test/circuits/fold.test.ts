// Goal: Fold comes to what the matcher comes to, for whatever accounts and payoffs there are, and no witness proves another.
// Method: random accounts and payoffs (seed in the name of the test; TACIT_ROUNDS sets the number of rounds) against matcher and
// ledger; inputs that must leave no witness; forged witnesses, in which one signal, or what a cheat gives it, is pinned and all
// that follows is computed anew.
import assert from "node:assert/strict";
import type { Event } from "../../src/matcher/events.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { accountLeaf, openAccount, type Account } from "../../src/protocol/account.ts";
import { folded } from "../../src/protocol/clearing.ts";
import { BASE8 } from "../../src/protocol/eddsa.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { foldItem } from "../../src/protocol/item.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { noPrices, type Prices } from "../../src/protocol/prices.ts";
import { Random } from "../../src/replay/random.ts";
import { foldInputs } from "../../src/witness/fold.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { pricing, rules } from "../protocol/pricedRules.ts";
import { refusesInputs } from "./configuring.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

const file = "circuits/instructions/fold.circom";
const source = "fold.circom";
const TIME = 1_000_000n;
const profileOf = (fold: number): Profile => ({ ...PROFILES.demo, depth: 2, fold });
const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
type Tampered = Inputs & { [name: string]: any };

function account(change: Partial<Account> = {}): Account {
  const { x: keyX, y: keyY } = BASE8;
  return {
    ...openAccount({ keyX, keyY, view: 5n }),
    seq: 3n,
    cash: 100n,
    nonce: 4n,
    reserved: 7n,
    open: 2n,
    ...change,
  };
}
function prices(change: Partial<Prices> = {}): Prices {
  return { ...noPrices({ pricing: pricing(), markets: rules().markets }), rules: 3n, epoch: 3_000n, index: 7n, range: 9n, funding: -25n, fundingRest: 4n, ...change }; // prettier-ignore
}
/** Instruments 0, 2 and 15 have settled, at 40, 0 and 7. */
const PAYOFFS = [41n, 0n, 1n, ...vector().slice(4), 8n];
const ACCOUNTS = [
  account({ positions: vector(1n, 2n, 3n) }),
  account({ positions: vector(0n, -2n) }),
  account({ positions: [-1n, ...vector().slice(2), 5n], seq: 0n }),
  account({ positions: vector(0n, 0n, -3n), cash: -4n }),
  account(),
];

class Venue {
  readonly matcher: Matcher;
  readonly ledger: Ledger;
  #accounts: Account[];
  constructor({ accounts = ACCOUNTS, change = {}, fold = 3 }: { accounts?: readonly Account[]; change?: Partial<Prices>; fold?: number } = {}) {
    const profile = profileOf(fold);
    const genesis = { domain: 77n, profile, rules: rules(), prices: prices({ payoffs: PAYOFFS, ...change }), accounts, time: TIME };
    this.matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    this.ledger = new Ledger({ ...genesis, blind: () => ++blind });
    this.#accounts = [...accounts];
  } // prettier-ignore

  fold(from: number, count: number, time = TIME): InstructionInputs & { inputs: Tampered } {
    const [event] = this.matcher.apply({ kind: "fold", time, from, count }) as Extract<Event, { kind: "fold" }>[];
    for (const { index, after } of event.writes) this.#accounts[index] = after;
    return foldInputs(this.ledger, event) as InstructionInputs & { inputs: Tampered };
  }

  /** A fold as the ledger has it, whatever the matcher says of it. */
  claim(from: number, count: number, accounts: readonly Account[] = this.#accounts): Tampered {
    const writes = Array.from({ length: count }, (_, j) => {
      const before = accounts[from + j] ?? account();
      return { index: from + j, before, after: folded(before, this.ledger.prices) };
    });
    return foldInputs(this.ledger, { kind: "fold", entry: { item: foldItem(from, count), time: TIME }, payoffs: PAYOFFS, writes }).inputs as Tampered; // prettier-ignore
  }
}

function agrees(circuit: Circuit, { inputs, publicInputs }: InstructionInputs & { inputs: Tampered }): void {
  assert.deepEqual(circuit.publicValues(inputs, publicInputs.length), publicInputs);
}
const compiled = (slots = 3) =>
  compileTemplate({ file, template: "Fold", args: [2, slots], optimise: false, attributed: false });

describe("circuits/instructions/fold: agreement", () => {
  remembersHashes();
  const first = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  for (let seed = first; seed < first + Number(process.env.TACIT_ROUNDS ?? 3); seed++)
    it(`with matcher and ledger, of random accounts, TACIT_SEED=${seed}`, async () => {
      const circuit = await compiled();
      const random = new Random(seed);
      const signed = (bits: number) => random.pick([0n, 1n, -1n, random.bits(bits), -random.bits(bits)]);
      // What is held by all together is not below 0.
      const accounts = Array.from({ length: random.integer(2, 16) }, (_, i) =>
        account({ cash: i === 0 ? 1n << 95n : signed(90), positions: vector().map(() => (random.unit() < 0.5 ? 0n : signed(46))) }),
      );
      const payoffs = vector().map(() => (random.unit() < 0.5 ? 0n : random.pick([1n, 1n << 40n, random.bits(40) + 1n])));
      const v = new Venue({ accounts, change: { payoffs, funding: signed(40) } });
      const holders = () => vector().map((_, i) => BigInt(v.matcher.accounts.filter((it) => it.positions[i] !== 0n).length));
      for (let round = 0; round < 6; round++) {
        const from = random.integer(0, accounts.length - 1);
        const count = random.integer(1, Math.min(3, accounts.length - from));
        agrees(circuit, v.fold(from, count, TIME + BigInt(round)));
        assert.deepEqual(v.ledger.vectors.holders, holders());
        v.matcher.accounts.forEach((it, i) => assert.equal(v.ledger.tree.get(i), accountLeaf(it)));
      }
    }); // prettier-ignore

  it("gives the payoff, less funding in slot 0; then nothing is left to fold", async () => {
    const circuit = await compiled();
    const v = new Venue();
    agrees(circuit, v.fold(0, 3));
    const { cash, positions, seq } = v.matcher.accounts[2];
    assert.deepEqual([cash, positions, seq], [100n - 1n * (40n + 25n) + 5n * 7n, vector(), 1n]);
    assert.deepEqual(v.matcher.accounts[0].positions, vector(0n, 2n));
    assert.equal(v.matcher.accounts[1], ACCOUNTS[1]);
    assert.deepEqual(v.ledger.vectors.holders, vector(0n, 2n, 1n));
    const again = v.matcher.accounts;
    agrees(circuit, v.fold(0, 3));
    assert.deepEqual(v.matcher.accounts, again);
    agrees(circuit, v.fold(3, 2));
    assert.deepEqual(v.matcher.unfolded(), []);
  });

  it("is of the last account, and of all that there may be", async () => {
    const circuit = await compiled();
    const v = new Venue({ accounts: Array.from({ length: 16 }, () => account({ positions: vector(1n, -1n) })) });
    agrees(circuit, v.fold(15, 1));
    for (let from = 0; from < 15; from += 3) agrees(circuit, v.fold(from, 3));
    assert.deepEqual(v.ledger.vectors.holders, vector(0n, 16n));
  });

  it("has no witness of an account that is not open, of none, in another phase, or too early", async () => {
    const circuit = await compiled();
    // Of a leaf that is empty there is no account; here the tree has one more than is open.
    const v = new Venue({ accounts: [...ACCOUNTS, account()] });
    v.ledger.state.accountCount = 5n;
    expectNoWitness(circuit, v.claim(4, 2));
    expectNoWitness(circuit, v.claim(5, 1));
    const read = new Venue().claim(1, 2);
    circuit.witness(read);
    expectNoWitness(circuit, { ...read, active: [0n, 0n, 0n] });
    expectNoWitness(circuit, { ...read, active: [1n, 0n, 1n] });
    expectNoWitness(circuit, { ...read, active: [0n, 1n, 1n] });
    expectNoWitness(circuit, { ...read, stamp: TIME - 1n });
    expectNoWitness(circuit, { ...read, stamp: 1n << 40n });
    const busy = new Venue();
    busy.ledger.state.phase = 17n;
    expectNoWitness(circuit, busy.claim(1, 2));
  });
});

describe("circuits/instructions/fold: forged witnesses", () => {
  remembersHashes();
  const whole = (slots = 2) => compileTemplate({ file, template: "Fold", args: [2, slots], optimise: false });

  const LINKS = ["slot[j].accounts <== before.accounts.root", "slot[j].accounts <== slot[j - 1].accountsAfter"];
  const OF_SLOT = ["slot[j].account <== account[j]", "slot[j].siblings <== siblings[j]", "slot[j].index <== from + used - 1"]; // prettier-ignore
  const UPDATE = ["update.siblings <== siblings", "update.index <== Bits(2 * depth)(index)"];
  const OPEN = "Range(BITS_ACCOUNT() + 1)(before.accounts.count - from - used)";
  const USED = "UsedFirst(N)(active)";
  const HOLDERS = "slot[j].holders <== slot[j - 1].holdersAfter";
  it("each signal is bound by the rule that computes it", async () => {
    const all = new Venue({ fold: 1 }).fold(0, 1).inputs;
    const none = new Venue({ fold: 1 }).fold(1, 1).inputs;
    pinsEach(await whole(1), { all, none }, source, [LINKS[0], ...OF_SLOT, ...UPDATE, OPEN, USED]);
  });

  it("a slot reads what it is given", async () => {
    const circuit = await whole();
    const { inputs } = new Venue({ fold: 2 }).fold(2, 2);
    circuit.refuses(inputs, { "siblings[1][0][0]": 5n }, LINKS[1], { "slot[1].accounts": "slot[1].update.rootBefore" });
    circuit.refuses(inputs, { "slot[1].holders[3]": 5n }, HOLDERS);
    const single = await whole(1);
    const of = new Venue({ fold: 1 }).fold(2, 1).inputs;
    single.refuses(of, { "siblings[0][0][0]": 5n }, LINKS[0], { "slot[0].accounts": "slot[0].update.rootBefore" });
    const root = { "before.accounts.root": "slot[0].update.rootBefore" };
    single.refuses(of, { "slot[0].siblings[0][0]": 5n }, OF_SLOT[1], root);
    single.refuses(of, { "slot[0].account.cash": 5n }, OF_SLOT[0], root);
    single.refuses(of, { "slot[0].index": 1n }, OF_SLOT[2], root);
    single.refuses(of, { "slot[0].update.siblings[0][0]": 5n }, UPDATE[0], root);
    single.refuses(of, { "slot[0].update.index[0]": 1n }, UPDATE[1], root);
  });

  type Cheat = [why: string, cheat: (read: (name: string) => bigint) => Record<string, bigint>, rule?: string];
  /** Of account 0, which has positions in what is settled, and in instrument 1, which is not. */
  const cheats: Cheat[] = [
    ["what has no payoff is folded", () => ({ "slot[0].leaves[1]": 2n })],
    ["what has a payoff is not", () => ({ "settled[2]": 0n })],
    ["the position stays, and the cash comes", () => ({ "slot[0].after.positions[0]": 1n })],
    ["the position goes, and no cash comes", () => ({ "slot[0].paid[0]": 0n })],
    ["another payoff", (read) => ({ "worth[0]": read("worth[0]") + 1n })],
    ["no funding", (read) => ({ "worth[0]": read("payoffs[0]") - 1n })],
    ["funding of another slot", (read) => ({ "worth[2]": read("worth[2]") + 25n })],
    ["cash one more", (read) => ({ "slot[0].after.cash": read("slot[0].after.cash") + 1n })],
    ["the same sequence number", (read) => ({ "slot[0].after.seq": read("slot[0].account.seq") })],
    ["holders not lowered", (read) => ({ "slot[0].holdersAfter[0]": read("holders[0]") })],
    ["reserved released", () => ({ "slot[0].after.reserved": 0n })],
    ["an account left out", (read) => ({ "slot[0].accountsAfter": read("before.accounts.root") })],
    ["all left out", (read) => ({ "after.accounts.root": read("before.accounts.root") })],
    ["the holders as they were", (read) => ({ "after.accounts.holders": read("before.accounts.holders") })],
    ["another number of accounts commanded", (read) => ({ "step.A": read("step.A") + 256n })],
    ["another first account commanded", (read) => ({ "step.A": read("step.A") + (1n << 40n) })],
    ["another command", (read) => ({ "step.A": read("step.A") - 1n })],
    ["no entry counted", (read) => ({ "after.logged.count": read("before.logged.count") })],
    ["another phase", () => ({ phaseAfter: 17n })],
    ["payoffs that are not those of the prices", () => ({ "payoffs[2]": 9n }), "OpenVector()(history.payoffs, payoffs)"],
    ["funding that is not that of the prices", () => ({ "history.funding": 0n }), "meta.history === historyHash"],
    ["holders that are not those of the state", () => ({ "holders[1]": 9n }), "OpenVector()(before.accounts.holders, holders)"],
  ]; // prettier-ignore
  for (const [why, cheat, rule] of cheats)
    it(`${why}: refused`, async () => {
      const circuit = await whole(1);
      const { inputs, publicInputs } = new Venue({ fold: 1 }).fold(0, 1);
      const honest = circuit.witness(inputs);
      const forged = circuit.refuses(inputs, cheat((name) => circuit.read(name, honest)), rule);
      assert.notDeepEqual(forged.slice(1, 1 + publicInputs.length), publicInputs, "the cheat reaches the public inputs");
    }); // prettier-ignore

  it("prices that are not those of the state: refused", async () => {
    const { inputs } = new Venue({ fold: 1 }).fold(0, 1);
    (await whole(1)).refuses(inputs, { "meta.epoch": 9n }, "before.roots.prices === pricesHash");
  });

  it("another sequence number, or holders lowered, where nothing was: refused", async () => {
    const circuit = await whole(1);
    const { inputs } = new Venue({ fold: 1 }).fold(1, 1);
    circuit.refuses(inputs, { "slot[0].after.seq": 4n });
    circuit.refuses(inputs, { "slot[0].holdersAfter[1]": 1n });
  });

  it("an account that is not open: refused", async () => {
    const circuit = await whole();
    // The tree has one more than is open.
    const v = () => {
      const venue = new Venue({ accounts: [...ACCOUNTS, account({ positions: PAYOFFS })], fold: 2 });
      venue.ledger.state.accountCount = 5n;
      return venue;
    };
    refusesInputs(circuit, { honest: v().claim(3, 2), cheat: v().claim(4, 2) }, "Range(BITS_ACCOUNT() + 1)");
  });

  it("an account passed over, or folded as another: refused", async () => {
    const circuit = await whole();
    const { inputs } = new Venue({ fold: 2 }).fold(0, 2);
    const third = new Venue({ fold: 2 });
    third.fold(0, 1);
    const { inputs: beyond } = third.fold(2, 1);
    // The second slot folds account 2, where 1 is next.
    const cheat: Tampered = { ...inputs, account: [inputs.account[0], beyond.account[0]], siblings: [inputs.siblings[0], beyond.siblings[0]] }; // prettier-ignore
    // As if it were the third of three.
    refusesInputs(circuit, { honest: inputs, cheat: { ...cheat, active: [1n, 2n] } }, USED);
    expectNoWitness(await compiled(2), cheat);
    refusesInputs(circuit, { honest: inputs, cheat, pinned: { "slot[1].index": 2n } }, "slot[j].index <== from + used - 1"); // prettier-ignore
    refusesInputs(circuit, { honest: inputs, cheat, pinned: { "slot[1].update.index[0]": 0n, "slot[1].update.index[1]": 1n } }, UPDATE[1]); // prettier-ignore
  });

  it("an account folded as it was before it was folded: refused", async () => {
    const circuit = await whole();
    const { inputs } = new Venue({ fold: 2 }).fold(2, 1);
    const twice: Tampered = { ...inputs, account: [inputs.account[0], inputs.account[0]] };
    expectNoWitness(await compiled(2), twice);
    refusesInputs(circuit, { honest: inputs, cheat: twice }, "update.rootBefore === accounts");
  });
});

describe("circuits/instructions/fold: registers left alone", () => {
  leavesOthersAlone("fold", async () => {
    const circuit = await compileTemplate({ file, template: "Fold", args: [2, 2], optimise: false });
    const v = new Venue({ fold: 2 });
    const { accountCount } = v.ledger.state;
    // So many are open, whatever else.
    assert.equal(accountCount, 5n);
    return { circuit, ledger: v.ledger, make: () => v.fold(0, 2) };
  });
});
