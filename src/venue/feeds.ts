import { TacitError } from "../protocol/errors.ts";
import { isPerpetual, type Instruments } from "../protocol/instrument.ts";
import { abs, max, min } from "../protocol/numbers.ts";
import { epochAt, missingAt, staleAt, type Prices, type Pricing } from "../protocol/prices.ts";
import { medians, quorumOf, reportFaults, type Numbers, type SignedReport } from "../protocol/report.ts";
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
  /** numbers that its report lacked then, of those that the rules in force need; null before */
  readonly lacked: number | null;
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
  /** that are in force */
  readonly prices: () => Prices;
  /** a quorum is there, or another report beside it */
  readonly onQuorum: () => void;
  /** milliseconds until a source counts as silent, and between two questions of one */
  readonly timeout?: number;
  readonly pause?: number;
}

/** Epochs of which reports are kept. */
const KEPT = 4n;
const [TIMEOUT, PAUSE] = [3_000, 1_000];
/**
 * Seconds from when a quorum is whole for which more reports are waited for, where without them something would be stale: at
 * most this, and at most a quarter of an epoch.
 */
export const PATIENCE = 5n;

/** A report, and when it came: seconds since 1970. */
interface Kept {
  readonly signed: SignedReport;
  readonly at: bigint;
}

interface Quorum {
  readonly quorum: SignedReport[];
  /** from when on prices are made of it */
  readonly from: bigint;
}

/** Reports of the feeds of a venue, and the quorums that they make. */
export class VenueFeeds {
  readonly #options: Options;
  /** by epoch and contracts, then by feed and its key: announced rules may have other keys */
  readonly #reports = new Map<string, Map<string, Kept>>();
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
    const all = this.#reports.get(name) ?? new Map<string, Kept>();
    const known = all.get(keyOf(feed, of))?.signed;
    if (known) {
      if (known.auth.S === signed.auth.S && known.auth.R8x === signed.auth.R8x) return false;
      throw refuse("a feed signs once for an epoch: expected the report that it sent before");
    }
    this.#reports.set(name, all.set(keyOf(feed, of), { signed, at: now }));
    const status = this.#statusOf(feed);
    // A key that rules to come have in its place says nothing of the feed.
    if (of === rules[0] && report.epoch >= (status.epoch ?? 0n)) {
      const after = Number(now - report.epoch * epochLength);
      const lacked = lackedBy(report, of, this.#options.prices());
      Object.assign(status, { epoch: report.epoch, after, trouble: null, lacked });
    }
    for (const it of about) {
      const there = this.#of(report.epoch, it).map((kept) => kept.signed);
      if (!there.includes(signed) || there.length < quorumOf(it.group.feeds.length)) continue;
      if (it === rules[0]) this.#compare(there);
      this.#options.onQuorum();
    }
    this.#forget(now / epochLength);
    return true;
  }

