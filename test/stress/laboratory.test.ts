// Goal: the laboratory runs the rules themselves, notices where they are broken, and says what was wrong with what it was given.
// Method: small populations; the venue with first-come liquidation against the matcher, command by command; planted faults; bad files.
// TACIT_STEPS runs so many random commands, with repricing, expiry, defaults and withdrawals (a million: some minutes).
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stress } from "../../src/cli/stress.ts";
import { Matcher, type Command } from "../../src/matcher/matcher.ts";
import type { Account } from "../../src/protocol/account.ts";
import { isBelow, standing } from "../../src/protocol/defaults.ts";
import { MARKETS } from "../../src/protocol/parameters.ts";
import { Random } from "../../src/replay/random.ts";
import { FirstComeVenue } from "../../src/stress/firstCome.ts";
import { StressFeed } from "../../src/stress/feed.ts";
import { Laws, type Venue } from "../../src/stress/laws.ts";
import {
  firstEpochOf,
  firstPrices,
  madePath,
  MOST_EPOCHS,
  populationOf,
  readPath,
  runStress,
  SHAPE_NAMES,
  START_INDEX,
  stressRules,
  stressRulesJson,
  tradesPath,
  type How,
  type ShapeName,
} from "../../src/stress/index.ts";
import { setPlaces } from "../../src/cli/venue/setPlaces.ts";
import { pricesOf, randomAccounts, withDefaults } from "../defaulting.ts";
import { hasCode } from "../hasCode.ts";

const STEPS = Number(process.env.TACIT_STEPS ?? 0);
const SEED = Number(process.env.SEED ?? 1);

function run(
  name: ShapeName,
  { accounts = 40, epochs = 24, seed = SEED, how = "rules" as How, every = 60, set = [] as string[], ...rest } = {} as {
    accounts?: number;
    epochs?: number;
    seed?: number;
    how?: How;
    every?: number;
    set?: string[];
    watch?: (command: Command, venue: Venue) => void;
  },
) {
  const rules = stressRules(setPlaces(stressRulesJson(name, { interval: every }), set));
  const path = madePath(name, { seed, epochs });
  return runStress({ rules, firstEpoch: firstEpochOf(name, epochs), accounts, path, seed, how, ...rest });
}

/** A population and its prices, before anything happens. */
function population(count = 30) {
  const rules = stressRules(stressRulesJson("calm", { interval: 20 }));
  const epoch = firstEpochOf("calm", 20);
  const numbers = new StressFeed(rules, epoch, { index: BigInt(START_INDEX), volatility: 0.6 }).last;
  const made = populationOf(rules, { count, random: new Random(SEED), epoch, numbers });
  return { ...made, rules, prices: firstPrices(rules, epoch, numbers) };
}

describe("stress: paths", () => {
  for (const name of SHAPE_NAMES)
    it(`${name} is the same for the same seed, and begins near ${START_INDEX}`, () => {
      const path = madePath(name, { seed: 3, epochs: 100 });
      assert.deepEqual(path, madePath(name, { seed: 3, epochs: 100 }));
      assert.notDeepEqual(path, madePath(name, { seed: 4, epochs: 100 }));
      assert.equal(path.length, 100);
      assert.ok(Math.abs(Number(path[0].index) / START_INDEX - 1) < 0.02);
    });

  it("a file has an epoch a line; comments and empty lines are left out", () => {
    const lines = Array.from({ length: 20 }, (_, i) => (i % 2 ? `${1_000 + i}` : `${1_000 + i}.4, 0.5`));
    const path = readPath(`# index, volatility\n\n${lines.join("\r\n")}\n`);
    assert.equal(path.length, 20);
    assert.deepEqual(path[0], { index: 1_000n, volatility: 0.5 });
    assert.deepEqual(path[1], { index: 1_001n, volatility: 0.6 });
  });

  const good = Array.from({ length: 20 }, () => "1000").join("\n");
  for (const { why, text, says } of [
    { why: "no number", text: `${good}\nabc`, says: /line 21: index is wrong: expected a number from 1 to/ },
    { why: "an index of 0", text: `0\n${good}`, says: /line 1: index/ },
    { why: "a volatility of 9", text: `${good}\n# so\n1000,9`, says: /line 22: volatility is wrong: expected a number from 0.05 to 5/ }, // prettier-ignore
    { why: "three columns", text: `1,1,1\n${good}`, says: /line 1: line is wrong: expected index, or index and volatility/ }, // prettier-ignore
    { why: "too few epochs", text: "1000\n1000", says: /has 2 epochs: expected 20 to/ },
  ])
    it(`a file with ${why} is refused, and its place is named`, () => {
      assert.throws(
        () => readPath(text),
        (error: Error) => hasCode("PATH")(error) && says.test(error.message),
      );
    });

  it("trades are taken in order, as many in each epoch; fewer than epochs are refused", () => {
    const prices = Array.from({ length: 60 }, (_, i) => 500 + (i % 3));
    assert.equal(tradesPath(prices, 30).length, 30);
    assert.equal(tradesPath([100, 101], 2)[1].index, BigInt(Math.round(START_INDEX * 1.01 ** 25)));
    assert.throws(() => tradesPath(prices, 61), hasCode("PATH"));
  });
});

