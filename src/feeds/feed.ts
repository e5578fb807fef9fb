import type { Point } from "../protocol/babyjub.ts";
import { publicKey, sign } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import { contractsHash } from "../protocol/instrument.ts";
import { max } from "../protocol/numbers.ts";
import type { Pricing } from "../protocol/prices.ts";
import { reportHash, type Numbers, type SignedReport } from "../protocol/report.ts";
import { advance, historyText, noHistory, numbersOf, readHistory, requireTerms, WARM_UP } from "./computation.ts";
import type { History, Outcome, Terms } from "./computation.ts";
import { Journal } from "./journal.ts";
import { badObservation, readObservation, type Observation, type Place } from "./observation.ts";

/** What a feed needs of a set of rules. */
export interface FeedRules extends Terms {
  readonly pricing: Pricing;
  /** keys by number */
  readonly feeds: readonly Point[];
}

/** Where a feed and what belongs to it tell what happens: pino's loggers are such. */
export interface FeedLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
export const NO_FEED_LOG: FeedLog = { info: () => {}, warn: () => {}, error: () => {} };

export interface FeedOptions {
  readonly domain: bigint;
  /** 32 bytes */
  readonly secret: Uint8Array;
  /** where it keeps what it signed; made if it is not there */
  readonly folder: string;
  /** those in force first, then what is announced and waits */
  readonly rules: readonly FeedRules[];
  /** returns that it waits for before it signs */
  readonly warmUp?: number;
  /** milliseconds since 1970 */
  readonly now?: () => number;
  readonly log?: FeedLog;
}

export interface FeedHealth {
  readonly ok: boolean;
  readonly reason: string | null;
  /** the last epoch that it signed, null before */
  readonly epoch: bigint | null;
  /** seconds, of the last observation since the start */
  readonly observed: bigint | null;
}

/** Seconds that a source's clock may be ahead of this machine's. */
const AHEAD = 5n;
/** Milliseconds after an epoch in which what was seen in it may still come, at most. */
const DELAY = 2_000;

/** A feed: takes what a source saw, and signs one report of each epoch for each set of contracts. */
export class Feed {
  readonly key: Point;
  readonly domain: bigint;
  readonly #secret: Uint8Array;
  readonly #journal: Journal;
  readonly #warmUp: number;
  readonly #now: () => number;
  readonly #log: FeedLog;
  readonly #epochLength: bigint;
  #rules: readonly { rules: FeedRules; contracts: bigint; number: number }[] = [];
  #leftOut: readonly string[] = [];
  #history: History | null = null;
  /** by second: what came later counts */
  readonly #pending = new Map<bigint, Observation>();
  #lastEpoch: bigint | null;
  #lacks: string | null = null;
  /** since the start */
  readonly counts = { signed: 0, refused: 0, observations: 0, late: 0, bad: 0 };
  #observed: bigint | null = null;

  /** @throws BAD_SECRET; LOCKED, FEED_DATA, FILE as `Journal`; OUT_OF_RANGE as `setRules` */
  constructor({ domain, secret, folder, rules, warmUp = WARM_UP, now = Date.now, log = NO_FEED_LOG }: FeedOptions) {
    if (rules.length === 0) throw new TacitError("OUT_OF_RANGE", "rules are missing: expected at least one set");
    this.key = publicKey(secret);
    this.domain = domain;
    this.#secret = secret;
    this.#warmUp = warmUp;
    this.#now = now;
    this.#log = log;
    this.#epochLength = rules[0].pricing.epochLength;
    this.setRules(rules);
    this.#journal = new Journal(folder, { domain, key: this.key });
    this.#lastEpoch = this.#journal.lastEpoch();
    this.#restore();
  }

  #restore(): void {
    try {
      const text = this.#journal.readHistory();
      const history = text === null ? null : readHistory(text);
      if (history?.epochLength === this.#epochLength) this.#history = history;
    } catch {
      this.#log.warn({}, "what the feed remembered cannot be read: averages begin anew");
    }
    this.#dropAhead(this.#due());
  }

