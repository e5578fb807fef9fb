import { asObject, badFormat, toJson } from "../../protocol/json.ts";
import { TacitError } from "../../protocol/errors.ts";
import type { Log } from "../log.ts";
import type { VenueEvent } from "../options.ts";
import { SIGNATURE_COST, type Desk } from "./desk.ts";
import { rateLimited, reportError, unauthorised } from "./errors.ts";
import { Counts } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { FRAMES, parse, SUBMIT_KINDS, type Channel, type SubmitKind } from "./schema.ts";
import type { Session } from "./sessions.ts";
import { shownAuction } from "../history.ts";
import { announcementJson, type ServedVenue } from "./views.ts";

/** The socket under a stream. */
export interface Wire {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Ends it at once. */
  terminate(): void;
  ping(): void;
  /** bytes that wait for the client to read */
  readonly bufferedAmount: number;
}

/** What a socket tells its stream. */
export interface Stream {
  /** A frame came; null for one that is not text. Never throws. */
  receive(text: string | null): void;
  /** The client is there: it answered a ping. */
  pong(): void;
  closed(): void;
}

export interface StreamsOptions {
  readonly streams: number;
  readonly streamsPerAddress: number;
  /** requests of one stream that may wait for an answer */
  readonly inFlight: number;
  /** bytes that may wait for a client to read */
  readonly bufferedBytes: number;
}

type Id = string | number;

/** Errors in a row after which a stream is closed: such a client does not listen. */
const PATIENCE = 1_000;

