/**
 * Writes the table of docs/margin.md: what ten portfolios must hold here, and what SPAN and Deribit's portfolio margin would ask,
 * at one range for all three, so that methods are compared and not how careful somebody is. `--check` writes nothing.
 *     node --import tsx --conditions tacit-source scripts/margins.ts [--check]
 * @source CME Group, "Components of SPAN" (cme.com/clearing/rmspan): 16 scenarios: 0, 1/3, 2/3, 3/3 of the price scan range each
 *     way, volatility up and down; twice the range each way, of which a third counts (three times and 35% of late); the
 *     short option minimum; the spread charge between months. Parameters are an exchange's: those below are examples.
 * @source Deribit, "Portfolio Margin" (support.deribit.com, 25944756247837) and its parameters as others publish them
 *     (docs.oreome.com, "Advanced Risk Scenarios"): nine moves evenly in the range, volatility up by 50% (30 / days)^v, down by
 *     25% of that, v = 0.30 below 30 days and 0.13 above; 1% of the underlying for each net short option of a strike; 0.6% of it
 *     for each future. Its table of far moves counts in part and has a dampener, which are left out here.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { charges } from "../src/protocol/margin.ts";
import { min } from "../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../src/protocol/parameters.ts";
import { ROOT } from "../src/setup/folders.ts";
import { thousands } from "../src/setup/format.ts";
import { FORWARD, INSTRUMENTS_OF_COVERAGE, MONTH, PRICES, PRICING, SIGMA, WEEK } from "./margins/venue.ts";

const PAGE = join(ROOT, "docs/margin.md");
const MARKS = ["<!-- margins -->", "<!-- /margins -->"];
const LOTS = 10n;

const slot = (strike: bigint, expiry: bigint, kind: "linear" | "call" | "put") => {
  const code = { linear: [1n, 2n], call: [3n], put: [4n] }[kind];
  return INSTRUMENTS_OF_COVERAGE.findIndex(
    ({ contract }) => contract.strike === strike && contract.expiry === expiry && code.includes(contract.kind),
  );
};
const perpetual = slot(0n, 0n, "linear");
const future = slot(0n, MONTH, "linear");
const call = (strike: bigint, expiry = MONTH) => slot(strike, expiry, "call");
const put = (strike: bigint, expiry = MONTH) => slot(strike, expiry, "put");

/** Lots by slot. */
const PORTFOLIOS: readonly { readonly name: string; readonly lots: Readonly<Record<number, bigint>> }[] = [
  { name: "empty", lots: {} },
  { name: "outright: long perpetual", lots: { [perpetual]: LOTS } },
  { name: "hedged: perpetual against the month's future", lots: { [perpetual]: LOTS, [future]: -LOTS } },
  { name: "vertical: long call 100, short call 110", lots: { [call(100_000n)]: LOTS, [call(110_000n)]: -LOTS } },
  {
    name: "butterfly: calls 90, 100 twice short, 110",
    lots: { [call(90_000n)]: LOTS, [call(100_000n)]: -2n * LOTS, [call(110_000n)]: LOTS },
  },
  {
    name: "calendar: long month's call, short week's",
    lots: { [call(100_000n)]: LOTS, [call(100_000n, WEEK)]: -LOTS },
  },
  { name: "straddle, long", lots: { [call(100_000n)]: LOTS, [put(100_000n)]: LOTS } },
  { name: "straddle, short", lots: { [call(100_000n)]: -LOTS, [put(100_000n)]: -LOTS } },
  { name: "ratio: long call 100, short two 120", lots: { [call(100_000n)]: LOTS, [call(120_000n)]: -2n * LOTS } },
  { name: "far strangle, short: put 80, call 120", lots: { [put(80_000n)]: -LOTS, [call(120_000n)]: -LOTS } },
];

/** 0 where positions and cash at their marks suffice. */
function ours(lots: Readonly<Record<number, bigint>>): bigint {
  const positions = Array.from({ length: INSTRUMENTS }, (_, i) => lots[i] ?? 0n);
  const worth = (k: number) => positions.reduce((sum, n, i) => sum + n * PRICES.values[k][i], 0n);
  const cost = charges({ positions }, PRICES);
  return worth(0) - PRICES.values.map((_, k) => worth(k) - (k === 0 ? 0n : cost)).reduce(min);
}

const [F, SIGMA_1, RANGE] = [
  Number(FORWARD),
  Number(SIGMA) / 2 ** 24,
  Math.exp((24 * Number(PRICES.range)) / 2 ** 24) - 1,
];
const now = Number(PRICES.epoch * PRICING.epochLength);
const yearsTo = (expiry: bigint) => (Number(expiry) - now) / (365 * 86_400);

/** Abramowitz and Stegun 7.1.26 is not enough for far strikes: the complementary error function by its continued fraction. */
function normal(x: number): number {
  if (x < 0) return 1 - normal(-x);
  // Below 3 by the series, above by the fraction.
  if (x < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 60; n++) sum += term *= ((-x * x) / (2 * n)) * ((2 * n - 1) / (2 * n + 1));
    return 0.5 + sum / Math.sqrt(2 * Math.PI);
  }
  let fraction = x;
  for (let n = 40; n > 0; n--) fraction = x + n / fraction;
  return 1 - Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI) / fraction;
}

