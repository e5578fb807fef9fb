import { TacitError } from "../protocol/errors.ts";
import { printable } from "../protocol/json.ts";
import type { SignedReport } from "../protocol/report.ts";
import { NO_FEED_LOG, type FeedLog } from "./feed.ts";
import { fetchJson, requireUrl, shownUrl, type Fetch } from "./fetchJson.ts";
import { reportJson } from "./reportJson.ts";
import { backoff, wait as waitFor, type Wait } from "./wait.ts";

export interface PushOptions {
  readonly fetch?: Fetch;
  readonly wait?: Wait;
  readonly timeoutMs?: number;
  readonly log?: FeedLog;
}

/** Longest answer that is read, bytes; least and longest wait that a venue may ask for, seconds. */
const LONGEST = 65_536;
const [LEAST, PATIENCE] = [1, 60];
/** Answers after which the same may be taken later. */
const LATER = new Set([408, 425, 429]);

/**
 * Sends reports to venues, to each by itself: POST /v1/reports. What a venue cannot take now is sent again, until it is taken,
 * refused, or there is a later one about the same contracts.
 */
export class Pushes {
  readonly #venues: readonly Venue[];
  readonly #stop = new AbortController();
  readonly #fetch: Fetch;
  readonly #wait: Wait;
  readonly #timeoutMs: number;
  readonly #log: FeedLog;
  /** since the start */
  readonly counts = { taken: 0, refused: 0, again: 0, dropped: 0 };

  /** @throws USAGE  for what is no address */
  constructor(urls: readonly string[], options: PushOptions = {}) {
    const { fetch = globalThis.fetch, wait = waitFor, timeoutMs = 10_000, log = NO_FEED_LOG } = options;
    this.#venues = urls.map((url) => {
      const base = requireUrl("--push", url).replace(/\/+$/, "");
      return { url: `${base}/v1/reports`, name: shownUrl(base), waiting: new Map(), running: null, wake: null };
    });
    [this.#fetch, this.#wait, this.#timeoutMs, this.#log] = [fetch, wait, timeoutMs, log];
  }

  send(signed: SignedReport): void {
    if (this.#stop.signal.aborted) return;
    for (const venue of this.#venues) {
      if (venue.waiting.has(signed.report.contracts)) this.counts.dropped++;
      venue.waiting.set(signed.report.contracts, signed);
      // What comes new is not kept waiting by what failed before.
      venue.wake?.abort();
      venue.running ??= Promise.resolve()
        .then(() => this.#run(venue))
        .finally(() => (venue.running = null));
    }
  }

  /** When nothing waits any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#venues.map(({ running }) => running));
  }

  /** Sends nothing more: a start, or the next epoch, has later ones. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const { wake } of this.#venues) wake?.abort();
    await this.idle();
  }

  async #run(venue: Venue): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; venue.waiting.size > 0 && !signal.aborted;) {
      const [contracts, signed] = [...venue.waiting][0];
      const seconds = await this.#post(venue, signed, failures + 1);
      if (signal.aborted) return;
      if (seconds === null) {
        failures = 0;
        // Unless a later one has come meanwhile.
        if (venue.waiting.get(contracts) === signed) venue.waiting.delete(contracts);
        continue;
      }
      failures++;
      this.counts.again++;
      // Others have their turn before it comes again.
      const again = venue.waiting.get(contracts)!;
      venue.waiting.delete(contracts);
      venue.waiting.set(contracts, again);
      venue.wake = new AbortController();
      await this.#wait(seconds * 1_000, venue.wake.signal);
      venue.wake = null;
    }
  }

  /** @returns seconds until it is sent again; null: it is done with */
  async #post({ url, name }: Venue, signed: SignedReport, attempt: number): Promise<number | null> {
    const about = { venue: name, epoch: `${signed.report.epoch}` };
    let answer;
    try {
      answer = await fetchJson(this.#fetch, url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(reportJson(signed)),
        timeoutMs: this.#timeoutMs,
        most: LONGEST,
        signal: this.#stop.signal,
      });
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      if (attempt === 1 && !this.#stop.signal.aborted) this.#log.warn(about, `a report was not sent: ${error.message}`);
      return backoff(attempt);
    }
    const { status, json } = answer;
    if (status >= 200 && status < 300) {
      this.counts.taken++;
      return null;
    }
    const { code, message, retryAfter } = errorOf(json);
    if (LATER.has(status) || status >= 500) {
      // Too early is how it is meant to be.
      if (attempt === 1 && status !== 425) this.#log.warn({ ...about, status, code }, "a report is sent again");
      const asked = typeof retryAfter === "number" ? Math.min(PATIENCE, Math.max(LEAST, retryAfter)) : null;
      return asked ?? (status === 425 ? LEAST : backoff(attempt));
    }
    this.counts.refused++;
    this.#log.warn({ ...about, status, code }, `a venue refused a report: ${message}`);
    return null;
  }
}

interface Venue {
  readonly url: string;
  readonly name: string;
  /** the newest of each set of contracts */
  readonly waiting: Map<bigint, SignedReport>;
  running: Promise<void> | null;
  /** ends the wait before the next attempt */
  wake: AbortController | null;
}

function errorOf(json: unknown): { code: string | null; message: string; retryAfter: unknown } {
  const { error } = (typeof json === "object" && json !== null ? json : {}) as { error?: Record<string, unknown> };
  const text = (value: unknown, most: number) => (typeof value === "string" ? printable(value.slice(0, most)) : null);
  return {
    code: text(error?.code, 40),
    message: text(error?.message, 300) ?? "it gives no reason",
    retryAfter: error?.retryAfter,
  };
}
