/**
 * Numbers of 128 fraction bits, and polynomials with whole coefficients that follow a function on a grid. All of it on
 * bigint, so that every machine finds the same tables.
 */
const BITS = 128n;
/** 1 in units of 2^-128, which all numbers of this file have. */
export const ONE = 1n << BITS;

export function ratio(a: bigint, b: bigint): bigint {
  return (a << BITS) / b;
}

function times(a: bigint, b: bigint): bigint {
  return (a * b) >> BITS;
}

/** Nearest integer to a / b, b > 0; halves upwards. */
export function nearest(a: bigint, b: bigint): bigint {
  const doubled = 2n * a + b;
  const quotient = doubled / (2n * b);
  return doubled < 0n && doubled % (2n * b) !== 0n ? quotient - 1n : quotient;
}

/** Floor of the square root of n >= 0, by Newton's iteration from above. */
export function root(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** exp x of |x| <= 32: the series at x / 64, six times squared. */
export function exp(x: bigint): bigint {
  const halvings = 6n;
  const small = x >> halvings;
  let sum = ONE;
  for (let term = ONE, n = 1n; term !== 0n && term !== -1n; n++) {
    term = times(term, small) / n;
    sum += term;
  }
  for (let i = 0n; i < halvings; i++) sum = times(sum, sum);
  return sum;
}

/** ln x of x > 0, best near 1: 2 artanh((x - 1) / (x + 1)). */
export function ln(x: bigint): bigint {
  const z = ratio(x - ONE, x + ONE);
  const square = times(z, z);
  let sum = 0n;
  for (let power = z, n = 1n; power !== 0n && power !== -1n; n += 2n) {
    sum += power / n;
    power = times(power, square);
  }
  return 2n * sum;
}

/** arctan(1 / n), n > 1. */
function arctanOfInverse(n: bigint): bigint {
  let sum = 0n;
  for (let power = ONE / n, k = 1n, sign = 1n; power !== 0n; k += 2n, sign = -sign) {
    sum += (sign * power) / k;
    power /= n * n;
  }
  return sum;
}

/** By Machin's formula. */
const PI = 16n * arctanOfInverse(5n) - 4n * arctanOfInverse(239n);
/** 1 / sqrt(2 pi), the density of the normal distribution at 0. */
const PEAK = (ONE * ONE) / root(2n * PI * ONE);

/** Density of the normal distribution, |y| <= 8. */
export function normalDensity(y: bigint): bigint {
  return times(PEAK, exp(-times(y, y) / 2n));
}

/** N(-y), the normal distribution's mass above y, |y| <= 8: the series of the error function. */
export function normalAbove(y: bigint): bigint {
  const half = -times(y, y) / 2n;
  let sum = 0n;
  for (let term = y, n = 0n; term !== 0n && term !== -1n;) {
    sum += term / (2n * n + 1n);
    n++;
    term = times(term, half) / n;
  }
  return ONE / 2n - times(PEAK, sum);
}

/** What the fit of one degree on n points needs: weights, and polynomials orthogonal under them, at each point. */
interface Basis {
  readonly weights: readonly bigint[];
  readonly polynomials: readonly (readonly bigint[])[];
}

/**
 * Whole coefficients of a polynomial in t, highest first, that follows values / 2^128 at scale 2^bits: the highest of least
 * squares is rounded, the rest is fitted anew to what is left, and so on, so that a lower coefficient mends what the rounding
 * of a higher one has spoiled. Squares are weighed as for Chebyshev polynomials: by 1 / sqrt(1 - x^2), x from -1 to 1.
 * @param points  evenly spaced
 */
export function fit(points: readonly bigint[], values: readonly bigint[], degree: number, bits: number): bigint[] {
  const { weights, polynomials } = basisOf(points, degree);
  const scale = 1n << BigInt(bits);
  const left = [...values];
  const coefficients: bigint[] = [];
  for (let power = degree; power >= 0; power--) {
    const of = polynomials[power];
    const coefficient = nearest(scale * product(weights, of, left), product(weights, of, of));
    coefficients.push(coefficient);
    points.forEach((t, i) => (left[i] -= (coefficient * t ** BigInt(power) * ONE) / scale));
  }
  return coefficients;
}

const bases = new Map<string, Basis>();

function basisOf(points: readonly bigint[], degree: number): Basis {
  const key = `${points[0]} ${points[1]} ${points.length} ${degree}`;
  const known = bases.get(key);
  if (known) return known;
  const n = BigInt(points.length);
  const weights = points.map((_, i) => {
    const x = 2n * BigInt(i) + 1n - n;
    return (n << 64n) / root((n * n - x * x) << 64n);
  });
  const polynomials: bigint[][] = [];
  for (let power = 0; power <= degree; power++) {
    const monomial = points.map((t) => t ** BigInt(power) * ONE);
    const next = [...monomial];
    for (const of of polynomials) {
      const share = ratio(product(weights, monomial, of), product(weights, of, of));
      of.forEach((value, i) => (next[i] -= times(share, value)));
    }
    polynomials.push(next);
  }
  const basis = { weights, polynomials };
  bases.set(key, basis);
  return basis;
}

function product(weights: readonly bigint[], a: readonly bigint[], b: readonly bigint[]): bigint {
  return weights.reduce((sum, weight, i) => sum + weight * a[i] * b[i], 0n);
}

/** Value of a polynomial with coefficients, highest first. */
export function valueAt(coefficients: readonly bigint[], t: bigint): bigint {
  return coefficients.reduce((sum, coefficient) => sum * t + coefficient, 0n);
}

/**
 * Of one row a piece, the rows that products of bits are multiplied with: row p is the sum, over all sets of bits of p, of
 * row(set) times the product of these bits (Moebius transform).
 */
export function moebius(rows: readonly (readonly bigint[])[]): bigint[][] {
  const found = rows.map((row) => [...row]);
  for (let bit = 1; bit < rows.length; bit *= 2)
    for (let i = 0; i < rows.length; i++) if (i & bit) found[i] = found[i].map((value, j) => value - found[i - bit][j]);
  return found;
}

/** A table as a function of circom. */
export function circomTable(name: string, rows: readonly (readonly bigint[])[]): string {
  const list = rows.map((row) => `[${row.join(", ")}]`);
  return `function ${name}() {\n    return [\n        ${list.join(",\n        ")}\n    ];\n}`;
}

/** The same as a constant of TypeScript. */
export function typescriptTable(name: string, rows: readonly (readonly bigint[])[]): string {
  const list = rows.map((row) => `  [${row.map((value) => `${value}n`).join(", ")}],`);
  return `// prettier-ignore\nexport const ${name}: readonly (readonly bigint[])[] = [\n${list.join("\n")}\n];`;
}
