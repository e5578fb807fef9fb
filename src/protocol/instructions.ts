import { TacitError } from "./errors.ts";
import { LIST_ORDERS } from "./parameters.ts";

/**
 * The instructions of the machine: the one home of their circuits, their sizes and the order of their public inputs.
 * Circuit mains, Solidity constants, verifier and witness builders are derived from this table. The kind of an
 * instruction is the key that verifies it. `code` is on the wire: append or retire, and keep the number.
 *
 * Public inputs of every instruction: state before, state after, phase after, then the extras.
 */
export const INSTRUCTIONS = [
  { code: 0, name: "deposit", template: "Deposit", extras: ["time", "logCount", "log", "deposits"] },
  { code: 1, name: "admit", template: "Admit", extras: ["time", "logCount", "log"] },
  { code: 2, name: "auction", template: "Clear", extras: ["time", "logCount", "log"] },
  { code: 3, name: "midpoint", template: "Clear", extras: ["time", "logCount", "log"] },
  { code: 4, name: "settle", template: "Settle", extras: [] },
  { code: 5, name: "withdraw", template: "Withdraw", extras: ["payout0", "payout1", "payout2", "payout3"] },
  { code: 6, name: "settleRuns", template: "Settle", extras: [] },
  { code: 7, name: "quote", template: "Admit", extras: ["time", "logCount", "log"] },
  { code: 8, name: "reprice", template: "Reprice", extras: ["time", "logCount", "log"] },
  { code: 9, name: "configure", template: "Configure", extras: ["time", "logCount", "log", "rules"] },
  { code: 10, name: "fold", template: "Fold", extras: ["time", "logCount", "log"] },
  { code: 11, name: "enforce", template: "Enforce", extras: ["time", "logCount", "log"] },
  { code: 12, name: "assume", template: "Assume", extras: ["time", "logCount", "log"] },
] as const;

export type InstructionName = (typeof INSTRUCTIONS)[number]["name"];
export const INSTRUCTION_NAMES = INSTRUCTIONS.map(({ name }) => name) as readonly InstructionName[];

/** Circuits that say something of a state and change none: no part of a round. */
export const CLAIMS = [
  {
    name: "survey",
    template: "Survey",
    publicInputs: [
      "state",
      "from",
      "to",
      "shown.accounts",
      "shown.under",
      "shown.flagged",
      "shown.cash",
      "shown.lacking",
    ],
  },
] as const;
export type ClaimName = (typeof CLAIMS)[number]["name"];
export type CircuitName = InstructionName | ClaimName;
export const CIRCUIT_NAMES: readonly CircuitName[] = [...INSTRUCTION_NAMES, ...CLAIMS.map(({ name }) => name)];

/** Public inputs of a circuit, in order. */
export function publicInputNames(name: CircuitName): string[] {
  const claim = CLAIMS.find((row) => row.name === name);
  if (claim) return [...claim.publicInputs];
  return ["state", "stateAfter", "phaseAfter", ...instruction(name).extras];
}

export function instruction(name: string) {
  const found = INSTRUCTIONS.find((row) => row.name === name);
  if (!found)
    throw new TacitError(
      "UNKNOWN_INSTRUCTION",
      `no instruction has this name: expected one of ${INSTRUCTION_NAMES.join(", ")}`,
    );
  return found;
}

/** Of a round: far more than a transaction holds. Each takes a verifier some 16 ms. */
export const MAX_INSTRUCTIONS = 1024;

/** How many payouts one `withdraw` makes public. */
export const WITHDRAW_SLOTS = 4;
/** How many neighbouring fills of one account and one clearing a slot of `settleRuns` books; one of `settle` books one. */
export const RUN = 8;

/**
 * Sizes by profile. `depth`: levels of the 4-ary account tree; `scenarios`: price scenarios, the mark included; `feeds`: 3f + 1
 * that report prices; `maxOpen`: most open orders of one account, at most 128; the others: slots of one proof.
 */
export const PROFILES = {
  demo: {
    depth: 4,
    scenarios: 4,
    feeds: 4,
    maxOpen: 16,
    deposit: 3,
    admit: 4,
    quote: 3,
    clear: 28,
    settle: 10,
    settleRuns: 6,
    fold: 8,
    enforce: 4,
    assume: 2,
  },
  standard: {
    depth: 10,
    scenarios: 16,
    feeds: 7,
    maxOpen: 128,
    deposit: 9,
    admit: 5,
    quote: 4,
    clear: 81,
    settle: 12,
    settleRuns: 9,
    fold: 14,
    enforce: 7,
    assume: 8,
  },
} as const;
export type ProfileName = keyof typeof PROFILES;
export interface Profile {
  depth: number;
  scenarios: number;
  feeds: number;
  maxOpen: number;
  deposit: number;
  admit: number;
  quote: number;
  clear: number;
  settle: number;
  settleRuns: number;
  fold: number;
  enforce: number;
  assume: number;
}
/** Arguments of an instruction's template, in the order of its declaration. */
export function templateArguments(name: CircuitName, profile: Profile): number[] {
  const { depth, scenarios } = profile;
  switch (name) {
    case "deposit":
      return [depth, profile.deposit];
    case "admit":
      return [depth, scenarios, profile.admit, profile.maxOpen, 1];
    case "quote":
      return [depth, scenarios, profile.quote, profile.maxOpen, LIST_ORDERS];
    case "auction":
      return [profile.clear, 0];
    case "midpoint":
      return [profile.clear, 1];
    case "settle":
      return [depth, profile.settle, 1];
    case "settleRuns":
      return [depth, profile.settleRuns, RUN];
    case "withdraw":
      return [WITHDRAW_SLOTS];
    case "reprice":
      return [scenarios, profile.feeds, depth];
    case "configure":
      return [scenarios, profile.feeds, depth, profile.clear, profile.settle];
    case "fold":
      return [depth, profile.fold];
    case "enforce":
      return [depth, scenarios, profile.enforce];
    case "assume":
      return [depth, scenarios, profile.assume];
    case "survey":
      return [depth, scenarios];
  }
}
