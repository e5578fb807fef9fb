import type { Deposit } from "../matcher/events.ts";
import { requireRecipient } from "../protocol/address.ts";
import { MAX_CO_SIGNERS, type CoSignedHead, type CoSigners } from "../protocol/coSigners.ts";
import { accountKey } from "../protocol/eddsa.ts";
import { outOfRange, TacitError } from "../protocol/errors.ts";
import { isoTime } from "../protocol/json.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { nonceFault } from "../protocol/admission.ts";
import { decodeItem, lastNonce, requireItem, type Auth, type Decoded, type Item } from "../protocol/item.ts";
import type { LogHead } from "../protocol/logHead.ts";
import { max, min, requireBits, requireFields } from "../protocol/numbers.ts";
import { BITS, INSURANCE } from "../protocol/parameters.ts";
import type { Prices } from "../protocol/prices.ts";
import { rootsOf, type Rules } from "../protocol/rules.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import type { PublishedRound } from "../verifier/index.ts";
import type { OpenedChain } from "./chain/chain.ts";
import { ChainLink, type ChainOptions, type LinkStatus } from "./chain/chainLink.ts";
import type { FinalOf } from "./chain/finalHeads.ts";
import { systemClock, type Clock } from "./clock.ts";
import { InFlight } from "./inFlight.ts";
import { Intake, type Waiting } from "./intake.ts";
import { CoSigning, type CoSignerStatus, type CoSigningStatus } from "./coSigning/coSigning.ts";
import { LogCopy } from "./coSigning/logCopy.ts";
import { recoverRecords } from "./coSigning/recovery.ts";
import { operatorSeal, type Seal } from "./coSigning/seal.ts";
import { ANNOUNCED_FOR, Announcements, type Announcement } from "./announcements.ts";
import { VenueFeeds } from "./feeds.ts";
import { Liquidator, LOOKS, type DefaultPolicy } from "./liquidator.ts";
import { Market, type Known } from "./market.ts";
import { limitsOf, type Acknowledgement, type Limits, type VenueEvent, type VenueOptions } from "./options.ts";
import { Surveys } from "./surveys.ts";
import { Questions } from "./questions.ts";
import { declined, standsBy, stopped, wrongKind } from "./refusals.ts";
import { LogSigner } from "./signing/logSigner.ts";
import { signaturesOf, type Signatures } from "./signing/signatures.ts";
import { startOf, type Start } from "./start.ts";
import type { Digest, JournalEntry } from "./store/journal.ts";
import { isStandby, type StandbyStore, type Store } from "./store/store.ts";

