// Goal: a stream answers what is asked, tells what happens to whom it concerns and to nobody else, and no client can fill
// memory, hold a socket for ever, or keep the service from stopping.
// Method: streams on sockets that are none, where the test decides what is read and when; then the same on real ones.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import WebSocket from "ws";
import { receiptDefect } from "../../../src/protocol/receipt.ts";
import { itemJson, readReceipt } from "../../../src/protocol/wire.ts";
import { createApp } from "../../../src/venue/service/app.ts";
import { FrameAnswerSchema, IdSchema, PushSchema } from "../../../src/venue/service/schema.ts";
import { startService, type ServerOptions } from "../../../src/venue/service/server.ts";
import type { Acknowledgement, VenueEvent } from "../../../src/venue/options.ts";
import { eventOf, gate, SIGNER, simulatedProver } from "../fixture.ts";
import {
  bearer,
  closeAll,
  closing,
  FakeWire,
  order,
  post,
  serve,
  serviceOptions,
  session,
  venueWith,
} from "./served.ts";

type Served = Awaited<ReturnType<typeof serve>>;

function open({ service }: Pick<Served, "service">, address = "10.0.0.1") {
  const wire = new FakeWire();
  service.streams.requireRoom(address);
  const stream = service.streams.open(wire, address);
  return { wire, stream, ask: (frame: { id: string | number; [field: string]: unknown }) => wire.ask(stream, frame) };
}

function checkFrames({ frames }: FakeWire): void {
  for (const frame of frames) {
    const { error } = ("channel" in frame ? PushSchema : FrameAnswerSchema).safeParse(frame);
    assert.equal(error, undefined, `${JSON.stringify(frame)}: ${error?.message}`);
  }
}

