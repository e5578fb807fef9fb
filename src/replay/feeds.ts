import { advance, noHistory, numbersOf, type History, type Terms } from "../feeds/computation.ts";
import { MOST_REPORTED } from "../feeds/observation.ts";
import { sign } from "../protocol/eddsa.ts";
import { contractsHash } from "../protocol/instrument.ts";
import { median } from "../protocol/median.ts";
import { divCeil, max, min } from "../protocol/numbers.ts";
import { INSTRUMENTS } from "../protocol/parameters.ts";
import { quorumOf, reportHash, type Numbers, type SignedReport } from "../protocol/report.ts";
import { mix } from "./mix.ts";

/** A trade that a file shows. */
export interface Trade {
  /** seconds since 1970 */
  readonly time: bigint;
  readonly price: bigint;
}

/** A year's volatility, 2^-24, before there is a return: a half. */
const FIRST_SIGMA = 1n << 23n;
/** By which feeds differ from each other at most, millionths. */
const DISAGREEMENT = 20;

/**
 * The feeds of a replay, which follow the trades of its file: the index of an epoch is the median of their prices, the mark of the
 * perpetual the last of them; where an epoch has none both stay as they were. Sigma is what feeds compute of such an index
 * (docs/feeds.md); there is no premium.
 */
export class ReplayFeeds {
  readonly #domain: bigint;
  readonly #terms: Terms;
  readonly #count: number;
  /** null: reports have signatures of zeros */
  readonly #secrets: readonly Uint8Array[] | null;
  /** prices by epoch, in time order */
  readonly #trades = new Map<bigint, bigint[]>();
  #index: bigint;
  #last: bigint;
  #history: History | null = null;

  constructor(feeds: {
    domain: bigint;
    terms: Terms;
    /** how many there are, and what they sign with; null: not at all */
    count: number;
    secrets: readonly Uint8Array[] | null;
    trades: Iterable<Trade>;
    /** price before the first trade */
    mark: bigint;
  }) {
    const { domain, terms, count, secrets, trades, mark } = feeds;
    [this.#domain, this.#terms, this.#count, this.#secrets] = [domain, terms, count, secrets];
    this.#index = this.#last = mark;
    for (const { time, price } of trades) {
      const epoch = divCeil(time, terms.pricing.epochLength);
      const others = this.#trades.get(epoch);
      if (others) others.push(price);
      else this.#trades.set(epoch, [price]);
    }
  }

  /** Reports of a quorum, in which each feed is left out at times. @param epoch  above the last one that was asked for */
  quorum(epoch: bigint): SignedReport[] {
    const numbers = this.#numbers(epoch);
    const contracts = contractsHash(this.#terms.instruments);
    const missing = this.#count - quorumOf(this.#count);
    const present = Array.from({ length: this.#count }, (_, feed) => feed).filter(
      (feed) => (feed + Number(epoch)) % this.#count >= missing,
    );
    return present.map((feed) => {
      const report = { domain: this.#domain, contracts, epoch, ...asSeenBy(feed, epoch, numbers) };
      const auth = this.#secrets ? sign(this.#secrets[feed], reportHash(report)) : { R8x: 0n, R8y: 0n, S: 0n };
      return { feed, report, auth };
    });
  }

  #numbers(epoch: bigint): Numbers {
    const { epochLength } = this.#terms.pricing;
    this.#history ??= noHistory(epochLength, epoch - 1n);
    while (this.#history.epoch < epoch) {
      const over = this.#history.epoch + 1n;
      const prices = this.#trades.get(over) ?? [];
      if (prices.length > 0) [this.#index, this.#last] = [median(prices), prices.at(-1)!];
      const observation = {
        time: over * epochLength,
        index: this.#index,
        values: new Map([["perpetual", this.#last]]),
      };
      this.#history = advance(this.#history, over, [observation], [this.#terms]);
    }
    const outcome = numbersOf(this.#history, this.#terms, { warmUp: 1 });
    if (outcome.ok) return { ...outcome.numbers, premium: 0n };
    const values = Array.from({ length: INSTRUMENTS }, (_, i) => (i === 0 ? this.#last : 0n));
    return { index: this.#index, average: this.#index, sigma: FIRST_SIGMA, premium: 0n, values };
  }
}

/** Every number moved by the same few millionths; 0 stays 0. */
function asSeenBy(feed: number, epoch: bigint, { index, average, sigma, premium, values }: Numbers): Numbers {
  const parts = BigInt((mix(256 * Number(epoch) + feed) % (2 * DISAGREEMENT + 1)) - DISAGREEMENT);
  const moved = (x: bigint) => (x === 0n ? 0n : max(1n, min(MOST_REPORTED, x + (x * parts) / 1_000_000n)));
  return { index: moved(index), average: moved(average), sigma: moved(sigma), premium, values: values.map(moved) };
}
