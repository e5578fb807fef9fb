import { MAX_INSTRUCTIONS, type ProfileName } from "../protocol/instructions.ts";
import { verifyProof } from "./groth16.ts";
import type { VerifyingKeys } from "./keys.ts";
import { ROUND_REFUSALS } from "./round.ts";
import type { RoundClaim } from "./roundFile.ts";

/** Why a round of a file is refused: verifyClaim. Codes are permanent. */
export const CLAIM_REFUSALS = [...ROUND_REFUSALS, "wrongLog"] as const;
export type ClaimRefusal = (typeof CLAIM_REFUSALS)[number];
/** Why the record of a replay is refused: recheck (src/replay). */
export const RECORD_REFUSALS = ["wrongState", "wrongLog", "wrongVerdict", "wrongClearing", "wrongAccount"] as const;
export type RecordRefusal = (typeof RECORD_REFUSALS)[number];

/** What each refusal means for a person, as the end of a sentence. `at`: index of the instruction, if one is to blame. */
const MEANINGS: Record<ClaimRefusal | RecordRefusal, string | ((at: number | null) => string)> = {
  emptyRound: "nothing of it was proved",
  tooManyInstructions: "it is longer than a round may be",
  unknownInstruction: "it has a step of a kind that the rules do not know",
  inputCount: "a step says more or less than its proof is about",
  inputTooLarge: "a number in it would stand for another one",
  wrongState: "it does not join what came before it, or does not end where it says",
  brokenChain: (at) =>
    `something was left out, or a state changed, ${at ? `between instructions ${at - 1} and ${at}` : "between two instructions"}`,
  phaseNotOpen: "it ends before all fills of an auction are booked, or all payments made",
  noLogEntry: "it changes the state without an entry of the log",
  logCountFalls: "entries of the log were taken a second time",
  timeFalls: "an entry of the log is stamped earlier than the one before it",
  inFuture: "it is stamped later than now; or the clock of this machine is wrong",
  tooOld: "it comes too late",
  unknownDeposit: "it credits deposits that were never made",
  notFinal: "too few of those who sign the venue's log beside its operator have signed the log that it consumed",
  malformedProof: "what stands in the place of a proof is none",
  coordinateTooLarge: "a proof is damaged or forged: one of its numbers is too large",
  offCurve: "a proof is damaged or forged: one of its points lies off the curve",
  outsideSubgroup: "a proof is forged: one of its points is none that a prover makes",
  pairing: "a step was not proved: it breaks the rules, or was changed after it was proved",
  wrongLog: "an entry of the log was left out, added, moved or changed",
  wrongVerdict: "an item was admitted or refused against the rules",
  wrongClearing: "a price, volume, fill or fee is not the one that the rules give",
  wrongAccount: "an account is not what its deposits, fills and payments come to",
};

/** What a refusal means for a person, as the end of a sentence. @param at  index of the instruction, or null */
export function refusalMeaning(code: ClaimRefusal | RecordRefusal, at: number | null = null): string {
  const meaning = MEANINGS[code];
  return typeof meaning === "string" ? meaning : meaning(at);
}

/** A refusal for people: what it means, then the detail; and by index of the instruction what is wrong with each. */
export interface Explanation {
  readonly meaning: string;
  readonly detail: string;
  readonly blamed: ReadonlyMap<number, string>;
}

/** @param profile  of the keys, for the detail */
export function explainRefusal(
  { code, at, message }: { code: ClaimRefusal; at: number | null; message: string },
  { instructions }: RoundClaim,
  { keys, profile }: { keys: VerifyingKeys; profile: string },
): Explanation {
  const meaning = refusalMeaning(code, at);
  if (code !== "pairing") return { meaning, detail: message, blamed: new Map(at === null ? [] : [[at, message]]) };
  // The batch blames nobody: ask each proof.
  const blamed = new Map<number, string>();
  for (const [i, { name, publicInputs, proof }] of instructions.entries())
    if (!verifyProof(keys[name], publicInputs, proof).ok) blamed.set(i, "its proof does not hold");
  const named = [...blamed.keys()].map((i) => `instruction ${i}`).join(", ");
  if (blamed.size === 0) return { meaning, detail: message, blamed };
  if (blamed.size < instructions.length) return { meaning, detail: `the proof of ${named} does not hold`, blamed };
  const detail = `no proof holds with the keys of profile ${profile}: was the round made with another profile?`;
  return { meaning, detail, blamed };
}

/** The profile under whose keys a proof of these rounds holds. The first that does decides; the first of them when none does. */
export function fittingProfile(
  claims: readonly RoundClaim[],
  keys: ReadonlyMap<ProfileName, VerifyingKeys>,
): ProfileName {
  const { instructions = [] } = claims.find((it) => it.instructions.length > 0) ?? {};
  // One round has enough of them: a file in which no proof holds must not take for ever.
  for (const { name, publicInputs, proof } of instructions.slice(0, MAX_INSTRUCTIONS))
    for (const [profile, of] of keys) if (verifyProof(of[name], publicInputs, proof).ok) return profile;
  return keys.keys().next().value ?? "demo";
}
