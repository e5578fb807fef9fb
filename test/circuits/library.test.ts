// Goal: each statement of the library's templates is a rule: a forged witness exists that breaks it alone.
// Method: each template by itself, at small sizes, on inputs that its callers may give it; forgeries made by program (pinning.ts).
import assert from "node:assert/strict";
import { BASE8, publicKey, sign, type Point } from "../../src/protocol/eddsa.ts";
import { vectorHash } from "../../src/protocol/market.ts";
import { LIST_ORDERS, RULE, SWEEP_ALL_CANCELS, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import { pricesFresh } from "../../src/protocol/prices.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import { clearEvent, ledgerOf, PROFILE } from "./clearing.ts";
import { situation } from "./clearProofs.ts";
import { groupOfTests, pricingOfTests } from "../priced.ts";
import { compileTemplate, expectNoWitness, type Inputs } from "./harness.ts";
import { quotient } from "./r1cs.ts";
import { pinsEach } from "./pinning.ts";
import { remembersHashes } from "./remembering.ts";

/** Rules that take a cheat of several signals: in bits.test.ts, eddsa.test.ts and below. */
const DIGIT = ["quotientBits[i] * (quotientBits[i] - 1) === 0"];
const LOTS = ["D", "A"].map((name) => `Range(BITS_LOTS())(${name})`);
const TRADED = ["Dabove", "Abelow", "volume - Dabove", "volume - Abelow"].map((it) => `Range(BITS_LOTS())(${it})`);
const ZEROS = ["a * out === 0", "b * out === 0", "b * right === 1 - out - part"];
const CLEAR = "circuits/instructions/clear.circom";

type Examples = Record<string, Inputs>;

/** Inputs of a first proof of Clear, from which openings are taken. */
function cleared(): any {
  const ledger = ledgerOf(situation(), undefined, { ...PROFILE, clear: 1 });
  return clearInstructions(ledger, clearEvent(situation()))[0].inputs;
}

const bitsOf = (value: bigint, n: number) => Array.from({ length: n }, (_, i) => (value >> BigInt(i)) & 1n);
const account = { keyX: 1n, keyY: 2n, view: 3n, seq: 4n, cash: 5n, positions: bitsOf(9n, 16), nonce: 6n, reserved: 7n, open: 8n, flagged: 10n, pushedAt: 11n }; // prettier-ignore
const siblings = [
  [1n, 2n, 3n],
  [4n, 5n, 6n],
];

const SECRET = new Uint8Array(32).fill(5);
const pair = ({ x, y }: Point) => [x, y];
const [key, base8] = [pair(publicKey(SECRET)), pair(BASE8)];
const CANCELS = {
  from: 5n,
  active: bitsOf(0b10001001n, SWEEP_CANCELS),
  all: bitsOf(0b11n, SWEEP_ALL_CANCELS),
  words: Array.from({ length: SWEEP_CANCELS }, (_, j) => [7n + (3n << 20n), 0n, 0n, 7n + (4n << 20n), 0n, 0n, 0n, 8n][j] ?? 0n), // prettier-ignore
};
const CLAIMS = { on: 1n, price: 1_000n, bids: 10n, bidsAbove: 4n, asks: 9n, asksBelow: 3n, mark: 1_000n };
const PROGRESS = { leftBid: 1n, leftAsk: 2n, restBids: 3n, restBidsAbove: 4n, restAsks: 5n, restAsksBelow: 6n, kept: 8n, stage: 0n, walked: 9n, newBook: 10n }; // prettier-ignore

const TERMS = { tick: 5n, lotLimit: 100n, bandSquare: 40_000n, feeRate: 1_001n, feePerLot: 1n, rhoMin: 1n, maxFee: 3n, mark: 1_000n, funding: 7n, low: 900n, high: 1_100n, slack: 28n, quoted: 1n }; // prettier-ignore
/** Other ticks and another rest: below. */
const TICKS = [
  "signal rest <== limitParts.out - terms.tick * quotient",
  "Range(BITS_PRICE() + 1)(quotient)",
  "Range(BITS_TICK())(rest)",
  "Range(BITS_TICK())(terms.tick - 1 - rest)",
];

const TEMPLATES: [file: string, template: string, args: number[], examples: () => Examples, byHand?: string[]][] = [
  ["bits", "Bits", [4], () => ({ five: { in: 5n } })],
  ["bits", "Range", [4], () => ({ five: { in: 5n } })],
  ["bits", "Number", [4], () => ({ five: { in: bitsOf(5n, 4) } })],
  ["bits", "Boolean", [], () => ({ one: { in: 1n } })],
  ["bits", "UsedFirst", [2], () => ({ first: { active: [1n, 0n] }, none: { active: [0n, 0n] } })],
  ["bits", "IsZero", [], () => ({ zero: { in: 0n }, five: { in: 5n } })],
  ["bits", "IsEqual", [], () => ({ equal: { a: 5n, b: 5n }, other: { a: 5n, b: 6n } })],
  ["bits", "NotNegative", [4], () => ({ less: { in: -3n } })],
  ["bits", "AtMost", [4], () => ({ less: { a: 2n, b: 3n } })],
  ["bits", "Select", [], () => ({ first: { one: 1n, a: 2n, b: 3n } })],
  ["bits", "And", [], () => ({ both: { a: 1n, b: 1n } })],
  ["bits", "Or", [], () => ({ one: { a: 1n, b: 0n } })],
  ["canonical", "Canonical", [], () => ({ five: { in: 5n }, last: { in: -1n } })],
  ["poseidon", "HashTagged", [2], () => ({ some: { tag: 3n, in: [4n, 5n] } })],
  ["poseidon", "Hash", [3, 2], () => ({ some: { in: [4n, 5n] } })],
  ["vector", "OneHot", [3], () => ({ five: { in: bitsOf(5n, 3) } })],
  ["vector", "OneHotOf", [3], () => ({ five: { in: 5n } })],
  ["vector", "Pick", [2], () => ({ second: { one: [0n, 1n], in: [4n, 5n] } })],
  ["vector", "Put", [2], () => ({ second: { one: [0n, 1n], in: [4n, 5n], value: 6n } })],
  ["tree", "Children", [], () => ({ second: { one: [0n, 1n, 0n, 0n], node: 9n, siblings: siblings[0] } })],
  ["tree", "Root", [2], () => ({ some: { index: bitsOf(6n, 4), siblings, leaf: 7n } })],
  ["tree", "Update", [2], () => ({ some: { index: bitsOf(6n, 4), siblings, leafBefore: 7n, leafAfter: 8n } })],
  ["account", "PositionsHash", [], () => ({ some: { positions: account.positions } })],
  ["account", "Leaf", [], () => ({ some: { account, positionsHash: 9n } })],
  ["fee", "DivideUp", [20], () => ({ some: { x: 2_500_000n }, whole: { x: 3_000_000n } }), ["Range(20)(rest)"]], // prettier-ignore
  ["fee", "Absolute", [4], () => ({ less: { bits: bitsOf(13n, 5) } })],
  ["log", "LogStep", [], () => ({ some: { domain: 1n, logHead: 2n, A: 3n, B: 4n, salt: 5n, auth: 6n, time: 7n } })],
  ["log", "ClockStep", [], () => ({ some: { clock: 64n, time: 3n, rank: 5n, strict: 1n } })],
  ["margin", "Longs", [], () => ({ some: { positions: account.positions.map((lots, i) => (i === 3 ? -5n : lots)) } })],
  ["margin", "Equities", [2], () => ({ some: { ...owned(), isLong: bitsOf(0xfff0n, 16) } })],
  ["margin", "MarginHolds", [2], () => ({ holds: margin(100n, -3n), fails: margin(2n, -3n), gains: margin(2n, 3n), short: margin(2n, -3n, -1n) })], // prettier-ignore
  ["book", "UnpackEntry", [], () => ({ some: { word: (1n << 236n) + 12345678901234567890n } })],
  ["fill", "UnpackFill", [], () => ({ some: { word: (1n << 147n) + 12345678901234567890n } })],
  ["fill", "UnpackTrade", [], () => ({ some: { trade: (1n << 104n) + 12345678901234567890n } })],
  ["fill", "Trade", [], () => ({ some: { slot: 3n, price: -1_000n, funding: 25n } })],
  ["rules", "DefaultsHash", [], () => ({ some: { defaults: { ...groupOfTests().defaults } } })],
  ["defaults", "Flag", [], () => ({ young: flag(995n), old: flag(880n), older: flag(500n), none: flag(0n), early: { ...flag(0n), time: 100n } })], // prettier-ignore
  ["defaults", "Haircut", [], () => ({ half: haircut(1_050n), whole: haircut(50n), kept: haircut(0n), empty: { ...haircut(50n), vault: 0n } })], // prettier-ignore
  ["defaults", "Deficit", [], () => ({ some: deficit(100n), none: deficit(1_000n) })],
  ["order", "AdmitOrder", [], () => ({ buy: order(0n, 1_000n, 3n), sell: order(1n, -995n, 200n), off: order(0n, 1_003n, 0n), cheap: { ...order(0n, 1_000n, 3n), terms: { ...TERMS, rhoMin: 1n << 40n } } }), TICKS], // prettier-ignore
  ["order", "OrderSlack", [], () => ({ some: { low: -900n, high: 1_000n, slack: 9n } })],
  ["order", "EntryWord", [], () => ({ some: { account: 5n, nonce: 6n, side: 1n, limit: -7n, size: 8n, rho: 9n, expiry: 10n, thisAuction: 1n } })], // prettier-ignore
  [
    "item",
    "Item",
    [LIST_ORDERS],
    () => ({
      order: { A: 2n + (5n << 40n), words: [1n << 41n, 0n, 0n] },
      quotes: { A: 16n + (5n << 101n), words: [1n << 41n, 1n << 115n, 5n << 148n] },
      other: { A: -1n, words: [-1n, 0n, 0n] },
    }),
  ],
  ["state", "StateWord", [], () => ({ some: { state: cleared().before } })],
  ["market", "MarketRulesHash", [], () => ({ some: { row: cleared().row } })],
  ["market", "MarketPricesHash", [], () => ({ some: { row: cleared().quoted } })],
  ["tables", "OpenVector", [], () => ({ some: { root: cleared().before.markets.books, values: cleared().books } })],
  ["tables", "OpenRules", [], () => ({ some: opened((i) => ({ root: i.before.roots.rules, group: i.group, idsHash: i.idsHash, rowsHash: vectorHash(i.rulesRows), instrumentsHash: i.instrumentsHash })) })], // prettier-ignore
  ["tables", "OpenPrices", [], () => ({ some: opened((i) => ({ root: i.before.roots.prices, meta: i.meta, scenarios: i.scenarios, rows: i.pricesRows })) })], // prettier-ignore
  ["tables", "Scenarios", [2], () => ({ some: { values: [account.positions, account.positions] } })],
  ["tables", "GroupHash", [], () => ({ some: { group: cleared().group } })],
  ["tables", "PricesMetaHash", [], () => ({ some: { meta: cleared().meta } })],
  ["tables", "Fresh", [], () => ({ exact: fresh(78n), recent: fresh(82n), stale: fresh(93n), early: fresh(72n), halts: fresh(78n, { halted: 1n }) })], // prettier-ignore
  ["tables", "RulesRow", [], () => ({ some: opened((i) => ({ rowHash: i.rulesRows[Number(i.slot)], row: i.row })) })],
  ["tables", "PricesRow", [], () => ({ some: opened((i) => ({ rowHash: i.pricesRows[Number(i.slot)], row: i.quoted })) })], // prettier-ignore
  ["babyjub", "OnCurve", [], () => ({ on: { in: key }, off: { in: [1n, 1n] } })],
  ["babyjub", "Add", [], () => ({ some: { p: key, q: base8 } })],
  ["babyjub", "Double", [], () => ({ some: { in: key } })],
  ["babyjub", "MultiplyAny", [4], () => ({ some: { point: key, bits: bitsOf(13n, 4) } })],
  ["babyjub", "MultiplyFixed", [251], () => ({ some: { bits: bitsOf(12345678901234567890n, 251) } })],
  ["babyjub", "MultiplyFixedSigned", [], () => ({ some: { bits: bitsOf(12345678901234567890n, 250), positive: 1n } })],
  ["babyjub", "MontgomeryDouble", [], () => ({ some: { in: [3n, 5n] } })],
  ["eddsa", "Scalar", [0], () => ({ some: { in: 5n } })],
  ["eddsa", "Scalar", [1], () => ({ some: { in: 5n }, last: { in: -1n } }), [...DIGIT, "sum === in"]],
  ["eddsa", "BothZero", [], () => ({ both: { a: 0n, b: 0n }, first: { a: 0n, b: 5n }, none: { a: 5n, b: 6n } })],
  ["eddsa", "Signature", [], () => ({ good: signature(7n), bad: signature(8n), none: { ...signature(7n), keyGiven: 0n } }), [...DIGIT, ...ZEROS]], // prettier-ignore
  ["clear", "Switch", [], () => ({ on: { on: 1n, bookHead: 3n, stage: 0n, walked: 3n }, off: { on: 0n, bookHead: 3n, stage: 1n, walked: 4n } })], // prettier-ignore
  ["clear", "SweepCancels", [], () => ({ two: CANCELS, one: { ...CANCELS, active: bitsOf(0b1001n, SWEEP_CANCELS) }, none: { ...CANCELS, active: bitsOf(1n, SWEEP_CANCELS) } })], // prettier-ignore
  [
    "clear",
    "Claims",
    [RULE.auction],
    () => ({
      at: CLAIMS,
      above: { ...CLAIMS, price: 1_005n },
      below: { ...CLAIMS, price: 995n },
    }),
    [...LOTS, ...TRADED, "on * (tooHigh + tooLow) === 0"],
  ],
  ["clear", "Claims", [RULE.midpoint], () => ({ at: CLAIMS }), LOTS],
  [
    "clear",
    "SweepWord",
    [],
    () => ({ some: { flags: 1n, time: 2n, price: 3n, progress: PROGRESS, cancelsFrom: 4n, cancelsTo: 5n } }),
  ],
];

/** Of message 7. */
function signature(message: bigint): Inputs {
  return { keyGiven: 1n, keyX: key[0], keyY: key[1], ...sign(SECRET, 7n), message };
}

function order(side: bigint, limit: bigint, size: bigint): Inputs {
  return { side, limit: bitsOf(limit + (1n << 40n), 41), size, terms: TERMS };
}

/** At 1000 a flag is young to 60 s, and counts for 300 more. */
function flag(flagged: bigint): Inputs {
  return { flagged, grace: 60n, lasts: 300n, time: 1_000n };
}
function haircut(deficit: bigint): Inputs {
  return { amount: 301n, vault: 1_000n, relief: 50n, deficit };
}
/** Worth -450. */
function deficit(cash: bigint): Inputs {
  const positions = account.positions.map((_, i) => (i === 1 ? -3n : i === 2 ? 5n : 0n));
  return { cash, positions, mark: positions.map((_, i) => (i === 1 ? 200n : i === 2 ? 30n : 7n)) };
}
function owned(): Inputs {
  const { reserved: _, quantity: __, unit: ___, ...rest } = margin(2n, 1n);
  return rest;
}

function margin(cash: bigint, unit: bigint, sign = 1n): Inputs {
  const positions = account.positions.map((lots) => sign * lots);
  const [longCharges, shortCharges] = [1n, 2n].map((charge) => positions.map((_, i) => charge + BigInt(i)));
  const values = [account.positions, account.positions];
  return { cash, reserved: 1n, positions, values, longCharges, shortCharges, quantity: 2n, unit: [unit, unit] };
}

/** Of epoch 7, from 73 to 82, and, for orders, to 92. */
const MADE = { inForce: 5n, epochLength: 10n, lag: 3n, under: 5n, epoch: 7n, halted: 0n };
function fresh(time: bigint, changes: Partial<typeof MADE> = {}): { made: typeof MADE; time: bigint } {
  return { made: { ...MADE, ...changes }, time };
}

const opened = (of: (inputs: any) => Inputs) => of(cleared());

describe("circuits/lib: each statement is a rule", () => {
  remembersHashes();
  for (const [name, template, args, examples, byHand] of TEMPLATES)
    it(`${template} of ${name}.circom`, async () => {
      const file = name === "clear" ? CLEAR : `circuits/lib/${name}.circom`;
      const circuit = await compileTemplate({ file, template, args, optimise: false });
      pinsEach(circuit, examples(), `${name}.circom`, byHand);
    });

  it("a haircut is rounded down, and none is paid where nothing is held", async () => {
    const circuit = await compileTemplate({ file: "circuits/lib/defaults.circom", template: "Haircut", optimise: false }); // prettier-ignore
    const read = (inputs: Inputs) => ["paid", "isShort"].map((name) => circuit.read(name, circuit.witness(inputs)));
    assert.deepEqual([1_050n, 51n, 50n, 0n].map((lacking) => read(haircut(lacking))), [[150n, 1n], [300n, 1n], [301n, 0n], [301n, 0n]]); // prettier-ignore
    assert.deepEqual(read({ ...haircut(50n), vault: 0n }), [0n, 0n]);
    assert.deepEqual(read({ ...haircut(51n), vault: 0n }), [0n, 1n]);
    const most = { amount: (1n << 92n) - 1n, vault: 1n << 90n, relief: 0n, deficit: (1n << 102n) - 1n };
    assert.deepEqual(read(most), [(most.amount * most.vault) / (most.vault + most.deficit), 1n]);
    for (const paid of [149n, 151n, 301n]) circuit.refuses(haircut(1_050n), { paid });
    circuit.refuses(haircut(1_050n), { isShort: 0n });
    circuit.refuses(haircut(50n), { isShort: 1n });
  });

  it("a flag counts to the second", async () => {
    const circuit = await compileTemplate({ file: "circuits/lib/defaults.circom", template: "Flag", optimise: false });
    const read = (of: bigint) => ["counts", "begun"].map((name) => circuit.read(name, circuit.witness(flag(of))));
    const at: [flagged: bigint, bits: bigint[]][] = [
      [0n, [0n, 1n]],
      [1n, [0n, 1n]],
      [640n, [0n, 1n]],
      [641n, [1n, 1n]],
      [940n, [1n, 1n]],
      [941n, [1n, 0n]],
      [1_000n, [1n, 0n]],
    ];
    for (const [flagged, bits] of at) assert.deepEqual(read(flagged), bits, `${flagged}`);
    // No flag, at a time at which one of time 0 would count.
    assert.equal(circuit.read("counts", circuit.witness({ ...flag(0n), time: 100n })), 0n);
    const ends = { flagged: (1n << 40n) - 1n, grace: (1n << 32n) - 1n, lasts: 3n * ((1n << 32n) - 1n), time: 0n };
    circuit.witness(ends);
    circuit.witness({ ...ends, flagged: 0n, time: (1n << 40n) - 1n });
  });

  it("a deficit is what is lacking, to the unit", async () => {
    const circuit = await compileTemplate({ file: "circuits/lib/defaults.circom", template: "Deficit", optimise: false }); // prettier-ignore
    const out = (cash: bigint) => circuit.read("out", circuit.witness(deficit(cash)));
    assert.deepEqual([0n, 449n, 450n, 451n, -5n].map(out), [450n, 1n, 0n, 0n, 455n]);
    circuit.refuses(deficit(100n), { out: 349n });
    circuit.refuses(deficit(100n), { solvent: 1n });
  });

  it("an order has no other ticks", async () => {
    const circuit = await compileTemplate({ file: "circuits/lib/order.circom", template: "AdmitOrder", optimise: false }); // prettier-ignore
    const off = order(0n, 1_003n, 3n);
    circuit.refuses(off, { quotient: 199n }, "Range(BITS_TICK())(terms.tick - 1 - rest)");
    circuit.refuses(off, { quotient: 201n }, "Range(BITS_TICK())(rest)");
    circuit.refuses(off, { quotient: 200n, rest: 0n }, "signal rest <== limitParts.out - terms.tick * quotient");
    circuit.refuses(off, { quotient: quotient(1_003n, 5n) }, "Range(BITS_PRICE() + 1)(quotient)");
  });

  it("a fee is rounded up, by less than one", async () => {
    const circuit = await compileTemplate({
      file: "circuits/lib/fee.circom",
      template: "DivideUp",
      args: [20],
      optimise: false,
    });
    circuit.refuses({ x: 2_000_001n }, { out: 2n }, "Range(20)(rest)");
    circuit.refuses({ x: 2_999_999n }, { out: 4n }, "Range(20)(FEE_DENOMINATOR() - 1 - rest)");
    circuit.refuses({ x: 2_500_000n }, { out: 2n, rest: 0n }, "signal rest <==");
    // With any field element for the fee there is one that leaves no rest.
    const whole = quotient(2_500_000n, 1_000_000n);
    circuit.refuses({ x: 2_500_000n }, { out: whole }, "Range(n)(out)");
  });

  it("prices count from the lag on for an epoch, and for orders an epoch longer", async () => {
    const file = "circuits/lib/tables.circom";
    const circuit = await compileTemplate({ file, template: "Fresh", args: [], optimise: false });
    const [time, second] = [(1n << 40n) - 1n, (1n << 32n) - 1n];
    const asked = [
      ...[0n, 72n, 73n, 82n, 83n, 92n, 93n, time].map((at) => fresh(at)),
      ...[{ halted: 1n }, { under: 0n }, { inForce: 6n }].map((changes) => fresh(78n, changes)),
      // At the ends of all ranges: times, lengths, lags; epochs that end at the last second.
      ...[0n, 1n, second, time].flatMap((at) =>
        [1n, second].flatMap((epochLength) =>
          [0n, second].flatMap((lag) =>
            [0n, 1n, time / epochLength].map((epoch) => fresh(at, { epochLength, lag, epoch })),
          ),
        ),
      ),
      ...[-1n, 0n, 1n].flatMap((by) =>
        [1n, 2n].map((epochs) => {
          const [epochLength, lag, epoch] = [second, second - 1n, 200n];
          return fresh((epoch + epochs) * epochLength + lag + by, { epochLength, lag, epoch });
        }),
      ),
    ];
    const seen = new Set<string>();
    for (const inputs of asked) {
      const { inForce, epochLength, lag, under, epoch, halted } = inputs.made;
      const prices = { rules: under, epoch, halted: halted === 1n };
      const counts = (late: bigint) =>
        pricesFresh(prices, { ...pricingOfTests(1), epochLength, lag }, inForce, inputs.time, late) ? 1n : 0n;
      const witness = circuit.witness(inputs);
      assert.equal(circuit.satisfies(witness), true);
      const said = ["exact", "recent"].map((name) => circuit.read(name, witness));
      assert.deepEqual(
        said,
        [counts(0n), counts(1n)],
        JSON.stringify(inputs, (_, it) => String(it)),
      );
      seen.add(said.join());
    }
    assert.equal(seen.size, 3);
    circuit.refuses(fresh(83n), { inEpoch: 1n });
    circuit.refuses(fresh(93n), { inNext: 1n });
    circuit.refuses(fresh(72n), { begun: 1n });
    circuit.refuses(fresh(78n, { halted: 1n }), { valid: 1n });
    circuit.refuses(fresh(78n, { under: 4n }), { sameRules: 1n });
  });

  it("positions cost by their sign, in every scenario but the mark", async () => {
    const file = "circuits/lib/margin.circom";
    const circuit = await compileTemplate({ file, template: "MarginHolds", args: [3], optimise: false });
    const [most, charge] = [1n << 48n, (1n << 40n) - 1n];
    const vector = (...values: bigint[]) => Array.from({ length: 16 }, (_, i) => values[i] ?? 0n);
    const zero = [vector(), vector(), vector()];
    /** @param short  cash units that are missing for a withdrawal of 1 */
    const cases: [positions: bigint[], longCharges: bigint[], shortCharges: bigint[], cost: bigint][] = [
      [vector(), vector(5n), vector(7n), 0n],
      [vector(3n), vector(5n), vector(7n), 15n],
      [vector(-3n), vector(5n), vector(7n), 21n],
      [vector(3n, -2n), vector(5n, 1n), vector(7n, 9n), 33n],
      [vector(most - 1n), vector(charge), vector(), (most - 1n) * charge],
      [vector(1n - most), vector(), vector(charge), (most - 1n) * charge],
      [vector(1n - most), vector(charge), vector(), 0n],
    ];
    for (const [positions, longCharges, shortCharges, cost] of cases) {
      const asked = (cash: bigint, values = zero) => {
        const common = { reserved: 0n, positions, longCharges, shortCharges, quantity: 1n, unit: [-1n, -1n, -1n] };
        const witness = circuit.witness({ ...common, cash, values });
        assert.equal(circuit.satisfies(witness), true);
        return circuit.read("out", witness);
      };
      assert.deepEqual([asked(cost + 1n), asked(cost)], [1n, 0n], `charges of ${positions}`);
      if (cost === 0n) continue;
      // In the mark they are none: there it holds with nothing but the 1, where the others are worth what is charged.
      const gains = positions.map((lots) => (lots < 0n ? -1n : lots > 0n ? 1n : 0n) * charge);
      const held = positions.reduce((sum, lots, i) => sum + lots * gains[i], 0n);
      assert.ok(held >= cost);
      assert.deepEqual([asked(1n, [vector(), gains, gains]), asked(0n, [vector(), gains, gains])], [1n, 0n]);
    }
    const [positions, longCharges, shortCharges] = cases[2];
    const inputs = { cash: 21n, reserved: 0n, positions, values: zero, longCharges, shortCharges, quantity: 1n, unit: [-1n, -1n, -1n] }; // prettier-ignore
    for (const [name, value] of [
      ["owned.isLong[0]", 1n],
      ["owned.charge[0]", 0n],
      ["owned.charge[0]", 20n],
      ["owned.chargePerLot[0]", -5n],
    ] as const)
      // prettier-ignore
      assert.equal(circuit.read("out", circuit.refuses(inputs, { [name]: value })), 1n, name);
  });

  it("claims are numbers of lots, and those around the price no more than trade", async () => {
    const circuit = await compileTemplate({ file: CLEAR, template: "Claims", args: [RULE.auction], optimise: false });
    const lots = (name: string) => `Range(BITS_LOTS())(${name})`;
    circuit.refuses(CLAIMS, { bids: 1n << 48n }, lots("D"));
    circuit.refuses(CLAIMS, { asks: 1n << 48n }, lots("A"));
    circuit.refuses(CLAIMS, { bidsAbove: -1n }, lots("Dabove"));
    circuit.refuses(CLAIMS, { asksBelow: -1n }, lots("Abelow"));
    circuit.refuses(CLAIMS, { bidsAbove: 10n }, lots("volume - Dabove"));
    circuit.refuses(CLAIMS, { asksBelow: 10n }, lots("volume - Abelow"));
  });

  it("a price that clears is refused where one nearer to the mark does", async () => {
    const circuit = await compileTemplate({ file: CLEAR, template: "Claims", args: [RULE.auction], optimise: false });
    const rule = "on * (tooHigh + tooLow) === 0";
    const honest = { ...CLAIMS, bids: 4n, bidsAbove: 4n, asks: 4n, asksBelow: 4n };
    circuit.refuses(honest, { price: 1_005n }, rule);
    circuit.refuses(honest, { price: 995n }, rule);
    // Of a tick of 1.
    for (const price of [999n, 1_001n]) {
      circuit.refuses(honest, { price }, rule);
      expectNoWitness(circuit, { ...honest, price });
    }
    circuit.refuses({ ...honest, asks: 9n }, { price: 1_005n }, rule);
    circuit.refuses({ ...honest, bids: 9n }, { price: 995n }, rule);
  });
});
