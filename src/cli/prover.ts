import { hostname } from "node:os";
import { resolve } from "node:path";
import pino from "pino";
import { TacitError } from "../protocol/errors.ts";
import type { ProfileName } from "../protocol/instructions.ts";
import { keyHashes, proverFiles } from "../setup/instructionKeys.ts";
import { localProver } from "../venue/proving/localProver.ts";
import { jsonApp, serveApp } from "../feeds/jsonService.ts";
import { ProverMetrics } from "../venue/proving/jobs/metrics.ts";
import { runProver } from "../venue/proving/jobs/runProver.ts";
import { connect, placeOf } from "../venue/store/postgres/connection.ts";
import { buildToProve } from "./buildToProve.ts";

export interface ProverCommand {
  jobs?: string;
  profile: ProfileName;
  build?: string;
  keys?: string;
  name?: string;
  workers?: number;
  metrics?: number;
  metricsHost: string;
  logLevel: string;
}

/** Milliseconds between two lines of progress, where something was done. */
const TELL_MS = 10_000;

/** `tacit prover`: runs until it is told to stop. @returns the exit code */
export async function prover(options: ProverCommand): Promise<number> {
  const { jobs: url, profile, name = hostname(), workers } = options;
  if (url === undefined) throw new TacitError("USAGE", "--jobs is missing: expected postgres://user@host/database");
  const log = pino({ level: options.logLevel, base: null }, pino.destination(2));
  const place = placeOf(url, "--jobs");
  const folders = { build: options.build && resolve(options.build), keys: options.keys && resolve(options.keys) };
  const metrics = new ProverMetrics({ ofProcess: true });
  const { metrics: port, metricsHost: host } = options;
  const service = port === undefined ? null : await serveApp(jsonApp({ metrics }), { host, port });
  if (service) log.info({ url: `${service.url}/metrics` }, "metrics are here");
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      log.info({ signal }, "stopping: the proof that is being made is handed in");
      stop.abort();
    });
  try {
    // Before circuits are built, which takes minutes: it waits for a server that is away all the same.
    await connect(place, "tacit prover").then(
      (it) => it.end(),
      ({ message }: Error) => log.warn(`no jobs so far: ${message}`),
    );
    await buildToProve(profile, folders, log);
    const files = await proverFiles(profile, folders.build, folders.keys);
    const keys = await keyHashes(profile, folders.build);
    const proving = localProver(files, workers === undefined ? {} : { workers });
    const progress = progressOf(log);
    try {
      const onJob = (job: Parameters<typeof metrics.job>[0]) => {
        metrics.job(job);
        progress.job(job);
      };
      await runProver({ url, name, prover: proving, keys, signal: stop.signal, log, onJob });
    } finally {
      progress.end();
      await proving.close();
    }
  } finally {
    await service?.close();
  }
  log.info({}, "stopped");
  return 0;
}

/** Tells every while what was done since. */
function progressOf(log: pino.Logger) {
  let [done, failed, total] = [0, 0, 0];
  let since = performance.now();
  const tell = () => {
    if (done + failed === 0) return;
    const seconds = (performance.now() - since) / 1000;
    log.info({ jobs: done, failed, total, perSecond: +(done / seconds).toFixed(2) }, "proved");
    [done, failed, since] = [0, 0, performance.now()];
  };
  const timer = setInterval(tell, TELL_MS);
  return {
    job({ failure }: { failure: string | null }) {
      if (done + failed === 0) since = Math.max(since, performance.now() - TELL_MS);
      if (failure === null) [done, total] = [done + 1, total + 1];
      else failed++;
    },
    end() {
      clearInterval(timer);
      tell();
    },
  };
}
