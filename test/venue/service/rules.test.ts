// Goal: anybody is told rules, prices and what changed them, as the schemas say; a feed's report is taken from whoever brings it;
// rules are changed by who has the operator's token, which nobody learns.
// Method: requests without a socket to a venue of minutely epochs, each answer against its schema.
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import type { z } from "@hono/zod-openapi";
import { pino } from "pino";
import { readVenueRules } from "../../../src/feeds/feedRules.ts";
import { reportJson } from "../../../src/feeds/reportJson.ts";
import { rulesRoot, type Rules } from "../../../src/protocol/rules.ts";
import { pricesJson } from "../../../src/protocol/pricesJson.ts";
import { marketNames, namedRulesJson, rulesJson } from "../../../src/protocol/rulesJson.ts";
import { ANNOUNCED_FOR } from "../../../src/venue/announcements.ts";
import * as schemas from "../../../src/venue/service/schema.ts";
import type { VenueOptions } from "../../../src/venue/options.ts";
import { ManualClock, START } from "../fixture.ts";
import { FIRST, LAG, LENGTH, minutely, minutelyJson, priceNow, reportsFor, until } from "../repricing.ts";
import { bearer, closeAll, FakeWire, post, serve, type Answer } from "./served.ts";

/** As the genesis file names its markets. */
const named = (rules: Rules) => namedRulesJson(rules, marketNames(minutelyJson.rules));
const TOKEN = "the-token-of-the-operator";
const operator = { authorization: `Bearer ${TOKEN}` };
const after: Rules = {
  ...minutely.rules,
  markets: minutely.rules.markets.map((row, slot) => (row && slot === 0 ? { ...row, band: 1_000n } : row)),
};

const served = (options: Parameters<typeof serve>[0] = {}, venue: Partial<VenueOptions> = {}) =>
  serve({
    options: { genesisJson: minutelyJson, operatorToken: TOKEN, ...options.options },
    venue: { genesis: minutely, clock: new ManualClock(START + LAG), timelock: 60n, ...venue },
    traders: 0,
  });

function answers(schema: z.ZodType, answer: Answer): any {
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  const { error } = schema.safeParse(answer.json);
  assert.equal(error, undefined, error?.message);
  return answer.json;
}

function refused(answer: Answer, status: number, code: string): any {
  assert.deepEqual([answer.status, answer.json.error.code], [status, code], answer.text.slice(0, 300));
  assert.ok(schemas.ErrorSchema.safeParse(answer.json).success);
  return answer.json.error;
}

