// Goal: every store keeps what it was given, in order, all or none of each write.
// Method: one suite for all of them; random documents against a plain map.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { memoryStore } from "../../../src/venue/store/memoryStore.ts";
import { openSqliteStore } from "../../../src/venue/store/sqliteStore.ts";
import { openPostgresStore } from "../../../src/venue/store/postgres/postgresStore.ts";
import { openThreadStore } from "../../../src/venue/store/threadStore.ts";
import type { Store, StoredRecord } from "../../../src/venue/store/store.ts";
import { POSTGRES, startDatabase, type Database } from "../../cluster/postgres.ts";
import { collect } from "./records.ts";

const seed = Number(process.env.SEED ?? 12);
const folder = mkdtempSync(join(tmpdir(), "tacit-store-"));
let files = 0;

const STORES: Record<string, () => Promise<Store>> = {
  memoryStore: async () => memoryStore(),
  openSqliteStore: () => openSqliteStore(join(folder, `${files++}`, "venue.db")),
  openThreadStore: () => openThreadStore(join(folder, `${files++}`, "venue.db")),
  [`openPostgresStore on ${POSTGRES === undefined ? "PGlite" : "PostgreSQL"}`]: async () => {
    database ??= await startDatabase();
    return openPostgresStore(await database.schema(), { copies: "oneDisk" });
  },
};
let database: Database | undefined;

function record(sequence: number, key?: number): StoredRecord {
  const bytes = new Uint8Array(1 + (sequence % 300)).fill(sequence);
  return { sequence, bytes, ...(key === undefined ? {} : { key: new Uint8Array([key >> 8, key, 7]) }) };
}

const plain = (bytes: Uint8Array) => Uint8Array.from(bytes);
const recordsOf = async (store: Store, from = 0) => (await collect(store.read(from))).map(plain);
const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

after(async () => {
  rmSync(folder, { recursive: true });
  await database?.stop();
});

