import type { Share } from "./messages.ts";

/** Points are dealt out in blocks of so many. */
export const BLOCK_POINTS = 256;
/** (sqrt(5) - 1) / 2: its multiples modulo 1 spread evenly, so any share is spread evenly over a list. */
const STEP = 0.6180339887498949;

/**
 * Runs of indexes below `count` that belong to a share.
 * @param begin, end  only those from `begin`, a multiple of BLOCK_POINTS, up to `end`
 */
export function* runs(
  count: number,
  { from, to }: Share,
  begin = 0,
  end = count,
): Generator<{ start: number; end: number }> {
  for (let block = begin / BLOCK_POINTS; block * BLOCK_POINTS < Math.min(count, end); block++) {
    const place = (block * STEP) % 1;
    if (place < from || place >= to) continue;
    yield { start: block * BLOCK_POINTS, end: Math.min((block + 1) * BLOCK_POINTS, count) };
  }
}

export function sizeOf(count: number, share: Share): number {
  let size = 0;
  for (const { start, end } of runs(count, share)) size += end - start;
  return size;
}

/** Those of `count` records of `bytes` each that belong to a share, one after the other. */
export function pick(from: Uint8Array, count: number, bytes: number, share: Share): Uint8Array {
  const picked = new Uint8Array(sizeOf(count, share) * bytes);
  let at = 0;
  for (const { start, end } of runs(count, share)) {
    picked.set(from.subarray(start * bytes, end * bytes), at);
    at += (end - start) * bytes;
  }
  return picked;
}

/** Shares of the weights given, in order. */
export function sharesOf(weights: readonly number[]): Share[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight, i) => {
    const from = sum / total;
    sum += weight;
    return { from, to: i === weights.length - 1 ? 1 : sum / total };
  });
}
