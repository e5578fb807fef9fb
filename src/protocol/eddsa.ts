import { babyjubjub } from "@noble/curves/misc.js";
import { blake512 } from "@noble/hashes/blake1.js";
import { outOfRange, TacitError } from "./errors.ts";
import { FIELD, poseidon } from "./poseidon.ts";

/**
 * BabyJubJub keys and EdDSA-Poseidon, bit for bit those of circomlibjs (`signPoseidon`, `verifyPoseidon`).
 *
 * The curve is a x^2 + y^2 = 1 + d x^2 y^2 with a = 168700, d = 168696; its group is cyclic of order 8 l. The key of an
 * account is a point A of the prime subgroup other than the identity, and it is A that is hashed:
 *
 *     S BASE8 = R8 + h 8 A,    h = Poseidon(R8x, R8y, Ax, Ay, message)
 *
 * A deposit does not name A but K' = A / 8, and the account gets 8 K': any point of the curve times 8 lies in the prime
 * subgroup, so neither chain nor circuit ever has to multiply by l to know it. A trader whose circomlibjs key is A
 * deposits to `depositKey(A)`, and `accountKey` of that is A again.
 *
 * Signing and `sharedX` multiply by secrets; as all of bigint they are not constant in time.
 * @source https://eips.ethereum.org/EIPS/eip-2494 (the curve)
 * @twins circuits/lib/eddsa.circom, circuits/lib/babyjub.circom
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

const { Point: Curve } = babyjubjub;
type CurvePoint = InstanceType<typeof Curve>;

/** r: coordinates, messages and hashes lie below it. */
export { FIELD };
/** l: order of the prime subgroup; 2^250 < l < 2^251, and r < 8 l < r + 2^126. */
export const ORDER = Curve.Fn.ORDER;
/** Generator of the prime subgroup. */
export const BASE8: Point = affine(Curve.BASE);
const A = 168700n;
const D = 168696n;
const EIGHTH = Curve.Fn.inv(8n);

/** Canonical coordinates that satisfy the equation of the curve. */
export function isOnCurve({ x, y }: Point): boolean {
  if (!isElement(x) || !isElement(y)) return false;
  const [xx, yy] = [x * x, y * y];
  return (A * xx + yy - 1n - D * ((xx * yy) % FIELD)) % FIELD === 0n;
}

/** On the curve and of order 1 or l. */
export function inSubgroup(point: Point): boolean {
  return isOnCurve(point) && Curve.fromAffine(point).isTorsionFree();
}

/**
 * @param scalar  0 <= scalar; reduced modulo l when the point is in the prime subgroup, and only then
 * @throws BAD_POINT      when the point is not on the curve
 * @throws OUT_OF_RANGE   when the scalar is negative
 */
export function scalarMultiply(scalar: bigint, point: Point): Point {
  if (scalar < 0n) throw outOfRange("scalar", "at least 0");
  const start = curvePoint(point);
  if (start.isTorsionFree()) return affine(multiply(start, scalar));
  let sum = Curve.ZERO;
  for (const bit of scalar.toString(2)) {
    sum = sum.double();
    if (bit === "1") sum = sum.add(start);
  }
  return affine(sum);
}

/**
 * The s with key = s BASE8, 0 < s < l, of a secret of 32 bytes: the lower half of BLAKE-512, pruned, over 8.
 * @throws BAD_SECRET
 */
export function secretScalar(secret: Uint8Array): bigint {
  return expand(secret).scalar;
}

/** The key of a secret, as circomlibjs's `prv2pub`. @throws BAD_SECRET */
export function publicKey(secret: Uint8Array): Point {
  return affine(Curve.BASE.multiply(secretScalar(secret)));
}

/** K' of a deposit to the account of this key: the point of the prime subgroup that is the key when multiplied by 8. */
export function depositKey(key: Point): Point {
  return affine(multiply(requireKey(key), EIGHTH));
}

/**
 * The key 8 K' of the account that a deposit names.
 * @throws BAD_POINT  when K' is not on the curve, not canonical, or of small order: the contract refuses such a deposit
 */
