import { join, resolve } from "node:path";
import pino from "pino";
import { PAGES, VERSION } from "../../setup/folders.ts";
import { requireTools } from "../../setup/tools.ts";
import { parseAddress } from "../../protocol/address.ts";
import { coSignersOf } from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import { type ProfileName } from "../../protocol/instructions.ts";
import { isDevelopmentKey, prepareKeys } from "../../verifier/index.ts";
import {
  localProver,
  nodeDigest,
  openVenue,
  remoteSigner,
  threadSigner,
  type Signatures,
  type Venue,
  type VenueOptions,
} from "../../venue/index.ts";
import { requireLongToken } from "../../venue/signing/signerService.ts";
import type { ChainOptions } from "../../venue/chain/chainLink.ts";
import { limitsOf } from "../../venue/options.ts";
import type { CoSignerStatus } from "../../venue/coSigning/coSigning.ts";
import { collectSeldom, requireFree, startService } from "../../venue/service/server.ts";
import { keyHashes, proverFiles } from "../../setup/instructionKeys.ts";
import { DevelopmentFeeds } from "../../feeds/developmentFeeds.ts";
import { requireUrl } from "../../feeds/fetchJson.ts";
import type { ReportSource } from "../../venue/feeds.ts";
import { developmentSource, httpSource } from "../../venue/reportSources.ts";
import { isPostgres, placeOf } from "../../venue/store/postgres/connection.ts";
import { measureJobs } from "../../venue/proving/jobs/metrics.ts";
import { openJobsProver, type JobsProver } from "../../venue/proving/jobs/jobsProver.ts";
import { buildToProve } from "../buildToProve.ts";
import { copiesOf, openServed, type PlaceOptions } from "./store.ts";
import { SIGNER_TOKEN } from "./signer.ts";
import { FILES, operatorFiles, operatorPassphrase, type OperatorFiles } from "./operator.ts";

export interface ServeOptions extends PlaceOptions {
  data: string;
  /** of the log; in `data` unless it is said */
  store?: string;
  host: string;
  port: number;
  profile: ProfileName;
  interval: number;
  /** options of a new venue that were given */
  named: readonly string[];
  prove: boolean;
  /** of the database of jobs */
  jobs?: string;
  /** jobs that this process proves side by side, where there are jobs */
  localProvers: number;
  build?: string;
  keys?: string;
  publish: string[];
  development: boolean;
  origin: string[];
  publicHost: string[];
  proxies: number;
  logLevel: string;
  unproved?: number;
  /** addresses of the feeds, by number; "-": they push, and are not asked */
  feeds?: string[];
  seed?: number;
  /** by how much the made up index falls, percent, and how many seconds from now */
  crash?: number;
  crashAt: number;
  timelock?: bigint;
  /** address of a signer of its own */
  signer?: string;
  cosigners: string[];
  /** of a new venue */
  cosignerKeys: string[];
  passphraseFile?: string;
  rpc?: string;
  contract?: string;
  token?: string;
  fromBlock?: bigint;
  confirmations: bigint | "safe" | "finalized";
  blockRange: number;
}

