// Goal: a store in a thread keeps what it acknowledged and tells what is wrong as one in this thread does; when its thread
// dies, it says so and does nothing more.
// Method: what the suite of all stores does not see: errors of opening, many pages, a thread that is killed with work on its
// way, and one opened after it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TacitError } from "../../../src/protocol/errors.ts";
import { packRecords, unpackRecords } from "../../../src/venue/store/packedRecords.ts";
import { openSqliteStore } from "../../../src/venue/store/sqliteStore.ts";
import type { StoredRecord } from "../../../src/venue/store/store.ts";
import { openThreadStore } from "../../../src/venue/store/threadStore.ts";
import { eventOf, openTestVenue, traders } from "../fixture.ts";
import { collect } from "./records.ts";
import { threadsOf } from "../threadsOf.ts";

const record = (sequence: number): StoredRecord => ({
  sequence,
  bytes: new Uint8Array(100).fill(sequence),
  key: new Uint8Array([sequence >> 8, sequence]),
});
const failure = (code: string, reason?: string) => (error: TacitError) =>
  error.code === code && (reason === undefined || error.details.reason === reason);

describe("openThreadStore", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-thread-"));
  let files = 0;
  const fresh = () => join(folder, `${files++}.db`);
  after(() => rmSync(folder, { recursive: true }));

  it("has one writer, in whatever thread, and says who it is", async () => {
    const path = fresh();
    const first = await openThreadStore(path);
    for (const open of [openThreadStore, openSqliteStore])
      await assert.rejects(
        open(path),
        (error: TacitError) => error.code === "LOCKED" && error.details.pid === process.pid,
      );
    await first.close();
    const second = await openSqliteStore(path);
    assert.equal(second.epoch, first.epoch + 1);
    await second.close();
  });

  it("tells what is wrong with a file, and what was wrong with a write", async () => {
    const path = fresh();
    writeFileSync(path, "no database, but long enough to be taken for the header of one. ".repeat(100));
    await assert.rejects(openThreadStore(path), failure("STORAGE", "foreign"));
    const store = await openThreadStore(fresh(), { maxPages: 40 });
    await assert.rejects(store.append([record(1)]), { code: "OUT_OF_RANGE", message: /records\[0\]\.sequence/ });
    const large = { sequence: 0, bytes: new Uint8Array(200_000) };
    await assert.rejects(store.append([large]), failure("STORAGE", "full"));
    assert.equal(await store.last(), -1);
    await store.append([record(0)]);
    await store.close();
  });

  it("writes in the order in which it was asked, and reads over many pages", async () => {
    const store = await openThreadStore(fresh());
    const records = Array.from({ length: 1_500 }, (_, i) => record(i));
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.append(records.slice(30 * i, 30 * i + 30))));
    const found = await collect(store.read(3));
    assert.deepEqual(
      found.map((bytes) => Uint8Array.from(bytes)),
      records.slice(3).map(({ bytes }) => bytes),
    );
    assert.equal(await store.find(records[777].key!), 777);
    await store.close();
  });

  it("has lost nothing acknowledged when its thread dies, and does nothing more", async () => {
    const path = fresh();
    let store: Awaited<ReturnType<typeof openThreadStore>>;
    let acknowledged = -1;
    let sent: Promise<PromiseSettledResult<void>[]>;
    const [thread] = await threadsOf(async () => {
      store = await openThreadStore(path);
      sent = Promise.allSettled(
        Array.from({ length: 200 }, (_, i) => store.append([record(i)]).then(() => void (acknowledged = i))),
      );
      await store.append([record(200)]).catch(() => {});
    });
    const more = Promise.allSettled(Array.from({ length: 50 }, (_, i) => store.append([record(201 + i)])));
    await thread.terminate();
    for (const result of [...(await sent!), ...(await more)])
      if (result.status === "rejected") assert.ok(failure("STORAGE", "unknown")(result.reason), String(result.reason));
    const dead = store!;
    for (const use of [() => dead.append([record(0)]), () => dead.last(), () => collect(dead.read(0))])
      await assert.rejects(use, failure("STORAGE", "unknown"));
    await dead.close();
    const again = await openThreadStore(path);
    assert.ok((await again.last()) >= Math.max(200, acknowledged));
    assert.equal(again.epoch, dead.epoch + 1);
    await again.close();
  });

  it("says so as well when its thread died while nothing was asked of it", async () => {
    const path = fresh();
    let store: Awaited<ReturnType<typeof openThreadStore>>;
    const [thread] = await threadsOf(async () => {
      store = await openThreadStore(path);
      await store.append([record(0)]);
    });
    await thread.terminate();
    for (const use of [() => store.append([record(1)]), () => store.last(), () => store.append([record(1)])])
      await assert.rejects(use, failure("STORAGE", "unknown"));
    await store!.close();
    const again = await openThreadStore(path);
    assert.equal(await again.last(), 0);
    await again.close();
  });

  it("does all that was asked before it was closed, however often it is", async () => {
    const path = fresh();
    const store = await openThreadStore(path);
    const writes = Array.from({ length: 8 }, (_, i) => store.append([record(i)]));
    const copied = store.backup(`${path}.copy`);
    await Promise.all([...writes, copied, store.close(), store.close()]);
    await assert.rejects(store.append([record(8)]), failure("STORAGE", "closed"));
    for (const [file, least] of [
      [path, 7],
      [`${path}.copy`, -1],
    ] as const) {
      const again = await openThreadStore(file);
      assert.ok((await again.last()) >= least);
      await again.close();
    }
  });

  it("leaves open what became of a write when its thread dies while it is closed", async () => {
    let store: Awaited<ReturnType<typeof openThreadStore>>;
    const [thread] = await threadsOf(async () => {
      store = await openThreadStore(fresh());
    });
    const writes = Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.append([record(i)])));
    const closed = store!.close();
    await thread.terminate();
    await closed;
    for (const result of await writes)
      if (result.status === "rejected") assert.ok(failure("STORAGE", "unknown")(result.reason), String(result.reason));
  });

  it("goes on backing up when its thread dies", async () => {
    const path = fresh();
    let store: Awaited<ReturnType<typeof openThreadStore>>;
    const [thread] = await threadsOf(async () => {
      store = await openThreadStore(path);
      await store.append(Array.from({ length: 3_000 }, (_, i) => record(i)));
    });
    const copied = store!.backup(`${path}.copy`).then(
      () => true,
      () => false,
    );
    await store!.last();
    await thread.terminate();
    assert.equal(await copied, true);
    await store!.close();
    const copy = await openThreadStore(`${path}.copy`);
    assert.equal(await copy.last(), 2_999);
    await copy.close();
  });

  it("stops the venue whose thread has died, which acknowledges nothing that is not there", async () => {
    const path = fresh();
    const [alice] = traders(1);
    let opened: Awaited<ReturnType<typeof openTestVenue>>;
    const [thread] = await threadsOf(async () => {
      opened = await openTestVenue({ storage: await openThreadStore(path), traders: [alice] });
    });
    const { venue } = opened!;
    const orders = Array.from({ length: 60 }, () => alice.order("buy", 1n, 100_000n, { thisAuction: true }));
    const stopped = eventOf(venue, "stopped");
    const answers = Promise.allSettled(orders.map(({ item, auth }) => venue.submit(item, auth)));
    await thread.terminate();
    const late = alice.cancel();
    const after = await venue.submit(late.item, late.auth).catch((error: TacitError) => error.code);
    await stopped;
    const places = (await answers).flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.receipt] : []));
    await venue.close();
    assert.equal(after, "STOPPED");
    const again = await openTestVenue({ storage: await openThreadStore(path) });
    for (const { n } of places) assert.ok(Number(n) < again.venue.health().logCount);
    await again.venue.close();
  });
});

describe("packed records", () => {
  it("are what was packed, with keys and without, whatever they are parts of", () => {
    const whole = new Uint8Array(40).map((_, i) => i);
    const records = [
      { sequence: 4, bytes: whole.subarray(3, 9), key: whole.subarray(9, 11) },
      { sequence: 5, bytes: whole.subarray(0, 1) },
      { sequence: 6, bytes: whole.subarray(12, 40), key: whole.subarray(0, 32) },
    ];
    assert.deepEqual(unpackRecords(packRecords(records)), records);
    assert.deepEqual(unpackRecords(packRecords([])), []);
  });
});
