import { TacitError } from "../../protocol/errors.ts";
import { encodeFinality } from "../../verifier/index.ts";
import type { ChainPoint, ChainStatus, ProvenRound } from "./chain.ts";
import { ask, ChainFailure, Failures } from "./chainFailure.ts";
import { FinalHeads, noFinalOf, type RoundEnd } from "./finalHeads.ts";
import { NO_LOG } from "../log.ts";
import { bytesOf, ProvenStream, type Run } from "./provenStream.ts";
import {
  DEFAULT_RELAY_LIMITS,
  type AcceptedRounds,
  type RelayLimits,
  type RelayLog,
  type RelayOptions,
  type RelayStatus,
  type RelayWait,
} from "./relayOptions.ts";
import { Sends, type Send, type Sending } from "./sends.ts";

/** Reverted transactions in a row, each of which the chain had said to be good, after which the relay stops. */
const MOST_REVERTS = 3;

/** Refusals that pass by themselves. */
const WAITS: Record<string, RelayWait> = {
  WrongState: "stateMoved",
  TooOld: "tooOld",
  InFuture: "inFuture",
  NotFinal: "notFinal",
};
/** Those that hold back rules, and what comes after them. */
const RULES_WAIT = new Set(["NoAnnouncement", "RulesNotYet"]);

