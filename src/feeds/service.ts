import { getRequestListener } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { TacitError } from "../protocol/errors.ts";
import { badFormat } from "../protocol/json.ts";
import type { Feed } from "./feed.ts";
import { FeedMetrics } from "./metrics.ts";
import { reportJson } from "./reportJson.ts";

/** What is told by each error that who asks can meet; all others are ours. */
const STATUS = { FORMAT: 400, NOT_FOUND: 404, METHOD: 405 } as const;
const HEADERS = {
  "Access-Control-Allow-Origin": "*",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
} as const;
/** What was signed never changes. */
const FOREVER = { "Cache-Control": "public, max-age=31536000, immutable" } as const;

/** The service of a feed, without a socket. */
export function createFeedApp({ feed, metrics }: { feed: Feed; metrics: FeedMetrics }): Hono {
  const app = new Hono();
  const reply = (c: Context, json: object, status: 200 | 400 | 404 | 405 | 500 | 503 = 200, headers = {}) =>
    c.json(json, status, { ...HEADERS, ...headers });
  const refuse = (c: Context, error: TacitError<keyof typeof STATUS>) =>
    reply(c, { error: { code: error.code, message: error.message } }, STATUS[error.code]);

  app.get("/v1/quotes/:epoch/:contracts", (c) => {
    const [epoch, contracts] = (["epoch", "contracts"] as const).map((name) => {
      const text = c.req.param(name);
      if (!/^(0|[1-9]\d{0,77})$/.test(text)) throw badFormat(`path ${name}`, "an integer in decimal digits");
      return BigInt(text);
    });
    const signed = feed.find(epoch, contracts);
    if (!signed) throw new TacitError("NOT_FOUND", `nothing was signed of epoch ${epoch} for these contracts`);
    return reply(c, reportJson(signed), 200, FOREVER);
  });
  app.get("/v1/health", (c) => {
    const { ok, reason, epoch, observed } = feed.health();
    const text = (x: bigint | null) => (x === null ? null : String(x));
    const json = {
      ok,
      reason,
      key: { x: String(feed.key.x), y: String(feed.key.y) },
      domain: String(feed.domain),
      feed: feed.number < 0 ? null : String(feed.number),
      contracts: feed.contracts.map(String),
      epoch: text(epoch),
      observed: text(observed),
    };
    return reply(c, json, ok ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await metrics.text(), 200, { ...HEADERS, "Content-Type": metrics.contentType }),
  );
  app.notFound((c) =>
    c.req.method === "GET" || c.req.method === "HEAD"
      ? refuse(c, new TacitError("NOT_FOUND", "there is nothing here"))
      : refuse(c, new TacitError("METHOD", `there is no ${c.req.method} here: expected GET`)),
  );
  app.onError((error, c) => {
    if (error instanceof TacitError && Object.hasOwn(STATUS, error.code))
      return refuse(c, error as TacitError<keyof typeof STATUS>);
    return reply(c, { error: { code: "UNEXPECTED", message: "the service failed" } }, 500);
  });
  return app;
}

export interface RunningFeedService {
  /** such as http://127.0.0.1:8090 */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a feed over HTTP/1.1. TLS is a proxy's. @throws LISTEN */
export async function startFeedService({
  feed,
  metrics = new FeedMetrics(feed, { ofProcess: false }),
  host = "127.0.0.1",
  port = 0,
}: {
  feed: Feed;
  metrics?: FeedMetrics;
  host?: string;
  /** 0 takes a free one */
  port?: number;
}): Promise<RunningFeedService> {
  const app = createFeedApp({ feed, metrics });
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
