// Goal: circuits/lib/optionValue.circom gives the values of src/protocol/optionValue.ts, for all inputs that a caller may give, and
// no others.
// Method: random inputs and the ends of all ranges (seed in the name of the test; TACIT_ROUNDS sets their number); forged witnesses.
import assert from "node:assert/strict";
import { exp, ln } from "../../src/protocol/fixed.ts";
import { divFloor, toField } from "../../src/protocol/numbers.ts";
import { TENORS } from "../../src/protocol/parameters.ts";
import {
  callValue,
  deviation,
  deviations,
  factors,
  instrumentValues,
  tenor,
  timeRoot,
  weighted,
  type Instrument,
  type Scenario,
  type Shocks,
} from "../../src/protocol/optionValue.ts";
import { Random } from "../../src/replay/random.ts";
import { compileTemplate, expectNoWitness, type CircuitSource, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { quotient } from "./r1cs.ts";

const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const ROUNDS = Number(process.env.TACIT_ROUNDS ?? 100);
const ours = (template: string, args: number[] = [], options: Partial<CircuitSource> = {}) =>
  compileTemplate({ file: "circuits/lib/optionValue.circom", template, args, ...options });
const forgeable = (template: string, args: number[] = []) => ours(template, args, { optimise: false });
const fixed = (template: string, args: (number | bigint)[]) =>
  compileTemplate({ file: "circuits/lib/fixed.circom", template, args, optimise: false });

const S = 4;
const MOST = (1n << 40n) - 1n;
const TOP = 1n << 26n;

/** A number with about so many bits, or one of a few. */
function about(random: Random, bits: number, ...some: bigint[]): bigint {
  if (some.length > 0 && random.unit() < 0.3) return random.pick(some);
  return random.bits(random.integer(1, bits));
}

interface Case {
  readonly instrument: Instrument;
  readonly shocks: Shocks;
}
function randomCase(random: Random): Case {
  const kind = random.pick(["call", "put", "call", "put", "linear"] as const);
  const live = about(random, 40, 0n, 1n, MOST, 1n << 40n, 100_000n);
  const near = (live * BigInt(random.integer(1, 80))) / 10n;
  const strike = random.pick([0n, 1n, MOST, about(random, 40), near, near, near, live, live + 1n]);
  const range = about(random, 26, 0n, 1n, TOP - 1n, 200_000n);
  const most = range === 0n ? 72n : (TOP - 1n) / range < 72n ? (TOP - 1n) / range : 72n;
  const move = () => random.pick([0n, most, -most, BigInt(random.integer(0, Number(most)))]);
  const row = (): Scenario => ({ move: move(), level: random.pick(["asItIs", "raised", "lowered"] as const), weight: 64n }) as Scenario; // prettier-ignore
  return {
    instrument: {
      kind,
      live,
      fixed: random.unit() < 0.6 ? 0n : about(random, 40, 1n, MOST, 1n << 40n, strike > MOST ? MOST : strike),
      strike: strike > MOST ? MOST : strike,
      volatility: about(random, 40, 0n, 1n, MOST, (3n << 24n) / 4n, 5n << 24n),
      tau: about(random, 40, 0n, 1n, 60n, (1n << 28n) - 1n, 1n << 28n, MOST, 86_400n, 2_592_000n),
    },
    shocks: {
      range,
      raised: about(random, 6, 0n, 64n, 24n),
      lowered: -random.pick([0n, 16n, 32n, random.bits(5)]),
      tenors: Array.from({ length: TENORS }, () => random.bits(8)),
      leastVolatility: about(random, 28, 0n, (1n << 28n) - 1n, 1n << 21n),
      scenarios: Array.from({ length: S - 1 }, row),
    },
  };
}
function inputsOf({ instrument, shocks }: Case) {
  const { kind, live, fixed, strike, volatility, tau } = instrument;
  const { range, raised, lowered, tenors, leastVolatility, scenarios } = shocks;
  return {
    isOption: kind === "linear" ? 0n : 1n,
    isPut: kind === "put" ? 1n : 0n,
    live,
    fixed,
    strike,
    volatility,
    multiplier: tenors[tenor(tau)],
    root: timeRoot(tau),
    reach: divFloor(range << 24n, 121n),
    raised,
    lowered: toField(lowered),
    leastVolatility,
    factor: factors(shocks),
    move: scenarios.map(({ move }) => toField(move)),
    isRaised: scenarios.map(({ level }) => (level === "raised" ? 1n : 0n)),
    isLowered: scenarios.map(({ level }) => (level === "lowered" ? 1n : 0n)),
  };
}

describe("circuits/lib/optionValue", () => {
  it(`InstrumentValues: ${ROUNDS} random instruments (seed ${SEED})`, async () => {
    const circuit = await ours("InstrumentValues", [S]);
    const random = new Random(SEED);
    const seen = { far: 0, itm: 0, gained: 0, short: 0, nothing: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const drawn = randomCase(random);
      // A price of nothing is seldom drawn: the first round has it.
      const it: Case = round > 0 ? drawn : { ...drawn, instrument: { ...drawn.instrument, kind: "call", live: 0n } };
      const expected = instrumentValues(it.instrument, it.shocks);
      assert.deepEqual(circuit.publicValues(inputsOf(it), S), expected, `round ${round}`);
      const { kind, live, fixed, strike } = it.instrument;
      if (kind === "linear") continue;
      if (live === 0n) seen.nothing++;
      if (fixed >= strike) seen.gained++;
      const [mark] = expected;
      const call = kind === "call" ? mark : mark + live + fixed - strike;
      if (call === live + fixed - strike) seen.itm++;
      if (call === 0n) seen.far++;
      if (live + fixed < strike) seen.short++;
    }
    if (ROUNDS >= 100) for (const [what, times] of Object.entries(seen)) assert.ok(times > 0, what);
  });

  it(`CallValue: at the ends of its cases, and ${ROUNDS} random calls (seed ${SEED})`, async () => {
    const circuit = await ours("CallValue");
    const random = new Random(SEED);
    const check = (call: Parameters<typeof callValue>[0]) => {
      const { forward, strike, score, deviation: of } = call;
      const inputs = { forward, strike, score: toField(score), dev: of.dev, rest: toField(of.rest) };
      assert.equal(circuit.publicValues(inputs, 1)[0], toField(callValue(call)), `${Object.values(inputs)}`);
    };
    for (const dev of [0n, 1n, 200n, (1n << 14n) - 1n])
      for (const rest of [-2048n, 0n, 2047n]) {
        const side = (dev + 1n) << 7n;
        // Where the side changes, where tails end on either side, and where it is far.
        const ends = [side, 0n, (1n << 21n) - side, (1n << 21n) + side, (1n << 22n) - side, (1n << 22n) + side, (1n << 41n) + 5n]; // prettier-ignore
        for (const end of ends)
          for (const off of [-256n, -1n, 0n, 1n, 255n])
            for (const sign of [1n, -1n])
              check({ forward: 100_003n, strike: 100_000n, score: sign * (end + off), deviation: { dev, rest } });
      }
    for (let round = 0; round < ROUNDS; round++) {
      const { instrument, shocks } = randomCase(random);
      const at = deviations(instrument, shocks).asItIs;
      const strike = instrument.strike || 1n;
      const forward = instrument.live || 1n;
      check({ forward, strike, score: divFloor((ln(forward) - ln(strike)) << 24n, 121n * at.s), deviation: at });
    }
    // In the money, and 1 less than the strike: nothing.
    check({ forward: 99_999n, strike: 100_000n, score: 200n, deviation: { dev: 0n, rest: 0n } });
  });

  it(`Tenor, Deviations and Weighted: at their ends, and at ${ROUNDS} random points (seed ${SEED})`, async () => {
    const [times, levels, moved] = [await ours("Tenor"), await ours("Deviations"), await ours("Weighted")];
    const random = new Random(SEED);
    const tenors = Array.from({ length: TENORS }, (_, i) => BigInt(255 - i));
    const ends = Array.from({ length: 41 }, (_, i) => [
      (1n << BigInt(i)) - 1n,
      1n << BigInt(i),
      -(1n << BigInt(i)),
    ]).flat();
    for (const ahead of [...ends, -(1n << 40n)].filter((it) => it <= MOST)) {
      const tau = ahead < 0n ? 0n : ahead;
      const expected = [ahead < 0n ? 0n : 1n, tau, tenors[tenor(tau)], timeRoot(tau)];
      assert.deepEqual(times.publicValues({ ahead: toField(ahead), tenors }, 4), expected, `${ahead}`);
    }
    for (const ahead of [1n << 40n, -(1n << 40n) - 1n]) expectNoWitness(times, { ahead: toField(ahead), tenors });
    for (let round = 0; round < ROUNDS; round++) {
      const { instrument, shocks } = randomCase(random);
      const { raised, lowered, leastVolatility } = shocks;
      const { volatility, tau } = instrument;
      const at = Object.values(deviations(instrument, shocks));
      const expected = [at.map(({ s }) => s), at.map(({ dev }) => dev), at.map(({ rest }) => toField(rest))].flat();
      const inputs = { volatility, multiplier: shocks.tenors[tenor(tau)], root: timeRoot(tau), raised, lowered: toField(lowered), leastVolatility }; // prettier-ignore
      assert.deepEqual(levels.publicValues(inputs, 9), expected, `round ${round}`);
    }
    for (const weight of [0n, 1n, 37n, 64n])
      for (const [value, mark] of [
        [0n, 0n],
        [0n, 1n << 41n],
        [(1n << 40n) * 55n, 0n],
        [7n, 5n],
        [5n, 8n],
      ])
        // prettier-ignore
        assert.equal(moved.publicValues({ value, mark, weight }, 1)[0], toField(weighted({ value, mark, weight })));
  });

  it("CallValue: no other side, no far that is near, no near that is far", async () => {
    const circuit = await forgeable("CallValue");
    const at = { forward: 100_000n, strike: 100_000n, dev: 200n, rest: 5n };
    const side = 201n << 7n;
    // At the side itself it is in the money, one below it is not.
    const forged = circuit.solveForged({ ...at, score: side }, { itm: 0n });
    const broken = circuit.brokenRules(forged).flat().map(({ text }) => text); // prettier-ignore
    assert.ok(
      broken.some((text) => text.includes("Bits(top)(y1 - origin + 1 + dev + far * (origin - 1))")),
      `${broken}`,
    );
    circuit.refuses({ ...at, score: side - 1n }, { itm: 1n }, "itm * (1 - high - far) === 0");
    circuit.refuses({ ...at, score: 0n }, { far: 1n }, "far * sum[width] === 0");
    const beyond = toField(-(1n << 22n) - side - 1n);
    circuit.refuses({ ...at, score: beyond }, { far: 0n }, "Bits(top + D)(near)");
    // Near, but for the bit that is one too many.
    const y = 3n * (1n << 22n) - 201n * (1n << 7n) - 1n;
    const names = [...circuit.signals.keys()];
    const top = names.find((name) => /^Bits_.*out\[22\]$/.test(name) && !names.includes(name.replace("22", "23")))!;
    const bits = Array.from({ length: 23 }, (_, i) => [top.replace("22", `${i}`), (y >> BigInt(i)) & 1n] as const);
    circuit.refuses(
      { ...at, score: toField(-(1n << 23n)) },
      { far: 0n, ...Object.fromEntries(bits) },
      "Bits(top + D)(near)",
    );
    circuit.refuses({ ...at, score: 90_000n }, { itm: 2n }, "itm * (itm - 1) === 0");
  });

  it("CallValue and Weighted: no value is another by 1", async () => {
    const circuit = await forgeable("CallValue");
    const inputs = { forward: 101_000n, strike: 100_000n, score: 900n, dev: 200n, rest: 5n };
    const honest = circuit.witness(inputs);
    for (const by of [1n, -1n]) {
      circuit.refuses(inputs, { out: circuit.read("out", honest) + by }, "out <== gap + over + short");
      circuit.refuses(inputs, { over: circuit.read("over", honest) + by }, "over <== sum[width] * floored");
    }
    const moved = await forgeable("Weighted");
    const change = { value: 1_007n, mark: 1_000n, weight: 37n };
    const out = moved.read("out", moved.witness(change));
    moved.refuses(change, { out: out + 1n }, "out <== floored - (1 << n)");
  });

  it("Quotient: no other floor", async () => {
    const quotient = await fixed("Quotient", [8, 4]);
    assert.equal(quotient.read("out", quotient.witness({ in: 100n, divisor: 7n })), 14n);
    quotient.refuses({ in: 100n, divisor: 7n }, { out: 13n }, "Range(m)(divisor - 1 - rest)");
    quotient.refuses({ in: 100n, divisor: 7n }, { out: 15n }, "Range(m)(rest)");
    for (const x of [0n, 255n * 15n + 14n]) quotient.witness({ in: x, divisor: 15n });
    for (const x of [256n * 15n, -1n]) expectNoWitness(quotient, { in: x, divisor: 15n });
    const signed = await fixed("QuotientFloor", [8, 4]);
    for (const x of [-100n, -98n, -1n, 0n, 6n, 7n, -256n * 7n, 256n * 7n - 1n])
      assert.equal(signed.read("out", signed.witness({ in: toField(x), divisor: 7n })), toField(divFloor(x, 7n)));
  });

  it("Scaled and Weighted: no witness beyond their widths", async () => {
    const moved = await forgeable("Weighted");
    const most = (55n << 40n) + (1n << 39n);
    assert.equal(moved.read("out", moved.witness({ value: most, mark: 0n, weight: 64n })), most);
    expectNoWitness(moved, { value: 1n << 47n, mark: 0n, weight: 64n });
    const circuit = await forgeable("Scaled");
    const scaled = (of: bigint) => circuit.read("out", circuit.witness({ in: of, factor: 1n << 24n }));
    assert.deepEqual([0n, 5n, (1n << 46n) - 1n].map(scaled), [0n, 5n, (1n << 46n) - 1n]);
    expectNoWitness(circuit, { in: 1n << 46n, factor: 1n << 24n });
  });

  it("RootFloor: no other root, and none of what is too great", async () => {
    const circuit = await fixed("RootFloor", [3, 4]);
    for (let x = 0n; x < 768n; x++) {
      const root = circuit.publicValues({ in: x }, 1)[0];
      assert.ok(3n * root * root <= x && x < 3n * (root + 1n) * (root + 1n), `${x}`);
    }
    circuit.refuses({ in: 300n }, { out: 9n }, "Range(width)(divisor * (2 * out + 1) - 1 - rest)");
    circuit.refuses({ in: 299n }, { out: 10n }, "Range(width)(rest)");
    for (const x of [768n, -1n]) expectNoWitness(circuit, { in: x });
    circuit.refuses({ in: 767n }, { in: 768n, out: 16n }, "Range(n)(out)");
  });

  it("Deviation: no witness beyond its width", async () => {
    const circuit = await forgeable("Deviation", [40, 12, 0]);
    for (const x of [0n, (64n << 12n) - 1n, 64n << 12n, (1n << 38n) - 1n, 1n << 38n, (1n << 40n) - 1n]) {
      const { s, dev, rest } = deviation(x >> 12n);
      const witness = circuit.witness({ in: x });
      assert.deepEqual(["s", "dev", "rest"].map((name) => circuit.read(name, witness)), [s, dev, rest].map(toField)); // prettier-ignore
    }
    for (const x of [1n << 40n, -1n]) expectNoWitness(circuit, { in: x });
  });

  it(`Ln and Exp: at ${ROUNDS} random points and at their ends (seed ${SEED})`, async () => {
    const [logarithm, exponential] = await Promise.all(
      ["Ln", "Exp"].map((template) => compileTemplate({ file: "circuits/lib/fixed.circom", template })),
    );
    const random = new Random(SEED);
    const number = () => about(random, 41, 1n, 2n, 1n << 40n, (1n << 41n) - 1n) || 1n;
    const exponent = () => about(random, 26, 0n, 1n, TOP - 1n) * random.pick([1n, -1n]);
    for (let round = 0; round < ROUNDS; round++) {
      const [x, z] = [number(), exponent()];
      assert.equal(logarithm.publicValues({ in: x }, 1)[0], ln(x), `ln ${x}`);
      assert.equal(exponential.publicValues({ in: toField(z) }, 1)[0], exp(z), `exp ${z}`);
    }
    assert.equal(exponential.publicValues({ in: toField(-TOP) }, 1)[0], exp(-TOP));
    // Where the last bit of the factor of the units decides.
    for (const z of [67_108_832n, 67_108_770n, 67_108_713n, -67_108_806n, -67_108_697n])
      assert.equal(exponential.publicValues({ in: toField(z) }, 1)[0], exp(z), `exp ${z}`);
    for (const z of [TOP, -TOP - 1n]) expectNoWitness(exponential, { in: toField(z) });
    for (const x of [0n, 1n << 41n]) expectNoWitness(logarithm, { in: x });
  });

  const CALL = { forward: 101_000n, strike: 100_000n, score: 900n, dev: 200n, rest: 5n };
  /** 1000 above where a call is far in the money, for its deviation. */
  const DEEP = { ...CALL, score: (1n << 22n) - (201n << 7n) + 1_000n };
  const LEVELS = { volatility: (3n << 24n) / 4n, multiplier: 64n, root: 1n << 26n, raised: 24n, lowered: toField(-16n), leastVolatility: 1n << 21n }; // prettier-ignore
  const VALUED = { isOption: 1n, isPut: 0n, live: 101_000n, fixed: 0n, strike: 100_000n, ...LEVELS, reach: (50_000n << 24n) / 121n, factor: [18_000_000n], move: [24n], isRaised: [1n], isLowered: [0n] }; // prettier-ignore
  const MOST_LEAST = (1n << 28n) - 1n;
  const tenors = Array.from({ length: TENORS }, (_, i) => BigInt(200 - i));

  it("CallValue, Ln and RootFloor: no bit that is none, no root that is no integer", async () => {
    const circuit = await forgeable("CallValue");
    // A call deep in the money would be worth nothing.
    const forged = circuit.refuses(DEEP, { itm: 0n, far: 2n }, "far * (far - 1) === 0");
    assert.deepEqual([forged, circuit.witness(DEEP)].map((it) => circuit.read("out", it)), [0n, 1_000n]); // prettier-ignore
    // Its forward is rounded down to 1 below the strike.
    assert.equal(circuit.read("out", circuit.witness({ ...DEEP, forward: 99_999n })), 0n);
    // Far what is near: y is somewhere in the table, and its last.
    for (const near of [CALL, { ...CALL, score: toField(-4_194_432n), dev: 0n }])
      circuit.refuses(near, { far: 1n }, "far * sum[width] === 0");
    const logarithm = await fixed("Ln", []);
    // A shift by 2 that counts as 3, or as 0.
    const at = { in: 1n << 38n };
    logarithm.refuses(at, { "places[0]": 3n, "places[1]": 0n }, "places[i] * (places[i] - 1) === 0");
    logarithm.refuses(at, { "power[0]": 4n, "places[0]": 0n, "places[1]": 0n }, "power[i] <== 1 + places[i]");
    // The square of 1/11 times 121 is 1.
    const root = await fixed("RootFloor", [121, 4]);
    root.refuses({ in: 1n }, { out: quotient(1n, 11n) }, "Range(n)(out)");
  });

  type Examples = Record<string, Inputs>;
  const each: [file: "fixed" | "optionValue", template: string, args: number[], examples: Examples, byHand?: string[]][] = [
    ["fixed", "Products", [3], { some: { in: [1n, 0n, 1n] }, all: { in: [1n, 1n, 1n] } }],
    ["fixed", "Ln", [], { some: { in: 12_345n }, one: { in: 1n } }, ["places[i] * (places[i] - 1) === 0", "power[i] <== 1 + places[i]"]],
    ["fixed", "Exp", [], { above: { in: 12_345_678n }, below: { in: toField(-33_345_678n) } }],
    ["fixed", "RootFloor", [3, 4], { some: { in: 100n }, more: { in: 700n } }, ["Range(n)(out)"]],
    ["fixed", "QuotientFloor", [8, 4], { above: { in: 100n, divisor: 7n }, below: { in: toField(-100n), divisor: 7n } }],
    ["optionValue", "CallValue", [], { itm: { ...CALL, score: 40_000n }, CALL, far: { ...CALL, score: toField(-(1n << 23n)) }, short: { forward: 99_999n, strike: 100_000n, score: 200n, dev: 0n, rest: 0n } }, ["far * (far - 1) === 0"]],
    ["optionValue", "Deviation", [40, 12, 0], { some: { in: 12_345_678_901n }, small: { in: 5n }, much: { in: 1n << 39n } }],
    ["optionValue", "Deviation", [38, 12, 1], { some: { in: 12_345_678_901n }, small: { in: 5n }, below: { in: toField(-(1n << 30n)) } }],
    ["optionValue", "Tenor", [], { some: { ahead: 123_456n, tenors }, past: { ahead: toField(-5n), tenors }, far: { ahead: 1n << 39n, tenors }, now: { ahead: 0n, tenors } }],
    ["optionValue", "Deviations", [], { LEVELS, least: { ...LEVELS, leastVolatility: MOST_LEAST }, long: { ...LEVELS, root: 1n << 29n, leastVolatility: MOST_LEAST } }],
    ["optionValue", "InstrumentValues", [2], { call: VALUED, put: { ...VALUED, isPut: 1n, fixed: 60_000n, live: 50_000n, isRaised: [0n], isLowered: [1n] }, none: { ...VALUED, live: 0n }, linear: { ...VALUED, isOption: 0n, strike: 0n } }, ["far * (far - 1) === 0"]],
    ["optionValue", "Scaled", [], { some: { in: 101_000n, factor: 18_000_000n } }],
    ["optionValue", "AtLevel", [], { raised: { of: [1n, 0n], in: [5n, 6n, 7n] }, lowered: { of: [0n, 1n], in: [5n, 6n, 7n] } }],
    ["optionValue", "Weighted", [], { up: { value: 1_007n, mark: 1_000n, weight: 37n }, down: { value: 0n, mark: 1_000n, weight: 37n } }],
  ]; // prettier-ignore
  for (const [source, template, args, examples, byHand] of each)
    it(`${template}(${args.join(", ")}): each statement is a rule`, async () => {
      const circuit = await (source === "fixed" ? fixed(template, args) : forgeable(template, args));
      pinsEach(circuit, examples, `${source}.circom`, byHand);
    });
});
