import { chainHeads } from "../protocol/item.ts";
import type { CoSigners } from "../protocol/coSigners.ts";
import type { VerifyingKeys } from "./keys.ts";
import { segmentDefect } from "./log.ts";
import type { ClaimRefusal } from "./refusals.ts";
import { NO_LAG_LIMIT, verifyRound, type RoundEffect } from "./round.ts";
import type { RoundClaim } from "./roundFile.ts";

/** Where a round of a file must begin: what the one before it came to. */
export interface Reached {
  readonly state: bigint;
  readonly time?: bigint;
  readonly logCount?: bigint;
  /** of the log, where a file has shown it */
  readonly head?: bigint;
}

/**
 * `at`: index of the instruction, or null. `after`: where the next round must begin. `heads`: after each entry of the log that
 * it shows.
 */
export type ClaimResult =
  | { ok: true; effect: RoundEffect; after: Reached; heads: readonly bigint[] }
  | { ok: false; code: ClaimRefusal; at: number | null; message: string };

/** What a file is checked against. */
export interface ClaimTerms {
  readonly keys: VerifyingKeys;
  /** of the venue: it changes the coefficients of the batch, and so not what is accepted; but co-signers sign it */
  readonly domain?: bigint;
  /** when given, 2f + 1 of them must have signed the log that each round consumed */
  readonly coSigners?: CoSigners;
  /** seconds since 1970, as in verifyRound; a little later than now when left out */
  readonly now?: bigint;
}

/** Seconds by which the clock of a venue may be ahead of this one. */
const AHEAD = 60n;

/**
 * Checks all that a file claims of a round and that proofs make public: its proofs, that it begins where it must, the states
 * between which it stands, and the log that it shows. What it tells of prices, orders and accounts is not among it.
 * @param before  null when the file alone says where the round begins
 */
export function verifyClaim(
  claim: RoundClaim,
  before: Reached | null,
  { keys, domain = 0n, coSigners, now = BigInt(Math.floor(Date.now() / 1000)) + AHEAD }: ClaimTerms,
): ClaimResult {
  const refused = (code: ClaimRefusal, message: string, at: number | null = null) =>
    ({ ok: false, code, at, message }) as const;
  const { instructions, segment } = claim;
  if (instructions.length === 0)
    return refused("emptyRound", "it has no proofs: it was not proved when the file was written");
  const state = before?.state ?? claim.state ?? instructions[0].publicInputs[0] ?? 0n;
  if (claim.state !== undefined && claim.state !== state)
    return refused("wrongState", "it claims to begin at another state than the one reached so far");
  if (before?.logCount !== undefined && segment && segment.logCount !== before.logCount)
    return refused("wrongLog", "the log that it shows does not begin where the round before it ended");
  if (before?.head !== undefined && segment && segment.head !== before.head)
    return refused("wrongLog", "the log that it shows does not follow the log of the round before it");
  const view = {
    domain,
    state,
    keys,
    maxLag: NO_LAG_LIMIT,
    ...(coSigners && { coSigners }),
    lastTime: before?.time,
    lastLogCount: before?.logCount ?? segment?.logCount,
  };
  const result = verifyRound(view, claim, { now });
  if (!result.ok) return result;
  if (claim.stateAfter !== undefined && claim.stateAfter !== result.stateAfter)
    return refused("wrongState", "it claims to end at another state than the one that is proved");
  const { stateAfter, time, logCount } = result;
  const after = { state: stateAfter, time, logCount };
  if (!segment) return { ok: true, effect: result, after, heads: [] };
  let heads: readonly bigint[];
  try {
    heads = chainHeads(segment.head, segment.entries);
  } catch (error) {
    return refused("wrongLog", `the log that it shows is malformed: ${(error as Error).message}`);
  }
  const defect = segmentDefect(segment, instructions, heads);
  if (defect) return refused("wrongLog", defect);
  return { ok: true, effect: result, after: { ...after, head: heads.at(-1) ?? segment.head }, heads };
}
