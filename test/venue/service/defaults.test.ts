// Goal: what defaults and all accounts come to is told as it is, to whom it may: accounts and the insurance account to the operator
// alone, a survey to anybody, with proofs of the state that a round left; and a survey that is made, or failed, is told as such.
// Method: requests without a socket to a venue of minutely epochs whose prices fall, each answer against its schema and against what the
// accounts give; proofs by a simulator, those of surveys held back by the test.
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import type { z } from "@hono/zod-openapi";
import { pino } from "pino";
import { standing } from "../../../src/protocol/defaults.ts";
import { TacitError } from "../../../src/protocol/errors.ts";
import { INSURANCE } from "../../../src/protocol/parameters.ts";
import { NOTHING, surveyBlock } from "../../../src/protocol/survey.ts";
import { readCircuitKey, readSurvey, verifySurvey } from "../../../src/verifier/index.ts";
import type { VenueOptions } from "../../../src/venue/options.ts";
import type { RoundProver } from "../../../src/venue/proving/provers.ts";
import * as schemas from "../../../src/venue/service/schema.ts";
import { Simulator } from "../../verifier/simulator.ts";
import { DEPOSIT, eventOf, INTERVAL, lastingStore, ManualClock, simulatedProver, START, turns } from "../fixture.ts";
import { LAG, LENGTH, minutely, minutelyJson, priceNow, until } from "../repricing.ts";
import { bearer, closeAll, post, serve, type Answer } from "./served.ts";

const TOKEN = "the-token-of-the-operator";
const operator = bearer(TOKEN);
/** Requests that only the operator may make, and that say so. */
const strangers: RequestInit[] = [{}, bearer("x"), bearer(`${TOKEN}x`), bearer(TOKEN.slice(1))];
const { defaults } = minutely.rules.group;

function answers(schema: z.ZodType, answer: Answer): any {
  assert.equal(answer.status, 200, answer.text.slice(0, 300));
  const { error } = schema.safeParse(answer.json);
  assert.equal(error, undefined, error?.message);
  return answer.json;
}

function refused(answer: Answer, status: number, code: string, says = /./): any {
  assert.deepEqual([answer.status, answer.json.error.code], [status, code], answer.text.slice(0, 300));
  assert.ok(schemas.ErrorSchema.safeParse(answer.json).success);
  assert.match(answer.json.error.message, says);
  return answer.json.error;
}

/** A prover whose surveys do what the test says before each of their proofs. */
function surveyProver(simulator = new Simulator("surveys")) {
  const { prover } = simulatedProver(simulator);
  const it = { before: async () => {} };
  const surveying: RoundProver = {
    ...prover,
    async prove(claim, options) {
      if (claim.name === "survey") await it.before();
      return prover.prove(claim, options);
    },
  };
  return { prover: surveying, key: readCircuitKey(simulator.files.survey), it };
}

async function served({
  traders = 2,
  venue = {},
  options = {},
}: {
  traders?: number;
  venue?: Partial<VenueOptions>;
  options?: NonNullable<Parameters<typeof serve>[0]>["options"];
} = {}) {
  const s = await serve({
    options: { genesisJson: minutelyJson, operatorToken: TOKEN, ...options },
    venue: { genesis: minutely, clock: new ManualClock(START + LAG), ...venue },
    traders,
  });
  /** Prices of the minute that is over by then. */
  const fall = async (index: bigint) => {
    s.clock.advance(START + LENGTH * (1n + (s.clock.now() - START) / LENGTH) + LAG - s.clock.now());
    await priceNow(s.venue, { index });
  };
  const endRound = async () => {
    s.clock.advance(INTERVAL + 40n);
    const settled = () => s.venue.health().unproved === 0;
    if (!settled()) await eventOf(s.venue, "round", settled);
  };
  const accounts = () => Array.from({ length: 2 + traders }, (_, index) => s.venue.account(index)!);
  return { ...s, fall, endRound, accounts };
}

/** Alice has bought of Bob as much as her margin lets her. */
async function leveraged(options: Parameters<typeof served>[0] = {}) {
  const s = await served(options);
  const { venue, clock, traders } = s;
  const [alice, bob] = traders;
  // Prices come first in their second.
  clock.advance(1n);
  await priceNow(venue);
  for (const [trader, side] of [[alice, "buy"], [bob, "sell"]] as const) {
    const { item, auth } = trader.order(side, 3_600n, 100_000n, { thisAuction: true });
    await venue.order(item, auth);
  } // prettier-ignore
  clock.advance(INTERVAL - LAG - 1n);
  await until(venue, () => venue.account(alice.index)!.positions[0] === 3_600n);
  return { ...s, alice, bob };
}

