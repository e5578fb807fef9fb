/**
 * The kernel that evaluates constraints on a witness, (A w) (B w) = C w row by row; `../rows.ts` feeds it. Field elements
 * are 9 limbs of 29 bits. A combination sum c_i w_i adds up unreduced in 18 columns, so that each term costs one product
 * of limbs, and is reduced once by Montgomery's method: coefficients come multiplied by R = 2^261, sums are plain.
 *
 * Bounds: with at most `MAX_UNITS` coefficients of 1, as many of -1, and at most `MAX_TERMS` others, a reduced combination
 * is below 2^262 in size, so its last limb below 2^30, and every column of a product stays below 2^63, also while it is
 * reduced.
 */
import { memory, Module } from "wasmati";
import { FIELD } from "../../protocol/numbers.ts";
import { ELEMENT_BYTES, LIMB_BITS, LIMBS } from "../rows.ts";
import { evaluate, fn, forever, give, int, long, set, times, variable, when, type I, type L } from "./wasm.ts";

const MASK = (1n << BigInt(LIMB_BITS)) - 1n;
const LIMB_BYTES = 4;
/** of limbs and columns that are being computed with */
const WORD_BYTES = 8;
const COLUMNS = 2 * LIMBS;
/** Where columns and the three combinations of a row stand, within the reserved bytes. */
const SUM_AT = 0;
const ROW_AT = [256, 384, 512];

const P = limbsOf(FIELD);
/** -1 / p modulo 2^29 */
const P_INVERSE = negativeInverse(FIELD);

/**
 * The module. It exports `memory` and
 * - `spread(from, to, count)`: field elements of 32 bytes, little endian, become limbs of 4 bytes; the index of the
 *   first that is not below p, or -1
 * - `check(stream, rows, wires, table)`: the index of the first row that does not hold, or -1. A row is three
 *   combinations, each: number of coefficients 1, of coefficients -1, of others; for the first two the wires, for the
 *   last pairs of a coefficient and a wire; all as 4 bytes, coefficients and wires as offsets into `table` and `wires`.
 */
export function emitRows(): Uint8Array {
  const own = memory({ min: 1 });
  return Module({ exports: { memory: own, spread, check }, memory: own }).toBytes();
}

const spread = fn(["i32", "i32", "i32"], ["i32"], (from, to, count) => {
  const wide = variable("i32", -1);
  const index = variable("i32", 0);
  forever((stop) => {
    stop.when(int.eq(index, count));
    const words = [0, 8, 16, 24].map((offset) => long.load(from, offset));
    let borrowed: L | undefined;
    for (let i = 0; i < LIMBS; i++) {
      const [word, shift] = [(i * LIMB_BITS) >> 6, (i * LIMB_BITS) & 63];
      let limb = long.shr(words[word], BigInt(shift));
      if (shift > 64 - LIMB_BITS && word < 3) limb = long.or(limb, long.shl(words[word + 1], BigInt(64 - shift)));
      if (i < LIMBS - 1) limb = long.and(limb, MASK);
      int.store(to, long.toInt(limb), i * LIMB_BYTES);
      const rest = long.sub(limb, P[i]);
      borrowed = long.sar(borrowed ? long.add(rest, borrowed) : rest, 29n);
    }
    set(wide, index);
    stop.when(long.eqz(borrowed!));
    set(wide, -1);
    set(from, int.add(from, 32));
    set(to, int.add(to, ELEMENT_BYTES));
    set(index, int.add(index, 1));
  });
  give(wide);
});

