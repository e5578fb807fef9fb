import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { accountKey } from "../../protocol/eddsa.ts";
import { TacitError } from "../../protocol/errors.ts";
import { badFormat } from "../../protocol/json.ts";
import { slotOf } from "../../protocol/market.ts";
import { openingJson } from "../../protocol/opening.ts";
import { NO_LOG, type Log } from "../log.ts";
import { Desk, SIGNATURE_COST } from "./desk.ts";
import { notFound, reportError, unauthorised } from "./errors.ts";
import type { Rate } from "./limits.ts";
import { Metrics } from "./metrics.ts";
import {
  AccountQuery,
  AccountSchema,
  AcknowledgementSchema,
  AuctionsQuery,
  AuctionsSchema,
  DepositRequestSchema,
  DepositSchema,
  ErrorSchema,
  FrameAnswerSchema,
  FrameSchema,
  HealthSchema,
  HistoryQuery,
  HistorySchema,
  ItemSchema,
  MarketsSchema,
  NoQuery,
  OpeningSchema,
  OrdersSchema,
  PAGE,
  parse,
  PushSchema,
  RoundFileSchema,
  RoundParams,
  RoundsQuery,
  RoundsSchema,
  SessionRequestSchema,
  SessionSchema,
  VenueSchema,
  type SubmitKind,
} from "./schema.ts";
import { SESSION_SECONDS, type Session } from "./sessions.ts";
import { Streams } from "./stream.ts";
import {
  accountAnswer,
  healthJson,
  marketsJson,
  orderJson,
  pageOf,
  rulesJson,
  toJson,
  type ServedVenue,
  namesIn,
  publicGenesis,
} from "./views.ts";

export type { ServedVenue } from "./views.ts";

/** A file that is served as it is. */
export interface StaticFile {
  readonly type: string;
  /** bytes */
  readonly size: number;
  readonly etag: string;
  /** whether its name changes with its contents */
  readonly immutable: boolean;
  body(): ReadableStream<Uint8Array>;
}

export interface ServiceLimits {
  /** of a request's body, and of a frame */
  readonly bodyBytes: number;
  readonly sessions: number;
  readonly streams: number;
  readonly streamsPerAddress: number;
  /** requests of one stream that may wait for an answer */
  readonly inFlight: number;
  /** bytes that may wait for the client of a stream to read, beyond which it is closed */
  readonly bufferedBytes: number;
}

export const DEFAULT_SERVICE_LIMITS: ServiceLimits = {
  bodyBytes: 16_384,
  sessions: 20_000,
  streams: 4_096,
  streamsPerAddress: 256,
  inFlight: 64,
  bufferedBytes: 1 << 20,
};

export interface Rates {
  /** items of one account */
  readonly account: Rate;
  /** requests and frames of one address, or of one /64 of IPv6 */
  readonly address: Rate;
}

export const DEFAULT_RATES: Rates = {
  account: { rate: 200, burst: 400 },
  address: { rate: 2_000, burst: 4_000 },
};

export interface ServiceOptions {
  /** the genesis file as JSON: clients compute with it what the venue does */
  readonly genesisJson: unknown;
  readonly version: string;
  /** Default: nothing is told */
  readonly log?: Log;
  /** whether deposits are open to all: play money. Default: no */
  readonly development?: boolean;
  /** names by market id, beside those in the genesis file */
  readonly marketNames?: Readonly<Record<string, string>>;
  /**
   * names of the venue's host, such as "venue.example", beside those of this machine: who logs in signs for one of them, so that
   * another site cannot pass the login on. Default: none
   */
  readonly hosts?: readonly string[];
  /** of other sites whose pages may submit and see accounts, such as "https://app.example" */
  readonly origins?: readonly string[];
  readonly rates?: Partial<Rates>;
  readonly limits?: Partial<ServiceLimits>;
  /** who may read metrics from elsewhere than this machine: Authorization: Bearer. Default: nobody */
  readonly metricsToken?: string | null;
  /** whether memory, processor time and the like of the process are measured. Default: no */
  readonly processMetrics?: boolean;
  /** files by path, "/" among them */
  readonly files?: { get(path: string): StaticFile | undefined };
  /** milliseconds, never falling. Default: performance.now */
  readonly now?: () => number;
}

