import { outOfRange } from "../protocol/errors.ts";
import { PROFILES } from "../protocol/instructions.ts";
import { parseRules } from "../protocol/rulesJson.ts";
import type { Rules } from "../protocol/rules.ts";
import { developmentGenesis } from "../venue/developmentGenesis.ts";
import { expiryOf } from "./paths.ts";

/** The midnight at which runs begin, or options expire in one: epochs, and seconds, since 1970. */
const MIDNIGHT = 29_453_760n;
const EPOCH = 60n;

/** The epoch of which the first prices of a path are. @param path  by name */
export function firstEpochOf(path: string, epochs: number): bigint {
  return MIDNIGHT - BigInt(Math.floor((expiryOf(path) ?? 0) * epochs));
}

/**
 * Rules of a development venue of profile standard as JSON, so that places of them can be set; its options expire when the path says, or
 * a month ahead.
 * @param interval  seconds between auctions
 */
export function stressRulesJson(path: string, { interval }: { interval: number }): unknown {
  const [secret, insurance] = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const time = MIDNIGHT * EPOCH;
  const expiry = expiryOf(path) === null ? undefined : time;
  return developmentGenesis({ secret, insurance, domain: 1n, time, profile: "standard", interval, expiry }).rules;
}

/** @throws RULES_FILE, OUT_OF_RANGE  naming the place */
export function stressRules(json: unknown): Rules {
  const rules = parseRules(json, PROFILES.standard, { bounded: false });
  if (rules.group.pricing.epochLength !== EPOCH)
    throw outOfRange("group.pricing.epochLength", `${EPOCH}: paths have a price a minute`);
  return rules;
}
