import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import { rulesRoot, type Rules } from "../protocol/rules.ts";
import { rulesChanges, type ChangedWord } from "../protocol/rulesChanges.ts";
import { parseRules } from "../protocol/rulesJson.ts";
import type { RoundEffect } from "./round.ts";
import type { RoundClaim } from "./roundFile.ts";

/** Rules that a round brings into force: their root is proved. */
export interface BroughtRules {
  readonly root: bigint;
  /** of the log entry, seconds since 1970 */
  readonly time: bigint;
  /** null where the file shows none of this root */
  readonly rules: Rules | null;
  /** word by word; null where these or those before them are not known */
  readonly changes: readonly ChangedWord[] | null;
}

/**
 * What the rules of a round change, as far as its file shows rules of the proved roots: what it shows besides says nothing.
 * @param before  in force as it begins, if they are known
 */
export function broughtRules(
  { rules: shown }: Pick<RoundClaim, "rules">,
  { rules: proved }: Pick<RoundEffect, "rules">,
  { before, profile }: { before: Rules | null; profile: ProfileName },
): BroughtRules[] {
  let last = before;
  return proved.map(({ root, time }, i) => {
    const rules = readRules(shown[i], profile, root);
    const changes = last && rules && rulesChanges(last, rules);
    last = rules;
    return { root, time, rules, changes };
  });
}

/** In force after a round, if they are known. */
export function rulesAfter(brought: readonly BroughtRules[], before: Rules | null): Rules | null {
  return brought.length === 0 ? before : brought[brought.length - 1].rules;
}

/** One line for each word that changes, or one that says why there are none. */
export function broughtInWords({ rules, changes }: BroughtRules): string[] {
  if (!rules) return ["what they say is not shown: only their root is proved"];
  if (!changes) return ["what they were before is not shown"];
  if (changes.length === 0) return ["nothing changes"];
  return changes.map(({ at, before, after }) => `${at}: ${before} -> ${after}`);
}

function readRules(json: unknown, profile: ProfileName, root: bigint): Rules | null {
  try {
    const rules = parseRules(json, PROFILES[profile], { bounded: false });
    return rulesRoot(rules) === root ? rules : null;
  } catch {
    // Whatever the file has there, it is not what was proved.
    return null;
  }
}
