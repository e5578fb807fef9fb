import type { Field } from "./field.ts";
import { LANES } from "./layout.ts";
import { carried, fn, give, int, invoke, long, set, times, variable, type Kernel } from "./wasm.ts";

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

/**
 * (at, blocks, factor): packed elements times an element, v f / R, as numbers below the modulus, in place
 * @param scratch  where a block and eight addresses are free
 */
export function giveNumbers(field: Field, scratch: number): Kernel {
  const plain = dropBias(field);
  const [gather, scatter] = [field.gather(4), field.scatter(4)];
  const list = scratch + field.blockBytes;
  return fn(["i32", "i32", "i32"], [], (at, blocks, factor) => {
    const from = variable("i32", at);
    const base = variable("i32", 0);
    times(blocks, () => {
      for (let lane = 0; lane < LANES; lane++) int.store(base, int.add(from, 32 * lane), list + 4 * lane);
      invoke(gather, scratch, list, 0);
      invoke(field.mulOne, scratch, scratch, factor);
      invoke(scatter, list, scratch, 0);
      for (let lane = 0; lane < LANES; lane++) invoke(plain, int.add(from, 32 * lane));
      set(from, int.add(from, 32 * LANES));
    });
  });
}
