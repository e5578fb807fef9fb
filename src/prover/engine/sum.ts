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
  for (const state of states) if (state === wanted) count++;
  const indexes = new Uint32Array(count);
  let next = 0;
  states.forEach((state, i) => {
    if (state === wanted) indexes[next++] = i;
  });
  return indexes;
}

/**
 * Sum of scalar_i point_i over one or more lists of points.
 * @param terms  scalars are 32 bytes each, little endian, below the group's order
 */
export function sumOfProducts(engine: Engine, terms: { bases: Bases; scalars: Uint8Array }[]): Point {
  const { heap, call } = engine;
  const { group } = terms[0].bases;
  const pointBytes = POINT_BYTES[group];
  return heap.scoped((alloc) => {
    // Scalars of all terms, each with the indexes of those that matter, longest first.
    const lists = terms.map(({ bases, scalars }) => {
      const at = alloc(bases.count * 32 + 8);
      heap.bytes(at, bases.count * 32).set(scalars);
      const lengths = alloc(bases.count);
      call.prepare(at, bases.count, lengths);
      return { bases, at, lengths };
    });
    const histogram = new Uint32Array(SCALAR_BITS + 2);
    const used = lists.map(({ bases, lengths }) => {
      const bits = heap.bytes(lengths, bases.count);
      const own = new Uint32Array(SCALAR_BITS + 2);
      for (const i of bases.finite) own[bits[i]]++;
      own.forEach((count, length) => (histogram[length] += count));
      return own;
    });
    if (histogram.every((count, length) => length === 0 || count === 0)) return undefined;
    const width = bestWidth(histogram);
    const windows = Math.ceil(SCALAR_BITS / width);
    const half = 1 << (width - 1);
    const buckets = half + 1;
    const windowsOf = (length: number) => Math.min(windows, Math.floor((length + 1) / width) + 1);

    let offset = 0n;
    for (let w = 0; w < windows - 1; w++) offset |= 1n << BigInt(width * w + width - 1);
    const offsetAt = alloc(32);
    heap.writeInteger(offsetAt, offset);
    let digits = 0;
    const ordered = lists.map(({ bases, at, lengths }, term) => {
      call.shift(at, bases.count, offsetAt);
      // Counting sort by the number of windows, falling; zeros are left out.
      const own = used[term];
      const perWindow = new Uint32Array(windows + 2);
      for (let length = 1; length < own.length; length++) perWindow[windowsOf(length)] += own[length];
      const reach = new Uint32Array(windows + 1);
      let sum = 0;
      for (let w = windows; w >= 1; w--) {
        const start = sum;
        sum += perWindow[w];
        digits += perWindow[w] * w;
        reach[w - 1] = sum;
        perWindow[w] = start;
      }
      const indexAt = alloc(4 * sum);
      const indexes = heap.words(indexAt, sum);
      const bits = heap.bytes(lengths, bases.count);
      const windowOfLength = Array.from({ length: 256 }, (_, length) => windowsOf(length));
      for (const i of bases.finite) if (bits[i] > 0) indexes[perWindow[windowOfLength[bits[i]]]++] = i;
      return { bases, at, indexAt, reach };
    });

    // Sums of buckets, of pairs of them level by level, and of the bits of each window.
    const work = makeWork(engine, alloc, group, windows * (2 * buckets + width));
    const references = alloc(4 * digits + 4 * windows * buckets);
    const countsAt = alloc(4 * windows * buckets);
    heap.words(countsAt, windows * buckets).fill(0);
    const startsAt = alloc(4 * buckets);
    let next = references;
    for (let w = 0; w < windows; w++) {
      const bit = w * width;
      const last = w === windows - 1;
      const mask = 2 ** Math.min(width, 255 - bit) - 1;
      const args = ({ at, indexAt, reach }: (typeof ordered)[number]) =>
        [at, indexAt, reach[w], bit, mask, last ? 0 : half] as const;
      for (const list of ordered) call.count(...args(list), countsAt + 4 * buckets * w);
      const counts = heap.words(countsAt + 4 * buckets * w, buckets);
      const starts = heap.words(startsAt, buckets);
      for (let i = 0; i < buckets; i++) {
        starts[i] = next;
        next += 4 * counts[i];
      }
      for (const list of ordered) call.place(...args(list), startsAt, list.bases.at, Math.log2(pointBytes));
    }

    const results = alloc(4 * windows * buckets);
    sumSegments(engine, group, work, references, heap.words(countsAt, windows * buckets).slice(), results);

    // Bucket k counts k times: its sum goes to each bit that k has. What is left after bit b are sums of pairs.
    const bits: number[][] = Array.from({ length: windows * width }, () => []);
    let level = heap.words(results, windows * buckets).slice();
    for (let w = 0; w < windows; w++) {
      const top = level[w * buckets + half];
      if (top !== 0) bits[w * width + width - 1].push(top);
    }
    let size = half;
    level = Uint32Array.from({ length: windows * half }, (_, i) => level[Math.floor(i / half) * buckets + (i % half)]);
    for (let bit = 0; size > 1; bit++, size /= 2) {
      const counts = new Uint32Array((windows * size) / 2);
      const list = heap.words(references, windows * size);
      let at = 0;
      for (let i = 0; i < windows * size; i += 2) {
        const odd = level[i + 1];
        if (odd !== 0) bits[Math.floor(i / size) * width + bit].push(odd);
        const before = at;
        if (level[i] !== 0) list[at++] = level[i];
        if (odd !== 0) list[at++] = odd;
        counts[i / 2] = at - before;
      }
      if (size === 2) break;
      sumSegments(engine, group, work, references, counts, results);
      level = heap.words(results, counts.length).slice();
    }
    const counts = Uint32Array.from(bits, ({ length }) => length);
    const list = heap.words(
      references,
      counts.reduce((sum, count) => sum + count, 0),
    );
    let at = 0;
    for (const refs of bits) for (const ref of refs) list[at++] = ref;
    sumSegments(engine, group, work, references, counts, results);
    return sumOfPowers([...heap.words(results, counts.length)].map((ref) => engine.readPoint(group, ref)));
  });
}

/** Working memory of `sum`, for this many sums that last. */
function makeWork(engine: Engine, alloc: (bytes: number) => number, group: Group, sums: number): number {
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

function sumSegments(
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
  for (const count of counts) if (count > most) most = count;
  heap.scoped((take) => {
    const slots = take(most * POINT_BYTES[group]);
    heap.words(work + WORK.slots, 1)[0] = slots;
    const countsAt = take(4 * counts.length);
    heap.words(countsAt, counts.length).set(counts);
    call[`sum${group}`](references, countsAt, counts.length, results, work);
  });
}

/** The width of windows that takes the fewest additions for scalars of these lengths. */
function bestWidth(histogram: Uint32Array): number {
  let best = { width: 2, additions: Infinity };
  for (let width = 2; width <= 16; width++) {
    let additions = Math.ceil(SCALAR_BITS / width) * 2 ** width;
    histogram.forEach((count, length) => {
      if (length > 0)
        additions += count * Math.min(Math.ceil(SCALAR_BITS / width), Math.floor((length + 1) / width) + 1);
    });
    if (additions < best.additions) best = { width, additions };
  }
  return best.width;
}
