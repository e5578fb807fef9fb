import { WORK } from "../kernels/layout.ts";
import { sumOfPowers, type Group, type Point } from "../curve.ts";
import { BLOCK_BYTES, POINT_BYTES, type Engine } from "./engine.ts";

const BATCH = 2048;
const CHUNK = 16384;
const SCALAR_BITS = 254;

/** Points of a key in an engine's memory. */
export interface Bases {
  readonly group: Group;
  readonly at: number;
  readonly count: number;
  /** of the points that are not infinite */
  readonly finite: Uint32Array;
}

/** How points of a file are not what they should be: the first of them. */
export interface BadPoint {
  readonly bad: number;
}

/**
 * Takes points in as a .zkey holds them: coordinates x 2^256 mod q, zeros for infinity.
 * @param fill  writes `count` points
 */
export async function loadBases(
  engine: Engine,
  group: Group,
  count: number,
  fill: (to: Uint8Array) => void | Promise<void>,
): Promise<Bases | BadPoint> {
  const { heap, call } = engine;
  const bytes = POINT_BYTES[group];
  const blocks = Math.ceil(count / 8);
  const at = heap.alloc(blocks * 8 * bytes);
  try {
    heap.bytes(at, blocks * 8 * bytes).fill(0, count * bytes);
    await fill(heap.bytes(at, count * bytes));
    const finite = heap.scoped((alloc) => {
      const status = alloc(blocks * 8);
      call[`take${group}`](at, blocks, status);
      const states = heap.bytes(status, count);
      const bad = states.findIndex((state) => state > INFINITE);
      return bad < 0 ? indexesOf(states, FINITE) : { bad };
    });
    if (!(finite instanceof Uint32Array)) {
      heap.free(at);
      return finite;
    }
    return { group, at, count, finite };
  } catch (error) {
    heap.free(at);
    throw error;
  }
}

/** What `take` says of a point; above these it is none. */
const FINITE = 0;
const INFINITE = 1;

function indexesOf(states: Uint8Array, wanted: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < states.length; i++) if (states[i] === wanted) count++;
  const indexes = new Uint32Array(count);
  for (let i = 0, next = 0; i < states.length; i++) if (states[i] === wanted) indexes[next++] = i;
  return indexes;
}

type Alloc = (bytes: number) => number;

/** Scalars with the points that they belong to, in the engine's memory. */
interface Scalars {
  readonly bases: Bases;
  readonly at: number;
  /** bits of each, a byte */
  readonly lengths: number;
  /** how many of each length there are */
  readonly histogram: Uint32Array;
}

/** How scalars are cut into signed digits. */
interface Windows {
  /** bits of a digit */
  readonly width: number;
  readonly count: number;
  /** how many windows a scalar of so many bits takes */
  of(length: number): number;
}

/**
 * Sum of scalar_i point_i over one or more lists of points.
 * @param terms  scalars are 32 bytes each, little endian, below the group's order
 */
export function sumOfProducts(engine: Engine, terms: { bases: Bases; scalars: Uint8Array }[]): Point {
  const { heap } = engine;
  const { group } = terms[0].bases;
  return heap.scoped((alloc) => {
    const all = terms.map(({ bases, scalars }) => takeScalars(engine, alloc, bases, scalars));
    const lengths = new Uint32Array(SCALAR_BITS + 2);
    for (const { histogram } of all) for (let i = 1; i < lengths.length; i++) lengths[i] += histogram[i];
    if (lengths.every((count) => count === 0)) return undefined;
    const windows = bestWindows(lengths);
    const half = 2 ** (windows.width - 1);

    const { references, counts } = sortDigits(engine, alloc, all, windows);
    // Sums of buckets, of pairs of them level by level, and of the bits of each window.
    const work = makeWork(engine, alloc, group, windows.count * (2 * (half + 1) + windows.width));
    const results = alloc(4 * counts.length);
    sumSegments(engine, group, work, references, counts, results);
    const sums = sumBits(engine, { group, work, references, results, windows });
    return sumOfPowers(sums.map((reference) => engine.readPoint(group, reference)));
  });
}

