/**
 * The sections of Groth16 proving keys over bn254, in the .zkey files of snarkjs. Opening one reads and checks its header;
 * the large sections are read in the ranges that are asked for. Free of curve arithmetic: threads load it.
 */
import { outOfRange } from "../../protocol/errors.ts";
import { SCALAR_FIELD } from "../curve.ts";
import { badFile, dataView, section, type Extent } from "../sections.ts";
import { FIELD_BYTES, POINT_BYTES, belowCheck } from "./integers.ts";
import { readDirectory, type Directory } from "./sections.ts";
import { openSource, type ByteSource, type FileSource } from "./source.ts";
import { readKeyHeader, type KeyHeader } from "./zkeyHeader.ts";

/** Points by wire (a, b1, b2), by private wire (c), by row of the domain (h), by public value (ic); coefficients. */
export type KeySection = "ic" | "coefficients" | "a" | "b1" | "b2" | "c" | "h";

export interface KeySections {
  /** of the circuit, wire 0 being one */
  readonly wires: number;
  readonly publicInputs: number;
  /** rows of the domain, 2^power */
  readonly domain: number;
  readonly power: number;
  /** Where the entries of a section lie in the file: `length` bytes, `count` entries. */
  section(name: KeySection): Extent & { readonly count: number };
  /**
   * Entries `from` to `to`, exclusive; all, if not given. Points have 64 bytes (b2: 128), coefficients 44. Their
   * contents are unchecked.
   * @throws TacitError OUT_OF_RANGE, and what ByteSource.read throws
   */
  read(name: KeySection, from?: number, to?: number): Promise<Uint8Array>;
  /** As many entries from `from` on as fill the target. */
  readInto(name: KeySection, from: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of a coefficient: matrix (0 is A, 1 is B), row, wire (u32 each), and value * 2^512 mod r. */
export const COEFFICIENT_BYTES = 12 + FIELD_BYTES;
const COUNT_BYTES = 4;

interface SectionShape {
  id: number;
  /** bytes of an entry */
  entry: number;
  /** how many there are; undefined where the section says it itself */
  count?(header: KeyHeader): number;
}

const { g1, g2 } = POINT_BYTES;
const SHAPES: Record<KeySection, SectionShape> = {
  ic: { id: 3, entry: g1, count: ({ publicInputs }) => publicInputs + 1 },
  coefficients: { id: 4, entry: COEFFICIENT_BYTES },
  a: { id: 5, entry: g1, count: ({ wires }) => wires },
  b1: { id: 6, entry: g1, count: ({ wires }) => wires },
  b2: { id: 7, entry: g2, count: ({ wires }) => wires },
  c: { id: 8, entry: g1, count: ({ wires, publicInputs }) => wires - publicInputs - 1 },
  h: { id: 9, entry: g1, count: ({ domain }) => domain },
};
const NAMES = Object.keys(SHAPES) as KeySection[];

/**
 * Opens a key for its sections alone: checks the header but for its points, and that every section has the length that
 * the header calls for.
 * @throws TacitError FILE_FORMAT  `details.section` is the number of the section at fault, if it is one
 * @throws TacitError SOURCE, ABORTED
 */
export async function openKeySections(
  source: FileSource,
  options: { signal?: AbortSignal } = {},
): Promise<KeySections> {
  return (await openSections(source, options)).sections;
}

/** A key, opened, for those who go on to read its points. */
export async function openSections(source: FileSource, options: { signal?: AbortSignal }) {
  const file = await openSource(source, options);
  try {
    return await readSections(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readSections(file: ByteSource): Promise<{ sections: KeySections; header: KeyHeader }> {
  const directory = await readDirectory(file, "zkey");
  const header = await readKeyHeader(file, directory);
  const extents = {} as Record<KeySection, Extent & { count: number }>;
  for (const name of NAMES) extents[name] = await entries(file, directory, SHAPES[name], header);
  const { wires, publicInputs, domain, power } = header;
  const place = (name: KeySection, from: number, to: number) => {
    const { offset, count } = extents[name];
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && 0 <= from && from <= to && to <= count))
      throw outOfRange(`entries of ${name}`, `a range within [0, ${count}]`);
    const { entry } = SHAPES[name];
    return { offset: offset + from * entry, length: (to - from) * entry };
  };
  const sections: KeySections = {
    wires,
    publicInputs,
    domain,
    power,
    section: (name) => extents[name],
    async read(name, from = 0, to = extents[name].count) {
      const { offset, length } = place(name, from, to);
      return file.read(offset, length);
    },
    async readInto(name, from, target) {
      await file.readInto(place(name, from, from + target.length / SHAPES[name].entry).offset, target);
    },
    close: () => file.close(),
  };
  return { sections, header };
}

async function entries(file: ByteSource, directory: Directory, shape: SectionShape, header: KeyHeader) {
  const { id, entry } = shape;
  const { offset, length } = section(directory, id, "zkey");
  const head = shape.count ? 0 : COUNT_BYTES;
  if (length < head) throw badFile("zkey", `has ${length} bytes, and its count alone has ${head}`, id);
  const count = shape.count?.(header) ?? dataView(await file.read(offset, head)).getUint32(0, true);
  if (length !== head + count * entry)
    throw badFile("zkey", `has ${length} bytes, expected ${head + count * entry}: ${count} entries of ${entry}`, id);
  return { offset: offset + head, length: count * entry, count };
}

const isScalar = belowCheck(SCALAR_FIELD);

/**
 * Checks coefficients, as `read("coefficients", from, to)` returns them.
 * @param key    whose they are
 * @param first  the number of the first one, for messages
 * @throws TacitError FILE_FORMAT  a matrix that is neither A nor B, a row or wire that does not exist, or a value that
 *         is not below r
 */
export function checkCoefficients(
  bytes: Uint8Array,
  { wires, domain }: Pick<KeySections, "wires" | "domain">,
  first = 0,
): void {
  const view = dataView(bytes);
  const { id } = SHAPES.coefficients;
  if (bytes.length % COEFFICIENT_BYTES !== 0) throw badFile("zkey", "ends within a coefficient", id);
  for (let at = 0; at < bytes.length; at += COEFFICIENT_BYTES) {
    const [matrix, row, wire] = [view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
    if (matrix <= 1 && row < domain && wire < wires && isScalar(view, at + 12)) continue;
    const problem =
      matrix > 1
        ? `names matrix ${matrix}, expected 0 or 1`
        : row >= domain
          ? `names row ${row} of ${domain}`
          : wire >= wires
            ? `names wire ${wire} of ${wires}`
            : "has a value that is not below the modulus of the scalar field";
    throw badFile("zkey", `is unsound: its coefficient ${first + at / COEFFICIENT_BYTES} ${problem}`, id);
  }
}
