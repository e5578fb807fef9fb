import { outOfRange, TacitError } from "../protocol/errors.ts";
import { isPerpetual, type Contract, type Instruments } from "../protocol/instrument.ts";
import { fromTypedJson, toTypedJson } from "../protocol/json.ts";
import { divCeil, divFloor, max, min } from "../protocol/numbers.ts";
import type { Pricing } from "../protocol/prices.ts";
import { NO_PREMIUM, type Numbers } from "../protocol/report.ts";
import { MOST_REPORTED, quoteNames, type Observation } from "./observation.ts";

/**
 * The numbers of a report from what a source saw (docs/feeds.md, "What is signed"). Pure: no clock, no input or output. Epoch e
 * is the time from (e - 1) L to e L, and e L belongs to it. A price counts from its second on until there is another, and for L
 * seconds at most.
 */

/** In which the weight of a return halves, seconds. */
export const HALF_LIFE = 3_600;
/** 365 days, seconds. */
export const YEAR = 31_536_000;
/** Returns after which a feed signs unless it is told otherwise. */
export const WARM_UP = 10;

interface Quote {
  readonly value: bigint;
  readonly time: bigint;
}

/** What an epoch adds to averages. */
export interface Sample {
  readonly epoch: bigint;
  /** in which an index was known, and the sum of it over them */
  readonly seconds: bigint;
  readonly index: bigint;
  /** the same of perpetual less index, where both were known */
  readonly bothSeconds: bigint;
  readonly premium: bigint;
}

/** sigma^2 = sum / weight an epoch. */
interface Variance {
  readonly sum: number;
  readonly weight: number;
  readonly returns: number;
  /** at the end of which the last return ended, and where */
  readonly epoch: bigint;
  readonly index: bigint;
}

/** All that a feed has to remember of what it saw. */
export interface History {
  /** L, seconds */
  readonly epochLength: bigint;
  /** the last that is over and counted */
  readonly epoch: bigint;
  readonly index: Quote | null;
  /** by name */
  readonly values: ReadonlyMap<string, Quote>;
  readonly variance: Variance | null;
  /** in rising order of epochs, those that some average may need */
  readonly samples: readonly Sample[];
  /** settlement averages, by expiry and window */
  readonly settled: ReadonlyMap<string, bigint>;
}

/** What a set of rules says about reports. */
export interface Terms {
  readonly instruments: Instruments;
  readonly pricing: Pick<Pricing, "epochLength" | "grid" | "window" | "fundingEvery">;
}

/** Before the first epoch that counts. */
export function noHistory(epochLength: bigint, epoch: bigint): History {
  const none = { index: null, values: new Map<string, Quote>(), variance: null, samples: [], settled: new Map() };
  return { epochLength, epoch, ...none };
}

/** @throws OUT_OF_RANGE  where epochs have another length than before */
export function requireTerms({ pricing }: Terms, epochLength: bigint): void {
  if (pricing.epochLength !== epochLength) throw outOfRange("pricing.epochLength", `${epochLength}, as it was`);
}

/**
 * The history at the end of an epoch.
 * @param epoch         above the last
 * @param observations  with times of this epoch, in rising order
 * @param terms         of all sets that are signed for
 */
export function advance(
  before: History,
  epoch: bigint,
  observations: readonly Observation[],
  terms: readonly Terms[],
): History {
  const { epochLength } = before;
  const end = epoch * epochLength;
  let { index } = before;
  const values = new Map(before.values);
  const sample = { epoch, seconds: 0n, index: 0n, bothSeconds: 0n, premium: 0n };
  const count = (from: bigint, to: bigint) => {
    const until = (quote: Quote | null | undefined) => (quote ? min(to, quote.time + epochLength) : from);
    const perpetual = values.get("perpetual");
    const seconds = max(0n, until(index) - from);
    const both = max(0n, min(until(index), until(perpetual)) - from);
    sample.seconds += seconds;
    sample.index += seconds * (index?.value ?? 0n);
    sample.bothSeconds += both;
    sample.premium += both * ((perpetual?.value ?? 0n) - (index?.value ?? 0n));
  };
  let at = end - epochLength;
  for (const { time, index: seen, values: others } of observations) {
    if (time < at || time > end || time === end - epochLength)
      throw outOfRange("observation.time", "a time of the epoch, not before the last one");
    count(at, time);
    if (seen !== null) index = { value: seen, time };
    for (const [name, value] of others) values.set(name, { value, time });
    at = time;
  }
  count(at, end);
  const needed = needs(terms, epochLength);
  const samples = [...before.samples, sample];
  const settled = new Map<string, bigint>();
  for (const { expiry, window } of needed.settlements) {
    const key = settlementKey(expiry, window);
    const average =
      before.settled.get(key) ?? (expiry > end ? null : meanIndex(samples, epochLength, expiry - window, expiry));
    if (average !== null) settled.set(key, average);
  }
  for (const name of values.keys()) if (!needed.names.has(name)) values.delete(name);
  const variance = isFresh(index, end, epochLength)
    ? nextVariance(before.variance, { epoch, index: index.value, epochLength })
    : before.variance;
  // Not before: an expiry may lie in epochs that nothing was seen of.
  const kept = samples.filter((it) => it.epoch > epoch - needed.epochs);
  return { epochLength, epoch, index, values, variance, samples: kept, settled };
}

