import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { TacitError } from "./errors.ts";
import { authHash, itemHash, type LogEntry } from "./item.ts";
import { hash } from "./poseidon.ts";
import { wordsToBytes } from "./words.ts";

/**
 * The operator's answer to an item: at this position of the log stands this entry, and the head of the log after it is
 * this. Signed as typed data, so that a contract can judge it; whoever holds two for one position, or one that the proven
 * log contradicts, can show that the operator lied.
 * No circuit and no contract has a twin of it so far: the contract that judges receipts is still to come.
 * @source EIP-712, "Ethereum typed structured data hashing and signing"; SEC 1, section 4.1 (ECDSA)
 */
export interface Receipt {
  readonly domain: bigint;
  /** position in the log, from 0 */
  readonly n: bigint;
  /** H_item and H_auth of the entry; auth is 0 of a command */
  readonly item: bigint;
  readonly auth: bigint;
  /** seconds since 1970 */
  readonly time: bigint;
  /** head of the log after the entry */
  readonly head: bigint;
}

export interface SignedReceipt extends Receipt {
  /** head of the log before the entry: not signed, since `head` is its hash with the entry's */
  readonly previous: bigint;
  /** r, s and 27 or 28: 65 bytes as hexadecimal */
  readonly signature: string;
}

const FIELDS = ["domain", "n", "item", "auth", "time", "head"] as const;
const TYPE = `Receipt(${FIELDS.map((name) => `uint256 ${name}`).join(",")})`;
const keccakText = (text: string) => keccak_256(utf8ToBytes(text));
const TYPE_HASH = keccakText(TYPE);
/** The domain separator of all that is signed as typed data: the venue is a field of each message. */
export const EIP712_SEPARATOR = keccak_256(
  concatBytes(keccakText("EIP712Domain(string name,string version)"), keccakText("Tacit"), keccakText("1")),
);

/** The 32 bytes that are signed. */
export function receiptDigest(receipt: Receipt): Uint8Array {
  const words = wordsToBytes(FIELDS.map((name) => receipt[name]));
  return keccak_256(
    concatBytes(Uint8Array.of(0x19, 0x01), EIP712_SEPARATOR, keccak_256(concatBytes(TYPE_HASH, words))),
  );
}

/** What a receipt says of an entry, whose head is known. */
export function receiptOf(domain: bigint, n: bigint, entry: LogEntry, head: bigint): Receipt {
  const { item, auth, time } = entry;
  return { domain, n, item: itemHash(domain, item), auth: auth ? authHash(auth) : 0n, time, head };
}

/** Address of a public key, compressed or not: 0x and 40 lower case digits. */
export function addressOf(publicKey: Uint8Array): string {
  const point = secp256k1.Point.fromBytes(publicKey).toBytes(false);
  return `0x${bytesToHex(keccak_256(point.slice(1)).slice(12))}`;
}

/** Address of a private key of 32 bytes. @throws BAD_SECRET */
export function signerAddress(secret: Uint8Array): string {
  if (!secp256k1.utils.isValidSecretKey(secret))
    throw new TacitError("BAD_SECRET", "the signer's key must be 32 bytes, from 1 to the order of secp256k1 less 1");
  return addressOf(secp256k1.getPublicKey(secret));
}

/** Why a receipt is not one of this signer, or null when it is. */
export function receiptDefect(receipt: SignedReceipt, signer: string): string | null {
  const { item, auth, time, head, previous, signature } = receipt;
  if (hash("log", [previous, item, auth, time]) !== head) return "its head does not follow from its entry";
  if (recoverSigner(receiptDigest(receipt), signature) !== signer.toLowerCase())
    return "it is not signed by the venue's signer";
  return null;
}

/** Address that made a signature of a digest of 32 bytes, or null when there is none. */
export function recoverSigner(digest: Uint8Array, signature: string): string | null {
  if (!/^0x[0-9a-f]{130}$/i.test(signature)) return null;
  const bytes = hexToBytes(signature.slice(2));
  const recovery = bytes[64] - 27;
  if (recovery !== 0 && recovery !== 1) return null;
  try {
    const { r, s } = secp256k1.Signature.fromBytes(bytes.slice(0, 64), "compact");
    const signed = new secp256k1.Signature(r, s, recovery);
    // Of the two values of s that fit, contracts take the lower one.
    if (signed.hasHighS()) return null;
    return addressOf(signed.recoverPublicKey(digest).toBytes());
  } catch {
    return null;
  }
}
