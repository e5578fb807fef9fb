// Goal: what Configure takes for rules is what src/protocol/rules.ts takes for rules, to the last number.
// Method: each word at numbers around every bound, and random instruments: there is a witness iff TypeScript accepts them; forged
// witnesses, in which one signal is pinned to the cheat and all that follows is computed anew.
import assert from "node:assert/strict";
import { babyjubjub } from "@noble/curves/misc.js";
import { depositKey, FIELD, isOnCurve, ORDER, scalarMultiply, type Point } from "../../src/protocol/eddsa.ts";
import { requireInstruments, type Contract, type Instrument } from "../../src/protocol/instrument.ts";
import { PROFILES, type Profile } from "../../src/protocol/instructions.ts";
import { NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { INSTRUMENT_KIND, INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { hash } from "../../src/protocol/poseidon.ts";
import { LEVEL, type Pricing, type Scenario } from "../../src/protocol/prices.ts";
import { DEFAULTS, groupParts, PRICING, requireRules, type Group } from "../../src/protocol/rules.ts";
import { fitsTransaction, worstClear } from "../../src/protocol/transaction.ts";
import { Random } from "../../src/replay/random.ts";
import { groupSignals, rulesSignals } from "../../src/witness/configure.ts";
import {
  contract,
  EXPIRY,
  FOREVER,
  group,
  GRID,
  instrument,
  instruments,
  market,
  PROFILE,
  rules,
} from "../protocol/pricedRules.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { refusesInputs } from "./configuring.ts";
import { quotient } from "./r1cs.ts";
import { pinsEach } from "./pinning.ts";
import { remembersHashes } from "./remembering.ts";

const file = "circuits/lib/ruleRanges.circom";
const source = "ruleRanges.circom";
/** Inputs, free to be changed. */
type Tampered = { [name: string]: any };

const accepts = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "OUT_OF_RANGE");
    return false;
  }
};
const hasWitness = (circuit: Circuit, inputs: Inputs): boolean => {
  try {
    circuit.witness(inputs);
    return true;
  } catch (error) {
    assert.match(String(error), /Assert Failed/);
    return false;
  }
};
/** Around every bound of a word. */
const NUMBERS = [0n, 32n, 64n, 72n, 640n, 1_024n, ...[8n, 16n, 26n, 28n, 32n, 40n, 61n, 92n].map((n) => 1n << n)]
  .flatMap((x) => [x - 1n, x, x + 1n])
  .filter((x, i, all) => x >= 0n && all.indexOf(x) === i);

