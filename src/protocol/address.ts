import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { TacitError } from "./errors.ts";

/**
 * An address of the chain, as people write it: 0x and 40 digits, in one case, or in both so that they are its checksum.
 * @throws ADDRESS  what it is instead is said, not which one it is
 * @source EIP-55, "Mixed-case checksum address encoding"
 */
export function parseAddress(name: string, text: string): bigint {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text))
    throw new TacitError("ADDRESS", `${name} is wrong: expected an address, 0x and 40 hexadecimal digits`);
  const digits = text.slice(2);
  if (/[a-f]/.test(digits) && /[A-F]/.test(digits) && text !== addressText(BigInt(text)))
    throw new TacitError("ADDRESS", `${name} is wrong: its capital letters are not its checksum, so it is mistyped`);
  return BigInt(text);
}

/** With its checksum in capital letters. @param address  below 2^160 */
export function addressText(address: bigint): string {
  const digits = address.toString(16).padStart(40, "0");
  const hash = bytesToHex(keccak_256(utf8ToBytes(digits)));
  return `0x${[...digits].map((digit, i) => (parseInt(hash[i], 16) >= 8 ? digit.toUpperCase() : digit)).join("")}`;
}

/**
 * Refuses recipients from whom nobody could take what they are paid.
 * @param dead  addresses of the venue's contract and token
 * @throws ADDRESS
 */
export function requireRecipient(recipient: bigint, dead: readonly string[]): void {
  if (recipient === 0n) throw deadEnd("0");
  if (dead.some((address) => BigInt(address) === recipient)) throw deadEnd("the venue's contract or its token");
}

function deadEnd(recipient: string): TacitError {
  return new TacitError("ADDRESS", `the recipient is ${recipient}: nobody could take the money from there`);
}