/** `tacit serve`: runs until it is told to stop. @returns the exit code */
export async function serve(options: ServeOptions): Promise<number> {
  // What is wrong with the options is found before anything is made.
  const link = chainNamed(options);
  const limits = limitsOf(options.unproved === undefined ? {} : { unproved: options.unproved });
  if (options.jobs !== undefined) {
    placeOf(options.jobs, "--jobs");
    if (!options.prove) throw new TacitError("USAGE", "--jobs and --no-prove exclude each other");
  }
  const signerToken = options.signer === undefined ? null : requireLongToken(SIGNER_TOKEN, process.env[SIGNER_TOKEN]);
  if (options.signer !== undefined) requireUrl("--signer", options.signer);
  const coSigners = options.cosigners.map((url) => requireUrl("--cosigners", url));
  const keys = options.cosignerKeys;
  if (keys.length > 0) coSignersOf(keys, "--cosigner-keys");
  const passphrase = await operatorPassphrase(options.passphraseFile);
  const log = pino({ level: options.logLevel, base: null }, pino.destination(2));
  await requireFree(options.host, options.port);
  if (options.rpc) requireTools("viem");
  const files = await operatorFiles(options.data, {
    ...options,
    passphrase,
    hasContract: link !== undefined,
    coSigners: keys,
  });
  const { profile } = files.genesis;
  if (files.fresh) log.info({ folder: options.data }, "made a development venue: money is play money");
  else if (options.named.length > 0)
    log.warn({ folder: options.data }, `this venue is there already: nothing comes of ${options.named.join(" and ")}`);
  if (files.unsealed)
    log.warn({ file: FILES.keys }, "the operator's keys lie in the open: `tacit operator seal` seals them");
  const feeds = feedsOf(options, files);
  if (feeds.some(({ isDevelopment }) => isDevelopment))
    log.warn("prices are made up by feeds of this process, for development: they say nothing of any market");
  const chain = link && (await chainOptions(link, options, log));
  const place = options.store ?? join(options.data, FILES.store);
  if (isPostgres(place) && typeof copiesOf(options) === "string")
    log.warn(
      "what is acknowledged is on the disk of one server of PostgreSQL, as far as can be told: if that is lost, so is it",
    );
  if (isPostgres(place) && signerToken === null)
    log.warn(
      "each process of this venue signs by a book of its own: --signer names one signer for all of them, which is the last fence",
    );
  if (files.genesis.coSigners && coSigners.length === 0)
    log.warn("the genesis names co-signers, and --cosigners none of them: nothing becomes final");
  /** what was opened, the last first, until the venue has it */
  const opened: { close(): Promise<void> }[] = [];
  const opening = async <T extends { close(): Promise<void> }>(it: T | Promise<T>): Promise<T> => {
    const there = await it;
    opened.unshift(there);
    return there;
  };
  let venue: Venue;
  let jobs: JobsProver | undefined;
  try {
    const signer = await opening<Signatures>(
      signerToken === null
        ? threadSigner(files.signer, { book: join(options.data, FILES.signed) })
        : remoteSigner({
            url: options.signer!,
            token: signerToken,
            onFault: (fault) =>
              fault === null ? log.info("the signer signs again") : log.warn(`items wait for the signer: ${fault}`),
          }),
    );
    const storage = await opening(openServed(place, options, (await signer.state())?.epoch ?? 0));
    let prover: VenueOptions["prover"];
    if (options.prove) {
      const folders = { build: options.build && resolve(options.build), keys: options.keys && resolve(options.keys) };
      await buildToProve(profile, folders, log);
      const files = await proverFiles(profile, folders.build, folders.keys);
      if (Object.values(prepareKeys(files.keys)).some(isDevelopmentKey))
        log.warn("proofs are made with development keys: anybody can forge such proofs, so put no value behind them");
      const local = await opening(localProver(files));
      prover = local;
      if (options.jobs !== undefined) {
        const keys = await keyHashes(profile, folders.build);
        const { jobs: url, localProvers: localJobs } = options;
        prover = jobs = await openJobsProver({ url, local, localJobs, keys, log });
        // It closes the local one.
        opened[0] = jobs;
      }
    }
    const [curves, depth, defaults] = ["curves", "depth", "defaults"].map((what) => options.publish.includes(what));
    const publish = { curves, depth, defaults };
    // Not before the build, which needs memory itself.
    collectSeldom();
    venue = await openVenue({
      genesis: files.genesis,
      secret: files.secret,
      signer,
      storage,
      prover,
      chain,
      feeds,
      ...(options.timelock === undefined ? {} : { timelock: options.timelock }),
      publish: { prices: !options.publish.includes("nothing"), ...publish },
      limits,
      digest: nodeDigest,
      ...(coSigners.length > 0 ? { coSigners } : {}),
    });
  } catch (error) {
    for (const it of opened) await it.close();
    throw error;
  }
  let exitCode = 0;
  const stop = new Promise<string>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(signal));
    let short = 0n;
    // What happened before anybody listened.
    for (const it of venue.coSigning?.coSigners ?? []) if (it.fault !== null) tellCoSigner(log, it);
    venue.subscribe((event) => {
      // Who is in default is nobody's business who reads a log: what it comes to is.
      if (event.kind === "change" || (event.kind === "booked" && event.entry.kind === "assume")) {
        const now = venue.defaults();
        if (now.short > 0n !== short > 0n)
          log.warn(
            { short: `${now.short}`, insurance: `${now.insurance.equity}` },
            now.short > 0n
              ? "the insurance account lacks what was lost: payouts are in proportion"
              : "payouts are whole again",
          );
        short = now.short;
        return;
      }
      if (event.kind === "recovered") tellRecovered(log, event.entries);
      if (event.kind === "coSigner") tellCoSigner(log, event.coSigner);
      if (event.kind === "leads") log.info({ entries: venue.health().logCount }, "the venue leads, and takes items");
      if (event.kind !== "stopped" && event.kind !== "provingStopped") return;
      const { error, kind } = event;
      const fields =
        error instanceof TacitError ? { code: error.code, reason: error.details.reason } : { code: "UNEXPECTED" };
      if (kind === "stopped") log.fatal(fields, `the market has stopped: ${error.message}`);
      // Another leads by now, or will: whoever starts this one again has a venue that stands by.
      if (kind === "stopped" && isPostgres(place)) {
        exitCode = 1;
        resolve("stopped");
      } else log.error(fields, `no rounds are proved any more: ${error.message}`);
    });
  });
  try {
    const service = await startService({
      venue,
      host: options.host,
      port: options.port,
      genesisJson: files.genesisJson,
      version: VERSION,
      log,
      development: options.development && !chain,
      origins: options.origin,
      hosts: options.publicHost,
      proxies: options.proxies,
      metricsToken: process.env.TACIT_METRICS_TOKEN ?? null,
      ...(jobs && { measure: (measured) => measureJobs(measured, jobs!) }),
      operatorToken: process.env.TACIT_OPERATOR_TOKEN ?? null,
      staticFolder: PAGES,
    });
    // What happened before anybody listened.
    if (venue.recovered > 0) tellRecovered(log, venue.recovered);
    const { ok, status, reason } = venue.health();
    if (!ok && status !== "standby") log.error(`the venue is not as it should be: ${reason}`);
    log.info(
      { url: service.url, profile, proves: options.prove, entries: venue.health().logCount },
      venue.health().status === "standby" ? `the venue stands by for ${venue.leader}` : "the venue is open",
    );
    process.stdout.write(`${service.url}\n`);
    log.info({ why: await stop }, "stopping: what was taken is answered, proofs go on at the next start");
    await service.close();
  } finally {
    await venue.close();
  }
  log.info("stopped");
  return exitCode;
}

