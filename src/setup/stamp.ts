import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "./writeWhole.ts";

/** What a build folder holds and from what it was made. It is written last, so what it names is complete. */
export interface Stamp {
  compiled: {
    sources: string;
    /** version of the compiler */
    circom: string;
    constraints: number;
    wires: number;
    publicInputs: number;
    files: Record<"r1cs" | "wasm" | "sym" | "inputs", FileStamp>;
  };
  key?: {
    version: number;
    /** sha256 of the .r1cs that the key belongs to */
    r1cs: string;
    domainPower: number;
    files: Record<"zkey" | "vkey", FileStamp>;
  };
}

/** As long as size and time of a file are unchanged, so is its content: it is not hashed again. */
export interface FileStamp {
  sha256: string;
  size: number;
  mtimeMs: number;
}

export async function readStamp(folder: string): Promise<Stamp | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, "stamp.json"), "utf8")) as Stamp;
  } catch {
    return undefined;
  }
}

export async function writeStamp(folder: string, stamp: Stamp): Promise<void> {
  await writeWhole(join(folder, "stamp.json"), `${JSON.stringify(stamp, null, 2)}\n`);
}

export async function stampFile(path: string): Promise<FileStamp> {
  const { size, mtimeMs } = await stat(path);
  return { sha256: await sha256File(path), size, mtimeMs };
}

/** The hash of a file as it is now, or undefined when there is none. */
export async function currentHash(path: string, stamp: FileStamp | undefined): Promise<string | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    if (stamp && size === stamp.size && mtimeMs === stamp.mtimeMs) return stamp.sha256;
    return await sha256File(path);
  } catch {
    return undefined;
  }
}

export async function unchanged(
  files: Record<string, FileStamp>,
  paths: { [name: string]: string } | object,
): Promise<boolean> {
  for (const [name, stamp] of Object.entries(files))
    if ((await currentHash((paths as Record<string, string>)[name], stamp)) !== stamp.sha256) return false;
  return true;
}

async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
