// Goal: a round is proved by real circuits and real threads, whatever becomes of the threads.
// Method: the demo profile's circuits; each thread that was started is killed while the round is proved.
import assert from "node:assert/strict";
import { buildAll } from "../../../src/setup/build.ts";
import { proverFiles } from "../../../src/setup/instructionKeys.ts";
import { readKeys } from "../../../src/setup/keyFiles.ts";
import type { TacitError } from "../../../src/protocol/errors.ts";
import { startThread } from "../../../src/prover/runtime.ts";
import type { AnyWorker } from "../../../src/prover/thread.ts";
import { readRounds, verifyRound } from "../../../src/verifier/index.ts";
import { localProver, poolProver, type RoundProver } from "../../../src/venue/index.ts";
import { eventOf, genesis, INTERVAL, openTestVenue, traders } from "../fixture.ts";

describe("venue: rounds by real proofs", () => {
  before(() => buildAll({ profile: "demo", publish: false }));

  it("completes a round whose threads are killed", async () => {
    const threads: AnyWorker[] = [];
    let kills = 0;
    const local = poolProver(await proverFiles("demo"), {
      workers: 2,
      startThread: () => {
        const thread = startThread();
        threads.push(thread);
        return thread;
      },
    });
    const prover = {
      ...local,
      prove(...args: Parameters<typeof local.prove>) {
        const proof = local.prove(...args);
        // One that is at work on a proof that has begun.
        if (kills++ < 3) setImmediate(() => void threads.at(-1)?.terminate());
        return proof;
      },
    };
    await proveRound(prover);
    assert.ok(threads.length > 2, "no thread was killed");
  });

  it("proves beside its own thread", async () => {
    await proveRound(localProver(await proverFiles("demo")));
  });

  it("refuses a key that is none, and tells of a circuit that is not there", async () => {
    const files = await proverFiles("demo");
    assert.throws(() => localProver({ ...files, keys: { ...files.keys, admit: {} } }), { code: "KEY_MALFORMED" });
    const missing = { ...files.circuits, admit: { zkey: "/nowhere.zkey", wasm: "/nowhere.wasm" } };
    const prover = localProver({ ...files, circuits: missing });
    const instruction = { name: "admit", inputs: {}, publicInputs: [] } as const;
    await assert.rejects(prover.prove(instruction), (error: TacitError) => error.code !== "THREAD_DIED");
    const aborted = AbortSignal.abort();
    await assert.rejects(prover.prove(instruction, { signal: aborted }), { code: "ABORTED" });
    await prover.close();
    await assert.rejects(prover.prove(instruction), { code: "CLOSED" });
  });

  /** Two traders trade, one withdraws; the round must be proved, and hold. */
  async function proveRound(prover: RoundProver): Promise<void> {
    const keys = await readKeys("demo");
    const people = traders(2);
    const { venue, clock } = await openTestVenue({ traders: people, prover });
    const [alice, bob] = people;
    const items = [alice.order("buy", 3n, 100_100n), bob.order("sell", 3n, 100_000n), alice.withdrawal(5n)];
    for (const { item, auth } of items) await venue.submit(item, auth);
    const proven = eventOf(venue, "round");
    clock.advance(INTERVAL + 40n);
    const { round } = await proven;
    const [claim] = readRounds(JSON.parse((await venue.round(round.number))!));
    const view = { domain: genesis.domain, state: venue.genesisState, keys, maxLag: 1n << 39n };
    const result = verifyRound(view, claim, { now: 1n << 39n });
    assert.ok(result.ok, result.ok ? "" : result.message);
    assert.equal(result.payouts[0].amount, 5n);
    await venue.close();
  }
});
