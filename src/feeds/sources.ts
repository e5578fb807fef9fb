import { open } from "node:fs/promises";
import { TacitError } from "../protocol/errors.ts";
import { fetchJson, requireUrl, shownUrl, type Fetch } from "./fetchJson.ts";
import { badObservation, type Place } from "./observation.ts";
import { backoff, wait as waitFor, type Wait } from "./wait.ts";

/** Who takes what a source says. */
export interface Sink {
  /** One observation, in JSON that is not checked. */
  take(json: unknown, place: Place): void;
  /** A line that is no JSON, or a source that is gone for a while. */
  failed(error: TacitError): void;
}

/** Where prices come from. */
export interface Source {
  readonly name: string;
  /** Tells what there is until it is stopped. @returns when it was stopped, or when there will be no more */
  run(sink: Sink, signal: AbortSignal): Promise<void>;
}

/** Longest line, and longest answer of an address, bytes. */
const LONGEST = 65_536;
const CHUNK = 65_536;

/** Milliseconds between two looks at a file or an address, and those that an address has for an answer. */
export interface SourceOptions {
  readonly everyMs?: number;
  readonly timeoutMs?: number;
  readonly wait?: Wait;
  readonly fetch?: Fetch;
}

/**
 * @param named  a path, "-" for standard input, or an address
 * @throws USAGE
 */
export function sourceOf(named: string, options: SourceOptions = {}): Source {
  if (named === "-") return streamSource("standard input", process.stdin);
  if (/^[a-z]+:\/\//i.test(named)) return urlSource(named, options);
  return fileSource(named, options);
}

/** Lines of JSON in a file, from its beginning; lines that are added are read as well. A file that shrinks is read anew. */
export function fileSource(path: string, { everyMs = 500, wait = waitFor }: SourceOptions = {}): Source {
  return {
    name: path,
    async run(sink, signal) {
      let lines = new Lines(path, sink);
      let [position, inode] = [0, -1];
      let failures = 0;
      while (!signal.aborted) {
        try {
          const file = await open(path, "r");
          try {
            const { size, ino } = await file.stat().then((it) => {
              if (!it.isFile()) throw new Error("expected a file; for a pipe read standard input (-)");
              return it;
            });
            if (size < position || (inode !== -1 && ino !== inode)) [lines, position] = [new Lines(path, sink), 0];
            inode = ino;
            const buffer = Buffer.alloc(CHUNK);
            while (!signal.aborted) {
              const { bytesRead } = await file.read(buffer, 0, CHUNK, position);
              if (bytesRead === 0) break;
              position += bytesRead;
              lines.push(buffer.subarray(0, bytesRead));
            }
          } finally {
            await file.close();
          }
          failures = 0;
        } catch (error) {
          failures++;
          sink.failed(gone(path, (error as Error).message));
        }
        await wait(failures === 0 ? everyMs : backoff(failures) * 1_000, signal);
      }
    },
  };
}

/** Lines of JSON, until the stream ends. */
export function streamSource(name: string, stream: AsyncIterable<Uint8Array> & { destroy?(): void }): Source {
  return {
    name,
    async run(sink, signal) {
      const lines = new Lines(name, sink);
      const stop = () => stream.destroy?.();
      signal.addEventListener("abort", stop);
      try {
        for await (const chunk of stream) {
          if (signal.aborted) return;
          lines.push(chunk);
        }
        lines.end();
      } catch (error) {
        if (!signal.aborted) sink.failed(gone(name, (error as Error).message));
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
  };
}

/** An address that answers GET with one observation, asked again and again. */
export function urlSource(
  url: string,
  { everyMs = 1_000, timeoutMs = 5_000, wait = waitFor, fetch = globalThis.fetch }: SourceOptions = {},
): Source {
  const name = shownUrl(requireUrl("--source", url));
  return {
    name,
    async run(sink, signal) {
      for (let failures = 0; !signal.aborted;) {
        try {
          const { status, json } = await fetchJson(fetch, url, { timeoutMs, most: LONGEST, signal });
          if (status !== 200) throw gone(name, `it answered with status ${status}: expected 200`);
          if (json === undefined) throw badObservation({ source: name, line: null }, "answer", "JSON");
          sink.take(json, { source: name, line: null });
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof TacitError)) throw error;
          failures++;
          sink.failed(error);
        }
        await wait(failures === 0 ? everyMs : backoff(failures) * 1_000, signal);
      }
    },
  };
}

function gone(source: string, why: string): TacitError<"SOURCE"> {
  return new TacitError("SOURCE", `${source} gives no prices: ${why}`, { source });
}

/** Cuts bytes into lines, and reads each; one that is too long is told of and passed over. */
class Lines {
  readonly #source: string;
  readonly #sink: Sink;
  #rest = Buffer.alloc(0);
  #line = 1;
  #tooLong = false;

  constructor(source: string, sink: Sink) {
    this.#source = source;
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    for (let end; (end = chunk.indexOf(10, from)) >= 0; from = end + 1) {
      this.#add(chunk.subarray(from, end));
      this.end();
    }
    this.#add(chunk.subarray(from));
  }

  /** What there is of a line is all of it. */
  end(): void {
    const [text, tooLong] = [this.#rest.toString("utf8").trim(), this.#tooLong];
    const place = { source: this.#source, line: this.#line++ };
    [this.#rest, this.#tooLong] = [Buffer.alloc(0), false];
    if (tooLong) return this.#sink.failed(badObservation(place, "line", `at most ${LONGEST} bytes`));
    if (text === "") return;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return this.#sink.failed(badObservation(place, "line", "an object in JSON"));
    }
    this.#sink.take(json, place);
  }

  #add(part: Uint8Array): void {
    if (this.#rest.length + part.length > LONGEST) [this.#rest, this.#tooLong] = [Buffer.alloc(0), true];
    else if (!this.#tooLong) this.#rest = Buffer.concat([this.#rest, part]);
  }
}
