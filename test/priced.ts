/** Rules and prices for tests, given by what they differ in: prices as a REPRICE could have left them. */
import { BASE8, publicKey } from "../src/protocol/eddsa.ts";
import { NO_INSTRUMENTS, type Instruments } from "../src/protocol/instrument.ts";
import { NO_MARKETS, type MarketRules } from "../src/protocol/market.ts";
import { abs, divFloor, max, min } from "../src/protocol/numbers.ts";
import { BITS, INSTRUMENT_KIND, INSTRUMENTS, TENORS } from "../src/protocol/parameters.ts";
import { noPrices, type MarketPrices, type Prices, type Pricing } from "../src/protocol/prices.ts";
import { rulesRoot, type Group, type Rules } from "../src/protocol/rules.ts";

/** No time of an entry is after it. */
export const FOREVER = (1n << BigInt(BITS.time)) - 1n;

/** A perpetual in slot 0, futures that expire at the end of time in all others; no charges, weight 1. */
export const INSTRUMENTS_OF_TESTS: Instruments = NO_INSTRUMENTS.map((_, slot) => ({
  contract: {
    kind: BigInt(slot === 0 ? INSTRUMENT_KIND.perpetual : INSTRUMENT_KIND.future),
    expiry: slot === 0 ? 0n : FOREVER,
    strike: 0n,
    forward: 0n,
    volatility: 0n,
  },
  longCharge: 0n,
  shortCharge: 0n,
  weight: 1n,
}));

/**
 * Epochs such that the prices of `epoch` are of the exact epoch of an entry from `time` to `time` + `age`, and count for orders
 * `age` + 1 seconds longer.
 */
export function epochs({ time, age }: { time: bigint; age: bigint }) {
  const epochLength = age + 1n;
  return { epochLength, lag: time % epochLength, epoch: time / epochLength };
}

export function pricingOfTests(scenarios: number, change: Partial<Pricing> = {}): Pricing {
  return {
    epochLength: 60n,
    lag: 5n,
    grid: 3_600n,
    window: 1_800n,
    scenarios: Array.from({ length: scenarios }, (_, k) => ({
      move: [0n, 24n, -24n][k] ?? 0n,
      level: "asItIs",
      weight: 64n,
    })),
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
    ...change,
  };
}

export const FEED_SECRETS = Array.from({ length: 7 }, (_, feed) => new Uint8Array(32).fill(101 + feed));

/** @param scenarios, feeds  as the profile has them */
export function groupOfTests({
  scenarios = 4,
  feeds = 4,
  pricing = {},
  ...change
}: Partial<Omit<Group, "pricing" | "feeds">> & {
  scenarios?: number;
  feeds?: number;
  pricing?: Partial<Pricing>;
} = {}): Group {
  return {
    operatorKeyX: BASE8.x,
    operatorKeyY: BASE8.y,
    feeds: FEED_SECRETS.slice(0, feeds).map(publicKey),
    pricing: pricingOfTests(scenarios, pricing),
    slack: 0n,
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
    greatestId: (1n << BigInt(BITS.market)) - 1n,
    ...change,
  };
}

export function rulesOfTests({
  group = {},
  instruments = INSTRUMENTS_OF_TESTS,
  markets = NO_MARKETS,
}: {
  group?: Parameters<typeof groupOfTests>[0];
  instruments?: Instruments;
  markets?: readonly (MarketRules | null)[];
} = {}): Rules {
  return { group: groupOfTests(group), instruments, markets };
}

/**
 * Prices under rules from values of the instruments, whatever these are: values[k][i] = V_ik, funding[i] what they are net of (a
 * REPRICE has it of slot 0 alone). A market's row is null where its mark leaves its range. Charges and weights are the rules'.
 */
export function pricesOfTests(
  rules: Rules,
  {
    values,
    funding = Array<bigint>(INSTRUMENTS).fill(0n),
    epoch = 1n,
    ...change
  }: Partial<Omit<Prices, "funding" | "values">> & {
    readonly values: readonly (readonly bigint[])[];
    readonly funding?: readonly bigint[];
  },
): Prices {
  const net = values.map((scenario) => scenario.map((value, i) => value - funding[i]));
  const longCharges = rules.instruments.map((it) => it?.longCharge ?? 0n);
  const shortCharges = rules.instruments.map((it) => it?.shortCharge ?? 0n);
  const dot = (legs: readonly bigint[], xs: readonly bigint[]) => legs.reduce((sum, leg, i) => sum + leg * xs[i], 0n);
  const markets = rules.markets.map((row): MarketPrices | null => {
    if (!row) return null;
    const weighted = net.map((scenario) => dot(row.legs, scenario));
    const carried = dot(row.legs, funding);
    const mark = divFloor(weighted[0] + carried, row.tick) * row.tick;
    const greater = longCharges.map((charge, i) => max(charge, shortCharges[i]));
    const gross = dot(row.legs.map(abs), greater);
    if (abs(mark) >= 1n << BigInt(BITS.price)) return null;
    const [low, high] = [weighted.reduce(min) - gross, weighted.reduce(max) + gross];
    return { mark, funding: carried, gross, low, high, values: weighted };
  });
  return {
    ...noPrices({ ...rules, ...rules.group }),
    rules: rulesRoot(rules),
    epoch,
    longCharges,
    shortCharges,
    weights: rules.instruments.map((it) => it?.weight ?? 0n),
    funding: funding[0],
    values: net,
    markets,
    ...change,
  };
}
