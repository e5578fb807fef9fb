import { ensurePackage } from "../scripts/package/index.ts";
import { buildAll } from "../src/setup/build.ts";
import { builtFixtures } from "./prover/fixtures.ts";

/**
 * What many tests use is brought up to date before any of them, once for all processes: dist/, where threads and kernels
 * are and the command, and the circuits of the demonstration.
 */
export async function mochaGlobalSetup(): Promise<void> {
  await ensurePackage();
  await builtFixtures("chain", "product", "shapes");
  await buildAll({ profile: "demo", publish: false });
}
