import { TacitError } from "../protocol/errors.ts";

/**
 * The container of .r1cs, .zkey and .wtns files: four letters, version and number of sections (u32 each, little
 * endian), then each section as id (u32), length (u64) and bytes.
 */
export type Sections = ReadonlyMap<number, Uint8Array>;

/** Where the bytes of a section lie in its file. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** The version of each format that there is. */
const VERSIONS = { r1cs: 1, zkey: 1, wtns: 2 } as const;
export type Magic = keyof typeof VERSIONS;

/** Bytes of the file's head, and of each section's head. */
export const HEAD_BYTES = 12;
/** No format has as many; keeps a file of nothing but heads from costing a read for each. */
const MAX_SECTIONS = 64;

/** The sections of a file by id, as views on its bytes. */
export function readSections(bytes: Uint8Array, magic: Magic): Sections {
  const walk = walkSections(magic, bytes.length);
  let step = walk.next();
  while (!step.done) step = walk.next(bytes.subarray(step.value, step.value + HEAD_BYTES));
  return new Map([...step.value].map(([id, { offset, length }]) => [id, bytes.subarray(offset, offset + length)]));
}

/**
 * The rules of the container, for bytes at hand and for files that are read in parts: yields each offset at which it
 * wants the next HEAD_BYTES bytes, is given them, and returns where each section lies. They lie one after the other,
 * in any order, up to the end of the file.
 * @param size  of the file in bytes
 * @throws TacitError FILE_FORMAT
 */
export function* walkSections(magic: Magic, size: number): Generator<number, Map<number, Extent>, Uint8Array> {
  if (size < HEAD_BYTES) throw badFile(magic, `it has ${size} bytes, and its head alone has ${HEAD_BYTES}`);
  const head = yield 0;
  if (String.fromCharCode(...head.subarray(0, 4)) !== magic)
    throw badFile(magic, `it does not begin with the letters "${magic}"`);
  const [version, count] = [4, 8].map((at) => dataView(head).getUint32(at, true));
  if (version !== VERSIONS[magic]) throw badFile(magic, `it has version ${version}, expected ${VERSIONS[magic]}`);
  if (count > MAX_SECTIONS) throw badFile(magic, `it claims ${count} sections, expected at most ${MAX_SECTIONS}`);
  const sections = new Map<number, Extent>();
  let at = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + HEAD_BYTES > size) throw badFile(magic, `it ends within the head of its section number ${i + 1}`);
    const view = dataView(yield at);
    const id = view.getUint32(0, true);
    const length = view.getUint32(4, true) + view.getUint32(8, true) * 2 ** 32;
    at += HEAD_BYTES;
    if (length > size - at) throw badFile(magic, `claims ${length} bytes, of which the file has ${size - at}`, id);
    if (sections.has(id)) throw badFile(magic, "occurs twice", id);
    sections.set(id, { offset: at, length });
    at += length;
  }
  if (at !== size) throw badFile(magic, `${size - at} bytes follow its last section`);
  return sections;
}

export function section<Found>(sections: ReadonlyMap<number, Found>, id: number, magic: string): Found {
  const found = sections.get(id);
  if (!found) throw badFile(magic, "is missing", id);
  return found;
}

/** A whole file of these sections, in this order. */
export function writeSections(magic: string, version: number, sections: [id: number, bytes: Uint8Array][]): Uint8Array {
  const file = new Uint8Array(12 + sections.reduce((sum, [, bytes]) => sum + 12 + bytes.length, 0));
  const view = dataView(file);
  file.set(new TextEncoder().encode(magic), 0);
  view.setUint32(4, version, true);
  view.setUint32(8, sections.length, true);
  let at = 12;
  for (const [id, bytes] of sections) {
    view.setUint32(at, id, true);
    view.setBigUint64(at + 4, BigInt(bytes.length), true);
    file.set(bytes, at + 12);
    at += 12 + bytes.length;
  }
  return file;
}

export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @param problem  a sentence; its subject is the section, if one is named */
export function badFile(magic: string, problem: string, section?: number): TacitError<"FILE_FORMAT"> {
  const where = section === undefined ? "" : `section ${section} `;
  return new TacitError("FILE_FORMAT", `not a sound .${magic} file: ${where}${problem}`, {
    format: magic,
    ...(section === undefined ? {} : { section }),
    problem,
  });
}
