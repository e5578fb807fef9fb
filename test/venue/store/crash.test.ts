// Goal: what was acknowledged survives kill -9 at any moment, and nothing is there that was not written: none lost, none
// twice, none in part.
// Method: children write to stores and kill themselves at seeded write points; each continues where the last one was
// killed, once it has compared the store with the logs of all before it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { Random } from "../../../src/replay/random.ts";
import { openSqliteStore, WRITE_POINTS } from "../../../src/venue/store/sqliteStore.ts";
import { readLog, verify } from "./crash/verify.ts";

const seed = Number(process.env.SEED ?? 13);
const KILLS = Number(process.env.KILLS ?? 1_000);
/** kills of one store */
const CHAIN = 25;
const PARALLEL = 2;

const require = createRequire(import.meta.url);
/** The binding stays where it is installed. */
const outside: Plugin = {
  name: "libsql",
  setup: ({ onResolve }) =>
    onResolve({ filter: /^libsql/ }, ({ path }) => ({ path: require.resolve(path), external: true })),
};

describe(`crashes (seed ${seed})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-crash-"));
  const program = join(folder, "child.cjs");
  after(() => rmSync(folder, { recursive: true }));

  async function kill(store: string, log: string, childSeed: number, point: string, times: number) {
    const args = [program, store, log, childSeed, point, times].map(String);
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const [said, [, signal]] = await Promise.all([text(child.stderr), once(child, "close")]);
    assert.equal(signal, "SIGKILL", `child of seed ${childSeed}, to be killed at ${point}: ${said}`);
  }

  it(`lose nothing acknowledged and leave nothing unsent, at ${KILLS} kill points`, async () => {
    await build({
      entryPoints: [join(import.meta.dirname, "crash/child.ts")],
      outfile: program,
      bundle: true,
      platform: "node",
      // It starts a sixth sooner than a module.
      format: "cjs",
      plugins: [outside],
      // From where it looks for the thread that helps with checkpoints, of those with even seeds.
      define: {
        "import.meta.url": JSON.stringify(
          pathToFileURL(join(import.meta.dirname, "../../../dist/venue/store/sqliteStore.js")),
        ),
      },
    });
    const random = new Random(seed);
    const chains = Array.from({ length: Math.ceil(KILLS / CHAIN) }, (_, chain) => ({
      store: join(folder, `${chain}`, "venue.db"),
      log: join(folder, `${chain}.log`),
      kills: Array.from({ length: CHAIN }, () => {
        const point = random.pick(WRITE_POINTS);
        // A child opens the store once.
        return { seed: random.integer(0, 2 ** 30), point, times: point.startsWith("open:") ? 1 : random.integer(1, 6) };
      }),
    }));
    const waiting = chains.values();
    const sums = { kills: 0, records: 0, acked: 0 };
    const covered = new Set<string>();
    const work = async () => {
      for (const { store, log, kills } of waiting) {
        for (const { seed, point, times } of kills) await kill(store, log, seed, point, times);
        const opened = await openSqliteStore(store);
        const { records, acked } = await verify(opened, log);
        await opened.close();
        const points = readLog(log).flatMap(([verb, point]) => (verb === "killed" ? [point] : []));
        points.forEach((point) => covered.add(point));
        sums.kills += points.length;
        sums.records += records;
        sums.acked += acked;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    assert.equal(sums.kills, chains.length * CHAIN);
    assert.deepEqual([...covered].sort(), [...WRITE_POINTS].sort(), "every write point was one to be killed at");
    // What was written and not acknowledged is allowed to be there: at most one batch of six for each kill.
    assert.ok(sums.records >= sums.acked && sums.records <= sums.acked + 6 * sums.kills);
    assert.ok(sums.acked > 4 * sums.kills, "there was something to lose");
  });
});
