/** Seeded generator for demonstrations and replays: xorshift128 (Marsaglia 2003). Never for secrets. */
export class Random {
  readonly #state: Uint32Array;
  constructor(seed: number) {
    this.#state = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162);
    for (let i = 0; i < 16; i++) this.#next();
  }

  #next(): number {
    const s = this.#state;
    const t = s[0] ^ (s[0] << 11);
    s[0] = s[1];
    s[1] = s[2];
    s[2] = s[3];
    s[3] = s[3] ^ (s[3] >>> 19) ^ t ^ (t >>> 8);
    return s[3];
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  /** Uniform integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)];
  }

  /** Exponential waiting time of a Poisson process. */
  waiting(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  /** Uniform below 2^bits. */
  bits(bits: number): bigint {
    let value = 0n;
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.#next());
    return BigInt.asUintN(bits, value);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.integer(0, 255));
  }
}
