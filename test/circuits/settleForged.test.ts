// Goal: no witness of Settle books another fill, ends the phase early, or changes what it should leave.
// Method: forged witnesses, in which one signal is pinned to the cheat and all that follows is computed anew, so that only the
// rule that binds it is broken.
import assert from "node:assert/strict";
import { PHASE } from "../../src/protocol/parameters.ts";
import { compileTemplate, type Circuit } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";
import {
  type Attack,
  file,
  fill,
  FREE,
  PROFILE,
  publicOf,
  settling,
  type Situation,
  someAccounts,
  trade,
  vector,
} from "./settling.ts";

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
  const OPEN = "OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash)";
  const NO_CREDIT = "step[j].credit <== 0";
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
    assert.equal(credit.credit, 1n);
    pinsEach(circuit, { fixture: fixture(), credit }, "settle.circom", [...BY_HAND, ...OF_ONE, LINK, OPEN, NO_CREDIT]);
    const ofTwo = ["Boolean()(credit)", "step[j].credit <== credit"];
    const run = "on[k] * (named - index) === 0";
    pinsEach(runs, { fixture: fixtureOfRun() }, "settle.circom", [...BY_HAND, ...ofTwo, run, FIRST, ROW, OPEN]);
  });

  it("other rules than those of the state, or a credit in a slot that is not the last: refused", () => {
    const inputs = inputsOfTwo({ fills: [fill(0), fill(3)] });
    for (const name of ["idsHash", "instrumentsHash", "group.slack"]) circuit.refuses(inputs, { [name]: 5n }, OPEN);
    circuit.refuses(inputs, { "step[0].credit": 1n }, NO_CREDIT);
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
    circuit.refuses(inputs, { credit: 1n }, "credit * index === 0");
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
    ["fees credited that none paid", plus("step[1].cleared", 5n)],
    ["reserved one less", plus("step[1].after.reserved", -1n)],
    ["reserved one more", plus("step[1].after.reserved", 1n)],
    ["two open orders less", plus("step[1].after.open", -1n)],
    ["the closed order stays open", plus("step[1].after.open", 1n)],
    ["the same sequence number", plus("step[1].after.seq", -1n)],
    ["another nonce", plus("step[1].after.nonce", 1n)],
    ["another key", plus("step[1].after.keyX", 1n)],
    ["another view key", plus("step[1].after.view", 1n)],
    ["a flag lifted", () => ({ "step[1].after.flagged": 0n })],
    ["what it waits for forgotten", () => ({ "step[1].after.pushedAt": 0n })],
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
    ["a share of fees that were not credited", plus("added", 1n)],
    ["another share", plus("after.clearing.share", -1n)],
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

  /** 2,506 of fees: of the insurance account's share, a part is a whole unit only with what was left of it before. */
  const credited = () => inputsOfTwo({ fills: [fill(3)], fees: 2_500n, share: 5n * 65_536n + 60_000n });
  const shares: typeof cheats = [
    ["fees that are not shared", () => ({ part: 0n })],
    ["a unit too much for the venue", plus("part", -1n)],
    ["a unit too little for the venue", plus("part", 1n)],
    ["all fees for the venue, and the share grows all the same", () => ({ "step[1].part": 0n })],
    ["the part kept from nobody", () => ({ "step[1].parted": 0n })],
    ["a share one 2^-16 unit greater", plus("after.clearing.share", 1n)],
    ["a share one 2^-16 unit less", plus("added", -1n)],
    ["a greater part of the fees", plus("owed", 1n)],
    ["no share at all", () => ({ added: 0n })],
  ];
  for (const [why, cheat] of shares)
    it(`${why}: refused`, () => {
      const inputs = credited();
      const honest = circuit.witness(inputs);
      assert.notEqual(circuit.read("part", honest), 0n);
      const forged = circuit.refuses(inputs, cheat((name) => circuit.read(name, honest)));
      assert.notDeepEqual(publicOf(forged), publicOf(honest), "the cheat reaches the public inputs");
    }); // prettier-ignore

  it("another share of fees than the rules', in whatever rules: refused", () => {
    circuit.refuses(credited(), { "defaults.insuranceShare": 0n }, "group.defaults === defaultsHash");
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
