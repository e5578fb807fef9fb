import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { verify, type Point } from "../../protocol/eddsa.ts";
import { outOfRange } from "../../protocol/errors.ts";
import { sessionMessage, type SessionRequest } from "../../protocol/wire.ts";
import { unauthorised } from "./errors.ts";

/** Longest time for which a session may be asked, seconds. */
export const SESSION_SECONDS = 3_600n;
/** Sessions of one key: an older one ends when a further one begins. */
const PER_KEY = 8;
/** 32 bytes in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export interface Session {
  readonly key: Point;
  /** seconds since 1970 */
  readonly expires: bigint;
}

export interface SessionsOptions {
  readonly domain: bigint;
  /** whether a host is one of this venue's */
  readonly isHost: (host: string) => boolean;
  /** seconds since 1970 */
  readonly now: () => bigint;
  /** sessions that are kept: as many of keys with an account as of keys without, so that neither crowd out the other */
  readonly most: number;
}

/** Sessions by the hash of their token: whoever reads this memory has no token. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #pools: Record<"known" | "unknown", Map<string, Session>> = { known: new Map(), unknown: new Map() };

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#pools.known.size + this.#pools.unknown.size;
  }

  /**
   * Begins a session of whoever signed the request.
   * @param known  whether the key has an account
   * @throws OUT_OF_RANGE  when it expires before now or too late
   * @throws UNAUTHORISED  when it is for another host, or not signed by the key
   */
  open({ host, key, expires, signature }: SessionRequest, known: boolean): { token: string; session: Session } {
    const { domain, now, most, isHost } = this.#options;
    const time = now();
    if (expires <= time || expires > time + SESSION_SECONDS)
      throw outOfRange("session.expires", `after the present, and at most ${SESSION_SECONDS} s`);
    if (!isHost(host)) throw unauthorised("the session is signed for another host than the venue's");
    if (!verify(key, sessionMessage(domain, { host, key, expires }), signature))
      throw unauthorised("the session is not signed by its key");
    const pool = known ? this.#pools.known : this.#pools.unknown;
    this.#makeRoom(pool, key, Math.ceil(most / 2), time);
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const token = btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
    const session = { key, expires };
    pool.set(hashOf(token), session);
    return { token, session };
  }

  /** The session of a token that is still good, or null. */
  find(token: string): Session | null {
    if (!TOKEN.test(token)) return null;
    const hash = hashOf(token);
    for (const pool of Object.values(this.#pools)) {
      const session = pool.get(hash);
      if (!session) continue;
      if (session.expires > this.#options.now()) return session;
      pool.delete(hash);
    }
    return null;
  }

  #makeRoom(pool: Map<string, Session>, key: Point, most: number, time: bigint): void {
    const own: string[] = [];
    for (const [hash, { key: other, expires }] of pool) {
      if (expires <= time) pool.delete(hash);
      else if (other.x === key.x && other.y === key.y) own.push(hash);
    }
    for (const hash of own.slice(0, Math.max(0, own.length - PER_KEY + 1))) pool.delete(hash);
    while (pool.size >= most) pool.delete(pool.keys().next().value!);
  }
}

function hashOf(token: string): string {
  return bytesToHex(sha256(utf8ToBytes(token)));
}
