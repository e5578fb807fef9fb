// Goal: option values are Black's within the bound that is stated, and never leave room for arbitrage, whatever the inputs.
// Method: random points, among them the ends of all ranges (seed in the name of the test; TACIT_OPTIONS sets their number, and a
// million have been tried), against the formula in floating point.
import assert from "node:assert/strict";
import { exp, ln, rootFloor } from "../../src/protocol/fixed.ts";
import { max, min } from "../../src/protocol/numbers.ts";
import { TENORS, YEAR_UNITS } from "../../src/protocol/parameters.ts";
import {
  deviation,
  deviations,
  instrumentValues,
  tenor,
  timeRoot,
  weighted,
  type Instrument,
  type Scenario,
  type Shocks,
} from "../../src/protocol/optionValue.ts";
import { Random } from "../../src/replay/random.ts";
import { black } from "./black.ts";

const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const POINTS = Number(process.env.TACIT_OPTIONS ?? 20_000);
const YEAR = 365 * 86_400;
const UNIT = 2 ** 24;
const MOST = (1n << 40n) - 1n;
const SHOCKS: Shocks = {
  range: 0n,
  raised: 0n,
  lowered: 0n,
  tenors: Array<bigint>(TENORS).fill(64n),
  leastVolatility: 0n,
  scenarios: [],
};
const LEVELS = ["asItIs", "raised", "lowered"] as const;

/** Between two numbers, by their logarithms; now and then one of them. */
function between(random: Random, low: number, high: number): number {
  const at = random.unit();
  if (at < 0.02) return low;
  if (at > 0.98) return high;
  return low * (high / low) ** random.unit();
}
const whole = (x: number) => BigInt(Math.round(x));

