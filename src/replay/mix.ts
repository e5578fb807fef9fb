/** Spreads integers evenly over 32 bits (the last step of MurmurHash3, after both halves of the number are joined). */
export function mix(key: number): number {
  let h = ((key % 2 ** 32) | 0) ^ Math.imul(Math.floor(key / 2 ** 32), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