export function accountKey(named: Point): Point {
  const key = curvePoint(named).clearCofactor();
  if (key.is0()) throw badPoint("a point of small order is no key");
  return affine(key);
}

/**
 * x of scalar * key: what the holder of the scalar and the holder of the key's secret both can compute.
 * @param scalar  0 < scalar < l
 * @throws OUT_OF_RANGE, BAD_POINT
 */
export function sharedX(scalar: bigint, key: Point): bigint {
  if (scalar <= 0n || scalar >= ORDER) throw outOfRange("scalar", "0 < scalar < l");
  return requireKey(key).multiply(scalar).toAffine().x;
}

/** @throws BAD_SECRET; OUT_OF_RANGE when the message is not a field element */
export function sign(secret: Uint8Array, message: bigint): Signature {
  if (!isElement(message)) throw outOfRange("message", "a field element");
  const { scalar, prefix } = expand(secret);
  const key = affine(Curve.BASE.multiply(scalar));
  const nonce = littleEndian(blake512(Uint8Array.from([...prefix, ...bytes32(message)]))) % ORDER;
  // A nonce of 0 has probability 2^-250, and would give the secret away.
  const { x: R8x, y: R8y } = affine(Curve.BASE.multiply(nonce));
  const h = poseidon(0n, [R8x, R8y, key.x, key.y, message]);
  return { R8x, R8y, S: (nonce + h * 8n * scalar) % ORDER };
}

/**
 * Is this a signature of the message by the account with this key? Answers for any bigints and never throws: false for
 * a key that no account can have (off the curve, outside the prime subgroup, the identity), coordinates or a message
 * that are not canonical, an R8 off the curve, S outside [0, l), and where the equation does not hold.
 */
export function verify(key: Point, message: bigint, { R8x, R8y, S }: Signature): boolean {
  const R8 = { x: R8x, y: R8y };
  if (!isElement(message) || S < 0n || S >= ORDER || !isOnCurve(R8) || !inSubgroup(key)) return false;
  const account = Curve.fromAffine(key);
  if (account.is0()) return false;
  const h = poseidon(0n, [R8x, R8y, key.x, key.y, message]);
  return multiply(Curve.BASE, S)
    .subtract(multiply(account, h * 8n))
    .equals(Curve.fromAffine(R8));
}

/** BLAKE-512 of the secret: 32 bytes that are pruned into 8 * scalar, and 32 from which nonces are made. */
function expand(secret: Uint8Array): { scalar: bigint; prefix: Uint8Array } {
  if (!(secret instanceof Uint8Array) || secret.length !== 32)
    throw new TacitError("BAD_SECRET", "a secret is an Uint8Array of 32 bytes");
  const bytes = blake512(secret);
  bytes[0] &= 0xf8;
  bytes[31] = (bytes[31] & 0x7f) | 0x40;
  const scalar = (littleEndian(bytes.subarray(0, 32)) >> 3n) % ORDER;
  if (scalar === 0n) throw new TacitError("BAD_SECRET", "this secret has no key");
  return { scalar, prefix: bytes.subarray(32) };
}

/** scalar * point, for points of the prime subgroup and scalars that are no secret. */
function multiply(point: CurvePoint, scalar: bigint): CurvePoint {
  return point.multiplyUnsafe(scalar % ORDER);
}

function requireKey(key: Point): CurvePoint {
  const point = curvePoint(key);
  if (point.is0() || !point.isTorsionFree()) throw badPoint("a key lies in the prime subgroup and is not the identity");
  return point;
}

function curvePoint(point: Point): CurvePoint {
  if (!isOnCurve(point)) throw badPoint("the point is not on the curve, or its coordinates are not canonical");
  return Curve.fromAffine({ x: point.x, y: point.y });
}

function badPoint(why: string): TacitError<"BAD_POINT"> {
  return new TacitError("BAD_POINT", why);
}

function affine(point: CurvePoint): Point {
  const { x, y } = point.toAffine();
  return { x, y };
}

function isElement(x: bigint): boolean {
  return x >= 0n && x < FIELD;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytes32(x: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((x >> BigInt(8 * i)) & 255n));
}
