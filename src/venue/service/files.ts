import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { Readable } from "node:stream";
import { TacitError } from "../../protocol/errors.ts";
import { IMMUTABLE, reply, type Call } from "./call.ts";

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
const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/**
 * The files of a folder by the path at which they are served: as the folder is now. Only what is listed here can be had, so
 * no path leads out of it; links are not followed. `index.html` stands for its folder, and `.html` may be left out.
 * @throws NO_FOLDER
 */
export async function folderFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  let entries;
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true });
  } catch {
    throw new TacitError("NO_FOLDER", `there is no folder ${folder} to serve`, { folder });
  }
  const files = new Map<string, StaticFile>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(path);
    const name = path.slice(join(folder, sep).length).split(sep).map(encodeURIComponent).join("/");
    const file: StaticFile = {
      type: TYPES[extname(entry.name)] ?? "application/octet-stream",
      size,
      etag: `"${size.toString(36)}-${Math.round(mtimeMs).toString(36)}"`,
      // Names in this folder end in a hash of the contents.
      immutable: name.startsWith("assets/"),
      // A file that has become shorter or longer since must not break the length that was announced.
      body: () => Readable.toWeb(createReadStream(path, { end: size - 1 })) as ReadableStream<Uint8Array>,
    };
    files.set(`/${name}`, file);
    if (!name.endsWith(".html")) continue;
    files.set(`/${name.slice(0, -".html".length)}`, file);
    if (entry.name === "index.html") files.set(`/${name.slice(0, -"index.html".length)}`, file);
  }
  return files;
}

/** Answers with a file, or that the client has it as it is. */
export function staticFile(c: Call, file: StaticFile): Response {
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
