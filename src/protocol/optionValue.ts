import { exp, ln, polynomial, rootFloor } from "./fixed.ts";
import { outOfRange } from "./errors.ts";
import { NORMAL_HEAD, NORMAL_SLOPE, NORMAL_TAIL } from "./normalTables.ts";
import { divFloor, max, min, requireBits, requireSigned } from "./numbers.ts";
import { FIRST_TENOR, FIXED, OPTION, TENORS, YEAR_UNITS } from "./parameters.ts";

/**
 * Values of options on a forward, without discount, in whole cash units: the formula of Black (1976, "The pricing of commodity
 * contracts"), call = F N(d1) - K N(d2), d1 = ln(F / K) / s + s / 2, d2 = d1 - s, s = volatility sqrt(time).
 * @twins circuits/lib/optionValue.circom
 *
 * The call is the greatest of F N(q + s/2) - K N(q - s/2) over all q. So an error of q, common to d1 and d2, costs only its
 * square, and one grid serves all: q is rounded so that one of the two lies on the grid, and the other is a number of the
 * grid and a rest, for which the density tells the change.
 *
 *     g      step of the grid, 11 / 2^14: 512 steps are a piece of 11/32, and 16 pieces reach 5.5
 *     s      in g / 4096 = 11 / 2^26: dev whole steps, and a half, and a rest in [-1/2, 1/2)
 *     score  q in g / 256: u + m w, u = ln(F / K) / s without a move, w = range / s
 *     ln, exp, volatilities per square root of a year of 365 days:  2^-24
 */

const MOST = (1n << BigInt(OPTION.dev + OPTION.rest)) - 1n;
const LEAST = 1n << BigInt(OPTION.least);
const HALF_REST = 1n << BigInt(OPTION.rest - 1);
const [ONE, UNIT] = [1n << BigInt(OPTION.scale), 1n << BigInt(FIXED.fraction)];
const STEP = BigInt(OPTION.step);
/** Bits of a number of the grid, and the number that stands for 0. */
const GRID_BITS = BigInt(OPTION.point + OPTION.piece + 1);
const ORIGIN = 1n << (GRID_BITS - 1n);
/** Above ORIGIN, or as many below, N is as good as 0 or 1. */
const REACH = ORIGIN >> 1n;
const POINT = BigInt(OPTION.point);

/** A deviation s = volatility sqrt(time) in 11 / 2^26, 64 <= s < 2^26: 4096 dev + rest + 2048. */
export interface Deviation {
  readonly s: bigint;
  /** 0 <= dev < 2^14 */
  readonly dev: bigint;
  /** -2048 <= rest < 2048 */
  readonly rest: bigint;
}

/** The nearest deviation to any number of units: between 2^6 and 2^26 - 1. */
export function deviation(units: bigint): Deviation {
  const s = max(LEAST, min(MOST, units));
  return { s, dev: s >> BigInt(OPTION.rest), rest: BigInt.asUintN(OPTION.rest, s) - HALF_REST };
}

/**
 * floor(sqrt(tau / year)) so that volatility times it is a deviation: units of 2^-28 (11 / 2^26) / 2^-24. Times of 2^28
 * seconds (8 years and a half) or more count as 2^28 - 1.
 * @param tau  seconds, 0 <= tau < 2^40
 * @returns 0 <= root < 2^29
 */
export function timeRoot(tau: bigint): bigint {
  const longest = (1n << BigInt(OPTION.longest)) - 1n;
  return rootFloor(min(requireBits("tau", tau, OPTION.input), longest) << BigInt(2 * OPTION.rootFraction), YEAR_UNITS);
}

/** What the value of a call is computed from. */
export interface Call {
  /** cash units, 0 <= forward < 2^46 */
  readonly forward: bigint;
  /** cash units, 0 <= strike <= 2^40 */
  readonly strike: bigint;
  /** ln(forward / strike) / s in g / 256, |score| < 2^42 */
  readonly score: bigint;
  readonly deviation: Pick<Deviation, "dev" | "rest">;
}

/**
 * Value of a call, cash units. Out of the money are F N(d1) and K N(d2) subtracted; in the money, where d2 >= 0, it is F - K
 * and a put, K N(-d2) - F N(-d1). Both tails are pieces of N(-y), y >= 0 of the smaller one. Rounded down.
 *
 * Where score, forward and strike fit together (instrumentValues sees to it): max(0, forward - strike) <= call <= forward.
 * For a call in the money forward may be 1 less than the strike, as it is rounded and the score is not: hence the last line.
 */