describe("circuits/lib/ruleRanges: groups", () => {
  remembersHashes();
  const args = [PROFILE.scenarios, PROFILE.feeds];
  const base = groupSignals(group());

  function inputs(changed: Group): Tampered {
    const { pricing, defaults } = changed;
    const words = Object.fromEntries(PRICING.map((name) => [name, toField(name === "lowered" ? -pricing.lowered : pricing[name])])); // prettier-ignore
    return hashed({ ...base, pricing: { ...base.pricing, ...words }, defaults: { ...defaults }, group: groupParts(group()) }, changed); // prettier-ignore
  }
  /** With the hashes of what they open. */
  function hashed(given: Tampered, { slack, pricing: { lag } } = group()): Tampered {
    const { tenors, scenarios, ...words } = given.pricing;
    const parts = {
      slack,
      lag,
      pricing: hash("pricing", [...PRICING.map((name) => words[name]), tenors, ...scenarios]),
      defaults: hash("defaults", DEFAULTS.map((name) => toField(given.defaults[name]))),
      feeds: hash("feeds", given.feeds.flat()),
    }; // prettier-ignore
    return { ...given, group: { ...given.group, ...parts } };
  }
  const accepted = (changed: Group) => accepts(() => requireRules({ ...rules(), group: changed, instruments: instruments().map(() => null), markets: NO_MARKETS }, PROFILE)); // prettier-ignore
  const compiled = () => compileTemplate({ file, template: "GroupRules", args });

  const words: [name: string, change: (value: bigint) => Group][] = [
    ...PRICING.map((name) => [name, (value: bigint) => ({ ...group(), pricing: { ...group().pricing, [name]: value } })] as [string, (value: bigint) => Group]), // prettier-ignore
    ...DEFAULTS.map((name) => [name, (value: bigint) => ({ ...group(), defaults: { ...group().defaults, [name]: value } })] as [string, (value: bigint) => Group]), // prettier-ignore
    ["lag", (lag) => ({ ...group(), pricing: { ...group().pricing, lag } })],
    ["slack", (slack) => ({ ...group(), slack })],
  ];
  for (const [name, change] of words)
    it(`${name}: every number that TypeScript takes, and no other`, async () => {
      const circuit = await compiled();
      const values = name === "lowered" ? [-65n, -33n, -32n, -31n, -1n, 0n, 1n] : NUMBERS;
      let taken = 0;
      for (const value of values) {
        const changed = change(value);
        const expected = accepted(changed);
        assert.equal(hasWitness(circuit, inputs(changed)), expected, `${name} = ${value}`);
        if (expected) taken++;
      }
      assert.ok(taken > 0 && taken < values.length, "some are taken, and some are not");
    });

  it("scenarios: every row that TypeScript takes, and no other", async () => {
    const circuit = await compiled();
    const levels = Object.keys(LEVEL) as Scenario["level"][];
    for (const k of [0, 1, 3])
      for (const row of [
        ...[-128n, -73n, -72n, -1n, 0n, 1n, 72n, 73n, 127n].map((move) => ({ move })),
        ...[0, 1, 2, 3].map((level) => ({ level })),
        ...[0n, 63n, 64n, 65n, 127n].map((weight) => ({ weight })),
      ]) {
        const scenarios = group().pricing.scenarios.map((it, at) => ({ ...it, level: LEVEL[it.level] as number, ...(at === k ? row : {}) })); // prettier-ignore
        const word = scenarios.reduce((sum, { move, level, weight }, i) => sum + (((move + 128n) | (BigInt(level) << 8n) | (weight << 10n)) << BigInt(17 * i)), 0n); // prettier-ignore
        const read = hashed({ ...inputs(group()), pricing: { ...base.pricing, scenarios: [word] } });
        const named = scenarios.map((it) => ({ ...it, level: levels[it.level] ?? ("none" as Scenario["level"]) }));
        const expected = accepted({ ...group(), pricing: { ...group().pricing, scenarios: named } });
        assert.equal(
          hasWitness(circuit, read),
          expected,
          JSON.stringify({ k, ...row }, (_, x: unknown) => String(x)),
        );
      }
  });

  it("the greatest move of the greatest range: below 4", async () => {
    const circuit = await compiled();
    // 3 times 22,369,621 is 2^26 - 1: the greatest that may be.
    for (const move of [72n, -72n, 3n, -3n])
      for (const rangeCap of [(1n << 26n) / 72n, (1n << 26n) / 72n + 1n, 22_369_621n, 22_369_622n]) {
        const scenarios = group().pricing.scenarios.map((it, k) => (k === 1 ? { ...it, move } : it));
        const changed = { ...group(), pricing: { ...group().pricing, scenarios, rangeCap } };
        const read = hashed({ ...inputs(changed), pricing: groupSignals(changed).pricing }, changed);
        assert.equal(hasWitness(circuit, read), accepted(changed), `${move} ${rangeCap}`);
      }
    const exactly = group().pricing.scenarios.map((it, k) => (k === 1 ? { ...it, move: 64n } : it));
    for (const [rangeCap, expected] of [[(1n << 20n) - 1n, true], [1n << 20n, false]] as const) {
      const changed = { ...group(), pricing: { ...group().pricing, scenarios: exactly, rangeCap } };
      assert.equal(accepted(changed), expected);
      assert.equal(hasWitness(circuit, hashed({ ...inputs(changed), pricing: groupSignals(changed).pricing }, changed)), expected); // prettier-ignore
    } // prettier-ignore
  });

  it("words with bits beyond their columns: refused", async () => {
    const circuit = await compiled();
    const { tenors, scenarios } = base.pricing as { tenors: bigint; scenarios: bigint[] };
    expectNoWitness(circuit, hashed({ ...inputs(group()), pricing: { ...base.pricing, tenors: tenors + (1n << 128n) } })); // prettier-ignore
    expectNoWitness(circuit, hashed({ ...inputs(group()), pricing: { ...base.pricing, scenarios: [scenarios[0] + (1n << 68n)] } })); // prettier-ignore
  });

  it("keys outside the prime subgroup, the identity, off the curve, a feed twice: refused", async () => {
    const circuit = await compiled();
    const { Point } = babyjubjub;
    const GENERATOR = {
      x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
      y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
    };
    const { feeds } = group();
    const small = (i: bigint) => scalarMultiply(i * ORDER, GENERATOR);
    const sum = (a: Point, b: Point): Point => Point.fromAffine(a).add(Point.fromAffine(b)).toAffine();
    const eighth = depositKey(feeds[0]);
    // K' with a point of small order added has the same key.
    for (let i = 1n; i < 8n; i++) {
      const { x, y } = sum(eighth, small(i));
      const read = inputs(group());
      assert.equal(hasWitness(circuit, { ...read, eighths: [[x, y], ...read.eighths.slice(1)] }), true);
    }
    const bad: [why: string, key: Point, eighth: Point][] = [
      ["another key", feeds[0], depositKey(feeds[1])],
      ["a key and a point of order 8", sum(feeds[0], small(1n)), eighth],
      ["a key and a point of order 2", sum(feeds[0], small(4n)), eighth],
      ["the identity", { x: 0n, y: 1n }, small(3n)],
      ["the identity, of itself", { x: 0n, y: 1n }, { x: 0n, y: 1n }],
      ["the point of order 2", { x: 0n, y: FIELD - 1n }, { x: 0n, y: FIELD - 1n }],
      ["no point", { x: 5n, y: 5n }, eighth],
      ["of no point", feeds[0], { x: 5n, y: 5n }],
    ];
    for (const [why, { x, y }, of] of bad)
      for (const at of [0, PROFILE.feeds]) {
        const read = inputs(group());
        const put = <T>(all: T[], one: T) => all.map((it, i) => (i === at ? one : it));
        const eighths = put(read.eighths, [of.x, of.y]);
        const changed =
          at < PROFILE.feeds
            ? hashed({ ...read, feeds: put(read.feeds, [x, y]), eighths })
            : { ...read, eighths, group: { ...read.group, operatorKeyX: x, operatorKeyY: y } };
        assert.throws(() => circuit.witness(changed as Inputs), why);
      }
    assert.equal(isOnCurve(sum(feeds[0], small(1n))), true);
    for (const [a, b] of [[0, 1], [0, 3], [2, 3]]) {
      const twice = feeds.map((it, i) => (i === b ? feeds[a] : it));
      expectNoWitness(circuit, hashed({ ...inputs(group()), ...groupSignals({ ...group(), feeds: twice }) }));
    } // prettier-ignore
    // A key and its negative are two.
    const negated = feeds.map((it, i) => (i === 1 ? { x: FIELD - feeds[0].x, y: feeds[0].y } : it));
    assert.equal(hasWitness(circuit, hashed({ ...inputs(group()), ...groupSignals({ ...group(), feeds: negated }) })), true); // prettier-ignore
  });

  it("a payout of the insurance account: any, as Configure judges it", async () => {
    const read = inputs(group());
    assert.equal(hasWitness(await compiled(), { ...read, group: { ...read.group, payout: 5n } }), true);
  });

  it("each signal is bound by the rule that computes it", async () => {
    const circuit = await compileTemplate({ file, template: "GroupRules", args, optimise: false });
    const others = ["rows.words <== pricing.scenarios", "signal onCurve <== OnCurve()(eighth)", "onCurve === 1"];
    pinsEach(circuit, { fixture: inputs(group()) }, source, [...Object.keys(cheats), ...others]);
  });

  type Row = { move?: bigint; level?: Scenario["level"]; weight?: bigint };
  /** One row of the table of scenarios is another. */
  const rowed = (k: number, row: Row, words: Partial<Pricing> = {}): Group => {
    const { pricing } = group();
    return { ...group(), pricing: { ...pricing, scenarios: pricing.scenarios.map((it, at) => (at === k ? { ...it, ...row } : it)), ...words } }; // prettier-ignore
  };
  const whole = (changed: Group) => hashed({ ...inputs(changed), pricing: groupSignals(changed).pricing }, changed);
  const still = group().pricing.scenarios.map((it) => ({ ...it, move: 0n }));
  const most = (1n << 26n) - 1n;
  const wide = (rangeCap: bigint) => rowed(0, {}, { scenarios: still, rangeFloor: most, rangeCap });
  const lagging = (lag: bigint) => ({ ...group(), pricing: { ...group().pricing, lag } });
  const defaulted = (change: Partial<Group["defaults"]>) => ({ ...group(), defaults: { ...group().defaults, ...change } }); // prettier-ignore
  const windowed = (window: bigint) => {
    const read = whole({ ...group(), pricing: { ...group().pricing, window, lag: 0n } });
    return { ...read, group: { ...read.group, epochLength: 1n, grid: 1n << 17n } };
  };
  const cheats: Record<string, [honest: () => Tampered, cheat: () => Tampered]> = {
    "Range(32)(group.epochLength - group.lag)": [() => whole(group()), () => whole(lagging(group().pricing.epochLength + 1n))], // prettier-ignore
    "Range(32 + WIDTH(MOST_EPOCHS()))(MOST_EPOCHS() * group.epochLength - pricing.window)": [() => windowed(65_536n), () => windowed(65_537n)], // prettier-ignore
    "Range(OPTION_RANGE())(pricing.rangeCap)": [() => whole(wide(most)), () => whole(wide(most + 1n))],
    "Within(1, MOST_MAINTENANCE())(defaults.maintenance)": [() => whole(group()), () => whole(defaulted({ maintenance: 641n }))], // prettier-ignore
    "Within(1, MOST_DEFAULTS())(defaults.target)": [() => whole(group()), () => whole(defaulted({ target: 1_025n }))],
    "Range(WIDTH(32 * MOST_MAINTENANCE()))(32 * defaults.penalty - defaults.insuranceLimit)": [() => whole(defaulted({ penalty: 50n, insuranceLimit: 1_600n })), () => whole(defaulted({ penalty: 50n, insuranceLimit: 1_601n }))], // prettier-ignore
    "Within(0, 2 * MOST_MOVES())(rows.move[k] + MOST_MOVES())": [() => whole(group()), () => whole(rowed(1, { move: 73n }))], // prettier-ignore
    "Within(0, 2)(rows.level[k])": [() => whole(group()), () => hashed({ ...whole(group()), pricing: { ...base.pricing, scenarios: [(base.pricing.scenarios as bigint[])[0] | (3n << 25n)] } })], // prettier-ignore
    "Within(0, 64)(rows.weight[k])": [() => whole(group()), () => whole(rowed(1, { weight: 65n }))],
    "Within(0, 2 * MOST_MOVE() - 2)(farthest[k] + MOST_MOVE() - 1)": [() => whole(group()), () => whole(rowed(1, { move: 64n }, { rangeCap: 1n << 20n }))], // prettier-ignore
    "rows.move[0] === 0": [() => whole(group()), () => whole(rowed(0, { move: 1n }))],
    "rows.level[0] === 0": [() => whole(group()), () => whole(rowed(0, { level: "raised" }))],
    "sameX[pairs] * sameY[pairs] === 0": [() => whole(group()), () => hashed({ ...whole(group()), ...groupSignals({ ...group(), feeds: group().feeds.map((it, i, all) => (i === 2 ? all[0] : it)) }) })], // prettier-ignore
    "NotZero()(key[0])": [() => whole(group()), () => hashed({ ...whole(group()), feeds: [[0n, 1n], ...base.feeds.slice(1)], eighths: [[0n, 1n], ...base.eighths.slice(1)] })], // prettier-ignore
  };
  for (const [rule, [honest, cheat]] of Object.entries(cheats))
    it(`${rule}: no proof without it`, async () => {
      const circuit = await compileTemplate({ file, template: "GroupRules", args, optimise: false });
      refusesInputs(circuit, { honest: honest(), cheat: cheat() }, rule);
    });

  it("another table of scenarios than the one that is hashed, or eight times what is no point: refused", async () => {
    const circuit = await compileTemplate({ file, template: "GroupRules", args, optimise: false });
    const [word] = base.pricing.scenarios as bigint[];
    circuit.refuses(inputs(group()), { "rows.words[0]": word ^ (1n << 16n) }, "rows.words <== pricing.scenarios");
    const [x, y] = [0, 1].map((at) => circuit.named(new RegExp(`^KeyRules_\\w+\\[0\\]\\.whole\\[${at}\\]$`)));
    const follows = { "feeds[0][0]": x, "feeds[0][1]": y, "group.feeds": "feedsHash" };
    const elsewhere = { "eighths[0][0]": 5n, "eighths[0][1]": 6n };
    circuit.refuses(inputs(group()), elsewhere, "onCurve === 1", follows);
    const said = { ...elsewhere, [x.replace(/whole.*/, "onCurve")]: 1n };
    circuit.refuses(inputs(group()), said, "signal onCurve <== OnCurve()(eighth)", follows);
  });
});

