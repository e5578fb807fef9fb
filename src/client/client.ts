import { bytesToHex } from "@noble/hashes/utils.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { openAccount, viewKey, type Account } from "../protocol/account.ts";
import { depositKey, publicKey, secretScalar, sharedX, sign, type Point } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import { parseGenesis, type GenesisFile } from "../protocol/genesis.ts";
import {
  authHash,
  cancelItem,
  chainHeads,
  decodeItem,
  itemHash,
  orderItem,
  withdrawalItem,
  type Auth,
  type Item,
  type OrderFields,
} from "../protocol/item.ts";
import { pricesRoot, rulesRoot } from "../protocol/market.ts";
import { asInteger, asList, asObject, badFormat, toJson } from "../protocol/json.ts";
import { openingWord, readAccount, readOpening } from "../protocol/opening.ts";
import { SIDE, type Verdict } from "../protocol/parameters.ts";
import { receiptDefect, type SignedReceipt } from "../protocol/receipt.ts";
import { itemJson, readItem, readReceipt, receiptJson, sessionJson, sessionMessage } from "../protocol/wire.ts";
import { readRounds, segmentDefect, verifyRound, type VerifyingKeys, NO_LAG_LIMIT } from "../verifier/index.ts";
import { Api, type Fetch } from "./api.ts";
import {
  accountDifferences,
  Contradiction,
  Knowledge,
  readFill,
  readVerdict,
  UnknownItem,
  type Entry,
  type ToldFill,
} from "./knowledge.ts";

/** Where a client keeps what it knows: one text by name. It holds orders and receipts, and no key. */
export interface Notebook {
  read(): Promise<string | null>;
  /** @throws when it could not be kept: then nothing is sent */
  write(text: string): Promise<void>;
  /** Runs while no other client has the notebook, where several may. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>;
}

/** A notebook that is gone with the process. */
export function memoryNotebook(): Notebook {
  let kept: string | null = null;
  return {
    read: async () => kept,
    write: async (text) => void (kept = text),
  };
}

export interface ClientOptions {
  readonly url: string;
  /** verification keys of a profile that are trusted: those that come with this program, or with the contract */
  readonly keysOf: (profile: string) => VerifyingKeys | Promise<VerifyingKeys>;
  readonly notebook?: Notebook;
  /** of the account's key, 32 bytes; without it a client only follows rounds */
  readonly secret?: Uint8Array;
  readonly fetch?: Fetch;
  readonly now?: () => bigint;
}

/** An item that was signed, with what the venue has said to it. */
export interface SentItem {
  readonly item: Item;
  readonly auth: Auth;
  /** null: sent, and not answered so far */
  readonly receipt: SignedReceipt | null;
  readonly verdict: Verdict | null;
  /** its place in the proven log, where it was found before there was a receipt */
  readonly found?: bigint;
}

/** How far the log is proved, as this client has verified. */
export interface Verified {
  /** 0: none yet */
  readonly round: number;
  readonly state: bigint;
  readonly logCount: bigint;
  readonly head: bigint;
  /** seconds since 1970, of the last entry */
  readonly time: bigint;
}

/** An account as it was proved. */
export interface ProvedAccount {
  readonly round: number;
  readonly logCount: bigint;
  readonly account: Account;
  /** whether it is what this client had computed itself: false where it does not know all that has happened to it */
  readonly recomputed: boolean;
}

/** An account as the venue reports it, in cash units. */
export interface ReportedAccount extends Account {
  /** at the mark, and in the worst scenario */
  readonly equity: bigint;
  readonly worst: bigint;
  /** worst less reserved */
  readonly free: bigint;
}

interface Memory {
  /** SHA-256 of the genesis, first state and signer: what must never change */
  pin: string;
  index: number | null;
  items: SentItem[];
  fills: ToldFill[];
  deposits: { n: number; amount: bigint }[];
  verified: Verified;
  proved: ProvedAccount | null;
  /** from where on all that concerns the account is known: without open orders; account null: it was not there yet */
  base: { logCount: bigint; account: Account | null } | null;
  /** nonces of own items that never arrived */
  skipped: bigint[];
  /** items that the venue has turned away, or never had: should one stand in the log all the same, it is known */
  refused: SentItem[];
  contradictions: { kind: string; message: string; evidence: string }[];
}

/** Codes of a first answer, and of one to something sent before, by which an item is in no log. */
const FIRST = ["DECLINED", "FORMAT", "OUT_OF_RANGE", "FORBIDDEN", "WRONG_KIND", "RATE_LIMITED", "BUSY", "UNAUTHORISED"];
const AGAIN = ["DECLINED"];
/** States of rounds that are kept at hand. */
const STATES = 256;
/** Items that the venue has turned away, of late. */
const REFUSED = 256;
/** Seconds for which a session is asked. */
const SESSION = 1800n;
const PAGE = 200;

/**
 * A trader's side of a venue, that trusts it with nothing but secrecy and being there. It keeps and checks each receipt,
 * verifies each round, finds its own items in the proven log, and recomputes its own account, which must be the proved one.
 * What cannot be true is thrown as a Contradiction, and kept with its evidence.
 */
export class Client {
  readonly api: Api;
  readonly genesis: GenesisFile;
  readonly signer: string;
  /** as the service describes the venue */
  readonly venue: Readonly<Record<string, unknown>>;
  readonly key: Point | null;
  readonly #options: ClientOptions;
  /** read when the first round is to be verified */
  #keys: VerifyingKeys | null = null;
  readonly #notebook: Notebook;
  #memory: Memory;
  /** the notebook as it was read or written last */
  #kept: string | null;
  /** states that verified rounds of late have left, by number */
  readonly #states = new Map<number, { state: bigint; logCount: bigint }>();
  #busy: Promise<unknown> = Promise.resolve();
  #expires = 0n;
  /** the last nonce used, once asked for: another program may trade with the same key */
  #lastNonce: bigint | null = null;
  /** what is known up to an entry of the log */
  #knowledge: { it: Knowledge; to: bigint } | null = null;

