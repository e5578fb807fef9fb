/** A thread of the build: compiles circuits and makes keys, one task at a time. Started by `startWorker`. */
import { parentPort } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import type { FromBuilder, Task } from "./messages.ts";

const port = parentPort!;
const tell = (message: FromBuilder) => port.postMessage(message);

/** Tells of progress by whole percents: more often would help nobody. */
function progressOfTask(): (fraction: number) => void {
  let told = 0;
  return (fraction) => {
    if (fraction < told + 0.01) return;
    told = fraction;
    tell({ kind: "progress", fraction });
  };
}

// What a task needs is loaded with the first such task: until then nothing else listens on the port (see prover).
port.on("message", async (task: Task) => {
  const progress = progressOfTask();
  try {
    const result =
      task.step === "compile"
        ? await (await import("./compile.ts")).compile(task.folder, task.outputs, progress)
        : await (await import("./makeKey.ts")).makeKey(task.folder, task.r1cs, progress);
    tell({ kind: "done", result });
  } catch (error) {
    const known = error instanceof TacitError ? error : new TacitError("BUILD_FAILED", String(error));
    tell({ kind: "failed", code: known.code, message: known.message, details: { ...known.details } });
  }
});
