import { BATCH, type WasmCurve } from "./wasmCurve.ts";

export type Group = "G1" | "G2";
export const POINT_BYTES = { G1: 64, G2: 128 } as const;

/** Multiplies the generator of a group by many scalars, by tables of its multiples. */
export interface FixedBase {
  /**
   * @param scalars  address of `count` scalars, not in Montgomery form
   * @returns affine points with coordinates in Montgomery form; zeros for infinity
   */
  multiply(scalars: number, count: number, onChunk?: (done: number) => void): Uint8Array;
}

const SCALAR_BITS = 254;

/**
 * Builds the tables: for window k of w bits all j * 2^(w k) G with 1 <= j <= 2^(w-1); digits are signed.
 * @param expected  about how many scalars will follow: decides the width of a window
 */
export function fixedBase(curve: WasmCurve, group: Group, expected: number): FixedBase {
  const width = bestWidth(expected);
  const windows = windowCount(width);
  const entries = 1 << (width - 1);
  const affine = POINT_BYTES[group];
  const projective = (affine / 2) * 3;
  const prefix = group === "G1" ? "g1m" : "g2m";
  const { [`${prefix}_addMixed`]: addMixed, [`${prefix}_subMixed`]: subMixed } = curve.call;
  const { [`${prefix}_toJacobian`]: toProjective, [`${prefix}_neg`]: negate } = curve.call;
  const { [`${prefix}_batchToAffine`]: batchToAffine, [`${prefix}_double`]: double } = curve.call;
  const { [`${prefix}_toAffine`]: toAffine } = curve.call;

  const table = curve.alloc(windows * entries * affine);
  const batch = curve.alloc(BATCH * projective);
  const base = curve.alloc(affine);
  const sum = curve.alloc(projective);
  toAffine(curve.generator[group], base);
  for (let window = 0; window < windows; window++) {
    const start = table + window * entries * affine;
    toProjective(base, sum);
    for (let first = 0; first < entries; first += BATCH) {
      const size = Math.min(BATCH, entries - first);
      for (let i = 0; i < size; i++) {
        curve.bytes.copyWithin(batch + i * projective, sum, sum + projective);
        if (first + i + 1 < entries) addMixed(sum, base, sum);
      }
      batchToAffine(batch, size, start + first * affine);
    }
    double(sum, sum);
    toAffine(sum, base);
  }

  function multiplyOne(scalar: number, out: number): boolean {
    const { words } = curve;
    const at = scalar >>> 2;
    let started = false;
    let carry = 0;
    for (let window = 0, bit = 0; window < windows; window++, bit += width) {
      const shift = bit & 31;
      const word = bit >>> 5;
      let digit = word < 8 ? words[at + word] >>> shift : 0;
      if (shift + width > 32 && word < 7) digit |= words[at + word + 1] << (32 - shift);
      digit = (digit & (2 * entries - 1)) + carry;
      carry = digit > entries ? 1 : 0;
      if (carry) digit -= 2 * entries;
      if (digit === 0) continue;
      const entry = table + (window * entries + Math.abs(digit) - 1) * affine;
      if (started) (digit > 0 ? addMixed : subMixed)(out, entry, out);
      else {
        toProjective(entry, out);
        if (digit < 0) negate(out, out);
        started = true;
      }
    }
    return started;
  }

  return {
    multiply(scalars, count, onChunk) {
      const points = new Uint8Array(count * affine);
      const where = new Uint32Array(BATCH);
      let size = 0;
      const flush = () => {
        if (size > 0) batchToAffine(batch, size, batch);
        for (let i = 0; i < size; i++)
          points.set(curve.bytes.subarray(batch + i * affine, batch + (i + 1) * affine), where[i] * affine);
        size = 0;
      };
      for (let i = 0; i < count; i++) {
        // A zero scalar leaves its point at infinity: zeros, which the array already holds.
        if (multiplyOne(scalars + i * 32, batch + size * projective)) where[size++] = i;
        if (size === BATCH) {
          flush();
          onChunk?.(i + 1);
        }
      }
      flush();
      onChunk?.(count);
      return points;
    },
  };
}

/** One window more than the bits need where they would fill the last one: a carry may come out of it. */
function windowCount(width: number): number {
  return Math.floor(SCALAR_BITS / width) + 1;
}

function bestWidth(expected: number): number {
  let best = { width: 0, additions: Infinity };
  for (let width = 4; width <= 16; width++) {
    const additions = windowCount(width) * (1.6 * 2 ** (width - 1) + expected);
    if (additions < best.additions) best = { width, additions };
  }
  return best.width;
}
