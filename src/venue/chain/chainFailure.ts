import { TacitError } from "../../protocol/errors.ts";
import type { Clock } from "../clock.ts";
import type { RelayLimits, RelayLog } from "./relayOptions.ts";

/** Carries a failure of the chain past errors of our own, which are thrown on. */
export class ChainFailure extends Error {
  readonly reason: TacitError;
  constructor(reason: TacitError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** What the chain answers. @throws ChainFailure */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw new ChainFailure(
      error instanceof TacitError ? error : new TacitError("CHAIN_FAILED", "the chain's client failed in itself"),
    );
  }
}

export interface FailureStatus {
  /** in a row, and since the start */
  readonly failures: number;
  readonly failuresTotal: number;
  readonly lastError?: {
    readonly code: string;
    readonly message: string;
    /** seconds since 1970 */ readonly at: bigint;
  };
  /** of the first failure of the row: seconds since 1970 */
  readonly failingSince?: bigint;
}

/** Failures of one kind of work: each is counted and told, and puts off the next try for twice as long as the one before. */
export class Failures {
  readonly #clock: Pick<Clock, "now">;
  readonly #limits: Required<Pick<RelayLimits, "firstDelay" | "longestDelay">>;
  readonly #log: RelayLog;
  readonly #what: string;
  #status: FailureStatus = { failures: 0, failuresTotal: 0 };
  #retryAt = 0n;

  /** @param what  fails, for the log */
  constructor(
    what: string,
    clock: Pick<Clock, "now">,
    limits: Required<Pick<RelayLimits, "firstDelay" | "longestDelay">>,
    log: RelayLog,
  ) {
    this.#what = what;
    this.#clock = clock;
    this.#limits = limits;
    this.#log = log;
  }

  get status(): FailureStatus {
    return this.#status;
  }

  /** Does the work, unless it is put off. @throws what is no failure of the chain */
  async run(work: () => Promise<void>): Promise<void> {
    if (this.#clock.now() < this.#retryAt) return;
    try {
      await work();
      const { failuresTotal, lastError } = this.#status;
      this.#status = { failures: 0, failuresTotal, ...(lastError && { lastError }) };
    } catch (error) {
      if (!(error instanceof ChainFailure)) throw error;
      this.#add(error.reason);
    }
  }

  /** Remembers an error that puts nothing off. */
  note({ code, message }: TacitError): void {
    this.#status = { ...this.#status, lastError: { code, message, at: this.#clock.now() } };
  }

  #add({ code, message }: TacitError): void {
    const { failures, failuresTotal, failingSince } = this.#status;
    const { firstDelay, longestDelay } = this.#limits;
    const delay = firstDelay << BigInt(Math.min(failures, 32));
    const at = this.#clock.now();
    this.#retryAt = at + (delay < longestDelay ? delay : longestDelay);
    this.#status = {
      failures: failures + 1,
      failuresTotal: failuresTotal + 1,
      lastError: { code, message, at },
      failingSince: failingSince ?? at,
    };
    this.#log.warn({ code, failures: failures + 1 }, `${this.#what} failed: ${message}`);
  }
}
