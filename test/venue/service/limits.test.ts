// Goal: nobody takes more than a share, nobody can use up another's, and what is kept for it stays bounded.
// Method: buckets and sessions on a clock that the test moves; rates through a service on that clock.
import assert from "node:assert/strict";
import { sign } from "../../../src/protocol/eddsa.ts";
import { itemJson, sessionMessage } from "../../../src/protocol/wire.ts";
import { Counts, senderOf, TokenBuckets } from "../../../src/venue/service/limits.ts";
import { Sessions } from "../../../src/venue/service/sessions.ts";
import { genesis, Trader } from "../fixture.ts";
import { closeAll, NO_RATES, order, post, serve } from "./served.ts";

describe("token buckets", () => {
  const bucketsOf = (most = 10) => {
    const time = { ms: 0 };
    return { time, buckets: new TokenBuckets<string>({ rate: 10, burst: 5, most, now: () => time.ms }) };
  };

  it("give a burst, then the rate", () => {
    const { time, buckets } = bucketsOf();
    for (let i = 0; i < 5; i++) assert.equal(buckets.take("a"), 0);
    assert.equal(buckets.take("a"), 100);
    time.ms = 99;
    assert.ok(buckets.take("a") > 0);
    time.ms = 100;
    assert.equal(buckets.take("a"), 0);
    assert.equal(buckets.take("b"), 0, "others have their own");
  });

  it("hold no more than a burst, however long they are left alone", () => {
    const { time, buckets } = bucketsOf();
    buckets.take("a");
    time.ms = 1e9;
    assert.equal(buckets.take("a", 5), 0);
    assert.ok(buckets.take("a") > 0);
  });

  it("take what is charged afterwards into debt, at most a whole bucket", () => {
    const { time, buckets } = bucketsOf();
    for (let i = 0; i < 100; i++) buckets.charge("a");
    assert.equal(buckets.wait("a"), 600);
    time.ms = 600;
    assert.equal(buckets.wait("a"), 0);
  });

  it("give what costs more than a bucket to a full one, and let it owe the rest", () => {
    const { buckets } = bucketsOf();
    assert.equal(buckets.take("a", 8), 0);
    assert.equal(buckets.wait("a"), 400);
  });

  it("forget the key that was left alone longest", () => {
    const { buckets } = bucketsOf(4);
    for (const key of ["a", "b"]) assert.equal(buckets.take(key, 5), 0);
    assert.ok(buckets.take("a") > 0);
    for (const key of ["c", "d"]) buckets.take(key);
    assert.ok(buckets.take("a") > 0, "of the last half that was touched");
    assert.equal(buckets.take("b"), 0, "b was left alone longest, and is full again");
    for (let i = 0; i < 1_000; i++) buckets.take(`c${i}`);
    assert.ok(buckets.size <= 4);
  });
});

it("counts keep nothing of who has none", () => {
  const counts = new Counts<string>();
  counts.add("a");
  counts.add("a");
  counts.remove("a");
  assert.equal(counts.of("a"), 1);
  counts.remove("a");
  counts.remove("a");
  assert.equal(counts.of("a"), 0);
});

