/**
 * Constants of Poseidon over the scalar field of BN254 with x^5, derived at first use and kept by arity: the Grain
 * stream of the Poseidon paper, then a form of the partial rounds that is cheap to compute and to prove.
 * @source https://eprint.iacr.org/2019/458, section 4.2, appendices B, E and F
 * @twins circuits/lib/poseidon.circom, whose circuits/generated/poseidonConstants.circom is written from here
 */

import { FIELD } from "./numbers.ts";

export { FIELD };
export const MAX_ARITY = 16;
export const FULL_ROUNDS = 8;
/** Partial rounds of a state of t = 2 to 17 elements. */
export const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68] as const;

/**
 * Between the two halves of full rounds only the first element s of the state passes the s-box; the others, h, are
 * carried along linearly. With the matrix M = [[corner, row], [column, inner]] a partial round is
 * s' = corner y + row h, h' = inner h + column y, with y = (s + constant)^5. In the coordinates g = inner^(P - k) h
 * before round k of P this is s' = corner y + rows[k] g, g' = g + columns[k] y: 2t - 1 products instead of t^2.
 * The constants of h are known beforehand, so they are moved into those of s and of the first full round after.
 */
export interface PoseidonConstants {
  t: number;
  partialRounds: number;
  /** M. */
  matrix: bigint[][];
  /** M followed by h -> g: the linear layer of the last full round of the first half. */
  entry: bigint[][];
  /** t constants of each full round. */
  full: bigint[][];
  /** One constant of each partial round. */
  partial: bigint[];
  rows: bigint[][];
  columns: bigint[][];
}

const cache: PoseidonConstants[] = [];

/** @param arity inputs of the hash, 1 to MAX_ARITY; the state has one element more */
export function poseidonConstants(arity: number): PoseidonConstants {
  return (cache[arity] ??= derive(arity + 1));
}

function derive(t: number): PoseidonConstants {
  const partialRounds = PARTIAL_ROUNDS[t - 2];
  const rounds = FULL_ROUNDS + partialRounds;
  const next = grain(t, rounds);
  const constants = Array.from({ length: rounds }, () => Array.from({ length: t }, () => next(true)));
  const xs = Array.from({ length: t }, () => next(false));
  const ys = Array.from({ length: t }, () => next(false));
  const matrix = chunk(invertAll(xs.flatMap((x) => ys.map((y) => mod(x + y)))), t);

  const inner = matrix.slice(1).map((line) => line.slice(1));
  const inverse = invertMatrix(inner);
  const rows: bigint[][] = [];
  const columns: bigint[][] = [];
  let row = matrix[0].slice(1);
  let column = matrix.slice(1).map((line) => line[0]);
  for (let k = partialRounds - 1; k >= 0; k--) {
    row = apply(transpose(inverse), row);
    rows[k] = row;
    columns[k] = column;
    column = apply(inner, column);
  }
  const change = [
    matrix[0].map((_, i) => (i === 0 ? 1n : 0n)),
    ...power(inner, partialRounds).map((line) => [0n, ...line]),
  ];

  const half = FULL_ROUNDS / 2;
  const full = [...constants.slice(0, half), ...constants.slice(half + partialRounds)];
  const partial: bigint[] = [];
  let known: bigint[] = matrix.map(() => 0n);
  for (let k = 0; k < partialRounds; k++) {
    known = known.map((value, i) => mod(value + constants[half + k][i]));
    partial.push(known[0]);
    known = apply(matrix, [0n, ...known.slice(1)]);
  }
  full[half] = full[half].map((value, i) => mod(value + known[i]));
  return { t, partialRounds, matrix, entry: multiply(change, matrix), full, partial, rows, columns };
}

/**
 * The Grain LFSR, 16 bits at a time, bits b0 to b79 in five words: b80 = b62 + b51 + b38 + b23 + b13 + b0. Of each
 * pair of its bits the second is taken where the first is 1. Numbers are drawn high bit first; one that is not below
 * the order of the field is drawn again, or reduced.
 */
