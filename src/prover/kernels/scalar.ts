import type { Field } from "./field.ts";
import { inverseOfOdd } from "./inversion.ts";
import { fn, give, int, quad, set, times, variable, vec, when, type I, type Kernel, type V } from "./wasm.ts";

/**
 * A prime field on integers, for engines that do not fuse multiplication and addition: eight elements at once, each nine
 * limbs of 29 bits, a limb of four elements in a vector. Limbs lie in [0, 2^29), the last one below 2^24, and values,
 * Montgomery forms x R mod p with R = 2^261, in [0, 2p]; products below 1.6 p, sums and differences below 1.04 p.
 *
 * Products of limbs are summed in columns of 64 bits, in each at most 18 of them, below 2^58. From the sum T, a multiple
 * of p is added that makes its digits of 29 bits 0 one after the other: for a digit q that is q p' p, p' = -1/p mod 2^29.
 * As q p' p = -q + 2^29 q M with M = (p p' + 1) / 2^29, digits can be dropped and q M added one place higher, without a
 * product for q p'; but the last digit's multiple of p has to be below 2^29, so that one is q p' mod 2^29, and p is added.
 * The result is below T / R + p + 1.01 M, where M / p = p' / 2^29.
 *
 * @source P. Montgomery, "Modular multiplication without trial division" (1985)
 */
const LIMBS = 9;
const BITS = 29;
const RADIX_BITS = BigInt(BITS * LIMBS);
const MASK = 2 ** BITS - 1;
const HALVES = 2;
const HALF_BYTES = 16 * LIMBS;
const LIMB_BYTES = 4;
const BLOCK_BYTES = 320;
const ELEMENT_BYTES = 40;
/** Products that a column holds beside its reduction: 9 (6 + 1) 2^58 < 2^64. */
const MOST = 6;
/** Precision of quotients by p. */
const QUOTIENT_BITS = 28;

/** Limbs of x, 0 <= x < 2^256. */
export function scalarLimbs(x: bigint): number[] {
  return range(LIMBS).map((i) => Number((x >> BigInt(BITS * i)) & BigInt(MASK)));
}

