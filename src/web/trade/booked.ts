import { readFill, readSettlement, readStep, STEP_KINDS } from "../../client/knowledge.ts";
import { SIDE } from "../../protocol/parameters.ts";
import { asInteger, asWhole } from "../../protocol/json.ts";
import type { Booked } from "./messages.ts";

/**
 * What was booked, of an entry of an account's history: a row each of what it is about.
 * @param nameOf  of an instrument
 * @throws FORMAT
 */
export function bookedOf(row: Record<string, unknown>, nameOf: (instrument: number) => string): Booked[] {
  const number = (name: string) => asInteger(`history.${name}`, row[name]);
  const nothing = { market: null, instrument: null, nonce: null, lots: null, price: null, fee: null, cash: null };
  const common = { ...nothing, n: asWhole("history.n", row.n), kind: String(row.kind), time: Number(number("time")) };
  if (STEP_KINDS.some((kind) => kind === row.kind)) return stepsOf(row, common, nameOf);
  switch (row.kind) {
    case "fill": {
      const { market, nonce, lots, price, fee, cash } = readFill(row);
      const about = { market: String(market), nonce: String(nonce) };
      return [lots === 0n ? { ...common, ...about, kind: "ended" } : { ...common, ...about, lots, price, fee, cash }];
    }
    case "deposit":
      return [{ ...common, cash: number("amount") }];
    case "withdrawal":
      return [{ ...common, nonce: String(number("nonce")), cash: -number("amount") }];
    case "funding":
      return [{ ...common, instrument: nameOf(0), lots: number("lots"), price: number("rate"), cash: number("cash") }];
    case "settlement":
      return settlementOf(row, common, nameOf);
    default:
      return [];
  }
}

/** What each position came to: its payoff, and of slot 0 what is left of the cash, as its funding was never booked. */
function settlementOf(row: Record<string, unknown>, common: Booked, nameOf: (instrument: number) => string): Booked[] {
  const { positions } = readSettlement(row);
  const paid = positions.map(({ instrument, lots, payoff }) => (instrument === 0 ? 0n : lots * payoff));
  const rest = paid.reduce((left, it) => left - it, asInteger("history.cash", row.cash));
  return positions.map(({ instrument, lots, payoff }, i) => {
    return { ...common, instrument: nameOf(instrument), lots, price: payoff, cash: instrument === 0 ? rest : paid[i] };
  });
}

function stepsOf(row: Record<string, unknown>, common: Booked, nameOf: (instrument: number) => string): Booked[] {
  const step = readStep(row);
  switch (step.kind) {
    case "flag":
      return [common];
    case "sweep":
      return [{ ...common, market: String(step.market) }];
    case "reduce": {
      const lots = step.side === SIDE.buy ? step.size : -step.size;
      return [{ ...common, market: String(step.market), lots, price: step.limit }];
    }
    case "assume": {
      const cash = asInteger("assume.cash", row.cash);
      return step.positions.map(({ instrument, lots }, i) => {
        return { ...common, instrument: nameOf(instrument), lots: -lots, cash: i === 0 ? cash : null };
      });
    }
  }
}