interface WaitingDeposits {
  readonly deposits: readonly Deposit[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface WaitingRules {
  /** of their announcement */
  readonly n: number;
  /** told the number of the one that is in force */
  readonly resolve: (n: number) => void;
  readonly reject: (error: Error) => void;
}

/** Proofs that wait, as a part of the limit of orders, beyond which no steps against accounts in default are taken: no items hold them up. */
const STEPS_BEYOND = 1.4;
/** The same of who wants to leave. */
const LEAVING_BEYOND = 1.25;

/** What is known of an item, and who waits for it. */
interface Answered extends Pick<Waiting, "resolve" | "reject"> {
  readonly known: Known;
}

/** Changes that are read at once. */
const CHANGES = 1_000;
/** Items that are written by one transaction at most. */
const BATCH = 64;
/** Milliseconds between looks at what another venue has written. */
const FOLLOW_MS = 100;
const DAY = 86_400n;
/** Seconds for which something may hold up rounds or deposits before the venue is not well. */
const HELD_UP = 300n;

/**
 * A running venue: takes items, stamps and journals them, answers with receipts, closes auctions by schedule, and has its
 * rounds proved. All that changes it goes through one queue, in one order; signatures are checked before an item's turn, and
 * receipts signed after it, where they keep no other item waiting.
 */
export class Venue extends Questions {
  readonly genesisState: bigint;
  readonly signer: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly #market: Market;
  readonly #store: Store;
  readonly #signatures: Signatures;
  readonly #signer: LogSigner;
  /** null without co-signers */
  readonly #coSigners: {
    readonly set: CoSigners | null;
    readonly urls: readonly string[];
    readonly seal: Seal;
    readonly digest: Digest | undefined;
  } | null;
  /** what they are shown; null until it leads */
  #shown: { readonly log: LogCopy; readonly coSigning: CoSigning } | null = null;
  readonly #listeners: Set<(event: VenueEvent) => void>;
  readonly #inFlight = new InFlight();
  readonly #intake: Intake;
  readonly feeds: VenueFeeds;
  readonly surveys: Surveys;
  readonly #announcements: Announcements;
  readonly #policy: DefaultPolicy | null;
  /** when, and under which prices, accounts in default were looked for last */
  #enforced: { prices: Prices | null; time: bigint } = { prices: null, time: 0n };
  /** rules that are to come into force */
  readonly #configuring: WaitingRules[] = [];
  /** announcements with a payout whose second has come */
  readonly #tried = new Set<number>();
  /** fulfilled when all is answered that was taken */
  #answers: Promise<void> = Promise.resolve();
  readonly #deposits: WaitingDeposits[] = [];
  #pumping: Promise<void> | null = null;
  #cancelWake: () => void = () => {};
  #link: ChainLink | null = null;
  /** rounds that were proved before the link was there */
  readonly #early: PublishedRound[] = [];
  #closing: Promise<void> | null = null;
  #status: "standby" | "open" | "stopped" | "closed" = "standby";
  /** whether it takes what it is asked for, as long as it is open */
  #leads = false;
  #recovered = 0;
  #standby: { readonly leader: string; readonly error: TacitError | null } | null = null;
  /** fulfilled when it follows nobody any more */
  #following: Promise<void> = Promise.resolve();
  #reason: TacitError | null = null;

  /** @throws as `openVenue` */
  static async open(options: VenueOptions): Promise<Venue> {
    // Before anything is written to a new store.
    limitsOf(options.limits);
    await useHashKernels();
    const venue = new Venue(options, await startOf(options));
    try {
      await venue.#market.replay();
      if (isStandby(options.storage)) venue.#following = venue.#follow(options.storage, options.chain);
      else await venue.#lead(options.chain);
      void venue.#checkOlder();
      return venue;
    } catch (error) {
      // A signer that is away by now is not waited for.
      venue.#signatures.giveUp?.();
      await venue.#link?.close();
      await venue.#shown?.coSigning.close();
      await venue.#market.pipeline?.close();
      throw error;
    }
  }

  async #lead(chain: ChainOptions | undefined): Promise<void> {
    const market = this.#market;
    await this.#recover();
    await this.#signer.lead({
      epoch: this.#store.epoch,
      n: market.logCount,
      heads: async (first, count) => (await market.log(first, count)).map(({ head }) => head),
    });
    if (this.#coSigners?.set) this.#coSign(this.#coSigners.set);
    await this.#openAnnouncements();
    // Deposits of the chain come at once; who asks for something waits until all is known that it is judged by.
    this.#status = "open";
    if (chain) await this.#openChain(chain);
    this.#leads = true;
    // What was due while nobody led, accounts in default among it.
    void this.#pump();
    this.feeds.start();
  }

  /** Brings the journal to where its signer is, where co-signers have what it lacks. @throws SIGNER_AHEAD, STORAGE, JOURNAL_DAMAGED */
  async #recover(): Promise<void> {
    const market = this.#market;
    const signed = await this.#signatures.state();
    if (!this.#coSigners || !signed || signed.n <= market.logCount) return;
    const { urls, seal, digest } = this.#coSigners;
    const { logCount: first, head } = market;
    await market.restore(
      await recoverRecords({
        domain: this.genesis.domain,
        first,
        head,
        signed,
        urls,
        seal,
        ...(digest ? { digest } : {}),
      }),
    );
    this.#recovered = market.logCount - first;
    this.#tell({ kind: "recovered", entries: this.#recovered });
  }

  /** Has heads signed by these from now on. */
  #coSign(coSigners: CoSigners): CoSigning {
    if (this.#shown) {
      this.#shown.coSigning.use(coSigners);
      return this.#shown.coSigning;
    }
    const { urls, seal, digest } = this.#coSigners!;
    const { logCount: count, head } = this.#market;
    const { domain } = this.genesis;
    const store = this.#store;
    const log = new LogCopy({ domain, store, seal, count, head, ...(digest ? { digest } : {}) });
    const sign = (head: LogHead) => this.#signer.logHead(head);
    const onFinal = (head: CoSignedHead) => this.#tell({ kind: "final", head });
    const onPeer = (coSigner: CoSignerStatus) => this.#tell({ kind: "coSigner", coSigner });
    const coSigning = new CoSigning({ domain, coSigners, urls, epoch: store.epoch, log, sign, store, onFinal, onPeer });
    this.#shown = { log, coSigning };
    return coSigning;
  }

  /** Reads along, until it leads, or is closed. */
  async #follow(storage: StandbyStore, chain: ChainOptions | undefined): Promise<void> {
    const isOver = () => this.#status !== "standby";
    try {
      while (!(await this.#followed(storage))) {
        await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
        if (isOver()) return;
      }
      await this.#market.lead();
      if (isOver()) return;
      await this.#lead(chain);
      this.#tell({ kind: "leads" });
    } catch (error) {
      this.#stop(error as Error);
    }
  }

  /** Reads what is new. A store that cannot be asked now is asked again. @returns whether it is this venue's from now on */
  async #followed(storage: StandbyStore): Promise<boolean> {
    try {
      const leads = await storage.takeOver();
      if (!leads) await this.#market.follow();
      this.#standby = { leader: storage.leader, error: null };
      return leads;
    } catch (error) {
      if (!isPassing(error)) throw error;
      this.#standby = { leader: storage.leader, error: error as TacitError };
      return false;
    }
  }

  private constructor(options: VenueOptions, start: Start) {
    const listeners = new Set<(event: VenueEvent) => void>();
    const limits = limitsOf(options.limits);
    const signatures = "check" in options.signer ? options.signer : signaturesOf(options.signer);
    const signer = new LogSigner({
      domain: options.genesis.domain,
      signatures,
      onFailed: (error) => this.#stop(error),
    });
    const market = new Market(options, limits, start, {
      tell: (event) => tellAll(listeners, event),
      onWritten: (written) => {
        signer.written(written);
        this.#shown?.log.written(written);
        this.#shown?.coSigning.written();
      },
      onProven: (round) => {
        // Kept, so that whoever verifies the round later may see it.
        const { logCount, entries } = round.segment;
        void this.#shown?.coSigning.finalAt(Number(logCount) + entries.length).catch(() => {});
        if (this.#link) this.#link.add(round);
        else if (options.chain) this.#early.push(round);
      },
      onFailed: (error) => this.#stop(error),
    });
    super({ market, store: options.storage, ...(options.publish ? { publish: options.publish } : {}) });
    this.#market = market;
    this.#listeners = listeners;
    this.genesisState = start.genesisState;
    this.signer = options.signer.address;
    this.limits = limits;
    this.clock = options.clock ?? systemClock;
    this.#store = options.storage;
    this.#policy = options.defaults === undefined ? new Liquidator() : options.defaults;
    this.surveys = new Surveys({ store: options.storage, pipeline: market.pipeline });
    this.#announcements = new Announcements({
      store: options.storage,
      clock: this.clock,
      profile: PROFILES[options.genesis.profile],
      ...(options.timelock === undefined ? {} : { timelock: options.timelock }),
    });
    this.feeds = new VenueFeeds({
      domain: options.genesis.domain,
      clock: this.clock,
      sources: options.feeds ?? [],
      rules: () => [this.terms.rules, ...this.#announcements.waiting.map(({ rules }) => rules)],
      prices: () => this.terms.prices,
      onQuorum: () => void this.#pump(),
    });
    this.#signatures = signatures;
    this.#signer = signer;
    this.#coSigners = coSignersOf(options);
    this.#intake = new Intake({
      domain: options.genesis.domain,
      signatures: this.#signatures,
      keyOf: (index) => {
        const account = market.matcher.accounts[index];
        return account && { x: account.keyX, y: account.keyY };
      },
      onReady: () => void this.#pump(),
    });
  }

  // What traders do.

  /**
   * Takes an item of a trader: an order, a list of quotes, a cancel or a withdrawal. Fulfilled when it is on disk. What was
   * sent before is answered as it was then.
   * @throws OUT_OF_RANGE  when a number is not a field element, or a list of quotes is not the one that its item signs
   * @throws DECLINED      when it is malformed, not signed by the account's key, or its nonce is spent: it is not in the log
   * @throws ADDRESS       when it withdraws to 0, or to the contract or its token: it is not in the log
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

  /** `submit` of what must be a list of quotes. @throws WRONG_KIND */
  quotes(item: Item, auth: Auth): Promise<Acknowledgement> {
    return this.#submit(item, auth, "quotes");
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
   * @throws BAD_POINT, OUT_OF_RANGE, ACCOUNTS_FULL, VAULT_FULL, STOPPED
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

  // What the operator does to its rules.

  /** Seconds between the announcement of rules and their use. */
  get timelock(): bigint {
    return this.contract?.timelock ?? this.#announcements.timelock;
  }

  /** Announcements of rules, the oldest first. */
  get announcements(): readonly Announcement[] {
    return this.#announcements.all;
  }

  /**
   * Announces rules, of a venue without a chain: from the end of the timelock on, for 30 days, they may come into force.
   * @throws ON_CHAIN      when the venue has a chain: rules are announced at its contract
   * @throws OUT_OF_RANGE  when they are no rules; STORAGE
   * @throws RULES         when they may not follow those announced last, or in force, whoever holds what
   */
  async announce(rules: Rules, { names = {} }: { names?: Announcement["names"] } = {}): Promise<Announcement> {
    this.#requireOffChain();
    return this.#announced(await this.#announcements.announce(rules, this.terms, names));
  }

  /** Takes an announcement back, until its timelock has run. @throws ON_CHAIN, ANNOUNCEMENT, STORAGE */
  async withdrawRules(n: number): Promise<Announcement> {
    this.#requireOffChain();
    return this.#announced(await this.#announcements.withdraw(n));
  }

  /**
   * Brings announced rules into force.
   * @throws ANNOUNCEMENT  when it does not wait any more, or its timelock has not run
   * @throws RULES         when they may not follow those in force now: what, and what it would take
   * @throws STOPPED, STORAGE; ChainFailure where the contract is asked and does not answer
   */
  async applyRules(n: number): Promise<Announcement> {
    this.#requireTaking();
    await this.#requireTaken(n);
    const inForce = await new Promise<number>((resolve, reject) => {
      this.#configuring.push({ n, resolve, reject });
      void this.#pump();
    });
    return this.#announced(this.#announcements.all.find((it) => it.n === inForce)!);
  }

  /** That rules may come into force, and the contract would take them. @returns the number of those that do. @throws as `applyRules` */
  async #requireTaken(n: number): Promise<number> {
    const { n: first, from } = this.#announcements.requireDue(n);
    if (!this.#link) return first;
    // Rounds take a while, and the contract's thirty days end by its own time. Before `from` it can be withdrawn.
    const found = await this.#link.announcement(first);
    if (!found || this.clock.now() > from + ANNOUNCED_FOR - DAY)
      throw new TacitError("ANNOUNCEMENT", `the contract would not take announcement ${n}`, { n });
    if (found.time < from)
      throw new TacitError("ANNOUNCEMENT", `announcement ${n} may still be withdrawn: expected a confirmed block from ${isoTime(from)} on`, { n, from }); // prettier-ignore
    return first;
  }

  #announced(announcement: Announcement): Announcement {
    this.#tell({ kind: "announcement", announcement });
    return announcement;
  }

  #requireOffChain(): void {
    this.#requireTaking();
    if (this.contract) throw new TacitError("ON_CHAIN", "rules are announced at the venue's contract, not here");
  }

  /** Rules that came into force just before an end may not be marked so. */
  async #openAnnouncements(): Promise<void> {
    await this.#announcements.load();
    await this.#announcements.resume(rootsOf(this.terms.rules).root, () => this.#countRules());
  }

  /** How many RULES the log has. */
  async #countRules(): Promise<number> {
    let count = 0;
    for (let after = -1; ;) {
      const page = await this.changes({ after, limit: CHANGES });
      count += page.filter(({ kind }) => kind === "rules").length;
      if (page.length < CHANGES) return count;
      after = page[page.length - 1].n;
    }
  }

  /**
   * What the item of an account that spent a nonce was answered, or would have been: undefined where none is in the log. Asking
   * sends nothing.
   * @throws OUT_OF_RANGE, JOURNAL_DAMAGED, STORAGE
   */
  async answered(index: number, nonce: bigint): Promise<Acknowledgement | undefined> {
    if (!this.account(index)) throw outOfRange("index", "the number of an account");
    // Who stands by signs nothing.
    this.#requireLeading();
    const known = await this.#market.find({ account: BigInt(index), nonce: requireBits("nonce", nonce, BITS.nonce) });
    return known && (await this.#acknowledge([known]))[0];
  }

  /** Entries that co-signers gave back when this venue began to lead, as the journal had lost them. */
  get recovered(): number {
    return this.#recovered;
  }

  /** What co-signers have signed so far; null without them, and while it stands by. */
  get coSigning(): CoSigningStatus | null {
    return this.#shown?.coSigning.status ?? null;
  }

  /**
   * The first final head after so many entries of the log, or more, and the entries between; `final` null where there is none so far.
   * @param wait  milliseconds to wait for it
   * @throws NO_CO_SIGNERS, STANDBY, STORAGE
   */
  async finality(n: number, { wait = 0 }: { wait?: number } = {}) {
    if (!Number.isSafeInteger(n) || n < 1) throw outOfRange("n", "an integer, at least 1");
    if (this.#coSigners) this.#requireLeading();
    if (!this.#shown) throw new TacitError("NO_CO_SIGNERS", "no co-signers sign the heads of this venue's log");
    const { coSigning } = this.#shown;
    if (wait > 0) await coSigning.reached(n, wait);
    return (await coSigning.final(n)) ?? { final: null, entries: null };
  }

  /** Calls the listener with all that happens from now on. @returns what ends it */
  subscribe(listener: (event: VenueEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // What it is.

  /** Who leads, as it named itself, while this venue stands by. */
  get leader(): string | null {
    return this.#leads ? null : (this.#standby?.leader ?? (isStandby(this.#store) ? this.#store.leader : null));
  }

  /** How the venue does: `ok` unless it takes no items, proves nothing, or is held up by something that does not pass by itself. */
  health() {
    const market = this.#market;
    const { logCount, proved } = market;
    const chain = this.#link?.status ?? null;
    const status = this.#status === "open" && !this.#leads ? "standby" : this.#status;
    const standsBy = status === "standby" ? (this.#standby?.error?.message ?? "it stands by") : null;
    const reason =
      this.#reason?.message ??
      standsBy ??
      this.#signer.fault ??
      this.#shown?.coSigning.fault ??
      market.provingError?.message ??
      (chain && this.#heldUp(chain));
    return {
      ok: status === "open" && reason === null,
      status,
      reason,
      logCount,
      proved,
      unproved: logCount - proved,
      roundsWaiting: market.pipeline?.waiting ?? 0,
      proofs: market.pace,
      queue: this.#inFlight.size,
      chain,
      accounts: market.matcher.accounts.length,
      journalChecked: market.checked,
      time: market.matcher.clock >> 5n,
    };
  }

  /** What keeps rounds from the contract, or deposits from the log, for longer than it usually does. */
  #heldUp({ stopped, waiting, waitingSince, deposits, ...relay }: LinkStatus): string | null {
    if (stopped) return stopped.message;
    const now = this.clock.now();
    const lasts = (since: bigint | undefined) => since !== undefined && now - since >= HELD_UP;
    for (const { failingSince, lastError } of [relay, deposits])
      if (lasts(failingSince)) return `the chain fails since ${failingSince}: ${lastError!.message}`;
    // What consumes no entry goes with the next round, whenever that is.
    if (waiting !== undefined && waiting !== "noLogEntry" && lasts(waitingSince))
      return `the contract takes no round since ${waitingSince}: ${waiting}`;
    return null;
  }

  /** The contract that takes the rounds, or null. */
  get contract(): OpenedChain | null {
    return this.#link?.contract ?? null;
  }

  /** Takes what is queued, ends the round, keeps a snapshot, and gives back threads and storage. Proofs go on after the next start. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#status === "standby") {
      this.#status = "closed";
      this.#signatures.giveUp?.();
    }
    await this.#following;
    const open = this.#status === "open";
    try {
      this.#cancelWake();
      this.feeds.close();
      await this.#link?.close();
      do {
        await this.#intake.checked();
        await this.#pump();
      } while (this.#status === "open" && (this.#intake.length > 0 || this.#deposits.length > 0));
      // From here on the clock begins nothing.
      this.#status = "closed";
      this.#signatures.giveUp?.();
      await this.#answers;
      if (open) await this.#market.finish();
      await this.#signer.settled();
    } finally {
      this.#status = "closed";
      this.#cancelWake();
      this.#refuseWaiting(stopped("it is closed"));
      this.#market.reports.stop();
      this.#signatures.giveUp?.();
      await this.#shown?.coSigning.close();
      await this.#market.pipeline?.close();
      await this.#signatures.close();
      await this.#store.close();
    }
  }

  // The queue.

  async #submit(item: Item, auth: Auth, kind?: Decoded["kind"]): Promise<Acknowledgement> {
    const { A, B, salt, list } = item;
    const { R8x, R8y, S } = auth;
    const words = Array.isArray(list) ? [...list] : list;
    const own = { item: words === undefined ? { A, B, salt } : { A, B, salt, list: words }, auth: { R8x, R8y, S } };
    requireItem(own.item);
    requireFields("item", own.auth);
    const decoded = decodeItem(own.item);
    if (kind && decoded?.kind !== kind) throw wrongKind(kind, decoded?.kind ?? null);
    if (decoded?.kind === "withdrawal") {
      const { contract } = this;
      requireRecipient(decoded.body.recipient, contract ? [contract.address, contract.token] : []);
    }
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
    if (this.#status !== "open") throw stopped(this.#reason ?? "it is closed");
  }

  #requireTaking(): void {
    this.#requireLeading();
    this.#requireOpen();
    if (this.#closing) throw stopped("it is being closed");
  }

  #requireLeading(): void {
    if (!this.#leads && (this.#status === "standby" || this.#status === "open")) throw standsBy();
  }

  #requireRoom(decoded: Decoded | null): void {
    if (this.#inFlight.size >= this.limits.queue)
      throw new TacitError("BUSY", "too many items wait for their answers: try again", { retryAfter: 1 });
    if (!this.proves) return;
    const { limits } = this;
    const market = this.#market;
    const unproved = market.logCount - market.proved;
    const proofs = market.proofsWaiting;
    // Orders first: who wants to leave is let out for longer.
    const room = decoded?.kind === "order" || decoded?.kind === "quotes" ? 1 : LEAVING_BEYOND;
    if (unproved >= limits.unproved * room)
      throw this.#busy(`proofs are ${unproved} entries behind the market`, unproved - limits.unproved * room + 1);
    if (proofs >= limits.unprovedProofs * room)
      throw this.#busy("too many proofs wait to be made", limits.unproved / 8);
    if (this.#link && this.#unaccepted(this.#link) >= limits.unacceptedProofs * room)
      throw this.#busy("the chain is behind the market", limits.unproved / 8);
  }

  /**
   * Instructions that the contract has not taken, with those of what waits to be written. Once they are too old for it, all of
   * them must go in one transaction with something fresh.
   */
  #unaccepted(link: ChainLink): number {
    const { admit } = PROFILES[this.genesis.profile];
    return link.instructions + this.#market.proofsWaiting + Math.ceil(this.#intake.length / admit);
  }

  /** Deposits that may come into the log: the others can wait at the contract. */
  #depositRoom(link: ChainLink): number {
    const { deposit } = PROFILES[this.genesis.profile];
    const lists = Math.floor(this.limits.unacceptedProofs - this.#unaccepted(link));
    return this.#status === "open" && !this.#closing ? Math.max(0, lists) * deposit : 0;
  }

  /**
   * Whether what the contract has not taken is too old for it, and waits for nothing else: then it goes in one transaction with
   * an entry that is fresh.
   */
  get #isStale(): boolean {
    const status = this.#link?.status;
    return status?.waiting === "tooOld" && status.failures === 0 && this.#market.proofsWaiting === 0;
  }

  /** @param excess  entries that must be proved before there is room */
  #busy(what: string, excess: number): TacitError {
    return new TacitError("BUSY", `${what}: try again`, { retryAfter: this.#market.secondsFor(excess) });
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
      if (this.#status === "open" && this.#waits) void this.#pump();
      else this.#scheduleNext();
    });
    return this.#pumping;
  }

  get #waits(): boolean {
    return this.#intake.ready > 0 || this.#deposits.length > 0 || this.#configuring.length > 0;
  }

  async #run(): Promise<void> {
    try {
      do {
        // What came in meanwhile is written together with the rest.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#status !== "open") return;
        const now = this.#market.stamp(this.clock.now());
        await this.#payInsurance(now);
        await this.#reprice(now);
        await this.#reduce(now);
        await this.#market.closeDue(now);
        await this.#enforce(now);
        for (const waiting of this.#configuring.splice(0)) await this.#configure(waiting, now);
        // All of them: an item may be of an account that a deposit before it opens.
        for (let deposits; (deposits = this.#deposits.shift());) await this.#credit(deposits, now);
        if (this.#intake.ready > 0) await this.#takeItems(this.#intake.take(BATCH), now);
        if (this.#isStale) {
          await this.#market.commit([this.#market.freshEntry(now)]);
          await this.#market.endRound();
        }
        if (this.#market.roundOver(now)) await this.#market.endRound();
        this.#market.reports.writeSoon((error) => this.#stop(error));
      } while (this.#waits);
    } catch (error) {
      this.#stop(error as Error);
    }
  }

  /** Makes the prices of the newest epoch of which a quorum is there. */
  async #reprice(now: bigint): Promise<void> {
    const { rules, prices } = this.terms;
    const due = this.feeds.due(rules, prices, now);
    if (!due || !this.#market.mayReprice(now)) return;
    await this.#market.reprice({ ...due, time: now });
    this.feeds.priced(due.epoch, rules);
  }

  /** Sells down who is in default, in the auctions of now. */
  async #reduce(now: bigint): Promise<void> {
    if (!this.#policy?.watches) return;
    const at = this.#auctionTime(now);
    if (at === null || !this.#market.mayReduce(at)) return;
    const room = this.#stepRoom;
    if (room >= 1) await this.#market.takeSteps(this.#policy.reductions(this.#market.matcher, at), at, room);
  }

  /** Instructions for which there is room: steps against accounts in default go on for longer than who wants to leave. */
  get #stepRoom(): number {
    const { unprovedProofs, unacceptedProofs } = this.limits;
    const accepted = this.#link ? STEPS_BEYOND * unacceptedProofs - this.#unaccepted(this.#link) : Infinity;
    const proved = this.proves ? STEPS_BEYOND * unprovedProofs - this.#market.proofsWaiting : Infinity;
    return Math.min(accepted, proved);
  }

  /** Other steps against who is in default: after each REPRICE, and, as long as there is somebody, at each auction. */
  async #enforce(now: bigint): Promise<void> {
    const { prices } = this.terms;
    const auction = this.#auctionTime(now);
    const again = this.#policy?.watches && auction !== null && auction > this.#enforced.time;
    if (!this.#policy || (prices === this.#enforced.prices && !again)) return;
    // Who is flagged may have to be swept or taken over at once: no withdrawal comes between, and no order.
    for (let i = 0; i < LOOKS; i++) {
      const room = this.#stepRoom;
      // Looked at again when there is room.
      if (room < 1) return;
      const steps = this.#policy.steps(this.#market.matcher, now);
      if (steps.length === 0 || (await this.#market.takeSteps(steps, now, room)) === 0) break;
    }
    this.#enforced = { prices, time: now };
  }

  /** The last second at which a market has had an auction; null without markets. */
  #auctionTime(now: bigint): bigint | null {
    const times = this.terms.rules.markets.flatMap((row) => (row ? [now - (now % row.interval)] : []));
    return times.length === 0 ? null : times.reduce(max);
  }

  async #configure(waiting: WaitingRules, now: bigint): Promise<void> {
    const { n, resolve, reject } = waiting;
    let inForce: number | null;
    try {
      // They may have come into force since they were asked for.
      inForce = await this.#announcements.apply(n, async ({ rules, from }) => {
        if (now < from) return false;
        await this.#market.configure(rules, now);
        return true;
      });
    } catch (error) {
      const isRefusal = error instanceof TacitError && ["ANNOUNCEMENT", "RULES", "OUT_OF_RANGE"].includes(error.code);
      reject(isRefusal ? error : stopped(error as Error));
      if (!isRefusal) throw error;
      return;
    }
    // Good by now, and not yet at the second of this turn, which began before: stamped so, the contract would take no round any more.
    if (inForce === null) return void this.#configuring.push(waiting);
    resolve(inForce);
    await this.#reprice(now);
  }

  /** Announced rules with a payout of the insurance account, which come into force at its second, and at no other. */
  get #payouts(): { readonly at: bigint; readonly announcement: Announcement }[] {
    return this.#announcements.waiting.flatMap((announcement) => {
      const at = announcement.rules.group.payout?.time;
      return at === undefined || this.#tried.has(announcement.n) ? [] : [{ at, announcement }];
    });
  }

  /** Brings them into force by itself. Whatever keeps one from that is told by who asks for it afterwards. */
  async #payInsurance(now: bigint): Promise<void> {
    for (const { at, announcement } of this.#payouts) {
      const { n, from } = announcement;
      if (now < at || at < from) continue;
      this.#tried.add(n);
      // What keeps it is no affair of the queue's.
      const first = await this.#requireTaken(n).catch(() => null);
      if (first !== n || this.#market.stamp(at) !== at) continue;
      await this.#configure({ n, resolve: () => this.#announced(announcement), reject: () => {} }, at);
    }
  }

  #scheduleNext(): void {
    this.#cancelWake();
    if (this.#status !== "open") return;
    const at = this.#nextTime;
    if (at !== null) this.#cancelWake = this.clock.wake(at, () => void this.#pump());
  }

  get #nextTime(): bigint | null {
    const { rules, prices } = this.terms;
    const now = this.#market.stamp(this.clock.now());
    // What cannot be stamped in this second is in the next one.
    const first = this.#market.mayReprice(now) ? now : now + 1n;
    const repriced = this.feeds.due(rules, prices, now) ? first : this.feeds.nextTime(rules, prices, now);
    const times = [this.#market.nextTime, repriced, ...this.#payouts.map(({ at }) => (at > now ? at : null))];
    if (this.#policy?.watches)
      times.push(...this.terms.rules.markets.flatMap((row) => (row ? [(now / row.interval + 1n) * row.interval] : [])));
    const wanted = times.filter((time) => time !== null);
    return wanted.length === 0 ? null : wanted.reduce(min);
  }

  async #credit({ deposits, resolve, reject }: WaitingDeposits, time: bigint): Promise<void> {
    const { deposit: slots } = PROFILES[this.genesis.profile];
    const refusal = this.#market.matcher.noRoomFor(deposits);
    if (refusal) return reject(refusal);
    try {
      const lists = Math.ceil(deposits.length / slots);
      await this.#market.commit(
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
        await this.#market.commit(entries, hashed);
        // What is in the log is answered, whatever becomes of the rest.
        const answered = taken.splice(0);
        this.#answer(
          answered.map(({ resolve, reject }, i) => ({ known: this.#market.known(hashed[i].item)!, resolve, reject })),
        );
      }
      for (; again.length > 0; again.shift()) {
        const [{ checked, decoded, resolve, reject }] = again;
        const { item } = checked!;
        const known = this.#market.known(item) ?? (await this.#market.find(decoded!.head).catch(damaged));
        if (known instanceof TacitError) reject(known);
        else if (known?.entry.item !== item) reject(declined("nonce"));
        else this.#answer([{ known, resolve, reject }]);
      }
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
      const index = Number(decoded.head.account);
      // By rule none is signed: in the log it would spend no nonce.
      if (index === INSURANCE) {
        reject(declined("unsigned"));
        continue;
      }
      const last = nonces.get(index) ?? this.#market.matcher.accounts[index].nonce;
      const fault = nonceFault(last, decoded);
      if (fault === "spent") again.push(waiting);
      else if (fault) reject(declined("nonce"));
      else {
        nonces.set(index, lastNonce(decoded));
        taken.push(waiting);
      }
    }
    return { taken, again };
  }

  /** Has the receipts of what is in the log signed, and answers, while the next items are taken. */
  #answer(answered: readonly Answered[]): void {
    this.#answers = Promise.all([this.#acknowledge(answered.map(({ known }) => known)), this.#answers]).then(
      ([acknowledgements]) => answered.forEach(({ resolve }, i) => resolve(acknowledgements[i])),
      (error: Error) => {
        for (const { reject } of answered) reject(stopped(error));
        this.#stop(error);
      },
    );
  }

  /** Of what is in the log. */
  async #acknowledge(items: readonly Known[]): Promise<Acknowledgement[]> {
    const { domain } = this.genesis;
    const receipts = items.map(({ entry, n, head }) => ({ domain, n: BigInt(n), head, ...entry }));
    const signatures = await this.#signer.receipts(receipts);
    return items.map(({ previous, verdict }, i) => {
      return { receipt: { previous, signature: signatures[i], ...receipts[i] }, verdict };
    });
  }

  #tell(event: VenueEvent): void {
    tellAll(this.#listeners, event);
  }

  async #openChain(options: ChainOptions): Promise<void> {
    const finalOf: FinalOf = async ({ logCount }, coSigners) => this.#coSign(coSigners).finalAt(Number(logCount));
    const link: ChainLink = await ChainLink.open({
      ...options,
      ...(this.#coSigners ? { finalOf } : {}),
      domain: this.genesis.domain,
      genesisState: this.genesisState,
      freeLeaves: BigInt(4 ** PROFILES[this.genesis.profile].depth - this.genesis.accounts.length),
      store: this.#store,
      clock: this.clock,
      credited: () => this.#market.depositCount,
      room: () => this.#depositRoom(link),
      onLook: () => {
        if (this.#isStale) void this.#pump();
      },
      onDeposits: (deposits) => this.#queueDeposits(deposits),
      onAccepted: (round) => this.#tell({ kind: "round", round }),
      onRules: async (page) => {
        for (const announcement of await this.#announcements.read(page)) this.#announced(announcement);
      },
      ...(this.#announcements.cursor === undefined ? {} : { rulesFrom: this.#announcements.cursor }),
      onFailed: (error) => this.#stop(error),
    });
    if (this.#coSigners && link.contract.coSigners) this.#coSign(link.contract.coSigners);
    await link.start(() => {
      this.#link = link;
      return this.#early.splice(0);
    });
  }

  /** Stops the venue if what lies before the snapshot is damaged. */
  async #checkOlder(): Promise<void> {
    try {
      await this.#market.checkOlder(() => this.#status === "open" || this.#status === "standby");
    } catch (error) {
      this.#stop(error as Error);
    }
  }

  #stop(error: Error): void {
    if (this.#status !== "open" && this.#status !== "standby") return;
    this.#status = "stopped";
    this.#reason = error instanceof TacitError ? error : new TacitError("UNEXPECTED", `unexpected: ${error.message}`);
    this.#cancelWake();
    this.#refuseWaiting(stopped(error));
    this.#tell({ kind: "stopped", error: this.#reason });
  }

  #refuseWaiting(error: TacitError): void {
    const waiting = [...this.#intake.clear(), ...this.#deposits.splice(0), ...this.#configuring.splice(0)];
    for (const { reject } of waiting) reject(error);
  }
}

/** @throws OUT_OF_RANGE  where there are addresses, and no co-signers: a contract may have others than the genesis; or one is the signer */
function coSignersOf({ genesis, coSigners: urls, secret, chain, signer, digest }: VenueOptions) {
  if (!urls || urls.length === 0) return null;
  if (!genesis.coSigners && !chain) throw outOfRange("coSigners", "none: the genesis names no co-signers");
  if (urls.length > MAX_CO_SIGNERS) throw outOfRange("coSigners", `at most ${MAX_CO_SIGNERS} addresses`);
  if (genesis.coSigners?.addresses.includes(signer.address))
    throw outOfRange("signer", "a signer that is none of the co-signers of the genesis");
  return { set: genesis.coSigners ?? null, urls, seal: operatorSeal(secret), digest };
}

/** What the journal has lost is lost to who asks for it: its check at the start stops the venue. */
function damaged(error: unknown): TacitError {
  if (error instanceof TacitError && error.code === "JOURNAL_DAMAGED") return error;
  throw error;
}

/** Whether a store that stands by may be asked again: what it has said is of a server that is away, or being set up anew. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof TacitError) || error.code !== "STORAGE") return false;
  return !["foreign", "denied", "damaged", "closed", "settings"].includes(String(error.details.reason));
}

function tellAll(listeners: ReadonlySet<(event: VenueEvent) => void>, event: VenueEvent): void {
  for (const listener of listeners)
    try {
      listener(event);
    } catch {
      // A listener that fails is its owner's affair: the venue goes on.
    }
}
