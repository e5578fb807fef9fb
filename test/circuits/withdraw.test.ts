// Goal: Withdraw makes the payouts that admit has put public, each once and in order, and a round cannot end on any other.
// Method: one to nine payouts (seed in the name of the test), by as many proofs as they take, against the ledger; malicious
// inputs, and forged witnesses in which one signal is pinned to the cheat and all that follows is computed anew. A payout
// that was never put does have a witness, but from it the phase never opens again: that is what is asserted then.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { pushPayout } from "../../src/protocol/book.ts";
import { FIELD } from "../../src/protocol/eddsa.ts";
import { WITHDRAW_SLOTS } from "../../src/protocol/instructions.ts";
import { WITHDRAWAL_COLUMNS } from "../../src/protocol/item.ts";
import { pack } from "../../src/protocol/numbers.ts";
import { PHASE } from "../../src/protocol/parameters.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { withdrawInstructions } from "../../src/witness/withdraw.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { noPrices } from "../../src/protocol/prices.ts";
import { rulesOfTests } from "../priced.ts";

/** Inputs of an instruction, free to be changed. */
type Tampered = { [name: string]: any };

const file = "circuits/instructions/withdraw.circom";
const PAYING = BigInt(PHASE.paying);
const rules = rulesOfTests({ group: { scenarios: 1 } });
const prices = noPrices({ ...rules, ...rules.group });
const profile = {
  depth: 1,
  scenarios: 1,
  feeds: 4,
  maxOpen: 1,
  deposit: 1,
  admit: 1,
  quote: 1,
  clear: 1,
  settle: 1,
  settleRuns: 1,
  fold: 1,
  enforce: 1,
  assume: 1,
};
const word = (recipient: bigint, amount: bigint) => pack(WITHDRAWAL_COLUMNS, { recipient, amount });
const GREATEST = word((1n << 160n) - 1n, (1n << 92n) - 1n);
const PUT = [1n, 2n, 3n, 4n, 5n, 6n].map((i) => word(100n + i, 10n * i));

/** A ledger in which these payouts were put, some of which were taken in an earlier round. */
function pending(put: readonly bigint[], earlier: readonly bigint[] = []): Ledger {
  let blind = 0n;
  const genesis = { profile, domain: 77n, rules, prices, accounts: [], time: 5n, blind: () => ++blind };
  const ledger = new Ledger(genesis);
  ledger.state.payoutsTaken = earlier.reduce(pushPayout, 0n);
  ledger.state.payoutsPut = put.reduce(pushPayout, ledger.state.payoutsTaken);
  return ledger;
}

const pay = (put: readonly bigint[], earlier: readonly bigint[] = []) =>
  withdrawInstructions(pending(put, earlier), put);

let circuit: Circuit;
let forgeable: Circuit;
before(async () => {
  const source = { file, template: "Withdraw", args: [WITHDRAW_SLOTS] };
  circuit = await compileTemplate(source);
  forgeable = await compileTemplate({ ...source, optimise: false });
});

function shown(inputs: Tampered): { state: bigint; stateAfter: bigint; phaseAfter: bigint; payouts: bigint[] } {
  const witness = circuit.witness(inputs as Inputs);
  assert.equal(circuit.satisfies(witness), true);
  const [state, stateAfter, phaseAfter, ...payouts] = witness.slice(1, 4 + WITHDRAW_SLOTS);
  return { state, stateAfter, phaseAfter, payouts };
}

function agrees({ inputs, publicInputs }: InstructionInputs): void {
  const { state, stateAfter, phaseAfter, payouts } = shown(inputs);
  assert.deepEqual([state, stateAfter, phaseAfter, ...payouts], publicInputs);
}

