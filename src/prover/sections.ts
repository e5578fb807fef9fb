import { TacitError } from "../protocol/errors.ts";

/**
 * The container of .r1cs, .zkey and .wtns files: four letters, version and number of sections (u32 each, little
 * endian), then each section as id (u32), length (u64) and bytes.
 */
export type Sections = ReadonlyMap<number, Uint8Array>;

/** The sections of a file by id, as views on its bytes. */
export function readSections(bytes: Uint8Array, magic: string): Sections {
  const view = dataView(bytes);
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(0, 4)) !== magic)
    throw badFile(magic, "the file does not begin as such a file does");
  const count = view.getUint32(8, true);
  const sections = new Map<number, Uint8Array>();
  let at = 12;
  for (let i = 0; i < count; i++) {
    if (at + 12 > bytes.length) throw badFile(magic, "the file ends within a section's head");
    const id = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true) + view.getUint32(at + 8, true) * 2 ** 32;
    at += 12;
    if (at + length > bytes.length) throw badFile(magic, `the file ends within section ${id}`);
    if (sections.has(id)) throw badFile(magic, `section ${id} occurs twice`);
    sections.set(id, bytes.subarray(at, at + length));
    at += length;
  }
  return sections;
}

export function section(sections: Sections, id: number, magic: string): Uint8Array {
  const found = sections.get(id);
  if (!found) throw badFile(magic, `section ${id} is missing`);
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

export function badFile(magic: string, problem: string): TacitError<"FILE_FORMAT"> {
  return new TacitError("FILE_FORMAT", `not a sound .${magic} file: ${problem}`, { format: magic.trim(), problem });
}
