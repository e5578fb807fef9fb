// Goal: a trader is told in words where rules and prices are the venue's word alone, beside the numbers that follow from them;
// and sees no table of prices that no feed is shown to have signed.
// Method: the commands themselves, at a venue in memory that is far from its genesis, and proves nothing.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TacitError } from "../../src/protocol/errors.ts";
import { accountHistory, accountShow } from "../../src/cli/venue/account.ts";
import { margin } from "../../src/cli/venue/margin.ts";
import { orderNew } from "../../src/cli/venue/trader.ts";
import { sealSecret } from "../../src/client/index.ts";
import { INTERVAL, ManualClock, PERP } from "../venue/fixture.ts";
import { LAG, LENGTH, minutely, minutelyJson, priceNow } from "../venue/repricing.ts";
import { honest, setting } from "../client/setting.ts";

const SENTENCE = /rules and prices are as the venue tells it: no proved state has shown them here so far/g;

describe("tacit margin, account show: what only the venue tells", () => {
  const folder = mkdtempSync(join(tmpdir(), "tacit-told-"));
  const options = { venue: "http://venue.example", account: join(folder, "key.json") };
  const { fetch } = globalThis;
  const { TACIT_PASSPHRASE } = process.env;
  let s!: Awaited<ReturnType<typeof setting>>;

  before(async () => {
    // A client's own clock decides what is far; the prices count till the end.
    const now = BigInt(Math.floor(Date.now() / 1000));
    const clock = new ManualClock(now - (now % LENGTH) + LAG);
    s = await setting({ genesis: minutely, json: minutelyJson, reports: [], clock });
    const { venue, alice, bob, send } = s;
    clock.advance(1n);
    await priceNow(venue);
    const validUntil = clock.now() + 600n;
    const fields = { validUntil, expiry: validUntil, thisAuction: true };
    await send(alice.order("buy", 2n, 100_100n, fields));
    await send(bob.order("sell", 2n, 100_100n, fields));
    clock.advance(INTERVAL);
    await venue.auctions();
    globalThis.fetch = s.fetch as typeof fetch;
    process.env.TACIT_PASSPHRASE = "words";
    writeFileSync(options.account, await sealSecret(alice.secret, "words"));
  });
  after(async () => {
    globalThis.fetch = fetch;
    if (TACIT_PASSPHRASE === undefined) delete process.env.TACIT_PASSPHRASE;
    else process.env.TACIT_PASSPHRASE = TACIT_PASSPHRASE;
    await s.venue.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => {
    s.it.lie = honest;
  });

  /** What a command prints. */
  async function printed(command: () => Promise<number>): Promise<string> {
    const { write } = process.stdout;
    let text = "";
    process.stdout.write = ((part: string) => (text += part) !== "") as typeof write;
    try {
      assert.equal(await command(), 0);
    } finally {
      process.stdout.write = write;
    }
    return text;
  }
  const times = (text: string) => [...text.matchAll(SENTENCE)].length;

  it("is said once, beside the numbers", async () => {
    const shown = await printed(() => margin(options));
    assert.equal(times(shown), 1);
    assert.match(shown, /signed by feeds 0, 1, 2: index 100,000\nrules and prices are as [^\n]+\nscenario /);
    assert.equal(JSON.parse(await printed(() => margin({ ...options, json: true }))).told, true);
    const account = await printed(() => accountShow(options));
    assert.equal(times(account), 1);
    assert.match(account, /\nperpetual +2 .* 100,000 .*\nrules and prices are as/);
    assert.equal(JSON.parse(await printed(() => accountShow({ ...options, json: true }))).told, true);
  });

  it("is said where an order is not sent for it", async () => {
    const order = { market: String(PERP), size: 1n, limit: 1n };
    const message = /the rules reject it \(\w+\): .*\(rules and prices are as the venue tells it: [^)]+\)$/;
    await assert.rejects(orderNew("buy", order, { ...options, validFor: 60, expireIn: 600 }), {
      code: "REJECTED",
      message,
    });
  });

  it("is a history of which each field is read: one that is none is told by name", async () => {
    const good = await printed(() => accountHistory(-1, options));
    assert.match(good, /\n *\d+ +deposit +20\d\d-.* 40,000,000\n/);
    assert.match(good, /\n *\d+ +fill +20\d\d-.* perpetual +1 +2 /);
    for (const [change, says] of [
      [{ amount: undefined }, /history.amount is wrong/],
      [{ amount: "9".repeat(70) }, /history.amount is out of range/],
      [{ time: "soon" }, /history.time is wrong/],
      [{ n: -1 }, /history/],
      [{ kind: "gift" }, /history.kind is wrong/],
      [{ kind: "settlement", cash: "0" }, /settlement.positions is wrong/],
    ] as const) {
      s.it.lie = (path, answer) => {
        if (path === "/history") Object.assign(answer.entries[0] ?? {}, change);
        return answer;
      };
      await assert.rejects(accountHistory(-1, options), (error: Error) => error instanceof TacitError && says.test(error.message)); // prettier-ignore
    }
  });

  it("has no table without the reports that made its prices", async () => {
    s.it.lie = (path, answer) => (path === "/changes" ? { changes: [] } : answer);
    const shown = await printed(() => margin(options));
    assert.match(shown, /^the venue shows no reports that made its prices\nrules and prices are as [^\n]+\n$/);
    const account = await printed(() => accountShow(options));
    assert.match(account, /\n {2}position {2}2 of [^\n]+\nrules and prices are as /);
    assert.doesNotMatch(account, /average price/);
  });
});
