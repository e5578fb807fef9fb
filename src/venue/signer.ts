import { bytesToHex } from "@noble/hashes/utils.js";
import * as secp256k1 from "tiny-secp256k1";
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
  return {
    address: signerAddress(key),
    sign(digest) {
      const { signature, recoveryId } = secp256k1.signRecoverable(digest, key);
      return `0x${bytesToHex(signature)}${(27 + recoveryId).toString(16)}`;
    },
  };
}