/** What has to be remembered for these. */
function needs(terms: readonly Terms[], epochLength: bigint) {
  const names = new Set(["perpetual"]);
  const settlements = new Map<string, { expiry: bigint; window: bigint }>();
  let epochs = 1n;
  for (const { instruments, pricing } of terms) {
    epochs = max(epochs, max(divCeil(pricing.window, epochLength), pricing.fundingEvery));
    for (const name of quoteNames(instruments)) if (name !== null) names.add(name);
    for (const it of instruments) {
      const { expiry } = it?.contract ?? { expiry: 0n };
      if (expiry !== 0n) settlements.set(settlementKey(expiry, pricing.window), { expiry, window: pricing.window });
    }
  }
  return { names, epochs, settlements: [...settlements.values()] };
}

/** Of a settlement average in `History.settled`. */
export const settlementKey = (expiry: bigint, window: bigint) => `${expiry}/${window}`;

function isFresh(quote: Quote | null | undefined, end: bigint, epochLength: bigint): quote is Quote {
  return !!quote && end - quote.time < epochLength;
}

/**
 * Exponentially weighted mean of squared log returns, an epoch: the weight of each halves in HALF_LIFE. A return over k epochs
 * that had none between counts as k, each of a k-th of its square. Weights are divided by their sum, so that the first returns
 * need no value before them.
 * @source J.P. Morgan/Reuters, RiskMetrics - Technical Document, 4th edition, 1996, chapter 5
 */
function nextVariance(
  before: Variance | null,
  { epoch, index, epochLength }: { epoch: bigint; index: bigint; epochLength: bigint },
): Variance {
  if (!before) return { sum: 0, weight: 0, returns: 0, epoch, index };
  const epochs = Number(epoch - before.epoch);
  const kept = 0.5 ** ((epochs * Number(epochLength)) / HALF_LIFE);
  const change = Math.log(Number(index) / Number(before.index));
  return {
    sum: kept * before.sum + ((1 - kept) * change * change) / epochs,
    weight: kept * before.weight + (1 - kept),
    returns: before.returns + 1,
    epoch,
    index,
  };
}

/** Mean of the index over (after, upTo], rounded down, of the epochs that end in it; null where half of it is not known. */
export function meanIndex(samples: readonly Sample[], epochLength: bigint, after: bigint, upTo: bigint): bigint | null {
  let [sum, seconds] = [0n, 0n];
  for (const { epoch, seconds: known, index } of samples) {
    const end = epoch * epochLength;
    if (end <= after || end > upTo) continue;
    sum += index;
    seconds += known;
  }
  const elapsed = (divFloor(upTo, epochLength) - divFloor(after, epochLength)) * epochLength;
  return seconds > 0n && 2n * seconds >= elapsed ? sum / seconds : null;
}

/** Numbers of the last epoch, or what there is not enough of for a report. */
export type Outcome =
  | { readonly ok: true; readonly numbers: Numbers }
  | { readonly ok: false; readonly lacks: "index" | "average" | "sigma" };

