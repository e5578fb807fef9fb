import type { Deposit, Event } from "../matcher/events.ts";
import type { Matcher } from "../matcher/matcher.ts";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { Account } from "../protocol/account.ts";
import { accountKey, secretScalar } from "../protocol/eddsa.ts";
import { isCancelled } from "../protocol/clearing.ts";
import { outOfRange, TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { PROFILES, type Profile } from "../protocol/instructions.ts";
import {
  chainHeads,
  decodeItem,
  hashEntries,
  type Auth,
  type Decoded,
  type HashedEntry,
  type Item,
} from "../protocol/item.ts";
import { slotOf } from "../protocol/market.ts";
import type { AccountOpening } from "../protocol/opening.ts";
import { requireBits, requireFields } from "../protocol/numbers.ts";
import { BITS, NONCE_WINDOW, type Verdict } from "../protocol/parameters.ts";
import type { Receipt } from "../protocol/receipt.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import type { PublishedRound } from "../verifier/index.ts";
import { RoundBuilder } from "../witness/round.ts";
import type { OpenedChain } from "./chain/chain.ts";
import { ChainLink, type ChainOptions } from "./chain/chainLink.ts";
import { systemClock, type Clock } from "./clock.ts";
import { InFlight } from "./inFlight.ts";
import { Intake, type Waiting } from "./intake.ts";
import { shownAuction, type AuctionReport } from "./history.ts";
import {
  EMPTY_JOURNAL,
  itemKey,
  logEntry,
  readJournal,
  readRecord,
  tipAfter,
  type JournalEntry,
  type JournalRecord,
  type Tip,
} from "./store/journal.ts";
import {
  limitsOf,
  type Acknowledgement,
  type Limits,
  type OpenOrder,
  type Publish,
  type VenueEvent,
  type VenueOptions,
} from "./options.ts";
import { Pipeline, roundName, summaryName, type RoundSummary } from "./proving/pipeline.ts";
import { Recent } from "./recent.ts";
import { Reports, type HistoryJson } from "./reports.ts";
import { nextClose } from "./schedule.ts";
import { signaturesOf, type Signatures } from "./signing/signatures.ts";
import { encodeSnapshot } from "./store/snapshot.ts";
import { startOf, type Start } from "./start.ts";
import { happening, recordsOf, stepsOf, type Step } from "./steps.ts";
import type { Store } from "./store/store.ts";

interface WaitingDeposits {
  readonly deposits: readonly Deposit[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** An item that is in the log. */
interface Known {
  readonly entry: HashedEntry;
  readonly n: number;
  /** of the log before and after it */
  readonly previous: bigint;
  readonly head: bigint;
  readonly verdict: Verdict | null;
}

/** What is known of an item, and who waits for it. */
interface Answered extends Pick<Waiting, "resolve" | "reject"> {
  readonly known: Known;
}

/** Items that are written by one transaction at most. */
const BATCH = 64;
/** Open orders of markets that are closed by one transaction, after which no other market is. */
const CLEARED = 512;
/** Acknowledgements that are kept at hand, at least. */
const RECENT = 25_000;
/** Snapshots that are kept: one must be older than the oldest round that is not proved. */
const SNAPSHOTS = 3;

/**
 * A running venue: takes items, stamps and journals them, answers with receipts, closes auctions by schedule, and has its
 * rounds proved. All that changes it goes through one queue, in one order; signatures are checked before an item's turn, and
 * receipts signed after it, where they keep no other item waiting.
 */
export class Venue {
  readonly genesis: GenesisFile;
  readonly genesisState: bigint;
  readonly signer: string;
  readonly limits: Limits;
  readonly publish: Publish;
  readonly clock: Clock;
  readonly #store: Store;
  readonly #signatures: Signatures;
  readonly #digest: VenueOptions["digest"];
  readonly #profile: Profile;
  readonly #matcher: Matcher;
  readonly #pipeline: Pipeline | null;
  readonly #listeners = new Set<(event: VenueEvent) => void>();
  /** what was answered of late, by hash of the item; receipts are signed anew, and are the same */
  readonly #recent = new Recent<bigint, Known>(RECENT);
  readonly #inFlight = new InFlight();
  readonly #accountsOf = new Map<bigint, number[]>();
  readonly #reports: Reports;
  readonly #intake: Intake;
  /** fulfilled when all is answered that was taken */
  #answers: Promise<void> = Promise.resolve();
  readonly #deposits: WaitingDeposits[] = [];
  #tip: Tip;
  /** the round that is being filled */
  #round: { number: number; from: { logCount: bigint; head: bigint }; entries: HashedEntry[]; proofs: number };
  /** stamp of the first entry of the round */
  #roundSince: bigint | null = null;
  #depositCount: number;
  #snapshotAt: number;
  #snapshotting: Promise<void> = Promise.resolve();
  #pumping: Promise<void> | null = null;
  #cancelWake: () => void = () => {};
  #link: ChainLink | null = null;
  /** rounds that were proved before the link was there */
  readonly #early: PublishedRound[] = [];
  #closing: Promise<void> | null = null;
  #status: "open" | "stopped" | "closed" = "open";
  #reason: TacitError | null = null;
  #provingError: Error | null = null;
  /** entries that were proved when it was opened */
  readonly #provenBefore: bigint;
  readonly #checkUpTo: number;
  readonly #keep: number;
  #checked: { records: number; done: boolean } = { records: 0, done: false };
  /** entries proved a second, as of late: for "retry after" */
  #rate = 0;

  /** @throws as `openVenue` */
  static async open(options: VenueOptions): Promise<Venue> {
    // Before anything is written to a new store.
    limitsOf(options.limits);
    await useHashKernels();
    const venue = new Venue(options, await startOf(options));
    try {
      await venue.#replay();
      if (options.chain) await venue.#openChain(options.chain);
      venue.#scheduleNext();
      void venue.#checkOlder();
      return venue;
    } catch (error) {
      await venue.#link?.close();
      await venue.#pipeline?.close();
      throw error;
    }
  }

  private constructor(options: VenueOptions, start: Start) {
    this.genesis = options.genesis;
    this.genesisState = start.genesisState;
    this.signer = options.signer.address;
    this.limits = limitsOf(options.limits);
    this.publish = { prices: true, curves: false, depth: false, ...options.publish };
    this.clock = options.clock ?? systemClock;
    this.#store = options.storage;
    this.#signatures = "check" in options.signer ? options.signer : signaturesOf(options.signer);
    this.#intake = new Intake({
      domain: options.genesis.domain,
      signatures: this.#signatures,
      keyOf: (index) => {
        const account = this.#matcher.accounts[index];
        return account && { x: account.keyX, y: account.keyY };
      },
      onReady: () => void this.#pump(),
    });
    this.#digest = options.digest;
    this.#profile = PROFILES[options.genesis.profile];
    this.#matcher = start.matcher;
    this.#reports = new Reports(options.genesis.rules, options.storage);
    const { snapshot } = start;
    this.#tip = snapshot ? { ...snapshot, previous: hexToBytes(snapshot.checksum) } : EMPTY_JOURNAL;
    this.#round = this.#newRound((snapshot?.round ?? 0) + 1);
    this.#depositCount = snapshot?.deposits ?? 0;
    this.#snapshotAt = snapshot?.sequence ?? -1;
    this.#checkUpTo = this.#snapshotAt;
    this.#provenBefore = start.proven?.logCount ?? 0n;
    // Those that no round is proved up to must not push out the one that is good for a start.
    this.#keep = SNAPSHOTS + start.passed;
    const { genesis } = this;
    this.#matcher.accounts.forEach((account, index) => this.#index(account, index));
    if (!options.prover) {
      this.#pipeline = null;
      return;
    }
    const { ledger } = start;
    const accounts = [...this.#matcher.accounts];
    this.#pipeline = new Pipeline({
      ledger,
      builder: new RoundBuilder(ledger, { accounts, operatorSecret: secretScalar(options.secret) }),
      prover: options.prover,
      store: this.#store,
      proven: start.proven ?? { time: genesis.time, logCount: 0n },
      start: { round: snapshot?.round ?? 0, accounts },
      onProven: (round, summary) => {
        if (this.#link) this.#link.add(round);
        else if (options.chain) this.#early.push(round);
        this.#onProven(summary);
      },
      onFailed: (error) => {
        this.#provingError = error;
        this.#tell({ kind: "provingStopped", error });
      },
    });
  }

  // What traders do.

  /**
   * Takes an item of a trader: an order, a cancel or a withdrawal. Fulfilled when it is on disk. What was sent before is
   * answered as it was then.
   * @throws OUT_OF_RANGE  when a number is not a field element
   * @throws DECLINED      when it is malformed, not signed by the account's key, or its nonce is spent: it is not in the log
   * @throws BUSY          with `retryAfter` in seconds, when too much waits to be written or proved
   * @throws STOPPED       when the venue takes nothing any more
   */
  submit(item: Item, auth: Auth): Promise<Acknowledgement> {
    return this.#submit(item, auth);
  }

  /** `submit` of what must be an order. @throws WRONG_KIND */
  order(item: Item, auth: Auth): Promise<Acknowledgement> {
    return this.#submit(item, auth, "order");
  }

  /** `submit` of what must be a cancel. @throws WRONG_KIND */
  cancel(item: Item, auth: Auth): Promise<Acknowledgement> {
    return this.#submit(item, auth, "cancel");
  }

  /** `submit` of what must be a withdrawal. @throws WRONG_KIND */
  withdraw(item: Item, auth: Auth): Promise<Acknowledgement> {
    return this.#submit(item, auth, "withdrawal");
  }

  /**
   * Credits deposits that the operator vouches for: of a venue without a chain, whose deposits nobody can check.
   * @throws ON_CHAIN  when the venue has a chain, whose contract takes the deposits
   * @throws BAD_POINT, OUT_OF_RANGE, ACCOUNTS_FULL, STOPPED
   */
  async deposit(deposits: readonly Deposit[]): Promise<void> {
    this.#requireTaking();
    if (this.contract) throw new TacitError("ON_CHAIN", "deposits are made at the venue's contract, not here");
    deposits.forEach(({ keyX, keyY, index, amount }, i) => {
      if (!Number.isSafeInteger(index)) throw outOfRange(`deposits[${i}].index`, "an integer");
      requireBits(`deposits[${i}].index`, BigInt(index), BITS.account);
      requireBits(`deposits[${i}].amount`, amount, BITS.amount);
      if (amount === 0n) throw outOfRange(`deposits[${i}].amount`, "at least 1");
      accountKey({ x: keyX, y: keyY });
    });
    return this.#queueDeposits(deposits);
  }

  /** Calls the listener with all that happens from now on. @returns what ends it */
  subscribe(listener: (event: VenueEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // What may be asked.

  /** Numbers of the accounts of a key, the first opened first. */
  indexesOf(key: { x: bigint; y: bigint }): number[] {
    const found = this.#accountsOf.get(key.x) ?? [];
    return found.filter((index) => this.#matcher.accounts[index].keyY === key.y);
  }

  /** The account of a number as the log leaves it so far, or undefined. */
  account(index: number): Account | undefined {
    return this.#matcher.accounts[index];
  }

  /** Open orders of an account, market by market in time order. */
  orders(index: number): OpenOrder[] {
    return this.genesis.rules.markets.flatMap((row, slot) => {
      if (!row) return [];
      const cancels = this.#matcher.cancels(slot);
      const own = this.#matcher.book(slot).filter(({ account }) => account === index);
      return own.map((entry) => {
        const { nonce, side, limit, remaining, expiry, thisAuction } = entry;
        const cancelled = isCancelled(entry, cancels);
        return { market: row.id, nonce, side, limit, remaining, expiry, thisAuction, cancelled };
      });
    });
  }

  /**
   * What was booked to an account, by position in the log: all that was booked at the first `limit` positions after `after`.
   * Of kind "fill" (FillReport), or "deposit" with its `amount`; bigints are decimal strings.
   */
  history(index: number, { after = -1, limit = 100 } = {}): Promise<HistoryJson[]> {
    return this.#reports.history(index, { after, limit });
  }

  /** Lots by limit of the open orders of a market, best first: null where the operator does not show it. */
  book(market: bigint): { bids: [bigint, bigint][]; asks: [bigint, bigint][] } | null {
    const slot = this.#slotOf(market);
    if (!this.publish.depth) return null;
    const sides = [new Map<bigint, bigint>(), new Map<bigint, bigint>()];
    for (const { side, limit, remaining } of this.#matcher.book(slot))
      sides[side].set(limit, (sides[side].get(limit) ?? 0n) + remaining);
    const [bids, asks] = sides.map((levels) => [...levels].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { bids: bids.reverse(), asks };
  }

  /** What came of the last clear of a market in which something traded, if there was one since the start or the snapshot. */
  lastAuction(market: bigint): AuctionReport | null {
    return this.#reports.last(this.#slotOf(market));
  }

  /**
   * Auctions without what the operator does not show: the newest first, those before `before` (position in the log), of one
   * market or all.
   */
  async auctions({ market, before, limit = 100 }: { market?: bigint; before?: number; limit?: number } = {}) {
    const auctions = await this.#reports.auctions({ market, before, limit });
    return auctions.map((auction) => shownAuction(auction, this.publish));
  }

  /** Summaries of rounds that are proved, the newest first, those before `before`. */
  async rounds({ before, limit = 100 }: { before?: number; limit?: number } = {}): Promise<RoundSummary[]> {
    const options = before === undefined ? {} : { before: summaryName(before) };
    const found = await this.#store.list("summary/", { ...options, limit, reverse: true });
    return found.map(({ text }) => JSON.parse(text));
  }

  /** The file of a proved round (docs/formats.md), or undefined. */
  round(number: number): Promise<string | undefined> {
    return this.#store.get(roundName(number));
  }

  /** What shows an account in the state of the last proved round: for its owner. */
  opening(index: number): { round: number; opening: AccountOpening } | null {
    return this.#pipeline?.opening(index) ?? null;
  }

  /** How the venue does: `ok` unless it takes no items, or proves nothing. */
  health() {
    const proved = Number(this.#pipeline?.provenCount ?? this.#provenBefore);
    return {
      ok: this.#status === "open" && !this.#provingError && !this.#link?.status.stopped,
      status: this.#status,
      reason: this.#reason?.message ?? this.#provingError?.message ?? this.#link?.status.stopped?.message ?? null,
      logCount: this.#tip.logCount,
      proved,
      unproved: this.#tip.logCount - proved,
      roundsWaiting: this.#pipeline?.waiting ?? 0,
      queue: this.#inFlight.size,
      chain: this.#link?.status ?? null,
      accounts: this.#matcher.accounts.length,
      /** records of the journal that were checked in the background, of those before the snapshot */
      journalChecked: this.#checked,
      time: this.#matcher.clock >> 5n,
    };
  }

  /** The contract that takes the rounds, or null. */
  get contract(): OpenedChain | null {
    return this.#link?.contract ?? null;
  }

  /** Whether rounds are proved here. */
  get proves(): boolean {
    return this.#pipeline !== null;
  }

  /** Writes a copy of the store to a new file. @throws STORAGE, UNSUPPORTED */
  backup(path: string): Promise<void> {
    return this.#store.backup(path);
  }

  /** Takes what is queued, ends the round, keeps a snapshot, and gives back threads and storage. Proofs go on after the next start. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const open = this.#status === "open";
    try {
      this.#cancelWake();
      await this.#link?.close();
      do {
        await this.#intake.checked();
        await this.#pump();
      } while (this.#status === "open" && (this.#intake.length > 0 || this.#deposits.length > 0));
      // From here on the clock begins nothing.
      this.#status = "closed";
      await this.#answers;
      if (open) {
        if (this.#round.entries.length > 0) await this.#endRound(1);
        await this.#reports.flush();
        await this.#snapshotting;
      }
    } finally {
      this.#status = "closed";
      this.#cancelWake();
      this.#refuseWaiting(new TacitError("STOPPED", "the venue is closed"));
      this.#reports.stop();
      await this.#pipeline?.close();
      await this.#signatures.close();
      await this.#store.close();
    }
  }

  // The queue.

  async #submit(item: Item, auth: Auth, kind?: Decoded["kind"]): Promise<Acknowledgement> {
    const { A, B, salt } = item;
    const { R8x, R8y, S } = auth;
    const own = { item: { A, B, salt }, auth: { R8x, R8y, S } };
    requireFields("item", own.item);
    requireFields("item", own.auth);
    const decoded = decodeItem(own.item);
    if (kind && decoded?.kind !== kind) throw wrongKind(kind, decoded?.kind ?? "malformed");
    const known = this.#inFlight.find(own);
    if (known) return known;
    this.#requireTaking();
    this.#requireRoom(decoded);
    const answer = new Promise<Acknowledgement>((resolve, reject) => {
      this.#intake.push({ decoded, checked: null, resolve, reject, ...own });
    });
    return this.#inFlight.add(own, answer);
  }

  #requireOpen(): void {
    if (this.#status !== "open")
      throw new TacitError("STOPPED", `the venue takes no items: ${this.#reason?.message ?? "it is closed"}`);
  }

  #requireTaking(): void {
    this.#requireOpen();
    if (this.#closing) throw new TacitError("STOPPED", "the venue takes no items: it is being closed");
  }

  #requireRoom(decoded: Decoded | null): void {
    if (this.#inFlight.size >= this.limits.queue)
      throw new TacitError("BUSY", "too many items wait for their answers: try again", { retryAfter: 1 });
    if (!this.#pipeline) return;
    const unproved = this.#tip.logCount - Number(this.#pipeline.provenCount);
    const proofs = this.#pipeline.instructionsWaiting + this.#round.proofs;
    const { limits } = this;
    // Orders first: who wants to leave is let out for longer.
    const room = decoded?.kind === "order" ? 1 : 1.25;
    if (unproved >= limits.unproved * room)
      throw this.#busy(`proofs are ${unproved} entries behind the market`, unproved - limits.unproved * room + 1);
    if (proofs >= limits.unprovedProofs * room)
      throw this.#busy("too many proofs wait to be made", limits.unproved / 8);
    const unaccepted = this.#link ? this.#link.status.instructions + proofs : 0;
    if (unaccepted >= limits.unacceptedProofs * room)
      throw this.#busy("the chain is behind the market", limits.unproved / 8);
  }

  /** @param excess  entries that must be proved before there is room */
  #busy(what: string, excess: number): TacitError {
    const retryAfter = Math.min(600, Math.max(1, Math.ceil(excess / (this.#rate || 1))));
    return new TacitError("BUSY", `${what}: try again`, { retryAfter });
  }

  #queueDeposits(deposits: readonly Deposit[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#requireOpen();
      this.#deposits.push({ deposits: deposits.map((deposit) => ({ ...deposit })), resolve, reject });
      void this.#pump();
    });
  }

  /** Works until nothing waits. One run at a time. */
  #pump(): Promise<void> {
    this.#pumping ??= this.#run().finally(() => {
      this.#pumping = null;
      if (this.#status === "open" && (this.#intake.ready > 0 || this.#deposits.length > 0)) void this.#pump();
      else this.#scheduleNext();
    });
    return this.#pumping;
  }

  async #run(): Promise<void> {
    try {
      do {
        // What came in meanwhile is written together with the rest.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#status !== "open") return;
        const now = this.#stamp();
        while (this.#nextClose(this.#matcher, now)) await this.#commit((matcher) => this.#due(matcher, now));
        // All of them: an item may be of an account that a deposit before it opens.
        for (let deposits; (deposits = this.#deposits.shift());) await this.#credit(deposits, now);
        if (this.#intake.ready > 0) await this.#takeItems(this.#intake.take(BATCH), now);
        if (this.#roundOver(now)) await this.#endRound();
        this.#reports.writeSoon((error) => this.#stop(error));
      } while (this.#intake.ready > 0 || this.#deposits.length > 0);
    } catch (error) {
      this.#stop(error as Error);
    }
  }

  /** Stamp of what is taken now: never before what is in the log. */
  #stamp(): bigint {
    const now = this.clock.now();
    const last = this.#matcher.clock >> 5n;
    return now > last ? now : last;
  }

  #nextClose(matcher: Matcher, now?: bigint): { time: bigint; slot: number } | null {
    const next = nextClose(this.genesis.rules, (slot) => matcher.pending(slot), matcher.clock);
    return next && (now === undefined || next.time <= now) ? next : null;
  }

  /** The closes that are due, as the matcher comes to them: as many as keep others waiting for some milliseconds. */
  *#due(matcher: Matcher, now: bigint): Generator<JournalEntry, void> {
    for (let orders = 0, next; orders < CLEARED && (next = this.#nextClose(matcher, now));) {
      orders += matcher.book(next.slot).length;
      yield { kind: "close", ...next };
    }
  }

  #scheduleNext(): void {
    this.#cancelWake();
    if (this.#status !== "open") return;
    const next = this.#nextClose(this.#matcher);
    const ends = this.#roundSince === null ? null : this.#roundSince + BigInt(this.limits.roundSeconds);
    const at = next && (ends === null || next.time < ends) ? next.time : ends;
    if (at !== null) this.#cancelWake = this.clock.wake(at, () => void this.#pump());
  }

  async #credit({ deposits, resolve, reject }: WaitingDeposits, time: bigint): Promise<void> {
    const { depth, deposit: slots } = this.#profile;
    if (this.#matcher.accounts.length + deposits.length > 4 ** depth)
      return reject(
        new TacitError("ACCOUNTS_FULL", "the account tree has no free leaf for every one of these deposits"),
      );
    try {
      const lists = Math.ceil(deposits.length / slots);
      await this.#commit(
        Array.from({ length: lists }, (_, i): JournalEntry => {
          return { kind: "deposits", time, deposits: deposits.slice(i * slots, (i + 1) * slots) };
        }),
      );
    } catch (error) {
      reject(stopped(error as Error));
      throw error;
    }
    resolve();
  }

  /** Declines what would have no effect, journals the rest, and has it answered. */
  async #takeItems(batch: readonly Waiting[], time: bigint): Promise<void> {
    const { taken, again } = this.#judge(batch);
    try {
      if (taken.length > 0) {
        const entries = taken.map(({ item, auth }): JournalEntry => ({ kind: "item", time, item, auth }));
        const hashed = taken.map(({ checked }) => ({ item: checked!.item, auth: checked!.auth, time }));
        await this.#commit(entries, hashed);
        // What is in the log is answered, whatever becomes of the rest.
        const answered = taken.splice(0);
        this.#answer(
          answered.map(({ resolve, reject }, i) => ({ known: this.#recent.get(hashed[i].item)!, resolve, reject })),
        );
      }
      for (; again.length > 0; again.shift()) await this.#answerAgain(again[0]);
    } catch (error) {
      for (const { reject } of [...taken, ...again]) reject(stopped(error as Error));
      throw error;
    }
  }

  #judge(batch: readonly Waiting[]): { taken: Waiting[]; again: Waiting[] } {
    const nonces = new Map<number, bigint>();
    const taken: Waiting[] = [];
    const again: Waiting[] = [];
    for (const waiting of batch) {
      const { decoded, checked, reject } = waiting;
      if (!decoded || !checked?.signed) {
        reject(declined(decoded ? "unsigned" : "malformed"));
        continue;
      }
      const { nonce, account } = decoded.head;
      const index = Number(account);
      const old = nonces.get(index) ?? this.#matcher.accounts[index].nonce;
      if (nonce <= old) again.push(waiting);
      else if (nonce > old + NONCE_WINDOW) reject(declined("nonce"));
      else {
        nonces.set(index, nonce);
        taken.push(waiting);
      }
    }
    return { taken, again };
  }

  /** The same answer to what was sent before; a spent nonce to what was not. */
  async #answerAgain({ checked, decoded, resolve, reject }: Waiting): Promise<void> {
    const known = this.#recent.get(checked!.item);
    if (known) return this.#answer([{ known, resolve, reject }]);
    const { account, nonce } = decoded!.head;
    const sequence = await this.#store.find(itemKey({ account, nonce }));
    if (sequence === undefined) return reject(declined("nonce"));
    const { record, previous } = await readRecord(this.#store, sequence, this.#digest);
    const found = record.entry.kind === "item" ? decodeItem(record.entry.item)?.head : undefined;
    if (found?.account !== account || found.nonce !== nonce) {
      const message = `record ${sequence} is not the item that it was found by`;
      return reject(new TacitError("JOURNAL_DAMAGED", message, { sequence }));
    }
    const [entry] = this.#hashed([record.entry]);
    if (entry.item !== checked!.item) return reject(declined("nonce"));
    const { logCount, head } = record;
    this.#answer([{ known: { entry, n: logCount - 1, previous, head, verdict: null }, resolve, reject }]);
  }

  /** Has the receipts of what is in the log signed, and answers, while the next items are taken. */
  #answer(answered: readonly Answered[]): void {
    const { domain } = this.genesis;
    const receipts = answered.map(({ known: { entry, n, head } }) => ({ domain, n: BigInt(n), head, ...entry }));
    this.#answers = Promise.all([this.#sign(receipts), this.#answers]).then(
      ([signatures]) => {
        answered.forEach(({ known: { previous, verdict }, resolve }, i) =>
          resolve({ receipt: { previous, signature: signatures[i], ...receipts[i] }, verdict }),
        );
      },
      (error: Error) => {
        for (const { reject } of answered) reject(stopped(error));
        this.#stop(error);
      },
    );
  }

  async #sign(receipts: readonly Receipt[]): Promise<string[]> {
    try {
      return await this.#signatures.sign(receipts);
    } catch (error) {
      // The thread that signs is started anew when it is asked again.
      if (error instanceof TacitError && error.code === "THREAD_DIED") return this.#signatures.sign(receipts);
      throw error;
    }
  }

  /**
   * Journals entries, and the end of each round that is full before the next of them. What they come to is known before; it
   * happens when they are on disk.
   * @param wanted  the entries, or what gives them one after the other, from what those before have come to
   * @param known  those of the log as the public may see them, where that was computed before
   * @throws STORAGE, FENCED  when nothing was written, and nothing has happened
   */
  async #commit(
    wanted: readonly JournalEntry[] | ((matcher: Matcher) => Iterable<JournalEntry>),
    known?: readonly HashedEntry[],
  ): Promise<void> {
    const matcher = this.#matcher.fork();
    const wanting = typeof wanted === "function" ? wanted(matcher) : wanted;
    const round = { number: this.#round.number, proofs: this.#round.proofs, most: this.limits.roundProofs };
    const steps = [...stepsOf(matcher, wanting, round, this.#profile)];
    const hashed = known ?? this.#hashed(steps.map(({ entry }) => entry));
    const place = { tip: this.#tip, epoch: this.#store.epoch, digest: this.#digest };
    const records = recordsOf(steps, hashed, place);
    await this.#store.append(records.map(({ record }) => record));
    this.#matcher.adopt(matcher);
    const logged = hashed.values();
    steps.forEach((step, i) => this.#take(step, records[i].tip, logged));
  }

  /** The effect of a record that is on disk. @param logged  whose next is its entry, unless it ends a round */
  #take(step: Step, tip: Tip, logged: Iterator<HashedEntry>): void {
    const { logCount: n, head: previous } = this.#tip;
    this.#tip = tip;
    if ("accounts" in step) return this.#markRound(step.accounts);
    const entry: HashedEntry = logged.next().value!;
    this.#pipeline?.add(step.events);
    this.#round.entries.push(entry);
    this.#round.proofs += step.proofs;
    this.#roundSince ??= step.entry.time;
    for (const event of step.events) {
      if (event.kind === "item")
        this.#recent.set(entry.item, { entry, n, previous, head: tip.head, verdict: event.admission.verdict });
      this.#report(event, n);
    }
  }

  #hashed(entries: readonly JournalEntry[]): HashedEntry[] {
    return hashEntries(
      this.genesis.domain,
      entries.flatMap((entry) => logEntry(entry) ?? []),
    );
  }

  /** Keeps what an event means to traders, and tells the subscribers. */
  #report(event: Event, n: number): void {
    if (event.kind === "deposits") {
      this.#depositCount += event.credits.length;
      for (const { index, before, after } of event.credits) if (!before) this.#index(after, index);
    }
    for (const report of this.#reports.add(event, n)) this.#tell(report);
    if (event.kind !== "item" || !event.account) return;
    const { decoded, verdict } = event.admission;
    const { index: account } = event.account;
    this.#tell({ kind: "order", account, n, nonce: decoded!.head.nonce, item: decoded!.kind, verdict });
  }

  #tell(event: VenueEvent): void {
    for (const listener of this.#listeners)
      try {
        listener(event);
      } catch {
        // A listener that fails is its owner's affair: the venue goes on.
      }
  }

  // Rounds.

  #newRound(number: number) {
    const { logCount, head } = this.#tip;
    return { number, from: { logCount: BigInt(logCount), head }, entries: [] as HashedEntry[], proofs: 0 };
  }

  /** Whether the round is to end now: it is full, or old, or a snapshot is due. */
  #roundOver(now: bigint): boolean {
    if (this.#roundSince === null) return false;
    const { roundProofs, roundSeconds, snapshotEvery } = this.limits;
    if (this.#round.proofs >= roundProofs || this.#tip.sequence - this.#snapshotAt >= snapshotEvery) return true;
    return now - this.#roundSince >= BigInt(roundSeconds);
  }

  /** @param records  since the last snapshot, for which another is worth while */
  async #endRound(records = this.limits.snapshotEvery): Promise<void> {
    await this.#commit([{ kind: "round", number: this.#round.number }]);
    if (this.#tip.sequence - this.#snapshotAt >= records) this.#snapshot();
  }

  #markRound(accounts: readonly Account[]): void {
    const { number, from, entries } = this.#round;
    this.#pipeline?.mark({ number, from, entries, accounts });
    this.#round = this.#newRound(number + 1);
    this.#roundSince = null;
  }

  #onProven(round: RoundSummary): void {
    const seconds = (round.provedAt - round.assembledAt) / 1000;
    const rate = round.entries / Math.max(seconds, 0.001);
    this.#rate = this.#rate ? 0.7 * this.#rate + 0.3 * rate : rate;
    this.#tell({ kind: "round", round });
  }

  /** Keeps a snapshot of the end of the round that was just marked, once its instructions are known. */
  #snapshot(): void {
    this.#snapshotAt = this.#tip.sequence;
    const { sequence, previous, logCount, head } = this.#tip;
    const state = {
      sequence,
      checksum: bytesToHex(previous),
      logCount,
      head,
      round: this.#round.number - 1,
      deposits: this.#depositCount,
      matcher: new TextDecoder().decode(this.#matcher.export()),
    };
    const save = async () => {
      const ledger = this.#pipeline ? await this.#pipeline.snapshot() : null;
      await this.#reports.flushGently();
      await this.#store.saveSnapshot({ sequence, bytes: encodeSnapshot({ ...state, ledger }) }, this.#keep);
    };
    this.#snapshotting = save().catch((error: Error) => {
      // Without proofs the market goes on as far as it may; the next start has an older snapshot.
      if (!this.#provingError) this.#stop(error);
    });
  }

  // Start and end.

  async #openChain(options: ChainOptions): Promise<void> {
    const link = await ChainLink.open({
      ...options,
      domain: this.genesis.domain,
      store: this.#store,
      clock: this.clock,
      credited: () => this.#depositCount,
      onDeposits: (deposits) => this.#queueDeposits(deposits),
      onAccepted: (round) => this.#tell({ kind: "round", round }),
      onFailed: (error) => this.#stop(error),
    });
    await link.start(() => {
      this.#link = link;
      return this.#early.splice(0);
    });
  }

  /** Applies what the journal holds beyond the snapshot, and compares each head with the entries before it. */
  async #replay(): Promise<void> {
    const chunk: JournalRecord[] = [];
    for await (const record of readJournal(this.#store, this.#tip.sequence + 1, this.#tip, this.#digest)) {
      chunk.push(record);
      if (chunk.length === REPLAY) await this.#applyAgain(chunk.splice(0));
    }
    await this.#applyAgain(chunk);
  }

  async #applyAgain(records: readonly JournalRecord[]): Promise<void> {
    const log = records.flatMap(({ entry }) => logEntry(entry) ?? []);
    const hashed = hashEntries(this.genesis.domain, log);
    const heads = chainHeads(this.#tip.head, hashed).values();
    const logged = hashed.values();
    for (const record of records) {
      const { entry, sequence, head } = record;
      const damaged = (what: string) => new TacitError("JOURNAL_DAMAGED", `record ${sequence}: ${what}`, { sequence });
      let step: Step;
      if (entry.kind === "round") {
        if (entry.number !== this.#round.number) throw damaged(`it ends another round than ${this.#round.number}`);
        step = { entry, accounts: [...this.#matcher.accounts] };
      } else {
        if (head !== heads.next().value) throw damaged("the head of the log does not follow");
        step = happening(this.#matcher, entry, this.#profile);
      }
      this.#take(step, tipAfter(record), logged);
    }
    await this.#reports.flush();
  }

  /** Reads what lies before the snapshot, beside the market, and stops the venue if it is damaged. */
  async #checkOlder(): Promise<void> {
    const end = this.#checkUpTo;
    try {
      if (end >= 0)
        for await (const { sequence } of readJournal(this.#store, 0, EMPTY_JOURNAL, this.#digest)) {
          if (this.#status !== "open") return;
          this.#checked = { records: sequence + 1, done: false };
          if (sequence === end) break;
          if (sequence % REPLAY === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      this.#checked = { ...this.#checked, done: true };
    } catch (error) {
      this.#stop(error as Error);
    }
  }

  #stop(error: Error): void {
    if (this.#status !== "open") return;
    this.#status = "stopped";
    this.#reason = error instanceof TacitError ? error : new TacitError("UNEXPECTED", `unexpected: ${error.message}`);
    this.#cancelWake();
    this.#refuseWaiting(stopped(error));
    this.#tell({ kind: "stopped", error: this.#reason });
  }

  #refuseWaiting(error: TacitError): void {
    for (const { reject } of [...this.#intake.clear(), ...this.#deposits.splice(0)]) reject(error);
  }

  #index(account: Account, index: number): void {
    const known = this.#accountsOf.get(account.keyX);
    if (known) known.push(index);
    else this.#accountsOf.set(account.keyX, [index]);
  }

  #slotOf(market: bigint): number {
    const slot = slotOf(this.genesis.rules, market);
    if (slot < 0) throw new TacitError("UNKNOWN_MARKET", "no market has this number");
    return slot;
  }
}

/** Records that are read again between two chances for others to run. */
const REPLAY = 512;

function declined(verdict: "malformed" | "unsigned" | "nonce"): TacitError {
  const why = {
    malformed: "its words are outside their columns, or it is none of order, cancel and withdrawal",
    unsigned: "it is not signed by the key of the account that it names",
    nonce: `its nonce is spent, or more than ${NONCE_WINDOW} beyond the last one`,
  };
  return new TacitError("DECLINED", `the item is declined: ${why[verdict]}`, { verdict });
}

function wrongKind(expected: string, found: string): TacitError {
  return new TacitError("WRONG_KIND", `the item is wrong: expected a ${expected}, found ${found}`, { found });
}

function stopped(error: Error): TacitError {
  return new TacitError("STOPPED", `the venue takes no items: ${error.message}`);
}
