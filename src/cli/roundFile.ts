import { TacitError } from "../protocol/errors.ts";
import { INSTRUCTION_NAMES, type InstructionName } from "../protocol/instructions.ts";
import { proofFromJson, type ProvenInstruction } from "../verifier/index.ts";
import { asInteger, asList, asObject, badFormat } from "./json.ts";

/** What a file claims of a round. */
export interface RoundClaim {
  /** where it stands in the file: "round 3" */
  at: string;
  /** if the file states them */
  state?: bigint;
  stateAfter?: bigint;
  instructions: ProvenInstruction[];
  /** what a replay tells of its clears; no proof makes these public */
  clearings: Clearing[];
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
    return { at: `round ${i + 1}`, state: state("state"), stateAfter: state("stateAfter"), instructions, clearings };
  });
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
