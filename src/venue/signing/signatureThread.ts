import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";
import { signRecoverable } from "tiny-secp256k1";
import { useHashKernels } from "../../prover/hash/use.ts";
import { checkItems, signaturesOf, type KeyedItem, type SignRequest, type Signatures } from "./signatures.ts";
import { SignedHeads } from "./signedHeads.ts";
import { localSigner, type SignRecoverable } from "./signer.ts";
import { sendAnswer } from "../threads.ts";

/** What `threadSigner` asks of its thread. `id` names the question. */
export type Question =
  | { readonly kind: "open"; readonly secret: Uint8Array; readonly book: string | null }
  | { readonly kind: "check"; readonly id: number; readonly domain: bigint; readonly items: readonly KeyedItem[] }
  | { readonly kind: "sign"; readonly id: number; readonly request: SignRequest }
  | { readonly kind: "state" | "close"; readonly id: number };

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
/** a file that cannot be opened is told to who asks for signatures */
let open: () => Signatures = () => {
  throw new Error("this thread signs nothing");
};
await useHashKernels();

async function answer(question: Extract<Question, { id: number }>): Promise<unknown> {
  switch (question.kind) {
    case "check":
      return checkItems(question.domain, question.items);
    case "state":
      return open().state();
    case "sign":
      return open().sign(question.request);
    case "close":
      return open().close();
  }
}

port.on("message", (question: Question) => {
  if (question.kind !== "open") return sendAnswer(port, question.id, answer(question));
  const signer = localSigner(question.secret, fastest());
  const { book } = question;
  let opened: Signatures | null = null;
  open = () => (opened ??= signaturesOf(signer, book === null ? null : new SignedHeads(book, signer.address)));
});
