import { normalizeZ, type AffinePoint } from "@noble/curves/abstract/curve.js";
import type { WeierstrassPointCons } from "@noble/curves/abstract/weierstrass.js";
import { bn254 } from "@noble/curves/bn254.js";
import type { Group, Point } from "../../prover/curve.ts";
import { POINT_BYTES, type Engine } from "../../prover/engine/engine.ts";
import { makeWork, sumSegments } from "../../prover/engine/sum.ts";
import { WORK } from "../../prover/kernels/layout.ts";

/** Multiplies the generator of a group by many scalars, by tables of its multiples. */
export interface FixedBase {
  /**
   * @param scalars  address of `count` scalars below r, 32 bytes each, little endian
   * @returns affine points with coordinates as a .zkey has them, x 2^256 mod q; zeros for infinity
   */
  multiply(scalars: number, count: number, onChunk?: (done: number) => void): Uint8Array;
}

const SCALAR_BITS = 254;
/** Scalars that are multiplied at a time. */
const CHUNK = 4096;
/** Coordinates of 32 bytes that a kernel takes at a time. */
const BLOCK_BYTES = 256;

/**
 * Builds the table: the multiples j 2^(w k) G for windows k of w bits and 1 <= j <= 2^(w-1), by j and then by k. Digits are
 * signed, so that a scalar is a segment of references to the table, and all segments are summed as those of a proof are.
 * @param expected  about how many scalars will follow: decides the width of a window
 */
export function fixedBase(engine: Engine, group: Group, expected: number): FixedBase {
  const { heap } = engine;
  const width = bestWidth(expected);
  const windows = windowCount(width);
  const most = 2 ** (width - 1);
  const bytes = POINT_BYTES[group];
  const table = heap.alloc(windows * most * bytes);
  powersOfTwo(group, windows * width).forEach((point, bit) => {
    const [window, multiple] = [Math.floor(bit / width), 2 ** (bit % width)];
    engine.writePoint(table + (windows * (multiple - 1) + window) * bytes, point);
  });
  // Multiples between m and 2 m are sums of the m-th and of those below m, never of equal points.
  heap.scoped((alloc) => {
    const work = makeWork(engine, alloc, group, 0);
    const references = alloc(4 * windows * most);
    const results = alloc(2 * windows * most);
    for (let m = 2; m < most; m *= 2) {
      const sums = windows * (m - 1);
      const list = heap.words(references, 2 * sums);
      for (let i = 0; i < sums; i++) {
        list[2 * i] = table + (sums + (i % windows)) * bytes;
        list[2 * i + 1] = table + i * bytes;
      }
      heap.words(work + WORK.kept, 1)[0] = table + windows * m * bytes;
      sumSegments(engine, group, work, references, new Uint32Array(sums).fill(2), results);
    }
  });

  /** Writes references to the multiples whose sum a scalar's is. @returns how many */
  function refer(words: Uint32Array, scalar: number, to: Uint32Array, at: number): number {
    const start = at;
    let carry = 0;
    for (let window = 0, bit = 0; window < windows; window++, bit += width) {
      const shift = bit & 31;
      const word = bit >>> 5;
      let digit = word < 8 ? words[scalar + word] >>> shift : 0;
      if (shift + width > 32 && word < 7) digit |= words[scalar + word + 1] << (32 - shift);
      digit = (digit & (2 * most - 1)) + carry;
      carry = digit > most ? 1 : 0;
      if (carry) digit -= 2 * most;
      if (digit === 0) continue;
      to[at++] = table + (windows * (Math.abs(digit) - 1) + window) * bytes + (digit < 0 ? 1 : 0);
    }
    return at - start;
  }

  return {
    multiply: (scalars, count, onChunk) =>
      heap.scoped((alloc) => {
        const points = new Uint8Array(count * bytes);
        const work = makeWork(engine, alloc, group, CHUNK);
        const kept = heap.words(work + WORK.kept, 1)[0];
        const references = alloc(4 * windows * CHUNK);
        const results = alloc(4 * CHUNK);
        const out = alloc(CHUNK * bytes);
        for (let first = 0; first < count; first += CHUNK) {
          const size = Math.min(CHUNK, count - first);
          const words = heap.words(scalars + 32 * first, 8 * size);
          const list = heap.words(references, windows * size);
          const counts = new Uint32Array(size);
          for (let i = 0, at = 0; i < size; i++) at += counts[i] = refer(words, 8 * i, list, at);
          heap.words(work + WORK.kept, 1)[0] = kept;
          sumSegments(engine, group, work, references, counts, results);
          const sums = heap.words(results, size);
          const memory = new Uint8Array(heap.memory.buffer);
          // None has a sign, as a scalar's only digit is positive; and none is infinite but that of the scalar 0.
          for (let i = 0; i < size; i++) memory.copyWithin(out + i * bytes, sums[i], sums[i] + bytes);
          engine.giveCoordinates(out, Math.ceil((size * bytes) / BLOCK_BYTES));
          for (let i = 0; i < size; i++) if (sums[i] === 0) memory.fill(0, out + i * bytes, out + (i + 1) * bytes);
          points.set(memory.subarray(out, out + size * bytes), first * bytes);
          onChunk?.(first + size);
        }
        return points;
      }),
  };
}

/** One window more than the bits need where they would fill the last one: a carry may come out of it. */
function windowCount(width: number): number {
  return Math.floor(SCALAR_BITS / width) + 1;
}

/** The width that takes the fewest additions, of the table and of sums. */
function bestWidth(expected: number): number {
  let best = { width: 0, additions: Infinity };
  for (let width = 4; width <= 16; width++) {
    const additions = windowCount(width) * (2 ** (width - 1) + expected);
    if (additions < best.additions) best = { width, additions };
  }
  return best.width;
}

/** G, 2 G, 4 G, ... */
function powersOfTwo(group: Group, count: number): Point[] {
  if (group === "G1") return doublings(bn254.G1.Point, count).map(({ x, y }) => ({ x: [x], y: [y] }));
  return doublings(bn254.G2.Point, count).map(({ x, y }) => ({ x: [x.c0, x.c1], y: [y.c0, y.c1] }));
}

function doublings<F>(curve: WeierstrassPointCons<F>, count: number): AffinePoint<F>[] {
  const points = [curve.BASE];
  while (points.length < count) points.push(points.at(-1)!.double());
  return normalizeZ(curve, points).map((point) => point.toAffine());
}
