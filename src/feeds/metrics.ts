import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Feed } from "./feed.ts";
import type { Pushes } from "./pushes.ts";

/** What is measured of a feed, in a registry of its own. */
export class FeedMetrics {
  readonly #registry = new Registry();

  /** @param ofProcess  whether memory, processor time and the like of the process are measured too */
  constructor(feed: Feed, { pushes = null, ofProcess }: { pushes?: Pushes | null; ofProcess: boolean }) {
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    const counter = (name: string, help: string, value: () => number) =>
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(value());
        },
      });
    gauge("tacit_feed_up", "1 when the last epoch is signed", () => Number(feed.health().ok));
    gauge("tacit_feed_epoch", "The last epoch that is signed, 0 before", () => Number(feed.health().epoch ?? 0n));
    gauge("tacit_feed_silence_seconds", "Since the last observation, -1 before", () => feed.silence ?? -1);
    gauge("tacit_feed_contracts", "Sets of contracts that are signed for", () => feed.contracts.length);
    const { counts } = feed;
    counter("tacit_feed_signed_total", "Reports signed since the start", () => counts.signed);
    counter("tacit_feed_refused_total", "Second reports of one epoch that were not signed", () => counts.refused);
    counter("tacit_feed_observations_total", "Observations taken", () => counts.observations);
    counter("tacit_feed_late_total", "Observations of epochs that were over", () => counts.late);
    counter("tacit_feed_bad_total", "Observations that were refused", () => counts.bad);
    if (!pushes) return;
    new Counter({
      name: "tacit_feed_pushes_total",
      help: "Reports sent to venues, by what came of it",
      labelNames: ["outcome"],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(pushes.counts)) this.inc({ outcome }, count);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
