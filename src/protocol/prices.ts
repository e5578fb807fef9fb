import { isOption, isPerpetual, isPut, type Contract, type Instruments } from "./instrument.ts";
import { TacitError } from "./errors.ts";
import { vectorHash, vectorHashes, type MarketRules } from "./market.ts";
import { abs, divFloor, max, min, requireBits, toField } from "./numbers.ts";
import { instrumentValues, weighted, type Level, type Scenario as Move, type Shocks } from "./optionValue.ts";
import { BITS, INSTRUMENTS } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";
import { NO_PREMIUM, type Numbers } from "./report.ts";

/**
 * Prices (docs/protocol.md, section 9): what a quorum's medians make of the prices before. No account and no order is written
 * by them: marks, range, funding, charges and payoffs are words of one register, and every equity is a product with them.
 * @twins circuits/instructions/reprice.circom
 */

/** A row of the scenario table; the first is the mark. */
export interface Scenario extends Move {
  /** 64ths of the change of value that count, 0 to 64 */
  readonly weight: bigint;
}

/** How the rules of a group make prices of reports. */
export interface Pricing extends Omit<Shocks, "range" | "scenarios"> {
  /** L: seconds of an epoch, of which an expiry is a multiple. Never changes */
  readonly epochLength: bigint;
  /** seconds after the end of an epoch before which its prices count for no entry */
  readonly lag: bigint;
  /** D: seconds that expiries are multiples of, a multiple of L. Never changes */
  readonly grid: bigint;
  /** seconds before an expiry over which the index is averaged, at most D */
  readonly window: bigint;
  readonly scenarios: readonly Scenario[];
  /** a 24th of the range, in 2^-24, is `horizon` sigma / 2^24, between floor and cap */
  readonly horizon: bigint;
  readonly rangeFloor: bigint;
  readonly rangeCap: bigint;
  /** N: epochs between times when funding is paid */
  readonly fundingEvery: bigint;
  /** n: what part of the premium is paid then */
  readonly fundingDivisor: bigint;
  /** c: the greatest premium that counts, 2^-16 of the index */
  readonly fundingClamp: bigint;
  /** greatest move of the index from one epoch to the next that halts nothing, 2^-16 of it */
  readonly step: bigint;
  /** greatest distance of the perpetual's mark from the index, 2^-16 of it */
  readonly markBand: bigint;
}

/** Codes of the levels of volatility. */
export const LEVEL = { asItIs: 0, raised: 1, lowered: 2 } as const satisfies Record<Level, number>;
/** Epochs that count at most for how the range may rise: 5/4 each. */
export const MAX_RISES = 16n;
const MAX_FUNDING = (1n << 40n) - 1n;

/** One market's row of the prices; absent (null) where it is stale. */
export interface MarketPrices {
  /** R: the mark, rounded down to the tick */
  readonly mark: bigint;
  /** sum of legs times cumulative funding, cash units per lot */
  readonly funding: bigint;
  /** sum of |leg| times the greater charge: margin that a lot costs beside its value, cash units */
  readonly gross: bigint;
  /** least and greatest of `values`, widened by `gross` */
  readonly low: bigint;
  readonly high: bigint;
  /** sum_i w_i U_ik for each scenario k, cash units per lot */
  readonly values: readonly bigint[];
}

export interface Prices {
  /** root of the rules under which they were computed, 0 of none */
  readonly rules: bigint;
  /** 0: none yet */
  readonly epoch: bigint;
  /** the index moved more than a step: nothing of this epoch counts as fresh */
  readonly halted: boolean;
  /** by instrument: its value, or what it is valued by, is of an earlier epoch */
  readonly stale: readonly boolean[];
  /** by instrument, cash units a lot in each scenario but the mark; 0 once settled */
  readonly longCharges: readonly bigint[];
  readonly shortCharges: readonly bigint[];
  /** by instrument: of its square in the limit on positions */
  readonly weights: readonly bigint[];
  readonly index: bigint;
  /** a 24th of the range of moves, 2^-24 */
  readonly range: bigint;
  /** F: cumulative funding of slot 0, cash units per lot */
  readonly funding: bigint;
  /** what funding has not been paid for want of a whole unit, `fundingDivisor`ths, at least 0 */
  readonly fundingRest: bigint;
  /** by instrument: the last number reported of it before its expiry */
  readonly last: readonly bigint[];
  /** by instrument: 1 + what it settled at, 0 before */
  readonly payoffs: readonly bigint[];
  /** U[k][i]: value of instrument i in scenario k, net of funding; k = 0 is the mark */
  readonly values: readonly (readonly bigint[])[];
  readonly markets: readonly (MarketPrices | null)[];
}

