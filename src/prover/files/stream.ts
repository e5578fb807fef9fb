import { abortedError, unreadable } from "./sourceErrors.ts";

export interface ReadAllOptions {
  /** how errors call the stream */
  name: string;
  signal?: AbortSignal;
  /** bytes, if somebody claims to know; a wrong number costs time, nothing else */
  expected?: number;
}

/** Where the end is unknown, memory begins with so many bytes and doubles. */
const FIRST_BYTES = 1 << 16;
const MOST_EXPECTED = 2 ** 32;

/**
 * Reads a stream to its end, into memory that threads can share where there is such. A stream that is given up is
 * told so.
 * @throws TacitError SOURCE, ABORTED, and whatever the stream itself throws
 */
export async function readAll(
  stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  { name, signal, expected = 0 }: ReadAllOptions,
): Promise<Uint8Array> {
  const { next, cancel } = chunksOf(stream);
  const stop = abortion(name, signal);
  let bytes = shared(expected <= MOST_EXPECTED ? Math.max(expected, FIRST_BYTES) : FIRST_BYTES, name);
  let used = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([next(), stop.promise]);
      if (done) return bytes.subarray(0, used);
      if (!(value instanceof Uint8Array)) throw unreadable(name, "chunk", "it does not consist of bytes");
      if (used + value.length > bytes.length) {
        const larger = shared(Math.max(2 * bytes.length, used + value.length), name);
        larger.set(bytes.subarray(0, used));
        bytes = larger;
      }
      bytes.set(value, used);
      used += value.length;
    }
  } catch (error) {
    cancel();
    throw error;
  } finally {
    stop.forget();
  }
}

/** New memory. @throws TacitError SOURCE  when there is not as much */
export function allocate(length: number, name: string): Uint8Array {
  return orTooLarge(length, name, () => new Uint8Array(length));
}

function shared(length: number, name: string): Uint8Array {
  // Browsers hide shared memory from pages that are not isolated from others.
  if (typeof SharedArrayBuffer === "undefined") return allocate(length, name);
  return orTooLarge(length, name, () => new Uint8Array(new SharedArrayBuffer(length)));
}

function orTooLarge(length: number, name: string, make: () => Uint8Array): Uint8Array {
  try {
    return make();
  } catch {
    throw unreadable(name, "memory", `there is no memory for ${length} bytes`);
  }
}

interface Chunks {
  next(): Promise<{ done?: boolean; value?: unknown }>;
  /** Tells the stream that nobody reads on. Never throws. */
  cancel(): void;
}

function chunksOf(stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>): Chunks {
  const ignore = () => {};
  // Not every browser can iterate over its own streams.
  if ("getReader" in stream) {
    const reader = stream.getReader();
    return { next: () => reader.read(), cancel: () => void reader.cancel().catch(ignore) };
  }
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    cancel() {
      // A generator answers to `return` only once its pending chunk is there; Node's streams can be stopped at once.
      const { destroy } = stream as { destroy?: () => void };
      if (typeof destroy === "function") destroy.call(stream);
      else void iterator.return?.()?.catch(ignore);
    },
  };
}

/** A promise that is rejected when the signal says so, and never otherwise. */
function abortion(name: string, signal?: AbortSignal): { promise: Promise<never>; forget(): void } {
  let abort = () => {};
  const promise = new Promise<never>((_, reject) => {
    abort = () => reject(abortedError(name));
  });
  promise.catch(() => {});
  signal?.addEventListener("abort", abort);
  return { promise, forget: () => signal?.removeEventListener("abort", abort) };
}
