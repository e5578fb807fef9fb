/**
 * What determined.ts takes for good, with the argument for each, and the test that tests it. A wire of any other class
 * must follow by itself. Points are as in circuits/lib/babyjub.circom; their classes are explained there.
 */
import { ORDER } from "../../src/protocol/eddsa.ts";

export interface Axiom {
  /** Why it holds. */
  why: string;
  /** Name of its test in determined.test.ts. */
  test: string;
}

export interface Denominator extends Axiom {
  /** The factor that is never 0, in signals of the template; "1" is the constant. Its row has it, up to a scale. */
  denominator: Readonly<Record<string, bigint>>;
}

const A = 168698n;
const EDWARDS = "a is a square and d is none, so 1 + e and 1 - e are not 0 for points of the curve";
const CHECKED = "The contract checks that points of deposits are on it; of a slot that is not active nothing counts.";
const CURVE = "no denominator vanishes for any two points of the curve";
const SUBGROUP = "no denominator vanishes in the prime subgroup, nor in the class that a template asks for";
const CLASSES = "classes keep every chord apart, for any digits";

/** E y = what is known, by what y is: E is never 0. */
export const DENOMINATORS: Readonly<Record<string, Denominator>> = {
  "Add.out[0]": { denominator: { "1": 1n, e: 1n }, why: EDWARDS, test: CURVE },
  "Add.out[1]": { denominator: { "1": 1n, e: -1n }, why: EDWARDS, test: CURVE },
  "Double.out[0]": {
    denominator: { xx: 168700n, yy: 1n },
    why: `On the curve it is 1 + d x^2 y^2, the 1 + e of a point and itself; ${EDWARDS}. ${CHECKED}`,
    test: CURVE,
  },
  "Double.out[1]": {
    denominator: { "1": 2n, xx: -168700n, yy: -1n },
    why: `On the curve it is 1 - d x^2 y^2, the 1 - e of a point and itself; ${EDWARDS}. ${CHECKED}`,
    test: CURVE,
  },
  "ToMontgomery.out[0]": {
    denominator: { "1": 1n, "in[1]": -1n },
    why: "1 - y is 0 only at the identity, which no caller passes: keys are 8 K', not the identity, or BASE8.",
    test: SUBGROUP,
  },
  "ToMontgomery.out[1]": {
    denominator: { "in[0]": 1n },
    why: "x is 0 only at the identity and at the point of order 2, which is not in the prime subgroup.",
    test: SUBGROUP,
  },
  "FromClass2.x": {
    denominator: { "in[1]": 1n },
    why: "v is 0 only at the point of order 2, of class 4, as u^2 + A u + 1 has no root: A^2 - 4 = a d is no square.",
    test: SUBGROUP,
  },
  "FromClass2.y": {
    denominator: { "in[0]": 1n, "1": 1n },
    why: "u = -1 would give v^2 = A - 2 = d, which is no square: no point of the curve has it.",
    test: CURVE,
  },
  "FromClass4.x": {
    denominator: { uu: 1n, "in[0]": A, "1": 1n },
    why: "A root would be another point of order 2: A^2 - 4 = a d is no square, so there is none.",
    test: CURVE,
  },
  "FromClass4.y": {
    denominator: { "in[0]": 1n, "1": 1n },
    why: "u = -1 would give v^2 = A - 2 = d, which is no square: no point of the curve has it.",
    test: CURVE,
  },
  "InstrumentWords.quotient": {
    denominator: { grid: 1n },
    why:
      "Genesis has a grid of 1 at least; in Configure it is `window`, which is not 0, and a number of 32 bits more, both " +
      "ranged by GroupRules: it is not 0, and below 2^33.",
    test: "a grid is not 0",
  },
  "MontgomeryAdd.slope": {
    denominator: { "q[0]": 1n, "p[0]": -1n },
    why:
      "Equal u means equal points or negatives, so classes i = j or i = -j. MultiplySigned adds 0 and 2, 0 and 1, " +
      "4 and -2; Base8Multiple class 0, an odd multiple of 8^j BASE8 / 2 from -7 to 7, to 4; Signature 4 and -2.",
    test: CLASSES,
  },
  "MontgomeryDouble.slope": {
    denominator: { "in[1]": 2n },
    why: "v is 0 only at the point of order 2, which is not in the prime subgroup, where Signature doubles a key.",
    test: SUBGROUP,
  },
  "DoubleAndAdd.first": {
    denominator: { "q[0]": 1n, "p[0]": -1n },
    why: "Before each step of MultiplySigned the accumulator has neither the class of the digit nor its negative.",
    test: CLASSES,
  },
  "DoubleAndAdd.second": {
    denominator: { "p[0]": 1n, u: -1n },
    why:
      "u is that of p + q, which is not p, as q is not the identity, nor -p, as 2 p + q is not: its class is not 0 " +
      "before the last step, and 4 after it.",
    test: CLASSES,
  },
};

