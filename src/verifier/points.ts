import { bn254 } from "@noble/curves/bn254.js";
import type { Fp2 } from "@noble/curves/abstract/tower.js";
import type { WeierstrassPoint } from "@noble/curves/abstract/weierstrass.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { wordsToBytes } from "../protocol/words.ts";

/** The scalar field: public inputs are below it. */
export const FIELD = bn254.fields.Fr.ORDER;
/** The base field: coordinates are below it. */
export const BASE_FIELD = bn254.fields.Fp.ORDER;

export const G1 = bn254.G1.Point;
export const G2 = bn254.G2.Point;
export type PointG1 = WeierstrassPoint<bigint>;
export type PointG2 = WeierstrassPoint<Fp2>;
/** Affine coordinates; infinity is all zeros. A coordinate in G2 is [real part, part of i]. */
export type PairG1 = readonly [bigint, bigint];
export type PairG2 = readonly [readonly [bigint, bigint], readonly [bigint, bigint]];

export type PointDefect = "coordinateTooLarge" | "offCurve" | "outsideSubgroup";
/** A defect as the end of a sentence. */
export const POINT_DEFECTS: Record<PointDefect, string> = {
  coordinateTooLarge: "has a coordinate that is not below the modulus of the base field",
  offCurve: "is not on the curve",
  outsideSubgroup: "is outside the subgroup of prime order",
};

const { Fp, Fp2, Fp12 } = bn254.fields;

/** Exactly what the precompiles of the chain accept: canonical coordinates, on the curve; all zeros is infinity. */
export function readG1([x, y]: PairG1): PointG1 | PointDefect {
  if (!canonical([x, y])) return "coordinateTooLarge";
  if (x === 0n && y === 0n) return G1.ZERO;
  if (Fp.sqr(y) !== Fp.add(Fp.mul(Fp.sqr(x), x), G1.CURVE().b)) return "offCurve";
  return G1.fromAffine({ x, y });
}

/** As readG1; the curve of G2 has points outside the subgroup, which the pairing must never see. */
export function readG2([x, y]: PairG2): PointG2 | PointDefect {
  if (!canonical([...x, ...y])) return "coordinateTooLarge";
  if ([...x, ...y].every((part) => part === 0n)) return G2.ZERO;
  const affine = { x: { c0: x[0], c1: x[1] }, y: { c0: y[0], c1: y[1] } };
  const right = Fp2.add(Fp2.mul(Fp2.sqr(affine.x), affine.x), G2.CURVE().b);
  if (!Fp2.eql(Fp2.sqr(affine.y), right)) return "offCurve";
  const point = G2.fromAffine(affine);
  return point.isTorsionFree() ? point : "outsideSubgroup";
}

function canonical(coordinates: readonly bigint[]): boolean {
  return coordinates.every((part) => typeof part === "bigint" && part >= 0n && part < BASE_FIELD);
}

/** The lines that the Miller loop evaluates; none for infinity. Worth keeping for the points of a key. */
export type Lines = ReturnType<typeof bn254.utils.calcPairingPrecomputes> | null;

export function linesOf(point: PointG2): Lines {
  return point.is0() ? null : bn254.utils.calcPairingPrecomputes(point);
}

/** Whether the product of e(g1, g2) is 1. The points must have been read by readG1 and readG2. */
export function productIsOne(pairs: readonly (readonly [PointG1, Lines])[]): boolean {
  const terms: Parameters<typeof bn254.millerLoopBatch>[0] = [];
  for (const [point, lines] of pairs) {
    if (lines === null || point.is0()) continue;
    const { x, y } = point.toAffine();
    terms.push([lines, x, y]);
  }
  return terms.length === 0 || Fp12.eql(Fp12.finalExponentiate(bn254.millerLoopBatch(terms)), Fp12.ONE);
}

/** Coordinates in the order of the chain's precompiles: the part of i comes first. */
export function wordsG1([x, y]: PairG1): bigint[] {
  return [x, y];
}
export function wordsG2([x, y]: PairG2): bigint[] {
  return [x[1], x[0], y[1], y[0]];
}

/** keccak256 of words of 32 bytes, big end first: `keccak256(abi.encodePacked(uint256, ...))` of Solidity. */
export function keccakWords(words: readonly bigint[]): bigint {
  return BigInt("0x" + toHex(keccak_256(wordsToBytes(words))));
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
