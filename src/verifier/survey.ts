import { asInteger, asList, asObject, asWhole, badFormat } from "../protocol/json.ts";
import { FIELD } from "../protocol/numbers.ts";
import type { Proof } from "../protocol/proof.ts";
import { proofFromJson, proofToJson } from "../protocol/proof.ts";
import { SURVEYED, type Surveyed } from "../protocol/survey.ts";
import { verifyProof, type ProofKey } from "./groth16.ts";

/** What all accounts of one state come to, with its proofs: one for 16 accounts, of which the last shows the sums. */
export interface Survey {
  /** that left the state; 0: the genesis */
  readonly round: number;
  readonly proofs: readonly { readonly publicInputs: readonly bigint[]; readonly proof: Proof }[];
}

/** The state that was surveyed, and what its accounts come to; or what is wrong. */
export type SurveyResult =
  | { readonly ok: true; readonly state: bigint; readonly sums: Surveyed }
  | { readonly ok: false; readonly message: string };

const KIND = "tacit-survey";

/** Whether the JSON says that it is a survey. */
export function isSurvey(json: unknown): boolean {
  return typeof json === "object" && json !== null && (json as Record<string, unknown>).kind === KIND;
}

/** The file of a survey (docs/formats.md), to be read by `readSurvey`. */
export function surveyJson({ round, proofs }: Survey) {
  return {
    kind: KIND,
    version: 1,
    round,
    proofs: proofs.map(({ publicInputs, proof }) => ({
      publicInputs: publicInputs.map(String),
      proof: proofToJson(proof),
    })),
  };
}

/** @throws TacitError FORMAT, PROOF_FORMAT  naming the place */
export function readSurvey(json: unknown): Survey {
  const { kind, version, round, proofs } = asObject("survey", json);
  if (kind !== KIND) throw badFormat("survey.kind", `"${KIND}"`);
  if (version !== 1) throw badFormat("survey.version", "1");
  return {
    round: asWhole("survey.round", round),
    proofs: asList("survey.proofs", proofs).map((it, i) => {
      const at = `survey.proofs[${i}]`;
      const { publicInputs, proof } = asObject(at, it);
      const inputs = asList(`${at}.publicInputs`, publicInputs);
      return {
        publicInputs: inputs.map((x, j) => asInteger(`${at}.publicInputs[${j}]`, x)),
        proof: proofFromJson(proof),
      };
    }),
  };
}

/** Of the keys of several profiles the one under which the first proof holds, or else the first one. */
export function fittingSurveyKey<Key extends ProofKey>(keys: readonly Key[], { proofs: [first] }: Survey): Key {
  return keys.find((key) => first && verifyProof(key, first.publicInputs, first.proof).ok) ?? keys[0];
}

/**
 * Whether the proofs hold, are of one state, and are of all its accounts: the first begins with nothing, each goes on from what the
 * one before it hid, and the last hides nothing. That the state was proved is for who has verified its round to say.
 * @param key  of circuit `survey`
 */
export function verifySurvey(key: ProofKey, { proofs }: Survey): SurveyResult {
  const refused = (message: string) => ({ ok: false, message }) as const;
  if (proofs.length === 0) return refused("it has no proofs");
  const [state] = proofs[0].publicInputs;
  let reached = 0n;
  for (const [i, { publicInputs, proof }] of proofs.entries()) {
    const result = verifyProof(key, publicInputs, proof);
    if (!result.ok) return refused(`proof ${i + 1}: ${result.message}`);
    const [of, from, to] = publicInputs;
    if (of !== state) return refused(`proof ${i + 1} is of another state than the first`);
    if (from !== reached)
      return refused(i === 0 ? "its first proof is not of the first accounts" : `proof ${i + 1} does not go on from the one before it`); // prettier-ignore
    if ((to === 0n) !== (i === proofs.length - 1))
      return refused(
        to === 0n ? `after proof ${i + 1} no accounts are left` : "accounts are left after its last proof",
      );
    reached = to;
  }
  const words = proofs[proofs.length - 1].publicInputs.slice(3);
  const signed = (x: bigint) => (x > FIELD / 2n ? x - FIELD : x);
  const sums = Object.fromEntries(SURVEYED.map((name, i) => [name, signed(words[i])])) as unknown as Surveyed;
  return { ok: true, state, sums };
}
