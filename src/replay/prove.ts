import { buildAll } from "../setup/build.ts";
import type { Event } from "../matcher/events.ts";
import { TacitError } from "../protocol/errors.ts";
import { INSTRUCTION_NAMES, type ProfileName } from "../protocol/instructions.ts";
import { createProver, type CircuitInputs } from "../prover/index.ts";
import { proofToJson, verifyRound, type ProvenInstruction, NO_LAG_LIMIT } from "../verifier/index.ts";
import type { Ledger } from "../witness/ledger.ts";
import { RoundBuilder } from "../witness/round.ts";
import { buildProgress } from "../setup/buildProgress.ts";
import { loadInstructions } from "../setup/instructionKeys.ts";
import { readKeys } from "../setup/keyFiles.ts";
import { withProgress } from "../setup/progress.ts";
import type { Flow } from "./flow.ts";
import type { InstructionJson } from "./record.ts";

/** A venue whose rounds are proved by a pool of threads, and checked as a contract would. */
export interface ProvingVenue {
  /**
   * Turns the events of a round into instructions at once, so that the ledger is where the round leaves it; then proves
   * and verifies them.
   * @param onProof  called at the end of each
   */
  prove(events: readonly Event[], onProof: () => void): { count: number; instructions: Promise<InstructionJson[]> };
  close(): Promise<void>;
}

/** Builds what is not built, and starts the threads. */
export async function openVenue(venue: {
  ledger: Ledger;
  flow: Flow;
  profileName: ProfileName;
}): Promise<ProvingVenue> {
  const { ledger, flow, profileName } = venue;
  await withProgress(`build ${profileName}`, (progress) =>
    buildAll({
      profile: profileName,
      names: INSTRUCTION_NAMES,
      onProgress: buildProgress(progress, INSTRUCTION_NAMES),
    }),
  );
  const keys = await readKeys(profileName);
  const builder = new RoundBuilder(ledger, { accounts: flow.genesis.accounts, operatorSecret: flow.operatorSecret });
  const prover = createProver();
  const circuits = await loadInstructions(prover, profileName);
  const known = { domain: flow.genesis.domain, keys, maxLag: NO_LAG_LIMIT };
  let last: Promise<{ lastTime: bigint; lastLogCount: bigint }> = Promise.resolve({ lastTime: 0n, lastLogCount: 0n });

  async function proveAll(
    state: bigint,
    steps: ReturnType<RoundBuilder["close"]>,
    onProof: () => void,
    prior: typeof last,
  ) {
    const instructions = await Promise.all(
      steps.map(async ({ name, inputs, publicInputs }): Promise<ProvenInstruction> => {
        const { proof } = await prover.proveInputs(circuits[name], inputs as CircuitInputs);
        onProof();
        return { name, publicInputs, proof };
      }),
    );
    const result = verifyRound({ ...known, state, ...(await prior) }, { instructions });
    if (!result.ok)
      throw new TacitError("REFUSED", `the verifier refuses a proved round: ${result.message}`, { result });
    return { instructions, after: { lastTime: result.time, lastLogCount: result.logCount } };
  }

  return {
    prove(events, onProof) {
      const state = ledger.word;
      for (const event of events) builder.add(event);
      const steps = builder.close();
      const proved = proveAll(state, steps, onProof, last);
      last = proved.then(({ after }) => after);
      // Whoever awaits the instructions hears of a failure.
      last.catch(() => {});
      const instructions = proved.then((round) => round.instructions.map(instructionJson));
      return { count: steps.length, instructions };
    },
    close: () => prover.close(),
  };
}

function instructionJson({ name, publicInputs, proof }: ProvenInstruction): InstructionJson {
  return { name, publicInputs: publicInputs.map(String), proof: proofToJson(proof) };
}