  /** What is there of an epoch under some rules, in rising order of feeds. */
  #of(epoch: bigint, rules: Rules): Kept[] {
    const all = this.#reports.get(`${epoch}/${rootsOf(rules).contracts}`);
    return all ? rules.group.feeds.flatMap((_, feed) => all.get(keyOf(feed, rules)) ?? []) : [];
  }

  /**
   * Of the quorums of an epoch the one that leaves least undone; null where none is there. Where that is not nothing, it counts a
   * little later if there may be a better one by then.
   */
  #quorum(epoch: bigint, { rules, prices, now }: { rules: Rules; prices: Prices; now: bigint }): Quorum | null {
    const { pricing, feeds } = rules.group;
    const count = quorumOf(feeds.length);
    const there = this.#of(epoch, rules);
    if (there.length < count) return null;
    const from = epoch * pricing.epochLength + pricing.lag;
    const reports = there.map(({ signed }) => signed);
    const { quorum, undone } = best(reports, { count, of: (it) => undoneBy(medians(it), rules, prices, epoch) });
    if (undone === 0 || there.length === feeds.length) return { quorum, from };
    const whole = there.map(({ at }) => at).sort((a, b) => (a < b ? -1 : 1))[count - 1];
    // A clock that was set back since would have it wait for long.
    return { quorum, from: whole > now ? from : max(from, whole + min(PATIENCE, pricing.epochLength / 4n)) };
  }

  /**
   * What the prices are to be made of next: the newest epoch that counts at `now`, of which a quorum is there that waits for no
   * more; null where the prices are of it, or none is there.
   */
  due(rules: Rules, prices: Prices, now: bigint): { epoch: bigint; quorum: SignedReport[] } | null {
    const newest = epochAt(rules.group.pricing, now);
    for (let epoch = newest; this.#isOpen(epoch, rules, prices); epoch--) {
      const found = this.#quorum(epoch, { rules, prices, now });
      if (found && found.from <= now) return { epoch, quorum: found.quorum };
      if (epoch + KEPT < newest) return null;
    }
    return null;
  }

  /** When the next quorum counts that does not yet, or null. */
  nextTime(rules: Rules, prices: Prices, now: bigint): bigint | null {
    const newest = now / rules.group.pricing.epochLength;
    let next: bigint | null = null;
    for (let epoch = newest; this.#isOpen(epoch, rules, prices) && epoch + KEPT >= newest; epoch--) {
      const { from = now } = this.#quorum(epoch, { rules, prices, now }) ?? {};
      if (from > now) next = next === null ? from : min(next, from);
    }
    return next;
  }

  /** Whether there may be prices of an epoch. */
  #isOpen(epoch: bigint, rules: Rules, prices: Prices): boolean {
    return epoch > 0n && (epoch > prices.epoch || (epoch === prices.epoch && prices.rules !== rootsOf(rules).root));
  }

  /** An epoch is priced: who had nothing to say of it missed it. */
  priced(epoch: bigint, rules: Rules): void {
    if (epoch <= this.#settled) return;
    this.#settled = epoch;
    const there = new Set(this.#of(epoch, rules).map(({ signed }) => signed.feed));
    rules.group.feeds.forEach((_, feed) => {
      if (!there.has(feed)) this.#statusOf(feed).missed++;
    });
  }

  #statusOf(feed: number) {
    const known = this.#status.get(feed);
    if (known) return known;
    const status = { feed, epoch: null, after: null, off: null, lacked: null, missed: 0, trouble: null };
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
        const there = this.#of(epoch, it).map(({ signed }) => signed.feed);
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

/** So many of the reports that leave least undone, in rising order of feeds: of equal ones the first. */
function best(
  reports: readonly SignedReport[],
  { count, of }: { count: number; of: (quorum: readonly SignedReport[]) => number },
): { quorum: SignedReport[]; undone: number } {
  let least: { quorum: SignedReport[]; undone: number } | null = null;
  for (const quorum of choices(reports, count)) {
    const undone = of(quorum);
    if (!least || undone < least.undone) least = { quorum, undone };
    if (undone === 0) break;
  }
  return least!;
}

/** All choices of so many, each in the order of the list. */
function* choices<T>(list: readonly T[], count: number): Generator<T[]> {
  if (count === 0) return yield [];
  for (let i = 0; i + count <= list.length; i++)
    for (const rest of choices(list.slice(i + 1), count - 1)) yield [list[i], ...rest];
}

/** What prices of these numbers leave undone: instruments that are stale count two, a premium that is none for a perpetual one. */
function undoneBy({ premium, values }: Numbers, rules: Rules, prices: Prices, epoch: bigint): number {
  const stale = staleAt(priced(rules), prices, epoch, values).filter((it) => it).length;
  return 2 * stale + Number(lacksPremium(premium, rules));
}

/** How many numbers that the rules need a report lacks. */
function lackedBy({ epoch, premium, values }: SignedReport["report"], rules: Rules, prices: Prices): number {
  const missing = missingAt(priced(rules), prices, epoch, values).filter((it) => it).length;
  return missing + Number(lacksPremium(premium, rules));
}

const priced = ({ group: { pricing }, instruments }: Rules) => ({ pricing, instruments });

function lacksPremium(premium: bigint, { instruments: [first] }: Rules): boolean {
  return premium === 0n && !!first && isPerpetual(first.contract);
}

function keyOf(feed: number, { group }: Rules): string {
  return `${feed}/${group.feeds[feed].x}`;
}
