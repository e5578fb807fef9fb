import { TacitError } from "../protocol/errors.ts";
import { isOption, isPerpetual, type Contract, type Instruments } from "../protocol/instrument.ts";
import { shown } from "../protocol/json.ts";
import { BITS, INSTRUMENTS } from "../protocol/parameters.ts";

/** What a source saw at one second (docs/feeds.md, "Observations"). */
export interface Observation {
  /** seconds since 1970 */
  readonly time: bigint;
  /** cash units a lot; null: nothing new of it */
  readonly index: bigint | null;
  /** marks, cash units a lot, and volatilities, 2^-24 per sqrt(year), by the name of their quote */
  readonly values: ReadonlyMap<string, bigint>;
}

/** Where an observation was read, for errors. */
export interface Place {
  readonly source: string;
  /** from 1; null where a source has no lines */
  readonly line: number | null;
}

/** A number reported: 1 to 2^40 - 1. */
export const MOST_REPORTED = (1n << BigInt(BITS.reported)) - 1n;
const FRACTION = 24n;
const DECIMAL = /^(0|[1-9]\d{0,12})(?:\.(\d{1,18}))?$/;
const NAME = /^(perpetual|future\/[1-9]\d{0,12}|volatility\/[1-9]\d{0,12}\/[1-9]\d{0,12})$/;

/**
 * What is quoted of a contract: its mark, or its volatility. Calls and puts of one strike and expiry share one. Unlike a slot,
 * it means the same under all rules.
 */
export function quoteName(contract: Contract): string {
  if (isPerpetual(contract)) return "perpetual";
  return isOption(contract) ? `volatility/${contract.expiry}/${contract.strike}` : `future/${contract.expiry}`;
}

/** By slot; null of a free one, and of an option that has the volatility of another slot. */
export function quoteNames(instruments: Instruments): (string | null)[] {
  return instruments.map((it, i) => {
    if (!it || (isOption(it.contract) && it.contract.volatility !== BigInt(i))) return null;
    return quoteName(it.contract);
  });
}

/** What is wrong with what a source said. Names source, line, field and bound. */
export function badObservation({ source, line }: Place, field: string, expected: string, value?: unknown) {
  const where = line === null ? source : `${source}, line ${line}`;
  const found = value === undefined ? "" : `, found ${shown(value)}`;
  return new TacitError("OBSERVATION", `${where}: ${field} is wrong: expected ${expected}${found}`, {
    source,
    line,
    field,
    expected,
  });
}

/**
 * @param instruments  of the rules in force, to whose slots `values` may refer
 * @throws OBSERVATION
 */
export function readObservation(json: unknown, instruments: Instruments, place: Place): Observation {
  const bad = (field: string, expected: string, value?: unknown) => badObservation(place, field, expected, value);
  const object = (field: string, value: unknown): Record<string, unknown> => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(field, "an object", value);
    return value as Record<string, unknown>;
  };
  const root = object("observation", json);
  const other = Object.keys(root).find((name) => !["time", "index", "values"].includes(name));
  if (other !== undefined) throw bad(shown(other), "no field but time, index and values");
  const { time } = root;
  if (typeof time !== "number" || !Number.isInteger(time) || time < 1 || time >= 2 ** BITS.time)
    throw bad("time", `whole seconds since 1970, from 1 to 2^${BITS.time} - 1`, time);
  const names = quoteNames(instruments);
  const values = new Map<string, bigint>();
  for (const [key, value] of Object.entries(object("values", root.values ?? {}))) {
    const field = `values[${shown(key)}]`;
    const name = /^\d{1,2}$/.test(key) ? names[Number(key)] : NAME.test(key) ? key : undefined;
    if (name === undefined) throw bad(field, `a slot below ${INSTRUMENTS}, or the name of a quote`);
    if (name === null) throw bad(field, "a slot that has a mark or a volatility of its own under the rules in force");
    values.set(name, name.startsWith("volatility/") ? readVolatility(bad, field, value) : readPrice(bad, field, value));
  }
  const index = root.index === undefined ? null : readPrice(bad, "index", root.index);
  if (index === null && values.size === 0) throw bad("observation", "an index, or values");
  return { time: BigInt(time), index, values };
}

type Bad = (field: string, expected: string, value?: unknown) => TacitError;

function readPrice(bad: Bad, field: string, value: unknown): bigint {
  const parts = decimal(value);
  const price = parts && parts.whole;
  if (price === null || price < 1n || price > MOST_REPORTED)
    throw bad(field, `cash units a lot, from 1 to 2^${BITS.reported} - 1, as a decimal`, value);
  return price;
}

function readVolatility(bad: Bad, field: string, value: unknown): bigint {
  const parts = decimal(value);
  const units = parts && (parts.whole << FRACTION) + (parts.part << FRACTION) / parts.scale;
  if (units === null || units < 1n || units > MOST_REPORTED)
    throw bad(field, "a volatility per square root of a year, such as 0.65, from 2^-24 to below 2^16", value);
  return units;
}

/** A decimal of JSON, as a number or a string: its whole part, and the rest as part / scale. */
function decimal(value: unknown): { whole: bigint; part: bigint; scale: bigint } | null {
  const text = typeof value === "number" ? String(value) : value;
  const found = typeof text === "string" ? DECIMAL.exec(text) : null;
  if (!found) return null;
  const [, whole, part = ""] = found;
  return { whole: BigInt(whole), part: BigInt(part || "0"), scale: 10n ** BigInt(part.length) };
}
