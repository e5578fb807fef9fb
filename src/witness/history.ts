import { vectorHashes } from "../protocol/market.ts";
import { toField } from "../protocol/numbers.ts";
import type { Prices } from "../protocol/prices.ts";
import type { Signals } from "./ledger.ts";

/** What prices carry from epoch to epoch, as a bus. @twins circuits/lib/history.circom */
export function historySignals({ index, range, funding, fundingRest, ...prices }: Prices): Signals {
  const [last, payoffs] = vectorHashes([prices.last, prices.payoffs]);
  return { index, range, funding: toField(funding), fundingRest, last, payoffs };
}
