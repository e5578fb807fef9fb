// Goal: a store on disk has one writer, says when it cannot write, and gives nothing back that it was not given, whatever
// becomes of its files.
// Method: second openings in this and in other processes; disks that fill up; commits that fail; then copies of the files
// with bytes flipped, cut or exchanged, each read in full.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import Database from "libsql";
import { Random } from "../../../src/replay/random.ts";
import { readJournal, type Tip } from "../../../src/venue/store/journal.ts";
import { nodeDigest } from "../../../src/venue/store/digest.ts";
import { openSqliteStore, type SqliteOptions } from "../../../src/venue/store/sqliteStore.ts";
import type { Store } from "../../../src/venue/store/store.ts";
import { collect, entries, journalOf } from "./records.ts";
import { threadsOf } from "../threadsOf.ts";

const seed = Number(process.env.SEED ?? 14);
const FLIPS = Number(process.env.FLIPS ?? 500);
const samples = fc.sample(entries, { numRuns: 400, seed });

interface Failure {
  code: string;
  details: { reason?: string; pid?: number; since?: string; sequence?: number };
}
const storage = (reason: string) => (error: Failure) => {
  assert.deepEqual([error.code, error.details.reason], ["STORAGE", reason]);
  return true;
};

/** Appends entries in batches of five, from a tip on. */
async function fill(store: Store, from: number, to: number, start?: Tip): Promise<Tip> {
  let tip = start;
  for (let i = from; i < to; i += 5) {
    const list = samples.slice(i, Math.min(i + 5, to));
    const { records, tip: after } = journalOf(list, { ...(tip && { tip }), epoch: store.epoch, digest: nodeDigest });
    await store.append(records);
    tip = after;
  }
  return tip!;
}

/** All that a store says. */
async function contents(store: Store) {
  const records = await collect(readJournal(store, 0, undefined, nodeDigest));
  const keyed = records.filter(({ entry }) => entry.kind === "item");
  const found = [];
  for (const { checksum } of keyed) found.push(await store.find(checksum));
  const documents = await store.list("");
  const got = [];
  for (const { name } of documents) got.push(await store.get(name));
  return { last: await store.last(), records, found, documents, got, snapshots: await collect(store.snapshots()) };
}

