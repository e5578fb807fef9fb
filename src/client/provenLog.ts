import type { GenesisFile } from "../protocol/genesis.ts";
import { authHash, itemHash } from "../protocol/item.ts";
import type { SignedReceipt } from "../protocol/receipt.ts";
import { itemJson, receiptJson } from "../protocol/wire.ts";
import { NO_LAG_LIMIT, readRounds, refusalMeaning, verifyClaim, type VerifyingKeys } from "../verifier/index.ts";
import type { Api } from "./api.ts";
import { Contradiction } from "./knowledge.ts";
import type { Notes, SentItem } from "./notebook.ts";

export interface ProvenLogOptions {
  readonly api: Api;
  readonly genesis: GenesisFile;
  readonly notes: Notes;
  /** read when the first round is to be verified */
  readonly keysOf: (profile: string) => VerifyingKeys | Promise<VerifyingKeys>;
}

/** States of rounds that are kept at hand. */
const STATES = 256;

/**
 * The log of a venue, as far as it is proved: its rounds are verified one after the other, and what was sent is looked for
 * in them.
 */
export class ProvenLog {
  readonly #options: ProvenLogOptions;
  #keys: VerifyingKeys | null = null;
  /** states that verified rounds of late have left, by number */
  readonly #states = new Map<number, { state: bigint; logCount: bigint }>();

  constructor(options: ProvenLogOptions) {
    this.#options = options;
    this.remember();
  }

  /** What a round has left, where it is one of the last. */
  after(round: number): { state: bigint; logCount: bigint } | undefined {
    return this.#states.get(round);
  }

  /** Keeps at hand what the last verified round has left. */
  remember(): void {
    const { round, state, logCount } = this.#options.notes.memory.verified;
    this.#states.set(round, { state, logCount });
    if (this.#states.size > STATES) this.#states.delete(this.#states.keys().next().value!);
  }

  /** Fetches and verifies the round after the last one. @returns whether there was one */
  async next(): Promise<boolean> {
    const { api, genesis, notes, keysOf } = this.#options;
    const { memory } = notes;
    const { verified } = memory;
    const number = verified.round + 1;
    const file = await api.find(`/rounds/${number}`);
    if (file === null) return false;
    const refuse = (what: string) => new Contradiction("roundRefused", `round ${number} is refused: ${what}`);
    let claim;
    try {
      [claim] = readRounds(file);
    } catch (error) {
      throw refuse((error as Error).message);
    }
    const { segment } = claim;
    if (!segment || claim.number !== number) throw refuse("it is none of a venue, or has another number");
    const keys = (this.#keys ??= await keysOf(genesis.profile));
    // Its age says nothing here, and a clock that is wrong may be ours.
    const result = verifyClaim(claim, verified, { keys, domain: genesis.domain, now: NO_LAG_LIMIT });
    if (!result.ok) {
      const { code, at, message } = result;
      if (code !== "wrongLog") throw refuse(`${refusalMeaning(code, at)} (${message})`);
      throw new Contradiction("logDiffers", `the log of round ${number}: ${message}`);
    }
    const { effect, heads } = result;
    /** Place in the log of what was sent and has no receipt. */
    const placeOf = ({ item, auth }: SentItem): { found?: bigint } => {
      const [hash, signature] = [itemHash(genesis.domain, item), authHash(auth)];
      const at = segment.entries.findIndex((entry) => entry.item === hash && entry.auth === signature);
      return at < 0 ? {} : { found: segment.logCount + BigInt(at) };
    };
    const taken = memory.refused.map((sent) => ({ ...sent, ...placeOf(sent) }));
    const arrived = taken.filter(({ found }) => found !== undefined);
    memory.items.push(...arrived);
    memory.refused = taken.filter(({ found }) => found === undefined);
    for (const [i, sent] of memory.items.entries()) {
      const { item, auth, receipt } = sent;
      if (!receipt) {
        memory.items[i] = { ...sent, ...placeOf(sent) };
        continue;
      }
      if (receipt.n < segment.logCount || receipt.n >= effect.logCount) continue;
      const at = Number(receipt.n - segment.logCount);
      const entry = segment.entries[at];
      const same = entry.item === receipt.item && entry.auth === receipt.auth && entry.time === receipt.time;
      // The head binds all that came before: a receipt over another history is one for another log.
      if (same && heads[at] === receipt.head) continue;
      const what = same ? "follows another history than its receipt" : "is not the item that has its receipt";
      throw new Contradiction("dropped", `entry ${receipt.n} of the proven log ${what}`, {
        receipt: receiptJson(receipt),
        item: itemJson(item, auth),
        proved: [entry.item, entry.auth, entry.time, heads[at]].map(String),
        round: number,
      });
    }
    const { stateAfter: state, logCount, time } = effect;
    memory.verified = { round: number, state, logCount, head: heads.at(-1) ?? segment.head, time };
    this.remember();
    await notes.keep();
    return true;
  }

  /** The log only grows: what is proved, or has a receipt, is in it as long as the venue lives. */
  async checkLength(): Promise<void> {
    const { api, notes } = this.#options;
    const { items, verified } = notes.memory;
    const receipts = items.flatMap(({ receipt }) => receipt ?? []);
    const last = receipts.reduce<SignedReceipt | null>((a, b) => (a && a.n > b.n ? a : b), null);
    const known = last && last.n >= verified.logCount ? last.n + 1n : verified.logCount;
    const { logCount } = await api.progress(Number(known));
    if (BigInt(logCount) >= known) return;
    const what = `its log has ${logCount} entries now, of ${known} that are proved or have its receipts`;
    const evidence = { logCount, round: verified.round, ...(last ? { receipt: receiptJson(last) } : {}) };
    throw new Contradiction("dropped", what, evidence);
  }
}
