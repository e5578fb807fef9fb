/**
 * Proofs of our own instructions, by snarkjs and by the prover, whole processes in turn, and by the prover with the key
 * loaded: medians, ratios, peak memory, and where the time goes.
 *     npm run bench prover [runs]
 * RAPIDSNARK=path adds a column for that program. Writes docs/costs.json. First it builds what it needs, about 5 minutes.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../../src/setup/format.ts";
import { PROFILES, type InstructionName, type Profile, type ProfileName } from "../../src/protocol/instructions.ts";
import { SCALAR_FIELD } from "../../src/prover/curve.ts";
import { createProver, type Proved, type Witness } from "../../src/prover/index.ts";
import { wtnsFile } from "../../src/prover/witness.ts";
import { BUILD, ROOT, circuitFolder } from "../../src/setup/folders.ts";
import { buildCircuits, type CircuitSource } from "../../src/setup/build.ts";
import { mainOf, mainWith } from "../../src/setup/sources.ts";
import { writeWhole } from "../../src/setup/writeWhole.ts";
import { stableJson } from "../../src/setup/keys/stableJson.ts";
import { ensurePackage } from "../package/index.ts";
import { inputsOf } from "../busyRound.ts";

const COSTS = join(ROOT, "docs/costs.json");
const SNARKJS = join(ROOT, "node_modules/snarkjs/build/cli.cjs");
const TACIT = join(ROOT, "bin/tacit.js");
const RUNS = Number(process.argv[2] ?? 5);
/** Rare, as it takes from the processor that is measured. */
const SAMPLE_MS = 150;

interface Case {
  instruction: InstructionName;
  /** of a profile, or with one slot instead of as many as the profile has */
  of: ProfileName | "one slot";
}
const CASES: Case[] = [
  { instruction: "deposit", of: "one slot" },
  { instruction: "admit", of: "demo" },
  { instruction: "settle", of: "demo" },
  { instruction: "auction", of: "standard" },
  { instruction: "admit", of: "standard" },
  { instruction: "reprice", of: "standard" },
];
const profileOf = ({ of }: Case): Profile => (of === "one slot" ? { ...PROFILES.demo, deposit: 1 } : PROFILES[of]);

function sourceOf({ instruction, of }: Case): CircuitSource {
  const name = `${instruction}, ${of}`;
  if (of !== "one slot") return { name, folder: circuitFolder(of, instruction), main: mainOf(of, instruction) };
  const folder = join(BUILD, "bench", "one-slot");
  return { name, folder, main: mainWith(profileOf({ instruction, of }), instruction, "one slot") };
}

interface Process {
  seconds: number;
  /** peak of the resident memory of the process and its children, each its own, as last sampled */
  bytes: number;
}

