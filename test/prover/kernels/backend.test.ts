// Goal: kernels on fused operations run only where they are fused, and the others run everywhere.
// Method: processes with and without what an engine may lack.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { builtModules } from "./engines.ts";

const SCRIPT = `
  const { detectBackend, enableRelaxedSimd } = await import(process.env.BACKEND);
  const before = detectBackend();
  enableRelaxedSimd();
  console.log(JSON.stringify([before, detectBackend(), detectBackend()]));
`;

function detected(...flags: string[]): string[] {
  const env = { ...process.env, BACKEND: new URL("../../../src/prover/engine/backend.ts", import.meta.url).href };
  const args = [...flags, "--import", "tsx", "--conditions", "tacit-source", "--input-type=module", "-e", SCRIPT];
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, args, { env, cwd: root, encoding: "utf8" }));
}

describe("backend", () => {
  const isX64 = process.arch === "x64";

  it("relaxed SIMD is asked for where it has to be", () => {
    const [before, ...after] = detected();
    assert.ok(["fma", "scalar"].includes(before));
    assert.equal(after[0], after[1]);
    if (Number(process.versions.node.split(".")[0]) >= 22) assert.equal(before, after[0]);
  });

  (isX64 ? it : it.skip)("without fused operations in the processor, numbers are integers", () => {
    assert.deepEqual(detected("--no-enable-fma3").slice(1), ["scalar", "scalar"]);
  });

  it("the kernels on integers use no relaxed operation", async () => {
    const { fma, scalar } = await builtModules();
    const script = 'console.log(WebAssembly.validate(require("node:fs").readFileSync(0)))';
    const isValid = (bytes: Uint8Array) =>
      execFileSync(process.execPath, ["-e", script], { input: bytes, encoding: "utf8" }).trim();
    assert.equal(isValid(scalar), "true");
    // Later ones know relaxed SIMD.
    if (Number(process.versions.node.split(".")[0]) < 22) assert.equal(isValid(fma), "false");
  });
});
