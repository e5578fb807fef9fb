import { PROFILES, publicInputNames, type InstructionName, type ProfileName } from "../../protocol/instructions.ts";
import {
  isDevelopmentKey,
  verifyClaim,
  verifyProof,
  type ClaimResult,
  type Reached,
  type RoundClaim,
  type RoundEffect,
  type VerifyingKeys,
} from "../../verifier/index.ts";
import { count, thousands, utc } from "../format.ts";
import { sentences } from "./sentences.ts";

/** What came of one round: plain data, for the page. */
export interface RoundReport {
  readonly title: string;
  readonly ok: boolean;
  /** of the first thing that is wrong */
  readonly problem: string | null;
  readonly steps: readonly {
    readonly name: InstructionName;
    readonly sentence: string;
    readonly problem: string | null;
  }[];
  readonly proofs: number;
  /** of checking all of it */
  readonly ms: number;
  readonly summary: string;
  readonly facts: readonly (readonly [string, string])[];
  readonly trust: readonly string[];
}

/**
 * Checks a round: all its proofs, that it begins where it must, and the log that it shows.
 * @param before  null when the file alone says where it begins
 * @returns what to show, and where the next round must begin: null after a refusal
 */
export function checkRound(
  claim: RoundClaim,
  before: Reached | null,
  { keys, profile }: { keys: VerifyingKeys; profile: string },
): { report: RoundReport; after: Reached | null } {
  const start = performance.now();
  // The domain changes the coefficients of the batch, and so not what is accepted.
  const outcome = verifyClaim(claim, before, { keys });
  const ms = performance.now() - start;
  const { instructions, segment } = claim;
  const blamed = new Map<number, string>();
  if (!outcome.ok && outcome.at !== null) blamed.set(outcome.at, outcome.message);
  if (!outcome.ok && outcome.code === "pairing")
    // The batch blames nobody: ask each proof.
    for (const [i, { name, publicInputs, proof }] of instructions.entries())
      if (!verifyProof(keys[name], publicInputs, proof).ok) blamed.set(i, "its proof does not hold");
  const wellShaped = instructions.every(
    ({ name, publicInputs }) => publicInputs.length === publicInputNames(name).length,
  );
  const said = wellShaped ? sentences(instructions, before?.logCount ?? segment?.logCount) : [];
  const report: RoundReport = {
    title: claim.number === undefined ? claim.at : `round ${claim.number}`,
    ok: outcome.ok,
    problem: outcome.ok ? null : problemOf(outcome, blamed, instructions.length, profile),
    steps: instructions.map(({ name }, i) => ({ name, sentence: said[i] ?? "", problem: blamed.get(i) ?? null })),
    proofs: instructions.length,
    ms,
    summary: outcome.ok ? summaryOf(outcome.effect, before?.logCount ?? segment?.logCount) : "",
    facts: outcome.ok ? factsOf(claim, outcome.effect, profile) : [],
    trust: trustOf(claim, before, keys, outcome.ok ? outcome.effect : null),
  };
  return { report, after: outcome.ok ? outcome.after : null };
}

function problemOf(
  { message, code }: ClaimResult & { ok: false },
  blamed: ReadonlyMap<number, string>,
  proofs: number,
  profile: string,
): string {
  if (code !== "pairing" || blamed.size === 0) return message;
  if (blamed.size === proofs)
    return `no proof holds with the keys of profile ${profile}: was the round made with another profile?`;
  return `the proof of ${[...blamed.keys()].map((i) => `instruction ${i}`).join(", ")} does not hold`;
}

function summaryOf({ logCount, time }: RoundEffect, before: bigint | undefined): string {
  const read =
    before === undefined
      ? `log at ${count(logCount, "entry", "entries")}`
      : `${count(logCount - before, "log entry", "log entries")}`;
  return `${read}, up to ${utc(time)}`;
}

function factsOf({ segment }: RoundClaim, effect: RoundEffect, profile: string): (readonly [string, string])[] {
  const { stateAfter, time, logCount, log, deposits, payouts } = effect;
  return [
    ["State after", String(stateAfter)],
    ["Last entry", `${thousands(logCount - 1n)} of the log, ${utc(time)}`],
    ["Head of the log", String(log)],
    ["Log shown", segment ? `${count(segment.entries.length, "entry", "entries")}: the log that was proved` : "no"],
    ...(deposits === undefined ? [] : [["Deposits up to", String(deposits)] as const]),
    ...payouts.map(({ recipient, amount }) => ["Payout", `${thousands(amount)} to ${recipient}`] as const),
    ["Keys", profile],
  ];
}

/** What no check of this page shows. */
function trustOf(
  { at, segment, clearings }: RoundClaim,
  before: Reached | null,
  keys: VerifyingKeys,
  effect: RoundEffect | null,
): string[] {
  return [
    ...(Object.values(keys).some(isDevelopmentKey)
      ? ["The keys are development keys: their secrets are public, and anybody can forge proofs for them."]
      : []),
    ...(before
      ? []
      : [`The state at which ${at === "round 1" ? "the first round" : at} begins: only the file says so.`]),
    ...(effect?.deposits === undefined
      ? []
      : ["That the deposits were made: their chain is not compared with a contract."]),
    ...(segment ? [] : ["The log itself: the file does not show it, so only its heads are proved."]),
    ...(clearings.length > 0
      ? ["What the file tells of prices, orders and accounts: it is not compared with the proofs."]
      : []),
  ];
}

/** The profile under whose keys a proof of these rounds holds. The first that does decides; "demo" when none does. */
export function fittingProfile(
  claims: readonly RoundClaim[],
  keysOf: (profile: ProfileName) => VerifyingKeys,
): ProfileName {
  const profiles = Object.keys(PROFILES) as ProfileName[];
  // One round has enough of them: a file in which no proof holds must not take for ever.
  for (const { name, publicInputs, proof } of claims.find((it) => it.instructions.length > 0)?.instructions ?? [])
    for (const profile of profiles) if (verifyProof(keysOf(profile)[name], publicInputs, proof).ok) return profile;
  return "demo";
}
