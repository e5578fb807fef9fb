import { mkdir, open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { threadId } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import { removedAtExit } from "./atExit.ts";

let written = 0;

/**
 * Writes a file so that whoever reads it sees the old one or the new one, never a part. Behind a link it is the file that
 * the link means; pipes and devices are written to as they are.
 * @param mode  of a new file
 * @throws TacitError OUTPUT  the path is a folder, or cannot be written
 */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  options: { mode?: number } = {},
): Promise<void> {
  const found = await kindOf(path);
  const target = found === "file" ? await realpath(path) : path;
  const partial = `${target}.${process.pid}-${threadId}-${written++}.partial`;
  const done = removedAtExit(partial);
  try {
    await mkdir(dirname(path), { recursive: true });
    if (found === "other") return await writeFile(path, content);
    const file = await open(partial, "wx", options.mode);
    try {
      await file.writeFile(content);
      // On disk before it has its name: a power cut leaves the old one or the new one.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw new TacitError("OUTPUT", `${path} cannot be written: ${(error as Error).message}`, { path });
  } finally {
    done();
  }
}

/** Whether files can be written to these paths, each its own, as far as can be seen. @throws TacitError OUTPUT */
export async function requireOutputs(...paths: string[]): Promise<void> {
  if (new Set(paths).size < paths.length)
    throw new TacitError("OUTPUT", `each output needs a path of its own: ${paths.join(", ")}`);
  for (const path of paths) {
    await kindOf(path);
    const folder = dirname(path);
    if (!(await stat(folder).catch(() => undefined))?.isDirectory())
      throw new TacitError("OUTPUT", `${path} cannot be written: there is no folder ${folder}`, { path });
  }
}

async function kindOf(path: string): Promise<"none" | "file" | "other"> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return "none";
  if (found.isDirectory()) throw new TacitError("OUTPUT", `${path} is a folder: expected a path for a file`, { path });
  return found.isFile() ? "file" : "other";
}
