import { join } from "node:path";
import { Random } from "../../../src/replay/random.ts";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { gather, meet, Watch, type VenueSaid } from "./evidence.ts";
import { judge, type Evidence, type Finding } from "./judge.ts";
import { Records, Traffic } from "./traffic.ts";
import { TROUBLES } from "./troubles.ts";
import { pause, until } from "./tries.ts";

export interface RunOptions extends ClusterOptions {
  readonly seed: number;
  /** names of troubles, in order; each that fits, once, in an order by the seed, when left out */
  readonly troubles?: readonly string[];
  /** how many of those that fit; all when left out */
  readonly count?: number;
  readonly traders?: number;
  /** milliseconds between two items of a trader, about */
  readonly paceMs?: number;
  readonly tell?: (line: string) => void;
}

/** What a trouble came to. */
export interface Outcome {
  readonly trouble: string;
  readonly what: string;
  /** milliseconds until something was acknowledged that was sent after it struck, and whether that was before it was healed */
  readonly afterMs: number;
  readonly meanwhile: boolean;
  readonly lastedMs: number;
}

export interface Result {
  readonly outcomes: readonly Outcome[];
  readonly findings: readonly Finding[];
  readonly evidence: Evidence;
}

/** A cluster, people who trade on it, and somebody who looks on. */
export class Scene {
  readonly cluster: Cluster;
  readonly watch: Watch;
  readonly venue: VenueSaid;
  readonly records: Records;
  readonly traffic: Traffic;
  readonly oneDisk: { from: number; to: number; acknowledged: number }[] = [];

  private constructor(cluster: Cluster, venue: VenueSaid, options: RunOptions) {
    const { seed, paceMs = 2_500 } = options;
    this.cluster = cluster;
    this.venue = venue;
    this.watch = new Watch(cluster);
    this.records = new Records(venue.domain, join(cluster.folder, "records.jsonl"), () => this.watch.epoch);
    const url = ["v1", "v2"].map((it) => cluster.url("client", it)).join(",");
    this.traffic = new Traffic(this.records, { url, seed, paceMs });
  }

  static async open(options: RunOptions): Promise<Scene> {
    const cluster = new Cluster(options);
    try {
      await cluster.start();
      const scene = new Scene(cluster, await meet(cluster), options);
      scene.watch.start();
      await scene.traffic.open(options.traders ?? 3);
      scene.traffic.start();
      await scene.acknowledges(performance.now());
      return scene;
    } catch (error) {
      await cluster.destroy({ keep: true });
      throw error;
    }
  }

  /** Waits for something that was sent from then on, and acknowledged. */
  async acknowledges(since: number, tries?: number): Promise<void> {
    await until("an acknowledgement", () => this.records.firstSince(since), tries);
  }

  /** Strikes, waits, heals, and waits until the market goes on. */
  async suffer(trouble: string, random: Random, tries?: number): Promise<Outcome> {
    const { lasts: [least, most], strike } = TROUBLES[trouble]; // prettier-ignore
    const begun = performance.now();
    const { what, oneDisk = false, heal } = await strike(this.cluster, random);
    const from = performance.now();
    let first = this.records.firstSince(begun);
    while (performance.now() - from < least || (!first && performance.now() - from < most)) {
      await pause(50);
      first ??= this.records.firstSince(begun);
    }
    const to = performance.now();
    if (oneDisk) this.oneDisk.push({ from, to, acknowledged: this.records.acknowledged.filter(({ at }) => at >= from).length });
    const meanwhile = first !== undefined;
    await heal?.();
    await this.cluster.heal();
    const healed = performance.now();
    await this.cluster.follows();
    await this.acknowledges(meanwhile ? healed : begun, tries);
    const afterMs = (meanwhile ? first!.answeredAt : this.records.firstSince(begun)!.answeredAt) - begun;
    return { trouble, what, afterMs, meanwhile, lastedMs: healed - begun };
  } // prettier-ignore

  /** Ends the traffic, and has all judged. */
  async judge(): Promise<{ findings: Finding[]; evidence: Evidence }> {
    await this.traffic.end();
    const { cluster, venue, records, watch, oneDisk } = this;
    const evidence = await gather(cluster, venue, records, { watch, oneDisk });
    return { findings: await judge(evidence), evidence };
  }

  async close(options?: { keep?: boolean }): Promise<void> {
    await this.watch.end();
    await this.traffic.end().catch(() => {});
    await this.cluster.destroy(options);
  }
}

/** Names of the troubles that a cluster can have, each once, in an order by chance. */
export function shuffled(cluster: Cluster, random: Random): string[] {
  const names = Object.keys(TROUBLES).filter((name) => TROUBLES[name].fits?.(cluster) ?? true);
  for (let i = names.length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [names[i], names[j]] = [names[j], names[i]];
  }
  return names;
}

/** One cluster, one schedule of troubles, and what the judge says at its end. */
export async function run(options: RunOptions): Promise<Result> {
  const { seed, tell = () => {} } = options;
  const random = new Random(seed);
  const scene = await Scene.open(options);
  let keep = true;
  try {
    tell(`seed ${seed}, in ${scene.cluster.folder}`);
    const outcomes: Outcome[] = [];
    for (const trouble of options.troubles ?? shuffled(scene.cluster, random).slice(0, options.count)) {
      const outcome = await scene.suffer(trouble, random);
      outcomes.push(outcome);
      const { what, afterMs, meanwhile, lastedMs } = outcome;
      tell(`${trouble} (${what}): ${seconds(lastedMs)}, acknowledged after ${seconds(afterMs)}${meanwhile ? "" : ", once healed"}`); // prettier-ignore
    }
    const begun = performance.now();
    const { findings, evidence } = await scene.judge();
    tell(`proved and judged after ${seconds(performance.now() - begun)}`);
    keep = findings.length > 0;
    return { outcomes, findings, evidence };
  } finally {
    if (keep) tell(`what is left of it: ${scene.cluster.folder}`);
    await scene.close({ keep });
  }
}

export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
