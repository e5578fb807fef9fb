/**
 * One way to read what a caller hands over as a file: a path, an address, bytes, a blob or a stream, in Node and in
 * browsers. Files and blobs are read in the ranges that are asked for; what can only be read in order is read once,
 * whole, into memory that threads can share.
 */
import { openFile, type FileHandle } from "#prover-runtime";
import { TacitError, outOfRange } from "../../protocol/errors.ts";
import { abortedError, reasonOf, unreadable } from "./sourceErrors.ts";
import { allocate, readAll } from "./stream.ts";

/**
 * A string is a path in Node, or an address if it begins with http://, https:// or file://; in a browser it is an
 * address. Node's streams are async iterables of bytes.
 */
export type FileSource = string | URL | Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file that is open for reading. Every method rejects with SOURCE once it is closed, and ABORTED once aborted. */
export interface ByteSource {
  /** how errors call it: the path, the address without query, or its kind */
  readonly name: string;
  /** bytes, as found when it was opened */
  readonly size: number;
  /** of a file that is read in ranges: by this others may open it too */
  readonly path?: string;
  /**
   * The bytes from `offset` on: a view where they are in memory already, else a copy.
   * @throws TacitError OUT_OF_RANGE (beyond the size), SOURCE, FILE_FORMAT (the file has shrunk), ABORTED
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** As read, into memory of the caller, which may be shared with threads. */
  readInto(offset: number, target: Uint8Array): Promise<void>;
  /** Lets go of file and memory. A second call does nothing. */
  close(): Promise<void>;
}

/** What differs from one kind of source to another. */
type Backing = Omit<ByteSource, "name">;

/** A file is read in pieces of at most so many bytes, as Node takes no more than 2^31 at once. */
const PIECE = 1 << 26;

/**
 * Opens a source. Bytes are not copied, so they must not change while they are in use.
 * @param signal  gives up, now and in later reads
 * @throws TacitError SOURCE   it cannot be read: `details.source` names it, `details.reason` is ENOENT, HTTP 404, ...
 * @throws TacitError ABORTED
 */
export async function openSource(source: FileSource, { signal }: { signal?: AbortSignal } = {}): Promise<ByteSource> {
  const name = nameOf(source);
  const backing = await guarded(name, signal, () => open(source, name, signal));
  const { size, path } = backing;
  let closed = false;
  const reading = <Result>(offset: number, length: number, read: () => Promise<Result>): Promise<Result> =>
    guarded(name, signal, async () => {
      if (closed) throw unreadable(name, "closed", "it is closed");
      if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0))
        throw outOfRange("offset or length", "a whole number of bytes");
      if (offset + length > size) throw outOfRange("offset + length", `at most ${size}, the bytes of ${name}`);
      return read();
    });
  return {
    name,
    size,
    path,
    read: (offset, length) => reading(offset, length, () => backing.read(offset, length)),
    readInto: (offset, target) => reading(offset, target.length, () => backing.readInto(offset, target)),
    async close() {
      if (closed) return;
      closed = true;
      await backing.close();
    },
  };
}

async function open(source: FileSource, name: string, signal?: AbortSignal): Promise<Backing> {
  if (source instanceof Uint8Array) return inMemory(source);
  if (typeof Blob !== "undefined" && source instanceof Blob) return inBlob(source);
  if (typeof source === "string" || source instanceof URL) {
    const address = addressOf(source);
    return address === undefined || address.protocol === "file:"
      ? openPath(address ?? source, name, signal)
      : inMemory(await download(address, name, signal));
  }
  if (isStream(source)) return inMemory(await readAll(source, { name, signal }));
  throw unreadable(name, "kind", "expected a path, an address, bytes, a blob or a stream");
}

function inMemory(bytes: Uint8Array): Backing {
  let held: Uint8Array | undefined = bytes;
  return {
    size: bytes.length,
    read: async (offset, length) => held!.subarray(offset, offset + length),
    readInto: async (offset, target) => target.set(held!.subarray(offset, offset + target.length)),
    async close() {
      held = undefined;
    },
  };
}