/** All streams of a service: requests and answers, and what happens in the venue. */
export class Streams {
  readonly #venue: ServedVenue;
  readonly #desk: Desk;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #options: StreamsOptions;
  readonly #open = new Set<Connection>();
  readonly #perAddress = new Counts<string>();
  readonly #listeners: Record<Channel, Set<Connection>> = {
    auctions: new Set(),
    rounds: new Set(),
    changes: new Set(),
    own: new Set(),
  };
  /** by x of the key that is logged in, of those that listen to what is their own */
  readonly #byKey = new Map<bigint, Set<Connection>>();
  /** items that wait for their answers, of all streams */
  #unanswered = 0;
  #onAnswered: (() => void) | null = null;
  #draining = false;

  constructor(parts: { venue: ServedVenue; desk: Desk; metrics: Metrics; log: Log }, options: StreamsOptions) {
    this.#venue = parts.venue;
    this.#desk = parts.desk;
    this.#metrics = parts.metrics;
    this.#log = parts.log;
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws STOPPED, RATE_LIMITED  when there is no room for one more stream of this address */
  requireRoom(address: string): void {
    if (this.#draining) throw new TacitError("STOPPED", "the service stops");
    const { streams, streamsPerAddress } = this.#options;
    if (this.#open.size >= streams || this.#perAddress.of(address) >= streamsPerAddress)
      throw rateLimited("too many streams are open: try again", 1_000);
  }

  /** Serves a socket that is open. `requireRoom` has been asked. */
  open(wire: Wire, address: string): Stream {
    const connection = new Connection(wire, address);
    this.#open.add(connection);
    this.#perAddress.add(address);
    this.#log.debug({ streams: this.#open.size }, "stream opened");
    return {
      receive: (text) => this.#receive(connection, text),
      pong: () => void (connection.alive = true),
      closed: () => {
        if (!this.#open.delete(connection)) return;
        connection.closing = true;
        this.#perAddress.remove(address);
        this.#listen(connection, []);
        this.#log.debug({ streams: this.#open.size }, "stream closed");
      },
    };
  }

  /** Ends streams that have not answered since the last call, and asks the others. */
  checkAlive(): void {
    for (const connection of this.#open) {
      if (!connection.alive) {
        connection.wire.terminate();
        continue;
      }
      connection.alive = false;
      connection.wire.ping();
    }
  }

  /** Answers what is asked already, nothing more, and closes all streams. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#unanswered > 0) await new Promise<void>((resolve) => (this.#onAnswered = resolve));
    for (const connection of this.#open) this.#close(connection, 1001, "the service stops");
  }

  /** Ends what is still open at once. */
  terminate(): void {
    for (const { wire } of this.#open) wire.terminate();
  }

  /** Tells those who listen. */
  event(event: VenueEvent): void {
    switch (event.kind) {
      case "auction":
        return this.#publish("auctions", () => ({ auction: shownAuction(event.auction, this.#venue.publish) }));
      case "round":
        return this.#publish("rounds", () => ({ round: event.round }));
      case "change":
        return this.#publish("changes", () => ({ change: event.change }));
      case "announcement":
        return this.#publish("changes", () => ({ announcement: announcementJson(event.announcement) }));
      case "booked":
        return this.#tellOwner(event.entry.account, () => event.entry);
      case "order": {
        const { kind: _, ...verdict } = event;
        return this.#tellOwner(event.account, () => ({ kind: "verdict", ...verdict }));
      }
      case "deposit":
        return this.#tellOwner(event.account, () => ({ ...event }));
      case "fill":
        return this.#tellOwner(event.fill.account, () => ({ ...event }));
      case "leads":
      case "stopped":
      case "provingStopped":
        return;
    }
  }

  #publish(channel: Channel, message: () => object): void {
    const listeners = this.#listeners[channel];
    if (listeners.size === 0) return;
    const text = toJson({ channel, ...message() });
    for (const connection of listeners) this.#send(connection, text);
  }

  #tellOwner(index: number, message: () => object): void {
    if (this.#byKey.size === 0) return;
    const account = this.#venue.account(index);
    const listeners = account && this.#byKey.get(account.keyX);
    if (!listeners) return;
    let text: string | null = null;
    for (const connection of listeners) {
      const session = connection.session!;
      if (session.key.y !== account.keyY) continue;
      if (this.#desk.isCurrent(session)) {
        this.#send(connection, (text ??= toJson({ channel: "own", ...message() })));
        continue;
      }
      this.#logout(connection);
      this.#send(connection, toJson({ channel: "own", kind: "expired" }));
    }
  }

  #receive(connection: Connection, text: string | null): void {
    if (connection.closing) return;
    let id: Id | null = null;
    let op = "none";
    try {
      const frame = asObject("frame", parseText(text));
      id = isId(frame.id) ? frame.id : null;
      this.#desk.charge(connection.address);
      if (id === null) throw badFormat("frame.id", "a text of at most 64 characters, or a whole number");
      if (this.#draining) throw new TacitError("STOPPED", "the service stops");
      op = typeof frame.op === "string" && Object.hasOwn(FRAMES, frame.op) ? frame.op : "none";
      switch (op as keyof typeof FRAMES | "none") {
        case "submit":
          return this.#submit(connection, id, frame);
        case "login":
          this.#login(connection, id, frame);
          break;
        case "subscribe":
          this.#subscribe(connection, id, frame);
          break;
        case "ping":
          parse("frame", FRAMES.ping, frame);
          this.#send(connection, toJson({ id, time: this.#venue.clock.now() }));
          break;
        default:
          throw badFormat("frame.op", `one of ${Object.keys(FRAMES).join(", ")}`);
      }
      connection.errors = 0;
    } catch (error) {
      this.#fail(connection, id, op, error);
    }
  }

  #submit(connection: Connection, id: Id, frame: Record<string, unknown>): void {
    if (Object.keys(frame).length > 4) throw badFormat("frame", "no other fields than op, id, kind, item");
    if (!isSubmitKind(frame.kind)) throw badFormat("frame.kind", `one of ${SUBMIT_KINDS.join(", ")}`);
    if (connection.inFlight >= this.#options.inFlight)
      throw rateLimited(`${connection.inFlight} requests of this stream wait for an answer: try again`, 1_000);
    connection.inFlight++;
    this.#unanswered++;
    void this.#desk
      .submit(frame.kind, frame.item, connection.address)
      .then(
        ({ receipt, verdict, account }) => {
          connection.errors = 0;
          if (this.#log.isLevelEnabled?.("debug")) this.#log.debug({ op: "submit", account, verdict }, "frame");
          this.#send(connection, JSON.stringify({ id, receipt, verdict }));
        },
        (error: unknown) => this.#fail(connection, id, "submit", error),
      )
      .finally(() => {
        connection.inFlight--;
        if (--this.#unanswered === 0) this.#onAnswered?.();
      });
  }

  #login(connection: Connection, id: Id, frame: Record<string, unknown>): void {
    const read = parse("frame", FRAMES.login, frame);
    if ("token" in read) {
      const session = this.#desk.session(read.token);
      this.#become(connection, session);
      const accounts = this.#desk.accountsOf(session);
      return this.#send(connection, toJson({ id, accounts, expires: session.expires }));
    }
    this.#desk.charge(connection.address, SIGNATURE_COST);
    const { op: _op, id: _id, ...request } = read;
    const { token, session } = this.#desk.login(request);
    this.#become(connection, session);
    const accounts = this.#desk.accountsOf(session);
    this.#send(connection, toJson({ id, token, accounts, expires: session.expires }));
  }

  #become(connection: Connection, session: Session): void {
    const { channels } = connection;
    this.#listen(connection, []);
    connection.session = session;
    this.#listen(connection, channels);
  }

  #logout(connection: Connection): void {
    this.#listen(
      connection,
      connection.channels.filter((channel) => channel !== "own"),
    );
    connection.session = null;
  }

  #subscribe(connection: Connection, id: Id, frame: Record<string, unknown>): void {
    const { channels } = parse("frame", FRAMES.subscribe, frame);
    if (channels.includes("own") && !(connection.session && this.#desk.isCurrent(connection.session)))
      throw unauthorised("the channel of one's own needs a session: log in");
    this.#listen(connection, [...new Set(channels)]);
    this.#send(connection, toJson({ id, channels: connection.channels }));
  }

  /** Has the connection listen to these channels, and no others. */
  #listen(connection: Connection, channels: readonly Channel[]): void {
    const { session } = connection;
    for (const channel of connection.channels) this.#listeners[channel].delete(connection);
    for (const channel of channels) this.#listeners[channel].add(connection);
    connection.channels = channels;
    if (!session) return;
    const listeners = this.#byKey.get(session.key.x) ?? new Set();
    if (channels.includes("own")) listeners.add(connection);
    else listeners.delete(connection);
    if (listeners.size > 0) this.#byKey.set(session.key.x, listeners);
    else this.#byKey.delete(session.key.x);
  }

  #fail(connection: Connection, id: Id | null, op: string, error: unknown): void {
    const { json, unexpected } = reportError(error);
    const { code } = json.error;
    this.#metrics.reject(code);
    if (unexpected) this.#log.error({ op, failure: unexpected }, "frame failed");
    else if (this.#log.isLevelEnabled?.("debug")) this.#log.debug({ op, code }, "frame refused");
    this.#send(connection, JSON.stringify({ id, ...json }));
    if (++connection.errors >= PATIENCE) this.#close(connection, 1008, "too many errors in a row");
  }

  #send(connection: Connection, text: string): void {
    if (connection.closing) return;
    connection.wire.send(text);
    // Who does not read what it asked for must not fill our memory.
    if (connection.wire.bufferedAmount > this.#options.bufferedBytes)
      this.#close(connection, 1013, "answers are not read");
  }

  #close(connection: Connection, code: number, reason: string): void {
    if (connection.closing) return;
    connection.closing = true;
    connection.wire.close(code, reason);
  }
}

class Connection {
  readonly wire: Wire;
  readonly address: string;
  session: Session | null = null;
  channels: readonly Channel[] = [];
  inFlight = 0;
  /** in a row */
  errors = 0;
  alive = true;
  /** whether nothing more is sent */
  closing = false;

  constructor(wire: Wire, address: string) {
    this.wire = wire;
    this.address = address;
  }
}

function parseText(text: string | null): unknown {
  if (text === null) throw badFormat("frame", "text");
  try {
    return JSON.parse(text);
  } catch {
    throw badFormat("frame", "JSON");
  }
}

/** What `IdSchema` takes. */
function isId(value: unknown): value is Id {
  return typeof value === "string" ? value.length <= 64 : Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSubmitKind(value: unknown): value is SubmitKind {
  return (SUBMIT_KINDS as readonly unknown[]).includes(value);
}
