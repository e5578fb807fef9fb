/** Provers without circuits: what they call a proof holds where it repeats the first public input. */
import type { Log } from "../../src/venue/log.ts";
import { INSTRUCTION_NAMES, type InstructionName } from "../../src/protocol/instructions.ts";
import type { Proof } from "../../src/protocol/proof.ts";
import type { CheckingProver } from "../../src/venue/proving/provers.ts";
import type { JobTimes, KeyHashes } from "../../src/venue/proving/jobs/terms.ts";
import type { InstructionInputs } from "../../src/witness/ledger.ts";

/** As fast as a test wants to be, and not so fast that a busy machine makes anybody seem dead. */
export const TIMES: JobTimes = { beatMs: 100, deadMs: 3_000, proofMs: 60_000, barredMs: 600_000, patienceMs: 5_000 };
export const keysOf = (digit: string): KeyHashes =>
  Object.fromEntries(INSTRUCTION_NAMES.map((name) => [name, digit.repeat(64)]));
export const KEYS = keysOf("a");

export const instructionOf = (number: number, name: InstructionName = "admit"): InstructionInputs => ({
  name,
  publicInputs: [BigInt(number)],
  inputs: { number: BigInt(number), list: [1n, 2n] },
});
export const fakeProof = (word: bigint): Proof => ({ a: [word, 0n], b: [[0n, 0n], [0n, 0n]], c: [0n, 0n] }); // prettier-ignore

/** What a prover does instead of proving. */
export type Act = (instruction: InstructionInputs, signal: AbortSignal | undefined) => Promise<Proof>;
export const honest: Act = async ({ publicInputs: [word] }) => fakeProof(word);
export const lying: Act = async ({ publicInputs: [word] }) => fakeProof(word + 1n);
const hung: (() => void)[] = [];
export const hanging: Act = () => new Promise((_, reject) => hung.push(() => reject(new Error("it was let go"))));
/** Whoever hangs fails at last. */
export const letGo = (): void => hung.splice(0).forEach((it) => it());

/** @returns a prover, and what it was asked for, in order */
export function fakeProver(act: Act = honest, parallel = 1) {
  const asked: number[] = [];
  const prover: CheckingProver = {
    parallel,
    async prove(instruction, { signal } = {}) {
      asked.push(Number(instruction.publicInputs[0]));
      return act(instruction as InstructionInputs, signal);
    },
    async verify() {
      throw new Error("no rounds here");
    },
    check: async (proofs) => proofs.map(({ publicInputs, proof }) => proof.a[0] === publicInputs[0]),
    async close() {},
  };
  return { prover, asked };
}

/** @returns a log, what it was told, and promises of what it will be told */
export function heard() {
  const told: { fields: Record<string, unknown>; message: string }[] = [];
  const waiting: { part: string; resolve: (fields: Record<string, unknown>) => void }[] = [];
  const tell = (fields: object, message: string) => {
    told.push({ fields: fields as Record<string, unknown>, message });
    for (const it of waiting) if (message.includes(it.part)) it.resolve(fields as Record<string, unknown>);
  };
  const log: Log = { debug: tell, info: tell, warn: tell, error: tell };
  /** Fulfilled with its fields once something is said in which these words are. */
  const said = (part: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const before = told.find(({ message }) => message.includes(part));
      if (before) resolve(before.fields);
      waiting.push({ part, resolve });
    });
  return { log, told, said };
}
