/**
 * BabyJubJub keys and EdDSA-Poseidon, bit for bit those of circomlibjs (`signPoseidon`, `verifyPoseidon`).
 *
 * The key of an account is a point A of the prime subgroup other than the identity, and it is A that is hashed:
 *
 *     S BASE8 = R8 + h 8 A,    h = Poseidon(R8x, R8y, Ax, Ay, message)
 *
 * A deposit does not name A but K' = A / 8, and the account gets 8 K': any point of the curve times 8 lies in the prime
 * subgroup, so neither chain nor circuit ever has to multiply by l to know it. A trader whose circomlibjs key is A
 * deposits to `depositKey(A)`, and `accountKey` of that is A again.
 *
 * Signing multiplies by secrets in plain JavaScript; `sharedX` with the primitives in use. Neither is constant in time.
 * @source https://eips.ethereum.org/EIPS/eip-2494 (the curve)
 * @twins circuits/lib/eddsa.circom, circuits/lib/babyjub.circom
 */

import { blake512 } from "@noble/hashes/blake1.js";
import {
  affine,
  BASE8,
  Curve,
  isElement,
  isOnCurve,
  ORDER,
  type Point,
  type Signature,
  type Signed,
} from "./babyjub.ts";
import { outOfRange, TacitError } from "./errors.ts";
import { FIELD, poseidon } from "./poseidon.ts";
import { primitives } from "./reference.ts";

/** FIELD, r: coordinates, messages and hashes lie below it. */
export { BASE8, FIELD, isElement, isOnCurve, ORDER };
export type { Point, Signature, Signed };
const EIGHTH = Curve.Fn.inv(8n);

/** On the curve and of order 1 or l. */
export function inSubgroup(point: Point): boolean {
  return isOnCurve(point) && primitives().inSubgroup(point);
}

/**
 * @param scalar  0 <= scalar; reduced modulo l when the point is in the prime subgroup, and only then
 * @throws BAD_POINT      when the point is not on the curve
 * @throws OUT_OF_RANGE   when the scalar is negative
 */
export function scalarMultiply(scalar: bigint, point: Point): Point {
  if (scalar < 0n) throw outOfRange("scalar", "at least 0");
  return primitives().multiply(scalar, requirePoint(point));
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
  return primitives().multiply(EIGHTH, requireKey(key));
}

/**
 * The key 8 K' of the account that a deposit names.
 * @throws BAD_POINT  when K' is not on the curve, not canonical, or of small order: the contract refuses such a deposit
 */
export function accountKey(named: Point): Point {
  const key = primitives().multiply(8n, requirePoint(named));
  if (isIdentity(key)) throw badPoint("a point of small order is no key");
  return key;
}

/**
 * x of scalar * key: what the holder of the scalar and the holder of the key's secret both can compute.
 * @param scalar  0 < scalar < l
 * @throws OUT_OF_RANGE, BAD_POINT
 */
export function sharedX(scalar: bigint, key: Point): bigint {
  if (scalar <= 0n || scalar >= ORDER) throw outOfRange("scalar", "0 < scalar < l");
  return primitives().multiply(scalar, requireKey(key)).x;
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
export function verify(key: Point, message: bigint, signature: Signature): boolean {
  return verifyMany([{ key, message, signature }])[0];
}

/** `verify` of many, for who has a queue of them: with kernels several times as fast as one by one. */
export function verifyMany(signed: readonly Signed[]): boolean[] {
  const answers = signed.map(isWellFormed);
  const hold = primitives().verifyMany(signed.filter((_, i) => answers[i]));
  let next = 0;
  return answers.map((wellFormed) => wellFormed && hold[next++]);
}

/** All that can be told without multiplying points. */
function isWellFormed({ key, message, signature: { R8x, R8y, S } }: Signed): boolean {
  if (!isElement(message) || S < 0n || S >= ORDER) return false;
  return isOnCurve({ x: R8x, y: R8y }) && isOnCurve(key) && !isIdentity(key);
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

function requireKey(key: Point): Point {
  requirePoint(key);
  if (isIdentity(key) || !primitives().inSubgroup(key))
    throw badPoint("a key lies in the prime subgroup and is not the identity");
  return key;
}

function requirePoint(point: Point): Point {
  if (!isOnCurve(point)) throw badPoint("the point is not on the curve, or its coordinates are not canonical");
  return point;
}

function isIdentity({ x, y }: Point): boolean {
  return x === 0n && y === 1n;
}

function badPoint(why: string): TacitError<"BAD_POINT"> {
  return new TacitError("BAD_POINT", why);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytes32(x: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((x >> BigInt(8 * i)) & 255n));
}
