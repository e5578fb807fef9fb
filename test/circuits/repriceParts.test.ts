// Goal: no witness proves another median, epoch, history, payoff, staleness, value or row than src/protocol has, and each statement of
// the templates that say so is a rule.
// Method: each template of reprice by itself, compiled so that every signal exists, on inputs that the others may give it; forged
// witnesses in which one signal is pinned to the cheat and all that follows is computed anew, each of which breaks the one rule that it
// names; and such forgeries made by program (pinning.ts). Agreement: reprice.test.ts.
import assert from "node:assert/strict";
import { publicKey, sign } from "../../src/protocol/eddsa.ts";
import { legsWord } from "../../src/protocol/market.ts";
import { median } from "../../src/protocol/median.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { NO_PREMIUM, reportHash, reportWords, type Report } from "../../src/protocol/report.ts";
import { scenarioWords } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { pricingSignals, rulesSignals } from "../../src/witness/configure.ts";
import { pricing, rules as someRules } from "../protocol/pricedRules.ts";
import { compileTemplate, expectNoWitness, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";

const REPRICE = "circuits/instructions/reprice.circom";
const forgeable = (file: string, template: string, args: number[] = []) =>
  compileTemplate({ file: file.includes("/") ? file : `circuits/lib/${file}.circom`, template, args, optimise: false });
const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
const vector = (...values: bigint[]) => Array.from({ length: INSTRUMENTS }, (_, i) => values[i] ?? 0n);
const oneAt = (slot: number) => vector().with(slot, 1n);

describe("circuits/lib/report", () => {
  it(`Median: of random numbers, often equal ones (seed ${SEED})`, async () => {
    const random = new Random(SEED);
    for (const n of [3, 5]) {
      const circuit = await forgeable("report", "Median", [n]);
      for (let round = 0; round < 40; round++) {
        const values = Array.from({ length: n }, () =>
          random.pick([0n, 1n, 2n, 3n, (1n << 40n) - 1n, random.bits(40)]),
        );
        const witness = circuit.witness({ in: values });
        assert.equal(circuit.read("out", witness), median(values), `${values}`);
        if (round < 5) assert.equal(circuit.satisfies(witness), true);
      }
    }
  });

  it("Median: none of another rank, none between, no side that is neither", async () => {
    const circuit = await forgeable("report", "Median", [3]);
    const inputs = { in: [10n, 20n, 30n] };
    const upper = (...bits: bigint[]) => Object.fromEntries(bits.map((bit, j) => [`upper[${j}]`, bit]));
    circuit.refuses(inputs, { out: 30n, ...upper(0n, 1n, 1n) }, "Range(BITS_REPORTED())(distance[j])");
    circuit.refuses(inputs, { out: 10n, ...upper(1n, 1n, 1n) }, "uppers === half + 1");
    circuit.refuses(inputs, { out: 10n, ...upper(0n, 1n, 1n) }, "other[N - 1] === 0");
    circuit.refuses(inputs, { out: 15n, ...upper(0n, 1n, 1n) }, "other[N - 1] === 0");
    circuit.refuses({ in: [7n, 7n, 7n] }, upper(-1n, 1n, 2n), "upper[j] * (upper[j] - 1) === 0");
    const product = "other[j] <== other[j - 1] * (distance[j] + 1 - upper[j])";
    circuit.refuses(inputs, { out: 15n, "other[2]": 0n, ...upper(0n, 1n, 1n) }, product);
    const byHand = ["upper[j] * (upper[j] - 1) === 0", "uppers === half + 1", product];
    pinsEach(circuit, { inputs }, "report.circom", byHand);
    // Equal ones may stand on either side: the median is the same.
    const other = circuit.solveForged({ in: [7n, 7n, 9n] }, upper(1n, 0n, 1n));
    assert.deepEqual([circuit.satisfies(other), circuit.read("out", other)], [true, 7n]);
  });

  it("ReportNumbers: no witness with a bit beyond its numbers", async () => {
    const circuit = await forgeable("report", "ReportNumbers");
    const words = [1n, 2n, 3n, 4n];
    circuit.witness({ words });
    for (const [w, bits] of [240n, 240n, 240n, 80n].entries())
      expectNoWitness(circuit, { words: words.with(w, 1n << bits) });
    pinsEach(circuit, { some: { words } }, "report.circom");
  });

  describe("Quorum", () => {
    const secrets = [21, 22, 23, 24].map((byte) => new Uint8Array(32).fill(byte));
    const report = (change: Partial<Report> = {}): Report => ({
      domain: 77n,
      contracts: 88n,
      epoch: 99n,
      index: 1_000n,
      average: 1_001n,
      sigma: 1_002n,
      premium: NO_PREMIUM,
      values: vector(5n, 6n),
      ...change,
    });
    const reports = [report({ index: 900n }), report(), report({ index: 1_100n })];
    /** One report in the place of another, with a signature of its own. */
    const signed = (of: Report, j: number, feed: number) => {
      const { R8x, R8y, S } = sign(secrets[feed], reportHash(of));
      return { feed: BigInt(j), words: reportWords(of), R8x, R8y, S };
    };
    const inputs = (feeds: readonly number[], keys: readonly number[] = [0, 1, 2, 3], of = reports): Inputs => {
      const each = of.map((of, j) => signed(of, feeds[j], keys[feeds[j]]));
      const { domain, contracts, epoch } = reports[0];
      return {
        domain,
        contracts,
        epoch,
        keys: keys.map((i) => Object.values(publicKey(secrets[i]))),
        feed: each.map(({ feed }) => feed),
        words: each.map(({ words }) => words),
        R8x: each.map(({ R8x }) => R8x),
        R8y: each.map(({ R8y }) => R8y),
        S: each.map(({ S }) => S),
      } as Inputs;
    };
    const quorum = () => forgeable("report", "Quorum", [4]);
    const VALID = "valid[j] === 1";

    it("takes no feed twice, and none out of order", async () => {
      const circuit = await quorum();
      // Of feeds that have one key a signature says less than the number.
      const same = inputs([0, 1, 3], [0, 0, 0, 0]);
      circuit.refuses(same, { "feed[1]": 0n }, "Range(k)(feed[j] - feed[j - 1] - 1)");
      circuit.refuses(same, { "feed[1]": 3n }, "Range(k)(feed[j] - feed[j - 1] - 1)");
      circuit.refuses(same, { "feed[0]": 2n }, "Range(k)(feed[j] - feed[j - 1] - 1)");
      circuit.refuses(same, { "feed[2]": 2n, "feed[1]": 2n }, "Range(k)(feed[j] - feed[j - 1] - 1)");
    });

    it("takes no report of another domain, epoch, feed, or about other contracts", async () => {
      const circuit = await quorum();
      const honest = inputs([0, 2, 3]);
      for (const name of ["domain", "contracts", "epoch"] as const) circuit.refuses(honest, { [name]: 5n }, VALID);
      circuit.refuses(honest, { "feed[1]": 1n }, VALID);
      circuit.refuses(honest, { "S[0]": 5n }, VALID);
      circuit.refuses(honest, { "words[1][1]": (honest.words as bigint[][])[1][1] + 1n }, VALID);
    });

    it("takes no key of another feed, no other report than is signed, and no signature that is none", async () => {
      const circuit = await quorum();
      // Feeds 0 and 1 have one key.
      const twins = inputs([0, 2, 3], [0, 0, 2, 3]);
      circuit.refuses(twins, { "at[0][0]": 0n, "at[0][1]": 1n }, "at[j] <== OneHotOf(k)(feed[j])");
      const honest = inputs([0, 2, 3]);
      const { x, y } = publicKey(secrets[1]);
      const by = signed(reports[0], 0, 1);
      const signature = ({ R8x, R8y, S }: typeof by) => ({ "R8x[0]": R8x, "R8y[0]": R8y, "S[0]": S });
      circuit.refuses(honest, { "key[0][0]": x, "key[0][1]": y, ...signature(by) }, "key[j][c] <== sum");
      circuit.refuses(honest, { "part[0][0][0]": 5n, "part[0][1][0]": publicKey(secrets[0]).x - 5n }, "part[j][i][c] <== at[j][i] * keys[i][c]"); // prettier-ignore
      const other = report({ index: 7n });
      const said = { "message[0]": reportHash(other), ...signature(signed(other, 0, 0)) };
      circuit.refuses(honest, said, "message[j] <== Hash(TAG_REPORT(), 3 + W)");
      circuit.refuses(honest, { "S[0]": 5n, "valid[0]": 1n }, "valid[j] <== Signature()");
      const byHand = [
        "at[j] <== OneHotOf(k)(feed[j])",
        "part[j][i][c] <== at[j][i] * keys[i][c]",
        "key[j][c] <== sum",
        "message[j] <== Hash(TAG_REPORT(), 3 + W)([ domain, contracts, epoch, words[j][0], words[j][1], words[j][2], words[j][3] ])",
        "valid[j] <== Signature()(1, key[j][0], key[j][1], R8x[j], R8y[j], S[j], message[j])",
        VALID,
        "NotZero()(reported[j][n])",
        "Range(k)(feed[j] - feed[j - 1] - 1)",
      ];
      pinsEach(circuit, { honest }, "report.circom Quorum", byHand);
    });

    it("counts no number that one of them lacks: a false one, with one that lacks it, would decide it", async () => {
      const circuit = await quorum();
      const full = [8n, 9n, 7n].map((number) => report({ premium: NO_PREMIUM + number, values: vector(number, 6n) }));
      const numbersOf = (of: Report[]) => circuit.publicValues(inputs([0, 2, 3], undefined, of), 21).slice(1);
      const told = [1_000n, 1_001n, 1_002n, NO_PREMIUM + 8n, ...vector(8n, 6n)];
      assert.deepEqual(numbersOf(full), told);
      for (const j of [0, 1, 2]) {
        const lacks = (change: Partial<Report>) => numbersOf(full.with(j, { ...full[j], ...change }));
        assert.deepEqual(lacks({ premium: 0n }), told.with(3, 0n));
        assert.deepEqual(lacks({ values: vector(0n, 6n) }), told.with(4, 0n));
        assert.deepEqual(lacks({ values: vector(full[j].values[0]) }), told.with(5, 0n));
      }
      // Of the lie and of the one that lacks it, the greater would be the median.
      const lie = inputs([0, 2, 3], undefined, [
        report({ values: vector(0n) }),
        report({ values: vector(1n) }),
        full[0],
      ]);
      circuit.refuses(lie, { "isNone[1]": 0n }, "isNone[n - 3] <== IsZero()(product[n - 3][Q - 1])");
    });

    it("has no eighth feed", async () => {
      const answers = await compileTemplate({ file: "circuits/lib/report.circom", template: "Quorum", args: [7], answersOnly: true }); // prettier-ignore
      const each = [0, 1, 2, 3, 6].map((feed) => signed(reports[1], feed, Math.min(feed, 3)));
      const keys = [0, 1, 2, 3, 3, 3, 3].map((i) => Object.values(publicKey(secrets[i])));
      const { domain, contracts, epoch } = reports[0];
      const of = (feed: bigint[]): Inputs => ({
        domain,
        contracts,
        epoch,
        keys,
        feed,
        words: each.map(({ words }) => words),
        R8x: each.map(({ R8x }) => R8x),
        R8y: each.map(({ R8y }) => R8y),
        S: each.map(({ S }) => S),
      });
      answers.publicValues(of([0n, 1n, 2n, 3n, 6n]), 1);
      expectNoWitness(answers, of([0n, 1n, 2n, 3n, 7n]));
    });

    it("takes no report without index, average or sigma", async () => {
      const circuit = await quorum();
      for (const name of ["index", "average", "sigma"] as const) {
        const zero = signed(report({ index: 900n, [name]: 0n }), 0, 0);
        const { words, R8x, R8y, S } = zero;
        const pins = { "words[0][0]": words[0], "R8x[0]": R8x, "R8y[0]": R8y, "S[0]": S };
        circuit.refuses(inputs([0, 2, 3]), pins, "NotZero()(reported[j][n])");
      }
    });
  });
});

describe("circuits/instructions/reprice: parts", () => {
  it("RepriceEpoch: none before the last, none twice under the same rules, none that is not over", async () => {
    const circuit = await forgeable(REPRICE, "RepriceEpoch");
    const next = {
      rules: 5n,
      lag: 5n,
      epochLength: 60n,
      before: 1_000n,
      rulesBefore: 5n,
      epoch: 1_001n,
      stamp: 60_065n,
    };
    const same = { ...next, rulesBefore: 4n, epoch: 1_000n };
    const first = { ...next, before: 0n, rulesBefore: 0n };
    const BY_HAND = ["Range(BITS_TIME())(epochs)", "step.same * unchanged === 0", "step.first * step.same === 0", "Range(BITS_TIME())(epoch)"]; // prettier-ignore
    circuit.refuses(next, { epoch: 999n }, BY_HAND[0]);
    circuit.refuses(same, { rulesBefore: 5n }, BY_HAND[1]);
    circuit.refuses({ ...same, before: 1n, epoch: 1n }, { before: 0n, epoch: 0n }, BY_HAND[2]);
    circuit.refuses(next, { epoch: 1n << 40n, epochLength: 0n }, BY_HAND[3]);
    circuit.refuses(next, { stamp: 60_064n }, "Range(BITS_TIME())(stamp - lag - end)");
    const [steps, zeros] = [[next, same, first], { first: 0n, same: 0n, next: 0n }];
    for (const [i, inputs] of steps.entries()) {
      const witness = circuit.witness(inputs);
      const found = Object.keys(zeros).map((name) => circuit.read(`step.${name}`, witness));
      assert.deepEqual(found, [[0n, 0n, 1n], [0n, 1n, 0n], [1n, 0n, 0n]][i]); // prettier-ignore
    }
    pinsEach(circuit, { next, same, first }, "reprice.circom", BY_HAND);
  });

  const { horizon, rangeFloor, rangeCap, fundingEvery, fundingDivisor, fundingClamp, step } = pricing();
  const rules = { horizon, rangeFloor, rangeCap, fundingEvery, fundingDivisor, fundingClamp, largestStep: step };
  const STEPS = { first: { first: 1n, same: 0n, next: 0n }, same: { first: 0n, same: 1n, next: 0n }, next: { first: 0n, same: 0n, next: 1n } }; // prettier-ignore
  const past = {
    step: STEPS.next,
    epochs: 20n,
    epoch: 1_020n,
    epochBefore: 1_000n,
    haltedBefore: 0n,
    indexBefore: 100_000n,
    rangeBefore: 30_000n,
    fundingBefore: 7n,
    restBefore: 3n,
    index: 111_000n,
    sigma: (3n << 24n) / 4n,
    premium: NO_PREMIUM + 100n,
    isPerpetual: 1n,
    ...rules,
  };

  it("NextHistory: no halt is left out, nothing is funded twice, nothing moves in the same epoch", async () => {
    const circuit = await forgeable(REPRICE, "NextHistory");
    circuit.refuses(past, { halts: 0n }, "halts <== step.next * moved");
    const within = { ...past, epoch: 1_019n, epochs: 19n };
    circuit.refuses(within, { passes: 1n }, "passes <== (1 - within) * step.next");
    circuit.refuses({ ...past, isPerpetual: 0n }, { due: 1n }, "due <== passes * isPerpetual");
    const same = { ...past, step: STEPS.same, epochs: 0n, epoch: 1_000n, haltedBefore: 1n };
    circuit.refuses(same, { halted: 0n }, "halted <== halts + step.same * haltedBefore");
    const witness = circuit.witness(same);
    for (const [name, value] of [
      ["indexAfter", 100_000n],
      ["range", 30_000n],
      ["funding", 7n],
      ["fundingRest", 3n],
      ["halted", 1n],
    ] as const)
      // prettier-ignore
      assert.equal(circuit.read(name, witness), value, name);
    pinsEach(circuit, { past, same, first: { ...past, step: STEPS.first, epochBefore: 0n, indexBefore: 0n, rangeBefore: 0n } }, "reprice.circom"); // prettier-ignore
  });

  const RANGE = { before: 30_000n, epochs: 2n, isFirst: 0n, isNext: 1n, sigma: 1n << 30n, horizon, floor: rangeFloor, cap: rangeCap }; // prettier-ignore
  const REPORTED = {
    given: 1n,
    isPerpetual: 0n,
    isOption: 1n,
    isPut: 1n,
    strike: 100n,
    ownMark: 1n,
    tau: 0n,
    same: 0n,
    number: 91n,
    lastBefore: 5n,
    payoffBefore: 0n,
  };
  const SHOCKS = {
    reach: (50_000n << 24n) / 121n,
    raised: 24n,
    lowered: toField(-16n),
    leastVolatility: 1n << 21n,
    move: [24n],
    isRaised: [1n],
    isLowered: [0n],
    weight: [37n],
    factor: [18_000_000n],
  };
  const WORTH = {
    given: 1n,
    live: 1n,
    payoff: 0n,
    isOption: 1n,
    isPut: 0n,
    liveForward: 101_000n,
    fixed: 0n,
    strike: 100_000n,
    volatility: (3n << 24n) / 4n,
    multiplier: 64n,
    root: 1n << 26n,
    shocks: SHOCKS,
  };
  const ROW = {
    given: 1n,
    legs: legsWord(vector(2n, -3n)),
    tick: 7n,
    isOut: oneAt(5),
    charge: vector(10n, 20n),
    values: [vector(1_000n, 500n), vector(900n, 700n)],
    funding: 9n,
  };

  it("NextRange: it rises no faster, and stays in its bounds", async () => {
    const circuit = await forgeable("pricing", "NextRange");
    const honest = circuit.read("out", circuit.witness(RANGE));
    assert.equal(honest, (30_000n * 25n) / 16n);
    circuit.refuses(RANGE, { rise: circuit.read("rise", circuit.witness(RANGE)) + 1n }, "rise <== Select()");
    circuit.refuses(RANGE, { wanted: 1n << 30n }, "wanted <== Select()");
    circuit.refuses(RANGE, { out: honest + 1n });
  });

  it("Reported: nothing is latched twice, early, or in the same epoch, nothing missing is there", async () => {
    const circuit = await forgeable("pricing", "Reported");
    const read = (inputs: Inputs) => {
      const witness = circuit.witness(inputs);
      return ["payoff", "live", "last", "missing"].map((name) => circuit.read(name, witness));
    };
    assert.deepEqual(read(REPORTED), [11n, 0n, 5n, 0n]);
    const settled = { ...REPORTED, payoffBefore: 44n };
    assert.deepEqual(read(settled), [44n, 0n, 5n, 0n]);
    circuit.refuses(settled, { latches: 1n }, "latches <== settles * open");
    circuit.refuses({ ...REPORTED, tau: 1n }, { expired: 1n }, "expired <== (given - isPerpetual) * over");
    circuit.refuses({ ...REPORTED, isPerpetual: 1n }, { expired: 1n }, "expired <== (given - isPerpetual) * over");
    circuit.refuses({ ...REPORTED, same: 1n }, { settles: 1n }, "settles <== reports * (1 - same)");
    circuit.refuses({ ...REPORTED, number: 0n }, { reports: 1n }, "reports <== expired * (1 - none)");
    const missing = { ...REPORTED, tau: 9n, number: 0n };
    assert.deepEqual(read(missing), [0n, 1n, 5n, 1n]);
    circuit.refuses(missing, { missing: 0n }, "missing <== live * absent");
    circuit.refuses(missing, { idle: 0n }, "idle <== live * none");
    const borrowing = { ...missing, ownMark: 0n };
    assert.deepEqual(read(borrowing), [0n, 1n, 5n, 0n]);
    // What has expired is missing until it is latched, whatever values it, and whatever is reported.
    const unreported = { ...borrowing, tau: 0n };
    const sameEpoch = { ...REPORTED, same: 1n };
    for (const late of [unreported, sameEpoch]) {
      assert.deepEqual(read(late), [0n, 1n, 5n, 1n]);
      circuit.refuses(late, { absent: 0n }, "absent <== Or()(expired, unreported)");
    }
    // The least and the greatest number, and no such slot.
    for (const isPut of [0n, 1n])
      for (const number of [0n, 1n, (1n << 40n) - 1n])
        for (const strike of [1n, (1n << 40n) - 1n]) {
          const average = number - 1n;
          const gain = isPut === 1n ? strike - average : average - strike;
          const expected = number === 0n ? 0n : 1n + (gain > 0n ? gain : 0n);
          assert.equal(read({ ...REPORTED, isPut, number, strike })[0], expected, `${number} ${strike}`);
        }
    assert.deepEqual(read({ ...REPORTED, given: 0n, isOption: 0n, isPut: 0n }), [0n, 0n, 0n, 0n]);
    pinsEach(circuit, { REPORTED, missing, settled, borrowing, unreported }, "pricing.circom");
  });

  it("Stale: nothing that is valued by what is missing is fresh", async () => {
    const circuit = await forgeable("pricing", "Stale");
    const of = { live: 1n, isOption: 1n, own: 0n, forwardAt: oneAt(1), volatilityAt: oneAt(2), missing: oneAt(2) };
    const out = (inputs: Inputs) => circuit.read("out", circuit.witness(inputs));
    assert.deepEqual([of, { ...of, missing: oneAt(1) }, { ...of, missing: oneAt(3) }, { ...of, isOption: 0n }, { ...of, isOption: 0n, own: 1n }, { ...of, live: 0n }].map(out), [1n, 1n, 0n, 0n, 1n, 0n]); // prettier-ignore
    const both = { ...of, missing: oneAt(1).with(2, 1n) };
    assert.deepEqual([both, { ...of, own: 1n }, { ...both, own: 1n }].map(out), [1n, 1n, 1n]);
    circuit.refuses(of, { out: 0n }, "out <== live * (1 - present)");
    circuit.refuses(of, { valuedBy: 0n }, "valuedBy <== isOption * sum");
    pinsEach(circuit, { of, both: { ...of, forwardAt: oneAt(2), own: 1n } }, "pricing.circom");
  });

  it("ScenarioValues: no U is another by 1", async () => {
    const circuit = await forgeable("pricing", "ScenarioValues", [2]);
    const honest = circuit.witness(WORTH);
    for (const k of [0, 1])
      for (const by of [1n, -1n])
        circuit.refuses(
          WORTH,
          { [`values[${k}]`]: circuit.read(`values[${k}]`, honest) + by },
          "values[k] <== settled",
        );
    circuit.refuses(WORTH, { "change[1]": circuit.read("change[1]", honest) + 1n }, "Weighted()");
    const settled = { ...WORTH, live: 0n, payoff: 1_001n };
    for (const k of [0, 1]) assert.equal(circuit.read(`values[${k}]`, circuit.witness(settled)), 1_000n);
    for (const k of [0, 1]) assert.equal(circuit.read(`values[${k}]`, circuit.witness({ ...settled, given: 0n })), 0n);
    pinsEach(circuit, { WORTH, settled }, "pricing.circom");
  });

  it("Settlement: no other part is fixed", async () => {
    const circuit = await forgeable("pricing", "Settlement");
    const of = { isPerpetual: 0n, tau: 420n, window: 1_800n, forward: 100_500n, average: 98_000n };
    const parts = (inputs: Inputs) => ["fixed", "live"].map((name) => circuit.read(name, circuit.witness(inputs)));
    assert.deepEqual(parts(of), [(98_000n * 1_380n) / 1_800n, (100_500n * 420n) / 1_800n]);
    assert.deepEqual(parts({ ...of, tau: 0n }), [98_000n, 0n]);
    for (const far of [{ tau: 1_800n }, { tau: 1n << 39n }, { tau: 0n, isPerpetual: 1n }])
      assert.deepEqual(parts({ ...of, ...far }), [0n, 100_500n]);
    const [fixed, live] = parts(of);
    for (const by of [1n, -1n]) {
      circuit.refuses(of, { fixed: fixed + by }, "fixed <== Quotient(BITS_REPORTED(), 32)(passed, window)");
      circuit.refuses(of, { live: live + by }, "live <== Quotient(BITS_REPORTED(), 32)(moving, window)");
    }
    pinsEach(circuit, { of }, "pricing.circom");
  });

  it("MarketRow: nothing stale, settled or out of range has a row, and no number of one is another", async () => {
    const circuit = await forgeable("pricing", "MarketRow", [2]);
    const row = (inputs: Inputs, name: string) => circuit.read(name, circuit.witness(inputs));
    const names = ["mark", "funding", "gross", "low", "high"];
    // W = 2000 - 1500 and 1800 - 2100; 500 + 18 is 74 ticks of 7; 2 lots of 10 and 3 of 20.
    assert.deepEqual(names.map((name) => row(ROW, `row.${name}`)), [518n, 18n, 80n, toField(-380n), 580n]); // prettier-ignore
    assert.notEqual(row(ROW, "out"), 0n);
    const [out, free, beyond] = [{ ...ROW, isOut: oneAt(1) }, { ...ROW, given: 0n }, { ...ROW, values: [vector(1n << 39n), vector()], tick: 1n, funding: 0n }]; // prettier-ignore
    for (const inputs of [out, free, beyond]) assert.equal(row(inputs, "out"), 0n);
    // |mark| < 2^40, from both sides.
    const at = (value: bigint) => ({ ...ROW, legs: legsWord(vector(1n)), tick: 1n, funding: 0n, values: [vector(toField(value)), vector()] }); // prettier-ignore
    for (const [value, priced] of [
      [(1n << 40n) - 1n, true],
      [1n << 40n, false],
      [-(1n << 40n) + 1n, true],
      [-(1n << 40n), false],
      [1n << 41n, false],
      [-(1n << 41n), false],
    ] as const)
      // prettier-ignore
      assert.equal(row(at(value), "out") !== 0n, priced, `${value}`);
    circuit.refuses(out, { "missed[1]": 0n }, "missed[i] <== size[i] * isOut[i]");
    circuit.refuses(out, { quoted: 1n }, "quoted <== priced * whole");
    circuit.refuses(beyond, { priced: 1n }, "priced <== inside * (1 - edge)");
    circuit.refuses(free, { stands: 1n }, "stands <== quoted * given");
    circuit.refuses(ROW, { "row.mark": row(ROW, "row.mark") + 7n }, "row.mark <== mark");
    circuit.refuses(ROW, { "weighted[1]": 5n }, "weighted[k] <== sum");
    circuit.refuses(ROW, { "row.low": toField(-379n) }, "row.low <== least[P - 1] - gross");
    circuit.refuses(ROW, { "row.high": 579n }, "row.high <== greatest[P - 1] + gross");
    const four = (of: Inputs & { values: bigint[][] }) => ({ ...of, values: [...of.values, vector(950n, 600n), vector(1_100n, 650n)] }); // prettier-ignore
    const edge = at(1n << 40n);
    const examples = { ROW: four(ROW), out: four(out), free: four(free), beyond: four(beyond), edge: four(edge) };
    pinsEach(await forgeable("pricing", "MarketRow", [4]), examples, "pricing.circom");
  });

  it("each statement that opens rules, history and tables is a rule", async () => {
    const { instruments, instrumentRows } = rulesSignals(someRules());
    const row = { rowHash: instrumentRows[2], instrument: instruments[2] } as Inputs;
    pinsEach(await forgeable("rules", "InstrumentRow"), { row, free: { ...row, rowHash: 0n } }, "rules.circom");
    const { scenarios } = pricingSignals(pricing()) as { scenarios: bigint[] };
    pinsEach(await forgeable("rules", "PricingHash", [4]), { some: { pricing: pricingSignals(pricing()) } as Inputs }, "rules.circom"); // prettier-ignore
    const table = await forgeable("rules", "UnpackScenarios", [4]);
    const beyond = "parts[w][i] === 0";
    table.refuses({ words: scenarios }, { "words[0]": scenarios[0] + (1n << 68n) }, beyond);
    pinsEach(table, { some: { words: scenarios } }, "rules.circom", [beyond]);
    const history = { index: 1n, range: 2n, funding: 3n, fundingRest: 4n, last: 5n, payoffs: 6n };
    pinsEach(await forgeable("history", "HistoryHash"), { some: { history } }, "history.circom");
    const of = { meta: { rules: 1n, epoch: 2n, halted: 0n, stale: 4n, longCharges: 5n, shortCharges: 6n, weights: 7n, history: 8n }, scenarios: 9n, rowsHash: 10n }; // prettier-ignore
    pinsEach(await forgeable(REPRICE, "PricesRoot"), { of }, "reprice.circom");
  });

  it("each statement of ranges is a rule", async () => {
    const multiples = await forgeable("ranges", "Multiples", [4, 8]);
    pinsEach(multiples, { some: { d: 7n, x: 100n } }, "ranges.circom");
    multiples.refuses({ d: 7n, x: 98n }, { out: 15n }, "Range(k)(d - 1 - rest)");
    multiples.refuses({ d: 7n, x: 99n }, { out: 14n }, "Range(k)(rest)");
    for (const x of [0n, 7n * 255n]) assert.equal(multiples.read("out", multiples.witness({ d: 7n, x })), x / 7n);
    for (const x of [7n * 255n + 1n, -7n]) expectNoWitness(multiples, { d: 7n, x });
    pinsEach(await forgeable("ranges", "Positive", [5]), { some: { in: 5n } }, "ranges.circom");
    const within = await forgeable("ranges", "Within", [3, 9]);
    within.refuses({ in: 5n }, { in: 10n }, "Range(n)(most - in)");
    within.refuses({ in: 5n }, { in: 2n }, "Range(n)(in - least)");
  });

  it("NextFunding: full at either end, nothing where there is no premium", async () => {
    const circuit = await forgeable("pricing", "NextFunding");
    const most = (1n << 40n) - 1n;
    const paid = (funding: bigint, premium: bigint) => {
      const inputs = {
        funding: toField(funding),
        rest: 3n,
        index: 100_000n,
        premium,
        clamp: fundingClamp,
        divisor: 8n,
      };
      const witness = circuit.witness(inputs);
      return ["fundingAfter", "restAfter"].map((name) => circuit.read(name, witness));
    };
    assert.deepEqual(paid(most - 1n, NO_PREMIUM + 16n), [most, 3n]);
    assert.deepEqual(paid(2n - most, NO_PREMIUM - 16n), [toField(-most), 3n]);
    assert.deepEqual(paid(1n - most, NO_PREMIUM - 16n), [toField(-most), 3n]);
    assert.deepEqual(paid(7n, NO_PREMIUM + 14n), [9n, 1n]);
    assert.deepEqual(paid(7n, NO_PREMIUM - 4n), [6n, 7n]);
    assert.deepEqual(paid(7n, 0n), [7n, 3n]);
  });

  it("Moved and Kind: on either side, to the last unit; of each kind", async () => {
    const moved = await forgeable("pricing", "Moved");
    for (const [index, out] of [[110_000n, 0n], [110_001n, 1n], [90_000n, 0n], [89_999n, 1n], [100_000n, 0n], [1n, 1n]])
      assert.equal(moved.read("out", moved.witness({ index, before: 100_000n, step: 6_554n })), out, `${index}`);
    const kinds = await forgeable("pricing", "Kind");
    for (const [given, kind, ...bits] of [[1n, 1n, 1n, 0n, 0n], [1n, 2n, 0n, 0n, 0n], [1n, 3n, 0n, 1n, 0n], [1n, 4n, 0n, 1n, 1n], [0n, 4n, 0n, 0n, 0n]]) {
      const witness = kinds.witness({ given, kind });
      assert.deepEqual(["isPerpetual", "isOption", "isPut"].map((name) => kinds.read(name, witness)), bits, `${kind}`);
    }
  }); // prettier-ignore

  it("what is beyond the ranges of the smaller ones has no witness", async () => {
    const beyond: [template: string, args: number[], inside: Inputs[], outside: Inputs[]][] = [
      ["Clamped", [5], [{ in: 31n, bound: 0n }, { in: -31n, bound: 0n }], [{ in: 32n, bound: 0n }, { in: -32n, bound: 0n }]],
      ["Floored", [6, 2], [{ in: 63n }, { in: 0n }], [{ in: 64n }, { in: -1n }]],
      ...["Lesser", "Greater", "Ordered"].map((name): (typeof beyond)[number] => [name, [5], [{ a: 31n, b: 0n }, { a: 0n, b: 32n }], [{ a: 32n, b: 0n }, { a: 0n, b: 33n }]]),
      ["Moved", [], [{ index: 5n, before: 1n << 39n, step: 1n << 16n }], [{ index: 1n << 40n, before: 0n, step }, { index: 1n << 39n, before: 1n << 39n, step: 1n << 18n }]],
      ["Charges", [], [{ given: 1n, live: 0n, long: 9n, short: 7n, weight: 3n }], [{ given: 1n, live: 1n, long: 1n << 40n, short: 0n, weight: 3n }]],
      ["Settlement", [], [{ isPerpetual: 0n, tau: 0n, window: 1_800n, forward: 5n, average: 6n }], [{ isPerpetual: 0n, tau: (1n << 40n) + 1_800n, window: 1_800n, forward: 5n, average: 6n }]],
      ["UnpackTenors", [], [{ word: (1n << 128n) - 1n }], [{ word: 1n << 128n }]],
      ["NearIndex", [], [{ mark: 99_999n, index: 100_000n, band: 3_277n }, { mark: 1n, index: 100_000n, band: 3_277n }], [{ mark: 1n << 42n, index: 5n, band: 0n }]],
      ["Kind", [], [1n, 2n, 3n, 4n].map((kind) => ({ given: 1n, kind })), [{ given: 1n, kind: 0n }, { given: 1n, kind: 5n }]],
    ]; // prettier-ignore
    for (const [template, args, inside, outside] of beyond) {
      const circuit = await forgeable("pricing", template, args);
      for (const inputs of inside) circuit.witness(inputs);
      for (const inputs of outside) expectNoWitness(circuit, inputs);
    }
  });

  it("each statement of the smaller ones is a rule", async () => {
    const each: [template: string, args: number[], examples: Record<string, Inputs>][] = [
      ["Clamped", [5], { inside: { in: 3n, bound: 5n }, above: { in: 9n, bound: 5n }, below: { in: -9n, bound: 5n } }],
      ["Lesser", [5], { first: { a: 3n, b: 4n }, second: { a: 5n, b: 4n } }],
      ["Greater", [5], { first: { a: 5n, b: 4n }, second: { a: 3n, b: 4n } }],
      ["Ordered", [5], { first: { a: 5n, b: 4n }, second: { a: 3n, b: 4n } }],
      ["Moved", [], { far: { index: 111_000n, before: 100_000n, step }, near: { index: 99_000n, before: 100_000n, step } }], // prettier-ignore
      ["NextFunding", [], { due: { funding: 7n, rest: 3n, index: 100_000n, premium: NO_PREMIUM + 5n, clamp: fundingClamp, divisor: fundingDivisor } }], // prettier-ignore
      ["NearIndex", [], { far: { mark: 120_000n, index: 100_000n, band: 3_277n } }],
      ["Kind", [], { put: { given: 1n, kind: 4n }, perpetual: { given: 1n, kind: 1n }, free: { given: 0n, kind: 3n } }],
      ["Charges", [], { short: { given: 1n, live: 1n, long: 10n, short: 20n, weight: 3n }, long: { given: 1n, live: 1n, long: 20n, short: 10n, weight: 3n } }], // prettier-ignore
      ["NextRange", [], { RANGE, many: { ...RANGE, epochs: 17n }, first: { ...RANGE, isFirst: 1n, isNext: 0n } }],
      ["UnpackTenors", [], { some: { word: 5n + (7n << 120n) } }],
      ["OpenShocks", [2], { some: { raised: 24n, lowered: 16n, leastVolatility: 5n, scenarios: scenarioWords({ scenarios: pricing().scenarios.slice(0, 2) }), range: 50_000n } }], // prettier-ignore
    ];
    for (const [template, args, examples] of each)
      pinsEach(await forgeable("pricing", template, args), examples, "pricing.circom");
    pinsEach(await forgeable("fixed", "Floored", [6, 2]), { some: { in: 13n } }, "fixed.circom");
  });
});
