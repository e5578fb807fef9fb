import type { DevelopmentFeeds } from "../feeds/developmentFeeds.ts";
import { fetchJson, shownUrl, type Fetch } from "../feeds/fetchJson.ts";
import { parseReport } from "../feeds/reportJson.ts";
import { TacitError } from "../protocol/errors.ts";
import { contractsHash } from "../protocol/instrument.ts";
import type { ReportSource } from "./feeds.ts";

/** Feeds of development, in this process: their prices are made up. */
export function developmentSource(feeds: DevelopmentFeeds): ReportSource {
  return {
    feeds: [...feeds.keys.keys()],
    isDevelopment: true,
    reports: async ({ domain, instruments, pricing, epoch }) => feeds.reports(domain, instruments, pricing, epoch),
  };
}

/** Bytes of an answer at most. */
const MOST = 16_384;
const TIMEOUT = 5_000;

/**
 * A feed's own service (docs/feeds.md).
 * @param feed  its number in the rules
 * @param url   such as https://feed.example
 */
export function httpSource(feed: number, url: string, { fetch = globalThis.fetch as Fetch } = {}): ReportSource {
  return {
    feeds: [feed],
    async reports({ instruments, epoch }, signal) {
      const address = `${url.replace(/\/$/, "")}/v1/quotes/${epoch}/${contractsHash(instruments)}`;
      const { status, json } = await fetchJson(fetch, address, { timeoutMs: TIMEOUT, most: MOST, signal });
      if (status === 404) return [];
      if (status !== 200) throw new TacitError("UNREACHABLE", `${shownUrl(url)} answers ${status}`);
      const report = parseReport(json);
      if (report.feed !== feed)
        throw new TacitError("FORMAT", `${shownUrl(url)} is feed ${report.feed}, where ${feed} was expected`);
      return [report];
    },
  };
}
