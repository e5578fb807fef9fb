import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { outOfRange, TacitError } from "../../../protocol/errors.ts";
import type { InstructionName } from "../../../protocol/instructions.ts";
import { NO_LOG, type Log } from "../../log.ts";
import { placeOf } from "../../store/postgres/connection.ts";
import type { RoundProver } from "../provers.ts";
import { ASKER_SECONDS, JOBS_CHANNEL } from "./asking.ts";
import { decodeInstruction, encodeProof } from "./encoding.ts";
import { isPassing, Link } from "./link.ts";
import { Single } from "./single.ts";
import { requireJobs } from "./tables.ts";
import * as sql from "./taking.ts";
import { JOB_TIMES, keyNames, type JobTimes, type KeyHashes } from "./terms.ts";

/** What came of one job here. */
export interface DoneJob {
  readonly name: InstructionName;
  /** from its beginning, be it that another was proved meanwhile */
  readonly seconds: number;
  /** code of what kept it from being proved */
  readonly failure: string | null;
}

export interface RunProverOptions {
  /** of the database of jobs: `postgres://user@host,host/database` */
  readonly url: string;
  /** 1 to 100 printable characters of ASCII, of no other prover */
  readonly name: string;
  readonly prover: Pick<RoundProver, "parallel" | "prove">;
  readonly keys: KeyHashes;
  /** ends it: the proof that is being made is handed in, jobs that it has in advance are given back */
  readonly signal: AbortSignal;
  readonly log?: Log;
  readonly onJob?: (job: DoneJob) => void;
  readonly times?: Partial<JobTimes>;
}

interface Held {
  readonly id: string;
  readonly asker: string;
  readonly number: string;
  readonly key: string;
  readonly bytes: Buffer;
  readonly abort: AbortController;
  isBegun: boolean;
}

interface Answer {
  readonly job: Held;
  readonly proof: Buffer | null;
  readonly failure: string | null;
}

/**
 * Takes jobs and proves them until it is told to stop; goes on with what it has while the database is away.
 * @throws OUT_OF_RANGE  for options
 * @throws LOCKED   while another prover has this name
 * @throws STORAGE  "foreign", "denied" or "settings", where the database cannot be used; one that is away is waited for
 * @throws MISSING_TOOL  where `pg` is not installed
 */
export async function runProver(options: RunProverOptions): Promise<void> {
  if (!/^[ -~]{1,100}$/.test(options.name)) throw outOfRange("name", "1 to 100 printable ASCII characters");
  await new Taker(options).run();
}

class Taker {
  readonly #options: RunProverOptions;
  readonly #log: Log;
  readonly #times: JobTimes;
  readonly #keys: readonly string[];
  readonly #link: Link;
  readonly #session = randomBytes(6).readUIntBE(0, 6);
  /** jobs that it has: those that are proved, and in advance those that are next */
  readonly #most: number;
  readonly #held: Held[] = [];
  #answers: Answer[] = [];
  readonly #taking = new Single(() => this.#take());
  readonly #handing = new Single(() => this.#hand());
  readonly #beating = new Single(() => this.#beat());
  readonly #proving = new Set<Promise<void>>();
  readonly #others = new Set<string>();
  #lockedSince: number | null = null;
  #isBarred = false;
  #isStopping = false;
  #fail: (error: TacitError) => void = () => {};

