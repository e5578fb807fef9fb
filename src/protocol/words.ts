import { outOfRange } from "./errors.ts";

/** Words of 32 bytes, big end first. @throws OUT_OF_RANGE unless each word is in [0, 2^256): a word that wrapped would be another one. */
export function wordsToBytes(words: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(32 * words.length);
  words.forEach((word, n) => {
    for (let i = 31; i >= 0; i--, word >>= 8n) bytes[32 * n + i] = Number(word & 255n);
    if (word !== 0n) throw outOfRange(`word ${n}`, "an integer in [0, 2^256)");
  });
  return bytes;
}
