// Goal: a key that opens is the key that snarkjs sees, and a broken, foreign or forgeable one is refused by name.
// Method: keys of snarkjs's own ceremony and a development key; each rule broken alone; seeded mutations of all bytes.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { bn254 } from "@noble/curves/bn254.js";
import * as snarkjs from "snarkjs";
import { Random } from "../../../src/replay/random.ts";
import { TacitError } from "../../../src/protocol/errors.ts";
import { readInteger } from "../../../src/prover/files/integers.ts";
import { isPoint } from "../../../src/prover/files/points.ts";
import { openKey } from "../../../src/prover/files/zkey.ts";
import { checkCoefficients, type KeySection } from "../../../src/prover/files/zkeySections.ts";
import { readSections, writeSections, type Magic } from "../../../src/prover/sections.ts";
import { builtFixtures, type FixtureName } from "../fixtures.ts";
import { ceremony, inFolder, littleEndian, montgomery, saved, strayG2, withNumber, withSection } from "./fixtures.ts";

const SEED = 20261125;
const MUTATIONS = 4000;
const ZKEY: Magic = "zkey";
const IDS: Record<KeySection, number> = { ic: 3, coefficients: 4, a: 5, b1: 6, b2: 7, c: 8, h: 9 };
/** Where the header has what: three numbers after 72 bytes, then points. */
const [WIRES, PUBLICS, DOMAIN, ALPHA1, BETA1, BETA2, GAMMA2, DELTA1, DELTA2] = [
  72, 76, 80, 84, 148, 212, 340, 468, 532,
];
const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
const Q = bn254.fields.Fp.ORDER;
const R = bn254.fields.Fr.ORDER;

function bytesG1(scalar: bigint): Uint8Array {
  const { x, y } = G1.BASE.multiply(scalar).toAffine();
  return montgomery(x, y);
}

function bytesG2(scalar: bigint): Uint8Array {
  const { x, y } = G2.BASE.multiply(scalar).toAffine();
  return montgomery(x.c0, x.c1, y.c0, y.c1);
}

const refusedAt =
  (section: number | undefined, words: RegExp = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof TacitError);
    assert.equal(error.code, "FILE_FORMAT", error.message);
    assert.equal(error.details.format, "zkey");
    assert.equal(error.details.section, section, error.message);
    assert.match(error.message, words);
    return true;
  };