describe("stress: runs", () => {
  it("the same seed gives the same outcome, another one another", async () => {
    const of = (seed: number) => run("gap", { seed, epochs: 20 });
    const first = await of(5);
    assert.deepEqual(first, await of(5));
    assert.notDeepEqual(first, await of(6));
  });

  it("whoever begins holds its margin, and lots sum to zero", () => {
    const { genesis, prices, held } = population(200);
    for (const account of genesis.accounts) {
      const { equity, risk } = standing(account, prices);
      assert.ok(equity >= risk);
    }
    for (let i = 0; i < held.length; i++)
      assert.equal(genesis.accounts.reduce((sum, { positions }) => sum + positions[i], 0n), 0n); // prettier-ignore
    assert.ok(held[0] > 0n && held[1] > 0n && held[2] > 0n);
  });

  it("a gap makes defaults, all of which end, and what the insurance lacks is shared", async () => {
    const it = await run("gap", { accounts: 60, epochs: 60 });
    assert.ok(it.defaults > 10 && it.assumed > 5);
    assert.ok(it.deficit > 0n && it.haircuts > 0 && it.haircut > 0 && it.haircut < 1);
    assert.equal(it.points.length, 60);
    const { grace, slope } = withDefaults().group.defaults;
    assert.ok(it.underMaintenance[2] <= Number(grace + 2n * slope) + 60);
  });

  it("in a calm market nobody lacks anything", async () => {
    const it = await run("calm");
    assert.deepEqual([it.insurancePaid, it.deficit, it.haircuts, it.unpaid], [0n, 0n, 0, 0]);
  });

  it("an epoch over the step halts, and nothing counts in it; all goes on in the next", async () => {
    const it = await run("halt");
    assert.equal(it.halts, 1);
    assert.ok(it.defaults > 0);
  });

  it("options expire in a run, and turn into cash", async () => {
    let options = -1;
    await run("expiry", {
      epochs: 20,
      watch: (_, { accounts }) =>
        (options = accounts.filter(({ positions }) => positions[1] !== 0n || positions[2] !== 0n).length),
    });
    assert.equal(options, 0);
  });

  it("first come, who takes accounts over has no more than its margin, and what nobody had is unpaid", async () => {
    const it = await run("gap", { accounts: 60, epochs: 30, how: "firstCome" });
    assert.ok(it.assumed > 10 && it.unpaid > 0 && it.haircuts === 0);
    assert.deepEqual(it.underMaintenance, [0, 0, 0]);
  });
});

