// Goal: a replay turns messages into the flow that they mean, and writes all that an outsider needs to recheck it.
// Method: a file of 40 lines written by the test, replayed without proofs; its JSON is checked for shape, and rechecked
// from its own words alone: price, fills, cash, the chain of states.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LobsterMessage } from "../../src/replay/lobster.ts";
import { readLobster } from "../../src/replay/lobster.ts";
import { flowOf } from "../../src/replay/flow.ts";
import { replayMessages, type ReplayOptions } from "../../src/cli/replay.ts";
import { recheck } from "../../src/replay/recheck.ts";
import type { RecordJson, RoundJson } from "../../src/replay/record.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { Matcher } from "../../src/matcher/matcher.ts";
import { decodeItem } from "../../src/protocol/item.ts";
import { SIDE, VERDICTS } from "../../src/protocol/parameters.ts";

/** Half a minute: a book of 16, then executions, cancels and partial cancels, orders from before, a halt. */
function lines(): string[] {
  const rows: string[] = [];
  for (let i = 0; i < 16; i++)
    rows.push(
      `${34_200 + i / 4},1,${100 + i},${10 + i},${1_000_000 + (i % 2 ? 100 : -100) * (i >> 1)},${i % 2 ? -1 : 1}`,
    );
  rows.push("34205,7,0,0,-1,-1", "34206,5,0,10,1000000,1", "34207.5,3,99,10,1000000,1", "34207.6,2,99,10,1000000,1");
  rows.push(
    "34208,4,100,4,1000000,1",
    "34208.1,4,102,12,999900,1",
    "34209,2,104,5,999800,1",
    "34209,3,105,15,1000200,-1",
  );
  for (let i = 0; i < 12; i++)
    rows.push(`${34_211 + i},1,${200 + i},7,${1_000_000 + (i % 3) * 100 * (i % 2 ? -1 : 1)},${i % 2 ? -1 : 1}`);
  rows.push("34224,4,98,3,1000100,-1", "34225,2,104,4,999800,1", "34226,2,104,5,999800,1", "34227,3,103,13,1000100,-1");
  return rows;
}

const DEMO: ReplayOptions = { every: 10, accounts: 5, profile: "demo", seed: 1 };

