import { asInteger, asList, asObject, badFormat } from "./json.ts";
import { requireBits, requireField, requireSigned } from "./numbers.ts";
import { BITS, INSTRUMENTS, MARKETS } from "./parameters.ts";
import type { MarketPrices, Prices } from "./prices.ts";

/** Prices as an answer has them (docs/formats.md): numbers as decimal strings, markets without prices null. */

const texts = (numbers: readonly bigint[]) => numbers.map(String);

export function pricesJson({ halted, stale, values, markets, ...numbers }: Prices) {
  const { rules, epoch, index, range, funding, fundingRest } = numbers;
  const { longCharges, shortCharges, weights, last, payoffs } = numbers;
  return {
    rules: `${rules}`,
    epoch: `${epoch}`,
    halted,
    stale: [...stale],
    longCharges: texts(longCharges),
    shortCharges: texts(shortCharges),
    weights: texts(weights),
    index: `${index}`,
    range: `${range}`,
    funding: `${funding}`,
    fundingRest: `${fundingRest}`,
    last: texts(last),
    payoffs: texts(payoffs),
    values: values.map(texts),
    markets: markets.map((row) => row && rowJson(row)),
  };
}

function rowJson({ mark, funding, gross, low, high, values }: MarketPrices) {
  const row = { mark: `${mark}`, funding: `${funding}`, gross: `${gross}`, low: `${low}`, high: `${high}` };
  return { ...row, values: texts(values) };
}

/**
 * Reads what `pricesJson` writes. That the prices follow from anything is not looked at: see their root.
 * @param scenarios  of the profile
 * @throws FORMAT, OUT_OF_RANGE naming the field
 */
export function parsePrices(json: unknown, { scenarios }: { scenarios: number }): Prices {
  const of = asObject("prices", json);
  const number = (name: string, bits: number) =>
    requireBits(`prices.${name}`, asInteger(`prices.${name}`, of[name]), bits);
  const bit = (at: string, is: unknown) => {
    if (typeof is !== "boolean") throw badFormat(at, "true or false");
    return is;
  };
  const list = <T>(at: string, from: unknown, count: number, read: (at: string, it: unknown) => T) => {
    const entries = asList(at, from);
    if (entries.length !== count) throw badFormat(at, `${count} entries`);
    return entries.map((it, i) => read(`${at}[${i}]`, it));
  };
  const signed = (bits: number) => (at: string, it: unknown) => requireSigned(at, asInteger(at, it), bits);
  const unsigned = (bits: number) => (at: string, it: unknown) => requireBits(at, asInteger(at, it), bits);
  const byInstrument = (name: string, bits: number) => list(`prices.${name}`, of[name], INSTRUMENTS, unsigned(bits));
  return {
    rules: requireField("prices.rules", asInteger("prices.rules", of.rules)),
    epoch: number("epoch", BITS.time),
    halted: bit("prices.halted", of.halted),
    stale: list("prices.stale", of.stale, INSTRUMENTS, bit),
    longCharges: byInstrument("longCharges", BITS.charge),
    shortCharges: byInstrument("shortCharges", BITS.charge),
    weights: byInstrument("weights", BITS.weight),
    index: number("index", BITS.reported),
    range: number("range", BITS.reported),
    funding: requireSigned("prices.funding", asInteger("prices.funding", of.funding), BITS.value),
    fundingRest: number("fundingRest", BITS.cash),
    last: byInstrument("last", BITS.reported),
    payoffs: byInstrument("payoffs", BITS.value),
    values: list("prices.values", of.values, scenarios, (at, it) => list(at, it, INSTRUMENTS, signed(BITS.value))),
    markets: list("prices.markets", of.markets, MARKETS, (at, it) => {
      if (it === null) return null;
      const row = asObject(at, it);
      const word = (name: string) => signed(BITS.cash)(`${at}.${name}`, row[name]);
      const [mark, funding, gross, low, high] = ["mark", "funding", "gross", "low", "high"].map(word);
      return {
        mark,
        funding,
        gross,
        low,
        high,
        values: list(`${at}.values`, row.values, scenarios, signed(BITS.cash)),
      };
    }),
  };
}
