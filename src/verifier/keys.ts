import { TacitError } from "../protocol/errors.ts";
import { INSTRUCTION_NAMES, publicInputNames, type InstructionName } from "../protocol/instructions.ts";
import * as points from "./points.ts";
import type { Lines, PairG1, PairG2, PointDefect, PointG1 } from "./points.ts";

export type KeyCode =
  | "KEY_MALFORMED"
  | "KEY_BAD_POINT"
  | "KEY_GAMMA_IS_DELTA"
  | "KEY_DELTA_IS_GENERATOR"
  | "KEY_INPUT_COUNT"
  | "KEY_MISSING"
  | "KEYS_OF_TWO_SETUPS"
  | "KEYS_SHARE_DELTA";

/** The verification key of one instruction, checked and ready for pairings. */
export interface VerifyingKey {
  readonly name: InstructionName;
  /** keyHash of it: names the circuit in the coefficients of a batch. */
  readonly hash: bigint;
  readonly affine: { alpha: PairG1; beta: PairG2; gamma: PairG2; delta: PairG2; ic: readonly PairG1[] };
  readonly alpha: PointG1;
  readonly beta: Lines;
  readonly gamma: Lines;
  readonly delta: Lines;
  /** ic[0] is constant; ic[i] belongs to public input i - 1. */
  readonly ic: readonly PointG1[];
}

/** One key for each instruction. They share alpha, beta and gamma, which is what lets a batch share two pairings. */
export type VerifyingKeys = Readonly<Record<InstructionName, VerifyingKey>>;

/**
 * Reads a key that snarkjs wrote. Refuses every key that would let somebody forge proofs, or would leave a public input
 * unbound, without knowing the setup: delta = gamma or delta = generator is a phase 2 that never took place.
 * @throws TacitError with a KeyCode
 */
export function parseKey(name: InstructionName, json: unknown): VerifyingKey {
  const file = (json ?? {}) as Record<string, unknown>;
  if (file.protocol !== "groth16" || file.curve !== "bn128")
    throw keyError("KEY_MALFORMED", name, 'it must have protocol "groth16" and curve "bn128"');
  const inputs = publicInputNames(name).length;
  if (!Array.isArray(file.IC) || file.IC.length !== inputs + 1 || file.nPublic !== inputs)
    throw keyError("KEY_INPUT_COUNT", name, `expected nPublic = ${inputs} and ${inputs + 1} points in IC`);
  const affine = {
    alpha: affineG1(name, "vk_alpha_1", file.vk_alpha_1),
    beta: affineG2(name, "vk_beta_2", file.vk_beta_2),
    gamma: affineG2(name, "vk_gamma_2", file.vk_gamma_2),
    delta: affineG2(name, "vk_delta_2", file.vk_delta_2),
    ic: file.IC.map((point, i) => affineG1(name, `IC[${i}]`, point)),
  };
  const alpha = checked(name, "vk_alpha_1", points.readG1(affine.alpha));
  const beta = checked(name, "vk_beta_2", points.readG2(affine.beta));
  const gamma = checked(name, "vk_gamma_2", points.readG2(affine.gamma));
  const delta = checked(name, "vk_delta_2", points.readG2(affine.delta));
  const ic = affine.ic.map((pair, i) => checked(name, `IC[${i}]`, points.readG1(pair)));
  if (delta.equals(gamma)) throw keyError("KEY_GAMMA_IS_DELTA", name, "its gamma and delta are equal");
  if (delta.equals(points.G2.BASE)) throw keyError("KEY_DELTA_IS_GENERATOR", name, "its delta is the generator of G2");
  return {
    name,
    hash: keyHash(affine),
    affine,
    alpha,
    beta: points.linesOf(beta),
    gamma: points.linesOf(gamma),
    delta: points.linesOf(delta),
    ic,
  };
}

/** x of alpha in every development key: their secrets are public (src/setup/keys/developmentKey.ts), so anybody can forge. */
export const DEVELOPMENT_ALPHA_X = 21178790361195805130047534225689017004316306682936835633783287765980885660337n;

/** Whether a key is a development key, which must hold nothing of value. */
export function isDevelopmentKey({ affine }: VerifyingKey): boolean {
  return affine.alpha[0] === DEVELOPMENT_ALPHA_X;
}

