// Goal: a genesis file is refused where a venue opened from it could not run or could be cheated.
// Method: from one good file, one change each; the error names the field.
import assert from "node:assert/strict";
import { BASE8 } from "../../src/protocol/eddsa.ts";
import { genesisJson, parseGenesis } from "../../src/protocol/genesis.ts";
import { toJson } from "../../src/protocol/json.ts";
import { rulesJson } from "../../src/protocol/rulesJson.ts";
import { fitsTransaction, worstClear } from "../../src/protocol/transaction.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";
import { rules } from "./pricedRules.ts";

const zeros = Array<number>(INSTRUMENTS).fill(0);
const below = (bits: number) => (1n << BigInt(bits)) - 1n;
/** Of the whole group of BabyJubJub, 8 times as great as the prime subgroup. */
const GENERATOR = {
  keyX: "995203441582195749578291179787384436505546430278305826713579947235728471134",
  keyY: "5472060717959818805561601436314318772137091100104008585924551046643952123905",
};
const key = { keyX: String(BASE8.x), keyY: String(BASE8.y), view: "7" };

function file() {
  return {
    profile: "demo",
    domain: "5",
    time: 100,
    rules: JSON.parse(toJson(rulesJson(rules()))) as any,
    accounts: [{ ...key }, { ...key }] as Record<string, unknown>[],
  };
}
type GenesisJson = ReturnType<typeof file>;

const market = (change: object) => (json: GenesisJson) => Object.assign(json.rules.markets[0], change);

const refused: [why: string, field: RegExp, change: (json: GenesisJson) => unknown][] = [
  ["an unknown profile", /profile/, (json) => (json.profile = "huge")],
  ["a domain that is no field element", /domain/, (json) => (json.domain = String(FIELD))],
  ["a number that is none", /time/, (json) => (json.time = "soon" as never)],
  ["-0", /feeRate/, market({ feeRate: "-0" })],
  ["-0 as a number", /feeRate/, market({ feeRate: -0 })],
  [
    "an operator key of small order",
    /operatorKey/,
    (json) => Object.assign(json.rules.group, { operatorKeyX: 0, operatorKeyY: 1 }),
  ],
  ["an account key of small order", /accounts\[1\] key/, (json) => Object.assign(json.accounts[1], { keyX: "0", keyY: String(FIELD - 1n) })], // prettier-ignore
  ["an account key of the whole group", /accounts\[1\] key/, (json) => Object.assign(json.accounts[1], GENERATOR)],
  ["an account key off the curve", /accounts\[1\] key/, (json) => (json.accounts[1].keyX = "3")],
  ["one account only", /accounts/, (json) => json.accounts.pop()],
  ["positions that do not sum to zero", /accounts/, (json) => (json.accounts[0].positions = [1, ...zeros.slice(1)])],
  ["positions in what is free", /accounts.*instrument 7/, (json) => [5, -5].forEach((p, i) => (json.accounts[i].positions = zeros.with(7, p)))],
  ["a position of 2^47", /positions\[1\]/, (json) => (json.accounts[0].positions = zeros.map(String).with(1, `${1n << 47n}`))],
  ["an id twice", /markets/, (json) => (json.rules.markets[1] = json.rules.markets[0])],
  ["prices", /prices/, (json) => Object.assign(json, { prices: {} })],
  ["a payout of the insurance account", /payout/, (json) => (json.rules.group.payout = { recipient: 1, amount: 1, time: 1 })],
  ["a scenario too few", /scenarios/, (json) => json.rules.group.pricing.scenarios.pop()],
  ["a tick of 0", /tick/, market({ tick: 0 })],
  ["a leg of 2^7", /legs\[0\]/, market({ legs: [128, ...zeros.slice(1)] })],
  ["a fee rate above 1", /feeRate/, market({ feeRate: 1_000_001 })],
  ["an unknown rule", /rule/, market({ rule: "dutch" })],
  ["capacities whose clear could outgrow a round", /markets\[0\]/, market({ cancelCapacity: 4_000 })],
]; // prettier-ignore

