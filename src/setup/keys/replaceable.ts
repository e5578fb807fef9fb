import { open, readFile } from "node:fs/promises";
import { TacitError } from "../../protocol/errors.ts";
import { POINT_BYTES } from "../../prover/files/integers.ts";
import { decodeG1 } from "../../prover/files/points.ts";
import { readDirectory } from "../../prover/files/sections.ts";
import { openSource } from "../../prover/files/source.ts";
import { readKeyHeader } from "../../prover/files/zkeyHeader.ts";
import { DEVELOPMENT_ALPHA_X } from "../../verifier/index.ts";

const MAGIC = "zkey";
/** Bytes that any proving key has, in whatever spelling: its points. */
const LEAST = 256;

/**
 * Refuses where a build would put a development key into the place of another: that may be a ceremony's, and the only copy.
 * Only what is empty or too short for a key may go beside: what this cannot read may be a key all the same.
 * @param path  of a proving key (.zkey) or a verification key (.json)
 * @throws TacitError KEY_NOT_DEVELOPMENT naming the file
 */
export async function requireReplaceable(path: string): Promise<void> {
  const development = path.endsWith(".zkey") ? await isDevelopmentZkey(path) : await isDevelopmentVkey(path);
  if (development ?? true) return;
  throw new TacitError(
    "KEY_NOT_DEVELOPMENT",
    `${path} is no development key, and is not replaced by one: expected none there, or one that tacit build made`,
    { path },
  );
}

/**
 * Whether a verification key is a development key, whatever the manifest claims; undefined where there is none. What cannot
 * be read counts as another.
 */
export async function isDevelopmentVkey(path: string): Promise<boolean | undefined> {
  const text = await read(() => readFile(path, "utf8"));
  if (!text) return undefined;
  try {
    const key = JSON.parse(text) as { vk_alpha_1?: string[] };
    if (Object.keys(key).length === 0) return undefined;
    return key.vk_alpha_1?.[0] === String(DEVELOPMENT_ALPHA_X);
  } catch {
    return false;
  }
}

/** The same of a proving key: as much of it is read as shows its alpha. */
async function isDevelopmentZkey(path: string): Promise<boolean | undefined> {
  const magic = await read(async () => {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
      const found = buffer.toString("latin1", 0, bytesRead);
      return found !== MAGIC && (await file.stat()).size < LEAST ? undefined : found;
    } finally {
      await file.close();
    }
  });
  if (magic === undefined) return undefined;
  if (magic !== MAGIC) return false;
  const file = await openSource(path);
  try {
    const { pointBytes } = await readKeyHeader(file, await readDirectory(file, "zkey"));
    const alpha = decodeG1(pointBytes.subarray(0, POINT_BYTES.g1));
    return typeof alpha !== "string" && alpha[0] === DEVELOPMENT_ALPHA_X;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** What there is to read, or undefined where there is no file. */
async function read<Content>(content: () => Promise<Content>): Promise<Content | undefined> {
  try {
    return await content();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
