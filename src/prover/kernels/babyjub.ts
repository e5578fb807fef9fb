import { CONSTANT, ENTRY, RECORD_BYTES, WINDOW_BITS } from "../hash/layout.ts";
import type { Lanes } from "./lanes.ts";
import { fn, give, int, invoke, set, times, variable, evaluate, type I, type Kernel } from "./wasm.ts";

/**
 * BabyJubJub in the form -x^2 + y^2 = 1 + d x^2 y^2, where x is sqrt(-168700) times that of the protocol: -1 and 168700
 * are squares and 168696 is none, so the formulas hold for all pairs of points. A point is four blocks X, Y, Z, T with
 * x = X / Z, y = Y / Z, x y = T / Z. An entry of a table is packed: Y - X, Y + X, 2 d T, 2 Z, the last one only where Z is
 * not 1; its negative has the first two exchanged and the third negated, so a digit takes a record of three references.
 * @source H. Hisil, K. Wong, G. Carter, E. Dawson, "Twisted Edwards curves revisited" (2008), sections 3.1 to 3.3
 */
export interface CurveKernels {
  /** (p): the point 0 */
  readonly zero: Kernel;
  /** (p, x, y): the point of these affine coordinates, x as the protocol has it */
  readonly point: Kernel;
  /** (p, entries, list, one): p, 2 p, ... as entries 1 to 8 of each lane, at references of a list; `one` names entry 1 */
  readonly table: Kernel;
  /** (p, list, windows): p + the entries of the first window, then 16 p + those of the next, ... */
  readonly walk: Kernel;
  /** (p, list, count): p + entries; those of `sumAffine` have Z = 1 */
  readonly sum: Kernel;
  readonly sumAffine: Kernel;
  /** (p, x, y) -> in which lanes p has these affine coordinates, which are overwritten */
  readonly equals: Kernel;
  /** (x, y) -> in which lanes the point, x as the protocol has it, is in the subgroup of order l and not 0 */
  readonly inSubgroup: Kernel;
}

/** @param temporaries  where 20 blocks are free */
export function curveKernels(lanes: Lanes, constants: number, temporaries: number): CurveKernels {
  const { mul, sqr, add, sub, blockBytes } = lanes;
  const constant = (index: number) => constants + blockBytes * index;
  const temporary = (index: number) => temporaries + blockBytes * index;
  const [A, B, C, D, E, F, G, H] = [0, 1, 2, 3, 4, 5, 6, 7].map(temporary);
  const part = (p: I, index: number): I => (index === 0 ? p : int.add(p, blockBytes * index));
  const coordinates = (p: I) => [0, 1, 2, 3].map((index) => part(p, index));
  const first = lanes.gather(RECORD_BYTES);
  const signed = lanes.gatherSigned(RECORD_BYTES);
  const scatter = lanes.scatter(4);

  /** X, Y, Z, T = E F, G H, F G, E H */
  function compose(p: I, withT: boolean): void {
    const [x, y, z, t] = coordinates(p);
    invoke(mul, x, E, F);
    invoke(mul, y, G, H);
    invoke(mul, z, F, G);
    if (withT) invoke(mul, t, E, H);
  }

  /** 2 p; both F and H with the other sign than in the source, so that all four coordinates have it. */
  const doubling = (withT: boolean) =>
    fn(["i32"], [], (p) => {
      const [x, y, z] = coordinates(p);
      invoke(sqr, A, x);
      invoke(sqr, B, y);
      invoke(sqr, C, z);
      invoke(add, E, x, y);
      invoke(sqr, E, E);
      invoke(add, C, C, C);
      invoke(add, H, A, B);
      invoke(sub, E, E, H);
      invoke(sub, G, B, A);
      invoke(sub, F, C, G);
      compose(p, withT);
    });
  const [double, doubleWithT] = [doubling(false), doubling(true)];

  /** (p, list): p + the entry that a record names in each lane */
  const addition = (isAffine: boolean) =>
    fn(["i32", "i32"], [], (p, list) => {
      const [x, y, z, t] = coordinates(p);
      const reference = (index: number) => int.add(list, 4 * index);
      invoke(first, A, list, 0);
      invoke(sub, E, y, x);
      invoke(mul, A, A, E);
      invoke(first, B, reference(1), 0);
      invoke(add, E, y, x);
      invoke(mul, B, B, E);
      invoke(signed, C, reference(2), ENTRY.product);
      invoke(mul, C, C, t);
      if (isAffine) invoke(add, D, z, z);
      else {
        invoke(first, D, reference(2), ENTRY.z);
        invoke(mul, D, D, z);
      }
      invoke(sub, E, B, A);
      invoke(sub, F, D, C);
      invoke(add, G, D, C);
      invoke(add, H, B, A);
      compose(p, true);
    });
  const [addEntry, addAffine] = [addition(false), addition(true)];

  const copy = (to: I | number, from: I | number) => invoke(add, to, from, constant(CONSTANT.zero));
  const table = fn(["i32", "i32", "i32", "i32"], [], (p, entries, list, one) => {
    const [x, y, z, t] = coordinates(p);
    const entry = variable("i32", entries);
    const store = () => {
      set(entry, int.add(entry, ENTRY.bytes));
      const put = (block: number, offset: number) => invoke(scatter, list, block, int.add(entry, offset));
      invoke(sub, A, y, x);
      put(A, ENTRY.difference);
      invoke(add, A, y, x);
      put(A, ENTRY.sum);
      invoke(mul, A, t, constant(CONSTANT.twiceD));
      put(A, ENTRY.product);
      invoke(add, A, z, z);
      put(A, ENTRY.z);
    };
    store();
    times(variable("i32", (1 << (WINDOW_BITS - 1)) - 1), () => {
      invoke(addEntry, p, one);
      store();
    });
  });

  const recordBytes = RECORD_BYTES * lanes.lanes;
  const walk = fn(["i32", "i32", "i32"], [], (p, list, windows) => {
    const at = variable("i32", list);
    invoke(addEntry, p, at);
    times(int.sub(windows, 1), () => {
      set(at, int.add(at, recordBytes));
      for (let i = 1; i < WINDOW_BITS; i++) invoke(double, p);
      invoke(doubleWithT, p);
      invoke(addEntry, p, at);
    });
  });
  const sumBy = (add: Kernel) =>
    fn(["i32", "i32", "i32"], [], (p, list, count) => {
      const at = variable("i32", list);
      times(count, () => {
        invoke(add, p, at);
        set(at, int.add(at, recordBytes));
      });
    });

  return {
    zero: fn(["i32"], [], (p) => {
      coordinates(p).forEach((at, i) => copy(at, constant(i === 0 || i === 3 ? CONSTANT.zero : CONSTANT.one)));
    }),
    point: fn(["i32", "i32", "i32"], [], (p, x, y) => {
      const [toX, toY, toZ, toT] = coordinates(p);
      invoke(mul, toX, x, constant(CONSTANT.root));
      copy(toY, y);
      copy(toZ, constant(CONSTANT.one));
      invoke(mul, toT, toX, toY);
    }),
    table,
    walk,
    sum: sumBy(addEntry),
    sumAffine: sumBy(addAffine),
    equals: fn(["i32", "i32", "i32"], ["i32"], (p, x, y) => {
      const [pX, pY, pZ] = coordinates(p);
      invoke(mul, x, x, constant(CONSTANT.root));
      invoke(mul, x, x, pZ);
      invoke(sub, x, x, pX);
      invoke(mul, y, y, pZ);
      invoke(sub, y, y, pY);
      give(int.and(evaluate(lanes.zeros, x), evaluate(lanes.zeros, y)));
    }),
    inSubgroup: subgroup(lanes, constant, temporary),
  };
}

