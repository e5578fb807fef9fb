import { abs, divCeil, pack, type Column } from "./numbers.ts";
import { BITS, FEE_DENOMINATOR, INSTRUMENTS, MARKET_STATE, MARKETS } from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";

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
  /** from this second on the market counts as expired; at most the earliest expiry of its legs */
  readonly until: bigint;
  /** most entries in book and admitted */
  readonly capacity: bigint;
  /** most cancels pending, those of lists of quotes apart */
  readonly cancelCapacity: bigint;
  /** most lists of quotes pending, each of which cancels what its account had before */
  readonly listCapacity: bigint;
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
  "until",
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

/** The words of a rules row. @twins circuits/lib/market.circom */
export function marketRulesWords(row: MarketRules): bigint[] {
  const { legs } = row;
  return MARKET_RULES.map((name) => (name === "legs" ? legsWord(legs) : row[name]));
}

/**
 * Fee of n lots at price p: ceil(rate |p| n / 10^6) + perLot n, cash units.
 * @twins circuits/lib/fee.circom
 */
export function fee(row: MarketRules, price: bigint, lots: bigint): bigint {
  return divCeil(row.feeRate * abs(price) * lots, FEE_DENOMINATOR) + row.feePerLot * lots;
}

/** Slot of a market id, or -1. */
export function slotOf({ markets }: { readonly markets: readonly (MarketRules | null)[] }, id: bigint): number {
  return markets.findIndex((row) => row?.id === id);
}

/** Whether a market's time is over: what rests in it is dropped. */
export function isExpired({ until }: MarketRules, time: bigint): boolean {
  return time >= until;
}

/** Whether a market takes orders, and matches. */
export function isMarketOpen(row: MarketRules, time: bigint): boolean {
  return row.state === BigInt(MARKET_STATE.open) && !isExpired(row, time);
}

export const NO_MARKETS: readonly null[] = Array<null>(MARKETS).fill(null);
