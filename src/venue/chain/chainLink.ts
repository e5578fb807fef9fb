import { TacitError } from "../../protocol/errors.ts";
import { toJson } from "../../protocol/json.ts";
import { readRounds, type PublishedRound } from "../../verifier/index.ts";
import type { Chain, ChainDeposit, OpenedChain } from "./chain.ts";
import { ask, Failures, type FailureStatus } from "./chainFailure.ts";
import type { FinalOf } from "./finalHeads.ts";
import type { Clock } from "../clock.ts";
import { NO_LOG } from "../log.ts";
import { roundName, SUMMARIES, summaryName, type RoundSummary } from "../proving/pipeline.ts";
import { startRelay, type Relay } from "./relay.ts";
import type { RulesCursor, RulesPage, UsableAnnouncement } from "./rulesEvents.ts";
import {
  DEFAULT_RELAY_LIMITS,
  type AcceptedRounds,
  type RelayLimits,
  type RelayLog,
  type RelayStatus,
} from "./relayOptions.ts";
import type { Store } from "../store/store.ts";

export interface ChainOptions {
  readonly chain: Chain;
  readonly limits?: RelayLimits;
  /** seconds between two looks at the chain; 4 when left out */
  readonly pollSeconds?: number;
  readonly log?: RelayLog;
  /** signatures of co-signers: a contract that has some takes no round without theirs */
  readonly finalOf?: FinalOf;
}

interface LinkOptions extends ChainOptions {
  readonly domain: bigint;
  readonly genesisState: bigint;
  /** accounts that deposits may open */
  readonly freeLeaves: bigint;
  readonly store: Store;
  readonly clock: Clock;
  /** deposits that the log has credited so far */
  readonly credited: () => number;
  /** how many deposits may come into the log now: the others wait at the contract, where they are safe */
  readonly room: () => number;
  /** confirmed deposits, the next ones in order; fulfilled when they are in the log */
  readonly onDeposits: (deposits: readonly ChainDeposit[]) => Promise<void>;
  readonly onAccepted: (round: RoundSummary) => void;
  /**
   * what happened to announced rules, as far as it is confirmed, in order, some blocks at a time; fulfilled when it is kept. Not
   * looked for when left out
   */
  readonly onRules?: (page: RulesPage) => Promise<void>;
  /** `next` of the last page that was kept; from the contract's first block on when left out */
  readonly rulesFrom?: RulesCursor;
  /** called after each look */
  readonly onLook: () => void;
  /** told when the store fails: nothing goes on then */
  readonly onFailed: (error: Error) => void;
}

/** How a venue's contract does. */
export interface LinkStatus extends RelayStatus {
  /** of looking for deposits, and for announced rules */
  readonly deposits: FailureStatus;
  readonly rules: FailureStatus;
}

/** Pages of announcements in one look: a long past must not keep rounds and deposits. */
const PAGES = 16;

/** Between a venue and its contract: looks at the chain in turns, brings rounds there and deposits here. */
export class ChainLink {
  readonly contract: OpenedChain;
  readonly #options: LinkOptions;
  #relay!: Relay;
  readonly #looks: Failures;
  readonly #rulesLooks: Failures;
  #cancel = () => {};
  #polling: Promise<void> = Promise.resolve();
  #closed = false;
  /** confirmed deposits that were read, the last of them not in the log yet */
  #read: readonly ChainDeposit[] = [];
  #rulesFrom?: RulesCursor;

  /** @throws WRONG_CONTRACT, CO_SIGNERS, or what the chain throws that does not answer */
  static async open(options: LinkOptions): Promise<ChainLink> {
    const { domain, freeLeaves } = options;
    const link = new ChainLink(options, await options.chain.open({ domain, freeLeaves }));
    const { chain, store, clock, limits, log, finalOf } = options;
    const onAccepted = (accepted: AcceptedRounds) => link.#onAccepted(accepted);
    link.#relay = await startRelay({ chain, opened: link.contract, store, clock, limits, log, finalOf, onAccepted });
    return link;
  }

  private constructor(options: LinkOptions, contract: OpenedChain) {
    this.#options = options;
    this.contract = contract;
    const limits = { ...DEFAULT_RELAY_LIMITS, ...options.limits };
    const failures = (what: string) => new Failures(what, options.clock, limits, options.log ?? NO_LOG);
    this.#looks = failures("looking for deposits");
    this.#rulesLooks = failures("looking for announced rules");
    this.#rulesFrom = options.rulesFrom;
  }

