import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Matcher, type Command, type ItemCommand } from "../matcher/matcher.ts";
import type { Event } from "../matcher/events.ts";
import { outOfRange, TacitError } from "../protocol/errors.ts";
import { genesisJson } from "../protocol/genesis.ts";
import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import { rulesJson } from "../protocol/rulesJson.ts";
import { Ledger } from "../witness/ledger.ts";
import { shares, thousands } from "../setup/format.ts";
import { useHashKernels } from "../prover/hash/use.ts";
import { readLobster, type LobsterMessage } from "../replay/lobster.ts";
import { removedAtExit } from "../setup/atExit.ts";
import { startProgress } from "../setup/progress.ts";
import { requireOutputs } from "../setup/writeWhole.ts";
import { Random } from "../replay/random.ts";
import { flowOf, type Flow } from "../replay/flow.ts";
import { Registers } from "../replay/registers.ts";
import { MOST_TRADERS } from "../replay/ranges.ts";
import type { RecordJson, RoundJson } from "../replay/record.ts";
import { Report } from "../replay/report.ts";

export interface ReplayOptions {
  /** messages read; all when left out */
  limit?: number;
  /** seconds between auctions */
  every: number;
  /** traders; default: as many as the profile has room for, 48 when proving */
  accounts?: number;
  /** percent of orders that makers put, by lists of quotes; default 0 */
  makers?: number;
  prove?: boolean;
  /** default: demo when proving, else standard */
  profile?: ProfileName;
  json?: string;
  seed: number;
  /** sign items and reports and check the signatures, as --prove does anyhow */
  signed?: boolean;
}

/** What a replay came to. */
export interface ReplaySummary {
  messages: number;
  skipped: number;
  unknown: number;
  items: Record<string, number>;
  /** of quotes, into which makers' orders went */
  lists: number;
  verdicts: Record<string, number>;
  auctions: number;
  fills: number;
  lots: bigint;
  /** average price by lots: of our auctions, and of the file's executions; null where there are none */
  auctionPrice: bigint | null;
  filePrice: bigint | null;
  /** of the matcher alone */
  messagesPerSecond: number;
  proofs: number;
  rounds: number;
  /** epochs that feeds priced */
  reprices: number;
}

/** Each needs a deposit that is proved; with fewer, most orders of a few hundred find too many of their account open. */
const ACCOUNTS_TO_PROVE = 48;
const BLIND_BITS = 248;
/** Items of which the signatures are checked at once. */
const QUEUED = 64;
/** Rounds that are proved at a time: while the last proofs of one are made, threads that are free begin the next. */
const ROUNDS_IN_FLIGHT = 2;

function profileNameOf({ profile, prove = false }: ReplayOptions): ProfileName {
  return profile ?? (prove ? "demo" : "standard");
}

/** Beside the venue's account and the insurance account. */
function mostTraders(profile: ProfileName): number {
  return Math.min(MOST_TRADERS, 4 ** PROFILES[profile].depth - 2);
}

/** `tacit replay`. @returns the exit code @throws OUT_OF_RANGE before anything is read; what replayMessages throws */
export async function replay(file: string, options: ReplayOptions): Promise<number> {
  const { accounts } = options;
  const name = profileNameOf(options);
  if (accounts !== undefined && accounts > mostTraders(name))
    throw outOfRange("--accounts", `1 to ${mostTraders(name)}, in profile ${name}`);
  if (options.json !== undefined) await requireOutput(file, resolve(options.json));
  const messages: LobsterMessage[] = [];
  for await (const message of readLobster(file, { limit: options.limit })) messages.push(message);
  const summary = await replayMessages(messages, options);
  process.stdout.write(describe(summary, options));
  return 0;
}

/**
 * Runs messages through a venue.
 * @throws TacitError of the matcher, the prover, or REFUSED when a round is not accepted
 */
export async function replayMessages(
  messages: readonly LobsterMessage[],
  options: ReplayOptions,
): Promise<ReplaySummary> {
  const { prove = false, json } = options;
  const profileName = profileNameOf(options);
  const profile = PROFILES[profileName];
  await useHashKernels();
  const accounts = options.accounts ?? (prove ? ACCOUNTS_TO_PROVE : mostTraders(profileName));
  const { every, seed, makers } = options;
  const signed = prove || !!options.signed;
  const flow = flowOf(messages, { profile, accounts, every, seed, signed, makers });
  const progress = startProgress("replay");
  const blind = blinds(seed);
  // The first is that of the state at which the replay begins.
  const ledger = prove || json !== undefined ? new Ledger({ ...flow.genesis, profile, blind }) : null;
  const output =
    json === undefined
      ? null
      : await openRecord(resolve(json), {
          genesis: genesisJson({ ...flow.genesis, profile: profileName }),
          blind: `${ledger!.state.blind}`,
          signed,
          rules: rulesJson(flow.genesis.rules),
        });
  try {
    const report = new Report(flow.genesis, signed);
    const out = { flow, profileName, blind, report, total: messages.length, progress };
    const rounds = prove ? provedRounds({ ...out, ledger: ledger! }) : statedRounds({ ...out, ledger });
    const summary = await summarize(flow, rounds, output);
    await output?.finish(report.reprices);
    progress.done(`${summary.rounds} rounds`);
    return summary;
  } catch (error) {
    await output?.discard();
    throw error;
  } finally {
    progress.stop();
  }
}