/** What `reprice` needs of the rules. */
export interface PricedRules {
  readonly root: bigint;
  readonly pricing: Pricing;
  readonly instruments: Instruments;
  readonly markets: readonly (MarketRules | null)[];
}

/** Before the first REPRICE. */
export function noPrices({ pricing, markets }: Pick<PricedRules, "pricing" | "markets">): Prices {
  const none = Array<bigint>(INSTRUMENTS).fill(0n);
  return {
    rules: 0n,
    epoch: 0n,
    halted: false,
    stale: none.map(() => false),
    longCharges: none,
    shortCharges: none,
    weights: none,
    index: 0n,
    range: 0n,
    funding: 0n,
    fundingRest: 0n,
    last: none,
    payoffs: none,
    values: pricing.scenarios.map(() => none),
    markets: markets.map(() => null),
  };
}

/**
 * The prices of an epoch.
 * @param before   of an earlier epoch; or of the same one under other rules: then what has a history stays as it is
 * @param numbers  medians of a quorum's reports; index, average and sigma above 0
 */
export function reprice(rules: PricedRules, before: Prices, epoch: bigint, numbers: Numbers): Prices {
  const { pricing, instruments, markets } = rules;
  const end = epoch * pricing.epochLength;
  const history = epoch === before.epoch ? sameHistory(pricing, before) : nextHistory(rules, before, epoch, numbers);
  const contracts = instruments.map((it) => it?.contract ?? null);
  const isSettled = (i: number) => history.payoffs[i] !== 0n;
  const stale = staleAt(rules, before, epoch, numbers.values);
  const expired = contracts.map((it) => !!it && isExpired(it, end));
  const last = contracts.map((contract, i) => {
    if (!contract) return 0n;
    const reported = expired[i] || isSettled(i) ? 0n : numbers.values[i];
    const value = reported === 0n ? before.last[i] : reported;
    return isPerpetual(contract) ? nearIndex(pricing, value, history.index) : value;
  });
  const shocks = { ...pricing, range: history.range, scenarios: pricing.scenarios.slice(1) };
  const values = contracts.map((contract, i): bigint[] => {
    const carried = i === 0 ? history.funding : 0n;
    if (!contract) return pricing.scenarios.map(() => 0n);
    if (isSettled(i)) return pricing.scenarios.map(() => history.payoffs[i] - 1n - carried);
    const [mark, ...others] = contractValues(pricing, contract, i, { last, end, average: numbers.average }, shocks);
    const moved = others.map((value, k) => mark + weighted({ value, mark, weight: shocks.scenarios[k].weight }));
    return [mark, ...moved].map((value) => value - carried);
  });
  const charge = (name: "longCharge" | "shortCharge") =>
    instruments.map((it, i) => (it && !isSettled(i) ? it[name] : 0n));
  const prices = {
    ...history,
    rules: rules.root,
    epoch,
    stale,
    longCharges: charge("longCharge"),
    shortCharges: charge("shortCharge"),
    weights: instruments.map((it) => it?.weight ?? 0n),
    last,
    values: pricing.scenarios.map((_, k) => values.map((of) => of[k])),
  };
  const isOut = (i: number) => !contracts[i] || isSettled(i) || stale[i];
  return { ...prices, markets: markets.map((row) => row && marketPrices(row, prices, isOut)) };
}

/** What says which numbers are needed. */
type Contracts = Pick<PricedRules, "pricing" | "instruments">;