describe("circuits/lib/ruleRanges: instruments", () => {
  remembersHashes();
  const compiled = () => compileTemplate({ file, template: "InstrumentRules" });
  const inputs = (listed: readonly (Instrument | null)[]) => ({
    instruments: rulesSignals({ ...rules(), instruments: listed, markets: NO_MARKETS }).instruments,
    given: listed.map((it) => (it ? 1n : 0n)),
    grid: GRID,
  });
  const agrees = (circuit: Circuit, listed: readonly (Instrument | null)[]): boolean => {
    const expected = accepts(() => requireInstruments("instruments", listed, GRID));
    // Hashes of what is out of range may not exist, and are not read.
    assert.equal(hasWitness(circuit, inputs(listed) as Inputs), expected, JSON.stringify(listed, (_, x: unknown) => (typeof x === "bigint" ? String(x) : x))); // prettier-ignore
    return expected;
  };

  it("what the words of a free slot say counts for nothing", async () => {
    const circuit = await compiled();
    const free = (slot: number, of: readonly (Instrument | null)[]) => {
      const read = inputs(of);
      return { ...read, given: read.given.with(slot, 0n) };
    };
    // An option that another slot's volatility values, and one on the perpetual.
    const borrowed = instruments().map((it, i) => (i === 4 ? instrument(contract("call", { strike: 9n, forward: 1n, volatility: 2n })) : it)); // prettier-ignore
    assert.equal(hasWitness(circuit, inputs(borrowed) as Inputs), true);
    assert.equal(hasWitness(circuit, free(2, borrowed) as Inputs), false, "the volatility of no option");
    assert.equal(hasWitness(circuit, free(0, instruments()) as Inputs), false, "on a perpetual that is not there");
    assert.equal(hasWitness(circuit, free(1, borrowed) as Inputs), false, "on a future that is not there");
  });

  it("an option in slot 0 binds no instrument that is none", async () => {
    const circuit = await compiled();
    const listed = instruments().map((it, i) => {
      if (i === 0) return instrument(contract("call", { strike: 9n, forward: 1n, volatility: 4n }));
      return i < 2 || i === 4 ? it : null;
    });
    assert.ok(agrees(circuit, listed));
  });

  it("each word: every number that TypeScript takes, and no other", async () => {
    const circuit = await compiled();
    const small = Array.from({ length: 18 }, (_, i) => BigInt(i));
    const values = {
      kind: small,
      expiry: [0n, 1n, GRID, GRID + 1n, EXPIRY, EXPIRY + GRID, FOREVER, FOREVER - (FOREVER % GRID), FOREVER + GRID - (FOREVER % GRID)], // prettier-ignore
      strike: NUMBERS,
      forward: small,
      volatility: small,
      longCharge: NUMBERS,
      shortCharge: NUMBERS,
      weight: NUMBERS,
    };
    for (const [name, numbers] of Object.entries(values)) {
      let taken = 0;
      for (const slot of [0, 1, 2, 3])
        for (const value of numbers) {
          const listed = instruments().map((it, i) => {
            if (i !== slot || !it) return it;
            return name in it ? { ...it, [name]: value } : { ...it, contract: { ...it.contract, [name]: value } };
          });
          if (agrees(circuit, listed)) taken++;
        }
      assert.ok(taken > 0, name);
    }
  });

  const seed = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  it(`random instruments, TACIT_SEED=${seed}`, async () => {
    const circuit = await compiled();
    const random = new Random(seed);
    let taken = 0;
    for (let round = 0; round < 600; round++) {
      const slot = () => BigInt(random.integer(0, random.unit() < 0.1 ? 17 : 6));
      const listed = instruments().map((it, i): Instrument | null => {
        if (random.unit() < 0.7) return it;
        if (random.unit() < 0.2) return null;
        const kind = BigInt(random.integer(i === 0 || random.unit() < 0.1 ? 1 : 2, 4));
        const isOption = kind > 2n || random.unit() < 0.03;
        const contract = {
          kind,
          expiry: kind === 1n ? 0n : EXPIRY + (random.unit() < 0.2 ? GRID : 0n),
          strike: isOption ? BigInt(random.integer(random.unit() < 0.05 ? 0 : 1, 9)) : 0n,
          forward: isOption ? slot() : 0n,
          volatility: isOption ? (random.unit() < 0.5 ? BigInt(i) : slot()) : 0n,
        };
        return { contract, longCharge: 1n, shortCharge: 2n, weight: 1n };
      });
      if (agrees(circuit, listed)) taken++;
    }
    assert.ok(taken > 5 && taken < 570, `${taken} are taken`);
  });

  it("each signal is bound by the rule that computes it", async () => {
    const circuit = await compileTemplate({ file, template: "InstrumentRules", optimise: false });
    const none = instruments().map((it, i) => (i < 2 ? it : null));
    const byHand = [...Object.keys(cheats), "names[i].option <== words[i].option"];
    pinsEach(circuit, { fixture: inputs(instruments()) as Inputs, none: inputs(none) as Inputs }, source, byHand);
    circuit.refuses(inputs(instruments()) as Inputs, { "names[2].option": 0n }, "names[i].option <== words[i].option");
  });

  const FREE = 5;
  const put = (slot: number, change: Partial<Contract>, listed = instruments()) =>
    listed.map((it, i) => (i === slot ? instrument(contract("call", { strike: 9n, volatility: BigInt(slot), ...change })) : it)); // prettier-ignore
  const future = BigInt(INSTRUMENT_KIND.future);
  const plain = { kind: future, strike: 0n, volatility: 0n };
  /** No perpetual: a future in slot 0, an option on it. */
  const dated = put(1, {}, [
    instrument(contract("future")),
    ...instruments()
      .map(() => null)
      .slice(1),
  ]);
  const cheats: Record<
    string,
    { from?: (Instrument | null)[]; to: (Instrument | null)[]; pinned?: Record<string, bigint> }
  > = {
    // prettier-ignore
    "words[i].perpetual === 0": { to: put(FREE, { ...plain, kind: 1n, expiry: 0n }) },
    "option * (1 - onPerpetual - onFuture) === 0": { to: put(FREE, { forward: 3n }) },
    "dated * (underExpiry - expiry) === 0": { to: put(FREE, { forward: 1n, expiry: EXPIRY + GRID }) },
    "option * (1 - byOption) === 0": { from: dated, to: put(1, { volatility: 0n }, dated) },
    "option * (markedExpiry - expiry) === 0": { to: put(FREE, { expiry: EXPIRY + GRID, volatility: 2n }) },
    "option * (markedVolatility - volatility) === 0": { to: put(FREE, { volatility: 3n }) },
    "perpetual + future + option === 1": { to: put(FREE, { ...plain, kind: 7n }) },
    "signal output future <== IsEqual()(instrument.contract.kind, INSTRUMENT_KIND_FUTURE())": { to: put(FREE, { ...plain, kind: 7n }), pinned: { [`words[${FREE}].future`]: 1n } }, // prettier-ignore
    "signal output option <== call + put": { to: put(FREE, { kind: 7n }), pinned: { [`words[${FREE}].option`]: 1n } },
    "Range(BITS_TIME())(instrument.contract.expiry)": { to: put(FREE, { ...plain, expiry: FOREVER + GRID - (FOREVER % GRID) }) }, // prettier-ignore
    "strikeless === 1 - option": { to: put(FREE, { strike: 0n }) },
    "Range(BITS_TIME())(quotient)": { to: put(FREE, { ...plain, expiry: EXPIRY + 1n }), pinned: { [`words[${FREE}].quotient`]: quotient(EXPIRY + 1n, GRID) } }, // prettier-ignore
    "Range(BITS_PRICE())(instrument.contract.strike)": { to: put(FREE, { strike: 1n << 40n }) },
  };
  for (const [rule, { from = instruments(), to, pinned }] of Object.entries(cheats))
    it(`${rule}: no proof without it`, async () => {
      const circuit = await compileTemplate({ file, template: "InstrumentRules", optimise: false });
      refusesInputs(circuit, { honest: inputs(from) as Inputs, cheat: inputs(to) as Inputs, pinned }, rule);
    });
});

