import {
  INSTRUCTION_NAMES,
  instruction,
  MAX_INSTRUCTIONS,
  publicInputNames,
  type InstructionName,
} from "../protocol/instructions.ts";
import type { CoSignedHead, CoSigners } from "../protocol/coSigners.ts";
import type { Proof } from "../protocol/proof.ts";
import { proofWords, verifyBatch } from "./batch.ts";
import { finalityDefect } from "./finality.ts";
import { inputsDefect } from "./groth16.ts";
import type { VerifyingKeys } from "./keys.ts";
import { wordsToBytes } from "../protocol/words.ts";
import { toHex } from "./points.ts";

/** What a verifier must know of a venue before a round. */
export interface VenueView {
  domain: bigint;
  state: bigint;
  keys: VerifyingKeys;
  /** seconds: how old the last log entry of a round may be */
  maxLag: bigint;
  /** of the last log entry of the round before; 0 when left out */
  lastTime?: bigint;
  /** number of log entries consumed before; when given, the round must consume one more at least */
  lastLogCount?: bigint;
  /** whether the contract's chain of deposits has had this head, never 0, the empty chain; when left out, deposits are taken on trust */
  isDepositHead?: (head: bigint) => boolean;
  /** when given, 2f + 1 of them must have signed the log that the round consumed */
  coSigners?: CoSigners;
}

/** A `maxLag` above every time: of rounds in files, and of a venue's past, which are as old as they are. */
export const NO_LAG_LIMIT = 1n << 40n;

export interface ProvenInstruction {
  name: InstructionName;
  /** in the order of publicInputNames(name) */
  publicInputs: readonly bigint[];
  proof: Proof;
}

export interface Round {
  instructions: readonly ProvenInstruction[];
  /** head of the log after its last log entry, with signatures of co-signers: read where the venue has some */
  final?: CoSignedHead;
}

/** Why a round is refused, in the order of the checks. Codes are permanent. The contract has an error for each. */
export const ROUND_REFUSALS = [
  "emptyRound",
  "tooManyInstructions",
  "unknownInstruction",
  "inputCount",
  "inputTooLarge",
  "wrongState",
  "brokenChain",
  "phaseNotOpen",
  "noLogEntry",
  "logCountFalls",
  "timeFalls",
  "inFuture",
  "tooOld",
  "unknownDeposit",
  "notFinal",
  "malformedProof",
  "coordinateTooLarge",
  "offCurve",
  "outsideSubgroup",
  "pairing",
] as const;
export type RoundRefusal = (typeof ROUND_REFUSALS)[number];

export interface Payout {
  /** lower case, with 0x */
  recipient: `0x${string}`;
  /** cash units */
  amount: bigint;
}

/** Rules that a round brings into force. */
export interface RulesChange {
  /** H_rules of them: `rulesRoot` */
  root: bigint;
  /** of the log entry that they came by, seconds since 1970 */
  time: bigint;
}

export interface RoundEffect {
  ok: true;
  stateAfter: bigint;
  /** of the last log entry, seconds since 1970 */
  time: bigint;
  logCount: bigint;
  log: bigint;
  /** head of the chain of deposits, as far as consumed, if the round consumed any */
  deposits?: bigint;
  payouts: Payout[];
  /**
   * Rules that it brings into force, in their order. That they were announced, and long enough before, is known to a contract
   * alone: where there is none, compare them with what the venue published.
   */
  rules: RulesChange[];
}

/** `at`: index of the instruction, or null when it is the round as a whole. */
export type RoundResult = RoundEffect | { ok: false; code: RoundRefusal; at: number | null; message: string };

/**
 * The whole CPU of a venue (docs/protocol.md, section 2): what the contract accepts, but for what only the contract
 * knows: the order of deposits (StaleDeposit), what it holds (Overdrawn), and which rules were announced (NoAnnouncement,
 * WrongRules, RulesStampedEarly, RulesNotYet). Never throws on what a stranger can send.
 * @param now  seconds since 1970; the clock of this machine when left out
 * @twins src/verifier/contract/Venue.sol
 */
