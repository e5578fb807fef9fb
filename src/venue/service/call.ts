/** One request to a service: who asks, what is read of it, and how it is answered. */
import type { Context } from "hono";
import { TacitError } from "../../protocol/errors.ts";
import { badFormat, toJson } from "../../protocol/json.ts";
import type { Clock } from "../clock.ts";

/** What the server tells of a request beside the request. */
export interface Caller {
  /** who asks: see `senderOf` */
  readonly sender?: string;
  /** whether it comes from this machine */
  readonly local?: boolean;
}

export interface Env {
  Bindings: Caller;
  Variables: {
    route: string;
    account: number;
    /** of the answer: a plain object, which the server writes several times as fast as Headers */
    headers: Record<string, string>;
  };
}

/** A request, and the answer that it is to have. */
export type Call = Context<Env>;

/** Of every answer, unless it says otherwise. */
export const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Of answers that never change. */
export const IMMUTABLE = "public, max-age=31536000, immutable";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

export function reply(
  c: Call,
  body: string | ReadableStream | null,
  headers: Record<string, string> = {},
  status = 200,
) {
  return new Response(body, { status, headers: { ...c.var.headers, ...headers } });
}

export function json(c: Call, value: unknown, status = 200): Response {
  return reply(c, toJson(value), {}, status);
}

/** The address that counts as whoever asks. */
export function sender(c: Call): string {
  return c.env?.sender ?? "unknown";
}

/** The token that comes with a request. */
export function bearer(c: Call): string | null {
  return /^bearer ([A-Za-z0-9_~+/.-]{1,256}=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ?? null;
}

/** A token of the operator that a request can carry, and that nobody guesses. @throws USAGE */
export function requireOperatorToken(token: string): void {
  if (/^[A-Za-z0-9_~+/.-]{16,256}=*$/.test(token)) return;
  throw new TacitError(
    "USAGE",
    "the operator's token is wrong: expected 16 to 256 characters of A-Z, a-z, 0-9 and _ ~ + / . -, best random ones",
  );
}

/** @throws FORMAT  when a name occurs twice */
export function queryOf({ req: { url } }: Call): Record<string, string> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const query: [string, string][] = [...new URLSearchParams(url.slice(start + 1).split("#")[0])];
  if (new Set(query.map(([name]) => name)).size < query.length) throw badFormat("query", "every name once");
  return Object.fromEntries(query);
}

/** @throws MEDIA_TYPE, TOO_LARGE, FORMAT */
export async function readJson(c: Call, most: number): Promise<unknown> {
  const type = c.req.header("Content-Type")?.split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw new TacitError("MEDIA_TYPE", "the body is wrong: expected application/json");
  const bytes = await readBytes(c.req.raw, c.req.header("Content-Length"), most);
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw badFormat("body", "JSON in UTF-8");
  }
}

async function readBytes(request: Request, length: string | undefined, most: number): Promise<Uint8Array> {
  const tooLarge = () => new TacitError("TOO_LARGE", `the body is too large: expected at most ${most} bytes`, { most });
  if (length !== undefined && Number(length) > most) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    // Whose length is known is read at once: the server holds the client to it.
    if (length !== undefined) {
      const bytes = new Uint8Array(await request.arrayBuffer());
      if (bytes.length > most) throw tooLarge();
      return bytes;
    }
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > most) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TacitError) throw error;
    throw badFormat("body", "all of it");
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The venue's own time, by which a client sees that its clock is off (RFC 9110, section 6.6.1). */
export function dateOf(clock: Pick<Clock, "now">): string {
  let seconds;
  try {
    seconds = Number(clock.now());
  } catch {
    // It was set ahead: what needs the time will say so.
    seconds = Date.now() / 1000;
  }
  return new Date(seconds * 1000).toUTCString();
}
