import { FIELD, FULL_ROUNDS, poseidonConstants } from "./poseidonConstants.ts";
import type { Primitives } from "./primitives.ts";

/** Poseidon in plain bigint: the reference. Inputs are 1 to 16 field elements; not constant in time. */
export function permute(initialState: bigint, inputs: readonly bigint[]): bigint {
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

/** Hashes in plain JavaScript. */
export const hashing: Pick<Primitives, "hash" | "hashMany"> = {
  hash: permute,
  hashMany: (initialState, inputs) => inputs.map((each) => permute(initialState, each)),
};
