import { PROGRAM } from "../hash/layout.ts";
import type { Lanes } from "./lanes.ts";
import { fn, int, invoke, set, times, variable, type I, type Kernel } from "./wasm.ts";

const HALF = 4;

/**
 * Poseidon, one state a lane: (program, state, powers). The state is t blocks, and the hash is left in the first of them;
 * `powers` is where t + 1 blocks are free. The partial rounds are those of src/protocol/poseidonConstants.ts with the
 * first element of the state divided by a number of each round, so that its s-box needs no factor: s' = y + rows g,
 * g' = g + columns y.
 * @source https://eprint.iacr.org/2019/458
 * @param zero  address of a block of zeros
 */
export function poseidonKernel({ sqr, mul, add, dot, mulAdd, blockBytes, elementBytes }: Lanes, zero: number): Kernel {
  const word = (program: I, at: number): I => int.load(program, at);

  /** (out, x, constant): (x + constant)^5, out being two blocks */
  const power = fn(["i32", "i32", "i32"], [], (out, x, constant) => {
    const next = int.add(out, blockBytes);
    invoke(add, out, x, constant);
    invoke(sqr, next, out);
    invoke(sqr, next, next);
    invoke(mul, out, out, next);
  });

  /** (state, powers, t, constants, matrix, lines): a full round of which only so many lines are wanted */
  const full = fn(["i32", "i32", "i32", "i32", "i32", "i32"], [], (state, powers, t, constants, matrix, lines) => {
    const [x, y, constant] = [variable("i32", state), variable("i32", powers), variable("i32", constants)];
    times(t, () => {
      invoke(power, y, x, constant);
      for (const at of [x, y, constant]) set(at, int.add(at, blockBytes));
    });
    const line = variable("i32", matrix);
    set(x, state);
    times(lines, () => {
      invoke(dot, x, powers, line, t, zero);
      set(x, int.add(x, blockBytes));
      set(line, int.add(line, int.mul(t, elementBytes)));
    });
  });

  return fn(["i32", "i32", "i32"], [], (program, state, powers) => {
    const t = word(program, PROGRAM.width);
    const constants = variable("i32", word(program, PROGRAM.full));
    const fullRounds = (count: number, matrix: number, lines: I | number = t) => {
      const layer = word(program, matrix);
      times(variable("i32", count), () => {
        invoke(full, state, powers, t, constants, layer, lines);
        set(constants, int.add(constants, int.mul(t, blockBytes)));
      });
    };
    fullRounds(HALF - 1, PROGRAM.matrix);
    fullRounds(1, PROGRAM.entry);
    const constant = variable("i32", word(program, PROGRAM.partial));
    const sparse = variable("i32", word(program, PROGRAM.sparse));
    const rest = int.add(state, blockBytes);
    const others = int.sub(t, 1);
    times(word(program, PROGRAM.partialRounds), () => {
      invoke(power, powers, state, constant);
      invoke(dot, state, rest, sparse, others, powers);
      set(sparse, int.add(sparse, int.mul(others, elementBytes)));
      const at = variable("i32", rest);
      times(others, () => {
        invoke(mulAdd, at, powers, sparse, at);
        set(at, int.add(at, blockBytes));
        set(sparse, int.add(sparse, elementBytes));
      });
      set(constant, int.add(constant, blockBytes));
    });
    fullRounds(1, PROGRAM.exit);
    fullRounds(HALF - 2, PROGRAM.matrix);
    fullRounds(1, PROGRAM.matrix, 1);
  });
}
