/**
 * What a venue takes and how far its proofs trail.
 *     npm run bench venue [acknowledgements] [start] [lag] [makers] [--seconds N] [messages.csv.gz]
 * Without words all four. Prints tables, and writes docs/costs.json.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { table, thousands } from "../../src/setup/format.ts";
import { proverFiles } from "../../src/setup/instructionKeys.ts";
import { readLobster, type LobsterMessage } from "../../src/replay/lobster.ts";
import { Random } from "../../src/replay/random.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { hashEntries, orderItem } from "../../src/protocol/item.ts";
import { SIDE } from "../../src/protocol/parameters.ts";
import { epochAt } from "../../src/protocol/prices.ts";
import { quorumOf } from "../../src/protocol/report.ts";
import { DevelopmentFeeds } from "../../src/feeds/developmentFeeds.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import type { Clock } from "../../src/venue/clock.ts";
import { DEVELOPMENT_PRICE, DEVELOPMENT_SEED } from "../../src/venue/developmentGenesis.ts";
import type { ReportSource } from "../../src/venue/feeds.ts";
import {
  DEFAULT_LIMITS,
  localProver,
  localSigner,
  memoryStore,
  nodeDigest,
  openThreadStore,
  openVenue,
} from "../../src/venue/index.ts";
import { collectSeldom } from "../../src/venue/service/heap.ts";
import { EMPTY_JOURNAL, logEntry, type JournalEntry, type Tip } from "../../src/venue/store/journal.ts";
import { encodeSnapshot } from "../../src/venue/store/snapshot.ts";
import { recordsOf, stepsOf } from "../../src/venue/steps.ts";
import { buildAll } from "../../src/setup/build.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";
import { makersFlow, type MakersFlow } from "./makers.ts";
import { httpSender, socketSender } from "./venue/senders.ts";
import { ACCOUNTS, depositsOf, genesisJsonOf, itemsOf, OPERATOR, SIGNER } from "./venue/traders.ts";

const SAMPLE = join(ROOT, "../shared/data/nasdaq-aapl-2012-06-21-0930-1000.csv.gz");
const COSTS = join(ROOT, "docs/costs.json");
const BAR = { perSecond: 1_500, p99Ms: 20, startMs: 5_000 };
const FULL = 200; // items a client, as fast as it can
/** At half the bar; what comes in the first seconds, while code is compiled that runs a venue's whole life, is not counted. */
const WARM_SECONDS = 10;
const HALF_SECONDS = 20;
const RECORDS = 1_000_000;
/** A venue that ends at the worst time has so much to read again. */
const TAIL = DEFAULT_LIMITS.snapshotEvery;
/** Their deposits fill a round, which is proved before the clock starts. */
const LAG_ACCOUNTS = DEFAULT_LIMITS.roundProofs * PROFILES.demo.deposit;
const folderOf = () => mkdtemp(join(tmpdir(), "tacit-bench-"));
const percentile = (sorted: number[], p: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];

