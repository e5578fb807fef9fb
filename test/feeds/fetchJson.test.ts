// Goal: what is told of a service that is asked holds no secret of its address.
// Method: addresses with names, passwords and queries, that do not answer.
import assert from "node:assert/strict";
import { fetchJson, type Fetch } from "../../src/feeds/fetchJson.ts";

describe("asking over HTTP", () => {
  it("tells no name, password or query of an address", async () => {
    for (const url of [
      "http://me:hidden@127.0.0.1:1/x",
      "http://hidden@127.0.0.1:1/x",
      "http://127.0.0.1:1/x?key=hidden",
    ])
      await assert.rejects(fetchJson(globalThis.fetch as Fetch, url, { timeoutMs: 1_000, most: 10 }), {
        code: "UNREACHABLE",
        message: /^((?!hidden).)*127\.0\.0\.1:1\/x((?!hidden).)*$/,
      });
  });
});
