import { bn254 } from "@noble/curves/bn254.js";
import type { G1Point } from "../../protocol/proof.ts";
import { inG1, inG2, type G2Point } from "./points.ts";

/** A verification key as snarkjs writes it, with all members in its order. src/verifier/keys.ts reads it. */
export interface VerificationKeyJson {
  protocol: "groth16";
  curve: "bn128";
  nPublic: number;
  vk_alpha_1: string[];
  vk_beta_2: string[][];
  vk_gamma_2: string[][];
  vk_delta_2: string[][];
  /** e(alpha, beta), which verifiers may use instead of computing it */
  vk_alphabeta_12: string[][][];
  IC: string[][];
}

export interface VerificationPoints {
  alpha1: G1Point;
  beta2: G2Point;
  gamma2: G2Point;
  delta2: G2Point;
  ic: readonly G1Point[];
}

/** Takes a pairing, some milliseconds. */
export function verificationKeyJson({ alpha1, beta2, gamma2, delta2, ic }: VerificationPoints): VerificationKeyJson {
  const alphaBeta = bn254.pairing(inG1(alpha1), inG2(beta2));
  return {
    protocol: "groth16",
    curve: "bn128",
    nPublic: ic.length - 1,
    vk_alpha_1: jsonG1(alpha1),
    vk_beta_2: jsonG2(beta2),
    vk_gamma_2: jsonG2(gamma2),
    vk_delta_2: jsonG2(delta2),
    vk_alphabeta_12: [alphaBeta.c0, alphaBeta.c1].map((half) =>
      [half.c0, half.c1, half.c2].map(({ c0, c1 }) => [c0, c1].map(String)),
    ),
    IC: ic.map(jsonG1),
  };
}

function jsonG1(point: G1Point): string[] {
  return [...point, 1n].map(String);
}

function jsonG2([x, y]: G2Point): string[][] {
  return [x, y, [1n, 0n]].map((coordinate) => coordinate.map(String));
}