export interface Argued extends Axiom {
  /** What the argument takes as known, and ranged as the header of the template says. */
  inputs: readonly string[];
  /** What follows from it; the rest of the component must follow from both by itself. */
  hints: readonly string[];
  /** Hashes of all rows of the component, in its own names: of these the argument is. */
  rows: readonly string[];
}

/** Hints that follow from the inputs of their component, but by no rule of determined.ts. */
export const ARGUED: Readonly<Record<string, Argued>> = {
  Median: {
    inputs: ["in"],
    hints: ["out"],
    rows: ["785421af3e8b85a2", "2ba281378ac3fe65"],
    why:
      "(N + 1) / 2 are upper ones and not below out, the others not above it, and out is one of the upper ones: so it is the " +
      "middle one in order. Which of equal ones are upper is free.",
    test: "values have one median",
  },
  Ln: {
    inputs: ["in"],
    hints: ["places"],
    rows: ["5f5cedb9db652570"],
    why: "in is below 2^41 and a shift below 2^64, so nothing wraps, and one shift only brings in, not 0, into [2^40, 2^41).",
    test: "a number has one shift",
  },
  RootFloor: {
    inputs: ["in"],
    hints: ["out"],
    rows: ["18653170cfbf6628"],
    why:
      "divisor out^2 + rest is below 2^250 and so an integer; rest is below divisor (2 out + 1), and the intervals from " +
      "divisor out^2 to divisor (out + 1)^2 do not meet.",
    test: "a number has one root",
  },
  CallValue: {
    inputs: ["score", "dev"],
    hints: ["itm", "far"],
    rows: ["d8092c4aa40cf51a"],
    why:
      "With T = (dev + 1) 2^7, y is score - T + 2^22 in the money, else -score - 1 - T + 2^22. If far is 0, y is in " +
      "[0, 2^23); if it is 1, y is 2^23 at least, as the sign of the sum says. In the money y is 2^22 at least, or far: so " +
      "score >= T. Else y is 2^22 - 2 T at least, as what `two` ranges is not below 0, or far: so score < T. |score| < 2^42 " +
      "and dev < 2^14, so nothing wraps.",
    test: "a call has one side",
  },
};

/** A row a b = c up to scales, c = 0 where a is empty; `of` is a signal in it. Names are as in Denominator. */
export interface Row {
  a: Readonly<Record<string, bigint>>;
  b: Readonly<Record<string, bigint>>;
  c: Readonly<Record<string, bigint>>;
  of: string;
}

const HALF = 1n << 250n;

