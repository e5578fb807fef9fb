import { TacitError } from "../protocol/errors.ts";

/** The part of `fetch` that is used. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;

export interface JsonAnswer {
  readonly status: number;
  /** undefined where the answer is no JSON */
  readonly json: unknown;
}

/**
 * Asks over HTTP, within a time and a size; redirects are not followed.
 * @throws UNREACHABLE, TOO_LARGE
 */
export async function fetchJson(
  fetch: Fetch,
  url: string,
  { timeoutMs, most, signal, ...init }: { timeoutMs: number; most: number; signal?: AbortSignal } & RequestInit,
): Promise<JsonAnswer> {
  // Not AbortSignal.any: what it makes of a signal that lives long would stay with it.
  const asking = new AbortController();
  const stop = () => asking.abort();
  signal?.addEventListener("abort", stop);
  let late = false;
  const timer = setTimeout(() => ((late = true), stop()), timeoutMs);
  let response: Response, text: string | null;
  try {
    if (signal?.aborted) stop();
    response = await fetch(url, { ...init, signal: asking.signal, redirect: "error" });
    text = await textOf(response, most);
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : { message: String(error), cause: null };
    const why = late
      ? `no answer within ${timeoutMs} ms`
      : cause instanceof Error
        ? cause.message || (cause as NodeJS.ErrnoException).code
        : message;
    // Some of these name the address with all that is in it.
    const told = why?.replaceAll(url, shownUrl(url));
    throw new TacitError("UNREACHABLE", `${shownUrl(url)} does not answer: ${told}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
  if (text === null)
    throw new TacitError("TOO_LARGE", `the answer of ${shownUrl(url)} is too long: expected at most ${most} bytes`);
  try {
    return { status: response.status, json: JSON.parse(text) };
  } catch {
    return { status: response.status, json: undefined };
  }
}

/** @throws USAGE */
export function requireUrl(name: string, url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw new TacitError("USAGE", `${name} is wrong: expected an address that begins with http:// or https://`);
  return parsed.href;
}

/** Without name, password and query, which may hold a secret of whoever asks. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname === "/" ? "" : pathname}`;
}

/** null where it is longer than that, however long it says that it is. */
async function textOf(response: Response, most: number): Promise<string | null> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = "";
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > most) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