/** What the server tells of a request beside the request. */
export interface Caller {
  /** who asks: see `senderOf` */
  readonly sender?: string;
  /** whether it comes from this machine */
  readonly local?: boolean;
}

interface Env {
  Bindings: Caller;
  Variables: {
    route: string;
    account: number;
    /** of the answer: a plain object, which the server writes several times as fast as Headers */
    headers: Record<string, string>;
  };
}
type Call = Context<Env>;

export interface Service {
  readonly app: OpenAPIHono<Env>;
  readonly streams: Streams;
  readonly metrics: Metrics;
  readonly limits: ServiceLimits;
  /** The OpenAPI document. */
  readonly document: object;
  /** Whether a page of this origin may submit, and see accounts. @param host  header Host of the request */
  isAllowed(origin: string | undefined, host: string | undefined): boolean;
  /** Takes from the rate of an address. @throws RATE_LIMITED */
  charge(sender: string): void;
  /** Listens to the venue no more. The venue itself stays open. */
  close(): void;
}

interface Route {
  readonly method: "get" | "post";
  /** as OpenAPI writes it */
  readonly path: string;
  readonly summary: string;
  /** who may ask: anybody from anywhere; pages of allowed origins; those with a session; the operator */
  readonly access: "public" | "origin" | "session" | "operator";
  /** in requests, of the rate of an address */
  readonly cost?: number;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: {
    readonly schema: z.ZodType;
    readonly type?: string;
    readonly status?: number;
    /** statuses besides 200 that have an answer of this schema */
    readonly also?: readonly number[];
  };
  /** besides those that every route may have */
  readonly errors?: readonly number[];
}

