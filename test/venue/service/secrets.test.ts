// Goal: whoever reads the log learns no token, signature, salt, key or order of anybody.
// Method: all that a client does, well and badly, at the most talkative level; then each secret is searched for in the log.
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { pino } from "pino";
import WebSocket from "ws";
import { once } from "node:events";
import { itemJson } from "../../../src/protocol/wire.ts";
import { startService } from "../../../src/venue/service/server.ts";
import { closeAll, closing, post, serve, serviceOptions, session, venueWith } from "./served.ts";

describe("the log", () => {
  afterEach(closeAll);

  it("holds no secret", async () => {
    const { venue, clock, traders, close } = await serve();
    const [alice] = traders;
    let text = "";
    const into = new Writable({
      write(chunk, _, done) {
        text += chunk;
        done();
      },
    });
    const log = pino({ level: "trace" }, into);
    let broken = false;
    const order = (...args: Parameters<typeof venue.order>) => {
      // Messages of the runtime quote what they choke on.
      if (broken) throw new SyntaxError(`Cannot convert ${args[0].salt} and ${args[1].S} to a BigInt`);
      return venue.order(...args);
    };
    const options = { ...serviceOptions({ log, development: true }), metricsToken: "metrics-token-of-the-operator" };
    const service = await startService({ ...options, venue: venueWith(venue, { order }) });
    closing.push(service.close);
    const secrets: string[] = [options.metricsToken];
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`${service.url}${path}`, init);
      return { status: response.status, json: await response.json().catch(() => null) };
    };
    const nextOrder = () => {
      const { item, auth } = alice.order("buy", 1n, 100_000n);
      const json = itemJson(item, auth);
      secrets.push(...Object.values(json));
      return json;
    };

    const asked = session(alice, clock);
    secrets.push(...Object.entries(asked).flatMap(([name, value]) => (name === "expires" ? [] : [value])));
    const { token } = (await ask("/v1/session", post(asked))).json;
    secrets.push(token);
    const headers = { authorization: `Bearer ${token}` };
    for (const path of ["account", "orders", "history", "opening"])
      await ask(`/v1/${path}?index=${alice.index}`, { headers });
    await ask(`/v1/account?token=${token}`, { headers });
    await ask(`/v1/${token}`);
    await ask("/v1/session", post({ ...asked, S: "5" }));
    await ask("/metrics", { headers: { authorization: `Bearer ${options.metricsToken}` } });
    const item = nextOrder();
    assert.equal((await ask("/v1/orders", post(item))).status, 200);
    await ask("/v1/cancels", post(item));
    await ask("/v1/orders", post({ ...item, S: `${item.S}0` }));
    await ask("/v1/orders", post({ ...item, [item.salt]: item.salt }));
    await ask("/v1/orders", post(`${JSON.stringify(item)}x`));
    broken = true;
    assert.equal((await ask("/v1/orders", post(nextOrder()))).status, 500);

    const socket = new WebSocket(`${service.url.replace("http", "ws")}/v1/stream?token=${token}`);
    await once(socket, "open");
    const frame = async (json: object) => {
      socket.send(JSON.stringify(json));
      const [data] = await once(socket, "message");
      return JSON.parse(String(data));
    };
    secrets.push((await frame({ op: "login", id: 1, ...asked })).token);
    await frame({ op: "login", id: 2, token });
    await frame({ op: "login", id: 3, token: `${token}x` });
    assert.equal((await frame({ op: "submit", id: 4, kind: "order", item: nextOrder() })).error.code, "UNEXPECTED");
    broken = false;
    assert.equal((await frame({ op: "submit", id: 5, kind: "order", item: nextOrder() })).verdict, "admitted");
    await frame({ op: token, id: item.salt.slice(0, 64) });
    await service.close();
    await close();

    const lines = text.trim().split("\n");
    assert.ok(lines.length > 20, "the log was written");
    assert.ok(
      lines.some((line) => JSON.parse(line).failure?.at.length > 0),
      "and says where the service failed",
    );
    assert.ok(
      lines.some((line) => JSON.parse(line).account === alice.index),
      "and of which account a request was",
    );
    for (const secret of secrets) {
      assert.ok(secret.length > 5);
      assert.ok(!text.includes(secret), `the log has a secret, number ${secrets.indexOf(secret)}`);
    }
  });
});
