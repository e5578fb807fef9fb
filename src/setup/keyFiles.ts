import { KEYS } from "./build.ts";
import { verificationKeyPath } from "./keys/manifest.ts";
import {
  INSTRUCTION_NAMES,
  type CircuitName,
  type InstructionName,
  type ProfileName,
} from "../protocol/instructions.ts";
import { prepareKeys, type VerifyingKeys } from "../verifier/index.ts";
import { readJson } from "./readJson.ts";

/**
 * The verification keys of a profile, from the folder of keys.
 * @throws TacitError FILE, JSON, or one of parseKey's codes
 */
export async function readKeys(profile: ProfileName, keys: string = KEYS): Promise<VerifyingKeys> {
  return prepareKeys(await readKeyFiles(profile, keys));
}

/** The same as JSON, by instruction. @throws TacitError FILE, JSON */
export async function readKeyFiles(
  profile: ProfileName,
  keys: string = KEYS,
): Promise<Record<InstructionName, unknown>> {
  const files: Record<string, unknown> = {};
  for (const name of INSTRUCTION_NAMES) files[name] = await readKeyFile(profile, name, keys);
  return files as Record<InstructionName, unknown>;
}

/** That of one circuit. @throws TacitError FILE, JSON */
export function readKeyFile(profile: ProfileName, name: CircuitName, keys: string = KEYS): Promise<unknown> {
  const missing = `run \`tacit build --profile ${profile}\` to make it`;
  return readJson(verificationKeyPath(profile, name, keys), { missing });
}
