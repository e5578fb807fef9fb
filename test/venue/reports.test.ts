// Goal: what is told of deposits and auctions is written once, all of an account together, and by who asks before it is read.
// Method: deposits of several accounts at several places, in a store that tells each transaction.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import { Reports } from "../../src/venue/reports.ts";
import type { Store } from "../../src/venue/store/store.ts";
import { gate, genesis, START, traders, turns } from "./fixture.ts";

const ACCOUNTS = 10;
const PLACES = 8;

/** Reports of deposits to accounts 2 to 11, all of them at each of eight places. */
function reported() {
  const profile = { ...PROFILES[genesis.profile], deposit: ACCOUNTS };
  const matcher = new Matcher({ ...genesis, profile }, { view: (_, index) => BigInt(index) });
  const base = memoryStore();
  const puts: string[][] = [];
  const it = { fails: null as Error | null, gate: Promise.resolve() };
  const store: Store = {
    ...base,
    async put(documents) {
      if (it.fails) throw it.fails;
      puts.push(Object.keys(documents));
      await it.gate;
      await base.put(documents);
    },
  };
  const reports = new Reports({ terms: genesis, logCount: 0 }, store);
  const deposits = traders(ACCOUNTS).map(({ deposit }) => deposit);
  let n = 0;
  const add = () => {
    const [event] = matcher.apply({ kind: "deposits", time: START + BigInt(n), deposits });
    reports.add(event, n++);
  };
  for (let i = 0; i < PLACES; i++) add();
  /** An auction in which nothing trades. */
  const close = (slot: number) => {
    for (const event of matcher.apply({ kind: "close", time: START + 10n * BigInt(++n), slot })) reports.add(event, n);
  };
  return { reports, puts, base, it, add, close, count: () => n * ACCOUNTS };
}

const accountOf = (name: string) => Number(name.split("/")[1]);
const written = async (store: Store) => (await store.list("history/")).length;

describe("reports", () => {
  it("are written in pieces, each with all of its accounts, those first that have waited longest", async () => {
    const { reports, puts, base } = reported();
    const failed = new Promise<never>((_, reject) => reports.writeSoon(reject));
    while (puts.length < ACCOUNTS / 2) await Promise.race([turns(1), failed]);
    reports.stop();
    const accounts = puts.map((names) => [...new Set(names.map(accountOf))]);
    assert.deepEqual(
      accounts,
      Array.from({ length: ACCOUNTS / 2 }, (_, i) => [2 + 2 * i, 3 + 2 * i]),
    );
    for (const names of puts) assert.equal(names.length, 2 * PLACES);
    assert.equal(await written(base), ACCOUNTS * PLACES);
  });

  it("of one account are written for who asks for it, and no others", async () => {
    const { reports, puts } = reported();
    const told = await reports.history(4, { after: -1, limit: 100 });
    assert.deepEqual(
      told.map(({ account, n }) => [account, n]),
      Array.from({ length: PLACES }, (_, n) => [4, n]),
    );
    assert.deepEqual(
      puts.map((names) => names.map(accountOf)),
      [Array(PLACES).fill(4)],
    );
    await reports.auctions({ limit: 1 });
    assert.equal(puts.length, 1, "there are none of auctions");
    await reports.flush();
    assert.equal(puts.flat().length, new Set(puts.flat()).size, "none is written twice");
  });

  it("that were there are written in pieces, and none that come meanwhile keep who waits", async () => {
    const { reports, puts, base, it, add, count } = reported();
    const done = reports.flushGently().then(() => true);
    let waits = true;
    void done.then(() => (waits = false));
    for (let i = 0; waits; i++) {
      assert.ok(i < 1_000, "it waits for what came later");
      add();
      await turns(1);
    }
    const there = (await base.list("history/")).filter(({ name }) => Number(name.split("/")[2]) < PLACES);
    assert.equal(there.length, ACCOUNTS * PLACES);
    assert.ok(puts.length > 1 && puts[0].length === 2 * PLACES, "in pieces");
    const { pass, passed } = gate();
    it.gate = passed;
    const flushed = reports.flush();
    await turns(1);
    add();
    pass();
    await flushed;
    await reports.flush();
    assert.equal(puts.flat().length, new Set(puts.flat()).size, "none is written twice");
    assert.equal(await written(base), count(), "none is lost");
  });

  it("of all who ask at one time are written together", async () => {
    const { reports, puts } = reported();
    const accounts = Array.from({ length: ACCOUNTS - 1 }, (_, i) => 2 + i);
    const told = await Promise.all(accounts.map((account) => reports.history(account, { after: -1, limit: 100 })));
    for (const entries of told) assert.equal(entries.length, PLACES);
    assert.ok(puts.length <= 2, `${puts.length} transactions`);
    assert.equal(puts.flat().length, told.length * PLACES);
  });

  it("of auctions are written for who asks for a market, or for all", async () => {
    const { reports, puts, close } = reported();
    close(0);
    close(1);
    const [first, second] = genesis.rules.markets.slice(0, 2).map((row) => row!.id);
    assert.deepEqual((await reports.auctions({ market: second, limit: 10 })).length, 1);
    assert.deepEqual(puts, [[`auctionOf/${second}/${String(PLACES + 2).padStart(12, "0")}`]]);
    assert.equal((await reports.auctions({ limit: 10 })).length, 2);
    assert.equal((await reports.auctions({ market: first, limit: 10 })).length, 1);
  });

  it("that could not be written are written the next time", async () => {
    const { reports, base, it } = reported();
    it.fails = new Error("full");
    await assert.rejects(reports.flush(), /full/);
    await assert.rejects(reports.flushGently(), /full/);
    it.fails = null;
    await reports.flush();
    assert.equal(await written(base), ACCOUNTS * PLACES);
  });
});
