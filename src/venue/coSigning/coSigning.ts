import { fetchJson, shownUrl, type Fetch } from "../../feeds/fetchJson.ts";
import { wait as waitFor, type Wait } from "../../feeds/wait.ts";
import {
  coSignedHeadJson,
  isFinal,
  readCoSignedHead,
  readSignature,
  type CoSignedHead,
  type CoSigners,
} from "../../protocol/coSigners.ts";
import { TacitError } from "../../protocol/errors.ts";
import { asObject } from "../../protocol/json.ts";
import type { HashedEntry } from "../../protocol/item.ts";
import { logHeadSigner, type LogHead, type SignedLogHead } from "../../protocol/logHead.ts";
import type { Store } from "../store/store.ts";
import { MOST_ENTRIES, type Shown } from "./coSigner.ts";
import type { LogCopy } from "./logCopy.ts";
import { readCoSignerState, shownText } from "./wire.ts";

export interface CoSigningOptions {
  readonly domain: bigint;
  readonly coSigners: CoSigners;
  /** where they are, in any order */
  readonly urls: readonly string[];
  /** of this opening of the store */
  readonly epoch: number;
  readonly log: LogCopy;
  /** the venue's signer, of a head that is in its book */
  readonly sign: (head: LogHead) => Promise<string>;
  readonly store: Pick<Store, "get" | "list" | "put">;
  readonly onFinal?: (head: CoSignedHead) => void;
  /** told when a co-signer ceases to sign, and when it signs again */
  readonly onPeer?: (coSigner: CoSignerStatus) => void;
  readonly fetch?: Fetch;
  readonly wait?: Wait;
}

/** How a co-signer does. */
export interface CoSignerStatus {
  readonly url: string;
  /** null before it has answered */
  readonly address: string | null;
  /** entries of the log that it has, as it said */
  readonly n: number | null;
  /** why it does not sign, or null */
  readonly fault: string | null;
}

export interface CoSigningStatus {
  /** in the order of their signatures */
  readonly addresses: readonly string[];
  readonly quorum: number;
  /** entries of the log that are final */
  readonly final: number;
  readonly coSigners: readonly CoSignerStatus[];
}

/** Milliseconds for an answer, and between attempts: doubled, up to the last. */
const PATIENCE = 5_000;
const PAUSES = { first: 200, last: 5_000 };
const LONGEST = 65_536;
/** Milliseconds between heads that nobody waits for: to check the signatures of each takes some. */
const PACE = 50;
/** Times that a co-signer may send the venue elsewhere, for one head, before it is given up for a while. */
const MOST_TURNS = 2;
/** Final heads at hand: beyond them those of rounds are read. */
const RECENT = 4_096;

interface Target {
  readonly signed: SignedLogHead;
  readonly signatures: (string | null)[];
}

interface Peer {
  readonly url: string;
  address: string | null;
  n: number | null;
  fault: string | null;
  /** what it has signed last */
  done: Target | null;
}

interface Wanted {
  readonly resolve: (head: CoSignedHead) => void;
  readonly reject: (error: Error) => void;
}

const statusOf = ({ url, address, n, fault }: Peer): CoSignerStatus => ({ url: shownUrl(url), address, n, fault });
const FINALS = "final/";
const finalName = (n: number): string => `${FINALS}${String(n).padStart(15, "0")}`;

/**
 * Has heads of the log signed by co-signers, one at a time: the oldest that somebody waits for, else the newest. Each co-signer is
 * brought to it from where it is; when a quorum has signed, it is final, and the next one's turn.
 */
export class CoSigning {
  readonly #options: CoSigningOptions;
  readonly #fetch: Fetch;
  readonly #wait: Wait;
  readonly #peers: Peer[];
  readonly #closed = new AbortController();
  readonly #running: Promise<void>[];
  #target: Target | null = null;
  #choosing: Promise<void> | null = null;
  /** by number of entries, rising */
  readonly #recent: CoSignedHead[] = [];
  /** heads that are waited for */
  readonly #wanted = new Map<number, Wanted[]>();
  readonly #changed = new Set<() => void>();
  #error: Error | null = null;
  #chosenAt = -Infinity;
  #set: CoSigners;