describe("circuits/lib/ruleRanges: markets", () => {
  remembersHashes();
  const compiled = () => compileTemplate({ file, template: "MarketWords" });
  const listed = instruments();
  const inputs = (row: MarketRules) => ({
    row: rulesSignals({ ...rules(), markets: [row, ...NO_MARKETS.slice(1)] }).markets[0],
    instrumentGiven: listed.map((it) => (it ? 1n : 0n)),
    ends: listed.map((it) => (it ? it.contract.expiry || FOREVER : GRID)),
  });
  /** Capacities may be whatever they are. */
  const accepted = (row: MarketRules) =>
    accepts(() => requireRules({ ...rules(), instruments: listed, markets: [row, ...NO_MARKETS.slice(1)] }, PROFILE, { bounded: false })); // prettier-ignore
  const agrees = (circuit: Circuit, row: MarketRules, what: string) =>
    assert.equal(hasWitness(circuit, inputs(row) as Inputs), accepted(row), what);

  const { id: _, legs: __, ...words } = market(101n, { 0: 1n }, { until: FOREVER });
  for (const name of Object.keys(words) as (keyof typeof words)[])
    it(`${name}: every number that TypeScript takes, and no other`, async () => {
      const circuit = await compiled();
      for (const value of [2n, 3n, 999_999n, 1_000_000n, 1_000_001n, 65_527n, 65_528n, 65_529n, ...NUMBERS]) {
        const row = market(101n, { 0: 1n }, { [name]: value });
        agrees(circuit, row, `${name} = ${value}`);
      } // prettier-ignore
    });

  it("legs and ends", async () => {
    const circuit = await compiled();
    for (let i = 0; i < INSTRUMENTS; i++)
      for (const leg of [-128n, -1n, 1n, 127n]) agrees(circuit, market(101n, { [i]: leg }), `leg ${leg} of ${i}`);
    for (const until of [FOREVER, FOREVER + 1n]) agrees(circuit, market(101n, {}, { until }), `no leg until ${until}`);
    const { row, ...rest } = inputs(market(101n, { 0: 1n }));
    assert.equal(hasWitness(circuit, { row: { ...row, legs: row.legs + (1n << 128n) }, ...rest } as Inputs), false);
    for (const until of [0n, EXPIRY - 1n, EXPIRY, EXPIRY + 1n, FOREVER])
      for (const leg of [[0], [1], [0, 2], [3, 4]])
        agrees(circuit, market(101n, Object.fromEntries(leg.map((i) => [i, -1n])), { until }), `${leg.join()} until ${until}`); // prettier-ignore
  });

  it("each signal is bound by the rule that computes it", async () => {
    const circuit = await compileTemplate({ file, template: "MarketWords", optimise: false });
    const last = inputs(market(101n, { 4: -1n }));
    pinsEach(circuit, { fixture: inputs(market(101n, { 0: 1n, 1: 3n })) as Inputs, last: last as Inputs }, source, []);
  });
});

