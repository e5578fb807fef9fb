// Goal: a copy of a store holds all of it, goes on where it left, and one that differs anywhere is refused.
// Method: a random journal, snapshots and documents through stores of every kind; a store that lies in one place.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { decodeItem } from "../../../src/protocol/item.ts";
import { copyAll } from "../../../src/venue/store/copyAll.ts";
import { nodeDigest } from "../../../src/venue/store/digest.ts";
import { encodeRecord, itemKey, readJournal, type JournalEntry } from "../../../src/venue/store/journal.ts";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";
import { openPostgresStore } from "../../../src/venue/store/postgres/postgresStore.ts";
import { openSqliteStore } from "../../../src/venue/store/sqliteStore.ts";
import type { Store, StoredRecord } from "../../../src/venue/store/store.ts";
import { startDatabase, type Database } from "../../cluster/postgres.ts";
import { collect, entries, journalOf } from "./records.ts";

const seed = Number(process.env.SEED ?? 13);
const folder = mkdtempSync(join(tmpdir(), "tacit-copy-"));
const keyOf = (entry: JournalEntry) => {
  const decoded = entry.kind === "item" ? decodeItem(entry.item) : null;
  return decoded ? { key: itemKey(decoded.head) } : {};
};
/** No two items of one nonce, of which each is found by that. */
const drawn = [...new Map(fc.sample(entries, { numRuns: 700, seed }).map((entry, i) => [String(keyOf(entry).key ?? i), entry])).values()]; // prettier-ignore
const journal = journalOf(drawn);
const { tip } = journal;
const records = journal.records.map(({ sequence, bytes }, i): StoredRecord => ({
  sequence,
  bytes,
  ...keyOf(drawn[i]),
}));

async function fill(store: Store): Promise<void> {
  await store.append(records);
  for (const sequence of [99, 300])
    await store.saveSnapshot({ sequence, bytes: new Uint8Array(2_500_000).fill(sequence) }, 2);
  await store.put(Object.fromEntries(Array.from({ length: 1_203 }, (_, i) => [`a/${i}`, `text ${i} ✓`])));
}
const contents = async (store: Store) => ({
  records: (await collect(store.read(0))).map((it) => Buffer.from(it)),
  found: await Promise.all(records.map(({ key }) => key && store.find(key))),
  snapshots: (await collect(store.snapshots())).map(({ sequence, bytes }) => [sequence, Buffer.from(bytes)]),
  documents: await store.list(""),
}); // prettier-ignore

describe(`a copy of a store (seed ${seed})`, () => {
  let database: Database;
  before(async () => {
    database = await startDatabase();
  });
  after(async () => {
    await database.stop();
    rmSync(folder, { recursive: true });
  });
  const sqlite = (name: string, after = 0) => openSqliteStore(join(folder, name), { after });

  it("from SQLite to PostgreSQL and back holds the same, and a venue goes on in it", async () => {
    const one = await sqlite("one.db");
    await fill(one);
    const url = await database.schema();
    const two = await openPostgresStore(url, { copies: "oneDisk", after: one.epoch });
    const parts: number[] = [];
    assert.deepEqual(await copyAll(one, two, (part) => parts.push(part)), { records: records.length, snapshots: 2, documents: 1_203 });
    assert.ok(parts.every((part, i) => part >= (parts[i - 1] ?? 0) && part <= 1) && parts.length > 4);
    const three = await sqlite("three.db", two.epoch);
    await copyAll(two, three);
    const all = await contents(one);
    for (const store of [two, three]) assert.deepEqual(await contents(store), all);
    // Of an epoch that is no less than that of what was copied.
    const place = { ...tip, sequence: records.length, epoch: three.epoch };
    const bytes = encodeRecord(place, { kind: "round", number: 1 }, nodeDigest);
    await three.append([{ sequence: records.length, bytes }]);
    assert.equal((await collect(readJournal(three))).length, records.length + 1);
    for (const store of [one, two, three]) await store.close();
  }); // prettier-ignore

  it("goes into an empty store alone, of a later epoch", async () => {
    const one = await sqlite("four.db");
    const two = await sqlite("five.db");
    await assert.rejects(copyAll(one, two), { code: "STORAGE", message: /epoch/ });
    await two.put({ a: "b" });
    await assert.rejects(copyAll(memoryStore(), two), { code: "STORAGE", message: /not empty/ });
    for (const store of [one, two]) await store.close();
  });

  for (const [what, lie] of [
    ["a record", { async *read(this: Store, from: number, count?: number) { for await (const bytes of memory.read(from, count)) yield bytes.map((byte, i) => (i === 50 ? byte ^ 1 : byte)); } }],
    ["a snapshot", { async *snapshots() { for await (const it of memory.snapshots()) yield { ...it, bytes: it.bytes.map((byte, i) => (i === 9 ? 0 : byte)) }; } }],
    ["a snapshot that is lost", { async *snapshots() {} }],
    ["a document", { async get(name: string) { return name === "a/7" ? undefined : memory.get(name); } }],
  ] as const)
    it(`${what} that differs is found`, async () => {
      const one = memoryStore();
      await fill(one);
      memory = memoryStore();
      const two = { ...memory, epoch: 2, ...lie } as unknown as Store;
      await assert.rejects(copyAll(one, two), { code: "STORAGE", message: /differs/ });
    }); // prettier-ignore
  let memory: Store;
});
