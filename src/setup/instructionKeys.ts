import { builtFiles, circuitFolder } from "./build.ts";
import { TacitError } from "../protocol/errors.ts";
import {
  CIRCUIT_NAMES,
  INSTRUCTION_NAMES,
  type CircuitName,
  type InstructionName,
  type ProfileName,
} from "../protocol/instructions.ts";
import type { Prover, ProvingKey } from "../prover/index.ts";
import { byInstruction, type ProverFiles } from "../venue/proving/provers.ts";
import { readKeyFiles } from "./keyFiles.ts";
import { currentHash, readStamp } from "./stamp.ts";

/** Loads the built circuits of all instructions into a prover. */
export async function loadInstructions(
  prover: Prover,
  profile: ProfileName,
  build?: string,
): Promise<Record<InstructionName, ProvingKey>> {
  const keys = INSTRUCTION_NAMES.map(async (name) => {
    const { wasm, zkey, inputs, r1cs } = builtFiles(circuitFolder(profile, name, build));
    return [name, await prover.load(zkey, { wasm, inputs, r1cs })] as const;
  });
  return Object.fromEntries(await Promise.all(keys)) as Record<InstructionName, ProvingKey>;
}

/** What a venue of this profile makes its proofs with: built circuits, keys of a folder. @throws TacitError FILE, JSON */
export async function proverFiles(profile: ProfileName, build?: string, keys?: string): Promise<ProverFiles> {
  const files = (name: CircuitName) => {
    const { zkey, wasm, inputs, r1cs } = builtFiles(circuitFolder(profile, name, build));
    return { zkey, wasm, inputs, r1cs };
  };
  return { circuits: { ...byInstruction(files), survey: files("survey") }, keys: await readKeyFiles(profile, keys) };
}

/** SHA-256 of each built circuit's proving key, as 64 hexadecimal digits. @throws TacitError NOT_BUILT */
export async function keyHashes(profile: ProfileName, build?: string): Promise<Record<CircuitName, string>> {
  const hashes = CIRCUIT_NAMES.map(async (name) => {
    const folder = circuitFolder(profile, name, build);
    const { zkey } = builtFiles(folder);
    const hash = await currentHash(zkey, (await readStamp(folder))?.key?.files.zkey);
    if (hash === undefined) throw new TacitError("NOT_BUILT", `there is no ${zkey}: expected the key that \`tacit build\` makes`, { name }); // prettier-ignore
    return [name, hash] as const;
  });
  return Object.fromEntries(await Promise.all(hashes)) as Record<CircuitName, string>;
}
