import type { Lanes } from "./lanes.ts";
import { fn, give, int, long, set, times, variable, when, type I, type Kernel, type L } from "./wasm.ts";

/**
 * A prime field one element at a time, in 64-bit integers: nine limbs of 29 bits, in [0, 2^29) but for the last, which has
 * a sign. Values are Montgomery forms x 2^261 mod p, and p < 2^254 leaves so much room that nothing but products has to be
 * reduced: operands lie within 2^260, over 80 p, and a product of a and b between -|a b| / 2^261 and p + |a b| / 2^261,
 * which is again within 2^260. Constants (`spread`) are within p / 2 and have limbs in [-2^28, 2^28).
 *
 * A column of a product is at most 2^61: eight products of 2^58 at most, as the last limbs are below 2^28. So is that of
 * its reduction; a column of a product with a constant is at most 2^60. Five of these and a reduction stay below 2^63.
 * @source C. K. Koc, T. Acar, B. Kaliski, "Analyzing and Comparing Montgomery Multiplication Algorithms" (1996): FIPS
 */
const LIMBS = 9;
const BITS = 29n;
const MASK = (1n << BITS) - 1n;
const BYTES = 8 * LIMBS;
const COLUMNS = 2 * LIMBS - 1;
/** Products with constants that a column holds beside its reduction. */
const MOST = 5;
/** A packed value lies within 2^255. */
const BIAS = 1n << 255n;