/**
 * Makes a relay that goes on where the one before it on this store ended. It sends nothing before `poll`.
 * @throws CO_SIGNERS  when the contract has co-signers, and there is no `finalOf`
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const limits = { ...DEFAULT_RELAY_LIMITS, ...options.limits };
  const { chain, opened, store, log = NO_LOG, finalOf } = options;
  if (opened.coSigners && !finalOf) throw noFinalOf(opened.coSigners);
  return new Relay(options, limits, await Sends.open({ chain, opened, store, limits, log }));
}

/**
 * Brings proven rounds to the contract, each once and in order, whatever nodes, restarts, reorganisations and strangers do.
 *
 * What was proved is one stream of instructions, and the contract's state says how far into it the contract is. What is
 * submitted next is the run from there to the end of some round, so a stranger who submits a beginning of our round moves
 * us on and breaks nothing. At most one transaction is on its way that was in no block yet, it is on disk before it is
 * sent, and only its own nonce is used to send it again or to replace it. Rounds are accepted when the contract's state is
 * at or past their end in a confirmed block, and for no other reason: receipts only say what that cost.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #limits: Required<RelayLimits>;
  readonly #stream = new ProvenStream();
  readonly #sends: Sends;
  readonly #finalHeads?: FinalHeads;
  readonly #log: RelayLog;
  #seen?: ChainStatus;
  #waiting?: RelayWait;
  /** as the last whole step left it: one that goes on tells nothing yet */
  #told?: RelayWait;
  /** since when something is to be sent, and nothing is: seconds since 1970 */
  #waitingSince?: bigint;
  #stopped?: TacitError;
  #reverts = 0;
  readonly #failures: Failures;
  #polling?: Promise<void>;

  constructor(options: RelayOptions, limits: Required<RelayLimits>, sends: Sends) {
    this.#options = options;
    this.#limits = limits;
    this.#sends = sends;
    if (options.finalOf) this.#finalHeads = new FinalHeads(options.finalOf);
    this.#log = options.log ?? NO_LOG;
    this.#failures = new Failures("the chain", options.clock, limits, this.#log);
  }

  /**
   * Takes the next round. After a restart, before the first poll: every proven round not reported as accepted, in order.
   * @throws BAD_ROUND  when it does not continue the round before it, or does not end in phase open
   */
  add(round: ProvenRound): void {
    this.#stream.add(round);
  }

  /**
   * One step: looks at the chain, reports what it accepted, sends what is to be sent. To be called at each new block, and
   * every few seconds; calls during a step join it, and after a failure of the chain calls do nothing for a while.
   * @throws what the store or onAccepted throw: the step may then have done a part, and may be called again
   */
  poll(): Promise<void> {
    this.#polling ??= this.#failures
      .run(() => this.#step())
      .finally(() => {
        this.#polling = undefined;
      });
    return this.#polling;
  }

  /** Whether a state is one between rounds that were added. */
  knows(state: bigint): boolean {
    return this.#stream.position(state) !== undefined;
  }

  /** Instructions beyond the contract's newest state. */
  get instructions(): number {
    return this.#stream.beyond(this.#seen?.latest.state);
  }

  status(): RelayStatus {
    const latest = this.#seen?.latest;
    const mined = ({ nonce }: Send) => latest !== undefined && nonce < latest.nonce;
    return {
      chain: this.#seen,
      outstanding: this.#sends.all
        .filter((send) => !mined(send))
        .map(({ nonce, fees, broadcast, transactions }) => ({ nonce, fees, broadcast, ...transactions.at(-1)! })),
      unconfirmed: this.#sends.all.filter(mined).length,
      rounds: this.#stream.rounds,
      instructions: this.instructions,
      waiting: this.#told,
      ...(this.#waitingSince !== undefined && { waitingSince: this.#waitingSince }),
      ...this.#failures.status,
      stopped: this.#stopped,
    };
  }

  async #step(): Promise<void> {
    const { chain } = this.#options;
    const seen = await ask(chain.status());
    const [newest, deep] = [seen.latest, seen.confirmed].map(({ state }) => this.#stream.position(state));
    // Every block holds what those before it hold: anything else was put together from two chains.
    if (deep! > newest! || seen.confirmed.nonce > seen.latest.nonce)
      throw new ChainFailure(
        new TacitError("CHAIN_INCONSISTENT", "the newest block is behind a confirmed one: expected at or past it"),
      );
    this.#seen = seen;
    this.#waiting = undefined;

    await this.#accept(seen.confirmed);
    const flying = this.#sends.all.filter(({ nonce }) => nonce >= seen.latest.nonce);
    if (flying.length > 0) await this.#press(flying, seen.latest);
    else if ((await this.#settled(seen.latest)) && !this.#stopped) await this.#next(seen.latest);
    this.#told = this.#waiting;
    this.#waitingSince = this.#waiting && (this.#waitingSince ?? this.#options.clock.now());
  }

  /** Reports the rounds that a confirmed block holds, and forgets them, and the transactions that can no longer change. */
  async #accept(confirmed: ChainPoint): Promise<void> {
    const { onAccepted } = this.#options;
    const done = this.#sends.all.filter(({ nonce }) => nonce < confirmed.nonce);
    const groups: AcceptedRounds[] = [];
    let from = 0;
    const upTo = (position: number | undefined) => {
      const rounds = position === undefined ? [] : this.#stream.roundsBetween(from, position);
      from = Math.max(from, position ?? 0);
      return rounds;
    };
    const position = this.#stream.position(confirmed.state);
    for (const send of done) {
      // Read again: a reorganisation may have taken another one of its transactions.
      const mined = await this.#sends.findMined(send);
      if (!mined?.receipt.success || position === undefined) continue;
      const { hash, receipt, to } = mined;
      const { gasUsed, block } = receipt;
      const end = this.#stream.position(to);
      // Only what the confirmed state is at or past: a receipt alone proves nothing.
      if (end === undefined || end > position) continue;
      const others = upTo(this.#stream.position(mined.from));
      if (others.length > 0) groups.push({ rounds: others, block: confirmed.block });
      const rounds = upTo(end);
      if (rounds.length > 0) groups.push({ rounds, hash, gasUsed, block });
    }
    const others = upTo(position);
    if (others.length > 0) groups.push({ rounds: others, block: confirmed.block });

    for (const accepted of groups) {
      await onAccepted(accepted);
      this.#stream.forget(accepted.rounds.length);
      this.#finalHeads?.forget(accepted.rounds);
      const { rounds, hash, gasUsed, block } = accepted;
      this.#log.info({ rounds, hash, gasUsed: gasUsed && String(gasUsed), block: String(block) }, "rounds accepted");
    }
    await this.#sends.forget(done);
  }

  /** Hands over again, or replaces, what is in no block: one transaction, or more where a reorganisation took them out. */
  async #press(flying: readonly Send[], latest: ChainPoint): Promise<void> {
    for (const [i, send] of flying.entries()) {
      if (send.mined) {
        this.#log.warn({ nonce: send.nonce, hash: send.mined.hash }, "a reorganisation took a transaction out");
        [send.mined, send.broadcast] = [undefined, undefined];
      }
      if (send.broadcast !== undefined && latest.block < send.broadcast + this.#limits.patience) continue;
      // A later one waits for the first, so a higher fee for it would buy nothing.
      if (send.broadcast !== undefined && send.repeated && i === 0 && (await this.#replace(send, flying, latest)))
        continue;
      const again = send.broadcast !== undefined;
      await this.#sends.broadcast(send, latest);
      send.repeated ||= again;
    }
  }

  /**
   * Signs another transaction of the same nonce with a fee that nodes take it for, and with what is to be sent by now.
   * @returns false when there is nothing better to send, or the fee is at its bound
   */
  async #replace(send: Send, flying: readonly Send[], latest: ChainPoint): Promise<boolean> {
    if (this.#stopped) return false;
    const { from, to } = send.transactions.at(-1)!;
    const fees = await this.#sends.fees(send.fees);
    if (!fees) return false;
    // Where others follow it, it must lead to the state that they start from.
    const followed = flying.length > 1 && from === latest.state;
    const run = await this.#prepare(latest, followed ? to : undefined);
    if (!run) return false;
    await this.#sends.send(latest, send.nonce, run, fees, send);
    return true;
  }

  /** Learns how the transactions in blocks ended. @returns false while one of them is not to be seen */
  async #settled(latest: ChainPoint): Promise<boolean> {
    for (const send of this.#sends.all) {
      if (send.mined) continue;
      send.mined = await this.#sends.findMined(send);
      if (!send.mined) {
        // Perhaps the nonce was used by someone else with our key; what is confirmed will tell.
        this.#waiting = "noReceipt";
        return false;
      }
      const { hash, receipt, from } = send.mined;
      if (receipt.success) this.#reverts = 0;
      else {
        this.#log.warn({ hash, moved: from !== latest.state }, "a transaction was reverted");
        // Where the state has moved on, another submission came first: that is no fault of ours.
        if (from === latest.state && ++this.#reverts >= MOST_REVERTS)
          this.#stop(
            new TacitError("REVERTED", `${MOST_REVERTS} transactions in a row were reverted: expected none to be`, {
              hash,
            }),
          );
      }
    }
    return true;
  }

  async #next(latest: ChainPoint): Promise<void> {
    const run = await this.#prepare(latest);
    if (!run) return;
    const fees = (await this.#sends.fees())!;
    await this.#sends.send(latest, latest.nonce, run, fees);
  }

  /**
   * The run that is to be sent, as long as the limits allow, and its gas; undefined when nothing is, and then why is in
   * #waiting or #stopped.
   * @param to  state that it must end with
   */
  async #prepare(latest: ChainPoint, to?: bigint): Promise<Sending | undefined> {
    const { chain, opened } = this.#options;
    const { coSigners } = this.#seen!;
    const heads = this.#finalHeads;
    // They may have come by now, to a contract that had none.
    if (coSigners && !heads) return this.#stop(noFinalOf(coSigners));
    const headAt = (end: RoundEnd) => coSigners && heads!.at(end, coSigners);
    let heldBack = false;
    const final = (end: RoundEnd) => {
      const isFinal = !coSigners || headAt(end) !== undefined;
      heldBack ||= !isFinal;
      return isFinal;
    };
    const { maxBytes, maxGas, gasMargin } = this.#limits;
    let most = this.#limits.maxInstructions;
    let until: bigint | undefined;
    let rules = true;
    for (let larger: Run | undefined; ;) {
      const run = this.#stream.choose(latest, { maxLag: opened.maxLag, most, until, to, rules, final });
      if (run === undefined || typeof run === "string") {
        this.#waiting = run;
        return undefined;
      }
      if (larger && run.instructions.length >= larger.instructions.length) {
        // A shorter one may be final later.
        if (heldBack) {
          this.#waiting = "notFinal";
          return undefined;
        }
        const { instructions, rounds } = run;
        const details = { rounds, instructions: instructions.length, bytes: bytesOf(instructions), maxBytes, maxGas };
        const message = `rounds ${rounds[0]} to ${rounds[1]} must go together and are too large for a transaction`;
        return this.#stop(new TacitError("RUN_TOO_LARGE", `${message}: expected ${maxBytes} bytes, ${maxGas} gas`, details)); // prettier-ignore
      }
      const head = headAt(run.end);
      const finality = coSigners && head && encodeFinality(coSigners, head);
      const answer =
        bytesOf(run.instructions) > maxBytes
          ? ({ ok: false, refusal: "OutOfGas" } as const)
          : await ask(chain.estimate({ stateBefore: run.from, instructions: run.instructions, finality }));
      if (answer.ok && answer.gas <= maxGas) {
        const gas = (answer.gas * (100n + gasMargin)) / 100n;
        return { ...run, finality, gas: gas < maxGas ? gas : maxGas };
      }
      const refusal = answer.ok ? "OutOfGas" : answer.refusal;
      if (refusal === "OutOfGas") {
        larger = run;
        most = run.instructions.length >> 1;
      } else if (refusal === "InFuture" && until === undefined) until = latest.blockTime;
      else if (RULES_WAIT.has(refusal) && rules) rules = false;
      else if (refusal in WAITS) {
        // They have changed since we looked, or signed for another venue: new signatures are asked for.
        if (refusal === "NotFinal") heads?.forget([run.end.number]);
        this.#waiting = WAITS[refusal];
        return undefined;
      } else {
        const message = `the contract refuses rounds ${run.rounds[0]} to ${run.rounds[1]}: ${refusal}`;
        return this.#stop(new TacitError("ROUND_REFUSED", message, { refusal, rounds: run.rounds, state: run.from }));
      }
    }
  }

  #stop(reason: TacitError): undefined {
    this.#stopped = reason;
    this.#failures.note(reason);
    this.#log.error({ code: reason.code, ...textOf(reason.details) }, `stopped: ${reason.message}`);
  }
}

/** bigints as text, which logs take. */
function textOf(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(details).map(([name, x]) => [name, typeof x === "bigint" ? String(x) : x]));
}
