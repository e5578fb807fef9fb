import { writeFile } from "node:fs/promises";
import { openSecret, sealSecret } from "../client/seal.ts";
import { TacitError } from "../protocol/errors.ts";
import { readJson } from "../setup/readJson.ts";
import { passphrase } from "./venue/passphrase.ts";

/** A file of one key: of a feed, a signer or a co-signer. */
export interface KeyFile {
  readonly kind: "tacit-feed-key" | "tacit-signer-key" | "tacit-cosigner-key";
  /** the command that makes one */
  readonly made: string;
  /** environment variable that may hold its passphrase */
  readonly variable: string;
}

interface From {
  readonly passphraseFile?: string;
}

/** @throws FORMAT, FILE, PASSPHRASE */
export async function readKeyFile(path: string, of: KeyFile, { passphraseFile: file }: From): Promise<Uint8Array> {
  const json = (await readJson(path)) as Record<string, unknown> | null;
  if (json?.kind !== of.kind || json.version !== 1)
    throw new TacitError("FORMAT", `${path} is wrong: expected a ${of.kind}, version 1, as \`${of.made}\` makes it`);
  const { secret } = json;
  if (typeof secret === "string" && /^[0-9a-f]{64}$/.test(secret)) return new Uint8Array(Buffer.from(secret, "hex"));
  const words = await passphrase({ question: `Passphrase of ${path}: `, variable: of.variable, file });
  return openSecret(JSON.stringify(secret), words);
}

/**
 * Writes a new file: sealed where a passphrase is given, else in the open.
 * @param told  of the key, beside it in the file
 * @returns whether it is sealed
 * @throws FILE  when there is one already; PASSPHRASE
 */
export async function writeKeyFile(
  path: string,
  of: KeyFile,
  { secret, told, passphraseFile: file }: From & { secret: Uint8Array; told: Readonly<Record<string, unknown>> },
): Promise<boolean> {
  const isSealed = file !== undefined || process.env[of.variable] !== undefined;
  const kept = isSealed
    ? JSON.parse(await sealSecret(secret, await passphrase({ question: "", variable: of.variable, file })))
    : Buffer.from(secret).toString("hex");
  try {
    const text = JSON.stringify({ kind: of.kind, version: 1, ...told, secret: kept }, null, 2);
    await writeFile(path, `${text}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? "there is one already" : message;
    throw new TacitError("FILE", `${path} cannot be written: ${why}`, { path });
  }
  return isSealed;
}
