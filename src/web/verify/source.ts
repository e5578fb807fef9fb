import { TacitError } from "../../protocol/errors.ts";
import type { ProfileName } from "../../protocol/instructions.ts";
import { isRecord, rulesOfGenesis } from "../../replay/recheck.ts";
import {
  fittingProfile,
  isSurvey,
  readRounds,
  readSurvey,
  verifySurvey,
  type CircuitKey,
  type Reached,
  type RoundClaim,
  type VerifyingKeys,
} from "../../verifier/index.ts";
import { reason, thousands } from "../format.ts";
import { checkRecord, checkRound } from "./check.ts";
import type { News, Profile } from "./messages.ts";

/** A file, read. */
export interface Source {
  readonly name: string;
  readonly claims: readonly RoundClaim[];
  /** the file as JSON, if it is a record that can be rechecked */
  readonly record: unknown;
  /** the file as JSON, if it is a survey: then it has no rounds */
  readonly survey: unknown;
  /** why there are no rounds */
  readonly problem: string | null;
}

/** Where the rounds of a file have led: null after a refusal. `number`: of the last, in its venue. */
export interface SourceEnd {
  readonly after: Reached | null;
  readonly number?: number;
}

export function noSource(name: string, problem: string): Source {
  return { name, claims: [], record: null, survey: null, problem };
}

export function readSource(name: string, text: string): Source {
  try {
    const json = parse(text);
    if (isSurvey(json)) return { name, claims: [], record: null, survey: json, problem: null };
    return { name, claims: readRounds(json), record: isRecord(json) ? json : null, survey: null, problem: null };
  } catch (error) {
    return noSource(name, reason(error));
  }
}

/** A survey holds under the key of one profile, or of none. */
function* checkSurvey(json: unknown, keys: readonly CircuitKey[]): Generator<News> {
  try {
    const survey = readSurvey(json);
    const results = keys.map((key) => verifySurvey(key, survey));
    const good = results.find((it) => it.ok);
    if (!good?.ok) {
      const [bad] = results;
      yield { kind: "malformed", message: `the survey is refused: ${bad.ok ? "" : bad.message}` };
      return;
    }
    const { accounts, under, flagged, cash, lacking } = good.sums;
    const sentence =
      `${survey.proofs.length} proofs hold, of state ${good.state}: ${thousands(accounts)} accounts, ${thousands(under)} under maintenance, ` +
      `${thousands(flagged)} flagged, cash ${thousands(cash)}, negative equities ${thousands(lacking)}`;
    yield { kind: "trust", sentence: `That round ${survey.round} left the surveyed state: only the file says so.` };
    yield { kind: "survey", sentence };
  } catch (error) {
    yield { kind: "malformed", message: reason(error) };
  }
}

/** @throws TacitError FORMAT with what the engine says, which names the place */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TacitError("FORMAT", `the file is not JSON: ${reason(error)}`);
  }
}

/**
 * Checks the rounds of a file in a row up to the first that is refused, then its record if it is one: as `tacit verify` does.
 * @param before  where the file before it ended
 */
export function* checkSource(
  { claims, record, survey, problem }: Source,
  before: SourceEnd,
  {
    choice,
    keys,
    surveys,
  }: {
    choice: Profile;
    keys: ReadonlyMap<ProfileName, VerifyingKeys>;
    /** keys of surveys */
    surveys: readonly CircuitKey[];
  },
): Generator<News, SourceEnd> {
  const malformed = (message: string): News => ({ kind: "malformed", message });
  if (problem !== null) {
    yield malformed(problem);
    return before;
  }
  if (survey !== null) {
    yield* checkSurvey(survey, surveys);
    return before;
  }
  const profile = choice === "auto" ? fittingProfile(claims, keys) : choice;
  const checked = { keys: keys.get(profile)!, profile, rechecked: record !== null };
  let { after, number } = before;
  let rules = rulesOfGenesis(record);
  for (const [i, claim] of claims.entries()) {
    const follows = i > 0 || (claim.number !== undefined && number !== undefined && claim.number === number + 1);
    const outcome = checkRound(claim, follows ? after : null, { ...checked, rules });
    yield { kind: "round", report: outcome.report };
    ({ after, rules } = outcome);
    number = after ? claim.number : undefined;
    if (after) continue;
    if (i + 1 < claims.length) yield { kind: "skipped", rounds: claims.length - i - 1 };
    return { after: null };
  }
  if (record !== null)
    try {
      yield { kind: "record", report: checkRecord(record) };
    } catch (error) {
      yield malformed(reason(error));
    }
  return { after, number };
}
