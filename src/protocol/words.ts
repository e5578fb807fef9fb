import { outOfRange } from "./errors.ts";

/** Words of 32 bytes, big end first. @throws OUT_OF_RANGE unless each word is in [0, 2^256): a word that wrapped would be another one. */
export function wordsToBytes(words: readonly bigint[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(32 * words.length));
  words.forEach((word, n) => {
    if (word >> 256n) throw outOfRange(`word ${n}`, "an integer in [0, 2^256)");
    setWord(view, 32 * n, word);
  });
  return new Uint8Array(view.buffer);
}

/** Writes a word, big end first, in parts of 64 bits: the other ones wrap away. */
export function setWord(view: DataView, at: number, word: bigint): void {
  for (let i = 3; i >= 0; i--, word >>= 64n) view.setBigUint64(at + 8 * i, word);
}
