import type { Point } from "./babyjub.ts";
import { inSubgroup } from "./eddsa.ts";
import { outOfRange } from "./errors.ts";
import { contractsHash, instrumentRows, isPerpetual, requireInstruments, type Instruments } from "./instrument.ts";
import type { Profile } from "./instructions.ts";
import { marketRulesWords, vectorHash, type MarketRules } from "./market.ts";
import { abs, pack, requireBits, requireSigned, type Column } from "./numbers.ts";
import {
  BITS,
  DEFAULT_CANCELS,
  FEE_DENOMINATOR,
  INSTRUMENTS,
  MARKET_STATE,
  MARKETS,
  MOST,
  NO_MARKET_ID,
  OPTION,
  RULE,
  TENORS,
} from "./parameters.ts";
import { hash, hashMany } from "./poseidon.ts";
import { LEVEL, type Prices, type Pricing } from "./prices.ts";
import { quorumOf } from "./report.ts";
import { fitsTransaction, worstClear } from "./transaction.ts";

/**
 * The rules of a group (docs/protocol.md, sections 5 and 9): all that the register `rules` commits to. They change by RULES
 * alone (configure.ts).
 */

/** When an account is sold down, and how (docs/protocol.md, section 9). */
export interface Defaults {
  /** beta: 1024ths of the loss in a scenario that equity must carry, at most `target` */
  readonly maintenance: bigint;
  /** the same of an account that is sold down no further, at most 1024 */
  readonly target: bigint;
  /** seconds from a flag to the first sale */
  readonly grace: bigint;
  /** seconds in which limits widen to the scenarios' ends, at least 1 */
  readonly slope: bigint;
  /** seconds beyond `grace` + 2 `slope` for which a flag counts */
  readonly hold: bigint;
  /** 1024ths of the worst loss that an account assumed leaves with the insurance, at most `maintenance` */
  readonly penalty: bigint;
  /** 2^-16 of the way to the scenarios' ends at which the insurance account sells */
  readonly insuranceLimit: bigint;
  /** worst loss of the insurance account, cash units, below which it need not lower it */
  readonly loose: bigint;
  /** 2^-16 of the fees that go to the insurance account */
  readonly insuranceShare: bigint;
}

/** Money of the insurance account that leaves by RULES. */
export interface InsurancePayout {
  readonly recipient: bigint;
  readonly amount: bigint;
  /** of the RULES entry that pays it */
  readonly time: bigint;
}

export interface Group {
  readonly operatorKeyX: bigint;
  readonly operatorKeyY: bigint;
  /** 3f + 1, as the profile has them */
  readonly feeds: readonly Point[];
  readonly pricing: Pricing;
  /** 64ths of the width of the scenarios that an order reserves beyond its worst loss, 0 to 64 */
  readonly slack: bigint;
  readonly defaults: Defaults;
  readonly payout: InsurancePayout | null;
  /** greatest market id that was ever used */
  readonly greatestId: bigint;
}

export interface Rules {
  readonly group: Group;
  /** by slot, null for a free one */
  readonly instruments: Instruments;
  readonly markets: readonly (MarketRules | null)[];
}

/** Rules, and prices under them. */
export interface Terms {
  readonly rules: Rules;
  readonly prices: Prices;
}

/** Words of the pricing rules but its tables, in the order of their hash; epoch, lag and grid stand in the group. */
export const PRICING = [
  "window",
  "raised",
  "lowered",
  "leastVolatility",
  "horizon",
  "rangeFloor",
  "rangeCap",
  "fundingEvery",
  "fundingDivisor",
  "fundingClamp",
  "step",
  "markBand",
] as const satisfies readonly (keyof Pricing)[];
export const DEFAULTS = [
  "maintenance",
  "target",
  "grace",
  "slope",
  "hold",
  "penalty",
  "insuranceLimit",
  "loose",
  "insuranceShare",
] as const satisfies readonly (keyof Defaults)[];

/** A row of the scenario table in its word, low bits first; as many rows in a word as fit 252 bits. */
const SCENARIO_COLUMNS = [
  { name: "move", bits: 8, signed: true },
  { name: "level", bits: 2 },
  { name: "weight", bits: 7 },
] as const satisfies readonly Column[];
/** Of a multiplier of the tenor table. */
const TENOR_BITS = 8;

