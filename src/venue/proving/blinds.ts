import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { FIELD } from "../../protocol/numbers.ts";
import { wordsToBytes } from "../../protocol/words.ts";

/**
 * Blinding values of state words, from the operator's secret and the word before: as good as random to who does not know
 * the secret, and the same after a restart, so that proofs made before it still fit. No two words of one history are
 * alike, so no value is used twice; only a store put back to an older state begins a second history.
 * @source RFC 5869 (HKDF), RFC 2104 (HMAC); 512 bits reduced modulo 254 are uniform up to 2^-258
 */
export function blindsOf(secret: Uint8Array): (word: bigint) => bigint {
  const key = hkdf(sha512, secret, undefined, utf8ToBytes("tacit blinding of states"), 64);
  return (word) => {
    const tag = hmac(sha512, key, wordsToBytes([word]));
    return BigInt(`0x${bytesToHex(tag)}`) % FIELD;
  };
}

/** Where the chains of fills begin, which no opening shows: it hides what the channels hold from who knows their hash. */
export function hiddenOf(secret: Uint8Array): bigint {
  return (
    BigInt(`0x${bytesToHex(hkdf(sha512, secret, undefined, utf8ToBytes("tacit beginning of the fills"), 64))}`) % FIELD
  );
}