  constructor(options: CoSigningOptions) {
    this.#options = options;
    this.#set = options.coSigners;
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#wait = options.wait ?? waitFor;
    this.#peers = options.urls.map((url) => ({ url: url.replace(/\/+$/, ""), address: null, n: null, fault: null, done: null })); // prettier-ignore
    this.#running = this.#peers.map((peer) => this.#follow(peer));
    this.written();
  }

  get status(): CoSigningStatus {
    return {
      addresses: this.#set.addresses,
      quorum: this.#set.quorum,
      final: this.#recent.at(-1)?.n ?? 0,
      coSigners: this.#peers.map(statusOf),
    };
  }

  /** Why no heads are signed any more, or null. */
  get fault(): string | null {
    return this.#error?.message ?? null;
  }

  /** Who signs from now on, where they have changed: what others have made final counts no more. */
  use(coSigners: CoSigners): void {
    if (coSigners.addresses.join() === this.#set.addresses.join()) return;
    this.#set = coSigners;
    this.#target = null;
    this.#recent.length = 0;
    for (const peer of this.#peers) [peer.n, peer.done] = [null, null];
    this.#wake();
    this.#choose();
  }

  /** The log has grown. */
  written(): void {
    if (!this.#target) this.#choose();
  }

  /**
   * The head after exactly so many entries, once it is final, which is kept.
   * @throws CLOSED  when the venue is closed before
   */
  async finalAt(n: number): Promise<CoSignedHead> {
    const { store } = this.#options;
    const kept = await store.get(finalName(n));
    if (kept !== undefined) {
      const head = readCoSignedHead(finalName(n), JSON.parse(kept));
      if (isFinal(this.#set, head)) return head;
    }
    const head = await new Promise<CoSignedHead>((resolve, reject) => {
      if (this.#closed.signal.aborted) return reject(closed());
      const recent = this.#recent.find((it) => it.n === n);
      if (recent) return resolve(recent);
      this.#wanted.set(n, [...(this.#wanted.get(n) ?? []), { resolve, reject }]);
      this.written();
    });
    await store.put({ [finalName(n)]: JSON.stringify(coSignedHeadJson(head)) });
    return head;
  }

  /**
   * The first final head after so many entries, or more, and the entries between; null where there is none so far.
   * @returns `entries` null where there are more than `MOST_ENTRIES`
   */
  async final(n: number): Promise<{ final: CoSignedHead; entries: readonly HashedEntry[] | null } | null> {
    const { store, log } = this.#options;
    let final = this.#recent[0]?.n <= n ? this.#recent.find((it) => it.n >= n) : undefined;
    if (!final) {
      const [kept] = await store.list(FINALS, { after: finalName(n - 1), limit: 1 });
      const head = kept && readCoSignedHead(kept.name, JSON.parse(kept.text));
      final = head && isFinal(this.#set, head) ? head : undefined;
      const recent = this.#recent.find((it) => it.n >= n);
      if (recent && (!final || recent.n < final.n)) final = recent;
    }
    if (!final) return null;
    const count = final.n - n;
    if (count > MOST_ENTRIES) return { final, entries: null };
    const entries: HashedEntry[] = [];
    // Of long ones not all come at once.
    while (entries.length < count) {
      const found = await log.entries(n + entries.length, count - entries.length);
      entries.push(...found.map(({ item, auth, time }) => ({ item, auth, time })));
    }
    return { final, entries };
  }

  /** Fulfilled when some head after so many entries, or more, is final, or that time has passed. */
  async reached(n: number, ms: number): Promise<void> {
    const late = new AbortController();
    let isLate = false;
    const timer = this.#wait(ms, late.signal).then(() => (isLate = true));
    while (!isLate && !this.#closed.signal.aborted && (this.#recent.at(-1)?.n ?? 0) < n) {
      let wake = () => {};
      const changed = new Promise<void>((resolve) => this.#changed.add((wake = resolve)));
      await Promise.race([timer, changed]);
      // Nothing may become final for days.
      this.#changed.delete(wake);
    }
    late.abort();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const { reject } of [...this.#wanted.values()].flat()) reject(closed());
    this.#wake();
    await Promise.all([...this.#running, this.#choosing]);
  }

  /** Fulfilled at the next change of the target, or of what is final. */
  #next(): Promise<void> {
    return new Promise((resolve) => this.#changed.add(resolve));
  }

  #wake(): void {
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const resolve of changed) resolve();
  }

  /** Has the venue's signer sign the next head. One at a time. */
  #choose(): void {
    if (this.#closed.signal.aborted || this.#error) return;
    this.#choosing ??= this.#chosen()
      .catch((error: Error) => {
        // The venue's signer stops the venue itself.
        this.#error = error;
      })
      .finally(() => {
        this.#choosing = null;
        if (!this.#target && this.#due !== null) this.#choose();
      });
  }

  /** Entries of the head whose turn it is; null for none. */
  get #due(): number | null {
    if (this.#closed.signal.aborted || this.#error) return null;
    const count = this.#options.log.count;
    const wanted = [...this.#wanted.keys()].filter((n) => n <= count);
    if (wanted.length > 0) return Math.min(...wanted);
    return count > (this.#recent.at(-1)?.n ?? 0) ? count : null;
  }

  async #chosen(): Promise<void> {
    const early = this.#chosenAt + PACE - performance.now();
    if (early > 0 && this.#wanted.size === 0) await this.#wait(early, this.#closed.signal);
    const n = this.#due;
    if (n === null) return;
    this.#chosenAt = performance.now();
    const signed = await this.#signed(n, await this.#options.log.head(n));
    this.#target = { signed, signatures: this.#set.addresses.map(() => null) };
    this.#wake();
  }

  async #signed(n: number, head: bigint): Promise<SignedLogHead> {
    const { domain, epoch, sign } = this.#options;
    return { domain, epoch, n, head, signature: await sign({ domain, epoch, n, head }) };
  }

  /** Brings a co-signer from target to target. */
  async #follow(peer: Peer): Promise<void> {
    let pause = PAUSES.first;
    while (!this.#closed.signal.aborted) {
      const target = this.#target;
      if (!target || peer.done === target) {
        await this.#next();
        continue;
      }
      try {
        const signature = await this.#bring(peer, target);
        this.#become(peer, null);
        pause = PAUSES.first;
        if (signature !== null) this.#take(target, peer, signature);
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        this.#become(peer, error instanceof TacitError ? error.message : "it cannot be asked");
        // What it said last may not hold any more: it may have been set up anew.
        peer.n = null;
        await this.#wait(pause, this.#closed.signal);
        pause = Math.min(2 * pause, PAUSES.last);
      }
    }
  }

  #become(peer: Peer, fault: string | null): void {
    const isOther = (fault === null) !== (peer.fault === null);
    peer.fault = fault;
    if (isOther) this.#options.onPeer?.(statusOf(peer));
  }

  /** @returns its signature of the target; null when that has changed meanwhile */
  async #bring(peer: Peer, target: Target): Promise<string | null> {
    const { log } = this.#options;
    peer.n ??= await this.#cursor(peer);
    let turns = 0;
    while (this.#target === target && !this.#closed.signal.aborted) {
      const first = Math.min(peer.n, target.signed.n);
      const entries = await log.entries(first, Math.min(MOST_ENTRIES, target.signed.n - first));
      const n = first + entries.length;
      const signed = n === target.signed.n ? target.signed : await this.#signed(n, await log.head(n));
      try {
        const signature = await this.#show(peer, { first, entries, signed, final: null });
        peer.n = Math.max(peer.n, n);
        if (signed === target.signed) return signature;
      } catch (error) {
        if (!(error instanceof TacitError)) throw error;
        const n = error.details.n;
        // Whatever it says: the venue's signer is asked for heads of whole numbers of entries that are there only.
        if (typeof n !== "number" || !Number.isSafeInteger(n)) throw error;
        if (error.code === "GAP" && n >= 0 && n < first) peer.n = n;
        else if (error.code === "FORKED" && n >= 1 && n <= signed.n) peer.n = await this.#convince(peer, n);
        else throw error;
        // Who says so again and again is not asked at once again and again.
        if (++turns > MOST_TURNS) throw error;
      }
    }
    return null;
  }

  async #cursor(peer: Peer): Promise<number> {
    const { address, n } = readCoSignerState(await this.#ask(peer, "/v1/state"));
    if (!this.#set.addresses.includes(address))
      throw new TacitError("OTHER_VENUE", `it is ${address}, which is none of the venue's co-signers`);
    peer.address = address;
    return n;
  }

  /**
   * Shows a co-signer that has signed another head what a quorum has signed.
   * @param n  entries after which it has another
   * @returns entries that it has after that
   * @throws FORKED  when none is final from there on, or it does not give way
   */
  async #convince(peer: Peer, n: number): Promise<number> {
    const { log } = this.#options;
    const final = this.#recent.findLast((it) => it.n >= n && it.n - n < MOST_ENTRIES);
    const forked = new TacitError("FORKED", `it has signed another head after ${n} entries, and gives way to what a quorum has signed only`, { n }); // prettier-ignore
    if (!final) throw forked;
    // It may have parted before.
    for (let back = 1; ; back *= 2) {
      const first = Math.max(0, n - back);
      if (final.n - first > MOST_ENTRIES) throw forked;
      const entries = await log.entries(first, final.n - first);
      const signed = await this.#signed(final.n, final.head);
      try {
        await this.#show(peer, { first, entries, signed, final });
        return final.n;
      } catch (error) {
        if (!(error instanceof TacitError) || error.code !== "FORKED" || first === 0) throw error;
      }
    }
  }

  /** @returns its signature @throws as it says; UNREACHABLE, NOT_SIGNED */
  async #show(peer: Peer, shown: Shown): Promise<string> {
    const answer = await this.#ask(peer, "/v1/heads", shownText(shown));
    const signature = readSignature("signature", asObject("answer", answer).signature);
    if (logHeadSigner(shown.signed, signature) !== peer.address)
      throw new TacitError("NOT_SIGNED", "it answers with a signature that is not its own");
    return signature;
  }

  async #ask({ url }: Peer, path: string, body?: string): Promise<unknown> {
    const { status, json } = await fetchJson(this.#fetch, `${url}${path}`, {
      ...(body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body }),
      timeoutMs: PATIENCE,
      most: LONGEST,
      signal: this.#closed.signal,
    });
    if (status === 200) return json;
    const { code, message, details } = ((json ?? {}) as { error?: Record<string, unknown> }).error ?? {};
    if (typeof code !== "string" || !/^[A-Z_]{1,40}$/.test(code))
      throw new TacitError("UNREACHABLE", `it answered with status ${status}`);
    throw new TacitError(code, `it refuses: ${String(message).slice(0, 300)}`, (details ?? {}) as Record<string, unknown>); // prettier-ignore
  }

  #take(target: Target, peer: Peer, signature: string): void {
    peer.done = target;
    if (this.#target !== target) return;
    const { signed, signatures } = target;
    signatures[this.#set.addresses.indexOf(peer.address!)] = signature;
    const { domain, epoch, n, head } = signed;
    const final = { domain, epoch, n, head, signatures: [...signatures] };
    // Each was looked at as it came.
    if (signatures.filter((it) => it !== null).length < this.#set.quorum) return;
    this.#target = null;
    for (const { resolve } of this.#wanted.get(n) ?? []) resolve(final);
    this.#wanted.delete(n);
    if (n > (this.#recent.at(-1)?.n ?? 0)) {
      this.#recent.push(final);
      if (this.#recent.length > RECENT) this.#recent.shift();
    }
    this.#options.onFinal?.(final);
    this.#wake();
    this.#choose();
  }
}

function closed(): TacitError {
  return new TacitError("CLOSED", "the venue is closed: no head is signed any more");
}
