// Goal: a client believes rules and prices only as far as it can recompute them from what a quorum of the feeds has signed, and
// says so where a venue tells, or proves, others. An honest venue is never accused.
// Method: changes as a venue tells them, each lie from the truth with one thing changed; then venues that prove other prices
// than they tell.
import assert from "node:assert/strict";
import type { Api } from "../../src/client/api.ts";
import { ClientTerms } from "../../src/client/terms.ts";
import { Contradiction, memoryNotebook, type Notebook } from "../../src/client/index.ts";
import { reportJson } from "../../src/feeds/reportJson.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { pricesRoot, reprice } from "../../src/protocol/prices.ts";
import { medians } from "../../src/protocol/report.ts";
import { pricesJson } from "../../src/protocol/pricesJson.ts";
import { rulesRoot, type Rules, type Terms } from "../../src/protocol/rules.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { useHashKernels } from "../../src/prover/hash/use.ts";
import { hasCode } from "../hasCode.ts";
import { EPOCH, ManualClock, quorumOfReports, reportsOf, START, unpriced } from "../venue/fixture.ts";
import { FIRST, LAG, LENGTH, minutely, minutelyJson, priceNow, until } from "../venue/repricing.ts";
import { Reports, type ChangeJson } from "../../src/venue/reports.ts";
import { memoryStore } from "../../src/venue/store/memoryStore.ts";
import { proveAll, setting, type Answer } from "./setting.ts";

const { domain, rules } = minutely;
const contradicts = (error: Error) => {
  assert.ok(error instanceof Contradiction, String(error));
  assert.equal(error.kind, "terms");
  return true;
};
const quorum = (epoch: bigint, of = rules) => quorumOfReports(reportsOf({ epoch }, { rules: of, domain }));

/** Another band in slot 0. */
const after: Rules = {
  ...rules,
  markets: rules.markets.map((row, slot) => (row && slot === 0 ? { ...row, band: 1_000n } : row)),
};

/** Prices, prices, rules, prices: with others of the log between. */
async function history() {
  const matcher = new Matcher({ ...minutely, profile: PROFILES[minutely.profile] }, { view: () => 1n });
  const reports = new Reports({ terms: minutely, logCount: 0 }, memoryStore());
  const terms = [{ n: -1, ...matcher.terms }];
  const commands: Command[] = [
    { kind: "reprice", time: START + LAG, epoch: FIRST, quorum: quorum(FIRST) },
    { kind: "purge", time: START + LAG, slot: 0 },
    { kind: "reprice", time: START + LENGTH + LAG, epoch: FIRST + 1n, quorum: quorum(FIRST + 1n) },
    { kind: "rules", time: START + LENGTH + LAG, rules: after },
    { kind: "reprice", time: START + LENGTH + LAG + 1n, epoch: FIRST + 1n, quorum: quorum(FIRST + 1n, after) },
  ];
  commands.forEach((command, n) => {
    for (const event of matcher.apply(command)) reports.add(event, n);
    if (command.kind !== "purge") terms.push({ n, ...matcher.terms });
  });
  const { n, ...before } = reports.earlier;
  return { changes: await reports.changes({ after: -1, limit: 100 }), terms, earlier: termsJson(n, before) };
}

const termsJson = (n: number, { rules, prices }: Terms) => ({
  n,
  rules: rulesJson(rules),
  prices: pricesJson(prices),
});

/** A client's terms at a venue that tells these changes, so many at a time at most. */
function told(changes: readonly unknown[], earlier: unknown = null, now = START, logCount = 10_000) {
  const asked: string[] = [];
  const api = {
    progress: async () => ({ logCount, proved: 0 }),
    async get(path: string) {
      asked.push(path);
      if (path === "/terms") return earlier;
      const [, position, limit] = /^\/changes\?after=(-?\d+)&limit=(\d+)$/.exec(path)!.map(Number);
      const left = (changes as ChangeJson[]).filter(({ n }) => n > position);
      return { changes: left.slice(0, limit) };
    },
  } as Pick<Api, "get" | "progress"> as Api;
  return { terms: new ClientTerms({ api, genesis: minutely, now: () => now }), asked };
}

