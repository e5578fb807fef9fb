import { publicInputNames } from "../protocol/instructions.ts";
import { chainHeads, type HashedEntry } from "../protocol/item.ts";
import type { ProvenInstruction } from "./round.ts";

/** A run of the log. */
export interface LogSegment {
  /** entries before it, and the head of the log there */
  readonly logCount: bigint;
  readonly head: bigint;
  readonly entries: readonly HashedEntry[];
}

/**
 * Whether these entries, and no others, are the log that the instructions of a round consumed: each number of entries and
 * each head among their public inputs must be those of the segment, and its end theirs.
 * @param heads  after each entry of the segment
 * @returns what is wrong, or null
 */
export function segmentDefect(
  segment: LogSegment,
  instructions: readonly Pick<ProvenInstruction, "name" | "publicInputs">[],
  heads: readonly bigint[] = chainHeads(segment.head, segment.entries),
): string | null {
  let consumed = 0n;
  for (const [at, { name, publicInputs }] of instructions.entries()) {
    const names = publicInputNames(name);
    const [time, logCount, log] = ["time", "logCount", "log"].map((input) => publicInputs[names.indexOf(input)]);
    if (logCount === undefined) continue;
    const number = logCount - segment.logCount;
    if (number < consumed || number > BigInt(heads.length))
      return `instruction ${at} consumed entries that the log shown does not have`;
    consumed = number;
    const head = number === 0n ? segment.head : heads[Number(number) - 1];
    if (head !== log) return `the log shown is not the one that instruction ${at} consumed`;
    if (number > 0n && segment.entries[Number(number) - 1].time !== time)
      return `instruction ${at} consumed entries up to another time`;
  }
  return consumed === BigInt(heads.length) ? null : "the log shown goes on where the round has ended";
}