  /** What was seen by a clock that was ahead counts for nothing: else nothing would be signed until its time is there. */
  #dropAhead(due: bigint): void {
    // Without observations, such a clock leaves behind the epoch after the one that runs.
    const isAhead = (epoch: bigint) => epoch > due + 2n;
    if (this.#observed !== null && isAhead(this.#epochOf(this.#observed))) {
      this.#observed = null;
      for (const time of this.#pending.keys()) if (isAhead(this.#epochOf(time))) this.#pending.delete(time);
    }
    if (!this.#history || !isAhead(this.#history.epoch)) return;
    const about = { epoch: `${due}`, remembered: `${this.#history.epoch}` };
    this.#log.warn(about, "what the feed remembers is ahead of its clock: averages begin anew");
    this.#history = null;
  }

  /**
   * Signs for these from the next epoch on, and for no others.
   * @param rules  those in force first, then what is announced and waits: what of it the feed cannot compute for is left out
   * @throws OUT_OF_RANGE  where those in force have epochs of another length, or too much would have to be remembered for them
   */
  setRules(rules: readonly FeedRules[]): void {
    const leftOut: string[] = [];
    const kept = rules.filter((each, i) => {
      try {
        requireTerms(each, this.#epochLength);
        return true;
      } catch (error) {
        if (i === 0 || !(error instanceof TacitError)) throw error;
        leftOut.push(`contracts ${contractsHash(each.instruments)}: ${error.message}`);
        return false;
      }
    });
    this.#leftOut = leftOut;
    this.#rules = kept.map((each) => ({
      rules: each,
      contracts: contractsHash(each.instruments),
      number: each.feeds.findIndex(({ x, y }) => x === this.key.x && y === this.key.y),
    }));
  }

  /** Of this feed by the rules in force, -1: it is none. */
  get number(): number {
    return this.#rules[0].number;
  }

  /** Announced sets that it does not sign for, and why. */
  get leftOut(): readonly string[] {
    return this.#leftOut;
  }

  /** Hashes of the sets of contracts that it signs for. */
  get contracts(): readonly bigint[] {
    return [...new Set(this.#rules.filter(({ number }) => number >= 0).map(({ contracts }) => contracts))];
  }

  /**
   * Takes what a source saw.
   * @param json  as docs/feeds.md has it
   * @returns "late" where its epoch is over
   * @throws OBSERVATION naming source, line, field and bound
   */
  observe(json: unknown, place: Place): "taken" | "late" {
    let seen: Observation;
    try {
      seen = readObservation(json, this.#rules[0].rules.instruments, place);
      if (seen.time > BigInt(Math.floor(this.#now() / 1000)) + AHEAD)
        throw badObservation(place, "time", `at most ${AHEAD} s ahead of this machine's clock`, Number(seen.time));
    } catch (error) {
      this.counts.bad++;
      throw error;
    }
    const epoch = this.#epochOf(seen.time);
    if (this.#history && epoch <= this.#history.epoch) {
      this.counts.late++;
      return "late";
    }
    // Of the past: what comes of a file all at once is not kept as it is.
    if (epoch <= this.#due()) this.#fold(epoch - 1n);
    const known = this.#pending.get(seen.time);
    const values = new Map([...(known?.values ?? []), ...seen.values]);
    this.#pending.set(seen.time, { time: seen.time, index: seen.index ?? known?.index ?? null, values });
    this.counts.observations++;
    this.#observed = this.#observed === null ? seen.time : max(this.#observed, seen.time);
    return "taken";
  }

  /**
   * Signs the epoch that is over, if it is not signed: to be called some times a second.
   * @returns what was signed just now, each of another set of contracts
   * @throws FILE
   */
  tick(): readonly SignedReport[] {
    const due = this.#due();
    this.#dropAhead(due);
    if (this.#history && this.#history.epoch >= due) return [];
    this.#fold(due);
    // One that nothing was seen of has no report, and those before the last are of no use.
    const history = this.#history;
    if (!history || history.epoch !== due) {
      this.#tell("index", due);
      return [];
    }
    const signed: SignedReport[] = [];
    const done = new Set<bigint>();
    let lacks: string | null = null;
    for (const { rules, contracts, number } of this.#rules) {
      // Of two sets with the same contracts the first counts.
      if (number < 0 || done.has(contracts)) continue;
      done.add(contracts);
      const outcome: Outcome = numbersOf(history, rules, { warmUp: this.#warmUp });
      if (!outcome.ok) lacks = outcome.lacks;
      else if (due >= this.#journal.closedBelow)
        signed.push(this.sign({ epoch: due, contracts, feed: number }, outcome.numbers));
    }
    this.#tell(lacks, due);
    this.#save(history);
    return signed;
  }

  /**
   * At most one report of an epoch and a set of contracts: who asks again gets the first, whatever it would sign now.
   * @throws EPOCH_CLOSED, FILE, OUT_OF_RANGE
   */
  sign({ epoch, contracts, feed }: { epoch: bigint; contracts: bigint; feed: number }, numbers: Numbers): SignedReport {
    const report = { domain: this.domain, contracts, epoch, ...numbers };
    const hash = reportHash(report);
    const first = this.#journal.find(epoch, contracts);
    if (first) {
      if (reportHash(first.report) !== hash) {
        this.counts.refused++;
        this.#log.warn({ epoch: `${epoch}` }, "a second report of one epoch was not signed: the first stays");
      }
      return first;
    }
    const signed = { feed, report, auth: sign(this.#secret, hash) };
    this.#journal.append(signed);
    this.counts.signed++;
    if (this.#lastEpoch === null || epoch > this.#lastEpoch) this.#lastEpoch = epoch;
    return signed;
  }

  /** What it signed of an epoch, as far back as it can be asked for: at least 1,024 epochs. */
  find(epoch: bigint, contracts: bigint): SignedReport | null {
    return this.#journal.find(epoch, contracts);
  }

  health(): FeedHealth {
    const due = this.#due();
    const { failure } = this.#journal;
    const reason = failure ?? (this.contracts.length === 0 ? "the rules do not name its key" : this.#behind(due));
    return { ok: reason === null, reason, epoch: this.#lastEpoch, observed: this.#observed };
  }

  /** Why the last epoch is not signed, or not as it should be; or null. */
  #behind(due: bigint): string | null {
    const last = this.#lastEpoch;
    const ahead = max(last ?? 0n, this.#history?.epoch ?? 0n);
    if (ahead > due) {
      const { closedBelow } = this.#journal;
      const closed = due < closedBelow ? `, and of epochs before ${closedBelow} nothing is signed any more` : "";
      return `the clock was ahead, or is behind: it says epoch ${due}, and the feed has been at ${ahead}${closed}`;
    }
    if (last !== null && last >= due - 1n) return null;
    return `the last epoch is not signed${this.#lacks ? `: there is no ${this.#lacks}` : ""}`;
  }

  /** Seconds since the last observation, null before the first. */
  get silence(): number | null {
    return this.#observed === null ? null : this.#now() / 1000 - Number(this.#observed);
  }

  close(): void {
    this.#journal.close();
  }

  #epochOf(time: bigint): bigint {
    return (time + this.#epochLength - 1n) / this.#epochLength;
  }

  /** The last epoch of which nothing more is waited for: prices count for entries `lag` after it. */
  #due(): bigint {
    const delay = Math.min(DELAY, Number(this.#rules[0].rules.pricing.lag) * 500);
    return BigInt(Math.floor((this.#now() - delay) / 1000)) / this.#epochLength;
  }

  /** Counts what was seen in epochs up to one, and in those after each, where its last price still counts. */
  #fold(upTo: bigint): void {
    const seen = [...this.#pending.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
    const byEpoch = new Map<bigint, Observation[]>();
    for (const it of seen) {
      const epoch = this.#epochOf(it.time);
      if (epoch > upTo) break;
      byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), it]);
      this.#pending.delete(it.time);
    }
    if (byEpoch.size === 0 && !this.#history) return;
    const terms = this.#rules.map(({ rules }) => rules);
    const next = (epoch: bigint) => {
      if (epoch > upTo || (this.#history && epoch <= this.#history.epoch)) return;
      this.#history ??= noHistory(this.#epochLength, epoch - 1n);
      this.#history = advance(this.#history, epoch, byEpoch.get(epoch) ?? [], terms);
    };
    // What was seen in the last one may count in the one after it.
    const { epoch: before, index } = this.#history ?? {};
    if (before !== undefined && index && index.time > (before - 1n) * this.#epochLength) next(before + 1n);
    const epochs = [...byEpoch.keys()];
    for (const epoch of epochs) {
      next(epoch);
      next(epoch + 1n);
    }
  }

  /** Of a row of epochs that have no report for one reason, the first is told. */
  #tell(lacks: string | null, epoch: bigint): void {
    if (lacks !== null && lacks !== this.#lacks)
      this.#log.warn({ epoch: `${epoch}`, lacks }, `no reports: there is no ${lacks}`);
    if (lacks === null && this.#lacks !== null) this.#log.info({ epoch: `${epoch}` }, "there are reports again");
    this.#lacks = lacks;
  }

  #save(history: History): void {
    try {
      this.#journal.saveHistory(historyText(history));
    } catch (error) {
      // It signs all the same: only a start would know less.
      this.#log.error({ reason: (error as Error).message }, "what the feed remembers cannot be saved");
    }
  }
}
