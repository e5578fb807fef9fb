import { fn, forever, give, int, long, set, variable, when, type I, type Kernel, type L } from "./wasm.ts";

/**
 * Inverse of one packed element: (out, a) -> 1, or 0 when a is 0, and then out is not written. Packed values are taken
 * as they are, v + bias -> 1/v + bias with 1/v in [0, p): the caller sees to Montgomery factors.
 *
 * f and g begin as p and v and end as +-1 and 0; each division step halves g or (g +- f). Thirty steps at a time are
 * made on the low words alone and collected in a matrix, times 2^30, which is then applied to f, g and to the
 * coefficients d, e with f = d v, g = e v mod p.
 * @source D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion" (CHES 2019),
 *         with the half-delta variant of P. Wuille (2021); variable in time
 * @param scratch  where 160 bytes are free
 */
export function inversion(modulus: bigint, bias: bigint, scratch: number): Kernel {
  const WORDS = 9;
  const BITS = 30n;
  const MASK = (1n << BITS) - 1n;
  const digits = (x: bigint) => Array.from({ length: WORDS }, (_, i) => (x >> (BITS * BigInt(i))) & MASK);
  const p = digits(modulus);
  const inverseOfP = inverseOfOdd(modulus) & MASK;
  const [F, G, D, E] = [0, 1, 2, 3].map((i) => scratch + 36 * i);

  const read = (base: I, array: number, i: number): L => long.ofSigned(int.load(base, array + 4 * i));
  const write = (base: I, array: number, i: number, value: L): void =>
    int.store(base, long.toInt(value), array + 4 * i);
  const low = (x: L): L => long.and(x, MASK);
  const up = (x: L): L => long.sar(x, BITS);
  const sumOf = (a: L, x: L, b: L, y: L): L => long.add(long.mul(a, x), long.mul(b, y));

  return fn(["i32", "i32"], ["i32"], (out, a) => {
    const base = variable("i32", 0);
    const biasDigits = digits(bias);
    const words = [0, 1, 2, 3].map((i) => long.load(a, 8 * i));
    let carry: L | undefined;
    for (let i = 0; i < WORDS; i++) {
      const difference = long.sub(slice(words, i), biasDigits[i]);
      const digit: L = carry ? long.add(difference, carry) : difference;
      // The last digit keeps the sign.
      write(base, G, i, i < WORDS - 1 ? low(digit) : digit);
      carry = up(digit);
      int.store(base, Number(p[i]), F + 4 * i);
      int.store(base, 0, D + 4 * i);
      int.store(base, i === 0 ? 1 : 0, E + 4 * i);
    }

    // Twice delta, made odd: below 0 means swap.
    const eta = variable("i64", -1n);
    const rest = variable("i64", 0n);
    forever((stop) => {
      set(rest, read(base, G, 0));
      for (let i = 1; i < WORDS; i++) set(rest, long.or(rest, read(base, G, i)));
      stop.when(long.eqz(rest));
      const [u, v, q, r] = [1n, 0n, 0n, 1n].map((x) => variable("i64", x));
      const f = variable("i64", read(base, F, 0));
      const g = variable("i64", read(base, G, 0));
      const left = variable("i64", BITS);
      forever((done) => {
        const zeros = long.ctz(long.or(g, long.shl(-1n, left)));
        set(g, long.sar(g, zeros));
        set(u, long.shl(u, zeros));
        set(v, long.shl(v, zeros));
        set(eta, long.sub(eta, zeros));
        set(left, long.sub(left, zeros));
        done.when(long.eqz(left));
        when(long.lts(eta, variable("i64", 0n)), () => {
          set(eta, long.sub(0n, eta));
          for (const [one, other] of [
            [f, g],
            [u, q],
            [v, r],
          ]) {
            const before = variable("i64", one);
            set(one, other);
            set(other, long.sub(0n, before));
          }
        });
        // How many low bits of g may be cleared before the next swap: at most 6, for f (2 - f f) = 1/f mod 2^6.
        const limit = variable("i64", long.add(eta, 1n));
        when(long.lts(left, limit), () => set(limit, left));
        when(long.lts(variable("i64", 6n), limit), () => set(limit, 6n));
        const reciprocal = long.mul(f, long.sub(2n, long.mul(f, f)));
        const w = long.and(long.sub(0n, long.mul(g, reciprocal)), long.sub(long.shl(1n, limit), 1n));
        set(g, long.add(g, long.mul(f, w)));
        set(q, long.add(q, long.mul(u, w)));
        set(r, long.add(r, long.mul(v, w)));
      });
      // d and e lie in (-2p, p): multiples of p make the sums divisible by 2^30 and keep them there.
      const signD = long.sar(read(base, D, WORDS - 1), 63n);
      const signE = long.sar(read(base, E, WORDS - 1), 63n);
      const multiple = (x: L, y: L): L => long.add(long.and(x, signD), long.and(y, signE));
      const [d0, e0] = [read(base, D, 0), read(base, E, 0)];
      let cd = sumOf(u, d0, v, e0);
      let ce = sumOf(q, d0, r, e0);
      const fit = (m: L, c: L): L => long.sub(m, low(long.add(long.mul(low(c), inverseOfP), m)));
      const md = fit(multiple(u, v), cd);
      const me = fit(multiple(q, r), ce);
      cd = up(long.add(cd, long.mul(md, p[0])));
      ce = up(long.add(ce, long.mul(me, p[0])));
      for (let i = 1; i < WORDS; i++) {
        const [d, e] = [read(base, D, i), read(base, E, i)];
        cd = long.add(long.add(cd, sumOf(u, d, v, e)), long.mul(md, p[i]));
        ce = long.add(long.add(ce, sumOf(q, d, r, e)), long.mul(me, p[i]));
        write(base, D, i - 1, low(cd));
        write(base, E, i - 1, low(ce));
        [cd, ce] = [up(cd), up(ce)];
      }
      write(base, D, WORDS - 1, cd);
      write(base, E, WORDS - 1, ce);
      const [f0, g0] = [read(base, F, 0), read(base, G, 0)];
      let cf = up(sumOf(u, f0, v, g0));
      let cg = up(sumOf(q, f0, r, g0));
      for (let i = 1; i < WORDS; i++) {
        const [x, y] = [read(base, F, i), read(base, G, i)];
        cf = long.add(cf, sumOf(u, x, v, y));
        cg = long.add(cg, sumOf(q, x, r, y));
        write(base, F, i - 1, low(cf));
        write(base, G, i - 1, low(cg));
        [cf, cg] = [up(cf), up(cg)];
      }
      write(base, F, WORDS - 1, cf);
      write(base, G, WORDS - 1, cg);
    });

    // f is 1, or -1 and then d has the wrong sign; p where v was 0.
    const sign = long.sar(read(base, F, WORDS - 1), 63n);
    set(rest, long.xor(long.sub(long.xor(read(base, F, 0), low(sign)), sign), 1n));
    for (let i = 1; i < WORDS - 1; i++) set(rest, long.or(rest, long.xor(read(base, F, i), low(sign))));
    set(rest, long.and(rest, MASK));
    const found = long.eqz(rest);
    when(found, () => {
      // Into [0, p) by adding p where negative, changing the sign, and adding p again where negative.
      const d = Array.from({ length: WORDS }, (_, i) => variable("i64", read(base, D, i)));
      const carryAll = () => {
        for (let i = 0; i < WORDS - 1; i++) {
          set(d[i + 1], long.add(d[i + 1], up(d[i])));
          set(d[i], low(d[i]));
        }
      };
      const addWhereNegative = () => {
        const negative = long.sar(d[WORDS - 1], 63n);
        d.forEach((digit, i) => set(digit, long.add(digit, long.and(p[i], negative))));
        carryAll();
      };
      addWhereNegative();
      d.forEach((digit) => set(digit, long.sub(long.xor(digit, sign), sign)));
      carryAll();
      addWhereNegative();
      addWhereNegative();
      d.forEach((digit, i) => set(digit, long.add(digit, biasDigits[i])));
      carryAll();
      for (let word = 0; word < 4; word++) long.store(out, join(d, word), 8 * word);
    });
    give(found);
  });
}

/** Digit i of 30 bits of four words. */
function slice(words: L[], i: number): L {
  const bit = 30 * i;
  const [word, shift] = [bit >> 6, BigInt(bit & 63)];
  let digit = long.shr(words[word], shift);
  if (shift > 34n && word < 3) digit = long.or(digit, long.shl(words[word + 1], 64n - shift));
  return i === 8 ? digit : long.and(digit, (1n << 30n) - 1n);
}

/** Word of 64 bits out of digits of 30, all carried. */
function join(digits: L[], word: number): L {
  let joined: L | undefined;
  digits.forEach((digit, i) => {
    const shift = 30 * i - 64 * word;
    if (shift <= -30 || shift >= 64) return;
    const part = shift >= 0 ? long.shl(digit, BigInt(shift)) : long.shr(digit, BigInt(-shift));
    joined = joined ? long.or(joined, part) : part;
  });
  return joined!;
}

/** 1/x mod 2^64 of an odd x. */
export function inverseOfOdd(x: bigint): bigint {
  let y = x;
  for (let i = 0; i < 6; i++) y = BigInt.asUintN(64, y * (2n - x * y));
  return y;
}
