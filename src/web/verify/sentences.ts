import { publicInputNames, type InstructionName } from "../../protocol/instructions.ts";
import { PHASE } from "../../protocol/parameters.ts";
import type { ProvenInstruction } from "../../verifier/index.ts";
import { count, short, thousands, utc } from "../format.ts";

/** The public inputs of a step by name, and how many entries of the log it consumed: null where that is not known. */
interface Step {
  readonly inputs: Readonly<Record<string, bigint | undefined>>;
  readonly entries: bigint | null;
}

/** What the proof of each instruction shows, in plain words: protocol.md says the same at length. */
const SENTENCES: Record<InstructionName, (step: Step) => string> = {
  deposit: ({ inputs }) =>
    `deposits were credited, each once, in the order of their chain up to ${short(inputs.deposits ?? 0n)}`,
  admit: judged,
  quote: judged,
  auction: ({ inputs }) => clearing("auction", inputs.phaseAfter),
  midpoint: ({ inputs }) => clearing("midpoint cross", inputs.phaseAfter),
  settle: ({ inputs }) => settled(inputs.phaseAfter),
  settleRuns: ({ inputs }) => settled(inputs.phaseAfter),
  reprice: () =>
    "prices were made anew: each number the median of what a quorum of feeds has signed, all else by the public rules",
  configure: ({ inputs }) =>
    `the rules were changed, as far as they may be, to those of root ${short(inputs.rules ?? 0n)}`,
  fold: () => "positions in what is settled turned into cash, in the order of the accounts, at no account's loss",
  enforce: ({ entries }) =>
    `${entries === null ? "steps" : count(entries, "step")} against accounts in default: each flagged, swept or sold down only as far as the rules allow`,
  assume: () =>
    "the insurance account took over accounts in default, each by the public rules, and its deficit was looked at",
  withdraw: ({ inputs }) => {
    const paid = Object.entries(inputs).flatMap(([name, word]) => (name.startsWith("payout") && word ? [word] : []));
    return paid.length === 0 ? "nothing was paid out" : `paid out: ${paid.map(payout).join(", ")}`;
  },
};

/** A sentence for each instruction. @param before  entries of the log before the first one, if they are known */
export function sentences(instructions: readonly ProvenInstruction[], before: bigint | undefined): string[] {
  let known = before;
  return instructions.map(({ name, publicInputs }) => {
    const inputs = Object.fromEntries(publicInputNames(name).map((input, i) => [input, publicInputs[i]]));
    const { logCount, time } = inputs;
    const entries = logCount === undefined || known === undefined ? null : logCount - known;
    if (logCount !== undefined) known = logCount;
    const where =
      logCount === undefined || time === undefined
        ? ""
        : ` (the log stands at ${count(logCount, "entry", "entries")}, the last of ${utc(time)})`;
    return SENTENCES[name]({ inputs, entries }) + where;
  });
}

function judged({ entries }: Step): string {
  const what = entries === null ? "entries" : count(entries, "entry", "entries");
  return `${what} of the log ${entries === 1n ? "was" : "were"} judged in order, none left out: signature, price, margin`;
}

function clearing(what: string, phase: bigint | undefined): string {
  const at = Number(phase);
  if (at === PHASE.open) return `the ${what} found nothing to fill`;
  if (at === PHASE.settling) return `the ${what} was cleared: one price for the whole book, by the public rule`;
  return `part of the book of market slot ${at - PHASE.clearing(0)} was read for its ${what}, no order left out`;
}

function settled(phase: bigint | undefined): string {
  return Number(phase) === PHASE.open
    ? "the last fills were booked into their accounts, each once, none left out"
    : "fills were booked into their accounts, each once";
}

function payout(word: bigint): string {
  return `${thousands(word >> 160n)} to 0x${BigInt.asUintN(160, word).toString(16).padStart(40, "0")}`;
}