/**
 * By instrument, whether the number that it needs is none. An option that borrows its volatility needs none until it expires; what
 * is settled needs none.
 */
export function missingAt(
  { pricing, instruments }: Contracts,
  { payoffs }: Pick<Prices, "payoffs">,
  epoch: bigint,
  values: readonly bigint[],
): boolean[] {
  const end = epoch * pricing.epochLength;
  return instruments.map((it, i) => {
    if (!it || payoffs[i] !== 0n || values[i] !== 0n) return false;
    const { contract } = it;
    return isExpired(contract, end) || !isOption(contract) || contract.volatility === BigInt(i);
  });
}

/**
 * By instrument, whether prices of these numbers would leave it stale: not settled, and missing, or expired, or an option valued by
 * what is.
 */
export function staleAt(
  rules: Contracts,
  before: Pick<Prices, "epoch" | "payoffs">,
  epoch: bigint,
  values: readonly bigint[],
): boolean[] {
  const payoffs = payoffsAt(rules, before, epoch, values);
  const end = epoch * rules.pricing.epochLength;
  // What has expired has no value until it is settled, which it is in no second step of one epoch.
  const missing = missingAt(rules, { payoffs }, epoch, values).map((it, i) => {
    const instrument = rules.instruments[i];
    return it || (!!instrument && payoffs[i] === 0n && isExpired(instrument.contract, end));
  });
  return rules.instruments.map((it, i) => {
    if (!it || payoffs[i] !== 0n) return false;
    const { contract } = it;
    const isValuedBy = isOption(contract) ? [contract.forward, contract.volatility] : [];
    return missing[i] || isValuedBy.some((of) => missing[Number(of)]);
  });
}

/**
 * Values V of a contract that is not settled, at the mark and in each row of `shocks`, cash units a lot, gross of funding.
 * @param slot  of the contract
 * @param at    marks and volatilities by slot, the end of the epoch, and the average of the settlement window
 */
export function contractValues(
  pricing: Pricing,
  contract: Contract,
  slot: number,
  at: { readonly last: readonly bigint[]; readonly end: bigint; readonly average: bigint },
  shocks: Shocks,
): bigint[] {
  const forward = at.last[isOption(contract) ? Number(contract.forward) : slot];
  return instrumentValues(
    {
      kind: isOption(contract) ? (isPut(contract) ? "put" : "call") : "linear",
      ...settlement(pricing, contract, at.end, forward, at.average),
      strike: contract.strike,
      volatility: isOption(contract) ? at.last[Number(contract.volatility)] : 0n,
      tau: max(0n, contract.expiry - at.end),
    },
    shocks,
  );
}

/** Under other rules nothing that has a history moves, but for the range: what the new bounds on it promise must hold. */
function sameHistory({ rangeFloor, rangeCap }: Pricing, before: Prices): Prices {
  return { ...before, range: max(rangeFloor, min(rangeCap, before.range)) };
}

/** What is carried from epoch to epoch: index, halt, range, funding, payoffs. */
function nextHistory(rules: PricedRules, before: Prices, epoch: bigint, { index, sigma, premium, values }: Numbers) {
  const { pricing, instruments } = rules;
  const isFirst = before.epoch === 0n;
  const halted = !isFirst && abs(index - before.index) << 16n > pricing.step * before.index;
  const range = nextRange(pricing, isFirst ? null : before.range, epoch - before.epoch, sigma);
  const perpetual = instruments[0] && isPerpetual(instruments[0].contract);
  const due = !isFirst && perpetual && epoch / pricing.fundingEvery > before.epoch / pricing.fundingEvery;
  const { funding, fundingRest } = due ? nextFunding(pricing, before, index, premium) : before;
  const payoffs = payoffsAt(rules, before, epoch, values);
  return { halted, index, range, funding, fundingRest, payoffs };
}