describe("the service of prices and rules", () => {
  afterEach(closeAll);

  it("takes reports from anybody, and tells what was made of them", async () => {
    const { ask, venue, clock } = await served();
    const empty = answers(schemas.PricesSchema, await ask("/v1/prices"));
    assert.deepEqual([empty.epoch, empty.fresh], ["0", false]);
    const genesis = { n: -1, rules: named(venue.genesis.rules), prices: pricesJson(venue.genesis.prices) };
    assert.deepEqual(answers(schemas.TermsSchema, await ask("/v1/terms")), genesis);
    assert.deepEqual(answers(schemas.ChangesSchema, await ask("/v1/changes")).changes, []);
    const reports = reportsFor(venue).map(reportJson);
    const send = (report: unknown) => ask("/v1/reports", post(report));
    for (const report of reports.slice(0, 3))
      assert.equal(answers(schemas.ReportTakenSchema, await send(report)).taken, true);
    assert.equal(answers(schemas.ReportTakenSchema, await send(reports[0])).taken, false);
    await until(venue, () => venue.terms.prices.epoch === FIRST);
    const prices = answers(schemas.PricesSchema, await ask("/v1/prices"));
    assert.deepEqual([prices.epoch, prices.fresh, prices.index], [`${FIRST}`, true, "100000"]);
    assert.deepEqual(
      prices.instruments.map(({ slot, value }: any) => [slot, value]),
      [0, 1, 2].map((slot) => [slot, `${venue.terms.prices.values[0][slot]}`]),
    );
    assert.deepEqual(
      prices.feeds.map(({ feed, lacked, missed }: any) => [feed, lacked, missed]),
      [
        [0, 0, 0],
        [1, 0, 0],
        [2, 0, 0],
        [3, null, 1],
      ],
    );
    const { changes } = answers(schemas.ChangesSchema, await ask("/v1/changes"));
    assert.deepEqual(changes, [
      { kind: "reprice", n: 0, time: `${START + LAG}`, epoch: `${FIRST}`, quorum: reports.slice(0, 3) },
    ]);
    assert.deepEqual(answers(schemas.ChangesSchema, await ask("/v1/changes?after=0")).changes, []);
    assert.deepEqual(answers(schemas.TermsSchema, await ask("/v1/terms")), genesis, "before the last change");
    const early = await send(reportJson(reportsFor(venue, { epoch: FIRST + 1n })[0]));
    assert.equal(refused(early, 425, "EARLY").retryAfter, 1);
    assert.equal(early.headers.get("retry-after"), "1");
    refused(await send({ ...reports[3], auth: reports[2].auth }), 422, "REPORT");
    refused(await send({ ...reports[3], feed: "x" }), 400, "FORMAT");
    refused(await send({ ...reports[3], more: 1 }), 400, "FORMAT");
    // Two epochs later, with no word of the feeds.
    clock.advance(2n * LENGTH);
    assert.equal(answers(schemas.PricesSchema, await ask("/v1/prices")).fresh, false);
    const { text } = await ask("/metrics", {}, { local: true });
    for (const line of [
      /^tacit_prices_fresh 0$/m,
      new RegExp(`^tacit_prices_epoch ${FIRST}$`, "m"),
      new RegExp(`^tacit_feed_epoch\\{feed="1"\\} ${FIRST}$`, "m"),
      /^tacit_feed_lacked\{feed="1"\} 0$/m,
      /^tacit_feed_missed\{feed="3"\} 1$/m,
    ])
      assert.match(text, line);
  });

  it("lets the operator change rules, step by step, and nobody else", async () => {
    const { ask, venue, clock, service } = await served();
    await priceNow(venue);
    const wire = new FakeWire();
    const stream = service.streams.open(wire, "10.0.0.1");
    await wire.ask(stream, { op: "subscribe", id: 1, channels: ["changes"] });
    const body = { rules: rulesJson(after) };
    const act = (name: string, sent: unknown, headers: Record<string, string> = operator) =>
      ask(`/v1/rules/${name}`, post(sent, headers));
    for (const headers of [{}, ...[TOKEN.slice(1), `${TOKEN}x`, "x", TOKEN.toUpperCase()].map((token) => ({ authorization: `Bearer ${token}` }))])
      for (const [name, sent] of [
        ["announce", body],
        ["withdraw", { n: 1 }],
        ["apply", { n: 1 }],
      ] as const)
        refused(await act(name, sent, headers), 401, "UNAUTHORISED"); // prettier-ignore
    assert.deepEqual(venue.announcements, []);

    const announced = answers(schemas.AnnouncementSchema, await act("announce", body));
    assert.deepEqual([announced.n, announced.root, announced.state], [1, `${rulesRoot(after)}`, "waiting"]);
    const shown = answers(schemas.RulesSchema, await ask("/v1/rules"));
    assert.equal(shown.inForce.root, `${rulesRoot(minutely.rules)}`);
    assert.deepEqual([shown.timelock, shown.announced], ["60", [announced]]);
    refused(await act("apply", { n: 1 }), 409, "ANNOUNCEMENT");
    refused(await act("apply", { n: 7 }), 409, "ANNOUNCEMENT");
    refused(await act("apply", { n: "1" }), 400, "FORMAT");
    const spoilt = (change: (rules: any) => void) => {
      const { rules } = structuredClone(body);
      change(rules);
      return act("announce", { rules });
    };
    const format = async (change: (rules: any) => void) => refused(await spoilt(change), 400, "FORMAT").details.at;
    assert.equal(await format((it) => (it.more = 1)), "body.rules");
    assert.equal(await format((it) => (it.markets[0].band = "-1")), "body.rules.markets.0.band");
    assert.equal(await format((it) => delete it.group.pricing.lag), "body.rules.group.pricing.lag");
    assert.equal(await format((it) => it.markets.push(null)), "body.rules.markets");
    assert.equal(await format((it) => (it.instruments[0].kind = "swap")), "body.rules.instruments.0.kind");
    const tooWide = await spoilt((it) => (it.markets[0].band = `${1n << 60n}`));
    assert.equal(refused(tooWide, 400, "OUT_OF_RANGE").details.field, "markets[0].band");
    const tooFew = await spoilt((it) => it.group.feeds.pop());
    assert.equal(refused(tooFew, 400, "RULES_FILE").details.field, "group.feeds");
    answers(schemas.AnnouncementSchema, await act("announce", body));
    assert.equal(answers(schemas.AnnouncementSchema, await act("withdraw", { n: 2 })).state, "withdrawn");
    clock.advance(60n);
    refused(await act("withdraw", { n: 1 }), 409, "ANNOUNCEMENT");
    assert.equal(answers(schemas.AnnouncementSchema, await act("apply", { n: 1 })).state, "applied");
    assert.equal(answers(schemas.RulesSchema, await ask("/v1/rules")).inForce.root, `${rulesRoot(after)}`);
    const { changes } = answers(schemas.ChangesSchema, await ask("/v1/changes?after=0"));
    assert.deepEqual([changes.length, changes[0].kind, changes[0].rules], [1, "rules", body.rules]);
    const earlier = answers(schemas.TermsSchema, await ask("/v1/terms"));
    assert.deepEqual([earlier.n, earlier.prices.epoch], [changes[0].n - 1, `${FIRST}`]);
    assert.deepEqual(earlier.rules, named(venue.genesis.rules));

    const pushed = wire.frames.filter(({ channel }) => channel === "changes");
    for (const frame of pushed) assert.ok(schemas.PushSchema.safeParse(frame).success, JSON.stringify(frame));
    assert.deepEqual(
      pushed.map(({ change, announcement }) => change?.kind ?? `${announcement.n} ${announcement.state}`),
      ["1 waiting", "2 waiting", "2 withdrawn", "rules", "1 applied"],
    );
  });

  it("tells a feed what it is to sign for: rules in force, and those that may still come into force", async () => {
    const { ask, venue, clock } = await served();
    const weighing = (weight: bigint): Rules => ({
      ...after,
      instruments: after.instruments.map((it) => it && { ...it, weight }),
    });
    for (const weight of [1n, 2n, 3n]) await venue.announce(weighing(weight));
    await venue.withdrawRules(2);
    clock.advance(60n);
    await venue.applyRules(1);
    const told = async () => {
      const shown = answers(schemas.RulesSchema, await ask("/v1/rules"));
      const { rules, leftOut } = readVenueRules(shown);
      const states = shown.announced.map(({ state }: any) => state);
      return { states, weights: rules.map(({ instruments }) => instruments[0]!.weight), leftOut };
    };
    assert.deepEqual(await told(), { states: ["applied", "withdrawn", "waiting"], weights: [1n, 3n], leftOut: [] });
    clock.advance(ANNOUNCED_FOR);
    assert.deepEqual((await told()).weights, [1n, 3n]);
    clock.advance(1n);
    assert.deepEqual(await told(), { states: ["applied", "withdrawn", "lapsed"], weights: [1n], leftOut: [] });
  });

  it("takes no change of rules where the operator has set no token", async () => {
    const { ask, venue } = await served({ options: { operatorToken: null } });
    for (const init of [post({ n: 1 }), post({ n: 1 }, operator), post({ n: 1 }, bearer("").headers as Record<string, string>)])
      refused(await ask("/v1/rules/apply", init), 401, "UNAUTHORISED"); // prettier-ignore
    assert.deepEqual(venue.announcements, []);
  });

  it("writes the operator's token to no log", async () => {
    let text = "";
    const into = new Writable({
      write(chunk, _, done) {
        text += chunk;
        done();
      },
    });
    const { ask } = await served({ options: { log: pino({ level: "trace" }, into) } });
    for (const [name, sent] of [
      ["announce", { rules: rulesJson(after) }],
      ["announce", { rules: TOKEN }],
      ["withdraw", { n: 1 }],
      ["apply", { n: 1, [TOKEN]: TOKEN }],
      ["apply", `${TOKEN}{`],
      [TOKEN, {}],
    ] as const)
      await ask(`/v1/rules/${name}?token=${TOKEN}`, post(sent, operator));
    assert.ok(text.split("\n").length > 5, "the log was written");
    assert.ok(!text.includes(TOKEN));
  });
});
