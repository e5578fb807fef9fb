import { ADDITION_BYTES, pairsOf, type Field } from "./field.ts";
import { SCRATCH, CONSTANTS } from "./layout.ts";
import { addBias } from "./packed.ts";
import { evaluate, fn, give, int, invoke, set, times, variable, vec, when, type I, type Kernel } from "./wasm.ts";

export const WIDTH = { G1: 1, G2: 2 } as const;
export type Group = keyof typeof WIDTH;
/** A packed affine point: the coordinates, each of one or two packed elements. */
export const POINT_BYTES = { G1: 64, G2: 128 } as const;

/** Kernels that add affine points by the thousand. */
export interface PointKernels {
  /**
   * (list, blocks, differences, products) -> 1: for eight additions a block, x2 - x1 (G2: and its norm) and the running
   * products of these, from one on. 0 when a difference is 0, and nothing is inverted then.
   */
  forward: Kernel;
  /** (list, blocks, differences, products): after `forward`, the sums. */
  backward: Kernel;
  /**
   * (points, blocks, status): eight points a block, in place, from coordinates x 2^256 mod p below p into packed ones;
   * status gets a byte a point, 0, 1 for infinity (all zeros), or 2 for a point off the curve or not canonical.
   */
  take: Kernel;
}

/**
 * Affine addition, many at once with one inversion: the products of the differences x2 - x1 are built up block by block,
 * the last one is inverted, and going back, each difference gets its inverse. An element of Fp2 is inverted by its norm.
 * @source P. Montgomery, "Speeding the Pollard and elliptic curve methods of factorization" (1987), 10.3.1
 */
