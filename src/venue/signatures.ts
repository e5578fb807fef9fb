import { existsSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { verifyMany, type Point } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import { hashEntries, type Auth, type Item } from "../protocol/item.ts";
import { receiptDigest, signerAddress, type Receipt } from "../protocol/receipt.ts";
import { startWorker } from "../prover/startWorker.ts";
import type { Answer, Question } from "./signatureThread.ts";
import type { Signer } from "./signer.ts";

/** An item, and the key of the account that it names. */
export interface KeyedItem {
  readonly item: Item;
  readonly auth: Auth;
  readonly key: Point;
}

/** Whether an item is signed by the key, and its hashes, which the log needs as well. */
export interface CheckedItem {
  readonly signed: boolean;
  /** H_item and H_auth */
  readonly item: bigint;
  readonly auth: bigint;
}

/** Where signatures are checked and made, which is most of the work of a venue: in its thread, or beside it. */
export interface Signatures {
  /** of the signer of receipts: 0x and 40 lower case digits */
  readonly address: string;
  check(domain: bigint, items: readonly KeyedItem[]): Promise<CheckedItem[]>;
  /** Signatures as of `Signer`. */
  sign(receipts: readonly Receipt[]): Promise<string[]>;
  close(): Promise<void>;
}

/** Checks in the thread that asks. All numbers are field elements. */
export function checkItems(domain: bigint, items: readonly KeyedItem[]): CheckedItem[] {
  const hashed = hashEntries(
    domain,
    items.map(({ item, auth }) => ({ item, auth, time: 0n })),
  );
  const signed = verifyMany(items.map(({ auth, key }, i) => ({ key, message: hashed[i].item, signature: auth })));
  return hashed.map(({ item, auth }, i) => ({ signed: signed[i], item, auth }));
}

/** Checks in this thread, and has this signer sign. */
export function signaturesOf(signer: Signer): Signatures {
  return {
    address: signer.address,
    check: async (domain, items) => checkItems(domain, items),
    sign: async (receipts) => Promise.all(receipts.map((receipt) => signer.sign(receiptDigest(receipt)))),
    async close() {},
  };
}

/** Written by `npm run build:kernels`, and after `npm ci`. */
const BUNDLE = new URL("../../build/kernels/signatures.js", import.meta.url);
const SOURCE = new URL("./signatureThread.ts", import.meta.url);

type Asked = Extract<Question, { id: number }>;
/** Of a union, each without its id. */
type WithoutId<T> = T extends { id: number } ? Omit<T, "id"> : never;

/**
 * Signs as `localSigner` does, and checks signatures, in a thread: a venue then has its own for all else. A thread that dies
 * takes what was asked of it along, with THREAD_DIED; it is started anew when it is next asked. A venue closes it.
 * @throws BAD_SECRET
 */
export function threadSigner(secret: Uint8Array): Signatures {
  const address = signerAddress(secret);
  const key = Uint8Array.from(secret);
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let closed = false;
  let asked = 0;
  let thread: Worker | null = start();

  function start(): Worker {
    const started = startWorker(existsSync(BUNDLE) ? BUNDLE : SOURCE);
    started.unref();
    started.on("message", (answer: Answer) => {
      const { resolve, reject } = waiting.get(answer.id)!;
      waiting.delete(answer.id);
      if (waiting.size === 0) started.unref();
      if ("value" in answer) resolve(answer.value as never);
      else reject(new TacitError(answer.error.code, answer.error.message));
    });
    const died = (why: string) => {
      if (thread !== started) return;
      thread = null;
      const error = new TacitError("THREAD_DIED", `the thread that checks and makes signatures has died: ${why}`);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    started.on("error", (error) => died(error.message));
    started.on("exit", (code) => died(`it ended with ${code}`));
    started.postMessage({ kind: "open", secret: key } satisfies Question);
    return started;
  }

  function ask<T>(question: WithoutId<Asked>): Promise<T> {
    if (closed) return Promise.reject(new TacitError("CLOSED", "the signer is closed"));
    const to = (thread ??= start());
    const id = ++asked;
    return new Promise<T>((resolve, reject) => {
      to.postMessage({ ...question, id });
      to.ref();
      waiting.set(id, { resolve, reject });
    });
  }

  return {
    address,
    check: (domain, items) => ask({ kind: "check", domain, items }),
    sign: (receipts) => ask({ kind: "sign", receipts }),
    async close() {
      closed = true;
      await thread?.terminate();
    },
  };
}
