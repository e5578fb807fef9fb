import type { Hono } from "hono";
import { TacitError } from "../protocol/errors.ts";
import type { Feed } from "./feed.ts";
import { jsonApp, pathNumber, replyJson, serveApp, type RunningService } from "./jsonService.ts";
import { FeedMetrics } from "./metrics.ts";
import { reportJson } from "./reportJson.ts";

/** What was signed never changes. */
const FOREVER = { "Cache-Control": "public, max-age=31536000, immutable" } as const;

/** The service of a feed, without a socket. */
export function createFeedApp({ feed, metrics }: { feed: Feed; metrics: FeedMetrics }): Hono {
  const app = jsonApp({ metrics });
  app.get("/v1/quotes/:epoch/:contracts", (c) => {
    const [epoch, contracts] = ["epoch", "contracts"].map((name) => pathNumber(c, name));
    const signed = feed.find(epoch, contracts);
    if (!signed) throw new TacitError("NOT_FOUND", `nothing was signed of epoch ${epoch} for these contracts`);
    return replyJson(c, reportJson(signed), 200, FOREVER);
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
    return replyJson(c, json, ok ? 200 : 503);
  });
  return app;
}

/** Serves a feed over HTTP/1.1. TLS is a proxy's. @param port  0 takes a free one @throws LISTEN */
export function startFeedService({
  feed,
  metrics = new FeedMetrics(feed, { ofProcess: false }),
  ...at
}: {
  feed: Feed;
  metrics?: FeedMetrics;
  host?: string;
  port?: number;
}): Promise<RunningService> {
  return serveApp(createFeedApp({ feed, metrics }), at);
}
