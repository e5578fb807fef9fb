import { TacitError } from "../protocol/errors.ts";
import { asObject, asWhole, printable } from "../protocol/json.ts";
import { abs } from "../protocol/numbers.ts";
import { isErrorCode } from "../protocol/wire.ts";

/** The part of `fetch` that is used. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

/** Longest answer that is read, bytes: a round of the largest size has some hundred kB. */
const LONGEST = 64 * 1024 * 1024;
/** Seconds by which two clocks may differ and agree: answers tell whole ones, and take a while. */
const CLOCKS_AGREE = 4n;

/** Milliseconds for which several addresses are asked again while none of them leads, and between two rounds of that. */
const TAKE_OVER_MS = 15_000;
const PAUSE_MS = 250;
/** How often a venue that stands by is asked whether it has by now what was told before. */
const BEHIND_TRIES = 20;

/**
 * A venue's service (docs/api.md), asked over HTTP. Of several addresses one is asked, and the next where that does not answer, or stands
 * by; no session is taken along. What is sent to one that does not answer is sent to no other: it may have been taken.
 */
export class Api {
  readonly #urls: readonly string[];
  #at = 0;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;
  readonly #now: () => bigint;
  #clockOffset = 0n;
  /** what a new session asks begins no other */
  #renewing = false;
  token: string | null = null;
  /** begins a session, which sets `token` */
  renew: (() => Promise<void>) | null = null;