describe("circuits/instructions/withdraw: agreement", () => {
  const seed = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  const random = new Random(seed);
  for (let n = 1; n <= 9; n++)
    it(`${n} payouts, TACIT_SEED=${seed}`, () => {
      const put = Array.from({ length: n }, () =>
        random.pick([GREATEST, word(0n, 1n), word(random.bits(160), random.bits(92) || 1n)]),
      );
      const earlier = PUT.slice(0, random.integer(0, 2));
      const instructions = pay(put, earlier);
      assert.equal(instructions.length, Math.ceil(n / WITHDRAW_SLOTS));
      instructions.forEach(agrees);
      const publicInputs = instructions.map((instruction) => instruction.publicInputs);
      for (const [i, [state, , phaseAfter]] of publicInputs.entries()) {
        if (i > 0) assert.equal(state, publicInputs[i - 1][1], "each starts where the one before it ended");
        assert.equal(phaseAfter, i === publicInputs.length - 1 ? 0n : PAYING);
      }
      const paid = publicInputs.flatMap((words) => words.slice(3)).filter((w) => w !== 0n);
      assert.deepEqual(paid, put);
    });

  it("the same payout twice, where it was put twice", () => {
    pay([PUT[0], PUT[0]]).forEach(agrees);
  });

  it("fewer than there are slots for leaves the phase at paying, and the rest can follow", () => {
    const [{ inputs, publicInputs }] = pay(PUT.slice(0, 3));
    const part = shown({ ...inputs, active: [1n, 1n, 0n, 0n] });
    assert.deepEqual([part.phaseAfter, part.payouts], [PAYING, [PUT[0], PUT[1], 0n, 0n]]);
    const before = structuredClone(inputs.before) as Tampered;
    before.phase = PAYING;
    before.payouts.taken = PUT.slice(0, 2).reduce(pushPayout, 0n);
    before.blind = inputs.blindAfter;
    const rest = { before, blindAfter: inputs.blindAfter, active: [1n, 0n, 0n, 0n], words: [PUT[2], 0n, 0n, 0n] };
    const { state, stateAfter, phaseAfter } = shown(rest);
    assert.deepEqual([state, stateAfter, phaseAfter], [part.stateAfter, publicInputs[1], 0n]);
  });

  it("no payout taken: the phase stays open where none is pending, and is paying where one is", () => {
    const [{ inputs }] = pay(PUT.slice(0, 1));
    const idle = { ...inputs, active: [0n, 0n, 0n, 0n] } as Tampered;
    assert.deepEqual([shown(idle).phaseAfter, shown(idle).payouts], [PAYING, [0n, 0n, 0n, 0n]]);
    const { payouts } = idle.before;
    idle.before = { ...idle.before, payouts: { put: payouts.taken, taken: payouts.taken } };
    assert.equal(shown(idle).phaseAfter, 0n);
  });
});

describe("circuits/instructions/withdraw: malicious inputs", () => {
  const tampered = (change: (inputs: Tampered) => void, put = PUT.slice(0, 3)) => {
    const inputs = structuredClone(pay(put)[0].inputs) as Tampered;
    change(inputs);
    return inputs;
  };

  for (const phase of [1n, 16n, 17n, 32n, 34n, FIELD - 1n])
    it(`no witness: phase ${phase === FIELD - 1n ? -1 : phase} before`, () =>
      expectNoWitness(
        circuit,
        tampered((i) => (i.before.phase = phase)),
      ));

  for (const active of [
    [0n, 1n, 1n, 1n],
    [1n, 0n, 1n, 0n],
    [1n, 1n, 2n, 0n],
    [FIELD - 1n, 0n, 0n, 0n],
  ])
    it(`no witness: slots used: ${active.map((x) => (x === FIELD - 1n ? -1n : x)).join()}`, () =>
      expectNoWitness(
        circuit,
        tampered((i) => (i.active = active)),
      ));

  const never: [why: string, change: (inputs: Tampered) => void][] = [
    ["a payout that was never put", (i) => (i.words[2] = word(9n, 9n))],
    ["another amount", (i) => (i.words[1] += 1n << 160n)],
    ["another recipient", (i) => (i.words[1] += 1n)],
    ["an amount that borrows from the recipient", (i) => (i.words[0] += (1n << 160n) - 101n)],
    ["the same payout twice", (i) => (i.words[1] = i.words[0])],
    ["the same payout again at the end", (i) => ((i.active[3] = 1n), (i.words[3] = i.words[2]))],
    ["a payout skipped", (i) => ((i.active[2] = 0n), (i.words = [i.words[0], i.words[2], 0n, 0n]))],
    ["payouts exchanged", (i) => i.words.splice(0, 2, i.words[1], i.words[0])],
    ["a payout of nothing between", (i) => (i.words.splice(1, 0, 0n), i.words.pop(), (i.active[3] = 1n))],
    ["a payout of nothing at the end", (i) => (i.active[3] = 1n)],
  ];
  for (const [why, change] of never)
    it(`the phase does not open: ${why}`, () => {
      const inputs = tampered(change);
      const { state, phaseAfter, stateAfter } = shown(inputs);
      const [{ publicInputs }] = pay(PUT.slice(0, 3));
      assert.equal(state, publicInputs[0], "in the same state");
      assert.equal(phaseAfter, PAYING);
      assert.notEqual(stateAfter, publicInputs[1]);
      // Nor does it when the right payouts follow.
      const before = structuredClone(inputs.before);
      before.phase = PAYING;
      before.payouts.taken = (inputs.words as bigint[])
        .filter((_, j) => inputs.active[j] === 1n)
        .reduce(pushPayout, before.payouts.taken);
      for (let n = 1; n <= 3; n++) {
        const words = [...PUT.slice(3 - n, 3), 0n, 0n, 0n, 0n].slice(0, WITHDRAW_SLOTS);
        const active = words.map((_, j) => (j < n ? 1n : 0n));
        assert.equal(shown({ before, blindAfter: 1n, active, words }).phaseAfter, PAYING);
      }
    });

  it("another state: payouts that are not those put", () => {
    for (const end of ["put", "taken"])
      assert.notEqual(
        shown(tampered((i) => (i.before.payouts[end] += 1n))).state,
        pay(PUT.slice(0, 3))[0].publicInputs[0],
      );
  });

  it("each input, changed by one: no witness, or other public inputs, but for the words of unused slots", () => {
    const { inputs, publicInputs } = pay(PUT.slice(0, 3))[0];
    const tried = structuredClone(inputs) as Tampered;
    const unnoticed: string[] = [];
    const walk = (at: Tampered, name: string) => {
      for (const key of Object.keys(at)) {
        if (typeof at[key] !== "bigint") {
          walk(at[key], `${name}${key}.`);
          continue;
        }
        at[key] += 1n;
        try {
          const outputs = circuit.publicValues(tried as Inputs, publicInputs.length);
          if (outputs.every((x, i) => x === publicInputs[i])) unnoticed.push(name + key);
        } catch (error) {
          assert.match((error as Error).message, /Assert Failed/);
        }
        at[key] -= 1n;
      }
    };
    walk(tried, "");
    assert.deepEqual(unnoticed, ["words.3"]);
  });
});

