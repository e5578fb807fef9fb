// Goal: a survey shows what src/protocol/survey.ts says of all accounts of a state, each counted once, and nothing else has a proof.
// Method: random accounts over several blocks (seed in the name of the test; TACIT_ROUNDS sets their number) against the reference; inputs
// that cheat; forged witnesses in which one signal, or what a cheat gives, is pinned and all that follows is computed anew, so that only
// the rule that binds it is broken.
import assert from "node:assert/strict";
import type { Account } from "../../src/protocol/account.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { INSURANCE } from "../../src/protocol/parameters.ts";
import { stateWord } from "../../src/protocol/state.ts";
import { BLOCK, NOTHING, SURVEYED, sumsHash, surveyBlock, type Surveyed } from "../../src/protocol/survey.ts";
import { Random } from "../../src/replay/random.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { blocksOf, surveyInputs, type ClaimInputs, type SurveySource } from "../../src/witness/survey.ts";
import { accountOf, EPOCH, pricesOf, randomAccounts, TIME, vector, withDefaults } from "../defaulting.ts";
import { refusesInputs } from "./configuring.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { remembersHashes } from "./remembering.ts";

type Tampered = Inputs & { [name: string]: any };
const file = "circuits/claims/survey.circom";
const DEPTH = 3;
const rules = withDefaults();
const prices = pricesOf(rules, 92_000n);

/** A state of these accounts, whose last entry is of TIME. @param count  as the state says */
function sourceOf(accounts: readonly Account[], count = accounts.length): SurveySource {
  const profile = { ...PROFILES.demo, depth: DEPTH };
  const ledger = new Ledger({ profile, domain: 77n, rules, prices, accounts, time: EPOCH * 60n, blind: () => 5n });
  const state = { ...ledger.state, clock: 32n * TIME + 31n, accountCount: BigInt(count), vault: 1n, logHead: 9n };
  return { rules, prices, state, accounts, tree: ledger.tree };
}
function proofsOf(source: SurveySource): (ClaimInputs & { inputs: Tampered })[] {
  let blind = 1_000n;
  return [...surveyInputs(source, () => ++blind)] as (ClaimInputs & { inputs: Tampered })[];
}
const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const some = (count: number, seed = 5) => randomAccounts(new Random(seed), prices, count - 1, TIME);
const totals = (accounts: readonly Account[]): Surveyed =>
  Array.from({ length: Math.ceil(accounts.length / BLOCK) }).reduce<Surveyed>(
    (sums, _, block) => surveyBlock(sums, accounts, block, { rules, prices }, TIME),
    NOTHING,
  );