for (const [name, open] of Object.entries(STORES))
  describe(`${name} (seed ${seed})`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it("is empty at first", async () => {
      assert.equal(await store.last(), -1);
      assert.deepEqual(await recordsOf(store), []);
      assert.equal(await store.find(new Uint8Array([1])), undefined);
      assert.deepEqual(await collect(store.snapshots()), []);
      assert.equal(await store.get("a"), undefined);
      assert.deepEqual(await store.list(""), []);
      assert.ok(store.epoch >= 1);
    });

    it("gives records back in order, from any place", async () => {
      const records = range(1_100).map((sequence) => record(sequence));
      for (let from = 0, size = 1; from < records.length; from += size++)
        await store.append(records.slice(from, from + size));
      await store.append([]);
      assert.equal(await store.last(), 1_099);
      for (const from of [0, 1, 255, 256, 257, 1_099, 1_100, 5_000])
        assert.deepEqual(
          await recordsOf(store, from),
          records.slice(from).map(({ bytes }) => bytes),
        );
      for (const [from, count] of [
        [0, 0],
        [0, 1],
        [5, 2],
        [250, 300],
        [1_000, 256],
        [1_099, 5],
        [1_100, 1],
      ])
        assert.deepEqual(
          (await collect(store.read(from, count))).map(plain),
          records.slice(from, from + count).map(({ bytes }) => bytes),
        );
    });

    it("keeps its own copy of a record, whatever it is a part of", async () => {
      const whole = new Uint8Array(20).fill(3);
      await store.append([{ sequence: 0, bytes: whole.subarray(5, 9), key: whole.subarray(0, 2) }]);
      whole.fill(4);
      assert.deepEqual(await recordsOf(store), [new Uint8Array([3, 3, 3, 3])]);
      assert.equal(await store.find(new Uint8Array([3, 3])), 0);
    });

    it("reads on while records are added", async () => {
      await store.append(range(300).map((sequence) => record(sequence)));
      let count = 0;
      for await (const bytes of store.read(0)) {
        assert.equal(bytes.length, 1 + (count % 300));
        if (count++ === 10) await store.append([record(300)]);
      }
      assert.equal(count, 301);
    });

    it("finds records by key", async () => {
      await store.append([record(0, 500), record(1), record(2, 501)]);
      await store.append([record(3)]);
      assert.equal(await store.find(record(0, 500).key!), 0);
      assert.equal(await store.find(record(0, 501).key!), 2);
      assert.equal(await store.find(record(0, 502).key!), undefined);
    });

    it("takes all of a batch or nothing", async () => {
      await store.append([record(0, 1), record(1)]);
      const refused: [StoredRecord[], object][] = [
        [[record(2, 2), record(3, 1)], { code: "STORAGE", details: { reason: "key" } }],
        [[record(2, 3), record(3, 3)], { code: "STORAGE", details: { reason: "key" } }],
        [[record(2, 4), record(4)], { code: "OUT_OF_RANGE" }],
        [[record(1, 5)], { code: "OUT_OF_RANGE" }],
        [[record(3, 6)], { code: "OUT_OF_RANGE" }],
        [[{ ...record(2), key: new Uint8Array(0) }], { code: "OUT_OF_RANGE" }],
      ];
      for (const [records, error] of refused) {
        await assert.rejects(store.append(records), (found: { code: string; details: { reason?: string } }) => {
          const { code, details } = error as { code: string; details?: { reason: string } };
          return found.code === code && (!details || found.details.reason === details.reason);
        });
        assert.equal(await store.last(), 1);
        for (const key of [2, 3, 4, 5, 6]) assert.equal(await store.find(record(0, key).key!), undefined);
      }
      await store.append([record(2, 2)]);
      assert.equal(await store.find(record(0, 2).key!), 2);
      assert.deepEqual(
        await recordsOf(store),
        range(3).map((sequence) => record(sequence).bytes),
      );
    });

    it("keeps the newest snapshots, and gives them newest first", async () => {
      const bytes = (n: number) => new Uint8Array(n * 5_000).fill(n);
      for (const n of [3, 1, 5, 4]) await store.saveSnapshot({ sequence: n, bytes: bytes(n) }, 3);
      const found = async () => (await collect(store.snapshots())).map((it) => ({ ...it, bytes: plain(it.bytes) }));
      assert.deepEqual(
        await found(),
        [5, 4, 3].map((sequence) => ({ sequence, bytes: bytes(sequence) })),
      );
      await store.saveSnapshot({ sequence: 5, bytes: bytes(2) }, 2);
      await store.saveSnapshot({ sequence: -1, bytes: new Uint8Array(0) }, 9);
      assert.deepEqual(await found(), [
        { sequence: 5, bytes: bytes(2) },
        { sequence: 4, bytes: bytes(4) },
        { sequence: -1, bytes: new Uint8Array(0) },
      ]);
      await assert.rejects(store.saveSnapshot({ sequence: 6, bytes: bytes(1) }, 0), { code: "OUT_OF_RANGE" });
      await assert.rejects(store.saveSnapshot({ sequence: -2, bytes: bytes(1) }, 1), { code: "OUT_OF_RANGE" });
    });

    it("keeps documents of any text under names of printable characters", async () => {
      const texts = { a: "", "a/b": "x\0y", "a/c~": "\u{1F600} \n {}", "~ !": "long ".repeat(10_000) };
      await store.put(texts);
      for (const [key, text] of Object.entries(texts)) assert.equal(await store.get(key), text);
      for (const wrong of ["", "\n", "é", "a\x7f", "a".repeat(251)]) {
        await assert.rejects(store.put({ fine: "1", [wrong]: "2" }), { code: "OUT_OF_RANGE" });
        await assert.rejects(store.get(wrong), { code: "OUT_OF_RANGE" });
      }
      assert.equal(await store.get("fine"), undefined);
      await assert.rejects(store.list("\x7f"), { code: "OUT_OF_RANGE" });
      await store.put({});
      await store.put({ a: null, "a/b": "2", absent: null });
      assert.equal(await store.get("a"), undefined);
      assert.equal(await store.get("a/b"), "2");
    });

    it("lists documents by name, within bounds, up and down", async () => {
      const model = new Map<string, string>();
      const nameOf = fc.string({ unit: fc.constantFrom("a", "b", "/", "~", " "), minLength: 1, maxLength: 4 });
      const change = fc.tuple(nameOf, fc.option(fc.string(), { nil: null }));
      const changes = fc.sample(fc.array(change, { minLength: 1, maxLength: 8 }), { numRuns: 60, seed });
      const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
      const query = fc.record({
        prefix: fc.string({ unit: fc.constantFrom("a", "b", "/", "~"), maxLength: 2 }),
        after: maybe(nameOf),
        before: maybe(nameOf),
        limit: maybe(fc.nat({ max: 5 })),
        reverse: maybe(fc.boolean()),
      });
      const queries = fc.sample(query, { numRuns: 600, seed });
      for (const [i, batch] of changes.entries()) {
        const documents = Object.fromEntries(batch);
        await store.put(documents);
        for (const [key, text] of Object.entries(documents))
          if (text === null) model.delete(key);
          else model.set(key, text);
        for (const { prefix, ...options } of queries.slice(10 * i, 10 * i + 10)) {
          const { after = "", before = "\x7f", limit = Infinity, reverse } = options;
          const names = [...model.keys()].filter((it) => it.startsWith(prefix) && it > after && it < before).sort();
          if (reverse) names.reverse();
          const expected = names.slice(0, limit).map((it) => ({ name: it, text: model.get(it)! }));
          assert.deepEqual(await store.list(prefix, options), expected);
        }
      }
    });

    it("does nothing any more once it is closed", async () => {
      await store.close();
      await store.close();
      const closed = (error: { code: string; details: { reason: string } }) =>
        error.code === "STORAGE" && error.details.reason === "closed";
      const uses = [
        () => store.append([record(0)]),
        () => recordsOf(store),
        () => store.last(),
        () => store.find(new Uint8Array([1])),
        () => store.saveSnapshot({ sequence: 0, bytes: new Uint8Array(1) }, 1),
        () => collect(store.snapshots()),
        () => store.put({ a: "1" }),
        () => store.get("a"),
        () => store.list(""),
      ];
      for (const use of uses) await assert.rejects(use, closed);
    });
  });

describe("memoryStore", () => {
  it("has no file to copy", () => assert.rejects(memoryStore().backup("x"), { code: "UNSUPPORTED" }));
});
