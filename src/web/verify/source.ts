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
  type Survey,
  type VerifyingKeys,
} from "../../verifier/index.ts";
import { fittingSurveyKey } from "../../verifier/survey.ts";
import { count, reason, thousands } from "../format.ts";
import { checkRecord, checkRound, DEVELOPMENT_KEYS } from "./check.ts";
import type { News, Profile } from "./messages.ts";

/** A file, read. */
export interface Source {
  readonly name: string;
  readonly claims: readonly RoundClaim[];
  /** the file as JSON, if it is a record that can be rechecked */
  readonly record: unknown;
  /** if it is one: then it has no rounds */
  readonly survey: Survey | null;
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
    if (isSurvey(json)) return { name, claims: [], record: null, survey: readSurvey(json), problem: null };
    return { name, claims: readRounds(json), record: isRecord(json) ? json : null, survey: null, problem: null };
  } catch (error) {
    return noSource(name, reason(error));
  }
}

/** @param before  the round that left its state, if it was checked before */
function checkSurvey(survey: Survey, { after, number }: SourceEnd, keys: readonly CircuitKey[]): News[] {
  const refused = (why: string): News[] => [{ kind: "malformed", message: `the survey is refused: ${why}` }];
  const key = fittingSurveyKey(keys, survey);
  const result = verifySurvey(key, survey);
  if (!result.ok) return refused(result.message);
  const { round, proofs } = survey;
  const left = after && number === round ? after.state : null;
  if (left !== null && left !== result.state) return refused(`it is of another state than round ${round} left`);
  const { accounts, under, flagged, cash, lacking } = result.sums;
  const sentence =
    `${count(proofs.length, "proof")} of the survey ${proofs.length === 1 ? "holds" : "hold"}, of state ${result.state}: ` +
    `${count(accounts, "account")}, ${thousands(under)} under maintenance, ${thousands(flagged)} flagged, ` +
    `cash ${thousands(cash)}, negative equities ${thousands(lacking)}`;
  const claimed = round === 0 ? "That the surveyed state is that of the genesis" : `That round ${round} left the surveyed state`; // prettier-ignore
  return [
    ...(key.development ? [{ kind: "trust", sentence: DEVELOPMENT_KEYS } as const] : []),
    ...(left === null ? [{ kind: "trust", sentence: `${claimed}: only the file says so.` } as const] : []),
    { kind: "survey", sentence },
  ];
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
    surveys: ReadonlyMap<ProfileName, CircuitKey>;
  },
): Generator<News, SourceEnd> {
  const malformed = (message: string): News => ({ kind: "malformed", message });
  if (problem !== null) {
    yield malformed(problem);
    return before;
  }
  if (survey !== null) {
    yield* checkSurvey(survey, before, choice === "auto" ? [...surveys.values()] : [surveys.get(choice)!]);
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
