import { PROFILES, publicInputNames, type InstructionName, type ProfileName } from "../../protocol/instructions.ts";
import { chainHeads } from "../../protocol/item.ts";
import {
  isDevelopmentKey,
  segmentDefect,
  verifyProof,
  verifyRound,
  type RoundClaim,
  type RoundEffect,
  type VerifyingKeys,
  NO_LAG_LIMIT,
} from "../../verifier/index.ts";
import { count, reason, thousands, utc } from "../format.ts";
import { sentences } from "./sentences.ts";

/** Where a round must begin. */
export interface Before {
  readonly state: bigint;
  readonly time?: bigint;
  readonly logCount?: bigint;
  readonly head?: bigint;
}

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

/** Seconds by which the clock of a venue may be ahead of this one. */
const AHEAD = 60n;

type Outcome =
  | { ok: true; effect: RoundEffect; head: bigint | undefined }
  | { ok: false; message: string; at: number | null; pairing: boolean };

/**
 * Checks a round: all its proofs, that it begins where it must, and the log that it shows.
 * @param before  null when the file alone says where it begins
 * @returns what to show, and where the next round must begin: null after a refusal
 */
export function checkRound(
  claim: RoundClaim,
  before: Before | null,
  { keys, profile }: { keys: VerifyingKeys; profile: string },
): { report: RoundReport; after: Before | null } {
  const start = performance.now();
  const outcome = judge(claim, before, keys);
  const ms = performance.now() - start;
  const { instructions, segment } = claim;
  const blamed = new Map<number, string>();
  if (!outcome.ok && outcome.at !== null) blamed.set(outcome.at, outcome.message);
  if (!outcome.ok && outcome.pairing)
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
  if (!outcome.ok) return { report, after: null };
  const { stateAfter: state, time, logCount } = outcome.effect;
  return { report, after: { state, time, logCount, head: outcome.head } };
}

function judge(claim: RoundClaim, before: Before | null, keys: VerifyingKeys): Outcome {
  const refused = (message: string, at: number | null = null, pairing = false): Outcome => ({
    ok: false,
    message,
    at,
    pairing,
  });
  const { instructions, segment } = claim;
  if (instructions.length === 0) return refused("it has no proofs: it was not proved when the file was written");
  const state = before?.state ?? claim.state ?? instructions[0].publicInputs[0] ?? 0n;
  if (claim.state !== undefined && claim.state !== state)
    return refused("it claims to begin at another state than the one reached so far");
  if (before?.logCount !== undefined && segment && segment.logCount !== before.logCount)
    return refused("the log that it shows does not begin where the round before it ended");
  if (before?.head !== undefined && segment && segment.head !== before.head)
    return refused("the log that it shows does not follow the log of the round before it");
  // The domain changes the coefficients of the batch, and so not what is accepted.
  const view = {
    domain: 0n,
    state,
    keys,
    maxLag: NO_LAG_LIMIT,
    lastTime: before?.time,
    lastLogCount: before?.logCount ?? segment?.logCount,
  };
  const now = BigInt(Math.floor(Date.now() / 1000)) + AHEAD;
  const result = verifyRound(view, claim, { now });
  if (!result.ok) return refused(result.message, result.at, result.code === "pairing");
  if (claim.stateAfter !== undefined && claim.stateAfter !== result.stateAfter)
    return refused("it claims to end at another state than the one that is proved");
  if (!segment) return { ok: true, effect: result, head: undefined };
  try {
    const heads = chainHeads(segment.head, segment.entries);
    const defect = segmentDefect(segment, instructions, heads);
    return defect ? refused(defect) : { ok: true, effect: result, head: heads.at(-1) ?? segment.head };
  } catch (error) {
    return refused(`the log that it shows is malformed: ${reason(error)}`);
  }
}

function problemOf(
  { message, pairing }: Outcome & { ok: false },
  blamed: ReadonlyMap<number, string>,
  proofs: number,
  profile: string,
): string {
  if (!pairing || blamed.size === 0) return message;
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
  before: Before | null,
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
