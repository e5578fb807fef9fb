import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Client } from "pg";
import { outOfRange, TacitError } from "../../../protocol/errors.ts";
import type { Proof } from "../../../protocol/proof.ts";
import type { ProvenInstruction } from "../../../verifier/index.ts";
import type { InstructionInputs } from "../../../witness/ledger.ts";
import type { ClaimInputs } from "../../../witness/survey.ts";
import { NO_LOG, type Log } from "../../log.ts";
import { placeOf } from "../../store/postgres/connection.ts";
import type { CheckingProver, RoundProver } from "../provers.ts";
import { decodeProof, encodeInstruction } from "./encoding.ts";
import { isPassing, Link } from "./link.ts";
import * as sql from "./asking.ts";
import { Single } from "./single.ts";
import { migrate } from "../../store/postgres/migrations.ts";
import { JOBS } from "./tables.ts";
import { JOB_TIMES, keyNames, staysHere, type JobTimes, type KeyHashes } from "./terms.ts";

/** Jobs that are handed in for each prover that lives: those that it has, and one that it finds when it has ended one. */
const JOBS_A_PROVER = 3;
/** Milliseconds between two looks for answers: the first after one that found some; twice as long after each that found none, up to the other. */
const LOOK_MS = 25;
const LONGEST_LOOK_MS = 200;
/** Times that a job comes back from provers, after which the venue proves it itself. */
const TRIES = 2;
/** Times that a prover fails, after which it gets no jobs for a while. */
const STRIKES = 3;

