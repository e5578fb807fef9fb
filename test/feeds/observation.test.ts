// Goal: what a source says is taken as docs/feeds.md has it, or refused by place, field and bound.
// Method: one good observation, one change each.
import assert from "node:assert/strict";
import { quoteNames, readObservation } from "../../src/feeds/observation.ts";
import { EXPIRY, instruments } from "./setting.ts";

const place = { source: "prices.jsonl", line: 7 };
const read = (json: unknown) => readObservation(json, instruments(), place);
const good = { time: 1_000, index: "100020", values: { 0: "100021" } };

describe("feeds/observation", () => {
  it("names what is quoted alike under all rules", () => {
    const names = ["perpetual", `future/${EXPIRY}`, `volatility/${EXPIRY}/100000`, null, `volatility/${EXPIRY}/120000`];
    assert.deepEqual(quoteNames(instruments()).slice(0, 6), [...names, null]);
  });

  it("takes slots and names, numbers and strings, prices rounded down and volatilities in 2^-24", () => {
    const values = { 0: "100021.999", 1: 100030, 2: "0.65", [`volatility/${EXPIRY}/120000`]: 1.5, "future/7200": 5 };
    const seen = read({ time: 1_000, index: 100_020.5, values });
    assert.deepEqual(seen, {
      time: 1_000n,
      index: 100_020n,
      values: new Map([
        ["perpetual", 100_021n],
        [`future/${EXPIRY}`, 100_030n],
        [`volatility/${EXPIRY}/100000`, BigInt(Math.floor(0.65 * 2 ** 24))],
        [`volatility/${EXPIRY}/120000`, 3n << 23n],
        ["future/7200", 5n],
      ]),
    });
    assert.equal(read({ time: 1, values: { perpetual: 1 } }).index, null);
    assert.equal(read({ time: 1, index: String(2n ** 40n - 1n) }).index, 2n ** 40n - 1n);
  });

  const refused: [why: string, field: string, json: unknown][] = [
    ["no object", "observation", "100"],
    ["a list", "observation", [good]],
    ["another field", '"price"', { ...good, price: 1 }],
    ["no time", "time", { ...good, time: undefined }],
    ["time as a string", "time", { ...good, time: "1000" }],
    ["a part of a second", "time", { ...good, time: 1.5 }],
    ["milliseconds", "time", { ...good, time: 1_767_225_600_000 }],
    ["an index of 0", "index", { ...good, index: "0" }],
    ["an index below a unit", "index", { ...good, index: "0.9" }],
    ["a negative index", "index", { ...good, index: -5 }],
    ["an index of 2^40", "index", { ...good, index: String(2n ** 40n) }],
    ["an index that is none", "index", { ...good, index: null }],
    ["an exponent", "index", { ...good, index: "1e5" }],
    ["a very large number", "index", { ...good, index: 1e300 }],
    ["a free slot", 'values["9"]', { ...good, values: { 9: 1 } }],
    ["a slot with the volatility of another", 'values["3"]', { ...good, values: { 3: "0.5" } }],
    ["no slot", 'values["16"]', { ...good, values: { 16: 1 } }],
    ["no name", 'values["gold"]', { ...good, values: { gold: 1 } }],
    ["a volatility of 0", 'values["2"]', { ...good, values: { 2: 0 } }],
    ["a volatility of 2^16", 'values["2"]', { ...good, values: { 2: 65_536 } }],
    ["values that are none", "values", { ...good, values: [] }],
    ["nothing", "observation", { time: 5 }],
  ];
  for (const [why, field, json] of refused)
    it(`refuses ${why}`, () =>
      assert.throws(
        () => read(json),
        (error: { code: string; message: string; details: Record<string, unknown> }) => {
          assert.equal(error.code, "OBSERVATION");
          assert.deepEqual([error.details.source, error.details.line, error.details.field], ["prices.jsonl", 7, field]);
          assert.ok(error.message.startsWith(`prices.jsonl, line 7: ${field} is wrong: expected `), error.message);
          return true;
        },
      ));
});
