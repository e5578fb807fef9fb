import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { TacitError } from "../protocol/errors.ts";
import { asObject } from "../protocol/json.ts";

/** Cost of a guess: some tenths of a second. WebCrypto has no function that costs memory as well. */
const ITERATIONS = 600_000;

/**
 * A secret of 32 bytes as JSON that only the passphrase opens.
 * @throws BAD_SECRET, PASSPHRASE
 * @source RFC 8018 (PBKDF2, with HMAC-SHA-512); AES-256-GCM, NIST SP 800-38D
 */
export async function sealSecret(secret: Uint8Array, passphrase: string): Promise<string> {
  if (secret.length !== 32) throw new TacitError("BAD_SECRET", "a secret has 32 bytes");
  if (passphrase === "") throw new TacitError("PASSPHRASE", "the passphrase is empty: expected at least one character");
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await keyOf(passphrase, salt);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, Uint8Array.from(secret)));
  const text = {
    kind: "tacit-key",
    version: 1,
    salt: bytesToHex(salt),
    iv: bytesToHex(iv),
    sealed: bytesToHex(sealed),
  };
  return JSON.stringify(text);
}

/** @throws FORMAT when it is no sealed secret, PASSPHRASE when the passphrase is not the one */
export async function openSecret(text: string, passphrase: string): Promise<Uint8Array> {
  const wrong = () => new TacitError("FORMAT", "this is no sealed key: expected a file of version 1 that Tacit wrote");
  let json;
  try {
    json = asObject("key", JSON.parse(text));
  } catch {
    throw wrong();
  }
  const bytes = (name: string, length: number) => {
    const value = json[name];
    if (typeof value !== "string" || !/^[0-9a-f]*$/.test(value) || value.length !== 2 * length) throw wrong();
    return Uint8Array.from(hexToBytes(value));
  };
  if (json.kind !== "tacit-key" || json.version !== 1) throw wrong();
  const [salt, iv, sealed] = [bytes("salt", 32), bytes("iv", 12), bytes("sealed", 48)];
  try {
    const key = await keyOf(passphrase, salt);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed));
  } catch {
    throw new TacitError("PASSPHRASE", "the key does not open with this passphrase");
  }
}

async function keyOf(passphrase: string, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const typed = Uint8Array.from(utf8ToBytes(passphrase.normalize("NFKC")));
  const base = await crypto.subtle.importKey("raw", typed, "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-512", salt, iterations: ITERATIONS };
  return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