  /**
   * @throws UNREACHABLE, BAD_ANSWER, FORMAT, GENESIS
   * @throws Contradiction "otherVenue"  when the notebook is of a venue with another genesis, first state or signer
   */
  static async open(options: ClientOptions): Promise<Client> {
    const api = new Api(options.url, { fetch: options.fetch });
    const venue = asObject("venue", await api.get("/venue"));
    const genesis = parseGenesis(venue.genesis);
    const state = asInteger("venue.genesisState", venue.genesisState);
    const { signer } = venue;
    if (typeof signer !== "string" || !/^0x[0-9a-f]{40}$/.test(signer)) throw badFormat("venue.signer", "an address");
    const pin = bytesToHex(sha256(new TextEncoder().encode(toJson([genesis, state, signer]))));
    const notebook = options.notebook ?? memoryNotebook();
    const kept = await notebook.read();
    const memory = kept === null ? freshMemory(pin, state, genesis) : readMemory(kept);
    if (memory.pin !== pin)
      throw new Contradiction(
        "otherVenue",
        "its genesis, first state or signer is not the one of the notebook: if it is another venue, use another notebook",
      );
    return new Client(options, { api, genesis, signer, venue, notebook, kept, memory });
  }

  private constructor(
    options: ClientOptions,
    parts: {
      api: Api;
      genesis: GenesisFile;
      signer: string;
      venue: Record<string, unknown>;
      notebook: Notebook;
      kept: string | null;
      memory: Memory;
    },
  ) {
    this.#options = options;
    this.api = parts.api;
    this.genesis = parts.genesis;
    this.signer = parts.signer;
    this.venue = parts.venue;
    this.#notebook = parts.notebook;
    this.#memory = parts.memory;
    this.#kept = parts.kept;
    this.#remember();
    this.key = options.secret ? publicKey(options.secret) : null;
    if (this.key) this.api.renew = () => this.#session();
  }

  get verified(): Verified {
    return this.#memory.verified;
  }