/** What has expired is latched once, by a number that is not 0, in an epoch that is not the same. */
function payoffsAt(
  { pricing, instruments }: Contracts,
  before: Pick<Prices, "epoch" | "payoffs">,
  epoch: bigint,
  values: readonly bigint[],
): readonly bigint[] {
  if (epoch === before.epoch) return before.payoffs;
  const end = epoch * pricing.epochLength;
  return instruments.map((it, i) => {
    if (!it || before.payoffs[i] !== 0n || !isExpired(it.contract, end) || values[i] === 0n) return before.payoffs[i];
    return 1n + payoff(it.contract, values[i] - 1n);
  });
}

function isExpired({ expiry }: Contract, end: bigint): boolean {
  return expiry !== 0n && expiry <= end;
}

/**
 * A 24th of the range, 2^-24: max(floor, min(cap, horizon sigma, R (5/4)^min(epochs, 16))).
 * @param before  R of the epoch before, null: none, as if it had been the cap
 */
export function nextRange(pricing: Pricing, before: bigint | null, epochs: bigint, sigma: bigint): bigint {
  const { horizon, rangeFloor, rangeCap } = pricing;
  const rises = min(epochs, MAX_RISES);
  const risen = before === null ? rangeCap : (before * 5n ** rises) / 4n ** rises;
  return max(rangeFloor, min(rangeCap, min((horizon * sigma) >> 24n, risen)));
}

/** F += floor((p + rest) / n), p the premium within the clamp: longs pay where it is above 0. */
export function nextFunding(
  { fundingClamp, fundingDivisor }: Pricing,
  { funding, fundingRest }: Pick<Prices, "funding" | "fundingRest">,
  index: bigint,
  premium: bigint,
): Pick<Prices, "funding" | "fundingRest"> {
  const bound = (fundingClamp * index) >> 16n;
  const paid = max(-bound, min(bound, (premium === 0n ? NO_PREMIUM : premium) - NO_PREMIUM)) + fundingRest;
  const whole = divFloor(paid, fundingDivisor);
  return { funding: max(-MAX_FUNDING, min(MAX_FUNDING, funding + whole)), fundingRest: paid - whole * fundingDivisor };
}

/** What a contract pays a lot where the average settles it, cash units. */
export function payoff(contract: Contract, average: bigint): bigint {
  if (!isOption(contract)) return average;
  return max(0n, isPut(contract) ? contract.strike - average : average - contract.strike);
}

/** The parts of a forward that an average has fixed, and that still move: all of it before the settlement window. */
export function settlement(
  { window }: Pricing,
  { expiry }: Contract,
  end: bigint,
  forward: bigint,
  average: bigint,
): { fixed: bigint; live: bigint } {
  const left = expiry === 0n ? window : max(0n, min(window, expiry - end));
  return { fixed: (average * (window - left)) / window, live: (forward * left) / window };
}

function nearIndex({ markBand }: Pricing, mark: bigint, index: bigint): bigint {
  const band = (markBand * index) >> 16n;
  return max(index - band, min(index + band, mark));
}

/**
 * That prices of an epoch may follow others at a time.
 * @throws EPOCH  when the epoch is no later one, nor the same under other rules; or when it is not yet over by the lag
 */
export function requireEpoch({ root, pricing }: PricedRules, before: Prices, epoch: bigint, time: bigint): void {
  const { epochLength, lag } = pricing;
  const refuse = (expected: string) => new TacitError("EPOCH", `the epoch is not to be priced: expected ${expected}`, { expected }); // prettier-ignore
  requireBits("epoch", epoch, BITS.time);
  const isNext = epoch > before.epoch || (epoch === before.epoch && epoch > 0n && before.rules !== root);
  if (!isNext) throw refuse(`one after ${before.epoch}`);
  if (epoch * epochLength + lag > time) throw refuse(`one that ended ${lag} s before ${time}`);
}

/** Under which rules, and of which epoch, prices were made. */
type Made = Pick<Prices, "rules" | "epoch" | "halted">;

/** Of an entry at a time, the epoch whose prices count: floor((time - lag) / L). */
export function epochAt({ epochLength, lag }: Pick<Pricing, "epochLength" | "lag">, time: bigint): bigint {
  return divFloor(time - lag, epochLength);
}

