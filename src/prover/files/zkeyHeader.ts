import { bn254 } from "@noble/curves/bn254.js";
import type { G1Point } from "../../protocol/proof.ts";
import { badFile, dataView, section } from "../sections.ts";
import { FIELD_BYTES, readInteger } from "./integers.ts";
import { BASE_FIELD, POINT_BYTES, SCALAR_FIELD, decodeG1, decodeG2, inG1, inG2, type G2Point } from "./points.ts";
import type { Directory } from "./sections.ts";
import type { ByteSource } from "./source.ts";

export interface KeyHeader {
  readonly wires: number;
  readonly publicInputs: number;
  /** rows of the domain, 2^power */
  readonly domain: number;
  readonly power: number;
  /** six points in the order of KeyPoints, unchecked */
  readonly pointBytes: Uint8Array;
}

/** The points that a key has once, affine, in their order in the file. Those with 1 are of G1, those with 2 of G2. */
export interface KeyPoints {
  readonly alpha1: G1Point;
  readonly beta1: G1Point;
  readonly beta2: G2Point;
  readonly gamma2: G2Point;
  readonly delta1: G1Point;
  readonly delta2: G2Point;
}

const PROTOCOL = 1;
const HEADER = 2;
const PROTOCOLS: Record<number, string> = { 1: "Groth16", 2: "PLONK", 10: "FFLONK" };
/** The multiplicative group has roots of unity of this order, so no larger domain. */
const MAX_POWER = 28;

/** Where the fields of the header lie: modulus q after its size, modulus r after its size, three numbers, six points. */
const Q_AT = 4;
const R_AT = Q_AT + FIELD_BYTES + 4;
const NUMBERS_AT = R_AT + FIELD_BYTES;
const POINTS_AT = NUMBERS_AT + 12;
const HEADER_BYTES = POINTS_AT + 3 * POINT_BYTES.g1 + 3 * POINT_BYTES.g2;

/** Reads sections 1 and 2 of a key, and checks all but the points. @throws TacitError FILE_FORMAT */
export async function readKeyHeader(file: ByteSource, directory: Directory): Promise<KeyHeader> {
  const kind = section(directory, PROTOCOL, "zkey");
  if (kind.length !== 4) throw badFile("zkey", `has ${kind.length} bytes, expected 4`, PROTOCOL);
  const protocol = dataView(await file.read(kind.offset, 4)).getUint32(0, true);
  if (protocol !== 1)
    throw badFile("zkey", `names ${PROTOCOLS[protocol] ?? `protocol ${protocol}`}, expected Groth16`, PROTOCOL);

  const { offset, length } = section(directory, HEADER, "zkey");
  const bytes = await file.read(offset, Math.min(length, HEADER_BYTES));
  // The curve comes first: a key of another one has another length too.
  if (length < Q_AT) throw badFile("zkey", `has ${length} bytes, expected ${HEADER_BYTES}`, HEADER);
  const view = dataView(bytes);
  if (view.getUint32(0, true) !== FIELD_BYTES) throw anotherCurve("q");
  if (length !== HEADER_BYTES) throw badFile("zkey", `has ${length} bytes, expected ${HEADER_BYTES}`, HEADER);
  if (readInteger(bytes, Q_AT) !== BASE_FIELD) throw anotherCurve("q");
  if (view.getUint32(R_AT - 4, true) !== FIELD_BYTES || readInteger(bytes, R_AT) !== SCALAR_FIELD)
    throw anotherCurve("r");
  const [wires, publicInputs, domain] = [0, 4, 8].map((at) => view.getUint32(NUMBERS_AT + at, true));
  if (publicInputs >= wires)
    throw badFile(
      "zkey",
      `claims ${publicInputs} public inputs among ${wires} wires, of which one is constant`,
      HEADER,
    );
  const power = Math.log2(domain);
  if (!Number.isInteger(power) || power < 1 || power > MAX_POWER)
    throw badFile("zkey", `claims a domain of ${domain}, expected a power of two from 2 to 2^${MAX_POWER}`, HEADER);
  // Each public value, and the constant, has a row of its own.
  if (domain <= publicInputs)
    throw badFile("zkey", `claims a domain of ${domain}, too small for ${publicInputs} public inputs`, HEADER);
  return { wires, publicInputs, domain, power, pointBytes: bytes.subarray(POINTS_AT) };
}

/**
 * The points of a header, each finite, on its curve and in its subgroup. Refuses a key for which anybody can forge
 * proofs without any secret, and one whose proofs could not be valid. Takes some ten milliseconds.
 * @throws TacitError FILE_FORMAT
 */
export function readKeyPoints({ pointBytes }: KeyHeader): KeyPoints {
  const points = decodePoints(pointBytes);
  const delta = inG2(points.delta2);
  const untouched = delta.equals(inG2(points.gamma2)) ? "gamma" : delta.equals(bn254.G2.Point.BASE) && "the generator";
  if (untouched)
    throw badFile(
      "zkey",
      `has a delta equal to ${untouched}: nobody has contributed to this key, and such a key lets anyone forge proofs`,
      HEADER,
    );
  for (const name of ["beta", "delta"] as const)
    if (!sameSecret(points[`${name}1`], points[`${name}2`]))
      throw badFile("zkey", `is unsound: ${name}1 and ${name}2 belong to different secrets`, HEADER);
  return points;
}

function decodePoints(bytes: Uint8Array): KeyPoints {
  let at = 0;
  const take = <Point>(name: string, length: number, decode: (bytes: Uint8Array) => Point | string): Point => {
    const point = decode(bytes.subarray(at, at + length));
    at += length;
    if (typeof point === "string") throw badFile("zkey", `is unsound: ${name} ${point}`, HEADER);
    return point;
  };
  return {
    alpha1: take("alpha1", POINT_BYTES.g1, decodeG1),
    beta1: take("beta1", POINT_BYTES.g1, decodeG1),
    beta2: take("beta2", POINT_BYTES.g2, decodeG2),
    gamma2: take("gamma2", POINT_BYTES.g2, decodeG2),
    delta1: take("delta1", POINT_BYTES.g1, decodeG1),
    delta2: take("delta2", POINT_BYTES.g2, decodeG2),
  };
}

/** Whether both are the same multiple of the generators: e(one, G2) = e(G1, two). */
function sameSecret(one: G1Point, two: G2Point): boolean {
  const { G1, G2, fields } = bn254;
  const product = bn254.pairingBatch([
    { g1: inG1(one), g2: G2.Point.BASE },
    { g1: G1.Point.BASE.negate(), g2: inG2(two) },
  ]);
  return fields.Fp12.eql(product, fields.Fp12.ONE);
}

function anotherCurve(modulus: "q" | "r") {
  return badFile("zkey", `is of another curve: its ${modulus} is not that of bn254, which is expected`, HEADER);
}
