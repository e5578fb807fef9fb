/** How bytes reach the threads. */
import { openSource, type FileSource } from "./files/source.ts";
import type { SharedSource } from "./messages.ts";

/** In memory that the threads share, or in a copy for each. */
export type Sharing = "shared" | "separate";

/** A file is read by each thread, its part; all else once, here. */
export async function shareFile(source: FileSource, memory: Sharing, signal?: AbortSignal): Promise<SharedSource> {
  const file = await openSource(source, { signal });
  try {
    if (file.path !== undefined) return file.path;
    if (memory === "separate") return await file.read(0, file.size);
    const bytes = new Uint8Array(new SharedArrayBuffer(file.size));
    await file.readInto(0, bytes);
    return bytes;
  } finally {
    await file.close();
  }
}

export function shareBytes(bytes: Uint8Array, memory: Sharing): Uint8Array {
  if (memory === "separate" || bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
