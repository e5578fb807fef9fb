import { bytesToHex } from "@noble/hashes/utils.js";
import type { Account } from "../protocol/account.ts";
import { publicKey, sign, type Point } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { authHash, decodeItem, itemHash, lastNonce, type Item } from "../protocol/item.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { max } from "../protocol/numbers.ts";
import { readAccount } from "../protocol/opening.ts";
import type { Verdict } from "../protocol/parameters.ts";
import { receiptDefect, type SignedReceipt } from "../protocol/receipt.ts";
import { itemJson, readReceipt, receiptJson, sessionJson, sessionMessage } from "../protocol/wire.ts";
import { clockDifference, type Api } from "./api.ts";
import { Contradiction, readVerdict } from "./knowledge.ts";
import type { Notes, SentItem } from "./notebook.ts";
import type { ClientTerms } from "./terms.ts";
import { Verdicts, type Foreseen } from "./verdicts.ts";

export interface SenderOptions {
  readonly api: Api;
  readonly genesis: GenesisFile;
  /** of receipts */
  readonly signer: string;
  readonly notes: Notes;
  readonly terms: ClientTerms;
  /** of the account's key; without it nothing can be signed */
  readonly secret?: Uint8Array;
  /** number of the account to use, where the key has several */
  readonly account?: number;
  /** told of each item that is sent again */
  readonly onResent?: (sent: SentItem) => void;
  /** told what became of an item, by asking: without a receipt it is forgotten, as it never arrived */
  readonly onRecalled?: (sent: SentItem) => void;
  /** seconds since 1970 */
  readonly now: () => bigint;
}

