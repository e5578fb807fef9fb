import { readFile } from "node:fs/promises";
import { DEVELOPMENT_KEY_VERSION, developmentKey } from "./keys/developmentKey.ts";
import { requireReplaceable } from "./keys/replaceable.ts";
import { stableJson } from "./keys/stableJson.ts";
import { builtFiles } from "./folders.ts";
import type { TaskResults } from "./messages.ts";
import { stampFile } from "./stamp.ts";
import { writeWhole } from "./writeWhole.ts";

/**
 * Makes the development key of a compiled circuit, whose .r1cs has this hash.
 * @throws TacitError KEY_NOT_DEVELOPMENT  another key is in its place
 */
export async function makeKey(
  folder: string,
  r1cs: string,
  onProgress: (fraction: number) => void,
): Promise<TaskResults["key"]> {
  const files = builtFiles(folder);
  const key = await developmentKey(await readFile(files.r1cs), onProgress);
  for (const path of [files.zkey, files.vkey]) await requireReplaceable(path);
  await writeWhole(files.zkey, key.zkey);
  await writeWhole(files.vkey, stableJson(key.verificationKey));
  return {
    version: DEVELOPMENT_KEY_VERSION,
    r1cs,
    domainPower: key.domainPower,
    files: { zkey: await stampFile(files.zkey), vkey: await stampFile(files.vkey) },
  };
}
