// Goal: no witness of Assume takes over an account that it may not, or more or less than it may, and each of its rules is needed.
// Method: as in enforceForged.test.ts: commands that break one rule, claimed as if they had been taken; forged witnesses in which one
// signal is pinned to the cheat; and such forgeries made by program (pinning.ts).
import type { Account } from "../../src/protocol/account.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { INSURANCE } from "../../src/protocol/parameters.ts";
import type { Prices } from "../../src/protocol/prices.ts";
import type { Defaults } from "../../src/protocol/rules.ts";
import { assumeInputs } from "../../src/witness/assume.ts";
import { accountOf, EPOCH, pricesOf, TIME, vector, withDefaults } from "../defaulting.ts";
import { refusesInputs } from "./configuring.ts";
import { assuming, Venue } from "./enforcing.ts";
import { compileTemplate, expectNoWitness, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { leavesOthersAlone } from "./registers.ts";
import { remembersHashes } from "./remembering.ts";

type Tampered = Inputs & { [name: string]: any };
const SUNK = 2;
const compiled = (slots = 1) =>
  compileTemplate({ file: assuming, template: "Assume", args: [2, 4, slots], optimise: false });

interface World {
  index?: number;
  equity?: bigint;
  account?: Partial<Account>;
  insurance?: Partial<Account>;
  defaults?: Partial<Defaults>;
  prices?: (prices: Prices) => Prices;
  time?: bigint;
  clock?: bigint;
}

/** A flag that is as old as the grace and twice the slope. */
const LATE = TIME - 60n - 1_200n;
const POSITIONS = vector(20n, 0n, -1n);

function venueOf(world: World, slots = 1): Venue {
  const rules = withDefaults(world.defaults);
  const prices = (world.prices ?? ((it) => it))(pricesOf(rules));
  const having = (equity: bigint, change: Partial<Account>) => {
    const { positions = vector() } = change;
    const worth = positions.reduce((sum, lots, i) => sum + lots * prices.values[0][i], 0n);
    return accountOf({ cash: equity - worth, ...change });
  };
  const sunk = having(world.equity ?? 60_000n, { positions: POSITIONS, flagged: LATE, ...world.account });
  const insurance = having(50_000n, { positions: vector(-20n, 3n), ...world.insurance });
  const accounts = [accountOf(), insurance, sunk, accountOf({ cash: 1n << 80n, positions: vector(1n, 1n, 1n) })];
  const venue = new Venue(accounts, rules, prices, slots);
  if (world.clock !== undefined) venue.ledger.state.clock = world.clock;
  return venue;
}
const inputsOf = (world: World) => {
  const venue = venueOf(world);
  return assumeInputs(venue.ledger, [venue.claimAssume(world.index ?? SUNK, world.time ?? TIME)]).inputs as Tampered;
};

/** 20 perpetuals and a call sold: M = 151,180 + what the call gains there, and charges of it: see the first test. */
const BELOW = "Range(BITS_CASH() + 15)(lacks)";
const LATER = "Range(BITS_TIME() + 1)(late)";
const COUNTS = "active * (1 - flag.counts) === 0";
const SQUARES = "Range(2 * BITS_POSITION() + 4)";
const FRESH = "fresh.exact === 1";
const CLOCK = "ClockStep()(before.logged.clock, stamp";
/** The greatest square of a position of the insurance account beside nothing else: (2^46 - 20)^2 and 20 lots more are 2^92. */
const FULL = (1n << 46n) - 20n;

const PERPETUALS: World = { account: { positions: vector(20n), flagged: LATE } };
/** A call sold: M = 6,655, and 511 M is one more than a multiple of 1024: with that equity an account is below by the least. */
const LEAST: World = {
  account: { positions: vector(0n, 0n, -1n), flagged: LATE },
  defaults: { maintenance: 511n },
  equity: 3_321n,
};
const rows: [why: string, rule: string, good: World, bad: World][] = [
  ["an account at its maintenance", BELOW, { ...PERPETUALS, equity: 75_589n }, { ...PERPETUALS, equity: 75_590n }],
  ["an account above it", BELOW, { ...PERPETUALS, equity: 75_589n }, { ...PERPETUALS, equity: 75_591n }],
  ["an account above it by the least", BELOW, LEAST, { ...LEAST, equity: 3_322n }],
  ["an account with nothing", BELOW, {}, { equity: 0n, account: { positions: vector(), flagged: LATE } }],
  ["an account with an open order", "active * account.open === 0", {}, { account: { positions: POSITIONS, flagged: LATE, open: 1n } }],
  ["an open order of the insurance account", "insurance.open === 0", {}, { insurance: { open: 1n } }],
  ["an account without a flag", COUNTS, {}, { account: { positions: POSITIONS, flagged: 0n } }],
  ["an account whose flag is too old", COUNTS, { account: { positions: POSITIONS, flagged: TIME - 1_859n } }, { account: { positions: POSITIONS, flagged: TIME - 1_860n } }],
  ["too early, with equity", LATER, { account: { positions: POSITIONS, flagged: LATE } }, { account: { positions: POSITIONS, flagged: LATE + 1n } }],
  ["too early, with equity of nothing", LATER, { equity: -1n, account: { positions: POSITIONS, flagged: TIME } }, { equity: 0n, account: { positions: POSITIONS, flagged: TIME } }],
  ["beyond the sum of squares", SQUARES, { ...PERPETUALS, insurance: { positions: vector(FULL) } }, { ...PERPETUALS, insurance: { positions: vector(FULL + 1n) } }],
  ["beyond the sum of squares, short", SQUARES, { account: { positions: vector(-20n), flagged: LATE }, insurance: { positions: vector(-FULL) } }, { account: { positions: vector(-20n), flagged: LATE }, insurance: { positions: vector(-FULL, 7n) } }],
  ["prices of the epoch before", FRESH, {}, { time: TIME + 60n, account: { positions: POSITIONS, flagged: LATE + 60n } }],
  ["prices of the epoch to come", FRESH, {}, { prices: (it) => ({ ...it, epoch: it.epoch + 1n }) }],
  ["prices that halt", FRESH, {}, { prices: (it) => ({ ...it, halted: true }) }],
  ["prices under other rules", FRESH, {}, { prices: (it) => ({ ...it, rules: 5n }) }],
  ["stamped before the log", CLOCK, { clock: 32n * TIME + 31n }, { clock: 32n * TIME + 32n }],
]; // prettier-ignore

describe("circuits/instructions/assume: forged witnesses", () => {
  remembersHashes();
  for (const [why, rule, good, bad] of rows)
    it(`${why}: refused`, async () => {
      refusesInputs(await compiled(), { honest: inputsOf(good), cheat: inputsOf(bad) }, rule);
    });

  it("the insurance account takes over itself, and owes what it never had: refused", async () => {
    const cheat = inputsOf({ insurance: { cash: 0n, positions: vector(), flagged: TIME } });
    const { insurance, insuranceSiblings } = cheat;
    // It has as much more as it takes of itself: nothing is left of it.
    const owing = { ...insurance, seq: insurance.seq + 1n, cash: toField(-5_000n) };
    Object.assign(cheat, { index: [BigInt(INSURANCE)], account: [owing], siblings: [insuranceSiblings] });
    refusesInputs(await compiled(), { honest: inputsOf({}), cheat }, "active * isInsurance === 0");
  });

  /** The leaves of both accounts stand in one node: the second reads what the first has become. */
  const SIBLING = { "siblings[0][0][1]": "update[0].leafAfter" };
  type Read = (name: string) => bigint;
  const plus = (name: string, by: bigint) => (read: Read) => ({ [name]: read(name) + by });
  const same = (name: string, of: string) => (read: Read) => ({ [name]: read(of) });
  const cheats: [why: string, cheat: (read: Read) => Record<string, bigint>, rule?: string][] = [
    ["one unit too much left to it", plus("steps[0].kept", 1n)],
    ["one unit too little left to it", plus("steps[0].kept", -1n)],
    ["a unit more than is taken", plus("steps[0].after.cash", 1n)],
    ["a unit lost", plus("steps[0].taken.cash", -1n)],
    ["cash of the insurance account from nowhere", plus("insured.cash", 1n)],
    ["a smaller penalty", plus("steps[0].share", -1n)],
    ["no penalty", () => ({ "steps[0].fine": 0n })],
    ["a greater worst loss", plus("steps[0].risk[3]", 1_024n)],
    ["nothing left to it", () => ({ "steps[0].keeps": 0n })],
    ["a position left to it", plus("steps[0].after.positions[0]", 1n)],
    ["a position that nobody takes", () => ({ "steps[0].taken.positions[0]": 0n })],
    ["a position more", plus("insured.positions[5]", 1n)],
    ["a position that the insurance account does not get", plus("owns[1][0]", -1n)],
    ["seq of the account not raised", same("steps[0].after.seq", "steps[0].account.seq")],
    ["seq of the insurance account not raised", same("insured.seq", "insurance.seq")],
    ["the flag kept", same("steps[0].after.flagged", "steps[0].account.flagged")],
    ["something reserved released", plus("steps[0].after.reserved", 1n)],
    ["another nonce", plus("steps[0].after.nonce", 1n)],
    ["another key", plus("steps[0].after.keyX", 1n)],
    ["another key of the insurance account", plus("insured.keyX", 1n)],
    ["another view key of the insurance account", plus("insured.view", 1n)],
    ["another flag of the insurance account", plus("insured.flagged", 1n)],
    ["another nonce of the insurance account", plus("insured.nonce", 1n)],
    ["one holder too many", plus("holdersAfter[0]", 1n)],
    ["one holder too few", plus("holdersAfter[2]", -1n)],
    ["the insurance account not flat where it is", () => ({ "flatAfter[0]": 0n })],
    ["the insurance account flat before", () => ({ "flatBefore[0]": 1n })],
    ["who had a position called flat", () => ({ "steps[0].flat[2]": 1n })],
    ["holders as they were", same("after.accounts.holders", "before.accounts.holders")],
    ["a deficit one unit too great", plus("deficit", 1n)],
    ["the deficit as it was", plus("after.losses.deficit", 1n)],
    ["the tree left as it was", same("after.accounts.root", "before.accounts.root")],
    ["the insurance account left as it was", same("update[0].leafAfter", "update[0].leafBefore")],
    ["the account left as it was", same("steps[0].leafAfter", "steps[0].leafBefore")],
    ["another account in the log", plus("steps[0].step.A", 1n << 40n)],
    ["another command", plus("steps[0].step.A", -1n)],
    ["another salt in the log", plus("steps[0].step.salt", 1n)],
    ["a signature in the log", () => ({ "steps[0].step.auth": 1n })],
    ["another time in the log", plus("steps[0].step.time", -1n)],
    ["no entry", same("after.logged.head", "before.logged.head")],
    ["no entry counted", same("after.logged.count", "before.logged.count")],
    ["other rules of defaults", () => ({ "defaults.insuranceShare": 0n }), "group.defaults === defaultsHash"],
    ["other rules", () => ({ idsHash: 5n }), "OpenRules()"],
    ["other prices", () => ({ "values[1][9]": 5n }), "OpenPrices()"],
    ["other charges, long", () => ({ "longCharges[9]": 5n }), "OpenVector()(meta.longCharges, longCharges)"],
    ["other charges, short", () => ({ "shortCharges[9]": 5n }), "OpenVector()(meta.shortCharges, shortCharges)"],
    ["other holders", plus("holders[9]", 1n), "OpenVector()(before.accounts.holders, holders)"],
    ["another insurance account than the leaf's", plus("insurance.nonce", 1n), "update[0].rootBefore === before.accounts.root"],
    ["another account than the leaf's", plus("account[0].nonce", 1n), "update[j + 1].rootBefore === update[j].rootAfter"],
    ["other positions of the insurance account", plus("owns[0][5]", 1n)],
    ["a step that is not taken", () => ({ "steps[0].active": 0n })],
    ["an open order of the insurance account", plus("insured.open", 1n)],
    ["something reserved of it", plus("insured.reserved", 1n)],
    ["what it waits for", plus("insured.pushedAt", 1n)],
    ["other positions hashed", plus("positionsAfter", 1n)],
    ["another path of the account", (read) => ({ "siblings[0][1][0]": 5n, "update[1].siblings[1][0]": read("siblings[0][1][0]") }), "update[j + 1].siblings <== siblings[j]"],
    ["another leaf before", (read) => ({ "account[0].nonce": 9n, "update[1].leafBefore": read("update[1].leafBefore") }), "update[j + 1].leafBefore <== steps[j].leafBefore"],
    ["another hash of the rules of defaults", (read) => ({ "defaults.insuranceShare": 0n, defaultsHash: read("defaultsHash") }), "signal defaultsHash <== DefaultsHash()(defaults)"],
    ["the other half of the insurance account's key", plus("insured.keyY", 1n)],
    ["nobody taken over", () => ({ "active[0]": 0n }), "active[0] === 1"],
    ["another phase", () => ({ "before.phase": 17n }), "before.phase === PHASE_OPEN()"],
  ]; // prettier-ignore
  for (const [why, cheat, rule] of cheats)
    it(`${why}: refused`, async () => {
      const circuit = await compiled();
      const inputs = inputsOf({});
      const honest = circuit.witness(inputs);
      circuit.refuses(inputs, cheat((name) => circuit.read(name, honest)), rule, SIBLING);
    }); // prettier-ignore

  it("no equity: nothing is left to it, and all of it is lacking then", async () => {
    const circuit = await compiled();
    const inputs = inputsOf({ equity: -5_000n });
    const honest = circuit.witness(inputs);
    const read = (name: string) => circuit.read(name, honest);
    for (const name of ["steps[0].keeps", "steps[0].solvent"])
      circuit.refuses(inputs, { [name]: 1n }, undefined, SIBLING);
    circuit.refuses(inputs, { deficit: read("deficit") + 1n });
  });

  it("another leaf of the tree: refused, in whatever tree", async () => {
    const circuit = await compiled();
    const inputs = inputsOf({});
    const of = { "before.accounts.root": "update[0].rootBefore" };
    const moved = { "update[0].index[0]": 0n, "siblings[0][0][1]": inputs.siblings[0][0][0] as bigint };
    circuit.refuses(inputs, moved, "update[0].index[i] <== ((INSURANCE() >> i) & 1)", {
      ...of,
      "siblings[0][0][0]": "update[0].leafAfter",
    });
    circuit.refuses(inputs, { positionsBefore: 5n }, undefined, of);
    const path = { "update[0].siblings[1][0]": 5n, "siblings[0][1][0]": 5n };
    circuit.refuses(inputs, path, "update[0].siblings <== insuranceSiblings", of);
    const other = { "insuranceSiblings[0][1]": "steps[0].leafBefore", ...of };
    circuit.refuses(inputs, { "steps[0].account.nonce": 9n }, "steps[j].account <== account[j]", other);
  });

  it("prices that do not count, called such that do: refused", async () => {
    const circuit = await compiled();
    const honest = inputsOf({});
    const rules = circuit.read("before.roots.rules", circuit.witness(honest));
    for (const [name, value, change] of [
      ["halted", 0n, { halted: true }],
      ["under", rules, { rules: 5n }],
      ["inForce", 5n, { rules: 5n }],
      ["epoch", EPOCH, { epoch: EPOCH + 1n }],
      ["epochLength", 61n, { epoch: 983n }],
    ] as const) {
      const cheat = inputsOf({ prices: (it) => ({ ...it, ...change }) });
      refusesInputs(circuit, { honest, cheat, pinned: { [`fresh.made.${name}`]: value } }, `fresh.made.${name} <==`);
    }
  });
});

describe("circuits/instructions/assume: each statement", () => {
  remembersHashes();
  /** What the whole is made of beside: above, where what follows in the tree is made to fit. */
  const BY_HAND = [
    "OpenRules()(before.roots.rules, group, idsHash, rowsHash, instrumentsHash)",
    "OpenPrices()(before.roots.prices, meta, scenarios, pricesRows)",
    "signal defaultsHash <== DefaultsHash()(defaults)",
    "group.defaults === defaultsHash",
    "fresh.made.inForce <== before.roots.rules",
    "fresh.made.epochLength <== group.epochLength",
    "fresh.made.under <== meta.rules",
    "fresh.made.epoch <== meta.epoch",
    "fresh.made.halted <== meta.halted",
    "fresh.exact === 1",
    "owns[0] <== insurance.positions",
    "owns[j + 1][i] <== owns[j][i] + steps[j].taken.positions[i]",
    "steps[j].active <== active[j]",
    "steps[j].account <== account[j]",
    "insurance.open === 0",
    "insured.seq <== insurance.seq + used",
    "insured.cash <== cash",
    "insured.positions <== owns[N]",
    ...["keyX", "keyY", "view", "nonce", "reserved", "open", "flagged", "pushedAt"].map(
      (name) => `insured.${name} <== insurance.${name}`,
    ),
    "signal positionsAfter <== PositionsHash()(insured.positions)",
    "update[0].index[i] <== ((INSURANCE() >> i) & 1)",
    "update[0].siblings <== insuranceSiblings",
    "update[0].leafAfter <== Leaf()(insured, positionsAfter)",
    "update[j + 1].siblings <== siblings[j]",
    "update[j + 1].leafBefore <== steps[j].leafBefore",
    "update[j + 1].rootBefore === update[j].rootAfter",
    "active[0] === 1",
    "UsedFirst(N)(active)",
  ];
  const some = () => inputsOf({});
  const none = () => inputsOf({ equity: -900_000n, account: { positions: POSITIONS, flagged: TIME } });
  it("of a slot is a rule: no signal can have another value", async () => {
    const circuit = await compileTemplate({ file: assuming, template: "AssumeSlot", args: [4], optimise: false });
    const slot = (of: Tampered): Inputs => {
      const { maintenance, penalty, grace, slope, hold } = of.defaults;
      const { values, longCharges, shortCharges, stamp } = of;
      const [active, index, salt, account] = ["active", "index", "salt", "account"].map((name) => of[name][0]);
      return { active, domain: 77n, time: stamp, maintenance, penalty, grace, slope, lasts: 2n * slope + hold, values, longCharges, shortCharges, index, salt, account, owns: of.insurance.positions, logHead: 3n }; // prettier-ignore
    };
    // A slot that does nothing may open whatever account: here one that could not be taken over.
    const waiting = inputsOf({ account: { positions: POSITIONS, flagged: TIME, open: 1n } });
    const idle = { ...slot(waiting), active: 0n, index: BigInt(INSURANCE) };
    const examples = { some: slot(some()), none: slot(none()), idle };
    const byRows = ["active * isInsurance === 0", "active * account.open === 0", COUNTS, BELOW, LATER].map(
      (rule) => circuit.statements.find(({ template, text }) => template === "AssumeSlot" && text === rule)!.text,
    );
    pinsEach(circuit, examples, "assume.circom AssumeSlot", byRows);
    circuit.refuses(slot(some()), { index: 1n }, byRows[0]);
    circuit.refuses(slot(some()), { "account.open": 1n }, byRows[1]);
  });

  it("of the whole is a rule: no signal can have another value", async () => {
    pinsEach(await compiled(), { some: some(), none: none() }, "assume.circom Assume", BY_HAND);
  });
});

describe("circuits/instructions/assume: two slots", () => {
  remembersHashes();
  const make = (): Tampered => {
    const venue = venueOf({}, 2);
    return assumeInputs(venue.ledger, [venue.assume(SUNK, 5n, TIME)]).inputs as Tampered;
  };
  it("the second reads what the first leaves, and none is used twice", async () => {
    const circuit = await compiled(2);
    const inputs = make();
    circuit.refuses(inputs, { "steps[1].logHead": 5n });
    circuit.refuses(inputs, { "siblings[1][0][0]": 5n }, "update[j + 1].rootBefore === update[j].rootAfter");
    const twice = structuredClone(inputs);
    twice.active[1] = 1n;
    expectNoWitness(circuit, twice);
    expectNoWitness(circuit, { ...inputs, active: [0n, 0n] });
  });

  it("the second taken over twice as much: refused", async () => {
    const accounts = venueOf({}).matcher.accounts;
    const venue = new Venue([...accounts.slice(0, 3), accounts[SUNK], accounts[3]], undefined, undefined, 2);
    const both = [2, 3].map((account, i) => venue.assume(account, BigInt(i), TIME));
    const { inputs } = assumeInputs(venue.ledger, both);
    const insured = { "siblings[0][0][1]": "update[0].leafAfter", "siblings[1][0][1]": "update[0].leafAfter" };
    (await compiled(2)).refuses(inputs, { "active[1]": 2n }, "UsedFirst(N)(active)", insured);
  });
});

describe("circuits/instructions/assume: registers left alone", () => {
  leavesOthersAlone("assume", async () => {
    const venue = venueOf({});
    const make = () => assumeInputs(venue.ledger, [venue.claimAssume(SUNK, TIME)]);
    return { circuit: await compiled(), ledger: venue.ledger, make };
  });
});
