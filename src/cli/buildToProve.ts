import type pino from "pino";
import { CIRCUIT_NAMES, type ProfileName } from "../protocol/instructions.ts";
import { buildAll, checkManifest } from "../setup/build.ts";
import { buildProgress } from "../setup/buildProgress.ts";
import { withProgress } from "../setup/progress.ts";

/**
 * Makes what is not built yet, some minutes the first time: a person sees a bar, a log gets its lines. Then circuits, proving
 * keys and verification keys are those of the manifest.
 * @throws TacitError MANIFEST_MISMATCH, and as buildAll does
 */
export async function buildToProve(
  profile: ProfileName,
  { build, keys }: { build?: string; keys?: string },
  log: pino.Logger,
): Promise<void> {
  // Keys of another folder are somebody's: nothing is written there.
  const options = { profile, build, keys, ...(keys !== undefined && { publish: false }) };
  if (process.stderr.isTTY) {
    await withProgress(`build ${profile}`, (progress) =>
      buildAll({ ...options, onProgress: buildProgress(progress, CIRCUIT_NAMES) }),
    );
    return checkManifest(profile, { build, keys });
  }
  let told = false;
  await buildAll({
    ...options,
    onProgress({ name, step }) {
      if (told || step === "done") return;
      told = true;
      log.info({ profile, first: name }, "building circuits and keys: some minutes");
    },
  });
  await checkManifest(profile, { build, keys });
}
