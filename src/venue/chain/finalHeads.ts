import type { CoSignedHead, CoSigners } from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import { finalityDefect } from "../../verifier/finality.ts";

/** Where a round leaves the log. */
export interface RoundEnd {
  readonly number: number;
  /** entries of the log, and its head after them */
  readonly logCount: bigint;
  readonly log: bigint;
}

/**
 * The head there with signatures of co-signers, those that are in force at the contract: fulfilled when it is final, rejected when the
 * venue closes. It may be asked for again, when what it gave is not enough or the co-signers have changed.
 */
export type FinalOf = (round: RoundEnd, coSigners: CoSigners) => Promise<CoSignedHead>;

/** Where the contract has co-signers, and the venue asks none. */
export function noFinalOf({ addresses }: CoSigners): TacitError {
  const message = "the contract takes only rounds that its co-signers made final: expected a venue that asks them";
  return new TacitError("CO_SIGNERS", message, { coSigners: addresses });
}

/** The heads at ends of rounds that are not yet accepted, as far as they are final. */
export class FinalHeads {
  readonly #finalOf: FinalOf;
  /** by number of the round; null: asked for */
  readonly #heads = new Map<number, CoSignedHead | null>();
  /** by number of the round: those by whose signatures its head was found final, which takes milliseconds to find */
  readonly #finalBy = new Map<number, string>();

  constructor(finalOf: FinalOf) {
    this.#finalOf = finalOf;
  }

  /** The head at the end of a round if these made it final. If not it is asked for: ask here again. */
  at(end: RoundEnd, coSigners: CoSigners): CoSignedHead | undefined {
    const { number } = end;
    const head = this.#heads.get(number);
    if (head === null) return undefined;
    const by = coSigners.addresses.join();
    if (head && this.#finalBy.get(number) === by) return head;
    if (head && finalityDefect(coSigners, { ...end, domain: head.domain }, head) === null) {
      this.#finalBy.set(number, by);
      return head;
    }
    this.#heads.set(number, null);
    // Where it fails it is asked for at the next look.
    this.#finalOf(end, coSigners).then(
      (found) => void (this.#heads.has(number) && this.#heads.set(number, found)),
      () => this.#heads.delete(number),
    );
    return undefined;
  }

  /** Forgets the heads of these rounds. */
  forget(rounds: readonly number[]): void {
    for (const number of rounds) {
      this.#heads.delete(number);
      this.#finalBy.delete(number);
    }
  }
}
