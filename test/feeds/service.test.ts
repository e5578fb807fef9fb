// Goal: whoever asks gets what was signed, how the feed does, and what is measured; nothing else is there.
// Method: a feed whose clock is set, asked without a socket, and once over one.
import assert from "node:assert/strict";
import { Feed } from "../../src/feeds/feed.ts";
import { FeedMetrics } from "../../src/feeds/metrics.ts";
import { Pushes } from "../../src/feeds/pushes.ts";
import { parseReport } from "../../src/feeds/reportJson.ts";
import { createFeedApp, startFeedService } from "../../src/feeds/service.ts";
import { contractsHash } from "../../src/protocol/instrument.ts";
import { DOMAIN, feedRules, instruments, KEYS, SECRETS, temporary } from "./setting.ts";

const BASE = 5_997_600;
const CONTRACTS = contractsHash(instruments());

describe("feeds/service", () => {
  const folder = temporary();
  const open: Feed[] = [];
  after(() => open.forEach((feed) => feed.close()));

  function started() {
    let now = BASE;
    const options = { domain: DOMAIN, secret: SECRETS[1], rules: [feedRules()], warmUp: 1 };
    const feed = new Feed({ ...options, folder: folder(), now: () => now * 1_000 });
    open.push(feed);
    for (const time of [BASE, BASE + 60]) {
      now = time;
      feed.observe({ time, index: 100 }, { source: "test", line: null });
    }
    const metrics = new FeedMetrics(feed, { pushes: new Pushes([]), ofProcess: false });
    const app = createFeedApp({ feed, metrics });
    const ask = async (path: string, init?: RequestInit) => {
      const response = await app.request(path, init);
      return { status: response.status, headers: response.headers, json: await response.json() };
    };
    const sign = () => {
      now = BASE + 62;
      return feed.tick()[0];
    };
    return { feed, app, metrics, ask, sign };
  }
  const epoch = (BASE + 60) / 60;

  it("answers with a report once it is signed, and with a typed error before", async () => {
    const { ask, sign } = started();
    const path = `/v1/quotes/${epoch}/${CONTRACTS}`;
    const before = await ask(path);
    assert.deepEqual([before.status, before.json.error.code], [404, "NOT_FOUND"]);
    assert.equal(before.headers.get("cache-control"), "no-store");
    const signed = sign();
    const { status, json, headers } = await ask(path);
    assert.equal(status, 200);
    assert.deepEqual(parseReport(json), signed);
    assert.match(headers.get("cache-control")!, /immutable/);
    assert.equal(headers.get("access-control-allow-origin"), "*");
    for (const other of [`/v1/quotes/${epoch}/1`, `/v1/quotes/${epoch + 1}/${CONTRACTS}`, "/v1/quotes", "/"])
      assert.deepEqual([(await ask(other)).status, (await ask(other)).json.error.code], [404, "NOT_FOUND"]);
  });

  it("refuses what is no number, and all methods but GET", async () => {
    const { ask } = started();
    for (const path of ["/v1/quotes/x/1", "/v1/quotes/01/1", "/v1/quotes/-1/1", `/v1/quotes/1/${"1".repeat(79)}`])
      assert.deepEqual([(await ask(path)).status, (await ask(path)).json.error.code], [400, "FORMAT"]);
    const post = await ask(`/v1/quotes/${epoch}/${CONTRACTS}`, { method: "POST", body: "{}" });
    assert.deepEqual([post.status, post.json.error.code], [405, "METHOD"]);
  });

  it("tells how it does, without a secret", async () => {
    const { ask, sign } = started();
    const { status, json } = await ask("/v1/health");
    assert.equal(status, 503);
    assert.match(json.reason, /last epoch is not signed/);
    sign();
    const after = await ask("/v1/health");
    assert.equal(after.status, 200);
    assert.deepEqual(after.json, {
      ok: true,
      reason: null,
      key: { x: String(KEYS[1].x), y: String(KEYS[1].y) },
      domain: "77",
      feed: "1",
      contracts: [String(CONTRACTS)],
      epoch: String(epoch),
      observed: String(BASE + 60),
    });
  });

  it("measures", async () => {
    const { app, feed, sign } = started();
    const signed = sign();
    const { feed: number, report } = signed;
    feed.sign({ epoch: report.epoch, contracts: report.contracts, feed: number }, { ...report, index: 7n });
    assert.throws(() => feed.observe({}, { source: "test", line: null }));
    for (let i = 0; i < 2; i++) {
      const text = await (await app.request("/metrics")).text();
      for (const line of [
        "tacit_feed_up 1",
        `tacit_feed_epoch ${epoch}`,
        "tacit_feed_silence_seconds 2",
        "tacit_feed_contracts 1",
        "tacit_feed_signed_total 1",
        "tacit_feed_refused_total 1",
        "tacit_feed_observations_total 2",
        "tacit_feed_late_total 0",
        "tacit_feed_bad_total 1",
        'tacit_feed_pushes_total{outcome="taken"} 0',
      ])
        assert.ok(text.split("\n").includes(line), `${line}\n${text}`);
    }
  });

  it("listens, and gives its port back", async () => {
    const { feed, sign } = started();
    const service = await startFeedService({ feed });
    sign();
    const response = await fetch(`${service.url}/v1/quotes/${epoch}/${CONTRACTS}`);
    assert.equal(parseReport(await response.json()).feed, 1);
    const port = Number(new URL(service.url).port);
    await assert.rejects(startFeedService({ feed, port }), { code: "LISTEN" });
    await service.close();
    await (await startFeedService({ feed, port })).close();
  });
});
