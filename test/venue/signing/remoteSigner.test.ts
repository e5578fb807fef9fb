// Goal: a signer that is a program of its own signs for a venue as one within it does; whoever has no token is refused; while it is away items
// wait, and are answered when it is back; what its book does not allow stops the venue.
// Method: the service on loopback, stopped and started; clients without a token, with nonsense; a proxy that answers for it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonApp, replyJson, serveApp, type RunningService } from "../../../src/feeds/jsonService.ts";
import { receiptDefect } from "../../../src/protocol/receipt.ts";
import { remoteSigner } from "../../../src/venue/signing/remoteSigner.ts";
import { createSignerApp } from "../../../src/venue/signing/signerService.ts";
import { signaturesOf, type SignRequest } from "../../../src/venue/signing/signatures.ts";
import { SignedHeads } from "../../../src/venue/signing/signedHeads.ts";
import type { Venue } from "../../../src/venue/venue.ts";
import { hasCode } from "../../hasCode.ts";
import { lastingStore, openTestVenue, SIGNER, traders, type Trader } from "../fixture.ts";

const TOKEN = "a-token-of-more-than-32-characters-0";
const DOMAIN = 77n;
const asked = (change: Partial<SignRequest>): SignRequest => ({ run: null, receipts: [], logHeads: [], ...change });
const submit = (venue: Venue, { item, auth }: ReturnType<Trader["order"]>) => venue.submit(item, auth);

