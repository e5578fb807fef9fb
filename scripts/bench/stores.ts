/**
 * Acknowledgements a second by what a venue keeps its log in, and with and without the book of what it signs:
 *     npm run bench stores [--laps N]
 * One lap has each of them once, in a process of its own and on a store of its own; medians of the laps, and ratios within them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { ROOT } from "../../src/setup/folders.ts";
import { table, thousands } from "../../src/setup/format.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { POSTGRES, Server } from "../../test/cluster/postgres.ts";
import { socketSender } from "./venue/senders.ts";
import { ACCOUNTS, itemsOf } from "./venue/traders.ts";

/** Items a client: those that warm the venue up, and those that are counted. */
const [WARM, COUNTED] = [50, 150];
const BAR = { book: 0.95, postgres: 0.4 };
const { values } = parseArgs({ args: process.argv.slice(2).filter((it) => it !== "stores"), options: { laps: { type: "string", default: "3" } } }); // prettier-ignore

await useHashKernels();
const items = Array.from({ length: ACCOUNTS }, (_, client) => itemsOf(client, WARM + COUNTED, 1n));

async function perSecond(place: string, ...words: string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "tacit-bench-"));
  const script = join(import.meta.dirname, "venue/server.ts");
  const args = ["--import", "tsx", "--conditions", "tacit-source", script, folder, place, ...words];
  const server = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], cwd: ROOT });
  const [url] = (await once(createInterface(server.stdout), "line")) as [string];
  const senders = await Promise.all(items.map(() => socketSender(url)));
  const send = (from: number, to: number) =>
    Promise.all(
      senders.map(async (sender, client) => {
        for (const item of items[client].slice(from, to)) await sender.send(item);
      }),
    );
  await send(0, WARM);
  const began = performance.now();
  await send(WARM, WARM + COUNTED);
  const seconds = (performance.now() - began) / 1000;
  senders.forEach((sender) => sender.close());
  server.stdin.end();
  await once(server, "exit");
  await rm(folder, { recursive: true });
  return (ACCOUNTS * COUNTED) / seconds;
}

const [primary, standby] = [new Server("primary"), new Server("standby")];
if (POSTGRES) {
  await primary.start();
  await standby.start({ of: primary });
  await primary.query("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'");
  await primary.query("SELECT pg_reload_conf()");
}
const kinds = [
  ["SQLite, without a book", () => perSecond("", "no-book")],
  ["SQLite", () => perSecond("")],
  ...(POSTGRES ? [["PostgreSQL, a synchronous standby", async () => perSecond(await primary.schema())] as const] : []),
] as const;
const laps: number[][] = [];
try {
  for (let lap = 0; lap < Number(values.laps); lap++) {
    laps.push([]);
    // In the other order every second time.
    const order = [...kinds.keys()];
    for (const kind of lap % 2 ? order.reverse() : order) laps[lap][kind] = await kinds[kind][1]();
  }
} finally {
  await standby.destroy();
  await primary.destroy();
}
const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const ratio = (kind: number, to: number) => median(laps.map((lap) => lap[kind] / lap[to]));
console.log(
  `Acknowledged items a second, ${ACCOUNTS} clients on loopback, ${laps.length} laps, ${cpus().length} cores`,
);
console.log(
  table([
    ["", "items/s", "ratio", "wanted"],
    ...kinds.map(([name], kind) => [
      name,
      thousands(Math.round(median(laps.map((lap) => lap[kind])))),
      kind === 0 ? "" : `${ratio(kind, kind - 1).toFixed(2)} of the row above`,
      kind === 0 ? "" : `>= ${kind === 1 ? BAR.book : BAR.postgres}`,
    ]),
  ]),
);
