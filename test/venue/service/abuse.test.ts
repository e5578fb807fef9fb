// Goal: nothing that anybody sends makes the service crash, fail or hang: each malformed request and frame has an error of
// the table for an answer, and who asks rightly afterwards is served.
// Method: valid requests and frames are made from the service's own document, and each is broken in one way or several:
// types, fields, digits, nesting, encodings, cuts, keys of prototypes, queries, methods, headers. Some go through a socket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import WebSocket from "ws";
import type { z } from "@hono/zod-openapi";
import { Random } from "../../../src/replay/random.ts";
import { STATUS, type ErrorCode } from "../../../src/venue/service/errors.ts";
import * as schemas from "../../../src/venue/service/schema.ts";
import { startService } from "../../../src/venue/service/server.ts";
import { closeAll, closing, FakeWire, NO_RATES, order, post, serve, serviceOptions, SILENT } from "./served.ts";

const REQUESTS = 100_000;
const FRAMES = 100_000;
const THROUGH_SOCKETS = 1_000;
/** Without it what changes rules is never read. */
const OPERATOR_TOKEN = "the-token-of-the-operator";
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

type Json = any;
interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  type?: string | string[];
  const?: Json;
  enum?: Json[];
  pattern?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
}

/** Makes what a document describes, and breaks it. */
class Maker {
  readonly random: Random;
  readonly #document: Json;

  constructor(random: Random, document: Json) {
    this.random = random;
    this.#document = document;
  }

  chance(p: number): boolean {
    return this.random.unit() < p;
  }

  resolve(schema: Schema): Schema {
    return schema.$ref ? this.#document.components.schemas[schema.$ref.split("/").at(-1)!] : schema;
  }

  /** A value of a schema. */
  sample(of: Schema): Json {
    const schema = this.resolve(of);
    const one = schema.anyOf ?? schema.oneOf;
    if (one) return this.sample(this.random.pick(one));
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return this.random.pick(schema.enum);
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case "object":
        return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, at]) => [name, this.sample(at)]));
      case "array":
        return Array.from({ length: this.random.integer(0, 3) }, () => this.sample(schema.items!));
      case "integer":
      case "number":
        return this.random.integer(Math.max(schema.minimum ?? 0, 0), Math.min(schema.maximum ?? 1e6, 1e6));
      case "string":
        return schema.pattern
          ? String(this.random.bits(this.random.integer(1, 253)))
          : "x".repeat(this.random.integer(0, 9));
      default:
        throw new Error(`the generator knows no ${JSON.stringify(schema)}`);
    }
  }

  /** What hardly any schema takes. */
  odd(): Json {
    const { random } = this;
    return random.pick<() => Json>([
      () => null,
      () => true,
      () => random.integer(-5, 5),
      () => 1.5,
      () => -0,
      () => 1e308,
      () => [],
      () => ({}),
      () => "",
      () => " 1",
      () => "-1",
      () => "-0",
      () => "+1",
      () => "007",
      () => "1e9",
      () => "0x10",
      () => "1.0",
      () => "NaN",
      () => "\u0661\u0662",
      () => "\u0000",
      () => "\ud800",
      () => "'; DROP TABLE log; --",
      () => "9".repeat(random.pick([77, 78, 79, 80, 1_000, 10_000])),
      () => "-" + "9".repeat(77),
      () => "21888242871839275222246405745257275088548364400416034343698204186575808495617",
      () => this.nest(random.integer(1, 2_000)),
      () => ({ toString: 1, valueOf: null, toJSON: "x" }),
    ])();
  }

  nest(depth: number): Json {
    let value: Json = 1;
    for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
    return value;
  }

  name(): string {
    return this.random.pick([
      "extra",
      "",
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "then",
      "A ",
      "a",
      "0",
      "\u0000",
    ]);
  }

  /** Breaks a value somewhere. */
  breakValue(value: Json): Json {
    const { random } = this;
    if (typeof value !== "object" || value === null || Object.keys(value).length === 0 || this.chance(0.05))
      return this.odd();
    const copy = Array.isArray(value) ? [...value] : { ...value };
    const key = random.pick(Object.keys(copy));
    switch (random.integer(0, 5)) {
      case 0:
        delete copy[key];
        return copy;
      case 1:
        Object.defineProperty(copy, this.name(), {
          value: this.odd(),
          enumerable: true,
          configurable: true,
          writable: true,
        });
        return copy;
      case 2:
        copy[key] = this.breakValue(copy[key]);
        return copy;
      default:
        copy[key] = this.odd();
        return copy;
    }
  }

  /** Breaks JSON as text. */
  breakText(text: string): string | Uint8Array<ArrayBuffer> {
    const { random } = this;
    const at = random.integer(0, Math.max(0, text.length - 1));
    const bytes = new TextEncoder().encode(text);
    switch (random.integer(0, 9)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return (
          text.slice(0, at) + random.pick(["\u0000", "{", "}", '"', "\\", ",", "\u2028", "]", "NaN"]) + text.slice(at)
        );
      case 2:
        bytes[at] = random.integer(128, 255);
        return bytes;
      case 3:
        return Uint8Array.from([...text].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8]));
      case 4:
        return `${text}${text}`;
      case 5:
        return text.replace("}", ",}");
      case 6:
        return text.replaceAll('"', "'");
      case 7:
        return "[".repeat(random.integer(1, 16_000));
      case 8:
        return '{"a":'.repeat(random.integer(1, 3_000));
      default:
        return random.bytes(random.integer(0, 200)) as Uint8Array<ArrayBuffer>;
    }
  }
}

