import type { InstructionName } from "../protocol/instructions.ts";
import type { Proof } from "../protocol/proof.ts";
import { createProver, type CircuitInputs, type Prover, type ProverOptions, type ProvingKey } from "../prover/index.ts";
import type { InstructionInputs } from "../witness/ledger.ts";

/** Where the proofs of a venue are made: in this process, or anywhere. */
export interface InstructionProver {
  /** instructions whose proofs it makes side by side without one waiting for another */
  readonly parallel: number;
  /** @throws TacitError  when there is no proof; ABORTED among them */
  prove(instruction: InstructionInputs, options?: { signal?: AbortSignal }): Promise<Proof>;
  close(): Promise<void>;
}

/** Files of one instruction's circuit, as the build has them. */
export interface CircuitFiles {
  readonly zkey: string;
  readonly wasm: string;
  readonly inputs?: string;
  readonly r1cs?: string;
}

/**
 * Proofs by a pool of threads in this process. A key is loaded when it is first wanted.
 * @param files  of each instruction
 */
export function localProver(
  files: (name: InstructionName) => CircuitFiles,
  options: ProverOptions & { createProver?: (options: ProverOptions) => Prover } = {},
): InstructionProver {
  const prover = (options.createProver ?? createProver)(options);
  const keys = new Map<InstructionName, Promise<ProvingKey>>();
  const keyOf = (name: InstructionName) => {
    const { zkey, ...rest } = files(name);
    const loading = keys.get(name) ?? prover.load(zkey, rest);
    keys.set(name, loading);
    loading.catch(() => keys.delete(name));
    return loading;
  };
  return {
    // One is proved, while the witness of the next is computed.
    parallel: 2,
    async prove({ name, inputs }, { signal } = {}) {
      return (await prover.proveInputs(await keyOf(name), inputs as CircuitInputs, { signal })).proof;
    },
    close: () => prover.close(),
  };
}
