/** A price of one second, and what is quoted of it, for development: made of a seed, and the same whenever it is asked. */
export interface PathOptions {
  /** any bytes, at least 4 */
  readonly seed: Uint8Array;
  /** cash units a lot at `startTime`, at least 1 */
  readonly startPrice: bigint;
  /** seconds since 1970 */
  readonly startTime: bigint;
  /** from that second on the price is lower by a part of it, 0 < by < 1 */
  readonly crash?: { readonly at: bigint; readonly by: number } | null;
}

/** Of the diffusion, per sqrt(year); of a jump, one in each cell; seconds of a cell. */
const VOLATILITY = 0.6;
const JUMP = 0.01;
const CELL = 21_600;
/** Of futures over the index a year, and a typical premium of the perpetual. */
const CARRY = 0.04;
const PREMIUM = 3e-4;
const PREMIUM_MEMORY = 1_800;
const YEAR = 31_536_000;
/** Times below 2^33 seconds. */
const LONGEST = 2 ** 33;
const [DIFFUSION, JUMPS, JUMP_TIMES, MARKS] = [1, 2, 3, 4];

/**
 * Logarithms of prices move as a jump diffusion (Merton 1976, "Option pricing when underlying stock returns are discontinuous"),
 * but with one normal jump in each cell of time. Any second is computed by itself, by Levy's construction of Brownian motion:
 * the middle of an interval whose ends are known is their mean and a normal number that belongs to the interval.
 */
export class PricePath {
  readonly #seed: number;
  readonly #start: number;
  readonly #crash: { at: number; by: number } | null;

  /** by walk, the intervals that the last time lay in, the widest first: the next one lies in most of them */
  readonly #intervals: Interval[][] = [];

  constructor({ seed, startPrice, startTime, crash = null }: PathOptions) {
    const words = new DataView(seed.buffer, seed.byteOffset, seed.length);
    this.#seed = Array.from({ length: seed.length >> 2 }, (_, i) => words.getUint32(4 * i, true)).reduce(mixed, 0);
    this.#crash = crash && { at: Number(crash.at), by: crash.by };
    this.#start = Math.log(Number(startPrice)) - this.#log(Number(startTime));
  }

  /** Of the index at a second. */
  price(time: number): number {
    const fallen = this.#crash && time >= this.#crash.at ? 1 - this.#crash.by : 1;
    return Math.exp(this.#start + this.#log(time)) * fallen;
  }

  /** Of the perpetual, in parts of the index. */
  premium(time: number): number {
    const before = Math.max(0, time - PREMIUM_MEMORY);
    const change = this.#brownian(MARKS, time) - this.#brownian(MARKS, before, MARKS + 1);
    return (PREMIUM * change) / Math.sqrt(PREMIUM_MEMORY);
  }

  /** Of a future, in parts of the index. @param tau  seconds to its expiry */
  basis(tau: number): number {
    return Math.exp((CARRY * Math.max(0, tau)) / YEAR) - 1;
  }

  /** Per sqrt(year), from 0.3 to 1.5: higher for strikes away from the price, more so for those below it. */
  volatility(price: number, strike: number): number {
    const distance = Math.log(strike / price);
    return Math.max(0.3, Math.min(1.5, VOLATILITY - 0.1 * distance + 0.4 * distance * distance));
  }

  /** Uniform in [0, 1), for each stream and position one. */
  unit(stream: number, position: number, level = 0): number {
    return this.#hash(stream, level, position, 0) / 2 ** 32;
  }

  #log(time: number): number {
    const cell = Math.floor(time / CELL);
    const jumped = time >= (cell + this.unit(JUMP_TIMES, cell)) * CELL ? cell + 1 : cell;
    return (VOLATILITY / Math.sqrt(YEAR)) * this.#brownian(DIFFUSION, time) + JUMP * this.#brownian(JUMPS, jumped);
  }

  /**
   * Brownian motion at a whole number, 0 at 0.
   * @param time  0 <= time < 2^33
   * @param walk  of those who ask for times near each other
   */
  #brownian(stream: number, time: number, walk = stream): number {
    const known = (this.#intervals[walk] ??= [
      { low: 0, size: LONGEST, left: 0, right: Math.sqrt(LONGEST) * this.#normal(stream, 0, 0) },
    ]);
    while (time < known.at(-1)!.low || time >= known.at(-1)!.low + known.at(-1)!.size) known.pop();
    for (let at = known.at(-1)!; ; known.push(at)) {
      const { low, size, left, right } = at;
      if (time === low) return left;
      const middle = (left + right) / 2 + (Math.sqrt(size) / 2) * this.#normal(stream, known.length, low / size);
      const half = size / 2;
      if (time < low + half) at = { low, size: half, left, right: middle };
      else at = { low: low + half, size: half, left: middle, right };
    }
  }

  /** Box and Muller 1958. */
  #normal(stream: number, level: number, position: number): number {
    const [a, b] = [0, 1].map((draw) => (this.#hash(stream, level, position, draw) + 1) / (2 ** 32 + 1));
    return Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
  }

  /** 32 bits: MurmurHash3 (Appleby) of the words. Never for secrets. */
  #hash(stream: number, level: number, position: number, draw: number): number {
    let h = this.#seed;
    for (const word of [stream, level, position >>> 0, Math.floor(position / 2 ** 32), draw]) h = mixed(h, word);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
  }
}

interface Interval {
  readonly low: number;
  readonly size: number;
  /** the motion at its ends */
  readonly left: number;
  readonly right: number;
}

function mixed(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}
