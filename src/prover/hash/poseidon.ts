import { FIELD, FULL_ROUNDS, MAX_ARITY, poseidonConstants } from "../../protocol/poseidonConstants.ts";
import { inverse } from "../curve.ts";
import { PROGRAM } from "./layout.ts";
import type { LaneKernels } from "./lanes.ts";

const HALF = FULL_ROUNDS / 2;

/** Poseidon, as many at once as the kernels have lanes. */
export class Poseidon {
  readonly #kernels: LaneKernels;
  readonly #programs: number[] = [];
  readonly #state: number;
  readonly #powers: number;

  constructor(kernels: LaneKernels) {
    this.#kernels = kernels;
    const { heap, form } = kernels;
    this.#state = heap.alloc(form.blockBytes * (MAX_ARITY + 1));
    this.#powers = heap.alloc(form.blockBytes * (MAX_ARITY + 2));
  }

  /**
   * Reads what `fill` puts as numbers 0 (the initial state) to `arity`.
   * @returns the first of their blocks, which `run` overwrites
   */
  load(arity: number, fill: () => void): number {
    this.#programs[arity] ??= this.#write(arity);
    fill();
    this.#kernels.read(this.#state, arity + 1);
    return this.#state;
  }

  /** Hashes what was loaded. @returns the block that holds the hashes */
  run(arity: number): number {
    this.#kernels.kernel("poseidon")(this.#programs[arity], this.#state, this.#powers);
    return this.#state;
  }

  /** Writes the constants of an arity into memory. */
  #write(arity: number): number {
    const { heap, form } = this.#kernels;
    const { t, partialRounds, full, partial, matrix, entry, exit, rows, columns } = scaledConstants(arity);
    const blocks = (values: bigint[]) => {
      const at = heap.alloc(form.blockBytes * values.length);
      values.forEach((value, i) => this.#kernels.block(at + form.blockBytes * i, value));
      return at;
    };
    const elements = (values: bigint[]) => {
      const at = heap.alloc(form.elementBytes * values.length);
      this.#kernels.elements(at, values);
      return at;
    };
    const fields = {
      width: t,
      partialRounds,
      full: blocks(full.flat()),
      partial: blocks(partial),
      matrix: elements(matrix.flat()),
      entry: elements(entry.flat()),
      exit: elements(exit.flat()),
      sparse: elements(rows.flatMap((row, k) => [...row, ...columns[k]])),
    };
    const program = heap.alloc(PROGRAM.bytes);
    for (const [name, value] of Object.entries(fields))
      heap.words(program + PROGRAM[name as keyof typeof fields], 1)[0] = value;
    return program;
  }
}

/**
 * The constants of the protocol with the first element of the state written as a_k s in partial round k, a_0 = 1 and
 * a_(k+1) = corner a_k^5: as (a s + c)^5 = a^5 (s + c / a)^5, the s-box of the next round needs no factor corner, and
 * rows, columns and the full round after the last one take the others up.
 */
function scaledConstants(arity: number) {
  const constants = poseidonConstants(arity);
  const { matrix, full, partial, rows, columns, partialRounds } = constants;
  const times = (factor: bigint, xs: readonly bigint[]) => xs.map((x) => (x * factor) % FIELD);
  const fifth = (x: bigint) => (((((x * x) % FIELD) * ((x * x) % FIELD)) % FIELD) * x) % FIELD;
  let scale = 1n;
  const scaled = { partial: [] as bigint[], rows: [] as bigint[][], columns: [] as bigint[][] };
  for (let k = 0; k < partialRounds; k++) {
    const power = fifth(scale);
    scaled.partial.push((partial[k] * inverse(scale, FIELD)) % FIELD);
    scaled.columns.push(times(power, columns[k]));
    scale = (matrix[0][0] * power) % FIELD;
    scaled.rows.push(times(inverse(scale, FIELD), rows[k]));
  }
  const [first, ...others] = full[HALF];
  return {
    ...constants,
    ...scaled,
    full: full.with(HALF, [(first * inverse(scale, FIELD)) % FIELD, ...others]),
    exit: matrix.map(([corner, ...line]) => [(corner * fifth(scale)) % FIELD, ...line]),
  };
}
