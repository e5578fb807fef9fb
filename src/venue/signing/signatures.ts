import { verifyMany, type Point } from "../../protocol/eddsa.ts";
import { hashEntries, type Auth, type Item } from "../../protocol/item.ts";
import { receiptDigest, signerAddress, type Receipt } from "../../protocol/receipt.ts";
import type { Question } from "./signatureThread.ts";
import type { Signer } from "./signer.ts";
import { AskedThread } from "../threads.ts";

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

/**
 * Signs as `localSigner` does, and checks signatures, in a thread: a venue then has its own for all else. A venue closes it.
 * @throws BAD_SECRET
 */
export function threadSigner(secret: Uint8Array): Signatures {
  const address = signerAddress(secret);
  const opening: Question = { kind: "open", secret: Uint8Array.from(secret) };
  const what = "checks and makes signatures";
  const thread = new AskedThread<Extract<Question, { id: number }>>(
    new URL("./signatureThread.js", import.meta.url),
    what,
    { opening },
  );
  thread.start();
  return {
    address,
    check: (domain, items) => thread.ask({ kind: "check", domain, items }),
    sign: (receipts) => thread.ask({ kind: "sign", receipts }),
    close: () => thread.close(),
  };
}
