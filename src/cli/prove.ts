import { requireOutputs, writeWhole } from "../setup/writeWhole.ts";
import { TacitError } from "../protocol/errors.ts";
import { createProver } from "../prover/index.ts";
import { proofToJson } from "../protocol/proof.ts";
import { toJson } from "../protocol/json.ts";
import { withProgress } from "../setup/progress.ts";

/** `tacit prove`: from a key and a witness, as snarkjs and rapidsnark do. @returns the exit code */
export async function prove(options: {
  /** paths; keys and witnesses may be addresses */
  zkey: string;
  wtns: string;
  proof: string;
  public: string;
  r1cs?: string;
  workers?: number;
  check: boolean;
  json?: boolean;
}): Promise<number> {
  const { zkey, wtns, r1cs, workers, check } = options;
  const started = performance.now();
  await requireOutputs(options.proof, options.public);
  const prover = createProver({ workers });
  try {
    const { proof, publicInputs, timings, loadMs } = await withProgress("prove", async (progress) => {
      const key = await naming(zkey, prover.load(zkey, { r1cs }));
      const loadMs = performance.now() - started;
      const onProgress = ({ fraction }: { fraction: number }) => progress.update(fraction);
      return { loadMs, ...(await naming(wtns, prover.prove(key, wtns, { check, onProgress }))) };
    });
    await writeWhole(options.public, toJson(publicInputs, 1) + "\n");
    await writeWhole(options.proof, toJson(proofToJson(proof), 1) + "\n");
    if (options.json) {
      const { rows, fft, a, b, c, readMs, finishMs, totalMs } = timings;
      const wall = { load: loadMs, read: readMs, finish: finishMs, prove: totalMs };
      const times = { wallMs: { ...wall, total: performance.now() - started }, threadMs: { rows, fft, a, b, c } };
      process.stdout.write(toJson(rounded(times), 2) + "\n");
    }
  } finally {
    await prover.close();
  }
  return 0;
}

/** An error about the content of a file says of which. */
async function naming<Result>(path: string, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof TacitError) || !["FILE_FORMAT", "WITNESS_MISMATCH"].includes(error.code)) throw error;
    throw new TacitError(error.code, `${path}: ${error.message}`, { ...error.details });
  }
}

function rounded(times: Record<string, Record<string, number>>): Record<string, Record<string, number>> {
  const tenth = (ms: number) => Math.round(10 * ms) / 10;
  return Object.fromEntries(
    Object.entries(times).map(([group, all]) => [
      group,
      Object.fromEntries(Object.entries(all).map(([phase, ms]) => [phase, tenth(ms)])),
    ]),
  );
}
