// Goal: many withdrawals never pile up: they are paid while a round goes on, and every state follows the one before it; fills
// of several clears are booked together, as many as fit a transaction.
// Method: more withdrawals than may be pending, and orders of several markets, through matcher and builder, without proofs.
import assert from "node:assert/strict";
import { Matcher } from "../../src/matcher/matcher.ts";
import { openAccount } from "../../src/protocol/account.ts";
import { orderItem, withdrawalItem } from "../../src/protocol/item.ts";
import { NO_MARKETS, type MarketRules } from "../../src/protocol/market.ts";
import { noPrices } from "../../src/protocol/prices.ts";
import type { Profile } from "../../src/protocol/instructions.ts";
import { INSTRUMENTS, LIST_WORDS, MARKET_STATE, RULE } from "../../src/protocol/parameters.ts";
import { fitsTransaction } from "../../src/protocol/transaction.ts";
import { admitPlan } from "../../src/witness/admit.ts";
import { Ledger } from "../../src/witness/ledger.ts";
import { RoundBuilder } from "../../src/witness/round.ts";
import { epochs, FOREVER, pricesOfTests, rulesOfTests } from "../priced.ts";

const market = (id: bigint): MarketRules => ({
  id,
  legs: Array.from({ length: INSTRUMENTS }, (_, i) => (i === 0 ? 1n : 0n)),
  tick: 1n,
  lotLimit: 9n,
  band: 9n,
  feeRate: 0n,
  feePerLot: 0n,
  rhoMin: 1n,
  rule: BigInt(RULE.auction),
  interval: 10n,
  state: BigInt(MARKET_STATE.open),
  until: FOREVER,
  capacity: 1_000n,
  cancelCapacity: 1_000n,
  listCapacity: 1_000n,
});