/** Runs a program to its end. */
async function run(command: string, args: string[], cwd: string): Promise<Process> {
  const started = performance.now();
  const child = spawn(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (text) => (errors += text));
  let bytes = 0;
  const sampling = setInterval(async () => (bytes = Math.max(bytes, await residentBytes(child.pid!))), SAMPLE_MS);
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  clearInterval(sampling);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors}`);
  return { seconds: (performance.now() - started) / 1000, bytes };
}

/** Of a process and all below it. */
async function residentBytes(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const own = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
    let below = 0;
    for (const task of await readdir(`/proc/${pid}/task`)) {
      const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8");
      for (const child of children.trim().split(" ")) if (child) below += await residentBytes(Number(child));
    }
    return own + below;
  } catch {
    return 0;
  }
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

const folder = await mkdtemp(join(tmpdir(), "tacit-bench-"));
try {
  await ensurePackage();
  console.error("building circuits and keys ...");
  const built = await buildCircuits(CASES.map(sourceOf));
  const rows: string[][] = [];
  const phases: string[][] = [];
  const results: Record<string, object> = {};
  for (const [i, which] of CASES.entries()) {
    const { name, files, stamp } = built[i];
    const { constraints } = stamp.compiled;
    const prover = createProver();
    const key = await prover.load(files.zkey, { wasm: files.wasm, inputs: files.inputs, r1cs: files.r1cs });
    const inputs = inputsOf(which.instruction, profileOf(which));
    const witnesses: Witness[] = [];
    for (let n = 0; n < RUNS + 3; n++) witnesses.push(await prover.witness(key, inputs));
    const wtns = join(folder, "witness.wtns");
    await writeFile(wtns, wtnsFile(witnesses[0].values, SCALAR_FIELD));

    const files4 = [files.zkey, wtns, "proof.json", "public.json"];
    const snarkjs: Process[] = [];
    const ours: Process[] = [];
    const theirs: Process[] = [];
    const warm: Proved[] = [];
    await prover.prove(key, witnesses[0]);
    for (let n = 0; n < RUNS; n++) {
      snarkjs.push(await run(process.execPath, [SNARKJS, "groth16", "prove", ...files4], folder));
      ours.push(await run(process.execPath, [TACIT, "prove", ...files4], folder));
      if (process.env.RAPIDSNARK) theirs.push(await run(process.env.RAPIDSNARK, files4, folder));
      warm.push(await prover.prove(key, wtns));
    }
    await prover.close();

    const seconds = (runs: Process[]) => median(runs.map((it) => it.seconds));
    const [base, whole] = [seconds(snarkjs), seconds(ours)];
    const loaded = median(warm.map(({ timings }) => timings.totalMs)) / 1000;
    const last = witnesses.slice(3);
    const witness = median(last.map(({ timings }) => timings.witnessMs)) / 1000;
    const check = median(last.map(({ timings }) => timings.checkMs)) / 1000;
    const megabytes = (runs: Process[]) => Math.round(Math.max(...runs.map(({ bytes }) => bytes)) / 1e6);
    const round = (x: number) => Math.round(1000 * x) / 1000;
    results[name] = {
      constraints,
      domainPower: Math.log2(key.domain),
      snarkjsSeconds: round(base),
      wholeSeconds: round(whole),
      loadedSeconds: round(loaded),
      witnessSeconds: round(witness),
      witnessCheckSeconds: round(check),
      megabytes: megabytes(ours),
      snarkjsMegabytes: megabytes(snarkjs),
      ...(theirs.length > 0 ? { rapidsnarkSeconds: round(seconds(theirs)) } : {}),
    };
    rows.push([
      name,
      `2^${Math.log2(key.domain)}`,
      base.toFixed(2),
      ...(theirs.length > 0 ? [seconds(theirs).toFixed(2)] : []),
      whole.toFixed(2),
      `${(base / whole).toFixed(1)} x`,
      loaded.toFixed(2),
      `${(base / loaded).toFixed(1)} x`,
      `${megabytes(ours)}`,
      `${megabytes(snarkjs)}`,
      (witness + check).toFixed(3),
      `${Math.round((100 * (witness + check)) / loaded)} %`,
    ]);
    const PARTS = ["readMs", "rows", "fft", "a", "b", "c", "finishMs"] as const;
    phases.push([
      name,
      ...PARTS.map((of) => median(warm.map(({ timings }) => timings[of])).toFixed(0)),
      (1000 * loaded).toFixed(0),
    ]);
    console.error(`${name}: ${base.toFixed(2)} s, ${whole.toFixed(2)} s, ${loaded.toFixed(2)} s`);
  }
  const rapidsnark = process.env.RAPIDSNARK ? ["rapidsnark s"] : [];
  console.log(
    `Medians of ${RUNS}, ${availableParallelism()} cores. Loaded: the key is in memory, the witness in a file.\n`,
  );
  console.log(
    table([
      ["circuit", "domain", "snarkjs s", ...rapidsnark, "whole s", "ratio", "loaded s", "ratio", "MB", "snarkjs MB", "witness s", "of proof"], // prettier-ignore
      ...rows,
    ]),
  );
  console.log("Where the time of a loaded proof goes, ms; rows to c are of all threads together, the others of one.\n");
  console.log(table([["circuit", "read", "rows", "fft", "A", "B", "C + H", "finish", "in all"], ...phases]));
  const costs = JSON.parse(await readFile(COSTS, "utf8")) as object;
  await writeWhole(COSTS, stableJson({ ...costs, prover: { cores: availableParallelism(), circuits: results } }));
} finally {
  await rm(folder, { recursive: true });
}
