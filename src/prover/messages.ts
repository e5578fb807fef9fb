import type { Backend } from "./engine/engine.ts";
import type { Point } from "./curve.ts";
import type { CircuitInputs, InputSignal } from "./witness.ts";

/** What a thread can be asked to do, one command at a time, in order. */
export interface Commands {
  /** The kernels that it computes with; comes first. */
  start(command: { module: WebAssembly.Module; backend: Backend }): void;
  /** Reads the thread's share of a key: its points, matrices, and what it takes to transform polynomials. */
  loadKey(command: {
    key: number;
    source: SharedSource;
    share: Share;
    matrices: readonly Matrix[];
    transforms: boolean;
  }): Timed;
  unloadKey(command: { key: number }): void;
  /** A witness program, and the constraints to check its witnesses against. */
  loadProgram(command: {
    key: number;
    /** of the key, which program and constraints must have too */
    wires: number;
    program?: WebAssembly.Module;
    inputs: readonly InputSignal[];
    r1cs?: SharedSource;
    rowKernel: WebAssembly.Module;
  }): void;
  witness(command: { key: number; inputs: CircuitInputs }): { witness: Uint8Array; witnessMs: number; checkMs: number };
  /** Names the first constraint that a witness breaks. */
  checkWitness(command: { key: number; witness: Uint8Array }): void;
  begin(command: { job: number; key: number; witness: Uint8Array }): Timed;
  /** Values of A w or B w on the domain; with `copy`, as bytes that other threads can `put`. */
  rows(command: { job: number; of: Matrix; copy: boolean }): Timed & { values?: Uint8Array };
  put(command: { job: number; of: Polynomial; where: "domain" | "coset"; values: Uint8Array }): Timed;
  /** c = a b */
  multiply(command: { job: number }): Timed;
  coset(command: { job: number; of: Polynomial; copy: boolean }): Timed & { values?: Uint8Array };
  /** (a b - c) on the coset, as numbers of 32 bytes */
  quotient(command: { job: number }): Timed & { numbers: Uint8Array };
  sum(command: { job: number; of: "a" | "b" | "c"; numbers?: Uint8Array }): Timed & { point: Point };
  end(command: { job: number }): void;
  /** Bytes. */
  memory(command: object): { taken: number; used: number };
}

export type Matrix = "a" | "b";
export type Polynomial = "a" | "b" | "c";

/** Milliseconds in the thread. */
export interface Timed {
  ms: number;
}

/** A file as threads can open it themselves: a path or an address, or all its bytes. */
export type SharedSource = string | Uint8Array;

/** Which blocks of points are a thread's: those whose place in [0, 1) lies between these (`owns` in share.ts). */
export interface Share {
  from: number;
  to: number;
}

export type CommandName = keyof Commands;
export type CommandOf<Name extends CommandName> = Parameters<Commands[Name]>[0];
export type ResultOf<Name extends CommandName> = ReturnType<Commands[Name]>;

export type ToThread = { id: number; name: CommandName; command: object };
export type FromThread =
  { id: number; result: unknown } | { id: number; code: string; message: string; details: Record<string, unknown> };
