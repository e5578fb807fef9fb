/**
 * keys/manifest.json: which circuit each key belongs to, by profile and instruction. It is the home of this fact; the
 * build writes it for development keys, and refuses to replace the entry of a key that a ceremony made.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TacitError } from "../../protocol/errors.ts";
import { CIRCUIT_NAMES, type CircuitName, type ProfileName } from "../../protocol/instructions.ts";
import { BUILD, KEYS, builtFiles, circuitFolder } from "../folders.ts";
import { currentHash, readStamp, type Stamp } from "../stamp.ts";
import { readJson } from "../readJson.ts";
import { writeWhole } from "../writeWhole.ts";
import { isDevelopmentVkey, requireReplaceable } from "./replaceable.ts";
import { stableJson } from "./stableJson.ts";

export interface ManifestEntry {
  constraints: number;
  /** the key's secrets are public: whoever wants can forge proofs for it */
  development: boolean;
  /** the rows of the circuit fill a domain of 2 to this power */
  domainPower: number;
  publicInputs: number;
  /** sha256 of the .r1cs, the .zkey and the verification key's file, in hex */
  r1cs: string;
  vkey: string;
  wires: number;
  zkey: string;
}
export type Manifest = { [profile: string]: { [name: string]: ManifestEntry } };

export interface Difference {
  name: string;
  field: keyof ManifestEntry | "entry" | "build";
  expected: unknown;
  actual: unknown;
}

/** @throws TacitError FILE, JSON */
export async function readManifest(keys: string = KEYS): Promise<Manifest> {
  try {
    return (await readJson(join(keys, "manifest.json"))) as Manifest;
  } catch (error) {
    // One that is there and cannot be read must not be taken for none, and written anew.
    if (error instanceof TacitError && error.details.code === "ENOENT") return {};
    throw error;
  }
}

/** Path of a committed verification key. */
export function verificationKeyPath(profile: string, name: string, keys: string = KEYS): string {
  return join(keys, profile, `${name}.json`);
}

/** Constraints by circuit, as far as they were built before. */
export async function expectedConstraints(profile: string, keys: string): Promise<Map<string, number>> {
  const entries = Object.entries((await readManifest(keys))[profile] ?? {});
  return new Map(entries.map(([name, { constraints }]) => [name, constraints]));
}

/** Of a profile, the entries of keys that a ceremony made, by instruction. */
export async function ceremonyEntries(profile: string, keys: string): Promise<Map<string, ManifestEntry>> {
  const entries = Object.entries((await readManifest(keys))[profile] ?? {});
  return new Map(entries.filter(([, { development }]) => !development));
}

/**
 * Whether `publishKeys` may write the keys of these instructions, as far as can be told before they are built.
 * @throws TacitError KEY_NOT_DEVELOPMENT  where a key would be replaced that the manifest does not call a ceremony's
 */
export async function requirePublishable(profile: string, names: readonly string[], keys: string): Promise<void> {
  const kept = await ceremonyEntries(profile, keys);
  for (const name of names) if (!kept.has(name)) await requireReplaceable(verificationKeyPath(profile, name, keys));
}

/**
 * Writes verification keys and manifest entries of built circuits to keys/. Those of a ceremony's keys are left alone.
 * @throws TacitError MANIFEST_MISMATCH  when a circuit with a ceremony's key has changed
 * @throws TacitError KEY_NOT_DEVELOPMENT  as requirePublishable; then nothing was written
 */
export async function publishKeys(
  profile: string,
  built: readonly { name: string; folder: string; stamp: Required<Stamp> }[],
  keys: string = KEYS,
): Promise<void> {
  const manifest = await readManifest(keys);
  const entries = (manifest[profile] ??= {});
  const differences: Difference[] = [];
  await requirePublishable(
    profile,
    built.map(({ name }) => name),
    keys,
  );
  for (const { name, folder, stamp } of built) {
    const entry = entryOf(stamp);
    const old = entries[name];
    if (old && !old.development) {
      if (old.r1cs !== entry.r1cs) differences.push({ name, field: "r1cs", expected: old.r1cs, actual: entry.r1cs });
      continue;
    }
    entries[name] = entry;
    await writeIfChanged(verificationKeyPath(profile, name, keys), await readFile(builtFiles(folder).vkey, "utf8"));
  }
  if (differences.length > 0) throw mismatch(profile, differences);
  await writeIfChanged(join(keys, "manifest.json"), stableJson(sorted(manifest)));
}

