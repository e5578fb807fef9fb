import type { Kernel } from "./wasm.ts";

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
  /** (out, a, b): element i of a where i has not this bit, of b where it has */
  blend(bit: 1 | 2 | 4): Kernel;
  /** (out, a): the eight elements one after the other, in the form for `mulOne` */
  readonly spread: Kernel;
}
