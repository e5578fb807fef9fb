import { outOfRange, TacitError } from "./errors.ts";
import { TAG, type Tag } from "./parameters.ts";
import { FIELD, FULL_ROUNDS, MAX_ARITY, poseidonConstants } from "./poseidonConstants.ts";

export { FIELD };

/**
 * What computes Poseidon: `hash(initialState, inputs)` of 1 to 16 field elements, all in range. Another one (a WASM
 * kernel) may be plugged in; it must give the same answers.
 */
export interface Hasher {
  hash(initialState: bigint, inputs: readonly bigint[]): bigint;
}

/** The reference: plain bigint, no state, not constant in time. */
export const referenceHasher: Hasher = { hash: permute };

let hasher: Hasher = referenceHasher;

/** From now on all hashes of this thread are computed by `next`. */
export function useHasher(next: Hasher): void {
  hasher = next;
}

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

/** Poseidon with any initial capacity element, 0 <= initialState < r; otherwise as `hash`. */
export function poseidon(initialState: bigint, inputs: readonly bigint[]): bigint {
  if (inputs.length < 1 || inputs.length > MAX_ARITY)
    throw new TacitError("BAD_ARITY", `Poseidon takes 1 to ${MAX_ARITY} inputs`, { arity: inputs.length });
  requireElement("initialState", initialState);
  for (let i = 0; i < inputs.length; i++) requireElement("inputs", inputs[i], i);
  return hasher.hash(initialState, inputs);
}

function requireElement(field: string, x: bigint, index?: number): void {
  if (x < 0n || x >= FIELD) throw outOfRange(index === undefined ? field : `${field}[${index}]`, "a field element");
}

function permute(initialState: bigint, inputs: readonly bigint[]): bigint {
  const { t, partialRounds, matrix, entry, full, partial, rows, columns } = poseidonConstants(inputs.length);
  const half = FULL_ROUNDS / 2;
  let state = [initialState, ...inputs];

  const fullRound = (round: number, layer: bigint[][]) => {
    const constants = full[round];
    const powers: bigint[] = [];
    for (let i = 0; i < t; i++) powers.push(fifth(state[i] + constants[i]));
    state = layer.map((line) => dot(line, powers) % FIELD);
  };

  for (let round = 0; round < half; round++) fullRound(round, round === half - 1 ? entry : matrix);
  const corner = matrix[0][0];
  let first = state[0];
  const rest = state.slice(1);
  for (let k = 0; k < partialRounds; k++) {
    const power = fifth(first + partial[k]);
    const column = columns[k];
    first = (corner * power + dot(rows[k], rest)) % FIELD;
    for (let i = 0; i < rest.length; i++) rest[i] = (rest[i] + column[i] * power) % FIELD;
  }
  state = [first, ...rest];
  for (let round = half; round < FULL_ROUNDS - 1; round++) fullRound(round, matrix);
  fullRound(FULL_ROUNDS - 1, matrix.slice(0, 1));
  return state[0];
}

function fifth(x: bigint): bigint {
  const square = (x * x) % FIELD;
  return (((square * square) % FIELD) * x) % FIELD;
}

function dot(a: readonly bigint[], b: readonly bigint[]): bigint {
  let sum = 0n;
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i];
  return sum;
}
