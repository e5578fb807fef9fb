import { fn, give, int, set, times, variable, vec, type I, type Kernel, type V } from "./wasm.ts";
import { inverse } from "../curve.ts";
import { ADDITION_BYTES, type Field } from "./field.ts";

/**
 * A prime field on the floating-point units: eight elements at once, each five limbs of 51 bits in f64, two elements in
 * a vector. All limbs are integers with a sign, |l| <= 2^50 (the last one less), and all values are Montgomery forms
 * x 2^255 mod p with |value| <= 0.67 p: multiplication keeps to that bound if its operands do, |a b| / 2^255 + p / 2,
 * and so do addition and subtraction, which take off the nearest multiple of p. Within additions of points values get
 * larger, up to 1.37 p, whose last limb is at most 1.04 * 2^50: products take such operands too.
 *
 * A product a b of limbs, |a b| <= 2^100, is split exactly: fma(a, b, T) rounds the running sum T, of which the unit is
 * 2^51 while 2^103 <= T < 2^104, and fma(a, b, T - rounded) is what the rounding left, at most 2^50. Above 2^104 T is a
 * multiple of 2^52, and leaves at most 2^51. Below 2^103 T must not get: five products take at most 5.1 * 2^100 from
 * 1.65 * 2^103. Sums of remainders stay at or below 2^53, where f64 are exact (`columns`).
 *
 * @source N. Emmart, F. Zheng, C. Weems, "Faster Modular Exponentiation Using Double Precision Floating Point
 *         Arithmetic on the GPU" (ARITH 2018), for the splitting of products; here with rounding to nearest
 */
const LIMBS = 5;
const BITS = 51n;
const UNIT = 2 ** 51;
const PAIRS = 4;
const PAIR_BYTES = 16 * LIMBS;
const BLOCK_BYTES = PAIRS * PAIR_BYTES;
const COLUMNS = 2 * LIMBS;
const COLUMN_BYTES = 16 * COLUMNS;
/** Added and taken off again, rounds to a multiple of 2^51. */
const ROUND = 1.5 * 2 ** 103;
const CHAIN = 1.65 * 2 ** 103;
/** Added, leaves an integer below 2^51 in the low bits, in two's complement. */
const TO_INT = 1.5 * 2 ** 52;
const TO_INT_BITS = 0x4338000000000000n;
/** Placed above 52 bits, makes a float of 2^52 more than they say. */
const FROM_INT_BITS = 0x4330000000000000n;
const MASK = (1n << BITS) - 1n;

/** Limbs of x, |x| < 2^254, in floating point. */
export function fmaLimbs(x: bigint): number[] {
  return Array.from({ length: LIMBS }, (_, i) => {
    const limb = i === LIMBS - 1 ? x : BigInt.asIntN(Number(BITS), x);
    x = (x - limb) >> BITS;
    return Number(limb);
  });
}

