import { CONSTANTS, WORK } from "./layout.ts";
import { ADDITION_BYTES } from "./field.ts";
import { POINT_BYTES, WIDTH, type Group, type PointKernels } from "./points.ts";
import {
  carried,
  evaluate,
  fn,
  forever,
  give,
  int,
  invoke,
  long,
  set,
  times,
  variable,
  vec,
  when,
  type I,
  type Callable,
  type Kernel,
} from "./wasm.ts";

/** Additions that share an inversion. */
export const BATCH = 2048;
/** References that are summed in one go, unless a single segment has more: their sums stay in the cache. */
export const CHUNK = 16384;

/**
 * (references, counts, segments, results, work) -> how many segments were summed, at least one if there is one: the sum of
 * each segment of a list of references to points, as a reference, 0 for infinity. All segments of a chunk are halved in one
 * round by adding neighbours. The references are overwritten; work.taken says how many they were. One chunk a call, as
 * engines put faster code only in the place of what is called again.
 * @param mend  import (width, list, blocks, differences): takes additions of equal x out of a list and does them otherwise
 */
export function sumKernel(group: Group, { forward, backward }: PointKernels, mend: Callable): Kernel {
  const pointBytes = POINT_BYTES[group];
  const isInfinite = (ref: I): I => long.eqz(long.xor(long.load(int.and(ref, -64), 24), -1n));

  /** (list, additions, work): fills the last block up with an addition that is of no use, and adds. */
  const flush = fn(["i32", "i32", "i32"], [], (list, additions, work) => {
    const blocks = int.shr(int.add(additions, 7), 3);
    const missing = int.sub(int.shl(blocks, 3), additions);
    const entry = variable("i32", int.add(list, int.mul(additions, ADDITION_BYTES)));
    times(missing, () => {
      int.store(entry, CONSTANTS.pad, 0);
      int.store(entry, CONSTANTS.pad + 128, 4);
      int.store(entry, CONSTANTS.pad + 256, 8);
      set(entry, int.add(entry, ADDITION_BYTES));
    });
    const differences = int.load(work, WORK.differences);
    const products = int.load(work, WORK.products);
    forever((stop) => {
      stop.when(evaluate(forward, list, blocks, differences, products));
      invoke(mend, WIDTH[group], list, blocks, differences);
    });
    invoke(backward, list, blocks, differences, products);
  });

  return fn(["i32", "i32", "i32", "i32", "i32"], ["i32"], (references, counts, segments, results, work) => {
    const ref = variable("i32", references);
    const count = variable("i32", counts);
    const result = variable("i32", results);
    const list = int.load(work, WORK.list);
    const size = variable("i32", 0);
    const chunk = variable("i32", 0);
    forever((full) => {
      full.when(int.eq(chunk, segments));
      const next = int.add(size, int.load(int.add(count, int.shl(chunk, 2))));
      full.when(int.and(int.ltu(CHUNK, next), int.ltu(0, chunk)));
      set(size, next);
      set(chunk, int.add(chunk, 1));
    });
    int.store(work, size, WORK.taken);
    const slot = variable("i32", int.load(work, WORK.slots));
    const first = variable("i32", slot);
    // Counts of what is left lie in the results meanwhile.
    const copyFrom = variable("i32", count);
    const copyTo = variable("i32", result);
    times(chunk, () => {
      int.store(copyTo, int.load(copyFrom));
      set(copyFrom, int.add(copyFrom, 4));
      set(copyTo, int.add(copyTo, 4));
    });

    const busy = variable("i32", 1);
    forever((done) => {
      done.when(int.eq(busy, 0));
      set(busy, 0);
      const at = variable("i32", ref);
      const rest = variable("i32", result);
      const total = variable("i32", count);
      const entry = variable("i32", list);
      const added = variable("i32", 0);
      times(chunk, () => {
        const many = variable("i32", int.load(rest));
        when(int.and(int.load(work, WORK.infinite), int.ltu(0, many)), () => {
          const from = variable("i32", at);
          const to = variable("i32", at);
          times(many, () => {
            const one = int.load(from);
            when(int.xor(isInfinite(one), 1), () => {
              int.store(to, one);
              set(to, int.add(to, 4));
            });
            set(from, int.add(from, 4));
          });
          set(many, int.shr(int.sub(to, at), 2));
        });
        const halves = int.shr(many, 1);
        set(busy, int.or(busy, halves));
        const from = variable("i32", at);
        const to = variable("i32", at);
        times(halves, () => {
          long.store(entry, long.load(from));
          int.store(entry, slot, 8);
          int.store(to, slot);
          set(from, int.add(from, 8));
          set(to, int.add(to, 4));
          set(slot, int.add(slot, pointBytes));
          set(entry, int.add(entry, ADDITION_BYTES));
          set(added, int.add(added, 1));
          when(int.eq(added, BATCH), () => {
            invoke(flush, list, added, work);
            set(entry, list);
            set(added, 0);
          });
        });
        when(int.and(many, 1), () => int.store(to, int.load(from)));
        int.store(rest, int.sub(many, halves));
        set(at, int.add(at, int.shl(int.load(total), 2)));
        set(rest, int.add(rest, 4));
        set(total, int.add(total, 4));
      });
      when(added, () => invoke(flush, list, added, work));
    });

    // What is left of each segment is its sum; one that lies in a slot is moved to where it lasts.
    times(chunk, () => {
      const found = variable("i32", 0);
      when(int.load(result), () => {
        set(found, int.load(ref));
        when(int.xor(int.ltu(found, first), 1), () => {
          when(int.ltu(found, slot), () => {
            const kept = variable("i32", int.load(work, WORK.kept));
            for (let i = 0; i < pointBytes; i += 16) vec.store(kept, vec.load(found, i), i);
            int.store(work, int.add(kept, pointBytes), WORK.kept);
            set(found, kept);
          });
        });
      });
      int.store(result, found);
      set(ref, int.add(ref, int.shl(int.load(count), 2)));
      set(count, int.add(count, 4));
      set(result, int.add(result, 4));
    });
    give(chunk);
  });
}