  /**
   * Begins to look, with the rounds that the chain has not accepted so far. `early`: those proved since `open` was called.
   * @throws WRONG_CONTRACT  when the contract's state is none that this venue ever was in
   */
  async start(early: () => readonly PublishedRound[]): Promise<void> {
    const known = new Set([this.#options.genesisState]);
    let last = 0;
    for await (const round of this.#proved(known)) {
      this.#relay.add(round);
      last = round.number;
    }
    for (const round of early()) if (round.number > last) this.#relay.add(round);
    const { confirmedState: state, address } = this.contract;
    if (!known.has(state) && !this.#relay.knows(state))
      throw new TacitError("WRONG_CONTRACT", `the contract at ${address} is in a state that this venue never was in`, {
        address,
        state,
      });
    this.#look();
  }

  add(round: PublishedRound): void {
    this.#relay.add(round);
  }

  /** Instructions beyond the contract's newest state. */
  get instructions(): number {
    return this.#relay.instructions;
  }

  get status(): LinkStatus {
    return { ...this.#relay.status(), deposits: this.#looks.status, rules: this.#rulesLooks.status };
  }

  /**
   * An announcement that a round may use, as the last confirmed block has it: what is to be asked before rules are brought in.
   * @throws ChainFailure
   */
  announcement(n: number): Promise<UsableAnnouncement | undefined> {
    return ask(this.#options.chain.announcement(n));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#polling;
  }

  #look(): void {
    const { clock, pollSeconds = 4, onFailed, onLook } = this.#options;
    const next = () => {
      if (!this.#closed) this.#cancel = clock.wake(clock.now() + BigInt(pollSeconds), () => this.#look());
    };
    this.#polling = this.#poll()
      .then(() => {
        onLook();
        next();
      })
      .catch(onFailed);
  }

  async #poll(): Promise<void> {
    await this.#relay.poll();
    const { chain, credited, room, onDeposits, onRules } = this.#options;
    await this.#looks.run(async () => {
      while (room() > 0 && !this.#closed) {
        const left = this.#read.filter(({ n }) => n > credited());
        this.#read = left.length > 0 ? left : await ask(chain.deposits(credited()));
        // As it is after the answer.
        const most = room();
        if (this.#read.length === 0 || most === 0 || this.#closed) return;
        await onDeposits(this.#read.slice(0, most));
      }
    });
    if (onRules) await this.#rulesLooks.run(() => this.#lookForRules(onRules));
  }

  async #lookForRules(onRules: (page: RulesPage) => Promise<void>): Promise<void> {
    for (let i = 0; i < PAGES && !this.#closed; i++) {
      const page = await ask(this.#options.chain.rules(this.#rulesFrom));
      await onRules(page);
      this.#rulesFrom = page.next;
      if (page.complete) return;
    }
  }

  /** Rounds that are proved, and were not accepted by the chain so far. @param states  gets those after all that are proved */
  async *#proved(states: Set<bigint>): AsyncGenerator<PublishedRound> {
    const { store } = this.#options;
    for (let after = summaryName(0); ;) {
      const page = await store.list(SUMMARIES, { after, limit: 100 });
      for (const { name, text } of page) {
        after = name;
        const { number, accepted, stateAfter: reached } = JSON.parse(text) as RoundSummary;
        states.add(BigInt(reached));
        if (accepted) continue;
        const [claim] = readRounds(JSON.parse((await store.get(roundName(number)))!));
        const { state, stateAfter, segment, instructions } = claim;
        yield { number, state: state!, stateAfter: stateAfter!, segment: segment!, instructions };
      }
      if (page.length < 100) return;
    }
  }

  async #onAccepted({ rounds, hash, gasUsed, block }: AcceptedRounds): Promise<void> {
    const { store, onAccepted } = this.#options;
    const accepted = {
      hash: hash ?? null,
      gasUsed: gasUsed === undefined ? null : String(gasUsed),
      block: String(block),
    };
    const updated: RoundSummary[] = [];
    for (const number of rounds) {
      const text = await store.get(summaryName(number));
      updated.push({ ...(JSON.parse(text!) as RoundSummary), accepted });
    }
    await store.put(Object.fromEntries(updated.map((it) => [summaryName(it.number), toJson(it)])));
    updated.forEach(onAccepted);
  }
}
