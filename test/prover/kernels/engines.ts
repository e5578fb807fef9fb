/** Engines for the tests, from kernels as they were built, and the groups of @noble/curves as their reference. */
import assert from "node:assert/strict";
import { bn254 } from "@noble/curves/bn254.js";
import { mod, type Coordinate, type Group, type Point } from "../../../src/prover/curve.ts";
import { enableRelaxedSimd } from "../../../src/prover/engine/backend.ts";
import { Engine, type Backend } from "../../../src/prover/engine/engine.ts";
import { readKernel } from "../../../src/prover/runtime.ts";
import { Random } from "../../../src/replay/random.ts";
import { BACKENDS } from "./fields.ts";

let compiled: Promise<Record<Backend, WebAssembly.Module>> | undefined;

/** Modules of all backends, as they were built. */
export async function builtModules(): Promise<Record<Backend, Uint8Array>> {
  const [fma, scalar] = await Promise.all([readKernel("fma"), readKernel("scalar")]);
  return { fma, scalar };
}

export function kernels(): Promise<Record<Backend, WebAssembly.Module>> {
  return (compiled ??= (async () => {
    enableRelaxedSimd();
    const modules = await builtModules();
    const [fma, scalar] = await Promise.all(
      [modules.fma, modules.scalar].map((bytes) => WebAssembly.compile(bytes as BufferSource)),
    );
    return { fma, scalar };
  })());
}

/** A suite for each backend, with an engine for each test. */
export function describeEngines(what: string, body: (start: () => Promise<Engine>) => void): void {
  for (const backend of BACKENDS)
    describe(`${what} (${backend})`, () => body(async () => Engine.start((await kernels())[backend], backend)));
}

const G1 = bn254.G1.Point;
const G2 = bn254.G2.Point;
export const ORDER: bigint = G1.Fn.ORDER;

/** What the tests need of a point of @noble/curves. */
export interface Known {
  add(other: Known): Known;
  negate(): Known;
  double(): Known;
  multiplyUnsafe(scalar: bigint): Known;
  is0(): boolean;
  toAffine(): { x: unknown; y: unknown };
}
export const ZERO = { G1: G1.ZERO, G2: G2.ZERO } as unknown as Record<Group, Known>;
const BASE = { G1: G1.BASE, G2: G2.BASE } as unknown as Record<Group, Known>;

/** A multiple of the generator that no other is a small multiple of. */
export function randomPoint(group: Group, random: Random): Known {
  return BASE[group].multiplyUnsafe(1n + (random.bits(300) % (ORDER - 1n)));
}

export function fromKnown(known: Known): Point {
  if (known.is0()) return undefined;
  const { x, y } = known.toAffine();
  const coordinate = (value: unknown): Coordinate => {
    if (typeof value === "bigint") return [value];
    const { c0, c1 } = value as { c0: bigint; c1: bigint };
    return [c0, c1];
  };
  return { x: coordinate(x), y: coordinate(y) };
}

export function sumOf(group: Group, points: readonly Known[]): Known {
  return points.reduce((sum, point) => sum.add(point), ZERO[group]);
}

export function assertPoint(found: Point, expected: Known, message?: string): void {
  assert.deepEqual(found, fromKnown(expected), message);
}

/** Bytes of points as a .zkey has them: x 2^256 mod q, zeros for infinity. */
export function pointBytes(group: Group, points: readonly Point[]): Uint8Array {
  const width = group === "G1" ? 1 : 2;
  const numbers = points.flatMap((point) =>
    point ? [...point.x, ...point.y].map((x) => mod(x << 256n)) : Array.from({ length: 2 * width }, () => 0n),
  );
  return numberBytes(numbers);
}

/** 32 bytes each, little endian */
export function numberBytes(numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(32 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    for (let word = 0; word < 4; word++)
      view.setBigUint64(32 * i + 8 * word, BigInt.asUintN(64, number >> BigInt(64 * word)), true);
  });
  return bytes;
}

export function numbersOf(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 32 }, (_, i) =>
    [3, 2, 1, 0].reduce((sum, word) => (sum << 64n) | view.getBigUint64(32 * i + 8 * word, true), 0n),
  );
}