  /** @param url  or several, with commas between them. @throws BAD_URL */
  constructor(
    url: string,
    {
      fetch = globalThis.fetch.bind(globalThis) as Fetch,
      timeoutMs = 30_000,
      now = () => BigInt(Math.floor(Date.now() / 1000)),
    }: { fetch?: Fetch; timeoutMs?: number; now?: () => bigint } = {},
  ) {
    this.#urls = url.split(",").map(addressOf);
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** The address that is asked now. */
  get url(): string {
    return this.#urls[this.#at];
  }

  /** Seconds that the venue's clock is ahead of this machine's, as its last answer shows: to a second, and the way of an answer. */
  get clockOffset(): bigint {
    return this.#clockOffset;
  }

  /**
   * @param path  after /v1, with its query
   * @throws UNREACHABLE, BAD_ANSWER, or the code that the venue gave, with its status in `details`
   */
  async get(path: string): Promise<unknown> {
    return this.#ask(path, {});
  }

  /** As `get`; null where the venue has nothing of the name. */
  async find(path: string): Promise<unknown> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof TacitError && error.code === "NOT_FOUND") return null;
      throw error;
    }
  }

  /** How the venue does, be it well or not. */
  async health(): Promise<unknown> {
    return this.#ask("/health", {}, { accept: 503 });
  }

  /**
   * Entries of the venue's log, and how many of them are proved, as it says now. One that stands by reads what it shows from the other's
   * store, and has the log itself a moment later: it is asked again for a while.
   * @param least  entries that the log has, as was told before
   * @throws STANDBY  where it stands by, and does not have them
   */
  async progress(least = 0): Promise<{ logCount: number; proved: number }> {
    for (let tried = 1; ; tried++) {
      const json = asObject("health", await this.health());
      const [logCount, proved] = (["logCount", "proved"] as const).map((name) => asWhole(`health.${name}`, json[name]));
      if (logCount >= least || json.status !== "standby") return { logCount, proved };
      if (tried === BEHIND_TRIES)
        throw new TacitError("STANDBY", `the venue at ${this.url} stands by, and has ${logCount} entries of the log so far, of ${least}`, { logCount }); // prettier-ignore
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async post(path: string, body: unknown): Promise<unknown> {
    return this.#ask(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  }

  #compareClocks(headers: Headers): void {
    const there = Date.parse(headers.get("date") ?? "");
    // One that a cache has kept says when it was made.
    if (Number.isNaN(there) || !headers.get("cache-control")?.includes("no-store")) return;
    this.#clockOffset = BigInt(Math.floor(there / 1000)) - this.#now();
  }

  async #ask(path: string, init: RequestInit, options: { again?: boolean; accept?: number } = {}): Promise<unknown> {
    const until = performance.now() + TAKE_OVER_MS;
    for (let tried = 1; ; tried++)
      try {
        return await this.#askHere(path, init, options);
      } catch (error) {
        const { code, details } = error as TacitError;
        if (this.#urls.length === 1 || !(code === "STANDBY" || code === "UNREACHABLE")) throw error;
        const token = this.token;
        [this.#at, this.token] = [(this.#at + 1) % this.#urls.length, null];
        const mayBeTaken = init.method === "POST" && code === "UNREACHABLE" && details.cause !== "ECONNREFUSED";
        if (mayBeTaken || performance.now() > until) throw error;
        if (tried % this.#urls.length === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        if (token !== null && !this.#renewing) await this.#renew().catch(() => {});
      }
  }

  async #renew(): Promise<void> {
    this.#renewing = true;
    await this.renew?.().finally(() => (this.#renewing = false));
  }

  async #askHere(
    path: string,
    init: RequestInit,
    { again = true, accept = -1 }: { again?: boolean; accept?: number },
  ): Promise<unknown> {
    const headers = { ...init.headers, ...(this.token ? { authorization: `Bearer ${this.token}` } : {}) };
    let response, text;
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs);
      response = await this.#fetch(`${this.url}/v1${path}`, { ...init, headers, signal, redirect: "error" });
      this.#compareClocks(response.headers);
      text = await textOf(response);
    } catch (error) {
      const { message, cause } = error instanceof Error ? error : { message: String(error), cause: null };
      // What fetch of Node says itself is that it failed.
      const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message;
      const { code } = (cause ?? {}) as NodeJS.ErrnoException;
      throw new TacitError("UNREACHABLE", `the venue at ${this.url} does not answer: ${why}`, { url: this.url, ...(code === undefined ? {} : { cause: code }) }); // prettier-ignore
    }
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    if ((response.ok || response.status === accept) && json !== undefined) return json;
    // The session has ended, as all do when the venue starts anew: another is begun, once.
    if (response.status === 401 && this.token && this.renew && again && !this.#renewing) {
      this.token = null;
      await this.#renew();
      return this.#askHere(path, init, { again: false });
    }
    const { code, message, retryAfter } = ((json ?? {}) as { error?: Record<string, unknown> }).error ?? {};
    // A code of our own would say what has not happened.
    const known = isErrorCode(code) && typeof message === "string";
    throw new TacitError(
      known ? code : "BAD_ANSWER",
      known
        ? printable(message)
        : `the venue at ${this.url} answered with status ${response.status}, and no JSON of a venue`,
      { status: response.status, ...(typeof retryAfter === "number" ? { retryAfter } : {}) },
    );
  }
}

function addressOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new TacitError("BAD_URL", "the venue's address is wrong: expected one that begins with http:// or https://");
  return parsed.href.replace(/\/+$/, "");
}

/** How this machine's clock differs from the venue's, or null where they agree. @param offset  `clockOffset` */
export function clockDifference(offset: bigint): string | null {
  if (abs(offset) <= CLOCKS_AGREE) return null;
  const seconds = abs(offset);
  const span = seconds < 120n ? `${seconds} s` : `${seconds / 60n} min`;
  return `this machine's clock is ${span} ${offset > 0n ? "behind" : "ahead of"} the venue's`;
}

/** The text of an answer. @throws when it is longer than any of a venue's, however long it says that it is */
async function textOf(response: Response): Promise<string> {
  const tooLong = () => new Error("its answer is too long");
  if (Number(response.headers.get("content-length")) > LONGEST) throw tooLong();
  if (!response.body) return response.text();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  const parts: string[] = [];
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return parts.join("") + decoder.decode();
    bytes += value.length;
    if (bytes > LONGEST) {
      await reader.cancel();
      throw tooLong();
    }
    parts.push(decoder.decode(value, { stream: true }));
  }
}
