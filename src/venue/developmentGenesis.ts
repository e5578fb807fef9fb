import { DevelopmentFeeds } from "../feeds/developmentFeeds.ts";
import { viewKey } from "../protocol/account.ts";
import type { Point } from "../protocol/babyjub.ts";
import { publicKey, secretScalar, sharedX } from "../protocol/eddsa.ts";
import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import type { Instrument } from "../protocol/instrument.ts";
import { BITS, INSTRUMENT_KIND, INSTRUMENTS } from "../protocol/parameters.ts";
import type { Pricing, Scenario } from "../protocol/prices.ts";
import type { Defaults } from "../protocol/rules.ts";
import { instrumentsJson } from "../protocol/rulesJson.ts";

/** A market of a development genesis, by what it differs in. */
export interface DevelopmentMarket {
  readonly id: string;
  readonly name: string;
  readonly legs: Readonly<Record<number, number>>;
  readonly rule?: "auction" | "midpoint";
}

/** One underlying at about 1,000.00, money in cents: a perpetual, a call and a put struck there, their straddle, a dark cross. */
export const DEVELOPMENT_MARKETS: readonly DevelopmentMarket[] = [
  { id: "101", name: "perpetual", legs: { 0: 1 } },
  { id: "102", name: "call 1000", legs: { 1: 1 } },
  { id: "103", name: "put 1000", legs: { 2: 1 } },
  { id: "104", name: "straddle 1000", legs: { 1: 1, 2: 1 } },
  { id: "105", name: "perpetual cross", legs: { 0: 1 }, rule: "midpoint" },
];
/** Price of the underlying that development begins with, and the strike of its options: cash units a lot. */
export const DEVELOPMENT_PRICE = 100_000n;

const DAY = 86_400n;
const FOREVER = (1n << BigInt(BITS.time)) - 1n;

/** Seed of the feeds whose keys a development genesis has where none are named. */
export const DEVELOPMENT_SEED = 1;

/** Maintenance is half of the loss in a scenario, the target three quarters; the insurance gets a tenth of the fees. */
export const DEVELOPMENT_DEFAULTS: Defaults = {
  maintenance: 512n,
  target: 768n,
  grace: 60n,
  slope: 600n,
  hold: 600n,
  penalty: 51n,
  insuranceLimit: 1_632n,
  loose: 1_000n,
  insuranceShare: 6_554n,
};

/** Volatility lower, higher, and far moves in part: the first row is the mark. */
const LOWERED = [0n, 8n, -8n, 16n, -16n, 24n, -24n];
const RAISED = [0n, 12n, -12n, 24n, -24n];
const TAILS = [48n, -48n, 72n];
/** 64ths of a far move that count: about a third, as SPAN has it of its extreme ones. */
const TAIL_WEIGHT = 22n;

/** The scenario table of a profile of 4 rows, or of 16. */
export function developmentScenarios(rows: number): Scenario[] {
  const row =
    (level: Scenario["level"], weight = 64n) =>
    (move: bigint): Scenario => ({ move, level, weight });
  const mark = row("asItIs")(0n);
  if (rows < 16) return [mark, ...[-24n, 24n].map(row("raised")), row("lowered")(0n)];
  return [mark, ...LOWERED.map(row("lowered")), ...RAISED.map(row("raised")), ...TAILS.map(row("raised", TAIL_WEIGHT))];
}

/** Epochs of a minute; ranges of three deviations of a day, 3% to 29%; funding each hour; volatility up by 3/8 a month ahead. */
export function developmentPricing(rows: number): Pricing {
  return {
    epochLength: 60n,
    lag: 5n,
    grid: DAY,
    window: 1_800n,
    scenarios: developmentScenarios(rows),
    raised: 24n,
    lowered: -16n,
    tenors: [160n, 150n, 140n, 130n, 120n, 110n, 100n, 92n, 84n, 76n, 70n, 64n, 56n, 48n, 40n, 32n],
    leastVolatility: 1n << 21n,
    horizon: 109_739n,
    rangeFloor: 20_000n,
    rangeCap: 200_000n,
    fundingEvery: 60n,
    fundingDivisor: 8n,
    fundingClamp: 655n,
    step: 13_107n,
    markBand: 3_277n,
  };
}

