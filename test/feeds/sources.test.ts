// Goal: each kind of source tells all that it has, once, and what is wrong by place; one that goes away is asked again.
// Method: files that grow, shrink and vanish between two looks; a server that misbehaves; waits that the test ends.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { fileSource, sourceOf, streamSource, urlSource, type Source } from "../../src/feeds/sources.ts";
import { temporary } from "./setting.ts";

/**
 * Runs a source; before each of its waits a step is taken, and after the last it is stopped.
 * @returns what it told, each of its waits in seconds, and what was said of bad things
 */
async function run(make: (wait: (ms: number) => Promise<void>) => Source, steps: readonly (() => void)[] = []) {
  const stop = new AbortController();
  const [taken, waits]: [unknown[][], number[]] = [[], []];
  const failed: { code: string; message: string }[] = [];
  let next = 0;
  const source = make(async (ms) => {
    waits.push(ms / 1_000);
    if (next >= steps.length) stop.abort();
    else steps[next++]();
  });
  const sink = { take: (json: unknown, { line }: { line: number | null }) => void taken.push([line, json]), failed: (error: any) => void failed.push(error) }; // prettier-ignore
  await source.run(sink, stop.signal);
  return { taken, waits, failed };
}

describe("feeds/sources", () => {
  const folder = temporary();

  it("reads a file from its beginning, and what is added, by lines", async () => {
    const path = join(folder(), "prices.jsonl");
    writeFileSync(path, '{"time":1}\n\n{"time":2}\r\n{"ti');
    const { taken, waits, failed } = await run(
      (wait) => fileSource(path, { wait }),
      [() => appendFileSync(path, 'me":3}\n'), () => appendFileSync(path, "é".repeat(40_000) + '\nx\n{"time":4}\n')],
    );
    assert.deepEqual(taken, [
      [1, { time: 1 }],
      [3, { time: 2 }],
      [4, { time: 3 }],
      [7, { time: 4 }],
    ]);
    assert.deepEqual(failed.map(({ message }) => message), [
      `${path}, line 5: line is wrong: expected at most 65536 bytes`,
      `${path}, line 6: line is wrong: expected an object in JSON`,
    ]); // prettier-ignore
    assert.deepEqual(waits, [0.5, 0.5, 0.5]);
  });

  it("begins anew with a file that shrinks or is replaced, and asks again for one that is gone", async () => {
    const at = folder();
    const path = join(at, "prices.jsonl");
    writeFileSync(path, '{"time":1}\n{"time":2}\n');
    const { taken, waits, failed } = await run(
      (wait) => fileSource(path, { wait }),
      [
        () => writeFileSync(path, '{"time":3}\n'),
        () => {
          writeFileSync(`${path}.new`, '{"time":4}\n{"time":5}\n');
          renameSync(`${path}.new`, path);
        },
        () => rmSync(path),
        () => {},
        () => writeFileSync(path, '{"time":6}\n'),
      ],
    );
    assert.deepEqual(taken.map(([line, json]) => [line, (json as { time: number }).time]), [[1, 1], [2, 2], [1, 3], [1, 4], [2, 5], [1, 6]]); // prettier-ignore
    assert.deepEqual(
      failed.map(({ code }) => code),
      ["SOURCE", "SOURCE"],
    );
    assert.match(failed[0].message, /gives no prices: ENOENT/);
    assert.deepEqual(waits, [0.5, 0.5, 0.5, 1, 2, 0.5]);
    mkdirSync(join(at, "folder"));
    const other = await run((wait) => fileSource(join(at, "folder"), { wait }));
    assert.match(other.failed[0].message, /expected a file/);
  });

  it("reads a stream to its end, with a last line that has none, and stops when it is told to", async () => {
    const { taken, failed } = await run(() => streamSource("standard input", Readable.from([Buffer.from('{"time":1}\n{"ti'), Buffer.from('me":2}')]))); // prettier-ignore
    assert.deepEqual(taken, [
      [1, { time: 1 }],
      [2, { time: 2 }],
    ]);
    assert.deepEqual(failed, []);
    const stop = new AbortController();
    const endless = new Readable({ read() {} });
    const running = streamSource("standard input", endless).run({ take: () => {}, failed: assert.fail }, stop.signal);
    stop.abort();
    await running;
  });

  it("asks an address again and again, later after each failure", async () => {
    const answers: RequestListener[] = [
      (_, response) => response.end('{"time":1}'),
      (_, response) => response.writeHead(500).end("{}"),
      (_, response) => response.end("<html>"),
      (_, response) => response.end(`"${"x".repeat(70_000)}"`),
      (_, response) => response.writeHead(302, { Location: "/elsewhere" }).end(),
      ({ socket }) => socket.destroy(),
      (_, response) => response.end('{"time":2}'),
    ];
    const server = createServer((request, response) => answers.shift()!(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/price`;
      const steps = answers.slice(1).map(() => () => {});
      const { taken, waits, failed } = await run((wait) => urlSource(`${url}?key=secret`, { wait }), steps);
      assert.deepEqual(taken, [
        [null, { time: 1 }],
        [null, { time: 2 }],
      ]);
      assert.deepEqual(failed.map(({ code }) => code), ["SOURCE", "OBSERVATION", "TOO_LARGE", "UNREACHABLE", "UNREACHABLE"]); // prettier-ignore
      assert.ok(failed.every(({ message }) => message.includes(url) && !message.includes("secret")));
      assert.deepEqual(waits, [1, 1, 2, 4, 8, 16, 1]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("gives up waiting for an answer, and stops while it waits for one", async () => {
    const silent = (_: string, { signal }: RequestInit = {}) =>
      new Promise<Response>((_, reject) => signal!.addEventListener("abort", () => reject(new Error("aborted"))));
    const { failed } = await run((wait) => urlSource("http://a.example/", { wait, fetch: silent, timeoutMs: 1 }));
    assert.match(failed[0].message, /no answer within 1 ms/);
    const stop = new AbortController();
    const running = urlSource("http://a.example/", { fetch: silent }).run({ take: assert.fail, failed: assert.fail }, stop.signal); // prettier-ignore
    stop.abort();
    await running;
  });

  it("knows its kinds by their names", () => {
    assert.equal(sourceOf("-").name, "standard input");
    assert.equal(sourceOf("prices.jsonl").name, "prices.jsonl");
    assert.equal(sourceOf("https://me:word@a.example/x?key=1").name, "https://a.example/x");
    assert.throws(() => sourceOf("ftp://a.example/"), { code: "USAGE" });
  });
});
