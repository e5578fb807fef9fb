import assert from "node:assert/strict";
import { groth16 } from "snarkjs";
import type { Proof } from "../../src/protocol/proof.ts";
import {
  batchCoefficients,
  proofFromJson,
  proofToJson,
  verifyBatch,
  verifyProof,
  type BatchItem,
  type ProofRefusal,
} from "../../src/verifier/index.ts";
import { BASE_FIELD, FIELD, G1, G2, linesOf, productIsOne } from "../../src/verifier/points.ts";
import { forgedBatches, g1, g2, outsideSubgroup, productWithoutCoefficients } from "./forge.ts";
import { Simulator, inverse, pairG1, pairG2 } from "./simulator.ts";

// Goal: a proof, or a batch of them, passes if and only if each proof holds for exactly these inputs.
// Method: proofs made from the secrets of a setup; each refusal breaks one of them in one way.

const simulator = new Simulator("proofs");
const { admit: key, settle } = simulator.keys;
const inputs = [11n, 12n, 0n, 1_000n, 7n, 13n];
const proof = simulator.prove("admit", inputs);

describe("one proof", () => {
  it("holds for snarkjs too: the keys and proofs of these tests are real ones", async () => {
    const check = (x: bigint) =>
      groth16.verify(simulator.files.admit, inputs.with(5, x).map(String), proofToJson(proof) as never);
    assert.equal(await check(13n), true);
    assert.equal(await check(14n), false);
    await (globalThis as { curve_bn128?: { terminate(): Promise<void> } }).curve_bn128?.terminate();
  });
  it("holds for its inputs, also after a trip through JSON", () => {
    assert.deepEqual(verifyProof(key, inputs, proof), { ok: true });
    assert.deepEqual(verifyProof(key, inputs, proofFromJson(JSON.parse(JSON.stringify(proofToJson(proof))))), {
      ok: true,
    });
  });
  it("holds after it is made another proof of the same: nothing may depend on its bytes", () => {
    const s = 12345n;
    const altered = {
      ...proof,
      a: pairG1(g1(proof.a).multiply(s)),
      b: pairG2(g2(proof.b).multiply(inverse(s))),
    };
    assert.deepEqual(verifyProof(key, inputs, altered), { ok: true });
  });

  const torsion = pairG2(outsideSubgroup());
  const broken: [why: string, reason: ProofRefusal, inputs: unknown, proof: unknown][] = [
    ["an input less", "inputCount", inputs.slice(1), proof],
    ["an input more", "inputCount", [...inputs, 0n], proof],
    ["no inputs", "inputCount", undefined, proof],
    ["a negative input", "inputTooLarge", [...inputs.slice(0, 5), 13n - FIELD], proof],
    ["a number as input", "inputTooLarge", [...inputs.slice(0, 5), 13], proof],
    ["no proof", "malformedProof", inputs, undefined],
    ["a proof without B", "malformedProof", inputs, { ...proof, b: undefined }],
    ["a proof whose B has one coordinate", "malformedProof", inputs, { ...proof, b: [proof.b[0]] }],
    ["A.x + q", "coordinateTooLarge", inputs, { ...proof, a: [proof.a[0] + BASE_FIELD, proof.a[1]] }],
    ["C.y + q", "coordinateTooLarge", inputs, { ...proof, c: [proof.c[0], proof.c[1] + BASE_FIELD] }],
    [
      "B.x + q",
      "coordinateTooLarge",
      inputs,
      { ...proof, b: [[proof.b[0][0] + BASE_FIELD, proof.b[0][1]], proof.b[1]] },
    ],
    ["a negative coordinate", "coordinateTooLarge", inputs, { ...proof, a: [proof.a[0], proof.a[1] - BASE_FIELD] }],
    ["coordinates that are strings", "coordinateTooLarge", inputs, { ...proof, a: proof.a.map(String) }],
    ["A off the curve", "offCurve", inputs, { ...proof, a: [1n, 1n] }],
    ["B off the curve", "offCurve", inputs, { ...proof, b: [proof.b[1], proof.b[0]] }],
    ["C off the curve", "offCurve", inputs, { ...proof, c: [0n, 1n] }],
    ["B outside the subgroup", "outsideSubgroup", inputs, { ...proof, b: torsion }],
    ["A and C swapped", "pairing", inputs, { ...proof, a: proof.c, c: proof.a }],
    ["-A", "pairing", inputs, { ...proof, a: pairG1(g1(proof.a).negate()) }],
    ["all points at infinity", "pairing", inputs, { a: [0n, 0n], b: [[0n, 0n], [0n, 0n]], c: [0n, 0n] }], // prettier-ignore
    ["a proof of other inputs", "pairing", inputs, simulator.prove("admit", [...inputs.slice(0, 5), 14n])],
    ["a proof of another instruction", "pairing", inputs, simulator.prove("auction", inputs)],
  ];
  for (const [why, reason, theInputs, theProof] of broken)
    it(`is refused for ${why}`, () => {
      const result = verifyProof(key, theInputs as bigint[], theProof as Proof);
      assert.equal(!result.ok && result.reason, reason);
      const batch = verifyBatch(5n, [
        { key, publicInputs: inputs, proof },
        { key, publicInputs: theInputs as bigint[], proof: theProof as Proof },
      ]);
      assert.equal(!batch.ok && batch.reason, reason);
      assert.equal(!batch.ok && batch.at, reason === "pairing" ? undefined : 1);
    });
  for (let k = 1n; k <= 5n; k++)
    it(`is refused for inputs + ${k} r, each of which would satisfy the pairing`, () => {
      inputs.forEach((x, i) => {
        const result = verifyProof(key, inputs.with(i, x + k * FIELD), proof);
        assert.equal(!result.ok && result.reason, "inputTooLarge");
      });
    });
});

