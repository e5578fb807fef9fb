import type { Event } from "../matcher/events.ts";
import { accountLeaves } from "../protocol/account.ts";
import { cancelWord, entryWord, pushCancel, pushEntry, pushPayout } from "../protocol/book.ts";
import { logHeads, type LogEntry } from "../protocol/item.ts";
import { slotOf, vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { BITS, RANK } from "../protocol/parameters.ts";
import { accountSignals, Ledger, NO_ACCOUNT, transpose, type InstructionInputs, type Signals } from "./ledger.ts";

type ItemEvent = Extract<Event, { kind: "item" }>;

/** Inputs of one `admit`: as many items as it has slots, at most. Advances the ledger. @twins circuits/instructions/admit.circom */
export function admitInstruction(ledger: Ledger, items: readonly ItemEvent[]): InstructionInputs {
  const { vectors } = ledger;
  const opening = {
    ...ledger.rulesOpening(),
    ...ledger.pricesOpening(),
    values: ledger.prices.values.map((scenario) => scenario.map(toField)),
    admitted: [...vectors.admitted],
    cancels: [...vectors.cancels],
    counts: [...vectors.counts],
  };
  // The circuit computes the hash of the scenarios from `values`.
  const { scenarios: _, ...read } = opening;
  let state = ledger.state;
  const written = items.flatMap(({ account, admission }) => (account && admission.account ? [admission.account] : []));
  const leaves = accountLeaves(written).values();
  const heads = logHeads(
    state.logHead,
    state.domain,
    items.map(({ entry }) => entry),
  );
  const slots: { [name: string]: bigint | Signals }[] = [];
  for (let j = 0; j < ledger.profile.admit; j++) {
    const event = items[j];
    slots.push(slotSignals(ledger, event?.entry, event, state.clock >> 5n));
    if (!event) continue;
    state = ledger.logged(state, event.entry, RANK.other, heads[j]);
    const { admission, account } = event;
    const { slot, entry, cancel, payout } = admission;
    if (admission.account && account) ledger.tree.set(account.index, leaves.next().value!);
    if (entry) vectors.admitted[slot] = pushEntry(vectors.admitted[slot], entryWord(entry));
    if (cancel) vectors.cancels[slot] = pushCancel(vectors.cancels[slot], cancelWord(cancel));
    if (entry || cancel) vectors.counts[slot] += (entry ? 1n : 0n) + (cancel ? 1n << BigInt(BITS.count) : 0n);
    if (payout !== undefined) state = { ...state, payoutsPut: pushPayout(state.payoutsPut, payout) };
  }
  const changes = {
    ...state,
    accounts: ledger.tree.root,
    admitted: vectorHash(vectors.admitted),
    cancels: vectorHash(vectors.cancels),
    counts: vectorHash(vectors.counts),
  };
  return ledger.close("admit", changes, { ...read, ...transpose(slots) }, [
    state.clock >> 5n,
    state.logCount,
    state.logHead,
  ]);
}

function slotSignals(
  ledger: Ledger,
  entry: LogEntry | undefined,
  event: ItemEvent | undefined,
  idleTime: bigint,
): { [name: string]: bigint | Signals } {
  const { A, B, salt } = entry?.item ?? { A: 0n, B: 0n, salt: 0n };
  const { R8x, R8y, S } = entry?.auth ?? { R8x: 0n, R8y: 0n, S: 0n };
  // What the bits of A name, whether the item is well formed or not: the circuit reads it before it judges.
  const market = BigInt.asUintN(BITS.market, A >> BigInt(BITS.kind));
  const index = Number(BigInt.asUintN(2 * ledger.profile.depth, A >> BigInt(BITS.kind + BITS.market)));
  const slot = slotOf(ledger.rules, market);
  return {
    active: entry ? 1n : 0n,
    A,
    B,
    salt,
    R8x,
    R8y,
    S8: S,
    times: entry?.time ?? idleTime,
    account: accountSignals(event?.account?.before ?? NO_ACCOUNT),
    leaf: ledger.tree.get(index),
    siblings: ledger.tree.path(index),
    row: ledger.rulesRow(slot),
    quoted: ledger.pricesRow(slot),
  };
}
