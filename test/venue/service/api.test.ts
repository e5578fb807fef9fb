// Goal: every route answers what its schema says, to whom it may; every error is one of the table; the document is the code.
// Method: requests without a socket to a venue in memory whose rounds are proved by a simulator.
import assert from "node:assert/strict";
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "@hono/zod-openapi";
import fc from "fast-check";
import { TacitError } from "../../../src/protocol/errors.ts";
import { parseGenesis } from "../../../src/protocol/genesis.ts";
import { FIELD } from "../../../src/protocol/numbers.ts";
import { openingWord, readOpening } from "../../../src/protocol/opening.ts";
import { receiptDefect } from "../../../src/protocol/receipt.ts";
import { ERROR_CODES, itemJson, readReceipt } from "../../../src/protocol/wire.ts";
import { readRounds } from "../../../src/verifier/index.ts";
import { createApp } from "../../../src/venue/service/app.ts";
import { reportError, STATUS } from "../../../src/venue/service/errors.ts";
import { folderFiles } from "../../../src/venue/service/files.ts";
import * as schemas from "../../../src/venue/service/schema.ts";
import { eventOf, PERP, SIGNER, simulatedProver, Trader, unpriced } from "../fixture.ts";
import {
  asker,
  bearer,
  NO_RATES,
  order,
  post,
  serve,
  serviceOptions,
  session,
  venueWith,
  type Answer,
} from "./served.ts";

/** Schema of what each route answers. */
const ANSWERS: Record<string, z.ZodType> = {
  "GET /v1/venue": schemas.VenueSchema,
  "GET /v1/markets": schemas.MarketsSchema,
  "GET /v1/rules": schemas.RulesSchema,
  "GET /v1/prices": schemas.PricesSchema,
  "GET /v1/changes": schemas.ChangesSchema,
  "GET /v1/terms": schemas.TermsSchema,
  "POST /v1/reports": schemas.ReportTakenSchema,
  "POST /v1/rules/announce": schemas.AnnouncementSchema,
  "POST /v1/rules/withdraw": schemas.AnnouncementSchema,
  "POST /v1/rules/apply": schemas.AnnouncementSchema,
  "GET /v1/auctions": schemas.AuctionsSchema,
  "GET /v1/rounds": schemas.RoundsSchema,
  "GET /v1/rounds/{number}": schemas.RoundFileSchema,
  "GET /v1/finality/{n}": schemas.FinalitySchema,
  "GET /v1/health": schemas.HealthSchema,
  "POST /v1/orders": schemas.AcknowledgementSchema,
  "POST /v1/quotes": schemas.AcknowledgementSchema,
  "POST /v1/cancels": schemas.AcknowledgementSchema,
  "POST /v1/withdrawals": schemas.AcknowledgementSchema,
  "POST /v1/deposits": schemas.DepositSchema,
  "POST /v1/session": schemas.SessionSchema,
  "GET /v1/account": schemas.AccountSchema,
  "GET /v1/orders": schemas.OrdersSchema,
  "GET /v1/history": schemas.HistorySchema,
  "GET /v1/opening": schemas.OpeningSchema,
  "GET /v1/receipt": schemas.ReceiptAnswerSchema,
  "GET /v1/survey": schemas.SurveyFileSchema,
  "GET /v1/survey/progress": schemas.SurveyProgressSchema,
  "POST /v1/survey": schemas.SurveyProgressSchema,
  "GET /v1/defaults": schemas.DefaultsSchema,
  "GET /v1/defaults/accounts": schemas.NearestSchema,
  "GET /v1/defaults/history": schemas.HistorySchema,
};

function answers(route: string, answer: Answer, status = 200): any {
  assert.equal(answer.status, status, answer.text.slice(0, 300));
  assert.equal(answer.headers.get("content-type"), "application/json");
  const { error } = ANSWERS[route].safeParse(answer.json);
  assert.equal(error, undefined, `${route}: ${error?.message}`);
  return answer.json;
}

function refused(answer: Answer, code: keyof typeof STATUS, holds: RegExp = /./): any {
  assert.equal(answer.json?.error?.code, code, answer.text.slice(0, 300));
  assert.equal(answer.status, STATUS[code]);
  const { error } = schemas.ErrorSchema.safeParse(answer.json);
  assert.equal(error, undefined, error?.message);
  assert.match(answer.json.error.message, holds);
  return answer.json.error;
}

/** A venue with a market that has traded, and its rounds proved. */
async function served() {
  const it = await serve({
    venue: { prover: simulatedProver().prover, publish: { prices: true, curves: true, depth: true } },
    options: { marketNames: { [String(PERP)]: "perpetual" } },
  });
  const { ask, traders, clock, venue } = it;
  const [alice, bob] = traders;
  const receipts = [
    answers("POST /v1/orders", await ask("/v1/orders", post(order(alice, "buy", 5n, 100_100n)))),
    answers("POST /v1/orders", await ask("/v1/orders", post(order(bob, "sell", 3n, 99_900n)))),
  ];
  const auction = eventOf(venue, "auction");
  clock.advance(20n);
  await auction;
  const proved = eventOf(venue, "round", ({ round }) => Number(round.logCount) >= 4);
  clock.advance(60n);
  await proved;
  return { ...it, alice, bob, receipts };
}

