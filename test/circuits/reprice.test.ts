// Goal: a proof of reprice says what src/protocol/prices.ts makes of a quorum's reports, for whatever they report, and nothing else.
// Method: random situations (seed in the name of the test; TACIT_ROUNDS sets their number), all public outputs against the ledger;
// malicious inputs, which leave no witness or other outputs. Forged witnesses are tried of its parts: repriceParts.test.ts.
import assert from "node:assert/strict";
import { Random } from "../../src/replay/random.ts";
import { repriceInputs } from "../../src/witness/reprice.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";
import { eventOf, ledgerOf, randomSituation, type Situation } from "./repriceSituations.ts";

const file = "circuits/instructions/reprice.circom";
const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 12);

const built = (situation: Situation) => repriceInputs(ledgerOf(situation), eventOf(situation));

describe("circuits/instructions/reprice", () => {
  remembersHashes();
  let circuit: Circuit;
  before(async () => {
    circuit = await compileTemplate({ file, template: "Reprice", args: [4, 4] });
  });

  it(`agrees with prices.ts in ${ROUNDS} random situations (seed ${SEED})`, () => {
    const random = new Random(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const { inputs, publicInputs } = built(randomSituation(random));
      assert.deepEqual(circuit.publicValues(inputs as Inputs, publicInputs.length), publicInputs, `round ${round}`);
    }
  });
});