const PAGES_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data:",
  // The page that verifies fetches rounds from the venue that its user names.
  "connect-src *",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const IMMUTABLE = "public, max-age=31536000, immutable";
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** The service of a venue, without a socket: requests go to `app.fetch(request, caller)`, frames to `streams`. */
export function createApp({ venue, options }: { venue: ServedVenue; options: ServiceOptions }): Service {
  const { log = NO_LOG, development = false, origins = [], metricsToken = null, files } = options;
  const marketNames = { ...namesIn(options.genesisJson), ...options.marketNames };
  const genesis = publicGenesis(options.genesisJson);
  const now = options.now ?? (() => performance.now());
  const limits = { ...DEFAULT_SERVICE_LIMITS, ...options.limits };
  const rates = { ...DEFAULT_RATES, ...options.rates };
  const metrics: Metrics = new Metrics(venue, {
    streams: () => streams.size,
    ofProcess: options.processMetrics ?? false,
  });
  const { hosts = [] } = options;
  const desk = new Desk(venue, metrics, { rates, sessions: limits.sessions, hosts, now });
  const streams = new Streams({ venue, desk, metrics, log }, limits);
  const unsubscribe = venue.subscribe((event) => {
    metrics.event(event);
    streams.event(event);
  });
  const app = new OpenAPIHono<Env>();
  const routes: Route[] = [];
  let document: object | null = null;

  app.use("*", async (c, next) => {
    const start = now();
    c.set("headers", { ...HEADERS });
    await next();
    const { status } = c.res;
    metrics.request(status);
    const account = c.get("account");
    const route = c.get("route") ?? "none";
    const ms = Math.round(now() - start);
    log.info({ method: c.req.method, route, status, ms, ...(account === undefined ? {} : { account }) }, "request");
  });

  const refuse = (error: unknown, c: Call): Response => {
    const { status, json, unexpected } = reportError(error);
    if (unexpected) log.error({ route: c.get("route") ?? "none", failure: unexpected }, "request failed");
    metrics.reject(json.error.code);
    if (status === 401) c.var.headers["WWW-Authenticate"] = "Bearer";
    if (json.error.retryAfter) c.var.headers["Retry-After"] = String(json.error.retryAfter);
    return reply(c, JSON.stringify(json), {}, status);
  };
  app.onError(refuse);

  /** Whether a page of this origin may submit and see accounts. Programs that are no pages name no origin. */
  const isAllowed = (origin: string | undefined, host: string | undefined): boolean => {
    if (origin === undefined || origins.includes(origin)) return true;
    return host !== undefined && (origin === `https://${host}` || origin === `http://${host}`);
  };

  /** Lets pages of any origin read what is public, and pages of allowed ones the rest. @throws FORBIDDEN */
  const allow = (c: Call, access: Route["access"]): void => {
    if (access === "public") {
      c.var.headers["Access-Control-Allow-Origin"] = "*";
      c.var.headers["Cross-Origin-Resource-Policy"] = "cross-origin";
      return;
    }
    const origin = c.req.header("Origin");
    c.var.headers["Vary"] = "Origin";
    if (!isAllowed(origin, c.req.header("Host")))
      throw new TacitError("FORBIDDEN", "pages of this origin may not ask for this");
    if (origin === undefined) return;
    c.var.headers["Access-Control-Allow-Origin"] = origin;
    c.var.headers["Access-Control-Expose-Headers"] = "Retry-After";
  };

  /** @throws UNAUTHORISED */
  const sessionOf = (c: Call): Session => {
    const token = bearer(c);
    if (!token) throw unauthorised("a session is needed: begin one (POST /v1/session), and send its token as a bearer");
    return desk.session(token);
  };

  /** The account that is asked for. @throws NOT_FOUND  when it is not one of the session */
  const accountOf = (c: Call, session: Session, index: number | undefined): number => {
    const accounts = desk.accountsOf(session);
    const account = index ?? accounts[0];
    if (account === undefined || !accounts.includes(account))
      throw notFound(accounts.length === 0 ? "the key has no account" : "the session has no account of this number");
    c.set("account", account);
    return account;
  };

  const sender = (c: Call): string => c.env?.sender ?? "unknown";

  /** One route, in the service and in its document. */
  function route<Params extends z.ZodObject, Query extends z.ZodObject, Body extends z.ZodType>(
    spec: Route & { readonly params?: Params; readonly query?: Query; readonly body?: Body },
    answer: (
      c: Call,
      read: {
        params: z.output<Params>;
        query: z.output<Query>;
        /** JSON: not compared with the schema yet */
        json: unknown;
      },
    ) => Response | Promise<Response>,
  ): void {
    routes.push(spec);
    const { method, path, access, params, query, body, cost } = spec;
    app.openAPIRegistry.registerPath(pathOf(spec) as Parameters<typeof app.openAPIRegistry.registerPath>[0]);
    app.on(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ":$1"), async (c) => {
      c.set("route", path);
      allow(c, access);
      desk.charge(sender(c), cost);
      const read = {
        params: (params ? parse("path", params, c.req.param()) : {}) as z.output<Params>,
        query: parse("query", query ?? NoQuery, queryOf(c.req.url)) as z.output<Query>,
        json: body ? await readJson(c, limits.bodyBytes) : undefined,
      };
      return answer(c, read);
    });
  }

  // What anybody may see.

  const { contract } = venue;
  const venueText = toJson({
    name: "tacit",
    version: options.version,
    profile: venue.genesis.profile,
    domain: venue.genesis.domain,
    signer: venue.signer,
    genesisState: venue.genesisState,
    time: venue.genesis.time,
    operatorKey: { x: venue.genesis.rules.group.operatorKeyX, y: venue.genesis.rules.group.operatorKeyY },
    maxAge: venue.genesis.rules.group.maxAge,
    markets: rulesJson(venue, marketNames),
    genesis,
    proves: venue.proves,
    publish: venue.publish,
    limits: {
      bodyBytes: limits.bodyBytes,
      page: PAGE,
      inFlight: limits.inFlight,
      sessionSeconds: Number(SESSION_SECONDS),
      roundSeconds: venue.limits.roundSeconds,
      ...rates,
    },
    contract: contract && { chainId: String(contract.chainId), address: contract.address },
    development,
  });

  route(
    {
      method: "get",
      path: "/v1/venue",
      summary: "What the venue is: rules, genesis, signer of receipts",
      access: "public",
      answer: { schema: VenueSchema },
    },
    (c) => reply(c, venueText, { "Cache-Control": "public, max-age=10" }),
  );

  route(
    {
      method: "get",
      path: "/v1/markets",
      summary: "Markets as they stand",
      access: "public",
      cost: 5,
      answer: { schema: MarketsSchema },
    },
    (c) => json(c, marketsJson(venue, marketNames)),
  );

  route(
    {
      method: "get",
      path: "/v1/auctions",
      summary: "Auctions, the newest first",
      access: "public",
      cost: 5,
      query: AuctionsQuery,
      answer: { schema: AuctionsSchema },
      errors: [404],
    },
    async (c, { query: { market, before, limit } }) => {
      const id = market === undefined ? undefined : BigInt(market);
      if (id !== undefined && slotOf(venue.genesis.rules, id) < 0)
        throw new TacitError("UNKNOWN_MARKET", "no market has this number");
      return json(c, { auctions: await venue.auctions({ market: id, before, limit }) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/rounds",
      summary: "Rounds that are proved, the newest first",
      access: "public",
      cost: 5,
      query: RoundsQuery,
      answer: { schema: RoundsSchema },
    },
    async (c, { query }) => json(c, { rounds: await venue.rounds(query) }),
  );

  route(
    {
      method: "get",
      path: "/v1/rounds/{number}",
      summary: "The file of a proved round",
      access: "public",
      cost: 5,
      params: RoundParams,
      answer: { schema: RoundFileSchema },
      errors: [404],
    },
    async (c, { params: { number } }) => {
      const file = await venue.round(number);
      if (file === undefined) throw notFound("no round of this number is proved");
      return reply(c, file, {
        "Cache-Control": IMMUTABLE,
        "Content-Disposition": `inline; filename="tacit-round-${number}.json"`,
      });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/health",
      summary: "How the venue does: 503 when it takes no items, or proves no more",
      access: "public",
      answer: { schema: HealthSchema, also: [503] },
    },
    (c) => {
      const health = healthJson(venue);
      return json(c, health, health.ok ? 200 : 503);
    },
  );

  route(
    {
      method: "get",
      path: "/v1/openapi.json",
      summary: "This document",
      access: "public",
      answer: { schema: z.looseObject({}) },
    },
    (c) => reply(c, JSON.stringify(describe()), { "Cache-Control": "public, max-age=10" }),
  );

  // What changes the venue. Items are signed, and need no session.

  const submission = (kind: SubmitKind, path: string) =>
    route(
      {
        method: "post",
        path,
        summary: `Sends ${kind === "order" ? "an" : "a"} ${kind}`,
        access: "origin",
        body: ItemSchema,
        answer: { schema: AcknowledgementSchema },
        errors: [422, 503],
      },
      async (c, { json: item }) => {
        const { account, ...answer } = await desk.submit(kind, item, sender(c));
        c.set("account", account);
        return reply(c, JSON.stringify(answer));
      },
    );
  submission("order", "/v1/orders");
  submission("cancel", "/v1/cancels");
  submission("withdrawal", "/v1/withdrawals");

  route(
    {
      method: "post",
      path: "/v1/deposits",
      summary: "Credits play money: of a venue in development only",
      access: "origin",
      cost: SIGNATURE_COST,
      body: DepositRequestSchema,
      answer: { schema: DepositSchema },
      errors: [404, 422, 503],
    },
    async (c, { json: body }) => {
      if (!development) throw notFound("deposits of this venue are made on its chain");
      const { keyX, keyY, index, amount } = parse("deposit", DepositRequestSchema, body);
      const named = { x: BigInt(keyX), y: BigInt(keyY) };
      const key = accountKey(named);
      await venue.deposit([{ keyX: named.x, keyY: named.y, index, amount: BigInt(amount) }]);
      return json(c, { accounts: venue.indexesOf(key) });
    },
  );

  // What the owner of a key may see.

  route(
    {
      method: "post",
      path: "/v1/session",
      summary: "Begins a session",
      access: "origin",
      cost: SIGNATURE_COST,
      body: SessionRequestSchema,
      answer: { schema: SessionSchema },
      errors: [401],
    },
    (c, { json: body }) => {
      const { token, session } = desk.login(body);
      return json(c, { token, accounts: desk.accountsOf(session), expires: session.expires });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/account",
      summary: "An account as the log leaves it so far",
      access: "session",
      query: AccountQuery,
      answer: { schema: AccountSchema },
      errors: [404],
    },
    (c, { query }) => {
      const index = accountOf(c, sessionOf(c), query.index);
      return json(c, accountAnswer(index, venue.account(index)!, venue.genesis.prices));
    },
  );

  route(
    {
      method: "get",
      path: "/v1/orders",
      summary: "Open orders of an account",
      access: "session",
      cost: 5,
      query: AccountQuery,
      answer: { schema: OrdersSchema },
      errors: [404],
    },
    (c, { query }) => {
      const index = accountOf(c, sessionOf(c), query.index);
      return json(c, { index, orders: venue.orders(index).map(orderJson) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/history",
      summary: "Fills and deposits of an account, the oldest first",
      access: "session",
      cost: 5,
      query: HistoryQuery,
      answer: { schema: HistorySchema },
      errors: [404],
    },
    async (c, { query }) => {
      const index = accountOf(c, sessionOf(c), query.index);
      const { after, limit = 100 } = query;
      const entries = await venue.history(index, { after, limit });
      return json(c, { index, entries: pageOf(entries, limit) });
    },
  );

  route(
    {
      method: "get",
      path: "/v1/opening",
      summary: "What shows an account in the state of the last proved round",
      access: "session",
      query: AccountQuery,
      answer: { schema: OpeningSchema },
      errors: [404],
    },
    (c, { query }) => {
      const found = venue.opening(accountOf(c, sessionOf(c), query.index));
      if (!found) throw notFound("no proved round holds this account yet");
      return json(c, { round: found.round, opening: openingJson(found.opening) });
    },
  );

  // Streams: the server takes them over before a request gets here.

  route(
    {
      method: "get",
      path: "/v1/stream",
      summary: "Opens a WebSocket: frames are StreamRequest, answers StreamAnswer, news StreamPush",
      access: "origin",
      answer: { schema: z.unknown(), status: 101 },
    },
    () => {
      throw badFormat("header Upgrade", "websocket");
    },
  );
  for (const [name, schema] of Object.entries({
    StreamRequest: FrameSchema,
    StreamAnswer: FrameAnswerSchema,
    StreamPush: PushSchema,
  }))
    app.openAPIRegistry.register(name, schema);

  // What the operator sees.

  route(
    {
      method: "get",
      path: "/metrics",
      summary: "Metrics: from this machine, or with the operator's token",
      access: "operator",
      answer: { schema: z.string(), type: "text/plain" },
      errors: [401],
    },
    async (c) => {
      const token = bearer(c);
      const trusted = c.env?.local === true || (metricsToken !== null && token !== null && equal(token, metricsToken));
      if (!trusted) throw unauthorised("metrics are for the operator");
      return reply(c, await metrics.text(), { "Content-Type": metrics.contentType });
    },
  );

  // All else: files, preflights, and errors.

  const patterns = routes.map(({ path, ...route }) => {
    return { ...route, pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`) };
  });

  app.notFound((c) => {
    const { method, path } = c.req;
    const here = patterns.filter(({ pattern }) => pattern.test(path));
    const methods = [...new Set(here.flatMap((at) => (at.method === "get" ? ["GET", "HEAD"] : ["POST"])))];
    const reads = method === "GET" || method === "HEAD";
    try {
      if (here.length > 0 && method === "OPTIONS") return preflight(c, here, methods);
      desk.charge(sender(c));
      const file = reads && here.length === 0 ? files?.get(path) : undefined;
      if (file) return staticFile(c, file);
      // Pages anywhere may read that there is nothing.
      allow(c, "public");
      if (here.length === 0) throw notFound("there is nothing here");
      c.var.headers["Allow"] = methods.join(", ");
      throw new TacitError("METHOD", `the method is wrong: expected ${methods.join(" or ")}`);
    } catch (error) {
      return refuse(error, c);
    }
  });

  function preflight(c: Call, here: readonly Pick<Route, "method" | "access">[], methods: string[]): Response {
    c.set("route", "preflight");
    desk.charge(sender(c));
    const asked = c.req.header("Access-Control-Request-Method");
    const named = here.find(({ method }) => method === (asked === "POST" ? "post" : "get")) ?? here[0];
    allow(c, named.access);
    return reply(
      c,
      null,
      {
        Allow: methods.join(", "),
        "Access-Control-Allow-Methods": methods.join(", "),
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
      },
      204,
    );
  }

  function staticFile(c: Call, file: StaticFile): Response {
    c.set("route", "file");
    const headers = {
      "Content-Security-Policy": PAGES_POLICY,
      "Cross-Origin-Resource-Policy": "same-origin",
      "Cache-Control": file.immutable ? IMMUTABLE : "no-cache",
      "Content-Type": file.type,
      ETag: file.etag,
    };
    if (c.req.header("If-None-Match") === file.etag) return reply(c, null, headers, 304);
    const length = { ...headers, "Content-Length": String(file.size) };
    if (c.req.method === "HEAD" || file.size === 0) return reply(c, null, length);
    return reply(c, file.body(), length);
  }

  function describe(): object {
    document ??= app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: {
        title: "Tacit venue",
        version: options.version,
        description: "A private trading venue that proves every match. How to sign, and how streams work: docs/api.md.",
      },
    });
    return document;
  }

  return {
    app,
    streams,
    metrics,
    limits,
    get document() {
      return describe();
    },
    isAllowed,
    charge: (who) => desk.charge(who),
    close: unsubscribe,
  };
}

/** Of every answer, unless it says otherwise. */
const HEADERS = {
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

function reply(c: Call, body: string | ReadableStream | null, headers: Record<string, string> = {}, status = 200) {
  return new Response(body, { status, headers: { ...c.var.headers, ...headers } });
}

function json(c: Call, value: unknown, status = 200): Response {
  return reply(c, toJson(value), {}, status);
}

/** How a route stands in the OpenAPI document. */
function pathOf({ method, path, summary, access, params, query, body, answer, errors = [] }: Route) {
  const { schema, type = "application/json", status = 200, also = [] } = answer;
  const content = status === 101 ? {} : { content: { [type]: { schema } } };
  const failures = [400, ...(access === "public" ? [] : [403]), ...(access === "session" ? [401] : [])];
  const bodyFailures = body ? [413, 415] : [];
  const statuses = [...new Set([...failures, ...bodyFailures, ...errors, 429, 500])].sort();
  return {
    method,
    path,
    summary,
    ...(access === "session" || access === "operator" ? { security: [{ bearer: [] }] } : {}),
    request: {
      ...(params ? { params } : {}),
      ...(query ? { query } : {}),
      ...(body ? { body: { required: true, content: { "application/json": { schema: body } } } } : {}),
    },
    responses: {
      [status]: { description: status === 101 ? "A WebSocket" : "The answer", ...content },
      ...Object.fromEntries(
        statuses.map((code) => [
          code,
          { description: "An error", content: { "application/json": { schema: ErrorSchema } } },
        ]),
      ),
      ...Object.fromEntries(also.map((code) => [code, { description: "The answer", ...content }])),
    },
  };
}

function bearer(c: Call): string | null {
  return /^bearer ([A-Za-z0-9_~+/.-]{1,256}=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ?? null;
}

/** In a time that tells nothing of where two texts differ. */
function equal(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % b.length);
  return difference === 0;
}

/** @throws FORMAT  when a name occurs twice */
function queryOf(url: string): Record<string, string> {
  const start = url.indexOf("?");
  if (start < 0) return {};
  const query: [string, string][] = [...new URLSearchParams(url.slice(start + 1).split("#")[0])];
  if (new Set(query.map(([name]) => name)).size < query.length) throw badFormat("query", "every name once");
  return Object.fromEntries(query);
}

/** @throws MEDIA_TYPE, TOO_LARGE, FORMAT */
async function readJson(c: Call, most: number): Promise<unknown> {
  const type = c.req.header("Content-Type")?.split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw new TacitError("MEDIA_TYPE", "the body is wrong: expected application/json");
  const bytes = await readBytes(c.req.raw, c.req.header("Content-Length"), most);
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    throw badFormat("body", "JSON in UTF-8");
  }
}

async function readBytes(request: Request, length: string | undefined, most: number): Promise<Uint8Array> {
  const tooLarge = () => new TacitError("TOO_LARGE", `the body is too large: expected at most ${most} bytes`, { most });
  if (length !== undefined && Number(length) > most) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    // Whose length is known is read at once: the server holds the client to it.
    if (length !== undefined) {
      const bytes = new Uint8Array(await request.arrayBuffer());
      if (bytes.length > most) throw tooLarge();
      return bytes;
    }
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > most) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TacitError) throw error;
    throw badFormat("body", "all of it");
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
