import { parentPort } from "node:worker_threads";
import type { InstructionInputs } from "../../witness/ledger.ts";
import type { ClaimInputs } from "../../witness/survey.ts";
import type { ProvenInstruction, Round, VenueView } from "../../verifier/index.ts";
import { sendAnswer } from "../threads.ts";
import { poolProver, type CheckingProver, type ProverFiles } from "./provers.ts";

/** What `localProver` asks of its thread. `id` names the question. */
export type Question =
  | { readonly kind: "open"; readonly files: ProverFiles; readonly workers?: number }
  | { readonly kind: "prove"; readonly id: number; readonly instruction: InstructionInputs | ClaimInputs }
  | { readonly kind: "abort"; readonly id: number }
  | {
      readonly kind: "verify";
      readonly id: number;
      readonly view: Omit<VenueView, "keys" | "isDepositHead">;
      readonly round: Round;
      readonly now: bigint;
    }
  | { readonly kind: "check"; readonly id: number; readonly proofs: readonly ProvenInstruction[] }
  | { readonly kind: "close"; readonly id: number };

/** The thread of `localProver`: a pool of its own, and the pairings that would keep a venue from answering. */
const port = parentPort!;
const running = new Map<number, AbortController>();
let prover: CheckingProver | null = null;

async function answer(question: Exclude<Question, { kind: "open" | "abort" }>): Promise<unknown> {
  switch (question.kind) {
    case "prove": {
      const controller = new AbortController();
      running.set(question.id, controller);
      try {
        return await prover!.prove(question.instruction, { signal: controller.signal });
      } finally {
        running.delete(question.id);
      }
    }
    case "verify":
      return prover!.verify(question.view, question.round, question.now);
    case "check":
      return prover!.check(question.proofs);
    case "close":
      return prover!.close();
  }
}

port.on("message", (question: Question) => {
  if (question.kind === "open") {
    // What prepareKeys throws ends the thread, and so every question with it.
    prover = poolProver(question.files, question.workers === undefined ? {} : { workers: question.workers });
    return;
  }
  if (question.kind === "abort") return running.get(question.id)?.abort();
  sendAnswer(port, question.id, answer(question));
});
