import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { Event } from "../matcher/events.ts";
import type { Matcher } from "../matcher/matcher.ts";
import type { Account } from "../protocol/account.ts";
import { secretScalar } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import type { GenesisFile } from "../protocol/genesis.ts";
import { PROFILES, type Profile } from "../protocol/instructions.ts";
import { chainHeads, decodeItem, hashEntries, type Decoded, type HashedEntry } from "../protocol/item.ts";
import type { Verdict } from "../protocol/parameters.ts";
import type { SignedReport } from "../protocol/report.ts";
import type { Rules } from "../protocol/rules.ts";
import type { PublishedRound } from "../verifier/index.ts";
import { RoundBuilder } from "../witness/round.ts";
import type { Limits, VenueEvent, VenueOptions } from "./options.ts";
import { Pipeline, summariesAfter, type RoundSummary } from "./proving/pipeline.ts";
import { Recent } from "./recent.ts";
import { Reports } from "./reports.ts";
import { systemClock, type Clock } from "./clock.ts";
import { commandOf, type Step as DefaultStep } from "./liquidator.ts";
import { randomElement } from "./randomElement.ts";
import { Pace, type ProofPace } from "./proving/pace.ts";
import { nextClose } from "./schedule.ts";
import type { Start } from "./start.ts";
import { happening, recordsOf, stepsOf, type Logged, type Step } from "./steps.ts";
import {
  EMPTY_JOURNAL,
  encodeRecord,
  itemKey,
  logEntry,
  readJournal,
  readLog,
  readRecord,
  tipAfter,
  type JournalEntry,
  type JournalRecord,
  type Tip,
} from "./store/journal.ts";
import { encodeSnapshot } from "./store/snapshot.ts";
import { isStandby, type Store } from "./store/store.ts";

/** An item that is in the log. */
export interface Known {
  readonly entry: HashedEntry;
  readonly n: number;
  /** of the log before and after it */
  readonly previous: bigint;
  readonly head: bigint;
  readonly verdict: Verdict | null;
}

/** Entries that a venue has written, and the heads of the log after each. */
export interface Written {
  readonly epoch: number;
  /** entries before the first of them */
  readonly first: number;
  readonly entries: readonly HashedEntry[];
  readonly heads: readonly bigint[];
  /** of the journal: of the entries, and marks between and after them */
  readonly records: readonly Uint8Array[];
}

/** What a market tells its venue. */
export interface MarketEvents {
  tell(event: VenueEvent): void;
  /** the log has grown by entries, or a round has ended, all on disk */
  onWritten(written: Written): void;
  /** a round is proved, and kept */
  onProven(round: PublishedRound): void;
  /** nothing may be taken any more */
  onFailed(error: Error): void;
}

/** Open orders of markets that are closed by one transaction, after which no other market is. */
const CLEARED = 512;
/** Items that are kept at hand, at least. */
const RECENT = 25_000;
/** Snapshots that are kept: one must be older than the oldest round that is not proved. */
const SNAPSHOTS = 3;
/** Records that are read again between two chances for others to run. */
const REPLAY = 512;

/**
 * The log of a venue, and what its entries come to: books and accounts, reports, rounds and their proofs, snapshots. All that
 * changes it is on disk before it happens. Who calls it calls one thing at a time.
 */