/** @param scratch  where 544 bytes are free */
export function scalarField(modulus: bigint, scratch: number): Field {
  const p = scalarLimbs(modulus);
  const negativeInverse = inverseOfOdd(-modulus) & BigInt(MASK);
  const m = scalarLimbs((modulus * negativeInverse + 1n) >> BigInt(BITS));
  // In units of p / 2^29: T / R of operands up to 2 p, and M.
  if (((4n * modulus) << 29n) / (1n << RADIX_BITS) + negativeInverse > (6n << 29n) / 10n)
    throw new RangeError("with this modulus, products may leave their range");
  const top = modulus >> BigInt(BITS * (LIMBS - 1));
  const perTop = Number((1n << BigInt(QUOTIENT_BITS)) / (top + 1n));

  const limbs = (at: I, offset: number): V[] => range(LIMBS).map((i) => vec.load(at, offset + 16 * i));
  const splatLimbs = (at: I): V[] => range(LIMBS).map((i) => quad.loadSplat(at, LIMB_BYTES * i));
  const put = (at: I, offset: number, x: V[]) => x.forEach((limb, i) => vec.store(at, limb, offset + 16 * i));

  /** Of a sum that is built up column by column: adds products to a column, and moves on to the next. */
  function columns() {
    let sums: [V, V] | undefined;
    const addSums = (low: V, high: V) =>
      (sums = sums ? [vec.addInt(sums[0], low), vec.addInt(sums[1], high)] : [low, high]);
    return {
      add: (a: V, b: V) => addSums(quad.mulLow(a, b), quad.mulHigh(a, b)),
      addSums,
      get: () => sums!,
      /** the low 32 bits of the column */
      low: () => quad.narrow(sums![0], sums![1]),
      next: () => (sums = [vec.shr(sums![0], BITS), vec.shr(sums![1], BITS)]),
    };
  }

  /** The product of which term(k) gives the pairs of factors of column k, reduced. */
  const multiplication = (term: (k: number) => [V, V][]) =>
    reduction((k, column) => {
      for (const [a, b] of term(k)) column.add(a, b);
    });

  /** From what enter(k) adds to column k. */
  function reduction(enter: (k: number, column: ReturnType<typeof columns>) => void): V[] {
    const mask = quad.i32(MASK);
    const [pLimbs, mLimbs] = [p, m].map((x) => x.map((limb) => quad.i32(limb)));
    const column = columns();
    const digits: V[] = [];
    const result: V[] = [];
    for (let k = 0; k < 2 * LIMBS - 1; k++) {
      enter(k, column);
      for (let i = Math.max(0, k - LIMBS); i < Math.min(k, LIMBS - 1); i++) column.add(digits[i], mLimbs[k - 1 - i]);
      if (k < LIMBS - 1) digits.push(vec.and(column.low(), mask));
      else {
        if (k === LIMBS - 1) digits.push(vec.and(quad.mul(column.low(), quad.i32(Number(negativeInverse))), mask));
        column.add(digits[LIMBS - 1], pLimbs[k - (LIMBS - 1)]);
        if (k >= LIMBS) result.push(vec.and(column.low(), mask));
      }
      column.next();
    }
    result.push(column.low());
    return result;
  }

  const pairs = (k: number) => range(LIMBS).filter((i) => k - i >= 0 && k - i < LIMBS);
  const product = (a: V[], b: V[]) => multiplication((k) => pairs(k).map((i) => [a[i], b[k - i]]));
  function square(a: V[]): V[] {
    const twice = a.map((limb) => quad.add(limb, limb));
    return multiplication((k) =>
      pairs(k)
        .filter((i) => 2 * i <= k)
        .map((i) => [2 * i === k ? a[i] : twice[i], a[k - i]]),
    );
  }

  /** Runs on both halves of the operands. */
  function halves(operands: I[], run: (...operands: I[]) => void): void {
    const at = operands.map((operand) => variable("i32", operand));
    times(variable("i32", HALVES), () => {
      run(...at);
      for (const each of at) set(each, int.add(each, HALF_BYTES));
    });
  }

  /** Moves what exceeds 29 bits up; limbs may be negative, the whole may not. */
  function carry(x: V[]): V[] {
    const mask = quad.i32(MASK);
    return x.map((_, i) => {
      if (i === LIMBS - 1) return x[i];
      x[i + 1] = quad.add(x[i + 1], quad.sar(x[i], BITS));
      return vec.and(x[i], mask);
    });
  }

  /**
   * Takes off a multiple of p, so that 0 <= x < 1.04 p, from -2 p <= x <= 4 p of which no limb is larger than 2^30: the
   * quotient, between -3 and 3, is rounded down, and is never too large.
   * @param negative  whether x may be: what the estimate then lacks is taken off
   */
  function normalise(x: V[], negative: boolean): V[] {
    let scaled = quad.mul(x[LIMBS - 1], quad.i32(perTop));
    if (negative) {
      const error = 2 * (2 ** QUOTIENT_BITS - perTop * Number(top)) + perTop;
      scaled = quad.sub(scaled, quad.i32(error));
    }
    const quotient = quad.sar(scaled, QUOTIENT_BITS);
    return carry(x.map((limb, i) => quad.sub(limb, quad.mul(quotient, quad.i32(p[i])))));
  }

  const linear = (combine: (a: V, b: V) => V, negative: boolean): Kernel =>
    fn(["i32", "i32", "i32"], [], (out, a, b) => {
      halves([out, a, b], (to, x, y) => {
        const right = limbs(y, 0);
        put(
          to,
          0,
          normalise(
            limbs(x, 0).map((limb, i) => combine(limb, right[i])),
            negative,
          ),
        );
      });
    });

  /** c + the sum of a[i] ones[i]: below T / R + 1.5 p for the sum T of 17 products at most, which is 0.2 p, and c. */
  function sumOfProducts(out: I, a: I, ones: I, count: I, c: I): void {
    const base = int.and(out, 0);
    const place = (k: number, half: number) => scratch + 16 * (HALVES * k + half);
    const stored = (k: number): [V, V] => [vec.load(base, place(k, 0)), vec.load(base, place(k, 1))];
    const store = (k: number, sums: V[]) => sums.forEach((sum, half) => vec.store(base, sum, place(k, half)));
    halves([out, a, c], (to, x, addend) => {
      const [from, one, room] = [variable("i32", x), variable("i32", ones), variable("i32", MOST - 1)];
      const zero = vec.i64(0n);
      for (let k = 0; k < 2 * LIMBS - 1; k++) store(k, [zero, zero]);
      times(int.sub(count, 1), () => {
        when(int.eq(room, 0), () => {
          for (let k = 0; k < 2 * LIMBS - 2; k++) {
            const [sums, above] = [stored(k), stored(k + 1)];
            store(
              k,
              sums.map((sum) => vec.and(sum, vec.i64(BigInt(MASK)))),
            );
            store(
              k + 1,
              above.map((sum, half) => vec.addInt(sum, vec.shr(sums[half], BITS))),
            );
          }
          set(room, MOST - 2);
        });
        const [left, right] = [limbs(from, 0), splatLimbs(one)];
        for (let k = 0; k < 2 * LIMBS - 1; k++) {
          const column = columns();
          for (const i of pairs(k)) column.add(left[i], right[k - i]);
          column.addSums(...stored(k));
          store(k, column.get());
        }
        set(from, int.add(from, BLOCK_BYTES));
        set(one, int.add(one, ELEMENT_BYTES));
        set(room, int.sub(room, 1));
      });
      // The last product is added while all is reduced.
      const [left, right] = [limbs(from, 0), splatLimbs(one)];
      const reduced = reduction((k, column) => {
        for (const i of pairs(k)) column.add(left[i], right[k - i]);
        column.addSums(...stored(k));
      });
      const other = limbs(addend, 0);
      put(
        to,
        0,
        normalise(
          reduced.map((limb, i) => quad.add(limb, other[i])),
          false,
        ),
      );
    });
  }

  /** Of two packed elements, digits in lanes of 64 bits. */
  function unpack(a: I, b: I): V[] {
    const words = range(4).map((i) => vec.loadPair(a, b, 8 * i));
    return range(LIMBS).map((i) => {
      const [word, shift] = [(BITS * i) >> 6, (BITS * i) & 63];
      const low = vec.shr(words[word], shift);
      return shift + BITS > 64 && word < 3 ? vec.or(low, vec.shl(words[word + 1], 64 - shift)) : low;
    });
  }

  /** Four words of two elements, from digits in lanes of 64 bits. */
  function pack(digits: V[]): V[] {
    return range(4).map((word) =>
      digits
        .flatMap((digit, i) => {
          const shift = BITS * i - 64 * word;
          if (shift <= -BITS || shift >= 64) return [];
          return shift >= 0 ? vec.shl(digit, shift) : vec.shr(digit, -shift);
        })
        .reduce(vec.or),
    );
  }

  /** (out, list, offset); each half: four references */
  const gathered = (stride: number, change: (x: V[], refs: I[]) => V[]): Kernel =>
    fn(["i32", "i32", "i32"], [], (out, list, offset) => {
      for (let half = 0; half < HALVES; half++) {
        const refs = range(4).map((i) => int.load(list, (4 * half + i) * stride));
        const [a, b, c, d] = refs.map((ref) => int.add(int.and(ref, -32), offset));
        const [first, last] = [unpack(a, b), unpack(c, d)];
        const mask = quad.i32(MASK);
        const x = first.map((digits, i) => vec.and(quad.narrow(digits, last[i]), mask));
        put(out, half * HALF_BYTES, change(x, refs));
      }
    });

  /** 2 p - x where bit 0 of a reference says so */
  function negateSome(x: V[], refs: I[]): V[] {
    const negative = quad.sub(quad.i32(0), quad.of(refs.map((ref) => int.and(ref, 1))));
    const twice = scalarLimbs(2n * modulus);
    return carry(
      x.map((limb, i) => quad.add(quad.sub(vec.xor(limb, negative), negative), vec.and(quad.i32(twice[i]), negative))),
    );
  }

  return {
    modulus,
    radixBits: RADIX_BITS,
    bias: 0n,
    elementBytes: ELEMENT_BYTES,
    blockBytes: BLOCK_BYTES,
    mul: fn(["i32", "i32", "i32"], [], (out, a, b) => {
      halves([out, a, b], (to, x, y) => put(to, 0, product(limbs(x, 0), limbs(y, 0))));
    }),
    mulOne: fn(["i32", "i32", "i32"], [], (out, a, one) => {
      const factor = splatLimbs(one);
      halves([out, a], (to, x) => put(to, 0, product(limbs(x, 0), factor)));
    }),
    dot: { from: 3, kernel: fn(["i32", "i32", "i32", "i32", "i32"], [], sumOfProducts) },
    sqr: fn(["i32", "i32"], [], (out, a) => {
      halves([out, a], (to, x) => put(to, 0, square(limbs(x, 0))));
    }),
    add: linear(quad.add, false),
    sub: linear(quad.sub, true),
    gather: once((stride) => gathered(stride, (x) => x)),
    gatherSigned: once((stride) => gathered(stride, negateSome)),
    scatter: once((stride) =>
      fn(["i32", "i32", "i32"], [], (list, block, offset) => {
        for (let half = 0; half < HALVES; half++) {
          const x = limbs(block, half * HALF_BYTES);
          [quad.widenLow, quad.widenHigh].forEach((widen, pair) => {
            const words = pack(x.map(widen));
            for (const lane of [0, 1] as const) {
              const at = int.add(int.load(list, (4 * half + 2 * pair + lane) * stride), offset);
              words.forEach((word, i) => vec.storeLane(at, lane, word, 8 * i));
            }
          });
        }
      }),
    ),
    spread: fn(["i32", "i32"], [], (out, a) => {
      for (let half = 0; half < HALVES; half++) {
        const x = [...limbs(a, half * HALF_BYTES), quad.i32(0)];
        for (let lane = 0; lane < 4; lane++)
          x.forEach((limb, i) => quad.storeLane(out, lane, limb, 40 * (4 * half + lane) + LIMB_BYTES * i));
      }
    }),
    transpose: fn(["i32", "i32"], [], (out, a) => {
      const block = BLOCK_BYTES;
      for (const rows of [0, 1])
        for (const half of [0, 1])
          for (let i = 0; i < LIMBS; i++) {
            const at = half * HALF_BYTES + 16 * i;
            const [x, y, z, w] = range(4).map((row) => vec.load(a, (4 * rows + row) * block + at));
            const [xy, zw] = [
              [x, y],
              [z, w],
            ].map(([p, q]) => [quad.pick([0, 4, 1, 5], p, q), quad.pick([2, 6, 3, 7], p, q)]);
            const turned = [0, 1].flatMap((k) => [
              quad.pick([0, 1, 4, 5], xy[k], zw[k]),
              quad.pick([2, 3, 6, 7], xy[k], zw[k]),
            ]);
            turned.forEach((limb, lane) =>
              vec.store(out, limb, (4 * half + lane) * block + rows * HALF_BYTES + 16 * i),
            );
          }
    }),
    zeros: fn(["i32"], ["i32"], (a) => {
      // A sum is below 1.04 p: a multiple of p is 0 or p.
      const found = range(HALVES).map((half) => {
        const x = limbs(a, half * HALF_BYTES);
        const equals = (to: number[]) => x.map((limb, i) => quad.equal(limb, quad.i32(to[i]))).reduce(vec.and);
        return int.shl(quad.bits(vec.or(equals(scalarLimbs(0n)), equals(p))), 4 * half);
      });
      give(int.or(found[0], found[1]));
    }),
    turn: once((by) =>
      fn(["i32", "i32"], [], (out, a) => {
        const lanes = range(4).map((lane) => lane ^ by);
        for (let half = 0; half < HALVES; half++) {
          const x = limbs(a, (by === 4 ? half ^ 1 : half) * HALF_BYTES);
          put(out, half * HALF_BYTES, by === 4 ? x : x.map((limb) => quad.pick(lanes, limb, limb)));
        }
      }),
    ),
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

function once<K>(make: (key: K) => Kernel): (key: K) => Kernel {
  const made = new Map<K, Kernel>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key)!;
  };
}
