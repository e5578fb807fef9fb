import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../setup/writeWhole.ts";
import { openSecret, sealSecret } from "../../client/index.ts";
import { TacitError } from "../../protocol/errors.ts";
import { parseGenesis, type GenesisFile } from "../../protocol/genesis.ts";
import { DevelopmentFeeds, type DevelopmentFeedsOptions } from "../../feeds/developmentFeeds.ts";
import { asInteger, asObject, badFormat, toJson } from "../../protocol/json.ts";
import { PROFILES, type ProfileName } from "../../protocol/instructions.ts";
import { DEVELOPMENT_PRICE, developmentGenesis } from "../../venue/developmentGenesis.ts";
import { readJson } from "../../setup/readJson.ts";
import { passphrase } from "./passphrase.ts";

/** What a venue's folder holds beside its store: the genesis, and the operator's keys. */
export interface OperatorFiles {
  readonly genesisJson: unknown;
  readonly genesis: GenesisFile;
  /** of the operator key in the genesis, and of the signer of receipts: 32 bytes each */
  readonly secret: Uint8Array;
  readonly signer: Uint8Array;
  /** whether they were made just now */
  readonly fresh: boolean;
  /** whether the keys lie in the open */
  readonly unsealed: boolean;
  /** of the feeds that make up its prices; null where the venue has none of its own */
  readonly feeds: DevelopmentFeedsOptions | null;
}

/** Names of files in the folder. */
export const FILES = {
  genesis: "genesis.json",
  keys: "operator-keys.json",
  store: "venue.db",
  signed: "signed.db",
  feeds: "development-feeds.json",
} as const;

/**
 * Reads a venue's folder; makes a development venue where there is none.
 * @param passphrase   seals the keys; null leaves them in the open, for development
 * @param hasContract  a venue that is new has none
 */
export async function operatorFiles(
  folder: string,
  {
    passphrase,
    profile,
    interval,
    hasContract,
    seed,
    coSigners = [],
  }: {
    passphrase: string | null;
    profile: ProfileName;
    interval: number;
    hasContract: boolean;
    seed?: number;
    /** of a new venue */
    coSigners?: readonly string[];
  },
): Promise<OperatorFiles> {
  const [genesisPath, keysPath] = [join(folder, FILES.genesis), join(folder, FILES.keys)];
  const known = await readKeysFile(keysPath);
  if (known !== null) {
    const { secret, signer, unsealed } = await openKeys(known, passphrase);
    const genesisJson = await readJson(genesisPath);
    const genesis = parseGenesis(genesisJson);
    return { genesisJson, genesis, secret, signer, fresh: false, unsealed, feeds: await feedsFile(folder, genesis) };
  }
  // Made anew, they would be of another venue.
  for (const path of [join(folder, FILES.store), genesisPath])
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      throw new TacitError(
        "OTHER_VENUE",
        `there is a ${path} and no ${keysPath}: bring back the operator's keys, or name another folder by --data`,
        { path },
      );
  if (hasContract)
    throw new TacitError(
      "USAGE",
      `there is no venue in ${folder}, and a new one has no contract: start it without --contract, and deploy one of its genesis`,
    );
  const [secret, signer, insurance] = [0, 1, 2].map(() => new Uint8Array(randomBytes(32)));
  const domain = BigInt(`0x${randomBytes(31).toString("hex")}`);
  const time = BigInt(Math.floor(Date.now() / 1000));
  const made = {
    seed: seed ?? randomBytes(4).readUInt32BE(),
    feeds: PROFILES[profile].feeds,
    startPrice: DEVELOPMENT_PRICE,
    startTime: time,
  };
  const feeds = new DevelopmentFeeds(made).keys;
  const plain = developmentGenesis({ secret, insurance, domain, time, profile, interval, feeds });
  const genesisJson = coSigners.length > 0 ? { ...plain, coSigners } : plain;
  const keys = await keysText({ secret, signer, insurance }, passphrase);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    throw new TacitError("FILE", `${folder} cannot be made: ${error.message}`, { path: folder });
  });
  const text = toJson({ kind: FEEDS_KIND, version: 1, ...made }, 2) + "\n";
  await writeWhole(join(folder, FILES.feeds), text, { mode: 0o600 });
  await writeWhole(genesisPath, JSON.stringify(genesisJson, null, 2) + "\n");
  await writeNew(keysPath, keys, 0o600);
  const genesis = parseGenesis(genesisJson);
  return { genesisJson, genesis, secret, signer, fresh: true, unsealed: passphrase === null, feeds: made };
}

const FEEDS_KIND = "tacit-development-feeds";

