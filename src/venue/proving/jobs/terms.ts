import { outOfRange } from "../../../protocol/errors.ts";
import { INSTRUCTION_NAMES, type CircuitName, type InstructionName } from "../../../protocol/instructions.ts";

/** Milliseconds. Both sides of jobs have the same. */
export interface JobTimes {
  /** between two signs of life */
  readonly beatMs: number;
  /** without one, after which a prover counts as dead, and its jobs go to others */
  readonly deadMs: number;
  /** that one proof may take, however much its prover lives */
  readonly proofMs: number;
  /** for which a prover gets no jobs that has failed too often */
  readonly barredMs: number;
  /** that a server has for an answer */
  readonly patienceMs: number;
}

export const JOB_TIMES: JobTimes = {
  beatMs: 1_000,
  deadMs: 5_000,
  proofMs: 120_000,
  barredMs: 600_000,
  patienceMs: 10_000,
};

/** SHA-256 of the proving keys of circuits, 64 hexadecimal digits: a prover of another build takes none of these jobs. */
export type KeyHashes = Readonly<Partial<Record<CircuitName, string>>>;

/** What a job and a prover are matched by. @throws OUT_OF_RANGE */
export function keyNames(hashes: KeyHashes): Readonly<Partial<Record<InstructionName, string>>> {
  const names = INSTRUCTION_NAMES.flatMap((name) => {
    const hash = hashes[name];
    if (hash === undefined) return [];
    if (!/^[0-9a-f]{64}$/.test(hash)) throw outOfRange(`keys.${name}`, "64 hexadecimal digits");
    return [[name, `${name} ${hash}`]];
  });
  return Object.fromEntries(names) as Partial<Record<InstructionName, string>>;
}

/**
 * What is proved by the venue alone, and never becomes a job: `deposit` has the operator's secret among its inputs. So are circuits without
 * a key here.
 */
export function staysHere(name: CircuitName, keys: ReturnType<typeof keyNames>): boolean {
  return name === "deposit" || keys[name as InstructionName] === undefined;
}