  /** The account as last proved, once `sync` has seen it. */
  get proved(): ProvedAccount | null {
    return this.#memory.proved;
  }

  get index(): number | null {
    return this.#memory.index;
  }

  get items(): readonly SentItem[] {
    return this.#memory.items;
  }

  /** All contradictions found so far. */
  get contradictions(): readonly { kind: string; message: string; evidence: string }[] {
    return this.#memory.contradictions;
  }

  /** The key to deposit to: K' of the contract. */
  get depositKey(): Point {
    return depositKey(this.#requireKey());
  }

  /** Signs an order, keeps it, sends it, and checks and keeps the receipt. `nonce` and `salt` are chosen. */
  async order(
    order: Omit<OrderFields, "account" | "nonce" | "salt" | "side" | "validUntil" | "expiry"> & {
      side: keyof typeof SIDE;
      validUntil?: bigint;
      expiry?: bigint;
    },
  ): Promise<SentItem> {
    const { validUntil = this.#soon(), expiry = this.#now() + 86_400n } = order;
    return this.#send("/orders", (account, nonce, salt) =>
      orderItem({ ...order, side: SIDE[order.side], validUntil, expiry, account, nonce, salt }),
    );
  }

  /** Cancels the order of this nonce, or all orders in the market so far. */
  async cancel({ market, target }: { market: bigint; target?: bigint }): Promise<SentItem> {
    return this.#send("/cancels", (account, nonce, salt) =>
      cancelItem({
        market,
        account,
        nonce,
        salt,
        validUntil: this.#soon(),
        ...(target === undefined ? {} : { target }),
      }),
    );
  }

  /** Withdraws cash to an address of the chain. */
  async withdraw({ recipient, amount }: { recipient: bigint; amount: bigint }): Promise<SentItem> {
    return this.#send("/withdrawals", (account, nonce, salt) =>
      withdrawalItem({ account, nonce, recipient, amount, validUntil: this.#soon(), salt }),
    );
  }

  /** Sends again what was not answered: the venue answers what it has with the receipt that it gave then. */
  async resend(): Promise<SentItem[]> {
    return this.#alone(async () => {
      const done: SentItem[] = [];
      for (const sent of this.#memory.items.filter(({ receipt }) => !receipt))
        done.push(await this.#submit(this.#memory.items.indexOf(sent), pathOf(sent.item)));
      return done;
    });
  }

  /** Number of the account of the key, or null if the venue has none so far. */
  async login(): Promise<number | null> {
    return this.#alone(async () => {
      await this.#session();
      return this.#memory.index;
    });
  }

