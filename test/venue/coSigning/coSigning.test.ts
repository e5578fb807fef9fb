// Goal: heads of a venue's log become final by a quorum of co-signers, whichever of them are away, late, strangers or lie; the heads of rounds are
// kept; what a journal has lost comes back from them, and nothing else does.
// Method: a venue with co-signers as services on loopback, some stopped, set up anew, given another log, or answering nonsense.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jsonApp, replyJson, serveApp } from "../../../src/feeds/jsonService.ts";
import { countSignatures, isFinal, readCoSignedHead, type CoSignedHead } from "../../../src/protocol/coSigners.ts";
import { chainHeads } from "../../../src/protocol/item.ts";
import { logHeadDigest, logHeadSigner } from "../../../src/protocol/logHead.ts";
import { SignedHeads } from "../../../src/venue/signing/signedHeads.ts";
import { signaturesOf } from "../../../src/venue/signing/signatures.ts";
import { localSigner } from "../../../src/venue/signing/signer.ts";
import type { VenueEvent, VenueOptions } from "../../../src/venue/options.ts";
import type { Venue } from "../../../src/venue/venue.ts";
import { KEYS, Service, SET } from "./services.ts";
import { hasCode } from "../../hasCode.ts";
import {
  eventOf,
  genesis,
  lastingStore,
  openTestVenue,
  SIGNER,
  simulatedProver,
  traders,
  type Trader,
} from "../fixture.ts";

const submit = (venue: Venue, { item, auth }: ReturnType<Trader["order"]>) => venue.submit(item, auth);