export function callValue({ forward, strike, score, deviation: { dev, rest } }: Call): bigint {
  const itm = score >= (dev + 1n) << (STEP - 1n);
  const gap = itm ? forward - strike : 0n;
  // -d1 out of the money, d2 in it, of which y2 is the greater or lesser one, by s.
  const y = (itm ? score : -score - 1n) - (dev << (STEP - 1n)) + (ORIGIN << STEP) - (1n << (STEP - 1n));
  const far = y >> STEP >= 2n * ORIGIN;
  if (far) return gap;
  const y1 = y >> STEP;
  const y2 = y1 - ORIGIN + 1n + dev;
  const excess = (forward - gap) * head(y1) - (strike + gap) * tail(y2, rest);
  const call = gap + (max(0n, excess) >> BigInt(OPTION.scale));
  return call === -1n ? 0n : call;
}

/** N(-y) at a number of the grid, at scale 2^54. */
function head(y1: bigint): bigint {
  if (y1 < ORIGIN - REACH) return ONE;
  if (y1 >= ORIGIN + REACH) return 0n;
  const at = y1 - (ORIGIN - REACH);
  return polynomial(NORMAL_HEAD[Number(at >> POINT)], BigInt.asUintN(OPTION.point, at));
}

/** N(-y) at a number of the grid, y >= 0, and a rest. */
function tail(y2: bigint, rest: bigint): bigint {
  if (y2 >= REACH) return 0n;
  const [piece, t] = [Number(y2 >> POINT), BigInt.asUintN(OPTION.point, y2)];
  return polynomial(NORMAL_TAIL[piece], t) - rest * polynomial(NORMAL_SLOPE[piece], t);
}

/** An instrument on a forward; prices in cash units a lot. */
export interface Instrument {
  readonly kind: "linear" | "call" | "put";
  /** the part of the forward that still moves, 0 <= live <= 2^40 */
  readonly live: bigint;
  /** the part that is a settlement average already, 0 <= fixed <= 2^40 */
  readonly fixed: bigint;
  /** 0 <= strike < 2^40; of a linear kind it counts for nothing */
  readonly strike: bigint;
  /** 0 <= volatility < 2^40, 2^-24 per square root of a year */
  readonly volatility: bigint;
  /** seconds to expiry, 0 <= tau < 2^40 */
  readonly tau: bigint;
}

export type Level = "asItIs" | "raised" | "lowered";

/** A row of the scenario table behind the mark. */
export interface Scenario {
  /** |move| <= 72: 24ths of the range */
  readonly move: bigint;
  readonly level: Level;
}

/** What is common to all instruments. */
export interface Shocks {
  /** a 24th of the range in 2^-24: 0 <= range < 2^26, and |move range| < 2^26 for each row */
  readonly range: bigint;
  /** change of a raised volatility, 64ths: 0 <= raised <= 64 */
  readonly raised: bigint;
  /** of a lowered one: -32 <= lowered <= 0 */
  readonly lowered: bigint;
  /** 16 multipliers of these changes, 64ths below 256; the length of tau in bits chooses one (`tenor`) */
  readonly tenors: readonly bigint[];
  /** raised volatilities are at least this: 2^-24 per square root of a year, below 2^28 */
  readonly leastVolatility: bigint;
  /** rows 1 to S - 1; row 0 is the mark */
  readonly scenarios: readonly Scenario[];
}

/** Which of the 16 multipliers counts: of tau < 2^10 the first, of 2^(9 + j) <= tau < 2^(10 + j) number j, above the last. */
export function tenor(tau: bigint): number {
  const width = requireBits("tau", tau, OPTION.input).toString(2).length;
  return Math.max(0, Math.min(TENORS - 1, width - FIRST_TENOR));
}

