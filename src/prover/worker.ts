/** A thread of the pool: computes witnesses and proofs, one job at a time. Started by `startWorker`. */
import { parentPort } from "node:worker_threads";
import { TacitError } from "../protocol/errors.ts";
import { proofFromJson } from "../protocol/proof.ts";
import type { Circuit, FromWorker, Proved, ToWorker } from "./messages.ts";
import { WitnessProgram, wtnsFile } from "./witness.ts";

const port = parentPort!;
const circuits = new Map<string, Circuit>();
const programs = new Map<string, WitnessProgram>();
let last: Promise<void> = Promise.resolve();

// Listening begins before snarkjs is loaded: one of its libraries also listens, and would swallow early messages.
port.on("message", (message: ToWorker) => {
  last = last.then(() => receive(message));
});
const engine = startEngine();
await engine;
tell({ kind: "ready" });

async function startEngine() {
  const snarkjs = await import("snarkjs");
  const { curves } = snarkjs as unknown as {
    curves: { getCurveFromName(name: string, options: { singleThread: boolean }): Promise<unknown> };
  };
  // snarkjs takes its curve from here; otherwise it would start threads of its own.
  (globalThis as { curve_bn128?: unknown }).curve_bn128 = await curves.getCurveFromName("bn128", {
    singleThread: true,
  });
  return snarkjs;
}

async function receive(message: ToWorker): Promise<void> {
  if (message.kind === "circuit") {
    circuits.set(message.name, message.circuit);
    programs.delete(message.name);
    return;
  }
  const { id, name, inputs } = message;
  try {
    tell({ kind: "proved", id, result: await prove(name, inputs, id) });
  } catch (error) {
    // The program may have stopped half way: the next job gets a new one.
    programs.delete(name);
    const known = error instanceof TacitError ? error : unexpected(error);
    tell({ kind: "failed", id, code: known.code, message: known.message, details: { ...known.details } });
  }
}

async function prove(
  name: string,
  inputs: Extract<ToWorker, { kind: "prove" }>["inputs"],
  id: number,
): Promise<Proved> {
  const circuit = circuits.get(name)!;
  tell({ kind: "progress", id, step: "witness", fraction: 0 });
  const started = performance.now();
  let program = programs.get(name);
  if (!program) programs.set(name, (program = await WitnessProgram.start(circuit.program, circuit.inputs)));
  const witness = program.calculate(inputs);
  const witnessed = performance.now();

  const { groth16 } = await engine;
  const wtns = { type: "mem", data: wtnsFile(witness, program.prime) };
  const logger = { debug: (text: string) => milestone(id, text), info: ignore, warn: ignore, error: ignore };
  const { proof } = await groth16.prove(circuit.zkey, wtns as never, logger as never);
  const proved = performance.now();

  const view = new DataView(witness.buffer);
  const publicInputs = Array.from({ length: circuit.publicInputs }, (_, index) => {
    let value = 0n;
    for (let i = 3; i >= 0; i--) value = (value << 64n) | view.getBigUint64(32 * (1 + index) + 8 * i, true);
    return value;
  });
  const timings = { witnessMs: witnessed - started, proveMs: proved - witnessed };
  return { proof: proofFromJson(proof), publicInputs, timings };
}

/** Where in a proof snarkjs announces what, as shares of the whole time. */
const MILESTONES: [begin: string, fraction: number][] = [
  ["Building ABC", 0.1],
  ["Join ABC", 0.35],
  ["Reading A Points", 0.4],
  ["Reading B1 Points", 0.5],
  ["Reading B2 Points", 0.58],
  ["Reading C Points", 0.77],
  ["Reading H Points", 0.87],
];

function milestone(id: number, text: string): void {
  const found = MILESTONES.find(([begin]) => text.startsWith(begin));
  if (found) tell({ kind: "progress", id, step: "proof", fraction: found[1] });
}

function unexpected(error: unknown): TacitError {
  return new TacitError(
    "PROVE_FAILED",
    `the proof failed: ${error instanceof Error ? error.message : "no reason given"}`,
  );
}

function ignore(): void {}

function tell(message: FromWorker): void {
  port.postMessage(message);
}
