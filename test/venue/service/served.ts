import { pino, type Logger } from "pino";
import { sign } from "../../../src/protocol/eddsa.ts";
import { itemJson, sessionJson, sessionMessage } from "../../../src/protocol/wire.ts";
import { createApp } from "../../../src/venue/service/app.ts";
import type { Caller } from "../../../src/venue/service/call.ts";
import type { ServiceOptions } from "../../../src/venue/service/options.ts";
import type { Stream, Wire } from "../../../src/venue/service/stream.ts";
import type { ServedVenue } from "../../../src/venue/service/views.ts";
import type { VenueOptions } from "../../../src/venue/options.ts";
import {
  genesis,
  genesisJson,
  openTestVenue,
  traders as makeTraders,
  type ManualClock,
  type Trader,
} from "../fixture.ts";

export const SILENT: Logger = pino({ level: "silent" });
/** For tests that are about something else. */
export const NO_RATES = { account: { rate: 1e9, burst: 1e9 }, address: { rate: 1e9, burst: 1e9 } };

/** What ends that which a test has opened, should it not come to do so itself. */
export const closing: (() => Promise<void>)[] = [];

/** For `afterEach`: a test that fails must not keep the process. */
export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: any;
}

/** A venue in memory with some traders, and its service without a socket. */
export async function serve({
  options = {},
  venue: venueOptions = {},
  traders: count = 2,
}: {
  options?: Partial<ServiceOptions>;
  venue?: Partial<VenueOptions>;
  traders?: number;
} = {}) {
  const traders = makeTraders(count);
  const { venue, clock } = await openTestVenue({ ...venueOptions, traders });
  const service = createApp({ venue, options: serviceOptions(options) });
  closing.push(() => venue.close());
  const ask = asker(service.app);
  return {
    venue,
    clock,
    traders,
    service,
    ask,
    /** A session of a trader. @returns its token */
    async login(trader: Trader): Promise<string> {
      const { json } = await ask("/v1/session", post(session(trader, clock)));
      return json.token;
    },
    async close() {
      service.close();
      await venue.close();
    },
  };
}

export function serviceOptions(options: Partial<ServiceOptions>): ServiceOptions {
  return { genesisJson, version: "0.0.0", log: SILENT, rates: NO_RATES, ...options };
}

/** Asks a service without a socket. */
export function asker(app: ReturnType<typeof createApp>["app"]) {
  return async (path: string, init: RequestInit = {}, caller: Caller = {}): Promise<Answer> => {
    const response = await app.request(path, init, caller);
    const text = await response.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  };
}

export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method: "POST", body: text, headers: { "content-type": "application/json", ...headers } };
}

export function bearer(token: string): RequestInit {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** The body of a request for a session. */
export function session(trader: Trader, clock: Pick<ManualClock, "now">, seconds = 600n) {
  const { key } = trader;
  const expires = clock.now() + seconds;
  const wanted = { host: "localhost", key, expires };
  return sessionJson({ ...wanted, signature: sign(trader.secret, sessionMessage(genesis.domain, wanted)) });
}

export function order(
  trader: Trader,
  side: "buy" | "sell" = "buy",
  size = 1n,
  limit = 100_000n,
  changes: { thisAuction?: boolean } = {},
) {
  const { item, auth } = trader.order(side, size, limit, changes);
  return itemJson(item, auth);
}

/** A venue that does all that another does but some. */
export function venueWith(venue: ServedVenue, changes: Partial<ServedVenue>): ServedVenue {
  return new Proxy(venue, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof ServedVenue];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A socket that is none: keeps what it was told. */
export class FakeWire implements Wire {
  readonly frames: any[] = [];
  closedWith: number | null = null;
  terminated = false;
  pings = 0;
  bufferedAmount = 0;
  #waiting: { holds: (frame: any) => boolean; resolve: (frame: any) => void }[] = [];

  send(text: string): void {
    const frame = JSON.parse(text);
    this.frames.push(frame);
    for (const { resolve } of this.#waiting.filter(({ holds }) => holds(frame))) resolve(frame);
    this.#waiting = this.#waiting.filter(({ holds }) => !holds(frame));
  }

  close(code: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  ping(): void {
    this.pings++;
  }

  /** The first frame that satisfies, of those that came and those that will. */
  frame(holds: (frame: any) => boolean): Promise<any> {
    const found = this.frames.find(holds);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  /** Sends a frame to the stream, and waits for the answer to it. */
  ask(stream: Stream, frame: { id: string | number; [field: string]: unknown }): Promise<any> {
    stream.receive(JSON.stringify(frame));
    return this.frame(({ id }) => id === frame.id);
  }
}
