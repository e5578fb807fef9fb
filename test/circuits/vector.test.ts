// Goal: one-hots, picks and puts are what they say, and no witness says otherwise.
// Method: all indices; random vectors (seed printed on failure); forged witnesses.
import assert from "node:assert/strict";
import fc from "fast-check";
import { FIELD } from "../../src/protocol/poseidon.ts";
import { compileTemplate, expectNoWitness } from "./harness.ts";

const compile = (template: string, args: number[], optimise = true) =>
  compileTemplate({ file: "circuits/lib/vector.circom", template, args, optimise });

const size = 16;
const places = Array.from({ length: size }, (_, i) => i);
const oneHot = (at: number) => places.map((i) => (i === at ? 1n : 0n));
const bits = (at: number) => [0, 1, 2, 3].map((j) => BigInt((at >> j) & 1));
const vector = fc.array(fc.bigInt(0n, FIELD - 1n), { minLength: size, maxLength: size });

describe("circuits/lib/vector", () => {
  it("OneHot of 4 bits in 11 constraints, OneHotOf a number in 15", async () => {
    const [ofBits, ofNumber] = [await compile("OneHot", [4]), await compile("OneHotOf", [4])];
    // As main all elements are outputs, and one more constraint says that they sum to 1.
    assert.ok(ofBits.constraints <= 11 + 1, `OneHot: ${ofBits.constraints}`);
    assert.ok(ofNumber.constraints <= 15 + 1, `OneHotOf: ${ofNumber.constraints}`);
    for (const at of places) {
      assert.deepEqual(ofBits.readAll("out", ofBits.witness({ in: bits(at) })), oneHot(at));
      assert.deepEqual(ofNumber.readAll("out", ofNumber.witness({ in: at })), oneHot(at));
    }
    for (const x of [16n, -1n]) expectNoWitness(ofNumber, { in: x });
  });

  it("OneHot of 2 bits", async () => {
    const circuit = await compile("OneHot", [2]);
    for (const at of [0, 1, 2, 3])
      assert.deepEqual(circuit.readAll("out", circuit.witness({ in: bits(at).slice(0, 2) })), oneHot(at).slice(0, 4));
  });

  it("OneHotOf: no element is moved, added or left out", async () => {
    const circuit = await compile("OneHotOf", [4], false);
    for (const at of [0, 5, 15]) {
      const inputs = { in: at };
      const cheats: Record<string, bigint>[] = [
        { [`out[${at}]`]: 0n },
        { [`out[${(at + 1) % size}]`]: 1n },
        { [`out[${at}]`]: 0n, [`out[${at ^ 1}]`]: 1n },
        { "bits[0]": BigInt((at & 1) ^ 1) },
        { "bits[1]": 2n },
      ];
      for (const pinned of cheats) circuit.refuses(inputs, pinned);
      circuit.refuses(inputs, { in: 16n }, "signal bits[k] <== Bits(k)(in)");
    }
  });

  it("Pick takes the element, or 0 where there is none", async () => {
    const circuit = await compile("Pick", [size]);
    assert.ok(circuit.constraints <= size, `${circuit.constraints}`);
    fc.assert(
      fc.property(vector, fc.nat(size), (values, at) => {
        const witness = circuit.witness({ one: oneHot(at), in: values });
        assert.equal(circuit.read("out", witness), values[at] ?? 0n);
      }),
      { numRuns: 20 },
    );
    const unoptimised = await compile("Pick", [size], false);
    const inputs = { one: oneHot(3), in: places };
    unoptimised.refuses(inputs, { out: 4n });
    unoptimised.refuses(inputs, { "part[2]": 1n, out: 4n });
  });

  it("Put replaces the element and keeps all others", async () => {
    const circuit = await compile("Put", [size]);
    assert.ok(circuit.constraints <= size, `${circuit.constraints}`);
    fc.assert(
      fc.property(vector, fc.nat(size), fc.bigInt(0n, FIELD - 1n), (values, at, value) => {
        const witness = circuit.witness({ one: oneHot(at), in: values, value });
        assert.deepEqual(
          circuit.readAll("out", witness),
          values.map((old, i) => (i === at ? value : old)),
        );
      }),
      { numRuns: 20 },
    );
    const unoptimised = await compile("Put", [size], false);
    const inputs = { one: oneHot(3), in: places, value: 99n };
    for (const pinned of [{ "out[3]": 3n }, { "out[4]": 99n }] as Record<string, bigint>[])
      unoptimised.refuses(inputs, pinned);
  });
});