describe("the builder of rounds", () => {
  it("pays whenever 32 payouts are pending, and what is left at the end", () => {
    const profile = {
      depth: 1,
      scenarios: 1,
      feeds: 4,
      maxOpen: 1,
      deposit: 1,
      admit: 8,
      quote: 8,
      clear: 1,
      settle: 1,
      settleRuns: 1,
      fold: 1,
      enforce: 1,
      assume: 1,
    };
    // There are no prices: who has cash alone needs none.
    const rules = rulesOfTests({ group: { scenarios: 1 } });
    const prices = noPrices({ ...rules, ...rules.group });
    const accounts = [{ ...openAccount({ keyX: 0n, keyY: 1n, view: 0n }), cash: 1_000n }];
    const genesis = { domain: 1n, profile, rules, prices, accounts, time: 0n };
    const matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    const ledger = new Ledger({ ...genesis, blind: () => ++blind });
    const start = ledger.word;
    const builder = new RoundBuilder(ledger, { accounts, operatorSecret: 1n });
    for (let nonce = 1n; nonce <= 42n; nonce++) {
      const item = withdrawalItem({ account: 0n, nonce, recipient: nonce, amount: 1n, validUntil: 9n, salt: nonce });
      const auth = { R8x: 0n, R8y: 0n, S: 0n };
      for (const event of matcher.apply({ kind: "item", time: 1n, item, auth, signed: true })) builder.add(event);
    }
    const steps = builder.close();
    const names = steps.map(({ name }) => name[0]).join("");
    assert.equal(names, "aaaa" + "wwwwwwww" + "aa" + "www");
    const paid = steps.flatMap(({ name, publicInputs }) => (name === "withdraw" ? publicInputs.slice(3) : []));
    assert.deepEqual(
      paid.filter((word) => word !== 0n).map((word) => word & ((1n << 160n) - 1n)),
      Array.from({ length: 42 }, (_, i) => BigInt(i + 1)),
    );
    steps.forEach(({ publicInputs }, i) => {
      assert.equal(publicInputs[0], i === 0 ? start : steps[i - 1].publicInputs[1]);
    });
    assert.equal(steps.at(-1)!.publicInputs[2], 0n);
  });

  it("takes items in as few proofs as can be, lists of quotes by `quote` alone", () => {
    /** a: an order; q: a list of quotes */
    const plan = (run: string, sizes = { admit: 3, quote: 2 }) => {
      const list = Array<bigint>(LIST_WORDS).fill(0n);
      const items = [...run].map((it) => {
        const item = { A: 0n, B: 0n, salt: 0n, ...(it === "q" ? { list } : {}) };
        return { kind: "item", entry: { item, time: 0n } } as unknown as Parameters<typeof admitPlan>[0][number];
      });
      const planned = admitPlan(items, sizes);
      assert.deepEqual(
        planned.flatMap((it) => it.items),
        items,
        "all, in order",
      );
      return planned.map(({ name, items }) => `${name[0]}${items.length}`).join(" ");
    };
    assert.equal(plan(""), "");
    assert.equal(plan("aaaa"), "a3 a1");
    assert.equal(plan("qqq"), "q2 q1");
    assert.equal(plan("aq"), "q2", "an order beside a list costs nothing");
    assert.equal(plan("aaaq"), "a3 q1");
    assert.equal(plan("aaaaq"), "a3 q2");
    assert.equal(plan("aqaqaq"), "q2 q2 q2");
    // Not the longest first: that takes three.
    assert.equal(plan("aaqaa", { admit: 3, quote: 3 }), "a2 q3");
    assert.equal(plan("aaaqaaaq", { admit: 4, quote: 2 }), "a3 q2 a2 q1");
  });

  /** Orders that leave at their first auction, so many in each of some markets, all of which close at once. */
  function closes(markets: number, orders: number, profile: Profile) {
    const { epoch, ...pricing } = epochs({ time: 100n, age: 98n });
    const rules = rulesOfTests({
      group: { scenarios: 1, pricing },
      markets: NO_MARKETS.map((_, slot) => (slot < markets ? market(BigInt(slot + 1)) : null)),
    });
    const prices = pricesOfTests(rules, { values: [Array<bigint>(INSTRUMENTS).fill(0n)], epoch });
    const accounts = [0n, 1n, 2n].map((view) => ({ ...openAccount({ keyX: 0n, keyY: 1n, view }), cash: 10n ** 12n }));
    const genesis = { domain: 1n, profile, rules, prices, accounts, time: 0n };
    const matcher = new Matcher(genesis, { view: () => 0n });
    let blind = 0n;
    const ledger = new Ledger({ ...genesis, blind: () => ++blind });
    const builder = new RoundBuilder(ledger, { accounts, operatorSecret: 1n });
    const auth = { R8x: 0n, R8y: 0n, S: 0n };
    let nonce = 0n;
    for (let slot = 0; slot < markets; slot++)
      for (let i = 0; i < orders; i++) {
        const fields = {
          market: BigInt(slot + 1),
          account: 2n,
          nonce: ++nonce,
          side: 0,
          limit: -1n,
          size: 1n,
          salt: 0n,
        };
        const item = orderItem({ ...fields, validUntil: 109n, expiry: 199n, maxFee: 9n, thisAuction: true });
        for (const event of matcher.apply({ kind: "item", time: 101n, item, auth, signed: true })) builder.add(event);
      }
    for (let slot = 0; slot < markets; slot++)
      for (const event of matcher.apply({ kind: "close", time: 110n, slot })) builder.add(event);
    const names = builder.close().map(({ name }) => name);
    assert.equal(ledger.state.fillsTaken, ledger.state.fillsPut);
    assert.equal(ledger.state.phase, 0n);
    const words = { admit: "i", auction: "c", settle: "s", settleRuns: "r" } as Record<string, string>;
    return names.map((name) => words[name]).join("");
  }
  const profile = {
    depth: 1,
    scenarios: 1,
    feeds: 4,
    maxOpen: 10_000,
    deposit: 1,
    admit: 100,
    quote: 100,
    clear: 1,
    settle: 1,
    settleRuns: 1,
    fold: 1,
    enforce: 1,
    assume: 1,
  };

  it("books the fills of all markets that close together", () => {
    assert.equal(closes(3, 2, { ...profile, settle: 9 }), "i" + "cccccc" + "s");
    assert.equal(closes(3, 8, profile), "i" + "c".repeat(24) + "rrr", "by runs of one account");
  });

  it("books them before a clear with which they would outgrow a transaction", () => {
    const orders = 60;
    assert.equal(fitsTransaction({ proofs: 2 * orders + 1, accounts: 2 }), true);
    assert.equal(fitsTransaction({ proofs: 4 * orders, accounts: 2 }), false);
    const once = "c".repeat(orders) + "r".repeat(8);
    assert.equal(closes(2, orders, profile), "ii" + once + once);
  });
});
