import { outOfRange, TacitError } from "./errors.ts";
import { TAG, type Tag } from "./parameters.ts";
import { FIELD, MAX_ARITY } from "./poseidonConstants.ts";
import { hashing } from "./permutation.ts";
import { primitivesInUse } from "./primitives.ts";

export { FIELD };

/**
 * Hash of 1 to 16 field elements under a domain tag, which is the initial capacity element.
 * @throws OUT_OF_RANGE  when an input is not in [0, r), r the order of the scalar field of BN254
 * @throws BAD_ARITY     when there is no input or more than 16
 * @source https://eprint.iacr.org/2019/458; the parameters and constants are circomlib's
 * @twins circuits/lib/poseidon.circom
 * @example hash("node", [1n, 2n, 3n, 4n])
 */
export function hash(tag: Tag, inputs: readonly bigint[]): bigint {
  return poseidon(TAG[tag], inputs);
}

/**
 * Hashes under one tag that do not depend on each other: faster than one after the other, where kernels are in use.
 * @param inputs  of each hash; all of one length
 * @throws as `hash`; BAD_ARITY also when lengths differ
 */
export function hashMany(tag: Tag, inputs: readonly (readonly bigint[])[]): bigint[] {
  if (inputs.length === 0) return [];
  const arity = requireArity(inputs[0].length);
  for (const each of inputs) {
    if (each.length !== arity) throw new TacitError("BAD_ARITY", "hashes made together have inputs of one number");
    requireElements(each);
  }
  return (primitivesInUse() ?? hashing).hashMany(TAG[tag], inputs);
}

/** Poseidon with any initial capacity element, 0 <= initialState < r; otherwise as `hash`. */
export function poseidon(initialState: bigint, inputs: readonly bigint[]): bigint {
  requireArity(inputs.length);
  requireElement("initialState", initialState);
  requireElements(inputs);
  return (primitivesInUse() ?? hashing).hash(initialState, inputs);
}

function requireArity(arity: number): number {
  if (arity < 1 || arity > MAX_ARITY)
    throw new TacitError("BAD_ARITY", `Poseidon takes 1 to ${MAX_ARITY} inputs`, { arity });
  return arity;
}

function requireElements(inputs: readonly bigint[]): void {
  for (let i = 0; i < inputs.length; i++) requireElement("inputs", inputs[i], i);
}

function requireElement(field: string, x: bigint, index?: number): void {
  if (x < 0n || x >= FIELD) throw outOfRange(index === undefined ? field : `${field}[${index}]`, "a field element");
}
