import { keccak_256 } from "@noble/hashes/sha3.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { EIP712_SEPARATOR, recoverSigner } from "./receipt.ts";
import { wordsToBytes } from "./words.ts";

/**
 * The log has this head after so many entries. Signed by the venue's signer it is what co-signers are asked to sign too; with
 * signatures of 2f + 1 of 3f + 1 of them nothing else can be final there.
 * Twin: `LogHeads` in the verifier contract.
 * @source EIP-712, "Ethereum typed structured data hashing and signing"
 */
export interface LogHead {
  readonly domain: bigint;
  /** of the opening of the store that asked for it, below 2^32 */
  readonly epoch: number;
  /** entries of the log up to it, at least 1 */
  readonly n: number;
  /** of the log after them */
  readonly head: bigint;
}

export interface SignedLogHead extends LogHead {
  /** r, s and 27 or 28: 65 bytes as hexadecimal */
  readonly signature: string;
}

const TYPE_HASH = keccak_256(utf8ToBytes("LogHead(uint256 domain,uint256 epoch,uint256 n,uint256 head)"));

/** The 32 bytes that are signed, by the venue's signer and by co-signers alike. */
export function logHeadDigest({ domain, epoch, n, head }: LogHead): Uint8Array {
  const words = wordsToBytes([domain, BigInt(epoch), BigInt(n), head]);
  return keccak_256(
    concatBytes(Uint8Array.of(0x19, 0x01), EIP712_SEPARATOR, keccak_256(concatBytes(TYPE_HASH, words))),
  );
}

/** Address that signed it, or null. */
export function logHeadSigner(head: LogHead, signature: string): string | null {
  return recoverSigner(logHeadDigest(head), signature);
}