interface RoundsInput {
  flow: Flow;
  profileName: ProfileName;
  /** blinding values, from the second on */
  blind: () => bigint;
  report: Report;
  /** messages */
  total: number;
  progress: ReturnType<typeof startProgress>;
}

/** A round that was run: its events, what an outsider is told of it, and how long the matcher took for it. */
interface RunRound {
  events: Event[];
  matcherMs: number;
  report: RoundJson | null;
}

/**
 * Events by round: all up to a close and what it settles. The last command of a flow is a close. Now and then others have their
 * turn: a signal is heard.
 */
async function* matchedRounds({
  genesis,
  options,
  commands,
}: Flow): AsyncGenerator<{ events: Event[]; matcherMs: number }> {
  const matcher = new Matcher(genesis, options);
  let round: { events: Event[]; matcherMs: number } = { events: [], matcherMs: 0 };
  const apply = (some: readonly Command[]) => {
    const started = performance.now();
    for (const command of some) round.events.push(...matcher.apply(command));
    // Opening accounts is no message: their keys take longer than all else.
    if (some[0]?.kind !== "deposits") round.matcherMs += performance.now() - started;
  };
  let queue: ItemCommand[] = [];
  const applyQueue = () => {
    const started = performance.now();
    const items = matcher.checked(queue);
    round.matcherMs += performance.now() - started;
    apply(items);
    queue = [];
  };
  for (const command of commands) {
    if (command.kind === "item") {
      if (queue.push(command) < QUEUED) continue;
      await setImmediate();
      applyQueue();
      continue;
    }
    await setImmediate();
    applyQueue();
    apply([command]);
    if (command.kind !== "close") continue;
    yield round;
    round = { events: [], matcherMs: 0 };
  }
}

/** Rounds without proofs; those of a ledger with state words, which take far longer than the matching. */
async function* statedRounds({
  flow,
  blind,
  report,
  total,
  progress,
  ledger,
}: RoundsInput & { ledger: Ledger | null }) {
  const registers = ledger && new Registers(ledger, { blind });
  for await (const { events, matcherMs } of matchedRounds(flow)) {
    const state = ledger?.word ?? 0n;
    if (registers)
      for (const event of events) {
        await setImmediate();
        registers.add(event);
        report.add(event);
      }
    let stated: RoundJson | null = null;
    if (registers) {
      const stateAfter = registers.close(report.head);
      stated = report.close({ state, stateAfter, blind: ledger.state.blind }, []);
    }
    progress.update(flow.counts.messages / total, `${thousands(flow.counts.messages)} messages`);
    yield { events, matcherMs, report: stated };
  }
}

/** Rounds that are proved, and accepted by the verifier. */
async function* provedRounds({
  flow,
  profileName,
  report,
  total,
  progress,
  ledger,
}: RoundsInput & { ledger: Ledger }): AsyncGenerator<RunRound> {
  const { openVenue } = await import("../replay/prove.ts");
  const venue = await openVenue({ ledger, flow, profileName });
  const waiting: Promise<RunRound>[] = [];
  let [proofs, wanted] = [0, 0];
  try {
    for await (const { events, matcherMs } of matchedRounds(flow)) {
      const state = ledger.word;
      for (const event of events) report.add(event);
      const share = flow.counts.messages / total;
      const { count, instructions } = venue.prove(events, () => {
        proofs++;
        progress.update((share * proofs) / wanted, `${thousands(proofs)} proofs, of ${thousands(wanted)} so far`);
      });
      wanted += count;
      const draft = report.close({ state, stateAfter: ledger.word, blind: ledger.state.blind }, []);
      waiting.push(instructions.then((proved) => ({ events, matcherMs, report: { ...draft, instructions: proved } })));
      // Rounds are awaited in order below; until then a failure must not count as unhandled.
      waiting.at(-1)!.catch(() => {});
      if (waiting.length >= ROUNDS_IN_FLIGHT) yield await waiting.shift()!;
    }
    for (const round of waiting) yield await round;
  } finally {
    await venue.close();
  }
}