  /** The account as the venue reports it, of now: checked by `sync` once it is proved. */
  async account(): Promise<ReportedAccount> {
    return this.#alone(async () => {
      await this.#session();
      const json = asObject("account", await this.api.get(`/account?index=${this.#requireIndex()}`));
      const [equity, worst, free] = ["equity", "worst", "free"].map((name) => asInteger(`account.${name}`, json[name]));
      return { ...readAccount("account", json), equity, worst, free };
    });
  }

  /** What was booked to the account after an entry of the log, as the venue reports it. */
  async history(after = -1, limit = PAGE): Promise<unknown[]> {
    return this.#alone(async () => {
      await this.#session();
      const path = `/history?index=${this.#requireIndex()}&after=${after}&limit=${limit}`;
      return asList("entries", asObject("history", await this.api.get(path)).entries);
    });
  }

  /** Open orders as the venue reports them. */
  async openOrders(): Promise<unknown[]> {
    return this.#alone(async () => {
      await this.#session();
      const { orders } = asObject("orders", await this.api.get(`/orders?index=${this.#requireIndex()}`));
      return asList("orders", orders);
    });
  }

  /**
   * Verifies all rounds that are proved since the last time, that the log is as long as it is known to have been, and the
   * own account in the state that the rounds lead to.
   * @returns how far it came
   * @throws Contradiction, kept and thrown again by no later call
   */
  async sync(onRound: (verified: Verified) => void = () => {}): Promise<Verified> {
    return this.#alone(async () => {
      try {
        while (await this.#nextRound()) onRound(this.verified);
        await this.#checkLength();
        if (this.key) await this.#checkAccount();
      } catch (error) {
        if (error instanceof Contradiction) await this.#shout(error);
        throw error;
      }
      return this.verified;
    });
  }

  // Sending.

  #now(): bigint {
    return this.#options.now?.() ?? BigInt(Math.floor(Date.now() / 1000));
  }

  #soon(): bigint {
    return this.#now() + 60n;
  }

  #requireKey(): Point {
    if (!this.key) throw new TacitError("NO_KEY", "this client has no key: it can only follow rounds");
    return this.key;
  }

  #requireIndex(): number {
    if (this.#memory.index === null)
      throw new TacitError("NO_ACCOUNT", "the venue has no account of this key so far: deposit first");
    return this.#memory.index;
  }

  /** One thing at a time, so that nonces rise and nothing that is kept is overwritten. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const { exclusive } = this.#notebook;
    const run = () => (exclusive ? exclusive.call(this.#notebook, () => this.#reread().then(work)) : work());
    const next = this.#busy.then(run, run) as Promise<T>;
    this.#busy = next.catch(() => {});
    return next;
  }

  /** Takes over what another client has written into the notebook. */
  async #reread(): Promise<void> {
    const text = await this.#notebook.read();
    if (text === null || text === this.#kept) return;
    this.#memory = readMemory(text);
    this.#kept = text;
    this.#knowledge = null;
    this.#lastNonce = null;
    this.#remember();
  }

  #remember(): void {
    const { round, state, logCount } = this.#memory.verified;
    this.#states.set(round, { state, logCount });
    if (this.#states.size > STATES) this.#states.delete(this.#states.keys().next().value!);
  }

  /** Logs in, unless a session is good for a while yet, and learns the number of the account. */
  async #session(): Promise<void> {
    const key = this.#requireKey();
    const now = this.#now();
    if (this.api.token && now + 60n < this.#expires && this.#memory.index !== null) return;
    const expires = now + SESSION;
    const wanted = { host: new URL(this.api.url).host, key, expires };
    const signature = sign(this.#options.secret!, sessionMessage(this.genesis.domain, wanted));
    const answer = asObject("session", await this.api.post("/session", sessionJson({ ...wanted, signature })));
    if (typeof answer.token !== "string") throw badFormat("session.token", "a text");
    const [first] = asList("session.accounts", answer.accounts);
    if (first !== undefined && (typeof first !== "number" || !Number.isSafeInteger(first) || first < 0))
      throw badFormat("session.accounts", "numbers of accounts");
    this.api.token = answer.token;
    this.#expires = expires;
    if (this.#memory.index === null && first !== undefined) {
      this.#memory.index = first as number;
      const { nonce } = asObject("account", await this.api.get(`/account?index=${first}`));
      // Nothing was sent from it so far: all that will ever happen to it is known.
      if (
        asInteger("account.nonce", nonce) === 0n &&
        this.#memory.items.length === 0 &&
        (first as number) >= this.genesis.accounts.length
      )
        this.#memory.base = { logCount: 0n, account: null };
      await this.#keep();
    }
  }

  #send(path: string, make: (account: bigint, nonce: bigint, salt: bigint) => Item): Promise<SentItem> {
    return this.#alone(async () => {
      await this.#session();
      const index = this.#requireIndex();
      for (let tries = 1; ; tries++) {
        const item = make(BigInt(index), await this.#nextNonce(index), randomSalt());
        const { R8x, R8y, S } = sign(this.#options.secret!, itemHash(this.genesis.domain, item));
        // Kept before it is sent: whatever the venue does with it, it is known that it may have it.
        this.#memory.items.push({ item, auth: { R8x, R8y, S }, receipt: null, verdict: null });
        this.#lastNonce = decodeItem(item)!.head.nonce;
        await this.#keep();
        try {
          return await this.#submit(this.#memory.items.length - 1, path, FIRST);
        } catch (error) {
          // Another program with this key may have used the nonce: once more, with the one that the venue knows of.
          if (tries === 2 || !(error instanceof TacitError && error.code === "DECLINED")) throw error;
        }
      }
    });
  }

  async #nextNonce(index: number): Promise<bigint> {
    if (this.#lastNonce === null) {
      const { nonce } = asObject("account", await this.api.get(`/account?index=${index}`));
      const own = this.#memory.items.map(({ item }) => decodeItem(item)!.head.nonce);
      this.#lastNonce = own.reduce((a, b) => (a > b ? a : b), asInteger("account.nonce", nonce));
    }
    return this.#lastNonce + 1n;
  }

  /**
   * @param refusals  codes by which the venue says that the item is in no log, so that its nonce is free again. Being busy says
   * nothing of a time before; a venue that stops may have written it
   */
  async #submit(at: number, path: string, refusals: readonly string[] = AGAIN): Promise<SentItem> {
    const { item, auth, found } = this.#memory.items[at];
    let answer;
    try {
      answer = asObject("answer", await this.api.post(path, itemJson(item, auth)));
    } catch (error) {
      this.#lastNonce = null;
      if (error instanceof TacitError && refusals.includes(error.code) && !this.#memory.items[at].receipt) {
        this.#memory.refused.push(...this.#memory.items.splice(at, 1));
        this.#memory.refused.splice(0, this.#memory.refused.length - REFUSED);
        // Sent before, it never arrived: a gap that this leaves among the nonces is of our own making. Declined at first, its
        // nonce has perhaps been used by another program with this key.
        if (refusals === AGAIN) this.#memory.skipped.push(decodeItem(item)!.head.nonce);
        await this.#keep();
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
    this.#memory.items[at] = { ...sent, verdict: sent.verdict ?? this.#memory.items[at].verdict };
    await this.#keep();
    try {
      this.#checkReceipt(sent);
    } catch (error) {
      await this.#shout(error as Contradiction);
      throw error;
    }
    return sent;
  }

  // Checking.

  /** A receipt against its item, its signature, the other receipts and the proven log. */
  #checkReceipt({ item, auth, receipt, found }: SentItem): void {
    const evidence = { receipt: receiptJson(receipt!), item: itemJson(item, auth) };
    const { domain } = this.genesis;
    const { n, head, previous } = receipt!;
    const bad = (what: string) => new Contradiction("badReceipt", `a receipt is wrong: ${what}`, evidence);
    if (receipt!.domain !== domain || receipt!.item !== itemHash(domain, item) || receipt!.auth !== authHash(auth))
      throw bad("it is of another item");
    const defect = receiptDefect(receipt!, this.signer);
    if (defect) throw bad(defect);
    if (n < this.verified.logCount && found !== n)
      throw new Contradiction("dropped", `entry ${n} of the proven log is not the item that has its receipt`, evidence);
    for (const other of this.#memory.items) {
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

  /** Fetches and verifies the round after the last one. @returns whether there was one */
  async #nextRound(): Promise<boolean> {
    const { verified } = this;
    const number = verified.round + 1;
    const file = await this.api.find(`/rounds/${number}`);
    if (file === null) return false;
    const refuse = (what: string) => new Contradiction("roundRefused", `round ${number} is refused: ${what}`);
    let claim;
    try {
      [claim] = readRounds(file);
    } catch (error) {
      throw refuse((error as Error).message);
    }
    const { segment } = claim;
    if (!segment || claim.number !== number) throw refuse("it is none of a venue, or has another number");
    const result = verifyRound(
      {
        domain: this.genesis.domain,
        state: verified.state,
        keys: (this.#keys ??= await this.#options.keysOf(this.genesis.profile)),
        maxLag: NO_LAG_LIMIT,
        lastTime: verified.time,
        lastLogCount: verified.logCount,
      },
      claim,
      // Their age says nothing here, and a clock that is wrong may be ours.
      { now: NO_LAG_LIMIT },
    );
    if (!result.ok) throw refuse(result.message);
    const logDiffers = (what: string) => new Contradiction("logDiffers", `the log of round ${number}: ${what}`);
    if (segment.logCount !== verified.logCount || segment.head !== verified.head)
      throw logDiffers("it does not begin where the last one ended");
    const heads = chainHeads(segment.head, segment.entries);
    const defect = segmentDefect(segment, claim.instructions, heads);
    if (defect) throw logDiffers(defect);
    /** Place in the log of what was sent and has no receipt. */
    const placeOf = ({ item, auth }: SentItem): { found?: bigint } => {
      const [hash, signature] = [itemHash(this.genesis.domain, item), authHash(auth)];
      const at = segment.entries.findIndex((entry) => entry.item === hash && entry.auth === signature);
      return at < 0 ? {} : { found: segment.logCount + BigInt(at) };
    };
    const memory = this.#memory;
    const taken = memory.refused.map((sent) => ({ ...sent, ...placeOf(sent) }));
    memory.items.push(...taken.filter(({ found }) => found !== undefined));
    memory.refused = taken.filter(({ found }) => found === undefined);
    for (const [i, sent] of memory.items.entries()) {
      const { item, auth, receipt } = sent;
      if (!receipt) {
        memory.items[i] = { ...sent, ...placeOf(sent) };
        continue;
      }
      if (receipt.n < segment.logCount || receipt.n >= result.logCount) continue;
      const at = Number(receipt.n - segment.logCount);
      const entry = segment.entries[at];
      const same = entry.item === receipt.item && entry.auth === receipt.auth && entry.time === receipt.time;
      // The head binds all that came before: a receipt over another history is one for another log.
      if (same && heads[at] === receipt.head) continue;
      const what = same ? "follows another history than its receipt" : "is not the item that has its receipt";
      throw new Contradiction("dropped", `entry ${receipt.n} of the proven log ${what}`, {
        receipt: receiptJson(receipt),
        item: itemJson(item, auth),
        proved: [entry.item, entry.auth, entry.time, heads[at]].map(String),
        round: number,
      });
    }
    const { stateAfter: state, logCount, time } = result;
    this.#memory.verified = { round: number, state, logCount, head: heads.at(-1) ?? segment.head, time };
    this.#remember();
    await this.#keep();
    return true;
  }

  /** The log only grows: what is proved, or has a receipt, is in it as long as the venue lives. */
  async #checkLength(): Promise<void> {
    const { items, verified } = this.#memory;
    const receipts = items.flatMap(({ receipt }) => receipt ?? []);
    const last = receipts.reduce<SignedReceipt | null>((a, b) => (a && a.n > b.n ? a : b), null);
    const known = last && last.n >= verified.logCount ? last.n + 1n : verified.logCount;
    const { logCount } = asObject("health", await this.api.health());
    if (typeof logCount !== "number" || !Number.isSafeInteger(logCount))
      throw badFormat("health.logCount", "an integer");
    if (BigInt(logCount) >= known) return;
    const what = `its log has ${logCount} entries now, of ${known} that are proved or have its receipts`;
    const evidence = { logCount, round: verified.round, ...(last ? { receipt: receiptJson(last) } : {}) };
    throw new Contradiction("dropped", what, evidence);
  }

  /** The own account in the last proven state, compared with what it ought to be. */
  async #checkAccount(): Promise<void> {
    await this.#session();
    const { index } = this.#memory;
    if (index === null) return;
    // What was sent and not answered may be in the log: without the answer the account cannot be computed.
    for (const [i, sent] of [...this.#memory.items.entries()].reverse())
      if (!sent.receipt)
        await this.#submit(i, pathOf(sent.item)).catch((error: unknown) => {
          // It never arrived: that is known now, and forgotten.
          if (!(error instanceof TacitError && error.code === "DECLINED")) throw error;
        });
    const json = await this.api.find(`/opening?index=${index}`);
    if (json === null) return;
    const answer = asObject("opening", json);
    const round = Number(answer.round);
    // One that was proved since.
    while (round > this.verified.round && (await this.#nextRound()));
    const known = this.#states.get(round);
    // An old one, of a venue that has just started: `proved` says how far behind it is.
    if (!known || known.logCount < (this.#knowledge?.to ?? 0n)) return;
    const { state, logCount } = known;
    const opening = readOpening(answer.opening);
    const wrong = (what: string, evidence = {}) =>
      new Contradiction("account", `the account in round ${round}: ${what}`, {
        round,
        opening: answer.opening,
        ...evidence,
      });
    if (openingWord(opening) !== state) throw wrong("it does not stand in the proven state");
    const { rules, prices } = opening.registers;
    if (rules !== rulesRoot(this.genesis.rules) || prices !== pricesRoot(this.genesis.prices))
      throw wrong("the proven state has other rules or prices than the genesis that is shown");
    const { account } = opening;
    const key = this.#requireKey();
    const view = viewKey(sharedX(secretScalar(this.#options.secret!), this.#operatorKey()), index);
    if (opening.index !== index || account.keyX !== key.x || account.keyY !== key.y || account.view !== view)
      throw wrong("it is not of this key");
    await this.#readHistory(index, logCount);
    let expected = null;
    try {
      expected = this.#expect(openAccount({ keyX: key.x, keyY: key.y, view }), logCount);
      if (expected && account.nonce > expected.nonce) throw new UnknownItem(account.nonce);
    } catch (error) {
      if (!(error instanceof UnknownItem)) throw error;
      // That nonce is proved to have been signed for: another program trades with this key. Else it is made up.
      if (account.nonce < error.nonce)
        throw new Contradiction("fill", `a fill is of order ${error.nonce}, which this key has never signed`);
      expected = this.#memory.base = null;
    }
    if (expected) {
      const differs = accountDifferences(expected, account);
      if (differs.length > 0)
        throw wrong(`${differs.join(", ")} proved otherwise than told`, { expected: toJson(expected) });
    } else if (account.open === 0n) {
      this.#memory.base = { logCount, account };
      this.#knowledge = null;
    }
    this.#memory.proved = { round, logCount, account, recomputed: expected !== null };
    await this.#keep();
  }

  #operatorKey(): Point {
    const { operatorKeyX: x, operatorKeyY: y } = this.genesis.rules.group;
    return { x, y };
  }

  /** Fills and deposits that the venue tells of, up to an entry of the log. A page has all of each position. */
  async #readHistory(index: number, upTo: bigint): Promise<void> {
    const last = Math.max(-1, ...this.#memory.fills.map(({ n }) => n), ...this.#memory.deposits.map(({ n }) => n));
    for (let after = last; ;) {
      const path = `/history?index=${index}&after=${after}&limit=${PAGE}`;
      const { entries } = asObject("history", await this.api.get(path));
      const page = asList("history.entries", entries);
      for (const entry of page) {
        const { kind, n, amount } = asObject("history.entries", entry);
        if (typeof n !== "number" || n <= last || n < after) throw badFormat("history.entries", "rising positions");
        // What is not proved yet is read again later.
        if (BigInt(n) >= upTo) return;
        if (kind === "deposit") this.#memory.deposits.push({ n, amount: asInteger("deposit.amount", amount) });
        else this.#memory.fills.push(readFill(entry));
        after = n;
      }
      if (page.length < PAGE) return;
    }
  }

  /**
   * The account that own knowledge comes to at an entry of the log; null where not all of it is known.
   * @param opened  the account as it is when it is opened
   * @throws Contradiction "fill", UnknownItem
   */
  #expect(opened: Account, to: bigint): Account | null {
    const { base, items, fills, deposits } = this.#memory;
    if (!base || base.logCount > to) return null;
    this.#knowledge ??= {
      it: new Knowledge(this.genesis, base.account ?? opened, {
        opened: base.account !== null,
        skipped: this.#memory.skipped,
      }),
      to: base.logCount,
    };
    const known = this.#knowledge;
    const within = (n: number | bigint) => BigInt(n) >= known.to && BigInt(n) < to;
    const entries: Entry[] = [
      ...fills.filter(({ n }) => within(n)).map((fill) => ({ kind: "fill", n: fill.n, fill }) as const),
      ...deposits.filter(({ n }) => within(n)).map((deposit) => ({ kind: "deposit", ...deposit }) as const),
    ];
    for (const { item, receipt, verdict } of items) {
      if (!receipt || !within(receipt.n)) continue;
      if (verdict === null) {
        // The venue has forgotten what it said: begin anew where the account has no open orders.
        this.#memory.base = null;
        return null;
      }
      entries.push({ kind: "item", n: Number(receipt.n), item, verdict });
    }
    for (const entry of entries.sort((a, b) => a.n - b.n)) known.it.apply(entry);
    known.to = to;
    return known.it.account;
  }

  async #shout(error: Contradiction): Promise<void> {
    const { kind, message, details } = error;
    if (!this.#memory.contradictions.some((known) => known.message === message))
      this.#memory.contradictions.push({ kind, message, evidence: toJson(details) });
    await this.#keep();
  }

  async #keep(): Promise<void> {
    const text = toJson(this.#memory);
    await this.#notebook.write(text);
    this.#kept = text;
  }
}

function freshMemory(pin: string, state: bigint, genesis: GenesisFile): Memory {
  const verified = { round: 0, state, logCount: 0n, head: 0n, time: genesis.time };
  return {
    pin,
    index: null,
    items: [],
    fills: [],
    deposits: [],
    verified,
    proved: null,
    base: null,
    skipped: [],
    refused: [],
    contradictions: [],
  };
}

/** @throws NOTEBOOK when it is not what a client wrote */
function readMemory(text: string): Memory {
  try {
    const json = asObject("notebook", JSON.parse(text));
    const verified = asObject("verified", json.verified);
    const [state, logCount, head, time] = ["state", "logCount", "head", "time"].map((name) =>
      asInteger(name, verified[name]),
    );
    const account = (it: unknown) => (it === null ? null : readAccount("account", it));
    const base = json.base === null ? null : asObject("base", json.base);
    const proved = json.proved === null ? null : asObject("proved", json.proved);
    return {
      pin: json.pin as string,
      index: json.index as number | null,
      items: asList("items", json.items).map(readSent),
      refused: asList("refused", json.refused).map(readSent),
      fills: asList("fills", json.fills).map(readFill),
      deposits: asList("deposits", json.deposits).map((entry) => {
        const { n, amount } = asObject("deposits", entry);
        return { n: n as number, amount: asInteger("amount", amount) };
      }),
      verified: { round: verified.round as number, state, logCount, head, time },
      proved: proved && {
        round: proved.round as number,
        logCount: asInteger("logCount", proved.logCount),
        account: account(proved.account)!,
        recomputed: proved.recomputed as boolean,
      },
      base: base && { logCount: asInteger("logCount", base.logCount), account: account(base.account) },
      skipped: asList("skipped", json.skipped).map((nonce) => asInteger("skipped", nonce)),
      contradictions: json.contradictions as Memory["contradictions"],
    };
  } catch {
    throw new TacitError("NOTEBOOK", "the notebook is not what a client of this version wrote");
  }
}

function readSent(json: unknown): SentItem {
  const { item, auth, receipt, verdict, found } = asObject("items", json);
  return {
    ...readItem({ ...(item as object), ...(auth as object) }),
    receipt: receipt === null ? null : readReceipt(receipt),
    verdict: readVerdict(verdict),
    ...(found === undefined ? {} : { found: asInteger("found", found) }),
  };
}

function pathOf(item: Item): string {
  const paths = { order: "/orders", cancel: "/cancels", withdrawal: "/withdrawals" };
  return paths[decodeItem(item)!.kind];
}

/** 248 random bits. */
function randomSalt(): bigint {
  return BigInt(`0x${bytesToHex(crypto.getRandomValues(new Uint8Array(31)))}`);
}
