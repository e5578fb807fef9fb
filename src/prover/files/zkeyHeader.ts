import { badFile, dataView, section } from "../sections.ts";
import { BASE_FIELD, SCALAR_FIELD } from "../curve.ts";
import { FIELD_BYTES, POINT_BYTES, readInteger } from "./integers.ts";
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

const PROTOCOL = 1;
export const HEADER = 2;
const PROTOCOLS: Record<number, string> = { 1: "Groth16", 2: "PLONK", 10: "FFLONK" };
/** There are roots of unity of order 2^28, and the coset takes one of twice the order of the domain. */
const MAX_POWER = 27;

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

function anotherCurve(modulus: "q" | "r") {
  return badFile("zkey", `is of another curve: its ${modulus} is not that of bn254, which is expected`, HEADER);
}
