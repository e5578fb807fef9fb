import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bn254 } from "@noble/curves/bn254.js";
import { singleThreaded } from "../snarkjs.ts";
import { readSections, writeSections, type Magic } from "../../../src/prover/sections.ts";

const Q = bn254.fields.Fp.ORDER;

/** Runs with a folder that is removed afterwards. */
export async function inFolder<Result>(run: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "tacit-files-"));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Keys from snarkjs's own ceremony: before and after the first contribution, and one for PLONK. */
export async function ceremony(r1cs: string): Promise<{ fresh: Uint8Array; key: Uint8Array; plonk: Uint8Array }> {
  const snarkjs = await singleThreaded();
  const { powersOfTau, zKey, plonk } = snarkjs as unknown as Record<
    "powersOfTau" | "zKey" | "plonk",
    Record<string, (...values: unknown[]) => Promise<unknown>>
  >;
  const curve = (globalThis as { curve_bn128?: unknown }).curve_bn128;
  return inFolder(async (folder) => {
    const file = (name: string) => join(folder, name);
    await powersOfTau.newAccumulator(curve, 6, file("0.ptau"));
    await powersOfTau.contribute(file("0.ptau"), file("1.ptau"), "first", "entropy of tau");
    await powersOfTau.preparePhase2(file("1.ptau"), file("2.ptau"));
    await zKey.newZKey(r1cs, file("2.ptau"), file("0.zkey"));
    await zKey.contribute(file("0.zkey"), file("1.zkey"), "second", "entropy of delta");
    await plonk.setup(r1cs, file("2.ptau"), file("plonk.zkey"));
    const [fresh, key, forPlonk] = await Promise.all(
      ["0.zkey", "1.zkey", "plonk.zkey"].map(async (name) => new Uint8Array(await readFile(file(name)))),
    );
    return { fresh, key, plonk: forPlonk };
  });
}

/** A copy of a file, one of its sections changed in place or replaced. */
export function withSection(
  file: Uint8Array,
  magic: Magic,
  id: number,
  change: (bytes: Uint8Array) => Uint8Array | void,
): Uint8Array {
  const version = new DataView(file.buffer, file.byteOffset).getUint32(4, true);
  const sections = [...readSections(file, magic)].map(([found, bytes]): [number, Uint8Array] => {
    if (found !== id) return [found, bytes];
    const copy = bytes.slice();
    return [found, change(copy) ?? copy];
  });
  return writeSections(magic, version, sections);
}

/** As withSection, a number of 32 bits written at a place. */
export function withNumber(file: Uint8Array, magic: Magic, id: number, at: number, value: number): Uint8Array {
  return withSection(file, magic, id, (bytes) => new DataView(bytes.buffer).setUint32(at, value, true));
}

/** 32 bytes, little endian. */
export function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

/** Coordinates as keys hold them: x * 2^256 mod q. */
export function montgomery(...coordinates: bigint[]): Uint8Array {
  const bytes = new Uint8Array(32 * coordinates.length);
  coordinates.forEach((x, i) => bytes.set(littleEndian((x << 256n) % Q), 32 * i));
  return bytes;
}

/** A point of the curve of G2 that is outside the subgroup. */
export function strayG2(): Uint8Array {
  const { Fp2 } = bn254.fields;
  for (let c0 = 1n; ; c0++) {
    const x = { c0, c1: 0n };
    const square = Fp2.add(Fp2.mul(Fp2.sqr(x), x), bn254.G2.Point.CURVE().b);
    try {
      const y = Fp2.sqrt(square);
      if (!bn254.G2.Point.fromAffine({ x, y }).isTorsionFree()) return montgomery(x.c0, x.c1, y.c0, y.c1);
    } catch {
      // no root: the next one
    }
  }
}

export async function saved(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
