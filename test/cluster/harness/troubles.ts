import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../../src/replay/random.ts";
import type { Server } from "../postgres.ts";
import type { Cluster } from "./cluster.ts";
import type { Program } from "./program.ts";
import { pause, until } from "./tries.ts";

export interface Struck {
  /** what it has hit, for the table */
  readonly what: string;
  /** while it lasts no standby writes: nothing that is sent may be acknowledged */
  readonly oneDisk?: boolean;
  /** what is to be done beside `Cluster.heal` */
  readonly heal?: () => Promise<void>;
}

export interface Trouble {
  /** milliseconds that it lasts at least, and at most where nothing is acknowledged meanwhile */
  readonly lasts: readonly [least: number, most: number];
  readonly strike: (cluster: Cluster, random: Random) => Promise<Struck>;
  /** whether the cluster has what it hits */
  readonly fits?: (cluster: Cluster) => boolean;
}

/** Longer than a lease, so that another takes over. */
const LONG = [1_000, 12_000] as const;
const SHORT = [1_500, 2_500] as const;

/** Who leads; where that changes just now, who does next. */
const leaderOf = (cluster: Cluster) => until("a venue that leads", () => cluster.leader());
const otherThan = (cluster: Cluster, leader: Program) => cluster.venues.find((it) => it !== leader)!;

const killed = (who: (cluster: Cluster) => Program | Promise<Program>): Trouble["strike"] =>
  async (cluster) => {
    const program = await who(cluster);
    await program.end("SIGKILL");
    return { what: program.name };
  }; // prettier-ignore
const held = (who: (cluster: Cluster) => Program | Promise<Program>): Trouble["strike"] =>
  async (cluster) => {
    const program = await who(cluster);
    program.hold();
    return { what: program.name };
  }; // prettier-ignore
const named = (name: string) => (cluster: Cluster) => cluster.programs.get(name)!;
const standbyVenue = async (cluster: Cluster) => otherThan(cluster, await leaderOf(cluster));

/** Cuts or silences one way from who leads, or from another. */
const way =
  (how: "cut" | "silence", ends: (cluster: Cluster, random: Random) => Promise<[from: string, to: string]>): Trouble["strike"] =>
  async (cluster, random) => {
    const [from, to] = await ends(cluster, random);
    cluster.way(from, to)[how]();
    return { what: `${from}>${to}` };
  }; // prettier-ignore
const toPrimary = async (cluster: Cluster): Promise<[string, string]> => [
  (await leaderOf(cluster)).name,
  cluster.primary.name,
];
const toStandby = async (cluster: Cluster, random: Random): Promise<[string, string]> => [
  random.pick(cluster.standbys).name,
  cluster.primary.name,
];
const toLeader = async (cluster: Cluster): Promise<[string, string]> => ["client", (await leaderOf(cluster)).name];
const fromLeaderTo =
  (to: string) =>
  async (cluster: Cluster): Promise<[string, string]> => [(await leaderOf(cluster)).name, to];
const oneCoSigner = (cluster: Cluster, random: Random) => random.pick(cluster.coSigners);

const proves = ({ options }: Cluster) => options.prove;
const hasSigner = ({ options }: Cluster) => options.signer;
const hasCoSigners = ({ options }: Cluster) => options.coSigners > 0;

/** Another primary is chosen by the rule once the first is gone; that comes back as a standby. */
async function replace(cluster: Cluster, random: Random, gone: (primary: Server) => Promise<void>): Promise<Struck> {
  const before = cluster.primary;
  await gone(before);
  await cluster.promote();
  const how = random.pick(["rewind", "copy"] as const);
  return {
    what: `${before.name} > ${cluster.primary.name}, ${how}`,
    heal: async () => {
      await before.stop("SIGKILL");
      // Who was killed ends as it should, once, so that what it has can be put back.
      await cluster.rejoin(before, how);
    },
  };
}

