import { getRequestListener } from "@hono/node-server";
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { badFormat } from "../../protocol/json.ts";
import { TacitError } from "../../protocol/errors.ts";
import { createApp, type Service } from "./app.ts";
import type { Caller } from "./call.ts";
import { NO_LOG } from "../log.ts";
import { notFound, reportError } from "./errors.ts";
import { folderFiles } from "./files.ts";
import { Counts, senderOf } from "./limits.ts";
import type { ServiceOptions } from "./options.ts";
import type { ServedVenue } from "./views.ts";

export { collectSeldom } from "./heap.ts";

export interface Timeouts {
  /** for all headers of a request, and for all of it, milliseconds */
  readonly headersMs: number;
  readonly requestMs: number;
  /** in which nothing is asked, and in which nothing can be written */
  readonly idleMs: number;
  readonly stuckMs: number;
  /** between two pings of a stream: one that has not answered the last by then is ended */
  readonly pingMs: number;
  /** that running requests have to end when the service stops */
  readonly stopMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 20_000,
  idleMs: 60_000,
  stuckMs: 120_000,
  pingMs: 30_000,
  stopMs: 10_000,
};

export interface ServerOptions extends Omit<ServiceOptions, "files"> {
  readonly venue: ServedVenue;
  /** address to listen at. Default: 127.0.0.1 */
  readonly host?: string;
  /** 0, the default, takes a free one */
  readonly port?: number;
  /** pages that are served, such as dist/web of this package. Default: none */
  readonly staticFolder?: string | null;
  /** proxies in front whose X-Forwarded-For is believed, the last one nearest. Default: 0 */
  readonly proxies?: number;
  readonly timeouts?: Partial<Timeouts>;
  readonly connections?: number;
  /** of one address; not counted where there are proxies */
  readonly connectionsPerAddress?: number;
}

export interface RunningService extends Service {
  /** such as http://127.0.0.1:8080 */
  readonly url: string;
  /** Takes nothing more, answers what it has taken, ends streams with 1001. The venue stays open. */
  close(): Promise<void>;
}

/** @throws LISTEN  when a service could not listen there now */
export async function requireFree(host: string, port: number): Promise<void> {
  const trial = createServer();
  await new Promise<void>((resolve, reject) => {
    trial.once("error", (error) => reject(cannotListen(error, host, port)));
    trial.listen(port, host, resolve);
  });
  await new Promise((resolve) => trial.close(resolve));
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): TacitError {
  return new TacitError("LISTEN", `cannot listen at ${host}:${port}: ${error.code}`, { host, port });
}

/**
 * Serves a venue over HTTP/1.1 and WebSocket. TLS is a proxy's.
 * @throws NO_FOLDER  when there is no folder of this name to serve
 * @throws LISTEN     when it cannot listen there
 */
