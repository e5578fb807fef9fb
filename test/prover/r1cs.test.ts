// Goal: .r1cs files are read as they are, and a file that lies about its contents is refused.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { readR1cs } from "../../src/prover/r1cs.ts";
import { builtFixtures } from "./fixtures.ts";

describe("r1cs", () => {
  let file: Buffer;
  before(async () => {
    file = await readFile((await builtFixtures("product")).product.files.r1cs);
  });

  it("has the rows of the source", () => {
    const r1cs = readR1cs(file);
    assert.deepEqual([r1cs.outputs, r1cs.publicInputs, r1cs.privateInputs], [2, 0, 3]);
    assert.equal(r1cs.a.starts.length, r1cs.constraints + 1);
    for (const { starts, wires, coefficients } of [r1cs.a, r1cs.b, r1cs.c]) {
      assert.equal(starts.at(-1), wires.length);
      assert.equal(coefficients.length, 32 * wires.length);
    }
  });

  it("is refused when cut anywhere", () => {
    for (let length = 0; length < file.length - 1; length += 97)
      assert.throws(() => readR1cs(file.subarray(0, length)), { code: "FILE_FORMAT" });
  });
});
