import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { TacitError } from "../../../protocol/errors.ts";
import type { JobsProver } from "./jobsProver.ts";
import type { DoneJob } from "./runProver.ts";

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80];

/** What a venue shows of its jobs, beside what it shows of itself. */
export function measureJobs(registry: Registry, prover: Pick<JobsProver, "jobs">): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge("tacit_jobs_connected", "1 when the database of jobs can be reached", () => Number(prover.jobs.connected));
  gauge("tacit_jobs_waiting", "Jobs that no prover has", () => prover.jobs.waiting);
  gauge("tacit_jobs_taken", "Jobs that a prover has", () => prover.jobs.taken);
  gauge(
    "tacit_provers",
    "Provers that live, have the venue's keys and are not barred",
    () => prover.jobs.provers.length,
  );
  new Counter({
    name: "tacit_jobs_total",
    help: "Jobs that provers had, by what came of them: accepted, bad, failed, hung, died",
    labelNames: ["prover", "outcome"],
    registers,
    collect() {
      this.reset();
      for (const [name, outcomes] of Object.entries(prover.jobs.outcomes))
        for (const [outcome, count] of Object.entries(outcomes)) this.inc({ prover: name, outcome }, count);
    },
  });
}

/** What is measured of a prover, in a registry of its own. */
export class ProverMetrics {
  readonly #registry = new Registry();
  readonly #jobs: Counter<"instruction" | "outcome">;
  readonly #seconds: Histogram<"instruction">;

  /** @param ofProcess  whether memory, processor time and the like of the process are measured too */
  constructor({ ofProcess }: { ofProcess: boolean }) {
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    this.#jobs = new Counter({
      name: "tacit_prover_jobs_total",
      help: "Jobs, by what came of them: done, failed",
      labelNames: ["instruction", "outcome"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "tacit_prover_seconds",
      help: "From the beginning of a job to its proof",
      labelNames: ["instruction"],
      buckets: SECONDS,
      registers,
    });
  }

  job({ name: instruction, seconds, failure }: DoneJob): void {
    this.#jobs.inc({ instruction, outcome: failure === null ? "done" : "failed" });
    if (failure === null) this.#seconds.observe({ instruction }, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** Serves `/metrics`. @param port  0 takes a free one @throws LISTEN */
export async function serveMetrics(
  metrics: Pick<ProverMetrics, "contentType" | "text">,
  { host = "127.0.0.1", port }: { host?: string; port: number },
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") return void response.writeHead(404).end();
    metrics.text().then(
      (text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new TacitError("LISTEN", `cannot listen at ${host}:${port}: ${error.code}`, { host, port })),
    );
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
