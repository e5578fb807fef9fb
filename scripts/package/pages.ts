import { builtinModules } from "node:module";
import { join } from "node:path";
import { build, type Plugin } from "vite";
import { ROOT } from "../../src/setup/folders.ts";

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

/** Writes the web pages, src/web, with all that they load. */
export async function buildPages(folder: string): Promise<void> {
  const source = join(ROOT, "src/web");
  await build({
    configFile: false,
    root: source,
    // Pages find each other and their scripts wherever they are put.
    base: "./",
    publicDir: false,
    logLevel: "warn",
    plugins: [refuseNode()],
    resolve: { conditions: ["tacit-source", "module", "browser"] },
    worker: { format: "es", plugins: () => [refuseNode()] },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "es2022",
      // The policy of the pages lets scripts and styles come from files alone.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rollupOptions: { input: ["index", "trade", "verify", "watch"].map((name) => join(source, `${name}.html`)) },
    },
  });
}
