import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { BUILD } from "../../src/setup/folders.ts";
import { DIST, ensurePackage } from "./index.ts";

/** Where bundles for browsers are written. */
export const BUNDLES = join(BUILD, "bundles");
/** The thread is a script of its own; of the kernels a page fetches one of the two, and `rows` to check constraints. */
const PROVER = ["prover/index.js", "prover/proverThread.browser.js"];
const KERNELS = ["fma.wasm", "scalar.wasm", "rows.wasm"];

/** Bundles modules of dist/ for browsers, as whoever embeds them would; fails on any Node built-in. */
export async function bundle(entries: readonly string[], folder: string): Promise<Record<string, number>> {
  await ensurePackage();
  await mkdir(folder, { recursive: true });
  const { outputFiles } = await build({
    entryPoints: entries.map((entry) => join(DIST, entry)),
    outdir: folder,
    entryNames: "[dir]/[name]",
    outbase: DIST,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    write: false,
  });
  const sizes: Record<string, number> = {};
  for (const [at, { contents }] of outputFiles.entries()) {
    const name = basename(entries[at]) === "index.js" ? `${entries[at].split("/")[0]}.js` : basename(entries[at]);
    await writeFile(join(folder, name), contents);
    sizes[name] = gzipped(contents);
  }
  return sizes;
}

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/**
 * Writes the verifier as one ES module for browsers, verifier.js.
 * @returns its size in bytes, gzipped: what a page has to load
 */
export async function bundleVerifier(): Promise<number> {
  return (await bundle(["verifier/index.js"], BUNDLES))["verifier.js"];
}

/**
 * Writes the prover for browsers: the module prover.js, and beside it the thread and kernels that it fetches.
 * @returns bytes by file, gzipped
 */
export async function bundleProver(): Promise<Record<string, number>> {
  const sizes = await bundle(PROVER, BUNDLES);
  for (const name of KERNELS) {
    await copyFile(join(DIST, "prover", name), join(BUNDLES, name));
    sizes[name] = gzipped(await readFile(join(BUNDLES, name)));
  }
  return sizes;
}
