/** Draws from a seed, mostly at the ends of what is legal. */
import type { Random } from "../../../src/replay/random.ts";
import { max, min } from "../../../src/protocol/numbers.ts";

export class Draw {
  readonly random: Random;
  constructor(random: Random) {
    this.random = random;
  }

  chance(p: number): boolean {
    return this.random.unit() < p;
  }

  pick<T>(items: readonly T[]): T {
    return this.random.pick(items);
  }

  count(low: number, high: number): number {
    return this.random.integer(low, high);
  }

  /** Of [low, high]: an end, its neighbour, or something as many bits away from an end or from 0 as may be. */
  ends(low: bigint, high: bigint): bigint {
    const width = (high - low).toString(2).length;
    const away = () => this.random.bits(this.count(0, width));
    const near = () => this.pick([low + away(), high - away(), away(), -away()]);
    const drawn = this.chance(0.5)
      ? this.pick([low, high])
      : this.chance(0.3)
        ? this.pick([low + 1n, high - 1n])
        : near();
    return max(low, min(high, drawn));
  }

  /** One of these with chance p each, in order; else `otherwise`. */
  rarely<T>(p: number, rare: readonly T[], otherwise: T): T {
    return this.chance(p * rare.length) ? this.pick(rare) : otherwise;
  }
}

/** 2^bits - 1 */
export const below = (bits: number) => (1n << BigInt(bits)) - 1n;