describe("client: terms", () => {
  let truth!: Awaited<ReturnType<typeof history>>;
  before(async () => {
    await useHashKernels();
    truth = await history();
  });
  /** A copy that may be changed. */
  const copy = () => structuredClone(truth.changes) as any[];

  it("are those of the venue, at each entry of the log", async () => {
    const { terms, asked } = told(truth.changes);
    assert.deepEqual([terms.position, terms.quorum, terms.latest.prices.epoch], [-1, null, 0n]);
    await terms.update();
    const last = truth.terms.at(-1)!;
    assert.equal(pricesRoot(terms.latest.prices), pricesRoot(last.prices));
    assert.equal(rulesRoot(terms.latest.rules), rulesRoot(after));
    for (let n = 0; n < 7; n++) {
      // An entry meets what those before it have left.
      const met = truth.terms.filter((it) => it.n < n).at(-1)!;
      assert.equal(pricesRoot(terms.at(n)!.prices), pricesRoot(met.prices), `entry ${n}`);
      assert.equal(rulesRoot(terms.at(BigInt(n))!.rules), rulesRoot(met.rules), `entry ${n}`);
    }
    const { n, time, epoch, reports } = terms.quorum!;
    assert.deepEqual([n, time, epoch], [4, START + LENGTH + LAG + 1n, FIRST + 1n]);
    assert.deepEqual(reports, quorum(FIRST + 1n, after));
    assert.deepEqual(asked, ["/changes?after=-1&limit=200"]);
    // What is known is asked for no more, unless an entry needs newer prices; told twice, it stays.
    await terms.updateFor(START + LENGTH + LAG + 1n);
    assert.equal(asked.length, 1);
    await terms.updateFor(START + 2n * LENGTH + LAG);
    assert.deepEqual(asked.slice(1), ["/changes?after=4&limit=200"]);
    terms.add(truth.changes[0]);
    assert.equal(terms.position, 4);
  });

  it("begin at the genesis of a young venue, and at what was known the last time", async () => {
    const first = told(truth.changes, truth.earlier);
    await first.terms.open(null);
    assert.deepEqual(first.asked, ["/terms", "/changes?after=-1&limit=200"]);
    const last = pricesRoot(truth.terms.at(-1)!.prices);
    for (const [from, n] of [
      [null, 3],
      [10n, 3],
      [3n, 2],
      [2n, 0],
      [0n, -1],
    ] as const) {
      const kept = JSON.parse(JSON.stringify(first.terms.kept(from)));
      assert.equal(kept.n, n, `what entry ${from} met`);
      const { terms, asked } = told(truth.changes, truth.earlier);
      await terms.open(kept);
      assert.deepEqual(asked, ["/terms", `/changes?after=${n}&limit=200`]);
      assert.equal(pricesRoot(terms.latest.prices), last);
      assert.deepEqual(terms.quorum, first.terms.quorum);
      if (n >= 0) assert.equal(terms.at(n), null);
      const met = truth.terms.filter((it) => it.n <= n).at(-1)!;
      assert.equal(pricesRoot(terms.at(n + 1)!.prices), pricesRoot(met.prices));
    }
  });

  it("begin before the last change where all that is known is long ago", async () => {
    const { pricing } = rules.group;
    for (const [epochs, far] of [
      [150n, false],
      [151n, true],
    ] as const) {
      const epoch = FIRST + epochs;
      const matcher = new Matcher({ ...minutely, profile: PROFILES[minutely.profile] }, { view: () => 1n });
      const reports = new Reports({ terms: minutely, logCount: 0 }, memoryStore());
      [FIRST, epoch, epoch + 1n].forEach((of, n) => {
        const time = of * pricing.epochLength + LAG;
        const command = { kind: "reprice", time, epoch: of, quorum: quorum(of) } as const;
        for (const event of matcher.apply(command)) reports.add(event, n);
      });
      const { n, ...before } = reports.earlier;
      const { terms, asked } = told(
        await reports.changes({ after: -1, limit: 9 }),
        termsJson(n, before),
        epoch * LENGTH,
      );
      await terms.open(null);
      assert.equal(terms.told?.n, far ? 1 : undefined);
      assert.deepEqual(asked, ["/terms", `/changes?after=${far ? 1 : -1}&limit=200`]);
      assert.equal(pricesRoot(terms.latest.prices), pricesRoot(matcher.terms.prices));
      assert.equal(terms.quorum!.epoch, epoch + 1n);
    }
  });

  it("of entries that the log does not have: contradicted", async () => {
    const last = truth.changes.at(-1)!.n;
    await told(truth.changes, null, START, last + 1).terms.update();
    const { terms } = told(truth.changes, null, START, last);
    await assert.rejects(terms.update(), contradicts);
    assert.equal(terms.position, last - 1, "what the log has is read");
    const later = START + 200n * LENGTH;
    for (const [logCount, refused] of [
      [truth.earlier.n, true],
      [truth.earlier.n + 1, false],
    ] as const) {
      const { terms } = told([], truth.earlier, later, logCount);
      if (refused) await assert.rejects(terms.open(null), contradicts);
      else await terms.open(null);
      assert.equal(terms.position, refused ? -1 : truth.earlier.n);
    }
  });

  /** Pages of changes that never end. */
  const endless = (change: (n: number) => unknown, logCount: number) => {
    let pages = 0;
    const api = {
      progress: async () => ({ logCount, proved: 0 }),
      async get(path: string) {
        pages++;
        const after = Number(/after=(-?\d+)/.exec(path)![1]);
        return { changes: Array.from({ length: 200 }, (_, i) => change(after + 1 + i)) };
      },
    } as Pick<Api, "get" | "progress"> as Api;
    return { terms: new ClientTerms({ api, genesis: minutely, now: () => START }), pages: () => pages };
  };
  const again = { kind: "rules", time: `${START}`, root: `${rulesRoot(rules)}`, rules: rulesJson(rules) };

  it("that never end are not read for ever", async () => {
    await assert.rejects(endless(() => truth.changes[0], 10_000).terms.update(), hasCode("FORMAT"));
    const { terms, pages } = endless((n) => ({ ...again, n }), 250);
    await assert.rejects(terms.update(), contradicts);
    assert.deepEqual([pages(), terms.position], [2, 249]);
  });

  it("that never end are not read for ever, however long the log is said to be", async () => {
    const { terms, pages } = endless((n) => ({ ...again, n }), Number.MAX_SAFE_INTEGER);
    await assert.rejects(terms.update(), hasCode("FORMAT"));
    assert.deepEqual([pages(), terms.position], [6, 999]);
  });

  it("begin again where they began an earlier time, from which what is told now must follow", async () => {
    const later = START + 200n * LENGTH;
    const [first] = truth.terms.slice(1);
    const pinned = termsJson(first.n, first);
    const { terms } = told(truth.changes, truth.earlier, later);
    await terms.open(null);
    assert.deepEqual(terms.told, truth.earlier);
    const last = pricesRoot(terms.latest.prices);
    await terms.beginAt(pinned);
    assert.deepEqual([terms.told, pricesRoot(terms.latest.prices)], [pinned, last]);
    assert.equal(pricesRoot(terms.at(1)!.prices), pricesRoot(first.prices));
    terms.confirm();
    assert.equal(terms.told, null);
    for (const spoil of [(it: any) => (it.prices.funding = "1"), (it: any) => (it.rules.markets[0].band = "77")]) {
      const other = structuredClone(truth.earlier);
      spoil(other);
      const { terms } = told(truth.changes, other, later);
      await terms.open(null).catch(() => {});
      await assert.rejects(terms.beginAt(pinned), contradicts);
    }
  });

  it("begin at nothing that is no rules and prices", async () => {
    const spoilt: [(it: any) => void, RegExp][] = [
      [(it) => (it.n = -2), /terms\.n is wrong/],
      [(it) => (it.rules.markets[0].band = "x"), /markets\[0\]\.band/],
      [(it) => delete it.prices.index, /prices\.index is wrong/],
      [(it) => (it.prices.halted = "no"), /prices\.halted is wrong: expected true or false/],
      [(it) => it.prices.values.pop(), /prices\.values is wrong: expected 4 entries/],
      [(it) => (it.prices.values[1][2] = `${1n << 48n}`), /prices\.values\[1\]\[2\].*2\^48/],
      [(it) => (it.prices.markets[0].mark = "1.5"), /prices\.markets\[0\]\.mark is wrong/],
    ];
    for (const [spoil, says] of spoilt) {
      const earlier = structuredClone(truth.earlier);
      spoil(earlier);
      for (const kept of [null, earlier])
        await assert.rejects(told(truth.changes, kept ? truth.earlier : earlier).terms.open(kept), says);
    }
  });

  const lies: Record<string, (changes: any[]) => void> = {
    "a number that no feed has signed": ([first]) => (first.quorum[1].report.index = "100001"),
    "a median that is off by one": ([first]) => first.quorum.forEach((it: Answer) => (it.report.index = "99999")),
    "too few reports": ([first]) => first.quorum.pop(),
    "more reports than a quorum": ([first]) => first.quorum.push(reportJson(reportsOf({ epoch: FIRST }, minutely)[3])),
    "one report twice": ([first]) => (first.quorum[2] = first.quorum[1]),
    "reports that do not rise": ([first]) => first.quorum.reverse(),
    "reports of one feed as another's": ([first]) => (first.quorum[2].feed = "3"),
    "reports of another epoch": ([first]) => (first.quorum = quorum(FIRST - 1n).map(reportJson)),
    "reports of another venue": ([first]) =>
      (first.quorum = quorumOfReports(reportsOf({ epoch: FIRST }, { rules, domain: 5n })).map(reportJson)),
    "an epoch that is not over by the lag": ([first]) => (first.time = `${START + LAG - 1n}`),
    "an epoch that was priced": (changes) =>
      Object.assign(changes[1], { epoch: `${FIRST}`, quorum: changes[0].quorum }),
    "prices twice under one set of rules": (changes) => void changes.splice(2, 1),
  };
  for (const [what, lie] of Object.entries(lies))
    it(`${what}: contradicted`, async () => {
      const changes = copy();
      lie(changes);
      await assert.rejects(told(changes).terms.update(), contradicts);
    });

  it("rules that may not follow those before: contradicted", async () => {
    const changes = copy();
    const { group } = rules;
    const wrong = { ...rules, group: { ...group, pricing: { ...group.pricing, epochLength: 30n } } };
    Object.assign(changes[2], { rules: rulesJson(wrong), root: `${rulesRoot(wrong)}` });
    await assert.rejects(told(changes).terms.update(), contradicts);
  });

  it("what is no change is told as such", async () => {
    for (const spoil of [
      (changes: any[]) => (changes[2].root = `${rulesRoot(rules)}`),
      (changes: any[]) => (changes[0].kind = "fold"),
      (changes: any[]) => (changes[0].n = 0.5),
      (changes: any[]) => (changes[0].epoch = "x"),
      (changes: any[]) => delete changes[0].quorum[0].auth.S,
    ]) {
      const changes = copy();
      spoil(changes);
      const { terms } = told(changes);
      await assert.rejects(
        (async () => {
          for (const change of changes) terms.add(change);
        })(),
        hasCode("FORMAT"),
      );
    }
  });
});