describe("the service", () => {
  let it_: Awaited<ReturnType<typeof served>>;
  before(async () => (it_ = await served()));
  after(() => it_.close());
  const ask: ReturnType<typeof asker> = (...args) => it_.ask(...args);

  describe("tells anybody", () => {
    it("what the venue is", async () => {
      const answer = await ask("/v1/venue");
      const json = answers("GET /v1/venue", answer);
      // View keys would let anybody guess what the venue's own accounts hold.
      const accounts = unpriced.accounts.map((account) => ({ ...account, view: 0n }));
      assert.deepEqual(parseGenesis(json.genesis), { ...unpriced, accounts });
      assert.equal(json.genesisState, String(it_.venue.genesisState));
      assert.equal(json.signer, SIGNER.address);
      assert.equal(json.markets[0].name, "perpetual");
      assert.equal(json.markets[5], null);
      assert.deepEqual([json.proves, json.contract, json.development], [true, null, false]);
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    });

    it("markets with their last auction and book", async () => {
      const { markets } = answers("GET /v1/markets", await ask("/v1/markets"));
      const [perp] = markets;
      assert.equal(perp.lastAuction.volume, "3");
      assert.deepEqual(perp.book, { bids: [["100100", "2"]], asks: [] });
      assert.ok(BigInt(perp.nextClose) > it_.clock.now());
      assert.equal(BigInt(perp.nextClose) % BigInt(perp.interval), 0n);
    });

    it("auctions", async () => {
      const { auctions } = answers("GET /v1/auctions", await ask(`/v1/auctions?market=${PERP}&limit=1`));
      assert.equal(auctions[0].volume, "3");
      assert.deepEqual(auctions[0].curves.bids, [["100100", "5"]]);
      const before = answers("GET /v1/auctions", await ask(`/v1/auctions?before=${auctions[0].n}`));
      assert.ok(before.auctions.every(({ n }: { n: number }) => n < auctions[0].n));
      refused(await ask("/v1/auctions?market=9"), "UNKNOWN_MARKET");
      for (const query of ["limit=0", "limit=501", "limit=1e2", "limit=1&limit=2", "before=-1", "market=x", "other=1"])
        refused(await ask(`/v1/auctions?${query}`), "FORMAT", /query/);
    });

    it("rounds, and their files", async () => {
      const { rounds } = answers("GET /v1/rounds", await ask("/v1/rounds"));
      const { number } = rounds.at(-1);
      assert.equal(number, 1);
      const file = await ask("/v1/rounds/1");
      const [{ state, stateAfter }] = readRounds(answers("GET /v1/rounds/{number}", file));
      assert.deepEqual([String(state), String(stateAfter)], [rounds.at(-1).state, rounds.at(-1).stateAfter]);
      assert.match(file.headers.get("cache-control")!, /immutable/);
      assert.match(file.headers.get("content-disposition")!, /tacit-round-1\.json/);
      assert.equal(answers("GET /v1/rounds", await ask("/v1/rounds?before=1")).rounds.length, 0);
      refused(await ask("/v1/rounds/999"), "NOT_FOUND");
      for (const number of ["01", "-1", "x", "1e3", "%00", "9999999999"])
        refused(await ask(`/v1/rounds/${number}`), "FORMAT", /path\.number/);
    });

    it("how the venue does", async () => {
      const json = answers("GET /v1/health", await ask("/v1/health"));
      assert.equal(json.ok, true);
      assert.equal(json.logCount, it_.venue.health().logCount);
      const health = () => ({ ...it_.venue.health(), ok: false, reason: "/secret/place is full" });
      const ill = asker(createApp({ venue: venueWith(it_.venue, { health }), options: serviceOptions({}) }).app);
      const answer = await ill("/v1/health");
      answers("GET /v1/health", answer, 503);
      assert.ok(!answer.text.includes("secret"));
    });

    it("only what the operator publishes", async () => {
      const quiet = { ...it_.venue.publish, prices: false, curves: false, depth: false };
      const shy = venueWith(it_.venue, { publish: quiet, book: () => null });
      const askShy = asker(createApp({ venue: shy, options: serviceOptions({}) }).app);
      const { markets } = answers("GET /v1/markets", await askShy("/v1/markets"));
      assert.deepEqual(Object.keys(markets[0].lastAuction), ["n", "time"]);
      assert.equal(markets[0].book, null);
    });
  });

  describe("takes items", () => {
    it("and answers with receipts of the venue's signer", async () => {
      for (const { receipt, verdict } of it_.receipts) {
        assert.equal(verdict, "admitted");
        assert.equal(receiptDefect(readReceipt(receipt), SIGNER.address), null);
      }
      const { alice } = it_;
      const quotes = alice.quotes(3);
      const list = post(itemJson(quotes.item, quotes.auth));
      const taken = answers("POST /v1/quotes", await ask("/v1/quotes", list));
      assert.equal(taken.verdict, "admitted");
      assert.deepEqual(answers("POST /v1/quotes", await ask("/v1/quotes", list)), taken, "sent again");
      const cancel = alice.cancel();
      answers("POST /v1/cancels", await ask("/v1/cancels", post(itemJson(cancel.item, cancel.auth))));
      const withdrawal = alice.withdrawal(5n);
      const sent = post(itemJson(withdrawal.item, withdrawal.auth));
      const first = answers("POST /v1/withdrawals", await ask("/v1/withdrawals", sent));
      assert.deepEqual(answers("POST /v1/withdrawals", await ask("/v1/withdrawals", sent)), first, "sent again");
    });

    it("of the kind of the route only, signed, and with a nonce that is free", async () => {
      const { alice, bob } = it_;
      const good = order(alice);
      refused(await ask("/v1/cancels", post(good)), "WRONG_KIND", /expected a cancel/);
      refused(await ask("/v1/withdrawals", post(good)), "WRONG_KIND");
      refused(await ask("/v1/quotes", post(good)), "WRONG_KIND", /expected a list of quotes, found an order/);
      const quotes = alice.quotes(2);
      const { list, ...unlisted } = itemJson(quotes.item, quotes.auth);
      refused(await ask("/v1/orders", post({ ...unlisted, list })), "WRONG_KIND", /found a list of quotes/);
      refused(await ask("/v1/quotes", post(unlisted)), "OUT_OF_RANGE", /item\.list/);
      refused(await ask("/v1/quotes", post({ ...unlisted, list: [...list!.slice(1), "5"] })), "OUT_OF_RANGE", /list/);
      refused(await ask("/v1/quotes", post({ ...unlisted, list: list!.slice(1) })), "FORMAT", /list/);
      refused(await ask("/v1/quotes", post({ ...unlisted, list: [...list!.slice(1), "-5"] })), "FORMAT", /list/);
      refused(await ask("/v1/orders", post({ ...good, list })), "OUT_OF_RANGE", /list/);
      const bent = { ...unlisted, list, A: String(BigInt(unlisted.A) + (7n << 101n)) };
      refused(await ask("/v1/quotes", post(bent)), "WRONG_KIND", /malformed/);
      alice.nonce -= 8n;
      refused(await ask("/v1/orders", post({ ...good, A: "0" })), "WRONG_KIND", /malformed/);
      const { item } = alice.order("buy", 1n, 100_000n);
      const forged = refused(await ask("/v1/orders", post(itemJson(item, bob.sign(item).auth))), "DECLINED");
      assert.deepEqual(forged.details, { verdict: "unsigned" });
      alice.nonce += 1n << 17n;
      const far = refused(await ask("/v1/orders", post(order(alice))), "DECLINED");
      assert.deepEqual(far.details, { verdict: "nonce" });
      alice.nonce -= (1n << 17n) + 1n;
    });

    it("that are what the schema says", async () => {
      const good = order(it_.alice);
      for (const [at, bad] of [
        ["item.A", { ...good, A: Number(good.A) }],
        ["item.A", { ...good, A: `0${good.A}` }],
        ["item.B", { ...good, B: "-0" }],
        ["item.salt", { ...good, salt: String(FIELD) }],
        ["item.S", { ...good, S: "1".repeat(80) }],
        ["item.R8x", { ...good, R8x: undefined }],
        ["item", { ...good, extra: "1" }],
        ["item.list", { ...good, list: "1" }],
        ["item.list", { ...good, list: ["1", "2"] }],
        ["item.list[1]", { ...good, list: ["1", "-0", "3"] }],
        ["item.list[2]", { ...good, list: ["1", "2", 3] }],
        ["item", { ...good, list: ["1", "2", "3"], extra: "1" }],
        ["item", JSON.stringify(good).replace("{", '{"__proto__":{},')],
        ["item", [good]],
        ["item", null],
      ] as const) {
        const { details } = refused(await ask("/v1/orders", post(bad)), "FORMAT");
        assert.equal(details.at, at);
      }
    });

    it("whose body is JSON of a size that an item can have", async () => {
      const good = JSON.stringify(order(it_.alice));
      refused(await ask("/v1/orders", post(good.slice(1))), "FORMAT", /JSON/);
      refused(await ask("/v1/orders", post("")), "FORMAT", /JSON/);
      refused(await ask("/v1/orders", post(good, { "content-type": "text/plain" })), "MEDIA_TYPE");
      refused(await ask("/v1/orders", post(good + " ".repeat(16_384))), "TOO_LARGE", /16384/);
      refused(await ask("/v1/orders", post(good, { "content-length": "99999" })), "TOO_LARGE");
      const bytes = new TextEncoder().encode(good);
      bytes[5] = 0xff;
      const headers = { "content-type": "application/json" };
      refused(await ask("/v1/orders", { method: "POST", body: bytes, headers }), "FORMAT", /UTF-8/);
      const late = new ReadableStream({ pull: () => Promise.reject(new Error("gone")) });
      const cut = { method: "POST", body: late, headers, duplex: "half" } as RequestInit;
      refused(await ask("/v1/orders", cut), "FORMAT", /all of it/);
    });

    it("in one way, by the fast reader and the schema", () => {
      const digits = fc.oneof(
        fc.bigInt({ min: -2n, max: 2n }).map(String),
        fc.bigInt({ min: FIELD - 2n, max: FIELD + 2n }).map(String),
        fc.bigInt({ min: 0n, max: FIELD * 12n }).map(String),
        fc.constantFrom(
          "",
          "-0",
          "00",
          "01",
          "+1",
          " 1",
          "1 ",
          "1.0",
          "1e3",
          "0x1",
          "١",
          "1".repeat(77),
          "9".repeat(79),
        ),
        fc.constantFrom(1, 0, null, true, [], {}, undefined),
      );
      const words = { A: digits, B: digits, salt: digits, R8x: digits, R8y: digits, S: digits };
      const valid = fc.record({ ...words, A: fc.bigInt({ min: 0n, max: FIELD - 1n }).map(String) });
      const element = fc.bigInt({ min: 0n, max: FIELD - 1n }).map(String);
      const close = fc
        .tuple(
          fc.constantFrom(...Object.keys(words)),
          digits,
          fc.record({ A: element, B: element, salt: element, R8x: element, R8y: element, S: element }),
        )
        .map(([name, value, item]) => ({ ...item, [name]: value }));
      const items = fc.oneof(
        valid,
        close,
        fc.record({ ...words, extra: digits }),
        fc.record({ ...words, A: element, B: element, list: fc.array(fc.oneof(element, digits), { maxLength: 4 }) }),
        fc
          .tuple(fc.record({ A: element, B: element, salt: element, R8x: element, R8y: element, S: element }), digits)
          .map(([item, word]) => ({ ...item, list: ["0", "1", word] })),
        fc.record(words, { requiredKeys: [] }),
        fc.jsonValue(),
      );
      let taken = 0;
      fc.assert(
        fc.property(items, (item) => {
          const bySchema = schemas.ItemSchema.safeParse(item).success;
          let byReader = true;
          try {
            const { item: read, auth } = schemas.parseItem(item);
            assert.deepEqual(itemJson(read, auth), { ...(item as object) });
          } catch (error) {
            assert.equal((error as TacitError).code, "FORMAT");
            byReader = false;
          }
          assert.equal(byReader, bySchema);
          taken += Number(byReader);
        }),
        { numRuns: 5_000 },
      );
      assert.ok(taken > 100, `${taken} items were good`);
    });
  });

  describe("shows the owner of a key", () => {
    it("its accounts, to a session only", async () => {
      const { alice, bob, login, venue } = it_;
      const started = answers("POST /v1/session", await ask("/v1/session", post(session(alice, it_.clock))));
      assert.deepEqual(started.accounts, [alice.index]);
      const json = answers("GET /v1/account", await ask("/v1/account", bearer(started.token)));
      const account = venue.account(alice.index)!;
      assert.equal(json.index, alice.index);
      assert.equal(json.cash, String(account.cash));
      assert.equal(BigInt(json.free), BigInt(json.worst) - account.reserved);
      assert.ok(BigInt(json.worst) <= BigInt(json.equity));
      const same = await ask(`/v1/account?index=${alice.index}`, bearer(started.token));
      assert.deepEqual(answers("GET /v1/account", same), json);
      refused(await ask(`/v1/account?index=${bob.index}`, bearer(started.token)), "NOT_FOUND");
      refused(await ask("/v1/account?index=0", bearer(started.token)), "NOT_FOUND");
      assert.notEqual(await login(bob), started.token);
    });

    it("open orders, history, and the opening of the proved account", async () => {
      const { bob, login, ask, venue } = it_;
      const token = await login(bob);
      answers("POST /v1/orders", await ask("/v1/orders", post(order(bob, "sell", 2n, 101_000n))));
      const { orders } = answers("GET /v1/orders", await ask("/v1/orders", bearer(token)));
      assert.deepEqual(
        orders.map(({ side, remaining }: any) => [side, remaining]),
        [["sell", "2"]],
      );
      const { item, auth } = bob.withdrawal(7n, 0xdefn);
      const { receipt } = answers("POST /v1/withdrawals", await ask("/v1/withdrawals", post(itemJson(item, auth))));
      const { entries } = answers("GET /v1/history", await ask("/v1/history?after=-1&limit=200", bearer(token)));
      assert.deepEqual(
        entries.map(({ kind }: any) => kind),
        ["deposit", "fill", "withdrawal"],
      );
      const words = { n: Number(receipt.n), amount: "7", recipient: String(0xdef), nonce: String(bob.nonce) };
      assert.deepEqual(entries[2], {
        kind: "withdrawal",
        account: bob.index,
        time: String(venue.clock.now()),
        ...words,
      });
      assert.equal(entries[1].lots, "-3");
      const first = answers("GET /v1/history", await ask("/v1/history?limit=1", bearer(token)));
      assert.deepEqual(first.entries, entries.slice(0, 1));
      const rest = await ask(`/v1/history?limit=2&after=${entries[0].n}`, bearer(token));
      assert.deepEqual(answers("GET /v1/history", rest).entries, entries.slice(1));
      const { opening } = answers("GET /v1/opening", await ask("/v1/opening", bearer(token)));
      const [{ stateAfter }] = await venue.rounds({ limit: 1 });
      assert.equal(String(openingWord(readOpening(opening))), stateAfter);
    });

    it("what an item was answered, by its nonce, and nobody else's; with the venue's own time", async () => {
      const { alice, bob, login, receipts, clock } = it_;
      const token = await login(alice);
      const of = (nonce: number | string, who = alice) => `/v1/receipt?index=${who.index}&nonce=${nonce}`;
      const found = await ask(of(1), bearer(token));
      assert.deepEqual(answers("GET /v1/receipt", found), receipts[0]);
      assert.equal(found.headers.get("date"), new Date(Number(clock.now()) * 1000).toUTCString());
      const none = { receipt: null, verdict: null };
      for (const nonce of [0, 2 ** 39, 2 ** 40 - 1])
        assert.deepEqual(answers("GET /v1/receipt", await ask(of(nonce), bearer(token))), none);
      refused(await ask(of(2 ** 40), bearer(token)), "OUT_OF_RANGE");
      for (const nonce of ["-1", "01", "1e3", ""]) refused(await ask(of(nonce), bearer(token)), "FORMAT");
      refused(await ask(of(1, bob), bearer(token)), "NOT_FOUND", /no account of this number/);
      refused(await ask(of(1)), "UNAUTHORISED");
    });

    it("whole positions of the log by the page", async () => {
      const { alice, login, venue } = it_;
      const token = await login(alice);
      const all = [1, 1, 2, 2, 2, 3].map(
        (n) => ({ kind: "deposit", account: alice.index, n, time: "1", amount: "1" }) as const,
      );
      // All entries of the first `limit` positions, as a venue answers.
      const history = async (_: number, { after = -1, limit = 100 } = {}) => {
        const positions = [...new Set(all.map(({ n }) => n))].filter((n) => n > after).slice(0, limit);
        return all.filter(({ n }) => positions.includes(n));
      };
      const app = createApp({ venue: venueWith(venue, { history }), options: serviceOptions({}) }).app;
      const askHere = asker(app);
      const { token: here } = (await askHere("/v1/session", post(session(alice, it_.clock)))).json;
      assert.notEqual(here, token);
      const pages: number[][] = [];
      for (let after = -1; pages.length < 4;) {
        const { entries } = (await askHere(`/v1/history?limit=1&after=${after}`, bearer(here))).json;
        pages.push(entries.map(({ n }: any) => n));
        if (entries.length === 0) break;
        after = entries.at(-1).n;
      }
      assert.deepEqual(pages, [[1, 1], [2, 2, 2], [3], []]);
    });

    it("nothing without a session, or with one that is over", async () => {
      const { alice, login, clock } = it_;
      const token = await login(alice);
      for (const path of ["/v1/account", "/v1/orders", "/v1/history", "/v1/opening"]) {
        const { headers } = await ask(path);
        assert.equal(headers.get("www-authenticate"), "Bearer");
        refused(await ask(path), "UNAUTHORISED");
        refused(await ask(path, bearer("A".repeat(43))), "UNAUTHORISED");
        refused(await ask(path, { headers: { authorization: `Basic ${token}` } }), "UNAUTHORISED");
        refused(await ask(path, { headers: { cookie: `token=${token}` } }), "UNAUTHORISED");
      }
      clock.advance(600n);
      refused(await ask("/v1/account", bearer(token)), "UNAUTHORISED");
    });

    it("that it has none, when it has none", async () => {
      const stranger = new Trader(77);
      const { token, accounts } = answers(
        "POST /v1/session",
        await ask("/v1/session", post(session(stranger, it_.clock))),
      );
      assert.deepEqual(accounts, []);
      for (const path of ["/v1/account", "/v1/orders", "/v1/history", "/v1/opening"])
        refused(await ask(path, bearer(token)), "NOT_FOUND", /no account/);
    });

    it("no session that is not asked for rightly", async () => {
      const good = session(it_.alice, it_.clock);
      refused(await ask("/v1/session", post({ ...good, S: "5" })), "UNAUTHORISED", /signed/);
      refused(await ask("/v1/session", post(session(it_.alice, it_.clock, 3_601n))), "OUT_OF_RANGE");
      refused(await ask("/v1/session", post(session(it_.alice, it_.clock, 0n))), "OUT_OF_RANGE");
      refused(await ask("/v1/session", post({ ...good, keyX: 1 })), "FORMAT", /session\.keyX/);
      refused(await ask("/v1/session", post({ ...good, more: "1" })), "FORMAT", /no other fields/);
    });
  });

  describe("takes deposits", () => {
    it("in development only", async () => {
      refused(await ask("/v1/deposits", post(depositOf(new Trader(30)))), "NOT_FOUND");
    });

    it("of play money, to accounts old and new", async () => {
      const { venue } = it_;
      const askDev = asker(createApp({ venue, options: serviceOptions({ development: true }) }).app);
      const trader = new Trader(31);
      const opened = answers("POST /v1/deposits", await askDev("/v1/deposits", post(depositOf(trader))));
      const [index] = opened.accounts;
      assert.equal(venue.account(index)!.cash, 5n);
      const more = { ...depositOf(trader), index };
      assert.deepEqual(answers("POST /v1/deposits", await askDev("/v1/deposits", post(more))), { accounts: [index] });
      assert.equal(venue.account(index)!.cash, 10n);
      refused(await askDev("/v1/deposits", post({ ...more, keyX: "0", keyY: "1" })), "BAD_POINT");
      refused(await askDev("/v1/deposits", post({ ...more, keyX: "5" })), "BAD_POINT");
      refused(await askDev("/v1/deposits", post({ ...more, amount: "0" })), "OUT_OF_RANGE");
      refused(await askDev("/v1/deposits", post({ ...more, amount: String(1n << 92n) })), "OUT_OF_RANGE");
      refused(await askDev("/v1/deposits", post({ ...more, amount: String((1n << 92n) - 1n) })), "VAULT_FULL");
      assert.equal(venue.health().status, "open");
      refused(await askDev("/v1/deposits", post({ ...more, index: 1 << 20 })), "FORMAT", /deposit\.index/);
      refused(await askDev("/v1/deposits", post({ ...more, index: "2" })), "FORMAT", /deposit\.index/);
      const full = async () => Promise.reject(new TacitError("ACCOUNTS_FULL", "no free leaf"));
      const options = serviceOptions({ development: true });
      const askFull = asker(createApp({ venue: venueWith(venue, { deposit: full }), options }).app);
      refused(await askFull("/v1/deposits", post(more)), "ACCOUNTS_FULL");
    });
  });

  describe("lets pages of other origins", () => {
    const from = (origin: string, init: RequestInit = {}): RequestInit => ({
      ...init,
      headers: { ...init.headers, origin, host: "venue.example" },
    });

    it("read what is public, whoever they are", async () => {
      for (const path of ["/v1/venue", "/v1/rounds/1", "/v1/rounds/999", "/v1/markets", "/v1/nothing"]) {
        const { headers } = await ask(path, from("https://evil.example"));
        assert.equal(headers.get("access-control-allow-origin"), "*");
        assert.equal(headers.get("access-control-allow-credentials"), null);
      }
    });

    it("submit nothing and see no account, unless they are allowed", async () => {
      const { alice, venue, login } = it_;
      const token = await login(alice);
      const { logCount } = venue.health();
      const requests: [string, RequestInit][] = [
        ["/v1/orders", post(order(alice))],
        ["/v1/cancels", post(order(alice))],
        ["/v1/withdrawals", post(order(alice))],
        ["/v1/deposits", post(depositOf(alice))],
        ["/v1/session", post(session(alice, it_.clock))],
        ...["account", "orders", "history", "opening"].map((name): [string, RequestInit] => [
          `/v1/${name}`,
          bearer(token),
        ]),
        ["/v1/stream", {}],
        ["/metrics", {}],
      ];
      for (const origin of [
        "https://evil.example",
        "null",
        "https://venue.example.evil",
        "https://venue.example:444",
        "file://",
      ])
        for (const [path, init] of requests) {
          const answer = await ask(path, from(origin, init));
          refused(answer, "FORBIDDEN");
          assert.equal(answer.headers.get("access-control-allow-origin"), null);
          const preflight = await ask(path, {
            method: "OPTIONS",
            headers: { origin, host: "venue.example", "access-control-request-method": init.method ?? "GET" },
          });
          refused(preflight, "FORBIDDEN");
        }
      assert.equal(venue.health().logCount, logCount);
    });

    it("do what the service's own pages may, when they are allowed", async () => {
      const { alice, venue } = it_;
      const app = createApp({ venue, options: serviceOptions({ origins: ["https://app.example"] }) }).app;
      const askHere = asker(app);
      for (const origin of ["https://app.example", "https://venue.example", "http://venue.example"]) {
        const preflight = await askHere("/v1/orders", {
          method: "OPTIONS",
          headers: { origin, host: "venue.example", "access-control-request-method": "POST" },
        });
        assert.equal(preflight.status, 204);
        assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
        assert.match(preflight.headers.get("access-control-allow-headers")!, /Authorization/);
        assert.match(preflight.headers.get("vary")!, /Origin/);
        const answer = await askHere("/v1/orders", from(origin, post(order(alice))));
        answers("POST /v1/orders", answer);
        assert.equal(answer.headers.get("access-control-allow-origin"), origin);
      }
      const open = await askHere("/v1/venue", { method: "OPTIONS", headers: { origin: "https://any.example" } });
      assert.equal(open.headers.get("access-control-allow-origin"), "*");
    });
  });

  describe("answers", () => {
    it("that a method is wrong, and which is right", async () => {
      for (const [path, allowed] of [
        ["/v1/venue", "GET, HEAD"],
        ["/v1/cancels", "POST"],
        ["/v1/orders", "POST, GET, HEAD"],
        ["/v1/rounds/1", "GET, HEAD"],
      ]) {
        const answer = await ask(path, { method: "PUT" });
        refused(answer, "METHOD");
        assert.equal(answer.headers.get("allow"), allowed);
      }
      refused(await ask("/v1/cancels"), "METHOD");
    });

    it("that there is nothing", async () => {
      for (const path of ["/", "/v1", "/v1/", "/v1/venue/", "/v1/orders/1", "/v2/venue", "/../etc/passwd", "/%2e%2e/x"])
        refused(await ask(path), "NOT_FOUND");
    });

    it("that a stream needs an upgrade", async () => {
      refused(await ask("/v1/stream"), "FORMAT", /Upgrade/);
    });

    it("to HEAD as to GET, without a body", async () => {
      const answer = await ask("/v1/venue", { method: "HEAD" });
      assert.deepEqual([answer.status, answer.text], [200, ""]);
    });

    it("with the headers that keep a browser from guessing", async () => {
      for (const path of ["/v1/venue", "/v1/account", "/nothing"]) {
        const { headers } = await ask(path);
        assert.equal(headers.get("x-content-type-options"), "nosniff");
        assert.equal(headers.get("referrer-policy"), "no-referrer");
        assert.match(headers.get("content-security-policy")!, /default-src 'none'/);
      }
      assert.equal((await ask("/v1/account")).headers.get("cache-control"), "no-store");
    });

    it("each error of the venue by its place in the table", async () => {
      const cases: [Error, keyof typeof STATUS][] = [
        [new TacitError("BUSY", "too much waits", { retryAfter: 7 }), "BUSY"],
        [new TacitError("STOPPED", "the venue takes no items: /secret/disk is full"), "STOPPED"],
        [new TacitError("DECLINED", "declined", { verdict: "nonce" }), "DECLINED"],
        [new TacitError("STORAGE", "/secret/disk is full", { path: "/secret/disk" }), "UNEXPECTED"],
        [new TacitError("UNEXPECTED", "secret"), "UNEXPECTED"],
        [new TypeError("secret"), "UNEXPECTED"],
      ];
      for (const [error, code] of cases) {
        const venue = venueWith(it_.venue, { order: () => Promise.reject(error) });
        const answer = await asker(createApp({ venue, options: serviceOptions({}) }).app)(
          "/v1/orders",
          post(order(it_.bob)),
        );
        refused(answer, code);
        assert.ok(!answer.text.includes("secret"));
        if (code === "BUSY") assert.equal(answer.headers.get("retry-after"), "7");
      }
      assert.equal(reportError("no error at all").json.error.code, "UNEXPECTED");
      assert.deepEqual([...new Set(ERROR_CODES)], ERROR_CODES);
    });
  });

  describe("shows the operator", () => {
    it("metrics, from this machine or with the token", async () => {
      refused(await ask("/metrics"), "UNAUTHORISED");
      refused(await ask("/metrics", {}, { local: false }), "UNAUTHORISED");
      refused(await ask("/metrics", bearer("anything")), "UNAUTHORISED");
      const { text, status, headers } = await ask("/metrics", {}, { local: true });
      assert.equal(status, 200);
      assert.match(headers.get("content-type")!, /^text\/plain/);
      for (const line of [
        /^tacit_items_total\{item="order",verdict="admitted"\} [1-9]/m,
        /^tacit_acknowledgement_seconds_count [1-9]/m,
        /^tacit_round_proving_seconds_count [1-9]/m,
        /^tacit_rejects_total\{code="FORMAT"\} [1-9]/m,
        new RegExp(`^tacit_log_entries ${it_.venue.health().logCount}$`, "m"),
        /^tacit_queue 0$/m,
        /^tacit_unproved_entries \d+$/m,
        /^tacit_rounds_waiting \d+$/m,
        /^tacit_streams 0$/m,
        /^tacit_up 1$/m,
      ])
        assert.match(text, line);
      assert.doesNotMatch(text, /NOT_FOUND/, "who asks for what is not there yet is not turned away");
      const app = createApp({ venue: it_.venue, options: serviceOptions({ metricsToken: "of-the-operator" }) }).app;
      assert.equal((await asker(app)("/metrics", bearer("of-the-operator"))).status, 200);
      for (const token of ["of-the-operato", "of-the-operatorr", "x"])
        refused(await asker(app)("/metrics", bearer(token)), "UNAUTHORISED");
    });
  });

  describe("serves pages", () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "tacit-pages-"));
      await mkdir(join(folder, "web", "assets"), { recursive: true });
      await writeFile(join(folder, "secret.html"), "secret");
      await writeFile(join(folder, "web", "index.html"), "<p>start");
      await writeFile(join(folder, "web", "verify.html"), "<p>verify");
      await writeFile(join(folder, "web", "empty.css"), "");
      await writeFile(join(folder, "web", "assets", "main-abc.js"), "1;");
      await writeFile(join(folder, "web", "kernel.wasm"), new Uint8Array([0, 97, 115, 109]));
      await symlink(join(folder, "secret.html"), join(folder, "web", "link.html"));
    });
    after(() => rm(folder, { recursive: true }));

    it("of a folder, and nothing beside it", async () => {
      const files = await folderFiles(join(folder, "web"));
      const askFiles = asker(createApp({ venue: it_.venue, options: serviceOptions({ files }) }).app);
      for (const [path, type, text] of [
        ["/", "text/html; charset=utf-8", "<p>start"],
        ["/index.html", "text/html; charset=utf-8", "<p>start"],
        ["/verify.html", "text/html; charset=utf-8", "<p>verify"],
        ["/verify", "text/html; charset=utf-8", "<p>verify"],
        ["/verify.html?venue=https://a.example&round=1", "text/html; charset=utf-8", "<p>verify"],
        ["/assets/main-abc.js", "text/javascript; charset=utf-8", "1;"],
        ["/kernel.wasm", "application/wasm", "\0asm"],
        ["/empty.css", "text/css; charset=utf-8", ""],
      ]) {
        const answer = await askFiles(path);
        assert.deepEqual([answer.status, answer.headers.get("content-type"), answer.text], [200, type, text]);
        const policy = answer.headers.get("content-security-policy")!;
        for (const part of ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"])
          assert.ok(policy.includes(part));
        assert.equal(answer.headers.get("cross-origin-opener-policy"), "same-origin");
        assert.equal(answer.headers.get("cross-origin-embedder-policy"), "require-corp");
        const again = await askFiles(path, { headers: { "if-none-match": answer.headers.get("etag")! } });
        assert.deepEqual([again.status, again.text], [304, ""]);
        const head = await askFiles(path, { method: "HEAD" });
        assert.deepEqual([head.status, head.text], [200, ""]);
      }
      assert.match((await askFiles("/assets/main-abc.js")).headers.get("cache-control")!, /immutable/);
      assert.equal((await askFiles("/")).headers.get("cache-control"), "no-cache");
      for (const path of [
        "/link.html",
        "/../secret.html",
        "/..%2fsecret.html",
        "/%2e%2e/secret.html",
        "/assets/../../secret.html",
        "/assets%2f..%2f..%2fsecret.html",
        "//secret.html",
        "/assets",
        "/assets/",
        "/index.html/",
        "/index.html%00",
        "/__proto__",
        "/constructor",
      ])
        refused(await askFiles(path), "NOT_FOUND");
      refused(await askFiles("/index.html", { method: "POST" }), "NOT_FOUND");
    });

    it("of a folder that is there", () => assert.rejects(folderFiles(join(folder, "none")), { code: "NO_FOLDER" }));
  });

  describe("has a document", () => {
    it("of every route, and of nothing else", async () => {
      const { json } = await ask("/v1/openapi.json");
      const named = Object.entries<Record<string, object>>(json.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      );
      const served = it_.service.app.routes
        .filter(({ method }) => method !== "ALL")
        .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
      assert.deepEqual(named.toSorted(), served.toSorted());
      const others = ["GET /v1/openapi.json", "GET /v1/stream", "GET /metrics"];
      assert.deepEqual(named.toSorted(), [...Object.keys(ANSWERS), ...others].toSorted());
    });

    it("whose answers are the schemas that this test compares with", async () => {
      const { json } = await ask("/v1/openapi.json");
      const nameOf = new Map(
        ["Venue", "Markets", "Auctions", "Rounds", "RoundFile", "Health", "Acknowledgement", "Deposit", "Session"]
          .concat(["Account", "Orders", "History", "ReceiptAnswer", "Opening", "Rules", "Prices", "Changes", "Terms"])
          .concat(["ReportTaken", "Announcement", "SurveyFile", "SurveyProgress", "Defaults", "Nearest", "Finality"])
          .map((name) => [schemas[`${name}Schema` as keyof typeof schemas] as unknown, name]),
      );
      for (const [route, schema] of Object.entries(ANSWERS)) {
        const [method, path] = route.split(" ");
        const { responses } = json.paths[path][method.toLowerCase()];
        assert.deepEqual(responses[200].content["application/json"].schema, {
          $ref: `#/components/schemas/${nameOf.get(schema)}`,
        });
        for (const [status, { content }] of Object.entries<any>(responses))
          if (Number(status) >= 400 && route !== "GET /v1/health")
            assert.deepEqual(content["application/json"].schema, { $ref: "#/components/schemas/Error" });
      }
      for (const name of ["Item", "SessionRequest", "DepositRequest", "StreamRequest", "StreamAnswer", "StreamPush"])
        assert.ok(json.components.schemas[name], name);
      assert.equal(json.components.schemas.Item.additionalProperties, false);
    });
  });

  it("ends to listen when it is closed, and leaves the venue open", async () => {
    const { venue, traders, close } = await serve();
    const app = createApp({ venue, options: serviceOptions({ rates: NO_RATES }) });
    app.close();
    const { item, auth } = traders[0].order("buy", 1n, 100_000n);
    await venue.order(item, auth);
    assert.doesNotMatch(await app.metrics.text(), /tacit_items_total\{/);
    assert.ok(venue.health().ok);
    await close();
  });
});

function depositOf(trader: Trader) {
  const { keyX, keyY } = trader.deposit;
  return { keyX: String(keyX), keyY: String(keyY), index: 0, amount: "5" };
}
