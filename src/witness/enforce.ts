import type { Event } from "../matcher/events.ts";
import { accountLeaf } from "../protocol/account.ts";
import { entryWord, pushCancel, pushEntry } from "../protocol/book.ts";
import { closingChange } from "../protocol/defaults.ts";
import { equities } from "../protocol/margin.ts";
import { vectorHash } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import { BITS, INSURANCE, RANK } from "../protocol/parameters.ts";
import { accountSignals, transpose, type InstructionInputs, type Ledger, type Signals } from "./ledger.ts";

export type EnforceEvent = Extract<Event, { kind: "enforce" }>;

/** Steps of one second, market and kind: of a FLAG, which names no market, any. @returns how many of the first share a proof */
export function enforcedTogether(events: readonly EnforceEvent[], most: number): number {
  const isReduction = ({ step }: EnforceEvent) => step.kind === "reduce";
  const [first] = events;
  let slot: number | null = null;
  for (const [i, event] of events.entries()) {
    const named = event.step.kind === "flag" ? null : event.step.slot;
    const fits = event.entry.time === first.entry.time && isReduction(event) === isReduction(first);
    if (i === most || !fits || (named !== null && slot !== null && named !== slot)) return i;
    slot ??= named;
  }
  return events.length;
}

/**
 * Inputs of one `enforce`, of steps that share a proof. Advances the ledger. @twins circuits/instructions/enforce.circom
 * @param heads  of the log after each entry, where they are known
 */
export function enforceInputs(
  ledger: Ledger,
  events: readonly EnforceEvent[],
  heads: readonly bigint[] = [],
): InstructionInputs {
  const { profile, vectors, rules, prices } = ledger;
  const { time } = events[0].entry;
  const isReduction = events[0].step.kind === "reduce";
  const slot = events.flatMap(({ step }) => (step.kind === "flag" ? [] : [step.slot]))[0] ?? 0;
  const { group, idsHash, rulesRows, instrumentsHash } = ledger.rulesOpening();
  const { meta, pricesRows } = ledger.pricesOpening();
  const read = {
    group,
    defaults: { ...rules.group.defaults },
    idsHash,
    rulesRows,
    instrumentsHash,
    meta,
    longCharges: [...prices.longCharges],
    shortCharges: [...prices.shortCharges],
    pricesRows,
    values: prices.values.map((scenario) => scenario.map(toField)),
    admitted: [...vectors.admitted],
    cancels: [...vectors.cancels],
    counts: [...vectors.counts],
    stamp: time,
    isReduction: isReduction ? 1n : 0n,
    slot: BigInt(slot),
    row: ledger.rulesRow(slot),
    quoted: ledger.pricesRow(slot),
  };
  const scenarios = prices.values.length;
  let state = ledger.state;
  const slots = Array.from({ length: profile.enforce }, (_, j): { [name: string]: bigint | Signals } => {
    const event = events[j];
    // A slot that is not used opens the last account once more, and changes nothing.
    const { step, write, entry, enforced } = event ?? events[events.length - 1];
    const account = event ? write.before : write.after;
    const signals = {
      ...(event ? stepSignals(ledger, event) : { ...IDLE, below: oneOf(scenarios, 0), worst: oneOf(scenarios, 0) }),
      index: BigInt(step.account),
      account: accountSignals(account),
      isLong: account.positions.map((lots) => (lots < 0n ? 0n : 1n)),
      siblings: ledger.tree.path(step.account),
    };
    if (!event) return signals;
    state = ledger.logged(state, entry, isReduction ? RANK.reduce : RANK.other, heads[j]);
    ledger.tree.set(step.account, accountLeaf(write.after));
    if (enforced.cancel) {
      vectors.cancels[slot] = pushCancel(vectors.cancels[slot], enforced.cancel);
      vectors.counts[slot] += 1n << BigInt(BITS.count);
    }
    if (enforced.entry) {
      vectors.admitted[slot] = pushEntry(vectors.admitted[slot], entryWord(enforced.entry));
      vectors.counts[slot] += 1n;
    }
    return signals;
  });
  const changes = {
    ...state,
    accounts: ledger.tree.root,
    admitted: vectorHash(vectors.admitted),
    cancels: vectorHash(vectors.cancels),
    counts: vectorHash(vectors.counts),
  };
  return ledger.close("enforce", changes, { ...read, ...transpose(slots) }, [time, state.logCount, state.logHead]);
}

function oneOf(n: number, at: number): bigint[] {
  return Array.from({ length: n }, (_, i) => (i === at ? 1n : 0n));
}
const greatest = (xs: readonly bigint[]) => xs.reduce((at, x, i) => (x > xs[at] ? i : at), 0);

/** What a slot reads of a step beside the account. */
function stepSignals(ledger: Ledger, event: EnforceEvent): { [name: string]: bigint | Signals } {
  const { rules, prices, state } = ledger;
  const scenarios = prices.values.length;
  const { step, write, entry } = event;
  const owned = write.before;
  const all = equities(owned, prices);
  const losses = all.map((it) => all[0] - it);
  const signals = {
    ...IDLE,
    active: 1n,
    isFlag: step.kind === "flag" ? 1n : 0n,
    salt: entry.item.salt,
    below: oneOf(scenarios, greatest(losses)),
    worst: oneOf(scenarios, greatest(losses)),
  };
  if (step.kind !== "reduce") return signals;
  const { slot, side, limit, size } = step;
  const change = closingChange(rules.markets[slot]!, { quoted: prices.markets[slot]!, prices }, { ...step, positions: owned.positions }); // prettier-ignore
  const lossesAt = (lots: bigint) => losses.map((it, k) => it - lots * change.spread[k]);
  const riskAfter = lossesAt(size).reduce((a, b) => (b > a ? b : a));
  // What M after all lots is held against: M before, equity with what haircuts kept, or what is loose.
  const bounds = [
    losses[greatest(losses)] - 1n,
    all[0] + size * change.equity + state.relief,
    rules.group.defaults.loose,
  ];
  const holding = step.account === INSURANCE ? greatest(bounds) : 0;
  return {
    ...signals,
    side: BigInt(side),
    limit: toField(limit),
    size,
    below: oneOf(scenarios, greatest(lossesAt(size - 1n))),
    riskAfter,
    bound: oneOf(3, holding),
  };
}

/** What a slot that is not used reads, and one of a step beside what it says otherwise; `riskAfter` is above every loss. */
const IDLE = { active: 0n, isFlag: 0n, side: 0n, limit: 0n, size: 0n, salt: 0n, riskAfter: 1n << 103n, bound: oneOf(3, 0) }; // prettier-ignore
