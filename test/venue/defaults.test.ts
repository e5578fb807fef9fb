// Goal: what a venue does by itself of defaults: no more than its proofs have room for, at once after a start, payouts of the insurance
// account at their second; and nothing that the insurance account's key signs.
// Method: venues in memory on clocks that stand, with prices that fall.
import assert from "node:assert/strict";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { depositKey, publicKey, sign } from "../../src/protocol/eddsa.ts";
import { itemHash, orderItem } from "../../src/protocol/item.ts";
import { INSURANCE, SIDE } from "../../src/protocol/parameters.ts";
import type { Rules } from "../../src/protocol/rules.ts";
import { readJournal } from "../../src/venue/store/journal.ts";
import type { Step } from "../../src/venue/liquidator.ts";
import { hasCode } from "../hasCode.ts";
import { gate, lastingStore, PERP, simulatedProver, START, traders, turns } from "./fixture.ts";
import { LAG, LENGTH, logOf, minutely, openMinutely, passTo, priceNow, until } from "./repricing.ts";

const INSURER = new Uint8Array(32).fill(3);
const deposits = async (venue: Awaited<ReturnType<typeof openMinutely>>["venue"], amount: bigint) => {
  const { x: keyX, y: keyY } = depositKey(publicKey(INSURER));
  await venue.deposit([{ keyX, keyY, index: INSURANCE, amount }]);
};

