import { TacitError } from "../../protocol/errors.ts";
import { publicInputNames } from "../../protocol/instructions.ts";
import type { ProvenInstruction } from "../../verifier/index.ts";
import type { ChainPoint, ProvenRound } from "./chain.ts";
import type { RoundEnd } from "./finalHeads.ts";
import type { RelayWait } from "./relayOptions.ts";

/** Instructions from one boundary to another, and the rounds that they are of. */
export interface Run {
  readonly from: bigint;
  readonly to: bigint;
  readonly rounds: readonly [number, number];
  readonly instructions: readonly ProvenInstruction[];
  readonly end: RoundEnd;
}

/** What was proved and is not yet accepted, instruction by instruction; positions count from the first one ever added. */
export class ProvenStream {
  /** `start`, `end`: positions of its first instruction and after its last */
  #rounds: { round: ProvenRound; start: number; end: number }[] = [];
  /** of the boundaries in phase open, where alone the contract can be, by state */
  readonly #positions = new Map<bigint, number>();
  #last?: { number: number; state: bigint; position: number };

  get rounds(): number {
    return this.#rounds.length;
  }

  add(round: ProvenRound): void {
    const { number, state, stateAfter, instructions } = round;
    const require = (holds: boolean, expected: string) => {
      if (!holds) throw new TacitError("BAD_ROUND", `round ${number}: expected ${expected}`, { number, expected });
    };
    require(!this.#last || number === this.#last.number + 1, `number ${(this.#last?.number ?? 0) + 1}`);
    require(!this.#last || state === this.#last.state, "the state that the round before it ended with");
    const start = this.#last?.position ?? 0;
    const open = new Map([[state, start]]);
    let [before, phase] = [state, 1n];
    for (const [i, { publicInputs }] of instructions.entries()) {
      require(publicInputs[0] === before, `instruction ${i} to start where the one before it ended`);
      [, before, phase] = publicInputs;
      if (phase === 0n) open.set(before, start + i + 1);
    }
    require(phase === 0n && before === stateAfter, "an end in phase open, with the state after");
    for (const [word, position] of open) this.#positions.set(word, position);
    const end = start + instructions.length;
    this.#rounds.push({ round, start, end });
    this.#last = { number, state: stateAfter, position: end };
  }

  position(state: bigint): number | undefined {
    return this.#positions.get(state);
  }

  /** Numbers of the rounds that end beyond one position, and not beyond the other. */
  roundsBetween(from: number, to: number): number[] {
    return this.#rounds.filter(({ end }) => from < end && end <= to).map(({ round }) => round.number);
  }

  /** How many instructions there are beyond a state; all of them where it is not known. */
  beyond(state: bigint | undefined): number {
    const start = this.#rounds[0]?.start ?? 0;
    const position = state === undefined ? undefined : this.position(state);
    return this.#rounds.length === 0 ? 0 : this.#last!.position - (position ?? start);
  }

  /** Forgets the first rounds, but not the state that the last of them ended with. */
  forget(count: number): void {
    for (const { round } of this.#rounds.splice(0, count))
      for (const { publicInputs } of round.instructions) this.#positions.delete(publicInputs[0]);
  }

  /**
   * What goes next: to the last end of a round with which the contract would take it as it is, among those within `most`
   * instructions, else to the first one beyond.
   * @param until  seconds since 1970: no log entry later than this
   * @param to     only to the end with this state
   * @param rules  false: only to an end before the first round that brings in rules
   * @param final  whether the log is final at an end: only to one where it is
   * @returns a run, why there is none, or undefined when the contract has all
   */
  choose(
    latest: ChainPoint,
    {
      maxLag,
      most,
      until,
      to,
      rules = true,
      final = () => true,
    }: {
      maxLag: bigint;
      most: number;
      until?: bigint;
      to?: bigint;
      rules?: boolean;
      final?: (end: RoundEnd) => boolean;
    },
  ): Run | RelayWait | undefined {
    if (this.#rounds.length === 0) return undefined;
    const from = this.position(latest.state);
    if (from === undefined) return "unknownState";
    if (from === this.#last!.position) return undefined;
    let wait: RelayWait = "noLogEntry";
    let chosen: { index: number; end: RoundEnd } | undefined;
    let entry: LastEntry | undefined;
    for (const [index, { round, start, end }] of this.#rounds.entries()) {
      if (end <= from) continue;
      if (chosen !== undefined && end - from > most) break;
      const left = round.instructions.slice(Math.max(from - start, 0));
      if (!rules && left.some(bringsRules)) {
        wait = "rulesNotValid";
        break;
      }
      entry = lastEntry(left) ?? entry;
      if (!entry || entry.logCount <= latest.logCount) continue;
      if (entry.time + maxLag < latest.blockTime) wait = "tooOld";
      else if (until !== undefined && entry.time > until) wait = "inFuture";
      else if (to === undefined || round.stateAfter === to) {
        const { logCount, log } = entry;
        const last = { number: round.number, logCount, log };
        if (final(last)) chosen = { index, end: last };
        else wait = "notFinal";
      }
    }
    if (chosen === undefined) return wait;
    const { index, end } = chosen;
    const rounds = this.#rounds.slice(0, index + 1).filter(({ end }) => end > from);
    const instructions = rounds.flatMap(({ round, start }) => round.instructions.slice(Math.max(from - start, 0)));
    const [first, last] = [rounds[0].round, rounds.at(-1)!.round];
    return { from: latest.state, to: last.stateAfter, rounds: [first.number, last.number], instructions, end };
  }
}

/** The last log entry that instructions consumed: its time, how many entries that makes, and the head of the log after it. */
interface LastEntry {
  readonly time: bigint;
  readonly logCount: bigint;
  readonly log: bigint;
}

function lastEntry(instructions: readonly ProvenInstruction[]): LastEntry | undefined {
  for (const { name, publicInputs } of instructions.toReversed()) {
    const names = publicInputNames(name);
    const [time, logCount, log] = ["time", "logCount", "log"].map((input) => publicInputs[names.indexOf(input)]);
    if (time !== undefined) return { time, logCount, log };
  }
  return undefined;
}

function bringsRules({ name }: ProvenInstruction): boolean {
  return publicInputNames(name).includes("rules");
}

/** Length of encodeRound, without making it. */
export function bytesOf(instructions: readonly ProvenInstruction[]): number {
  return instructions.reduce((sum, { publicInputs }) => sum + 1 + 32 * (publicInputs.length - 1 + 8), 0);
}
