import { TacitError } from "../protocol/errors.ts";
import { asList, asObject, badFormat, shown } from "../protocol/json.ts";
import type { Proof } from "../protocol/proof.ts";
import type { ProofKey } from "./groth16.ts";
import { DEVELOPMENT_ALPHA_X } from "./keys.ts";
import { G2, POINT_DEFECTS, linesOf, readG1, readG2, type PairG1, type PairG2, type PointDefect } from "./points.ts";

/**
 * Keys, proofs and public inputs of any Groth16 circuit over BN254, as snarkjs writes them, for `verifyProof`. What
 * snarkjs reads is read; what it lets pass is refused by `verifyProof`: coordinates that are not below the modulus, and
 * points outside the subgroup.
 */

/** The key of any circuit. */
export interface CircuitKey extends ProofKey {
  /** its secrets are public (src/setup/keys/developmentKey.ts) */
  readonly development: boolean;
  /** why anybody can forge proofs for it, as far as the key alone shows that */
  readonly forgeable: string | null;
}

/** @param at  what to call it in errors. @throws TacitError FORMAT naming the place, or the spelling that it has instead */
export function readCircuitKey(json: unknown, at = "the key"): CircuitKey {
  const file = asObject(at, json);
  requireSpelling(at, file, "key");
  const points = asList(`${at}: IC`, file.IC).map((point, i) => point1(`${at}: IC[${i}]`, point));
  const inputs = points.length - 1;
  if (inputs < 0 || (file.nPublic !== undefined && Number(file.nPublic) !== inputs))
    throw badFormat(`${at}: IC`, `nPublic + 1 points, where nPublic is ${shown(file.nPublic)}`);
  const affine = {
    alpha: point1(`${at}: vk_alpha_1`, file.vk_alpha_1),
    beta: point2(`${at}: vk_beta_2`, file.vk_beta_2),
    gamma: point2(`${at}: vk_gamma_2`, file.vk_gamma_2),
    delta: point2(`${at}: vk_delta_2`, file.vk_delta_2),
  };
  const alpha = good(`${at}: vk_alpha_1`, readG1(affine.alpha));
  const beta = good(`${at}: vk_beta_2`, readG2(affine.beta));
  const gamma = good(`${at}: vk_gamma_2`, readG2(affine.gamma));
  const delta = good(`${at}: vk_delta_2`, readG2(affine.delta));
  const forgeable = delta.equals(gamma)
    ? "its gamma and delta are equal"
    : delta.equals(G2.BASE)
      ? "its delta is the generator"
      : [alpha, beta, gamma, delta].some((point) => point.is0())
        ? "one of its points is the point at infinity"
        : null;
  return {
    name: "the circuit",
    alpha,
    beta: linesOf(beta),
    gamma: linesOf(gamma),
    delta: linesOf(delta),
    ic: points.map((point, i) => good(`${at}: IC[${i}]`, readG1(point))),
    development: affine.alpha[0] === DEVELOPMENT_ALPHA_X,
    forgeable,
  };
}

/** @throws TacitError FORMAT naming the place, or the spelling that it has instead */
export function readCircuitProof(json: unknown, at = "the proof"): Proof {
  if (Array.isArray(json)) throw badFormat(at, "a proof: a list is what public inputs are");
  const file = asObject(at, json);
  requireSpelling(at, file, "proof");
  return {
    a: point1(`${at}: pi_a`, file.pi_a),
    b: point2(`${at}: pi_b`, file.pi_b),
    c: point1(`${at}: pi_c`, file.pi_c),
  };
}

/** @throws TacitError FORMAT naming the place */
export function readPublicInputs(json: unknown, at = "the public inputs"): bigint[] {
  if (!Array.isArray(json)) throw badFormat(at, "a list of decimal strings");
  return json.map((x, i) => integer(`${at}[${i}]`, x));
}