describe("circuits/lib/ruleRanges: what fits a transaction", () => {
  const seed = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
  const profiles: Profile[] = [PROFILES.demo, PROFILES.standard, { ...PROFILES.demo, depth: 2 }];
  for (const profile of profiles)
    it(`is what fits in TypeScript, depth ${profile.depth}, TACIT_SEED=${seed}`, async () => {
      const { depth, clear, settle } = profile;
      const circuit = await compileTemplate({ file, template: "FitsTransaction", args: [depth, clear, settle] });
      const random = new Random(seed);
      for (let round = 0; round < 60; round++) {
        const size = () => BigInt(random.integer(1, random.pick([16, 100, 1_000, 65_535])));
        const [cancelCapacity, listCapacity] = [size(), size()];
        const row = (capacity: bigint) => market(1n, {}, { capacity, cancelCapacity, listCapacity });
        const fits = (capacity: bigint) => fitsTransaction(worstClear(row(capacity), profile));
        // The greatest that fits, and the next one.
        let [low, high] = [0n, 1n << 16n];
        while (high - low > 1n) {
          const middle = (low + high) / 2n;
          if (fits(middle)) low = middle;
          else high = middle;
        }
        for (const capacity of [low, high, 65_535n, size()]) {
          if (capacity < 1n || capacity > 65_535n) continue;
          const read = { capacity, cancelCapacity, listCapacity };
          assert.equal(hasWitness(circuit, read), fits(capacity), `${capacity} ${cancelCapacity} ${listCapacity}`);
        }
      }
    });

  it("each signal is bound by the rule that computes it", async () => {
    const at = { capacity: 100n, cancelCapacity: 16n, listCapacity: 15n };
    for (const depth of [4, 10]) {
      const circuit = await compileTemplate({ file, template: "FitsTransaction", args: [depth, 28, 10], optimise: false }); // prettier-ignore
      const [bytes, gas] = ["MOST_BYTES() - PROOF_BYTES() * proofs", "MOST_GAS() - PROOF_GAS() * proofs"];
      const rules = [`Range(WIDTH(MOST_BYTES()))(${bytes} - ACCOUNT_BYTES() * accounts)`, `Range(WIDTH(MOST_GAS()))(${gas} - ACCOUNT_GAS() * accounts)`]; // prettier-ignore
      pinsEach(circuit, { fixture: at, full: { capacity: 300n, cancelCapacity: 5n, listCapacity: 6n } }, source, rules);
      // Of a small tree gas decides.
      if (depth === 10) refusesInputs(circuit, { honest: at, cheat: { ...at, capacity: 394n } }, bytes);
      refusesInputs(circuit, { honest: at, cheat: { ...at, cancelCapacity: 513n } }, gas);
    }
  });
});
