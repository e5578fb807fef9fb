import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { outOfRange } from "../../protocol/errors.ts";
import { signerAddress } from "../../protocol/receipt.ts";

/** Signs receipts. The key may lie elsewhere: in a thread, or in hardware. */
export interface Signer {
  /** 0x and 40 lower case digits */
  readonly address: string;
  /** @param digest  32 bytes. @returns r, s and 27 or 28, as 0x and 130 digits; s is the lower one */
  sign(digest: Uint8Array): string | Promise<string>;
}

/** r and s, 64 bytes, and the parity of R */
export type SignRecoverable = (digest: Uint8Array, key: Uint8Array) => [signature: Uint8Array, recovery: number];

/**
 * Signs with a key in memory. Equal digests have equal signatures (RFC 6979).
 * @param signRecoverable  what computes; plain JavaScript if not given, by which one takes four times as long as in the
 *                         thread of `threadSigner` (`npm run bench hashes`)
 * @throws BAD_SECRET
 */
export function localSigner(secret: Uint8Array, signRecoverable: SignRecoverable = portable): Signer {
  const key = Uint8Array.from(secret);
  const address = signerAddress(key);
  return {
    address,
    sign(digest) {
      if (digest.length !== 32) throw outOfRange("digest", "32 bytes");
      const [signature, recovery] = signRecoverable(digest, key);
      return `0x${bytesToHex(signature)}${(27 + recovery).toString(16)}`;
    },
  };
}

const portable: SignRecoverable = (digest, key) => {
  const signature = secp256k1.sign(digest, key, { prehash: false, format: "recovered" });
  return [signature.subarray(1), signature[0]];
};
