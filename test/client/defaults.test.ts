// Goal: who is in default sees it coming by the own computation, sees what the operator does and when it may do more, and finds in
// each proved state the account that the rules give; a venue that tells of a step that the rules forbid is caught.
// Method: a venue in memory with its own policy, proofs by a simulator, prices that fall; one telling altered.
import assert from "node:assert/strict";
import { Contradiction, marginCallInWords, memoryNotebook } from "../../src/client/index.ts";
import { NO_POSITIONS } from "../../src/protocol/account.ts";
import { isBelow, standing } from "../../src/protocol/defaults.ts";
import { INSURANCE } from "../../src/protocol/parameters.ts";
import { eventOf, INTERVAL, ManualClock, START } from "../venue/fixture.ts";
import { LAG, LENGTH, minutely, minutelyJson, priceNow, until } from "../venue/repricing.ts";
import { proveAll, setting, type Answer } from "./setting.ts";

const { grace, slope } = minutely.rules.group.defaults;

/** Alice has bought of Bob as much as her margin lets her. */
async function leveraged() {
  const clock = new ManualClock(START + LAG);
  const s = await setting({ genesis: minutely, json: minutelyJson, reports: [], clock });
  const { venue, alice, bob, send } = s;
  // Prices come first in their second.
  clock.advance(1n);
  await priceNow(venue);
  const fields = { thisAuction: true };
  await send(alice.order("buy", 3_600n, 100_000n, fields));
  await send(bob.order("sell", 3_600n, 100_000n, fields));
  clock.advance(INTERVAL - LAG - 1n);
  await until(venue, () => venue.account(alice.index)!.positions[0] === 3_600n);
  const notebook = memoryNotebook();
  const client = await s.open(notebook);
  // From here on it knows all.
  await proveAll(venue, clock);
  await client.sync();
  /** Prices of the minute that is over by then. */
  const fall = async (index: bigint) => {
    clock.advance(START + LENGTH * (1n + (clock.now() - START) / LENGTH) + LAG - clock.now());
    await priceNow(venue, { index });
  };
  const account = () => venue.account(alice.index)!;
  const stands = () => standing(account(), venue.terms.prices);
  const kinds = async () => (await client.allHistory()).map(({ kind }) => kind);
  return { ...s, clock, client, notebook, fall, account, stands, kinds };
}

describe("client: an account in default", () => {
  it("is warned before the venue may flag it, flagged, sold down, and what is proved is what the rules give", async () => {
    const s = await leveraged();
    const { client, venue, clock, bob, send } = s;
    assert.equal(await client.marginCall(await client.account()), null);
    await s.fall(95_000n);
    const warning = await client.marginCall(await client.account());
    assert.equal(warning?.state, "belowTarget");
    assert.equal(warning.clock, null);
    assert.ok(isBelow(768n, s.stands()) && !isBelow(512n, s.stands()));
    assert.equal(s.account().flagged, 0n);
    await s.fall(92_500n);
    await until(venue, () => s.account().flagged !== 0n);
    const call = await client.marginCall(await client.account());
    assert.equal(call?.state, "flagged");
    assert.deepEqual(call.clock, {
      flagged: clock.now(),
      begins: clock.now() + grace,
      widest: clock.now() + grace + slope,
      takenOver: clock.now() + grace + 2n * slope,
      ends: clock.now() + grace + 2n * slope + minutely.rules.group.defaults.hold,
    });
    assert.equal(call.equity, s.stands().equity);
    assert.match(
      marginCallInWords(call),
      /^FLAGGED since .*: equity is [\d,]+, the target [\d,]+: deposit [\d,]+, or close positions\. From /,
    );
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved?.account.flagged, call.clock!.flagged);
    assert.equal(client.proved.recomputed, true);
    // The grace passes; whoever bids buys what is sold, in its turn: not every auction is that of this market.
    for (let i = 0; i < 8 && isBelow(768n, s.stands()); i++) {
      await s.fall(92_500n);
      await send(bob.order("buy", 2_000n, 92_500n, { thisAuction: true }));
      const closed = eventOf(venue, "auction");
      clock.advance(INTERVAL - LAG);
      await closed;
    }
    assert.ok(!isBelow(768n, s.stands()));
    assert.ok(s.account().positions[0] > 0n && s.account().positions[0] < 3_600n);
    await proveAll(venue, clock);
    await client.sync();
    assert.deepEqual(client.proved.account.positions, s.account().positions);
    assert.equal(client.proved.recomputed, true);
    const told = await s.kinds();
    assert.deepEqual([told.includes("flag"), told.includes("reduce"), told.includes("assume")], [true, true, false]);
    await venue.close();
  });

  it("whose equity is gone is taken over at once; the insurance account has what was its", async () => {
    const s = await leveraged();
    const { client, venue, clock } = s;
    const before = s.account();
    await s.fall(88_000n);
    await until(venue, () => s.account().positions[0] === 0n);
    assert.deepEqual([s.account().cash, s.account().flagged, s.account().positions], [0n, 0n, NO_POSITIONS]);
    assert.deepEqual(venue.account(INSURANCE)!.positions, before.positions);
    await proveAll(venue, clock);
    await client.sync();
    assert.equal(client.proved?.recomputed, true);
    assert.deepEqual(await s.kinds(), ["deposit", "fill", "flag", "assume"]);
    const [position] = await client.positions();
    assert.deepEqual([position.lots, position.profit?.open], [0n, 0n]);
    assert.ok(position.profit!.closed < -39_000_000n);
    await venue.close();
  });

  it("catches a venue that tells of a step that the rules do not allow", async () => {
    for (const [lie, says] of [
      [
        (it: Answer) => (it.time = String(BigInt(it.time) - LENGTH)),
        /told as flag, may not be: expected prices of the epoch/,
      ],
      [(it: Answer) => (it.kind = "sweep"), /told as sweep, may not be: expected an account with a flag/],
      [(it: Answer) => (it.kind = "assume"), /told as assume, may not be: expected an account with a flag/],
    ] as const) {
      const s = await leveraged();
      const { client, venue, clock } = s;
      await s.fall(92_500n);
      await until(venue, () => s.account().flagged !== 0n);
      s.it.lie = (path, answer) => {
        if (path === "/history")
          for (const it of answer.entries)
            if (it.kind === "flag") {
              Object.assign(it, { market: "101", positions: [], cash: "0" });
              lie(it);
            }
        return answer;
      };
      await proveAll(venue, clock);
      await assert.rejects(client.sync(), (error: Error) => error instanceof Contradiction && says.test(error.message));
      await venue.close();
    }
  });
});
