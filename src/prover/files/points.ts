/**
 * Points of bn254 as keys hold them: affine coordinates of 32 bytes, little endian, in Montgomery form (x * 2^256 mod
 * q); zeros for infinity. A coordinate in G2 has two parts, the real one first.
 */
import { bn254 } from "@noble/curves/bn254.js";
import type { G1Point, Proof } from "../../protocol/proof.ts";
import { BASE_FIELD } from "../curve.ts";
import { FIELD_BYTES, POINT_BYTES, readInteger, type Group } from "./integers.ts";

const { Fp, Fp2 } = bn254.fields;
export type G2Point = Proof["b"];

const FROM_MONTGOMERY = Fp.inv(1n << 256n);

/**
 * Whether the bytes are a point of the curve, in the one form that it has: coordinates below q. Infinity is one. Of G2
 * it says nothing about the subgroup: that takes a multiplication. The reference for the kernel that checks whole
 * sections.
 */
export function isPoint(group: Group, bytes: Uint8Array): boolean {
  if (bytes.length !== POINT_BYTES[group]) return false;
  return group === "g1" ? isPointG1(bytes) : isPointG2(bytes);
}

/** The point, or how a sentence about it ends. @param bytes  64 */
export function decodeG1(bytes: Uint8Array): G1Point | string {
  if (!isPointG1(bytes)) return "is no point of G1";
  const [x, y] = coordinates(bytes)!;
  return x === 0n && y === 0n ? "is the point at infinity" : [x, y];
}

/** As decodeG1, and in the subgroup of prime order. @param bytes  128 */
export function decodeG2(bytes: Uint8Array): G2Point | string {
  if (!isPointG2(bytes)) return "is no point of G2";
  const [x0, x1, y0, y1] = coordinates(bytes)!;
  if ([x0, x1, y0, y1].every((part) => part === 0n)) return "is the point at infinity";
  const point: G2Point = [
    [x0, x1],
    [y0, y1],
  ];
  return inG2(point).isTorsionFree() ? point : "is outside the subgroup of prime order";
}

function isPointG1(bytes: Uint8Array): boolean {
  const [x, y] = coordinates(bytes) ?? [];
  if (x === undefined || y === undefined) return false;
  if (x === 0n && y === 0n) return true;
  return Fp.sqr(y) === Fp.add(Fp.mul(Fp.sqr(x), x), bn254.G1.Point.CURVE().b);
}

function isPointG2(bytes: Uint8Array): boolean {
  const found = coordinates(bytes);
  if (!found) return false;
  if (found.every((part) => part === 0n)) return true;
  const [x, y] = [
    { c0: found[0], c1: found[1] },
    { c0: found[2], c1: found[3] },
  ];
  return Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), bn254.G2.Point.CURVE().b));
}

/** Out of Montgomery form; undefined if one is not below q. */
function coordinates(bytes: Uint8Array): bigint[] | undefined {
  const raw = Array.from({ length: bytes.length / FIELD_BYTES }, (_, i) => readInteger(bytes, i * FIELD_BYTES));
  return raw.every((part) => part < BASE_FIELD) ? raw.map((part) => Fp.mul(part, FROM_MONTGOMERY)) : undefined;
}

export function inG1([x, y]: G1Point) {
  return bn254.G1.Point.fromAffine({ x, y });
}

export function inG2([x, y]: G2Point) {
  return bn254.G2.Point.fromAffine({ x: { c0: x[0], c1: x[1] }, y: { c0: y[0], c1: y[1] } });
}