describe(`openSqliteStore on disk (seed ${seed})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-sqlite-"));
  let count = 0;
  let path: string;
  const opened: Store[] = [];
  const open = async (options?: SqliteOptions, at = path) => {
    const store = await openSqliteStore(at, options);
    opened.push(store);
    return store;
  };
  beforeEach(() => {
    path = join(folder, `${count++}`, "deep", "venue.db");
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status === 0;
  after(() => {
    // At once from the tree of files, though the binding still has some of them open.
    if (mounted) spawnSync("umount", ["--lazy", disk]);
    rmSync(folder, { recursive: true });
  });

  describe("has one writer", () => {
    it("refuses a second opening at once, and says who has it", async () => {
      const before = Date.now();
      const store = await open();
      const refused = (error: Failure) => {
        assert.equal(error.code, "LOCKED");
        assert.equal(error.details.pid, process.pid);
        assert.ok(Date.parse(error.details.since!) >= before && Date.parse(error.details.since!) <= Date.now());
        return true;
      };
      for (let i = 0; i < 3; i++) await assert.rejects(open(), refused);
      await store.put({ a: "1" });
      await store.close();
      const again = await open();
      assert.equal(again.epoch, store.epoch + 1);
      assert.equal(await again.get("a"), "1");
    });

    it("is locked by another process until that is killed", async () => {
      const program = `
        import { openSqliteStore } from ${JSON.stringify(join(import.meta.dirname, "../../../src/venue/store/sqliteStore.ts"))};
        const store = await openSqliteStore(${JSON.stringify(path)});
        await store.put({ a: "1" });
        console.log("open");
        setInterval(() => {}, 1e9);`;
      const args = ["--import", "tsx", "--input-type=module", "-e", program];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      await assert.rejects(open(), (error: Failure) => error.code === "LOCKED" && error.details.pid === child.pid);
      child.kill("SIGKILL");
      await once(child, "close");
      const store = await open();
      assert.equal(store.epoch, 2);
      assert.equal(await store.get("a"), "1");
    });

    it("may be read by other processes meanwhile", async () => {
      const store = await open();
      await fill(store, 0, 20);
      const program = `
        const db = new (require("libsql"))(process.argv[1]);
        console.log(db.prepare("SELECT count(*) FROM records").raw().get([])[0]);`;
      const { stdout } = spawnSync(process.execPath, ["-e", program, path], { cwd: import.meta.dirname });
      assert.equal(stdout.toString().trim(), "20");
      await store.put({ a: "1" });
      await assert.rejects(open(), { code: "LOCKED" });
    });

    it("refuses the writes of a writer that lost its lock", async () => {
      const first = await open();
      const tip = await fill(first, 0, 10);
      rmSync(`${path}-lock`);
      const second = await open();
      assert.equal(second.epoch, first.epoch + 1);
      await assert.rejects(fill(first, 10, 15, tip), { code: "FENCED" });
      await assert.rejects(first.put({ a: "1" }), { code: "FENCED" });
      await assert.rejects(first.saveSnapshot({ sequence: 9, bytes: new Uint8Array(1) }, 1), { code: "FENCED" });
      assert.equal(await second.get("a"), undefined);
      await fill(second, 10, 15, tip);
      assert.equal((await contents(second)).records.length, 15);
    });

    it("writes nothing over a state that is not the one it wrote", async () => {
      const store = await open();
      const tip = await fill(store, 0, 10);
      const other = new Database(path);
      const change = (from: string, to: string) =>
        other.prepare("UPDATE meta SET state = replace(state, ?, ?)").run([from, to]);
      change('"epoch":1', '"epoch": 1');
      await assert.rejects(fill(store, 10, 15, tip), { code: "STORAGE", details: { reason: "damaged" } });
      change('"epoch": 1', '"epoch":1');
      other.close();
      await fill(store, 10, 15, tip);
      assert.equal((await contents(store)).records.length, 15);
    });
  });

  describe("is set up as asked", () => {
    it("makes its folder and files for the owner only", async () => {
      const store = await open();
      await store.put({ a: "1" });
      assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
      for (const end of ["", "-wal", "-shm", "-lock", "-mark"])
        assert.equal(statSync(path + end).mode & 0o777, 0o600, end);
    });

    for (const [setting, other] of [
      ["synchronous = FULL", "synchronous = NORMAL"],
      ["journal_mode = WAL", "journal_mode = DELETE"],
    ])
      it(`does not start when SQLite does not take ${setting}`, async () => {
        const restore = replaceExec((exec, sql) => exec(sql.replace(setting, other)));
        try {
          await assert.rejects(open(), storage("settings"));
        } finally {
          restore();
        }
        await open();
      });

    it("keeps the log of SQLite small, with pauses between writes and without", async () => {
      const store = await open({ checkpointPages: 64 });
      const size = () => statSync(`${path}-wal`).size;
      let sequence = 0;
      const append = () => store.append([{ sequence: sequence++, bytes: new Uint8Array(300) }]);
      for (let i = 0; i < 100; i++) {
        await append();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const paused = size();
      assert.ok(paused < 100 * 4_120, `${paused}`);
      for (let i = 0; i < 300; i++) await append();
      assert.ok(size() < 300 * 4_120, `${size()}`);
    });
  });

  it("refuses numbers of pages that are none, and makes nothing then", async () => {
    for (const checkpointPages of [0, -1, 1.5, NaN, Infinity])
      await assert.rejects(open({ checkpointPages }), { code: "OUT_OF_RANGE" });
    assert.ok(!existsSync(path));
  });

  describe("checkpoints in a thread of its own", () => {
    /** A store, and what writes to it until the next checkpoint begins in this thread. */
    async function openWatched(checkpointPages = 64) {
      let size: number | null = null;
      const store = await open({
        checkpointPages,
        checkpointThread: true,
        onWritePoint: (point) => void (point === "checkpoint:before" && (size = statSync(path).size)),
      });
      let sequence = 0;
      const write = () => store.append([{ sequence: sequence++, bytes: new Uint8Array(300).fill(sequence) }]);
      const untilCheckpoint = async (written = () => {}) => {
        const from = sequence;
        for (size = null; size === null;) {
          await write();
          written();
          await new Promise((resolve) => setImmediate(resolve));
        }
        return { size: size as number, writes: sequence - from };
      };
      const check = async (from: Store) => {
        const records = await collect(from.read(0));
        assert.deepEqual(
          records.map((bytes) => bytes[0]),
          records.map((_, i) => (i + 1) % 256),
        );
        assert.equal(records.length, sequence);
      };
      return { store, write, untilCheckpoint, check };
    }

    it("moves pages to the file while writes go on, and the log begins anew", async () => {
      const { store, untilCheckpoint, check } = await openWatched();
      let [grown, total, most] = [0, 0, 0];
      while (grown < 8 || total < 4 * most) {
        const { size: before } = statSync(path);
        const { size, writes } = await untilCheckpoint();
        total += writes;
        most = Math.max(most, writes);
        if (size > before) grown++;
        assert.ok(total < 50_000, "pages are in the file before this thread moves any");
      }
      // A write is three frames or more of 4,120 bytes, and rarely six.
      assert.ok(statSync(`${path}-wal`).size < 6 * 4_120 * most);
      await check(store);
      await store.close();
      assert.equal(statSync(`${path}-wal`).size, 0);
      await check(await open());
    });

    it("moves pages long before this thread moves any", async () => {
      // Some eight each, of 6,400: 25 writes make the first move due.
      const { store, write, untilCheckpoint, check } = await openWatched(6_400);
      const { size } = statSync(path);
      const [helper] = await threadsOf(async () => {
        for (let i = 0; i < 40; i++) await write();
      });
      await Promise.race([once(helper, "message"), once(helper, "exit")]);
      assert.ok(statSync(path).size > size);
      const { writes } = await untilCheckpoint();
      assert.ok(writes > 600, `it moves the rest after ${writes} more`);
      await store.close();
      await check(await open());
    });

    it("writes nothing more when the file cannot be synced, and all is there when it is opened again", async () => {
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof postMessage>) {
        // No file that is open has this number.
        postMessage.apply(this, [args[0].kind === "open" ? { ...args[0], file: 2 ** 30 } : args[0]]);
      };
      const { store, write } = await openWatched();
      let written = 0;
      try {
        await assert.rejects(async () => {
          for (; written < 10_000; written++) {
            await write();
            await new Promise((resolve) => setImmediate(resolve));
          }
        }, storage("io"));
      } finally {
        Worker.prototype.postMessage = postMessage;
      }
      await assert.rejects(store.put({ a: "b" }), storage("io"));
      await store.close();
      const again = await open();
      assert.equal(await again.last(), written - 1);
      assert.equal((await collect(again.read(0))).length, written);
    });

    it("takes no write once it is being closed", async () => {
      const { store, write, untilCheckpoint } = await openWatched();
      await untilCheckpoint();
      const closing = store.close();
      await assert.rejects(write(), storage("closed"));
      await closing;
    });

    it("begins none in this thread until that one has answered", async () => {
      const held: (() => void)[] = [];
      const { postMessage } = Worker.prototype;
      Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof postMessage>) {
        if (args[0].kind === "move") held.push(() => postMessage.apply(this, args));
        else postMessage.apply(this, args);
      };
      const { store, untilCheckpoint, check } = await openWatched();
      let writes = 0;
      let ended = false;
      const checkpoint = untilCheckpoint(() => void writes++).finally(() => (ended = true));
      try {
        while (writes < 200 && !ended) await new Promise((resolve) => setImmediate(resolve));
        assert.deepEqual([held.length, ended], [1, false]);
      } finally {
        Worker.prototype.postMessage = postMessage;
        held.forEach((send) => send());
      }
      await checkpoint;
      await check(store);
    });

    it("goes on in this thread when that one dies", async () => {
      const { store, write, untilCheckpoint, check } = await openWatched(6_400);
      const [helper] = await threadsOf(async () => {
        for (let i = 0; i < 40; i++) await write();
      });
      await helper.terminate();
      // Eight pages each, of 2,048: less at once than when that one helps.
      for (let i = 0; i < 4; i++) assert.ok((await untilCheckpoint()).writes <= 256);
      await store.close();
      await check(await open());
    });

    it("keeps other programs out as before, though it syncs the file itself", async () => {
      const { store, untilCheckpoint } = await openWatched();
      await untilCheckpoint();
      // A program that took itself for the last one would remove the log when it closes the file.
      const script = `const db = new (require("libsql"))(process.argv[1]); db.exec("SELECT state FROM meta"); db.close();`;
      const { status } = spawnSync(process.execPath, ["-e", script, path], {
        env: { ...process.env, NODE_OPTIONS: "" },
      });
      assert.equal(status, 0);
      assert.ok(existsSync(`${path}-wal`));
      await store.close();
    });
  });

  describe("says when it cannot write", () => {
    it("a file that may not grow counts as a full disk, and nothing of the write is there", async () => {
      const store = await open({ maxPages: 40 });
      let sequence = 0;
      const batch = () =>
        [0, 1, 2].map((i) => ({ sequence: sequence + i, bytes: new Uint8Array(3_000).fill(sequence + i) }));
      const append = async () => {
        for (; ; sequence += 3) await store.append(batch());
      };
      await assert.rejects(append(), storage("full"));
      assert.ok(sequence > 10);
      assert.equal(await store.last(), sequence - 1);
      assert.equal((await collect(store.read(0))).length, sequence);
      await assert.rejects(store.put({ a: "x".repeat(50_000) }), storage("full"));
      await assert.rejects(store.saveSnapshot({ sequence: 0, bytes: new Uint8Array(50_000) }, 1), storage("full"));
      await store.close();
      const again = await open();
      assert.equal(await again.last(), sequence - 1);
      assert.deepEqual([await again.get("a"), await collect(again.snapshots())], [undefined, []]);
      await again.append(batch());
      assert.equal(await again.last(), sequence + 2);
    });

    // Mounting takes rights that not every machine gives; the test above stands in for it there.
    if (mounted)
      it("a disk that is full, and has room again later", async () => {
        const at = join(disk, "venue.db");
        const ballast = join(disk, "ballast");
        writeFileSync(ballast, new Uint8Array(300_000));
        let store = await open({}, at);
        let sequence = 0;
        const batch = (size: number) =>
          [0, 1].map((i) => ({ sequence: sequence + i, bytes: new Uint8Array(size).fill(sequence + i) }));
        for (const size of [900, 9_000, 100]) {
          const append = async () => {
            for (; ; sequence += 2) await store.append(batch(size));
          };
          await assert.rejects(append(), storage("full"));
          assert.equal(await store.last(), sequence - 1);
        }
        await assert.rejects(store.put({ a: "x".repeat(40_000) }), storage("full"));
        rmSync(ballast);
        await store.append(batch(900));
        sequence += 2;
        for (let i = 0; i < 2; i++) {
          assert.equal(await store.last(), sequence - 1);
          const records = await collect(store.read(0));
          assert.deepEqual(
            records.map(([byte]) => byte),
            records.map((_, n) => n % 256),
          );
          assert.equal(records.length, sequence);
          await store.close();
          store = await open({}, at);
        }
      });

    for (const committed of [true, false])
      it(`writes nothing more after a commit of which nobody knows the outcome: ${committed ? "done" : "not done"}`, async () => {
        const store = await open();
        const tip = await fill(store, 0, 10);
        const restore = replaceExec((exec, sql) => {
          if (sql !== "COMMIT") return exec(sql);
          if (committed) exec(sql);
          throw new Database.SqliteError("disk I/O error", "SQLITE_IOERR_FSYNC", 1034);
        });
        try {
          await assert.rejects(fill(store, 10, 15, tip), storage("unknown"));
        } finally {
          restore();
        }
        await assert.rejects(fill(store, 10, 15, tip), storage("unknown"));
        await assert.rejects(store.put({ a: "1" }), storage("unknown"));
        await assert.rejects(store.saveSnapshot({ sequence: 1, bytes: new Uint8Array(1) }, 1), storage("unknown"));
        assert.equal(await store.get("a"), undefined, "reading goes on");
        await store.close();
        const again = await open();
        assert.equal(await again.last(), committed ? 14 : 9);
        if (!committed) await fill(again, 10, 15, tip);
        assert.equal((await contents(again)).records.length, 15);
      });

    it("a file that is no store, which it leaves as it is", async () => {
      mkdirSync(join(path, ".."), { recursive: true });
      const other = new Database(path);
      other.exec("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
      other.close();
      const bytes = readFileSync(path);
      await assert.rejects(open(), storage("foreign"));
      assert.deepEqual(readFileSync(path), bytes);
      const text = join(path, "..", "text");
      writeFileSync(text, "not a database, but long enough to be looked at as if it were one. ".repeat(40));
      await assert.rejects(open({}, text), storage("foreign"));
      await assert.rejects(open({}, join(path, "..")), storage("io"));
      const later = join(path, "..", "later");
      await (await open({}, later)).close();
      change(later, "PRAGMA user_version = 99");
      await assert.rejects(open({}, later), storage("foreign"));
    });
  });

  describe("gives back what it was given or an error", () => {
    let original: string;
    let crashed: string;
    let whole: Awaited<ReturnType<typeof contents>>;
    before(async () => {
      // The files of a store that was closed, and of one that was killed: with the log of SQLite, which holds the later half.
      path = join(folder, "whole", "venue.db");
      const store = await open();
      for (let n = 0; n < 60; n++) await store.put({ [`document/${n}`]: `text of ${n} `.repeat(n) });
      for (const sequence of [3, 60, 119])
        await store.saveSnapshot({ sequence, bytes: new Uint8Array(9_000).fill(sequence) }, 3);
      const tip = await fill(store, 0, 60);
      await store.close();
      const again = await open();
      await fill(again, 60, 120, tip);
      await again.put({ "document/7": "another" });
      await again.saveSnapshot({ sequence: 119, bytes: new Uint8Array(9_000).fill(1) }, 3);
      whole = await contents(again);
      crashed = join(folder, "crashed");
      cpSync(join(path, ".."), crashed, { recursive: true });
      rmSync(join(crashed, "venue.db-shm"));
      await again.close();
      original = join(folder, "original");
      cpSync(join(path, ".."), original, { recursive: true });
    });

    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    let trials = 0;

    /** Opens copies of files that were damaged, and reads all. @returns whether the damage was noticed */
    async function noticed(source: string, damage: (file: string) => void): Promise<boolean> {
      const copy = join(folder, `copy${trials}`);
      cpSync(source, copy, { recursive: true });
      damage(join(copy, "venue.db"));
      // The binding lets go of files when its objects are collected.
      if (++trials % 50 === 0) collectGarbage();
      let store: Store | undefined;
      try {
        store = await openSqliteStore(join(copy, "venue.db"));
        const { snapshots, ...found } = await contents(store);
        const { snapshots: kept, ...rest } = whole;
        assert.deepEqual(found, rest);
        for (const snapshot of snapshots)
          assert.ok(
            kept.some((it) => it.sequence === snapshot.sequence && Buffer.from(it.bytes).equals(snapshot.bytes)),
          );
        return snapshots.length < kept.length;
      } catch (error) {
        if (["STORAGE", "JOURNAL_DAMAGED"].includes((error as Failure).code)) return true;
        throw error;
      } finally {
        await store?.close();
        rmSync(copy, { recursive: true });
      }
    }

    function flip(file: string, random: Random): void {
      const bytes = readFileSync(file);
      bytes[random.integer(0, bytes.length - 1)] ^= 1 << random.integer(0, 7);
      writeFileSync(file, bytes);
    }

    it("of files that nothing happened to", async () => {
      assert.equal(await noticed(original, () => {}), false);
      assert.equal(await noticed(crashed, () => {}), false);
      assert.ok(statSync(join(crashed, "venue.db-wal")).size > 100_000);
    });

    for (const end of ["", "-wal"])
      it(`of venue.db${end} with one of its bits flipped, at ${FLIPS} places`, async () => {
        const random = new Random(seed);
        let count = 0;
        for (let i = 0; i < FLIPS; i++)
          count += Number(await noticed(end ? crashed : original, (file) => flip(file + end, random)));
        assert.ok(count > FLIPS / 4, `${count} of ${FLIPS} made a difference`);
      });

    it("of a log of SQLite that is cut, emptied or gone", async () => {
      const random = new Random(seed);
      const { size } = statSync(join(crashed, "venue.db-wal"));
      for (let i = 0; i < 60; i++)
        assert.ok(await noticed(crashed, (file) => truncateSync(`${file}-wal`, random.integer(0, size / 2))), "cut");
      for (let i = 0; i < 60; i++)
        await noticed(crashed, (file) => truncateSync(`${file}-wal`, random.integer(0, size - 1)));
      assert.ok(await noticed(crashed, (file) => rmSync(`${file}-wal`)), "gone");
      assert.ok(await noticed(crashed, (file) => writeFileSync(`${file}-wal`, new Uint8Array(size))), "zeros");
    });

    it("of a file that is cut, and of an older one in its place", async () => {
      const { size } = statSync(join(original, "venue.db"));
      const random = new Random(seed);
      for (let i = 0; i < 60; i++)
        assert.ok(await noticed(original, (file) => truncateSync(file, random.integer(0, size - 4_096))), "cut");
      const older = join(crashed, "venue.db");
      assert.ok(await noticed(original, (file) => writeFileSync(file, readFileSync(older))), "older");
      assert.ok(await noticed(original, (file) => rmSync(file)), "gone");
      assert.ok(await noticed(original, (file) => flip(`${file}-mark`, random)), "mark");
    });

    it("of rows that were changed: records, snapshots, documents", async () => {
      const at = join(folder, "changed", "venue.db");
      const reopen = async (sql: string) => {
        rmSync(join(at, ".."), { recursive: true, force: true });
        cpSync(original, join(at, ".."), { recursive: true });
        change(at, sql);
        return open({ check: "quick" }, at);
      };
      const gap = (sequence: number) => (error: Failure) =>
        error.code === "JOURNAL_DAMAGED" && error.details.sequence === sequence;
      for (const sequence of [0, 17, 118]) {
        const store = await reopen(`DELETE FROM records WHERE sequence = ${sequence}`);
        await assert.rejects(store.last(), gap(sequence));
        await assert.rejects(collect(store.read(0)), gap(sequence));
        await store.close();
      }
      let store = await reopen("UPDATE records SET bytes = CAST('x' || bytes AS BLOB) WHERE sequence = 5");
      await assert.rejects(contents(store), gap(5));
      await store.close();
      store = await reopen("UPDATE snapshots SET bytes = zeroblob(9000) WHERE sequence = 119");
      assert.deepEqual(
        (await collect(store.snapshots())).map(({ sequence }) => sequence),
        [60, 3],
      );
      await store.close();
      store = await reopen("UPDATE documents SET text = CAST('other' AS BLOB) WHERE name = 'document/9'");
      assert.equal(await store.get("document/7"), "another");
      await assert.rejects(store.get("document/9"), storage("damaged"));
      await assert.rejects(store.list("document/"), storage("damaged"));
      await store.close();
      await assert.rejects(open({}, at), storage("damaged"));
    });
  });

  describe("is copied while it is in use", () => {
    it("to a store of its own", async () => {
      const store = await open();
      const tip = await fill(store, 0, 100);
      await store.put({ a: "1" });
      await store.saveSnapshot({ sequence: 99, bytes: new Uint8Array(50) }, 1);
      const copy = join(folder, "it's a copy.db");
      const done = store.backup(copy);
      await fill(store, 100, 200, tip);
      await done;
      assert.equal(statSync(copy).mode & 0o777, 0o600);
      await fill(store, 200, 205, await tipOf(store));
      const other = await open({}, copy);
      const found = await contents(other);
      const all = await contents(store);
      assert.ok(found.records.length >= 100 && found.records.length <= 200);
      assert.deepEqual(found.records, all.records.slice(0, found.records.length));
      assert.deepEqual([found.documents, found.snapshots], [all.documents, all.snapshots]);
      assert.equal(other.epoch, store.epoch + 1);
      await other.put({ a: "2" });
      assert.equal(await store.get("a"), "1");
    });

    it("but never over a file, and a copy that fails leaves none", async () => {
      const store = await open();
      const copy = join(path, "..", "copy.db");
      writeFileSync(copy, "mine");
      await assert.rejects(store.backup(copy), storage("exists"));
      await assert.rejects(store.backup(path), storage("exists"));
      assert.equal(readFileSync(copy, "utf8"), "mine");
      await assert.rejects(store.backup(join(folder, "no", "such", "folder")), storage("io"));
      const { prototype } = (await import("libsql/promise")).default as unknown as { prototype: { exec: unknown } };
      const exec = prototype.exec;
      prototype.exec = async () => {
        throw new Database.SqliteError("database or disk is full", "SQLITE_FULL", 13);
      };
      try {
        await assert.rejects(store.backup(`${copy}2`), storage("full"));
      } finally {
        prototype.exec = exec;
      }
      assert.equal(existsSync(`${copy}2`), false);
      await store.put({ a: "1" });
    });
  });

  async function tipOf(store: Store): Promise<Tip> {
    const last = (await collect(readJournal(store, await store.last(), null, nodeDigest)))[0];
    return { ...last, previous: last.checksum };
  }
});

function change(path: string, sql: string): void {
  const db = new Database(path);
  db.exec(sql);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

/** Lets what SQLite is told to execute go through a function. @returns what ends it */
function replaceExec(through: (exec: (sql: string) => Database.Database, sql: string) => unknown): () => void {
  const { prototype } = Database;
  const { exec } = prototype;
  prototype.exec = function (this: Database.Database, sql: string) {
    through((text) => exec.call(this, text), sql);
    return this;
  };
  return () => (prototype.exec = exec);
}