export class Market {
  readonly genesis: GenesisFile;
  readonly limits: Limits;
  readonly matcher: Matcher;
  readonly pipeline: Pipeline | null;
  readonly reports: Reports;
  readonly #store: Store;
  readonly #digest: VenueOptions["digest"];
  readonly #profile: Profile;
  readonly #events: MarketEvents;
  /** what was taken of late, by hash of the item */
  readonly #recent = new Recent<bigint, Known>(RECENT);
  readonly #accountsOf = new Map<bigint, number[]>();
  #tip: Tip;
  /** the round that is being filled */
  #round: { number: number; from: { logCount: bigint; head: bigint }; entries: HashedEntry[]; proofs: number };
  #depositCount: number;
  #snapshotAt: number;
  #snapshotting: Promise<void> = Promise.resolve();
  #provingError: Error | null = null;
  /** entries that were proved when it was opened, or elsewhere since; and the last of their rounds */
  #provenBefore: bigint;
  #provenRound: number;
  readonly #checkUpTo: number;
  readonly #keep: number;
  #checked: { records: number; done: boolean } = { records: 0, done: false };
  /** entries proved a second, as of late: for "retry after" */
  #rate = 0;
  readonly #pace = new Pace();
  readonly #clock: Clock;
  /** of the rounds that have ended and are not proved: entries up to their end, and the time of their first */
  #unprovedRounds: { to: bigint; time: bigint }[] = [];