/** @throws FORMAT, FILE */
async function feedsFile(folder: string, { profile }: GenesisFile): Promise<DevelopmentFeedsOptions | null> {
  const path = join(folder, FILES.feeds);
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (!there) return null;
  const json = asObject(FILES.feeds, await readJson(path));
  const wrong = (field: string, expected: string) => badFormat(`${FILES.feeds}: ${field}`, expected);
  if (json.kind !== FEEDS_KIND || json.version !== 1) throw wrong("kind", `${FEEDS_KIND}, version 1`);
  const { seed } = json;
  if (!Number.isSafeInteger(seed)) throw wrong("seed", "an integer");
  const startPrice = asInteger("startPrice", json.startPrice);
  const startTime = asInteger("startTime", json.startTime);
  return { seed: seed as number, feeds: PROFILES[profile].feeds, startPrice, startTime };
}

async function readKeysFile(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw new TacitError("FILE", `${path} cannot be read: ${error.message}`, { path });
  });
}

/** The operator's passphrase as far as it is given: nobody is asked. @throws FILE, PASSPHRASE when it is empty */
export async function operatorPassphrase(file: string | undefined): Promise<string | null> {
  if (file === undefined && process.env[VARIABLE] === undefined) return null;
  const words = await passphrase({ question: "", variable: VARIABLE, file });
  if (words === "")
    throw new TacitError("PASSPHRASE", "the operator's passphrase is empty: expected at least one character");
  return words;
}

/** `tacit operator seal`: seals keys that lie in the open. @returns the exit code */
export async function operatorSeal({ data, passphraseFile: file }: { data: string; passphraseFile?: string }) {
  const path = join(data, FILES.keys);
  const known = await readKeysFile(path);
  if (known === null)
    throw new TacitError("FILE", `${path} cannot be read: expected the folder of a venue in --data`, { path });
  const open = parseKeys(known);
  if (KEYS.some((name) => !isOpen(open[name])))
    throw new TacitError("SEALED", `${path} is sealed already: nothing was changed`, { path });
  const question = "Passphrase for the operator's keys: ";
  const words = await passphrase({ question, again: "The same again: ", variable: VARIABLE, file });
  const keys = Object.fromEntries(KEYS.map((name) => [name, bytesOf(open[name] as string)]));
  await writeWhole(path, await keysText(keys as Record<(typeof KEYS)[number], Uint8Array>, words), { mode: 0o600 });
  process.stdout.write(`${path}: sealed; what copies there are of it as it was lie in the open\n`);
  return 0;
}

const VARIABLE = "TACIT_OPERATOR_PASSPHRASE";
const KEYS = ["secret", "signer", "insurance"] as const;

async function keysText(keys: Record<(typeof KEYS)[number], Uint8Array>, passphrase: string | null): Promise<string> {
  const texts = await Promise.all(
    KEYS.map(async (name) => {
      const key = keys[name];
      const text =
        passphrase === null ? Buffer.from(key).toString("hex") : JSON.parse(await sealSecret(key, passphrase));
      return [name, text] as const;
    }),
  );
  return toJson({ kind: "tacit-operator-keys", version: 1, ...Object.fromEntries(texts) }, 2) + "\n";
}

/** @throws FORMAT */
function parseKeys(text: string): Record<string, unknown> {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text);
  } catch {
    json = {};
  }
  if (json?.kind !== "tacit-operator-keys" || json.version !== 1)
    throw new TacitError("FORMAT", `${FILES.keys} is wrong: expected keys of an operator, version 1`);
  return json;
}

function isOpen(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function bytesOf(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits, "hex"));
}

async function openKeys(text: string, passphrase: string | null) {
  const json = parseKeys(text);
  let unsealed = false;
  const open = async (name: (typeof KEYS)[number]) => {
    const value = json[name];
    if (isOpen(value)) {
      unsealed = true;
      return bytesOf(value);
    }
    if (passphrase === null)
      throw new TacitError(
        "PASSPHRASE",
        `${FILES.keys} is sealed: expected its passphrase in ${VARIABLE}, or --passphrase-file`,
      );
    return openSecret(JSON.stringify(value), passphrase).catch((error: unknown) => {
      if (!(error instanceof TacitError) || error.code !== "PASSPHRASE") throw error;
      const from = `the passphrase of --passphrase-file or ${VARIABLE}`;
      throw new TacitError("PASSPHRASE", `${FILES.keys} does not open with ${from}`);
    });
  };
  return { secret: await open("secret"), signer: await open("signer"), unsealed };
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { mode, flag: "wx" });
    await chmod(path, mode);
  } catch (error) {
    throw new TacitError("FILE", `${path} cannot be written: ${(error as Error).message}`, { path });
  }
}

/** Secret of the signer in a venue's folder. @throws FILE, FORMAT, PASSPHRASE */
export async function signerSecret(folder: string, passphraseFile: string | undefined): Promise<Uint8Array> {
  const path = join(folder, FILES.keys);
  const known = await readKeysFile(path);
  if (known === null) throw new TacitError("FILE", `there is no ${path}: expected the folder of a venue`, { path });
  return (await openKeys(known, await operatorPassphrase(passphraseFile))).signer;
}