/** The bits of Scalar(exact), and the rows beside their own that its argument needs. */
export function scalarRows(exact: boolean): { bits: string[]; rows: Row[] } {
  const places = [0, 1, 2].map((i) => `quotientBits[${i}]`);
  const low = Array.from({ length: 250 }, (_, i) => `bits[${i}]`);
  const sum: Record<string, bigint> = { "1": ORDER - HALF, positive: HALF - ORDER, in: -1n };
  places.forEach((name, i) => (sum[name] = ORDER << BigInt(i)));
  low.forEach((name, i) => (sum[name] = 1n << BigInt(i)));
  const quotient = { quotient: -1n, "quotientBits[0]": 1n, "quotientBits[1]": 2n, "quotientBits[2]": 4n };
  const rows: Row[] = [
    { a: {}, b: {}, c: sum, of: "positive" },
    { a: {}, b: {}, c: quotient, of: "quotient" },
  ];
  if (exact) {
    sum.last = -8n * ORDER;
    rows.push(
      { a: { "quotientBits[1]": 1n }, b: { "quotientBits[2]": 1n }, c: { six: 1n }, of: "six" },
      { a: { "quotientBits[0]": 1n }, b: { six: 1n }, c: { seven: 1n }, of: "seven" },
      { a: { seven: 1n }, b: { "1": 1n, positive: -1n }, c: { last: 1n }, of: "last" },
    );
  }
  return { bits: [...low, "positive", ...places], rows };
}

const FORMS = "the forms of a scalar";

/**
 * Scalar does not fix its bits: l - 2^250 <= I < 2^250 has two forms, positive or not. What follows from it is this.
 * Wires between a Scalar and where it is discharged are counted as free, "Scalar.form".
 */
export const SCALARS: Readonly<Record<string, Axiom>> = {
  "Scalar(0)": {
    why:
      "The input is a hash (its wire must be one), not below 2^126 but by 2^128 trials. So I is its integer, " +
      "quotient is I / l rounded down, and all forms are equal modulo l. MultiplySigned makes one point of " +
      "all of them, of class 2, and a point that is not the identity has one Montgomery form: out is known.",
    test: FORMS,
  },
  "Scalar(1)": {
    why:
      "I is below r in every form, so it is the integer of the input; quotient is I / l rounded down. Unless it " +
      "is 7, all forms are equal modulo l, and MultiplyFixedSigned makes one point of them. Where it is 7 the " +
      "point does depend on the form, and so does Signature.equal; but Signature.valid is 0, as `below` is.",
    test: FORMS,
  },
};

export interface Free {
  /** Signals that may be free with it. */
  members: readonly string[];
  /** How many rows they share with other signals: those that leave them free. In no other row they meet any. */
  rows: number | readonly number[];
  /** It must be ranged to so many. */
  bits?: number;
  /** Where it is free, and why nobody cares. */
  why: string;
}

/** Signals that are free for some inputs and used nowhere else. */
export const FREE: Readonly<Record<string, Free>> = {
  "IsZero.inverse": { members: [], rows: 1, why: "Free where in = 0; out is 1 then, by its row, whatever inverse is." },
  "Canonical.factor": { members: [], rows: 1, why: "Free where missing = 0; excess is 0 then, whatever factor is." },
  "BothZero.left": {
    members: ["BothZero.right", "BothZero.part"],
    rows: 2,
    why: "Free within a left + b right = 1 - out; out does not follow from them, but from a, b and a = b = 0.",
  },
  "Median.upper": {
    members: ["Median.distance", "Median.other", "Range.in", "Range.bits", "Bits.in", "Bits.out"],
    rows: [4, 6],
    why: "Which of equal values are upper ones is free; the median is the same, and nothing else reads it.",
  },
  "Clear.ticks": {
    members: ["Range.in", "Range.bits", "Bits.in", "Bits.out"],
    rows: 1,
    bits: 41,
    why:
      "|price| = tick ticks. The tick of a given row is 1 to 2^32 - 1 (src/protocol/genesis.ts), and ticks is below " +
      "2^41: nothing wraps, and there is one ticks only. A row that is missing is free, and where its tick is 0 " +
      "ticks is free too; the price is 0 then, by this very rule, and nothing but the range reads ticks.",
  },
};

/** Inputs that are bits by the headers of babyjub.circom, on which the classes rest: a row must say so. */
export const BITS_KNOWN: Readonly<Record<string, readonly string[]>> = {
  MultiplySigned: ["bits", "positive"],
  Base8Multiple: ["bits"],
  Base8Start: ["bits"],
};
