import type { ToldOtherwise } from "../../client/index.ts";

/** What page and thread of the prices say to each other. */

/** Prices as the venue told the page: the first names the venue as well. */
export interface CheckPrices {
  readonly url: string;
  /** answer of GET /v1/prices */
  readonly told: unknown;
  /** when the page asked for it, milliseconds since 1970 */
  readonly asked: number;
}

/** What came of the prices of an epoch. */
export interface PricesCheck {
  readonly epoch: string;
  readonly verdict: "good" | "bad" | "wait";
  readonly sentence: string;
  /** feeds whose reports made these prices, by number */
  readonly quorum: readonly number[];
  readonly otherwise: readonly ToldOtherwise[];
  /** of markets that have prices, by id, as the reports give them */
  readonly marks: readonly (readonly [market: string, mark: string])[];
}