  constructor(options: RunProverOptions) {
    const { url, name, prover, keys, log = NO_LOG, times } = options;
    this.#options = options;
    this.#log = log;
    this.#times = { ...JOB_TIMES, ...times };
    this.#keys = Object.values(keyNames(keys));
    this.#most = Math.max(2, prover.parallel);
    this.#link = new Link({
      place: placeOf(url, "jobs"),
      name: `tacit prover ${name}`.slice(0, 63),
      patienceMs: this.#times.patienceMs,
      up: (client) => this.#up(client),
      ready: () => void this.#beating.run(),
      heard: () => void this.#taking.run(),
      trouble: (error) => this.#trouble(error),
    });
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const failed = new Promise<never>((_, reject) => (this.#fail = reject));
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const timer = setInterval(() => void this.#beating.run(), this.#times.beatMs);
    try {
      void this.#link.start();
      await Promise.race([stopped, failed]);
      await this.#stop();
    } finally {
      clearInterval(timer);
      this.#isStopping = true;
      for (const { abort } of this.#held) abort.abort();
      await this.#link.close();
    }
  }

  /** The oldest that it proves is proved to its end. */
  async #stop(): Promise<void> {
    this.#isStopping = true;
    const begun = this.#held.filter(({ isBegun }) => isBegun);
    this.#held.splice(0, this.#held.length, ...begun);
    for (const { abort } of begun.slice(1)) abort.abort();
    // Where the database is away, those who ask find out by themselves.
    await this.#giveBack().catch(() => {});
    await Promise.all(this.#proving);
    await this.#handing.run();
    await this.#giveBack().catch(() => {});
    await this.#link.query(sql.LEAVE, [this.#options.name, this.#session]).catch(() => {});
  }

  /** What is not held is others'. */
  async #giveBack(): Promise<void> {
    const kept = [...this.#held, ...this.#answers.map(({ job }) => job)].map(({ id }) => id);
    await this.#link.query(sql.GIVE_BACK, [this.#options.name, this.#session, kept]);
  }

  #trouble(error: TacitError | null): void {
    if (!error) return this.#log.info({}, "the jobs are back");
    const { code, details, message } = error;
    if (code === "LOCKED") {
      // One of this name that was killed is still there for a while.
      this.#lockedSince ??= performance.now();
      if (performance.now() - this.#lockedSince > 2 * this.#times.deadMs) this.#fail(error);
      return;
    }
    if (!isPassing(error)) this.#fail(error);
    else this.#log.warn({ code, reason: details.reason }, message);
  }

  async #up(client: Client): Promise<void> {
    await requireJobs(client);
    const { name } = this.#options;
    const { deadMs } = this.#times;
    const [row] = await this.#link.query(sql.ENTER, [
      name,
      this.#session,
      this.#keys,
      deadMs / 1000,
      this.#held.length,
    ]);
    if (!row) throw new TacitError("LOCKED", `a prover called ${name} is at work: expected another name`, { holder: name }); // prettier-ignore
    this.#lockedSince = null;
    await client.query(`LISTEN ${JOBS_CHANNEL}`);
    // Of an answer that was lost, and of who had the name before.
    await this.#giveBack();
    this.#log.info({ prover: name }, "takes jobs");
  }

  async #beat(): Promise<void> {
    if (!this.#link.isUp) return;
    try {
      const { name } = this.#options;
      const [row] = await this.#link.query<{ barred: boolean }>(sql.BEAT, [name, this.#session, this.#held.length]);
      // Another has the name: this one enters again, or finds it taken.
      if (!row) return this.#link.drop();
      if (row.barred && !this.#isBarred) this.#log.error({ prover: name, code: "BARRED" }, "gets no jobs for a while: its proofs did not hold, or did not come"); // prettier-ignore
      this.#isBarred = row.barred;
      await this.#compareKeys();
    } catch (error) {
      this.#tell(error);
    }
    await this.#handing.run();
    void this.#taking.run();
  }

  /** Says once of each venue that has other keys. */
  async #compareKeys(): Promise<void> {
    const askers = await this.#link.query<{ id: string; keys: string[] }>(sql.ASKERS, [ASKER_SECONDS]);
    for (const { id, keys } of askers) {
      const other = keys.filter((key) => !this.#keys.includes(key)).map((key) => key.replace(/ .*/, ""));
      if (other.length === 0 || this.#others.has(id)) continue;
      this.#others.add(id);
      this.#log.error({ code: "OTHER_KEYS", circuits: other }, "a venue has other proving keys than this prover: of these circuits it takes no jobs"); // prettier-ignore
    }
  }

  async #take(): Promise<void> {
    const { name } = this.#options;
    while (this.#link.isUp && !this.#isStopping && this.#held.length < this.#most) {
      try {
        // In advance only what leaves nobody idle.
        const take = this.#held.length === 0 ? sql.TAKE : sql.TAKE_AHEAD;
        const [row] = await this.#link.query<TakenRow>(take, [name, this.#session, this.#keys, this.#times.deadMs / 1000]); // prettier-ignore
        if (!row) return;
        const { asker, number, key, bytes } = row;
        const job = {
          id: `${asker} ${number}`,
          asker,
          number,
          key,
          bytes,
          abort: new AbortController(),
          isBegun: false,
        };
        this.#held.push(job);
        if (this.#isStopping) {
          this.#held.pop();
          return await this.#giveBack();
        }
        this.#begin();
      } catch (error) {
        return this.#tell(error);
      }
    }
  }

  #begin(): void {
    for (const job of this.#held.slice(0, Math.max(1, this.#options.prover.parallel))) {
      if (job.isBegun || this.#isStopping) continue;
      job.isBegun = true;
      const proving = this.#prove(job).finally(() => this.#proving.delete(proving));
      this.#proving.add(proving);
    }
  }

  async #prove(job: Held): Promise<void> {
    const began = performance.now();
    const answer = await this.#answerTo(job);
    this.#held.splice(this.#held.indexOf(job), 1);
    this.#begin();
    // Called off, as it stops: another proves it.
    if (answer.failure === "ABORTED" && job.abort.signal.aborted) return;
    this.#answers.push(answer);
    const name = job.key.replace(/ .*/, "") as InstructionName;
    this.#options.onJob?.({ name, seconds: (performance.now() - began) / 1000, failure: answer.failure });
    await this.#handing.run();
    void this.#taking.run();
  }

  async #answerTo(job: Held): Promise<Answer> {
    try {
      const instruction = decodeInstruction(job.bytes);
      if (!job.key.startsWith(`${instruction.name} `)) throw new TacitError("JOB_FORMAT", "a job is of another circuit than it says"); // prettier-ignore
      const proof = await this.#options.prover.prove(instruction, { signal: job.abort.signal });
      return { job, proof: Buffer.from(encodeProof(proof)), failure: null };
    } catch (error) {
      const failure = error instanceof TacitError ? error.code : "UNEXPECTED";
      if (!job.abort.signal.aborted) this.#log.error({ code: failure, circuit: job.key.replace(/ .*/, "") }, "a job was not proved"); // prettier-ignore
      return { job, proof: null, failure };
    }
  }

  async #hand(): Promise<void> {
    while (this.#link.isUp && this.#answers.length > 0) {
      const [{ job, proof, failure }] = this.#answers;
      try {
        const values = [this.#options.name, this.#session, job.asker, job.number, proof, failure, this.#held.length];
        await this.#link.query(sql.HAND_IN, values);
        this.#answers.shift();
      } catch (error) {
        return this.#tell(error);
      }
    }
  }

  /** The link tells of what it has lost. */
  #tell(error: unknown): void {
    const { code, details, message } = error instanceof TacitError ? error : new TacitError("UNEXPECTED", "it failed");
    if (this.#link.isUp && !this.#isStopping) this.#log.warn({ code, reason: details.reason }, message);
  }
}

interface TakenRow {
  readonly asker: string;
  readonly number: string;
  readonly key: string;
  readonly bytes: Buffer;
}