const columnsOf = (columns: readonly Column[], n: number): Column[] =>
  Array.from({ length: n }, (_, i) => columns.map(({ name, ...rest }) => ({ ...rest, name: `${name}${i}` }))).flat();

/** The words of the scenario table, eight rows in each. */
export const SCENARIOS_A_WORD = 8;
export function scenarioWords({ scenarios }: Pick<Pricing, "scenarios">): bigint[] {
  return Array.from({ length: Math.ceil(scenarios.length / SCENARIOS_A_WORD) }, (_, w) => {
    const rows = scenarios.slice(w * SCENARIOS_A_WORD, (w + 1) * SCENARIOS_A_WORD);
    const values = Object.fromEntries(
      rows.flatMap(({ move, level, weight }, i) => [
        [`move${i}`, move],
        [`level${i}`, BigInt(LEVEL[level])],
        [`weight${i}`, weight],
      ]),
    );
    return pack(columnsOf(SCENARIO_COLUMNS, rows.length), values);
  });
}

/** The word of the tenor table. */
export function tenorsWord({ tenors }: Pick<Pricing, "tenors">): bigint {
  const values = Object.fromEntries(tenors.map((value, i) => [`tenors${i}`, value]));
  return pack(columnsOf([{ name: "tenors", bits: TENOR_BITS }], TENORS), values);
}

/** H_feeds of the keys' coordinates. */
export function feedsHash(feeds: readonly Point[]): bigint {
  return hash(
    "feeds",
    feeds.flatMap(({ x, y }) => [x, y]),
  );
}

/** H_pricing(the words of PRICING, tenors, the words of the scenario table). */
export function pricingHash(pricing: Pricing): bigint {
  const words = PRICING.map((name) => BigInt(pricing[name]));
  const lowered = PRICING.indexOf("lowered");
  words[lowered] = -words[lowered];
  return hash("pricing", [...words, tenorsWord(pricing), ...scenarioWords(pricing)]);
}

export function defaultsHash(defaults: Defaults): bigint {
  return hash(
    "defaults",
    DEFAULTS.map((name) => defaults[name]),
  );
}

/** The words of a group, in the order of its hash. @twins circuits/lib/tables.circom (Group) */
export function groupParts(group: Group) {
  const { operatorKeyX, operatorKeyY, slack, greatestId, payout } = group;
  const { epochLength, lag, grid } = group.pricing;
  return {
    operatorKeyX,
    operatorKeyY,
    epochLength,
    lag,
    slack,
    grid,
    greatestId,
    feeds: feedsHash(group.feeds),
    pricing: pricingHash(group.pricing),
    defaults: defaultsHash(group.defaults),
    payout: payout ? hash("insurancePayout", [payout.recipient, payout.amount, payout.time]) : 0n,
  };
}

export function groupHash(group: Group): bigint {
  return hash("group", Object.values(groupParts(group)));
}

/** Market ids by slot (NO_MARKET_ID: free), and hashes of the rows of markets and instruments (0: free). */
export function rulesVectors({ markets, instruments }: Pick<Rules, "markets" | "instruments">) {
  const hashes = hashMany(
    "marketRules",
    markets.flatMap((row) => (row ? [marketRulesWords(row)] : [])),
  );
  let next = 0;
  return {
    ids: markets.map((row) => row?.id ?? NO_MARKET_ID),
    markets: markets.map((row) => (row ? hashes[next++] : 0n)),
    instruments: instrumentRows(instruments),
  };
}

/** rules = H_rules(H_group, H_vector(ids), H_vector(market rows), H_vector(instrument rows)) */
export function rulesRoot(rules: Rules): bigint {
  const { ids, markets, instruments } = rulesVectors(rules);
  return hash("rules", [groupHash(rules.group), ...[ids, markets, instruments].map(vectorHash)]);
}

interface RulesRoots {
  readonly root: bigint;
  /** what feeds report about */
  readonly contracts: bigint;
}

/** Rules never change once they are made: both take some hundred hashes, and are asked for again and again. */
const computed = new WeakMap<Rules, RulesRoots>();
export function rootsOf(rules: Rules): RulesRoots {
  const roots = computed.get(rules) ?? { root: rulesRoot(rules), contracts: contractsHash(rules.instruments) };
  computed.set(rules, roots);
  return roots;
}

