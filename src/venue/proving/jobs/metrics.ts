import { Counter, Histogram } from "prom-client";
import { Measured } from "../../../feeds/measure.ts";
import type { JobsProver } from "./jobsProver.ts";
import type { DoneJob } from "./runProver.ts";

const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80];

/** What a venue shows of its jobs, beside what it shows of itself. */
export function measureJobs(measured: Measured, prover: Pick<JobsProver, "jobs">): void {
  measured.gauge("tacit_jobs_connected", "1 when the database of jobs can be reached", () =>
    Number(prover.jobs.connected),
  );
  measured.gauge("tacit_jobs_waiting", "Jobs that no prover has", () => prover.jobs.waiting);
  measured.gauge("tacit_jobs_taken", "Jobs that a prover has", () => prover.jobs.taken);
  measured.gauge(
    "tacit_provers",
    "Provers that live, have the venue's keys and are not barred",
    () => prover.jobs.provers.length,
  );
  new Counter({
    name: "tacit_jobs_total",
    help: "Jobs that provers had, by what came of them: accepted, bad, failed, hung, died",
    labelNames: ["prover", "outcome"],
    registers: [measured.registry],
    collect() {
      this.reset();
      for (const [name, outcomes] of Object.entries(prover.jobs.outcomes))
        for (const [outcome, count] of Object.entries(outcomes)) this.inc({ prover: name, outcome }, count);
    },
  });
}

/** What is measured of a prover. */
export class ProverMetrics extends Measured {
  readonly #jobs: Counter<"instruction" | "outcome">;
  readonly #seconds: Histogram<"instruction">;

  /** @param ofProcess  as of `Measured` */
  constructor(options: { ofProcess: boolean }) {
    super(options);
    const registers = [this.registry];
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
}
