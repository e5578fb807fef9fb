import { Recent } from "../recent.ts";

/** A token bucket: `rate` tokens a second flow in, at most `burst` are held. */
export interface Rate {
  readonly rate: number;
  readonly burst: number;
}

export interface BucketOptions extends Rate {
  /** buckets that are kept, and half of them at least: those that were left alone longest are forgotten, which are the fullest */
  readonly most: number;
  /** milliseconds, never falling */
  readonly now: () => number;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Token buckets by key, in bounded room. */
export class TokenBuckets<Key> {
  readonly #options: BucketOptions;
  readonly #buckets: Recent<Key, Bucket>;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#buckets = new Recent(Math.ceil(options.most / 2));
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes tokens, or none. @returns 0 when they were taken, else milliseconds until they could be */
  take(key: Key, cost = 1): number {
    const bucket = this.#bucket(key);
    // What costs more than a full bucket leaves a debt, or it could never be had.
    const lacking = Math.min(cost, this.#options.burst) - bucket.tokens;
    if (lacking > 0) return (lacking / this.#options.rate) * 1000;
    bucket.tokens -= cost;
    return 0;
  }

  /** Milliseconds until there is a token, 0 when there is one. Takes none. */
  wait(key: Key): number {
    const { tokens } = this.#bucket(key);
    return tokens >= 1 ? 0 : ((1 - tokens) / this.#options.rate) * 1000;
  }

  /** Takes tokens for what has been done already: they may be owed, up to a whole bucket. */
  charge(key: Key, cost = 1): void {
    const bucket = this.#bucket(key);
    bucket.tokens = Math.max(bucket.tokens - cost, -this.#options.burst);
  }

  #bucket(key: Key): Bucket {
    const { rate, burst, now } = this.#options;
    const at = now();
    const known = this.#buckets.get(key);
    if (known) {
      known.tokens = Math.min(burst, known.tokens + ((at - known.at) * rate) / 1000);
      known.at = at;
      this.#buckets.set(key, known);
      return known;
    }
    const fresh = { tokens: burst, at };
    this.#buckets.set(key, fresh);
    return fresh;
  }
}

/** How many of something each key has, without an entry for who has none. */
export class Counts<Key> {
  readonly #counts = new Map<Key, number>();

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: Key): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

/**
 * Who counts as one sender: an IPv4 address, or the first 64 bits of an IPv6 address, since whoever has one has all that
 * begin with them.
 */
export function senderOf(address: string): string {
  const text = address.toLowerCase().split("%")[0];
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (mapped) return mapped[1];
  if (!text.includes(":")) return text;
  const [head, tail] = text.split("::");
  const left = head ? head.split(":") : [];
  const right = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const words = [...left, ...Array<string>(zeros).fill("0"), ...right].slice(0, 4);
  return `${words.map((word) => word.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
