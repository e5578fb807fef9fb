/**
 * What a job costs beside its proof.
 *     npm run bench jobs [waiting] [proving] [--seconds N]
 * Without words both: provers that wait 20 ms instead of proving, so that all else is seen; and the demonstration's proofs, by a prover of
 * its own process and without one. A server of PostgreSQL is started on this machine, which has all of it to carry.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { buildAll } from "../../src/setup/build.ts";
import { ROOT } from "../../src/setup/folders.ts";
import { table, thousands } from "../../src/setup/format.ts";
import { keyHashes, proverFiles } from "../../src/setup/instructionKeys.ts";
import { localProver } from "../../src/venue/proving/localProver.ts";
import { openJobsProver, type JobsProver } from "../../src/venue/proving/jobs/jobsProver.ts";
import type { CheckingProver } from "../../src/venue/proving/provers.ts";
import type { InstructionInputs } from "../../src/witness/ledger.ts";
import { Server } from "../../test/cluster/postgres.ts";
import { busyRound } from "../busyRound.ts";
import { ensurePackage } from "../package/index.ts";
import { WAITING_KEYS } from "./jobs/provers.ts";

const BAR = { perSecond: 300, overhead: 5 };
const PROVERS = 64;
const PROOF_MS = 20;
const PROOFS = 8;
const RUNS = 3;
const WARM_SECONDS = 4;

/** Provers of a process of their own, and what it took when it has ended. */
async function provers(...args: string[]): Promise<{ child: ChildProcess; end: () => Promise<number> }> {
  const script = join(import.meta.dirname, "jobs/provers.ts");
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions", "tacit-source", script, ...args], { stdio: ["pipe", "pipe", "inherit"], cwd: ROOT }); // prettier-ignore
  const lines = createInterface(child.stdout!);
  await once(lines, "line");
  const end = async () => {
    const last = once(lines, "line");
    child.stdin!.end();
    const [ms] = (await last) as [string];
    await once(child, "exit");
    return Number(ms);
  };
  return { child, end };
}

