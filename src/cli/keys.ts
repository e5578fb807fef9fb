import { checkManifest } from "../setup/build.ts";
import { readManifest } from "../setup/keys/manifest.ts";
import { TacitError } from "../protocol/errors.ts";
import type { ProfileName } from "../protocol/instructions.ts";
import { table, thousands } from "../setup/format.ts";
import { toJson } from "../protocol/json.ts";

/** `tacit keys`. @returns the exit code */
export async function keys(options: { profile?: ProfileName; check?: boolean; json?: boolean }): Promise<number> {
  const { profile, check, json } = options;
  if (check) {
    const checked = profile ?? "demo";
    await checkManifest(checked);
    const text = `profile ${checked}: manifest, committed keys and build agree\n`;
    process.stdout.write(json ? toJson({ ok: true, profile: checked }) + "\n" : text);
    return 0;
  }
  const manifest = await readManifest();
  const profiles = Object.entries(manifest).filter(([name]) => !profile || name === profile);
  if (profiles.length === 0)
    throw new TacitError(
      "NOT_BUILT",
      `keys/manifest.json has no keys of ${profile ?? "any profile"}: run \`tacit build\``,
    );
  if (json) {
    process.stdout.write(toJson(Object.fromEntries(profiles), 2) + "\n");
    return 0;
  }
  for (const [name, entries] of profiles) {
    const rows = Object.entries(entries).map(([instruction, entry]) => [
      instruction,
      thousands(entry.constraints),
      entry.r1cs.slice(0, 12),
      entry.zkey.slice(0, 12),
      entry.vkey.slice(0, 12),
      entry.development ? "development" : "ceremony",
    ]);
    const heading = [name, "constraints", "r1cs", "proving key", "verification key", "made by"];
    process.stdout.write(table([heading, ...rows]) + "\n");
  }
  if (profiles.some(([, entries]) => Object.values(entries).some(({ development }) => development)))
    process.stdout.write(
      "Development keys prove nothing to anyone: their secrets are known, so proofs can be forged.\n",
    );
  return 0;
}
