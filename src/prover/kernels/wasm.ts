import {
  block as wasmBlock,
  br,
  br_if,
  call,
  f64x2,
  func,
  i32,
  i64,
  i64x2,
  i32x4,
  i8x16,
  local,
  loop as wasmLoop,
  v128,
  type AnyFunc,
  type Func,
  type Local,
  type StackVar,
  type ValueType,
  type ValueTypeObject,
} from "wasmati";

/**
 * A thin layer over wasmati, in which each operation leaves its value in a new local: kernels read like three-address
 * code, and the engine's compiler turns locals into registers.
 */
export type V = Local<"v128">;
export type I = Local<"i32">;
export type L = Local<"i64">;
export type Value<T extends ValueType> = Local<T> | StackVar<T>;
export type Kernel = Func<any, any>;
/** also one that is imported */
export type Callable = AnyFunc<any, any>;

const TYPES: Record<string, ValueTypeObject> = { i32, i64, v128 };

/** What is being written: locals in the order in which they were asked for. */
interface Scope {
  take(type: ValueType): Local<ValueType>;
}
let scope: Scope | undefined;

/**
 * A function of these parameters. Its body is written twice: the first time tells how many locals it takes.
 * @param results  at most one type
 */
export function fn<const P extends readonly ("i32" | "i64")[]>(
  params: P,
  results: readonly ("i32" | "i64")[],
  body: (...args: { [K in keyof P]: Local<P[K]> }) => void,
): Kernel {
  const types: ValueType[] = [];
  const outer = scope;
  const write = (locals: ValueType[], make: (given: Local<ValueType>[], all: ValueType[]) => Scope) =>
    func(
      {
        in: params.map((type) => TYPES[type]),
        locals: locals.map((type) => TYPES[type]),
        out: results.map((type) => TYPES[type]),
      } as never,
      (args: unknown, given: unknown, context: { locals: ValueType[] }) => {
        scope = make(given as Local<ValueType>[], context.locals);
        body(...(args as { [K in keyof P]: Local<P[K]> }));
      },
    ) as Kernel;
  try {
    write([], (_, all) => ({
      take(type) {
        types.push(type);
        all.push(type);
        return { kind: "local", type, index: all.length - 1 } as Local<ValueType>;
      },
    }));
    let next = 0;
    return write(types, (given) => ({ take: () => given[next++] }));
  } finally {
    scope = outer;
  }
}

function keep<T extends ValueType>(type: T, value: StackVar<T>): Local<T> {
  const kept = scope!.take(type) as Local<T>;
  local.set(kept as never, value as never);
  return kept;
}

/** A local that is assigned to more than once: counters and running values. */
export function variable<T extends "i32" | "i64" | "v128">(type: T, value: Value<T> | number | bigint): Local<T> {
  const kept = scope!.take(type) as Local<T>;
  set(kept, value);
  return kept;
}

export function set<T extends ValueType>(to: Local<T>, value: Value<T> | number | bigint): void {
  local.set(to as never, value as never);
}

/** Operations on two f64 or two i64 at once. */
export const vec = {
  f64: (x: number): V => keep("v128", v128.const("f64x2", [x, x])),
  i64: (x: bigint): V => keep("v128", v128.const("i64x2", [x, x])),
  add: (a: V, b: V): V => keep("v128", f64x2.add(a, b)),
  sub: (a: V, b: V): V => keep("v128", f64x2.sub(a, b)),
  mul: (a: V, b: V): V => keep("v128", f64x2.mul(a, b)),
  neg: (a: V): V => keep("v128", f64x2.neg(a)),
  nearest: (a: V): V => keep("v128", f64x2.nearest(a)),
  /** a * b + c, rounded once: the engine is asked at start whether it is */
  fma: (a: V, b: V, c: V): V => keep("v128", f64x2.relaxed_madd(a, b, c)),
  /** c - a * b, rounded once */
  fnma: (a: V, b: V, c: V): V => keep("v128", f64x2.relaxed_nmadd(a, b, c)),
  and: (a: V, b: V): V => keep("v128", v128.and(a, b)),
  or: (a: V, b: V): V => keep("v128", v128.or(a, b)),
  xor: (a: V, b: V): V => keep("v128", v128.xor(a, b)),
  addInt: (a: V, b: V): V => keep("v128", i64x2.add(a, b)),
  subInt: (a: V, b: V): V => keep("v128", i64x2.sub(a, b)),
  shl: (a: V, bits: number): V => keep("v128", i64x2.shl(a, bits)),
  shr: (a: V, bits: number): V => keep("v128", i64x2.shr_u(a, bits)),
  /** (a0, b0) and (a1, b1) */
  low: (a: V, b: V): V => keep("v128", i8x16.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23], a, b)),
  high: (a: V, b: V): V =>
    keep("v128", i8x16.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31], a, b)),
  /** (a1, a0) */
  swap: (a: V): V => keep("v128", i8x16.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7], a, a)),
  /** two i64 whose upper halves are given */
  pairOfHighWords: (a: I, b: I): V =>
    keep("v128", i32x4.replace_lane(3, keep("v128", i32x4.replace_lane(1, vec.i64(0n), a)), b)),
  equal: (a: V, b: V): V => keep("v128", f64x2.eq(a, b)),
  /** the sign bits of the two lanes: lanes of 32 bits are asked, as wasmati has a wrong type for those of 64 */
  bits: (a: V): I => {
    const four = keep("i32", i32x4.bitmask(a));
    return int.or(int.and(int.shr(four, 1), 1), int.and(int.shr(four, 2), 2));
  },
  splat: (a: L): V => keep("v128", i64x2.splat(a)),
  load: (at: I, offset = 0): V => keep("v128", v128.load({ offset }, at)),
  loadSplat: (at: I, offset = 0): V => keep("v128", v128.load64_splat({ offset }, at)),
  /** word at `a` in lane 0, word at `b` in lane 1 */
  loadPair: (a: I, b: I, offset = 0): V =>
    keep("v128", v128.load64_lane({ offset }, 1, b, keep("v128", v128.load64_zero({ offset }, a)))),
  store: (at: I, value: V, offset = 0): void => v128.store({ offset }, at, value),
  storeLane: (at: I, lane: 0 | 1, value: V, offset = 0): void => v128.store64_lane({ offset }, lane, at, value),
};

