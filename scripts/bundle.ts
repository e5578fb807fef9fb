import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { KERNEL_FOLDER, ensureKernels } from "./kernels/index.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Bundles a module for browsers; fails on any Node built-in that is not imported on demand. */
async function bundle(entry: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    conditions: ["browser"],
    external: ["node:*"],
    target: "es2022",
    legalComments: "none",
    write: false,
  });
  return outputFiles[0].contents;
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/**
 * Writes the verifier as one ES module for browsers, build/verifier.js.
 * @returns its size in bytes, gzipped: what a page has to load
 */
export async function bundleVerifier(): Promise<number> {
  const bytes = await bundle("src/verifier/index.ts");
  await mkdir(join(ROOT, "build"), { recursive: true });
  await writeFile(join(ROOT, "build/verifier.js"), bytes);
  return gzipped(bytes);
}

/** Where `bundleProver` writes. */
export const PROVER_FOLDER = join(ROOT, "build/prover");
/** The thread, and its kernels: one of the two is fetched, and `rows` where constraints are checked. */
const PROVER_PARTS = ["worker.js", "fma.wasm", "scalar.wasm", "rows.wasm"];

/**
 * Writes the prover for browsers: the module prover.js, and beside it the thread and kernels that it fetches.
 * @returns bytes by file, gzipped
 */
export async function bundleProver(): Promise<Record<string, number>> {
  await ensureKernels();
  await mkdir(PROVER_FOLDER, { recursive: true });
  const main = await bundle("src/prover/index.ts");
  await writeFile(join(PROVER_FOLDER, "prover.js"), main);
  const sizes: Record<string, number> = { "prover.js": gzipped(main) };
  for (const name of PROVER_PARTS) {
    await copyFile(join(KERNEL_FOLDER, name), join(PROVER_FOLDER, name));
    sizes[name] = gzipped(await readFile(join(KERNEL_FOLDER, name)));
  }
  return sizes;
}
