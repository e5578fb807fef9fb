// Goal: a file of rules is read as it was written, and refused by the name of what is wrong in it.
// Method: from one good file, one change each.
import assert from "node:assert/strict";
import { toJson } from "../../src/protocol/json.ts";
import { marketNames, namedRulesJson, parseRules, rulesJson } from "../../src/protocol/rulesJson.ts";
import { rulesRoot } from "../../src/protocol/rules.ts";
import { group, PROFILE, rules } from "./pricedRules.ts";

const paying = () => ({ ...rules(), group: { ...group(), payout: { recipient: 1n, amount: 2n, time: 3n } } });
/** The file as others read it. */
const file = (of = rules()) => JSON.parse(toJson(rulesJson(of))) as any;

const refused: [why: string, field: RegExp, change: (json: any) => void][] = [
  ["a field of no rules", /rules\.prices/, (json) => (json.prices = {})],
  ["no group", /group/, (json) => delete json.group],
  ["17 markets", /markets/, (json) => (json.markets = Array(17).fill(null))],
  ["a misspelt field of a market", /markets\[0\]\.capactity/, (json) => (json.markets[0].capactity = "1")],
  ["a market without a capacity", /markets\[0\]\.capacity/, (json) => delete json.markets[0].capacity],
  ["15 legs", /markets\[0\]\.legs/, (json) => json.markets[0].legs.pop()],
  ["a leg that is no number", /markets\[0\]\.legs\[3\]/, (json) => (json.markets[0].legs[3] = "one")],
  ["a rule that is none", /markets\[0\]\.rule/, (json) => (json.markets[0].rule = "lottery")],
  ["the state of 0.1", /markets\[0\]\.state/, (json) => (json.markets[0].state = "expired")],
  ["a kind that is none", /instruments\[0\]\.kind/, (json) => (json.instruments[0].kind = "swap")],
  ["an instrument without a weight", /instruments\[0\]\.weight/, (json) => delete json.instruments[0].weight],
  ["a level that is none", /scenarios\[1\]\.level/, (json) => (json.group.pricing.scenarios[1].level = "high")],
  ["a move that is no number", /scenarios\[1\]\.move/, (json) => (json.group.pricing.scenarios[1].move = 0.5)],
  ["a tenor too few", /tenors/, (json) => json.group.pricing.tenors.pop()],
  ["a pricing word too few", /pricing\.window/, (json) => delete json.group.pricing.window],
  ["a default word too few", /defaults\.hold/, (json) => delete json.group.defaults.hold],
  ["a feed without y", /feeds\[2\]\.y/, (json) => delete json.group.feeds[2].y],
  ["a payout without a time", /payout\.time/, (json) => (json.group.payout = { recipient: "1", amount: "2" })],
];

describe("protocol/rulesJson", () => {
  it("reads what it writes", () => {
    for (const of of [rules(), paying()]) {
      assert.deepEqual(parseRules(file(of), PROFILE), of);
      assert.equal(rulesRoot(parseRules(file(of), PROFILE)), rulesRoot(of));
    }
  });

  it("takes names of markets, safe integers, and slots left out", () => {
    const json = file();
    json.markets[0].name = "perpetual";
    json.markets[0].tick = 10;
    json.markets = json.markets.slice(0, 5);
    json.instruments = json.instruments.slice(0, 5);
    delete json.group.payout;
    assert.deepEqual(parseRules(json, PROFILE), rules());
  });

  for (const [why, field, change] of refused)
    it(`refuses ${why}`, () => {
      const json = file();
      change(json);
      assert.throws(() => parseRules(json, PROFILE), { code: "RULES_FILE", message: field });
    });

  it("names of markets are what a person can tell apart, by id", () => {
    const named = (name: unknown, id: unknown = "101") => marketNames({ markets: [null, { id, name }] });
    assert.deepEqual(named("BTC perpetual"), { "101": "BTC perpetual" });
    assert.deepEqual(named("BTC perpetual", 101), { "101": "BTC perpetual" });
    for (const name of [
      "",
      " a",
      "a ",
      "102",
      "1 02",
      "a\u001b[2J",
      "a\u3164b",
      "a\u200bb",
      "a\nb",
      "x".repeat(65),
      5,
      null,
    ])
      assert.deepEqual(named(name), {}, JSON.stringify(name));
    assert.deepEqual(named("a", { toString: 5 }), {});
    for (const json of [null, 5, {}, { markets: 5 }]) assert.deepEqual(marketNames(json), {});
    const of = rules();
    const id = String(of.markets[0]!.id);
    assert.deepEqual(marketNames(namedRulesJson(of, { [id]: "first", "77": "of none" })), { [id]: "first" });
    assert.equal(
      rulesRoot(parseRules(JSON.parse(toJson(namedRulesJson(of, { [id]: "first" }))), PROFILE)),
      rulesRoot(of),
    );
  });

  it("refuses what no rules may say", () => {
    const json = file();
    json.group.slack = "65";
    assert.throws(() => parseRules(json, PROFILE), { code: "OUT_OF_RANGE", message: /group\.slack/ });
  });
});