describe("circuits/instructions/withdraw: forged witnesses", () => {
  const [first] = pay(PUT);
  const [single] = pay(PUT.slice(0, 2));
  const refuse = (instruction: InstructionInputs, pinned: Record<string, bigint>, change: Tampered = {}) =>
    void forgeable.refuses({ ...instruction.inputs, ...change } as Inputs, pinned);

  it("the honest witness satisfies, and computed anew it is the same", () => {
    for (const { inputs } of [first, single]) {
      const honest = forgeable.witness(inputs as Inputs);
      assert.equal(forgeable.satisfies(honest), true);
      assert.deepEqual(forgeable.solveForged(inputs as Inputs, {}), honest);
    }
  });

  it("each signal is bound by the rule that computes it", () => {
    const examples = { first: first.inputs as Inputs, single: single.inputs as Inputs };
    pinsEach(forgeable, examples, "withdraw.circom");
  });

  it("no proof that the phase opens when payouts are pending", () => {
    refuse(first, { drained: 1n });
    refuse(first, { phaseAfter: 0n });
    refuse(first, { "after.phase": 0n });
    refuse(first, { phaseAfter: 0n, drained: 0n });
    refuse(first, { "taken[4]": PUT.reduce(pushPayout, 0n) });
  });

  it("no proof that the phase stays at paying when all is paid", () => {
    refuse(single, { drained: 0n });
    refuse(single, { phaseAfter: PAYING });
  });

  it("no proof of another payout than was taken", () => {
    const outputs = ["payout[0]", "payout[1]"];
    for (const name of outputs) {
      for (const value of [0n, PUT[0] + 1n, PUT[1] + (1n << 160n)]) refuse(single, { [name]: value });
    }
    refuse(single, { "payout[2]": PUT[0] });
    refuse(single, { "payout[1]": PUT[0] });
  });

  it("no proof of a payout made public and not taken, or taken and not made public", () => {
    refuse(single, { "taken[1]": 0n });
    refuse(single, { "taken[2]": PUT.slice(0, 1).reduce(pushPayout, 0n) });
    refuse(single, { "taken[3]": 5n });
    refuse(single, { "pushed[0]": 5n });
    refuse(single, { "after.payouts.taken": 0n });
    refuse(single, { "active[1]": 0n, "payout[1]": PUT[1] });
    refuse(single, { "active[1]": 0n, "taken[2]": PUT.slice(0, 2).reduce(pushPayout, 0n) });
  });

  it("no proof of a never put payout whose hash is said to be the head", () => {
    const words = [PUT[0], word(9n, 9n), 0n, 0n];
    refuse(single, { "pushed[1]": PUT.slice(0, 2).reduce(pushPayout, 0n) }, { words });
    refuse(single, { drained: 1n }, { words });
  });

  it("no proof of another state than its registers'", () => {
    const honest = forgeable.witness(single.inputs as Inputs);
    refuse(single, { stateAfter: forgeable.read("stateAfter", honest) + 1n });
    refuse(single, { state: forgeable.read("state", honest) + 1n });
  });
});

describe("circuits/instructions/withdraw: registers left alone", () => {
  leavesOthersAlone("withdraw", () => {
    const put = PUT.slice(0, 3);
    const ledger = pending(put);
    return { circuit: forgeable, ledger, make: () => withdrawInstructions(ledger, put)[0] };
  });
});
