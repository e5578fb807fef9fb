import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import type { Proof } from "../protocol/proof.ts";
import type { VerifyingKey } from "./keys.ts";
import { FIELD, G1, POINT_DEFECTS, linesOf, productIsOne, readG1, readG2 } from "./points.ts";
import type { Lines, PointDefect, PointG1 } from "./points.ts";

/** Why a proof is refused, in the order of the checks. A stranger can cause each of them. */
export type ProofRefusal = "inputCount" | "inputTooLarge" | "malformedProof" | PointDefect | "pairing";
export type ProofResult = { ok: true } | { ok: false; reason: ProofRefusal; message: string };

/** The part of a key that a proof is verified with. */
export type ProofKey = Pick<VerifyingKey, "alpha" | "beta" | "gamma" | "delta" | "ic"> & {
  /** for messages */
  readonly name: string;
};

/** Whether the proof shows that the circuit of the key accepts the public inputs. Never throws on what strangers send. */
export function verifyProof(key: ProofKey, publicInputs: readonly bigint[], proof: Proof): ProofResult {
  const defect = inputsDefect(key, publicInputs);
  if (defect) return defect;
  const points = readProof(proof);
  if ("reason" in points) return points;
  const sum = mulAddUnsafe(G1, [...key.ic], [1n, ...publicInputs]);
  const valid = productIsOne([
    [points.a, points.b],
    [key.alpha.negate(), key.beta],
    [sum.negate(), key.gamma],
    [points.c.negate(), key.delta],
  ]);
  return valid
    ? { ok: true }
    : refusal("pairing", `the proof does not hold for the key of ${key.name} and these inputs`);
}

/** Null when there are as many inputs as the key wants, each in [0, FIELD). x and x + FIELD would prove the same. */
export function inputsDefect(key: ProofKey, publicInputs: readonly bigint[]): (ProofResult & { ok: false }) | null {
  const expected = key.ic.length - 1;
  if (!Array.isArray(publicInputs) || publicInputs.length !== expected)
    return refusal("inputCount", `${key.name} has ${expected} public inputs`);
  const i = publicInputs.findIndex((x) => typeof x !== "bigint" || x < 0n || x >= FIELD);
  return i < 0 ? null : refusal("inputTooLarge", `public input ${i} is not an integer in [0, r), r the scalar field`);
}

export interface ProofPoints {
  a: PointG1;
  b: Lines;
  c: PointG1;
}

/** The points of a proof, checked. */
export function readProof(proof: Proof): ProofPoints | (ProofResult & { ok: false }) {
  if (!wellFormed(proof)) return refusal("malformedProof", "a proof is a: [x, y], b: [[x0, x1], [y0, y1]], c: [x, y]");
  const a = readG1(proof.a);
  if (typeof a === "string") return refusal(a, `point A ${POINT_DEFECTS[a]}`);
  const b = readG2(proof.b);
  if (typeof b === "string") return refusal(b, `point B ${POINT_DEFECTS[b]}`);
  const c = readG1(proof.c);
  if (typeof c === "string") return refusal(c, `point C ${POINT_DEFECTS[c]}`);
  return { a, b: linesOf(b), c };
}

function wellFormed(proof: Proof): boolean {
  const isPair = (pair: unknown) => Array.isArray(pair) && pair.length === 2;
  return isPair(proof?.a) && isPair(proof.b) && proof.b.every(isPair) && isPair(proof.c);
}

function refusal(reason: ProofRefusal, message: string): ProofResult & { ok: false } {
  return { ok: false, reason, message };
}