/** Other spellings, by what only they have; each says how it differs. */
const FOREIGN: readonly { writer: string; has: readonly string[]; key: string; proof: string }[] = [
  {
    writer: "gnark",
    has: ["Ar", "Bs", "Krs", "G1", "G2", "Alpha", "Beta", "Gamma", "Delta", "CommitmentPok"],
    key: "G1.Alpha is vk_alpha_1, G2.Beta, Gamma and Delta are vk_beta_2, vk_gamma_2 and vk_delta_2, G1.K is IC; of {X, Y} comes [X, Y, 1], of {A0, A1} [A0, A1]; a key with commitments is none of plain Groth16",
    proof:
      "Ar is pi_a, Bs pi_b, Krs pi_c; of {X, Y} comes [X, Y, 1], of {A0, A1} [A0, A1]; a proof with Commitments is none of plain Groth16",
  },
  {
    writer: "arkworks",
    has: ["alpha_g1", "beta_g2", "gamma_g2", "delta_g2", "gamma_abc_g1"],
    key: "alpha_g1 is vk_alpha_1, beta_g2 vk_beta_2, gamma_g2 vk_gamma_2, delta_g2 vk_delta_2, gamma_abc_g1 is IC; points in hexadecimal are bytes, little end first, compressed or not, and must become affine coordinates",
    proof: "",
  },
  {
    writer: "ZoKrates",
    has: ["scheme", "gamma_abc"],
    key: "alpha is vk_alpha_1, beta vk_beta_2, gamma vk_gamma_2, delta vk_delta_2, gamma_abc is IC",
    proof: "proof.a is pi_a, proof.b pi_b, proof.c pi_c, and inputs is a file of its own",
  },
  {
    writer: "arkworks, or something like it",
    has: ["a", "b", "c"],
    key: "",
    proof:
      "a is pi_a, b pi_b, c pi_c; points in hexadecimal are bytes, little end first, compressed or not, and must become affine coordinates",
  },
];

/** @throws TacitError FORMAT unless it is Groth16 over BN254 in the spelling of snarkjs */
function requireSpelling(at: string, file: Record<string, unknown>, what: "key" | "proof"): void {
  const own = what === "key" ? ["vk_alpha_1", "IC"] : ["pi_a", "pi_b", "pi_c"];
  const { protocol = "groth16", curve = "bn128" } = file;
  if (protocol !== "groth16") throw badFormat(`${at}: protocol ${shown(protocol)}`, '"groth16"');
  // As snarkjs takes them.
  const name = (typeof curve === "string" ? curve : "").toUpperCase().replace(/[^A-Z0-9]/g, ""); // prettier-ignore
  if (!["BN128", "BN254", "ALTBN128"].includes(name))
    throw badFormat(`${at}: curve ${shown(file.curve)}`, '"bn128" (also called bn254)');
  if (own.every((field) => field in file)) {
    // A key of snarkjs names its curve, and snarkjs takes none without.
    if (what === "key" && file.curve === undefined) throw badFormat(`${at}: curve`, '"bn128" (also called bn254)');
    return;
  }
  const found = FOREIGN.find(({ has, [what]: says }) => says !== "" && has.some((field) => field in file));
  const wanted = what === "key" ? "vk_alpha_1, vk_beta_2, vk_gamma_2, vk_delta_2 and IC" : "pi_a, pi_b and pi_c";
  const expected = `a ${what} as snarkjs writes it, with ${wanted} in decimal strings`;
  if (!found) throw badFormat(at, expected);
  const { writer, [what]: difference } = found;
  throw malformed(`${at} is spelled as ${writer} writes it: expected ${expected}. ${difference}`, { at, writer });
}

/** [x, y, 1], or [x, y]; a last coordinate of 0 is infinity. */
function point1(at: string, json: unknown): PairG1 {
  const [x, y, z = 1n] = coordinates(at, json).map((part, i) => integer(`${at}[${i}]`, part));
  if (z !== 0n && z !== 1n) throw badFormat(`${at}[2]`, '"1": affine form');
  return z === 0n ? [0n, 0n] : [x, y];
}

function point2(at: string, json: unknown): PairG2 {
  const [x, y, z = [1n, 0n]] = coordinates(at, json).map((part, i): readonly [bigint, bigint] => {
    const pair = asList(`${at}[${i}]`, part).map((half, j) => integer(`${at}[${i}][${j}]`, half));
    if (pair.length !== 2) throw badFormat(`${at}[${i}]`, "two numbers");
    return [pair[0], pair[1]];
  });
  const zeros = [0n, 0n] as const;
  if (z[1] !== 0n || z[0] > 1n) throw badFormat(`${at}[2]`, '["1", "0"]: affine form');
  return z[0] === 0n ? [zeros, zeros] : [x, y];
}

function coordinates(at: string, json: unknown): unknown[] {
  const list = asList(at, json);
  if (list.length !== 2 && list.length !== 3) throw badFormat(at, "three coordinates");
  return list;
}

/** As snarkjs reads them: decimal, or hexadecimal with 0x. */
function integer(at: string, json: unknown): bigint {
  if (typeof json === "string" && /^(\d{1,100}|0x[0-9a-fA-F]{1,80})$/.test(json)) return BigInt(json);
  throw badFormat(at, "a number as a decimal string");
}

function good<Point>(at: string, point: Point | PointDefect): Point {
  if (typeof point !== "string") return point;
  throw malformed(`${at} ${POINT_DEFECTS[point as PointDefect]}: expected a point of BN254`, { at });
}

function malformed(message: string, details: Record<string, unknown>): TacitError<"FORMAT"> {
  return new TacitError("FORMAT", message, details);
}
