import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BUNDLES, bundleVerifier } from "../../scripts/package/bundle.ts";
import { Simulator } from "./simulator.ts";

// Goal: a browser can load the verifier quickly, and what it loads verifies.
// Method: bundle it for browsers, which fails on any Node built-in; then run the bundle.

describe("the verifier for browsers", () => {
  it("is at most 40 kB, gzipped, and accepts and refuses", async () => {
    const bytes = await bundleVerifier();
    console.log(`      ${bytes} bytes gzipped`);
    assert.ok(bytes <= 40_000);
    const url = pathToFileURL(join(BUNDLES, "verifier.js")).href;
    const { prepareKeys, verifyProof } = (await import(url)) as typeof import("../../src/verifier/index.ts");
    const simulator = new Simulator("bundle");
    const { settle } = prepareKeys(simulator.files);
    const proof = simulator.prove("settle", [1n, 2n, 3n]);
    assert.equal(verifyProof(settle, [1n, 2n, 3n], proof).ok, true);
    assert.equal(verifyProof(settle, [1n, 2n, 4n], proof).ok, false);
  });
});
