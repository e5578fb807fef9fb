// Goal: every venue gets every report that it can take, the newest first of all, and a bad venue holds up none of the others.
// Method: venues that answer from a list, and waits that the test ends.
import assert from "node:assert/strict";
import { Pushes } from "../../src/feeds/pushes.ts";
import { parseReport } from "../../src/feeds/reportJson.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import type { SignedReport } from "../../src/protocol/report.ts";

const A = "http://a.example";
const B = "http://b.example/venue/";
const values = Array<bigint>(INSTRUMENTS).fill(0n);

function report(epoch: bigint, contracts = 1n): SignedReport {
  const numbers = { index: 1n, average: 1n, sigma: 1n, premium: 1n, values };
  return { feed: 0, report: { domain: 1n, contracts, epoch, ...numbers }, auth: { R8x: 1n, R8y: 2n, S: 3n } };
}
type Answer = number | Error | [status: number, body: unknown];
const error = (code: string, retryAfter?: number) => ({ error: { code, message: "words", retryAfter } });

/** @param answers  by address, the last again and again */
function pushing(answers: Record<string, Answer[]>, meanwhile: (waits: number) => void = () => {}) {
  const [sent, waits, logged]: [string[], number[], string[]] = [[], [], []];
  const log = (_: object, message: string) => void logged.push(message);
  const pushes = new Pushes(Object.keys(answers), {
    log: { info: log, warn: log, error: log },
    async fetch(url, init) {
      const of = Object.keys(answers).find((base) => url === `${base.replace(/\/$/, "")}/v1/reports`)!;
      assert.ok(of && init?.method === "POST" && init.redirect === "error", url);
      const { epoch, contracts } = parseReport(JSON.parse(String(init.body))).report;
      sent.push(`${of === A ? "A" : "B"} ${epoch}/${contracts}`);
      const answer = answers[of].length > 1 ? answers[of].shift()! : answers[of][0];
      if (answer instanceof Error) throw answer;
      const [status, body] = typeof answer === "number" ? [answer, {}] : answer;
      return new Response(JSON.stringify(body), { status });
    },
    async wait(ms) {
      waits.push(ms / 1_000);
      meanwhile(waits.length);
    },
  });
  return { pushes, sent, waits, logged };
}

describe("feeds/pushes", () => {
  it("sends a report to each venue once that takes it", async () => {
    const { pushes, sent, waits } = pushing({ [A]: [200], [B]: [202] });
    pushes.send(report(5n));
    pushes.send(report(5n, 2n));
    await pushes.idle();
    assert.deepEqual(sent.sort(), ["A 5/1", "A 5/2", "B 5/1", "B 5/2"]);
    assert.deepEqual([waits, pushes.counts], [[], { taken: 4, refused: 0, again: 0, dropped: 0 }]);
  });

  it("sends again what is too early, when the venue says or a second later, without a word", async () => {
    const { pushes, sent, waits, logged } = pushing({ [A]: [[425, error("EARLY")], [425, error("EARLY", 3)], [425, error("EARLY", 9e9)], 200] }); // prettier-ignore
    pushes.send(report(5n));
    await pushes.idle();
    assert.deepEqual([sent.length, waits, logged], [4, [1, 3, 60], []]);
    assert.equal(pushes.counts.taken, 1);
  });

  it("waits longer after each failure, up to half a minute, and tells of the first", async () => {
    const failing = [new Error("refused"), 500, 503, [429, null] as Answer, new Error("reset"), 502, 504];
    const { pushes, waits, logged } = pushing({ [A]: [...failing, 200] });
    pushes.send(report(5n));
    await pushes.idle();
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30]);
    assert.equal(logged.length, 1);
    assert.match(logged[0], /http:\/\/a.example\/v1\/reports does not answer: refused/);
    assert.deepEqual(pushes.counts, { taken: 1, refused: 0, again: 7, dropped: 0 });
  });

  it("is no faster than a second, whatever a venue asks for", async () => {
    const soon = [0, 0.001, -1].map((after): Answer => [429, error("BUSY", after)]);
    const { pushes, waits } = pushing({ [A]: [...soon, [425, error("EARLY", 0)], 200] });
    pushes.send(report(5n));
    await pushes.idle();
    assert.deepEqual(waits, [1, 1, 1, 1]);
  });

  it("leaves what a venue refuses", async () => {
    const { pushes, sent, logged } = pushing({ [A]: [[400, error("FORMAT")], [409, "no object"], 200] });
    for (const epoch of [5n, 6n, 7n]) {
      pushes.send(report(epoch));
      await pushes.idle();
    }
    assert.deepEqual(sent, ["A 5/1", "A 6/1", "A 7/1"]);
    assert.deepEqual(logged, ["a venue refused a report: words", "a venue refused a report: it gives no reason"]);
  });

  it("drops an old report for a new one about the same contracts, and others have their turn", async () => {
    const { pushes, sent } = pushing({ [A]: [500, 500, 500, 200] }, (waits) => {
      if (waits === 2) pushes.send(report(6n));
    });
    pushes.send(report(5n));
    pushes.send(report(5n, 2n));
    await pushes.idle();
    assert.deepEqual(sent, ["A 5/1", "A 5/2", "A 6/1", "A 5/2", "A 6/1"]);
    assert.equal(pushes.counts.dropped, 1);
  });

  it("ends a wait when there is a new report, and for good when it is closed", async () => {
    const waits: (() => void)[] = [];
    let answer = 500;
    const pushes = new Pushes([A], {
      fetch: async () => new Response("{}", { status: answer }),
      wait: (_, signal) => new Promise((resolve) => {
        waits.push(resolve);
        signal.addEventListener("abort", () => resolve());
      }),
    }); // prettier-ignore
    const waiting = async (count: number) => {
      while (waits.length < count) await new Promise(setImmediate);
    };
    pushes.send(report(5n));
    await waiting(1);
    answer = 200;
    pushes.send(report(6n));
    await pushes.idle();
    assert.equal(pushes.counts.taken, 1);
    answer = 500;
    pushes.send(report(7n));
    await waiting(2);
    await pushes.close();
    pushes.send(report(8n));
    await pushes.idle();
    assert.deepEqual(pushes.counts, { taken: 1, refused: 0, again: 2, dropped: 1 });
  });

  it("does not wait for one venue with another's report", async () => {
    let end = () => {};
    const held = new Promise<void>((resolve) => (end = resolve));
    const asked: string[] = [];
    const pushes = new Pushes([A, B], {
      fetch: async (url) => {
        asked.push(url);
        if (url.startsWith(A)) await held;
        return new Response("{}");
      },
    });
    pushes.send(report(5n));
    while (pushes.counts.taken < 1) await new Promise(setImmediate);
    assert.equal(asked.length, 2);
    end();
    await pushes.idle();
    assert.equal(pushes.counts.taken, 2);
  });

  it("sends what comes while another is on its way", async () => {
    const sent: bigint[] = [];
    const pushes = new Pushes([A], {
      fetch: async (_, init) => {
        sent.push(parseReport(JSON.parse(String(init!.body))).report.epoch);
        if (sent.length === 1) pushes.send(report(6n));
        return new Response("{}");
      },
    });
    pushes.send(report(5n));
    await pushes.idle();
    assert.deepEqual(sent, [5n, 6n]);
  });

  it("refuses what is no address", () => assert.throws(() => new Pushes(["a.example"]), { code: "USAGE" }));
});
