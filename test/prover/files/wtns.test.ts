// Goal: a witness is read as it was written, and one that is broken, foreign or of another circuit is refused.
// Method: what snarkjs and our own writer wrote; each rule broken alone; seeded mutations of all bytes.
import assert from "node:assert/strict";
import { bn254 } from "@noble/curves/bn254.js";
import * as snarkjs from "snarkjs";
import { Random } from "../../../src/replay/random.ts";
import { TacitError } from "../../../src/protocol/errors.ts";
import { readWitness } from "../../../src/prover/files/wtns.ts";
import { readSections, writeSections, type Magic } from "../../../src/prover/sections.ts";
import { wtnsFile } from "../../../src/prover/witness.ts";
import { builtFixtures } from "../fixtures.ts";
import { inFolder, littleEndian, saved, withNumber, withSection } from "./fixtures.ts";

const SEED = 20261126;
const MUTATIONS = 5000;
const WTNS: Magic = "wtns";
const R = bn254.fields.Fr.ORDER;
const VALUES = [1n, 0n, 7n, R - 1n, 1n << 200n, 0xdeadbeefn];
const BYTES = Uint8Array.from(VALUES.flatMap((value) => [...littleEndian(value)]));

describe("witness file", () => {
  const file = wtnsFile(BYTES, R);
  const value = (index: number, value: bigint) =>
    withSection(file, WTNS, 2, (bytes) => bytes.set(littleEndian(value), 32 * index));

  it("is read as our own writer wrote it, without a copy", async () => {
    const read = await readWitness(file, { wires: VALUES.length });
    assert.deepEqual(read, BYTES);
    assert.equal(read.buffer, file.buffer);
  });

  it("is read from a path as snarkjs wrote it", async () => {
    const { files } = (await builtFixtures("product")).product;
    await inFolder(async (folder) => {
      const path = await saved(folder, "w.wtns", new Uint8Array(0));
      await snarkjs.wtns.calculate({ a: 3n, b: 5n, price: 7n }, files.wasm, path);
      const values = (await snarkjs.wtns.exportJson(path)) as unknown as bigint[];
      const read = await readWitness(path, { wires: values.length });
      assert.deepEqual(read, Uint8Array.from(values.flatMap((it) => [...littleEndian(BigInt(it))])));
    });
  });

  it("may have its sections in another order", async () => {
    const swapped = writeSections(WTNS, 2, [...readSections(file, WTNS)].toReversed());
    assert.deepEqual(await readWitness(swapped), BYTES);
  });

  it("is refused for a key of another circuit", async () => {
    for (const wires of [VALUES.length - 1, VALUES.length + 1, 0])
      await assert.rejects(readWitness(file, { wires }), (error: TacitError) => {
        assert.equal(error.code, "WITNESS_MISMATCH");
        assert.deepEqual(error.details, { wires, count: VALUES.length });
        return true;
      });
  });

  it("is not read once aborted", () =>
    assert.rejects(readWitness(file, { signal: AbortSignal.abort() }), { code: "ABORTED" }));

  const head = (change: (bytes: Uint8Array) => Uint8Array | void) => () => withSection(file, WTNS, 1, change);
  const body = (change: (bytes: Uint8Array) => Uint8Array | void) => () => withSection(file, WTNS, 2, change);
  const without = (id: number) =>
    writeSections(
      WTNS,
      2,
      [...readSections(file, WTNS)].filter(([found]) => found !== id),
    );
  const refusals: [why: string, file: () => Uint8Array, section: number | undefined, words: RegExp][] = [
    ["another format", () => writeSections("zkey", 1, [...readSections(file, WTNS)]), undefined, /letters "wtns"/],
    ["version 1", () => Uint8Array.of(...file.subarray(0, 4), 1, ...file.subarray(5)), undefined, /version 1/],
    ["bytes after the end", () => Uint8Array.of(...file, 0), undefined, /1 bytes follow/],
    ["no header", () => without(1), 1, /missing/],
    ["no values", () => without(2), 2, /missing/],
    ["an empty header", head(() => new Uint8Array(0)), 1, /0 bytes, expected 40/],
    ["a header cut off", head((bytes) => bytes.slice(0, 39)), 1, /39 bytes/],
    ["a header too long", head((bytes) => Uint8Array.of(...bytes, 0)), 1, /41 bytes/],
    ["values of 48 bytes", () => withNumber(file, WTNS, 1, 0, 48), 1, /values of 48 bytes, expected 32/],
    ["another prime", head((bytes) => bytes.set(littleEndian(R - 2n), 4)), 1, /another field/],
    ["the base field", head((bytes) => bytes.set(littleEndian(bn254.fields.Fp.ORDER), 4)), 1, /another field/],
    ["no values at all", () => withNumber(file, WTNS, 1, 36, 0), 1, /no values/],
    [
      "2^32 - 1 values",
      () => withNumber(file, WTNS, 1, 36, 2 ** 32 - 1),
      2,
      /expected 137438953440: 4294967295 values/,
    ],
    ["a value more", () => withNumber(file, WTNS, 1, 36, VALUES.length + 1), 2, /192 bytes, expected 224/],
    ["a value less", () => withNumber(file, WTNS, 1, 36, VALUES.length - 1), 2, /192 bytes, expected 160/],
    ["a byte less", body((bytes) => bytes.slice(1)), 2, /191 bytes/],
    ["another constant", () => value(0, 2n), 2, /value 0 is the constant/],
    ["no constant", () => value(0, 0n), 2, /value 0 is the constant/],
    ["the constant in another form", () => value(0, R + 1n), 2, /value 0 is not below/],
    ["a value of r", () => value(2, R), 2, /value 2 is not below the modulus/],
    ["a value of r + 1", () => value(3, R + 1n), 2, /value 3 is not below/],
    ["a last value of 2^256 - 1", () => value(5, 2n ** 256n - 1n), 2, /value 5 is not below/],
  ];
  for (const [why, make, section, words] of refusals)
    it(`is refused: ${why}`, () =>
      assert.rejects(readWitness(make()), (error: TacitError) => {
        assert.equal(error.code, "FILE_FORMAT");
        assert.equal(error.details.format, "wtns");
        assert.equal(error.details.section, section);
        assert.match(error.message, words);
        return true;
      }));

  it("is refused when cut anywhere", async () => {
    for (let length = 0; length < file.length; length++)
      await assert.rejects(readWitness(file.subarray(0, length)), { code: "FILE_FORMAT" });
  });

  it("is refused without a word of its values", async () => {
    const secret = R + 0xdeadbeefn;
    await assert.rejects(readWitness(value(4, secret)), (error: TacitError) => {
      assert.doesNotMatch(error.message + JSON.stringify(error.details), new RegExp(`${secret}|deadbeef`, "i"));
      return true;
    });
  });

  it(`throws nothing but its own errors (seed ${SEED}, ${MUTATIONS} mutations)`, async () => {
    const random = new Random(SEED);
    const codes = new Set<string>();
    for (let i = 0; i < MUTATIONS; i++) {
      const copy = file.slice();
      const at = random.integer(0, copy.length - 1);
      for (let n = at; n < Math.min(at + random.integer(1, 8), copy.length); n++) copy[n] ^= random.integer(1, 255);
      const cut = random.unit() < 0.1 ? random.integer(0, copy.length) : copy.length;
      const outcome = await readWitness(copy.subarray(0, cut), { wires: VALUES.length }).then(
        (values) => {
          assert.equal(values.length, BYTES.length);
          return "sound";
        },
        (error: unknown) => {
          assert.ok(error instanceof TacitError, String(error));
          return error.code;
        },
      );
      codes.add(outcome);
    }
    assert.deepEqual([...codes].sort(), ["FILE_FORMAT", "sound"]);
  });
});