/** @param warmUp  returns, at least 1, before which there is no sigma */
export function numbersOf(history: History, { instruments, pricing }: Terms, { warmUp = WARM_UP } = {}): Outcome {
  const { epochLength, epoch, samples } = history;
  const end = epoch * epochLength;
  if (!isFresh(history.index, end, epochLength)) return { ok: false, lacks: "index" };
  const index = history.index.value;
  const average = averageOf(history, pricing);
  if (average === null) return { ok: false, lacks: "average" };
  const { variance } = history;
  if (!variance || variance.returns < Math.max(1, warmUp)) return { ok: false, lacks: "sigma" };
  const values = instruments.map((it, slot) =>
    it ? valueOf(history, { instruments, pricing }, { contract: it.contract, slot, average }) : 0n,
  );
  const isMarked = !!instruments[0] && isPerpetual(instruments[0].contract);
  const premium = isMarked ? premiumOf(samples, epoch - pricing.fundingEvery) : 0n;
  return { ok: true, numbers: { index, average, sigma: sigmaOf(variance, epochLength), premium, values } };
}

/** Of the index over what has elapsed of (k D - window, k D]; outside of one, the index. */
function averageOf({ epochLength, epoch, index, samples }: History, { grid, window }: Terms["pricing"]): bigint | null {
  const end = epoch * epochLength;
  const after = divCeil(end, grid) * grid - window;
  return end > after ? meanIndex(samples, epochLength, after, end) : index!.value;
}

/** A year's volatility, 2^-24: at least 1, as 0 means that there is none. */
function sigmaOf({ sum, weight }: Variance, epochLength: bigint): bigint {
  const yearly = Math.sqrt(((sum / weight) * YEAR) / Number(epochLength));
  return inRange(BigInt(Math.round(Math.min(yearly, 2 ** 16) * 2 ** 24)));
}

/** 2^39 + the mean of perpetual less index since the end of an epoch, rounded down; 0 where nothing of it is known. */
function premiumOf(samples: readonly Sample[], after: bigint): bigint {
  const counted = samples.filter(({ epoch }) => epoch > after);
  const seconds = counted.reduce((sum, { bothSeconds }) => sum + bothSeconds, 0n);
  if (seconds === 0n) return 0n;
  return inRange(NO_PREMIUM + divFloor(counted.reduce((sum, { premium }) => sum + premium, 0n), seconds)); // prettier-ignore
}

function valueOf(
  { epochLength, epoch, values, settled }: History,
  { instruments, pricing }: Terms,
  { contract, slot, average }: { contract: Contract; slot: number; average: bigint },
): bigint {
  const end = epoch * epochLength;
  const { expiry } = contract;
  if (expiry !== 0n && expiry <= end) {
    const at = settled.get(settlementKey(expiry, pricing.window));
    return at === undefined ? 0n : inRange(1n + at);
  }
  const name = quoteNames(instruments)[slot];
  const quote = name === null ? undefined : values.get(name);
  if (!isFresh(quote, end, epochLength)) return 0n;
  const left = expiry - end;
  if (name !== `future/${expiry}` || left >= pricing.window) return inRange(quote.value);
  return forwardOfRest({ mark: quote.value, average, left, window: pricing.window });
}

/**
 * The forward of what is not fixed: with it, fixed and live part of `settlement` (src/protocol/prices.ts) add up to the mark.
 * @param left  seconds to the expiry, less than the window
 */
export function forwardOfRest({
  mark,
  average,
  left,
  window,
}: Record<"mark" | "average" | "left" | "window", bigint>): bigint {
  const fixed = (average * (window - left)) / window;
  return inRange(divCeil((mark - fixed) * window, left));
}

function inRange(x: bigint): bigint {
  return max(1n, min(MOST_REPORTED, x));
}

/** For a file. @throws nothing */
export function historyText(history: History): string {
  return toTypedJson({ ...history, values: [...history.values], settled: [...history.settled] });
}

/** @throws HISTORY  when it is no text of `historyText` */
export function readHistory(text: string): History {
  try {
    const { values, settled, ...rest } = fromTypedJson(text);
    if (typeof rest.epochLength !== "bigint" || typeof rest.epoch !== "bigint" || !Array.isArray(rest.samples))
      throw new Error();
    return { ...rest, values: new Map(values), settled: new Map(settled) };
  } catch {
    throw new TacitError("HISTORY", "this is no history of a feed: expected a file that a feed wrote");
  }
}

/** Names of what a source may quote under these rules, by slot, for whoever sets one up. */
export function quotesOf(instruments: Instruments): { slot: number; name: string }[] {
  return quoteNames(instruments).flatMap((name, slot) => (name === null ? [] : [{ slot, name }]));
}
