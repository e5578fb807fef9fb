import { EXP_EIGHTHS, EXP_PARTS, EXP_REST, EXP_UNITS, LN_2, LN_PIECES } from "./fixedTables.ts";
import { outOfRange } from "./errors.ts";
import { requireBits, requireSigned } from "./numbers.ts";
import { FIXED } from "./parameters.ts";

/**
 * Logarithms, exponentials and roots of whole numbers: the same bits on every machine and in a proof. A function is a
 * polynomial in the low bits of a number, with coefficients that its high bits choose; every intermediate result is exact,
 * and one rounding gives the answer. scripts/generate/fixed.ts has the tables. @twins circuits/lib/fixed.circom
 */

/** Value of a polynomial with coefficients, highest first. */
export function polynomial(coefficients: readonly bigint[], t: bigint): bigint {
  return coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0n);
}

const low = (x: bigint, bits: number) => BigInt.asUintN(bits, x);

/**
 * ln x = (40 - shift) ln 2 + ln(x 2^shift / 2^40), where 2^40 <= x 2^shift < 2^41; low bits of the scaled number are left out.
 * @param x  1 <= x < 2^41
 * @returns units of 2^-24, 0 <= ln < 2^29; off by less than 12 of them
 * @throws OUT_OF_RANGE
 */
export function ln(x: bigint): bigint {
  if (requireBits("x", x, FIXED.number) === 0n) throw outOfRange("x", "at least 1");
  const width = x.toString(2).length;
  const scaled = x << BigInt(FIXED.number - width);
  const mantissa = low(
    scaled >> BigInt(FIXED.number - 1 - FIXED.lnPiece - FIXED.lnPoint),
    FIXED.lnPiece + FIXED.lnPoint,
  );
  const piece = LN_PIECES[Number(mantissa >> BigInt(FIXED.lnPoint))];
  const fraction = polynomial(piece, low(mantissa, FIXED.lnPoint));
  return (BigInt(width - 1) * LN_2[0][0] + fraction) >> BigInt(FIXED.lnScale - FIXED.fraction);
}

/** Bits of the product of the four factors that exp is made of. */
const EXP_SCALE = BigInt(
  FIXED.expUnitsScale + FIXED.expEighthsScale + FIXED.expPartsScale + FIXED.expRestScale - FIXED.fraction,
);

/**
 * exp z, as the product of exp of its units, its eighths, its 64ths and the rest.
 * @param z  units of 2^-24, -4 <= z < 4
 * @returns units of 2^-24, 0 < exp < 2^30, rounded to the nearest; off by less than 1 + 2^-24 exp z
 * @throws OUT_OF_RANGE
 */
export function exp(z: bigint): bigint {
  const digits = requireSigned("z", z, FIXED.exponent) + (1n << BigInt(FIXED.exponent));
  const piece = (i: number) => Number(low(digits >> BigInt(FIXED.expPoint + i * FIXED.expPiece), FIXED.expPiece));
  const rest = polynomial(EXP_REST[0], low(digits, FIXED.expPoint));
  const product = EXP_UNITS[piece(2)][0] * EXP_EIGHTHS[piece(1)][0] * EXP_PARTS[piece(0)][0] * rest;
  return (product + (1n << (EXP_SCALE - 1n))) >> EXP_SCALE;
}

/**
 * floor(sqrt(n / divisor)), by Newton's iteration from above.
 * @param n        0 <= n
 * @param divisor  1 <= divisor
 * @throws OUT_OF_RANGE
 */
export function rootFloor(n: bigint, divisor: bigint): bigint {
  if (n < 0n || divisor < 1n) throw outOfRange("n, divisor", "at least 0 and 1");
  const square = n / divisor;
  if (square === 0n) return 0n;
  for (let x = 1n << BigInt((square.toString(2).length + 1) >> 1); ;) {
    const next = (x + square / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}
