import { readFile, readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { writeWhole } from "../build/writeWhole.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COMMAND_FOLDER = join(ROOT, "build/cli");

/**
 * Writes the command as plain JavaScript, build/cli/main.js and its parts: it starts three times as fast as from the sources
 * through a loader, which bin/tacit.js falls back to where these are younger. Packages stay outside.
 */
export async function buildCommand(): Promise<void> {
  const { build } = await import("esbuild");
  const before = await readdir(COMMAND_FOLDER).catch(() => []);
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/cli/main.ts"],
    outdir: COMMAND_FOLDER,
    entryNames: "[name]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    plugins: [ownAddresses],
    logLevel: "error",
  });
  const written = outputFiles.map(({ path }) => path);
  // The entry comes last: it names the others.
  for (const { path, contents } of outputFiles.toSorted((a) => (a.path.endsWith("main.js") ? 1 : -1)))
    await writeWhole(path, contents);
  for (const name of before)
    if (!written.includes(join(COMMAND_FOLDER, name))) await rm(join(COMMAND_FOLDER, name), { force: true });
}

/** A source finds files by its own address, which a bundle would lose: it gets the one that it had. */
const ownAddresses: Plugin = {
  name: "own addresses",
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const address = `new URL(${JSON.stringify(relative(COMMAND_FOLDER, path))}, import.meta.url).href`;
      return { loader: "ts", contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", address) };
    });
  },
};
