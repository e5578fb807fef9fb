import { randomBytes } from "node:crypto";
import { createWriteStream, type WriteStream } from "node:fs";
import { Client, Contradiction, type Fetch } from "../../../src/client/index.ts";
import { authHash, itemHash } from "../../../src/protocol/item.ts";
import { toJson } from "../../../src/protocol/json.ts";
import type { SignedReceipt } from "../../../src/protocol/receipt.ts";
import { readItem, readReceipt } from "../../../src/protocol/wire.ts";
import type { ProfileName } from "../../../src/protocol/instructions.ts";
import { Random } from "../../../src/replay/random.ts";
import { readKeys } from "../../../src/setup/keyFiles.ts";
import { pause } from "./tries.ts";

/** An item that was sent, as often as it may have been, and what the venues have answered. */
export interface Sent {
  readonly item: bigint;
  readonly auth: bigint;
  /** epoch of the store that was known to lead before it was sent first */
  readonly epoch: number;
  /** milliseconds, of `performance` */
  readonly at: number;
}

export interface Acknowledged extends Sent {
  readonly answeredAt: number;
  readonly receipt: SignedReceipt;
}

/** All that clients have sent, and all that they were answered: what the judge holds the venues to. */
export class Records {
  readonly sent = new Map<bigint, Sent>();
  readonly acknowledged: Acknowledged[] = [];
  /** what a client has found that cannot be true */
  readonly contradictions: string[] = [];
  /** answers that are no receipts, by code */
  readonly refusals = new Map<string, number>();
  readonly domain: bigint;
  readonly #epoch: () => number;
  readonly #file: WriteStream;

  /** @param epoch  of the store, as somebody who looks at it knows */
  constructor(domain: bigint, path: string, epoch: () => number) {
    this.domain = domain;
    this.#epoch = epoch;
    this.#file = createWriteStream(path, { flags: "a" });
  }

  sends(json: unknown): Sent {
    const { item, auth } = readItem(json);
    const hash = itemHash(this.domain, item);
    const known = this.sent.get(hash);
    if (known) return known;
    const sent = { item: hash, auth: authHash(auth), epoch: this.#epoch(), at: performance.now() };
    this.sent.set(hash, sent);
    this.#file.write(`${toJson({ sent })}\n`);
    return sent;
  }

  /** @param sent  what it answers; left out where it was asked for by nonce */
  answered(json: unknown, sent?: Sent): void {
    const receipt = readReceipt(json);
    const of = sent ?? this.sent.get(receipt.item);
    this.#file.write(`${toJson({ receipt })}\n`);
    if (of) this.acknowledged.push({ ...of, answeredAt: performance.now(), receipt });
    else this.contradictions.push(`a receipt for what was not sent: entry ${receipt.n}`);
  }

  refused(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  /** The first one of what was sent at that time or later. */
  firstSince(at: number): Acknowledged | undefined {
    // The last ones come last.
    return this.acknowledged.slice(-200).find((it) => it.at >= at);
  }
}

/** Milliseconds for which an answer is waited for: afterwards its item may be there, or not. */
const ANSWER_MS = 6_000;

/** `fetch`, with all that concerns items recorded. */
export function recordingFetch(records: Records): Fetch {
  return async (url, init = {}) => {
    const { pathname } = new URL(url);
    const isItem = init.method === "POST" && /\/(orders|quotes|cancels|withdrawals)$/.test(pathname);
    const sent = isItem ? records.sends(JSON.parse(String(init.body))) : undefined;
    const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_MS), ...(init.signal ? [init.signal] : [])]);
    try {
      const response = await fetch(url, { ...init, signal });
      if (!isItem && !pathname.endsWith("/receipt")) return response;
      const text = await response.text();
      const json = JSON.parse(text) as { receipt?: unknown; error?: { code: string } };
      if (response.ok && json.receipt) records.answered(json.receipt, sent);
      else if (json.error) records.refused(json.error.code);
      return new Response(text, { status: response.status, headers: response.headers });
    } catch (error) {
      if (isItem) records.refused("no answer");
      throw error;
    }
  };
}

const MARKETS = [101n, 105n] as const;
const PRICE = 100_000n;

/** People who trade without end, through the addresses of both venues. */
export class Traffic {
  readonly records: Records;
  readonly #url: string;
  readonly #random: Random;
  readonly #paceMs: number;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();
  readonly clients: Client[] = [];

  constructor(records: Records, { url, seed, paceMs }: { url: string; seed: number; paceMs: number }) {
    this.records = records;
    this.#url = url;
    this.#random = new Random(seed);
    this.#paceMs = paceMs;
  }

  /** Opens accounts with play money: before there are troubles, as a deposit of play money cannot be asked for. */
  async open(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const secret = new Uint8Array(randomBytes(32));
      const keysOf = (profile: string) => readKeys(profile as ProfileName);
      const client = await Client.open({ url: this.#url, keysOf, secret, fetch: recordingFetch(this.records) });
      const { x, y } = client.depositKey;
      // Numbers 0 and 1 are the operator's own.
      await client.api.post("/deposits", { keyX: String(x), keyY: String(y), index: 2 + i, amount: "50000000" });
      await client.login();
      this.clients.push(client);
    }
  }

  start(): void {
    this.#running = Promise.all(this.clients.map((client) => this.#trade(client)));
  }

  /** Waits for what is under way, and asks what became of what has no answer. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    for (const client of this.clients) await client.recall().catch((error: unknown) => this.#took(error));
  }

  async #trade(client: Client): Promise<void> {
    while (!this.#isOver) {
      await this.#act(client).catch((error: unknown) => this.#took(error));
      await pause(this.#paceMs * (0.5 + this.#random.unit()));
    }
  }

  async #act(client: Client): Promise<unknown> {
    const random = this.#random;
    const market = random.pick(MARKETS);
    const side = random.pick(["buy", "sell"] as const);
    const limit = PRICE + 10n * BigInt(random.integer(-20, 20));
    const size = BigInt(random.integer(1, 5));
    const chance = random.unit();
    // What the rules reject has a place in the log as well.
    const anyway = true;
    if (chance < 0.15) return client.cancel({ market, anyway });
    if (chance < 0.3) {
      const quote = (of: "buy" | "sell", by: bigint) => ({ side: of, limit: limit + by, size });
      return client.quotes({ market, orders: [quote("buy", -50n), quote("sell", 50n)], anyway });
    }
    return client.order({ market, side, limit, size, anyway });
  }

  #took(error: unknown): void {
    if (error instanceof Contradiction) this.records.contradictions.push(`${error.kind}: ${error.message}`);
  }
}
