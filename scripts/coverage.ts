/**
 * What scenarios and charges leave uncovered: portfolios are drawn that hold their margin to the unit, the underlying, volatilities
 * and basis move at random, and the greatest loss beyond what was held is printed, in parts of the notional that is held.
 *     node --import tsx --conditions tacit-source scripts/coverage.ts [--portfolios 10000] [--seed 1]
 */
import { parseArgs } from "node:util";
import { charges } from "../src/protocol/margin.ts";
import { abs, max, min } from "../src/protocol/numbers.ts";
import { contractValues } from "../src/protocol/prices.ts";
import type { Scenario as Row } from "../src/protocol/optionValue.ts";
import { tenor } from "../src/protocol/optionValue.ts";
import { Random } from "../src/replay/random.ts";
import { table } from "../src/setup/format.ts";
import { FORWARD, INSTRUMENTS_OF_COVERAGE, LAST, PRICES, PRICING, RULES } from "./margins/venue.ts";

const { values } = parseArgs({
  options: { portfolios: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const portfolios = Number(values.portfolios);
const random = new Random(Number(values.seed));

/** 24ths of the range: to three of them on each side. */
const MOVES = Array.from({ length: 145 }, (_, i) => BigInt(i - 72));
/** Parts of the way from the lowered volatility to the raised one. */
const LEVELS = 9;
const end = PRICES.epoch * PRICING.epochLength;

/** V of each instrument by move and level of its volatility. */
const grid = INSTRUMENTS_OF_COVERAGE.map(({ contract }, slot) =>
  Array.from({ length: LEVELS }, (_, level) => {
    const at = { last: LAST.map((value, i) => (contract.strike !== 0n && i === Number(contract.volatility) ? shocked(value, level, contract.expiry) : value)), end, average: FORWARD }; // prettier-ignore
    const scenarios = MOVES.map((move): Row => ({ move, level: "asItIs" }));
    return contractValues(PRICING, contract, slot, at, { ...PRICING, range: PRICES.range, scenarios }).slice(1);
  }),
);

function shocked(volatility: bigint, level: number, expiry: bigint): bigint {
  const times = PRICING.tenors[tenor(max(0n, expiry - end))];
  const change = (PRICING.lowered * BigInt(LEVELS - 1 - level) + PRICING.raised * BigInt(level)) * times;
  return (volatility * (4096n * BigInt(LEVELS - 1) + change)) / (4096n * BigInt(LEVELS - 1));
}

interface Worst {
  uncovered: bigint;
  part: number;
}
const worst: Record<"one range" | "three ranges", Worst> = {
  "one range": { uncovered: 0n, part: 0 },
  "three ranges": { uncovered: 0n, part: 0 },
};
for (let i = 0; i < portfolios; i++) {
  const count = random.integer(1, INSTRUMENTS_OF_COVERAGE.length);
  const positions = Array.from({ length: 16 }, () => 0n);
  for (let j = 0; j < count; j++)
    positions[random.integer(0, INSTRUMENTS_OF_COVERAGE.length - 1)] = BigInt(random.integer(-20, 20));
  const held = positions.reduce((sum, lots) => sum + abs(lots), 0n) * FORWARD;
  if (held === 0n) continue;
  const owned = { cash: 0n, positions };
  const cost = charges(owned, PRICES);
  const worth = (k: number) =>
    positions.reduce((sum, lots, slot) => sum + lots * PRICES.values[k][slot], 0n) - (k === 0 ? 0n : cost);
  const cash = -PRICES.values.map((_, k) => worth(k)).reduce(min);
  // One level of volatility an expiry, and the basis of what is linear, at most its charge.
  const levels = new Map<bigint, number>();
  for (const { contract } of INSTRUMENTS_OF_COVERAGE) levels.set(contract.expiry, random.integer(0, LEVELS - 1));
  const basis = INSTRUMENTS_OF_COVERAGE.map(({ contract, longCharge }) =>
    contract.strike === 0n ? BigInt(random.integer(-Number(longCharge), Number(longCharge))) : 0n,
  );
  MOVES.forEach((move, m) => {
    const equity = positions.reduce((sum, lots, slot) => {
      if (lots === 0n) return sum;
      const level = levels.get(INSTRUMENTS_OF_COVERAGE[slot].contract.expiry)!;
      return sum + lots * (grid[slot][level][m] + basis[slot]);
    }, cash);
    if (equity >= 0n) return;
    const part = Number((-equity * 1_000_000n) / held) / 1e6;
    for (const name of move >= -24n && move <= 24n
      ? (["one range", "three ranges"] as const)
      : (["three ranges"] as const)) {
      if (part > worst[name].part) worst[name] = { uncovered: -equity, part };
    }
  });
}
const rows = Object.entries(worst).map(([name, { uncovered, part }]) => [
  name,
  String(uncovered),
  `${(100 * part).toFixed(3)}%`,
]);
const range = (Math.exp((24 * Number(PRICES.range)) / 2 ** 24) - 1) * 100;
console.log(`${portfolios} portfolios, ${RULES.group.pricing.scenarios.length} scenarios, range ${range.toFixed(1)}%`);
console.log(table([["moves within", "worst uncovered", "of the notional held"], ...rows]));
if (worst["one range"].part > 0.01) process.exitCode = 1;