/** A perpetual, and a call and a put on it, struck at DEVELOPMENT_PRICE, which share a volatility. */
export function developmentInstruments(expiry: bigint): Instrument[] {
  const none = { expiry: 0n, strike: 0n, forward: 0n, volatility: 0n };
  const option = { expiry, strike: DEVELOPMENT_PRICE, forward: 0n, volatility: 1n };
  return [
    { contract: { ...none, kind: BigInt(INSTRUMENT_KIND.perpetual) }, longCharge: 100n, shortCharge: 100n, weight: 1n },
    { contract: { ...option, kind: BigInt(INSTRUMENT_KIND.call) }, longCharge: 50n, shortCharge: 500n, weight: 1n },
    { contract: { ...option, kind: BigInt(INSTRUMENT_KIND.put) }, longCharge: 50n, shortCharge: 500n, weight: 1n },
  ];
}

/** The feeds whose keys a development genesis has where none are named: they make up its prices. */
export function developmentFeeds({ profile, time }: { profile: ProfileName; time: bigint }): DevelopmentFeeds {
  const { feeds } = PROFILES[profile];
  return new DevelopmentFeeds({ seed: DEVELOPMENT_SEED, feeds, startPrice: DEVELOPMENT_PRICE, startTime: time });
}

/**
 * A genesis file (docs/formats.md) to try a venue with. It has no prices before its feeds' first reports.
 * @param secret     of the operator key, 32 bytes; account 0 is the operator's
 * @param insurance  of the insurance account, 32 bytes
 * @param domain     names the venue: a field element
 * @param time       seconds since 1970
 * @param interval   seconds between auctions
 * @param feeds      keys of its feeds, 3f + 1 as the profile has them; default: those of DEVELOPMENT_SEED
 * @param pricing    what is other than `developmentPricing`
 */
export function developmentGenesis(venue: {
  secret: Uint8Array;
  insurance: Uint8Array;
  domain: bigint;
  time: bigint;
  profile?: ProfileName;
  interval?: number;
  markets?: readonly DevelopmentMarket[];
  feeds?: readonly Point[];
  pricing?: Partial<Pricing>;
  /** of the options, seconds since 1970; default: a month ahead at midnight */
  expiry?: bigint;
}): Record<string, unknown> {
  const { secret, insurance, domain, time, profile = "demo", interval = 10, markets = DEVELOPMENT_MARKETS } = venue;
  const { feeds = developmentFeeds({ profile, time }).keys, expiry = (time / DAY + 31n) * DAY } = venue;
  const operator = publicKey(secret);
  const scalar = secretScalar(secret);
  const house = (key: { x: bigint; y: bigint }, index: number) => ({
    keyX: String(key.x),
    keyY: String(key.y),
    view: String(viewKey(sharedX(scalar, key), index)),
  });
  const { scenarios, tenors, ...pricing } = { ...developmentPricing(PROFILES[profile].scenarios), ...venue.pricing };
  const texts = (of: Readonly<Record<string, bigint>>) =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, String(value)]));
  const instruments = developmentInstruments(expiry);
  const untilOf = (legs: Readonly<Record<number, number>>) =>
    Object.keys(legs).some((slot) => instruments[Number(slot)].contract.expiry !== 0n) ? expiry : FOREVER;
  return {
    profile,
    domain: String(domain),
    time: String(time),
    rules: {
      group: {
        operatorKeyX: String(operator.x),
        operatorKeyY: String(operator.y),
        slack: "8",
        greatestId: markets.reduce((greatest, { id }) => (Number(id) > Number(greatest) ? id : greatest), "0"),
        feeds: feeds.map(({ x, y }) => ({ x: String(x), y: String(y) })),
        pricing: {
          ...texts(pricing),
          scenarios: scenarios.map(({ move, level, weight }) => ({ level, ...texts({ move, weight }) })),
          tenors: tenors.map(String),
        },
        defaults: texts({ ...DEVELOPMENT_DEFAULTS }),
      },
      instruments: instrumentsJson(instruments),
      markets: markets.map(({ id, name, legs, rule = "auction" }) => ({
        id,
        name,
        legs: Array.from({ length: INSTRUMENTS }, (_, i) => String(legs[i] ?? 0)),
        tick: "10",
        lotLimit: "10000",
        band: "20000",
        feeRate: "50",
        feePerLot: "2",
        rhoMin: "100",
        rule,
        interval: String(interval),
        state: "open",
        until: String(untilOf(legs)),
        capacity: "200",
        cancelCapacity: "32",
        listCapacity: "32",
      })),
    },
    accounts: [house(operator, 0), house(publicKey(insurance), 1)],
  };
}
