import { mulAddUnsafe } from "@noble/curves/abstract/curve.js";
import type { Proof } from "../protocol/proof.ts";
import { inputsDefect, readProof, type ProofPoints, type ProofRefusal } from "./groth16.ts";
import { requireSameSetup, type VerifyingKey } from "./keys.ts";
import { FIELD, G1, keccakWords, productIsOne, wordsG1, wordsG2 } from "./points.ts";
import type { Lines, PointG1 } from "./points.ts";

export interface BatchItem {
  key: VerifyingKey;
  publicInputs: readonly bigint[];
  proof: Proof;
}

export type BatchRefusal = "emptyBatch" | ProofRefusal;
/** `at` is the index of the item; the pairing is one for all items, so it blames none. */
export type BatchResult = { ok: true } | { ok: false; reason: BatchRefusal; at?: number; message: string };

/**
 * Verifies many proofs by one product of pairings, in which each proof is raised to a coefficient r that its maker
 * could not foresee, so that errors of two proofs cannot cancel:
 *
 *     prod e(r A, B)  e(-sum r alpha, beta)  e(-sum r vk_x, gamma)  prod over keys e(-sum r C, delta) = 1
 *
 * where vk_x = IC[0] + sum x_i IC[i + 1]. That is one pairing a proof, one a key, and two.
 * @param domain  of the venue, in [0, r)
 * @throws KEYS_OF_TWO_SETUPS when the keys do not share alpha, beta and gamma
 * @twins src/verifier/contract/Batch.sol
 */
export function verifyBatch(domain: bigint, items: readonly BatchItem[]): BatchResult {
  if (items.length === 0) return { ok: false, reason: "emptyBatch", message: "a batch has at least one proof" };
  const proofs: ProofPoints[] = [];
  for (const [at, { key, publicInputs, proof }] of items.entries()) {
    requireSameSetup(items[0].key, key);
    const defect = inputsDefect(key, publicInputs);
    if (defect) return { ...defect, at };
    const points = readProof(proof);
    if ("reason" in points) return { ...points, at };
    proofs.push(points);
  }
  const coefficients = batchCoefficients(domain, items);

  const { alpha, beta, gamma } = items[0].key;
  const perKey = new Map<VerifyingKey, { scalars: bigint[]; cs: PointG1[]; coefficients: bigint[] }>();
  const pairs: [PointG1, Lines][] = [];
  items.forEach(({ key, publicInputs }, j) => {
    const r = coefficients[j];
    const sums = perKey.get(key) ?? { scalars: key.ic.map(() => 0n), cs: [], coefficients: [] };
    perKey.set(key, sums);
    [1n, ...publicInputs].forEach((x, i) => {
      sums.scalars[i] = (sums.scalars[i] + r * x) % FIELD;
    });
    sums.cs.push(proofs[j].c);
    sums.coefficients.push(r);
    pairs.push([proofs[j].a.multiplyUnsafe(r), proofs[j].b]);
  });
  const sumOfCoefficients = coefficients.reduce((sum, r) => sum + r, 0n) % FIELD;
  const inputs = mulAddUnsafe(
    G1,
    [...perKey.keys()].flatMap(({ ic }) => ic),
    [...perKey.values()].flatMap(({ scalars }) => scalars),
  );
  pairs.push([alpha.multiplyUnsafe(sumOfCoefficients).negate(), beta], [inputs.negate(), gamma]);
  for (const [{ delta }, sums] of perKey) pairs.push([mulAddUnsafe(G1, sums.cs, sums.coefficients).negate(), delta]);
  return productIsOne(pairs)
    ? { ok: true }
    : { ok: false, reason: "pairing", message: "at least one proof of the batch does not hold" };
}

/**
 * The coefficients, bit for bit those of Batch.sol. Words are 32 bytes, big end first:
 *
 *     seed = keccak256(domain, count, for each proof: hash of its key, public inputs, A.x, A.y,
 *                      B.x part of i, B.x real, B.y part of i, B.y real, C.x, C.y)
 *     r_j  = keccak256(seed, j) >> 128, or 1 should that be 0
 *
 * The hash of a key fixes the number of inputs, so no two batches have the same words.
 */
export function batchCoefficients(domain: bigint, items: readonly BatchItem[]): bigint[] {
  const words = items.flatMap(({ key, publicInputs, proof }) => [key.hash, ...publicInputs, ...proofWords(proof)]);
  const seed = keccakWords([domain, BigInt(items.length), ...words]);
  return items.map((_, j) => keccakWords([seed, BigInt(j)]) >> 128n || 1n);
}

/** The eight words of a proof, as the chain takes them. */
export function proofWords({ a, b, c }: Proof): bigint[] {
  return [...wordsG1(a), ...wordsG2(b), ...wordsG1(c)];
}
