import { getRequestListener } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { TacitError } from "../protocol/errors.ts";
import { badFormat } from "../protocol/json.ts";
import type { Measured } from "./measure.ts";

const HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
} as const;
const STATUS = { FORMAT: 400, NOT_FOUND: 404, METHOD: 405, UNAUTHORISED: 401, TOO_LARGE: 413 } as const;

export interface JsonServiceOptions {
  readonly metrics: Pick<Measured, "text" | "contentType">;
  /** of each error, beside those of every service, that who asks can meet; all others are ours, and nothing is told of them */
  readonly status?: Readonly<Record<string, ContentfulStatusCode>>;
  /** longest body of a request, bytes: 64 kB when left out */
  readonly longest?: number;
  /** throws when a request is refused by its head: no byte of a body is read before */
  readonly admit?: (c: Context) => void;
  /** told of what nobody can meet */
  readonly onUnexpected?: (error: Error) => void;
}

export const replyJson = (c: Context, json: object, status: ContentfulStatusCode = 200, headers = {}): Response =>
  c.json(json, status, { ...HEADERS, ...headers });

/** An application that answers in JSON, errors by code among it, and tells /metrics. */
export function jsonApp({ metrics, status = {}, longest = 65_536, admit, onUnexpected }: JsonServiceOptions): Hono {
  const app = new Hono();
  const statuses: Readonly<Record<string, ContentfulStatusCode>> = { ...STATUS, ...status };
  const refuse = (c: Context, { code, message, details }: TacitError) =>
    replyJson(c, { error: { code, message, details: plain(details) } }, statuses[code]);
  if (admit)
    app.use((c, next) => {
      admit(c);
      return next();
    });
  app.use(
    bodyLimit({
      maxSize: longest,
      onError: (c) => refuse(c, new TacitError("TOO_LARGE", `the body is too long: expected at most ${longest} bytes`)),
    }),
  );
  app.get("/metrics", async (c) =>
    c.body(await metrics.text(), 200, { ...HEADERS, "Content-Type": metrics.contentType }),
  );
  app.notFound((c) =>
    refuse(
      c,
      ["GET", "HEAD"].includes(c.req.method)
        ? new TacitError("NOT_FOUND", "there is nothing here")
        : new TacitError("METHOD", `there is no ${c.req.method} here`),
    ),
  );
  app.onError((error, c) => {
    if (error instanceof TacitError && Object.hasOwn(statuses, error.code)) return refuse(c, error);
    onUnexpected?.(error);
    return replyJson(c, { error: { code: "UNEXPECTED", message: "the service failed" } }, 500);
  });
  return app;
}

/** Details of an error as JSON has them: numbers and short texts. */
function plain(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [name, typeof value === "bigint" ? `${value}` : value]),
  );
}

/** The body of a request. @throws FORMAT */
export async function bodyOf(c: Context): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badFormat("body", "JSON");
  }
}

/** A number in the path of a request. @throws FORMAT */
export function pathNumber(c: Context, name: string): bigint {
  const text = c.req.param(name) ?? "";
  if (!/^(0|[1-9]\d{0,77})$/.test(text)) throw badFormat(`path ${name}`, "an integer in decimal digits");
  return BigInt(text);
}

/** That who asks has the token: as long as it takes for any wrong one. @throws UNAUTHORISED */
export function requireToken(c: Context, token: string): void {
  const given = /^Bearer (.+)$/.exec(c.req.header("Authorization") ?? "")?.[1] ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  if (!timingSafeEqual(digest(given), digest(token)))
    throw new TacitError("UNAUTHORISED", "the token is missing or wrong: expected Authorization: Bearer");
}

export interface RunningService {
  /** such as http://127.0.0.1:8090 */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves an application over HTTP/1.1. TLS is a proxy's. @param port  0 takes a free one @throws LISTEN */
export async function serveApp(
  app: Hono,
  { host = "127.0.0.1", port = 0 }: { host?: string; port?: number },
): Promise<RunningService> {
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: 5_000,
    },
    getRequestListener((request) => app.fetch(request)),
  );
  server.maxConnections = 1_024;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new TacitError("LISTEN", `cannot listen at ${host}:${port}: ${error.code}`, { host, port })),
    );
    server.listen(port, host, resolve);
  });
  const at = server.address() as AddressInfo;
  const url = `http://${at.family === "IPv6" ? `[${at.address}]` : at.address}:${at.port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
