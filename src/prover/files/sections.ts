import { HEAD_BYTES, walkSections, type Extent, type Magic } from "../sections.ts";
import type { ByteSource } from "./source.ts";

/** Where each section of a file lies, by id. */
export type Directory = ReadonlyMap<number, Extent>;

/**
 * Finds the sections of a file by reading their heads alone.
 * @throws TacitError FILE_FORMAT (what walkSections refuses), and what the source throws
 */
export async function readDirectory(source: ByteSource, magic: Magic): Promise<Directory> {
  const walk = walkSections(magic, source.size);
  let step = walk.next();
  while (!step.done) step = walk.next(await source.read(step.value, HEAD_BYTES));
  return step.value;
}