describe("replay", () => {
  let folder: string;
  let messages: LobsterMessage[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "tacit-"));
    const path = join(folder, "flow.csv");
    await writeFile(path, lines().join("\n"));
    messages = [];
    for await (const message of readLobster(path)) messages.push(message);
    assert.equal(messages.length, 40);
  });
  after(() => rm(folder, { recursive: true }));

  const flow = (signed = false, makers = 0) =>
    flowOf(messages, { profile: PROFILES.standard, accounts: 5, every: 10, seed: 1, signed, makers });

  it("begins with an index of many prices, on the tick of such prices", () => {
    const of = (...prices: [price: bigint, times: number][]) => {
      const orders = prices.flatMap(([price, times]) => Array<bigint>(times).fill(price));
      const made = orders.map((price, i) => ({ line: i + 1, seconds: 34_200, type: "order", id: i, size: 1n, price, side: SIDE.buy }) as const); // prettier-ignore
      const { genesis, commands } = flowOf(made, { profile: PROFILES.demo, accounts: 5, every: 10, seed: 1, signed: false }); // prettier-ignore
      const { tick } = genesis.rules.markets[0]!;
      const first = [...commands].find(({ kind }) => kind === "reprice")!;
      assert.ok(first.kind === "reprice");
      return { indexes: first.quorum.map(({ report }) => report.index), tick };
    };
    const begins = (prices: [price: bigint, times: number][], index: bigint, tick: bigint) => {
      const found = of(...prices);
      assert.equal(found.tick, tick);
      // Feeds differ by 20 millionths at most.
      for (const it of found.indexes)
        assert.ok(it >= index - index / 50_000n && it <= index + index / 50_000n, `${it}`);
    };
    begins([[1_999_999_900n, 1], [1_000_050n, 4]], 1_000_000n, 100n); // prettier-ignore
    begins([[1n, 3], [1_000_000n, 98], [5_000_000n, 99]], 1_000_000n, 100n); // prettier-ignore
    begins([[5_512n, 3]], 5_512n, 1n);
    begins([[9_999n, 1]], 9_999n, 1n);
    begins([[10_000n, 1]], 10_000n, 100n);
  });

  it("has feeds report what its executions came to, each epoch before all else of its second", () => {
    const minutes = [0, 10, 70, 80, 90, 200].map((after, i): LobsterMessage => {
      const type = i === 0 ? "order" : "execution";
      return { line: i + 1, seconds: 34_203 + after, type, id: i, size: 1n, price: 1_000_000n + 1_000n * BigInt(i), side: SIDE.buy }; // prettier-ignore
    });
    const of = (signed: boolean) => flowOf(minutes, { profile: PROFILES.demo, accounts: 5, every: 5, seed: 1, signed });
    const { genesis, options, commands } = of(true);
    const matcher = new Matcher(genesis, options);
    const told: [second: number, epoch: number, index: number, mark: number][] = [];
    let before = 0n;
    for (const command of commands) {
      if (command.kind === "reprice") {
        assert.ok(command.time > before, "first of its second");
        assert.equal(command.checked, undefined);
        const [event] = matcher.apply(command);
        assert.ok(event.kind === "reprice" && event.after.halted === false);
        const { index, last } = event.after;
        told.push([Number(command.time % 3_600n), Number(command.epoch % 60n), Number(index), Number(last[0])]);
      } else {
        if (command.kind !== "deposits") assert.ok(matcher.isFresh(command.time), "prices of its epoch");
        matcher.apply(command);
      }
      before = command.time;
    }
    // In thousands. 9:30:03 is of epoch 29 of the hour, as epoch 30 has just ended; before the first trade, the median of the file.
    const near = told.map(([second, epoch, ...prices]) => [second, epoch, ...prices.map((it) => Math.round(it / 1_000))]); // prettier-ignore
    assert.deepEqual(near, [
      [1_803, 29, 1_003, 1_003],
      [1_805, 30, 1_003, 1_003],
      [1_865, 31, 1_001, 1_001],
      [1_925, 32, 1_003, 1_004],
      // Without a trade all stays as it was.
      [1_985, 33, 1_003, 1_004],
    ]);
    // The same numbers where nobody signs.
    const reports = (signed: boolean) =>
      [...of(signed).commands].flatMap((it) => (it.kind === "reprice" ? it.quorum.map(({ feed, report }) => ({ feed, report })) : [])); // prettier-ignore
    assert.deepEqual(reports(false), reports(true));
  });

  it("sends what the messages mean", () => {
    const { commands, counts } = flow();
    const all = [...commands];
    assert.deepEqual(counts, {
      messages: 40,
      skipped: 2,
      unknown: 2,
      items: { order: 28, partialCancel: 3, cancel: 2, execution: 3 },
      lists: 0,
      closes: 3,
      reprices: 2,
      traded: { shares: 19n, value: 4n * 1_000_000n + 12n * 999_900n + 3n * 1_000_100n },
    });
    const closes = all.filter(({ kind }) => kind === "close").map(({ time }) => Number(time % 60n));
    assert.deepEqual(closes, [10, 20, 30]);
    const items = all.flatMap((command) => (command.kind === "item" ? [decodeItem(command.item)!] : []));
    const takers = items.flatMap((item) => (item.kind === "order" && item.head.flags === 1n ? [item] : []));
    assert.deepEqual(
      takers.map(({ head, body }) => [Number(head.side), body.limit, body.size]),
      [
        [SIDE.sell, 1_000_000n, 4n],
        [SIDE.sell, 999_900n, 12n],
        [SIDE.buy, 1_000_100n, 3n],
      ],
    );
    // Order 104 had 14 lots: 5 fewer, 4 fewer, then none, which is a cancel.
    const [first, second] = items.flatMap((item) => (item.kind === "order" && item.body.replaces ? [item] : []));
    assert.deepEqual([first.body.size, second.body.size], [9n, 5n]);
    assert.equal(second.body.replaces, first.head.nonce);
    assert.equal(second.head.account, first.head.account);
    const last = items.filter(({ kind }) => kind === "cancel").at(-2)!;
    assert.ok(last.kind === "cancel" && last.body.replaces === second.head.nonce);
  });

  it("has makers put their orders by lists of quotes, once a second", () => {
    const { commands, counts } = flow(false, 100);
    const all = [...commands];
    const items = all.flatMap((command) =>
      command.kind === "item" ? [{ ...decodeItem(command.item)!, time: command.time }] : [],
    );
    const lists = items.flatMap((item) => (item.kind === "quotes" ? [item] : []));
    assert.ok(lists.length > 3 && counts.lists >= lists.length);
    const times = lists.map(({ head, time }) => `${head.account}/${time}`);
    assert.equal(new Set(times).size, times.length, "one a second, of a maker");
    // Takers alone are orders; and the last lists hold what rests, as far as eight do.
    assert.equal(items.filter(({ kind }) => kind === "order").length, counts.items.execution);
    const last = new Map(lists.map(({ head, body }) => [head.account, body.orders]));
    assert.ok([...last.values()].every((orders) => orders.length <= 8 && orders.every(({ size }) => size > 0n)));
    for (const account of last.keys()) {
      const nonces = items
        .filter(({ head }) => head.account === account)
        .map(({ kind, head }) => [kind, head.nonce] as const);
      nonces
        .slice(1)
        .forEach(([, nonce], i) => assert.equal(nonce - nonces[i][1], nonces[i][0] === "quotes" ? 8n : 1n));
    }
    assert.throws(() => flow(false, 101), { code: "OUT_OF_RANGE" });
  });

  it("refuses accounts or intervals that cannot be", async () => {
    await assert.rejects(replayMessages(messages, { ...DEMO, accounts: 255 }), { code: "OUT_OF_RANGE" });
    await assert.rejects(replayMessages(messages, { ...DEMO, every: 86_401 }), { code: "OUT_OF_RANGE" });
  });

  it("signs every item when asked to, and all signatures hold", async () => {
    const summary = await replayMessages(messages.slice(0, 4), { ...DEMO, signed: true });
    assert.deepEqual(summary.verdicts, { admitted: 4 });
  });

  it("writes JSON by the schema, from which the auctions can be rechecked", async () => {
    const json = join(folder, "out.json");
    const summary = await replayMessages(messages, { ...DEMO, json });
    assert.deepEqual((await readdir(folder)).sort(), ["flow.csv", "out.json"]);
    const record = JSON.parse(await readFile(json, "utf8")) as RecordJson;
    assert.deepEqual(Object.keys(record), ["genesis", "blind", "signed", "rules", "rounds", "reprices"]);
    assert.equal(recheck(record).ok, true);
    const { rounds } = record;
    assert.equal(rounds.length, 3);
    assert.deepEqual([summary.rounds, summary.auctions], [3, 3]);
    let n = 0;
    let fills = 0;
    for (const [i, round] of rounds.entries()) {
      assert.deepEqual(Object.keys(round), ROUND_FIELDS);
      if (i > 0) assert.equal(round.state, rounds[i - 1].stateAfter);
      checkNumbers(round, `rounds[${i}]`);
      assert.deepEqual(round.instructions, []);
      for (const line of round.log) {
        assert.deepEqual(Object.keys(line).slice(0, LOG_FIELDS.length), LOG_FIELDS);
        assert.equal(line.n, `${n++}`);
        assert.ok(line.verdict === null || VERDICTS.includes(line.verdict as (typeof VERDICTS)[number]));
      }
      assert.equal(round.log.at(-1)!.kind, "close");
      for (const clearing of round.clearings) {
        checkClearing(clearing);
        fills += clearing.fills.length;
      }
    }
    assert.equal(fills, summary.fills);
    assert.ok(fills >= 6, `${fills} fills`);
    const admitted = rounds.flatMap(({ log }) => log).filter(({ verdict }) => verdict === "admitted").length;
    assert.equal(admitted, summary.verdicts.admitted);
    const taken = rounds.flatMap(({ log }) => log).find(({ kind }) => kind === "order")!;
    assert.deepEqual([taken.side, taken.limit, taken.size], ["buy", "1000000", "10"]);
  });

  it("is the same twice, and another with another seed", async () => {
    const write = async (name: string, seed: number) => {
      await replayMessages(messages.slice(0, 8), { ...DEMO, seed, json: join(folder, name) });
      return readFile(join(folder, name), "utf8");
    };
    const first = await write("a.json", 1);
    assert.equal(await write("b.json", 1), first);
    assert.notEqual(await write("c.json", 2), first);
  });

  it("leaves no part of a file when it fails", async () => {
    const broken = [...messages.slice(0, 8), { ...messages[8], price: 1n << 41n }];
    await assert.rejects(replayMessages(broken, { ...DEMO, json: join(folder, "broken.json") }));
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith("broken")),
      [],
    );
  });
});

