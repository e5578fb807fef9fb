import { bytesToHex } from "@noble/hashes/utils.js";

/** A field element that nobody guesses: 248 bits. */
export function randomElement(): bigint {
  return BigInt(`0x${bytesToHex(crypto.getRandomValues(new Uint8Array(31)))}`);
}