/** Makes the item of an account, a nonce and a salt. */
export type Make = (account: bigint, nonce: bigint, salt: bigint) => Item;

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
  "STANDBY",
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
  /** the account with all that was sent from it, once asked for: fills change it, and other programs with the same key */
  #account: Account | null = null;
  readonly #verdicts: Verdicts;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.key = options.secret ? publicKey(options.secret) : null;
    this.#verdicts = new Verdicts(options.genesis, () => options.terms.latest);
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

  /** Forgets how the account was: the notes are others now. */
  forget(): void {
    this.#account = null;
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
    const answer = asObject("session", await this.#login(sessionJson({ ...wanted, signature })));
    if (typeof answer.token !== "string") throw badFormat("session.token", "a text");
    const accounts = asList("session.accounts", answer.accounts);
    if (!accounts.every((index): index is number => Number.isSafeInteger(index) && (index as number) >= 0))
      throw badFormat("session.accounts", "numbers of accounts");
    api.token = answer.token;
    this.#expires = expires;
    this.accounts = accounts;
    await this.#chooseAccount();
  }

  async #login(request: unknown): Promise<unknown> {
    const { api } = this.#options;
    try {
      return await api.post("/session", request);
    } catch (error) {
      const difference = clockDifference(api.clockOffset);
      if (!(error instanceof TacitError) || error.code !== "OUT_OF_RANGE" || !difference) throw error;
      throw new TacitError("CLOCK", `${difference}: it gives no session so`, { offset: String(api.clockOffset) });
    }
  }

  /**
   * Which of the key's accounts is used: the one that was asked for, else the one with most cash, as anybody may open an account
   * for a key. Once and for all of this notebook as soon as it was asked for, or something is sent from it.
   * @throws NO_ACCOUNT, OTHER_ACCOUNT  when the one that was asked for is not the key's, or the notebook is of another
   */
  async #chooseAccount(): Promise<void> {
    const { api, genesis, notes, account: wanted } = this.#options;
    const { memory } = notes;
    const { index: used, settled } = memory;
    if (wanted !== undefined && this.accounts.length > 0 && !this.accounts.includes(wanted))
      throw new TacitError(
        "NO_ACCOUNT",
        `account ${wanted} is not of this key: expected one of ${this.accounts.join(", ")}`,
      );
    if (used !== null && settled) {
      if (wanted === undefined || wanted === used) return;
      const message = `the notebook is of account ${used}: account ${wanted} needs a copy of the key file, with a notebook of its own`;
      throw new TacitError("OTHER_ACCOUNT", message, { index: used });
    }
    const asked = this.accounts.filter((it) => wanted === undefined || it === wanted);
    // Of very many the first and the last.
    const candidates = [...new Set([...asked.slice(0, MOST_ACCOUNTS / 2), ...asked.slice(-MOST_ACCOUNTS / 2)])];
    let chosen: { index: number; cash: bigint; nonce: bigint } | undefined;
    for (const index of candidates) {
      const { cash, nonce } = asObject("account", await api.get(`/account?index=${index}`));
      const found = { index, cash: asInteger("account.cash", cash), nonce: asInteger("account.nonce", nonce) };
      if (!chosen || found.cash > chosen.cash) chosen = found;
    }
    if (!chosen) return;
    memory.settled = wanted !== undefined;
    if (chosen.index !== used) {
      // Where nothing was sent from it so far, all that will ever happen to it is known.
      const isNew = chosen.nonce === 0n && chosen.index >= genesis.accounts.length;
      const base = isNew ? { logCount: 0n, account: null } : null;
      Object.assign(memory, { index: chosen.index, fills: [], deposits: [], proved: null, base });
      notes.onReread();
    }
    await notes.keep();
  }

  /**
   * Makes an item, signs it, keeps it, sends it, and checks and keeps the receipt. What waits for an answer is sent again
   * before it, as its nonce would be spent after.
   * @param anyway  sends what the rules will reject too
   * @throws REJECTED  naming the verdict, before anything is signed;  CLOCK  when it would be too late
   */
  async send(make: Make, { anyway = false } = {}): Promise<SentItem> {
    const { genesis, secret, notes } = this.#options;
    // The first item settles which account is used: of those that there are by now.
    if (!notes.memory.settled) this.#expires = 0n;
    const index = await this.index();
    if (notes.memory.items.some(({ receipt }) => !receipt)) await this.resend();
    for (let tries = 1; ; tries++) {
      const item = await this.#make(make, index, anyway);
      const { R8x, R8y, S } = sign(secret!, itemHash(genesis.domain, item));
      // Kept before it is sent: whatever the venue does with it, it is known that it may have it.
      const { memory } = notes;
      const { settled } = memory;
      const sent: SentItem = { item, auth: { R8x, R8y, S }, receipt: null, verdict: null };
      memory.items.push(sent);
      memory.settled = true;
      await notes.keep().catch((error: unknown) => {
        // Not kept, it is not sent, now or later.
        memory.items.pop();
        memory.settled = settled;
        throw error;
      });
      try {
        return await this.#submit(sent, FIRST);
      } catch (error) {
        // Another program with this key may have used the nonce: once more, with the one that the venue knows of.
        if (tries === 2 || !(error instanceof TacitError && error.code === "DECLINED")) throw error;
      }
    }
  }

  /** What the rules say to an item as the account is now; nothing is signed. `reason` null of what they admit */
  async foresee(make: Make): Promise<Foreseen & { readonly verdict: Verdict; readonly reason: string | null }> {
    const index = await this.index();
    await this.#options.terms.updateFor(this.#venueTime);
    const account = await this.#ask(index);
    const decoded = decodeItem(make(BigInt(index), account.nonce + 1n, randomSalt()))!;
    const foreseen = { decoded, account, time: this.#venueTime };
    const verdict = this.#verdicts.of(foreseen);
    return { ...foreseen, verdict, reason: verdict === "admitted" ? null : this.#because(verdict, foreseen) };
  }

  async #make(make: Make, index: number, anyway: boolean): Promise<Item> {
    for (let fresh = !this.#account; ; fresh = true) {
      await this.#options.terms.updateFor(this.#venueTime);
      const account = fresh ? await this.#ask(index) : this.#account!;
      const item = make(BigInt(index), account.nonce + 1n, randomSalt());
      const foreseen = { decoded: decodeItem(item)!, account, time: this.#venueTime };
      const verdict = this.#verdicts.of(foreseen);
      if (anyway || verdict === "admitted") return item;
      // Perhaps it is not what it was any more.
      if (!fresh) continue;
      const difference = clockDifference(this.#options.api.clockOffset);
      if (verdict === "tooLate" && difference)
        throw new TacitError("CLOCK", `${difference}: it would be too late there`, { verdict });
      const reason = this.#because(verdict, foreseen);
      throw new TacitError("REJECTED", `not sent, as the rules reject it (${verdict}): ${reason}`, { verdict });
    }
  }

  /** Seconds since 1970, by the venue's clock. */
  get #venueTime(): bigint {
    return this.#options.now() + this.#options.api.clockOffset;
  }

  /** The account as the venue has it, with the nonces that were used here. */
  async #ask(index: number): Promise<Account> {
    const account = readAccount("account", await this.#options.api.get(`/account?index=${index}`));
    const own = this.#options.notes.memory.items.map(({ item }) => lastNonce(decodeItem(item)!));
    return (this.#account = { ...account, nonce: own.reduce(max, account.nonce) });
  }

  /** Why the rules have rejected an item: as its account is now. */
  async reason({ item, verdict }: SentItem): Promise<string> {
    const index = await this.index();
    return this.#because(verdict!, {
      decoded: decodeItem(item)!,
      account: await this.#ask(index),
      time: this.#venueTime,
    });
  }

  #because(...given: Parameters<Verdicts["reason"]>): string {
    const { toldInWords } = this.#options.terms;
    return this.#verdicts.reason(...given) + (toldInWords === null ? "" : ` (${toldInWords})`);
  }

  /**
   * Asks what became of items that were not answered, without sending them. What the venue does not have, and can admit no
   * more, is forgotten.
   */
  async recall(): Promise<void> {
    const { api, genesis, notes, signer, onRecalled } = this.#options;
    await this.index();
    for (const sent of notes.memory.items.filter(({ receipt }) => !receipt)) {
      const { account, nonce, validUntil } = decodeItem(sent.item)!.head;
      const answer = asObject("answer", await api.get(`/receipt?index=${account}&nonce=${nonce}`));
      const { found } = sent;
      if (answer.receipt === null) {
        if (found !== undefined) {
          const what = `entry ${found} of the proven log is an item of which the venue says that it has none`;
          throw new Contradiction("dropped", what, { item: itemJson(sent.item, sent.auth) });
        }
        if (this.#venueTime > validUntil) {
          await this.#forgetItem(sent);
          onRecalled?.(sent);
        }
        continue;
      }
      const receipt = readReceipt(answer.receipt);
      const verdict = readVerdict(answer.verdict);
      if (receipt.item === itemHash(genesis.domain, sent.item)) {
        const taken = await this.#take(sent, receipt, verdict);
        onRecalled?.(taken);
        continue;
      }
      // Another item has the nonce, so that this one never arrived: of another program with this key, or one given up before.
      const evidence = { receipt: receiptJson(receipt), item: itemJson(sent.item, sent.auth) };
      const defect = receipt.domain === genesis.domain ? receiptDefect(receipt, signer) : "it is of another venue";
      if (defect) throw new Contradiction("badReceipt", `a receipt is wrong: ${defect}`, evidence);
      if (found !== undefined)
        throw new Contradiction("dropped", `entry ${found} of the proven log has a nonce of which another receipt was given`, evidence); // prettier-ignore
      await this.#forgetItem(sent);
      onRecalled?.(sent);
      const given = notes.memory.refused.find(({ item }) => itemHash(genesis.domain, item) === receipt.item);
      if (!given) continue;
      notes.memory.refused.splice(notes.memory.refused.indexOf(given), 1);
      notes.memory.items.push(given);
      await this.#take(given, receipt, verdict);
    }
    this.#account = null;
  }

  /**
   * Sends again what was not answered, the first first; what came too late for that is forgotten.
   * @returns what has an answer now
   */
  async resend(): Promise<SentItem[]> {
    const { memory } = this.#options.notes;
    const waiting = memory.items.filter(({ receipt }) => !receipt).map(({ item }) => item);
    await this.recall();
    const known = (item: Item) => memory.items.find((sent) => sent.item === item);
    for (const item of waiting) {
      const sent = known(item);
      if (!sent || sent.receipt) continue;
      try {
        const answered = await this.#submit(sent);
        this.#options.onResent?.(answered);
      } catch (error) {
        // It never arrived, and its nonce is spent: that is known now.
        if (!(error instanceof TacitError && error.code === "DECLINED")) throw error;
        this.#options.onRecalled?.(sent);
      }
    }
    return waiting.flatMap((item) => known(item) ?? []);
  }

  /**
   * Gives up an item that was not answered.
   * @throws NO_ITEM  when none of this nonce waits;  TAKEN  when the venue has it
   */
  async drop(nonce: bigint): Promise<void> {
    const { memory } = this.#options.notes;
    const waits = () =>
      memory.items.find(({ item, receipt }) => !receipt && decodeItem(item)!.head.nonce === nonce) ?? null;
    if (!waits()) throw new TacitError("NO_ITEM", `nothing of nonce ${nonce} waits for an answer`);
    await this.recall();
    const sent = waits();
    if (sent) return this.#forgetItem(sent);
    const taken = memory.items.find(({ item, receipt }) => receipt && decodeItem(item)!.head.nonce === nonce);
    if (taken) throw new TacitError("TAKEN", `the venue has it, as entry ${taken.receipt!.n} of its log: cancel it`);
  }

  /** An item that never arrived, or will come to nothing: should it stand in the log all the same, it is known. */
  async #forgetItem({ item, auth, receipt, verdict }: SentItem): Promise<void> {
    const { notes } = this.#options;
    const { memory } = notes;
    memory.items = memory.items.filter((known) => known.item !== item);
    memory.refused.push({ item, auth, receipt, verdict });
    memory.refused.splice(0, memory.refused.length - REFUSED);
    this.#account = null;
    await notes.keep();
  }

  /**
   * Sends what is kept, and checks and keeps the receipt.
   * @param refusals  codes by which the venue says that the item is in no log, so that its nonce is free again. Being busy says
   * nothing of a time before; a venue that stops may have written it
   */
  async #submit(sent: SentItem, refusals: readonly string[] = AGAIN): Promise<SentItem> {
    const { api } = this.#options;
    const { item, auth } = sent;
    let answer;
    try {
      answer = asObject("answer", await api.post(pathOf(item), itemJson(item, auth)));
    } catch (error) {
      this.#account = null;
      if (error instanceof TacitError && refusals.includes(error.code)) await this.#forgetItem(sent);
      throw error;
    }
    return this.#take(sent, readReceipt(answer.receipt), readVerdict(answer.verdict));
  }

  /** Takes an answer to what was sent. @throws Contradiction */
  async #take({ item, auth, found }: SentItem, receipt: SignedReceipt, verdict: Verdict | null): Promise<SentItem> {
    const { notes } = this.#options;
    const { memory } = notes;
    const sent: SentItem = { item, auth, receipt, verdict, ...(found === undefined ? {} : { found }) };
    const at = memory.items.findIndex((known) => known.item === item);
    memory.items[at] = { ...sent, verdict: verdict ?? memory.items[at].verdict };
    const foreseen = { decoded: decodeItem(item)!, account: this.#account! };
    this.#account = this.#account && verdict && this.#verdicts.after(verdict, foreseen);
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
  #checkReceipt({ item, auth, receipt, verdict, found }: SentItem): void {
    const evidence = { receipt: receiptJson(receipt!), item: itemJson(item, auth) };
    const { genesis, signer, notes } = this.#options;
    const { domain } = genesis;
    const { n, head, previous } = receipt!;
    const bad = (what: string) => new Contradiction("badReceipt", `a receipt is wrong: ${what}`, evidence);
    if (receipt!.domain !== domain || receipt!.item !== itemHash(domain, item) || receipt!.auth !== authHash(auth))
      throw bad("it is of another item");
    const defect = receiptDefect(receipt!, signer);
    if (defect) throw bad(defect);
    // Such items have no effect, and are declined.
    if (verdict === "malformed" || verdict === "unsigned" || verdict === "nonce")
      throw bad(`it comes with the verdict ${verdict}, of which no item is in the log`);
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
  const paths = { order: "/orders", quotes: "/quotes", cancel: "/cancels", withdrawal: "/withdrawals" };
  return paths[decodeItem(item)!.kind];
}

/** 248 random bits. */
function randomSalt(): bigint {
  return BigInt(`0x${bytesToHex(crypto.getRandomValues(new Uint8Array(31)))}`);
}
