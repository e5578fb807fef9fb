import { TacitError } from "../../protocol/errors.ts";
import { SCALAR_FIELD } from "../curve.ts";
import { badFile, dataView, section } from "../sections.ts";
import { FIELD_BYTES, belowCheck, readInteger } from "./integers.ts";
import { readDirectory } from "./sections.ts";
import { openSource, type ByteSource, type FileSource } from "./source.ts";

export interface WitnessOptions {
  /** of the key, if it is known */
  wires?: number;
  signal?: AbortSignal;
}

const HEADER = 1;
const VALUES = 2;
const HEADER_BYTES = 4 + FIELD_BYTES + 4;
const isScalar = belowCheck(SCALAR_FIELD);

/**
 * Reads a witness over bn254, as wtnsFile of ../witness.ts writes it.
 * @returns all wires: 32 bytes each, little endian, below r, the first being 1. A view, if the source is bytes.
 * @throws TacitError FILE_FORMAT       `details.section` is the number of the section at fault; never names a value
 * @throws TacitError WITNESS_MISMATCH  it has not the number of wires that the key has
 * @throws TacitError SOURCE, ABORTED
 */
export async function readWitness(source: FileSource, { wires, signal }: WitnessOptions = {}): Promise<Uint8Array> {
  const file = await openSource(source, { signal });
  try {
    const { offset, count } = await locateValues(file);
    if (wires !== undefined && count !== wires)
      throw new TacitError("WITNESS_MISMATCH", `the witness has ${count} wires, and the key is for ${wires}`, {
        wires,
        count,
      });
    const values = await file.read(offset, count * FIELD_BYTES);
    checkValues(values);
    return values;
  } finally {
    await file.close();
  }
}

async function locateValues(file: ByteSource): Promise<{ offset: number; count: number }> {
  const directory = await readDirectory(file, "wtns");
  const head = section(directory, HEADER, "wtns");
  if (head.length < 4) throw badFile("wtns", `has ${head.length} bytes, expected ${HEADER_BYTES}`, HEADER);
  const bytes = await file.read(head.offset, Math.min(head.length, HEADER_BYTES));
  const view = dataView(bytes);
  if (view.getUint32(0, true) !== FIELD_BYTES)
    throw badFile("wtns", `claims values of ${view.getUint32(0, true)} bytes, expected ${FIELD_BYTES}`, HEADER);
  if (head.length !== HEADER_BYTES) throw badFile("wtns", `has ${head.length} bytes, expected ${HEADER_BYTES}`, HEADER);
  if (readInteger(bytes, 4) !== SCALAR_FIELD)
    throw badFile("wtns", "is of another field: its prime is not that of bn254, which is expected", HEADER);
  const count = view.getUint32(4 + FIELD_BYTES, true);
  if (count === 0) throw badFile("wtns", "claims no values, expected at least the constant one", HEADER);
  const { offset, length } = section(directory, VALUES, "wtns");
  if (length !== count * FIELD_BYTES)
    throw badFile("wtns", `has ${length} bytes, expected ${count * FIELD_BYTES}: ${count} values`, VALUES);
  return { offset, count };
}

/** @throws TacitError FILE_FORMAT  a value is not below the modulus, or the first is not 1 */
export function checkValues(values: Uint8Array): void {
  const view = dataView(values);
  for (let at = 0; at < values.length; at += FIELD_BYTES)
    if (!isScalar(view, at))
      throw badFile("wtns", `is unsound: value ${at / FIELD_BYTES} is not below the modulus`, VALUES);
  if (readInteger(values) !== 1n) throw badFile("wtns", "is unsound: value 0 is the constant, and not 1", VALUES);
}
