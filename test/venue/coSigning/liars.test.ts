// Goal: no answer of one co-signer makes a venue ask its signer for what cannot be signed, ask for ever at once, or keep what it was asked.
// Method: heads of numbers, and co-signers that answer GAP and FORKED with any number, as often as they are asked.
import assert from "node:assert/strict";
import type { Fetch } from "../../../src/feeds/fetchJson.ts";
import { logHeadDigest, type LogHead } from "../../../src/protocol/logHead.ts";
import { CoSigning, type CoSigningOptions } from "../../../src/venue/coSigning/coSigning.ts";
import { recoverRecords } from "../../../src/venue/coSigning/recovery.ts";
import { operatorSeal } from "../../../src/venue/coSigning/seal.ts";
import type { LogCopy } from "../../../src/venue/coSigning/logCopy.ts";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";
import { KEYS, SET } from "./services.ts";

const COUNT = 5_000;
/** As many entries as are asked for, of a log of `COUNT`. */
const LOG = {
  count: COUNT,
  head: async (n: number) => BigInt(Math.floor(n)),
  entries: async (first: number, count: number) => {
    const length = Math.max(0, Math.min(count, COUNT - first));
    return Array.from({ length }, () => ({ item: 1n, auth: 1n, time: 1n, sealed: Uint8Array.of(1) }));
  },
} as unknown as LogCopy;

/** How often who answers so is asked until it is waited for, and heads that the signer was asked for. */
async function asked(
  answer: (body: string) => object,
): Promise<{ times: number; heads: LogHead[]; fault: string | null }> {
  const heads: LogHead[] = [];
  let times = 0;
  const fetch: Fetch = async (url, init) => {
    times++;
    // A loop would never give others their turn.
    await new Promise((resolve) => setImmediate(resolve));
    const state = { address: KEYS[3].address, epoch: 0, n: 3_000, head: "0" };
    return url.endsWith("state")
      ? Response.json(state)
      : Response.json({ error: answer(init!.body as string) }, { status: 409 });
  };
  const waited = new Promise<void>((resolve) => {
    options.wait = (_, signal) => {
      resolve();
      return new Promise((done) => signal.addEventListener("abort", () => done()));
    };
  });
  const coSigning = new CoSigning(options.of({ heads, fetch }));
  await Promise.race([waited, new Promise((resolve) => setTimeout(resolve, 500))]);
  const [{ fault }] = coSigning.status.coSigners;
  await coSigning.close();
  return { times, heads, fault };
}

const options = {
  wait: (async () => {}) as NonNullable<CoSigningOptions["wait"]>,
  of: ({ heads, fetch }: { heads: LogHead[]; fetch: Fetch }): CoSigningOptions => ({
    domain: 77n,
    coSigners: SET,
    urls: ["http://127.0.0.1:1"],
    epoch: 1,
    log: LOG,
    sign: async (head) => {
      heads.push(head);
      return `0x${"00".repeat(65)}`;
    },
    store: memoryStore(),
    fetch,
    wait: (ms, signal) => options.wait(ms, signal),
  }),
};

describe("a co-signer that lies", () => {
  for (const [code, n] of [
    ["GAP", 50.5],
    ["GAP", -0.5],
    ["GAP", -995],
    ["GAP", "50.5"],
    ["GAP", { valueOf: 1, toString: 2 }],
    ["GAP", 0],
    ["FORKED", 1.5],
    ["FORKED", 0],
    ["FORKED", 2 ** 60],
    ["FORKED", 1],
  ] as const)
    it(`answers ${code} with ${JSON.stringify(n)}: the signer is asked for heads that there are, and it a few times`, async () => {
      const { times, heads, fault } = await asked(() => ({ code, message: "no", details: { n } }));
      assert.ok(fault !== null);
      assert.ok(times <= 6, `asked ${times} times`);
      for (const { n } of heads) assert.ok(Number.isSafeInteger(n) && n >= 1 && n <= COUNT, String(n));
    });

  it("goes back by one entry each time: it is waited for", async () => {
    const { times } = await asked((body) => ({
      code: "GAP",
      message: "no",
      details: { n: JSON.parse(body).first - 1 },
    }));
    assert.ok(times <= 6, `asked ${times} times`);
  });
});

describe("what is final", () => {
  it("is told with all entries that lead to it, though the copy of the log gives out fewer of long ones at once", async () => {
    const three = {
      ...LOG,
      count: 10,
      entries: (first: number, count: number) => LOG.entries(first, Math.min(count, 3)),
    };
    const fetch: Fetch = async (url, init) => {
      const { address, sign } = KEYS[Number(new URL(url).port) - 1];
      if (url.endsWith("state")) return Response.json({ address, epoch: 0, n: 0, head: "0" });
      const { signed } = JSON.parse(init!.body as string);
      const head = { ...signed, domain: BigInt(signed.domain), head: BigInt(signed.head) };
      return Response.json({ signature: sign(logHeadDigest(head)) });
    };
    const coSigning = new CoSigning({
      ...options.of({ heads: [], fetch }),
      log: three as unknown as LogCopy,
      urls: [1, 2, 3].map((port) => `http://127.0.0.1:${port}`),
    });
    await coSigning.finalAt(10);
    const { final, entries } = (await coSigning.final(1))!;
    assert.equal(final.n, 10);
    assert.equal(entries!.length, 9);
    await coSigning.close();
  });
});

describe("entries that a co-signer gives back", () => {
  it("are looked at as they come: of nonsense no more than one answer is taken", async () => {
    let times = 0;
    const entry = { item: "1", auth: "2", time: "3", sealed: Buffer.alloc(1_000).toString("base64") };
    const fetch: Fetch = async () => {
      times++;
      return Response.json({ entries: [entry] });
    };
    const lost = { domain: 77n, first: 0, head: 0n, signed: { n: 1_000, head: 5n }, seal: operatorSeal(new Uint8Array(32)), urls: ["http://127.0.0.1:1"], fetch }; // prettier-ignore
    await assert.rejects(recoverRecords(lost), { code: "SIGNER_AHEAD", message: /does not open/ });
    assert.equal(times, 1);
  });
});