/**
 * A point P is 8 times another one, that is, in the subgroup of order l, just if its Tate pairing with a point T of order 8
 * is 1: the group is cyclic of order 8 l and 8 divides r - 1, so that P -> f(P)^((r - 1) / 8), f with divisor 8 T - 8 O, is
 * an isomorphism of the group modulo its 8-fold multiples onto the eighth roots of 1. On the Montgomery curve with
 * u = (1 + y) / (1 - y), v = u / x, f = l1^4 l2^2 / (v2^4 u), where l1 = v - m1 u - c1 is the tangent at T, l2 that at
 * 2 T, and v2 = u - u(2 T) = u - 1. Eighth powers do not matter, so denominators become factors:
 * ((L1 V2 W)^2 L2 x W)^2 W, with N = 1 + y, M = 1 - y, W = N M, L = N - m x N - c x M and V2 = N - M. It is 0 only at
 * points of order 1, 2, 4 and 8.
 * @source D. Koshelev, "Subgroup membership testing on elliptic curves via the Tate pairing" (2022),
 *         https://eprint.iacr.org/2022/037
 */
function subgroup(lanes: Lanes, constant: (index: number) => number, temporary: (index: number) => number): Kernel {
  const { mul, sqr, add, sub, zeros } = lanes;
  const [N, M, W, XN, XM, L, Z] = [0, 1, 2, 3, 4, 5, 6].map(temporary);
  const powers = [8, 9, 10, 11, 12, 13, 14, 15].map(temporary);
  const one = constant(CONSTANT.one);
  const line = (slope: number, intercept: number) => {
    invoke(mul, L, XN, constant(slope));
    invoke(sub, L, N, L);
    invoke(mul, powers[0], XM, constant(intercept));
    invoke(sub, L, L, powers[0]);
  };
  return fn(["i32", "i32"], ["i32"], (x, y) => {
    invoke(add, N, one, y);
    invoke(sub, M, one, y);
    invoke(mul, W, N, M);
    invoke(mul, XN, x, N);
    invoke(mul, XM, x, M);
    line(CONSTANT.slope, CONSTANT.intercept);
    invoke(sub, Z, N, M);
    invoke(mul, Z, Z, L);
    invoke(mul, Z, Z, W);
    invoke(sqr, Z, Z);
    line(CONSTANT.secondSlope, CONSTANT.secondIntercept);
    invoke(mul, Z, Z, L);
    invoke(mul, Z, Z, x);
    invoke(mul, Z, Z, W);
    invoke(sqr, Z, Z);
    invoke(mul, powers[0], Z, W);
    // Z^((r - 1) / 8) by windows of four bits that begin and end with 1.
    invoke(sqr, Z, powers[0]);
    for (let i = 1; i < 8; i++) invoke(mul, powers[i], powers[i - 1], Z);
    let rest = ((lanes.modulus - 1n) / 8n).toString(2);
    for (let started = false; rest !== "";) {
      const zerosAhead = rest.search(/1|$/);
      const window = rest.slice(zerosAhead, zerosAhead + 4).replace(/0+$/, "");
      const squarings = zerosAhead + window.length;
      const power = window === "" ? undefined : powers[parseInt(window, 2) >> 1];
      if (started) times(variable("i32", squarings), () => invoke(sqr, Z, Z));
      if (power !== undefined) invoke(started ? mul : add, Z, started ? Z : constant(CONSTANT.zero), power);
      started = true;
      rest = rest.slice(squarings);
    }
    invoke(sub, Z, Z, one);
    give(evaluate(zeros, Z));
  });
}