/** keccak256 of the words alpha, beta, gamma, delta, number of points in IC, IC. */
export function keyHash({ alpha, beta, gamma, delta, ic }: VerifyingKey["affine"]): bigint {
  const words = [...points.wordsG1(alpha), ...[beta, gamma, delta].flatMap(points.wordsG2)];
  return points.keccakWords([...words, BigInt(ic.length), ...ic.flatMap(points.wordsG1)]);
}

/**
 * The keys of a venue, by name of the instruction, as snarkjs wrote them. Two circuits with one delta are refused: the
 * elements that one setup publishes for its private wires could be used in proofs of the other.
 * @throws TacitError with a KeyCode
 */
export function prepareKeys(files: Readonly<Record<string, unknown>>): VerifyingKeys {
  const keys = INSTRUCTION_NAMES.map((name) => {
    if (files[name] === undefined) throw keyError("KEY_MISSING", name, "every instruction needs one");
    return parseKey(name, files[name]);
  });
  keys.forEach((key, i) => {
    requireSameSetup(keys[0], key);
    const twin = keys.slice(0, i).find(({ affine }) => sameWords([affine.delta], [key.affine.delta]));
    if (twin) throw keyError("KEYS_SHARE_DELTA", key.name, `its delta is also that of ${twin.name}`);
  });
  return Object.fromEntries(keys.map((key) => [key.name, key])) as Record<InstructionName, VerifyingKey>;
}

/** @throws KEYS_OF_TWO_SETUPS unless both keys have the same alpha, beta and gamma. */
export function requireSameSetup(one: VerifyingKey, other: VerifyingKey): void {
  const setup = ({ affine: { alpha, beta, gamma } }: VerifyingKey) => [[alpha], beta, gamma];
  if (one !== other && !sameWords(setup(one), setup(other)))
    throw keyError("KEYS_OF_TWO_SETUPS", other.name, `its alpha, beta and gamma must be those of ${one.name}`);
}

function sameWords(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.flat(3).join() === other.flat(3).join();
}

/** snarkjs writes three projective coordinates, normalised: the last is 1, or 0 at infinity. */
function affineG1(name: InstructionName, field: string, json: unknown): PairG1 {
  const [x, y, z] = list(name, field, json, 3).map((text) => integer(name, field, text));
  if (z === 0n) return [0n, 0n];
  if (z !== 1n) throw keyError("KEY_MALFORMED", name, `${field} is not in affine form`, field);
  return [x, y];
}

function affineG2(name: InstructionName, field: string, json: unknown): PairG2 {
  const [x, y, z] = list(name, field, json, 3).map((pair) => {
    const [real, imaginary] = list(name, field, pair, 2).map((text) => integer(name, field, text));
    return [real, imaginary] as const;
  });
  if (z[0] === 0n && z[1] === 0n) return [z, z];
  if (z[0] !== 1n || z[1] !== 0n) throw keyError("KEY_MALFORMED", name, `${field} is not in affine form`, field);
  return [x, y];
}

function list(name: InstructionName, field: string, json: unknown, length: number): unknown[] {
  if (!Array.isArray(json) || json.length !== length)
    throw keyError("KEY_MALFORMED", name, `${field} does not have ${length} coordinates`, field);
  return json;
}

function integer(name: InstructionName, field: string, text: unknown): bigint {
  if (typeof text !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(text))
    throw keyError("KEY_MALFORMED", name, `${field} has a coordinate that is not a decimal string`, field);
  return BigInt(text);
}

function checked<Point extends { is0(): boolean }>(
  name: InstructionName,
  field: string,
  point: Point | PointDefect,
): Point {
  if (typeof point === "string")
    throw keyError("KEY_BAD_POINT", name, `${field} ${points.POINT_DEFECTS[point]}`, field);
  if (point.is0()) throw keyError("KEY_BAD_POINT", name, `${field} is the point at infinity`, field);
  return point;
}

function keyError(code: KeyCode, name: InstructionName, why: string, field?: string): TacitError<KeyCode> {
  return new TacitError(code, `the verification key of ${name} is refused: ${why}`, { name, field });
}
