import { INSTRUCTION_NAMES, type CircuitName, type InstructionName } from "../../protocol/instructions.ts";
import type { Proof } from "../../protocol/proof.ts";
import { TacitError } from "../../protocol/errors.ts";
import { createProver, type CircuitInputs, type ProverOptions, type ProvingKey } from "../../prover/index.ts";
import {
  prepareKeys,
  verifyRound,
  type ProvenInstruction,
  type Round,
  type RoundResult,
  type VenueView,
} from "../../verifier/index.ts";
import type { InstructionInputs } from "../../witness/ledger.ts";
import type { ClaimInputs } from "../../witness/survey.ts";
import { checkProofs } from "./checkProofs.ts";

/** Where the proofs of a venue are made and checked: in this process, or anywhere. */
export interface RoundProver {
  /** instructions whose proofs it makes side by side without one waiting for another */
  readonly parallel: number;
  /** @throws TacitError  when there is no proof; ABORTED among them */
  prove(instruction: InstructionInputs | ClaimInputs, options?: { signal?: AbortSignal }): Promise<Proof>;
  /** What the contract would say of a round. @param now  seconds since 1970 */
  verify(view: Omit<VenueView, "keys" | "isDepositHead">, round: Round, now: bigint): Promise<RoundResult>;
  close(): Promise<void>;
}

/** One that also checks proofs that others made. */
export interface CheckingProver extends RoundProver {
  /** Which of these hold, in order: by one product of pairings where all do. Instructions are those that there are keys of. */
  check(proofs: readonly ProvenInstruction[]): Promise<boolean[]>;
}

/** Files of one circuit, as the build has them. */
export interface CircuitFiles {
  readonly zkey: string;
  readonly wasm: string;
  readonly inputs?: string;
  readonly r1cs?: string;
}

/** What proofs are made with: circuits, and by instruction verification keys as snarkjs writes them. */
export interface ProverFiles {
  /** that of surveys may be left out */
  readonly circuits: Readonly<Record<InstructionName, CircuitFiles>> & { readonly survey?: CircuitFiles };
  readonly keys: Readonly<Record<InstructionName, unknown>>;
}

/**
 * Proofs by a pool of threads, and checks in this one: pairings keep it from all else, some 20 ms a proof. A venue is better
 * off with `localProver`. A circuit is loaded when it is first wanted.
 * @throws  as prepareKeys
 */
export function poolProver({ circuits, keys }: ProverFiles, options: ProverOptions = {}): CheckingProver {
  const verifying = prepareKeys(keys);
  const prover = createProver(options);
  const loaded = new Map<CircuitName, Promise<ProvingKey>>();
  const keyOf = (name: CircuitName) => {
    const files = circuits[name];
    if (!files)
      throw new TacitError("UNSUPPORTED", `no ${name} is proved here: its circuit is not among the prover's files`);
    const { zkey, ...rest } = files;
    const loading = loaded.get(name) ?? prover.load(zkey, rest);
    loaded.set(name, loading);
    loading.catch(() => loaded.delete(name));
    return loading;
  };
  return {
    // One is proved, while the witness of the next is computed.
    parallel: 2,
    async prove({ name, inputs }, { signal } = {}) {
      return (await prover.proveInputs(await keyOf(name), inputs as CircuitInputs, { signal })).proof;
    },
    async verify(view, round, now) {
      return verifyRound({ ...view, keys: verifying }, round, { now });
    },
    async check(proofs) {
      return checkProofs(verifying, proofs);
    },
    close: () => prover.close(),
  };
}

/** What something is for each instruction. */
export function byInstruction<T>(of: (name: InstructionName) => T): Record<InstructionName, T> {
  return Object.fromEntries(INSTRUCTION_NAMES.map((name) => [name, of(name)])) as Record<InstructionName, T>;
}
