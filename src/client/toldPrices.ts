import { hashEntries, repriceItem } from "../protocol/item.ts";
import { asInteger, asList, asObject, asWhole, toJson } from "../protocol/json.ts";
import { pricesTold } from "../protocol/pricesTold.ts";
import type { Terms } from "../protocol/rules.ts";
import { NO_LAG_LIMIT, readRounds, verifyClaim, type VerifyingKeys } from "../verifier/index.ts";
import type { Api } from "./api.ts";
import type { Quorum } from "./terms.ts";

/** One number that a venue tells otherwise than the signed reports give it. */
export interface ToldOtherwise {
  /** "index"; of an instrument's number "instruments[0].value" */
  readonly at: string;
  readonly told: string;
  readonly given: string;
}

/** Where the prices that a venue tells are not those that were recomputed. @param told  answer of GET /v1/prices */
export function toldOtherwise(told: unknown, terms: Terms): ToldOtherwise[] {
  const found: ToldOtherwise[] = [];
  const walk = (at: string, given: unknown, other: unknown): void => {
    if (typeof given !== "object" || given === null) {
      if (given !== other) found.push({ at, told: textOf(other), given: textOf(given) });
      return;
    }
    const of = typeof other === "object" && other !== null ? (other as Record<string, unknown>) : {};
    if (Array.isArray(given) && Array.isArray(other) && given.length !== other.length)
      found.push({ at, told: `${other.length}`, given: `${given.length}` });
    for (const [name, value] of Object.entries(given))
      walk(Array.isArray(given) ? `${at}[${name}]` : at === "" ? name : `${at}.${name}`, value, of[name]);
  };
  walk("", JSON.parse(toJson(pricesTold(terms))), told);
  return found;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value.slice(0, 100);
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 100);
}

/** Rounds that are looked through for one entry. */
const ROUNDS = 200;

/**
 * Whether the entry of the log that made prices is proved to be of these reports: `round` is the one that has it, null where
 * none has so far. The proofs of that round are verified, not those before it.
 * @throws TacitError FORMAT and others of what a venue answers
 */
export async function provedPrices(
  api: Api,
  { quorum, domain, keys }: { quorum: Quorum; domain: bigint; keys: VerifyingKeys },
): Promise<{ round: number | null; defect: string | null }> {
  const { rounds } = asObject("rounds", await api.get(`/rounds?limit=${ROUNDS}`));
  const at = BigInt(quorum.n);
  const row = asList("rounds", rounds)
    .map((it) => asObject("round", it))
    .find(({ logCount, entries }) => {
      const after = asInteger("round.logCount", logCount);
      return at < after && at >= after - BigInt(asWhole("round.entries", entries));
    });
  if (!row) return { round: null, defect: null };
  const round = asWhole("round.number", row.number);
  const [claim] = readRounds(await api.get(`/rounds/${round}`));
  const result = verifyClaim(claim, null, { keys, domain, now: NO_LAG_LIMIT });
  if (!result.ok) return { round, defect: `round ${round} does not hold: ${result.message}` };
  const { segment } = claim;
  const shown = segment?.entries[Number(at - segment.logCount)];
  const { epoch, reports, time } = quorum;
  const [made] = hashEntries(domain, [{ item: repriceItem(epoch), quorum: reports, time }]);
  const isSame = shown?.item === made.item && shown.auth === made.auth && shown.time === made.time;
  return { round, defect: isSame ? null : `round ${round} proves another entry ${at} of the log than the one shown` };
}
