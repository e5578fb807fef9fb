// Goal: one journal comes to one state, byte for byte, in Node and in a browser.
// Method: records of a venue that traded, replayed by the same modules in Chromium.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Random } from "../../src/replay/random.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { INTERVAL, lastingStore, replay, traders } from "../venue/fixture.ts";
import { LAG, LENGTH, minutely, minutelyJson, openMinutely, priceNow } from "../venue/repricing.ts";
import { openBrowser, serve } from "./site.ts";

/** In the page: records in hexadecimal to the state's bytes as text. */
const REPLAY = `
import { parseGenesis } from "./src/protocol/genesis.ts";
import { PROFILES } from "./src/protocol/instructions.ts";
import { Matcher } from "./src/matcher/matcher.ts";
import { decodeRecord, tipAfter, EMPTY_JOURNAL } from "./src/venue/store/journal.ts";
export function replay(genesisJson, records) {
  const genesis = parseGenesis(genesisJson);
  const matcher = new Matcher({ ...genesis, profile: PROFILES[genesis.profile] }, { view: (_, index) => BigInt(index) });
  let tip = EMPTY_JOURNAL;
  for (const hex of records) {
    const record = decodeRecord(Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)), { ...tip, sequence: tip.sequence + 1 });
    tip = tipAfter(record);
    const { entry } = record;
    if (entry.kind !== "round") matcher.apply(entry.kind === "item" ? { ...entry, signed: true } : entry);
  }
  return new TextDecoder().decode(matcher.export());
}`;

describe("a journal in Chromium", () => {
  it("comes to the same bytes as in Node", async () => {
    const random = new Random(7);
    const storage = lastingStore();
    const people = traders(4);
    const { venue, clock } = await openMinutely({ storage });
    await priceNow(venue);
    await venue.deposit(people.map(({ deposit }) => deposit));
    for (let i = 0; i < 200; i++) {
      const by = random.pick(people);
      const limit = 100_000n + BigInt(random.integer(-9, 9)) * 10n;
      const { item, auth } =
        random.unit() < 0.2
          ? by.cancel()
          : by.order(random.pick(["buy", "sell"] as const), BigInt(random.integer(1, 30)), limit);
      await venue.submit(item, auth);
      if (i % 5 === 0) clock.advance(INTERVAL);
      if (i % 5 === 0 && clock.now() % LENGTH === LAG) await priceNow(venue, { index: 100_000n + BigInt(i) });
    }
    await venue.close();
    const matcher = new Matcher(
      { ...minutely, profile: PROFILES[minutely.profile] },
      { view: (_, index) => BigInt(index) },
    );
    const records: string[] = [];
    for await (const bytes of storage.read(0)) records.push(Buffer.from(bytes).toString("hex"));
    for await (const _ of replay(storage, matcher));
    const expected = new TextDecoder().decode(matcher.export());
    assert.ok(records.length > 200);

    const folder = mkdtempSync(join(tmpdir(), "tacit-journal-"));
    const { outputFiles } = await build({
      stdin: { contents: REPLAY, resolveDir: join(import.meta.dirname, "../..") },
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      conditions: ["tacit-source"],
    });
    writeFileSync(join(folder, "replay.js"), outputFiles[0].contents);
    const site = await serve({ "/replay.js": join(folder, "replay.js") }, { isolated: false });
    const browser = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.addInitScript("globalThis.__name = (it) => it");
      await page.goto(site.origin);
      const got = await page.evaluate(
        async ([genesisOfPage, hex]) => {
          const { replay } = await import("/replay.js" as string);
          return replay(genesisOfPage, hex) as string;
        },
        [minutelyJson, records] as const,
      );
      assert.equal(got, expected);
    } finally {
      await browser.close();
      await site.close();
      rmSync(folder, { recursive: true });
    }
  });
});
