/** What is held, what it has cost, and what it is worth. */
import type { Terms } from "../protocol/rules.ts";
import { slotOf } from "../protocol/market.ts";
import { abs } from "../protocol/numbers.ts";
import type { ToldFill, ToldSettlement, ToldStep } from "./knowledge.ts";

export interface Position {
  readonly instrument: number;
  /** below 0: sold */
  readonly lots: bigint;
  /** what one lot is worth at the mark, cash units, net of funding so far */
  readonly mark: bigint;
  /** cash units that `lots` have cost, on average of all fills on the way; below 0 where they were sold. Null: not all is known */
  readonly cost: bigint | null;
  /** cash units: of what is held, at the mark, and of what was closed; without fees */
  readonly profit: { readonly open: bigint; readonly closed: bigint } | null;
}

/**
 * Positions by instrument, with those that were closed. Cost is by the average method: what is closed goes at the average
 * cost of what was held (IAS 2, paragraph 25, "weighted average cost"). A fill in a market of several legs counts each but the
 * first at its mark, and the first with the rest of the price.
 * @param terms   in force; and those that an entry of the log met, null where that is too long ago
 * @param held    lots by instrument
 * @param booked  all fills of the account, what was settled of it, and what the insurance account took over, which goes at its mark
 */
export function positionsOf(
  terms: { readonly latest: Terms; at(n: number): Terms | null },
  held: readonly bigint[],
  booked: readonly (ToldFill | ToldSettlement | ToldStep)[],
): Position[] {
  const marks = terms.latest.prices.values[0];
  const books = held.map(() => ({ lots: 0n, cost: 0n, closed: 0n, traded: false }));
  for (const fill of [...booked].sort((a, b) => a.n - b.n)) {
    const met = terms.at(fill.n) ?? terms.latest;
    if ("kind" in fill) {
      if (fill.kind === "assume")
        for (const { instrument, lots } of fill.positions)
          book(books[instrument], -lots, -lots * met.prices.values[0][instrument]);
      continue;
    }
    if ("positions" in fill) {
      for (const { instrument, lots, payoff } of fill.positions)
        book(books[instrument], -lots, -lots * (payoff - (instrument === 0 ? met.prices.funding : 0n)));
      continue;
    }
    const marks = met.prices.values[0];
    const row = met.rules.markets[slotOf(met.rules, fill.market)];
    if (!row || fill.lots === 0n) continue;
    const first = row.legs.findIndex((leg) => leg !== 0n);
    const others = row.legs.reduce((sum, leg, i) => (i === first ? sum : sum + leg * marks[i]), 0n) * fill.lots;
    row.legs.forEach((leg, i) => {
      if (leg === 0n) return;
      const paid = i === first ? -(fill.cash + fill.fee) - others : leg * fill.lots * marks[i];
      book(books[i], leg * fill.lots, paid);
    });
  }
  return held.flatMap((lots, instrument) => {
    const { cost, closed, traded, ...known } = books[instrument];
    if (lots === 0n && !traded) return [];
    const mark = marks[instrument];
    if (known.lots !== lots) return { instrument, lots, mark, cost: null, profit: null };
    return { instrument, lots, mark, cost, profit: { open: lots * mark - cost, closed } };
  });
}

/** @param paid  cash units for all of the lots */
function book(at: { lots: bigint; cost: bigint; closed: bigint; traded: boolean }, lots: bigint, paid: bigint): void {
  at.traded = true;
  const closes = at.lots !== 0n && at.lots > 0n !== lots > 0n;
  const gone = closes ? (abs(lots) < abs(at.lots) ? -lots : at.lots) : 0n;
  if (gone !== 0n) {
    // Of what comes in, as much as closes, in proportion; the rest opens.
    const [cost, got] = [(at.cost * abs(gone)) / abs(at.lots), (paid * abs(gone)) / abs(lots)];
    at.closed += -got - cost;
    at.cost -= cost;
    at.lots -= gone;
    paid -= got;
    lots += gone;
  }
  at.cost += paid;
  at.lots += lots;
}
