import { Counter } from "prom-client";
import type { Feed } from "./feed.ts";
import { Measured } from "./measure.ts";
import type { Pushes } from "./pushes.ts";

/** What is measured of a feed. */
export class FeedMetrics extends Measured {
  /** @param ofProcess  as of `Measured` */
  constructor(feed: Feed, { pushes = null, ofProcess }: { pushes?: Pushes | null; ofProcess: boolean }) {
    super({ ofProcess });
    this.gauge("tacit_feed_up", "1 when the last epoch is signed", () => Number(feed.health().ok));
    this.gauge("tacit_feed_epoch", "The last epoch that is signed, 0 before", () => Number(feed.health().epoch ?? 0n));
    this.gauge("tacit_feed_silence_seconds", "Since the last observation, -1 before", () => feed.silence ?? -1);
    this.gauge("tacit_feed_contracts", "Sets of contracts that are signed for", () => feed.contracts.length);
    const { counts } = feed;
    this.counter("tacit_feed_signed_total", "Reports signed since the start", () => counts.signed);
    this.counter("tacit_feed_refused_total", "Second reports of one epoch that were not signed", () => counts.refused);
    this.counter("tacit_feed_observations_total", "Observations taken", () => counts.observations);
    this.counter("tacit_feed_late_total", "Observations of epochs that were over", () => counts.late);
    this.counter("tacit_feed_bad_total", "Observations that were refused", () => counts.bad);
    if (!pushes) return;
    new Counter({
      name: "tacit_feed_pushes_total",
      help: "Reports sent to venues, by what came of it",
      labelNames: ["outcome"],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(pushes.counts)) this.inc({ outcome }, count);
      },
    });
  }
}
