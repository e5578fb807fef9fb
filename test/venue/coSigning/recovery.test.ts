// Goal: co-signers give back the ends of rounds as well, wherever a journal was cut: all but the last of them, which no entry follows.
// Method: two runs of a venue, with an end of a round in each and at the end of each; the journal cut after each of its records.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignedHeads } from "../../../src/venue/signing/signedHeads.ts";
import { signaturesOf } from "../../../src/venue/signing/signatures.ts";
import type { VenueOptions } from "../../../src/venue/options.ts";
import { readJournal } from "../../../src/venue/store/journal.ts";
import { KEYS, Service, SET } from "./services.ts";
import { genesis, lastingStore, ManualClock, openTestVenue, SIGNER, traders } from "../fixture.ts";

describe("recovery from co-signers", () => {
  let folder: string;
  let services: Service[];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "tacit-recovery-"));
    services = KEYS.map((_, i) => new Service(i, folder));
    for (const service of services) await service.start();
  });
  afterEach(async () => {
    for (const service of services) await service.stop();
    rmSync(folder, { recursive: true });
  });

  it("brings back each end of a round that an entry follows", async () => {
    const signed = signaturesOf(SIGNER, new SignedHeads(join(folder, "signed.db"), SIGNER.address));
    const signer = { ...signed, close: async () => {} };
    const coSigners = services.map(({ url }) => url);
    const clock = new ManualClock();
    const open = (options: Partial<VenueOptions>) =>
      openTestVenue({
        genesis: { ...genesis, coSigners: SET },
        coSigners,
        signer,
        clock,
        traders: traders(1),
        ...options,
      });
    const storage = lastingStore();
    const [alice] = traders(1);
    const recordsOf = async (store: typeof storage) => {
      const found: string[] = [];
      for await (const { entry, logCount } of readJournal(store, 0)) found.push(`${entry.kind} ${logCount}`);
      return found;
    };
    for (let run = 0; run < 2; run++) {
      const { venue } = await open({ storage });
      for (let i = 0; i < 2; i++) {
        const { item, auth } = alice.order("buy", 1n, 99_990n);
        await venue.submit(item, auth);
        const count = (await recordsOf(storage)).length;
        if (i === 0) clock.advance(BigInt(venue.limits.roundSeconds) + 1n);
        while (i === 0 && (await recordsOf(storage)).length === count) await new Promise((done) => setTimeout(done, 5));
      }
      const n = venue.health().logCount;
      for (let tries = 0; tries < 100 && !(await venue.finality(n, { wait: 1_000 })).final; tries++);
      await venue.close();
    }
    const all = await recordsOf(storage);
    const last = all.length - 1;
    assert.ok(all[last].startsWith("round"));
    assert.ok(all.slice(0, last).filter((it) => it.startsWith("round")).length >= 2, all.join());
    for (let kept = 0; kept <= all.length; kept++) {
      const place = lastingStore();
      await place.put({ venue: (await storage.get("venue"))! });
      let sequence = 0;
      if (kept > 0)
        for await (const bytes of storage.read(0, kept)) await place.append([{ sequence: sequence++, bytes }]);
      const { venue } = await open({ storage: place });
      assert.deepEqual((await recordsOf(place)).slice(0, last), all.slice(0, last), `cut after ${kept} records`);
      assert.equal(venue.health().status, "open");
      await venue.close();
    }
    await signed.close();
  });
});