describe("a stream", () => {
  afterEach(closeAll);

  it("takes items, and answers each by its id", async () => {
    const it_ = await serve();
    const [alice, bob] = it_.traders;
    const { wire, ask } = open(it_);
    const withdrawal = alice.withdrawal(5n);
    const cancel = bob.cancel();
    const answers = await Promise.all([
      ask({ op: "submit", id: "a", kind: "withdrawal", item: itemJson(withdrawal.item, withdrawal.auth) }),
      ask({ op: "submit", id: 7, kind: "order", item: order(alice) }),
      ask({ op: "submit", id: "", kind: "cancel", item: itemJson(cancel.item, cancel.auth) }),
    ]);
    assert.deepEqual(
      answers.map(({ id, verdict }) => [id, verdict]),
      [
        ["a", "admitted"],
        [7, "admitted"],
        ["", "admitted"],
      ],
    );
    for (const { receipt } of answers) assert.equal(receiptDefect(readReceipt(receipt), SIGNER.address), null);
    checkFrames(wire);
    await it_.close();
  });

  it("answers what it cannot take with an error, and goes on", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const { wire, stream, ask } = open(it_);
    const item = order(alice);
    const refused = async (frame: any, code: string, holds = /./) => {
      const { error } = await ask(frame);
      assert.equal(error.code, code);
      assert.match(error.message, holds);
    };
    await refused({ op: "submit", id: 1, kind: "cancel", item }, "WRONG_KIND");
    await refused({ op: "submit", id: 2, kind: "order", item: { ...item, S: "5" } }, "DECLINED");
    await refused({ op: "submit", id: 3, kind: "order", item: { ...item, S: 5 } }, "FORMAT", /item\.S/);
    await refused({ op: "submit", id: 4, kind: "orders", item }, "FORMAT", /frame\.kind/);
    await refused({ op: "submit", id: 5, kind: "order" }, "FORMAT", /item/);
    await refused({ op: "submit", id: 6, kind: "order", item, more: 1 }, "FORMAT", /no other fields/);
    await refused({ op: "other", id: 7 }, "FORMAT", /frame\.op/);
    await refused({ op: "constructor", id: 8 }, "FORMAT", /frame\.op/);
    await refused({ id: 9 }, "FORMAT", /frame\.op/);
    await refused({ op: "ping", id: 10, more: 1 }, "FORMAT", /no other fields/);
    await refused({ op: "subscribe", id: 11, channels: ["all"] }, "FORMAT");
    await refused({ op: "subscribe", id: 12, channels: ["own"] }, "UNAUTHORISED", /log in/);
    await refused({ op: "login", id: 13, token: "A".repeat(43) }, "UNAUTHORISED");
    await refused({ op: "login", id: 14 }, "FORMAT");
    await refused({ op: "login", id: 15, ...session(alice, it_.clock), S: "5" }, "UNAUTHORISED");
    for (const text of [null, "", "{", "[]", "null", '"text"', "{}", '{"id":{}}', '{"op":"ping","id":-1}']) {
      const { length } = wire.frames;
      stream.receive(text);
      assert.equal(wire.frames[length].id, null);
      assert.equal(wire.frames[length].error.code, "FORMAT");
    }
    const { time } = await ask({ op: "ping", id: "still there" });
    assert.equal(time, String(it_.clock.now()));
    checkFrames(wire);
    await it_.close();
  });

  it("names requests as the schema says", async () => {
    const it_ = await serve({ traders: 1 });
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.string({ minLength: 60, maxLength: 70 }), fc.integer(), fc.double()),
        (id) => {
          const { wire, stream } = open(it_);
          stream.receive(JSON.stringify({ op: "ping", id }));
          // As JSON has it: it knows no -0, and no NaN.
          const sent = JSON.parse(JSON.stringify({ id })).id;
          if (IdSchema.safeParse(sent).success) assert.deepEqual(wire.frames[0].id, sent);
          else assert.equal(wire.frames[0].error.code, "FORMAT");
          stream.closed();
        },
      ),
    );
    await it_.close();
  });

  it("tells of auctions and rounds who asks for them, and of what is one's own its owner alone", async () => {
    const it_ = await serve({ venue: { prover: simulatedProver().prover } });
    const { venue, clock, traders, login } = it_;
    const [alice, bob] = traders;
    const [ofAlice, ofBob, ofAnybody] = [open(it_), open(it_), open(it_)];
    const token = await login(alice);
    assert.deepEqual((await ofAlice.ask({ op: "login", id: 1, token })).accounts, [alice.index]);
    const answer = await ofBob.ask({ op: "login", id: 1, ...session(bob, clock) });
    assert.deepEqual(answer.accounts, [bob.index]);
    assert.equal((await it_.ask("/v1/account", bearer(answer.token))).json.index, bob.index);
    for (const { ask } of [ofAlice, ofBob])
      assert.deepEqual((await ask({ op: "subscribe", id: 2, channels: ["own"] })).channels, ["own"]);
    await ofAnybody.ask({ op: "subscribe", id: 2, channels: ["rounds", "auctions", "auctions"] });

    const sent = await ofAlice.ask({ op: "submit", id: 3, kind: "order", item: order(alice, "buy", 2n, 100_100n) });
    await it_.ask("/v1/orders", post(order(bob, "sell", 2n, 99_900n)));
    const verdict = await ofAlice.wire.frame(({ kind }) => kind === "verdict");
    assert.deepEqual(verdict, {
      channel: "own",
      kind: "verdict",
      account: alice.index,
      n: Number(sent.receipt.n),
      nonce: "1",
      item: "order",
      verdict: "admitted",
    });
    clock.advance(20n);
    const { fill } = await ofAlice.wire.frame(({ kind }) => kind === "fill");
    assert.deepEqual([fill.account, fill.lots], [alice.index, "2"]);
    const { auction } = await ofAnybody.wire.frame(({ channel }) => channel === "auctions");
    assert.deepEqual([auction.volume, auction.matched, auction.curves], ["2", true, undefined]);
    await venue.deposit([{ ...alice.deposit, amount: 9n }]);
    const deposit = await ofAlice.wire.frame(({ kind }) => kind === "deposit");
    assert.deepEqual([deposit.account, deposit.amount], [alice.index, "9"]);
    // Another account of the same key: it is told of as well.
    await venue.deposit([{ ...alice.deposit, index: 0, amount: 8n }]);
    const other = await ofAlice.wire.frame(({ kind, amount }) => kind === "deposit" && amount === "8");
    assert.notEqual(other.account, alice.index);
    clock.advance(60n);
    const { round } = await ofAnybody.wire.frame(({ channel }) => channel === "rounds");
    assert.equal(round.number, 1);

    const own = ({ wire }: typeof ofAlice) => wire.frames.filter(({ channel }) => channel === "own");
    assert.equal(own(ofAnybody).length, 0);
    assert.deepEqual(
      own(ofBob).map(({ account, fill: told }) => account ?? told.account),
      [bob.index, bob.index],
    );
    assert.ok([ofAlice, ofBob].every(({ wire }) => wire.frames.every(({ channel = "own" }) => channel === "own")));
    for (const { wire } of [ofAlice, ofBob, ofAnybody]) checkFrames(wire);
    await it_.close();
  });

  it("shows of an auction what the operator publishes", async () => {
    const it_ = await serve({ venue: { publish: { prices: false, curves: true } } });
    const { ask, wire } = open(it_);
    await ask({ op: "subscribe", id: 1, channels: ["auctions"] });
    await it_.ask("/v1/orders", post(order(it_.traders[0], "buy", 1n, 100_000n, { thisAuction: true })));
    it_.clock.advance(20n);
    const { auction } = await wire.frame(({ channel }) => channel === "auctions");
    assert.deepEqual([auction.price, auction.volume, auction.curves.bids.length], [undefined, undefined, 1]);
    checkFrames(wire);
    await it_.close();
  });

  it("listens to what was asked for last, and to nothing after it is closed", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const { ask, wire, stream } = open(it_);
    await ask({ op: "login", id: 1, ...session(alice, it_.clock) });
    await ask({ op: "subscribe", id: 2, channels: ["own", "auctions"] });
    await ask({ op: "subscribe", id: 3, channels: [] });
    await it_.ask("/v1/orders", post(order(alice)));
    assert.ok(wire.frames.every(({ channel }) => channel === undefined));
    await ask({ op: "subscribe", id: 4, channels: ["own"] });
    assert.equal(it_.service.streams.size, 1);
    stream.closed();
    stream.closed();
    assert.equal(it_.service.streams.size, 0);
    const { length } = wire.frames;
    await it_.ask("/v1/orders", post(order(alice)));
    stream.receive(JSON.stringify({ op: "ping", id: 5 }));
    assert.equal(wire.frames.length, length);
    await it_.close();
  });

  it("tells of nothing more when the session is over", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const { ask, wire } = open(it_);
    await ask({ op: "login", id: 1, ...session(alice, it_.clock, 5n) });
    await ask({ op: "subscribe", id: 2, channels: ["own"] });
    it_.clock.advance(5n);
    for (let i = 0; i < 2; i++) await it_.ask("/v1/orders", post(order(alice)));
    assert.deepEqual(
      wire.frames.filter(({ channel }) => channel).map(({ kind }) => kind),
      ["expired"],
    );
    assert.equal((await ask({ op: "subscribe", id: 3, channels: ["own"] })).error.code, "UNAUTHORISED");
    checkFrames(wire);
    await it_.close();
  });

  it("is closed when its client does not read", async () => {
    const it_ = await serve({ options: { limits: { bufferedBytes: 1_000 } } });
    const { wire, stream, ask } = open(it_);
    await ask({ op: "ping", id: 1 });
    wire.bufferedAmount = 1_001;
    await ask({ op: "ping", id: 2 });
    assert.equal(wire.closedWith, 1013);
    stream.receive(JSON.stringify({ op: "ping", id: 3 }));
    assert.equal(wire.frames.length, 2);
    await it_.close();
  });

  it("is closed when all that it sends is wrong", async () => {
    const it_ = await serve();
    const { wire, stream, ask } = open(it_);
    for (let i = 0; i < 999; i++) stream.receive("x");
    await ask({ op: "ping", id: 1 });
    for (let i = 0; i < 999; i++) stream.receive("x");
    assert.equal(wire.closedWith, null);
    stream.receive("x");
    assert.equal(wire.closedWith, 1008);
    await it_.close();
  });

  it("has so many requests that wait, and no more", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const { pass, passed } = gate();
    const slow = async (...args: Parameters<Served["venue"]["order"]>): Promise<Acknowledgement> => {
      await passed;
      return it_.venue.order(...args);
    };
    const options = serviceOptions({ limits: { inFlight: 3 } });
    const service = createApp({ venue: venueWith(it_.venue, { order: slow }), options });
    const { wire, ask } = open({ service });
    const waiting = [1, 2, 3].map((id) => ask({ op: "submit", id, kind: "order", item: order(alice) }));
    const { error } = await ask({ op: "submit", id: 4, kind: "order", item: order(alice) });
    assert.deepEqual([error.code, error.retryAfter], ["RATE_LIMITED", 1]);
    assert.ok((await ask({ op: "ping", id: 5 })).time);
    pass();
    for (const { verdict } of await Promise.all(waiting)) assert.equal(verdict, "admitted");
    alice.nonce -= 1n;
    assert.equal((await ask({ op: "submit", id: 6, kind: "order", item: order(alice) })).verdict, "admitted");
    checkFrames(wire);
    await it_.close();
  });

  it("is held to the rate of its address", async () => {
    const rates = { address: { rate: 10, burst: 5 }, account: { rate: 1e9, burst: 1e9 } };
    const it_ = await serve({ options: { rates, now: () => 0 } });
    const { ask, wire } = open(it_);
    for (let id = 0; id < 5; id++) assert.ok((await ask({ op: "ping", id })).time);
    const { error } = await ask({ op: "ping", id: 5 });
    assert.deepEqual([error.code, error.retryAfter], ["RATE_LIMITED", 1]);
    checkFrames(wire);
    await it_.close();
  });

  it("is ended when its client is gone without a word", async () => {
    const it_ = await serve();
    const [dead, live] = [open(it_), open(it_)];
    it_.service.streams.checkAlive();
    live.stream.pong();
    it_.service.streams.checkAlive();
    assert.deepEqual([dead.wire.terminated, live.wire.terminated], [true, false]);
    assert.deepEqual([dead.wire.pings, live.wire.pings], [1, 2]);
    await it_.close();
  });

  it("is one of so many, in all and of one address", async () => {
    const it_ = await serve({ options: { limits: { streams: 3, streamsPerAddress: 2 } } });
    const [first] = [open(it_, "a"), open(it_, "a")];
    assert.throws(() => open(it_, "a"), { code: "RATE_LIMITED" });
    open(it_, "b");
    assert.throws(() => open(it_, "c"), { code: "RATE_LIMITED" });
    first.stream.closed();
    open(it_, "a");
    await it_.close();
  });

  it("answers what waits before it is closed because the service stops", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const { wire, stream } = open(it_);
    stream.receive(JSON.stringify({ op: "submit", id: 1, kind: "order", item: order(alice) }));
    const drained = it_.service.streams.drain();
    stream.receive(JSON.stringify({ op: "submit", id: 2, kind: "order", item: order(alice) }));
    assert.equal(wire.closedWith, null);
    await drained;
    assert.equal(wire.closedWith, 1001);
    assert.deepEqual(wire.frames.map(({ id, verdict, error }) => [id, verdict ?? error.code]).toSorted(), [
      [1, "admitted"],
      [2, "STOPPED"],
    ]);
    assert.throws(() => open(it_), { code: "STOPPED" });
    await it_.close();
  });
});