async function acknowledgements() {
  console.log(`Acknowledged items: ${ACCOUNTS} clients on loopback, the venue in a process of its own, no proofs`);
  await useHashKernels();
  // Signed and written out before, since it takes longer than to acknowledge; each venue gets the same.
  const [warmCount, halfCount] = [WARM_SECONDS, WARM_SECONDS + HALF_SECONDS].map((seconds) =>
    Math.ceil((seconds * BAR.perSecond) / 2 / ACCOUNTS),
  );
  const items = Array.from({ length: ACCOUNTS }, (_, client) => itemsOf(client, FULL + halfCount, 1n));
  const rows: string[][] = [];
  const result: Record<string, { perSecond: number; atPerSecond: number; p50Ms: number; p99Ms: number }> = {};
  for (const transport of ["websocket", "http"] as const) {
    const folder = await folderOf();
    const server = spawn(
      process.execPath,
      ["--import", "tsx", "--conditions", "tacit-source", join(import.meta.dirname, "venue/server.ts"), folder],
      {
        stdio: ["pipe", "pipe", "inherit"],
        cwd: ROOT,
      },
    );
    const [url] = (await once(createInterface(server.stdout), "line")) as [string];
    const senders = await Promise.all(
      items.map(() => (transport === "websocket" ? socketSender(url) : Promise.resolve(httpSender(url)))),
    );
    // As fast as it goes: each client has one item on its way.
    const fullMs: number[] = [];
    const began = performance.now();
    await Promise.all(
      senders.map(async (sender, client) => {
        for (const item of items[client].slice(0, FULL)) {
          const sent = performance.now();
          await sender.send(item);
          fullMs.push(performance.now() - sent);
        }
      }),
    );
    const perSecond = (FULL * ACCOUNTS) / ((performance.now() - began) / 1000);
    // At half of the bar: each client sends at its times, answered or not, so that a slow answer is not left out.
    const halfMs: number[] = [];
    const start = performance.now() + 100;
    const every = ((WARM_SECONDS + HALF_SECONDS) * 1000) / halfCount;
    await Promise.all(
      senders.map(async (sender, client) => {
        const answers: Promise<void>[] = [];
        for (const [i, item] of items[client].slice(FULL).entries()) {
          const due = start + every * (i + client / ACCOUNTS);
          while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
          answers.push(
            sender.send(item).then(() => {
              if (i >= warmCount) halfMs.push(performance.now() - due);
            }),
          );
        }
        await Promise.all(answers);
      }),
    );
    senders.forEach((sender) => sender.close());
    server.stdin.end();
    await once(server, "exit");
    const { size } = await stat(join(folder, "venue.db"));
    await rm(folder, { recursive: true });
    const [full, half] = [fullMs, halfMs].map((list) => list.sort((a, b) => a - b));
    const [p50, p99] = [percentile(half, 0.5), percentile(half, 0.99)];
    rows.push([
      transport,
      thousands(Math.round(perSecond)),
      percentile(full, 0.5).toFixed(1),
      percentile(full, 0.99).toFixed(1),
      thousands(BAR.perSecond / 2),
      p50.toFixed(1),
      p99.toFixed(1),
      `${Math.round(size / (ACCOUNTS * (FULL + halfCount)))}`,
    ]);
    result[transport] = {
      perSecond: round(perSecond),
      atPerSecond: BAR.perSecond / 2,
      p50Ms: Math.round(p50),
      p99Ms: Math.round(p99),
    };
  }
  console.log(
    table([["", "items/s", "p50 ms", "p99 ms", "half the bar", "p50 ms", "p99 ms", "bytes an item"], ...rows]) +
      `wanted: ${thousands(BAR.perSecond)} items/s by one of them, p99 below ${BAR.p99Ms} ms at half of that ` +
      `(over ${HALF_SECONDS} s, after ${WARM_SECONDS} s of it that are not counted)\n`,
  );
  return result;
}