describe("stress: the venue with first-come liquidation", () => {
  it("comes to the matcher's accounts, books and registers, command by command, where nobody defaults", async () => {
    const commands: Command[] = [];
    const set = [
      "group.defaults.maintenance=1",
      "group.defaults.target=1",
      "group.defaults.penalty=0",
      "group.defaults.insuranceLimit=0",
    ];
    await run("expiry", { epochs: 20, every: 20, set, watch: (command) => commands.push(command) });
    const rules = stressRules(setPlaces(stressRulesJson("expiry", { interval: 20 }), set));
    const [epoch, first] = [firstEpochOf("expiry", 20), madePath("expiry", { seed: SEED, epochs: 20 })[0]];
    const numbers = new StressFeed(rules, epoch, first).last;
    const { genesis } = populationOf(rules, { count: 40, random: new Random(SEED), epoch, numbers });
    const [matcher, lean] = [new Matcher(genesis, { view: () => 0n }), new FirstComeVenue(genesis)];
    const kinds = new Set<string>();
    for (const command of commands) {
      const events = [matcher, lean].map((it) => it.apply(command));
      assert.equal(events[0].length, events[1].length);
      kinds.add(command.kind);
      for (const event of events[0]) {
        if (event.kind === "item" && event.account) assert.deepEqual(lean.accounts[event.account.index], matcher.accounts[event.account.index]); // prettier-ignore
        if (event.kind === "settle") for (const { index } of event.writes) assert.deepEqual(lean.accounts[index], matcher.accounts[index]); // prettier-ignore
      }
      assert.deepEqual([lean.held.vault, lean.share, lean.clock], [matcher.held.vault, matcher.share, matcher.clock]);
      if (command.kind !== "close" && command.kind !== "reprice") continue;
      assert.deepEqual(lean.accounts, matcher.accounts);
      for (let slot = 0; slot < MARKETS; slot++) assert.deepEqual(lean.book(slot), matcher.book(slot));
    }
    assert.deepEqual(lean.accounts, matcher.accounts);
    assert.deepEqual([...kinds].sort(), ["close", "fold", "item", "reprice"]);
  });
});

describe("stress: laws", () => {
  /** The venue of a population, with accounts of one's own. */
  const venueOf = (change: (accounts: Account[]) => void) => {
    const { genesis } = population();
    const matcher = new Matcher(genesis, { view: () => 0n });
    const accounts = [...matcher.accounts];
    const venue: Venue = {
      accounts,
      apply: (command) => matcher.apply(command),
      book: (slot) => matcher.book(slot),
      cancels: (slot) => matcher.cancels(slot),
      clock: matcher.clock,
      held: matcher.held,
      share: matcher.share,
      terms: matcher.terms,
      isFresh: () => true,
    };
    const laws = new Laws(venue);
    change(accounts);
    return { laws, time: genesis.time };
  };
  const refuses = (what: RegExp, change: (accounts: Account[]) => void) => {
    const { laws, time } = venueOf(change);
    assert.throws(
      () => {
        laws.observe([], "epoch 1");
        laws.whole("epoch 1");
        laws.looked(time, "epoch 1");
      },
      (error: Error) =>
        hasCode("VIOLATION")(error) && what.test(error.message) && error.message.startsWith("epoch 1: "),
    );
  };

  it("hold of a population as it is", () => {
    const { laws, time } = venueOf(() => {});
    laws.observe([], "");
    laws.whole("");
    laws.looked(time, "");
  });
  it("notice a lot that nobody sold", () =>
    refuses(/instrument 1 do not sum/, (all) => {
      const { positions } = all[3];
      all[3] = { ...all[3], positions: positions.map((lots, i) => (i === 1 ? lots + 1n : lots)) };
    }));
  it("notice a unit of cash that was made", () =>
    refuses(/cash of all accounts/, (all) => void (all[3] = { ...all[3], cash: all[3].cash + 1n })));
  it("notice that the insurance account pays whom it must not", () =>
    refuses(/the insurance account has other cash/, (all) => void (all[1] = { ...all[1], cash: all[1].cash - 1n })));
  it("notice whom the policy has overlooked", () =>
    refuses(/account 2 is under its maintenance and has no flag/, (all) => {
      const moved = all[2].cash + 10_000_000n;
      all[2] = { ...all[2], cash: all[2].cash - moved };
      all[5] = { ...all[5], cash: all[5].cash + moved };
    }));

  it("count as under a part exactly whom whole numbers do", () => {
    const rules = withDefaults();
    const prices = pricesOf(rules);
    const accounts = randomAccounts(new Random(SEED), prices, 400, 60_010n);
    const venue = { accounts, terms: { rules, prices }, held: { vault: 0n, relief: 0n, deficit: 0n } } as unknown as Venue; // prettier-ignore
    const expected = accounts.flatMap((it, i) => (i !== 1 && isBelow(512n, standing(it, prices)) ? [i] : []));
    assert.deepEqual(new Laws(venue).under(512n), expected);
    assert.ok(expected.length > 50);
  });
});