function inBlob(blob: Blob): Backing {
  const read = async (offset: number, length: number) =>
    new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
  return {
    size: blob.size,
    read,
    readInto: async (offset, target) => target.set(await read(offset, target.length)),
    async close() {},
  };
}

async function openPath(path: string | URL, name: string, signal?: AbortSignal): Promise<Backing> {
  if (!openFile) throw unreadable(name, "kind", "a browser opens no files by name");
  const handle = await openFile(path);
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { path: String(path), ...inFile(handle, { name, size: stat.size, signal }) };
    // A pipe or a device has no size: it is read to its end.
    const bytes = await readAll(handle.createReadStream({ autoClose: false }), { name, signal });
    await handle.close();
    return inMemory(bytes);
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

function inFile(handle: FileHandle, { name, size, signal }: { name: string; size: number; signal?: AbortSignal }) {
  const readInto = async (offset: number, target: Uint8Array) => {
    for (let at = 0; at < target.length;) {
      if (signal?.aborted) throw abortedError(name);
      const { bytesRead } = await handle.read(target, at, Math.min(target.length - at, PIECE), offset + at);
      if (bytesRead === 0) {
        const problem = `it shrank while it was read: ${size} bytes when it was opened, now at most ${offset + at}`;
        throw new TacitError("FILE_FORMAT", `${name} is not sound: ${problem}`, { source: name, problem });
      }
      at += bytesRead;
    }
  };
  const read = async (offset: number, length: number) => {
    const bytes = allocate(length, name);
    await readInto(offset, bytes);
    return bytes;
  };
  return { size, read, readInto, close: () => handle.close() };
}

async function download(address: URL, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  // What fetch says may quote the whole address, with what is secret in it: only the code of its cause goes on.
  const response = await fetch(address, { signal }).catch((error: unknown) => {
    const reason = reasonOf(error).code ?? "fetch";
    throw unreadable(name, reason, `the request failed (${reason})`);
  });
  if (!response.ok) {
    await response.body?.cancel();
    const reason = `HTTP ${response.status}`;
    throw unreadable(name, reason, `the server answered with ${reason}`);
  }
  if (!response.body) return new Uint8Array(0);
  const claimed = Number(response.headers.get("content-length") ?? 0);
  const expected = response.headers.has("content-encoding") ? 0 : claimed;
  return readAll(response.body, { name, signal, expected });
}

/** Runs a step; whatever it throws comes out as one of our errors. */
async function guarded<Result>(
  name: string,
  signal: AbortSignal | undefined,
  run: () => Promise<Result>,
): Promise<Result> {
  if (signal?.aborted) throw abortedError(name);
  try {
    return await run();
  } catch (error) {
    if (signal?.aborted) throw abortedError(name);
    if (error instanceof TacitError) throw error;
    const { code, text } = reasonOf(error);
    throw unreadable(name, code ?? text, text);
  }
}

/** Undefined for a path. @throws TypeError for what is no address */
function addressOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source;
  if (openFile) return /^(https?|file):\/\//i.test(source) ? new URL(source) : undefined;
  return new URL(source, globalThis.location?.href);
}

function nameOf(source: FileSource): string {
  if (source instanceof Uint8Array) return "the bytes given";
  if (typeof Blob !== "undefined" && source instanceof Blob) return "the blob given";
  if (typeof source !== "string" && !(source instanceof URL)) return "the stream given";
  let address: URL | undefined;
  try {
    address = addressOf(source);
  } catch {
    return "the address given";
  }
  if (address === undefined) return source as string;
  return `${address.protocol}//${address.host}${address.pathname}`;
}

function isStream(source: unknown): source is ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> {
  return typeof source === "object" && source !== null && ("getReader" in source || Symbol.asyncIterator in source);
}