describe("a batch", () => {
  const item = (name: "admit" | "settle", publicInputs: bigint[]): BatchItem => ({
    key: simulator.keys[name],
    publicInputs,
    proof: simulator.prove(name, publicInputs),
  });
  const items = [item("admit", inputs), item("settle", [1n, 2n, 3n]), item("admit", [5n, 6n, 7n, 8n, 9n, 10n])];

  it("passes when each proof holds", () => {
    assert.deepEqual(verifyBatch(5n, items), { ok: true });
    for (const one of items) assert.deepEqual(verifyBatch(5n, [one]), { ok: true });
  });
  it("is refused when empty", () => {
    const result = verifyBatch(5n, []);
    assert.equal(!result.ok && result.reason, "emptyBatch");
  });
  it("is refused when any one of its proofs is bad", () => {
    for (let size = 1; size <= 8; size++)
      for (let bad = 0; bad < size; bad++) {
        const batch = Array.from({ length: size }, (_, i) => items[i % 3]);
        batch[bad] = { ...batch[bad], publicInputs: batch[bad].publicInputs.with(1, 99n) };
        const result = verifyBatch(5n, batch);
        assert.equal(!result.ok && result.reason, "pairing");
      }
  });
  it("is refused when two proofs of one instruction change places", () => {
    const swapped = [{ ...items[0], proof: items[2].proof }, items[1], { ...items[2], proof: items[0].proof }];
    const result = verifyBatch(5n, swapped);
    assert.equal(!result.ok && result.reason, "pairing");
  });
  it("throws on keys of two setups: that is our own mistake", () => {
    const stranger = { ...items[1], key: new Simulator("another").keys.settle };
    assert.throws(() => verifyBatch(5n, [items[0], stranger]), { code: "KEYS_OF_TWO_SETUPS" });
  });

  for (const [why, batch] of forgedBatches(items[0], items[2]))
    it(`is refused when ${why}, though the product without coefficients is 1`, () => {
      assert.equal(productWithoutCoefficients(items), true);
      assert.equal(productWithoutCoefficients(batch), true);
      const result = verifyBatch(5n, batch);
      assert.equal(!result.ok && result.reason, "pairing");
    });

  it("has coefficients of 128 bits that change with everything that it says", () => {
    const coefficients = batchCoefficients(5n, items);
    assert.equal(new Set(coefficients).size, items.length);
    assert.ok(coefficients.every((r) => r > 0n && r < 1n << 128n));
    const [first, ...rest] = items;
    const { a, b, c } = first.proof;
    const variants: Record<string, BatchItem[]> = {
      order: items.toReversed(),
      count: [...items, first],
      key: [{ ...first, key: settle }, ...rest],
      input: [{ ...first, publicInputs: inputs.with(4, 8n) }, ...rest],
      a: [{ ...first, proof: { a: [a[0], a[1] + 1n], b, c } }, ...rest],
      b: [{ ...first, proof: { a, b: [b[0], [b[1][0], b[1][1] + 1n]], c } }, ...rest],
      c: [{ ...first, proof: { a, b, c: [c[0] + 1n, c[1]] } }, ...rest],
    };
    for (const [what, variant] of Object.entries(variants)) {
      const changed = batchCoefficients(5n, variant);
      coefficients.forEach((r, j) => assert.notEqual(changed[j], r, what));
    }
    assert.notEqual(batchCoefficients(6n, items)[0], coefficients[0]);
  });
});

describe("points", () => {
  it("of infinity are all zeros, as on the chain", () => {
    assert.ok(g1([0n, 0n]).is0());
    assert.ok(g2([[0n, 0n], [0n, 0n]]).is0()); // prettier-ignore
    assert.ok(productIsOne([[G1.ZERO, linesOf(G2.BASE)]]));
    assert.ok(productIsOne([[G1.BASE, linesOf(G2.ZERO)]]));
    assert.ok(!productIsOne([[G1.BASE, linesOf(G2.BASE)]]));
  });
});
