// Goal: every wire of every instruction follows from its inputs, but for those that are named and harmless.
// Method: determined.ts over the rows that the compiler makes of each circuit; what it takes for good, and how often,
// is fixed here, and each such axiom is tested; and it must notice rows that are taken away or changed.
import assert from "node:assert/strict";
import fs from "node:fs";
import { FIELD, ORDER, scalarMultiply, type Point } from "../../src/protocol/eddsa.ts";
import { median } from "../../src/protocol/median.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { OPTION, YEAR_UNITS } from "../../src/protocol/parameters.ts";
import { poseidon } from "../../src/protocol/poseidon.ts";
import { groupParts } from "../../src/protocol/rules.ts";
import { groupSignals } from "../../src/witness/configure.ts";
import { group, PROFILE } from "../protocol/pricedRules.ts";
import {
  determined,
  dividesOnce,
  exponentsOf,
  runsOf,
  withoutRows,
  type Determined,
  type System,
} from "./determined.ts";
import { compileTemplate, expectNoWitness, type Circuit, type CircuitSource, type Inputs } from "./harness.ts";
import { ARGUED, DENOMINATORS, SCALARS, scalarRows } from "./obligations.ts";
import type { R1cs } from "./r1cs.ts";
import { SMALL_INSTRUCTIONS } from "./smallCircuits.ts";

const library = (file: string, template: string, ...args: number[]): CircuitSource => ({
  file: `circuits/lib/${file}.circom`,
  template,
  args,
  optimise: false,
});
type Skip = Parameters<typeof determined>[1];
const check = ({ signals, statements }: Circuit, main: string, r1cs: R1cs, skip?: Skip) =>
  determined({ r1cs, signals, statements, main }, skip);
const checkSource = async (source: CircuitSource, skip?: Skip) => {
  const circuit = await compileTemplate(source);
  return check(circuit, source.template, circuit.r1cs, skip);
};
/** Templates with hints that follow by an argument, as instructions use them. */
const ARGUED_ALONE = {
  Median: library("report", "Median", 3),
  Ln: library("fixed", "Ln"),
  RootFloor: library("fixed", "RootFloor", Number(YEAR_UNITS), OPTION.root),
  CallValue: library("optionValue", "CallValue"),
};
const counts = ({ free, obligations }: Determined) => ({
  free: Object.fromEntries(free),
  obligations: Object.fromEntries(obligations),
});

const SIGNATURE = {
  "Scalar(0)": 1,
  "Scalar(1)": 1,
  "ToMontgomery.out[0]": 1,
  "ToMontgomery.out[1]": 1,
  "MontgomeryDouble.slope": 3,
  "MontgomeryAdd.slope": 83 + 3 + 1,
  "DoubleAndAdd.first": 249,
  "DoubleAndAdd.second": 249,
  "FromClass2.x": 1,
  "FromClass2.y": 1,
};
const SIGNATURE_FREE = { "Scalar.form": 5_454, "BothZero.left": 3 };
/** |price| = tick ticks: its 41 bits, twice, the two numbers that are ranged, and itself. */
const TICKS = { "Clear.ticks": 85 };
/** Of three: sides, distances with their bits, twice, and the two numbers that are ranged; and two products. */
const MEDIAN_FREE = 3 * (1 + 1 + 2 * 40 + 2) + 2;
const EXPECTED: Record<string, ReturnType<typeof counts>> = {
  withdraw: { free: { "IsZero.inverse": 1 }, obligations: {} },
  settle: { free: { "IsZero.inverse": 82 }, obligations: {} },
  // Two slots. FromClass4 is not among them: the operator's key is compared with an input.
  deposit: {
    free: { "IsZero.inverse": 8 },
    obligations: {
      "Double.out[0]": 6,
      "Double.out[1]": 6,
      "ToMontgomery.out[0]": 2,
      "ToMontgomery.out[1]": 2,
      "MontgomeryAdd.slope": 83 + 2 * 3,
      "DoubleAndAdd.first": 2 * 250,
      "DoubleAndAdd.second": 2 * 250,
      "FromClass2.x": 2,
      "FromClass2.y": 2,
    },
  },
  admit: {
    free: { ...SIGNATURE_FREE, "IsZero.inverse": 50, "Canonical.factor": 2 * 53 },
    obligations: SIGNATURE,
  },
  // Of seven orders more two each: off the tick, of no lots.
  quote: {
    free: { ...SIGNATURE_FREE, "IsZero.inverse": 50 + 7 * 2 + 1, "Canonical.factor": 2 * 53 },
    obligations: SIGNATURE,
  },
  auction: { free: { ...TICKS, "IsZero.inverse": 52 }, obligations: {} },
  midpoint: { free: { ...TICKS, "IsZero.inverse": 50 }, obligations: {} },
  fold: { free: { "IsZero.inverse": 50 }, obligations: {} },
  enforce: { free: { "IsZero.inverse": 29 }, obligations: {} },
  assume: { free: { "IsZero.inverse": 69 }, obligations: {} },
  survey: { free: { "IsZero.inverse": 17 }, obligations: {} },
  // Five keys, three times doubled, and an expiry of each instrument.
  configure: {
    free: { "IsZero.inverse": 703 },
    obligations: { "Double.out[0]": 10, "Double.out[1]": 10, "InstrumentWords.quotient": 16 },
  },
  // Three signatures, twenty medians of three; two logarithms and two values of each instrument.
  reprice: {
    free: {
      ...Object.fromEntries(Object.entries(SIGNATURE_FREE).map(([name, count]) => [name, 3 * count])),
      "IsZero.inverse": 362,
      "Median.upper": 20 * MEDIAN_FREE,
    },
    obligations: {
      ...Object.fromEntries(Object.entries(SIGNATURE).map(([name, count]) => [name, 3 * count])),
      Median: 20,
      RootFloor: 16,
      Ln: 32,
      CallValue: 32,
    },
  },
};

/** Rows that contain a signal; `with_` another one too. */
function rowsWith({ r1cs, signals }: Circuit, name: string, with_ = name): number[] {
  const wires = [name, with_].map((one) => {
    const found = [...signals].find(([signal]) => signal === one || signal.replace(/_\d+_\d+/g, "") === one);
    assert.ok(found, `${one} is a signal`);
    return found[1];
  });
  const { starts, termWires } = r1cs;
  const rows = Array.from({ length: r1cs.constraintCount }, (_, row) => row).filter((row) =>
    wires.every((wire) => termWires.subarray(starts[3 * row], starts[3 * row + 3]).includes(wire)),
  );
  assert.ok(rows.length > 0, `${name} and ${with_} share a row`);
  return rows;
}

