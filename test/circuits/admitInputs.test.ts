// Goal: whatever inputs a prover makes up for Admit, it proves no other effects of the log that is public.
// Method: malicious inputs, which must leave no witness or lead to another log; each input changed by one.
import assert from "node:assert/strict";
import { accountLeaf } from "../../src/protocol/account.ts";
import { FIELD } from "../../src/protocol/eddsa.ts";
import { orderItem, withdrawalItem } from "../../src/protocol/item.ts";
import { SIDE } from "../../src/protocol/parameters.ts";
import { accountSignals, type InstructionInputs } from "../../src/witness/ledger.ts";
import { expectNoWitness, type Circuit, type Inputs } from "./harness.ts";
import { remembersHashes } from "./remembering.ts";
import {
  accounts,
  agrees,
  ALICE,
  BOB,
  compiled,
  LAST,
  signed,
  SPREAD,
  START,
  type Tampered,
  Venue,
} from "./admission.ts";

describe("circuits/instructions/admit: malicious inputs", () => {
  remembersHashes();
  let circuit: Circuit;
  let honest: InstructionInputs;
  /** The tree before the instruction. */
  let path: (index: number) => bigint[][];
  before(async () => {
    circuit = await compiled();
    const v = new Venue();
    const tree = v.ledger.tree.clone();
    path = (index) => tree.path(index);
    const buy = orderItem(v.order(ALICE));
    const sell = orderItem(v.order(BOB, { market: SPREAD, side: SIDE.sell }));
    const events = [v.apply(buy, signed(ALICE, buy)), v.apply(sell, signed(BOB, sell))];
    v.time += 2n;
    const out = withdrawalItem({ ...v.order(ALICE), recipient: 5n, amount: 7n });
    events.push(v.apply(out, signed(ALICE, out)));
    assert.equal(
      events.every(({ admission }) => admission.verdict === "admitted"),
      true,
    );
    honest = v.instruction(events);
  });

  const tampered = (change: (inputs: Tampered) => void) => {
    const inputs = structuredClone(honest.inputs) as Tampered;
    change(inputs);
    return inputs;
  };
  const readAs = (inputs: Tampered, slot: number, by: number, account = accounts[by]) => {
    inputs.account[slot] = accountSignals(account);
    inputs.leaf[slot] = accountLeaf(account);
    inputs.siblings[slot] = path(by);
  };

  it("the honest ones have a witness that satisfies", () => {
    const inputs = tampered(() => {}) as InstructionInputs["inputs"];
    agrees(circuit, { ...honest, inputs });
    assert.equal(circuit.satisfies(circuit.witness(inputs)), true);
  });

  const refused: [why: string, change: (inputs: Tampered) => void][] = [
    ...[1n, 17n, 33n].map((phase): [string, (i: Tampered) => void] => [
      `phase ${phase}`,
      (i) => (i.before.phase = phase),
    ]),
    ["admitted orders that are not those of the state", (i) => (i.admitted[3] = 5n)],
    ["cancels that are not those of the state", (i) => (i.cancels[0] = 5n)],
    ["counts that are not those of the state", (i) => (i.counts[0] = 1n)],
    ["a market at another slot", (i) => ([i.ids[0], i.ids[2]] = [i.ids[2], i.ids[0]])],
    ["a market that is not there", (i) => (i.ids[0] = 1n << 32n)],
    ["rows of rules exchanged", (i) => i.rulesRows.reverse()],
    ["a row of rules removed", (i) => (i.rulesRows[0] = 0n)],
    ["rows of prices exchanged", (i) => i.pricesRows.reverse()],
    ["a row of prices removed", (i) => (i.pricesRows[0] = 0n)],
    ...["epochLength", "lag", "slack", "grid", "greatestId", "feeds", "pricing", "defaults", "payout"].map(
      (name): [string, (i: Tampered) => void] => [`another ${name} of the group`, (i) => (i.group[name] += 1n)],
    ),
    ...["epoch", "halted", "stale", "longCharges", "shortCharges", "weights", "history"].map(
      (name): [string, (i: Tampered) => void] => [`another ${name} of the prices`, (i) => (i.meta[name] += 1n)],
    ),
    ...["longCharges", "shortCharges", "weights"].flatMap((name) =>
      [0, 15].map((at): [string, (i: Tampered) => void] => [`less ${name}[${at}]`, (i) => (i[name][at] -= 1n)]),
    ),
    ["longer life of a market", (i) => (i.row[0].until += 1n)],
    ["a kinder value of a lot", (i) => (i.weighted[0][2] += 1n)],
    ["values of another market's lot", (i) => (i.weighted[0] = i.weighted[1])],
    ["a smaller charge of a lot", (i) => (i.quoted[0].gross -= 1n)],
    ["the hash of other values", (i) => (i.quoted[0].values += 1n)],
    ["another maintenance of the group", (i) => (i.defaults.maintenance += 1n)],
    ["a longer grace", (i) => (i.defaults.grace += 1n)],
    ["a shorter life of flags", (i) => (i.defaults.hold -= 1n)],
    ["another hash of the instruments", (i) => (i.instrumentsHash += 1n)],
    ["prices under other rules", (i) => (i.meta.rules += 1n)],
    ["a kinder scenario", (i) => (i.values[2][0] += 1n)],
    ["scenarios exchanged", (i) => i.values.reverse()],
    ["the rules of another market", (i) => (i.row[0] = i.row[1])],
    ["the prices of another market", (i) => (i.quoted[0] = i.quoted[1])],
    ["a higher limit of lots", (i) => (i.row[0].lotLimit += 1n)],
    ["a lower mark", (i) => (i.quoted[0].mark -= 5n)],
    ["a higher low", (i) => (i.quoted[0].low += 1n)],
    ["another account's fields", (i) => (i.account[0] = i.account[1])],
    ["another account's leaf, fields and all", (i) => readAs(i, 0, LAST)],
    [
      "another account at the item's place",
      (i) => ([i.account[0], i.leaf[0]] = [accountSignals(accounts[LAST]), accountLeaf(accounts[LAST])]),
    ],
    ["more cash", (i) => (i.account[2].cash += 1n)],
    ["less reserved", (i) => (i.account[2].reserved = FIELD - 1n)],
    ["an older nonce", (i) => (i.account[2].nonce = 0n)],
    ["no account, where there is one", (i) => (i.leaf[0] = 0n)],
    ["the account as it was before the first slot", (i) => readAs(i, 2, ALICE)],
    ["the siblings as they were before the first slot", (i) => (i.siblings[1] = path(BOB))],
    ["a slot stamped before the log", (i) => (i.times[0] -= 1n)],
    ["a slot stamped before its predecessor", (i) => (i.times[2] = START - 1n)],
    ["the first stamped after the second", (i) => (i.times[0] = START + 1n)],
    ["a time of 41 bits", (i) => (i.times[2] = 1n << 40n)],
    ["a negative time", (i) => (i.times[0] = FIELD - 1n)],
    ...[
      [0n, 0n, 0n],
      [0n, 1n, 1n],
      [1n, 0n, 1n],
      [1n, 1n, 2n],
      [2n, 1n, 1n],
      [1n, 1n, FIELD - 1n],
    ].map((active): [string, (i: Tampered) => void] => [
      `slots used: ${active.map((x) => (x === FIELD - 1n ? -1n : x)).join()}`,
      (i) => (i.active = active),
    ]),
  ];
  for (const [why, change] of refused)
    it(`no witness: ${why}`, () => expectNoWitness(circuit, tampered(change) as Inputs));

  const otherLog: [why: string, change: (inputs: Tampered) => void][] = [
    ["an entry left out at the end", (i) => (i.active[2] = 0n)],
    ["garbage in place of a signature", (i) => (i.S8[2] = 5n)],
    ["another R8", (i) => (i.R8x[2] = 5n)],
    ["another order", (i) => (i.words[2][0] += 1n)],
    ["another salt", (i) => (i.salt[2] += 1n)],
    ["another time", (i) => (i.times[2] += 1n)],
  ];
  for (const [why, change] of otherLog)
    it(`another log: ${why}`, () => {
      const shown = circuit.publicValues(tampered(change) as Inputs, honest.publicInputs.length);
      assert.equal(shown[0], honest.publicInputs[0], "the state before is the same");
      assert.notEqual(shown[1], honest.publicInputs[1], "the state after is not");
      assert.notEqual(shown[5], honest.publicInputs[5], "nor is the head of the log");
    });

  it("each input, changed by one: no witness, or other public inputs", async () => {
    const single = await compiled(1);
    const v = new Venue(1);
    const item = orderItem(v.order(LAST, { replaces: 0n, maxFee: 10n }));
    const { inputs, publicInputs } = v.instruction([v.apply(item, signed(LAST, item))]);
    const tried = structuredClone(inputs) as Tampered;
    const unnoticed: string[] = [];
    const walk = (at: Tampered, name: string) => {
      // Of a vector of 16 the first and the last stand for all.
      const keys = Object.keys(at).filter((_, i, all) => all.length !== 16 || i === 0 || i === 15);
      for (const key of keys) {
        if (typeof at[key] !== "bigint") {
          walk(at[key], `${name}.${key}`);
          continue;
        }
        const value = at[key];
        at[key] = (value + 1n) % FIELD;
        try {
          const shown = single.publicValues(tried as Inputs, publicInputs.length);
          if (shown.every((x, i) => x === publicInputs[i])) unnoticed.push(`${name}.${key}`);
        } catch (error) {
          assert.match((error as Error).message, /Assert Failed/);
        }
        at[key] = value;
      }
    };
    walk(tried, "");
    assert.deepEqual(unnoticed, []);
  });
});