/** Takes scalars in, signs aside, and counts them by length. */
function takeScalars({ heap, call }: Engine, alloc: Alloc, bases: Bases, scalars: Uint8Array): Scalars {
  const at = alloc(bases.count * 32 + 8);
  heap.bytes(at, bases.count * 32).set(scalars);
  const lengths = alloc(bases.count);
  call.prepare(at, bases.count, lengths);
  const bits = heap.bytes(lengths, bases.count);
  const { finite } = bases;
  const histogram = new Uint32Array(SCALAR_BITS + 2);
  for (let i = 0; i < finite.length; i++) histogram[bits[finite[i]]]++;
  return { bases, at, lengths, histogram };
}

/** References to the points of each digit, window by window, and how many each digit of each window has. */
function sortDigits(
  engine: Engine,
  alloc: Alloc,
  all: readonly Scalars[],
  { width, count: windows, of }: Windows,
): { references: number; counts: Uint32Array } {
  const { heap, call } = engine;
  const half = 2 ** (width - 1);
  const buckets = half + 1;
  let offset = 0n;
  for (let w = 0; w < windows - 1; w++) offset |= 1n << BigInt(width * w + width - 1);
  const offsetAt = alloc(32);
  heap.writeInteger(offsetAt, offset);
  let digits = 0;
  const ordered = all.map(({ bases, at, lengths, histogram }) => {
    call.shift(at, bases.count, offsetAt);
    // Counting sort by the number of windows, falling; zeros are left out.
    const next = new Uint32Array(windows + 2);
    for (let length = 1; length < histogram.length; length++) next[of(length)] += histogram[length];
    // How many scalars reach into each window.
    const reach = new Uint32Array(windows + 1);
    let sum = 0;
    for (let w = windows; w >= 1; w--) {
      const start = sum;
      sum += next[w];
      digits += next[w] * w;
      reach[w - 1] = sum;
      next[w] = start;
    }
    const indexAt = alloc(4 * sum);
    const indexes = heap.words(indexAt, sum);
    const bits = heap.bytes(lengths, bases.count);
    const windowsOf = new Uint8Array(256);
    for (let length = 1; length < histogram.length; length++) windowsOf[length] = of(length);
    const { finite } = bases;
    for (let i = 0; i < finite.length; i++) {
      const index = finite[i];
      if (bits[index] > 0) indexes[next[windowsOf[bits[index]]]++] = index;
    }
    return { bases, at, indexAt, reach };
  });

  const references = alloc(4 * digits + 4 * windows * buckets);
  const countsAt = alloc(4 * windows * buckets);
  heap.words(countsAt, windows * buckets).fill(0);
  const startsAt = alloc(4 * buckets);
  const shift = Math.log2(POINT_BYTES[all[0].bases.group]);
  let next = references;
  for (let w = 0; w < windows; w++) {
    const bit = w * width;
    const mask = 2 ** Math.min(width, 255 - bit) - 1;
    const middle = w === windows - 1 ? 0 : half;
    for (const { at, indexAt, reach } of ordered)
      call.count(at, indexAt, reach[w], bit, mask, middle, countsAt + 4 * buckets * w);
    const counts = heap.words(countsAt + 4 * buckets * w, buckets);
    const starts = heap.words(startsAt, buckets);
    for (let i = 0; i < buckets; i++) {
      starts[i] = next;
      next += 4 * counts[i];
    }
    for (const { bases, at, indexAt, reach } of ordered)
      call.place(at, indexAt, reach[w], bit, mask, middle, startsAt, bases.at, shift);
  }
  return { references, counts: heap.words(countsAt, windows * buckets).slice() };
}

/**
 * From sums of buckets to a sum for each bit: bucket k counts k times, so its sum goes to each bit that k has. The lowest bit
 * is that of the odd buckets; then pairs are added, and there are half as many buckets.
 * @param results  address of a reference for each bucket 0 to 2^(width-1) of each window. Is overwritten
 * @returns references by bit
 */