/** The rows where a wire, and all that equals it, is 0. */
function withZero(r1cs: R1cs, wire: number): R1cs {
  const { starts, termWires, constraintCount, units } = r1cs;
  const zero = new Set([wire]);
  for (let before = 0; before < zero.size;) {
    before = zero.size;
    for (let row = 0; row < constraintCount; row++) {
      const [from, end] = [starts[3 * row], starts[3 * row + 3]];
      if (end - from !== 2 || starts[3 * row + 2] !== from || units[from] !== -units[from + 1]) continue;
      const [one, two] = termWires.subarray(from, end);
      if (zero.has(one)) zero.add(two);
      else if (zero.has(two)) zero.add(one);
    }
  }
  return { ...r1cs, coefficients: r1cs.coefficients.map((value, term) => (zero.has(termWires[term]) ? 0n : value)) };
}

const without = (r1cs: R1cs, row: number) => withoutRows(r1cs, (at) => at === row);

describe("circuits, determined", () => {
  for (const [name, source] of Object.entries(SMALL_INSTRUCTIONS))
    it(`every wire of ${name} follows from its inputs`, async () => {
      const result = await checkSource(source);
      assert.deepEqual(result.undetermined, []);
      assert.deepEqual(result.noBits, []);
      assert.deepEqual(counts(result), EXPECTED[name]);
    });

  it("every wire of the templates of lib follows from its inputs", async () => {
    const zero = { "IsZero.inverse": 1 };
    const adds = (n: number) => ({ "MontgomeryAdd.slope": n });
    const rows: [CircuitSource, free: Record<string, number>, obligations: Record<string, number>, inputs?: number][] =
      [
        [library("bits", "Bits", 5), {}, {}],
        [library("bits", "Range", 5), {}, {}],
        [library("bits", "Number", 5), {}, {}],
        [library("bits", "Boolean"), {}, {}],
        [library("bits", "IsZero"), zero, {}],
        [library("bits", "IsEqual"), zero, {}],
        [library("bits", "NotNegative", 5), {}, {}],
        [library("bits", "AtMost", 5), {}, {}],
        [library("bits", "Select"), {}, {}],
        [library("bits", "And"), {}, {}],
        [library("bits", "Or"), {}, {}],
        [library("vector", "OneHot", 4), {}, {}],
        [library("vector", "OneHotOf", 4), {}, {}],
        [library("vector", "Pick", 5), {}, {}],
        [library("vector", "Put", 5), {}, {}],
        [library("tree", "Root", 2), {}, {}],
        [library("tree", "Update", 2), {}, {}],
        [library("poseidon", "Hash", 11, 2), {}, {}],
        [library("poseidon", "HashTagged", 16), {}, {}],
        [library("canonical", "Canonical"), { "Canonical.factor": 53 }, {}],
        [library("fee", "DivideUp", 10), {}, {}],
        [library("babyjub", "OnCurve"), zero, {}],
        [library("babyjub", "Add"), {}, { "Add.out[0]": 1, "Add.out[1]": 1 }],
        [library("babyjub", "Double"), {}, { "Double.out[0]": 1, "Double.out[1]": 1 }],
        [library("babyjub", "ToMontgomery"), {}, { "ToMontgomery.out[0]": 1, "ToMontgomery.out[1]": 1 }],
        [library("babyjub", "FromClass2"), {}, { "FromClass2.x": 1, "FromClass2.y": 1 }],
        [library("babyjub", "FromClass4"), {}, { "FromClass4.x": 1, "FromClass4.y": 1 }],
        [library("babyjub", "MontgomeryAdd"), {}, adds(1)],
        [library("babyjub", "MontgomeryDouble"), {}, { "MontgomeryDouble.slope": 1 }],
        [library("babyjub", "DoubleAndAdd"), {}, { "DoubleAndAdd.first": 1, "DoubleAndAdd.second": 1 }],
        // Its callers know that bits are bits: no row of its own says so.
        [
          library("babyjub", "MultiplySigned", 8),
          {},
          { ...adds(3), "DoubleAndAdd.first": 6, "DoubleAndAdd.second": 6 },
          8,
        ],
        [library("babyjub", "MultiplyFixed", 251), {}, { ...adds(83), "FromClass4.x": 1, "FromClass4.y": 1 }, 251],
        [library("babyjub", "MultiplyFixedSigned"), {}, adds(83), 251],
        [library("eddsa", "BothZero"), { "BothZero.left": 3 }, {}],
        [library("eddsa", "Signature"), { ...SIGNATURE_FREE, ...zero }, SIGNATURE],
        [library("fixed", "Ln"), {}, { Ln: 1 }],
        [library("fixed", "Exp"), {}, {}],
        [library("fixed", "RootFloor", Number(YEAR_UNITS), OPTION.root), {}, { RootFloor: 1 }],
        [library("fixed", "QuotientFloor", 41, 33), {}, {}],
        [library("ranges", "Multiples", 7, 16), {}, {}],
        [library("ranges", "Positive", 5), {}, {}],
        [library("optionValue", "CallValue"), zero, { CallValue: 1 }],
        [library("report", "Median", 3), { "Median.upper": MEDIAN_FREE }, { Median: 1 }],
        // A quorum of seven.
        [library("report", "Median", 5), { "Median.upper": 424 }, { Median: 1 }],
        [library("ruleRanges", "InstrumentWords"), { "IsZero.inverse": 6 }, { "InstrumentWords.quotient": 1 }],
      ];
    for (const [source, free, obligations, inputs = 0] of rows) {
      const result = await checkSource(source);
      assert.deepEqual(result.undetermined, [], source.template);
      assert.equal(result.noBits.length, inputs, source.template);
      assert.deepEqual(counts(result), { free, obligations }, source.template);
    }
  });

  it("a scalar's bits are not fixed, and reported where nothing makes up for it", async () => {
    const result = await checkSource(library("eddsa", "Scalar", 1));
    assert.deepEqual(
      result.undetermined.map((text) => text.replace(/\[\d+\]/, "").split(",")[0]),
      [...Array.from({ length: 250 }, () => "bits of Scalar"), "positive of Scalar", "last of Scalar"],
    );
    // Without Rule 2 the input must be a hash.
    const inexact = await checkSource(library("eddsa", "Scalar", 0));
    assert.ok(inexact.undetermined.includes("quotient of Scalar"));
  });

  it("an obligation is taken where nothing else does, and each has a test", async function () {
    const titles = this.test!.parent!.parent!.suites.flatMap(({ tests }) => tests.map(({ title }) => title));
    const where: Record<string, CircuitSource> = {
      Add: library("babyjub", "Add"),
      Double: library("babyjub", "Double"),
      FromClass4: library("babyjub", "MultiplyFixed", 251),
      InstrumentWords: library("ruleRanges", "InstrumentWords"),
      ...ARGUED_ALONE,
    };
    for (const [name, { test, why }] of Object.entries({ ...DENOMINATORS, ...SCALARS, ...ARGUED })) {
      assert.ok(titles.includes(test) && why.length > 40, name);
      const result = await checkSource(where[name.split(".")[0]] ?? library("eddsa", "Signature"), (of) => of === name);
      assert.ok(result.undetermined.length > 0 && !result.obligations.has(name), name);
    }
    // Nor does one follow from all others.
    const source = library("babyjub", "MultiplyAny", 7);
    const slopes = [...(await compileTemplate(source)).signals.keys()].filter((name) =>
      /slope$|first$|second$/.test(name),
    );
    assert.equal(slopes.length, 3 + 2 * 6);
    for (const slope of slopes)
      assert.ok((await checkSource(source, (_, name) => name === slope)).undetermined.length > 0, slope);
  });

  it("outputs of Deposit do not rest on the points of a slot that is not active", async () => {
    // Nobody checks that they are on the curve. So with active[1] = 0 no obligation of that slot is needed.
    const source = SMALL_INSTRUCTIONS.deposit;
    const circuit = await compileTemplate(source);
    const ofSlot: Skip = (_, name) => name.startsWith("slot[1].");
    const outputs = ["state", "stateAfter", "phaseAfter", "time", "logCount", "logHead", "deposits"];
    const open = ({ undetermined }: Determined) =>
      outputs.filter((name) => undetermined.includes(`${name} of ${source.template}`));
    assert.deepEqual(open(check(circuit, source.template, circuit.r1cs, ofSlot)), ["stateAfter"]);
    const inactive = withZero(circuit.r1cs, circuit.signals.get("active[1]")!);
    assert.deepEqual(open(check(circuit, source.template, inactive, ofSlot)), []);
  });
});