async function summarize(
  flow: Flow,
  rounds: AsyncIterable<RunRound>,
  output: RecordFile | null,
): Promise<ReplaySummary> {
  const verdicts: Record<string, number> = {};
  const sums = { auctions: 0, fills: 0, lots: 0n, proofs: 0, rounds: 0 };
  let matcherMs = 0;
  let value = 0n;
  for await (const { events, report, ...round } of rounds) {
    sums.rounds++;
    matcherMs += round.matcherMs;
    for (const event of events) {
      if (event.kind === "item") verdicts[event.admission.verdict] = (verdicts[event.admission.verdict] ?? 0) + 1;
      if (event.kind !== "clear") continue;
      const { match, outcome } = event.sweeps.at(-1)!;
      if (!match) continue;
      sums.auctions++;
      sums.fills += outcome.fills.filter(({ lots }) => lots !== 0n).length;
      sums.lots += outcome.volume;
      value += outcome.volume * outcome.price;
    }
    sums.proofs += report?.instructions.length ?? 0;
    if (report) await output?.write(report);
  }
  const { messages, skipped, unknown, items, lists, reprices } = flow.counts;
  const messagesPerSecond = Math.round(messages / (matcherMs / 1000));
  const { shares, value: fileValue } = flow.counts.traded;
  const prices = {
    auctionPrice: sums.lots === 0n ? null : value / sums.lots,
    filePrice: shares === 0n ? null : fileValue / shares,
  };
  return { messages, skipped, unknown, items, lists, reprices, verdicts, ...sums, ...prices, messagesPerSecond };
}

/** @throws TacitError FILE when the replay would overwrite its input;  OUTPUT when it cannot be written where it is to be */
async function requireOutput(input: string, path: string): Promise<void> {
  if (path === resolve(input))
    throw new TacitError("FILE", `${path} is the file to replay: give another path to --json`, { path });
  await requireOutputs(path);
}

interface RecordFile {
  write(round: RoundJson): Promise<void>;
  finish(reprices: RecordJson["reprices"]): Promise<void>;
  discard(): Promise<void>;
}

/** Writes a record round by round, beside the path; only when finished it gets its name. */
async function openRecord(path: string, top: Omit<RecordJson, "rounds" | "reprices">): Promise<RecordFile> {
  const partial = `${path}.${process.pid}.partial`;
  const done = removedAtExit(partial);
  const stream = createWriteStream(partial);
  await once(stream, "open");
  let failure: Error | null = null;
  stream.on("error", (error) => (failure = error));
  let separator = `${JSON.stringify(top).slice(0, -1)},"rounds":[\n`;
  const put = async (text: string) => {
    if (failure) throw failure;
    if (!stream.write(text)) await once(stream, "drain");
  };
  return {
    async write(round) {
      await put(separator + JSON.stringify(round));
      separator = ",\n";
    },
    async finish(reprices) {
      await put(`\n],"reprices":[\n${reprices.map((it) => JSON.stringify(it)).join(",\n")}\n]}\n`);
      stream.end();
      await once(stream, "close");
      if (failure) throw failure;
      await rename(partial, path);
      done();
    },
    async discard() {
      stream.destroy();
      await rm(partial, { force: true });
      done();
    },
  };
}

/** Blinding values: from a seed, so that a replay can be repeated. A venue draws them at random. */
function blinds(seed: number): () => bigint {
  const random = new Random(seed ^ 0x5eed);
  return () => random.bits(BLIND_BITS);
}

/** Of dollars times 10,000. */
function dollars(price: bigint | null): string {
  return price === null ? "none" : `$${thousands(price / 10_000n)}.${String(price % 10_000n).padStart(4, "0")}`;
}

function describe(summary: ReplaySummary, { json, prove, signed }: ReplayOptions): string {
  const { messages, skipped, unknown, items, verdicts, auctions, fills, lots, messagesPerSecond } = summary;
  const rows: [string, string][] = [
    ["messages", thousands(messages)],
    [
      "skipped",
      `${thousands(skipped)} hidden executions, crosses, halts; ${thousands(unknown)} of orders before the file`,
    ],
    ["items", shares(items)],
    ...(summary.lists > 0 ? [["makers", `${thousands(summary.lists)} lists of quotes`] as [string, string]] : []),
    ["verdicts", shares(verdicts)],
    ["epochs", `${thousands(summary.reprices)} priced by feeds, from the file's executions`],
    ["auctions", `${thousands(auctions)}: ${thousands(fills)} fills, ${thousands(lots)} lots`],
    [
      "prices",
      `on average ${dollars(summary.auctionPrice)} in auctions, ${dollars(summary.filePrice)} in the file's executions`,
    ],
    ["matcher", `${thousands(messagesPerSecond)} messages/s${prove || signed ? ", signatures checked in it" : ""}`],
  ];
  if (prove) rows.push(["proved", `${summary.rounds} rounds by ${summary.proofs} proofs: each verified and accepted`]);
  if (json) rows.push(["written", json]);
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join("");
}
