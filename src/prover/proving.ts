import { TacitError } from "../protocol/errors.ts";
import { readInteger } from "./files/integers.ts";
import type { FileSource } from "./files/source.ts";
import { checkValues, readWitness } from "./files/wtns.ts";
import { ProofCheck, beginProof, finishProof } from "./groth16.ts";
import type { LoadedKey } from "./loading.ts";
import type { Share } from "./messages.ts";
import { proveOn } from "./plan.ts";
import type { KnownKey, Pool } from "./pool.ts";
import { requireWires } from "./proofErrors.ts";
import type { Proved, ProveOptions, Witness } from "./prover.ts";
import { shareBytes, type Sharing } from "./sharing.ts";
import type { Tag } from "./thread.ts";
import type { CircuitInputs } from "./witness.ts";

/** Runs the witness program of a key. @throws as `Prover.witness` */
export async function makeWitness(
  pool: Pool,
  key: LoadedKey,
  inputs: CircuitInputs,
  signal?: AbortSignal,
): Promise<Witness> {
  if (!key.program?.module) throw new TacitError("NO_PROGRAM", "the key was loaded without a witness program");
  const attempt = async (tag: Tag, order: number): Promise<Witness> => {
    const thread = await pool.programThread(key);
    const made = await thread.call("witness", { key: key.id, inputs }, { order, tag });
    return { values: made.witness, timings: { witnessMs: made.witnessMs, checkMs: made.checkMs } };
  };
  return pool.using(key, () => pool.run(signal, attempt));
}

/** Proves that the circuit of a key accepts a witness. @throws as `Prover.prove` */
export async function proveWitness(
  pool: Pool,
  key: LoadedKey,
  given: FileSource | Witness,
  memory: Sharing,
  { signal, onProgress, check = true }: ProveOptions,
): Promise<Proved> {
  const { file, wires } = key;
  const started = performance.now();
  const values = shareBytes(isWitness(given) ? given.values : await readWitness(given, { wires, signal }), memory);
  requireWires(wires, values.length / 32);
  if (isWitness(given)) checkValues(values);
  const readMs = performance.now() - started;
  const ids = new Map<Tag, number>();
  const end = (tag: Tag) => {
    const job = ids.get(tag);
    if (job === undefined) return;
    ids.delete(tag);
    pool.endProof(job);
  };
  return pool.run(
    signal,
    async (tag, order) => {
      const threads = await pool.proofThreads(key);
      // Without the check of the proof, that of the constraints comes first, if there are any.
      if (!check && key.program?.r1cs !== undefined) await checkConstraints(pool, key, values, tag);
      const id = pool.nextId();
      ids.set(tag, id);
      const publicInputs = Array.from({ length: file.publicInputs }, (_, i) => readInteger(values, 32 * (i + 1)));
      const sums = proveOn(threads, {
        id,
        key: key.id,
        domain: file.domain,
        shares: key.plan.map((part): Share => part.share),
        witness: values,
        order,
        tag,
        onFraction: (fraction) => onProgress?.({ step: "proof", fraction }),
      });
      const [a, b] = await Promise.all([sums.a, sums.b]);
      // The others are busy with the last sum, and wait for no command: time for what this thread has to do.
      const checking = check ? new ProofCheck(file.points, file.ic, publicInputs) : undefined;
      const begun = beginProof({ a, b }, file.points);
      checking?.begin(begun);
      const c = await sums.c;
      const summed = performance.now();
      const proof = finishProof(begun, c);
      if (checking && !checking.holds(proof)) await explain(pool, key, values, tag);
      const now = performance.now();
      return {
        proof,
        publicInputs,
        timings: {
          ...sums.timings,
          readMs,
          finishMs: now - summed,
          totalMs: now - started,
        },
      };
    },
    end,
  );
}

/** @throws TacitError WITNESS */
async function checkConstraints(pool: Pool, key: KnownKey, values: Uint8Array, tag: Tag): Promise<void> {
  const thread = await pool.programThread(key);
  await thread.call("checkWitness", { key: key.id, witness: values }, { tag });
}

/** Why a proof does not hold: always throws. */
async function explain(pool: Pool, key: KnownKey, values: Uint8Array, tag: Tag): Promise<never> {
  if (key.program?.r1cs !== undefined) {
    await checkConstraints(pool, key, values, tag);
    throw new TacitError("PROVE_FAILED", "the witness is right, and yet the proof does not hold: the key is defective");
  }
  const advice = "load the key with its .r1cs to learn which constraint";
  throw new TacitError("WITNESS", `the witness does not satisfy the circuit of this key: ${advice}`);
}

function isWitness(given: FileSource | Witness): given is Witness {
  return typeof given === "object" && "values" in given && given.values instanceof Uint8Array;
}
