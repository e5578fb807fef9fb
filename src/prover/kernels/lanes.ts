import type { Field } from "./field.ts";
import { fn, int, invoke, set, times, variable, when, type Kernel } from "./wasm.ts";

/**
 * What hashes and curve need of a field: some computations side by side, one in each lane of a block. An element is one
 * number for all lanes, a constant within p / 2. `one` is an element, all else are blocks; `out` may be an operand.
 */
export interface Lanes extends Pick<
  Field,
  | "modulus"
  | "radixBits"
  | "bias"
  | "blockBytes"
  | "elementBytes"
  | "mul"
  | "sqr"
  | "add"
  | "sub"
  | "gather"
  | "gatherSigned"
  | "scatter"
  | "spread"
> {
  /** elements of a block */
  readonly lanes: 1 | 8;
  /** (a) -> bit i says whether element i is 0, a being a sum or a difference */
  readonly zeros: Kernel;
  /** (out, a, one, c): a one + c */
  readonly mulAdd: Kernel;
  /** (out, a, ones, count, c): c + the sum of a[i] ones[i]; `out` is none of a; 1 <= count <= 17 */
  readonly dot: Kernel;
}

/** Eight lanes out of a field's blocks. @param scratch  where a block is free */
export function eightLanes(field: Field, scratch: number): Lanes {
  const { mulOne, add, blockBytes, elementBytes } = field;
  const mulAdd = () =>
    fn(["i32", "i32", "i32", "i32"], [], (out, a, one, c) => {
      invoke(mulOne, scratch, a, one);
      invoke(add, out, scratch, c);
    });
  const oneByOne = () =>
    fn(["i32", "i32", "i32", "i32", "i32"], [], (out, a, ones, count, c) => {
      const [from, one, sum] = [a, ones, c].map((at) => variable("i32", at));
      times(count, () => {
        invoke(mulOne, scratch, from, one);
        invoke(add, out, scratch, sum);
        set(sum, out);
        set(from, int.add(from, blockBytes));
        set(one, int.add(one, elementBytes));
      });
    });
  const dot = ({ from, kernel }: NonNullable<Field["dot"]>) => {
    if (from <= 1) return kernel;
    const other = oneByOne();
    return fn(["i32", "i32", "i32", "i32", "i32"], [], (out, a, ones, count, c) => {
      const few = int.ltu(count, from);
      when(few, () => invoke(other, out, a, ones, count, c));
      when(int.eq(few, 0), () => invoke(kernel, out, a, ones, count, c));
    });
  };
  return {
    ...field,
    lanes: 8,
    mulAdd: field.mulAdd ?? mulAdd(),
    dot: field.dot ? dot(field.dot) : oneByOne(),
  };
}
