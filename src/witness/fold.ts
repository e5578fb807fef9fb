import type { Event } from "../matcher/events.ts";
import { accountLeaf } from "../protocol/account.ts";
import { vectorHash } from "../protocol/market.ts";
import { RANK } from "../protocol/parameters.ts";
import { historySignals } from "./history.ts";
import { accountSignals, transpose, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

/**
 * Inputs of one `fold`. Advances the ledger. @twins circuits/instructions/fold.circom
 * @param head  of the log after its entry, where it is known
 */
export function foldInputs(ledger: Ledger, event: Extract<Event, { kind: "fold" }>, head?: bigint): InstructionInputs {
  const { profile, tree, vectors } = ledger;
  const { entry, writes } = event;
  const { holders } = vectors;
  const { pricesRows, ...opening } = ledger.pricesOpening();
  vectors.holders = [...holders];
  const slots = Array.from({ length: profile.fold }, (_, j): { [name: string]: bigint | Signals } => {
    // A slot that is not used folds the last account once more.
    const isUsed = j < writes.length;
    const { index, before, after } = writes[Math.min(j, writes.length - 1)];
    const siblings = tree.path(index);
    if (!isUsed) return { active: 0n, account: accountSignals(after), siblings };
    if (after !== before) tree.set(index, accountLeaf(after));
    after.positions.forEach((position, i) => {
      if (position === 0n && before.positions[i] !== 0n) vectors.holders[i]--;
    });
    return { active: 1n, account: accountSignals(before), siblings };
  });
  const state = {
    ...ledger.logged(ledger.state, entry, RANK.other, head),
    accounts: tree.root,
    holders: vectorHash(vectors.holders),
  };
  const read = {
    ...opening,
    stamp: entry.time,
    from: BigInt(writes[0].index),
    rowsHash: vectorHash(pricesRows),
    history: historySignals(ledger.prices),
    payoffs: [...ledger.prices.payoffs],
    holders,
    ...transpose(slots),
  };
  return ledger.close("fold", state, read, [entry.time, state.logCount, state.logHead]);
}
