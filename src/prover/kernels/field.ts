import { SCRATCH } from "./layout.ts";
import { fn, int, invoke, type I, type Kernel } from "./wasm.ts";

const PAIR_SCRATCH = SCRATCH.points + 320 * 17;

/**
 * A prime field as kernels see it. A block holds eight elements in the form that a backend computes with; a packed
 * element is 32 bytes of a little-endian integer, its Montgomery form x 2^radixBits plus a bias. All operands are
 * addresses; `out` may be one of the operands. References are addresses of packed values at multiples of 32, whose bit 0
 * says that the sign is to be changed.
 */
export interface Field {
  readonly modulus: bigint;
  readonly radixBits: bigint;
  /** what packing adds to a value to make it positive */
  readonly bias: bigint;
  /** of one element in the form for `mulOne` */
  readonly elementBytes: number;
  readonly blockBytes: number;
  /** (out, a, b): a * b, block by block */
  readonly mul: Kernel;
  /** (out, a, one): each element of a times one element */
  readonly mulOne: Kernel;
  /** (out, a, one, c): a one + c, where there is a faster way than one after the other */
  readonly mulAdd?: Kernel;
  /**
   * (out, a, ones, count, c): c + the sum of a[i] ones[i], constants within p / 2 or in [0, p); faster than one after the
   * other from so many terms on, and for 17 at most
   */
  readonly dot?: { readonly from: number; readonly kernel: Kernel };
  /** (out, a) */
  readonly sqr: Kernel;
  /** (out, a, b) */
  readonly add: Kernel;
  readonly sub: Kernel;
  /** (out, list, offset): unpacks what eight references of a list, `stride` bytes apart, point to, plus offset */
  gather(stride: number): Kernel;
  /** the same, negated where a reference says so */
  gatherSigned(stride: number): Kernel;
  /** (list, block, offset): packs eight elements to the addresses of a list, plus offset */
  scatter(stride: number): Kernel;
  /** (a) -> bit i says whether element i is 0; a is a sum or a difference */
  readonly zeros: Kernel;
  /** (out, a): element i is element i xor by of a, by 1, 2 or 4; out is another block */
  turn(by: 1 | 2 | 4): Kernel;
  /** (out, a): the eight elements one after the other, in the form for `mulOne` */
  readonly spread: Kernel;
  /** (out, a): eight blocks, of which element i of block j becomes element j of block i; out is elsewhere */
  readonly transpose: Kernel;
  /** of Fp[u], u^2 = -1, elements being two blocks, where that is faster than by the plain kernels */
  readonly quadratic?: {
    /** (out, a, b): values within 1.37 p, if of the factors one is within 1.34 p and the other within 0.85 p */
    readonly mul: Kernel;
    /** (out, a): a block, the squares of both parts added */
    readonly norm: Kernel;
  };
  /** for a list of additions, where that is faster than one after the other (`pairsOf`) */
  readonly pairs?: PairKernels;
}

/** Bytes of an addition in a list: references to two operands, and the address of the sum. */
export const ADDITION_BYTES = 12;

/**
 * What additions of points do with the operands of eight entries of a list, as loads and stores between cost as much as
 * the arithmetic. Differences that are not packed lie within 1.34 p and may be factors of a product whose other factor
 * lies within 1.1 p; sums may only be subtracted.
 */
export interface PairKernels {
  /** (out, list, offset): second less first */
  difference: Kernel;
  /** (sum, first, list, offset) */
  sum: Kernel;
  /** (difference, first, list, offset): signs as the references say */
  signedDifference: Kernel;
  /** (list, out, a, b, offset): a - b, kept in out and packed to where the sum belongs */
  scatterDifference: Kernel;
}

/** The same by the plain kernels. */
export function pairsOf({ gather, gatherSigned, scatter, add, sub, pairs }: Field): PairKernels {
  if (pairs) return pairs;
  const plain = gather(ADDITION_BYTES);
  const signed = gatherSigned(ADDITION_BYTES);
  const store = scatter(ADDITION_BYTES);
  const both = (take: Kernel, combine: (out: I, first: I) => void) =>
    fn(["i32", "i32", "i32", "i32"], [], (out, first, list, offset) => {
      invoke(take, first, list, offset);
      invoke(take, out, int.add(list, 4), offset);
      combine(out, first);
    });
  return {
    difference: fn(["i32", "i32", "i32"], [], (out, list, offset) => {
      invoke(plain, PAIR_SCRATCH, list, offset);
      invoke(plain, out, int.add(list, 4), offset);
      invoke(sub, out, out, PAIR_SCRATCH);
    }),
    sum: both(plain, (out, first) => invoke(add, out, out, first)),
    signedDifference: both(signed, (out, first) => invoke(sub, out, out, first)),
    scatterDifference: fn(["i32", "i32", "i32", "i32", "i32"], [], (list, out, a, b, offset) => {
      invoke(sub, out, a, b);
      invoke(store, int.add(list, 8), out, offset);
    }),
  };
}