describe("client: a venue that proves other prices than it tells", () => {
  /** Numbers by feed, so that each quorum has medians of its own. */
  const reports = [100_000n, 100_010n, 100_020n, 100_030n].map(
    (index, feed) => reportsOf({ index, average: index })[feed],
  );
  const reprices = (quorum: typeof reports, time = START + 1n) => ({
    changes: [{ kind: "reprice", n: 0, time: `${time}`, epoch: `${EPOCH}`, quorum: quorum.map(reportJson) }],
  });
  const tells = (answer: unknown) => (path: string, told: Answer) => (path === "/changes" ? (answer as Answer) : told);
  const { group, instruments, markets } = unpriced.rules;
  const priced = { root: rulesRoot(unpriced.rules), pricing: group.pricing, instruments, markets };

  it("in what a client begins with: contradicted", async () => {
    const s = await setting({ reports: reports.slice(0, 3) });
    const notebook = memoryNotebook();
    await proveAll(s.venue, s.clock);
    await (await s.open(notebook)).sync();
    const kept = JSON.parse((await notebook.read())!);
    assert.equal(kept.terms.n, -1);
    kept.terms.prices.funding = "1";
    await notebook.write(JSON.stringify(kept));
    await assert.rejects((await s.open(notebook)).sync(), contradicts);
    await s.venue.close();
  });

  /** A venue that is far from its genesis, and that tells of these prices after an entry, and of no change since. */
  async function farFromGenesis() {
    const s = await setting({ reports: reports.slice(0, 3) });
    const { rules, prices } = s.venue.terms;
    const lies = { n: 0, prices: { ...prices, epoch: 9n, index: 7n }, logCount: null as number | null };
    s.it.lie = (path, answer) => {
      if (path === "/terms") return termsJson(lies.n, { rules, prices: lies.prices });
      if (path === "/health") return { ...answer, logCount: lies.logCount ?? answer.logCount };
      return path === "/changes" ? { changes: [] } : answer;
    };
    s.clock.advance(200n * unpriced.rules.group.pricing.epochLength);
    /** Time passes, and what comes in is proved. */
    const prove = async (seconds: bigint) => {
      s.clock.advance(seconds);
      await s.send(s.bob.cancel());
      await proveAll(s.venue, s.clock);
    };
    /** Prices are told to be of an entry that is not proved yet, the last. */
    const unproved = async () => {
      await prove(0n);
      await s.send(s.bob.cancel());
      lies.n = s.venue.health().logCount - 1;
    };
    const notebook = memoryNotebook();
    /** A client that is started anew. */
    const synced = async () => {
      const client = await s.open(notebook);
      assert.equal(client.terms.latest.prices.index, 7n);
      await client.sync();
      return client;
    };
    const kept = async () => JSON.parse((await notebook.read())!);
    return { ...s, lies, prove, unproved, notebook, synced, kept };
  }

  it("in what a fresh client is told of a log that is not there: contradicted at once", async () => {
    const { venue, lies, open } = await farFromGenesis();
    lies.n = venue.health().logCount;
    await assert.rejects(open(), contradicts);
    lies.n--;
    await open();
    await venue.close();
  });

  it("the same, of a log that is said to be longer: contradicted an hour later, by whichever client is there then", async () => {
    const { venue, lies, prove, kept, synced } = await farFromGenesis();
    Object.assign(lies, { n: 999_999, logCount: 1_000_000 });
    await synced();
    const { terms, told } = await kept();
    assert.deepEqual([terms, told.n], [null, 999_999]);
    await prove(3_400n);
    // What is told later is no news.
    lies.n = 999_998;
    await synced();
    assert.deepEqual({ ...(await kept()).told, unshown: told.unshown }, told);
    await prove(200n);
    await assert.rejects(synced(), contradicts);
    await venue.close();
  });

  it("in what is told at each start, of entries that come to be proved: contradicted", async () => {
    const { venue, synced, unproved } = await farFromGenesis();
    await unproved();
    await synced();
    await unproved();
    await assert.rejects(synced(), contradicts);
    await venue.close();
  });

  it("in what is told at one start, and otherwise at the next: contradicted", async () => {
    const { venue, lies, synced, unproved } = await farFromGenesis();
    await unproved();
    await synced();
    lies.prices = { ...lies.prices, funding: 5n };
    await assert.rejects(synced(), contradicts);
    await venue.close();
  });

  it("and that never shows an account: contradicted an hour later, as more is proved", async () => {
    for (const isOld of [false, true]) {
      const { venue, lies, prove, it: line, synced, send, bob } = await farFromGenesis();
      const { lie } = line;
      let old: Answer | null = null;
      if (!isOld) line.missing = "/opening";
      else line.lie = (path, answer) => (path === "/opening" ? (old ??= answer) : lie(path, answer));
      await prove(0n);
      await send(bob.cancel());
      lies.n = venue.health().logCount - 1;
      for (const seconds of [0n, 0n, 3_400n]) {
        await synced();
        await prove(seconds);
      }
      await synced();
      await prove(200n);
      // It may have been started anew just before: it has ten minutes.
      assert.deepEqual((await synced()).contradictions, []);
      await prove(601n);
      await assert.rejects(synced(), contradicts, isOld ? "one of long ago" : "none");
      await venue.close();
    }
  });

  it("is not accused where it shows no account, and proves nothing more", async () => {
    const { venue, clock, lies, prove, it: line, synced } = await farFromGenesis();
    line.missing = "/opening";
    await prove(0n);
    lies.n = venue.health().logCount - 1;
    await synced();
    for (let hours = 0; hours < 3; hours++) {
      clock.advance(3_601n);
      const { contradictions } = await synced();
      assert.deepEqual(contradictions, []);
    }
    await venue.close();
  });

  it("is not accused where proofs are behind the prices that each start is told of", async () => {
    const clock = new ManualClock(START + 200n * LENGTH + LAG);
    const limits = { roundSeconds: 170 };
    const { venue, open } = await setting({ genesis: minutely, json: minutelyJson, reports: [], clock, limits });
    // Prices come first in their second.
    clock.advance(1n);
    await priceNow(venue);
    const pass = async () => {
      clock.advance(LENGTH);
      await priceNow(venue);
    };
    await pass();
    /** Of a client, four prices later: a round has so many, and two are in none that is proved. */
    const start = async (notebook: Notebook) => {
      for (let i = 0; i < 4; i++) await pass();
      await until(venue, () => venue.health().unproved === 2);
      const client = await open(notebook);
      const fresh = client.terms.told!;
      await client.sync();
      assert.ok(BigInt(fresh.n) >= client.verified.logCount);
      assert.deepEqual(client.contradictions, []);
      const { terms, told } = JSON.parse((await notebook.read())!);
      assert.equal(client.terms.told === null, told === null);
      return [terms !== null, told !== null];
    };
    for (const gap of [0n, 7_200n]) {
      const notebook = memoryNotebook();
      assert.deepEqual(await start(notebook), [false, true]);
      if (gap > 0n) {
        clock.advance(gap);
        await priceNow(venue);
        for (let i = 0; i < 2; i++) await pass();
      }
      assert.deepEqual(await start(notebook), [true, false], "what was told first is proved by now");
    }
    await venue.close();
  });

  it("is not accused where it is honest", async () => {
    const s = await setting({ reports: [reports[3], reports[0], reports[2]] });
    const client = await s.open();
    await proveAll(s.venue, s.clock);
    await client.sync();
    assert.deepEqual(client.contradictions, []);
    assert.deepEqual(client.terms.quorum!.reports, [reports[0], reports[2], reports[3]]);
    assert.equal(client.terms.latest.prices.index, 100_020n);
    await s.venue.close();
  });

  for (const [what, lie] of Object.entries({
    "another quorum": tells(reprices(reports.slice(1))),
    "no change": tells({ changes: [] }),
  }))
    it(`${what}: contradicted`, async () => {
      const s = await setting({ reports: reports.slice(0, 3) });
      s.it.lie = lie;
      const client = await s.open();
      await proveAll(s.venue, s.clock);
      await assert.rejects(client.sync(), contradicts);
      assert.equal(client.contradictions[0].kind, "terms");
      await s.venue.close();
    });

  it("a median that is off by one: contradicted", async () => {
    const numbers = medians(reports.slice(0, 3));
    const off = reprice(priced, unpriced.prices, EPOCH, { ...numbers, index: numbers.index + 1n });
    for (const [index, prices] of [
      [100_011n, off],
      [100_010n, reprice(priced, unpriced.prices, EPOCH, numbers)],
    ] as const) {
      const s = await setting({ genesis: { ...unpriced, prices }, reports: [] });
      assert.equal(s.venue.terms.prices.index, index);
      s.it.lie = tells(reprices(reports.slice(0, 3)));
      const client = await s.open();
      await proveAll(s.venue, s.clock);
      if (prices === off) await assert.rejects(client.sync(), contradicts);
      else await client.sync();
      await s.venue.close();
    }
  });
});
