import { bytesToHex } from "@noble/hashes/utils.js";
import { publicKey, sign, type Point } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { authHash, decodeItem, itemHash, type Item } from "../protocol/item.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { receiptDefect } from "../protocol/receipt.ts";
import { itemJson, readReceipt, receiptJson, sessionJson, sessionMessage } from "../protocol/wire.ts";
import type { Api } from "./api.ts";
import { Contradiction, readVerdict } from "./knowledge.ts";
import type { Notes, SentItem } from "./notebook.ts";

export interface SenderOptions {
  readonly api: Api;
  readonly genesis: GenesisFile;
  /** of receipts */
  readonly signer: string;
  readonly notes: Notes;
  /** of the account's key; without it nothing can be signed */
  readonly secret?: Uint8Array;
  /** number of the account to use, where the key has several */
  readonly account?: number;
  /** seconds since 1970 */
  readonly now: () => bigint;
}

/** Codes of a first answer, and of one to something sent before, by which an item is in no log. */
const FIRST = [
  "ADDRESS",
  "DECLINED",
  "FORMAT",
  "OUT_OF_RANGE",
  "FORBIDDEN",
  "WRONG_KIND",
  "RATE_LIMITED",
  "BUSY",
  "UNAUTHORISED",
];
const AGAIN = ["DECLINED"];
/** Items that the venue has turned away, of late. */
const REFUSED = 256;
/** Seconds for which a session is asked. */
const SESSION = 1800n;
/** Accounts of a key that are looked at: whoever opens more of them for it pays for each. */
const MOST_ACCOUNTS = 64;

/**
 * What the owner of a key sends: requests for sessions, and items. Each item is kept before it is sent, and its receipt is
 * checked against all that is known. To be called while nothing else uses the notes.
 */
