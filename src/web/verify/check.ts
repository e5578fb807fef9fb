import { publicInputNames, type InstructionName, type ProfileName } from "../../protocol/instructions.ts";
import type { Rules } from "../../protocol/rules.ts";
import { recheck, recheckedInWords } from "../../replay/recheck.ts";
import {
  explainRefusal,
  isDevelopmentKey,
  verifyClaim,
  type Reached,
  type RoundClaim,
  type RoundEffect,
  type VerifyingKeys,
} from "../../verifier/index.ts";
import { broughtInWords, broughtRules, rulesAfter, type BroughtRules } from "../../verifier/broughtRules.ts";
import { count, thousands, utc } from "../format.ts";
import { sentences } from "./sentences.ts";

/** What came of one round: plain data, for the page. */
export interface RoundReport {
  readonly title: string;
  readonly ok: boolean;
  /** the first thing that is wrong: what it means, and the detail */
  readonly problem: { readonly meaning: string; readonly detail: string } | null;
  readonly steps: readonly {
    readonly name: InstructionName;
    readonly sentence: string;
    /** what it changes, of new rules */
    readonly words: readonly string[];
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
 * @param rechecked  whether what its file tells of orders, prices and accounts is compared afterwards
 * @param rules  in force as it begins, if they are known
 * @returns what to show, and where the next round must begin: null after a refusal; and the rules in force there
 */
export function checkRound(
  claim: RoundClaim,
  before: Reached | null,
  {
    keys,
    profile,
    rechecked,
    rules,
  }: { keys: VerifyingKeys; profile: ProfileName; rechecked: boolean; rules: Rules | null },
): { report: RoundReport; after: Reached | null; rules: Rules | null } {
  const start = performance.now();
  // The domain changes the coefficients of the batch, and so not what is accepted.
  const outcome = verifyClaim(claim, before, { keys });
  const ms = performance.now() - start;
  const { instructions, segment } = claim;
  const refusal = outcome.ok ? null : explainRefusal(outcome, claim, { keys, profile });
  const wellShaped = instructions.every(
    ({ name, publicInputs }) => publicInputs.length === publicInputNames(name).length,
  );
  const said = wellShaped ? sentences(instructions, before?.logCount ?? segment?.logCount) : [];
  const brought = outcome.ok ? broughtRules(claim, outcome.effect, { before: rules, profile }) : [];
  const words = wordsOf(instructions, brought);
  const report: RoundReport = {
    title: claim.number === undefined ? claim.at : `round ${claim.number}`,
    ok: outcome.ok,
    problem: refusal && { meaning: refusal.meaning, detail: refusal.detail },
    steps: instructions.map(({ name }, i) => ({
      name,
      sentence: said[i] ?? "",
      words: words[i],
      problem: refusal?.blamed.get(i) ?? null,
    })),
    proofs: instructions.length,
    ms,
    summary: outcome.ok ? summaryOf(outcome.effect, before?.logCount ?? segment?.logCount) : "",
    facts: outcome.ok ? factsOf(claim, outcome.effect, profile) : [],
    trust: trustOf(claim, before, { keys, rechecked, effect: outcome.ok ? outcome.effect : null }),
  };
  return { report, after: outcome.ok ? outcome.after : null, rules: rulesAfter(brought, rules) };
}

/** By instruction: what the rules change that it brings into force. */
function wordsOf(instructions: RoundClaim["instructions"], brought: readonly BroughtRules[]): string[][] {
  let next = 0;
  return instructions.map(({ name }) => {
    const rules = name === "configure" ? brought[next++] : undefined;
    return rules ? broughtInWords(rules) : [];
  });
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

export const DEVELOPMENT_KEYS =
  "The keys are development keys: their secrets are public, and anybody can forge proofs for them.";

/** What no check of this page shows. */
function trustOf(
  { at, segment, tells, final }: RoundClaim,
  before: Reached | null,
  { keys, rechecked, effect }: { keys: VerifyingKeys; rechecked: boolean; effect: RoundEffect | null },
): string[] {
  return [
    ...(Object.values(keys).some(isDevelopmentKey) ? [DEVELOPMENT_KEYS] : []),
    ...(before
      ? []
      : [`The state at which ${at === "round 1" ? "the first round" : at} begins: only the file says so.`]),
    ...(effect?.deposits === undefined
      ? []
      : ["That the deposits were made: their chain is not compared with a contract."]),
    ...(final
      ? ["That rounds are final: signatures of co-signers come with them, and whose they are was not checked."]
      : []),
    ...(segment ? [] : ["The log itself: the file does not show it, so only its heads are proved."]),
    ...(tells && !rechecked
      ? ["What the file tells of orders, prices and accounts: it has no genesis from which they could be recomputed."]
      : []),
  ];
}

/** What came of the record of a replay, whose proofs hold. */
export type RecordReport =
  | { readonly ok: true; readonly summary: string }
  | { readonly ok: false; readonly title: string; readonly problem: NonNullable<RoundReport["problem"]> };

/** Compares all that a record tells with what the rules give. @throws TacitError FORMAT, GENESIS */
export function checkRecord(json: unknown): RecordReport {
  const result = recheck(json);
  if (result.ok) return { ok: true, summary: recheckedInWords(result) };
  const { round, meaning, message } = result;
  return { ok: false, title: `round ${round}`, problem: { meaning, detail: message } };
}
