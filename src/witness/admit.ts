import type { Event } from "../matcher/events.ts";
import { accountLeaves } from "../protocol/account.ts";
import { entryWord, pushCancel, pushEntry, pushPayout } from "../protocol/book.ts";
import type { Profile } from "../protocol/instructions.ts";
import { logHeads } from "../protocol/item.ts";
import { slotOf, vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { BITS, LIST_WORDS, RANK } from "../protocol/parameters.ts";
import { rulesVectors } from "../protocol/rules.ts";
import { accountSignals, Ledger, NO_ACCOUNT, transpose, type InstructionInputs, type Signals } from "./ledger.ts";

type ItemEvent = Extract<Event, { kind: "item" }>;

export type AdmitName = "admit" | "quote";

/**
 * Which proofs take a run of items, in their order: as few as can be, `admit`, which takes no list of quotes, or `quote`, which
 * takes all kinds but has fewer slots.
 */
export function admitPlan(
  run: readonly ItemEvent[],
  profile: Pick<Profile, AdmitName>,
): { name: AdmitName; items: readonly ItemEvent[] }[] {
  // From the end: how the rest of the run is taken by the fewest proofs, the first of which takes as many as it can.
  const least: { proofs: number; name: AdmitName; end: number }[] = [];
  least[run.length] = { proofs: 0, name: "admit", end: run.length };
  for (let from = run.length - 1, singles = 0; from >= 0; from--) {
    singles = isList(run[from]) ? 0 : singles + 1;
    const ends = { admit: from + Math.min(singles, profile.admit), quote: Math.min(from + profile.quote, run.length) };
    const [admit, quote] = (["admit", "quote"] as const).map((name) => {
      const end = ends[name];
      return { proofs: end === from ? Infinity : 1 + least[end].proofs, name, end };
    });
    least[from] = quote.proofs < admit.proofs ? quote : admit;
  }
  const plan: { name: AdmitName; items: readonly ItemEvent[] }[] = [];
  for (let from = 0; from < run.length; from = least[from].end)
    plan.push({ name: least[from].name, items: run.slice(from, least[from].end) });
  return plan;
}

/** Of the kind that `admit` does not take, well formed or not. */
function isList({ entry }: ItemEvent): boolean {
  return entry.item.list !== undefined;
}

/**
 * Inputs of one `admit` or `quote`: as many items as it has slots, at most. Advances the ledger.
 * @twins circuits/instructions/admit.circom
 */
export function admitInstruction(ledger: Ledger, name: AdmitName, items: readonly ItemEvent[]): InstructionInputs {
  const { vectors, prices } = ledger;
  const opening = {
    ...ledger.rulesOpening(),
    defaults: { ...ledger.rules.group.defaults },
    ids: rulesVectors(ledger.rules).ids,
    ...ledger.pricesOpening(),
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    weights: [...prices.weights],
    values: prices.values.map((scenario) => scenario.map(toField)),
    admitted: [...vectors.admitted],
    cancels: [...vectors.cancels],
    counts: [...vectors.counts],
  };
  // The circuit computes the hashes of the scenarios and of the ids.
  const { scenarios: _, idsHash: __, ...read } = opening;
  let state = ledger.state;
  const written = items.flatMap(({ account, admission }) => (account && admission.account ? [admission.account] : []));
  const leaves = accountLeaves(written).values();
  const heads = logHeads(
    state.logHead,
    state.domain,
    items.map(({ entry }) => entry),
  );
  const slots: { [name: string]: bigint | Signals }[] = [];
  const words = name === "admit" ? 1 : LIST_WORDS;
  for (let j = 0; j < ledger.profile[name]; j++) {
    const event = items[j];
    slots.push({ ...slotSignals(ledger, event, state.clock >> 5n), words: wordsOf(event, words) });
    if (!event) continue;
    state = ledger.logged(state, event.entry, RANK.other, heads[j]);
    const { admission, account } = event;
    const { slot, entries = [], cancel, payout } = admission;
    if (admission.account && account) ledger.tree.set(account.index, leaves.next().value!);
    for (const entry of entries) vectors.admitted[slot] = pushEntry(vectors.admitted[slot], entryWord(entry));
    if (entries.length > 0) vectors.counts[slot] += BigInt(entries.length);
    if (cancel) {
      vectors.cancels[slot] = pushCancel(vectors.cancels[slot], cancel);
      vectors.counts[slot] += 1n << BigInt(isList(event) ? 2 * BITS.count : BITS.count);
    }
    if (payout !== undefined) {
      const { vault, relief } = event.held;
      state = { ...state, payoutsPut: pushPayout(state.payoutsPut, payout), vault, relief };
    }
  }
  const changes = {
    ...state,
    accounts: ledger.tree.root,
    admitted: vectorHash(vectors.admitted),
    cancels: vectorHash(vectors.cancels),
    counts: vectorHash(vectors.counts),
  };
  return ledger.close(name, changes, { ...read, ...transpose(slots) }, [
    state.clock >> 5n,
    state.logCount,
    state.logHead,
  ]);
}

/** Those of a list of quotes, else B. */
function wordsOf(event: ItemEvent | undefined, count: number): bigint[] {
  const { B = 0n, list } = event?.entry.item ?? {};
  return Array.from({ length: count }, (_, w) => (list ? list[w] : w === 0 ? B : 0n));
}

function slotSignals(
  ledger: Ledger,
  event: ItemEvent | undefined,
  idleTime: bigint,
): { [name: string]: bigint | Signals } {
  const entry = event?.entry;
  const { A, salt } = entry?.item ?? { A: 0n, salt: 0n };
  const { R8x, R8y, S } = entry?.auth ?? { R8x: 0n, R8y: 0n, S: 0n };
  // What the bits of A name, whether the item is well formed or not: the circuit reads it before it judges.
  const market = BigInt.asUintN(BITS.market, A >> BigInt(BITS.kind));
  const index = Number(BigInt.asUintN(2 * ledger.profile.depth, A >> BigInt(BITS.kind + BITS.market)));
  const slot = slotOf(ledger.rules, market);
  return {
    active: entry ? 1n : 0n,
    A,
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
    weighted: ledger.weighted(slot),
  };
}
