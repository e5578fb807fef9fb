/** Sixteen instruments on one underlying, and their prices by the rules of development: what margins are compared and tried on. */
import { NO_INSTRUMENTS, type Instrument } from "../../src/protocol/instrument.ts";
import { NO_MARKETS } from "../../src/protocol/market.ts";
import { INSTRUMENT_KIND, INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { noPrices, reprice } from "../../src/protocol/prices.ts";
import { NO_PREMIUM } from "../../src/protocol/report.ts";
import { developmentPricing } from "../../src/venue/developmentGenesis.ts";

/** Cash units a lot: 1,000.00 in cents. */
export const FORWARD = 100_000n;
/** 60% a year. */
export const SIGMA = (60n << 24n) / 100n;
const DAY = 86_400n;
const NOW = 20_000n * DAY;
export const [WEEK, MONTH] = [NOW + 7n * DAY, NOW + 30n * DAY];
export const PRICING = developmentPricing(16);

const none = { expiry: 0n, strike: 0n, forward: 0n, volatility: 0n };
const kind = (name: keyof typeof INSTRUMENT_KIND) => BigInt(INSTRUMENT_KIND[name]);
const linear = { longCharge: 200n, shortCharge: 200n, weight: 1n };
const option = (name: "call" | "put", strike: bigint, expiry: bigint, volatility: number): Instrument => ({
  contract: { kind: kind(name), expiry, strike, forward: 0n, volatility: BigInt(volatility) },
  longCharge: 100n,
  shortCharge: 1_000n,
  weight: 1n,
});
/** Puts share the volatility of the call at their strike; all are on the perpetual, whose basis charges cover. */
export const INSTRUMENTS_OF_COVERAGE: readonly Instrument[] = [
  { contract: { ...none, kind: kind("perpetual") }, ...linear },
  { contract: { ...none, kind: kind("future"), expiry: WEEK }, ...linear },
  { contract: { ...none, kind: kind("future"), expiry: MONTH }, ...linear },
  ...[80_000n, 90_000n, 100_000n, 110_000n, 120_000n].map((strike, i) => option("call", strike, MONTH, 3 + i)),
  ...[80_000n, 100_000n].map((strike, i) => option("put", strike, MONTH, 3 + 2 * i)),
  ...[90_000n, 100_000n, 110_000n, 140_000n].map((strike, i) => option("call", strike, WEEK, 10 + i)),
  ...[90_000n, 100_000n].map((strike, i) => option("put", strike, WEEK, 10 + i)),
];
const instruments = NO_INSTRUMENTS.map((_, slot) => INSTRUMENTS_OF_COVERAGE[slot] ?? null);
export const LAST = Array.from({ length: INSTRUMENTS }, (_, slot) => {
  const it = instruments[slot]?.contract;
  return it === undefined ? 0n : it.strike === 0n ? FORWARD : SIGMA;
});
export const RULES = { group: { pricing: PRICING }, instruments, markets: NO_MARKETS, pricing: PRICING, root: 1n };
const numbers = { index: FORWARD, average: FORWARD, sigma: SIGMA, premium: NO_PREMIUM, values: LAST };
export const PRICES = reprice(RULES, noPrices(RULES), NOW / PRICING.epochLength, numbers);