describe("the service of defaults", () => {
  afterEach(closeAll);

  it("tells what they have come to, flag by flag, with the accounts that are next; metrics tell the same", async () => {
    const { ask, venue, fall, alice, bob } = await leveraged();
    const told = async () => answers(schemas.DefaultsSchema, await ask("/v1/defaults", operator));
    const near = async (query = "") => answers(schemas.NearestSchema, await ask(`/v1/defaults/accounts${query}`, operator)); // prettier-ignore
    const insurance = () => {
      const { equity, risk } = standing(venue.account(INSURANCE)!, venue.terms.prices);
      return { equity: `${equity}`, risk: `${risk}` };
    };
    const row = (index: number) => {
      const account = venue.account(index)!;
      const { equity, risk } = standing(account, venue.terms.prices);
      return { index, equity: `${equity}`, risk: `${risk}`, flagged: `${account.flagged}`, open: Number(account.open) };
    };
    const none = { flag: 0, sweep: 0, reduce: 0, assume: 0 };
    const { vault } = venue.defaults().held;
    const rest = { vault: `${vault}`, relief: "0", deficit: "0", short: "0" };
    assert.ok(vault >= 2n * DEPOSIT);
    assert.deepEqual(await told(), { steps: none, flagged: 0, insurance: insurance(), ...rest });
    const parts = { maintenance: Number(defaults.maintenance), target: Number(defaults.target) };
    assert.deepEqual(await near(), { ...parts, accounts: [bob, alice].map(({ index }) => row(index)) });

    await fall(92_500n);
    await until(venue, () => venue.account(alice.index)!.flagged !== 0n);
    assert.deepEqual(await told(), { steps: { ...none, flag: 1 }, flagged: 1, insurance: insurance(), ...rest });
    const { accounts } = await near();
    assert.deepEqual(accounts, [row(alice.index), row(bob.index)]);
    assert.notEqual(accounts[0].flagged, "0");
    // Bob has won what Alice has lost: the nearest of all comes first, however few are asked for.
    assert.deepEqual((await near("?limit=1")).accounts, [row(alice.index)]);
    const metric = async (line: string) => assert.ok((await ask("/metrics", {}, { local: true })).text.split("\n").includes(line), line); // prettier-ignore
    await metric('tacit_default_steps_total{step="flag"} 1');
    await metric("tacit_flagged_accounts 1");

    // Without equity it is taken over: the insurance account is said to hold it, and what is short.
    const before = [alice.index, INSURANCE].map((index) => venue.account(index)!);
    await fall(88_000n);
    await until(venue, () => venue.account(alice.index)!.positions[0] === 0n);
    const now = await told();
    const { equity } = standing(venue.account(INSURANCE)!, venue.terms.prices);
    assert.ok(equity < 0n);
    assert.deepEqual(now, {
      steps: { ...none, flag: 1, assume: 1 },
      flagged: 0,
      insurance: insurance(),
      vault: `${vault}`,
      relief: "0",
      deficit: `${-equity}`,
      short: `${-equity}`,
    });
    assert.deepEqual(
      (await near()).accounts,
      [row(bob.index)],
      "neither whom nothing is left to, nor the insurance account",
    );
    await metric('tacit_default_steps_total{step="assume"} 1');
    await metric("tacit_flagged_accounts 0");
    await metric(`tacit_insurance_equity ${Number(equity)}`);
    await metric(`tacit_short ${-Number(equity)}`);

    const history = async (query = "") => answers(schemas.HistorySchema, await ask(`/v1/defaults/history${query}`, operator)); // prettier-ignore
    const { index, entries } = await history();
    const assumed = entries.findIndex(({ kind }: any) => kind === "assume");
    const { n, time: _, salt: __, ...taken } = entries[assumed];
    const [owner, taker] = before;
    assert.equal(index, INSURANCE);
    assert.deepEqual(taken, {
      kind: "assume",
      account: INSURANCE,
      from: alice.index,
      cash: `${owner.cash}`,
      positions: [{ instrument: 0, lots: "3600" }],
    });
    assert.ok(venue.account(INSURANCE)!.cash >= taker.cash + owner.cash);
    assert.deepEqual((await history(`?after=${n}`)).entries, entries.slice(assumed + 1));
    assert.deepEqual((await history(`?after=${n - 1}&limit=1`)).entries, [entries[assumed]]);
  });

  it("tells it to the operator alone, or to anybody where it is published; accounts to the operator alone", async () => {
    const ofOperator = ["/v1/defaults/accounts", "/v1/defaults/history"];
    const { ask } = await served();
    for (const path of ["/v1/defaults", ...ofOperator]) {
      for (const init of strangers) refused(await ask(path, init), 401, "UNAUTHORISED", / for the operator, by a token of /); // prettier-ignore
      assert.equal((await ask(path, operator)).status, 200);
    }
    const published = await served({ venue: { publish: { defaults: true } } });
    const open = await published.ask("/v1/defaults");
    answers(schemas.DefaultsSchema, open);
    assert.equal(open.headers.get("access-control-allow-origin"), "*");
    assert.equal(answers(schemas.VenueSchema, await published.ask("/v1/venue")).publish.defaults, true);
    for (const path of ofOperator)
      for (const init of strangers) refused(await published.ask(path, init), 401, "UNAUTHORISED");
    const unset = await served({ options: { operatorToken: null } });
    for (const path of ["/v1/defaults", ...ofOperator])
      refused(await unset.ask(path, operator), 401, "UNAUTHORISED", /none was set where the venue runs/);
  });

  it("says which part of a request is wrong, and what it expected", async () => {
    const { ask } = await served();
    for (const [path, at, says] of [
      ["/v1/defaults?limit=1", "query", /expected no other fields/],
      ["/v1/defaults/accounts?limit=0", "query.limit", /expected 1 to 500/],
      ["/v1/defaults/accounts?limit=501", "query.limit", /expected 1 to 500/],
      ["/v1/defaults/accounts?limit=x", "query.limit", /expected 1 to 500/],
      ["/v1/defaults/accounts?after=1", "query", /expected no other fields/],
      ["/v1/defaults/accounts?limit=1&limit=2", "query", /every name once/],
      ["/v1/defaults/history?after=-2", "query.after", /a position in the log, or -1/],
      ["/v1/defaults/history?after=soon", "query.after", /a position in the log, or -1/],
      ["/v1/survey?round=1", "query", /expected no other fields/],
      ["/v1/survey/progress?round=1", "query", /expected no other fields/],
    ] as const)
      assert.equal(refused(await ask(path, operator), 400, "FORMAT", says).details.at, at);
    refused(await ask("/v1/defaults", { method: "POST", ...operator }), 405, "METHOD");
    refused(await ask("/v1/survey", { method: "DELETE", ...operator }), 405, "METHOD");
    refused(await ask("/v1/defaults/2", operator), 404, "NOT_FOUND");
  });
});