function grain(t: number, rounds: number): (again: boolean) => bigint {
  const fields = [
    [1, 2],
    [0, 4],
    [254, 12],
    [t, 12],
    [FULL_ROUNDS, 10],
    [rounds - FULL_ROUNDS, 10],
  ];
  const seed = fields.map(([value, width]) => value.toString(2).padStart(width, "0")).join("") + "1".repeat(30);
  let [a, b, c, d, e] = [0, 16, 32, 48, 64].map((at) => parseInt(seed.slice(at, at + 16), 2));
  const step = () => {
    const word =
      (a ^
        ((a << 13) | (b >> 3)) ^
        ((b << 7) | (c >> 9)) ^
        ((c << 6) | (d >> 10)) ^
        ((d << 3) | (e >> 13)) ^
        ((d << 14) | (e >> 2))) &
      0xffff;
    [a, b, c, d] = [b, c, d, e];
    e = word;
    return word;
  };
  for (let i = 0; i < 10; i++) step();
  let word = 0;
  let left = 0;
  const bits = (count: number) => {
    let value = 0;
    while (count > 0) {
      if (left === 0) {
        word = step();
        left = 16;
      }
      left -= 2;
      const pair = (word >> left) & 3;
      if (pair < 2) continue;
      value = value * 2 + (pair & 1);
      count--;
    }
    return value;
  };
  return (again) => {
    for (;;) {
      let value = BigInt(bits(46));
      for (let i = 0; i < 4; i++) value = (value << 52n) | BigInt(bits(52));
      if (value < FIELD) return value;
      if (!again) return mod(value);
    }
  };
}

function mod(x: bigint): bigint {
  const rest = x % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

export function invert(x: bigint): bigint {
  let [a, b, u, v] = [mod(x), FIELD, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, u, v] = [b - q * a, a, v - q * u, u];
  }
  return mod(u);
}

function invertAll(values: bigint[]): bigint[] {
  const before: bigint[] = [];
  let product = 1n;
  for (const value of values) {
    before.push(product);
    product = (product * value) % FIELD;
  }
  let inverse = invert(product);
  const result: bigint[] = [];
  for (let i = values.length - 1; i >= 0; i--) {
    result[i] = (inverse * before[i]) % FIELD;
    inverse = (inverse * values[i]) % FIELD;
  }
  return result;
}

function chunk(values: bigint[], width: number): bigint[][] {
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}

function transpose(m: bigint[][]): bigint[][] {
  return m[0].map((_, i) => m.map((line) => line[i]));
}

function apply(m: bigint[][], v: bigint[]): bigint[] {
  return m.map((line) => line.reduce((sum, value, i) => sum + value * v[i], 0n) % FIELD);
}

function multiply(a: bigint[][], b: bigint[][]): bigint[][] {
  const columns = transpose(b);
  return a.map((line) => apply(columns, line));
}

function power(m: bigint[][], exponent: number): bigint[][] {
  if (exponent === 1) return m;
  const half = power(m, exponent >> 1);
  const square = multiply(half, half);
  return exponent & 1 ? multiply(square, m) : square;
}

/** Gauss-Jordan. Every square part of this matrix is invertible, so no pivot is ever 0. */
function invertMatrix(m: bigint[][]): bigint[][] {
  const n = m.length;
  const work = m.map((line, i) => [...line, ...m.map((_, j) => (i === j ? 1n : 0n))]);
  for (let i = 0; i < n; i++) {
    const scale = invert(work[i][i]);
    const pivot = (work[i] = work[i].map((value) => (value * scale) % FIELD));
    for (let k = 0; k < n; k++) {
      const factor = FIELD - work[k][i];
      if (k !== i) work[k] = work[k].map((value, j) => (value + factor * pivot[j]) % FIELD);
    }
  }
  return work.map((line) => line.slice(n));
}
