/**
 * How far proofs are behind the market, and whether they keep up: what was asked for and made in the last two minutes, and
 * where that leads.
 */
export interface ProofPace {
  /** seconds since the oldest entry was stamped that is not proved; 0: all is proved */
  readonly lagSeconds: number;
  /** proofs to be made */
  readonly waiting: number;
  /** proofs a second in the last two minutes, asked for and made */
  readonly askedPerSecond: number;
  readonly madePerSecond: number;
  /** since the start */
  readonly asked: number;
  readonly made: number;
  /** seconds after which all that waits is proved, should nothing come; null: none were made of late */
  readonly doneIn: number | null;
  /** what the lag comes from: proofs to be made of rounds that have ended, or a round that is still being filled; null: nothing waits */
  readonly limitedBy: "prover" | "round" | null;
  /** seconds until orders are turned away, should it go on as in the last two minutes; null: not within an hour */
  readonly busyIn: number | null;
}

/** Where a venue stands. */
export interface Backlog {
  /** proofs to be made, those of them that are of rounds that have ended, and entries of the log that are not proved */
  readonly proofs: number;
  readonly ended: number;
  readonly entries: number;
  /** seconds since 1970, of the first of these entries */
  readonly oldest: bigint | null;
  /** of both, beyond which orders are turned away */
  readonly most: { readonly proofs: number; readonly entries: number };
}

const WINDOW = 120;
/** A forecast beyond it says nothing. */
const HORIZON = 3_600;

export class Pace {
  readonly #asked = new Recently();
  readonly #made = new Recently();

  /** @param now  seconds since 1970 */
  ask(proofs: number, now: bigint): void {
    this.#asked.add(proofs, Number(now));
  }

  make(now: bigint): void {
    this.#made.add(1, Number(now));
  }

  report({ proofs, ended, entries, oldest, most }: Backlog, now: bigint): ProofPace {
    const asked = this.#asked.perSecond(Number(now));
    const made = this.#made.perSecond(Number(now));
    const waiting = Math.ceil(proofs);
    // As many entries to a proof as there are in what waits.
    const room = entries > 0 ? Math.min(most.proofs, (most.entries * proofs) / entries) : most.proofs;
    const busyIn = asked > made ? Math.max(0, (room - proofs) / (asked - made)) : Infinity;
    const doneIn = proofs === 0 ? 0 : made > 0 ? Math.ceil(proofs / made) : null;
    return {
      lagSeconds: oldest === null ? 0 : Math.max(0, Number(now - oldest)),
      waiting,
      askedPerSecond: rounded(asked),
      madePerSecond: rounded(made),
      asked: Math.round(this.#asked.total),
      made: this.#made.total,
      doneIn,
      limitedBy: ended > 0 ? "prover" : waiting > 0 ? "round" : null,
      busyIn: busyIn <= HORIZON ? Math.floor(busyIn) : null,
    };
  }
}

function rounded(perSecond: number): number {
  return Math.round(100 * perSecond) / 100;
}

/** A count, by seconds, of the last two minutes. */
class Recently {
  total = 0;
  #seconds: { readonly at: number; amount: number }[] = [];

  add(amount: number, at: number): void {
    this.total += amount;
    const last = this.#seconds.at(-1);
    if (last?.at === at) last.amount += amount;
    else this.#seconds.push({ at, amount });
    this.#forget(at);
  }

  perSecond(now: number): number {
    this.#forget(now);
    return this.#seconds.reduce((sum, { amount }) => sum + amount, 0) / WINDOW;
  }

  #forget(now: number): void {
    const first = this.#seconds.findIndex(({ at }) => at > now - WINDOW);
    if (first !== 0) this.#seconds = first < 0 ? [] : this.#seconds.slice(first);
  }
}
