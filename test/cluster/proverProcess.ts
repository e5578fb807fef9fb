/** A prover of its own process, which takes a job and never proves it: `proverProcess.ts URL NAME`. Says "has" when it has one. */
import { runProver } from "../../src/venue/proving/jobs/runProver.ts";
import { fakeProver, hanging, KEYS, TIMES } from "./fakeProvers.ts";

const [url, name] = process.argv.slice(2);
const { prover } = fakeProver((...job) => {
  process.stdout.write("has\n");
  return hanging(...job);
});
await runProver({ url, name, prover, keys: KEYS, times: TIMES, signal: new AbortController().signal });