type Range = readonly [least: bigint, most: bigint];
const below = (bits: number) => (1n << BigInt(bits)) - 1n;
const MARKET_RANGES: Readonly<Record<Exclude<keyof MarketRules, "legs">, Range>> = {
  id: [1n, below(BITS.market)],
  tick: [1n, below(BITS.tick)],
  lotLimit: [1n, below(BITS.size)],
  band: [0n, below(BITS.price)],
  feeRate: [0n, FEE_DENOMINATOR],
  feePerLot: [0n, below(BITS.feePerLot)],
  rhoMin: [1n, below(BITS.rhoMin)],
  rule: [0n, BigInt(Object.keys(RULE).length - 1)],
  interval: [1n, below(BITS.tick)],
  state: [1n, BigInt(Object.keys(MARKET_STATE).length)],
  until: [0n, below(BITS.time)],
  // Reductions and sweeps of defaults may fill more places: with them a market has fewer than 2^16 entries, and cancels.
  capacity: [1n, BigInt(MOST.capacity)],
  cancelCapacity: [1n, below(BITS.count) - BigInt(DEFAULT_CANCELS)],
  listCapacity: [1n, below(BITS.count)],
};
const SECONDS: Range = [1n, below(32)];
const PRICING_RANGES: Readonly<Record<Exclude<keyof Pricing, "scenarios" | "tenors">, Range>> = {
  epochLength: SECONDS,
  lag: [0n, below(32)],
  grid: SECONDS,
  window: SECONDS,
  raised: [0n, 64n],
  lowered: [-32n, 0n],
  leastVolatility: [0n, below(OPTION.leastVolatility)],
  horizon: [1n, below(32)],
  rangeFloor: [1n, below(26)],
  rangeCap: [1n, below(26)],
  fundingEvery: [1n, BigInt(MOST.epochs)],
  fundingDivisor: SECONDS,
  fundingClamp: [0n, 1n << 16n],
  step: [1n, 1n << 16n],
  markBand: [0n, (1n << 16n) - 1n],
};
const DEFAULTS_RANGES: Readonly<Record<keyof Defaults, Range>> = {
  // An ordinary rise of the range, 5/4, must not flag who held margin.
  maintenance: [1n, BigInt(MOST.maintenance)],
  target: [1n, BigInt(MOST.defaults)],
  grace: [0n, below(32)],
  slope: SECONDS,
  hold: [0n, below(32)],
  penalty: [0n, BigInt(MOST.maintenance)],
  insuranceLimit: [0n, below(16)],
  loose: [0n, below(BITS.amount)],
  insuranceShare: [0n, 1n << 16n],
};

function requireWords<Name extends string>(
  at: string,
  of: Readonly<Record<Name, unknown>>,
  ranges: Readonly<Record<Name, Range>>,
) {
  for (const name of Object.keys(ranges) as Name[]) {
    const [least, most] = ranges[name];
    const value = of[name];
    if (typeof value !== "bigint" || value < least || value > most)
      throw outOfRange(`${at}.${name}`, `an integer from ${least} to ${most}`);
  }
}

/**
 * Whatever rules pass, every later witness exists.
 * @param bounded  false: capacities may be such that a clear fits no transaction; a replay sends none
 * @throws OUT_OF_RANGE naming the place
 */
export function requireRules(rules: Rules, profile: Profile, { bounded = true } = {}): Rules {
  const { group, instruments, markets } = rules;
  requireGroup(group, profile);
  const { grid } = group.pricing;
  requireInstruments("instruments", instruments, grid);
  if (markets.length !== MARKETS) throw outOfRange("markets", `${MARKETS} slots`);
  const ids = new Set<bigint>();
  for (const [slot, row] of markets.entries()) {
    if (!row) continue;
    const at = `markets[${slot}]`;
    requireMarket(at, row, instruments);
    if (ids.has(row.id)) throw outOfRange(`${at}.id`, "every id once");
    if (row.id > group.greatestId) throw outOfRange(`${at}.id`, "at most group.greatestId");
    ids.add(row.id);
    if (bounded && !fitsTransaction(worstClear(row, profile)))
      throw outOfRange(at, "capacities whose clear fits one transaction at worst");
  }
  return rules;
}