describe("a sender", () => {
  for (const [address, sender] of [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8:0:7::1", "2001:db8:0:7::/64"],
    ["2001:DB8:0:7:8:9:a:b", "2001:db8:0:7::/64"],
    ["2001:0db8:0000:0007:ffff:9:a:b", "2001:db8:0:7::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
  ])
    it(`of ${address} is ${sender}`, () => assert.equal(senderOf(address), sender));
});

describe("sessions", () => {
  const NOW = 1_000_000n;
  const HOST = "venue.example:8080";
  const sessionsOf = (most = 100) => {
    const time = { now: NOW };
    return {
      time,
      sessions: new Sessions({ domain: genesis.domain, isHost: (host) => host === HOST, now: () => time.now, most }),
    };
  };
  const request = (trader: Trader, expires = NOW + 600n) => {
    const { key } = trader;
    const wanted = { host: HOST, key, expires };
    return { ...wanted, signature: sign(trader.secret, sessionMessage(genesis.domain, wanted)) };
  };
  const [alice, bob] = [new Trader(0), new Trader(1)];

  it("are found by their token until they expire", () => {
    const { time, sessions } = sessionsOf();
    const { token } = sessions.open(request(alice), true);
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(sessions.find(token)?.key, alice.key);
    time.now = NOW + 599n;
    assert.ok(sessions.find(token));
    time.now = NOW + 600n;
    assert.equal(sessions.find(token), null);
    assert.equal(sessions.size, 0);
  });

  it("are not found by anything else", () => {
    const { sessions } = sessionsOf();
    const { token } = sessions.open(request(alice), true);
    for (const other of [
      "",
      token.slice(1),
      `${token}A`,
      token.replace(/^./, (c) => (c === "A" ? "B" : "A")),
      "__proto__",
    ])
      assert.equal(sessions.find(other), null);
  });

  it("must be signed by their key, for this venue and this time", () => {
    const { sessions } = sessionsOf();
    const good = request(alice);
    const bad = [
      { ...good, key: bob.key },
      { ...good, expires: good.expires + 1n },
      { ...good, signature: { ...good.signature, S: good.signature.S + 1n } },
      { ...good, signature: { R8x: 0n, R8y: 1n, S: 0n } },
      { ...good, key: { x: 0n, y: 1n } },
      { ...good, signature: sign(alice.secret, sessionMessage(genesis.domain + 1n, good)) },
      // Signed for another site, which passes it on.
      {
        ...good,
        host: "other.example",
        signature: sign(alice.secret, sessionMessage(genesis.domain, { ...good, host: "other.example" })),
      },
      { ...good, host: "other.example" },
    ];
    for (const wrong of bad) assert.throws(() => sessions.open(wrong, true), { code: "UNAUTHORISED" });
    for (const expires of [NOW - 1n, NOW, NOW + 3_601n])
      assert.throws(() => sessions.open(request(alice, expires), true), { code: "OUT_OF_RANGE" });
    sessions.open(request(alice, NOW + 3_600n), true);
    assert.equal(sessions.size, 1);
  });

  it("of one key push out its own older ones", () => {
    const { sessions } = sessionsOf();
    const other = sessions.open(request(bob), true).token;
    const tokens = Array.from({ length: 9 }, () => sessions.open(request(alice), true).token);
    assert.equal(sessions.find(tokens[0]), null);
    for (const token of [...tokens.slice(1), other]) assert.ok(sessions.find(token));
  });

  it("of keys without an account cannot push out those of keys with one", () => {
    const { sessions } = sessionsOf(4);
    const { token } = sessions.open(request(alice), true);
    for (let i = 10; i < 20; i++) sessions.open(request(new Trader(i)), false);
    assert.ok(sessions.find(token));
    assert.equal(sessions.size, 3);
  });
});

describe("rates", () => {
  afterEach(closeAll);

  const rates = { account: { rate: 10, burst: 20 }, address: NO_RATES.address };

  it("hold an account to its rate, whatever address its items come from", async () => {
    const time = { ms: 0 };
    const { ask, traders, close } = await serve({ options: { rates, now: () => time.ms } });
    const [alice, bob] = traders;
    const send = (trader: Trader, sender: string) => ask("/v1/orders", post(order(trader)), { sender });
    for (let i = 0; i < 20; i++) assert.equal((await send(alice, `10.0.0.${i}`)).status, 200);
    const refused = await send(alice, "10.0.0.99");
    assert.equal(refused.status, 429);
    assert.equal(refused.json.error.code, "RATE_LIMITED");
    assert.equal(refused.json.error.retryAfter, 1);
    assert.equal(refused.headers.get("retry-after"), "1");
    assert.equal((await send(bob, "10.0.0.1")).status, 200);
    time.ms += 100;
    assert.equal((await send(alice, "10.0.0.1")).status, 200);
    assert.equal((await send(alice, "10.0.0.1")).status, 429);
    await close();
  });

  it("cost an account nothing for what others sign in its name, and its sender the check", async () => {
    const address = { rate: 1, burst: 200 };
    const { ask, traders, close } = await serve({
      options: { rates: { account: { rate: 1, burst: 5 }, address }, now: () => 0 },
    });
    const [alice, mallory] = traders;
    const forged = () => {
      const { item } = alice.order("buy", 1n, 100_000n);
      return itemJson(item, mallory.sign(item).auth);
    };
    for (let i = 0; i < 9; i++) {
      const { status, json } = await ask("/v1/orders", post(forged()), { sender: "6.6.6.6" });
      assert.equal(status, 422);
      assert.equal(json.error.details.verdict, "unsigned");
    }
    assert.equal((await ask("/v1/health", {}, { sender: "6.6.6.6" })).status, 200);
    for (let i = 0; i < 20; i++) await ask("/v1/orders", post(forged()), { sender: "6.6.6.6" });
    assert.equal((await ask("/v1/health", {}, { sender: "6.6.6.6" })).status, 429);
    for (let i = 0; i < 5; i++)
      assert.equal((await ask("/v1/orders", post(order(alice)), { sender: "10.0.0.1" })).status, 200);
    assert.equal((await ask("/v1/orders", post(order(alice)), { sender: "10.0.0.1" })).status, 429);
    await close();
  });

  it("hold an address to its rate on every route, also where there is nothing", async () => {
    const time = { ms: 0 };
    const address = { rate: 100, burst: 10 };
    const { ask, close } = await serve({
      options: { rates: { account: NO_RATES.account, address }, now: () => time.ms },
    });
    for (const path of ["/v1/health", "/nothing", "/v1/venue", "/v1/account"]) {
      const caller = { sender: path };
      const statuses: number[] = [];
      for (let i = 0; i < 11; i++) statuses.push((await ask(path, {}, caller)).status);
      assert.ok(statuses.slice(0, 10).every((status) => status !== 429));
      assert.equal(statuses[10], 429);
      time.ms += 10;
      assert.notEqual((await ask(path, {}, caller)).status, 429);
    }
    await close();
  });
});
