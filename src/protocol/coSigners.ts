import { parseAddress } from "./address.ts";
import { outOfRange } from "./errors.ts";
import { asInteger, asList, asObject, badFormat } from "./json.ts";
import type { HashedEntry } from "./item.ts";
import { logHeadSigner, type LogHead } from "./logHead.ts";
import { FIELD } from "./numbers.ts";
import { BITS } from "./parameters.ts";

/** Most that a venue may have: f = 10. The contract is compiled with it. */
export const MAX_CO_SIGNERS = 31;

/**
 * Who signs heads of a venue's log beside its operator, 3f + 1 of them. As long as no more than f of them lie no two heads of
 * one number of entries have signatures of 2f + 1: whoever has seen them has seen the log that everybody else will.
 * Twin: src/verifier/contract/LogHeads.sol.
 * @source Bracha and Toueg, "Asynchronous consensus and broadcast protocols", J. ACM 32 (1985): quorums of 2f + 1 of 3f + 1
 */
export interface CoSigners {
  /** 0x and 40 lower case digits each, all different, none 0; their order is that of signatures */
  readonly addresses: readonly string[];
  /** 2f + 1 */
  readonly quorum: number;
}

/** A head with the signatures of co-signers, in their order, null where there is none. */
export interface CoSignedHead extends LogHead {
  readonly signatures: readonly (string | null)[];
}

/**
 * @param addresses  0x and 40 digits each
 * @param at  what they are called in an error
 * @throws OUT_OF_RANGE, ADDRESS  when they are not 3f + 1 different ones, 31 at most
 */
export function coSignersOf(addresses: readonly string[], at = "coSigners"): CoSigners {
  const count = addresses.length;
  if (count % 3 !== 1 || count > MAX_CO_SIGNERS)
    throw outOfRange(at, `3f + 1 addresses, ${MAX_CO_SIGNERS} at most: 1, 4, 7, ...`);
  const parsed = addresses.map((address, i) => parseAddress(`${at}[${i}]`, address));
  if (new Set(parsed).size !== count) throw outOfRange(at, "addresses that are all different");
  if (parsed.includes(0n)) throw outOfRange(at, "no address 0");
  return {
    addresses: parsed.map((address) => `0x${address.toString(16).padStart(40, "0")}`),
    quorum: (2 * (count - 1)) / 3 + 1,
  };
}

/** Of each co-signer the signature that stands in its place, if it is its own; else null. */
export function signaturesOf({ addresses }: CoSigners, head: CoSignedHead): (string | null)[] {
  return addresses.map((address, i) => {
    const signature = head.signatures[i];
    return typeof signature === "string" && logHeadSigner(head, signature) === address ? signature : null;
  });
}

/** How many co-signers have signed a head. */
export function countSignatures(coSigners: CoSigners, head: CoSignedHead): number {
  return signaturesOf(coSigners, head).filter((signature) => signature !== null).length;
}

/** Whether no other head can have a quorum after as many entries, unless more than f co-signers lie. */
export function isFinal(coSigners: CoSigners, head: CoSignedHead): boolean {
  return countSignatures(coSigners, head) >= coSigners.quorum;
}

/** What `readCoSignedHead` reads. */
export function coSignedHeadJson({ domain, epoch, n, head, signatures }: CoSignedHead) {
  return { domain: `${domain}`, epoch, n, head: `${head}`, signatures };
}

/** @throws FORMAT  naming the place */
export function readCoSignedHead(at: string, json: unknown): CoSignedHead {
  const { signatures, ...rest } = asObject(at, json);
  return {
    ...readLogHead(at, rest),
    signatures: asList(`${at}.signatures`, signatures).map((it, i) =>
      it === null ? null : readSignature(`${at}.signatures[${i}]`, it),
    ),
  };
}

/** @throws FORMAT  naming the place */
export function readLogHead(at: string, json: unknown): LogHead {
  const { domain, epoch, n, head } = asObject(at, json);
  if (!isCount(epoch) || epoch >= 2 ** 32) throw badFormat(`${at}.epoch`, "an integer below 2^32");
  if (!isCount(n) || n === 0) throw badFormat(`${at}.n`, "an integer, at least 1");
  return { domain: readField(`${at}.domain`, domain), epoch, n, head: readField(`${at}.head`, head) };
}

/** @throws FORMAT  naming the place */
export function readSignature(at: string, json: unknown): string {
  if (typeof json !== "string" || !/^0x[0-9a-f]{130}$/.test(json))
    throw badFormat(at, "a signature: 0x and 130 hexadecimal digits");
  return json;
}

/** Entries as the public may see them. @throws FORMAT  naming the place */
export function readHashedEntries(at: string, json: unknown): HashedEntry[] {
  return asList(at, json).map((it, i) => readHashedEntry(`${at}[${i}]`, it));
}

/** @throws FORMAT  naming the place */
export function readHashedEntry(at: string, json: unknown): HashedEntry {
  const { item, auth, time } = asObject(at, json);
  const seconds = readField(`${at}.time`, time);
  if (seconds >> BigInt(BITS.time)) throw badFormat(`${at}.time`, `seconds below 2^${BITS.time}`);
  return { item: readField(`${at}.item`, item), auth: readField(`${at}.auth`, auth), time: seconds };
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

/** @throws FORMAT  naming the place */
export function readField(at: string, json: unknown): bigint {
  const x = asInteger(at, json);
  if (x < 0n || x >= FIELD) throw badFormat(at, "a field element");
  return x;
}
