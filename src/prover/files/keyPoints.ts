import { bn254 } from "@noble/curves/bn254.js";
import type { G1Point } from "../../protocol/proof.ts";
import { badFile } from "../sections.ts";
import { POINT_BYTES } from "./integers.ts";
import { decodeG1, decodeG2, inG2, type G2Point } from "./points.ts";
import { HEADER, type KeyHeader } from "./zkeyHeader.ts";

/** The points that a key has once, affine, in their order in the file. Those with 1 are of G1, those with 2 of G2. */
export interface KeyPoints {
  readonly alpha1: G1Point;
  readonly beta1: G1Point;
  readonly beta2: G2Point;
  readonly gamma2: G2Point;
  readonly delta1: G1Point;
  readonly delta2: G2Point;
}

/**
 * The points of a header, each finite, on its curve and in its subgroup. Refuses a key for which anybody can forge
 * proofs without any secret. Takes some ten milliseconds.
 * @throws TacitError FILE_FORMAT
 */
export function readKeyPoints({ pointBytes }: KeyHeader): KeyPoints {
  const points = decodePoints(pointBytes);
  const delta = inG2(points.delta2);
  const untouched = delta.equals(inG2(points.gamma2)) ? "gamma" : delta.equals(bn254.G2.Point.BASE) && "the generator";
  if (untouched)
    throw badFile(
      "zkey",
      `has a delta equal to ${untouched}: nobody has contributed to this key, and such a key lets anyone forge proofs`,
      HEADER,
    );
  return points;
}

function decodePoints(bytes: Uint8Array): KeyPoints {
  let at = 0;
  const take = <Point>(name: string, length: number, decode: (bytes: Uint8Array) => Point | string): Point => {
    const point = decode(bytes.subarray(at, at + length));
    at += length;
    if (typeof point === "string") throw badFile("zkey", `is unsound: ${name} ${point}`, HEADER);
    return point;
  };
  return {
    alpha1: take("alpha1", POINT_BYTES.g1, decodeG1),
    beta1: take("beta1", POINT_BYTES.g1, decodeG1),
    beta2: take("beta2", POINT_BYTES.g2, decodeG2),
    gamma2: take("gamma2", POINT_BYTES.g2, decodeG2),
    delta1: take("delta1", POINT_BYTES.g1, decodeG1),
    delta2: take("delta2", POINT_BYTES.g2, decodeG2),
  };
}
