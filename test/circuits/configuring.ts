/** What the tests of Configure share: a ledger with given rules, counts and holders, and the inputs of a change of the rules. */
import { configure, type ConfigureContext } from "../../src/protocol/configure.ts";
import { openAccount } from "../../src/protocol/account.ts";
import { BASE8 } from "../../src/protocol/eddsa.ts";
import { INSURANCE } from "../../src/protocol/parameters.ts";
import type { Profile } from "../../src/protocol/instructions.ts";
import { rulesItem } from "../../src/protocol/item.ts";
import { vectorHash } from "../../src/protocol/market.ts";
import { toField } from "../../src/protocol/numbers.ts";
import { rulesRoot, type Rules } from "../../src/protocol/rules.ts";
import { configureInputs } from "../../src/witness/configure.ts";
import { Ledger, type InstructionInputs } from "../../src/witness/ledger.ts";
import { expectNoWitness, pinsOf, type Circuit, type Inputs } from "./harness.ts";

export const file = "circuits/instructions/configure.circom";
export const argsOf = ({ scenarios, feeds, depth, clear, settle }: Profile) => [scenarios, feeds, depth, clear, settle];

export interface Configuring {
  readonly ledger: Ledger;
  readonly make: () => InstructionInputs & { inputs: Inputs };
}

/** A change of the rules; of one that may not be, what it would be if it could. */
export function configuring(before: Rules, after: Rules, when: ConfigureContext): Configuring {
  const { profile, prices, counts, holders, time } = when;
  const { x: keyX, y: keyY } = BASE8;
  const accounts = [0n, 1n].map((view) => openAccount({ keyX, keyY, view }));
  const insurance = when.insurance?.account ?? accounts[INSURANCE];
  accounts[INSURANCE] = insurance;
  let blind = 0n;
  const ledger = new Ledger({ profile, domain: 77n, rules: before, prices, accounts, time: time - 1n, blind: () => ++blind }); // prettier-ignore
  Object.assign(ledger.vectors, { counts: [...counts], holders: [...holders] });
  Object.assign(ledger.state, { counts: vectorHash(counts), holders: vectorHash(holders), ...when.insurance?.held });
  const pricesAfter = () => {
    try {
      return configure(before, after, when);
    } catch {
      return prices;
    }
  };
  const make = () => {
    const entry = { item: rulesItem(rulesRoot(after)), time };
    const terms = { rules: after, prices: pricesAfter() };
    const { vault, relief, deficit } = ledger.state;
    const { recipient, amount } = after.group.payout ?? { recipient: 0n, amount: 0n };
    const written = { ...insurance, seq: insurance.seq + 1n, cash: insurance.cash - amount };
    const write = { index: INSURANCE, before: insurance, after: written };
    const payout = after.group.payout && { word: recipient + (amount << 160n), write };
    const held = { vault: toField(vault - amount), relief, deficit };
    const event = { kind: "rules", entry, before: { rules: before, prices }, after: terms, insurance, payout, held } as const; // prettier-ignore
    return configureInputs(ledger, event) as InstructionInputs & { inputs: Inputs };
  };
  return { ledger, make };
}

/**
 * No proof of inputs that a cheat gives: all that follows from where they differ is computed anew, and breaks one rule alone.
 * @param pinned  signals that the cheat chooses besides
 */
export function refusesInputs(
  circuit: Circuit,
  { honest, cheat, pinned = {} }: { honest: Inputs; cheat: Inputs; pinned?: Record<string, bigint> },
  rule?: string,
): bigint[] {
  const flat = (inputs: Inputs) => Object.assign({}, ...Object.entries(inputs).map(([name, it]) => pinsOf(name, it)));
  const [before, after] = [flat(honest), flat(cheat)] as Record<string, bigint>[];
  const changed = Object.fromEntries(Object.entries(after).filter(([name, it]) => before[name] !== it));
  if (Object.keys(pinned).length === 0) expectNoWitness(circuit, cheat);
  return circuit.refuses(honest, { ...changed, ...pinned }, rule);
}
