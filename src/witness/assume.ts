import type { Event } from "../matcher/events.ts";
import { accountLeaf, type Account } from "../protocol/account.ts";
import { vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { INSURANCE, RANK } from "../protocol/parameters.ts";
import { accountSignals, transpose, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

export type AssumeEvent = Extract<Event, { kind: "assume" }>;

/** How many of the first ASSUME share a proof: of one second. */
export function assumedTogether(events: readonly AssumeEvent[], most: number): number {
  const other = events.findIndex(({ entry }) => entry.time !== events[0].entry.time);
  return Math.min(most, other < 0 ? events.length : other);
}

/**
 * Inputs of one `assume`, of ASSUME of one second. Advances the ledger. @twins circuits/instructions/assume.circom
 * @param heads  of the log after each entry, where they are known
 */
export function assumeInputs(
  ledger: Ledger,
  events: readonly AssumeEvent[],
  heads: readonly bigint[] = [],
): InstructionInputs {
  const { profile, tree, vectors, rules, prices } = ledger;
  const { time } = events[0].entry;
  const insurance = { before: events[0].insurance.before, after: events[events.length - 1].insurance.after };
  const { group, idsHash, rulesRows, instrumentsHash } = ledger.rulesOpening();
  const { meta, pricesRows } = ledger.pricesOpening();
  const { holders } = vectors;
  vectors.holders = [...holders];
  const hold = (before: Account, after: Account) =>
    after.positions.forEach((lots, i) => {
      vectors.holders[i] += (lots === 0n ? 0n : 1n) - (before.positions[i] === 0n ? 0n : 1n);
    });
  const read = {
    group,
    defaults: { ...rules.group.defaults },
    idsHash,
    rowsHash: vectorHash(rulesRows),
    instrumentsHash,
    meta,
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    pricesRows,
    values: prices.values.map((scenario) => scenario.map(toField)),
    holders,
    stamp: time,
    insurance: accountSignals(insurance.before),
    insuranceSiblings: tree.path(INSURANCE),
  };
  let state = ledger.state;
  tree.set(INSURANCE, accountLeaf(insurance.after));
  hold(insurance.before, insurance.after);
  const slots = Array.from({ length: profile.assume }, (_, j): { [name: string]: bigint | Signals } => {
    const event = events[j];
    // A slot that is not used opens the last account once more, and changes nothing.
    const { write, entry } = event ?? events[events.length - 1];
    const account = event ? write.before : write.after;
    const signals = {
      active: event ? 1n : 0n,
      index: BigInt(write.index),
      salt: event ? entry.item.salt : 0n,
      account: accountSignals(account),
      siblings: tree.path(write.index),
    };
    if (!event) return signals;
    state = ledger.logged(state, entry, RANK.other, heads[j]);
    tree.set(write.index, accountLeaf(write.after));
    hold(write.before, write.after);
    return signals;
  });
  const changes = {
    ...state,
    ...events[events.length - 1].held,
    accounts: tree.root,
    holders: vectorHash(vectors.holders),
  };
  return ledger.close("assume", changes, { ...read, ...transpose(slots) }, [time, state.logCount, state.logHead]);
}
