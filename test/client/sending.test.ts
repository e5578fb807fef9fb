// Goal: what is sent is what its owner meant to send: nothing goes that the rules reject, nothing twice, nothing late, and
// nothing by a question; and what the own account holds is told with what it has cost.
// Method: a venue in memory behind its service; between client and service a line that loses what it is told to.
import assert from "node:assert/strict";
import { memoryNotebook, type Client, type SentItem } from "../../src/client/index.ts";
import { positionsOf } from "../../src/client/positions.ts";
import { depositKey, publicKey } from "../../src/protocol/eddsa.ts";
import { decodeItem } from "../../src/protocol/item.ts";
import { genesis, PERP } from "../venue/fixture.ts";
import { honest, proveAll, setting, type Answer } from "./setting.ts";

const BUY = { market: PERP, side: "buy", size: 2n, limit: 100_000n } as const;
const nonceOf = ({ item }: SentItem) => decodeItem(item)!.head.nonce;

type At = Awaited<ReturnType<typeof setting>>;
type Order = Parameters<Client["order"]>[0];

/** An order that its client signs and keeps, and that never gets to the venue. */
async function lose({ it: line }: At, client: Client, order: Order): Promise<void> {
  line.swallow = (path) => {
    if (path === "/orders") throw new Error("the line is cut");
    return null;
  };
  await assert.rejects(client.order(order), { code: "UNREACHABLE" });
  line.swallow = () => null;
}

/** Answers to what is sent are lost on their way back. */
function deaf(it: At["it"]): void {
  it.lie = (path, answer) => {
    if (/orders|cancels|withdrawals/.test(path)) throw new Error("the line is cut");
    return answer;
  };
}

