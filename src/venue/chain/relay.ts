import { TacitError } from "../../protocol/errors.ts";
import { publicInputNames } from "../../protocol/instructions.ts";
import type { ProvenInstruction } from "../../verifier/index.ts";
import type {
  Chain,
  ChainPoint,
  ChainReceipt,
  ChainStatus,
  Fees,
  Hex,
  OpenedChain,
  ProvenRound,
  SignedTransaction,
} from "./chain.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";

/** Bounds of a transaction, of fees and of patience. */
export interface RelayLimits {
  /** instructions a transaction; more only where fewer would be too old for the contract. 64 when left out */
  readonly maxInstructions?: number;
  /** bytes of a round in a transaction, for nodes take 128 KiB in all: 120,000 when left out */
  readonly maxBytes?: number;
  /** of a transaction: 16,000,000 when left out, just below what EIP-7825 allows */
  readonly maxGas?: bigint;
  /** percent added to the estimated gas: 20 when left out */
  readonly gasMargin?: bigint;
  /** wei a unit of gas, whatever the chain asks for: 500 gwei when left out */
  readonly maxFeePerGas?: bigint;
  /** blocks without our transaction after which it is sent again, and after as many more replaced: 3 when left out */
  readonly patience?: bigint;
  /** seconds to wait after a first failure of the chain, doubled up to the second: 1 and 60 when left out */
  readonly firstDelay?: bigint;
  readonly longestDelay?: bigint;
}
const DEFAULTS = {
  maxInstructions: 64,
  maxBytes: 120_000,
  maxGas: 16_000_000n,
  gasMargin: 20n,
  maxFeePerGas: 500_000_000_000n,
  patience: 3n,
  firstDelay: 1n,
  longestDelay: 60n,
} satisfies Required<RelayLimits>;

/** Reverted transactions in a row, each of which the chain had said to be good, after which the relay stops. */
const MOST_REVERTS = 3;

/** Rounds that no reorganisation undoes any more, in order. */
export interface AcceptedRounds {
  readonly rounds: readonly number[];
  /** our transaction that the last instruction of each was in; absent where it was not ours */
  readonly hash?: Hex;
  /** of the whole transaction */
  readonly gasUsed?: bigint;
  /** that the transaction is in; where it was not ours, one that came no earlier */
  readonly block: bigint;
}

/** Why there is something to send and nothing is sent. */
export type RelayWait =
  /** the contract's state is no boundary of what was proved: rounds are missing, or the node is behind */
  | "unknownState"
  /** what is left consumes no log entry, and goes with the next round */
  | "noLogEntry"
  /** its last log entry is older than maxLag, and it goes with fresher rounds */
  | "tooOld"
  /** its last log entry is later than the next block */
  | "inFuture"
  /** another submission came first while we looked */
  | "stateMoved"
  /** the node does not show yet how an earlier transaction ended */
  | "noReceipt";

export interface RelayStatus {
  /** as the chain was last seen */
  readonly chain?: ChainStatus;
  /** sent and not yet in a block; `broadcast` is the block at which it was last handed over */
  readonly outstanding: (SentTransaction & { nonce: number; fees: Fees; broadcast?: bigint })[];
  /** transactions in a block that is not yet confirmed */
  readonly unconfirmed: number;
  /** rounds not yet accepted; instructions beyond the contract's newest state */
  readonly rounds: number;
  readonly instructions: number;
  readonly waiting?: RelayWait;
  /** of the chain: in a row, and since the start */
  readonly failures: number;
  readonly failuresTotal: number;
  readonly lastError?: { code: string; message: string; /** seconds since 1970 */ at: bigint };
  /** why nothing is sent until `resume` or a restart; nothing is lost */
  readonly stopped?: TacitError;
}

/** pino's, or any other of this shape. */
export type RelayLog = Pick<Log, "info" | "warn" | "error">;

export interface RelayOptions {
  readonly chain: Chain;
  readonly opened: OpenedChain;
  readonly store: Pick<Store, "put" | "list">;
  readonly clock: Pick<Clock, "now">;
  readonly limits?: RelayLimits;
  readonly log?: RelayLog;
  /**
   * Called once for each accepted round, in order. Until its promise is fulfilled the relay forgets nothing: if the process
   * ends in between, a round that is added again is reported again.
   */
  readonly onAccepted: (accepted: AcceptedRounds) => Promise<void> | void;
}