interface Attempt {
  readonly path: string;
  readonly init: RequestInit;
  /** whether it must be refused, whoever sends it */
  readonly malformed: boolean;
}

/** Requests to every route of the document, broken in every way. */
function* attempts(maker: Maker, document: Json): Generator<Attempt> {
  const { random } = maker;
  const routes = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const oddText = () =>
    random.pick([
      "",
      "x",
      "-1",
      "01",
      "1e3",
      "%",
      "%zz",
      "%00",
      "..",
      "%2e%2e",
      "9".repeat(400),
      "1;2",
      "\u00e9",
      "1%0a",
      "null",
    ]);
  for (;;) {
    const { path, method, operation } = random.pick(routes);
    const parameters: Json[] = operation.parameters ?? [];
    const inPath = parameters.find((it) => it.in === "path");
    const inQuery = parameters.filter((it) => it.in === "query");
    const named = inPath ? path.replace(/\{\w+\}/, String(random.integer(0, 99))) : path;
    const body: Schema | undefined = operation.requestBody?.content["application/json"].schema;
    const headers: Record<string, string> = {
      ...(body ? { "content-type": "application/json" } : {}),
      ...(path.startsWith("/v1/rules/") ? { authorization: `Bearer ${OPERATOR_TOKEN}` } : {}),
    };
    const valid = body ? JSON.stringify(maker.sample(body)) : undefined;
    const as = (init: RequestInit, malformed = true, at = named): Attempt => ({
      path: at,
      init: { method, headers, ...(body ? { body: valid } : {}), ...init },
      malformed,
    });
    const kind = random.integer(body ? 0 : 6, 11);
    if (body && kind <= 5) {
      if (kind <= 3) {
        let json: Json = JSON.parse(valid!);
        for (let i = random.integer(1, 3); i > 0; i--) json = maker.breakValue(json);
        const text = JSON.stringify(json) ?? "";
        const ofBody = schemas[`${body.$ref!.split("/").at(-1)}Schema` as keyof typeof schemas] as z.ZodType;
        const sent = text === "" ? undefined : JSON.parse(text);
        yield as({ body: text }, !ofBody.safeParse(sent).success);
      } else yield as({ body: maker.breakText(valid!) }, false);
      continue;
    }
    switch (kind) {
      case 6: {
        const wrong = random.pick([
          "PUT",
          "DELETE",
          "PATCH",
          "BREW",
          "PROPFIND",
          method === "GET" && path !== "/v1/orders" ? "POST" : "PUT",
        ]);
        yield as({ method: wrong, body: undefined, headers: {} });
        break;
      }
      case 7: {
        if (!body) continue;
        const type = random.pick([
          "text/plain",
          "",
          "application/x-www-form-urlencoded",
          "application/json5",
          "multipart/form-data",
          "json",
        ]);
        yield as({ headers: type ? { "content-type": type } : {} });
        break;
      }
      case 8: {
        const query = random.pick([
          () =>
            `${random.pick(inQuery.map((it) => it.name).concat("x"))}=${oddText()}&${random.pick(["y", "__proto__", "constructor"])}=1`,
          () => `${inQuery[0]?.name ?? "x"}=1&${inQuery[0]?.name ?? "x"}=1`,
          () => "%=%&%zz",
          () => "&".repeat(random.integer(1, 50)) + "=",
          () => "q".repeat(random.integer(1, 8_000)),
          () => "a[b]=c&a[]=d",
        ])();
        yield as({}, true, `${named}?${query}`);
        break;
      }
      case 9: {
        if (inPath)
          yield as(
            {},
            true,
            path.replace(/\{\w+\}/, random.pick(["-1", "x", "1.5", "01", "%00", "9".repeat(300), "1%20"])),
          );
        else yield as({}, true, `${path}/${random.pick(["x", "%00", "%ff", "a/b/c", "__proto__"])}`);
        break;
      }
      case 10: {
        const odd: Record<string, string> = {
          authorization: random.pick([
            "",
            "Bearer",
            "Bearer ",
            `Bearer ${"A".repeat(5_000)}`,
            "Basic xyz",
            "bearer \u00ff",
            "Bearer a b",
          ]),
          "content-length": random.pick(["-1", "x", "1e9", "99999999", ""]),
          accept: random.pick(["", "*/*", "application/xml", "\u00ff"]),
          "content-type": random.pick(["application/json", "application/json; charset=utf-16", "APPLICATION/JSON"]),
          host: random.pick(["", "a b", "\u00ff", "evil.example"]),
          origin: random.pick(["null", "", "https://evil.example", "\u00ff"]),
          "x-forwarded-for": random.pick(["", ",,,,", "x".repeat(1_000)]),
        };
        const names = Object.keys(odd).filter(() => maker.chance(0.4));
        yield as({ headers: { ...headers, ...Object.fromEntries(names.map((name) => [name, odd[name]])) } }, false);
        break;
      }
      default:
        yield as(
          {},
          false,
          `/${random.pick(["v1", "v2", "metrics", "", ".git/config", "v1/../metrics", "%c0%af", "v1//venue"])}/${oddText()}`,
        );
    }
  }
}

