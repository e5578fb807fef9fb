// Goal: a round is proved by real circuits and real threads, whatever becomes of the threads.
// Method: the demo profile's circuits; each thread that was started is killed while the round is proved.
import assert from "node:assert/strict";
import { buildAll } from "../../../src/setup/build.ts";
import { proverFiles } from "../../../src/setup/instructionKeys.ts";
import type { TacitError } from "../../../src/protocol/errors.ts";
import { startThread } from "../../../src/prover/runtime.ts";
import type { AnyWorker } from "../../../src/prover/thread.ts";
import { localProver, poolProver } from "../../../src/venue/index.ts";
import { proveRound } from "./proveRound.ts";

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
});
