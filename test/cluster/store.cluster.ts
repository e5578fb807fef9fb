// Goal: what a store in PostgreSQL acknowledges is on two disks, and nobody writes to it but who leads.
// Method: a primary and two standbys of which one must follow; servers that are stopped, killed and set up anew meanwhile.
import assert from "node:assert/strict";
import type { TacitError } from "../../src/protocol/errors.ts";
import {
  openPostgresStandby,
  openPostgresStore,
  type PostgresOptions,
} from "../../src/venue/store/postgres/postgresStore.ts";
import type { Store, StoredRecord } from "../../src/venue/store/store.ts";
import { collect } from "../venue/store/records.ts";
import { Server } from "./postgres.ts";

const ANY_1 = "ANY 1 (s1, s2)";
const record = (sequence: number): StoredRecord => ({ sequence, bytes: new Uint8Array([sequence, 7]), key: new Uint8Array([sequence]) }); // prettier-ignore
const sequences = async (store: Store) => (await collect(store.read(0))).map(([sequence]) => sequence);
const STORAGE = (reason: string) => ({ code: "STORAGE", reason });
const rejects = (promise: Promise<unknown>, { code, reason }: { code: string; reason?: string }) =>
  assert.rejects(promise, (error: { code: string; details: { reason?: string } }) => {
    assert.equal(error.code, code, String(error));
    if (reason !== undefined) assert.equal(error.details.reason, reason, String(error));
    return true;
  });

