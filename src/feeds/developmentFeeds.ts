import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { publicKey, sign, type Point } from "../protocol/eddsa.ts";
import { outOfRange } from "../protocol/errors.ts";
import { contractsHash, type Instruments } from "../protocol/instrument.ts";
import { divCeil, max, min } from "../protocol/numbers.ts";
import type { Pricing } from "../protocol/prices.ts";
import { NO_PREMIUM, quorumOf, reportHash, type Numbers, type SignedReport } from "../protocol/report.ts";
import { advance, HALF_LIFE, meanIndex, noHistory, numbersOf } from "./computation.ts";
import { requireTerms, settlementKey, type History } from "./computation.ts";
import { MOST_REPORTED, quoteNames, type Observation } from "./observation.ts";
import { PricePath } from "./pricePath.ts";

export interface DevelopmentFeedsOptions {
  /** of prices and of the feeds' keys: who knows it can sign for all of them */
  readonly seed: number | Uint8Array;
  /** 3f + 1 */
  readonly feeds: number;
  /** cash units a lot at `startTime`, 1 to 2^36 */
  readonly startPrice: bigint;
  /** seconds since 1970; there are prices before it as well */
  readonly startTime: bigint;
  /** from that second on the index is lower by this part of it, 0 < by < 1 */
  readonly crash?: { readonly at: bigint; readonly by: number } | null;
}

/** Epochs that prices of development remember for sigma: ten half-lives, but no more than this. */
const MEMORY = 600n;
/** Seen in an epoch at most. */
const LOOKS = 6n;
const MOST_SETTLED = 64;
/** By which feeds differ from each other at most, millionths. */
const DISAGREEMENT = 20;

/**
 * All feeds of a venue for DEVELOPMENT, in one process: their prices are made up, and their keys follow from the seed, so that
 * what they sign says nothing to anybody. Reports are a function of seed, start, crash, rules and epoch, in whatever order
 * they are asked for.
 */
export class DevelopmentFeeds {
  /** by number */
  readonly keys: readonly Point[];
  readonly #secrets: readonly Uint8Array[];
  readonly #path: PricePath;
  /** what the last report was computed from, and the epoch that its history begins with */
  #last: { terms: string; from: bigint; history: History } | null = null;
  /** the last few settlement averages */
  readonly #settled = new Map<string, bigint>();

  /** @throws OUT_OF_RANGE */
  constructor({ seed, feeds, startPrice, startTime, crash = null }: DevelopmentFeedsOptions) {
    quorumOf(feeds);
    if (startPrice < 1n || startPrice > 1n << 36n) throw outOfRange("startPrice", "1 to 2^36");
    if (startTime < 0n || startTime >= 1n << 33n) throw outOfRange("startTime", "seconds below 2^33");
    if (crash && !(crash.by > 0 && crash.by < 1)) throw outOfRange("crash.by", "a part between 0 and 1");
    const bytes = typeof seed === "number" ? utf8ToBytes(String(seed)) : seed;
    const derived = (what: string) => hkdf(sha256, bytes, undefined, utf8ToBytes(`tacit development ${what}`), 32);
    this.#path = new PricePath({ seed: derived("prices"), startPrice, startTime, crash });
    this.#secrets = Array.from({ length: feeds }, (_, i) => derived(`feed ${i}`));
    this.keys = this.#secrets.map(publicKey);
  }

