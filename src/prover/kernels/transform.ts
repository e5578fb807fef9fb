import { LANES, SCRATCH, CONSTANTS } from "./layout.ts";
import type { Field } from "./field.ts";
import { evaluate, fn, forever, give, int, invoke, set, times, variable, type I, type Kernel } from "./wasm.ts";
import { addBias, dropBias, giveNumbers } from "./packed.ts";

/**
 * Number-theoretic transforms of n = 64 m' elements, in n / 8 = m blocks, and what a proof does with them.
 *
 * Values lie in a packed list, in order. The first three of log2(n) halvings are made on eight blocks of eight neighbours
 * at once, which are then turned about, so that lane l of block j holds element j of the l-th of eight lists of m
 * elements; these are transformed side by side, and no element ever has to move between lanes. Coefficients come out with
 * the bits of their numbers reversed. The way back ends with the eight blocks turned again: block 8 c + l then holds the
 * eight neighbours from (l m / 8 + c) 8 on.
 * @source W. M. Gentleman, G. Sande, "Fast Fourier Transforms - for fun and profit" (1966), for halving from above, and
 *         J. W. Cooley, J. W. Tukey (1965), from below; D. H. Bailey, "FFTs in external or hierarchical memory" (1990)
 */
export function transformKernels(field: Field): Record<string, Kernel> {
  const size = field.blockBytes;
  const { mul, mulOne, add, sub } = field;
  const temporary = (i: number) => SCRATCH.points + size * i;
  const list = temporary(16);
  const gather = field.gather(4);
  const scatter = field.scatter(4);
  const gatherSigned = field.gatherSigned(4);
  const raise = addBias(field);
  const plain = dropBias(field);
  /** Eight blocks of scratch for eight that are transformed together. */
  const tile = (l: number) => SCRATCH.points + size * l;
  const rest = SCRATCH.points + size * 8;

  /** (at): the list holds eight addresses of neighbours from here on */
  const neighbours = fn(["i32"], [], (at) => {
    const base = variable("i32", 0);
    for (let lane = 0; lane < LANES; lane++) int.store(base, int.add(at, 32 * lane), list + 4 * lane);
  });

  /** The pairs of eight blocks that a halving combines, and which of its factors each takes. */
  const pairsOf = (apart: 1 | 2 | 4) =>
    Array.from({ length: LANES }, (_, l) => l)
      .filter((l) => !(l & apart))
      .map((l) => ({ low: l, high: l + apart, factor: l & (apart - 1) }));

  /**
   * (x, m, packed, factors): the first three halvings. Factors are blocks: m / 2 for the first, m / 4 for the second and
   * m / 8 for the third, one table after the other.
   */
  const firstDown = fn(["i32", "i32", "i32", "i32"], [], (x, m, packed, factors) => {
    const eighth = int.shr(m, 3);
    const to = variable("i32", x);
    const from = variable("i32", packed);
    const factor = variable("i32", factors);
    times(eighth, () => {
      const at = variable("i32", from);
      for (let l = 0; l < LANES; l++) {
        invoke(neighbours, at);
        invoke(gather, tile(l), list, 0);
        set(at, int.add(at, int.shl(m, 5)));
      }
      for (const apart of [4, 2, 1] as const)
        for (const { low, high, factor: index } of pairsOf(apart)) {
          invoke(sub, rest, tile(low), tile(high));
          invoke(add, tile(low), tile(low), tile(high));
          invoke(mul, tile(high), rest, factorAt(factor, eighth, apart, index));
        }
      invoke(field.transpose, to, SCRATCH.points);
      set(from, int.add(from, 32 * LANES));
      set(to, int.add(to, LANES * size));
      set(factor, int.add(factor, size));
    });
  });

  /** Where factor c of the tables is that belongs to pairs so far apart: tables of 4, 2 and 1 times m / 8 blocks. */
  function factorAt(c: I, eighth: I, apart: 1 | 2 | 4, index: number): I {
    const before = { 4: 0, 2: 4, 1: 6 }[apart] + index;
    return int.add(c, int.mul(eighth, before * size));
  }

  /** (x, m, factors): the way back, in place */
  const lastUp = fn(["i32", "i32", "i32"], [], (x, m, factors) => {
    const eighth = int.shr(m, 3);
    const at = variable("i32", x);
    const factor = variable("i32", factors);
    times(eighth, () => {
      invoke(field.transpose, variable("i32", SCRATCH.points), at);
      for (const apart of [1, 2, 4] as const)
        for (const { low, high, factor: index } of pairsOf(apart)) {
          invoke(mul, rest, tile(high), factorAt(factor, eighth, apart, index));
          invoke(sub, apart === 4 ? int.add(at, size * high) : tile(high), tile(low), rest);
          invoke(add, apart === 4 ? int.add(at, size * low) : tile(low), tile(low), rest);
        }
      set(at, int.add(at, LANES * size));
      set(factor, int.add(factor, size));
    });
  });

  /** Runs over m blocks. */
  const overBlocks = (first: I, blocks: I, run: (block: I) => void) => {
    const at = variable("i32", first);
    times(blocks, () => {
      run(at);
      set(at, int.add(at, size));
    });
  };

  /**
   * (x, blocks, powers, step, half, end): butterflies of blocks `half` apart, then half or twice as far, until `end`. Powers
   * are w^0, w^1, ... of order `blocks` * step, of which every step-th is meant.
   */
  function stages(direction: "down" | "up"): Kernel {
    return fn(["i32", "i32", "i32", "i32", "i32", "i32"], [], (x, blocks, powers, step, first, last) => {
      const half = variable("i32", first);
      const end = int.add(x, int.mul(blocks, size));
      const t = temporary(0);
      forever((stop) => {
        stop.when(int.eq(half, last));
        const apart = int.mul(half, size);
        const stride = int.mul(int.mul(int.divide(blocks, int.shl(half, 1)), step), field.elementBytes);
        const group = variable("i32", x);
        forever((done) => {
          done.when(int.eq(group, end));
          const low = variable("i32", group);
          const power = variable("i32", powers);
          times(half, () => {
            const high = int.add(low, apart);
            if (direction === "down") {
              invoke(sub, t, low, high);
              invoke(add, low, low, high);
              invoke(mulOne, high, t, power);
            } else {
              invoke(mulOne, t, high, power);
              invoke(sub, high, low, t);
              invoke(add, low, low, t);
            }
            set(low, int.add(low, size));
            set(power, int.add(power, stride));
          });
          set(group, int.add(group, int.shl(apart, 1)));
        });
        set(half, direction === "down" ? int.shr(half, 1) : int.shl(half, 1));
      });
    });
  }

  /** (x, m, factors): block j times element j of a list */
  const scale = fn(["i32", "i32", "i32"], [], (x, m, factors) => {
    const factor = variable("i32", factors);
    overBlocks(x, m, (at) => {
      invoke(mulOne, at, at, factor);
      set(factor, int.add(factor, field.elementBytes));
    });
  });

  /** (a, b, m): a b in place of a */
  const multiply = fn(["i32", "i32", "i32"], [], (a, b, m) => {
    const other = variable("i32", b);
    overBlocks(a, m, (at) => {
      invoke(mul, at, at, other);
      set(other, int.add(other, size));
    });
  });

  const subtract = fn(["i32", "i32", "i32"], [], (a, b, m) => {
    const other = variable("i32", b);
    overBlocks(a, m, (at) => {
      invoke(sub, at, at, other);
      set(other, int.add(other, size));
    });
  });

  /** (a, b, out, blocks): a b, of packed lists */
  const multiplyPacked = fn(["i32", "i32", "i32", "i32"], [], (a, b, out, blocks) => {
    const [one, other, to] = [a, b, out].map((at) => variable("i32", at));
    const [x, y] = [0, 1].map(temporary);
    times(blocks, () => {
      invoke(neighbours, one);
      invoke(gather, x, list, 0);
      invoke(neighbours, other);
      invoke(gather, y, list, 0);
      invoke(mul, x, x, y);
      invoke(neighbours, to);
      invoke(scatter, list, x, 0);
      for (const at of [one, other, to]) set(at, int.add(at, 32 * LANES));
    });
  });

  /** (out, a, factor, blocks): adds a times an element to what is there, of packed lists */
  const addMultiple = fn(["i32", "i32", "i32", "i32"], [], (out, a, factor, blocks) => {
    const [to, from] = [out, a].map((at) => variable("i32", at));
    const [x, y] = [0, 1].map(temporary);
    times(blocks, () => {
      invoke(neighbours, from);
      invoke(gather, x, list, 0);
      invoke(mulOne, x, x, factor);
      invoke(neighbours, to);
      invoke(gather, y, list, 0);
      invoke(add, x, x, y);
      invoke(scatter, list, x, 0);
      for (const at of [to, from]) set(at, int.add(at, 32 * LANES));
    });
  });

  /** (x, m, out): what \`lastUp\` left, as numbers below the modulus, out of Montgomery form, in order */
  const toNumbers = fn(["i32", "i32", "i32"], [], (x, m, out) => {
    const at = variable("i32", x);
    const to = variable("i32", out);
    const apart = int.shl(m, 5);
    times(int.shr(m, 3), () => {
      const numbers = variable("i32", to);
      for (let l = 0; l < LANES; l++) {
        invoke(mul, temporary(0), at, CONSTANTS.scalar);
        invoke(neighbours, numbers);
        invoke(scatter, list, temporary(0), 0);
        for (let lane = 0; lane < LANES; lane++) invoke(plain, int.add(numbers, 32 * lane));
        set(at, int.add(at, size));
        set(numbers, int.add(numbers, apart));
      }
      set(to, int.add(to, 32 * LANES));
    });
  });

  /** (out, count, power, step): so many blocks, the first being `power`, each the one before times \`step\` */
  const blockPowers = fn(["i32", "i32", "i32", "i32"], [], (out, count, power, step) => {
    overBlocks(out, count, (to) => {
      invoke(mul, to, power, CONSTANTS.scalar + size);
      invoke(mul, power, power, step);
    });
  });

  /** (out, count, power, step): count / 8 times the elements of a block, which is multiplied by step each time */
  const powers = fn(["i32", "i32", "i32", "i32"], [], (out, count, power, step) => {
    const to = variable("i32", out);
    times(int.shr(int.add(count, 7), 3), () => {
      invoke(field.spread, to, power);
      invoke(mul, power, power, step);
      set(to, int.add(to, 8 * field.elementBytes));
    });
  });

  /** (at, blocks, factor) -> 1 if an element is not below the modulus: numbers to packed ones, times an element, in place */
  const takeNumbers = fn(["i32", "i32", "i32"], ["i32"], (at, blocks, factor) => {
    const from = variable("i32", at);
    const wrong = variable("i32", 0);
    const x = temporary(0);
    times(blocks, () => {
      set(wrong, int.or(wrong, int.and(evaluate(raise, from, LANES), 2)));
      invoke(neighbours, from);
      invoke(gather, x, list, 0);
      invoke(mulOne, x, x, factor);
      invoke(scatter, list, x, 0);
      set(from, int.add(from, 32 * LANES));
    });
    give(int.shr(wrong, 1));
  });

  /**
   * (program, groups, witness, coefficients, out): rows of a sparse matrix times a vector, eight rows a group. A group is
   * two counts u and v, eight places for the results, u times eight wires whose coefficient is one or, with bit 0, minus
   * one, and v times eight wires and eight coefficients. All are offsets from the last three operands.
   */
  const rows = fn(["i32", "i32", "i32", "i32", "i32"], [], (program, groups, witness, coefficients, out) => {
    const at = variable("i32", program);
    const [sum, w, c] = [2, 3, 4].map(temporary);
    times(groups, () => {
      const places = int.add(at, 8);
      const units = int.load(at);
      const others = int.load(at, 4);
      set(at, int.add(at, 8 + 32));
      invoke(sub, sum, sum, sum);
      times(units, () => {
        invoke(gatherSigned, w, at, witness);
        invoke(add, sum, sum, w);
        set(at, int.add(at, 32));
      });
      times(others, () => {
        invoke(gather, w, at, witness);
        invoke(gather, c, int.add(at, 32), coefficients);
        invoke(mul, w, w, c);
        invoke(add, sum, sum, w);
        set(at, int.add(at, 64));
      });
      invoke(scatter, places, sum, out);
    });
  });
  return {
    firstDown,
    lastUp,
    stagesDown: stages("down"),
    stagesUp: stages("up"),
    scale,
    multiply,
    subtract,
    multiplyPacked,
    addMultiple,
    giveNumbers: giveNumbers(field, SCRATCH.points),
    toNumbers,
    powers,
    blockPowers,
    takeNumbers,
    rows,
  };
}
