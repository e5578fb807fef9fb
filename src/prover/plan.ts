import { addPoints, type Point } from "./curve.ts";
import type { CommandName, CommandOf, Matrix, ResultOf, Share, Timed } from "./messages.ts";
import { pick, sharesOf } from "./share.ts";
import type { Tag, Thread } from "./thread.ts";

/** Milliseconds of all threads together, by what they did. */
export interface Timings {
  /** A w and B w */
  rows: number;
  fft: number;
  a: number;
  b: number;
  /** C, with the quotient's part: one sum */
  c: number;
}

/** Which thread computes which polynomial. Nobody holds the matrix C: where the witness is right, C w = A w B w. */
interface Roles {
  a: number;
  b: number;
  c: number;
}

/** Of the work of a proof, by what a transform of one polynomial takes; the rest are sums, which can be shared freely. */
const TRANSFORM = 0.035;

/** Domains below are left to plain bigint. */
export const SMALLEST_DOMAIN = 64;

function rolesOf(threads: number): Roles {
  return { a: 0, b: Math.min(1, threads - 1), c: Math.min(2, threads - 1) };
}

export type LoadPlan = Pick<CommandOf<"loadKey">, "share" | "matrices" | "transforms">;

/** What each of so many threads loads of a key: less of the points for those that transform polynomials. */
export function loadPlan(threads: number, domain: number): LoadPlan[] {
  const roles = rolesOf(threads);
  const small = domain < SMALLEST_DOMAIN;
  const weights = Array.from({ length: threads }, (_, i) => {
    const polynomials = Object.values(roles).filter((thread) => thread === i).length;
    return Math.max(1 / threads - TRANSFORM * polynomials, 1e-3);
  });
  return sharesOf(weights).map((share, i) => ({
    share,
    transforms: !small && Object.values(roles).includes(i),
    matrices: small ? (i === 0 ? ["a", "b"] : []) : (["a", "b"] as const).filter((matrix) => roles[matrix] === i),
  }));
}

export interface ProofJob {
  readonly id: number;
  readonly key: number;
  readonly domain: number;
  readonly shares: readonly Share[];
  readonly witness: Uint8Array;
  /** jobs of lower order go first */
  readonly order: number;
  /** what `Thread.drop` knows its commands by */
  readonly tag: Tag;
  onFraction?(done: number): void;
}

const STAGE = { transform: 0, sum: 1, last: 2 } as const;
const STAGES = 3;
/** How much of a proof each command is, roughly. */
const WEIGHT: Partial<Record<CommandName, number>> = { rows: 1, coset: 3, quotient: 1, sum: 30 };

/** The sums of a proof, each when it is known, and how long the threads took, complete with the last. */
export interface SumsToCome {
  readonly a: Promise<Point>;
  readonly b: Promise<Point>;
  readonly c: Promise<Point>;
  readonly timings: Timings;
}

/**
 * The sums of a proof, computed by threads that have each loaded their share of the key. They reject with ThreadDied, or
 * with a TacitError as a command failed.
 */
export function proveOn(threads: readonly Thread[], job: ProofJob): SumsToCome {
  const { id, key, domain, shares, witness } = job;
  const roles = rolesOf(threads.length);
  const timings: Timings = { rows: 0, fft: 0, a: 0, b: 0, c: 0 };
  const isSmall = domain < SMALLEST_DOMAIN;
  const transforms = isSmall ? 0 : 2 * WEIGHT.rows! + 3 * WEIGHT.coset!;
  const total = transforms + WEIGHT.quotient! + 3 * threads.length * WEIGHT.sum!;
  let done = 0;

  async function call<Name extends "begin" | "rows" | "put" | "multiply" | "coset" | "quotient" | "sum">(
    thread: number,
    phase: keyof Timings,
    name: Name,
    command: Omit<CommandOf<Name>, "job">,
    stage: number = STAGE.transform,
    transfer: ArrayBuffer[] = [],
  ): Promise<Awaited<ResultOf<Name>>> {
    const options = { order: job.order * STAGES + stage, tag: job.tag, transfer };
    const result = await threads[thread].call(name, { ...command, job: id } as CommandOf<Name>, options);
    timings[phase] += (result as Timed).ms;
    done += WEIGHT[name] ?? 0;
    job.onFraction?.(done / total);
    return result;
  }

  const put = (of: Matrix, where: "domain" | "coset", values: Uint8Array) =>
    call(roles.c, "fft", "put", { of, where, values }, STAGE.transform, [values.buffer as ArrayBuffer]);

  /** A w or B w where it is computed, and a copy of it where c is. */
  async function evaluate(of: Matrix): Promise<void> {
    const away = roles[of] !== roles.c;
    const { values } = await call(roles[of], "rows", "rows", { of, copy: away });
    if (away) await put(of, "domain", values!);
  }

  /** The values on the coset, where c is. */
  async function extend(of: Matrix): Promise<void> {
    const away = roles[of] !== roles.c;
    const { values } = await call(roles[of], "fft", "coset", { of, copy: away });
    if (away) await put(of, "coset", values!);
  }

  async function quotient(): Promise<Uint8Array> {
    if (!isSmall) {
      const multiply = async ([a, b]: Promise<void>[]) => {
        await Promise.all([a, b]);
        await call(roles.c, "fft", "multiply", {});
        await call(roles.c, "fft", "coset", { of: "c", copy: false });
      };
      const evaluated = (["a", "b"] as const).map(evaluate);
      const extended = (["a", "b"] as const).map(extend);
      await Promise.all([...evaluated, ...extended, multiply(evaluated)]);
    }
    const { numbers } = await call(isSmall ? roles.a : roles.c, "fft", "quotient", {});
    return numbers;
  }

  async function sum(of: "a" | "b" | "c", numbers?: Uint8Array): Promise<Point> {
    const parts = shares.map(async (share, thread) => {
      const own = numbers && pick(numbers, domain, 32, share);
      const transfer = own ? [own.buffer as ArrayBuffer] : [];
      const stage = of === "c" ? STAGE.last : STAGE.sum;
      return (await call(thread, of, "sum", { of, numbers: own }, stage, transfer)).point;
    });
    return (await Promise.all(parts)).reduce(addPoints, undefined);
  }

  const begun = Promise.all(threads.map((_, thread) => call(thread, "rows", "begin", { key, witness })));
  const [a, b] = [sum("a"), sum("b")];
  const c = Promise.all([quotient().then((numbers) => sum("c", numbers)), begun]).then(([point]) => point);
  // Whoever awaits one of them may not come to the others.
  for (const one of [a, b, c]) one.catch(() => {});
  return { a, b, c, timings };
}