/** Fills the disk of a server; what fills it is gone when it is healed. */
function fill(server: Server): () => void {
  const path = join(server.folder, "filler");
  const file = openSync(path, "w");
  try {
    for (const size of [1 << 20, 4_096]) {
      const bytes = Buffer.alloc(size, 1);
      try {
        for (;;) writeSync(file, bytes);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    }
  } finally {
    closeSync(file);
  }
  return () => rmSync(path, { force: true });
}

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  "leader killed": { lasts: LONG, strike: killed(leaderOf) },
  "leader ended by hand": {
    lasts: LONG,
    strike: async (cluster) => {
      const leader = await leaderOf(cluster);
      await leader.end("SIGTERM");
      return { what: leader.name };
    },
  },
  "leader stopped": { lasts: LONG, strike: held(leaderOf) },
  "standby venue killed": { lasts: SHORT, strike: killed(standbyVenue) },
  "standby venue stopped": { lasts: SHORT, strike: held(standbyVenue) },
  "both venues killed": {
    lasts: SHORT,
    strike: async (cluster) => {
      await Promise.all(cluster.venues.map((it) => it.end("SIGKILL")));
      return { what: "v1, v2" };
    },
  },
  "primary killed, and started again": {
    lasts: [500, 1_000],
    strike: async (cluster) => {
      await cluster.primary.stop("SIGKILL");
      return { what: cluster.primary.name };
    },
  },
  "primary killed, another promoted": {
    lasts: LONG,
    strike: (cluster, random) => replace(cluster, random, (primary) => primary.stop("SIGKILL")),
  },
  "primary isolated, another promoted": {
    lasts: LONG,
    strike: (cluster, random) =>
      replace(cluster, random, async (primary) => {
        for (const it of cluster.waysOf((_, to) => to === primary.name)) it.silence();
      }),
  },
  // As a fail-over manager does it that would rather go on with one disk: a commit returns, and says nothing of it.
  "primary waits for nobody, is killed, another promoted": {
    lasts: LONG,
    strike: (cluster, random) =>
      replace(cluster, random, async (primary) => {
        // Cut off: one that is stopped would find afterwards what was sent to it.
        for (const it of cluster.standbys) cluster.way(it.name, primary.name).cut();
        primary.set(["synchronous_standby_names = ''"]);
        await primary.reload();
        await pause(3_000);
        await primary.stop("SIGKILL");
        primary.set([cluster.waitsFor(primary)]);
      }),
  },
  "primary stopped": {
    lasts: [2_000, 4_000],
    strike: async ({ primary }) => {
      primary.signal("SIGSTOP");
      return { what: primary.name };
    },
  },
  "standby database killed": {
    lasts: SHORT,
    strike: async (cluster, random) => {
      const standby = random.pick(cluster.standbys);
      await standby.stop("SIGKILL");
      return { what: standby.name };
    },
  },
  "standby database stopped": {
    lasts: SHORT,
    strike: async (cluster, random) => {
      const standby = random.pick(cluster.standbys);
      standby.signal("SIGSTOP");
      return { what: standby.name };
    },
  },
  "both standby databases stopped": {
    lasts: [3_000, 3_000],
    strike: async ({ standbys }) => {
      for (const it of standbys) it.signal("SIGSTOP");
      return { what: standbys.map(({ name }) => name).join(", "), oneDisk: true };
    },
  },
  "leader to primary cut": { lasts: LONG, strike: way("cut", toPrimary) },
  "leader to primary silent": { lasts: LONG, strike: way("silence", toPrimary) },
  "renewals of the lease silent": {
    lasts: [8_000, 12_000],
    strike: async (cluster) => {
      const [from, to] = await toPrimary(cluster);
      cluster.way(from, to).silence("tacit renews");
      return { what: `${from}>${to}` };
    },
  },
  "primary to standby cut": { lasts: SHORT, strike: way("cut", toStandby) },
  "primary to standby silent": { lasts: SHORT, strike: way("silence", toStandby) },
  "client to leader cut": { lasts: SHORT, strike: way("cut", toLeader) },
  "client to leader silent": { lasts: SHORT, strike: way("silence", toLeader) },
  "primary's disk full": {
    lasts: SHORT,
    fits: ({ options }) => options.disks,
    strike: async ({ primary }) => {
      const empty = fill(primary);
      return { what: primary.name, heal: async () => empty() };
    },
  },
  "standby's disk full": {
    lasts: SHORT,
    fits: ({ options }) => options.disks,
    strike: async (cluster, random) => {
      const standby = random.pick(cluster.standbys);
      const empty = fill(standby);
      return { what: standby.name, heal: async () => empty() };
    },
  },
  "standbys' disks slow": {
    lasts: [4_000, 4_000],
    strike: async ({ standbys }) => {
      let isOver = false;
      const beat = async () => {
        while (!isOver) {
          const pids = standbys.flatMap((it) => (it.isRunning ? (it.pidOf("walreceiver") ?? []) : []));
          const all = (signal: NodeJS.Signals) => {
            for (const pid of pids)
              try {
                process.kill(pid, signal);
              } catch {
                // It has ended.
              }
          };
          all("SIGSTOP");
          await pause(400);
          all("SIGCONT");
          await pause(100);
        }
      };
      const beating = beat();
      return {
        what: standbys.map(({ name }) => name).join(", "),
        heal: async () => {
          isOver = true;
          await beating;
        },
      };
    },
  },
  "prover killed": { lasts: SHORT, fits: proves, strike: killed(named("r1")) },
  "prover stopped": { lasts: [5_500, 6_000], fits: proves, strike: held(named("r2")) },
  "prover to jobs cut": { lasts: SHORT, fits: proves, strike: way("cut", async () => ["r1", "jobs"]) },
  "prover to jobs silent": { lasts: SHORT, fits: proves, strike: way("silence", async () => ["r2", "jobs"]) },
  "leader to jobs silent": { lasts: SHORT, fits: proves, strike: way("silence", fromLeaderTo("jobs")) },
  "jobs killed": {
    lasts: SHORT,
    fits: proves,
    strike: async ({ jobs }) => {
      await jobs.stop("SIGKILL");
      return { what: jobs.name };
    },
  },
  "signer killed": { lasts: SHORT, fits: hasSigner, strike: killed(named("signer")) },
  "signer stopped": { lasts: SHORT, fits: hasSigner, strike: held(named("signer")) },
  "leader to signer cut": { lasts: SHORT, fits: hasSigner, strike: way("cut", fromLeaderTo("signer")) },
  "leader to signer silent": { lasts: SHORT, fits: hasSigner, strike: way("silence", fromLeaderTo("signer")) },
  "co-signer killed": {
    lasts: SHORT,
    fits: hasCoSigners,
    strike: (cluster, random) => killed(named(oneCoSigner(cluster, random)))(cluster, random),
  },
  "co-signer stopped": {
    lasts: SHORT,
    fits: hasCoSigners,
    strike: (cluster, random) => held(named(oneCoSigner(cluster, random)))(cluster, random),
  },
  "leader to co-signer cut": {
    lasts: SHORT,
    fits: hasCoSigners,
    strike: way("cut", async (cluster, random) => [(await leaderOf(cluster)).name, oneCoSigner(cluster, random)]),
  },
  "leader to co-signer silent": {
    lasts: SHORT,
    fits: hasCoSigners,
    strike: way("silence", async (cluster, random) => [(await leaderOf(cluster)).name, oneCoSigner(cluster, random)]),
  },
};
