/**
 * The groups of bn254 in plain bigint: the reference of the kernels, and what is left to do after them. Coordinates of
 * G1 are one number below q, those of G2 two (c0 + c1 u, u^2 = -1).
 * @source https://eips.ethereum.org/EIPS/eip-197
 */
export const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
export const SCALAR_FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

export type Coordinate = readonly bigint[];
export type Group = "G1" | "G2";
/** Affine; undefined is the point at infinity. */
export type Point = { readonly x: Coordinate; readonly y: Coordinate } | undefined;

/** b of y^2 = x^3 + b */
export const CURVE_B: Record<Group, Coordinate> = {
  G1: [3n],
  G2: [
    19485874751759354771024239261021720505790618469301721065564631296452457478373n,
    266929791119991161246907387137283842545076965332900288569378510910307636690n,
  ],
};

export const mod = (x: bigint, p = BASE_FIELD): bigint => {
  const rest = x % p;
  return rest < 0n ? rest + p : rest;
};

export function inverse(x: bigint, p = BASE_FIELD): bigint {
  let [a, b, u, v] = [mod(x, p), p, 1n, 0n];
  while (a > 0n) [a, b, u, v] = [b % a, a, v - (b / a) * u, u];
  return mod(v, p);
}

export const addFp = (a: Coordinate, b: Coordinate): Coordinate => a.map((x, i) => mod(x + b[i]));
export const subFp = (a: Coordinate, b: Coordinate): Coordinate => a.map((x, i) => mod(x - b[i]));
export const negFp = (a: Coordinate): Coordinate => a.map((x) => mod(-x));
export function mulFp(a: Coordinate, b: Coordinate): Coordinate {
  if (a.length === 1) return [(a[0] * b[0]) % BASE_FIELD];
  const [low, high] = [a[0] * b[0], a[1] * b[1]];
  return [mod(low - high), mod((a[0] + a[1]) * (b[0] + b[1]) - low - high)];
}
export function invFp(a: Coordinate): Coordinate {
  if (a.length === 1) return [inverse(a[0])];
  const norm = inverse(a[0] * a[0] + a[1] * a[1]);
  return [mod(a[0] * norm), mod(-a[1] * norm)];
}
export const isZero = (a: Coordinate): boolean => a.every((x) => x === 0n);
export const equalFp = (a: Coordinate, b: Coordinate): boolean => a.every((x, i) => x === b[i]);

export function isOnCurve(group: Group, point: Point): boolean {
  if (!point) return true;
  const { x, y } = point;
  return equalFp(mulFp(y, y), addFp(mulFp(mulFp(x, x), x), CURVE_B[group]));
}

export function negate(point: Point): Point {
  return point && { x: point.x, y: negFp(point.y) };
}

/** Affine addition, all cases. */
export function addPoints(a: Point, b: Point): Point {
  if (!a || !b) return a ?? b;
  const same = equalFp(a.x, b.x);
  if (same && isZero(addFp(a.y, b.y))) return undefined;
  const slope = same
    ? mulFp(mulFp([3n, 0n].slice(0, a.x.length), mulFp(a.x, a.x)), invFp(addFp(a.y, a.y)))
    : mulFp(subFp(b.y, a.y), invFp(subFp(b.x, a.x)));
  const x = subFp(subFp(mulFp(slope, slope), a.x), b.x);
  return { x, y: subFp(mulFp(slope, subFp(a.x, x)), a.y) };
}

/** x = X / Z^2, y = Y / Z^3; Z = 0 is infinity. */
interface Jacobian {
  x: Coordinate;
  y: Coordinate;
  z: Coordinate;
}

/** @source https://hyperelliptic.org/EFD/g1p/auto-shortw-jacobian-0.html, dbl-2009-l */
function double({ x, y, z }: Jacobian): Jacobian {
  const a = mulFp(x, x);
  const b = mulFp(y, y);
  const c = mulFp(b, b);
  const t = addFp(x, b);
  const half = subFp(subFp(mulFp(t, t), a), c);
  const d = addFp(half, half);
  const e = addFp(addFp(a, a), a);
  const x3 = subFp(mulFp(e, e), addFp(d, d));
  const c2 = addFp(c, c);
  const c4 = addFp(c2, c2);
  const yz = mulFp(y, z);
  return { x: x3, y: subFp(mulFp(e, subFp(d, x3)), addFp(c4, c4)), z: addFp(yz, yz) };
}

/** @source the same, madd-2007-bl in its plainer form, with the cases that it leaves out */
function addAffine(p: Jacobian, point: NonNullable<Point>): Jacobian {
  const one = [1n, 0n].slice(0, point.x.length);
  if (isZero(p.z)) return { ...point, z: one };
  const zz = mulFp(p.z, p.z);
  const h = subFp(mulFp(point.x, zz), p.x);
  const r = subFp(mulFp(point.y, mulFp(zz, p.z)), p.y);
  if (isZero(h)) return isZero(r) ? double(p) : { ...p, z: negFp(subFp(p.z, p.z)) };
  const hh = mulFp(h, h);
  const hhh = mulFp(h, hh);
  const v = mulFp(p.x, hh);
  const x = subFp(subFp(mulFp(r, r), hhh), addFp(v, v));
  return { x, y: subFp(mulFp(r, subFp(v, x)), mulFp(p.y, hhh)), z: mulFp(p.z, h) };
}

function toAffine({ x, y, z }: Jacobian): Point {
  if (isZero(z)) return undefined;
  const inverseZ = invFp(z);
  const square = mulFp(inverseZ, inverseZ);
  return { x: mulFp(x, square), y: mulFp(y, mulFp(square, inverseZ)) };
}

/** Sum of 2^i points[i]. */
export function sumOfPowers(points: readonly Point[]): Point {
  const some = points.find((point) => point);
  if (!some) return undefined;
  const zero = some.x.map(() => 0n);
  let sum: Jacobian = { x: zero, y: zero, z: zero };
  for (let i = points.length - 1; i >= 0; i--) {
    if (!isZero(sum.z)) sum = double(sum);
    const point = points[i];
    if (point) sum = addAffine(sum, point);
  }
  return toAffine(sum);
}

/** @param scalar  0 <= scalar */
export function multiply(point: Point, scalar: bigint): Point {
  return sumOfPowers([...scalar.toString(2)].reverse().map((bit) => (bit === "1" ? point : undefined)));
}
