import { createRequire } from "node:module";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { outOfRange } from "../protocol/errors.ts";
import { signerAddress } from "../protocol/receipt.ts";

/** Signs receipts. The key may lie elsewhere: in a thread, or in hardware. */
export interface Signer {
  /** 0x and 40 lower case digits */
  readonly address: string;
  /** @param digest  32 bytes. @returns r, s and 27 or 28, as 0x and 130 digits; s is the lower one */
  sign(digest: Uint8Array): string | Promise<string>;
}

/** Signs with a key in memory. Equal digests have equal signatures (RFC 6979). @throws BAD_SECRET */
export function localSigner(secret: Uint8Array): Signer {
  const key = Uint8Array.from(secret);
  const address = signerAddress(key);
  const signRecoverable = native ?? portable;
  return {
    address,
    sign(digest) {
      if (digest.length !== 32) throw outOfRange("digest", "32 bytes");
      const [signature, recovery] = signRecoverable(digest, key);
      return `0x${bytesToHex(signature)}${(27 + recovery).toString(16)}`;
    },
  };
}

/** r and s, 64 bytes, and the parity of R */
type SignRecoverable = (digest: Uint8Array, key: Uint8Array) => [signature: Uint8Array, recovery: number];

/** libsecp256k1, compiled for this machine: many times as fast. null where the package has no such file. */
export const native = loadNative();
function loadNative(): SignRecoverable | null {
  try {
    const { ecdsaSign } = createRequire(import.meta.url)("secp256k1/bindings.js");
    return (digest, key) => {
      const { signature, recid } = ecdsaSign(digest, key);
      return [signature, recid];
    };
  } catch {
    return null;
  }
}

/** The same signatures of all but numbers beyond the order, which no hash is, everywhere. */
export const portable: SignRecoverable = (digest, key) => {
  const signature = secp256k1.sign(digest, key, { prehash: false, format: "recovered" });
  return [signature.subarray(1), signature[0]];
};
