// Goal: a proof of any Groth16 circuit over BN254 is accepted if and only if snarkjs accepts it, but for what snarkjs lets
// pass and nobody makes; a file in another spelling gets an error that says how it differs.
// Method: proofs that snarkjs makes of a circuit with two public inputs, and proofs from the secrets of setups with none, one
// and forty; changed in one way each, and given to both.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { TacitError } from "../../src/protocol/errors.ts";
import { readCircuitKey, readCircuitProof, readPublicInputs, verifyProof } from "../../src/verifier/index.ts";
import { BASE_FIELD, FIELD, G1, G2 } from "../../src/verifier/points.ts";
import { builtFixtures } from "../prover/fixtures.ts";
import { singleThreaded } from "../prover/snarkjs.ts";
import { outsideSubgroup } from "./forge.ts";
import { inverse, jsonG1, jsonG2, mod } from "./simulator.ts";

interface Files {
  key: any;
  proof: any;
  inputs: any;
}

const [alpha, beta, delta, a, b] = [3n, 5n, 7n, 11n, 13n];

/** A key and a proof from its secrets, of this many public inputs; of the last input but one the key's point is infinity. */
function simulated(count: number): Files {
  const ic = Array.from({ length: count + 1 }, (_, i) => (i === count - 1 && count > 1 ? 0n : 17n + BigInt(i)));
  const inputs = Array.from({ length: count }, (_, i) => BigInt(i) ** 3n + 1n);
  const sum = [1n, ...inputs].reduce((total, x, i) => total + x * ic[i], 0n);
  const c = mod((a * b - alpha * beta - sum) * inverse(delta));
  return {
    key: {
      protocol: "groth16",
      curve: "bn128",
      nPublic: count,
      vk_alpha_1: jsonG1(G1.BASE.multiply(alpha)),
      vk_beta_2: jsonG2(G2.BASE.multiply(beta)),
      vk_gamma_2: jsonG2(G2.BASE),
      vk_delta_2: jsonG2(G2.BASE.multiply(delta)),
      IC: ic.map((secret) => (secret === 0n ? ["0", "1", "0"] : jsonG1(G1.BASE.multiply(secret)))),
    },
    proof: {
      pi_a: jsonG1(G1.BASE.multiply(a)),
      pi_b: jsonG2(G2.BASE.multiply(b)),
      pi_c: jsonG1(G1.BASE.multiply(c)),
      protocol: "groth16",
      curve: "bn128",
    },
    inputs: inputs.map(String),
  };
}

const verify = ({ key, proof, inputs }: Files) =>
  verifyProof(readCircuitKey(key), readPublicInputs(inputs), readCircuitProof(proof));
const copy = <T>(json: T): T => structuredClone(json);
const plus = (text: string, by: bigint) => String(BigInt(text) + by);