describe("stress: the command", () => {
  let folder: string;
  before(async () => void (folder = await mkdtemp(join(tmpdir(), "tacit-"))));
  after(() => rm(folder, { recursive: true }));
  const options = { accounts: 10, path: "calm", seed: 1, epochs: 20, every: 60 };
  const shownBy = async (work: () => Promise<number>): Promise<string> => {
    const written = process.stdout.write;
    let shown = "";
    process.stdout.write = ((text: string) => (shown += text).length > 0) as typeof written;
    try {
      assert.equal(await work(), 0);
    } finally {
      process.stdout.write = written;
    }
    return shown;
  };

  it("runs all paths into one table; trades only where there are some", async () => {
    const trades = join(folder, "trades.csv");
    await writeFile(trades, Array.from({ length: 30 }, (_, i) => `${34_200 + i},4,1,10,${1_000_000 + 100 * i},1`).join("\n")); // prettier-ignore
    const shown = await shownBy(() => stress({ ...options, path: "all", alone: true, trades }));
    const rows = shown.trim().split("\n").slice(2);
    assert.deepEqual(rows.map((row) => row.split(" ")[0]), [...SHAPE_NAMES, "trades"]); // prettier-ignore
  });

  it("writes both runs of a path as JSON", async () => {
    const [prices, json] = [join(folder, "prices.csv"), join(folder, "out.json")];
    await writeFile(prices, Array.from({ length: 25 }, (_, i) => `${100_000 - 400 * i}`).join("\n"));
    const shown = await shownBy(() => stress({ ...options, epochs: undefined, path: prices, json }));
    const { runs, accounts, seed } = JSON.parse(await readFile(json, "utf8"));
    assert.deepEqual([accounts, seed, runs.length], [10, 1, 1]);
    assert.deepEqual([runs[0].rules.how, runs[0].firstCome.how, runs[0].rules.epochs], ["rules", "firstCome", 25]);
    assert.equal(runs[0].rules.points.length, 25);
    assert.match(shown, /accounts in default/);
    assert.match(shown, /index +[▁▂▃▄▅▆▇█]+ /);
  });

  for (const { why, code, change } of [
    { why: "no such path", code: "PATH", change: { path: "nowhere" } },
    { why: "too few accounts", code: "OUT_OF_RANGE", change: { accounts: 9 } },
    { why: "too many accounts", code: "OUT_OF_RANGE", change: { accounts: 1_000_001 } },
    { why: "too few epochs", code: "OUT_OF_RANGE", change: { epochs: 19 } },
    { why: "too many epochs", code: "OUT_OF_RANGE", change: { epochs: MOST_EPOCHS + 1 } },
    { why: "auctions too far apart", code: "USAGE", change: { every: 61 } },
    { why: "a place that rules do not have", code: "USAGE", change: { set: ["group.defaults.mercy=1"] } },
    { why: "a value out of its range", code: "OUT_OF_RANGE", change: { set: ["group.defaults.maintenance=641"] } },
    { why: "epochs that are no minutes", code: "OUT_OF_RANGE", change: { set: ["group.pricing.epochLength=300"] } },
    { why: "no file of trades", code: "LOBSTER_FILE", change: { path: "trades", trades: "/nowhere.csv" } },
    { why: "no folder for its output", code: "OUTPUT", change: { json: "/nowhere/out.json" } },
  ])
    it(`says ${code} of ${why}`, () => assert.rejects(stress({ ...options, ...change }), hasCode(code)));
});

if (STEPS > 0)
  it(`all laws hold over ${STEPS} commands (seed ${SEED})`, async () => {
    let [commands, seed] = [0, SEED];
    const kinds: Record<string, number> = {};
    for (; commands < STEPS; seed++)
      for (const name of SHAPE_NAMES) {
        const watch = ({ kind }: Command) => {
          commands++;
          kinds[kind] = (kinds[kind] ?? 0) + 1;
        };
        if (commands < STEPS) await run(name, { accounts: 150, epochs: 120, every: 20, seed, watch });
      }
    console.log(commands, kinds);
  });