/** Operations on four i32 at once. */
export const quad = {
  i32: (x: number): V => keep("v128", v128.const("i32x4", [x, x, x, x])),
  add: (a: V, b: V): V => keep("v128", i32x4.add(a, b)),
  sub: (a: V, b: V): V => keep("v128", i32x4.sub(a, b)),
  mul: (a: V, b: V): V => keep("v128", i32x4.mul(a, b)),
  sar: (a: V, bits: number): V => keep("v128", i32x4.shr_s(a, bits)),
  equal: (a: V, b: V): V => keep("v128", i32x4.eq(a, b)),
  bits: (a: V): I => keep("i32", i32x4.bitmask(a)),
  /** products of the first two pairs of u32, and of the last two, as u64 */
  mulLow: (a: V, b: V): V => keep("v128", i64x2.extmul_low_i32x4_u(a, b)),
  mulHigh: (a: V, b: V): V => keep("v128", i64x2.extmul_high_i32x4_u(a, b)),
  /** the first two u32, and the last two, as u64 */
  widenLow: (a: V): V => keep("v128", i64x2.extend_low_i32x4_u(a)),
  widenHigh: (a: V): V => keep("v128", i64x2.extend_high_i32x4_u(a)),
  /** the lower halves of four u64 */
  narrow: (a: V, b: V): V => quad.pick([0, 2, 4, 6], a, b),
  /** four of the eight lanes of a and b */
  pick: (lanes: readonly number[], a: V, b: V): V =>
    keep(
      "v128",
      i8x16.shuffle(
        lanes.flatMap((lane) => [0, 1, 2, 3].map((i) => 4 * lane + i)) as Parameters<typeof i8x16.shuffle>[0],
        a,
        b,
      ),
    ),
  of: (lanes: readonly I[]): V =>
    lanes.reduce((x, lane, i) => keep("v128", i32x4.replace_lane(i, x, lane)), quad.i32(0)),
  loadSplat: (at: I, offset = 0): V => keep("v128", v128.load32_splat({ offset }, at)),
  storeLane: (at: I, lane: number, value: V, offset = 0): void => v128.store32_lane({ offset }, lane, at, value),
};

export const int = {
  add: (a: I | number, b: I | number): I => keep("i32", i32.add(a, b)),
  sub: (a: I | number, b: I | number): I => keep("i32", i32.sub(a, b)),
  mul: (a: I | number, b: I | number): I => keep("i32", i32.mul(a, b)),
  divide: (a: I | number, b: I | number): I => keep("i32", i32.div_u(a, b)),
  and: (a: I | number, b: I | number): I => keep("i32", i32.and(a, b)),
  or: (a: I | number, b: I | number): I => keep("i32", i32.or(a, b)),
  xor: (a: I | number, b: I | number): I => keep("i32", i32.xor(a, b)),
  shl: (a: I | number, b: I | number): I => keep("i32", i32.shl(a, b)),
  shr: (a: I | number, b: I | number): I => keep("i32", i32.shr_u(a, b)),
  ltu: (a: I | number, b: I | number): I => keep("i32", i32.lt_u(a, b)),
  sar: (a: I | number, b: I | number): I => keep("i32", i32.shr_s(a, b)),
  eq: (a: I | number, b: I | number): I => keep("i32", i32.eq(a, b)),
  load: (at: I, offset = 0): I => keep("i32", i32.load({ offset }, at)),
  loadByte: (at: I, offset = 0): I => keep("i32", i32.load8_u({ offset }, at)),
  storeByte: (at: I, value: I | number, offset = 0): void => i32.store8({ offset }, at, value),
  store: (at: I, value: I | number, offset = 0): void => i32.store({ offset }, at, value),
};

