// Goal: dependencies point one way, and what an embedder or a browser loads stays small and free of the GPL.
// Method: read the import statements of every source file.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

/** What each folder may import, besides itself. */
const ALLOWED: Record<string, readonly string[]> = {
  protocol: [],
  matcher: ["protocol"],
  witness: ["protocol", "matcher"],
  prover: ["protocol"],
  verifier: ["protocol"],
  client: ["protocol", "verifier"],
  venue: ["protocol", "matcher", "witness", "prover", "verifier"],
  web: ["protocol", "verifier", "client"],
  cli: ["protocol", "matcher", "witness", "prover", "verifier", "client", "venue"],
};
/** What of a folder that browsers may load runs in Node alone. */
const IN_NODE = [
  "checkpointThread.ts",
  "sqliteStore.ts",
  "storeThread.ts",
  "threadStore.ts",
  "threads.ts",
  "proofThread.ts",
  "signatureThread.ts",
  "signer.ts",
  "service/",
].map((path) => `src/venue/${path}`);
const GPL = ["snarkjs", "circomlib", "circomlibjs", "circom2", "ffjavascript"];

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => join(SRC, path));

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier]) => specifier);
}

describe("architecture", () => {
  for (const file of files) {
    const name = relative(ROOT, file);
    const folder = relative(SRC, file).split("/")[0];
    it(`${name} imports only what its folder may`, () => {
      assert.ok(folder in ALLOWED, `src/${folder} has no row in this test`);
      for (const specifier of importsOf(file)) {
        if (!specifier.startsWith(".")) continue;
        const target = relative(SRC, resolve(dirname(file), specifier));
        if (folder === "web" && /^\.\.\/keys\/.*\.json$/.test(target)) continue;
        if (target.startsWith("..")) {
          assert.equal(folder, "cli", `${specifier}: only the command line uses scripts`);
          continue;
        }
        const other = target.split("/")[0];
        assert.ok(other === folder || ALLOWED[folder].includes(other), `${specifier} points the wrong way`);
      }
    });
    if (folder !== "cli" && !name.startsWith("src/prover/kernels/"))
      it(`${name} needs no generator of kernels`, () => {
        for (const specifier of importsOf(file)) {
          assert.notEqual(specifier, "wasmati", "a development tool");
          if (specifier.includes("kernels/")) assert.match(specifier, /kernels\/layout\.ts$/);
        }
      });
    if (folder === "cli") continue;
    it(`${name} is free of the GPL`, () => {
      for (const specifier of importsOf(file)) assert.ok(!GPL.some((it) => specifier.split("/")[0] === it), specifier);
    });
    if (folder === "prover" || IN_NODE.some((path) => name.startsWith(path))) continue;
    it(`${name} is free of Node`, () => {
      for (const specifier of importsOf(file))
        assert.ok(!specifier.startsWith("node:") && !builtinModules.includes(specifier), specifier);
    });
  }
});