export function verifyRound(
  venue: VenueView,
  round: Round,
  { now = BigInt(Math.floor(Date.now() / 1000)) }: { now?: bigint } = {},
): RoundResult {
  const instructions = round?.instructions;
  if (!Array.isArray(instructions) || instructions.length === 0)
    return refusal("emptyRound", null, "a round has at least one instruction");
  // Each takes time before any is refused: MAX_INSTRUCTIONS says how much.
  if (instructions.length > MAX_INSTRUCTIONS)
    return refusal("tooManyInstructions", null, `a round has at most ${MAX_INSTRUCTIONS} instructions`);

  const steps: (Record<string, bigint | undefined> & { state: bigint; stateAfter: bigint; phaseAfter: bigint })[] = [];
  for (const [at, step] of instructions.entries()) {
    if (!INSTRUCTION_NAMES.includes(step?.name)) return refusal("unknownInstruction", at, "no such instruction");
    const defect = inputsDefect(venue.keys[step.name as InstructionName], step.publicInputs);
    if (defect) return refusal(defect.reason, at, defect.message);
    const names = publicInputNames(step.name);
    steps.push(Object.fromEntries(names.map((name, i) => [name, step.publicInputs[i]])) as (typeof steps)[number]);
  }

  if (steps[0].state !== venue.state) return refusal("wrongState", 0, "the round does not start at the venue's state");
  const broken = steps.findIndex(({ state }, at) => at > 0 && state !== steps[at - 1].stateAfter);
  if (broken >= 0) return refusal("brokenChain", broken, "it does not start at the state that the one before it left");
  const last = steps.length - 1;
  if (steps[last].phaseAfter !== 0n) return refusal("phaseNotOpen", last, "a round must end in phase open");

  const entry = { time: venue.lastTime ?? 0n, logCount: venue.lastLogCount ?? 0n, log: 0n, at: -1 };
  for (const [at, { time, logCount, log }] of steps.entries()) {
    if (time === undefined || logCount === undefined || log === undefined) continue;
    if (logCount < entry.logCount) return refusal("logCountFalls", at, "it consumed fewer log entries than before it");
    if (time < entry.time) return refusal("timeFalls", at, "its last log entry is older than the one before it");
    Object.assign(entry, { time, logCount, log, at });
  }
  if (entry.at < 0 || entry.logCount === venue.lastLogCount)
    return refusal("noLogEntry", null, "a round must consume at least one log entry");
  const { time, logCount, log } = entry;
  if (time > now) return refusal("inFuture", entry.at, "its last log entry is stamped later than now");
  if (time + venue.maxLag < now)
    return refusal("tooOld", entry.at, "its last log entry is older than the venue allows");

  let deposits: bigint | undefined;
  for (const [at, step] of steps.entries()) {
    if (step.deposits === undefined) continue;
    if (step.deposits !== 0n && venue.isDepositHead && !venue.isDepositHead(step.deposits))
      return refusal("unknownDeposit", at, "the contract's chain of deposits never had this head");
    deposits = step.deposits;
  }

  if (venue.coSigners) {
    const defect = finalityDefect(venue.coSigners, { domain: venue.domain, logCount, log }, round.final);
    if (defect) return refusal("notFinal", entry.at, defect);
  }

  const batch = verifyBatch(
    venue.domain,
    instructions.map(({ name, publicInputs, proof }) => ({
      key: venue.keys[name as InstructionName],
      publicInputs,
      proof,
    })),
  );
  if (!batch.ok) return refusal(batch.reason as RoundRefusal, batch.at ?? null, batch.message);

  const payouts = steps.flatMap((step) =>
    Object.entries(step).flatMap(([name, word]) => (name.startsWith("payout") && word ? [readPayout(word)] : [])),
  );
  const rules = steps.flatMap(({ rules: root, time }) => (root === undefined ? [] : [{ root, time: time! }]));
  return { ok: true, stateAfter: steps[last].stateAfter, time, logCount, log, deposits, payouts, rules };
}

/** recipient + 2^160 amount. */
function readPayout(word: bigint): Payout {
  const recipient = `0x${BigInt.asUintN(160, word).toString(16).padStart(40, "0")}` as const;
  return { recipient, amount: word >> 160n };
}

/**
 * The bytes that `submitRound` of the contract takes: for each instruction its code (1 byte), its public inputs but the
 * first (the state before is the one that the instruction before it left), and the eight words of its proof.
 */
export function encodeRound({ instructions }: Round): `0x${string}` {
  const parts = instructions.map(({ name, publicInputs, proof }) => {
    const code = instruction(name).code.toString(16).padStart(2, "0");
    return code + toHex(wordsToBytes([...publicInputs.slice(1), ...proofWords(proof)]));
  });
  return `0x${parts.join("")}`;
}

function refusal(code: RoundRefusal, at: number | null, message: string): RoundResult & { ok: false } {
  const where = at === null ? "round" : `instruction ${at}`;
  return { ok: false, code, at, message: `${where}: ${message}` };
}
