import type { Event } from "../matcher/events.ts";
import { accountLeaves } from "../protocol/account.ts";
import { fillWord, pushFill } from "../protocol/book.ts";
import { vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { hash } from "../protocol/poseidon.ts";
import { PHASE } from "../protocol/parameters.ts";
import { accountSignals, NO_ACCOUNT, transpose, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

/** What the sweep register holds while the fills of a clearing are booked: H_tradePrice(P - sum w F). */
export function tradePriceRegister(tradePrice: bigint): bigint {
  return hash("tradePrice", [toField(tradePrice)]);
}

/** Inputs of as many `settle` as a clearing's fills take. Advances the ledger. @twins circuits/instructions/settle.circom */
export function settleInstructions(ledger: Ledger, event: Extract<Event, { kind: "settle" }>): InstructionInputs[] {
  const { profile, tree, vectors } = ledger;
  const { slot, tradePrice, writes } = event;
  const { group, ids, rulesRows } = ledger.rulesOpening();
  const idle = {
    active: 0n,
    words: fillWord({ account: 0, closed: false, lots: 0n, release: 0n, fee: 0n }),
    account: accountSignals(NO_ACCOUNT),
  };
  const instructions: InstructionInputs[] = [];
  const leaves = accountLeaves(writes.map(({ after }) => after));
  for (let start = 0; start < writes.length; start += profile.settle) {
    const { holders } = vectors;
    vectors.holders = [...holders];
    let { fillsTaken } = ledger.state;
    const slots: { [name: string]: bigint | Signals }[] = [];
    for (let j = 0; j < profile.settle; j++) {
      const write = writes[start + j];
      if (!write) {
        slots.push({ ...idle, siblings: tree.path(0) });
        continue;
      }
      const { index, before, after, fill } = write;
      const words = fillWord(fill);
      slots.push({ active: 1n, words, account: accountSignals(before!), siblings: tree.path(index) });
      tree.set(index, leaves[start + j]);
      fillsTaken = pushFill(fillsTaken, words);
      after.positions.forEach((position, i) => {
        vectors.holders[i] += (position === 0n ? 0n : 1n) - (before!.positions[i] === 0n ? 0n : 1n);
      });
    }
    const drained = fillsTaken === ledger.state.fillsPut;
    const changes = {
      fillsTaken,
      accounts: tree.root,
      holders: vectorHash(vectors.holders),
      phase: drained ? BigInt(PHASE.open) : ledger.state.phase,
      sweep: drained ? 0n : ledger.state.sweep,
    };
    const read = {
      slot: BigInt(slot),
      group,
      ids,
      rulesRows,
      row: ledger.rulesRow(slot),
      holders,
      tradePrice: toField(tradePrice),
      ...transpose(slots),
    };
    instructions.push(ledger.close("settle", changes, read, []));
  }
  return instructions;
}