describe("key file", () => {
  let built: Awaited<ReturnType<typeof builtFixtures<FixtureName>>>;
  let keys: Awaited<ReturnType<typeof ceremony>>;
  /** a development key: the tiny key that is changed below */
  let tiny: Uint8Array;
  before(async () => {
    built = await builtFixtures("product", "shapes", "chain");
    keys = await ceremony(built.product.files.r1cs);
    tiny = new Uint8Array(await readFile(built.product.files.zkey));
  });

  const header = (at: number, ...parts: Uint8Array[]) =>
    withSection(tiny, ZKEY, 2, (bytes) => parts.forEach((part, i) => bytes.set(part, at + i * part.length)));

  describe("that snarkjs made", () => {
    it("has the verification key that snarkjs exports, member by member", () =>
      inFolder(async (folder) => {
        const path = await saved(folder, "key.zkey", keys.key);
        const exported = await snarkjs.zKey.exportVerificationKey(path);
        const key = await openKey(path);
        assert.equal(JSON.stringify(key.verificationKey), JSON.stringify(exported));
        assert.equal(key.verificationKey, key.verificationKey);
        await key.close();
      }));

    it("is described as snarkjs describes it", () =>
      inFolder(async (folder) => {
        const json = (await snarkjs.zKey.exportJson(await saved(folder, "key.zkey", keys.key))) as Record<
          string,
          unknown
        >;
        const key = await openKey(keys.key);
        assert.deepEqual(
          [key.wires, key.publicInputs, key.domain, key.power],
          [json.nVars, json.nPublic, json.domainSize, json.power],
        );
        const { alpha1, beta1, beta2, gamma2, delta1, delta2 } = key.points;
        const strings = (point: readonly unknown[]): unknown =>
          point.map((part) => (Array.isArray(part) ? strings(part) : String(part)));
        for (const [name, point] of Object.entries({ alpha_1: alpha1, beta_1: beta1, delta_1: delta1 }))
          assert.deepEqual(strings(point), (json[`vk_${name}`] as unknown[]).slice(0, 2).map(String), name);
        for (const [name, point] of Object.entries({ beta_2: beta2, gamma_2: gamma2, delta_2: delta2 }))
          assert.deepEqual(strings(point), strings((json[`vk_${name}`] as unknown[]).slice(0, 2)), name);
      }));

    it("is refused before anybody contributed to it", () =>
      assert.rejects(openKey(keys.fresh), refusedAt(2, /delta equal to gamma: .* lets anyone forge proofs/)));

    it("is refused when it is for PLONK", () =>
      assert.rejects(openKey(keys.plonk), refusedAt(1, /names PLONK, expected Groth16/)));
  });

  it("of each fixture has its published verification key", async () => {
    for (const { files } of Object.values(built)) {
      const key = await openKey(files.zkey);
      assert.deepEqual(key.verificationKey, JSON.parse(await readFile(files.vkey, "utf8")));
      await key.close();
    }
  });

  it("gives its sections, whole and in ranges", async () => {
    const sections = readSections(tiny, ZKEY);
    const key = await openKey(built.product.files.zkey);
    for (const [name, id] of Object.entries(IDS) as [KeySection, number][]) {
      const head = name === "coefficients" ? 4 : 0;
      const expected = Buffer.from(sections.get(id)!.subarray(head));
      const { offset, length, count } = key.section(name);
      const entry = length / count;
      assert.ok(expected.equals(tiny.subarray(offset, offset + length)), name);
      assert.ok(expected.equals(await key.read(name)), name);
      assert.ok(expected.subarray(entry, 3 * entry).equals(await key.read(name, 1, 3)), name);
      assert.equal((await key.read(name, count)).length, 0);
      const target = new Uint8Array(new SharedArrayBuffer(2 * entry));
      await key.readInto(name, 1, target);
      assert.ok(expected.subarray(entry, 3 * entry).equals(target), name);
      for (const [from, to] of [
        [0, count + 1],
        [2, 1],
        [-1, 1],
        [0.5, 1],
        [NaN, 1],
      ])
        await assert.rejects(key.read(name, from, to), { code: "OUT_OF_RANGE" });
      await assert.rejects(key.readInto(name, count - 1, target), { code: "OUT_OF_RANGE" });
      await assert.rejects(key.readInto(name, 0, new Uint8Array(entry + 1)), { code: "OUT_OF_RANGE" });
    }
    await key.close();
    await assert.rejects(key.read("a"), { code: "SOURCE" });
  });

  it("may have its sections in another order, and others besides", async () => {
    const sections = [...readSections(tiny, ZKEY)];
    const expected = (await openKey(tiny)).verificationKey;
    const orders = [sections.toReversed(), [...sections.slice(3), ...sections.slice(0, 3)]];
    orders.push([...sections, [77, Uint8Array.of(1, 2, 3)]]);
    orders.push(sections.filter(([id]) => id !== 10));
    for (const order of orders) {
      const key = await openKey(writeSections(ZKEY, 1, order));
      assert.deepEqual(key.verificationKey, expected);
      assert.deepEqual(await key.read("b2"), readSections(tiny, ZKEY).get(7));
    }
  });

  it("closes its file when it is refused", () =>
    inFolder(async (folder) => {
      const path = await saved(folder, "key.zkey", tiny.subarray(0, -1));
      const openFiles = async () => (await readdir("/proc/self/fd")).length;
      const before = await openFiles();
      for (let i = 0; i < 20; i++) await assert.rejects(openKey(path), refusedAt(10));
      assert.ok((await openFiles()) < before + 10);
    }));

  it("is not opened once aborted", async () => {
    const signal = AbortSignal.abort();
    await assert.rejects(openKey(tiny, { signal }), { code: "ABORTED" });
    await assert.rejects(openKey("/nowhere"), { code: "SOURCE" });
  });

  describe("is refused", () => {
    type Row = [why: string, file: () => Uint8Array, section: number | undefined, words?: RegExp];
    const number = (at: number, value: number) => () => withNumber(tiny, ZKEY, 2, at, value);
    const rows: Row[] = [
      ["an empty file", () => new Uint8Array(0), undefined],
      ["another format", () => writeSections("wtns", 2, [...readSections(tiny, ZKEY)]), undefined, /letters/],
      ["another version", () => Uint8Array.of(...tiny.subarray(0, 4), 2, ...tiny.subarray(5)), undefined, /version 2/],
      ["bytes after the end", () => Uint8Array.of(...tiny, 0), undefined, /1 bytes follow/],
      ["no such protocol", () => withNumber(tiny, ZKEY, 1, 0, 77), 1, /protocol 77, expected Groth16/],
      ["FFLONK", () => withNumber(tiny, ZKEY, 1, 0, 10), 1, /FFLONK/],
      ["a protocol of 5 bytes", () => withSection(tiny, ZKEY, 1, () => Uint8Array.of(1, 0, 0, 0, 0)), 1, /5 bytes/],
      ["an empty header", () => withSection(tiny, ZKEY, 2, () => new Uint8Array(0)), 2, /0 bytes, expected 660/],
      ["a short header", () => withSection(tiny, ZKEY, 2, (bytes) => bytes.slice(0, -1)), 2, /659 bytes, expected 660/],
      ["a long header", () => withSection(tiny, ZKEY, 2, (bytes) => Uint8Array.of(...bytes, 0)), 2, /661 bytes/],
      ["the curve bls12-381", () => withSection(tiny, ZKEY, 2, headerOfBls), 2, /another curve: its q/],
      ["another q", () => header(4, littleEndian(Q - 2n)), 2, /its q is not that of bn254/],
      ["another r", () => header(40, littleEndian(R - 2n)), 2, /its r is not that of bn254/],
      ["another size of r", number(36, 48), 2, /its r/],
      ["q and r swapped", () => header(4, littleEndian(R)), 2, /its q/],
      ["no wires", number(WIRES, 0), 2, /2 public inputs among 0 wires/],
      ["public inputs for all wires", () => number(PUBLICS, 13)(), 2, /13 public inputs among/],
      ["2^32 - 1 public inputs", number(PUBLICS, 2 ** 32 - 1), 2, /4294967295 public inputs/],
      ["2^32 - 1 wires", number(WIRES, 2 ** 32 - 1), 5, /expected 274877906880: 4294967295 entries of 64/],
      ["a wire more", () => number(WIRES, wires() + 1)(), 5],
      ["a wire less", () => number(WIRES, wires() - 1)(), 5],
      ["a public input more", number(PUBLICS, 3), 3, /192 bytes, expected 256: 4 entries of 64/],
      ["a public input less", number(PUBLICS, 1), 3, /192 bytes, expected 128/],
      ["a domain of 0", number(DOMAIN, 0), 2, /domain of 0, expected a power of two/],
      ["a domain of 1", number(DOMAIN, 1), 2, /domain of 1, /],
      ["a domain of 17", number(DOMAIN, 17), 2, /domain of 17, /],
      ["a domain of 2^29", number(DOMAIN, 2 ** 29), 2, /domain of 536870912, /],
      ["a domain of 2^27", number(DOMAIN, 2 ** 27), 9, /134217728 entries/],
      ["a domain of 2^28", number(DOMAIN, 2 ** 28), 2, /from 2 to 2\^27/],
      ["a domain below its public inputs", number(DOMAIN, 2), 2, /too small for 2 public inputs/],
      ["half the domain", number(DOMAIN, 8), 9, /1024 bytes, expected 512/],
      ["a coordinate of q", () => header(ALPHA1, littleEndian(Q)), 2, /alpha1 is no point of G1/],
      ["alpha1 in another form", () => header(ALPHA1, addQ(2, ALPHA1)), 2, /alpha1 is no point of G1/],
      ["a delta2 in another form", () => header(DELTA2, addQ(2, DELTA2)), 2, /delta2 is no point of G2/],
      ["alpha1 off the curve", () => header(ALPHA1, montgomery(1n, 1n)), 2, /alpha1 is no point of G1/],
      ["beta1 off the curve", () => header(BETA1, montgomery(1n, 1n)), 2, /beta1 is no point of G1/],
      ["beta2 off the curve", () => header(BETA2, montgomery(1n, 1n, 1n, 1n)), 2, /beta2 is no point of G2/],
      ["delta1 at infinity", () => header(DELTA1, new Uint8Array(64)), 2, /delta1 is the point at infinity/],
      ["gamma2 at infinity", () => header(GAMMA2, new Uint8Array(128)), 2, /gamma2 is the point at infinity/],
      ["gamma2 outside the subgroup", () => header(GAMMA2, strayG2()), 2, /gamma2 is outside the subgroup/],
      ["delta2 outside the subgroup", () => header(DELTA2, strayG2()), 2, /delta2 is outside the subgroup/],
      ["delta = gamma", () => header(GAMMA2, part(2, DELTA2, 128)), 2, /delta equal to gamma: .* forge/],
      ["delta = the generator", () => untouched(), 2, /delta equal to the generator: .* forge/],
      [
        "IC off the curve",
        () => withSection(tiny, ZKEY, 3, (bytes) => bytes.set(bytes.slice(0, 32), 64)),
        3,
        /point 1/,
      ],
      ["IC at infinity", () => withSection(tiny, ZKEY, 3, (bytes) => void bytes.fill(0, 128)), 3, /point 2 .*infinity/],
      ["no count of coefficients", () => withSection(tiny, ZKEY, 4, () => new Uint8Array(3)), 4, /3 bytes/],
      ["more coefficients", () => withNumber(tiny, ZKEY, 4, 0, 1 + count()), 4, /entries of 44/],
      ["2^32 - 1 coefficients", () => withNumber(tiny, ZKEY, 4, 0, 2 ** 32 - 1), 4, /4294967295 entries of 44/],
      ["fewer coefficients", () => withNumber(tiny, ZKEY, 4, 0, 0), 4, /expected 4: 0 entries/],
    ];
    for (const id of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      rows.push([`section ${id} missing`, () => without(id), id, /is missing/]);
      if (id > 2) rows.push([`section ${id} one byte short`, () => resized(id, -1), id]);
      if (id > 2) rows.push([`section ${id} one byte long`, () => resized(id, 1), id]);
      if (id > 4) rows.push([`section ${id} empty`, () => withSection(tiny, ZKEY, id, () => new Uint8Array(0)), id]);
    }

    const part = (id: number, at: number, length: number) =>
      readSections(tiny, ZKEY)
        .get(id)!
        .slice(at, at + length);
    const addQ = (id: number, at: number) => littleEndian(readInteger(part(id, at, 32)) + Q);
    const count = () => new DataView(part(4, 0, 4).buffer).getUint32(0, true);
    const wires = () => new DataView(part(2, WIRES, 4).buffer).getUint32(0, true);
    const without = (id: number) =>
      writeSections(
        ZKEY,
        1,
        [...readSections(tiny, ZKEY)].filter(([found]) => found !== id),
      );
    const resized = (id: number, by: number) =>
      withSection(tiny, ZKEY, id, (bytes) => (by < 0 ? bytes.slice(0, by) : Uint8Array.of(...bytes, 0)));
    /** Delta is the generator, and gamma another point. */
    const untouched = () =>
      withSection(tiny, ZKEY, 2, (bytes) => {
        bytes.set(bytesG2(5n), GAMMA2);
        bytes.set(bytesG1(1n), DELTA1);
        bytes.set(bytesG2(1n), DELTA2);
      });
    /** As snarkjs writes it for that curve: 48 bytes for q, points to match. */
    function headerOfBls(): Uint8Array {
      const bytes = new Uint8Array(4 + 48 + 4 + 32 + 12 + 3 * 96 + 3 * 192);
      new DataView(bytes.buffer).setUint32(0, 48, true);
      return bytes;
    }
    for (const [why, file, section, words] of rows)
      it(why, () => assert.rejects(openKey(file()), refusedAt(section, words)));

    it("cut anywhere", async () => {
      for (let length = 0; length < tiny.length; length++)
        await assert.rejects(openKey(tiny.subarray(0, length)), { code: "FILE_FORMAT" });
    });
  });

  describe("coefficients", () => {
    const ENTRY = 44;
    it("are sound in keys of both makers", async () => {
      for (const file of [keys.key, tiny]) {
        const key = await openKey(file);
        checkCoefficients(await key.read("coefficients"), key);
        checkCoefficients(await key.read("coefficients", 1, 2), key, 1);
      }
    });

    const rows: [why: string, at: number, value: number, words: RegExp][] = [
      ["a third matrix", 0, 2, /coefficient 3 names matrix 2, expected 0 or 1/],
      ["no such matrix", 0, 2 ** 32 - 1, /names matrix 4294967295/],
      ["a row beyond the domain", 4, 16, /coefficient 3 names row 16 of 16/],
      ["no such row", 4, 2 ** 32 - 1, /names row 4294967295/],
      ["no such wire", 8, 2 ** 32 - 1, /coefficient 3 names wire 4294967295 of/],
      ["a value above r", 40, 2 ** 32 - 1, /coefficient 3 has a value that is not below/],
    ];
    for (const [why, at, value, words] of rows)
      it(`are refused: ${why}`, async () => {
        const key = await openKey(tiny);
        const bytes = (await key.read("coefficients")).slice();
        new DataView(bytes.buffer).setUint32(3 * ENTRY + at, value, true);
        assert.throws(() => checkCoefficients(bytes, key), refusedAt(4, words));
        assert.throws(() => checkCoefficients(bytes.subarray(ENTRY), key, 1), refusedAt(4, words));
      });

    it("are refused when they name the wire after the last, or r itself, and at both sides of it", async () => {
      const key = await openKey(tiny);
      const bytes = (await key.read("coefficients")).slice();
      const view = new DataView(bytes.buffer);
      for (const [wire, sound] of [
        [key.wires - 1, true],
        [key.wires, false],
      ] as const) {
        view.setUint32(8, wire, true);
        if (sound) checkCoefficients(bytes, key);
        else assert.throws(() => checkCoefficients(bytes, key), refusedAt(4));
      }
      view.setUint32(8, 0, true);
      for (const [value, sound] of [
        [0n, true],
        [R - 1n, true],
        [R, false],
        [R + 1n, false],
        [(R & ~(1n << 40n)) - 1n, true],
        [2n ** 256n - 1n, false],
      ] as const) {
        bytes.set(littleEndian(value), 12);
        if (sound) checkCoefficients(bytes, key);
        else assert.throws(() => checkCoefficients(bytes, key), refusedAt(4));
      }
      assert.throws(() => checkCoefficients(bytes.subarray(0, -1), key), refusedAt(4));
    });
  });

  describe("points", () => {
    it("of a key are points, and none is after one bit of it is turned", async () => {
      const random = new Random(SEED);
      const key = await openKey(keys.key);
      for (const name of ["ic", "a", "b1", "b2", "c", "h"] as const) {
        const group = name === "b2" ? "g2" : "g1";
        const size = name === "b2" ? 128 : 64;
        const bytes = await key.read(name);
        for (let at = 0; at < bytes.length; at += size) {
          const point = bytes.slice(at, at + size);
          assert.ok(isPoint(group, point), name);
          point[random.integer(0, size - 1)] ^= 1 << random.integer(0, 7);
          assert.ok(!isPoint(group, point), name);
        }
      }
    });

    const rows: [why: string, group: "g1" | "g2", bytes: () => Uint8Array, sound: boolean][] = [
      ["infinity of G1", "g1", () => new Uint8Array(64), true],
      ["infinity of G2", "g2", () => new Uint8Array(128), true],
      ["the generator of G1", "g1", () => bytesG1(1n), true],
      ["the generator of G2", "g2", () => bytesG2(1n), true],
      ["a point of the curve of G2 outside the subgroup", "g2", strayG2, true],
      ["zeros written as q", "g1", () => Uint8Array.of(...littleEndian(Q), ...littleEndian(Q)), false],
      ["a coordinate with q added", "g1", () => plusQ(bytesG1(1n), 0), false],
      ["a coordinate of G2 with q added", "g2", () => plusQ(bytesG2(1n), 96), false],
      ["x = 0", "g1", () => montgomery(0n, 1n), false],
      ["y = 0", "g1", () => montgomery(1n, 0n), false],
      [
        "coordinates that are not in Montgomery form",
        "g1",
        () => Uint8Array.of(...littleEndian(1n), ...littleEndian(2n)),
        false,
      ],
      ["the parts of a coordinate swapped", "g2", () => swapped(bytesG2(1n)), false],
      ["one of G1 for G2", "g2", () => bytesG1(1n), false],
      ["one of G2 for G1", "g1", () => bytesG2(1n), false],
      ["no bytes", "g1", () => new Uint8Array(0), false],
    ];
    const plusQ = (bytes: Uint8Array, at: number) => {
      bytes.set(littleEndian(readInteger(bytes, at) + Q), at);
      return bytes;
    };
    const swapped = (bytes: Uint8Array) =>
      Uint8Array.of(...bytes.subarray(32, 64), ...bytes.subarray(0, 32), ...bytes.subarray(64));
    for (const [why, group, bytes, sound] of rows)
      it(`${sound ? "include" : "do not include"} ${why}`, () => assert.equal(isPoint(group, bytes()), sound));
  });

  it(`throws nothing but its own errors (seed ${SEED}, ${MUTATIONS} mutations)`, async () => {
    const random = new Random(SEED);
    const heads = headBytes(tiny);
    const codes = new Map<string, number>();
    const sound = await openKey(tiny);
    const ic = await sound.read("ic");
    for (let i = 0; i < MUTATIONS; i++) {
      const file = tiny.slice();
      // Mostly where the rules are; a change of what is not read here leaves a key that opens, which takes time.
      const at = random.unit() < 0.97 ? random.pick(heads) : random.integer(0, file.length - 1);
      const many = random.unit() < 0.2 ? random.integer(2, 8) : 1;
      for (let n = at; n < Math.min(at + many, file.length); n++)
        file[n] ^= random.pick([1, 255, 128, random.integer(1, 255)]);
      const cut = random.unit() < 0.1 ? random.integer(0, file.length) : file.length;
      const outcome = await openKey(file.subarray(0, cut)).then(async (key) => {
        assert.deepEqual(key.points, sound.points, `mutation ${i} gave another key`);
        assert.deepEqual(await key.read("ic"), ic, `mutation ${i} gave another key`);
        const coefficients = await key.read("coefficients");
        return checked(() => checkCoefficients(coefficients, key));
      }, codeOf);
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    assert.deepEqual([...codes.keys()].sort(), ["FILE_FORMAT", "sound"]);
    assert.ok(codes.get("FILE_FORMAT")! > MUTATIONS / 2);
  });
});

function codeOf(error: unknown): string {
  assert.ok(error instanceof TacitError, String(error));
  return error.code;
}

function checked(check: () => void): string {
  try {
    check();
    return "sound";
  } catch (error) {
    return codeOf(error);
  }
}

/** Where a change is most likely to matter: heads of file and sections, protocol, header, points of IC, counts. */
function headBytes(file: Uint8Array): number[] {
  const places = Array.from({ length: 12 }, (_, i) => i);
  for (const [id, bytes] of readSections(file, ZKEY)) {
    const from = bytes.byteOffset - file.byteOffset;
    for (let at = from - 12; at < from; at++) places.push(at);
    const within = id <= 3 ? bytes.length : id === 4 ? 4 : 0;
    for (let at = from; at < from + within; at++) places.push(at);
  }
  return places;
}