describe("the service of surveys", () => {
  afterEach(closeAll);
  const begin = { ...post({}), headers: { "content-type": "application/json", ...operator.headers } };

  it("has one made of the state that the last round left, one proof for 16 accounts, and tells it to anybody", async () => {
    const { prover, key, it: surveys } = surveyProver();
    const { ask, venue, accounts, fall, endRound } = await leveraged({ traders: 20, venue: { prover } });
    const progress = async () => answers(schemas.SurveyProgressSchema, await ask("/v1/survey/progress")).making;
    refused(await ask("/v1/survey"), 404, "NOT_FOUND", /no survey was made/);
    assert.equal(await progress(), null);
    await endRound();

    // Each proof waits for the test.
    let pass: (() => void)[] = [];
    surveys.before = () => new Promise<void>((resolve) => void pass.push(resolve));
    const proceed = async (then: () => boolean | Promise<boolean>) => {
      await until(venue, () => pass.length > 0);
      pass.shift()!();
      while (!(await then())) await turns(1);
    };
    const [{ number, stateAfter }] = await venue.rounds({ limit: 1 });
    const of = { round: number, proofs: 2, done: 0, trouble: null };
    const begun = answers(schemas.SurveyProgressSchema, await ask("/v1/survey", begin));
    assert.deepEqual(begun, { making: of });
    assert.deepEqual(await progress(), of);
    const { details } = refused(await ask("/v1/survey", begin), 409, "SURVEY", /is being made: expected one at a time/);
    assert.deepEqual(details, { round: number });
    await proceed(async () => (await progress()).done === 1);
    assert.deepEqual(await progress(), { ...of, done: 1 });
    refused(await ask("/v1/survey"), 404, "NOT_FOUND", /no survey was made/);
    await proceed(async () => (await progress()) === null);
    assert.deepEqual(pass, []);

    const reckoned = () => {
      const { terms, clock } = venue;
      return [0, 1].reduce((sums, block) => surveyBlock(sums, accounts(), block, terms, clock.now()), NOTHING);
    };
    const first = await ask("/v1/survey");
    assert.match(first.headers.get("content-disposition")!, /filename="tacit-survey\.json"/);
    assert.equal(first.headers.get("access-control-allow-origin"), "*");
    const survey = readSurvey(answers(schemas.SurveyFileSchema, first));
    assert.deepEqual([survey.round, survey.proofs.length], [number, 2]);
    assert.deepEqual(verifySurvey(key, survey), { ok: true, state: BigInt(stateAfter), sums: reckoned() });
    const { cash, ...sums } = reckoned();
    assert.deepEqual(sums, { accounts: 22n, under: 0n, flagged: 0n, lacking: 0n });
    assert.equal(
      cash,
      accounts().reduce((sum, account) => sum + account.cash, 0n),
    );

    // The next one, of an account in default; until it is there the last one is told.
    await fall(92_500n);
    await until(venue, () => accounts()[2].flagged !== 0n);
    await endRound();
    await ask("/v1/survey", begin);
    await proceed(async () => (await progress()).done === 1);
    assert.equal((await ask("/v1/survey")).text, first.text);
    await proceed(async () => (await progress()) === null);
    const second = readSurvey((await ask("/v1/survey")).json);
    const [last] = await venue.rounds({ limit: 1 });
    assert.ok(second.round > number);
    assert.equal(second.round, last.number);
    const found = verifySurvey(key, second);
    assert.deepEqual(found, { ok: true, state: BigInt(last.stateAfter), sums: reckoned() });
    assert.deepEqual([reckoned().under, reckoned().flagged], [1n, 1n]);
  });

  it("begins with the operator's token alone, and not from a page of another site", async () => {
    const { prover } = surveyProver();
    const { ask, venue } = await served({ venue: { prover } });
    for (const init of strangers) refused(await ask("/v1/survey", { ...init, method: "POST" }), 401, "UNAUTHORISED", /^surveys are for the operator/); // prettier-ignore
    const elsewhere = { ...begin, headers: { ...begin.headers, origin: "https://evil.example" } };
    refused(await ask("/v1/survey", elsewhere), 403, "FORBIDDEN");
    assert.equal(venue.surveys.progress, null);
    const unset = await served({ venue: { prover: surveyProver().prover }, options: { operatorToken: null } });
    refused(await unset.ask("/v1/survey", begin), 401, "UNAUTHORISED", /none was set where the venue runs/);
    assert.equal(unset.venue.surveys.progress, null);
  });

  it("makes none where nothing is proved, and says so", async () => {
    const { ask } = await served();
    refused(await ask("/v1/survey", begin), 409, "SURVEY", /no state is proved here/);
    refused(await ask("/v1/survey"), 404, "NOT_FOUND", /no survey was made/);
    assert.deepEqual(answers(schemas.SurveyProgressSchema, await ask("/v1/survey/progress")), { making: null });
  });

  it("tells of one that failed by its code, why to the operator's log, and makes another", async () => {
    let log = "";
    const into = new Writable({
      write(chunk, _, done) {
        log += chunk;
        done();
      },
    });
    const { prover, key, it: surveys } = surveyProver();
    const storage = lastingStore();
    const { ask, venue, close } = await served({
      venue: { prover, storage },
      options: { log: pino({ level: "info" }, into) },
    });
    const of = { round: 0, proofs: 1, done: 0 };
    for (const [error, trouble] of [
      [new Error("/secret/place is full"), "UNEXPECTED"],
      [new TacitError("WITNESS", "/secret/circuit has no witness"), "WITNESS"],
    ] as const) {
      surveys.before = () => Promise.reject(error);
      assert.deepEqual((await ask("/v1/survey", begin)).json, { making: { ...of, trouble: null } });
      await until(venue, () => venue.surveys.progress?.trouble !== null);
      const told = await ask("/v1/survey/progress");
      assert.deepEqual(answers(schemas.SurveyProgressSchema, told), { making: { ...of, trouble } });
      refused(await ask("/v1/survey"), 404, "NOT_FOUND");
      const line = log.split("\n").find((it) => it.includes(error.message)) ?? "{}";
      assert.deepEqual([JSON.parse(line).code, JSON.parse(line).round], [trouble, 0]);
    }
    surveys.before = async () => {};
    assert.equal((await ask("/v1/survey", begin)).status, 200);
    await until(venue, () => venue.surveys.progress === null);
    const file = await ask("/v1/survey");
    const survey = readSurvey(answers(schemas.SurveyFileSchema, file));
    assert.equal(survey.round, 0);
    const result = verifySurvey(key, survey);
    assert.ok(result.ok && result.state === venue.genesisState, "of the genesis, as no round is proved");
    assert.equal(result.sums.accounts, BigInt(minutely.accounts.length));
    await close();
    // A venue that starts again has it still, and is making none.
    const again = await served({ venue: { storage, prover: surveyProver().prover }, traders: 0 });
    assert.equal((await again.ask("/v1/survey")).text, file.text);
    assert.deepEqual((await again.ask("/v1/survey/progress")).json, { making: null });
  });
});
