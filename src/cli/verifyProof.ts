import { TacitError } from "../protocol/errors.ts";
import { toJson } from "../protocol/json.ts";
import { counted } from "../setup/format.ts";
import { readJson } from "../setup/readJson.ts";
import { readCircuitKey, readCircuitProof, readPublicInputs, verifyProof } from "../verifier/index.ts";

/** `tacit verify --key`: one proof of any Groth16 circuit over BN254. @returns the exit code */
export async function verifyOneProof(
  proofPath: string,
  publicPath: string | undefined,
  { key: keyPath, json }: { key: string; json?: boolean },
): Promise<number> {
  if (publicPath === undefined)
    throw new TacitError(
      "USAGE",
      "the public inputs are missing: expected tacit verify --key VK.json PROOF.json PUBLIC.json",
    );
  const key = readCircuitKey(await readJson(keyPath), keyPath);
  const proof = readCircuitProof(await readJson(proofPath), proofPath);
  const inputs = readPublicInputs(await readJson(publicPath), publicPath);
  const result = verifyProof(key, inputs, proof);
  const trust = { developmentKey: key.development, forgeable: key.forgeable };
  if (json) {
    const { ok } = result;
    const told = ok ? { ok, publicInputs: inputs.length } : { ok, code: result.reason, message: result.message };
    process.stdout.write(toJson({ trust, ...told }, 2) + "\n");
    return ok ? 0 : 1;
  }
  if (key.development) process.stdout.write("this is a development key: anybody can forge proofs for it\n");
  else if (key.forgeable) process.stdout.write(`anybody can forge proofs for this key: ${key.forgeable}\n`);
  if (result.ok) process.stdout.write(`accepted: the proof holds for its ${counted(inputs.length, "public input")}\n`);
  else process.stdout.write(`REFUSED: ${result.message} (${result.reason})\n`);
  return result.ok ? 0 : 1;
}
