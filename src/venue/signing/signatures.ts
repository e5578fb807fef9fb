import { verifyMany, type Point } from "../../protocol/eddsa.ts";
import { TacitError } from "../../protocol/errors.ts";
import { chainHeads, hashEntries, type Auth, type Item } from "../../protocol/item.ts";
import { logHeadDigest, type LogHead } from "../../protocol/logHead.ts";
import { receiptDigest, signerAddress, type Receipt } from "../../protocol/receipt.ts";
import { AskedThread } from "../threads.ts";
import type { Question } from "./signatureThread.ts";
import type { HeadRun, SignedHeads, SignedState } from "./signedHeads.ts";
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

/** What is to be signed: receipts and heads of what a book of signed heads has, with the run. */
export interface SignRequest {
  /** that comes to the book first; null for nothing new */
  readonly run: HeadRun | null;
  readonly receipts: readonly Receipt[];
  readonly logHeads: readonly LogHead[];
}

/** r, s and 27 or 28, as 0x and 130 digits, each. */
export interface Signed {
  readonly receipts: readonly string[];
  readonly logHeads: readonly string[];
}

/** Where signatures are checked and made, which is most of the work of a venue: in its thread, beside it, or elsewhere. */
export interface Signatures {
  /** of the signer of receipts: 0x and 40 lower case digits */
  readonly address: string;
  check(domain: bigint, items: readonly KeyedItem[]): Promise<CheckedItem[]>;
  /** What it has signed heads of; null where it keeps no book of them, and signs all that it is asked for. */
  state(): Promise<SignedState | null>;
  /** @throws FENCED, GAP, FORKED, OTHER_VENUE, STORAGE  as its book does, and then signs nothing of the request */
  sign(request: SignRequest): Promise<Signed>;
  /** Why it does not sign for now, where it is waited for; null when all is well. */
  readonly fault?: string | null;
  /** What waits for a signer that is away is refused from now on: nobody waits for it any more. */
  giveUp?(): void;
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

/**
 * Signs what a book allows: it has each head that is signed, on disk.
 * @throws FENCED, GAP, FORKED, OTHER_VENUE, STORAGE
 */
export async function signByBook(signer: Signer, book: SignedHeads | null, request: SignRequest): Promise<Signed> {
  const { run, receipts, logHeads } = request;
  if (book) {
    if (run) book.add(run);
    for (const { domain, n, head, item, auth, time } of receipts) {
      requireIn(book, domain, Number(n) + 1, head);
      // Of one place in the log there is a receipt of one entry.
      if (chainHeads(book.at(Number(n))!, [{ item, auth, time }])[0] !== head)
        throw new TacitError("FORKED", `entry ${n} that was signed is another one`, { n: Number(n) + 1 });
    }
    for (const { domain, epoch, n, head } of logHeads) {
      requireIn(book, domain, n, head);
      if (epoch !== book.state.epoch)
        throw new TacitError("FENCED", `epoch ${epoch} is not the one that writes: expected ${book.state.epoch}`);
    }
  }
  return {
    receipts: await Promise.all(receipts.map((receipt) => signer.sign(receiptDigest(receipt)))),
    logHeads: await Promise.all(logHeads.map((head) => signer.sign(logHeadDigest(head)))),
  };
}

function requireIn(book: SignedHeads, domain: bigint, n: number, head: bigint): void {
  book.requireDomain(domain);
  const known = book.at(n);
  if (known === undefined)
    throw new TacitError("GAP", `heads of ${book.state.n} entries are here: expected those up to ${n}`, { n: book.state.n }); // prettier-ignore
  if (known !== head) throw new TacitError("FORKED", `after ${n} entries another head was signed`, { n });
}

/**
 * Checks in this thread, and has this signer sign.
 * @param book  of what it has signed; without one it signs all that it is asked for
 */
export function signaturesOf(signer: Signer, book: SignedHeads | null = null): Signatures {
  return {
    address: signer.address,
    check: async (domain, items) => checkItems(domain, items),
    state: async () => book?.state ?? null,
    sign: (request) => signByBook(signer, book, request),
    close: async () => book?.close(),
  };
}

type Asked = Extract<Question, { id: number }>;
const SCRIPT = new URL("./signatureThread.js", import.meta.url);

/**
 * Signs as `localSigner` does, and checks signatures, in a thread: a venue then has its own for all else. A venue closes it.
 * @param book  file of the heads that it has signed, made where there is none. Without one it signs all that it is asked for
 * @throws BAD_SECRET
 */
export function threadSigner(secret: Uint8Array, { book = null }: { book?: string | null } = {}): Signatures {
  const address = signerAddress(secret);
  const opening: Question = { kind: "open", secret: Uint8Array.from(secret), book };
  const thread = new AskedThread<Asked>(SCRIPT, "checks and makes signatures", { opening });
  thread.start();
  return {
    address,
    check: (domain, items) => thread.ask({ kind: "check", domain, items }),
    state: () => thread.ask({ kind: "state" }),
    sign: (request) => thread.ask({ kind: "sign", request }),
    close: () => thread.close({ kind: "close" }),
  };
}

/** Checks signatures in a thread, which makes none. */
export function checkingThread(): Pick<Signatures, "check" | "close"> {
  const thread = new AskedThread<Asked>(SCRIPT, "checks signatures");
  thread.start();
  return { check: (domain, items) => thread.ask({ kind: "check", domain, items }), close: () => thread.close() };
}
