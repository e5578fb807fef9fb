/**
 * `npm run cluster -- --hours N --seed S`: the schedule of test/cluster/harness, again and again, with seeds from S on, each on a cluster of
 * its own; ends with what was seen. `--only "leader killed; jobs killed"` has those alone.
 */
import { parseArgs } from "node:util";
import { RUNNING } from "../test/cluster/harness/cluster.ts";
import { run, seconds, type Outcome } from "../test/cluster/harness/run.ts";

const { values } = parseArgs({
  options: { hours: { type: "string", default: "0" }, seed: { type: "string" }, only: { type: "string" } },
});
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const until = performance.now() + Number(values.hours) * 3_600_000;
const troubles = values.only?.split(";").map((it) => it.trim());

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    void Promise.allSettled([...RUNNING].map((it) => it.destroy())).then(() => process.exit(130));
  });

const outcomes: Outcome[] = [];
let [laps, acknowledged, sent, rounds, bad] = [0, 0, 0, 0, 0];
do {
  const seed = first + laps++;
  try {
    const { outcomes: of, findings, evidence } = await run({ seed, troubles, tell: (line) => console.log(line) });
    outcomes.push(...of);
    acknowledged += evidence.acknowledged.length;
    sent += evidence.sent.length;
    rounds += evidence.proved?.venues[0].rounds.length ?? 0;
    bad += findings.length;
    for (const { kind, what } of findings) console.log(`seed ${seed}: ${kind}: ${what}`);
  } catch (error) {
    bad++;
    console.log(`seed ${seed}: ${(error as Error).stack}`);
  }
} while (performance.now() < until && bad < 10);

console.log(`\n${"trouble".padEnd(36)}times  median   worst   meanwhile`);
for (const name of new Set(outcomes.map(({ trouble }) => trouble))) {
  const of = outcomes.filter(({ trouble }) => trouble === name);
  const after = of.map(({ afterMs }) => afterMs).sort((a, b) => a - b);
  const [median, worst] = [after[Math.floor(after.length / 2)], after.at(-1)!].map(seconds);
  const meanwhile = of.filter((it) => it.meanwhile).length;
  console.log(`${name.padEnd(36)}${`${of.length}`.padStart(5)}${median.padStart(8)}${worst.padStart(8)}${`${meanwhile}`.padStart(8)} of ${of.length}`); // prettier-ignore
}
console.log(
  `${laps} laps from seed ${first}: ${acknowledged} acknowledged of ${sent} sent, ${rounds} rounds, ${bad} findings`,
);
process.exitCode = bad > 0 ? 1 : 0;
process.exit();
