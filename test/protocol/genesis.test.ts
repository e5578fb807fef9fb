// Goal: a genesis file is refused where a venue opened from it could not run or could be cheated.
// Method: from one good file, one change each; the error names the field.
import assert from "node:assert/strict";
import { BASE8 } from "../../src/protocol/eddsa.ts";
import { genesisJson, parseGenesis } from "../../src/protocol/genesis.ts";
import { fitsTransaction, worstClear } from "../../src/protocol/transaction.ts";
import { PROFILES } from "../../src/protocol/instructions.ts";
import { FIELD } from "../../src/protocol/numbers.ts";
import { INSTRUMENTS } from "../../src/protocol/parameters.ts";

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
    group: { operatorKeyX: key.keyX, operatorKeyY: key.keyY, maxAge: 60 },
    markets: [
      {
        id: 1,
        legs: [1, ...zeros.slice(1)],
        tick: 5,
        lotLimit: 100,
        band: 50,
        feeRate: 10,
        feePerLot: 1,
        rhoMin: 1,
        rule: "auction",
        interval: 10,
        state: "open",
        capacity: 40,
        cancelCapacity: 64,
        listCapacity: 64,
      },
    ] as (Record<string, unknown> | null)[],
    prices: { epoch: 1, time: 100, values: [zeros, zeros, zeros, zeros] as unknown[], funding: zeros },
    accounts: [{ ...key }, { ...key }] as Record<string, unknown>[],
  };
}
type GenesisJson = ReturnType<typeof file>;

const market = (change: object) => (json: GenesisJson) => Object.assign(json.markets[0]!, change);

const refused: [why: string, field: RegExp, change: (json: GenesisJson) => unknown][] = [
  ["an unknown profile", /profile/, (json) => (json.profile = "huge")],
  ["a domain that is no field element", /domain/, (json) => (json.domain = String(FIELD))],
  ["a number that is none", /time/, (json) => (json.time = "soon" as never)],
  ["-0", /feeRate/, market({ feeRate: "-0" })],
  ["-0 as a number", /feeRate/, market({ feeRate: -0 })],
  [
    "an operator key of small order",
    /group key/,
    (json) => Object.assign(json.group, { operatorKeyX: 0, operatorKeyY: 1 }),
  ],
  ["an account key of small order", /accounts\[1\] key/, (json) => Object.assign(json.accounts[1], { keyX: "0", keyY: String(FIELD - 1n) })], // prettier-ignore
  ["an account key of the whole group", /accounts\[1\] key/, (json) => Object.assign(json.accounts[1], GENERATOR)],
  ["an account key off the curve", /accounts\[1\] key/, (json) => (json.accounts[1].keyX = "3")],
  ["one account only", /accounts/, (json) => json.accounts.pop()],
  ["positions that do not sum to zero", /accounts/, (json) => (json.accounts[0].positions = [1, ...zeros.slice(1)])],
  ["an id twice", /markets/, (json) => json.markets.push(json.markets[0])],
  ["a scenario too few", /prices\.values/, (json) => json.prices.values.pop()],
  ["a tick of 0", /tick/, market({ tick: 0 })],
  ["a leg of 2^7", /legs\[0\]/, market({ legs: [128, ...zeros.slice(1)] })],
  ["a fee rate above 1", /feeRate/, market({ feeRate: 1_000_001 })],
  ["an unknown rule", /rule/, market({ rule: "dutch" })],
  ["capacities whose clear could outgrow a round", /markets\[0\]/, market({ cancelCapacity: 4_000 })],
];

describe("a genesis file", () => {
  it("is read: rules, prices and accounts", () => {
    const { rules, prices, accounts } = parseGenesis(file());
    assert.equal(rules.markets.filter(Boolean).length, 1);
    assert.deepEqual(prices.markets[0]?.values, [0n, 0n, 0n, 0n]);
    assert.equal(accounts[0].keyX, BASE8.x);
    assert.ok(fitsTransaction(worstClear(rules.markets[0]!, PROFILES.demo)));
  });
  it("is written so that the same is read again, funding and free slots included", () => {
    const json = file();
    json.markets.unshift(null, { ...json.markets[0]!, id: 2, rule: "midpoint", state: "halted" });
    json.prices.values = [3, 4, 5, 6].map((value) => zeros.with(0, value).with(1, -value));
    json.prices.funding = zeros.with(0, 9).with(1, -2);
    json.accounts[0].positions = zeros.with(2, 5);
    json.accounts[1].positions = zeros.with(2, -5);
    const genesis = parseGenesis(json);
    assert.notEqual(genesis.prices.markets[1]!.funding, 0n);
    assert.deepEqual(parseGenesis(genesisJson(genesis, json.prices.funding.map(BigInt))), genesis);
  });
  it("may have any capacities where its reader says so", () => {
    const json = file();
    Object.assign(json.markets[0]!, { capacity: 65_535, cancelCapacity: 65_535, listCapacity: 65_535 });
    assert.throws(() => parseGenesis(json), { code: "GENESIS" });
    assert.equal(parseGenesis(json, { bounded: false }).rules.markets[0]!.capacity, 65_535n);
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
    ["capacity", 1n, below(16)],
    ["cancelCapacity", 1n, below(16)],
  ] as const)
    it(`has ${name} from ${low} to ${high}`, () => {
      const read = (value: bigint) => {
        const json = file();
        Object.assign(json.markets[0]!, { [name]: `${value}` });
        return parseGenesis(json, { bounded: false }).rules.markets[0]![name];
      };
      for (const value of [low, high]) assert.equal(read(value), value);
      for (const value of [low - 1n, high + 1n]) assert.throws(() => read(value), { message: new RegExp(name) });
    });
  it("has values of instruments below 2^48, and a mark below 2^40", () => {
    const read = (value: bigint) => {
      const json = file();
      json.prices.values = Array.from({ length: 4 }, () => zeros.map(String).with(0, `${value}`));
      return parseGenesis(json).prices.markets[0];
    };
    for (const value of [-(1n << 39n) + 5n, (1n << 39n) - 5n]) assert.notEqual(read(value), null);
    for (const value of [-(1n << 48n), 1n << 48n]) assert.throws(() => read(value), { message: /values/ });
  });
  for (const [why, field, change] of refused)
    it(`is refused: ${why}`, () => {
      const json = file();
      change(json);
      assert.throws(() => parseGenesis(json), { message: field });
    });
});
