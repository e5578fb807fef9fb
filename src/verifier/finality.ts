import { isFinal, signaturesOf, type CoSignedHead, type CoSigners } from "../protocol/coSigners.ts";
import { TacitError } from "../protocol/errors.ts";

/** Where a round left the log of a venue. */
export interface LogEnd {
  readonly domain: bigint;
  /** entries of it, and its head after them */
  readonly logCount: bigint;
  readonly log: bigint;
}

/**
 * What keeps the log from being final where a round left it, or null when 2f + 1 co-signers have signed it there. Never throws on
 * what a stranger can send.
 * @twins src/verifier/contract/LogHeads.sol, `isFinal`, to which good signatures alone are sent
 */
export function finalityDefect(
  coSigners: CoSigners,
  { domain, logCount, log }: LogEnd,
  final: CoSignedHead | undefined,
): string | null {
  if (!final) return "no head with signatures of the co-signers comes with it";
  const isEpoch = Number.isInteger(final.epoch) && final.epoch >= 0 && final.epoch < 2 ** 32;
  if (!isEpoch || !Array.isArray(final.signatures)) return "the head that comes with it is malformed";
  if (final.domain !== domain) return "the head that comes with it is another venue's";
  if (!Number.isSafeInteger(final.n) || BigInt(final.n) !== logCount || final.head !== log)
    return "the head that comes with it is not that of its last log entry";
  return isFinal(coSigners, final) ? null : `fewer than ${coSigners.quorum} co-signers have signed its last log head`;
}

/**
 * The bytes that `submitRound` of the contract takes beside a round: the epoch (4 bytes), then of 2f + 1 co-signers, those that
 * come first, index (1 byte) and signature (65 bytes).
 * @throws NOT_FINAL  when fewer have signed the head
 */
export function encodeFinality(coSigners: CoSigners, head: CoSignedHead): `0x${string}` {
  const good = signaturesOf(coSigners, head).flatMap((signature, i) =>
    signature === null ? [] : [i.toString(16).padStart(2, "0") + signature.slice(2)],
  );
  const { quorum } = coSigners;
  if (good.length < quorum)
    throw new TacitError("NOT_FINAL", `${good.length} co-signers have signed the head: expected ${quorum}`);
  return `0x${head.epoch.toString(16).padStart(8, "0")}${good.slice(0, quorum).join("")}`;
}
