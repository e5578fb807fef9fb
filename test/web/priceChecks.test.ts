// Goal: the page's thread says good of prices that it has made anew from the genesis on, and of no others: what only the venue
// tells it says so, and what cannot be true it calls bad, though never for a race with a venue that is honest.
// Method: looks at a venue in memory, one by one, of the truth and of the truth with something changed.
import assert from "node:assert/strict";
import { parseReport } from "../../src/feeds/reportJson.ts";
import { toJson } from "../../src/protocol/json.ts";
import { reprice } from "../../src/protocol/prices.ts";
import { pricesJson } from "../../src/protocol/pricesJson.ts";
import { pricesTold } from "../../src/protocol/pricesTold.ts";
import { medians } from "../../src/protocol/report.ts";
import { rootsOf, type Rules, type Terms } from "../../src/protocol/rules.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { PriceChecks } from "../../src/web/watch/priceChecks.ts";
import { proveAll, setting, type Answer } from "../client/setting.ts";
import { ManualClock, simulatedProver, START } from "../venue/fixture.ts";
import { LAG, LENGTH, minutely, minutelyJson, priceNow } from "../venue/repricing.ts";

const { keys } = simulatedProver();
const told = (terms: Terms): Answer => JSON.parse(toJson(pricesTold(terms)));

/** A venue with two prices, so many epochs after its genesis, and what the thread says of a look. */
async function watched(epochs: bigint) {
  const clock = new ManualClock(START + epochs * LENGTH + LAG);
  const s = await setting({ genesis: minutely, json: minutelyJson, reports: [], clock });
  const { venue, fetch } = s;
  clock.advance(1n);
  await priceNow(venue);
  const reprice = async () => {
    clock.advance(LENGTH);
    await priceNow(venue);
  };
  await reprice();
  let time = Number(clock.now()) * 1000;
  const open = () => PriceChecks.open({ url: "http://venue.example", keysOf: () => keys, fetch, now: () => time });
  /** Of a page that asked so many milliseconds before. */
  const look = async (checks: PriceChecks, prices: Answer = told(venue.terms), late = 0) => {
    time += 2_000;
    const said = await checks.check({ told: prices, asked: time - late });
    return said && `${said.verdict}: ${said.sentence}`;
  };
  return { ...s, reprice, open, look };
}

describe("watch: the thread of the prices", () => {
  it("says good of what follows from the genesis, and names the round that proves it", async () => {
    const { venue, clock, open, look } = await watched(1n);
    const checks = await open();
    assert.match((await look(checks))!, /^good: Checked here: .* feeds 0, 1, 2, .*It is in no proved round so far\.$/);
    await proveAll(venue, clock);
    assert.match((await look(checks))!, /^good: .*Round 1 proves that entry\.$/);
    const other = { ...told(venue.terms), index: "7" };
    assert.match((await look(checks, other))!, /^bad: The venue tells other prices than/);
    await venue.close();
  });

  it("calls older prices bad, once they were told after newer ones were shown", async () => {
    const { venue, open, look, reprice } = await watched(1n);
    const checks = await open();
    const before = told(venue.terms);
    const OLD = "bad: The venue tells older prices than it has made.";
    await reprice();
    assert.equal(await look(checks, before), null, "it may have been told before");
    assert.equal(await look(checks, before, 2_500), null, "asked for before the first look: it too");
    assert.equal(await look(checks, before), OLD);
    assert.equal(await look(checks, { ...before, index: "7" }), OLD);
    await reprice();
    assert.equal(await look(checks, before), null, "new ones came");
    assert.match((await look(checks))!, /^good: /);
    await venue.close();
  });

  it("calls other rules bad at the second look", async () => {
    const { venue, open, look } = await watched(1n);
    const checks = await open();
    const other = { ...told(venue.terms), rules: "7" };
    assert.equal(await look(checks, other), null);
    assert.match((await look(checks, other))!, /^bad: The venue tells other prices than/);
    assert.match((await look(checks))!, /^good: /);
    assert.equal(await look(checks, other), null);
    await venue.close();
  });

  it("says what is not checked where only the venue tells it, be the entry proved or not", async () => {
    const { venue, clock, open, look, it: line } = await watched(200n);
    const honest = await open();
    const UNCHECKED =
      /^wait: The rules, .* charges, and funding and ranges so far are as the venue tells it: not checked\. .*made at entry 2 of the log from the signed reports of feeds 0, 1, 2\. /;
    assert.match((await look(honest))!, UNCHECKED);
    // Rules and prices before that are made up: other ranges, no charges, another funding; the same feeds and contracts.
    const { n, rules, prices } = venue.earlierTerms;
    const { group, instruments, markets } = rules;
    const pricing = { ...group.pricing, rangeFloor: 1n, rangeCap: 2n, markBand: 0n };
    const free = instruments.map((it) => it && { ...it, longCharge: 0n, shortCharge: 0n });
    const madeUp: Rules = { ...rules, group: { ...group, pricing }, instruments: free };
    const { root } = rootsOf(madeUp);
    const before = { ...prices, rules: root, funding: 77_777n };
    const last = (await venue.changes()).at(-1)!;
    assert.ok(last.kind === "reprice");
    const numbers = medians(last.quorum.map(parseReport));
    const after = reprice({ root, pricing, instruments: free, markets }, before, BigInt(last.epoch), numbers);
    line.lie = (path, answer) =>
      path === "/terms" ? { n, rules: rulesJson(madeUp), prices: pricesJson(before) } : answer;
    const lied = await open();
    const shown = told({ rules: madeUp, prices: after });
    assert.match((await look(lied, shown))!, UNCHECKED);
    await proveAll(venue, clock);
    assert.match((await look(lied, shown))!, UNCHECKED);
    assert.match((await look(lied, shown))!, /Round 1 proves that entry\.$/);
    assert.match((await look(lied, { ...shown, range: "7" }))!, /^bad: The venue tells other prices than/);
    await venue.close();
  });

  it("says that nothing is checked where no reports are shown", async () => {
    const { venue, open, look, it: line } = await watched(200n);
    const prices = told(venue.earlierTerms);
    line.lie = (path, answer) => (path === "/changes" ? { changes: [] } : answer);
    const checks = await open();
    assert.match(
      (await look(checks, prices))!,
      /^wait: Not checked: the venue shows no reports that made these prices\. The rules, /,
    );
    const older = { ...prices, epoch: `${BigInt(prices.epoch) - 1n}` };
    assert.equal(await look(checks, older), null);
    assert.match((await look(checks, older))!, /^bad: The venue tells older prices/);
    await venue.close();
  });
});
