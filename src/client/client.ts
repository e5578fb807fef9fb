import type { Account } from "../protocol/account.ts";
import { depositKey, type Point } from "../protocol/eddsa.ts";
import { parseGenesis, type GenesisFile } from "../protocol/genesis.ts";
import { parseAddress, requireRecipient } from "../protocol/address.ts";
import {
  cancelItem,
  orderItem,
  quotesItem,
  withdrawalItem,
  type OrderFields,
  type QuotesFields,
} from "../protocol/item.ts";
import { coSignersOf, type CoSignedHead } from "../protocol/coSigners.ts";
import { TacitError } from "../protocol/errors.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { readAccount } from "../protocol/opening.ts";
import { SIDE } from "../protocol/parameters.ts";
import type { VerifyingKeys } from "../verifier/index.ts";
import { Api, clockDifference, type Fetch } from "./api.ts";
import { Finality } from "./finality.ts";
import { Contradiction, readFill, readSettlement, readStep } from "./knowledge.ts";
import {
  freshMemory,
  memoryNotebook,
  Notes,
  type Notebook,
  type ProvedAccount,
  type SentItem,
  type Verified,
} from "./notebook.ts";
import { marginCallOf, type MarginCall } from "./marginCall.ts";
import { historyAfter, historyPage, OwnAccount } from "./ownAccount.ts";
import { positionsOf, type Position } from "./positions.ts";
import { effectOf, type OrderPreview } from "./preview.ts";
import { ProvenLog } from "./provenLog.ts";
import { Sender, type Make } from "./sender.ts";
import { ClientTerms } from "./terms.ts";

export interface ClientOptions {
  readonly url: string;
  /** verification keys of a profile that are trusted: those that come with this program, or with the contract */
  readonly keysOf: (profile: string) => VerifyingKeys | Promise<VerifyingKeys>;
  readonly notebook?: Notebook;
  /** of the account's key, 32 bytes; without it a client only follows rounds */
  readonly secret?: Uint8Array;
  /** number of the account to use, where the key has several: the one with most cash when left out */
  readonly account?: number;
  /** told of each item that is sent again, as it had no answer */
  readonly onResent?: (sent: SentItem) => void;
  /** told what became of an item that had no answer, by asking: without a receipt it is forgotten, as it never arrived */
  readonly onRecalled?: (sent: SentItem) => void;
  /** told of an item's receipt, before co-signers are waited for */
  readonly onAcknowledged?: (sent: SentItem) => void;
  /** told by how many of the `coSigners` a receipt is confirmed */
  readonly onCompared?: (sent: SentItem, same: number) => void;
  /** what an item is answered by: the venue's receipt, or, where it has co-signers, a quorum of them too, within two minutes */
  readonly finality?: "receipt" | "quorum";
  /** addresses of co-signers: each receipt is compared with what the venue has shown them */
  readonly coSigners?: readonly string[];
  /** who they are, where they have changed since the genesis: 3f + 1 addresses of the chain */
  readonly coSignerKeys?: readonly string[];
  readonly fetch?: Fetch;
  readonly now?: () => bigint;
}

/** An account as the venue reports it, in cash units. */
export interface ReportedAccount extends Account {
  /** at the mark, and in the worst scenario */
  readonly equity: bigint;
  readonly worst: bigint;
  /** worst less reserved */
  readonly free: bigint;
}

/** An order as its owner gives it: account, nonce and salt are chosen. */
export type OwnOrder = Omit<OrderFields, "account" | "nonce" | "salt" | "side" | "validUntil" | "expiry"> & {
  readonly side: keyof typeof SIDE;
  /** seconds since 1970: a minute from now when left out */
  readonly validUntil?: bigint;
  /** seconds since 1970: a day from now when left out */
  readonly expiry?: bigint;
};

