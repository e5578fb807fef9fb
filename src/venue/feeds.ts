import { TacitError } from "../protocol/errors.ts";
import type { Instruments } from "../protocol/instrument.ts";
import { abs } from "../protocol/numbers.ts";
import { epochAt, type Prices, type Pricing } from "../protocol/prices.ts";
import { medians, quorumOf, reportFaults, type SignedReport } from "../protocol/report.ts";
import { rootsOf, type Rules } from "../protocol/rules.ts";
import type { Clock } from "./clock.ts";

/** What a feed is asked for. */
export interface ReportQuestion {
  readonly domain: bigint;
  readonly instruments: Instruments;
  readonly pricing: Pricing;
  readonly epoch: bigint;
}

/** Where reports come from beside `VenueFeeds.add`: each of these is asked once an epoch is over, until its quorum is there. */
export interface ReportSource {
  /** feeds that it may have reports of, by number; their answers count for them */
  readonly feeds: readonly number[];
  /** of those that are there by now. @throws where it does not answer */
  reports(question: ReportQuestion, signal: AbortSignal): Promise<readonly SignedReport[]>;
  /** whether prices are made up */
  readonly isDevelopment?: boolean;
}

/** How a feed does, as the operator is shown. */
export interface FeedStatus {
  readonly feed: number;
  /** last epoch of which a valid report came, null before */
  readonly epoch: bigint | null;
  /** seconds after the end of that epoch */
  readonly after: number | null;
  /** how far its index was from the median then, millionths; null where no quorum was there */
  readonly off: number | null;
  /** epochs that were priced without it, since the start */
  readonly missed: number;
  /** why it did not answer when it was asked last, or why its report does not count */
  readonly trouble: string | null;
}

interface Options {
  readonly domain: bigint;
  readonly clock: Clock;
  readonly sources: readonly ReportSource[];
  /** rules in force, and those that may be soon: reports of all of them are kept */
  readonly rules: () => readonly Rules[];
  /** a quorum has become whole */
  readonly onQuorum: () => void;
  /** milliseconds until a source counts as silent, and between two questions of one */
  readonly timeout?: number;
  readonly pause?: number;
}

/** Epochs of which reports are kept. */
const KEPT = 4n;
const [TIMEOUT, PAUSE] = [3_000, 1_000];

