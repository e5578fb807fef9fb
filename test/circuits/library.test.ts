// Goal: each statement of the library's templates is a rule: a forged witness exists that breaks it alone.
// Method: each template by itself, at small sizes, on inputs that its callers may give it; forgeries made by program (pinning.ts).
import assert from "node:assert/strict";
import { RULE, SWEEP_CANCELS } from "../../src/protocol/parameters.ts";
import { clearInstructions } from "../../src/witness/clear.ts";
import { clearEvent, ledgerOf, PROFILE } from "./clearing.ts";
import { situation } from "./clearProofs.ts";
import { compileTemplate, type Inputs } from "./harness.ts";
import { pinsEach } from "./pinning.ts";
import { remembersHashes } from "./remembering.ts";

type Examples = Record<string, Inputs>;

/** Inputs of a first proof of Clear, from which openings are taken. */
function cleared(): any {
  const ledger = ledgerOf(situation(), undefined, { ...PROFILE, clear: 1 });
  return clearInstructions(ledger, clearEvent(situation()))[0].inputs;
}

const bitsOf = (value: bigint, n: number) => Array.from({ length: n }, (_, i) => (value >> BigInt(i)) & 1n);
const account = { keyX: 1n, keyY: 2n, view: 3n, seq: 4n, cash: 5n, positions: bitsOf(9n, 16), nonce: 6n, reserved: 7n, open: 8n }; // prettier-ignore
const siblings = [
  [1n, 2n, 3n],
  [4n, 5n, 6n],
];

const CANCELS = {
  from: 5n,
  active: bitsOf(7n, SWEEP_CANCELS),
  words: [
    7n + (3n << 20n),
    7n + (1n << 60n) + (4n << 20n),
    8n + (1n << 60n),
    ...Array<bigint>(SWEEP_CANCELS - 3).fill(0n),
  ],
};
const CLAIMS = { on: 1n, price: 1_000n, bids: 10n, bidsAbove: 4n, asks: 9n, asksBelow: 3n, mark: 1_000n };
const PROGRESS = { leftBid: 1n, leftAsk: 2n, restBids: 3n, restBidsAbove: 4n, restAsks: 5n, restAsksBelow: 6n, fees: 7n, kept: 8n, stage: 0n, walked: 9n, newBook: 10n }; // prettier-ignore

const TEMPLATES: [file: string, template: string, args: number[], examples: () => Examples, left?: string[]][] = [
  ["bits", "Bits", [4], () => ({ five: { in: 5n } })],
  ["bits", "Range", [4], () => ({ five: { in: 5n } })],
  ["bits", "Number", [4], () => ({ five: { in: bitsOf(5n, 4) } })],
  ["bits", "Boolean", [], () => ({ one: { in: 1n } })],
  ["bits", "IsZero", [], () => ({ zero: { in: 0n }, five: { in: 5n } })],
  ["bits", "IsEqual", [], () => ({ equal: { a: 5n, b: 5n } })],
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
  ["fee", "DivideUp", [20], () => ({ some: { x: 2_500_000n }, whole: { x: 3_000_000n } })],
  ["fee", "Absolute", [4], () => ({ less: { bits: bitsOf(13n, 5) } })],
  ["log", "LogStep", [], () => ({ some: { domain: 1n, logHead: 2n, A: 3n, B: 4n, salt: 5n, auth: 6n, time: 7n } })],
  ["log", "ClockStep", [], () => ({ some: { clock: 64n, time: 3n, rank: 5n, strict: 1n } })],
  ["margin", "MarginHolds", [1], () => ({ holds: margin(100n, -3n), fails: margin(2n, -3n), gains: margin(2n, 3n) })],
  ["book", "UnpackEntry", [], () => ({ some: { word: (1n << 236n) + 12345678901234567890n } })],
  ["fill", "UnpackFill", [], () => ({ some: { word: (1n << 240n) + 12345678901234567890n } })],
  ["item", "Item", [], () => ({ order: { A: 2n + (5n << 40n), B: 1n << 41n }, other: { A: -1n, B: -1n } })],
  ["state", "StateWord", [], () => ({ some: { state: cleared().before } })],
  ["market", "MarketRulesHash", [], () => ({ some: { row: cleared().row } })],
  ["market", "MarketPricesHash", [PROFILE.scenarios], () => ({ some: { row: cleared().quoted } })],
  ["tables", "OpenVector", [], () => ({ some: { root: cleared().before.markets.books, values: cleared().books } })],
  ["tables", "OpenRules", [], () => ({ some: opened((i) => ({ root: i.before.fixed.rules, group: i.group, ids: i.ids, rows: i.rulesRows })) })], // prettier-ignore
  ["tables", "OpenPrices", [], () => ({ some: opened((i) => ({ root: i.before.fixed.prices, meta: i.meta, scenarios: i.scenarios, rows: i.pricesRows })) })], // prettier-ignore
  ["tables", "Scenarios", [2], () => ({ some: { values: [account.positions, account.positions] } })],
  ["tables", "Fresh", [], () => ({ fresh: fresh(7n, 12n), stale: fresh(7n, 20n), early: fresh(9n, 8n) })],
  ["tables", "RulesRow", [], () => ({ some: opened((i) => ({ rowHash: i.rulesRows[Number(i.slot)], row: i.row })) })],
  ["tables", "PricesRow", [PROFILE.scenarios], () => ({ some: opened((i) => ({ rowHash: i.pricesRows[Number(i.slot)], row: i.quoted })) })], // prettier-ignore
  [
    "clear",
    "Switch",
    [],
    () => ({
      on: { on: 1n, bookHead: 3n, stage: 0n, walked: 3n },
      off: { on: 0n, bookHead: 3n, stage: 1n, walked: 4n },
    }),
  ],
  ["clear", "SweepCancels", [], () => ({ some: CANCELS })],
  [
    "clear",
    "Claims",
    [RULE.auction],
    () => ({ at: CLAIMS, above: { ...CLAIMS, price: 1_005n }, below: { ...CLAIMS, price: 995n } }),
  ],
  ["clear", "Claims", [RULE.midpoint], () => ({ at: CLAIMS })],
  [
    "clear",
    "SweepWord",
    [],
    () => ({ some: { flags: 1n, time: 2n, price: 3n, progress: PROGRESS, cancelsFrom: 4n, cancelsTo: 5n } }),
  ],
];

function margin(cash: bigint, unit: bigint): Inputs {
  return { cash, reserved: 1n, positions: account.positions, values: [account.positions], quantity: 2n, unit: [unit] };
}

function fresh(from: bigint, time: bigint): Inputs {
  return { rules: 5n, meta: { rules: 5n, epoch: 1n, time: from }, maxAge: 10n, time };
}

const opened = (of: (inputs: any) => Inputs) => of(cleared());

describe("circuits/lib: each statement is a rule", () => {
  remembersHashes();
  for (const [name, template, args, examples, left = []] of TEMPLATES)
    it(`${template} of ${name}.circom`, async () => {
      const file = `circuits/${name === "clear" ? "instructions" : "lib"}/${name}.circom`;
      const circuit = await compileTemplate({ file, template, args, optimise: false });
      assert.deepEqual(pinsEach(circuit, examples(), `${name}.circom`), left);
    });
});