/** s of an instrument at each level of volatility. Each product with a shock is exact, and rounded down once. */
export function deviations(
  { volatility, tau }: Pick<Instrument, "volatility" | "tau">,
  { raised, lowered, tenors, leastVolatility }: Omit<Shocks, "range" | "scenarios">,
): Record<Level, Deviation> {
  const root = timeRoot(tau);
  const shift = BigInt(OPTION.rootFraction);
  const asItIs = deviation((requireBits("volatility", volatility, OPTION.input) * root) >> shift);
  const least = min(MOST, (requireBits("leastVolatility", leastVolatility, OPTION.leastVolatility) * root) >> shift);
  const shock = BigInt(OPTION.shock);
  const times = (change: bigint) => asItIs.s * ((1n << shock) + change * tenors[tenor(tau)]);
  return {
    asItIs,
    raised: deviation(max(times(raised), least << shock) >> shock),
    lowered: deviation(times(lowered) >> shock),
  };
}

/** exp(move range) of each row behind the mark, once for all instruments: units of 2^-24. */
export function factors({ range, scenarios }: Pick<Shocks, "range" | "scenarios">): bigint[] {
  return scenarios.map(({ move }) => exp(move * range));
}

/**
 * Values of an instrument at the mark and in each scenario, cash units, each 0 <= V < 2^47. With forward_k = fixed +
 * floor(live exp(move_k range)): linear kinds are worth it; of options
 *
 *     max(0, forward_k - strike) <= call <= forward_k,    put = call - forward_k + strike, so that 0 <= put <= strike
 *
 * whatever the inputs, a strike of 0 apart; and |call - Black's of forward_k| <= 1 + 2^-20 forward at the mark, and 1.1 + 2^-20
 * forward_k in a scenario, where forward_k is rounded and the score is not: for forward_k / strike from 1/8 to 8, volatilities of
 * 1% to 500%, times of a minute to two years, while s is at most 7.07, where nothing is fixed. Outside of it s is clamped.
 *
 * Where a part is fixed the payoff is max(0, fixed + live part - strike): a call on the live part, whose strike is what the
 * fixed part leaves of it, at least 1; where it leaves less than 1 the difference is a gain on top.
 * @throws OUT_OF_RANGE
 */
export function instrumentValues(instrument: Instrument, shocks: Shocks): bigint[] {
  const { kind, live, fixed, strike } = instrument;
  requireShocks(shocks);
  for (const [name, part] of Object.entries({ live, fixed }))
    if (part < 0n || part > 1n << BigInt(OPTION.input)) throw outOfRange(name, `an integer in [0, 2^${OPTION.input}]`);
  const remaining = max(1n, requireBits("strike", strike, OPTION.input) - fixed);
  const gain = fixed - strike + remaining;
  const levels = deviations(instrument, shocks);
  // ln of 0 counts as less than any move can make up for: so a call on nothing is out of the money.
  const moneyness = (live === 0n ? -4n * UNIT : ln(live)) - ln(remaining);
  const perDeviation = (x: bigint, { s }: Deviation) => divFloor(x << (16n + STEP), 121n * s);
  const value = (part: bigint, level: Level, move: bigint): bigint => {
    const forward = fixed + part;
    if (kind === "linear") return forward;
    const at = levels[level];
    const score = perDeviation(moneyness, at) + move * perDeviation(shocks.range, at);
    const call = callValue({ forward: part, strike: remaining, score, deviation: at }) + gain;
    return kind === "call" ? call : call - forward + strike;
  };
  const moved = factors(shocks).map((factor) => (live * factor) >> BigInt(FIXED.fraction));
  return [value(live, "asItIs", 0n), ...shocks.scenarios.map(({ move, level }, k) => value(moved[k], level, move))];
}

function requireShocks({ range, raised, lowered, tenors, scenarios }: Shocks): void {
  requireBits("range", range, OPTION.range);
  if (raised < 0n || raised > 64n) throw outOfRange("raised", "an integer in [0, 64]");
  if (lowered < -32n || lowered > 0n) throw outOfRange("lowered", "an integer in [-32, 0]");
  if (tenors.length !== TENORS) throw outOfRange("tenors", `a table of ${TENORS}`);
  for (const multiplier of tenors) requireBits("tenors", multiplier, 8);
  for (const { move } of scenarios) requireSigned("move * range", move * range, FIXED.exponent);
}

/**
 * What a scenario of weight w lets count of the change of a value: floor(w (V - V_0) / 64).
 * @param weight  0 <= weight <= 64
 */
export function weighted({ value, mark, weight }: { value: bigint; mark: bigint; weight: bigint }): bigint {
  if (weight < 0n || weight > 64n) throw outOfRange("weight", "an integer in [0, 64]");
  return divFloor(weight * (value - mark), 64n);
}