const ROUND_FIELDS = ["number", "state", "stateAfter", "blind", "logCount", "head", "entries", "log", "clearings", "accounts", "instructions"]; // prettier-ignore
/** Of every entry; some have more. */
const LOG_FIELDS = ["n", "t", "kind", "account", "nonce", "market", "side", "limit", "size", "verdict"];
const WORDS = new Set(["kind", "side", "verdict", "rule"]);

/** Every value but the named words is a decimal string, or null in the log. */
function checkNumbers(value: unknown, at: string): void {
  if (typeof value === "object" && value !== null)
    for (const [name, part] of Object.entries(value)) {
      if (!WORDS.has(name)) checkNumbers(part, `${at}.${name}`);
    }
  else if (value !== null) assert.match(String(typeof value === "string" ? value : NaN), /^-?\d+$/, at);
}

function checkClearing({ rule, tick, price, volume, entries, fills, fee }: RoundJson["clearings"][number]): void {
  assert.equal(rule, "auction");
  const P = BigInt(price);
  assert.equal(P % BigInt(tick), 0n);
  const lotsOf = (chosen: typeof entries) => chosen.reduce((sum, { remaining }) => sum + BigInt(remaining), 0n);
  const bids = entries.filter(({ side, limit }) => side === "buy" && BigInt(limit) >= P);
  const asks = entries.filter(({ side, limit }) => side === "sell" && BigInt(limit) <= P);
  const [D, A] = [lotsOf(bids), lotsOf(asks)];
  assert.equal(BigInt(volume), D < A ? D : A);
  const sequences = entries.map(({ sequence }) => Number(sequence));
  assert.deepEqual(
    [...sequences].sort((a, b) => a - b),
    sequences,
    "entries are in time order",
  );
  const sum = (values: string[]) => values.reduce((total, value) => total + BigInt(value), 0n);
  assert.equal(sum(fills.map(({ lots }) => lots)), 0n);
  assert.equal(sum(fills.map((fill) => fill.fee)), BigInt(fee));
  assert.equal(sum(fills.map(({ cash }) => cash)) + BigInt(fee), 0n);
  for (const { account, nonce, lots, cash, fee: paid } of fills) {
    const entry = entries.find((candidate) => candidate.account === account && candidate.nonce === nonce)!;
    const size = BigInt(lots);
    assert.ok(entry.side === "buy" ? size > 0n && BigInt(entry.limit) >= P : size < 0n && BigInt(entry.limit) <= P);
    assert.ok((size < 0n ? -size : size) <= BigInt(entry.remaining));
    assert.equal(BigInt(cash), -size * P - BigInt(paid));
  }
}
