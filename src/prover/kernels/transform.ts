import { LANES, SCRATCH, CONSTANTS } from "./layout.ts";
import type { Field } from "./field.ts";
import { evaluate, fn, forever, give, int, invoke, set, times, variable, type I, type Kernel } from "./wasm.ts";
import { addBias, dropBias } from "./packed.ts";

/**
 * Number-theoretic transforms of n = 8 m elements in m blocks, and what a proof does with them. Lane l of block j holds
 * element l m + j of a list of values; of coefficients, lane l of block j holds coefficient rev(l) + 8 rev(j), with the
 * bits of 3 and of log2(m) reversed. So a transform is one of size 8 across the lanes, a factor w^(j l), and eight of
 * size m side by side; no element ever has to move to another place.
 * @source D. H. Bailey, "FFTs in external or hierarchical memory" (1990): the split into two sizes
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

  /** (block): sums where a lane's bit is 0, differences where it is 1 */
  const cross = (by: 1 | 2 | 4) =>
    fn(["i32"], [], (x) => {
      const [t, difference] = [0, 1].map(temporary);
      invoke(field.turn(by), t, x);
      invoke(sub, difference, t, x);
      invoke(add, x, x, t);
      invoke(field.blend(by), x, x, difference);
    });
  const [cross4, cross2, cross1] = ([4, 2, 1] as const).map(cross);

  /** Runs over m blocks. */
  const overBlocks = (first: I, blocks: I, run: (block: I) => void) => {
    const at = variable("i32", first);
    times(blocks, () => {
      run(at);
      set(at, int.add(at, size));
    });
  };

  /** (x, m, w4, w2, power, step): values to coefficients across lanes; power is multiplied by step block by block. */
  const inverseLanes = fn(["i32", "i32", "i32", "i32", "i32", "i32"], [], (x, m, w4, w2, power, step) => {
    overBlocks(x, m, (at) => {
      invoke(cross4, at);
      invoke(mul, at, at, w4);
      invoke(cross2, at);
      invoke(mul, at, at, w2);
      invoke(cross1, at);
      invoke(mul, at, at, power);
      invoke(mul, power, power, step);
    });
  });

  /** The way back. */
  const forwardLanes = fn(["i32", "i32", "i32", "i32", "i32", "i32"], [], (x, m, w4, w2, power, step) => {
    overBlocks(x, m, (at) => {
      invoke(mul, at, at, power);
      invoke(mul, power, power, step);
      invoke(cross1, at);
      invoke(mul, at, at, w2);
      invoke(cross2, at);
      invoke(mul, at, at, w4);
      invoke(cross4, at);
    });
  });

  /** Butterflies of blocks `half` apart, for all halves from m / 2 down to 1 or up again. */
  function stages(direction: "down" | "up"): Kernel {
    return fn(["i32", "i32", "i32"], [], (x, m, powers) => {
      const half = variable("i32", direction === "down" ? int.shr(m, 1) : 1);
      const end = int.add(x, int.mul(m, size));
      const t = temporary(0);
      forever((stop) => {
        stop.when(direction === "down" ? int.eq(half, 0) : int.eq(half, m));
        const apart = int.mul(half, size);
        // powers holds w^0, w^1, ... of order m; here every (m / 2 half)-th is used.
        const stride = int.mul(int.divide(m, int.shl(half, 1)), field.elementBytes);
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

  /** Addresses of the eight elements l m + j of a packed list. */
  function laneList(at: I, apart: I): void {
    const base = variable("i32", 0);
    const address = variable("i32", at);
    for (let lane = 0; lane < LANES; lane++) {
      int.store(base, address, list + 4 * lane);
      if (lane < LANES - 1) set(address, int.add(address, apart));
    }
  }

  /** (x, m, packed): from a packed list of n elements */
  const fromPacked = fn(["i32", "i32", "i32"], [], (x, m, packed) => {
    const from = variable("i32", packed);
    const apart = int.shl(m, 5);
    overBlocks(x, m, (at) => {
      laneList(from, apart);
      invoke(gather, at, list, 0);
      set(from, int.add(from, 32));
    });
  });

  /** (x, m, out): as numbers below the modulus, out of Montgomery form */
  const toNumbers = fn(["i32", "i32", "i32"], [], (x, m, out) => {
    const to = variable("i32", out);
    const apart = int.shl(m, 5);
    overBlocks(x, m, (at) => {
      laneList(to, apart);
      invoke(mul, temporary(0), at, CONSTANTS.scalar);
      invoke(scatter, list, temporary(0), 0);
      const base = variable("i32", 0);
      for (let lane = 0; lane < LANES; lane++) invoke(plain, int.load(base, list + 4 * lane));
      set(to, int.add(to, 32));
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
      laneList(from, variable("i32", 32));
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
    inverseLanes,
    forwardLanes,
    stagesDown: stages("down"),
    stagesUp: stages("up"),
    scale,
    multiply,
    subtract,
    fromPacked,
    toNumbers,
    powers,
    takeNumbers,
    rows,
  };
}