describe("openPostgresStore on a primary and two standbys", () => {
  const primary = new Server("p1");
  const standbys = [new Server("s1"), new Server("s2")];
  let url: string;
  const opened: Store[] = [];
  const open = async (options: PostgresOptions = {}, at = url) => {
    const store = await openPostgresStore(at, { lease: 1, patience: 2_000, ...options });
    opened.push(store);
    return store;
  };
  const settle = async (setting: string, value: string) => {
    // A session that itself waits for no standby.
    await primary.query(`SET synchronous_commit = local; `);
    await primary.query(`ALTER SYSTEM SET ${setting} = '${value}'`);
    await primary.query("SELECT pg_reload_conf()");
  };
  const following = async (count: number) => {
    for (;;) {
      const rows = await primary.query("SELECT FROM pg_stat_replication WHERE state = 'streaming'");
      if (rows.length === count) return;
    }
  };
  /** What waits for standbys. */
  const waiting = async () => {
    for (;;) {
      const rows = await primary.query("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
      if (rows.length > 0) return rows.map(({ pid }) => Number(pid));
    }
  };
  const still = () => standbys.forEach((it) => it.signal("SIGSTOP"));
  const goOn = () => standbys.forEach((it) => it.signal("SIGCONT"));

  before(async () => {
    await primary.start({ settings: ["max_wal_senders = 10", "wal_keep_size = 64MB"] });
    for (const standby of standbys) await standby.start({ of: primary });
    await following(2);
    await settle("synchronous_standby_names", ANY_1);
  });
  beforeEach(async () => {
    url = await primary.schema();
  });
  afterEach(async () => {
    goOn();
    await settle("synchronous_standby_names", ANY_1);
    await Promise.all(opened.splice(0).map((store) => store.close().catch(() => {})));
  });
  after(async () => {
    for (const server of [...standbys, primary]) await server.destroy();
  });

  describe("what it asks of the server", () => {
    it("refuses one that waits for no standby, or fewer than are wanted", async () => {
      await settle("synchronous_standby_names", "");
      await rejects(open(), STORAGE("settings"));
      await settle("synchronous_standby_names", ANY_1);
      await rejects(open({ copies: { standbys: 2 } }), STORAGE("settings"));
      await settle("synchronous_standby_names", "");
      await open({ copies: "oneDisk" });
    });

    it("refuses a role that commits without waiting, or cannot see standbys", async () => {
      await primary.query("CREATE ROLE venue LOGIN");
      await primary.query("GRANT CREATE ON DATABASE postgres TO venue");
      const as = url.replace("postgres@", "venue@");
      await rejects(open({}, as), STORAGE("settings"));
      await primary.query("GRANT pg_read_all_stats TO venue");
      await primary.query("ALTER ROLE venue SET synchronous_commit = off");
      await rejects(open({}, as), STORAGE("settings"));
      await rejects(open({ copies: "oneDisk" }, as), STORAGE("denied"));
    });

    it("refuses tables of something else, and a newer format", async () => {
      const schema = /search_path%3D(\w+)/.exec(url)![1];
      await primary.query(`CREATE TABLE ${schema}.others (x int)`);
      await rejects(open(), STORAGE("foreign"));
      await primary.query(`DROP TABLE ${schema}.others`);
      await (await open()).close();
      await primary.query(`UPDATE ${schema}.lease SET format = 99`);
      await rejects(open(), STORAGE("foreign"));
    });

    it("says what keeps a server from being used", async () => {
      const at = `postgres://postgres@127.0.0.1:${primary.port}`;
      for (const [place, said] of [
        [`${at}/nowhere?sslmode=disable`, /there is no such database, 3D000/],
        [`${at.replace("postgres@", "nobody@")}/postgres?sslmode=disable`, /does not let this role in, 28/],
        [`${at}/postgres?sslmode=verify-full`, /it offers no TLS/],
      ] as const)
        await assert.rejects(
          open({}, place),
          (error: TacitError) => error.code === "STORAGE" && said.test(error.message),
        );
      await assert.rejects(open({}, `${at}/postgres?sslmode=secret`), {
        code: "OUT_OF_RANGE",
        message: /sslmode one of/,
      });
    });

    it("finds the server that takes writes among several, and says what each of them said", async () => {
      const at = (ports: number[]) => url.replace(/127\.0\.0\.1:\d+/, ports.map((port) => `127.0.0.1:${port}`).join(","));
      await open({}, at([standbys[0].port, 1, primary.port]));
      await assert.rejects(open({}, at([standbys[0].port, 1])), { code: "STORAGE", message: /: standby, .*:1: ECONNREFUSED/ });
      await rejects(open({}, "postgres://me:secret@127.0.0.1:5432/x"), { code: "OUT_OF_RANGE" });
    }); // prettier-ignore
  });

  describe("what it acknowledges", () => {
    it("is on the disk of a standby", async () => {
      const store = await open({ patience: 60_000 });
      await store.append([record(0)]);
      still();
      let done = false;
      const writing = store.append([record(1)]).then(() => (done = true));
      await waiting();
      assert.equal(done, false);
      goOn();
      await writing;
      assert.deepEqual(await sequences(store), [0, 1]);
    });

    it("is not what a server returned whose list of standbys was emptied meanwhile", async () => {
      const store = await open();
      still();
      const writing = store.append([record(0)]);
      const refused = rejects(writing, STORAGE("unknown"));
      await waiting();
      await settle("synchronous_standby_names", "");
      await refused;
      await rejects(store.append([record(0)]), STORAGE("unknown"));
    });

    for (const [what, act] of [
      ["cancelled", "pg_cancel_backend"],
      ["ended", "pg_terminate_backend"],
    ])
      it(`is not a commit whose wait was ${what}: nobody knows, and nothing is written any more`, async () => {
        const store = await open();
        still();
        const refused = rejects(store.append([record(0)]), STORAGE("unknown"));
        const [pid] = await waiting();
        await primary.query(`SELECT ${act}(${pid})`);
        await refused;
        goOn();
        await rejects(store.append([record(0)]), STORAGE("unknown"));
        await rejects(store.put({ a: "b" }), STORAGE("unknown"));
        await store.close();
        // Who opens it next knows: it is there, and on two disks by now.
        const next = await open();
        assert.deepEqual(await sequences(next), [0]);
      });

    it("is not what a primary shows that was killed while it waited: whoever opens it waits for standbys first", async () => {
      const store = await open();
      await store.append([record(0)]);
      still();
      const refused = rejects(store.append([record(1)]), STORAGE("unknown"));
      await waiting();
      await primary.stop("SIGKILL");
      await refused;
      await store.close();
      await primary.start();
      await primary.query("SELECT pg_sleep(1)");
      let isOpen = false;
      const opening = open({ patience: 60_000 }).then((it) => ((isOpen = true), it));
      await waiting();
      assert.equal(isOpen, false);
      goOn();
      const next = await opening;
      assert.deepEqual(await sequences(next), [0, 1]);
    });
  });

  describe("who leads", () => {
    it("has it alone, as long as it renews the lease, also while commits wait for longer than that", async () => {
      const store = await open({ patience: 60_000 });
      await rejects(open(), { code: "LOCKED" });
      still();
      const writing = store.append([record(0)]);
      await waiting();
      await primary.query("SELECT pg_sleep(2)");
      await rejects(open(), { code: "LOCKED" });
      goOn();
      await writing;
    });

    it("gives it back when it closes", async () => {
      const store = await open({ lease: 3_600 });
      await store.append([record(0)]);
      await store.close();
      const next = await open();
      assert.equal(next.epoch, store.epoch + 1);
      assert.deepEqual(await sequences(next), [0]);
    });

    it("is fenced once another has taken over: no record, document or snapshot of it is written", async () => {
      const store = await open();
      await store.append([record(0)]);
      const schema = /search_path%3D(\w+)/.exec(url)![1];
      const epoch = store.epoch + 1;
      await primary.query(`UPDATE ${schema}.lease SET epoch = ${epoch}`);
      await rejects(store.put({ a: "b" }), { code: "FENCED" });
      await primary.query(`UPDATE ${schema}.lease SET epoch = ${store.epoch}`);
      await rejects(store.append([record(1)]), { code: "FENCED" });
      await rejects(store.saveSnapshot({ sequence: 0, bytes: new Uint8Array(5) }, 1), { code: "FENCED" });
      assert.deepEqual(await primary.query(`SELECT FROM ${schema}.documents`), []);
    });

    it("is ended by who takes over, with the commit for which it waits", async () => {
      const store = await open({ patience: 60_000 });
      await store.append([record(0)]);
      const schema = /search_path%3D(\w+)/.exec(url)![1];
      still();
      const refused = rejects(store.append([record(1)]), STORAGE("unknown"));
      await waiting();
      // As if it had fallen silent.
      await primary.query(`SET synchronous_commit = off; UPDATE ${schema}.renewal SET until = '-infinity', epoch = -1`);
      const taking = open({ patience: 60_000 });
      await refused;
      goOn();
      const next = await taking;
      // Of the last one nobody knew: it became visible, and is on two disks by now.
      assert.deepEqual(await sequences(next), [0, 1]);
      await next.append([record(2)]);
      await rejects(store.append([record(2)]), STORAGE("unknown"));
    });

    it("is not who cannot write what it holds: it gives the lease back, and writes it when it takes it again", async () => {
      const store = await open();
      const standby = await openPostgresStandby(url, { lease: 1 });
      opened.push(standby);
      await standby.put({ a: "b" });
      await store.close();
      const schema = /search_path%3D(\w+)/.exec(url)![1];
      await primary.query(`ALTER TABLE ${schema}.documents ADD CONSTRAINT full_disk CHECK (name <> 'a')`);
      await rejects(standby.takeOver(), STORAGE("io"));
      await rejects(standby.takeOver(), STORAGE("io"));
      await (await open()).close();
      await primary.query(`ALTER TABLE ${schema}.documents DROP CONSTRAINT full_disk`);
      assert.equal(await standby.takeOver(), true);
      assert.equal(await standby.get("a"), "b");
      assert.equal(standby.epoch, store.epoch + 4);
    });

    it("is one of two who find the lease run out at once", async () => {
      const both = await Promise.allSettled([open(), open(), open()]);
      const [won] = both.filter(({ status }) => status === "fulfilled");
      assert.ok(won);
      for (const one of both)
        if (one.status === "rejected") assert.equal((one.reason as { code: string }).code, "LOCKED");
      assert.equal(both.filter(({ status }) => status === "fulfilled").length, 1);
    });
  });
});
