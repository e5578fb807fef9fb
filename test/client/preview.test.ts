// Goal: what an order would do to margin is what it does; what would be rejected is told with the reason, and nothing is sent for it.
// Method: a venue in this process; accounts before and after, as the rules value them.
import assert from "node:assert/strict";
import { equities } from "../../src/protocol/margin.ts";
import { eventOf, INTERVAL, PERP } from "../venue/fixture.ts";
import { setting } from "./setting.ts";

describe("client: preview", () => {
  const LIMIT = 100_000n;

  it("is what an order holds while it is open, and what a fill at its limit leaves", async () => {
    const { venue, clock, alice, bob, open: openClient, send, it } = await setting();
    const client = await openClient();
    const order = { market: PERP, side: "buy", size: 3n, limit: LIMIT } as const;
    const { prices } = venue.terms;
    const before = venue.account(alice.index)!;
    const foreseen = await client.preview(order);
    assert.deepEqual([foreseen.verdict, foreseen.reason], ["admitted", null]);
    assert.deepEqual(foreseen.scenarios.map(({ equity }) => equity), equities(before, prices)); // prettier-ignore
    assert.equal(it.asked.includes("POST /orders"), false);
    assert.deepEqual(client.items, []);

    await client.order(order);
    const open = venue.account(alice.index)!;
    assert.equal(open.reserved - before.reserved, foreseen.reserved);
    assert.deepEqual(foreseen.scenarios.map(({ open: free }) => free), equities(open, prices).map((it) => it - open.reserved)); // prettier-ignore

    await send(bob.order("sell", 3n, LIMIT));
    const closed = eventOf(venue, "auction");
    clock.advance(INTERVAL);
    const { auction } = await closed;
    assert.equal(auction.price, LIMIT);
    const after = venue.account(alice.index)!;
    assert.deepEqual(foreseen.scenarios.map(({ filled }) => filled.equity), equities(after, prices)); // prettier-ignore
    assert.deepEqual(foreseen.scenarios.map(({ filled }) => filled.free), equities(after, prices).map((it) => it - after.reserved)); // prettier-ignore
    assert.equal(after.cash, before.cash - foreseen.fee - 3n * (LIMIT - prices.markets[0]!.funding));
  });

  it("tells what would be rejected, with the reason", async () => {
    const { open } = await setting();
    const client = await open();
    const told = async (change: object) => {
      const { verdict, reason } = await client.preview({
        market: PERP,
        side: "sell",
        size: 1n,
        limit: LIMIT,
        ...change,
      });
      return [verdict, reason !== null && reason.length > 10];
    };
    assert.deepEqual(await told({ limit: 1_000_000n }), ["band", true]);
    assert.deepEqual(await told({ size: 1_000_000n }), ["size", true]);
    assert.deepEqual(await told({ market: 9_999n }), ["unknownMarket", true]);
    assert.deepEqual(await told({ validUntil: 1n }), ["tooLate", true]);
    await assert.rejects(client.preview({ market: PERP, side: "sell", size: -1n, limit: LIMIT }), {
      code: "OUT_OF_RANGE",
    });
  });
});
