import type { Point, Signed } from "./babyjub.ts";

/**
 * The arithmetic that takes most of the time: Poseidon, and multiplication on BabyJubJub. Who calls it has checked all
 * ranges, so that others than the reference (WebAssembly: src/prover/hash) have little to get wrong; they must give the
 * same answers. None is constant in time.
 */
export interface Primitives {
  /** Poseidon of 1 to 16 field elements from an initial capacity element */
  hash(initialState: bigint, inputs: readonly bigint[]): bigint;
  /** the same of many; all have equally many inputs */
  hashMany(initialState: bigint, inputs: readonly (readonly bigint[])[]): bigint[];
  /** scalar * point, for a point of the curve and 0 <= scalar */
  multiply(scalar: bigint, point: Point): Point;
  /** is this point of the curve of order 1 or l? */
  inSubgroup(point: Point): boolean;
  /**
   * Of each: S BASE8 = R8 + h 8 A, h = Poseidon(R8x, R8y, Ax, Ay, message), and A in the prime subgroup? Given are points
   * of the curve, A not the identity, a message that is a field element and 0 <= S < l.
   */
  verifyMany(signed: readonly Signed[]): boolean[];
}

let inUse: Primitives | undefined;

/** From now on this thread computes with `next`. */
export function usePrimitives(next: Primitives): void {
  inUse = next;
}

/** What this thread computes with, if it was told: who needs hashes alone does not load a curve. */
export function primitivesInUse(): Primitives | undefined {
  return inUse;
}