async function start() {
  console.log(
    `Start with a journal of ${thousands(RECORDS)} records and a snapshot ${thousands(TAIL)} before its end; no prover, the file read before`,
  );
  await useHashKernels();
  const folder = await folderOf();
  const path = join(folder, "venue.db");
  const genesis = parseGenesis(genesisJsonOf());
  const profile = PROFILES[genesis.profile];
  const matcher = new Matcher({ ...genesis, profile }, { view: (_, index) => BigInt(index) });
  const open = async (file: string) =>
    openVenue({
      genesis,
      secret: OPERATOR,
      signer: localSigner(SIGNER),
      storage: await openThreadStore(file, { check: "quick" }),
      digest: nodeDigest,
    });
  // Makes the store that of this venue.
  await (await open(path)).close();
  const storage = await openThreadStore(path);
  let tip: Tip = EMPTY_JOURNAL;
  const write = async (entries: JournalEntry[]) => {
    const hashed = hashEntries(
      genesis.domain,
      entries.map((entry) => logEntry(entry)!),
    );
    const steps = [...stepsOf(matcher, entries, { number: 1, proofs: 0, most: Infinity }, PROFILES[genesis.profile])];
    const records = recordsOf(steps, hashed, { tip, epoch: storage.epoch, digest: nodeDigest });
    await storage.append(records.map(({ record }) => record));
    tip = records.at(-1)!.tip;
  };
  let time = genesis.time + 1n;
  await write([{ kind: "deposits", time, deposits: depositsOf(ACCOUNTS) }]);
  const { instruments, group } = genesis.rules;
  const feeds = new DevelopmentFeeds({ seed: DEVELOPMENT_SEED, feeds: profile.feeds, startPrice: DEVELOPMENT_PRICE, startTime: time }); // prettier-ignore
  let priced = 0n;
  /** Prices where there are none of this time: the first entry of its second. */
  const pricesAt = (time: bigint): JournalEntry[] => {
    const epoch = epochAt(group.pricing, time);
    if (epoch === priced) return [];
    priced = epoch;
    const quorum = feeds.reports(genesis.domain, instruments, group.pricing, epoch).slice(0, quorumOf(profile.feeds));
    return [{ kind: "reprice", time, epoch, quorum }];
  };
  await write(pricesAt(++time));
  const random = new Random(4);
  const auth = { R8x: 1n, R8y: 2n, S: 3n };
  let kept = false;
  for (let nonce = 1n; tip.sequence + 1 < RECORDS; time++) {
    const entries: JournalEntry[] = [];
    for (let i = 0; i < 200; i++) {
      const account = BigInt(2 + (i % ACCOUNTS));
      if (i % ACCOUNTS === 0) nonce++;
      const item = orderItem({
        market: 101n,
        account,
        nonce,
        side: i % 2 ? SIDE.buy : SIDE.sell,
        limit: 100_000n + BigInt(random.integer(-5, 5)) * 10n,
        size: 1n + BigInt(i % 7),
        validUntil: time + 60n,
        expiry: time + 60n,
        thisAuction: true,
        salt: random.bits(248),
      });
      entries.push({ kind: "item", time, item, auth });
    }
    await write(entries);
    await write([...pricesAt(time + 1n), { kind: "close", time: time + 1n, slot: 0 }]);
    if (!kept && tip.sequence + 1 >= RECORDS - TAIL) {
      const { sequence, previous, logCount, head } = tip;
      const bytes = encodeSnapshot({
        sequence,
        checksum: Buffer.from(previous).toString("hex"),
        logCount,
        head,
        round: 0,
        deposits: ACCOUNTS,
        matcher: new TextDecoder().decode(matcher.export()),
        ledger: null,
      });
      await storage.saveSnapshot({ sequence, bytes }, 2);
      kept = true;
    }
  }
  await storage.close();
  const milliseconds: number[] = [];
  for (let run = 0; run < 3; run++) {
    // Each start finds the same: a venue that is closed keeps a snapshot of its end.
    const copy = await folderOf();
    await cp(folder, copy, { recursive: true });
    const began = performance.now();
    const venue = await open(join(copy, "venue.db"));
    milliseconds.push(performance.now() - began);
    if (venue.health().logCount < RECORDS - 1) throw new Error("the venue did not come to the end of its journal");
    await venue.close();
    await rm(copy, { recursive: true });
  }
  const { size } = await stat(path);
  await rm(folder, { recursive: true });
  const median = milliseconds.sort((a, b) => a - b)[1];
  console.log(
    `${(median / 1000).toFixed(2)} s until it takes items (three starts: ${milliseconds.map((ms) => (ms / 1000).toFixed(2)).join(", ")}), ` +
      `${thousands(Math.round(size / 2 ** 20))} MB on disk; wanted: below ${BAR.startMs / 1000} s\n`,
  );
  return { records: RECORDS, replayed: TAIL, startMs: Math.round(median / 100) * 100 };
}

/** The file at the speed at which it happened, its seconds as the venue's clock. */
async function lag(path: string, seconds: number) {
  console.log(`Lag of proofs: the file at real speed for ${seconds} s, demo profile, an auction each 10 s`);
  await useHashKernels();
  await buildAll({ profile: "demo" });
  const messages: LobsterMessage[] = [];
  for await (const message of readLobster(path)) {
    if (message.seconds - (messages[0]?.seconds ?? message.seconds) > seconds) break;
    messages.push(message);
  }
  const flow = flowOf(messages, { profile: PROFILES.demo, accounts: LAG_ACCOUNTS, every: 10, seed: 1, signed: true });
  const genesis = { ...flow.genesis, profile: "demo" as const };
  const commands = [...flow.commands];
  const deposits = commands.flatMap((command) => (command.kind === "deposits" ? command.deposits : []));
  const items = commands.filter((command) => command.kind === "item");
  const quorums = new Map(commands.flatMap((it) => (it.kind === "reprice" ? [[it.epoch, it.quorum] as const] : [])));
  const reports = (epoch: bigint) => quorums.get(epoch) ?? [];
  return provedAtRealSpeed({ genesis, secret: new Random(1).bytes(32), deposits, items, reports, seconds });
}

/**
 * Makers by lists of quotes at four levels, as often as four fifths of what two cores prove (docs/operator.md): auctions each
 * 33 seconds where the count had them each 10.
 */
async function makers(seconds: number) {
  console.log(
    `Lag of proofs: five makers by lists in five markets for ${seconds} s, standard profile, an auction each 33 s`,
  );
  await useHashKernels();
  await buildAll({ profile: "standard" });
  const flow = makersFlow({ levels: 4, lists: true, every: 33, takersEvery: 3, seconds, signed: true });
  return provedAtRealSpeed({ ...flow, seconds });
}

