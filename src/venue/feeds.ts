import { TacitError } from "../protocol/errors.ts";
import { contractsHash, type Instruments } from "../protocol/instrument.ts";
import { abs } from "../protocol/numbers.ts";
import { epochAt, type Prices, type Pricing } from "../protocol/prices.ts";
import { medians, quorumOf, reportFaults, type SignedReport } from "../protocol/report.ts";
import { rulesRoot, type Rules } from "../protocol/rules.ts";
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
  /** by epoch and contracts, then by feed */
  readonly #reports = new Map<string, Map<number, SignedReport>>();
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
    const of = rules.find(({ instruments }) => contractsHash(instruments) === report.contracts);
    if (!of) throw refuse("contracts: expected those of rules in force or announced");
    const name = keyOf(report.epoch, report.contracts);
    const known = this.#reports.get(name)?.get(feed);
    if (known) {
      if (known.auth.S === signed.auth.S && known.auth.R8x === signed.auth.R8x) return false;
      throw refuse("a feed signs once for an epoch: expected the report that it sent before");
    }
    const [fault] = reportFaults([signed], { keys: of.group.feeds, domain: this.#options.domain, contracts: report.contracts, epoch: report.epoch }); // prettier-ignore
    if (fault) throw refuse(fault);
    const all = this.#reports.get(name) ?? new Map<number, SignedReport>();
    this.#reports.set(name, all.set(feed, signed));
    const status = this.#statusOf(feed);
    if (report.epoch >= (status.epoch ?? 0n))
      Object.assign(status, { epoch: report.epoch, after: Number(now - report.epoch * epochLength), trouble: null });
    const count = quorumOf(of.group.feeds.length);
    if (all.size >= count) this.#compare(all);
    if (all.size === count) this.#options.onQuorum();
    this.#forget(now / epochLength);
    return true;
  }

  /**
   * What the prices are to be made of next: the newest epoch that counts at `now`, of which a quorum is there; null where the
   * prices are of it, or none is there.
   */
  due(rules: Rules, prices: Prices, now: bigint): { epoch: bigint; quorum: SignedReport[] } | null {
    const { pricing, feeds } = rules.group;
    const contracts = contractsHash(rules.instruments);
    const isOther = prices.rules !== rulesRoot(rules);
    const count = quorumOf(feeds.length);
    for (let epoch = epochAt(pricing, now); epoch > 0n && epoch >= prices.epoch; epoch--) {
      if (epoch === prices.epoch && !isOther) return null;
      const all = this.#reports.get(keyOf(epoch, contracts));
      if (all && all.size >= count) {
        const quorum = [...all.values()].sort((a, b) => a.feed - b.feed).slice(0, count);
        return { epoch, quorum };
      }
      if (epoch + KEPT < epochAt(pricing, now)) return null;
    }
    return null;
  }

  /** When the newest quorum counts that does not yet, or null. */
  nextTime(rules: Rules, prices: Prices, now: bigint): bigint | null {
    const { pricing } = rules.group;
    const contracts = contractsHash(rules.instruments);
    const count = quorumOf(rules.group.feeds.length);
    const first = epochAt(pricing, now) + 1n;
    for (let epoch = first; epoch * pricing.epochLength <= now; epoch++)
      if (epoch > prices.epoch && (this.#reports.get(keyOf(epoch, contracts))?.size ?? 0) >= count)
        return epoch * pricing.epochLength + pricing.lag;
    return null;
  }

  /** An epoch is priced: who had nothing to say of it missed it. */
  priced(epoch: bigint, contracts: bigint): void {
    if (epoch <= this.#settled) return;
    this.#settled = epoch;
    const all = this.#reports.get(keyOf(epoch, contracts));
    this.#options.rules()[0].group.feeds.forEach((_, feed) => {
      if (!all?.has(feed)) this.#statusOf(feed).missed++;
    });
  }

  #statusOf(feed: number) {
    const known = this.#status.get(feed);
    if (known) return known;
    const status = { feed, epoch: null, after: null, off: null, missed: 0, trouble: null };
    this.#status.set(feed, status);
    return status;
  }

  #compare(all: ReadonlyMap<number, SignedReport>): void {
    const { index } = medians([...all.values()]);
    for (const [feed, { report }] of all)
      this.#statusOf(feed).off = Number((abs(report.index - index) * 1_000_000n) / index);
  }

  #forget(newest: bigint): void {
    for (const name of this.#reports.keys())
      if (BigInt(name.split("/")[0]) + KEPT <= newest) this.#reports.delete(name);
  }

  #tick(): void {
    if (this.#stop.signal.aborted) return;
    const { clock, rules } = this.#options;
    const { epochLength } = rules()[0].group.pricing;
    const epoch = clock.now() / epochLength;
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
      const wanted = rules().filter(({ instruments }) => {
        const all = this.#reports.get(keyOf(epoch, contractsHash(instruments)));
        return source.feeds.some((feed) => !all?.has(feed));
      });
      if (wanted.length === 0 && source.feeds.length > 0) {
        await this.#rest(pause);
        continue;
      }
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

function keyOf(epoch: bigint, contracts: bigint): string {
  return `${epoch}/${contracts}`;
}