/** @param scratch  where 672 bytes are free, and for `quadratic` 1,312 */
export function fmaField(modulus: bigint, scratch: number): Field {
  const p = fmaLimbs(modulus);
  /** -1/p mod 2^51, with a sign */
  const quotient = Number(BigInt.asIntN(Number(BITS), -inverse(modulus, 1n << BITS)));
  const top = Number(modulus >> 204n) + Number((modulus >> 153n) & MASK) / UNIT;

  /** Quotients are stored before the columns of products. */
  const columnsAt = scratch + 32;

  const limbs = (at: I, offset: number): V[] => range(LIMBS).map((i) => vec.load(at, offset + 16 * i));
  const splatLimbs = (at: I, offset: number): V[] => range(LIMBS).map((i) => vec.loadSplat(at, offset + 8 * i));
  const put = (at: I, offset: number, x: V[]) => x.forEach((limb, i) => vec.store(at, limb, offset + 16 * i));

  /**
   * Runs for the pairs of a block, with pointers that move on by so many bytes a pair. A loop: code is short, starts soon,
   * and processors look ahead into the next round.
   */
  function overPairs(pointers: I[], steps: number[], run: (...at: I[]) => void, rounds = PAIRS): void {
    const at = pointers.map((pointer) => variable("i32", pointer));
    times(variable("i32", rounds), () => {
      run(...at);
      at.forEach((pointer, i) => set(pointer, int.add(pointer, steps[i])));
    });
  }

  /** Moves what exceeds 51 bits of limbs from..to one place up. */
  function carry(x: V[], from: number, to: number): void {
    const round = vec.f64(ROUND);
    const down = vec.f64(1 / UNIT);
    for (let i = from; i <= to; i++) {
      const excess = vec.sub(vec.add(x[i], round), round);
      x[i] = vec.sub(x[i], excess);
      x[i + 1] = vec.fma(excess, down, x[i + 1]);
    }
  }

  /**
   * The columns of a sum of products, term(k) giving the pairs of factors of column k. In units of 2^50, a column holds
   * remainders of at most 1 each, 2 where its chain has passed 2^104, so at most 8 for five products; the upper halves of
   * the column below come to 2.6. To stay at or below 8, some columns are carried before these are added. What comes out is
   * at most 1 in columns 2, 3, 5 and 6, 3.1 in column 4, and 3.6 in the others; with `before`, at most 1 in all.
   * @param before  what is added to column k: at most 1, or a column of one product
   */
  function columns(term: (k: number) => [V, V][], before?: (k: number) => V): V[] {
    const chain = vec.f64(CHAIN);
    const down = vec.f64(1 / UNIT);
    const round = vec.f64(ROUND);
    const early = before ? [3, 4, 5] : [4, 5];
    const sums: V[] = [];
    let high: V | undefined;
    let excess: V | undefined;
    for (let k = 0; k < COLUMNS - 1; k++) {
      let total = chain;
      let low: V | undefined;
      for (const [a, b] of term(k)) {
        const next = vec.fma(a, b, total);
        const rest = vec.fma(a, b, vec.sub(total, next));
        low = low ? vec.add(low, rest) : rest;
        total = next;
      }
      let sum = low!;
      const over: V | undefined = early.includes(k) ? vec.sub(vec.add(sum, round), round) : undefined;
      if (over) sum = vec.sub(sum, over);
      for (const part of [high, excess]) if (part) sum = vec.fma(part, down, sum);
      sums.push(sum);
      high = vec.sub(total, chain);
      excess = over;
    }
    sums.push(vec.mul(high!, down));
    if (before) {
      for (let k = 0; k < COLUMNS; k++) sums[k] = vec.add(sums[k], before(k));
      carry(sums, 0, COLUMNS - 2);
    } else for (const k of [2, 3, 5, 6]) carry(sums, k, k);
    return sums;
  }

  const indexes = (k: number) => range(LIMBS).filter((i) => k - i >= 0 && k - i < LIMBS);
  const product = (a: V[], b: V[], before?: (k: number) => V) =>
    columns((k) => indexes(k).map((i) => [a[i], b[k - i]]), before);
  function square(a: V[], before?: (k: number) => V): V[] {
    const twice = a.map((limb) => vec.add(limb, limb));
    const term = (k: number): [V, V][] =>
      indexes(k)
        .filter((i) => 2 * i <= k)
        .map((i) => [2 * i === k ? a[i] : twice[i], a[k - i]]);
    return columns(term, before);
  }

  /**
   * Columns that are carried before their quotient is taken: where the product of column and factor could exceed 2^102. In
   * units of 2^50, column 3 is at most 1 and column 4 at most 3.1; column i gets i remainders of products with limbs of p, the upper halves of those of
   * the column below, and what column i - 1 leaves.
   */
  const carried = [3, 4].filter((i) => {
    const [first, ...others] = p.map((limb) => Math.abs(limb) / 2 ** 50);
    const halves = others.slice(0, i - 1).reduce((sum, limb) => sum + limb / 2, 0);
    const own = i === 4 ? 3.1 : 1.01;
    return (own + i + halves + first / 2) * (Math.abs(quotient) / 2 ** 50) > 4;
  });

  /**
   * Makes column i a multiple of 2^51 by adding a multiple of p, and moves it up. The upper halves of products are summed
   * in a chain for each column, and come into the column above when its turn is next.
   */
  function reduce(x: V[], chains: V[], i: number, store: (q: V) => void): void {
    const round = vec.f64(ROUND);
    const down = vec.f64(1 / UNIT);
    const by = vec.f64(quotient);
    if (i >= 2) takeChain(x, chains, i - 1);
    if (carried.includes(i)) carry(x, i, i);
    const rounded = vec.fma(x[i], by, round);
    const q = vec.fma(x[i], by, vec.sub(round, rounded));
    store(q);
    // Exact: the sum is a multiple of 2^51 below 2^104.
    x[i + 1] = vec.fma(vec.fma(q, vec.f64(p[0]), x[i]), down, x[i + 1]);
    for (let j = 1; j < LIMBS; j++) {
      const limb = vec.f64(p[j]);
      const total = chains[i + j] ?? vec.f64(CHAIN);
      const next = vec.fma(q, limb, total);
      x[i + j] = vec.add(x[i + j], vec.fma(q, limb, vec.sub(total, next)));
      chains[i + j] = next;
    }
  }

  function takeChain(x: V[], chains: V[], k: number): void {
    x[k + 1] = vec.fma(vec.sub(chains[k], vec.f64(CHAIN)), vec.f64(1 / UNIT), x[k + 1]);
  }

  /**
   * Products of four pairs are stored, then reduced two by two: so few values live at once, and yet there are two
   * chains of dependent operations. That the quotients are stored too is of no use but to keep them in this order: the
   * compiler moves all else as it likes.
   * @param operands  addresses that move on by a pair, or by nothing
   */
  function multiplication(out: I, operands: I[], steps: number[], columns: (...at: I[]) => V[]): void {
    const store = variable("i32", columnsAt);
    overPairs([store, ...operands], [COLUMN_BYTES, ...steps], (to, ...at) => put(to, 0, columns(...at)));
    reduction(out, out, (x) => x);
  }

  /** From columns of four pairs in the scratch; finish(x, other) gives the limbs that are kept of each pair. */
  function reduction(out: I, other: I, finish: (x: V[], other: I, offset: number) => V[]): void {
    overPairs(
      [variable("i32", columnsAt), out, other],
      [2 * COLUMN_BYTES, 2 * PAIR_BYTES, 2 * PAIR_BYTES],
      (from, to, beside) =>
        reduceTwo(from).forEach((x, g) => put(to, g * PAIR_BYTES, finish(x, beside, g * PAIR_BYTES))),
      PAIRS / 2,
    );
  }

  /** The elements of two sets of columns that follow each other in memory. */
  function reduceTwo(from: I): V[][] {
    const both = [0, 1].map((g) => ({
      chains: [] as V[],
      x: range(COLUMNS).map((k) => vec.load(from, g * COLUMN_BYTES + 16 * k)),
    }));
    const base = int.and(from, 0);
    for (let i = 0; i < LIMBS; i++)
      both.forEach(({ x, chains }, g) => reduce(x, chains, i, (q) => vec.store(base, q, scratch + 16 * g)));
    return both.map(({ x, chains }) => {
      for (let k = LIMBS - 1; k < COLUMNS - 1; k++) takeChain(x, chains, k);
      carry(x, LIMBS, COLUMNS - 2);
      return x.slice(LIMBS);
    });
  }

  /** Takes off the multiple of p nearest to x, |x| < 8 p, and carries. */
  function normalise(x: V[]): V[] {
    const quotients = vec.nearest(vec.mul(vec.fma(x[3], vec.f64(1 / UNIT), x[4]), vec.f64(1 / top)));
    const reduced = x.map((limb, i) => vec.fnma(quotients, vec.f64(p[i]), limb));
    carry(reduced, 0, LIMBS - 2);
    return reduced;
  }

  /** c + the sum of a[i] ones[i]; of one product, where no count is given. */
  function sumOfProducts(out: I, a: I, ones: I, count: I | undefined, c: I): void {
    const store = variable("i32", columnsAt);
    const [from, one] = [variable("i32", a), variable("i32", ones)];
    const accumulate = (isFirst: boolean) =>
      overPairs([store, from], [COLUMN_BYTES, PAIR_BYTES], (to, at) => {
        const before = (k: number) => vec.load(to, 16 * k);
        put(to, 0, product(limbs(at, 0), splatLimbs(one, 0), isFirst ? undefined : before));
      });
    accumulate(true);
    if (count)
      times(int.sub(count, 1), () => {
        set(from, int.add(from, PAIRS * PAIR_BYTES));
        set(one, int.add(one, 8 * LIMBS));
        accumulate(false);
      });
    reduction(out, c, (x, other, offset) => normalise(limbs(other, offset).map((limb, i) => vec.add(limb, x[i]))));
  }

  function linear(combine: (a: V, b: V) => V): Kernel {
    return fn(["i32", "i32", "i32"], [], (...blocks) => {
      overPairs(blocks, [PAIR_BYTES, PAIR_BYTES, PAIR_BYTES], (out, a, b) => {
        const y = limbs(b, 0);
        put(out, 0, normalise(limbs(a, 0).map((limb, i) => combine(limb, y[i]))));
      });
    });
  }

  function unpack(lowWord: I, highWord: I, offset: number): V[] {
    const mask = vec.i64(MASK);
    const [w0, w1, w2, w3] = range(4).map((i) => vec.loadPair(lowWord, highWord, offset + 8 * i));
    const digits = [
      vec.and(w0, mask),
      vec.and(vec.or(vec.shr(w0, 51), vec.shl(w1, 13)), mask),
      vec.and(vec.or(vec.shr(w1, 38), vec.shl(w2, 26)), mask),
      vec.and(vec.or(vec.shr(w2, 25), vec.shl(w3, 39)), mask),
      vec.shr(w3, 12),
    ];
    const exponent = vec.i64(FROM_INT_BITS);
    return digits.map((digit, i) =>
      vec.sub(vec.or(digit, exponent), vec.f64(2 ** 52 + (i === LIMBS - 1 ? 2 ** 51 : 2 ** 50))),
    );
  }

  function pack(x: V[]): V[] {
    const mask = vec.i64(MASK);
    const digits = x.map((limb, i) =>
      vec.subInt(vec.add(limb, vec.f64(TO_INT)), vec.i64(TO_INT_BITS - (i === LIMBS - 1 ? 1n << 51n : 1n << 50n))),
    );
    // A limb of just 2^50 still carries.
    for (let i = 0; i < LIMBS - 1; i++) {
      digits[i + 1] = vec.addInt(digits[i + 1], vec.shr(digits[i], 51));
      digits[i] = vec.and(digits[i], mask);
    }
    const [d0, d1, d2, d3, d4] = digits;
    return [
      vec.or(d0, vec.shl(d1, 51)),
      vec.or(vec.shr(d1, 13), vec.shl(d2, 38)),
      vec.or(vec.shr(d2, 26), vec.shl(d3, 25)),
      vec.or(vec.shr(d3, 39), vec.shl(d4, 12)),
    ];
  }

  /** Flips the signs of a pair by bit 0 of two references. */
  function signs(low: I, high: I): V {
    const bit = (ref: I) => int.shl(int.and(ref, 1), 31);
    return vec.pairOfHighWords(bit(low), bit(high));
  }

  /** Addresses of values, by two references: at `place` of entries of a list, `stride` bytes apart. */
  function operand(list: I, stride: number, place: number, offset: I): Operand {
    const refs = [0, 1].map((i) => int.load(list, i * stride + place));
    const [low, high] = refs.map((ref) => int.add(int.and(ref, -32), offset));
    return { low, high, sign: () => signs(refs[0], refs[1]) };
  }
  const FIRST = 0;
  const SECOND = 4;
  const SUM = 8;

  const take = ({ low, high }: Operand) => unpack(low, high, 0);
  const takeSigned = (operand: Operand) => {
    const sign = operand.sign();
    return take(operand).map((limb) => vec.xor(limb, sign));
  };
  /** a - b with limbs within 2^50 again, but not reduced. */
  function carriedDifference(a: V[], b: V[]): V[] {
    const x = a.map((limb, i) => vec.sub(limb, b[i]));
    carry(x, 0, LIMBS - 2);
    return x;
  }

  const bias = range(LIMBS).reduce((sum, i) => sum + (1n << (BITS * BigInt(i) + (i === LIMBS - 1 ? 51n : 50n))), 0n);
  /** Two packed elements to the addresses at `place` of entries of a list. */
  function packTo(list: I, stride: number, place: number, offset: I, x: V[]): void {
    const [low, high] = [0, 1].map((i) => int.add(int.load(list, i * stride + place), offset));
    pack(x).forEach((word, i) => {
      vec.storeLane(low, 0, word, 8 * i);
      vec.storeLane(high, 1, word, 8 * i);
    });
  }
  const gathered = (taken: (from: Operand) => V[]) =>
    once((stride: number) =>
      fn(["i32", "i32", "i32"], [], (block, list, offset) => {
        overPairs([block, list], [PAIR_BYTES, 2 * stride], (out, at) => {
          put(out, 0, taken(operand(at, stride, 0, offset)));
        });
      }),
    );
  /** Kernels of a list of additions. */
  const ENTRIES = 2 * ADDITION_BYTES;
  const entry = (list: I, place: number, offset: I) => operand(list, ADDITION_BYTES, place, offset);

  return {
    modulus,
    radixBits: 255n,
    bias,
    elementBytes: 8 * LIMBS,
    blockBytes: BLOCK_BYTES,
    mul: fn(["i32", "i32", "i32"], [], (out, ...operands) => {
      multiplication(out, operands, [PAIR_BYTES, PAIR_BYTES], (a, b) => product(limbs(a, 0), limbs(b, 0)));
    }),
    mulOne: fn(["i32", "i32", "i32"], [], (out, ...operands) => {
      multiplication(out, operands, [PAIR_BYTES, 0], (a, one) => product(limbs(a, 0), splatLimbs(one, 0)));
    }),
    mulAdd: fn(["i32", "i32", "i32", "i32"], [], (out, a, one, c) => sumOfProducts(out, a, one, undefined, c)),
    dot: { from: 1, kernel: fn(["i32", "i32", "i32", "i32", "i32"], [], sumOfProducts) },
    sqr: fn(["i32", "i32"], [], (out, ...operands) => {
      multiplication(out, operands, [PAIR_BYTES], (a) => square(limbs(a, 0)));
    }),
    add: linear(vec.add),
    sub: linear(vec.sub),
    gather: gathered(take),
    gatherSigned: gathered(takeSigned),
    scatter: once((stride) =>
      fn(["i32", "i32", "i32"], [], (list, block, offset) => {
        overPairs([list, block], [2 * stride, PAIR_BYTES], (to, from) => packTo(to, stride, 0, offset, limbs(from, 0)));
      }),
    ),
    spread: fn(["i32", "i32"], [], (out, a) => {
      for (let pair = 0; pair < PAIRS; pair++)
        limbs(a, pair * PAIR_BYTES).forEach((limb, i) => {
          vec.storeLane(out, 0, limb, 8 * (2 * pair * LIMBS + i));
          vec.storeLane(out, 1, limb, 8 * ((2 * pair + 1) * LIMBS + i));
        });
    }),
    quadratic: {
      mul: fn(["i32", "i32", "i32"], [], (out, first, second) => {
        const store = variable("i32", columnsAt);
        const steps = [2 * COLUMN_BYTES, PAIR_BYTES, PAIR_BYTES];
        overPairs([store, first, second], steps, (to, x, y) => {
          const [a, b] = [x, y].map((at) => [0, BLOCK_BYTES].map((part) => limbs(at, part)));
          const minus = a[1].map(vec.neg);
          const before = (at: number) => (k: number) => vec.load(to, at + 16 * k);
          put(to, 0, product(a[0], b[0]));
          put(to, 0, product(minus, b[1], before(0)));
          put(to, COLUMN_BYTES, product(a[0], b[1]));
          put(to, COLUMN_BYTES, product(a[1], b[0], before(COLUMN_BYTES)));
        });
        overPairs([variable("i32", columnsAt), out], [2 * COLUMN_BYTES, PAIR_BYTES], (from, to) => {
          reduceTwo(from).forEach((x, part) => put(to, part * BLOCK_BYTES, x));
        });
      }),
      norm: fn(["i32", "i32"], [], (out, a) => {
        const store = variable("i32", columnsAt);
        overPairs([store, a], [COLUMN_BYTES, PAIR_BYTES], (to, at) => {
          put(to, 0, square(limbs(at, 0)));
          put(
            to,
            0,
            square(limbs(at, BLOCK_BYTES), (k) => vec.load(to, 16 * k)),
          );
        });
        reduction(out, out, normalise);
      }),
    },
    pairs: {
      difference: fn(["i32", "i32", "i32"], [], (block, list, offset) => {
        overPairs([block, list], [PAIR_BYTES, ENTRIES], (out, at) => {
          put(out, 0, carriedDifference(take(entry(at, SECOND, offset)), take(entry(at, FIRST, offset))));
        });
      }),
      sum: fn(["i32", "i32", "i32", "i32"], [], (block, kept, list, offset) => {
        overPairs([block, kept, list], [PAIR_BYTES, PAIR_BYTES, ENTRIES], (out, keep, at) => {
          const [x, y] = [FIRST, SECOND].map((place) => take(entry(at, place, offset)));
          const sum = x.map((limb, i) => vec.add(limb, y[i]));
          put(keep, 0, x);
          put(out, 0, sum);
        });
      }),
      signedDifference: fn(["i32", "i32", "i32", "i32"], [], (block, kept, list, offset) => {
        overPairs([block, kept, list], [PAIR_BYTES, PAIR_BYTES, ENTRIES], (out, keep, at) => {
          const [x, y] = [FIRST, SECOND].map((place) => takeSigned(entry(at, place, offset)));
          put(keep, 0, x);
          put(out, 0, carriedDifference(y, x));
        });
      }),
      scatterDifference: fn(["i32", "i32", "i32", "i32", "i32"], [], (list, block, first, second, offset) => {
        const steps = [ENTRIES, PAIR_BYTES, PAIR_BYTES, PAIR_BYTES];
        overPairs([list, block, first, second], steps, (at, out, a, b) => {
          const y = limbs(b, 0);
          const x = normalise(limbs(a, 0).map((limb, i) => vec.sub(limb, y[i])));
          put(out, 0, x);
          packTo(at, ADDITION_BYTES, SUM, offset, x);
        });
      }),
    },
    transpose: fn(["i32", "i32"], [], (out, a) => {
      // Tiles of two by two: a pair of two blocks becomes a pair of two others.
      for (let row = 0; row < 2 * PAIRS; row += 2)
        for (let pair = 0; pair < PAIRS; pair++) {
          const [x, y] = [0, 1].map((i) => limbs(a, (row + i) * BLOCK_BYTES + pair * PAIR_BYTES));
          const to = 2 * pair * BLOCK_BYTES + (row / 2) * PAIR_BYTES;
          put(
            out,
            to,
            x.map((limb, i) => vec.low(limb, y[i])),
          );
          put(
            out,
            to + BLOCK_BYTES,
            x.map((limb, i) => vec.high(limb, y[i])),
          );
        }
    }),
    zeros: fn(["i32"], ["i32"], (a) => {
      const mask = variable("i32", 0);
      for (let pair = 0; pair < PAIRS; pair++) {
        // Sums are reduced to |x| <= p / 2 and carried, which makes the limbs of 0 all 0, though perhaps -0.
        const [first, ...rest] = limbs(a, pair * PAIR_BYTES).map((limb) => vec.equal(limb, vec.f64(0)));
        set(mask, int.or(mask, int.shl(vec.bits(rest.reduce(vec.and, first)), 2 * pair)));
      }
      give(mask);
    }),
    turn: once((by) =>
      fn(["i32", "i32"], [], (out, a) => {
        const read = range(PAIRS).map((pair) => limbs(a, pair * PAIR_BYTES));
        for (let pair = 0; pair < PAIRS; pair++) {
          const source = read[by === 1 ? pair : pair ^ (by >> 1)];
          put(out, pair * PAIR_BYTES, by === 1 ? source.map(vec.swap) : source);
        }
      }),
    ),
  };
}

/** Addresses of one operand of two additions, and its signs. */
interface Operand {
  low: I;
  high: I;
  sign(): V;
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
