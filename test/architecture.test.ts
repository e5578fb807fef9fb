// Goal: dependencies point one way, and what an embedder or a browser loads stays small and free of the GPL.
// Method: read the import statements of every source file and every script.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

/** What each folder may import, besides itself. Nothing in src/ imports anything outside of it. */
const ALLOWED: Record<string, readonly string[]> = {
  protocol: [],
  matcher: ["protocol"],
  witness: ["protocol", "matcher"],
  prover: ["protocol"],
  verifier: ["protocol"],
  feeds: ["protocol"],
  client: ["protocol", "verifier", "feeds"],
  venue: ["protocol", "matcher", "witness", "prover", "verifier", "feeds"],
  web: ["protocol", "verifier", "client", "replay"],
  setup: ["protocol", "prover", "verifier", "venue"],
  replay: ["protocol", "matcher", "witness", "prover", "verifier", "setup", "feeds", "venue"],
  stress: ["protocol", "matcher", "feeds", "venue", "replay"],
  cli: [
    "protocol",
    "matcher",
    "witness",
    "prover",
    "verifier",
    "feeds",
    "client",
    "venue",
    "setup",
    "replay",
    "stress",
  ],
};
/** What runs in Node alone, of folders that browsers may load. */
const IN_NODE = [
  "src/cli/",
  "src/feeds/journal.ts",
  "src/feeds/jsonService.ts",
  "src/feeds/service.ts",
  "src/feeds/sources.ts",
  "src/prover/proverThread.ts",
  "src/prover/runtime.ts",
  "src/prover/startWorker.ts",
  "src/replay/lobster.ts",
  "src/replay/prove.ts",
  "src/setup/",
  "src/venue/coSigning/seal.ts",
  "src/venue/proving/jobs/",
  "src/venue/proving/proofThread.ts",
  "src/venue/service/",
  "src/venue/signing/signatureThread.ts",
  "src/venue/store/checkpointThread.ts",
  "src/venue/store/copyStore.ts",
  "src/venue/store/digest.ts",
  "src/venue/store/postgres/",
  "src/venue/store/sqliteFiles.ts",
  "src/venue/store/sqliteStore.ts",
  "src/venue/store/sqliteTables.ts",
  "src/venue/store/storeThread.ts",
  "src/venue/store/threadStore.ts",
  "src/venue/threads.ts",
];
const GPL = ["snarkjs", "circomlib", "circomlibjs", "circom2", "ffjavascript"];
/** What a venue, a client, a prover or a verifier does without. */
const DEVELOPMENT = ["wasmati", "tsx", "esbuild", "vite", "solc", "mocha"];

const sourcesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path));
const files = sourcesOf(SRC);

interface Import {
  specifier: string;
  /** gone once it is compiled */
  typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:(?:import|export)(\s+type\b)?[^;"()]*?from|import)\s*\(?\s*"([^"]+)"/g)].map(
    ([, type, specifier]) => ({ specifier, typeOnly: type !== undefined }),
  );
}

const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

describe("architecture", () => {
  for (const file of files) {
    const name = relative(ROOT, file);
    const folder = relative(SRC, file).split("/")[0];
    const imports = importsOf(file);
    const loaded = imports.filter(({ typeOnly }) => !typeOnly).map(({ specifier }) => specifier);
    it(`${name} imports only what its folder may`, () => {
      assert.ok(folder in ALLOWED, `src/${folder} has no row in this test`);
      for (const { specifier } of imports) {
        if (!specifier.startsWith(".")) continue;
        const target = relative(SRC, resolve(dirname(file), specifier));
        if (folder === "web" && /^\.\.\/keys\/.*\.json$/.test(target)) continue;
        assert.ok(!target.startsWith(".."), `${specifier} lies outside of src/`);
        const other = target.split("/")[0];
        assert.ok(other === folder || ALLOWED[folder].includes(other), `${specifier} points the wrong way`);
      }
    });
    it(`${name} is free of the GPL`, () => {
      for (const specifier of loaded) assert.ok(!GPL.includes(packageOf(specifier)), specifier);
    });
    if (!name.startsWith("src/prover/kernels/"))
      it(`${name} needs no tool of development`, () => {
        for (const specifier of loaded) {
          assert.ok(!DEVELOPMENT.includes(packageOf(specifier)), specifier);
          if (specifier.includes("kernels/")) assert.match(specifier, /kernels\/layout\.ts$/);
        }
      });
    if (IN_NODE.some((path) => name.startsWith(path))) continue;
    it(`${name} is free of Node`, () => {
      for (const specifier of loaded)
        assert.ok(!specifier.startsWith("node:") && !builtinModules.includes(specifier), specifier);
    });
  }
  for (const file of sourcesOf(join(ROOT, "scripts")))
    it(`${relative(ROOT, file)} imports nothing of the command`, () => {
      for (const { specifier } of importsOf(file)) {
        const target = relative(ROOT, resolve(dirname(file), specifier));
        assert.ok(!target.startsWith("src/cli"), specifier);
      }
    });
});