/** Terms by signal; "1" is the constant. */
type Sum = Record<string, bigint>;

/** A system with the outputs y, inputs x and others that its rows name. */
function systemOf(main: string, rows: readonly [a: Sum, b: Sum, c: Sum][], outputs = ["y"], inputs = ["x"]): System {
  const named = rows.flatMap((row) => row.flatMap((sum) => Object.keys(sum)));
  const names = [...new Set(["1", ...outputs, ...inputs, ...named])];
  const parts = rows.flat().map((sum) => Object.entries(sum));
  const starts = [0];
  for (const part of parts) starts.push(starts.at(-1)! + part.length);
  const terms = parts.flat();
  const r1cs: R1cs = {
    wires: names.length,
    publicOutputs: outputs.length,
    publicInputs: 0,
    privateInputs: inputs.length,
    constraintCount: rows.length,
    nonzeros: terms.length,
    starts: Uint32Array.from(starts),
    termWires: Uint32Array.from(terms, ([name]) => names.indexOf(name)),
    coefficients: terms.map(([, value]) => (value + FIELD) % FIELD),
    units: new Int8Array(terms.length),
  };
  const signals = new Map(names.map((name, i): [string, number] => [name, i]).slice(1));
  return { r1cs, signals, statements: [], main };
}

describe("circuits, determined: rules", () => {
  const bit = (name: string): [Sum, Sum, Sum] => [{ [name]: 1n }, { [name]: 1n, "1": -1n }, {}];
  const isZero: [Sum, Sum, Sum][] = [
    [{ x: 1n }, { inverse: -1n }, { y: 1n, "1": -1n }],
    [{ x: 1n }, { y: 1n }, {}],
  ];
  const zeroOrTwo: [Sum, Sum, Sum] = [{ y: 1n }, { y: 1n, "1": -2n }, {}];
  const slope: [Sum, Sum, Sum][] = [
    [{ x: 1n }, { slope: 1n }, { x: 2n }],
    [{}, {}, { slope: 1n, y: -1n }],
  ];
  const cases: [why: string, follows: boolean, rows: [Sum, Sum, Sum][], main?: string, outputs?: string[]][] = [
    ["a multiple of what is known", true, [[{}, {}, { y: 3n, x: 1n }]]],
    ["a product of what is known", true, [[{ x: 1n }, { x: 1n }, { y: 1n }]]],
    ["beside a constant factor", true, [[{ "1": 2n }, { y: 1n }, { x: 1n }]]],
    ["beside a factor that may be 0", false, [[{ x: 1n }, { y: 1n }, { x: 1n }]]],
    ["beside a factor that is not", true, [[{ x: 1n }, { y: 1n }, { "1": 5n }]]],
    ["a product that is 0", false, [[{ x: 1n }, { y: 1n }, {}]]],
    ["a root", false, [[{ y: 1n }, { y: 1n }, { x: 1n }]]],
    ["on both sides", false, [[{ x: 1n }, { y: 1n }, { y: 1n, x: 1n }]]],
    ["two unknowns", false, [[{}, {}, { y: 1n, z: 1n, x: 1n }]]],
    ["two unknowns, one after the other", true, [[{}, {}, { y: 1n, z: 1n, x: 1n }], [{}, {}, { z: 2n, x: 1n }]]],
    ["a bit alone", false, [bit("y")]],
    ["bits times distinct powers of two", true, [bit("y"), bit("z"), [{}, {}, { y: 6n, z: 3n, x: 1n }]]],
    ["bits times equal powers", false, [bit("y"), bit("z"), [{}, {}, { y: 1n, z: 1n, x: 1n }]]],
    ["bits and another", false, [bit("y"), [{}, {}, { y: 1n, z: 2n, x: 1n }]]],
    ["a bit, and 0 or 2", false, [bit("z"), zeroOrTwo, [{}, {}, { y: 2n, z: 1n, x: 1n }]]],
    ["IsZero", true, isZero, "IsZero"],
    ["its inverse, where it is used", false, [...isZero, [{}, {}, { inverse: 1n, w: 1n }]], "IsZero"],
    ["its inverse, as an output", false, isZero, "IsZero", ["y", "inverse"]],
    ["an inverse of no class", false, isZero, "Other"],
    ["a slope beside another denominator", false, slope, "MontgomeryAdd"],
  ]; // prettier-ignore
  /** x = d y + r with y and r and most - 1 - r ranged to so many bits. */
  const division = (bitsOfY: number, bits: number, most = "d"): [Sum, Sum, Sum][] => {
    const range = (name: string, width: number): [Sum, Sum, Sum][] => {
      const places = Array.from({ length: width }, (_, i) => `${name}_${i}`);
      const sum = Object.fromEntries(places.map((place, i) => [place, 1n << BigInt(i)]));
      return [...places.map(bit), [{}, {}, { ...sum, [name]: -1n }]];
    };
    return [
      [{ d: 1n }, { y: 1n }, { x: 1n, r: -1n }],
      [{}, {}, { [most]: 1n, "1": -1n, r: -1n, rest: -1n }],
      ...range("y", bitsOfY),
      ...range("r", bits),
      ...range("rest", bits),
    ];
  };
  for (const [width, bits, follows] of [
    [41, 32, true],
    [220, 32, true],
    [221, 32, false],
    [2, 250, true],
    [2, 251, false],
  ] as const)
    it(`${follows ? "follows" : "does not follow"}: a quotient of ${width} bits by a number of ${bits}`, () => {
      const { undetermined } = determined(systemOf("Main", division(width, bits), ["y"], ["x", "d"]));
      assert.equal(undetermined.length, follows ? 0 : 3 + width + 2 * bits);
    });
  it("does not follow: a quotient whose rest is below another number", () => {
    const { undetermined } = determined(systemOf("Main", division(41, 32, "e"), ["y"], ["x", "d", "e"]));
    assert.ok(undetermined.includes("y of Main"));
  });
  for (const [why, follows, rows, main = "Main", outputs] of cases)
    it(`${follows ? "follows" : "does not follow"}: ${why}`, () => {
      assert.equal(determined(systemOf(main, rows, outputs)).undetermined.length === 0, follows);
    });
});