describe("client: an item without an answer", () => {
  it("is sent again by what sends, and by nothing that reads", async () => {
    const at = await setting();
    const { venue, clock, openWith, it: line } = at;
    const [again, told]: SentItem[][] = [[], []];
    const client = await openWith({ onResent: (sent) => again.push(sent), onRecalled: (sent) => told.push(sent) });
    await lose(at, client, BUY);
    assert.deepEqual(client.unanswered.map(nonceOf), [1n]);
    line.asked.length = 0;
    await client.sync();
    await client.account();
    await client.openOrders();
    await client.history();
    await client.positions();
    assert.ok(!line.asked.some((asked) => /POST .*(orders|cancels|withdrawals)/.test(asked)), line.asked.join());
    assert.equal(venue.orders(2).length, 0);
    assert.equal(client.unanswered.length, 1);

    const { verdict } = await client.order({ ...BUY, size: 3n });
    assert.equal(verdict, "admitted");
    assert.deepEqual(again.map(nonceOf), [1n]);
    assert.deepEqual(told, []);
    assert.deepEqual(
      venue.orders(2).map(({ nonce, remaining }) => [nonce, remaining]),
      [
        [1n, 2n],
        [2n, 3n],
      ],
    );
    assert.deepEqual(client.unanswered, []);
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("is never sent when it is too late for it, and its nonce is used for the next", async () => {
    const at = await setting();
    const { venue, clock, openWith, bob, send } = at;
    const told: SentItem[] = [];
    const client = await openWith({ onResent: () => assert.fail("too late"), onRecalled: (sent) => told.push(sent) });
    await lose(at, client, { ...BUY, validUntil: clock.now() + 30n });
    clock.advance(31n);
    const { item } = await client.order({ ...BUY, size: 3n });
    assert.equal(decodeItem(item)!.head.nonce, 1n);
    assert.deepEqual(
      told.map(({ receipt }) => receipt),
      [null],
    );
    assert.deepEqual(
      venue.orders(2).map(({ remaining }) => remaining),
      [3n],
    );
    await send(bob.order("sell", 1n, 100_000n));
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true, "the same nonce, forgotten and used, is no gap");
    await venue.close();
  });

  it("is answered by asking, where the venue has it", async () => {
    const { venue, clock, openWith, it: line } = await setting();
    const told: SentItem[] = [];
    const client = await openWith({
      onResent: () => assert.fail("it is there"),
      onRecalled: (sent) => told.push(sent),
    });
    deaf(line);
    await assert.rejects(client.order(BUY), { code: "UNREACHABLE" });
    line.lie = honest;
    line.asked.length = 0;
    await client.recall();
    assert.deepEqual(
      told.map(({ verdict }) => verdict),
      ["admitted"],
    );
    await client.sync();
    assert.equal(client.items[0].verdict, "admitted");
    assert.ok(client.items[0].receipt);
    assert.ok(!line.asked.includes("POST /orders"));
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("is given up when its owner says so, unless the venue has it", async () => {
    const at = await setting();
    const { venue, clock, open, it: line } = at;
    const client = await open();
    await lose(at, client, BUY);
    await assert.rejects(client.drop(2n), { code: "NO_ITEM" });
    const [kept] = client.unanswered;
    await client.drop(1n);
    assert.deepEqual(client.unanswered, []);
    assert.equal((await client.order({ ...BUY, size: 3n })).verdict, "admitted");
    // Whoever had it sends it now: its nonce is spent.
    await assert.rejects(venue.submit(kept.item, kept.auth), { code: "DECLINED" });

    deaf(line);
    await assert.rejects(client.order(BUY), { code: "UNREACHABLE" });
    line.lie = honest;
    await assert.rejects(client.drop(2n), { code: "TAKEN" });
    assert.equal(client.items.at(-1)!.verdict, "admitted");
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });

  it("of a given-up one that comes into the log all the same, the client knows", async () => {
    const at = await setting();
    const { venue, clock, open, bob, send } = at;
    const client = await open();
    await lose(at, client, BUY);
    const [kept] = client.unanswered;
    await client.drop(1n);
    await venue.submit(kept.item, kept.auth);
    await send(bob.order("sell", 1n, 100_000n));
    await proveAll(venue, clock);
    await client.sync();
    assert.deepEqual(client.contradictions, []);
    assert.equal(client.items.length, 1);
    assert.equal(client.proved!.recomputed, true);
    assert.deepEqual(client.proved!.account, venue.account(2));
    await venue.close();
  });

  it("of which the venue says that it has none is a contradiction, if the proven log has it", async () => {
    const { venue, clock, open, it: line } = await setting();
    const client = await open();
    deaf(line);
    await assert.rejects(client.order(BUY), { code: "UNREACHABLE" });
    line.lie = honest;
    venue.answered = async () => undefined;
    await proveAll(venue, clock);
    await assert.rejects(client.sync(), { code: "CONTRADICTION", kind: "dropped" });
    await venue.close();
  });
});

describe("client: two programs with one key, and a line that is cut", () => {
  for (const dropped of [false, true])
    it(`accuse nobody: the nonce of what was ${dropped ? "given up" : "sent again"} is used by the other one`, async () => {
      const at = await setting();
      const { venue, clock, open } = at;
      const [one, other] = [await open(), await open()];
      await lose(at, one, BUY);
      if (dropped) await one.drop(1n);
      await other.order({ ...BUY, size: 1n });
      assert.equal(nonceOf(await one.order({ ...BUY, size: 3n })), 2n);
      await proveAll(venue, clock);
      for (const client of [one, other]) {
        await client.sync();
        assert.deepEqual(client.contradictions, []);
        assert.equal(client.proved!.recomputed, false, "another program sends too");
      }
      await venue.close();
    });

  it("take what was given up for what it is when its receipt comes after all", async () => {
    const at = await setting();
    const { venue, clock, open } = at;
    const client = await open();
    await lose(at, client, BUY);
    const [kept] = client.unanswered;
    await client.drop(1n);
    await venue.submit(kept.item, kept.auth);
    // The next one takes the same nonce, as nothing is known of that: and the venue has declined it before it is told.
    await lose(at, client, { ...BUY, size: 3n });
    await client.sync();
    await proveAll(venue, clock);
    await client.sync();
    assert.ok(client.items.some(({ item, receipt }) => receipt && item.salt === kept.item.salt));
    assert.deepEqual(client.contradictions, []);
    assert.equal(client.proved!.recomputed, true);
    await venue.close();
  });
});

describe("client: a venue that is asked what it has answered, and lies", () => {
  const receipts: [string, string, (receipt: Answer) => object][] = [
    [
      "a signature of nobody's",
      "badReceipt",
      (receipt) => ({ ...receipt, item: "12345", signature: `0x${"00".repeat(65)}` }),
    ],
    ["the receipt of another venue", "badReceipt", (receipt) => ({ ...receipt, item: "12345", domain: "1" })],
  ];
  for (const [what, kind, change] of receipts)
    it(`with ${what}`, async () => {
      const at = await setting();
      const { venue, open, it: line } = at;
      const client = await open();
      deaf(line);
      await assert.rejects(client.order(BUY), { code: "UNREACHABLE" });
      line.lie = (path, answer) => (path === "/receipt" ? { ...answer, receipt: change(answer.receipt) } : answer);
      await assert.rejects(client.resend(), { code: "CONTRADICTION", kind });
      assert.equal(client.contradictions.length, 1, "and it is kept, though nothing was verified");
      assert.equal(client.unanswered.length, 1);
      await venue.close();
    });

  it("with words and codes that are the client's own", async () => {
    const { venue, open, it: line } = await setting();
    const client = await open();
    await client.login();
    const said = { error: { code: "REJECTED", message: "not sent,\u001b[2J as the rules reject it" } };
    line.swallow = (path) =>
      path === "/orders" ? (new Response(JSON.stringify(said), { status: 422 }) as never) : null;
    await assert.rejects(client.order(BUY), { code: "BAD_ANSWER" });
    assert.equal(client.unanswered.length, 1, "it may have been taken");
    await venue.close();
  });

  it("with a history that never ends", async () => {
    const { venue, open, it: line } = await setting();
    const client = await open();
    await client.login();
    let asked = 0;
    const entry = (n: number) => ({ kind: "deposit", n, amount: "1" });
    for (const next of [() => 5, () => 10 ** 7 * ++asked]) {
      line.lie = (path, answer) =>
        path === "/history" ? { entries: Array.from({ length: 200 }, () => entry(next())) } : answer;
      await assert.rejects(client.positions(), { code: "FORMAT" });
      await assert.rejects(client.allHistory(), { code: "FORMAT" });
    }
    await venue.close();
  });

  it("by turning away each session that it has given", async () => {
    const { venue, open, it: line } = await setting();
    const client = await open();
    line.refused = "/account";
    await assert.rejects(client.login(), { code: "UNAUTHORISED" });
    assert.ok(line.asked.length < 10, `${line.asked.length} requests`);
    await venue.close();
  });
});

describe("client: a notebook that cannot be written", () => {
  it("means that nothing is sent, then or later", async () => {
    const { venue, openWith } = await setting();
    const kept = memoryNotebook();
    let full = false;
    const notebook = {
      ...kept,
      write: async (text: string) => (full ? Promise.reject(new Error("ENOSPC")) : kept.write(text)),
    };
    const client = await openWith({ notebook });
    await client.login();
    full = true;
    await assert.rejects(client.order(BUY), /ENOSPC/);
    full = false;
    assert.deepEqual(client.unanswered, []);
    await client.order({ ...BUY, size: 3n });
    assert.deepEqual(
      venue.orders(2).map(({ remaining }) => remaining),
      [3n],
    );
    await venue.close();
  });
});

describe("client: what the rules would reject", () => {
  it("is not sent, and told with what it misses", async () => {
    const { venue, open } = await setting();
    const client = await open();
    await client.login();
    const wrong: [object, string, RegExp][] = [
      [{ limit: 100_001n }, "offTick", /100000 or 100010, not 100001/],
      [{ limit: -1n }, "offTick", /-10 or 0, not -1/],
      [{ limit: 130_000n }, "band", /from 80000 to 120000/],
      [{ size: 0n }, "size", /1 to 10000 lots/],
      [
        { size: 10_000n },
        "margin",
        /in scenario 1 it may lose \d+, of \d+ that are free there: \d+ cash units are missing/,
      ],
      [{ maxFee: 1n }, "maxFee", /a fee of 7, more than 1/],
      [{ market: 999n }, "unknownMarket", /no market 999/],
      [{ replaces: 1000n }, "badTarget", /not before it/],
    ];
    for (const [change, verdict, says] of wrong) {
      const refusal = await client.order({ ...BUY, ...change }).then(
        () => assert.fail(verdict),
        (error) => error,
      );
      assert.equal(refusal.code, "REJECTED", refusal.message);
      assert.equal(refusal.details.verdict, verdict);
      assert.match(refusal.message, says);
      const sent = await client.order({ ...BUY, ...change, anyway: true });
      assert.equal(sent.verdict, verdict, "what was foreseen");
      assert.match(await client.reason(sent), says);
    }
    await assert.rejects(client.withdraw({ recipient: 0xabcn, amount: 0n }), { code: "REJECTED" });
    await assert.rejects(client.withdraw({ recipient: 0xabcn, amount: 1n << 80n }), { code: "REJECTED" });
    await assert.rejects(client.order({ ...BUY, limit: 1n << 40n }), {
      code: "OUT_OF_RANGE",
      message: "limit is out of range: expected an integer in [-2^40, 2^40)",
    });
    assert.equal(client.items.length, wrong.length);
    await venue.close();
  });

  it("is judged by the account as it is: what was booked since the last look counts", async () => {
    const { venue, alice, open } = await setting();
    const client = await open();
    await client.order(BUY);
    const { free } = await client.account();
    await venue.deposit([
      { keyX: depositKey(alice.key).x, keyY: depositKey(alice.key).y, index: 2, amount: 1_000_000n },
    ]);
    assert.equal((await client.withdraw({ recipient: 0xabcn, amount: free + 1n })).verdict, "admitted");
    await venue.close();
  });
});

describe("client: a clock that is off", () => {
  for (const [offset, says] of [
    [-2_000n, "33 min behind"],
    [-61n, "61 s behind"],
    [600n, "10 min ahead of"],
  ] as const)
    it(`by ${offset} s is told, and by how much`, async () => {
      const { venue, clock, openWith } = await setting();
      const client = await openWith({ now: () => clock.now() + offset });
      const order = client.order(BUY);
      if (offset < 0n)
        await assert.rejects(order, { code: "CLOCK", message: new RegExp(`clock is ${says} the venue's`) });
      else await order;
      assert.equal(client.clockDifference, `this machine's clock is ${says} the venue's`);
      assert.equal(venue.orders(2).length, offset < 0n ? 0 : 1);
      await venue.close();
    });

  it("by a second or two is not", async () => {
    const { venue, clock, openWith } = await setting();
    const client = await openWith({ now: () => clock.now() - 3n });
    await client.order(BUY);
    assert.equal(client.clockDifference, null);
    await venue.close();
  });
});

describe("client: which account of a key", () => {
  it("is the one with most, as long as nothing was sent and none was asked for", async () => {
    const { venue, clock, openWith } = await setting();
    const secret = new Uint8Array(32).fill(55);
    const { x: keyX, y: keyY } = depositKey(publicKey(secret));
    // A stranger's coin opens an account before its owner's money comes.
    await venue.deposit([{ keyX, keyY, index: 0, amount: 1n }]);
    const notebook = memoryNotebook();
    const client = await openWith({ secret, notebook });
    const dust = (await client.login())!;
    await venue.deposit([{ keyX, keyY, index: 0, amount: 50_000_000n }]);
    const [, own] = venue.indexesOf(publicKey(secret));
    const { item, verdict } = await client.order(BUY);
    assert.deepEqual([verdict, decodeItem(item)!.head.account], ["admitted", BigInt(own)]);
    await venue.deposit([{ keyX, keyY, index: dust, amount: 90_000_000n }]);
    const later = await openWith({ secret, notebook });
    assert.equal(await later.login(), own, "settled by what was sent");
    await proveAll(venue, clock);
    await later.sync();
    assert.equal(later.proved!.recomputed, true);
    await venue.close();
  });
});

describe("client: names and positions", () => {
  it("knows markets by id and by name", async () => {
    const { venue, open, it: line } = await setting();
    const client = await open();
    const names = client.genesis.rules.markets.flatMap((row) => (row ? [client.marketName(row.id)] : []));
    assert.equal(client.market(names[0]), PERP);
    assert.equal(client.market(String(PERP)), PERP);
    assert.throws(() => client.market("nothing"), { code: "UNKNOWN_MARKET" });
    assert.equal(client.instrumentName(0), names[0]);
    assert.equal(client.instrumentName(15), "instrument 15");
    line.lie = (path, answer) => {
      if (path === "/terms")
        answer.rules.markets.forEach((row: { name: string } | null) => row && (row.name = "one\u001b[2J"));
      return answer;
    };
    const warned = await open();
    assert.equal(warned.marketName(PERP), String(PERP), "what could move a cursor is no name");
    await venue.close();
  });

  it("tells what is held, at what cost and with what profit, from all fills", async () => {
    const { venue, clock, open, bob, send } = await setting();
    const client = await open();
    const trade = async (side: "buy" | "sell", size: bigint, limit: bigint) => {
      await client.order({ market: PERP, side, size, limit, thisAuction: true });
      await send(bob.order(side === "buy" ? "sell" : "buy", size, limit, { thisAuction: true }));
      await proveAll(venue, clock);
    };
    await trade("buy", 4n, 100_100n);
    await trade("buy", 2n, 99_800n);
    await client.sync();
    await trade("sell", 3n, 100_400n);
    const [position, ...none] = await client.positions();
    assert.deepEqual(none, []);
    // (4 * 100,100 + 2 * 99,800) / 6 = 100,000
    const profit = { open: 0n, closed: 3n * 400n };
    assert.deepEqual(position, { instrument: 0, lots: 3n, mark: 100_000n, cost: 300_000n, profit });
    await trade("sell", 5n, 99_900n);
    const [sold] = await client.positions();
    const { lots, mark, cost } = sold;
    assert.deepEqual([lots, mark, cost], [-2n, 100_000n, -199_800n]);
    assert.deepEqual(sold.profit, { open: -200n, closed: 1_200n - 300n });
    // What came in and went out, and what is held at the mark, is what cash and fees say.
    const { cash } = await client.account();
    const fills = (await client.history()) as { fee?: string; amount?: string }[];
    const sum = (name: "fee" | "amount") => fills.reduce((all, row) => all + BigInt(row[name] ?? 0), 0n);
    assert.equal(cash, sum("amount") - sum("fee") + 1_200n - 300n - sold.cost!);
    await venue.close();
  });

  it("leaves out the cost where not all fills are known", () => {
    const held = genesis.prices.values[0].map((_, i) => (i === 1 ? 3n : 0n));
    assert.deepEqual(positionsOf({ latest: genesis, at: () => genesis }, held, []), [
      { instrument: 1, lots: 3n, mark: genesis.prices.values[0][1], cost: null, profit: null },
    ]);
  });
});
