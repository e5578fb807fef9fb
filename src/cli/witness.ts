import { access, readFile } from "node:fs/promises";
import { builtFiles, circuitFolder } from "../setup/build.ts";
import { requireOutputs, writeWhole } from "../setup/writeWhole.ts";
import { TacitError } from "../protocol/errors.ts";
import type { CircuitName, ProfileName } from "../protocol/instructions.ts";
import { circuitInputs, type InputSignal } from "../prover/index.ts";
import { WitnessProgram, wtnsFile } from "../prover/witness.ts";
import { asObject } from "../protocol/json.ts";
import { readJson } from "../setup/readJson.ts";

/** `tacit witness`: the values of all wires of a circuit, from its inputs. @returns the exit code */
export async function witness(options: {
  circuit: CircuitName;
  /** paths */
  inputs: string;
  wtns: string;
  profile: ProfileName;
  build?: string;
}): Promise<number> {
  const { circuit, profile, build } = options;
  const inputs = circuitInputs(asObject(options.inputs, await readJson(options.inputs)));
  await requireOutputs(options.wtns);
  const files = builtFiles(circuitFolder(profile, circuit, build));
  await access(files.wasm).catch(() => {
    const remedy = `run \`tacit build ${circuit} --profile ${profile}\``;
    throw new TacitError("NOT_BUILT", `${circuit} is not built in profile ${profile}: ${remedy}`);
  });
  const module = await WebAssembly.compile(await readFile(files.wasm));
  const signals = JSON.parse(await readFile(files.inputs, "utf8")) as InputSignal[];
  const program = await WitnessProgram.start(module, signals);
  await writeWhole(options.wtns, wtnsFile(program.calculate(inputs), program.prime));
  return 0;
}
