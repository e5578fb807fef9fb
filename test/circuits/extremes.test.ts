// Goal: totality at the ends. Whatever legal numbers a genesis file and a log hold, every instruction has a witness, which
// shows what the ledger says.
// Method: rounds drawn from seeds (TACIT_SEED, in the name of each test, and TACIT_ROUNDS), through matcher, witness builder
// and the circuits in small sizes. npm run circuits:extremes plays more, and counts which ends they reach.
import assert from "node:assert/strict";
import { compileCircuits, described, EXTREMES, playRound, Seen, shrink, type Circuits } from "./extremes.ts";
import { remembersHashes } from "./remembering.ts";

const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 8);
const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 1_000_000);

describe("circuits at the ends of all ranges", () => {
  remembersHashes();
  const seen = new Seen();
  let circuits: Circuits;
  before(async () => {
    circuits = await compileCircuits();
  });

  for (let seed = SEED; seed < SEED + ROUNDS; seed++)
    it(`a round, TACIT_SEED=${seed}`, () => {
      const { failure, instructions } = playRound(circuits, seed, seen);
      if (failure) assert.fail(described(shrink(circuits, failure)));
      assert.ok(instructions > 0);
    });

  it("the same seed draws the same round", () => {
    const noted = () => {
      const fake = new Map([...circuits].map(([name]) => [name, { publicValues: () => [] }])) as unknown as Circuits;
      return described(playRound(fake, SEED).failure!);
    };
    assert.equal(noted(), noted());
  });

  it("rounds reach ends", () => {
    const reached = EXTREMES.length - seen.missing.length;
    assert.ok(reached > EXTREMES.length / 3, `${reached} of ${EXTREMES.length}`);
  });
});