/** Reports of the feeds of a venue, and the quorums that they make. */
export class VenueFeeds {
  readonly #options: Options;
  /** by epoch and contracts, then by feed and its key: announced rules may have other keys */
  readonly #reports = new Map<string, Map<string, SignedReport>>();
  readonly #status = new Map<number, { -readonly [Key in keyof FeedStatus]: FeedStatus[Key] }>();
  readonly #stop = new AbortController();
  #cancelWake: () => void = () => {};
  /** epochs up to here were asked for, and priced */
  #asked = 0n;
  #settled = 0n;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Asks the sources whenever an epoch is over. */
  start(): void {
    if (this.#options.sources.length > 0) this.#tick();
  }

  close(): void {
    this.#stop.abort();
    this.#cancelWake();
  }

  get isDevelopment(): boolean {
    return this.#options.sources.some(({ isDevelopment }) => isDevelopment);
  }

  get status(): FeedStatus[] {
    const [rules] = this.#options.rules();
    return rules.group.feeds.map((_, feed) => ({ ...this.#statusOf(feed) }));
  }

  /**
   * Takes a report.
   * @returns whether it is new
   * @throws EARLY   when its epoch is not over by the venue's clock
   * @throws REPORT  when it does not count: for whom, and why
   */
  add(signed: SignedReport): boolean {
    const { feed, report } = signed;
    const rules = this.#options.rules();
    const { epochLength } = rules[0].group.pricing;
    const now = this.#options.clock.now();
    const refuse = (why: string) =>
      new TacitError("REPORT", `the report of feed ${feed} does not count: ${why}`, { feed });
    if (report.epoch * epochLength > now)
      throw new TacitError("EARLY", `epoch ${report.epoch} is not over: try again`, { retryAfter: 1 });
    if (report.epoch + KEPT <= now / epochLength) throw refuse("epoch: expected one of the last few");
    const about = rules.filter((it) => rootsOf(it).contracts === report.contracts);
    if (about.length === 0) throw refuse("contracts: expected those of rules in force or announced");
    const faults = about.map(({ group }) => {
      const expected = { keys: group.feeds, domain: this.#options.domain, contracts: report.contracts };
      return reportFaults([signed], { ...expected, epoch: report.epoch })[0];
    });
    const of = about[faults.indexOf(null)];
    if (!of) throw refuse(faults[0]!);
    const name = `${report.epoch}/${report.contracts}`;
    const all = this.#reports.get(name) ?? new Map<string, SignedReport>();
    const known = all.get(keyOf(feed, of));
    if (known) {
      if (known.auth.S === signed.auth.S && known.auth.R8x === signed.auth.R8x) return false;
      throw refuse("a feed signs once for an epoch: expected the report that it sent before");
    }
    this.#reports.set(name, all.set(keyOf(feed, of), signed));
    const status = this.#statusOf(feed);
    if (report.epoch >= (status.epoch ?? 0n))
      Object.assign(status, { epoch: report.epoch, after: Number(now - report.epoch * epochLength), trouble: null });
    for (const it of about) {
      const [there, count] = [this.#of(report.epoch, it), quorumOf(it.group.feeds.length)];
      if (!there.includes(signed) || there.length < count) continue;
      if (it === rules[0]) this.#compare(there);
      if (there.length === count) this.#options.onQuorum();
    }
    this.#forget(now / epochLength);
    return true;
  }

  /** What is there of an epoch under some rules, in rising order of feeds. */
  #of(epoch: bigint, rules: Rules): SignedReport[] {
    const all = this.#reports.get(`${epoch}/${rootsOf(rules).contracts}`);
    return all ? rules.group.feeds.flatMap((_, feed) => all.get(keyOf(feed, rules)) ?? []) : [];
  }

  /**
   * What the prices are to be made of next: the newest epoch that counts at `now`, of which a quorum is there; null where the
   * prices are of it, or none is there.
   */
  due(rules: Rules, prices: Prices, now: bigint): { epoch: bigint; quorum: SignedReport[] } | null {
    const { pricing, feeds } = rules.group;
    const isOther = prices.rules !== rootsOf(rules).root;
    const count = quorumOf(feeds.length);
    for (let epoch = epochAt(pricing, now); epoch > 0n && epoch >= prices.epoch; epoch--) {
      if (epoch === prices.epoch && !isOther) return null;
      const there = this.#of(epoch, rules);
      if (there.length >= count) return { epoch, quorum: fullest(there, count) };
      if (epoch + KEPT < epochAt(pricing, now)) return null;
    }
    return null;
  }

  /** When the newest quorum counts that does not yet, or null. */
  nextTime(rules: Rules, prices: Prices, now: bigint): bigint | null {
    const { pricing } = rules.group;
    const count = quorumOf(rules.group.feeds.length);
    const first = epochAt(pricing, now) + 1n;
    for (let epoch = first; epoch * pricing.epochLength <= now; epoch++)
      if (epoch > prices.epoch && this.#of(epoch, rules).length >= count)
        return epoch * pricing.epochLength + pricing.lag;
    return null;
  }

  /** An epoch is priced: who had nothing to say of it missed it. */
  priced(epoch: bigint, rules: Rules): void {
    if (epoch <= this.#settled) return;
    this.#settled = epoch;
    const there = new Set(this.#of(epoch, rules).map(({ feed }) => feed));
    rules.group.feeds.forEach((_, feed) => {
      if (!there.has(feed)) this.#statusOf(feed).missed++;
    });
  }

  #statusOf(feed: number) {
    const known = this.#status.get(feed);
    if (known) return known;
    const status = { feed, epoch: null, after: null, off: null, missed: 0, trouble: null };
    this.#status.set(feed, status);
    return status;
  }

  #compare(all: readonly SignedReport[]): void {
    const { index } = medians(all);
    for (const { feed, report } of all)
      this.#statusOf(feed).off = Number((abs(report.index - index) * 1_000_000n) / index);
  }

  #forget(newest: bigint): void {
    for (const name of this.#reports.keys())
      if (BigInt(name.split("/")[0]) + KEPT <= newest) this.#reports.delete(name);
  }

  #tick(): void {
    if (this.#stop.signal.aborted) return;
    const { clock, rules, onQuorum } = this.#options;
    const { epochLength } = rules()[0].group.pricing;
    let epoch: bigint;
    try {
      epoch = clock.now() / epochLength;
    } catch {
      // Who makes prices meets it as well, and stops.
      return onQuorum();
    }
    if (epoch > this.#asked) {
      this.#asked = epoch;
      for (const source of this.#options.sources) void this.#ask(source, epoch);
    }
    this.#cancelWake = clock.wake((epoch + 1n) * epochLength, () => this.#tick());
  }

  /** Rules that were announced since are asked for as well; those of an epoch before are not any more. */
  async #ask(source: ReportSource, epoch: bigint): Promise<void> {
    const { domain, rules, timeout = TIMEOUT, pause = PAUSE } = this.#options;
    while (!this.#stop.signal.aborted && this.#asked === epoch) {
      const wanted = rules().filter((it) => {
        const there = this.#of(epoch, it).map(({ feed }) => feed);
        return source.feeds.some((feed) => !there.includes(feed));
      });
      for (const { instruments, group } of wanted) {
        const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeout)]);
        try {
          const question = { domain, instruments, pricing: group.pricing, epoch };
          for (const report of await source.reports(question, signal)) this.#taken(report);
        } catch (error) {
          for (const feed of source.feeds) this.#statusOf(feed).trouble = (error as Error).message;
        }
      }
      await this.#rest(pause);
    }
  }

  #taken(report: SignedReport): void {
    try {
      this.add(report);
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      if (error.code !== "EARLY") this.#statusOf(report.feed).trouble = error.message;
    }
  }

  /** Until some milliseconds are over. A source that is waited for keeps no process alive. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
    });
  }
}

/** So many of the reports, in rising order of feeds: those with most numbers, as a number that one of them lacks is none. */
function fullest(reports: readonly SignedReport[], count: number): SignedReport[] {
  const none = ({ report: { premium, values } }: SignedReport) => [premium, ...values].filter((it) => it === 0n).length;
  const chosen = new Set(reports.toSorted((a, b) => none(a) - none(b)).slice(0, count));
  return reports.filter((it) => chosen.has(it));
}

function keyOf(feed: number, { group }: Rules): string {
  return `${feed}/${group.feeds[feed].x}`;
}
