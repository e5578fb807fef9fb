import { BITS, FEE_DENOMINATOR, INSTRUMENTS, MARKETS, NO_MARKET_ID, type Tag } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";
import { abs, divCeil, divFloor, max, min, pack, toField, type Column } from "./numbers.ts";

/** One market's row of the rules (docs/protocol.md, section 5). */
export interface MarketRules {
  /** never 0, never reused */
  readonly id: bigint;
  /** integer weight of each instrument, |leg| < 2^7 */
  readonly legs: readonly bigint[];
  /** cash units per lot, at least 1 */
  readonly tick: bigint;
  /** largest order, lots */
  readonly lotLimit: bigint;
  /** largest distance of a limit from the mark, cash units per lot */
  readonly band: bigint;
  /** millionths of the notional, at most 10^6 */
  readonly feeRate: bigint;
  /** cash units per lot */
  readonly feePerLot: bigint;
  /** least reservation per lot, cash units, at least 1 */
  readonly rhoMin: bigint;
  /** RULE */
  readonly rule: bigint;
  /** seconds between closes, at least 1 */
  readonly interval: bigint;
  /** MARKET_STATE */
  readonly state: bigint;
  /** most entries in book and admitted */
  readonly capacity: bigint;
  /** most cancels pending, those of lists of quotes apart */
  readonly cancelCapacity: bigint;
  /** most lists of quotes pending, each of which cancels what its account had before */
  readonly listCapacity: bigint;
}

/** Parameters of the margin group. */
export interface Group {
  readonly operatorKeyX: bigint;
  readonly operatorKeyY: bigint;
  /** seconds for which prices are fresh */
  readonly maxAge: bigint;
}

/** The rules in force: one row a market slot, null for a free one. */
export interface Rules {
  readonly group: Group;
  readonly markets: readonly (MarketRules | null)[];
}

/** One market's row of the prices; absent (null) when stale or out of range. */
export interface MarketPrices {
  /** R: the mark, rounded down to the tick */
  readonly mark: bigint;
  /** sum of legs times cumulative funding, cash units per lot */
  readonly funding: bigint;
  /** least and greatest of `values` */
  readonly low: bigint;
  readonly high: bigint;
  /** sum_i w_i U_ik for each scenario k, cash units per lot */
  readonly values: readonly bigint[];
}

export interface Prices {
  /** root of the rules under which they were computed */
  readonly rules: bigint;
  readonly epoch: bigint;
  readonly time: bigint;
  /** U[k][i]: value of instrument i in scenario k, net of funding; k = 0 is the mark */
  readonly values: readonly (readonly bigint[])[];
  readonly markets: readonly (MarketPrices | null)[];
}

/** The words of a rules row, in the order of its hash. */
export const MARKET_RULES = [
  "legs",
  "tick",
  "lotLimit",
  "band",
  "feeRate",
  "feePerLot",
  "rhoMin",
  "rule",
  "interval",
  "state",
  "capacity",
  "cancelCapacity",
  "listCapacity",
] as const satisfies readonly (keyof MarketRules)[];

const LEG_COLUMNS: readonly Column[] = Array.from({ length: INSTRUMENTS }, (_, i) => ({
  name: `leg${i}`,
  bits: BITS.leg + 1,
  signed: true,
}));

export function legsWord(legs: readonly bigint[]): bigint {
  return pack(LEG_COLUMNS, Object.fromEntries(legs.map((leg, i) => [`leg${i}`, leg])));
}

/** Hash of a vector of 16 field elements: registers that hold one value a market slot, or one an instrument. */
export function vectorHash(values: readonly bigint[]): bigint {
  return hash("vector", values);
}

/** `vectorHash` of many. */
export function vectorHashes(vectors: readonly (readonly bigint[])[]): bigint[] {
  return hashMany("vector", vectors);
}

/** Hashes of rows, 0 for a free or stale one. */
function rowHashes<Row>(tag: Tag, rows: readonly (Row | null)[], words: (row: Row) => bigint[]): bigint[] {
  const hashes = hashMany(
    tag,
    rows.flatMap((row) => (row ? [words(row)] : [])),
  );
  let next = 0;
  return rows.map((row) => (row ? hashes[next++] : 0n));
}