describe("a proof of any circuit", () => {
  let product: Files;
  let snarkjs: Awaited<ReturnType<typeof singleThreaded>>;
  before(async () => {
    snarkjs = await singleThreaded();
    const { files } = (await builtFixtures("product")).product;
    const { proof, publicSignals } = await snarkjs.groth16.fullProve(
      { a: 2n, b: 9n, price: 255n },
      files.wasm,
      files.zkey,
    );
    product = { key: JSON.parse(await readFile(files.vkey, "utf8")), proof, inputs: publicSignals };
  });
  const inSnarkjs = ({ key, proof, inputs }: Files) =>
    snarkjs.groth16.verify(key, inputs, proof).catch(() => false) as Promise<boolean>;

  for (const count of [0, 1, 40])
    it(`of ${count} public inputs holds, also where its key leaves one unbound`, async () => {
      const files = simulated(count);
      assert.deepEqual(verify(files), { ok: true });
      assert.equal(await inSnarkjs(files), true);
      if (count === 0) return;
      files.inputs[0] = plus(files.inputs[0], 1n);
      assert.equal(verify(files).ok, false);
      assert.equal(await inSnarkjs(files), false);
    });

  /** What is said of it; snarkjs says the same but where `alone`. */
  const cases: [why: string, outcome: string, change: (files: Files) => void, alone?: "alone"][] = [
    ["as it was made", "holds", () => {}],
    ["with an input changed", "pairing", ({ inputs }) => (inputs[1] = plus(inputs[1], 1n))],
    ["with an input less", "inputCount", ({ inputs }) => inputs.pop()],
    ["with an input more", "inputCount", ({ inputs }) => inputs.push("0")],
    ["with an input of r more", "inputTooLarge", ({ inputs }) => (inputs[0] = plus(inputs[0], FIELD))],
    ["with an input of 2^256", "inputTooLarge", ({ inputs }) => (inputs[0] = String(1n << 256n))],
    ["with A and C exchanged", "pairing", ({ proof }) => ([proof.pi_a, proof.pi_c] = [proof.pi_c, proof.pi_a])],
    ["with A at infinity", "pairing", ({ proof }) => (proof.pi_a = ["0", "1", "0"])],
    ["with B at infinity", "pairing", ({ proof }) => (proof.pi_b = [["0", "0"], ["1", "0"], ["0", "0"]])], // prettier-ignore
    ["with A off the curve", "offCurve", ({ proof }) => (proof.pi_a[0] = plus(proof.pi_a[0], 1n))],
    ["with B off the curve", "offCurve", ({ proof }) => proof.pi_b[0].reverse()],
    ["with C off the curve", "offCurve", ({ proof }) => (proof.pi_c = ["1", "1", "1"])],
    ["with B outside the subgroup", "outsideSubgroup", ({ proof }) => (proof.pi_b = jsonG2(outsideSubgroup()))],
    ["with a coordinate of q more", "coordinateTooLarge", ({ proof }) => (proof.pi_c[1] = plus(proof.pi_c[1], BASE_FIELD)), "alone"], // prettier-ignore
    ["under the key of another circuit", "pairing", ({ key }) => (key.vk_delta_2 = jsonG2(G2.BASE.multiply(99n)))],
    ["without the ones at the end", "holds", ({ proof }) => [proof.pi_a, proof.pi_b, proof.pi_c].forEach((it) => it.pop())], // prettier-ignore
    ["in hexadecimal", "holds", ({ proof, inputs }) => ([proof.pi_a[0], inputs[0]] = [proof.pi_a[0], inputs[0]].map((x) => `0x${BigInt(x).toString(16)}`))], // prettier-ignore
    ["under a key that calls the curve bn254", "holds", ({ key }) => (key.curve = "bn254")],
  ];
  for (const [why, outcome, change, alone] of cases)
    it(`${why}: ${outcome}`, async () => {
      const files = copy(product);
      change(files);
      const result = verify(files);
      assert.equal(result.ok ? "holds" : result.reason, outcome);
      assert.equal(await inSnarkjs(files), alone ? true : result.ok);
    });

  it("is not trusted more than its key: who can be forged for is named", () => {
    assert.equal(readCircuitKey(product.key).development, true);
    const { key } = simulated(1);
    const forgeable = (change: object) => readCircuitKey({ ...key, ...change }).forgeable;
    assert.equal(readCircuitKey(key).development, false);
    assert.equal(forgeable({}), null);
    assert.match(forgeable({ vk_delta_2: key.vk_gamma_2 })!, /gamma and delta are equal/);
    assert.match(forgeable({ vk_delta_2: jsonG2(G2.BASE), vk_gamma_2: key.vk_beta_2 })!, /delta is the generator/);
    assert.match(forgeable({ vk_gamma_2: [["0", "0"], ["1", "0"], ["0", "0"]] })!, /infinity/); // prettier-ignore
  });

  const point = { X: "1", Y: "2" };
  const point2 = { X: { A0: "1", A1: "2" }, Y: { A0: "3", A1: "4" } };
  const hex = "0xe2f26dbea299f5223b646cb1fb33eadb059d9407559d7441dfd902e3a79a4d2d";
  const foreign: [why: string, what: "key" | "proof", change: object, says: RegExp][] = [
    ["a proof of gnark", "proof", { Ar: point, Krs: point, Bs: point2, Commitments: [], CommitmentPok: point }, /gnark writes it.*pi_a, pi_b and pi_c.*Ar is pi_a, Bs pi_b, Krs pi_c/], // prettier-ignore
    ["a key of gnark", "key", { G1: { Alpha: point, Beta: point, Delta: point, K: [point] }, G2: { Beta: point2, Delta: point2, Gamma: point2 } }, /gnark writes it.*G1\.Alpha is vk_alpha_1.*G1\.K is IC/], // prettier-ignore
    ["a key with capital letters", "key", { Alpha: point, Beta: point2, Gamma: point2, Delta: point2 }, /gnark/],
    ["a key of arkworks", "key", { curve: "bn254", alpha_g1: hex, beta_g2: hex, gamma_g2: hex, delta_g2: hex, gamma_abc_g1: [hex] }, /arkworks writes it.*gamma_abc_g1 is IC.*little end first/], // prettier-ignore
    ["a proof of arkworks", "proof", { a: hex, b: hex, c: hex }, /arkworks.*a is pi_a.*little end first/],
    ["a key of ZoKrates", "key", { scheme: "g16", curve: "bn128", alpha: ["0x1", "0x2"], gamma_abc: [["0x1", "0x2"]] }, /ZoKrates.*gamma_abc is IC/], // prettier-ignore
    ["a proof of ZoKrates", "proof", { scheme: "g16", curve: "bn128", proof: {}, inputs: [] }, /ZoKrates.*proof\.a is pi_a/], // prettier-ignore
    ["a key of another curve", "key", { protocol: "groth16", curve: "bls12381", IC: [] }, /curve "bls12381".*"bn128"/],
    ["a proof of another curve", "proof", { pi_a: [], pi_b: [], pi_c: [], curve: "BLS12-381" }, /curve "BLS12-381"/],
    ["a key of PLONK", "key", { protocol: "plonk", curve: "bn128", Qm: [] }, /protocol "plonk".*"groth16"/],
    ["a proof of FFLONK", "proof", { protocol: "fflonk", curve: "bn128" }, /protocol "fflonk".*"groth16"/],
    ["a key that is none", "key", {}, /expected a key as snarkjs writes it, with vk_alpha_1/],
    ["public inputs for a proof", "proof", ["1"], /a list is what public inputs are/],
  ];
  for (const [why, what, json, says] of foreign)
    it(`is refused in words for ${why}`, () => {
      const read = what === "key" ? readCircuitKey : readCircuitProof;
      assert.throws(
        () => read(json, "x.json"),
        (error) => error instanceof TacitError && error.code === "FORMAT" && error.message.startsWith("x.json") && says.test(error.message), // prettier-ignore
      );
    });

  const misshapen: [why: string, place: RegExp, change: (files: Files) => void][] = [
    ["a number for a string", /pi_a\[0\]/, ({ proof }) => (proof.pi_a[0] = 1)],
    ["-0", /public inputs\[0\]/, ({ inputs }) => (inputs[0] = "-0")],
    ["another last coordinate", /pi_c\[2\]/, ({ proof }) => (proof.pi_c[2] = "2")],
    ["half a coordinate", /pi_b\[1\]/, ({ proof }) => proof.pi_b[1].pop()],
    ["a coordinate too many", /pi_a/, ({ proof }) => proof.pi_a.push("1")],
    ["a number of inputs that its key does not have", /IC/, ({ key }) => (key.nPublic = 3)],
    ["no IC", /IC/, ({ key }) => (key.IC = [])],
    ["a key with a point off the curve", /vk_alpha_1 is not on the curve/, ({ key }) => (key.vk_alpha_1[0] = "5")],
    ["a key with a point outside the subgroup", /vk_beta_2 is outside/, ({ key }) => (key.vk_beta_2 = jsonG2(outsideSubgroup()))], // prettier-ignore
    ["inputs in an object", /list of decimal strings/, (files) => (files.inputs = { a: "1" })],
  ];
  for (const [why, place, change] of misshapen)
    it(`is no proof with ${why}`, () => {
      const files = copy(product);
      change(files);
      assert.throws(
        () => verify(files),
        (error) => error instanceof TacitError && error.code === "FORMAT" && place.test(error.message),
      );
    });
});