/** @param scratch  where 144 bytes are free */
export function singleLane(modulus: bigint, scratch: number): Lanes {
  const p = Array.from({ length: LIMBS }, (_, i) => (modulus >> (BITS * BigInt(i))) & MASK);
  /** 1/p mod 2^29 */
  let inverse = modulus;
  for (let i = 0; i < 5; i++) inverse = BigInt.asUintN(Number(BITS), inverse * (2n - modulus * inverse));

  const limbs = (at: I): L[] => range(LIMBS).map((i) => long.load(at, 8 * i));
  /** x c mod 2^64; a constant of two bits takes no multiplication. */
  const times29 = (x: L, c: bigint): L => {
    const high = c.toString(2).length - 1;
    if (c === 1n) return x;
    return c === (1n << BigInt(high)) + 1n ? long.add(x, long.shl(x, BigInt(high))) : long.mul(x, c);
  };
  const sum = (terms: L[]): L => terms.reduce((a, b) => long.add(a, b));

  /** out = (columns + q p) / 2^261 + c, carried; column(k) is a sum of products. */
  function reduce(out: I, column: (k: number) => L, c?: I): void {
    const q: L[] = [];
    let carry: L | undefined;
    for (let k = 0; k < COLUMNS; k++) {
      // What is known last is added last.
      const terms = [column(k)];
      for (let j = Math.max(0, k - LIMBS + 1); j < Math.min(k, LIMBS); j++) terms.push(times29(q[j], p[k - j]));
      if (carry) terms.push(carry);
      let total = sum(terms);
      if (k < LIMBS) {
        const next = long.and(long.sub(0n, times29(total, inverse)), MASK);
        q.push(next);
        total = long.add(total, times29(next, p[0]));
      } else {
        if (c) total = long.add(total, long.load(c, 8 * (k - LIMBS)));
        long.store(out, long.and(total, MASK), 8 * (k - LIMBS));
      }
      carry = long.sar(total, BITS);
    }
    long.store(out, c ? long.add(carry!, long.load(c, 8 * (LIMBS - 1))) : carry!, 8 * (LIMBS - 1));
  }

  const indexes = (k: number) => range(LIMBS).filter((i) => k - i >= 0 && k - i < LIMBS);
  const product = (a: L[], b: L[]) => (k: number) => sum(indexes(k).map((i) => long.mul(a[i], b[k - i])));
  function square(a: L[]): (k: number) => L {
    const twice = a.map((limb) => long.add(limb, limb));
    return (k) =>
      sum(
        indexes(k)
          .filter((i) => 2 * i <= k)
          .map((i) => long.mul(2 * i === k ? a[i] : twice[i], a[k - i])),
      );
  }

  function carried(x: L[]): L[] {
    let carry: L | undefined;
    return x.map((limb, i) => {
      const total = carry ? long.add(limb, carry) : limb;
      carry = long.sar(total, BITS);
      return i === LIMBS - 1 ? total : long.and(total, MASK);
    });
  }
  const put = (at: I, x: L[]) => x.forEach((limb, i) => long.store(at, limb, 8 * i));
  const linear = (combine: (a: L, b: L) => L): Kernel =>
    fn(["i32", "i32", "i32"], [], (out, a, b) => {
      const [x, y] = [limbs(a), limbs(b)];
      put(out, carried(x.map((limb, i) => combine(limb, y[i]))));
    });

  /** Limbs of a packed value, or of minus that. */
  function unpack(at: I, sign?: L): L[] {
    const words = range(4).map((i) => long.load(at, 8 * i));
    const digits = range(LIMBS).map((i) => {
      const [word, shift] = [(29 * i) >> 6, BigInt((29 * i) & 63)];
      const low = long.shr(words[word], shift);
      const digit = shift > 35n && word < 3 ? long.or(low, long.shl(words[word + 1], 64n - shift)) : low;
      return i === LIMBS - 1 ? long.sub(digit, BIAS >> (BITS * 8n)) : long.and(digit, MASK);
    });
    return sign ? carried(digits.map((digit) => long.sub(long.xor(digit, sign), sign))) : digits;
  }

  const once = (kernel: Kernel) => () => kernel;
  return {
    modulus,
    radixBits: BITS * BigInt(LIMBS),
    bias: BIAS,
    lanes: 1,
    elementBytes: BYTES,
    blockBytes: BYTES,
    mul: fn(["i32", "i32", "i32"], [], (out, a, b) => reduce(out, product(limbs(a), limbs(b)))),
    sqr: fn(["i32", "i32"], [], (out, a) => reduce(out, square(limbs(a)))),
    mulAdd: fn(["i32", "i32", "i32", "i32"], [], (out, a, b, c) => reduce(out, product(limbs(a), limbs(b)), c)),
    add: linear(long.add),
    sub: linear(long.sub),
    dot: fn(["i32", "i32", "i32", "i32", "i32"], [], (out, a, ones, count, c) => {
      const base = int.and(out, 0);
      const column = (k: number) => long.load(base, scratch + 8 * k);
      const [x, y, room] = [variable("i32", a), variable("i32", ones), variable("i32", MOST)];
      const accumulate = (known: boolean) => {
        const term = product(limbs(x), limbs(y));
        for (let k = 0; k < COLUMNS; k++)
          long.store(base, known ? long.add(column(k), term(k)) : term(k), scratch + 8 * k);
        set(x, int.add(x, BYTES));
        set(y, int.add(y, BYTES));
        set(room, int.sub(room, 1));
      };
      accumulate(false);
      times(int.sub(count, 1), () => {
        when(int.eq(room, 0), () => {
          for (let k = 0; k < COLUMNS - 1; k++) {
            const value = column(k);
            long.store(base, long.and(value, MASK), scratch + 8 * k);
            long.store(base, long.add(column(k + 1), long.sar(value, BITS)), scratch + 8 * (k + 1));
          }
          set(room, MOST);
        });
        accumulate(true);
      });
      reduce(out, column, c);
    }),
    gather: once(
      fn(["i32", "i32", "i32"], [], (out, list, offset) => {
        put(out, unpack(int.add(int.and(int.load(list), -32), offset)));
      }),
    ),
    gatherSigned: once(
      fn(["i32", "i32", "i32"], [], (out, list, offset) => {
        const reference = int.load(list);
        const sign = long.sub(0n, long.of(int.and(reference, 1)));
        put(out, unpack(int.add(int.and(reference, -32), offset), sign));
      }),
    ),
    scatter: once(
      fn(["i32", "i32", "i32"], [], (list, block, offset) => {
        const at = int.add(int.load(list), offset);
        const x = limbs(block);
        x[LIMBS - 1] = long.add(x[LIMBS - 1], BIAS >> (BITS * 8n));
        const words = range(4).map((word) => {
          let joined: L | undefined;
          x.forEach((digit, i) => {
            const shift = 29 * i - 64 * word;
            if (shift <= -29 || shift >= 64) return;
            const part = shift >= 0 ? long.shl(digit, BigInt(shift)) : long.shr(digit, BigInt(-shift));
            joined = joined ? long.or(joined, part) : part;
          });
          return joined!;
        });
        words.forEach((word, i) => long.store(at, word, 8 * i));
      }),
    ),
    spread: fn(["i32", "i32"], [], (out, a) => {
      const x = limbs(a);
      for (let i = 0; i < LIMBS - 1; i++) {
        const carry = long.sar(long.add(x[i], 1n << (BITS - 1n)), BITS);
        x[i] = long.sub(x[i], long.shl(carry, BITS));
        x[i + 1] = long.add(x[i + 1], carry);
      }
      put(out, x);
    }),
    zeros: fn(["i32"], ["i32"], (a) => {
      // (x + q p) / 2^261 with 0 <= q < 2^261 is 0 or p where p divides x, and nowhere else.
      const x = limbs(a);
      const base = int.and(a, 0);
      reduce(int.add(base, scratch), (k) => x[k] ?? variable("i64", 0n));
      const left = range(LIMBS).map((i) => long.load(base, scratch + 8 * i));
      const any = (digits: L[]) => digits.reduce((one, other) => long.or(one, other));
      const other = any(left.map((limb, i) => long.xor(limb, p[i])));
      give(int.or(long.eqz(any(left)), long.eqz(other)));
    }),
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
