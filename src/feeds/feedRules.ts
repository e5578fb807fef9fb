import { TacitError } from "../protocol/errors.ts";
import { PROFILES, type ProfileName } from "../protocol/instructions.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import { FIELD } from "../protocol/numbers.ts";
import { rulesRoot, type Rules } from "../protocol/rules.ts";
import { parseRules } from "../protocol/rulesJson.ts";
import type { FeedRules } from "./feed.ts";

/** What a feed signs for, as a venue's `/v1/rules` or a file says it. */
export interface VenueRules {
  readonly domain: bigint;
  readonly profile: ProfileName;
  /** those in force first, then those that are announced and wait */
  readonly rules: readonly FeedRules[];
  /** places of announced sets that were left out, and why */
  readonly leftOut: readonly string[];
}

/**
 * Reads a venue's answer, `{ domain, profile, inForce: { root, rules }, announced: [...] }`, or a file of rules alone.
 * @param named  domain and profile of a file of rules alone
 * @throws FORMAT, RULES_FILE, OUT_OF_RANGE naming the field; USAGE where domain and profile are not known
 */
export function readVenueRules(json: unknown, named: { domain?: bigint; profile?: ProfileName } = {}): VenueRules {
  const root = asObject("rules", json);
  if (root.inForce === undefined) {
    const { domain, profile } = named;
    if (domain === undefined || profile === undefined)
      throw new TacitError("USAGE", "a file of rules alone needs --domain and --profile");
    return { domain, profile, rules: [feedRules(parseRules(json, PROFILES[profile]))], leftOut: [] };
  }
  const domain = asInteger("rules.domain", root.domain);
  if (domain < 0n || domain >= FIELD) throw badFormat("rules.domain", "a field element");
  if (typeof root.profile !== "string" || !Object.hasOwn(PROFILES, root.profile))
    throw badFormat("rules.profile", `one of ${Object.keys(PROFILES).join(", ")}`);
  const profile = root.profile as ProfileName;
  const read = (at: string, set: unknown): FeedRules => {
    const { root, rules: text } = asObject(at, set);
    const rules = parseRules(text, PROFILES[profile]);
    if (rulesRoot(rules) !== asInteger(`${at}.root`, root)) throw badFormat(`${at}.root`, "the root of these rules");
    return feedRules(rules);
  };
  const rules = [read("rules.inForce", root.inForce)];
  const leftOut: string[] = [];
  for (const [i, set] of asList("rules.announced", root.announced ?? []).entries()) {
    const at = `rules.announced[${i}]`;
    // Whatever is announced, what is in force has reports.
    try {
      const { state } = asObject(at, set);
      if (state === "waiting") rules.push(read(at, set));
    } catch (error) {
      if (!(error instanceof TacitError)) throw error;
      leftOut.push(`${at}: ${error.message}`);
    }
  }
  return { domain, profile, rules, leftOut };
}

function feedRules({ group, instruments }: Rules): FeedRules {
  return { instruments, pricing: group.pricing, feeds: group.feeds };
}