function valueOf(i: number, forward: number, volatility: number): number {
  const { kind, strike, expiry } = INSTRUMENTS_OF_COVERAGE[i].contract;
  if (kind <= 2n) return forward;
  const [K, s] = [Number(strike), volatility * Math.sqrt(yearsTo(expiry))];
  const d = Math.log(forward / K) / s + s / 2;
  const value = forward * normal(d) - K * normal(d - s);
  return kind === 3n ? value : value - forward + K;
}

const held = (lots: Readonly<Record<number, bigint>>) =>
  Object.entries(lots).map(([i, n]) => [Number(i), Number(n)] as const);
const change = (lots: Readonly<Record<number, bigint>>, move: number, volatility: (years: number) => number) =>
  held(lots).reduce((sum, [i, n]) => {
    const shocked = SIGMA_1 * (1 + volatility(yearsTo(INSTRUMENTS_OF_COVERAGE[i].contract.expiry)));
    return sum + n * (valueOf(i, F * (1 + move), shocked) - valueOf(i, F, SIGMA_1));
  }, 0);

function span(lots: Readonly<Record<number, bigint>>): number {
  const scan = [0, 1 / 3, -1 / 3, 2 / 3, -2 / 3, 1, -1].flatMap((part) =>
    [0.25, -0.25].map((v) => -change(lots, part * RANGE, () => v)),
  );
  const extreme = [2, -2].map((part) => -change(lots, part * RANGE, () => 0) / 3);
  const short = held(lots).reduce(
    (sum, [i, n]) => (INSTRUMENTS_OF_COVERAGE[i].contract.strike > 0n && n < 0 ? sum - n : sum),
    0,
  );
  // Lots of one month against the other, by delta, at half a percent a pair.
  const deltas = new Map<bigint, number>();
  for (const [i, n] of held(lots)) {
    const { expiry } = INSTRUMENTS_OF_COVERAGE[i].contract;
    const delta = (valueOf(i, F * 1.001, SIGMA_1) - valueOf(i, F * 0.999, SIGMA_1)) / (0.002 * F);
    deltas.set(expiry, (deltas.get(expiry) ?? 0) + n * delta);
  }
  const sides = [...deltas.values()];
  const pairs = Math.min(
    sides.reduce((s, d) => s + Math.max(0, d), 0),
    sides.reduce((s, d) => s + Math.max(0, -d), 0),
  );
  return Math.max(0.01 * F * short, Math.max(0, ...scan, ...extreme) + 0.005 * F * pairs);
}

function deribit(lots: Readonly<Record<number, bigint>>): number {
  const power = (years: number) => (30 / (365 * years)) ** (365 * years < 30 ? 0.3 : 0.13);
  const losses = Array.from({ length: 9 }, (_, i) => (i - 4) / 4).flatMap((part) =>
    [0.5, 0, -0.25].map((v) => -change(lots, part * RANGE, (years) => v * power(years))),
  );
  const strikes = new Map<string, number>();
  let futures = 0;
  for (const [i, n] of held(lots)) {
    const { strike, expiry } = INSTRUMENTS_OF_COVERAGE[i].contract;
    if (strike === 0n) futures += Math.abs(n);
    else strikes.set(`${strike}/${expiry}`, (strikes.get(`${strike}/${expiry}`) ?? 0) + n);
  }
  const shorts = [...strikes.values()].reduce((sum, n) => sum + Math.max(0, -n), 0);
  return Math.max(0, ...losses) + 0.01 * F * shorts + 0.006 * F * futures;
}

const percent = (x: number) => `${((100 * x) / (Number(LOTS) * F)).toFixed(2)}%`;
const rows = PORTFOLIOS.map(({ name, lots }) => {
  const [a, b, c] = [Number(ours(lots)), span(lots), deribit(lots)];
  return `| ${name} | ${thousands(BigInt(Math.round(a)))} | ${percent(a)} | ${percent(b)} | ${percent(c)} |`;
});
const text = [
  MARKS[0],
  "",
  `| ${LOTS} lots of each leg, 1,000.00 a lot, range ${(100 * RANGE).toFixed(1)}% | here, cents | here | SPAN | Deribit |`,
  "| --- | --: | --: | --: | --: |",
  ...rows,
  "",
  MARKS[1],
].join("\n");
const page = await readFile(PAGE, "utf8");
const [start, end] = MARKS.map((mark) => page.indexOf(mark));
if (start < 0 || end < 0) throw new Error(`${PAGE} has no place for the table`);
const written = page.slice(0, start) + text + page.slice(end + MARKS[1].length);
if (!process.argv.includes("--check")) await writeFile(PAGE, written);
else if (written !== page) {
  console.error(`${PAGE} is not what the rules give: run scripts/margins.ts`);
  process.exitCode = 1;
}