describe("a venue and accounts in default", () => {
  it("takes no item of the insurance account: in the log it would spend no nonce, and come again", async () => {
    const { venue, storage } = await openMinutely({ storage: lastingStore() });
    await priceNow(venue);
    const fields = { market: PERP, account: BigInt(INSURANCE), nonce: 1n, side: SIDE.buy, limit: 100_000n, size: 1n };
    const item = orderItem({ ...fields, validUntil: START + 100n, expiry: START + 100n, salt: 5n });
    const { R8x, R8y, S } = sign(INSURER, itemHash(minutely.domain, item));
    for (let i = 0; i < 2; i++) await assert.rejects(venue.submit(item, { R8x, R8y, S }), hasCode("DECLINED"));
    assert.equal(venue.health().ok, true);
    assert.deepEqual(await logOf(storage), ["reprice +5"]);
    await venue.close();
  });

  it("takes as many steps at once as their proofs have room for, and the others when there is room again", async () => {
    const storage = lastingStore();
    const all = traders(12);
    const first = await openMinutely({ storage, prover: simulatedProver().prover });
    const { clock } = first;
    await first.venue.deposit(all.map(({ deposit }) => ({ ...deposit, amount: 2_800_000n })));
    clock.advance(1n);
    await priceNow(first.venue);
    for (const [i, one] of all.entries()) {
      const { item, auth } = one.order(i % 2 ? "buy" : "sell", 250n, 100_000n, { thisAuction: true });
      assert.equal((await first.venue.submit(item, auth)).verdict, "admitted");
    }
    await passTo(clock, START + 10n);
    await until(first.venue, () => all.every(({ index }) => first.venue.account(index)!.positions[0] !== 0n));
    await first.venue.close();

    const held = gate();
    const { prover } = simulatedProver(undefined, () => held.passed);
    const { venue } = await openMinutely({ storage, clock, prover, limits: { unprovedProofs: 2 } });
    const flagged = () => all.filter(({ index }) => venue.account(index)!.flagged !== 0n).length;
    await passTo(clock, START + LENGTH + LAG);
    await priceNow(venue, { index: 92_500n });
    await turns(20);
    // The prices wait to be proved: of the room that is left one proof takes all.
    const { enforce } = PROFILES.demo;
    assert.ok(enforce < 6);
    assert.equal(flagged(), enforce);
    await passTo(clock, START + LENGTH + 40n);
    assert.equal(flagged(), enforce);
    held.pass();
    for (let epoch = 2n; flagged() < 6 && epoch < 12n; epoch++) {
      await passTo(clock, START + epoch * LENGTH + LAG);
      await priceNow(venue, { index: 92_500n });
      await turns(20);
    }
    assert.equal(flagged(), 6);
    await venue.close();
  });

  it("has room for steps that whoever sends cancels cannot take", async () => {
    const all = traders(4);
    let held = Promise.resolve();
    const { prover } = simulatedProver(undefined, () => held);
    const { venue, clock } = await openMinutely({ prover, limits: { unprovedProofs: 100 } });
    await venue.deposit(all.map(({ deposit }) => ({ ...deposit, amount: 2_800_000n })));
    clock.advance(1n);
    await priceNow(venue);
    for (const [i, one] of all.entries()) {
      const { item, auth } = one.order(i % 2 ? "buy" : "sell", 250n, 100_000n, { thisAuction: true });
      await venue.submit(item, auth);
    }
    await passTo(clock, START + 10n);
    await until(venue, () => all.every(({ index }) => venue.account(index)!.positions[0] !== 0n));
    const { pass, passed } = gate();
    held = passed;
    for (let isBusy = false; !isBusy;) {
      const { item, auth } = all[0].cancel();
      await venue.submit(item, auth).catch((error: { code: string }) => {
        assert.equal(error.code, "BUSY");
        isBusy = true;
      });
    }
    await passTo(clock, START + LENGTH + LAG);
    await priceNow(venue, { index: 92_500n });
    await until(venue, () => all.some(({ index }) => venue.account(index)!.flagged !== 0n));
    pass();
    await venue.close();
  });

  it("sells down at the second of an auction, also where its turn begins after that", async () => {
    const all = traders(4);
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore() });
    await venue.deposit(all.map(({ deposit }) => ({ ...deposit, amount: 2_800_000n })));
    clock.advance(1n);
    await priceNow(venue);
    for (const [i, one] of all.entries()) {
      const { item, auth } = one.order(i % 2 ? "buy" : "sell", 250n, 100_000n, { thisAuction: true });
      await venue.submit(item, auth);
    }
    await passTo(clock, START + LENGTH + LAG);
    await priceNow(venue, { index: 92_500n });
    await until(venue, () => all.some(({ index }) => venue.account(index)!.flagged !== 0n));
    // The grace is over.
    await passTo(clock, START + 2n * LENGTH + LAG);
    await priceNow(venue, { index: 92_500n });
    await passTo(clock, START + 128n);
    clock.advance(3n);
    await turns(20);
    const sold = [];
    for await (const { entry } of readJournal(storage))
      if (entry.kind === "enforce" && entry.step.kind === "reduce") sold.push(entry.time - START);
    assert.deepEqual(new Set(sold), new Set([130n]));
    await venue.close();
  });

  it("pays what announced rules pay of the insurance account, by itself, at that second and at no other", async () => {
    const { venue, clock, storage } = await openMinutely({ storage: lastingStore(), timelock: 70n });
    await deposits(venue, 1_000n);
    clock.advance(1n);
    await priceNow(venue);
    const paying = (time: bigint): Rules => ({
      ...minutely.rules,
      group: { ...minutely.rules.group, payout: { recipient: 0xabcn, amount: 300n, time } },
    });
    const from = clock.now() + 70n;
    await assert.rejects(venue.announce(paying(from - 1n)), hasCode("RULES"));
    const at = from + 20n;
    await venue.announce(paying(at));
    await passTo(clock, START + LENGTH + LAG);
    await priceNow(venue);
    await passTo(clock, from);
    await assert.rejects(venue.applyRules(1), hasCode("RULES"));
    await passTo(clock, at - 1n);
    assert.equal(venue.account(INSURANCE)!.cash, 1_000n);
    await passTo(clock, at);
    await until(venue, () => venue.account(INSURANCE)!.cash === 700n);
    assert.equal(venue.announcements[0].state, "applied");
    assert.ok((await logOf(storage)).includes(`rules +${at - START}`));
    await venue.close();
  });

  it("leaves a payout whose second has passed, and says so to who asks for it", async () => {
    const storage = lastingStore();
    const { venue, clock } = await openMinutely({ storage, timelock: 70n });
    await deposits(venue, 1_000n);
    clock.advance(1n);
    await priceNow(venue);
    const at = clock.now() + 75n;
    const payout = { recipient: 0xabcn, amount: 300n, time: at };
    await venue.announce({ ...minutely.rules, group: { ...minutely.rules.group, payout } });
    await venue.close();
    clock.set(at + 30n);
    const again = await openMinutely({ storage, clock, timelock: 70n });
    await priceNow(again.venue);
    await turns(10);
    assert.equal(again.venue.account(INSURANCE)!.cash, 1_000n);
    await assert.rejects(again.venue.applyRules(1), hasCode("RULES"));
    await again.venue.close();
  });

  it("looks at them at once after a start", async () => {
    const storage = lastingStore();
    const asked: bigint[] = [];
    const policy = {
      watches: false,
      reductions: () => [],
      steps: (_: unknown, time: bigint): Step[] => (asked.push(time), []),
    };
    const { venue, clock } = await openMinutely({ storage, defaults: policy });
    await priceNow(venue);
    await venue.close();
    const before = asked.length;
    const again = await openMinutely({ storage, clock, defaults: policy });
    await until(again.venue, () => asked.length > before);
    await again.venue.close();
  });

  it("leaves out a step that no rules know", async () => {
    const steps: Step[] = [
      { kind: "flag", account: 99 },
      { kind: "sweep", account: 2, slot: 77 },
      { kind: "reduce", account: 2, slot: 0, side: SIDE.sell, limit: 1n << 50n, size: -1n },
      { kind: "assume", account: -1 },
    ];
    const policy = { watches: true, reductions: () => steps, steps: () => steps };
    const [one] = traders(1);
    const { venue, clock } = await openMinutely({ defaults: policy, traders: [one] });
    clock.advance(1n);
    await priceNow(venue);
    await passTo(clock, START + 30n);
    assert.equal(venue.health().ok, true);
    await venue.close();
  });
});
