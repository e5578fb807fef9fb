// A thread that is asked: whoever asks has an answer or an error, whatever becomes of the thread and whatever it sends.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AskedThread } from "../../src/venue/threads.ts";

interface Question {
  readonly id: number;
  readonly kind: "echo" | "stray" | "die";
}

const THREAD = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", ({ id, kind }) => {
  if (kind === "die") throw new Error("it dies");
  // As if it came from one that had died before.
  if (kind === "stray") parentPort.postMessage({ id: id + 1_000, value: 0 });
  parentPort.postMessage({ id, value: kind });
});`;

describe("a thread that is asked", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tacit-thread-"));
    writeFileSync(join(folder, "thread.mjs"), THREAD);
  });
  after(() => rmSync(folder, { recursive: true }));

  const open = async (mortal: boolean, use: (thread: AskedThread<Question>) => Promise<void>) => {
    const script = pathToFileURL(join(folder, "thread.mjs"));
    const thread = new AskedThread<Question>(script, "tests", { mortal });
    await use(thread).finally(() => thread.close());
  };
  const died = { code: "THREAD_DIED", message: "the thread that tests has died: it dies" };

  it("answers each question, and takes an answer that nobody waits for as nothing", () =>
    open(false, async (thread) => {
      const kinds = Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? "stray" : "echo"));
      assert.deepEqual(await Promise.all(kinds.map((kind) => thread.ask({ kind }))), kinds);
    }));

  it("tells all who wait that it has died, and is started anew", () =>
    open(false, async (thread) => {
      for (let round = 0; round < 3; round++) {
        const lost = ["die", "echo", "echo"].map((kind) => assert.rejects(thread.ask({ kind } as never), died));
        await Promise.all(lost);
        assert.equal(await thread.ask({ kind: "echo" }), "echo");
      }
    }));

  it("stays dead where what it knew dies with it", () =>
    open(true, async (thread) => {
      await assert.rejects(thread.ask({ kind: "die" }), died);
      await assert.rejects(thread.ask({ kind: "echo" }), died);
    }));

  it("has told all who wait when it is closed", async () => {
    let waiting: Promise<void>;
    await open(false, async (thread) => {
      waiting = assert.rejects(thread.ask({ kind: "die" }));
    });
    await waiting!;
  });
});
