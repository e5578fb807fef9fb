// Goal: whatever stands for a file gives the same bytes, and every way to fail is a typed error.
// Method: one content through each kind of source; a local server, streams and files that misbehave.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { truncate } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { TacitError } from "../../../src/protocol/errors.ts";
import { openSource, type ByteSource, type FileSource } from "../../../src/prover/files/source.ts";
import { inFolder, saved } from "./fixtures.ts";

const CONTENT = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7) ^ (i >> 8));

function webStream(chunk = 30_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= CONTENT.length) return controller.close();
      controller.enqueue(CONTENT.slice(at, (at += chunk)));
    },
  });
}

async function* generator(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < CONTENT.length; at += 1000) yield CONTENT.subarray(at, at + 1000);
}

/** One chunk, then nothing for ever. */
function stalled(onCancel: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(CONTENT), cancel: onCancel });
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const failsAs = (code: string, reason?: string, words?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TacitError);
  assert.equal(error.code, code, error.message);
  if (reason !== undefined) assert.equal(error.details.reason, reason);
  if (words) assert.match(error.message, words);
  return true;
};

describe("source of a file", () => {
  let server: Server;
  let origin: string;
  /** where no server listens */
  let nobody: string;
  const answers: Record<string, (response: import("node:http").ServerResponse) => void> = {
    "/whole": (response) => response.end(CONTENT),
    "/sized": (response) => response.setHeader("content-length", CONTENT.length).end(CONTENT),
    "/gzip": (response) => response.setHeader("content-encoding", "gzip").end(gzipSync(CONTENT)),
    "/empty": (response) => response.writeHead(204).end(),
    "/broken": (response) => response.writeHead(500).end("no"),
    "/cut": (response) => {
      response.setHeader("content-length", CONTENT.length).write(CONTENT.subarray(0, 1000));
      setTimeout(() => response.destroy(), 20);
    },
    "/slow": (response) => void response.write(CONTENT.subarray(0, 1000)),
    "/moved": (response) => response.writeHead(302, { location: "/whole" }).end(),
  };
  before(async () => {
    server = createServer((request, response) => {
      const answer = answers[new URL(request.url!, "http://x").pathname];
      if (answer) answer(response);
      else response.writeHead(404).end();
    });
    const gone = createServer();
    nobody = await listening(gone);
    await new Promise((resolve) => gone.close(resolve));
    origin = await listening(server);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function checkBytes(file: ByteSource, content = CONTENT) {
    assert.equal(file.size, content.length);
    for (const [offset, length] of [
      [0, content.length],
      [0, 0],
      [content.length, 0],
      [65_530, 20],
      [content.length - 1, 1],
    ]) {
      const expected = Buffer.from(content.subarray(offset, offset + length));
      assert.ok(expected.equals(await file.read(offset, length)));
      const target = new Uint8Array(new SharedArrayBuffer(length));
      await file.readInto(offset, target);
      assert.ok(expected.equals(target));
    }
    for (const [offset, length] of [
      [0, content.length + 1],
      [content.length, 1],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [NaN, 1],
      [2 ** 60, 1],
    ])
      await assert.rejects(file.read(offset, length), failsAs("OUT_OF_RANGE"));
    await file.close();
    await file.close();
    await assert.rejects(file.read(0, 1), failsAs("SOURCE", "closed"));
  }

  const kinds: [kind: string, make: (path: string) => FileSource, shared: boolean][] = [
    ["a path", (path) => path, false],
    ["a file: URL", (path) => pathToFileURL(path), false],
    ["a file: URL as a string", (path) => pathToFileURL(path).href, false],
    ["an http URL", () => new URL(`${origin}/whole`), true],
    ["an http URL as a string", () => `${origin}/whole`, true],
    ["an answer that knows its length", () => `${origin}/sized`, true],
    ["an answer that is compressed", () => `${origin}/gzip`, true],
    ["an answer that is elsewhere", () => `${origin}/moved`, true],
    ["bytes", () => CONTENT, false],
    ["a part of larger bytes", () => new Uint8Array([9, ...CONTENT, 9]).subarray(1, -1), false],
    ["a web stream", () => webStream(), true],
    ["a web stream in large chunks", () => webStream(150_000), true],
    ["a stream of Node", (path) => createReadStream(path), true],
    ["an async generator", generator, true],
    ["a blob", () => new Blob([CONTENT.slice(0, 77), CONTENT.slice(77)]), false],
  ];
  for (const [kind, make, shared] of kinds)
    it(`is ${kind}`, () =>
      inFolder(async (folder) => {
        const file = await openSource(make(await saved(folder, "content", CONTENT)));
        if (shared) assert.ok((await file.read(0, 1)).buffer instanceof SharedArrayBuffer);
        await checkBytes(file);
      }));

  it("may be empty", async () => {
    await inFolder(async (folder) => {
      const empty = new Uint8Array(0);
      const path = await saved(folder, "empty", empty);
      const sources = [path, "/dev/null", `${origin}/empty`, empty, new Blob([]), Readable.from([])];
      for (const source of sources) {
        const file = await openSource(source);
        assert.equal(file.size, 0);
        await file.close();
      }
    });
  });

  it("gives views of bytes, not copies", async () => {
    const file = await openSource(CONTENT);
    const view = await file.read(10, 20);
    assert.ok(view.buffer === CONTENT.buffer && view.byteOffset === CONTENT.byteOffset + 10);
  });

  it("reads no more of a large file than it is asked for", () =>
    inFolder(async (folder) => {
      const path = await saved(folder, "large", CONTENT);
      const size = 2 ** 41;
      await truncate(path, size);
      const file = await openSource(path);
      assert.equal(file.size, size);
      assert.deepEqual(await file.read(size - 3, 3), new Uint8Array(3));
      assert.deepEqual(await file.read(5, 5), CONTENT.slice(5, 10));
      await assert.rejects(file.read(0, size), failsAs("SOURCE", "memory"));
      await file.close();
    }));

  it("is refused when it shrinks while it is read", () =>
    inFolder(async (folder) => {
      const path = await saved(folder, "shrinks", CONTENT);
      const file = await openSource(path);
      await truncate(path, 100);
      assert.deepEqual(await file.read(90, 10), CONTENT.slice(90, 100));
      await assert.rejects(file.read(90, 11), failsAs("FILE_FORMAT", undefined, /shrank/));
      await file.close();
    }));

  const failures: [why: string, make: () => FileSource, reason: string, words: RegExp][] = [
    ["no such file", () => "/nowhere/at/all", "ENOENT", /^\/nowhere\/at\/all cannot be read: ENOENT: no such file/],
    ["a folder", () => "/", "EISDIR", /EISDIR/],
    ["no such address", () => `${origin}/other?secret=1`, "HTTP 404", /^http:[^?]*\/other cannot be read: .*HTTP 404$/],
    ["a server in trouble", () => `${origin}/broken`, "HTTP 500", /500/],
    ["a server that hangs up", () => `${origin}/cut`, "UND_ERR_SOCKET", /\/cut/],
    ["no server", () => `${nobody}/key`, "ECONNREFUSED", /request failed/],
    ["a port that is not for this", () => "http://127.0.0.1:1/key", "fetch", /request failed/],
    ["an address with a password", () => `http://me:password@127.0.0.1:1/key`, "fetch", /^((?!password).)*$/],
    ["no address", () => "http://", "ERR_INVALID_URL", /the address given/],
    ["nothing", () => null as never, "kind", /expected a path/],
    ["a number", () => 7 as never, "kind", /expected a path/],
    ["a stream of strings", () => Readable.from(["a", "b"]) as never, "chunk", /does not consist of bytes/],
    ["a stream that fails", () => Readable.from(failing()), "out of paper", /out of paper/],
    ["a stream that is read elsewhere", () => locked(), "ERR_INVALID_STATE", /locked/],
  ];
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield CONTENT;
    throw new Error("out of paper");
  }
  function locked() {
    const stream = webStream();
    stream.getReader();
    return stream;
  }
  for (const [why, make, reason, words] of failures)
    it(`cannot be read: ${why}`, () => assert.rejects(openSource(make()), failsAs("SOURCE", reason, words)));

  describe("aborted", () => {
    it("before it begins", async () => {
      for (const source of [CONTENT, "/nowhere", `${origin}/whole`, webStream()])
        await assert.rejects(openSource(source, { signal: AbortSignal.abort() }), failsAs("ABORTED"));
    });

    it("while an answer comes in", async () => {
      const signal = AbortSignal.timeout(50);
      await assert.rejects(openSource(`${origin}/slow`, { signal }), failsAs("ABORTED"));
    });

    it("while a stream stalls, which is told", async () => {
      let cancelled = 0;
      const node = new Readable({ read() {}, destroy: (_, done) => (cancelled++, done(null)) });
      async function* endless(): AsyncGenerator<Uint8Array> {
        for (;;) yield await new Promise<Uint8Array>((resolve) => setTimeout(resolve, 5, CONTENT.subarray(0, 10)));
      }
      for (const source of [stalled(() => cancelled++), node, endless()])
        await assert.rejects(openSource(source, { signal: AbortSignal.timeout(30) }), failsAs("ABORTED"));
      assert.equal(cancelled, 2);
    });

    it("between two reads", () =>
      inFolder(async (folder) => {
        const aborting = new AbortController();
        const { signal } = aborting;
        const file = await openSource(await saved(folder, "content", CONTENT), { signal });
        await file.read(0, 10);
        aborting.abort();
        await assert.rejects(file.read(0, 10), failsAs("ABORTED"));
        await file.close();
      }));
  });

  it("is an address in a browser, relative to the page", async () => {
    const bundle = await build({
      stdin: {
        contents: `export { openSource } from "./source.ts";`,
        resolveDir: join(import.meta.dirname, "../../../src/prover/files"),
      },
      bundle: true,
      write: false,
      platform: "browser",
      conditions: ["tacit-source"],
      format: "iife",
      globalName: "files",
    });
    const asked: string[] = [];
    const page = createContext({
      // No Node in sight, nor shared memory: a page that is not isolated.
      process: undefined,
      SharedArrayBuffer: undefined,
      location: { href: "https://venue.example/app/" },
      URL,
      Uint8Array,
      Blob,
      ReadableStream,
      fetch: async (address: URL) => (asked.push(address.href), new Response(webStream())),
    });
    runInContext(bundle.outputFiles[0].text, page);
    const { openSource: openInPage } = runInContext("files", page) as { openSource: typeof openSource };
    const file = await openInPage("../keys/admit.zkey?v=1");
    assert.deepEqual(asked, ["https://venue.example/keys/admit.zkey?v=1"]);
    assert.equal(file.name, "https://venue.example/keys/admit.zkey");
    const bytes = await file.read(0, file.size);
    assert.ok(bytes.buffer instanceof ArrayBuffer && Buffer.from(bytes).equals(CONTENT));
    await assert.rejects(openInPage(new URL("file:///etc/key")), { code: "SOURCE" });
  });
});