describe("circuits, determined: what it notices", () => {
  it("every row that is taken away from a small template", async () => {
    const sources = [
      library("bits", "Bits", 4),
      library("bits", "IsZero"),
      library("bits", "IsEqual"),
      library("bits", "NotNegative", 5),
      library("bits", "Select"),
      library("vector", "OneHotOf", 3),
      library("vector", "Put", 2),
      library("tree", "Children"),
      library("log", "ClockStep"),
      library("fee", "DivideUp", 4),
      library("eddsa", "BothZero"),
      library("babyjub", "Add"),
      library("babyjub", "Double"),
      library("babyjub", "ToMontgomery"),
      library("babyjub", "FromClass2"),
      library("babyjub", "FromClass4"),
      library("babyjub", "MontgomeryAdd"),
      library("babyjub", "MontgomeryDouble"),
      library("babyjub", "DoubleAndAdd"),
      library("babyjub", "MultiplySigned", 5),
    ];
    for (const source of sources) {
      const circuit = await compileTemplate(source);
      for (let row = 0; row < circuit.constraints; row++) {
        const { undetermined } = check(circuit, source.template, without(circuit.r1cs, row));
        assert.ok(undetermined.length > 0, `${source.template} without row ${row}`);
      }
    }
  });

  it("every row that is taken away from a template with an argument, and every one that is another", async () => {
    for (const source of Object.values(ARGUED_ALONE)) {
      const circuit = await compileTemplate({ ...source, attributed: false });
      const { r1cs } = circuit;
      const fails = (system: R1cs) => check(circuit, source.template, system).undetermined.length > 0;
      assert.equal(check(circuit, source.template, r1cs).obligations.get(source.template), 1);
      for (let row = 0; row < circuit.constraints; row += 7) assert.ok(fails(without(r1cs, row)), `without row ${row}`);
      for (let term = 3; term < r1cs.nonzeros; term += 97)
        assert.ok(fails({ ...r1cs, coefficients: r1cs.coefficients.with(term, 3n) }), `another coefficient ${term}`);
    }
  });

  it("every run of Canonical, its sum, and a bit that is none", async () => {
    const circuit = await compileTemplate(library("canonical", "Canonical"));
    const runs = Array.from({ length: 53 }, (_, i) => rowsWith(circuit, `factor[${i}]`)[0]);
    const [sum] = rowsWith(circuit, "in", "out[0]");
    const bits = [0, 100, 253].map((i) => rowsWith(circuit, `out[${i}]`)[0]);
    for (const row of [...runs, sum, ...bits]) {
      const { undetermined } = check(circuit, "Canonical", without(circuit.r1cs, row));
      assert.ok(undetermined.some((text) => text.startsWith("out[")));
    }
  });

  it("a run of Canonical that compares other bits", async () => {
    const circuit = await compileTemplate(library("canonical", "Canonical"));
    const { r1cs, signals } = circuit;
    for (let i = 0; i < 53; i += 13) {
      const [row] = rowsWith(circuit, `factor[${i}]`);
      for (const part of [3 * row, 3 * row + 1, 3 * row + 2]) {
        const termWires = r1cs.termWires.slice();
        const at = r1cs.starts[part + 1] - 1;
        termWires[at] = signals.get(`out[${termWires[at] === signals.get("out[7]") ? 8 : 7}]`)!;
        if (r1cs.starts[part + 1] - r1cs.starts[part] === 1 && part < 3 * row + 2) continue; // the factor, of any name
        assert.ok(check(circuit, "Canonical", { ...r1cs, termWires }).undetermined.length > 254);
      }
    }
  });

  it("a denominator that is another one", async () => {
    const circuit = await compileTemplate(library("babyjub", "MontgomeryAdd"));
    const { r1cs, signals } = circuit;
    const [row] = rowsWith(circuit, "slope", "q[1]");
    const { starts } = r1cs;
    const changed = Array.from({ length: starts[3 * row + 2] - starts[3 * row] }, (_, i) => starts[3 * row] + i)
      .filter((term) => r1cs.termWires[term] !== signals.get("slope"))
      .map((term) => ({ ...r1cs, coefficients: r1cs.coefficients.with(term, 2n) }));
    assert.equal(changed.length, 2);
    for (const system of changed)
      assert.ok(check(circuit, "MontgomeryAdd", system).undetermined.includes("slope of MontgomeryAdd"));
  });

  /** Rows of these signals are taken away, each alone; of two, rows with both. Places in the source are left out. */
  const removed: Record<string, (string | [string, string])[]> = {
    admit: [
      "slot[0].order[0].quotient",
      ["slot[0].nonceGood", "slot[0].mayAct"],
      ["slot[0].mayAct", "slot[0].valid"],
      ["slot[0].item.a[3]", "slot[0].item.Canonical.out[3]"],
    ],
    auction: ["quotient", "rest", "ticks", ["walk[1].turn.walkedAfter", "walk[1].turn.walked"], "fromKept"],
    settle: ["step[1].update.rootAfter", "booked", "market[0].legsWord", "step[0].flatAfter[3]"],
  };
  for (const [name, signals] of Object.entries(removed))
    it(`rows that are taken away from ${name}`, async () => {
      const source = SMALL_INSTRUCTIONS[name];
      const circuit = await compileTemplate(source);
      for (const one of signals) {
        const [first, second] = typeof one === "string" ? [one, one] : one;
        for (const row of rowsWith(circuit, first, second)) {
          const { undetermined } = check(circuit, source.template, without(circuit.r1cs, row));
          assert.ok(undetermined.length > 0, `${first}, row ${row}`);
        }
      }
    });

  it("bits of a range that are none", async () => {
    const clear = await compileTemplate(SMALL_INSTRUCTIONS.auction);
    const admit = await compileTemplate(SMALL_INSTRUCTIONS.admit);
    const bitOf = (circuit: Circuit, from: string) => {
      // The row that makes a bit of the last bit of this range, the only one without another signal.
      const [name] = [...circuit.signals.keys()]
        .filter((one) => one.startsWith(from) && /Bits_\d+_\d+\.out\[\d+\]$/.test(one))
        .slice(-1);
      const { starts, termWires } = circuit.r1cs;
      const alone = rowsWith(circuit, name).filter((row) =>
        [...termWires.subarray(starts[3 * row], starts[3 * row + 3])].every(
          (wire) => wire === 0 || wire === circuit.signals.get(name),
        ),
      );
      assert.equal(alone.length, 1);
      return alone[0];
    };
    const rangeOf = (circuit: Circuit, signal: string) => {
      const found = [...circuit.signals].filter(([name, wire]) => {
        if (!/(^|\.)Range_\d+_\d+\.in$/.test(name) || !name.startsWith(signal.replace(/\w+$/, "") + "Range"))
          return false;
        return rowsOfPair(circuit, wire, circuit.signals.get(signal)!);
      });
      assert.ok(found.length > 0, signal);
      return found.map(([name]) => name.replace(/in$/, ""));
    };
    for (const [circuit, main, signal] of [
      [clear, "Clear", "ticks"],
      [clear, "Clear", "quotient"],
      [clear, "Clear", "rest"],
      [admit, "Admit", "slot[0].order[0].rest"],
    ] as const)
      for (const range of rangeOf(circuit, signal)) {
        const { undetermined } = check(circuit, main, without(circuit.r1cs, bitOf(circuit, range)));
        assert.ok(undetermined.length > 0, `${signal}, ${range}`);
      }
  });

  it("rows that are taken away from Signature", async () => {
    const circuit = await compileTemplate(library("eddsa", "Signature"));
    const [exact, inexact] = [...circuit.signals.keys()].filter((name) => /^Scalar_.*\.positive$/.test(name));
    const names: (string | [string, string])[] = [
      "MultiplyFixedSigned.multiple.MontgomeryAdd[40].slope",
      "MultiplySigned.DoubleAndAdd[100].first",
      "MultiplySigned.DoubleAndAdd[100].second",
      "allowed",
      "valid",
      ["hBits[7]", "Scalar.bits[7]".replace("Scalar", inexact.split(".")[0])],
    ];
    for (const scalar of [exact, inexact].map((name) => name.split(".")[0])) {
      names.push([`${scalar}.positive`, `${scalar}.quotientBits[1]`], `${scalar}.bits[9]`);
      if (scalar === exact.split(".")[0]) names.push(`${scalar}.last`);
    }
    for (const one of names) {
      const [first, second] = typeof one === "string" ? [one, one] : one;
      for (const row of rowsWith(circuit, first, second)) {
        const { undetermined, noBits } = check(circuit, "Signature", without(circuit.r1cs, row));
        assert.ok(undetermined.length + noBits.length > 0, `${first}, row ${row}`);
      }
    }
  });

  it("an answer that rests on the form of a scalar", async () => {
    const circuit = await compileTemplate(library("eddsa", "Signature"));
    const { r1cs, signals } = circuit;
    /** A row with another signal in place of one. */
    const changed = ([row]: number[], from: string, to: string) => {
      const termWires = r1cs.termWires.slice();
      for (let term = r1cs.starts[3 * row]; term < r1cs.starts[3 * row + 3]; term++)
        if (termWires[term] === signals.get(from)) termWires[term] = signals.get(to)!;
      return check(circuit, "Signature", { ...r1cs, termWires }).undetermined;
    };
    const rests = ["valid of Signature, which rests on the form of a scalar"];
    // valid <== keyGiven * equal, and an answer that asks for another quotient.
    assert.deepEqual(changed(rowsWith(circuit, "allowed", "valid"), "allowed", "keyGiven"), rests);
    const [isZero] = [...signals.keys()].filter((name) => /^IsZero_\d+_\d+\.in$/.test(name));
    assert.deepEqual(changed(rowsWith(circuit, "sQuotient", isZero), "sQuotient", "keyGiven"), rests);
    // A multiple by the bits of a scalar, but another sign.
    const positive = [...signals.keys()].find((name) => /^MultiplySigned_\d+_\d+\.positive$/.test(name))!;
    assert.deepEqual(changed(rowsWith(circuit, "hPositive", positive), "hPositive", "keyGiven"), rests);
  });
});

