// Goal: no set of instruments stands in rules whose contracts contradict each other, and no two sets share a hash.
// Method: from one good set, one change each; the error names slot and word.
import assert from "node:assert/strict";
import {
  contractHashes,
  contractsHash,
  instrumentRows,
  NO_INSTRUMENTS,
  requireInstruments,
  type Contract,
  type Instrument,
} from "../../src/protocol/instrument.ts";
import { INSTRUMENT_KIND } from "../../src/protocol/parameters.ts";

const GRID = 3_600n;
const EXPIRY = 10n * GRID;
const TOP = 1n << 40n;

function contract(kind: keyof typeof INSTRUMENT_KIND, change: Partial<Contract> = {}): Contract {
  const expiry = kind === "perpetual" ? 0n : EXPIRY;
  return { kind: BigInt(INSTRUMENT_KIND[kind]), expiry, strike: 0n, forward: 0n, volatility: 0n, ...change };
}
const of = (it: Contract): Instrument => ({ contract: it, longCharge: 1n, shortCharge: 2n, weight: 3n });

/** Perpetual, future; call with its own volatility, put that shares it, call on the future. */
function instruments(): (Instrument | null)[] {
  const used = [
    contract("perpetual"),
    contract("future"),
    contract("call", { strike: 100n, forward: 0n, volatility: 2n }),
    contract("put", { strike: 100n, forward: 0n, volatility: 2n }),
    contract("call", { strike: 120n, forward: 1n, volatility: 4n }),
    contract("future", { expiry: 11n * GRID }),
  ];
  return NO_INSTRUMENTS.map((_, slot) => (slot < used.length ? of(used[slot]) : null));
}

const change = (slot: number, words: Partial<Contract>) => {
  const all = instruments();
  all[slot] = of({ ...all[slot]!.contract, ...words });
  return all;
};
const charge = (words: Partial<Instrument>) => {
  const all = instruments();
  all[1] = { ...all[1]!, ...words };
  return all;
};

describe("protocol/instrument", () => {
  it("takes perpetuals, futures and options on either", () => {
    assert.equal(requireInstruments("instruments", instruments(), GRID).length, 16);
  });

  const refused: [why: string, message: RegExp, all: () => (Instrument | null)[]][] = [
    ["too few slots", /instruments is/, () => instruments().slice(1)],
    ["a kind that is none", /\[1\]\.kind/, () => change(1, { kind: 5n })],
    ["a perpetual elsewhere", /\[1\]\.kind.*slot 0/, () => change(1, contract("perpetual"))],
    ["a perpetual that expires", /\[0\]\.expiry/, () => change(0, { expiry: GRID })],
    ["a future that never expires", /\[1\]\.expiry/, () => change(1, { expiry: 0n })],
    ["an expiry off the grid", /\[1\]\.expiry/, () => change(1, { expiry: EXPIRY + 1n })],
    ["an expiry of 41 bits", /\[1\]\.expiry/, () => change(1, { expiry: TOP * GRID })],
    ["a strike of a future", /\[1\]\.strike/, () => change(1, { strike: 1n })],
    ["a forward of a future", /\[1\]\.forward/, () => change(1, { forward: 1n })],
    ["a volatility of a future", /\[1\]\.volatility/, () => change(1, { volatility: 1n })],
    ["an option without a strike", /\[2\]\.strike/, () => change(2, { strike: 0n })],
    ["a strike of 41 bits", /\[2\]\.strike/, () => change(2, { strike: TOP })],
    ["a forward that is an option", /\[2\]\.forward/, () => change(2, { forward: 4n })],
    ["a forward of another expiry", /\[2\]\.forward/, () => change(2, { forward: 5n })],
    ["a forward in a free slot", /\[2\]\.forward/, () => change(2, { forward: 9n })],
    ["a forward in no slot", /\[2\]\.forward/, () => change(2, { forward: 16n })],
    ["the volatility of a future", /\[2\]\.volatility/, () => change(2, { volatility: 1n })],
    ["the volatility of one that has none", /\[2\]\.volatility/, () => change(2, { volatility: 3n })],
    ["the volatility of another expiry", /\[3\]\.volatility/, () => {
      const all = change(4, { expiry: 11n * GRID, forward: 0n });
      all[3] = of({ ...all[3]!.contract, volatility: 4n });
      return all;
    }],
    ["a charge of 41 bits", /\[1\]\.shortCharge/, () => charge({ shortCharge: TOP })],
    ["a negative charge", /\[1\]\.longCharge/, () => charge({ longCharge: -1n })],
    ["no weight", /\[1\]\.weight/, () => charge({ weight: 0n })],
    ["a weight of 17 bits", /\[1\]\.weight/, () => charge({ weight: 1n << 16n })],
  ]; // prettier-ignore
  for (const [why, message, all] of refused)
    it(`refuses ${why}`, () =>
      assert.throws(() => requireInstruments("instruments", all(), GRID), { code: "OUT_OF_RANGE", message }));

  it("hashes each word of a contract, what a feed signs following contracts alone", () => {
    const words = ["kind", "expiry", "strike", "forward", "volatility"] as const;
    const changed = words.map((word) => change(2, { [word]: instruments()[2]!.contract[word] + 1n }));
    assert.equal(new Set([instruments(), ...changed].map(contractsHash)).size, words.length + 1);
    const others = [{ longCharge: 9n }, { shortCharge: 9n }, { weight: 9n }].map(charge);
    for (const each of others) assert.equal(contractsHash(each), contractsHash(instruments()));
    assert.equal(new Set([instruments(), ...others].map((all) => instrumentRows(all)[1])).size, 4);
    assert.deepEqual(contractHashes(instruments()).slice(6), Array(10).fill(0n));
    assert.deepEqual(instrumentRows(instruments()).slice(6), Array(10).fill(0n));
  });
});