/** Frames, all of them malformed. */
function* frames(maker: Maker, document: Json): Generator<string | null> {
  const { random } = maker;
  const ofFrame: Schema = document.components.schemas.StreamRequest;
  for (;;) {
    const valid = maker.sample(ofFrame);
    if (maker.chance(0.02)) yield null;
    else if (maker.chance(0.3)) {
      const text = maker.breakText(JSON.stringify(valid));
      // As a socket hands it on: what is not UTF-8 never gets here.
      const decoded = typeof text === "string" ? text : new TextDecoder().decode(text);
      if (!isFrame(decoded)) yield decoded;
    } else {
      let json = valid;
      for (let i = random.integer(1, 3); i > 0; i--) json = maker.breakValue(json);
      const text = JSON.stringify(json) ?? "undefined";
      if (!isFrame(text)) yield text;
    }
  }
}

function isFrame(text: string): boolean {
  try {
    return schemas.FrameSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

/** Of the first answer: where the harm has kept the connection alive, another may follow it. */
function firstBody(text: string): string {
  const from = text.indexOf("\r\n\r\n") + 4;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, from))?.[1];
  return text.slice(from, length === undefined ? undefined : from + Number(length));
}

/** Fails unless an answer is an error of the table, and no failure of ours. */
function checkError(json: Json, status: number | null, about: () => string): ErrorCode {
  const code = json?.error?.code as ErrorCode;
  assert.ok(Object.hasOwn(STATUS, String(code)), about());
  assert.notEqual(code, "UNEXPECTED", about());
  assert.equal(typeof json.error.message, "string", about());
  if (status !== null) assert.equal(status, STATUS[code], about());
  return code;
}