export const long = {
  add: (a: L | bigint, b: L | bigint): L => keep("i64", i64.add(a, b)),
  sub: (a: L | bigint, b: L | bigint): L => keep("i64", i64.sub(a, b)),
  mul: (a: L | bigint, b: L | bigint): L => keep("i64", i64.mul(a, b)),
  and: (a: L | bigint, b: L | bigint): L => keep("i64", i64.and(a, b)),
  or: (a: L | bigint, b: L | bigint): L => keep("i64", i64.or(a, b)),
  xor: (a: L | bigint, b: L | bigint): L => keep("i64", i64.xor(a, b)),
  shl: (a: L | bigint, b: L | bigint): L => keep("i64", i64.shl(a, b)),
  shr: (a: L | bigint, b: L | bigint): L => keep("i64", i64.shr_u(a, b)),
  sar: (a: L | bigint, b: L | bigint): L => keep("i64", i64.shr_s(a, b)),
  clz: (a: L): L => keep("i64", i64.clz(a)),
  ctz: (a: L): L => keep("i64", i64.ctz(a)),
  eqz: (a: L): I => keep("i32", i64.eqz(a)),
  ltu: (a: L, b: L): I => keep("i32", i64.lt_u(a, b)),
  lts: (a: L, b: L): I => keep("i32", i64.lt_s(a, b)),
  of: (a: I): L => keep("i64", i64.extend_i32_u(a)),
  ofSigned: (a: I): L => keep("i64", i64.extend_i32_s(a)),
  toInt: (a: L): I => keep("i32", i32.wrap_i64(a)),
  load: (at: I, offset = 0): L => keep("i64", i64.load({ offset }, at)),
  store: (at: I, value: L | bigint, offset = 0): void => i64.store({ offset }, at, value),
  lane: (a: V, lane: 0 | 1): L => keep("i64", i64x2.extract_lane(lane, a)),
};

/** Calls a function that returns nothing. */
export function invoke(kernel: Callable, ...args: (I | number)[]): void {
  call(kernel, args as never);
}

/** Calls a function that returns an i32. */
export function evaluate(kernel: Kernel, ...args: (I | number)[]): I {
  call(kernel, args as never);
  const kept = scope!.take("i32") as I;
  local.set(kept as never);
  return kept;
}

export function give(value: I | L | number): void {
  if (typeof value === "number") i32.const(value);
  else local.get(value as never);
}

/** Runs the body while `count` counts down to 0; not at all when it is 0. */
export function times(count: I, body: () => void): void {
  const left = variable("i32", count);
  wasmBlock(null, (end) => {
    i32.eqz(left);
    br_if(end);
    wasmLoop(null, (again) => {
      body();
      set(left, i32.sub(left, 1));
      local.get(left);
      br_if(again);
    });
  });
}

/** Runs the body until it calls `stop`. */
export function forever(body: (stop: { when(condition: I): void }, again: () => void) => void): void {
  wasmBlock(null, (end) => {
    wasmLoop(null, (start) => {
      body(
        {
          when(condition) {
            local.get(condition);
            br_if(end);
          },
        },
        () => br(start),
      );
      br(start);
    });
  });
}

export function when(condition: I, then: () => void): void {
  wasmBlock(null, (end) => {
    i32.eqz(condition);
    br_if(end);
    then();
  });
}

/** a + b or a - b of four words, and the carry or borrow: WebAssembly has none, so it is found by comparing. */
export function carried(a: L[], b: bigint | L[], subtract: boolean): { sum: L[]; carry: L } {
  const sum: L[] = [];
  let carry: L = variable("i64", 0n);
  for (let i = 0; i < 4; i++) {
    const bi = typeof b === "bigint" ? variable("i64", BigInt.asIntN(64, b >> BigInt(64 * i))) : b[i];
    const first = subtract ? long.sub(a[i], bi) : long.add(a[i], bi);
    const over = subtract ? long.ltu(a[i], bi) : long.ltu(first, bi);
    const second = subtract ? long.sub(first, carry) : long.add(first, carry);
    const again = subtract ? long.ltu(first, carry) : long.ltu(second, carry);
    sum.push(second);
    carry = long.of(int.or(over, again));
  }
  return { sum, carry };
}
