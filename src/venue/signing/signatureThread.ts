import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";
import { signRecoverable } from "tiny-secp256k1";
import type { Receipt } from "../../protocol/receipt.ts";
import { useHashKernels } from "../../prover/hash/use.ts";
import { signaturesOf, type KeyedItem, type Signatures } from "./signatures.ts";
import { localSigner, type SignRecoverable } from "./signer.ts";
import { sendAnswer } from "../threads.ts";

/** What `threadSigner` asks of its thread. `id` names the question. */
export type Question =
  | { readonly kind: "open"; readonly secret: Uint8Array }
  | { readonly kind: "check"; readonly id: number; readonly domain: bigint; readonly items: readonly KeyedItem[] }
  | { readonly kind: "sign"; readonly id: number; readonly receipts: readonly Receipt[] };

/** libsecp256k1 in WebAssembly. */
const compiled: SignRecoverable = (digest, key) => {
  const { signature, recoveryId } = signRecoverable(digest, key);
  return [signature, recoveryId];
};

/**
 * The same compiled for this machine, where the package secp256k1 is installed too: in less than half the time
 * (`npm run bench hashes`).
 */
function fastest(): SignRecoverable {
  try {
    const { ecdsaSign } = createRequire(import.meta.url)("secp256k1/bindings.js");
    return (digest, key) => {
      const { signature, recid } = ecdsaSign(digest, key);
      return [signature, recid];
    };
  } catch {
    return compiled;
  }
}

/** The thread of `threadSigner`. */
const port = parentPort!;
let signatures: Signatures | null = null;
await useHashKernels();

port.on("message", (question: Question) => {
  if (question.kind === "open") {
    signatures = signaturesOf(localSigner(question.secret, fastest()));
    return;
  }
  const { id } = question;
  const answer: Promise<unknown> =
    question.kind === "check"
      ? signatures!.check(question.domain, question.items)
      : signatures!.sign(question.receipts);
  sendAnswer(port, id, answer);
});
