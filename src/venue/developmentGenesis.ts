import { viewKey } from "../protocol/account.ts";
import { publicKey, secretScalar, sharedX } from "../protocol/eddsa.ts";
import type { ProfileName } from "../protocol/instructions.ts";
import { INSTRUMENTS } from "../protocol/parameters.ts";

/** A market of a development genesis, by what it differs in. */
export interface DevelopmentMarket {
  readonly id: string;
  readonly name: string;
  readonly legs: Readonly<Record<number, number>>;
  readonly rule?: "auction" | "midpoint";
}

/** One underlying at 1,000.00, money in cents: a perpetual, a call and a put struck there, their straddle, a dark cross. */
export const DEVELOPMENT_MARKETS: readonly DevelopmentMarket[] = [
  { id: "101", name: "perpetual", legs: { 0: 1 } },
  { id: "102", name: "call 1000", legs: { 1: 1 } },
  { id: "103", name: "put 1000", legs: { 2: 1 } },
  { id: "104", name: "straddle 1000", legs: { 1: 1, 2: 1 } },
  { id: "105", name: "perpetual cross", legs: { 0: 1 }, rule: "midpoint" },
];

const TEN_YEARS = 315_360_000;

/**
 * A genesis file (docs/formats.md) to try a venue with: its prices never change and count as fresh for ten years.
 * @param secret     of the operator key, 32 bytes; account 0 is the operator's
 * @param insurance  of the insurance account, 32 bytes
 * @param domain     names the venue: a field element
 * @param time       seconds since 1970
 * @param interval   seconds between auctions
 */
export function developmentGenesis(venue: {
  secret: Uint8Array;
  insurance: Uint8Array;
  domain: bigint;
  time: bigint;
  profile?: ProfileName;
  interval?: number;
  markets?: readonly DevelopmentMarket[];
}): Record<string, unknown> {
  const { secret, insurance, domain, time, profile = "demo", interval = 10, markets = DEVELOPMENT_MARKETS } = venue;
  const operator = publicKey(secret);
  const scalar = secretScalar(secret);
  const house = (key: { x: bigint; y: bigint }, index: number) => ({
    keyX: String(key.x),
    keyY: String(key.y),
    view: String(viewKey(sharedX(scalar, key), index)),
  });
  const vector = (...values: number[]) => Array.from({ length: INSTRUMENTS }, (_, i) => String(values[i] ?? 0));
  const scenarios = [
    vector(100_000, 6_000, 5_500),
    vector(120_000, 21_000, 600),
    vector(80_000, 500, 20_800),
    vector(65_000, 10, 35_500),
  ];
  // The larger profile has room for twelve scenarios: the same again serve as well.
  const values = Array.from({ length: profile === "demo" ? 4 : 12 }, (_, k) => scenarios[k % 4]);
  return {
    profile,
    domain: String(domain),
    time: String(time),
    group: { operatorKeyX: String(operator.x), operatorKeyY: String(operator.y), maxAge: String(TEN_YEARS) },
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
      capacity: "200",
      cancelCapacity: "32",
      listCapacity: "32",
    })),
    prices: { epoch: "1", time: String(time), values, funding: vector() },
    accounts: [house(operator, 0), house(publicKey(insurance), 1)],
  };
}
