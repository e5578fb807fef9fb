// Goal: what waits to be proved is counted from the moment that it is in the log, and once: while its round is filled, while
// its round has ended and is not assembled, and while its proofs are made.
// Method: a market whose store keeps the assembly waiting, and whose prover is held back.
import assert from "node:assert/strict";
import { Market } from "../../../src/venue/market.ts";
import { DEFAULT_LIMITS } from "../../../src/venue/options.ts";
import { startOf } from "../../../src/venue/start.ts";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";
import type { Store } from "../../../src/venue/store/store.ts";
import { gate, genesis, lastingStore, SECRET, SIGNER, simulatedProver, START, traders, turns } from "../fixture.ts";

/** A market on a store. `looked`: what the search for proofs that were kept waits for; `proved`: what proofs wait for. */
async function marketOn(storage: Store, { looked, proved }: { looked: Promise<void>; proved: Promise<void> }) {
  const store: Store = {
    ...storage,
    list: (prefix, options) => (prefix.startsWith("proof/") ? looked : Promise.resolve()).then(() => storage.list(prefix, options)), // prettier-ignore
  };
  const { prover } = simulatedProver(undefined, () => proved);
  const options = { genesis, secret: SECRET, signer: SIGNER, storage: store, prover };
  const rounds: number[] = [];
  const market = new Market(options, DEFAULT_LIMITS, await startOf(options), {
    tell: () => {},
    onWritten: () => {},
    onProven: ({ number }) => rounds.push(number),
    onFailed: (error) => assert.fail(error),
  });
  /** Fulfilled when so many rounds are proved. */
  const proven = async (count: number) => {
    for (let i = 0; rounds.length < count; i++) {
      assert.ok(i < 20_000, `${rounds.length} of ${count} rounds are proved: ${market.provingError}`);
      await turns(1);
    }
  };
  const deposit = (number: number) =>
    market.commit([{ kind: "deposits", time: START, deposits: [traders(number + 1)[number].deposit] }]);
  return { market, pipeline: market.pipeline!, rounds, proven, deposit };
}

describe("venue: what waits to be proved", () => {
  it("is counted through the whole of its way", async () => {
    const [looked, proved] = [gate(), gate()];
    const { market, pipeline, rounds, proven, deposit } = await marketOn(memoryStore(), {
      looked: looked.passed,
      proved: proved.passed,
    });
    const waiting = () => [market.proofsWaiting, pipeline.instructionsWaiting, pipeline.waiting];
    assert.deepEqual(waiting(), [0, 0, 0]);
    await deposit(0);
    assert.deepEqual(waiting(), [1, 0, 0], "the round is being filled");
    await market.endRound();
    assert.deepEqual(waiting(), [1, 1, 0], "it has ended, and is not assembled");
    // One behind it, whose events are not even looked at.
    await deposit(1);
    await deposit(2);
    assert.deepEqual(waiting(), [3, 1, 0]);
    await market.endRound();
    await turns(50);
    assert.deepEqual(waiting(), [3, 3, 0], "two have ended, and none is assembled");
    await deposit(3);
    looked.pass();
    await pipeline.assembled();
    assert.deepEqual(waiting(), [4, 3, 2], "both are assembled, and no proof is made");
    proved.pass();
    await proven(2);
    assert.deepEqual([waiting(), rounds], [[1, 0, 0], [1, 2]], "both are proved, and one more is being filled"); // prettier-ignore
    await pipeline.close();
  });

  it("is nothing of a round that was proved before the start", async () => {
    const storage = lastingStore();
    const [open, looked] = [gate(), gate()];
    open.pass();
    const first = await marketOn(storage, { looked: open.passed, proved: open.passed });
    await first.deposit(0);
    await first.market.endRound();
    await first.proven(1);
    await first.deposit(1);
    await first.market.endRound();
    await first.pipeline.close();
    assert.deepEqual(first.rounds, [1]);

    const { market, pipeline, rounds, proven } = await marketOn(storage, {
      looked: looked.passed,
      proved: open.passed,
    });
    await market.replay();
    assert.deepEqual([market.proofsWaiting, pipeline.instructionsWaiting], [1, 1]);
    looked.pass();
    await proven(1);
    assert.deepEqual([market.proofsWaiting, pipeline.instructionsWaiting, rounds], [0, 0, [2]]);
    await pipeline.close();
  });
});