describe(`malformed traffic, seed ${seed}`, () => {
  afterEach(closeAll);

  const count = (codes: Map<string, number>, code: string) => codes.set(code, (codes.get(code) ?? 0) + 1);
  const tell = (what: string, codes: Map<string, number>) =>
    console.log(`      ${what}: ${[...codes].map(([code, n]) => `${n} ${code}`).join(", ")}`);

  it(`${REQUESTS} requests`, async () => {
    const { service, ask, traders, close } = await serve({
      options: { development: true, operatorToken: OPERATOR_TOKEN },
    });
    const codes = new Map<string, number>();
    const made = attempts(new Maker(new Random(seed), service.document), service.document);
    for (let i = 0; i < REQUESTS; i++) {
      const { path, init, malformed } = made.next().value as Attempt;
      const about = () =>
        `request ${i} of seed ${seed}: ${init.method} ${path.slice(0, 200)} ${String(init.body).slice(0, 300)}`;
      let answer;
      try {
        answer = await ask(path, init);
      } catch (error) {
        // The platform's Request refuses what no socket could have brought: a header or a target that cannot be.
        assert.ok(
          error instanceof TypeError && /Headers|header|URL|Request|fetch/.test(`${error.message}${error.stack}`),
          about(),
        );
        count(codes, "not a request");
        continue;
      }
      if (answer.status < 400) {
        assert.ok(!malformed, about());
        count(codes, "taken");
      } else if (answer.json === undefined && init.method === "HEAD") count(codes, "HEAD");
      else count(codes, checkError(answer.json, answer.status, about));
    }
    tell("requests", codes);
    for (const code of [
      "FORMAT",
      "METHOD",
      "MEDIA_TYPE",
      "NOT_FOUND",
      "TOO_LARGE",
      "UNAUTHORISED",
      "FORBIDDEN",
      "BAD_POINT",
      "RULES_FILE",
      "ANNOUNCEMENT",
    ])
      assert.ok(codes.has(code), `no request was refused with ${code}`);
    assert.equal((await ask("/v1/orders", post(order(traders[0])))).json.verdict, "admitted");
    await close();
  });

  it(`${FRAMES} frames`, async () => {
    const { service, traders, close } = await serve();
    const codes = new Map<string, number>();
    const made = frames(new Maker(new Random(seed), service.document), service.document);
    for (let sent = 0; sent < FRAMES;) {
      const wire = new FakeWire();
      const stream = service.streams.open(wire, "10.0.0.1");
      const texts: (string | null)[] = [];
      for (let i = 0; i < 500 && sent < FRAMES; i++, sent++) {
        const text = made.next().value as string | null;
        texts.push(text);
        stream.receive(text);
        // No more at a time than a stream may have waiting.
        if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      }
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(wire.closedWith, null);
      assert.equal(wire.frames.length, texts.length, `every frame has one answer, seed ${seed}`);
      for (const frame of wire.frames)
        count(
          codes,
          checkError(frame, null, () => `one of the frames up to ${sent} of seed ${seed}: ${JSON.stringify(frame)}`),
        );
      stream.closed();
    }
    tell("frames", codes);
    assert.ok(codes.has("FORMAT"));
    const wire = new FakeWire();
    const stream = service.streams.open(wire, "10.0.0.1");
    const answer = await wire.ask(stream, { op: "submit", id: 1, kind: "order", item: order(traders[0]) });
    assert.equal(answer.verdict, "admitted");
    await close();
  });

  it(`${THROUGH_SOCKETS} requests and as many frames through sockets`, async () => {
    const { venue, traders, close } = await serve();
    const options = serviceOptions({ log: SILENT, rates: NO_RATES, development: true, operatorToken: OPERATOR_TOKEN });
    const service = await startService({ ...options, venue, processMetrics: false });
    closing.push(service.close);
    const { host, port } = new URL(service.url);
    const random = new Random(seed);
    const maker = new Maker(random, service.document);
    const codes = new Map<string, number>();
    const made = attempts(maker, service.document);
    for (let i = 0; i < THROUGH_SOCKETS; i++) {
      const { path, init } = made.next().value as Attempt;
      const body =
        typeof init.body === "string" ? Buffer.from(init.body) : Buffer.from((init.body as Uint8Array) ?? []);
      const lines = [
        `${init.method} ${path} HTTP/1.1`,
        "Connection: close",
        ...(init.headers && "host" in init.headers ? [] : [`Host: ${host}`]),
        ...Object.entries(init.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
        ...(body.length > 0 && !Object.hasOwn(init.headers ?? {}, "content-length")
          ? [`Content-Length: ${body.length}`]
          : []),
      ];
      let bytes = Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]);
      // Cut, or with a byte changed.
      const harm = random.unit();
      if (harm < 0.1) bytes = bytes.subarray(0, random.integer(1, bytes.length));
      else if (harm < 0.2) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      const text = await answerTo(Number(port), bytes);
      const about = () =>
        `request ${i} of seed ${seed} through a socket: ${bytes.toString("latin1").slice(0, 300)} -> ${text.slice(0, 300)}`;
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);
      if (text === "") count(codes, "cut off");
      else if (status < 400) count(codes, "taken");
      else if (status === 417) count(codes, "expectation");
      else if (init.method === "HEAD") count(codes, "HEAD");
      else count(codes, checkError(parseOrNull(firstBody(text)), status, about));
    }
    tell("requests through sockets", codes);
    assert.ok((codes.get("cut off") ?? 0) < THROUGH_SOCKETS / 10);

    const frameCodes = new Map<string, number>();
    const texts = frames(maker, service.document);
    let socket: WebSocket | null = null;
    let settle: (answer: string | null) => void = () => {};
    for (let i = 0; i < THROUGH_SOCKETS; i++) {
      const text = texts.next().value as string | null;
      if (!socket) {
        socket = new WebSocket(`ws://${host}/v1/stream`);
        socket.on("message", (data) => settle(String(data)));
        socket.on("close", () => settle(null));
        await once(socket, "open");
      }
      const answered = new Promise<string | null>((resolve) => (settle = resolve));
      socket.send(text ?? random.bytes(9), { binary: text === null });
      const answer = await answered;
      if (answer === null) {
        assert.ok(Buffer.byteLength(text ?? "") > 16_384, "only what is too large ends a stream");
        count(frameCodes, "closed");
        socket = null;
      } else
        count(
          frameCodes,
          checkError(parseOrNull(answer), null, () => answer.slice(0, 300)),
        );
    }
    tell("frames through sockets", frameCodes);
    socket?.terminate();
    const answer = await fetch(`${service.url}/v1/orders`, post(order(traders[0])));
    assert.equal(((await answer.json()) as Json).verdict, "admitted");
    await service.close();
    await close();
  });
});

/** What a connection answers to some bytes, after which nothing more comes. */
async function answerTo(port: number, bytes: Uint8Array): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.end(bytes);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("utf8");
}

function parseOrNull(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
