import assert from "node:assert/strict";
import { INSTRUCTION_NAMES } from "../../src/protocol/instructions.ts";
import { TacitError } from "../../src/protocol/errors.ts";
import { keyHash, parseKey, prepareKeys, type KeyCode } from "../../src/verifier/index.ts";
import { BASE_FIELD, G1, G2, keccakWords } from "../../src/verifier/points.ts";
import { keysSolidity } from "../../src/setup/contract.ts";
import { outsideSubgroup } from "./forge.ts";
import { Simulator, jsonG1, jsonG2, type KeyFile } from "./simulator.ts";

// Goal: no key reaches a verifier, or the source of the contract, that lets anybody forge.
// Method: each refusal takes the fresh keys of a setup, breaks one rule and expects that rule's code.

const simulator = new Simulator("keys");
const other = new Simulator("other keys");

describe("verification keys", () => {
  it("are read, one for each instruction", () => {
    const keys = prepareKeys(simulator.files);
    assert.deepEqual(Object.keys(keys), [...INSTRUCTION_NAMES]);
    assert.equal(new Set(Object.values(keys).map(({ hash }) => hash)).size, INSTRUCTION_NAMES.length);
  });

  it("have a hash that changes with each of their points", () => {
    const { affine, hash } = simulator.keys.settle;
    assert.equal(keyHash(affine), hash);
    const twice = {
      alpha: affine.ic[0],
      beta: affine.delta,
      gamma: affine.beta,
      delta: affine.beta,
      ic: affine.ic.slice(1),
    };
    for (const [field, value] of Object.entries(twice))
      assert.notEqual(keyHash({ ...affine, [field]: value }), hash, field);
    assert.equal(keccakWords([]), 0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470n);
  });

  const torsion = outsideSubgroup();
  const broken: [why: string, code: KeyCode, change: Partial<Record<keyof KeyFile, unknown>>][] = [
    ["another proof system", "KEY_MALFORMED", { protocol: "plonk" }],
    ["another curve", "KEY_MALFORMED", { curve: "bls12381" }],
    ["a missing point", "KEY_MALFORMED", { vk_alpha_1: undefined }],
    ["a point of two coordinates", "KEY_MALFORMED", { vk_alpha_1: ["1", "2"] }],
    ["numbers in place of decimal strings", "KEY_MALFORMED", { vk_alpha_1: [1, 2, 1] }],
    ["hexadecimal", "KEY_MALFORMED", { vk_alpha_1: ["0x1", "2", "1"] }],
    ["a point that is not affine", "KEY_MALFORMED", { vk_alpha_1: ["4", "16", "2"] }],
    ["alpha off the curve", "KEY_BAD_POINT", { vk_alpha_1: ["1", "3", "1"] }],
    ["alpha not canonical", "KEY_BAD_POINT", { vk_alpha_1: [`${1n + BASE_FIELD}`, "2", "1"] }],
    ["alpha at infinity", "KEY_BAD_POINT", { vk_alpha_1: ["0", "1", "0"] }],
    ["beta off the curve", "KEY_BAD_POINT", { vk_beta_2: [["1", "2"], ["3", "4"], ["1", "0"]] }], // prettier-ignore
    ["beta outside the subgroup", "KEY_BAD_POINT", { vk_beta_2: jsonG2(torsion) }],
    ["gamma at infinity", "KEY_BAD_POINT", { vk_gamma_2: [["0", "0"], ["1", "0"], ["0", "0"]] }], // prettier-ignore
    ["delta outside the subgroup", "KEY_BAD_POINT", { vk_delta_2: jsonG2(torsion) }],
    ["delta at infinity", "KEY_BAD_POINT", { vk_delta_2: [["0", "0"], ["0", "0"], ["1", "0"]] }], // prettier-ignore
    ["an input without a point", "KEY_BAD_POINT", { IC: [...simulator.files.settle.IC.slice(0, 3), ["0", "1", "0"]] }],
    ["gamma = delta, the generator", "KEY_GAMMA_IS_DELTA", { vk_delta_2: simulator.files.settle.vk_gamma_2 }],
    ["gamma = delta", "KEY_GAMMA_IS_DELTA", { vk_gamma_2: simulator.files.settle.vk_delta_2 }],
    [
      "delta = generator",
      "KEY_DELTA_IS_GENERATOR",
      { vk_delta_2: jsonG2(G2.BASE), vk_gamma_2: jsonG2(G2.BASE.double()) },
    ],
    ["one input less", "KEY_INPUT_COUNT", { IC: simulator.files.settle.IC.slice(1), nPublic: 2 }],
    ["one input more", "KEY_INPUT_COUNT", { IC: [...simulator.files.settle.IC, jsonG1(G1.BASE)], nPublic: 4 }],
    ["a number of inputs that lies", "KEY_INPUT_COUNT", { nPublic: 4 }],
  ];
  for (const [why, code, change] of broken)
    it(`are refused for ${why}`, () => {
      parseKey("settle", simulator.files.settle);
      assert.throws(() => parseKey("settle", { ...simulator.files.settle, ...change }), { code });
      assert.throws(
        () => prepareKeys({ ...simulator.files, settle: { ...simulator.files.settle, ...change } }),
        (error) => error instanceof TacitError && error.code === code && error.message.includes("settle"),
      );
    });

  it("are refused when one is missing", () => {
    assert.throws(() => prepareKeys({ ...simulator.files, admit: undefined }), { code: "KEY_MISSING" });
  });
  it("are refused when they come from two setups, by the library and for the contract", () => {
    assert.throws(() => prepareKeys({ ...simulator.files, admit: other.files.admit }), { code: "KEYS_OF_TWO_SETUPS" });
    assert.throws(() => keysSolidity({ ...simulator.keys, admit: other.keys.admit }), { code: "KEYS_OF_TWO_SETUPS" });
  });
  it("are refused when two circuits have one delta", () => {
    const admit = { ...simulator.files.admit, vk_delta_2: simulator.files.settle.vk_delta_2 };
    assert.throws(() => prepareKeys({ ...simulator.files, admit }), { code: "KEYS_SHARE_DELTA" });
  });
});
