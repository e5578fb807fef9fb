// Goal: the prover that runs in Node runs in a browser, on pages with shared memory and without it.
// Method: the bundle in Debian's Chromium, under a strict content security policy; snarkjs verifies what comes out.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { BUNDLES, bundleProver } from "../../scripts/package/bundle.ts";
import { singleThreaded } from "../prover/snarkjs.ts";
import type * as ProverModule from "../../src/prover/index.ts";
import { builtFixtures } from "../prover/fixtures.ts";
import { openBrowser, serve, type Files, type Site } from "./site.ts";

/** What runs in the page sees these by name only. */
declare const prover: typeof ProverModule;

describe("the prover in Chromium", () => {
  let browser: Browser;
  let files: Awaited<ReturnType<typeof builtFixtures>>["chain"]["files"];
  const served: Files = {};
  const folder = mkdtempSync(join(tmpdir(), "tacit-web-"));

  before(async () => {
    const sizes = await bundleProver();
    const { "scalar.wasm": other, ...loaded } = sizes;
    const total = Object.values(loaded).reduce((sum, size) => sum + size, 0);
    console.log(`      ${total} bytes gzipped: ${JSON.stringify(sizes)}`);
    assert.ok(total <= 120_000 && other < sizes["fma.wasm"] * 1.1, "what a page loads of the prover is at most 120 kB");
    for (const name of Object.keys(sizes)) served[`/${name}`] = join(BUNDLES, name);
    ({ files } = (await builtFixtures("chain")).chain);
    for (const name of ["zkey", "wasm", "r1cs", "inputs"] as const) served[`/chain.${name}`] = files[name];
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  for (const isolated of [true, false])
    describe(isolated ? "on a cross-origin isolated page" : "on any page", () => {
      let site: Site;
      let page: Page;
      before(async () => {
        site = await serve(served, { isolated });
        page = await browser.newPage();
        // The loader that runs this file marks functions with their names, also those that are sent to the page.
        await page.addInitScript("globalThis.__name = (it) => it");
        page.on("pageerror", (error) => assert.fail(error));
        await page.goto(site.origin);
      });
      after(async () => {
        await page.close();
        await site.close();
      });

      it("proves, in two threads, from addresses; snarkjs verifies", async () => {
        const { json, publicInputs, backend } = await page.evaluate(async () => {
          const { createProver } = (await import("/prover.js" as string)) as typeof prover;
          const pool = createProver({ workers: 2 });
          const key = await pool.load("/chain.zkey", {
            wasm: "/chain.wasm",
            r1cs: "/chain.r1cs",
            inputs: "/chain.inputs",
          });
          const { proof, publicInputs } = await pool.proveInputs(key, { start: 1n });
          await pool.close();
          const json = {
            pi_a: [...proof.a, 1n].map(String),
            pi_b: [...proof.b.map((pair) => pair.map(String)), ["1", "0"]],
            pi_c: [...proof.c, 1n].map(String),
            protocol: "groth16",
            curve: "bn128",
          };
          return { json, publicInputs: publicInputs.map(String), backend: await pool.backend() };
        });
        assert.equal(backend, "fma");
        const { groth16 } = await singleThreaded();
        const vkey = JSON.parse(await readFile(files.vkey, "utf8"));
        assert.deepEqual(publicInputs, ["1"]);
        assert.ok(await groth16.verify(vkey, publicInputs, json as never));
      });

      it("has shared memory only where the page is isolated", async () => {
        const code = await page.evaluate(async () => {
          const { createProver } = (await import("/prover.js" as string)) as typeof prover;
          try {
            await createProver({ memory: "shared" }).close();
            return "none";
          } catch (error) {
            return (error as { code: string }).code;
          }
        });
        assert.equal(code, isolated ? "none" : "NO_SHARED_MEMORY");
      });

      it("aborts, replaces a thread that died, and refuses what is broken, with the same errors", async () => {
        const codes = await page.evaluate(async () => {
          const { createProver } = (await import("/prover.js" as string)) as typeof prover;
          const threads: Worker[] = [];
          const startThread = () => {
            const worker = new Worker("/proverThread.browser.js", { type: "module" });
            threads.push(worker);
            return worker;
          };
          const pool = createProver({ workers: 2, startThread });
          const caught = (job: Promise<unknown>) =>
            job.then(
              () => "none",
              (error: { code: string }) => error.code,
            );
          const key = await pool.load("/chain.zkey", { wasm: "/chain.wasm" });
          const bytes = new Uint8Array(await (await fetch("/chain.zkey")).arrayBuffer());
          const controller = new AbortController();
          const aborted = pool.proveInputs(key, { start: 1n }, { signal: controller.signal });
          controller.abort();
          return [
            await caught(aborted),
            await caught(pool.load("/none.zkey")),
            await caught(pool.load(bytes.subarray(0, bytes.length - 1))),
            await caught(pool.proveInputs(key, { start: -1n })),
            await caught(pool.proveInputs(key, { start: 1n })),
          ];
        });
        assert.deepEqual(codes, ["ABORTED", "SOURCE", "FILE_FORMAT", "WITNESS_INPUT", "none"]);
      });
    });
});