export class Sender {
  readonly key: Point | null;
  readonly #options: SenderOptions;
  /** of the session */
  #expires = 0n;
  /** numbers of the key's accounts, as the venue said when it was asked last */
  accounts: readonly number[] = [];
  /** the last nonce used, once asked for: another program may trade with the same key */
  #lastNonce: bigint | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.key = options.secret ? publicKey(options.secret) : null;
    if (this.key) options.api.renew = () => this.session();
  }

  /** @throws NO_KEY */
  requireKey(): Point {
    if (!this.key) throw new TacitError("NO_KEY", "this client has no key: it can only follow rounds");
    return this.key;
  }

  /** Logs in. @returns number of the account  @throws NO_KEY, NO_ACCOUNT */
  async index(): Promise<number> {
    await this.session();
    const { index } = this.#options.notes.memory;
    if (index === null)
      throw new TacitError("NO_ACCOUNT", "the venue has no account of this key so far: deposit first");
    return index;
  }

  /** Forgets which nonce was used last: the notes are others now. */
  forget(): void {
    this.#lastNonce = null;
  }

  /** Logs in, unless a session is good for a while yet, and learns the number of the account. */
  async session(): Promise<void> {
    const key = this.requireKey();
    const { api, genesis, secret, notes } = this.#options;
    const now = this.#options.now();
    if (api.token && now + 60n < this.#expires && notes.memory.index !== null) return;
    const expires = now + SESSION;
    const wanted = { host: new URL(api.url).host, key, expires };
    const signature = sign(secret!, sessionMessage(genesis.domain, wanted));
    const answer = asObject("session", await api.post("/session", sessionJson({ ...wanted, signature })));
    if (typeof answer.token !== "string") throw badFormat("session.token", "a text");
    const accounts = asList("session.accounts", answer.accounts);
    if (!accounts.every((index): index is number => Number.isSafeInteger(index) && (index as number) >= 0))
      throw badFormat("session.accounts", "numbers of accounts");
    api.token = answer.token;
    this.#expires = expires;
    this.accounts = accounts;
    await this.#chooseAccount();
  }

  /**
   * Which of the key's accounts is used, once and for all of this notebook: the one that was asked for, else the one with most
   * cash, as anybody may open an account for a key.
   * @throws NO_ACCOUNT, OTHER_ACCOUNT  when the one that was asked for is not the key's, or the notebook is of another
   */
  async #chooseAccount(): Promise<void> {
    const { api, genesis, notes, account: wanted } = this.#options;
    const { index: used, items } = notes.memory;
    if (wanted !== undefined && this.accounts.length > 0 && !this.accounts.includes(wanted))
      throw new TacitError(
        "NO_ACCOUNT",
        `account ${wanted} is not of this key: expected one of ${this.accounts.join(", ")}`,
      );
    if (used !== null) {
      if (wanted === undefined || wanted === used) return;
      const message = `the notebook is of account ${used}: account ${wanted} needs a copy of the key file, with a notebook of its own`;
      throw new TacitError("OTHER_ACCOUNT", message, { index: used });
    }
    const candidates = wanted === undefined ? this.accounts.slice(0, MOST_ACCOUNTS) : this.accounts.filter((it) => it === wanted); // prettier-ignore
    let chosen: { index: number; cash: bigint; nonce: bigint } | undefined;
    for (const index of candidates) {
      const { cash, nonce } = asObject("account", await api.get(`/account?index=${index}`));
      const found = { index, cash: asInteger("account.cash", cash), nonce: asInteger("account.nonce", nonce) };
      if (!chosen || found.cash > chosen.cash) chosen = found;
    }
    if (!chosen) return;
    notes.memory.index = chosen.index;
    // Where nothing was sent from it so far, all that will ever happen to it is known.
    if (chosen.nonce === 0n && items.length === 0 && chosen.index >= genesis.accounts.length)
      notes.memory.base = { logCount: 0n, account: null };
    await notes.keep();
  }

  /** Makes an item, signs it, keeps it, sends it, and checks and keeps the receipt. */
  async send(make: (account: bigint, nonce: bigint, salt: bigint) => Item): Promise<SentItem> {
    const { genesis, secret, notes } = this.#options;
    const index = await this.index();
    for (let tries = 1; ; tries++) {
      const item = make(BigInt(index), await this.#nextNonce(index), randomSalt());
      const { R8x, R8y, S } = sign(secret!, itemHash(genesis.domain, item));
      // Kept before it is sent: whatever the venue does with it, it is known that it may have it.
      notes.memory.items.push({ item, auth: { R8x, R8y, S }, receipt: null, verdict: null });
      this.#lastNonce = decodeItem(item)!.head.nonce;
      await notes.keep();
      try {
        return await this.submit(notes.memory.items.length - 1, FIRST);
      } catch (error) {
        // Another program with this key may have used the nonce: once more, with the one that the venue knows of.
        if (tries === 2 || !(error instanceof TacitError && error.code === "DECLINED")) throw error;
      }
    }
  }

  /** Sends again what was not answered. */
  async resend(): Promise<SentItem[]> {
    const { items } = this.#options.notes.memory;
    const done: SentItem[] = [];
    for (const sent of items.filter(({ receipt }) => !receipt)) done.push(await this.submit(items.indexOf(sent)));
    return done;
  }

  async #nextNonce(index: number): Promise<bigint> {
    if (this.#lastNonce === null) {
      const { nonce } = asObject("account", await this.#options.api.get(`/account?index=${index}`));
      const own = this.#options.notes.memory.items.map(({ item }) => decodeItem(item)!.head.nonce);
      this.#lastNonce = own.reduce((a, b) => (a > b ? a : b), asInteger("account.nonce", nonce));
    }
    return this.#lastNonce + 1n;
  }

  /**
   * Sends what is kept, and checks and keeps the receipt.
   * @param at        of the item, among those in memory
   * @param refusals  codes by which the venue says that the item is in no log, so that its nonce is free again. Being busy says
   * nothing of a time before; a venue that stops may have written it
   */
  async submit(at: number, refusals: readonly string[] = AGAIN): Promise<SentItem> {
    const { api, notes } = this.#options;
    const { memory } = notes;
    const { item, auth, found } = memory.items[at];
    let answer;
    try {
      answer = asObject("answer", await api.post(pathOf(item), itemJson(item, auth)));
    } catch (error) {
      this.#lastNonce = null;
      if (error instanceof TacitError && refusals.includes(error.code) && !memory.items[at].receipt) {
        memory.refused.push(...memory.items.splice(at, 1));
        memory.refused.splice(0, memory.refused.length - REFUSED);
        // Sent before, it never arrived: a gap that this leaves among the nonces is of our own making. Declined at first, its
        // nonce has perhaps been used by another program with this key.
        if (refusals === AGAIN) memory.skipped.push(decodeItem(item)!.head.nonce);
        await notes.keep();
      }
      throw error;
    }
    const receipt = readReceipt(answer.receipt);
    const sent: SentItem = {
      item,
      auth,
      receipt,
      verdict: readVerdict(answer.verdict),
      ...(found === undefined ? {} : { found }),
    };
    memory.items[at] = { ...sent, verdict: sent.verdict ?? memory.items[at].verdict };
    await notes.keep();
    try {
      this.#checkReceipt(sent);
    } catch (error) {
      await notes.shout(error as Contradiction);
      throw error;
    }
    return sent;
  }

  /** A receipt against its item, its signature, the other receipts and the proven log. */
  #checkReceipt({ item, auth, receipt, found }: SentItem): void {
    const evidence = { receipt: receiptJson(receipt!), item: itemJson(item, auth) };
    const { genesis, signer, notes } = this.#options;
    const { domain } = genesis;
    const { n, head, previous } = receipt!;
    const bad = (what: string) => new Contradiction("badReceipt", `a receipt is wrong: ${what}`, evidence);
    if (receipt!.domain !== domain || receipt!.item !== itemHash(domain, item) || receipt!.auth !== authHash(auth))
      throw bad("it is of another item");
    const defect = receiptDefect(receipt!, signer);
    if (defect) throw bad(defect);
    if (n < notes.memory.verified.logCount && found !== n)
      throw new Contradiction("dropped", `entry ${n} of the proven log is not the item that has its receipt`, evidence);
    for (const other of notes.memory.items) {
      if (!other.receipt || other.receipt.item === receipt!.item) continue;
      const pair = { ...evidence, other: receiptJson(other.receipt) };
      if (other.receipt.n === n)
        throw new Contradiction("twoReceipts", `two items have a receipt for entry ${n} of the log`, pair);
      if (other.receipt.n + 1n === n && other.receipt.head !== previous)
        throw new Contradiction("badReceipt", `the receipts for entries ${n - 1n} and ${n} do not follow`, pair);
      if (n + 1n === other.receipt.n && head !== other.receipt.previous)
        throw new Contradiction("badReceipt", `the receipts for entries ${n} and ${n + 1n} do not follow`, pair);
    }
  }
}

function pathOf(item: Item): string {
  const paths = { order: "/orders", cancel: "/cancels", withdrawal: "/withdrawals" };
  return paths[decodeItem(item)!.kind];
}

/** 248 random bits. */
function randomSalt(): bigint {
  return BigInt(`0x${bytesToHex(crypto.getRandomValues(new Uint8Array(31)))}`);
}
