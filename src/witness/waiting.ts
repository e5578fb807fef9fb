import type { Event } from "../matcher/events.ts";
import type { Profile } from "../protocol/instructions.ts";
import { fitsTransaction } from "../protocol/transaction.ts";
import { instructionsOf, settlesOf } from "./count.ts";
import type { Unsettled } from "./settle.ts";

type ClearEvent = Extract<Event, { kind: "clear" }>;

/** The clears since phase open whose fills wait to be booked together: from phase open to phase open a round cannot be cut. */
export class Waiting {
  readonly #profile: Profile;
  #fills: Unsettled[] = [];
  /** proofs of these clears and of their settlement, and accounts that change */
  #proofs = 0;
  #changed = new Set<number>();

  constructor(profile: Profile) {
    this.#profile = profile;
  }

  /** Whether it all fits a transaction with one clear more. */
  hasRoomFor(event: ClearEvent): boolean {
    const { proofs, accounts } = this.#loadOf(event);
    return fitsTransaction({ proofs: this.#proofs + proofs, accounts: new Set([...this.#changed, ...accounts]).size });
  }

  add(event: ClearEvent): void {
    const { proofs, accounts } = this.#loadOf(event);
    const sweeps = event.sweeps.filter(({ outcome }) => outcome.fills.length > 0);
    // Where nothing waits, a clear without fills leaves the phase open.
    if (this.#fills.length + sweeps.length === 0) return;
    this.#fills.push(...sweeps.map(({ trade, outcome }) => ({ trade, fills: outcome.fills })));
    this.#proofs += proofs;
    for (const account of accounts) this.#changed.add(account);
  }

  /** All fills that wait, which are booked now. */
  take(): Unsettled[] {
    const fills = this.#fills;
    [this.#fills, this.#proofs, this.#changed] = [[], 0, new Set()];
    return fills;
  }

  /** Account 0 gets the fees. */
  #loadOf(event: ClearEvent): { proofs: number; accounts: Set<number> } {
    const fills = event.sweeps.flatMap(({ outcome }) => outcome.fills);
    const proofs = instructionsOf(event, this.#profile) + settlesOf(fills.length, this.#profile);
    return { proofs, accounts: new Set([0, ...fills.map(({ account }) => account)]) };
  }
}
