import { access } from "node:fs/promises";
import { builtFiles, circuitFolder } from "../../scripts/build/index.ts";
import { writeWhole } from "../../scripts/build/writeWhole.ts";
import { TacitError } from "../protocol/errors.ts";
import type { InstructionName, ProfileName } from "../protocol/instructions.ts";
import { createProver, type CircuitInputs, type SignalValue } from "../prover/index.ts";
import { proofToJson } from "../verifier/index.ts";
import { asInteger, asObject, readJson, toJson } from "./json.ts";
import { withProgress } from "./progress.ts";

/** `tacit prove`: one instruction, from and to files. @returns the exit code */
export async function prove(options: {
  instruction: InstructionName;
  /** paths */
  inputs: string;
  proof: string;
  public: string;
  profile: ProfileName;
}): Promise<number> {
  const { instruction, profile } = options;
  const json = asObject(options.inputs, await readJson(options.inputs));
  const inputs = Object.fromEntries(Object.entries(json).map(([name, value]) => [name, signal(name, value)]));
  const { wasm, zkey, inputs: signals } = builtFiles(circuitFolder(profile, instruction));
  await access(zkey).catch(() => {
    const remedy = `run \`tacit build ${instruction} --profile ${profile}\``;
    throw new TacitError("NOT_BUILT", `${instruction} is not built in profile ${profile}: ${remedy}`);
  });
  const prover = createProver({ workers: 1 });
  try {
    await prover.load(instruction, { wasm, zkey, inputs: signals });
    const { proof, publicInputs } = await withProgress(`prove ${instruction}`, (progress) =>
      prover.prove(instruction, inputs as CircuitInputs, {
        onProgress: ({ step, fraction }) => progress.update(fraction, step),
      }),
    );
    await writeWhole(options.public, toJson(publicInputs, 1) + "\n");
    await writeWhole(options.proof, toJson(proofToJson(proof), 1) + "\n");
  } finally {
    await prover.close();
  }
  return 0;
}

/** Decimal strings, in lists and objects. */
function signal(at: string, json: unknown): SignalValue {
  if (Array.isArray(json)) return json.map((part, i) => signal(`${at}[${i}]`, part));
  if (typeof json === "object" && json !== null)
    return Object.fromEntries(Object.entries(json).map(([name, part]) => [name, signal(`${at}.${name}`, part)]));
  return asInteger(at, json);
}
