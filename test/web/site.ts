import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { chromium, type Browser } from "playwright-core";

const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";

/** Files by path of a site. */
export type Files = Record<string, string>;

export interface Site {
  origin: string;
  close(): Promise<void>;
}

/**
 * Serves files on loopback, and an empty page at / if there is none.
 * @param isolated  with the headers that give a page shared memory
 * @param policy    the content security policy
 */
export async function serve(
  files: Files,
  { isolated, policy = POLICY }: { isolated: boolean; policy?: string },
): Promise<Site> {
  const server = createServer((request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname;
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    response.setHeader("Content-Security-Policy", policy);
    if (path === "/" && !files[path])
      return response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Tacit</title>");
    if (!files[path] || !existsSync(files[path])) return response.writeHead(404).end();
    response.setHeader("Content-Type", TYPES[extname(files[path])] ?? "application/octet-stream");
    createReadStream(files[path]).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}

/** Debian's Chromium, or the one that CHROMIUM names. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