describe("venue: co-signers", () => {
  let folder: string;
  let services: Service[];
  const venues: Venue[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tacit-cosigning-"));
    services = KEYS.map((_, i) => new Service(i, folder));
    for (const service of services) await service.start();
  });
  afterEach(async () => {
    for (const venue of venues.splice(0)) await venue.close();
    for (const service of services) await service.stop();
    rmSync(folder, { recursive: true });
  });
  const book = (name = "signed.db") => new SignedHeads(join(folder, name), SIGNER.address);

  async function open(options: Partial<VenueOptions> & { traders?: Trader[] } = {}) {
    const opened = await openTestVenue({
      genesis: { ...genesis, coSigners: SET },
      coSigners: services.map(({ url }) => url),
      ...options,
    });
    venues.push(opened.venue);
    const finals: CoSignedHead[] = [];
    opened.venue.subscribe((event: VenueEvent) => event.kind === "final" && finals.push(event.head));
    return { ...opened, finals };
  }
  /** When so many entries are final: the head. */
  async function final(venue: Venue, n: number): Promise<CoSignedHead> {
    for (let tries = 0; tries < 100; tries++) {
      const { final } = await venue.finality(n, { wait: 5_000 });
      if (final) return final;
    }
    assert.fail(`${n} entries do not become final: ${JSON.stringify(venue.coSigning)}`);
  }

  it("make what was acknowledged final, by entries that lead to it", async () => {
    const [alice] = traders(1);
    const { venue } = await open({ traders: [alice] });
    const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
    const n = Number(receipt.n) + 1;
    const head = await final(venue, n);
    assert.ok(countSignatures(SET, head) >= 3);
    const { entries } = await venue.finality(n);
    assert.equal(chainHeads(receipt.head, entries!).at(-1) ?? receipt.head, head.head);
    // All of them get there, though three would do.
    await submit(venue, alice.order("buy", 1n, 100_000n));
    await final(venue, n + 1);
    for (const { coSigner } of services) assert.ok(coSigner.state.n >= n);
    const status = venue.coSigning!;
    assert.deepEqual([status.quorum, status.final], [3, venue.health().logCount]);
    assert.ok(status.coSigners.every(({ fault }) => fault === null));
    await assert.rejects(venue.finality(0), hasCode("OUT_OF_RANGE"));
    assert.deepEqual(await venue.finality(1_000), { final: null, entries: null });
  });

  it("may be one too few, and nothing is final; receipts go on, and what waited is final when one comes back", async () => {
    const [alice] = traders(1);
    const { venue } = await open({ traders: [alice] });
    const told: (readonly [url: string, signs: boolean])[] = [];
    venue.subscribe((event) => {
      if (event.kind === "coSigner") told.push([event.coSigner.url, event.coSigner.fault === null]);
    });
    await final(venue, 1);
    for (const service of services.slice(2)) await service.stop();
    const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
    const n = Number(receipt.n) + 1;
    assert.equal((await venue.finality(n, { wait: 300 })).final, null);
    // With an empty folder, as on a new disk: it is shown all there is.
    await services[3].start();
    const head = await final(venue, n);
    assert.deepEqual(head.signatures.map((it) => it !== null), [true, true, false, true]); // prettier-ignore
    // Of each once, however often it was asked.
    const [two, three] = services.slice(2).map(({ url }) => url);
    assert.deepEqual(told.toSorted(([, a], [, b]) => +a - +b).map((it) => it.join()).toSorted(), [[two, false], [three, false], [three, true]].map((it) => it.join()).toSorted()); // prettier-ignore
  });

  it("are not strangers, nor who signs for another, nor who answers nonsense", async () => {
    const [alice] = traders(1);
    const stranger = localSigner(new Uint8Array(32).fill(99));
    const lying = (answer: (path: string, body: string) => object) => async () => {
      const app = jsonApp({ metrics: { text: async () => "", contentType: "text/plain" } });
      app.all("*", async (c) => {
        return replyJson(c, answer(c.req.path, await c.req.text()));
      });
      return serveApp(app, {});
    };
    const liars = await Promise.all([
      // A stranger's key.
      lying(() => ({ address: stranger.address, epoch: 0, n: 0, head: "0" }))(),
      // One of them, by another's key.
      lying((path, body) =>
        path.endsWith("state")
          ? { address: KEYS[3].address, epoch: 0, n: 0, head: "0" }
          : { signature: stranger.sign(logHeadDigest(readHead(body))) },
      )(),
      lying(() => ({ nonsense: true }))(),
    ]);
    try {
      const urls = [...services.slice(0, 2).map(({ url }) => url), ...liars.slice(0, 2).map(({ url }) => url)];
      const { venue } = await open({ traders: [alice], coSigners: urls });
      const { receipt } = await submit(venue, alice.order("buy", 1n, 100_000n));
      const n = Number(receipt.n) + 1;
      assert.equal((await venue.finality(n, { wait: 1_000 })).final, null);
      const faults = venue.coSigning!.coSigners.map(({ fault }) => fault ?? "");
      assert.deepEqual(faults.slice(0, 2), ["", ""]);
      assert.match(faults[2], /none of the venue's co-signers/);
      assert.match(faults[3], /not its own/);
      const other = await open({ traders: [alice], coSigners: [liars[2].url] });
      assert.match(await until(() => other.venue.coSigning!.coSigners[0].fault), /state.address/);
    } finally {
      for (const liar of liars) await liar.close();
    }
  });

  it("sign the ends of rounds, which are kept", async () => {
    const [alice] = traders(1);
    const { prover } = simulatedProver();
    const storage = lastingStore();
    const { venue, clock } = await open({ traders: [alice], storage, prover });
    await submit(venue, alice.order("buy", 1n, 99_990n));
    const proved = eventOf(venue, "round");
    clock.advance(BigInt(venue.limits.roundSeconds) + 1n);
    const { round } = await proved;
    const n = Number(round.logCount);
    const file = `final/${String(n).padStart(15, "0")}`;
    for (let tries = 0; (await storage.get(file)) === undefined && tries < 1_000; tries++)
      await venue.finality(n + 1, { wait: 10 });
    const kept = readCoSignedHead("kept", JSON.parse((await storage.get(file))!));
    assert.ok(isFinal(SET, kept));
    await submit(venue, alice.order("buy", 1n, 99_990n));
    await final(venue, venue.health().logCount);
    await venue.close();
    // From what is kept, though the co-signers are away.
    for (const service of services) await service.stop();
    const again = await open({ storage });
    assert.deepEqual((await again.venue.finality(n)).final, kept);
    assert.deepEqual((await again.venue.finality(n - 1)).final, kept);
    assert.equal((await again.venue.finality(n + 10)).final, null);
  });

  it("give back what a journal has lost and its signer has signed, byte for byte", async () => {
    const [alice, bob] = traders(2);
    const signed = signaturesOf(SIGNER, book());
    const signer = { ...signed, close: async () => {} };
    const first = await open({ traders: [alice, bob], signer, storage: lastingStore() });
    const receipts = [];
    for (let i = 0; i < 5; i++) receipts.push((await submit(first.venue, (i % 2 ? bob : alice).order("buy", 1n, 99_990n))).receipt); // prettier-ignore
    const n = first.venue.health().logCount;
    await final(first.venue, n);
    await first.venue.close();

    // A journal that lacks all but the first entry, and one that lacks them all.
    const storage = lastingStore();
    await copyRecords(first.storage, storage, 1);
    for (const place of [storage, lastingStore()]) {
      const found = await open({ storage: place, signer });
      assert.equal(found.venue.health().logCount, n);
      assert.ok(found.venue.recovered > 0);
      for (const { receipt } of [(await found.venue.answered(alice.index, 1n))!])
        assert.deepEqual(receipt, receipts[0], "the same receipt as before");
      await final(found.venue, n);
      await found.venue.close();
    }
    await signed.close();
  });

  it("do not give back what does not lead to what was signed: the venue stops, and says why", async () => {
    const [alice] = traders(1);
    const signed = signaturesOf(SIGNER, book());
    const signer = { ...signed, close: async () => {} };
    const first = await open({ traders: [alice], signer });
    await submit(first.venue, alice.order("buy", 1n, 99_990n));
    await final(first.venue, first.venue.health().logCount);
    await first.venue.close();
    for (const service of services) await service.stop();
    await assert.rejects(open({ storage: lastingStore(), signer }), (error: { code: string; message: string }) => {
      assert.equal(error.code, "SIGNER_AHEAD");
      assert.match(error.message, /no co-signer has the rest/);
      return true;
    });
    // On new disks they have nothing.
    for (const service of services) await service.start("new");
    await assert.rejects(open({ storage: lastingStore(), signer }), hasCode("SIGNER_AHEAD"));
    await signed.close();
  });

  it("hear of a fork of the venue's: of another face it gets no quorum", async () => {
    const [alice, bob] = traders(2);
    const { venue } = await open({ traders: [alice, bob] });
    await final(venue, venue.health().logCount);
    await services[3].stop();
    const { receipt: first } = await submit(venue, alice.order("buy", 1n, 99_990n));
    const n = Number(first.n) + 1;
    await final(venue, n);
    // The same key, another log: a signer that has forgotten, or lies. One co-signer has not heard of the first, and follows it.
    await services[3].start();
    const face = await open({ traders: [alice, bob], coSigners: services.map(({ url }) => url) });
    const { receipt } = await submit(face.venue, bob.order("buy", 1n, 99_990n));
    assert.equal(receipt.n, first.n);
    await until(() => services[3].coSigner.state.n >= n || null);
    await until(
      () => face.venue.coSigning!.coSigners.slice(0, 3).every(({ fault }) => fault?.includes("another head")) || null,
    );
    assert.equal((await face.venue.finality(n)).final, null);
    // Whoever has a receipt of the one face is told of the other, with the venue's signature.
    for (const [{ coSigner }, heads] of [
      [services[0], [first.head, receipt.head]],
      [services[3], [receipt.head, first.head]],
    ] as const) {
      // prettier-ignore
      const { head, signed } = coSigner.vouch(n)!;
      assert.equal(head, heads[0]);
      assert.equal(logHeadSigner(signed, signed.signature), SIGNER.address);
    }
    await face.venue.close();
    // It gives way to what a quorum has signed.
    await submit(venue, alice.order("buy", 1n, 99_990n));
    await final(venue, n + 1);
    await until(() => services[3].coSigner.vouch(n)?.head === first.head || null);
  });

  it("do not hold up a start that fails while the signer is away", async () => {
    const storage = lastingStore();
    await (await open({ storage, traders: traders(1) })).venue.close();
    const signatures = signaturesOf(SIGNER);
    let giveUp = () => {};
    const givenUp = new Promise<never>((_, reject) => (giveUp = () => reject(new Error("closed"))));
    givenUp.catch(() => {});
    const chain = { open: () => Promise.reject(new Error("no such contract")) } as never;
    const away = { ...signatures, sign: () => givenUp, giveUp: () => giveUp() };
    await assert.rejects(open({ storage, signer: away, chain: { chain } }), { message: "no such contract" });
  });

  it("are asked for by the genesis only", async () => {
    await assert.rejects(openTestVenue({ coSigners: ["http://127.0.0.1:1"] }), hasCode("OUT_OF_RANGE"));
    await assert.rejects(open({ signer: KEYS[0] }), hasCode("OUT_OF_RANGE"));
    const { venue } = await openTestVenue({});
    await assert.rejects(venue.finality(1), hasCode("NO_CO_SIGNERS"));
    assert.equal(venue.coSigning, null);
    await venue.close();
  });
});

async function until<T>(look: () => T | null | undefined): Promise<T> {
  for (let tries = 0; tries < 5_000; tries++) {
    const found = look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("it does not come to that");
}

function readHead(body: string) {
  const { signed } = JSON.parse(body);
  return { ...signed, domain: BigInt(signed.domain), head: BigInt(signed.head) };
}

async function copyRecords(from: VenueOptions["storage"], to: VenueOptions["storage"], count: number): Promise<void> {
  await to.put({ venue: (await from.get("venue"))! });
  let sequence = 0;
  for await (const bytes of from.read(0, count)) await to.append([{ sequence: sequence++, bytes }]);
}