/**
 * Kernels that cut scalars into signed digits: with an offset of 2^(c-1) in each window but the last, digit w of s is
 * window w of s + offset, minus 2^(c-1). Scalars above half of the modulus r become r - s with the sign changed, so that
 * small negative ones are short; the sign is bit 255.
 */
export function digitKernels(modulus: bigint): { prepare: Kernel; shift: Kernel; count: Kernel; place: Kernel } {
  const words = (x: bigint) => [0, 1, 2, 3].map((i) => variable("i64", BigInt.asIntN(64, x >> BigInt(64 * i))));

  /** (scalars, count, lengths): scalars in place; lengths get a byte each, the number of bits of |s|. */
  const prepare = fn(["i32", "i32", "i32"], [], (scalars, count, lengths) => {
    const at = variable("i32", scalars);
    const length = variable("i32", lengths);
    const half = modulus >> 1n;
    times(count, () => {
      const s = [0, 1, 2, 3].map((i) => long.load(at, 8 * i));
      const isLarge = carried(words(half), s, true).carry;
      const negative = carried(words(modulus), s, true).sum;
      const mask = long.sub(0n, isLarge);
      const size = s.map((x, i) => long.xor(x, long.and(long.xor(x, negative[i]), mask)));
      const bits = variable("i64", 0n);
      size.forEach((x, i) => {
        when(int.xor(long.eqz(x), 1), () => set(bits, long.sub(BigInt(64 * i + 64), long.clz(x))));
      });
      int.storeByte(length, long.toInt(bits));
      size[3] = long.or(size[3], long.shl(isLarge, 63n));
      size.forEach((x, i) => long.store(at, x, 8 * i));
      set(at, int.add(at, 32));
      set(length, int.add(length, 1));
    });
  });

  /** (scalars, count, offset) */
  const shift = fn(["i32", "i32", "i32"], [], (scalars, count, offset) => {
    const at = variable("i32", scalars);
    const by = [0, 1, 2, 3].map((i) => long.load(offset, 8 * i));
    times(count, () => {
      const { sum } = carried(
        [0, 1, 2, 3].map((i) => long.load(at, 8 * i)),
        by,
        false,
      );
      sum.forEach((x, i) => long.store(at, x, 8 * i));
      set(at, int.add(at, 32));
    });
  });

  /** Runs over the digits of a window: indexes says which scalars. */
  function overDigits(
    [scalars, indexes, count, bit, mask, half]: I[],
    run: (digit: { size: I; negative: I; index: I }) => void,
  ): void {
    const at = variable("i32", indexes);
    const byte = int.shr(bit, 3);
    const shift = long.of(int.and(bit, 7));
    times(count, () => {
      const index = int.load(at);
      const scalar = int.add(scalars, int.shl(index, 5));
      const digit = int.sub(int.and(long.toInt(long.shr(long.load(int.add(scalar, byte)), shift)), mask), half);
      when(digit, () => {
        const sign = int.sar(digit, 31);
        const flip = int.shr(int.load(scalar, 28), 31);
        run({ size: int.sub(int.xor(digit, sign), sign), negative: int.xor(int.and(sign, 1), flip), index });
      });
      set(at, int.add(at, 4));
    });
  }

  /** (scalars, indexes, count, bit, mask, half, counts): how many digits of each size there are */
  const count = fn(["i32", "i32", "i32", "i32", "i32", "i32", "i32"], [], (...args) => {
    const counts = args[6];
    overDigits(args.slice(0, 6), ({ size }) => {
      const at = int.add(counts, int.shl(size, 2));
      int.store(at, int.add(int.load(at), 1));
    });
  });

  /** (..., starts, bases, shift): writes references to the points, 2^shift bytes each, to where each digit starts. */
  const place = fn(["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], [], (...args) => {
    const [starts, bases, shift] = args.slice(6);
    overDigits(args.slice(0, 6), ({ size, negative, index }) => {
      const at = int.add(starts, int.shl(size, 2));
      const to = int.load(at);
      int.store(to, int.or(int.add(bases, int.shl(index, shift)), negative));
      int.store(at, int.add(to, 4));
    });
  });

  return { prepare, shift, count, place };
}
