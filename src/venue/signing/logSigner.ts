import { TacitError } from "../../protocol/errors.ts";
import type { LogHead } from "../../protocol/logHead.ts";
import type { Receipt } from "../../protocol/receipt.ts";
import type { HeadRun, SignedState } from "./signedHeads.ts";
import type { Signatures, Signed, SignRequest } from "./signatures.ts";

interface Asked extends Pick<SignRequest, "receipts" | "logHeads"> {
  readonly resolve: (signed: Signed) => void;
  readonly reject: (error: Error) => void;
}

/** Heads, and receipts, that are signed at once, as long as they are more than one turn's: a signer apart takes no more than 4 MB. */
const CHUNK = 4_096;

/**
 * Has signed what a venue answers, in the order in which its log came to be. Heads of the log go to the book of who signs before
 * any receipt of theirs, as many at once as came together.
 */
export class LogSigner {
  readonly #domain: bigint;
  readonly #signatures: Signatures;
  readonly #onFailed: (error: Error) => void;
  /** how far the book was when this venue began to lead; null where there is none, and before */
  #book: SignedState | null = null;
  readonly #runs: HeadRun[] = [];
  readonly #asked: Asked[] = [];
  #running: Promise<void> | null = null;
  #failed: Error | null = null;

  constructor(of: { domain: bigint; signatures: Signatures; onFailed: (error: Error) => void }) {
    this.#domain = of.domain;
    this.#signatures = of.signatures;
    this.#onFailed = of.onFailed;
  }

  /** Why signatures are waited for, or null. */
  get fault(): string | null {
    return this.#signatures.fault ?? null;
  }

  /**
   * Brings the book to where the journal is, before anything is added to that.
   * @param journal  its epoch, entries, and head after them; `heads` of the log after entries from `first` on
   * @throws SIGNER_AHEAD  when the signer has signed entries that the journal does not have
   * @throws FORKED        when it has signed another head than the journal's; and as `Signatures.sign`
   */
  async lead(journal: {
    readonly epoch: number;
    readonly n: number;
    heads(first: number, count: number): Promise<readonly bigint[]>;
  }): Promise<void> {
    const { epoch, n } = journal;
    this.#book = await this.#signatures.state();
    if (!this.#book) return;
    if (this.#book.n > n)
      throw new TacitError("SIGNER_AHEAD", `the signer has signed ${this.#book.n} entries, the journal has ${n}: the rest of them is lost here (docs/cluster.md says what to do)`, { signed: this.#book.n, journal: n }); // prettier-ignore
    // The last one that is there is compared with the others' beginning.
    const from = Math.max(0, this.#book.n - 1);
    for (let first = from; first < n || first === from; first += CHUNK) {
      const heads = await journal.heads(first, Math.min(CHUNK, n - first));
      await this.#sign({ run: { domain: this.#domain, epoch, first, heads }, receipts: [], logHeads: [] });
    }
  }

  /** Takes what the log has grown by; no signature of it is there yet. */
  written(run: Omit<HeadRun, "domain">): void {
    if (!this.#book || run.heads.length === 0) return;
    this.#runs.push({ domain: this.#domain, ...run });
    this.#start();
  }

  /** Signatures of receipts of what was written. Answered in the order in which it is asked. @throws as `Signatures.sign` */
  async receipts(receipts: readonly Receipt[]): Promise<readonly string[]> {
    return (await this.#ask({ receipts, logHeads: [] })).receipts;
  }

  /** The signature of a head of what was written. @throws as `Signatures.sign` */
  async logHead(head: LogHead): Promise<string> {
    return (await this.#ask({ receipts: [], logHeads: [head] })).logHeads[0];
  }

  /** Fulfilled when all that was written and asked for is signed, or nothing is any more. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #ask(what: Pick<SignRequest, "receipts" | "logHeads">): Promise<Signed> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      this.#asked.push({ ...what, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    if (this.#failed) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      if (this.#runs.length + this.#asked.length > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    // What comes in this turn goes along.
    await Promise.resolve();
    const runs = atMost(this.#runs, ({ heads }) => heads.length);
    // What is asked for may be of heads that are still to come.
    const asked = this.#runs.length > 0 ? [] : atMost(this.#asked, ({ receipts, logHeads }) => receipts.length + logHeads.length); // prettier-ignore
    const request = {
      run: runs.length === 0 ? null : { ...runs[0], heads: runs.flatMap(({ heads }) => heads) },
      receipts: asked.flatMap(({ receipts }) => receipts),
      logHeads: asked.flatMap(({ logHeads }) => logHeads),
    };
    try {
      const signed = await this.#sign(request);
      let [r, h] = [0, 0];
      for (const { receipts, logHeads, resolve } of asked)
        resolve({
          receipts: signed.receipts.slice(r, (r += receipts.length)),
          logHeads: signed.logHeads.slice(h, (h += logHeads.length)),
        });
    } catch (error) {
      this.#failed = error as Error;
      for (const { reject } of [...asked, ...this.#asked.splice(0)]) reject(error as Error);
      this.#runs.length = 0;
      this.#onFailed(error as Error);
    }
  }

  async #sign(request: SignRequest): Promise<Signed> {
    try {
      return await this.#signatures.sign(request);
    } catch (error) {
      // The thread that signs is started anew when it is asked again.
      if (error instanceof TacitError && error.code === "THREAD_DIED") return this.#signatures.sign(request);
      throw error;
    }
  }
}

/** Takes away the first of a queue, so many that they hold `CHUNK`, and one at least. */
function atMost<T>(queue: T[], sizeOf: (it: T) => number): T[] {
  let size = 0;
  const beyond = queue.findIndex((it) => (size += sizeOf(it)) > CHUNK);
  return queue.splice(0, beyond < 0 ? queue.length : Math.max(1, beyond));
}
