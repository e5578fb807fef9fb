import { TacitError } from "../../protocol/errors.ts";
import { toJson } from "../../protocol/json.ts";
import { readRounds, type PublishedRound } from "../../verifier/index.ts";
import type { Chain, ChainDeposit, OpenedChain } from "./chain.ts";
import type { Clock } from "../clock.ts";
import { roundName, summaryName, type RoundSummary } from "../proving/pipeline.ts";
import { startRelay, type Relay } from "./relay.ts";
import type { AcceptedRounds, RelayLimits, RelayLog, RelayStatus } from "./relayOptions.ts";
import type { Store } from "../store/store.ts";

export interface ChainOptions {
  readonly chain: Chain;
  readonly limits?: RelayLimits;
  /** seconds between two looks at the chain; 4 when left out */
  readonly pollSeconds?: number;
  readonly log?: RelayLog;
}

interface LinkOptions extends ChainOptions {
  readonly domain: bigint;
  readonly store: Store;
  readonly clock: Clock;
  /** deposits that the log has credited so far */
  readonly credited: () => number;
  /** confirmed deposits, the next ones in order; fulfilled when they are in the log */
  readonly onDeposits: (deposits: readonly ChainDeposit[]) => Promise<void>;
  readonly onAccepted: (round: RoundSummary) => void;
  /** told when the store fails: nothing goes on then */
  readonly onFailed: (error: Error) => void;
}

/** Between a venue and its contract: looks at the chain in turns, brings rounds there and deposits here. */
export class ChainLink {
  readonly contract: OpenedChain;
  readonly #options: LinkOptions;
  #relay!: Relay;
  #cancel = () => {};
  #polling: Promise<void> = Promise.resolve();
  #closed = false;

  /** @throws WRONG_CONTRACT, or what the chain throws that does not answer */
  static async open(options: LinkOptions): Promise<ChainLink> {
    const link = new ChainLink(options, await options.chain.open({ domain: options.domain }));
    const { chain, store, clock, limits, log } = options;
    const onAccepted = (accepted: AcceptedRounds) => link.#onAccepted(accepted);
    link.#relay = await startRelay({ chain, opened: link.contract, store, clock, limits, log, onAccepted });
    return link;
  }

  private constructor(options: LinkOptions, contract: OpenedChain) {
    this.#options = options;
    this.contract = contract;
  }

  /** Begins to look, with the rounds that the chain has not accepted so far. `early`: those proved since `open` was called. */
  async start(early: () => readonly PublishedRound[]): Promise<void> {
    let last = 0;
    for await (const round of this.#unaccepted()) {
      this.#relay.add(round);
      last = round.number;
    }
    for (const round of early()) if (round.number > last) this.#relay.add(round);
    this.#look();
  }

  add(round: PublishedRound): void {
    this.#relay.add(round);
  }

  get status(): RelayStatus {
    return this.#relay.status();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#polling;
  }

  #look(): void {
    const { clock, pollSeconds = 4, onFailed } = this.#options;
    const next = () => {
      if (!this.#closed) this.#cancel = clock.wake(clock.now() + BigInt(pollSeconds), () => this.#look());
    };
    this.#polling = this.#poll().then(next).catch(onFailed);
  }

  async #poll(): Promise<void> {
    await this.#relay.poll();
    const { chain, credited, onDeposits } = this.#options;
    for (;;) {
      let deposits;
      try {
        deposits = await chain.deposits(credited());
      } catch (error) {
        // The chain is asked again at the next look; the relay counts its failures.
        if (error instanceof TacitError) return;
        throw error;
      }
      if (deposits.length === 0 || this.#closed) return;
      await onDeposits(deposits);
    }
  }

  /** Rounds that are proved, and were not accepted by the chain so far. */
  async *#unaccepted(): AsyncGenerator<PublishedRound> {
    const { store } = this.#options;
    for (let after = summaryName(0); ;) {
      const page = await store.list("summary/", { after, limit: 100 });
      for (const { name, text } of page) {
        after = name;
        const { number, accepted } = JSON.parse(text) as RoundSummary;
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
