import { coSignedHeadJson, readCoSignedHead, type CoSignedHead } from "../protocol/coSigners.ts";
import { TacitError } from "../protocol/errors.ts";
import { FIELD } from "../protocol/numbers.ts";
import { INSTRUCTION_NAMES, type InstructionName } from "../protocol/instructions.ts";
import { proofFromJson, proofToJson } from "../protocol/proof.ts";
import { asInteger, asList, asObject, badFormat } from "../protocol/json.ts";
import type { HashedEntry } from "../protocol/item.ts";
import type { LogSegment } from "./log.ts";
import type { ProvenInstruction } from "./round.ts";

/** What a file claims of a round. */
export interface RoundClaim {
  /** where it stands in the file: "round 3" */
  at: string;
  /** if the file states them */
  state?: bigint;
  stateAfter?: bigint;
  instructions: ProvenInstruction[];
  /** number of the round in its venue, and the part of the log that it consumed, if the file has them */
  number?: number;
  segment?: LogSegment;
  /** head of the log after the round with signatures of co-signers, if the file has them: whose they are it does not say */
  final?: CoSignedHead;
  /** what a replay tells of its clears; no proof makes these public */
  clearings: Clearing[];
  /** whether it tells of orders, prices or accounts at all */
  tells: boolean;
  /** rules that it says were brought into force, in order: as files of rules, unread */
  rules: readonly unknown[];
}

export interface Clearing {
  market: bigint;
  rule: string;
  price: bigint;
  volume: bigint;
  fills: number;
  fee: bigint;
}

/** Whether the JSON is a round, or a replay of several. */
export function holdsRounds(json: unknown): boolean {
  return typeof json === "object" && json !== null && ("rounds" in json || "instructions" in json);
}

/**
 * The rounds of a replay file, or the one of a round file (docs/formats.md).
 * @throws TacitError FORMAT, PROOF_FORMAT, UNKNOWN_INSTRUCTION  naming the place
 */
export function readRounds(json: unknown): RoundClaim[] {
  const file = asObject("file", json);
  if (file.rounds === undefined && file.instructions === undefined)
    throw badFormat("file", "an object with `rounds` (a replay) or `instructions` (a round)");
  const rounds = file.rounds === undefined ? [file] : asList("rounds", file.rounds);
  if (rounds.length === 0) throw badFormat("rounds", "at least one round");
  return rounds.map((entry, i) => {
    const at = file.rounds === undefined ? "round" : `rounds[${i}]`;
    const round = asObject(at, entry);
    const state = (name: "state" | "stateAfter") =>
      round[name] === undefined ? undefined : asInteger(`${at}.${name}`, round[name]);
    const instructions = asList(`${at}.instructions`, round.instructions).map((step, j) =>
      readInstruction(`${at}.instructions[${j}]`, step),
    );
    const clearings = asList(`${at}.clearings`, round.clearings ?? []).map((entry, j) =>
      readClearing(`${at}.clearings[${j}]`, entry),
    );
    return {
      at: `round ${i + 1}`,
      state: state("state"),
      stateAfter: state("stateAfter"),
      instructions,
      clearings,
      tells: ["log", "clearings", "accounts"].some((name) => name in round),
      rules: (Array.isArray(round.log) ? (round.log as unknown[]) : []).flatMap(rulesOf),
      ...readSegment(at, round),
      ...(round.final === undefined ? {} : { final: readCoSignedHead(`${at}.final`, round.final) }),
    };
  });
}

/** A round as a venue publishes it: what proves it, and the log that it consumed, each entry as its two hashes and time. */
export interface PublishedRound {
  readonly number: number;
  readonly state: bigint;
  readonly stateAfter: bigint;
  readonly segment: LogSegment;
  readonly instructions: readonly ProvenInstruction[];
  /** head of the log after it, with signatures of co-signers */
  readonly final?: CoSignedHead;
}

/** The file of a published round (docs/formats.md), to be read by `readRounds`. */
export function roundJson({ number, state, stateAfter, segment, instructions, final }: PublishedRound) {
  return {
    number: String(number),
    state: String(state),
    stateAfter: String(stateAfter),
    logCount: String(segment.logCount),
    head: String(segment.head),
    entries: segment.entries.map(({ item, auth, time }) => [item, auth, time].map(String)),
    instructions: instructions.map(({ name, publicInputs, proof }) => ({
      name,
      publicInputs: publicInputs.map(String),
      proof: proofToJson(proof),
    })),
    ...(final ? { final: coSignedHeadJson(final) } : {}),
  };
}

/** Of an entry of the log as a replay tells it. */
function rulesOf(entry: unknown): unknown[] {
  return typeof entry === "object" && entry !== null && "rules" in entry ? [entry.rules] : [];
}

function readSegment(at: string, round: Record<string, unknown>): Pick<RoundClaim, "number" | "segment"> {
  if (round.entries === undefined) return {};
  const entries = asList(`${at}.entries`, round.entries).map((entry, j): HashedEntry => {
    const words = asList(`${at}.entries[${j}]`, entry).map((x) => asInteger(`${at}.entries[${j}]`, x));
    if (words.length !== 3 || words.some((x) => x < 0n || x >= FIELD))
      throw badFormat(`${at}.entries[${j}]`, "three field elements: hashes of item and signature, time");
    return { item: words[0], auth: words[1], time: words[2] };
  });
  const [number, logCount, head] = ["number", "logCount", "head"].map((name) =>
    asInteger(`${at}.${name}`, round[name]),
  );
  if (number < 0n || number > BigInt(Number.MAX_SAFE_INTEGER)) throw badFormat(`${at}.number`, "the number of a round");
  return { number: Number(number), segment: { logCount, head, entries } };
}

function readInstruction(at: string, json: unknown): ProvenInstruction {
  const { name, publicInputs, proof } = asObject(at, json);
  if (!INSTRUCTION_NAMES.includes(name as InstructionName))
    throw badFormat(`${at}.name`, `one of ${INSTRUCTION_NAMES.join(", ")}`);
  const inputs = asList(`${at}.publicInputs`, publicInputs).map((x, i) => asInteger(`${at}.publicInputs[${i}]`, x));
  try {
    return { name: name as InstructionName, publicInputs: inputs, proof: proofFromJson(proof) };
  } catch (error) {
    if (!(error instanceof TacitError)) throw error;
    throw new TacitError(error.code, `${at}: ${error.message}`, { ...error.details, at });
  }
}

function readClearing(at: string, json: unknown): Clearing {
  const { rule, fills, ...row } = asObject(at, json);
  if (typeof rule !== "string") throw badFormat(`${at}.rule`, "the name of a rule");
  const number = (name: string) => asInteger(`${at}.${name}`, row[name]);
  const [market, price, volume, fee] = ["market", "price", "volume", "fee"].map(number);
  return { market, rule, price, volume, fills: asList(`${at}.fills`, fills).length, fee };
}