export async function startService(options: ServerOptions): Promise<RunningService> {
  const { venue, host = "127.0.0.1", port = 0, staticFolder = null, proxies = 0 } = options;
  const { connections = 8_192, connectionsPerAddress = 1_024, log = NO_LOG } = options;
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const files = staticFolder === null ? undefined : await folderFiles(staticFolder);
  const hosts = [host, ...(options.hosts ?? [])];
  const service = createApp({ venue, options: { processMetrics: true, ...options, hosts, files } });
  const { app, streams, limits } = service;

  let stopping = false;
  let running = 0;
  let ended = () => {};
  const listener = getRequestListener(
    (request, { incoming }) => app.fetch(request, callerOf(incoming as IncomingMessage, proxies)),
    {
      errorHandler: (error) =>
        errorResponse(error instanceof Error && error.name === "RequestError" ? BAD_REQUEST : error),
    },
  );
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      // It is required all the same, by the listener, which says so as the other errors are said.
      requireHostHeader: false,
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: timeouts.idleMs,
      connectionsCheckingInterval: Math.min(timeouts.headersMs, timeouts.requestMs, 5_000),
    },
    (incoming, outgoing) => {
      running++;
      outgoing.once("close", () => {
        running--;
        if (stopping && running === 0) ended();
      });
      if (stopping) return void refuseRequest(outgoing, new TacitError("STOPPED", "the service stops"));
      void listener(incoming, outgoing);
    },
  );
  server.maxConnections = connections;
  server.setTimeout(timeouts.stuckMs);

  const perAddress = new Counts<string>();
  server.on("connection", (socket) => {
    const address = senderOf(socket.remoteAddress ?? "unknown");
    if (proxies === 0 && perAddress.of(address) >= connectionsPerAddress) return void socket.destroy();
    perAddress.add(address);
    socket.once("close", () => perAddress.remove(address));
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
    const large = error.code === "HPE_HEADER_OVERFLOW";
    refuseSocket(
      socket,
      late
        ? new TacitError("TIMEOUT", "the request took too long")
        : large
          ? new TacitError("TOO_LARGE", "the headers are too large")
          : BAD_REQUEST,
    );
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  server.on("upgrade", (request, socket, head) => {
    // Without a listener an error of the socket would end the process.
    socket.on("error", () => socket.destroy());
    const { sender = "unknown" } = callerOf(request, proxies);
    try {
      service.charge(sender);
      if (request.url?.split("?")[0] !== "/v1/stream") throw notFound("there is no stream here: expected /v1/stream");
      if (request.headers.upgrade?.toLowerCase() !== "websocket") throw badFormat("header Upgrade", "websocket");
      if (!service.isAllowed(request.headers.origin, request.headers.host))
        throw new TacitError("FORBIDDEN", "pages of this origin may not open streams");
      streams.requireRoom(sender);
    } catch (error) {
      return refuseSocket(socket, error);
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, sender));
  });

  function serve(webSocket: WebSocket, sender: string): void {
    const stream = streams.open(webSocket, sender);
    webSocket.on("message", (data: Buffer, isBinary) => stream.receive(isBinary ? null : data.toString("utf8")));
    webSocket.on("pong", stream.pong);
    webSocket.on("close", stream.closed);
    // Malformed frames and the like: the library closes the socket, and tells the client why.
    webSocket.on("error", () => {});
  }
  const pings = setInterval(() => streams.checkAlive(), timeouts.pingMs);
  pings.unref();

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(cannotListen(error, host, port)));
    server.listen(port, host, resolve);
  }).catch((error: unknown) => {
    clearInterval(pings);
    service.close();
    throw error;
  });
  const at = server.address() as AddressInfo;
  const url = `http://${at.family === "IPv6" ? `[${at.address}]` : at.address}:${at.port}`;
  log.info({ url }, "service started");

  let closing: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    stopping = true;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // Whoever does not let go in time is cut off.
    const patience = setTimeout(() => {
      streams.terminate();
      server.closeAllConnections();
    }, timeouts.stopMs);
    try {
      const idle = new Promise<void>((resolve) => (ended = resolve));
      if (running === 0) ended();
      await Promise.all([idle, streams.drain()]);
      // Nothing runs any more: what is left has asked nothing, or not all of it.
      server.closeAllConnections();
      await closed;
    } finally {
      clearTimeout(patience);
      clearInterval(pings);
      sockets.close();
      service.close();
      log.info({}, "service stopped");
    }
  };
  return { ...service, url, close: () => (closing ??= stop()) };
}

const BAD_REQUEST = badFormat("request", "HTTP/1.1 with a valid target and Host");

/** Who sent a request: what the nearest proxy that is not ours says, or whose connection it is. */
function callerOf({ socket, headers }: IncomingMessage, proxies: number): Caller {
  const peer = senderOf(socket.remoteAddress ?? "unknown");
  const forwarded = String(headers["x-forwarded-for"] ?? "");
  const named = forwarded.split(",").map((part) => part.trim());
  const sender = proxies > 0 && forwarded ? senderOf(named[Math.max(0, named.length - proxies)]) : peer;
  const throughProxy = forwarded !== "" || headers.forwarded !== undefined || headers.via !== undefined;
  // The name must be this machine's too: a page whose own name was made to lead here is no operator.
  const namedLocal = LOCAL_NAME.test(headers.host ?? "");
  const loopback = peer.startsWith("127.") || socket.remoteAddress === "::1";
  return { sender, local: loopback && namedLocal && !throughProxy };
}

const LOCAL_NAME = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;

function errorResponse(error: unknown): Response {
  const { status, json } = reportError(error);
  return new Response(JSON.stringify(json), { status, headers: { "Content-Type": "application/json" } });
}

function refuseRequest(outgoing: ServerResponse, error: unknown): void {
  const { status, json } = reportError(error);
  outgoing.writeHead(status, { "Content-Type": "application/json", Connection: "close" });
  outgoing.end(JSON.stringify(json));
}

/** Answers a request that has not become one, and ends its connection. */
function refuseSocket(socket: Duplex, error: unknown): void {
  const { status, json } = reportError(error);
  const body = JSON.stringify(json);
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/json",
    ...(json.error.retryAfter ? [`Retry-After: ${json.error.retryAfter}`] : []),
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