/** One signed transaction: what it turns into what. */
interface SentTransaction {
  readonly hash: Hex;
  readonly from: bigint;
  readonly to: bigint;
  /** numbers of the first and the last round that it has instructions of */
  readonly rounds: readonly [number, number];
}

/** All transactions of one nonce, of which the chain takes one at most. `raw` and `fees` are those of the last. */
interface Send {
  readonly nonce: number;
  readonly transactions: SentTransaction[];
  raw: Hex;
  fees: Fees;
  gas: bigint;
  /** block at which it was last handed to the chain; undefined asks for that */
  broadcast?: bigint;
  /** handed over a second time since the last replacement */
  repeated: boolean;
  /** how it ended in the chain as it is now */
  mined?: SentTransaction & { receipt: ChainReceipt };
}

/** Carries a failure of the chain past errors of our own, which are thrown on. */
class ChainFailure extends Error {
  readonly reason: TacitError;
  constructor(reason: TacitError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** Makes a relay that goes on where the one before it on this store ended. It sends nothing before `poll`. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const { chainId, address, account } = options.opened;
  const sends: Send[] = [];
  const foreign: Record<string, null> = {};
  for (const { name, text } of await options.store.list(PREFIX)) {
    const { of, send } = parseSend(text);
    // Another account's transactions are not ours to repeat; the contract takes a round from either, and once.
    if (of === owner({ chainId, address, account })) sends.push(send);
    else foreign[name] = null;
  }
  if (Object.keys(foreign).length > 0) await options.store.put(foreign);
  return new Relay(options, sends);
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
  readonly #stream = new Stream();
  /** by nonce; each stays until its nonce is used in a confirmed block */
  #sends: Send[];
  #seen?: ChainStatus;
  #waiting?: RelayWait;
  #stopped?: TacitError;
  #reverts = 0;
  #failures = 0;
  #failuresTotal = 0;
  #lastError?: RelayStatus["lastError"];
  #retryAt = 0n;
  #polling?: Promise<void>;

  /** @param sends  as startRelay reads them */
  constructor(options: RelayOptions, sends: Send[]) {
    this.#options = options;
    this.#limits = { ...DEFAULTS, ...options.limits };
    this.#sends = sends.toSorted((a, b) => a.nonce - b.nonce);
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
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  /** Tries again to send after a stop whose reason was mended. */
  resume(): void {
    this.#stopped = undefined;
    this.#reverts = 0;
  }

  status(): RelayStatus {
    const { latest, confirmed } = this.#seen ?? {};
    const mined = ({ nonce }: Send) => latest !== undefined && nonce < latest.nonce;
    return {
      chain: latest && confirmed && { latest, confirmed },
      outstanding: this.#sends
        .filter((send) => !mined(send))
        .map(({ nonce, fees, broadcast, transactions }) => ({ nonce, fees, broadcast, ...transactions.at(-1)! })),
      unconfirmed: this.#sends.filter(mined).length,
      rounds: this.#stream.rounds,
      instructions: this.#stream.beyond(latest?.state),
      waiting: this.#waiting,
      failures: this.#failures,
      failuresTotal: this.#failuresTotal,
      lastError: this.#lastError,
      stopped: this.#stopped,
    };
  }

  async #poll(): Promise<void> {
    const { clock, log } = this.#options;
    if (clock.now() < this.#retryAt) return;
    try {
      await this.#step();
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof ChainFailure)) throw error;
      const { code, message } = error.reason;
      const { firstDelay, longestDelay } = this.#limits;
      const delay = firstDelay << BigInt(Math.min(this.#failures, 32));
      const at = clock.now();
      this.#retryAt = at + (delay < longestDelay ? delay : longestDelay);
      this.#failures++;
      this.#failuresTotal++;
      this.#lastError = { code, message, at };
      log?.warn({ code, failures: this.#failures }, `the chain failed: ${message}`);
    }
  }

  async #step(): Promise<void> {
    const { chain } = this.#options;
    const seen = await this.#ask(chain.status());
    const [newest, deep] = [seen.latest, seen.confirmed].map(({ state }) => this.#stream.position(state));
    // Every block holds what those before it hold: anything else was put together from two chains.
    if (deep! > newest! || seen.confirmed.nonce > seen.latest.nonce)
      throw new ChainFailure(
        new TacitError("CHAIN_INCONSISTENT", "the newest block is behind a confirmed one: expected at or past it"),
      );
    this.#seen = seen;
    this.#waiting = undefined;

    await this.#accept(seen.confirmed);
    const flying = this.#sends.filter(({ nonce }) => nonce >= seen.latest.nonce);
    if (flying.length > 0) await this.#press(flying, seen.latest);
    else if ((await this.#settled(seen.latest)) && !this.#stopped) await this.#next(seen.latest);
  }

  /** Reports the rounds that a confirmed block holds, and forgets them, and the transactions that can no longer change. */
  async #accept(confirmed: ChainPoint): Promise<void> {
    const { onAccepted, store, log } = this.#options;
    const done = this.#sends.filter(({ nonce }) => nonce < confirmed.nonce);
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
      const mined = await this.#findMined(send);
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
      const { rounds, hash, gasUsed, block } = accepted;
      log?.info({ rounds, hash, gasUsed: gasUsed && String(gasUsed), block: String(block) }, "rounds accepted");
    }
    if (done.length === 0) return;
    await store.put(Object.fromEntries(done.map(({ nonce }) => [nameOf(nonce), null])));
    this.#sends = this.#sends.filter((send) => !done.includes(send));
  }

  /** Hands over again, or replaces, what is in no block: one transaction, or more where a reorganisation took them out. */
  async #press(flying: readonly Send[], latest: ChainPoint): Promise<void> {
    for (const [i, send] of flying.entries()) {
      if (send.mined) {
        this.#options.log?.warn(
          { nonce: send.nonce, hash: send.mined.hash },
          "a reorganisation took a transaction out",
        );
        [send.mined, send.broadcast] = [undefined, undefined];
      }
      if (send.broadcast !== undefined && latest.block < send.broadcast + this.#limits.patience) continue;
      // A later one waits for the first, so a higher fee for it would buy nothing.
      if (send.broadcast !== undefined && send.repeated && i === 0 && (await this.#replace(send, flying, latest)))
        continue;
      const again = send.broadcast !== undefined;
      await this.#broadcast(send, latest);
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
    const fees = await this.#fees(send.fees);
    if (!fees) return false;
    // Where others follow it, it must lead to the state that they start from.
    const followed = flying.length > 1 && from === latest.state;
    const run = await this.#prepare(latest, followed ? to : undefined);
    if (!run) return false;
    await this.#send(latest, send.nonce, run, fees, send);
    return true;
  }

  /** Learns how the transactions in blocks ended. @returns false while one of them is not to be seen */
  async #settled(latest: ChainPoint): Promise<boolean> {
    for (const send of this.#sends) {
      if (send.mined) continue;
      send.mined = await this.#findMined(send);
      if (!send.mined) {
        // Perhaps the nonce was used by someone else with our key; what is confirmed will tell.
        this.#waiting = "noReceipt";
        return false;
      }
      const { hash, receipt, from } = send.mined;
      if (receipt.success) this.#reverts = 0;
      else {
        this.#options.log?.warn({ hash, moved: from !== latest.state }, "a transaction was reverted");
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
    const fees = (await this.#fees())!;
    await this.#send(latest, latest.nonce, run, fees);
  }

  /**
   * The run that is to be sent, as long as the limits allow, and its gas; undefined when nothing is, and then why is in
   * #waiting or #stopped.
   * @param to  state that it must end with
   */
  async #prepare(latest: ChainPoint, to?: bigint): Promise<(Run & { gas: bigint }) | undefined> {
    const { chain, opened } = this.#options;
    const { maxBytes, maxGas, gasMargin } = this.#limits;
    let most = this.#limits.maxInstructions;
    let until: bigint | undefined;
    for (let larger: Run | undefined; ;) {
      const run = this.#stream.choose(latest, { maxLag: opened.maxLag, most, until, to });
      if (run === undefined || typeof run === "string") {
        this.#waiting = run;
        return undefined;
      }
      if (larger && run.instructions.length >= larger.instructions.length) {
        const { instructions, rounds } = run;
        const details = { rounds, instructions: instructions.length, bytes: bytesOf(instructions), maxBytes, maxGas };
        const message = `rounds ${rounds[0]} to ${rounds[1]} must go together and are too large for a transaction`;
        return this.#stop(new TacitError("RUN_TOO_LARGE", `${message}: expected ${maxBytes} bytes, ${maxGas} gas`, details)); // prettier-ignore
      }
      const answer =
        bytesOf(run.instructions) > maxBytes
          ? ({ ok: false, refusal: "OutOfGas" } as const)
          : await this.#ask(chain.estimate({ stateBefore: run.from, instructions: run.instructions }));
      if (answer.ok && answer.gas <= maxGas) {
        const gas = (answer.gas * (100n + gasMargin)) / 100n;
        return { ...run, gas: gas < maxGas ? gas : maxGas };
      }
      const refusal = answer.ok ? "OutOfGas" : answer.refusal;
      if (refusal === "OutOfGas") {
        larger = run;
        most = run.instructions.length >> 1;
      } else if (refusal === "InFuture" && until === undefined) until = latest.blockTime;
      else if (refusal in WAITS) {
        this.#waiting = WAITS[refusal];
        return undefined;
      } else {
        const message = `the contract refuses rounds ${run.rounds[0]} to ${run.rounds[1]}: ${refusal}`;
        return this.#stop(new TacitError("ROUND_REFUSED", message, { refusal, rounds: run.rounds, state: run.from }));
      }
    }
  }

  /**
   * What the chain asks for, within our bound.
   * @param before  of the transaction to replace: an eighth more is what nodes want, and some of them less
   * @returns undefined when that would exceed the bound
   */
  async #fees(before?: Fees): Promise<Fees | undefined> {
    const asked = await this.#ask(this.#options.chain.fees());
    const bound = this.#limits.maxFeePerGas;
    const raise = (fee: bigint) => fee + fee / 8n + 1n;
    const least = before && {
      maxFeePerGas: raise(before.maxFeePerGas),
      maxPriorityFeePerGas: raise(before.maxPriorityFeePerGas),
    };
    if (least && least.maxFeePerGas > bound) return undefined;
    const within = (fee: bigint, low: bigint, high: bigint) => (fee < low ? low : fee > high ? high : fee);
    const maxFeePerGas = within(asked.maxFeePerGas, least?.maxFeePerGas ?? 0n, bound);
    const tip = within(asked.maxPriorityFeePerGas, least?.maxPriorityFeePerGas ?? 0n, maxFeePerGas);
    return { maxFeePerGas, maxPriorityFeePerGas: tip };
  }

  /** @param before  what it replaces */
  async #send(latest: ChainPoint, nonce: number, run: Run & { gas: bigint }, fees: Fees, before?: Send): Promise<void> {
    const { chain, opened, store, log } = this.#options;
    const { from, to, rounds, instructions, gas } = run;
    const signed: SignedTransaction = await this.#ask(
      chain.sign({ stateBefore: from, instructions }, { ...fees, nonce, gas }),
    );
    const transactions = [...(before?.transactions ?? []), { hash: signed.hash, from, to, rounds }];
    const send: Send = { nonce, transactions, raw: signed.raw, fees, gas, repeated: false };
    await store.put({ [nameOf(nonce)]: sendText(send, owner(opened)) });
    this.#sends = [...this.#sends.filter((each) => each !== before), send].toSorted((a, b) => a.nonce - b.nonce);
    const fields = { nonce, hash: signed.hash, rounds, instructions: instructions.length, gas: String(gas) };
    log?.info({ ...fields, maxFeePerGas: String(fees.maxFeePerGas) }, before ? "replacing" : "sending");
    await this.#broadcast(send, latest);
  }

  async #broadcast(send: Send, latest: ChainPoint): Promise<void> {
    const answer = await this.#ask(this.#options.chain.broadcast(send.raw));
    send.broadcast = latest.block;
    // The node will never take it at this fee: the next step replaces it.
    if (answer === "underpriced") [send.broadcast, send.repeated] = [latest.block - this.#limits.patience, true];
  }

  async #findMined({ transactions }: Send): Promise<Send["mined"]> {
    for (const transaction of transactions.toReversed()) {
      const receipt = await this.#ask(this.#options.chain.receipt(transaction.hash));
      if (receipt) return { ...transaction, receipt };
    }
    return undefined;
  }

  #stop(reason: TacitError): undefined {
    this.#stopped = reason;
    this.#lastError = { code: reason.code, message: reason.message, at: this.#options.clock.now() };
    this.#options.log?.error({ code: reason.code, ...textOf(reason.details) }, `stopped: ${reason.message}`);
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw new ChainFailure(
        error instanceof TacitError ? error : new TacitError("CHAIN_FAILED", "the chain's client failed in itself"),
      );
    }
  }
}

/** Refusals that pass by themselves. */
const WAITS: Record<string, RelayWait> = { WrongState: "stateMoved", TooOld: "tooOld", InFuture: "inFuture" };

/** Instructions from one boundary to another, and the rounds that they are of. */
interface Run {
  readonly from: bigint;
  readonly to: bigint;
  readonly rounds: readonly [number, number];
  readonly instructions: readonly ProvenInstruction[];
}

/** What was proved and is not yet accepted, instruction by instruction; positions count from the first one ever added. */
class Stream {
  /** `start`, `end`: positions of its first instruction and after its last */
  #rounds: { round: ProvenRound; start: number; end: number }[] = [];
  /** of the boundaries in phase open, where alone the contract can be, by state */
  readonly #positions = new Map<bigint, number>();
  #last?: { number: number; state: bigint; position: number };