function requireMarket(at: string, row: MarketRules, instruments: Instruments): void {
  requireWords(at, row, MARKET_RANGES);
  if (row.legs.length !== INSTRUMENTS) throw outOfRange(`${at}.legs`, `${INSTRUMENTS} of them`);
  row.legs.forEach((leg, i) => {
    requireSigned(`${at}.legs[${i}]`, leg, BITS.leg);
    if (leg === 0n) return;
    const contract = instruments[i]?.contract;
    if (!contract) throw outOfRange(`${at}.legs[${i}]`, "0 of a free instrument slot");
    if (!isPerpetual(contract) && row.until > contract.expiry)
      throw outOfRange(`${at}.until`, `at most ${contract.expiry}, when instrument ${i} expires`);
  });
}

function requireGroup(group: Group, { scenarios, feeds }: Profile): void {
  const { pricing, defaults, payout } = group;
  requireKey("group.operatorKey", { x: group.operatorKeyX, y: group.operatorKeyY });
  quorumOf(group.feeds.length);
  if (group.feeds.length !== feeds) throw outOfRange("group.feeds", `${feeds} keys`);
  group.feeds.forEach((key, i) => requireKey(`group.feeds[${i}]`, key));
  if (new Set(group.feeds.map(({ x, y }) => `${x},${y}`)).size !== feeds)
    throw outOfRange("group.feeds", "every key once");
  const { slack, greatestId } = group;
  requireWords("group", { slack, greatestId }, { slack: [0n, 64n], greatestId: [0n, below(BITS.market)] });
  requireWords("group.pricing", pricing, PRICING_RANGES);
  requirePricing("group.pricing", pricing, scenarios);
  requireWords("group.defaults", defaults, DEFAULTS_RANGES);
  const { maintenance, target, penalty, insuranceLimit } = defaults;
  if (maintenance > target) throw outOfRange("group.defaults.maintenance", "at most the target");
  if (penalty > maintenance) throw outOfRange("group.defaults.penalty", "at most maintenance");
  // What a lone bid may gain of what the insurance account sells stays below what its owner left for it.
  if (insuranceLimit > 32n * penalty) throw outOfRange("group.defaults.insuranceLimit", "at most 32 times the penalty");
  if (payout) {
    requireBits("group.payout.recipient", payout.recipient, BITS.recipient);
    requireBits("group.payout.amount", payout.amount, BITS.amount);
    requireBits("group.payout.time", payout.time, BITS.time);
  }
}

function requirePricing(at: string, pricing: Pricing, rows: number): void {
  const { scenarios, tenors, epochLength, lag, grid, window, rangeFloor, rangeCap } = pricing;
  const require = (name: string, holds: boolean, expected: string) => {
    if (!holds) throw outOfRange(`${at}.${name}`, expected);
  };
  require("lag", lag <= epochLength, "at most the epoch's length");
  require("grid", grid % epochLength === 0n, "a multiple of the epoch's length");
  require("window", window <= grid, "at most the grid of expiries");
  require("window", window <= BigInt(MOST.epochs) * epochLength, `at most ${MOST.epochs} epochs`);
  require("rangeFloor", rangeFloor <= rangeCap, "at most the cap");
  require("tenors", tenors.length === TENORS, `${TENORS} multipliers`);
  tenors.forEach((it, i) => requireBits(`${at}.tenors[${i}]`, it, TENOR_BITS));
  require("scenarios", scenarios.length === rows, `${rows} rows`);
  for (const [k, row] of scenarios.entries()) {
    const where = `${at}.scenarios[${k}]`;
    requireWords(
      where,
      { move: row.move, weight: row.weight },
      { move: [-BigInt(MOST.moves), BigInt(MOST.moves)], weight: [0n, 64n] },
    );
    require(`scenarios[${k}].level`, Object.hasOwn(LEVEL, row.level), `one of ${Object.keys(LEVEL).join(", ")}`);
    require(`scenarios[${k}].move`, abs(row.move) * rangeCap <
      BigInt(MOST.move), "a move of the greatest range below e^4");
    if (k === 0)
      require("scenarios[0]", row.move === 0n && row.level === "asItIs", "the mark: no move, volatility as it is");
  }
}

function requireKey(at: string, key: Point): void {
  if (key.x === 0n || !inSubgroup(key))
    throw outOfRange(at, "a point of BabyJubJub's prime subgroup, not the identity");
}
