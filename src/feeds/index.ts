/** A feed: what it computes, signs, keeps, serves and sends (docs/feeds.md). */
export { advance, historyText, noHistory, numbersOf, quotesOf, readHistory, type History } from "./computation.ts";
export { DevelopmentFeeds, type DevelopmentFeedsOptions } from "./developmentFeeds.ts";
export { Feed, type FeedHealth, type FeedLog, type FeedOptions, type FeedRules } from "./feed.ts";
export { readVenueRules, type VenueRules } from "./feedRules.ts";
export { FeedMetrics } from "./metrics.ts";
export { quoteName, quoteNames, readObservation, type Observation } from "./observation.ts";
export { Pushes, type PushOptions } from "./pushes.ts";
export { parseReport, reportJson, type ReportJson } from "./reportJson.ts";
export type { RunningService } from "./jsonService.ts";
export { createFeedApp, startFeedService } from "./service.ts";
export { fileSource, sourceOf, streamSource, urlSource, type Sink, type Source } from "./sources.ts";
