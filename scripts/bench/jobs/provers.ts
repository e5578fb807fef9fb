/**
 * Provers for `npm run bench jobs`, in a process of their own, until standard input ends:
 *     provers.ts waiting URL COUNT MS    they wait instead of proving
 *     provers.ts proving URL PROFILE     one, as `tacit prover`
 * Prints a line once all take jobs, and at the end the processor's milliseconds since; of `proving` since its first proof.
 */
import { setMaxListeners } from "node:events";
import { INSTRUCTION_NAMES } from "../../../src/protocol/instructions.ts";
import type { Proof } from "../../../src/protocol/proof.ts";
import type { ProfileName } from "../../../src/protocol/instructions.ts";
import { keyHashes, proverFiles } from "../../../src/setup/instructionKeys.ts";
import { NO_LOG } from "../../../src/venue/log.ts";
import { localProver } from "../../../src/venue/proving/localProver.ts";
import { runProver } from "../../../src/venue/proving/jobs/runProver.ts";

export const WAITING_KEYS = Object.fromEntries(INSTRUCTION_NAMES.map((name) => [name, "0".repeat(64)]));
export const NO_PROOF: Proof = { a: [1n, 2n], b: [[1n, 2n], [3n, 4n]], c: [1n, 2n] }; // prettier-ignore

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function main([kind, url, ...rest]: string[]): Promise<void> {
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  process.stdin.on("end", () => stop.abort()).resume();
  let working = 0;
  const count = kind === "waiting" ? Number(rest[0]) : 1;
  let before = 0;
  const info = (_: object, text: string) => {
    if (text !== "takes jobs" || ++working < count) return;
    before = cpuMs();
    console.log("ready");
  };
  const log = { ...NO_LOG, info };
  // The first proof loads the key.
  let jobs = 0;
  const onJob = () => {
    if (proving && ++jobs === 1) before = cpuMs();
  };
  const proving = kind === "waiting" ? null : localProver(await proverFiles(rest[0] as ProfileName));
  const waiting = { parallel: 1, prove: () => new Promise<Proof>((resolve) => setTimeout(resolve, Number(rest[1]), NO_PROOF)) }; // prettier-ignore
  const keys = proving ? await keyHashes(rest[0] as ProfileName) : WAITING_KEYS;
  const run = (_: unknown, i: number) => runProver({ url, name: `prover ${i}`, prover: proving ?? waiting, keys, signal: stop.signal, log, onJob }); // prettier-ignore
  await Promise.all(Array.from({ length: count }, run));
  await proving?.close();
  console.log(cpuMs() - before);
}
if (import.meta.url === `file://${process.argv[1]}`) await main(process.argv.slice(2));