function tellCoSigner(log: pino.Logger, { url, address, fault }: CoSignerStatus): void {
  if (fault === null) log.info({ url, address }, "a co-signer signs again");
  else log.warn({ url, address }, `a co-signer does not sign: ${fault}`);
}

function tellRecovered(log: pino.Logger, entries: number): void {
  log.warn({ entries }, "the journal had lost entries that the signer has signed: co-signers gave them back");
}

/** @throws USAGE */
function feedsOf({ feeds, crash, crashAt }: ServeOptions, files: OperatorFiles): ReportSource[] {
  const { feeds: keys } = files.genesis.rules.group;
  if (feeds) {
    if (crash !== undefined) throw new TacitError("USAGE", "--crash is for prices that are made up, without --feeds");
    if (feeds.length === 1 && feeds[0] === "-") return [];
    if (feeds.length !== keys.length)
      throw new TacitError("USAGE", `--feeds is wrong: expected ${keys.length} addresses, or -`);
    return feeds.flatMap((url, feed) => (url === "-" ? [] : httpSource(feed, requireUrl("--feeds", url))));
  }
  if (!files.feeds) return [];
  const at = BigInt(Math.floor(Date.now() / 1000) + crashAt);
  const made = new DevelopmentFeeds({ ...files.feeds, ...(crash === undefined ? {} : { crash: { at, by: crash / 100 } }) }); // prettier-ignore
  if (made.keys.some(({ x, y }, i) => x !== keys[i]?.x || y !== keys[i]?.y))
    throw new TacitError("OTHER_VENUE", `${FILES.feeds} has other feeds than the genesis: remove it, or name --feeds`);
  return [developmentSource(made)];
}

/** Where a contract is, and who pays for it. */
interface NamedChain {
  readonly rpc: string;
  readonly contract: `0x${string}`;
  readonly key: `0x${string}`;
}

/** @throws USAGE, ADDRESS */
function chainNamed({ rpc, contract, token }: ServeOptions): NamedChain | undefined {
  if (!rpc && !contract) return undefined;
  if (!rpc || !contract) throw new TacitError("USAGE", "--rpc and --contract go together");
  parseAddress("--contract", contract);
  if (token !== undefined) parseAddress("--token", token);
  const key = process.env.TACIT_RELAY_KEY;
  if (!key || !/^0x[0-9a-fA-F]{64}$/.test(key))
    throw new TacitError(
      "USAGE",
      "TACIT_RELAY_KEY is wrong: expected the private key that pays for transactions, 0x and 64 digits",
    );
  return { rpc, contract: contract as `0x${string}`, key: key as `0x${string}` };
}

async function chainOptions(
  { rpc, contract, key }: NamedChain,
  { token, fromBlock, confirmations, blockRange }: ServeOptions,
  log: pino.Logger,
): Promise<ChainOptions> {
  const { evmChain } = await import("../../venue/chain/evm.ts");
  const { privateKeyToAccount } = await import("viem/accounts");
  const account = privateKeyToAccount(key);
  const chain = evmChain({
    rpc,
    contract,
    account,
    confirmations,
    blockRange: BigInt(blockRange),
    ...(fromBlock !== undefined && { startBlock: fromBlock }),
    ...(token !== undefined && { token: token as `0x${string}` }),
  });
  return { chain, log };
}
