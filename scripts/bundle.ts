import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * Writes the verifier as one ES module for browsers, build/verifier.js.
 * @returns its size in bytes, gzipped: what a page has to load
 */
export async function bundleVerifier(): Promise<number> {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    entryPoints: ["src/verifier/index.ts"],
    outfile: "build/verifier.js",
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    write: false,
  });
  await mkdir(new URL("../build/", import.meta.url), { recursive: true });
  await writeFile(outputFiles[0].path, outputFiles[0].contents);
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