/** Whether two wires share a row. */
function rowsOfPair({ r1cs: { starts, termWires, constraintCount } }: Circuit, one: number, two: number): boolean {
  for (let row = 0; row < constraintCount; row++) {
    const wires = termWires.subarray(starts[3 * row], starts[3 * row + 3]);
    if (wires.length < 6 && wires.includes(one) && wires.includes(two)) return true;
  }
  return false;
}

describe("circuits, determined: axioms", () => {
  const A = 168_698n;
  const [a, d] = [168_700n, 168_696n];
  const modulo = (x: bigint) => ((x % FIELD) + FIELD) % FIELD;
  const power = (x: bigint, exponent: bigint) => {
    let [value, base] = [1n, modulo(x)];
    for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base)) if (exponent & 1n) value = modulo(value * base);
    return value;
  };
  const inverse = (x: bigint) => power(x, FIELD - 2n);
  const isSquare = (x: bigint) => power(x, (FIELD - 1n) / 2n) === 1n;
  const montgomery = ({ x, y }: Point) => {
    const u = modulo((1n + y) * inverse(1n - y));
    return { u, v: modulo(u * inverse(x)) };
  };
  /** @source https://eips.ethereum.org/EIPS/eip-2494, of the whole group of order 8 l */
  const GENERATOR: Point = {
    x: 995203441582195749578291179787384436505546430278305826713579947235728471134n,
    y: 5472060717959818805561601436314318772137091100104008585924551046643952123905n,
  };
  const SOME = Array.from({ length: 12 }, (_, i) => poseidon(1n, [BigInt(i)]) % (8n * ORDER));
  /** k times the generator has class k / l modulo 8. */
  const ofClass = (i: number) =>
    SOME.map((k) => {
      const scalar = k - (k % 8n) + ((BigInt(i) * ORDER) % 8n);
      return scalarMultiply(scalar % (8n * ORDER), GENERATOR);
    });
  const classes = Array.from({ length: 8 }, (_, i) => ofClass(i));
  const isIdentity = ({ x, y }: Point) => x === 0n && y === 1n;

  it("no denominator vanishes for any two points of the curve", () => {
    assert.deepEqual([isSquare(a), isSquare(d), isSquare(-d), A - 2n, A * A - 4n], [true, false, false, d, a * d]);
    assert.equal(isSquare(A * A - 4n), false);
    const order4 = { x: inverse(scalarRoot(a)), y: 0n };
    const special = [{ x: 0n, y: 1n }, { x: 0n, y: FIELD - 1n }, order4, { x: modulo(-order4.x), y: 0n }];
    const points = [...classes.flat(), ...special];
    for (const p of points) {
      assert.equal(modulo(a * p.x * p.x + p.y * p.y - 1n - d * p.x * p.x * p.y * p.y), 0n, "on the curve");
      const sum = modulo(a * p.x * p.x + p.y * p.y);
      assert.ok(sum !== 0n && sum !== 2n);
      for (const q of points) {
        const e = modulo(d * p.x * q.x * p.y * q.y);
        assert.ok(e !== 1n && e !== FIELD - 1n);
      }
      if (p.x === 0n) continue;
      const { u } = montgomery(p);
      assert.ok(u !== FIELD - 1n && modulo(u * u + A * u + 1n) !== 0n);
    }
  });

  /** Of a square: Tonelli and Shanks. */
  function scalarRoot(x: bigint): bigint {
    let [q, s] = [FIELD - 1n, 0];
    for (; q % 2n === 0n; q /= 2n) s++;
    let [m, c, t, r] = [s, power(5n, q), power(x, q), power(x, (q + 1n) / 2n)];
    while (t !== 1n) {
      let i = 0;
      for (let square = t; square !== 1n; square = modulo(square * square)) i++;
      const b = power(c, 1n << BigInt(m - i - 1));
      [m, c] = [i, modulo(b * b)];
      [t, r] = [modulo(t * c), modulo(r * b)];
    }
    assert.equal(modulo(r * r), modulo(x));
    return r;
  }

  it("no denominator vanishes in the prime subgroup, nor in the class that a template asks for", () => {
    for (const point of classes[0]) {
      assert.ok(isIdentity(scalarMultiply(ORDER, point)) && !isIdentity(point));
      assert.ok(point.x !== 0n && point.y !== 1n && montgomery(point).v !== 0n);
    }
    for (const point of classes[2]) assert.notEqual(montgomery(point).v, 0n);
    // Only the point of order 2 has v = 0, and it has class 4.
    assert.deepEqual(scalarMultiply(4n * ORDER, GENERATOR), { x: 0n, y: FIELD - 1n });
  });

  it("classes keep every chord apart, for any digits", async () => {
    const clash = (i: number, j: number) => (i - j) % 8 === 0 || (i + j) % 8 === 0;
    // The points of different classes have different u, but for i and -i.
    const us = classes.map((points) => points.map((point) => montgomery(point).u));
    for (let i = 0; i < 8; i++)
      for (let j = 0; j < 8; j++) if (!clash(i, j)) assert.equal(new Set([...us[i], ...us[j]]).size, 2 * SOME.length);
    // The walk of MultiplySigned: from a point of the class that the first step wants, digits of either sign.
    for (let steps = 2; steps <= 12; steps++) {
      let accumulators = new Set(steps % 2 === 1 ? [2, -2] : [1, -1]);
      for (let j = 1; j <= steps; j++) {
        const digit = j === steps ? 0 : (steps - j) % 2 === 1 ? 4 : 1;
        const after = new Set<number>();
        for (const i of accumulators)
          for (const signed of [digit, -digit]) {
            assert.ok(!clash(i, signed), `${i} meets ${signed}`);
            assert.notEqual((i + signed) % 8, 0, "p + q is no identity, nor 2 p + q p's negative");
            assert.notEqual((2 * i + signed) % 8, 0, "2 p + q is no identity");
            after.add((((2 * i + signed) % 8) + 8) % 8);
          }
        accumulators = after;
      }
      assert.deepEqual([...accumulators], [4]);
    }
    assert.ok(!clash(0, 2) && !clash(0, 1) && !clash(4, -2) && !clash(4, 0), "chords of Multiply and Signature");

    // The constants have the classes that the walk gives them.
    const text = fs.readFileSync("circuits/generated/base8.circom", "utf8");
    const pairs = (name: string) => {
      const body = text
        .slice(text.indexOf(`function ${name}(`))
        .split("; }")[0]
        .split("];\n")[0];
      const found = [...body.matchAll(/\[(\d+), (\d+)\]/g)];
      return found.map(([, u, v]) => {
        const x = modulo(BigInt(u) * inverse(BigInt(v)));
        return { x, y: modulo((BigInt(u) - 1n) * inverse(BigInt(u) + 1n)) };
      });
    };
    // l times a point of class i is i l times a point of order 8.
    const classOf = (point: Point) => {
      const killed = scalarMultiply(ORDER, point);
      return [0, 1, 2, 3, 4, 5, 6, 7].find((i) => {
        const other = scalarMultiply((BigInt(i) * ORDER * ORDER) % (8n * ORDER), GENERATOR);
        return other.x === killed.x && other.y === killed.y;
      });
    };
    assert.deepEqual(pairs("ORDER_8").map(classOf), [1]);
    assert.deepEqual(pairs("ORDER_4").map(classOf), [2]);
    for (const name of ["BASE8_START", "BASE8_START_SIGNED"]) assert.deepEqual(pairs(name).map(classOf), [4, 4, 4, 4]);
    const windows = pairs("BASE8_WINDOWS");
    assert.equal(windows.length, 4 * 83);
    for (const point of windows) assert.ok(classOf(point) === 0 && !isIdentity(point));

    // All digits of a short multiplication: no chord's ends have one u.
    const key = montgomery(classes[0][0]);
    for (const n of [5, 6]) {
      const circuit = await compileTemplate(library("babyjub", "MultiplySigned", n));
      const pathsOf = (template: RegExp) =>
        [...circuit.signals.keys()].filter((name) => template.test(name)).map((name) => name.replace(/p\[0\]$/, ""));
      const chords = pathsOf(/(MontgomeryAdd|DoubleAndAdd)_\d+_\d+(\[\d+\])?\.p\[0\]$/);
      assert.equal(chords.length, 3 + n - 2);
      for (let k = 0; k < 1 << n; k++) {
        const bits = Array.from({ length: n - 1 }, (_, i) => BigInt((k >> i) & 1));
        const witness = circuit.witness({ point: [key.u, key.v], bits, positive: BigInt(k >> (n - 1)) });
        for (const path of chords) {
          const read = (name: string) => circuit.read(path + name, witness);
          assert.notEqual(read("p[0]"), read("q[0]"));
          if (circuit.signals.has(`${path}u`)) assert.notEqual(read("p[0]"), read("u"));
        }
      }
    }
  });

  it("the forms of a scalar", async () => {
    const HALF = 1n << 250n;
    const { rows } = scalarRows(true);
    const sum = rows[0].c;
    const value = (q: bigint, positive: bigint, bits: bigint, exact: boolean) => {
      let total = sum["1"] + sum.positive * positive + bits;
      for (let i = 0; i < 3; i++) total += sum[`quotientBits[${i}]`] * ((q >> BigInt(i)) & 1n);
      // 8 l is 8 l - r in the field
      return exact && q === 7n && positive === 0n ? total + sum.last + FIELD : total;
    };
    for (let q = 0n; q < 8n; q++)
      for (const positive of [0n, 1n])
        for (const bits of [0n, HALF - 1n]) {
          const exact = value(q, positive, bits, true);
          assert.ok(exact >= 0n && exact < FIELD && exact / ORDER === q, "one integer and one quotient");
          const inexact = value(q, positive, bits, false);
          assert.ok(inexact >= 0n && inexact / ORDER === q);
          assert.equal((inexact - bits + (1n - positive) * HALF) % ORDER, 0n);
          if (inexact >= FIELD) assert.ok(inexact - FIELD < 1n << 126n, "only what no hash is has another integer");
          if (q < 7n) assert.equal(exact, inexact);
        }
    // Both forms of a number give one point.
    const bitsOf = (form: bigint) => Array.from({ length: 250 }, (_, i) => (form >> BigInt(i)) & 1n);
    const { u, v } = montgomery(classes[0][1]);
    const circuits = [
      { circuit: await compileTemplate(library("babyjub", "MultiplyFixedSigned")), inputs: {} as Inputs },
      { circuit: await compileTemplate(library("babyjub", "MultiplySigned", 251)), inputs: { point: [u, v] } },
    ];
    for (const { circuit, inputs } of circuits)
      for (const scalar of [ORDER - HALF, ORDER - HALF + 1n, 5n * (ORDER / 8n), HALF - 1n]) {
        const out = [
          { bits: bitsOf(scalar), positive: 1n },
          { bits: bitsOf(scalar + HALF - ORDER), positive: 0n },
        ].map((form) => circuit.readAll("out", circuit.witness({ ...inputs, ...form })));
        assert.deepEqual(out[0], out[1]);
      }
  });

  it("a grid is not 0", async () => {
    const args = [PROFILE.scenarios, PROFILE.feeds];
    const circuit = await compileTemplate({ ...library("ruleRanges", "GroupRules", ...args), attributed: false });
    const inputs = { ...groupSignals(group()), group: groupParts(group()) };
    const { window } = group().pricing;
    const at = (grid: bigint) => ({ ...inputs, group: { ...inputs.group, grid: toField(grid) } }) as Inputs;
    for (const grid of [window, window + (1n << 32n) - 1n]) circuit.witness(at(grid));
    for (const grid of [0n, window - 1n, -1n, window + (1n << 32n)]) expectNoWitness(circuit, at(grid));
  });

  /** Whether the hints of a template can have these values. */
  const allows = (circuit: Circuit, inputs: Inputs, hints: Record<string, bigint>) =>
    circuit.satisfies(circuit.solveForged(inputs, hints));

  it("values have one median", async () => {
    const few = (n: number): bigint[][] =>
      n === 0 ? [[]] : few(n - 1).flatMap((all) => [1n, 2n, 3n].map((x) => [...all, x]));
    for (const n of [3, 5]) {
      const circuit = await compileTemplate(library("report", "Median", n));
      // Of five with a few circuits are asked, of all the three rules.
      for (const [i, values] of few(n).entries())
        for (const out of [0n, 1n, 2n, 3n, 4n])
          for (let sides = 0; sides < 1 << n; sides++) {
            const upper = values.map((_, j) => BigInt((sides >> j) & 1));
            const fits =
              upper.filter(Boolean).length === (n + 1) / 2 &&
              values.every((x, j) => (upper[j] ? x >= out : x <= out)) &&
              values.some((x, j) => upper[j] && x === out);
            if (fits) assert.equal(out, median(values), `${values}`);
            if (n > 3 && (i % 40 > 0 || sides % 3 > 0)) continue;
            const hints = Object.fromEntries(upper.map((bit, j) => [`upper[${j}]`, bit]));
            assert.equal(allows(circuit, { in: values }, { out, ...hints }), fits, `${values} ${out} ${upper}`);
          }
    }
  });

  it("a number has one shift", async () => {
    const circuit = await compileTemplate(library("fixed", "Ln"));
    for (const x of [1n, 2n, 3n, 12_345n, (1n << 40n) - 1n, 1n << 40n, (1n << 41n) - 1n])
      for (let shift = 0n; shift < 64n; shift++) {
        const places = Object.fromEntries(
          Array.from({ length: 6 }, (_, i) => [`places[${i}]`, (shift >> BigInt(i)) & 1n]),
        );
        assert.equal(allows(circuit, { in: x }, places), (x << shift) >> 40n === 1n, `${x} ${shift}`);
      }
    for (const x of [0n, 1n << 41n]) expectNoWitness(circuit, { in: x });
  });

  it("a number has one root", async () => {
    const circuit = await compileTemplate(library("fixed", "RootFloor", 3, 4));
    for (let x = 0n; x < 3n << 8n; x += x < 20n ? 1n : 17n)
      for (let out = -1n; out < 18n; out++) {
        const fits = out >= 0n && out < 16n && 3n * out * out <= x && x < 3n * (out + 1n) * (out + 1n);
        assert.equal(allows(circuit, { in: x }, { out }), fits, `${x} ${out}`);
      }
    for (const x of [3n << 8n, -1n]) expectNoWitness(circuit, { in: toField(x) });
  });

  it("a call has one side", async () => {
    const circuit = await compileTemplate(library("optionValue", "CallValue"));
    for (const dev of [0n, 1n, 200n, (1n << 14n) - 1n]) {
      const side = (dev + 1n) << 7n;
      const ends = [-(1n << 42n) + 1n, -(1n << 22n) - side, -side, 0n, side, (1n << 22n) + side, (1n << 42n) - 1n];
      for (const score of ends.flatMap((end) => [end - 1n, end, end + 1n])) {
        if (score >= 1n << 42n || score <= -(1n << 42n)) continue;
        const inputs = { forward: 100_003n, strike: 100_000n, score: toField(score), dev, rest: 0n };
        const sides = [0n, 1n].flatMap((itm) => [0n, 1n].map((far) => ({ itm, far })));
        const found = sides.filter((hints) => allows(circuit, inputs, hints));
        const isFar = score >= (1n << 22n) + side || score < -(1n << 22n) - side;
        assert.deepEqual(found, [{ itm: score >= side ? 1n : 0n, far: isFar ? 1n : 0n }], `${score} ${dev}`);
      }
    }
  });

  it("a number has one form in distinct powers of two up to a scale", () => {
    assert.deepEqual(exponentsOf([3n, 12n, 6n]), [0, 2, 1]);
    assert.deepEqual(exponentsOf([FIELD - 4n, FIELD - 1n]), [2, 0]);
    assert.deepEqual(exponentsOf([inverse(2n), 4n]), [0, 3]);
    for (const other of [1n, 3n, FIELD - 1n]) assert.equal(exponentsOf([1n, other]), undefined);
  });

  it("E y = 0 and a row with the factor E leave one y", () => {
    const p = 7;
    const all = Array.from({ length: p }, (_, i) => i);
    const is = (x: number) => ((x % p) + p) % p === 0;
    for (const a of all) {
      const one = all.filter((y) => is(a * y) && all.some((z) => is(a * z - 1 + y)));
      assert.deepEqual(one, [a === 0 ? 1 : 0]);
      for (const b of all) {
        const both = all.filter(
          (y) => is(a * y) && is(b * y) && all.some((left) => all.some((z) => is(b * z - 1 + y + a * left))),
        );
        assert.deepEqual(both, [a === 0 && b === 0 ? 1 : 0]);
      }
    }
  });

  it("a division has one quotient and rest where nothing wraps", () => {
    const p = 61;
    const limits = [1, 3, 7, 15];
    let once = 0;
    for (const q of limits)
      for (const r of limits)
        for (const rest of limits) {
          const most = { q: BigInt(q), r: BigInt(r), rest: BigInt(rest) };
          for (let d = 0; d < p; d++) {
            const known = dividesOnce(most, BigInt(d), BigInt(p));
            if (!known && !dividesOnce(most, undefined, BigInt(p))) continue;
            once++;
            for (const sign of [1, -1]) {
              const found = new Set<number>();
              for (let i = 0; i <= q; i++)
                for (let j = 0; j <= r; j++) {
                  if ((((d - 1 - j) % p) + p) % p > rest) continue;
                  const x = (((d * i + sign * j) % p) + p) % p;
                  assert.ok(!found.has(x), `${d} ${q} ${r} ${rest}`);
                  found.add(x);
                }
            }
          }
        }
    assert.ok(once > 100);
    // Admit, rule 9; Clear, rule 8; fees of an order and of a fill; and a quotient that is too wide.
    const below = (bits: number) => (1n << BigInt(bits)) - 1n;
    const most = (q: number, r: number) => ({ q: below(q), r: below(r), rest: below(r) });
    assert.ok(dividesOnce(most(41, 32)) && dividesOnce(most(40, 32)));
    assert.ok(dividesOnce(most(41, 20), 1_000_000n) && dividesOnce(most(73, 20), 1_000_000n));
    assert.ok(!dividesOnce(most(240, 20), 1_000_000n) && !dividesOnce(most(225, 32)));
  });

  it("runs of a limit compare bits with it", () => {
    const width = 6;
    for (let limit = 0; limit < 1 << width; limit++) {
      const runs = runsOf(BigInt(limit), width);
      for (let x = 0; x < 1 << width; x++) {
        const exceeds = runs.some(
          ({ ones, zeros }) => ones.every((i) => (x >> i) & 1) && zeros.some((i) => (x >> i) & 1),
        );
        assert.equal(exceeds, x > limit);
      }
    }
    assert.equal(runsOf(FIELD - 1n).length, 53);
  });
});