describe("circuits/claims/survey: agreement", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compileTemplate({ file, template: "Survey", args: [DEPTH, 4], optimise: false, attributed: false });
  });

  /** Each proof shows what it should; the last the sums over all accounts, reckoned here one by one. */
  function agrees(accounts: readonly Account[]): Surveyed {
    const source = sourceOf(accounts);
    const proofs = proofsOf(source);
    assert.equal(proofs.length, blocksOf(source));
    const sums = totals(accounts);
    const word = stateWord(source.state);
    let left = 0n;
    for (const [i, { inputs, publicInputs }] of proofs.entries()) {
      const shown = circuit.publicValues(inputs, 8);
      assert.deepEqual(shown, publicInputs);
      assert.deepEqual(shown.slice(0, 2), [word, left], "it goes on from the one before");
      left = shown[2];
      const isLast = i === proofs.length - 1;
      assert.equal(left === 0n, isLast);
      assert.deepEqual(shown.slice(3), isLast ? SURVEYED.map((name) => toField(sums[name])) : Array(5).fill(0n));
    }
    assert.equal(sums.accounts, BigInt(accounts.length));
    assert.equal(sums.cash, accounts.reduce((sum, { cash }) => sum + cash, 0n)); // prettier-ignore
    return sums;
  }

  const rounds = Number(process.env.TACIT_ROUNDS ?? 2);
  for (let seed = SEED; seed < SEED + rounds; seed++)
    it(`with plain numbers, of random accounts, TACIT_SEED=${seed}`, () => {
      const sums = agrees(some(new Random(seed).integer(35, 64), seed));
      assert.ok(sums.under > 0n && sums.flagged > 0n && sums.lacking > 0n);
    });

  for (const count of [2, 15, 16, 17, 32, 33, 64]) it(`of ${count} accounts`, () => void agrees(some(count, count)));

  it("of the insurance account neither maintenance nor flag counts; its cash and what it lacks do", () => {
    const accounts = some(17).map(({ keyX, keyY }) => accountOf({ keyX, keyY, cash: 100n }));
    const sunk = accountOf({ cash: -2_000_000n, positions: vector(20n), flagged: TIME - 5n });
    const none = agrees(accounts);
    assert.deepEqual([none.under, none.flagged, none.lacking], [0n, 0n, 0n]);
    for (const index of [0, INSURANCE, 2, 16]) {
      const sums = agrees(accounts.with(index, sunk));
      const counted = index === INSURANCE ? 0n : 1n;
      assert.deepEqual([sums.under, sums.flagged, sums.lacking], [counted, counted, 2_000_000n - 20n * 92_000n]);
    }
    // The seventeenth account is the insurance account of no block.
    assert.equal(agrees(accounts.with(BLOCK, sunk).with(INSURANCE, sunk)).flagged, 1n);
  });

  it("to the unit: at maintenance, at no equity, in the last second of a flag", () => {
    const base = some(3).map(() => accountOf({ cash: 100n }));
    const worth = 20n * 92_000n;
    const { risk } = riskOf(vector(20n));
    assert.equal(risk % 2n, 0n);
    const under = (equity: bigint) => agrees([...base, accountOf({ cash: equity - worth, positions: vector(20n) })]);
    assert.deepEqual([-1n, 0n, 1n].map((by) => under(risk / 2n + by).under), [1n, 0n, 0n]); // prettier-ignore
    assert.deepEqual([-1n, 0n, 1n].map((by) => under(by).lacking), [1n, 0n, 0n]); // prettier-ignore
    const flagged = (since: bigint) => agrees([...base, accountOf({ flagged: since })]).flagged;
    assert.deepEqual([TIME, TIME - 1_859n, TIME - 1_860n, 0n].map(flagged), [1n, 1n, 0n, 0n]);
  });

  const riskOf = (positions: bigint[]) => {
    const at = (k: number) => positions.reduce((sum, lots, i) => sum + lots * prices.values[k][i], 0n);
    const charges = positions.reduce((sum, lots) => sum + (lots > 0n ? 10n * lots : -20n * lots), 0n);
    const losses = prices.values.map((_, k) => (k === 0 ? 0n : at(0) - at(k) + charges));
    return { risk: losses.reduce((a, b) => (a > b ? a : b)) };
  };

  const tampered = (block: number, change: (inputs: Tampered) => void) => {
    const inputs = structuredClone(proofsOf(sourceOf(some(35)))[block].inputs);
    change(inputs);
    return inputs;
  };
  const refused: [why: string, block: number, change: (inputs: Tampered) => void][] = [
    ["more cash", 1, (i) => (i.account[3].cash += 1n)],
    ["a flag lifted", 0, (i) => (i.account[3].flagged += 1n)],
    ["two accounts exchanged", 1, (i) => ([i.account[0], i.account[1]] = [i.account[1], i.account[0]])],
    ["accounts of another block", 1, (i) => (i.block = 0n)],
    ["a block beyond the tree", 1, (i) => (i.block = 5n)],
    ["another path", 1, (i) => (i.path[0][0] += 1n)],
    ["other rules", 0, (i) => (i.group.defaults += 1n)],
    ["another maintenance", 0, (i) => (i.defaults.maintenance -= 1n)],
    ["another scenario", 0, (i) => (i.values[1][0] += 1n)],
    ["other prices", 0, (i) => (i.meta.epoch += 1n)],
    ["other charges", 0, (i) => (i.longCharges[0] -= 1n)],
    ...SURVEYED.map((name): (typeof refused)[number] => [`${name} that begins above 0`, 0, (i) => (i.sums[name] = 1n)]),
  ];
  for (const [why, block, change] of refused)
    it(`no witness: ${why}`, () => expectNoWitness(circuit, tampered(block, change)));

  it("a number of accounts that the tree does not have: no witness, or not the accounts that there are", () => {
    const accounts = some(18);
    // The state counts 17 of 18: the last leaf would have to be empty.
    expectNoWitness(circuit, proofsOf(sourceOf(accounts, 17))[1].inputs);
    // It counts 19: an account that hashes to an empty leaf would have to stand there.
    expectNoWitness(circuit, proofsOf(sourceOf(accounts, 19))[1].inputs);
  });

  it("sums of another state, block or blinding value: another number to go on from", () => {
    const [first, second] = proofsOf(sourceOf(some(35)));
    const shown = (inputs: Tampered) => circuit.publicValues(inputs, 8);
    const { sums } = second.inputs;
    for (const change of [
      (i: Tampered) => (i.blind += 1n),
      (i: Tampered) => (i.before.logged.head += 1n),
      ...SURVEYED.map((name) => (i: Tampered) => (i.sums[name] += 1n)),
    ])
      assert.notEqual(shown(tampered(1, change))[1], first.publicInputs[2]);
    assert.equal(shown(second.inputs)[1], first.publicInputs[2]);
    assert.ok(SURVEYED.every((name) => typeof sums[name] === "bigint"));
  });

  it("a block skipped or done twice goes on from nothing that was left", () => {
    const source = sourceOf(some(35));
    const proofs = proofsOf(source);
    const left = proofs.map(({ publicInputs }) => publicInputs[2]);
    const [first, second, third] = proofs.map(({ inputs }) => inputs);
    // The third block from the sums that the first left, under the very same blinding value; the second once more.
    const skipped = circuit.publicValues({ ...third, sums: second.sums, blind: second.blind }, 8);
    assert.ok(!left.includes(skipped[1]));
    const twice = circuit.publicValues({ ...second, sums: third.sums, blind: third.blind }, 8);
    assert.ok(!left.includes(twice[1]));
    expectNoWitness(circuit, { ...first, sums: second.sums, blind: second.blind });
    // A block beyond the last has no accounts, and sums that no proof hides: with whatever sums it begins.
    const word = stateWord(source.state);
    const path = source.tree.path(3 * BLOCK).slice(2);
    const none = { ...third, block: 3n, account: third.account.map(() => third.account[15]), path };
    const beyond = circuit.publicValues({ ...none, sums: first.sums, blind: 0n }, 8);
    assert.equal(beyond[1], sumsHash(word, 3, NOTHING, 0n));
    assert.ok(!left.includes(beyond[1]));
  });
});