  constructor(options: VenueOptions, limits: Limits, start: Start, events: MarketEvents) {
    this.genesis = options.genesis;
    this.limits = limits;
    this.matcher = start.matcher;
    this.#store = options.storage;
    this.#digest = options.digest;
    this.#profile = PROFILES[options.genesis.profile];
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    const { snapshot } = start;
    this.reports = new Reports({ terms: this.matcher.terms, logCount: snapshot?.logCount ?? 0 }, options.storage);
    this.#tip = snapshot ? { ...snapshot, previous: hexToBytes(snapshot.checksum) } : EMPTY_JOURNAL;
    this.#round = this.#newRound((snapshot?.round ?? 0) + 1);
    this.#depositCount = snapshot?.deposits ?? 0;
    this.#snapshotAt = snapshot?.sequence ?? -1;
    this.#checkUpTo = this.#snapshotAt;
    this.#provenBefore = start.proven?.logCount ?? 0n;
    this.#provenRound = start.proven?.round ?? 0;
    // Those that no round is proved up to must not push out the one that is good for a start.
    this.#keep = SNAPSHOTS + start.passed;
    this.matcher.accounts.forEach((account, index) => this.#index(account, index));
    this.pipeline = options.prover ? this.#startPipeline(options, options.prover, start) : null;
  }

  #startPipeline(options: VenueOptions, prover: NonNullable<VenueOptions["prover"]>, start: Start): Pipeline {
    const { ledger, proven, snapshot } = start;
    const accounts = [...this.matcher.accounts];
    return new Pipeline({
      ledger,
      builder: new RoundBuilder(ledger, { accounts, operatorSecret: secretScalar(options.secret) }),
      prover,
      store: this.#store,
      proven: proven ?? { time: this.genesis.time, logCount: 0n },
      start: { round: snapshot?.round ?? 0, accounts },
      follows: isStandby(this.#store),
      onProof: () => this.#pace.make(this.#clock.now()),
      onProven: (round, summary) => {
        this.#events.onProven(round);
        this.#onProven(summary);
      },
      onFailed: (error) => {
        this.#provingError = error;
        this.#events.tell({ kind: "provingStopped", error });
      },
    });
  }

  // How it stands.

  get logCount(): number {
    return this.#tip.logCount;
  }

  /** Deposits that are in the log. */
  get depositCount(): number {
    return this.#depositCount;
  }

  /** Entries that are proved. */
  get proved(): number {
    return Number(this.pipeline?.provenCount ?? this.#provenBefore);
  }

  /** Instructions that wait to be proved, those of the round that is being filled among them. */
  get proofsWaiting(): number {
    return (this.pipeline?.instructionsWaiting ?? 0) + this.#round.proofs;
  }

  /** How proofs keep up; null where none are made. */
  get pace(): ProofPace | null {
    if (!this.pipeline) return null;
    const oldest = this.#unprovedRounds[0]?.time ?? this.#round.entries[0]?.time ?? null;
    const most = { proofs: this.limits.unprovedProofs, entries: this.limits.unproved };
    const ended = this.pipeline.instructionsWaiting;
    const backlog = { proofs: this.proofsWaiting, ended, entries: this.logCount - this.proved, oldest, most };
    return this.#pace.report(backlog, this.stamp(this.#clock.now()));
  }

  /** Why no rounds are proved any more, or null. */
  get provingError(): Error | null {
    return this.#provingError;
  }

  /** Records of the journal that were checked in the background, of those before the snapshot. */
  get checked(): { records: number; done: boolean } {
    return this.#checked;
  }

  /** Seconds after which so many entries more are likely to be proved. */
  secondsFor(entries: number): number {
    return Math.min(600, Math.max(1, Math.ceil(entries / (this.#rate || 1))));
  }

  /** Numbers of the accounts of a key, the first opened first. */
  indexesOf(key: { x: bigint; y: bigint }): number[] {
    const found = this.#accountsOf.get(key.x) ?? [];
    return found.filter((index) => this.matcher.accounts[index].keyY === key.y);
  }

  /** What is known of an item that was taken before. @param item  its hash */
  known(item: bigint): Known | undefined {
    return this.#recent.get(item);
  }

  /**
   * The item in the log that spent a nonce of an account, or undefined where none did.
   * @throws JOURNAL_DAMAGED, STORAGE
   */
  async find({ account, nonce }: Pick<Decoded["head"], "account" | "nonce">): Promise<Known | undefined> {
    const sequence = await this.#store.find(itemKey({ account, nonce }));
    if (sequence === undefined) return undefined;
    const { record, previous } = await readRecord(this.#store, sequence, this.#digest);
    const found = record.entry.kind === "item" ? decodeItem(record.entry.item)?.head : undefined;
    if (found?.account !== account || found.nonce !== nonce) {
      const message = `record ${sequence} is not the item that it was found by`;
      throw new TacitError("JOURNAL_DAMAGED", message, { sequence });
    }
    const [entry] = this.#hashed([record.entry]);
    const { logCount, head } = record;
    return this.#recent.get(entry.item) ?? { entry, n: logCount - 1, previous, head, verdict: null };
  }

  /** Head of the log as it is. */
  get head(): bigint {
    return this.#tip.head;
  }

  /** Entries of the log from one on, as the journal has them. @param first  entries before it @throws JOURNAL_DAMAGED, STORAGE */
  async log(first: number, count: number): Promise<JournalRecord[]> {
    const found: JournalRecord[] = [];
    if (count > 0)
      for await (const { record } of readLog(this.#store, first, this.#digest)) if (found.push(record) >= count) break;
    return found;
  }

  // Time.

  /** Stamp of what is taken now: never before what is in the log. @param now  seconds since 1970 */
  stamp(now: bigint): bigint {
    const last = this.matcher.clock >> 5n;
    return now > last ? now : last;
  }

  /** When something is to be done next: a close, or the end of a round that is old; or null. */
  get nextTime(): bigint | null {
    const next = this.#nextClose(this.matcher, this.stamp(this.#clock.now()));
    const [first] = this.#round.entries;
    const ends = first ? first.time + BigInt(this.limits.roundSeconds) : null;
    return next && (ends === null || next.time < ends) ? next.time : ends;
  }

  /**
   * An entry that is fresh and takes one proof or few: a purge, which matches nothing, of a slot without a market, or else of
   * the market with the fewest orders.
   */
  freshEntry(time: bigint): JournalEntry {
    const sizes = this.matcher.terms.rules.markets.map((row, slot) => (row ? 1 + this.matcher.book(slot).length : 0));
    return { kind: "purge", time, slot: sizes.indexOf(Math.min(...sizes)) };
  }

  #nextClose(matcher: Matcher, now: bigint): { time: bigint; slot: number } | null {
    const matches = (slot: number, time: bigint) => matcher.matchesAt(slot, time);
    return nextClose(matcher.terms.rules, (slot) => matcher.pending(slot), { clock: matcher.clock, now, matches });
  }

  #dueClose(matcher: Matcher, now: bigint): { time: bigint; slot: number } | null {
    const next = this.#nextClose(matcher, now);
    return next && next.time <= now ? next : null;
  }

  /** The closes that are due, as the matcher comes to them: as many as keep others waiting for some milliseconds. */
  *#due(matcher: Matcher, now: bigint): Generator<JournalEntry, void> {
    for (let orders = 0, next; orders < CLEARED && (next = this.#dueClose(matcher, now));) {
      orders += matcher.book(next.slot).length;
      yield { kind: "close", ...next };
    }
  }

  // What changes it.

  /** Closes all that is due. @throws as `commit` */
  async closeDue(now: bigint): Promise<void> {
    while (this.#dueClose(this.matcher, now)) await this.commit((matcher) => this.#due(matcher, now));
  }

  /** Whether REPRICE may be stamped so: it is the first entry of its second. */
  mayReprice(time: bigint): boolean {
    return 32n * time > this.matcher.clock;
  }

  /** New prices, and the folds of what they settle. @throws as `commit`; EPOCH, QUORUM */
  async reprice(command: { epoch: bigint; quorum: readonly SignedReport[]; time: bigint }): Promise<void> {
    await this.commit([{ kind: "reprice", ...command }]);
    const { time } = command;
    const slots = this.#profile.fold;
    const folds: JournalEntry[] = [];
    let end = 0;
    for (const from of this.matcher.unfolded()) {
      if (from < end) continue;
      const count = Math.min(slots, this.matcher.accounts.length - from);
      folds.push({ kind: "fold", time, from, count });
      end = from + count;
    }
    if (folds.length > 0) await this.commit(folds);
  }

  /**
   * Steps against accounts in default, in their order, as far as they may be taken one after the other, and as their proofs have room.
   * @param wanted  what a policy asks for
   * @param room    instructions
   * @returns how many were taken
   * @throws as `commit`
   */
  async takeSteps(wanted: readonly DefaultStep[], time: bigint, room: number): Promise<number> {
    const profile = this.#profile;
    let taken = 0;
    let asked = 0;
    /** what the steps of the last proof have in common, and how many more it takes */
    let [shared, free] = ["", 0];
    await this.commit(function* (matcher) {
      for (const step of wanted) {
        const of = "slot" in step ? `${step.kind} ${step.slot}` : step.kind;
        const joins = of === shared && free > 0;
        const entry = commandOf(step, time, randomElement);
        const own = proofsOf(matcher, entry, profile);
        if (own === null) continue;
        const proofs = joins ? 0 : Math.ceil(own);
        if (asked + proofs > room) return;
        taken++;
        asked += proofs;
        const most = step.kind === "purge" ? 1 : step.kind === "assume" ? profile.assume : profile.enforce;
        [shared, free] = [of, (joins ? free : most) - 1];
        yield entry;
      }
    });
    return taken;
  }

  /** Whether a reduction may be stamped so: only prices come before it in its second. */
  mayReduce(time: bigint): boolean {
    return 32n * time >= this.matcher.clock;
  }

  /** New rules. @throws as `commit`; RULES, OUT_OF_RANGE when they may not follow now */
  async configure(rules: Rules, time: bigint): Promise<void> {
    await this.commit([{ kind: "rules", time, rules }]);
  }

  /**
   * Journals entries, and the end of each round that is full before the next of them. What they come to is known before; it
   * happens when they are on disk.
   * @param wanted  the entries, or what gives them one after the other, from what those before have come to
   * @param known  those of the log as the public may see them, where that was computed before
   * @throws STORAGE, FENCED  when nothing was written, and nothing has happened
   */
  async commit(
    wanted: readonly JournalEntry[] | ((matcher: Matcher) => Iterable<JournalEntry>),
    known?: readonly HashedEntry[],
  ): Promise<void> {
    const matcher = this.matcher.fork();
    const wanting = typeof wanted === "function" ? wanted(matcher) : wanted;
    const round = { number: this.#round.number, proofs: this.#round.proofs, most: this.limits.roundProofs };
    const steps = [...stepsOf(matcher, wanting, round, this.#profile)];
    const hashed = known ?? this.#hashed(steps.map(({ entry }) => entry));
    const place = { tip: this.#tip, epoch: this.#store.epoch, digest: this.#digest };
    const records = recordsOf(steps, hashed, place);
    await this.#store.append(records.map(({ record }) => record));
    this.matcher.adopt(matcher);
    const logged = hashed.values();
    const asked = steps.reduce((sum, step) => sum + ("proofs" in step ? step.proofs : 0), 0);
    if (this.pipeline && asked > 0) this.#pace.ask(asked, this.#clock.now());
    const { epoch } = place;
    const first = this.#tip.logCount;
    const heads = steps.flatMap((step, i) => ("accounts" in step ? [] : [records[i].tip.head]));
    this.#events.onWritten({
      epoch,
      first,
      entries: hashed,
      heads,
      records: records.map(({ record }) => record.bytes),
    });
    steps.forEach((step, i) => this.#take(step, records[i].tip, logged));
  }

  /** The effect of a record that is on disk. @param logged  whose next is its entry, unless it ends a round */
  #take(step: Step, tip: Tip, logged: Iterator<HashedEntry>): void {
    const { logCount: n, head: previous } = this.#tip;
    this.#tip = tip;
    if ("accounts" in step) return this.#markRound(step.accounts);
    const entry: HashedEntry = logged.next().value!;
    this.pipeline?.add(step.events);
    this.#round.entries.push(entry);
    this.#round.proofs += step.proofs;
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
    for (const report of this.reports.add(event, n)) this.#events.tell(report);
    if (event.kind !== "item" || !event.account) return;
    const { decoded, verdict } = event.admission;
    const { index: account } = event.account;
    this.#events.tell({ kind: "order", account, n, nonce: decoded!.head.nonce, item: decoded!.kind, verdict });
  }

  #newRound(number: number) {
    const { logCount, head } = this.#tip;
    return { number, from: { logCount: BigInt(logCount), head }, entries: [] as HashedEntry[], proofs: 0 };
  }

  /** Whether the round is to end now: it is full, or old, or a snapshot is due. */
  roundOver(now: bigint): boolean {
    const [first] = this.#round.entries;
    if (!first) return false;
    const { roundProofs, roundSeconds, snapshotEvery } = this.limits;
    if (this.#round.proofs >= roundProofs || this.#tip.sequence - this.#snapshotAt >= snapshotEvery) return true;
    return now - first.time >= BigInt(roundSeconds);
  }

  /** @param records  since the last snapshot, for which another is worth while */
  async endRound(records = this.limits.snapshotEvery): Promise<void> {
    await this.commit([{ kind: "round", number: this.#round.number }]);
    if (this.#tip.sequence - this.#snapshotAt >= records) this.#snapshot();
  }

  #markRound(accounts: readonly Account[]): void {
    const { number, from, entries, proofs } = this.#round;
    this.pipeline?.mark({ number, from, entries, proofs: Math.ceil(proofs), accounts });
    const to = from.logCount + BigInt(entries.length);
    if (this.pipeline && to > this.pipeline.provenCount) this.#unprovedRounds.push({ to, time: entries[0].time });
    this.#round = this.#newRound(number + 1);
  }

  #onProven(round: RoundSummary): void {
    this.#unprovedRounds = this.#unprovedRounds.filter(({ to }) => to > this.proved);
    const seconds = (round.provedAt - round.assembledAt) / 1000;
    const rate = round.entries / Math.max(seconds, 0.001);
    this.#rate = this.#rate ? 0.7 * this.#rate + 0.3 * rate : rate;
    this.#events.tell({ kind: "round", round });
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
      matcher: new TextDecoder().decode(this.matcher.export()),
    };
    const save = async () => {
      const ledger = this.pipeline ? await this.pipeline.snapshot() : null;
      await this.reports.flushGently();
      await this.#store.saveSnapshot({ sequence, bytes: encodeSnapshot({ ...state, ledger }) }, this.#keep);
    };
    this.#snapshotting = save().catch((error: Error) => {
      // Without proofs the market goes on as far as it may; the next start has an older snapshot.
      if (!this.#provingError) this.#events.onFailed(error);
    });
  }

  // Start and end.

  /** Ends the round, and keeps a snapshot. */
  async finish(): Promise<void> {
    if (this.#round.entries.length > 0) await this.endRound(1);
    await this.reports.flush();
    await this.#snapshotting;
  }

  /** Reads along: what another has written, and which rounds it has proved. @throws JOURNAL_DAMAGED, DIVERGED, STORAGE */
  async follow(): Promise<void> {
    await this.replay();
    for (const round of await summariesAfter(this.#store, this.#provenRound)) {
      this.#provenRound = round.number;
      this.pipeline?.proved(round);
      this.#provenBefore = BigInt(round.logCount);
      this.#onProven(round);
    }
  }

  /** Writes, and proves, from now on: what another has written is read. */
  async lead(): Promise<void> {
    await this.follow();
    await this.pipeline?.lead();
  }

  /**
   * Journals records that an earlier opening has written and the journal has lost, and applies them. Their heads are known to follow.
   * @param lost  from the first entry that it lacks on: marks before that, of which it may have some
   * @throws STORAGE, FENCED, JOURNAL_DAMAGED
   */
  async restore(lost: readonly JournalRecord[]): Promise<void> {
    let tip: Tip = this.#tip;
    const { number } = this.#round;
    const lacked = lost.filter(({ entry }) => entry.kind !== "round" || entry.number >= number);
    const records = lacked.map(({ entry, head }) => {
      const place = { ...tip, sequence: tip.sequence + 1, epoch: this.#store.epoch };
      const after = entry.kind === "round" ? place : { ...place, logCount: tip.logCount + 1, head };
      const bytes = encodeRecord(after, entry, this.#digest);
      tip = { ...after, previous: bytes.slice(-32) };
      const key = entry.kind === "item" ? { key: itemKey(decodeItem(entry.item)!.head) } : {};
      return { sequence: after.sequence, bytes, ...key };
    });
    for (let at = 0; at < records.length; at += REPLAY) await this.#store.append(records.slice(at, at + REPLAY));
    await this.replay();
  }

  /** Applies what the journal holds beyond the snapshot, and compares each head with the entries before it. */
  async replay(): Promise<void> {
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
        step = { entry, accounts: [...this.matcher.accounts] };
      } else {
        if (head !== heads.next().value) throw damaged("the head of the log does not follow");
        step = happening(this.matcher, entry, this.#profile);
      }
      this.#take(step, tipAfter(record), logged);
    }
    await this.reports.flush();
  }

  /** Reads what lies before the snapshot, while `goesOn`. @throws JOURNAL_DAMAGED, STORAGE */
  async checkOlder(goesOn: () => boolean): Promise<void> {
    const end = this.#checkUpTo;
    if (end >= 0)
      for await (const { sequence } of readJournal(this.#store, 0, EMPTY_JOURNAL, this.#digest)) {
        if (!goesOn()) return;
        this.#checked = { records: sequence + 1, done: false };
        if (sequence === end) break;
        if (sequence % REPLAY === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    this.#checked = { ...this.#checked, done: true };
  }

  #index(account: Account, index: number): void {
    const known = this.#accountsOf.get(account.keyX);
    if (known) known.push(index);
    else this.#accountsOf.set(account.keyX, [index]);
  }
}

/** Instructions that prove an entry, a share of one where it shares one; null where it may not follow, as far as the matcher can say. */
function proofsOf(matcher: Matcher, entry: Logged, profile: Profile): number | null {
  try {
    return happening(matcher.fork(), entry, profile).proofs;
  } catch (error) {
    if (error instanceof TacitError && ["DEFAULT", "TIME_ORDER", "OUT_OF_RANGE"].includes(error.code)) return null;
    throw error;
  }
}
