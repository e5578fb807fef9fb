import { randomBytes } from "node:crypto";
import pino from "pino";
import {
  Feed,
  FeedMetrics,
  Pushes,
  quotesOf,
  readVenueRules,
  sourceOf,
  startFeedService,
  type VenueRules,
} from "../feeds/index.ts";
import { fetchJson, requireUrl, shownUrl } from "../feeds/fetchJson.ts";
import { backoff, wait } from "../feeds/wait.ts";
import { publicKey } from "../protocol/eddsa.ts";
import { TacitError } from "../protocol/errors.ts";
import type { ProfileName } from "../protocol/instructions.ts";
import { readJson } from "../setup/readJson.ts";
import { readKeyFile, writeKeyFile } from "./keyFile.ts";

export interface FeedCommand {
  key?: string;
  source?: string;
  rules?: string;
  data: string;
  host: string;
  port?: number;
  push: string[];
  every: number;
  warmUp: number;
  domain?: bigint;
  profile?: ProfileName;
  passphraseFile?: string;
  logLevel: string;
}

const KEY = { kind: "tacit-feed-key", made: "tacit feed key", variable: "TACIT_FEED_PASSPHRASE" } as const;
/** Milliseconds between two looks at the clock, and at a venue's rules; those that a venue has for an answer. */
const TICK = 200;
const RULES_EVERY = 30_000;
const PATIENCE = 10_000;
/** Longest answer of a venue about its rules, bytes. */
const LONGEST = 4 * 1024 * 1024;

/** `tacit feed`: runs until it is told to stop, or has nothing to read any more. @returns the exit code */
export async function feed(options: FeedCommand): Promise<number> {
  const { key, source: named, rules: place } = options;
  for (const [name, value] of Object.entries({ key, source: named, rules: place }))
    if (value === undefined) throw new TacitError("USAGE", `--${name} is missing`);
  const log = pino({ level: options.logLevel, base: null }, pino.destination(2));
  const source = sourceOf(named!, { everyMs: options.every });
  const pushes = new Pushes(options.push, { log });
  const secret = await readKeyFile(key!, KEY, options);
  const { x, y } = publicKey(secret);
  process.stdout.write(`public key ${x} ${y}\n`);

  const stop = new AbortController();
  let failure: unknown = null;
  const fail = (error: unknown) => {
    failure ??= error;
    stop.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      stop.abort();
    });

  const ask = isUrl(place!) ? rulesOfVenue(place!) : async () => readVenueRules(await readJson(place!), options);
  const first = await rulesAtStart(ask, { retries: isUrl(place!), log, signal: stop.signal });
  if (!first) return 0;
  const { domain } = first;
  const feed = new Feed({ ...options, folder: options.data, domain, secret, rules: first.rules, log });
  const metrics = new FeedMetrics(feed, { pushes, ofProcess: true });
  let service: Awaited<ReturnType<typeof startFeedService>> | null = null;
  let ticks: NodeJS.Timeout | null = null;
  try {
    if (options.port !== undefined) {
      service = await startFeedService({ feed, metrics, host: options.host, port: options.port });
      process.stdout.write(`${service.url}\n`);
    }
    tellRules(feed, first, log);
    ticks = setInterval(() => {
      try {
        for (const signed of feed.tick()) {
          const { epoch, index, sigma } = signed.report;
          log.info({ epoch: `${epoch}`, index: `${index}`, sigma: `${sigma}` }, "signed");
          pushes.send(signed);
        }
      } catch (error) {
        fail(error);
      }
    }, TICK);
    const watching = isUrl(place!) ? watchRules(ask, { feed, first, log, signal: stop.signal }) : Promise.resolve();
    watching.catch(fail);
    await source.run(sinkOf(feed, log), stop.signal);
    if (!stop.signal.aborted) fail(new TacitError("SOURCE", `${source.name} has ended: there are no prices any more`));
    await watching.catch(() => {});
  } finally {
    if (ticks) clearInterval(ticks);
    await pushes.close();
    await service?.close();
    feed.close();
  }
  if (failure) throw failure;
  log.info({}, "stopped");
  return 0;
}

