// Goal: a client that asks for finality is answered when a quorum of co-signers has signed the log with its item, and by nothing less; a second
// face of the venue, and what is not a quorum, it tells as what it is.
// Method: a venue with co-signers as services; answers of the venue altered on their way; another venue with the same keys and another log.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGenesis } from "../../src/protocol/genesis.ts";
import { genesisJson, PERP } from "../venue/fixture.ts";
import { Service, SET } from "../venue/coSigning/services.ts";
import type { SentItem } from "../../src/client/notebook.ts";
import { setting } from "./setting.ts";

const order = { market: PERP, side: "buy", size: 1n, limit: 99_990n } as const;

describe("client: finality", () => {
  let folder: string;
  let services: Service[];
  const ends: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tacit-finality-"));
    services = SET.addresses.map((_, i) => new Service(i, folder));
    for (const service of services) await service.start();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    for (const service of services) await service.stop();
    rmSync(folder, { recursive: true });
  });

  async function face(urls = services.map(({ url }) => url)) {
    const json = { ...genesisJson, coSigners: SET.addresses } as typeof genesisJson;
    const it = await setting({ genesis: parseGenesis(json), json, coSigners: urls });
    ends.push(() => it.venue.close());
    const fetch = (input: string, init?: RequestInit) =>
      new URL(input).host === "venue.example" ? it.fetch(input, init) : globalThis.fetch(input, init);
    return { ...it, openWith: (options: Parameters<typeof it.openWith>[0]) => it.openWith({ fetch, ...options }) };
  }
  const urls = () => services.map(({ url }) => url);

  it("is there once a quorum has signed", async () => {
    const { openWith, venue } = await face();
    const acknowledged: bigint[] = [];
    const onAcknowledged = ({ receipt }: SentItem) => acknowledged.push(receipt!.n);
    const client = await openWith({ finality: "quorum", coSigners: urls(), onAcknowledged });
    const sent = await client.order(order);
    assert.equal(sent.verdict, "admitted");
    assert.deepEqual(acknowledged, [sent.receipt!.n]);
    const n = Number(sent.receipt!.n) + 1;
    assert.ok(venue.coSigning!.final >= n);
    const final = (await client.final(sent))!;
    assert.ok(final.n >= n);
    assert.deepEqual(client.contradictions, []);
  });

  it("is waited for, and is not there while too few sign; the receipt is", async () => {
    const { openWith } = await face();
    const compared: number[] = [];
    const client = await openWith({ coSigners: urls(), onCompared: (_, same) => compared.push(same) });
    for (const service of services.slice(2)) await service.stop();
    const sent = await client.order(order);
    // Two of four are there, and may lag behind.
    assert.ok(compared.length === 1 && compared[0] <= 2);
    assert.equal(await client.final(sent), null);
    assert.equal(await client.final(sent, { seconds: 1 }), null);
    await services[2].start();
    assert.ok(await client.final(sent, { seconds: 60 }));
  });

  it("is not what the venue says without a quorum's signatures", async () => {
    const { openWith, it } = await face();
    const client = await openWith({});
    const sent = await client.order(order);
    assert.ok(await client.final(sent, { seconds: 60 }));
    type Told = { final: { signatures: (string | null)[]; head: string; n: number; domain: string } };
    for (const change of [
      ({ final }: Told) => final.signatures.splice(1, 2, null, null),
      ({ final }: Told) => (final.head = "5"),
      ({ final }: Told) => (final.n = 1),
      ({ final }: Told) => (final.domain = "78"),
    ]) {
      it.lie = (path, answer) => {
        if (path.startsWith("/finality/")) change(answer as unknown as Told);
        return answer;
      };
      await assert.rejects(client.final(sent), { code: "BAD_ANSWER" });
    }
    assert.deepEqual(client.contradictions, []);
  });

  it("of another log than the receipt's is a contradiction, which is kept", async () => {
    const { openWith, it } = await face();
    const client = await openWith({});
    const sent = await client.order(order);
    const later = await client.order(order);
    const { n, ...final } = (await client.final(later, { seconds: 60 }))!;
    const told = { n, ...final, domain: String(final.domain), head: String(final.head) };
    const entry = { item: "1", auth: "2", time: "3" };
    const entries = Array.from({ length: n - Number(sent.receipt!.n) - 1 }, () => entry);
    assert.ok(entries.length > 0);
    const lie = (entries: object[]) => {
      it.lie = (path, answer) => (path.startsWith("/finality/") ? { ...answer, final: told, entries } : answer);
    };
    // Too many or too few say nothing.
    for (const wrong of [[...entries, entry], []]) {
      lie(wrong);
      await assert.rejects(client.final(sent), { code: "BAD_ANSWER" });
    }
    assert.equal(client.contradictions.length, 0);
    lie(entries);
    await assert.rejects(client.final(sent), { code: "CONTRADICTION", kind: "fork" });
    assert.equal(client.contradictions[0].kind, "fork");
  });

  it("of a second face: any one co-signer catches it, with the venue's own signatures", async () => {
    const first = await face();
    const alice = await first.openWith({});
    const sent = await alice.order(order);
    assert.ok(await alice.final(sent, { seconds: 60 }));
    // The same keys, another log, shown to one client.
    const second = await face();
    const victim = await second.openWith({ coSigners: [services[0].url] });
    await assert.rejects(victim.order({ ...order, size: 2n }), { code: "CONTRADICTION", kind: "fork" });
    const { kind, evidence } = victim.contradictions[0];
    assert.equal(kind, "fork");
    assert.match(evidence, /"receipt"/);
    assert.match(evidence, /"signed"/);
    // Nobody else is accused: not by one that is away, behind, or answers nonsense.
    const later = await first.openWith({ coSigners: ["http://127.0.0.1:1", services[1].url] });
    await later.order({ ...order, size: 3n });
    assert.deepEqual(later.contradictions, []);
  });

  it("is not asked of a venue without co-signers", async () => {
    const { openWith, venue } = await setting();
    ends.push(() => venue.close());
    await assert.rejects(openWith({ finality: "quorum" }), { code: "NO_CO_SIGNERS" });
    const client = await openWith({});
    await assert.rejects(client.final(await client.order(order)), { code: "NO_CO_SIGNERS" });
    await assert.rejects(client.final({ receipt: null }), { code: "NO_RECEIPT" });
  });
});
