/**
 * Plays whole rounds at the ends of all ranges (test/circuits/extremes.ts) and prints how often each end was reached. Fails
 * where an instruction has no witness, or another one than the ledger's, and where LONG rounds or more left an end out.
 *     npm run circuits:extremes [-- --seed N --rounds N --jobs N]
 * Round i of seed N is round 0 of seed N + i: a round that fails is played again by `--seed ITS_SEED --rounds 1`.
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { ensurePackage } from "../package/index.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { counted, table, thousands } from "../../src/setup/format.ts";
import { startProgress } from "../../src/setup/progress.ts";
import { compileCircuits, described, EXTREMES, playRound, Seen, shrink } from "../../test/circuits/extremes.ts";

/** Rounds after which every end must have been reached. */
const LONG = 200;

/** What a process tells of a round. */
interface Played {
  seed: number;
  instructions: number;
  counts: [name: string, count: number][];
  failure?: string;
}

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    rounds: { type: "string", default: `${LONG}` },
    jobs: { type: "string", default: `${availableParallelism()}` },
    /** of a process that plays some of the rounds */
    from: { type: "string" },
  },
});
const number = (name: "seed" | "rounds" | "jobs", least: number) => {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name}: expected an integer of at least ${least}`);
  return value;
};
const [seed, rounds] = [number("seed", 0), number("rounds", 1)];
const jobs = Math.min(number("jobs", 1), rounds);

if (values.from === undefined) await playAll();
else await playSome(Number(values.from));

/** Every `jobs`-th round, told to the parent. */
async function playSome(from: number): Promise<void> {
  await useHashKernels();
  const circuits = await compileCircuits();
  for (let i = from; i < rounds; i += jobs) {
    const seen = new Seen();
    const { failure, instructions } = playRound(circuits, seed + i, seen);
    const played: Played = { seed: seed + i, instructions, counts: [...seen.counts] };
    process.send!(failure ? { ...played, failure: described(shrink(circuits, failure)) } : played);
  }
  process.disconnect();
}

async function playAll(): Promise<void> {
  await ensurePackage();
  // Compiled before any other process asks for them.
  await compileCircuits();
  console.log(`seed ${seed}, ${counted(rounds, "round")}`);
  const progress = startProgress("rounds");
  const counts = new Map<string, number>(EXTREMES.map((name) => [name, 0]));
  const failed: number[] = [];
  let [played, instructions] = [0, 0];
  const take = (round: Played) => {
    instructions += round.instructions;
    for (const [name, count] of round.counts) counts.set(name, counts.get(name)! + count);
    if (round.failure) {
      failed.push(round.seed);
      console.error(`\nseed ${round.seed}: ${round.failure}`);
      console.error(`again: npm run circuits:extremes -- --seed ${round.seed} --rounds 1\n`);
    }
    progress.update(++played / rounds, `${counted(played, "round")}, ${counted(instructions, "instruction")}`);
  };
  const exits = Array.from({ length: jobs }, (_, from) => {
    const argv = ["--seed", `${seed}`, "--rounds", `${rounds}`, "--jobs", `${jobs}`, "--from", `${from}`];
    const child = fork(import.meta.filename, argv);
    child.on("message", (round) => take(round as Played));
    return new Promise<number | null>((resolve) => child.on("exit", resolve));
  });
  const broken = (await Promise.all(exits)).some((code) => code !== 0);
  progress.done(`${counted(played, "round")}, ${counted(instructions, "instruction")}`);
  const missing = EXTREMES.filter((name) => counts.get(name) === 0);
  console.log(table([["end", "times"], ...EXTREMES.map((name) => [name, thousands(counts.get(name)!)])]));
  if (failed.length > 0) console.error(`no witness, or another one: seeds ${failed.sort((a, b) => a - b).join(", ")}`);
  if (missing.length > 0) console.error(`never reached: ${missing.join("; ")}`);
  if (broken || played < rounds) console.error(`${thousands(rounds - played)} rounds were not played`);
  if (broken || played < rounds || failed.length > 0 || (missing.length > 0 && rounds >= LONG)) process.exitCode = 1;
}
