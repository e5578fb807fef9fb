// Goal: what is proved elsewhere is what was asked for: the same names, numbers and order, or it is refused.
// Method: random trees there and back; each byte of one cut off and changed.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { TacitError } from "../../../../src/protocol/errors.ts";
import {
  decodeInstruction,
  decodeProof,
  encodeInstruction,
  encodeProof,
} from "../../../../src/venue/proving/jobs/encoding.ts";
import type { InstructionInputs, Signals } from "../../../../src/witness/ledger.ts";

const number = fc.oneof(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), fc.bigInt({ min: 0n, max: 300n }));
const name = fc.oneof(
  fc.constantFrom("__proto__", "toString", "x"),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/),
);
const { tree } = fc.letrec<{ tree: bigint | Signals }>((tie) => ({
  tree: fc.oneof({ maxDepth: 5 }, number, fc.array(tie("tree"), { maxLength: 5 }), objectOf(tie("tree"))),
}));
function objectOf(value: fc.Arbitrary<bigint | Signals>): fc.Arbitrary<{ [name: string]: bigint | Signals }> {
  return fc
    .uniqueArray(fc.tuple(name, value), { maxLength: 5, selector: ([name]) => name })
    .map((parts) => Object.fromEntries(parts));
}
const instruction = fc.record(
  {
    name: fc.constantFrom("admit" as const, "settleRuns" as const),
    publicInputs: fc.array(number, { maxLength: 8 }),
    inputs: objectOf(tree),
  },
  { noNullPrototype: true },
);

const SAMPLE: InstructionInputs = {
  name: "admit",
  publicInputs: [1n, 0n, 1n << 253n],
  inputs: { a: [0n, 255n, [256n]], slots: [{ key: 1n, a: 2n }, { key: 3n, a: 4n }] }, // prettier-ignore
};
const shown = (it: unknown) => JSON.stringify(it, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
const bytesOf = (...bytes: number[]) => new Uint8Array(bytes);
const FORMAT = { code: "JOB_FORMAT" };

describe("what a job says", () => {
  it("is what was asked for, in the same order", () => {
    fc.assert(
      fc.property(instruction, (it) => {
        const back = decodeInstruction(encodeInstruction(it));
        assert.deepEqual(back, it);
        assert.equal(shown(back), shown(it));
      }),
    );
  });

  it("has equal bytes only where it is equal", () => {
    const bytes = encodeInstruction(SAMPLE);
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 2, 128]) {
        const changed = Uint8Array.from(bytes);
        changed[at] ^= flip;
        try {
          const read = decodeInstruction(changed);
          assert.deepEqual(encodeInstruction(read), Buffer.from(changed), `byte ${at}`);
        } catch (error) {
          assert.equal((error as TacitError).code, "JOB_FORMAT", String(error));
        }
      }
  });

  it("is refused where anything is missing or too much, whatever it is", () => {
    const bytes = encodeInstruction(SAMPLE);
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => decodeInstruction(bytes.slice(0, length)), FORMAT);
    assert.throws(() => decodeInstruction(bytesOf(...bytes, 0)), FORMAT);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        assert.throws(() => decodeInstruction(any), FORMAT);
      }),
    );
  });

  const admit = [1, 0, 5, ...Buffer.from("admit")];
  for (const [why, bytes] of [
    ["another version", bytesOf(2)],
    ["no instruction", bytesOf(1, 0, 1, 0x61)],
    ["a list that is longer than all there is", bytesOf(...admit, 33, 0xff, 0xff, 0xff, 0x7f)],
    ["a count of more than 28 bits", bytesOf(...admit, 33, 0xff, 0xff, 0xff, 0xff, 0x01)],
    ["a count with a zero at its end", bytesOf(...admit, 33, 0x80, 0x00, 34, 0)],
    ["a number with a zero at its head", bytesOf(...admit, 33, 1, 2, 0, 1, 34, 0)],
    ["inputs without names", bytesOf(...admit, 33, 0, 33, 0)],
    ["a name twice in one object", bytesOf(...admit, 33, 0, 34, 2, 0, 0, 0, 0)],
    [
      "lists in lists without end",
      bytesOf(...admit, 33, 0, 34, 1, 0, ...Array.from({ length: 99 }, () => [33, 1]).flat()),
    ],
  ] as const)
    // prettier-ignore
    it(`is refused with ${why}`, () => assert.throws(() => decodeInstruction(bytes), FORMAT));

  it("has no number outside of its range, and no name that is none", () => {
    for (const inputs of [{ a: -1n }, { a: 1n << 256n }, { "a b": 1n }, { "": 1n }, { ["a".repeat(65)]: 1n }])
      assert.throws(() => encodeInstruction({ ...SAMPLE, inputs: inputs as never }), { code: "OUT_OF_RANGE" });
    let deep: Signals = [];
    for (let i = 0; i < 20; i++) deep = [deep];
    assert.throws(() => encodeInstruction({ ...SAMPLE, inputs: { deep } }), { code: "OUT_OF_RANGE" });
  });

  it("is answered by a proof of 256 bytes", () => {
    const word = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n });
    fc.assert(
      fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), ([a, b, c, d, e, f, g, h]) => {
        const proof = { a: [a, b], b: [[c, d], [e, f]], c: [g, h] } as const; // prettier-ignore
        assert.deepEqual(decodeProof(encodeProof(proof)), proof);
      }),
    );
    assert.equal(decodeProof(new Uint8Array(255)), null);
    assert.equal(decodeProof(new Uint8Array(257)), null);
  });
});
