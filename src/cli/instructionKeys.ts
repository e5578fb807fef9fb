import { builtFiles, circuitFolder } from "../../scripts/build/index.ts";
import { INSTRUCTION_NAMES, type InstructionName, type ProfileName } from "../protocol/instructions.ts";
import type { Prover, ProvingKey } from "../prover/index.ts";

/** Loads the built circuits of all instructions into a prover. */
export async function loadInstructions(
  prover: Prover,
  profile: ProfileName,
): Promise<Record<InstructionName, ProvingKey>> {
  const keys = INSTRUCTION_NAMES.map(async (name) => {
    const { wasm, zkey, inputs, r1cs } = builtFiles(circuitFolder(profile, name));
    return [name, await prover.load(zkey, { wasm, inputs, r1cs })] as const;
  });
  return Object.fromEntries(await Promise.all(keys)) as Record<InstructionName, ProvingKey>;
}
