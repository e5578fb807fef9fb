import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { TacitError } from "../../protocol/errors.ts";

const IV = 12;
const TAG = 16;

/** Encrypts what co-signers keep for the operator: who has its secret reads it, in any of its venue's processes. */
export interface Seal {
  seal(plain: Uint8Array): Uint8Array;
  /** @throws SEALED  when it was sealed with another secret, or changed */
  open(sealed: Uint8Array): Uint8Array;
}

/**
 * AES-256-GCM with a key of its own from the operator's secret.
 * @source RFC 5869 (HKDF, with SHA-256); NIST SP 800-38D
 */
export function operatorSeal(secret: Uint8Array): Seal {
  const key = hkdf(sha256, secret, undefined, utf8ToBytes("tacit: entries that co-signers keep"), 32);
  return {
    seal(plain) {
      const iv = randomBytes(IV);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed) {
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, IV));
        decipher.setAuthTag(sealed.subarray(-TAG));
        return Buffer.concat([decipher.update(sealed.subarray(IV, -TAG)), decipher.final()]);
      } catch {
        throw new TacitError("SEALED", "an entry does not open with the operator's secret");
      }
    },
  };
}
