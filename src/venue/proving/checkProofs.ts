import { verifyBatch, verifyProof, type ProvenInstruction, type VerifyingKeys } from "../../verifier/index.ts";

/**
 * Which of these proofs hold: by one product of pairings where all do; else by one of each half, so that a bad one among many costs some
 * more of them.
 * @returns  for each, in order
 */
export function checkProofs(keys: VerifyingKeys, proofs: readonly ProvenInstruction[]): boolean[] {
  if (proofs.length === 0) return [];
  const [{ name, publicInputs, proof }] = proofs;
  if (proofs.length === 1) return [verifyProof(keys[name], publicInputs, proof).ok];
  const items = proofs.map((it) => ({ key: keys[it.name], publicInputs: it.publicInputs, proof: it.proof }));
  if (verifyBatch(0n, items).ok) return proofs.map(() => true);
  const half = proofs.length >> 1;
  return [...checkProofs(keys, proofs.slice(0, half)), ...checkProofs(keys, proofs.slice(half))];
}