/**
 * Compares the circuits that were built, and their development keys, with the manifest.
 * @throws TacitError MANIFEST_MISMATCH
 */
export async function compareKeys(
  profile: string,
  built: readonly { name: string; stamp: Required<Stamp> }[],
  keys: string = KEYS,
): Promise<void> {
  const entries = (await readManifest(keys))[profile] ?? {};
  const differences = built.flatMap(({ name, stamp }): Difference[] => {
    const { r1cs, vkey } = entryOf(stamp);
    const expected = entries[name];
    if (!expected) return [{ name, field: "entry", expected: "an entry", actual: undefined }];
    if (expected.r1cs !== r1cs) return [{ name, field: "r1cs", expected: expected.r1cs, actual: r1cs }];
    // Of a ceremony's key another is here: that one is brought along by who has it.
    if (expected.development && expected.vkey !== vkey)
      return [{ name, field: "vkey", expected: expected.vkey, actual: vkey }];
    return [];
  });
  if (differences.length > 0) throw mismatch(profile, differences);
}

/**
 * Compares what was built, and the committed verification keys, with the manifest.
 * @throws TacitError NOT_BUILT  when there is nothing to compare
 * @throws TacitError MANIFEST_MISMATCH  `details.differences` lists each field that differs
 */
export async function checkManifest(
  profile: ProfileName,
  {
    names = CIRCUIT_NAMES,
    build = BUILD,
    keys = KEYS,
  }: { names?: readonly CircuitName[]; build?: string; keys?: string } = {},
): Promise<void> {
  const entries = (await readManifest(keys))[profile] ?? {};
  const differences: Difference[] = [];
  const stamps = new Map<string, Stamp | undefined>();
  for (const name of names) stamps.set(name, await readStamp(circuitFolder(profile, name, build)));
  if (names.every((name) => !stamps.get(name)))
    throw new TacitError(
      "NOT_BUILT",
      `nothing of profile ${profile} is built in ${build}: run \`tacit build --profile ${profile}\``,
    );
  for (const name of names) {
    const expected = entries[name];
    const folder = circuitFolder(profile, name, build);
    const stamp = stamps.get(name);
    if (!expected) differences.push({ name, field: "entry", expected: "an entry", actual: undefined });
    if (!stamp?.key) differences.push({ name, field: "build", expected: "a finished build", actual: undefined });
    if (!expected || !stamp?.key) continue;
    const files = builtFiles(folder);
    const { constraints, wires, publicInputs, domainPower } = entryOf(stamp as Required<Stamp>);
    const vkey = verificationKeyPath(profile, name, keys);
    const actual: Partial<ManifestEntry> = {
      constraints,
      development: await isDevelopmentVkey(vkey),
      domainPower,
      publicInputs,
      r1cs: await currentHash(files.r1cs, stamp.compiled.files.r1cs),
      vkey: await currentHash(vkey, undefined),
      wires,
      zkey: await currentHash(files.zkey, stamp.key.files.zkey),
    };
    for (const [field, value] of Object.entries(actual) as [keyof ManifestEntry, unknown][])
      if (expected[field] !== value) differences.push({ name, field, expected: expected[field], actual: value });
  }
  if (differences.length > 0) throw mismatch(profile, differences);
}

function entryOf({ compiled, key }: Required<Stamp>): ManifestEntry {
  const { constraints, wires, publicInputs } = compiled;
  const [r1cs, vkey, zkey] = [compiled.files.r1cs, key.files.vkey, key.files.zkey].map(({ sha256 }) => sha256);
  return { constraints, development: true, domainPower: key.domainPower, publicInputs, r1cs, vkey, wires, zkey };
}

function mismatch(profile: string, differences: Difference[]): TacitError<"MANIFEST_MISMATCH"> {
  const list = differences.map(({ name, field }) => `${name} (${field})`).join(", ");
  return new TacitError("MANIFEST_MISMATCH", `profile ${profile} differs from keys/manifest.json: ${list}`, {
    profile,
    differences,
  });
}

async function writeIfChanged(path: string, content: string): Promise<void> {
  const old = await readFile(path, "utf8").catch(() => undefined);
  if (old !== content) await writeWhole(path, content);
}

/** Keys of all objects in alphabetical order. */
function sorted<T>(value: T): T {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)])) as T;
}