describe("venue: a signer apart", () => {
  let folder: string;
  let port = 0;
  let running: { service: RunningService; book: SignedHeads } | null = null;
  const url = () => `http://127.0.0.1:${port}`;
  async function start(name = "signed.db"): Promise<void> {
    const book = new SignedHeads(join(folder, name), SIGNER.address);
    const service = await serveApp(createSignerApp({ signatures: signaturesOf(SIGNER, book), token: TOKEN }), { port });
    port = Number(new URL(service.url).port);
    running = { service, book };
  }
  async function stop(): Promise<void> {
    await running?.service.close();
    running?.book.close();
    running = null;
  }
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tacit-signer-"));
    port = 0;
    await start();
  });
  afterEach(async () => {
    await stop();
    rmSync(folder, { recursive: true });
  });
  const connect = (token = TOKEN) => remoteSigner({ url: url(), token });

  it("signs the receipts of a venue, and has its heads", async () => {
    const [alice] = traders(1);
    const { venue } = await openTestVenue({ traders: [alice], signer: await connect() });
    assert.equal(venue.signer, SIGNER.address);
    const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
    assert.equal(receiptDefect(receipt, SIGNER.address), null);
    assert.equal(running!.book.at(Number(receipt.n) + 1), receipt.head);
    await venue.close();
  });

  it("is waited for, and the venue says so; items are answered when it is back, once", async () => {
    const [alice] = traders(1);
    const faults: (string | null)[] = [];
    const signer = await remoteSigner({ url: url(), token: TOKEN, onFault: (fault) => faults.push(fault) });
    const { venue } = await openTestVenue({ traders: [alice], signer });
    await stop();
    const order = alice.order("buy", 1n, 100_000n);
    const answer = submit(venue, order);
    while (venue.health().reason === null) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.match(venue.health().reason!, /does not answer/);
    assert.equal(venue.health().ok, false);
    await start();
    const { receipt } = await answer;
    assert.equal(receiptDefect(receipt, SIGNER.address), null);
    assert.equal(venue.health().ok, true);
    // Told once, however often it was asked.
    assert.deepEqual(faults.map((fault) => fault === null), [false, true]); // prettier-ignore
    assert.deepEqual((await submit(venue, order)).receipt, receipt);
    await venue.close();
  });

  it("does not hold up the end of a venue while it is away: what was not answered is in the log", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const { venue } = await openTestVenue({ traders: [alice], storage, signer: await connect() });
    await stop();
    const order = alice.order("buy", 1n, 100_000n);
    const answer = assert.rejects(submit(venue, order), hasCode("STOPPED"));
    while (venue.health().reason === null) await new Promise((resolve) => setTimeout(resolve, 10));
    await venue.close();
    await answer;
    await start();
    const again = await openTestVenue({ storage, signer: await connect() });
    assert.equal(receiptDefect((await submit(again.venue, order)).receipt, SIGNER.address), null);
    await again.venue.close();
  });

  it("that has signed more than a journal has stops the venue", async () => {
    const [alice] = traders(1);
    const storage = lastingStore();
    const first = await openTestVenue({ traders: [alice], storage, signer: await connect() });
    await submit(first.venue, alice.order("buy", 1n, 100_000n));
    await first.venue.close();
    await assert.rejects(openTestVenue({ storage: lastingStore(), signer: await connect() }), hasCode("SIGNER_AHEAD"));
  });

  it("is for who has the token", async () => {
    await assert.rejects(connect(TOKEN + "x"), hasCode("UNAUTHORISED"));
    await assert.rejects(connect("short"), hasCode("OUT_OF_RANGE"));
    const post = (body: string, token: string | null = TOKEN) =>
      fetch(`${url()}/v1/sign`, { method: "POST", body, headers: token === null ? {} : { Authorization: `Bearer ${token}` } }); // prettier-ignore
    const request = JSON.stringify({ run: null, receipts: [], logHeads: [] });
    for (const [token, status] of [
      [null, 401],
      [TOKEN.slice(1), 401],
      [TOKEN, 200],
    ] as const)
      // prettier-ignore
      assert.equal((await post(request, token)).status, status);
    assert.equal((await fetch(`${url()}/v1/signer`)).status, 401);
    for (const [body, code] of [
      ["{", "FORMAT"],
      ["{}", "FORMAT"],
      [JSON.stringify({ run: null, receipts: [{ n: "0" }], logHeads: [] }), "FORMAT"],
      [JSON.stringify({ run: { domain: "1", epoch: 2 ** 40, first: 0, heads: [] }, receipts: [], logHeads: [] }), "OUT_OF_RANGE"], // prettier-ignore
    ]) {
      const answer = await post(body);
      assert.deepEqual([answer.status, ((await answer.json()) as { error: { code: string } }).error.code], [400, code]);
    }
    assert.equal((await post("x".repeat(5_000_000))).status, 413);
    // Who has no token is answered before the body has come, which never does.
    const endless = new ReadableStream({ start: (it) => it.enqueue(new Uint8Array(8)) });
    const init = { method: "POST", body: endless, duplex: "half", signal: AbortSignal.timeout(60_000) };
    assert.equal((await fetch(`${url()}/v1/sign`, init as RequestInit)).status, 401);
    const { status } = await fetch(`${url()}/v1/health`);
    assert.equal(status, 200);
    assert.match(await (await fetch(`${url()}/metrics`)).text(), /tacit_signer_heads 0/);
  });

  it("says what its book does not allow, by its code", async () => {
    const signer = await connect();
    await signer.sign(asked({ run: { domain: DOMAIN, epoch: 2, first: 0, heads: [10n, 11n] } }));
    assert.deepEqual(await signer.state(), { epoch: 2, n: 2, head: 11n });
    for (const [code, run] of [
      ["FORKED", { domain: DOMAIN, epoch: 2, first: 1, heads: [12n] }],
      ["GAP", { domain: DOMAIN, epoch: 2, first: 3, heads: [12n] }],
      ["FENCED", { domain: DOMAIN, epoch: 1, first: 2, heads: [12n] }],
      ["OTHER_VENUE", { domain: 78n, epoch: 2, first: 2, heads: [12n] }],
    ] as const)
      await assert.rejects(signer.sign(asked({ run })), hasCode(code));
    assert.equal(signer.fault, null);
    await signer.close();
  });

  it("is not who answers in its place: signatures of others are not taken", async () => {
    const app = jsonApp({ metrics: { text: async () => "", contentType: "text/plain" } });
    app.get("/v1/signer", (c) => replyJson(c, { address: SIGNER.address, state: null }));
    app.post("/v1/sign", (c) => replyJson(c, { receipts: [`0x${"11".repeat(64)}1b`], logHeads: [] }));
    const service = await serveApp(app, {});
    const signer = await remoteSigner({ url: service.url, token: TOKEN });
    const receipt = { domain: DOMAIN, n: 0n, item: 1n, auth: 2n, time: 3n, head: 10n };
    const answer = assert.rejects(signer.sign(asked({ receipts: [receipt] })), hasCode("CLOSED"));
    while (!signer.fault) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.match(signer.fault, /does not sign what it is asked for/);
    signer.giveUp!();
    await answer;
    await signer.close();
    await service.close();
  });
});
