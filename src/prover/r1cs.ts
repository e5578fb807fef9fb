import { FIELD } from "../protocol/numbers.ts";
import { badFile, dataView, readSections, section } from "./sections.ts";

/** The constraints of a circuit, (A w) * (B w) = C w row by row. Wire 0 is one, then outputs, then public inputs. */
export interface R1cs {
  wires: number;
  outputs: number;
  publicInputs: number;
  privateInputs: number;
  constraints: number;
  a: SparseMatrix;
  b: SparseMatrix;
  c: SparseMatrix;
}

/** Rows in compressed form: entries `starts[row]` to `starts[row + 1]`, exclusive, belong to a row. */
export interface SparseMatrix {
  starts: Uint32Array;
  wires: Uint32Array;
  /** 32 bytes an entry, little endian, below the scalar field's modulus */
  coefficients: Uint8Array;
}

const BYTES = 32;

/** Reads the header alone: cheap, whatever the size of the circuit. */
export function readR1csHeader(bytes: Uint8Array): Omit<R1cs, "a" | "b" | "c"> {
  return header(section(readSections(bytes, "r1cs"), 1, "r1cs"));
}

/**
 * Reads a .r1cs file over bn254. Entries are bounded by the file, never by what it claims.
 * @throws TacitError FILE_FORMAT
 */
export function readR1cs(bytes: Uint8Array): R1cs {
  const { rows, entries, ...head } = readR1csRows(bytes);
  const view = dataView(rows);
  const [a, b, c] = entries.map((size) => ({
    starts: new Uint32Array(head.constraints + 1),
    wires: new Uint32Array(size),
    coefficients: new Uint8Array(size * BYTES),
  }));
  const next = [0, 0, 0];
  let at = 0;
  for (let row = 0; row < head.constraints; row++) {
    for (const [index, matrix] of [a, b, c].entries()) {
      const count = view.getUint32(at, true);
      at += 4;
      let entry = next[index];
      for (let i = 0; i < count; i++, entry++) {
        matrix.wires[entry] = view.getUint32(at, true);
        matrix.coefficients.set(rows.subarray(at + 4, at + 4 + BYTES), entry * BYTES);
        at += 4 + BYTES;
      }
      next[index] = entry;
      matrix.starts[row + 1] = entry;
    }
  }
  return { ...head, a, b, c };
}

/** The rows as the file has them: for A, B and C number of entries (u32), then each as wire (u32) and coefficient. */
export interface R1csRows extends Omit<R1cs, "a" | "b" | "c"> {
  rows: Uint8Array;
  /** in all rows of A, B and C */
  entries: [number, number, number];
}

/**
 * Reads the header of a .r1cs file over bn254, and makes sure that its rows end where they should and name wires that
 * exist.
 * @throws TacitError FILE_FORMAT
 */
export function readR1csRows(bytes: Uint8Array): R1csRows {
  const sections = readSections(bytes, "r1cs");
  const head = header(section(sections, 1, "r1cs"));
  if (sections.has(4) || sections.has(5)) throw badFile("r1cs", "custom gates are not supported");
  const rows = section(sections, 2, "r1cs");
  const view = dataView(rows);
  const entries: R1csRows["entries"] = [0, 0, 0];
  let at = 0;
  for (let row = 0; row < head.constraints; row++) {
    for (let matrix = 0; matrix < 3; matrix++) {
      if (at + 4 > rows.length) throw badFile("r1cs", `constraint ${row} is cut off`);
      const count = view.getUint32(at, true);
      const end = at + 4 + count * (4 + BYTES);
      if (end > rows.length) throw badFile("r1cs", `constraint ${row} is cut off`);
      for (at += 4; at < end; at += 4 + BYTES)
        if (view.getUint32(at, true) >= head.wires)
          throw badFile("r1cs", `constraint ${row} names a wire that does not exist`);
      entries[matrix] += count;
    }
  }
  if (at !== rows.length) throw badFile("r1cs", "the constraints do not fill their section");
  return { ...head, rows, entries };
}

function header(bytes: Uint8Array): Omit<R1cs, "a" | "b" | "c"> {
  const view = dataView(bytes);
  if (bytes.length !== 4 + BYTES + 28 || view.getUint32(0, true) !== BYTES)
    throw badFile("r1cs", "expected field elements of 32 bytes");
  let prime = 0n;
  for (let i = BYTES - 1; i >= 0; i--) prime = (prime << 8n) | BigInt(bytes[4 + i]);
  if (prime !== FIELD) throw badFile("r1cs", "expected the scalar field of bn254");
  const [wires, outputs, publicInputs, privateInputs] = [0, 4, 8, 12].map((at) => view.getUint32(4 + BYTES + at, true));
  // Eight bytes that number the labels lie between.
  const constraints = view.getUint32(4 + BYTES + 24, true);
  if (1 + outputs + publicInputs > wires) throw badFile("r1cs", "more public values than wires");
  return { wires, outputs, publicInputs, privateInputs, constraints };
}