/** Seconds for which a final head is waited for. */
const FINAL_WITHIN = 120;
/** Entries of the log since those at which rules and prices were kept, after which they are kept anew. */
const MANY_CHANGES = 200;

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
  readonly #now: () => bigint;
  readonly #notes: Notes;
  readonly #sender: Sender;
  readonly #log: ProvenLog;
  readonly #finality: Finality;
  readonly #waits: boolean;
  readonly #hears: Pick<ClientOptions, "onAcknowledged" | "onCompared">;
  /** rules and prices, recomputed from what feeds have signed */
  readonly terms: ClientTerms;
  /** null without a key */
  readonly #own: OwnAccount | null;

  /**
   * @throws UNREACHABLE, BAD_ANSWER, FORMAT, GENESIS, NOTEBOOK
   * @throws Contradiction "otherVenue"  when the notebook is of a venue with another genesis, first state or signer
   */
  static async open(options: ClientOptions): Promise<Client> {
    const api = new Api(options.url, { fetch: options.fetch, now: options.now });
    const venue = asObject("venue", await api.get("/venue"));
    const genesis = parseGenesis(venue.genesis);
    const state = asInteger("venue.genesisState", venue.genesisState);
    const { signer } = venue;
    if (typeof signer !== "string" || !/^0x[0-9a-f]{40}$/.test(signer)) throw badFormat("venue.signer", "an address");
    const notes = await Notes.open(options.notebook ?? memoryNotebook(), freshMemory({ genesis, state, signer }));
    const client = new Client(options, { api, genesis, signer, venue, notes });
    await client.#alone(async () => {
      await client.terms.open(notes.memory.terms);
      const read = client.terms.position - (notes.memory.terms?.n ?? -1);
      if (read > MANY_CHANGES) await client.#keepTerms();
    });
    return client;
  }

  private constructor(
    options: ClientOptions,
    parts: { api: Api; genesis: GenesisFile; signer: string; venue: Record<string, unknown>; notes: Notes },
  ) {
    const { api, genesis, signer, venue, notes } = parts;
    const { secret, account, onResent, onRecalled } = options;
    this.api = api;
    this.genesis = genesis;
    this.signer = signer;
    this.venue = venue;
    this.#now = () => options.now?.() ?? BigInt(Math.floor(Date.now() / 1000));
    this.#notes = notes;
    const coSigners = options.coSignerKeys ? coSignersOf(options.coSignerKeys, "coSignerKeys") : genesis.coSigners;
    this.#finality = new Finality({
      api,
      domain: genesis.domain,
      signer,
      coSigners: coSigners ?? null,
      urls: options.coSigners ?? [],
      fetch: options.fetch ?? (globalThis.fetch.bind(globalThis) as Fetch),
    });
    this.#waits = options.finality === "quorum";
    this.#hears = options;
    if (this.#waits && !coSigners)
      throw new TacitError(
        "NO_CO_SIGNERS",
        "the genesis of this venue names no co-signers: nothing of it is ever final",
      );
    const log = new ProvenLog({ api, genesis, notes, keysOf: (profile) => options.keysOf(profile) });
    const terms = new ClientTerms({ api, genesis, now: this.#now });
    const about = { api, genesis, notes, terms };
    const sender = new Sender({ ...about, signer, secret, account, onResent, onRecalled, now: this.#now });
    const own = secret ? new OwnAccount({ ...about, log, sender, secret, now: this.#now }) : null;
    this.terms = terms;
    [this.#log, this.#sender, this.#own, this.key] = [log, sender, own, sender.key];
    notes.onReread = () => {
      log.remember();
      sender.forget();
      own?.forget();
    };
  }

  /**
   * Name of a market, as the venue gives it: its id where it has none. Names are for people; what is signed is the id.
   */
  marketName(id: bigint): string {
    return this.#nameOf(id) ?? String(id);
  }

  #nameOf(id: bigint): string | null {
    const { names } = this.terms;
    return Object.hasOwn(names, String(id)) ? names[String(id)] : null;
  }

  /** Name of an instrument: of the first market of one lot of it, as the venue gives it, or its number. */
  instrumentName(instrument: number): string {
    const plain = this.terms.latest.rules.markets.find((row) => {
      return row?.legs.every((leg, i) => leg === (i === instrument ? 1n : 0n));
    });
    return plain ? this.marketName(plain.id) : `instrument ${instrument}`;
  }

  /**
   * Id of a market that a person has named, by its id or its name.
   * @throws UNKNOWN_MARKET  naming those that there are
   */
  market(named: string): bigint {
    const ids = this.terms.latest.rules.markets.flatMap((row) => row?.id ?? []);
    const found = ids.filter((id) => String(id) === named);
    if (found.length === 0) found.push(...ids.filter((id) => this.#nameOf(id) === named));
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      const several = `several markets are named "${named}": name one by its id, of ${found.join(", ")}`;
      throw new TacitError("UNKNOWN_MARKET", several);
    }
    const there = ids.map((id) => (this.#nameOf(id) === null ? String(id) : `${id} (${this.#nameOf(id)})`)).join(", ");
    throw new TacitError(
      "UNKNOWN_MARKET",
      `the venue has no market "${named}": expected one of ${there}, by its id or its name as it is written`,
    );
  }

  get verified(): Verified {
    return this.#notes.memory.verified;
  }

  /** The account as last proved, once `sync` has seen it. */
  get proved(): ProvedAccount | null {
    return this.#notes.memory.proved;
  }

  /** Numbers of the accounts of the key, as the venue said when it was logged in last: strangers may have opened some. */
  get accounts(): readonly number[] {
    return this.#sender.accounts;
  }

  get index(): number | null {
    return this.#notes.memory.index;
  }

  get items(): readonly SentItem[] {
    return this.#notes.memory.items;
  }

  /** All contradictions found so far. */
  get contradictions(): readonly { kind: string; message: string; evidence: string }[] {
    return this.#notes.memory.contradictions;
  }

  /** The key to deposit to: K' of the contract. */
  get depositKey(): Point {
    return depositKey(this.#sender.requireKey());
  }

  /** Items that were sent, and had no answer so far. */
  get unanswered(): readonly SentItem[] {
    return this.items.filter(({ receipt }) => !receipt);
  }

  /** How this machine's clock differs from the venue's, in words, or null where they agree. */
  get clockDifference(): string | null {
    return clockDifference(this.api.clockOffset);
  }

  /**
   * Signs an order, keeps it, sends it, and checks and keeps the receipt. `nonce` and `salt` are chosen.
   * @param order  `anyway`: sent though the rules will reject it, as far as can be known here
   * @throws REJECTED, CLOCK  before it is signed: it would be rejected
   */
  async order({ anyway, ...order }: OwnOrder & { anyway?: boolean }): Promise<SentItem> {
    return this.#send(this.#makeOrder(order), { anyway });
  }

  /**
   * What an order would do to the account as it is now, and what the rules say to it: nothing is signed or sent.
   * @throws OUT_OF_RANGE  naming the field
   */
  async preview(order: OwnOrder): Promise<OrderPreview> {
    return this.#alone(async () => {
      const { verdict, reason, decoded, account } = await this.#sender.foresee(this.#makeOrder(order));
      if (decoded.kind !== "order") throw new Error("what is made of an order is one");
      return { verdict, reason, ...effectOf(decoded, account, this.terms.latest) };
    });
  }

  #makeOrder(order: OwnOrder): Make {
    return (account, nonce, salt) => {
      // As of when it is signed: it may have waited for its turn.
      const { validUntil = this.#soon(), expiry = this.#now() + 86_400n } = order;
      return orderItem({ ...order, side: SIDE[order.side], validUntil, expiry, account, nonce, salt });
    };
  }

  /**
   * Signs a list of 1 to 8 orders of one market, which take the place of all orders of the account there that came before,
   * keeps it, sends it, and checks and keeps the receipt. All of them are admitted, or none; their nonces follow each other from
   * that of the item.
   * @throws REJECTED, CLOCK  before it is signed: it would be rejected
   */
  async quotes(
    quotes: Omit<QuotesFields, "account" | "nonce" | "salt" | "orders" | "validUntil" | "expiry"> & {
      orders: readonly { side: keyof typeof SIDE; limit: bigint; size: bigint }[];
      validUntil?: bigint;
      expiry?: bigint;
      anyway?: boolean;
    },
  ): Promise<SentItem> {
    return this.#send(
      (account, nonce, salt) => {
        const { validUntil = this.#soon(), expiry = this.#now() + 86_400n } = quotes;
        const orders = quotes.orders.map((order) => ({ ...order, side: SIDE[order.side] }));
        return quotesItem({ ...quotes, orders, validUntil, expiry, account, nonce, salt });
      },
      { anyway: quotes.anyway },
    );
  }

  /** Cancels the order of this nonce, or all orders in the market so far. @throws REJECTED, CLOCK */
  async cancel({ market, target, anyway }: { market: bigint; target?: bigint; anyway?: boolean }): Promise<SentItem> {
    const fields = { market, ...(target === undefined ? {} : { target }) };
    return this.#send(
      (account, nonce, salt) => cancelItem({ ...fields, account, nonce, salt, validUntil: this.#soon() }),
      { anyway },
    );
  }

  /**
   * Withdraws cash to an address of the chain.
   * @param withdrawal.recipient     as people write it, checksum included, or as a number
   * @param withdrawal.lessAccepted  while the venue is short of what it owes, take the part that all are paid
   * @throws ADDRESS  when it is mistyped, 0, or the venue's own
   * @throws REJECTED, CLOCK  before it is signed: it would be rejected
   */
  async withdraw({
    recipient: to,
    amount,
    lessAccepted = false,
    anyway,
  }: {
    recipient: string | bigint;
    amount: bigint;
    lessAccepted?: boolean;
    anyway?: boolean;
  }): Promise<SentItem> {
    const recipient = typeof to === "string" ? parseAddress("the recipient", to) : to;
    const contract = this.venue.contract as { address?: unknown; token?: unknown } | null | undefined;
    const own = [contract?.address, contract?.token].filter(
      (text) => typeof text === "string" && /^0x[0-9a-fA-F]{40}$/.test(text),
    ) as string[];
    requireRecipient(recipient, own);
    return this.#send(
      (account, nonce, salt) =>
        withdrawalItem({ account, nonce, recipient, amount, lessAccepted, validUntil: this.#soon(), salt }),
      { anyway },
    );
  }

  /**
   * Sends again what was not answered and may still be admitted: the venue answers what it has with the receipt that it gave
   * then. Whatever sends an item does this first.
   */
  async resend(): Promise<SentItem[]> {
    return this.#alone(() => this.#sender.resend());
  }

  /** Asks what became of what was not answered, and sends nothing. What can be admitted no more is forgotten. */
  async recall(): Promise<void> {
    if (this.unanswered.length > 0) await this.#alone(() => this.#sender.recall());
  }

  /**
   * Gives up an item that was not answered: it is not sent again. The venue may have it all the same, until it is too late.
   * @throws NO_ITEM  when none of this nonce waits;  TAKEN  when the venue has it
   */
  async drop(nonce: bigint): Promise<void> {
    return this.#alone(() => this.#sender.drop(nonce));
  }

  /** Why the rules have rejected an item, in words and numbers: from the account as it is now. */
  async reason(sent: SentItem): Promise<string> {
    return this.#alone(() => this.#sender.reason(sent));
  }

  /** Number of the account of the key, or null if the venue has none so far. */
  async login(): Promise<number | null> {
    return this.#alone(async () => {
      await this.#sender.session();
      return this.#notes.memory.index;
    });
  }

  /** The account as the venue reports it, of now: checked by `sync` once it is proved. */
  async account(): Promise<ReportedAccount> {
    return this.#about(async (index) => {
      const json = asObject("account", await this.api.get(`/account?index=${index}`));
      const [equity, worst, free] = ["equity", "worst", "free"].map((name) => asInteger(`account.${name}`, json[name]));
      return { ...readAccount("account", json), equity, worst, free };
    });
  }

  /**
   * How near an account is to being sold down, by rules and prices as they are checked here; null where nothing is wrong.
   * @param account  as the venue reports it
   */
  async marginCall(account: Pick<Account, "cash" | "positions" | "flagged">): Promise<MarginCall | null> {
    return marginCallOf(account, await this.terms.update(), this.#now() + this.api.clockOffset);
  }

  /** What was booked to the account after an entry of the log, as the venue reports it. */
  async history(after = -1, limit?: number): Promise<unknown[]> {
    return this.#about((index) => historyPage(this.api, { index, after, limit }));
  }

  /** All that was booked to the account after an entry of the log, as the venue reports it. */
  async allHistory(after = -1): Promise<Record<string, unknown>[]> {
    return this.#about(async (index) => {
      const entries: Record<string, unknown>[] = [];
      for await (const entry of historyAfter(this.api, { index, after })) entries.push(entry);
      return entries;
    });
  }

  /** What the account holds, and what it has cost: from its fills, as the venue reports them. */
  async positions(): Promise<Position[]> {
    return this.#about(async (index) => {
      const { fills, settlements, steps } = this.#notes.memory;
      const booked = [...fills, ...settlements, ...steps];
      const last = Math.max(-1, ...booked.map(({ n }) => n));
      for await (const entry of historyAfter(this.api, { index, after: last }))
        if (entry.kind === "fill") booked.push(readFill(entry));
        else if (entry.kind === "settlement") booked.push(readSettlement(entry));
        else if (entry.kind === "assume") booked.push(readStep(entry));
      await this.terms.update();
      const account = readAccount("account", await this.api.get(`/account?index=${index}`));
      return positionsOf(this.terms, account.positions, booked);
    });
  }

  /** Open orders as the venue reports them. */
  async openOrders(): Promise<unknown[]> {
    return this.#about(async (index) => {
      const { orders } = asObject("orders", await this.api.get(`/orders?index=${index}`));
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
    // Round by round: others with this notebook have their turn between.
    while (await this.#alone(() => this.#log.next())) onRound(this.verified);
    return this.#alone(async () => {
      await this.#log.checkLength();
      await this.#own?.check();
      await this.#keepTerms();
      return this.verified;
    });
  }

  /** From where on they are needed again. */
  #keepTerms(): Promise<void> {
    const { memory } = this.#notes;
    // What only the venue has told is told again the next time, and not kept as if it were known.
    if (!this.terms.told) memory.terms = this.terms.kept(memory.base?.logCount ?? null);
    return this.#notes.keep();
  }

  /** Works with the notes while nobody else does; what cannot be true is kept. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#notes.alone(async () => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof Contradiction) await this.#notes.shout(error);
        throw error;
      }
    });
  }

  #soon(): bigint {
    return this.#now() + 60n;
  }

  async #send(make: Make, how?: { anyway?: boolean }): Promise<SentItem> {
    const sent = await this.#alone(() => this.#sender.send(make, how));
    if (this.#waits) {
      this.#hears.onAcknowledged?.(sent);
      if (!(await this.final(sent, { seconds: FINAL_WITHIN })))
        throw new TacitError("NOT_FINAL", `entry ${sent.receipt!.n} of the log is acknowledged, and no quorum of co-signers has signed it within ${FINAL_WITHIN} s: its receipt is kept`, { n: String(sent.receipt!.n) }); // prettier-ignore
    } else if (this.#finality.asks) {
      const same = await this.#kept(this.#finality.compare(sent.receipt!));
      this.#hears.onCompared?.(sent, same);
    }
    return sent;
  }

  /**
   * The final head that the log has come to from an item on: then the venue can show nobody a log without it, unless more than a third of
   * its co-signers lie. null where there is none within a time.
   * @param sent  an item that was answered
   * @throws Contradiction "fork"  when a quorum, or any co-signer, was shown another log
   * @throws NO_CO_SIGNERS, NO_RECEIPT, UNREACHABLE, BAD_ANSWER
   */
  async final({ receipt }: Pick<SentItem, "receipt">, how: { seconds?: number } = {}): Promise<CoSignedHead | null> {
    if (!receipt) throw new TacitError("NO_RECEIPT", "the item was not answered so far: it has no place in the log");
    return this.#kept(this.#finality.of(receipt, how));
  }

  /** What does not need the notes, but for what it may find. */
  async #kept<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof Contradiction) await this.#alone(() => Promise.reject(error));
      throw error;
    }
  }

  /** Asks about the account of the key. */
  #about<T>(ask: (index: number) => Promise<T>): Promise<T> {
    return this.#alone(async () => ask(await this.#sender.index()));
  }
}