  get rounds(): number {
    return this.#rounds.length;
  }

  add(round: ProvenRound): void {
    const { number, state, stateAfter, instructions } = round;
    const require = (holds: boolean, expected: string) => {
      if (!holds) throw new TacitError("BAD_ROUND", `round ${number}: expected ${expected}`, { number, expected });
    };
    require(!this.#last || number === this.#last.number + 1, `number ${(this.#last?.number ?? 0) + 1}`);
    require(!this.#last || state === this.#last.state, "the state that the round before it ended with");
    const start = this.#last?.position ?? 0;
    const open = new Map([[state, start]]);
    let [before, phase] = [state, 1n];
    for (const [i, { publicInputs }] of instructions.entries()) {
      require(publicInputs[0] === before, `instruction ${i} to start where the one before it ended`);
      [, before, phase] = publicInputs;
      if (phase === 0n) open.set(before, start + i + 1);
    }
    require(phase === 0n && before === stateAfter, "an end in phase open, with the state after");
    for (const [word, position] of open) this.#positions.set(word, position);
    const end = start + instructions.length;
    this.#rounds.push({ round, start, end });
    this.#last = { number, state: stateAfter, position: end };
  }

  position(state: bigint): number | undefined {
    return this.#positions.get(state);
  }

  /** Numbers of the rounds that end beyond one position, and not beyond the other. */
  roundsBetween(from: number, to: number): number[] {
    return this.#rounds.filter(({ end }) => from < end && end <= to).map(({ round }) => round.number);
  }

  /** How many instructions there are beyond a state; all of them where it is not known. */
  beyond(state: bigint | undefined): number {
    const start = this.#rounds[0]?.start ?? 0;
    const position = state === undefined ? undefined : this.position(state);
    return this.#rounds.length === 0 ? 0 : this.#last!.position - (position ?? start);
  }

  /** Forgets the first rounds, but not the state that the last of them ended with. */
  forget(count: number): void {
    for (const { round } of this.#rounds.splice(0, count))
      for (const { publicInputs } of round.instructions) this.#positions.delete(publicInputs[0]);
  }

  /**
   * What goes next: to the last end of a round with which the contract would take it as it is, among those within `most`
   * instructions, else to the first one beyond.
   * @param until  seconds since 1970: no log entry later than this
   * @param to     only to the end with this state
   * @returns a run, why there is none, or undefined when the contract has all
   */
  choose(
    latest: ChainPoint,
    { maxLag, most, until, to }: { maxLag: bigint; most: number; until?: bigint; to?: bigint },
  ): Run | RelayWait | undefined {
    if (this.#rounds.length === 0) return undefined;
    const from = this.position(latest.state);
    if (from === undefined) return "unknownState";
    if (from === this.#last!.position) return undefined;
    let wait: RelayWait = "noLogEntry";
    let chosen: number | undefined;
    let entry: { time: bigint; logCount: bigint } | undefined;
    for (const [index, { round, start, end }] of this.#rounds.entries()) {
      if (end <= from) continue;
      if (chosen !== undefined && end - from > most) break;
      entry = lastEntry(round.instructions.slice(Math.max(from - start, 0))) ?? entry;
      if (!entry || entry.logCount <= latest.logCount) continue;
      if (entry.time + maxLag < latest.blockTime) wait = "tooOld";
      else if (until !== undefined && entry.time > until) wait = "inFuture";
      else if (to === undefined || round.stateAfter === to) chosen = index;
    }
    if (chosen === undefined) return wait;
    const rounds = this.#rounds.slice(0, chosen + 1).filter(({ end }) => end > from);
    const instructions = rounds.flatMap(({ round, start }) => round.instructions.slice(Math.max(from - start, 0)));
    const [first, last] = [rounds[0].round, rounds.at(-1)!.round];
    return { from: latest.state, to: last.stateAfter, rounds: [first.number, last.number], instructions };
  }
}

/** The last log entry that instructions consumed: its time, and how many entries that makes. */
function lastEntry(instructions: readonly ProvenInstruction[]): { time: bigint; logCount: bigint } | undefined {
  for (const { name, publicInputs } of instructions.toReversed()) {
    const names = publicInputNames(name);
    const at = names.indexOf("time");
    if (at >= 0) return { time: publicInputs[at], logCount: publicInputs[names.indexOf("logCount")] };
  }
  return undefined;
}

/** Length of encodeRound, without making it. */
function bytesOf(instructions: readonly ProvenInstruction[]): number {
  return instructions.reduce((sum, { publicInputs }) => sum + 1 + 32 * (publicInputs.length - 1 + 8), 0);
}

// What is on disk of a send: a document under the number of its nonce.

const PREFIX = "send/";

/** Digits enough that names sort as numbers do. */
function nameOf(nonce: number): string {
  return PREFIX + String(nonce).padStart(12, "0");
}

function owner({ chainId, address, account }: Pick<OpenedChain, "chainId" | "address" | "account">): string {
  return [chainId, address, account].join(" ").toLowerCase();
}

interface SendDocument {
  of: string;
  nonce: number;
  transactions: { hash: Hex; from: string; to: string; rounds: [number, number] }[];
  raw: Hex;
  gas: string;
  maxFeePerGas: string;
  maxPriorityFeePerGas: string;
}

function sendText({ nonce, transactions, raw, gas, fees }: Send, of: string): string {
  const document: SendDocument = {
    of,
    nonce,
    transactions: transactions.map(({ hash, from, to, rounds }) => ({
      hash,
      from: String(from),
      to: String(to),
      rounds: [...rounds],
    })),
    raw,
    gas: String(gas),
    maxFeePerGas: String(fees.maxFeePerGas),
    maxPriorityFeePerGas: String(fees.maxPriorityFeePerGas),
  };
  return JSON.stringify(document);
}

function parseSend(text: string): { of: string; send: Send } {
  const { of, nonce, transactions, raw, gas, maxFeePerGas, maxPriorityFeePerGas } = JSON.parse(text) as SendDocument;
  const send: Send = {
    nonce,
    transactions: transactions.map(({ hash, from, to, rounds }) => ({
      hash,
      from: BigInt(from),
      to: BigInt(to),
      rounds,
    })),
    raw,
    fees: { maxFeePerGas: BigInt(maxFeePerGas), maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas) },
    gas: BigInt(gas),
    repeated: false,
  };
  return { of, send };
}

/** bigints as text, which logs take. */
function textOf(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(details).map(([name, x]) => [name, typeof x === "bigint" ? String(x) : x]));
}
