import { babyjubjub } from "@noble/curves/misc.js";
import { FIELD } from "./numbers.ts";
import { permute } from "./permutation.ts";

/**
 * BabyJubJub with @noble/curves: the reference. The curve is a x^2 + y^2 = 1 + d x^2 y^2 with a = 168700, d = 168696; its
 * group is cyclic of order 8 l.
 * @source https://eips.ethereum.org/EIPS/eip-2494
 */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

export interface Signature {
  readonly R8x: bigint;
  readonly R8y: bigint;
  readonly S: bigint;
}

/** A signature beside the message and the key that it is said to be of. */
export interface Signed {
  readonly key: Point;
  readonly message: bigint;
  readonly signature: Signature;
}

export const { Point: Curve } = babyjubjub;
export type CurvePoint = InstanceType<typeof Curve>;

export const A = 168700n;
export const D = 168696n;
/** l: order of the prime subgroup; 2^250 < l < 2^251, and r < 8 l < r + 2^126. */
export const ORDER = Curve.Fn.ORDER;
/** Generator of the prime subgroup. */
export const BASE8: Point = affine(Curve.BASE);

export function affine(point: CurvePoint): Point {
  const { x, y } = point.toAffine();
  return { x, y };
}

/** Canonical coordinates that satisfy the equation of the curve. */
export function isOnCurve({ x, y }: Point): boolean {
  if (!isElement(x) || !isElement(y)) return false;
  const [xx, yy] = [x * x, y * y];
  return (A * xx + yy - 1n - D * ((xx * yy) % FIELD)) % FIELD === 0n;
}

export function isElement(x: bigint): boolean {
  return x >= 0n && x < FIELD;
}

/** Of order 1 or l, for a point of the curve. */
export function isTorsionFree({ x, y }: Point): boolean {
  return Curve.fromAffine({ x, y }).isTorsionFree();
}

/** scalar * point for a point of the curve and 0 <= scalar. */
export function multiply(scalar: bigint, { x, y }: Point): Point {
  const start = Curve.fromAffine({ x, y });
  if (scalar < ORDER) return affine(start.multiplyUnsafe(scalar));
  let sum = Curve.ZERO;
  for (const bit of (scalar % (8n * ORDER)).toString(2)) {
    sum = sum.double();
    if (bit === "1") sum = sum.add(start);
  }
  return affine(sum);
}

/** S BASE8 = R8 + h 8 A, and A in the prime subgroup, for points of the curve, A not the identity, and 0 <= S < l. */
export function satisfies({ key, message, signature: { R8x, R8y, S } }: Signed): boolean {
  const account = Curve.fromAffine({ x: key.x, y: key.y });
  if (!account.isTorsionFree()) return false;
  const h = permute(0n, [R8x, R8y, key.x, key.y, message]);
  return Curve.BASE.multiplyUnsafe(S)
    .subtract(account.multiplyUnsafe((h * 8n) % ORDER))
    .equals(Curve.fromAffine({ x: R8x, y: R8y }));
}
