import { prepareKeys } from "../../verifier/index.ts";
import type { Question } from "./proofThread.ts";
import type { CheckingProver, ProverFiles } from "./provers.ts";
import { AskedThread } from "../threads.ts";

/**
 * Proofs and their checks beside this thread, by a pool of threads.
 * @param workers  threads that share each proof: one a core when left out
 * @throws  as prepareKeys, when a verification key is none
 */
export function localProver(files: ProverFiles, { workers }: { workers?: number } = {}): CheckingProver {
  // What is wrong with a key is told here, and not by a thread that dies of it.
  prepareKeys(files.keys);
  const opening: Question = { kind: "open", files, workers };
  const thread = new AskedThread<Extract<Question, { id: number }>>(
    new URL("./proofThread.js", import.meta.url),
    "makes the proofs",
    {
      opening,
    },
  );
  return {
    // One is proved, while the witness of the next is computed.
    parallel: 2,
    prove: (instruction, { signal } = {}) => thread.ask({ kind: "prove", instruction }, signal),
    verify: (view, round, now) => thread.ask({ kind: "verify", view, round, now }),
    check: (proofs) => thread.ask({ kind: "check", proofs }),
    close: () => thread.close({ kind: "close" }),
  };
}
