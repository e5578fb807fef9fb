// Goal: no witness of Enforce flags, sweeps or sells down an account that it may not, or otherwise than it may, and each of its rules is
// needed; nor does a step need what is asked of another one.
// Method: steps that break one rule, claimed as if they had been taken, beside one that is good: all that follows from where they
// differ is computed anew and breaks the one rule that is named, on both sides of each bound; forged witnesses in which one signal is
// pinned to the cheat; and such forgeries made by program (pinning.ts).
import assert from "node:assert/strict";
import type { Account } from "../../src/protocol/account.ts";
import { standing, type Enforcement } from "../../src/protocol/defaults.ts";
import { vectorHash, type MarketRules } from "../../src/protocol/market.ts";
import { DEFAULT_CANCELS, INSURANCE, MARKETS } from "../../src/protocol/parameters.ts";
import { pricesRoot, type Prices } from "../../src/protocol/prices.ts";
import type { Defaults, Rules } from "../../src/protocol/rules.ts";
import { Random } from "../../src/replay/random.ts";
import { enforceInputs } from "../../src/witness/enforce.ts";
import { accountOf, BUY, EPOCH, pricesOf, SELL, TIME, vector, withDefaults } from "../defaulting.ts";
import { refusesInputs } from "./configuring.ts";
import { enforcing, Venue } from "./enforcing.ts";
import { compileTemplate, expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { quotient } from "./r1cs.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

const SEED = Number(process.env.TACIT_SEED ?? Date.now() % 100_000);
/** Of the whole, what several rules depend on: above. */
const OPENED = [
  "Boolean()(isReduction)",
  "signal rowsHash <== Hash(TAG_VECTOR(), MARKETS())(rulesRows)",
  "OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash)",
  "signal defaultsHash <== DefaultsHash()(defaults)",
  "group.defaults === defaultsHash",
  "OpenPrices()(before.roots.prices, meta, scenarios, pricesRows)",
  ...["inForce <== before.roots.rules", "epochLength <== group.epochLength", "under <== meta.rules", "epoch <== meta.epoch", "halted <== meta.halted"].map((it) => `fresh.made.${it}`),
  "signal at[MARKETS()] <== OneHotOf(BITS_SLOT())(slot)",
  "shared.isReduction <== isReduction",
  "UsedFirst(N)(active)",
  "fresh.exact === 1",
  "steps[j].isFlag <== isFlag[j]",
  "steps[j].accounts <== before.accounts.root",
]; // prettier-ignore

type Tampered = Inputs & { [name: string]: any };
const SUNK = 2;
const compiled = (slots = 1) => compileTemplate({ file: enforcing, template: "Enforce", args: [2, 4, slots], optimise: false }); // prettier-ignore

/** Of what a step is taken: account 2, or 1, has so much equity and these positions. */
interface World {
  equity?: bigint;
  positions?: bigint[];
  account?: Partial<Account>;
  insurance?: { equity: bigint } & Partial<Account>;
  defaults?: Partial<Defaults>;
  market?: Partial<MarketRules>;
  prices?: (prices: Prices) => Prices;
  relief?: bigint;
  /** of market slot 0 */
  entries?: bigint;
  cancels?: bigint;
  time?: bigint;
  clock?: bigint;
  /** so much more is claimed of the worst loss after all lots */
  more?: bigint;
  step?: Partial<Extract<Enforcement, { kind: "reduce" }>>;
}

function rulesOf({ defaults, market }: World): Rules {
  const rules = withDefaults(defaults);
  return { ...rules, markets: rules.markets.map((row, m) => row && (m === 0 ? { ...row, ...market } : row)) };
}
function venueOf(world: World, slots = 1): Venue {
  const rules = rulesOf(world);
  const prices = (world.prices ?? ((it) => it))(pricesOf(rules));
  const having = ({ equity = 0n, ...change }: Partial<Account> & { equity?: bigint }) => {
    const { positions = vector() } = change;
    return accountOf({ cash: equity - positions.reduce((sum, lots, i) => sum + lots * prices.values[0][i], 0n), ...change });
  };
  const { equity = 60_000n, positions = vector(20n), account } = world;
  const accounts = [accountOf(), having(world.insurance ?? {}), having({ equity, positions, ...account }), accountOf({ cash: 1n << 60n })];
  const venue = new Venue(accounts, rules, prices, slots);
  const { state, vectors } = venue.ledger;
  vectors.counts[0] = (world.entries ?? 0n) + ((world.cancels ?? 0n) << 16n);
  Object.assign(state, { counts: vectorHash(vectors.counts), relief: world.relief ?? 0n, clock: world.clock ?? state.clock });
  return venue;
} // prettier-ignore

const FLAG: Enforcement = { kind: "flag", account: SUNK };
const SWEEP: Enforcement = { kind: "sweep", account: SUNK, slot: 0 };
const REDUCE: Enforcement = { kind: "reduce", account: SUNK, slot: 0, side: SELL, limit: 99_990n, size: 1n };
const OWN: Enforcement = { ...REDUCE, account: INSURANCE };

function claimed(step: Enforcement, world: World) {
  const venue = venueOf(world);
  return enforceInputs(venue.ledger, [venue.claim({ ...step, ...world.step } as Enforcement, world.time ?? TIME)]);
}
const inputsOf = (step: Enforcement, world: World) => {
  const inputs = claimed(step, world).inputs as Tampered;
  inputs.riskAfter[0] += world.more ?? 0n;
  return inputs;
};

/** Of the time by the market's interval. */
const quotients = ({ time = TIME, step }: World) => {
  const interval = step?.slot === 9 ? 1n : 10n;
  return { quotient: time / interval, rest: time % interval };
};

/** 20 perpetuals: M = 151,180. Of maintenance a half, of the target three quarters of it. */
const [MAINTENANCE, TARGET] = [75_590n, 113_385n];
/** 539 M is 1024 * 83,555 + 1. */
const ODD: World = { positions: vector(21n), defaults: { maintenance: 539n } };
/** Flags at TIME: the grace of 60 s is over, then limits widen for 600 s and stay so for 1200 s more. */
const [YOUNG, BEGUN, LAST] = [TIME - 59n, TIME - 60n, TIME - 1_859n];
const flagged = (at: bigint): World => ({ account: { flagged: at } });
/** 40 of 600 parts of the way to the worst of the scenarios are open: of 7,569 downwards 504.6, of 8,185 upwards 545.67. */
const OPEN = flagged(TIME - 100n);
const OWNS = (change: Partial<Account> & { equity?: bigint } = {}): World => ({ insurance: { equity: 60_000n, positions: vector(20n), ...change } }); // prettier-ignore

/** All scenarios lie above the mark, which is rounded to the tick. */
const beyond = (prices: Prices): Prices => ({ ...prices, markets: prices.markets.map((it, m) => it && (m === 0 ? { ...it, low: it.mark + 1n } : it)) }); // prettier-ignore

/** Funding is in the mark, and in no scenario. */
const funded = (prices: Prices): Prices => ({ ...prices, markets: prices.markets.map((it, m) => it && (m === 0 ? { ...it, mark: it.mark + 3_000n, funding: 3_000n } : it)) }); // prettier-ignore

const BELOW = "Range(BITS_CASH() + 15)(lacks)";
const WITHIN = "Range(BITS_CASH() + 5)(within)";
const WIDTH = "Range(BITS_RHO() + 36)(withinWidth)";
const BAND = "Range(BITS_PRICE() + 4)(withinBand)";
const MARKET = "reducing * order.fails === 0";
const CLOSES = "Range(BITS_LEG() + 1)(closed[i])";
const LEFT = "Range(BITS_POSITION())(owned[i] - taken[i])";
const KEEPS = "Range(2 * BITS_CASH() + 6)(keeps)";
const COUNTS = "acting * (1 - flag.counts) === 0";
const ALONE = "(isFlag + sweeping) * isInsurance === 0";
const FRESH = "fresh.exact === 1";
const CLOCK = "ClockStep()(before.logged.clock, stamp";

type Row = [why: string, step: Enforcement, rule: string, good: World, bad: World];
const ROWS: Row[] = [
  ["a flag at maintenance", FLAG, BELOW, { equity: MAINTENANCE - 1n }, { equity: MAINTENANCE }],
  ["a flag above maintenance", FLAG, BELOW, { equity: MAINTENANCE - 1n }, { equity: MAINTENANCE + 1n }],
  ["a flag above maintenance by less than a unit", FLAG, BELOW, { ...ODD, equity: 83_555n }, { ...ODD, equity: 83_556n }],
  ["a flag of who has no positions", FLAG, BELOW, {}, { positions: vector(), equity: 0n }],
  ["a second flag in the last second of the first", FLAG, "marked === 0", flagged(LAST - 1n), flagged(LAST)],
  ["a second flag in the second of the first", FLAG, "marked === 0", {}, flagged(TIME)],
  ["a flag of the insurance account", FLAG, ALONE, {}, { ...OWNS({ equity: 1n }), step: { account: INSURANCE } }],
  ["a sweep at the target", SWEEP, BELOW, { ...flagged(BEGUN), equity: TARGET - 1n }, { ...flagged(BEGUN), equity: TARGET }],
  ["a sweep above the target", SWEEP, BELOW, { ...flagged(BEGUN), equity: TARGET - 1n }, { ...flagged(BEGUN), equity: TARGET + 1n }],
  ["a sweep without a flag", SWEEP, COUNTS, flagged(BEGUN), flagged(0n)],
  ["a sweep beyond the age of a flag", SWEEP, COUNTS, flagged(LAST), flagged(LAST - 1n)],
  ["a sweep within the grace, with equity", SWEEP, "early * solvent === 0", { ...flagged(YOUNG), equity: -1n }, { ...flagged(YOUNG), equity: 0n }],
  ["a sweep in the last second of the grace", SWEEP, "early * solvent === 0", flagged(BEGUN), flagged(YOUNG)],
  ["one cancel too many", SWEEP, "Range(BITS_COUNT() + 1)(cancelRoom)", { ...flagged(BEGUN), cancels: 23n }, { ...flagged(BEGUN), cancels: 24n }],
  ["a sweep of the insurance account", SWEEP, ALONE, flagged(BEGUN), { ...OWNS({ flagged: BEGUN }), step: { account: INSURANCE } }],
  ["a sweep of no market", SWEEP, "(sweeping + reducing) * (1 - shared.given) === 0", flagged(BEGUN), { ...flagged(BEGUN), step: { slot: 9 } }],

  ["lots of who is at the target", REDUCE, BELOW, { ...OPEN, equity: TARGET - 1n }, { ...OPEN, equity: TARGET }],
  ["one lot more than to the target", REDUCE, BELOW, { ...OPEN, step: { limit: 100_000n, size: 10n } }, { ...OPEN, step: { limit: 100_000n, size: 11n } }],
  ["lots of who is at the target after all but one of them", REDUCE, BELOW, { ...OPEN, equity: 90_775n, step: { size: 5n } }, { ...OPEN, equity: 90_776n, step: { size: 5n } }],
  ["a reduction without a flag", REDUCE, COUNTS, OPEN, { ...flagged(0n), step: { limit: 100_010n } }],
  ["a reduction beyond the age of a flag", REDUCE, COUNTS, flagged(LAST), flagged(LAST - 1n)],
  ["lots of the other side", REDUCE, CLOSES, { ...OPEN, positions: vector(20n, -40n), step: { slot: 1, side: BUY, limit: 100_010n } }, { ...OPEN, positions: vector(20n, -40n), more: 20n, step: { side: BUY, limit: 100_010n } }],
  ["one lot more than there are", REDUCE, LEFT, { ...OPEN, positions: vector(20n, 100n), equity: 300_000n, step: { size: 20n } }, { ...OPEN, positions: vector(20n, 100n), equity: 300_000n, step: { size: 21n } }],
  ["a leg that opens a position", REDUCE, CLOSES, { ...OPEN, equity: 30_000n, positions: vector(0n, 0n, -10n, -1n), step: { slot: 4, side: BUY, limit: 3_890n } }, { ...OPEN, equity: 30_000n, positions: vector(0n, 0n, -10n), more: 30n, step: { slot: 4, side: BUY, limit: 3_890n } }],
  ["a leg that turns a position", REDUCE, LEFT, { ...OPEN, equity: 30_000n, positions: vector(0n, 0n, -10n, -2n), step: { slot: 4, side: BUY, limit: 3_890n, size: 2n } }, { ...OPEN, equity: 30_000n, positions: vector(0n, 0n, -10n, -1n), step: { slot: 4, side: BUY, limit: 3_890n, size: 2n } }],
  ["lots that raise the worst loss", REDUCE, WITHIN, OPEN, { ...OPEN, equity: 0n, positions: vector(20n, -40n), step: { limit: 100_010n } }],
  ["lots that leave the worst loss as it is", REDUCE, WITHIN, { ...OPEN, more: 7_558n, step: { limit: 100_010n } }, { ...OPEN, more: 7_559n, step: { limit: 100_010n } }],
  ["less equity for each unit of the worst loss", REDUCE, KEEPS, { ...OPEN, equity: 1_000n, step: { limit: 99_960n } }, { ...OPEN, equity: 1_000n, step: { limit: 99_950n } }],
  ["two lots of which each costs more than its part of equity", REDUCE, KEEPS, { ...OPEN, equity: 1_140n, step: { limit: 99_950n, size: 2n } }, { ...OPEN, equity: 1_139n, step: { limit: 99_950n, size: 2n } }],
  ["who has no equity, of which no part is kept", REDUCE, KEEPS, { ...OPEN, equity: 0n, step: { limit: 100_010n } }, { ...OPEN, equity: -1n, step: { limit: 100_010n } }],
  ["who has an open order", REDUCE, "trading * account.open === 0", OPEN, { account: { ...OPEN.account, open: 1n } }],
  ["a limit wider than is open", REDUCE, WIDTH, { ...OPEN, step: { limit: 99_500n } }, { ...OPEN, step: { limit: 99_490n } }],
  ["a limit of a buyer wider than is open", REDUCE, WIDTH, { ...OPEN, positions: vector(-20n), step: { side: BUY, limit: 100_540n } }, { ...OPEN, positions: vector(-20n), step: { side: BUY, limit: 100_550n } }],
  ["a limit wider than is open, under funding", REDUCE, WIDTH, { ...OPEN, prices: funded, step: { limit: 102_500n } }, { ...OPEN, prices: funded, step: { limit: 102_490n } }],
  ["a limit of a buyer wider than is open, under funding", REDUCE, WIDTH, { ...OPEN, positions: vector(-20n), prices: funded, step: { side: BUY, limit: 103_540n } }, { ...OPEN, positions: vector(-20n), prices: funded, step: { side: BUY, limit: 103_550n } }],
  ["a limit worse than a mark that lies beyond the scenarios", REDUCE, WIDTH, { ...OPEN, prices: beyond, step: { limit: 100_000n } }, { ...OPEN, prices: beyond }],
  ["a limit worse than the mark within the grace", REDUCE, WIDTH, { ...flagged(YOUNG), step: { limit: 100_000n } }, flagged(YOUNG)],
  ["a limit worse than the mark at its end", REDUCE, WIDTH, { ...flagged(BEGUN), step: { limit: 100_000n } }, flagged(BEGUN)],
  ["a limit beyond the worst of the scenarios", REDUCE, WIDTH, { ...flagged(TIME - 1_500n), defaults: { target: 1_024n * 100n }, market: { band: 100_000n }, equity: 400_000n, step: { limit: 92_440n } }, { ...flagged(TIME - 1_500n), defaults: { target: 1_024n * 100n }, market: { band: 100_000n }, equity: 400_000n, step: { limit: 92_430n } }],
  ["a limit beyond three quarters of the band", REDUCE, BAND, { ...OPEN, market: { band: 400n }, step: { limit: 99_700n } }, { ...OPEN, market: { band: 400n }, step: { limit: 99_690n } }],
  ["a limit beyond the band on the better side", REDUCE, MARKET, { ...OPEN, step: { limit: 120_000n } }, { ...OPEN, step: { limit: 120_010n } }],
  ["a limit off the tick", REDUCE, MARKET, OPEN, { ...OPEN, step: { limit: 99_995n } }],
  ["more lots than the market's limit", REDUCE, MARKET, { ...OPEN, market: { lotLimit: 5n }, step: { size: 5n } }, { ...OPEN, market: { lotLimit: 5n }, step: { size: 6n } }],
  ["a reduction beyond the room of the market", REDUCE, "Range(BITS_COUNT() + 3)(entryRoom)", { ...OPEN, entries: 132n }, { ...OPEN, entries: 133n }],
  ["a reduction beyond the room of a market with one place more", REDUCE, "Range(BITS_COUNT() + 3)(entryRoom)", { ...OPEN, market: { capacity: 101n }, entries: 134n }, { ...OPEN, market: { capacity: 101n }, entries: 135n }],
  ["a second at which the market does not close", REDUCE, "isReduction * rest === 0", OPEN, { ...OPEN, time: TIME + 5n }],
  ["a market that is halted", REDUCE, "isReduction * (row.state - MARKET_STATE_OPEN()) === 0", OPEN, { ...OPEN, market: { state: 2n } }],
  ["a market that is over", REDUCE, "Range(BITS_TIME())(ahead)", { ...OPEN, market: { until: TIME + 1n } }, { ...OPEN, market: { until: TIME } }],
  ["a reduction after something of its second", REDUCE, CLOCK, { ...OPEN, clock: 32n * TIME }, { ...OPEN, clock: 32n * TIME + 1n }],

  ["a wider limit of the insurance account", OWN, WIDTH, { ...OWNS(), defaults: { insuranceLimit: 655n }, step: { limit: 99_930n } }, { ...OWNS(), defaults: { insuranceLimit: 655n }, step: { limit: 99_920n } }],
  ["a limit of the insurance account worse than the mark, where none may be", OWN, WIDTH, { ...OWNS(), defaults: { insuranceLimit: 0n }, step: { limit: 100_000n } }, { ...OWNS(), defaults: { insuranceLimit: 0n } }],
  ["a limit of the insurance account beyond three quarters of the band", OWN, BAND, { ...OWNS(), defaults: { insuranceLimit: 65_535n }, market: { band: 400n }, step: { limit: 99_700n } }, { ...OWNS(), defaults: { insuranceLimit: 65_535n }, market: { band: 400n }, step: { limit: 99_690n } }],
  ["two of a second on one instrument", OWN, "closes[i] * shared.uses[i] === 0", OWNS({ flagged: TIME, nonce: 6n, open: 2n }), OWNS({ flagged: TIME, nonce: 7n, open: 2n })],
  ["a seventeenth of the insurance account", OWN, "Range(4)(spare)", OWNS({ open: 15n }), OWNS({ open: 16n })],
  ["lots that the insurance account does not have", OWN, LEFT, OWNS({ positions: vector(20n, 9n) }), { ...OWNS({ positions: vector(20n, 9n) }), step: { size: 21n } }],
]; // prettier-ignore

describe("circuits/instructions/enforce: conditions of others", () => {
  remembersHashes();
  const unquoted = (prices: Prices): Prices => ({ ...prices, markets: prices.markets.with(0, null) });
  const below = (prices: Prices): Prices => ({ ...prices, markets: prices.markets.map((it, m) => it && (m === 0 ? { ...it, mark: -90_000n } : it)) });
  const ROWS: [why: string, step: Enforcement, world: World][] = [
    ["a sweep in a market that is halted and over, has no prices and no room for an entry", SWEEP, { ...flagged(BEGUN), market: { state: 2n, until: TIME }, prices: unquoted, entries: 133n }],
    ["a sweep in a market whose mark is far below 0", SWEEP, { ...flagged(BEGUN), prices: below }],
    ["a sweep in a market without fees", SWEEP, { ...flagged(BEGUN), market: { feePerLot: 0n } }],
    ["a flag of who has more open orders than the insurance account may", FLAG, { account: { open: 20n } }],
    ["a flag in the second before markets close", FLAG, { time: TIME + 9n }],
    ["a reduction in a market without room for a cancel", REDUCE, { ...OPEN, cancels: 24n }],
  ];
  for (const [why, step, world] of ROWS)
    it(`${why}: has a proof`, async () => {
      const { inputs, publicInputs } = claimed(step, world);
      assert.deepEqual((await compiled()).publicValues(inputs as Inputs, publicInputs.length), publicInputs);
    });

  it("an order beside a flag or a sweep: counts for nothing", async () => {
    const circuit = await compiled();
    for (const [step, world] of [[FLAG, {}], [SWEEP, flagged(BEGUN)]] as const) {
      const of = { ...world, positions: vector(-20n) };
      const { inputs, publicInputs } = claimed(step, of);
      const { matcher, ledger } = venueOf(of);
      const { risk } = standing(matcher.accounts[SUNK], ledger.prices);
      // Were it to count, M after such lots would be more than this.
      const beside = { side: [1n], limit: [99_990n], size: [5n], riskAfter: [risk] };
      assert.deepEqual(circuit.publicValues({ ...inputs, ...beside } as Inputs, publicInputs.length), publicInputs);
    }
  });
}); // prettier-ignore

describe("circuits/instructions/enforce: forged witnesses", () => {
  remembersHashes();
  for (const [why, step, rule, good, bad] of ROWS)
    it(`${why}: refused`, async () => {
      const cheat = inputsOf(step, bad);
      refusesInputs(await compiled(), { honest: inputsOf(step, good), cheat, pinned: quotients(bad) }, rule);
    });

  /** Long perpetuals, short futures: selling the first raises M. Equity, relief and what is loose as bounds, to the unit. */
  it("lots of the insurance account that raise M beyond equity with relief, and beyond what is loose: refused", async () => {
    const positions = vector(20n, -40n);
    const { prices } = venueOf({}).ledger;
    const { risk } = standing(accountOf({ positions: vector(18n, -40n) }), prices);
    const step = { limit: 100_000n, size: 2n };
    const world = (equity: bigint, relief: bigint, loose: bigint): World => ({ ...OWNS({ positions, equity }), relief, defaults: { loose }, step });
    const change = -7n * 2n;
    for (const [good, bad] of [
      [world(risk - change, 0n, 0n), world(risk - change - 1n, 0n, 0n)],
      [world(100n, risk - change - 100n, 0n), world(100n, risk - change - 101n, 0n)],
      [world(0n, 0n, risk), world(0n, 0n, risk - 1n)],
    ]) refusesInputs(await compiled(), { honest: inputsOf(OWN, good), cheat: inputsOf(OWN, bad) }, WITHIN);
  }); // prettier-ignore

  it("a market without prices: refused, with whatever prices", async () => {
    const honest = inputsOf(REDUCE, OPEN);
    const { rules, prices } = venueOf(OPEN).ledger;
    assert.equal(rules.markets[0]!.id, 101n);
    const cheat = structuredClone(honest);
    cheat.pricesRows[0] = 0n;
    cheat.before.roots.prices = pricesRoot({ ...prices, markets: prices.markets.with(0, null) });
    refusesInputs(await compiled(), { honest, cheat }, "isReduction * (1 - quotedGiven) === 0");
  });

  it("a trader's lots held against what is loose, or against equity: refused", async () => {
    const world = { ...OPEN, defaults: { loose: 1_000_000n } };
    const cheat = { "bound[0][0]": 0n, "bound[0][2]": 1n };
    (await compiled()).refuses(inputsOf(REDUCE, world), cheat, "trading * (1 - bound[0]) === 0");
  });

  for (const [name, step, world] of [
    ["FLAG", FLAG, {}],
    ["SWEEP", SWEEP, flagged(BEGUN)],
    ["REDUCE", REDUCE, OPEN],
  ] as const)
    it(`${name} under prices that do not count: refused`, async () => {
      const honest = inputsOf(step, world);
      const since = (time: bigint): World =>
        "account" in world ? flagged(world.account!.flagged! + time - TIME) : world;
      const last = TIME + 54n;
      if (name !== "REDUCE") (await compiled()).witness(inputsOf(step, { ...since(last), time: last }));
      const next = TIME + 60n;
      const bad: World[] = [
        { ...since(next), time: next },
        { ...world, prices: (it) => ({ ...it, halted: true }) },
        { ...world, prices: (it) => ({ ...it, rules: 5n }) },
        { ...world, prices: (it) => ({ ...it, epoch: it.epoch - 1n }) },
        { ...world, prices: (it) => ({ ...it, epoch: it.epoch + 1n }) },
      ];
      for (const it of bad)
        refusesInputs(await compiled(), { honest, cheat: inputsOf(step, it), pinned: quotients(it) }, FRESH);
    });

  it("prices that do not count, called such that do: refused", async () => {
    const circuit = await compiled();
    const honest = inputsOf(FLAG, {});
    const rules = circuit.read("before.roots.rules", circuit.witness(honest));
    for (const [name, value, change] of [
      ["halted", 0n, { halted: true }],
      ["under", rules, { rules: 5n }],
      ["inForce", 5n, { rules: 5n }],
      ["epoch", EPOCH, { epoch: EPOCH + 1n }],
      ["epochLength", 61n, { epoch: 983n }],
    ] as const) {
      const cheat = inputsOf(FLAG, { prices: (it) => ({ ...it, ...change }) });
      refusesInputs(circuit, { honest, cheat, pinned: { [`fresh.made.${name}`]: value } }, `fresh.made.${name} <==`);
    }
  });

  it("one command called another one, or a condition of one called none: refused", async () => {
    const circuit = await compiled();
    const [flag, reduce] = [inputsOf(FLAG, {}), inputsOf(REDUCE, OPEN)];
    circuit.refuses(flag, { "isFlag[0]": 0n, "steps[0].isFlag": 1n }, "steps[j].isFlag <== isFlag[j]");
    circuit.refuses(reduce, { isReduction: 0n, "shared.isReduction": 1n }, "shared.isReduction <== isReduction");
    circuit.refuses(reduce, { "steps[0].reducing": 0n, "riskAfter[0]": 1n << 103n }, "signal reducing <== ");
    const own = { "steps[0].accounts": "steps[0].update.rootBefore" };
    circuit.refuses(flag, { "siblings[0][0][0]": 5n }, "steps[j].accounts <== before.accounts.root", own);
    const again = inputsOf(FLAG, flagged(TIME));
    refusesInputs(circuit, { honest: flag, cheat: again, pinned: { "steps[0].marked": 0n } }, "signal marked <== ");
    const sweep = inputsOf(SWEEP, flagged(BEGUN));
    const cheat = inputsOf(SWEEP, flagged(YOUNG));
    refusesInputs(circuit, { honest: sweep, cheat, pinned: { "steps[0].early": 0n } }, "signal early <== ");
    const bits: Inputs[] = [{ isFlag: [2n] }, { isReduction: 2n }, { active: [2n] }, { active: [0n], isFlag: [0n] }, { isReduction: 1n }];
    for (const bent of bits) expectNoWitness(circuit, { ...flag, ...bent });
    expectNoWitness(circuit, { ...reduce, isFlag: [1n] });
  }); // prettier-ignore

  it("other rules of defaults, of the group, rows or prices than those of the state: refused", async () => {
    const circuit = await compiled();
    const honest = inputsOf(FLAG, {});
    const rows: [Record<string, bigint>, string][] = [
      [{ "defaults.maintenance": 1_024n }, "group.defaults === defaultsHash"],
      [{ "defaults.insuranceShare": 0n }, "group.defaults === defaultsHash"],
      [{ idsHash: 5n }, "OpenRules()"],
      [{ instrumentsHash: 5n }, "OpenRules()"],
      [{ "meta.history": 5n }, "OpenPrices()"],
      [{ "longCharges[3]": 5n }, "OpenVector()(meta.longCharges, longCharges)"],
      [{ "shortCharges[3]": 5n }, "OpenVector()(meta.shortCharges, shortCharges)"],
      [{ "admitted[3]": 5n }, "OpenVector()(before.markets.admitted, admitted)"],
      [{ "cancels[3]": 5n }, "OpenVector()(before.markets.cancels, cancels)"],
      [{ "counts[3]": 5n }, "OpenVector()(before.markets.counts, counts)"],
      [{ "row.tick": 20n }, "RulesRow()"],
      [{ "quoted.low": 5n }, "PricesRow()"],
      [{ "values[1][5]": 5n }, "OpenPrices()"],
    ];
    for (const [pinned, rule] of rows) circuit.refuses(honest, pinned, rule);
  });

  it("another phase, or stamped before the log: refused", async () => {
    const honest = inputsOf(FLAG, {});
    const busy = structuredClone(honest);
    busy.before.phase = 17n;
    refusesInputs(await compiled(), { honest, cheat: busy }, "before.phase === PHASE_OPEN()");
    refusesInputs(await compiled(), { honest, cheat: inputsOf(FLAG, { clock: 32n * TIME + 32n }) }, CLOCK);
  });

  type Read = (name: string) => bigint;
  type Cheat = [why: string, cheat: (read: Read) => Record<string, bigint>, rule?: string];
  const plus = (name: string, by: bigint) => (read: Read) => ({ [name]: read(name) + by });
  const COMMON: Cheat[] = [
    ["another account in the log", plus("steps[0].step.A", 1n << 40n)],
    ["another salt in the log", plus("steps[0].step.salt", 1n)],
    ["a signature in the log", () => ({ "steps[0].step.auth": 1n })],
    ["another command", plus("steps[0].step.A", 1n)],
    ["another time in the log", plus("steps[0].step.time", 10n)],
    ["no entry in the log", (read) => ({ "after.logged.head": read("before.logged.head") })],
    ["no entry counted", (read) => ({ "after.logged.count": read("before.logged.count") })],
    ["cash taken", plus("steps[0].after.cash", -1n)],
    ["a position closed already", plus("steps[0].after.positions[0]", -1n)],
    ["another key", plus("steps[0].after.keyX", 1n)],
    ["another view key", plus("steps[0].after.view", 1n)],
    ["seq raised", plus("steps[0].after.seq", 1n)],
    ["what it waits for forgotten", plus("steps[0].after.pushedAt", 1n)],
    ["two scenarios at once", (read) => ({ "below[0][0]": 1n, "below[0][1]": read("below[0][1]") }), "OneOf(S)(below)"],
    ["a scenario that counts twice, another against it", (read) => Object.fromEntries([0, 1, 2, 3].map((k) => [`below[0][${k}]`, k === 0 ? -1n : 2n * read(`below[0][${k}]`)])), "OneOf(S)(below)"],
  ]; // prettier-ignore
  const CHEATS: [name: string, step: Enforcement, world: World, cheats: Cheat[]][] = [
    ["FLAG", FLAG, { account: { flagged: LAST - 1n } }, [
      ["the tree left as it was", (read) => ({ "after.accounts.root": read("before.accounts.root") })],
      ["no flag", (read) => ({ "steps[0].after.flagged": read("steps[0].account.flagged") })],
      ["a flag of another time", plus("steps[0].after.flagged", -60n)],
      ["a nonce that is raised", plus("steps[0].after.nonce", 1n)],
      ["something reserved", plus("steps[0].after.reserved", 1n)],
      ["maintenance taken for the target", (read) => ({ "steps[0].part": read("steps[0].shared.target") })],
      ["a cancel that joins", (read) => ({ "after.markets.cancels": read("before.markets.cancels") + 1n })],
    ]],
    ["SWEEP", SWEEP, flagged(BEGUN), [
      ["no cancel", (read) => ({ "steps[0].waitingAfter.cancels": read("steps[0].waiting.cancels") })],
      ["no cancel counted", (read) => ({ "steps[0].waitingAfter.count": read("steps[0].waiting.count") })],
      ["a cancel of fewer orders", plus("steps[0].word", -(1n << 20n))],
      ["a cancel of another's orders", plus("steps[0].word", 1n)],
      ["a cancel of one order", (read) => ({ "steps[0].tag": read("steps[0].tag") - 1n })],
      ["a cancel in another market", (read) => ({ "cancelsAfter[1]": read("steps[0].put") })],
      ["a new flag", () => ({ "steps[0].after.flagged": TIME })],
      ["the flag lifted", () => ({ "steps[0].after.flagged": 0n })],
      ["a nonce that is raised", plus("steps[0].after.nonce", 1n)],
      ["an order counted", plus("steps[0].waitingAfter.count", 1n)],
    ]],
    ["REDUCE", REDUCE, OPEN, [
      ["the tree left as it was", (read) => ({ "after.accounts.root": read("before.accounts.root") })],
      ["a smaller reservation", plus("steps[0].order.rho", -1n)],
      ["a greater reservation", plus("steps[0].order.rho", 1n)],
      ["less reserved of the account", plus("steps[0].after.reserved", -1n)],
      ["more reserved of the account", plus("steps[0].order.reserved", 1n)],
      ["no open order counted", (read) => ({ "steps[0].after.open": read("steps[0].account.open") })],
      ["not put", (read) => ({ "steps[0].waitingAfter.admitted": read("steps[0].waiting.admitted") })],
      ["not counted", (read) => ({ "steps[0].waitingAfter.count": read("steps[0].waiting.count") })],
      ["put in another market", (read) => ({ "admittedAfter[1]": read("steps[0].put") })],
      ["another limit put", plus("steps[0].entry", 1n << 61n)],
      ["an order that outlives the auction", plus("steps[0].entry", -(1n << 236n))],
      ["another order put than logged", plus("steps[0].step.B", 1n)],
      ["another side logged", plus("steps[0].step.A", 1n << 100n)],
      ["another market logged", plus("steps[0].market", 1n)],
      ["a new flag", () => ({ "steps[0].after.flagged": TIME })],
      ["another nonce", plus("steps[0].after.nonce", 1n)],
      ["a smaller worst loss after it", (read) => ({ "riskAfter[0]": read("riskAfter[0]") - 1n }), "Range(BITS_CASH() + 4)"],
      ["held against two at once", () => ({ "bound[0][1]": 1n }), "OneOf(3)(bound)"],
      ["a worse scenario than any", (read) => Object.fromEntries([0, 1, 2, 3].map((k) => [`worst[0][${k}]`, k === 0 ? -1n : 2n * read(`worst[0][${k}]`)])), "OneOf(S)(worst)"],
      ["no fee", () => ({ "steps[0].order.fee": 0n })],
      ["charges of what is closed forgotten", (read) => ({ "steps[0].lot.freed[0]": 0n, "riskAfter[0]": read("riskAfter[0]") + 10n })],
      ["another mark", plus("steps[0].worse", -10n)],
    ]],
    ["REDUCE of account 1", OWN, OWNS({ flagged: TIME, nonce: 6n, open: 2n }), [
      ["the tree left as it was", (read) => ({ "after.accounts.root": read("before.accounts.root") })],
      ["an instrument not noted", (read) => ({ "steps[0].after.nonce": read("steps[0].account.nonce") })],
      ["what was closed before forgotten", () => ({ "steps[0].after.nonce": 1n })],
      ["the same, as if of another second", () => ({ "steps[0].again": 0n })],
      ["a flag of another second", plus("steps[0].after.flagged", -1n)],
      ["relief of nobody", plus("steps[0].shared.relief", 1n)],
    ]],
  ]; // prettier-ignore
  for (const [name, step, world, cheats] of CHEATS)
    for (const [why, cheat, rule] of [...COMMON, ...cheats])
      it(`${name}, ${why}: refused`, async () => {
        const circuit = await compiled();
        const inputs = inputsOf(step, world);
        const honest = circuit.witness(inputs);
        const pinned = cheat((signal) => circuit.read(signal, honest));
        circuit.refuses(inputs, pinned, rule);
      });

  it("a second of no auction, called one: refused", async () => {
    const [good, world] = [OPEN, { ...OPEN, time: TIME + 5n }].map((it) => inputsOf(REDUCE, it));
    const cheats: [Record<string, bigint>, string][] = [
      [{ quotient: quotient(TIME + 5n, 10n), rest: 0n }, "Range(BITS_TIME())(quotient)"],
      [{ quotient: TIME / 10n, rest: 0n }, "signal rest <== stamp - interval * quotient"],
      [{ interval: 5n, quotient: TIME / 5n + 1n, rest: 0n }, "signal interval <== Select()(given, row.interval, 1)"],
    ];
    for (const [pinned, rule] of cheats) refusesInputs(await compiled(), { honest: good, cheat: world, pinned }, rule);
    const circuit = await compiled();
    circuit.refuses(
      inputsOf(FLAG, { time: TIME + 5n }),
      { quotient: TIME / 10n - 1n, rest: 15n },
      "Range(BITS_MARKET())(interval - 1 - rest)",
    );
    circuit.refuses(
      inputsOf(FLAG, { time: TIME + 5n }),
      { quotient: TIME / 10n + 1n, rest: -5n },
      "Range(BITS_MARKET())(rest)",
    );
  });

  it("hashes and the market's place, as if of other openings: refused", async () => {
    const circuit = await compiled();
    const inputs = inputsOf(REDUCE, OPEN);
    const honest = circuit.witness(inputs);
    const kept = (...names: string[]) => Object.fromEntries(names.map((name) => [name, circuit.read(name, honest)]));
    circuit.refuses(inputs, { "rulesRows[7]": 5n, ...kept("rowsHash") }, "signal rowsHash <== Hash");
    circuit.refuses(inputs, { "defaults.insuranceShare": 0n, ...kept("defaultsHash") }, "signal defaultsHash <==");
    const places = Array.from({ length: MARKETS }, (_, m) => `at[${m}]`);
    circuit.refuses(inputs, { slot: 9n, ...kept(...places) }, "signal at[MARKETS()] <== OneHotOf");
  });

  it("commands that are several at once: refused", async () => {
    const circuit = await compiled();
    // Where so many cancels wait, one may be taken away.
    const cancels = 16n + BigInt(DEFAULT_CANCELS) - 1n;
    const sold = { cancels, step: { limit: 100_000n } };
    const [honest, unflagged] = [OPEN, {}].map((it) => inputsOf(REDUCE, { ...it, ...sold }));
    refusesInputs(
      circuit,
      { honest, cheat: unflagged, pinned: { "isFlag[0]": 1n } },
      "shared.isReduction * isFlag === 0",
    );
    const closing = inputsOf(REDUCE, { ...OPEN, ...sold, market: { until: TIME + 1_000n } });
    circuit.refuses(closing, { isReduction: 2n }, "Boolean()(isReduction)");
    const two = await compiled(2);
    const venue = venueOf(flagged(BEGUN), 2);
    const { inputs } = enforceInputs(
      venue.ledger,
      [1n, 2n].map((salt) => venue.enforce(SWEEP, salt, TIME)),
    );
    two.refuses(inputs, { "active[1]": 2n }, "UsedFirst(N)(active)");
  });

  it("another account than the leaf's, or at another index: refused, in whatever tree", async () => {
    const circuit = await compiled();
    const inputs = inputsOf(FLAG, {});
    circuit.refuses(inputs, { "account[0].cash": (inputs.account[0].cash as bigint) - 1n }, "update.rootBefore === accounts");
    const of = { "before.accounts.root": "steps[0].update.rootBefore" };
    circuit.refuses(inputs, { "steps[0].update.index[0]": 1n }, "update.index <== Bits(2 * depth)(index)", of);
    circuit.refuses(inputs, { "steps[0].positionsHash": 5n }, undefined, of);
  }); // prettier-ignore
});

describe("circuits/instructions/enforce: each statement", () => {
  remembersHashes();
  const examples = () => ({
    flag: inputsOf(FLAG, {}),
    sweep: inputsOf(SWEEP, flagged(BEGUN)),
    reduce: inputsOf(REDUCE, OPEN),
    own: inputsOf(OWN, OWNS({ flagged: TIME, nonce: 6n, open: 2n })),
  });
  /** What the only slot of a proof reads. */
  const slotOf = (circuit: Circuit, inputs: Tampered): Inputs => {
    const witness = circuit.witness(inputs);
    const read = (name: string) => circuit.read(`steps[0].${name}`, witness);
    const all = (name: string) => circuit.readAll(`steps[0].${name}`, witness);
    const each = (of: string, names: string) => Object.fromEntries(names.split(" ").map((it) => [it, read(of + it)]));
    const { values, longCharges, shortCharges } = inputs;
    const shared = {
      ...each("shared.", "domain time isReduction relief slot given capacity cancelCapacity band maintenance target grace slope lasts insuranceLimit loose"),
      terms: each("shared.terms.", "tick lotLimit bandSquare feeRate feePerLot rhoMin maxFee mark funding low high slack quoted"),
      ...Object.fromEntries(["legs", "uses", "weighted"].map((name) => [name, all(`shared.${name}`)])),
      values,
      longCharges,
      shortCharges,
    };
    const own = ["isFlag", "active", "index", "side", "limit", "size", "salt", "account", "siblings", "isLong", "below", "worst", "riskAfter", "bound"];
    return { ...Object.fromEntries(own.map((name) => [name, inputs[name][0]])), shared, accounts: read("accounts"), logHead: read("logHead"), waiting: each("waiting.", "admitted cancels count") };
  }; // prettier-ignore
  const HAND = ROWS.map(([, , rule]) => rule).concat(
    "trading * (1 - bound[0]) === 0",
    "Boolean()(isFlag)",
    "(1 - active) * isFlag === 0",
    "shared.isReduction * isFlag === 0",
    "signal reducing <== active * shared.isReduction",
    "signal marked <== isFlag * flag.counts",
    "signal early <== sweeping * (1 - flag.begun)",
    "isReduction * (1 - quotedGiven) === 0",
    "Range(BITS_TIME())(quotient)",
    "signal rest <== stamp - interval * quotient",
    "signal interval <== Select()(given, row.interval, 1)",
    "Range(BITS_MARKET())(interval - 1 - rest)",
    "Range(BITS_MARKET())(rest)",
  );
  const handed = (circuit: Circuit, templates: readonly string[]) =>
    [...new Set(circuit.rules.flat())].flatMap(({ template, text }) =>
      templates.includes(template) && HAND.includes(text) ? [text] : [],
    );

  it("of a slot is a rule: no signal can have another value", async () => {
    const whole = await compiled();
    const of = Object.entries(examples()).map(([name, inputs]) => [name, slotOf(whole, inputs)] as const);
    const circuit = await compileTemplate({ file: enforcing, template: "EnforceSlot", args: [2, 4], optimise: false });
    const all = { ...Object.fromEntries(of), idle: { ...of[0][1], active: 0n, isFlag: 0n } };
    pinsEach(circuit, all, "enforce.circom EnforceSlot", handed(circuit, ["EnforceSlot"]));
    pinsEach(circuit, all, "enforce.circom Reducing", handed(circuit, ["Reducing"]));
    pinsEach(circuit, all, "enforce.circom OneOf");
  });

  it(`of the whole is a rule: 8 statements, seed ${SEED}`, async () => {
    const sample = { random: new Random(SEED), count: 8 };
    const circuit = await compiled();
    pinsEach(circuit, examples(), "enforce.circom Enforce", [...handed(circuit, ["Enforce"]), ...OPENED], sample);
  });
});

describe("circuits/instructions/enforce: two slots", () => {
  remembersHashes();
  const make = (steps: Enforcement[], world: World): Tampered => {
    const venue = venueOf(world, 2);
    return enforceInputs(
      venue.ledger,
      steps.map((step, i) => venue.enforce(step, BigInt(i), TIME)),
    ).inputs as Tampered;
  };
  it("the second reads what the first leaves", async () => {
    const circuit = await compiled(2);
    const inputs = make([FLAG, FLAG].slice(0, 1), {});
    const own = { "steps[1].accounts": "steps[1].update.rootBefore" };
    circuit.refuses(inputs, { "siblings[1][0][0]": 5n }, "steps[j].accounts <== steps[j - 1].accountsAfter", own);
    circuit.refuses(inputs, { "steps[1].logHead": 5n });
    circuit.refuses(inputs, { "steps[1].waiting.count": 5n });
  });

  it("an account flagged twice, or swept before it is flagged: no witness", async () => {
    const circuit = await compiled(2);
    const one = make([FLAG], {});
    const twice = structuredClone(one);
    for (const name of ["active", "isFlag", "below"]) twice[name][1] = twice[name][0];
    expectNoWitness(circuit, twice);
    expectNoWitness(circuit, { ...one, active: [0n, 0n], isFlag: [0n, 0n] });
    expectNoWitness(circuit, { ...twice, active: [1n, 1n], isFlag: [0n, 1n] });
  });
});

describe("circuits/instructions/enforce: registers left alone", () => {
  leavesOthersAlone("enforce", async () => {
    const venue = venueOf(OPEN);
    const make = () => enforceInputs(venue.ledger, [venue.claim(REDUCE, TIME)]);
    return { circuit: await compiled(), ledger: venue.ledger, make };
  });
});