export function pointKernels(group: Group, field: Field, invert: Kernel): PointKernels {
  const size = field.blockBytes;
  const width = WIDTH[group];
  const temporary = (i: number) => SCRATCH.points + size * i;
  const { mul, sqr, add, sub } = field;
  const turns = [4, 2, 1].map((by) => field.turn(by as 1 | 2 | 4));
  const gatherSame = field.gather(0);
  const gatherAll = field.gather(4);
  const scatterAll = field.scatter(4);
  const one = CONSTANTS.base;
  const copy = fn(["i32", "i32"], [], (to, from) => {
    for (let at = 0; at < size; at += 16) vec.store(to, vec.load(from, at), at);
  });

  /** a block of G1, two of G2, one after the other */
  type At = I | number;
  const part = (at: At, i: number): At => (typeof at === "number" ? at + size * i : int.add(at, size * i));
  const each = (run: (i: number) => void) => {
    for (let i = 0; i < width; i++) run(i);
  };
  const addTo = (out: At, a: At, b: At) => each((i) => invoke(add, part(out, i), part(a, i), part(b, i)));
  const subTo = (out: At, a: At, b: At) => each((i) => invoke(sub, part(out, i), part(a, i), part(b, i)));

  /** Uses temporaries 0 to 2; Fp2 = Fp[u], u^2 = -1; out may be an operand. */
  function mulTo(out: At, a: At, b: At): void {
    if (width === 1) return invoke(mul, out, a, b);
    if (field.quadratic) return invoke(field.quadratic.mul, out, a, b);
    const [t0, t1, t2] = [0, 1, 2].map(temporary);
    invoke(add, t0, part(a, 0), part(a, 1));
    invoke(add, t1, part(b, 0), part(b, 1));
    invoke(mul, t0, t0, t1);
    invoke(mul, t1, part(a, 0), part(b, 0));
    invoke(mul, t2, part(a, 1), part(b, 1));
    invoke(sub, part(out, 0), t1, t2);
    invoke(add, t1, t1, t2);
    invoke(sub, part(out, 1), t0, t1);
  }
  function sqrTo(out: At, a: At): void {
    if (width === 1) return invoke(sqr, out, a);
    const [t0, t1] = [0, 1].map(temporary);
    invoke(add, t0, part(a, 0), part(a, 1));
    invoke(sub, t1, part(a, 0), part(a, 1));
    invoke(mul, part(out, 1), part(a, 0), part(a, 1));
    invoke(mul, part(out, 0), t0, t1);
    invoke(add, part(out, 1), part(out, 1), part(out, 1));
  }

  function normTo(out: At, a: At): void {
    if (field.quadratic) return invoke(field.quadratic.norm, out, a);
    const [t0, t1] = [0, 1].map(temporary);
    invoke(sqr, t0, a);
    invoke(sqr, t1, part(a, 1));
    invoke(add, out, t0, t1);
  }

  const pairs = pairsOf(field);
  /** Where part i of coordinate 0 or 1 lies in a point. */
  const offset = (coordinate: 0 | 1, i: number) => 32 * (width * coordinate + i);

  /** (total, out): inverse of each of eight elements of a block, which have one inversion together; 0 when one is 0. */
  const invertAll = fn(["i32", "i32"], ["i32"], (total, out) => {
    const [t0, t1, t2, t3, t4] = [0, 1, 2, 3, 4].map(temporary);
    const word = SCRATCH.points + size * 16;
    const ones = word + 64;
    // t4 gathers what each element must be multiplied with: the product of the others.
    invoke(turns[0], t1, total);
    invoke(mul, t0, total, t1);
    invoke(turns[1], t2, t0);
    invoke(mul, t0, t0, t2);
    invoke(turns[2], t3, t0);
    invoke(mul, t0, t0, t3);
    invoke(mul, t4, t1, t2);
    invoke(mul, t4, t4, t3);
    const base = variable("i32", 0);
    for (let i = 0; i < 8; i++) int.store(base, word, ones + 4 * i);
    invoke(scatterAll, ones, t0, 0);
    const found = evaluate(invert, word, word);
    when(found, () => {
      invoke(gatherSame, t0, ones, 0);
      // 1/(v R) comes out, R/v is wanted.
      invoke(mul, t0, t0, CONSTANTS.base + size);
      invoke(mul, out, t0, t4);
    });
    give(found);
  });

  const forward = fn(["i32", "i32", "i32", "i32"], ["i32"], (list, blocks, differences, products) => {
    const [entry, d, product] = [list, differences, products].map((x) => variable("i32", x));
    invoke(copy, product, one);
    times(blocks, () => {
      each((i) => invoke(pairs.difference, part(d, i), entry, offset(0, i)));
      const next = int.add(product, size);
      if (width === 1) invoke(mul, next, product, d);
      else {
        const norm = int.add(d, 2 * size);
        normTo(norm, d);
        invoke(mul, next, product, norm);
      }
      set(product, next);
      set(entry, int.add(entry, 8 * ADDITION_BYTES));
      set(d, int.add(d, (width === 1 ? 1 : 3) * size));
    });
    give(evaluate(invertAll, product, int.add(product, size)));
  });

  const backward = fn(["i32", "i32", "i32", "i32"], [], (list, blocks, differences, products) => {
    const dSize = (width === 1 ? 1 : 3) * size;
    const entry = variable("i32", int.add(list, int.mul(blocks, 8 * ADDITION_BYTES)));
    const d = variable("i32", int.add(differences, int.mul(blocks, dSize)));
    const product = variable("i32", int.add(products, int.mul(blocks, size)));
    // The running inverse, of all differences up to here.
    const inverse = int.add(product, size);
    const [slope, x, y, other, square] = [5, 7, 9, 11, 13].map(temporary);
    times(blocks, () => {
      set(entry, int.sub(entry, 8 * ADDITION_BYTES));
      set(d, int.sub(d, dSize));
      set(product, int.sub(product, size));
      each((i) => invoke(pairs.signedDifference, part(slope, i), part(y, i), entry, offset(1, i)));
      if (width === 1) {
        invoke(mul, other, inverse, product);
        invoke(mul, inverse, inverse, d);
        invoke(mul, slope, slope, other);
      } else {
        const norm = int.add(d, 2 * size);
        invoke(mul, other, inverse, product);
        invoke(mul, inverse, inverse, norm);
        // 1/d = conjugate(d) / norm(d)
        invoke(mul, x, d, other);
        invoke(mul, part(x, 1), part(d, 1), other);
        invoke(sub, part(x, 1), CONSTANTS.base + 2 * size, part(x, 1));
        mulTo(slope, slope, x);
      }
      each((i) => invoke(pairs.sum, part(other, i), part(x, i), entry, offset(0, i)));
      sqrTo(square, slope);
      each((i) =>
        invoke(pairs.scatterDifference, entry, part(square, i), part(square, i), part(other, i), offset(0, i)),
      );
      subTo(x, x, square);
      mulTo(slope, slope, x);
      each((i) => invoke(pairs.scatterDifference, entry, part(slope, i), part(slope, i), part(y, i), offset(1, i)));
    });
  });

  const raise = addBias(field);
  const takeIn = fn(["i32", "i32", "i32"], [], (points, blocks, status) => {
    const at = variable("i32", points);
    const state = variable("i32", status);
    const [x, y, t] = [5, 7, 9].map(temporary);
    const list = temporary(16);
    const base = variable("i32", 0);
    times(blocks, () => {
      for (let i = 0; i < 8; i++) {
        const point = int.add(at, i * POINT_BYTES[group]);
        int.store(base, point, list + 4 * i);
        int.storeByte(state, evaluate(raise, point, 2 * width), i);
      }
      for (let coordinate = 0; coordinate < 2; coordinate++)
        each((i) => {
          const block = part(coordinate === 0 ? x : y, i);
          const offset = 32 * (width * coordinate + i);
          invoke(gatherAll, block, list, offset);
          invoke(field.mulOne, block, block, CONSTANTS.base + 3 * size);
          invoke(scatterAll, list, block, offset);
        });
      sqrTo(t, x);
      mulTo(x, t, x);
      addTo(x, x, CONSTANTS.base + (group === "G1" ? 4 : 5) * size);
      sqrTo(t, y);
      subTo(x, x, t);
      const zero = variable("i32", evaluate(field.zeros, x));
      if (width === 2) set(zero, int.and(zero, evaluate(field.zeros, part(x, 1))));
      for (let i = 0; i < 8; i++) {
        const before = variable("i32", int.loadByte(state, i));
        when(int.eq(before, 0), () => int.storeByte(state, int.shl(int.xor(int.and(int.shr(zero, i), 1), 1), 1), i));
      }
      set(at, int.add(at, 8 * POINT_BYTES[group]));
      set(state, int.add(state, 8));
    });
  });

  return { forward, backward, take: takeIn };
}
