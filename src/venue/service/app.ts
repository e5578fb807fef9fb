import { OpenAPIHono, z } from "@hono/zod-openapi";
import { TacitError } from "../../protocol/errors.ts";
import { badFormat } from "../../protocol/json.ts";
import { NO_LOG } from "../log.ts";
import { addAccountRoutes } from "./accountRoutes.ts";
import {
  dateOf,
  HEADERS,
  queryOf,
  readJson,
  reply,
  requireOperatorToken,
  sender,
  type Call,
  type Env,
} from "./call.ts";
import { Desk } from "./desk.ts";
import { notFound, reportError } from "./errors.ts";
import { staticFile } from "./files.ts";
import { addItemRoutes } from "./itemRoutes.ts";
import { Metrics } from "./metrics.ts";
import { addOperatorRoutes } from "./operatorRoutes.ts";
import { DEFAULT_RATES, DEFAULT_SERVICE_LIMITS, type ServiceLimits, type ServiceOptions } from "./options.ts";
import { pathOf, type AddRoute, type Route } from "./route.ts";
import { FrameAnswerSchema, FrameSchema, NoQuery, parse, PushSchema } from "./schema.ts";
import { Streams } from "./stream.ts";
import { addVenueRoutes } from "./venueRoutes.ts";
import type { ServedVenue } from "./views.ts";

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

/** The service of a venue, without a socket: requests go to `app.fetch(request, caller)`, frames to `streams`. */
export function createApp({ venue, options }: { venue: ServedVenue; options: ServiceOptions }): Service {
  const {
    log = NO_LOG,
    development = false,
    hosts = [],
    origins = [],
    metricsToken = null,
    operatorToken = null,
    files,
  } = options;
  if (operatorToken !== null) requireOperatorToken(operatorToken);
  const now = options.now ?? (() => performance.now());
  const limits = { ...DEFAULT_SERVICE_LIMITS, ...options.limits };
  const rates = { ...DEFAULT_RATES, ...options.rates };
  const metrics: Metrics = new Metrics(venue, {
    streams: () => streams.size,
    ofProcess: options.processMetrics ?? false,
    measure: options.measure,
  });
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
    c.set("headers", { ...HEADERS, Date: dateOf(venue.clock) });
    await next();
    const { status } = c.res;
    metrics.request(status);
    const account = c.get("account");
    const route = c.get("route") ?? "none";
    const ms = Math.round(now() - start);
    log.debug({ method: c.req.method, route, status, ms, ...(account === undefined ? {} : { account }) }, "request");
  });

  const refuse = (error: unknown, c: Call): Response => {
    const { status, json, unexpected } = reportError(error);
    if (unexpected) log.error({ route: c.get("route") ?? "none", failure: unexpected }, "request failed");
    // Who asks for what is not there yet is not turned away.
    if (status !== 404) metrics.reject(json.error.code);
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
      c.var.headers["Access-Control-Expose-Headers"] = "Date, Retry-After";
      c.var.headers["Cross-Origin-Resource-Policy"] = "cross-origin";
      return;
    }
    const origin = c.req.header("Origin");
    c.var.headers["Vary"] = "Origin";
    if (!isAllowed(origin, c.req.header("Host")))
      throw new TacitError("FORBIDDEN", "pages of this origin may not ask for this");
    if (origin === undefined) return;
    c.var.headers["Access-Control-Allow-Origin"] = origin;
    c.var.headers["Access-Control-Expose-Headers"] = "Date, Retry-After";
  };

  /** One route, in the service and in its document. */
  const route: AddRoute = (spec, answer) => {
    routes.push(spec);
    const { method, path, access, params, query, body, cost } = spec;
    app.openAPIRegistry.registerPath(pathOf(spec) as Parameters<typeof app.openAPIRegistry.registerPath>[0]);
    app.on(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ":$1"), async (c) => {
      c.set("route", path);
      allow(c, access);
      desk.charge(sender(c), cost);
      const read = {
        params: params ? parse("path", params, c.req.param()) : {},
        query: parse("query", query ?? NoQuery, queryOf(c)),
        json: body ? await readJson(c, spec.bodyBytes ?? limits.bodyBytes) : undefined,
      };
      return answer(c, read as Parameters<typeof answer>[1]);
    });
  };

  addVenueRoutes(route, { venue, options, development, limits, rates });
  addItemRoutes(route, { venue, desk, development });
  addAccountRoutes(route, { venue, desk });
  addOperatorRoutes(route, { venue, metrics, metricsToken, operatorToken, log });

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
