/** Rules of a small venue, to be changed one word at a time: a perpetual, a future, options on both, markets of some. */
import { BASE8, publicKey } from "../../src/protocol/eddsa.ts";
import { NO_INSTRUMENTS, type Contract, type Instrument } from "../../src/protocol/instrument.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { INSTRUMENT_KIND, INSTRUMENTS, MARKET_STATE, RULE, TENORS } from "../../src/protocol/parameters.ts";
import type { Pricing } from "../../src/protocol/prices.ts";
import type { Group, Rules } from "../../src/protocol/rules.ts";

export const PROFILE = PROFILES.demo;
export const GRID = 3_600n;
export const EXPIRY = 100n * GRID;

export function contract(kind: keyof typeof INSTRUMENT_KIND, change: Partial<Contract> = {}): Contract {
  const expiry = kind === "perpetual" ? 0n : EXPIRY;
  return { kind: BigInt(INSTRUMENT_KIND[kind]), expiry, strike: 0n, forward: 0n, volatility: 0n, ...change };
}
export const instrument = (it: Contract): Instrument => ({
  contract: it,
  longCharge: 10n,
  shortCharge: 20n,
  weight: 1n,
});

/** Slots: perpetual, future, call and put with one volatility, call on the future. */
export function instruments(): (Instrument | null)[] {
  const used = [
    contract("perpetual"),
    contract("future"),
    contract("call", { strike: 100_000n, volatility: 2n }),
    contract("put", { strike: 100_000n, volatility: 2n }),
    contract("call", { strike: 120_000n, forward: 1n, volatility: 4n }),
  ];
  return NO_INSTRUMENTS.map((_, slot) => (slot < used.length ? instrument(used[slot]) : null));
}

export function market(id: bigint, legs: Record<number, bigint>, change: Partial<MarketRules> = {}): MarketRules {
  return {
    id,
    legs: Array.from({ length: INSTRUMENTS }, (_, i) => legs[i] ?? 0n),
    tick: 10n,
    lotLimit: 1_000n,
    band: 20_000n,
    feeRate: 50n,
    feePerLot: 2n,
    rhoMin: 100n,
    rule: BigInt(RULE.auction),
    interval: 10n,
    state: BigInt(MARKET_STATE.open),
    until: EXPIRY,
    capacity: 100n,
    cancelCapacity: 16n,
    listCapacity: 16n,
    ...change,
  };
}

export const FOREVER = (1n << 40n) - 1n;

/** Slots: perpetual, future, call, put, straddle. */
export function markets(): (MarketRules | null)[] {
  const used = [
    market(101n, { 0: 1n }, { until: FOREVER }),
    market(102n, { 1: 1n }),
    market(103n, { 2: 1n }),
    market(104n, { 3: 1n }),
    market(105n, { 2: 1n, 3: 1n }),
  ];
  return NO_MARKETS.map((_, slot) => used[slot] ?? null);
}

export function pricing(): Pricing {
  return {
    epochLength: 60n,
    lag: 5n,
    grid: GRID,
    window: 1_800n,
    scenarios: [
      { move: 0n, level: "asItIs", weight: 64n },
      { move: -24n, level: "raised", weight: 64n },
      { move: 24n, level: "raised", weight: 64n },
      { move: 0n, level: "lowered", weight: 64n },
    ],
    raised: 24n,
    lowered: -16n,
    tenors: Array<bigint>(TENORS).fill(64n),
    leastVolatility: 1n << 21n,
    horizon: 109_739n,
    rangeFloor: 20_000n,
    rangeCap: 200_000n,
    fundingEvery: 60n,
    fundingDivisor: 8n,
    fundingClamp: 655n,
    step: 6_554n,
    markBand: 3_277n,
  };
}

export function group(): Group {
  return {
    operatorKeyX: BASE8.x,
    operatorKeyY: BASE8.y,
    feeds: [11, 12, 13, 14].map((byte) => publicKey(new Uint8Array(32).fill(byte))),
    pricing: pricing(),
    slack: 8n,
    defaults: {
      maintenance: 512n,
      target: 768n,
      grace: 60n,
      slope: 600n,
      hold: 600n,
      penalty: 51n,
      insuranceLimit: 1_632n,
      loose: 1_000n,
      insuranceShare: 6_554n,
    },
    payout: null,
    greatestId: 105n,
  };
}

export function rules(): Rules {
  return { group: group(), instruments: instruments(), markets: markets() };
}