/**
 * Whether prices count for an entry: made under the rules in force, not halted, and of the entry's epoch, or, of an order, of one
 * that is at most `late` before it.
 * @twins circuits/lib/tables.circom (Fresh)
 */
export function pricesFresh(prices: Made, pricing: Pricing, rulesInForce: bigint, time: bigint, late = 0n): boolean {
  if (prices.rules !== rulesInForce || prices.halted) return false;
  const epochs = epochAt(pricing, time) - prices.epoch;
  return epochs >= 0n && epochs <= late;
}

/** A market's row, null where a leg is free, settled or stale, or a number leaves its range. */
function marketPrices(
  row: MarketRules,
  { values, funding, longCharges, shortCharges }: Pick<Prices, "values" | "funding" | "longCharges" | "shortCharges">,
  isOut: (i: number) => boolean,
): MarketPrices | null {
  if (row.legs.some((leg, i) => leg !== 0n && isOut(i))) return null;
  const dot = (legs: readonly bigint[], xs: readonly bigint[]) => legs.reduce((sum, leg, i) => sum + leg * xs[i], 0n);
  const weighted = values.map((scenario) => dot(row.legs, scenario));
  const carried = row.legs[0] * funding;
  const mark = divFloor(weighted[0] + carried, row.tick) * row.tick;
  if (abs(mark) >= 1n << BigInt(BITS.price)) return null;
  const gross = dot(row.legs.map(abs), longCharges.map((charge, i) => max(charge, shortCharges[i]))); // prettier-ignore
  const [low, high] = [weighted.reduce(min) - gross, weighted.reduce(max) + gross];
  return { mark, funding: carried, gross, low, high, values: weighted };
}

/** The words of meta, in the order of its hash; stale has a bit an instrument. @twins circuits/lib/tables.circom */
export function pricesMetaParts(prices: Prices) {
  const { rules, epoch, halted, stale } = prices;
  const vectors = vectorHashes([prices.longCharges, prices.shortCharges, prices.weights]);
  const [longCharges, shortCharges, weights] = vectors;
  const bits = stale.reduce((sum, it, i) => sum + (it ? 1n << BigInt(i) : 0n), 0n);
  const history = historyHash(prices);
  return { rules, epoch, halted: halted ? 1n : 0n, stale: bits, longCharges, shortCharges, weights, history };
}

/** H_pricesMeta(rules, epoch, halted, stale, H_vector of long charges, short charges, weights, H_history) */
export function pricesMeta(prices: Prices): bigint {
  return hash("pricesMeta", Object.values(pricesMetaParts(prices)));
}

/** H_history(index, range, F, rest, H_vector(last), H_vector(payoffs)) */
export function historyHash({ index, range, funding, fundingRest, last, payoffs }: Prices): bigint {
  return hash("history", [index, range, toField(funding), fundingRest, ...vectorHashes([last, payoffs])]);
}

/** H_scenarios(H_vector(U[0]), ..., H_vector(U[S-1])) */
export function scenariosHash({ values }: Pick<Prices, "values">): bigint {
  return hash("scenarios", vectorHashes(values.map((scenario) => scenario.map(toField))));
}

/** Rows of markets: H_marketPrices(R, sum w F, gross, lo, hi, H_vector(W_0, ..., W_{S-1})), 0 of a stale one. */
export function pricesRows({ markets }: Pick<Prices, "markets">): bigint[] {
  const used = markets.flatMap((row) => (row ? [row] : []));
  const weighted = vectorHashes(used.map(({ values }) => values.map(toField)));
  const hashes = hashMany(
    "marketPrices",
    used.map(({ mark, funding, gross, low, high }, i) => [
      ...[mark, funding, gross, low, high].map(toField),
      weighted[i],
    ]),
  );
  let next = 0;
  return markets.map((row) => (row ? hashes[next++] : 0n));
}

/** prices = H_prices(meta, H_scenarios, H_vector(rows)) */
export function pricesRoot(prices: Prices): bigint {
  return hash("prices", [pricesMeta(prices), scenariosHash(prices), vectorHash(pricesRows(prices))]);
}