/** What came of a job that a prover had: its proof holds; does not; there is none; it took too long; it died. */
export const OUTCOMES = ["accepted", "bad", "failed", "hung", "died"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How jobs do, as of the last look. */
export interface JobsStatus {
  /** whether the database of jobs can be reached */
  readonly connected: boolean;
  /** of this venue: jobs that no prover has yet, and that one has */
  readonly waiting: number;
  readonly taken: number;
  /** that have keys of this venue, live, and are not barred */
  readonly provers: readonly string[];
  /** since the start */
  readonly outcomes: Readonly<Record<string, Readonly<Record<Outcome, number>>>>;
}

export interface JobsProver extends RoundProver {
  readonly jobs: JobsStatus;
}

export interface JobsOptions {
  /** `postgres://user@host,host/database`, not that of the store: its traffic slows a journal down */
  readonly url: string;
  /** checks what comes back, and proves what no job is made of; closed with it */
  readonly local: CheckingProver;
  /** jobs that it takes part in, side by side; 0: it proves only what it must */
  readonly localJobs: number;
  readonly keys: KeyHashes;
  readonly log?: Log;
  readonly times?: Partial<JobTimes>;
}

interface Job {
  readonly number: number;
  readonly instruction: InstructionInputs;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (proof: Proof) => void;
  readonly reject: (error: unknown) => void;
  /** "new": to be handed in; "sent": it is; "here": proved by the venue */
  where: "new" | "sent" | "here";
  tries: number;
  readonly refused: string[];
}

/**
 * Proofs by provers anywhere, through a database of jobs, and checks of what they hand in. Without it proofs go on where `localJobs` is not
 * 0, and else wait.
 * @throws OUT_OF_RANGE  for options
 * @throws STORAGE  "foreign", "denied" or "settings", where the database cannot be used; one that is away is waited for
 * @throws MISSING_TOOL  where `pg` is not installed
 */
export async function openJobsProver(options: JobsOptions): Promise<JobsProver> {
  const { localJobs } = options;
  if (!Number.isSafeInteger(localJobs) || localJobs < 0) throw outOfRange("localJobs", "an integer of at least 0");
  const asker = new Asker(options);
  const trouble = await asker.start();
  if (trouble && !isPassing(trouble)) {
    await asker.closeLink();
    throw trouble;
  }
  return asker;
}

const NONE_SEEN: Pick<JobsStatus, "waiting" | "taken" | "provers"> = { waiting: 0, taken: 0, provers: [] };

class Asker implements JobsProver {
  readonly #local: CheckingProver;
  readonly #localJobs: number;
  readonly #keys: ReturnType<typeof keyNames>;
  readonly #log: Log;
  readonly #times: JobTimes;
  readonly #link: Link;
  /** of this run, among all venues that have asked */
  readonly #id = randomBytes(6).readUIntBE(0, 6);
  /** by number, and so in the order in which they were asked for. Not in a Map: threads.ts tells why */
  readonly #jobs: Record<number, Job> = {};
  /** numbers of jobs that are done with, and may still be in the database */
  #gone: number[] = [];
  #asked = 0;
  /** jobs that the venue takes part in */
  #here = 0;
  readonly #strikes = new Map<string, number>();
  readonly #outcomes: Record<string, Record<Outcome, number>> = {};
  #seen = NONE_SEEN;
  /** performance.now() before which nobody counts as dead: after the server was away, none has been seen for long */
  #patientUntil = 0;
  readonly #sending = new Single(() => this.#send());
  readonly #collecting = new Single(() => this.#collect());
  readonly #beating = new Single(() => this.#beat());
  #timer: NodeJS.Timeout | null = null;
  #looking: NodeJS.Timeout | null = null;
  #pauseMs = LOOK_MS;
  #closed = false;

  constructor({ url, local, localJobs, keys, log = NO_LOG, times }: JobsOptions) {
    this.#local = local;
    this.#localJobs = localJobs;
    this.#keys = keyNames(keys);
    this.#log = log;
    this.#times = { ...JOB_TIMES, ...times };
    this.#link = new Link({
      place: placeOf(url, "jobs"),
      name: "tacit jobs",
      patienceMs: this.#times.patienceMs,
      up: (client) => this.#up(client),
      ready: () => void this.#beating.run(),
      heard: () => {},
      trouble: (error) => {
        if (!error) return this.#log.info({}, "jobs are handed to provers again");
        this.#log.warn({ code: error.code, reason: error.details.reason }, `jobs cannot be handed to provers: ${error.message}`); // prettier-ignore
        this.#seen = NONE_SEEN;
        void this.#fillHere();
      },
    });
  }

  async start(): Promise<TacitError | null> {
    const trouble = await this.#link.start();
    this.#timer = setInterval(() => void this.#beating.run(), this.#times.beatMs);
    this.#timer.unref();
    await this.#beating.run();
    return trouble;
  }

  get parallel(): number {
    return Math.max(this.#local.parallel, this.#localJobs + JOBS_A_PROVER * this.#seen.provers.length);
  }

  get jobs(): JobsStatus {
    return { connected: this.#link.isUp, ...this.#seen, outcomes: this.#outcomes };
  }

  prove(instruction: InstructionInputs | ClaimInputs, { signal }: { signal?: AbortSignal } = {}): Promise<Proof> {
    if (staysHere(instruction.name, this.#keys)) return this.#local.prove(instruction, { signal });
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(closed());
      if (signal?.aborted) return reject(aborted());
      const number = ++this.#asked;
      const abort = () => {
        const { where } = this.#jobs[number] ?? {};
        // What is proved here ends by the same signal.
        if (where === "here" || !this.#take(number)) return;
        this.#forget(number);
        reject(aborted());
      };
      // One may end many proofs: that is no leak.
      if (signal) setMaxListeners(0, signal);
      signal?.addEventListener("abort", abort);
      const over =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", abort);
          then(value);
        };
      this.#jobs[number] = {
        number,
        instruction: instruction as InstructionInputs,
        signal,
        resolve: over(resolve),
        reject: over(reject),
        where: "new",
        tries: 0,
        refused: [],
      };
      void this.#fillHere();
      void this.#sending.run();
    });
  }

  verify(...asked: Parameters<RoundProver["verify"]>): ReturnType<RoundProver["verify"]> {
    return this.#local.verify(...asked);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer) clearInterval(this.#timer);
    if (this.#looking) clearTimeout(this.#looking);
    for (const { number } of this.#all()) this.#take(number)!.reject(closed());
    if (this.#link.isUp) await this.#link.query(sql.LEAVE, [this.#id]).catch(() => {});
    await Promise.all([this.#link.close(), this.#local.close()]);
  }

  closeLink(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearInterval(this.#timer);
    if (this.#looking) clearTimeout(this.#looking);
    return this.#link.close();
  }

  #all(): Job[] {
    return Object.values(this.#jobs);
  }

  /** Whoever takes a job from the list ends it. */
  #take(number: number): Job | undefined {
    const job = this.#jobs[number];
    delete this.#jobs[number];
    return job;
  }

  /** Has it removed from the database. */
  #forget(number: number): void {
    this.#gone.push(number);
    void this.#sending.run();
  }

  // Here.

  /** Takes jobs, the oldest first, as long as there is room. */
  async #fillHere(): Promise<void> {
    while (this.#here < this.#localJobs && !this.#closed) {
      this.#here++;
      const job = await this.#claim();
      if (!job) {
        this.#here--;
        return;
      }
      void this.#proveHere(job).finally(() => {
        this.#here--;
        void this.#fillHere();
      });
    }
  }

  /** One that no prover has, marked as taken. Without the database nobody knows, and two may prove the same. */
  async #claim(): Promise<Job | undefined> {
    const open = this.#all().filter(({ where }) => where !== "here");
    const fresh = open.find(({ where }) => where === "new");
    if (open[0] && open[0] !== fresh && this.#link.isUp)
      try {
        const [row] = await this.#link.query<{ number: string }>(sql.CLAIM, [this.#id]);
        const claimed = row && this.#jobs[+row.number];
        if (row) this.#forget(+row.number);
        if (claimed?.where === "sent") return here(claimed);
      } catch {
        // It has just been lost.
      }
    const next = this.#all().find(({ where }) => where === "new" || (where === "sent" && !this.#link.isUp));
    return next && here(next);
  }

  async #proveHere({ number, instruction, signal }: Job): Promise<void> {
    try {
      const proof = await this.#local.prove(instruction, { signal });
      this.#take(number)?.resolve(proof);
    } catch (error) {
      this.#take(number)?.reject(error);
    }
  }

  // In the database.

  async #up(client: Client): Promise<void> {
    await migrate(client, JOBS);
    await this.#sync();
    this.#patientUntil = performance.now() + this.#times.deadMs;
  }

  /** What the database has of this venue becomes what it is to have: it may have lost some, or all, and have some that is over. */
  async #sync(): Promise<void> {
    await this.#link.query(sql.ASKER, [this.#id, Object.values(this.#keys)]);
    const live = this.#all().filter(({ where }) => where === "sent");
    await this.#link.query(sql.KEEP_ONLY, [this.#id, live.map(({ number }) => number)]);
    for (const job of live) job.where = "new";
    this.#gone = [];
  }

  async #send(): Promise<void> {
    if (!this.#link.isUp) return;
    const gone = this.#gone.splice(0);
    const fresh = this.#all().filter(({ where }) => where === "new");
    for (const job of fresh) job.where = "sent";
    try {
      if (gone.length > 0) await this.#link.query(sql.DROP, [this.#id, gone]);
      if (fresh.length === 0) return;
      const given = fresh.flatMap((job) => this.#encoded(job));
      const columns = [
        given.map(({ number }) => number),
        given.map(({ instruction }) => this.#keys[instruction.name]),
        given.map(({ refused }) => JSON.stringify(refused)),
        given.map(({ bytes }) => bytes),
      ];
      await this.#link.query(sql.HAND_OUT, [this.#id, ...columns]);
      this.#look();
      // A thread may have looked while they were on their way.
      void this.#fillHere();
    } catch (error) {
      this.#gone.push(...gone);
      for (const job of fresh) if (job.where === "sent") job.where = "new";
      this.#tell(error);
    }
  }

  /** Nothing where it cannot be: one such keeps no other. */
  #encoded(job: Job): (Job & { bytes: Buffer })[] {
    try {
      return [{ ...job, bytes: Buffer.from(encodeInstruction(job.instruction)) }];
    } catch (error) {
      this.#take(job.number)?.reject(error);
      return [];
    }
  }

  /** Looks for answers every now and then, as long as any may come. */
  #look(): void {
    if (this.#looking || this.#closed) return;
    this.#looking = setTimeout(async () => {
      this.#pauseMs = Math.min(LONGEST_LOOK_MS, 2 * this.#pauseMs);
      await this.#collecting.run();
      this.#looking = null;
      if (this.#link.isUp && this.#all().some(({ where }) => where === "sent")) this.#look();
    }, this.#pauseMs);
  }

  /** Takes in what was handed in: checked in batches, of what has come while the one before was checked. */
  async #collect(): Promise<void> {
    while (this.#link.isUp && !this.#closed) {
      try {
        const rows = await this.#link.query<AnswerRow>(sql.ANSWERS, [this.#id]);
        if (rows.length === 0) return;
        this.#pauseMs = LOOK_MS;
        await this.#judge(rows);
      } catch (error) {
        return this.#tell(error);
      }
    }
  }

  async #judge(rows: readonly AnswerRow[]): Promise<void> {
    const claimed: { job: Job; prover: string; claim: ProvenInstruction }[] = [];
    const done: number[] = [];
    for (const { number, prover, proof: bytes, failure } of rows) {
      const job = this.#jobs[+number];
      const proof = bytes && decodeProof(bytes);
      if (!job) done.push(+number);
      else if (proof) {
        const { name, publicInputs } = job.instruction;
        claimed.push({ job, prover, claim: { name, publicInputs, proof } });
      } else await this.#refuse(job, prover, failure === null ? "bad" : "failed", failure);
    }
    const holds = claimed.length === 0 ? [] : await this.#local.check(claimed.map(({ claim }) => claim));
    for (const [i, { job, prover, claim }] of claimed.entries()) {
      if (!holds[i]) {
        await this.#refuse(job, prover, "bad", null);
        continue;
      }
      this.#count(prover, "accepted");
      done.push(job.number);
      this.#take(job.number)?.resolve(claim.proof);
    }
    if (done.length > 0) await this.#link.query(sql.DROP, [this.#id, done]);
  }

  /** Hands a job out again, not to who has not proved it. */
  async #refuse(job: Job, prover: string, why: "bad" | "failed", code: string | null): Promise<void> {
    this.#count(prover, why);
    job.tries++;
    if (!job.refused.includes(prover)) job.refused.push(prover);
    this.#log.warn(
      { prover, instruction: job.instruction.name, code },
      why === "bad" ? "a prover handed in a proof that does not hold" : "a prover could not prove a job",
    );
    await this.#link.query(sql.REFUSE, [this.#id, job.number, prover]);
    await this.#strike(prover);
    this.#settle(job);
  }

  async #strike(prover: string): Promise<void> {
    const strikes = (this.#strikes.get(prover) ?? 0) + 1;
    this.#strikes.set(prover, strikes % STRIKES);
    if (strikes < STRIKES) return;
    const { barredMs } = this.#times;
    this.#log.warn({ prover, seconds: barredMs / 1000 }, "a prover gets no jobs for a while: it has failed too often");
    await this.#link.query(sql.BAR, [prover, barredMs / 1000]);
    await this.#link.query(sql.TAKE_AWAY, [this.#id, prover]);
  }

  /** What provers cannot agree on, or nobody else is there for, is proved here. */
  #settle(job: Job): void {
    const others = this.#seen.provers.some((name) => !job.refused.includes(name));
    if (job.where !== "sent" || (job.tries < TRIES && (others || job.refused.length === 0))) return;
    this.#log.warn({ instruction: job.instruction.name, tries: job.tries }, "a job has come back: the venue proves it itself"); // prettier-ignore
    this.#forget(job.number);
    void this.#proveHere(here(job));
  }

  #count(prover: string, outcome: Outcome): void {
    this.#outcomes[prover] ??= Object.fromEntries(OUTCOMES.map((it) => [it, 0])) as Record<Outcome, number>;
    this.#outcomes[prover][outcome]++;
  }

  async #beat(): Promise<void> {
    if (!this.#link.isUp) return void this.#fillHere();
    const { deadMs, proofMs } = this.#times;
    try {
      const [beat] = await this.#link.query(sql.ASKER_BEAT, [this.#id]);
      // It was taken for dead, and its jobs are gone.
      if (!beat) await this.#sync();
      if (performance.now() >= this.#patientUntil) {
        const late = await this.#link.query<LateRow>(sql.TAKE_BACK, [this.#id, deadMs / 1000, proofMs / 1000]);
        for (const row of late) await this.#late(row);
      }
      const provers = await this.#link.query<{ name: string }>(sql.PROVERS, [deadMs / 1000, Object.values(this.#keys)]);
      const [{ waiting, taken }] = await this.#link.query<{ waiting: number; taken: number }>(sql.COUNT, [this.#id]);
      this.#seen = { waiting, taken, provers: provers.map(({ name }) => name) };
      for (const job of this.#all()) if (job.refused.length > 0) this.#settle(job);
      await this.#link.query(sql.BURY, [sql.ASKER_SECONDS]);
    } catch (error) {
      this.#tell(error);
    }
    void this.#sending.run();
    void this.#collecting.run();
    void this.#fillHere();
  }

  async #late({ number, prover, died }: LateRow): Promise<void> {
    const job = this.#jobs[+number];
    this.#count(prover, died ? "died" : "hung");
    this.#log.warn({ prover, instruction: job?.instruction.name }, died ? "a prover has died: its job goes to another" : "a prover takes too long: its job goes to another"); // prettier-ignore
    if (!died) await this.#strike(prover);
    if (!job) return;
    job.tries++;
    if (!died && !job.refused.includes(prover)) job.refused.push(prover);
    this.#settle(job);
  }

  /** The link tells of what it has lost. */
  #tell(error: unknown): void {
    const { code, details, message } = error instanceof TacitError ? error : new TacitError("UNEXPECTED", "it failed");
    if (this.#link.isUp && !this.#closed) this.#log.warn({ code, reason: details.reason }, `jobs are not as they should be: ${message}`); // prettier-ignore
  }
}

interface AnswerRow {
  readonly number: string;
  readonly prover: string;
  readonly proof: Buffer | null;
  readonly failure: string | null;
}
interface LateRow {
  readonly number: string;
  readonly prover: string;
  readonly died: boolean;
}

function here(job: Job): Job {
  job.where = "here";
  return job;
}

function closed(): TacitError {
  return new TacitError("CLOSED", "the prover is closed");
}

function aborted(): TacitError {
  return new TacitError("ABORTED", "the proof was called off");
}
