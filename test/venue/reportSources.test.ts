// Goal: a feed's own service is asked for what it has signed of an epoch, and an answer that is none, or another's, is not taken.
// Method: answers of a service that is none; feeds of development against the reports that they sign.
import assert from "node:assert/strict";
import { DevelopmentFeeds } from "../../src/feeds/developmentFeeds.ts";
import { reportJson } from "../../src/feeds/reportJson.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { reportFaults } from "../../src/protocol/report.ts";
import { developmentSource, httpSource } from "../../src/venue/reportSources.ts";
import { hasCode } from "../hasCode.ts";
import { FIRST, minutely } from "./repricing.ts";
import { reportsOf } from "./fixture.ts";

const { domain } = minutely;
const { instruments, group } = minutely.rules;
const question = { domain, instruments, pricing: group.pricing, epoch: FIRST };
const never = new AbortController().signal;

describe("sources of reports", () => {
  const reports = reportsOf({ epoch: FIRST }, minutely);

  function asking(status: number, answer: unknown, url = "https://feed.example/") {
    const asked: string[] = [];
    const fetch = async (address: string) => {
      asked.push(address);
      return new Response(typeof answer === "string" ? answer : JSON.stringify(answer), { status });
    };
    return { asked, source: httpSource(1, url, { fetch }) };
  }

  it("a service is asked for the epoch and the contracts, and its report is read", async () => {
    for (const url of ["https://feed.example", "https://feed.example/"]) {
      const { asked, source } = asking(200, reportJson(reports[1]), url);
      assert.deepEqual(source.feeds, [1]);
      assert.deepEqual(await source.reports(question, never), [reports[1]]);
      assert.deepEqual(asked, [`https://feed.example/v1/quotes/${FIRST}/${contractsHash(instruments)}`]);
    }
  });

  it("a service that has none yet has none", async () => {
    assert.deepEqual(await asking(404, {}).source.reports(question, never), []);
  });

  it("what is no report, or another feed's, is told as such", async () => {
    const ask = (status: number, answer: unknown) => asking(status, answer).source.reports(question, never);
    await assert.rejects(ask(500, {}), { code: "UNREACHABLE", message: /feed\.example.* answers 500/ });
    await assert.rejects(ask(200, reportJson(reports[2])), { code: "FORMAT", message: /is feed 2, where 1/ });
    for (const answer of [{}, [], "no JSON", null, { ...reportJson(reports[1]), auth: null }])
      await assert.rejects(ask(200, answer), hasCode("FORMAT"));
    await assert.rejects(ask(200, " ".repeat(20_000)), hasCode("TOO_LARGE"));
  });

  it("an answer that is given up is waited for no more", async () => {
    const stop = new AbortController();
    const fetch = (_: string, init?: RequestInit) =>
      new Promise<Response>((_, reject) =>
        init!.signal!.addEventListener("abort", () => reject(new Error("given up"))),
      );
    const asked = httpSource(1, "https://feed.example", { fetch }).reports(question, stop.signal);
    stop.abort();
    await assert.rejects(asked, hasCode("UNREACHABLE"));
  });

  it("feeds of development are all of them in one, and say so", async () => {
    const feeds = new DevelopmentFeeds({ seed: 1, feeds: 4, startPrice: 100_000n, startTime: 0n });
    const source = developmentSource(feeds);
    assert.deepEqual([source.feeds, source.isDevelopment], [[0, 1, 2, 3], true]);
    const signed = await source.reports(question, never);
    const expected = { keys: feeds.keys, domain, contracts: contractsHash(instruments), epoch: FIRST };
    assert.deepEqual(reportFaults(signed, expected), [null, null, null, null]);
  });
});