/** Keeps as many going as the prover takes side by side, until it is over. @returns how many were made */
async function proveAll(
  prover: Pick<JobsProver, "parallel" | "prove">,
  next: () => InstructionInputs | undefined,
): Promise<number> {
  let made = 0;
  await new Promise<void>((resolve, reject) => {
    let running = 0;
    const go = () => {
      for (; running < prover.parallel; running++) {
        const instruction = next();
        if (!instruction) return running === 0 ? resolve() : undefined;
        prover.prove(instruction).then(() => {
          made++;
          running--;
          go();
        }, reject);
      }
    };
    go();
  });
  return made;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function lives(prover: JobsProver, count: number): Promise<void> {
  while (prover.jobs.provers.length < count) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function waiting(server: Server, seconds: number): Promise<void> {
  const rows: string[][] = [];
  const round = busyRound(PROFILES.standard).filter(({ name }) => name === "settle");
  const trusting: CheckingProver = {
    parallel: 2,
    prove: () => Promise.reject(new Error("not here")),
    verify: () => Promise.reject(new Error("not here")),
    check: async (proofs) => proofs.map(() => true),
    close: async () => {},
  };
  for (const count of [1, 8, PROVERS]) {
    const url = await server.schema();
    const prover = await openJobsProver({ url, local: trusting, localJobs: 0, keys: WAITING_KEYS });
    const { end } = await provers("waiting", url, String(count), String(PROOF_MS));
    await lives(prover, count);
    let asked = 0;
    const until = (end: number) => () => (performance.now() < end ? round[asked++ % round.length] : undefined);
    // Before each server's process knows its plans, and code is compiled.
    await proveAll(prover, until(performance.now() + WARM_SECONDS * 1000));
    const [began, cpu] = [performance.now(), cpuMs()];
    const made = await proveAll(prover, until(began + seconds * 1000)); // prettier-ignore
    const took = (performance.now() - began) / 1000;
    const venueMs = (cpuMs() - cpu) / made;
    await prover.close();
    const proverMs = (await end()) / made;
    const most = (count * 1000) / PROOF_MS;
    rows.push([count, thousands(Math.round(made / took)), thousands(most), `${Math.round((made / took / most) * 100)}%`, venueMs.toFixed(2), proverMs.toFixed(2)].map(String)); // prettier-ignore
  }
  console.log(
    `Provers that wait ${PROOF_MS} ms instead of proving, inputs of a settlement of profile standard; proofs are not checked`,
  );
  console.log(
    table([["provers", "jobs/s", "if all else took no time", "", "venue's cpu ms a job", "provers'"], ...rows]),
  );
  console.log(`wanted: ${BAR.perSecond} jobs/s by ${PROVERS}\n`);
}

async function proving(server: Server): Promise<void> {
  await ensurePackage();
  await buildAll({ profile: "demo", publish: false });
  const settles = busyRound(PROFILES.demo).filter(({ name }) => name === "settle");
  const asked = Array.from({ length: PROOFS }, (_, i) => settles[i % settles.length]);
  const files = await proverFiles("demo");
  const local = localProver(files);
  /** @returns milliseconds a proof: of the clock, and of this process's processors */
  const each = async (prover: Pick<CheckingProver, "parallel" | "prove">) => {
    let at = 0;
    const [began, cpu] = [performance.now(), cpuMs()];
    await proveAll(prover, () => asked[at++]);
    return { ms: (performance.now() - began) / PROOFS, cpu: (cpuMs() - cpu) / PROOFS };
  };
  const url = await server.schema();
  const prover = await openJobsProver({ url, local, localJobs: 0, keys: await keyHashes("demo") });
  const { end } = await provers("proving", url, "demo");
  await lives(prover, 1);
  // The first load the key.
  await Promise.all([local.prove(asked[0]), prover.prove(asked[0])]);
  const took: Record<"alone" | "remote", Awaited<ReturnType<typeof each>>[]> = { alone: [], remote: [] };
  for (let run = 0; run < RUNS; run++) {
    took.alone.push(await each(local));
    took.remote.push(await each(prover));
  }
  const proofs = await Promise.all(asked.map((it) => local.prove(it)));
  const claims = asked.map(({ name, publicInputs }, i) => ({ name, publicInputs, proof: proofs[i] }));
  const checks: string[] = [];
  for (const count of [1, 4, PROOFS]) {
    const began = performance.now();
    await local.check(claims.slice(0, count));
    checks.push(`${count}: ${((performance.now() - began) / count).toFixed(1)}`);
  }
  await prover.close();
  const proversMs = (await end()) / (RUNS * PROOFS);
  const middle = (list: number[]) => list.toSorted((a, b) => a - b)[(RUNS - 1) / 2];
  const [alone, remote] = [took.alone, took.remote].map((runs) => middle(runs.map(({ ms }) => ms)));
  const [aloneCpu, venueCpu] = [took.alone, took.remote].map((runs) => middle(runs.map(({ cpu }) => cpu)));
  const whole = (ms: number) => ms.toFixed(0);
  console.log(
    `${RUNS} times ${PROOFS} settlements of profile demo, in turn, all on this machine; what is handed in is checked`,
  );
  console.log(
    table([
      ["median ms a proof", "clock", "cpu of the venue", "of the prover"],
      ["by the venue's threads", whole(alone), whole(aloneCpu), ""],
      ["as jobs, by one prover", whole(remote), whole(venueCpu), whole(proversMs)],
    ]),
  );
  console.log(
    `overhead ${((remote / alone - 1) * 100).toFixed(1)}% by the clock, ${(((venueCpu + proversMs) / aloneCpu - 1) * 100).toFixed(1)}% of cpu; ` +
      `wanted: at most ${BAR.overhead}%; checks, ms a proof by proofs in a batch: ${checks.join(", ")}\n`,
  );
}

const words = process.argv.slice(2);
const at = words.indexOf("--seconds");
const [, seconds = "10"] = at < 0 ? [] : words.splice(at, 2);
const server = new Server("jobs");
await server.start({ settings: ["max_connections = 200"] });
try {
  if (words.length === 0 || words.includes("waiting")) await waiting(server, Number(seconds));
  if (words.length === 0 || words.includes("proving")) await proving(server);
} finally {
  await server.destroy();
}