describe("circuits/claims/survey: forged witnesses", () => {
  remembersHashes();
  const compiled = () => compileTemplate({ file, template: "Survey", args: [DEPTH, 4], optimise: false });
  const proofs = () => proofsOf(sourceOf(some(35)));
  const read = (circuit: Circuit, inputs: Inputs) => {
    const honest = circuit.witness(inputs);
    return (name: string) => circuit.read(name, honest);
  };

  type Read = (name: string) => bigint;
  const plus = (name: string, by: bigint) => (of: Read) => ({ [name]: of(name) + by });
  const cheats: [why: string, block: number, cheat: (of: Read) => Record<string, bigint>, rule?: string][] = [
    ["an account left out of the sums alone", 1, () => ({ "one[3].adds.accounts": 0n })],
    ["an account called the insurance account", 1, () => ({ "one[1].isInsurance": 1n })],
    ["the insurance account called another one", 0, () => ({ "one[1].isInsurance": 0n })],
    ["any block called the last", 1, () => ({ isLast: 1n })],
    ["the last called another one", 2, () => ({ isLast: 0n })],
    ["sums shown before the last block", 1, (of) => ({ "shown.cash": of("after.cash") })],
    ["nothing shown with the last", 2, () => ({ "shown.under": 0n })],
    ["what the next goes on from", 1, plus("to", 1n)],
    ["what it goes on from", 1, plus("from", 1n)],
    ["sums hidden under another block", 1, plus("hiddenAfter", 1n)],
    ...SURVEYED.flatMap((name): typeof cheats => [
      [`${name} one more`, 1, plus(`after.${name}`, 1n)],
      [`${name} one less, shown`, 2, plus(`shown.${name}`, -1n)],
    ]),
    ["a healthy account under maintenance", 1, (of) => ({ "one[0].healthy": 1n - of("one[0].healthy") })],
    ["a flag that does not count", 1, (of) => ({ "one[0].flag.counts": 1n - of("one[0].flag.counts") })],
    ["what it lacks signed wrong", 1, (of) => ({ "one[0].lacks": -of("one[0].lacks") - 1n })],
    ["no equity called some", 1, (of) => ({ "one[0].solvent": 1n - of("one[0].solvent") })],
    ["a smaller worst loss", 1, plus("one[0].risk[3]", -1n)],
    ["an earlier clock", 1, (of) => ({ "clock[5]": 1n - of("clock[5]") })],
    ["other rules of defaults", 1, () => ({ "defaults.insuranceShare": 0n }), "group.defaults === defaultsHash"],
    ["other rules", 1, () => ({ idsHash: 5n }), "OpenRules()"],
    ["other prices", 1, () => ({ "values[2][9]": 5n }), "OpenPrices()"],
    ["other charges, long", 1, () => ({ "longCharges[9]": 5n }), "OpenVector()(meta.longCharges, longCharges)"],
    ["other charges, short", 1, () => ({ "shortCharges[9]": 5n }), "OpenVector()(meta.shortCharges, shortCharges)"],
    ["another account than the leaf's", 1, plus("account[2].cash", 1n), "root === before.accounts.root"],
    ["another path", 1, plus("path[0][1]", 1n), "root === before.accounts.root"],
    ...SURVEYED.map((name): (typeof cheats)[number] => [`${name} that begins above 0`, 0, () => ({ [`sums.${name}`]: 1n }), `isFirst * sums.${name} === 0`]),
  ]; // prettier-ignore
  for (const [why, block, cheat, rule] of cheats)
    it(`${why}: refused`, async () => {
      const circuit = await compiled();
      const { inputs } = proofs()[block];
      circuit.refuses(inputs, cheat(read(circuit, inputs)), rule);
    });

  it("an account left out, or one beyond the number of accounts, in whatever tree: refused", async () => {
    const circuit = await compiled();
    const [, next, last] = proofs().map(({ inputs }) => inputs);
    const tree = { "before.accounts.root": "root" };
    circuit.refuses(next, { "given[3]": 0n }, undefined, tree);
    circuit.refuses(last, { "given[4]": 1n }, undefined, tree);
  });

  it("a block that begins anew: refused", async () => {
    const circuit = await compiled();
    const anew = { ...proofs()[1].inputs, sums: Object.fromEntries(SURVEYED.map((name) => [name, 0n])) };
    const forged = circuit.refuses(anew, { isFirst: 1n });
    assert.equal(circuit.read("from", forged), 0n);
    circuit.refuses(anew, { from: 0n });
  });

  it("an account left out, its leaf empty in the tree: refused by the number of accounts", async () => {
    const accounts = some(35);
    const honest = proofsOf(sourceOf(accounts))[2].inputs;
    // As if the last account did not count, of a state that counts it, with a tree that does not have it.
    const shorter = proofsOf(sourceOf(accounts.slice(0, 34)))[2].inputs;
    const cheat = structuredClone(shorter);
    cheat.before.accounts.count = 35n;
    refusesInputs(await compiled(), { honest, cheat, pinned: { "given[2]": 0n } }, "NotNegative(BITS_ACCOUNT() + 1)");
  });

  it("each statement is a rule: no signal can have another value", async () => {
    const seed = SEED;
    const all = proofs().map(({ inputs }) => inputs);
    const examples = { first: all[0], next: all[1], last: all[2] };
    const account = await compileTemplate({ file, template: "SurveyedAccount", args: [4], optimise: false });
    const shared = { time: TIME, maintenance: 512n, grace: 60n, lasts: 1_800n, values: all[0].values, longCharges: all[0].longCharges, shortCharges: all[0].shortCharges }; // prettier-ignore
    const at = (index: number, given = 1n): Inputs => ({ ...shared, given, isInsurance: index === INSURANCE ? 1n : 0n, account: all[0].account[index] }); // prettier-ignore
    const each = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`account ${index}`, at(index)]));
    pinsEach(account, { ...each, none: at(0, 0n) }, "survey.circom SurveyedAccount");
    const circuit = await compiled();
    const sample = { random: new Random(seed), count: 8 };
    const opened = "OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash)";
    const byHand = [opened, ...SURVEYED.map((name) => `isFirst * sums.${name} === 0`)];
    pinsEach(circuit, examples, "survey.circom Survey", byHand, sample);
    const sums = await compileTemplate({ file, template: "SurveySums", optimise: false });
    pinsEach(sums, { some: { state: 5n, block: 1n, sums: { ...all[1].sums }, blind: 9n } }, "survey.circom SurveySums");
  });
});
