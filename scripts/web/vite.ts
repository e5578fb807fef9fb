import { readdir, readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where `buildPages` writes. */
export const PAGES_FOLDER = join(ROOT, "build/web");

/** Modules of Node would be replaced by empty ones: better no page than one that fails when it is used. */
function refuseNode(): Plugin {
  return {
    name: "refuse-node",
    enforce: "pre",
    resolveId(source, importer) {
      if (source.startsWith("node:") || builtinModules.includes(source))
        this.error(`${importer} imports ${source}, which browsers do not have`);
      return null;
    },
  };
}

/**
 * Writes the web pages, src/web, with all that they load.
 * @returns bytes by file, gzipped
 */
export async function buildPages(): Promise<Record<string, number>> {
  const source = join(ROOT, "src/web");
  await build({
    configFile: false,
    root: source,
    // Pages find each other and their scripts wherever they are put.
    base: "./",
    publicDir: false,
    logLevel: "warn",
    plugins: [refuseNode()],
    worker: { format: "es", plugins: () => [refuseNode()] },
    build: {
      outDir: PAGES_FOLDER,
      emptyOutDir: true,
      target: "es2022",
      // The policy of the pages lets scripts and styles come from files alone.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rollupOptions: { input: ["index", "verify", "watch"].map((name) => join(source, `${name}.html`)) },
    },
  });
  const files = (await readdir(PAGES_FOLDER, { recursive: true, withFileTypes: true })).filter((it) => it.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const sizes = paths.map(async (path) => {
    const bytes = gzipSync(await readFile(path), { level: 9 }).length;
    return [path.slice(PAGES_FOLDER.length + 1), bytes] as const;
  });
  return Object.fromEntries(await Promise.all(sizes));
}
