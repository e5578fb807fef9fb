import { TacitError } from "./errors.ts";

/**
 * A Groth16 proof over bn254. `a` and `c` are affine points of G1; `b` is one of G2, each coordinate being the pair
 * [real, imaginary] in the order of snarkjs. Solidity's pairing precompile takes each pair the other way round.
 */
export interface Proof {
  a: G1Point;
  b: readonly [readonly [bigint, bigint], readonly [bigint, bigint]];
  c: G1Point;
}
export type G1Point = readonly [bigint, bigint];

/** A proof as snarkjs writes it. */
export interface ProofJson {
  pi_a: string[];
  pi_b: string[][];
  pi_c: string[];
  protocol: "groth16";
  curve: "bn128";
}

/** The field that the coordinates of points lie in. */
const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

export function proofToJson({ a, b, c }: Proof): ProofJson {
  return {
    pi_a: [...a, 1n].map(String),
    pi_b: [[...b[0]].map(String), [...b[1]].map(String), ["1", "0"]],
    pi_c: [...c, 1n].map(String),
    protocol: "groth16",
    curve: "bn128",
  };
}

/**
 * Reads a proof in snarkjs's form. Whether the points lie on their curves is for the verifier to say.
 * @throws TacitError PROOF_FORMAT  when a part is missing, misshapen, or not a canonical coordinate
 */
export function proofFromJson(json: unknown): Proof {
  const proof = record(json, "proof");
  if (proof.protocol !== undefined && proof.protocol !== "groth16") throw malformed("protocol", '"groth16"');
  if (proof.curve !== undefined && proof.curve !== "bn128") throw malformed("curve", '"bn128"');
  const [bx, by, bz] = list(proof.pi_b, "pi_b", 3);
  const [z0, z1] = pair(bz, "pi_b[2]");
  if (z0 !== 1n || z1 !== 0n) throw malformed("pi_b[2]", "[1, 0]: a finite point in affine form");
  return { a: point(proof.pi_a, "pi_a"), b: [pair(bx, "pi_b[0]"), pair(by, "pi_b[1]")], c: point(proof.pi_c, "pi_c") };
}

function point(value: unknown, field: string): G1Point {
  const [x, y, z] = list(value, field, 3).map((part, index) => coordinate(part, `${field}[${index}]`));
  if (z !== 1n) throw malformed(`${field}[2]`, "1: a finite point in affine form");
  return [x, y];
}

function pair(value: unknown, field: string): readonly [bigint, bigint] {
  const [real, imaginary] = list(value, field, 2).map((part, index) => coordinate(part, `${field}[${index}]`));
  return [real, imaginary];
}

function coordinate(value: unknown, field: string): bigint {
  if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,76})$/.test(value)) throw malformed(field, "a decimal string");
  const number = BigInt(value);
  if (number >= BASE_FIELD) throw malformed(field, "a coordinate below the modulus of the base field");
  return number;
}

function list(value: unknown, field: string, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(field, `a list of ${length}`);
  return value;
}

function record(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(field, "an object");
  return value as Record<string, unknown>;
}

function malformed(field: string, expected: string): TacitError<"PROOF_FORMAT"> {
  return new TacitError("PROOF_FORMAT", `${field} of a proof is malformed: expected ${expected}`, { field, expected });
}
