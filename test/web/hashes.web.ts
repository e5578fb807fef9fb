// Goal: hashes and signature checks with kernels answer in a browser as in Node, on both backends.
// Method: protocol and kernels as one bundle in Chromium, under a strict content security policy, beside the reference.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { DIST } from "../../scripts/package/index.ts";
import type * as Eddsa from "../../src/protocol/eddsa.ts";
import type * as Poseidon from "../../src/protocol/poseidon.ts";
import type * as Hashes from "../../src/prover/hash/index.ts";
import { openBrowser, serve } from "./site.ts";

type Bundle = typeof Hashes & typeof Eddsa & typeof Poseidon;
const SOURCE = ["prover/hash/index", "protocol/eddsa", "protocol/poseidon"];

describe("hash kernels in Chromium", () => {
  let browser: Browser;
  const folder = mkdtempSync(join(tmpdir(), "tacit-web-"));
  before(async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: SOURCE.map((path) => `export * from "./src/${path}.ts";`).join("\n"),
        resolveDir: join(import.meta.dirname, "../.."),
      },
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      conditions: ["tacit-source"],
    });
    writeFileSync(join(folder, "hashes.js"), outputFiles[0].contents);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  it("hash, verify and multiply as the reference; found beside the script, or given as bytes", async () => {
    const files = {
      "/hashes.js": join(folder, "hashes.js"),
      "/hashFma.wasm": join(DIST, "prover/hashFma.wasm"),
      "/hashScalar.wasm": join(DIST, "prover/hashScalar.wasm"),
    };
    const site = await serve(files, { isolated: false });
    try {
      const page = await browser.newPage();
      await page.addInitScript("globalThis.__name = (it) => it");
      page.on("pageerror", (error) => assert.fail(error));
      await page.goto(site.origin);
      const [first, ...others] = await page.evaluate(async () => {
        const tacit = (await import("/hashes.js" as string)) as Bundle;
        const bytes = async (name: string) => new Uint8Array(await (await fetch(`/${name}.wasm`)).arrayBuffer());
        const secret = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
        const key = tacit.publicKey(secret);
        const signed = [1n, 2n, 3n, 4n, 5n, 6n].map((message) => ({
          key,
          message: message === 4n ? 9n : message,
          signature: tacit.sign(secret, message),
        }));
        const answers = () => {
          const inputs = Array.from({ length: 9 }, (_, i) => [1n, BigInt(i)]);
          const point = tacit.scalarMultiply(1234567n, key);
          return JSON.stringify([
            [...tacit.hashMany("node", inputs), tacit.hash("leaf", [5n]), point.x, point.y].map(String),
            tacit.verifyMany(signed),
          ]);
        };
        const all = [answers()];
        for (const kernels of [
          await tacit.startHashKernels(),
          await tacit.startHashKernels({ backend: "scalar" }),
          await tacit.startHashKernels({ backend: "fma", module: await bytes("hashFma") }),
        ]) {
          tacit.usePrimitives(kernels);
          all.push(answers());
        }
        return all;
      });
      assert.match(first, /\[true,true,true,false,true,true\]/);
      for (const other of others) assert.equal(other, first);
    } finally {
      await site.close();
    }
  });
});