/** Items at the speed of their times, which are the venue's clock, and their proofs. */
async function provedAtRealSpeed({
  genesis,
  secret,
  deposits,
  items,
  reports,
  seconds,
}: MakersFlow & { seconds: number }) {
  let now = genesis.time;
  let orders: { at: bigint; call: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    wake(at, call) {
      const order = { at, call };
      orders.push(order);
      return () => (orders = orders.filter((it) => it !== order));
    },
  };
  const prover = localProver(await proverFiles(genesis.profile));
  const source: ReportSource = {
    feeds: [...genesis.rules.group.feeds.keys()],
    isDevelopment: true,
    reports: async ({ epoch }) => reports(epoch),
  };
  const venue = await openVenue({ genesis, secret, feeds: [source], signer: localSigner(randomBytes(32)), storage: memoryStore(), prover, clock, digest: nodeDigest, limits: { unproved: 1 << 30 } }); // prettier-ignore
  const ready = new Promise<void>((resolve) => void venue.subscribe(({ kind }) => kind === "round" && resolve()));
  await venue.deposit(deposits);
  // Deposits that fill a round are proved before the clock starts.
  if (deposits.length >= LAG_ACCOUNTS) await ready;
  const before = venue.health().proved;
  const began = performance.now();
  const rows: string[][] = [];
  let at = 0;
  let declined = 0;
  let mostBehind = 0;
  let next = 0;
  for (let second = 0; second <= seconds; second++) {
    const due = began + second * 1000;
    while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    now = genesis.time + BigInt(second);
    const ring = orders.filter((order) => order.at <= now);
    orders = orders.filter((order) => order.at > now);
    for (const { call } of ring) call();
    const answers: Promise<unknown>[] = [];
    for (; at < items.length && items[at].time <= now; at++)
      answers.push(venue.submit(items[at].item, items[at].auth).catch(() => declined++));
    void Promise.all(answers);
    mostBehind = Math.max(mostBehind, venue.health().proofs!.lagSeconds);
    if (second === next) {
      const { logCount, unproved, proofs } = venue.health();
      rows.push([second, logCount, logCount - unproved, unproved, proofs!.lagSeconds].map(thousands));
      next += Math.max(1, Math.floor(seconds / 8));
    }
  }
  const { logCount, unproved } = venue.health();
  const rounds = await venue.rounds({ limit: 500 });
  const counts: Record<string, number> = {};
  for (const { instructions } of rounds.filter(({ number }) => number > 1))
    for (const [name, count] of Object.entries(instructions)) counts[name] = (counts[name] ?? 0) + count;
  await venue.close();
  const elapsed = (performance.now() - began) / 1000;
  const proofs = Object.values(counts).reduce((a, b) => a + b, 0);
  const proved = logCount - unproved - before;
  console.log(table([["second", "entries", "proved", "unproved", "behind, s"], ...rows]));
  console.log(
    `${((logCount - before) / seconds).toFixed(1)} entries a second came, ${(proved / elapsed).toFixed(1)} were proved, ${(proofs / elapsed).toFixed(2)} proofs a second ` +
      `(${Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(", ")}); ${declined} declined; ${mostBehind} s behind at most.\n` + // prettier-ignore
      `What limits it: proofs, on ${cpus().length} cores that are busy with nothing else. To keep up takes ${Math.ceil(((logCount - before) / seconds / (proved / elapsed)) * cpus().length)} such cores; ` + // prettier-ignore
      `with the usual bound the venue would say busy at 4,096 unproved entries.\n`,
  );
  return {
    seconds,
    entriesPerSecond: +((logCount - before) / seconds).toFixed(1),
    provedPerSecond: +(proved / elapsed).toFixed(1),
    mostSecondsBehind: mostBehind,
  };
}

/** Rounded, so that not every run is a diff. */
function round(perSecond: number): number {
  return Math.floor(perSecond / 100) * 100;
}

const words = process.argv.slice(2);
const secondsAt = words.indexOf("--seconds");
const seconds = secondsAt < 0 ? 120 : Number(words.splice(secondsAt, 2)[1]);
const parts = ["acknowledgements", "start", "lag", "makers"] as const;
const wanted = parts.filter((part) => words.includes(part));
const file = words.find((word) => !(parts as readonly string[]).includes(word)) ?? SAMPLE;
const costs = JSON.parse(await readFile(COSTS, "utf8").catch(() => "{}")) as { venue?: Record<string, unknown> };
costs.venue ??= {};
// As `tacit serve` does: two parts run a venue here. And the clients' own collections are not to make answers late.
collectSeldom();
for (const part of wanted.length > 0 ? wanted : parts)
  costs.venue[part] = await (part === "acknowledgements"
    ? acknowledgements()
    : part === "start"
      ? start()
      : part === "makers"
        ? makers(seconds)
        : lag(file, seconds));
await writeWhole(COSTS, stableJson(costs));
// Connections that are kept alive would hold the process.
process.exit(0);