/** The words of a rules row. @twins circuits/lib/market.circom */
export function marketRulesWords(row: MarketRules): bigint[] {
  const { legs } = row;
  return MARKET_RULES.map((name) => (name === "legs" ? legsWord(legs) : row[name]));
}

export function groupHash({ operatorKeyX, operatorKeyY, maxAge }: Group): bigint {
  return hash("group", [operatorKeyX, operatorKeyY, maxAge]);
}

/** Market ids by slot (NO_MARKET_ID: free), and hashes of the rows (0: free). */
export function rulesVectors({ markets }: Rules): { ids: bigint[]; rows: bigint[] } {
  return {
    ids: markets.map((row) => row?.id ?? NO_MARKET_ID),
    rows: rowHashes("marketRules", markets, marketRulesWords),
  };
}

/** rules = H_rules(H_group, H_vector(ids), H_vector(rows)) */
export function rulesRoot(rules: Rules): bigint {
  const { ids, rows } = rulesVectors(rules);
  return hash("rules", [groupHash(rules.group), ...vectorHashes([ids, rows])]);
}

export function marketPricesWords({ mark, funding, low, high, values }: MarketPrices): bigint[] {
  return [mark, funding, low, high, ...values].map(toField);
}

export function pricesMeta({ rules, epoch, time }: Prices): bigint {
  return hash("pricesMeta", [rules, epoch, time]);
}

/** H_scenarios(H_vector(U[0]), ..., H_vector(U[S-1])) */
export function scenariosHash({ values }: Prices): bigint {
  return hash("scenarios", vectorHashes(values.map((scenario) => scenario.map(toField))));
}

export function pricesRows({ markets }: Prices): bigint[] {
  return rowHashes("marketPrices", markets, marketPricesWords);
}

/** prices = H_prices(meta, H_scenarios, H_vector(rows)) */
export function pricesRoot(prices: Prices): bigint {
  return hash("prices", [pricesMeta(prices), scenariosHash(prices), vectorHash(pricesRows(prices))]);
}

/** Fresh: computed under the rules in force, and 0 <= t - time <= maxAge. */
export function pricesFresh(prices: Prices, rules: Rules, rulesInForce: bigint, time: bigint): boolean {
  const age = time - prices.time;
  return prices.rules === rulesInForce && age >= 0n && age <= rules.group.maxAge;
}

/**
 * Prices from values of the instruments: values[k][i] = V_ik, funding[i] = F_i, cumulative. A market row is null (stale)
 * when any of its numbers leaves its range.
 */
export function computePrices(
  rules: Rules,
  { values, funding, epoch, time }: { values: bigint[][]; funding: bigint[]; epoch: bigint; time: bigint },
): Prices {
  const net = values.map((scenario) => scenario.map((value, i) => value - funding[i]));
  const dot = (legs: readonly bigint[], xs: readonly bigint[]) => legs.reduce((sum, leg, i) => sum + leg * xs[i], 0n);
  const within = (x: bigint, bits: number) => abs(x) < 1n << BigInt(bits);
  const markets = rules.markets.map((row): MarketPrices | null => {
    if (!row) return null;
    const weighted = net.map((scenario) => dot(row.legs, scenario));
    const carried = dot(row.legs, funding);
    const mark = divFloor(weighted[0] + carried, row.tick) * row.tick;
    const low = weighted.reduce(min);
    const high = weighted.reduce(max);
    const ranged = within(mark, BITS.price) && [carried, ...weighted].every((x) => within(x, BITS.legsValue - 1));
    return ranged ? { mark, funding: carried, low, high, values: weighted } : null;
  });
  return { rules: rulesRoot(rules), epoch, time, values: net, markets };
}

/**
 * Fee of n lots at price p: ceil(rate |p| n / 10^6) + perLot n, cash units.
 * @twins circuits/lib/fee.circom
 */
export function fee(row: MarketRules, price: bigint, lots: bigint): bigint {
  return divCeil(row.feeRate * abs(price) * lots, FEE_DENOMINATOR) + row.feePerLot * lots;
}

/** Slot of a market id, or -1. */
export function slotOf(rules: Rules, id: bigint): number {
  return rules.markets.findIndex((row) => row?.id === id);
}

export const NO_MARKETS: readonly null[] = Array<null>(MARKETS).fill(null);
