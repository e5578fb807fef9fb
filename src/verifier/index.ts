/** Everything that checks a venue: one proof, a batch, a whole round. Runs in Node and in browsers. */
export {
  DEVELOPMENT_ALPHA_X,
  isDevelopmentKey,
  keyHash,
  parseKey,
  prepareKeys,
  type KeyCode,
  type VerifyingKey,
  type VerifyingKeys,
} from "./keys.ts";
export { verifyProof, type ProofKey, type ProofRefusal, type ProofResult } from "./groth16.ts";
export { readCircuitKey, readCircuitProof, readPublicInputs, type CircuitKey } from "./circuitProof.ts";
export { INSTRUCTION_NAMES } from "../protocol/instructions.ts";
export { batchCoefficients, verifyBatch, type BatchItem, type BatchRefusal, type BatchResult } from "./batch.ts";
export {
  NO_LAG_LIMIT,
  ROUND_REFUSALS,
  encodeRound,
  verifyRound,
  type Payout,
  type ProvenInstruction,
  type Round,
  type RoundEffect,
  type RoundRefusal,
  type RoundResult,
  type RulesChange,
  type VenueView,
} from "./round.ts";
export { encodeFinality } from "./finality.ts";
export { coSignersOf, type CoSignedHead, type CoSigners } from "../protocol/coSigners.ts";
export { isSurvey, readSurvey, surveyJson, verifySurvey, type Survey, type SurveyResult } from "./survey.ts";
export { verifyClaim, type ClaimResult, type ClaimTerms, type Reached } from "./claim.ts";
export {
  CLAIM_REFUSALS,
  RECORD_REFUSALS,
  explainRefusal,
  fittingProfile,
  refusalMeaning,
  type ClaimRefusal,
  type Explanation,
  type RecordRefusal,
} from "./refusals.ts";
export { segmentDefect, type LogSegment } from "./log.ts";
export { readRounds, roundJson, type PublishedRound, type RoundClaim } from "./roundFile.ts";
export { proofFromJson, proofToJson, type Proof, type ProofJson } from "../protocol/proof.ts";