const isUrl = (text: string) => /^https?:\/\//i.test(text);

function rulesOfVenue(url: string): () => Promise<VenueRules> {
  const asked = `${requireUrl("--rules", url).replace(/\/+$/, "")}/v1/rules`;
  return async () => {
    const { status, json } = await fetchJson(fetch, asked, { timeoutMs: PATIENCE, most: LONGEST });
    if (status !== 200 || json === undefined)
      throw new TacitError("BAD_ANSWER", `${shownUrl(asked)} answered with status ${status}: expected rules`);
    return readVenueRules(json);
  };
}

/** A venue may be started after its feeds. @returns null where it was told to stop */
async function rulesAtStart(
  ask: () => Promise<VenueRules>,
  { retries, log, signal }: { retries: boolean; log: pino.Logger; signal: AbortSignal },
): Promise<VenueRules | null> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await ask();
    } catch (error) {
      if (!retries || !(error instanceof TacitError)) throw error;
      log.warn({ code: error.code }, `there are no rules so far: ${error.message}`);
      await wait(backoff(failures) * 1_000, signal);
    }
  }
  return null;
}

/** New announcements, and what comes into force. */
async function watchRules(
  ask: () => Promise<VenueRules>,
  { feed, first, log, signal }: { feed: Feed; first: VenueRules; log: pino.Logger; signal: AbortSignal },
): Promise<void> {
  for (let [before, told] = [shown(feed, first), ""]; ;) {
    await wait(RULES_EVERY, signal);
    if (signal.aborted) return;
    try {
      const next = await ask();
      if (next.domain !== feed.domain)
        throw new TacitError("BAD_ANSWER", "the venue has another domain than before: expected the same");
      feed.setRules(next.rules);
      const signsFor = shown(feed, next);
      if (signsFor !== before) tellRules(feed, next, log);
      [before, told] = [signsFor, ""];
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      if (told !== error.message) log.warn({ code: error.code }, `rules stay as they were: ${error.message}`);
      told = error.message;
    }
  }
}

const shown = (feed: Feed, { leftOut }: VenueRules) => [...feed.contracts, ...leftOut, ...feed.leftOut].join();

function tellRules(feed: Feed, { rules, leftOut }: VenueRules, log: pino.Logger): void {
  if (feed.contracts.length === 0) log.warn({}, "the rules do not name the key of this feed: it signs nothing");
  else log.info({ feed: feed.number, contracts: feed.contracts.map(String), sets: rules.length }, "signs for these");
  const quotes = [...new Set(rules.flatMap(({ instruments }) => quotesOf(instruments).map(({ name }) => name)))];
  log.info({ quotes }, "takes these quotes beside the index");
  for (const why of [...leftOut, ...feed.leftOut]) log.warn({}, `an announced set of rules is left out: ${why}`);
}

/** Tells the first of a row of alike faults. */
function sinkOf(feed: Feed, log: pino.Logger) {
  let told = "";
  const failed = (error: TacitError) => {
    const { line, field = null } = error.details;
    const alike = line === undefined ? error.message : `${error.code} ${String(field)}`;
    if (alike !== told) log.warn({ code: error.code }, error.message);
    told = alike;
  };
  return {
    failed(error: TacitError) {
      if (error.code === "OBSERVATION") feed.counts.bad++;
      failed(error);
    },
    take(json: unknown, at: { source: string; line: number | null }) {
      try {
        feed.observe(json, at);
        told = "";
      } catch (error) {
        if (!(error instanceof TacitError)) throw error;
        failed(error);
      }
    },
  };
}

/** `tacit feed key`. @returns the exit code */
export async function feedKey(path: string, { passphraseFile }: { passphraseFile?: string }): Promise<number> {
  const secret = new Uint8Array(randomBytes(32));
  const { x, y } = publicKey(secret);
  const isSealed = await writeKeyFile(path, KEY, { secret, told: { key: { x: `${x}`, y: `${y}` } }, passphraseFile });
  process.stdout.write(`${path}: a new key${isSealed ? "" : ", in the open"}\npublic key ${x} ${y}\n`);
  return 0;
}