  /** What all feeds say of an epoch, at least 1, by number. @throws OUT_OF_RANGE */
  reports(domain: bigint, instruments: Instruments, pricing: Pricing, epoch: bigint): SignedReport[] {
    const numbers = this.numbers(instruments, pricing, epoch);
    const contracts = contractsHash(instruments);
    return this.#secrets.map((secret, feed) => {
      const report = { domain, contracts, epoch, ...this.#asSeenBy(feed, epoch, numbers) };
      return { feed, report, auth: sign(secret, reportHash(report)) };
    });
  }

  /** What is true of an epoch: each feed sees it a little otherwise. @throws OUT_OF_RANGE */
  numbers(instruments: Instruments, pricing: Pricing, epoch: bigint): Numbers {
    if (epoch < 1n) throw outOfRange("epoch", "at least 1");
    const terms = { instruments, pricing };
    requireTerms(terms, pricing.epochLength);
    const end = epoch * pricing.epochLength;
    const settled = instruments.flatMap((it): [string, bigint][] => {
      const { expiry } = it?.contract ?? { expiry: 0n };
      return expiry === 0n || expiry > end
        ? []
        : [[settlementKey(expiry, pricing.window), this.#settle(pricing, expiry)]];
    });
    const history = { ...this.#historyAt(instruments, pricing, epoch), settled: new Map(settled) };
    const outcome = numbersOf(history, terms, { warmUp: 1 });
    // The first epoch of all has no return before it.
    if (!outcome.ok) throw outOfRange("epoch", "at least 2, that there is a return");
    return outcome.numbers;
  }

  /** Begins so far back that nothing older counts, at a multiple of that, from where one epoch follows the other. */
  #historyAt(instruments: Instruments, pricing: Pricing, epoch: bigint): History {
    const { epochLength, window, fundingEvery } = pricing;
    const halves = min(MEMORY, divCeil(10n * BigInt(HALF_LIFE), epochLength));
    const memory = max(halves, max(divCeil(window, epochLength), fundingEvery));
    const from = max(0n, (epoch / memory - 1n) * memory);
    const terms = `${contractsHash(instruments)} ${[epochLength, pricing.grid, window, fundingEvery].join(" ")}`;
    const last = this.#last?.terms === terms && this.#last.from === from ? this.#last.history : null;
    let history = last && last.epoch <= epoch ? last : noHistory(epochLength, from);
    while (history.epoch < epoch) history = this.#next(history, instruments, pricing, history.epoch + 1n === epoch);
    this.#last = { terms, from, history };
    return history;
  }

  /** The average of an expiry that is over, by what led to it. */
  #settle(pricing: Pricing, expiry: bigint): bigint {
    const { epochLength, window } = pricing;
    const key = `${settlementKey(expiry, window)}/${epochLength}`;
    const known = this.#settled.get(key);
    if (known !== undefined) return known;
    let history = noHistory(epochLength, max(0n, (expiry - window) / epochLength - 1n));
    while (history.epoch < expiry / epochLength) history = this.#next(history, [], pricing, false);
    const average = meanIndex(history.samples, epochLength, expiry - window, expiry)!;
    if (this.#settled.size >= MOST_SETTLED) this.#settled.clear();
    this.#settled.set(key, average);
    return average;
  }

  /** @param all  whether it is the epoch asked for: of those before it no value but the perpetual's counts */
  #next(history: History, instruments: Instruments, pricing: Pricing, all: boolean): History {
    const { epochLength } = pricing;
    const epoch = history.epoch + 1n;
    const start = history.epoch * epochLength;
    const looks = min(LOOKS, epochLength);
    const observations = Array.from({ length: Number(looks) }, (_, i) => {
      const time = start + (epochLength * BigInt(i + 1)) / looks;
      return this.#observe(time, all && i + 1 === Number(looks) ? instruments : []);
    });
    return advance(history, epoch, observations, [{ instruments, pricing }]);
  }

  #observe(time: bigint, instruments: Instruments): Observation {
    const at = Number(time);
    const index = this.#path.price(at);
    const price = (x: number) => max(1n, min(MOST_REPORTED, BigInt(Math.round(x))));
    const values = new Map([["perpetual", price(index * (1 + this.#path.premium(at)))]]);
    const names = quoteNames(instruments);
    instruments.forEach((it, i) => {
      const name = names[i];
      if (!it || name === null || name === "perpetual") return;
      const { expiry, strike } = it.contract;
      if (strike === 0n) values.set(name, price(index * (1 + this.#path.basis(Number(expiry) - at))));
      else values.set(name, BigInt(Math.round(this.#path.volatility(index, Number(strike)) * 2 ** 24)));
    });
    return { time, index: price(index), values };
  }

  /** Every number moved by the same few millionths; 0 stays 0. */
  #asSeenBy(feed: number, epoch: bigint, { premium, values, ...rest }: Numbers): Numbers {
    const parts = BigInt(Math.round((2 * this.#path.unit(100 + feed, Number(epoch)) - 1) * DISAGREEMENT));
    const moved = (x: bigint) => (x === 0n ? 0n : max(1n, min(MOST_REPORTED, x + (x * parts) / 1_000_000n)));
    return {
      index: moved(rest.index),
      average: moved(rest.average),
      sigma: moved(rest.sigma),
      premium: premium === 0n ? 0n : premium + ((premium - NO_PREMIUM) * parts) / 1_000_000n,
      values: values.map(moved),
    };
  }
}