describe("protocol/optionValue", () => {
  it(`is off by 1 + 2^-20 of the forward at most, and in a scenario by a tenth of a unit more, at ${POINTS} points (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const worst = { mark: 0, scenario: 0 };
    let tried = 0;
    while (tried < POINTS) {
      const forward = whole(between(random, 1, 2 ** 40 - 1));
      const range = whole(between(random, 1, 2_000_000));
      const move = BigInt(random.integer(-72, 72));
      const level = random.pick(LEVELS);
      if (move * range >= 1n << 26n || move * range < -(1n << 26n)) continue;
      // Around the forward of the scenario.
      const moved = Number(forward) * Math.exp(Number(move * range) / UNIT);
      const strike = whole(between(random, moved / 8, moved * 8));
      if (strike < 1n || strike > MOST) continue;
      const ratio = moved / Number(strike);
      if (ratio < 1 / 8 || ratio > 8) continue;
      const volatility = whole(between(random, 0.01, 5) * UNIT);
      const tau = whole(between(random, 60, 2 * YEAR));
      const [raised, lowered] = [BigInt(random.integer(0, 64)), -BigInt(random.integer(0, 32))];
      const tenors = SHOCKS.tenors.map(() => BigInt(random.integer(0, 255)));
      const leastVolatility = whole(between(random, 2 ** 16, 2 ** 25));
      const kind = random.pick(["call", "put"] as const);
      const shocks = { ...SHOCKS, range, raised, lowered, tenors, leastVolatility, scenarios: [{ move, level }] };
      const instrument: Instrument = { kind, live: forward, fixed: 0n, strike, volatility, tau };
      const [mark, value] = instrumentValues(instrument, shocks);
      const at = Number(instrumentValues({ ...instrument, kind: "linear" }, shocks)[1]);

      const root = Math.sqrt(Number(tau) / YEAR);
      const plain = (Number(volatility) / UNIT) * root;
      const change = Number({ asItIs: 0n, raised, lowered }[level] * tenors[tenor(tau)]) / 4_096;
      const least = level === "raised" ? (Number(leastVolatility) / UNIT) * root : 0;
      const s = Math.max(plain * (1 + change), least);
      // Beyond the least deviation and the greatest one that the bound is stated for.
      if (s < 1.06e-5 || s > 7.07) continue;
      // In a scenario the forward is rounded down, and the score is not: of small forwards that costs some 0.08.
      const slack = { mark: 1, scenario: 1.1 };
      const check = (got: bigint, at: number, deviation: number, why: keyof typeof slack) => {
        const call = black(at, Number(strike), deviation);
        const exact = kind === "call" ? call : call - at + Number(strike);
        const error = Math.abs(Number(got) - exact) / (slack[why] + at / 2 ** 20);
        worst[why] = Math.max(worst[why], error);
        assert.ok(error <= 1, `${why}: ${Object.values(instrument)} ${level} ${move} ${range}: ${got}, not ${exact}`);
      };
      check(value, at, s, "scenario");
      const markRatio = Number(forward) / Number(strike);
      if (plain <= 7.07 && markRatio >= 1 / 8 && markRatio <= 8) check(mark, Number(forward), plain, "mark");
      tried++;
    }
    if (process.env.TACIT_OPTIONS) console.log("      worst errors, of the bound:", worst);
  });

  it(`leaves no room for arbitrage, at ${POINTS} points of any ranges (seed ${SEED})`, () => {
    const random = new Random(SEED + 1);
    const about = (bits: number, ...some: bigint[]) => random.unit() < 0.3 ? random.pick(some) : random.bits(random.integer(1, bits)); // prettier-ignore
    for (let point = 0; point < POINTS; point++) {
      const live = about(40, 0n, 1n, MOST, 1n << 40n);
      const near = (live * BigInt(random.integer(1, 80))) / 10n;
      const strike = min(MOST, max(1n, random.pick([1n, MOST, about(40, 5n), near, near, live, live + 1n])));
      const range = about(26, 0n, 1n, (1n << 26n) - 1n);
      const most = range === 0n ? 72n : min(72n, ((1n << 26n) - 1n) / range);
      const row = (): Scenario => ({ move: random.pick([0n, most, -most, BigInt(random.integer(0, Number(most)))]), level: random.pick(LEVELS) }); // prettier-ignore
      const fixed = random.unit() < 0.6 ? 0n : about(40, 1n, MOST, 1n << 40n, strike);
      const volatility = about(40, 0n, 1n, MOST);
      const tau = about(40, 0n, 1n, MOST, (1n << 28n) - 1n, 1n << 28n);
      const shocks: Shocks = {
        range,
        raised: about(6, 0n, 64n),
        lowered: -about(5, 0n, 32n),
        tenors: SHOCKS.tenors.map(() => random.bits(8)),
        leastVolatility: about(28, 0n, (1n << 28n) - 1n),
        scenarios: [row(), row(), row()],
      };
      const of = (kind: Instrument["kind"]) => instrumentValues({ kind, live, fixed, strike, volatility, tau }, shocks);
      const [forwards, calls, puts] = [of("linear"), of("call"), of("put")];
      const why = () => `${[live, fixed, strike, volatility, tau, range]} ${shocks.scenarios.map(({ move, level }) => `${move} ${level}`)}`; // prettier-ignore
      forwards.forEach((forward, k) => {
        assert.ok(forward >= fixed && forward < 1n << 47n, why());
        assert.ok(calls[k] >= max(0n, forward - strike) && calls[k] <= forward, why());
        assert.equal(puts[k], calls[k] - forward + strike, why());
        assert.ok(puts[k] >= 0n && puts[k] <= strike, why());
      });
    }
  });

  it("is the payoff where nothing is left of the time, up to a unit", () => {
    for (const [live, fixed, strike] of [
      [0n, 500n, 400n],
      [0n, 400n, 500n],
      [300n, 200n, 400n],
      [300n, 200n, 600n],
    ]) {
      // prettier-ignore
      const [call] = instrumentValues({ kind: "call", live, fixed, strike, volatility: 1n << 23n, tau: 0n }, SHOCKS);
      const over = call - max(0n, live + fixed - strike);
      assert.ok(over === 0n || over === 1n, `${over}`);
    }
  });

  it("is taken of the live part alone once a part is fixed", () => {
    const base = { kind: "call", volatility: 3n << 23n, tau: 86_400n } as const;
    const [part] = instrumentValues({ ...base, live: 50_000n, fixed: 0n, strike: 45_000n }, SHOCKS);
    const [both] = instrumentValues({ ...base, live: 50_000n, fixed: 55_000n, strike: 100_000n }, SHOCKS);
    assert.equal(both, part);
    // A fixed part that is worth more than the strike is a gain on top.
    const [over] = instrumentValues({ ...base, live: 50_000n, fixed: 55_000n, strike: 50_000n }, SHOCKS);
    assert.equal(over, 55_000n);
  });

  it("has logarithms, exponentials and roots as exact as they say", () => {
    const random = new Random(SEED + 2);
    const numbers = [1n, 2n, 3n, 1n << 40n, (1n << 41n) - 1n, ...Array.from({ length: 2_000 }, () => random.bits(random.integer(1, 41)) || 1n)]; // prettier-ignore
    for (const x of numbers) {
      const off = Number(ln(x)) - Math.log(Number(x)) * UNIT;
      assert.ok(Math.abs(off) < 12, `ln ${x}: ${off}`);
    }
    const top = 1n << 26n;
    const exponents = [-top, -1n, 0n, 1n, top - 1n, ...Array.from({ length: 2_000 }, () => random.bits(27) - top)];
    for (const z of exponents) {
      const exact = Math.exp(Number(z) / UNIT);
      const off = Number(exp(z)) - exact * UNIT;
      assert.ok(Math.abs(off) < 1 + exact, `exp ${z}: ${off}`);
    }
    for (const n of [0n, 1n, 2n, 3n, 4n, 8n, 9n, ...Array.from({ length: 200 }, () => random.bits(90))])
      for (const divisor of [1n, 2n, YEAR_UNITS]) {
        const root = rootFloor(n, divisor);
        assert.ok(divisor * root * root <= n && n < divisor * (root + 1n) ** 2n, `${n} / ${divisor}`);
      }
  });

  it("clamps deviations, and moves volatility by its tenor", () => {
    assert.deepEqual(deviation(-5n), deviation(64n));
    assert.deepEqual(deviation(1n << 30n), deviation((1n << 26n) - 1n));
    const { s, dev, rest } = deviation(123_456n);
    assert.equal(4_096n * dev + rest + 2_048n, s);
    const taus = [0n, 511n, 512n, 1_023n, 1_024n, 2_047n, 1n << 23n, 1n << 24n, MOST];
    assert.deepEqual(taus.map(tenor), [0, 0, 0, 0, 1, 1, 14, 15, 15]);
    assert.equal(timeRoot(1n << 28n), timeRoot((1n << 28n) - 1n));
    const of = { volatility: 1n << 23n, tau: 1n << 20n };
    const tenors = SHOCKS.tenors.map((_, j) => (j === tenor(of.tau) ? 128n : 0n));
    const { asItIs, raised, lowered } = deviations(of, { ...SHOCKS, raised: 16n, lowered: -16n, tenors });
    assert.equal(raised.s, (asItIs.s * 3n) / 2n);
    assert.equal(lowered.s, asItIs.s / 2n);
    const least = deviations(of, { ...SHOCKS, leastVolatility: 1n << 25n });
    assert.deepEqual([least.asItIs, least.lowered], [asItIs, asItIs]);
    assert.ok(least.raised.s >= 4n * asItIs.s);
  });

  it("counts the part of a change that a scenario says, rounded down", () => {
    assert.equal(weighted({ value: 7n, mark: 0n, weight: 32n }), 3n);
    assert.equal(weighted({ value: -7n, mark: 0n, weight: 32n }), -4n);
    assert.equal(weighted({ value: 7n, mark: 0n, weight: 64n }), 7n);
    assert.equal(weighted({ value: 7n, mark: 0n, weight: 0n }), 0n);
    assert.throws(() => weighted({ value: 7n, mark: 0n, weight: 65n }), { code: "OUT_OF_RANGE" });
  });
});
