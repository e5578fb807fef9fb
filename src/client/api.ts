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

/** A venue's service (docs/api.md), asked over HTTP. */
export class Api {
  readonly url: string;
  readonly #fetch: Fetch;
  readonly #timeoutMs: number;
  readonly #now: () => bigint;
  #clockOffset = 0n;
  /** what a new session asks begins no other */
  #renewing = false;
  token: string | null = null;
  /** begins a session, which sets `token` */
  renew: (() => Promise<void>) | null = null;

  /** @throws BAD_URL */
  constructor(
    url: string,
    {
      fetch = globalThis.fetch.bind(globalThis) as Fetch,
      timeoutMs = 30_000,
      now = () => BigInt(Math.floor(Date.now() / 1000)),
    }: { fetch?: Fetch; timeoutMs?: number; now?: () => bigint } = {},
  ) {
    let parsed;
    try {
      parsed = new URL(url);
    } catch {
      parsed = null;
    }
    if (!parsed || !/^https?:$/.test(parsed.protocol))
      throw new TacitError(
        "BAD_URL",
        "the venue's address is wrong: expected one that begins with http:// or https://",
      );
    this.url = parsed.href.replace(/\/+$/, "");
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
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

  /** Entries of the venue's log, and how many of them are proved, as it says now. */
  async progress(): Promise<{ logCount: number; proved: number }> {
    const { logCount, proved } = asObject("health", await this.health());
    return { logCount: asWhole("health.logCount", logCount), proved: asWhole("health.proved", proved) };
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

  async #ask(path: string, init: RequestInit, { again = true, accept = -1 } = {}): Promise<unknown> {
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
      throw new TacitError("UNREACHABLE", `the venue at ${this.url} does not answer: ${why}`, { url: this.url });
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
      this.#renewing = true;
      await this.renew().finally(() => (this.#renewing = false));
      return this.#ask(path, init, { again: false });
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
