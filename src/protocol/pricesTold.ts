import type { Terms } from "./rules.ts";

/**
 * Prices as a venue tells them (`GET /v1/prices`), as far as they follow from rules and reports: whoever has recomputed them can
 * compare.
 */
export function pricesTold({ rules, prices }: Terms) {
  const { epoch, halted, index, range, funding } = prices;
  return {
    rules: prices.rules,
    epoch,
    halted,
    index,
    range,
    funding,
    instruments: rules.instruments.flatMap((it, slot) =>
      it
        ? {
            slot,
            value: prices.values[0][slot] + (slot === 0 ? funding : 0n),
            reported: prices.last[slot],
            stale: prices.stale[slot],
            payoff: prices.payoffs[slot] === 0n ? null : prices.payoffs[slot] - 1n,
            longCharge: prices.longCharges[slot],
            shortCharge: prices.shortCharges[slot],
            scenarios: prices.values.map((scenario) => scenario[slot]),
          }
        : [],
    ),
  };
}
