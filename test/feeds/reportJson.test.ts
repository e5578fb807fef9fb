// Goal: a report comes out of its JSON as it went in, and nothing else comes out.
// Method: one report, one change each.
import assert from "node:assert/strict";
import { parseReport, reportJson } from "../../src/feeds/reportJson.ts";
import { sign } from "../../src/protocol/eddsa.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { NO_PREMIUM, reportFaults, reportHash } from "../../src/protocol/report.ts";
import { KEYS, SECRETS } from "./setting.ts";

const values = Array.from({ length: INSTRUMENTS }, (_, i) => BigInt(i));
const report = { domain: FIELD - 1n, contracts: 6n, epoch: 7n, index: 1n, average: 2n, sigma: 3n, premium: NO_PREMIUM, values }; // prettier-ignore
const signed = { feed: 2, report, auth: sign(SECRETS[2], reportHash(report)) };

describe("feeds/reportJson", () => {
  it("gives back what was written, with its signature", () => {
    const text = JSON.stringify(reportJson(signed));
    assert.ok(!/:\d/.test(text), "every number is a string");
    const again = parseReport(JSON.parse(text));
    assert.deepEqual(again, signed);
    assert.deepEqual(reportFaults([again], { keys: KEYS, domain: FIELD - 1n, contracts: 6n, epoch: 7n }), [null]);
  });

  const json = () => JSON.parse(JSON.stringify(reportJson(signed)));
  const refused: [place: string, change: (json: any) => void][] = [
    ["report.feed", (it) => (it.feed = "256")],
    ["report.feed", (it) => (it.feed = 2)],
    ["report.report", (it) => (it.report = null)],
    ["report.report.domain", (it) => (it.report.domain = String(FIELD))],
    ["report.report.epoch", (it) => (it.report.epoch = String(1n << 40n))],
    ["report.report.index", (it) => (it.report.index = String(1n << 40n))],
    ["report.report.sigma", (it) => (it.report.sigma = "-1")],
    ["report.report.premium", (it) => delete it.report.premium],
    ["report.report.values", (it) => it.report.values.pop()],
    ["report.report.values[15]", (it) => (it.report.values[15] = "0x1")],
    ["report.auth", (it) => delete it.auth],
    ["report.auth.S", (it) => (it.auth.S = "01")],
  ];
  for (const [place, change] of refused)
    it(`refuses ${place} by name`, () => {
      const changed = json();
      change(changed);
      assert.throws(() => parseReport(changed), (error: any) => error.code === "FORMAT" && error.details.at === place); // prettier-ignore
    });
  it("refuses what is no object", () => assert.throws(() => parseReport("x"), { code: "FORMAT" }));
});