describe("a service on a socket", () => {
  afterEach(closeAll);

  async function started(options: Partial<ServerOptions> = {}) {
    const it_ = await serve();
    const service = await startService({ ...serviceOptions({}), venue: it_.venue, processMetrics: false, ...options });
    closing.push(service.close);
    const { port, host } = new URL(service.url);
    return {
      ...it_,
      service,
      port: Number(port),
      host,
      /** A WebSocket that is open, and its frames as they come. */
      async client(init: WebSocket.ClientOptions = {}) {
        const socket = new WebSocket(`ws://${host}/v1/stream`, init);
        const wire = new FakeWire();
        socket.on("message", (data) => wire.send(String(data)));
        const closed = once(socket, "close") as Promise<[number, Buffer]>;
        await once(socket, "open");
        const ask = (frame: { id: string | number; [field: string]: unknown }) => {
          socket.send(JSON.stringify(frame));
          return wire.frame(({ id }) => id === frame.id);
        };
        return { socket, wire, closed, ask };
      },
      async close() {
        await service.close();
        await it_.close();
      },
    };
  }

  /** Status of a handshake that is refused. */
  async function refusedHandshake(url: string, init: WebSocket.ClientOptions = {}): Promise<[number, string]> {
    const socket = new WebSocket(url, init);
    const [, response] = await once(socket, "unexpected-response");
    let text = "";
    for await (const chunk of response) text += chunk;
    return [response.statusCode, JSON.parse(text).error.code];
  }

  /** What a raw connection is answered, until it is closed. */
  async function raw(port: number, bytes: string | Buffer): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.write(bytes);
    let text = "";
    for await (const chunk of socket) text += chunk;
    return text;
  }

  it("takes items and tells of them", async () => {
    const { client, clock, traders, close, venue } = await started();
    const [alice] = traders;
    const { ask, wire, socket, closed } = await client();
    await ask({ op: "login", id: 1, ...session(alice, clock) });
    await ask({ op: "subscribe", id: 2, channels: ["own", "auctions"] });
    const item = order(alice, "buy", 1n, 100_000n, { thisAuction: true });
    const { verdict } = await ask({ op: "submit", id: 3, kind: "order", item });
    assert.equal(verdict, "admitted");
    await wire.frame(({ kind }) => kind === "verdict");
    const auction = eventOf(venue, "auction");
    clock.advance(20n);
    await auction;
    await wire.frame(({ channel }) => channel === "auctions");
    checkFrames(wire);
    socket.close();
    await closed;
    await close();
  });

  it("opens streams for those who may, and tells the others why not", async () => {
    const { host, client, close } = await started({
      origins: ["https://app.example"],
      limits: { streamsPerAddress: 2 },
    });
    const url = `ws://${host}/v1/stream`;
    for (const origin of ["https://evil.example", "null", `http://${host}.evil.example`])
      assert.deepEqual(await refusedHandshake(url, { origin }), [403, "FORBIDDEN"]);
    assert.deepEqual(await refusedHandshake(`ws://${host}/v1/orders`), [404, "NOT_FOUND"]);
    const streams = [await client({ origin: "https://app.example" }), await client({ origin: `http://${host}` })];
    assert.deepEqual(await refusedHandshake(url), [429, "RATE_LIMITED"]);
    const [{ socket, closed }] = streams;
    socket.close();
    await closed;
    await close();
  });

  it("closes a stream that sends what no client should", async () => {
    const { client, close, traders } = await started();
    for (const [send, code] of [
      [(socket: WebSocket) => socket.send("x".repeat(16_385)), 1009],
      [(socket: WebSocket) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false }), 1007],
    ] as const) {
      const { socket, closed } = await client();
      send(socket);
      assert.equal((await closed)[0], code);
    }
    const { socket, wire, ask } = await client();
    socket.send(Buffer.from("{}"), { binary: true });
    assert.equal((await wire.frame(({ id }) => id === null)).error.code, "FORMAT");
    assert.equal((await ask({ op: "submit", id: 1, kind: "order", item: order(traders[0]) })).verdict, "admitted");
    await close();
  });

  it("closes a stream that does not read", async () => {
    const { venue, close: closeVenue } = await serve({ venue: { publish: { curves: true } } });
    let tell: (event: VenueEvent) => void = () => {};
    const subscribe = (listener: typeof tell) => {
      tell = listener;
      return () => {};
    };
    const { client, close } = await started({
      venue: venueWith(venue, { subscribe }),
      limits: { bufferedBytes: 65_536 },
    });
    const { socket, closed, ask } = await client();
    await ask({ op: "subscribe", id: 1, channels: ["auctions"] });
    socket.pause();
    const long = 10n ** 70n;
    const bids = Array.from({ length: 500 }, () => [long, long] as const);
    const zero = { matched: false, price: 0n, volume: 0n, orders: 0, filled: 0, rule: "auction" } as const;
    const auction = { ...zero, n: 1, time: 1n, market: 1n, slot: 0, curves: { bids, asks: [] } };
    // Some fifty megabytes: more than any kernel keeps of what is not read.
    for (let i = 0; i < 700; i++) tell({ kind: "auction", auction });
    socket.resume();
    assert.equal((await closed)[0], 1013);
    await close();
    await closeVenue();
  });

  it("stops when all that runs is answered, and tells streams that it does", async () => {
    const it_ = await serve();
    const [alice] = it_.traders;
    const [asked, { pass, passed }] = [gate(), gate()];
    const slow = async (...args: Parameters<Served["venue"]["order"]>): Promise<Acknowledgement> => {
      asked.pass();
      await passed;
      return it_.venue.order(...args);
    };
    const { service, client, host, port, close } = await started({ venue: venueWith(it_.venue, { order: slow }) });
    const { ask, closed } = await client();
    const idle = connect(port, "127.0.0.1");
    await once(idle, "connect");
    const running = fetch(`http://${host}/v1/orders`, post(order(alice)));
    await asked.passed;
    const waiting = ask({ op: "submit", id: 1, kind: "order", item: order(alice) });
    // Answered in order: when this is, the one before it waits.
    await ask({ op: "ping", id: 2 });
    const stopped = service.close();
    assert.equal(service.close(), stopped);
    await assert.rejects(fetch(`http://${host}/v1/health`));
    pass();
    assert.equal((await running).status, 200);
    assert.equal((await waiting).verdict, "admitted");
    assert.equal((await closed)[0], 1001);
    await stopped;
    assert.ok(it_.venue.health().ok, "the venue stays open");
    await close();
    await it_.close();
  });

  it("answers what is no HTTP with an error of the table", async () => {
    const { port, close } = await started();
    const cases: [string, number, string][] = [
      ["nonsense\r\n\r\n", 400, "FORMAT"],
      ["GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400, "FORMAT"],
      ["GET /v1/venue HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", 400, "FORMAT"],
      ["GET /v1\\venue HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "FORMAT"],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(9_000)}\r\n\r\n`, 413, "TOO_LARGE"],
      ["POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "FORMAT"],
      ["GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400, "FORMAT"],
      ["GET /v1/venue HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 404, "NOT_FOUND"],
    ];
    for (const [bytes, status, code] of cases) {
      const text = await raw(port, bytes);
      assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), bytes.slice(0, 60));
      assert.equal(JSON.parse(text.slice(text.indexOf("\r\n\r\n"))).error.code, code);
    }
    await close();
  });

  it("does not wait for those who do not finish what they ask", async () => {
    const { port, close } = await started({ timeouts: { headersMs: 40, requestMs: 80 } });
    for (const bytes of [
      "GET /v1/ven",
      "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ]) {
      const text = await raw(port, bytes);
      assert.match(text, /^HTTP\/1.1 408 /);
      assert.match(text, /"code":"TIMEOUT"/);
    }
    await close();
  });

  it("ends streams whose client does not answer a ping", async () => {
    const { client, close } = await started({ timeouts: { pingMs: 20 } });
    const [dead, live] = [await client({ autoPong: false }), await client()];
    assert.equal((await dead.closed)[0], 1006);
    assert.ok((await live.ask({ op: "ping", id: 1 })).time);
    await close();
  });

  it("counts whoever a trusted proxy names, and nobody else's word", async () => {
    const rates = { address: { rate: 1e-9, burst: 5 }, account: { rate: 1, burst: 1 } };
    const health = async (host: string, forwarded: string) =>
      (await fetch(`http://${host}/v1/health`, { headers: { "x-forwarded-for": forwarded } })).status;
    const direct = await started({ rates });
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push(await health(direct.host, `10.0.0.${i}`));
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
    await direct.close();
    const proxied = await started({ rates, proxies: 1 });
    for (let i = 0; i < 5; i++) assert.equal(await health(proxied.host, `10.0.0.${i}, 10.1.1.1`), 200);
    assert.equal(await health(proxied.host, "10.0.0.9, 10.1.1.1"), 429);
    assert.equal(await health(proxied.host, "10.1.1.1, 10.0.0.9"), 200);
    await proxied.close();
  });

  it("shows metrics to this machine only", async () => {
    const { host, port, close } = await started();
    assert.equal((await fetch(`http://${host}/metrics`)).status, 200);
    const headers = { "x-forwarded-for": "10.0.0.1" };
    assert.equal((await fetch(`http://${host}/metrics`, { headers })).status, 401);
    const renamed = await raw(port, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert.match(renamed, /^HTTP\/1.1 401 /);
    await close();
  });

  it("says where it cannot listen, and which folder is not there", async () => {
    const { port, venue, close } = await started();
    const options = { ...serviceOptions({}), venue, port };
    await assert.rejects(startService(options), { code: "LISTEN" });
    await assert.rejects(startService({ ...options, port: 0, staticFolder: "/none" }), { code: "NO_FOLDER" });
    await close();
  });
});
