// Goal: what `tacit prove` writes is what snarkjs reads: proof.json, public.json, and the verification key of a key.
// Method: snarkjs proves; its proof goes through our forms and through text; snarkjs verifies what comes out.
import assert from "node:assert/strict";
import { toJson } from "../../../src/protocol/json.ts";
import { proofFromJson, proofToJson } from "../../../src/protocol/proof.ts";
import { openKey } from "../../../src/prover/files/zkey.ts";
import { singleThreaded } from "../snarkjs.ts";
import { builtFixtures } from "../fixtures.ts";

describe("files for snarkjs", () => {
  it("are accepted as they are written, and only together", async () => {
    const { wasm, zkey } = (await builtFixtures("product")).product.files;
    const { groth16 } = await singleThreaded();
    const made = await groth16.fullProve({ a: 3n, b: 5n, price: 7n }, wasm, zkey);
    const proof = proofFromJson(made.proof);

    const proofText = toJson(proofToJson(proof), 1);
    const publicText = toJson(made.publicSignals.map(BigInt), 1);
    assert.deepEqual(JSON.parse(proofText), made.proof);
    assert.deepEqual(JSON.parse(publicText), made.publicSignals);

    const key = await openKey(zkey);
    const keyText = toJson(key.verificationKey);
    await key.close();
    const verify = (keyJson: string, publicJson: string, proofJson: string) =>
      groth16.verify(JSON.parse(keyJson), JSON.parse(publicJson), JSON.parse(proofJson));
    assert.ok(await verify(keyText, publicText, proofText));
    assert.ok(!(await verify(keyText, toJson([15n, 16n]), proofText)));
    const swapped = toJson(proofToJson({ ...proof, a: proof.c, c: proof.a }));
    assert.ok(!(await verify(keyText, publicText, swapped)));
  });
});
