/**
 * A thread of the pool, in Node and in browsers: does what it is told, one command at a time. Knows of keys by number,
 * and of proofs only the parts that are its own.
 */
import { Engine } from "./engine/engine.ts";
import { openSource } from "./files/source.ts";
import { ShareJob, freeKeyShare, loadKeyShare, type KeyShare } from "./keyShare.ts";
import type { CommandName, CommandOf, FromThread, Timed, ToThread } from "./messages.ts";
import { asTacitError, requireWires } from "./proofErrors.ts";
import { readR1csHeader } from "./r1cs.ts";
import { RowCheck, readRows } from "./rows.ts";
import { WitnessProgram, type CircuitInputs, type InputSignal } from "./witness.ts";

/** How a thread hears and speaks, whatever its surroundings. */
export interface Port {
  listen(handler: (message: ToThread) => void): void;
  post(message: FromThread, transfer?: ArrayBuffer[]): void;
}

interface Program {
  module?: WebAssembly.Module;
  inputs: readonly InputSignal[];
  /** warm between witnesses; made anew after one that failed, as it may have stopped half way */
  running?: WitnessProgram;
  check?: RowCheck;
}

let engine: Engine | undefined;
const keys = new Map<number, KeyShare>();
const jobs = new Map<number, ShareJob>();
const programs = new Map<number, Program>();

type Handlers = { [Name in CommandName]: (command: CommandOf<Name>) => unknown };

const handlers: Handlers = {
  async start({ module, backend }) {
    engine = await Engine.start(module, backend);
  },
  async loadKey({ key, source, ...plan }) {
    const started = performance.now();
    keys.set(key, await loadKeyShare(engine!, source, plan));
    return { ms: performance.now() - started };
  },
  unloadKey({ key }) {
    const share = keys.get(key);
    if (share) freeKeyShare(share);
    keys.delete(key);
    programs.delete(key);
  },

  async loadProgram({ key, wires, program: module, inputs, r1cs, rowKernel }) {
    const program: Program = { module, inputs };
    if (module) {
      program.running = await WitnessProgram.start(module, inputs);
      requireWires(wires, program.running.size);
    }
    if (r1cs !== undefined) {
      const bytes = await wholeFile(r1cs);
      requireWires(wires, readR1csHeader(bytes).wires);
      program.check = await RowCheck.start(rowKernel, readRows(bytes));
    }
    programs.set(key, program);
  },
  async witness({ key, inputs }) {
    const program = programs.get(key)!;
    const started = performance.now();
    const witness = await calculate(program, inputs);
    const calculated = performance.now();
    program.check?.check(witness);
    return { witness, witnessMs: calculated - started, checkMs: performance.now() - calculated };
  },
  checkWitness({ key, witness }) {
    programs.get(key)!.check?.check(witness);
  },

  begin: ({ job, key, witness }) => timed(() => void jobs.set(job, new ShareJob(keys.get(key)!, witness))),
  rows: ({ job, of, copy }) => timed(() => ({ values: jobs.get(job)!.rows(of, copy) })),
  put: ({ job, of, where, values }) => timed(() => jobs.get(job)!.put(of, where, values)),
  multiply: ({ job }) => timed(() => jobs.get(job)!.multiply()),
  coset: ({ job, of, copy }) => timed(() => ({ values: jobs.get(job)!.coset(of, copy) })),
  quotient: ({ job }) => timed(() => ({ numbers: jobs.get(job)!.quotient() })),
  sum: ({ job, of, numbers }) => timed(() => ({ point: jobs.get(job)!.sum(of, numbers) })),
  memory() {
    const { memory, used } = engine!.heap;
    return { taken: memory.buffer.byteLength, used };
  },
  end({ job }) {
    jobs.get(job)?.end();
    jobs.delete(job);
  },
};

function timed<Result extends object>(run: () => Result | void): Result & Timed {
  const started = performance.now();
  const result = run();
  return { ...(result as Result), ms: performance.now() - started };
}

async function calculate(program: Program, inputs: CircuitInputs): Promise<Uint8Array> {
  program.running ??= await WitnessProgram.start(program.module!, program.inputs);
  try {
    return program.running.calculate(inputs);
  } catch (error) {
    program.running = undefined;
    throw error;
  }
}

async function wholeFile(source: string | Uint8Array): Promise<Uint8Array> {
  const file = await openSource(source);
  try {
    return await file.read(0, file.size);
  } finally {
    await file.close();
  }
}

async function answer(port: Port, { id, name, command }: ToThread): Promise<void> {
  try {
    const result = await (handlers[name] as (command: object) => unknown)(command);
    port.post({ id, result }, transferable(result));
  } catch (error) {
    const { code, message, details } = asTacitError(error);
    port.post({ id, code, message, details: { ...details } });
  }
}

/** Bytes of a result are handed over, not copied. */
function transferable(result: unknown): ArrayBuffer[] {
  return Object.values(result ?? {}).flatMap((value) =>
    value instanceof Uint8Array && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}

/** Commands are answered in order: each begins when the one before is done. Nothing is awaited before it listens. */
export function serve(port: Port): void {
  let last: Promise<void> = Promise.resolve();
  port.listen((message) => {
    last = last.then(() => answer(port, message));
  });
}
