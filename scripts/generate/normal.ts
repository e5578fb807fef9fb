import { OPTION } from "../../src/protocol/parameters.ts";
import {
  circomTable,
  fit,
  moebius,
  normalAbove,
  normalDensity,
  ONE,
  ratio,
  typescriptTable,
  valueAt,
} from "./precise.ts";

/** Points of a piece; pieces of the half that is y >= 0. */
const POINTS = Array.from({ length: 1 << OPTION.point }, (_, t) => BigInt(t));
const PIECES = 1 << (OPTION.piece - 1);
/** y of so many quarters of a grid step. */
const quarters = (n: bigint) => ratio(11n * n, 1n << 16n);
const scale = 1n << BigInt(OPTION.scale);
const [DEGREE, SLOPE_DEGREE] = [4, 2];
/** A rest lies in [-reach, reach). */
const REACH = 1n << BigInt(OPTION.rest - 1);

/**
 * Tables of circuits/lib/optionValue.circom and src/protocol/optionValue.ts, whose header tells the units. Polynomials in the
 * low bits t of a number of the grid, highest coefficient first, at scale 2^54:
 *
 * - NORMAL_HEAD: 32 pieces of N(-y) for -5.5 <= y < 5.5, y = (512 (piece - 16) + t + 3/4) g
 * - NORMAL_TAIL: 16 pieces of N(-y) for 0 <= y < 5.5, y = (512 piece + t + 1/4) g
 * - NORMAL_SLOPE: 16 pieces of the density there, times g / 4096: what one unit of the rest changes
 *
 * Constant terms are moved by what is missing for this, at each point: HEAD lies in [0, 1], and TAIL - rest SLOPE is at
 * least 0 for any rest. It follows that no call is worth more than its forward.
 */
function tables(): { head: bigint[][]; tail: bigint[][]; slope: bigint[][] } {
  const head = Array.from({ length: 2 * PIECES }, (_, piece) => {
    const first = BigInt(piece - PIECES) * BigInt(POINTS.length);
    const values = POINTS.map((t) => normalAbove(quarters(4n * (first + t) + 3n)));
    return within(fit(POINTS, values, DEGREE, OPTION.scale), 0n, scale);
  });
  const pieces = Array.from({ length: PIECES }, (_, piece) => {
    const first = BigInt(piece * POINTS.length);
    const at = (t: bigint) => quarters(4n * (first + t) + 1n);
    const densities = POINTS.map((t) => (normalDensity(at(t)) * quarters(4n)) / (ONE << BigInt(OPTION.rest)));
    const slope = fit(POINTS, densities, SLOPE_DEGREE, OPTION.scale);
    const tail = fit(POINTS, POINTS.map((t) => normalAbove(at(t))), DEGREE, OPTION.scale); // prettier-ignore
    const least = POINTS.map((t) => {
      const change = valueAt(slope, t);
      return valueAt(tail, t) - (change > 0n ? (REACH - 1n) * change : -REACH * change);
    }).reduce((a, b) => (a < b ? a : b));
    return { slope, tail: least < 0n ? raised(tail, -least) : tail };
  });
  return { head, tail: pieces.map(({ tail }) => tail), slope: pieces.map(({ slope }) => slope) };
}

function raised(polynomial: readonly bigint[], by: bigint): bigint[] {
  return [...polynomial.slice(0, -1), polynomial.at(-1)! + by];
}

/** The polynomial moved so that it lies between least and most at each point. @throws Error if none does */
function within(polynomial: readonly bigint[], least: bigint, most: bigint): bigint[] {
  const values = POINTS.map((t) => valueAt(polynomial, t));
  const low = values.reduce((a, b) => (a < b ? a : b));
  const high = values.reduce((a, b) => (a > b ? a : b));
  if (high - low > most - least) throw new Error("a piece is wider than its range");
  return raised(polynomial, low < least ? least - low : high > most ? most - high : 0n);
}

let computed: ReturnType<typeof tables> | undefined;
const all = () => (computed ??= tables());

/** Each table as rows for products of bits: precise.ts, moebius. */
export function normalCircom(): string {
  const { head, tail, slope } = all();
  return [
    "// Pieces of the normal distribution, as rows for products of bits; scripts/generate/normal.ts says which.",
    "pragma circom 2.2.0;",
    "",
    circomTable("NORMAL_HEAD", moebius(head)),
    circomTable("NORMAL_TAIL", moebius(tail)),
    circomTable("NORMAL_SLOPE", moebius(slope)),
    "",
  ].join("\n");
}

/** The same tables by piece. */
export function normalTypescript(): string {
  const { head, tail, slope } = all();
  return [
    "",
    "/** Pieces of the normal distribution; scripts/generate/normal.ts says which. */",
    "",
    typescriptTable("NORMAL_HEAD", head),
    "",
    typescriptTable("NORMAL_TAIL", tail),
    "",
    typescriptTable("NORMAL_SLOPE", slope),
    "",
  ].join("\n");
}