describe("a genesis file", () => {
  it("is read: rules and accounts, and no prices yet", () => {
    const genesis = parseGenesis(file());
    assert.deepEqual(genesis.rules, rules());
    const { epoch, markets, values } = genesis.prices;
    assert.deepEqual([epoch, markets.filter(Boolean), values.length], [0n, [], PROFILES.demo.scenarios]);
    assert.equal(genesis.accounts[0].keyX, BASE8.x);
    assert.ok(fitsTransaction(worstClear(genesis.rules.markets[0]!, PROFILES.demo)));
  });
  it("is written so that the same is read again, positions and free slots included", () => {
    const json = file();
    json.rules.markets[1] = null;
    json.accounts[0].positions = zeros.with(2, 5);
    json.accounts[1].positions = zeros.with(2, -5);
    const genesis = parseGenesis(json);
    assert.equal(genesis.accounts[1].positions[2], -5n);
    assert.deepEqual(parseGenesis(genesisJson(genesis)), genesis);
  });
  it("names co-signers, or none", () => {
    const json = { ...file(), coSigners: [1, 2, 3, 4].map((i) => `0x${String(i).repeat(40)}`) };
    const genesis = parseGenesis(json);
    assert.deepEqual([genesis.coSigners!.addresses, genesis.coSigners!.quorum], [json.coSigners, 3]);
    assert.deepEqual(parseGenesis(genesisJson(genesis)), genesis);
    assert.ok(!("coSigners" in parseGenesis(file())));
    for (const coSigners of [
      [],
      json.coSigners.slice(2),
      ["0x1"],
      [1],
      "0x",
      json.coSigners.with(0, json.coSigners[1]),
    ])
      assert.throws(() => parseGenesis({ ...json, coSigners }), { message: /coSigners/ }, JSON.stringify(coSigners));
  });
  it("may have any capacities where its reader says so", () => {
    const json = file();
    Object.assign(json.rules.markets[0], { capacity: 52_420, cancelCapacity: 65_527, listCapacity: 65_535 });
    assert.throws(() => parseGenesis(json), { code: "OUT_OF_RANGE" });
    assert.equal(parseGenesis(json, { bounded: false }).rules.markets[0]!.capacity, 52_420n);
  });
  // What circuits take for granted of a row (circuits/lib, "in"): its first and last value are read, none beyond.
  for (const [name, low, high] of [
    ["id", 1n, below(32)],
    ["tick", 1n, below(32)],
    ["lotLimit", 1n, below(32)],
    ["band", 0n, below(40)],
    ["feeRate", 0n, 1_000_000n],
    ["feePerLot", 0n, below(40)],
    ["rhoMin", 1n, below(61)],
    ["interval", 1n, below(32)],
    ["until", 0n, below(40)],
    ["capacity", 1n, 52_420n],
    ["cancelCapacity", 1n, below(16) - 8n],
    ["listCapacity", 1n, below(16)],
  ] as const)
    it(`has ${name} from ${low} to ${high}`, () => {
      const read = (value: bigint) => {
        const json = file();
        json.rules.group.greatestId = `${below(32)}`;
        Object.assign(json.rules.markets[0], { [name]: `${value}` });
        return parseGenesis(json, { bounded: false }).rules.markets[0]![name];
      };
      for (const value of [low, high]) assert.equal(read(value), value);
      for (const value of [low - 1n, high + 1n]) assert.throws(() => read(value), { message: new RegExp(name) });
    });
  // Of an instrument, and of the group: circuits/lib/margin.circom and tables.circom count on them.
  for (const [name, low, high] of [
    ["longCharge", 0n, below(40)],
    ["shortCharge", 0n, below(40)],
    ["weight", 1n, below(16)],
  ] as const)
    it(`has ${name} of an instrument from ${low} to ${high}`, () => {
      const read = (value: bigint) => {
        const json = file();
        json.rules.instruments[1][name] = `${value}`;
        return parseGenesis(json).rules.instruments[1]![name];
      };
      for (const value of [low, high]) assert.equal(read(value), value);
      for (const value of [low - 1n, high + 1n]) assert.throws(() => read(value), { message: new RegExp(name) });
    });
  for (const [why, field, change] of refused)
    it(`is refused: ${why}`, () => {
      const json = file();
      change(json);
      assert.throws(() => parseGenesis(json), { message: field });
    });
});
