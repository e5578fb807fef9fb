import type { Field } from "./field.ts";
import { carried, fn, give, int, long, set, times, variable, type Kernel } from "./wasm.ts";

type Packing = Pick<Field, "modulus" | "bias">;

/**
 * (at, count) -> 0, 1 when all `count` elements of 32 bytes are 0, 2 when one is not below the modulus: adds the bias to
 * each, so that it can be gathered.
 */
export function addBias({ modulus, bias }: Packing): Kernel {
  return fn(["i32", "i32"], ["i32"], (at, count) => {
    const any = variable("i64", 0n);
    const large = variable("i32", 0);
    const from = variable("i32", at);
    times(count, () => {
      const words = [0, 1, 2, 3].map((i) => long.load(from, 8 * i));
      const below = carried(words, modulus, true).carry;
      set(large, int.or(large, int.xor(long.toInt(below), 1)));
      for (const word of words) set(any, long.or(any, word));
      carried(words, bias, false).sum.forEach((word, i) => long.store(from, word, 8 * i));
      set(from, int.add(from, 32));
    });
    give(int.or(long.eqz(any), int.shl(large, 1)));
  });
}

/**
 * (at): a packed element v + bias to the number below the modulus p that it stands for; -p <= v < p with a bias, and
 * 0 <= v < 2 p without
 */
export function dropBias({ modulus, bias }: Packing): Kernel {
  return fn(["i32"], [], (at) => {
    const words = [0, 1, 2, 3].map((i) => long.load(at, 8 * i));
    const { sum, carry } = carried(words, bias || modulus, true);
    const negative = long.sub(0n, carry);
    const back = [0, 1, 2, 3].map((i) => long.and(negative, BigInt.asIntN(64, modulus >> BigInt(64 * i))));
    carried(sum, back, false).sum.forEach((word, i) => long.store(at, word, 8 * i));
  });
}