/** Evaluates the combination at `at` to limbs of 8 bytes at `out`, all but the last in [0, 2^29). @returns where it ends */
const combine = fn(["i32", "i32", "i32", "i32"], ["i32"], (from, wires, table, out) => {
  const at = variable("i32", int.add(from, 12));
  const sums = Array.from({ length: LIMBS }, () => variable("i64", 0n));
  const units = (count: I, add: (sum: L, limb: L) => L) =>
    times(count, () => {
      limbsAt(int.add(wires, int.load(at))).forEach((limb, i) => set(sums[i], add(sums[i], limb)));
      set(at, int.add(at, 4));
    });
  units(int.load(from, 0), long.add);
  units(int.load(from, 4), long.sub);
  const terms = int.load(from, 8);
  when(terms, () => {
    const zero = int.and(0, 0);
    for (let k = 0; k < COLUMNS; k++) long.store(zero, 0n, SUM_AT + k * WORD_BYTES);
    times(terms, () => {
      const a = limbsAt(int.add(table, int.load(at)));
      const b = limbsAt(int.add(wires, int.load(at, 4)));
      let carried: L | undefined;
      for (let k = 0; k < COLUMNS; k++) {
        let column = long.load(zero, SUM_AT + k * WORD_BYTES);
        if (carried) column = long.add(column, carried);
        for (const product of products(a, b, k)) column = long.add(column, product);
        if (k < COLUMNS - 1) carried = long.shr(column, 29n);
        long.store(zero, k < COLUMNS - 1 ? long.and(column, MASK) : column, SUM_AT + k * WORD_BYTES);
      }
      set(at, int.add(at, 8));
    });
    const columns = Array.from({ length: COLUMNS }, (_, k) => long.load(zero, SUM_AT + k * WORD_BYTES));
    reduce(columns).forEach((limb, i) => set(sums[i], long.add(sums[i], limb)));
  });
  let limb = sums[0];
  for (let i = 0; i < LIMBS - 1; i++) {
    long.store(out, long.and(limb, MASK), i * WORD_BYTES);
    limb = long.add(sums[i + 1], long.sar(limb, 29n));
  }
  long.store(out, limb, (LIMBS - 1) * WORD_BYTES);
  give(at);
});

/** Whether a b = c for the three combinations of a row: then, and only then, is ab - c, reduced, a multiple of p. */
const holds = fn([], ["i32"], () => {
  const zero = int.and(0, 0);
  const [a, b, c] = ROW_AT.map((at) => Array.from({ length: LIMBS }, (_, i) => long.load(zero, at + i * WORD_BYTES)));
  const columns = Array.from({ length: COLUMNS }, (_, k) => {
    const [first, ...others] = products(a, b, k);
    const column = others.reduce((sum, product) => long.add(sum, product), first ?? variable("i64", 0n));
    return k < LIMBS ? long.sub(column, c[k]) : column;
  });
  const difference = reduce(columns);
  // It is below 2^13 p in size: if it is k p, its lowest limb tells k.
  const shifted = long.shl(long.mul(difference[0], P_INVERSE), 35n);
  const k = long.sar(shifted, 35n);
  let carried: L | undefined;
  let left: L | undefined;
  difference.forEach((limb, i) => {
    let sum = long.add(limb, long.mul(k, P[i]));
    if (carried) sum = long.add(sum, carried);
    carried = long.sar(sum, 29n);
    const rest = i < LIMBS - 1 ? long.and(sum, MASK) : sum;
    left = left ? long.or(left, rest) : rest;
  });
  give(long.eqz(left!));
});

const check = fn(["i32", "i32", "i32", "i32"], ["i32"], (stream, rows, wires, table) => {
  const at = variable("i32", stream);
  const row = variable("i32", 0);
  const failed = variable("i32", -1);
  forever((stop) => {
    stop.when(int.eq(row, rows));
    for (const out of ROW_AT) set(at, evaluate(combine, at, wires, table, out));
    set(failed, row);
    stop.when(int.eq(evaluate(holds), 0));
    set(failed, -1);
    set(row, int.add(row, 1));
  });
  give(failed);
});

function limbsAt(at: I): L[] {
  return Array.from({ length: LIMBS }, (_, i) => long.of(int.load(at, i * LIMB_BYTES)));
}

/** The products of limbs that add up to one column. */
function products(a: L[], b: L[], column: number): L[] {
  const found: L[] = [];
  for (let i = Math.max(0, column - LIMBS + 1); i <= Math.min(LIMBS - 1, column); i++)
    found.push(long.mul(a[i], b[column - i]));
  return found;
}

/** Divides 18 columns by R modulo p: their value plus a multiple of p below R p, over R, as 9 uncarried limbs. */
function reduce(columns: L[]): L[] {
  const sums = [...columns];
  for (let i = 0; i < LIMBS; i++) {
    const q = long.and(long.mul(sums[i], P_INVERSE), MASK);
    for (let j = 0; j < LIMBS; j++) sums[i + j] = long.add(sums[i + j], long.mul(q, P[j]));
    sums[i + 1] = long.add(sums[i + 1], long.sar(sums[i], 29n));
  }
  return sums.slice(LIMBS);
}

function limbsOf(value: bigint): bigint[] {
  return Array.from({ length: LIMBS }, (_, i) => (value >> BigInt(i * LIMB_BITS)) & MASK);
}

/** -1 / odd modulo 2^29, by Newton's iteration: each step doubles the bits that are right, from three. */
function negativeInverse(odd: bigint): bigint {
  let inverse = odd;
  for (let bits = 3; bits < LIMB_BITS; bits *= 2) inverse = (inverse * (2n - odd * inverse)) & MASK;
  return -inverse & MASK;
}