function sumBits(
  engine: Engine,
  given: { group: Group; work: number; references: number; results: number; windows: Windows },
): number[] {
  const { heap } = engine;
  const { group, work, references, results, windows } = given;
  const { width, count } = windows;
  const half = 2 ** (width - 1);
  /** References of one bit after the other, window by window, and how many there are. */
  const odd = new Uint32Array(count * (half + 1));
  const odds = new Uint32Array(count * width);
  let next = 0;
  const keep = (bit: number, window: number, reference: number) => {
    if (reference === 0) return;
    odd[next++] = reference;
    odds[bit * count + window]++;
  };

  // The last bucket alone has the last bit.
  let stride = half + 1;
  const tops = Array.from({ length: count }, (_, w) => heap.words(results, count * stride)[w * stride + half]);
  for (let bit = 0, size = half; size > 1; bit++, size /= 2) {
    const sums = heap.words(results, count * stride);
    const list = heap.words(references, count * size);
    const counts = new Uint32Array((count * size) / 2);
    let at = 0;
    for (let w = 0, pair = 0; w < count; w++)
      for (let i = w * stride; i < w * stride + size; i += 2, pair++) {
        const [low, high] = [sums[i], sums[i + 1]];
        keep(bit, w, high);
        if (low !== 0) list[at++] = low;
        if (high !== 0) list[at++] = high;
        counts[pair] = Number(low !== 0) + Number(high !== 0);
      }
    stride = size / 2;
    if (size > 2) sumSegments(engine, group, work, references, counts, results);
  }
  tops.forEach((reference, w) => keep(width - 1, w, reference));
  heap.words(references, next).set(odd.subarray(0, next));
  sumSegments(engine, group, work, references, odds, results);
  const sums = heap.words(results, odds.length);
  return Array.from({ length: odds.length }, (_, i) => sums[(i % width) * count + Math.floor(i / width)]);
}

/** Working memory of `sumSegments`, for this many sums that last, which lie one after the other from `WORK.kept` on. */
export function makeWork(engine: Engine, alloc: Alloc, group: Group, sums: number): number {
  const { heap } = engine;
  const blocks = BATCH / 8;
  const work = alloc(WORK.bytes);
  const fields = {
    [WORK.kept]: alloc((sums + 64) * POINT_BYTES[group]),
    [WORK.slots]: 0,
    [WORK.list]: alloc(BATCH * 12),
    [WORK.differences]: alloc(blocks * BLOCK_BYTES * (group === "G1" ? 1 : 3)),
    [WORK.products]: alloc((blocks + 2) * BLOCK_BYTES),
    [WORK.infinite]: 0,
  };
  for (const [field, value] of Object.entries(fields)) heap.words(work + Number(field), 1)[0] = value;
  return work;
}

/**
 * The sum of each segment of a list of references, which is overwritten. A segment of one has that reference as its sum.
 * @param counts   references of each segment
 * @param results  address of a reference for each segment; 0 is infinity
 */
export function sumSegments(
  engine: Engine,
  group: Group,
  work: number,
  references: number,
  counts: Uint32Array,
  results: number,
): void {
  const { heap, call } = engine;
  engine.infiniteFlag = work + WORK.infinite;
  let most = CHUNK;
  for (let i = 0; i < counts.length; i++) if (counts[i] > most) most = counts[i];
  heap.scoped((take) => {
    const slots = take(most * POINT_BYTES[group]);
    heap.words(work + WORK.slots, 1)[0] = slots;
    const countsAt = take(4 * counts.length);
    heap.words(countsAt, counts.length).set(counts);
    let at = references;
    for (let done = 0; done < counts.length;) {
      done += call[`sum${group}`](at, countsAt + 4 * done, counts.length - done, results + 4 * done, work);
      at += 4 * heap.words(work + WORK.taken, 1)[0];
    }
  });
}

/** The windows that take the fewest additions for scalars of these lengths. */
function bestWindows(histogram: Uint32Array): Windows {
  let best: Windows | undefined;
  let least = Infinity;
  for (let width = 2; width <= 16; width++) {
    const count = Math.ceil(SCALAR_BITS / width);
    // A digit above half of its range takes from the next window.
    const of = (length: number) => Math.min(count, Math.floor((length + 1) / width) + 1);
    let additions = count * 2 ** width;
    for (let length = 1; length < histogram.length; length++) additions += histogram[length] * of(length);
    if (additions < least) [best, least] = [{ width, count, of }, additions];
  }
  return best!;
}
